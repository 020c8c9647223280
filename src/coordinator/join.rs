//! JoinGroup.

use std::sync::Arc;

use bytes::Bytes;

use super::config::GroupConfig;
use super::group::{Group, GroupState, Member, Waiting};
use super::log;
use super::outcome::{Caller, CoordinatorTimer, GroupResponse, Then};
use super::rebalance::{Work, join_error};
use crate::base::Rng;
use crate::protocol::ErrorCode;
use crate::protocol::messages::join_group::JoinGroupRequest;
use crate::protocol::messages::sync_group::SyncGroupResponse;

/// From this version on a member without an id is told one and has to come back (KIP-394).
pub(super) const KNOWN_MEMBER_ID_SINCE: i16 = 4;
/// From this version on a returning static leader can be told to leave assignments alone.
const SKIP_ASSIGNMENT_SINCE: i16 = 9;

/// A JoinGroup request, in our types.
pub(super) struct Joining {
    pub(super) waiting: Waiting,
    pub(super) member_id: Arc<str>,
    pub(super) instance: Option<Arc<str>>,
    pub(super) client_id: Arc<str>,
    pub(super) client_host: Arc<str>,
    pub(super) session_timeout_ms: i32,
    pub(super) rebalance_timeout_ms: i32,
    pub(super) protocol_type: Arc<str>,
    pub(super) protocols: Vec<(Arc<str>, Bytes)>,
}

impl Joining {
    pub(super) fn new(caller: Caller, request: JoinGroupRequest) -> Self {
        // Nobody could answer within no time at all: such members are treated as those of version 0.
        let rebalance = Some(request.rebalance_timeout_ms).filter(|&timeout| timeout > 0);
        Joining {
            waiting: Waiting { token: caller.token, api_version: caller.api_version },
            member_id: request.member_id.into(),
            instance: request.group_instance_id.map(Arc::from),
            client_id: caller.client_id.into(),
            client_host: caller.client_host.into(),
            session_timeout_ms: request.session_timeout_ms,
            rebalance_timeout_ms: rebalance.unwrap_or(request.session_timeout_ms),
            protocol_type: request.protocol_type.into(),
            protocols: request.protocols.into_iter().map(|p| (p.name.into(), p.metadata)).collect(),
        }
    }

    pub(super) fn has_valid_session(&self, config: &GroupConfig) -> bool {
        (config.min_session_timeout_ms..=config.max_session_timeout_ms).contains(&self.session_timeout_ms)
    }

    fn member(&self, member_id: Arc<str>) -> Member {
        Member {
            member_id,
            group_instance_id: self.instance.clone(),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            session_timeout_ms: self.session_timeout_ms,
            rebalance_timeout_ms: self.rebalance_timeout_ms,
            protocols: self.protocols.clone(),
            assignment: Bytes::new(),
            is_new: true,
            join: Some(self.waiting),
            sync: None,
        }
    }
}

