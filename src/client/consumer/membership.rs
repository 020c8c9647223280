//! What a consumer knows of its membership in a group, whichever protocol the group speaks, and
//! what it tells of it.

use std::sync::Arc;

use super::classic::Round;
use super::coordinator::Coordinator;
use super::kip848::Managed;
use super::{Consumer, ConsumerTimer, GroupProtocol};
use crate::assignor::{AssignorKind, Topics};
use crate::base::SimTime;
use crate::protocol::TopicPartition;
use crate::trace::{Ctx, Event};

/// Where a consumer stands in its group. Which states there are depends on `group.protocol`.
///
/// The classic protocol (`AbstractCoordinator.MemberState`):
///
/// | from | when | to |
/// | --- | --- | --- |
/// | Unjoined | it polls and the coordinator is known; partitions that it had are lost | Joining |
/// | Joining | JoinGroup is answered | Syncing; Unjoined on errors |
/// | Syncing | SyncGroup is answered | Stable; Unjoined on errors |
/// | Stable | a heartbeat tells of a rebalance, the subscription or its topics change; at the next poll | Revoking |
/// | Revoking | what was consumed is committed, and what the protocol wants revoked is | Joining |
/// | any | its id or generation is unknown, or it did not poll in time | Unjoined |
///
/// The consumer protocol (`MemberState` of KIP-848):
///
/// | from | when | to |
/// | --- | --- | --- |
/// | Unjoined | it subscribes and polls | Joining |
/// | Joining, Stable, Acknowledging | a heartbeat brings another target assignment | Reconciling |
/// | Joining | it brings one that is empty | Stable |
/// | Reconciling | what moves is revoked, the rest assigned | Acknowledging |
/// | Acknowledging | the heartbeat that says so is sent | Stable; Reconciling if the target has changed |
/// | any | the coordinator does not know its id or its epoch | Fenced |
/// | Fenced | its partitions are lost | Joining |
/// | any | it is to leave: its partitions are revoked | PrepareLeaving, Leaving, Unjoined |
/// | any | it did not poll in time | Leaving, Stale |
/// | Stale | its partitions are lost and it polls | Joining |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemberState {
    /// Not a member.
    #[default]
    Unjoined,
    /// Commits, and gives up what it must before it joins again.
    Revoking,
    /// Waits for the other members; in the consumer protocol, for its first target.
    Joining,
    /// Waits for its assignment.
    Syncing,
    /// Knows what it owns.
    Stable,
    /// On its way to another target assignment.
    Reconciling,
    /// Has reached it and has to tell.
    Acknowledging,
    /// Heard that it is not a member, and lets go.
    Fenced,
    /// Lets go before it leaves.
    PrepareLeaving,
    /// Leaves.
    Leaving,
    /// Has left because it did not poll in time.
    Stale,
}

impl MemberState {
    /// Its name in the trace.
    pub fn name(self) -> &'static str {
        match self {
            MemberState::Unjoined => "unjoined",
            MemberState::Revoking => "revoking",
            MemberState::Joining => "joining",
            MemberState::Syncing => "syncing",
            MemberState::Stable => "stable",
            MemberState::Reconciling => "reconciling",
            MemberState::Acknowledging => "acknowledging",
            MemberState::Fenced => "fenced",
            MemberState::PrepareLeaving => "preparing to leave",
            MemberState::Leaving => "leaving",
            MemberState::Stale => "stale",
        }
    }
}

/// What a consumer knows of its membership.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Membership {
    pub(super) member_id: String,
    /// Generation, or member epoch; −1: none.
    pub(super) generation: i32,
    pub(super) is_leader: bool,
    /// Nothing is asked of the coordinator before.
    pub(super) retry_at: SimTime,
    pub(super) state: MemberState,
    pub(super) coordinator: Option<Coordinator>,
    pub(super) needs_rejoin: bool,
    /// Why, for the coordinator's log.
    pub(super) rejoin_reason: &'static str,
    /// The heartbeat thread is at work.
    pub(super) has_heartbeat: bool,
    pub(super) next_heartbeat: SimTime,
    pub(super) session_until: SimTime,
    pub(super) failures: u32,
    /// What `poll()` is in the middle of, in the classic protocol.
    pub(super) round: Round,
    /// The topics that its pattern matches, by its metadata, in the classic protocol.
    pub(super) matched: Vec<Arc<str>>,
    /// As the leader: the group's topics when it handed them out.
    pub(super) handed_out: Topics,
    /// The sticky assignor's memory: what it was assigned last, and in which generation.
    pub(super) last_assigned: Option<(Arc<Vec<TopicPartition>>, i32)>,
    /// The assignor of the last assignment.
    pub(super) assignor: Option<AssignorKind>,
    /// The consumer protocol's part.
    pub(super) managed: Managed,
    /// What was told of it last.
    told: (MemberState, i32),
}

