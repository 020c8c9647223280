//! A producer gets its id and epoch (KIP-98).

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// Asks for a producer id.
    InitProducerIdRequest(22, 0..=5, 2) {
        transactional_id: Option<String>,
        transaction_timeout_ms: i32,
        producer_id: i64 [3..] = -1,
        producer_epoch: i16 [3..] = -1,
    }

    /// Producer id and epoch.
    InitProducerIdResponse(22, 0..=5, 2) {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        producer_id: i64 = -1,
        producer_epoch: i16,
    }
}
