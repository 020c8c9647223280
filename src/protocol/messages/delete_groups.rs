//! Deletes empty groups.

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// The groups to delete.
    DeleteGroupsRequest(42, 0..=2, 2) {
        groups_names: Vec<String>,
    }

    /// What became of each.
    DeleteGroupsResponse(42, 0..=2, 2) {
        throttle_time_ms: i32,
        results: Vec<DeletableGroupResult>,
    }

    DeletableGroupResult {
        group_id: String,
        error_code: ErrorCode,
    }
}
