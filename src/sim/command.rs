//! What somebody outside can do to a world: the same commands in scenario files, on the page
//! and in journals.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::{FrameKind, Map};
use crate::client::consumer::{AssignedPartition, ConsumerChanges, GroupMembershipOperation};

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
    /// Starts a process that was killed or lost power, or a consumer that has ended.
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
    /// Nothing that `from` sends reaches `to` until the link is mended; the other way is as it was.
    CutOneWay {
        /// Who sends.
        from: String,
        /// Who would receive.
        to: String,
    },
    /// Sets the latency of what `from` sends to `to`, until the link's own is set.
    SlowOneWay {
        /// Who sends.
        from: String,
        /// Who receives.
        to: String,
        /// Milliseconds.
        latency_ms: u32,
    },
    /// Has a frame that is in flight arrive later, and with it what follows on its connection.
    Delay {
        /// Number of the trace entry that says it was sent.
        sent: u64,
        /// So much later, in milliseconds.
        by_ms: u32,
    },
    /// Has a frame that is in flight arrive twice.
    Duplicate {
        /// Number of the trace entry that says it was sent.
        sent: u64,
    },
    /// Has the next frames of a kind arrive later, and what follows on their connections.
    DelayNext {
        /// Who sends.
        from: String,
        /// Who receives.
        to: String,
        /// Request or response.
        frame: Kind,
        /// Name of the API, as `Produce`; any when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        api: Option<String>,
        /// How many.
        #[serde(default = "one")]
        count: u32,
        /// So much later, in milliseconds.
        by_ms: u32,
    },
    /// Has the next frames of a kind arrive twice.
    DuplicateNext {
        /// Who sends.
        from: String,
        /// Who receives.
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
    /// Sets how long an `fsync` takes on one node's disk.
    SlowDisk {
        /// Which node.
        node: String,
        /// Milliseconds; as on the others when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        flush_ms: Option<u32>,
    },
    /// Fills a broker's disk, or makes room on it. At the next record that it cannot write, its process
    /// ends, as Kafka's does when its last log directory fails.
    SetDiskFull {
        /// Which broker.
        broker: String,
        /// Whether it is full.
        on: bool,
    },
    /// Flips the bits of one byte of a replica's log, as a failing disk does.
    CorruptByte {
        /// Which broker.
        broker: String,
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Which byte, counted from the log's first one; the middle of the log when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        position: Option<u64>,
    },
    /// Sets a node's clock before or behind the others'.
    SkewClock {
        /// Which node.
        node: String,
        /// Milliseconds; 0 sets it right.
        by_ms: i64,
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
    /// Has a client leave properly and end; or a broker, which is first replaced wherever it leads
    /// (controlled shutdown).
    Stop {
        /// Which client or broker.
        node: String,
        /// Of a consumer: what becomes of its membership in a group (KIP-1092).
        #[serde(default, skip_serializing_if = "is_default")]
        membership: GroupMembershipOperation,
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
    /// Moves a consumer's position to the first record that is not older than a time.
    SeekToTime {
        /// Which consumer.
        consumer: String,
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The time, in milliseconds since 1970.
        timestamp_ms: i64,
    },
    /// Has a consumer return nothing from partitions that it owns, or return it again.
    SetPaused {
        /// Which consumer.
        consumer: String,
        /// Whether they are paused.
        on: bool,
        /// Which partitions; all that it owns now when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        partitions: Option<Vec<AssignedPartition>>,
    },
    /// Has a consumer subscribe to other topics: by name, or by a pattern.
    Subscribe {
        /// Which consumer.
        consumer: String,
        /// The topics; with none of them, and no pattern, it unsubscribes and leaves the group.
        #[serde(default)]
        topics: Vec<String>,
        /// A regular expression, in place of `topics`: all topics whose whole names match.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        topic_regex: Option<String>,
    },
    /// Sets how long a consumer's rebalance listener takes.
    SetListenerMs {
        /// Which consumer.
        consumer: String,
        /// Milliseconds when partitions are revoked or lost.
        revoked_ms: u32,
        /// Milliseconds when partitions are assigned.
        assigned_ms: u32,
    },
    /// Gives a consumer other configs, which count from its next start on.
    Reconfigure {
        /// Which consumer.
        consumer: String,
        /// What changes.
        configs: ConsumerChanges,
    },
    /// Commits a consumer's positions now.
    Commit {
        /// Which consumer.
        consumer: String,
    },
    /// A program outside opens a connection to a broker. Its name stands for it in the world
    /// from then on: its links can be cut and slowed like everybody's.
    Connect {
        /// The program's name.
        client: String,
        /// Its number for the connection, higher than any before.
        conn: u32,
        /// Which broker.
        broker: String,
    },
    /// A program outside sends bytes, as they came: not yet cut into requests.
    Bytes {
        /// The program's name.
        client: String,
        /// Its number for the connection.
        conn: u32,
        /// The bytes, in base64.
        data: Data,
    },
    /// A program outside closes a connection.
    HangUp {
        /// The program's name.
        client: String,
        /// Its number for the connection.
        conn: u32,
        /// What the door says of it, when it closed the connection rather than the program.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
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
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        configs: Map<String, String>,
    },
    /// Has the admin client delete a topic.
    DeleteTopic {
        /// The topic.
        topic: String,
    },
    /// Has the admin client give a topic more partitions.
    AddPartitions {
        /// The topic.
        topic: String,
        /// How many it has then.
        partitions: i32,
    },
    /// Has the admin client move a partition to other replicas.
    Reassign {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The brokers that shall have it, the preferred leader first; none cancels a move under way.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replicas: Option<Vec<i32>>,
    },
    /// Has the admin client ask for elections: of the preferred leaders, or of unclean ones where a
    /// partition has no leader.
    ElectLeaders {
        /// The topic of a partition; without it, of all there are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        topic: Option<String>,
        /// The partition of that topic.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        partition: Option<i32>,
        /// Whether the leaders may come from outside the in-sync replicas.
        #[serde(default, skip_serializing_if = "is_default")]
        unclean: bool,
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

impl Command {
    /// Whether a cluster on ZooKeeper refuses it.
    pub fn needs_kraft(&self) -> bool {
        matches!(
            self,
            Command::DeleteTopic { .. }
                | Command::AddPartitions { .. }
                | Command::Reassign { .. }
                | Command::ElectLeaders { .. }
                | Command::SetConfig { .. }
        )
    }

    /// Whether it comes from a program outside: checked before it is done, and cheap.
    pub(super) fn is_of_guest(&self) -> bool {
        matches!(self, Command::Connect { .. } | Command::Bytes { .. } | Command::HangUp { .. })
    }
}

/// Bytes, which files have in base64.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Data(pub Bytes);

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Data, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text.as_bytes()).map_err(D::Error::custom)?;
        Ok(Data(bytes.into()))
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl schemars::JsonSchema for Data {
    fn schema_name() -> Cow<'static, str> {
        "Data".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "contentEncoding": "base64" })
    }
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

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
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
    /// The client has no such connection, or had one with this number already.
    NoSuchConn(String, u32),
    /// The broker has no such byte.
    NoSuchByte(String),
    /// No API has that name.
    NoSuchApi(String),
    /// A cluster on ZooKeeper cannot do it here.
    NeedsKRaft,
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
            CommandError::NoSuchConn(client, conn) => write!(f, "'{client}' cannot use connection {conn}"),
            CommandError::NoSuchByte(place) => write!(f, "there is no byte at {place}"),
            CommandError::NoSuchApi(name) => write!(f, "no API is called '{name}'"),
            CommandError::NeedsKRaft => f.write_str("this cannot be done in a cluster on ZooKeeper"),
        }
    }
}

impl std::error::Error for CommandError {}
