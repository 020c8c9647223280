//! Has preferred or unclean leaders elected (KIP-460).

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// The partitions that want a leader.
    ElectLeadersRequest(43, 0..=2, 2) {
        election_type: i8 [1..],
        topic_partitions: Option<Vec<TopicPartitions>>,
        timeout_ms: i32 = 60000,
    }

    TopicPartitions {
        topic: String,
        partitions: Vec<i32>,
    }

    /// What became of each.
    ElectLeadersResponse(43, 0..=2, 2) {
        throttle_time_ms: i32,
        error_code: ErrorCode [1..],
        replica_election_results: Vec<ReplicaElectionResult>,
    }

    ReplicaElectionResult {
        topic: String,
        partition_result: Vec<PartitionResult>,
    }

    PartitionResult {
        partition_id: i32,
        error_code: ErrorCode,
        error_message: Option<String>,
    }
}
