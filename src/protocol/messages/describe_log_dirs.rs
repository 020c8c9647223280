//! What lies in the log directories of a broker (KIP-113).

use crate::protocol::ErrorCode;
use crate::protocol::wire::wire;

wire! {
    /// Asks for partitions.
    DescribeLogDirsRequest(35, 1..=4, 2) {
        topics: Option<Vec<DescribableLogDirTopic>>,
    }

    DescribableLogDirTopic {
        topic: String,
        partitions: Vec<i32>,
    }

    /// The log directories.
    DescribeLogDirsResponse(35, 1..=4, 2) {
        throttle_time_ms: i32,
        error_code: ErrorCode [3.., ignorable],
        results: Vec<DescribeLogDirsResult>,
    }

    DescribeLogDirsResult {
        error_code: ErrorCode,
        log_dir: String,
        topics: Vec<DescribeLogDirsTopic>,
        total_bytes: i64 [4.., ignorable] = -1,
        usable_bytes: i64 [4.., ignorable] = -1,
    }

    DescribeLogDirsTopic {
        name: String,
        partitions: Vec<DescribeLogDirsPartition>,
    }

    DescribeLogDirsPartition {
        partition_index: i32,
        partition_size: i64,
        offset_lag: i64,
        is_future_key: bool,
    }
}
