//! What elections cost, in numbers from the trace: of the cluster that a group is on, beside the
//! group's own score.

use serde::Serialize;

use crate::base::{FrameKind, Map, NodeId, Set, SimTime};
use crate::protocol::{ApiKey, TopicPartition};
use crate::scenario::{Protocol, Scenario};
use crate::sim::{Command, TopicSetup, World};
use crate::trace::{Entry, Event};
use crate::zookeeper::{op_name, speaks_zookeeper};

use super::score::{Row, grouped};
use super::{Fold, is_server};

const LEADER_AND_ISR: i16 = ApiKey::LeaderAndIsr.code();
const STOP_REPLICA: i16 = ApiKey::StopReplica.code();
const UPDATE_METADATA: i16 = ApiKey::UpdateMetadata.code();

/// The score of a cluster's elections. It begins when a controller decides and every partition of the
/// scenario is led for the first time: how long a cluster takes to come up is not asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ElectionScore {
    /// Time in which no controller decided, in microseconds: none ran, or it was still reading.
    pub no_controller_us: u64,
    /// None decides now.
    pub no_controller_now: bool,
    /// Time for which partitions had no leader that runs, one after another, in microseconds.
    pub no_leader_us: u64,
    /// How many have none now.
    pub no_leader_now: u32,
    /// How often a partition was given another leader.
    pub elected: u64,
    /// How often a broker was told of changes: LeaderAndIsr, UpdateMetadata and StopReplica, which a
    /// controller on ZooKeeper sends; with KRaft, fetches of the metadata log that brought some.
    pub told: u64,
    /// Requests of the controller to ZooKeeper.
    pub to_zookeeper: u64,
}

impl ElectionScore {
    /// The score at `now`, when this one was true at `then` and nothing has changed since.
    fn later(mut self, then: SimTime, now: SimTime) -> ElectionScore {
        let passed = now.since(then);
        self.no_controller_us += u64::from(self.no_controller_now) * passed;
        self.no_leader_us += u64::from(self.no_leader_now) * passed;
        self
    }

    /// The rows of the score, as people read them: name, number, and what it means.
    pub fn rows(&self) -> Vec<Row> {
        vec![
            (
                "no controller ms",
                grouped(self.no_controller_us / 1_000),
                "How long no controller decided: none ran, or it was still reading.",
            ),
            (
                "no leader p·ms",
                grouped(self.no_leader_us / 1_000),
                "Partition-milliseconds: for each partition, how long it had no leader that ran.",
            ),
            ("elections", grouped(self.elected), "How often a partition was given another leader."),
            (
                "brokers told",
                grouped(self.told),
                "How often a broker was told of changes: on ZooKeeper with LeaderAndIsr, UpdateMetadata or \
                 StopReplica; with KRaft, by what it fetched of the metadata log.",
            ),
            ("to ZooKeeper", grouped(self.to_zookeeper), "Requests of the controller to ZooKeeper."),
        ]
    }
}

/// The trace of a cluster, folded up to that score.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Elections {
    score: ElectionScore,
    as_of: SimTime,
    begun: bool,
    /// So many partitions have to be led before it begins.
    wanted: u32,
    /// A controller without others, which need not be elected.
    alone: Option<NodeId>,
    /// Who decides, and who reads everything to do so next.
    controller: Option<NodeId>,
    claimant: Option<NodeId>,
    /// Who leads what in which epoch; nobody, while those who did are gone.
    leaders: Map<TopicPartition, (Option<NodeId>, i32)>,
    /// Who stands still.
    still: Set<NodeId>,
    samples: Vec<(u64, SimTime, ElectionScore)>,
}

impl Elections {
    /// Of a world in which nothing has happened yet.
    pub(super) fn of(world: &World) -> Elections {
        let cluster = &world.setup().cluster;
        let partitions = |topic: &TopicSetup| {
            u32::try_from(topic.partitions).unwrap_or(0).max(topic.assignments.len() as u32)
        };
        let alone = world.controllers().map(|(node, ..)| node).next();
        let alone = alone.filter(|_| world.controllers().count() == 1);
        Elections { wanted: cluster.topics.iter().map(partitions).sum(), alone, ..Elections::default() }
    }

    /// The score after entry `seq`, at `now`.
    pub(super) fn score(&self, seq: u64, now: SimTime) -> ElectionScore {
        let after = self.samples.partition_point(|(at, ..)| *at <= seq);
        let last = after.checked_sub(1).and_then(|index| self.samples.get(index));
        last.map_or_else(ElectionScore::default, |(_, then, score)| score.later(*then, now))
    }

