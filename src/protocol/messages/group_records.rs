//! The records of `__consumer_offsets`, for classic groups. Keys have their record type in
//! front, values their version.

use bytes::Bytes;

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

/// What a record of `__consumer_offsets` is about.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupRecordKey {
    /// A committed offset; the value is an [`OffsetCommitValue`].
    OffsetCommit(OffsetCommitKey),
    /// A classic group; the value is a [`GroupMetadataValue`].
    GroupMetadata(GroupMetadataKey),
}

impl GroupRecordKey {
    /// The record's key.
    pub fn encode(&self) -> Result<Bytes, WireError> {
        match self {
            GroupRecordKey::OffsetCommit(key) => encode_prefixed(1, key),
            GroupRecordKey::GroupMetadata(key) => encode_prefixed(2, key),
        }
    }

    /// Reads a record's key. Fails on the types that other kinds of groups use.
    pub fn decode(bytes: &Bytes) -> Result<Self, WireError> {
        let mut r = Reader::new(bytes, 0, false);
        match i16::get(&mut r) {
            0 | 1 => {
                let key = OffsetCommitKey::get(&mut r);
                r.finish(GroupRecordKey::OffsetCommit(key))
            }
            2 => {
                let key = GroupMetadataKey::get(&mut r);
                r.finish(GroupRecordKey::GroupMetadata(key))
            }
            unknown => {
                r.fail(WireFault::UnknownApi(unknown));
                r.finish(GroupRecordKey::OffsetCommit(OffsetCommitKey::default()))
            }
        }
    }
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
    fn other_groups_keys_are_unknown() {
        let error =
            GroupRecordKey::decode(&Bytes::from_static(b"\0\x03\0\x01g")).expect_err("of a consumer group");
        assert_eq!(error.fault, WireFault::UnknownApi(3));
    }
}
