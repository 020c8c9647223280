//! What a run looks like, as plain data: layout, narration, inspection, causes, the timeline.
//!
//! Must not know Yew, the DOM or wall time, and never changes a world.

pub mod actions;
pub mod brokers;
pub mod compare;
pub mod failover;
pub mod find;
pub mod inspector;
pub mod members;
pub mod metrics;
mod px;
pub mod spacetime;
pub mod stage;
pub mod theatre;
pub mod timeline;
pub mod why;
pub mod words;
pub mod zookeeper;

pub use px::{Px, px};

#[cfg(test)]
mod brokers_test;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod samples_test;
#[cfg(test)]
mod timeline_test;
#[cfg(test)]
mod view_test;
