//! One segment of a log: a run of batches and its two sparse indexes.

use bytes::Bytes;
use imbl::Vector;

use super::batch;
use super::{BatchError, LogConfig, OffsetIndex, ProducerStateManager, RecordBatch, TimeIndex};
use crate::plant::Plant;

/// A batch where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchEntry {
    /// Offset of its first record.
    pub base_offset: i64,
    /// Offset after its last record, also after that of one that compaction removed.
    pub next_offset: i64,
    /// Its first byte's position in the segment.
    pub position: u32,
    /// The log's [`position`](super::UnifiedLog::position) when it had been written: durable
    /// once that much is flushed.
    pub written_to: u64,
    /// Its bytes.
    pub bytes: Bytes,
}

/// A segment. What a sealed one holds never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSegment {
    base_offset: i64,
    next_offset: i64,
    entries: Vector<BatchEntry>,
    size_bytes: u32,
    offset_index: OffsetIndex,
    time_index: TimeIndex,
    bytes_since_last_index_entry: u32,
    max_timestamp: Option<(i64, i64)>,
    /// By the broker's clock; a follower is not told.
    created_ms: Option<i64>,
    last_modified_ms: Option<i64>,
    producer_snapshot: ProducerStateManager,
    damaged: bool,
}

impl BatchEntry {
    /// The batch.
    pub fn batch(&self) -> RecordBatch {
        RecordBatch::from_stored(self.bytes.clone())
    }

    /// Whether it is still the batch that was written: its frame, its place and its CRC.
    pub(super) fn check(&self) -> Result<(), BatchError> {
        let (batch, size) = RecordBatch::parse(&self.bytes)?;
        if size < self.bytes.len() {
            return Err(BatchError::TrailingBytes((self.bytes.len() - size) as u32));
        }
        if batch.base_offset() != self.base_offset {
            return Err(BatchError::WrongOffset { expected: self.base_offset, found: batch.base_offset() });
        }
        batch.check_crc()
    }

    fn size(&self) -> u32 {
        self.bytes.len() as u32
    }

    fn max_timestamp(&self) -> i64 {
        i64::from_be_bytes(batch::be(&self.bytes, batch::at::MAX_TIMESTAMP))
    }
}

impl LogSegment {
    pub(super) fn new(
        base_offset: i64,
        created_ms: Option<i64>,
        producer_snapshot: ProducerStateManager,
    ) -> Self {
        LogSegment {
            base_offset,
            next_offset: base_offset,
            entries: Vector::new(),
            size_bytes: 0,
            offset_index: OffsetIndex::default(),
            time_index: TimeIndex::default(),
            bytes_since_last_index_entry: 0,
            max_timestamp: None,
            created_ms,
            last_modified_ms: created_ms,
            producer_snapshot,
            damaged: false,
        }
    }

    /// A segment that begins as this one does, without its batches.
    pub(super) fn begun_anew(&self) -> LogSegment {
        LogSegment::new(self.base_offset, self.created_ms, self.producer_snapshot.clone())
    }

    /// What it holds was last changed when the other segment was.
    pub(super) fn is_as_old_as(&mut self, other: &LogSegment) {
        self.last_modified_ms = other.last_modified_ms;
    }

    /// Offset at which it begins, and its name on disk.
    pub fn base_offset(&self) -> i64 {
        self.base_offset
    }

    /// Offset after its last record.
    pub fn next_offset(&self) -> i64 {
        self.next_offset
    }

    /// Bytes of its batches.
    pub fn size_bytes(&self) -> u32 {
        self.size_bytes
    }

    /// Whether it has no batch.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Its batches, in order.
    pub fn entries(&self) -> &Vector<BatchEntry> {
        &self.entries
    }

    /// Its offset index.
    pub fn offset_index(&self) -> &OffsetIndex {
        &self.offset_index
    }

    /// Its time index.
    pub fn time_index(&self) -> &TimeIndex {
        &self.time_index
    }

