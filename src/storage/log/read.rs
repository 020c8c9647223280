//! Reading: by offset, by time, and for the eye.

use super::UnifiedLog;
use crate::base::Rope;
use crate::storage::{BatchEntry, LogError, LogSegment, RecordBatch};

/// How far a reader may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchIsolation {
    /// To the end: followers.
    LogEnd,
    /// To the high watermark: consumers.
    HighWatermark,
    /// To the last stable offset: consumers with `isolation.level=read_committed`.
    TxnCommitted,
}

/// What a read gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchDataInfo {
    /// Whole batches, shared with the log; empty when there is nothing (yet).
    pub records: Rope,
    /// The offset that was asked for.
    pub fetch_offset: i64,
    /// Base offset of the first batch: may be less than `fetch_offset`.
    pub first_offset: Option<i64>,
    /// Offset after the last batch; `fetch_offset` when there is none.
    pub next_offset: i64,
    /// The high watermark.
    pub high_watermark: i64,
    /// The last stable offset.
    pub last_stable_offset: i64,
    /// Where the log begins.
    pub log_start_offset: i64,
    /// Where the log ends.
    pub log_end_offset: i64,
}

impl UnifiedLog {
    /// Whole batches from the one with `offset` on, at most `max_bytes` and of one segment.
    /// With `min_one_message` the first batch comes even if it is larger (KIP-74). Nothing at
    /// or above the bound that `isolation` sets. Fails when `offset` is not in the log, and
    /// with [`LogError::CorruptMessage`] when the first batch is damaged; damage is looked
    /// for only where a byte has been corrupted.
    pub fn read(
        &self,
        offset: i64,
        max_bytes: u32,
        min_one_message: bool,
        isolation: FetchIsolation,
    ) -> Result<FetchDataInfo, LogError> {
        if offset < self.log_start_offset || offset > self.log_end_offset() {
            return Err(self.out_of_range(offset));
        }
        let bound = self.bound(isolation);
        let mut info = FetchDataInfo {
            records: Rope::default(),
            fetch_offset: offset,
            first_offset: None,
            next_offset: offset,
            high_watermark: self.high_watermark(),
            last_stable_offset: self.last_stable_offset(),
            log_start_offset: self.log_start_offset,
            log_end_offset: self.log_end_offset(),
        };
        if offset < bound {
            let segment = &self.segments[self.segment_with(offset)];
            let chosen = choose(segment, offset, max_bytes, min_one_message, bound)?;
            if let Some((first, last)) = chosen.first().zip(chosen.last()) {
                info.first_offset = Some(first.base_offset);
                info.next_offset = last.next_offset;
                info.records = chosen.into_iter().map(|entry| entry.bytes).collect();
            }
        }
        Ok(info)
    }

    /// How many bytes a reader of this isolation has before it at `offset`, without reading them:
    /// what a waiting fetch is measured by. All there are when another segment follows; none when
    /// the offset is not in the log.
    pub fn readable_bytes(&self, offset: i64, isolation: FetchIsolation) -> u64 {
        let bound = self.bound(isolation);
        if offset < self.log_start_offset || offset >= bound {
            return 0;
        }
        let segment = &self.segments[self.segment_with(offset)];
        if bound > segment.next_offset() {
            return u64::MAX;
        }
        let position_of = |offset: i64| {
            let entry = segment.entries().get(segment.find(offset));
            entry.map_or(segment.size_bytes(), |entry| entry.position)
        };
        u64::from(position_of(bound).saturating_sub(position_of(offset)))
    }

    fn bound(&self, isolation: FetchIsolation) -> i64 {
        match isolation {
            FetchIsolation::LogEnd => self.log_end_offset(),
            FetchIsolation::HighWatermark => self.high_watermark(),
            FetchIsolation::TxnCommitted => self.last_stable_offset(),
        }
    }

    /// The batch with `offset`.
    pub fn batch_at(&self, offset: i64) -> Option<RecordBatch> {
        if offset < self.first_segment_offset() {
            return None;
        }
        let segment = &self.segments[self.segment_with(offset)];
        segment.entries().get(segment.find(offset)).map(BatchEntry::batch)
    }

    /// The batches from the one with `offset` on, to the log's end.
    pub fn batches_from(&self, offset: i64) -> impl Iterator<Item = RecordBatch> {
        let first = self.segment_with(offset);
        let skipped = self.segments[first].find(offset);
        let segments = self.segments.iter().skip(first).enumerate();
        segments
            .flat_map(move |(i, segment)| segment.entries_from(if i == 0 { skipped } else { 0 }))
            .map(BatchEntry::batch)
    }

    /// The first record with a timestamp of at least `timestamp`: its offset and its
    /// timestamp (`ListOffsets`).
    pub fn offset_for_timestamp(&self, timestamp: i64) -> Option<(i64, i64)> {
        let recent =
            |segment: &&LogSegment| segment.max_timestamp().is_some_and(|(largest, _)| largest >= timestamp);
        self.segments()
            .filter(recent)
            .find_map(|segment| segment.find_timestamp(timestamp, self.log_start_offset))
    }

    /// The first record with the largest timestamp: its offset and its timestamp
    /// (`ListOffsets` with −3, KIP-734).
    pub fn max_timestamp_offset(&self) -> Option<(i64, i64)> {
        let mut latest: Option<(i64, &LogSegment)> = None;
        for segment in self.segments() {
            if let Some((timestamp, _)) = segment.max_timestamp()
                && latest.is_none_or(|(largest, _)| timestamp > largest)
            {
                latest = Some((timestamp, segment));
            }
        }
        let (timestamp, segment) = latest?;
        segment.find_timestamp(timestamp, self.log_start_offset)
    }

    /// Index of the segment that `offset` belongs to: the last that begins at or before it, or
    /// the next where compaction has left nothing of that from `offset` on.
    pub(super) fn segment_with(&self, offset: i64) -> usize {
        let after = self.segments.partition_point(|segment| segment.base_offset() <= offset);
        let mut found = after.saturating_sub(1);
        while found + 1 < self.segments.len() && self.segments[found].next_offset() <= offset {
            found += 1;
        }
        found
    }
}

/// The batches to return.
fn choose(
    segment: &LogSegment,
    offset: i64,
    max_bytes: u32,
    min_one_message: bool,
    bound: i64,
) -> Result<Vec<BatchEntry>, LogError> {
    let mut chosen: Vec<BatchEntry> = Vec::new();
    let mut size = 0;
    let first = segment.find(offset);
    for entry in segment.entries_from(first) {
        size += entry.bytes.len() as u64;
        let fits = size <= u64::from(max_bytes) || (chosen.is_empty() && min_one_message);
        if !fits || entry.next_offset > bound {
            break;
        }
        if segment.is_damaged()
            && let Err(error) = entry.check()
        {
            if chosen.is_empty() {
                return Err(LogError::CorruptMessage(error));
            }
            break;
        }
        chosen.push(entry.clone());
    }
    Ok(chosen)
}
