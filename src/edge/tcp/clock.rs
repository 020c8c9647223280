//! The world's time as the wall clock has it.

use std::time::Duration;

use tokio::time::Instant;

use crate::base::SimTime;

/// Goes on by itself, at some speed; can be put on.
#[derive(Debug)]
pub(super) struct Clock {
    since: Instant,
    base: SimTime,
    speed: f64,
}

impl Clock {
    /// A clock that shows `base` now.
    pub(super) fn new(base: SimTime, speed: f64) -> Clock {
        Clock { since: Instant::now(), base, speed }
    }

    /// The world's time.
    pub(super) fn now(&self) -> SimTime {
        self.base + (self.since.elapsed().as_micros() as f64 * self.speed) as u64
    }

    /// Puts the clock on.
    pub(super) fn skip(&mut self, us: u64) {
        self.base = self.base + us;
    }

    /// Shows `time` now.
    pub(super) fn set(&mut self, time: SimTime) {
        (self.since, self.base) = (Instant::now(), time);
    }

    /// How far the world may go ahead of the clock: a millisecond of the wall's time, which is
    /// as finely as one can sleep, and never more than one of the world's.
    pub(super) fn lookahead_us(&self) -> u64 {
        ((1_000.0 * self.speed) as u64).clamp(5, 1_000)
    }

    /// How long until the clock shows `time`.
    pub(super) fn until(&self, time: SimTime) -> Duration {
        Duration::from_micros((time.since(self.now()) as f64 / self.speed) as u64)
    }
}