    /// Reads one entry; they come in order.
    pub(super) fn read(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Sent { frame, .. } => {
                if frame.info.kind == FrameKind::Request {
                    self.sent(entry, frame.info.api_key);
                }
            }
            Event::Received { .. } | Event::TimerFired { .. } => {}
            event => {
                if self.read_rare(entry, event) {
                    self.begin_if_ready();
                    self.sample(entry);
                }
            }
        }
    }

    fn sent(&mut self, entry: &Entry, api_key: i16) {
        if !self.begun {
            return;
        }
        let decides = |who: Option<NodeId>| who == Some(entry.node);
        let told = matches!(api_key, LEADER_AND_ISR | STOP_REPLICA | UPDATE_METADATA);
        let asks = is_work(api_key) && (decides(self.controller) || decides(self.claimant));
        if told || asks {
            self.advance(entry.time);
            self.score.told += u64::from(told);
            self.score.to_zookeeper += u64::from(asks);
            self.sample(entry);
        }
    }

    /// Whether that is of interest.
    #[inline(never)]
    fn read_rare(&mut self, entry: &Entry, event: &Event) -> bool {
        let node = entry.node;
        self.advance(entry.time);
        match event {
            Event::NodeStarted if self.alone == Some(node) => self.controller = Some(node),
            Event::ControllerActivated { .. } | Event::ControllerLoaded { .. } => {
                (self.controller, self.claimant) = (Some(node), None);
            }
            Event::ControllerClaimed { .. } => (self.controller, self.claimant) = (None, Some(node)),
            Event::ControllerResigned { .. } => self.leaves(node),
            Event::NodeKilled | Event::NodeStopped | Event::PowerLost { .. } => {
                self.leaves(node);
                self.still.remove(&node);
                for (leader, _) in self.leaders.values_mut().filter(|(leader, _)| *leader == Some(node)) {
                    *leader = None;
                }
            }
            Event::NodePaused => drop(self.still.insert(node)),
            Event::NodeResumed => drop(self.still.remove(&node)),
            Event::BecameLeader { at, leader_epoch } => self.led(at, Some(node), *leader_epoch),
            Event::BecameFollower { at, leader_epoch, .. } => {
                // Until the new leader knows that it is one, there is none.
                let leads = self.leaders.get(at).is_some_and(|(leader, _)| *leader == Some(node));
                if leads {
                    self.led(at, None, *leader_epoch);
                }
            }
            Event::LeaderElected { at, leader, leader_epoch } => {
                self.score.elected += u64::from(*leader >= 0 && *leader_epoch > 0);
                if *leader < 0 {
                    self.led(at, None, *leader_epoch);
                }
            }
            Event::TopicDeleted { topic } => self.leaders.retain(|at, _| at.topic != *topic),
            Event::MetadataApplied { .. } => self.score.told += 1,
            _ => return false,
        }
        let runs = |who: &NodeId| !self.still.contains(who);
        self.score.no_controller_now = !self.controller.as_ref().is_some_and(runs);
        let leaderless = self.leaders.values().filter(|(leader, _)| !leader.as_ref().is_some_and(runs));
        self.score.no_leader_now = leaderless.count() as u32;
        true
    }

    /// From when everything is there, it counts.
    fn begin_if_ready(&mut self) {
        let is_up = !self.score.no_controller_now && self.score.no_leader_now == 0;
        if !self.begun && is_up && self.leaders.len() as u64 >= u64::from(self.wanted) {
            (self.begun, self.score) = (true, ElectionScore::default());
        }
    }

    fn led(&mut self, at: &TopicPartition, leader: Option<NodeId>, leader_epoch: i32) {
        match self.leaders.get_mut(at) {
            Some((_, known)) if *known > leader_epoch => {}
            Some(place) => *place = (leader, leader_epoch),
            // It counts from when somebody leads it.
            None if leader.is_some() => drop(self.leaders.insert(at.clone(), (leader, leader_epoch))),
            None => {}
        }
    }

    fn leaves(&mut self, node: NodeId) {
        for place in [&mut self.controller, &mut self.claimant] {
            if *place == Some(node) {
                *place = None;
            }
        }
    }

    fn advance(&mut self, time: SimTime) {
        self.score = self.score.later(self.as_of, time);
        self.as_of = time;
    }

    fn sample(&mut self, entry: &Entry) {
        if !self.begun {
            return;
        }
        let sample = (entry.seq, self.as_of, self.score);
        match self.samples.last_mut() {
            Some(last) if last.0 == entry.seq => *last = sample,
            _ => self.samples.push(sample),
        }
    }
}

impl Fold {
    /// The score of the cluster's elections after entry `seq`, at `now`.
    pub fn election_score(&self, seq: u64, now: SimTime) -> ElectionScore {
        self.elections().score(seq, now)
    }
}

/// Whether elections are of interest where a scenario is played under these protocols: the clusters
/// elect in different ways, or something happens to their servers.
#[inline(never)]
pub fn compares_elections(scenario: &Scenario, protocols: &[Protocol]) -> bool {
    let differ = protocols.windows(2).any(|two| matches!(two, [a, b] if a.zookeeper != b.zookeeper));
    differ || scenario.script.iter().any(|step| is_of_servers(&step.command))
}

/// Whether a request asks ZooKeeper for something, and is not only a sign of life.
fn is_work(api_key: i16) -> bool {
    speaks_zookeeper(api_key) && !matches!(op_name(api_key), "ping" | "connect" | "setWatches")
}

fn is_of_servers(command: &Command) -> bool {
    match command {
        Command::Kill { node }
        | Command::PowerLoss { node }
        | Command::Restart { node }
        | Command::Pause { node }
        | Command::Stop { node, .. } => is_server(node),
        Command::Cut { a, b } => is_server(a) && is_server(b),
        Command::ElectLeaders { .. } => true,
        _ => false,
    }
}
