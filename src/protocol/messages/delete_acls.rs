//! Deletes rules of who is allowed what (KIP-140, KIP-290).

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// Which rules go.
    DeleteAclsRequest(31, 1..=3, 2) {
        filters: Vec<DeleteAclsFilter>,
    }

    DeleteAclsFilter {
        resource_type_filter: i8,
        resource_name_filter: Option<String>,
        pattern_type_filter: i8 = 3,
        principal_filter: Option<String>,
        host_filter: Option<String>,
        operation: i8,
        permission_type: i8,
    }

    /// Which rules went.
    DeleteAclsResponse(31, 1..=3, 2) {
        throttle_time_ms: i32,
        filter_results: Vec<DeleteAclsFilterResult>,
    }

    DeleteAclsFilterResult {
        error_code: ErrorCode,
        error_message: Option<String>,
        matching_acls: Vec<DeleteAclsMatchingAcl>,
    }

    DeleteAclsMatchingAcl {
        error_code: ErrorCode,
        error_message: Option<String>,
        resource_type: i8,
        resource_name: String,
        pattern_type: i8 = 3,
        principal: String,
        host: String,
        operation: i8,
        permission_type: i8,
    }
}
