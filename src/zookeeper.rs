//! An exhibit: ZooKeeper, on which Kafka kept its metadata until 4.0, and the controller of that time.
//!
//! Three machines' worth of code, all in the same worlds as everything else: [`ZooKeeper`], a server with its
//! tree of znodes, sessions and watches; [`Session`], a client's end of a session; and [`KafkaController`],
//! the controller that a broker hosts when it was the first to create `/controller`.
//!
//! What is as it was: ZooKeeper's wire format, ephemeral nodes, one-shot watches, versions, `multi`, session
//! expiry in ticks, group commit of the transaction log; Kafka's znodes with their JSON, the race for
//! `/controller`, the full reload after it was won (pipelined, at most `zookeeper.max.in.flight.requests`
//! at a time, as since Kafka 1.1), leaders written to one znode for each partition, `LeaderAndIsr` and
//! `UpdateMetadata` to every broker, `AlterPartition` from leaders, fencing by controller and broker epochs.
//!
//! What is simpler: one server stands for the ensemble, so that a write waits for one disk and for no
//! majority; a server takes [`ZooKeeperConfig::read_us`] or [`ZooKeeperConfig::write_us`] of one processor for
//! an operation; there are no ACLs. Brokers pass what clients ask of a controller on to it, as KIP-590 has it,
//! and a broker whose old session still holds its id tries again, as if something restarted its process.
//!
//! Must not know the scheduler, brokers' replicas or what a scenario wants of them.
//!
//! Source: Kafka documentation 3.9, *ZooKeeper* and *Replication*; KIP-497 (AlterPartition), KIP-380 (broker
//! epochs), KIP-143; ZooKeeper's *Programmer's Guide* and *Internals*.

mod config;
mod controller;
mod server;
mod session;
mod tree;
mod wire;
mod znodes;

pub use config::ZooKeeperConfig;
pub use controller::{Answer, Ask, Do, KafkaController, Outgoing, Stage};
pub use server::{ZooKeeper, ZooKeeperTimer};
pub use session::{FromSession, Session};
pub use tree::{Stat, Tree, ZNode};
pub use wire::{
    API_BASE, Change, Fault, Op, Reply, Watch, dissect_reply, dissect_request, op_name, speaks_zookeeper,
};
pub use znodes::{
    BROKER_IDS, BROKER_TOPICS, BrokerNode, CONTROLLER, broker_path, parse_topic_config, persistent_paths,
    state_path, topic_config_path, topic_path,
};

/// The port of a ZooKeeper server.
pub const ZOOKEEPER_PORT: u16 = 2181;
/// The node id of the server.
pub const ZOOKEEPER_ID: u32 = 2_181;
/// The server's host name, and the node's name in the world.
pub const ZOOKEEPER_HOST: &str = "zookeeper";
