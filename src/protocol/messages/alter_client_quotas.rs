//! Sets and removes quotas of clients (KIP-546).

use crate::protocol::ErrorCode;
use crate::protocol::wire::{Float64, wire};

wire! {
    /// The quotas to alter.
    AlterClientQuotasRequest(49, 0..=1, 1) {
        entries: Vec<RequestEntryData>,
        validate_only: bool,
    }

    RequestEntryData {
        entity: Vec<RequestEntityData>,
        ops: Vec<OpData>,
    }

    RequestEntityData {
        entity_type: String,
        entity_name: Option<String>,
    }

    OpData {
        key: String,
        value: Float64,
        remove: bool,
    }

    /// What became of each entity.
    AlterClientQuotasResponse(49, 0..=1, 1) {
        throttle_time_ms: i32,
        entries: Vec<ResponseEntryData>,
    }

    ResponseEntryData {
        error_code: ErrorCode,
        error_message: Option<String>,
        entity: Vec<ResponseEntityData>,
    }

    ResponseEntityData {
        entity_type: String,
        entity_name: Option<String>,
    }
}
