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
    ("hello", "776c5ff89d2d2929"),
    ("rider-updates", "156b84ddc3015615"),
    ("write-intensive", "b638f2f6cec7ce71"),
    ("write-intensive-unbatched", "195c56ac371123ba"),
    ("leader-dies", "d33f91d103aada76"),
    ("leader-dies-acks-1", "09ff2df3011a25a9"),
    ("slow-follower", "e5142f979f426bf3"),
    ("group-of-three", "0da7d33e7bb0c0fa"),
    ("power-loss", "7324816af127c4bd"),
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
