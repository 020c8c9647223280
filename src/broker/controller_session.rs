//! A broker's session with the controller: register, beat, copy the metadata log and apply it,
//! ask for ISR changes, topics and producer ids. Which of several controllers is the active one, it
//! hears when it copies the log: whoever does not lead says who does.
//!
//! Source: KIP-631 (registration, heartbeats, fencing), KIP-595 (observers fetch the log).

mod asks;
mod on_zookeeper;

use std::sync::Arc;

use bytes::Bytes;

use crate::base::{CloseReason, ConnId, Rope, Set, SimTime, ms};
use crate::broker::shutdown::Shutdown;
use crate::broker::{BROKER_PORT, Broker, BrokerTimer, CLUSTER_ID, Ctx, METADATA_TOPIC};
use crate::metadata::{
    BROKER_RESOURCE, CLUSTER_METADATA_TOPIC_ID, Download, EXTERNAL_LISTENER, INTERNAL_LISTENER,
    TOPIC_RESOURCE, Voters,
};
use crate::peer::{FromPeer, Peer};
use crate::protocol::messages::allocate_producer_ids::AllocateProducerIdsResponse;
use crate::protocol::messages::broker_heartbeat::{BrokerHeartbeatRequest, BrokerHeartbeatResponse};
use crate::protocol::messages::broker_registration::{
    BrokerRegistrationRequest, BrokerRegistrationResponse, Listener,
};
use crate::protocol::messages::fetch::{
    FetchPartition, FetchRequest, FetchResponse, FetchTopic, ReplicaState,
};
use crate::protocol::messages::metadata_records::MetadataRecord;
use crate::protocol::{
    ApiKey, ErrorCode, Message, TopicPartition, Uuid, WireError, decode_response, decode_response_rope,
    is_not_controller,
};
use crate::trace::Event;

/// How long a fetch of the metadata log waits at the controller.
const METADATA_FETCH_WAIT_MS: i32 = 500;
/// Before the next voter is asked who leads; three times doubled.
const DISCOVERY_BACKOFF_MS: u64 = 50;

/// What the controller was asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Purpose {
    Register,
    Heartbeat,
    AlterPartition(TopicPartition),
    /// A client's request, to be answered with what the controller answers.
    Forward(u64),
    /// `__consumer_offsets` or a topic that a client asked for, created by this broker.
    AutoCreate(Vec<String>),
    ProducerIds,
    /// Of a controller on ZooKeeper: to be replaced, so that this broker can end.
    Shutdown,
}

/// What is copied from the controller.
#[derive(Clone, Copy, Debug, PartialEq)]
enum LogAsk {
    /// The metadata log, from here on.
    Fetch(i64),
    /// A part of a snapshot.
    Snapshot,
}

/// The session.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ControllerSession {
    voters: Voters,
    /// One of the voters is in this process: its log needs not be copied.
    in_process: bool,
    /// The active controller and its epoch, as far as this broker has heard.
    leader: Option<i32>,
    epoch: i32,
    /// Whom the log is copied from: the leader, or somebody who may know it.
    source: Option<i32>,
    /// How many voters in a row could not say who leads.
    misses: u32,
    peer: Peer<Purpose>,
    /// Copies the metadata log: its requests wait at the controller until there is something.
    log_peer: Peer<LogAsk>,
    /// A snapshot that is being fetched instead.
    pub(super) download: Option<Download>,
    broker_epoch: i64,
    caught_up: bool,
    pub(super) creating: Set<String>,
    pub(super) allocating_ids: bool,
    /// The controller is a broker: there is no log to be copied, and registration is elsewhere.
    is_a_broker: bool,
}

impl ControllerSession {
    pub(super) fn new(me: i32, voters: Voters) -> ControllerSession {
        let only = voters.alone();
        let (host, port) = only.map_or((String::new(), 0), |it| (it.host.clone(), it.port));
        ControllerSession {
            leader: only.map(|it| it.id),
            epoch: -1,
            source: only.map(|it| it.id),
            misses: 0,
            peer: Peer::new(host.clone(), port),
            log_peer: Peer::new(host, port),
            download: None,
            in_process: voters.get(me).is_some(),
            voters,
            broker_epoch: -1,
            caught_up: false,
            creating: Set::new(),
            allocating_ids: false,
            is_a_broker: false,
        }
    }

    pub(super) fn voters(&self) -> &Voters {
        &self.voters
    }

