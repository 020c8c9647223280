//! Where requests and timers find a consumer group.

use std::sync::Arc;

use super::MemberState;
use super::describe::{described, described_unknown};
use super::heartbeat::{LEAVE, LEAVE_FOR_NOW, Refusal, check_request, refused};
use crate::base::Rng;
use crate::coordinator::GroupCoordinator;
use crate::coordinator::describe::GROUP_OPERATIONS;
use crate::coordinator::group::{Group, GroupState};
use crate::coordinator::log::Record;
use crate::coordinator::outcome::{Caller, CoordinatorTimer, GroupResponse, Moment, Outcome};
use crate::coordinator::rebalance::Work;
use crate::protocol::ErrorCode;
use crate::protocol::messages::consumer_group_describe::{
    ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, DescribedGroup,
};
use crate::protocol::messages::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;

impl GroupCoordinator {
    #[inline(never)]
    pub(in crate::coordinator) fn consumer_group_heartbeat(
        &mut self,
        at: Moment<'_>,
        rng: &mut Rng,
        caller: Caller,
        request: ConsumerGroupHeartbeatRequest,
        out: &mut Outcome,
    ) {
        let token = caller.token;
        if let Err(refusal) = self.try_heartbeat(at, rng, caller, request, out) {
            out.replies.push((token, refused(refusal)));
        }
    }

    #[inline(never)]
    fn try_heartbeat(
        &mut self,
        at: Moment<'_>,
        rng: &mut Rng,
        caller: Caller,
        request: ConsumerGroupHeartbeatRequest,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        check_request(caller.api_version, &request)?;
        let id: Arc<str> = request.group_id.as_str().into();
        let said = |error: ErrorCode| Refusal::new(error, error.message());
        let (mut work, shard) = self.work(&id, at, out).map_err(said)?;
        if request.member_epoch != 0 && !shard.groups.contains_key(&id) {
            return Err(Refusal::new(ErrorCode::GroupIdNotFound, format!("Group {id} not found.")));
        }
        let member_id = request.member_id.clone();
        let slot = shard.slot(id.clone(), at.now);
        let done = if matches!(request.member_epoch, LEAVE | LEAVE_FOR_NOW) {
            work.consumer_leave(slot, caller, request)
        } else {
            work.consumer_heartbeat(slot, rng, caller, request)
        };
        if let Err(refusal) = &done {
            work.tell_fenced(slot, &member_id, refusal.error);
        }
        shard.forget_if_blank(&id);
        done
    }

    #[inline(never)]
    pub(in crate::coordinator) fn consumer_group_describe(
        &mut self,
        at: Moment<'_>,
        caller: Caller,
        request: ConsumerGroupDescribeRequest,
        out: &mut Outcome,
    ) {
        let assignor = self.config.consumer_assignors.first().name();
        let describe = |group_id: String| {
            let Err(error_code) = self.check_named(&group_id) else {
                return match self.committed_group(&group_id).map(|group| (group, group.consumer())) {
                    Some((group, Some(consumer))) => described(group, consumer, at.image, assignor),
                    other => described_unknown(group_id, other.is_some()),
                };
            };
            let error_message = Some(error_code.message().to_owned());
            DescribedGroup { error_code, error_message, group_id, ..DescribedGroup::default() }
        };
        let tells_operations = request.include_authorized_operations;
        let groups = request.group_ids.into_iter().map(describe).map(|mut group| {
            if tells_operations && !group.error_code.is_error() {
                group.authorized_operations = GROUP_OPERATIONS;
            }
            group
        });
        let response = ConsumerGroupDescribeResponse { groups: groups.collect(), ..Default::default() };
        out.replies.push((caller.token, GroupResponse::ConsumerGroupDescribe(response)));
    }
}

impl Work<'_> {
    #[inline(never)]
    pub(in crate::coordinator) fn consumer_timer(&mut self, slot: &mut Arc<Group>, timer: &CoordinatorTimer) {
        // Nothing may come behind the tombstones of a group that is being deleted.
        if slot.state == GroupState::Dead {
            return;
        }
        match timer {
            CoordinatorTimer::Session { member, .. } => {
                self.consumer_timeout(slot, member, "session timeout")
            }
            CoordinatorTimer::Revocation { member, .. } => {
                self.consumer_timeout(slot, member, "did not give up its partitions in time");
            }
            CoordinatorTimer::ClassicJoin { member, .. } => {
                self.consumer_timeout(slot, member, "did not rejoin in time");
            }
            CoordinatorTimer::ClassicSync { member, .. } => {
                self.consumer_timeout(slot, member, "did not sync in time");
            }
            CoordinatorTimer::Regex { .. } => self.resolve_regexes(slot),
            CoordinatorTimer::Join { .. }
            | CoordinatorTimer::Sync { .. }
            | CoordinatorTimer::Expiry { .. } => {}
        }
    }

    /// The group was read from the log: its members' sessions begin anew, and so does the time of
    /// those who have to give partitions up.
    #[inline(never)]
    pub(in crate::coordinator) fn reload(&mut self, slot: &mut Arc<Group>) {
        let Some(consumer) = slot.consumer.clone() else { return };
        let mut draft = self.draft(slot);
        for member in consumer.members() {
            draft.keep_alive(&member.member_id);
            if member.current.state == MemberState::UnrevokedPartitions && !member.is_classic() {
                let (group, member_id) = (slot.id.clone(), member.member_id.clone());
                let timer = CoordinatorTimer::Revocation { group, member: member_id };
                draft.set_timer_in(timer, member.subscription.rebalance_timeout_ms);
            }
        }
        self.out.timers.extend(draft.timers);
        let group = Arc::make_mut(slot);
        (group.state, group.previous_state) = (consumer.state(), GroupState::Empty);
    }

    /// A member of the classic protocol comes to a consumer group that nobody is in.
    #[inline(never)]
    pub(in crate::coordinator) fn end_empty(&mut self, slot: &mut Arc<Group>) {
        let Ok(records) = self.consumer_tombstones(slot) else { return };
        let before = Arc::clone(slot);
        let group = Arc::make_mut(slot);
        group.consumer = None;
        group.forget_classic(self.now);
        self.append_and_answer(group, before, records, None);
    }

    pub(in crate::coordinator) fn consumer_tombstones(
        &self,
        group: &Group,
    ) -> Result<Vec<Record>, ErrorCode> {
        let mut draft = self.draft(group);
        draft.write_tombstones().map_err(|refusal| refusal.error)?;
        Ok(draft.records)
    }
}
