//! Produce requests: append, then wait as `acks` says.
//!
//! Source: Kafka documentation *Replication › acks*, *min.insync.replicas*; KIP-467 (which records
//! were at fault), KIP-516 (topic ids), KIP-951 (the new leader told with the error). The wait is
//! what Kafka calls the produce purgatory.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::{FlushKind, ms};
use crate::broker::{Broker, BrokerTimer, Ctx};
use crate::metadata::Endpoint;
use crate::plant::Plant;
use crate::protocol::messages::produce::{
    BatchIndexAndErrorMessage, LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse, ProduceRequest,
    ProduceResponse, TopicProduceResponse,
};
use crate::protocol::{ErrorCode, TopicPartition, Uuid};
use crate::storage::{BatchError, Compression, LogAppendInfo, LogError, RecordBatch, RecordError};
use crate::trace::{Event, Offsets, Role};

/// Before this version clients could not read Zstandard (KIP-110).
const ZSTD_SINCE: i16 = 7;
/// From this version on an error can tell who leads now.
const NEW_LEADER_SINCE: i16 = 10;

/// A produce request that waits for its in-sync replicas.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WaitingProduce {
    token: u64,
    parts: Vec<Part>,
}

/// One partition of a produce request.
#[derive(Clone, Debug, PartialEq)]
struct Part {
    at: TopicPartition,
    topic_id: Uuid,
    /// Committed when the high watermark reaches this; `None` once answered.
    until: Option<i64>,
    leader_epoch: i32,
    refusal: Refusal,
    info: Option<LogAppendInfo>,
}

/// Why a batch was not appended, or not acknowledged; without an error it was.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Refusal {
    pub(super) error: ErrorCode,
    message: Option<String>,
    records: Vec<RecordError>,
}

impl From<ErrorCode> for Refusal {
    fn from(error: ErrorCode) -> Self {
        Refusal { error, ..Refusal::default() }
    }
}

impl From<LogError> for Refusal {
    fn from(error: LogError) -> Self {
        let (code, message) = (error.code(), Some(error.to_string()));
        let records = match error {
            LogError::RejectedRecords { errors, .. } => errors,
            _ => Vec::new(),
        };
        Refusal { error: code, message, records }
    }
}

impl Part {
    fn refused(at: TopicPartition, topic_id: Uuid, refusal: Refusal) -> Part {
        Part { at, topic_id, until: None, leader_epoch: -1, refusal, info: None }
    }
}

impl Broker {
    pub(super) fn produce(&mut self, ctx: &mut Ctx, token: u64, request: &ProduceRequest) {
        let version = self.server.asked(token).map_or(0, |asked| asked.version);
        let mut parts = Vec::new();
        for topic in &request.topic_data {
            let topic_id = topic.topic_id;
            let name = self.topic_name(&topic.name, &topic_id);
            for data in &topic.partition_data {
                let Some(name) = name.clone() else {
                    let at = TopicPartition::new("", data.index);
                    parts.push(Part::refused(at, topic_id, ErrorCode::UnknownTopicId.into()));
                    continue;
                };
                let at = TopicPartition::new(name, data.index);
                let records = data.records.clone().unwrap_or_default();
                let appended = check_records(&records, version)
                    .and_then(|()| self.append_for_client(ctx, &at, &records, request.acks));
                parts.push(match appended {
                    Ok((info, leader_epoch)) => Part {
                        at,
                        topic_id,
                        until: (request.acks == -1
                            && !self.config.log.plants.has(Plant::AckBeforeReplication))
                        .then_some(info.last_offset + 1),
                        leader_epoch,
                        refusal: Refusal::default(),
                        info: Some(info),
                    },
                    Err(refusal) => Part::refused(at, topic_id, refusal),
                });
            }
        }
        if request.acks == 0 {
            return self.finish_without_acks(ctx, token, &parts);
        }
        let id = self.next_wait();
        let waits: Vec<(TopicPartition, i64)> =
            parts.iter().filter_map(|part| Some((part.at.clone(), part.until?))).collect();
        self.waiting_produces.insert(id, WaitingProduce { token, parts });
        if !self.try_finish_produce(ctx, id) {
            for (at, until_offset) in waits {
                ctx.trace(Event::ProduceWaits { at, until_offset });
            }
            let timeout = u64::try_from(request.timeout_ms).unwrap_or(0);
            ctx.set_timer(BrokerTimer::Produce(id), ctx.now() + ms(timeout));
        }
    }

