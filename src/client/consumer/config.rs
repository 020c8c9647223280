//! What a consumer can be told, in Kafka's names and with Kafka 4.1's defaults, and what the
//! application around it does.

mod reset;
mod share;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::assignor::AssignorKind;
use crate::base::{Pattern, Set};
use crate::client::backoff::Backoff;
use crate::client::network::NetworkConfig;

pub use reset::OffsetReset;
pub use share::{AcknowledgeType, Handling, ShareAcknowledgementMode};

/// Configuration of a consumer.
///
/// Source: Apache Kafka 4.1 documentation, *Consumer Configs*. Times are in milliseconds,
/// sizes in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ConsumerConfig {
    /// The group; without it the consumer must be given partitions and cannot commit.
    #[serde(rename = "group.id")]
    pub group_id: Option<Arc<str>>,
    /// Makes it a static member: it keeps its partitions over a restart (KIP-345).
    #[serde(rename = "group.instance.id")]
    pub group_instance_id: Option<Arc<str>>,
    /// The name that the consumer sends with every request.
    #[serde(rename = "client.id")]
    pub client_id: Arc<str>,
    /// Who hands out the group's partitions: one of its members, or its coordinator (KIP-848).
    #[serde(rename = "group.protocol")]
    pub group_protocol: GroupProtocol,
    /// With `group.protocol=consumer`, which of the coordinator's assignors: `uniform` or `range`;
    /// the coordinator's first one if it is not given.
    #[serde(rename = "group.remote.assignor")]
    pub group_remote_assignor: Option<Arc<str>>,
    /// In a share group, who says what became of records (KIP-932).
    #[serde(rename = "share.acknowledgement.mode")]
    pub share_acknowledgement_mode: ShareAcknowledgementMode,
    /// Where the consumer is; assignors prefer partitions with a replica there (KIP-881).
    #[serde(rename = "client.rack")]
    pub client_rack: Option<Arc<str>>,
    /// Silent for so long, a member is out of the group.
    #[serde(rename = "session.timeout.ms")]
    pub session_timeout_ms: i32,
    /// Time between heartbeats.
    #[serde(rename = "heartbeat.interval.ms")]
    pub heartbeat_interval_ms: u64,
    /// So long between two polls, the consumer leaves the group.
    #[serde(rename = "max.poll.interval.ms")]
    pub max_poll_interval_ms: i32,
    /// One poll returns at most so many records.
    #[serde(rename = "max.poll.records")]
    pub max_poll_records: u32,
    /// Where to begin without a valid committed offset.
    #[serde(rename = "auto.offset.reset")]
    pub auto_offset_reset: OffsetReset,
    /// Commit in the background what polls have returned.
    #[serde(rename = "enable.auto.commit")]
    pub enable_auto_commit: bool,
    /// Time between such commits.
    #[serde(rename = "auto.commit.interval.ms")]
    pub auto_commit_interval_ms: u64,
    /// A fetch waits until there is so much.
    #[serde(rename = "fetch.min.bytes")]
    pub fetch_min_bytes: i32,
    /// A fetch returns at most so much, but always a first batch.
    #[serde(rename = "fetch.max.bytes")]
    pub fetch_max_bytes: i32,
    /// The same for each partition.
    #[serde(rename = "max.partition.fetch.bytes")]
    pub max_partition_fetch_bytes: i32,
    /// A fetch waits no longer than this.
    #[serde(rename = "fetch.max.wait.ms")]
    pub fetch_max_wait_ms: i32,
    /// Assignors that it offers, the preferred first: the group takes one that all members know.
    /// Rebalances are cooperative if all of these can be, which is not so by default (KIP-429).
    #[serde(rename = "partition.assignment.strategy")]
    pub partition_assignment_strategy: Vec<AssignorKind>,
    /// Whether records of open and aborted transactions are read.
    #[serde(rename = "isolation.level")]
    pub isolation_level: IsolationLevel,
    /// A request without response fails after this, and its connection is closed.
    #[serde(rename = "request.timeout.ms")]
    pub request_timeout_ms: u64,
    /// `commitSync()` gives up after this.
    #[serde(rename = "default.api.timeout.ms")]
    pub default_api_timeout_ms: u64,
    /// Wait before the first retry; it doubles with each further one.
    #[serde(rename = "retry.backoff.ms")]
    pub retry_backoff_ms: u64,
    /// No wait between retries is longer.
    #[serde(rename = "retry.backoff.max.ms")]
    pub retry_backoff_max_ms: u64,
    /// Metadata are asked for anew after this.
    #[serde(rename = "metadata.max.age.ms")]
    pub metadata_max_age_ms: u64,
    /// Wait before connecting again to a broker; it doubles with each failure.
    #[serde(rename = "reconnect.backoff.ms")]
    pub reconnect_backoff_ms: u64,
    /// No wait between connection attempts is longer.
    #[serde(rename = "reconnect.backoff.max.ms")]
    pub reconnect_backoff_max_ms: u64,
    /// A connection is given up when it is not ready after this.
    #[serde(rename = "socket.connection.setup.timeout.ms")]
    pub connection_setup_timeout_ms: u64,
    /// Connections without traffic are closed after this.
    #[serde(rename = "connections.max.idle.ms")]
    pub connections_max_idle_ms: u64,
    /// Whether subscribing to a topic may create it.
    #[serde(rename = "allow.auto.create.topics")]
    pub allow_auto_create_topics: bool,
}

