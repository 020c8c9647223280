//! A producer, a clock and brokers that do what the test tells them: as little of a cluster as
//! a producer's story needs.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;

use super::producer::{Producer, ProducerCommand, ProducerConfig, ProducerTimer};
use super::workload::Workload;
use crate::base::{CloseReason, ConnId, Effect, FrameKind, Input, Map, NodeId, Rng, Set, SimTime, ms};
use crate::protocol::messages::api_versions::{ApiVersion, ApiVersionsResponse};
use crate::protocol::messages::init_producer_id::InitProducerIdResponse;
use crate::protocol::messages::metadata::*;
use crate::protocol::messages::produce::*;
use crate::protocol::{ApiKey, ErrorCode, Message, Uuid, decode_request_header, encode_response};
use crate::storage::RecordBatch;
use crate::trace::{Ctx, Event};

/// One way through the network.
const LATENCY: u64 = ms(1);

type ProducerInput = Input<ProducerTimer, ProducerCommand>;

/// What a broker does with a produce request instead of writing it.
#[derive(Clone, Copy)]
pub(super) enum Fault {
    /// Answers with this error.
    Error(ErrorCode),
    /// Writes it, but the answer is lost with the connection.
    WriteAndClose,
    /// Says nothing, ever.
    Silence,
    /// Answers something that is no response.
    Garbage,
    /// No fault: this request is fine.
    Fine,
}

/// The brokers.
pub(super) struct Cluster {
    /// Leader and leader epoch by partition of the only topic, `t`.
    pub(super) leaders: Vec<(i32, i32)>,
    pub(super) brokers: i32,
    pub(super) down: Set<i32>,
    /// For the next produce requests, one each.
    pub(super) faults: VecDeque<Fault>,
    pub(super) newest_api_versions: i16,
    pub(super) max_message_bytes: usize,
    /// Whether answers name the new leader (KIP-951).
    pub(super) names_leaders: bool,
    /// What is in the log, by partition.
    pub(super) logs: Map<i32, Vec<String>>,
    /// The sequence that comes next, by partition and producer epoch.
    sequences: Map<(i32, i16), i32>,
}

/// The producer and everything around it.
pub(super) struct Stage {
    pub(super) now: SimTime,
    pub(super) producer: Producer,
    pub(super) cluster: Cluster,
    /// Whether the story tells of requests and connections.
    pub(super) tell_frames: bool,
    /// Every other response is damaged on its way.
    pub(super) noise: bool,
    pub(super) story: String,
    rng: Rng,
    next_conn: u32,
    next_entry: u64,
    next_arrival: u64,
    timers: Map<ProducerTimer, SimTime>,
    arrivals: Map<(SimTime, u64), ProducerInput>,
    conns: Map<ConnId, i32>,
}

impl Stage {
    /// Two brokers; broker 1 leads the only partition of topic `t`. The producer has started.
    pub(super) fn new(config: &str, workload: &str) -> Self {
        let config: ProducerConfig = serde_json::from_str(config).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(config.problems(), Vec::<String>::new());
        let workload: Workload = serde_json::from_str(workload).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(workload.problems(), Vec::<String>::new());
        let cluster = Cluster {
            leaders: vec![(1, 0)],
            brokers: 2,
            down: Set::new(),
            faults: VecDeque::new(),
            newest_api_versions: 4,
            max_message_bytes: 1 << 20,
            names_leaders: false,
            logs: Map::new(),
            sequences: Map::new(),
        };
        let bootstrap = vec![("broker-1".to_owned(), 9092)];
        Stage {
            now: SimTime::ZERO,
            producer: Producer::new(Arc::new(config), bootstrap, workload),
            cluster,
            tell_frames: false,
            noise: false,
            story: String::new(),
            rng: Rng::stream(1, "producer"),
            next_conn: 0,
            next_entry: 1,
            next_arrival: 1,
            timers: Map::new(),
            arrivals: Map::new(),
            conns: Map::new(),
        }
    }

    /// Another world, as far as chance goes.
    pub(super) fn reseed(&mut self, seed: u64) {
        self.rng = Rng::stream(seed, "producer");
    }

