//! From batches to produce requests and back: Kafka's `Sender`.

use std::sync::Arc;

use super::batch::{BatchState, ProducerBatch, ProducerIdAndEpoch};
use super::{Acks, Blocked, ProduceInFlight, Producer, ProducerTimer};
use crate::base::{Map, Set, SimTime, ms};
use crate::client::metadata_cache::{BrokerEndpoint, is_invalid_metadata};
use crate::client::network::{Response, SendOptions};
use crate::partitioner::{PartitionerKind, QueueSize, is_available};
use crate::protocol::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use crate::protocol::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceData,
};
use crate::protocol::{ErrorCode, TopicPartition, Uuid};
use crate::trace::{Ctx, Event};

/// The token of InitProducerId requests; produce requests count from 1.
const ID_TOKEN: u64 = 0;

/// The first version of Produce that names topics by id (KIP-516).
const FIRST_VERSION_WITH_TOPIC_IDS: i16 = 13;

/// Where asking for a producer id stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct IdRequest {
    in_flight: bool,
    failures: u32,
    not_before: SimTime,
}

/// The first version of Produce that brokers answer before they throttle (KIP-219).
const FIRST_VERSION_ANSWERED_FIRST: i16 = 6;

/// When a node was last wanted and last sent to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct NodeLatency {
    ready_at: SimTime,
    drained_at: SimTime,
}

/// What the broker says of one batch.
struct Answer {
    error: ErrorCode,
    base_offset: i64,
    log_start_offset: i64,
}

/// When batches are ready.
#[derive(Clone, Copy, Debug)]
pub(super) struct Readiness {
    pub(super) linger_ms: u64,
    /// Somebody waits for memory: nothing lingers.
    pub(super) hurry: bool,
    /// Batches begun until then do not linger.
    pub(super) flushed_until: Option<SimTime>,
}

impl Producer {
    /// Gives up what is too old, then sends what is ready and allowed.
    pub(super) fn run_sender(&mut self, ctx: &mut Ctx<'_, ProducerTimer>) {
        self.expire_batches(ctx);
        if self.config.enable_idempotence && self.idempotence.settle(&mut self.accumulator) {
            self.ask_for_producer_id(ctx);
        }
        self.update_loads();
        while self.send_requests(ctx) {
            self.update_loads();
        }
    }

    /// Tells the partitioner how many batches wait for each partition, once every partition of a
    /// topic has had one: before, it would not know of those that have not.
    fn update_loads(&mut self) {
        if !self.config.partitioner_adaptive || self.partitioner.kind() != PartitionerKind::Default {
            return;
        }
        let metadata = self.network.metadata();
        let mut topics: Map<&Arc<str>, (u32, Vec<QueueSize>)> = Map::new();
        for (at, batches) in self.accumulator.queue_sizes() {
            let (known, queues) = topics.entry(&at.topic).or_default();
            *known += 1;
            if metadata.leader(at).is_some_and(|(leader, _)| self.is_available(leader)) {
                queues.push(QueueSize { partition: at.partition, batches });
            }
        }
        for (topic, (known, queues)) in topics {
            let count = metadata.partition_count(topic);
            if count > 1 && known >= count {
                self.partitioner.update_load(topic, &queues, count);
            }
        }
    }

    fn is_available(&self, node: i32) -> bool {
        let timeout = ms(self.config.partitioner_availability_timeout_ms);
        let latency = self.latencies.get(&node);
        latency.is_none_or(|latency| is_available(latency.ready_at, latency.drained_at, timeout))
    }

    /// There are batches for the node, and it can be sent to or cannot.
    fn note_latency(&mut self, now: SimTime, node: i32, is_ready: bool) {
        if self.config.partitioner_availability_timeout_ms == 0 {
            return;
        }
        let latency = self.latencies.entry(node).or_insert(NodeLatency { ready_at: now, drained_at: now });
        latency.ready_at = now;
        if is_ready {
            latency.drained_at = now;
        }
    }

