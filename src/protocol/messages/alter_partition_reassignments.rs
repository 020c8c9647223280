//! Moves partitions to other replicas (KIP-455).

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// The replicas wanted; null cancels.
    AlterPartitionReassignmentsRequest(45, 0..=1, 0) {
        timeout_ms: i32 = 60000,
        allow_replication_factor_change: bool [1..] = true,
        topics: Vec<ReassignableTopic>,
    }

    ReassignableTopic {
        name: String,
        partitions: Vec<ReassignablePartition>,
    }

    ReassignablePartition {
        partition_index: i32,
        replicas: Option<Vec<i32>> = None,
    }

    /// What became of each.
    AlterPartitionReassignmentsResponse(45, 0..=1, 0) {
        throttle_time_ms: i32,
        allow_replication_factor_change: bool [1.., ignorable] = true,
        error_code: ErrorCode,
        error_message: Option<String>,
        responses: Vec<ReassignableTopicResponse>,
    }

    ReassignableTopicResponse {
        name: String,
        partitions: Vec<ReassignablePartitionResponse>,
    }

    ReassignablePartitionResponse {
        partition_index: i32,
        error_code: ErrorCode,
        error_message: Option<String>,
    }
}
