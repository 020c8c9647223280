//! SyncGroup, Heartbeat and LeaveGroup.

use std::sync::Arc;

use bytes::Bytes;

use super::group::{Group, GroupState, Waiting};
use super::join::check_member;
use super::log;
use super::outcome::{Caller, CoordinatorTimer, GroupResponse, Then};
use super::rebalance::{Work, join_error};
use crate::protocol::ErrorCode;
use crate::protocol::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use crate::protocol::messages::leave_group::{LeaveGroupRequest, LeaveGroupResponse};
use crate::protocol::messages::leave_group::{MemberIdentity, MemberResponse};
use crate::protocol::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};

/// From this version on SyncGroup must name protocol type and name (KIP-559).
const SYNC_NAMES_PROTOCOL_SINCE: i16 = 5;
/// Before this version LeaveGroup is about one member.
const LEAVE_BATCHED_SINCE: i16 = 3;

impl Work<'_> {
    pub(super) fn sync(&mut self, group: &mut Group, caller: Caller, request: SyncGroupRequest) {
        let waiting = Waiting { token: caller.token, api_version: caller.api_version };
        if let Err(error) = check_sync(group, &request) {
            let reply = GroupResponse::SyncGroup(sync_error(error));
            self.out.replies.push((waiting.token, reply));
            return;
        }
        group.pending_sync.remove(request.member_id.as_str());
        if group.state == GroupState::Stable {
            let response = self.synced(group, &request.member_id, ErrorCode::None);
            self.out.replies.push((waiting.token, GroupResponse::SyncGroup(response)));
            return;
        }
        let Some(member) = group.members.get_mut(request.member_id.as_str()) else { return };
        if let Some(earlier) = member.sync.replace(waiting) {
            let reply = GroupResponse::SyncGroup(sync_error(ErrorCode::RebalanceInProgress));
            self.out.replies.push((earlier.token, reply));
        }
        if group.is_leader(&request.member_id) {
            let given = request.assignments.into_iter();
            let assignments: Vec<(Arc<str>, Bytes)> =
                given.map(|each| (each.member_id.into(), each.assignment)).collect();
            let Ok(record) = log::group_record(group, &assignments, self.now) else {
                return self.fail_syncs(group, ErrorCode::UnknownServerError);
            };
            let (group, generation) = (group.id.clone(), group.generation);
            self.append(vec![record], Then::Sync { group, generation, assignments });
        }
    }

    pub(super) fn heartbeat(&mut self, group: &Group, token: u64, request: &HeartbeatRequest) {
        let error_code = match self.check_heartbeat(group, request) {
            Ok(()) => ErrorCode::None,
            Err(error) => error,
        };
        let response = HeartbeatResponse { error_code, ..HeartbeatResponse::default() };
        self.out.replies.push((token, GroupResponse::Heartbeat(response)));
    }

    fn check_heartbeat(&mut self, group: &Group, request: &HeartbeatRequest) -> Result<(), ErrorCode> {
        if group.state == GroupState::Dead {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        check_member(group, &request.member_id, request.group_instance_id.as_deref())?;
        if request.generation_id != group.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        if group.state == GroupState::Empty {
            return Err(ErrorCode::UnknownMemberId);
        }
        self.keep_alive(group, &request.member_id);
        if group.state == GroupState::PreparingRebalance {
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(())
    }

    /// A sign of life.
    pub(super) fn keep_alive(&mut self, group: &Group, member_id: &str) {
        if let Some(member) = group.members.get(member_id) {
            self.set_session(group, member_id, member.session_timeout_ms);
        }
    }

    pub(super) fn leave(&mut self, group: &mut Group, caller: Caller, request: LeaveGroupRequest) {
        if group.state == GroupState::Dead {
            let error_code = ErrorCode::CoordinatorNotAvailable;
            let response = LeaveGroupResponse { error_code, ..LeaveGroupResponse::default() };
            self.out.replies.push((caller.token, GroupResponse::LeaveGroup(response)));
            return;
        }
        let mut gone = Vec::new();
        let mut members = Vec::new();
        for identity in leaving(caller.api_version, request) {
            let error_code = match self.leave_one(group, &identity, &mut gone) {
                Ok(()) => ErrorCode::None,
                Err(error) => error,
            };
            let MemberIdentity { member_id, group_instance_id, .. } = identity;
            members.push(MemberResponse { member_id, group_instance_id, error_code });
        }
        let response = leave_response(caller.api_version, members);
        self.out.replies.push((caller.token, GroupResponse::LeaveGroup(response)));
        if !gone.is_empty() && group.state != GroupState::Empty {
            self.rebalance(group, &format!("{} left", gone.join(", ")));
        }
    }

    #[inline(never)]
    fn leave_one(
        &mut self,
        group: &mut Group,
        identity: &MemberIdentity,
        gone: &mut Vec<String>,
    ) -> Result<(), ErrorCode> {
        let instance = identity.group_instance_id.as_deref();
        let member_id: Arc<str> = if identity.member_id.is_empty() {
            // An administrator may name a static member by its instance id alone.
            let found = instance.and_then(|instance| group.static_member(instance));
            found.ok_or(ErrorCode::UnknownMemberId)?
        } else {
            identity.member_id.as_str().into()
        };
        if group.pending_members.remove(&member_id) {
            let group = group.id.clone();
            self.cancel(CoordinatorTimer::Session { group, member: member_id.clone() });
        } else {
            check_member(group, &member_id, instance)?;
            let waiting = group.members.get(&member_id).map(|member| (member.join, member.sync));
            self.answer_unknown(waiting.unwrap_or_default());
            self.drop_member(group, &member_id, "left");
        }
        gone.push(member_id.to_string());
        Ok(())
    }

    /// A member that is taken out while its own requests are parked.
    fn answer_unknown(&mut self, (join, sync): (Option<Waiting>, Option<Waiting>)) {
        if let Some(waiting) = join {
            self.answer_join(waiting, join_error(ErrorCode::UnknownMemberId, ""));
        }
        if let Some(waiting) = sync {
            let reply = GroupResponse::SyncGroup(sync_error(ErrorCode::UnknownMemberId));
            self.out.replies.push((waiting.token, reply));
        }
    }
}

/// Whether the request names the protocol, as those of its version must (KIP-559).
pub(super) fn names_protocol(api_version: i16, request: &SyncGroupRequest) -> bool {
    let names = [&request.protocol_type, &request.protocol_name];
    api_version < SYNC_NAMES_PROTOCOL_SINCE || names.iter().all(|name| name.is_some())
}

fn check_sync(group: &Group, request: &SyncGroupRequest) -> Result<(), ErrorCode> {
    let names =
        [(&request.protocol_type, &group.protocol_type), (&request.protocol_name, &group.protocol_name)];
    if group.state == GroupState::Dead {
        return Err(ErrorCode::CoordinatorNotAvailable);
    }
    check_member(group, &request.member_id, request.group_instance_id.as_deref())?;
    if request.generation_id != group.generation {
        return Err(ErrorCode::IllegalGeneration);
    }
    let differs = |asked: &Option<String>, is: &Option<Arc<str>>| match (asked, is) {
        (Some(asked), Some(is)) => **asked != **is,
        _ => false,
    };
    if names.into_iter().any(|(asked, is)| differs(asked, is)) {
        return Err(ErrorCode::InconsistentGroupProtocol);
    }
    match group.state {
        GroupState::CompletingRebalance | GroupState::Stable => Ok(()),
        GroupState::PreparingRebalance => Err(ErrorCode::RebalanceInProgress),
        _ => Err(ErrorCode::UnknownMemberId),
    }
}

/// A SyncGroup response that says no.
pub(super) fn sync_error(error_code: ErrorCode) -> SyncGroupResponse {
    SyncGroupResponse { error_code, ..SyncGroupResponse::default() }
}

/// Nobody of the group is known: the answer for each who wants to leave.
pub(super) fn leave_unknown(api_version: i16, request: LeaveGroupRequest) -> LeaveGroupResponse {
    let error_code = ErrorCode::UnknownMemberId;
    let member = |MemberIdentity { member_id, group_instance_id, .. }| MemberResponse {
        member_id,
        group_instance_id,
        error_code,
    };
    leave_response(api_version, leaving(api_version, request).into_iter().map(member).collect())
}

pub(super) fn leaving(api_version: i16, request: LeaveGroupRequest) -> Vec<MemberIdentity> {
    if api_version >= LEAVE_BATCHED_SINCE {
        return request.members;
    }
    vec![MemberIdentity { member_id: request.member_id, ..MemberIdentity::default() }]
}

pub(super) fn leave_response(api_version: i16, members: Vec<MemberResponse>) -> LeaveGroupResponse {
    if api_version >= LEAVE_BATCHED_SINCE {
        return LeaveGroupResponse { members, ..LeaveGroupResponse::default() };
    }
    let error_code = members.first().map_or(ErrorCode::None, |member| member.error_code);
    LeaveGroupResponse { error_code, ..LeaveGroupResponse::default() }
}
