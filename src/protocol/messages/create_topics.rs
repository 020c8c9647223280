//! New topics.

use crate::protocol::ErrorCode;
use crate::protocol::wire::{Uuid, wire};

wire! {
    /// The topics to create.
    CreateTopicsRequest(19, 2..=7, 5) {
        topics: Vec<CreatableTopic>,
        timeout_ms: i32 = 60000,
        validate_only: bool,
    }

    CreatableTopic {
        name: String,
        num_partitions: i32,
        replication_factor: i16,
        assignments: Vec<CreatableReplicaAssignment>,
        configs: Vec<CreatableTopicConfig>,
    }

    CreatableReplicaAssignment {
        partition_index: i32,
        broker_ids: Vec<i32>,
    }

    CreatableTopicConfig {
        name: String,
        value: Option<String>,
    }

    /// What became of each.
    CreateTopicsResponse(19, 2..=7, 5) {
        throttle_time_ms: i32,
        topics: Vec<CreatableTopicResult>,
    }

    CreatableTopicResult {
        name: String,
        topic_id: Uuid [7.., ignorable],
        error_code: ErrorCode,
        error_message: Option<String>,
        topic_config_error_code: i16 [5.., tag 0, ignorable],
        num_partitions: i32 [5.., ignorable] = -1,
        replication_factor: i16 [5.., ignorable] = -1,
        configs: Option<Vec<CreatableTopicConfigs>> [5.., ignorable],
    }

    CreatableTopicConfigs {
        name: String,
        value: Option<String>,
        read_only: bool,
        config_source: i8 = -1,
        is_sensitive: bool,
    }
}
