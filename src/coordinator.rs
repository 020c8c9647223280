//! The group coordinator: groups of the classic and of the consumer protocol and their offsets, as a machine without input or
//! output of its own, hosted by a broker.
//!
//! Must not know the network or how `__consumer_offsets` is replicated; the cluster's metadata it
//! is told with every [`Moment`]. A request becomes replies, records to append, timers and events:
//! an [`Outcome`]. **Decide, then replay**: what has to survive (a group's last generation,
//! committed offsets) changes only when its record is committed; who is joining or syncing right
//! now is soft state and lost with the broker, as in Kafka. Groups of the consumer protocol are all
//! records: these take effect when they are appended, and answers wait until they are committed.
//!
//! How the host drives it: for every [`Append`] it writes the records to the leader's log and
//! keeps the `Append`; when the high watermark has passed them it hands it to
//! [`GroupCoordinator::committed`], or, if that will not happen, to
//! [`GroupCoordinator::failed`]. When it becomes leader of a partition of
//! `__consumer_offsets` it calls [`GroupCoordinator::elected`] with the whole log, when it no
//! longer is, [`GroupCoordinator::resigned`]. What a [`ShareAsk`] wants to know it asks the share
//! coordinator and tells [`GroupCoordinator::share_told`].
//!
//! Rules: Kafka's documentation of the consumer group protocol, KIP-62, 134, 345, 394, 559,
//! 709; KIP-848 (`consumer`). Transactions are not here yet.

mod config;
mod consumer;
mod describe;
mod forget;
mod group;
mod join;
mod log;
mod members;
mod offsets;
mod outcome;
mod rebalance;
mod requests;
mod shard;
mod share_ask;
mod share_state;

use std::sync::Arc;

use bytes::Bytes;

pub use config::{GroupConfig, MigrationPolicy, ServerAssignors};
pub use consumer::{
    ClassicMember, ConsumerGroup, ConsumerMember, CurrentAssignment, MemberState, Partitions, ResolvedRegex,
    ShareTopic, ShareTopics, Subscription,
};
pub use group::{CommittedOffset, Group, GroupState, Member};
pub use log::GroupMetadataValue;
pub use outcome::{
    Append, Caller, CoordinatorTimer, GroupRequest, GroupResponse, Moment, Outcome, ShareAsk, SharePart,
    ShareTold, ShareWhat,
};
pub use share_state::{NO_START_OFFSET, ShareCoordinator, ShareState, ShareStateKey};

use self::group::Parked;
use self::outcome::Then;
use self::rebalance::{Work, join_error};
use self::requests::told;
use self::shard::Shard;
use crate::base::{Map, Rng, SimTime};
use crate::protocol::ErrorCode;
use crate::protocol::messages::delete_groups::DeleteGroupsResponse;
use crate::trace::Event;

/// The groups that one broker coordinates. Cheap to clone: groups are shared.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupCoordinator {
    config: Arc<GroupConfig>,
    partition_count: i32,
    shards: Map<i32, Shard>,
    /// DeleteGroups requests that wait for their tombstones.
    deletions: Map<u64, Deletion>,
}

/// A DeleteGroups request and how many of its groups are still to be answered.
#[derive(Clone, Debug, Default, PartialEq)]
struct Deletion {
    waiting_for: u32,
    response: DeleteGroupsResponse,
}

impl GroupCoordinator {
    /// A coordinator that coordinates nothing yet. `partition_count`: that of
    /// `__consumer_offsets`, which never changes.
    pub fn new(config: Arc<GroupConfig>, partition_count: i32) -> Self {
        let partition_count = partition_count.max(1);
        GroupCoordinator { config, partition_count, shards: Map::new(), deletions: Map::new() }
    }

    /// The partition of `__consumer_offsets` in which a group lives: Java's hash of its id,
    /// modulo the number of partitions.
    pub fn partition_for(&self, group_id: &str) -> i32 {
        let hash = group_id
            .encode_utf16()
            .fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
        hash.checked_abs().unwrap_or(0) % self.partition_count
    }

