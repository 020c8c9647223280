//! The bytes of a partition: record batches, segments, indexes, leader epochs and producer
//! state, put together by [`UnifiedLog`].
//!
//! Must not know replication or requests: who may append, and what a majority has, is told.
//! A log lives in memory and is cloned often: batches are shared [`bytes::Bytes`], sealed
//! segments are shared behind `Arc`, lists are `imbl` vectors.

pub mod batch;
pub mod compression;
mod config;
mod epoch;
mod error;
mod index;
mod log;
mod producer_state;
mod segment;

pub use batch::{
    BatchBuilder, BatchError, BatchOptions, BatchSpan, Compression, Record, RecordBatch, RecordHeader,
    TimestampType, batches, batches_in, dissect,
};
pub use config::{LogConfig, Ratio, ThrottledReplicas};
pub use epoch::{EpochEntry, LeaderEpochFileCache};
pub use error::{LogError, RecordError};
pub use index::{OffsetIndex, OffsetPosition, TimeIndex, TimestampOffset};
pub use log::{
    AppendOrigin, Cleanable, CleanedInfo, CorruptBatch, FetchDataInfo, FetchIsolation, LogAppendInfo,
    RecoveryInfo, UnifiedLog,
};
pub use producer_state::{BatchMetadata, ProducerStateEntry, ProducerStateManager};
pub use segment::{BatchEntry, LogSegment};
