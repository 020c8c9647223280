//! The controller: keeps the metadata log, registers and fences brokers, creates and deletes topics,
//! elects leaders, moves replicas, keeps configs and decides who is in sync. It is one of 1, 3 or 5 voters of
//! a quorum ([`raft`]), of which one is active: only that one decides, the others copy its log. A
//! quorum of one has nobody to wait for: what is on its own disk is committed.
//!
//! Decide, then replay: a request becomes records and a response; the records are appended and
//! replayed into the image, and the response leaves when they are committed. Who loses the leadership
//! goes back to what is committed; after a crash the same replay rebuilds the image.
//!
//! Must not know the scheduler or brokers' insides. Source: KIP-500, KIP-595, KIP-631, KIP-497.

mod brokers;
mod change;
mod configs;
mod elections;
mod eligible;
mod fetches;
mod follow;
mod log;
mod mutations;
mod placement;
mod quorum;
mod quotas;
mod raft;
mod reassign;
mod shutdown;
mod snapshots;
mod topics;
mod voting;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::{ConnId, FrameInfo, FrameKind, Input, Map, Rng, SimTime};
use crate::metadata::{CLUSTER_METADATA_TOPIC, CONTROLLER_ID, MetadataImage, Voters, properties};
use crate::protocol::messages::allocate_producer_ids::{
    AllocateProducerIdsRequest, AllocateProducerIdsResponse,
};
use crate::protocol::messages::api_versions::{ApiVersion, ApiVersionsResponse};
use crate::protocol::messages::fetch::FetchRequest;
use crate::protocol::messages::metadata_records::{NoOpRecord, ProducerIdsRecord};
use crate::protocol::{
    ApiKey, ErrorCode, Message, TopicPartition, WireError, decode_request_header, encode_refusal,
    encode_response,
};
use crate::storage::{LogConfig, UnifiedLog};
use crate::trace::{self, Event};

use mutations::Mutations;
use raft::{ElectionStore, Raft};
use snapshots::OnDisk;
use voting::Link;

pub use quorum::QuorumFacts;

type Ctx<'a> = trace::Ctx<'a, ControllerTimer>;

/// Producer ids come in blocks of so many (KIP-730).
const PRODUCER_ID_BLOCK: i32 = 1_000;

/// What the controller answers.
const SERVED: [ApiKey; 17] = [
    ApiKey::ApiVersions,
    ApiKey::BrokerRegistration,
    ApiKey::BrokerHeartbeat,
    ApiKey::Fetch,
    ApiKey::AlterPartition,
    ApiKey::AllocateProducerIds,
    ApiKey::CreateTopics,
    ApiKey::DeleteTopics,
    ApiKey::CreatePartitions,
    ApiKey::AlterConfigs,
    ApiKey::IncrementalAlterConfigs,
    ApiKey::ElectLeaders,
    ApiKey::AlterPartitionReassignments,
    ApiKey::ListPartitionReassignments,
    ApiKey::DescribeQuorum,
    ApiKey::AlterClientQuotas,
    ApiKey::FetchSnapshot,
];

/// What the voters of a quorum ask each other; one that is alone is asked by nobody.
const SERVED_TO_VOTERS: [ApiKey; 3] = [ApiKey::Vote, ApiKey::BeginQuorumEpoch, ApiKey::EndQuorumEpoch];

