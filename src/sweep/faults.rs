//! Faults, and how each is mended: whatever a profile breaks is whole again in the end.

use crate::base::Rng;
use crate::metadata::Voters;
use crate::scenario::{Scenario, ScriptStep};
use crate::sim::{Command, Kind};

use super::Profile;
use super::draw::{one_of, scale};
use super::generate::{BEGIN_MS, MENDED_MS};

/// What can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Kill,
    KillClient,
    Pause,
    PauseClient,
    Stuck,
    Cut,
    Isolate,
    Slow,
    Drop,
    OneWay,
    Late,
    Twice,
    PowerLoss,
    Blackout,
    SlowDisk,
    FullDisk,
    CorruptByte,
    Clock,
}

const NETWORK: &[Fault] = &[
    Fault::Cut,
    Fault::Isolate,
    Fault::Slow,
    Fault::OneWay,
    Fault::OneWay,
    Fault::Drop,
    Fault::Drop,
    Fault::Late,
    Fault::Twice,
];
const CRASHES: &[Fault] =
    &[Fault::Kill, Fault::Kill, Fault::KillClient, Fault::Pause, Fault::PauseClient, Fault::Stuck];
const DISKS: &[Fault] = &[
    Fault::PowerLoss,
    Fault::PowerLoss,
    Fault::PowerLoss,
    Fault::Blackout,
    Fault::Kill,
    Fault::SlowDisk,
    Fault::FullDisk,
    Fault::CorruptByte,
    Fault::Clock,
];

/// The faults of a seed, each with what mends it.
pub(super) fn script(seed: u64, profile: Profile, scenario: &Scenario) -> Vec<ScriptStep> {
    let kinds: Vec<Fault> = match profile {
        Profile::Calm => return Vec::new(),
        Profile::FlakyNetwork => NETWORK.to_vec(),
        Profile::CrashHappy => CRASHES.to_vec(),
        Profile::DisksThatLie => DISKS.to_vec(),
        Profile::Everything => [NETWORK, CRASHES, DISKS].concat(),
    };
    let mut faults = Faults {
        rng: Rng::stream(seed, &format!("sweep: {}", profile.name())),
        quorum: Rng::stream(seed, &format!("sweep: controllers, {}", profile.name())),
        controllers: voters(scenario),
        brokers: (1..=scenario.cluster.brokers).map(|id| format!("broker-{id}")).collect(),
        clients: clients(scenario),
        topics: scenario.topics.iter().map(|it| (it.name.clone(), it.partitions.unwrap_or(1))).collect(),
        consumers: consumers(scenario),
        steps: Vec::new(),
    };
    let most = if profile == Profile::Everything { 12 } else { 8 };
    for _ in 0..faults.rng.between(2, most) {
        let kind = *one_of(&mut faults.rng, &kinds);
        faults.add(kind);
    }
    faults.steps
}

/// The controllers' processes, which may be brokers'.
fn voters(scenario: &Scenario) -> Vec<String> {
    let cluster = &scenario.cluster;
    let voters = match cluster.combined {
        true => Voters::combined(cluster.first_broker_id, cluster.controllers),
        false => Voters::of(cluster.controllers),
    };
    voters.iter().map(|it| it.host.clone()).collect()
}

fn consumers(scenario: &Scenario) -> Vec<String> {
    scenario.groups.iter().flat_map(|group| group.consumers.names(&group.id)).collect()
}

fn clients(scenario: &Scenario) -> Vec<String> {
    let producers = scenario.producers.iter().map(|producer| producer.name.clone());
    producers.chain(consumers(scenario)).collect()
}

struct Faults {
    rng: Rng,
    /// Decides where there are several controllers.
    quorum: Rng,
    controllers: Vec<String>,
    brokers: Vec<String>,
    clients: Vec<String>,
    topics: Vec<(String, i32)>,
    consumers: Vec<String>,
    steps: Vec<ScriptStep>,
}

