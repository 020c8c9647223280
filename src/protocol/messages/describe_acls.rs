//! Who is allowed what (KIP-140, KIP-290).

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// Asks for the rules that fit.
    DescribeAclsRequest(29, 1..=3, 2) {
        resource_type_filter: i8,
        resource_name_filter: Option<String>,
        pattern_type_filter: i8 = 3,
        principal_filter: Option<String>,
        host_filter: Option<String>,
        operation: i8,
        permission_type: i8,
    }

    /// The rules.
    DescribeAclsResponse(29, 1..=3, 2) {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        error_message: Option<String>,
        resources: Vec<DescribeAclsResource>,
    }

    DescribeAclsResource {
        resource_type: i8,
        resource_name: String,
        pattern_type: i8 = 3,
        acls: Vec<AclDescription>,
    }

    AclDescription {
        principal: String,
        host: String,
        operation: i8,
        permission_type: i8,
    }
}
