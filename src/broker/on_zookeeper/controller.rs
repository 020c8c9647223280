//! The hosted controller's way into the world: ZooKeeper is asked, brokers are told, requests are answered.

use std::collections::VecDeque;

use bytes::Bytes;

use super::{Channel, For, OWN_TOKENS};
use crate::base::{CloseReason, ConnId, Rope};
use crate::broker::controller_session::Purpose;
use crate::broker::{Broker, BrokerTimer, Ctx};
use crate::peer::{BROKER_CLIENT, FromPeer, Peer};
use crate::protocol::messages::controlled_shutdown::ControlledShutdownRequest;
use crate::protocol::messages::create_topics::CreateTopicsRequest;
use crate::protocol::{ApiKey, ErrorCode, Message, Uuid, WireError, encode_refusal, encode_response};
use crate::zookeeper::{Answer, Do, Outgoing};

/// How long a broker may take for what the controller tells it (`controller.socket.timeout.ms`).
const TIMEOUT_MS: u32 = 30_000;

impl Broker {
    /// Does what the controller wants done.
    #[inline(never)]
    pub(in crate::broker) fn run_controller(&mut self, ctx: &mut Ctx) {
        let before = ctx.cause();
        while let Some(zookeeper) = &mut self.zookeeper {
            let wanted = zookeeper.controller.take();
            if wanted.is_empty() {
                break;
            }
            for what in wanted {
                self.do_for_controller(ctx, what);
            }
        }
        ctx.because(before);
    }

    fn do_for_controller(&mut self, ctx: &mut Ctx, what: Do) {
        let Some(zookeeper) = &mut self.zookeeper else { return };
        match what {
            Do::Ask(ask, op) => zookeeper.session.ask(ctx, For::Controller(ask), op),
            Do::Tell(event) => {
                let entry = ctx.trace(event);
                ctx.because(entry);
            }
            Do::Send(broker, what) if broker == self.id => self.told_by_itself(ctx, what),
            Do::Send(broker, what) => {
                let Some(to) = zookeeper.controller.broker(broker).map(|it| it.internal().clone()) else {
                    return;
                };
                let channel = zookeeper.channels.entry(broker).or_insert_with(|| Channel {
                    peer: Peer::new(to.host, to.port).named("terrarium-controller"),
                    queue: VecDeque::new(),
                });
                channel.queue.push_back(what);
                self.run_channel(ctx, broker);
            }
            Do::Forget(Some(broker)) => {
                if let Some(mut channel) = zookeeper.channels.remove(&broker) {
                    channel.peer.give_up(ctx);
                }
            }
            Do::Forget(None) => {
                for (_, mut channel) in std::mem::take(&mut zookeeper.channels) {
                    channel.peer.give_up(ctx);
                }
            }
            Do::Answer(token, answer) => self.answer_for_controller(ctx, token, &answer),
            Do::Learn(active) => self.learn_controller(ctx, active),
        }
    }

    /// Another broker is the controller, or none: questions go there from now on.
    fn learn_controller(&mut self, ctx: &mut Ctx, active: Option<i32>) {
        let Some(zookeeper) = &mut self.zookeeper else { return };
        zookeeper.active = active;
        let other = active.filter(|id| *id != self.id);
        self.redirect_to_controller(ctx, other);
        if active == Some(self.id) {
            self.propose_isrs_again(ctx);
            self.send_forwards(ctx);
        }
    }

    // ---- to brokers ----

    /// Sends the next request, if the one before it is answered.
    #[inline(never)]
    pub(in crate::broker) fn run_channel(&mut self, ctx: &mut Ctx, broker: i32) {
        let Some(channel) = self.zookeeper.as_mut().and_then(|it| it.channels.get_mut(&broker)) else {
            return;
        };
        channel.peer.connect(ctx);
        if channel.peer.is_ready() && !channel.peer.is_busy() && !channel.queue.is_empty() {
            let asked = match &channel.queue[0] {
                Outgoing::LeaderAndIsr(request) => channel.peer.ask(ctx, (), request),
                Outgoing::UpdateMetadata(request) => channel.peer.ask(ctx, (), request),
                Outgoing::StopReplica(request) => channel.peer.ask(ctx, (), request),
            };
            if asked.is_err() {
                channel.queue.pop_front();
            }
        }
        if !channel.peer.is_connected() {
            ctx.set_timer(BrokerTimer::Channel(broker), channel.peer.retry_at());
        }
    }