    /// Whether a voter is in the same process.
    pub(super) fn is_in_process(&self) -> bool {
        self.in_process
    }

    pub(super) fn is_alone(&self) -> bool {
        self.voters.alone().is_some()
    }

    pub(super) fn epoch(&self) -> i32 {
        self.epoch
    }

    pub(super) fn broker_epoch(&self) -> i64 {
        self.broker_epoch
    }

    pub(super) fn owns(&self, conn: ConnId) -> bool {
        self.peer.owns(conn) || self.log_peer.owns(conn)
    }

    pub(super) fn connect(&mut self, ctx: &mut Ctx) {
        if self.leader.is_some() {
            self.peer.connect(ctx);
        }
        if self.is_a_broker {
            return;
        }
        if self.source.is_none() {
            self.look_elsewhere(ctx);
        }
        if !self.in_process {
            self.log_peer.connect(ctx);
        }
        if !self.is_alone() {
            self.plan_retry(ctx);
        }
    }

    fn plan_retry(&self, ctx: &mut Ctx) {
        let at = self.retry_at();
        if at < SimTime(u64::MAX) {
            ctx.set_timer(BrokerTimer::ControllerRetry, at);
        }
    }

    /// Somebody says which epoch it is and who leads (−1: unknown). Whether the leader is another.
    fn learn(&mut self, epoch: i32, leader: i32) -> bool {
        let known = self.voters.get(leader).is_some();
        if epoch < self.epoch || (epoch == self.epoch && !known) {
            return false;
        }
        let leader = known.then_some(leader);
        let changed = leader != self.leader;
        self.misses = 0;
        (self.epoch, self.leader) = (epoch, leader);
        changed
    }

    /// The log cannot be copied from where it was: at the next try, from another voter, whoever that is.
    fn look_elsewhere(&mut self, ctx: &mut Ctx) {
        if self.is_alone() || self.in_process {
            return;
        }
        if self.log_peer.is_connected() {
            self.log_peer.give_up(ctx);
        }
        let others = || self.voters.iter().filter(|voter| Some(voter.id) != self.source);
        let chosen = ctx.rng().below(others().count().max(1) as u64);
        if let Some(voter) = others().nth(chosen as usize) {
            let backoff = if self.source.is_none() { 0 } else { DISCOVERY_BACKOFF_MS << self.misses.min(3) };
            self.log_peer.look_elsewhere(&voter.host, voter.port, ctx.now() + ms(backoff));
            self.source = Some(voter.id);
            self.misses += 1;
        }
    }

    /// A voter does not lead, or in another epoch: the log is copied from the leader, when it is known.
    pub(super) fn refused(&mut self, ctx: &mut Ctx, error: ErrorCode) {
        match self.leader.and_then(|id| self.voters.get(id)) {
            Some(leader) if self.source != Some(leader.id) => {
                self.log_peer.give_up(ctx);
                self.log_peer.redirect(&leader.host, leader.port);
                self.source = Some(leader.id);
                self.log_peer.connect(ctx);
            }
            // It leads, and has told its epoch.
            Some(_) if error == ErrorCode::FencedLeaderEpoch => {}
            _ => self.look_elsewhere(ctx),
        }
    }

    pub(super) fn ask<M: Message>(
        &mut self,
        ctx: &mut Ctx,
        purpose: Purpose,
        request: &M,
    ) -> Result<(), Purpose> {
        self.peer.ask(ctx, purpose, request)
    }

    pub(super) fn ask_raw(
        &mut self,
        ctx: &mut Ctx,
        purpose: Purpose,
        api: ApiKey,
        version: i16,
        body: &[u8],
        client: &str,
    ) -> Result<(), Purpose> {
        self.peer.ask_raw(ctx, purpose, api, version, body, client)
    }

    /// When to try to connect (again): of several controllers, the first of the two connections that is due.
    fn retry_at(&self) -> SimTime {
        if self.is_alone() {
            return self.peer.retry_at().max(self.log_peer.retry_at());
        }
        let due = |peer: &Peer<_>, wanted: bool| {
            if wanted && !peer.is_connected() { peer.retry_at() } else { SimTime(u64::MAX) }
        };
        let has_log = self.in_process || self.log_peer.is_connected();
        let log = if has_log { SimTime(u64::MAX) } else { self.log_peer.retry_at() };
        due(&self.peer, self.leader.is_some()).min(log)
    }
}

