//! Membership in a group that its coordinator manages, `group.protocol=consumer` (KIP-848): one
//! request, ConsumerGroupHeartbeat, by which a member joins, hears of its target assignment, tells
//! how far it has got, and leaves.
//!
//! Rules: `ConsumerMembershipManager`, `AbstractMembershipManager` and
//! `AbstractHeartbeatRequestManager` of Apache Kafka 4.1. There is no barrier: each member goes from
//! its assignment to its target by itself. It first stops and revokes what moves away, assigns the
//! rest, and acknowledges; only then does the coordinator give to others what it let go.
//!
//! Heartbeats come from a thread of their own. Listeners are called by the application's, in
//! `poll()`; without a listener, and without automatic commits, a member lets go at once.

use std::sync::Arc;

use super::listener::Listener;
use super::{Consumer, ConsumerTimer, GroupMembershipOperation, MemberState, Request, TopicPartition};
use crate::base::{Map, Set, ms};
use crate::client::network::{Response, SendOptions};
use crate::protocol::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, RequestTopicPartitions,
};
use crate::protocol::{ErrorCode, Uuid};
use crate::trace::Ctx;

/// Member epochs that say good-bye: for good, or as a static member that may come back.
const LEAVE: i32 = -1;
const LEAVE_STATIC: i32 = -2;

/// Partitions as the coordinator names them.
type Ids = Set<(Uuid, i32)>;

/// An assignment, counted: one that comes back after another is not the same, and is acknowledged again.
#[derive(Clone, Debug, Default, PartialEq)]
struct Assignment {
    /// How many others came before since the member joined, and 1; 0 is that of a member that was given none.
    local_epoch: u64,
    ids: Ids,
}

/// What only a managed member has to know.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Managed {
    /// What it is to own in the end.
    target: Assignment,
    /// How much of which target it had reached last: only what belongs to topics that it knows. Before
    /// the first one this is no assignment, so that even an empty first one is new and acknowledged.
    current: Assignment,
    step: Step,
    interval_ms: u64,
    /// What the last heartbeats said, if the coordinator may count on having heard that.
    sent: Option<Sent>,
}

/// How far the way to a new target has been gone.
#[derive(Clone, Debug, Default, PartialEq)]
enum Step {
    #[default]
    None,
    /// The offsets of what was processed are being committed.
    Committing(Assignment),
    /// Now what moves away is revoked.
    Revoking(Assignment),
    /// Now what is new is assigned.
    Assigning(Assignment),
    /// All is done but the acknowledgement.
    Done(Assignment),
}

/// Fields that a heartbeat leaves out when they have not changed.
#[derive(Clone, Debug, PartialEq)]
struct Sent {
    topics: Vec<Arc<str>>,
    regex: Option<Arc<str>>,
    owned: Assignment,
}

impl Consumer {
    #[inline(never)]
    pub(super) fn poll_managed(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) {
        if self.membership.state == MemberState::Unjoined {
            self.join_managed(ctx);
        }
        self.advance(ctx, true);
    }

    /// Both threads, until they wait for something.
    #[inline(never)]
    pub(super) fn run_managed(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) {
        self.advance(ctx, false);
        self.run_app_thread(ctx);
        self.send_managed_heartbeat(ctx);
        if self.membership.state == MemberState::Reconciling {
            // The acknowledgement has gone out while there was another target already.
            self.advance(ctx, false);
            self.run_app_thread(ctx);
            self.send_managed_heartbeat(ctx);
        }
    }

    /// As far as the membership gets by itself, in `poll()` or meanwhile.
    pub(super) fn advance(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, in_poll: bool) {
        if self.thread.has_ended() {
            return;
        }
        match self.membership.state {
            MemberState::Fenced | MemberState::Stale => self.let_go(ctx, in_poll),
            MemberState::Reconciling => self.reconcile(ctx, in_poll),
            _ => {}
        }
    }

