//! The group coordinator's host: finds its records a place in `__consumer_offsets`, waits until
//! they are committed, and brings its answers to whoever asked.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::{Map, Set, SimTime, ms};
use crate::broker::{Broker, BrokerTimer, Ctx, OFFSETS_TOPIC, SHARE_STATE_TOPIC};
use crate::coordinator::{
    Append, Caller, CoordinatorTimer, GroupCoordinator, GroupRequest, GroupResponse, Moment, Outcome,
    ShareAsk, ShareTold,
};
use crate::metadata::NO_LEADER;
use crate::peer::BROKER_CLIENT;
use crate::protocol::messages::find_coordinator::{
    Coordinator, FindCoordinatorRequest, FindCoordinatorResponse,
};
use crate::protocol::{ApiKey, ErrorCode, Message, TopicPartition, Uuid, WireError};
use crate::storage::{BatchBuilder, BatchOptions};

/// `FindCoordinator.key_type` of a group.
const GROUP_KEY: i8 = 0;
/// `FindCoordinator.key_type` of a share partition, which goes by `group:topic-id:partition` (KIP-932).
const SHARE_KEY: i8 = 2;
/// `FindCoordinator.key_type` of a transactional id.
const TRANSACTION_KEY: i8 = 1;
/// From this version on FindCoordinator asks about several keys at once (KIP-699).
const COORDINATORS_BATCHED_SINCE: i16 = 4;

/// The coordinator and what it waits for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Groups {
    coordinator: GroupCoordinator,
    waiting: VecDeque<WaitingAppend>,
    /// Partitions that nobody knows, by the request that names them.
    pub(super) unknown: Map<u64, Vec<TopicPartition>>,
}

/// An append that is in the log but not committed yet.
#[derive(Clone, Debug, PartialEq)]
struct WaitingAppend {
    at: TopicPartition,
    until: i64,
    deadline: SimTime,
    append: Append,
}

impl Groups {
    pub(super) fn new(coordinator: GroupCoordinator) -> Groups {
        Groups { coordinator, waiting: VecDeque::new(), unknown: Map::new() }
    }

    pub(super) fn coordinator(&self) -> &GroupCoordinator {
        &self.coordinator
    }
}

impl Broker {
    pub(super) fn handle_group(
        &mut self,
        ctx: &mut Ctx,
        token: u64,
        api: ApiKey,
        version: i16,
        body: &Bytes,
    ) -> Result<(), WireError> {
        let request = match api {
            ApiKey::JoinGroup => GroupRequest::JoinGroup(Message::decode(body, version)?),
            ApiKey::SyncGroup => GroupRequest::SyncGroup(Message::decode(body, version)?),
            ApiKey::Heartbeat => GroupRequest::Heartbeat(Message::decode(body, version)?),
            ApiKey::LeaveGroup => GroupRequest::LeaveGroup(Message::decode(body, version)?),
            ApiKey::OffsetCommit => {
                let request = Message::decode(body, version)?;
                let Some(request) = self.keep_known_commits(ctx, token, request) else { return Ok(()) };
                GroupRequest::OffsetCommit(request)
            }
            ApiKey::OffsetDelete => {
                let request = Message::decode(body, version)?;
                GroupRequest::OffsetDelete(self.keep_known_deletions(token, request))
            }
            ApiKey::OffsetFetch => GroupRequest::OffsetFetch(Message::decode(body, version)?),
            ApiKey::ListGroups => GroupRequest::ListGroups(Message::decode(body, version)?),
            ApiKey::DescribeGroups => GroupRequest::DescribeGroups(Message::decode(body, version)?),
            ApiKey::DeleteGroups => GroupRequest::DeleteGroups(Message::decode(body, version)?),
            ApiKey::ConsumerGroupHeartbeat => {
                GroupRequest::ConsumerGroupHeartbeat(Message::decode(body, version)?)
            }
            ApiKey::ConsumerGroupDescribe => {
                GroupRequest::ConsumerGroupDescribe(Message::decode(body, version)?)
            }
            ApiKey::ShareGroupHeartbeat => GroupRequest::ShareGroupHeartbeat(Message::decode(body, version)?),
            ApiKey::ShareGroupDescribe => GroupRequest::ShareGroupDescribe(Message::decode(body, version)?),
            ApiKey::DescribeShareGroupOffsets => {
                GroupRequest::DescribeShareGroupOffsets(Message::decode(body, version)?)
            }
            ApiKey::AlterShareGroupOffsets => {
                GroupRequest::AlterShareGroupOffsets(Message::decode(body, version)?)
            }
            ApiKey::DeleteShareGroupOffsets => {
                GroupRequest::DeleteShareGroupOffsets(Message::decode(body, version)?)
            }
            _ => {
                self.refuse(ctx, token, format!("{} is not served", api.name()));
                return Ok(());
            }
        };
        let Some(asked) = self.server.asked(token) else { return Ok(()) };
        let (client_id, host) = (Arc::clone(&asked.client_id), format!("/10.0.0.{}", asked.from.0 % 250 + 1));
        let caller = Caller { token, api_version: version, client_id: &client_id, client_host: &host };
        let mut out = Outcome::default();
        let at = Moment { now: ctx.now(), image: &self.image };
        self.groups.coordinator.handle(at, ctx.rng(), caller, request, &mut out);
        self.carry_out(ctx, out);
        Ok(())
    }

