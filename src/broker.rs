//! One broker: requests in order per connection, the replicas it hosts, the fetchers that copy
//! from other leaders, requests that wait, its session with the controller, and the group
//! coordinator that it hosts.
//!
//! Must not know the scheduler or other nodes' memory: everything it learns came in a frame.
//! Whatever survives a crash is in [`Disk`]; the rest of the state dies with the process.
//!
//! Source: Kafka documentation *Replication*, *KRaft*; KIP-500, KIP-595 (fetching with epochs),
//! KIP-631 (registration and heartbeats).

mod admin_api;
mod api_versions;
mod cleaner;
mod client_quotas;
mod config;
mod configs_api;
mod controller_session;
mod delete_records;
mod fetch;
mod fetcher;
mod forward;
mod group_offsets;
mod groups;
mod history;
mod metadata_api;
mod metadata_snapshot;
mod offsets_api;
mod on_zookeeper;
mod partition;
mod produce;
mod producer_ids;
mod quota;
mod quotas_api;
mod replicas;
mod selector;
mod server;
mod share;
mod shutdown;
mod voter;

use std::sync::Arc;

use crate::base::{ConnId, Input, Map, Rng, Rope, SimTime, ms};
use crate::coordinator::{CoordinatorTimer, GroupCoordinator, ShareCoordinator};
use crate::metadata::{Endpoint, MetadataImage, Snapshot, Snapshots, TopicConfigs, Voters};
use crate::protocol::{TopicPartition, Uuid};
use crate::storage::{LogConfig, UnifiedLog};
use crate::trace::{self, Event};

pub use config::BrokerConfig;
pub use partition::{FollowerState, Partition, ReplicaRole};
pub use share::{RecordState, SharePartition};
pub use shutdown::BrokerCommand;
pub use voter::VoterNews;

use client_quotas::ClientQuotas;
use controller_session::ControllerSession;
use delete_records::WaitingDeletion;
use fetch::Fetches;
use fetcher::Fetcher;
use forward::Forward;
use produce::WaitingProduce;
use quota::ReplicationQuota;
use server::Server;
use shutdown::Shutdown;

type Ctx<'a> = trace::Ctx<'a, BrokerTimer>;

/// The topic that keeps groups and their offsets.
pub const OFFSETS_TOPIC: &str = "__consumer_offsets";
/// The topic that keeps the states of share partitions.
pub const SHARE_STATE_TOPIC: &str = "__share_group_state";
/// The topic that keeps transactions.
const TRANSACTION_STATE_TOPIC: &str = "__transaction_state";
/// `cluster.id`, given when the storage is formatted.
const CLUSTER_ID: &str = "terrarium-cluster-AAAA";
/// The controller's log.
pub const METADATA_TOPIC: &str = "__cluster_metadata";

/// The port of the listener that is always there: the other nodes' way to a broker.
pub const BROKER_PORT: u16 = 9092;
/// The port of the listener for programs outside the world, when there is one.
pub const EXTERNAL_PORT: u16 = 9094;

/// What a broker wants to be woken for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BrokerTimer {
    /// Heartbeat to the controller.
    Heartbeat,
    /// Connect to the controller (again).
    ControllerRetry,
    /// Connect to a leader (again), or fetch from it again.
    FetcherRetry(i32),
    /// A request to another node may have taken too long.
    PeerTimeout,
    /// Look for in-sync replicas that lag.
    IsrCheck,
    /// Save the high watermarks.
    HighWatermarkCheckpoint,
    /// Look for old segments.
    Retention,
    /// Look for logs to compact.
    Cleaner,
    /// A produce request has waited long enough.
    Produce(u64),
    /// A fetch has waited long enough.
    Fetch(u64),
    /// A deletion of records has waited long enough.
    DeleteRecords(u64),
    /// Look for producers that have been silent for long.
    ProducerExpiry,
    /// A share fetch has waited long enough.
    ShareFetch(u64),
    /// Records of a share partition have been held long enough.
    ShareLock(Arc<str>, TopicPartition),
    /// Ask a share coordinator (again).
    SharePersister,
    /// A throttled client may be listened to again.
    Unmute(ConnId),
    /// Look for what nobody needs in `__share_group_state`.
    SharePrune,
    /// Something in the group coordinator.
    Coordinator(CoordinatorTimer),
    /// The controller has had long enough to replace it: it ends without.
    Shutdown,
    /// The session with ZooKeeper needs something.
    ZooKeeper,
    /// Register with ZooKeeper (again).
    Registration,
    /// Tell a broker (again) what the controller that this one hosts has decided.
    Channel(i32),
}

