//! Members of the classic protocol in a consumer group: JoinGroup, SyncGroup, Heartbeat and
//! LeaveGroup are served from the group's epochs, so that nobody has to wait for all to join.
//!
//! Rule: KIP-848, *Migration*.

use std::sync::Arc;

use bytes::Bytes;

use super::draft::Draft;
use super::heartbeat::{Arrival, Refusal};
use super::migrate::{CONSUMER, embedded, ids, subscribed_to};
use super::{ClassicMember, ConsumerGroup, ConsumerMember, MemberState, Subscription};
use crate::base::Rng;
use crate::coordinator::group::{Group, GroupState};
use crate::coordinator::join::{Joining, KNOWN_MEMBER_ID_SINCE};
use crate::coordinator::members::{leave_response, leaving, sync_error};
use crate::coordinator::outcome::{Caller, CoordinatorTimer, GroupResponse};
use crate::coordinator::rebalance::{Work, join_error};
use crate::protocol::messages::consumer_protocol::{self, ConsumerProtocolSubscription};
use crate::protocol::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use crate::protocol::messages::join_group::JoinGroupResponse;
use crate::protocol::messages::leave_group::{LeaveGroupRequest, MemberIdentity, MemberResponse};
use crate::protocol::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};
use crate::protocol::{ErrorCode, Uuid};

impl Work<'_> {
    #[inline(never)]
    pub(in crate::coordinator) fn join_consumer_group(
        &mut self,
        slot: &mut Arc<Group>,
        rng: &mut Rng,
        joining: Joining,
    ) {
        let waiting = joining.waiting;
        let draft = self.draft(slot);
        let member_id: Arc<str> = if joining.member_id.is_empty() {
            Uuid::from_halves(rng.next_u64(), rng.next_u64()).to_string().into()
        } else {
            joining.member_id.clone()
        };
        if let Err(refusal) = self.join_consumer_draft(slot, draft, &member_id, &joining) {
            let told =
                if refusal.error == ErrorCode::MemberIdRequired { &member_id } else { &joining.member_id };
            let response = join_error(refusal.error, told).for_version(waiting.api_version);
            self.out.replies.push((waiting.token, GroupResponse::JoinGroup(response)));
        }
    }

    #[inline(never)]
    fn join_consumer_draft(
        &mut self,
        slot: &mut Arc<Group>,
        mut draft: Draft<'_>,
        member_id: &Arc<str>,
        joining: &Joining,
    ) -> Result<(), Refusal> {
        let is_unknown = joining.member_id.is_empty();
        if slot.state == GroupState::Dead {
            let message = "The group is being deleted.";
            return Err(Refusal::new(ErrorCode::CoordinatorNotAvailable, message));
        }
        draft.check_room(member_id)?;
        if *joining.protocol_type != *CONSUMER || !draft.group.supports_classic(&joining.protocols) {
            let message = format!("Member {member_id}'s protocols are not supported.");
            return Err(Refusal::new(ErrorCode::InconsistentGroupProtocol, message));
        }
        let is_old = joining.waiting.api_version < KNOWN_MEMBER_ID_SINCE;
        if is_unknown && joining.instance.is_none() && !is_old {
            return Err(Refusal::new(ErrorCode::MemberIdRequired, "The member has to join with this id."));
        }
        let subscription = embedded_subscription(&joining.protocols)?;
        let replaced = joining.instance.as_deref().and_then(|instance| draft.group.static_member(instance));
        let replaced: Vec<Arc<str>> = replaced.iter().map(|member| member.member_id.clone()).collect();
        let is_last = self.may_downgrade_for(slot, &replaced);
        let before = draft.arrive(&Arrival {
            member_id,
            instance_id: joining.instance.as_deref(),
            is_joining: is_unknown || joining.instance.is_none(),
            is_classic: true,
            epoch: -1,
            owned: None,
        })?;
        let reason = draft.subscribe(&before, wants(&before, joining, &subscription))?;
        let is_changed = reason.is_some();
        draft.raise_epoch(reason)?;
        let owned = ids(self.image, subscription.owned_partitions);
        if !is_last {
            draft.retarget()?;
        }
        if !is_last || !is_changed {
            draft.reconcile(member_id, Some(&owned))?;
        }
        let rejoin = CoordinatorTimer::ClassicJoin { group: draft.id.clone(), member: member_id.clone() };
        draft.timers.push((rejoin, None));
        draft.group.rejoining.remove(member_id);
        let response =
            joined(draft.group.member(member_id), joining).for_version(joining.waiting.api_version);
        let reply = Some((joining.waiting.token, GroupResponse::JoinGroup(response)));
        if is_last && is_changed {
            return self.downgrade(slot, draft, reply);
        }
        if is_last {
            return self.become_classic(slot, draft, reply);
        }
        draft.keep_alive(member_id);
        let sync = CoordinatorTimer::ClassicSync { group: draft.id.clone(), member: member_id.clone() };
        draft.set_timer_in(sync, joining.rebalance_timeout_ms);
        self.adopt(slot, draft, reply);
        Ok(())
    }

    /// Whether the last member of the new protocol comes back as one of the old.
    fn may_downgrade_for(&self, slot: &Group, replaced: &[Arc<str>]) -> bool {
        let Some(consumer) = &slot.consumer else { return false };
        let is_alone = consumer.members.len() == replaced.len();
        let was_new =
            replaced.iter().any(|id| consumer.member(id).is_some_and(|member| !member.is_classic()));
        let may = self.config.consumer_migration_policy.downgrades();
        (is_alone && was_new && may) || (!is_alone && self.may_downgrade(slot, replaced))
    }

    #[inline(never)]
    pub(in crate::coordinator) fn sync_consumer_group(
        &mut self,
        slot: &mut Arc<Group>,
        caller: Caller,
        request: &SyncGroupRequest,
    ) {
        let mut draft = self.draft(slot);
        let error = match draft.sync(request) {
            Ok(assignment) => {
                let response = SyncGroupResponse {
                    protocol_type: request.protocol_type.clone(),
                    protocol_name: request.protocol_name.clone(),
                    assignment,
                    ..SyncGroupResponse::default()
                };
                let reply = GroupResponse::SyncGroup(response);
                return self.adopt(slot, draft, Some((caller.token, reply)));
            }
            Err(refusal) => refusal.error,
        };
        // A member that has to join again has that long for it.
        if error == ErrorCode::RebalanceInProgress {
            self.adopt(slot, draft, None);
        }
        self.out.replies.push((caller.token, GroupResponse::SyncGroup(sync_error(error))));
    }

    #[inline(never)]
    pub(in crate::coordinator) fn heartbeat_consumer_group(
        &mut self,
        slot: &mut Arc<Group>,
        caller: Caller,
        request: &HeartbeatRequest,
    ) {
        let mut draft = self.draft(slot);
        let reply = |error_code| {
            GroupResponse::Heartbeat(HeartbeatResponse { error_code, ..HeartbeatResponse::default() })
        };
        match draft.classic_heartbeat(request) {
            Ok(error) => self.adopt(slot, draft, Some((caller.token, reply(error)))),
            Err(refusal) => self.out.replies.push((caller.token, reply(refusal.error))),
        }
    }

    #[inline(never)]
    pub(in crate::coordinator) fn leave_consumer_group(
        &mut self,
        slot: &mut Arc<Group>,
        caller: Caller,
        request: LeaveGroupRequest,
    ) {
        let mut draft = self.draft(slot);
        let mut gone = Vec::new();
        let mut members = Vec::new();
        for identity in leaving(caller.api_version, request) {
            let found = draft.classic_leaving(&identity);
            let taken = found.and_then(|id| draft.take_out(&id, "left").map(|()| id));
            let error_code = taken.as_ref().err().map_or(ErrorCode::None, |refusal| refusal.error);
            let MemberIdentity { mut member_id, group_instance_id, .. } = identity;
            if let Ok(id) = taken {
                member_id = id.to_string();
                gone.push(member_id.clone());
            }
            members.push(MemberResponse { member_id, group_instance_id, error_code });
        }
        let response = leave_response(caller.api_version, members);
        let reply = (caller.token, GroupResponse::LeaveGroup(response));
        let reason = (!gone.is_empty()).then(|| format!("{} left", gone.join(", ")));
        let raised = reason.map(|reason| draft.raise_epoch(Some(reason)));
        match raised {
            Some(Ok(())) => self.adopt(slot, draft, Some(reply)),
            Some(Err(refusal)) => self.out.replies.push((reply.0, reply.1.failed(refusal.error))),
            None => self.out.replies.push(reply),
        }
    }
}