    pub(super) fn coordinator_timer(&mut self, ctx: &mut Ctx, timer: CoordinatorTimer) {
        let mut out = Outcome::default();
        let at = Moment { now: ctx.now(), image: &self.image };
        self.groups.coordinator.timer(at, timer, &mut out);
        self.carry_out(ctx, out);
    }

    /// Does what the coordinator decided: what happened, appends, timers, answers.
    fn carry_out(&mut self, ctx: &mut Ctx, out: Outcome) {
        let before = ctx.cause();
        for event in out.events {
            let entry = ctx.trace(event);
            ctx.because(entry);
        }
        for (timer, at) in out.timers {
            let key = BrokerTimer::Coordinator(timer);
            match at {
                Some(at) => ctx.set_timer(key, at),
                None => ctx.cancel_timer(key),
            }
        }
        for append in out.appends {
            self.append_for_coordinator(ctx, append);
        }
        for (token, response) in out.replies {
            self.reply_group(ctx, token, response);
        }
        for ask in out.asks {
            self.ask_share_states(ask);
        }
        ctx.because(before);
    }

    /// Share coordinators have answered what the coordinator asked.
    #[inline(never)]
    pub(super) fn tell_group_coordinator(&mut self, ctx: &mut Ctx, ask: ShareAsk, told: &[ShareTold]) {
        let mut out = Outcome::default();
        let at = Moment { now: ctx.now(), image: &self.image };
        self.groups.coordinator.share_told(at, ask, told, &mut out);
        self.carry_out(ctx, out);
    }

    fn append_for_coordinator(&mut self, ctx: &mut Ctx, append: Append) {
        let at = TopicPartition::new(OFFSETS_TOPIC, append.partition);
        let mut builder = BatchBuilder::new(BatchOptions::default());
        let timestamp = ctx.unix_ms();
        let fits = append
            .records
            .iter()
            .all(|(key, value)| builder.try_push(timestamp, Some(key), value.as_deref(), &[]).is_ok());
        let epoch_holds =
            self.partition(&at).is_some_and(|p| p.registration.leader_epoch == append.leader_epoch);
        let timeout = u64::try_from(self.config.group.offsets_commit_timeout_ms).unwrap_or(0);
        let deadline = ctx.now() + ms(timeout);
        // Queued before it is appended: with a single in-sync replica it is committed at once.
        let refused: ErrorCode = if !fits {
            ErrorCode::MessageTooLarge
        } else if !epoch_holds {
            ErrorCode::NotLeaderOrFollower
        } else {
            let end = self.log(&at).map_or(0, |log| log.log_end_offset());
            let until = end + i64::from(builder.count());
            self.groups.waiting.push_back(WaitingAppend { at: at.clone(), until, deadline, append });
            let written = self.append_as_leader(ctx, &at, &builder.build(), -1);
            match written {
                Ok(_) => return,
                Err(error) => {
                    let last = self
                        .groups
                        .waiting
                        .iter()
                        .rposition(|waiting| waiting.at == at && waiting.until == until);
                    let Some(failed) = last.and_then(|index| self.groups.waiting.remove(index)) else {
                        return;
                    };
                    return self.append_failed(ctx, failed.append, error.error);
                }
            }
        };
        self.append_failed(ctx, append, refused);
    }

