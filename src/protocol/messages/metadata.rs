//! Which brokers there are and which of them leads what.

use crate::protocol::ErrorCode;
use crate::protocol::wire::{Uuid, wire};

wire! {
    /// Asks for brokers, topics and partitions.
    MetadataRequest(3, 0..=13, 9) {
        topics: Option<Vec<MetadataRequestTopic>> [null 1..],
        allow_auto_topic_creation: bool [4..] = true,
        include_cluster_authorized_operations: bool [8..=10],
        include_topic_authorized_operations: bool [8..],
    }

    MetadataRequestTopic {
        topic_id: Uuid [10.., ignorable],
        name: Option<String> [null 10..],
    }

    /// Brokers, topics, partitions and their leaders.
    MetadataResponse(3, 0..=13, 9) {
        throttle_time_ms: i32 [3.., ignorable],
        brokers: Vec<MetadataResponseBroker>,
        cluster_id: Option<String> [2.., ignorable] = None,
        controller_id: i32 [1.., ignorable] = -1,
        topics: Vec<MetadataResponseTopic>,
        cluster_authorized_operations: i32 [8..=10] = i32::MIN,
        error_code: ErrorCode [13.., ignorable],
    }

    MetadataResponseBroker {
        node_id: i32,
        host: String,
        port: i32,
        rack: Option<String> [1.., ignorable] = None,
    }

    MetadataResponseTopic {
        error_code: ErrorCode,
        name: Option<String> [null 12..],
        topic_id: Uuid [10.., ignorable],
        is_internal: bool [1.., ignorable],
        partitions: Vec<MetadataResponsePartition>,
        topic_authorized_operations: i32 [8..] = i32::MIN,
    }

    MetadataResponsePartition {
        error_code: ErrorCode,
        partition_index: i32,
        leader_id: i32,
        leader_epoch: i32 [7.., ignorable] = -1,
        replica_nodes: Vec<i32>,
        isr_nodes: Vec<i32>,
        offline_replicas: Vec<i32> [5.., ignorable],
    }
}
