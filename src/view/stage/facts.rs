//! What the stage says of a world, before it has places.

use std::sync::Arc;

use crate::base::{Map, NodeId};
use crate::broker::{METADATA_TOPIC, OFFSETS_TOPIC};
use crate::client::consumer::{MemberState, ThreadState};
use crate::client::producer::{Acks, BatchState};
use crate::controller::Controller;
use crate::metadata::PartitionRegistration;
use crate::protocol::{TopicPartition, Uuid};
use crate::sim::{CONTROLLER, Health, Machine, Slot, World};

use super::Key;
use super::keys::Keys;

/// How something is, for its colour; words say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mood {
    /// As it should be.
    Well,
    /// Behind, out of sync, fenced, joining, hanging.
    Uneasy,
    /// Dead or silent.
    Gone,
}

/// A producer.
#[derive(Clone, Debug, PartialEq)]
pub struct ProducerFacts {
    /// Its node.
    pub node: NodeId,
    /// Its name.
    pub name: String,
    /// "acks all".
    pub acks: &'static str,
    /// What it does, when it does not simply produce.
    pub state: Option<String>,
    /// How it is.
    pub mood: Mood,
    /// Batches, the oldest first: partition, state, the records' keys.
    pub batches: Vec<(TopicPartition, BatchState, Vec<Key>, u32)>,
    /// Batches that found no room here.
    pub more: u32,
}

/// A member of a group, or a consumer that would like to be.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberFacts {
    /// Its node.
    pub node: NodeId,
    /// Its name.
    pub name: String,
    /// Its colour.
    pub colour: u8,
    /// "partitions 0, 1", or what it does instead.
    pub words: String,
    /// How it is.
    pub mood: Mood,
    /// What it owns and its position in each.
    pub owned: Map<TopicPartition, Option<i64>>,
}

/// A consumer group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupFacts {
    /// Its id; empty for consumers without one.
    pub id: Arc<str>,
    /// "Stable · gen 3".
    pub state: String,
    /// How it is.
    pub mood: Mood,
    /// Which broker coordinates it.
    pub coordinator: Option<i32>,
    /// Its members.
    pub members: Vec<MemberFacts>,
    /// Committed offsets.
    pub committed: Map<TopicPartition, i64>,
}

/// What a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// A broker, maybe a controller, too.
    Broker,
    /// Only a controller.
    Controller,
    /// ZooKeeper.
    ZooKeeper,
}

/// A broker or the controller.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokerFacts {
    /// Its node.
    pub node: NodeId,
    /// Its name in commands.
    pub name: String,
    /// What is written in its circle.
    pub sign: String,
    /// What it is.
    pub what: Server,
    /// It decides about the cluster: it is the controller, or one of them.
    pub controls: bool,
    /// How it is, in a word or two.
    pub words: String,
    /// How it is.
    pub mood: Mood,
}

/// What there is to show.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// Partitions as decided by the controller, or as brokers have last heard.
    pub partitions: Map<TopicPartition, PartitionRegistration>,
    /// Names by id.
    pub topic_names: Map<Uuid, Arc<str>>,
    /// Producers.
    pub producers: Vec<ProducerFacts>,
    /// Groups.
    pub groups: Vec<GroupFacts>,
    /// Brokers, then the controller.
    pub brokers: Vec<BrokerFacts>,
}

impl Facts {
    /// Reads a world.
    pub fn of(world: &World, keys: &mut Keys, internal: bool) -> Facts {
        let (partitions, topic_names) = partitions(world, internal);
        Facts {
            partitions,
            topic_names,
            producers: producers(world, keys),
            groups: groups(world),
            brokers: brokers(world),
        }
    }

    /// A member by its node.
    pub fn member(&self, node: NodeId) -> Option<&MemberFacts> {
        self.groups.iter().flat_map(|group| &group.members).find(|member| member.node == node)
    }
}

fn partitions(
    world: &World,
    internal: bool,
) -> (Map<TopicPartition, PartitionRegistration>, Map<Uuid, Arc<str>>) {
    let mut partitions: Map<TopicPartition, PartitionRegistration> = Map::new();
    let mut names = Map::new();
    let mut add = |at: TopicPartition, id: Uuid, registration: &PartitionRegistration| {
        names.insert(id, Arc::clone(&at.topic));
        if !internal && (&*at.topic == OFFSETS_TOPIC || &*at.topic == METADATA_TOPIC) {
            return;
        }
        let age = |r: &PartitionRegistration| (r.leader_epoch, r.partition_epoch);
        match partitions.get(&at) {
            Some(known) if age(known) >= age(registration) => {}
            _ => {
                partitions.insert(at, registration.clone());
            }
        }
    };
    if let Some(image) = world.metadata() {
        for (at, id, registration) in image.partitions() {
            add(at, id, registration);
        }
    }
    for (_, _, broker) in world.brokers() {
        for partition in broker.partitions() {
            add(partition.at.clone(), partition.topic_id, &partition.registration);
        }
    }
    (partitions, names)
}

