//! A classic group of consumers becomes a consumer group when the first member of the new protocol
//! joins, and a classic one again when the last of them is gone, while members work on
//! (`group.consumer.migration.policy`).
//!
//! Rule: KIP-848, *Migration*.

use std::sync::Arc;

use bytes::Bytes;

use super::draft::Draft;
use super::fence::not_a_consumer_group;
use super::heartbeat::Refusal;
use super::{ClassicMember, ConsumerMember, CurrentAssignment, GroupChange, Partitions, Subscription};
use crate::coordinator::group::{Group, GroupState, Member};
use crate::coordinator::log::{self, Change};
use crate::coordinator::members::sync_error;
use crate::coordinator::outcome::{CoordinatorTimer, GroupResponse};
use crate::coordinator::rebalance::{Work, join_error};
use crate::metadata::MetadataImage;
use crate::protocol::messages::consumer_protocol::{
    self, ConsumerProtocolAssignment, ConsumerProtocolSubscription, TopicPartition as ProtocolPartitions,
};
use crate::protocol::wire::{encode_prefixed, split_version};
use crate::protocol::{ErrorCode, Message, TopicPartition};
use crate::trace::Event;

/// The protocol type of consumers.
pub(super) const CONSUMER: &str = "consumer";

impl<'a> Work<'a> {
    /// The consumer group to decide on. Of a classic group it makes one, if that is allowed.
    #[inline(never)]
    pub(in crate::coordinator) fn consumer_draft(
        &self,
        slot: &Arc<Group>,
        is_joining: bool,
    ) -> Result<Draft<'a>, Refusal> {
        let mut draft = self.draft(slot);
        if slot.state == GroupState::Dead {
            let message = "The group is being deleted.";
            return Err(Refusal::new(ErrorCode::CoordinatorNotAvailable, message));
        }
        if slot.consumer().is_some() || slot.is_blank() {
            return Ok(draft);
        }
        if !is_joining || slot.share().is_some() {
            return Err(not_a_consumer_group(&slot.id));
        }
        if slot.state == GroupState::Empty {
            draft.write_classic_tombstone(slot)?;
            return Ok(draft);
        }
        let refuse = |why: &str| {
            let message =
                format!("Cannot upgrade classic group {} to consumer group because {why}.", slot.id);
            Refusal::new(ErrorCode::GroupIdNotFound, message)
        };
        if !self.config.consumer_migration_policy.upgrades() {
            return Err(refuse("online upgrade is disabled"));
        }
        if slot.protocol_type.as_deref() != Some(CONSUMER) {
            return Err(refuse("the group does not use the consumer embedded protocol"));
        }
        if slot.members.len() > usize::try_from(self.config.consumer_max_size).unwrap_or(0) {
            return Err(refuse("the group size exceeds the consumer group maximum size"));
        }
        draft.upgrade(slot, refuse)?;
        Ok(draft)
    }

    /// What the classic group had is no more: whoever waits is sent to join again.
    pub(super) fn leave_classic(&mut self, group: &mut Group) {
        let error = ErrorCode::RebalanceInProgress;
        for member in group.members.values_mut() {
            let (join, sync) = (member.join.take(), member.sync.take());
            if let Some(waiting) = join {
                let response = join_error(error, &member.member_id).for_version(waiting.api_version);
                self.out.replies.push((waiting.token, GroupResponse::JoinGroup(response)));
            }
            if let Some(waiting) = sync {
                self.out.replies.push((waiting.token, GroupResponse::SyncGroup(sync_error(error))));
            }
        }
        if group.state != GroupState::Empty {
            self.cancel(CoordinatorTimer::Join { group: group.id.clone() });
            self.cancel(CoordinatorTimer::Sync { group: group.id.clone() });
        }
        for member in &group.pending_members {
            let timer = CoordinatorTimer::Session { group: group.id.clone(), member: member.clone() };
            self.out.timers.push((timer, None));
        }
        let state = group.state;
        group.forget_classic(self.now);
        (group.state, group.protocol_type) = (state, Some(CONSUMER.into()));
    }

    /// The group did not become a consumer group after all. Whoever waited was told to join again.
    pub(super) fn again_classic(&mut self, group: &mut Group) {
        for member in group.members.values_mut() {
            (member.join, member.sync) = (None, None);
        }
        group.pending_members.clear();
        let (id, timeout_ms) = (group.id.clone(), group.rebalance_timeout_ms());
        match group.state {
            GroupState::CompletingRebalance => {
                self.prepare_rebalance(group, "it could not change its protocol")
            }
            GroupState::PreparingRebalance => {
                self.set_timer_in(CoordinatorTimer::Join { group: id }, timeout_ms);
            }
            _ => {}
        }
    }

    /// Whether the group goes back to the classic protocol when these are gone.
    pub(super) fn may_downgrade(&self, slot: &Group, leaving: &[Arc<str>]) -> bool {
        let Some(consumer) = slot.consumer() else { return false };
        let (gone, rest): (Vec<_>, Vec<_>) =
            consumer.members().partition(|member| leaving.contains(&member.member_id));
        gone.iter().any(|member| !member.is_classic())
            && !rest.is_empty()
            && rest.iter().all(|member| member.is_classic())
            && self.config.consumer_migration_policy.downgrades()
            && rest.len() <= usize::try_from(self.config.max_size).unwrap_or(0)
    }

    /// Makes a classic group of those in the draft, who rebalance at once.
    #[inline(never)]
    pub(super) fn downgrade(
        &mut self,
        slot: &mut Arc<Group>,
        draft: Draft<'_>,
        reply: Option<(u64, GroupResponse)>,
    ) -> Result<(), Refusal> {
        self.become_classic(slot, draft, reply)?;
        let reason = format!("group {} went back to the classic protocol", slot.id);
        self.prepare_rebalance(Arc::make_mut(slot), &reason);
        Ok(())
    }

    /// The same, as calm as they are.
    #[inline(never)]
    pub(super) fn become_classic(
        &mut self,
        slot: &mut Arc<Group>,
        mut draft: Draft<'_>,
        reply: Option<(u64, GroupResponse)>,
    ) -> Result<(), Refusal> {
        let before = Arc::clone(slot);
        let members: Vec<ConsumerMember> = draft.group.members().cloned().collect();
        let targets: Vec<Vec<TopicPartition>> =
            members.iter().map(|member| draft.named(draft.group.target(&member.member_id))).collect();
        let (epoch, from) = (draft.group.group_epoch, slot.state);
        draft.write_tombstones()?;
        let mut group = Group::clone(slot);
        group.consumer = None;
        group.forget_classic(self.now);
        group.generation = epoch;
        for (member, target) in members.iter().zip(&targets) {
            group.add(classic_member(member, target)?, CONSUMER.into());
        }
        group.protocol_name = group.select_protocol();
        group.state = GroupState::Stable;
        group.previous_state = from;
        let assignments: Vec<(Arc<str>, Bytes)> = group
            .members
            .values()
            .map(|member| (member.member_id.clone(), member.assignment.clone()))
            .collect();
        let unwritable = |error| Refusal::new(ErrorCode::UnknownServerError, error);
        let record = log::group_record(&group, &assignments, self.now).map_err(unwritable)?;
        if let Ok(Change::Group { value, .. }) = log::read(&record.0, record.1.as_ref()) {
            group.stored = value.map(Arc::new);
        }
        draft.records.push(record);
        *slot = Arc::new(group);
        let Draft { id, records, events, timers, .. } = draft;
        self.out.events.extend(events);
        self.out.timers.extend(timers);
        self.out.events.push(Event::GroupMigrated { group: id.clone(), from: CONSUMER, to: "classic" });
        if from != GroupState::Stable {
            let (to, generation) = (GroupState::Stable.name(), epoch);
            self.out.events.push(Event::GroupStateChanged { group: id, from: from.name(), to, generation });
        }
        let group = Arc::make_mut(slot);
        self.append_and_answer(group, before, records, reply);
        for member in group.members.values() {
            self.set_session(group, &member.member_id, member.session_timeout_ms);
        }
        Ok(())
    }
}

