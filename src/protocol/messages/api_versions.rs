//! Which APIs a node speaks, and in which versions (KIP-35, KIP-482, KIP-584).

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// Asks what the node speaks; the first request on a connection.
    ApiVersionsRequest(18, 0..=4, 3) {
        client_software_name: String [3.., ignorable],
        client_software_version: String [3.., ignorable],
    }

    /// What the node speaks.
    ApiVersionsResponse(18, 0..=4, 3) {
        error_code: ErrorCode,
        api_keys: Vec<ApiVersion>,
        throttle_time_ms: i32 [1.., ignorable],
        supported_features: Vec<SupportedFeatureKey> [3.., tag 0, ignorable],
        finalized_features_epoch: i64 [3.., tag 1, ignorable] = -1,
        finalized_features: Vec<FinalizedFeatureKey> [3.., tag 2, ignorable],
        zk_migration_ready: bool [3.., tag 3, ignorable],
    }

    ApiVersion {
        api_key: i16,
        min_version: i16,
        max_version: i16,
    }

    SupportedFeatureKey {
        name: String,
        min_version: i16,
        max_version: i16,
    }

    FinalizedFeatureKey {
        name: String,
        max_version_level: i16,
        min_version_level: i16,
    }
}