    /// When the sender has something to do next, if nothing else happens.
    pub(super) fn next_sender_time(&self, now: SimTime) -> Option<SimTime> {
        let expiry = self.accumulator.oldest().map(|begun| begun + ms(self.config.delivery_timeout_ms));
        let readiness = self.readiness();
        let ready = self.accumulator.waiting_partitions().filter_map(|at| {
            let (_, leader_epoch) = self.network.metadata().leader(at)?;
            Some(self.accumulator.next_in_line(at, readiness, leader_epoch)?.1)
        });
        let needs_id = self.config.enable_idempotence
            && self.idempotence.current().is_none()
            && !self.id_request.in_flight;
        let id = needs_id.then_some(self.id_request.not_before);
        // What is ready but could not be sent waits for the network.
        ready.chain(id).filter(|&at| at > now).chain(expiry).min()
    }

    /// A request came to its end.
    pub(super) fn on_response(&mut self, ctx: &mut Ctx<'_, ProducerTimer>, response: &Response) {
        if response.token == ID_TOKEN {
            return self.on_producer_id(ctx, response);
        }
        let Some(request) = self.requests.remove(&response.token) else { return };
        let body = response.decode::<ProduceResponse>();
        if let Err(Some(error)) = &body {
            self.network.drop_connection(ctx, response.node, &error.to_string());
        }
        let failure =
            response.result.as_ref().err().map_or(ErrorCode::NetworkException, |error| error.code());
        if let Ok(body) = &body
            && body.throttle_time_ms > 0
            && response.version >= FIRST_VERSION_ANSWERED_FIRST
        {
            self.network.throttle(ctx, response.node, body.throttle_time_ms);
        }
        for (id, at) in request.batches {
            let answered = body.as_ref().ok().and_then(|body| self.answer_for(&at, body));
            // A broker that leaves a partition out has not answered for it.
            let answer = answered.unwrap_or(Answer { error: failure, base_offset: -1, log_start_offset: -1 });
            if let Ok(body) = &body {
                self.learn_leader(&at, body);
            }
            self.finish(ctx, id, &at, &answer);
        }
    }

    pub(super) fn readiness(&self) -> Readiness {
        Readiness {
            linger_ms: self.config.linger_ms,
            hurry: self.blocked.iter().any(|blocked| blocked.why == Blocked::Memory),
            flushed_until: self.flushed_until,
        }
    }

    /// Sends one request to each broker that has something ready. True if there was one.
    fn send_requests(&mut self, ctx: &mut Ctx<'_, ProducerTimer>) -> bool {
        let readiness = self.readiness();
        let mut by_node: Map<i32, Vec<(TopicPartition, u64, i32)>> = Map::new();
        let mut leaderless = false;
        for at in self.accumulator.waiting_partitions() {
            let Some((leader, leader_epoch)) = self.network.metadata().leader(at) else {
                leaderless = true;
                continue;
            };
            match self.accumulator.next_in_line(at, readiness, leader_epoch) {
                Some((id, ready_at)) if ready_at <= ctx.now() && !self.holds_back(id) => {
                    by_node.entry(leader).or_default().push((at.clone(), id, leader_epoch));
                }
                _ => {}
            }
        }
        if leaderless {
            self.network.refresh_metadata(ctx);
        }
        let mut sent = false;
        for (node, ready) in by_node {
            let is_ready = self.network.ready(ctx, node);
            self.note_latency(ctx.now(), node, is_ready);
            if is_ready {
                let chosen = self.choose(node, ready);
                sent |= self.send_request(ctx, node, &chosen);
            }
        }
        sent
    }

    fn holds_back(&self, id: u64) -> bool {
        self.config.enable_idempotence
            && self.accumulator.get(id).is_some_and(|batch| self.idempotence.holds_back(id, batch))
    }

