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

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::protocol::wire::{Message, decode_prefixed, encode_prefixed};

    /// Written by hand from the published schemas: no oracle here knows them.
    fn check<M: Message>(value: M, expected: &[u8]) {
        let bytes = encode_prefixed(0, &value).expect("encodes");
        assert_eq!(bytes, expected);
        assert_eq!(decode_prefixed(&bytes), Ok((0, value)));
    }

    #[test]
    fn values_lie_on_the_wire_as_published() {
        check(ConsumerGroupMetadataValue { epoch: 5, metadata_hash: 0 }, b"\0\0\0\0\0\x05\0");
        let hashed = ConsumerGroupMetadataValue { epoch: 5, metadata_hash: 1 };
        check(hashed, b"\0\0\0\0\0\x05\x01\x00\x08\0\0\0\0\0\0\0\x01");
        let target = ConsumerGroupTargetAssignmentMetadataValue { assignment_epoch: 7 };
        check(target, b"\0\0\0\0\0\x07\0");
        let current = ConsumerGroupCurrentMemberAssignmentValue {
            member_epoch: 2,
            previous_member_epoch: 1,
            state: 1,
            assigned_partitions: vec![TopicPartitions { topic_id: Uuid([9; 16]), partitions: vec![3] }],
            partitions_pending_revocation: vec![],
        };
        let mut expected = b"\0\0\0\0\0\x02\0\0\0\x01\x01\x02".to_vec();
        expected.extend([9; 16]);
        expected.extend(b"\x02\0\0\0\x03\0\x01\0");
        check(current, &expected);
    }

    #[test]
    fn a_member_of_the_classic_protocol_is_told_by_a_tag() {
        let mut member = ConsumerGroupMemberMetadataValue {
            client_id: "c".to_owned(),
            client_host: "/h".to_owned(),
            subscribed_topic_names: vec!["t".to_owned()],
            rebalance_timeout_ms: 9,
            ..Default::default()
        };
        check(member.clone(), b"\0\0\0\0\x02c\x03/h\x02\x02t\0\0\0\0\x09\0\0");
        let metadata = Bytes::from_static(b"m");
        let supported_protocols = vec![ClassicProtocol { name: "r".to_owned(), metadata }];
        member.classic_member_metadata =
            Some(ClassicMemberMetadata { session_timeout_ms: 6, supported_protocols });
        let tagged = b"\x01\0\x0c\x01\0\0\0\x06\x02\x02r\x02m\0\0";
        let expected = [b"\0\0\0\0\x02c\x03/h\x02\x02t\0\0\0\0\x09\0".as_slice(), tagged].concat();
        check(member, &expected);
    }
}
