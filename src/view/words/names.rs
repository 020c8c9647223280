//! What nodes and topics are called.

use std::sync::Arc;

use crate::base::{Map, NodeId};
use crate::protocol::{TopicPartition, Uuid};
use crate::sim::{CONTROLLER, Machine, World};

/// Names of nodes and topics, taken from a world. The default knows none and makes them up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Names {
    nodes: Map<NodeId, Arc<str>>,
    topics: Map<Uuid, Arc<str>>,
}

impl Names {
    /// The names in this world.
    pub fn of(world: &World) -> Names {
        let nodes = world.nodes().map(|(id, slot)| {
            let name = match &slot.machine {
                Machine::Broker(broker) => format!("broker {}", broker.id()),
                Machine::Combined(combined) => format!("broker {}", combined.broker().id()),
                Machine::Controller(_) if id == CONTROLLER => "the controller".to_owned(),
                Machine::Controller(_) => slot.name.replace('-', " "),
                Machine::ZooKeeper(_) => "ZooKeeper".to_owned(),
                Machine::Producer(_) => format!("producer {}", slot.name),
                Machine::Consumer(_) => format!("consumer {}", slot.name),
                Machine::Admin(_) => "the admin client".to_owned(),
                Machine::Guest(_) => format!("client {}", slot.name),
            };
            (id, name.into())
        });
        let image = world.metadata();
        let topics = image.into_iter().flat_map(|image| image.topic_names.iter());
        Names { nodes: nodes.collect(), topics: topics.map(|(id, name)| (*id, name.clone())).collect() }
    }

    /// A node inside a sentence: `broker 1`, `the controller`, `producer riders`.
    pub fn node(&self, id: NodeId) -> String {
        match self.nodes.get(&id) {
            Some(name) => name.to_string(),
            None if id.0 == 0 => "the world".to_owned(),
            None => format!("node {id}"),
        }
    }

    /// The same at the beginning of a sentence.
    pub fn node_first(&self, id: NodeId) -> String {
        capitalised(&self.node(id))
    }

    /// A node in a label: without article, `controller`, `riders`.
    pub fn node_short(&self, id: NodeId) -> String {
        let name = self.node(id);
        let stripped = ["the ", "producer ", "consumer "].iter().find_map(|word| name.strip_prefix(word));
        stripped.map_or(name.clone(), str::to_owned)
    }

    /// The topic that a message names, either way.
    pub(super) fn topic(&self, name: &str, id: Uuid) -> Arc<str> {
        if !name.is_empty() {
            return name.into();
        }
        match self.topics.get(&id) {
            Some(name) => name.clone(),
            None if id == METADATA_TOPIC_ID => crate::broker::METADATA_TOPIC.into(),
            None => format!("topic {id}").into(),
        }
    }

    /// The topic whose id has this text.
    #[inline(never)]
    pub(in crate::view) fn topic_of_id(&self, id: &str) -> Option<Arc<str>> {
        let named = self.topics.iter().find(|(known, _)| known.to_string() == id);
        named
            .map(|(_, name)| name.clone())
            .or_else(|| (id == METADATA_TOPIC_ID.to_string()).then(|| crate::broker::METADATA_TOPIC.into()))
    }

    /// The partition that a message names.
    pub(super) fn partition(&self, name: &str, id: Uuid, partition: i32) -> TopicPartition {
        TopicPartition::new(self.topic(name, id), partition)
    }
}

/// The metadata topic's fixed id (KIP-595).
const METADATA_TOPIC_ID: Uuid = Uuid::from_halves(0, 1);

/// With a capital letter in front, if it is one of ASCII's: the words are, and names stay as they
/// are. (The tables of all letters are much to load.)
pub(super) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => std::iter::once(first.to_ascii_uppercase()).chain(letters).collect(),
        None => String::new(),
    }
}
