//! A member enters a rebalance of a classic group.

use bytes::Bytes;

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// Joins, naming the protocols that the member supports.
    JoinGroupRequest(11, 0..=9, 6) {
        group_id: String,
        session_timeout_ms: i32,
        rebalance_timeout_ms: i32 [1.., ignorable] = -1,
        member_id: String,
        group_instance_id: Option<String> [5..] = None,
        protocol_type: String,
        protocols: Vec<JoinGroupRequestProtocol>,
        reason: Option<String> [8.., ignorable] = None,
    }

    JoinGroupRequestProtocol {
        name: String,
        metadata: Bytes,
    }

    /// The generation that came of it; for its leader, all members.
    JoinGroupResponse(11, 0..=9, 6) {
        throttle_time_ms: i32 [2.., ignorable],
        error_code: ErrorCode,
        generation_id: i32 = -1,
        protocol_type: Option<String> [7.., ignorable] = None,
        protocol_name: Option<String> [null 7..],
        leader: String,
        skip_assignment: bool [9..],
        member_id: String,
        members: Vec<JoinGroupResponseMember>,
    }

    JoinGroupResponseMember {
        member_id: String,
        group_instance_id: Option<String> [5.., ignorable] = None,
        metadata: Bytes,
    }
}
