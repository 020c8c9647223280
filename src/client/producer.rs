//! The producer: an application's `send()`s become record batches, and batches become produce
//! requests.
//!
//! Rules: Apache Kafka 4.1's `KafkaProducer`, `RecordAccumulator`, `Sender` and the idempotent
//! half of `TransactionManager`; KIP-98 and KIP-360 (idempotence), KIP-91 (`delivery.timeout.ms`),
//! KIP-480 and KIP-794 (partitioning), KIP-951 (leaders in responses). Must not know how brokers
//! keep records.
//!
//! `send()` blocks for metadata or memory (`max.block.ms`): then the source of the workload
//! that called it stands still, as a thread would.

mod accumulator;
mod batch;
mod config;
mod idempotence;
mod sender;

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::accumulator::Append;
use self::idempotence::Idempotence;
use super::network::{NetworkClient, NetworkEvent, NetworkTimer};
use super::workload::{Draw, MAX_DRAWS, Origin, ProducerRecord, Text, Workload, WorkloadRunner};
use crate::base::{Input, Map, SimTime, ms};
use crate::partitioner::{Partitioner, TopicPartitions};
use crate::protocol::{ErrorCode, TopicPartition};
use crate::storage::{BatchBuilder, RecordHeader};
use crate::trace::{Ctx, Event};

pub use accumulator::RecordAccumulator;
pub use batch::{BatchState, ProducerBatch, ProducerIdAndEpoch, QueuedRecord};
pub use config::{Acks, CompressionType, ProducerConfig};

/// So many `send()`s may block at once; further ones fail.
const MAX_BLOCKED: usize = 10_000;

/// The producer's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProducerTimer {
    /// One of the network client's.
    Network(NetworkTimer),
    /// The workload has something to send.
    Workload,
    /// A batch has lingered, backed off or expired, or a blocked `send()` has to give up.
    Sender,
}

impl ProducerTimer {
    /// Its name in the trace.
    pub fn name(self) -> &'static str {
        match self {
            ProducerTimer::Network(timer) => timer.name(),
            ProducerTimer::Workload => "workload",
            ProducerTimer::Sender => "sender",
        }
    }
}

impl From<NetworkTimer> for ProducerTimer {
    fn from(timer: NetworkTimer) -> Self {
        ProducerTimer::Network(timer)
    }
}

/// What somebody outside may want of a producer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ProducerCommand {
    /// Send a record now.
    SendRecord {
        /// The topic.
        topic: Arc<str>,
        /// The partition, if not the partitioner chooses.
        #[serde(default)]
        partition: Option<i32>,
        /// The key, if there is one.
        #[serde(default)]
        key: Option<Text>,
        /// The value; none is a tombstone.
        #[serde(default)]
        value: Option<Text>,
        /// Headers: names and values.
        #[serde(default)]
        headers: Vec<(String, Text)>,
    },
    /// Stop the workload, or let it go on. Records sent before are not affected.
    SetPaused {
        /// Stop.
        paused: bool,
    },
    /// Change the workload's pace.
    SetRate {
        /// In percent of what the workload says.
        percent: u32,
    },
    /// `flush()`: send what lingers now.
    Flush,
}

/// What became of the records so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProducerTotals {
    /// Records taken into the accumulator.
    pub queued: u64,
    /// Records acknowledged; with `acks=0`, sent.
    pub acknowledged: u64,
    /// Records reported to the application as failed.
    pub failed: u64,
    /// Batches that were sent again.
    pub retried_batches: u64,
}

/// A `send()` that blocks.
#[derive(Clone, Debug, PartialEq)]
struct BlockedSend {
    draw: Draw,
    until: SimTime,
    why: Blocked,
}

/// Why a `send()` blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blocked {
    Metadata,
    Memory,
}

/// A produce request on its way.
#[derive(Clone, Debug, PartialEq)]
struct ProduceInFlight {
    batches: Vec<(u64, TopicPartition)>,
}