/// `group.protocol`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum GroupProtocol {
    /// One member, the leader, hands out the partitions, and all wait for it.
    #[default]
    Classic,
    /// The coordinator hands them out, and nobody waits (KIP-848).
    Consumer,
    /// Nobody owns a partition: members share its records one by one (KIP-932). In Kafka that is a
    /// client of its own, KafkaShareConsumer.
    Share,
}

/// `isolation.level`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum IsolationLevel {
    /// All records.
    #[default]
    ReadUncommitted,
    /// Nothing behind the first open transaction.
    ReadCommitted,
}

impl IsolationLevel {
    /// The number in requests.
    pub fn code(self) -> i8 {
        match self {
            IsolationLevel::ReadUncommitted => 0,
            IsolationLevel::ReadCommitted => 1,
        }
    }
}

/// The application around a consumer: a loop of `poll()`, processing record by record, and
/// perhaps committing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ConsumerApp {
    /// `subscribe()`: the group shares these topics' partitions.
    pub topics: Vec<Arc<str>>,
    /// `subscribe()` by pattern, in place of `topics`: all topics whose whole names match. The
    /// consumer looks for them; with `group.protocol=consumer` its coordinator does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic_regex: Option<Arc<str>>,
    /// `assign()`, in place of `topics`: exactly these partitions, without a group's help.
    pub partitions: Vec<AssignedPartition>,
    /// Processing one record takes so long.
    pub process_ms: u64,
    /// That time varies by up to so many percent either way (seeded, so repeatable).
    pub jitter_percent: u32,
    /// Records that it handles otherwise: of each the first of these that is about it decides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub handling: Vec<Handling>,
    /// When offsets are committed, or, in a share group, acknowledgements waited for.
    pub commit: CommitMode,
    /// Its rebalance listener takes so long when partitions are revoked or lost.
    #[serde(skip_serializing_if = "is_zero")]
    pub revoked_ms: u64,
    /// And so long when partitions are assigned.
    #[serde(skip_serializing_if = "is_zero")]
    pub assigned_ms: u64,
    /// The listener commits what was processed of the partitions that are revoked.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub commit_on_revoke: bool,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A partition by topic and number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AssignedPartition {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition's number.
    pub partition: i32,
}

/// When the application commits offsets. Everything but `auto` switches
/// `enable.auto.commit` off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CommitMode {
    /// It leaves that to `enable.auto.commit`.
    #[default]
    Auto,
    /// `commitSync()` after each record.
    AfterEachRecord,
    /// `commitSync()` after all records of a poll: at least once.
    AfterEachPoll,
    /// `commitSync()` before processing what a poll returned: at most once.
    BeforeProcessing,
    /// Never.
    Never,
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        ConsumerConfig {
            group_id: None,
            group_instance_id: None,
            group_protocol: GroupProtocol::Classic,
            group_remote_assignor: None,
            share_acknowledgement_mode: ShareAcknowledgementMode::Implicit,
            client_rack: None,
            client_id: Arc::from(""),
            session_timeout_ms: 45_000,
            heartbeat_interval_ms: 3_000,
            max_poll_interval_ms: 300_000,
            max_poll_records: 500,
            auto_offset_reset: OffsetReset::Latest,
            enable_auto_commit: true,
            auto_commit_interval_ms: 5_000,
            fetch_min_bytes: 1,
            fetch_max_bytes: 50 * 1024 * 1024,
            max_partition_fetch_bytes: 1024 * 1024,
            fetch_max_wait_ms: 500,
            partition_assignment_strategy: vec![AssignorKind::Range, AssignorKind::CooperativeSticky],
            isolation_level: IsolationLevel::ReadUncommitted,
            request_timeout_ms: 30_000,
            default_api_timeout_ms: 60_000,
            retry_backoff_ms: 100,
            retry_backoff_max_ms: 1_000,
            metadata_max_age_ms: 300_000,
            reconnect_backoff_ms: 50,
            reconnect_backoff_max_ms: 1_000,
            connection_setup_timeout_ms: 10_000,
            connections_max_idle_ms: 540_000,
            allow_auto_create_topics: true,
        }
    }
}

