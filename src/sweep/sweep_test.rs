#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::scenario::Scenario;

#[test]
fn a_seed_is_one_scenario() {
    for profile in Profile::ALL {
        for seed in 0..20 {
            let drawn = scenario(seed, profile);
            assert_eq!(drawn, scenario(seed, profile));
            assert!(drawn.problems().is_empty(), "{} {seed}: {:?}", profile.name(), drawn.problems());
            let text = serde_json::to_string(&drawn).expect("it can be written");
            assert_eq!(Scenario::parse(&text).expect("it can be read"), drawn, "{} {seed}", profile.name());
        }
    }
}
