//! Brokers and a controller, wired together without latency, and a client that asks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;
use terrarium::base::{CloseReason, ConnId, Effect, Input, NodeId, Rng, SimTime};
use terrarium::broker::{BROKER_PORT, Broker, BrokerConfig, BrokerTimer};
use terrarium::controller::{Controller, ControllerConfig, ControllerTimer};
use terrarium::metadata::PartitionRegistration;
use terrarium::protocol::messages::create_topics::*;
use terrarium::protocol::messages::produce::*;
use terrarium::protocol::{ApiKey, ErrorCode, Message, TopicPartition, decode_response, encode_request};
use terrarium::storage::{BatchBuilder, BatchOptions};
use terrarium::trace::{Ctx, Event};

const CONTROLLER: u32 = 3_000;
const CLIENT: u32 = 9_000;

enum Happens {
    Start,
    Frame(ConnId, NodeId, Bytes),
    Closed(ConnId, CloseReason),
    Timer(Key),
    Flushed(u64, u64),
}

enum Key {
    Broker(BrokerTimer),
    Controller(ControllerTimer),
}

enum Machine {
    Broker(Box<Broker>),
    Controller(Box<Controller>),
}

struct Node {
    machine: Machine,
    up: bool,
    rng: Rng,
    next_conn: u32,
    timers: BTreeMap<String, u64>,
}

/// The cluster and its time.
pub(crate) struct Cluster {
    now: SimTime,
    seq: u64,
    queue: BTreeMap<(SimTime, u64), (u32, Happens)>,
    nodes: BTreeMap<u32, Node>,
    /// Who is at the ends of a connection: who opened it, who accepted it.
    conns: BTreeMap<ConnId, (u32, u32)>,
    heard: BTreeMap<ConnId, Vec<Bytes>>,
    pub(crate) closed: BTreeSet<ConnId>,
    /// Answers of these APIs are lost, and their connection breaks.
    pub(crate) lose_next_answer: Option<ApiKey>,
    /// Who had to wait, and how many milliseconds.
    pub(crate) throttled: Vec<(String, i32)>,
    next_client_conn: u64,
}

impl Cluster {
    /// So many brokers, all of them in service.
    pub(crate) fn new(brokers: u32) -> Cluster {
        Cluster::with(brokers, |_| (), |_| ())
    }

    pub(crate) fn with(
        brokers: u32,
        broker: impl Fn(&mut BrokerConfig),
        controller: impl Fn(&mut ControllerConfig),
    ) -> Cluster {
        let (mut broker_config, mut controller_config) = Default::default();
        broker(&mut broker_config);
        controller(&mut controller_config);
        let mut cluster = Cluster {
            now: SimTime::ZERO,
            seq: 0,
            queue: BTreeMap::new(),
            nodes: BTreeMap::new(),
            conns: BTreeMap::new(),
            heard: BTreeMap::new(),
            closed: BTreeSet::new(),
            lose_next_answer: None,
            throttled: Vec::new(),
            next_client_conn: 0,
        };
        let controller = Controller::new(Arc::new(controller_config));
        cluster.place(CONTROLLER, Machine::Controller(Box::new(controller)));
        let config = Arc::new(broker_config);
        for id in 1..=brokers {
            let broker = Broker::new(id as i32, Arc::clone(&config), Default::default());
            cluster.place(id, Machine::Broker(Box::new(broker)));
        }
        cluster.run(2_000);
        assert_eq!(cluster.controller().image().unfenced().count(), brokers as usize);
        cluster
    }

    fn place(&mut self, id: u32, machine: Machine) {
        let rng = Rng::stream(u64::from(id), "admin");
        self.nodes.insert(id, Node { machine, up: true, rng, next_conn: 0, timers: BTreeMap::new() });
        self.later(self.now, id, Happens::Start);
    }

    pub(crate) fn controller(&self) -> &Controller {
        match &self.nodes[&CONTROLLER].machine {
            Machine::Controller(controller) => controller,
            Machine::Broker(_) => unreachable!(),
        }
    }

    pub(crate) fn broker(&self, id: u32) -> &Broker {
        match &self.nodes[&id].machine {
            Machine::Broker(broker) => broker,
            Machine::Controller(_) => unreachable!(),
        }
    }

    /// A partition as the controller has decided it.
    pub(crate) fn partition(&self, topic: &str, index: i32) -> PartitionRegistration {
        self.controller().image().partition(&TopicPartition::new(topic, index)).expect("partition").clone()
    }

    /// Where a replica's log ends.
    pub(crate) fn log_end(&self, broker: u32, topic: &str, index: i32) -> Option<i64> {
        let at = TopicPartition::new(topic, index);
        self.broker(broker).log(&at).map(|log| log.log_end_offset())
    }

