//! The classic group protocol as a member: revoke, join, sync, adopt the assignment.
//!
//! Rules: `ConsumerCoordinator` and `AbstractCoordinator` of Apache Kafka 4.1. With the eager
//! protocol a member revokes everything before it joins; with the cooperative one (KIP-429) it
//! keeps its partitions, revokes after the sync what it was not given again, and then everybody
//! joins once more, so that it can be given to others. Which of the two is decided by the assignors
//! that the member offers: cooperative only if all of them can do it.

use bytes::Bytes;

use super::leader::{flatten, subscription_metadata};
use super::listener::Listener;
use super::{Consumer, ConsumerTimer, MemberState, Request, TopicPartition};
use crate::assignor::AssignorKind;
use crate::base::{Set, SimTime, ms};
use crate::client::network::{Response, SendOptions};
use crate::protocol::ErrorCode;
use crate::protocol::messages::consumer_protocol::{self, ConsumerProtocolAssignment};
use crate::protocol::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use crate::protocol::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};
use crate::trace::Ctx;

/// What `poll()` is in the middle of when it returns for now.
///
/// | from | when | to |
/// | --- | --- | --- |
/// | Idle | it has to join; commits if it does so automatically | Preparing |
/// | Preparing | the commit is through; what must be is revoked or lost | Prepared |
/// | Prepared | JoinGroup and SyncGroup are answered | Synced |
/// | Synced | at the next poll what it was not given again is revoked | Revoked |
/// | Revoked | what is new is assigned | Idle |
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Round {
    /// Nothing.
    #[default]
    Idle,
    /// The offsets of what was processed are being committed.
    Preparing,
    /// It can join.
    Prepared,
    /// It has got an assignment.
    Synced(Bytes),
    /// It has given up what is not in the assignment.
    Revoked(Vec<TopicPartition>),
}

impl Consumer {
    /// Whether a rebalance leaves it what it owns: if all assignors that it offers can do that.
    fn is_cooperative(&self) -> bool {
        self.config.partition_assignment_strategy.iter().all(|kind| kind.is_cooperative())
    }

    pub(super) fn poll_classic(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) {
        let Some(node) = self.coordinator_node(ctx) else { return };
        if matches!(self.membership.round, Round::Synced(_) | Round::Revoked(_)) && !self.adopt(ctx) {
            return;
        }
        self.notice_new_partitions();
        let must_join = match self.membership.state {
            MemberState::Unjoined | MemberState::Revoking => true,
            MemberState::Stable => self.membership.needs_rejoin,
            _ => false,
        };
        if must_join
            && self.has_matched(ctx)
            && self.prepare_join(ctx)
            && ctx.now() >= self.membership.retry_at
        {
            self.send_join(ctx, node);
        }
    }

    /// The leader's metadata show other partitions than it handed out: a new assignment.
    fn notice_new_partitions(&mut self) {
        if self.membership.state != MemberState::Stable || !self.membership.is_leader {
            return;
        }
        let handed_out = self.membership.handed_out.keys().cloned();
        if self.topics_now(handed_out.collect()) != self.membership.handed_out {
            self.membership.request_rejoin("cached metadata has changed since the last rebalance");
        }
    }

    /// `onJoinPrepare`: commits, calls the listener. True when it is through.
    fn prepare_join(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) -> bool {
        if self.membership.round == Round::Prepared {
            return true;
        }
        if self.membership.round == Round::Idle {
            let commits = self.membership.is_in_group() && self.commits_automatically();
            if commits && !self.owned.is_empty() {
                let until = ctx.now() + ms(u64::try_from(self.config.max_poll_interval_ms).unwrap_or(0));
                self.begin_commit(ctx, self.consumed_positions(), until);
            }
            if !self.is_cooperative() {
                self.set_revoking(None);
            }
            self.membership.round = Round::Preparing;
            if self.membership.state == MemberState::Stable {
                self.enter(ctx, MemberState::Revoking);
            }
        }
        if self.sync_commit.is_some() && self.drive_commit(ctx).is_none() {
            return false;
        }
        // The commit may have told that the membership is lost, too.
        self.membership.round = Round::Prepared;
        let is_lost = self.membership.generation < 0 || self.membership.member_id.is_empty();
        let eager = !self.is_cooperative();
        let all = self.owned.keys().cloned();
        let (listener, partitions): (_, Vec<TopicPartition>) = if is_lost {
            (Listener::Lost, all.collect())
        } else {
            (Listener::Revoked, all.filter(|at| eager || !self.subscription().contains(&at.topic)).collect())
        };
        partitions.is_empty() || self.call(ctx, listener, partitions)
    }