    #[inline(never)]
    pub(super) fn hear_broker(&mut self, ctx: &mut Ctx, conn: ConnId, bytes: &Rope) {
        let Some(zookeeper) = &mut self.zookeeper else { return };
        let Some(broker) = zookeeper.channel_of(conn) else { return };
        let Some(channel) = zookeeper.channels.get_mut(&broker) else { return };
        if let FromPeer::Answer { .. } = channel.peer.receive(ctx, bytes.clone()) {
            channel.queue.pop_front();
        }
        self.run_channel(ctx, broker);
    }

    #[inline(never)]
    pub(super) fn broker_closed(&mut self, ctx: &mut Ctx, conn: ConnId, reason: CloseReason) {
        let Some(zookeeper) = &mut self.zookeeper else { return };
        let Some(broker) = zookeeper.channel_of(conn) else { return };
        if let Some(channel) = zookeeper.channels.get_mut(&broker) {
            channel.peer.closed(ctx.now(), reason);
        }
        self.run_channel(ctx, broker);
    }

    #[inline(never)]
    pub(in crate::broker) fn time_out_channels(&mut self, ctx: &mut Ctx) {
        let Some(zookeeper) = &mut self.zookeeper else { return };
        let mut late = Vec::new();
        for (broker, channel) in &mut zookeeper.channels {
            if channel.peer.time_out(ctx, TIMEOUT_MS).is_some() {
                late.push(*broker);
            }
        }
        late.into_iter().for_each(|broker| self.run_channel(ctx, broker));
    }

    // ---- for whoever asks ----

