//! The network client inside every producer and consumer: connections by node id, the
//! ApiVersions handshake, requests in flight, time-outs, reconnecting, and the cluster's
//! metadata.
//!
//! Sans-IO, like Kafka's `NetworkClient`, whose rules these are: the owner hands in what
//! happens ([`NetworkClient::on_frame`], [`NetworkClient::on_closed`],
//! [`NetworkClient::on_timer`]), then takes [`NetworkEvent`]s out until there are none, then
//! does whatever it can do now. A node is asked for with [`NetworkClient::ready`], which opens
//! the connection when that is allowed; [`NetworkEvent::Ready`] tells when it pays to ask
//! again. Must not know what the requests mean, except ApiVersions and Metadata.

mod connection;
mod metadata;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use self::connection::{InFlight, Node, Purpose, State};
use self::metadata::MetadataUpdates;
use super::backoff::Backoff;
use super::metadata_cache::MetadataCache;
use crate::base::{CloseReason, ConnId, FrameInfo, FrameKind, Map, SimTime, ms};
use crate::protocol::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use crate::protocol::{self, ErrorCode, Message, WireError};
use crate::trace::{Ctx, Event};

/// Settings of a network client; defaults are those of Kafka 4.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkConfig {
    /// `client.id`, sent in every request header.
    pub client_id: Arc<str>,
    /// `request.timeout.ms`.
    pub request_timeout_ms: u64,
    /// `socket.connection.setup.timeout.ms`; covers the ApiVersions handshake, too.
    pub connection_setup_timeout_ms: u64,
    /// `max.in.flight.requests.per.connection`.
    pub max_in_flight: u32,
    /// `reconnect.backoff.ms` and `reconnect.backoff.max.ms`.
    pub reconnect_backoff: Backoff,
    /// `retry.backoff.ms` and `retry.backoff.max.ms`, between metadata requests.
    pub retry_backoff: Backoff,
    /// `connections.max.idle.ms`; `None`: connections may idle for ever.
    pub connections_max_idle_ms: Option<u64>,
    /// `metadata.max.age.ms`.
    pub metadata_max_age_ms: u64,
    /// Whether asking for a topic's metadata may create it (`allow.auto.create.topics`).
    pub allow_auto_topic_creation: bool,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        NetworkConfig {
            client_id: Arc::from(""),
            request_timeout_ms: 30_000,
            connection_setup_timeout_ms: 10_000,
            max_in_flight: 5,
            reconnect_backoff: Backoff { base_ms: 50, max_ms: 1_000 },
            retry_backoff: Backoff { base_ms: 100, max_ms: 1_000 },
            connections_max_idle_ms: Some(540_000),
            metadata_max_age_ms: 300_000,
            allow_auto_topic_creation: true,
        }
    }
}

/// The network client's timers. The owner's own timer key has a variant for them and
/// implements `From<NetworkTimer>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NetworkTimer {
    /// The oldest request to this node has waited for too long.
    RequestTimeout {
        /// Node id.
        node: i32,
    },
    /// This node may be connected to again.
    Reconnect {
        /// Node id.
        node: i32,
    },
    /// The connection to this node may have idled for too long.
    Idle {
        /// Node id.
        node: i32,
    },
    /// This node may be asked again: its throttle time is over.
    Throttle {
        /// Node id.
        node: i32,
    },
    /// Metadata are due.
    Metadata,
}

impl NetworkTimer {
    /// Its name in the trace.
    pub fn name(self) -> &'static str {
        match self {
            NetworkTimer::RequestTimeout { .. } => "request_timeout",
            NetworkTimer::Reconnect { .. } => "reconnect_backoff",
            NetworkTimer::Idle { .. } => "connection_idle",
            NetworkTimer::Throttle { .. } => "throttle_time",
            NetworkTimer::Metadata => "metadata",
        }
    }
}

