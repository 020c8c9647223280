//! A broker of a cluster on ZooKeeper: it registers as an ephemeral znode, does as the controller tells it by
//! `LeaderAndIsr`, `UpdateMetadata` and `StopReplica`, and hosts a controller that may be the cluster's own.
//!
//! Whatever it is told ends up in the same [`MetadataImage`](crate::metadata::MetadataImage) that a KRaft
//! broker has from the metadata log: replicas, fetchers and coordinators know no difference. What the
//! controller is asked goes to the broker that is it, through the same peer; what a broker has to say to the
//! controller that it hosts itself, or that to it, takes no network (in Kafka it does).
//!
//! Source: Kafka documentation 3.9, *ZooKeeper*; `KafkaServer`, `ControllerChannelManager`, `ReplicaManager`
//! of that time, by what they do.

mod controller;
mod told;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::{CloseReason, ConnId, Map, Rope, Set, ms};
use crate::broker::controller_session::Purpose;
use crate::broker::{BROKER_PORT, Broker, BrokerTimer, Ctx};
use crate::metadata::{Endpoint, INTERNAL_LISTENER};
use crate::peer::Peer;
use crate::protocol::messages::leader_and_isr::LeaderAndIsrRequest;
use crate::zookeeper::BrokerNode;
use crate::zookeeper::{
    Ask, Change, Fault, FromSession, KafkaController, Op, Outgoing, Reply, Session, ZooKeeperConfig,
    broker_path, parse_topic_config, persistent_paths,
};

/// Before a broker whose old session still has its id tries to register again.
const REGISTER_AGAIN_MS: u64 = 1_000;

/// What ZooKeeper was asked for.
#[derive(Clone, Debug, PartialEq)]
enum For {
    /// A znode that has to be there.
    Path,
    /// The broker's own znode.
    Register,
    /// Which transaction made it.
    Epoch,
    /// A topic's configs.
    Configs(Arc<str>),
    /// Something of the controller's.
    Controller(Ask),
}

/// The controller's way to a broker: one request at a time, the others wait.
#[derive(Clone, Debug, PartialEq)]
struct Channel {
    peer: Peer<()>,
    queue: VecDeque<Outgoing>,
}

/// All that a broker has only in a cluster on ZooKeeper.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OnZooKeeper {
    config: Arc<ZooKeeperConfig>,
    session: Session<For>,
    controller: KafkaController,
    channels: Map<i32, Channel>,
    active: Option<i32>,
    /// Of the last controller that told anything.
    controller_epoch: i32,
    /// Topics whose configs are known, and those whose are being read.
    configured: Set<Arc<str>>,
    reading: Set<Arc<str>>,
    /// What was told and waits for configs, with the request to be answered.
    held: VecDeque<(Option<u64>, LeaderAndIsrRequest)>,
    /// Questions of this broker to the controller that it hosts, by their tokens.
    own: Map<u64, (Purpose, i16)>,
}

/// Tokens of such questions are counted from here on, and those of connections never get so far.
const OWN_TOKENS: u64 = 1 << 62;

impl Broker {
    /// This broker in a cluster on ZooKeeper.
    #[inline(never)]
    pub fn on_zookeeper(mut self, config: Option<Arc<ZooKeeperConfig>>) -> Broker {
        self.zookeeper = config.map(|config| {
            let unclean = self.config.log.unclean_leader_election_enable;
            let defaults = (self.config.num_partitions, self.config.default_replication_factor);
            Box::new(OnZooKeeper {
                session: Session::new(&config),
                controller: KafkaController::new(self.id, unclean, defaults),
                channels: Map::new(),
                active: None,
                controller_epoch: 0,
                configured: Set::new(),
                reading: Set::new(),
                held: VecDeque::new(),
                own: Map::new(),
                config,
            })
        });
        if self.zookeeper.is_some() {
            self.controller.is_a_broker();
        }
        self
    }

    #[inline(never)]
    pub(super) fn zookeeper_config(&self) -> Option<Arc<ZooKeeperConfig>> {
        self.zookeeper.as_ref().map(|zookeeper| Arc::clone(&zookeeper.config))
    }

    /// The controller that it hosts, in a cluster on ZooKeeper.
    #[inline(never)]
    pub fn hosted_controller(&self) -> Option<&KafkaController> {
        self.zookeeper.as_ref().map(|zookeeper| &zookeeper.controller)
    }

    /// Its session with ZooKeeper: the id, 0 before there is one; and whether it is connected.
    #[inline(never)]
    pub fn zookeeper_session(&self) -> Option<(i64, bool)> {
        self.zookeeper.as_ref().map(|it| (it.session.id(), it.session.is_connected()))
    }

    /// The broker that is the controller, as far as this one has heard; `None` where there is no ZooKeeper.
    #[inline(never)]
    pub(super) fn controller_broker(&self) -> Option<i32> {
        self.zookeeper.as_ref().map(|zookeeper| zookeeper.active.unwrap_or(-1))
    }

    /// Whether a connection is of the session, or the controller's to a broker.
    #[inline(never)]
    pub(super) fn is_of_zookeeper(&self, conn: ConnId) -> bool {
        self.zookeeper.as_ref().is_some_and(|it| it.session.owns(conn) || it.channel_of(conn).is_some())
    }

