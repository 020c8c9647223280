//! Record batches of format v2 (magic 2), byte for byte as Kafka writes them.
//!
//! Rule: Kafka documentation, *Implementation › Message Format*; KIP-98 (format), KIP-82
//! (headers), KIP-534 (delete horizon). Knows nothing of logs, offsets in use or epochs in
//! force; a batch is only a shape of bytes.

mod builder;
mod dissect;
mod record;
mod varint;

use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;

use crate::base::Rope;

use super::compression::{CodecError, DECOMPRESSED_MAX_BYTES, decompress};

pub use builder::{BatchBuilder, BatchOptions};
pub use dissect::{BatchSpan, dissect};
pub(crate) use record::RecordLayouts;
pub use record::{Record, RecordHeader, Records};

/// Bytes of offset and length, before what the length counts.
pub const LOG_OVERHEAD: u32 = 12;
/// Bytes of a batch before its first record.
pub const RECORD_BATCH_OVERHEAD: u32 = 61;
/// The only format Kafka 4 writes or accepts.
pub const MAGIC: i8 = 2;

pub(crate) mod at {
    //! Where each header field begins.
    pub(crate) const BASE_OFFSET: usize = 0;
    pub(crate) const LENGTH: usize = 8;
    pub(crate) const LEADER_EPOCH: usize = 12;
    pub(crate) const MAGIC: usize = 16;
    pub(crate) const CRC: usize = 17;
    pub(crate) const ATTRIBUTES: usize = 21;
    pub(crate) const LAST_OFFSET_DELTA: usize = 23;
    pub(crate) const BASE_TIMESTAMP: usize = 27;
    pub(crate) const MAX_TIMESTAMP: usize = 35;
    pub(crate) const PRODUCER_ID: usize = 43;
    pub(crate) const PRODUCER_EPOCH: usize = 51;
    pub(crate) const BASE_SEQUENCE: usize = 53;
    pub(crate) const COUNT: usize = 57;
    pub(crate) const RECORDS: usize = 61;
}

const COMPRESSION_MASK: i16 = 0x07;
const TIMESTAMP_TYPE_BIT: i16 = 0x08;
const TRANSACTIONAL_BIT: i16 = 0x10;
const CONTROL_BIT: i16 = 0x20;
const DELETE_HORIZON_BIT: i16 = 0x40;

/// How a batch's records are compressed: the lowest three bits of its attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip.
    Gzip,
    /// Snappy.
    Snappy,
    /// LZ4 frames.
    Lz4,
    /// Zstandard (KIP-110).
    Zstd,
    /// Bits that no codec has (5 to 7).
    Unknown(u8),
}

/// What a timestamp means: bit 3 of the attributes (KIP-32).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimestampType {
    /// Set by the producer.
    #[default]
    CreateTime,
    /// Set by the broker when it appended the batch.
    LogAppendTime,
}

/// Why bytes are not a batch, or its records not records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchError {
    /// The bytes end before the batch does.
    Incomplete {
        /// Bytes that the batch takes, as far as that can be told.
        needed: u32,
        /// Bytes that are there.
        available: u32,
    },
    /// The length field is less than a header takes.
    LengthTooSmall(i32),
    /// Not format v2.
    UnsupportedMagic(i8),
    /// The CRC-32C in the header is not that of the bytes.
    CrcMismatch {
        /// What the header says.
        stored: u32,
        /// What the bytes give.
        computed: u32,
    },
    /// The records are compressed in a way that nobody knows.
    UnsupportedCompression(Compression),
    /// The records are not what their codec writes.
    DecompressionFailed {
        /// The codec.
        codec: Compression,
        /// What is wrong.
        why: &'static str,
    },
    /// The records would take more than
    /// [`DECOMPRESSED_MAX_BYTES`](super::compression::DECOMPRESSED_MAX_BYTES).
    DecompressedTooLarge,
    /// A record that breaks its own frame; names the field.
    InvalidRecord {
        /// Which record, from 0.
        index: i32,
        /// Where or why.
        field: &'static str,
    },
    /// A stored batch does not say the offset at which it was stored.
    WrongOffset {
        /// Where it was stored.
        expected: i64,
        /// What it says.
        found: i64,
    },
    /// Bytes are left after the last record.
    TrailingBytes(u32),
    /// The batch would not fit Kafka's 32-bit lengths.
    TooLarge,
}