impl Broker {
    pub(super) fn hear_controller(&mut self, ctx: &mut Ctx, conn: ConnId, bytes: Rope) {
        if self.controller.log_peer.owns(conn) {
            return self.hear_metadata_log(ctx, bytes);
        }
        match self.controller.peer.receive(ctx, bytes) {
            FromPeer::Ready => {
                if self.controller.is_a_broker {
                    self.propose_isrs_again(ctx);
                } else {
                    self.register(ctx);
                }
                self.send_forwards(ctx);
            }
            FromPeer::Answer { purpose, version, bytes } => {
                let failed = self.controller_answered(ctx, purpose.clone(), version, &bytes.whole()).is_err();
                if failed {
                    let lost = self.controller.peer.give_up(ctx);
                    self.give_up_asking(ctx, [vec![purpose], lost].concat());
                    self.controller_lost(ctx);
                }
            }
            FromPeer::Broken(lost) => {
                self.give_up_asking(ctx, lost);
                self.controller_lost(ctx);
            }
        }
    }

    fn hear_metadata_log(&mut self, ctx: &mut Ctx, bytes: Rope) {
        match self.controller.log_peer.receive(ctx, bytes) {
            FromPeer::Ready => {}
            FromPeer::Answer { purpose, version, bytes } => {
                let taken = match purpose {
                    LogAsk::Fetch(offset) => decode_response_rope(&bytes, version)
                        .map(|(_, answer)| self.take_metadata(ctx, offset, answer)),
                    LogAsk::Snapshot => decode_response_rope(&bytes, version)
                        .map(|(_, answer)| self.take_snapshot_part(ctx, answer)),
                };
                if taken.is_err() {
                    self.controller.log_peer.give_up(ctx);
                }
            }
            FromPeer::Broken(_) => {}
        }
        if self.controller.log_peer.is_ready() {
            self.fetch_metadata(ctx);
        } else {
            self.controller.plan_retry(ctx);
        }
    }

    /// Who leads the quorum, as a voter says. When it is another than before, everything goes there from now on.
    #[inline(never)]
    pub(super) fn hear_of_leader(&mut self, ctx: &mut Ctx, epoch: i32, leader: i32) {
        if !self.controller.learn(epoch, leader) {
            return;
        }
        let lost = self.controller.peer.give_up(ctx);
        self.give_up_asking(ctx, lost);
        self.controller_lost(ctx);
        let Some(leader) = self.controller.leader.and_then(|id| self.controller.voters.get(id)) else {
            return;
        };
        self.controller.peer.redirect(&leader.host, leader.port);
        self.controller.peer.connect(ctx);
    }

    #[inline(never)]
    fn says_not_controller(&self, purpose: &Purpose, version: i16, bytes: &Bytes) -> bool {
        let api = match purpose {
            Purpose::Register => ApiKey::BrokerRegistration,
            Purpose::Heartbeat => ApiKey::BrokerHeartbeat,
            Purpose::AlterPartition(_) => ApiKey::AlterPartition,
            Purpose::AutoCreate(_) => ApiKey::CreateTopics,
            Purpose::ProducerIds => ApiKey::AllocateProducerIds,
            Purpose::Shutdown => ApiKey::ControlledShutdown,
            Purpose::Forward(token) => match self.forwards.get(token) {
                Some(forward) => forward.api(),
                None => return false,
            },
        };
        is_not_controller(api, version, bytes)
    }

    /// Whoever was asked is not the active controller, or no longer: asks again, when it is known who is.
    fn not_controller(&mut self, ctx: &mut Ctx, purpose: Purpose) {
        ctx.trace(Event::MetadataStale { error: ErrorCode::NotController });
        let lost = self.controller.peer.give_up(ctx);
        self.give_up_asking(ctx, [vec![purpose], lost].concat());
        self.controller_lost(ctx);
    }

    pub(super) fn controller_closed(&mut self, ctx: &mut Ctx, conn: ConnId, reason: CloseReason) {
        if self.controller.log_peer.owns(conn) {
            self.controller.log_peer.closed(ctx.now(), reason);
            self.controller.look_elsewhere(ctx);
            return self.controller.plan_retry(ctx);
        }
        let lost = self.controller.peer.closed(ctx.now(), reason);
        self.give_up_asking(ctx, lost);
        self.controller_lost(ctx);
    }

