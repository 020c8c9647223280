//! What a leader knows of those who copy its log.

use crate::base::{Map, Set, SimTime, ms};
use crate::controller::ControllerConfig;

/// How far somebody has copied the log.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    /// It has everything before, on its disk; −1 when it has not fetched.
    pub(crate) end_offset: i64,
    /// When it fetched last.
    pub(crate) fetched: Option<SimTime>,
    /// When it had everything last.
    pub(crate) caught_up: Option<SimTime>,
}

/// A leader's part of the state.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Leadership {
    /// Offset of the record that begins the epoch.
    start_offset: i64,
    voters: Map<i32, Progress>,
    /// Voters that may not know who leads.
    untold: Set<i32>,
    remind_at: SimTime,
    /// Voters that have fetched since the majority was last seen.
    heard: Set<i32>,
    heard_until: SimTime,
}

impl Leadership {
    /// An epoch begins at the log's end; `others` are the other voters.
    pub(crate) fn new(
        start_offset: i64,
        others: impl Iterator<Item = i32>,
        now: SimTime,
        config: &ControllerConfig,
    ) -> Leadership {
        let nothing = Progress { end_offset: -1, ..Progress::default() };
        let voters: Map<i32, Progress> = others.map(|id| (id, nothing)).collect();
        let untold = voters.keys().copied().collect();
        Leadership {
            start_offset,
            untold,
            voters,
            remind_at: now + remind_every(config),
            heard: Set::new(),
            heard_until: now + check_quorum_timeout(config),
        }
    }

    pub(crate) fn voters(&self) -> &Map<i32, Progress> {
        &self.voters
    }

    pub(crate) fn untold(&self) -> &Set<i32> {
        &self.untold
    }

    /// A voter knows who leads.
    pub(crate) fn told(&mut self, voter: i32) {
        self.untold.remove(&voter);
    }

    /// A voter fetches from `offset` on: it has everything before.
    pub(crate) fn fetched(
        &mut self,
        voter: i32,
        offset: i64,
        log_end: i64,
        now: SimTime,
        config: &ControllerConfig,
    ) {
        let Some(progress) = self.voters.get_mut(&voter) else { return };
        progress.end_offset = offset;
        progress.fetched = Some(now);
        if offset >= log_end {
            progress.caught_up = Some(now);
        }
        self.untold.remove(&voter);
        self.heard.insert(voter);
        // With itself, that is a majority.
        if self.heard.iter().count() >= self.voters.len().div_ceil(2) {
            self.heard.clear();
            self.heard_until = now + check_quorum_timeout(config);
        }
    }

    /// How far a majority has the log, if that reaches into this epoch: only then what is before is
    /// safe as well. `own` is how far this node's disk has it.
    pub(crate) fn committed(&self, own: i64) -> Option<i64> {
        let mut ends: Vec<i64> = self.voters.values().map(|progress| progress.end_offset).collect();
        ends.push(own);
        ends.sort_unstable_by(|a, b| b.cmp(a));
        ends.get(ends.len() / 2).copied().filter(|end| *end > self.start_offset)
    }

    /// The other voters, those with the longest logs first.
    pub(crate) fn by_offset(&self) -> Vec<i32> {
        let mut ids: Vec<(i64, i32)> =
            self.voters.iter().map(|(id, progress)| (-progress.end_offset, *id)).collect();
        ids.sort_unstable();
        ids.into_iter().map(|(_, id)| id).collect()
    }

    pub(crate) fn deadline(&self) -> SimTime {
        if self.voters.is_empty() { SimTime(u64::MAX) } else { self.remind_at.min(self.heard_until) }
    }

    pub(crate) fn has_lost_majority(&self, now: SimTime) -> bool {
        now >= self.heard_until
    }

    /// Those who have been silent for long are told again who leads.
    pub(crate) fn remind(&mut self, now: SimTime, config: &ControllerConfig) {
        let every = remind_every(config);
        let silent = |progress: &Progress| progress.fetched.is_none_or(|then| now.since(then) >= every);
        self.untold.extend(self.voters.iter().filter(|(_, progress)| silent(progress)).map(|(id, _)| *id));
        self.remind_at = now + every;
    }
}

fn remind_every(config: &ControllerConfig) -> u64 {
    ms(u64::from(config.quorum_fetch_timeout_ms.max(1))).div_ceil(2)
}

/// `fetch.timeout` and half of it: a majority that is only late is given time.
fn check_quorum_timeout(config: &ControllerConfig) -> u64 {
    let timeout = ms(u64::from(config.quorum_fetch_timeout_ms.max(1)));
    timeout + timeout / 2
}
