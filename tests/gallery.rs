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
    ("hello", "9f368279943f0444"),
    ("rider-updates", "ea4492d9ecf5498a"),
    ("write-intensive", "960da2caf5b5a3c0"),
    ("write-intensive-unbatched", "48007ce65ae42811"),
    ("leader-dies", "3c554bff09bdb404"),
    ("leader-dies-acks-1", "cf299755f4296dd0"),
    ("slow-follower", "732d032ec894677e"),
    ("group-of-three", "8c2b327db334c1da"),
    ("power-loss", "ce281c0935ba00b8"),
    ("scale-out", "802e098517fb3508"),
    ("scale-in", "67fb842da2c03c89"),
    ("rolling-restart", "a4394a438db70797"),
    ("rolling-restart-static", "800c7b64ed869e95"),
    ("crash", "e4c87193b495a4b2"),
    ("slow-handler", "c884d3c558348230"),
    ("deploy-doubles", "22e5da10ffda5933"),
    ("more-members", "55010c0887fac491"),
    ("unequal-subscriptions", "9f627bd0e41beddc"),
    ("partitions-added", "d6b39af383a9ffb4"),
    ("coordinator-dies", "7ca51be5b3a10ddb"),
    ("rebalance-storm", "2f72e0a85939d007"),
    ("migration", "993b2e3ea341f6ed"),
    ("controller-dies", "bc7f3745756d7fa5"),
    ("queue-or-log", "770b2d2037e9a4da"),
    ("two-of-three-die", "5adf6801a33130eb"),
    ("longer-log", "469d2dc64f7a2b79"),
    ("split-network", "6e87492e353fd585"),
    ("zombie-leader", "630807ffb1e6bb8c"),
    ("rolling-upgrade", "1596d89094700adb"),
    ("disk-fills", "3aca250be8711f58"),
    ("wrong-clock", "53b834d12b74bede"),
    ("broker-added", "2c485826c441b768"),
    ("truncation-before-kip-101", "b8465c276c26c83c"),
    ("unclean-election", "9ef72232570a6c81"),
    ("retries-reorder", "76fcf676bf3ae4be"),
    ("nearest-replica", "daf588d4f724f5cf"),
    ("throttled-catch-up", "ca2ba4e9cf9bb277"),
    ("hello", "ccd7379e0dbbeac2"),
    ("rider-updates", "94cadb513f7b16d9"),
    ("write-intensive", "ec884c5ef07ebb8d"),
    ("write-intensive-unbatched", "2e7a38109604db9d"),
    ("leader-dies", "b34479a3f0c5fc15"),
    ("leader-dies-acks-1", "9dc06c117b147f06"),
    ("slow-follower", "1e396d65b4b23d24"),
    ("group-of-three", "882ee80dc31d3e2f"),
    ("power-loss", "5c7839d89df720e8"),
    ("scale-out", "7ff697c9a05d2df1"),
    ("scale-in", "dc180bb670d54129"),
    ("rolling-restart", "7c774e544fca2e8d"),
    ("rolling-restart-static", "802469f1f2569c0b"),
    ("crash", "374510233167826d"),
    ("slow-handler", "8fa19998469a12d9"),
    ("deploy-doubles", "26180479734680b0"),
    ("more-members", "5216c94847ff36c9"),
    ("unequal-subscriptions", "57fa567354dcbba6"),
    ("partitions-added", "8e95fc71a101bc5b"),
    ("coordinator-dies", "e92dc0a82e109c4e"),
    ("rebalance-storm", "071a3ee41e346671"),
    ("migration", "e622adf92cff5ce5"),
    ("controller-dies", "02eee7c403975e2c"),
    ("queue-or-log", "3d03909dfd460c67"),
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