/// One batch: a view over shared bytes, cheap to clone. Its length and magic are checked;
/// its CRC and records are not, until [`RecordBatch::check_crc`] and [`RecordBatch::records`].
#[derive(Clone, PartialEq, Eq)]
pub struct RecordBatch {
    bytes: Bytes,
}

/// Iterates over batches that follow one another. After the first error it ends: without a
/// trustworthy length the next batch cannot be found.
#[derive(Clone, Debug)]
pub struct Batches {
    rest: Bytes,
    more: VecDeque<Bytes>,
}

/// The batches in `bytes`, one after another.
pub fn batches(bytes: &Bytes) -> Batches {
    Batches { rest: bytes.clone(), more: VecDeque::new() }
}

/// The batches in `rope`, one after another; each shares the memory of its piece.
pub fn batches_in(rope: &Rope) -> Batches {
    let mut more: VecDeque<Bytes> = rope.pieces().iter().cloned().collect();
    Batches { rest: more.pop_front().unwrap_or_default(), more }
}

impl RecordBatch {
    /// The batch at the beginning of `bytes`, and how many bytes it takes. Neither CRC nor
    /// records are looked at.
    pub fn parse(bytes: &Bytes) -> Result<(RecordBatch, usize), BatchError> {
        let size = frame(bytes)?;
        Ok((RecordBatch { bytes: bytes.slice(..size) }, size))
    }

    /// The batch that a log has stored, whatever has happened to its bytes since.
    pub(crate) fn from_stored(bytes: Bytes) -> RecordBatch {
        assert!(bytes.len() >= at::RECORDS, "only whole batches are stored");
        RecordBatch { bytes }
    }

    /// All its bytes, without sharing them once more.
    pub(crate) fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// All its bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Size with header.
    pub fn size_bytes(&self) -> u32 {
        self.bytes.len() as u32
    }

    /// Offset of the first record.
    pub fn base_offset(&self) -> i64 {
        i64::from_be_bytes(be(&self.bytes, at::BASE_OFFSET))
    }

    /// Offset of the last record; kept even when compaction removed that record.
    pub fn last_offset(&self) -> i64 {
        self.base_offset().wrapping_add(i64::from(self.last_offset_delta()))
    }

    /// Offset after the last record.
    pub fn next_offset(&self) -> i64 {
        self.last_offset().wrapping_add(1)
    }

    /// Last offset less the first.
    pub fn last_offset_delta(&self) -> i32 {
        i32::from_be_bytes(be(&self.bytes, at::LAST_OFFSET_DELTA))
    }

    /// Epoch of the leader that appended it; −1 in a producer's hands.
    pub fn partition_leader_epoch(&self) -> i32 {
        i32::from_be_bytes(be(&self.bytes, at::LEADER_EPOCH))
    }

    /// Format version: always [`MAGIC`].
    pub fn magic(&self) -> i8 {
        self.bytes[at::MAGIC] as i8
    }

    /// CRC-32C as the header states it.
    pub fn crc(&self) -> u32 {
        u32::from_be_bytes(be(&self.bytes, at::CRC))
    }

    /// CRC-32C of everything from the attributes on.
    pub fn computed_crc(&self) -> u32 {
        crate::base::crc32c(&self.bytes[at::ATTRIBUTES..])
    }

    /// Whether the stated CRC is the true one.
    pub fn is_crc_valid(&self) -> bool {
        self.check_crc().is_ok()
    }

    /// [`BatchError::CrcMismatch`] unless the stated CRC is the true one.
    pub fn check_crc(&self) -> Result<(), BatchError> {
        let (stored, computed) = (self.crc(), self.computed_crc());
        if stored == computed { Ok(()) } else { Err(BatchError::CrcMismatch { stored, computed }) }
    }

    /// The attribute bits.
    pub fn attributes(&self) -> i16 {
        i16::from_be_bytes(be(&self.bytes, at::ATTRIBUTES))
    }

    /// How the records are compressed.
    pub fn compression(&self) -> Compression {
        Compression::from_bits(self.attributes())
    }

    /// Who set the timestamps.
    pub fn timestamp_type(&self) -> TimestampType {
        if self.attributes() & TIMESTAMP_TYPE_BIT == 0 {
            TimestampType::CreateTime
        } else {
            TimestampType::LogAppendTime
        }
    }

