//! Exponential back-off with jitter, as Kafka's clients wait between attempts
//! ([KIP-144](https://cwiki.apache.org/confluence/x/CQ1RB), KIP-580): the base doubles with
//! every failure up to a maximum, then each wait is varied by up to 20 % either way.

use crate::base::{Rng, ms};

/// How long to wait after how many failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Wait after the first failure, in milliseconds.
    pub base_ms: u64,
    /// No wait is longer than this (before jitter), in milliseconds.
    pub max_ms: u64,
}

impl Backoff {
    /// Microseconds to wait after `failures` failures in a row; nothing after none.
    pub fn after(self, failures: u32, rng: &mut Rng) -> u64 {
        if failures == 0 || self.base_ms == 0 {
            return 0;
        }
        let doubled = self.base_ms.saturating_mul(1_u64 << (failures - 1).min(32));
        let wait_us = ms(doubled.min(self.max_ms.max(self.base_ms)));
        let spread = wait_us / 5;
        rng.between(wait_us - spread, wait_us.saturating_add(spread))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn doubles_up_to_the_maximum_and_varies_by_a_fifth() {
        let mut rng = Rng::stream(1, "backoff");
        let backoff = Backoff { base_ms: 100, max_ms: 1_000 };
        assert_eq!(backoff.after(0, &mut rng), 0);
        for (failures, expected) in [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1_000), (4_000, 1_000)] {
            let wait = backoff.after(failures, &mut rng);
            assert!((ms(expected) * 4 / 5..=ms(expected) * 6 / 5).contains(&wait), "{failures}: {wait}");
        }
    }

    #[test]
    fn no_configuration_overflows() {
        let mut rng = Rng::stream(1, "backoff");
        assert!(Backoff { base_ms: u64::MAX, max_ms: u64::MAX }.after(u32::MAX, &mut rng) > 0);
    }
}