/// So many batches are shown of a producer, and so many records of each.
const BATCHES: usize = 2;
const RECORDS: usize = 4;

fn producers(world: &World, keys: &mut Keys) -> Vec<ProducerFacts> {
    let mut all = Vec::new();
    for (node, slot) in world.nodes() {
        let Machine::Producer(producer) = &slot.machine else { continue };
        let acks = match producer.config().acks {
            Acks::None => "acks 0",
            Acks::Leader => "acks 1",
            Acks::All => "acks all",
        };
        let (state, mood) = match health_words(slot) {
            Some((words, mood)) => (Some(words.to_owned()), mood),
            None if producer.is_paused() => (Some("stopped".to_owned()), Mood::Uneasy),
            None if producer.blocked_sends() > 0 => (Some("send() blocks".to_owned()), Mood::Uneasy),
            None => (None, Mood::Well),
        };
        let mut batches = Vec::new();
        let mut more = 0;
        for batch in producer.pending() {
            if batches.len() == BATCHES {
                more += 1;
                continue;
            }
            let topic = &batch.at().topic;
            let shown = batch.records().iter().take(RECORDS);
            let shown = shown.map(|it| keys.record(topic, it.key.as_ref(), it.value.as_ref()));
            batches.push((batch.at().clone(), batch.state(), shown.collect(), batch.count()));
        }
        all.push(ProducerFacts { node, name: slot.name.clone(), acks, state, mood, batches, more });
    }
    all
}

/// What is to be said of a process that does not run.
pub(super) fn health_words(slot: &Slot) -> Option<(&'static str, Mood)> {
    match slot.health {
        Health::Up => None,
        Health::Waiting => Some(("not started", Mood::Uneasy)),
        Health::Paused => Some(("paused", Mood::Uneasy)),
        Health::Killed => Some(("down", Mood::Gone)),
        Health::PoweredOff => Some(("no power", Mood::Gone)),
    }
}

fn groups(world: &World) -> Vec<GroupFacts> {
    let mut groups: Map<Arc<str>, GroupFacts> = Map::new();
    let mut generations: Map<Arc<str>, i32> = Map::new();
    for (_, slot, broker) in world.brokers() {
        if !matches!(slot.health, Health::Up | Health::Paused) {
            continue;
        }
        for group in broker.coordinator().groups() {
            let newest = generations.entry(Arc::clone(group.id())).or_insert(i32::MIN);
            if group.generation() < *newest {
                continue;
            }
            *newest = group.generation();
            let name = group.state().name();
            let facts = GroupFacts {
                id: Arc::clone(group.id()),
                state: match group.consumer().or_else(|| group.share()) {
                    Some(consumer) => format!("{name} · epoch {}", consumer.group_epoch()),
                    None => format!("{name} · gen {}", group.generation()),
                },
                mood: if name == "Stable" { Mood::Well } else { Mood::Uneasy },
                coordinator: Some(broker.id()),
                members: Vec::new(),
                committed: group.offsets().iter().map(|(at, by)| (at.clone(), by.offset)).collect(),
            };
            groups.insert(Arc::clone(group.id()), facts);
        }
    }
    let mut colour = 0;
    for (node, slot) in world.nodes() {
        let Machine::Consumer(consumer) = &slot.machine else { continue };
        let id = consumer.config().group_id.clone().unwrap_or_else(|| Arc::from(""));
        let member = member(node, slot, consumer, colour);
        colour = (colour + 1) % crate::view::members::COLOURS;
        let fresh = || GroupFacts {
            id: Arc::clone(&id),
            state: if id.is_empty() { "without a group".into() } else { "not there yet".into() },
            mood: Mood::Uneasy,
            coordinator: None,
            members: Vec::new(),
            committed: Map::new(),
        };
        let group = groups.entry(Arc::clone(&id)).or_insert_with(fresh);
        // Who left for good is not shown for ever.
        if consumer.thread_state() != ThreadState::Closed {
            group.members.push(member);
        }
    }
    groups.into_values().collect()
}

