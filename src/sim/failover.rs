//! How long it takes until everything is led again, measured: the same cluster on ZooKeeper and with KRaft, with
//! as many partitions as one likes, of which a broker dies, or a broker and the controller.
//!
//! Nothing is computed that does not happen: each answer is a world of its own, played until a write to a
//! partition that was led by whoever died is acknowledged.

use std::sync::Arc;

use serde::Serialize;

use crate::base::{EPOCH_MS, NodeId, Set, SimTime, seconds};
use crate::broker::BrokerConfig;
use crate::client::{ProducerConfig, Workload};
use crate::controller::ControllerConfig;
use crate::protocol::TopicPartition;
use crate::sim::{
    ClientKind, ClientSetup, ClusterSetup, Command, DiskSetup, NetworkSetup, Setup, TopicSetup, World,
};
use crate::trace::{Entry, Event};
use crate::zookeeper::ZooKeeperConfig;

const TOPIC: &str = "orders";
const PROBE: &str = "probe";
/// Controllers of the KRaft cluster.
const CONTROLLERS: u32 = 3;
/// After so long it is given up: neither world needs it.
const PATIENCE_US: u64 = seconds(900);
/// Steps of a world between two looks at it while its topic is created.
const STEPS: u32 = 1_000;

/// Who dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dies {
    /// A broker that is not the controller.
    Broker,
    /// The controller, and a broker: on ZooKeeper that is one and the same process.
    Controller,
}

/// What is measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// On ZooKeeper with this, else with KRaft.
    pub zookeeper: Option<Arc<ZooKeeperConfig>>,
    /// Brokers: at least 2. Each partition has a replica on three of them, or on both.
    pub brokers: u32,
    /// Partitions of the only topic.
    pub partitions: u32,
    /// Who dies.
    pub dies: Dies,
}

/// Milliseconds after the death; `None` for what did not happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Failover {
    /// The broker is missed: its session has expired, or the controller has fenced it.
    pub missed_ms: Option<u64>,
    /// Another controller knows everything and decides. Only when the controller died.
    pub controller_ms: Option<u64>,
    /// Every partition that lost its leader has another, which knows.
    pub led_ms: Option<u64>,
    /// A record sent at the moment of the death is acknowledged.
    pub written_ms: Option<u64>,
    /// How many partitions had lost their leader.
    pub leaderless: u32,
}

impl Failover {
    /// From the moment that the death was known until everything was led: what a cluster takes that is not
    /// just waiting.
    pub fn work_ms(&self) -> Option<u64> {
        Some(self.led_ms?.saturating_sub(self.missed_ms?))
    }
}

/// Measures. `None` when the cluster does not come up, as with fewer than two brokers.
#[inline(never)]
pub fn failover(question: &Question) -> Option<Failover> {
    let mut measurement = Measurement::new(question);
    loop {
        if let Some(found) = measurement.advance(STEPS) {
            return found;
        }
    }
}

/// A measurement under way, for whoever cannot wait until it is done: a few steps of its world at a time.
/// However it is cut into pieces, what it finds is the same.
#[derive(Clone, Debug)]
pub struct Measurement {
    world: World,
    partitions: u32,
    dies: Dies,
    trace: Vec<Entry>,
    stage: Stage,
}

#[derive(Clone, Debug)]
enum Stage {
    /// The topic is being created; so many steps until the next look at it.
    ComingUp { look_in: u32 },
    /// Everybody rests until then.
    Resting(SimTime),
    /// Somebody has died.
    Missing(Missing),
}

#[derive(Clone, Debug)]
struct Missing {
    died: SimTime,
    leader: i32,
    leaderless: Set<TopicPartition>,
    found: Failover,
}

impl Measurement {
    /// Before the first event of its world.
    #[inline(never)]
    pub fn new(question: &Question) -> Measurement {
        Measurement {
            world: World::unwatched(setup(question)),
            partitions: question.partitions,
            dies: question.dies,
            trace: Vec::new(),
            stage: Stage::ComingUp { look_in: STEPS },
        }
    }

