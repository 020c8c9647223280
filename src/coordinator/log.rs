//! The records of `__consumer_offsets`: what the coordinator writes and reads back.

use std::sync::Arc;

use bytes::Bytes;

use super::consumer::GroupChange;
use super::group::{CommittedOffset, Group, GroupState, Member};
use crate::base::SimTime;
use crate::protocol::TopicPartition;
use crate::protocol::messages::consumer_protocol::{self, ConsumerProtocolAssignment};
use crate::protocol::messages::group_records::{GroupMetadataKey, GroupRecordKey, MemberMetadata};
use crate::protocol::messages::group_records::{OffsetCommitKey, OffsetCommitValue};
use crate::protocol::wire::{WireError, decode_prefixed, encode_prefixed};

pub use crate::protocol::messages::group_records::GroupMetadataValue;

/// Key and value; no value is a tombstone.
pub(super) type Record = (Bytes, Option<Bytes>);

/// The versions in which Kafka 4.1 writes values.
const GROUP_METADATA_VERSION: i16 = 3;
const OFFSET_COMMIT_VERSION: i16 = 3;
/// The one version that can say when an offset expires.
const EXPIRING_OFFSET_COMMIT_VERSION: i16 = 1;

/// The group as it is now, with these assignments. Fails when a name is too long to write.
pub(super) fn group_record(
    group: &Group,
    assignments: &[(Arc<str>, Bytes)],
    now: SimTime,
) -> Result<Record, WireError> {
    let protocol = group.protocol_name.as_deref();
    let member = |member: &Member| {
        let assignment = assignments.iter().find(|(member_id, _)| *member_id == member.member_id);
        MemberMetadata {
            member_id: member.member_id.to_string(),
            group_instance_id: member.group_instance_id.as_deref().map(str::to_owned),
            client_id: member.client_id.to_string(),
            client_host: member.client_host.to_string(),
            rebalance_timeout: member.rebalance_timeout_ms,
            session_timeout: member.session_timeout_ms,
            subscription: member.metadata(protocol.unwrap_or_default()),
            assignment: assignment.map(|(_, assignment)| assignment.clone()).unwrap_or_default(),
        }
    };
    let value = GroupMetadataValue {
        protocol_type: group.protocol_type.as_deref().unwrap_or_default().to_owned(),
        generation: group.generation,
        protocol: protocol.map(str::to_owned),
        leader: group.leader.as_deref().map(str::to_owned),
        current_state_timestamp: now.unix_ms(),
        members: group.members.values().map(member).collect(),
    };
    Ok((group_key(&group.id)?, Some(encode_prefixed(GROUP_METADATA_VERSION, &value)?)))
}

pub(super) fn group_tombstone(group_id: &str) -> Result<Record, WireError> {
    Ok((group_key(group_id)?, None))
}

pub(super) fn offset_record(
    group_id: &str,
    at: &TopicPartition,
    offset: &CommittedOffset,
) -> Result<Record, WireError> {
    let value = OffsetCommitValue {
        offset: offset.offset,
        leader_epoch: offset.leader_epoch,
        metadata: offset.metadata.to_string(),
        commit_timestamp: offset.commit_timestamp_ms,
        expire_timestamp: offset.expire_timestamp_ms.unwrap_or(-1),
        ..OffsetCommitValue::default()
    };
    let expires = offset.expire_timestamp_ms.is_some();
    let version = if expires { EXPIRING_OFFSET_COMMIT_VERSION } else { OFFSET_COMMIT_VERSION };
    Ok((offset_key(group_id, at)?, Some(encode_prefixed(version, &value)?)))
}

pub(super) fn offset_tombstone(group_id: &str, at: &TopicPartition) -> Result<Record, WireError> {
    Ok((offset_key(group_id, at)?, None))
}

fn group_key(group_id: &str) -> Result<Bytes, WireError> {
    GroupRecordKey::GroupMetadata(GroupMetadataKey { group: group_id.to_owned() }).encode()
}

