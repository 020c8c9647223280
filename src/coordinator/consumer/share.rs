//! Share groups (KIP-932): members come and go, and each is told at its next heartbeat what it may
//! fetch. Partitions are shared, so nobody gives anything up before others get it.
//!
//! Rule: KIP-932, *Group membership*; a group of another kind is not there for those who ask by
//! these APIs.

use std::sync::Arc;

use super::describe::assignment;
use super::draft::Draft;
use super::heartbeat::{LEAVE, Refusal};
use super::records::by_topic;
use super::{
    ConsumerGroup, ConsumerMember, CurrentAssignment, GroupChange, MemberState, Partitions, Subscription,
};
use crate::assignor::SIMPLE;
use crate::coordinator::GroupCoordinator;
use crate::coordinator::describe::{GROUP_OPERATIONS, shown};
use crate::coordinator::group::{Group, GroupState};
use crate::coordinator::outcome::{Caller, GroupResponse, Moment, Outcome};
use crate::coordinator::rebalance::Work;
use crate::metadata::MetadataImage;
use crate::protocol::ErrorCode;
use crate::protocol::messages::share_group_describe::{
    Assignment, DescribedGroup, Member, ShareGroupDescribeRequest, ShareGroupDescribeResponse,
    TopicPartitions,
};
use crate::protocol::messages::share_group_heartbeat as beat;
use crate::protocol::messages::share_group_heartbeat::{
    ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse,
};
use crate::trace::Event;

/// The protocol type of share groups.
pub(super) const SHARE: &str = "share";

impl GroupCoordinator {
    #[inline(never)]
    pub(in crate::coordinator) fn share_group_heartbeat(
        &mut self,
        at: Moment<'_>,
        caller: Caller,
        request: ShareGroupHeartbeatRequest,
        out: &mut Outcome,
    ) {
        if let Err(refusal) = self.try_share_heartbeat(at, caller, request, out) {
            let response = ShareGroupHeartbeatResponse {
                error_code: refusal.error,
                error_message: Some(refusal.message),
                ..ShareGroupHeartbeatResponse::default()
            };
            out.replies.push((caller.token, GroupResponse::ShareGroupHeartbeat(response)));
        }
    }

    fn try_share_heartbeat(
        &mut self,
        at: Moment<'_>,
        caller: Caller,
        request: ShareGroupHeartbeatRequest,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        check_request(&request)?;
        let id: Arc<str> = request.group_id.as_str().into();
        let said = |error: ErrorCode| Refusal::new(error, error.message());
        let (mut work, shard) = self.work(&id, at, out).map_err(said)?;
        if request.member_epoch != 0 && !shard.groups.contains_key(&id) {
            return Err(Refusal::new(ErrorCode::GroupIdNotFound, format!("Group {id} not found.")));
        }
        let member_id = request.member_id.clone();
        let slot = shard.slot(id.clone(), at.now);
        let done = work.share_heartbeat(slot, caller, request);
        if let Err(refusal) = &done {
            work.tell_fenced(slot, &member_id, refusal.error);
        }
        shard.forget_if_blank(&id);
        done
    }

    #[inline(never)]
    pub(in crate::coordinator) fn share_group_describe(
        &mut self,
        at: Moment<'_>,
        caller: Caller,
        request: ShareGroupDescribeRequest,
        out: &mut Outcome,
    ) {
        let tells_operations = request.include_authorized_operations;
        let describe = |group_id: String| {
            let group = self.check_named(&group_id).map(|()| self.committed_group(&group_id));
            let (error_code, message) = match group {
                Ok(Some(group)) => match group.share() {
                    Some(share) => {
                        let mut told = described(group, share, at.image);
                        if tells_operations {
                            told.authorized_operations = GROUP_OPERATIONS;
                        }
                        return told;
                    }
                    None => (ErrorCode::GroupIdNotFound, not_a_share_group(&group_id)),
                },
                Ok(None) => (ErrorCode::GroupIdNotFound, format!("Group {group_id} not found.")),
                Err(error) => (error, error.message().to_owned()),
            };
            DescribedGroup { error_code, error_message: Some(message), group_id, ..DescribedGroup::default() }
        };
        let groups = request.group_ids.into_iter().map(describe).collect();
        let response = ShareGroupDescribeResponse { groups, ..Default::default() };
        out.replies.push((caller.token, GroupResponse::ShareGroupDescribe(response)));
    }
}

