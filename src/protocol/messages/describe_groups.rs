//! The state of classic groups and their members.

use bytes::Bytes;

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// Asks for groups.
    DescribeGroupsRequest(15, 0..=6, 5) {
        groups: Vec<String>,
        include_authorized_operations: bool [3..],
    }

    /// The groups.
    DescribeGroupsResponse(15, 0..=6, 5) {
        throttle_time_ms: i32 [1.., ignorable],
        groups: Vec<DescribedGroup>,
    }

    DescribedGroup {
        error_code: ErrorCode,
        error_message: Option<String> [6..] = None,
        group_id: String,
        group_state: String,
        protocol_type: String,
        protocol_data: String,
        members: Vec<DescribedGroupMember>,
        authorized_operations: i32 [3..] = i32::MIN,
    }

    DescribedGroupMember {
        member_id: String,
        group_instance_id: Option<String> [4.., ignorable] = None,
        client_id: String,
        client_host: String,
        member_metadata: Bytes,
        member_assignment: Bytes,
    }
}