    /// A new membership, with the id of the old one if there was one.
    fn join_managed(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) {
        if self.membership.member_id.is_empty() {
            let id = Uuid::from_halves(ctx.rng().next_u64(), ctx.rng().next_u64());
            self.membership.member_id = id.to_string();
        }
        // What older heartbeats are answered is no longer of interest.
        self.requests.retain(|_, request| *request != Request::ManagedHeartbeat);
        self.membership.managed = Managed::default();
        self.membership.generation = 0;
        self.membership.has_heartbeat = true;
        self.membership.next_heartbeat = ctx.now();
        self.enter(ctx, MemberState::Joining);
    }

    /// Fenced or stale: what it had may be somebody else's already. A stale member joins again when
    /// the application is back.
    fn let_go(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, in_poll: bool) {
        if !self.owned.is_empty() {
            let all = self.owned.keys().cloned().collect();
            if (self.has_listener() && !in_poll) || !self.call(ctx, Listener::Lost, all) {
                return;
            }
        }
        if in_poll || self.membership.state == MemberState::Fenced {
            self.join_managed(ctx);
        }
    }

    /// Goes the way to the target, as far as that goes now.
    #[inline(never)]
    fn reconcile(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, in_poll: bool) {
        if self.membership.managed.step == Step::None && !self.begin_reconciling(ctx, in_poll) {
            return;
        }
        if let Step::Committing(target) = &self.membership.managed.step {
            let target = target.clone();
            if self.sync_commit.is_some() && self.drive_commit(ctx).is_none() {
                return;
            }
            self.membership.managed.step = Step::Revoking(target);
        }
        let may_call = in_poll || !self.has_listener();
        if let Step::Revoking(target) = &self.membership.managed.step
            && may_call
        {
            let given = self.named(&target.ids);
            let revoked = self.owned.keys().filter(|at| !given.contains(*at));
            let revoked: Vec<TopicPartition> = revoked.cloned().collect();
            self.membership.managed.step = Step::Assigning(target.clone());
            if !revoked.is_empty() && !self.call(ctx, Listener::Revoked, revoked) {
                return;
            }
        }
        if let Step::Assigning(target) = &self.membership.managed.step
            && may_call
        {
            let given = self.named(&target.ids).into_iter().collect();
            self.membership.managed.step = Step::Done(target.clone());
            self.totals.rebalances += 1;
            if !self.own(ctx, given) {
                return;
            }
        }
        let managed = &mut self.membership.managed;
        if let Step::Done(reached) = &managed.step {
            managed.current = reached.clone();
            managed.step = Step::None;
            self.enter(ctx, MemberState::Acknowledging);
        }
    }

    /// The first step: false if there is none to be taken yet.
    #[inline(never)]
    fn begin_reconciling(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, in_poll: bool) -> bool {
        let metadata = self.network.metadata();
        let target = &self.membership.managed.target;
        let wanted = target.ids.iter();
        let known = wanted.filter(|(id, _)| metadata.topic_by_id(*id).is_some()).copied();
        let known = Assignment { local_epoch: target.local_epoch, ids: known.collect() };
        if known != *target {
            self.network.refresh_metadata(ctx);
        }
        let current = &mut self.membership.managed.current;
        if current.local_epoch > 0 && current.ids == known.ids {
            if current.local_epoch != known.local_epoch {
                *current = known;
                self.enter(ctx, MemberState::Acknowledging);
            }
            return false;
        }
        let commits = self.commits_automatically();
        if commits && !in_poll {
            return false;
        }
        let given = self.named(&known.ids);
        let moves: Vec<TopicPartition> =
            self.owned.keys().filter(|at| !given.contains(*at)).cloned().collect();
        self.set_revoking(Some(&moves));
        let mut step = Step::Revoking(known);
        if commits && !self.owned.is_empty() && self.sync_commit.is_none() {
            let until = ctx.now() + ms(u64::try_from(self.config.max_poll_interval_ms).unwrap_or(0));
            self.begin_commit(ctx, self.consumed_positions(), until);
            if let Step::Revoking(known) = step {
                step = Step::Committing(known);
            }
        }
        self.membership.managed.step = step;
        true
    }

    /// Whether it is on its way to an assignment without this partition, and may not have let go of it. What
    /// it was assigned in between it takes first, as Java's does: an application that hangs is given in the
    /// end what its member has said long since not to own, and gives it back at once.
    pub(crate) fn is_to_give_up(&self, at: &TopicPartition) -> bool {
        let managed = &self.membership.managed;
        managed.current != managed.target && !self.named(&managed.target.ids).contains(at)
    }

