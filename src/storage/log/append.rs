//! Appending: what a leader checks and assigns, and what a follower takes as it is.

use std::sync::Arc;

use bytes::Bytes;

use super::UnifiedLog;
use crate::base::Rope;
use crate::plant::{Plant, Plants};
use crate::storage::batch::{RECORD_BATCH_OVERHEAD, RecordLayouts};
use crate::storage::{
    BatchBuilder, BatchError, BatchOptions, Compression, LogError, RecordBatch, RecordError, TimestampType,
    batches_in,
};

/// How many rejected records of a batch are told.
const RECORD_ERRORS_MAX: usize = 1_000;

/// Who wants to append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendOrigin {
    /// A producer: everything is checked.
    Client,
    /// A coordinator on this broker: may write control records, sequences are not checked.
    Coordinator,
    /// The KRaft leader: as a coordinator.
    RaftLeader,
}

/// What an append did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogAppendInfo {
    /// Offset of the first record; of the earlier one for a duplicate.
    pub first_offset: i64,
    /// Offset of the last record; one less than `first_offset` when there was none.
    pub last_offset: i64,
    /// How many records.
    pub count: u32,
    /// How many bytes of batches.
    pub size_bytes: u32,
    /// Largest timestamp, or −1.
    pub max_timestamp: i64,
    /// The broker's time, when that became the records' timestamp; else −1.
    pub log_append_time: i64,
    /// Where the log begins.
    pub log_start_offset: i64,
    /// The batch had been appended before: nothing was written now.
    pub duplicate: bool,
    /// A new segment was begun, with this base offset.
    pub rolled: Option<i64>,
}

/// Whether a known bug is built in that lets the batch pass.
fn accepts(plants: Plants, error: &LogError) -> bool {
    matches!(error, LogError::OutOfOrderSequenceNumber { expected, found, .. }
        if plants.has(Plant::DuplicateAccepted) && found < expected
            || plants.has(Plant::SequenceGapAccepted) && found > expected)
}

/// What was found out about a batch's records.
struct Checked {
    /// Or −1.
    max_timestamp: i64,
    /// They may be stored as they came.
    in_place: bool,
}

impl UnifiedLog {
    /// Appends what a producer sent: one batch (KIP-98) with base offset 0. Checks it, gives it
    /// offsets from the log's end on and the leader's epoch. A batch that the same producer
    /// sent before is not written again.
    pub fn append_as_leader(
        &mut self,
        records: &Bytes,
        leader_epoch: i32,
        now_ms: i64,
    ) -> Result<LogAppendInfo, LogError> {
        self.append_with_origin(records, leader_epoch, now_ms, AppendOrigin::Client)
    }

    /// [`UnifiedLog::append_as_leader`] on behalf of `origin`.
    pub fn append_with_origin(
        &mut self,
        records: &Bytes,
        leader_epoch: i32,
        now_ms: i64,
        origin: AppendOrigin,
    ) -> Result<LogAppendInfo, LogError> {
        self.check_recovered()?;
        if records.is_empty() {
            return Ok(self.nothing_appended());
        }
        let batch = self.check_frame(records)?;
        self.check_header(&batch, origin)?;
        let target = self.target_compression(&batch);
        let checked = self.check_records(&batch, target, now_ms)?;
        if origin == AppendOrigin::Client {
            let plants = self.config.plants;
            if let Some(earlier) = self.producers.find_duplicate(&batch)
                && !plants.has(Plant::DuplicateAccepted)
            {
                return Ok(LogAppendInfo {
                    first_offset: earlier.first_offset,
                    last_offset: earlier.last_offset,
                    duplicate: true,
                    log_append_time: earlier.timestamp,
                    ..self.nothing_appended()
                });
            }
            if let Err(error) = self.producers.check(&batch)
                && !accepts(plants, &error)
            {
                return Err(error);
            }
        }
        let timestamp_type = self.config.message_timestamp_type;
        let (max_timestamp, log_append_time) = match timestamp_type {
            TimestampType::CreateTime => (checked.max_timestamp, -1),
            TimestampType::LogAppendTime => (now_ms, now_ms),
        };
        let first_offset = self.log_end_offset();
        let batch = if checked.in_place { batch } else { self.rebuild(&batch, target)? };
        let assigned = batch.assign_with(first_offset, leader_epoch, timestamp_type, max_timestamp);
        let last_offset = self.check_offsets(&assigned)?;
        let rolled = self.maybe_roll(assigned.size_bytes(), last_offset, max_timestamp, Some(now_ms));
        let info = LogAppendInfo {
            first_offset,
            last_offset,
            count: assigned.count() as u32,
            size_bytes: assigned.size_bytes(),
            max_timestamp,
            log_append_time,
            log_start_offset: self.log_start_offset(),
            duplicate: false,
            rolled,
        };
        self.write(assigned);
        self.active_mut().touch(now_ms);
        Ok(info)
    }

