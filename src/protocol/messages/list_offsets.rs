//! The offset that belongs to a timestamp, or the first or last one (KIP-79).

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// Asks for offsets by timestamp.
    ListOffsetsRequest(2, 1..=10, 6) {
        replica_id: i32,
        isolation_level: i8 [2..],
        topics: Vec<ListOffsetsTopic>,
        timeout_ms: i32 [10.., ignorable],
    }

    ListOffsetsTopic {
        name: String,
        partitions: Vec<ListOffsetsPartition>,
    }

    ListOffsetsPartition {
        partition_index: i32,
        current_leader_epoch: i32 [4.., ignorable] = -1,
        timestamp: i64,
    }

    /// The offsets found.
    ListOffsetsResponse(2, 1..=10, 6) {
        throttle_time_ms: i32 [2.., ignorable],
        topics: Vec<ListOffsetsTopicResponse>,
    }

    ListOffsetsTopicResponse {
        name: String,
        partitions: Vec<ListOffsetsPartitionResponse>,
    }

    ListOffsetsPartitionResponse {
        partition_index: i32,
        error_code: ErrorCode,
        timestamp: i64 = -1,
        offset: i64 = -1,
        leader_epoch: i32 [4..] = -1,
    }
}
