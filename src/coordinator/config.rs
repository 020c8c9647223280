//! The broker's configs for groups, under Kafka's names.

use crate::assignor::ServerAssignor;
use crate::metadata::{Property, properties};
use crate::plant::Plants;

properties! {
    /// Broker configs that the group coordinator reads; names and defaults are Kafka's.
    pub struct GroupConfig {
        "group.min.session.timeout.ms" => min_session_timeout_ms: i32 = 6_000, "shortest session timeout a member may ask for";
        "group.max.session.timeout.ms" => max_session_timeout_ms: i32 = 1_800_000, "longest session timeout a member may ask for";
        "group.consumer.session.timeout.ms" => consumer_session_timeout_ms: i32 = 45_000,
            "after how much silence a member of a consumer group is out";
        "group.consumer.heartbeat.interval.ms" => consumer_heartbeat_interval_ms: i32 = 5_000,
            "how often members of consumer groups beat";
        "group.consumer.max.size" => consumer_max_size: i32 = i32::MAX, "most members of a consumer group";
        "group.consumer.assignors" => consumer_assignors: ServerAssignors = ServerAssignors::default(),
            "who may compute the assignments of consumer groups; the first is the default";
        "group.consumer.migration.policy" => consumer_migration_policy: MigrationPolicy = MigrationPolicy::Bidirectional,
            "whether classic groups of consumers become consumer groups, and the reverse";
        "group.consumer.regex.refresh.interval.ms" => consumer_regex_refresh_interval_ms: i32 = 600_000,
            "how often regular expressions are looked up again at least";
        "group.share.session.timeout.ms" => share_session_timeout_ms: i32 = 45_000,
            "after how much silence a member of a share group is out";
        "group.share.heartbeat.interval.ms" => share_heartbeat_interval_ms: i32 = 5_000,
            "how often members of share groups beat";
        "group.share.max.size" => share_max_size: i32 = 200, "most members of a share group";
        "group.share.initialize.retry.interval.ms" => share_initialize_retry_interval_ms: i32 = 30_000,
            "after how long the share coordinator is asked again to begin share partitions";
        "group.share.max.share.sessions" => share_max_sessions: u32 = 2_000, "share sessions that a broker keeps";
        "group.share.delivery.count.limit" => share_delivery_count_limit: i16 = 5,
            "how often a record is delivered to share groups at most";
        "group.share.record.lock.duration.ms" => share_record_lock_duration_ms: i32 = 30_000,
            "how long a share group's member holds a record";
        "group.share.partition.max.record.locks" => share_partition_max_record_locks: i64 = 2_000,
            "records of a share partition that may be in flight";
        "share.coordinator.snapshot.update.records.per.snapshot" => share_snapshot_update_records: i32 = 500,
            "updates of a share partition's state between two snapshots";
        "share.coordinator.state.topic.num.partitions" => share_state_topic_num_partitions: i32 = 50,
            "partitions of `__share_group_state`";
        "share.coordinator.state.topic.replication.factor" => share_state_topic_replication_factor: i16 = 3,
            "replicas of `__share_group_state`";
        "share.coordinator.state.topic.min.isr" => share_state_topic_min_isr: i16 = 2,
            "`min.insync.replicas` of `__share_group_state`";
        "share.coordinator.state.topic.segment.bytes" => share_state_topic_segment_bytes: i32 = 100 * 1024 * 1024,
            "`segment.bytes` of `__share_group_state`";
        "share.coordinator.state.topic.prune.interval.ms" => share_prune_interval_ms: i32 = 300_000,
            "how often `__share_group_state` is looked through for what nobody needs";
        "share.coordinator.cold.partition.snapshot.interval.ms" => share_cold_snapshot_interval_ms: i32 = 300_000,
            "how old the last snapshot of a share partition may become";
        "share.coordinator.write.timeout.ms" => share_write_timeout_ms: i32 = 5_000,
            "how long a write of a share partition's state may wait for its in-sync replicas";
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
        .. plants: Plants = Plants::NONE, "Known bugs that are built in.";
    }
}

/// The assignors that consumer groups may have, the default one first.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerAssignors(Vec<ServerAssignor>);

impl Default for ServerAssignors {
    fn default() -> Self {
        ServerAssignors(vec![ServerAssignor::Uniform, ServerAssignor::Range])
    }
}

impl ServerAssignors {
    pub(super) fn first(&self) -> ServerAssignor {
        self.0.first().copied().unwrap_or_default()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|assignor| assignor.name())
    }
}

impl Property for ServerAssignors {
    const EXPECTED: &'static str = "uniform, range or both";
    fn parse(text: &str) -> Option<Self> {
        let named: Option<Vec<_>> =
            text.split(',').map(|name| ServerAssignor::from_name(name.trim())).collect();
        named.map(ServerAssignors)
    }
    fn text(&self) -> String {
        self.names().collect::<Vec<_>>().join(",")
    }
}

/// Which way groups of consumers may go from one protocol to the other while they work (KIP-848).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationPolicy {
    /// Neither.
    Disabled,
    /// From classic to consumer.
    Upgrade,
    /// From consumer to classic.
    Downgrade,
    /// Both.
    Bidirectional,
}

impl MigrationPolicy {
    pub(super) fn upgrades(self) -> bool {
        matches!(self, MigrationPolicy::Upgrade | MigrationPolicy::Bidirectional)
    }

    pub(super) fn downgrades(self) -> bool {
        matches!(self, MigrationPolicy::Downgrade | MigrationPolicy::Bidirectional)
    }
}

impl Property for MigrationPolicy {
    const EXPECTED: &'static str = "bidirectional, upgrade, downgrade or disabled";
    fn parse(text: &str) -> Option<Self> {
        Some(match text.trim().to_ascii_lowercase().as_str() {
            "disabled" => MigrationPolicy::Disabled,
            "upgrade" => MigrationPolicy::Upgrade,
            "downgrade" => MigrationPolicy::Downgrade,
            "bidirectional" => MigrationPolicy::Bidirectional,
            _ => return None,
        })
    }
    fn text(&self) -> String {
        let text = match self {
            MigrationPolicy::Disabled => "disabled",
            MigrationPolicy::Upgrade => "upgrade",
            MigrationPolicy::Downgrade => "downgrade",
            MigrationPolicy::Bidirectional => "bidirectional",
        };
        text.to_owned()
    }
}
