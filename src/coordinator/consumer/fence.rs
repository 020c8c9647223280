//! How members leave a consumer group: on their own, for now, or because they were silent or did
//! not give up in time what they had to.

use std::sync::Arc;

use super::draft::Draft;
use super::heartbeat::{LEAVE_FOR_NOW, Refusal};
use super::{CurrentAssignment, GroupChange, Partitions};
use crate::coordinator::group::Group;
use crate::coordinator::outcome::{Caller, CoordinatorTimer, GroupResponse};
use crate::coordinator::rebalance::Work;
use crate::protocol::ErrorCode;
use crate::protocol::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
};
use crate::trace::Event;

impl Work<'_> {
    /// A heartbeat at epoch −1 or −2.
    #[inline(never)]
    pub(in crate::coordinator) fn consumer_leave(
        &mut self,
        slot: &mut Arc<Group>,
        caller: Caller,
        request: ConsumerGroupHeartbeatRequest,
    ) -> Result<(), Refusal> {
        let Some(consumer) = slot.consumer() else {
            return Err(not_a_consumer_group(&slot.id));
        };
        let draft = self.draft(slot);
        let member = match &request.instance_id {
            None => consumer.member_arc(&request.member_id),
            Some(instance) => match consumer.static_member(instance) {
                Some(member) if *member.member_id != *request.member_id => {
                    let (told, known) = (&request.member_id, &member.member_id);
                    let message = format!(
                        "Static member {told} with instance id {instance} was fenced by member {known}."
                    );
                    return Err(Refusal::new(ErrorCode::FencedInstanceId, message));
                }
                None => {
                    let message = format!("Instance id {instance} is unknown.");
                    return Err(Refusal::new(ErrorCode::UnknownMemberId, message));
                }
                member => member,
            },
        };
        let member = member.ok_or_else(|| draft.unknown_member(&request.member_id))?.clone();
        let reply = GroupResponse::ConsumerGroupHeartbeat(ConsumerGroupHeartbeatResponse {
            member_id: Some(request.member_id),
            member_epoch: request.member_epoch,
            ..ConsumerGroupHeartbeatResponse::default()
        });
        let reply = Some((caller.token, reply));
        if request.member_epoch == LEAVE_FOR_NOW && request.instance_id.is_some() {
            return self.leave_for_now(slot, draft, &member.member_id, &member.current, reply);
        }
        self.fence(slot, vec![member.member_id.clone()], "left", reply)
    }

    /// A static member will be back before its session ends: it keeps what it has.
    fn leave_for_now(
        &mut self,
        slot: &mut Arc<Group>,
        mut draft: Draft<'_>,
        member_id: &Arc<str>,
        current: &CurrentAssignment,
        reply: Option<(u64, GroupResponse)>,
    ) -> Result<(), Refusal> {
        let (member_epoch, revoking) = (LEAVE_FOR_NOW, Partitions::new());
        let current = CurrentAssignment { member_epoch, revoking, ..current.clone() };
        draft.write(GroupChange::Current(member_id.clone(), Some(current)))?;
        let (group, member) = (draft.id.clone(), member_id.clone());
        draft.events.push(Event::MemberLeft { group, member, reason: "left, to be back soon" });
        self.adopt(slot, draft, reply);
        Ok(())
    }

    /// Takes members out. If only members of the classic protocol remain, the group becomes a
    /// classic one, if that is allowed.
    #[inline(never)]
    pub(in crate::coordinator) fn fence(
        &mut self,
        slot: &mut Arc<Group>,
        members: Vec<Arc<str>>,
        reason: &'static str,
        reply: Option<(u64, GroupResponse)>,
    ) -> Result<(), Refusal> {
        let mut draft = self.draft(slot);
        for member in &members {
            draft.take_out(member, reason)?;
        }
        if self.may_downgrade(slot, &members) {
            return self.downgrade(slot, draft, reply);
        }
        draft.forget_regexes()?;
        let who = members.join(", ");
        let why = if reason == "left" { format!("{who} left") } else { format!("{who} is out, {reason}") };
        draft.raise_epoch(Some(why))?;
        self.adopt(slot, draft, reply);
        Ok(())
    }

    /// A member's session or the time that it had for something is over.
    pub(in crate::coordinator) fn consumer_timeout(
        &mut self,
        slot: &mut Arc<Group>,
        member_id: &Arc<str>,
        reason: &'static str,
    ) {
        let is_known = slot.consumer.as_ref().is_some_and(|group| group.member(member_id).is_some());
        if is_known {
            // It fails when names are too long to write; then they could not have come here.
            let _ = self.fence(slot, vec![member_id.clone()], reason, None);
        }
    }
}

impl Draft<'_> {
    /// Tombstones for a member who is out, and no more timers for it.
    pub(super) fn take_out(&mut self, member: &Arc<str>, reason: &'static str) -> Result<(), Refusal> {
        self.remove(member)?;
        self.timers.extend(timers_of(&self.id, member).map(|timer| (timer, None)));
        self.events.push(Event::MemberLeft { group: self.id.clone(), member: member.clone(), reason });
        Ok(())
    }
}

/// Every timer that a member of a consumer group may have.
pub(in crate::coordinator) fn timers_of(group: &Arc<str>, member: &Arc<str>) -> [CoordinatorTimer; 4] {
    let both = || (group.clone(), member.clone());
    let ((a, b), (c, d), (e, f), (g, h)) = (both(), both(), both(), both());
    [
        CoordinatorTimer::Session { group: a, member: b },
        CoordinatorTimer::Revocation { group: c, member: d },
        CoordinatorTimer::ClassicJoin { group: e, member: f },
        CoordinatorTimer::ClassicSync { group: g, member: h },
    ]
}

pub(in crate::coordinator) fn not_a_consumer_group(group_id: &str) -> Refusal {
    Refusal::new(ErrorCode::GroupIdNotFound, format!("Group {group_id} is not a consumer group."))
}
