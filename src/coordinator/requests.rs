//! From a request to its group: which partition, whether it is ours, whether there is such a
//! group.

use std::sync::Arc;

use super::join::Joining;
use super::outcome::{Caller, GroupRequest, GroupResponse, Moment, Outcome, Then};
use super::rebalance::{Work, join_error};
use super::shard::Shard;
use super::{Deletion, GroupCoordinator, describe, forget, members, offsets};
use crate::base::Rng;
use crate::protocol::ErrorCode;
use crate::protocol::messages::delete_groups::{DeletableGroupResult, DeleteGroupsRequest};
use crate::protocol::messages::describe_groups::DescribedGroup;
use crate::protocol::messages::describe_groups::{DescribeGroupsRequest, DescribeGroupsResponse};
use crate::protocol::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use crate::protocol::messages::join_group::JoinGroupRequest;
use crate::protocol::messages::leave_group::{LeaveGroupRequest, LeaveGroupResponse};
use crate::protocol::messages::list_groups::{ListGroupsRequest, ListGroupsResponse};
use crate::protocol::messages::offset_commit::OffsetCommitRequest;
use crate::protocol::messages::offset_delete::OffsetDeleteRequest;
use crate::protocol::messages::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestGroup};
use crate::protocol::messages::sync_group::SyncGroupRequest;

/// Since this version OffsetCommit says that a group does not exist (KIP-848).
const COMMIT_GROUP_NOT_FOUND_SINCE: i16 = 9;

impl GroupCoordinator {
    pub(super) fn dispatch(
        &mut self,
        at: Moment<'_>,
        rng: &mut Rng,
        caller: Caller,
        request: GroupRequest,
        out: &mut Outcome,
    ) {
        match request {
            GroupRequest::JoinGroup(request) => self.join_group(at, rng, caller, request, out),
            GroupRequest::SyncGroup(request) => self.sync_group(at, caller, request, out),
            GroupRequest::Heartbeat(request) => self.heartbeat(at, caller, &request, out),
            GroupRequest::LeaveGroup(request) => self.leave_group(at, caller, request, out),
            GroupRequest::OffsetCommit(request) => self.offset_commit(at, caller, request, out),
            GroupRequest::OffsetFetch(request) => self.offset_fetch(caller, request, out),
            GroupRequest::OffsetDelete(request) => self.offset_delete(at, caller, request, out),
            GroupRequest::ListGroups(request) => self.list_groups(caller, &request, out),
            GroupRequest::DescribeGroups(request) => self.describe_groups(caller, request, out),
            GroupRequest::DeleteGroups(request) => self.delete_groups(at, caller, request, out),
            GroupRequest::ConsumerGroupHeartbeat(request) => {
                self.consumer_group_heartbeat(at, rng, caller, request, out);
            }
            GroupRequest::ConsumerGroupDescribe(request) => {
                self.consumer_group_describe(at, caller, request, out);
            }
            GroupRequest::ShareGroupHeartbeat(request) => {
                self.share_group_heartbeat(at, caller, request, out)
            }
            GroupRequest::ShareGroupDescribe(request) => self.share_group_describe(at, caller, request, out),
            GroupRequest::DescribeShareGroupOffsets(request) => {
                self.describe_share_offsets(at, caller, request, out);
            }
            GroupRequest::AlterShareGroupOffsets(request) => {
                self.alter_share_offsets(at, caller, request, out);
            }
            GroupRequest::DeleteShareGroupOffsets(request) => {
                self.delete_share_offsets(at, caller, request, out);
            }
        }
    }

