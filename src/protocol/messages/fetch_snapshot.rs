//! A part of a KRaft snapshot (KIP-630).

use bytes::Bytes;

use crate::protocol::ErrorCode;
use crate::protocol::wire::{Uuid, wire};

wire! {
    /// Asks for bytes of a snapshot.
    FetchSnapshotRequest(59, 0..=1, 0) {
        cluster_id: Option<String> [tag 0] = None,
        replica_id: i32 = -1,
        max_bytes: i32 = i32::MAX,
        topics: Vec<RequestTopicSnapshot>,
    }

    RequestTopicSnapshot {
        name: String,
        partitions: Vec<RequestPartitionSnapshot>,
    }

    RequestPartitionSnapshot {
        partition: i32,
        current_leader_epoch: i32,
        snapshot_id: RequestSnapshotId,
        position: i64,
        replica_directory_id: Uuid [1.., tag 0, ignorable],
    }

    RequestSnapshotId {
        end_offset: i64,
        epoch: i32,
    }

    /// The bytes.
    FetchSnapshotResponse(59, 0..=1, 0) {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        topics: Vec<ResponseTopicSnapshot>,
        node_endpoints: Vec<NodeEndpoint> [1.., tag 0],
    }

    ResponseTopicSnapshot {
        name: String,
        partitions: Vec<ResponsePartitionSnapshot>,
    }

    ResponsePartitionSnapshot {
        index: i32,
        error_code: ErrorCode,
        snapshot_id: ResponseSnapshotId,
        current_leader: LeaderIdAndEpoch [tag 0],
        size: i64,
        position: i64,
        unaligned_records: Bytes,
    }

    ResponseSnapshotId {
        end_offset: i64,
        epoch: i32,
    }

    LeaderIdAndEpoch {
        leader_id: i32,
        leader_epoch: i32,
    }

    NodeEndpoint {
        node_id: i32,
        host: String,
        port: u16,
    }
}