    /// With `acks=0` there is nothing to answer; an error can only be told by hanging up.
    fn finish_without_acks(&mut self, ctx: &mut Ctx, token: u64, parts: &[Part]) {
        match parts.iter().find(|part| part.refusal.error.is_error()) {
            Some(part) => {
                let reason = format!("{} for {} with acks=0", part.refusal.error.name(), part.at);
                self.refuse(ctx, token, reason);
            }
            None => {
                self.charge_producer(ctx, token);
                self.reply_nothing(token);
            }
        }
    }

    fn append_for_client(
        &mut self,
        ctx: &mut Ctx,
        at: &TopicPartition,
        records: &Bytes,
        acks: i16,
    ) -> Result<(LogAppendInfo, i32), Refusal> {
        if !matches!(acks, -1..=1) {
            return Err(ErrorCode::InvalidRequiredAcks.into());
        }
        if matches!(&*at.topic, super::OFFSETS_TOPIC | super::SHARE_STATE_TOPIC) {
            return Err(ErrorCode::InvalidTopicException.into());
        }
        let info = self.append_as_leader(ctx, at, records, acks)?;
        let epoch = self.partition(at).map_or(-1, |partition| partition.registration.leader_epoch);
        Ok((info, epoch))
    }

    /// Appends to a partition that this broker leads, and sees what follows from that.
    pub(super) fn append_as_leader(
        &mut self,
        ctx: &mut Ctx,
        at: &TopicPartition,
        records: &Bytes,
        acks: i16,
    ) -> Result<LogAppendInfo, Refusal> {
        let known = self.image.partition(at).is_some();
        let Some(partition) = self.partitions.get_mut(at).filter(|partition| partition.is_leader()) else {
            return Err(if known {
                ErrorCode::NotLeaderOrFollower.into()
            } else {
                ErrorCode::UnknownTopicOrPartition.into()
            });
        };
        if acks == -1 && partition.is_under_min_isr() {
            return Err(ErrorCode::NotEnoughReplicas.into());
        }
        let partition = Arc::make_mut(partition);
        let leader_epoch = partition.registration.leader_epoch;
        let info = partition.log.append_as_leader(records, leader_epoch, ctx.unix_ms())?;
        if info.duplicate {
            return Ok(info);
        }
        if let Some(base_offset) = info.rolled {
            ctx.trace(Event::SegmentRolled { at: at.clone(), base_offset });
        }
        ctx.trace(Event::RecordsAppended {
            at: at.clone(),
            role: Role::Leader,
            offsets: Offsets { from: info.first_offset, to: info.last_offset + 1 },
            leader_epoch,
            size_bytes: info.size_bytes,
        });
        self.flush_after_append(ctx, at, info.rolled.is_some());
        self.raise_high_watermark(ctx, at);
        self.records_arrived(ctx, at);
        Ok(info)
    }

    /// Flushes as `flush.messages` and a rolled segment demand; otherwise leaves it to the
    /// operating system.
    pub(super) fn flush_after_append(&mut self, ctx: &mut Ctx, at: &TopicPartition, rolled: bool) {
        let Some(partition) = self.partitions.get(at) else { return };
        if rolled || partition.log.unflushed_messages() >= partition.log.config().flush_messages {
            self.ask_flush(ctx, at, FlushKind::Now);
        } else {
            self.flush_in_background(ctx, at);
        }
        if rolled {
            self.wake_cleaner(ctx);
        }
    }

    pub(super) fn flush_in_background(&mut self, ctx: &mut Ctx, at: &TopicPartition) {
        if self.partitions.get(at).is_some_and(|partition| !partition.flushing) {
            self.ask_flush(ctx, at, FlushKind::Background);
        }
    }

