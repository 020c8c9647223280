//! What members tell their leader with JoinGroup, and what the leader makes of it.
//!
//! Rules: `ConsumerProtocol` and the assignors' user data; owned partitions since version 1
//! (KIP-429), the generation since 2 (KIP-792), the rack since 3 (KIP-881).

use std::sync::Arc;

use bytes::Bytes;

use super::membership::Membership;
use super::{Consumer, ConsumerTimer, TopicPartition};
use crate::assignor::{AssignorKind, Member, Topic, Topics};
use crate::base::{Map, Set};
use crate::client::metadata_cache::{MetadataCache, PartitionMetadata};
use crate::protocol::Message;
use crate::protocol::messages::consumer_protocol::{
    self, ConsumerProtocolAssignment, ConsumerProtocolSubscription, CooperativeStickyUserData,
    StickyUserData, TopicPartition as TopicPartitions,
};
use crate::protocol::messages::join_group::JoinGroupResponseMember;
use crate::protocol::messages::sync_group::SyncGroupRequestAssignment;
use crate::protocol::wire::{WireError, encode_prefixed};
use crate::trace::Ctx;

/// The version in which Kafka 4.1's clients write subscriptions and assignments.
const CONSUMER_PROTOCOL_VERSION: i16 = 3;

/// The metadata that a member sends for one of its assignors.
pub(super) fn subscription_metadata<'a>(
    kind: AssignorKind,
    topics: &[Arc<str>],
    owned: impl Iterator<Item = &'a TopicPartition>,
    membership: &Membership,
    rack: Option<&str>,
) -> Result<Bytes, WireError> {
    let topics: Set<&Arc<str>> = topics.iter().collect();
    let subscription = ConsumerProtocolSubscription {
        topics: topics.iter().map(ToString::to_string).collect(),
        user_data: user_data(kind, membership)?,
        owned_partitions: grouped(owned.cloned()),
        generation_id: membership.generation,
        rack_id: rack.map(str::to_owned),
    };
    encode_prefixed(CONSUMER_PROTOCOL_VERSION, &subscription)
}

/// What an assignor adds by itself: the sticky ones remember, since the eager protocol takes
/// everything away before the group's leader is told.
fn user_data(kind: AssignorKind, membership: &Membership) -> Result<Option<Bytes>, WireError> {
    match (kind, &membership.last_assigned) {
        (AssignorKind::Sticky, Some((partitions, generation))) => {
            let previous_assignment = grouped(partitions.iter().cloned());
            StickyUserData { previous_assignment, generation: *generation }.encode(1).map(Some)
        }
        (AssignorKind::CooperativeSticky, _) => {
            CooperativeStickyUserData { generation: membership.generation }.encode(0).map(Some)
        }
        _ => Ok(None),
    }
}

impl Consumer {
    /// The leader's work: hands out the partitions of all topics that anybody subscribes to.
    #[inline(never)]
    pub(super) fn assign(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        kind: AssignorKind,
        members: &[JoinGroupResponseMember],
    ) -> Vec<SyncGroupRequestAssignment> {
        let members: Vec<Member> = members.iter().map(|described| member(kind, described)).collect();
        self.watch_topics(ctx, &members);
        let assignment = kind.assign(&self.membership.handed_out, &members);
        let encoded = assignment.into_iter().map(|(member_id, partitions)| SyncGroupRequestAssignment {
            member_id: member_id.to_string(),
            assignment: encode_assignment(partitions),
        });
        encoded.collect()
    }

    /// A static leader is back: what was handed out stays as it is, until the metadata change (KIP-814).
    #[inline(never)]
    pub(super) fn leave_assigned(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        kind: AssignorKind,
        members: &[JoinGroupResponseMember],
    ) -> Vec<SyncGroupRequestAssignment> {
        let members: Vec<Member> = members.iter().map(|described| member(kind, described)).collect();
        self.watch_topics(ctx, &members);
        Vec::new()
    }