impl BrokerTimer {
    /// Its name in the trace.
    pub fn name(&self) -> &'static str {
        match self {
            BrokerTimer::Heartbeat => "broker heartbeat",
            BrokerTimer::ControllerRetry => "reconnect to the controller",
            BrokerTimer::FetcherRetry(_) => "fetch again",
            BrokerTimer::PeerTimeout => "request timeout",
            BrokerTimer::Shutdown => "shutdown timeout",
            BrokerTimer::ZooKeeper => "ping ZooKeeper",
            BrokerTimer::Registration => "register again",
            BrokerTimer::Channel(_) => "tell a broker again",
            BrokerTimer::IsrCheck => "check in-sync replicas",
            BrokerTimer::HighWatermarkCheckpoint => "high watermark checkpoint",
            BrokerTimer::Retention => "log retention",
            BrokerTimer::Cleaner => "log cleaner",
            BrokerTimer::Produce(_) => "produce timeout",
            BrokerTimer::Fetch(_) => "fetch wait is over",
            BrokerTimer::DeleteRecords(_) => "delete records timeout",
            BrokerTimer::ProducerExpiry => "producer id expiration",
            BrokerTimer::ShareFetch(_) => "share fetch wait is over",
            BrokerTimer::ShareLock(..) => "acquisition lock timeout",
            BrokerTimer::SharePersister => "ask the share coordinator again",
            BrokerTimer::Unmute(_) => "throttle time is over",
            BrokerTimer::SharePrune => "prune share group state",
            BrokerTimer::Coordinator(timer) => timer.name(),
        }
    }
}

/// What outlives the process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Disk {
    logs: Map<TopicPartition, Arc<Partition>>,
    metadata: Option<Arc<UnifiedLog>>,
    snapshots: Vec<Arc<Snapshot>>,
    high_watermarks: Map<TopicPartition, i64>,
    clean_shutdown: Option<i64>,
    unclean: bool,
}

/// A broker.
#[derive(Clone, Debug, PartialEq)]
pub struct Broker {
    id: i32,
    /// What `server.properties` says; altered configs over it are `config`.
    static_config: Arc<BrokerConfig>,
    config: Arc<BrokerConfig>,
    external: Option<Endpoint>,
    rack: Option<Arc<str>>,
    incarnation_id: Uuid,
    partitions: Map<TopicPartition, Arc<Partition>>,
    high_watermark_checkpoint: Map<TopicPartition, i64>,
    /// The file `.kafka_cleanshutdown`: the epoch in which this process has ended properly (KIP-966).
    clean_shutdown: Option<i64>,
    /// What it said when this process started, which has removed it; -1 for nothing.
    previous_epoch: i64,
    recover_first: bool,
    cleaner_awake: bool,
    metadata_log: Arc<UnifiedLog>,
    snapshots: Snapshots,
    image: MetadataImage,
    controller: ControllerSession,
    fetchers: Map<i32, Fetcher>,
    server: Server,
    forwards: Map<u64, Forward>,
    next_wait: u64,
    waiting_produces: Map<u64, WaitingProduce>,
    waiting_deletions: Map<u64, WaitingDeletion>,
    fetches: Fetches,
    leader_quota: ReplicationQuota,
    follower_quota: ReplicationQuota,
    client_quotas: ClientQuotas,
    groups: groups::Groups,
    shares: share::Shares,
    producer_ids: (i64, i64),
    waiting_for_ids: Vec<u64>,
    next_file: u64,
    files: Map<u64, TopicPartition>,
    shutdown: Shutdown,
    zookeeper: Option<Box<on_zookeeper::OnZooKeeper>>,
}

impl Broker {
    /// A broker that has not started yet, with what its disk holds.
    pub fn new(id: i32, config: Arc<BrokerConfig>, disk: Disk) -> Broker {
        let metadata_log = disk.metadata.unwrap_or_else(|| Arc::new(new_metadata_log()));
        let coordinator =
            GroupCoordinator::new(Arc::clone(&config.group), config.group.offsets_topic_num_partitions);
        Broker {
            id,
            external: None,
            rack: None,
            incarnation_id: Uuid::default(),
            partitions: disk.logs,
            high_watermark_checkpoint: disk.high_watermarks,
            recover_first: disk.unclean,
            cleaner_awake: false,
            metadata_log,
            snapshots: Snapshots::found(disk.snapshots, SimTime::ZERO),
            image: MetadataImage::default(),
            controller: ControllerSession::new(id, Voters::default()),
            fetchers: Map::new(),
            server: Server::new(config.socket_request_max_bytes),
            forwards: Map::new(),
            next_wait: 0,
            waiting_produces: Map::new(),
            waiting_deletions: Map::new(),
            fetches: Fetches::new(config.fetch_session_slots),
            leader_quota: ReplicationQuota::default(),
            follower_quota: ReplicationQuota::default(),
            client_quotas: ClientQuotas::default(),
            groups: groups::Groups::new(coordinator),
            shares: share::Shares::new(ShareCoordinator::new(&config.group)),
            producer_ids: (0, 0),
            waiting_for_ids: Vec::new(),
            next_file: 0,
            files: Map::new(),
            shutdown: Shutdown::default(),
            zookeeper: None,
            clean_shutdown: None,
            previous_epoch: disk.clean_shutdown.unwrap_or(-1),
            static_config: Arc::clone(&config),
            config,
        }
    }