impl Faults {
    fn add(&mut self, fault: Fault) {
        // Some come while everything is still starting, some shortly after one another.
        let from = self.rng.between(BEGIN_MS, MENDED_MS - 4_000);
        let to = (from + scale(&mut self.rng, 100, 16_000)).min(MENDED_MS);
        match fault {
            Fault::Kill => {
                let node = self.server();
                self.between(from, Command::Kill { node: node.clone() }, to, Command::Restart { node });
            }
            Fault::KillClient => {
                let node = one_of(&mut self.rng, &self.clients).clone();
                self.between(from, Command::Kill { node: node.clone() }, to, Command::Restart { node });
            }
            Fault::Pause => {
                let node = self.server();
                self.between(from, Command::Pause { node: node.clone() }, to, Command::Resume { node });
            }
            Fault::PauseClient => {
                let node = one_of(&mut self.rng, &self.clients).clone();
                self.between(from, Command::Pause { node: node.clone() }, to, Command::Resume { node });
            }
            Fault::Stuck => {
                let Some(consumer) = self.consumer() else { return };
                let stuck = |on| Command::SetStuck { consumer: consumer.clone(), on };
                self.between(from, stuck(true), to, stuck(false));
            }
            Fault::Cut => {
                let (a, b) = self.two();
                self.between(from, Command::Cut { a: a.clone(), b: b.clone() }, to, Command::Heal { a, b });
            }
            Fault::Isolate => self.isolate(from, to),
            Fault::Slow => {
                let (a, b) = self.two();
                let latency_ms = scale(&mut self.rng, 20, 4_000) as u32;
                let slow = Command::Slow { a: a.clone(), b: b.clone(), latency_ms };
                self.between(from, slow, to, Command::Slow { a, b, latency_ms: 1 });
            }
            Fault::OneWay => self.one_way(from, to),
            Fault::Drop | Fault::Late | Fault::Twice => self.message(fault, from),
            Fault::PowerLoss => {
                let node = self.server();
                self.between(from, Command::PowerLoss { node: node.clone() }, to, Command::Restart { node });
            }
            Fault::SlowDisk | Fault::FullDisk | Fault::CorruptByte | Fault::Clock => {
                self.disk(fault, from, to)
            }
            Fault::Blackout => {
                let (brokers, mut controllers) = (self.brokers.clone(), self.all_controllers());
                controllers.retain(|node| !brokers.contains(node));
                for node in [brokers, controllers].concat() {
                    let back = to + self.rng.below(3_000);
                    let lose = Command::PowerLoss { node: node.clone() };
                    self.between(from, lose, back, Command::Restart { node });
                }
            }
        }
    }

    fn between(&mut self, from: u64, first: Command, to: u64, then: Command) {
        self.steps.push(ScriptStep { at_ms: from, command: first });
        self.steps.push(ScriptStep { at_ms: to, command: then });
    }

    fn server(&mut self) -> String {
        if self.is_about_the_quorum() || self.rng.chance(1, 6) {
            return self.controller();
        }
        one_of(&mut self.rng, &self.brokers).clone()
    }

    /// Of several controllers each has its share of the faults; one that is alone is spared most.
    fn is_about_the_quorum(&mut self) -> bool {
        self.controllers.len() > 1 && self.quorum.chance(1, 3)
    }

    fn controller(&mut self) -> String {
        match self.controllers.len() {
            0 | 1 => self.controllers.first().cloned().unwrap_or_default(),
            _ => one_of(&mut self.quorum, &self.controllers).clone(),
        }
    }

    /// All of several controllers, or none.
    fn all_controllers(&mut self) -> Vec<String> {
        if self.is_about_the_quorum() { self.controllers.clone() } else { Vec::new() }
    }

    fn consumer(&mut self) -> Option<String> {
        if self.consumers.is_empty() { None } else { Some(one_of(&mut self.rng, &self.consumers).clone()) }
    }

    /// A broker, or one of several controllers, and somebody it talks to: nobody cuts a process off from itself.
    fn two(&mut self) -> (String, String) {
        let (a, b) = self.any_two();
        if a != b {
            return (a, b);
        }
        let b = one_of(&mut self.quorum, &self.clients).clone();
        (a, b)
    }

    fn any_two(&mut self) -> (String, String) {
        if self.is_about_the_quorum() {
            let a = self.controller();
            let others: Vec<String> = self.controllers.iter().filter(|other| **other != a).cloned().collect();
            let among = if self.quorum.chance(2, 3) { &others } else { &self.brokers };
            return (a, one_of(&mut self.quorum, among).clone());
        }
        let a = one_of(&mut self.rng, &self.brokers).clone();
        let others: Vec<String> = self.brokers.iter().filter(|other| **other != a).cloned().collect();
        let b = match self.rng.below(6) {
            0 => self.controller(),
            1 | 2 => one_of(&mut self.rng, &self.clients).clone(),
            _ if others.is_empty() => self.controller(),
            _ => one_of(&mut self.rng, &others).clone(),
        };
        (a, b)
    }