/// A producer and the application around it.
#[derive(Clone, Debug, PartialEq)]
pub struct Producer {
    config: Arc<ProducerConfig>,
    network: NetworkClient,
    workload: WorkloadRunner,
    partitioner: Partitioner,
    accumulator: RecordAccumulator,
    idempotence: Idempotence,
    blocked: VecDeque<BlockedSend>,
    requests: Map<u64, ProduceInFlight>,
    next_token: u64,
    /// Asking for a producer id: in flight, or not before.
    id_request: sender::IdRequest,
    /// By node: where the last request's partitions ended, so that none starves.
    drained_to: Map<i32, TopicPartition>,
    /// By node: how long batches have waited for it.
    latencies: Map<i32, sender::NodeLatency>,
    /// Batches begun until then are sent without lingering.
    flushed_until: Option<SimTime>,
    totals: ProducerTotals,
    last_error: Option<(ErrorCode, Arc<str>)>,
    sender_at: Option<SimTime>,
    workload_at: Option<SimTime>,
}

impl Producer {
    /// A producer that has not started. Settings that contradict each other should have been
    /// refused before ([`ProducerConfig::problems`], [`Workload::problems`]).
    pub fn new(config: Arc<ProducerConfig>, bootstrap: Vec<(String, u16)>, workload: Workload) -> Self {
        Producer {
            network: NetworkClient::new(config.network(), bootstrap),
            workload: WorkloadRunner::new(workload),
            partitioner: config.new_partitioner(),
            accumulator: RecordAccumulator::new(config.batches()),
            idempotence: Idempotence::default(),
            blocked: VecDeque::new(),
            requests: Map::new(),
            next_token: 1,
            id_request: sender::IdRequest::default(),
            drained_to: Map::new(),
            latencies: Map::new(),
            flushed_until: None,
            totals: ProducerTotals::default(),
            last_error: None,
            sender_at: None,
            workload_at: None,
            config,
        }
    }

    /// Something happens to the producer.
    pub fn step(&mut self, ctx: &mut Ctx<'_, ProducerTimer>, input: Input<ProducerTimer, ProducerCommand>) {
        match input {
            Input::Start => self.start(ctx),
            Input::Frame { conn, bytes, .. } => self.network.on_frame(ctx, conn, bytes.whole()),
            Input::Closed { conn, reason } => self.network.on_closed(ctx, conn, reason),
            Input::Timer(ProducerTimer::Network(timer)) => self.network.on_timer(ctx, timer),
            Input::Timer(ProducerTimer::Sender) => self.sender_at = None,
            Input::Timer(ProducerTimer::Workload) => self.workload_at = None,
            Input::Command(command) => self.obey(ctx, command),
            // A producer has no disk.
            Input::Flushed { .. } => {}
        }
        self.take_events(ctx);
        self.run_application(ctx);
        self.run_sender(ctx);
        self.set_timers(ctx);
    }

    /// Its configuration.
    pub fn config(&self) -> &ProducerConfig {
        &self.config
    }

    /// Its connections and its picture of the cluster.
    pub fn network(&self) -> &NetworkClient {
        &self.network
    }

    /// The batches that are not done, oldest first: filling, waiting, in flight, retrying.
    pub fn pending(&self) -> impl Iterator<Item = &ProducerBatch> {
        self.accumulator.batches()
    }

    /// Memory that these batches hold, of `buffer.memory`.
    pub fn buffered_bytes(&self) -> u64 {
        self.accumulator.used_bytes()
    }

    /// Produce requests that wait for their response.
    pub fn in_flight(&self) -> u32 {
        self.requests.len() as u32
    }

    /// `send()`s that block for metadata or memory.
    pub fn blocked_sends(&self) -> u32 {
        self.blocked.len() as u32
    }

    /// What became of the records so far.
    pub fn totals(&self) -> ProducerTotals {
        self.totals
    }

    /// The last error that was reported to the application.
    pub fn last_error(&self) -> Option<(ErrorCode, &str)> {
        self.last_error.as_ref().map(|(error, detail)| (*error, &**detail))
    }

    /// Producer id and epoch, once an idempotent producer has them.
    pub fn producer_id(&self) -> Option<ProducerIdAndEpoch> {
        self.idempotence.current()
    }

    /// Whether the workload stands still.
    pub fn is_paused(&self) -> bool {
        self.workload.is_paused()
    }

    /// The workload's pace in percent.
    pub fn rate_percent(&self) -> u32 {
        self.workload.rate_percent()
    }