    fn append_failed(&mut self, ctx: &mut Ctx, append: Append, error: ErrorCode) {
        let mut out = Outcome::default();
        let at = Moment { now: ctx.now(), image: &self.image };
        self.groups.coordinator.failed(at, append, error, &mut out);
        self.carry_out(ctx, out);
    }

    /// The high watermark of a partition rose: appends up to it take effect, in order.
    pub(super) fn coordinator_committed(&mut self, ctx: &mut Ctx, at: &TopicPartition) {
        if Broker::offsets_partition(at).is_none() {
            return;
        }
        let high_watermark = self.log(at).map_or(0, |log| log.high_watermark());
        while let Some(index) = self
            .groups
            .waiting
            .iter()
            .position(|waiting| waiting.at == *at && waiting.until <= high_watermark)
        {
            let Some(waiting) = self.groups.waiting.remove(index) else { break };
            let mut out = Outcome::default();
            let at = Moment { now: ctx.now(), image: &self.image };
            self.groups.coordinator.committed(at, waiting.append, &mut out);
            self.carry_out(ctx, out);
        }
    }

    /// Who has waited too long for an append to be committed is told so, and tries again. The append
    /// itself is in the log: it may be committed yet, and nobody is told what follows from it before.
    pub(super) fn expire_appends(&mut self, ctx: &mut Ctx) {
        if self.groups.waiting.is_empty() {
            return;
        }
        let mut out = Outcome::default();
        let at = Moment { now: ctx.now(), image: &self.image };
        for waiting in self.groups.waiting.iter_mut().filter(|waiting| waiting.deadline <= at.now) {
            self.groups.coordinator.late(at, &mut waiting.append, &mut out);
        }
        self.groups.coordinator.expire_answers(at, &mut out);
        self.carry_out(ctx, out);
    }

    /// This broker leads a partition of `__consumer_offsets`: its groups are read from the log.
    pub(super) fn lead_coordinator(&mut self, ctx: &mut Ctx, at: &TopicPartition, leader_epoch: i32) {
        let Some(index) = Broker::offsets_partition(at) else { return };
        let Some(log) = self.log(at) else { return };
        let records: Vec<(Bytes, Option<Bytes>)> = log
            .batches_from(log.log_start_offset())
            .filter(|batch| !batch.is_control())
            .flat_map(|batch| batch.records().filter_map(Result::ok).collect::<Vec<_>>())
            .filter_map(|record| Some((record.key?, record.value)))
            .collect();
        let mut out = Outcome::default();
        let at = Moment { now: ctx.now(), image: &self.image };
        self.groups.coordinator.elected(index, leader_epoch, records, at, &mut out);
        self.carry_out(ctx, out);
    }

    /// It no longer does.
    pub(super) fn leave_coordinator(&mut self, ctx: &mut Ctx, at: &TopicPartition) {
        let Some(index) = Broker::offsets_partition(at) else { return };
        let mut out = Outcome::default();
        self.groups.coordinator.resigned(index, &mut out);
        self.carry_out(ctx, out);
        while let Some(place) = self.groups.waiting.iter().position(|waiting| waiting.at == *at) {
            let Some(waiting) = self.groups.waiting.remove(place) else { break };
            self.append_failed(ctx, waiting.append, ErrorCode::NotLeaderOrFollower);
        }
    }

    pub(super) fn find_coordinator(&mut self, ctx: &mut Ctx, token: u64, request: &FindCoordinatorRequest) {
        let mut response = FindCoordinatorResponse::default();
        let is_batched =
            self.server.asked(token).is_some_and(|asked| asked.version >= COORDINATORS_BATCHED_SINCE);
        if !is_batched {
            let found = self.coordinator_of(token, &request.key, request.key_type);
            response.error_code = found.error_code;
            (response.node_id, response.host, response.port) = (found.node_id, found.host, found.port);
            response.error_message = found.error_message;
        } else {
            response.coordinators = request
                .coordinator_keys
                .iter()
                .map(|key| self.coordinator_of(token, key, request.key_type))
                .collect();
        }
        self.reply(ctx, token, &response);
        if request.key_type == GROUP_KEY && !self.image.topics.contains_key(OFFSETS_TOPIC) {
            let creation = self.creation_of(vec![OFFSETS_TOPIC.to_owned()]);
            self.auto_create(ctx, BROKER_CLIENT, creation);
        }
        if request.key_type == SHARE_KEY && !self.image.topics.contains_key(SHARE_STATE_TOPIC) {
            let creation = self.creation_of(vec![SHARE_STATE_TOPIC.to_owned()]);
            self.auto_create(ctx, BROKER_CLIENT, creation);
        }
    }