    /// Whether it is part of a transaction.
    pub fn is_transactional(&self) -> bool {
        self.attributes() & TRANSACTIONAL_BIT != 0
    }

    /// Whether it holds control records (transaction markers, raft housekeeping).
    pub fn is_control(&self) -> bool {
        self.attributes() & CONTROL_BIT != 0
    }

    /// When its tombstones may go, in ms, if the cleaner has set that (KIP-534).
    pub fn delete_horizon_ms(&self) -> Option<i64> {
        (self.attributes() & DELETE_HORIZON_BIT != 0).then(|| self.base_timestamp())
    }

    /// What records' timestamps are counted from, in ms.
    pub fn base_timestamp(&self) -> i64 {
        i64::from_be_bytes(be(&self.bytes, at::BASE_TIMESTAMP))
    }

    /// The largest timestamp, in ms.
    pub fn max_timestamp(&self) -> i64 {
        i64::from_be_bytes(be(&self.bytes, at::MAX_TIMESTAMP))
    }

    /// Id of an idempotent producer, or −1.
    pub fn producer_id(&self) -> i64 {
        i64::from_be_bytes(be(&self.bytes, at::PRODUCER_ID))
    }

    /// Whether an idempotent producer wrote it.
    pub fn has_producer_id(&self) -> bool {
        self.producer_id() >= 0
    }

    /// Epoch of the producer.
    pub fn producer_epoch(&self) -> i16 {
        i16::from_be_bytes(be(&self.bytes, at::PRODUCER_EPOCH))
    }

    /// Sequence number of the first record.
    pub fn base_sequence(&self) -> i32 {
        i32::from_be_bytes(be(&self.bytes, at::BASE_SEQUENCE))
    }

    /// Sequence number of the last record; after `i32::MAX` comes 0.
    pub fn last_sequence(&self) -> i32 {
        increment_sequence(self.base_sequence(), self.last_offset_delta())
    }

    /// How many records the header says there are.
    pub fn count(&self) -> i32 {
        i32::from_be_bytes(be(&self.bytes, at::COUNT))
    }

    /// Its records; their keys and values share the batch's bytes, or those that its codec
    /// opened. What cannot be opened gives one error.
    pub fn records(&self) -> Records {
        Records::new(self)
    }

    /// The bytes of its records, opened if they are compressed.
    pub fn record_bytes(&self) -> Result<Bytes, BatchError> {
        let (codec, packed) = (self.compression(), self.bytes.slice(at::RECORDS..));
        if codec == Compression::None {
            return Ok(packed);
        }
        let opened = decompress(codec, &packed, DECOMPRESSED_MAX_BYTES);
        opened.map(Bytes::from).map_err(|error| match error {
            CodecError::Malformed(why) => BatchError::DecompressionFailed { codec, why },
            CodecError::TooLarge => BatchError::DecompressedTooLarge,
            CodecError::Unknown => BatchError::UnsupportedCompression(codec),
        })
    }

    /// The same batch at another offset, stamped by the leader of `leader_epoch`. Both
    /// fields lie outside the CRC, so nothing is decoded.
    pub fn assign(&self, base_offset: i64, leader_epoch: i32) -> RecordBatch {
        self.assign_with(base_offset, leader_epoch, self.timestamp_type(), self.max_timestamp())
    }

    /// The same batch with `now_ms` as every record's timestamp
    /// (`message.timestamp.type=LogAppendTime`); the CRC is computed anew.
    pub fn with_log_append_time(&self, now_ms: i64) -> RecordBatch {
        let (offset, epoch) = (self.base_offset(), self.partition_leader_epoch());
        self.assign_with(offset, epoch, TimestampType::LogAppendTime, now_ms)
    }

