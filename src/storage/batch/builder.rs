//! Making batches, as a producer does.
//!
//! Sizes follow the Java client's `MemoryRecordsBuilder`, so that `batch.size` fills a
//! batch at the same record.

use bytes::Bytes;

use super::super::compression::compress;
use super::varint::{put_varlong, varlong_size};
use super::{
    BatchError, CONTROL_BIT, Compression, DELETE_HORIZON_BIT, MAGIC, RECORD_BATCH_OVERHEAD, RecordHeader,
    TIMESTAMP_TYPE_BIT, TRANSACTIONAL_BIT, TimestampType, at, put,
};

/// The most that a record's own fields can take beside key, value and headers, as the Java
/// client reckons.
const MAX_RECORD_OVERHEAD: u32 = 21;

/// What a batch says about all its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchOptions {
    /// Offset of the first record: 0 from a producer.
    pub base_offset: i64,
    /// Epoch of the leader: −1 from a producer.
    pub partition_leader_epoch: i32,
    /// Who sets timestamps.
    pub timestamp_type: TimestampType,
    /// What timestamps are counted from, in ms; if none, the first record's.
    pub base_timestamp: Option<i64>,
    /// Id of an idempotent producer, or −1.
    pub producer_id: i64,
    /// Its epoch, or −1.
    pub producer_epoch: i16,
    /// Sequence number of the first record, or −1.
    pub base_sequence: i32,
    /// Part of a transaction.
    pub transactional: bool,
    /// Control records.
    pub control: bool,
    /// When tombstones may go, in ms (KIP-534); takes the place of the base timestamp.
    pub delete_horizon_ms: Option<i64>,
    /// Last offset less the first, where that is not one less than the number of records: compaction
    /// removes records and leaves the others their offsets.
    pub last_offset_delta: Option<i32>,
    /// How the finished batch's records are compressed.
    pub compression: Compression,
    /// How hard gzip tries, as `compression.gzip.level` has it.
    pub gzip_level: i32,
}

/// A batch in the making.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchBuilder {
    options: BatchOptions,
    bytes: Vec<u8>,
    count: i32,
    base_timestamp: Option<i64>,
    max_timestamp: i64,
}

impl Default for BatchOptions {
    fn default() -> Self {
        BatchOptions {
            base_offset: 0,
            partition_leader_epoch: -1,
            timestamp_type: TimestampType::CreateTime,
            base_timestamp: None,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            transactional: false,
            control: false,
            delete_horizon_ms: None,
            last_offset_delta: None,
            compression: Compression::None,
            gzip_level: -1,
        }
    }
}

impl Default for BatchBuilder {
    fn default() -> Self {
        BatchBuilder::new(BatchOptions::default())
    }
}

impl BatchBuilder {
    /// An empty batch.
    pub fn new(options: BatchOptions) -> Self {
        let base_timestamp = options.delete_horizon_ms.or(options.base_timestamp);
        let bytes = vec![0; RECORD_BATCH_OVERHEAD as usize];
        BatchBuilder { options, bytes, count: 0, base_timestamp, max_timestamp: -1 }
    }

    /// Adds a record and gives its offset delta. Fails, and changes nothing, when the batch
    /// would outgrow its 32-bit length ([`BatchError::TooLarge`]).
    pub fn try_push(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[RecordHeader],
    ) -> Result<i32, BatchError> {
        self.try_push_at(self.count, timestamp, key, value, headers)?;
        Ok(self.count - 1)
    }

    /// [`BatchBuilder::try_push`] of a record with this offset, less the first one's.
    pub(crate) fn try_push_at(
        &mut self,
        offset_delta: i32,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[RecordHeader],
    ) -> Result<(), BatchError> {
        let body = self.body_size(offset_delta, timestamp, key, value, headers);
        let size = u64::from(self.size_bytes()) + 5 + body;
        if size > i32::MAX as u64 || self.count == i32::MAX {
            return Err(BatchError::TooLarge);
        }
        let base_timestamp = *self.base_timestamp.get_or_insert(timestamp);
        let out = &mut self.bytes;
        put_varlong(out, body as i64);
        out.push(0);
        put_varlong(out, timestamp.wrapping_sub(base_timestamp));
        put_varlong(out, i64::from(offset_delta));
        put_nullable(out, key);
        put_nullable(out, value);
        put_varlong(out, headers.len() as i64);
        for header in headers {
            put_nullable(out, Some(&header.key));
            put_nullable(out, header.value.as_deref());
        }
        self.max_timestamp = self.max_timestamp.max(timestamp);
        self.count += 1;
        Ok(())
    }

    /// What it was begun with, and the producer's identity as last set.
    pub fn options(&self) -> &BatchOptions {
        &self.options
    }

    /// Size of the batch so far, header included and not compressed.
    pub fn size_bytes(&self) -> u32 {
        self.bytes.len() as u32
    }

    /// How many records it has.
    pub fn count(&self) -> i32 {
        self.count
    }

    /// How many bytes this record would add.
    pub fn record_size(
        &self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[RecordHeader],
    ) -> u64 {
        let body = self.body_size(self.count, timestamp, key, value, headers);
        u64::from(varlong_size(body as i64)) + body
    }

