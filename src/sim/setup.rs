//! What a world is made of before its first event.

use std::sync::Arc;

use crate::base::{Map, SimTime};
use crate::broker::BrokerConfig;
use crate::client::{ConsumerApp, ConsumerConfig, ProducerConfig, Workload};
use crate::controller::ControllerConfig;
use crate::metadata::Voters;
use crate::plant::Plant;
use crate::sim::Command;
use crate::zookeeper::ZooKeeperConfig;

/// Everything that, with the seed and the commands of whoever plays, decides all that happens.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// What the scenario is called.
    pub name: String,
    /// The source of all randomness.
    pub seed: u64,
    /// What the nodes' clocks show when it begins, in milliseconds since 1970.
    pub epoch_ms: i64,
    /// Latencies.
    pub network: NetworkSetup,
    /// How long disks take.
    pub disk: DiskSetup,
    /// Brokers and topics.
    pub cluster: ClusterSetup,
    /// Producers and consumers.
    pub clients: Vec<ClientSetup>,
    /// Commands that the scenario gives itself, by time.
    pub script: Vec<(SimTime, Command)>,
    /// What came from outside in a session that was recorded, in order. At its time an input
    /// goes before everything else.
    pub inputs: Vec<(SimTime, Command)>,
    /// Invariants that this world is meant to break: named, but not counted as violations.
    pub expect: Vec<String>,
}

impl Setup {
    /// Builds a known bug into every machine that can have it.
    pub fn plant(&mut self, plant: Plant) {
        let broker = Arc::make_mut(&mut self.cluster.config);
        let log = Arc::make_mut(&mut broker.log);
        log.plants = log.plants.with(plant);
        let group = Arc::make_mut(&mut broker.group);
        group.plants = group.plants.with(plant);
        let log = Arc::make_mut(&mut Arc::make_mut(&mut self.cluster.controller).log);
        log.plants = log.plants.with(plant);
    }
}

/// Latencies of every link until a command changes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkSetup {
    /// One way, in microseconds.
    pub latency_us: u64,
    /// Up to so many microseconds more, drawn for each frame.
    pub jitter_us: u64,
    /// Bandwidth of a link; each frame adds its size divided by this.
    pub bytes_per_ms: u64,
}

impl Default for NetworkSetup {
    /// A quiet data centre: half a millisecond one way, one gigabit per second.
    fn default() -> Self {
        NetworkSetup { latency_us: 500, jitter_us: 200, bytes_per_ms: 125_000 }
    }
}

/// How long disks take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSetup {
    /// An `fsync`, in microseconds.
    pub flush_us: u64,
    /// When the operating system writes dirty pages back by itself, in microseconds.
    pub writeback_us: u64,
}

impl Default for DiskSetup {
    /// A solid-state disk under Linux: dirty pages expire after 30 s.
    fn default() -> Self {
        DiskSetup { flush_us: 2_000, writeback_us: 30_000_000 }
    }
}

/// Brokers and topics.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterSetup {
    /// How many brokers.
    pub brokers: u32,
    /// The first one's id, from which the others count on; usually 1.
    pub first_broker_id: u32,
    /// How many of them, counted from the last, do not run at first.
    pub spare_brokers: u32,
    /// Their configuration.
    pub config: Arc<BrokerConfig>,
    /// How many controllers: 1, 3 or 5. One is called `controller`, several `controller-1` and so on.
    pub controllers: u32,
    /// The first brokers' processes are the controllers, too, and there are no others.
    pub combined: bool,
    /// With this there are no controllers: the metadata are on ZooKeeper, and one of the brokers is the controller.
    pub zookeeper: Option<Arc<ZooKeeperConfig>>,
    /// The controllers' configuration.
    pub controller: Arc<ControllerConfig>,
    /// Where programs outside reach the brokers, in the order of their ids: host and port. When
    /// empty they use the addresses that everybody in the world uses, `broker-1:9092`.
    pub advertised: Vec<(String, u16)>,
    /// Where the brokers stand (`broker.rack`), in the order of their ids; those without one here have none.
    pub racks: Vec<Arc<str>>,
    /// Topics that an admin client creates as soon as the brokers are there.
    pub topics: Vec<TopicSetup>,
}

impl ClusterSetup {
    /// The brokers' ids, each the number of its node.
    pub fn broker_ids(&self) -> std::ops::Range<u32> {
        self.first_broker_id..self.first_broker_id.saturating_add(self.brokers)
    }

    /// Who votes.
    pub fn voters(&self) -> Voters {
        match self.combined {
            true => Voters::combined(self.first_broker_id, self.controllers.min(self.brokers)),
            false => Voters::of(self.controllers),
        }
    }

    /// Whether a broker does not run at first.
    pub(super) fn is_spare(&self, id: u32) -> bool {
        id >= self.broker_ids().end.saturating_sub(self.spare_brokers)
    }

    /// Where this broker stands.
    pub fn rack_of(&self, broker: u32) -> Option<Arc<str>> {
        let index = broker.checked_sub(self.first_broker_id)?;
        self.racks.get(index as usize).cloned()
    }
}

/// A topic to be created.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicSetup {
    /// Its name.
    pub name: String,
    /// How many partitions.
    pub partitions: i32,
    /// How many replicas of each.
    pub replication_factor: i16,
    /// Topic configs that differ from the brokers'.
    pub configs: Map<String, String>,
    /// Replicas of each partition, when they are not left to the controller.
    pub assignments: Vec<Vec<i32>>,
}

/// A client process.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientSetup {
    /// Its name in the world, unique.
    pub name: String,
    /// When it starts.
    pub start: SimTime,
    /// What it is.
    pub kind: ClientKind,
}

/// What a client process is.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientKind {
    /// Sends records.
    Producer(Arc<ProducerConfig>, Arc<Workload>),
    /// Reads them.
    Consumer(Arc<ConsumerConfig>, Arc<ConsumerApp>),
}
