//! Deletes committed offsets of a group (KIP-496).

use crate::protocol::ErrorCode;
use crate::protocol::wire::{NEVER, wire};

wire! {
    /// The partitions to forget.
    OffsetDeleteRequest(47, 0..=0, NEVER) {
        group_id: String,
        topics: Vec<OffsetDeleteRequestTopic>,
    }

    OffsetDeleteRequestTopic {
        name: String,
        partitions: Vec<OffsetDeleteRequestPartition>,
    }

    OffsetDeleteRequestPartition {
        partition_index: i32,
    }

    /// What became of each.
    OffsetDeleteResponse(47, 0..=0, NEVER) {
        error_code: ErrorCode,
        throttle_time_ms: i32,
        topics: Vec<OffsetDeleteResponseTopic>,
    }

    OffsetDeleteResponseTopic {
        name: String,
        partitions: Vec<OffsetDeleteResponsePartition>,
    }

    OffsetDeleteResponsePartition {
        partition_index: i32,
        error_code: ErrorCode,
    }
}