    fn send_join(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, node: i32) {
        if self.network.metadata().updated_at().is_none() {
            return;
        }
        let mut protocols = Vec::new();
        for &kind in &self.config.partition_assignment_strategy {
            let metadata = subscription_metadata(
                kind,
                self.subscription(),
                self.owned.keys(),
                &self.membership,
                self.config.client_rack.as_deref(),
            );
            let Ok(metadata) = metadata else {
                return self.fail(
                    ctx,
                    ErrorCode::InvalidTopicException,
                    "the subscription cannot be written",
                );
            };
            protocols.push(JoinGroupRequestProtocol { name: kind.protocol_name().to_owned(), metadata });
        }
        let reason = self.membership.rejoin_reason;
        let request = JoinGroupRequest {
            group_id: self.group_id().to_owned(),
            session_timeout_ms: self.config.session_timeout_ms,
            rebalance_timeout_ms: self.config.max_poll_interval_ms,
            member_id: self.membership.member_id.clone(),
            group_instance_id: self.instance(),
            protocol_type: "consumer".to_owned(),
            protocols,
            reason: (!reason.is_empty()).then(|| reason.to_owned()),
        };
        // The coordinator answers when all have joined, which may take that long.
        let patience_ms = u64::try_from(self.config.max_poll_interval_ms).unwrap_or(0).saturating_add(5_000);
        let timeout_ms = Some(patience_ms.max(self.config.request_timeout_ms));
        let options = SendOptions { timeout_ms, ..SendOptions::default() };
        if self.send(ctx, node, &request, Request::Join, options) {
            self.membership.needs_rejoin = false;
            self.stop_heartbeats(ctx, MemberState::Joining);
        }
    }

    /// Not stable any more: the heartbeat thread rests.
    fn stop_heartbeats(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, state: MemberState) {
        self.membership.has_heartbeat = false;
        self.enter(ctx, state);
    }

    pub(super) fn on_join(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, response: &Response) {
        if self.membership.state != MemberState::Joining {
            return;
        }
        let error = match self.decode::<JoinGroupResponse>(ctx, response) {
            Ok(joined) if !joined.error_code.is_error() => return self.joined(ctx, response.node, joined),
            Ok(joined) if joined.error_code == ErrorCode::MemberIdRequired => {
                self.membership.member_id = joined.member_id;
                self.membership.request_rejoin("need to re-join with the given member-id");
                return self.enter(ctx, MemberState::Unjoined);
            }
            Ok(joined) => joined.error_code,
            Err(error) => error,
        };
        self.rejoin_after(ctx, error, "cannot join the group");
    }

    /// JoinGroup or SyncGroup has failed.
    fn rejoin_after(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, error: ErrorCode, what: &str) {
        match error {
            ErrorCode::UnknownMemberId => return self.lose(ctx, true),
            ErrorCode::IllegalGeneration => return self.lose(ctx, false),
            _ => self.stop_heartbeats(ctx, MemberState::Unjoined),
        }
        match error {
            ErrorCode::RebalanceInProgress => {}
            error if self.is_about_coordinator(ctx, error) => {}
            error => self.fail(ctx, error, what),
        }
    }

