//! A broker keeps its registration alive, and asks to be unfenced or to shut down (KIP-631).

use crate::protocol::ErrorCode;
use crate::protocol::wire::{Uuid, wire};

wire! {
    /// The broker's state.
    BrokerHeartbeatRequest(63, 0..=1, 0) {
        broker_id: i32,
        broker_epoch: i64 = -1,
        current_metadata_offset: i64,
        want_fence: bool,
        want_shut_down: bool,
        offline_log_dirs: Vec<Uuid> [1.., tag 0],
    }

    /// What the controller makes of it.
    BrokerHeartbeatResponse(63, 0..=1, 0) {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        is_caught_up: bool,
        is_fenced: bool = true,
        should_shut_down: bool,
    }
}