properties! {
    /// What the controller reads of `server.properties`.
    pub struct ControllerConfig {
        "auto.leader.rebalance.enable" => auto_leader_rebalance: bool = true, "leadership goes back to preferred replicas by itself";
        "broker.session.timeout.ms" => session_timeout_ms: u32 = 9_000, "a broker silent for so long is fenced";
        "controller.quorum.election.backoff.max.ms" => quorum_election_backoff_max_ms: u32 = 1_000,
            "how long a successor of a leader that resigned may wait";
        "controller.quorum.election.timeout.ms" => quorum_election_timeout_ms: u32 = 1_000,
            "how long to wait for votes, and up to as long again";
        "controller.quorum.fetch.timeout.ms" => quorum_fetch_timeout_ms: u32 = 2_000,
            "a leader silent for so long is to be replaced";
        "controller.quorum.request.timeout.ms" => quorum_request_timeout_ms: u32 = 2_000, "how long a request to another voter may take";
        "controller.quota.window.num" => controller_quota_window_num: u32 = 11,
            "so many samples of changes a client may save up";
        "controller.quota.window.size.seconds" => controller_quota_window_size_seconds: u32 = 1,
            "time of one sample of changes";
        "default.replication.factor" => default_replication_factor: i16 = 1, "replicas of a topic for which nobody said how many";
        "delete.topic.enable" => delete_topic_enable: bool = true, "topics can be deleted";
        "group.consumer.max.heartbeat.interval.ms" => consumer_max_heartbeat_interval_ms: i32 = 15_000,
            "longest heartbeat interval that a consumer group may be given";
        "group.consumer.max.session.timeout.ms" => consumer_max_session_timeout_ms: i32 = 60_000,
            "longest session timeout that a consumer group may be given";
        "group.consumer.min.heartbeat.interval.ms" => consumer_min_heartbeat_interval_ms: i32 = 5_000,
            "shortest heartbeat interval that a consumer group may be given";
        "group.consumer.min.session.timeout.ms" => consumer_min_session_timeout_ms: i32 = 45_000,
            "shortest session timeout that a consumer group may be given";
        "group.share.max.heartbeat.interval.ms" => share_max_heartbeat_interval_ms: i32 = 15_000,
            "longest heartbeat interval that a share group may be given";
        "group.share.max.record.lock.duration.ms" => share_max_record_lock_duration_ms: i32 = 60_000,
            "longest lock duration that a share group may be given";
        "group.share.max.session.timeout.ms" => share_max_session_timeout_ms: i32 = 60_000,
            "longest session timeout that a share group may be given";
        "group.share.min.heartbeat.interval.ms" => share_min_heartbeat_interval_ms: i32 = 5_000,
            "shortest heartbeat interval that a share group may be given";
        "group.share.min.record.lock.duration.ms" => share_min_record_lock_duration_ms: i32 = 15_000,
            "shortest lock duration that a share group may be given";
        "group.share.min.session.timeout.ms" => share_min_session_timeout_ms: i32 = 45_000,
            "shortest session timeout that a share group may be given";
        "leader.imbalance.check.interval.seconds" => leader_imbalance_check_interval_seconds: u32 = 300,
            "between two looks for leaders that are not the preferred ones";
        "metadata.log.max.record.bytes.between.snapshots" => max_record_bytes_between_snapshots: i64 = 20_971_520,
            "so much committed metadata, and a snapshot is made";
        "metadata.log.max.snapshot.interval.ms" => max_snapshot_interval_ms: u32 = 3_600_000,
            "after so long a snapshot is made; 0 for never";
        "metadata.max.idle.interval.ms" => max_idle_interval_ms: u32 = 500, "between two records that say nothing; 0 for none";
        "metadata.max.retention.bytes" => max_retention_bytes: i64 = 104_857_600,
            "so large the log and its snapshots may be before old ones go; -1 for any size";
        "metadata.max.retention.ms" => max_retention_ms: i64 = 604_800_000, "so old a snapshot may be before it goes; -1 for ever";
        "num.partitions" => num_partitions: i32 = 1, "partitions of a topic for which nobody said how many";
        "unclean.leader.election.interval.ms" => unclean_election_interval_ms: u32 = 300_000,
            "between two looks for leaderless partitions that may have an unclean leader";
        .. log: Arc<LogConfig> = Arc::new(LogConfig::default()), "Defaults of the topic configs.";
        .. features: Map<String, i16> = eligible::features_of_new_clusters(), "Levels of features that a new cluster begins with.";
    }
}

/// What the controller wants to be woken for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ControllerTimer {
    /// A broker's session may be over.
    Session(i32),
    /// Nothing was written for a while.
    Idle,
    /// A fetch of the metadata log has waited long enough.
    Fetch(u64),
    /// Leadership may go back to preferred replicas.
    Rebalance,
    /// Leaderless partitions may get an unclean leader.
    UncleanElection,
    /// An election or fetch timeout is over, or another voter is to be asked (again).
    Quorum,
}

impl ControllerTimer {
    /// Its name in the trace.
    pub fn name(&self) -> &'static str {
        match self {
            ControllerTimer::Session(_) => "broker session timeout",
            ControllerTimer::Idle => "idle metadata log",
            ControllerTimer::Fetch(_) => "fetch wait is over",
            ControllerTimer::Rebalance => "leader rebalance",
            ControllerTimer::UncleanElection => "unclean election",
            ControllerTimer::Quorum => "quorum timeout",
        }
    }
}

/// Why something cannot be done: error code and words.
type Refusal = (ErrorCode, String);

/// How far a broker has copied the metadata log.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Observer {
    log_end_offset: i64,
    fetched: SimTime,
    caught_up: Option<SimTime>,
}

