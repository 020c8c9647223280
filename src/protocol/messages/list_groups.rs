//! Which groups a broker coordinates.

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// Asks for groups, by state and type.
    ListGroupsRequest(16, 0..=5, 3) {
        states_filter: Vec<String> [4..],
        types_filter: Vec<String> [5..],
    }

    /// The groups.
    ListGroupsResponse(16, 0..=5, 3) {
        throttle_time_ms: i32 [1.., ignorable],
        error_code: ErrorCode,
        groups: Vec<ListedGroup>,
    }

    ListedGroup {
        group_id: String,
        protocol_type: String,
        group_state: String [4.., ignorable],
        group_type: String [5.., ignorable],
    }
}
