//! Membership in a classic group: finding the coordinator, joining, syncing, heartbeats,
//! leaving; as the group's leader, running the assignor.

use std::sync::Arc;

use bytes::Bytes;

use super::{Consumer, ConsumerTimer, OwnedPartition, Request, Seeking, TopicPartition};
use crate::assignor::{AssignorKind, Member, Topic};
use crate::base::{Map, Set, SimTime, ms};
use crate::client::metadata_cache::BrokerEndpoint;
use crate::client::network::{Response, SendOptions};
use crate::protocol::ErrorCode;
use crate::protocol::messages::consumer_protocol::ConsumerProtocolSubscription;
use crate::protocol::messages::consumer_protocol::TopicPartition as TopicPartitions;
use crate::protocol::messages::consumer_protocol::{self, ConsumerProtocolAssignment};
use crate::protocol::messages::find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
use crate::protocol::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use crate::protocol::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol};
use crate::protocol::messages::join_group::{JoinGroupResponse, JoinGroupResponseMember};
use crate::protocol::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use crate::protocol::messages::sync_group::SyncGroupResponse;
use crate::protocol::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use crate::protocol::wire::encode_prefixed;
use crate::trace::{Ctx, Event};

/// The version in which Kafka 4.1's clients write subscriptions and assignments.
const CONSUMER_PROTOCOL_VERSION: i16 = 3;

/// Where a consumer stands in its group.
///
/// | from | when | to |
/// | --- | --- | --- |
/// | Unjoined | it polls and the coordinator is known; partitions that it had are lost | Joining |
/// | Joining | JoinGroup is answered | Syncing; Unjoined on errors |
/// | Syncing | SyncGroup is answered | Stable; Unjoined on errors |
/// | Stable | a heartbeat tells of a rebalance, the subscription or its topics change; at the next poll | Revoking |
/// | Revoking | what was consumed is committed, everything is revoked | Joining |
/// | any | its id or generation is unknown, or it did not poll in time | Unjoined |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemberState {
    /// Not a member.
    #[default]
    Unjoined,
    /// Commits before it gives up its partitions.
    Revoking,
    /// Waits for the other members.
    Joining,
    /// Waits for its assignment.
    Syncing,
    /// Knows what it owns.
    Stable,
}

/// The broker that coordinates the group.
#[derive(Clone, Debug, PartialEq)]
struct Coordinator {
    id: i32,
    endpoint: BrokerEndpoint,
}

/// What a consumer knows of its membership.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Membership {
    pub(super) member_id: String,
    pub(super) generation: i32,
    pub(super) is_leader: bool,
    /// Nothing is asked of the coordinator before.
    pub(super) retry_at: SimTime,
    state: MemberState,
    coordinator: Option<Coordinator>,
    needs_rejoin: bool,
    /// The heartbeat thread is at work.
    has_heartbeat: bool,
    next_heartbeat: SimTime,
    session_until: SimTime,
    pub(super) failures: u32,
    protocol: Option<AssignorKind>,
    /// As the leader: the partitions of the group's topics when it handed them out.
    partition_counts: Map<Arc<str>, i32>,
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
            has_heartbeat: false,
            next_heartbeat: SimTime::ZERO,
            session_until: SimTime::ZERO,
            failures: 0,
            protocol: None,
            partition_counts: Map::new(),
        }
    }
}

impl Membership {
    pub(super) fn state(&self) -> MemberState {
        self.state
    }

    pub(super) fn coordinator_id(&self) -> Option<i32> {
        self.coordinator.as_ref().map(|coordinator| coordinator.id)
    }

    /// Whether `max.poll.interval.ms` counts.
    pub(super) fn is_watched(&self) -> bool {
        self.has_heartbeat
    }

    /// At the next poll, everybody joins again.
    pub(super) fn request_rejoin(&mut self) {
        self.needs_rejoin = true;
    }

    /// No longer a member, and nothing to come back to.
    pub(super) fn forget(&mut self) {
        self.lose(true);
    }

    /// The coordinator does not know the member id or the generation (any more).
    pub(super) fn lose(&mut self, forget_id: bool) {
        if forget_id {
            self.member_id.clear();
        }
        self.generation = -1;
        self.is_leader = false;
        self.state = MemberState::Unjoined;
        self.has_heartbeat = false;
    }