    /// A process starts with empty memory; only the application knows where it was.
    fn start(&mut self, ctx: &mut Ctx<'_, ProducerTimer>) {
        self.accumulator = RecordAccumulator::new(self.config.batches());
        self.idempotence = Idempotence::default();
        self.partitioner = self.config.new_partitioner();
        self.blocked.clear();
        self.requests.clear();
        self.id_request = sender::IdRequest::default();
        self.drained_to.clear();
        self.latencies.clear();
        (self.sender_at, self.workload_at) = (None, None);
        self.workload.start(ctx.now());
        self.network.start(ctx);
    }

    fn obey(&mut self, ctx: &mut Ctx<'_, ProducerTimer>, command: ProducerCommand) {
        match command {
            ProducerCommand::SetPaused { paused } => self.workload.set_paused(ctx.now(), paused),
            ProducerCommand::SetRate { percent } => self.workload.set_rate(ctx.now(), percent),
            ProducerCommand::Flush => self.flushed_until = Some(ctx.now()),
            ProducerCommand::SendRecord { topic, partition, key, value, headers } => {
                let header = |(name, value): (String, Text)| RecordHeader::new(name, Some(value.0));
                let record = ProducerRecord {
                    topic,
                    partition,
                    key: key.map(|text| text.0),
                    value: value.map(|text| text.0),
                    headers: headers.into_iter().map(header).collect(),
                    timestamp: None,
                };
                self.send(ctx, Draw { origin: Origin::Command, record, awaited: false });
            }
        }
    }

    fn take_events(&mut self, ctx: &mut Ctx<'_, ProducerTimer>) {
        while let Some(event) = self.network.next_event() {
            if let NetworkEvent::Response(response) = event {
                self.on_response(ctx, &response);
            }
        }
    }

    /// Lets blocked `send()`s go on, then sends what the workload has.
    fn run_application(&mut self, ctx: &mut Ctx<'_, ProducerTimer>) {
        for blocked in std::mem::take(&mut self.blocked) {
            match self.try_send(ctx, &blocked.draw) {
                Ok(()) => self.let_go(&blocked.draw),
                Err(_) if ctx.now() < blocked.until => self.blocked.push_back(blocked),
                Err(why) => self.give_up(ctx, &blocked.draw, why),
            }
        }
        for _ in 0..MAX_DRAWS {
            let Some(draw) = self.workload.draw(ctx.now(), ctx.rng()) else { break };
            self.send(ctx, draw);
        }
    }

    fn send(&mut self, ctx: &mut Ctx<'_, ProducerTimer>, draw: Draw) {
        let Err(why) = self.try_send(ctx, &draw) else { return };
        if self.blocked.len() >= MAX_BLOCKED || self.config.max_block_ms == 0 {
            return self.give_up(ctx, &draw, why);
        }
        self.workload.set_waiting(draw.origin, true);
        let until = ctx.now() + ms(self.config.max_block_ms);
        self.blocked.push_back(BlockedSend { draw, until, why });
    }

    /// `send()` without blocking: the record is in the accumulator, or was refused for good,
    /// unless this tells why it would block.
    fn try_send(&mut self, ctx: &mut Ctx<'_, ProducerTimer>, draw: &Draw) -> Result<(), Blocked> {
        let ProducerRecord { topic, key, value, headers, timestamp, .. } = &draw.record;
        let size = BatchBuilder::size_upper_bound(key.as_deref(), value.as_deref(), headers);
        if size > u64::from(self.config.max_request_size).min(self.config.buffer_memory) {
            let detail = format!("a record of {size} bytes is larger than max.request.size or buffer.memory");
            self.refuse(ctx, draw, ErrorCode::MessageTooLarge, &detail);
            return Ok(());
        }
        if let Some(error) = self.idempotence.fatal() {
            self.refuse(ctx, draw, error, "the producer is in an error that it cannot recover from");
            return Ok(());
        }
        self.network.want_topic(ctx, topic);
        let known = self.network.metadata().topic(topic).map(|topic| topic.error);
        if let Some(error) = known.filter(|error| error.is_error() && !error.is_retriable()) {
            self.refuse(ctx, draw, error, &format!("topic {topic}: {}", error.message()));
            return Ok(());
        }
        let at = self.choose_partition(ctx, &draw.record).ok_or(Blocked::Metadata)?;
        let append = Append {
            at: &at,
            timestamp: timestamp.unwrap_or(ctx.unix_ms()),
            key: key.as_ref(),
            value: value.as_ref(),
            headers,
            awaited_by: draw.awaited.then_some(draw.origin),
        };
        let (batch_size, buffer_memory) = (self.config.batch_size, self.config.buffer_memory);
        let appended = self.accumulator.append(ctx.now(), &append, batch_size, buffer_memory);
        let appended = appended.ok_or(Blocked::Memory)?;
        if draw.record.partition.is_none() && self.partitioner.is_sticky(key.as_deref()) {
            let (rng, bytes, full) = (ctx.rng(), appended.bytes, appended.is_full);
            let (count, available) = self.partitions(topic);
            let partitions = TopicPartitions { count, available: &available };
            self.partitioner.on_batch_bytes(rng, topic, bytes, full, &partitions);
        }
        self.totals.queued += 1;
        let key = key.as_deref().map(|key| Arc::from(String::from_utf8_lossy(key)));
        ctx.trace(Event::RecordQueued { at, record: appended.record, key });
        Ok(())
    }