    /// Plays for so long.
    pub(crate) fn run(&mut self, ms: u64) {
        let end = SimTime(self.now.0 + ms * 1_000);
        while let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= end) {
            let ((at, seq), (node, happens)) = entry.remove_entry();
            self.now = at;
            self.step(node, seq, happens);
        }
        self.now = end;
    }

    /// The process dies; what its disk holds remains.
    pub(crate) fn kill(&mut self, id: u32) {
        let node = self.nodes.get_mut(&id).expect("node");
        node.up = false;
        node.timers.clear();
        node.machine = match &node.machine {
            Machine::Broker(broker) => Machine::Broker(Box::new(broker.after_crash())),
            Machine::Controller(controller) => Machine::Controller(Box::new(controller.after_crash())),
        };
        let conns = self.conns.iter().filter(|(_, (a, b))| *a == id || *b == id);
        for conn in conns.map(|(conn, _)| *conn).collect::<Vec<_>>() {
            self.hang_up(conn, id, CloseReason::ByPeer);
        }
    }

    pub(crate) fn kill_controller(&mut self) {
        self.kill(CONTROLLER);
    }

    pub(crate) fn restart(&mut self, id: u32) {
        self.nodes.get_mut(&id).expect("node").up = true;
        self.later(self.now, id, Happens::Start);
    }

    pub(crate) fn restart_controller(&mut self) {
        self.restart(CONTROLLER);
    }

    /// Asks a broker in the API's newest version.
    pub(crate) fn ask<Q: Message, A: Message>(&mut self, broker: u32, request: &Q) -> A {
        self.ask_in(broker, *Q::VERSIONS.end(), request)
    }

    /// Asks a broker and waits for its answer, up to a minute.
    pub(crate) fn ask_in<Q: Message, A: Message>(&mut self, broker: u32, version: i16, request: &Q) -> A {
        let conn = self.send(broker, encode_request(version, 7, "story", request).expect("encodes"));
        for _ in 0..600 {
            if let Some(frame) = self.answer(conn) {
                let (correlation_id, answer) = decode_response(&frame, version).expect("decodes");
                assert_eq!(correlation_id, 7);
                return answer;
            }
            assert!(!self.closed.contains(&conn), "{} v{version}: hung up", Q::NAME);
            self.run(100);
        }
        panic!("{} v{version}: no answer", Q::NAME);
    }

    /// Sends a frame on a connection of its own.
    pub(crate) fn send(&mut self, broker: u32, frame: Bytes) -> ConnId {
        self.next_client_conn += 1;
        let conn = ConnId(u64::from(CLIENT) << 32 | self.next_client_conn);
        self.conns.insert(conn, (CLIENT, broker));
        self.later(self.now, broker, Happens::Frame(conn, NodeId(CLIENT), frame));
        conn
    }

    /// What was answered on a connection, once.
    pub(crate) fn answer(&mut self, conn: ConnId) -> Option<Bytes> {
        self.run(0);
        self.heard.remove(&conn).and_then(|frames| frames.into_iter().next())
    }

    /// Creates a topic with these replicas, and waits until the brokers know it.
    pub(crate) fn create(&mut self, topic: &str, replicas: &[&[i32]]) {
        let row = |(partition_index, broker_ids): (i32, &&[i32])| CreatableReplicaAssignment {
            partition_index,
            broker_ids: broker_ids.to_vec(),
        };
        let topic = CreatableTopic {
            name: topic.into(),
            num_partitions: -1,
            replication_factor: -1,
            assignments: (0..).zip(replicas).map(row).collect(),
            ..Default::default()
        };
        let request = CreateTopicsRequest { topics: vec![topic], ..Default::default() };
        let answer: CreateTopicsResponse = self.ask(1, &request);
        assert_eq!(answer.topics[0].error_code, ErrorCode::None, "{answer:?}");
        self.run(1_000);
    }

    /// Writes a batch with one record to a leader.
    pub(crate) fn produce(&mut self, broker: u32, topic: &str, index: i32) -> ErrorCode {
        let answer = self.write(broker, topic, index);
        answer.responses[0].partition_responses[0].error_code
    }

    /// How long a client has to wait that has written a batch with one record.
    pub(crate) fn throttle_of_produce(&mut self, broker: u32, topic: &str) -> i32 {
        self.write(broker, topic, 0).throttle_time_ms
    }

    fn write(&mut self, broker: u32, topic: &str, index: i32) -> ProduceResponse {
        let mut batch = BatchBuilder::new(BatchOptions::default());
        batch.try_push(self.now.unix_ms(), Some(b"k"), Some(b"v"), &[]).expect("fits");
        let partition = PartitionProduceData { index, records: Some(batch.build()) };
        let data =
            TopicProduceData { name: topic.into(), partition_data: vec![partition], ..Default::default() };
        let request =
            ProduceRequest { acks: -1, timeout_ms: 5_000, topic_data: vec![data], ..Default::default() };
        self.ask_in(broker, 12, &request)
    }

    fn later(&mut self, at: SimTime, node: u32, happens: Happens) {
        self.seq += 1;
        self.queue.insert((at, self.seq), (node, happens));
    }

    fn hang_up(&mut self, conn: ConnId, by: u32, reason: CloseReason) {
        let Some((a, b)) = self.conns.remove(&conn) else { return };
        let other = if a == by { b } else { a };
        if other == CLIENT {
            self.closed.insert(conn);
        } else {
            self.later(self.now, other, Happens::Closed(conn, reason));
        }
    }

    fn step(&mut self, id: u32, seq: u64, happens: Happens) {
        let Some(node) = self.nodes.get_mut(&id).filter(|node| node.up) else { return };
        let Node { machine, rng, next_conn, timers, .. } = node;
        match machine {
            Machine::Broker(broker) => {
                let mine = |key| if let Key::Broker(key) = key { Some(key) } else { None };
                let Some(input) = input(happens, seq, timers, mine) else { return };
                let mut ctx = Ctx::new(self.now, rng, NodeId(id), next_conn, 0, 1);
                broker.step(&mut ctx, input);
                let out = ctx.finish();
                self.throttled.extend(out.trace.into_iter().filter_map(|(_, _, event)| match event {
                    Event::ClientThrottled { client, throttle_time_ms, .. } => {
                        Some((client.to_string(), throttle_time_ms))
                    }
                    _ => None,
                }));
                self.obey(id, out.effects, Key::Broker);
            }
            Machine::Controller(controller) => {
                let mine = |key| if let Key::Controller(key) = key { Some(key) } else { None };
                let Some(input) = input(happens, seq, timers, mine) else { return };
                let mut ctx = Ctx::new(self.now, rng, NodeId(id), next_conn, 0, 1);
                controller.step(&mut ctx, input);
                let effects = ctx.finish().effects;
                self.obey(id, effects, Key::Controller);
            }
        }
    }

    fn obey<T: Debug>(&mut self, id: u32, effects: Vec<(u64, Effect<T>)>, timer: fn(T) -> Key) {
        for (_, effect) in effects {
            match effect {
                Effect::SetTimer { key, at } => {
                    let name = format!("{key:?}");
                    self.later(at, id, Happens::Timer(timer(key)));
                    self.nodes.get_mut(&id).expect("node").timers.insert(name, self.seq);
                }
                Effect::CancelTimer { key } => {
                    self.nodes.get_mut(&id).expect("node").timers.remove(&format!("{key:?}"));
                }
                Effect::Connect { conn, host, .. } => self.connect(id, conn, &host),
                Effect::Send { conn, info, bytes } => self.carry(id, conn, info.api_key, bytes.whole()),
                Effect::Close { conn } => self.hang_up(conn, id, CloseReason::ByPeer),
                Effect::Flush { file, position, .. } => {
                    self.later(self.now, id, Happens::Flushed(file, position));
                }
            }
        }
    }

    fn connect(&mut self, from: u32, conn: ConnId, host: &str) {
        let to = match host.strip_prefix("broker-") {
            Some(id) => id.parse().expect("a broker's name"),
            None => CONTROLLER,
        };
        if self.nodes.get(&to).is_some_and(|node| node.up) {
            self.conns.insert(conn, (from, to));
        } else {
            self.later(self.now, from, Happens::Closed(conn, CloseReason::Refused));
        }
    }

    fn carry(&mut self, from: u32, conn: ConnId, api_key: i16, bytes: Bytes) {
        let Some((opener, accepter)) = self.conns.get(&conn).copied() else { return };
        if from == accepter && self.lose_next_answer.is_some_and(|api| api.code() == api_key) {
            self.lose_next_answer = None;
            self.conns.remove(&conn);
            for node in [opener, accepter] {
                self.later(self.now, node, Happens::Closed(conn, CloseReason::Reset));
            }
            return;
        }
        let to = if from == opener { accepter } else { opener };
        if to == CLIENT {
            self.heard.entry(conn).or_default().push(bytes);
        } else {
            self.later(self.now, to, Happens::Frame(conn, NodeId(from), bytes));
        }
    }
}

/// What a machine is told, unless it is an old timer.
fn input<C, T: Debug>(
    happens: Happens,
    seq: u64,
    timers: &BTreeMap<String, u64>,
    mine: impl Fn(Key) -> Option<T>,
) -> Option<Input<T, C>> {
    Some(match happens {
        Happens::Start => Input::Start,
        Happens::Frame(conn, from, bytes) => {
            Input::Frame { conn, from, port: BROKER_PORT, bytes: bytes.into() }
        }
        Happens::Closed(conn, reason) => Input::Closed { conn, reason },
        Happens::Flushed(file, position) => Input::Flushed { file, position },
        Happens::Timer(key) => {
            Input::Timer(mine(key).filter(|key| timers.get(&format!("{key:?}")) == Some(&seq))?)
        }
    })
}
