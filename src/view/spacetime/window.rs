//! Which part of the time is looked at.

use crate::base::SimTime;

/// The narrowest that is of use, in microseconds.
const SPAN_MIN_US: f64 = 50.0;

/// A part of the time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Its left end, in microseconds since the world began.
    pub from_us: f64,
    /// Its length, in microseconds.
    pub span_us: f64,
}

impl Window {
    /// The window of this length with `time` at `place` (0: the left end, 1: the right end).
    pub fn around(time: SimTime, place: f64, span_us: f64) -> Window {
        Window { from_us: time.0 as f64 - place * span_us, span_us }
    }

    /// Shorter by `factor` (longer when it is below 1); what is at `place` stays there.
    pub fn zoomed(self, place: f64, factor: f64, end: SimTime) -> Window {
        let at = self.from_us + place * self.span_us;
        let span_us = (self.span_us / factor).clamp(SPAN_MIN_US, span_max(end));
        Window { from_us: at - place * span_us, span_us }.within(end)
    }

    /// Later by this part of its length.
    pub fn panned(self, part: f64, end: SimTime) -> Window {
        Window { from_us: self.from_us + part * self.span_us, ..self }.within(end)
    }

    /// All that was played.
    pub fn whole(end: SimTime) -> Window {
        Window { from_us: -0.01 * end.0 as f64, span_us: (end.0 as f64 * 1.04).max(1_000.0) }
    }

    /// Moved as little as needed to have some of what was played in it.
    pub fn within(self, end: SimTime) -> Window {
        let span_us = self.span_us.clamp(SPAN_MIN_US, span_max(end));
        let last = (end.0 as f64 - span_us * 0.3).max(-0.02 * span_us);
        Window { from_us: self.from_us.max(-0.1 * span_us).min(last), span_us }
    }

    /// Moved so that `time` is in it, at `place` if it was not.
    pub fn with(self, time: SimTime, place: f64) -> Window {
        let at = self.place(time);
        if (0.02..=0.9).contains(&at) { self } else { Window::around(time, place, self.span_us) }
    }

    /// Where a moment is: 0 at the left end, 1 at the right.
    pub fn place(self, time: SimTime) -> f64 {
        (time.0 as f64 - self.from_us) / self.span_us
    }

    /// The moment there.
    pub fn time(self, place: f64) -> SimTime {
        // Saturates; before the beginning is the beginning.
        SimTime((self.from_us + place * self.span_us) as u64)
    }

    /// Its ends, as moments.
    pub fn ends(self) -> (SimTime, SimTime) {
        (self.time(0.0), self.time(1.0))
    }
}

fn span_max(end: SimTime) -> f64 {
    (end.0 as f64 * 1.5).max(10_000_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const END: SimTime = SimTime(60_000_000);

    #[test]
    fn zooming_keeps_what_is_under_the_pointer() {
        let window = Window { from_us: 10_000_000.0, span_us: 1_000_000.0 };
        let at = window.time(0.25);
        let near = window.zoomed(0.25, 8.0, END);
        assert_eq!(near.span_us, 125_000.0);
        assert_eq!(near.time(0.25), at);
        assert_eq!(near.zoomed(0.25, 0.125, END), window);
    }

    #[test]
    fn nobody_gets_lost() {
        let window = Window { from_us: 0.0, span_us: 1_000_000.0 };
        let far = window.panned(1e9, END);
        assert!(far.ends().0 < END, "{far:?}");
        let before = window.panned(-1e9, END);
        assert!(before.ends().1 > SimTime::ZERO, "{before:?}");
        assert_eq!(window.zoomed(0.5, 1e12, END).span_us, SPAN_MIN_US);
        assert_eq!(window.zoomed(0.5, 1e-12, END).span_us, 90_000_000.0);
    }

    #[test]
    fn what_is_seen_already_does_not_move_the_window() {
        let window = Window { from_us: 0.0, span_us: 1_000.0 };
        assert_eq!(window.with(SimTime(500), 0.7), window);
        assert_eq!(window.with(SimTime(5_000), 0.7).place(SimTime(5_000)), 0.7);
    }
}