    #[inline(never)]
    pub(super) fn start_on_zookeeper(&mut self, ctx: &mut Ctx) {
        self.wake_zookeeper(ctx);
    }

    #[inline(never)]
    pub(super) fn hear_zookeeper(&mut self, ctx: &mut Ctx, conn: ConnId, bytes: &Rope) {
        let Some(zookeeper) = &mut self.zookeeper else { return };
        if !zookeeper.session.owns(conn) {
            return self.hear_broker(ctx, conn, bytes);
        }
        match zookeeper.session.receive(ctx, &bytes.whole()) {
            FromSession::Opened => self.register_znode(ctx),
            FromSession::Answer(purpose, result) => self.zookeeper_answered(ctx, purpose, result),
            FromSession::Event(change, path) => self.watch_fired(ctx, change, &path),
            FromSession::Expired => {
                zookeeper.controller.session_expired();
                zookeeper.configured.clear();
                zookeeper.reading.clear();
                let held = std::mem::take(&mut zookeeper.held);
                for (token, _) in held {
                    token.into_iter().for_each(|token| self.reply_nothing(token));
                }
            }
            FromSession::Nothing => {}
        }
        self.run_controller(ctx);
        self.wake_zookeeper(ctx);
    }

    #[inline(never)]
    pub(super) fn zookeeper_closed(&mut self, ctx: &mut Ctx, conn: ConnId, reason: CloseReason) {
        let Some(zookeeper) = &mut self.zookeeper else { return };
        if zookeeper.session.owns(conn) {
            zookeeper.session.closed(ctx);
            return self.wake_zookeeper(ctx);
        }
        self.broker_closed(ctx, conn, reason);
    }

    /// Has the session do what is due, and sets the timer for what is due next.
    #[inline(never)]
    pub(super) fn wake_zookeeper(&mut self, ctx: &mut Ctx) {
        let Some(zookeeper) = &mut self.zookeeper else { return };
        zookeeper.session.wake(ctx);
        ctx.set_timer(BrokerTimer::ZooKeeper, zookeeper.session.wakes_at());
    }

    /// Ends the session: its znodes go at once, and not when it would expire.
    #[inline(never)]
    pub(super) fn leave_zookeeper(&mut self, ctx: &mut Ctx) {
        if let Some(zookeeper) = &mut self.zookeeper {
            zookeeper.session.close(ctx);
        }
    }

    // ---- registration ----

    #[inline(never)]
    pub(super) fn register_znode(&mut self, ctx: &mut Ctx) {
        let internal = Endpoint {
            listener: INTERNAL_LISTENER.into(),
            host: format!("broker-{}", self.id),
            port: BROKER_PORT,
        };
        let endpoints: Vec<Endpoint> = std::iter::once(internal).chain(self.external.clone()).collect();
        let node = BrokerNode::new(&endpoints, self.rack.as_deref(), ctx.unix_ms());
        let path = broker_path(self.id);
        let Some(zookeeper) = &mut self.zookeeper else { return };
        for path in persistent_paths() {
            let op = Op::Create { path: path.into(), data: Bytes::new(), ephemeral: false };
            zookeeper.session.ask(ctx, For::Path, op);
        }
        let op = Op::Create { path, data: node.bytes(), ephemeral: true };
        zookeeper.session.ask(ctx, For::Register, op);
    }

    fn zookeeper_answered(&mut self, ctx: &mut Ctx, purpose: For, result: Result<Reply, Fault>) {
        let path = broker_path(self.id);
        let Some(zookeeper) = &mut self.zookeeper else { return };
        match (purpose, result) {
            (For::Path, _) => {}
            (For::Register, _) => {
                zookeeper.session.ask(ctx, For::Epoch, Op::Exists { path, watch: false });
            }
            (For::Epoch, Ok(Reply::Stat(stat))) if stat.ephemeral_owner == zookeeper.session.id() => {
                zookeeper.controller.at(ctx.unix_ms()).registered();
                self.controller.registered_as(stat.czxid);
            }
            // The session of the process before this one has not expired yet.
            (For::Epoch, _) => {
                ctx.set_timer(BrokerTimer::Registration, ctx.now() + ms(REGISTER_AGAIN_MS));
            }
            (For::Configs(topic), result) => {
                let configs = match result {
                    Ok(Reply::Data(data, _)) => parse_topic_config(&data),
                    _ => Default::default(),
                };
                zookeeper.reading.remove(&topic);
                zookeeper.configured.insert(Arc::clone(&topic));
                self.configs_read(ctx, &topic, configs);
            }
            (For::Controller(ask), result) => {
                zookeeper.controller.at(ctx.unix_ms()).answered(ask, result);
            }
        }
    }

    fn watch_fired(&mut self, ctx: &mut Ctx, change: Change, path: &str) {
        if let Some(zookeeper) = &mut self.zookeeper {
            zookeeper.controller.at(ctx.unix_ms()).watch_fired(change, path);
        }
    }
}

impl OnZooKeeper {
    fn channel_of(&self, conn: ConnId) -> Option<i32> {
        self.channels.iter().find(|(_, channel)| channel.peer.owns(conn)).map(|(id, _)| *id)
    }

    fn hosts_the_controller(&self) -> bool {
        self.controller.is_controller()
    }
}
