//! The offsets that groups have committed.

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// Asks for committed offsets.
    OffsetFetchRequest(9, 1..=9, 6) {
        group_id: String [..=7],
        topics: Option<Vec<OffsetFetchRequestTopic>> [..=7, null 2..],
        groups: Vec<OffsetFetchRequestGroup> [8..],
        require_stable: bool [7..],
    }

    OffsetFetchRequestTopic {
        name: String [..=7],
        partition_indexes: Vec<i32> [..=7],
    }

    OffsetFetchRequestGroup {
        group_id: String,
        member_id: Option<String> [9.., ignorable] = None,
        member_epoch: i32 [9.., ignorable] = -1,
        topics: Option<Vec<OffsetFetchRequestTopics>>,
    }

    OffsetFetchRequestTopics {
        name: String,
        partition_indexes: Vec<i32>,
    }

    /// The committed offsets.
    OffsetFetchResponse(9, 1..=9, 6) {
        throttle_time_ms: i32 [3.., ignorable],
        topics: Vec<OffsetFetchResponseTopic> [..=7],
        error_code: ErrorCode [2..=7, ignorable],
        groups: Vec<OffsetFetchResponseGroup> [8..],
    }

    OffsetFetchResponseTopic {
        name: String [..=7],
        partitions: Vec<OffsetFetchResponsePartition> [..=7],
    }

    OffsetFetchResponsePartition {
        partition_index: i32 [..=7],
        committed_offset: i64 [..=7],
        committed_leader_epoch: i32 [5..=7, ignorable] = -1,
        metadata: Option<String> [..=7],
        error_code: ErrorCode [..=7],
    }

    OffsetFetchResponseGroup {
        group_id: String,
        topics: Vec<OffsetFetchResponseTopics>,
        error_code: ErrorCode,
    }

    OffsetFetchResponseTopics {
        name: String,
        partitions: Vec<OffsetFetchResponsePartitions>,
    }

    OffsetFetchResponsePartitions {
        partition_index: i32,
        committed_offset: i64,
        committed_leader_epoch: i32 = -1,
        metadata: Option<String>,
        error_code: ErrorCode,
    }
}
