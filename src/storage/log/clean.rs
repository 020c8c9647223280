//! Compaction: of every key the last value stays, and where it stays, its offset.
//!
//! The active segment is never touched, nor what is not committed. Cleaning reads the dirty part
//! of the log for the last offset of each key, and writes all segments before the active one anew
//! without the records that a later one has replaced. A tombstone stays until
//! `delete.retention.ms` after it was first cleaned, so that readers see it.
//!
//! Source: Kafka documentation, *Design › Log Compaction*; KIP-58 (`min.compaction.lag.ms`), KIP-354
//! (`max.compaction.lag.ms`), KIP-534 (the delete horizon).

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::UnifiedLog;
use crate::plant::Plant;
use crate::storage::{BatchEntry, BatchError, LogConfig, LogSegment, Record, RecordBatch};

/// What of a log could be compacted now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleanable {
    /// The dirty part: written since it was last compacted.
    pub offsets: Range<i64>,
    /// Its bytes.
    pub dirty_bytes: u64,
    /// Its bytes and those of what is clean.
    pub total_bytes: u64,
    /// A record has waited for longer than `max.compaction.lag.ms`.
    pub is_overdue: bool,
}

/// What a compaction did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CleanedInfo {
    /// The part that was dirty.
    pub offsets: Range<i64>,
    /// Records that went because a later one has their key.
    pub replaced: u32,
    /// Tombstones that went because they had stayed for long enough.
    pub tombstones: u32,
    /// Bytes before.
    pub bytes_before: u64,
    /// Bytes after.
    pub bytes_after: u64,
}

/// One compaction.
struct Cleaner<'a> {
    log: &'a UnifiedLog,
    latest: BTreeMap<Bytes, i64>,
    /// Where it ends: the batch before it says so, even without records.
    end: i64,
    now_ms: i64,
    info: CleanedInfo,
}

impl Cleanable {
    /// Whether that is enough to begin (`min.cleanable.dirty.ratio`).
    pub fn is_enough(&self, config: &LogConfig) -> bool {
        let ratio = config.min_cleanable_dirty_ratio;
        self.dirty_bytes > 0 && (self.is_overdue || ratio.is_less_than(self.dirty_bytes, self.total_bytes))
    }
}

impl UnifiedLog {
    /// Everything below this offset has been compacted.
    pub fn cleaned_to(&self) -> i64 {
        self.cleaned_to.max(self.log_start_offset)
    }

    /// Whether there may be something to compact, now or later: committed or not, new or old.
    pub fn has_dirty_segments(&self) -> bool {
        self.config.cleanup_policy_compact && self.active().base_offset() > self.cleaned_to()
    }

    /// What could be compacted at `now_ms`.
    pub fn cleanable(&self, now_ms: i64) -> Cleanable {
        let from = self.cleaned_to();
        let (first, after) = self.cleanable_segments(now_ms);
        let size = |range: Range<usize>| -> u64 {
            self.segments[range].iter().map(|segment| u64::from(segment.size_bytes())).sum()
        };
        let dirty = &self.segments[first..after];
        let limit = self.config.max_compaction_lag_ms.max(0);
        let waits_too_long = |segment: &Arc<LogSegment>| {
            let written = segment.entries().front().map_or(-1, |entry| entry.batch().max_timestamp());
            written > 0 && now_ms.saturating_sub(written) > limit
        };
        Cleanable {
            offsets: from..self.segments[after].base_offset().max(from),
            dirty_bytes: size(first..after),
            total_bytes: size(0..after),
            is_overdue: dirty.iter().any(waits_too_long),
        }
    }

    /// Indexes of the first segment that is dirty and of the first one that must stay as it is.
    fn cleanable_segments(&self, now_ms: i64) -> (usize, usize) {
        let (from, lag) = (self.cleaned_to(), self.config.min_compaction_lag_ms);
        let active = self.segments.len() - 1;
        let is_dirty = |segment: &Arc<LogSegment>| segment.next_offset() > from;
        let first = self.segments[..active].iter().position(is_dirty).unwrap_or(active);
        let must_stay = |segment: &Arc<LogSegment>| {
            let is_young = || {
                let written = segment.largest_timestamp().unwrap_or(0);
                lag > 0 && written > now_ms.saturating_sub(lag)
            };
            segment.next_offset() > self.last_stable_offset() || is_dirty(segment) && is_young()
        };
        let after = self.segments[..active].iter().position(must_stay).unwrap_or(active);
        (first.min(after), after)
    }

    /// Compacts what can be compacted. `None` when there is nothing, or when a batch is damaged:
    /// then everything stays as it is.
    pub fn clean(&mut self, now_ms: i64) -> Option<CleanedInfo> {
        let (first, after) = self.cleanable_segments(now_ms);
        let offsets = self.cleanable(now_ms).offsets;
        if first == after || self.segments[..after].iter().any(|segment| segment.is_damaged()) {
            return None;
        }
        let end = self.segments[after].base_offset();
        let latest = self.latest_offsets(first..after, offsets.start).ok()?;
        let info = CleanedInfo { offsets, replaced: 0, tombstones: 0, bytes_before: 0, bytes_after: 0 };
        let mut cleaner = Cleaner { log: self, latest, end, now_ms, info };
        let cleaned = cleaner.segments(after).ok()?;
        let info = cleaner.info;
        self.segments.splice(..after, cleaned);
        self.cleaned_to = end;
        Some(info)
    }

