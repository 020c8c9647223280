//! The records of consumer groups: what is written and read back.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    ClassicMember, CurrentAssignment, MemberState, Partitions, ResolvedRegex, ShareTopics, Subscription,
};
use crate::base::Map;
use crate::coordinator::log::Record;
use crate::protocol::Uuid;
use crate::protocol::messages::consumer_group_records::*;
use crate::protocol::messages::group_records::GroupRecordKey;
use crate::protocol::wire::{Message, WireError, decode_prefixed, encode_prefixed};

/// What a record says of a group; no value is a tombstone.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::coordinator) enum GroupChange {
    /// The group's epoch and the hash of its topics.
    Epoch(Option<(i32, i64)>),
    /// The group's topics, as older brokers wrote them: nobody needs them.
    PartitionMetadata,
    /// A member.
    Member(Arc<str>, Option<Arc<Subscription>>),
    /// The epoch of the target assignment.
    TargetEpoch(Option<i32>),
    /// What a member shall have.
    Target(Arc<str>, Option<Arc<Partitions>>),
    /// What a member has.
    Current(Arc<str>, Option<CurrentAssignment>),
    /// Which partitions of a share group have a state.
    ShareTopics(Option<Arc<ShareTopics>>),
    /// What a regular expression stands for.
    Regex(Arc<str>, Option<Arc<ResolvedRegex>>),
}

impl GroupChange {
    /// The record. Fails when a name is too long to write.
    #[inline(never)]
    pub(super) fn encode(&self, group_id: &str) -> Result<Record, WireError> {
        let group_id = group_id.to_owned();
        let id = |id: &Arc<str>| id.to_string();
        let (key, value) = match self {
            GroupChange::Epoch(value) => (
                GroupRecordKey::ConsumerGroupMetadata(ConsumerGroupMetadataKey { group_id }),
                written(
                    value.map(|(epoch, metadata_hash)| ConsumerGroupMetadataValue { epoch, metadata_hash }),
                ),
            ),
            GroupChange::PartitionMetadata | GroupChange::ShareTopics(_) => (
                GroupRecordKey::ConsumerGroupPartitionMetadata(ConsumerGroupPartitionMetadataKey {
                    group_id,
                }),
                None,
            ),
            GroupChange::Member(member, value) => (
                GroupRecordKey::ConsumerGroupMemberMetadata(ConsumerGroupMemberMetadataKey {
                    group_id,
                    member_id: id(member),
                }),
                written(value.as_deref().map(subscription_value)),
            ),
            GroupChange::TargetEpoch(value) => {
                (
                    GroupRecordKey::ConsumerGroupTargetAssignmentMetadata(
                        ConsumerGroupTargetAssignmentMetadataKey { group_id },
                    ),
                    written(value.map(|assignment_epoch| ConsumerGroupTargetAssignmentMetadataValue {
                        assignment_epoch,
                    })),
                )
            }
            GroupChange::Target(member, value) => (
                GroupRecordKey::ConsumerGroupTargetAssignmentMember(ConsumerGroupTargetAssignmentMemberKey {
                    group_id,
                    member_id: id(member),
                }),
                written(value.as_deref().map(target_value)),
            ),
            GroupChange::Current(member, value) => (
                GroupRecordKey::ConsumerGroupCurrentMemberAssignment(
                    ConsumerGroupCurrentMemberAssignmentKey { group_id, member_id: id(member) },
                ),
                written(value.as_ref().map(current_value)),
            ),
            GroupChange::Regex(regex, value) => (
                GroupRecordKey::ConsumerGroupRegularExpression(ConsumerGroupRegularExpressionKey {
                    group_id,
                    regular_expression: id(regex),
                }),
                written(value.as_deref().map(regex_value)),
            ),
        };
        Ok((key.encode()?, value.transpose()?))
    }

    /// Whether it says that something is gone.
    pub(in crate::coordinator) fn is_tombstone(&self) -> bool {
        match self {
            GroupChange::Epoch(value) => value.is_none(),
            GroupChange::PartitionMetadata => true,
            GroupChange::Member(_, value) => value.is_none(),
            GroupChange::TargetEpoch(value) => value.is_none(),
            GroupChange::Target(_, value) => value.is_none(),
            GroupChange::Current(_, value) => value.is_none(),
            GroupChange::Regex(_, value) => value.is_none(),
            GroupChange::ShareTopics(value) => value.is_none(),
        }
    }

