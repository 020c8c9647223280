//! Faults as they are offered to a reader: each is one command, so that a step back undoes it.

use std::rc::Rc;

use crate::base::NodeId;
use crate::protocol::{ApiKey, TopicPartition};
use crate::sim::{Command, Kind, Slot, World};

use super::{Field, Item, number, typed};

/// What one is likely to want to lose or delay, named first.
const APIS: [ApiKey; 12] = [
    ApiKey::Produce,
    ApiKey::Fetch,
    ApiKey::Metadata,
    ApiKey::OffsetCommit,
    ApiKey::OffsetFetch,
    ApiKey::FindCoordinator,
    ApiKey::JoinGroup,
    ApiKey::SyncGroup,
    ApiKey::Heartbeat,
    ApiKey::ConsumerGroupHeartbeat,
    ApiKey::BrokerHeartbeat,
    ApiKey::Vote,
];
/// A delay that can be seen, in milliseconds.
const LATE_MS: u32 = 500;

/// What is broken about a node's machine, as facts.
pub fn broken(world: &World, slot: &Slot) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut add = |name: &str, value: String| facts.push((name.to_owned(), value));
    if slot.disk_full {
        add("disk", "full".into());
    }
    if let Some(flush_us) = slot.flush_us.filter(|flush_us| *flush_us != world.setup().disk.flush_us) {
        add("an fsync takes", format!("{} ms", flush_us / 1_000));
    }
    match slot.skew_ms {
        0 => {}
        ahead if ahead > 0 => add("clock", format!("{ahead} ms ahead")),
        behind => add("clock", format!("{} ms behind", behind.unsigned_abs())),
    }
    facts
}

/// What can befall any server's machine: its disk is slow, its clock is wrong.
#[inline(never)]
pub fn server_faults(slot: &Slot) -> Vec<Item> {
    let node = slot.name.clone();
    let slow = move |values: &[String]| {
        let flush_ms = Some(number(typed(values, 0), "The time")?);
        Ok(Command::SlowDisk { node: node.clone(), flush_ms })
    };
    let mut items =
        vec![Item::form("Slow disk", vec![("An fsync takes, in ms", "200".into())], "Slow it", slow)];
    if slot.flush_us.is_some() {
        let usual = Command::SlowDisk { node: slot.name.clone(), flush_ms: None };
        items.push(Item::Do("Disk as fast as the others’".into(), usual));
    }
    let node = slot.name.clone();
    let skew = move |values: &[String]| {
        Ok(Command::SkewClock { node: node.clone(), by_ms: number(typed(values, 0), "The time")? })
    };
    let fields = vec![("Ahead of the others, in ms (negative: behind)", "60000".into())];
    items.push(Item::form("Wrong clock", fields, "Set the clock", skew));
    if slot.skew_ms != 0 {
        let right = Command::SkewClock { node: slot.name.clone(), by_ms: 0 };
        items.push(Item::Do("Set the clock right".into(), right));
    }
    items
}

/// What can befall a broker's disk beside.
#[inline(never)]
pub fn broker_faults(slot: &Slot) -> Vec<Item> {
    let Some(broker) = slot.machine.broker() else { return Vec::new() };
    let (full, on) = (slot.disk_full, !slot.disk_full);
    let title = if full { "Make room on the disk" } else { "Fill the disk" };
    let fill = Command::SetDiskFull { broker: slot.name.clone(), on };
    let mut items = vec![Item::Do(title.into(), fill)];
    let replicas: Vec<String> = broker
        .partitions()
        .filter(|partition| partition.log.log_end_offset() > partition.log.log_start_offset())
        .map(|partition| format!("{} {}", partition.at.topic, partition.at.partition))
        .collect();
    let Some(first) = replicas.iter().find(|name| !name.starts_with("__")).or(replicas.first()).cloned()
    else {
        return items;
    };
    let name = slot.name.clone();
    let corrupt = move |values: &[String]| {
        let (topic, partition) = typed(values, 0).rsplit_once(' ').ok_or("Which replica?")?;
        let partition = number(partition, "The partition")?;
        let at = TopicPartition::new(topic, partition);
        corrupted(name.clone(), &at, typed(values, 1))
    };
    let fields = vec![
        Field { label: "Replica", value: first, choices: replicas },
        ("Byte, counted from 0 (empty: the middle)", String::new()).into(),
    ];
    items.push(Item::Form("Corrupt a byte".into(), fields, "Flip its bits", Rc::new(corrupt)));
    items
}