    /// This broker after its process died: what its disk holds, and nothing else.
    pub fn after_crash(&self) -> Broker {
        // The log is the voter's.
        let in_process = self.controller.is_in_process();
        let disk = Disk {
            logs: self.partitions.clone(),
            metadata: (!in_process).then(|| Arc::clone(&self.metadata_log)),
            snapshots: if in_process { Vec::new() } else { self.snapshots.kept().to_vec() },
            high_watermarks: self.high_watermark_checkpoint.clone(),
            clean_shutdown: self.clean_shutdown,
            unclean: true,
        };
        Broker::new(self.id, Arc::clone(&self.static_config), disk)
            .reached_at(self.external.clone())
            .in_rack(self.rack.clone())
            .led_by(self.controller.voters().clone())
            .on_zookeeper(self.zookeeper_config())
    }

    /// This broker with a second listener, [`EXTERNAL_PORT`], that is advertised as `external`:
    /// what programs outside the world connect to.
    pub fn reached_at(mut self, external: Option<Endpoint>) -> Broker {
        self.external = external;
        self
    }

    /// This broker in a rack (`broker.rack`).
    pub fn in_rack(mut self, rack: Option<Arc<str>>) -> Broker {
        self.rack = rack;
        self
    }

    /// This broker in a cluster with these controllers, and not with one that is alone
    /// (`controller.quorum.voters`). When it is among them, their process is its own, and what that voter has
    /// comes by [`Broker::hear_voter`].
    pub fn led_by(mut self, voters: Voters) -> Broker {
        self.controller = ControllerSession::new(self.id, voters);
        self
    }

    /// What was not flushed is gone; of each log a torn piece may remain. Returns the bytes lost.
    pub fn lose_power(&mut self, rng: &mut Rng) -> u64 {
        let mut lost = 0;
        for partition in self.partitions.values_mut() {
            let log = &mut Arc::make_mut(partition).log;
            lost += lose_tail(log, rng);
        }
        match self.controller.is_in_process() {
            true => lost,
            false => lost + lose_tail(Arc::make_mut(&mut self.metadata_log), rng),
        }
    }

    /// Flips the bits of a byte of a replica's log, counted from its first; of one in the middle when it
    /// is not said which. Gives the offset of the batch that has it.
    pub fn corrupt_byte(&mut self, at: &TopicPartition, position: Option<u64>) -> Option<i64> {
        let log = &mut Arc::make_mut(self.partitions.get_mut(at)?).log;
        log.corrupt_byte(position.unwrap_or(log.size_bytes() / 2))
    }

    /// Its node id.
    pub fn id(&self) -> i32 {
        self.id
    }

    /// Its configuration.
    pub fn config(&self) -> &BrokerConfig {
        &self.config
    }

    /// The cluster as far as this broker has heard.
    pub fn image(&self) -> &MetadataImage {
        &self.image
    }

    /// Its copy of the metadata log.
    pub fn metadata_log(&self) -> &UnifiedLog {
        &self.metadata_log
    }

    /// Whether the controller counts on it, as far as it has heard.
    pub fn is_fenced(&self) -> bool {
        !self.image.is_unfenced(self.id)
    }

    /// The replicas that it hosts.
    pub fn partitions(&self) -> impl Iterator<Item = &Partition> {
        self.partitions.values().map(|partition| &**partition)
    }

    /// One replica.
    pub fn partition(&self, at: &TopicPartition) -> Option<&Partition> {
        self.partitions.get(at).map(|partition| &**partition)
    }

    /// A replica's log.
    pub fn log(&self, at: &TopicPartition) -> Option<&UnifiedLog> {
        self.partition(at).map(|partition| &partition.log)
    }

