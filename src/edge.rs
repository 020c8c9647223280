//! The world's doors: real Kafka clients outside, the deterministic world inside.
//!
//! A [`Door`] has no sockets and no clock of its own. Whoever has them (the command line with
//! TCP, a page or Node with in-memory sockets) brings in bytes and the time, and takes out what
//! is to be written where. Must not know what the bytes mean.

mod door;
#[cfg(not(target_arch = "wasm32"))]
pub mod tcp;

pub use door::{Door, DoorOptions, Output};
