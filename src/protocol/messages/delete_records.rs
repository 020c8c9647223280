//! Deletes the records before an offset (KIP-107).

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// Before which offset to delete.
    DeleteRecordsRequest(21, 0..=2, 2) {
        topics: Vec<DeleteRecordsTopic>,
        timeout_ms: i32,
    }

    DeleteRecordsTopic {
        name: String,
        partitions: Vec<DeleteRecordsPartition>,
    }

    DeleteRecordsPartition {
        partition_index: i32,
        offset: i64,
    }

    /// The new log start offsets.
    DeleteRecordsResponse(21, 0..=2, 2) {
        throttle_time_ms: i32,
        topics: Vec<DeleteRecordsTopicResult>,
    }

    DeleteRecordsTopicResult {
        name: String,
        partitions: Vec<DeleteRecordsPartitionResult>,
    }

    DeleteRecordsPartitionResult {
        partition_index: i32,
        low_watermark: i64,
        error_code: ErrorCode,
    }
}