    /// Gives up a connection on which an answer has not come for too long.
    pub(super) fn time_out_controller(&mut self, ctx: &mut Ctx) {
        if self.controller.log_peer.time_out(ctx, self.config.quorum_request_timeout_ms).is_some() {
            self.controller.look_elsewhere(ctx);
            self.controller.plan_retry(ctx);
        }
        let patience = match self.controller.is_a_broker {
            true => self.config.replica_socket_timeout_ms,
            false => self.config.session_timeout_ms,
        };
        if let Some(lost) = self.controller.peer.time_out(ctx, patience) {
            self.give_up_asking(ctx, lost);
            self.controller_lost(ctx);
        }
    }

    /// Without a connection: try again after the back-off.
    fn controller_lost(&mut self, ctx: &mut Ctx) {
        self.controller.allocating_ids = false;
        self.controller.creating.clear();
        ctx.cancel_timer(BrokerTimer::Heartbeat);
        self.controller.plan_retry(ctx);
    }

    fn give_up_asking(&mut self, ctx: &mut Ctx, lost: Vec<Purpose>) {
        for purpose in lost {
            match purpose {
                // Maybe decided, maybe not: the proposed ISR counts until the controller has said.
                Purpose::AlterPartition(_) => {}
                Purpose::Forward(token) => self.forward_lost(token),
                Purpose::ProducerIds => {
                    self.producer_ids_answered(ctx, Err(ErrorCode::CoordinatorNotAvailable))
                }
                _ => {}
            }
        }
    }

    fn controller_answered(
        &mut self,
        ctx: &mut Ctx,
        purpose: Purpose,
        version: i16,
        bytes: &Bytes,
    ) -> Result<(), WireError> {
        let may_move = !self.controller.is_alone() || self.controller.is_a_broker;
        if may_move && self.says_not_controller(&purpose, version, bytes) {
            self.not_controller(ctx, purpose);
            return Ok(());
        }
        match purpose {
            Purpose::Register => {
                let (_, answer) = decode_response::<BrokerRegistrationResponse>(bytes, version)?;
                if answer.error_code == ErrorCode::None {
                    self.controller.broker_epoch = answer.broker_epoch;
                    self.controller.caught_up = false;
                    self.apply_committed_metadata(ctx);
                    self.note_voter_caught_up(ctx);
                    self.heartbeat(ctx);
                    self.propose_isrs_again(ctx);
                } else {
                    ctx.trace(Event::MetadataStale { error: answer.error_code });
                    ctx.set_timer(BrokerTimer::Heartbeat, ctx.now() + self.heartbeat_interval());
                }
            }
            Purpose::Heartbeat => {
                let (_, answer) = decode_response::<BrokerHeartbeatResponse>(bytes, version)?;
                if answer.error_code == ErrorCode::StaleBrokerEpoch {
                    self.register(ctx);
                }
                if self.shutdown != Shutdown::No {
                    self.shutdown_answered(ctx, &answer);
                    return Ok(());
                }
                // Until it is counted on, a broker does not wait for its next turn to say so.
                let eager = answer.is_fenced && self.controller.caught_up;
                let interval = if eager { self.heartbeat_interval() / 20 } else { self.heartbeat_interval() };
                ctx.set_timer(BrokerTimer::Heartbeat, ctx.now() + interval);
            }
            Purpose::AlterPartition(at) => {
                let (_, answer) = decode_response(bytes, version)?;
                self.isr_answered(ctx, &at, Some(&answer));
            }
            Purpose::Forward(token) => self.forward_answered(ctx, token, bytes)?,
            Purpose::AutoCreate(names) => {
                for name in names {
                    self.controller.creating.remove(&name);
                }
            }
            Purpose::ProducerIds => {
                let (_, answer) = decode_response::<AllocateProducerIdsResponse>(bytes, version)?;
                let block = match answer.error_code {
                    ErrorCode::None => Ok((
                        answer.producer_id_start,
                        answer.producer_id_start.saturating_add(answer.producer_id_len.into()),
                    )),
                    error => Err(error),
                };
                self.producer_ids_answered(ctx, block);
            }
            Purpose::Shutdown => self.shutdown_on_zookeeper(ctx, version, bytes)?,
        }
        Ok(())
    }

    pub(super) fn heartbeat_interval(&self) -> u64 {
        ms(u64::from(self.config.heartbeat_interval_ms))
    }