    /// Plays at most `steps` events. When that was the end, what was found: `Some(None)` when the cluster
    /// did not come up.
    #[inline(never)]
    pub fn advance(&mut self, steps: u32) -> Option<Option<Failover>> {
        for _ in 0..steps {
            let before = self.world.now();
            let over = match &mut self.stage {
                Stage::Missing(missing) if missing.is_over(before) => return Some(Some(missing.found)),
                Stage::Resting(until) if before >= *until => match self.kill() {
                    Some(missing) => {
                        self.stage = Stage::Missing(missing);
                        continue;
                    }
                    None => return Some(None),
                },
                _ => !self.world.step(&mut self.trace),
            };
            match &mut self.stage {
                Stage::Missing(missing) => {
                    for entry in self.trace.drain(..) {
                        missing.note(self.dies, &entry);
                    }
                    if over {
                        return Some(Some(missing.found));
                    }
                }
                Stage::Resting(until) if over => *until = before,
                _ if over => return Some(None),
                Stage::Resting(_) => {}
                Stage::ComingUp { look_in: 1 } => {
                    if self.world.now().0 > PATIENCE_US {
                        return Some(None);
                    }
                    self.stage = match is_up(&self.world, self.partitions) {
                        true => Stage::Resting(self.world.now() + seconds(3)),
                        false => Stage::ComingUp { look_in: STEPS },
                    };
                }
                Stage::ComingUp { look_in } => *look_in -= 1,
            }
            self.trace.clear();
        }
        None
    }

    /// The time of its world.
    pub fn now(&self) -> SimTime {
        self.world.now()
    }

    /// Kills whom the question names, and sends a record to a partition that has lost its leader by that.
    fn kill(&mut self) -> Option<Missing> {
        let world = &mut self.world;
        let victims = victims(world, self.dies)?;
        let dead = world.node(*victims.first()?)?.name.clone();
        let leader = i32::try_from(victims.first()?.0).ok()?;
        let led = world.metadata()?.partitions().filter(|(_, _, partition)| partition.leader == leader);
        let mut leaderless: Set<TopicPartition> = led.map(|(at, _, _)| at).collect();
        leaderless.retain(|at| &*at.topic == TOPIC);
        let probed = leaderless.first()?.partition;
        let found = Failover { leaderless: leaderless.len() as u32, ..Default::default() };
        for victim in victims {
            let node = world.node(victim)?.name.clone();
            world.command(&Command::Kill { node }, &mut self.trace).ok()?;
        }
        let send = Command::Send {
            producer: PROBE.into(),
            topic: TOPIC.into(),
            partition: Some(probed),
            key: None,
            value: Some(format!("sent when {dead} died")),
            headers: Vec::new(),
        };
        world.command(&send, &mut self.trace).ok()?;
        self.trace.clear();
        Some(Missing { died: world.now(), leader, leaderless, found })
    }
}

impl Missing {
    fn is_over(&self, now: SimTime) -> bool {
        let written = self.found.written_ms.is_some() && self.leaderless.is_empty();
        written || now.since(self.died) >= PATIENCE_US
    }

    fn note(&mut self, dies: Dies, entry: &Entry) {
        let (found, leaderless) = (&mut self.found, &mut self.leaderless);
        let after_ms = Some(entry.time.since(self.died) / 1_000);
        match &entry.event {
            Event::SessionExpired { .. } => found.missed_ms = found.missed_ms.or(after_ms),
            Event::BrokerFenced { broker } if *broker == self.leader => {
                found.missed_ms = found.missed_ms.or(after_ms);
            }
            Event::ControllerLoaded { .. } | Event::ControllerActivated { .. }
                if dies == Dies::Controller =>
            {
                found.controller_ms = found.controller_ms.or(after_ms);
            }
            Event::BecameLeader { at, .. } if leaderless.remove(at) && leaderless.is_empty() => {
                found.led_ms = after_ms;
            }
            Event::BatchAcknowledged { .. } => found.written_ms = found.written_ms.or(after_ms),
            _ => {}
        }
    }
}