/// What the network client tells its owner.
#[derive(Clone, Debug, PartialEq)]
pub enum NetworkEvent {
    /// The handshake with this node is over: requests can be sent.
    Ready {
        /// Node id.
        node: i32,
    },
    /// The connection to this node is gone or never came about. The responses to what was in
    /// flight came before this event, each as an error.
    Disconnected {
        /// Node id.
        node: i32,
    },
    /// A request has come to its end.
    Response(Response),
    /// The metadata are new: see [`NetworkClient::metadata`].
    MetadataUpdated,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// What the owner called the request.
    pub token: u64,
    /// Whom it was sent to.
    pub node: i32,
    /// The API's number.
    pub api_key: i16,
    /// The version that the request was sent in.
    pub version: i16,
    /// The response frame with its header, or why there is none.
    pub result: Result<Bytes, RequestError>,
}

impl Response {
    /// The response, decoded. An `Err(None)` means that none came; on `Err(Some(_))` the
    /// owner should call [`NetworkClient::drop_connection`].
    pub fn decode<M: Message>(&self) -> Result<M, Option<WireError>> {
        let bytes = self.result.as_ref().map_err(|_| None)?;
        let (_, message) = protocol::decode_response::<M>(bytes, self.version).map_err(Some)?;
        Ok(message)
    }
}

/// Why a request has no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// The connection ended first.
    Disconnected,
    /// `request.timeout.ms` passed; the connection has been closed.
    TimedOut,
}

impl RequestError {
    /// The error code that Kafka's clients report for it.
    pub fn code(self) -> ErrorCode {
        match self {
            RequestError::Disconnected => ErrorCode::NetworkException,
            RequestError::TimedOut => ErrorCode::RequestTimedOut,
        }
    }
}

/// Why a request could not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// Not connected, or too many requests in flight: ask [`NetworkClient::ready`] first.
    NotReady,
    /// The node and this client have no version of the API in common.
    UnsupportedVersion,
    /// The version cannot say what the request says.
    Encode(WireError),
}

/// How to send a request, where the ordinary way does not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendOptions {
    /// Wait so long for the response instead of `request.timeout.ms`.
    pub timeout_ms: Option<u64>,
    /// Use no newer version of the API than this.
    pub max_version: Option<i16>,
    /// No response will come (a produce request with `acks=0`): nothing is in flight.
    pub one_way: bool,
}

/// Connections, requests in flight and metadata of one client.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkClient {
    config: NetworkConfig,
    bootstrap: Vec<(Arc<str>, u16)>,
    nodes: Map<i32, Node>,
    by_conn: Map<ConnId, i32>,
    next_correlation_id: i32,
    metadata: MetadataCache,
    updates: MetadataUpdates,
    events: VecDeque<NetworkEvent>,
}

impl NetworkClient {
    /// A client that knows only its bootstrap servers. They are nodes −1, −2, … until
    /// metadata name the real ones.
    pub fn new(config: NetworkConfig, bootstrap: Vec<(String, u16)>) -> Self {
        let bootstrap = bootstrap.into_iter().map(|(host, port)| (Arc::from(host), port)).collect();
        NetworkClient {
            config,
            bootstrap,
            nodes: Map::new(),
            by_conn: Map::new(),
            next_correlation_id: 0,
            metadata: MetadataCache::default(),
            updates: MetadataUpdates::default(),
            events: VecDeque::new(),
        }
    }

    /// The process starts: nothing is connected and metadata are asked for.
    pub fn start<T: From<NetworkTimer>>(&mut self, ctx: &mut Ctx<'_, T>) {
        self.nodes.clear();
        self.by_conn.clear();
        self.events.clear();
        self.metadata = MetadataCache::default();
        self.updates.restart();
        self.maybe_update_metadata(ctx);
    }