    /// The last offset of every key in these segments from `from` on.
    fn latest_offsets(&self, segments: Range<usize>, from: i64) -> Result<BTreeMap<Bytes, i64>, BatchError> {
        let mut latest = BTreeMap::new();
        let entries = self.segments[segments].iter().flat_map(|segment| segment.entries());
        for batch in entries.map(BatchEntry::batch).filter(|batch| !batch.is_control()) {
            for record in batch.records() {
                let Record { offset, key, .. } = record?;
                let Some(key) = key.filter(|_| offset >= from) else { continue };
                if !self.config.plants.has(Plant::CompactionKeepsOlder) {
                    latest.insert(key, offset);
                } else {
                    latest.entry(key).or_insert(offset);
                }
            }
        }
        Ok(latest)
    }
}

impl Cleaner<'_> {
    /// The first `count` segments anew: neighbours that fit one segment become one.
    fn segments(&mut self, count: usize) -> Result<Vec<Arc<LogSegment>>, BatchError> {
        let (log, mut cleaned) = (self.log, Vec::new());
        let mut rest = &log.segments[..count];
        while !rest.is_empty() {
            let (group, others) = rest.split_at(group_size(rest, &log.config));
            rest = others;
            let mut made = group[0].begun_anew();
            for segment in group {
                for entry in segment.entries() {
                    self.info.bytes_before += entry.bytes.len() as u64;
                    if let Some(batch) = self.batch(entry.batch())? {
                        self.info.bytes_after += u64::from(batch.size_bytes());
                        made.push(BatchEntry { bytes: batch.into_bytes(), ..entry.clone() }, &log.config);
                    }
                }
                made.is_as_old_as(segment);
            }
            if !made.is_empty() {
                made.seal();
                cleaned.push(Arc::new(made));
            }
        }
        Ok(cleaned)
    }

    /// What is left of a batch.
    fn batch(&mut self, batch: RecordBatch) -> Result<Option<RecordBatch>, BatchError> {
        if batch.is_control() {
            return Ok(Some(batch));
        }
        let may_delete = batch.delete_horizon_ms().is_some_and(|horizon| self.now_ms >= horizon);
        let (mut kept, mut has_tombstones) = (Vec::new(), false);
        for record in batch.records() {
            let record = record?;
            if self.is_replaced(&record) {
                self.info.replaced += 1;
            } else if record.value.is_none() && may_delete {
                self.info.tombstones += 1;
            } else {
                has_tombstones |= record.value.is_none();
                kept.push(record);
            }
        }
        let known = batch.delete_horizon_ms();
        let horizon =
            known.or(has_tombstones.then(|| self.now_ms.saturating_add(self.log.config.delete_retention_ms)));
        if kept.is_empty() {
            return Ok(self.must_stay(&batch).then(|| match batch.count() {
                0 => batch,
                _ => batch.emptied(),
            }));
        }
        if kept.len() as i64 == i64::from(batch.count()) && known == horizon {
            return Ok(Some(batch));
        }
        batch.with_records(&kept, horizon).map(Some)
    }

    /// Whether a later record has the same key. A record without one says nothing that lasts.
    fn is_replaced(&self, record: &Record) -> bool {
        let Some(key) = &record.key else { return true };
        let keeps_older = self.log.config.plants.has(Plant::CompactionKeepsOlder);
        let is_other = |latest: &i64| record.offset < *latest || keeps_older && record.offset > *latest;
        self.latest.get(key).is_some_and(is_other)
    }

    /// Whether the batch is needed without records, too: as the last one of its producer, whose
    /// sequence it tells, or as the end of the part that was compacted.
    fn must_stay(&self, batch: &RecordBatch) -> bool {
        let producer = self.log.producers.producer(batch.producer_id());
        let is_last = producer.is_some_and(|entry| entry.last_offset() == Some(batch.last_offset()));
        batch.has_producer_id() && is_last || batch.next_offset() == self.end
    }
}

/// How many of these segments become one.
fn group_size(segments: &[Arc<LogSegment>], config: &LogConfig) -> usize {
    let base_offset = segments[0].base_offset();
    let (mut bytes, mut index_entries) = (0, 0);
    let fits = |segment: &&Arc<LogSegment>| {
        bytes += u64::from(segment.size_bytes());
        index_entries += segment.time_index().entries().len() as u64 + 1;
        bytes <= u64::from(config.segment_bytes)
            && index_entries * 12 <= u64::from(config.segment_index_bytes)
            && segment.next_offset() - base_offset <= i64::from(i32::MAX)
    };
    segments.iter().take_while(fits).count().max(1)
}