    fn leave_stable(&mut self, state: MemberState) {
        self.state = state;
        self.has_heartbeat = false;
    }
}

impl Consumer {
    pub(super) fn is_subscribed(&self) -> bool {
        !self.app.topics.is_empty() && self.config.group_id.is_some()
    }

    pub(super) fn group_id(&self) -> &str {
        self.config.group_id.as_deref().unwrap_or_default()
    }

    /// What `poll()` does for the membership.
    pub(super) fn poll_group(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) {
        let Some(node) = self.coordinator_node(ctx) else { return };
        self.notice_new_partitions();
        if self.membership.state == MemberState::Stable && self.membership.needs_rejoin {
            self.membership.state = MemberState::Revoking;
            if self.commits_automatically() && !self.owned.is_empty() {
                let offsets = self.consumed_positions();
                self.begin_commit(ctx, offsets);
            }
        }
        if self.membership.state == MemberState::Revoking {
            if self.sync_commit.is_some() && self.drive_commit(ctx).is_none() {
                return;
            }
            // The commit may have told that the membership is lost, too.
            self.membership.leave_stable(MemberState::Unjoined);
        }
        if self.membership.state == MemberState::Unjoined {
            self.sync_commit = None;
            self.disown(ctx);
            if ctx.now() >= self.membership.retry_at {
                self.send_join(ctx, node);
            }
        }
    }

    /// The leader's metadata show other partitions than it handed out: a new assignment.
    fn notice_new_partitions(&mut self) {
        let membership = &mut self.membership;
        if membership.state != MemberState::Stable || !membership.is_leader {
            return;
        }
        let metadata = self.network.metadata();
        let count = |topic: &str| i32::try_from(metadata.partition_count(topic)).unwrap_or(i32::MAX);
        membership.needs_rejoin |=
            membership.partition_counts.iter().any(|(topic, &before)| count(topic) != before);
    }

    /// The coordinator's connection, if requests can be sent on it now. As in Kafka it is not
    /// the one for fetches from the same broker, behind which heartbeats would have to wait.
    pub(super) fn coordinator_node(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) -> Option<i32> {
        let Some(Coordinator { id, endpoint }) = self.membership.coordinator.clone() else {
            self.find_coordinator(ctx);
            return None;
        };
        let node = i32::MAX - id.max(0);
        if self.network.metadata().brokers().get(&node) != Some(&endpoint) && !self.network.is_ready(node) {
            self.network.leader_is(&TopicPartition::new("", -1), node, -1, Some(endpoint));
        }
        if self.network.ready(ctx, node) {
            return Some(node);
        }
        if self.network.is_backing_off(node, ctx.now()) {
            self.coordinator_unknown(ctx);
        }
        None
    }

    fn find_coordinator(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) {
        if ctx.now() < self.membership.retry_at || self.is_asking(|it| *it == Request::FindCoordinator) {
            return;
        }
        let Some(node) = self.network.least_loaded_node(ctx) else { return };
        if !self.network.ready(ctx, node) {
            return;
        }
        let is_batched = self.network.version_for::<FindCoordinatorRequest>(node).is_some_and(|v| v >= 4);
        let mut request = FindCoordinatorRequest::default();
        if is_batched {
            request.coordinator_keys = vec![self.group_id().to_owned()];
        } else {
            request.key = self.group_id().to_owned();
        }
        self.send(ctx, node, &request, Request::FindCoordinator, SendOptions::default());
    }

    pub(super) fn on_find_coordinator(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, response: &Response) {
        let found = self.decode::<FindCoordinatorResponse>(ctx, response).and_then(|found| {
            let first = found.coordinators.into_iter().next();
            let (error, id, host, port) = match first {
                Some(it) => (it.error_code, it.node_id, it.host, it.port),
                None => (found.error_code, found.node_id, found.host, found.port),
            };
            let port = u16::try_from(port).map_err(|_| ErrorCode::CoordinatorNotAvailable)?;
            if error.is_error() { Err(error) } else { Ok((id, host, port)) }
        });
        match found {
            Ok((id, host, port)) => {
                let endpoint = BrokerEndpoint { host: host.into(), port, rack: None };
                self.membership.coordinator = Some(Coordinator { id, endpoint });
                self.restart_session(ctx.now());
                self.coordinator_node(ctx);
            }
            Err(ErrorCode::InvalidGroupId) => self.fail(ctx, ErrorCode::InvalidGroupId, "group.id"),
            Err(_) => self.back_off_coordinator(ctx),
        }
    }

