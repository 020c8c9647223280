//! A broker at a desk, for tests: clients put requests of any version on it and read what it
//! answers; nobody else is there.

use bytes::Bytes;

use crate::base::{Effect, Map, NodeId, SimTime};
use crate::protocol::messages::fetch::{FetchPartition, FetchRequest, FetchTopic, ReplicaState};
use crate::protocol::messages::metadata_records::{
    BrokerEndpoint, ConfigRecord, MetadataRecord, PartitionRecord, RegisterBrokerRecord, RemoveTopicRecord,
    TopicRecord,
};
use crate::protocol::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceData,
};
use crate::protocol::{ErrorCode, Message, decode_response, encode_request};
use crate::storage::{BatchBuilder, BatchOptions};

use super::*;

/// Clients' connections have smaller numbers: one each, so that nobody waits for another.
const CLIENTS: ConnId = ConnId(1 << 32);
/// A version of Produce without topic ids.
pub(super) const PRODUCE: i16 = 12;

/// A request that has been put: its version and number.
pub(super) type Asked = (i16, i32);

pub(super) struct Desk {
    pub(super) broker: Broker,
    pub(super) now: SimTime,
    rng: Rng,
    next_conn: u32,
    timers: Map<BrokerTimer, SimTime>,
    answers: Map<i32, Bytes>,
    last_asked: i32,
    /// Connections that the broker closed.
    pub(super) closed: u32,
}

impl Desk {
    /// Broker 1 of three.
    pub(super) fn new() -> Desk {
        Desk::with(&[])
    }

    /// With these configs.
    pub(super) fn with(configs: &[(&str, &str)]) -> Desk {
        let mut config = BrokerConfig::default();
        for (name, value) in configs {
            config.set_any(name, value).expect("a config");
        }
        let mut desk = Desk {
            broker: Broker::new(1, Arc::new(config), Disk::default()),
            now: SimTime::ZERO,
            rng: Rng::stream(1, "desk"),
            next_conn: 0,
            timers: Map::new(),
            answers: Map::new(),
            last_asked: 0,
            closed: 0,
        };
        desk.step(Input::Start);
        desk.tell_of_brokers();
        desk
    }

    /// The process dies and starts again with what is on the disk.
    pub(super) fn crash(&mut self) {
        let image = self.broker.image.clone();
        self.broker = self.broker.after_crash();
        self.timers.clear();
        self.step(Input::Start);
        self.broker.image = image;
    }

    fn tell_of_brokers(&mut self) {
        for broker_id in 1..=3 {
            let end_point = BrokerEndpoint {
                name: "PLAINTEXT".to_owned(),
                host: format!("broker-{broker_id}"),
                port: 9092,
                security_protocol: 0,
            };
            self.broker.image.replay(&MetadataRecord::RegisterBroker(RegisterBrokerRecord {
                broker_id,
                broker_epoch: 1,
                end_points: vec![end_point],
                fenced: false,
                ..Default::default()
            }));
        }
        self.broker.image.end_offset = 1;
    }

    /// A broker stands in a rack.
    pub(super) fn rack(&mut self, broker: i32, rack: &str) {
        let known = self.broker.image.brokers.get_mut(&broker).expect("a broker");
        known.rack = Some(rack.into());
    }

    /// A topic of one partition on these replicas, all in sync; the first leads.
    pub(super) fn topic(&mut self, name: &str, replicas: &[i32], configs: &[(&str, &str)]) {
        let topic_id = id_of(name);
        self.broker.image.replay(&MetadataRecord::Topic(TopicRecord { name: name.to_owned(), topic_id }));
        for (config, value) in configs {
            self.broker.image.replay(&MetadataRecord::Config(ConfigRecord {
                resource_type: 2,
                resource_name: name.to_owned(),
                name: (*config).to_owned(),
                value: Some((*value).to_owned()),
            }));
        }
        self.elect(name, replicas, replicas.first().copied().unwrap_or(-1), 0);
    }

    /// This replica leads from now on.
    pub(super) fn elect(&mut self, name: &str, replicas: &[i32], leader: i32, leader_epoch: i32) {
        self.in_sync(name, replicas, replicas, leader, leader_epoch);
    }

    /// This replica leads with these in sync.
    pub(super) fn in_sync(&mut self, name: &str, replicas: &[i32], isr: &[i32], leader: i32, epoch: i32) {
        self.broker.image.replay(&MetadataRecord::Partition(PartitionRecord {
            partition_id: 0,
            topic_id: id_of(name),
            replicas: replicas.to_vec(),
            isr: isr.to_vec(),
            leader,
            leader_epoch: epoch,
            partition_epoch: epoch,
            ..Default::default()
        }));
        self.apply(name);
    }

    pub(super) fn delete_topic(&mut self, name: &str) {
        self.broker.image.replay(&MetadataRecord::RemoveTopic(RemoveTopicRecord { topic_id: id_of(name) }));
        self.apply(name);
    }

    fn apply(&mut self, name: &str) {
        let touched = [TopicPartition::new(name, 0)].into();
        self.act(|broker, ctx| broker.apply_changes(ctx, &touched));
    }

