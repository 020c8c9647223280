//! The full reload of a controller that has just won, and what it does when brokers come and go.

use std::sync::Arc;

use crate::base::Map;
use crate::metadata::{MetadataImage, NO_LEADER, PartitionRegistration, TopicImage};
use crate::protocol::{TopicPartition, Uuid};
use crate::trace::Event;
use crate::zookeeper::controller::elect::{Plan, Why};
use crate::zookeeper::controller::{Do, KafkaController, Load, Stage, Task, Work, registration};
use crate::zookeeper::wire::{Fault, Op, Reply};
use crate::zookeeper::znodes::{self, BROKER_IDS, BROKER_TOPICS, broker_path, state_path, topic_path};

type Answers = Vec<Result<Reply, Fault>>;

impl KafkaController {
    /// Everything is read anew: whatever this broker knew as a standby counts for nothing.
    pub(super) fn load(&mut self) {
        self.context = MetadataImage::default();
        self.begin(Stage::Loading(Load::BrokerIds));
        self.ask(Op::GetChildren { path: BROKER_IDS.into(), watch: true });
    }

    pub(super) fn loaded(&mut self, load: Load, answers: Answers) {
        match load {
            Load::BrokerIds => {
                let ids = ids_in(answers.first());
                self.begin(Stage::Loading(Load::Brokers(ids.clone())));
                for id in ids {
                    self.ask(Op::GetData { path: broker_path(id), watch: false });
                }
                if self.left == 0 {
                    self.advance();
                }
            }
            Load::Brokers(ids) => {
                for (id, answer) in ids.iter().zip(&answers) {
                    if let Some(broker) = registration(*id, answer) {
                        self.context.brokers.insert(*id, broker);
                    }
                }
                self.begin(Stage::Loading(Load::TopicNames));
                self.ask(Op::GetChildren { path: BROKER_TOPICS.into(), watch: true });
            }
            Load::TopicNames => {
                let names = names_in(answers.into_iter().next());
                self.begin(Stage::Loading(Load::Topics(names.clone())));
                for name in &names {
                    self.ask(Op::GetData { path: topic_path(name), watch: false });
                }
                if self.left == 0 {
                    self.advance();
                }
            }
            Load::Topics(names) => {
                for (name, answer) in names.iter().zip(answers) {
                    self.take_topic(name, answer);
                }
                let all: Vec<TopicPartition> = self.context.partitions().map(|(at, _, _)| at).collect();
                self.begin(Stage::Loading(Load::States(all.clone())));
                for at in &all {
                    self.ask(Op::GetData { path: state_path(at), watch: false });
                }
                if self.left == 0 {
                    self.advance();
                }
            }
            Load::States(all) => self.all_loaded(&all, answers),
        }
    }

    /// A topic as its znode says it is. Nobody leads its partitions yet.
    pub(super) fn take_topic(&mut self, name: &Arc<str>, answer: Result<Reply, Fault>) -> Option<Uuid> {
        let Ok(Reply::Data(data, _)) = answer else { return None };
        let (id, partitions) = znodes::parse_topic(&data)?;
        let new = |(index, replicas): (i32, Vec<i32>)| {
            let partition = PartitionRegistration {
                replicas,
                isr: Vec::new(),
                elr: Vec::new(),
                last_known_elr: Vec::new(),
                adding_replicas: Vec::new(),
                removing_replicas: Vec::new(),
                leader: NO_LEADER,
                leader_epoch: -1,
                partition_epoch: -1,
            };
            (index, partition)
        };
        let partitions: Map<i32, PartitionRegistration> = partitions.into_iter().map(new).collect();
        self.context.topic_names.insert(id, Arc::clone(name));
        let topic = TopicImage { name: Arc::clone(name), id, partitions };
        self.context.topics.insert(Arc::clone(name), Arc::new(topic));
        Some(id)
    }

    pub(super) fn all_loaded(&mut self, all: &[TopicPartition], answers: Answers) {
        let mut new = Vec::new();
        for (at, answer) in all.iter().zip(answers) {
            let Some(partition) = self.partition_mut(at) else { continue };
            let read = match answer {
                Ok(Reply::Data(data, stat)) => znodes::read_state(partition, &data, stat.version),
                _ => None,
            };
            if read.is_none() {
                new.push(at.clone());
            }
        }
        self.stage = Stage::Active(Work::Idle);
        self.tell(Event::ControllerLoaded {
            epoch: self.epoch,
            brokers: self.context.brokers.len() as u32,
            topics: self.context.topics.len() as u32,
            partitions: all.len() as u32,
        });
        let known: Vec<TopicPartition> = all.iter().filter(|at| !new.contains(at)).cloned().collect();
        let live: Vec<i32> = self.context.brokers.keys().copied().collect();
        self.tell_brokers(&live, &live, &known, false);
        self.elect_after_loss();
        if !new.is_empty() {
            self.push(Task::Make(new));
        }
        self.next_task();
    }

