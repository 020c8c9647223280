//! Every scenario of the gallery gives the same digest on every platform, today and after a
//! dependency's update. A change of the engine changes them: the failing test
//! prints the new ones, and the commit says why.

use std::sync::Arc;

use terrarium::base::SimTime;
use terrarium::scenario::{Files, GALLERY, gallery};
use terrarium::sim::World;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Scenario, and its digest after ten seconds.
const DIGESTS: &[(&str, &str)] = &[
    ("hello", "41e39645b4635665"),
    ("rider-updates", "a1bb9a0d29510837"),
    ("write-intensive", "73a379aaca6854c8"),
    ("write-intensive-unbatched", "d5f12c29687133c0"),
    ("leader-dies", "5f7190887faf4ed5"),
    ("leader-dies-acks-1", "86e5d987cd82002e"),
    ("slow-follower", "6e9a7e4c39a74699"),
    ("group-of-three", "a58bf817b8a91728"),
    ("power-loss", "7cb0add991d97bac"),
    ("scale-out", "da3c6cb9ec87b308"),
    ("scale-in", "ab3ee7486b0bd0c8"),
    ("rolling-restart", "5db7876b567748ce"),
    ("rolling-restart-static", "3b94947190f1af7b"),
    ("crash", "38b3742c8fa647ff"),
    ("slow-handler", "8cd65860e7d656e2"),
    ("deploy-doubles", "4eeb2d62491a15a0"),
    ("more-members", "cb78a85d97f362a8"),
    ("unequal-subscriptions", "b3f58847f9edad12"),
    ("partitions-added", "f50906538d678205"),
    ("coordinator-dies", "1d4aee25d25927a8"),
    ("rebalance-storm", "b16ba19a8f0493b1"),
    ("migration", "a1edfeada0c5ecec"),
    ("controller-dies", "32a604161f70791f"),
];

fn digest_of(id: &str) -> String {
    let scenario = gallery(id).expect("it is in the gallery").expect("it reads");
    let setup = scenario.build(None, &Files::new()).expect("it builds");
    let mut world = World::new(Arc::new(setup));
    let mut trace = Vec::new();
    while world.next_at().is_some_and(|at| at <= SimTime(10_000_000)) && world.step(&mut trace) {
        trace.clear();
    }
    world.digest().to_string()
}

#[test]
fn the_gallery_plays_as_it_always_did() {
    let found: Vec<(&str, String)> = GALLERY.iter().map(|(id, _)| (*id, digest_of(id))).collect();
    let known: Vec<(&str, String)> = DIGESTS.iter().map(|(id, digest)| (*id, (*digest).to_owned())).collect();
    let lines: String = found.iter().map(|(id, digest)| format!("    (\"{id}\", \"{digest}\"),\n")).collect();
    assert_eq!(found, known, "\n{lines}");
}