    /// A frame arrived.
    pub fn on_frame<T: From<NetworkTimer>>(&mut self, ctx: &mut Ctx<'_, T>, conn: ConnId, bytes: Bytes) {
        let Some(&id) = self.by_conn.get(&conn) else { return };
        let Some(request) = self.take_in_flight(ctx, id, &bytes) else {
            return self.drop_connection(ctx, id, "a frame that answers nothing");
        };
        match request.purpose {
            Purpose::ApiVersions => self.on_api_versions(ctx, id, &request, &bytes),
            Purpose::Metadata => self.on_metadata(ctx, id, &request, &bytes),
            Purpose::Owner(token) => self.events.push_back(NetworkEvent::Response(Response {
                token,
                node: id,
                api_key: request.api_key,
                version: request.version,
                result: Ok(bytes),
            })),
        }
        self.maybe_update_metadata(ctx);
    }

    /// A connection ended.
    pub fn on_closed<T: From<NetworkTimer>>(
        &mut self,
        ctx: &mut Ctx<'_, T>,
        conn: ConnId,
        _reason: CloseReason,
    ) {
        let Some(&id) = self.by_conn.get(&conn) else { return };
        self.disconnected(ctx, id, RequestError::Disconnected);
        // What the client knew led it to a node that is not there.
        self.request_update();
        self.maybe_update_metadata(ctx);
    }

    /// One of its timers ran out.
    pub fn on_timer<T: From<NetworkTimer>>(&mut self, ctx: &mut Ctx<'_, T>, timer: NetworkTimer) {
        match timer {
            NetworkTimer::RequestTimeout { node } => self.on_request_timeout(ctx, node),
            NetworkTimer::Idle { node } => self.on_idle(ctx, node),
            NetworkTimer::Reconnect { .. } => {}
            NetworkTimer::Throttle { node } => self.end_throttle(node),
            NetworkTimer::Metadata => self.updates.timer_at = None,
        }
        self.maybe_update_metadata(ctx);
    }

    /// The next thing that the owner should know, oldest first.
    pub fn next_event(&mut self) -> Option<NetworkEvent> {
        self.events.pop_front()
    }

    /// The settings.
    pub fn config(&self) -> &NetworkConfig {
        &self.config
    }

    /// Whether a request to the node can be sent now. If it is not connected and that is
    /// allowed (`reconnect.backoff.ms`), connects.
    pub fn ready<T: From<NetworkTimer>>(&mut self, ctx: &mut Ctx<'_, T>, node: i32) -> bool {
        if self.may_connect(node, ctx.now()) {
            self.connect(ctx, node);
        }
        self.is_ready(node)
    }

    /// Whether a request to the node can be sent now.
    pub fn is_ready(&self, node: i32) -> bool {
        self.nodes.get(&node).is_some_and(|it| it.is_ready(self.config.max_in_flight))
    }

    /// Whether the node is out of reach for now: its connection failed and
    /// `reconnect.backoff.ms` has not passed.
    pub fn is_backing_off(&self, node: i32, now: SimTime) -> bool {
        self.nodes.get(&node).is_some_and(|it| it.state == State::Closed && now < it.not_before)
    }

    /// Number of the node's requests that wait for their response.
    pub fn in_flight(&self, node: i32) -> u32 {
        self.nodes.get(&node).map_or(0, |it| it.in_flight.len() as u32)
    }

    /// The version that a request to the node would be sent in; `None` while it is not
    /// connected or has no version of the API in common.
    pub fn version_for<M: Message>(&self, node: i32) -> Option<i16> {
        self.nodes.get(&node)?.version(M::KEY, M::VERSIONS, i16::MAX)
    }

    /// Sends a request in the newest version that both sides know; its response bears
    /// `token`. Nothing has happened when it fails.
    pub fn send<T: From<NetworkTimer>, M: Message>(
        &mut self,
        ctx: &mut Ctx<'_, T>,
        node: i32,
        token: u64,
        request: &M,
    ) -> Result<(), SendError> {
        self.send_with(ctx, node, token, request, SendOptions::default())
    }