    /// For the next produce requests, faults that an idempotent producer survives.
    pub(super) fn random_faults(&mut self, count: u32) {
        let kinds = [
            Fault::Fine,
            Fault::Error(ErrorCode::NotEnoughReplicas),
            Fault::Error(ErrorCode::NotLeaderOrFollower),
            Fault::WriteAndClose,
            Fault::Silence,
            Fault::Garbage,
        ];
        for _ in 0..count {
            let kind = self.rng.below(kinds.len() as u64) as usize;
            self.cluster.faults.push_back(kinds[kind]);
        }
    }

    pub(super) fn start(&mut self) {
        self.step(Input::Start);
    }

    /// Sends records to `t`, each of them the value (and `key:value` with a key).
    pub(super) fn send(&mut self, records: &[&str]) {
        for record in records {
            let (key, value) = record.split_once(':').map_or((None, *record), |(k, v)| (Some(k), v));
            self.step(Input::Command(ProducerCommand::SendRecord {
                topic: Arc::from("t"),
                partition: None,
                key: key.map(Into::into),
                value: Some(value.into()),
                headers: Vec::new(),
            }));
        }
    }

    /// Lets time pass until this many milliseconds after the beginning.
    pub(super) fn run_until(&mut self, until_ms: u64) {
        let until = SimTime(ms(until_ms));
        for _ in 0..100_000 {
            let timer = self.timers.iter().map(|(key, at)| (*at, *key)).min();
            let arrival = self.arrivals.keys().next().copied();
            let Some(next) = [timer.map(|it| it.0), arrival.map(|it| it.0)].into_iter().flatten().min()
            else {
                break;
            };
            if next > until {
                break;
            }
            assert!(next >= self.now, "a timer in the past");
            self.now = next;
            match (timer, arrival) {
                (_, Some(arrival)) if arrival.0 == next => {
                    let input = self.arrivals.remove(&arrival);
                    input.into_iter().for_each(|input| self.step(input));
                }
                (Some((_, key)), _) => {
                    self.timers.remove(&key);
                    self.step(Input::Timer(key));
                }
                _ => {}
            }
        }
        self.now = until;
    }

    /// Every connection to the broker breaks.
    pub(super) fn cut(&mut self, broker: i32) {
        let cut: Vec<ConnId> = self.conns.iter().filter(|it| *it.1 == broker).map(|it| *it.0).collect();
        for conn in cut {
            self.close(conn, CloseReason::ByPeer);
        }
    }

    /// What is in a partition's log.
    pub(super) fn log(&self, partition: i32) -> String {
        self.cluster.logs.get(&partition).map_or(String::new(), |log| log.join(" "))
    }

