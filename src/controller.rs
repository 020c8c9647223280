//! The controller: keeps the metadata log, registers and fences brokers, creates and deletes topics,
//! elects leaders, moves replicas, keeps configs and decides who is in sync. A quorum of one for now: what is on its own disk is
//! committed.
//!
//! Decide, then replay: a request becomes records and a response; the records are appended and
//! replayed into the image, and the response leaves when they are flushed. After a crash the
//! same replay rebuilds the image.
//!
//! Must not know the scheduler or brokers' insides. Source: KIP-500, KIP-595, KIP-631, KIP-497.

mod brokers;
mod change;
mod configs;
mod elections;
mod log;
mod placement;
mod quorum;
mod reassign;
mod topics;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::{ConnId, FrameInfo, FrameKind, Input, Map, Rng, SimTime};
use crate::metadata::{MetadataImage, properties};
use crate::protocol::messages::allocate_producer_ids::{
    AllocateProducerIdsRequest, AllocateProducerIdsResponse,
};
use crate::protocol::messages::api_versions::{ApiVersion, ApiVersionsResponse};
use crate::protocol::messages::fetch::FetchRequest;
use crate::protocol::messages::metadata_records::{NoOpRecord, ProducerIdsRecord};
use crate::protocol::{
    ApiKey, ErrorCode, Message, TopicPartition, WireError, decode_request_header, encode_response,
};
use crate::storage::{LogConfig, UnifiedLog};
use crate::trace::{self, Event};

type Ctx<'a> = trace::Ctx<'a, ControllerTimer>;

/// Producer ids come in blocks of so many (KIP-730).
const PRODUCER_ID_BLOCK: i32 = 1_000;

/// What the controller answers.
const SERVED: [ApiKey; 15] = [
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
];