impl Draft<'_> {
    fn write_classic_tombstone(&mut self, group: &Group) -> Result<(), Refusal> {
        let tombstone = log::group_tombstone(&group.id);
        self.records.push(tombstone.map_err(|error| Refusal::new(ErrorCode::UnknownServerError, error))?);
        Ok(())
    }

    /// Everybody in the classic group, with what it has, becomes a member at the group's generation.
    #[inline(never)]
    fn upgrade(&mut self, group: &Group, refuse: impl Fn(&str) -> Refusal) -> Result<(), Refusal> {
        self.write_classic_tombstone(group)?;
        let epoch = group.generation;
        let malformed = || refuse("the embedded consumer protocol is malformed");
        let mut members = Vec::new();
        for member in group.members.values() {
            let chosen = group.protocol_name.as_deref().map(|name| member.metadata(name));
            let first = || member.protocols.first().map(|(_, metadata)| metadata.clone());
            let metadata = chosen.filter(|metadata| !metadata.is_empty()).or_else(first).unwrap_or_default();
            let subscribed = consumer_protocol::decode::<ConsumerProtocolSubscription>(&metadata);
            let subscribed = subscribed.map_err(|_| malformed())?;
            let assigned = match member.assignment.is_empty() {
                true => ConsumerProtocolAssignment::default(),
                false => consumer_protocol::decode(&member.assignment).map_err(|_| malformed())?,
            };
            if assigned.user_data.is_some_and(|data| !data.is_empty()) {
                return Err(refuse(
                    "an unsupported custom assignor is in use. Please refer to the documentation or switch to a \
                     default assignor before re-attempting the upgrade",
                ));
            }
            members.push((member, subscribed, ids(self.image, assigned.assigned_partitions)));
        }
        for (member, subscribed, _) in &members {
            let wants = Subscription {
                instance_id: member.group_instance_id.clone(),
                rebalance_timeout_ms: member.rebalance_timeout_ms,
                client_id: member.client_id.clone(),
                client_host: member.client_host.clone(),
                classic: Some(ClassicMember {
                    session_timeout_ms: member.session_timeout_ms,
                    protocols: member.protocols.clone(),
                }),
                ..subscribed_to(subscribed)
            };
            self.write(GroupChange::Member(member.member_id.clone(), Some(Arc::new(wants))))?;
        }
        self.write(GroupChange::Epoch(Some((epoch, 0))))?;
        for (member, _, assigned) in &members {
            self.write(GroupChange::Target(member.member_id.clone(), Some(Arc::new(assigned.clone()))))?;
        }
        self.write(GroupChange::TargetEpoch(Some(epoch)))?;
        for (member, _, assigned) in members {
            let (member_epoch, previous_member_epoch) = (epoch, epoch);
            let current = CurrentAssignment {
                member_epoch,
                previous_member_epoch,
                assigned,
                ..CurrentAssignment::default()
            };
            self.write(GroupChange::Current(member.member_id.clone(), Some(current)))?;
            self.keep_alive(&member.member_id);
        }
        self.events.push(Event::GroupMigrated { group: self.id.clone(), from: "classic", to: CONSUMER });
        Ok(())
    }

    /// Nothing of the consumer group remains.
    #[inline(never)]
    pub(in crate::coordinator) fn write_tombstones(&mut self) -> Result<(), Refusal> {
        let members: Vec<Arc<str>> = self.group.members.keys().cloned().collect();
        for member in &members {
            self.timers.extend(super::fence::timers_of(&self.id, member).map(|timer| (timer, None)));
            self.write(GroupChange::Current(member.clone(), None))?;
        }
        for member in &members {
            self.write(GroupChange::Target(member.clone(), None))?;
        }
        self.write(GroupChange::TargetEpoch(None))?;
        for member in members {
            self.write(GroupChange::Member(member, None))?;
        }
        self.forget_regexes()?;
        if self.group.is_share {
            self.write(GroupChange::ShareTopics(None))?;
        }
        self.write(GroupChange::Epoch(None))
    }
}

