//! What can be set in a cluster on ZooKeeper.

use serde::{Deserialize, Serialize};

/// Configs of the ZooKeeper server and of the brokers' sessions with it, and what the server's work costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ZooKeeperConfig {
    /// How long a broker may be silent until its session expires and its ephemeral nodes go. The server holds it
    /// to 2 to 20 ticks.
    #[serde(rename = "zookeeper.session.timeout.ms")]
    pub session_timeout_ms: u32,
    /// How many requests of a broker may be under way at a time. With 1 each waits for the one before it, as
    /// before Kafka 1.1.
    #[serde(rename = "zookeeper.max.in.flight.requests")]
    pub max_in_flight: u32,
    /// The server's unit of time: sessions expire when a tick is over.
    #[serde(rename = "tickTime")]
    pub tick_ms: u32,
    /// What a read takes of the server's processor, in microseconds.
    pub read_us: u32,
    /// What a write takes of it, in microseconds; then it waits for the disk.
    pub write_us: u32,
}

impl Default for ZooKeeperConfig {
    fn default() -> Self {
        ZooKeeperConfig {
            session_timeout_ms: 18_000,
            max_in_flight: 10,
            tick_ms: 2_000,
            read_us: 20,
            write_us: 50,
        }
    }
}