    /// The broker has become the partition's leader but has not read its log yet: until
    /// [`elected`](Self::elected), requests get COORDINATOR_LOAD_IN_PROGRESS.
    pub fn loading(&mut self, partition: i32, leader_epoch: i32) {
        self.shards.insert(partition, Shard::new(leader_epoch, true));
    }

    /// The broker leads the partition, and this is its log. Members' sessions begin anew.
    /// Whatever the coordinator had in this partition is given up first.
    pub fn elected(
        &mut self,
        partition: i32,
        leader_epoch: i32,
        records: impl IntoIterator<Item = (Bytes, Option<Bytes>)>,
        at: Moment<'_>,
        out: &mut Outcome,
    ) {
        let Moment { now, image } = at;
        if self.shards.get(&partition).is_some_and(|shard| !shard.is_loading) {
            self.resigned(partition, out);
        }
        let mut shard = Shard::new(leader_epoch, false);
        for (key, value) in records {
            shard.replay(&key, value.as_ref(), now);
        }
        let mut work = Work { config: &self.config, image, now, partition, leader_epoch, out };
        let count = u32::try_from(shard.groups.len()).unwrap_or(u32::MAX);
        work.out.events.push(Event::CoordinatorElected { partition, groups: count });
        for (id, slot) in &mut shard.groups {
            if slot.consumer.is_some() {
                work.reload(slot);
                continue;
            }
            let Some(stored) = slot.stored.clone() else { continue };
            let mut group = log::restore(id.clone(), &stored, now);
            group.stored = Some(stored);
            group.offsets = slot.offsets.clone();
            for member in group.members.values() {
                work.set_session(&group, &member.member_id, member.session_timeout_ms);
            }
            if group.members.len() > usize::try_from(self.config.max_size).unwrap_or(0) {
                work.prepare_rebalance(&mut group, "more members than group.max.size");
            }
            *slot = Arc::new(group);
        }
        work.set_expiry(partition);
        self.shards.insert(partition, shard);
    }

    /// The broker no longer leads the partition: who waits is sent to look for the new
    /// coordinator. Appends that are on their way are to be [`failed`](Self::failed).
    pub fn resigned(&mut self, partition: i32, out: &mut Outcome) {
        let Some(shard) = self.shards.remove(&partition) else { return };
        out.events.push(Event::CoordinatorResigned { partition });
        out.timers.push((CoordinatorTimer::Expiry { partition }, None));
        for group in shard.groups.values() {
            let id = &group.id;
            out.timers.push((CoordinatorTimer::Join { group: id.clone() }, None));
            out.timers.push((CoordinatorTimer::Sync { group: id.clone() }, None));
            let consumers = group.consumer.iter().flat_map(|consumer| consumer.members());
            let timers = consumers.flat_map(|member| consumer::timers_of(id, &member.member_id));
            out.timers.extend(timers.map(|timer| (timer, None)));
            for parked in &group.parked {
                let response = parked.response.clone().failed(ErrorCode::NotCoordinator);
                out.replies.push((parked.token, response));
            }
            for (_, ask) in &group.asks {
                self.unasked(ask.clone(), ErrorCode::NotCoordinator, out);
            }
            for member in group.members.keys().chain(&group.pending_members) {
                let (group, member) = (id.clone(), member.clone());
                out.timers.push((CoordinatorTimer::Session { group, member }, None));
            }
            for member in group.members.values() {
                let error = ErrorCode::NotCoordinator;
                if let Some(waiting) = member.join {
                    let response = join_error(error, &member.member_id).for_version(waiting.api_version);
                    out.replies.push((waiting.token, GroupResponse::JoinGroup(response)));
                }
                if let Some(waiting) = member.sync {
                    out.replies.push((waiting.token, GroupResponse::SyncGroup(members::sync_error(error))));
                }
            }
        }
    }

    /// A request arrived. Every request is answered once, now or later.
    pub fn handle(
        &mut self,
        at: Moment<'_>,
        rng: &mut Rng,
        caller: Caller,
        request: GroupRequest,
        out: &mut Outcome,
    ) {
        self.dispatch(at, rng, caller, request, out);
    }