    fn joined(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, node: i32, joined: JoinGroupResponse) {
        let name = joined.protocol_name.unwrap_or_default();
        let Some(kind) = AssignorKind::from_protocol_name(&name) else {
            return self.fail(ctx, ErrorCode::InconsistentGroupProtocol, &format!("no assignor {name}"));
        };
        self.membership.is_leader = joined.leader == joined.member_id;
        self.membership.member_id = joined.member_id;
        self.membership.generation = joined.generation_id;
        self.membership.assignor = Some(kind);
        self.membership.failures = 0;
        self.membership.has_heartbeat = true;
        self.membership.next_heartbeat = ctx.now() + ms(self.config.heartbeat_interval_ms);
        self.restart_session(ctx.now());
        self.enter(ctx, MemberState::Syncing);
        let assignments = match self.membership.is_leader {
            true if joined.skip_assignment => self.leave_assigned(ctx, kind, &joined.members),
            true => self.assign(ctx, kind, &joined.members),
            false => Vec::new(),
        };
        let request = SyncGroupRequest {
            group_id: self.group_id().to_owned(),
            generation_id: self.membership.generation,
            member_id: self.membership.member_id.clone(),
            group_instance_id: self.instance(),
            protocol_type: Some("consumer".to_owned()),
            protocol_name: Some(name),
            assignments,
        };
        let what = Request::Sync { generation: self.membership.generation };
        let patience_ms = u64::try_from(self.config.max_poll_interval_ms).unwrap_or(0);
        let timeout_ms = Some(patience_ms.max(self.config.request_timeout_ms));
        let options = SendOptions { timeout_ms, ..SendOptions::default() };
        if !self.send(ctx, node, &request, what, options) && !self.thread.has_ended() {
            self.stop_heartbeats(ctx, MemberState::Unjoined);
        }
    }

    pub(super) fn on_sync(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, response: &Response, generation: i32) {
        if self.membership.state != MemberState::Syncing || self.membership.generation != generation {
            return;
        }
        let error = match self.decode::<SyncGroupResponse>(ctx, response) {
            Ok(synced) if !synced.error_code.is_error() => {
                self.membership.round = Round::Synced(synced.assignment);
                return self.enter(ctx, MemberState::Stable);
            }
            Ok(synced) => synced.error_code,
            Err(error) => error,
        };
        self.rejoin_after(ctx, error, "cannot sync with the group");
    }

    /// `onJoinComplete`, in `poll()`: true when it is through.
    fn adopt(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) -> bool {
        if let Round::Synced(assignment) = &self.membership.round {
            let assignment = assignment.clone();
            let Some(partitions) = self.read_assignment(ctx, &assignment) else { return false };
            if partitions.iter().any(|at| !self.accepts(&at.topic)) {
                self.membership.round = Round::Idle;
                self.membership.request_rejoin("received assignment does not match the current subscription");
                return true;
            }
            let kept: Set<&TopicPartition> = partitions.iter().collect();
            let revoked = self.owned.keys().filter(|at| self.is_cooperative() && !kept.contains(*at));
            let revoked: Vec<TopicPartition> = revoked.cloned().collect();
            self.membership.round = Round::Revoked(partitions);
            if !revoked.is_empty() {
                self.membership.request_rejoin("need to revoke partitions and re-join");
                if !self.call(ctx, Listener::Revoked, revoked) {
                    return false;
                }
            }
        }
        let Round::Revoked(partitions) = std::mem::take(&mut self.membership.round) else { return true };
        self.totals.rebalances += 1;
        self.next_auto_commit = ctx.now() + ms(self.config.auto_commit_interval_ms);
        if self.membership.assignor == Some(AssignorKind::Sticky) {
            let generation = self.membership.generation;
            self.membership.last_assigned = Some((partitions.clone().into(), generation));
        }
        self.own(ctx, partitions)
    }

    fn read_assignment(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        assignment: &Bytes,
    ) -> Option<Vec<TopicPartition>> {
        match consumer_protocol::decode::<ConsumerProtocolAssignment>(assignment) {
            Ok(decoded) => Some(flatten(decoded.assigned_partitions)),
            // A leader that forgot about us sends nothing at all.
            Err(_) if assignment.is_empty() => Some(Vec::new()),
            Err(error) => {
                self.fail(ctx, ErrorCode::CorruptMessage, &format!("assignment: {error}"));
                None
            }
        }
    }

    pub(super) fn restart_session(&mut self, now: SimTime) {
        let timeout_ms = u64::try_from(self.config.session_timeout_ms).unwrap_or(0);
        self.membership.session_until = now + ms(timeout_ms);
    }
}