    fn named(&self, ids: &Ids) -> Set<TopicPartition> {
        let metadata = self.network.metadata();
        let name = |&(id, partition): &(Uuid, i32)| {
            Some(TopicPartition::new(metadata.topic_by_id(id)?.0.clone(), partition))
        };
        ids.iter().filter_map(name).collect()
    }

    /// What the heartbeat thread does when it looks.
    #[inline(never)]
    pub(super) fn send_managed_heartbeat(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) {
        let state = self.membership.state;
        let is_urgent = matches!(state, MemberState::Joining | MemberState::Acknowledging);
        let is_due = is_urgent || ctx.now() >= self.membership.next_heartbeat;
        if !self.membership.has_heartbeat
            || self.thread.has_ended()
            || !is_due
            || ctx.now() < self.membership.retry_at
            || self.is_asking(|request| *request == Request::ManagedHeartbeat)
        {
            return;
        }
        let Some(node) = self.coordinator_node(ctx) else { return };
        let joins = state == MemberState::Joining;
        let is_sent = if self.is_share() {
            let sent = self.membership.managed.sent.as_ref().filter(|_| !joins);
            let is_first = sent.is_none();
            let says_topics = sent.is_none_or(|sent| sent.topics != self.app.topics);
            self.send_share_heartbeat(ctx, node, says_topics, is_first)
        } else {
            let request = self.managed_heartbeat(joins);
            self.send(ctx, node, &request, Request::ManagedHeartbeat, SendOptions::default())
        };
        if !is_sent {
            return;
        }
        let managed = &mut self.membership.managed;
        managed.sent = Some(Sent {
            topics: self.app.topics.clone(),
            regex: self.app.topic_regex.clone(),
            owned: managed.current.clone(),
        });
        let interval_ms = managed.interval_ms;
        self.membership.next_heartbeat = ctx.now() + ms(interval_ms);
        if state == MemberState::Acknowledging {
            let managed = &self.membership.managed;
            let is_there = managed.current == managed.target;
            self.enter(ctx, if is_there { MemberState::Stable } else { MemberState::Reconciling });
        }
    }

    #[inline(never)]
    fn managed_heartbeat(&self, joins: bool) -> ConsumerGroupHeartbeatRequest {
        let managed = &self.membership.managed;
        let sent = managed.sent.as_ref().filter(|_| !joins);
        let mut request = ConsumerGroupHeartbeatRequest {
            group_id: self.group_id().to_owned(),
            member_id: self.membership.member_id.clone(),
            member_epoch: self.membership.generation,
            instance_id: self.instance(),
            ..ConsumerGroupHeartbeatRequest::default()
        };
        if sent.is_none() {
            request.rebalance_timeout_ms = self.config.max_poll_interval_ms;
            request.server_assignor = self.config.group_remote_assignor.as_deref().map(str::to_owned);
            request.rack_id = self.config.client_rack.as_deref().map(str::to_owned);
        }
        if sent.is_none_or(|sent| sent.topics != self.app.topics) {
            let topics: Set<&Arc<str>> = self.app.topics.iter().collect();
            request.subscribed_topic_names = Some(topics.iter().map(ToString::to_string).collect());
        }
        if sent.map(|sent| &sent.regex) != Some(&self.app.topic_regex)
            && (sent.is_some() || self.app.topic_regex.is_some())
        {
            let regex = self.app.topic_regex.as_deref().unwrap_or_default();
            request.subscribed_topic_regex = Some(regex.to_owned());
        }
        if sent.is_none_or(|sent| sent.owned != managed.current) {
            let mut topics: Map<Uuid, Vec<i32>> = Map::new();
            for &(id, partition) in &managed.current.ids {
                topics.entry(id).or_default().push(partition);
            }
            let topic = |(topic_id, partitions)| RequestTopicPartitions { topic_id, partitions };
            request.topic_partitions = Some(topics.into_iter().map(topic).collect());
        }
        request
    }