    /// The same batch with none of its records: what compaction leaves where the batch still says
    /// how far a producer or the log came.
    pub(crate) fn emptied(&self) -> RecordBatch {
        let mut bytes = self.bytes[..at::RECORDS].to_vec();
        let attributes = self.attributes() & !(COMPRESSION_MASK | DELETE_HORIZON_BIT);
        put(&mut bytes, at::LENGTH, (RECORD_BATCH_OVERHEAD - LOG_OVERHEAD).to_be_bytes());
        put(&mut bytes, at::ATTRIBUTES, attributes.to_be_bytes());
        put(&mut bytes, at::BASE_TIMESTAMP, self.max_timestamp().to_be_bytes());
        put(&mut bytes, at::COUNT, 0_i32.to_be_bytes());
        let crc = crate::base::crc32c(&bytes[at::ATTRIBUTES..]);
        put(&mut bytes, at::CRC, crc.to_be_bytes());
        RecordBatch { bytes: Bytes::from(bytes) }
    }

    /// The same batch with only these of its records, which keep their offsets and their times.
    /// `delete_horizon_ms` tells when tombstones among them may go.
    pub(crate) fn with_records(
        &self,
        records: &[Record],
        delete_horizon_ms: Option<i64>,
    ) -> Result<RecordBatch, BatchError> {
        let mut builder = BatchBuilder::new(BatchOptions {
            base_offset: self.base_offset(),
            partition_leader_epoch: self.partition_leader_epoch(),
            timestamp_type: self.timestamp_type(),
            base_timestamp: Some(self.base_timestamp()),
            producer_id: self.producer_id(),
            producer_epoch: self.producer_epoch(),
            base_sequence: self.base_sequence(),
            transactional: self.is_transactional(),
            control: self.is_control(),
            delete_horizon_ms,
            last_offset_delta: Some(self.last_offset_delta()),
            compression: self.compression(),
            ..BatchOptions::default()
        });
        for record in records {
            let delta = record.offset.wrapping_sub(self.base_offset()) as i32;
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            builder.try_push_at(delta, record.timestamp, key, value, &record.headers)?;
        }
        RecordBatch::parse(&builder.build()).map(|(batch, _)| batch)
    }

    /// [`RecordBatch::assign`] and a new timestamp type and maximum in one copy; computes
    /// the CRC anew only when they change.
    pub(crate) fn assign_with(
        &self,
        base_offset: i64,
        leader_epoch: i32,
        timestamp_type: TimestampType,
        max_timestamp: i64,
    ) -> RecordBatch {
        let mut bytes = self.bytes.to_vec();
        put(&mut bytes, at::BASE_OFFSET, base_offset.to_be_bytes());
        put(&mut bytes, at::LEADER_EPOCH, leader_epoch.to_be_bytes());
        if timestamp_type != self.timestamp_type() || max_timestamp != self.max_timestamp() {
            let attributes = match timestamp_type {
                TimestampType::CreateTime => self.attributes() & !TIMESTAMP_TYPE_BIT,
                TimestampType::LogAppendTime => self.attributes() | TIMESTAMP_TYPE_BIT,
            };
            put(&mut bytes, at::ATTRIBUTES, attributes.to_be_bytes());
            put(&mut bytes, at::MAX_TIMESTAMP, max_timestamp.to_be_bytes());
            let crc = crate::base::crc32c(&bytes[at::ATTRIBUTES..]);
            put(&mut bytes, at::CRC, crc.to_be_bytes());
        }
        RecordBatch { bytes: Bytes::from(bytes) }
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.rest.is_empty() {
            self.rest = self.more.pop_front()?;
        }
        let mut parsed = RecordBatch::parse(&self.rest);
        while let Err(BatchError::Incomplete { .. }) = parsed
            && let Some(next) = self.more.pop_front()
        {
            self.rest = [&*self.rest, &*next].concat().into();
            parsed = RecordBatch::parse(&self.rest);
        }
        Some(match parsed {
            Ok((batch, size)) => {
                self.rest = self.rest.slice(size..);
                Ok(batch)
            }
            Err(error) => {
                (self.rest, self.more) = Default::default();
                Err(error)
            }
        })
    }
}

impl fmt::Debug for RecordBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordBatch")
            .field("base_offset", &self.base_offset())
            .field("count", &self.count())
            .field("epoch", &self.partition_leader_epoch())
            .field("size_bytes", &self.size_bytes())
            .finish_non_exhaustive()
    }
}