impl ConsumerConfig {
    /// What contradicts itself, in sentences; empty when all is well. Kafka's client refuses
    /// to start with any of these.
    pub fn problems(&self, app: &ConsumerApp) -> Vec<String> {
        let mut problems = Vec::new();
        let mut claim = |holds: bool, problem: &str| {
            if !holds {
                problems.push(problem.to_owned());
            }
        };
        let has_group = self.group_id.as_ref().is_some_and(|id| !id.is_empty());
        let is_managed = self.group_protocol == GroupProtocol::Consumer;
        let subscribes = !app.topics.is_empty() || app.topic_regex.is_some();
        claim(!subscribes || has_group, "to subscribe to topics, group.id must be set");
        claim(
            app.topic_regex.is_none() || app.topics.is_empty(),
            "a consumer subscribes either to topics or to topic_regex, not to both",
        );
        let regex = app.topic_regex.as_deref().map_or(Ok(()), |regex| Pattern::new(regex).map(drop));
        claim(regex.is_ok(), "topic_regex is not a valid regular expression");
        claim(
            self.group_remote_assignor.is_none() || is_managed,
            "group.remote.assignor needs group.protocol=consumer",
        );
        claim(
            !subscribes || app.partitions.is_empty(),
            "a consumer either subscribes to topics or is given partitions, not both",
        );
        claim(
            !self.partition_assignment_strategy.is_empty(),
            "partition.assignment.strategy must name an assignor",
        );
        let offered: Set<AssignorKind> = self.partition_assignment_strategy.iter().copied().collect();
        claim(
            offered.len() == self.partition_assignment_strategy.len(),
            "partition.assignment.strategy must not name an assignor twice",
        );
        claim(self.max_poll_records > 0, "max.poll.records must be at least 1");
        claim(
            is_managed
                || i64::try_from(self.heartbeat_interval_ms)
                    .is_ok_and(|ms| ms < i64::from(self.session_timeout_ms)),
            "heartbeat.interval.ms must be less than session.timeout.ms",
        );
        claim(
            i64::try_from(self.request_timeout_ms).is_ok_and(|ms| ms > i64::from(self.fetch_max_wait_ms)),
            "request.timeout.ms must be more than fetch.max.wait.ms",
        );
        if self.group_protocol == GroupProtocol::Share {
            self.share_problems(app, &mut claim);
        }
        claim(self.max_poll_interval_ms > 0, "max.poll.interval.ms must be at least 1");
        claim(self.heartbeat_interval_ms > 0, "heartbeat.interval.ms must be at least 1");
        let committing = !matches!(app.commit, CommitMode::Auto | CommitMode::Never);
        claim(has_group || !committing, "to commit offsets, group.id must be set");
        problems
    }

    #[inline(never)]
    fn share_problems(&self, app: &ConsumerApp, claim: &mut impl FnMut(bool, &str)) {
        claim(
            !app.topics.is_empty() && app.topic_regex.is_none(),
            "members of share groups subscribe to topics by name",
        );
        claim(self.group_instance_id.is_none(), "share groups have no static members");
        claim(
            app.revoked_ms == 0 && app.assigned_ms == 0 && !app.commit_on_revoke,
            "members of share groups have no rebalance listener",
        );
        let commit = [CommitMode::Auto, CommitMode::AfterEachRecord, CommitMode::AfterEachPoll];
        claim(
            commit.contains(&app.commit),
            "in a share group, commit must be auto, after_each_record or after_each_poll",
        );
        let is_explicit = self.share_acknowledgement_mode == ShareAcknowledgementMode::Explicit;
        claim(
            is_explicit || app.handling.iter().all(|it| it.then == AcknowledgeType::Accept),
            "to release or reject records, share.acknowledgement.mode must be explicit",
        );
    }

    /// The settings of its network client.
    pub fn network(&self) -> NetworkConfig {
        NetworkConfig {
            client_id: self.client_id.clone(),
            request_timeout_ms: self.request_timeout_ms,
            connection_setup_timeout_ms: self.connection_setup_timeout_ms,
            max_in_flight: 100,
            reconnect_backoff: Backoff {
                base_ms: self.reconnect_backoff_ms,
                max_ms: self.reconnect_backoff_max_ms,
            },
            retry_backoff: self.retry_backoff(),
            connections_max_idle_ms: Some(self.connections_max_idle_ms),
            metadata_max_age_ms: self.metadata_max_age_ms,
            allow_auto_topic_creation: self.allow_auto_create_topics,
        }
    }

    /// `retry.backoff.ms` and `retry.backoff.max.ms`.
    pub fn retry_backoff(&self) -> Backoff {
        Backoff { base_ms: self.retry_backoff_ms, max_ms: self.retry_backoff_max_ms }
    }
}