    fn coordinator_of(&self, token: u64, key: &str, key_type: i8) -> Coordinator {
        let none = |error_code| Coordinator {
            key: key.to_owned(),
            node_id: -1,
            port: -1,
            error_code,
            error_message: Some(error_code.message().to_owned()),
            ..Default::default()
        };
        let at = match key_type {
            GROUP_KEY => TopicPartition::new(OFFSETS_TOPIC, self.groups.coordinator.partition_for(key)),
            SHARE_KEY if is_share_key(key) => {
                TopicPartition::new(SHARE_STATE_TOPIC, self.share_coordinator().partition_for_name(key))
            }
            // Nobody coordinates transactions yet.
            TRANSACTION_KEY => return none(ErrorCode::CoordinatorNotAvailable),
            _ => return none(ErrorCode::InvalidRequest),
        };
        let leader = self.image.partition(&at).map_or(NO_LEADER, |partition| partition.leader);
        match self.image.brokers.get(&leader) {
            Some(broker) => {
                let endpoint = self.endpoint_for(token, broker);
                Coordinator {
                    key: key.to_owned(),
                    node_id: broker.id,
                    host: endpoint.host.clone(),
                    port: i32::from(endpoint.port),
                    error_code: ErrorCode::None,
                    error_message: None,
                }
            }
            None => none(ErrorCode::CoordinatorNotAvailable),
        }
    }

    /// Topics were deleted: their offsets go too.
    pub(super) fn forget_offsets_of(&mut self, ctx: &mut Ctx, gone: &[TopicPartition]) {
        let mut out = Outcome::default();
        let at = Moment { now: ctx.now(), image: &self.image };
        self.groups.coordinator.partitions_deleted(at, gone, &mut out);
        self.carry_out(ctx, out);
    }

    /// The same for what is known of their share partitions.
    pub(super) fn forget_group_share_topics(&mut self, ctx: &mut Ctx, gone: &Set<Uuid>) {
        let mut out = Outcome::default();
        let at = Moment { now: ctx.now(), image: &self.image };
        self.groups.coordinator.share_topics_deleted(at, gone, &mut out);
        self.carry_out(ctx, out);
    }

    fn reply_group(&mut self, ctx: &mut Ctx, token: u64, response: GroupResponse) {
        match &self.with_unknown(token, response) {
            GroupResponse::JoinGroup(r) => self.reply(ctx, token, r),
            GroupResponse::SyncGroup(r) => self.reply(ctx, token, r),
            GroupResponse::Heartbeat(r) => self.reply(ctx, token, r),
            GroupResponse::LeaveGroup(r) => self.reply(ctx, token, r),
            GroupResponse::OffsetCommit(r) => self.reply(ctx, token, r),
            GroupResponse::OffsetFetch(r) => self.reply(ctx, token, r),
            GroupResponse::OffsetDelete(r) => self.reply(ctx, token, r),
            GroupResponse::ListGroups(r) => self.reply(ctx, token, r),
            GroupResponse::DescribeGroups(r) => self.reply(ctx, token, r),
            GroupResponse::DeleteGroups(r) => self.reply(ctx, token, r),
            GroupResponse::ConsumerGroupHeartbeat(r) => self.reply(ctx, token, r),
            GroupResponse::ConsumerGroupDescribe(r) => self.reply(ctx, token, r),
            GroupResponse::ShareGroupHeartbeat(r) => self.reply(ctx, token, r),
            GroupResponse::ShareGroupDescribe(r) => self.reply(ctx, token, r),
            GroupResponse::DescribeShareGroupOffsets(r) => self.reply(ctx, token, r),
            GroupResponse::AlterShareGroupOffsets(r) => self.reply(ctx, token, r),
            GroupResponse::DeleteShareGroupOffsets(r) => self.reply(ctx, token, r),
        }
    }
}

/// Whether this names a share partition.
fn is_share_key(key: &str) -> bool {
    let mut parts = key.rsplitn(3, ':');
    let partition = parts.next().and_then(|partition| partition.parse::<i32>().ok());
    partition.is_some_and(|partition| partition >= 0) && parts.filter(|part| !part.is_empty()).count() == 2
}