    /// A request that only a controller, or only a broker on ZooKeeper, answers. Whether it was one.
    #[inline(never)]
    pub(in crate::broker) fn handle_on_zookeeper(
        &mut self,
        ctx: &mut Ctx,
        token: u64,
        api: ApiKey,
        version: i16,
        body: &Bytes,
    ) -> Result<bool, WireError> {
        let of_broker = self.server.asked(token).is_some_and(|asked| *asked.client_id == *BROKER_CLIENT);
        match api {
            ApiKey::LeaderAndIsr => self.leader_and_isr(ctx, Some(token), Message::decode(body, version)?),
            ApiKey::UpdateMetadata => {
                self.update_metadata(ctx, Some(token), &Message::decode(body, version)?)
            }
            ApiKey::StopReplica => self.stop_replica(ctx, Some(token), &Message::decode(body, version)?),
            ApiKey::AlterPartition | ApiKey::AllocateProducerIds | ApiKey::ControlledShutdown => {
                self.ask_hosted(ctx, token, api, version, body)?;
            }
            ApiKey::CreateTopics if of_broker => self.ask_hosted(ctx, token, api, version, body)?,
            ApiKey::DeleteTopics
            | ApiKey::CreatePartitions
            | ApiKey::ElectLeaders
            | ApiKey::AlterPartitionReassignments
            | ApiKey::ListPartitionReassignments
            | ApiKey::DescribeQuorum
            | ApiKey::AlterConfigs
            | ApiKey::IncrementalAlterConfigs => {
                self.refuse_api(ctx, token, api, version, body, ErrorCode::UnsupportedVersion);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn refuse_api(
        &mut self,
        ctx: &mut Ctx,
        token: u64,
        api: ApiKey,
        version: i16,
        body: &Bytes,
        error: ErrorCode,
    ) {
        match encode_refusal(api, version, body, error) {
            Some(frame) => self.reply_raw(ctx, token, &frame),
            None => self.refuse(ctx, token, "this cannot be done on ZooKeeper here".into()),
        }
    }

    /// Gives a request to the hosted controller, or says that it is not the cluster's.
    fn ask_hosted(
        &mut self,
        ctx: &mut Ctx,
        token: u64,
        api: ApiKey,
        version: i16,
        body: &Bytes,
    ) -> Result<(), WireError> {
        let unix_ms = ctx.unix_ms();
        let Some(zookeeper) = &mut self.zookeeper else { return Ok(()) };
        let controller = zookeeper.controller.at(unix_ms);
        if !controller.takes_requests() {
            self.refuse_api(ctx, token, api, version, body, ErrorCode::NotController);
            return Ok(());
        }
        match api {
            ApiKey::AlterPartition => {
                controller.alter_partition(token, version, Message::decode(body, version)?);
            }
            ApiKey::CreateTopics => {
                let request: CreateTopicsRequest = Message::decode(body, version)?;
                let mut id = |_: &_| Uuid::from_halves(ctx.rng().next_u64(), ctx.rng().next_u64());
                let ids = request.topics.iter().map(&mut id).collect();
                controller.create_topics(token, request, ids);
            }
            ApiKey::ControlledShutdown => {
                let request: ControlledShutdownRequest = Message::decode(body, version)?;
                controller.shut_down(token, request);
            }
            _ => controller.allocate_producer_ids(token),
        }
        self.run_controller(ctx);
        Ok(())
    }

    fn answer_for_controller(&mut self, ctx: &mut Ctx, token: u64, answer: &Answer) {
        let own = self.zookeeper.as_mut().and_then(|zookeeper| zookeeper.own.remove(&token));
        let Some((purpose, version)) = own else {
            return match answer {
                Answer::AlterPartition(response) => self.reply(ctx, token, response),
                Answer::CreateTopics(response) => self.reply(ctx, token, response),
                Answer::ProducerIds(response) => self.reply(ctx, token, response),
                Answer::Shutdown(response) => self.reply(ctx, token, response),
            };
        };
        let frame = match answer {
            Answer::AlterPartition(response) => encode_response(version, 0, response),
            Answer::CreateTopics(response) => encode_response(version, 0, response),
            Answer::ProducerIds(response) => encode_response(version, 0, response),
            Answer::Shutdown(response) => encode_response(version, 0, response),
        };
        if let Ok(frame) = frame {
            self.hear_own_controller(ctx, purpose, version, &frame);
        }
    }

    // ---- this broker's own questions ----

    /// Asks the controller, wherever it is. Gives the purpose back when it cannot be asked now.
    #[inline(never)]
    pub(in crate::broker) fn ask_controller<M: Message>(
        &mut self,
        ctx: &mut Ctx,
        purpose: Purpose,
        request: &M,
    ) -> Result<(), Purpose> {
        if self.zookeeper.as_ref().is_none_or(|zookeeper| !zookeeper.hosts_the_controller()) {
            return self.controller.ask(ctx, purpose, request);
        }
        let version = *M::VERSIONS.end();
        match (ApiKey::try_from(M::KEY), request.encode(version)) {
            (Ok(api), Ok(body)) => self.ask_own_controller(ctx, purpose, api, version, &body),
            _ => Err(purpose),
        }
    }

    /// The same with a request of somebody else's, in the name of that client.
    #[inline(never)]
    pub(in crate::broker) fn ask_controller_raw(
        &mut self,
        ctx: &mut Ctx,
        purpose: Purpose,
        api: ApiKey,
        version: i16,
        body: &Bytes,
        client: &str,
    ) -> Result<(), Purpose> {
        match &self.zookeeper {
            Some(zookeeper) if zookeeper.hosts_the_controller() => {
                self.ask_own_controller(ctx, purpose, api, version, body)
            }
            // By that name the controller knows whom it need not send elsewhere.
            Some(_) => self.controller.ask_raw(ctx, purpose, api, version, body, BROKER_CLIENT),
            None => self.controller.ask_raw(ctx, purpose, api, version, body, client),
        }
    }

    #[inline(never)]
    fn ask_own_controller(
        &mut self,
        ctx: &mut Ctx,
        purpose: Purpose,
        api: ApiKey,
        version: i16,
        body: &Bytes,
    ) -> Result<(), Purpose> {
        let token = OWN_TOKENS + self.next_wait();
        let Some(zookeeper) = self.zookeeper.as_mut().filter(|it| it.controller.takes_requests()) else {
            return Err(purpose);
        };
        zookeeper.own.insert(token, (purpose, version));
        if self.ask_hosted(ctx, token, api, version, body).is_err()
            && let Some((purpose, _)) = self.zookeeper.as_mut().and_then(|it| it.own.remove(&token))
        {
            return Err(purpose);
        }
        Ok(())
    }
}