    /// Its largest timestamp in ms, and the last offset of the first batch that has it.
    /// `None` while no batch has a timestamp.
    pub fn max_timestamp(&self) -> Option<(i64, i64)> {
        self.max_timestamp
    }

    /// What `retention.ms` counts from: its largest timestamp, or else when a leader last
    /// wrote to it. In ms.
    pub fn largest_timestamp(&self) -> Option<i64> {
        self.max_timestamp.map(|(timestamp, _)| timestamp).or(self.last_modified_ms)
    }

    /// The producers as they were where the segment begins.
    pub fn producer_snapshot(&self) -> &ProducerStateManager {
        &self.producer_snapshot
    }

    /// Whether a byte has been corrupted since the segment was last checked.
    pub fn is_damaged(&self) -> bool {
        self.damaged
    }

    /// Index in [`LogSegment::entries`] of the batch with `offset`, or the next one where compaction
    /// has removed that: found as Kafka does, a
    /// look into the offset index and a short scan from there. An offset before all batches
    /// gives the first, one after all gives their number.
    pub fn find(&self, offset: i64) -> usize {
        if offset >= self.next_offset {
            return self.entries.len();
        }
        let relative = self.relative(offset.max(self.base_offset));
        let position = self.offset_index.lookup(relative);
        let mut found = self.entry_at(position);
        while self.end_of(found) <= offset {
            found += 1;
        }
        found
    }

    /// The batches from this index on. (Skipping in an iterator would walk over all before.)
    pub(super) fn entries_from(&self, first: usize) -> impl Iterator<Item = &BatchEntry> {
        (first..self.entries.len()).filter_map(|index| self.entries.get(index))
    }

    /// The first record with a timestamp of at least `timestamp` and an offset of at least
    /// `from`: its offset and timestamp.
    pub fn find_timestamp(&self, timestamp: i64, from: i64) -> Option<(i64, i64)> {
        let relative = self.time_index.lookup(timestamp).max(self.relative(from.max(self.base_offset)));
        let first = self.entry_at(self.offset_index.lookup(relative));
        let batches = self.entries_from(first).map(BatchEntry::batch);
        batches
            .filter(|batch| batch.max_timestamp() >= timestamp)
            .flat_map(|batch| batch.records())
            .filter_map(Result::ok)
            .find(|record| record.timestamp >= timestamp && record.offset >= from)
            .map(|record| (record.offset, record.timestamp))
    }

    /// Whether a new segment must begin before `size` more bytes, with records up to
    /// `last_offset` and up to `max_timestamp`.
    pub(super) fn should_roll(
        &self,
        config: &LogConfig,
        size: u32,
        last_offset: i64,
        max_timestamp: i64,
        now_ms: Option<i64>,
    ) -> bool {
        let Some(first) = self.entries.front() else { return false };
        // Time since the first batch by the records' own clock, unless they have none.
        let waited_ms = match first.max_timestamp() {
            since @ 0.. => max_timestamp.saturating_sub(since),
            _ => now_ms.zip(self.created_ms).map_or(0, |(now, created)| now.saturating_sub(created)),
        };
        u64::from(self.size_bytes) + u64::from(size) > u64::from(config.segment_bytes)
            || waited_ms > config.max_segment_ms()
            || self.offset_index.is_full(config.segment_index_bytes)
            || self.time_index.is_full(config.segment_index_bytes)
            || last_offset.saturating_sub(self.base_offset) > i64::from(i32::MAX)
    }

    pub(super) fn append(&mut self, batch: RecordBatch, written_to: u64, config: &LogConfig) {
        assert!(batch.base_offset() >= self.next_offset, "offsets only rise");
        let entry = BatchEntry {
            base_offset: batch.base_offset(),
            next_offset: batch.next_offset(),
            position: self.size_bytes,
            written_to,
            bytes: batch.into_bytes(),
        };
        self.push(entry, config);
    }

    pub(super) fn touch(&mut self, now_ms: i64) {
        self.created_ms.get_or_insert(now_ms);
        self.last_modified_ms = Some(now_ms);
    }

