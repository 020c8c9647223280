//! One group of the consumer protocol (KIP-848), as data, and how records change it. What happens
//! when is decided next door.
//!
//! Three things carry an epoch. The *group* has one that rises whenever its members or the topics
//! that it is about change. The *target assignment*, who shall have what, is computed for a group
//! epoch. Each *member* goes from epoch to epoch on its own: it first gives up what is no longer
//! its own, then it is at the target's epoch, then it gets what the others have given up. Nobody
//! waits for anybody who does not have what they want.
//!
//! **Decide, then replay**: a [`Draft`](draft::Draft) is a copy of the group on which every record
//! takes effect as it is written; the copy becomes the group when the records are appended, and
//! answers wait until they are committed. A new coordinator replays the same records.
//!
//! Rules: KIP-848 (the protocol), KIP-1071 and KIP-1101 (metadata hash), KIP-1082 (member ids made
//! by clients); Kafka's documentation, *Consumer Rebalance Protocol*.

mod classic;
mod describe;
mod draft;
mod fence;
mod hash;
mod heartbeat;
mod migrate;
mod reconcile;
mod records;
mod regex;
mod serve;
mod share;
mod share_asks;
mod share_offsets;
mod share_records;
mod share_topics;
#[cfg(test)]
pub(super) mod story;
mod target;

use std::sync::Arc;

use bytes::Bytes;

use super::group::GroupState;
use crate::base::{Map, Set};
use crate::protocol::Uuid;

pub(super) use self::fence::timers_of;
pub(super) use self::records::GroupChange;
pub use self::share_topics::{ShareTopic, ShareTopics};

/// Partitions by the ids of their topics.
pub type Partitions = Set<(Uuid, i32)>;

/// How far a member has come on its way to what it shall have.
///
/// | from | when | to |
/// | --- | --- | --- |
/// | any | it has something that it shall not have, and has not said that it gave it up | UnrevokedPartitions, same epoch |
/// | any | what it shall have and does not, others still have | UnreleasedPartitions, target's epoch |
/// | any | it has what it shall have | Stable, target's epoch |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemberState {
    /// It has what it shall have at its epoch.
    #[default]
    Stable,
    /// It has to give partitions up.
    UnrevokedPartitions,
    /// It waits for others to give partitions up.
    UnreleasedPartitions,
    /// A state that a later version has written.
    Unknown,
}

impl MemberState {
    /// Kafka's name of the state.
    pub fn name(self) -> &'static str {
        match self {
            MemberState::Stable => "STABLE",
            MemberState::UnrevokedPartitions => "UNREVOKED_PARTITIONS",
            MemberState::UnreleasedPartitions => "UNRELEASED_PARTITIONS",
            MemberState::Unknown => "UNKNOWN",
        }
    }

    fn code(self) -> i8 {
        match self {
            MemberState::Stable => 0,
            MemberState::UnrevokedPartitions => 1,
            MemberState::UnreleasedPartitions => 2,
            MemberState::Unknown => 127,
        }
    }

    fn from_code(code: i8) -> Self {
        match code {
            0 => MemberState::Stable,
            1 => MemberState::UnrevokedPartitions,
            2 => MemberState::UnreleasedPartitions,
            _ => MemberState::Unknown,
        }
    }
}

/// Who a member is and what it wants.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subscription {
    /// `group.instance.id` of a static member.
    pub instance_id: Option<Arc<str>>,
    /// `client.rack`.
    pub rack_id: Option<Arc<str>>,
    /// `client.id`.
    pub client_id: Arc<str>,
    /// Where it was last heard from.
    pub client_host: Arc<str>,
    /// Topics by name.
    pub topic_names: Set<Arc<str>>,
    /// Topics whose names match; none if it is not given.
    pub topic_regex: Option<Arc<str>>,
    /// How long it may take to give partitions up; −1 if it has not said.
    pub rebalance_timeout_ms: i32,
    /// The server-side assignor that it asks for.
    pub server_assignor: Option<Arc<str>>,
    /// For a member that speaks the classic protocol in a consumer group.
    pub classic: Option<ClassicMember>,
}

/// What a member of the classic protocol said when it joined.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassicMember {
    /// How long it may be silent.
    pub session_timeout_ms: i32,
    /// The protocols that it supports, each with its metadata.
    pub protocols: Vec<(Arc<str>, Bytes)>,
}

/// What a member has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CurrentAssignment {
    /// The epoch that its heartbeats must carry; −2: a static member that will be back.
    pub member_epoch: i32,
    /// The one before, in case the answer with the new one was lost.
    pub previous_member_epoch: i32,
    /// How far it has come.
    pub state: MemberState,
    /// What it may have.
    pub assigned: Partitions,
    /// What it had and has to give up first.
    pub revoking: Partitions,
}