impl Default for Membership {
    fn default() -> Self {
        Membership {
            member_id: String::new(),
            generation: -1,
            is_leader: false,
            retry_at: SimTime::ZERO,
            state: MemberState::Unjoined,
            coordinator: None,
            needs_rejoin: false,
            rejoin_reason: "",
            has_heartbeat: false,
            next_heartbeat: SimTime::ZERO,
            session_until: SimTime::ZERO,
            failures: 0,
            round: Round::Idle,
            matched: Vec::new(),
            handed_out: Topics::default(),
            last_assigned: None,
            assignor: None,
            managed: Managed::default(),
            told: (MemberState::Unjoined, -1),
        }
    }
}

impl Membership {
    pub(super) fn coordinator_id(&self) -> Option<i32> {
        self.coordinator.as_ref().map(|coordinator| coordinator.id)
    }

    /// At the next poll, everybody joins again.
    pub(super) fn request_rejoin(&mut self, reason: &'static str) {
        self.needs_rejoin = true;
        self.rejoin_reason = reason;
    }

    /// Whether the coordinator would take its commits.
    pub(super) fn is_in_group(&self) -> bool {
        use MemberState::{Acknowledging, PrepareLeaving, Reconciling, Revoking, Stable};
        let may_commit = [Revoking, Stable, Reconciling, Acknowledging, PrepareLeaving];
        self.generation > 0 && may_commit.contains(&self.state)
    }

    /// Whether it has asked to join and does not know its assignment.
    pub(super) fn is_rebalancing(&self) -> bool {
        matches!(self.state, MemberState::Joining | MemberState::Syncing)
    }
}

impl Consumer {
    pub(super) fn is_subscribed(&self) -> bool {
        let subscribes = !self.app.topics.is_empty() || self.app.topic_regex.is_some();
        subscribes && self.config.group_id.is_some()
    }

    pub(super) fn group_id(&self) -> &str {
        self.config.group_id.as_deref().unwrap_or_default()
    }

    pub(super) fn instance(&self) -> Option<String> {
        self.config.group_instance_id.as_deref().map(str::to_owned)
    }

    /// Whether its group is managed by the coordinator (KIP-848, KIP-932).
    pub(super) fn is_managed(&self) -> bool {
        self.config.group_protocol != GroupProtocol::Classic
    }

    /// What `poll()` does for the membership.
    pub(super) fn poll_group(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) {
        if self.is_managed() { self.poll_managed(ctx) } else { self.poll_classic(ctx) }
    }

    /// Another state; what looks on is told.
    pub(super) fn enter(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, state: MemberState) {
        let membership = &mut self.membership;
        membership.state = state;
        let (from, now) = (membership.told.0, (state, membership.generation));
        if membership.told == now || self.config.group_id.is_none() {
            return;
        }
        membership.told = now;
        ctx.trace(Event::MemberStateChanged {
            group: self.config.group_id.clone().unwrap_or_default(),
            member: self.membership.member_id.as_str().into(),
            from: from.name(),
            to: state.name(),
            generation: self.membership.generation,
            owned: self.owned.keys().cloned().collect(),
        });
    }

    /// The coordinator does not know the member id or the generation (any more), or the member
    /// has left.
    pub(super) fn lose(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, forget_id: bool) {
        let membership = &mut self.membership;
        // With the consumer protocol the id is the member's own, for the life of the process.
        if forget_id && self.config.group_protocol == GroupProtocol::Classic {
            membership.member_id.clear();
        }
        membership.generation = -1;
        membership.is_leader = false;
        membership.has_heartbeat = false;
        membership.round = Round::Idle;
        membership.managed = Managed::default();
        self.enter(ctx, MemberState::Unjoined);
    }
}