fn corrupted(broker: String, at: &TopicPartition, position: &str) -> Result<Command, String> {
    let position = if position.is_empty() { None } else { Some(number(position, "The byte")?) };
    Ok(Command::CorruptByte { broker, topic: at.topic.to_string(), partition: at.partition, position })
}

/// What can befall a partition, or its topic.
#[inline(never)]
pub fn partition_faults(world: &World, at: &TopicPartition) -> Vec<Item> {
    let topic = at.topic.to_string();
    let mut items = Vec::new();
    let hosts: Vec<String> = world
        .brokers()
        .filter(|(_, _, broker)| broker.log(at).is_some_and(|log| log.size_bytes() > 0))
        .map(|(_, slot, _)| slot.name.clone())
        .collect();
    if let Some(first) = hosts.first().cloned() {
        let at = at.clone();
        let corrupt = move |values: &[String]| corrupted(typed(values, 0).to_owned(), &at, typed(values, 1));
        let fields = vec![
            Field { label: "On whose disk", value: first, choices: hosts },
            ("Byte, counted from 0 (empty: the middle)", String::new()).into(),
        ];
        items.push(Item::Form("Corrupt a byte".into(), fields, "Flip its bits", Rc::new(corrupt)));
    }
    let image = world.metadata();
    let partitions = image
        .map_or(1, |image| image.partitions().filter(|(known, ..)| known.topic == at.topic).count() as i32);
    if !topic.starts_with("__") {
        let of = topic.clone();
        let grow = move |values: &[String]| {
            let partitions = number(typed(values, 0), "The number of partitions")?;
            Ok(Command::AddPartitions { topic: of.clone(), partitions })
        };
        let fields = vec![("Partitions then", (partitions + 1).to_string())];
        items.push(Item::form("Add partitions", fields, "Add them", grow));
        items.push(Item::Do(format!("Delete topic {topic}"), Command::DeleteTopic { topic }));
    }
    items
}

/// A menu for each link of a node to a server.
#[inline(never)]
pub fn links_of(world: &World, node: NodeId) -> Vec<Item> {
    let Some(slot) = world.node(node) else { return Vec::new() };
    let others = world.nodes().filter(|(other, _)| *other != node && is_server(world, *other));
    others
        .map(|(_, peer)| {
            Item::More(format!("Link to {}", peer.name), link_faults(world, &slot.name, &peer.name))
        })
        .collect()
}

/// What can befall a link between two nodes by name: both ways, or what one of them sends.
#[inline(never)]
pub fn link_faults(world: &World, a: &str, b: &str) -> Vec<Item> {
    let node = |name: &str| world.nodes().find(|(_, slot)| slot.name == name).map(|(id, _)| id);
    let (Some(a_id), Some(b_id)) = (node(a), node(b)) else { return Vec::new() };
    let link = world.link(a_id, b_id);
    let usual_us = world.setup().network.latency_us;
    let ends = || (a.to_owned(), b.to_owned());
    let mut items = Vec::new();
    let is_cut = link.is_some_and(|link| link.cut || link.cut_to.is_some());
    if is_cut {
        let (a, b) = ends();
        items.push(Item::Do("Mend it".into(), Command::Heal { a, b }));
    }
    if link.is_none_or(|link| !link.cut) {
        let (a, b) = ends();
        items.push(Item::Do("Cut it, both ways".into(), Command::Cut { a, b }));
    }
    let (from, to) = ends();
    let slow = move |values: &[String]| {
        let latency_ms = number(typed(values, 0), "The latency")?;
        Ok(Command::Slow { a: from.clone(), b: to.clone(), latency_ms })
    };
    items.push(Item::form(
        "Slow it, both ways",
        vec![("Latency one way, in ms", "80".into())],
        "Slow it",
        slow,
    ));
    if link.is_some_and(|link| link.latency_us != usual_us || link.slow_to.is_some()) {
        let (a, b) = ends();
        let latency_ms = (usual_us / 1_000) as u32;
        items.push(Item::Do("Usual latency".into(), Command::Slow { a, b, latency_ms }));
    }
    // Servers answer clients.
    let answers = |from: NodeId, to: NodeId| is_server(world, from) && !is_server(world, to);
    let words = |from: &str, to: &str| format!("What {from} sends to {to}");
    items.push(Item::More(words(a, b), one_way(a, b, answers(a_id, b_id))));
    items.push(Item::More(words(b, a), one_way(b, a, answers(b_id, a_id))));
    items
}

