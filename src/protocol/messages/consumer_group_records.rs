//! The records of `__consumer_offsets`, for groups of the consumer protocol (KIP-848): the group's
//! epoch, its members, who shall have what and who has what. Keys have their record type in front,
//! values their version.

use bytes::Bytes;

use crate::protocol::wire::{NEVER, Uuid, wire};

wire! {
    /// Which group this is the epoch of.
    ConsumerGroupMetadataKey(3, 3..=3, NEVER) {
        group_id: String,
    }

    /// The group's epoch, and a hash of the topics that it is about (since 4.1, KIP-1101).
    ConsumerGroupMetadataValue(3, 0..=0, 0) {
        epoch: i32,
        metadata_hash: i64 [tag 0],
    }

    /// Which group these are the topics of.
    ConsumerGroupPartitionMetadataKey(4, 4..=4, NEVER) {
        group_id: String,
    }

    /// The topics that a group is about. Kafka 4.1 writes tombstones only.
    ConsumerGroupPartitionMetadataValue(4, 0..=0, 0) {
        topics: Vec<TopicMetadata>,
    }

    TopicMetadata {
        topic_id: Uuid,
        topic_name: String,
        num_partitions: i32,
        partition_metadata: Vec<PartitionMetadata>,
    }

    PartitionMetadata {
        partition: i32,
        racks: Vec<String>,
    }

    /// Of which group which member.
    ConsumerGroupMemberMetadataKey(5, 5..=5, NEVER) {
        group_id: String,
        member_id: String,
    }

    /// A member and its subscription.
    ConsumerGroupMemberMetadataValue(5, 0..=0, 0) {
        instance_id: Option<String> = None,
        rack_id: Option<String> = None,
        client_id: String,
        client_host: String,
        subscribed_topic_names: Vec<String>,
        subscribed_topic_regex: Option<String> = None,
        rebalance_timeout_ms: i32 = -1,
        server_assignor: Option<String> = None,
        classic_member_metadata: Option<ClassicMemberMetadata> [tag 0] = None,
    }

    ClassicMemberMetadata {
        session_timeout_ms: i32,
        supported_protocols: Vec<ClassicProtocol>,
    }

    ClassicProtocol {
        name: String,
        metadata: Bytes,
    }

    /// Which group's target assignment.
    ConsumerGroupTargetAssignmentMetadataKey(6, 6..=6, NEVER) {
        group_id: String,
    }

    /// The group epoch that the target assignment was computed for.
    ConsumerGroupTargetAssignmentMetadataValue(6, 0..=0, 0) {
        assignment_epoch: i32,
    }

    /// Of which group which member.
    ConsumerGroupTargetAssignmentMemberKey(7, 7..=7, NEVER) {
        group_id: String,
        member_id: String,
    }

    /// What a member shall have.
    ConsumerGroupTargetAssignmentMemberValue(7, 0..=0, 0) {
        topic_partitions: Vec<TopicPartition>,
    }

    TopicPartition {
        topic_id: Uuid,
        partitions: Vec<i32>,
    }

    /// Of which group which member.
    ConsumerGroupCurrentMemberAssignmentKey(8, 8..=8, NEVER) {
        group_id: String,
        member_id: String,
    }

    /// What a member has, and how far it has come.
    ConsumerGroupCurrentMemberAssignmentValue(8, 0..=0, 0) {
        member_epoch: i32,
        previous_member_epoch: i32,
        state: i8,
        assigned_partitions: Vec<TopicPartitions>,
        partitions_pending_revocation: Vec<TopicPartitions>,
    }

    TopicPartitions {
        topic_id: Uuid,
        partitions: Vec<i32>,
    }

    /// Of which group which regular expression.
    ConsumerGroupRegularExpressionKey(16, 16..=16, NEVER) {
        group_id: String,
        regular_expression: String,
    }

    /// The topics whose names match.
    ConsumerGroupRegularExpressionValue(16, 0..=0, 0) {
        topics: Vec<String>,
        version: i64,
        timestamp: i64,
    }
}
