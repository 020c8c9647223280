//! The controller tells a broker of the cluster, for its clients: on ZooKeeper, until Kafka 3.9 (KIP-4,
//! KIP-380, KIP-516).

use crate::protocol::ErrorCode;
use crate::protocol::wire::{Uuid, wire};

wire! {
    /// All live brokers, and partitions that changed.
    UpdateMetadataRequest(6, 7..=8, 6) {
        controller_id: i32,
        is_kraft_controller: bool [8..],
        type_: i8 [8.., tag 0],
        controller_epoch: i32,
        broker_epoch: i64 = -1,
        topic_states: Vec<UpdateMetadataTopicState>,
        live_brokers: Vec<UpdateMetadataBroker>,
    }

    UpdateMetadataTopicState {
        topic_name: String,
        topic_id: Uuid,
        partition_states: Vec<UpdateMetadataPartitionState>,
    }

    UpdateMetadataPartitionState {
        partition_index: i32,
        controller_epoch: i32,
        leader: i32,
        leader_epoch: i32,
        isr: Vec<i32>,
        zk_version: i32,
        replicas: Vec<i32>,
        offline_replicas: Vec<i32>,
    }

    UpdateMetadataBroker {
        id: i32,
        endpoints: Vec<UpdateMetadataEndpoint>,
        rack: Option<String>,
    }

    UpdateMetadataEndpoint {
        port: i32,
        host: String,
        listener: String,
        security_protocol: i16,
    }

    /// Whether the broker took it.
    UpdateMetadataResponse(6, 7..=8, 6) {
        error_code: ErrorCode,
    }
}
