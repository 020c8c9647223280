//! The state of share groups and their members (KIP-932).

use crate::protocol::ErrorCode;
use crate::protocol::wire::{Uuid, wire};

wire! {
    /// Asks for groups.
    ShareGroupDescribeRequest(77, 1..=1, 0) {
        group_ids: Vec<String>,
        include_authorized_operations: bool,
    }

    /// The groups.
    ShareGroupDescribeResponse(77, 1..=1, 0) {
        throttle_time_ms: i32,
        groups: Vec<DescribedGroup>,
    }

    DescribedGroup {
        error_code: ErrorCode,
        error_message: Option<String> = None,
        group_id: String,
        group_state: String,
        group_epoch: i32,
        assignment_epoch: i32,
        assignor_name: String,
        members: Vec<Member>,
        authorized_operations: i32 = i32::MIN,
    }

    Member {
        member_id: String,
        rack_id: Option<String> = None,
        member_epoch: i32,
        client_id: String,
        client_host: String,
        subscribed_topic_names: Vec<String>,
        assignment: Assignment,
    }

    Assignment {
        topic_partitions: Vec<TopicPartitions>,
    }

    TopicPartitions {
        topic_id: Uuid,
        topic_name: String,
        partitions: Vec<i32>,
    }
}
