//! Moves replicas from one log directory of a broker to another (KIP-113).

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// Where replicas should lie.
    AlterReplicaLogDirsRequest(34, 1..=2, 2) {
        dirs: Vec<AlterReplicaLogDir>,
    }

    AlterReplicaLogDir {
        path: String,
        topics: Vec<AlterReplicaLogDirTopic>,
    }

    AlterReplicaLogDirTopic {
        name: String,
        partitions: Vec<i32>,
    }

    /// What became of each.
    AlterReplicaLogDirsResponse(34, 1..=2, 2) {
        throttle_time_ms: i32,
        results: Vec<AlterReplicaLogDirTopicResult>,
    }

    AlterReplicaLogDirTopicResult {
        topic_name: String,
        partitions: Vec<AlterReplicaLogDirPartitionResult>,
    }

    AlterReplicaLogDirPartitionResult {
        partition_index: i32,
        error_code: ErrorCode,
    }
}
