//! A member of a consumer group joins, stays and leaves by this alone (KIP-848).

use crate::protocol::ErrorCode;
use crate::protocol::wire::{Uuid, wire};

wire! {
    /// What has changed on the member's side.
    ConsumerGroupHeartbeatRequest(68, 0..=1, 0) {
        group_id: String,
        member_id: String,
        member_epoch: i32,
        instance_id: Option<String> = None,
        rack_id: Option<String> = None,
        rebalance_timeout_ms: i32 = -1,
        subscribed_topic_names: Option<Vec<String>> = None,
        subscribed_topic_regex: Option<String> [1..] = None,
        server_assignor: Option<String> = None,
        topic_partitions: Option<Vec<RequestTopicPartitions>> = None,
    }

    RequestTopicPartitions {
        topic_id: Uuid,
        partitions: Vec<i32>,
    }

    /// What has changed on the coordinator's.
    ConsumerGroupHeartbeatResponse(68, 0..=1, 0) {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        error_message: Option<String> = None,
        member_id: Option<String> = None,
        member_epoch: i32,
        heartbeat_interval_ms: i32,
        assignment: Option<Assignment> = None,
    }

    Assignment {
        topic_partitions: Vec<ResponseTopicPartitions>,
    }

    ResponseTopicPartitions {
        topic_id: Uuid,
        partitions: Vec<i32>,
    }
}
