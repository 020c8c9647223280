//! Sets, deletes, appends to and subtracts from configurations (KIP-339).

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// The changes.
    IncrementalAlterConfigsRequest(44, 0..=1, 1) {
        resources: Vec<AlterConfigsResource>,
        validate_only: bool,
    }

    AlterConfigsResource {
        resource_type: i8,
        resource_name: String,
        configs: Vec<AlterableConfig>,
    }

    AlterableConfig {
        name: String,
        config_operation: i8,
        value: Option<String>,
    }

    /// What became of each.
    IncrementalAlterConfigsResponse(44, 0..=1, 1) {
        throttle_time_ms: i32,
        responses: Vec<AlterConfigsResourceResponse>,
    }

    AlterConfigsResourceResponse {
        error_code: ErrorCode,
        error_message: Option<String>,
        resource_type: i8,
        resource_name: String,
    }
}
