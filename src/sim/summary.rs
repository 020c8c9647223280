//! Where everything stands, as one value: for `--summary`, for tests, for programs.

use std::fmt;

use serde::Serialize;

use crate::base::{Digest, Map, NodeId, sort_by};
use crate::broker::OFFSETS_TOPIC;
use crate::metadata::CLUSTER_METADATA_TOPIC;
use crate::protocol::TopicPartition;
use crate::sim::{Health, ShareCounts, Violation, World};
use crate::storage::UnifiedLog;

/// So many duplicates are named; all are counted.
const DUPLICATES_NAMED: usize = 20;

/// A world's state in numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The scenario's name.
    pub scenario: String,
    /// Its seed.
    pub seed: u64,
    /// The world's time, in milliseconds.
    pub t_ms: u64,
    /// How many trace entries there are.
    pub events: u64,
    /// The digest of all that happened.
    pub digest: Digest,
    /// Broken promises; `expected` ones are what the scenario means to show.
    pub violations: Vec<Violation>,
    /// How many records went how far.
    pub records: Records,
    /// Which of them were stored more often than they were sent: the first few batches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub duplicates: Vec<DuplicateSummary>,
    /// Brokers.
    pub brokers: Vec<BrokerSummary>,
    /// Topics, internal ones too.
    pub topics: Vec<TopicSummary>,
    /// Consumer groups.
    pub groups: Vec<GroupSummary>,
    /// Share groups by id.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub shares: Map<String, ShareCounts>,
}

/// How many records went how far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Records {
    /// Given to a producer.
    pub produced: u64,
    /// Acknowledged to a producer.
    pub acknowledged: u64,
    /// Below the high watermark of their leader.
    pub committed: u64,
    /// Processed by consumers; once for each group and each repetition.
    pub consumed: u64,
    /// Acknowledged and later missing on a leader.
    pub lost: u64,
    /// Stored more often than they were sent.
    pub duplicated: u64,
}

/// A batch that is stored more often than it was sent: a *duplicate*, as retries without idempotence make
/// them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DuplicateSummary {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Who sent it.
    pub producer: String,
    /// Key of its first record; `None` when it has none.
    pub key: Option<String>,
    /// The base offset of every copy, the first one first.
    pub offsets: Vec<i64>,
    /// How many records each copy has.
    pub records: u32,
}

/// A broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BrokerSummary {
    /// Node id.
    pub id: i32,
    /// Whether its process runs.
    pub up: bool,
    /// `process.roles`, when that is more than `broker`: `broker,controller`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<&'static str>,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TopicSummary {
    /// Name.
    pub name: String,
    /// Partitions in order.
    pub partitions: Vec<PartitionSummary>,
}

/// A partition, as its leader has it (or, without one, the last in-sync replica).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartitionSummary {
    /// Number.
    pub id: i32,
    /// Leader; −1 for none.
    pub leader: i32,
    /// Leader epoch.
    pub leader_epoch: i32,
    /// Replicas, the preferred leader first.
    pub replicas: Vec<i32>,
    /// In-sync replicas.
    pub isr: Vec<i32>,
    /// First offset.
    pub log_start_offset: i64,
    /// Offset after the last.
    pub log_end_offset: i64,
    /// High watermark.
    pub high_watermark: i64,
}

/// A consumer group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupSummary {
    /// Group id.
    pub id: String,
    /// `Empty`, `PreparingRebalance`, `CompletingRebalance`, `Stable` or `Dead`.
    pub state: String,
    /// Generation.
    pub generation: i32,
    /// Members by member id.
    pub members: Vec<MemberSummary>,
    /// Committed offsets.
    pub offsets: Vec<OffsetSummary>,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MemberSummary {
    /// Member id.
    pub id: String,
    /// Client id.
    pub client: String,
    /// Partitions by topic.
    pub assignment: Map<String, Vec<i32>>,
}

/// A committed offset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OffsetSummary {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// The next offset to be read.
    pub committed: i64,
    /// How far the high watermark is ahead.
    pub lag: i64,
}

impl World {
    /// Where everything stands.
    pub fn summary(&self) -> Summary {
        let counts = self.invariants().counts();
        let (mut committed, mut duplicated, mut duplicates) = (0, 0, Vec::new());
        for (at, log) in self.leading_logs() {
            if &*at.topic != OFFSETS_TOPIC {
                committed += (log.high_watermark() - log.log_start_offset()).max(0) as u64;
                duplicated += self.duplicates_in(&at, log, &mut duplicates);
            }
        }
        Summary {
            scenario: self.setup().name.clone(),
            seed: self.setup().seed,
            t_ms: self.now().as_ms(),
            events: self.entries(),
            digest: self.digest(),
            violations: self.violations().to_vec(),
            records: Records {
                produced: counts.produced,
                acknowledged: counts.acknowledged,
                committed,
                consumed: counts.consumed,
                lost: counts.lost,
                duplicated,
            },
            duplicates,
            brokers: self
                .brokers()
                .map(|(_, slot, broker)| BrokerSummary {
                    id: broker.id(),
                    up: matches!(slot.health, Health::Up | Health::Paused),
                    roles: slot.machine.controller().map(|_| "broker,controller"),
                })
                .collect(),
            topics: self.topic_summaries(),
            groups: self.group_summaries(),
            shares: (self.invariants().shares().iter())
                .map(|(group, counts)| (group.to_string(), *counts))
                .collect(),
        }
    }