impl Work<'_> {
    #[inline(never)]
    fn share_heartbeat(
        &mut self,
        slot: &mut Arc<Group>,
        caller: Caller,
        request: ShareGroupHeartbeatRequest,
    ) -> Result<(), Refusal> {
        if slot.state == GroupState::Dead {
            let message = "The group is being deleted.";
            return Err(Refusal::new(ErrorCode::CoordinatorNotAvailable, message));
        }
        if slot.share().is_none() && !slot.is_blank() {
            return Err(Refusal::new(ErrorCode::GroupIdNotFound, not_a_share_group(&slot.id)));
        }
        let mut draft = self.draft(slot);
        draft.group.is_share = true;
        let known = draft.group.member_arc(&request.member_id).cloned();
        if request.member_epoch == LEAVE {
            let member = known.ok_or_else(|| draft.unknown_member(&Arc::from(request.member_id.as_str())))?;
            let reply = GroupResponse::ShareGroupHeartbeat(ShareGroupHeartbeatResponse {
                member_id: Some(request.member_id),
                member_epoch: LEAVE,
                ..ShareGroupHeartbeatResponse::default()
            });
            return self.fence(slot, vec![member.member_id.clone()], "left", Some((caller.token, reply)));
        }
        let response = draft.share_heartbeat(known.as_deref(), caller, request)?;
        let reply = GroupResponse::ShareGroupHeartbeat(response);
        self.adopt(slot, draft, Some((caller.token, reply)));
        Ok(())
    }
}

impl Draft<'_> {
    fn share_heartbeat(
        &mut self,
        known: Option<&ConsumerMember>,
        caller: Caller,
        request: ShareGroupHeartbeatRequest,
    ) -> Result<ShareGroupHeartbeatResponse, Refusal> {
        let member_id: Arc<str> = request.member_id.as_str().into();
        let is_joining = request.member_epoch == 0;
        self.check_share_room(&member_id)?;
        let before = match known {
            Some(member) => {
                check_epoch(member, request.member_epoch)?;
                member.clone()
            }
            None if is_joining => ConsumerMember::new(member_id.clone()),
            None => return Err(self.unknown_member(&member_id)),
        };
        let is_full = request.subscribed_topic_names.is_some();
        let reason = self.subscribe(&before, subscription(&before.subscription, caller, request))?;
        let is_new_group = self.group.group_epoch == 0;
        let reason = reason.or_else(|| is_new_group.then(|| format!("member {member_id} joined")));
        let is_waited_for = self.awaits_assignment();
        self.raise_epoch(
            reason.or_else(|| is_waited_for.then(|| "share partitions are not assigned".to_owned())),
        )?;
        self.retarget()?;
        self.settle(&member_id)?;
        self.begin_share_topics()?;
        self.keep_alive(&member_id);
        let after = self.group.member(&member_id).map(|member| member.current.clone()).unwrap_or_default();
        let is_told = is_joining || is_full || after.assigned != before.current.assigned;
        let topic = |(topic_id, partitions)| beat::TopicPartitions { topic_id, partitions };
        let topics = || by_topic(&after.assigned).into_iter().map(topic).collect();
        Ok(ShareGroupHeartbeatResponse {
            member_id: Some(member_id.to_string()),
            member_epoch: after.member_epoch,
            heartbeat_interval_ms: self.heartbeat_interval_ms(),
            assignment: is_told.then(|| beat::Assignment { topic_partitions: topics() }),
            ..ShareGroupHeartbeatResponse::default()
        })
    }

    fn check_share_room(&self, member_id: &str) -> Result<(), Refusal> {
        let max_size = usize::try_from(self.config.share_max_size).unwrap_or(0);
        if self.group.members.len() < max_size || self.group.members.contains_key(member_id) {
            return Ok(());
        }
        let message = format!("The share group has reached its maximum capacity of {max_size} members.");
        Err(Refusal::new(ErrorCode::GroupMaxSizeReached, message))
    }

    /// The member has what it shall have: nobody else is asked.
    fn settle(&mut self, member_id: &Arc<str>) -> Result<(), Refusal> {
        let epoch = self.group.assignment_epoch;
        let Some(member) = self.group.member_arc(member_id).cloned() else { return Ok(()) };
        if member.is_at(epoch) {
            return Ok(());
        }
        let assigned = self.group.target(member_id).clone();
        self.events.push(Event::MemberReconciled {
            group: self.id.clone(),
            member: member_id.clone(),
            member_epoch: epoch,
            state: MemberState::Stable.name(),
            assigned: self.named(&assigned),
            revoking: Vec::new(),
            awaiting: Vec::new(),
        });
        let current = CurrentAssignment {
            member_epoch: epoch,
            previous_member_epoch: member.current.member_epoch,
            state: MemberState::Stable,
            assigned,
            revoking: Partitions::new(),
        };
        self.write(GroupChange::Current(member_id.clone(), Some(current)))
    }
}

