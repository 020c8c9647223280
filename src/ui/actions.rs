//! What can be done to the things of a world.

use crate::base::NodeId;
use crate::protocol::TopicPartition;
use crate::sim::{Command, Health, Machine, Slot, World};
use crate::view::actions::{
    Item, broken, broker_faults, link_faults, links_of, number, partition_faults, server_faults,
};
use crate::view::zookeeper;

use super::menu::Menu;
use super::target::Target;

/// The menu of a thing; `None` when there is nothing to be done to it.
#[inline(never)]
pub(super) fn menu(world: &World, target: &Target, at: (f64, f64)) -> Option<Menu> {
    let (title, facts, items) = match target {
        Target::Node(node) => {
            let slot = world.node(*node)?;
            match &slot.machine {
                Machine::Broker(broker) => {
                    let facts = [broker_facts(slot), broken(world, slot)].concat();
                    (format!("Broker {}", broker.id()), facts, server(world, *node, slot))
                }
                Machine::Combined(both) => {
                    let facts = [broker_facts(slot), broken(world, slot)].concat();
                    let title = format!("Broker {} and controller", both.broker().id());
                    (title, facts, server(world, *node, slot))
                }
                Machine::Controller(_) => {
                    let title = slot.name.replace("controller", "Controller").replace('-', " ");
                    (title, broken(world, slot), server(world, *node, slot))
                }
                Machine::ZooKeeper(_) => {
                    let facts = [zookeeper_facts(world), broken(world, slot)].concat();
                    ("ZooKeeper".to_owned(), facts, server(world, *node, slot))
                }
                Machine::Producer(_) => {
                    (format!("Producer {}", slot.name), producer_facts(slot), producer(world, *node, slot))
                }
                Machine::Consumer(_) => {
                    (slot.name.clone(), consumer_facts(slot), consumer(world, *node, slot))
                }
                Machine::Admin(_) | Machine::Guest(_) => return None,
            }
        }
        Target::Group(id) => {
            let add = Command::AddConsumer { group: id.clone(), name: None };
            let items = if id.is_empty() { Vec::new() } else { vec![Item::Do("Add a consumer".into(), add)] };
            (format!("Group {id}"), Vec::new(), items)
        }
        Target::Partition(at) => (format!("{} {}", at.topic, at.partition), Vec::new(), partition(world, at)),
        Target::Link(a, b) => (format!("Link {a} – {b}"), Vec::new(), link_faults(world, a, b)),
        Target::Record(..) | Target::Flight(_) | Target::Entry(_) => return None,
    };
    let measures = match target {
        Target::Node(node) => world.node(*node).is_some_and(|slot| match &slot.machine {
            Machine::ZooKeeper(_) | Machine::Controller(_) => true,
            machine => {
                let hosted = machine.broker().and_then(|broker| broker.hosted_controller());
                hosted.is_some_and(|it| it.is_controller())
            }
        }),
        _ => false,
    };
    Some(Menu { title, facts, items, measures, at })
}

fn fact(name: &str, value: impl ToString) -> (String, String) {
    (name.to_owned(), value.to_string())
}

fn broker_facts(slot: &Slot) -> Vec<(String, String)> {
    let Some(broker) = slot.machine.broker() else { return Vec::new() };
    let leads = broker.partitions().filter(|partition| partition.is_leader()).count();
    vec![fact("leads", leads), fact("replicas", broker.partitions().count())]
}

/// How much is in the tree, and who is in charge by it.
#[inline(never)]
fn zookeeper_facts(world: &World) -> Vec<(String, String)> {
    zookeeper::facts(world).into_iter().map(|(name, value)| fact(name, value)).collect()
}

fn producer_facts(slot: &Slot) -> Vec<(String, String)> {
    let Machine::Producer(producer) = &slot.machine else { return Vec::new() };
    let totals = producer.totals();
    vec![
        fact("acknowledged", totals.acknowledged),
        fact("failed", totals.failed),
        fact("batches sent again", totals.retried_batches),
    ]
}

fn consumer_facts(slot: &Slot) -> Vec<(String, String)> {
    let Machine::Consumer(consumer) = &slot.machine else { return Vec::new() };
    let totals = consumer.totals();
    vec![
        fact("processed", totals.consumed),
        fact("commits", totals.commits),
        fact("generation", consumer.generation()),
    ]
}

fn life(slot: &Slot) -> Vec<Item> {
    let node = slot.name.clone();
    let item = |name: &str, command| Item::Do(name.to_owned(), command);
    match slot.health {
        Health::Up => {
            vec![item("Kill", Command::Kill { node: node.clone() }), item("Pause", Command::Pause { node })]
        }
        Health::Paused => {
            vec![item("Resume", Command::Resume { node: node.clone() }), item("Kill", Command::Kill { node })]
        }
        Health::Killed | Health::PoweredOff => vec![item("Restart", Command::Restart { node })],
        Health::Waiting => Vec::new(),
    }
}

fn server(world: &World, node: NodeId, slot: &Slot) -> Vec<Item> {
    let mut items = life(slot);
    if slot.machine.broker().is_some() && slot.health == Health::Up {
        let stop = Command::Stop { node: slot.name.clone(), membership: Default::default() };
        items.insert(0, Item::Do("Shut down".into(), stop));
    }
    if matches!(slot.health, Health::Up | Health::Paused) {
        items.push(Item::Do("Power loss".into(), Command::PowerLoss { node: slot.name.clone() }));
    }
    items.extend(broker_faults(slot));
    items.extend(server_faults(slot));
    if slot.machine.controller().is_some() || matches!(slot.machine, Machine::ZooKeeper(_)) {
        items.push(create_topic());
    }
    items.extend(links_of(world, node));
    items
}