    /// The log that counts for each partition: its leader's, or what an in-sync replica holds, or who is eligible, or
    /// who led last.
    pub fn leading_logs(&self) -> Vec<(TopicPartition, &UnifiedLog)> {
        let Some(image) = self.metadata() else { return Vec::new() };
        let logs = image.partitions().filter_map(|(at, _, registration)| {
            let others =
                [&registration.isr, &registration.elr, &registration.last_known_elr].into_iter().flatten();
            let candidates = std::iter::once(&registration.leader).chain(others);
            let log = candidates.filter_map(|id| self.replica_log(*id, &at)).next()?;
            Some((at, log))
        });
        logs.collect()
    }

    /// A broker's copy of a partition, also when the broker is down: its disk is still there. Brokers and
    /// controllers, which go by their node ids, both have one of the metadata log.
    pub fn replica_log(&self, broker: i32, at: &TopicPartition) -> Option<&UnifiedLog> {
        let id = u32::try_from(broker).ok()?;
        let is_metadata = &*at.topic == CLUSTER_METADATA_TOPIC;
        let machine = &self.node(NodeId(id))?.machine;
        if is_metadata { machine.metadata_log() } else { machine.broker()?.log(at) }
    }

    /// How many records of a log are there once more; of the first few batches, adds which.
    #[inline(never)]
    fn duplicates_in(&self, at: &TopicPartition, log: &UnifiedLog, named: &mut Vec<DuplicateSummary>) -> u64 {
        let mut stored: Map<u32, Vec<i64>> = Map::new();
        for batch in log.batches_from(log.log_start_offset()).filter(|batch| !batch.is_control()) {
            stored.entry(batch.crc()).or_default().push(batch.base_offset());
        }
        let mut duplicated = 0;
        for (crc, offsets) in stored.into_iter().filter(|(_, offsets)| offsets.len() > 1) {
            let times_sent = self.invariants().times_sent(at, crc).max(1) as usize;
            let Some(batch) = log.batch_at(offsets[0]).filter(|_| offsets.len() > times_sent) else {
                continue;
            };
            let records = batch.count().unsigned_abs();
            duplicated += (offsets.len() - times_sent) as u64 * u64::from(records);
            if named.len() >= DUPLICATES_NAMED || records == 0 {
                continue;
            }
            let sender = self.invariants().sender(at, crc).and_then(|node| self.node(node));
            let key = batch.records().next().and_then(Result::ok).and_then(|record| record.key);
            named.push(DuplicateSummary {
                topic: at.topic.to_string(),
                partition: at.partition,
                producer: sender.map_or_else(String::new, |slot| slot.name.clone()),
                key: key.map(|key| key.escape_ascii().to_string()),
                offsets,
                records,
            });
        }
        duplicated
    }

    fn topic_summaries(&self) -> Vec<TopicSummary> {
        let Some(image) = self.metadata() else { return Vec::new() };
        let logs: Map<TopicPartition, &UnifiedLog> = self.leading_logs().into_iter().collect();
        let topics = image.topics.values().map(|topic| {
            let partitions = topic.partitions.iter().map(|(id, registration)| {
                let log = logs.get(&TopicPartition::new(topic.name.clone(), *id));
                PartitionSummary {
                    id: *id,
                    leader: registration.leader,
                    leader_epoch: registration.leader_epoch,
                    replicas: registration.replicas.clone(),
                    isr: registration.isr.clone(),
                    log_start_offset: log.map_or(0, |log| log.log_start_offset()),
                    log_end_offset: log.map_or(0, |log| log.log_end_offset()),
                    high_watermark: log.map_or(0, |log| log.high_watermark()),
                }
            });
            TopicSummary { name: topic.name.to_string(), partitions: partitions.collect() }
        });
        topics.collect()
    }