    /// The coordinator has moved or is gone: look for it.
    pub(super) fn coordinator_unknown(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) {
        self.membership.coordinator = None;
        self.back_off_coordinator(ctx);
    }

    pub(super) fn back_off_coordinator(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) {
        self.membership.failures = self.membership.failures.saturating_add(1);
        let wait = self.config.retry_backoff().after(self.membership.failures, ctx.rng());
        self.membership.retry_at = ctx.now() + wait;
    }

    /// Deals with what any request to the coordinator can be answered with; true if that was
    /// all. Errors without a response count as a coordinator that is gone.
    pub(super) fn is_about_coordinator(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        error: ErrorCode,
    ) -> bool {
        match error {
            ErrorCode::CoordinatorLoadInProgress => self.back_off_coordinator(ctx),
            ErrorCode::NotCoordinator
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::NetworkException
            | ErrorCode::RequestTimedOut
            | ErrorCode::CorruptMessage => self.coordinator_unknown(ctx),
            _ => return false,
        }
        true
    }

    fn send_join(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, node: i32) {
        if self.network.metadata().updated_at().is_none() {
            return;
        }
        let subscription = ConsumerProtocolSubscription {
            topics: self.app.topics.iter().map(ToString::to_string).collect(),
            generation_id: self.membership.generation,
            ..ConsumerProtocolSubscription::default()
        };
        let Ok(metadata) = encode_prefixed(CONSUMER_PROTOCOL_VERSION, &subscription) else {
            return self.fail(ctx, ErrorCode::InvalidTopicException, "the subscription cannot be written");
        };
        let protocols = self.config.partition_assignment_strategy.iter();
        let protocol = |kind: &AssignorKind| JoinGroupRequestProtocol {
            name: kind.protocol_name().to_owned(),
            metadata: metadata.clone(),
        };
        let request = JoinGroupRequest {
            group_id: self.group_id().to_owned(),
            session_timeout_ms: self.config.session_timeout_ms,
            rebalance_timeout_ms: self.config.max_poll_interval_ms,
            member_id: self.membership.member_id.clone(),
            group_instance_id: self.instance(),
            protocol_type: "consumer".to_owned(),
            protocols: protocols.map(protocol).collect(),
            ..JoinGroupRequest::default()
        };
        // The coordinator answers when all have joined, which may take that long.
        let patience_ms = u64::try_from(self.config.max_poll_interval_ms).unwrap_or(0).saturating_add(5_000);
        let timeout_ms = Some(patience_ms.max(self.config.request_timeout_ms));
        let options = SendOptions { timeout_ms, ..SendOptions::default() };
        if self.send(ctx, node, &request, Request::Join, options) {
            self.membership.needs_rejoin = false;
            self.membership.leave_stable(MemberState::Joining);
        }
    }

    fn instance(&self) -> Option<String> {
        self.config.group_instance_id.as_deref().map(str::to_owned)
    }

