//! What can be clicked, as the text of a `data-pick` attribute.

use std::fmt;

use crate::base::NodeId;
use crate::protocol::TopicPartition;

/// Something on the screen.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Target {
    /// A broker, the controller, a producer or a consumer.
    Node(NodeId),
    /// A consumer group.
    Group(String),
    /// A partition.
    Partition(TopicPartition),
    /// A record on a broker's replica.
    Record(i32, TopicPartition, i64),
    /// A request in flight, by the entry that says it was sent.
    Flight(u64),
    /// A trace entry.
    Entry(u64),
    /// A link between two nodes by name.
    Link(String, String),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Node(node) => write!(f, "node/{node}"),
            Target::Group(id) => write!(f, "group/{id}"),
            Target::Partition(at) => write!(f, "partition/{}/{}", at.partition, at.topic),
            Target::Record(broker, at, offset) => {
                write!(f, "record/{broker}/{offset}/{}/{}", at.partition, at.topic)
            }
            Target::Flight(entry) => write!(f, "flight/{entry}"),
            Target::Entry(entry) => write!(f, "entry/{entry}"),
            Target::Link(a, b) => write!(f, "link/{a}/{b}"),
        }
    }
}

impl Target {
    /// Reads what [`fmt::Display`] wrote.
    pub(super) fn read(text: &str) -> Option<Target> {
        let (kind, rest) = text.split_once('/')?;
        Some(match kind {
            "node" => Target::Node(NodeId(rest.parse().ok()?)),
            "group" => Target::Group(rest.to_owned()),
            "partition" => {
                let (partition, topic) = rest.split_once('/')?;
                Target::Partition(TopicPartition::new(topic, partition.parse().ok()?))
            }
            "record" => {
                let mut parts = rest.splitn(4, '/');
                let broker = parts.next()?.parse().ok()?;
                let offset = parts.next()?.parse().ok()?;
                let partition = parts.next()?.parse().ok()?;
                Target::Record(broker, TopicPartition::new(parts.next()?, partition), offset)
            }
            "flight" => Target::Flight(rest.parse().ok()?),
            "entry" => Target::Entry(rest.parse().ok()?),
            "link" => {
                let (a, b) = rest.split_once('/')?;
                Target::Link(a.to_owned(), b.to_owned())
            }
            _ => return None,
        })
    }
}
