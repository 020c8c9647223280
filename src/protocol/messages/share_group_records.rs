//! The records of share groups (KIP-932): in `__consumer_offsets` their epochs, members and
//! assignments, and which share partitions they have begun; in `__share_group_state` the states of
//! these. Keys have their record type in front, values their version.

use super::consumer_group_records::{TopicPartition, TopicPartitions};
use super::share_group_state::StateBatch;
use crate::protocol::wire::{NEVER, Uuid, wire};

wire! {
    /// Of which group which member.
    ShareGroupMemberMetadataKey(10, 10..=10, NEVER) {
        group_id: String,
        member_id: String,
    }

    /// A member and its subscription.
    ShareGroupMemberMetadataValue(10, 0..=0, 0) {
        rack_id: Option<String>,
        client_id: String,
        client_host: String,
        subscribed_topic_names: Vec<String>,
    }

    /// Which group this is the epoch of.
    ShareGroupMetadataKey(11, 11..=11, NEVER) {
        group_id: String,
    }

    /// The group's epoch, and a hash of the topics that it is about.
    ShareGroupMetadataValue(11, 0..=0, 0) {
        epoch: i32,
        metadata_hash: i64,
    }

    /// Which group's target assignment.
    ShareGroupTargetAssignmentMetadataKey(12, 12..=12, NEVER) {
        group_id: String,
    }

    /// The group epoch that the target assignment was computed for.
    ShareGroupTargetAssignmentMetadataValue(12, 0..=0, 0) {
        assignment_epoch: i32,
    }

    /// Of which group which member.
    ShareGroupTargetAssignmentMemberKey(13, 13..=13, NEVER) {
        group_id: String,
        member_id: String,
    }

    /// What a member shall have.
    ShareGroupTargetAssignmentMemberValue(13, 0..=0, 0) {
        topic_partitions: Vec<TopicPartition>,
    }

    /// Of which group which member.
    ShareGroupCurrentMemberAssignmentKey(14, 14..=14, NEVER) {
        group_id: String,
        member_id: String,
    }

    /// What a member has, and at which epoch.
    ShareGroupCurrentMemberAssignmentValue(14, 0..=0, 0) {
        member_epoch: i32,
        previous_member_epoch: i32,
        state: i8,
        assigned_partitions: Vec<TopicPartitions>,
    }

    /// Which group's share partitions.
    ShareGroupStatePartitionMetadataKey(15, 15..=15, NEVER) {
        group_id: String,
    }

    /// Which share partitions are being begun, which have a state, which are being forgotten.
    ShareGroupStatePartitionMetadataValue(15, 0..=0, 0) {
        initializing_topics: Vec<TopicPartitionsInfo>,
        initialized_topics: Vec<TopicPartitionsInfo>,
        deleting_topics: Vec<TopicInfo>,
    }

    TopicPartitionsInfo {
        topic_id: Uuid,
        topic_name: String,
        partitions: Vec<i32>,
        create_timestamp: i64,
    }

    TopicInfo {
        topic_id: Uuid,
        topic_name: String,
    }

    /// Of which share partition this is the whole state.
    ShareSnapshotKey(0, 0..=0, NEVER) {
        group_id: String,
        topic_id: Uuid,
        partition: i32,
    }

    /// The whole state of a share partition.
    ShareSnapshotValue(0, 0..=0, 0) {
        snapshot_epoch: i32,
        state_epoch: i32,
        leader_epoch: i32,
        start_offset: i64,
        create_timestamp: i64,
        write_timestamp: i64,
        state_batches: Vec<StateBatch>,
    }

    /// Of which share partition this is a change.
    ShareUpdateKey(1, 1..=1, NEVER) {
        group_id: String,
        topic_id: Uuid,
        partition: i32,
    }

    /// What changed since the last whole state.
    ShareUpdateValue(1, 0..=0, 0) {
        snapshot_epoch: i32,
        leader_epoch: i32,
        start_offset: i64,
        state_batches: Vec<StateBatch>,
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::protocol::wire::{Message, decode_prefixed, encode_prefixed};

    /// Written by hand from the published schemas: no oracle here knows them.
    fn check<M: Message>(version: i16, value: M, expected: &[u8]) {
        let bytes = encode_prefixed(version, &value).expect("encodes");
        assert_eq!(bytes, expected);
        assert_eq!(decode_prefixed(&bytes), Ok((version, value)));
    }

    #[test]
    fn records_lie_on_the_log_as_published() {
        let key = ShareSnapshotKey { group_id: "g".to_owned(), topic_id: Uuid([9; 16]), partition: 3 };
        check(0, key, &[b"\0\0\0\x01g".as_slice(), &[9; 16], b"\0\0\0\x03"].concat());
        let key = ShareUpdateKey { group_id: "g".to_owned(), topic_id: Uuid([9; 16]), partition: 3 };
        check(1, key, &[b"\0\x01\0\x01g".as_slice(), &[9; 16], b"\0\0\0\x03"].concat());
        let batch = StateBatch { first_offset: 4, last_offset: 6, delivery_state: 2, delivery_count: 1 };
        let update = ShareUpdateValue {
            snapshot_epoch: 1,
            leader_epoch: 2,
            start_offset: -1,
            state_batches: vec![batch],
        };
        let mut expected = b"\0\0\0\0\0\x01\0\0\0\x02\xff\xff\xff\xff\xff\xff\xff\xff\x02".to_vec();
        expected.extend(b"\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\x06\x02\0\x01\0\0");
        check(0, update, &expected);
        let value = ShareGroupMetadataValue { epoch: 5, metadata_hash: 1 };
        check(0, value, b"\0\0\0\0\0\x05\0\0\0\0\0\0\0\x01\0");
    }
}
