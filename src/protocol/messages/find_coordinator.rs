//! Which broker coordinates a group or a transactional id (KIP-699).

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// Asks for coordinators.
    FindCoordinatorRequest(10, 0..=6, 3) {
        key: String [..=3],
        key_type: i8 [1..],
        coordinator_keys: Vec<String> [4..],
    }

    /// The coordinators.
    FindCoordinatorResponse(10, 0..=6, 3) {
        throttle_time_ms: i32 [1.., ignorable],
        error_code: ErrorCode [..=3],
        error_message: Option<String> [1..=3, ignorable],
        node_id: i32 [..=3],
        host: String [..=3],
        port: i32 [..=3],
        coordinators: Vec<Coordinator> [4..],
    }

    Coordinator {
        key: String,
        node_id: i32,
        host: String,
        port: i32,
        error_code: ErrorCode,
        error_message: Option<String>,
    }
}
