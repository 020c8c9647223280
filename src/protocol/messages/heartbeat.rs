//! A member of a classic group is still alive.

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// Says so.
    HeartbeatRequest(12, 0..=4, 4) {
        group_id: String,
        generation_id: i32,
        member_id: String,
        group_instance_id: Option<String> [3..] = None,
    }

    /// Whether all is well or a rebalance is on.
    HeartbeatResponse(12, 0..=4, 4) {
        throttle_time_ms: i32 [1.., ignorable],
        error_code: ErrorCode,
    }
}
