//! A broker gets a block of producer ids from the controller (KIP-730).

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// Asks for a block.
    AllocateProducerIdsRequest(67, 0..=0, 0) {
        broker_id: i32,
        broker_epoch: i64 = -1,
    }

    /// The block.
    AllocateProducerIdsResponse(67, 0..=0, 0) {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        producer_id_start: i64,
        producer_id_len: i32,
    }
}
