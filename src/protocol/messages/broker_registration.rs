//! A broker that starts registers with the controller (KIP-631).

use crate::protocol::ErrorCode;
use crate::protocol::wire::{Uuid, wire};

wire! {
    /// What the broker is and where it listens.
    BrokerRegistrationRequest(62, 0..=4, 0) {
        broker_id: i32,
        cluster_id: String,
        incarnation_id: Uuid,
        listeners: Vec<Listener>,
        features: Vec<Feature>,
        rack: Option<String>,
        is_migrating_zk_broker: bool [1..],
        log_dirs: Vec<Uuid> [2.., ignorable],
        previous_broker_epoch: i64 [3.., ignorable] = -1,
    }

    Listener {
        name: String,
        host: String,
        port: u16,
        security_protocol: i16,
    }

    Feature {
        name: String,
        min_supported_version: i16,
        max_supported_version: i16,
    }

    /// The broker epoch.
    BrokerRegistrationResponse(62, 0..=4, 0) {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        broker_epoch: i64 = -1,
    }
}
