//! Terrarium: a living Apache Kafka cluster under glass.
//!
//! The engine is real Kafka — real record batches, real requests, the published
//! algorithms — inside a world whose time, network and disks we own, so that everything
//! can be seen, paused, stepped, stepped *back*, broken, forked and explained.
//!
//! # The house
//!
//! Dependencies point strictly downwards: a module uses only rows below its own
//! (`tests/tidy.rs` keeps it so).
//!
//! | module | owns | must not know |
//! | --- | --- | --- |
//! | `main.rs`, `bin/` | mounting the app; the command line; the npm package's world | everything else's insides |
//! | [`ui`] | Yew components, DOM, local storage | Kafka's rules; how to change a world except by a command |
//! | [`edge`] | the world's doors to programs outside | what the bytes mean |
//! | [`view`] | run + trace → plain view data (layout, text, narration) | Yew, DOM, wall time |
//! | [`sweep`] | random worlds from a seed; the smallest run that breaks a promise | files, threads, machines' insides |
//! | [`scenario`] | the scenario schema, its errors, workloads from files, the gallery; links, recordings | pixels; machines' insides |
//! | [`sim`] | time, delivery, faults, disks, history, forks, invariant checkers | scenario files, pictures |
//! | [`broker`] | one broker: requests, replica manager, partitions, fetchers, purgatories | the scheduler, other nodes' memory |
//! | [`zookeeper`] | an exhibit: ZooKeeper, and the controller that a broker hosted until Kafka 3.9 | the scheduler, brokers' insides |
//! | [`controller`] | the KRaft quorum: the metadata log, elections, the ISR | the scheduler, brokers' insides |
//! | [`coordinator`] | group and offset machines | the network, how its log is replicated |
//! | [`client`] | producer (accumulator, sender) and consumer | server state |
//! | [`metadata`] | metadata records → image, shared by controller and brokers; the quorum's voters | who writes or reads the log |
//! | [`peer`] | a connection to another server, from the side that asks | what is asked, and by which machine |
//! | [`trace`] | the vocabulary of what happened | who says it, who reads it |
//! | [`partitioner`], [`assignor`] | pure functions: key → partition; members × topics → assignment | state machines |
//! | [`storage`] | the bytes of a partition: batches, codecs, segments, indexes, epochs, producer state | replication, requests |
//! | [`protocol`] | the wire: declarative schema, bounded codec with byte spans, versions, error codes | any state |
//! | [`plant`] | known bugs that can be built in, to try the checkers | the machines that have them |
//! | [`base`] | ids, virtual time, seeded randomness, digest, checksums, small maps, the machine contract | Kafka |
//!
//! Machines (broker, controller, coordinator, client) never import one another; they meet
//! only as frames. Two explicit edges: a broker hosts the group coordinator and, on ZooKeeper, a controller.

pub mod assignor;
pub mod base;
pub mod broker;
pub mod client;
pub mod controller;
pub mod coordinator;
pub mod edge;
pub mod metadata;
pub mod partitioner;
pub mod peer;
pub mod plant;
pub mod protocol;
pub mod scenario;
pub mod sim;
pub mod storage;
pub mod sweep;
pub mod trace;
#[cfg(target_arch = "wasm32")]
pub mod ui;
pub mod view;
pub mod zookeeper;
