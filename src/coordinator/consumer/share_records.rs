//! The records of share groups: the same changes as of consumer groups, under keys of their own.

use std::sync::Arc;

use bytes::Bytes;

use super::records::{by_topic, flat, read, shared, target_value, written};
use super::{CurrentAssignment, GroupChange, MemberState, Partitions, ShareTopics, Subscription};
use crate::coordinator::log::Record;
use crate::protocol::messages::consumer_group_records::{TopicPartition, TopicPartitions};
use crate::protocol::messages::group_records::GroupRecordKey;
use crate::protocol::messages::share_group_records::*;
use crate::protocol::wire::WireError;

impl GroupChange {
    /// The record of a share group. Fails when a name is too long to write.
    #[inline(never)]
    pub(super) fn encode_shared(&self, group_id: &str) -> Result<Record, WireError> {
        let group_id = group_id.to_owned();
        let (key, value) = match self {
            GroupChange::Epoch(value) => {
                let value =
                    value.map(|(epoch, metadata_hash)| ShareGroupMetadataValue { epoch, metadata_hash });
                (GroupRecordKey::ShareGroupMetadata(ShareGroupMetadataKey { group_id }), written(value))
            }
            GroupChange::Member(member, value) => {
                let key = ShareGroupMemberMetadataKey { group_id, member_id: member.to_string() };
                let value = written(value.as_deref().map(subscription_value));
                (GroupRecordKey::ShareGroupMemberMetadata(key), value)
            }
            GroupChange::TargetEpoch(value) => {
                let key = ShareGroupTargetAssignmentMetadataKey { group_id };
                let value = value
                    .map(|assignment_epoch| ShareGroupTargetAssignmentMetadataValue { assignment_epoch });
                (GroupRecordKey::ShareGroupTargetAssignmentMetadata(key), written(value))
            }
            GroupChange::Target(member, value) => {
                let key = ShareGroupTargetAssignmentMemberKey { group_id, member_id: member.to_string() };
                let value = value.as_deref().map(|target| ShareGroupTargetAssignmentMemberValue {
                    topic_partitions: target_value(target).topic_partitions,
                });
                (GroupRecordKey::ShareGroupTargetAssignmentMember(key), written(value))
            }
            GroupChange::Current(member, value) => {
                let key = ShareGroupCurrentMemberAssignmentKey { group_id, member_id: member.to_string() };
                let value = written(value.as_ref().map(current_value));
                (GroupRecordKey::ShareGroupCurrentMemberAssignment(key), value)
            }
            GroupChange::ShareTopics(value) => {
                let key = ShareGroupStatePartitionMetadataKey { group_id };
                let value = written(value.as_deref().map(ShareTopics::to_value));
                (GroupRecordKey::ShareGroupStatePartitionMetadata(key), value)
            }
            // Share groups have neither; should one be written all the same, it says nothing.
            GroupChange::PartitionMetadata | GroupChange::Regex(..) => {
                let key = ShareGroupStatePartitionMetadataKey { group_id };
                (GroupRecordKey::ShareGroupStatePartitionMetadata(key), None)
            }
        };
        Ok((key.encode()?, value.transpose()?))
    }

    /// What a record with this key says of a share group.
    #[inline(never)]
    pub(super) fn read_shared(
        key: GroupRecordKey,
        value: Option<&Bytes>,
    ) -> Result<(Arc<str>, GroupChange, bool), WireError> {
        let (group, change) = match &key {
            GroupRecordKey::ShareGroupMetadata(key) => {
                let value = read::<ShareGroupMetadataValue>(value)?;
                (&key.group_id, GroupChange::Epoch(value.map(|value| (value.epoch, value.metadata_hash))))
            }
            GroupRecordKey::ShareGroupMemberMetadata(key) => {
                let value = read::<ShareGroupMemberMetadataValue>(value)?;
                let subscription = value.map(|value| Arc::new(subscription_of(value)));
                (&key.group_id, GroupChange::Member(shared(&key.member_id), subscription))
            }
            GroupRecordKey::ShareGroupTargetAssignmentMetadata(key) => {
                let value = read::<ShareGroupTargetAssignmentMetadataValue>(value)?;
                (&key.group_id, GroupChange::TargetEpoch(value.map(|value| value.assignment_epoch)))
            }
            GroupRecordKey::ShareGroupTargetAssignmentMember(key) => {
                let value = read::<ShareGroupTargetAssignmentMemberValue>(value)?;
                let partitions = |topics: Vec<TopicPartition>| {
                    flat(topics.into_iter().map(|topic| (topic.topic_id, topic.partitions)))
                };
                let target = value.map(|value| Arc::new(partitions(value.topic_partitions)));
                (&key.group_id, GroupChange::Target(shared(&key.member_id), target))
            }
            GroupRecordKey::ShareGroupCurrentMemberAssignment(key) => {
                let value = read::<ShareGroupCurrentMemberAssignmentValue>(value)?;
                (&key.group_id, GroupChange::Current(shared(&key.member_id), value.map(current_of)))
            }
            GroupRecordKey::ShareGroupStatePartitionMetadata(key) => {
                let value = read::<ShareGroupStatePartitionMetadataValue>(value)?;
                let topics = value.map(|value| Arc::new(ShareTopics::of_value(value)));
                (&key.group_id, GroupChange::ShareTopics(topics))
            }
            // Those of other groups are read elsewhere.
            _ => return Ok((Arc::from(""), GroupChange::PartitionMetadata, true)),
        };
        Ok((shared(group), change, true))
    }
}

fn subscription_value(from: &Subscription) -> ShareGroupMemberMetadataValue {
    ShareGroupMemberMetadataValue {
        rack_id: from.rack_id.as_deref().map(str::to_owned),
        client_id: from.client_id.to_string(),
        client_host: from.client_host.to_string(),
        subscribed_topic_names: from.topic_names.iter().map(|name| name.to_string()).collect(),
    }
}

fn subscription_of(from: ShareGroupMemberMetadataValue) -> Subscription {
    Subscription {
        rack_id: from.rack_id.map(Arc::from),
        client_id: from.client_id.into(),
        client_host: from.client_host.into(),
        topic_names: from.subscribed_topic_names.into_iter().map(Arc::from).collect(),
        rebalance_timeout_ms: -1,
        ..Subscription::default()
    }
}

fn current_value(from: &CurrentAssignment) -> ShareGroupCurrentMemberAssignmentValue {
    let topic = |(topic_id, partitions)| TopicPartitions { topic_id, partitions };
    ShareGroupCurrentMemberAssignmentValue {
        member_epoch: from.member_epoch,
        previous_member_epoch: from.previous_member_epoch,
        state: from.state.code(),
        assigned_partitions: by_topic(&from.assigned).into_iter().map(topic).collect(),
    }
}

fn current_of(from: ShareGroupCurrentMemberAssignmentValue) -> CurrentAssignment {
    let topics = from.assigned_partitions.into_iter();
    CurrentAssignment {
        member_epoch: from.member_epoch,
        previous_member_epoch: from.previous_member_epoch,
        state: MemberState::from_code(from.state),
        assigned: flat(topics.map(|topic| (topic.topic_id, topic.partitions))),
        revoking: Partitions::new(),
    }
}