    /// Appends what a follower fetched: offsets and epochs stay as the leader gave them, and
    /// must continue at the log's end or behind it. Half a batch at the end is left out. Either all whole
    /// batches are appended or none.
    ///
    /// A leader whose records were deleted up to the middle of a batch can only give the batch
    /// whole: an empty log takes it, and keeps its own start.
    pub fn append_as_follower(&mut self, records: &Rope) -> Result<LogAppendInfo, LogError> {
        self.check_recovered()?;
        let mut fetched = Vec::new();
        let mut next_offset = self.log_end_offset();
        let mut info = self.nothing_appended();
        for batch in batches_in(records) {
            let batch = match batch {
                Ok(batch) => batch,
                Err(BatchError::Incomplete { .. }) => break,
                Err(error) => return Err(error.into()),
            };
            batch.check_crc()?;
            if fetched.is_empty() && self.is_first_in_part(&batch) {
                next_offset = batch.base_offset();
            }
            // Where the leader has compacted its log, there are gaps.
            if batch.base_offset() < next_offset {
                let found = batch.base_offset();
                return Err(LogError::UnexpectedAppendOffset { expected: next_offset, found });
            }
            next_offset = self.check_offsets(&batch)? + 1;
            info.count = info.count.saturating_add(batch.count().max(0) as u32);
            info.size_bytes = info.size_bytes.saturating_add(batch.size_bytes());
            info.max_timestamp = info.max_timestamp.max(batch.max_timestamp());
            fetched.push(batch);
        }
        if fetched.is_empty() {
            return Ok(info);
        }
        if let Some(first) = fetched.first().map(RecordBatch::base_offset)
            && first < self.log_start_offset
        {
            let start = self.log_start_offset;
            self.truncate_fully_and_start_at(first);
            (self.log_start_offset, self.high_watermark) = (start, start);
            info.first_offset = first;
        }
        info.last_offset = next_offset - 1;
        info.rolled = self.maybe_roll(info.size_bytes, info.last_offset, info.max_timestamp, None);
        for batch in fetched {
            self.write(batch);
        }
        Ok(info)
    }

    /// Whether the log is empty, and begins amidst this batch.
    fn is_first_in_part(&self, batch: &RecordBatch) -> bool {
        let end = self.log_end_offset();
        end == self.log_start_offset && batch.base_offset() < end && end < batch.next_offset()
    }

    fn nothing_appended(&self) -> LogAppendInfo {
        LogAppendInfo {
            first_offset: self.log_end_offset(),
            last_offset: self.log_end_offset() - 1,
            count: 0,
            size_bytes: 0,
            max_timestamp: -1,
            log_append_time: -1,
            log_start_offset: self.log_start_offset(),
            duplicate: false,
            rolled: None,
        }
    }

    fn check_recovered(&self) -> Result<(), LogError> {
        if self.needs_recovery { Err(LogError::RecoveryNeeded) } else { Ok(()) }
    }

    /// One whole batch of an allowed size with a true CRC.
    fn check_frame(&self, records: &Bytes) -> Result<RecordBatch, LogError> {
        let (batch, size) = RecordBatch::parse(records)?;
        if size < records.len() {
            return Err(invalid("a produce request has exactly one record batch for a partition"));
        }
        self.check_size(batch.size_bytes())?;
        batch.check_crc()?;
        Ok(batch)
    }

    fn check_size(&self, size: u32) -> Result<(), LogError> {
        let (max_message_bytes, segment_bytes) = (self.config.max_message_bytes, self.config.segment_bytes);
        if size > max_message_bytes {
            return Err(LogError::MessageTooLarge { size, max_message_bytes });
        }
        if size > segment_bytes.min(i32::MAX as u32) {
            return Err(LogError::RecordListTooLarge { size, segment_bytes });
        }
        Ok(())
    }

    /// What the header says of the batch's records is possible (`LogValidator.validateBatch`).
    fn check_header(&self, batch: &RecordBatch, origin: AppendOrigin) -> Result<(), LogError> {
        if batch.base_offset() != 0 {
            return Err(invalid(&format!("the base offset is {}, but should be 0", batch.base_offset())));
        }
        if batch.count() <= 0 {
            return Err(invalid(&format!("the batch says that it has {} records", batch.count())));
        }
        if batch.last_offset_delta() != batch.count() - 1 {
            let (delta, count) = (batch.last_offset_delta(), batch.count());
            return Err(invalid(&format!("last offset delta {delta} does not go with {count} records")));
        }
        if batch.timestamp_type() == TimestampType::LogAppendTime {
            let why = "a producer must not set the timestamp type LogAppendTime";
            return Err(LogError::InvalidTimestamp(why.into()));
        }
        if origin == AppendOrigin::Client {
            if batch.is_control() {
                return Err(invalid("clients may not write control records"));
            }
            if batch.has_producer_id() && batch.base_sequence() < 0 {
                return Err(invalid(&format!("invalid sequence number {}", batch.base_sequence())));
            }
        }
        Ok(())
    }

