//! The turns of a rebalance that requests, timeouts and departures share: preparing, waiting
//! for members to join, the next generation, waiting for them to sync.
//!
//! Rule: Kafka's documentation of the classic group protocol; KIP-134 (initial delay),
//! KIP-345 (static members), KIP-394 (member id required).

use std::sync::Arc;

use bytes::Bytes;

use super::config::GroupConfig;
use super::group::{Group, GroupState, Member, Waiting};
use super::log;
use super::outcome::{Append, CoordinatorTimer, GroupResponse, Outcome, Then};
use crate::base::{SimTime, ms};
use crate::metadata::MetadataImage;
use crate::plant::Plant;
use crate::protocol::ErrorCode;
use crate::protocol::messages::join_group::JoinGroupResponse;
use crate::protocol::messages::sync_group::SyncGroupResponse;
use crate::trace::Event;

/// How long a new member's first join may be parked before it is given up: it cannot send
/// heartbeats yet, and it may long be gone.
const NEW_MEMBER_JOIN_TIMEOUT_MS: i32 = 5 * 60 * 1_000;

/// From this version on a JoinGroup response need not name a protocol.
const NO_PROTOCOL_NAME_SINCE: i16 = 7;

/// One turn of work on the groups of one partition.
pub(super) struct Work<'a> {
    pub(super) config: &'a GroupConfig,
    pub(super) image: &'a MetadataImage,
    pub(super) now: SimTime,
    pub(super) partition: i32,
    pub(super) leader_epoch: i32,
    pub(super) out: &'a mut Outcome,
}