    pub(super) fn step(&mut self, input: ProducerInput) {
        let root = self.next_entry;
        let (rng, next_conn) = (&mut self.rng, &mut self.next_conn);
        let mut ctx = Ctx::new(self.now, rng, NodeId(100), next_conn, root, root + 1);
        self.producer.step(&mut ctx, input);
        let outputs = ctx.finish();
        self.next_entry = root + 1 + outputs.trace.len() as u64;
        for (_, _, event) in &outputs.trace {
            if let Some(line) = told(event) {
                let _ = writeln!(self.story, "{} {line}", self.now);
            }
        }
        for (_, effect) in outputs.effects {
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect<ProducerTimer>) {
        match effect {
            Effect::SetTimer { key, at } => drop(self.timers.insert(key, at)),
            Effect::CancelTimer { key } => drop(self.timers.remove(&key)),
            Effect::Connect { conn, host, .. } => {
                let broker: i32 = host.trim_start_matches("broker-").parse().unwrap_or(-1);
                self.tell_frame(&format!("connects to {host}"));
                self.conns.insert(conn, broker);
                if self.cluster.down.contains(&broker) {
                    self.close(conn, CloseReason::Refused);
                }
            }
            Effect::Send { conn, info, bytes } => {
                assert_eq!(info.kind, FrameKind::Request);
                let Some(&broker) = self.conns.get(&conn) else { return };
                let name = ApiKey::try_from(info.api_key).map_or("?", ApiKey::name);
                self.tell_frame(&format!("{name} v{} to {broker}", info.api_version));
                if let Some(answer) = self.cluster.answer(broker, &bytes.whole()) {
                    match answer {
                        Some(bytes) => {
                            let from = NodeId(broker as u32);
                            let bytes = if self.noise { damaged(bytes, &mut self.rng) } else { bytes }.into();
                            self.arrive(2 * LATENCY, Input::Frame { conn, from, port: 9092, bytes });
                        }
                        None => self.close(conn, CloseReason::Reset),
                    }
                }
            }
            Effect::Close { conn } => {
                self.tell_frame("closes a connection");
                self.conns.remove(&conn);
            }
            Effect::Flush { .. } => panic!("a producer has no disk"),
        }
    }

    fn tell_frame(&mut self, what: &str) {
        if self.tell_frames {
            let _ = writeln!(self.story, "{} - {what}", self.now);
        }
    }

    fn close(&mut self, conn: ConnId, reason: CloseReason) {
        self.conns.remove(&conn);
        self.arrivals.retain(|_, input| !matches!(input, Input::Frame { conn: other, .. } if *other == conn));
        self.arrive(2 * LATENCY, Input::Closed { conn, reason });
    }

    fn arrive(&mut self, after: u64, input: ProducerInput) {
        self.arrivals.insert((self.now + after, self.next_arrival), input);
        self.next_arrival += 1;
    }
}

impl Cluster {
    /// `None`: silence; `Some(None)`: the connection breaks.
    fn answer(&mut self, broker: i32, frame: &Bytes) -> Option<Option<Bytes>> {
        let (header, body) = decode_request_header(frame).unwrap_or_else(|error| panic!("{error}"));
        let (version, correlation_id) = (header.api_version, header.correlation_id);
        let answer = match ApiKey::try_from(header.api_key) {
            Ok(ApiKey::ApiVersions) if version > self.newest_api_versions => {
                encode_response(0, correlation_id, &self.api_versions(ErrorCode::UnsupportedVersion))
            }
            Ok(ApiKey::ApiVersions) => {
                encode_response(version, correlation_id, &self.api_versions(ErrorCode::None))
            }
            Ok(ApiKey::Metadata) => {
                let request =
                    MetadataRequest::decode(&body, version).unwrap_or_else(|error| panic!("{error}"));
                encode_response(version, correlation_id, &self.metadata(&request))
            }
            Ok(ApiKey::InitProducerId) => {
                let response = InitProducerIdResponse { producer_id: 7, ..Default::default() };
                encode_response(version, correlation_id, &response)
            }
            Ok(ApiKey::Produce) => {
                let request =
                    ProduceRequest::decode(&body, version).unwrap_or_else(|error| panic!("{error}"));
                return self.produce(broker, version, correlation_id, &request);
            }
            other => panic!("unexpected {other:?}"),
        };
        Some(Some(answer.unwrap_or_else(|error| panic!("{error}"))))
    }

    fn api_versions(&self, error_code: ErrorCode) -> ApiVersionsResponse {
        let api = |api_key: ApiKey, max_version: i16| ApiVersion {
            api_key: api_key.code(),
            min_version: 0,
            max_version,
        };
        let api_keys = vec![
            api(ApiKey::Produce, 13),
            api(ApiKey::Metadata, 13),
            api(ApiKey::ApiVersions, self.newest_api_versions),
            api(ApiKey::InitProducerId, 5),
        ];
        ApiVersionsResponse { error_code, api_keys, ..Default::default() }
    }

    fn metadata(&self, request: &MetadataRequest) -> MetadataResponse {
        let broker = |node_id: i32| MetadataResponseBroker {
            node_id,
            host: format!("broker-{node_id}"),
            port: 9092,
            rack: None,
        };
        let partition =
            |(index, &(leader_id, leader_epoch)): (usize, &(i32, i32))| MetadataResponsePartition {
                partition_index: index as i32,
                leader_id,
                leader_epoch,
                replica_nodes: vec![1, 2],
                isr_nodes: vec![1, 2],
                ..Default::default()
            };
        let topic = |asked: &MetadataRequestTopic| {
            let known = asked.name.as_deref() == Some("t");
            MetadataResponseTopic {
                error_code: if known { ErrorCode::None } else { ErrorCode::UnknownTopicOrPartition },
                name: asked.name.clone(),
                topic_id: if known { Uuid::from_halves(0, 1) } else { Uuid::ZERO },
                partitions: self.leaders.iter().enumerate().map(partition).filter(|_| known).collect(),
                ..Default::default()
            }
        };
        MetadataResponse {
            brokers: (1..=self.brokers).map(broker).collect(),
            topics: request.topics.iter().flatten().map(topic).collect(),
            ..Default::default()
        }
    }