/// Every partition has a leader that knows.
fn is_up(world: &World, partitions: u32) -> bool {
    let led: u64 = (world.brokers())
        .map(|(_, _, broker)| broker.partitions().filter(|partition| partition.is_leader()).count() as u64)
        .sum();
    let topic = world.metadata().and_then(|image| image.topics.get(TOPIC));
    let known = topic.map(|topic| topic.partitions.len() as u64);
    known == Some(u64::from(partitions)) && led == u64::from(partitions)
}

/// A broker, and who else dies with it.
fn victims(world: &World, dies: Dies) -> Option<Vec<NodeId>> {
    let hosted = world.controller_on_zookeeper().map(|(node, _)| node);
    let other = world.brokers().map(|(node, ..)| node).find(|node| Some(*node) != hosted);
    Some(match (dies, hosted) {
        (Dies::Broker, _) => vec![other?],
        (Dies::Controller, Some(hosted)) => vec![hosted],
        (Dies::Controller, None) => {
            let active = world.controllers().find(|(_, _, controller)| controller.is_active());
            vec![other?, active?.0]
        }
    })
}

fn setup(question: &Question) -> Arc<Setup> {
    let client = ClientSetup {
        name: PROBE.into(),
        start: SimTime(seconds(1)),
        kind: ClientKind::Producer(Arc::new(ProducerConfig::default()), Arc::new(Workload::default())),
    };
    Arc::new(Setup {
        name: "failover".into(),
        seed: 1,
        epoch_ms: EPOCH_MS,
        network: NetworkSetup::default(),
        disk: DiskSetup::default(),
        cluster: ClusterSetup {
            brokers: question.brokers,
            first_broker_id: 1,
            spare_brokers: 0,
            config: Arc::new(BrokerConfig::default()),
            controllers: CONTROLLERS,
            combined: false,
            zookeeper: question.zookeeper.clone(),
            controller: Arc::new(ControllerConfig::default()),
            advertised: Vec::new(),
            racks: Vec::new(),
            topics: vec![TopicSetup {
                name: TOPIC.into(),
                partitions: i32::try_from(question.partitions).unwrap_or(i32::MAX),
                replication_factor: question.brokers.min(3) as i16,
                configs: Default::default(),
                assignments: Vec::new(),
            }],
        },
        clients: vec![client],
        script: Vec::new(),
        inputs: Vec::new(),
        expect: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn ask(on_zookeeper: bool, partitions: u32, dies: Dies) -> Failover {
        let zookeeper = on_zookeeper.then(Default::default);
        failover(&Question { zookeeper, brokers: 3, partitions, dies }).expect("the cluster comes up")
    }

    #[test]
    fn only_on_zookeeper_does_the_work_grow_with_the_partitions() {
        let work = |on_zookeeper, partitions, dies| {
            ask(on_zookeeper, partitions, dies).work_ms().expect("everything is led again")
        };
        for dies in [Dies::Broker, Dies::Controller] {
            let (few, many) = (work(true, 10, dies), work(true, 300, dies));
            assert!(many > few + 20, "{dies:?}: {few} ms, {many} ms");
            let (few, many) = (work(false, 10, dies), work(false, 300, dies));
            assert!(many <= few + 10, "{dies:?}: {few} ms, {many} ms");
        }
    }

    #[test]
    fn in_pieces_it_finds_the_same() {
        for zookeeper in [Some(Default::default()), None] {
            let question = Question { zookeeper, brokers: 3, partitions: 7, dies: Dies::Controller };
            let mut measurement = Measurement::new(&question);
            let found = (1..).find_map(|piece| measurement.advance(piece % 37)).flatten();
            assert!(found.is_some());
            assert_eq!(found, failover(&question));
        }
    }

    #[test]
    fn a_write_waits_until_the_death_is_noticed() {
        let found = ask(true, 10, Dies::Broker);
        assert!(found.missed_ms >= Some(16_000) && found.written_ms >= found.led_ms, "{found:?}");
        assert_eq!(found.controller_ms, None);
    }
}
