//! Kafka's topic configs, all of them, one switch of ours (`history.…`), and the configs of groups and of client metrics.
//!
//! A world acts on those that [`TopicConfigs`](super::TopicConfigs) knows. The others can be set and
//! described, as clients expect, and change nothing: jitter, preallocation and tiered storage.
//!
//! `segment.bytes` may be smaller than in Kafka, which since 4.0 wants 1 MiB (KIP-1030): worlds are small.

use super::definition::Allowed::{Any, AtLeast, Between, OneOf};
use super::definition::ConfigKind::{Boolean, Double, Int, List, Long, String};
use super::definition::{ConfigDef, topic};

const CODECS: &[&str] = &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"];

/// Configs of topics.
#[rustfmt::skip]
pub const TOPIC_CONFIGS: &[ConfigDef] = &[
    topic("cleanup.policy", List, "delete", OneOf(&["compact", "delete"]), "log.cleanup.policy",
        "What happens to old records: they are deleted by segment, or compacted by key, or both."),
    topic("compression.gzip.level", Int, "-1", Between(-1, 9), "compression.gzip.level",
        "How hard gzip tries, when compression.type is gzip."),
    topic("compression.lz4.level", Int, "9", Between(1, 17), "compression.lz4.level",
        "How hard lz4 tries, when compression.type is lz4. It has one level here."),
    topic("compression.type", String, "producer", OneOf(CODECS), "compression.type",
        "How batches are compressed on disk; producer keeps them as they came."),
    topic("compression.zstd.level", Int, "3", Between(-131_072, 22), "compression.zstd.level",
        "How hard zstd tries, when compression.type is zstd. It has one level here."),
    topic("delete.retention.ms", Long, "86400000", AtLeast(0), "log.cleaner.delete.retention.ms",
        "How long tombstones stay in a compacted log."),
    topic("file.delete.delay.ms", Long, "60000", AtLeast(0), "log.segment.delete.delay.ms",
        "How long the files of a deleted segment stay. Not acted on."),
    topic("flush.messages", Long, "9223372036854775807", AtLeast(1), "log.flush.interval.messages",
        "The log is flushed after so many records."),
    topic("flush.ms", Long, "9223372036854775807", AtLeast(0), "log.flush.interval.ms",
        "The log is flushed after so long."),
    topic("follower.replication.throttled.replicas", List, "", Any, "",
        "Replicas throttled as followers: [partition]:[broker],… or * for all."),
    topic("history.truncate.by.high.watermark", Boolean, "false", Any, "history.truncate.by.high.watermark",
        "Terrarium's own: a follower cuts its log to its own high watermark, as before KIP-101 (Kafka 0.11)."),
    topic("index.interval.bytes", Int, "4096", AtLeast(0), "log.index.interval.bytes",
        "The offset index gets an entry about every so many bytes."),
    topic("leader.replication.throttled.replicas", List, "", Any, "",
        "Replicas throttled on the leader's side: [partition]:[broker],… or * for all."),
    topic("local.retention.bytes", Long, "-2", AtLeast(-2), "log.local.retention.bytes",
        "Tiered storage: bytes kept locally; -2 for retention.bytes. Not acted on."),
    topic("local.retention.ms", Long, "-2", AtLeast(-2), "log.local.retention.ms",
        "Tiered storage: how long records are kept locally; -2 for retention.ms. Not acted on."),
    topic("max.compaction.lag.ms", Long, "9223372036854775807", AtLeast(1), "log.cleaner.max.compaction.lag.ms",
        "The longest that a record may escape compaction."),
    topic("max.message.bytes", Int, "1048588", AtLeast(0), "message.max.bytes",
        "The largest batch that a producer may send."),
    topic("message.timestamp.after.max.ms", Long, "3600000", AtLeast(0), "log.message.timestamp.after.max.ms",
        "How far ahead of the broker's clock a record's timestamp may be."),
    topic("message.timestamp.before.max.ms", Long, "9223372036854775807", AtLeast(0),
        "log.message.timestamp.before.max.ms",
        "How far behind the broker's clock a record's timestamp may be."),
    topic("message.timestamp.type", String, "CreateTime", OneOf(&["CreateTime", "LogAppendTime"]),
        "log.message.timestamp.type", "Whose clock stamps the records: the producer's or the broker's."),
    topic("min.cleanable.dirty.ratio", Double, "0.5", Between(0, 1), "log.cleaner.min.cleanable.ratio",
        "How dirty a log must be before it is compacted."),
    topic("min.compaction.lag.ms", Long, "0", AtLeast(0), "log.cleaner.min.compaction.lag.ms",
        "How long a record is safe from compaction."),
    topic("min.insync.replicas", Int, "1", AtLeast(1), "min.insync.replicas",
        "Replicas that must be in sync before a producer with acks=all may write."),
    topic("preallocate", Boolean, "false", Any, "log.preallocate",
        "Whether a new segment's file gets its full size at once. Not acted on."),
    topic("remote.log.copy.disable", Boolean, "false", Any, "",
        "Tiered storage: copy nothing more. Not acted on."),
    topic("remote.log.delete.on.disable", Boolean, "false", Any, "",
        "Tiered storage: delete what was copied when it is switched off. Not acted on."),
    topic("remote.storage.enable", Boolean, "false", Any, "",
        "Tiered storage for this topic. There is none: it cannot be switched on."),
    topic("retention.bytes", Long, "-1", Any, "log.retention.bytes",
        "Old segments go when a partition is larger than this; -1 for no limit."),
    topic("retention.ms", Long, "604800000", AtLeast(-1), "log.retention.ms",
        "Segments go when they are older than this; -1 for no limit."),
    topic("segment.bytes", Int, "1073741824", AtLeast(14), "log.segment.bytes", "The largest segment."),
    topic("segment.index.bytes", Int, "10485760", AtLeast(4), "log.index.size.max.bytes",
        "The largest offset index."),
    topic("segment.jitter.ms", Long, "0", AtLeast(0), "log.roll.jitter.ms",
        "Segments roll up to so much earlier than segment.ms, at random. Not acted on."),
    topic("segment.ms", Long, "604800000", AtLeast(1), "log.roll.ms",
        "A segment takes records of no longer a stretch of time."),
    topic("unclean.leader.election.enable", Boolean, "false", Any, "unclean.leader.election.enable",
        "Whether a replica that is not in sync may lead when no other can, and records be lost."),
];

