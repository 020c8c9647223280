//! The world: time, delivery, faults, disks, history, forks and invariant checkers.
//!
//! One scheduler, one event per step, one thread. Same setup, same seed and same commands:
//! the same digest, natively and in wasm.
//!
//! Must not know scenario files or pictures.

mod combined;
mod command;
mod ensemble;
mod failover;
mod guest;
mod history;
mod invariants;
mod network;
mod node;
mod setup;
mod summary;
mod world;

pub use combined::Combined;
pub use command::{Command, CommandError, Data, Kind};
pub use ensemble::{Ensemble, Moment};
pub use failover::{Dies, Failover, Measurement, Question, failover};
pub use guest::Guest;
pub use history::{Branch, Journaled, Run};
pub use invariants::{Invariants, ShareCounts, Violation};
pub use network::{Conn, Flight, Link};
pub use node::{Health, Machine, Slot, Timer};
pub use setup::{ClientKind, ClientSetup, ClusterSetup, DiskSetup, NetworkSetup, Setup, TopicSetup};
pub use summary::{DuplicateSummary, PartitionSummary, Summary};
pub use world::{ADMIN, CONTROLLER, World};
