//! Which resources have configs (KIP-714, KIP-1142).

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// Asks for resources of these types, or for all when there are none. Version 0 asks for client
    /// metrics subscriptions alone.
    ListConfigResourcesRequest(74, 0..=1, 0) {
        resource_types: Vec<i8> [1..],
    }

    /// The resources.
    ListConfigResourcesResponse(74, 0..=1, 0) {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        config_resources: Vec<ConfigResource>,
    }

    ConfigResource {
        resource_name: String,
        resource_type: i8 [1.., ignorable] = 16,
    }
}