    /// A broker hears nobody but its clients, or a controller no other, as when a switch fails.
    fn isolate(&mut self, from: u64, to: u64) {
        if self.is_about_the_quorum() {
            let a = self.controller();
            for b in self.controllers.clone().into_iter().filter(|other| *other != a) {
                let a = a.clone();
                self.between(from, Command::Cut { a: a.clone(), b: b.clone() }, to, Command::Heal { a, b });
            }
            return;
        }
        let a = one_of(&mut self.rng, &self.brokers).clone();
        let with_controller = self.rng.chance(2, 3);
        let others: Vec<String> = self.brokers.iter().filter(|other| **other != a).cloned().collect();
        let mut controllers = if with_controller { self.controllers.clone() } else { Vec::new() };
        controllers.retain(|node| *node != a && !others.contains(node));
        for b in others.into_iter().chain(controllers) {
            let a = a.clone();
            self.between(from, Command::Cut { a: a.clone(), b: b.clone() }, to, Command::Heal { a, b });
        }
    }

    fn one_way(&mut self, at_ms: u64, to_ms: u64) {
        let (a, b) = self.two();
        let (from, to) = if self.rng.chance(1, 2) { (a.clone(), b.clone()) } else { (b.clone(), a.clone()) };
        if self.rng.chance(1, 2) {
            return self.between(at_ms, Command::CutOneWay { from, to }, to_ms, Command::Heal { a, b });
        }
        let latency_ms = scale(&mut self.rng, 20, 4_000) as u32;
        let slow = Command::SlowOneWay { from, to, latency_ms };
        self.between(at_ms, slow, to_ms, Command::Slow { a, b, latency_ms: 1 });
    }

    /// Something happens to the next few messages from one node to another.
    fn message(&mut self, fault: Fault, at_ms: u64) {
        let (a, b) = self.two();
        let client = one_of(&mut self.rng, &self.clients).clone();
        let (from, to) = match self.rng.below(4) {
            0 => (client, a),
            1 => (a, client),
            2 => (b, a),
            _ => (a, b),
        };
        let frame = *one_of(&mut self.rng, &[Kind::Request, Kind::Response]);
        let count = self.rng.between(1, 3) as u32;
        let by_ms = scale(&mut self.rng, 50, 8_000) as u32;
        let command = match fault {
            Fault::Late => Command::DelayNext { from, to, frame, api: None, count, by_ms },
            Fault::Twice => Command::DuplicateNext { from, to, frame, api: None, count },
            _ => Command::DropNext { from, to, frame, api: None, count },
        };
        self.steps.push(ScriptStep { at_ms, command });
    }

    fn disk(&mut self, fault: Fault, from: u64, to: u64) {
        let broker = one_of(&mut self.rng, &self.brokers).clone();
        match fault {
            Fault::SlowDisk => {
                let node = self.server();
                let flush_ms = Some(scale(&mut self.rng, 20, 3_000) as u32);
                let slow = Command::SlowDisk { node: node.clone(), flush_ms };
                self.between(from, slow, to, Command::SlowDisk { node, flush_ms: None });
            }
            Fault::FullDisk => {
                let full = |on| Command::SetDiskFull { broker: broker.clone(), on };
                self.between(from, full(true), to, full(false));
                // Somebody has made room, and starts it anew.
                self.steps.push(ScriptStep { at_ms: to + 1, command: Command::Restart { node: broker } });
            }
            Fault::CorruptByte => {
                let (topic, partitions) = one_of(&mut self.rng, &self.topics).clone();
                let partition = self.rng.below(partitions.unsigned_abs().into()) as i32;
                let command = Command::CorruptByte { broker, topic, partition, position: None };
                self.steps.push(ScriptStep { at_ms: from, command });
            }
            _ => {
                let node = self.server();
                let far = scale(&mut self.rng, 50, 600_000) as i64;
                let by_ms = if self.rng.chance(1, 2) { far } else { -far };
                let wrong = Command::SkewClock { node: node.clone(), by_ms };
                self.between(from, wrong, to, Command::SkewClock { node, by_ms: 0 });
            }
        }
    }
}