/// What a member's embedded subscription says that it wants.
pub(super) fn subscribed_to(subscribed: &ConsumerProtocolSubscription) -> Subscription {
    Subscription {
        rack_id: subscribed.rack_id.as_deref().filter(|rack| !rack.is_empty()).map(Arc::from),
        topic_names: subscribed.topics.iter().map(|topic| Arc::from(topic.as_str())).collect(),
        ..Subscription::default()
    }
}

/// Partitions by topic id, as far as the topics exist.
pub(super) fn ids(image: &MetadataImage, topics: Vec<ProtocolPartitions>) -> Partitions {
    let known =
        |topic: ProtocolPartitions| Some((image.topics.get(topic.topic.as_str())?.id, topic.partitions));
    super::records::flat(topics.into_iter().filter_map(known))
}

/// An assignment as consumers of the classic protocol read it, in the version of their subscription.
pub(super) fn embedded(partitions: &[TopicPartition], subscription: &Bytes) -> Result<Bytes, Refusal> {
    let mut topics: Vec<ProtocolPartitions> = Vec::new();
    for at in partitions {
        match topics.last_mut() {
            Some(topic) if *topic.topic == *at.topic => topic.partitions.push(at.partition),
            _ => topics
                .push(ProtocolPartitions { topic: at.topic.to_string(), partitions: vec![at.partition] }),
        }
    }
    let newest = *ConsumerProtocolAssignment::VERSIONS.end();
    let version = split_version(subscription).map_or(0, |(version, _)| version.clamp(0, newest));
    let assignment = ConsumerProtocolAssignment { assigned_partitions: topics, user_data: None };
    encode_prefixed(version, &assignment).map_err(|error| Refusal::new(ErrorCode::UnknownServerError, error))
}

fn classic_member(from: &ConsumerMember, target: &[TopicPartition]) -> Result<Member, Refusal> {
    let classic = from.subscription.classic.clone().unwrap_or_default();
    let subscription = classic.protocols.first().map(|(_, metadata)| metadata.clone()).unwrap_or_default();
    Ok(Member {
        member_id: from.member_id.clone(),
        group_instance_id: from.subscription.instance_id.clone(),
        client_id: from.subscription.client_id.clone(),
        client_host: from.subscription.client_host.clone(),
        session_timeout_ms: classic.session_timeout_ms,
        rebalance_timeout_ms: from.subscription.rebalance_timeout_ms,
        protocols: classic.protocols,
        assignment: embedded(target, &subscription)?,
        is_new: false,
        join: None,
        sync: None,
    })
}
