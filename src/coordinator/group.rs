//! One group of the classic protocol, as data: who is in it and what state it is in. What
//! happens when is decided next door; here nothing has effects.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use crate::base::{Map, Set, SimTime};
use crate::protocol::TopicPartition;
use crate::protocol::messages::join_group::JoinGroupResponseMember;

use super::consumer::ConsumerGroup;
use super::log::{self, GroupMetadataValue};
use super::outcome::{GroupResponse, ShareAsk};

/// The state of a group.
///
/// | from | when | to |
/// | --- | --- | --- |
/// | Empty | a member joins | PreparingRebalance |
/// | PreparingRebalance | all members have joined again, or time is up | CompletingRebalance |
/// | PreparingRebalance | time is up and nobody is left | Empty |
/// | CompletingRebalance | the leader's assignments are committed to the log | Stable |
/// | CompletingRebalance | a member joins, leaves or goes silent, or the append failed | PreparingRebalance |
/// | Stable | a member joins, leaves, goes silent or changes its metadata; the leader joins again | PreparingRebalance |
/// | Empty | the group is deleted, or its last offset expires | Dead |
/// | Dead | the deletion failed | Empty |
///
/// A group of the consumer protocol is Empty, Assigning, Reconciling or Stable; see
/// [`ConsumerGroup::state`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum GroupState {
    /// No members; perhaps offsets.
    Empty,
    /// Waits for members to join.
    PreparingRebalance,
    /// Waits for the leader's assignments.
    CompletingRebalance,
    /// Every member knows what is its own.
    Stable,
    /// Being deleted.
    Dead,
    /// Of the consumer protocol: its target assignment is not computed yet.
    Assigning,
    /// Of the consumer protocol: members are on their way to the target assignment.
    Reconciling,
}

impl GroupState {
    /// Kafka's name of the state.
    pub fn name(self) -> &'static str {
        match self {
            GroupState::Empty => "Empty",
            GroupState::PreparingRebalance => "PreparingRebalance",
            GroupState::CompletingRebalance => "CompletingRebalance",
            GroupState::Stable => "Stable",
            GroupState::Dead => "Dead",
            GroupState::Assigning => "Assigning",
            GroupState::Reconciling => "Reconciling",
        }
    }

    /// Whether the table above has this transition.
    pub fn may_become(self, next: GroupState) -> bool {
        use GroupState::*;
        matches!(
            (self, next),
            (Empty | CompletingRebalance | Stable, PreparingRebalance)
                | (PreparingRebalance, CompletingRebalance | Empty)
                | (CompletingRebalance, Stable)
                | (Empty, Dead)
                | (Dead, Empty)
        )
    }
}

impl fmt::Display for GroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A parked request: what is needed to answer it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) token: u64,
    pub(super) api_version: i16,
}

/// An answer that waits until records are committed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parked {
    pub(super) written: u64,
    /// When whoever waits has waited long enough.
    pub(super) deadline: SimTime,
    pub(super) token: u64,
    pub(super) response: GroupResponse,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The id that the coordinator gave it.
    pub member_id: Arc<str>,
    /// `group.instance.id` of a static member.
    pub group_instance_id: Option<Arc<str>>,
    /// `client.id`.
    pub client_id: Arc<str>,
    /// Where it last joined from.
    pub client_host: Arc<str>,
    /// How long it may be silent.
    pub session_timeout_ms: i32,
    /// How long the others wait for it in a rebalance.
    pub rebalance_timeout_ms: i32,
    /// The protocols it supports, the preferred first, each with the member's metadata.
    pub protocols: Vec<(Arc<str>, Bytes)>,
    /// Its assignment, as the leader encoded it.
    pub assignment: Bytes,
    /// It has not finished its first rebalance.
    pub(super) is_new: bool,
    pub(super) join: Option<Waiting>,
    pub(super) sync: Option<Waiting>,
}

impl Member {
    /// The partitions assigned to it, if its assignment is a consumer's.
    pub fn assigned_partitions(&self) -> Vec<TopicPartition> {
        log::assigned_partitions(&self.assignment)
    }

    /// Whether its JoinGroup or SyncGroup is parked.
    pub fn is_waiting(&self) -> bool {
        self.join.is_some() || self.sync.is_some()
    }

    pub(super) fn metadata(&self, protocol: &str) -> Bytes {
        let found = self.protocols.iter().find(|(name, _)| **name == *protocol);
        found.map(|(_, metadata)| metadata.clone()).unwrap_or_default()
    }
}

/// A committed offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The next record to read.
    pub offset: i64,
    /// Leader epoch of the last record read, −1 if unknown.
    pub leader_epoch: i32,
    /// Whatever the consumer wanted to remember.
    pub metadata: Arc<str>,
    /// When, in milliseconds.
    pub commit_timestamp_ms: i64,
    /// Until when it is kept, in milliseconds, if the commit said so (until version 4).
    pub expire_timestamp_ms: Option<i64>,
}