    fn register(&mut self, ctx: &mut Ctx) {
        let internal = Listener {
            name: INTERNAL_LISTENER.into(),
            host: format!("broker-{}", self.id),
            port: BROKER_PORT,
            security_protocol: 0,
        };
        let external = self.external.iter().map(|endpoint| Listener {
            name: EXTERNAL_LISTENER.into(),
            host: endpoint.host.clone(),
            port: endpoint.port,
            security_protocol: 0,
        });
        let request = BrokerRegistrationRequest {
            broker_id: self.id,
            cluster_id: CLUSTER_ID.into(),
            incarnation_id: self.incarnation_id,
            listeners: std::iter::once(internal).chain(external).collect(),
            previous_broker_epoch: self.controller.broker_epoch.max(self.previous_epoch),
            rack: self.rack.as_deref().map(str::to_owned),
            ..Default::default()
        };
        // When the controller cannot be asked, reconnecting brings us back here.
        let _ = self.controller.ask(ctx, Purpose::Register, &request);
    }

    pub(super) fn heartbeat(&mut self, ctx: &mut Ctx) {
        if self.controller.is_a_broker {
            return self.ask_to_shut_down(ctx);
        }
        if self.controller.broker_epoch < 0 {
            return self.register(ctx);
        }
        let request = BrokerHeartbeatRequest {
            broker_id: self.id,
            broker_epoch: self.controller.broker_epoch,
            current_metadata_offset: self.image.end_offset - 1,
            want_fence: !self.controller.caught_up,
            want_shut_down: self.shutdown != Shutdown::No,
            ..Default::default()
        };
        let _ = self.controller.ask(ctx, Purpose::Heartbeat, &request);
    }

    fn fetch_metadata(&mut self, ctx: &mut Ctx) {
        if let Some(request) = self.snapshot_request() {
            if self.controller.log_peer.ask(ctx, LogAsk::Snapshot, &request).is_err() {
                self.controller.log_peer.give_up(ctx);
                self.controller.plan_retry(ctx);
            }
            return;
        }
        let offset = self.metadata_log.log_end_offset();
        let mut partition = FetchPartition {
            fetch_offset: offset,
            current_leader_epoch: -1,
            last_fetched_epoch: self.metadata_log.latest_epoch().unwrap_or(-1),
            partition_max_bytes: i32::MAX,
            ..Default::default()
        };
        if !self.controller.is_alone() {
            partition.current_leader_epoch = self.controller.epoch;
            partition.high_watermark = self.metadata_log.high_watermark();
        }
        let topic = FetchTopic {
            topic: METADATA_TOPIC.into(),
            topic_id: CLUSTER_METADATA_TOPIC_ID,
            partitions: vec![partition],
        };
        let request = FetchRequest {
            replica_state: ReplicaState { replica_id: self.id, replica_epoch: -1 },
            max_wait_ms: METADATA_FETCH_WAIT_MS,
            session_epoch: -1,
            topics: vec![topic],
            ..Default::default()
        };
        if self.controller.log_peer.ask(ctx, LogAsk::Fetch(offset), &request).is_err() {
            self.controller.log_peer.give_up(ctx);
            self.controller.plan_retry(ctx);
        }
    }

    fn take_metadata(&mut self, ctx: &mut Ctx, offset: i64, response: FetchResponse) {
        let data =
            response.responses.into_iter().next().and_then(|topic| topic.partitions.into_iter().next());
        let Some(data) = data else { return };
        if !self.controller.is_alone() {
            self.hear_of_leader(ctx, data.current_leader.leader_epoch, data.current_leader.leader_id);
            if data.error_code != ErrorCode::None {
                return self.controller.refused(ctx, data.error_code);
            }
        }
        if data.snapshot_id.end_offset >= 0 {
            return self.begin_snapshot(ctx, &data.snapshot_id);
        }
        let log = Arc::make_mut(&mut self.metadata_log);
        if data.diverging_epoch.end_offset >= 0 {
            let end = log.common_end(data.diverging_epoch.epoch, data.diverging_epoch.end_offset);
            log.truncate_to(end);
            if end < self.image.end_offset {
                // Applied records are committed ones: the controller lost its disk.
                self.image = Default::default();
                self.snapshots = Default::default();
            }
            return;
        }
        let records = data.records.unwrap_or_default();
        if offset == log.log_end_offset() && !records.is_empty() && log.append_as_follower(&records).is_err()
        {
            return;
        }
        log.update_high_watermark(data.high_watermark.min(log.log_end_offset()));
        log.mark_flushed(log.position());
        self.apply_committed_metadata(ctx);
        self.note_caught_up(ctx, data.high_watermark);
    }

