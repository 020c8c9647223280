//! Records for one member of a share group: acquired for a while, acknowledged later (KIP-932).

use crate::base::Rope;
use crate::protocol::ErrorCode;
use crate::protocol::wire::{Uuid, wire};

wire! {
    /// Acknowledges records and asks for more, within a share session.
    ShareFetchRequest(78, 1..=1, 0) {
        group_id: Option<String> = None,
        member_id: Option<String>,
        share_session_epoch: i32,
        max_wait_ms: i32,
        min_bytes: i32,
        max_bytes: i32 = i32::MAX,
        max_records: i32,
        batch_size: i32,
        topics: Vec<FetchTopic>,
        forgotten_topics_data: Vec<ForgottenTopic>,
    }

    FetchTopic {
        topic_id: Uuid,
        partitions: Vec<FetchPartition>,
    }

    FetchPartition {
        partition_index: i32,
        acknowledgement_batches: Vec<AcknowledgementBatch>,
    }

    AcknowledgementBatch {
        first_offset: i64,
        last_offset: i64,
        acknowledge_types: Vec<i8>,
    }

    ForgottenTopic {
        topic_id: Uuid,
        partitions: Vec<i32>,
    }

    /// Records, and which of them the member has acquired.
    ShareFetchResponse(78, 1..=1, 0) {
        throttle_time_ms: i32 [ignorable],
        error_code: ErrorCode [ignorable],
        error_message: Option<String> = None,
        acquisition_lock_timeout_ms: i32,
        responses: Vec<ShareFetchableTopicResponse>,
        node_endpoints: Vec<NodeEndpoint>,
    }

    ShareFetchableTopicResponse {
        topic_id: Uuid,
        partitions: Vec<PartitionData>,
    }

    PartitionData {
        partition_index: i32,
        error_code: ErrorCode,
        error_message: Option<String> = None,
        acknowledge_error_code: ErrorCode,
        acknowledge_error_message: Option<String> = None,
        current_leader: LeaderIdAndEpoch,
        records: Option<Rope>,
        acquired_records: Vec<AcquiredRecords>,
    }

    LeaderIdAndEpoch {
        leader_id: i32,
        leader_epoch: i32,
    }

    AcquiredRecords {
        first_offset: i64,
        last_offset: i64,
        delivery_count: i16,
    }

    NodeEndpoint {
        node_id: i32,
        host: String,
        port: i32,
        rack: Option<String> = None,
    }
}