    fn group_summaries(&self) -> Vec<GroupSummary> {
        let high_watermarks: Map<TopicPartition, i64> =
            self.leading_logs().into_iter().map(|(at, log)| (at, log.high_watermark())).collect();
        let mut groups = Vec::new();
        for (_, slot, broker) in self.brokers() {
            if !matches!(slot.health, Health::Up | Health::Paused) {
                continue;
            }
            for group in broker.coordinator().groups() {
                let members = group.members().map(|member| {
                    let mut assignment: Map<String, Vec<i32>> = Map::new();
                    for at in member.assigned_partitions() {
                        assignment.entry(at.topic.to_string()).or_default().push(at.partition);
                    }
                    MemberSummary {
                        id: member.member_id.to_string(),
                        client: member.client_id.to_string(),
                        assignment,
                    }
                });
                let consumers = group.consumer().or_else(|| group.share());
                let consumers = consumers.into_iter().flat_map(|consumers| consumers.members());
                let consumers = consumers.map(|member| {
                    let mut assignment: Map<String, Vec<i32>> = Map::new();
                    for (topic, partition) in member.current.assigned.iter() {
                        if let Some(name) = broker.image().topic_names.get(topic) {
                            assignment.entry(name.to_string()).or_default().push(*partition);
                        }
                    }
                    MemberSummary {
                        id: member.member_id.to_string(),
                        client: member.subscription.client_id.to_string(),
                        assignment,
                    }
                });
                let offsets = group.offsets().iter().map(|(at, committed)| OffsetSummary {
                    topic: at.topic.to_string(),
                    partition: at.partition,
                    committed: committed.offset,
                    lag: (high_watermarks.get(at).copied().unwrap_or(0) - committed.offset).max(0),
                });
                groups.push(GroupSummary {
                    id: group.id().to_string(),
                    state: group.state().name().to_owned(),
                    generation: group.generation(),
                    members: members.chain(consumers).collect(),
                    offsets: offsets.collect(),
                });
            }
        }
        sort_by(&mut groups, |a, b| a.id.cmp(&b.id));
        groups
    }
}

/// For people.
impl fmt::Display for DuplicateSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DuplicateSummary { topic, partition, producer, key, offsets, records } = self;
        let range = |base: &i64| match base + i64::from(*records) - 1 {
            last if last > *base => format!("{base}–{last}"),
            _ => base.to_string(),
        };
        let ranges: Vec<String> = offsets.iter().map(range).collect();
        let (first, copies) = ranges.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
        let copies = copies.join(", ");
        write!(f, "duplicate {topic}-{partition} offsets {copies}: once more what is at {first}")?;
        if !producer.is_empty() {
            write!(f, ", sent by {producer}")?;
        }
        match key {
            Some(key) => write!(f, ", key \"{key}\""),
            None => Ok(()),
        }
    }
}

/// For people.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.t_ms as f64 / 1_000.0;
        writeln!(
            f,
            "{}  (seed {}, {seconds} s, {} events, digest {})",
            self.scenario, self.seed, self.events, self.digest
        )?;
        let r = &self.records;
        writeln!(
            f,
            "records   {} produced, {} acknowledged, {} committed, {} consumed, {} lost, {} duplicated",
            r.produced, r.acknowledged, r.committed, r.consumed, r.lost, r.duplicated
        )?;
        for duplicate in &self.duplicates {
            writeln!(f, "{duplicate}")?;
        }
        let brokers = self.brokers.iter().map(|b| {
            let roles = b.roles.map_or_else(String::new, |roles| format!(" ({roles})"));
            format!("{}{roles} {}", b.id, if b.up { "up" } else { "DOWN" })
        });
        writeln!(f, "brokers   {}", brokers.collect::<Vec<_>>().join(", "))?;
        for topic in self.topics.iter().filter(|topic| topic.name != OFFSETS_TOPIC) {
            writeln!(f, "topic {}", topic.name)?;
            for p in &topic.partitions {
                writeln!(
                    f,
                    "  {:>3}  leader {} (epoch {})  replicas {:?}  in sync {:?}  offsets {}–{}  high watermark {}",
                    p.id,
                    p.leader,
                    p.leader_epoch,
                    p.replicas,
                    p.isr,
                    p.log_start_offset,
                    p.log_end_offset,
                    p.high_watermark
                )?;
            }
        }
        for group in &self.groups {
            writeln!(f, "group {}  {}, generation {}", group.id, group.state, group.generation)?;
            for member in &group.members {
                writeln!(f, "  {}  {:?}", member.client, member.assignment)?;
            }
            for offset in &group.offsets {
                writeln!(
                    f,
                    "  {}-{}  committed {}  lag {}",
                    offset.topic, offset.partition, offset.committed, offset.lag
                )?;
            }
        }
        for (id, it) in &self.shares {
            writeln!(
                f,
                "share group {id}  {} acquired, {} redelivered, {} accepted, {} released, {} rejected, \
                 {} lock timeouts, {} failed, at most {} deliveries",
                it.acquired,
                it.redelivered,
                it.accepted,
                it.released,
                it.rejected,
                it.lock_timeouts,
                it.failed,
                it.most_deliveries
            )?;
        }
        if self.violations.is_empty() {
            return writeln!(f, "every promise was kept");
        }
        for violation in &self.violations {
            let kind = if violation.expected { "as expected" } else { "VIOLATION" };
            writeln!(f, "{kind} at {} ms: {}: {}", violation.t_ms, violation.invariant, violation.detail)?;
        }
        Ok(())
    }
}
