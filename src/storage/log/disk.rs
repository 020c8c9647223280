//! The disk under a log: what is durable, what a power loss takes, what a restart finds.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::UnifiedLog;
use crate::plant::Plant;
use crate::storage::segment::partition_point;
use crate::storage::{BatchEntry, BatchError, RecordBatch};

/// A batch that recovery found damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorruptBatch {
    /// Base offset of its segment.
    pub segment_base_offset: i64,
    /// Its position in the segment.
    pub position: u32,
    /// The offset that it began at; the log ends there now.
    pub base_offset: i64,
    /// What is wrong with it.
    pub error: BatchError,
}

/// What recovery did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveryInfo {
    /// How many segments were read.
    pub scanned_segments: u32,
    /// How many bytes were found good.
    pub valid_bytes: u64,
    /// How many bytes were cut off.
    pub truncated_bytes: u64,
    /// The batch because of which.
    pub corrupt: Option<CorruptBatch>,
    /// Where the log ends now.
    pub log_end_offset: i64,
}

impl UnifiedLog {
    /// How many bytes were ever written, truncated ones included: never goes back, so it
    /// tells writes apart. A flush of the log as it is now is a flush up to here.
    pub fn position(&self) -> u64 {
        self.written
    }

    /// Up to where the log must be flushed for the records below `offset` to be durable.
    pub fn position_of(&self, offset: i64) -> u64 {
        let segment = &self.segments[self.segment_with(offset.saturating_sub(1))];
        let index = segment.find(offset.saturating_sub(1)).min(segment.entries().len().saturating_sub(1));
        segment.entries().get(index).map_or(0, |entry| entry.written_to)
    }

    /// Everything written up to `position` is durable.
    pub fn mark_flushed(&mut self, position: u64) {
        self.flushed = self.flushed.max(position.min(self.written));
    }

    /// Records below this offset are durable.
    pub fn flushed_offset(&self) -> i64 {
        let is_durable = |entry: &BatchEntry| entry.written_to <= self.flushed;
        for segment in self.segments.iter().rev() {
            let durable = partition_point(segment.entries(), is_durable);
            if let Some(entry) = segment.entries().get(durable)
                && durable > 0
            {
                return entry.base_offset;
            }
            if durable > 0 {
                return segment.next_offset();
            }
        }
        self.first_segment_offset()
    }

    /// Where recovery begins to read after an unclean shutdown: the flushed offset.
    pub fn recovery_point(&self) -> i64 {
        self.flushed_offset()
    }

    /// How many records are not durable; `flush.messages` limits them.
    pub fn unflushed_messages(&self) -> i64 {
        self.log_end_offset() - self.flushed_offset()
    }

    /// The power fails: what was not flushed is gone, except for the first `keep_torn` bytes
    /// of it, if they are no more than its first batch. [`UnifiedLog::recover`] must follow.
    /// Gives the offsets that are lost.
    pub fn power_loss(&mut self, keep_torn: u64) -> Range<i64> {
        let end = self.log_end_offset();
        let offset = self.flushed_offset();
        let first = self.batch_at(offset).map(|batch| batch.bytes().clone()).unwrap_or_default();
        let kept = usize::try_from(keep_torn).unwrap_or(usize::MAX).min(first.len());
        let is_torn = kept > 0 && kept < first.len() && self.config.plants.has(Plant::TornBatchAccepted);
        let survives = kept > 0 && kept == first.len() || is_torn;
        let keep_to = if survives { self.next_after(offset) } else { offset };
        self.truncate_segments(keep_to);
        if is_torn {
            self.corrupt_byte(self.size_bytes().saturating_sub(1));
        }
        // A copy: the rest of the batch should not stay in memory.
        self.torn_tail = if survives { Bytes::new() } else { Bytes::copy_from_slice(&first[..kept]) };
        self.flushed = self.written;
        self.high_watermark = self.high_watermark.min(self.log_end_offset());
        self.needs_recovery = true;
        self.log_end_offset()..end
    }

