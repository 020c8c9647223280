//! A group commits the offsets it has reached.

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// The offsets to commit.
    OffsetCommitRequest(8, 2..=9, 8) {
        group_id: String,
        generation_id_or_member_epoch: i32 = -1,
        member_id: String,
        group_instance_id: Option<String> [7..] = None,
        retention_time_ms: i64 [..=4, ignorable] = -1,
        topics: Vec<OffsetCommitRequestTopic>,
    }

    OffsetCommitRequestTopic {
        name: String,
        partitions: Vec<OffsetCommitRequestPartition>,
    }

    OffsetCommitRequestPartition {
        partition_index: i32,
        committed_offset: i64,
        committed_leader_epoch: i32 [6.., ignorable] = -1,
        committed_metadata: Option<String>,
    }

    /// What became of each.
    OffsetCommitResponse(8, 2..=9, 8) {
        throttle_time_ms: i32 [3.., ignorable],
        topics: Vec<OffsetCommitResponseTopic>,
    }

    OffsetCommitResponseTopic {
        name: String,
        partitions: Vec<OffsetCommitResponsePartition>,
    }

    OffsetCommitResponsePartition {
        partition_index: i32,
        error_code: ErrorCode,
    }
}
