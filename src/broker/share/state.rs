//! The share coordinator's host: finds its records a place in `__share_group_state`, waits until they
//! are committed, and brings its answers to whoever asked.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::{Map, SimTime, ms};
use crate::broker::{Broker, Ctx, SHARE_STATE_TOPIC};
use crate::coordinator::{NO_START_OFFSET, ShareCoordinator, ShareStateKey};
use crate::protocol::messages::share_group_state::*;
use crate::protocol::{ApiKey, ErrorCode, Message, TopicPartition, Uuid, WireError};
use crate::storage::{BatchBuilder, BatchOptions};

/// The coordinator and what it waits for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StateHost {
    pub(super) coordinator: ShareCoordinator,
    waiting: VecDeque<WaitingState>,
    /// Logs are looked through now and again for what nobody needs.
    pub(super) is_pruning: bool,
    asked: Map<u64, StateAsked>,
}

/// Records that are in the log but not committed yet.
#[derive(Clone, Debug, PartialEq)]
struct WaitingState {
    at: TopicPartition,
    until: i64,
    deadline: SimTime,
    asked: u64,
    part: u32,
}

/// A request whose records are not all committed yet.
#[derive(Clone, Debug, PartialEq)]
struct StateAsked {
    origin: Origin,
    api: ApiKey,
    open: u32,
    results: Vec<(Uuid, i32, StateResult)>,
}

/// Who asks the share coordinator.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Origin {
    /// Another broker, by a request with this token.
    Request(u64),
    /// This broker itself.
    Own(u64),
    /// Nobody waits for the answer.
    Nobody,
}

/// What is asked of one share partition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum StatePart {
    /// State epoch and start offset.
    Initialize(i32, i64),
    /// Leader epoch.
    Read(i32),
    Write(WritePartition),
    Delete,
    Summary,
}

/// What is answered of one share partition.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct StateResult {
    pub(super) error: ErrorCode,
    pub(super) state_epoch: i32,
    pub(super) leader_epoch: i32,
    pub(super) start_offset: i64,
    pub(super) batches: Vec<StateBatch>,
    /// Why not, if more can be said than the error's own message.
    pub(super) problem: Option<&'static str>,
}

impl StateHost {
    pub(super) fn new(coordinator: ShareCoordinator) -> StateHost {
        StateHost { coordinator, waiting: VecDeque::new(), is_pruning: false, asked: Map::new() }
    }
}

impl Broker {
    /// The share coordinator that it hosts.
    pub fn share_coordinator(&self) -> &ShareCoordinator {
        &self.shares.state.coordinator
    }

    /// Initialize-, Read-, Write-, DeleteShareGroupState and ReadShareGroupStateSummary.
    #[inline(never)]
    pub(in crate::broker) fn share_state_request(
        &mut self,
        ctx: &mut Ctx,
        token: u64,
        api: ApiKey,
        version: i16,
        body: &Bytes,
    ) -> Result<(), WireError> {
        let mut parts = Vec::new();
        let group = match api {
            ApiKey::InitializeShareGroupState => {
                let request = InitializeShareGroupStateRequest::decode(body, version)?;
                for topic in request.topics {
                    parts.extend(topic.partitions.into_iter().map(|part| {
                        let what = StatePart::Initialize(part.state_epoch, part.start_offset);
                        (topic.topic_id, part.partition, what)
                    }));
                }
                request.group_id
            }
            ApiKey::WriteShareGroupState => {
                let request = WriteShareGroupStateRequest::decode(body, version)?;
                for topic in request.topics {
                    let each = topic.partitions.into_iter();
                    parts.extend(each.map(|part| (topic.topic_id, part.partition, StatePart::Write(part))));
                }
                request.group_id
            }
            ApiKey::DeleteShareGroupState => {
                let request = DeleteShareGroupStateRequest::decode(body, version)?;
                for topic in request.topics {
                    let each = topic.partitions.into_iter();
                    parts.extend(each.map(|part| (topic.topic_id, part.partition, StatePart::Delete)));
                }
                request.group_id
            }
            _ => {
                let reads = api == ApiKey::ReadShareGroupState;
                // Both requests look the same.
                let request = ReadShareGroupStateRequest::decode(body, version)?;
                for topic in request.topics {
                    parts.extend(topic.partitions.into_iter().map(|part| {
                        let what =
                            if reads { StatePart::Read(part.leader_epoch) } else { StatePart::Summary };
                        (topic.topic_id, part.partition, what)
                    }));
                }
                request.group_id
            }
        };
        self.keep_share_state(ctx, Origin::Request(token), api, &group.into(), parts);
        Ok(())
    }

