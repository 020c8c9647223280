//! Produce requests: append, then wait as `acks` says.
//!
//! Source: Kafka documentation *Replication › acks*, *min.insync.replicas*; the wait is what
//! Kafka calls the produce purgatory.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::{FlushKind, ms};
use crate::broker::{Broker, BrokerTimer, Ctx};
use crate::protocol::messages::produce::{
    LeaderIdAndEpoch, PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceResponse,
};
use crate::protocol::{ErrorCode, TopicPartition, Uuid};
use crate::storage::LogAppendInfo;
use crate::trace::{Event, Offsets, Role};

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
    error: ErrorCode,
    info: Option<LogAppendInfo>,
}

impl Broker {
    pub(super) fn produce(&mut self, ctx: &mut Ctx, token: u64, request: &ProduceRequest) {
        let mut parts = Vec::new();
        for topic in &request.topic_data {
            for data in &topic.partition_data {
                let name = self.topic_name(&topic.name, &topic.topic_id);
                let Some(name) = name else {
                    let unknown = if topic.name.is_empty() {
                        ErrorCode::UnknownTopicId
                    } else {
                        ErrorCode::UnknownTopicOrPartition
                    };
                    let at = TopicPartition::new(topic.name.as_str(), data.index);
                    parts.push(Part {
                        at,
                        topic_id: topic.topic_id,
                        until: None,
                        leader_epoch: -1,
                        error: unknown,
                        info: None,
                    });
                    continue;
                };
                let at = TopicPartition::new(name, data.index);
                let records = data.records.clone().unwrap_or_default();
                let part = match self.append_for_client(ctx, &at, &records, request.acks) {
                    Ok((info, leader_epoch)) => {
                        let until = (request.acks == -1).then_some(info.last_offset + 1);
                        Part {
                            at,
                            topic_id: topic.topic_id,
                            until,
                            leader_epoch,
                            error: ErrorCode::None,
                            info: Some(info),
                        }
                    }
                    Err(error) => Part {
                        at,
                        topic_id: topic.topic_id,
                        until: None,
                        leader_epoch: -1,
                        error,
                        info: None,
                    },
                };
                parts.push(part);
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
        match parts.iter().find(|part| part.error != ErrorCode::None) {
            Some(part) => {
                let reason = format!("{} for {} with acks=0", part.error.name(), part.at);
                self.refuse(ctx, token, reason);
            }
            None => self.reply_nothing(token),
        }
    }

    fn append_for_client(
        &mut self,
        ctx: &mut Ctx,
        at: &TopicPartition,
        records: &Bytes,
        acks: i16,
    ) -> Result<(LogAppendInfo, i32), ErrorCode> {
        if !matches!(acks, -1..=1) {
            return Err(ErrorCode::InvalidRequiredAcks);
        }
        if &*at.topic == super::OFFSETS_TOPIC {
            return Err(ErrorCode::InvalidTopicException);
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
    ) -> Result<LogAppendInfo, ErrorCode> {
        let known = self.image.partition(at).is_some();
        let Some(partition) = self.partitions.get_mut(at).filter(|partition| partition.is_leader()) else {
            return Err(if known {
                ErrorCode::NotLeaderOrFollower
            } else {
                ErrorCode::UnknownTopicOrPartition
            });
        };
        if acks == -1 && partition.is_under_min_isr() {
            return Err(ErrorCode::NotEnoughReplicas);
        }
        let partition = Arc::make_mut(partition);
        let leader_epoch = partition.registration.leader_epoch;
        let info = partition
            .log
            .append_as_leader(records, leader_epoch, ctx.now().unix_ms())
            .map_err(|e| e.code())?;
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
            Arc::make_mut(partition).maybe_raise_high_watermark(now, lag_max_ms, |id| image.is_unfenced(id));
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
                        part.error = ErrorCode::NotEnoughReplicasAfterAppend;
                    }
                }
                _ => part.error = ErrorCode::NotLeaderOrFollower,
            }
            part.until = None;
        }
        if produce.parts.iter().any(|part| part.until.is_some()) {
            self.waiting_produces.insert(id, produce);
            return false;
        }
        ctx.cancel_timer(BrokerTimer::Produce(id));
        self.answer_produce(ctx, &produce);
        true
    }

    pub(super) fn produce_timed_out(&mut self, ctx: &mut Ctx, id: u64) {
        let Some(mut produce) = self.waiting_produces.remove(&id) else { return };
        for part in produce.parts.iter_mut().filter(|part| part.until.is_some()) {
            part.until = None;
            part.error = ErrorCode::RequestTimedOut;
        }
        self.answer_produce(ctx, &produce);
    }

    fn answer_produce(&mut self, ctx: &mut Ctx, produce: &WaitingProduce) {
        let mut response = ProduceResponse::default();
        for part in &produce.parts {
            let base_offset =
                part.info.as_ref().filter(|_| part.error == ErrorCode::None).map_or(-1, |i| i.first_offset);
            ctx.trace(Event::ProduceAnswered { at: part.at.clone(), error: part.error, base_offset });
            let leader = self.image.partition(&part.at);
            let moved = part.error == ErrorCode::NotLeaderOrFollower;
            let current_leader = leader.filter(|_| moved).map_or_else(LeaderIdAndEpoch::default, |p| {
                LeaderIdAndEpoch { leader_id: p.leader, leader_epoch: p.leader_epoch }
            });
            let answer = PartitionProduceResponse {
                index: part.at.partition,
                error_code: part.error,
                base_offset,
                log_append_time_ms: part.info.as_ref().map_or(-1, |info| info.log_append_time),
                log_start_offset: part.info.as_ref().map_or(-1, |info| info.log_start_offset),
                current_leader,
                ..Default::default()
            };
            match response
                .responses
                .iter_mut()
                .find(|t| t.name == *part.at.topic && t.topic_id == part.topic_id)
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

    /// A topic's name, told by name or by id.
    pub(super) fn topic_name(&self, name: &str, id: &Uuid) -> Option<Arc<str>> {
        if name.is_empty() {
            return self.image.topic_by_id(id).map(|topic| Arc::clone(&topic.name));
        }
        // The image's own name, so that it is shared.
        Some(self.image.topics.get(name).map_or_else(|| name.into(), |topic| Arc::clone(&topic.name)))
    }
}