    /// Nothing more will be appended: the time index gets its last entry.
    pub(super) fn seal(&mut self) {
        if let Some((timestamp, offset)) = self.max_timestamp {
            self.time_index.maybe_append(timestamp, self.relative(offset));
        }
    }

    /// Drops the batch with `offset` and all after it. Gives how many bytes went.
    pub(super) fn truncate_to(&mut self, offset: i64, config: &LogConfig) -> u32 {
        self.keep(self.find(offset), config)
    }

    /// Keeps the first `count` batches and writes the indexes anew. Gives how many bytes went.
    pub(super) fn keep(&mut self, count: usize, config: &LogConfig) -> u32 {
        let before = self.size_bytes;
        let mut entries = std::mem::take(&mut self.entries);
        entries.truncate(count.min(entries.len()));
        self.next_offset = self.base_offset;
        self.size_bytes = 0;
        self.offset_index = OffsetIndex::default();
        self.time_index = TimeIndex::default();
        self.bytes_since_last_index_entry = 0;
        self.max_timestamp = None;
        for entry in entries {
            self.push(entry, config);
        }
        before - self.size_bytes
    }

    pub(super) fn set_producer_snapshot(&mut self, producers: ProducerStateManager) {
        self.producer_snapshot = producers;
    }

    pub(super) fn set_damaged(&mut self, damaged: bool) {
        self.damaged = damaged;
    }

    /// Flips the bits of one byte. Gives the base offset of the batch that it belongs to.
    pub(super) fn corrupt_byte(&mut self, position: u32) -> Option<i64> {
        let index = self.entry_at(position);
        let entry = self.entries.get_mut(index)?;
        let mut bytes = entry.bytes.to_vec();
        let byte = bytes.get_mut(position.checked_sub(entry.position)? as usize)?;
        *byte ^= 0xff;
        entry.bytes = Bytes::from(bytes);
        self.damaged = true;
        Some(entry.base_offset)
    }

    /// Adds a batch behind all others.
    pub(super) fn push(&mut self, entry: BatchEntry, config: &LogConfig) {
        let entry = BatchEntry { position: self.size_bytes, ..entry };
        let last_offset = entry.next_offset - 1;
        let timestamp = entry.max_timestamp();
        if timestamp > self.max_timestamp.map_or(-1, |(largest, _)| largest) {
            self.max_timestamp = Some((timestamp, last_offset));
        }
        if self.bytes_since_last_index_entry > config.index_interval_bytes {
            let late = if config.plants.has(Plant::OffsetIndexOffByOne) { entry.size() } else { 0 };
            self.offset_index.append(self.relative(last_offset), entry.position + late);
            if let Some((timestamp, offset)) = self.max_timestamp {
                self.time_index.maybe_append(timestamp, self.relative(offset));
            }
            self.bytes_since_last_index_entry = 0;
        }
        self.bytes_since_last_index_entry = self.bytes_since_last_index_entry.saturating_add(entry.size());
        self.size_bytes += entry.size();
        self.next_offset = entry.next_offset;
        self.entries.push_back(entry);
    }

    /// Index of the entry whose bytes include `position`.
    fn entry_at(&self, position: u32) -> usize {
        partition_point(&self.entries, |entry| entry.position <= position).saturating_sub(1)
    }

    fn end_of(&self, index: usize) -> i64 {
        self.entries.get(index).map_or(i64::MAX, |entry| entry.next_offset)
    }

    fn relative(&self, offset: i64) -> u32 {
        u32::try_from(offset.saturating_sub(self.base_offset)).unwrap_or(u32::MAX)
    }
}

/// The first index at which `is_before` is false; it is true for all before that.
pub(super) fn partition_point<T: Clone>(list: &Vector<T>, is_before: impl Fn(&T) -> bool) -> usize {
    let (mut low, mut high) = (0, list.len());
    while low < high {
        let middle = low + (high - low) / 2;
        if is_before(&list[middle]) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}
