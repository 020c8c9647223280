//! Virtual time: microseconds since the world began.

use std::fmt;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// A moment in the world, in microseconds since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SimTime(pub u64);

impl SimTime {
    /// The beginning of the world.
    pub const ZERO: SimTime = SimTime(0);
    /// Later than anything that happens.
    pub const MAX: SimTime = SimTime(u64::MAX);

    /// The moment in milliseconds since 1970, as record timestamps have it.
    pub fn unix_ms(self) -> i64 {
        EPOCH_MS + (self.as_ms() as i64)
    }

    /// Whole milliseconds since the world began, rounded down.
    pub fn as_ms(self) -> u64 {
        self.0 / 1_000
    }

    /// Microseconds from `earlier` to `self`; zero when `earlier` is later.
    pub fn since(self, earlier: SimTime) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// What the world's clocks show when it begins: 2026-01-01T00:00:00Z, in milliseconds since
/// 1970. Record timestamps are this plus the world's time.
pub const EPOCH_MS: i64 = 1_767_225_600_000;

/// Microseconds in `n` milliseconds.
pub const fn ms(n: u64) -> u64 {
    n.saturating_mul(1_000)
}

/// Microseconds in `n` seconds.
pub const fn seconds(n: u64) -> u64 {
    n.saturating_mul(1_000_000)
}

impl Add<u64> for SimTime {
    type Output = SimTime;
    /// `self` plus microseconds, never past [`SimTime::MAX`].
    fn add(self, us: u64) -> SimTime {
        SimTime(self.0.saturating_add(us))
    }
}

impl Sub<u64> for SimTime {
    type Output = SimTime;
    fn sub(self, us: u64) -> SimTime {
        SimTime(self.0.saturating_sub(us))
    }
}

/// `mm:ss.mmm`, as the page shows it.
impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.as_ms();
        write!(f, "{:02}:{:02}.{:03}", ms / 60_000, ms / 1_000 % 60, ms % 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn prints_as_a_clock() {
        assert_eq!(SimTime(4_212_999).to_string(), "00:04.212");
        assert_eq!(SimTime(seconds(3_661)).to_string(), "61:01.000");
    }

    #[test]
    fn never_wraps() {
        assert_eq!(SimTime::MAX + 1, SimTime::MAX);
        assert_eq!(SimTime::ZERO - 1, SimTime::ZERO);
    }
}