fn create_topic() -> Item {
    let make = |values: &[String]| {
        Ok(Command::CreateTopic {
            topic: values[0].trim().to_owned(),
            partitions: number(&values[1], "The number of partitions")?,
            replication_factor: number(&values[2], "The replication factor")?,
            configs: Default::default(),
        })
    };
    let fields =
        vec![("Name", "another".into()), ("Partitions", "1".into()), ("Replication factor", "3".into())];
    Item::form("Create a topic", fields, "Create it", make)
}

fn producer(world: &World, node: NodeId, slot: &Slot) -> Vec<Item> {
    let Machine::Producer(machine) = &slot.machine else { return Vec::new() };
    let topic = world.setup().cluster.topics.first().map(|topic| topic.name.clone()).unwrap_or_default();
    let name = slot.name.clone();
    let make = move |values: &[String]| {
        let partition = match values[3].trim() {
            "" => None,
            text => Some(number(text, "The partition")?),
        };
        let text = |value: &String| (!value.is_empty()).then(|| value.clone());
        let mut headers = Vec::new();
        for header in values[4].split(',').map(str::trim).filter(|header| !header.is_empty()) {
            let (key, value) = header.split_once('=').ok_or("A header is written name=value.")?;
            headers.push((key.trim().to_owned(), value.trim().to_owned()));
        }
        Ok(Command::Send {
            producer: name.clone(),
            topic: values[0].clone(),
            key: text(&values[1]),
            value: text(&values[2]),
            partition,
            headers,
        })
    };
    let fields = vec![
        ("Topic", topic),
        ("Key (empty: none)", String::new()),
        ("Value (empty: none)", "hello".into()),
        ("Partition (empty: let the partitioner choose)", String::new()),
        ("Headers (name=value, …)", String::new()),
    ];
    let mut items = vec![Item::form("Send a record", fields, "Send", make)];
    let producer = slot.name.clone();
    let on = machine.is_paused();
    let word = if on { "Start producing" } else { "Stop producing" };
    items.push(Item::Do(word.into(), Command::SetProducing { producer, on }));
    items.extend(life(slot));
    items.extend(links_of(world, node));
    items
}

fn consumer(world: &World, node: NodeId, slot: &Slot) -> Vec<Item> {
    let Machine::Consumer(machine) = &slot.machine else { return Vec::new() };
    let name = slot.name.clone();
    let mut items = Vec::new();
    if slot.health == Health::Up {
        items.push(Item::Do(
            "Stop".into(),
            Command::Stop { node: name.clone(), membership: Default::default() },
        ));
        let on = !machine.is_stuck();
        let word = if on { "Hang" } else { "Go on" };
        items.push(Item::Do(word.into(), Command::SetStuck { consumer: name.clone(), on }));
        let consumer = name.clone();
        let process = move |values: &[String]| {
            Ok(Command::SetProcessMs { consumer: consumer.clone(), ms: number(&values[0], "The time")? })
        };
        let now = machine.app().process_ms.to_string();
        let fields = vec![("Milliseconds for each record", now)];
        items.push(Item::form("Processing time", fields, "Set", process));
        items.push(Item::Do("Commit now".into(), Command::Commit { consumer: name.clone() }));
        let first = machine.assignment().keys().next();
        let consumer = name;
        let seek = move |values: &[String]| {
            let offset = match values[2].trim() {
                "beginning" => -2,
                "end" => -1,
                text => number(text, "The offset")?,
            };
            let partition = number(&values[1], "The partition")?;
            Ok(Command::Seek { consumer: consumer.clone(), topic: values[0].clone(), partition, offset })
        };
        let fields = vec![
            ("Topic", first.map(|at| at.topic.to_string()).unwrap_or_default()),
            ("Partition", first.map_or("0".into(), |at| at.partition.to_string())),
            ("Offset, beginning or end", "beginning".into()),
        ];
        items.push(Item::form("Seek", fields, "Seek", seek));
    }
    items.extend(life(slot));
    items.extend(links_of(world, node));
    items
}

fn partition(world: &World, at: &TopicPartition) -> Vec<Item> {
    let topic = at.topic.to_string();
    let configs = world.metadata().map(|image| image.topic_configs(&topic));
    let known = |name: &str| {
        configs
            .as_ref()
            .and_then(|configs| configs.get(name))
            .map(|value| value.to_string())
            .unwrap_or_default()
    };
    let of = topic.clone();
    let make = move |values: &[String]| {
        let value = (!values[1].trim().is_empty()).then(|| values[1].trim().to_owned());
        Ok(Command::SetConfig { topic: of.clone(), name: values[0].trim().to_owned(), value })
    };
    let fields = vec![
        ("Config", "min.insync.replicas".into()),
        ("Value (empty: the default)", known("min.insync.replicas")),
    ];
    let mut items = vec![Item::form(format!("Change a config of {topic}"), fields, "Change", make)];
    items.extend(partition_faults(world, at));
    items
}