    pub(super) fn keep_share_state(
        &mut self,
        ctx: &mut Ctx,
        origin: Origin,
        api: ApiKey,
        group: &Arc<str>,
        parts: Vec<(Uuid, i32, StatePart)>,
    ) {
        let now_ms = ctx.unix_ms();
        let mut appends = Vec::new();
        let mut asked = StateAsked { origin, api, open: 0, results: Vec::new() };
        for (topic, partition, part) in parts {
            let key: ShareStateKey = (group.clone(), topic, partition);
            let index = u32::try_from(asked.results.len()).unwrap_or(u32::MAX);
            let (records, result) = decide(&mut self.shares.state.coordinator, &key, part, now_ms);
            asked.results.push((topic, partition, result));
            if !records.is_empty() {
                asked.open += 1;
                appends.push((index, key, records));
            }
        }
        let id = self.next_wait();
        let is_done = asked.open == 0;
        self.shares.state.asked.insert(id, asked);
        for (part, key, records) in appends {
            self.append_share_state(ctx, (id, part), &key, &records);
        }
        if is_done {
            self.answer_share_state(ctx, id);
        }
    }

    pub(super) fn append_share_state(
        &mut self,
        ctx: &mut Ctx,
        (asked, part): (u64, u32),
        key: &ShareStateKey,
        records: &[(Bytes, Option<Bytes>)],
    ) {
        let coordinator = &self.shares.state.coordinator;
        let at = TopicPartition::new(SHARE_STATE_TOPIC, coordinator.partition_for(key));
        let epoch = coordinator.leader_epoch(key).ok();
        let mut builder = BatchBuilder::new(BatchOptions::default());
        let timestamp = ctx.unix_ms();
        let fits = records
            .iter()
            .all(|(key, value)| builder.try_push(timestamp, Some(key), value.as_deref(), &[]).is_ok());
        let epoch_holds = self.partition(&at).is_some_and(|p| Some(p.registration.leader_epoch) == epoch);
        if !fits || !epoch_holds {
            let error = if fits { ErrorCode::NotCoordinator } else { ErrorCode::InvalidRequest };
            return self.share_state_settled(ctx, asked, part, error);
        }
        let base = self.log(&at).map_or(0, |log| log.log_end_offset());
        let until = base + i64::from(builder.count());
        let timeout = u64::try_from(self.config.group.share_write_timeout_ms).unwrap_or(0);
        let deadline = ctx.now() + ms(timeout);
        // Queued before it is appended: with a single in-sync replica it is committed at once.
        let waiting = WaitingState { at: at.clone(), until, deadline, asked, part };
        self.shares.state.waiting.push_back(waiting);
        if self.append_as_leader(ctx, &at, &builder.build(), -1).is_ok() {
            for (offset, record) in (base..).zip(records) {
                self.shares.state.coordinator.written(at.partition, offset, record);
            }
        } else {
            let mut queue = self.shares.state.waiting.iter();
            if let Some(index) = queue.position(|waiting| (waiting.asked, waiting.part) == (asked, part)) {
                self.shares.state.waiting.remove(index);
                self.share_state_settled(ctx, asked, part, ErrorCode::CoordinatorNotAvailable);
            }
        }
    }

    fn share_state_settled(&mut self, ctx: &mut Ctx, id: u64, part: u32, error: ErrorCode) {
        let Some(asked) = self.shares.state.asked.get_mut(&id) else { return };
        asked.open = asked.open.saturating_sub(1);
        if error.is_error()
            && let Some((_, _, result)) = asked.results.get_mut(part as usize)
        {
            *result = StateResult { error, ..StateResult::default() };
        }
        if asked.open == 0 {
            self.answer_share_state(ctx, id);
        }
    }

