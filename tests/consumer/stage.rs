//! Consumers, a clock and as little of a cluster as their stories need: two brokers that hold
//! a topic's records, and real group coordinators.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use terrarium::base::{CloseReason, ConnId, Effect, Input, NodeId, Rng, SimTime, ms};
use terrarium::client::consumer::{Consumer, ConsumerCommand, ConsumerTimer, GroupProtocol, MemberState};
use terrarium::coordinator::{
    Caller, CoordinatorTimer, GroupConfig, GroupCoordinator, GroupRequest, GroupResponse, Moment, Outcome,
    ShareTold,
};
use terrarium::metadata::MetadataImage;
use terrarium::protocol::messages::fetch::*;
use terrarium::protocol::messages::find_coordinator::{Coordinator, FindCoordinatorResponse};
use terrarium::protocol::messages::list_offsets::*;
use terrarium::protocol::messages::metadata::*;
use terrarium::protocol::messages::offset_for_leader_epoch::{
    self, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderPartition,
    OffsetForLeaderTopic, OffsetForLeaderTopicResult,
};
use terrarium::protocol::{
    ApiKey, ErrorCode, Message, Uuid, WireError, decode_request_header, encode_response,
};
use terrarium::storage::{BatchBuilder, BatchOptions, RecordBatch};
use terrarium::trace::{Ctx, Event};

use crate::parts::{api_versions, image};
use crate::shares::Shares;
use crate::told::{told, viewed};

/// One way through the network.
const LATENCY: u64 = ms(1);
pub(crate) const TOPIC_ID: Uuid = Uuid([7; 16]);

type ConsumerInput = Input<ConsumerTimer, ConsumerCommand>;

/// What arrives somewhere.
pub(crate) enum Arrival {
    Consumer(String, ConsumerInput),
    Request(ConnId, Bytes),
    /// A parked fetch has waited for long enough.
    FetchExpired(u64),
    /// It may be so with the share fetches.
    Look,
}

struct Client {
    consumer: Consumer,
    rng: Rng,
    next_conn: u32,
    timers: BTreeMap<ConsumerTimer, SimTime>,
}

struct ParkedFetch {
    conn: ConnId,
    broker: i32,
    version: i16,
    correlation_id: i32,
    request: FetchRequest,
}

pub(crate) struct Stage {
    pub(crate) now: SimTime,
    pub(crate) story: String,
    /// The story tells each member's own view, too.
    pub(crate) views: bool,
    /// Partitions with two owners, as these believed.
    pub(crate) broken: Vec<String>,
    /// Offsets that the group has processed, by partition, and how often one came again.
    pub(crate) processed: Vec<BTreeSet<i64>>,
    pub(crate) repeated: u64,
    starts: u32,
    /// Members that the coordinator has put out.
    gone: BTreeSet<String>,
    clients: BTreeMap<String, Client>,
    arrivals: BTreeMap<(SimTime, u64), Arrival>,
    next: u64,
    /// Connections: whose, and to which broker.
    conns: BTreeMap<ConnId, (String, i32)>,
    /// Requests that wait for the one before them: a broker serves a connection in order.
    queues: BTreeMap<ConnId, VecDeque<Bytes>>,
    pub(crate) down: BTreeSet<i32>,
    /// Leader of each partition of the only topic, `t`.
    pub(crate) leaders: Vec<i32>,
    leader_epoch: i32,
    /// Other topics, each of one partition in which there is nothing, led by broker 1.
    pub(crate) topics: BTreeSet<String>,
    pub(crate) coordinator: i32,
    coordinators: BTreeMap<i32, GroupCoordinator>,
    group_timers: BTreeMap<(i32, CoordinatorTimer), SimTime>,
    group_log: Vec<(Bytes, Option<Bytes>)>,
    group_rng: Rng,
    image: MetadataImage,
    waiting: BTreeMap<u64, (ConnId, i16, i32)>,
    pub(crate) logs: Vec<Vec<Bytes>>,
    pub(crate) log_start: i64,
    parked: BTreeMap<u64, ParkedFetch>,
    pub(crate) shares: Shares,
}

