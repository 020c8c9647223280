//! The keys of `__consumer_offsets`, and the records of classic groups and of offsets. Keys have their record type in
//! front, values their version.

use bytes::Bytes;

use super::consumer_group_records::{
    ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupMemberMetadataKey, ConsumerGroupMetadataKey,
    ConsumerGroupPartitionMetadataKey, ConsumerGroupRegularExpressionKey,
    ConsumerGroupTargetAssignmentMemberKey, ConsumerGroupTargetAssignmentMetadataKey,
};
use super::share_group_records::{
    ShareGroupCurrentMemberAssignmentKey, ShareGroupMemberMetadataKey, ShareGroupMetadataKey,
    ShareGroupStatePartitionMetadataKey, ShareGroupTargetAssignmentMemberKey,
    ShareGroupTargetAssignmentMetadataKey,
};
use crate::protocol::wire::{NEVER, Reader, Uuid, Wire, WireError, WireFault, encode_prefixed, wire};

wire! {
    /// Of which partition a group has committed an offset.
    OffsetCommitKey(1, 0..=1, NEVER) {
        group: String,
        topic: String,
        partition: i32,
    }

    /// The committed offset.
    OffsetCommitValue(1, 0..=4, 4) {
        offset: i64,
        leader_epoch: i32 [3.., ignorable] = -1,
        metadata: String,
        commit_timestamp: i64,
        expire_timestamp: i64 [1..=1, ignorable] = -1,
        topic_id: Uuid [4.., tag 0, ignorable],
    }

    /// Which group this is the state of.
    GroupMetadataKey(2, 2..=2, NEVER) {
        group: String,
    }

    /// A group's state after a rebalance.
    GroupMetadataValue(2, 0..=4, 4) {
        protocol_type: String,
        generation: i32,
        protocol: Option<String>,
        leader: Option<String>,
        current_state_timestamp: i64 [2.., ignorable] = -1,
        members: Vec<MemberMetadata>,
    }

    MemberMetadata {
        member_id: String,
        group_instance_id: Option<String> [3.., ignorable] = None,
        client_id: String,
        client_host: String,
        rebalance_timeout: i32 [1.., ignorable] = -1,
        session_timeout: i32,
        subscription: Bytes,
        assignment: Bytes,
    }
}

