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
    ("hello", "0b34540788d958a9"),
    ("rider-updates", "f52ca24c774c1778"),
    ("write-intensive", "732dd90d9f1e92d9"),
    ("write-intensive-unbatched", "5e83fbcb0057293e"),
    ("leader-dies", "db4137a6be4fdb2a"),
    ("leader-dies-acks-1", "679ccea849fa5e4d"),
    ("slow-follower", "8fd3e82226665a53"),
    ("group-of-three", "dc33f6a9f8013999"),
    ("power-loss", "a865f995a1d8329a"),
    ("scale-out", "06b1e885dc7feb29"),
    ("scale-in", "670d1b1fe0231f39"),
    ("rolling-restart", "8b4d8f19e09bc158"),
    ("rolling-restart-static", "71e80f5386f6d455"),
    ("crash", "8aa00b3c535500c2"),
    ("slow-handler", "1d7768ce711d39d5"),
    ("deploy-doubles", "d48abbfbf15bb2ea"),
    ("more-members", "3a728afde605f194"),
    ("unequal-subscriptions", "c5b9915b0372685d"),
    ("partitions-added", "7160c3431af5d316"),
    ("coordinator-dies", "7733679def0a2d22"),
    ("rebalance-storm", "865a19a051fe6b2c"),
    ("migration", "28f3bb555d8329e7"),
    ("controller-dies", "a62e5e9091f7ac18"),
    ("combined-mode", "d741055b6cfd1f19"),
    ("queue-or-log", "ae6871c0e7bccabe"),
    ("two-of-three-die", "1991edcb5988f318"),
    ("longer-log", "51245026021faeb0"),
    ("split-network", "d360a54bfc227394"),
    ("zombie-leader", "fd998931cac65597"),
    ("rolling-upgrade", "e817d7c66b4c6d7c"),
    ("disk-fills", "5173c0d30df58469"),
    ("wrong-clock", "de3aeb516f0c1161"),
    ("broker-added", "11589f8c42ae3384"),
    ("rack-lost", "e5b3810a4f39cc9d"),
    ("power-loss-flushed", "080b55fbf743fc9f"),
    ("truncation-before-kip-101", "ea754565d2b24465"),
    ("unclean-election", "f30e20049d16b13e"),
    ("retries-reorder", "eda88d9cb5ad1e99"),
    ("nearest-replica", "1c6df15e06650c69"),
    ("throttled-catch-up", "c140a62f0747e438"),
    ("quota-delays", "834606f757ce2e61"),
    ("zookeeper-broker-dies", "cca529918566e739"),
    ("zookeeper-controller-dies", "076e840028dcedac"),
    ("zookeeper-or-kraft", "f55d400f77fbad18"),
    ("last-replica", "353ca9ddf38deb7c"),
    ("last-replica-before-kip-966", "059b75bfa74b2c86"),
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
