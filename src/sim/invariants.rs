//! The promises, checked after every step by somebody who is not the machine that made them.
//!
//! Checkers read the trace and look into every node's log. Each promise has the field's own
//! name; a broken one says which records. Acknowledged batches are recognised by topic
//! partition, base offset and CRC, which a broker never changes.

mod commits;
mod compaction;
mod excuses;
mod groups;
mod producers;
mod quorum;
mod readers;
mod shares;
mod stale;

use std::sync::Arc;

use commits::Commits;
use compaction::Compactions;
use excuses::{CORRUPTED, NOT_IDEMPOTENT, NOT_REPLICATED, given_up, partition_of};
use groups::Groups;
use imbl::OrdMap;
use producers::{Orders, Producers};
use quorum::Quorum;
use readers::Readers;
use serde::Serialize;
use shares::Shares;

use crate::base::{Map, NodeId, Set};
use crate::broker::{OFFSETS_TOPIC, Partition};
use crate::protocol::TopicPartition;
use crate::sim::Slot;
use crate::storage::{TimestampType, UnifiedLog};
use crate::trace::{Entry, Event, Offsets, Role};

pub use shares::ShareCounts;

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which promise, in the field's words.
    pub invariant: &'static str,
    /// Which records, nodes, offsets.
    pub detail: Arc<str>,
    /// When, in milliseconds.
    pub t_ms: u64,
    /// The scenario means to show it.
    pub expected: bool,
    /// Why Kafka does not promise this after all, as the cluster was configured or its disks broken.
    #[serde(skip)]
    pub excuse: Option<&'static str>,
}

const LOST_WRITE: &str = "lost write";
const COMMITTED_CHANGED: &str = "committed record changed";
const TWO_LEADERS: &str = "split brain";
const WATERMARK_FELL: &str = "high watermark fell";
const WATERMARK_AHEAD: &str = "high watermark ahead of the in-sync replicas";
const NOT_DENSE: &str = "offsets not dense";
const TWO_OWNERS: &str = "two owners of a partition in one generation";
const READ_UNCOMMITTED: &str = "read past the high watermark";
const TWO_CONTROLLERS: &str = "two controllers in one epoch";
const TWO_VOTES: &str = "two votes of a controller in one epoch";
const METADATA_CHANGED: &str = "committed metadata changed";
const ACKED_EARLY: &str = "acknowledged before it was committed";
const BELOW_MIN_ISR: &str = "committed below min.insync.replicas";
const TORN: &str = "torn write";
const DUPLICATE: &str = "duplicate";
const REORDERED: &str = "reordered";
const UNSEEN: &str = "unseen";
const NON_MONOTONIC: &str = "non-monotonic poll";
const FENCED_COMMIT: &str = "commit of a fenced member";
const COMPACTION: &str = "lost by compaction";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Acked {
    records: u32,
    crc: u32,
    acks: i16,
    /// Of the leader under which it was committed; leaders of earlier epochs may hear late of their time.
    epoch: i32,
    lost: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Committed {
    last_offset: i64,
    crc: u32,
    /// Of the leader under which it was committed.
    epoch: i32,
    lost: bool,
}

/// How many records went how far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Given to a producer by its application.
    pub produced: u64,
    /// Acknowledged to a producer (with `acks=0`: sent).
    pub acknowledged: u64,
    /// Processed by consumers, every group and every repetition counted.
    pub consumed: u64,
    /// Acknowledged, and later found missing on a leader.
    pub lost: u64,
}