macro_rules! keys {
    ($($(#[$meta:meta])* $name:ident($key:ident) = $type:literal $(| $older:literal)?;)*) => {
        /// What a record of `__consumer_offsets` is about.
        #[derive(Clone, Debug, PartialEq)]
        pub enum GroupRecordKey {
            $($(#[$meta])* $name($key),)*
        }

        impl GroupRecordKey {
            /// The record's key.
            pub fn encode(&self) -> Result<Bytes, WireError> {
                match self {
                    $(GroupRecordKey::$name(key) => encode_prefixed($type, key),)*
                }
            }

            /// Reads a record's key. Fails on the types that other kinds of groups use.
            pub fn decode(bytes: &Bytes) -> Result<Self, WireError> {
                let mut r = Reader::new(bytes, 0, false);
                match i16::get(&mut r) {
                    $($type $(| $older)? => {
                        let key = $key::get(&mut r);
                        r.finish(GroupRecordKey::$name(key))
                    })*
                    unknown => {
                        r.fail(WireFault::UnknownRecord(unknown));
                        r.finish(GroupRecordKey::OffsetCommit(OffsetCommitKey::default()))
                    }
                }
            }
        }
    };
}

keys! {
    /// A committed offset; the value is an [`OffsetCommitValue`].
    OffsetCommit(OffsetCommitKey) = 1 | 0;
    /// A classic group; the value is a [`GroupMetadataValue`].
    GroupMetadata(GroupMetadataKey) = 2;
    /// A consumer group's epoch.
    ConsumerGroupMetadata(ConsumerGroupMetadataKey) = 3;
    /// The topics of a consumer group, as brokers before 4.1 wrote them.
    ConsumerGroupPartitionMetadata(ConsumerGroupPartitionMetadataKey) = 4;
    /// A member of a consumer group.
    ConsumerGroupMemberMetadata(ConsumerGroupMemberMetadataKey) = 5;
    /// The epoch of a consumer group's target assignment.
    ConsumerGroupTargetAssignmentMetadata(ConsumerGroupTargetAssignmentMetadataKey) = 6;
    /// What a member of a consumer group shall have.
    ConsumerGroupTargetAssignmentMember(ConsumerGroupTargetAssignmentMemberKey) = 7;
    /// What a member of a consumer group has.
    ConsumerGroupCurrentMemberAssignment(ConsumerGroupCurrentMemberAssignmentKey) = 8;
    /// A member of a share group.
    ShareGroupMemberMetadata(ShareGroupMemberMetadataKey) = 10;
    /// A share group's epoch.
    ShareGroupMetadata(ShareGroupMetadataKey) = 11;
    /// The epoch of a share group's target assignment.
    ShareGroupTargetAssignmentMetadata(ShareGroupTargetAssignmentMetadataKey) = 12;
    /// What a member of a share group shall have.
    ShareGroupTargetAssignmentMember(ShareGroupTargetAssignmentMemberKey) = 13;
    /// What a member of a share group has.
    ShareGroupCurrentMemberAssignment(ShareGroupCurrentMemberAssignmentKey) = 14;
    /// Which share partitions of a share group have a state.
    ShareGroupStatePartitionMetadata(ShareGroupStatePartitionMetadataKey) = 15;
    /// A regular expression that a consumer group subscribes to, and the topics that it means.
    ConsumerGroupRegularExpression(ConsumerGroupRegularExpressionKey) = 16;
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn a_key_has_its_type_in_front() {
        let group = GroupRecordKey::GroupMetadata(GroupMetadataKey { group: "g".to_owned() });
        let bytes = group.encode().expect("encodes");
        assert_eq!(bytes, b"\0\x02\0\x01g".as_slice());
        assert_eq!(GroupRecordKey::decode(&bytes), Ok(group));

        let offset = OffsetCommitKey { group: "g".to_owned(), topic: "t".to_owned(), partition: 3 };
        let offset = GroupRecordKey::OffsetCommit(offset);
        let bytes = offset.encode().expect("encodes");
        assert_eq!(bytes, b"\0\x01\0\x01g\0\x01t\0\0\0\x03".as_slice());
        assert_eq!(GroupRecordKey::decode(&bytes), Ok(offset));
    }

    #[test]
    fn keys_of_consumer_groups_have_their_types() {
        let check = |key: GroupRecordKey, expected: &[u8]| {
            let bytes = key.encode().expect("encodes");
            assert_eq!(bytes, expected);
            assert_eq!(GroupRecordKey::decode(&bytes), Ok(key));
        };
        let (group_id, member_id) = ("g".to_owned(), "m".to_owned());
        let key = ConsumerGroupMetadataKey { group_id: group_id.clone() };
        check(GroupRecordKey::ConsumerGroupMetadata(key), b"\0\x03\0\x01g");
        let key = ConsumerGroupCurrentMemberAssignmentKey { group_id: group_id.clone(), member_id };
        check(GroupRecordKey::ConsumerGroupCurrentMemberAssignment(key), b"\0\x08\0\x01g\0\x01m");
        let key = ConsumerGroupRegularExpressionKey { group_id, regular_expression: "t.*".to_owned() };
        check(GroupRecordKey::ConsumerGroupRegularExpression(key), b"\0\x10\0\x01g\0\x03t.*");
    }

    #[test]
    fn other_groups_keys_are_unknown() {
        let error =
            GroupRecordKey::decode(&Bytes::from_static(b"\0\x11\0\x01g")).expect_err("of a streams group");
        assert_eq!(error.fault, WireFault::UnknownRecord(17));
    }
}