    /// Like [`NetworkClient::send`], with options.
    pub fn send_with<T: From<NetworkTimer>, M: Message>(
        &mut self,
        ctx: &mut Ctx<'_, T>,
        node: i32,
        token: u64,
        request: &M,
        options: SendOptions,
    ) -> Result<(), SendError> {
        if !self.is_ready(node) {
            return Err(SendError::NotReady);
        }
        let max_version = options.max_version.unwrap_or(i16::MAX);
        let version = self.nodes.get(&node).and_then(|it| it.version(M::KEY, M::VERSIONS, max_version));
        let version = version.ok_or(SendError::UnsupportedVersion)?;
        let timeout_ms = options.timeout_ms.unwrap_or(self.config.request_timeout_ms);
        let purpose = (!options.one_way).then_some(Purpose::Owner(token));
        self.transmit(ctx, node, version, request, purpose, timeout_ms).map_err(SendError::Encode)
    }

    /// A broker has answered that it will not listen for so long: until then nothing is sent to it
    /// (KIP-219). Kafka's clients do so from the version on in which brokers answer first.
    #[inline(never)]
    pub fn throttle<T: From<NetworkTimer>>(&mut self, ctx: &mut Ctx<'_, T>, id: i32, throttle_time_ms: i32) {
        let wait_ms = u64::try_from(throttle_time_ms).unwrap_or(0);
        if let Some(node) = self.nodes.get_mut(&id).filter(|_| wait_ms > 0) {
            node.is_throttled = true;
            ctx.set_timer(NetworkTimer::Throttle { node: id }.into(), ctx.now() + ms(wait_ms));
        }
    }

    fn end_throttle(&mut self, node: i32) {
        if let Some(node) = self.nodes.get_mut(&node) {
            node.is_throttled = false;
        }
    }

    /// Closes the connection to a node that broke the protocol, and says so.
    pub fn drop_connection<T: From<NetworkTimer>>(&mut self, ctx: &mut Ctx<'_, T>, node: i32, why: &str) {
        let detail = format!("connection to node {node} dropped: {why}").into();
        ctx.trace(Event::ClientError { error: ErrorCode::CorruptMessage, detail });
        self.close(ctx, node, RequestError::Disconnected);
        self.maybe_update_metadata(ctx);
    }

    /// The node that a request for any broker should go to: a ready one with the fewest
    /// requests in flight, else one that is connecting, else one that may be connected to,
    /// else a bootstrap server (KIP-899, KIP-1102: `metadata.recovery.strategy=rebootstrap`).
    /// `None`: all of them are backing off.
    pub fn least_loaded_node<T>(&self, ctx: &mut Ctx<'_, T>) -> Option<i32> {
        let now = ctx.now();
        let known: Vec<i32> = self.metadata.brokers().keys().copied().collect();
        let bootstrap: Vec<i32> = (0..self.bootstrap.len() as i32).map(|index| -1 - index).collect();
        [known, bootstrap].iter().find_map(|nodes| {
            let first = ctx.rng().below(nodes.len() as u64) as usize;
            let ranked = nodes.iter().cycle().skip(first).take(nodes.len());
            let ranked = ranked.filter_map(|&node| Some((self.load(node, now)?, node)));
            ranked.min_by_key(|&(load, _)| load).map(|(_, node)| node)
        })
    }

    fn load(&self, node: i32, now: SimTime) -> Option<(u8, usize)> {
        let Some(it) = self.nodes.get(&node) else { return Some((2, 0)) };
        match it.state {
            State::Ready { .. } if it.is_ready(self.config.max_in_flight) => Some((0, it.in_flight.len())),
            State::Ready { .. } | State::Handshake { .. } => Some((1, it.in_flight.len())),
            State::Closed => (now >= it.not_before).then_some((2, 0)),
        }
    }

    fn address(&self, node: i32) -> Option<(Arc<str>, u16)> {
        if node < 0 {
            return self.bootstrap.get(usize::try_from(-1 - i64::from(node)).ok()?).cloned();
        }
        self.metadata.brokers().get(&node).map(|broker| (broker.host.clone(), broker.port))
    }

    fn may_connect(&self, node: i32, now: SimTime) -> bool {
        let closed = |it: &Node| it.state == State::Closed && now >= it.not_before;
        self.nodes.get(&node).is_none_or(closed) && self.address(node).is_some()
    }