/// A member of a consumer group.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerMember {
    /// The id that it has given itself, or that the coordinator gave it.
    pub member_id: Arc<str>,
    /// Who it is and what it wants.
    pub subscription: Arc<Subscription>,
    /// What it has.
    pub current: CurrentAssignment,
}

impl ConsumerMember {
    pub(super) fn new(member_id: Arc<str>) -> Self {
        let subscription = Subscription { rebalance_timeout_ms: -1, ..Subscription::default() };
        let current = CurrentAssignment::default();
        ConsumerMember { member_id, subscription: Arc::new(subscription), current }
    }

    /// Whether it speaks the classic protocol.
    pub fn is_classic(&self) -> bool {
        self.subscription.classic.is_some()
    }

    pub(super) fn is_at(&self, epoch: i32) -> bool {
        self.current.state == MemberState::Stable && self.current.member_epoch == epoch
    }

    /// What nobody else may have for now: what it has, and what it has to give up.
    pub fn holds(&self, at: &(Uuid, i32)) -> bool {
        self.current.assigned.contains(at) || self.current.revoking.contains(at)
    }
}

/// The topics that a regular expression stands for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResolvedRegex {
    /// Their names.
    pub topics: Set<Arc<str>>,
    /// The offset of the metadata log that they were looked up at.
    pub version: i64,
    /// When, in milliseconds.
    pub timestamp_ms: i64,
}

/// A group of the consumer protocol, or a share group (KIP-932), which has the same parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroup {
    /// It is a share group: members share partitions, and nobody waits for anybody.
    is_share: bool,
    group_epoch: i32,
    metadata_hash: i64,
    assignment_epoch: i32,
    members: Map<Arc<str>, Arc<ConsumerMember>>,
    targets: Map<Arc<str>, Arc<Partitions>>,
    regexes: Map<Arc<str>, Arc<ResolvedRegex>>,
    /// Which share partitions have a state; nothing is known of a consumer group, or yet.
    share_topics: Option<Arc<ShareTopics>>,
    /// Members of the classic protocol that have been told to join again. Soft: not in the log.
    rejoining: Set<Arc<str>>,
    /// Regular expressions are about to be looked up. Soft.
    is_resolving: bool,
    /// The offset of the metadata log at which its topics were last looked at. Soft.
    looked_at: i64,
}

static NOTHING: Partitions = Partitions::new();

impl ConsumerGroup {
    /// Whether it is a share group.
    pub fn is_share(&self) -> bool {
        self.is_share
    }

    /// What is known of the states of a share group's partitions.
    pub fn share_topics(&self) -> Option<&ShareTopics> {
        self.share_topics.as_deref()
    }

    /// How often its members or topics have changed.
    pub fn group_epoch(&self) -> i32 {
        self.group_epoch
    }

    /// The group epoch that the target assignment was computed for.
    pub fn assignment_epoch(&self) -> i32 {
        self.assignment_epoch
    }

    /// The members, by id.
    pub fn members(&self) -> impl Iterator<Item = &ConsumerMember> {
        self.members.values().map(|member| &**member)
    }

    /// The member with this id.
    pub fn member(&self, member_id: &str) -> Option<&ConsumerMember> {
        self.members.get(member_id).map(|member| &**member)
    }

    /// What a member shall have.
    pub fn target(&self, member_id: &str) -> &Partitions {
        self.targets.get(member_id).map_or(&NOTHING, |target| target)
    }

    /// The regular expressions that members subscribe to and that have been looked up.
    pub fn regexes(&self) -> impl Iterator<Item = (&Arc<str>, &ResolvedRegex)> {
        self.regexes.iter().map(|(regex, resolved)| (regex, &**resolved))
    }

