//! A partition's log: the segments, where it begins and ends, and how far it is committed.
//!
//! Decides nothing about replication: the high watermark is told, and so is the leader epoch.
//! Rule: Kafka documentation, *Design › Log Compaction* and *Implementation › Log*.

mod append;
mod clean;
mod disk;
mod read;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::protocol::TopicPartition;

pub use append::{AppendOrigin, LogAppendInfo};
pub use clean::{Cleanable, CleanedInfo};
pub use disk::{CorruptBatch, RecoveryInfo};
pub use read::{FetchDataInfo, FetchIsolation};

use super::{LeaderEpochFileCache, LogConfig, LogError, LogSegment, ProducerStateManager};

/// The log of one partition on one broker. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct UnifiedLog {
    topic_partition: TopicPartition,
    config: Arc<LogConfig>,
    /// Never empty; the last one is active.
    segments: Vec<Arc<LogSegment>>,
    log_start_offset: i64,
    high_watermark: i64,
    /// Below this offset the log is compacted: what Kafka keeps in `cleaner-offset-checkpoint`.
    cleaned_to: i64,
    epochs: LeaderEpochFileCache,
    producers: ProducerStateManager,
    /// Bytes ever written; never goes back.
    written: u64,
    /// How much of them is durable.
    flushed: u64,
    /// Half a batch that a power loss left at the end.
    torn_tail: Bytes,
    needs_recovery: bool,
}

impl UnifiedLog {
    /// An empty log that begins at offset 0.
    pub fn new(topic_partition: TopicPartition, config: Arc<LogConfig>) -> Self {
        let first = LogSegment::new(0, None, ProducerStateManager::default());
        UnifiedLog {
            topic_partition,
            config,
            segments: vec![Arc::new(first)],
            log_start_offset: 0,
            high_watermark: 0,
            cleaned_to: 0,
            epochs: LeaderEpochFileCache::default(),
            producers: ProducerStateManager::default(),
            written: 0,
            flushed: 0,
            torn_tail: Bytes::new(),
            needs_recovery: false,
        }
    }

    /// Whose log it is.
    pub fn topic_partition(&self) -> &TopicPartition {
        &self.topic_partition
    }

    /// The configs in force.
    pub fn config(&self) -> &Arc<LogConfig> {
        &self.config
    }

    /// Puts other configs in force from now on.
    pub fn set_config(&mut self, config: Arc<LogConfig>) {
        self.config = config;
    }

    /// First offset that may be read.
    pub fn log_start_offset(&self) -> i64 {
        self.log_start_offset
    }

    /// Offset of the next record.
    pub fn log_end_offset(&self) -> i64 {
        self.active().next_offset()
    }

    /// Records below this offset are committed.
    pub fn high_watermark(&self) -> i64 {
        self.high_watermark
    }

    /// Records below this offset belong to no open transaction. Until there are
    /// transactions, the high watermark.
    pub fn last_stable_offset(&self) -> i64 {
        self.high_watermark
    }

    /// Raises the high watermark, never past the log's end. Gives the old one if it rose.
    pub fn maybe_increment_high_watermark(&mut self, new: i64) -> Option<i64> {
        let old = self.high_watermark;
        let new = new.min(self.log_end_offset());
        if new <= old {
            return None;
        }
        self.high_watermark = new;
        Some(old)
    }

    /// Sets the high watermark, up or down, kept between the log's start and end: what a
    /// follower is told, or what a checkpoint says after a restart. Gives what it is now.
    pub fn update_high_watermark(&mut self, to: i64) -> i64 {
        self.high_watermark = to.min(self.log_end_offset()).max(self.log_start_offset);
        self.high_watermark
    }