    /// What a record with this key says.
    #[inline(never)]
    pub(in crate::coordinator) fn read(
        key: GroupRecordKey,
        value: Option<&Bytes>,
    ) -> Result<(Arc<str>, GroupChange, bool), WireError> {
        let (group, change) = match &key {
            // Those of the classic protocol are read where they are written.
            GroupRecordKey::OffsetCommit(key) => (&key.group, GroupChange::PartitionMetadata),
            GroupRecordKey::GroupMetadata(key) => (&key.group, GroupChange::PartitionMetadata),
            GroupRecordKey::ConsumerGroupMetadata(key) => {
                let value = read::<ConsumerGroupMetadataValue>(value)?;
                let epoch = value.map(|value| (value.epoch, value.metadata_hash));
                (&key.group_id, GroupChange::Epoch(epoch))
            }
            GroupRecordKey::ConsumerGroupPartitionMetadata(key) => {
                (&key.group_id, GroupChange::PartitionMetadata)
            }
            GroupRecordKey::ConsumerGroupMemberMetadata(key) => {
                let value = read::<ConsumerGroupMemberMetadataValue>(value)?;
                let subscription = value.map(|value| Arc::new(subscription_of(value)));
                (&key.group_id, GroupChange::Member(shared(&key.member_id), subscription))
            }
            GroupRecordKey::ConsumerGroupTargetAssignmentMetadata(key) => {
                let value = read::<ConsumerGroupTargetAssignmentMetadataValue>(value)?;
                (&key.group_id, GroupChange::TargetEpoch(value.map(|value| value.assignment_epoch)))
            }
            GroupRecordKey::ConsumerGroupTargetAssignmentMember(key) => {
                let value = read::<ConsumerGroupTargetAssignmentMemberValue>(value)?;
                let each = |value: ConsumerGroupTargetAssignmentMemberValue| {
                    flat(value.topic_partitions.into_iter().map(|topic| (topic.topic_id, topic.partitions)))
                };
                let target = value.map(|value| Arc::new(each(value)));
                (&key.group_id, GroupChange::Target(shared(&key.member_id), target))
            }
            GroupRecordKey::ConsumerGroupCurrentMemberAssignment(key) => {
                let value = read::<ConsumerGroupCurrentMemberAssignmentValue>(value)?;
                (&key.group_id, GroupChange::Current(shared(&key.member_id), value.map(current_of)))
            }
            GroupRecordKey::ConsumerGroupRegularExpression(key) => {
                let value = read::<ConsumerGroupRegularExpressionValue>(value)?;
                let resolved = value.map(|value| {
                    Arc::new(ResolvedRegex {
                        topics: value.topics.into_iter().map(Arc::from).collect(),
                        version: value.version,
                        timestamp_ms: value.timestamp,
                    })
                });
                (&key.group_id, GroupChange::Regex(shared(&key.regular_expression), resolved))
            }
            _ => return GroupChange::read_shared(key, value),
        };
        Ok((shared(group), change, false))
    }
}

/// Partitions by topic, as messages have them.
pub(super) fn by_topic(partitions: &Partitions) -> Map<Uuid, Vec<i32>> {
    let mut topics: Map<Uuid, Vec<i32>> = Map::new();
    for (topic, partition) in partitions {
        topics.entry(*topic).or_default().push(*partition);
    }
    topics
}

/// The reverse.
pub(super) fn flat(topics: impl IntoIterator<Item = (Uuid, Vec<i32>)>) -> Partitions {
    let each = topics.into_iter();
    each.flat_map(|(topic, partitions)| partitions.into_iter().map(move |partition| (topic, partition)))
        .collect()
}

pub(super) fn written<M: Message>(value: Option<M>) -> Option<Result<Bytes, WireError>> {
    value.map(|value| encode_prefixed(0, &value))
}