    fn connect<T: From<NetworkTimer>>(&mut self, ctx: &mut Ctx<'_, T>, id: i32) {
        let Some((host, port)) = self.address(id) else { return };
        let conn = ctx.connect(&host, port);
        self.by_conn.insert(conn, id);
        let node = self.nodes.entry(id).or_default();
        node.state = State::Handshake { conn };
        node.last_used = ctx.now();
        if let Some(idle_ms) = self.config.connections_max_idle_ms {
            ctx.set_timer(NetworkTimer::Idle { node: id }.into(), ctx.now() + ms(idle_ms));
        }
        self.shake_hands(ctx, id, *ApiVersionsRequest::VERSIONS.end());
    }

    fn shake_hands<T: From<NetworkTimer>>(&mut self, ctx: &mut Ctx<'_, T>, id: i32, version: i16) {
        let mut request = ApiVersionsRequest::default();
        if version >= 3 {
            request.client_software_name = "terrarium".to_owned();
            request.client_software_version = env!("CARGO_PKG_VERSION").to_owned();
        }
        let timeout_ms = self.config.connection_setup_timeout_ms.min(self.config.request_timeout_ms);
        let sent = self.transmit(ctx, id, version, &request, Some(Purpose::ApiVersions), timeout_ms);
        if let Err(error) = sent {
            self.drop_connection(ctx, id, &error.to_string());
        }
    }

    fn on_api_versions<T: From<NetworkTimer>>(
        &mut self,
        ctx: &mut Ctx<'_, T>,
        id: i32,
        request: &InFlight,
        bytes: &Bytes,
    ) {
        // Whatever the version, the error code follows the correlation id. A broker that does
        // not know the version answers in version 0.
        let unsupported = bytes.get(4..6) == Some(&ErrorCode::UnsupportedVersion.code().to_be_bytes()[..]);
        let version = if unsupported { 0 } else { request.version };
        let response = match protocol::decode_response::<ApiVersionsResponse>(bytes, version) {
            Ok((_, response)) => response,
            Err(error) => return self.drop_connection(ctx, id, &error.to_string()),
        };
        let ranges = response.api_keys.iter().map(|api| (api.api_key, (api.min_version, api.max_version)));
        let versions: Map<i16, (i16, i16)> = ranges.collect();
        if unsupported && request.version > 0 {
            let newest = versions.get(&ApiVersionsRequest::KEY).map_or(0, |&(_, newest)| newest);
            return self.shake_hands(ctx, id, newest.clamp(0, request.version - 1));
        }
        if response.error_code != ErrorCode::None {
            return self.drop_connection(ctx, id, &format!("ApiVersions gave {}", response.error_code));
        }
        if let Some(node) = self.nodes.get_mut(&id) {
            node.become_ready(versions);
            self.events.push_back(NetworkEvent::Ready { node: id });
        }
    }

    fn transmit<T: From<NetworkTimer>, M: Message>(
        &mut self,
        ctx: &mut Ctx<'_, T>,
        id: i32,
        version: i16,
        request: &M,
        purpose: Option<Purpose>,
        timeout_ms: u64,
    ) -> Result<(), WireError> {
        let Some(node) = self.nodes.get_mut(&id) else { return Ok(()) };
        let Some(conn) = node.conn() else { return Ok(()) };
        let correlation_id = self.next_correlation_id;
        let bytes = protocol::encode_request::<M>(version, correlation_id, &self.config.client_id, request)?;
        self.next_correlation_id = correlation_id.checked_add(1).unwrap_or(0);
        let info =
            FrameInfo { kind: FrameKind::Request, api_key: M::KEY, api_version: version, correlation_id };
        ctx.send(conn, info, bytes);
        node.last_used = ctx.now();
        let Some(purpose) = purpose else { return Ok(()) };
        let deadline = ctx.now() + ms(timeout_ms);
        node.in_flight.push_back(InFlight { correlation_id, api_key: M::KEY, version, purpose, deadline });
        if node.timer_at.is_none_or(|at| deadline < at) {
            node.timer_at = Some(deadline);
            ctx.set_timer(NetworkTimer::RequestTimeout { node: id }.into(), deadline);
        }
        Ok(())
    }

