//! The partitions of topics, page by page (KIP-966).

use crate::protocol::ErrorCode;
use crate::protocol::wire::{Uuid, wire};

wire! {
    /// Asks for topics, from where the last page ended.
    DescribeTopicPartitionsRequest(75, 0..=0, 0) {
        topics: Vec<TopicRequest>,
        response_partition_limit: i32 = 2000,
        cursor: Option<RequestCursor> = None,
    }

    TopicRequest {
        name: String,
    }

    RequestCursor {
        topic_name: String,
        partition_index: i32,
    }

    /// The partitions, and where the next page begins.
    DescribeTopicPartitionsResponse(75, 0..=0, 0) {
        throttle_time_ms: i32,
        topics: Vec<DescribeTopicPartitionsResponseTopic>,
        next_cursor: Option<ResponseCursor> = None,
    }

    DescribeTopicPartitionsResponseTopic {
        error_code: ErrorCode,
        name: Option<String>,
        topic_id: Uuid,
        is_internal: bool,
        partitions: Vec<DescribeTopicPartitionsResponsePartition>,
        topic_authorized_operations: i32 = i32::MIN,
    }

    DescribeTopicPartitionsResponsePartition {
        error_code: ErrorCode,
        partition_index: i32,
        leader_id: i32,
        leader_epoch: i32 = -1,
        replica_nodes: Vec<i32>,
        isr_nodes: Vec<i32>,
        eligible_leader_replicas: Option<Vec<i32>> = None,
        last_known_elr: Option<Vec<i32>> = None,
        offline_replicas: Vec<i32>,
    }

    ResponseCursor {
        topic_name: String,
        partition_index: i32,
    }
}