    /// The in-sync replicas of a partition, as this broker has heard.
    pub fn isr(&self, at: &TopicPartition) -> Vec<i32> {
        self.partition(at).map(|partition| partition.registration.isr.clone()).unwrap_or_default()
    }

    /// The group coordinator that it hosts.
    pub fn coordinator(&self) -> &GroupCoordinator {
        self.groups.coordinator()
    }

    /// One step.
    pub fn step(&mut self, ctx: &mut Ctx, input: Input<BrokerTimer, BrokerCommand>) {
        match input {
            Input::Start => self.start(ctx),
            Input::Frame { conn, from, port, bytes } => {
                if self.controller.owns(conn) {
                    self.hear_controller(ctx, conn, bytes);
                } else if let Some(leader) = self.fetcher_of(conn) {
                    self.hear_leader(ctx, leader, bytes);
                } else if let Some(broker) = self.share_peer_of(conn) {
                    self.hear_share_coordinator(ctx, broker, bytes);
                } else if self.is_of_zookeeper(conn) {
                    self.hear_zookeeper(ctx, conn, &bytes);
                } else {
                    self.receive(ctx, conn, from, port, bytes.whole());
                }
            }
            Input::Closed { conn, reason } => {
                if self.controller.owns(conn) {
                    self.controller_closed(ctx, conn, reason);
                } else if let Some(leader) = self.fetcher_of(conn) {
                    self.leader_closed(ctx, leader, reason);
                } else if let Some(broker) = self.share_peer_of(conn) {
                    self.share_coordinator_closed(ctx, broker, reason);
                } else if self.is_of_zookeeper(conn) {
                    self.zookeeper_closed(ctx, conn, reason);
                } else {
                    self.client_closed(ctx, conn);
                }
            }
            Input::Timer(timer) => self.on_timer(ctx, timer),
            Input::Flushed { file, position } => self.flushed(ctx, file, position),
            Input::Command(BrokerCommand::ShutDown) => self.shut_down(ctx),
        }
        self.serve(ctx);
        self.send_share_questions(ctx);
    }

    fn start(&mut self, ctx: &mut Ctx) {
        self.incarnation_id = Uuid::from_halves(ctx.rng().next_u64(), ctx.rng().next_u64());
        if self.recover_first {
            self.recover(ctx);
        }
        ctx.set_timer(
            BrokerTimer::IsrCheck,
            ctx.now() + ms(u64::from(self.config.replica_lag_time_max_ms) / 2),
        );
        let checkpoint = u64::from(self.config.high_watermark_checkpoint_interval_ms);
        ctx.set_timer(BrokerTimer::HighWatermarkCheckpoint, ctx.now() + ms(checkpoint));
        ctx.set_timer(
            BrokerTimer::Retention,
            ctx.now() + ms(u64::from(self.config.log_initial_task_delay_ms)),
        );
        ctx.set_timer(BrokerTimer::PeerTimeout, ctx.now() + ms(1_000));
        self.expire_producers(ctx);
        self.wake_cleaner(ctx);
        self.snapshots = Snapshots::found(self.snapshots.kept().to_vec(), ctx.now());
        if self.zookeeper.is_some() {
            return self.start_on_zookeeper(ctx);
        }
        self.controller.connect(ctx);
    }

    fn on_timer(&mut self, ctx: &mut Ctx, timer: BrokerTimer) {
        match timer {
            BrokerTimer::Heartbeat => self.heartbeat(ctx),
            BrokerTimer::Shutdown => self.end(ctx),
            BrokerTimer::ControllerRetry => self.controller.connect(ctx),
            BrokerTimer::FetcherRetry(leader) => self.run_fetcher(ctx, leader),
            BrokerTimer::PeerTimeout => self.check_peer_timeouts(ctx),
            BrokerTimer::IsrCheck => {
                self.shrink_isrs(ctx);
                ctx.set_timer(
                    BrokerTimer::IsrCheck,
                    ctx.now() + ms(u64::from(self.config.replica_lag_time_max_ms) / 2),
                );
            }
            BrokerTimer::HighWatermarkCheckpoint => {
                self.high_watermark_checkpoint =
                    self.partitions.iter().map(|(at, p)| (at.clone(), p.log.high_watermark())).collect();
                let interval = u64::from(self.config.high_watermark_checkpoint_interval_ms);
                ctx.set_timer(BrokerTimer::HighWatermarkCheckpoint, ctx.now() + ms(interval));
            }
            BrokerTimer::Retention => self.delete_old_segments(ctx),
            BrokerTimer::Cleaner => self.clean_logs(ctx),
            BrokerTimer::Produce(id) => self.produce_timed_out(ctx, id),
            BrokerTimer::Fetch(id) => self.answer_fetch(ctx, id),
            BrokerTimer::DeleteRecords(id) => self.deletion_timed_out(ctx, id),
            BrokerTimer::ProducerExpiry => self.expire_producers(ctx),
            BrokerTimer::ShareFetch(id) => self.share_fetch_waited(ctx, id),
            BrokerTimer::ShareLock(group, at) => self.share_locks_expired(ctx, &(group, at)),
            BrokerTimer::SharePersister => self.ask_share_coordinators(),
            BrokerTimer::Unmute(conn) => self.server.unmute(conn),
            BrokerTimer::SharePrune => self.prune_share_states(ctx),
            BrokerTimer::Coordinator(timer) => self.coordinator_timer(ctx, timer),
            BrokerTimer::ZooKeeper => self.wake_zookeeper(ctx),
            BrokerTimer::Registration => self.register_znode(ctx),
            BrokerTimer::Channel(broker) => self.run_channel(ctx, broker),
        }
    }