fn offset_key(group_id: &str, at: &TopicPartition) -> Result<Bytes, WireError> {
    let key =
        OffsetCommitKey { group: group_id.to_owned(), topic: at.topic.to_string(), partition: at.partition };
    GroupRecordKey::OffsetCommit(key).encode()
}

/// A record, read. Fails on what is no record of ours.
pub(super) enum Change {
    /// The group's state, or that it is gone.
    Group { group: Arc<str>, value: Option<GroupMetadataValue> },
    /// A committed offset, or that it is gone.
    Offset { group: Arc<str>, at: TopicPartition, value: Option<CommittedOffset> },
    /// Something of a group of the consumer protocol, or of a share group.
    Consumer { group: Arc<str>, change: GroupChange, is_share: bool },
}

pub(super) fn read(key: &Bytes, value: Option<&Bytes>) -> Result<Change, WireError> {
    match GroupRecordKey::decode(key)? {
        GroupRecordKey::GroupMetadata(key) => {
            let value = value.map(decode_prefixed::<GroupMetadataValue>).transpose()?;
            Ok(Change::Group { group: key.group.into(), value: value.map(|(_, value)| value) })
        }
        GroupRecordKey::OffsetCommit(key) => {
            let value = value.map(decode_prefixed::<OffsetCommitValue>).transpose()?;
            let value = value.map(|(_, value)| CommittedOffset {
                offset: value.offset,
                leader_epoch: value.leader_epoch,
                metadata: value.metadata.into(),
                commit_timestamp_ms: value.commit_timestamp,
                expire_timestamp_ms: Some(value.expire_timestamp).filter(|at| *at >= 0),
            });
            let at = TopicPartition::new(key.topic, key.partition);
            Ok(Change::Offset { group: key.group.into(), at, value })
        }
        key => GroupChange::read(key, value).map(|(group, change, is_share)| Change::Consumer {
            group,
            change,
            is_share,
        }),
    }
}

/// The live group that a stored one stands for.
#[inline(never)]
pub(super) fn restore(id: Arc<str>, value: &GroupMetadataValue, now: SimTime) -> Group {
    let mut group = Group::new(id, now);
    let some = |text: &str| Some(text).filter(|text| !text.is_empty()).map(Arc::from);
    group.generation = value.generation;
    group.protocol_type = some(&value.protocol_type);
    group.protocol_name = value.protocol.as_deref().map(Arc::from);
    for stored in &value.members {
        let rebalance = Some(stored.rebalance_timeout).filter(|&timeout| timeout >= 0);
        let member_id: Arc<str> = stored.member_id.as_str().into();
        let member = Member {
            member_id: member_id.clone(),
            group_instance_id: stored.group_instance_id.as_deref().map(Arc::from),
            client_id: stored.client_id.as_str().into(),
            client_host: stored.client_host.as_str().into(),
            session_timeout_ms: stored.session_timeout,
            rebalance_timeout_ms: rebalance.unwrap_or(stored.session_timeout),
            protocols: vec![(group.protocol_name.clone().unwrap_or_default(), stored.subscription.clone())],
            assignment: stored.assignment.clone(),
            is_new: false,
            join: None,
            sync: None,
        };
        group.members.insert(member_id, member);
    }
    let leader = value.leader.as_deref().map(Arc::from);
    group.leader = leader.filter(|leader| group.members.contains_key(leader));
    group.leader = group.leader.or_else(|| group.members.keys().next().cloned());
    if !group.members.is_empty() {
        group.state = GroupState::Stable;
    }
    group
}

/// The partitions in a consumer's assignment; none if it is something else.
pub(super) fn assigned_partitions(assignment: &Bytes) -> Vec<TopicPartition> {
    let Ok(decoded) = consumer_protocol::decode::<ConsumerProtocolAssignment>(assignment) else {
        return Vec::new();
    };
    let topics = decoded.assigned_partitions.into_iter();
    topics
        .flat_map(|assigned| {
            let topic: Arc<str> = assigned.topic.into();
            assigned.partitions.into_iter().map(move |p| TopicPartition::new(topic.clone(), p))
        })
        .collect()
}
