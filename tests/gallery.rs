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
    ("hello", "4cd8b5f3fcf99cf5"),
    ("rider-updates", "98ea5aa235310b45"),
    ("write-intensive", "18eef43978327034"),
    ("write-intensive-unbatched", "d911d222250a318b"),
    ("leader-dies", "9693e1fa1f456a91"),
    ("leader-dies-acks-1", "c5ed77633a69e6be"),
    ("slow-follower", "4f5fde54810343f4"),
    ("group-of-three", "9338c5dc79df37bc"),
    ("power-loss", "fea6b3888ee68238"),
    ("scale-out", "6c94c1d71e198eb1"),
    ("scale-in", "7a8eff34b94f414b"),
    ("rolling-restart", "e0022f72b0e7424c"),
    ("rolling-restart-static", "d1b8fa1fa1ad14d5"),
    ("crash", "a981e1321413d4fb"),
    ("slow-handler", "b9caf52b56e84d56"),
    ("deploy-doubles", "cec20f98580c71d5"),
    ("more-members", "1a38e621789c9962"),
    ("unequal-subscriptions", "a90513e99131f165"),
    ("partitions-added", "3d889540ef0dfba4"),
    ("coordinator-dies", "bbdf4a39a5565535"),
    ("rebalance-storm", "b2c60aae7a089e2a"),
    ("migration", "96280cb127e439ae"),
    ("controller-dies", "ae97c26d4a70591e"),
    ("combined-mode", "b28451d6cf4b0a87"),
    ("queue-or-log", "d09c0006f2995c3f"),
    ("two-of-three-die", "9e3b8a29aee692a3"),
    ("longer-log", "c59e91900b6bb99a"),
    ("split-network", "077c70fe842ec988"),
    ("zombie-leader", "7481799f4ef489df"),
    ("rolling-upgrade", "a84210c4d4e5c19a"),
    ("disk-fills", "784212439a3c38c3"),
    ("wrong-clock", "90cf48dfece68e56"),
    ("broker-added", "e68520e2a1730897"),
    ("rack-lost", "e78d3f96d64312de"),
    ("power-loss-flushed", "09de158372c9be41"),
    ("truncation-before-kip-101", "9e6eb05758f949b1"),
    ("unclean-election", "02a7511dfbf750cc"),
    ("retries-reorder", "a57b24842babd84b"),
    ("nearest-replica", "3be4cb0575eeefc6"),
    ("throttled-catch-up", "58da770ae9e33345"),
    ("quota-delays", "d5de9b5a340609ad"),
    ("zookeeper-broker-dies", "cca529918566e739"),
    ("zookeeper-controller-dies", "076e840028dcedac"),
    ("zookeeper-or-kraft", "a04a2fbe72ba413d"),
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
