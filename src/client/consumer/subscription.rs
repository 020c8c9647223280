//! What a consumer knows of the partitions that it owns.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::{Map, SimTime};
use crate::protocol::TopicPartition;

/// A record as the application gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerRecord {
    /// Its offset.
    pub offset: i64,
    /// Leader epoch of its batch.
    pub leader_epoch: i32,
    /// Its timestamp in milliseconds.
    pub timestamp_ms: i64,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Option<Bytes>,
}

/// Where a consumer stands: the next record, and the epoch of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The offset of the next record.
    pub offset: i64,
    /// Leader epoch of the record before it, −1 if unknown.
    pub leader_epoch: i32,
}

/// What a fetch brought and no poll has returned yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Buffered {
    records: Arc<Vec<ConsumerRecord>>,
    next: u32,
    /// Where to go on when all is taken.
    end: i64,
}

impl Buffered {
    pub(super) fn new(records: Vec<ConsumerRecord>, end: i64) -> Self {
        Buffered { records: Arc::new(records), next: 0, end }
    }

    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.records.len()).unwrap_or(u32::MAX).saturating_sub(self.next)
    }
}

/// What has a position found when nobody else does.
pub(super) const AUTO_OFFSET_RESET: &str = "auto.offset.reset";

/// How a position is to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seeking {
    /// By what the group has committed.
    Committed,
    /// At the beginning of the log.
    Beginning,
    /// At its end.
    End,
    /// At the first record that is not older; at the end if there is none. Milliseconds since 1970.
    Time(i64),
}

impl Seeking {
    /// The timestamp that ListOffsets has for it.
    pub(super) fn timestamp(self) -> Option<i64> {
        match self {
            Seeking::Committed => None,
            Seeking::Beginning => Some(-2),
            Seeking::End => Some(-1),
            Seeking::Time(timestamp) => Some(timestamp.max(0)),
        }
    }
}

/// A follower that the leader wants a consumer to read from (KIP-392).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReadReplica {
    /// Node id.
    pub(super) node: i32,
    /// The leader that said so had this epoch: another one has to be asked anew.
    pub(super) leader_epoch: i32,
    /// From then on the leader is asked anew (`metadata.max.age.ms`).
    pub(super) until: SimTime,
}

impl ReadReplica {
    /// Whether that holds for a leader of this epoch, now.
    pub(super) fn serves(self, leader_epoch: i32, now: SimTime) -> bool {
        self.leader_epoch == leader_epoch && now < self.until
    }
}

/// A partition that the consumer owns.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnedPartition {
    /// The next record that `poll()` will return; `None` while it is being found.
    pub position: Option<Position>,
    /// How the position is being found.
    pub seeking: Option<Seeking>,
    /// What has it found so: `auto.offset.reset`, or the application's call.
    pub(super) sought_by: &'static str,
    /// The next record to process: behind `position` while a poll's records are worked off.
    pub consumed: Option<Position>,
    /// What the consumer believes is committed; `None` if nothing is or it has not asked.
    pub committed: Option<i64>,
    /// High watermark as the last fetch told it; −1 before.
    pub high_watermark: i64,
    /// `pause()` was called.
    pub paused: bool,
    /// It is about to be revoked: polls return nothing more of it.
    pub revoking: bool,
    pub(super) buffered: Buffered,
    pub(super) fetching: bool,
    /// Epoch of the leader that last confirmed the log before the position; −1: none has.
    pub(super) validated_epoch: i32,
    pub(super) read_replica: Option<ReadReplica>,
    pub(super) failures: u32,
    /// No request about the partition before.
    pub(super) not_before: SimTime,
}

impl OwnedPartition {
    pub(super) fn new(seeking: Seeking) -> Self {
        OwnedPartition {
            position: None,
            seeking: Some(seeking),
            sought_by: AUTO_OFFSET_RESET,
            consumed: None,
            committed: None,
            high_watermark: -1,
            paused: false,
            revoking: false,
            buffered: Buffered::default(),
            fetching: false,
            validated_epoch: -1,
            read_replica: None,
            failures: 0,
            not_before: SimTime::ZERO,
        }
    }

    /// How many records the position is behind the high watermark (`records-lag`); `None` before
    /// a fetch has told.
    pub fn lag(&self) -> Option<u64> {
        let position = self.position.filter(|_| self.high_watermark >= 0)?;
        Some(u64::try_from(self.high_watermark - position.offset).unwrap_or(0))
    }

    /// Records that are here but no poll has returned yet.
    pub fn buffered_records(&self) -> u32 {
        self.buffered.len()
    }

    pub(super) fn seek(&mut self, position: Position) {
        self.position = Some(position);
        self.consumed = Some(position);
        self.seeking = None;
        self.validated_epoch = -1;
        self.buffered = Buffered::default();
    }

    pub(super) fn search(&mut self, seeking: Seeking, by: &'static str) {
        self.position = None;
        self.seeking = Some(seeking);
        self.sought_by = by;
        self.buffered = Buffered::default();
    }

    /// Takes at most `max` records out of the buffer; the position goes with them.
    pub(super) fn take(&mut self, max: u32) -> Vec<ConsumerRecord> {
        if self.paused || self.revoking || self.position.is_none() {
            return Vec::new();
        }
        let from = self.buffered.next as usize;
        let count = self.buffered.len().min(max);
        let taken = self.buffered.records.get(from..from + count as usize).unwrap_or_default().to_vec();
        self.buffered.next += count;
        if let Some(last) = taken.last() {
            self.position = Some(Position { offset: last.offset + 1, leader_epoch: last.leader_epoch });
        }
        self.skip_to_end();
        taken
    }

    /// What follows the last buffered record may be control batches, which nobody is given.
    pub(super) fn skip_to_end(&mut self) {
        if self.buffered.len() > 0 {
            return;
        }
        let end = self.buffered.end;
        if let Some(position) = self.position.as_mut().filter(|position| position.offset < end) {
            position.offset = end;
        }
        self.buffered = Buffered::default();
    }
}

/// The partitions that the consumer owns.
pub(super) type Owned = Map<TopicPartition, OwnedPartition>;