    fn ask_flush(&mut self, ctx: &mut Ctx, at: &TopicPartition, kind: FlushKind) {
        let Some(partition) = self.partitions.get_mut(at) else { return };
        let file = match self.files.iter().find(|(_, file)| *file == at) {
            Some((file, _)) => *file,
            None => {
                self.next_file += 1;
                self.files.insert(self.next_file, at.clone());
                self.next_file
            }
        };
        let partition = Arc::make_mut(partition);
        partition.flushing = true;
        ctx.flush(file, partition.log.position(), kind);
    }

    pub(super) fn flushed(&mut self, ctx: &mut Ctx, file: u64, position: u64) {
        let Some(at) = self.files.get(&file).cloned() else { return };
        let Some(partition) = self.partitions.get_mut(&at) else { return };
        let partition = Arc::make_mut(partition);
        partition.log.mark_flushed(position);
        partition.flushing = false;
        let offset = partition.log.flushed_offset();
        let more = partition.log.position() > position;
        ctx.trace(Event::LogFlushed { at: at.clone(), offset });
        if more {
            self.ask_flush(ctx, &at, FlushKind::Background);
        }
    }

    /// Raises the high watermark if it can, and lets go who waited for that.
    pub(super) fn raise_high_watermark(&mut self, ctx: &mut Ctx, at: &TopicPartition) {
        let lag_max_ms = self.config.replica_lag_time_max_ms;
        let now = ctx.now();
        let Some(partition) = self.partitions.get_mut(at) else { return };
        let image = &self.image;
        let raised =
            Arc::make_mut(partition).maybe_raise_high_watermark(now, lag_max_ms, |id| image.is_active(id));
        let Some(from) = raised else { return };
        let to = partition.log.high_watermark();
        let raised = Event::HighWatermarkAdvanced {
            at: at.clone(),
            role: Role::Leader,
            offsets: Offsets { from, to },
        };
        let entry = ctx.trace(raised);
        let before = ctx.because(entry);
        self.committed(ctx, at);
        ctx.because(before);
    }

    /// The high watermark rose: produces, fetches and the coordinator may go on.
    fn committed(&mut self, ctx: &mut Ctx, at: &TopicPartition) {
        self.recheck_produces(ctx, at);
        self.high_watermark_rose(ctx, at);
        self.coordinator_committed(ctx, at);
        self.share_state_committed(ctx, at);
    }

    /// Looks again at the produce requests that wait for this partition.
    pub(super) fn recheck_produces(&mut self, ctx: &mut Ctx, at: &TopicPartition) {
        let waiting: Vec<u64> = self
            .waiting_produces
            .iter()
            .filter(|(_, produce)| produce.parts.iter().any(|part| part.until.is_some() && part.at == *at))
            .map(|(id, _)| *id)
            .collect();
        for id in waiting {
            self.try_finish_produce(ctx, id);
        }
    }

    fn try_finish_produce(&mut self, ctx: &mut Ctx, id: u64) -> bool {
        let Some(mut produce) = self.waiting_produces.remove(&id) else { return true };
        for part in &mut produce.parts {
            let Some(until) = part.until else { continue };
            match self.partitions.get(&part.at).filter(|partition| partition.is_leader()) {
                Some(partition) if partition.registration.leader_epoch == part.leader_epoch => {
                    if partition.log.high_watermark() < until {
                        continue;
                    }
                    if partition.is_under_min_isr() {
                        part.refusal = ErrorCode::NotEnoughReplicasAfterAppend.into();
                    }
                }
                _ => part.refusal = ErrorCode::NotLeaderOrFollower.into(),
            }
            part.until = None;
        }
        if produce.parts.iter().any(|part| part.until.is_some()) {
            self.waiting_produces.insert(id, produce);
            return false;
        }
        ctx.cancel_timer(BrokerTimer::Produce(id));
        self.answer_produce(ctx, produce);
        true
    }

    pub(super) fn produce_timed_out(&mut self, ctx: &mut Ctx, id: u64) {
        let Some(mut produce) = self.waiting_produces.remove(&id) else { return };
        for part in produce.parts.iter_mut().filter(|part| part.until.is_some()) {
            part.until = None;
            part.refusal = ErrorCode::RequestTimedOut.into();
        }
        self.answer_produce(ctx, produce);
    }

