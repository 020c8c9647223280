//! The controller tells a broker what it leads and follows: on ZooKeeper, until Kafka 3.9 (KIP-4, KIP-380,
//! KIP-516).

use crate::protocol::ErrorCode;
use crate::protocol::wire::{Uuid, wire};

wire! {
    /// Leaders and in-sync replicas of partitions that the broker has.
    LeaderAndIsrRequest(4, 5..=7, 4) {
        controller_id: i32,
        is_kraft_controller: bool [7..],
        controller_epoch: i32,
        broker_epoch: i64 = -1,
        type_: i8,
        topic_states: Vec<LeaderAndIsrTopicState>,
        live_leaders: Vec<LeaderAndIsrLiveLeader>,
    }

    LeaderAndIsrTopicState {
        topic_name: String,
        topic_id: Uuid,
        partition_states: Vec<LeaderAndIsrPartitionState>,
    }

    LeaderAndIsrPartitionState {
        partition_index: i32,
        controller_epoch: i32,
        leader: i32,
        leader_epoch: i32,
        isr: Vec<i32>,
        partition_epoch: i32,
        replicas: Vec<i32>,
        adding_replicas: Vec<i32>,
        removing_replicas: Vec<i32>,
        is_new: bool,
        leader_recovery_state: i8 [6.., ignorable],
    }

    LeaderAndIsrLiveLeader {
        broker_id: i32,
        host_name: String,
        port: i32,
    }

    /// What the broker made of it.
    LeaderAndIsrResponse(4, 5..=7, 4) {
        error_code: ErrorCode,
        topics: Vec<LeaderAndIsrTopicError>,
    }

    LeaderAndIsrTopicError {
        topic_id: Uuid,
        partition_errors: Vec<LeaderAndIsrPartitionError>,
    }

    LeaderAndIsrPartitionError {
        partition_index: i32,
        error_code: ErrorCode,
    }
}