    /// A timer ran out.
    pub fn timer(&mut self, at: Moment<'_>, timer: CoordinatorTimer, out: &mut Outcome) {
        let id = match &timer {
            CoordinatorTimer::Expiry { partition } => return self.expire(at, *partition, out),
            CoordinatorTimer::Session { group, .. }
            | CoordinatorTimer::Join { group }
            | CoordinatorTimer::Sync { group }
            | CoordinatorTimer::Revocation { group, .. }
            | CoordinatorTimer::ClassicJoin { group, .. }
            | CoordinatorTimer::ClassicSync { group, .. }
            | CoordinatorTimer::Regex { group } => group.clone(),
        };
        let Ok((mut work, shard)) = self.work(&id, at, out) else { return };
        let Some(slot) = shard.groups.get_mut(&id) else { return };
        if slot.consumer.is_some() {
            return work.consumer_timer(slot, &timer);
        }
        let group = Arc::make_mut(slot);
        match timer {
            CoordinatorTimer::Session { member, .. } => work.session_timeout(group, &member),
            CoordinatorTimer::Join { .. } => work.join_timeout(group),
            CoordinatorTimer::Sync { .. } => work.sync_timeout(group),
            _ => {}
        }
        shard.forget_if_blank(&id);
    }

    /// An append is committed: its records take effect and who waits for it is answered.
    pub fn committed(&mut self, at: Moment<'_>, append: Append, out: &mut Outcome) {
        let Moment { now, image } = at;
        let Append { partition, leader_epoch, records, then } = append;
        let shard = self.shards.get_mut(&partition).filter(|shard| shard.leader_epoch == leader_epoch);
        let Some(shard) = shard.filter(|shard| !shard.is_loading) else {
            // It made it into the log, but another coordinator answers for the group by now.
            self.conclude(then, ErrorCode::NotCoordinator, out);
            return;
        };
        // Those of consumer groups have taken effect already.
        let is_replayed = matches!(then, Then::Consumer { .. });
        for (key, value) in records.iter().filter(|_| !is_replayed) {
            if let Some(event) = shard.replay_late(key, value.as_ref(), now) {
                out.events.push(event);
            }
        }
        let mut work = Work { config: &self.config, image, now, partition, leader_epoch, out };
        match then {
            Then::Sync { group, generation, assignments } => {
                if let Some(group) = shard.syncing(&group, generation) {
                    work.complete_sync(group, &assignments);
                }
            }
            Then::Rejoin { group, waiting, is, leader_before, .. } => {
                if let Some(group) = shard.groups.get_mut(&group).map(Arc::make_mut) {
                    work.rejoined(group, waiting, &is, leader_before);
                }
            }
            Then::Consumer { group, written, .. } => {
                if let Some(group) = shard.groups.get_mut(&group).map(Arc::make_mut) {
                    work.settled(group, written);
                }
            }
            then => self.conclude(then, ErrorCode::None, out),
        }
    }

    /// An append will not be committed, or nobody knows: `error` is that of the produce.
    pub fn failed(&mut self, at: Moment<'_>, append: Append, error: ErrorCode, out: &mut Outcome) {
        let Moment { now, image } = at;
        let Append { partition, leader_epoch, then, .. } = append;
        let error = told(error);
        let shard = self.shards.get_mut(&partition).filter(|shard| shard.leader_epoch == leader_epoch);
        let Some(shard) = shard else { return self.conclude(then, error, out) };
        let mut work = Work { config: &self.config, image, now, partition, leader_epoch, out };
        match then {
            Then::Sync { group, generation, .. } => {
                if let Some(group) = shard.syncing(&group, generation) {
                    work.fail_syncs(group, error);
                    work.rebalance(group, "the assignment could not be stored");
                }
            }
            Then::Rejoin { group, waiting, was, is, .. } => {
                if let Some(group) = shard.groups.get_mut(&group).map(Arc::make_mut) {
                    work.rejoin_failed(group, waiting, &was, &is, error);
                }
            }
            Then::Delete { token, group } => {
                if let Some(group) = shard.groups.get_mut(&group).map(Arc::make_mut) {
                    work.transition(group, GroupState::Empty);
                }
                self.conclude(Then::Delete { token, group }, error, out);
            }
            Then::Consumer { group, written, before } => {
                let unasked =
                    shard.groups.get_mut(&group).map(|slot| work.unsettled(slot, written, before, error));
                shard.forget_if_blank(&group);
                for ask in unasked.unwrap_or_default() {
                    self.unasked(ask, error, out);
                }
            }
            Then::Expire { group } => {
                if let Some(group) = shard.groups.get_mut(&group).map(Arc::make_mut) {
                    work.transition(group, GroupState::Empty);
                }
            }
            then => self.conclude(then, error, out),
        }
    }