/// A group.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub(super) id: Arc<str>,
    pub(super) state: GroupState,
    pub(super) previous_state: GroupState,
    pub(super) state_since: SimTime,
    pub(super) generation: i32,
    pub(super) protocol_type: Option<Arc<str>>,
    pub(super) protocol_name: Option<Arc<str>>,
    pub(super) leader: Option<Arc<str>>,
    pub(super) members: Map<Arc<str>, Member>,
    /// Ids given out with MEMBER_ID_REQUIRED to whoever has not come back yet.
    pub(super) pending_members: Set<Arc<str>>,
    /// Who has not yet asked for the assignment of this generation.
    pub(super) pending_sync: Set<Arc<str>>,
    /// Somebody came while the first rebalance was being delayed.
    pub(super) new_member_added: bool,
    /// The first rebalance is being delayed: this step and what may still follow, in ms.
    pub(super) initial_delay: Option<(i32, i32)>,
    /// What the log says last of the group.
    pub(super) stored: Option<Arc<GroupMetadataValue>>,
    pub(super) offsets: Arc<Map<TopicPartition, CommittedOffset>>,
    /// What it is, when it is a group of the consumer protocol or a share group.
    pub(super) consumer: Option<Arc<ConsumerGroup>>,
    /// How often records of the consumer protocol were appended.
    pub(super) written: u64,
    /// Up to which of these it is known what became of them.
    pub(super) settled: u64,
    pub(super) parked: Vec<Parked>,
    /// What the share coordinator is to be asked, each when the records up to a number are committed.
    pub(super) asks: Vec<(u64, ShareAsk)>,
    /// What it was before records of the consumer protocol that are not committed yet, the oldest
    /// first, each with its number.
    pub(super) before: Vec<(u64, Arc<Group>)>,
}

impl Group {
    /// `group.id`.
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// Its state.
    pub fn state(&self) -> GroupState {
        self.state
    }

    /// How often it has been rebalanced; of a consumer group, its epoch.
    pub fn generation(&self) -> i32 {
        self.consumer.as_ref().map_or(self.generation, |consumer| consumer.group_epoch())
    }

    /// The group of the consumer protocol that it is, if it is one (KIP-848).
    pub fn consumer(&self) -> Option<&ConsumerGroup> {
        self.consumer.as_deref().filter(|group| !group.is_share())
    }

    /// The share group that it is, if it is one (KIP-932).
    pub fn share(&self) -> Option<&ConsumerGroup> {
        self.consumer.as_deref().filter(|group| group.is_share())
    }

    /// `consumer` for consumers.
    pub fn protocol_type(&self) -> Option<&str> {
        self.protocol_type.as_deref()
    }

    /// The protocol (assignor) that the members' votes chose.
    pub fn protocol_name(&self) -> Option<&str> {
        self.protocol_name.as_deref()
    }

    /// The member that computes assignments.
    pub fn leader(&self) -> Option<&str> {
        self.leader.as_deref()
    }

    /// The members, by id; those of a consumer group are [there](Group::consumer).
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    /// The member with this id.
    pub fn member(&self, member_id: &str) -> Option<&Member> {
        self.members.get(member_id)
    }

    /// Committed offsets.
    pub fn offsets(&self) -> &Map<TopicPartition, CommittedOffset> {
        &self.offsets
    }

    /// What the log says last of the group, if it says anything.
    pub fn stored(&self) -> Option<&GroupMetadataValue> {
        self.stored.as_deref()
    }

    /// The group as what is committed has it: who asks about it is told no more. `None` when it is
    /// not there yet.
    pub fn committed(&self) -> Option<&Group> {
        let group = self.before.first().map_or(self, |(_, group)| group);
        (!group.is_blank()).then_some(group)
    }

    pub(super) fn new(id: Arc<str>, now: SimTime) -> Self {
        Group {
            id,
            state: GroupState::Empty,
            previous_state: GroupState::Dead,
            state_since: now,
            generation: 0,
            protocol_type: None,
            protocol_name: None,
            leader: None,
            members: Map::new(),
            pending_members: Set::new(),
            pending_sync: Set::new(),
            new_member_added: false,
            initial_delay: None,
            stored: None,
            offsets: Arc::default(),
            consumer: None,
            written: 0,
            settled: 0,
            parked: Vec::new(),
            asks: Vec::new(),
            before: Vec::new(),
        }
    }

    /// Nothing of the classic group remains: only offsets, and what is of the consumer protocol.
    pub(super) fn forget_classic(&mut self, now: SimTime) {
        let fresh = Group::new(self.id.clone(), now);
        *self = Group {
            offsets: std::mem::take(&mut self.offsets),
            consumer: self.consumer.take(),
            written: self.written,
            settled: self.settled,
            parked: std::mem::take(&mut self.parked),
            asks: std::mem::take(&mut self.asks),
            before: std::mem::take(&mut self.before),
            ..fresh
        };
    }