/// Configs of groups (KIP-848, KIP-932). Those of streams groups are stored and described; not acted on.
#[rustfmt::skip]
pub const GROUP_CONFIGS: &[ConfigDef] = &[
    topic("consumer.heartbeat.interval.ms", Int, "5000", AtLeast(1), "group.consumer.heartbeat.interval.ms",
        "How often members of a consumer group beat."),
    topic("consumer.session.timeout.ms", Int, "45000", AtLeast(1), "group.consumer.session.timeout.ms",
        "After how much silence a member of a consumer group is out."),
    topic("share.auto.offset.reset", String, "latest", Any, "",
        "Where a share group begins: earliest, latest or by_duration:…"),
    topic("share.heartbeat.interval.ms", Int, "5000", AtLeast(1), "group.share.heartbeat.interval.ms",
        "How often members of a share group beat."),
    topic("share.isolation.level", String, "read_uncommitted", OneOf(&["read_committed", "read_uncommitted"]), "",
        "Whether a share group sees records of open transactions."),
    topic("share.record.lock.duration.ms", Int, "30000", AtLeast(1_000), "group.share.record.lock.duration.ms",
        "How long a share group's member holds a record."),
    topic("share.session.timeout.ms", Int, "45000", AtLeast(1), "group.share.session.timeout.ms",
        "After how much silence a member of a share group is out."),
    topic("streams.heartbeat.interval.ms", Int, "5000", AtLeast(1), "group.streams.heartbeat.interval.ms",
        "How often members of a streams group beat."),
    topic("streams.num.standby.replicas", Int, "0", AtLeast(0), "group.streams.num.standby.replicas",
        "Standby copies of each task's state."),
    topic("streams.session.timeout.ms", Int, "45000", AtLeast(1), "group.streams.session.timeout.ms",
        "After how much silence a member of a streams group is out."),
];

/// Configs of client metrics subscriptions (KIP-714). Stored and described; not acted on.
#[rustfmt::skip]
pub const CLIENT_METRICS_CONFIGS: &[ConfigDef] = &[
    topic("interval.ms", Int, "300000", Between(100, 3_600_000), "", "How often clients push metrics."),
    topic("match", List, "", Any, "", "Which clients: client_id=…, client_software_name=…, …"),
    topic("metrics", List, "", Any, "", "Prefixes of the metrics wanted."),
];
