//! The broker's configs for groups, under Kafka's names.

use crate::metadata::properties;

properties! {
    /// Broker configs that the group coordinator reads; names and defaults are Kafka's.
    pub struct GroupConfig {
        "group.min.session.timeout.ms" => min_session_timeout_ms: i32 = 6_000, "shortest session timeout a member may ask for";
        "group.max.session.timeout.ms" => max_session_timeout_ms: i32 = 1_800_000, "longest session timeout a member may ask for";
        "group.initial.rebalance.delay.ms" => initial_rebalance_delay_ms: i32 = 3_000,
            "how long a new group waits for more members before its first rebalance";
        "group.max.size" => max_size: i32 = i32::MAX, "most members of a group";
        "offset.metadata.max.bytes" => offset_metadata_max_bytes: i32 = 4_096, "longest metadata committed with an offset";
        "offsets.topic.num.partitions" => offsets_topic_num_partitions: i32 = 50, "partitions of `__consumer_offsets`";
        "offsets.topic.replication.factor" => offsets_topic_replication_factor: i16 = 3, "replicas of `__consumer_offsets`";
        "offsets.topic.segment.bytes" => offsets_topic_segment_bytes: i32 = 100 * 1024 * 1024,
            "`segment.bytes` of `__consumer_offsets`";
        "offsets.retention.minutes" => offsets_retention_minutes: i32 = 7 * 24 * 60,
            "how long offsets of an empty group are kept";
        "offsets.retention.check.interval.ms" => offsets_retention_check_interval_ms: i64 = 600_000,
            "how often expired offsets are looked for";
        "offsets.commit.timeout.ms" => offsets_commit_timeout_ms: i32 = 5_000, "how long a commit may wait for its in-sync replicas";
    }
}
