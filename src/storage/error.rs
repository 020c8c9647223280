//! What can go wrong with a log.

use std::fmt;

use super::{BatchError, Compression};
use crate::protocol::ErrorCode;

/// Why a log refused to append or to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogError {
    /// The offset is before the log's start or after its end.
    OffsetOutOfRange {
        /// What was asked for.
        offset: i64,
        /// First offset of the log.
        log_start_offset: i64,
        /// Offset after the last.
        log_end_offset: i64,
    },
    /// The bytes are not the batch that they say they are.
    CorruptMessage(BatchError),
    /// A batch is larger than `max.message.bytes`.
    MessageTooLarge {
        /// Its size.
        size: u32,
        /// The limit.
        max_message_bytes: u32,
    },
    /// The batches together are larger than `segment.bytes`.
    RecordListTooLarge {
        /// Their size.
        size: u32,
        /// The limit.
        segment_bytes: u32,
    },
    /// A record, or what the batch says about its records, breaks a rule.
    InvalidRecord(String),
    /// A timestamp is too far from the broker's clock, or not the producer's to set.
    InvalidTimestamp(String),
    /// Records of the batch that break a rule each (KIP-467).
    RejectedRecords {
        /// Which and why: the first thousand at most.
        errors: Vec<RecordError>,
        /// A timestamp is among the reasons.
        has_bad_timestamp: bool,
    },
    /// Compressed in a way that cannot be read here.
    UnsupportedCompression(Compression),
    /// The sequence number does not follow the producer's last.
    OutOfOrderSequenceNumber {
        /// Whose.
        producer_id: i64,
        /// What would have followed.
        expected: i32,
        /// What came.
        found: i32,
    },
    /// The producer has been replaced by one of a later epoch.
    InvalidProducerEpoch {
        /// Whose.
        producer_id: i64,
        /// The epoch in force.
        current: i16,
        /// What came.
        found: i16,
    },
    /// What a follower fetched does not continue its log.
    UnexpectedAppendOffset {
        /// The log's end.
        expected: i64,
        /// Where the batch begins.
        found: i64,
    },
    /// A crash left the log with half a batch; [`recover`](super::UnifiedLog::recover) comes first.
    RecoveryNeeded,
}

/// A record that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordError {
    /// Which record of its batch, from 0.
    pub batch_index: i32,
    /// Which rule.
    pub message: String,
}

impl LogError {
    /// The code that a response carries for it.
    pub fn code(&self) -> ErrorCode {
        match self {
            LogError::OffsetOutOfRange { .. } => ErrorCode::OffsetOutOfRange,
            // Kafka has no code for it.
            LogError::CorruptMessage(BatchError::DecompressionFailed { .. }) => ErrorCode::UnknownServerError,
            // Split in two, a batch may become small enough.
            LogError::CorruptMessage(BatchError::DecompressedTooLarge) => ErrorCode::MessageTooLarge,
            LogError::CorruptMessage(_) => ErrorCode::CorruptMessage,
            LogError::MessageTooLarge { .. } => ErrorCode::MessageTooLarge,
            LogError::RecordListTooLarge { .. } => ErrorCode::RecordListTooLarge,
            LogError::InvalidRecord(_) => ErrorCode::InvalidRecord,
            LogError::InvalidTimestamp(_) => ErrorCode::InvalidTimestamp,
            LogError::RejectedRecords { has_bad_timestamp: true, .. } => ErrorCode::InvalidTimestamp,
            LogError::RejectedRecords { .. } => ErrorCode::InvalidRecord,
            LogError::UnsupportedCompression(_) => ErrorCode::UnsupportedCompressionType,
            LogError::OutOfOrderSequenceNumber { .. } => ErrorCode::OutOfOrderSequenceNumber,
            LogError::InvalidProducerEpoch { .. } => ErrorCode::InvalidProducerEpoch,
            // A follower's own affair, never sent.
            LogError::UnexpectedAppendOffset { .. } => ErrorCode::UnknownServerError,
            LogError::RecoveryNeeded => ErrorCode::KafkaStorageError,
        }
    }
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogError::OffsetOutOfRange { offset, log_start_offset, log_end_offset } => {
                write!(
                    f,
                    "offset {offset} is not in the log, which has {log_start_offset} to {log_end_offset}"
                )
            }
            LogError::CorruptMessage(error) => error.fmt(f),
            LogError::MessageTooLarge { size, max_message_bytes } => {
                write!(f, "the batch takes {size} bytes, max.message.bytes is {max_message_bytes}")
            }
            LogError::RecordListTooLarge { size, segment_bytes } => {
                write!(f, "the batches take {size} bytes, segment.bytes is {segment_bytes}")
            }
            LogError::InvalidRecord(why) | LogError::InvalidTimestamp(why) => f.write_str(why),
            LogError::RejectedRecords { errors, .. } => {
                f.write_str(errors.first().map_or("records were rejected", |error| &error.message))?;
                match errors.len() {
                    0 | 1 => Ok(()),
                    count => write!(f, "; {} more records were rejected", count - 1),
                }
            }
            LogError::UnsupportedCompression(codec) => {
                write!(f, "records compressed with {codec} cannot be read")
            }
            LogError::OutOfOrderSequenceNumber { producer_id, expected, found } => {
                write!(f, "out of order sequence number for producer {producer_id}: {found} came, ")?;
                write!(f, "{expected} would have followed")
            }
            LogError::InvalidProducerEpoch { producer_id, current, found } => {
                write!(f, "producer {producer_id} has epoch {current}, a batch of epoch {found} came")
            }
            LogError::UnexpectedAppendOffset { expected, found } => {
                write!(f, "the batch begins at offset {found}, the log ends at {expected}")
            }
            LogError::RecoveryNeeded => f.write_str("the log has not been recovered after a crash"),
        }
    }
}

impl std::error::Error for LogError {}

impl From<BatchError> for LogError {
    fn from(error: BatchError) -> Self {
        match error {
            BatchError::UnsupportedCompression(codec) => LogError::UnsupportedCompression(codec),
            BatchError::InvalidRecord { .. } | BatchError::TrailingBytes(_) | BatchError::TooLarge => {
                LogError::InvalidRecord(error.to_string())
            }
            _ => LogError::CorruptMessage(error),
        }
    }
}