    /// As many batches as `max.request.size` allows, beginning after the partition that came
    /// last in the request before.
    fn choose(
        &mut self,
        node: i32,
        mut ready: Vec<(TopicPartition, u64, i32)>,
    ) -> Vec<(TopicPartition, u64, i32)> {
        if let Some(last) = self.drained_to.get(&node) {
            let first = ready.iter().position(|(at, ..)| at > last).unwrap_or(0);
            ready.rotate_left(first);
        }
        let mut size = 0_u64;
        let fitting = ready.iter().take_while(|(_, id, _)| {
            let first = size == 0;
            size += self.accumulator.get(*id).map_or(0, |batch| u64::from(batch.size_bytes()));
            first || size <= u64::from(self.config.max_request_size)
        });
        let fitting = fitting.count();
        ready.truncate(fitting);
        if let Some((last, ..)) = ready.last() {
            self.drained_to.insert(node, last.clone());
        }
        ready
    }

    fn send_request(
        &mut self,
        ctx: &mut Ctx<'_, ProducerTimer>,
        node: i32,
        chosen: &[(TopicPartition, u64, i32)],
    ) -> bool {
        let mute = self.config.guarantees_order_by_muting();
        let mut topics: Map<Arc<str>, Vec<PartitionProduceData>> = Map::new();
        let mut entry = None;
        for (at, id, leader_epoch) in chosen {
            let Some(batch) = self.accumulator.take(*id, mute) else { continue };
            if self.config.enable_idempotence {
                self.idempotence.assign(*id, batch);
            }
            let records = batch.send(*leader_epoch);
            let (records_count, attempt, crc) = (batch.count(), batch.attempts, batch.crc);
            let event = Event::BatchSent { at: at.clone(), records: records_count, attempt, crc };
            entry = Some(ctx.trace(event));
            let data = PartitionProduceData { index: at.partition, records: Some(records) };
            topics.entry(at.topic.clone()).or_default().push(data);
        }
        let topic_data: Vec<TopicProduceData> =
            topics.into_iter().map(|(topic, partitions)| self.topic_data(&topic, partitions)).collect();
        let all_have_ids = topic_data.iter().all(|topic| !topic.topic_id.is_zero());
        let request = ProduceRequest {
            transactional_id: None,
            acks: self.config.acks.code(),
            timeout_ms: i32::try_from(self.config.request_timeout_ms).unwrap_or(i32::MAX),
            topic_data,
        };
        let options = SendOptions {
            timeout_ms: None,
            max_version: (!all_have_ids).then_some(FIRST_VERSION_WITH_TOPIC_IDS - 1),
            one_way: self.config.acks == Acks::None,
        };
        let token = self.next_token;
        self.next_token += 1;
        let cause = entry.map(|entry| ctx.because(entry));
        let sent = self.network.send_with(ctx, node, token, &request, options);
        if let Some(cause) = cause {
            ctx.because(cause);
        }
        let batches: Vec<(u64, TopicPartition)> =
            chosen.iter().map(|(at, id, _)| (*id, at.clone())).collect();
        match sent {
            Ok(()) if options.one_way => {
                let answer = Answer { error: ErrorCode::None, base_offset: -1, log_start_offset: -1 };
                batches.iter().for_each(|(id, at)| self.finish(ctx, *id, at, &answer));
            }
            Ok(()) => {
                self.requests.insert(token, ProduceInFlight { batches });
            }
            Err(_) => {
                let answer =
                    Answer { error: ErrorCode::UnsupportedVersion, base_offset: -1, log_start_offset: -1 };
                batches.iter().for_each(|(id, at)| self.finish(ctx, *id, at, &answer));
            }
        }
        true
    }

    fn topic_data(&self, topic: &Arc<str>, partition_data: Vec<PartitionProduceData>) -> TopicProduceData {
        let topic_id = self.network.metadata().topic(topic).map_or(Uuid::ZERO, |topic| topic.id);
        TopicProduceData { name: topic.to_string(), topic_id, partition_data }
    }