impl Work<'_> {
    pub(super) fn join(&mut self, group: &mut Group, rng: &mut Rng, joining: Joining) {
        let refused = if !self.has_room(group, &joining.member_id) {
            group.pending_members.remove(&joining.member_id);
            Some(ErrorCode::GroupMaxSizeReached)
        } else if group.state == GroupState::Dead {
            Some(ErrorCode::CoordinatorNotAvailable)
        } else if !group.supports(&joining.protocol_type, &joining.protocols) {
            Some(ErrorCode::InconsistentGroupProtocol)
        } else {
            None
        };
        if let Some(error) = refused {
            let is_full = error == ErrorCode::GroupMaxSizeReached;
            let member_id = if is_full { "" } else { &joining.member_id };
            self.answer_join(joining.waiting, join_error(error, member_id));
        } else if joining.member_id.is_empty() {
            self.join_new(group, rng, joining);
        } else {
            self.join_again(group, joining);
        }
    }

    fn has_room(&self, group: &Group, member_id: &str) -> bool {
        let max_size = usize::try_from(self.config.max_size).unwrap_or(0);
        let member = group.members.get(member_id);
        match group.state {
            GroupState::Empty | GroupState::Dead | GroupState::Assigning | GroupState::Reconciling => true,
            GroupState::PreparingRebalance => {
                member.is_some_and(|member| member.join.is_some()) || group.awaiting_join() < max_size
            }
            GroupState::CompletingRebalance | GroupState::Stable => {
                member.is_some() || group.members.len() < max_size
            }
        }
    }

    fn join_new(&mut self, group: &mut Group, rng: &mut Rng, joining: Joining) {
        let prefix = joining.instance.as_deref().unwrap_or(&joining.client_id);
        let member_id: Arc<str> = format!("{prefix}-{}", uuid(rng)).into();
        let known = joining.instance.as_deref().and_then(|instance| group.static_member(instance));
        if let Some(was) = known {
            self.static_member_returns(group, &was, member_id, joining);
        } else if joining.instance.is_none() && joining.waiting.api_version >= KNOWN_MEMBER_ID_SINCE {
            group.pending_members.insert(member_id.clone());
            self.set_session(group, &member_id, joining.session_timeout_ms);
            self.answer_join(joining.waiting, join_error(ErrorCode::MemberIdRequired, &member_id));
        } else {
            self.add_member(group, joining.member(member_id), joining.protocol_type);
        }
    }

    fn join_again(&mut self, group: &mut Group, joining: Joining) {
        let member_id = joining.member_id.clone();
        if group.pending_members.contains(&member_id) {
            self.add_member(group, joining.member(member_id), joining.protocol_type);
            return;
        }
        if let Err(error) = check_member(group, &member_id, joining.instance.as_deref()) {
            self.answer_join(joining.waiting, join_error(error, &member_id));
            return;
        }
        let is_unchanged = group.members.get(&member_id).is_some_and(|m| m.protocols == joining.protocols);
        let is_leader = group.is_leader(&member_id);
        match group.state {
            // It missed the answer to its join: the same again.
            GroupState::CompletingRebalance if is_unchanged => {
                let response = self.joined(group, &member_id);
                self.answer_join(joining.waiting, response);
            }
            // A follower that has nothing new to say finds its place again. A leader's join
            // always rebalances: that is how it tells that topics have changed.
            GroupState::Stable if is_unchanged && !is_leader => {
                let response = self.joined(group, &member_id);
                self.answer_join(joining.waiting, response);
            }
            GroupState::PreparingRebalance | GroupState::CompletingRebalance | GroupState::Stable => {
                let why = if is_unchanged { "rejoined" } else { "changed its metadata" };
                self.update_member(group, &member_id, &joining);
                self.rebalance(group, &format!("member {member_id} {why}"));
            }
            GroupState::Empty | GroupState::Dead | GroupState::Assigning | GroupState::Reconciling => {
                self.answer_join(joining.waiting, join_error(ErrorCode::UnknownMemberId, &member_id));
            }
        }
    }

    /// Parks a known member's join. An earlier one of the same member, from a connection that
    /// it gave up, is answered so that nothing stays parked for ever.
    fn update_member(&mut self, group: &mut Group, member_id: &str, joining: &Joining) {
        let Some(member) = group.members.get_mut(member_id) else { return };
        member.protocols.clone_from(&joining.protocols);
        member.rebalance_timeout_ms = joining.rebalance_timeout_ms;
        member.session_timeout_ms = joining.session_timeout_ms;
        if let Some(earlier) = member.join.replace(joining.waiting) {
            self.answer_join(earlier, join_error(ErrorCode::RebalanceInProgress, member_id));
        }
    }

    /// A static member is back without its member id: it takes its own place under a new id
    /// and whoever still uses the old one is fenced (KIP-345).
    fn static_member_returns(&mut self, group: &mut Group, was: &Arc<str>, is: Arc<str>, joining: Joining) {
        let leader_before = group.leader.as_deref().unwrap_or_default().to_owned();
        self.replace_member(group, was, &is);
        self.update_member(group, &is, &joining);
        self.set_session(group, &is, joining.session_timeout_ms);
        match group.state {
            GroupState::Stable if group.select_protocol() == group.protocol_name => {
                // Nothing to hand out anew: the log only has to learn the new id.
                let waiting = joining.waiting;
                let Ok(record) = log::group_record(group, &assignments(group), self.now) else {
                    return self.rejoin_failed(group, waiting, was, &is, ErrorCode::UnknownServerError);
                };
                let (group, was) = (group.id.clone(), was.clone());
                self.append(vec![record], Then::Rejoin { group, waiting, was, is, leader_before });
            }
            GroupState::Stable | GroupState::CompletingRebalance => {
                self.prepare_rebalance(group, &format!("static member {is} came back"));
            }
            _ => self.maybe_complete_join(group),
        }
    }

    fn replace_member(&mut self, group: &mut Group, was: &Arc<str>, is: &Arc<str>) {
        self.cancel(CoordinatorTimer::Session { group: group.id.clone(), member: was.clone() });
        let Some(mut member) = group.members.remove(was) else { return };
        if let Some(waiting) = member.join.take() {
            self.answer_join(waiting, join_error(ErrorCode::FencedInstanceId, was));
        }
        if let Some(waiting) = member.sync.take() {
            let response =
                SyncGroupResponse { error_code: ErrorCode::FencedInstanceId, ..SyncGroupResponse::default() };
            self.out.replies.push((waiting.token, GroupResponse::SyncGroup(response)));
        }
        if group.is_leader(was) {
            group.leader = Some(is.clone());
        }
        if group.pending_sync.remove(was) {
            group.pending_sync.insert(is.clone());
        }
        member.member_id = is.clone();
        group.members.insert(is.clone(), member);
    }

    /// The new id of a static member is in the log.
    pub(super) fn rejoined(&mut self, group: &mut Group, waiting: Waiting, is: &str, leader_before: String) {
        if !take_join(group, waiting, is) {
            return;
        }
        let mut response = self.joined(group, is);
        if waiting.api_version >= SKIP_ASSIGNMENT_SINCE {
            response.skip_assignment = group.is_leader(is);
        } else {
            // Told the old leader's id, the member does not believe that it leads and
            // does not compute an assignment.
            response.leader = leader_before;
            response.members.clear();
        }
        self.answer_join(waiting, response);
    }

    /// The new id of a static member could not be written: the old one holds again.
    pub(super) fn rejoin_failed(
        &mut self,
        group: &mut Group,
        waiting: Waiting,
        was: &Arc<str>,
        is: &Arc<str>,
        error: ErrorCode,
    ) {
        if !take_join(group, waiting, is) {
            return;
        }
        self.replace_member(group, is, was);
        let timeout_ms = group.members.get(was).map_or(0, |member| member.session_timeout_ms);
        self.set_session(group, was, timeout_ms);
        self.answer_join(waiting, join_error(error, ""));
    }
}