/// Whom to answer, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asker {
    conn: ConnId,
    version: i16,
    correlation_id: i32,
}

/// An answer that waits until the records before an offset are committed.
#[derive(Clone, Debug, PartialEq)]
struct Waiting {
    until: i64,
    conn: ConnId,
    info: FrameInfo,
    bytes: Bytes,
}

/// The controller.
#[derive(Clone, Debug, PartialEq)]
pub struct Controller {
    config: Arc<ControllerConfig>,
    log: Arc<UnifiedLog>,
    image: MetadataImage,
    sessions: Map<i32, SimTime>,
    waiting: VecDeque<Waiting>,
    fetches: Map<u64, (Asker, FetchRequest)>,
    next_fetch: u64,
    observers: Map<i32, Observer>,
    /// Up to which offset each broker knows the metadata, as its last heartbeat said.
    heard: Map<i32, i64>,
    /// Brokers that want to end, and the offset behind the records that replace them.
    shutdowns: Map<i32, i64>,
    flushing: bool,
    raft: Raft,
    links: Map<i32, Link>,
    snapshots: OnDisk,
    mutations: Mutations,
    /// Answers to voters that wait for `quorum-state` to be flushed.
    held: Vec<(ConnId, FrameInfo, Bytes)>,
    wake_at: Option<SimTime>,
    /// End and high watermark of the log when waiting fetches were looked at last.
    fetches_seen: (i64, i64),
    /// The epoch that it has begun as leader.
    leading: Option<i32>,
    /// Decides: it leads, and knows that all before is committed.
    active: bool,
}

impl Controller {
    /// A controller that is alone and has not started yet, with a disk just formatted.
    pub fn new(config: Arc<ControllerConfig>) -> Controller {
        Controller::of_quorum(CONTROLLER_ID, Voters::default(), config)
    }

    /// The voter `id` of a quorum, which has not started yet, with a disk just formatted.
    pub fn of_quorum(id: i32, voters: Voters, config: Arc<ControllerConfig>) -> Controller {
        let at = TopicPartition::new(CLUSTER_METADATA_TOPIC, 0);
        let log = UnifiedLog::new(at, Arc::new(LogConfig::default()));
        let raft = Raft::new(id, voters, Arc::clone(&config), ElectionStore::default());
        Controller::with_disk(config, Arc::new(log), raft)
    }

    fn with_disk(config: Arc<ControllerConfig>, log: Arc<UnifiedLog>, raft: Raft) -> Controller {
        Controller {
            config,
            log,
            image: MetadataImage::default(),
            sessions: Map::new(),
            waiting: VecDeque::new(),
            fetches: Map::new(),
            next_fetch: 0,
            observers: Map::new(),
            heard: Map::new(),
            shutdowns: Map::new(),
            flushing: false,
            raft,
            links: Map::new(),
            snapshots: OnDisk::default(),
            mutations: Mutations::default(),
            held: Vec::new(),
            wake_at: None,
            fetches_seen: (0, 0),
            leading: None,
            active: false,
        }
    }

    /// This controller after its process died: what its disk holds, and nothing else.
    pub fn after_crash(&self) -> Controller {
        let config = Arc::clone(&self.config);
        let (me, voters) = (self.raft.me(), self.raft.voters().clone());
        let raft = Raft::new(me, voters, Arc::clone(&config), self.raft.store().after_crash());
        let mut anew = Controller::with_disk(config, Arc::clone(&self.log), raft);
        anew.snapshots = self.snapshots.after_crash();
        anew
    }

    /// What was not flushed is gone. Returns the bytes lost.
    pub fn lose_power(&mut self, rng: &mut Rng) -> u64 {
        self.raft.store_mut().lose_power();
        let log = Arc::make_mut(&mut self.log);
        let before = log.size_bytes();
        log.power_loss(if rng.chance(1, 2) { rng.below(64) } else { 0 });
        before.saturating_sub(log.size_bytes())
    }

    /// The cluster as the controller has decided it.
    pub fn image(&self) -> &MetadataImage {
        &self.image
    }

    /// The metadata log.
    pub fn log(&self) -> &UnifiedLog {
        &self.log
    }

    /// The metadata log as it is now, for somebody in the same process.
    pub fn shared_log(&self) -> &Arc<UnifiedLog> {
        &self.log
    }

    /// Whether it is the one that decides.
    pub fn is_active(&self) -> bool {
        self.active
    }