    fn partition_response<'a>(
        &self,
        at: &TopicPartition,
        body: &'a ProduceResponse,
    ) -> Option<&'a PartitionProduceResponse> {
        let id = self.network.metadata().topic(&at.topic).map_or(Uuid::ZERO, |topic| topic.id);
        let is_it = |name: &str, topic_id: Uuid| match topic_id.is_zero() {
            true => name == &*at.topic,
            false => topic_id == id,
        };
        let mut topics = body.responses.iter().filter(|topic| is_it(&topic.name, topic.topic_id));
        topics.find_map(|topic| topic.partition_responses.iter().find(|it| it.index == at.partition))
    }

    fn answer_for(&self, at: &TopicPartition, body: &ProduceResponse) -> Option<Answer> {
        let answer = self.partition_response(at, body)?;
        Some(Answer {
            error: answer.error_code,
            base_offset: answer.base_offset,
            log_start_offset: answer.log_start_offset,
        })
    }

    fn learn_leader(&mut self, at: &TopicPartition, body: &ProduceResponse) {
        let Some(current) = self.partition_response(at, body).map(|answer| answer.current_leader.clone())
        else {
            return;
        };
        let named = body.node_endpoints.iter().find(|node| node.node_id == current.leader_id);
        let endpoint = named.map(|it| BrokerEndpoint::told(&it.host, it.port, it.rack.as_deref()));
        self.network.leader_is(at, current.leader_id, current.leader_epoch, endpoint);
    }

    /// A batch in a request has its answer.
    fn finish(&mut self, ctx: &mut Ctx<'_, ProducerTimer>, id: u64, at: &TopicPartition, answer: &Answer) {
        self.accumulator.unmute(at);
        let error = answer.error;
        // A batch that expired meanwhile was already reported.
        if let Some(batch) = self.accumulator.get(id).cloned() {
            let idempotent = self.config.enable_idempotence;
            match error {
                ErrorCode::None => self.acknowledge(ctx, id, answer.base_offset),
                ErrorCode::DuplicateSequenceNumber if idempotent => {
                    self.acknowledge(ctx, id, answer.base_offset)
                }
                ErrorCode::MessageTooLarge if batch.count() > 1 => self.split(ctx, id, &batch),
                _ if self.may_retry(ctx.now(), &batch, answer) => self.retry(ctx, id, error),
                _ => self.fail(ctx, id, error, batch.attempts <= self.config.retries),
            }
        }
        if is_invalid_metadata(error) {
            self.network.metadata_is_stale(ctx, error);
        }
    }

    fn may_retry(&mut self, now: SimTime, batch: &ProducerBatch, answer: &Answer) -> bool {
        let in_time = now < batch.created_at + ms(self.config.delivery_timeout_ms);
        if !in_time || batch.attempts > self.config.retries {
            return false;
        }
        if self.config.enable_idempotence {
            return self.idempotence.may_retry(batch, answer.error, answer.log_start_offset);
        }
        answer.error.is_retriable()
    }

    fn acknowledge(&mut self, ctx: &mut Ctx<'_, ProducerTimer>, id: u64, base_offset: i64) {
        let Some(batch) = self.accumulator.remove(id) else { return };
        self.idempotence.acknowledged(id, &batch, base_offset);
        self.totals.acknowledged += u64::from(batch.count());
        ctx.trace(Event::BatchAcknowledged {
            at: batch.at.clone(),
            records: batch.count(),
            base_offset,
            crc: batch.crc,
            acks: self.config.acks.code(),
        });
        self.wake(&batch);
    }

    fn retry(&mut self, ctx: &mut Ctx<'_, ProducerTimer>, id: u64, error: ErrorCode) {
        let Some(batch) = self.accumulator.get_mut(id) else { return };
        let wait = self.config.retry_backoff().after(batch.attempts, ctx.rng());
        batch.state = BatchState::Retrying;
        batch.retry_at = ctx.now() + wait;
        let (at, records) = (batch.at.clone(), batch.count());
        self.accumulator.reenqueue(id);
        self.totals.retried_batches += 1;
        let backoff_ms = u32::try_from(wait / 1_000).unwrap_or(u32::MAX);
        ctx.trace(Event::BatchRetried { at, records, error, backoff_ms });
    }

    #[inline(never)]
    fn split(&mut self, ctx: &mut Ctx<'_, ProducerTimer>, id: u64, batch: &ProducerBatch) {
        let parts = batch.split(self.config.batch_size);
        let (at, records) = (batch.at.clone(), batch.count());
        let parts = self.accumulator.replace(id, parts);
        self.idempotence.split(&at, id, &parts);
        self.totals.retried_batches += 1;
        ctx.trace(Event::BatchRetried { at, records, error: ErrorCode::MessageTooLarge, backoff_ms: 0 });
    }

    /// Gives a batch up. `not_written`: the broker refused it.
    fn fail(&mut self, ctx: &mut Ctx<'_, ProducerTimer>, id: u64, error: ErrorCode, not_written: bool) {
        let Some(batch) = self.accumulator.remove(id) else { return };
        self.idempotence.given_up(id, &batch, error, not_written, &mut self.accumulator);
        let records = batch.count();
        self.totals.failed += u64::from(records);
        let detail = format!("{records} record(s) for {}: {}", batch.at, error.message());
        self.last_error = Some((error, detail.into()));
        ctx.trace(Event::BatchFailed { at: batch.at.clone(), records, error });
        self.wake(&batch);
        let fatal = matches!(error, ErrorCode::ClusterAuthorizationFailed | ErrorCode::ProducerFenced);
        if fatal && self.config.enable_idempotence && self.idempotence.fatal().is_none() {
            self.fail_for_good(ctx, error);
        }
    }

    /// Whoever waits for one of the batch's records goes on.
    fn wake(&mut self, batch: &ProducerBatch) {
        let origins: Set<_> = batch.records.iter().filter_map(|record| record.awaited_by).collect();
        for origin in origins {
            self.workload.set_waiting(origin, false);
        }
    }

    fn expire_batches(&mut self, ctx: &mut Ctx<'_, ProducerTimer>) {
        let timeout = ms(self.config.delivery_timeout_ms);
        if ctx.now().0 < timeout {
            return;
        }
        for id in self.accumulator.begun_until(ctx.now() - timeout) {
            self.fail(ctx, id, ErrorCode::RequestTimedOut, false);
        }
    }

    fn ask_for_producer_id(&mut self, ctx: &mut Ctx<'_, ProducerTimer>) {
        if self.id_request.in_flight || ctx.now() < self.id_request.not_before {
            return;
        }
        let Some(node) = self.network.least_loaded_node(ctx) else { return };
        if !self.network.ready(ctx, node) {
            return;
        }
        let request = InitProducerIdRequest {
            transactional_id: None,
            transaction_timeout_ms: i32::MAX,
            ..InitProducerIdRequest::default()
        };
        match self.network.send(ctx, node, ID_TOKEN, &request) {
            Ok(()) => self.id_request.in_flight = true,
            Err(_) => self.fail_for_good(ctx, ErrorCode::UnsupportedVersion),
        }
    }

    fn on_producer_id(&mut self, ctx: &mut Ctx<'_, ProducerTimer>, response: &Response) {
        self.id_request.in_flight = false;
        let body = response.decode::<InitProducerIdResponse>();
        if let Err(Some(error)) = &body {
            self.network.drop_connection(ctx, response.node, &error.to_string());
        }
        match body {
            Ok(body) if body.error_code == ErrorCode::None => {
                self.id_request = IdRequest::default();
                self.idempotence
                    .set_id(ProducerIdAndEpoch { id: body.producer_id, epoch: body.producer_epoch });
            }
            Ok(body) if !body.error_code.is_retriable() => self.fail_for_good(ctx, body.error_code),
            _ => {
                self.id_request.failures = self.id_request.failures.saturating_add(1);
                let wait = self.config.retry_backoff().after(self.id_request.failures, ctx.rng());
                self.id_request.not_before = ctx.now() + wait;
            }
        }
    }

    /// An idempotent producer that may not write any more fails all that it has.
    fn fail_for_good(&mut self, ctx: &mut Ctx<'_, ProducerTimer>, error: ErrorCode) {
        self.idempotence.fail(error);
        self.report(ctx, error, "the producer cannot recover from this error");
        for id in self.accumulator.ids() {
            self.fail(ctx, id, error, true);
        }
    }
}