    /// The request that a frame answers: the oldest one in flight, or none.
    fn take_in_flight<T: From<NetworkTimer>>(
        &mut self,
        ctx: &mut Ctx<'_, T>,
        id: i32,
        bytes: &Bytes,
    ) -> Option<InFlight> {
        let node = self.nodes.get_mut(&id)?;
        let correlation_id = i32::from_be_bytes(bytes.get(..4)?.try_into().ok()?);
        if node.in_flight.front()?.correlation_id != correlation_id {
            return None;
        }
        let request = node.in_flight.pop_front();
        node.last_used = ctx.now();
        if node.in_flight.is_empty() && node.timer_at.take().is_some() {
            ctx.cancel_timer(NetworkTimer::RequestTimeout { node: id }.into());
        }
        request
    }

    fn on_request_timeout<T: From<NetworkTimer>>(&mut self, ctx: &mut Ctx<'_, T>, id: i32) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        node.timer_at = None;
        let Some(oldest) = node.in_flight.iter().map(|request| request.deadline).min() else { return };
        if oldest > ctx.now() {
            node.timer_at = Some(oldest);
            return ctx.set_timer(NetworkTimer::RequestTimeout { node: id }.into(), oldest);
        }
        self.close(ctx, id, RequestError::TimedOut);
        self.request_update();
    }

    fn on_idle<T: From<NetworkTimer>>(&mut self, ctx: &mut Ctx<'_, T>, id: i32) {
        let Some(idle_ms) = self.config.connections_max_idle_ms else { return };
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let Some(conn) = node.conn() else { return };
        let until = node.last_used + ms(idle_ms);
        if until > ctx.now() || !node.in_flight.is_empty() {
            let until = until.max(ctx.now() + ms(1));
            return ctx.set_timer(NetworkTimer::Idle { node: id }.into(), until);
        }
        ctx.close(conn);
        self.by_conn.remove(&conn);
        self.nodes.remove(&id);
        self.events.push_back(NetworkEvent::Disconnected { node: id });
    }

    fn close<T: From<NetworkTimer>>(&mut self, ctx: &mut Ctx<'_, T>, id: i32, error: RequestError) {
        if let Some(conn) = self.nodes.get(&id).and_then(Node::conn) {
            ctx.close(conn);
            self.disconnected(ctx, id, error);
        }
    }

    /// The connection is gone: fails what was in flight and backs off.
    fn disconnected<T: From<NetworkTimer>>(&mut self, ctx: &mut Ctx<'_, T>, id: i32, error: RequestError) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        if let Some(conn) = node.conn() {
            self.by_conn.remove(&conn);
        }
        node.state = State::Closed;
        node.is_throttled = false;
        node.failures = node.failures.saturating_add(1);
        node.not_before = ctx.now() + self.config.reconnect_backoff.after(node.failures, ctx.rng());
        let not_before = node.not_before;
        let failed = std::mem::take(&mut node.in_flight);
        if node.timer_at.take().is_some() {
            ctx.cancel_timer(NetworkTimer::RequestTimeout { node: id }.into());
        }
        if self.config.connections_max_idle_ms.is_some() {
            ctx.cancel_timer(NetworkTimer::Idle { node: id }.into());
        }
        ctx.set_timer(NetworkTimer::Reconnect { node: id }.into(), not_before);
        for request in failed {
            match request.purpose {
                Purpose::ApiVersions => {}
                Purpose::Metadata => self.metadata_failed(ctx),
                Purpose::Owner(token) => self.events.push_back(NetworkEvent::Response(Response {
                    token,
                    node: id,
                    api_key: request.api_key,
                    version: request.version,
                    result: Err(error),
                })),
            }
        }
        self.events.push_back(NetworkEvent::Disconnected { node: id });
    }
}

#[cfg(test)]
mod network_test;