    /// The high watermark of a partition rose.
    pub(in crate::broker) fn share_state_committed(&mut self, ctx: &mut Ctx, at: &TopicPartition) {
        if &*at.topic == SHARE_STATE_TOPIC {
            let high_watermark = self.log(at).map_or(0, |log| log.high_watermark());
            self.settle_share_states(ctx, ErrorCode::None, |waiting| {
                waiting.at == *at && waiting.until <= high_watermark
            });
        }
    }

    /// What was not committed in time is given up: its askers try again.
    pub(in crate::broker) fn expire_share_states(&mut self, ctx: &mut Ctx) {
        let now = ctx.now();
        self.settle_share_states(ctx, ErrorCode::CoordinatorNotAvailable, |waiting| waiting.deadline <= now);
    }

    fn settle_share_states(
        &mut self,
        ctx: &mut Ctx,
        error: ErrorCode,
        which: impl Fn(&WaitingState) -> bool,
    ) {
        while let Some(index) = self.shares.state.waiting.iter().position(&which) {
            let Some(waiting) = self.shares.state.waiting.remove(index) else { break };
            self.share_state_settled(ctx, waiting.asked, waiting.part, error);
        }
    }

    /// This broker leads a partition: if it is one of the state topic, it reads what is in it.
    pub(in crate::broker) fn lead_share_coordinator(
        &mut self,
        ctx: &mut Ctx,
        at: &TopicPartition,
        leader_epoch: i32,
    ) {
        if &*at.topic != SHARE_STATE_TOPIC {
            return;
        }
        let Some(log) = self.log(at) else { return };
        let records: Vec<(i64, (Bytes, Option<Bytes>))> = log
            .batches_from(log.log_start_offset())
            .filter(|batch| !batch.is_control())
            .flat_map(|batch| batch.records().filter_map(Result::ok).collect::<Vec<_>>())
            .filter_map(|record| Some((record.offset, (record.key?, record.value))))
            .collect();
        self.shares.state.coordinator.elected(at.partition, leader_epoch, records);
        self.begin_pruning(ctx);
        self.share_coordinators_moved();
    }

    /// It no longer does.
    pub(in crate::broker) fn leave_share_coordinator(&mut self, ctx: &mut Ctx, at: &TopicPartition) {
        if &*at.topic == SHARE_STATE_TOPIC {
            self.shares.state.coordinator.resigned(at.partition);
            self.settle_share_states(ctx, ErrorCode::NotCoordinator, |waiting| waiting.at == *at);
        }
    }

    fn answer_share_state(&mut self, ctx: &mut Ctx, id: u64) {
        let Some(StateAsked { origin, api, results, .. }) = self.shares.state.asked.remove(&id) else {
            return;
        };
        let token = match origin {
            Origin::Own(question) => {
                let result = results.into_iter().next().map(|(_, _, result)| result).unwrap_or_default();
                return self.share_coordinator_answered(ctx, question, result);
            }
            Origin::Request(token) => token,
            Origin::Nobody => return,
        };
        match api {
            ApiKey::ReadShareGroupState => {
                let results = by_topic(results, |partition, result| ReadPartitionResult {
                    partition,
                    error_code: result.error,
                    error_message: message(&result),
                    state_epoch: result.state_epoch,
                    start_offset: result.start_offset,
                    state_batches: result.batches,
                });
                let results = results.into_iter();
                let results = results.map(|(topic_id, partitions)| ReadStateResult { topic_id, partitions });
                self.reply(ctx, token, &ReadShareGroupStateResponse { results: results.collect() });
            }
            ApiKey::ReadShareGroupStateSummary => {
                let results = by_topic(results, |partition, result| SummaryPartitionResult {
                    partition,
                    error_code: result.error,
                    error_message: message(&result),
                    state_epoch: result.state_epoch,
                    leader_epoch: result.leader_epoch,
                    start_offset: result.start_offset,
                });
                let results = results.into_iter();
                let results =
                    results.map(|(topic_id, partitions)| ReadStateSummaryResult { topic_id, partitions });
                self.reply(ctx, token, &ReadShareGroupStateSummaryResponse { results: results.collect() });
            }
            _ => {
                let results = by_topic(results, |partition, result| PartitionResult {
                    partition,
                    error_code: result.error,
                    error_message: message(&result),
                });
                let results = results.into_iter();
                let results: Vec<_> =
                    results.map(|(topic_id, partitions)| state_result(topic_id, partitions)).collect();
                match api {
                    ApiKey::InitializeShareGroupState => {
                        self.reply(ctx, token, &InitializeShareGroupStateResponse { results });
                    }
                    ApiKey::DeleteShareGroupState => {
                        self.reply(ctx, token, &DeleteShareGroupStateResponse { results });
                    }
                    _ => self.reply(ctx, token, &WriteShareGroupStateResponse { results }),
                }
            }
        }
    }
}