    /// What is needed to work on a group: or why this broker cannot.
    pub(super) fn work<'a>(
        &'a mut self,
        group_id: &str,
        at: Moment<'a>,
        out: &'a mut Outcome,
    ) -> Result<(Work<'a>, &'a mut Shard), ErrorCode> {
        let partition = self.partition_for(group_id);
        let shard = self.shards.get_mut(&partition).ok_or(ErrorCode::NotCoordinator)?;
        if shard.is_loading {
            return Err(ErrorCode::CoordinatorLoadInProgress);
        }
        let (leader_epoch, Moment { now, image }) = (shard.leader_epoch, at);
        Ok((Work { config: &self.config, image, now, partition, leader_epoch, out }, shard))
    }

    /// Whether the group would be ours.
    fn check(&self, group_id: &str) -> Result<(), ErrorCode> {
        match self.shards.get(&self.partition_for(group_id)) {
            None => Err(ErrorCode::NotCoordinator),
            Some(shard) if shard.is_loading => Err(ErrorCode::CoordinatorLoadInProgress),
            Some(_) => Ok(()),
        }
    }

    /// As [`check`](Self::check), for requests that must name a group. Others may be about the group
    /// whose id is empty, which old consumers without a group committed for.
    pub(super) fn check_named(&self, group_id: &str) -> Result<(), ErrorCode> {
        if group_id.is_empty() {
            return Err(ErrorCode::InvalidGroupId);
        }
        self.check(group_id)
    }

    fn join_group(
        &mut self,
        at: Moment<'_>,
        rng: &mut Rng,
        caller: Caller,
        request: JoinGroupRequest,
        out: &mut Outcome,
    ) {
        let id: Arc<str> = request.group_id.as_str().into();
        let member_id = request.member_id.clone();
        let joining = Joining::new(caller, request);
        let mut checked = self.check_named(&id);
        if checked.is_ok() && !joining.has_valid_session(&self.config) {
            checked = Err(ErrorCode::InvalidSessionTimeout);
        }
        // Only who comes without a member id can bring a new group into being.
        if checked.is_ok() && self.group(&id).is_some_and(|group| group.share().is_some()) {
            checked = Err(ErrorCode::InconsistentGroupProtocol);
        }
        let is_there = self.group(&id).is_some_and(|group| !group.is_empty_consumer_group());
        if checked.is_ok() && !member_id.is_empty() && !is_there {
            checked = Err(ErrorCode::UnknownMemberId);
        }
        if let Err(error) = checked {
            let response = join_error(error, &member_id).for_version(caller.api_version);
            out.replies.push((caller.token, GroupResponse::JoinGroup(response)));
            return;
        }
        let Ok((mut work, shard)) = self.work(&id, at, out) else { return };
        let is_new = !shard.groups.contains_key(&id);
        let slot = shard.slot(id.clone(), at.now);
        if slot.is_empty_consumer_group() {
            work.end_empty(slot);
        }
        if slot.consumer.is_some() {
            return work.join_consumer_group(slot, rng, joining);
        }
        work.join(Arc::make_mut(slot), rng, joining);
        if is_new && !slot.is_blank() {
            work.append_new_group(slot);
        }
        shard.forget_if_blank(&id);
    }

    fn sync_group(&mut self, at: Moment<'_>, caller: Caller, request: SyncGroupRequest, out: &mut Outcome) {
        let mut refuse = |error| {
            out.replies.push((caller.token, GroupResponse::SyncGroup(members::sync_error(error))));
        };
        // As in Kafka, before anybody asks which group it is about.
        if !members::names_protocol(caller.api_version, &request) {
            return refuse(ErrorCode::InconsistentGroupProtocol);
        }
        if let Err(error) = self.check_named(&request.group_id) {
            return refuse(error);
        }
        if self.group(&request.group_id).is_none_or(|group| group.share().is_some()) {
            return refuse(ErrorCode::UnknownMemberId);
        }
        let Ok((mut work, shard)) = self.work(&request.group_id, at, out) else { return };
        let Some(slot) = shard.groups.get_mut(request.group_id.as_str()) else { return };
        if slot.consumer.is_some() {
            return work.sync_consumer_group(slot, caller, &request);
        }
        work.sync(Arc::make_mut(slot), caller, request);
    }

    fn heartbeat(&mut self, at: Moment<'_>, caller: Caller, request: &HeartbeatRequest, out: &mut Outcome) {
        let mut refuse = |error_code| {
            let response = HeartbeatResponse { error_code, ..HeartbeatResponse::default() };
            out.replies.push((caller.token, GroupResponse::Heartbeat(response)));
        };
        if let Err(error) = self.check_named(&request.group_id) {
            return refuse(error);
        }
        if self.group(&request.group_id).is_none_or(|group| group.share().is_some()) {
            return refuse(ErrorCode::UnknownMemberId);
        }
        let Ok((mut work, shard)) = self.work(&request.group_id, at, out) else { return };
        let Some(slot) = shard.groups.get_mut(request.group_id.as_str()) else { return };
        if slot.consumer.is_some() {
            return work.heartbeat_consumer_group(slot, caller, request);
        }
        work.heartbeat(slot, caller.token, request);
    }

    #[inline(never)]
    fn leave_group(&mut self, at: Moment<'_>, caller: Caller, request: LeaveGroupRequest, out: &mut Outcome) {
        let id = request.group_id.clone();
        if let Err(error_code) = self.check_named(&id) {
            let response = LeaveGroupResponse { error_code, ..LeaveGroupResponse::default() };
            out.replies.push((caller.token, GroupResponse::LeaveGroup(response)));
            return;
        }
        if self.group(&id).is_none_or(|group| group.share().is_some()) {
            let response = members::leave_unknown(caller.api_version, request);
            out.replies.push((caller.token, GroupResponse::LeaveGroup(response)));
            return;
        }
        let Ok((mut work, shard)) = self.work(&id, at, out) else { return };
        let Some(slot) = shard.groups.get_mut(id.as_str()) else { return };
        if slot.consumer.is_some() {
            return work.leave_consumer_group(slot, caller, request);
        }
        work.leave(Arc::make_mut(slot), caller, request);
        shard.forget_if_blank(&id);
    }

    fn offset_commit(
        &mut self,
        at: Moment<'_>,
        caller: Caller,
        request: OffsetCommitRequest,
        out: &mut Outcome,
    ) {
        let id: Arc<str> = request.group_id.as_str().into();
        let mut checked = self.check(&id);
        // An administrator, or a consumer that assigns itself, may commit for a group that
        // has never had members.
        let is_simple = request.generation_id_or_member_epoch < 0;
        if checked.is_ok() && !is_simple && self.group(&id).is_none() {
            let is_told = caller.api_version >= COMMIT_GROUP_NOT_FOUND_SINCE;
            checked = Err(if is_told { ErrorCode::GroupIdNotFound } else { ErrorCode::IllegalGeneration });
        }
        if let Err(error) = checked {
            let response = offsets::commit_error(request, error);
            out.replies.push((caller.token, GroupResponse::OffsetCommit(response)));
            return;
        }
        let Ok((mut work, shard)) = self.work(&id, at, out) else { return };
        // A group that is new comes into being with its first committed offset.
        match shard.groups.get(&id) {
            Some(group) => work.commit(group, caller, request),
            None => work.commit(&super::Group::new(id, at.now), caller, request),
        }
    }

    fn offset_fetch(&mut self, caller: Caller, request: OffsetFetchRequest, out: &mut Outcome) {
        let find = |asked: &OffsetFetchRequestGroup| {
            self.check(&asked.group_id)?;
            let group = self.group(&asked.group_id);
            let committed = group.and_then(|group| group.committed());
            committed.map_or(Ok(()), |group| offsets::check_fetch(group, asked))?;
            Ok(group)
        };
        let response = offsets::fetch_offsets(caller.api_version, request, find);
        out.replies.push((caller.token, GroupResponse::OffsetFetch(response)));
    }

    fn offset_delete(
        &mut self,
        at: Moment<'_>,
        caller: Caller,
        request: OffsetDeleteRequest,
        out: &mut Outcome,
    ) {
        let id = request.group_id.clone();
        let unknown = self.group(&id).is_none().then_some(ErrorCode::GroupIdNotFound);
        if let Err(error) = self.check_named(&id).and(unknown.map_or(Ok(()), Err)) {
            let reply = GroupResponse::OffsetDelete(forget::deletion_error(error));
            return out.replies.push((caller.token, reply));
        }
        let Ok((mut work, shard)) = self.work(&id, at, out) else { return };
        let Some(group) = shard.groups.get(id.as_str()) else { return };
        work.delete_offsets(group, caller, request);
    }

    fn list_groups(&mut self, caller: Caller, request: &ListGroupsRequest, out: &mut Outcome) {
        let is_loading = self.shards.values().any(|shard| shard.is_loading);
        let response = ListGroupsResponse {
            error_code: if is_loading { ErrorCode::CoordinatorLoadInProgress } else { ErrorCode::None },
            groups: (self.groups().filter_map(|group| group.committed()))
                .filter_map(|group| describe::listed(group, request))
                .collect(),
            ..ListGroupsResponse::default()
        };
        out.replies.push((caller.token, GroupResponse::ListGroups(response)));
    }

    fn describe_groups(&mut self, caller: Caller, request: DescribeGroupsRequest, out: &mut Outcome) {
        let tells_operations = request.include_authorized_operations;
        let describe = |group_id: String| match (self.check(&group_id), self.committed_group(&group_id)) {
            (Err(error_code), _) => DescribedGroup { error_code, group_id, ..DescribedGroup::default() },
            (Ok(()), Some(group)) if group.consumer.is_some() => {
                describe::described_other(group_id, caller.api_version)
            }
            (Ok(()), Some(group)) => describe::described(group),
            (Ok(()), None) => describe::described_unknown(group_id, caller.api_version),
        };
        let response = DescribeGroupsResponse {
            groups: (request.groups.into_iter().map(describe))
                .map(|group| describe::with_operations(group, tells_operations))
                .collect(),
            ..DescribeGroupsResponse::default()
        };
        out.replies.push((caller.token, GroupResponse::DescribeGroups(response)));
    }

    fn delete_groups(
        &mut self,
        at: Moment<'_>,
        caller: Caller,
        request: DeleteGroupsRequest,
        out: &mut Outcome,
    ) {
        let mut deletion = Deletion::default();
        for group_id in request.groups_names {
            let error_code = match self.delete_group(at, caller.token, &group_id, out) {
                Ok(()) => {
                    deletion.waiting_for += 1;
                    ErrorCode::None
                }
                Err(error) => error,
            };
            deletion.response.results.push(DeletableGroupResult { group_id, error_code });
        }
        if deletion.waiting_for == 0 {
            out.replies.push((caller.token, GroupResponse::DeleteGroups(deletion.response)));
        } else {
            self.deletions.insert(caller.token, deletion);
        }
    }

    fn delete_group(
        &mut self,
        at: Moment<'_>,
        token: u64,
        group_id: &str,
        out: &mut Outcome,
    ) -> Result<(), ErrorCode> {
        let (mut work, shard) = self.work(group_id, at, out)?;
        let slot = shard.groups.get_mut(group_id).ok_or(ErrorCode::GroupIdNotFound)?;
        if slot.share().is_some() && work.forget_share_states(slot, token)? {
            return Ok(());
        }
        work.delete(Arc::make_mut(slot), token)
    }

    /// Answers what waited for an append and is not a matter of the group's state.
    pub(super) fn conclude(&mut self, then: Then, error: ErrorCode, out: &mut Outcome) {
        match then {
            // The members have been answered when the coordinator resigned.
            Then::Nothing
            | Then::Sync { .. }
            | Then::Rejoin { .. }
            | Then::Expire { .. }
            | Then::Consumer { .. } => {}
            Then::Commit { token, mut response } => {
                if error.is_error() {
                    let partitions = response.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
                    partitions.filter(|p| !p.error_code.is_error()).for_each(|p| p.error_code = error);
                }
                out.replies.push((token, GroupResponse::OffsetCommit(response)));
            }
            Then::DeleteOffsets { token, response } => {
                let response = if error.is_error() { forget::deletion_error(error) } else { response };
                out.replies.push((token, GroupResponse::OffsetDelete(response)));
            }
            Then::Delete { token, group } => {
                let Some(mut deletion) = self.deletions.remove(&token) else { return };
                let mut results = deletion.response.results.iter_mut();
                if let Some(result) = results.find(|result| *result.group_id == *group) {
                    result.error_code = error;
                }
                deletion.waiting_for = deletion.waiting_for.saturating_sub(1);
                if deletion.waiting_for == 0 {
                    out.replies.push((token, GroupResponse::DeleteGroups(deletion.response)));
                } else {
                    self.deletions.insert(token, deletion);
                }
            }
        }
    }
}

/// What members are told when an append failed with this error.
pub(super) fn told(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::NotEnoughReplicasAfterAppend
        | ErrorCode::RequestTimedOut => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch | ErrorCode::KafkaStorageError => {
            ErrorCode::NotCoordinator
        }
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge => ErrorCode::UnknownServerError,
        other => other,
    }
}
