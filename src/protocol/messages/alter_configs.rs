//! Replaces whole configurations; superseded by IncrementalAlterConfigs.

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// The configurations to set.
    AlterConfigsRequest(33, 0..=2, 2) {
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
        value: Option<String>,
    }

    /// What became of each.
    AlterConfigsResponse(33, 0..=2, 2) {
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