/// Whether the request makes sense, whatever the group is like.
fn check_request(request: &ShareGroupHeartbeatRequest) -> Result<(), Refusal> {
    let invalid = |message: &str| Err(Refusal::new(ErrorCode::InvalidRequest, message));
    if request.member_id.trim().is_empty() {
        return invalid("MemberId can't be empty.");
    }
    if request.group_id.trim().is_empty() {
        return invalid("GroupId can't be empty.");
    }
    if request.rack_id.as_ref().is_some_and(|rack| rack.trim().is_empty()) {
        return invalid("RackId can't be empty.");
    }
    match (request.member_epoch, &request.subscribed_topic_names) {
        (0, names) if names.as_ref().is_none_or(Vec::is_empty) => {
            invalid("SubscribedTopicNames must be set in first request.")
        }
        (epoch, _) if epoch < LEAVE => invalid("MemberEpoch is invalid."),
        _ => Ok(()),
    }
}

/// Whether a member's heartbeat carries the epoch that it should, or the one before: the answer with
/// the new one may have been lost.
fn check_epoch(member: &ConsumerMember, told: i32) -> Result<(), Refusal> {
    let known = member.current.member_epoch;
    if told == 0 || told == known || told < known && told == member.current.previous_member_epoch {
        return Ok(());
    }
    let how = if told < known { "smaller" } else { "greater" };
    let message = format!(
        "The share group member has a {how} member epoch ({told}) than the one known by the group coordinator \
         ({known}). The member must abandon all its partitions and rejoin."
    );
    Err(Refusal::new(ErrorCode::FencedMemberEpoch, message))
}

fn subscription(before: &Subscription, caller: Caller, request: ShareGroupHeartbeatRequest) -> Subscription {
    let names = request.subscribed_topic_names.map(|names| names.into_iter().map(Arc::from).collect());
    Subscription {
        rack_id: request.rack_id.map(Arc::from).or(before.rack_id.clone()),
        client_id: caller.client_id.into(),
        client_host: caller.client_host.into(),
        topic_names: names.unwrap_or_else(|| before.topic_names.clone()),
        ..before.clone()
    }
}

pub(super) fn not_a_share_group(group_id: &str) -> String {
    format!("Group {group_id} is not a share group.")
}

fn described(group: &Group, share: &ConsumerGroup, image: &MetadataImage) -> DescribedGroup {
    let member = |member: &ConsumerMember| {
        let assigned = assignment(image, &member.current.assigned).topic_partitions.into_iter();
        let topic_partitions = assigned
            .map(|topic| TopicPartitions {
                topic_id: topic.topic_id,
                topic_name: topic.topic_name,
                partitions: topic.partitions,
            })
            .collect();
        let names = member.subscription.topic_names.iter();
        Member {
            member_id: member.member_id.to_string(),
            rack_id: member.subscription.rack_id.as_deref().map(str::to_owned),
            member_epoch: member.current.member_epoch,
            client_id: member.subscription.client_id.to_string(),
            client_host: member.subscription.client_host.to_string(),
            subscribed_topic_names: names.map(|name| name.to_string()).collect(),
            assignment: Assignment { topic_partitions },
        }
    };
    DescribedGroup {
        group_id: group.id.to_string(),
        group_state: shown(group).name().to_owned(),
        group_epoch: share.group_epoch(),
        assignment_epoch: share.assignment_epoch(),
        assignor_name: SIMPLE.to_owned(),
        members: share.members().map(member).collect(),
        ..DescribedGroup::default()
    }
}