fn is_server(world: &World, node: NodeId) -> bool {
    let is_server = |slot: &Slot| {
        let machine = &slot.machine;
        machine.broker().is_some()
            || machine.controller().is_some()
            || matches!(machine, crate::sim::Machine::ZooKeeper(_))
    };
    world.node(node).is_some_and(is_server)
}

/// What can befall what one sends to another.
fn one_way(from: &str, to: &str, answers: bool) -> Vec<Item> {
    let next_fields = || next_fields(answers);
    let ends = || (from.to_owned(), to.to_owned());
    let (sender, receiver) = ends();
    let mut items = vec![Item::Do(
        "Cut the link this way only".into(),
        Command::CutOneWay { from: sender, to: receiver },
    )];
    let (sender, receiver) = ends();
    let slow = move |values: &[String]| {
        let latency_ms = number(typed(values, 0), "The latency")?;
        Ok(Command::SlowOneWay { from: sender.clone(), to: receiver.clone(), latency_ms })
    };
    let fields = vec![("Latency this way, in ms", "80".into())];
    items.push(Item::form("Slow the link this way only", fields, "Slow it", slow));
    let (sender, receiver) = ends();
    let lose = move |values: &[String]| {
        let (from, to) = (sender.clone(), receiver.clone());
        let Next { frame, api, count } = next(values)?;
        Ok(Command::DropNext { from, to, frame, api, count })
    };
    items.push(Item::Form("Lose the next message".into(), next_fields(), "Lose it", Rc::new(lose)));
    let (sender, receiver) = ends();
    let delay = move |values: &[String]| {
        let (from, to) = (sender.clone(), receiver.clone());
        let Next { frame, api, count } = next(values)?;
        let by_ms = number(typed(values, 3), "The time")?;
        Ok(Command::DelayNext { from, to, frame, api, count, by_ms })
    };
    let mut fields = next_fields();
    fields.push(("Later by, in ms", LATE_MS.to_string()).into());
    items.push(Item::Form("Delay the next message".into(), fields, "Delay it", Rc::new(delay)));
    let (sender, receiver) = ends();
    let double = move |values: &[String]| {
        let (from, to) = (sender.clone(), receiver.clone());
        let Next { frame, api, count } = next(values)?;
        Ok(Command::DuplicateNext { from, to, frame, api, count })
    };
    let title = "Deliver the next message twice";
    items.push(Item::Form(title.into(), next_fields(), "Double it", Rc::new(double)));
    items
}

/// Which messages, as they are typed.
struct Next {
    frame: Kind,
    api: Option<String>,
    count: u32,
}

fn next(values: &[String]) -> Result<Next, String> {
    let frame = if typed(values, 0) == "response" { Kind::Response } else { Kind::Request };
    let api = Some(typed(values, 1)).filter(|api| *api != ANY_API).map(str::to_owned);
    Ok(Next { frame, api, count: number(typed(values, 2), "How many")? })
}

const ANY_API: &str = "of any kind";

fn next_fields(answers: bool) -> Vec<Field> {
    let apis = APIS.iter().map(|api| api.name().to_owned());
    vec![
        Field {
            label: "What",
            value: if answers { "response" } else { "request" }.into(),
            choices: vec!["request".into(), "response".into()],
        },
        Field {
            label: "Of which API",
            value: ANY_API.into(),
            choices: std::iter::once(ANY_API.to_owned()).chain(apis).collect(),
        },
        ("How many", "1".into()).into(),
    ]
}

/// What can befall a message in flight: word, and command.
#[inline(never)]
pub fn flight_faults(sent: u64) -> [(String, Command); 3] {
    [
        ("Drop it".into(), Command::Drop { sent }),
        (format!("Delay it by {LATE_MS} ms"), Command::Delay { sent, by_ms: LATE_MS }),
        ("Deliver it twice".into(), Command::Duplicate { sent }),
    ]
}