    /// Forbids reading below `to` (`DeleteRecords`, or what the leader says of its own
    /// start). Says whether that is news; fails when `to` is above the high watermark.
    pub fn increment_log_start_offset(&mut self, to: i64) -> Result<bool, LogError> {
        if to > self.high_watermark {
            return Err(self.out_of_range(to));
        }
        if to <= self.log_start_offset {
            return Ok(false);
        }
        self.log_start_offset = to;
        self.epochs.truncate_from_start(to);
        Ok(true)
    }

    /// The epochs and where each begins.
    pub fn leader_epochs(&self) -> &LeaderEpochFileCache {
        &self.epochs
    }

    /// The latest leader epoch in the log.
    pub fn latest_epoch(&self) -> Option<i32> {
        self.epochs.latest_epoch()
    }

    /// The largest epoch not above `epoch`, and the offset after its last record; `None`
    /// when `epoch` is later than all (`OffsetsForLeaderEpoch` answers −1, −1 then).
    pub fn end_offset_for_epoch(&self, epoch: i32) -> Option<(i32, i64)> {
        self.epochs.end_offset_for(epoch, self.log_end_offset())
    }

    /// Up to where this log can be the same as a leader's whose `epoch`, the latest that both may
    /// have, ends at `end_offset` (the *diverging epoch* of a fetch, KIP-595).
    pub fn common_end(&self, epoch: i32, end_offset: i64) -> i64 {
        match self.end_offset_for_epoch(epoch) {
            Some((found, own)) if found == epoch => own.min(end_offset),
            Some((_, own)) => own,
            None => end_offset.min(self.log_end_offset()),
        }
    }

    /// A leader of `epoch` takes over: what it writes begins at the log's end.
    pub fn assign_epoch_start(&mut self, epoch: i32) {
        self.epochs.assign(epoch, self.log_end_offset());
    }

    /// What is known of idempotent producers.
    pub fn producers(&self) -> &ProducerStateManager {
        &self.producers
    }

    /// Forgets producers that have been silent for `expiration_ms`; gives their ids.
    pub fn remove_expired_producers(&mut self, now_ms: i64, expiration_ms: i64) -> Vec<i64> {
        self.producers.remove_expired(now_ms, expiration_ms)
    }