pub(super) fn read<M: Message>(value: Option<&Bytes>) -> Result<Option<M>, WireError> {
    Ok(value.map(decode_prefixed::<M>).transpose()?.map(|(_, value)| value))
}

pub(super) fn shared(text: &str) -> Arc<str> {
    Arc::from(text)
}

fn subscription_value(from: &Subscription) -> ConsumerGroupMemberMetadataValue {
    let optional = |text: &Option<Arc<str>>| text.as_deref().map(str::to_owned);
    let classic = from.classic.as_ref().map(|classic| ClassicMemberMetadata {
        session_timeout_ms: classic.session_timeout_ms,
        supported_protocols: (classic.protocols.iter())
            .map(|(name, metadata)| ClassicProtocol { name: name.to_string(), metadata: metadata.clone() })
            .collect(),
    });
    ConsumerGroupMemberMetadataValue {
        instance_id: optional(&from.instance_id),
        rack_id: optional(&from.rack_id),
        client_id: from.client_id.to_string(),
        client_host: from.client_host.to_string(),
        subscribed_topic_names: from.topic_names.iter().map(|name| name.to_string()).collect(),
        subscribed_topic_regex: optional(&from.topic_regex),
        rebalance_timeout_ms: from.rebalance_timeout_ms,
        server_assignor: optional(&from.server_assignor),
        classic_member_metadata: classic,
    }
}

fn subscription_of(from: ConsumerGroupMemberMetadataValue) -> Subscription {
    let classic = from.classic_member_metadata.map(|classic| ClassicMember {
        session_timeout_ms: classic.session_timeout_ms,
        protocols: (classic.supported_protocols.into_iter())
            .map(|protocol| (protocol.name.into(), protocol.metadata))
            .collect(),
    });
    Subscription {
        instance_id: from.instance_id.map(Arc::from),
        rack_id: from.rack_id.map(Arc::from),
        client_id: from.client_id.into(),
        client_host: from.client_host.into(),
        topic_names: from.subscribed_topic_names.into_iter().map(Arc::from).collect(),
        topic_regex: from.subscribed_topic_regex.filter(|regex| !regex.is_empty()).map(Arc::from),
        rebalance_timeout_ms: from.rebalance_timeout_ms,
        server_assignor: from.server_assignor.map(Arc::from),
        classic,
    }
}

pub(super) fn target_value(target: &Partitions) -> ConsumerGroupTargetAssignmentMemberValue {
    let topic = |(topic_id, partitions)| TopicPartition { topic_id, partitions };
    ConsumerGroupTargetAssignmentMemberValue {
        topic_partitions: by_topic(target).into_iter().map(topic).collect(),
    }
}

fn current_value(from: &CurrentAssignment) -> ConsumerGroupCurrentMemberAssignmentValue {
    let topic = |(topic_id, partitions)| TopicPartitions { topic_id, partitions };
    let topics = |partitions: &Partitions| by_topic(partitions).into_iter().map(topic).collect();
    ConsumerGroupCurrentMemberAssignmentValue {
        member_epoch: from.member_epoch,
        previous_member_epoch: from.previous_member_epoch,
        state: from.state.code(),
        assigned_partitions: topics(&from.assigned),
        partitions_pending_revocation: topics(&from.revoking),
    }
}

fn current_of(from: ConsumerGroupCurrentMemberAssignmentValue) -> CurrentAssignment {
    let partitions = |topics: Vec<TopicPartitions>| {
        flat(topics.into_iter().map(|topic| (topic.topic_id, topic.partitions)))
    };
    CurrentAssignment {
        member_epoch: from.member_epoch,
        previous_member_epoch: from.previous_member_epoch,
        state: MemberState::from_code(from.state),
        assigned: partitions(from.assigned_partitions),
        revoking: partitions(from.partitions_pending_revocation),
    }
}

fn regex_value(from: &ResolvedRegex) -> ConsumerGroupRegularExpressionValue {
    ConsumerGroupRegularExpressionValue {
        topics: from.topics.iter().map(|topic| topic.to_string()).collect(),
        version: from.version,
        timestamp: from.timestamp_ms,
    }
}
