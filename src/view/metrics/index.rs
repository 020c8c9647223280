//! What a trace says of Kafka's metrics, in order of time. Bringing it up to date costs no more than the
//! entries that are new.

use std::sync::Arc;

use crate::base::{ConnId, FrameKind, Map, NodeId, Set, SimTime};
use crate::protocol::{ApiKey, TopicPartition};
use crate::sim::{Branch, Machine, World};
use crate::trace::{Entry, Event, Frame, Role};
use crate::view::words::{Category, category};

use super::{Metric, Record};

/// A partition as its controller decided it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    replicas: u32,
    isr: u32,
    led: bool,
    /// An ISR that its leader asked for, and whether it is smaller.
    proposed: Option<(Vec<i32>, bool)>,
}

/// What is asked of brokers, by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Client,
    Broker,
    Controller,
}

/// Everything that the metrics of a branch are drawn from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricsIndex {
    branch: Option<(String, u64)>,
    known: usize,
    last: Option<Entry>,
    kinds: Map<NodeId, Kind>,
    partitions: Map<TopicPartition, Seen>,
    /// Elections that the leaders have not heard of: the epoch that each begins, and when it was decided.
    elections: Map<TopicPartition, (i32, SimTime)>,
    /// `min.insync.replicas` by topic, and of those that do not say.
    min_isr: Map<Arc<str>, u32>,
    default_min_isr: u32,
    /// Controllers that decide.
    active: Set<NodeId>,
    /// The controller that is alone, and so decides as soon as it runs.
    alone: Option<NodeId>,
    /// Requests that brokers have not answered.
    asked: Map<(NodeId, ConnId, i32), SimTime>,
    /// High watermarks of leaders, and positions of consumers.
    ends: Map<TopicPartition, i64>,
    positions: Map<(NodeId, TopicPartition), i64>,
    records: [Record; Metric::ALL.len()],
    /// `records-lag-max` of each consumer.
    lags: Map<NodeId, Record>,
    /// What can move a metric: faults, elections, rebalances.
    movers: Vec<(SimTime, u64)>,
    /// Moves up whenever something was read.
    pub(super) end: SimTime,
}

impl MetricsIndex {
    /// Takes in what is new on the branch. Another branch, another run or a shorter trace is noticed and
    /// read from its beginning.
    #[inline(never)]
    pub fn update(&mut self, branch: &Branch) {
        let identity = (branch.name.as_str(), branch.forked_after);
        let is_same = self.branch.as_ref().is_some_and(|(name, after)| (name.as_str(), *after) == identity)
            && self.last.as_ref() == branch.entry(self.known as u64);
        if !is_same {
            *self = MetricsIndex::default();
            self.branch = Some((branch.name.clone(), branch.forked_after));
            self.prepare(branch.world());
        }
        for (node, slot) in branch.world().nodes() {
            self.kinds.entry(node).or_insert(match slot.machine {
                Machine::Broker(_) | Machine::Combined(_) => Kind::Broker,
                Machine::Controller(_) | Machine::ZooKeeper(_) => Kind::Controller,
                _ => Kind::Client,
            });
        }
        let trace = branch.trace();
        if self.known < trace.len() {
            for entry in (self.known..trace.len()).filter_map(|place| trace.get(place)) {
                self.read(entry);
            }
            self.known = trace.len();
            self.last = trace.last().cloned();
        }
        let played = branch.step_info(branch.head()).map_or(SimTime::ZERO, |(at, _)| at);
        self.end = played.max(branch.world().now()).max(self.end);
    }

    /// How many entries are in it.
    pub fn entries(&self) -> u64 {
        self.known as u64
    }

    pub(super) fn record(&self, metric: Metric) -> &Record {
        &self.records[metric as usize]
    }

    pub(super) fn lags(&self) -> impl Iterator<Item = (NodeId, &Record)> {
        self.lags.iter().map(|(node, record)| (*node, record))
    }

    /// What may have moved something at a moment: the last mover before it, if that is not long ago.
    pub(super) fn mover(&self, at: SimTime, within_us: u64) -> Option<u64> {
        let after = self.movers.partition_point(|(time, _)| *time <= at);
        let (time, seq) = *self.movers.get(after.checked_sub(1)?)?;
        (at.since(time) <= within_us).then_some(seq)
    }