    /// Flips the bits of the byte at `position`, counted from the log's first byte. Gives
    /// the base offset of the batch that has it, or `None` past the end.
    pub fn corrupt_byte(&mut self, position: u64) -> Option<i64> {
        let mut rest = position;
        for segment in self.segments.iter_mut() {
            let size = u64::from(segment.size_bytes());
            if rest < size {
                return Arc::make_mut(segment).corrupt_byte(rest as u32);
            }
            rest -= size;
        }
        None
    }

    /// What a broker does on start after an unclean shutdown: reads every batch from the
    /// recovery point's segment on, cuts the log at the first that is not whole or whose CRC
    /// is wrong, and builds indexes, epochs and producer state anew from what is left. The
    /// high watermark only falls; the caller sets it from its checkpoint.
    pub fn recover(&mut self) -> RecoveryInfo {
        let from = self.segment_with(self.recovery_point());
        let size_before = self.size_bytes();
        let mut info = RecoveryInfo {
            scanned_segments: 0,
            valid_bytes: 0,
            truncated_bytes: 0,
            corrupt: None,
            log_end_offset: 0,
        };
        let config = Arc::clone(&self.config);
        let last = self.segments.len() - 1;
        for index in from..=last {
            let segment = Arc::make_mut(&mut self.segments[index]);
            info.scanned_segments += 1;
            let mut good = 0;
            for entry in segment.entries() {
                if let Err(error) = entry.check()
                    && !config.plants.has(Plant::TornBatchAccepted)
                {
                    info.corrupt = Some(CorruptBatch {
                        segment_base_offset: segment.base_offset(),
                        position: entry.position,
                        base_offset: entry.base_offset,
                        error,
                    });
                    break;
                }
                good += 1;
                info.valid_bytes += entry.bytes.len() as u64;
            }
            segment.keep(good, &config);
            segment.set_damaged(false);
            if index < last && info.corrupt.is_none() {
                segment.seal();
            }
            if info.corrupt.is_some() {
                self.segments.truncate(index + 1);
                break;
            }
        }
        if info.corrupt.is_none() && !self.torn_tail.is_empty() {
            info.corrupt = self.torn_batch();
        }
        self.torn_tail = Bytes::new();
        self.needs_recovery = false;
        info.truncated_bytes = size_before - self.size_bytes();
        self.after_recovery(from);
        info.log_end_offset = self.log_end_offset();
        info
    }

    fn after_recovery(&mut self, from: usize) {
        if self.log_end_offset() < self.log_start_offset {
            self.truncate_fully_and_start_at(self.log_start_offset);
            return;
        }
        self.after_truncation();
        for index in from..self.segments.len() {
            for entry in self.segments[index].entries() {
                let epoch = entry.batch().partition_leader_epoch();
                if self.epochs.latest_epoch().is_none_or(|latest| epoch > latest) {
                    self.epochs.assign(epoch, entry.base_offset);
                }
            }
        }
        self.epochs.truncate_from_start(self.log_start_offset);
        self.rebuild_producers(from);
    }

    /// The half batch that a power loss left.
    fn torn_batch(&self) -> Option<CorruptBatch> {
        let error = RecordBatch::parse(&self.torn_tail).err()?;
        let active = self.active();
        Some(CorruptBatch {
            segment_base_offset: active.base_offset(),
            position: active.size_bytes(),
            base_offset: active.next_offset(),
            error,
        })
    }

    /// Drops batches from `offset` on, and nothing else.
    fn truncate_segments(&mut self, offset: i64) {
        while self.active().base_offset() > offset && self.segments.len() > 1 {
            self.segments.pop();
        }
        let config = Arc::clone(&self.config);
        self.active_mut().truncate_to(offset, &config);
    }

    /// Offset after the batch with `offset`.
    fn next_after(&self, offset: i64) -> i64 {
        let segment = &self.segments[self.segment_with(offset)];
        segment.entries().get(segment.find(offset)).map_or(segment.next_offset(), |entry| entry.next_offset)
    }
}