    fn check_peer_timeouts(&mut self, ctx: &mut Ctx) {
        self.expire_appends(ctx);
        self.expire_forwards(ctx);
        self.expire_share_states(ctx);
        self.time_out_share_coordinators(ctx);
        let timeout = self.config.replica_socket_timeout_ms;
        self.time_out_controller(ctx);
        self.time_out_channels(ctx);
        for leader in self.fetchers.keys().copied().collect::<Vec<_>>() {
            self.time_out_fetcher(ctx, leader, timeout);
        }
        ctx.set_timer(BrokerTimer::PeerTimeout, ctx.now() + ms(1_000));
    }

    /// After an unclean end: cut torn tails off, take high watermarks from the checkpoint.
    fn recover(&mut self, ctx: &mut Ctx) {
        self.recover_first = false;
        self.recover_metadata_log();
        for (at, partition) in &mut self.partitions {
            let partition = Arc::make_mut(partition);
            let found = partition.log.recover();
            let checkpoint = self.high_watermark_checkpoint.get(at).copied().unwrap_or(0);
            partition.log.update_high_watermark(checkpoint.min(partition.log.log_end_offset()));
            partition.role = ReplicaRole::Follower;
            partition.flushing = false;
            partition.registration.leader = crate::metadata::NO_LEADER;
            partition.registration.leader_epoch = -1;
            partition.registration.partition_epoch = -1;
            ctx.trace(Event::LogRecovered {
                at: at.clone(),
                truncated_bytes: found.truncated_bytes,
                log_end_offset: partition.log.log_end_offset(),
            });
        }
        for at in self.partitions.keys().cloned().collect::<Vec<_>>() {
            self.flush_in_background(ctx, &at);
        }
    }

    /// The effective configuration of a topic.
    fn log_config(&self, topic: &str) -> Arc<LogConfig> {
        let own = self.image.topic_configs(topic);
        if own.is_empty() {
            return Arc::clone(&self.config.log);
        }
        Arc::new(TopicConfigs::effective(&self.config.log, &own))
    }

    fn next_wait(&mut self) -> u64 {
        self.next_wait += 1;
        self.next_wait
    }

    fn fetcher_of(&self, conn: ConnId) -> Option<i32> {
        self.fetchers.iter().find(|(_, fetcher)| fetcher.owns(conn)).map(|(leader, _)| *leader)
    }

    fn client_closed(&mut self, ctx: &mut Ctx, conn: ConnId) {
        self.server.closed(conn);
        for id in self.fetches.of_connection(conn) {
            self.forget_fetch(ctx, id);
        }
        self.share_connection_closed(ctx, conn);
    }
}

fn new_metadata_log() -> UnifiedLog {
    UnifiedLog::new(TopicPartition::new(METADATA_TOPIC, 0), Arc::new(LogConfig::default()))
}

fn lose_tail(log: &mut UnifiedLog, rng: &mut Rng) -> u64 {
    let before = log.size_bytes();
    let torn = if rng.chance(1, 2) { rng.below(64) } else { 0 };
    log.power_loss(torn);
    before.saturating_sub(log.size_bytes())
}

/// Empty records, where the protocol wants some.
fn no_records() -> Option<Rope> {
    Some(Rope::default())
}

#[cfg(test)]
#[path = "broker/desk.rs"]
mod desk;
#[cfg(test)]
#[path = "broker/fetch_test.rs"]
mod fetch_test;
#[cfg(test)]
#[path = "broker/produce_test.rs"]
mod produce_test;
#[cfg(test)]
#[path = "broker/versions_test.rs"]
mod versions_test;