    pub(super) fn act(&mut self, act: impl FnOnce(&mut Broker, &mut Ctx)) {
        let mut ctx = Ctx::new(self.now, &mut self.rng, NodeId(1), &mut self.next_conn, 0, 1);
        act(&mut self.broker, &mut ctx);
        let effects = ctx.finish().effects;
        for (_, effect) in effects {
            match effect {
                Effect::Send { conn, info, bytes } if conn < CLIENTS => {
                    self.answers.insert(info.correlation_id, bytes.whole());
                }
                Effect::Close { conn } if conn < CLIENTS => self.closed += 1,
                Effect::SetTimer { key, at } => {
                    self.timers.insert(key, at);
                }
                Effect::CancelTimer { key } => {
                    self.timers.remove(&key);
                }
                _ => {}
            }
        }
    }

    fn step(&mut self, input: Input<BrokerTimer, BrokerCommand>) {
        self.act(|broker, ctx| broker.step(ctx, input));
    }

    /// Time passes, and timers run out.
    pub(super) fn wait(&mut self, for_ms: u64) {
        let until = self.now + ms(for_ms);
        while let Some((at, timer)) = self.timers.iter().map(|(timer, at)| (*at, timer.clone())).min() {
            if at > until {
                break;
            }
            self.timers.remove(&timer);
            self.now = self.now.max(at);
            self.step(Input::Timer(timer));
        }
        self.now = until;
    }

    /// Puts a request on the desk.
    pub(super) fn put<Q: Message>(&mut self, version: i16, request: &Q) -> Asked {
        self.last_asked += 1;
        let bytes = encode_request(version, self.last_asked, "client", request).expect("it encodes");
        let conn = ConnId(self.last_asked.unsigned_abs().into());
        self.step(Input::Frame { conn, from: NodeId(9), port: 9092, bytes: bytes.into() });
        (version, self.last_asked)
    }

    /// The answer, if it is there.
    pub(super) fn read<R: Message>(&mut self, asked: Asked) -> Option<R> {
        let bytes = self.answers.remove(&asked.1)?;
        Some(decode_response(&bytes, asked.0).expect("an answer in the version of its request").1)
    }

    /// Asks what is answered at once.
    pub(super) fn ask<Q: Message, R: Message>(&mut self, version: i16, request: &Q) -> R {
        let asked = self.put(version, request);
        self.read(asked).expect("an answer")
    }

    pub(super) fn produce(&mut self, topic: &str, acks: i16, records: Bytes) -> PartitionProduceResponse {
        let response: ProduceResponse = self.ask(PRODUCE, &produce_request(topic, acks, records));
        response.responses[0].partition_responses[0].clone()
    }

    /// Appends records and says at which offset; the error otherwise.
    pub(super) fn append(&mut self, topic: &str, records: Bytes) -> Result<i64, ErrorCode> {
        let answer = self.produce(topic, 1, records);
        if answer.error_code.is_error() { Err(answer.error_code) } else { Ok(answer.base_offset) }
    }

    /// A follower has everything up to `offset`, and its log begins at `log_start_offset`.
    pub(super) fn follow(&mut self, follower: i32, topic: &str, offset: i64, log_start_offset: i64) {
        let mut request = fetch_request(topic, offset);
        request.replica_state = ReplicaState { replica_id: follower, replica_epoch: 1 };
        request.topics[0].partitions[0].log_start_offset = log_start_offset;
        request.max_wait_ms = 0;
        self.put(16, &request);
    }
}

pub(super) fn id_of(topic: &str) -> Uuid {
    Uuid::from_halves(
        7,
        topic.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte.into())),
    )
}

/// Records with a value of 100 bytes.
pub(super) fn records(now: SimTime, count: usize) -> Bytes {
    let mut builder = BatchBuilder::default();
    for _ in 0..count {
        builder.try_push(now.unix_ms(), Some(b"key"), Some(&[7; 100]), &[]).expect("it fits");
    }
    builder.build()
}

/// One record of an idempotent producer.
pub(super) fn numbered(now: SimTime, producer_id: i64, producer_epoch: i16, base_sequence: i32) -> Bytes {
    let options = BatchOptions { producer_id, producer_epoch, base_sequence, ..BatchOptions::default() };
    let mut builder = BatchBuilder::new(options);
    builder.try_push(now.unix_ms(), None, Some(b"value"), &[]).expect("it fits");
    builder.build()
}

pub(super) fn produce_request(topic: &str, acks: i16, records: Bytes) -> ProduceRequest {
    ProduceRequest {
        acks,
        timeout_ms: 1_000,
        topic_data: vec![TopicProduceData {
            name: topic.to_owned(),
            topic_id: id_of(topic),
            partition_data: vec![PartitionProduceData { index: 0, records: Some(records) }],
        }],
        ..Default::default()
    }
}

/// A consumer's fetch without a session, which waits half a second for a byte.
pub(super) fn fetch_request(topic: &str, offset: i64) -> FetchRequest {
    FetchRequest {
        max_wait_ms: 500,
        min_bytes: 1,
        session_epoch: -1,
        topics: vec![fetch_topic(topic, offset)],
        ..Default::default()
    }
}

pub(super) fn fetch_topic(topic: &str, offset: i64) -> FetchTopic {
    FetchTopic {
        topic: topic.to_owned(),
        topic_id: id_of(topic),
        partitions: vec![FetchPartition {
            partition: 0,
            fetch_offset: offset,
            partition_max_bytes: 1_000_000,
            ..Default::default()
        }],
    }
}