impl Draft<'_> {
    /// A member of the classic protocol, by the ids that its request carries.
    fn classic_member(
        &self,
        member_id: &str,
        instance: Option<&str>,
    ) -> Result<Arc<ConsumerMember>, Refusal> {
        let unknown = || self.unknown_member(member_id);
        let member = match instance {
            None => self.group.member_arc(member_id).ok_or_else(unknown)?,
            Some(instance) => self.group.static_member(instance).ok_or_else(unknown)?,
        };
        if instance.is_some() && *member.member_id != *member_id {
            let message = format!("Static member {member_id} was fenced by member {}.", member.member_id);
            return Err(Refusal::new(ErrorCode::FencedInstanceId, message));
        }
        if !member.is_classic() {
            let message = format!("Member {member_id} does not use the classic protocol.");
            return Err(Refusal::new(ErrorCode::UnknownMemberId, message));
        }
        Ok(member.clone())
    }

    fn check_generation(member: &ConsumerMember, generation: i32) -> Result<(), Refusal> {
        if generation == member.current.member_epoch {
            return Ok(());
        }
        Err(Refusal::new(ErrorCode::IllegalGeneration, "The generation is not the member's epoch."))
    }

    fn sync(&mut self, request: &SyncGroupRequest) -> Result<Bytes, Refusal> {
        let member = self.classic_member(&request.member_id, request.group_instance_id.as_deref())?;
        Self::check_generation(&member, request.generation_id)?;
        let classic = member.subscription.classic.clone().unwrap_or_default();
        let (name, metadata) = classic.protocols.first().cloned().unwrap_or_default();
        let differs = |told: &Option<String>, is: &str| told.as_ref().is_some_and(|told| told != is);
        if differs(&request.protocol_type, CONSUMER) || differs(&request.protocol_name, &name) {
            let message = "The protocol is not the one that the member joined with.";
            return Err(Refusal::new(ErrorCode::InconsistentGroupProtocol, message));
        }
        let current = &member.current;
        if self.group.group_epoch > current.member_epoch && current.state != MemberState::UnrevokedPartitions
        {
            self.expect_rejoin(&member);
            return Err(Refusal::new(ErrorCode::RebalanceInProgress, "The member has to join again."));
        }
        let assignment = embedded(&self.named(&current.assigned), &metadata)?;
        let sync = CoordinatorTimer::ClassicSync { group: self.id.clone(), member: member.member_id.clone() };
        self.timers.push((sync, None));
        self.keep_alive(&member.member_id);
        Ok(assignment)
    }

    /// A member of the classic protocol has so long to join again; asked once more, no longer.
    fn expect_rejoin(&mut self, member: &ConsumerMember) {
        if self.group.rejoining.insert(member.member_id.clone()) {
            let (group, id) = (self.id.clone(), member.member_id.clone());
            let timer = CoordinatorTimer::ClassicJoin { group, member: id };
            self.set_timer_in(timer, member.subscription.rebalance_timeout_ms);
        }
    }

    fn classic_heartbeat(&mut self, request: &HeartbeatRequest) -> Result<ErrorCode, Refusal> {
        let member = self.classic_member(&request.member_id, request.group_instance_id.as_deref())?;
        Self::check_generation(&member, request.generation_id)?;
        self.keep_alive(&member.member_id);
        let current = &member.current;
        // It is behind; or it has to give something up; or what it waits for is free by now.
        let has_to_rejoin = current.member_epoch < self.group.group_epoch
            || current.state == MemberState::UnrevokedPartitions
            || (current.state == MemberState::UnreleasedPartitions && !self.group.waits_for_others(&member));
        if !has_to_rejoin {
            return Ok(ErrorCode::None);
        }
        self.expect_rejoin(&member);
        Ok(ErrorCode::RebalanceInProgress)
    }

    fn classic_leaving(&self, identity: &MemberIdentity) -> Result<Arc<str>, Refusal> {
        let instance = identity.group_instance_id.as_deref();
        // An administrator may name a static member by its instance id alone.
        let named = instance.filter(|_| identity.member_id.is_empty());
        let known = named.and_then(|instance| self.group.static_member(instance));
        let member_id = known.map_or(identity.member_id.as_str(), |member| &member.member_id);
        Ok(self.classic_member(member_id, instance)?.member_id.clone())
    }
}

