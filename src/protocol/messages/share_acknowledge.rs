//! What became of acquired records: accepted, released or rejected (KIP-932).

use super::share_fetch::{AcknowledgementBatch, LeaderIdAndEpoch, NodeEndpoint};
use crate::protocol::ErrorCode;
use crate::protocol::wire::{Uuid, wire};

wire! {
    /// Acknowledges records that the member acquired.
    ShareAcknowledgeRequest(79, 1..=1, 0) {
        group_id: Option<String> = None,
        member_id: Option<String>,
        share_session_epoch: i32,
        topics: Vec<AcknowledgeTopic>,
    }

    AcknowledgeTopic {
        topic_id: Uuid,
        partitions: Vec<AcknowledgePartition>,
    }

    AcknowledgePartition {
        partition_index: i32,
        acknowledgement_batches: Vec<AcknowledgementBatch>,
    }

    /// Whether that was so.
    ShareAcknowledgeResponse(79, 1..=1, 0) {
        throttle_time_ms: i32 [ignorable],
        error_code: ErrorCode [ignorable],
        error_message: Option<String> = None,
        responses: Vec<ShareAcknowledgeTopicResponse>,
        node_endpoints: Vec<NodeEndpoint>,
    }

    ShareAcknowledgeTopicResponse {
        topic_id: Uuid,
        partitions: Vec<PartitionData>,
    }

    PartitionData {
        partition_index: i32,
        error_code: ErrorCode,
        error_message: Option<String> = None,
        current_leader: LeaderIdAndEpoch,
    }
}
