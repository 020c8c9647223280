//! A small seeded generator (SplitMix64), ours so that no dependency's update can change a
//! lesson. Each link, disk and client draws from a stream of its own: adding a consumer
//! does not reshuffle the network.

use serde::{Deserialize, Serialize};

/// One stream of random numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rng {
    state: u64,
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Rng {
    /// The stream called `name` of the world with this seed.
    pub fn stream(seed: u64, name: &str) -> Rng {
        let mut state = mix(seed ^ 0x9e37_79b9_7f4a_7c15);
        for &byte in name.as_bytes() {
            state = mix(state ^ u64::from(byte)).wrapping_add(0x9e37_79b9_7f4a_7c15);
        }
        Rng { state }
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// A number from 0 up to but not including `bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // Multiply-shift: no division, and a bias below 2^-32 for the bounds used here.
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included; `low` when `high` is less.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low.saturating_add(self.below(high.saturating_sub(low).saturating_add(1)))
    }

    /// True `times` times out of `out_of`.
    pub fn chance(&mut self, times: u64, out_of: u64) -> bool {
        self.below(out_of) < times
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn the_numbers_never_change() {
        let mut rng = Rng::stream(1, "link 1-2");
        let drawn: Vec<u64> = (0..3).map(|_| rng.below(1_000)).collect();
        assert_eq!(drawn, [83, 210, 244]);
    }

    #[test]
    fn bounds_are_kept() {
        let mut rng = Rng::stream(7, "x");
        assert!((0..1_000).all(|_| rng.below(3) < 3));
        assert!((0..1_000).all(|_| (5..=9).contains(&rng.between(5, 9))));
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.between(4, 2), 4);
    }
}
