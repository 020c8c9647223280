//! What the stage's brokers say of themselves.

use std::sync::Arc;

use terrarium::metadata::{MetadataImage, PartitionRegistration, TopicImage};
use terrarium::protocol::ApiKey;
use terrarium::protocol::messages::api_versions::{ApiVersion, ApiVersionsResponse};

use crate::stage::TOPIC_ID;

/// The brokers' metadata: the only topic.
pub(crate) fn image(partitions: usize) -> MetadataImage {
    let partition = |number: usize| {
        let registration = PartitionRegistration {
            replicas: vec![1, 2],
            isr: vec![1, 2],
            elr: Vec::new(),
            last_known_elr: Vec::new(),
            adding_replicas: Vec::new(),
            removing_replicas: Vec::new(),
            leader: 1,
            leader_epoch: 0,
            partition_epoch: 0,
        };
        (number as i32, registration)
    };
    let partitions = (0..partitions).map(partition).collect();
    let topic = TopicImage { name: "t".into(), id: TOPIC_ID, partitions };
    MetadataImage {
        topics: [("t".into(), Arc::new(topic))].into_iter().collect(),
        topic_names: [(TOPIC_ID, "t".into())].into_iter().collect(),
        ..MetadataImage::default()
    }
}

/// What both brokers can do.
pub(crate) fn api_versions() -> ApiVersionsResponse {
    let apis = [
        (ApiKey::ApiVersions, 4),
        (ApiKey::Metadata, 13),
        (ApiKey::FindCoordinator, 6),
        (ApiKey::ListOffsets, 10),
        (ApiKey::Fetch, 17),
        (ApiKey::OffsetForLeaderEpoch, 4),
        (ApiKey::JoinGroup, 9),
        (ApiKey::SyncGroup, 5),
        (ApiKey::Heartbeat, 4),
        (ApiKey::LeaveGroup, 5),
        (ApiKey::OffsetCommit, 9),
        (ApiKey::OffsetFetch, 9),
        (ApiKey::ConsumerGroupHeartbeat, 1),
        (ApiKey::ShareGroupHeartbeat, 1),
        (ApiKey::ShareFetch, 1),
        (ApiKey::ShareAcknowledge, 1),
    ];
    let api =
        |(key, max_version): (ApiKey, i16)| ApiVersion { api_key: key.code(), min_version: 0, max_version };
    ApiVersionsResponse { api_keys: apis.into_iter().map(api).collect(), ..Default::default() }
}
