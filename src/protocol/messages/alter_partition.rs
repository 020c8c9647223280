//! A leader asks the controller for another ISR (KIP-497, KIP-841).

use crate::protocol::ErrorCode;
use crate::protocol::wire::{Uuid, wire};

wire! {
    /// The ISRs wanted.
    AlterPartitionRequest(56, 2..=3, 0) {
        broker_id: i32,
        broker_epoch: i64 = -1,
        topics: Vec<RequestTopicData>,
    }

    RequestTopicData {
        topic_id: Uuid,
        partitions: Vec<RequestPartitionData>,
    }

    RequestPartitionData {
        partition_index: i32,
        leader_epoch: i32,
        new_isr: Vec<i32> [..=2],
        new_isr_with_epochs: Vec<BrokerState> [3..],
        leader_recovery_state: i8,
        partition_epoch: i32,
    }

    BrokerState {
        broker_id: i32,
        broker_epoch: i64 = -1,
    }

    /// The partitions' state now.
    AlterPartitionResponse(56, 2..=3, 0) {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        topics: Vec<ResponseTopicData>,
    }

    ResponseTopicData {
        topic_id: Uuid,
        partitions: Vec<ResponsePartitionData>,
    }

    ResponsePartitionData {
        partition_index: i32,
        error_code: ErrorCode,
        leader_id: i32,
        leader_epoch: i32,
        isr: Vec<i32>,
        leader_recovery_state: i8,
        partition_epoch: i32,
    }
}