/// What the checkers know.
#[derive(Clone, Debug, PartialEq)]
pub struct Invariants {
    expect: Set<String>,
    violations: Vec<Violation>,
    counts: Counts,
    acked: Map<TopicPartition, OrdMap<i64, Acked>>,
    committed: Map<TopicPartition, OrdMap<i64, Committed>>,
    committed_end: Map<TopicPartition, i64>,
    /// How many batches with this CRC were sent, and by whom last.
    sent: OrdMap<(TopicPartition, u32), (u32, NodeId)>,
    leaders: Map<(TopicPartition, i32), NodeId>,
    ends: Map<(NodeId, TopicPartition), i64>,
    groups: Groups,
    quorum: Quorum,
    shares: Shares,
    producers: Producers,
    orders: Orders,
    readers: Readers,
    commits: Commits,
    compactions: Compactions,
    /// What disks have lost of a replica, as far as it was not copied again.
    disks_lost: Map<(NodeId, TopicPartition), Offsets>,
    /// Partitions of which some disk holds what nobody wrote.
    corrupted: Set<TopicPartition>,
    /// Topics that are gone. One of the same name is another, and not watched.
    deleted: Set<Arc<str>>,
    /// Up to where some replica is compacted: batches there may be others on the next one.
    compacted: Map<TopicPartition, i64>,
    /// Partitions of which a leader that was replaced went on acknowledging, and by which epoch it was.
    stale: Map<TopicPartition, i32>,
}

type Nodes = Map<NodeId, Arc<Slot>>;
type Found = Vec<(u64, Violation)>;
/// What checkers say themselves: because of which entry, about which node.
type Remarks = Vec<(u64, NodeId, Event)>;

impl Invariants {
    pub(super) fn new(expect: Vec<String>) -> Invariants {
        Invariants {
            expect: expect.into_iter().collect(),
            violations: Vec::new(),
            counts: Counts::default(),
            acked: Map::new(),
            committed: Map::new(),
            committed_end: Map::new(),
            sent: OrdMap::new(),
            leaders: Map::new(),
            ends: Map::new(),
            groups: Groups::default(),
            quorum: Quorum::default(),
            shares: Shares::default(),
            producers: Producers::default(),
            orders: Orders::default(),
            readers: Readers::default(),
            commits: Commits::default(),
            compactions: Compactions::default(),
            disks_lost: Map::new(),
            corrupted: Set::new(),
            deleted: Set::new(),
            compacted: Map::new(),
            stale: Map::new(),
        }
    }

    /// Every name that a scenario may say it expects.
    pub const NAMES: [&str; 20] = [
        LOST_WRITE,
        COMMITTED_CHANGED,
        TWO_LEADERS,
        WATERMARK_FELL,
        WATERMARK_AHEAD,
        NOT_DENSE,
        TWO_OWNERS,
        READ_UNCOMMITTED,
        TWO_CONTROLLERS,
        TWO_VOTES,
        METADATA_CHANGED,
        ACKED_EARLY,
        BELOW_MIN_ISR,
        TORN,
        DUPLICATE,
        REORDERED,
        UNSEEN,
        NON_MONOTONIC,
        FENCED_COMMIT,
        COMPACTION,
    ];

    /// Broken promises so far.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// How many records went how far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What became of records in share groups, by group.
    pub fn shares(&self) -> &Map<Arc<str>, ShareCounts> {
        self.shares.counts()
    }

    /// How many different batches with this CRC a producer sent to a partition.
    pub fn times_sent(&self, at: &TopicPartition, crc: u32) -> u32 {
        self.sent.get(&(at.clone(), crc)).map_or(0, |(times, _)| *times)
    }

    /// Who sent the batch with this CRC to a partition.
    pub fn sender(&self, at: &TopicPartition, crc: u32) -> Option<NodeId> {
        self.sent.get(&(at.clone(), crc)).map(|(_, node)| *node)
    }

    pub(super) fn check(&mut self, nodes: &Nodes, fresh: &[Entry], found: &mut Found, remarks: &mut Remarks) {
        for entry in fresh {
            let before = found.len();
            self.check_entry(nodes, entry, found, remarks);
            for (_, violation) in &mut found[before..] {
                violation.t_ms = entry.time.as_ms();
                violation.expected = self.expect.contains(violation.invariant);
                let Some(at) = partition_of(&entry.event) else { continue };
                violation.excuse = match violation.excuse {
                    _ if self.corrupted.contains(at) => Some(CORRUPTED),
                    None => given_up(nodes, at, violation.invariant),
                    excuse => excuse,
                };
            }
            self.violations.extend(found[before..].iter().map(|(_, violation)| violation.clone()));
        }
    }

