//! Kafka's clients as machines: the producer (accumulator, sender) and the consumer, both on
//! top of one network client.
//!
//! Must not know server state: all that a client learns, it learns from frames.

pub mod admin;
pub mod backoff;
pub mod consumer;
#[cfg(test)]
mod fake;
pub mod metadata_cache;
pub mod network;
pub mod producer;
pub mod workload;

pub use admin::{Admin, AdminCommand, AdminTimer};
pub use consumer::{Consumer, ConsumerApp, ConsumerCommand, ConsumerConfig, ConsumerTimer};
pub use producer::{Producer, ProducerCommand, ProducerConfig, ProducerTimer};
pub use workload::Workload;
