//! Deletes topics.

use crate::protocol::ErrorCode;
use crate::protocol::wire::{Uuid, wire};

wire! {
    /// The topics to delete.
    DeleteTopicsRequest(20, 1..=6, 4) {
        topics: Vec<DeleteTopicState> [6..],
        topic_names: Vec<String> [..=5, ignorable],
        timeout_ms: i32,
    }

    DeleteTopicState {
        name: Option<String> = None,
        topic_id: Uuid,
    }

    /// What became of each.
    DeleteTopicsResponse(20, 1..=6, 4) {
        throttle_time_ms: i32,
        responses: Vec<DeletableTopicResult>,
    }

    DeletableTopicResult {
        name: Option<String> [null 6..],
        topic_id: Uuid [6.., ignorable],
        error_code: ErrorCode,
        error_message: Option<String> [5.., ignorable] = None,
    }
}