    fn prepare(&mut self, world: &World) {
        let cluster = &world.setup().cluster;
        self.alone = cluster.voters().alone().map(|voter| NodeId(voter.id.unsigned_abs()));
        self.default_min_isr = cluster.config.log.min_insync_replicas.max(1) as u32;
        for topic in &cluster.topics {
            if let Some(value) = topic.configs.get("min.insync.replicas").and_then(|text| text.parse().ok()) {
                self.min_isr.insert(topic.name.as_str().into(), value);
            }
        }
    }

    fn read(&mut self, entry: &Entry) {
        if is_mover(entry) {
            self.movers.push((entry.time, entry.seq));
        }
        match &entry.event {
            Event::Received { conn, frame, .. } if frame.info.kind == FrameKind::Request => {
                if self.kinds.get(&entry.node) == Some(&Kind::Broker) && is_timed(frame) {
                    self.asked.insert((entry.node, *conn, frame.info.correlation_id), entry.time);
                }
            }
            Event::Sent { conn, to, frame } if frame.info.kind == FrameKind::Response => {
                self.answered(entry, *conn, *to, frame);
            }
            Event::RecordsAppended { role: Role::Leader, offsets, size_bytes, .. } => {
                self.add(Metric::MessagesIn, entry, offsets.to - offsets.from);
                self.add(Metric::BytesIn, entry, i64::from(*size_bytes));
            }
            Event::HighWatermarkAdvanced { at, role: Role::Leader, offsets } => {
                self.ends.insert(at.clone(), offsets.to);
                self.lag(entry, at);
            }
            Event::PositionSet { at, offset, .. } => self.moved(entry, at, *offset),
            Event::RecordsFetched { at, offsets } => self.moved(entry, at, offsets.to),
            Event::PartitionsRevoked { partitions, .. } | Event::PartitionsLost { partitions, .. } => {
                for at in partitions {
                    self.positions.remove(&(entry.node, at.clone()));
                }
                self.lag_of(entry, entry.node);
            }
            event => self.decided(entry, event),
        }
    }

    /// What the controllers decided, and whether they can.
    fn decided(&mut self, entry: &Entry, event: &Event) {
        match event {
            Event::NodeStarted if self.alone == Some(entry.node) => {
                self.active.insert(entry.node);
            }
            Event::ControllerActivated { .. } => {
                self.active.insert(entry.node);
            }
            Event::ControllerResigned { .. } | Event::NodeKilled | Event::PowerLost { .. } => {
                self.active.remove(&entry.node);
                self.asked.retain(|(node, ..), _| *node != entry.node);
                // Whoever is dead reads nothing.
                if !matches!(event, Event::ControllerResigned { .. }) {
                    self.positions.retain(|(node, _), _| *node != entry.node);
                    self.lag_of(entry, entry.node);
                }
            }
            Event::TopicCreated { topic, partitions, replication_factor } => {
                for partition in 0..*partitions {
                    let at = TopicPartition::new(topic.clone(), partition as i32);
                    let replicas = *replication_factor;
                    self.partitions.insert(at, Seen { replicas, isr: replicas, led: true, proposed: None });
                }
            }
            Event::TopicDeleted { topic } => self.partitions.retain(|at, _| at.topic != *topic),
            Event::ConfigChanged { resource, name, value } if &**name == "min.insync.replicas" => {
                match value.as_ref().and_then(|value| value.parse().ok()) {
                    Some(value) => self.min_isr.insert(resource.clone(), value),
                    None => self.min_isr.remove(resource),
                };
            }
            Event::IsrProposed { at, from, to } => {
                if let Some(seen) = self.partitions.get_mut(at) {
                    seen.proposed = Some((to.clone(), to.len() < from.len()));
                }
            }
            Event::PartitionChanged { at, leader, isr, .. } => {
                let seen = self.partitions.entry(at.clone()).or_default();
                (seen.isr, seen.led) = (isr.len() as u32, *leader >= 0);
                seen.replicas = seen.replicas.max(seen.isr);
                let granted = seen.proposed.take_if(|(proposed, _)| proposed == isr);
                if let Some((_, shrinks)) = granted {
                    self.add(if shrinks { Metric::IsrShrinks } else { Metric::IsrExpands }, entry, 1);
                }
            }
            Event::LeaderElected { at, leader_epoch, .. } => {
                self.add(Metric::LeaderElections, entry, 1);
                self.elections.insert(at.clone(), (*leader_epoch, entry.time));
            }
            Event::BecameLeader { at, leader_epoch } => {
                let decided = self.elections.get(at).filter(|(epoch, _)| epoch == leader_epoch);
                if let Some(since) = decided.map(|(_, since)| *since) {
                    self.elections.remove(at);
                    let took = entry.time.since(since) as i64;
                    self.records[Metric::LeaderElectionTime as usize].sample(entry.time, entry.seq, took);
                }
                return;
            }
            _ => return,
        }
        self.count(entry);
    }

