//! Ids, virtual time, seeded randomness, the digest and the machine contract.
//!
//! Must not know Kafka: nothing here would change if the nodes spoke another protocol.

mod crc;
mod digest;
mod machine;
mod map;
mod pattern;
mod rng;
mod rope;
mod sort;
mod time;

pub use crc::{crc32, crc32c};
pub use digest::Digest;
pub use machine::{
    CloseReason, ConnId, Ctx, Effect, FlushKind, FrameInfo, FrameKind, Input, NodeId, Outputs,
};
pub use map::{Entry, Map, Set};
pub use pattern::{Pattern, PatternError};
pub use rng::Rng;
pub use rope::Rope;
pub use sort::{repeated, sort_by, sort_by_key};
pub use time::{EPOCH_MS, SimTime, ms, seconds};
