//! A candidate of a KRaft quorum asks for votes (KIP-595, KIP-996).

use crate::protocol::ErrorCode;
use crate::protocol::wire::{Uuid, wire};

wire! {
    /// Asks for a vote.
    VoteRequest(52, 0..=2, 0) {
        cluster_id: Option<String> = None,
        voter_id: i32 [1.., ignorable] = -1,
        topics: Vec<RequestTopicData>,
    }

    RequestTopicData {
        topic_name: String,
        partitions: Vec<RequestPartitionData>,
    }

    RequestPartitionData {
        partition_index: i32,
        replica_epoch: i32,
        replica_id: i32,
        replica_directory_id: Uuid [1.., ignorable],
        voter_directory_id: Uuid [1.., ignorable],
        last_offset_epoch: i32,
        last_offset: i64,
        pre_vote: bool [2..],
    }

    /// Whether it was granted.
    VoteResponse(52, 0..=2, 0) {
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
        vote_granted: bool,
    }

    NodeEndpoint {
        node_id: i32,
        host: String,
        port: u16,
    }
}
