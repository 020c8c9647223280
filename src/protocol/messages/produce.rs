//! Record batches from producers to leaders.

use bytes::Bytes;

use crate::protocol::ErrorCode;
use crate::protocol::wire::{Uuid, wire};

wire! {
    /// Record batches to append.
    ProduceRequest(0, 3..=13, 9) {
        transactional_id: Option<String> = None,
        acks: i16,
        timeout_ms: i32,
        topic_data: Vec<TopicProduceData>,
    }

    TopicProduceData {
        name: String [..=12, ignorable],
        topic_id: Uuid [13.., ignorable],
        partition_data: Vec<PartitionProduceData>,
    }

    PartitionProduceData {
        index: i32,
        records: Option<Bytes>,
    }

    /// What became of each batch.
    ProduceResponse(0, 3..=13, 9) {
        responses: Vec<TopicProduceResponse>,
        throttle_time_ms: i32,
        node_endpoints: Vec<NodeEndpoint> [10.., tag 0],
    }

    TopicProduceResponse {
        name: String [..=12, ignorable],
        topic_id: Uuid [13.., ignorable],
        partition_responses: Vec<PartitionProduceResponse>,
    }

    PartitionProduceResponse {
        index: i32,
        error_code: ErrorCode,
        base_offset: i64,
        log_append_time_ms: i64 = -1,
        log_start_offset: i64 [5.., ignorable] = -1,
        record_errors: Vec<BatchIndexAndErrorMessage> [8.., ignorable],
        error_message: Option<String> [8.., ignorable] = None,
        current_leader: LeaderIdAndEpoch [10.., tag 0],
    }

    BatchIndexAndErrorMessage {
        batch_index: i32,
        batch_index_error_message: Option<String> = None,
    }

    LeaderIdAndEpoch {
        leader_id: i32 = -1,
        leader_epoch: i32 = -1,
    }

    NodeEndpoint {
        node_id: i32,
        host: String,
        port: i32,
        rack: Option<String> = None,
    }
}
