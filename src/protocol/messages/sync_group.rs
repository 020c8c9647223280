//! The assignment of a generation: from its leader, to every member.

use bytes::Bytes;

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// Asks for the member's assignment; the leader sends all of them along.
    SyncGroupRequest(14, 0..=5, 4) {
        group_id: String,
        generation_id: i32,
        member_id: String,
        group_instance_id: Option<String> [3..] = None,
        protocol_type: Option<String> [5.., ignorable] = None,
        protocol_name: Option<String> [5.., ignorable] = None,
        assignments: Vec<SyncGroupRequestAssignment>,
    }

    SyncGroupRequestAssignment {
        member_id: String,
        assignment: Bytes,
    }

    /// The member's assignment.
    SyncGroupResponse(14, 0..=5, 4) {
        throttle_time_ms: i32 [1.., ignorable],
        error_code: ErrorCode,
        protocol_type: Option<String> [5.., ignorable] = None,
        protocol_name: Option<String> [5.., ignorable] = None,
        assignment: Bytes,
    }
}