    fn check_entry(&mut self, nodes: &Nodes, entry: &Entry, found: &mut Found, remarks: &mut Remarks) {
        let excuse = self.groups.excuse();
        let mut owners = |invariant, detail: String| {
            let detail = detail.into();
            found.push((entry.seq, Violation { invariant, detail, t_ms: 0, expected: false, excuse }));
        };
        self.groups.check(nodes, entry, &mut owners, remarks);
        let mut broken = |invariant, detail: String| {
            let detail = detail.into();
            found.push((entry.seq, Violation { invariant, detail, t_ms: 0, expected: false, excuse: None }));
        };
        self.quorum.check(nodes, entry, &mut broken);
        self.commits.check(entry, &mut broken);
        if !self.deleted.is_empty()
            && partition_of(&entry.event).is_some_and(|at| self.deleted.contains(&at.topic))
        {
            return;
        }
        match &entry.event {
            Event::RecordQueued { .. } => self.counts.produced += 1,
            Event::RecordsConsumed { at, offsets } => {
                self.check_reader(nodes, entry.node, at, *offsets, &mut broken);
                self.counts.consumed += (offsets.to - offsets.from).max(0) as u64;
                let end = self.committed_end.get(at).copied().unwrap_or(0);
                if offsets.to > end {
                    broken(
                        READ_UNCOMMITTED,
                        format!("{at}: offset {} read, {end} committed", offsets.to - 1),
                    );
                }
            }
            Event::BatchSent { at, attempt: 1, crc, .. } => {
                self.orders.sent(nodes, entry.node, at, *crc);
                let sent = self.sent.entry((at.clone(), *crc)).or_insert((0, entry.node));
                *sent = (sent.0 + 1, entry.node);
            }
            Event::BatchAcknowledged { at, records, base_offset, crc, acks } => {
                self.counts.acknowledged += u64::from(*records);
                if *acks == 1
                    && let Some(told) = self.lost_at_once(nodes, at, (*base_offset, *records, *crc))
                {
                    let violation = |detail: String| Violation {
                        invariant: LOST_WRITE,
                        detail: detail.into(),
                        t_ms: 0,
                        expected: false,
                        excuse: Some(NOT_REPLICATED),
                    };
                    return found.extend(told.map(|detail| (entry.seq, violation(detail))));
                }
                if *base_offset >= 0 {
                    let (to, end) =
                        (base_offset + i64::from(*records), self.committed_end.get(at).copied().unwrap_or(0));
                    if *acks == -1 && to > end {
                        broken(
                            ACKED_EARLY,
                            format!(
                                "{at} offsets {base_offset}–{}, acknowledged with acks=all, {end} committed",
                                to - 1
                            ),
                        );
                    }
                    let crc = rewritten(nodes, at, *base_offset).unwrap_or(*crc);
                    let known = self.committed.get(at).and_then(|committed| committed.get(base_offset));
                    let epoch = known.map_or(-1, |known| known.epoch);
                    let acked = Acked { records: *records, crc, acks: *acks, epoch, lost: false };
                    self.acked.entry(at.clone()).or_default().insert(*base_offset, acked);
                }
            }
            Event::RecordsAppended { at, offsets, role, .. } => {
                self.copied_again(entry.node, at, *offsets);
                let end = self.ends.entry((entry.node, at.clone())).or_insert(offsets.from);
                // Who copies a compacted log passes over batches of which nothing is left.
                let compacted = self.compacted.get(at).copied().unwrap_or(0);
                let is_gap = *role == Role::Follower && *end < offsets.from && offsets.from <= compacted;
                if *end != offsets.from && !is_gap {
                    broken(
                        NOT_DENSE,
                        format!("{at} on {}: {end} expected, {} written", entry.node, offsets.from),
                    );
                }
                *end = offsets.to;
            }
            Event::LogTruncated { at, offsets, .. } => {
                self.ends.insert((entry.node, at.clone()), offsets.from);
            }
            Event::LogCleaned { at, offsets, .. } => {
                let to = self.compacted.entry(at.clone()).or_insert(0);
                *to = (*to).max(offsets.to);
                self.check_compaction(nodes, entry, at, &mut broken);
            }
            Event::LogRecovered { at, log_end_offset, .. } => {
                self.disk_lost(entry.node, at, *log_end_offset);
                self.ends.insert((entry.node, at.clone()), *log_end_offset);
                let last = log_of(nodes, entry.node, at).and_then(|log| log.batch_at(log_end_offset - 1));
                if let Some(batch) = last.filter(|batch| batch.check_crc().is_err()) {
                    let offsets = (batch.base_offset(), batch.last_offset());
                    broken(
                        TORN,
                        format!("{at} offsets {}–{} on {} are not whole", offsets.0, offsets.1, entry.node),
                    );
                }
            }
            Event::RecordsAcquired { .. } | Event::RecordsAcknowledged { .. } => {
                self.shares.check(&entry.event);
            }
            Event::PositionSet { at, offset, by } => {
                self.check_position(nodes, entry.node, at, *offset, by, &mut broken);
            }
            Event::PartitionsAssigned { partitions, .. }
            | Event::PartitionsRevoked { partitions, .. }
            | Event::PartitionsLost { partitions, .. } => self.readers.forget(entry.node, partitions),
            Event::NodeStarted => self.readers.restarted(entry.node),
            Event::PowerLost { .. } => self.power_lost(nodes, entry.node),
            Event::TopicDeleted { topic } => self.forget(topic),
            Event::BecameLeader { at, leader_epoch } => {
                let first = *self.leaders.entry((at.clone(), *leader_epoch)).or_insert(entry.node);
                if first != entry.node {
                    broken(
                        TWO_LEADERS,
                        format!("{at}: {first} and {} lead in epoch {leader_epoch}", entry.node),
                    );
                }
                if let Some(log) = log_of(nodes, entry.node, at) {
                    let isr = isr_of(nodes, entry.node, at);
                    let mut report = |invariant, detail: String, excuse| {
                        let detail = detail.into();
                        found.push((
                            entry.seq,
                            Violation { invariant, detail, t_ms: 0, expected: false, excuse },
                        ));
                    };
                    self.check_leader_has_all(at, log, &isr, *leader_epoch, entry.node, &mut report);
                }
            }
            Event::HighWatermarkAdvanced { at, role, offsets } => {
                if offsets.to < offsets.from {
                    broken(
                        WATERMARK_FELL,
                        format!("{at} on {}: {} to {}", entry.node, offsets.from, offsets.to),
                    );
                }
                self.check_committed(nodes, entry, at, *role, *offsets, &mut broken);
                if *role == Role::Leader {
                    let excuse = Some(NOT_IDEMPOTENT);
                    for detail in self.orders.committed(nodes, entry.node, at, *offsets) {
                        let detail = detail.into();
                        let reordered =
                            Violation { invariant: REORDERED, detail, t_ms: 0, expected: false, excuse };
                        found.push((entry.seq, reordered));
                    }
                }
            }
            _ => {}
        }
    }

