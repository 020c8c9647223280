//! Where share groups start in the partitions of their topics: to be seen, set and forgotten (KIP-932).

use crate::protocol::ErrorCode;
use crate::protocol::wire::{Uuid, wire};

wire! {
    /// Asks for the start offsets of groups.
    DescribeShareGroupOffsetsRequest(90, 0..=0, 0) {
        groups: Vec<DescribeGroup>,
    }

    DescribeGroup {
        group_id: String,
        topics: Option<Vec<DescribeTopic>>,
    }

    DescribeTopic {
        topic_name: String,
        partitions: Vec<i32>,
    }

    /// The start offsets.
    DescribeShareGroupOffsetsResponse(90, 0..=0, 0) {
        throttle_time_ms: i32,
        groups: Vec<DescribedGroup>,
    }

    DescribedGroup {
        group_id: String,
        topics: Vec<DescribedTopic>,
        error_code: ErrorCode,
        error_message: Option<String> = None,
    }

    DescribedTopic {
        topic_name: String,
        topic_id: Uuid,
        partitions: Vec<DescribedPartition>,
    }

    DescribedPartition {
        partition_index: i32,
        start_offset: i64,
        leader_epoch: i32,
        error_code: ErrorCode,
        error_message: Option<String> = None,
    }

    /// Sets the start offsets of an empty group.
    AlterShareGroupOffsetsRequest(91, 0..=0, 0) {
        group_id: String,
        topics: Vec<AlterTopic>,
    }

    AlterTopic {
        topic_name: String,
        partitions: Vec<AlterPartition>,
    }

    AlterPartition {
        partition_index: i32,
        start_offset: i64,
    }

    /// Whether they are set.
    AlterShareGroupOffsetsResponse(91, 0..=0, 0) {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        error_message: Option<String> = None,
        responses: Vec<AlteredTopic>,
    }

    AlteredTopic {
        topic_name: String,
        topic_id: Uuid,
        partitions: Vec<AlteredPartition>,
    }

    AlteredPartition {
        partition_index: i32,
        error_code: ErrorCode,
        error_message: Option<String> = None,
    }

    /// Makes an empty group forget topics.
    DeleteShareGroupOffsetsRequest(92, 0..=0, 0) {
        group_id: String,
        topics: Vec<DeleteTopic>,
    }

    DeleteTopic {
        topic_name: String,
    }

    /// Whether they are forgotten.
    DeleteShareGroupOffsetsResponse(92, 0..=0, 0) {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        error_message: Option<String> = None,
        responses: Vec<DeletedTopic>,
    }

    DeletedTopic {
        topic_name: String,
        topic_id: Uuid,
        error_code: ErrorCode,
        error_message: Option<String> = None,
    }
}