properties! {
    /// What the controller reads of `server.properties`.
    pub struct ControllerConfig {
        "auto.leader.rebalance.enable" => auto_leader_rebalance: bool = true, "leadership goes back to preferred replicas by itself";
        "broker.session.timeout.ms" => session_timeout_ms: u32 = 9_000, "a broker silent for so long is fenced";
        "default.replication.factor" => default_replication_factor: i16 = 1, "replicas of a topic for which nobody said how many";
        "delete.topic.enable" => delete_topic_enable: bool = true, "topics can be deleted";
        "leader.imbalance.check.interval.seconds" => leader_imbalance_check_interval_seconds: u32 = 300,
            "between two looks for leaders that are not the preferred ones";
        "metadata.max.idle.interval.ms" => max_idle_interval_ms: u32 = 500, "between two records that say nothing; 0 for none";
        "num.partitions" => num_partitions: i32 = 1, "partitions of a topic for which nobody said how many";
        "unclean.leader.election.interval.ms" => unclean_election_interval_ms: u32 = 300_000,
            "between two looks for leaderless partitions that may have an unclean leader";
        .. log: Arc<LogConfig> = Arc::new(LogConfig::default()), "Defaults of the topic configs.";
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

/// An answer that waits for the log to be flushed.
#[derive(Clone, Debug, PartialEq)]
struct Waiting {
    until: u64,
    conn: ConnId,
    info: FrameInfo,
    bytes: Bytes,
    events: Vec<Event>,
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
    flushing: bool,
    epoch: i32,
}

impl Controller {
    /// A controller that has not started yet, with a disk just formatted.
    pub fn new(config: Arc<ControllerConfig>) -> Controller {
        let at = TopicPartition::new("__cluster_metadata", 0);
        Controller::with_log(config, Arc::new(UnifiedLog::new(at, Arc::new(LogConfig::default()))))
    }

    fn with_log(config: Arc<ControllerConfig>, log: Arc<UnifiedLog>) -> Controller {
        Controller {
            config,
            log,
            image: MetadataImage::default(),
            sessions: Map::new(),
            waiting: VecDeque::new(),
            fetches: Map::new(),
            next_fetch: 0,
            observers: Map::new(),
            flushing: false,
            epoch: 0,
        }
    }

    /// This controller after its process died: what its disk holds, and nothing else.
    pub fn after_crash(&self) -> Controller {
        Controller::with_log(Arc::clone(&self.config), Arc::clone(&self.log))
    }

    /// What was not flushed is gone. Returns the bytes lost.
    pub fn lose_power(&mut self, rng: &mut Rng) -> u64 {
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

    /// One step.
    pub fn step(&mut self, ctx: &mut Ctx, input: Input<ControllerTimer, std::convert::Infallible>) {
        match input {
            Input::Start => self.start(ctx),
            Input::Frame { conn, bytes, .. } => {
                if let Err(error) = self.receive(ctx, conn, &bytes.whole()) {
                    ctx.trace(Event::RequestRejected { conn, reason: error.to_string().into() });
                    ctx.close(conn);
                }
            }
            Input::Closed { conn, .. } => {
                self.waiting.retain(|waiting| waiting.conn != conn || !waiting.events.is_empty());
                self.fetches.retain(|_, (asker, _)| asker.conn != conn);
            }
            Input::Timer(ControllerTimer::Session(broker)) => self.session_over(ctx, broker),
            Input::Timer(ControllerTimer::Idle) => self.write(ctx, vec![NoOpRecord {}.into()], Vec::new()),
            Input::Timer(ControllerTimer::Fetch(id)) => self.answer_fetch(ctx, id),
            Input::Timer(ControllerTimer::Rebalance) => self.rebalance_leaders(ctx),
            Input::Timer(ControllerTimer::UncleanElection) => self.elect_unclean_leaders(ctx),
            Input::Flushed { position, .. } => self.flushed(ctx, position),
            Input::Command(never) => match never {},
        }
    }

    fn receive(&mut self, ctx: &mut Ctx, conn: ConnId, frame: &Bytes) -> Result<(), WireError> {
        let (header, body) = decode_request_header(frame)?;
        let version = header.api_version;
        let asker = Asker { conn, version, correlation_id: header.correlation_id };
        let api = ApiKey::try_from(header.api_key).ok().filter(|api| SERVED.contains(api));
        match api {
            Some(ApiKey::ApiVersions) => self.api_versions(ctx, asker),
            Some(ApiKey::BrokerRegistration) => self.register(ctx, asker, &Message::decode(&body, version)?),
            Some(ApiKey::BrokerHeartbeat) => self.heartbeat(ctx, asker, &Message::decode(&body, version)?),
            Some(ApiKey::Fetch) => self.fetch(ctx, asker, Message::decode(&body, version)?),
            Some(ApiKey::AlterPartition) => {
                self.alter_partition(ctx, asker, &Message::decode(&body, version)?)
            }
            Some(ApiKey::AllocateProducerIds) => {
                self.allocate_producer_ids(ctx, asker, &Message::decode(&body, version)?)
            }
            Some(api) => self.receive_admin(ctx, asker, api, &body)?,
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

    /// Requests that brokers pass on.
    fn receive_admin(
        &mut self,
        ctx: &mut Ctx,
        asker: Asker,
        api: ApiKey,
        body: &Bytes,
    ) -> Result<(), WireError> {
        let version = asker.version;
        match api {
            ApiKey::CreateTopics => self.create_topics(ctx, asker, &Message::decode(body, version)?),
            ApiKey::DeleteTopics => self.delete_topics(ctx, asker, &Message::decode(body, version)?),
            ApiKey::CreatePartitions => self.create_partitions(ctx, asker, &Message::decode(body, version)?),
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
            _ => {}
        }
        Ok(())
    }

    fn api_versions(&self, ctx: &mut Ctx, asker: Asker) {
        let known = ApiKey::ApiVersions.has_version(asker.version);
        let api_keys = SERVED.iter().filter_map(|api| {
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
