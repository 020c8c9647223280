//! Which quotas clients have (KIP-546).

use crate::protocol::ErrorCode;
use crate::protocol::wire::{Float64, wire};

wire! {
    /// Asks for the quotas of entities that fit.
    DescribeClientQuotasRequest(48, 0..=1, 1) {
        components: Vec<ComponentData>,
        strict: bool,
    }

    ComponentData {
        entity_type: String,
        match_type: i8,
        _match: Option<String>,
    }

    /// The quotas.
    DescribeClientQuotasResponse(48, 0..=1, 1) {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        error_message: Option<String>,
        entries: Option<Vec<EntryData>>,
    }

    EntryData {
        entity: Vec<EntityData>,
        values: Vec<ValueData>,
    }

    EntityData {
        entity_type: String,
        entity_name: Option<String>,
    }

    ValueData {
        key: String,
        value: Float64,
    }
}
