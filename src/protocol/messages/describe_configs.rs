//! The configuration of brokers, topics and groups.

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// Asks for configurations.
    DescribeConfigsRequest(32, 1..=4, 4) {
        resources: Vec<DescribeConfigsResource>,
        include_synonyms: bool,
        include_documentation: bool [3..],
    }

    DescribeConfigsResource {
        resource_type: i8,
        resource_name: String,
        configuration_keys: Option<Vec<String>>,
    }

    /// The configurations.
    DescribeConfigsResponse(32, 1..=4, 4) {
        throttle_time_ms: i32,
        results: Vec<DescribeConfigsResult>,
    }

    DescribeConfigsResult {
        error_code: ErrorCode,
        error_message: Option<String>,
        resource_type: i8,
        resource_name: String,
        configs: Vec<DescribeConfigsResourceResult>,
    }

    DescribeConfigsResourceResult {
        name: String,
        value: Option<String>,
        read_only: bool,
        config_source: i8 = -1,
        is_sensitive: bool,
        synonyms: Vec<DescribeConfigsSynonym>,
        config_type: i8 [3.., ignorable],
        documentation: Option<String> [3.., ignorable],
    }

    DescribeConfigsSynonym {
        name: String,
        value: Option<String>,
        source: i8,
    }
}
