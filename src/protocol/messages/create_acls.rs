//! New rules of who is allowed what (KIP-140, KIP-290).

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// The rules.
    CreateAclsRequest(30, 1..=3, 2) {
        creations: Vec<AclCreation>,
    }

    AclCreation {
        resource_type: i8,
        resource_name: String,
        resource_pattern_type: i8 = 3,
        principal: String,
        host: String,
        operation: i8,
        permission_type: i8,
    }

    /// What became of each.
    CreateAclsResponse(30, 1..=3, 2) {
        throttle_time_ms: i32,
        results: Vec<AclCreationResult>,
    }

    AclCreationResult {
        error_code: ErrorCode,
        error_message: Option<String>,
    }
}