    /// It is known what became of the records up to this one.
    pub(super) fn settle(&mut self, written: u64) {
        self.settled = self.settled.max(written.min(self.written));
        let settled = self.settled;
        self.before.retain(|(number, _)| *number > settled);
    }

    /// Whether it is a consumer group that nobody is in.
    pub(super) fn is_empty_consumer_group(&self) -> bool {
        self.consumer().is_some_and(|consumer| consumer.is_empty()) && self.state != GroupState::Dead
    }

    /// Nothing would be lost by forgetting it.
    pub(super) fn is_blank(&self) -> bool {
        self.state == GroupState::Empty
            && self.generation == 0
            && self.pending_members.is_empty()
            && self.stored.is_none()
            && self.offsets.is_empty()
            && self.consumer.is_none()
            && self.parked.is_empty()
    }

    pub(super) fn is_leader(&self, member_id: &str) -> bool {
        self.leader.as_deref() == Some(member_id)
    }

    /// The member id behind a `group.instance.id`.
    pub(super) fn static_member(&self, instance: &str) -> Option<Arc<str>> {
        let mut members = self.members.values();
        let found = members.find(|member| member.group_instance_id.as_deref() == Some(instance));
        found.map(|member| member.member_id.clone())
    }

    pub(super) fn awaiting_join(&self) -> usize {
        self.members.values().filter(|member| member.join.is_some()).count()
    }

    pub(super) fn has_all_members_joined(&self) -> bool {
        self.pending_members.is_empty() && self.members.values().all(|member| member.join.is_some())
    }

    /// The longest any member wants to be waited for.
    pub(super) fn rebalance_timeout_ms(&self) -> i32 {
        self.members.values().map(|member| member.rebalance_timeout_ms).max().unwrap_or(0)
    }

    pub(super) fn add(&mut self, member: Member, protocol_type: Arc<str>) {
        if self.members.is_empty() {
            self.protocol_type = Some(protocol_type);
        }
        self.leader.get_or_insert_with(|| member.member_id.clone());
        self.pending_members.remove(&member.member_id);
        self.members.insert(member.member_id.clone(), member);
    }

    pub(super) fn remove(&mut self, member_id: &str) -> Option<Member> {
        self.pending_members.remove(member_id);
        self.pending_sync.remove(member_id);
        let member = self.members.remove(member_id)?;
        if self.is_leader(member_id) {
            self.leader = self.members.keys().next().cloned();
        }
        Some(member)
    }

    /// Makes sure that the leader is somebody who has joined again; false if nobody has.
    pub(super) fn elect_joined_leader(&mut self) -> bool {
        let leader = self.leader.as_ref().and_then(|leader| self.members.get(leader));
        if leader.is_some_and(|leader| leader.join.is_some()) {
            return true;
        }
        let joined = self.members.values().find(|member| member.join.is_some());
        let Some(joined) = joined.map(|member| member.member_id.clone()) else { return false };
        self.leader = Some(joined);
        true
    }

    /// Whether a member with these protocols can be in the group.
    pub(super) fn supports(&self, protocol_type: &str, protocols: &[(Arc<str>, Bytes)]) -> bool {
        if self.state == GroupState::Empty {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols.iter().any(|(name, _)| self.is_supported_by_all(name))
    }

    fn is_supported_by_all(&self, protocol: &str) -> bool {
        self.members.values().all(|member| member.protocols.iter().any(|(name, _)| **name == *protocol))
    }

    /// Each member votes for the protocol that it likes best among those that all support.
    /// The most votes win; with as many, the first by name.
    pub(super) fn select_protocol(&self) -> Option<Arc<str>> {
        let mut votes: Map<&Arc<str>, u32> = Map::new();
        for member in self.members.values() {
            let vote = member.protocols.iter().find(|(name, _)| self.is_supported_by_all(name));
            if let Some((name, _)) = vote {
                *votes.entry(name).or_default() += 1;
            }
        }
        let most = votes.values().max().copied()?;
        votes.into_iter().find(|&(_, count)| count == most).map(|(name, _)| name.clone())
    }

    /// All members with their metadata for the chosen protocol, as the leader is told them.
    pub(super) fn described_members(&self) -> Vec<JoinGroupResponseMember> {
        let protocol = self.protocol_name.as_deref().unwrap_or_default();
        let member = |member: &Member| JoinGroupResponseMember {
            member_id: member.member_id.to_string(),
            group_instance_id: member.group_instance_id.as_deref().map(str::to_owned),
            metadata: member.metadata(protocol),
        };
        self.members.values().map(member).collect()
    }
}
