//! The broker's configs for groups, under Kafka's names.

use serde::{Deserialize, Serialize};

/// Broker configs that the group coordinator reads; names and defaults are Kafka's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct GroupConfig {
    /// The shortest session timeout a member may ask for.
    #[serde(rename = "group.min.session.timeout.ms")]
    pub min_session_timeout_ms: i32,
    /// The longest session timeout a member may ask for.
    #[serde(rename = "group.max.session.timeout.ms")]
    pub max_session_timeout_ms: i32,
    /// How long a new group waits for more members before its first rebalance.
    #[serde(rename = "group.initial.rebalance.delay.ms")]
    pub initial_rebalance_delay_ms: i32,
    /// The most members a group may have.
    #[serde(rename = "group.max.size")]
    pub max_size: i32,
    /// The longest metadata that may be committed with an offset.
    #[serde(rename = "offset.metadata.max.bytes")]
    pub offset_metadata_max_bytes: i32,
    /// Partitions of `__consumer_offsets`.
    #[serde(rename = "offsets.topic.num.partitions")]
    pub offsets_topic_num_partitions: i32,
    /// Replication factor of `__consumer_offsets`.
    #[serde(rename = "offsets.topic.replication.factor")]
    pub offsets_topic_replication_factor: i16,
    /// `segment.bytes` of `__consumer_offsets`.
    #[serde(rename = "offsets.topic.segment.bytes")]
    pub offsets_topic_segment_bytes: i32,
    /// How long the offsets of an empty group are kept. Not acted on yet.
    #[serde(rename = "offsets.retention.minutes")]
    pub offsets_retention_minutes: i32,
    /// How often expired offsets are looked for. Not acted on yet.
    #[serde(rename = "offsets.retention.check.interval.ms")]
    pub offsets_retention_check_interval_ms: i64,
    /// How long a commit may wait for its in-sync replicas.
    #[serde(rename = "offsets.commit.timeout.ms")]
    pub offsets_commit_timeout_ms: i32,
}

impl Default for GroupConfig {
    fn default() -> Self {
        GroupConfig {
            min_session_timeout_ms: 6_000,
            max_session_timeout_ms: 1_800_000,
            initial_rebalance_delay_ms: 3_000,
            max_size: i32::MAX,
            offset_metadata_max_bytes: 4_096,
            offsets_topic_num_partitions: 50,
            offsets_topic_replication_factor: 3,
            offsets_topic_segment_bytes: 100 * 1024 * 1024,
            offsets_retention_minutes: 7 * 24 * 60,
            offsets_retention_check_interval_ms: 600_000,
            offsets_commit_timeout_ms: 5_000,
        }
    }
}