    pub(super) fn on_join(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, response: &Response) {
        if self.membership.state != MemberState::Joining {
            return;
        }
        self.membership.state = MemberState::Unjoined;
        let error = match self.decode::<JoinGroupResponse>(ctx, response) {
            Ok(joined) if !joined.error_code.is_error() => return self.joined(ctx, response.node, joined),
            Ok(joined) if joined.error_code == ErrorCode::MemberIdRequired => {
                self.membership.member_id = joined.member_id;
                return;
            }
            Ok(joined) => joined.error_code,
            Err(error) => error,
        };
        match error {
            ErrorCode::UnknownMemberId => self.membership.lose(true),
            ErrorCode::IllegalGeneration => self.membership.lose(false),
            ErrorCode::RebalanceInProgress => {}
            error if self.is_about_coordinator(ctx, error) => {}
            error => self.fail(ctx, error, "cannot join the group"),
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
        self.membership.protocol = Some(kind);
        self.membership.failures = 0;
        self.membership.state = MemberState::Syncing;
        self.membership.has_heartbeat = true;
        self.membership.next_heartbeat = ctx.now() + ms(self.config.heartbeat_interval_ms);
        self.restart_session(ctx.now());
        let assignments = if self.membership.is_leader && !joined.skip_assignment {
            self.assign(ctx, kind, &joined.members)
        } else {
            Vec::new()
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
        if !self.send(ctx, node, &request, what, options) {
            self.membership.leave_stable(MemberState::Unjoined);
        }
    }

    /// The leader's work: hands out the partitions of all topics that anybody subscribes to.
    fn assign(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        kind: AssignorKind,
        members: &[JoinGroupResponseMember],
    ) -> Vec<SyncGroupRequestAssignment> {
        let members: Vec<Member> = members.iter().map(member).collect();
        let topics: Set<Arc<str>> = members.iter().flat_map(|it| it.topics.iter().cloned()).collect();
        self.want_topics(ctx, topics.iter().cloned());
        let metadata = self.network.metadata();
        let count = |topic: Arc<str>| {
            let count = i32::try_from(metadata.partition_count(&topic)).unwrap_or(i32::MAX);
            (topic, count)
        };
        let counts: Map<Arc<str>, i32> = topics.into_iter().map(count).collect();
        let sized = counts.iter().map(|(topic, count)| (topic.clone(), Topic::new(*count)));
        let assignment = kind.assign(&sized.collect(), &members);
        self.membership.partition_counts = counts;
        let encoded = assignment.into_iter().map(|(member_id, partitions)| SyncGroupRequestAssignment {
            member_id: member_id.to_string(),
            assignment: encode_assignment(partitions),
        });
        encoded.collect()
    }

    pub(super) fn on_sync(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, response: &Response, generation: i32) {
        if self.membership.state != MemberState::Syncing || self.membership.generation != generation {
            return;
        }
        let error = match self.decode::<SyncGroupResponse>(ctx, response) {
            Ok(synced) if !synced.error_code.is_error() => return self.synced(ctx, &synced.assignment),
            Ok(synced) => synced.error_code,
            Err(error) => error,
        };
        self.membership.leave_stable(MemberState::Unjoined);
        match error {
            ErrorCode::RebalanceInProgress => {}
            ErrorCode::UnknownMemberId => self.membership.lose(true),
            ErrorCode::IllegalGeneration => self.membership.lose(false),
            error if self.is_about_coordinator(ctx, error) => {}
            error => self.fail(ctx, error, "cannot sync with the group"),
        }
    }

    fn synced(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, assignment: &Bytes) {
        self.membership.state = MemberState::Stable;
        self.totals.rebalances += 1;
        self.next_auto_commit = ctx.now() + ms(self.config.auto_commit_interval_ms);
        let partitions = match consumer_protocol::decode::<ConsumerProtocolAssignment>(assignment) {
            Ok(decoded) => flatten(decoded.assigned_partitions),
            // A leader that forgot about us sends nothing at all.
            Err(_) if assignment.is_empty() => Vec::new(),
            Err(error) => {
                return self.fail(ctx, ErrorCode::CorruptMessage, &format!("assignment: {error}"));
            }
        };
        self.own(ctx, partitions);
    }

    /// These partitions are the consumer's from now on.
    pub(super) fn own(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, partitions: Vec<TopicPartition>) {
        let seeking = if self.config.group_id.is_some() {
            Seeking::Committed
        } else {
            self.config.auto_offset_reset.seeking().unwrap_or(Seeking::Committed)
        };
        self.owned = partitions.iter().map(|at| (at.clone(), OwnedPartition::new(seeking))).collect();
        ctx.trace(Event::PartitionsAssigned { group: self.group_id().into(), partitions });
    }

    /// Gives up all partitions.
    pub(super) fn disown(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) {
        if !self.is_subscribed() || self.owned.is_empty() {
            return;
        }
        let partitions = std::mem::take(&mut self.owned).into_keys().collect();
        ctx.trace(Event::PartitionsRevoked { group: self.group_id().into(), partitions });
    }

    /// What the heartbeat thread does when it looks.
    pub(super) fn run_heartbeat_thread(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) {
        if !self.membership.has_heartbeat || self.thread.has_ended() {
            return;
        }
        let interval = ms(u64::try_from(self.config.max_poll_interval_ms).unwrap_or(0));
        let polls = self.thread == super::Thread::Polling && !self.is_stuck;
        if !polls && ctx.now() >= self.last_poll + interval {
            self.report(ctx, ErrorCode::UnknownMemberId, "no poll for max.poll.interval.ms: left the group");
            self.leave(ctx, "consumer poll timeout has expired", false);
            self.membership.lose(true);
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

    /// When the heartbeat thread has to look again.
    pub(super) fn next_heartbeat_work(&self, now: SimTime) -> Option<SimTime> {
        if !self.membership.has_heartbeat {
            return None;
        }
        let membership = &self.membership;
        let asked = self.is_asking(|request| matches!(request, Request::Heartbeat { .. }));
        let next = if membership.coordinator.is_none() {
            membership.next_heartbeat.max(membership.retry_at)
        } else if asked {
            membership.session_until
        } else {
            membership.next_heartbeat.min(membership.session_until)
        };
        Some(next).filter(|&at| at > now)
    }

    fn restart_session(&mut self, now: SimTime) {
        let timeout_ms = u64::try_from(self.config.session_timeout_ms).unwrap_or(0);
        self.membership.session_until = now + ms(timeout_ms);
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
                    self.membership.request_rejoin();
                }
            }
            ErrorCode::UnknownMemberId if is_current => self.membership.lose(true),
            ErrorCode::IllegalGeneration if is_current => self.membership.lose(false),
            ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration => {}
            error if self.is_about_coordinator(ctx, error) => {
                self.membership.next_heartbeat = self.membership.retry_at;
            }
            error if is_current => self.fail(ctx, error, "the coordinator refuses heartbeats"),
            _ => {}
        }
    }

    /// Says good-bye if the coordinator can be reached; true if an answer is to be expected.
    /// Static members do not: they may come back (KIP-345).
    pub(super) fn leave(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, reason: &str, closing: bool) -> bool {
        let is_member = !self.membership.member_id.is_empty() && self.config.group_instance_id.is_none();
        if !self.is_subscribed() || !is_member || self.membership.coordinator.is_none() {
            return false;
        }
        let Some(node) = self.coordinator_node(ctx) else { return false };
        let is_batched = self.network.version_for::<LeaveGroupRequest>(node).is_some_and(|v| v >= 3);
        let member_id = self.membership.member_id.clone();
        let mut request =
            LeaveGroupRequest { group_id: self.group_id().to_owned(), ..LeaveGroupRequest::default() };
        if is_batched {
            let reason = Some(reason.to_owned());
            request.members = vec![MemberIdentity { member_id, group_instance_id: None, reason }];
        } else {
            request.member_id = member_id;
        }
        self.send(ctx, node, &request, Request::Leave { closing }, SendOptions::default())
    }
}

/// A member as its subscription describes it; one that cannot be read subscribes to nothing.
fn member(described: &JoinGroupResponseMember) -> Member {
    let subscription = consumer_protocol::decode::<ConsumerProtocolSubscription>(&described.metadata);
    let topics = subscription.map(|subscription| subscription.topics).unwrap_or_default();
    Member {
        group_instance_id: described.group_instance_id.as_deref().map(Arc::from),
        ..Member::new(described.member_id.as_str(), topics.into_iter().map(Arc::from))
    }
}

fn encode_assignment(partitions: Vec<TopicPartition>) -> Bytes {
    let mut topics: Map<Arc<str>, Vec<i32>> = Map::new();
    for at in partitions {
        topics.entry(at.topic).or_default().push(at.partition);
    }
    let topic = |(topic, partitions): (Arc<str>, _)| TopicPartitions { topic: topic.to_string(), partitions };
    let assignment = ConsumerProtocolAssignment {
        assigned_partitions: topics.into_iter().map(topic).collect(),
        user_data: None,
    };
    // Topic names came out of a subscription: they are as short as they have to be.
    encode_prefixed(CONSUMER_PROTOCOL_VERSION, &assignment).unwrap_or_default()
}

fn flatten(topics: Vec<TopicPartitions>) -> Vec<TopicPartition> {
    let topic = |assigned: TopicPartitions| {
        let topic: Arc<str> = assigned.topic.into();
        assigned.partitions.into_iter().map(move |partition| TopicPartition::new(topic.clone(), partition))
    };
    topics.into_iter().flat_map(topic).collect()
}
