//! The history of one number, to be asked for any moment by a binary search.

use crate::base::SimTime;

/// A number at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Mark {
    time: SimTime,
    seq: u64,
    /// A gauge's value, a rate's sum so far, or a duration.
    value: i64,
}

/// One number's history, in order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Record {
    marks: Vec<Mark>,
}

impl Record {
    /// A gauge has this value from now on.
    pub(super) fn set(&mut self, time: SimTime, seq: u64, value: i64) {
        if self.marks.last().is_none_or(|last| last.value != value) {
            self.marks.push(Mark { time, seq, value });
        }
    }

    /// So much more was counted.
    pub(super) fn add(&mut self, time: SimTime, seq: u64, amount: i64) {
        let sum = self.marks.last().map_or(0, |last| last.value).saturating_add(amount);
        self.marks.push(Mark { time, seq, value: sum });
    }

    /// Something took so long.
    pub(super) fn sample(&mut self, time: SimTime, seq: u64, duration: i64) {
        self.marks.push(Mark { time, seq, value: duration });
    }

    /// How many marks there are up to a moment.
    fn up_to(&self, time: SimTime) -> usize {
        self.marks.partition_point(|mark| mark.time <= time)
    }

    fn before(&self, place: usize) -> Option<&Mark> {
        self.marks.get(place.checked_sub(1)?)
    }

    /// A gauge's value then.
    pub(super) fn at(&self, time: SimTime) -> Option<i64> {
        self.before(self.up_to(time)).map(|mark| mark.value)
    }

    /// What was counted in the window that ends then.
    pub(super) fn sum(&self, time: SimTime, window: u64) -> i64 {
        let sum = |place| self.before(place).map_or(0, |mark| mark.value);
        sum(self.up_to(time)) - if time.0 < window { 0 } else { sum(self.up_to(SimTime(time.0 - window))) }
    }

    /// The duration that so many percent of those in the window do not exceed.
    pub(super) fn percentile(&self, time: SimTime, window: u64, percent: u64) -> Option<i64> {
        let from = if time.0 < window { 0 } else { self.up_to(SimTime(time.0 - window)) };
        let mut values: Vec<i64> =
            self.marks.get(from..self.up_to(time))?.iter().map(|mark| mark.value).collect();
        let rank = (values.len() as u64 * percent).div_ceil(100).max(1) as usize - 1;
        if rank >= values.len() {
            return None;
        }
        Some(*values.select_nth_unstable(rank).1)
    }

    /// A gauge's last change before a moment: when, which entry, from and to what.
    pub(super) fn change(&self, time: SimTime) -> Option<(SimTime, u64, i64, i64)> {
        let place = self.up_to(time);
        let (before, after) = (self.before(place.checked_sub(1)?)?, self.before(place)?);
        Some((after.time, after.seq, before.value, after.value))
    }

    /// The last entry that counted up to a moment.
    pub(super) fn last_seq(&self, time: SimTime) -> Option<u64> {
        self.before(self.up_to(time)).map(|mark| mark.seq)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn a_gauge_changes_when_it_does() {
        let mut gauge = Record::default();
        for (time, value) in [(1, 0), (5, 2), (6, 2), (9, 1)] {
            gauge.set(SimTime(time), time, value);
        }
        assert_eq!(
            [0, 1, 5, 8, 9].map(|time| gauge.at(SimTime(time))),
            [None, Some(0), Some(2), Some(2), Some(1)]
        );
        assert_eq!(gauge.change(SimTime(8)), Some((SimTime(5), 5, 0, 2)));
        assert_eq!(gauge.change(SimTime(4)), None);
    }

    #[test]
    fn a_rate_counts_what_is_in_its_window() {
        let mut rate = Record::default();
        for time in [10, 20, 30] {
            rate.add(SimTime(time), time, 2);
        }
        assert_eq!(
            [9, 10, 20, 29, 30, 40, 99].map(|time| rate.sum(SimTime(time), 20)),
            [0, 2, 4, 4, 4, 2, 0]
        );
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let mut times = Record::default();
        for time in 1..=100 {
            times.sample(SimTime(time), time, 101 - time as i64);
        }
        let of = |percent| times.percentile(SimTime(100), 100, percent);
        assert_eq!([50, 99, 100].map(of), [Some(50), Some(99), Some(100)]);
        assert_eq!(times.percentile(SimTime(100), 1, 50), Some(1));
        assert_eq!(times.percentile(SimTime(0), 1, 50), None);
    }
}
