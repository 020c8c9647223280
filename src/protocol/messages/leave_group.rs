//! Members leave a classic group (KIP-345).

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// Says who leaves.
    LeaveGroupRequest(13, 0..=5, 4) {
        group_id: String,
        member_id: String [..=2],
        members: Vec<MemberIdentity> [3..],
    }

    MemberIdentity {
        member_id: String,
        group_instance_id: Option<String> = None,
        reason: Option<String> [5.., ignorable] = None,
    }

    /// What became of each.
    LeaveGroupResponse(13, 0..=5, 4) {
        throttle_time_ms: i32 [1.., ignorable],
        error_code: ErrorCode,
        members: Vec<MemberResponse> [3..],
    }

    MemberResponse {
        member_id: String,
        group_instance_id: Option<String>,
        error_code: ErrorCode,
    }
}
