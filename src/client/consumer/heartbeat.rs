//! The heartbeat thread: keeps the membership alive while the application works, and gives it up
//! when the application does not come back in time (KIP-62). Good-byes, too.

use super::{Consumer, ConsumerTimer, GroupMembershipOperation, MemberState, Request, Thread};
use crate::base::{SimTime, ms};
use crate::client::network::{Response, SendOptions};
use crate::protocol::ErrorCode;
use crate::protocol::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use crate::protocol::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use crate::trace::Ctx;

impl Consumer {
    /// What the heartbeat thread does when it looks.
    pub(super) fn run_heartbeat_thread(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) {
        if !self.membership.has_heartbeat || self.thread.has_ended() {
            return;
        }
        if self.is_overdue(ctx.now()) {
            self.report(ctx, ErrorCode::UnknownMemberId, "no poll for max.poll.interval.ms: left the group");
            self.leave(ctx, "consumer poll timeout has expired", None);
            if self.is_managed() {
                return self.enter(ctx, MemberState::Stale);
            }
            return self.lose(ctx, true);
        }
        if self.is_managed() {
            return;
        }
        if ctx.now() >= self.membership.session_until && self.membership.coordinator.is_some() {
            // No answer for a whole session: whoever was the coordinator is not there.
            self.coordinator_unknown(ctx);
        }
        if ctx.now() < self.membership.next_heartbeat
            || self.is_asking(|request| matches!(request, Request::Heartbeat { .. }))
        {
            return;
        }
        let Some(node) = self.coordinator_node(ctx) else { return };
        let generation = self.membership.generation;
        let request = HeartbeatRequest {
            group_id: self.group_id().to_owned(),
            generation_id: generation,
            member_id: self.membership.member_id.clone(),
            group_instance_id: self.instance(),
        };
        if self.send(ctx, node, &request, Request::Heartbeat { generation }, SendOptions::default()) {
            self.membership.next_heartbeat = ctx.now() + ms(self.config.heartbeat_interval_ms);
        }
    }

    /// Whether the application's thread has not been in `poll()` for too long.
    fn is_overdue(&self, now: SimTime) -> bool {
        let interval = ms(u64::try_from(self.config.max_poll_interval_ms).unwrap_or(0));
        let polls = self.thread == Thread::Polling && !self.is_stuck;
        !polls && now >= self.last_poll + interval
    }

    /// When the heartbeat thread has to look again.
    pub(super) fn next_heartbeat_work(&self, now: SimTime) -> Option<SimTime> {
        if !self.membership.has_heartbeat {
            return None;
        }
        let membership = &self.membership;
        let asked = self
            .is_asking(|request| matches!(request, Request::Heartbeat { .. } | Request::ManagedHeartbeat));
        let next = if membership.coordinator.is_none() {
            membership.next_heartbeat.max(membership.retry_at)
        } else if self.is_managed() {
            return Some(membership.next_heartbeat.max(membership.retry_at)).filter(|&at| !asked && at > now);
        } else if asked {
            membership.session_until
        } else {
            membership.next_heartbeat.min(membership.session_until)
        };
        Some(next).filter(|&at| at > now)
    }

    pub(super) fn on_heartbeat(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        response: &Response,
        generation: i32,
    ) {
        let error = match self.decode::<HeartbeatResponse>(ctx, response) {
            Ok(answer) => answer.error_code,
            Err(error) => error,
        };
        let is_current = self.membership.has_heartbeat && self.membership.generation == generation;
        match error {
            ErrorCode::None => {
                self.membership.failures = 0;
                self.restart_session(ctx.now());
            }
            ErrorCode::RebalanceInProgress => {
                self.restart_session(ctx.now());
                if is_current && self.membership.state == MemberState::Stable {
                    self.membership.request_rejoin("group is already rebalancing");
                }
            }
            ErrorCode::UnknownMemberId if is_current => self.lose(ctx, true),
            ErrorCode::IllegalGeneration if is_current => self.lose(ctx, false),
            ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration => {}
            error if self.is_about_coordinator(ctx, error) => {
                self.membership.next_heartbeat = self.membership.retry_at;
            }
            error if is_current => self.fail(ctx, error, "the coordinator refuses heartbeats"),
            _ => {}
        }
    }

    /// Says good-bye if the coordinator can be reached; true if an answer is to be expected.
    /// In the classic protocol static members do not, unless they are closed for good: they may
    /// come back (KIP-345, KIP-1092).
    pub(super) fn leave(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        reason: &str,
        closing: Option<GroupMembershipOperation>,
    ) -> bool {
        if self.is_managed() {
            return self.leave_managed(ctx, closing);
        }
        let says_so = match closing.unwrap_or_default() {
            GroupMembershipOperation::Default => self.config.group_instance_id.is_none(),
            GroupMembershipOperation::LeaveGroup => true,
            GroupMembershipOperation::RemainInGroup => false,
        };
        let is_member = !self.membership.member_id.is_empty() && says_so;
        if !self.is_subscribed() || !is_member || self.membership.coordinator.is_none() {
            return false;
        }
        let closing = closing.is_some();
        let Some(node) = self.coordinator_node(ctx) else { return false };
        let is_batched = self.network.version_for::<LeaveGroupRequest>(node).is_some_and(|v| v >= 3);
        let member_id = self.membership.member_id.clone();
        let mut request =
            LeaveGroupRequest { group_id: self.group_id().to_owned(), ..LeaveGroupRequest::default() };
        if is_batched {
            let reason = Some(reason.to_owned());
            request.members = vec![MemberIdentity { member_id, group_instance_id: self.instance(), reason }];
        } else {
            request.member_id = member_id;
        }
        self.send(ctx, node, &request, Request::Leave { closing }, SendOptions::default())
    }
}