    /// What was acknowledged or committed before must be in a new leader's log.
    fn check_leader_has_all(
        &mut self,
        at: &TopicPartition,
        log: &UnifiedLog,
        isr: &[i32],
        epoch: i32,
        leader: NodeId,
        report: &mut impl FnMut(&'static str, String, Option<&'static str>),
    ) {
        let excuses = self.excuses(at, leader, isr);
        if excuses.of(self.committed_end.get(at).map_or(-1, |end| end - 1)).is_some()
            && &*at.topic == OFFSETS_TOPIC
        {
            self.groups.coordinators_lost();
        }
        let later = |(_, batch): (&i64, &Committed)| batch.epoch > epoch;
        let is_late = self.committed.get(at).and_then(|all| all.iter().next_back()).is_some_and(later);
        if !is_late && log.log_end_offset() < self.committed_end.get(at).copied().unwrap_or(0) {
            // Others will come to stand at these offsets.
            self.producers.forget(at);
            self.orders.forget(at);
            self.compactions.give_up(at);
            if let Some(compacted) = self.compacted.get_mut(at) {
                *compacted = (*compacted).min(log.log_end_offset());
            }
        }
        let compacted = self.compacted.get(at).copied().unwrap_or(0);
        let start = log.log_start_offset().max(compacted);
        let holds = |offset: i64, crc: u32| {
            offset < start
                || log
                    .batch_at(offset)
                    .is_some_and(|batch| batch.base_offset() == offset && batch.crc() == crc)
        };
        let acked = self.acked.entry(at.clone()).or_default();
        let missing: Vec<(i64, Acked)> = acked
            .iter()
            .filter(|(offset, batch)| !batch.lost && batch.epoch <= epoch && !holds(**offset, batch.crc))
            .map(|(offset, batch)| (*offset, *batch))
            .collect();
        for &(offset, batch) in &missing {
            self.counts.lost += u64::from(batch.records);
            acked.insert(offset, Acked { lost: true, ..batch });
        }
        // Neighbours are named together.
        let mut runs: Vec<(i64, i64, i16)> = Vec::new();
        for (offset, batch) in missing {
            let end = offset + i64::from(batch.records);
            match runs.last_mut() {
                Some(run) if run.1 == offset && run.2 == batch.acks => run.1 = end,
                _ => runs.push((offset, end, batch.acks)),
            }
        }
        for (first, end, acks) in runs {
            let excuse = if acks == -1 { excuses.of(first) } else { Some(NOT_REPLICATED) };
            let acks = if acks == -1 { "all".to_owned() } else { acks.to_string() };
            let last = end - 1;
            report(
                LOST_WRITE,
                format!(
                    "{at} offsets {first}–{last}, acknowledged with acks={acks}, not on leader {leader} of epoch {epoch}"
                ),
                excuse,
            );
        }
        let committed = self.committed.entry(at.clone()).or_default();
        let changed: Vec<(i64, Committed)> = committed
            .iter()
            .filter(|(offset, batch)| !batch.lost && batch.epoch <= epoch && !holds(**offset, batch.crc))
            .map(|(offset, batch)| (*offset, *batch))
            .collect();
        for (offset, batch) in changed {
            self.compactions.give_up(at);
            report(
                COMMITTED_CHANGED,
                format!(
                    "{at} offsets {offset}–{}, committed, not on leader {leader} of epoch {epoch}",
                    batch.last_offset
                ),
                excuses.of(offset),
            );
            committed.insert(offset, Committed { lost: true, ..batch });
        }
    }