    pub(super) fn note_caught_up(&mut self, ctx: &mut Ctx, high_watermark: i64) {
        let caught_up = self.image.end_offset >= high_watermark;
        if caught_up && !self.controller.caught_up && self.controller.broker_epoch >= 0 {
            self.controller.caught_up = true;
            self.heartbeat(ctx);
        }
    }

    /// Replays what is committed and not yet applied, then acts on it.
    pub(super) fn apply_committed_metadata(&mut self, ctx: &mut Ctx) {
        let to = self.metadata_log.high_watermark();
        if self.image.end_offset >= to || !self.may_apply(to) {
            return;
        }
        let mut touched = Set::new();
        let mut configured = Configured::default();
        if self.image.end_offset < self.metadata_log.log_start_offset() {
            self.apply_snapshot(&mut touched, &mut configured);
        }
        let from = self.image.end_offset;
        for batch in self.metadata_log.batches_from(from) {
            if batch.base_offset() >= to || batch.is_control() {
                continue;
            }
            for record in batch.records().filter_map(Result::ok) {
                let Some(record) = record.value.and_then(|value| MetadataRecord::decode(&value).ok()) else {
                    continue;
                };
                note_touched(&self.image, &record, &mut touched, &mut configured);
                self.image.replay(&record);
                note_touched(&self.image, &record, &mut touched, &mut configured);
            }
        }
        self.image.end_offset = to;
        self.note_applied(ctx, from);
        if touched.is_empty() && configured == Configured::default() {
            return;
        }
        let entry = ctx.trace(Event::MetadataApplied { offset: to });
        let before = ctx.because(entry);
        if configured.brokers {
            self.take_dynamic_configs();
            self.wake_cleaner(ctx);
        }
        for topic in configured.topics {
            self.reconfigure(ctx, &topic);
        }
        self.apply_changes(ctx, &touched);
        if !configured.removed.is_empty() {
            self.forget_share_topics(ctx, &configured.removed);
        }
        ctx.because(before);
    }

    /// A process that has just started acts on the metadata only when they tell of its own
    /// registration: what they say before is about the process before it, which may have led with
    /// a log that this one no longer has (`BrokerServer` waits for the same before it takes requests).
    fn may_apply(&self, end_offset: i64) -> bool {
        let epoch = self.controller.broker_epoch;
        self.has_metadata() || (epoch >= 0 && end_offset > epoch)
    }

    /// Whether this process has applied any metadata: until then requests wait.
    pub(super) fn has_metadata(&self) -> bool {
        self.image.end_offset > 0
    }
}

/// Whose configs changed, and what is not about partitions alone.
#[derive(Default, PartialEq)]
pub(super) struct Configured {
    pub(super) topics: Set<String>,
    pub(super) brokers: bool,
    /// Topics that are gone.
    pub(super) removed: Set<Uuid>,
}

/// Which partitions and configs a record is about.
fn note_touched(
    image: &crate::metadata::MetadataImage,
    record: &MetadataRecord,
    touched: &mut Set<TopicPartition>,
    configured: &mut Configured,
) {
    match record {
        MetadataRecord::Partition(r) => {
            if let Some(topic) = image.topic_by_id(&r.topic_id) {
                touched.insert(TopicPartition::new(Arc::clone(&topic.name), r.partition_id));
            }
        }
        MetadataRecord::PartitionChange(r) => {
            if let Some(topic) = image.topic_by_id(&r.topic_id) {
                touched.insert(TopicPartition::new(Arc::clone(&topic.name), r.partition_id));
            }
        }
        MetadataRecord::ClearElr(r) => touched.extend(image.with_eligible(&r.topic_name)),
        MetadataRecord::RemoveTopic(r) => {
            configured.removed.insert(r.topic_id);
            if let Some(topic) = image.topic_by_id(&r.topic_id) {
                touched.extend(
                    topic.partitions.keys().map(|id| TopicPartition::new(Arc::clone(&topic.name), *id)),
                );
            }
        }
        MetadataRecord::Config(r) if r.resource_type == TOPIC_RESOURCE => {
            configured.topics.insert(r.resource_name.clone());
        }
        MetadataRecord::Config(r) => configured.brokers |= r.resource_type == BROKER_RESOURCE,
        _ => {}
    }
}