    /// An append is not committed in time, though it may be yet: who asked for it is told, and it has
    /// to be handed to [`committed`](Self::committed) or [`failed`](Self::failed) all the same.
    pub fn late(&mut self, at: Moment<'_>, append: &mut Append, out: &mut Outcome) {
        // These answers are parked with their group, for whatever comes after waits for the same records.
        if matches!(append.then, Then::Consumer { .. } | Then::Nothing) {
            return;
        }
        let asked = Append {
            partition: append.partition,
            leader_epoch: append.leader_epoch,
            records: Vec::new(),
            then: std::mem::replace(&mut append.then, Then::Nothing),
        };
        self.failed(at, asked, ErrorCode::RequestTimedOut, out);
    }

    /// Answers that have waited for records longer than `offsets.commit.timeout.ms` say so. What the
    /// group has become by these records stays untold, as in Kafka, until they are committed.
    pub fn expire_answers(&mut self, at: Moment<'_>, out: &mut Outcome) {
        let is_late = |parked: &Parked| parked.deadline <= at.now;
        for slot in self.shards.values_mut().flat_map(|shard| shard.groups.values_mut()) {
            if !slot.parked.iter().any(is_late) {
                continue;
            }
            let group = Arc::make_mut(slot);
            for parked in group.parked.extract_if(.., |parked| is_late(parked)) {
                let response = parked.response.failed(told(ErrorCode::RequestTimedOut));
                out.replies.push((parked.token, response));
            }
        }
    }

    /// Takes in a record that is committed. Only for hosts that read the log on their own:
    /// [`elected`](Self::elected) and [`committed`](Self::committed) do it for theirs.
    pub fn replay(&mut self, partition: i32, key: &Bytes, value: Option<&Bytes>, now: SimTime) {
        if let Some(shard) = self.shards.get_mut(&partition) {
            shard.replay(key, value, now);
        }
    }

    /// All groups, for whoever looks on.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.shards.values().flat_map(|shard| shard.groups.values().map(|group| &**group))
    }

    /// The group of this id, if it is coordinated here.
    pub fn group(&self, group_id: &str) -> Option<&Group> {
        self.shards.get(&self.partition_for(group_id))?.groups.get(group_id).map(|group| &**group)
    }

    /// The same as what is committed has it, which is what those who ask are told.
    fn committed_group(&self, group_id: &str) -> Option<&Group> {
        self.group(group_id)?.committed()
    }

    /// The partitions of `__consumer_offsets` that are coordinated here, and their epochs.
    pub fn partitions(&self) -> impl Iterator<Item = (i32, i32)> {
        self.shards.iter().map(|(&partition, shard)| (partition, shard.leader_epoch))
    }
}

#[cfg(test)]
#[path = "coordinator/answers_test.rs"]
mod answers_test;
#[cfg(test)]
#[path = "coordinator/forget_test.rs"]
mod forget_test;
#[cfg(all(test, not(target_arch = "wasm32")))]
#[path = "coordinator/properties_test.rs"]
mod properties;
#[cfg(test)]
#[path = "coordinator/story.rs"]
mod story;
#[cfg(test)]
#[path = "coordinator/coordinator_test.rs"]
mod tests;