/// Whether this member id is in the group and, for a static member, still the one that its
/// instance id stands for.
pub(super) fn check_member(group: &Group, member_id: &str, instance: Option<&str>) -> Result<(), ErrorCode> {
    let known = match instance {
        None => group.members.contains_key(member_id),
        Some(instance) => match group.static_member(instance) {
            Some(current) if *current != *member_id => return Err(ErrorCode::FencedInstanceId),
            current => current.is_some(),
        },
    };
    if known { Ok(()) } else { Err(ErrorCode::UnknownMemberId) }
}

/// Unparks this join of a member; false if a rebalance has answered it meanwhile.
fn take_join(group: &mut Group, waiting: Waiting, member_id: &str) -> bool {
    let member = group.members.get_mut(member_id);
    member.is_some_and(|member| member.join.take_if(|join| *join == waiting).is_some())
}

/// Every member's current assignment.
fn assignments(group: &Group) -> Vec<(Arc<str>, Bytes)> {
    group.members.values().map(|member| (member.member_id.clone(), member.assignment.clone())).collect()
}

/// A random UUID as Java prints it.
fn uuid(rng: &mut Rng) -> String {
    let most = (rng.next_u64() & !0xf000) | 0x4000;
    let least = (rng.next_u64() & !(0b11 << 62)) | 0b10 << 62;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        most >> 32,
        most >> 16 & 0xffff,
        most & 0xffff,
        least >> 48,
        least & 0xffff_ffff_ffff
    )
}