    /// The segments, oldest first; there is always one.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &LogSegment> {
        self.segments.iter().map(Arc::as_ref)
    }

    /// Bytes of all batches.
    pub fn size_bytes(&self) -> u64 {
        let of_segments: u64 = self.segments().map(|segment| u64::from(segment.size_bytes())).sum();
        of_segments + self.torn_tail.len() as u64
    }

    /// Drops the batch with `offset` and everything after it. Gives the offsets that went,
    /// or `None` when the log ends there or earlier anyway.
    pub fn truncate_to(&mut self, offset: i64) -> Option<Range<i64>> {
        let end = self.log_end_offset();
        if offset >= end {
            self.epochs.truncate_from_end(offset);
            return None;
        }
        if offset < self.first_segment_offset() {
            self.truncate_fully_and_start_at(offset.max(0));
            return Some(self.log_start_offset..end);
        }
        while self.active().base_offset() > offset && self.segments.len() > 1 {
            self.segments.pop();
        }
        let config = Arc::clone(&self.config);
        self.active_mut().truncate_to(offset, &config);
        self.after_truncation();
        let from = self.segments.len() - 1;
        self.rebuild_producers(from);
        Some(self.log_end_offset()..end)
    }

    /// Drops everything and begins anew at `offset`.
    pub fn truncate_fully_and_start_at(&mut self, offset: i64) {
        self.producers = ProducerStateManager::default();
        let first = LogSegment::new(offset, None, ProducerStateManager::default());
        self.segments = vec![Arc::new(first)];
        self.epochs.clear();
        self.log_start_offset = offset;
        self.high_watermark = offset;
        self.cleaned_to = self.cleaned_to.min(offset);
    }

    /// Deletes whole segments that are too old (`retention.ms`), more than enough
    /// (`retention.bytes`), or below the log's start; never any above the high watermark.
    /// Gives their base offsets.
    pub fn delete_old_segments(&mut self, now_ms: i64) -> Vec<i64> {
        let mut over_bytes = match self.config.retention_bytes {
            limit @ 0.. if self.config.cleanup_policy_delete => {
                self.size_bytes().saturating_sub(limit as u64)
            }
            _ => 0,
        };
        let mut deleted = Vec::new();
        while let Some(segment) = self.segments.first() {
            let size = u64::from(segment.size_bytes());
            let by_size = size > 0 && over_bytes >= size;
            let is_old = by_size || self.is_expired(segment, now_ms) || self.is_below_start();
            if !is_old || segment.is_empty() || segment.next_offset() > self.high_watermark {
                break;
            }
            deleted.push(segment.base_offset());
            over_bytes = if by_size { over_bytes - size } else { over_bytes.saturating_sub(size) };
            if self.segments.len() == 1 {
                self.roll(now_ms);
            }
            self.segments.remove(0);
        }
        if !deleted.is_empty() && self.first_segment_offset() > self.log_start_offset {
            self.log_start_offset = self.first_segment_offset();
            self.epochs.truncate_from_start(self.log_start_offset);
        }
        deleted
    }

    /// Begins a new segment at the log's end; gives its base offset.
    pub fn roll(&mut self, now_ms: i64) -> i64 {
        self.roll_at(Some(now_ms))
    }

    fn roll_at(&mut self, now_ms: Option<i64>) -> i64 {
        let base_offset = self.log_end_offset();
        if !self.active().is_empty() {
            self.active_mut().seal();
            let segment = LogSegment::new(base_offset, now_ms, self.producers.clone());
            self.segments.push(Arc::new(segment));
        }
        base_offset
    }

    fn is_expired(&self, segment: &LogSegment, now_ms: i64) -> bool {
        let limit = self.config.retention_ms;
        let age_ms = segment.largest_timestamp().map_or(0, |since| now_ms.saturating_sub(since));
        self.config.cleanup_policy_delete && limit >= 0 && age_ms > limit
    }

    /// Whether all of the first segment lies below the log's start.
    fn is_below_start(&self) -> bool {
        self.segments.get(1).is_some_and(|next| next.base_offset() <= self.log_start_offset)
    }

    fn after_truncation(&mut self) {
        let end = self.log_end_offset();
        self.epochs.truncate_from_end(end);
        self.log_start_offset = self.log_start_offset.min(end);
        self.high_watermark = self.high_watermark.min(end);
        self.cleaned_to = self.cleaned_to.min(end);
    }

    /// Reads the producers' batches again from the segment at this index on.
    fn rebuild_producers(&mut self, from: usize) {
        let Some(first) = self.segments.get(from) else { return };
        let mut producers = first.producer_snapshot().clone();
        for index in from..self.segments.len() {
            let segment = &mut self.segments[index];
            if *segment.producer_snapshot() != producers {
                Arc::make_mut(segment).set_producer_snapshot(producers.clone());
            }
            segment.entries().iter().for_each(|entry| producers.update(&entry.batch()));
        }
        self.producers = producers;
    }

    fn active(&self) -> &LogSegment {
        &self.segments[self.segments.len() - 1]
    }

    fn active_mut(&mut self) -> &mut LogSegment {
        let last = self.segments.len() - 1;
        Arc::make_mut(&mut self.segments[last])
    }

    fn first_segment_offset(&self) -> i64 {
        self.segments[0].base_offset()
    }

    fn out_of_range(&self, offset: i64) -> LogError {
        LogError::OffsetOutOfRange {
            offset,
            log_start_offset: self.log_start_offset,
            log_end_offset: self.log_end_offset(),
        }
    }
}

#[cfg(test)]
#[path = "log/clean_test.rs"]
mod clean_test;
#[cfg(test)]
#[path = "log/log_test.rs"]
mod log_test;