    /// Partitions that a dead broker led, or was in sync with, are to change: those without a leader first.
    pub(super) fn elect_after_loss(&mut self) {
        let live = |id: &i32| self.context.brokers.contains_key(id);
        let (mut leaderless, mut shrunk) = (Vec::new(), Vec::new());
        for (at, _, partition) in self.context.partitions() {
            if partition.leader_epoch < 0 {
                continue;
            }
            if !live(&partition.leader) {
                leaderless.push(at.clone());
            }
            if !partition.isr.iter().all(live) {
                shrunk.push(at);
            }
        }
        // In this order: they go before whatever waits.
        if !shrunk.is_empty() {
            self.tasks.push_front(Task::Elect(Plan::new(Why::OutOfSync, shrunk)));
        }
        if !leaderless.is_empty() {
            self.tasks.push_front(Task::Elect(Plan::new(Why::Leaderless, leaderless)));
        }
    }

    pub(super) fn partition_mut(&mut self, at: &TopicPartition) -> Option<&mut PartitionRegistration> {
        let topic = self.context.topics.get_mut(&at.topic)?;
        Arc::make_mut(topic).partitions.get_mut(&at.partition)
    }

    // ---- brokers come and go ----

    pub(super) fn broker_ids_read(&mut self, answers: Answers) {
        let ids = ids_in(answers.first());
        self.work(Work::Brokers(ids.clone()));
        for id in ids {
            self.ask(Op::GetData { path: broker_path(id), watch: false });
        }
        if self.left == 0 {
            self.advance();
        }
    }

    pub(super) fn brokers_read(&mut self, ids: &[i32], answers: Answers) {
        self.stage = Stage::Active(Work::Idle);
        let found =
            ids.iter().zip(&answers).filter_map(|(id, answer)| Some((*id, registration(*id, answer)?)));
        let found: Map<i32, _> = found.collect();
        let gone: Vec<i32> = (self.context.brokers.iter())
            .filter(|(id, broker)| found.get(*id).is_none_or(|now| now.epoch != broker.epoch))
            .map(|(id, _)| *id)
            .collect();
        for id in &gone {
            self.context.brokers.remove(id);
            self.shutting_down.remove(id);
            self.out.push(Do::Forget(Some(*id)));
            self.tell(Event::BrokerFenced { broker: *id });
        }
        if !gone.is_empty() {
            self.elect_after_loss();
        }
        let mut new = Vec::new();
        for (id, broker) in found {
            if !self.context.brokers.contains_key(&id) {
                self.tell(Event::BrokerRegistered { broker: id, broker_epoch: broker.epoch });
                self.context.brokers.insert(id, broker);
                new.push(id);
            }
        }
        if gone.is_empty() && new.is_empty() {
            return;
        }
        let live: Vec<i32> = self.context.brokers.keys().copied().collect();
        let old: Vec<i32> = live.iter().copied().filter(|id| !new.contains(id)).collect();
        self.tell_brokers(&[], &old, &[], false);
        if !new.is_empty() {
            let all: Vec<TopicPartition> = (self.context.partitions())
                .filter(|(_, _, partition)| partition.leader_epoch >= 0)
                .map(|(at, _, _)| at)
                .collect();
            self.tell_brokers(&new, &new, &all, false);
            let back = |partition: &PartitionRegistration| {
                partition.leader == NO_LEADER && partition.leader_epoch >= 0
            };
            let leaderless: Vec<TopicPartition> =
                self.context.partitions().filter(|(_, _, p)| back(p)).map(|(at, _, _)| at).collect();
            if !leaderless.is_empty() {
                self.push(Task::Elect(Plan::new(Why::Leaderless, leaderless)));
            }
        }
    }
}

fn ids_in(answer: Option<&Result<Reply, Fault>>) -> Vec<i32> {
    match answer {
        Some(Ok(Reply::Children(names))) => names.iter().filter_map(|name| name.parse().ok()).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn names_in(answer: Option<Result<Reply, Fault>>) -> Vec<Arc<str>> {
    match answer {
        Some(Ok(Reply::Children(names))) => names.iter().map(|name| name.as_str().into()).collect(),
        _ => Vec::new(),
    }
}