    fn produce(
        &mut self,
        broker: i32,
        version: i16,
        correlation_id: i32,
        request: &ProduceRequest,
    ) -> Option<Option<Bytes>> {
        let fault = self.faults.pop_front().unwrap_or(Fault::Fine);
        let mut responses = Vec::new();
        for topic in &request.topic_data {
            let answer = |data: &PartitionProduceData| {
                let (error_code, base_offset) = match fault {
                    Fault::Error(error) => (error, -1),
                    Fault::Silence => (ErrorCode::None, -1),
                    _ => self.write(broker, data),
                };
                let mut current_leader = LeaderIdAndEpoch::default();
                if self.names_leaders && error_code == ErrorCode::NotLeaderOrFollower {
                    (current_leader.leader_id, current_leader.leader_epoch) =
                        self.leaders[data.index as usize];
                }
                PartitionProduceResponse {
                    index: data.index,
                    error_code,
                    base_offset,
                    current_leader,
                    ..Default::default()
                }
            };
            responses.push(TopicProduceResponse {
                name: topic.name.clone(),
                topic_id: topic.topic_id,
                partition_responses: topic.partition_data.iter().map(answer).collect(),
            });
        }
        let response = ProduceResponse { responses, ..Default::default() };
        let bytes =
            encode_response(version, correlation_id, &response).unwrap_or_else(|error| panic!("{error}"));
        match fault {
            Fault::Silence => None,
            Fault::WriteAndClose => Some(None),
            Fault::Garbage => Some(Some(bytes.slice(..bytes.len().min(9)))),
            _ if request.acks == 0 => None,
            _ => Some(Some(bytes)),
        }
    }

    fn write(&mut self, broker: i32, data: &PartitionProduceData) -> (ErrorCode, i64) {
        if self.leaders.get(data.index as usize).is_none_or(|leader| leader.0 != broker) {
            return (ErrorCode::NotLeaderOrFollower, -1);
        }
        let bytes = data.records.clone().unwrap_or_default();
        let (batch, _) = RecordBatch::parse(&bytes).unwrap_or_else(|error| panic!("{error:?}"));
        assert!(batch.is_crc_valid());
        if bytes.len() > self.max_message_bytes {
            return (ErrorCode::MessageTooLarge, -1);
        }
        if batch.has_producer_id() {
            let next = self.sequences.entry((data.index, batch.producer_epoch())).or_insert(0);
            match batch.base_sequence() {
                sequence if sequence < *next => return (ErrorCode::DuplicateSequenceNumber, -1),
                sequence if sequence > *next => return (ErrorCode::OutOfOrderSequenceNumber, -1),
                _ => *next += batch.count(),
            }
        }
        let log = self.logs.entry(data.index).or_default();
        let base_offset = log.len() as i64;
        let values = batch.records().filter_map(Result::ok).filter_map(|record| record.value);
        log.extend(values.map(|value| String::from_utf8_lossy(&value).into_owned()));
        (ErrorCode::None, base_offset)
    }
}

fn damaged(bytes: Bytes, rng: &mut Rng) -> Bytes {
    let mut damaged = bytes.to_vec();
    match rng.below(4) {
        0 => damaged.truncate(rng.below(bytes.len() as u64) as usize),
        1 => damaged[rng.below(bytes.len() as u64) as usize] ^= 1 << rng.below(8),
        _ => {}
    }
    damaged.into()
}

fn told(event: &Event) -> Option<String> {
    Some(match event {
        Event::BatchSent { at, records, attempt, .. } => format!("sent {at}: {records}, attempt {attempt}"),
        Event::BatchAcknowledged { at, records, base_offset, .. } => {
            format!("acknowledged {at}: {records} at {base_offset}")
        }
        Event::BatchRetried { at, records, error, backoff_ms } => {
            format!("retries {at}: {records} after {backoff_ms} ms, {}", error.name())
        }
        Event::BatchFailed { at, records, error } => format!("failed {at}: {records}, {}", error.name()),
        Event::MetadataStale { error } => format!("metadata stale: {}", error.name()),
        Event::MetadataRefreshed { brokers } => format!("metadata: {brokers} brokers"),
        Event::ClientError { error, detail } => format!("error {}: {detail}", error.name()),
        _ => return None,
    })
}
