//! The state of the KRaft quorum (KIP-595, KIP-836).

use crate::protocol::ErrorCode;
use crate::protocol::wire::{Uuid, wire};

wire! {
    /// Asks for it.
    DescribeQuorumRequest(55, 0..=2, 0) {
        topics: Vec<RequestTopicData>,
    }

    RequestTopicData {
        topic_name: String,
        partitions: Vec<RequestPartitionData>,
    }

    RequestPartitionData {
        partition_index: i32,
    }

    /// Leader, voters and observers.
    DescribeQuorumResponse(55, 0..=2, 0) {
        error_code: ErrorCode,
        error_message: Option<String> [2.., ignorable],
        topics: Vec<ResponseTopicData>,
        nodes: Vec<Node> [2..],
    }

    ResponseTopicData {
        topic_name: String,
        partitions: Vec<ResponsePartitionData>,
    }

    ResponsePartitionData {
        partition_index: i32,
        error_code: ErrorCode,
        error_message: Option<String> [2.., ignorable],
        leader_id: i32,
        leader_epoch: i32,
        high_watermark: i64,
        current_voters: Vec<ReplicaState>,
        observers: Vec<ReplicaState>,
    }

    ReplicaState {
        replica_id: i32,
        replica_directory_id: Uuid [2..],
        log_end_offset: i64,
        last_fetch_timestamp: i64 [1.., ignorable] = -1,
        last_caught_up_timestamp: i64 [1.., ignorable] = -1,
    }

    Node {
        node_id: i32,
        listeners: Vec<Listener>,
    }

    Listener {
        name: String,
        host: String,
        port: u16,
    }
}