    fn check_committed(
        &mut self,
        nodes: &Nodes,
        entry: &Entry,
        at: &TopicPartition,
        role: Role,
        offsets: Offsets,
        broken: &mut impl FnMut(&'static str, String),
    ) {
        let node = entry.node;
        let Some(log) = log_of(nodes, node, at) else { return };
        let epoch = partition_on(nodes, node, at).map_or(-1, |it| it.registration.leader_epoch);
        let compacted = self.compacted.get(at).copied().unwrap_or(0);
        let is_compacted = log.config().cleanup_policy_compact && &*at.topic != OFFSETS_TOPIC;
        let committed = self.committed.entry(at.clone()).or_default();
        // Below its start nobody reads a log: a replica that comes late may even have other records there.
        let start = log.log_start_offset().max(compacted);
        for batch in log.batches_from(offsets.from.max(start)) {
            if batch.base_offset() >= offsets.to {
                break;
            }
            let (base_offset, last_offset, crc) = (batch.base_offset(), batch.last_offset(), batch.crc());
            match committed.get(&base_offset) {
                // It does not know yet that a later leader had lost this, which was told then.
                Some(known) if role == Role::Follower && epoch < known.epoch => {}
                Some(known) if known.crc != crc && !known.lost => broken(
                    COMMITTED_CHANGED,
                    format!("{at} offset {base_offset} on {node} differs from what was committed"),
                ),
                Some(known) if !known.lost => {}
                _ if role == Role::Leader => {
                    self.producers.committed(at, &batch, broken);
                    if is_compacted {
                        self.compactions.committed(log, &batch, entry.time);
                    }
                    committed.insert(base_offset, Committed { last_offset, crc, epoch, lost: false });
                }
                Some(_) => {}
                None => broken(
                    COMMITTED_CHANGED,
                    format!("{at} offset {base_offset} on {node} was never committed"),
                ),
            }
        }
        if role == Role::Leader {
            let end = self.committed_end.entry(at.clone()).or_insert(0);
            *end = (*end).max(offsets.to);
            let last = committed.range(..offsets.to).next_back();
            let last = last.filter(|(offset, batch)| **offset >= compacted && !batch.lost);
            if partition_on(nodes, node, at).is_some_and(Partition::is_under_min_isr) {
                broken(BELOW_MIN_ISR, format!("{at}: {} on leader {node}", offsets.to));
            }
            for replica in isr_of(nodes, node, at) {
                let id = NodeId(replica as u32);
                let end = log_of(nodes, id, at).map_or(0, UnifiedLog::log_end_offset);
                if end < offsets.to && !self.disks_lost.contains_key(&(id, at.clone())) {
                    broken(
                        WATERMARK_AHEAD,
                        format!("{at}: {} on leader {node}, replica {id} ends at {end}", offsets.to),
                    );
                } else if let Some((offset, batch)) = last
                    && id != node
                    && !self.disks_lost.contains_key(&(id, at.clone()))
                    && log_of(nodes, id, at).is_some_and(|log| differs(log, *offset, batch.crc))
                {
                    let what = format!("offsets {offset}–{} are others on replica {id}", batch.last_offset);
                    broken(WATERMARK_AHEAD, format!("{at}: {} on leader {node}, {what}", offsets.to));
                }
            }
        }
    }
}

fn log_of<'a>(nodes: &'a Nodes, node: NodeId, at: &TopicPartition) -> Option<&'a UnifiedLog> {
    nodes.get(&node)?.machine.broker()?.log(at)
}