    #[inline(never)]
    pub(super) fn on_managed_heartbeat(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, response: &Response) {
        if !self.membership.has_heartbeat {
            return;
        }
        let answer = match self.is_share() {
            true => self.decode_share_heartbeat(ctx, response),
            false => self.decode::<ConsumerGroupHeartbeatResponse>(ctx, response),
        };
        let error = match answer {
            Ok(answer) if !answer.error_code.is_error() => return self.heard(ctx, answer),
            Ok(answer) => answer.error_code,
            Err(error) => error,
        };
        match error {
            ErrorCode::FencedMemberEpoch | ErrorCode::UnknownMemberId => {
                self.give_up_step();
                self.set_revoking(None);
                self.membership.has_heartbeat = false;
                self.membership.generation = 0;
                self.enter(ctx, MemberState::Fenced);
            }
            error if self.is_about_coordinator(ctx, error) => self.repeat_all(),
            error if error.is_retriable() => {
                self.back_off_coordinator(ctx);
                self.repeat_all();
            }
            error => self.fail(ctx, error, "the coordinator refuses heartbeats"),
        }
    }

    /// Whoever answers next may not have heard what was said.
    fn repeat_all(&mut self) {
        self.membership.managed.sent = None;
        self.membership.next_heartbeat = self.membership.retry_at;
    }

    /// The way to the target ends here.
    fn give_up_step(&mut self) {
        if self.commits_to_reconcile() {
            self.sync_commit = None;
        }
        self.membership.managed.step = Step::None;
    }

    /// Whether the commit under way is that before a rebalance.
    pub(super) fn commits_to_reconcile(&self) -> bool {
        matches!(self.membership.managed.step, Step::Committing(_))
    }

    #[inline(never)]
    fn heard(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, answer: ConsumerGroupHeartbeatResponse) {
        let membership = &mut self.membership;
        membership.failures = 0;
        let interval_ms = u64::try_from(answer.heartbeat_interval_ms).unwrap_or(0);
        if membership.managed.interval_ms != interval_ms {
            membership.managed.interval_ms = interval_ms;
            membership.next_heartbeat = ctx.now() + ms(interval_ms);
        }
        membership.generation = answer.member_epoch;
        let mut state = membership.state;
        if let Some(assignment) = answer.assignment {
            let topics = assignment.topic_partitions.into_iter();
            let ids: Ids = topics
                .flat_map(|topic| {
                    topic.partitions.into_iter().map(move |partition| (topic.topic_id, partition))
                })
                .collect();
            let managed = &mut membership.managed;
            if managed.target.local_epoch == 0 || managed.target.ids != ids {
                managed.target = Assignment { local_epoch: managed.target.local_epoch + 1, ids };
            }
            if managed.current != managed.target {
                state = MemberState::Reconciling;
            }
        }
        self.enter(ctx, state);
    }

    /// Says good-bye; true if an answer is to be expected.
    #[inline(never)]
    pub(super) fn leave_managed(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        closing: Option<GroupMembershipOperation>,
    ) -> bool {
        let is_member = self.membership.generation > 0;
        self.give_up_step();
        self.set_revoking(None);
        self.membership.has_heartbeat = false;
        let is_static = self.config.group_instance_id.is_some();
        let for_good = !is_static || closing == Some(GroupMembershipOperation::LeaveGroup);
        self.membership.generation = if for_good { LEAVE } else { LEAVE_STATIC };
        self.enter(ctx, MemberState::Leaving);
        // A dynamic member that is to stay says nothing: only its session can end.
        let is_silent = !is_static && closing == Some(GroupMembershipOperation::RemainInGroup);
        if !is_member || is_silent || self.membership.coordinator.is_none() {
            return false;
        }
        let Some(node) = self.coordinator_node(ctx) else { return false };
        if self.is_share() {
            return self.send_share_leave(ctx, node, closing.is_some());
        }
        let request = ConsumerGroupHeartbeatRequest {
            group_id: self.group_id().to_owned(),
            member_id: self.membership.member_id.clone(),
            member_epoch: self.membership.generation,
            instance_id: self.instance(),
            ..ConsumerGroupHeartbeatRequest::default()
        };
        let what = Request::Leave { closing: closing.is_some() };
        self.send(ctx, node, &request, what, SendOptions::default())
    }
}