impl Compression {
    /// The codecs.
    pub const CODECS: [Compression; 4] =
        [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

    fn from_bits(attributes: i16) -> Compression {
        match attributes & COMPRESSION_MASK {
            0 => Compression::None,
            1 => Compression::Gzip,
            2 => Compression::Snappy,
            3 => Compression::Lz4,
            4 => Compression::Zstd,
            other => Compression::Unknown(other as u8),
        }
    }

    /// Its bits in a batch's attributes.
    fn bits(self) -> i16 {
        match self {
            Compression::None => 0,
            Compression::Gzip => 1,
            Compression::Snappy => 2,
            Compression::Lz4 => 3,
            Compression::Zstd => 4,
            Compression::Unknown(bits) => i16::from(bits) & COMPRESSION_MASK,
        }
    }
}

/// The name in `compression.type`.
impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Compression::None => f.write_str("none"),
            Compression::Gzip => f.write_str("gzip"),
            Compression::Snappy => f.write_str("snappy"),
            Compression::Lz4 => f.write_str("lz4"),
            Compression::Zstd => f.write_str("zstd"),
            Compression::Unknown(bits) => write!(f, "unknown codec {bits}"),
        }
    }
}

/// The name in `message.timestamp.type`.
impl fmt::Display for TimestampType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TimestampType::CreateTime => "CreateTime",
            TimestampType::LogAppendTime => "LogAppendTime",
        })
    }
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BatchError::Incomplete { needed, available } => {
                write!(f, "the batch takes {needed} bytes, but only {available} are there")
            }
            BatchError::LengthTooSmall(length) => {
                write!(f, "the batch length {length} is less than a header takes")
            }
            BatchError::UnsupportedMagic(magic) => write!(f, "magic {magic} is not supported, only 2 is"),
            BatchError::CrcMismatch { stored, computed } => {
                write!(f, "the batch is corrupt (stored crc = {stored}, computed crc = {computed})")
            }
            BatchError::UnsupportedCompression(codec) => {
                write!(f, "records compressed with {codec} cannot be read")
            }
            BatchError::DecompressionFailed { codec, why } => {
                write!(f, "failed to decompress the records ({codec}): {why}")
            }
            BatchError::DecompressedTooLarge => {
                write!(f, "the records take more than {DECOMPRESSED_MAX_BYTES} bytes when decompressed")
            }
            BatchError::InvalidRecord { index, field } => write!(f, "record {index} is invalid: {field}"),
            BatchError::WrongOffset { expected, found } => {
                write!(f, "the batch stored at offset {expected} says {found}")
            }
            BatchError::TrailingBytes(left) => {
                write!(f, "incorrect declared batch size: {left} bytes are left after the last record")
            }
            BatchError::TooLarge => f.write_str("the batch is too large for its length field"),
        }
    }
}

impl std::error::Error for BatchError {}

/// The sequence number `increment` after `sequence`; after `i32::MAX` comes 0.
pub fn increment_sequence(sequence: i32, increment: i32) -> i32 {
    if sequence > i32::MAX.wrapping_sub(increment) {
        increment.wrapping_sub(i32::MAX.wrapping_sub(sequence)).wrapping_sub(1)
    } else {
        sequence.wrapping_add(increment)
    }
}

/// How many bytes the batch at the beginning of `bytes` takes, when they are all there.
fn frame(bytes: &[u8]) -> Result<usize, BatchError> {
    let available = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    if available < LOG_OVERHEAD {
        return Err(BatchError::Incomplete { needed: RECORD_BATCH_OVERHEAD, available });
    }
    let length = i32::from_be_bytes(be(bytes, at::LENGTH));
    let minimum = RECORD_BATCH_OVERHEAD - LOG_OVERHEAD;
    let size = match u32::try_from(length) {
        Ok(counted) if counted >= minimum => counted + LOG_OVERHEAD,
        _ => return Err(BatchError::LengthTooSmall(length)),
    };
    if let Some(&magic) = bytes.get(at::MAGIC)
        && magic as i8 != MAGIC
    {
        return Err(BatchError::UnsupportedMagic(magic as i8));
    }
    if size > available {
        return Err(BatchError::Incomplete { needed: size, available });
    }
    Ok(size as usize)
}

/// The `N` bytes at `at`, for `from_be_bytes`. The caller has checked that they are there.
pub(crate) fn be<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

pub(crate) fn put<const N: usize>(bytes: &mut [u8], at: usize, value: [u8; N]) {
    bytes[at..at + N].copy_from_slice(&value);
}

#[cfg(test)]
#[path = "batch/batch_test.rs"]
mod batch_test;