    /// One step.
    pub fn step(&mut self, ctx: &mut Ctx, input: Input<ControllerTimer, std::convert::Infallible>) {
        match input {
            Input::Start => self.start(ctx),
            Input::Frame { conn, bytes, .. } => match self.voter_at(conn) {
                Some(voter) => self.hear_voter(ctx, voter, bytes),
                None => {
                    if let Err(error) = self.receive(ctx, conn, &bytes.whole()) {
                        ctx.trace(Event::RequestRejected { conn, reason: error.to_string().into() });
                        ctx.close(conn);
                    }
                }
            },
            Input::Closed { conn, reason } => match self.voter_at(conn) {
                Some(voter) => self.voter_closed(ctx, voter, reason),
                None => {
                    self.waiting.retain(|waiting| waiting.conn != conn);
                    self.fetches.retain(|_, (asker, _)| asker.conn != conn);
                    self.held.retain(|(held, _, _)| *held != conn);
                }
            },
            Input::Timer(timer) => self.on_timer(ctx, timer),
            Input::Flushed { file, position } => self.flushed(ctx, file, position),
            Input::Command(never) => match never {},
        }
        if self.raft.voters().alone().is_none() {
            self.drive_quorum(ctx);
        }
    }

    fn on_timer(&mut self, ctx: &mut Ctx, timer: ControllerTimer) {
        match timer {
            ControllerTimer::Quorum => self.wake_at = None,
            ControllerTimer::Fetch(id) => self.answer_fetch(ctx, id),
            // Set while it was active.
            _ if !self.active => {}
            ControllerTimer::Session(broker) => self.session_over(ctx, broker),
            ControllerTimer::Idle => self.write(ctx, vec![NoOpRecord {}.into()], Vec::new()),
            ControllerTimer::Rebalance => self.rebalance_leaders(ctx),
            ControllerTimer::UncleanElection => self.elect_unclean_leaders(ctx),
        }
    }

    fn receive(&mut self, ctx: &mut Ctx, conn: ConnId, frame: &Bytes) -> Result<(), WireError> {
        let (header, body) = decode_request_header(frame)?;
        let version = header.api_version;
        let asker = Asker { conn, version, correlation_id: header.correlation_id };
        let api = ApiKey::try_from(header.api_key).ok().filter(|api| self.serves(*api));
        match api {
            Some(ApiKey::ApiVersions) => self.api_versions(ctx, asker),
            Some(ApiKey::Vote) => self.vote(ctx, asker, &Message::decode(&body, version)?),
            Some(ApiKey::BeginQuorumEpoch) => {
                self.begin_quorum_epoch(ctx, asker, &Message::decode(&body, version)?)
            }
            Some(ApiKey::EndQuorumEpoch) => {
                self.end_quorum_epoch(ctx, asker, &Message::decode(&body, version)?)
            }
            Some(ApiKey::Fetch) => self.fetch(ctx, asker, Message::decode(&body, version)?),
            Some(ApiKey::FetchSnapshot) => self.fetch_snapshot(ctx, asker, &Message::decode(&body, version)?),
            Some(api) if !self.active => self.refuse_not_controller(ctx, asker, api, &body),
            Some(ApiKey::BrokerRegistration) => self.register(ctx, asker, &Message::decode(&body, version)?),
            Some(ApiKey::BrokerHeartbeat) => self.heartbeat(ctx, asker, &Message::decode(&body, version)?),
            Some(ApiKey::AlterPartition) => {
                self.alter_partition(ctx, asker, &Message::decode(&body, version)?)
            }
            Some(ApiKey::AllocateProducerIds) => {
                self.allocate_producer_ids(ctx, asker, &Message::decode(&body, version)?)
            }
            Some(api) => {
                let client = header.client_id.unwrap_or_default().into();
                self.receive_admin(ctx, (asker, &client), api, &body)?;
            }
            None => {
                ctx.trace(Event::RequestRejected {
                    conn,
                    reason: format!("API {} is not served", header.api_key).into(),
                });
                ctx.close(conn);
            }
        }
        Ok(())
    }

    fn serves(&self, api: ApiKey) -> bool {
        SERVED.contains(&api) || (SERVED_TO_VOTERS.contains(&api) && self.raft.voters().alone().is_none())
    }

    /// Another controller decides; which one, its brokers hear when they fetch.
    #[inline(never)]
    fn refuse_not_controller(&self, ctx: &mut Ctx, asker: Asker, api: ApiKey, body: &Bytes) {
        let Asker { conn, version: api_version, correlation_id } = asker;
        let Some(frame) = encode_refusal(api, api_version, body, ErrorCode::NotController) else {
            return ctx.close(conn);
        };
        let bytes = [&correlation_id.to_be_bytes()[..], frame.get(4..).unwrap_or_default()].concat();
        let kind = FrameKind::Response;
        ctx.send(
            conn,
            FrameInfo { kind, api_key: api.code(), api_version, correlation_id },
            Bytes::from(bytes),
        );
    }