    fn choose_partition(
        &mut self,
        ctx: &mut Ctx<'_, ProducerTimer>,
        record: &ProducerRecord,
    ) -> Option<TopicPartition> {
        let (count, available) = self.partitions(&record.topic);
        let partition = match record.partition {
            Some(partition) => partition,
            None => {
                let partitions = TopicPartitions { count, available: &available };
                self.partitioner.choose(ctx.rng(), &record.topic, record.key.as_deref(), &partitions)
            }
        };
        let exists = partition >= 0 && (partition as u32) < count;
        exists.then(|| TopicPartition::new(record.topic.clone(), partition))
    }

    /// How many partitions a topic has, and which of them have a leader.
    fn partitions(&self, topic: &str) -> (u32, Vec<i32>) {
        let metadata = self.network.metadata();
        (metadata.partition_count(topic), metadata.available_partitions(topic))
    }

    /// The record never gets into the accumulator.
    fn refuse(&mut self, ctx: &mut Ctx<'_, ProducerTimer>, draw: &Draw, error: ErrorCode, detail: &str) {
        self.totals.failed += 1;
        self.report(ctx, error, detail);
        self.workload.set_waiting(draw.origin, false);
    }

    fn give_up(&mut self, ctx: &mut Ctx<'_, ProducerTimer>, draw: &Draw, why: Blocked) {
        let max_block_ms = self.config.max_block_ms;
        let topic = &draw.record.topic;
        let detail = match (why, draw.record.partition) {
            (Blocked::Memory, _) => format!("no memory for the record within {max_block_ms} ms"),
            (Blocked::Metadata, None) => format!("topic {topic} not in metadata after {max_block_ms} ms"),
            (Blocked::Metadata, Some(partition)) => {
                format!("partition {partition} of topic {topic} not in metadata after {max_block_ms} ms")
            }
        };
        self.refuse(ctx, draw, ErrorCode::RequestTimedOut, &detail);
    }

    /// A blocked `send()` has returned. A source that awaits the record goes on standing still.
    fn let_go(&mut self, draw: &Draw) {
        if !draw.awaited {
            self.workload.set_waiting(draw.origin, false);
        }
    }

    fn report(&mut self, ctx: &mut Ctx<'_, ProducerTimer>, error: ErrorCode, detail: &str) {
        let detail: Arc<str> = Arc::from(detail);
        self.last_error = Some((error, detail.clone()));
        ctx.trace(Event::ClientError { error, detail });
    }

    fn set_timers(&mut self, ctx: &mut Ctx<'_, ProducerTimer>) {
        let workload_at = self.workload.next_at().map(|at| at.max(ctx.now()));
        set_timer(ctx, ProducerTimer::Workload, &mut self.workload_at, workload_at);
        let blocked = self.blocked.iter().map(|blocked| blocked.until).min();
        let sender_at = [blocked, self.next_sender_time(ctx.now())].into_iter().flatten().min();
        set_timer(ctx, ProducerTimer::Sender, &mut self.sender_at, sender_at);
    }
}

fn set_timer(
    ctx: &mut Ctx<'_, ProducerTimer>,
    key: ProducerTimer,
    set: &mut Option<SimTime>,
    wanted: Option<SimTime>,
) {
    if *set != wanted {
        match wanted {
            Some(at) => ctx.set_timer(key, at),
            None => ctx.cancel_timer(key),
        }
        *set = wanted;
    }
}

#[cfg(test)]
mod producer_test;
