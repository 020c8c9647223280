//! More partitions for topics (KIP-195).

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// How many partitions each topic shall have.
    CreatePartitionsRequest(37, 0..=3, 2) {
        topics: Vec<CreatePartitionsTopic>,
        timeout_ms: i32,
        validate_only: bool,
    }

    CreatePartitionsTopic {
        name: String,
        count: i32,
        assignments: Option<Vec<CreatePartitionsAssignment>>,
    }

    CreatePartitionsAssignment {
        broker_ids: Vec<i32>,
    }

    /// What became of each.
    CreatePartitionsResponse(37, 0..=3, 2) {
        throttle_time_ms: i32,
        results: Vec<CreatePartitionsTopicResult>,
    }

    CreatePartitionsTopicResult {
        name: String,
        error_code: ErrorCode,
        error_message: Option<String> = None,
    }
}
