//! Heartbeats of share group members: subscriptions go up, assignments come down (KIP-932).

use crate::protocol::ErrorCode;
use crate::protocol::wire::{Uuid, wire};

wire! {
    /// Joins with epoch 0, stays with its own, leaves with −1.
    ShareGroupHeartbeatRequest(76, 1..=1, 0) {
        group_id: String,
        member_id: String,
        member_epoch: i32,
        rack_id: Option<String> = None,
        subscribed_topic_names: Option<Vec<String>> = None,
    }

    /// The member's epoch and, if it changed, what it may fetch.
    ShareGroupHeartbeatResponse(76, 1..=1, 0) {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        error_message: Option<String> = None,
        member_id: Option<String> = None,
        member_epoch: i32,
        heartbeat_interval_ms: i32,
        assignment: Option<Assignment> = None,
    }

    Assignment {
        topic_partitions: Vec<TopicPartitions>,
    }

    TopicPartitions {
        topic_id: Uuid,
        partitions: Vec<i32>,
    }
}