    /// Requests that brokers pass on.
    fn receive_admin(
        &mut self,
        ctx: &mut Ctx,
        (asker, client): (Asker, &Arc<str>),
        api: ApiKey,
        body: &Bytes,
    ) -> Result<(), WireError> {
        let version = asker.version;
        let mut quota = self.mutation_quota(ctx.now(), asker, api, client);
        match api {
            ApiKey::CreateTopics => {
                self.create_topics(ctx, asker, &mut quota, &Message::decode(body, version)?)
            }
            ApiKey::DeleteTopics => {
                self.delete_topics(ctx, asker, &mut quota, &Message::decode(body, version)?)
            }
            ApiKey::CreatePartitions => {
                self.create_partitions(ctx, asker, &mut quota, &Message::decode(body, version)?)
            }
            ApiKey::AlterConfigs => self.alter_configs(ctx, asker, &Message::decode(body, version)?),
            ApiKey::IncrementalAlterConfigs => {
                self.incremental_alter_configs(ctx, asker, &Message::decode(body, version)?)
            }
            ApiKey::ElectLeaders => self.elect_leaders(ctx, asker, &Message::decode(body, version)?),
            ApiKey::AlterPartitionReassignments => {
                self.alter_partition_reassignments(ctx, asker, &Message::decode(body, version)?)
            }
            ApiKey::ListPartitionReassignments => {
                self.list_partition_reassignments(ctx, asker, &Message::decode(body, version)?)
            }
            ApiKey::DescribeQuorum => self.describe_quorum(ctx, asker, &Message::decode(body, version)?),
            ApiKey::AlterClientQuotas => {
                self.alter_client_quotas(ctx, asker, &Message::decode(body, version)?)
            }
            _ => {}
        }
        Ok(())
    }

    fn api_versions(&self, ctx: &mut Ctx, asker: Asker) {
        let known = ApiKey::ApiVersions.has_version(asker.version);
        let served = SERVED.iter().chain(&SERVED_TO_VOTERS).filter(|api| self.serves(**api));
        let api_keys = served.filter_map(|api| {
            let versions = api.versions()?;
            Some(ApiVersion {
                api_key: api.code(),
                min_version: *versions.start(),
                max_version: *versions.end(),
            })
        });
        let error_code = if known { ErrorCode::None } else { ErrorCode::UnsupportedVersion };
        let response = ApiVersionsResponse { error_code, api_keys: api_keys.collect(), ..Default::default() };
        let asker = if known { asker } else { Asker { version: 0, ..asker } };
        self.answer(ctx, asker, &response);
    }

    fn allocate_producer_ids(&mut self, ctx: &mut Ctx, asker: Asker, request: &AllocateProducerIdsRequest) {
        if !self.is_current(request.broker_id, request.broker_epoch) {
            let error_code = ErrorCode::StaleBrokerEpoch;
            return self.answer(
                ctx,
                asker,
                &AllocateProducerIdsResponse { error_code, ..Default::default() },
            );
        }
        let producer_id_start = self.image.next_producer_id;
        let record = ProducerIdsRecord {
            broker_id: request.broker_id,
            broker_epoch: request.broker_epoch,
            next_producer_id: producer_id_start + i64::from(PRODUCER_ID_BLOCK),
        };
        let response = AllocateProducerIdsResponse {
            producer_id_start,
            producer_id_len: PRODUCER_ID_BLOCK,
            ..Default::default()
        };
        self.write_and_answer(ctx, asker, vec![record.into()], &response, Vec::new());
    }

    fn answer<M: Message>(&self, ctx: &mut Ctx, asker: Asker, response: &M) {
        let Some((info, bytes)) = encode(asker, response) else { return ctx.close(asker.conn) };
        ctx.send(asker.conn, info, bytes);
    }
}

fn encode<M: Message>(asker: Asker, response: &M) -> Option<(FrameInfo, Bytes)> {
    let bytes = encode_response(asker.version, asker.correlation_id, response).ok()?;
    let info = FrameInfo {
        kind: FrameKind::Response,
        api_key: M::KEY,
        api_version: asker.version,
        correlation_id: asker.correlation_id,
    };
    Some((info, bytes))
}