fn member(node: NodeId, slot: &Slot, consumer: &crate::client::Consumer, colour: u8) -> MemberFacts {
    let owned: Map<TopicPartition, Option<i64>> = consumer
        .assignment()
        .iter()
        .map(|(at, owned)| (at.clone(), owned.consumed.or(owned.position).map(|position| position.offset)))
        .collect();
    let (words, mood) = match (health_words(slot), consumer.thread_state()) {
        (Some((words, mood)), _) => (words.to_owned(), mood),
        (_, ThreadState::Failed(error)) => (format!("failed: {}", error.name()), Mood::Gone),
        (_, ThreadState::Closing | ThreadState::Closed) => ("closing".to_owned(), Mood::Uneasy),
        _ if consumer.is_stuck() => ("hangs".to_owned(), Mood::Uneasy),
        _ => match consumer.member_state() {
            MemberState::Unjoined if owned.is_empty() => ("not a member".to_owned(), Mood::Uneasy),
            MemberState::Joining => ("joining".to_owned(), Mood::Uneasy),
            MemberState::Syncing => ("waits for its part".to_owned(), Mood::Uneasy),
            MemberState::Revoking => ("gives up its part".to_owned(), Mood::Uneasy),
            _ => (owned_words(&owned), Mood::Well),
        },
    };
    MemberFacts { node, name: slot.name.clone(), colour, words, mood, owned }
}

/// "partitions 0, 1"; with several topics, how many.
fn owned_words(owned: &Map<TopicPartition, Option<i64>>) -> String {
    let Some(first) = owned.keys().next() else { return "idle".into() };
    if owned.len() == 1 {
        return format!("partition {}", first.partition);
    }
    if owned.len() > 4 || owned.keys().any(|at| at.topic != first.topic) {
        return format!("{} partitions", owned.len());
    }
    let numbers: Vec<String> = owned.keys().map(|at| at.partition.to_string()).collect();
    format!("partitions {}", numbers.join(", "))
}

fn brokers(world: &World) -> Vec<BrokerFacts> {
    let image = world.metadata();
    let mut all = Vec::new();
    for (node, slot, broker) in world.brokers() {
        let fenced = image.is_some_and(|image| !image.is_unfenced(broker.id()));
        let hosted = broker.hosted_controller().filter(|it| it.is_controller());
        let (words, mood) = match health_words(slot) {
            Some((words, mood)) => (words.to_owned(), mood),
            None if fenced => ("up · fenced".to_owned(), Mood::Uneasy),
            None if hosted.is_some_and(|it| it.is_active()) => ("up · controller".to_owned(), Mood::Well),
            None if hosted.is_some() => ("up · controller, loading".to_owned(), Mood::Uneasy),
            None => ("up".to_owned(), Mood::Well),
        };
        let words = match slot.machine.controller() {
            Some(controller) => both_words(controller, words, mood),
            None => words,
        };
        all.push(BrokerFacts {
            node,
            name: slot.name.clone(),
            sign: broker.id().to_string(),
            what: Server::Broker,
            controls: mood != Mood::Gone && (hosted.is_some() || slot.machine.controller().is_some()),
            words,
            mood,
        });
    }
    for (node, slot) in world.nodes().filter(|(_, slot)| matches!(slot.machine, Machine::ZooKeeper(_))) {
        let (words, mood) = health_words(slot).unwrap_or(("up", Mood::Well));
        let words = format!("ZooKeeper · {words}");
        let (name, sign) = (slot.name.clone(), "Z".to_owned());
        all.push(BrokerFacts { node, name, sign, what: Server::ZooKeeper, controls: false, words, mood });
    }
    for (node, slot, controller) in world.controllers() {
        if slot.machine.broker().is_some() {
            continue;
        }
        let alone = node == CONTROLLER;
        let usual = if alone { "controller" } else { controller.quorum().state };
        let (words, mood) = health_words(slot).unwrap_or((usual, Mood::Well));
        let words = match mood {
            Mood::Well if controller.is_active() && !alone => "active controller".to_owned(),
            Mood::Well => words.to_owned(),
            _ => format!("controller · {words}"),
        };
        let sign = if alone { "C".to_owned() } else { format!("C{}", node.0 - CONTROLLER.0) };
        let (name, what) = (slot.name.clone(), Server::Controller);
        all.push(BrokerFacts { node, name, sign, what, controls: true, words, mood });
    }
    all
}

/// What a process is that is broker and controller.
#[inline(never)]
fn both_words(controller: &Controller, words: String, mood: Mood) -> String {
    if mood == Mood::Gone {
        return format!("{words} · both roles");
    }
    let role = match (controller.is_active(), controller.quorum().state) {
        (true, _) => "active controller",
        (false, "follower") => "voter",
        (false, state) => state,
    };
    format!("{words} · {role}")
}
