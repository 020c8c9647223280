//! Which reassignments are going on (KIP-455).

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// Asks for them.
    ListPartitionReassignmentsRequest(46, 0..=0, 0) {
        timeout_ms: i32 = 60000,
        topics: Option<Vec<ListPartitionReassignmentsTopics>> = None,
    }

    ListPartitionReassignmentsTopics {
        name: String,
        partition_indexes: Vec<i32>,
    }

    /// The ongoing reassignments.
    ListPartitionReassignmentsResponse(46, 0..=0, 0) {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        error_message: Option<String>,
        topics: Vec<OngoingTopicReassignment>,
    }

    OngoingTopicReassignment {
        name: String,
        partitions: Vec<OngoingPartitionReassignment>,
    }

    OngoingPartitionReassignment {
        partition_index: i32,
        replicas: Vec<i32>,
        adding_replicas: Vec<i32>,
        removing_replicas: Vec<i32>,
    }
}
