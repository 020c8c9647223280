//! A broker's configs. Source: Kafka documentation, *Configuration › Broker Configs*.

use std::sync::Arc;

use crate::broker::selector::ReplicaSelector;
use crate::coordinator::GroupConfig;
use crate::metadata::{ConfigError, Properties, TopicConfigs, properties};
use crate::storage::LogConfig;

properties! {
    /// What `server.properties` says.
    pub struct BrokerConfig {
        "auto.create.topics.enable" => auto_create_topics: bool = true, "create a topic when a client asks about it";
        "broker.heartbeat.interval.ms" => heartbeat_interval_ms: u32 = 2_000, "between two heartbeats to the controller";
        "broker.session.timeout.ms" => session_timeout_ms: u32 = 9_000, "how long the controller may leave a question unanswered";
        "connections.max.idle.ms" => connections_max_idle_ms: u32 = 600_000, "a connection on which nothing was said for so long is closed";
        "controller.quorum.request.timeout.ms" => quorum_request_timeout_ms: u32 = 2_000, "how long a fetch of the metadata log may take";
        "controlled.shutdown.enable" => controlled_shutdown_enable: bool = true, "a broker that ends is replaced first";
        "default.replication.factor" => default_replication_factor: i16 = 1, "replicas of a topic created by itself";
        "fetch.max.bytes" => fetch_max_bytes: u32 = 57_671_680, "largest answer to a fetch";
        "follower.replication.throttled.rate" => follower_throttled_rate: i64 = i64::MAX,
            "bytes a second that throttled replicas may take as followers";
        "leader.replication.throttled.rate" => leader_throttled_rate: i64 = i64::MAX,
            "bytes a second that a leader may send to throttled replicas";
        "log.cleaner.backoff.ms" => log_cleaner_backoff_ms: u32 = 15_000, "how long the log cleaner rests when there is nothing to compact";
        "log.cleaner.enable" => log_cleaner_enable: bool = true, "whether logs are compacted";
        "log.initial.task.delay.ms" => log_initial_task_delay_ms: u32 = 30_000, "before the first look for old segments";
        "log.retention.check.interval.ms" => retention_check_interval_ms: u32 = 300_000, "between two looks for old segments";
        "max.incremental.fetch.session.cache.slots" => fetch_session_slots: u32 = 1_000, "incremental fetch sessions kept";
        "metadata.log.max.record.bytes.between.snapshots" => max_record_bytes_between_snapshots: i64 = 20_971_520,
            "so much applied metadata, and a snapshot is made";
        "metadata.log.max.snapshot.interval.ms" => max_snapshot_interval_ms: u32 = 3_600_000,
            "after so long a snapshot is made; 0 for never";
        "metadata.max.retention.bytes" => max_metadata_retention_bytes: i64 = 104_857_600,
            "so large the metadata log and its snapshots may be before old ones go; -1 for any size";
        "metadata.max.retention.ms" => max_metadata_retention_ms: i64 = 604_800_000,
            "so old a snapshot may be before it goes; -1 for ever";
        "num.partitions" => num_partitions: i32 = 1, "partitions of a topic created by itself";
        "producer.id.expiration.check.interval.ms" => producer_id_expiration_check_interval_ms: u32 = 600_000,
            "between two looks for silent producers";
        "producer.id.expiration.ms" => producer_id_expiration_ms: u32 = 86_400_000, "how long a silent producer is remembered";
        "quota.consumer.default" => quota_consumer_default: i64 = i64::MAX,
            "bytes a second that a client may fetch (before Kafka 4.0)";
        "quota.producer.default" => quota_producer_default: i64 = i64::MAX,
            "bytes a second that a client may send (before Kafka 4.0)";
        "queued.max.request.bytes" => queued_max_request_bytes: i64 = -1,
            "bytes of requests that may be on their way in over TCP; -1 for no limit";
        "replica.fetch.backoff.ms" => replica_fetch_backoff_ms: u32 = 1_000, "before a failed fetch is tried again";
        "replica.fetch.max.bytes" => replica_fetch_max_bytes: u32 = 1_048_576, "bytes a follower asks for, of each partition";
        "replica.fetch.min.bytes" => replica_fetch_min_bytes: i32 = 1, "bytes a follower waits for";
        "replica.fetch.response.max.bytes" => replica_fetch_response_max_bytes: u32 = 10_485_760, "bytes a follower asks for in all";
        "replica.fetch.wait.max.ms" => replica_fetch_wait_max_ms: u32 = 500, "how long a follower's fetch may wait";
        "replica.high.watermark.checkpoint.interval.ms" => high_watermark_checkpoint_interval_ms: u32 = 5_000,
            "between two saves of the high watermarks";
        "replica.lag.time.max.ms" => replica_lag_time_max_ms: u32 = 30_000,
            "a follower that was not caught up for so long leaves the in-sync replicas";
        "replica.socket.timeout.ms" => replica_socket_timeout_ms: u32 = 30_000, "how long a request to another node may take";
        "replica.selector.class" => replica_selector: ReplicaSelector = ReplicaSelector::Leader,
            "who chooses the replica that a consumer reads from";
        "socket.request.max.bytes" => socket_request_max_bytes: u32 = 104_857_600, "largest request";
        .. log: Arc<LogConfig> = Arc::new(LogConfig::default()), "Defaults of the topic configs.";
        .. group: Arc<GroupConfig> = Arc::new(GroupConfig::default()), "The group coordinator's configs.";
    }
}

impl BrokerConfig {
    /// Sets any config of a broker: its own, a default for topics, or the coordinator's.
    ///
    /// # Errors
    /// When there is no such config, or it cannot have this value.
    pub fn set_any(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
        if self.set(name, value)? || TopicConfigs::set_default(Arc::make_mut(&mut self.log), name, value)? {
            return Ok(());
        }
        if Arc::make_mut(&mut self.group).set(name, value)? {
            return Ok(());
        }
        Err(ConfigError::new(name, "is no broker config"))
    }
}
