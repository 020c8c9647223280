//! The strip at the foot of the page: when how much of what happened.

use crate::base::{FrameKind, SimTime};
use crate::sim::Branch;
use crate::trace::{Entry, Event};
use crate::view::words::{Category, Names, category, title};

/// Where the entries of each row lie in time. Kept from one frame to the next: bringing it up
/// to date costs no more than the entries that are new.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimelineIndex {
    branch: Option<(String, u64)>,
    /// How many entries are in it, and the last of them.
    known: usize,
    last: Option<Entry>,
    rows: [Vec<(SimTime, u64)>; Category::ALL.len()],
}

/// The strip for one range of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    /// One for each row, in the order of [`Category::ALL`].
    pub rows: Vec<TimelineRow>,
    /// Faults by name.
    pub faults: Vec<FaultMark>,
}

/// A row of the strip.
#[derive(Clone, Debug, PartialEq)]
pub struct TimelineRow {
    /// Which.
    pub category: Category,
    /// Where something is, from the left.
    pub marks: Vec<Mark>,
}

/// Something happened here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Which bucket, from 0.
    pub x: u32,
    /// How many entries.
    pub count: u32,
    /// The first of them.
    pub seq: u64,
}

/// A fault and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultMark {
    /// Which bucket, from 0.
    pub x: u32,
    /// When.
    pub time: SimTime,
    /// Its entry.
    pub seq: u64,
    /// A few words.
    pub label: String,
}

/// At most so many faults are named.
const FAULTS_MAX: usize = 64;

impl TimelineIndex {
    /// Takes in what is new on the branch. Another branch, another run or a shorter trace is
    /// noticed and read from its beginning.
    pub fn update(&mut self, branch: &Branch) {
        let identity = (branch.name.as_str(), branch.forked_after);
        let is_same = self.branch.as_ref().is_some_and(|(name, after)| (name.as_str(), *after) == identity)
            && self.last.as_ref() == branch.entry(self.known as u64);
        if !is_same {
            *self = TimelineIndex {
                branch: Some((branch.name.clone(), branch.forked_after)),
                ..TimelineIndex::default()
            };
        }
        let trace = branch.trace();
        for entry in (self.known..trace.len()).filter_map(|index| trace.get(index)) {
            if let Some(row) = row_of(entry) {
                self.rows[row].push((entry.time, entry.seq));
            }
        }
        self.known = trace.len();
        self.last = trace.last().cloned();
    }

    /// How many entries are in it.
    pub fn entries(&self) -> u64 {
        self.known as u64
    }

    /// The strip from `from` to `to` in `width` buckets. Costs a few comparisons for each
    /// bucket, however much happened.
    pub fn timeline(
        &self,
        branch: &Branch,
        names: &Names,
        from: SimTime,
        to: SimTime,
        width: u32,
    ) -> Timeline {
        let scale = Scale { from, span: to.since(from), width };
        if scale.span == 0 || width == 0 {
            return Timeline::default();
        }
        let row = |category: &Category| TimelineRow {
            category: *category,
            marks: scale.marks(&self.rows[*category as usize]),
        };
        let faults = &self.rows[Category::Faults as usize];
        let seen = faults.partition_point(|(time, _)| *time < from)..faults.partition_point(|(t, _)| *t < to);
        let named = faults.get(seen).unwrap_or_default().iter().filter_map(|(time, seq)| {
            let entry = branch.entry(*seq)?;
            Some(FaultMark { x: scale.bucket(*time), time: *time, seq: *seq, label: title(entry, names) })
        });
        Timeline { rows: Category::ALL.iter().map(row).collect(), faults: named.take(FAULTS_MAX).collect() }
    }
}

/// The row for an entry: arrivals, timers and idle chatter are on none, for each request is
/// shown once. A frame that found nobody is no fault; one lost on its way is.
fn row_of(entry: &Entry) -> Option<usize> {
    match &entry.event {
        Event::Lost { to, .. } if *to != entry.node => return Some(Category::Faults as usize),
        Event::Received { .. }
        | Event::TimerFired { .. }
        | Event::ConnectionOpened { .. }
        | Event::ConnectionClosed { .. }
        | Event::FetchWaits { .. }
        | Event::Lost { .. } => return None,
        // That everything starts is no news.
        Event::NodeStarted if entry.cause == 0 => return None,
        Event::Sent { frame, .. } if frame.info.kind == FrameKind::Response => return None,
        _ => {}
    }
    Some(category(&entry.event) as usize)
}

struct Scale {
    from: SimTime,
    span: u64,
    width: u32,
}

impl Scale {
    fn bucket(&self, time: SimTime) -> u32 {
        let x = u128::from(time.since(self.from)) * u128::from(self.width) / u128::from(self.span);
        u32::try_from(x).unwrap_or(u32::MAX).min(self.width - 1)
    }

    /// The first moment of a bucket.
    fn start(&self, bucket: u32) -> SimTime {
        let width = u128::from(self.width);
        let us = (u128::from(bucket) * u128::from(self.span)).div_ceil(width);
        self.from + u64::try_from(us).unwrap_or(u64::MAX)
    }

    /// From mark to mark: empty buckets cost nothing.
    fn marks(&self, entries: &[(SimTime, u64)]) -> Vec<Mark> {
        let end = self.from + self.span;
        let mut rest = &entries[entries.partition_point(|(time, _)| *time < self.from)..];
        let mut marks = Vec::new();
        while let Some((time, seq)) = rest.first().copied().filter(|(time, _)| *time < end) {
            let x = self.bucket(time);
            let next = if x + 1 == self.width { end } else { self.start(x + 1) };
            let here = rest.partition_point(|(time, _)| *time < next).max(1);
            marks.push(Mark { x, count: u32::try_from(here).unwrap_or(u32::MAX), seq });
            rest = &rest[here..];
        }
        marks
    }
}