impl Stage {
    pub(crate) fn new(partitions: usize) -> Self {
        let config = GroupConfig { initial_rebalance_delay_ms: 0, ..GroupConfig::default() };
        let coordinator = || GroupCoordinator::new(Arc::new(config.clone()), 1);
        let mut stage = Stage {
            now: SimTime::ZERO,
            story: String::new(),
            views: false,
            broken: Vec::new(),
            processed: vec![BTreeSet::new(); partitions],
            repeated: 0,
            starts: 0,
            gone: BTreeSet::new(),
            clients: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            next: 1,
            conns: BTreeMap::new(),
            queues: BTreeMap::new(),
            down: BTreeSet::new(),
            leaders: (0..partitions).map(|partition| 1 + partition as i32 % 2).collect(),
            leader_epoch: 0,
            topics: BTreeSet::new(),
            coordinator: 1,
            coordinators: [(1, coordinator()), (2, coordinator())].into(),
            group_timers: BTreeMap::new(),
            group_log: Vec::new(),
            group_rng: Rng::stream(1, "coordinator"),
            image: image(partitions),
            waiting: BTreeMap::new(),
            logs: vec![Vec::new(); partitions],
            log_start: 0,
            parked: BTreeMap::new(),
            shares: Shares::default(),
        };
        stage.elect(1);
        stage
    }

    /// Starts a consumer.
    pub(crate) fn start(&mut self, name: &str, config: &str, app: &str) {
        let config: terrarium::client::ConsumerConfig = serde_json::from_str(config).expect("a config");
        let app: terrarium::client::ConsumerApp = serde_json::from_str(app).expect("an application");
        assert_eq!(config.problems(&app), Vec::<String>::new());
        self.starts += 1;
        let bootstrap = vec![("broker-1".to_owned(), 9092), ("broker-2".to_owned(), 9092)];
        let client = Client {
            consumer: Consumer::new(Arc::new(config), bootstrap, app),
            rng: Rng::stream(1, name),
            // A process that dies takes the names of its connections with it.
            next_conn: self.starts * 10_000,
            timers: BTreeMap::new(),
        };
        self.clients.insert(name.to_owned(), client);
        self.step(name, Input::Start);
    }

    pub(crate) fn command(&mut self, name: &str, command: &str) {
        let command: ConsumerCommand = serde_json::from_str(command).expect("a command");
        self.step(name, Input::Command(command));
    }

    pub(crate) fn consumer(&self, name: &str) -> &Consumer {
        &self.clients[name].consumer
    }