    fn count(&mut self, entry: &Entry) {
        let (mut under, mut below, mut offline) = (0, 0, 0);
        for (at, seen) in &self.partitions {
            let min = self.min_isr.get(&at.topic).copied().unwrap_or(self.default_min_isr);
            under += i64::from(seen.isr < seen.replicas);
            below += i64::from(seen.isr < min.min(seen.replicas));
            offline += i64::from(!seen.led);
        }
        let active = self.active.len() as i64;
        for (metric, value) in [
            (Metric::UnderReplicated, under),
            (Metric::UnderMinIsr, below),
            (Metric::Offline, offline),
            (Metric::ActiveController, active),
        ] {
            self.records[metric as usize].set(entry.time, entry.seq, value);
        }
    }

    fn answered(&mut self, entry: &Entry, conn: ConnId, to: NodeId, frame: &Frame) {
        let key = (entry.node, conn, frame.info.correlation_id);
        let Some(since) = self.asked.remove(&key) else { return };
        let metric = match (ApiKey::try_from(frame.info.api_key), self.kinds.get(&to)) {
            (Ok(ApiKey::Produce), _) => Metric::ProduceTime,
            (Ok(ApiKey::Fetch), Some(Kind::Broker)) => Metric::FetchFollowerTime,
            (Ok(ApiKey::Fetch), _) => Metric::FetchConsumerTime,
            _ => return,
        };
        self.records[metric as usize].sample(entry.time, entry.seq, entry.time.since(since) as i64);
    }

    fn add(&mut self, metric: Metric, entry: &Entry, amount: i64) {
        self.records[metric as usize].add(entry.time, entry.seq, amount);
    }

    fn moved(&mut self, entry: &Entry, at: &TopicPartition, offset: i64) {
        self.positions.insert((entry.node, at.clone()), offset);
        self.lag_of(entry, entry.node);
    }

    /// A partition has more committed records: whoever reads it lags more.
    fn lag(&mut self, entry: &Entry, at: &TopicPartition) {
        let readers: Vec<NodeId> =
            self.positions.keys().filter(|(_, read)| read == at).map(|(node, _)| *node).collect();
        for node in readers {
            self.lag_of(entry, node);
        }
    }

    fn lag_of(&mut self, entry: &Entry, node: NodeId) {
        let behind = |((_, at), position): (&(NodeId, TopicPartition), &i64)| {
            self.ends.get(at).map_or(0, |end| (end - position).max(0))
        };
        let lag = self.positions.iter().filter(|((reader, _), _)| *reader == node).map(behind).max();
        if lag.is_some() || self.lags.contains_key(&node) {
            self.lags.entry(node).or_default().set(entry.time, entry.seq, lag.unwrap_or(0));
        }
    }
}

/// Whether Kafka times these by what asked for them.
fn is_timed(frame: &Frame) -> bool {
    matches!(ApiKey::try_from(frame.info.api_key), Ok(ApiKey::Produce | ApiKey::Fetch))
}

/// What can move a metric. Requests lost on the way follow from what broke.
fn is_mover(entry: &Entry) -> bool {
    match &entry.event {
        Event::Lost { .. } => false,
        Event::NodeStarted => entry.cause != 0,
        Event::LeaderElected { .. }
        | Event::IsrProposed { .. }
        | Event::BrokerFenced { .. }
        | Event::BrokerUnfenced { .. }
        | Event::TopicCreated { .. }
        | Event::TopicDeleted { .. }
        | Event::ConfigChanged { .. }
        | Event::ControllerElected { .. }
        | Event::RebalanceStarted { .. }
        | Event::PartitionsRevoked { .. }
        | Event::PartitionsAssigned { .. } => true,
        event => category(event) == Category::Faults,
    }
}
