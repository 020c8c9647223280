//! Kafka's clients as machines: the producer (accumulator, sender) and the consumer, both on
//! top of one network client.
//!
//! Must not know server state: all that a client learns, it learns from frames.

pub mod backoff;
pub mod metadata_cache;
pub mod network;