    /// Whether such a process runs.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.clients.contains_key(name)
    }

    /// Whether it believes that a partition is its own.
    pub(crate) fn owns(&self, name: &str, partition: i32) -> bool {
        self.consumer(name).assignment().keys().any(|at| at.partition == partition)
    }

    /// The process dies; its connections break.
    pub(crate) fn kill_consumer(&mut self, name: &str) {
        self.clients.remove(name);
        self.conns.retain(|_, (owner, _)| owner != name);
    }

    /// A broker dies; its partitions move to the other one, and so do the groups.
    pub(crate) fn kill_broker(&mut self, broker: i32) {
        self.down.insert(broker);
        let broken: Vec<(ConnId, String)> = self
            .conns
            .iter()
            .filter(|(_, it)| it.1 == broker)
            .map(|(conn, it)| (*conn, it.0.clone()))
            .collect();
        for (conn, name) in broken {
            self.conns.remove(&conn);
            let input = Input::Closed { conn, reason: CloseReason::ByPeer };
            self.arrive(LATENCY, Arrival::Consumer(name, input));
        }
        self.leader_epoch += 1;
        let other = 3 - broker;
        self.leaders.iter_mut().for_each(|leader| *leader = other);
        if self.coordinator == broker {
            self.elect(other);
        }
    }

    /// The groups move to this broker.
    pub(crate) fn elect(&mut self, broker: i32) {
        let before = self.coordinator;
        let mut out = Outcome::default();
        if let Some(coordinator) = self.coordinators.get_mut(&before) {
            coordinator.resigned(0, &mut out);
        }
        self.take(before, out);
        self.group_timers.clear();
        self.coordinator = broker;
        self.leader_epoch += 1;
        let (mut out, log) = (Outcome::default(), self.group_log.clone());
        if let Some(coordinator) = self.coordinators.get_mut(&broker) {
            let at = Moment { now: self.now, image: &self.image };
            coordinator.elected(0, self.leader_epoch, log, at, &mut out);
        }
        self.take(broker, out);
    }

    /// Another leader for all partitions, without any broker's death.
    pub(crate) fn move_leaders(&mut self, broker: i32) {
        self.leader_epoch += 1;
        self.leaders.iter_mut().for_each(|leader| *leader = broker);
    }

    /// The new leader never had the records from this offset on.
    pub(crate) fn truncate(&mut self, partition: usize, offset: usize, broker: i32) {
        self.logs[partition].truncate(offset);
        self.move_leaders(broker);
    }

    pub(crate) fn add_partition(&mut self, leader: i32) {
        self.leaders.push(leader);
        self.logs.push(Vec::new());
        self.processed.push(BTreeSet::new());
        self.image = image(self.leaders.len());
    }

    /// Appends records, a batch each.
    pub(crate) fn produce(&mut self, partition: usize, count: usize) {
        for _ in 0..count {
            let base_offset = self.logs[partition].len() as i64;
            let mut batch = BatchBuilder::new(BatchOptions {
                base_offset,
                partition_leader_epoch: self.leader_epoch,
                ..BatchOptions::default()
            });
            assert!(batch.try_push(0, None, Some(b"value"), &[]).is_ok());
            self.logs[partition].push(batch.build());
        }
        let parked: Vec<u64> = self.parked.keys().copied().collect();
        parked.into_iter().for_each(|fetch| self.answer_fetch(fetch, false));
        self.answer_shares();
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, duration_ms: u64) {
        let until = self.now + ms(duration_ms);
        for _ in 0..200_000 {
            let arrival = self.arrivals.keys().next().copied();
            let group = self.group_timers.iter().map(|(key, at)| (*at, key.clone())).min();
            let client = (self.clients.iter())
                .flat_map(|(name, client)| client.timers.iter().map(move |(key, at)| (*at, name, *key)))
                .min()
                .map(|(at, name, key)| (at, name.clone(), key));
            let times =
                [arrival.map(|it| it.0), group.as_ref().map(|it| it.0), client.as_ref().map(|it| it.0)];
            let Some(next) = times.into_iter().flatten().min().filter(|&next| next <= until) else {
                self.now = until;
                return;
            };
            assert!(next >= self.now, "a timer in the past");
            self.now = next;
            if let Some(key) = arrival.filter(|it| it.0 == next) {
                self.arrived(key);
            } else if let Some((_, (broker, timer))) = group.filter(|it| it.0 == next) {
                self.group_timers.remove(&(broker, timer.clone()));
                let mut out = Outcome::default();
                if let Some(coordinator) = self.coordinators.get_mut(&broker) {
                    let at = Moment { now: next, image: &self.image };
                    coordinator.timer(at, timer, &mut out);
                }
                self.take(broker, out);
            } else if let Some((_, name, timer)) = client {
                self.clients.get_mut(&name).unwrap().timers.remove(&timer);
                self.step(&name, Input::Timer(timer));
            }
        }
        panic!("it never comes to rest");
    }

    fn arrived(&mut self, key: (SimTime, u64)) {
        match self.arrivals.remove(&key) {
            Some(Arrival::Consumer(name, input)) if self.clients.contains_key(&name) => {
                self.step(&name, input)
            }
            Some(Arrival::Request(conn, bytes)) => match self.queues.get_mut(&conn) {
                Some(queue) => queue.push_back(bytes),
                None => {
                    self.queues.insert(conn, VecDeque::new());
                    self.serve(conn, &bytes).expect("a request we know");
                }
            },
            Some(Arrival::FetchExpired(fetch)) => self.answer_fetch(fetch, true),
            Some(Arrival::Look) => self.answer_shares(),
            _ => {}
        }
    }

    fn step(&mut self, name: &str, input: ConsumerInput) {
        let client = self.clients.get_mut(name).expect("a consumer");
        let me = NodeId(100 + name.bytes().map(u32::from).sum::<u32>());
        let mut ctx = Ctx::new(self.now, &mut client.rng, me, &mut client.next_conn, 0, 1);
        client.consumer.step(&mut ctx, input);
        let outputs = ctx.finish();
        for (_, effect) in outputs.effects {
            match effect {
                Effect::SetTimer { key, at } => drop(client.timers.insert(key, at)),
                Effect::CancelTimer { key } => drop(client.timers.remove(&key)),
                Effect::Connect { conn, host, .. } => {
                    let broker: i32 = host.trim_start_matches("broker-").parse().expect("a broker");
                    if self.down.contains(&broker) {
                        let input = Input::Closed { conn, reason: CloseReason::Refused };
                        self.arrivals.insert(
                            (self.now + 2 * LATENCY, self.next),
                            Arrival::Consumer(name.to_owned(), input),
                        );
                        self.next += 1;
                    } else {
                        self.conns.insert(conn, (name.to_owned(), broker));
                    }
                }
                Effect::Send { conn, bytes, .. } => {
                    self.arrivals
                        .insert((self.now + LATENCY, self.next), Arrival::Request(conn, bytes.whole()));
                    self.next += 1;
                }
                Effect::Close { conn } => drop(self.conns.remove(&conn)),
                Effect::Flush { .. } => panic!("a consumer has no disk"),
            }
        }
        for (_, _, event) in outputs.trace {
            self.watch(name, &event);
            if let Some(line) = told(&event).or_else(|| viewed(&event).filter(|_| self.views)) {
                let _ = writeln!(self.story, "{} {name} {line}", self.now);
            }
        }
    }

    /// What a group promises, and what it does not.
    fn watch(&mut self, name: &str, event: &Event) {
        match event {
            Event::RecordsConsumed { at, offsets } => {
                for offset in offsets.from..offsets.to {
                    let is_new = self.processed[at.partition as usize].insert(offset);
                    self.repeated += u64::from(!is_new);
                }
            }
            Event::PartitionsAssigned { partitions, .. } => {
                let me = &self.clients[name].consumer;
                let is_managed = me.config().group_protocol == GroupProtocol::Consumer;
                for (other, it) in self.clients.iter().filter(|(other, _)| *other != name) {
                    let it = &it.consumer;
                    let counts = match is_managed {
                        true => it.generation() > 0 && !self.gone.contains(it.member_id()),
                        false => {
                            let is_settled =
                                matches!(it.member_state(), MemberState::Stable | MemberState::Revoking);
                            is_settled && it.generation() > 0 && it.generation() == me.generation()
                        }
                    };
                    for at in partitions.iter().filter(|at| counts && it.assignment().contains_key(*at)) {
                        self.broken.push(format!("{} {at}: {other} and {name}", self.now));
                    }
                }
            }
            _ => {}
        }
    }

    pub(crate) fn arrive(&mut self, after: u64, arrival: Arrival) {
        self.arrivals.insert((self.now + after, self.next), arrival);
        self.next += 1;
    }

    pub(crate) fn reply(&mut self, conn: ConnId, bytes: Result<Bytes, WireError>) {
        let Some((name, broker)) = self.conns.get(&conn).cloned() else { return };
        let bytes = bytes.expect("a response that its version can carry");
        let input = Input::Frame { conn, from: NodeId(broker as u32), port: 9092, bytes: bytes.into() };
        self.arrive(LATENCY, Arrival::Consumer(name, input));
        match self.queues.get_mut(&conn).and_then(VecDeque::pop_front) {
            Some(bytes) => self.serve(conn, &bytes).expect("a request we know"),
            None => drop(self.queues.remove(&conn)),
        }
    }

    fn serve(&mut self, conn: ConnId, frame: &Bytes) -> Result<(), WireError> {
        let Some(&(_, broker)) = self.conns.get(&conn) else { return Ok(()) };
        let (header, body) = decode_request_header(frame)?;
        let (version, id) = (header.api_version, header.correlation_id);
        let key = ApiKey::try_from(header.api_key).expect("a known API");
        let request = match key {
            ApiKey::ApiVersions => {
                self.reply(conn, encode_response(version, id, &api_versions()));
                return Ok(());
            }
            ApiKey::Metadata => {
                self.reply(conn, encode_response(version, id, &self.metadata()));
                return Ok(());
            }
            ApiKey::FindCoordinator => {
                self.reply(conn, encode_response(version, id, &self.find_coordinator()));
                return Ok(());
            }
            ApiKey::ListOffsets => {
                let request = ListOffsetsRequest::decode(&body, version)?;
                self.reply(conn, encode_response(version, id, &self.list_offsets(broker, request)));
                return Ok(());
            }
            ApiKey::OffsetForLeaderEpoch => {
                let request = OffsetForLeaderEpochRequest::decode(&body, version)?;
                self.reply(conn, encode_response(version, id, &self.epoch_ends(broker, request)));
                return Ok(());
            }
            ApiKey::Fetch => {
                let request = FetchRequest::decode(&body, version)?;
                let fetch = self.next;
                self.arrive(ms(request.max_wait_ms as u64), Arrival::FetchExpired(fetch));
                let parked = ParkedFetch { conn, broker, version, correlation_id: id, request };
                self.parked.insert(fetch, parked);
                self.answer_fetch(fetch, false);
                return Ok(());
            }
            ApiKey::ShareFetch | ApiKey::ShareAcknowledge => {
                return self.serve_share(conn, broker, (key, version, id), &body);
            }
            ApiKey::ShareGroupHeartbeat => {
                GroupRequest::ShareGroupHeartbeat(Message::decode(&body, version)?)
            }
            ApiKey::JoinGroup => GroupRequest::JoinGroup(Message::decode(&body, version)?),
            ApiKey::SyncGroup => GroupRequest::SyncGroup(Message::decode(&body, version)?),
            ApiKey::Heartbeat => GroupRequest::Heartbeat(Message::decode(&body, version)?),
            ApiKey::LeaveGroup => GroupRequest::LeaveGroup(Message::decode(&body, version)?),
            ApiKey::ConsumerGroupHeartbeat => {
                GroupRequest::ConsumerGroupHeartbeat(Message::decode(&body, version)?)
            }
            ApiKey::OffsetCommit => GroupRequest::OffsetCommit(Message::decode(&body, version)?),
            ApiKey::OffsetFetch => GroupRequest::OffsetFetch(Message::decode(&body, version)?),
            other => panic!("unexpected {other:?}"),
        };
        let (token, client_id) = (self.next, header.client_id.unwrap_or_default());
        self.next += 1;
        self.waiting.insert(token, (conn, version, id));
        let caller = Caller { token, api_version: version, client_id: &client_id, client_host: "/10.0.0.9" };
        let mut out = Outcome::default();
        if let Some(coordinator) = self.coordinators.get_mut(&broker) {
            let at = Moment { now: self.now, image: &self.image };
            coordinator.handle(at, &mut self.group_rng, caller, request, &mut out);
        }
        self.take(broker, out);
        Ok(())
    }

    fn take(&mut self, broker: i32, out: Outcome) {
        for event in &out.events {
            match event {
                Event::MemberLeft { member, .. } => {
                    self.gone.insert(member.to_string());
                }
                Event::MemberJoined { member, .. } => {
                    self.gone.remove(&**member);
                }
                _ => {}
            }
        }
        for (timer, at) in out.timers {
            match at {
                Some(at) => self.group_timers.insert((broker, timer), at),
                None => self.group_timers.remove(&(broker, timer)),
            };
        }
        for (token, response) in out.replies {
            let Some((conn, version, id)) = self.waiting.remove(&token) else { continue };
            let bytes = match response {
                GroupResponse::JoinGroup(r) => encode_response(version, id, &r),
                GroupResponse::SyncGroup(r) => encode_response(version, id, &r),
                GroupResponse::Heartbeat(r) => encode_response(version, id, &r),
                GroupResponse::LeaveGroup(r) => encode_response(version, id, &r),
                GroupResponse::ConsumerGroupHeartbeat(r) => encode_response(version, id, &r),
                GroupResponse::ShareGroupHeartbeat(r) => encode_response(version, id, &r),
                GroupResponse::OffsetCommit(r) => encode_response(version, id, &r),
                GroupResponse::OffsetFetch(r) => encode_response(version, id, &r),
                other => panic!("unexpected {other:?}"),
            };
            self.reply(conn, bytes);
        }
        for append in out.appends {
            self.group_log.extend(append.records.iter().cloned());
            let mut out = Outcome::default();
            if let Some(coordinator) = self.coordinators.get_mut(&broker) {
                let at = Moment { now: self.now, image: &self.image };
                coordinator.committed(at, append, &mut out);
            }
            self.take(broker, out);
        }
        // The share coordinator does at once whatever it is asked.
        for ask in out.asks {
            let told = ShareTold { error: ErrorCode::None, start_offset: -1, leader_epoch: 0 };
            let told = vec![told; ask.parts.len()];
            let mut out = Outcome::default();
            if let Some(coordinator) = self.coordinators.get_mut(&broker) {
                let at = Moment { now: self.now, image: &self.image };
                coordinator.share_told(at, ask, &told, &mut out);
            }
            self.take(broker, out);
        }
    }

    /// The broker is back, without leading anything.
    pub(crate) fn restart_broker(&mut self, broker: i32) {
        self.down.remove(&broker);
    }

    /// What the group has committed.
    pub(crate) fn committed(&self) -> String {
        let group = self.coordinators[&self.coordinator].group("g");
        let offsets = group.into_iter().flat_map(|group| group.offsets());
        offsets.map(|(at, offset)| format!("{at}={}", offset.offset)).collect::<Vec<_>>().join(" ")
    }

    /// How many members the coordinator counts, and the generation or epoch of each.
    pub(crate) fn members(&self) -> String {
        let Some(group) = self.coordinators[&self.coordinator].group("g") else { return "no group".into() };
        let managed = group.consumer().into_iter().flat_map(|it| it.members());
        let managed = managed.map(|member| member.current.member_epoch);
        let epochs: Vec<i32> = group.members().map(|_| group.generation()).chain(managed).collect();
        format!("{} members {epochs:?}", epochs.len())
    }

    /// The same as [`Stage::committed`] if everything were committed.
    pub(crate) fn log_ends(&self) -> String {
        let ends =
            self.logs.iter().enumerate().map(|(partition, log)| format!("t-{partition}={}", log.len()));
        ends.collect::<Vec<_>>().join(" ")
    }

    fn metadata(&self) -> MetadataResponse {
        let brokers = (1..=2).filter(|broker| !self.down.contains(broker));
        let broker = |node_id| MetadataResponseBroker {
            node_id,
            host: format!("broker-{node_id}"),
            port: 9092,
            rack: None,
        };
        let partition = |(index, &leader_id): (usize, &i32)| MetadataResponsePartition {
            partition_index: index as i32,
            leader_id,
            leader_epoch: self.leader_epoch,
            ..Default::default()
        };
        let topic = MetadataResponseTopic {
            name: Some("t".to_owned()),
            topic_id: TOPIC_ID,
            partitions: self.leaders.iter().enumerate().map(partition).collect(),
            ..Default::default()
        };
        let other = |name: &String| MetadataResponseTopic {
            name: Some(name.clone()),
            is_internal: name.starts_with("__"),
            topic_id: Uuid([name.len() as u8; 16]),
            partitions: vec![MetadataResponsePartition { leader_id: 1, ..Default::default() }],
            ..Default::default()
        };
        let topics = self.topics.iter().map(other).chain([topic]).collect();
        MetadataResponse { brokers: brokers.map(broker).collect(), topics, ..Default::default() }
    }

    fn find_coordinator(&self) -> FindCoordinatorResponse {
        let coordinator = Coordinator {
            key: "g".to_owned(),
            node_id: self.coordinator,
            host: format!("broker-{}", self.coordinator),
            port: 9092,
            ..Default::default()
        };
        FindCoordinatorResponse { coordinators: vec![coordinator], ..Default::default() }
    }

    pub(crate) fn leads(&self, broker: i32, partition: i32) -> ErrorCode {
        match self.leaders.get(partition as usize) {
            Some(&leader) if leader == broker => ErrorCode::None,
            Some(_) => ErrorCode::NotLeaderOrFollower,
            None => ErrorCode::UnknownTopicOrPartition,
        }
    }

    fn list_offsets(&self, broker: i32, request: ListOffsetsRequest) -> ListOffsetsResponse {
        let partition = |asked: &ListOffsetsPartition| ListOffsetsPartitionResponse {
            partition_index: asked.partition_index,
            error_code: self.leads(broker, asked.partition_index),
            offset: match asked.timestamp {
                -1 => self.logs[asked.partition_index as usize].len() as i64,
                _ => self.log_start,
            },
            ..Default::default()
        };
        let topic = |topic: ListOffsetsTopic| ListOffsetsTopicResponse {
            partitions: topic.partitions.iter().map(partition).collect(),
            name: topic.name,
        };
        let topics = request.topics.into_iter().map(topic).collect();
        ListOffsetsResponse { topics, ..Default::default() }
    }

    /// The last epoch of each log that is not newer than the one asked about, and where it ends.
    fn epoch_ends(&self, broker: i32, request: OffsetForLeaderEpochRequest) -> OffsetForLeaderEpochResponse {
        let end = |asked: &OffsetForLeaderPartition| {
            let log = self.logs.get(asked.partition as usize).map_or(&[][..], |log| log);
            let epoch =
                |bytes: &Bytes| RecordBatch::parse(bytes).expect("a batch").0.partition_leader_epoch();
            let end_offset = log.iter().take_while(|bytes| epoch(bytes) <= asked.leader_epoch).count();
            let leader_epoch = end_offset.checked_sub(1).map_or(-1, |last| epoch(&log[last]));
            offset_for_leader_epoch::EpochEndOffset {
                error_code: self.leads(broker, asked.partition),
                partition: asked.partition,
                leader_epoch,
                end_offset: if leader_epoch < 0 { -1 } else { end_offset as i64 },
            }
        };
        let topic = |topic: OffsetForLeaderTopic| OffsetForLeaderTopicResult {
            partitions: topic.partitions.iter().map(end).collect(),
            topic: topic.topic,
        };
        let topics = request.topics.into_iter().map(topic).collect();
        OffsetForLeaderEpochResponse { topics, ..Default::default() }
    }

    /// Answers a parked fetch if there is something to say, or it has waited long enough.
    fn answer_fetch(&mut self, fetch: u64, expired: bool) {
        let Some(parked) = self.parked.get(&fetch) else { return };
        let mut is_worth_it = expired;
        let mut partitions = Vec::new();
        for asked in parked.request.topics.iter().flat_map(|topic| &topic.partitions) {
            let mut error_code = self.leads(parked.broker, asked.partition);
            let log = self.logs.get(asked.partition as usize).map_or(&[][..], |log| log);
            let is_in_range = (self.log_start..=log.len() as i64).contains(&asked.fetch_offset);
            if !error_code.is_error() && !is_in_range {
                error_code = ErrorCode::OffsetOutOfRange;
            }
            let tail = log.get(asked.fetch_offset as usize..).unwrap_or_default();
            is_worth_it |= error_code.is_error() || !tail.is_empty();
            partitions.push(PartitionData {
                partition_index: asked.partition,
                error_code,
                high_watermark: log.len() as i64,
                records: (!error_code.is_error()).then(|| Bytes::from(tail.concat()).into()),
                ..Default::default()
            });
        }
        if !is_worth_it {
            return;
        }
        let Some(parked) = self.parked.remove(&fetch) else { return };
        let topic = FetchableTopicResponse { topic: "t".to_owned(), topic_id: TOPIC_ID, partitions };
        let response = FetchResponse { responses: vec![topic], ..Default::default() };
        self.reply(parked.conn, encode_response(parked.version, parked.correlation_id, &response));
    }
}
