//! What somebody outside can do to a world: the same commands in scenario files, on the page
//! and in journals.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::FrameKind;

/// Something done to the world. Nodes go by name: `broker-1`, `controller`, a client's name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Kills a process as `kill -9` does: its page cache survives, its connections end.
    Kill {
        /// Which node.
        node: String,
    },
    /// Cuts a machine's power: what was not flushed is gone, and nobody is told.
    PowerLoss {
        /// Which node.
        node: String,
    },
    /// Starts a process that was killed or lost power.
    Restart {
        /// Which node.
        node: String,
    },
    /// Makes a process stand still, as in a long garbage collection.
    Pause {
        /// Which node.
        node: String,
    },
    /// Lets it go on.
    Resume {
        /// Which node.
        node: String,
    },
    /// Cuts the link between two nodes.
    Cut {
        /// One.
        a: String,
        /// The other.
        b: String,
    },
    /// Mends it.
    Heal {
        /// One.
        a: String,
        /// The other.
        b: String,
    },
    /// Sets the latency of the link between two nodes.
    Slow {
        /// One.
        a: String,
        /// The other.
        b: String,
        /// One way, in milliseconds.
        latency_ms: u32,
    },
    /// Loses a frame that is in flight, and with it its connection.
    Drop {
        /// Number of the trace entry that says it was sent.
        sent: u64,
    },
    /// Loses the next frames of a kind as soon as they are sent, and their connections.
    DropNext {
        /// Who sends.
        from: String,
        /// Who would receive.
        to: String,
        /// Request or response.
        frame: Kind,
        /// Name of the API, as `Produce`; any when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        api: Option<String>,
        /// How many.
        #[serde(default = "one")]
        count: u32,
    },
    /// Has a producer send one record.
    Send {
        /// Which producer.
        producer: String,
        /// To which topic.
        topic: String,
        /// To which partition, when not left to the partitioner.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        partition: Option<i32>,
        /// The key; none when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// The value; none when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<String>,
        /// Headers in order; a name may come twice.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        headers: Vec<(String, String)>,
    },
    /// Stops or resumes a producer's workload; records already queued are still sent.
    SetProducing {
        /// Which producer.
        producer: String,
        /// Whether it produces.
        on: bool,
    },
    /// Adds a consumer to a group, with the configuration of the group's first member.
    AddConsumer {
        /// The group.
        group: String,
        /// Its name; the next free one when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// Has a client leave properly and end.
    Stop {
        /// Which client.
        node: String,
    },
    /// Makes a consumer's application hang between two polls, or go on.
    SetStuck {
        /// Which consumer.
        consumer: String,
        /// Whether it hangs.
        on: bool,
    },
    /// Sets how long a consumer takes for one record.
    SetProcessMs {
        /// Which consumer.
        consumer: String,
        /// Milliseconds for each record.
        ms: u32,
    },
    /// Moves a consumer's position.
    Seek {
        /// Which consumer.
        consumer: String,
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset; −2 the beginning, −1 the end.
        offset: i64,
    },
    /// Commits a consumer's positions now.
    Commit {
        /// Which consumer.
        consumer: String,
    },
    /// Has the admin client create a topic.
    CreateTopic {
        /// Its name.
        topic: String,
        /// How many partitions.
        partitions: i32,
        /// How many replicas of each.
        replication_factor: i16,
        /// Topic configs.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        configs: BTreeMap<String, String>,
    },
    /// Has the admin client change a topic's config.
    SetConfig {
        /// The topic.
        topic: String,
        /// The config, as Kafka spells it.
        name: String,
        /// Its value; the default again when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<String>,
    },
}

/// Request or response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A request.
    Request,
    /// A response.
    Response,
}

impl From<Kind> for FrameKind {
    fn from(kind: Kind) -> FrameKind {
        match kind {
            Kind::Request => FrameKind::Request,
            Kind::Response => FrameKind::Response,
        }
    }
}

fn one() -> u32 {
    1
}

/// Why a command was refused; the world is as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// No node has that name.
    NoSuchNode(String),
    /// The node is of another kind.
    NotA(String, &'static str),
    /// It cannot be done to a node in this state.
    WrongState(String, &'static str),
    /// No consumer of that group was ever there to copy.
    NoSuchGroup(String),
    /// The name is taken.
    NameTaken(String),
    /// No such frame is in flight.
    NotInFlight(u64),
    /// No API has that name.
    NoSuchApi(String),
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CommandError::NoSuchNode(name) => write!(f, "no node is called '{name}'"),
            CommandError::NotA(name, kind) => write!(f, "'{name}' is not a {kind}"),
            CommandError::WrongState(name, state) => write!(f, "'{name}' is {state}"),
            CommandError::NoSuchGroup(group) => write!(f, "group '{group}' has no consumer to copy"),
            CommandError::NameTaken(name) => write!(f, "a node is called '{name}' already"),
            CommandError::NotInFlight(sent) => write!(f, "no frame sent by entry {sent} is in flight"),
            CommandError::NoSuchApi(name) => write!(f, "no API is called '{name}'"),
        }
    }
}

impl std::error::Error for CommandError {}
