//! The cluster's id, controller and brokers (KIP-700, KIP-919).

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// Asks for them.
    DescribeClusterRequest(60, 0..=2, 0) {
        include_cluster_authorized_operations: bool,
        endpoint_type: i8 [1..] = 1,
        include_fenced_brokers: bool [2..],
    }

    /// The cluster.
    DescribeClusterResponse(60, 0..=2, 0) {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        error_message: Option<String> = None,
        endpoint_type: i8 [1..] = 1,
        cluster_id: String,
        controller_id: i32 = -1,
        brokers: Vec<DescribeClusterBroker>,
        cluster_authorized_operations: i32 = i32::MIN,
    }

    DescribeClusterBroker {
        broker_id: i32,
        host: String,
        port: i32,
        rack: Option<String> = None,
        is_fenced: bool [2..],
    }
}