fn message(result: &StateResult) -> Option<String> {
    let StateResult { error, problem, .. } = result;
    error.is_error().then(|| problem.unwrap_or(error.message()).to_owned())
}

fn by_topic<T>(
    results: Vec<(Uuid, i32, StateResult)>,
    part: impl Fn(i32, StateResult) -> T,
) -> Vec<(Uuid, Vec<T>)> {
    let mut topics: Vec<(Uuid, Vec<T>)> = Vec::new();
    for (topic, partition, result) in results {
        let told = part(partition, result);
        match topics.last_mut() {
            Some((known, parts)) if *known == topic => parts.push(told),
            _ => topics.push((topic, vec![told])),
        }
    }
    topics
}

/// What the coordinator says: records to append, and the answer.
fn decide(
    coordinator: &mut ShareCoordinator,
    key: &ShareStateKey,
    part: StatePart,
    now_ms: i64,
) -> (Vec<(Bytes, Option<Bytes>)>, StateResult) {
    let failed = |error, problem| (Vec::new(), StateResult { error, problem, ..StateResult::default() });
    if key.2 < 0 {
        let problem = "The partition id cannot be a negative number.";
        return failed(ErrorCode::InvalidRequest, Some(problem));
    }
    if key.0.is_empty() || key.1 == Uuid::default() {
        return failed(ErrorCode::InvalidRequest, None);
    }
    let not_begun = match &part {
        StatePart::Read(_) => Some("Read operation on uninitialized share partition not allowed."),
        StatePart::Write(_) => Some("Write operation on uninitialized share partition not allowed."),
        _ => None,
    };
    let decided = match part {
        StatePart::Initialize(epoch, start) => coordinator.initialize(key, epoch, start, now_ms),
        StatePart::Read(leader_epoch) => coordinator.read(key, leader_epoch),
        StatePart::Write(asked) => coordinator.write(key, asked, now_ms),
        StatePart::Delete => coordinator.delete(key),
        StatePart::Summary => coordinator.state(key).map(|state| (Vec::new(), state.cloned())),
    };
    match decided {
        Ok((records, Some(state))) => {
            let result = StateResult {
                error: ErrorCode::None,
                state_epoch: state.state_epoch,
                leader_epoch: state.leader_epoch,
                start_offset: state.start_offset,
                batches: state.batches.clone(),
                problem: None,
            };
            (records, result)
        }
        Ok((records, None)) => {
            (records, StateResult { start_offset: NO_START_OFFSET, ..StateResult::default() })
        }
        Err(error) => failed(error, not_begun.filter(|_| error == ErrorCode::InvalidRequest)),
    }
}

impl StatePart {
    pub(super) fn api(&self) -> ApiKey {
        match self {
            StatePart::Initialize(..) => ApiKey::InitializeShareGroupState,
            StatePart::Read(_) => ApiKey::ReadShareGroupState,
            StatePart::Write(_) => ApiKey::WriteShareGroupState,
            StatePart::Delete => ApiKey::DeleteShareGroupState,
            StatePart::Summary => ApiKey::ReadShareGroupStateSummary,
        }
    }
}

fn state_result(
    topic_id: Uuid,
    partitions: Vec<PartitionResult>,
) -> crate::protocol::messages::share_group_state::StateResult {
    crate::protocol::messages::share_group_state::StateResult { topic_id, partitions }
}