    /// From now on, a change of the members' topics is a reason for a new assignment.
    fn watch_topics(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, members: &[Member]) {
        let topics: Set<Arc<str>> = members.iter().flat_map(|it| it.topics.iter().cloned()).collect();
        self.want_topics(ctx, topics.iter().cloned());
        self.membership.handed_out = self.topics_now(topics);
    }

    /// These topics as the metadata show them now.
    pub(super) fn topics_now(&self, names: Set<Arc<str>>) -> Topics {
        let metadata = self.network.metadata();
        names.into_iter().map(|name| (name.clone(), topic(metadata, &name))).collect()
    }
}

fn topic(metadata: &MetadataCache, name: &str) -> Topic {
    let Some(topic) = metadata.topic(name) else { return Topic::default() };
    let rack = |id: &i32| metadata.brokers().get(id)?.rack.clone();
    let racks = |it: &PartitionMetadata| it.replicas.iter().filter_map(rack).collect::<Vec<_>>();
    let racks: Vec<Vec<Arc<str>>> = topic.partitions.values().map(racks).collect();
    let is_known = racks.iter().any(|racks| !racks.is_empty());
    Topic {
        partitions: i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX),
        racks: if is_known { racks } else { Vec::new() },
    }
}

/// A member as its subscription describes it; one that cannot be read subscribes to nothing.
fn member(kind: AssignorKind, described: &JoinGroupResponseMember) -> Member {
    let subscription = consumer_protocol::decode::<ConsumerProtocolSubscription>(&described.metadata);
    let subscription = subscription.unwrap_or_default();
    let (owned, generation) = match kind {
        AssignorKind::Sticky => previous(subscription.user_data.as_ref()),
        _ => {
            let mut generation = subscription.generation_id;
            if generation < 0
                && let Some(bytes) = &subscription.user_data
                && let Ok(user_data) = CooperativeStickyUserData::decode(bytes, 0)
            {
                generation = user_data.generation;
            }
            (subscription.owned_partitions, generation)
        }
    };
    Member {
        member_id: described.member_id.as_str().into(),
        group_instance_id: described.group_instance_id.as_deref().map(Arc::from),
        rack: subscription.rack_id.map(Arc::from),
        topics: subscription.topics.into_iter().map(Arc::from).collect(),
        owned: flatten(owned),
        generation,
    }
}

/// The sticky assignor's user data: version 0 had no generation.
fn previous(user_data: Option<&Bytes>) -> (Vec<TopicPartitions>, i32) {
    let Some(bytes) = user_data else { return (Vec::new(), -1) };
    let read = StickyUserData::decode(bytes, 1).or_else(|_| StickyUserData::decode(bytes, 0));
    read.map_or((Vec::new(), -1), |read| (read.previous_assignment, read.generation))
}

fn encode_assignment(partitions: Vec<TopicPartition>) -> Bytes {
    let assignment =
        ConsumerProtocolAssignment { assigned_partitions: grouped(partitions.into_iter()), user_data: None };
    // Topic names came out of a subscription: they are as short as they have to be.
    encode_prefixed(CONSUMER_PROTOCOL_VERSION, &assignment).unwrap_or_default()
}

fn grouped(partitions: impl Iterator<Item = TopicPartition>) -> Vec<TopicPartitions> {
    let mut topics: Map<Arc<str>, Vec<i32>> = Map::new();
    for at in partitions {
        topics.entry(at.topic).or_default().push(at.partition);
    }
    let topic = |(topic, partitions): (Arc<str>, _)| TopicPartitions { topic: topic.to_string(), partitions };
    topics.into_iter().map(topic).collect()
}

pub(super) fn flatten(topics: Vec<TopicPartitions>) -> Vec<TopicPartition> {
    let topic = |assigned: TopicPartitions| {
        let topic: Arc<str> = assigned.topic.into();
        assigned.partitions.into_iter().map(move |partition| TopicPartition::new(topic.clone(), partition))
    };
    topics.into_iter().flat_map(topic).collect()
}