    fn answer_produce(&mut self, ctx: &mut Ctx, produce: WaitingProduce) {
        let version = self.server.asked(produce.token).map_or(0, |asked| asked.version);
        let throttle_time_ms = self.charge_producer(ctx, produce.token);
        let mut response = ProduceResponse { throttle_time_ms, ..ProduceResponse::default() };
        for part in produce.parts {
            let error = part.refusal.error;
            let base_offset = part.info.as_ref().filter(|_| !error.is_error()).map_or(-1, |i| i.first_offset);
            ctx.trace(Event::ProduceAnswered { at: part.at.clone(), error, base_offset });
            let mut answer = part_answer(&part, base_offset);
            if error == ErrorCode::NotLeaderOrFollower && version >= NEW_LEADER_SINCE {
                let (leader, endpoint) = self.new_leader_of(produce.token, &part.at);
                answer.current_leader = leader;
                let known = &mut response.node_endpoints;
                known.extend(endpoint.filter(|new| known.iter().all(|each| each != new)));
            }
            match response
                .responses
                .iter_mut()
                .rfind(|t| t.name == *part.at.topic && t.topic_id == part.topic_id)
            {
                Some(topic) => topic.partition_responses.push(answer),
                None => response.responses.push(TopicProduceResponse {
                    name: part.at.topic.to_string(),
                    topic_id: part.topic_id,
                    partition_responses: vec![answer],
                }),
            }
        }
        self.reply(ctx, produce.token, &response);
    }

    /// Who leads now, for a producer that is wrong about it.
    fn new_leader_of(&self, token: u64, at: &TopicPartition) -> (LeaderIdAndEpoch, Option<NodeEndpoint>) {
        let Some(((leader_id, leader_epoch), broker)) = self.leader_of(at) else { return Default::default() };
        let endpoint = broker.map(|broker| {
            let Endpoint { host, port, .. } = self.endpoint_for(token, broker).clone();
            NodeEndpoint { node_id: broker.id, host, port: port.into(), rack: None }
        });
        (LeaderIdAndEpoch { leader_id, leader_epoch }, endpoint)
    }

    /// A topic's name, told by name or by id.
    pub(super) fn topic_name(&self, name: &str, id: &Uuid) -> Option<Arc<str>> {
        if name.is_empty() {
            return self.image.topic_by_id(id).map(|topic| Arc::clone(&topic.name));
        }
        // The image's own name, so that it is shared.
        Some(self.image.topics.get(name).map_or_else(|| name.into(), |topic| Arc::clone(&topic.name)))
    }
}

/// What may be sent at all: one batch of format v2 (KIP-98), compressed in a way that its version
/// knows. Transactions are not here yet.
fn check_records(records: &Bytes, version: i16) -> Result<(), Refusal> {
    if records.is_empty() {
        let why = "a produce request has at least one record batch for each partition";
        return Err(LogError::InvalidRecord(why.to_owned()).into());
    }
    match RecordBatch::parse(records) {
        Ok((batch, _)) if batch.compression() == Compression::Zstd && version < ZSTD_SINCE => {
            Err(LogError::UnsupportedCompression(Compression::Zstd).into())
        }
        Ok((batch, _)) if batch.is_transactional() => Err(ErrorCode::InvalidTxnState.into()),
        Err(error @ BatchError::UnsupportedMagic(_)) => {
            Err(LogError::InvalidRecord(error.to_string()).into())
        }
        // What else is wrong, the log finds.
        _ => Ok(()),
    }
}

fn part_answer(part: &Part, base_offset: i64) -> PartitionProduceResponse {
    let record_errors = part.refusal.records.iter().map(|error| BatchIndexAndErrorMessage {
        batch_index: error.batch_index,
        batch_index_error_message: Some(error.message.clone()),
    });
    PartitionProduceResponse {
        index: part.at.partition,
        error_code: part.refusal.error,
        base_offset,
        log_append_time_ms: part.info.as_ref().map_or(-1, |info| info.log_append_time),
        log_start_offset: part.info.as_ref().map_or(-1, |info| info.log_start_offset),
        record_errors: record_errors.collect(),
        error_message: part.refusal.message.clone(),
        ..Default::default()
    }
}