impl Work<'_> {
    /// Starts a rebalance if the state allows it, else sees whether the one that is on can go
    /// on now.
    pub(super) fn rebalance(&mut self, group: &mut Group, reason: &str) {
        match group.state {
            GroupState::Empty | GroupState::CompletingRebalance | GroupState::Stable => {
                self.prepare_rebalance(group, reason);
            }
            GroupState::PreparingRebalance => self.maybe_complete_join(group),
            GroupState::Dead | GroupState::Assigning | GroupState::Reconciling => {}
        }
    }

    pub(super) fn prepare_rebalance(&mut self, group: &mut Group, reason: &str) {
        if group.state == GroupState::CompletingRebalance {
            self.fail_syncs(group, ErrorCode::RebalanceInProgress);
        }
        self.cancel(CoordinatorTimer::Sync { group: group.id.clone() });
        self.out.events.push(Event::RebalanceStarted { group: group.id.clone(), reason: reason.into() });
        let is_first = group.state == GroupState::Empty;
        self.transition(group, GroupState::PreparingRebalance);
        if is_first {
            let delay_ms = self.config.initial_rebalance_delay_ms.max(0);
            let remaining_ms = group.rebalance_timeout_ms().saturating_sub(delay_ms).max(0);
            group.new_member_added = false;
            group.initial_delay = Some((delay_ms, remaining_ms));
            self.set_timer_in(CoordinatorTimer::Join { group: group.id.clone() }, delay_ms);
        } else if group.has_all_members_joined() {
            self.complete_join(group);
        } else {
            let timeout_ms = group.rebalance_timeout_ms();
            self.set_timer_in(CoordinatorTimer::Join { group: group.id.clone() }, timeout_ms);
        }
    }

    /// Ends the join phase when nobody is missing; the first one waits for its delay.
    pub(super) fn maybe_complete_join(&mut self, group: &mut Group) {
        if group.state == GroupState::PreparingRebalance
            && group.previous_state != GroupState::Empty
            && group.has_all_members_joined()
        {
            self.complete_join(group);
        }
    }

    /// The join timer went off.
    pub(super) fn join_timeout(&mut self, group: &mut Group) {
        if group.state != GroupState::PreparingRebalance {
            return;
        }
        match group.initial_delay {
            Some((delay_ms, remaining_ms)) if group.new_member_added && remaining_ms > 0 => {
                let next_ms = self.config.initial_rebalance_delay_ms.clamp(0, remaining_ms);
                group.new_member_added = false;
                group.initial_delay = Some((next_ms, remaining_ms.saturating_sub(delay_ms).max(0)));
                self.set_timer_in(CoordinatorTimer::Join { group: group.id.clone() }, next_ms);
            }
            _ => self.complete_join(group),
        }
    }

    fn complete_join(&mut self, group: &mut Group) {
        self.cancel(CoordinatorTimer::Join { group: group.id.clone() });
        group.initial_delay = None;
        let late: Vec<Arc<str>> = (group.members.values())
            .filter(|member| member.join.is_none() && member.group_instance_id.is_none())
            .map(|member| member.member_id.clone())
            .collect();
        for member_id in late {
            self.drop_member(group, &member_id, "did not rejoin in time");
        }
        if !group.members.is_empty() && !group.elect_joined_leader() {
            // Only silent static members are left: wait until their sessions end.
            let timeout_ms = group.rebalance_timeout_ms();
            self.set_timer_in(CoordinatorTimer::Join { group: group.id.clone() }, timeout_ms);
            return;
        }
        if group.generation == 0 || !self.config.plants.has(Plant::DuplicateGeneration) {
            group.generation = group.generation.wrapping_add(1).max(0);
        }
        group.pending_sync.clear();
        group.protocol_name = group.select_protocol();
        if group.members.is_empty() {
            self.transition(group, GroupState::Empty);
            if let Ok(record) = log::group_record(group, &[], self.now) {
                self.append(vec![record], Then::Nothing);
            }
        } else {
            self.transition(group, GroupState::CompletingRebalance);
            self.begin_sync(group);
        }
    }

    /// Answers the parked joins with the new generation.
    fn begin_sync(&mut self, group: &mut Group) {
        let ids: Vec<Arc<str>> = group.members.keys().cloned().collect();
        for member_id in ids {
            let response = self.joined(group, &member_id);
            let Some(member) = group.members.get_mut(&member_id) else { continue };
            member.is_new = false;
            if let Some(waiting) = member.join.take() {
                self.answer_join(waiting, response);
            }
            let timeout_ms = member.session_timeout_ms;
            self.set_session(group, &member_id, timeout_ms);
            group.pending_sync.insert(member_id);
        }
        let timeout_ms = group.rebalance_timeout_ms();
        self.set_timer_in(CoordinatorTimer::Sync { group: group.id.clone() }, timeout_ms);
    }

    /// The sync timer went off: who has not asked for its assignment is out.
    pub(super) fn sync_timeout(&mut self, group: &mut Group) {
        let is_syncing = matches!(group.state, GroupState::CompletingRebalance | GroupState::Stable);
        if !is_syncing || group.pending_sync.is_empty() {
            return;
        }
        let late = std::mem::take(&mut group.pending_sync);
        for member_id in &late {
            self.drop_member(group, member_id, "did not sync in time");
        }
        self.prepare_rebalance(group, "members did not sync in time");
    }

    /// A session timer went off.
    pub(super) fn session_timeout(&mut self, group: &mut Group, member_id: &str) {
        if group.pending_members.remove(member_id) {
            self.maybe_complete_join(group);
            return;
        }
        let Some(member) = group.members.get(member_id) else { return };
        // Whoever waits for us cannot be blamed for silence; but a new member's join is given
        // up in the end.
        if member.is_waiting() && !member.is_new {
            return;
        }
        if let Some(waiting) = member.join {
            self.answer_join(waiting, join_error(ErrorCode::UnknownMemberId, ""));
        }
        self.drop_member(group, member_id, "session timeout");
        self.rebalance(group, &format!("session of {member_id} timed out"));
    }

    /// Enters a member and parks its join.
    pub(super) fn add_member(&mut self, group: &mut Group, member: Member, protocol_type: Arc<str>) {
        if group.state == GroupState::PreparingRebalance && group.previous_state == GroupState::Empty {
            group.new_member_added = true;
        }
        let (member_id, client) = (member.member_id.clone(), member.client_id.clone());
        group.add(member, protocol_type);
        self.out.events.push(Event::MemberJoined {
            group: group.id.clone(),
            member: member_id.clone(),
            client,
        });
        self.set_session(group, &member_id, NEW_MEMBER_JOIN_TIMEOUT_MS);
        self.rebalance(group, &format!("member {member_id} joined"));
    }

    /// Takes a member out and forgets its session.
    pub(super) fn drop_member(&mut self, group: &mut Group, member_id: &str, reason: &'static str) {
        self.cancel(CoordinatorTimer::Session { group: group.id.clone(), member: member_id.into() });
        let Some(member) = group.remove(member_id) else { return };
        self.out.events.push(Event::MemberLeft { group: group.id.clone(), member: member.member_id, reason });
    }

    /// The leader's assignments are in the log: everybody gets its own.
    pub(super) fn complete_sync(&mut self, group: &mut Group, assignments: &[(Arc<str>, Bytes)]) {
        for member in group.members.values_mut() {
            let found = assignments.iter().find(|(member_id, _)| *member_id == member.member_id);
            member.assignment = found.map(|(_, assignment)| assignment.clone()).unwrap_or_default();
        }
        self.transition(group, GroupState::Stable);
        for member in group.members.values() {
            self.out.events.push(Event::MemberAssigned {
                group: group.id.clone(),
                member: member.member_id.clone(),
                generation: group.generation,
                partitions: member.assigned_partitions(),
            });
        }
        self.answer_syncs(group, ErrorCode::None);
    }

    /// Takes assignments back and fails the parked syncs.
    pub(super) fn fail_syncs(&mut self, group: &mut Group, error: ErrorCode) {
        for member in group.members.values_mut() {
            member.assignment = Bytes::new();
        }
        self.answer_syncs(group, error);
    }

    fn answer_syncs(&mut self, group: &mut Group, error: ErrorCode) {
        let ids: Vec<Arc<str>> = group.members.keys().cloned().collect();
        for member_id in ids {
            let response = self.synced(group, &member_id, error);
            let Some(member) = group.members.get_mut(&member_id) else { continue };
            let timeout_ms = member.session_timeout_ms;
            if let Some(waiting) = member.sync.take() {
                self.out.replies.push((waiting.token, GroupResponse::SyncGroup(response)));
                self.set_session(group, &member_id, timeout_ms);
            }
        }
    }

    /// What a member is told when it syncs.
    pub(super) fn synced(&self, group: &Group, member_id: &str, error: ErrorCode) -> SyncGroupResponse {
        let name = |name: &Option<Arc<str>>| name.as_deref().filter(|_| !error.is_error()).map(str::to_owned);
        SyncGroupResponse {
            error_code: error,
            protocol_type: name(&group.protocol_type),
            protocol_name: name(&group.protocol_name),
            assignment: group.members.get(member_id).map(|m| m.assignment.clone()).unwrap_or_default(),
            ..SyncGroupResponse::default()
        }
    }

    /// What a member is told when it has joined the current generation.
    pub(super) fn joined(&self, group: &Group, member_id: &str) -> JoinGroupResponse {
        let is_leader = group.is_leader(member_id);
        JoinGroupResponse {
            generation_id: group.generation,
            protocol_type: group.protocol_type.as_deref().map(str::to_owned),
            protocol_name: group.protocol_name.as_deref().map(str::to_owned),
            leader: group.leader.as_deref().unwrap_or_default().to_owned(),
            member_id: member_id.to_owned(),
            members: if is_leader { group.described_members() } else { Vec::new() },
            ..JoinGroupResponse::default()
        }
    }

    pub(super) fn answer_join(&mut self, waiting: Waiting, response: JoinGroupResponse) {
        let response = response.for_version(waiting.api_version);
        self.out.replies.push((waiting.token, GroupResponse::JoinGroup(response)));
    }

    pub(super) fn transition(&mut self, group: &mut Group, next: GroupState) {
        assert!(group.state.may_become(next), "group {}: {} to {next}", group.id, group.state);
        self.out.events.push(Event::GroupStateChanged {
            group: group.id.clone(),
            from: group.state.name(),
            to: next.name(),
            generation: group.generation(),
        });
        group.previous_state = group.state;
        group.state = next;
        group.state_since = self.now;
    }

    /// A member's silence is counted from now.
    pub(super) fn set_session(&mut self, group: &Group, member_id: &str, timeout_ms: i32) {
        let timer = CoordinatorTimer::Session { group: group.id.clone(), member: member_id.into() };
        self.set_timer_in(timer, timeout_ms);
    }

    pub(super) fn set_timer_in(&mut self, timer: CoordinatorTimer, delay_ms: i32) {
        let delay = ms(u64::try_from(delay_ms).unwrap_or(0));
        self.out.timers.push((timer, Some(self.now + delay)));
    }

    pub(super) fn cancel(&mut self, timer: CoordinatorTimer) {
        self.out.timers.push((timer, None));
    }

    /// A group that somebody brings into being is in the log from the beginning, empty.
    pub(super) fn append_new_group(&mut self, group: &Group) {
        let empty = Group::new(group.id.clone(), self.now);
        if let Ok(record) = log::group_record(&empty, &[], self.now) {
            self.append(vec![record], Then::Nothing);
        }
    }

    pub(super) fn append(&mut self, records: Vec<log::Record>, then: Then) {
        let (partition, leader_epoch) = (self.partition, self.leader_epoch);
        self.out.appends.push(Append { partition, leader_epoch, records, then });
    }
}

impl JoinGroupResponse {
    /// Old versions cannot say that there is no protocol name.
    pub(super) fn for_version(mut self, api_version: i16) -> Self {
        if api_version < NO_PROTOCOL_NAME_SINCE {
            self.protocol_name.get_or_insert_default();
        }
        self
    }
}

/// A JoinGroup response that says no.
pub(super) fn join_error(error_code: ErrorCode, member_id: &str) -> JoinGroupResponse {
    JoinGroupResponse {
        error_code,
        protocol_name: None,
        member_id: member_id.to_owned(),
        ..JoinGroupResponse::default()
    }
}
