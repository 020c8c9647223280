//! The controller tells a broker to stop with replicas, perhaps to delete them: on ZooKeeper, until Kafka 3.9
//! (KIP-570).

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// The replicas to stop.
    StopReplicaRequest(5, 3..=4, 2) {
        controller_id: i32,
        is_kraft_controller: bool [4..],
        controller_epoch: i32,
        broker_epoch: i64 = -1,
        topic_states: Vec<StopReplicaTopicState>,
    }

    StopReplicaTopicState {
        topic_name: String,
        partition_states: Vec<StopReplicaPartitionState>,
    }

    StopReplicaPartitionState {
        partition_index: i32,
        leader_epoch: i32 = -1,
        delete_partition: bool,
    }

    /// What the broker made of it.
    StopReplicaResponse(5, 3..=4, 2) {
        error_code: ErrorCode,
        partition_errors: Vec<StopReplicaPartitionError>,
    }

    StopReplicaPartitionError {
        topic_name: String,
        partition_index: i32,
        error_code: ErrorCode,
    }
}
