//! The cluster's metadata: records → image, and the configs that are part of it.
//!
//! Controller and brokers hold an image each and feed it from the same log; only
//! [`MetadataImage::replay`] changes one. Must not know who writes the log or who reads it.
//!
//! Source: KIP-500, KIP-631 (record schemas), Kafka documentation *KRaft*.

mod config;
mod image;
mod names;
mod quotas;
mod snapshot;
mod snapshots;
mod voters;

pub(crate) use config::properties;
pub use config::{
    Allowed, BROKER_CONFIGS, BrokerLayers, CLIENT_METRICS_CONFIGS, ConfigDef, ConfigEntry, ConfigError,
    ConfigKind, ConfigSource, ConfigSynonym, GROUP_CONFIGS, Properties, Property, TOPIC_CONFIGS,
    TopicConfigs, UpdateMode, broker_config, check_broker_configs, check_client_metrics_configs,
    check_group_configs, check_share_configs, check_topic_configs, client_metrics_entries, duration_ms,
    fixed_topic_default, group_entries, topic_config, topic_entries,
};
pub use image::{
    BROKER_LOGGER_RESOURCE, BROKER_RESOURCE, BrokerRegistration, CLIENT_METRICS_RESOURCE, Configs,
    EXTERNAL_LISTENER, Endpoint, GROUP_RESOURCE, INTERNAL_LISTENER, MetadataImage, NO_LEADER,
    PartitionRegistration, TOPIC_RESOURCE, TopicImage,
};
pub use names::{
    CLUSTER_METADATA_TOPIC, CLUSTER_METADATA_TOPIC_ID, ELIGIBLE_LEADER_REPLICAS, check_topic_name,
    topic_names_collide,
};
pub use quotas::{
    CLIENT_ID, CONSUMER_BYTE_RATE, CONTROLLER_MUTATION_RATE, IP, PRODUCER_BYTE_RATE, QuotaEntity,
    QuotaFilter, Quotas, USER, quota_record,
};
pub use snapshot::{Download, NoSnapshot, Snapshot, SnapshotId};
pub use snapshots::{SnapshotLimits, Snapshots};
pub use voters::{CONTROLLER_ID, CONTROLLER_PORT, Voter, Voters};