impl ConsumerGroup {
    /// Whether something that a member shall have is still another's.
    fn waits_for_others(&self, member: &ConsumerMember) -> bool {
        let target = self.target(&member.member_id);
        target.difference(&member.current.assigned).any(|at| self.is_held(at))
    }
}

fn embedded_subscription(protocols: &[(Arc<str>, Bytes)]) -> Result<ConsumerProtocolSubscription, Refusal> {
    let metadata = protocols.first().map(|(_, metadata)| metadata.clone()).unwrap_or_default();
    let malformed = |error| Refusal::new(ErrorCode::UnknownServerError, error);
    consumer_protocol::decode(&metadata).map_err(malformed)
}

fn wants(
    before: &ConsumerMember,
    joining: &Joining,
    subscription: &ConsumerProtocolSubscription,
) -> Subscription {
    let (known, told) = (&before.subscription, subscribed_to(subscription));
    Subscription {
        instance_id: joining.instance.clone().or_else(|| known.instance_id.clone()),
        rack_id: told.rack_id.or_else(|| known.rack_id.clone()),
        client_id: joining.client_id.clone(),
        client_host: joining.client_host.clone(),
        topic_names: told.topic_names,
        topic_regex: None,
        rebalance_timeout_ms: joining.rebalance_timeout_ms,
        server_assignor: known.server_assignor.clone(),
        classic: Some(ClassicMember {
            session_timeout_ms: joining.session_timeout_ms,
            protocols: joining.protocols.clone(),
        }),
    }
}

fn joined(member: Option<&ConsumerMember>, joining: &Joining) -> JoinGroupResponse {
    let protocol = joining.protocols.first().map(|(name, _)| name.to_string());
    JoinGroupResponse {
        generation_id: member.map_or(0, |member| member.current.member_epoch),
        protocol_type: Some(CONSUMER.to_owned()),
        protocol_name: protocol,
        member_id: member.map(|member| member.member_id.to_string()).unwrap_or_default(),
        ..JoinGroupResponse::default()
    }
}
