//! A new KRaft leader tells the voters (KIP-595).

use crate::protocol::ErrorCode;
use crate::protocol::wire::{Uuid, wire};

wire! {
    /// Who leads, since which epoch.
    BeginQuorumEpochRequest(53, 0..=1, 1) {
        cluster_id: Option<String> = None,
        voter_id: i32 [1.., ignorable] = -1,
        topics: Vec<RequestTopicData>,
        leader_endpoints: Vec<LeaderEndpoint> [1.., ignorable],
    }

    RequestTopicData {
        topic_name: String,
        partitions: Vec<RequestPartitionData>,
    }

    RequestPartitionData {
        partition_index: i32,
        voter_directory_id: Uuid [1.., ignorable],
        leader_id: i32,
        leader_epoch: i32,
    }

    LeaderEndpoint {
        name: String,
        host: String,
        port: u16,
    }

    /// Who leads as far as the voter knows.
    BeginQuorumEpochResponse(53, 0..=1, 1) {
        error_code: ErrorCode,
        topics: Vec<ResponseTopicData>,
        node_endpoints: Vec<NodeEndpoint> [1.., tag 0],
    }

    ResponseTopicData {
        topic_name: String,
        partitions: Vec<ResponsePartitionData>,
    }

    ResponsePartitionData {
        partition_index: i32,
        error_code: ErrorCode,
        leader_id: i32,
        leader_epoch: i32,
    }

    NodeEndpoint {
        node_id: i32,
        host: String,
        port: u16,
    }
}
