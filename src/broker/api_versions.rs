//! What a broker speaks, and which features the cluster has.
//!
//! Source: KIP-35, KIP-511 (client software, versions from the future), KIP-584 (features), KIP-1022
//! (features that may be at level 0 are told from version 4 on).

use bytes::Bytes;

use crate::broker::server::{is_served, is_served_on_zookeeper};
use crate::broker::{Broker, Ctx};
use crate::metadata::ELIGIBLE_LEADER_REPLICAS;
use crate::protocol::messages::api_versions::{
    ApiVersion, ApiVersionsRequest, ApiVersionsResponse, FinalizedFeatureKey, SupportedFeatureKey,
};
use crate::protocol::{ApiKey, ErrorCode, Message, WireError};

/// Features and their lowest and highest levels in Kafka 4.1, as far as this broker has them.
const FEATURES: [(&str, i16, i16); 5] = [
    (ELIGIBLE_LEADER_REPLICAS, 0, 1),
    ("group.version", 0, 1),
    ("kraft.version", 0, 1),
    ("metadata.version", 7, 27),
    ("share.version", 0, 1),
];
/// Levels that hold in every world, without a record in the metadata log: the consumer protocol and
/// share groups are served.
const FINALIZED: [(&str, i16); 2] = [("group.version", 1), ("share.version", 1)];
/// The first version whose clients can read a feature that may be at level 0.
const LEVEL_0_SINCE: i16 = 4;

impl Broker {
    pub(super) fn api_versions(
        &mut self,
        ctx: &mut Ctx,
        token: u64,
        version: i16,
        body: &Bytes,
    ) -> Result<(), WireError> {
        if !ApiKey::ApiVersions.has_version(version) {
            // A version from the future is answered in version 0 with what there is.
            self.server.answer_in_version(token, 0);
            let error_code = ErrorCode::UnsupportedVersion;
            let response = ApiVersionsResponse {
                error_code,
                api_keys: spoken(self.zookeeper.is_some()),
                ..Default::default()
            };
            self.reply(ctx, token, &response);
            return Ok(());
        }
        let request = ApiVersionsRequest::decode(body, version)?;
        let named =
            is_software(&request.client_software_name) && is_software(&request.client_software_version);
        if version >= 3 && !named {
            let error_code = ErrorCode::InvalidRequest;
            self.reply(ctx, token, &ApiVersionsResponse { error_code, ..Default::default() });
            return Ok(());
        }
        let mut response =
            ApiVersionsResponse { api_keys: spoken(self.zookeeper.is_some()), ..Default::default() };
        if version >= 3 {
            let on_zookeeper = self.zookeeper.is_some();
            let has = |name: &str| !on_zookeeper || name != ELIGIBLE_LEADER_REPLICAS;
            let told =
                FEATURES.iter().filter(|(name, min, _)| (*min > 0 || version >= LEVEL_0_SINCE) && has(name));
            response.supported_features = told
                .map(|(name, min_version, max_version)| SupportedFeatureKey {
                    name: (*name).into(),
                    min_version: *min_version,
                    max_version: *max_version,
                })
                .collect();
            let finalized = |(name, level): (&str, i16)| FinalizedFeatureKey {
                name: name.to_owned(),
                max_version_level: level,
                min_version_level: level,
            };
            let kept = self.image.features.iter().map(|(name, level)| (&**name, *level));
            response.finalized_features = kept.chain(FINALIZED).map(finalized).collect();
            response.finalized_features_epoch = self.image.end_offset - 1;
        }
        self.reply(ctx, token, &response);
        Ok(())
    }
}

/// Every API that is served, with its versions.
fn spoken(on_zookeeper: bool) -> Vec<ApiVersion> {
    let told = |api: &ApiKey| {
        let versions = api.versions()?;
        // librdkafka wants to see the oldest versions of Produce, which nobody answers (KAFKA-18659).
        let min_version = if *api == ApiKey::Produce { 0 } else { *versions.start() };
        Some(ApiVersion { api_key: api.code(), min_version, max_version: *versions.end() })
    };
    let served = |api: &&ApiKey| is_served(**api) || on_zookeeper && is_served_on_zookeeper(**api);
    ApiKey::ALL.iter().filter(served).filter_map(told).collect()
}

/// KIP-511: letters, digits, dots and hyphens, the latter two neither first nor last.
fn is_software(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    bytes.iter().all(|b| inner(*b)) && edge(bytes.first()) && edge(bytes.last())
}
