//! A broker that ends asks the controller to replace it: on ZooKeeper, until Kafka 3.9 (KIP-380).

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// Who ends.
    ControlledShutdownRequest(7, 3..=3, 3) {
        broker_id: i32,
        broker_epoch: i64 = -1,
    }

    /// What it still leads, and nobody else can.
    ControlledShutdownResponse(7, 3..=3, 3) {
        error_code: ErrorCode,
        remaining_partitions: Vec<RemainingPartition>,
    }

    RemainingPartition {
        topic_name: String,
        partition_index: i32,
    }
}