    /// Its state.
    ///
    /// | state | when |
    /// | --- | --- |
    /// | Empty | it has no members |
    /// | Assigning | the target assignment is older than the group |
    /// | Reconciling | a member is not yet where the target assignment wants it |
    /// | Stable | all are; or it is a share group with members |
    pub fn state(&self) -> GroupState {
        if self.members.is_empty() {
            GroupState::Empty
        } else if self.is_share {
            GroupState::Stable
        } else if self.group_epoch > self.assignment_epoch {
            GroupState::Assigning
        } else if self.members.values().any(|member| !member.is_at(self.assignment_epoch)) {
            GroupState::Reconciling
        } else {
            GroupState::Stable
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    fn member_arc(&self, member_id: &str) -> Option<&Arc<ConsumerMember>> {
        self.members.get(member_id)
    }

    /// The member behind a `group.instance.id`.
    pub(super) fn static_member(&self, instance: &str) -> Option<&Arc<ConsumerMember>> {
        self.members.values().find(|member| member.subscription.instance_id.as_deref() == Some(instance))
    }

    /// Whether a partition is somebody's, or still has to be given up.
    fn is_held(&self, at: &(Uuid, i32)) -> bool {
        self.members.values().any(|member| member.holds(at))
    }

    /// The topics that a member subscribes to, by name or as far as its regular expression has been
    /// looked up.
    fn topics_of(&self, member: &ConsumerMember) -> Set<Arc<str>> {
        let mut topics = member.subscription.topic_names.clone();
        let regex = member.subscription.topic_regex.as_ref();
        if let Some(resolved) = regex.and_then(|regex| self.regexes.get(regex)) {
            topics.extend(resolved.topics.iter().cloned());
        }
        topics
    }

    /// The topics that the group is about.
    pub(super) fn subscribed_topics(&self) -> Set<Arc<str>> {
        let mut topics = Set::new();
        for member in self.members.values() {
            topics.extend(self.topics_of(member));
        }
        topics
    }

    /// How many members subscribe to a regular expression.
    fn subscribers_of(&self, regex: &str) -> usize {
        let subscribed =
            |member: &&Arc<ConsumerMember>| member.subscription.topic_regex.as_deref() == Some(regex);
        self.members.values().filter(subscribed).count()
    }

    fn subscribed_regexes(&self) -> Set<Arc<str>> {
        self.members.values().filter_map(|member| member.subscription.topic_regex.clone()).collect()
    }

    /// The assignor that most members ask for; the first by name, when several do equally well.
    pub(super) fn preferred_assignor(&self) -> Option<Arc<str>> {
        let mut votes: Map<&Arc<str>, u32> = Map::new();
        for member in self.members.values() {
            if let Some(name) = &member.subscription.server_assignor {
                *votes.entry(name).or_default() += 1;
            }
        }
        let most = votes.values().max().copied()?;
        votes.into_iter().find(|&(_, count)| count == most).map(|(name, _)| name.clone())
    }

    /// Whether a member of the classic protocol with these protocols can be in the group.
    fn supports_classic(&self, protocols: &[(Arc<str>, Bytes)]) -> bool {
        let has = |member: &ConsumerMember, name: &str| {
            let classic = member.subscription.classic.as_ref();
            classic.is_none_or(|classic| classic.protocols.iter().any(|(known, _)| **known == *name))
        };
        protocols.iter().any(|(name, _)| self.members.values().all(|member| has(member, name)))
    }

    /// Takes in what a record says.
    #[inline(never)]
    pub(super) fn replay(&mut self, change: &GroupChange, is_share: bool) {
        self.is_share = is_share;
        match change {
            GroupChange::Epoch(Some((epoch, hash))) => {
                (self.group_epoch, self.metadata_hash) = (*epoch, *hash);
            }
            // The group itself goes; whoever has it sees to that.
            GroupChange::Epoch(None) | GroupChange::PartitionMetadata => {}
            GroupChange::ShareTopics(topics) => self.share_topics.clone_from(topics),
            GroupChange::Member(id, Some(subscription)) => {
                self.member_mut(id).subscription = Arc::clone(subscription);
            }
            GroupChange::Member(id, None) => {
                self.members.remove(id);
                self.rejoining.remove(id);
            }
            GroupChange::TargetEpoch(epoch) => self.assignment_epoch = epoch.unwrap_or(0),
            GroupChange::Target(id, Some(target)) => {
                self.targets.insert(id.clone(), Arc::clone(target));
            }
            GroupChange::Target(id, None) => {
                self.targets.remove(id);
            }
            GroupChange::Current(id, Some(current)) => self.member_mut(id).current = current.clone(),
            GroupChange::Current(id, None) => {
                if self.members.contains_key(id) {
                    self.member_mut(id).current =
                        CurrentAssignment { member_epoch: -1, ..CurrentAssignment::default() };
                }
            }
            GroupChange::Regex(regex, Some(resolved)) => {
                self.regexes.insert(regex.clone(), Arc::clone(resolved));
            }
            GroupChange::Regex(regex, None) => {
                self.regexes.remove(regex);
            }
        }
    }

    /// What the log knows of it.
    #[cfg(all(test, not(target_arch = "wasm32")))]
    fn durable(&self) -> ConsumerGroup {
        ConsumerGroup { rejoining: Set::new(), is_resolving: false, looked_at: 0, ..self.clone() }
    }

    fn member_mut(&mut self, id: &Arc<str>) -> &mut ConsumerMember {
        let slot = self.members.entry(id.clone());
        Arc::make_mut(slot.or_insert_with_key(|id| Arc::new(ConsumerMember::new(id.clone()))))
    }
}

#[cfg(test)]
#[path = "consumer/migration_test.rs"]
mod migration_tests;
#[cfg(all(test, not(target_arch = "wasm32")))]
#[path = "consumer/properties_test.rs"]
mod properties;
#[cfg(test)]
#[path = "consumer/share_test.rs"]
mod share_tests;
#[cfg(test)]
#[path = "consumer/consumer_test.rs"]
mod tests;