/// Whether a replica has something else at this offset than it should.
fn differs(log: &UnifiedLog, offset: i64, crc: u32) -> bool {
    let holds = |log: &UnifiedLog| {
        log.batch_at(offset).is_some_and(|batch| batch.base_offset() == offset && batch.crc() == crc)
    };
    offset >= log.log_start_offset() && !holds(log)
}

fn partition_on<'a>(nodes: &'a Nodes, node: NodeId, at: &TopicPartition) -> Option<&'a Partition> {
    nodes.get(&node)?.machine.broker()?.partition(at)
}

/// The CRC of a batch that its leader does not store as it came: compressed otherwise, or with its
/// own time.
fn rewritten(nodes: &Nodes, at: &TopicPartition, offset: i64) -> Option<u32> {
    let logs = nodes.values().filter_map(|slot| slot.machine.broker()?.log(at));
    let batches = logs.take_while(|log| rewrites(log)).filter_map(|log| log.batch_at(offset));
    batches
        .filter(|batch| batch.base_offset() == offset)
        .max_by_key(|batch| batch.partition_leader_epoch())
        .map(|batch| batch.crc())
}

/// Whether a log stores batches otherwise than they came.
fn rewrites(log: &UnifiedLog) -> bool {
    let config = log.config();
    config.compression_type.is_some() || config.message_timestamp_type != TimestampType::CreateTime
}

fn isr_of(nodes: &Nodes, node: NodeId, at: &TopicPartition) -> Vec<i32> {
    nodes.get(&node).and_then(|slot| slot.machine.broker()).map_or_else(Vec::new, |broker| broker.isr(at))
}
