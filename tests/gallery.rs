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
    ("hello", "ae89d340db29f64d"),
    ("rider-updates", "c797967372509ba6"),
    ("write-intensive", "ec4b6d27f0ef25f3"),
    ("write-intensive-unbatched", "ed6af8e6be1edb84"),
    ("leader-dies", "ee668293ec93d119"),
    ("leader-dies-acks-1", "51784bb4cf668c9d"),
    ("slow-follower", "3039edd9f298c5ee"),
    ("group-of-three", "4d64b92c988ecdea"),
    ("power-loss", "55e3a584d0b7be3d"),
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