    /// How the records will be compressed (`compression.type`). Control records stay as they are.
    fn target_compression(&self, batch: &RecordBatch) -> Compression {
        let source = batch.compression();
        match self.config.compression_type {
            Some(codec) if source != Compression::None || !batch.is_control() => codec,
            _ => source,
        }
    }

    /// Every record is whole, in its place, timely and, in a compacted topic, has a key.
    fn check_records(
        &self,
        batch: &RecordBatch,
        target: Compression,
        now_ms: i64,
    ) -> Result<Checked, LogError> {
        let is_compressed = batch.compression() != Compression::None || target != Compression::None;
        let base_timestamp = batch.base_timestamp();
        let (before, after) =
            (self.config.message_timestamp_before_max_ms, self.config.message_timestamp_after_max_ms);
        let check_time = self.config.message_timestamp_type == TimestampType::CreateTime;
        let (mut errors, mut has_bad_timestamp) = (Vec::new(), false);
        let mut reject = |batch_index, message| {
            if errors.len() < RECORD_ERRORS_MAX {
                errors.push(RecordError { batch_index, message });
            }
        };
        let mut checked = Checked { max_timestamp: -1, in_place: batch.compression() == target };
        let bytes = batch.record_bytes()?;
        let mut layouts = RecordLayouts::new(&bytes, batch.count());
        let mut index = 0;
        while let Some(record) = layouts.read()? {
            if record.offset_delta != index {
                if !is_compressed {
                    return Err(invalid(&format!("record {index} has offset delta {}", record.offset_delta)));
                }
                // Some clients number the records in a compressed batch wrongly: Kafka mends that.
                checked.in_place = false;
            }
            if record.key.is_none() && self.config.cleanup_policy_compact && !batch.is_control() {
                reject(index, "a compacted topic cannot accept a record without a key".to_owned());
            }
            let timestamp = base_timestamp.wrapping_add(record.timestamp_delta);
            checked.max_timestamp = checked.max_timestamp.max(timestamp);
            let early = now_ms.saturating_sub(timestamp) > before;
            let late = timestamp.saturating_sub(now_ms) > after;
            if check_time && timestamp != -1 && (early || late) {
                has_bad_timestamp = true;
                let (from, to) = (now_ms.saturating_sub(before), now_ms.saturating_add(after));
                let range = format!("is out of range, it should be within [{from}, {to}]");
                reject(index, format!("timestamp {timestamp} of record {index} {range}"));
            }
            index += 1;
        }
        if !errors.is_empty() {
            return Err(LogError::RejectedRecords { errors, has_bad_timestamp });
        }
        Ok(checked)
    }

    /// The same records in a batch compressed otherwise, or with their offsets put right. Its size
    /// must still be an allowed one.
    fn rebuild(&self, batch: &RecordBatch, compression: Compression) -> Result<RecordBatch, LogError> {
        let mut builder = BatchBuilder::new(BatchOptions {
            producer_id: batch.producer_id(),
            producer_epoch: batch.producer_epoch(),
            base_sequence: batch.base_sequence(),
            transactional: batch.is_transactional(),
            control: batch.is_control(),
            compression,
            gzip_level: self.config.compression_gzip_level,
            ..BatchOptions::default()
        });
        for record in batch.records() {
            let record = record?;
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            builder.try_push(record.timestamp, key, value, &record.headers)?;
        }
        let (rebuilt, size) = RecordBatch::parse(&builder.build())?;
        self.check_size(size as u32)?;
        Ok(rebuilt)
    }

    /// The last offset, if the offsets of the batch are offsets at all.
    fn check_offsets(&self, batch: &RecordBatch) -> Result<i64, LogError> {
        let (base_offset, delta) = (batch.base_offset(), batch.last_offset_delta());
        let next_offset = base_offset.checked_add(i64::from(delta)).and_then(|last| last.checked_add(1));
        match next_offset {
            Some(next_offset) if delta >= 0 && base_offset >= 0 => Ok(next_offset - 1),
            _ => Err(invalid(&format!("offset {base_offset} and last offset delta {delta}"))),
        }
    }

    fn maybe_roll(
        &mut self,
        size: u32,
        last_offset: i64,
        max_timestamp: i64,
        now_ms: Option<i64>,
    ) -> Option<i64> {
        let full = self.active().should_roll(&self.config, size, last_offset, max_timestamp, now_ms);
        full.then(|| self.roll_at(now_ms))
    }

    fn write(&mut self, batch: RecordBatch) {
        assert!(batch.size_bytes() >= RECORD_BATCH_OVERHEAD);
        self.written += u64::from(batch.size_bytes());
        self.epochs.assign(batch.partition_leader_epoch(), batch.base_offset());
        self.producers.update(&batch);
        let last = self.segments.len() - 1;
        Arc::make_mut(&mut self.segments[last]).append(batch, self.written, &self.config);
    }
}

fn invalid(why: &str) -> LogError {
    LogError::InvalidRecord(why.to_owned())
}