    /// Whether the record still fits a batch limited to `write_limit` bytes. The first
    /// record always does.
    pub fn has_room_for(
        &self,
        write_limit: u32,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[RecordHeader],
    ) -> bool {
        let size = u64::from(self.size_bytes()) + self.record_size(timestamp, key, value, headers);
        self.count == 0 || (!self.is_full(write_limit) && u64::from(write_limit) >= size)
    }

    /// Whether a batch limited to `write_limit` bytes takes no more.
    pub fn is_full(&self, write_limit: u32) -> bool {
        self.count > 0 && write_limit <= self.size_bytes()
    }

    /// The largest size that a batch with this record alone can have: the producer gives a
    /// batch the larger of this and `batch.size` as its write limit.
    pub fn size_upper_bound(key: Option<&[u8]>, value: Option<&[u8]>, headers: &[RecordHeader]) -> u64 {
        u64::from(RECORD_BATCH_OVERHEAD + MAX_RECORD_OVERHEAD) + content_size(key, value, headers)
    }

    /// The producer's identity, set when the batch is sent rather than when it is begun.
    pub fn set_producer_state(&mut self, producer_id: i64, producer_epoch: i16, base_sequence: i32) {
        self.options.producer_id = producer_id;
        self.options.producer_epoch = producer_epoch;
        self.options.base_sequence = base_sequence;
    }

    /// The finished batch.
    pub fn build(&self) -> Bytes {
        let options = &self.options;
        let mut bytes = match options.compression {
            Compression::None => self.bytes.clone(),
            codec => {
                let (header, records) = self.bytes.split_at(at::RECORDS);
                [header, &compress(codec, records, options.gzip_level)].concat()
            }
        };
        let length = bytes.len() as u32 - super::LOG_OVERHEAD;
        let bit = |on: bool, bit: i16| if on { bit } else { 0 };
        let attributes = options.compression.bits()
            | bit(options.timestamp_type == TimestampType::LogAppendTime, TIMESTAMP_TYPE_BIT)
            | bit(options.transactional, TRANSACTIONAL_BIT)
            | bit(options.control, CONTROL_BIT)
            | bit(options.delete_horizon_ms.is_some(), DELETE_HORIZON_BIT);
        put(&mut bytes, at::BASE_OFFSET, options.base_offset.to_be_bytes());
        put(&mut bytes, at::LENGTH, length.to_be_bytes());
        put(&mut bytes, at::LEADER_EPOCH, options.partition_leader_epoch.to_be_bytes());
        put(&mut bytes, at::MAGIC, MAGIC.to_be_bytes());
        put(&mut bytes, at::ATTRIBUTES, attributes.to_be_bytes());
        let last_offset_delta = options.last_offset_delta.unwrap_or(self.count - 1);
        put(&mut bytes, at::LAST_OFFSET_DELTA, last_offset_delta.to_be_bytes());
        put(&mut bytes, at::BASE_TIMESTAMP, self.base_timestamp.unwrap_or(-1).to_be_bytes());
        put(&mut bytes, at::MAX_TIMESTAMP, self.max_timestamp.to_be_bytes());
        put(&mut bytes, at::PRODUCER_ID, options.producer_id.to_be_bytes());
        put(&mut bytes, at::PRODUCER_EPOCH, options.producer_epoch.to_be_bytes());
        put(&mut bytes, at::BASE_SEQUENCE, options.base_sequence.to_be_bytes());
        put(&mut bytes, at::COUNT, self.count.to_be_bytes());
        let crc = crate::base::crc32c(&bytes[at::ATTRIBUTES..]);
        put(&mut bytes, at::CRC, crc.to_be_bytes());
        Bytes::from(bytes)
    }

    /// Size of a record without its length field.
    fn body_size(
        &self,
        offset_delta: i32,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[RecordHeader],
    ) -> u64 {
        let timestamp_delta = timestamp.wrapping_sub(self.base_timestamp.unwrap_or(timestamp));
        let deltas = varlong_size(timestamp_delta) + varlong_size(i64::from(offset_delta));
        1 + u64::from(deltas) + content_size(key, value, headers)
    }
}

fn content_size(key: Option<&[u8]>, value: Option<&[u8]>, headers: &[RecordHeader]) -> u64 {
    let of_headers: u64 = headers
        .iter()
        .map(|header| nullable_size(Some(&header.key)) + nullable_size(header.value.as_deref()))
        .sum();
    nullable_size(key) + nullable_size(value) + u64::from(varlong_size(headers.len() as i64)) + of_headers
}

fn nullable_size(content: Option<&[u8]>) -> u64 {
    content.map_or(1, |content| u64::from(varlong_size(content.len() as i64)) + content.len() as u64)
}

fn put_nullable(out: &mut Vec<u8>, content: Option<&[u8]>) {
    match content {
        Some(content) => {
            put_varlong(out, content.len() as i64);
            out.extend_from_slice(content);
        }
        None => put_varlong(out, -1),
    }
}
