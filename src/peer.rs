//! A connection to another node, from the side that asks: one request at a time is enough for
//! a fetcher or a voter; several may be under way to the controller, which answers those first that need no
//! disk (Kafka has a channel of its own for each kind of question). Speaks `ApiVersions` first, then the
//! highest version both know.
//!
//! Must not know what is asked, or by which machine.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use bytes::Bytes;

use crate::base::{CloseReason, ConnId, FrameInfo, FrameKind, Map, Rope, SimTime, ms};
use crate::protocol::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use crate::protocol::wire::{Reader, Wire};
use crate::protocol::{ApiKey, Message, decode_response_rope, encode_raw_request, encode_request, negotiate};
use crate::trace::Ctx;

/// The client id of a broker that asks another, or the controller.
pub const BROKER_CLIENT: &str = "terrarium-broker";
const BACKOFF_MS: u64 = 50;
const BACKOFF_MAX_MS: u64 = 1_000;

/// A request to another node that is not answered yet.
#[derive(Clone, Debug, PartialEq)]
struct Asked<P> {
    correlation_id: i32,
    api_key: i16,
    version: i16,
    since: SimTime,
    purpose: P,
}

/// A node that this one asks things of; `P` says what a request was for.
#[derive(Clone, Debug, PartialEq)]
pub struct Peer<P> {
    client: &'static str,
    host: String,
    port: u16,
    conn: Option<ConnId>,
    connected_at: SimTime,
    versions: Option<Map<i16, RangeInclusive<i16>>>,
    next_correlation_id: i32,
    in_flight: VecDeque<Asked<P>>,
    failures: u32,
    retry_at: SimTime,
}

/// What a frame from the peer turned out to be.
#[derive(Debug)]
pub enum FromPeer<P> {
    /// The handshake is done: requests can be sent.
    Ready,
    /// The answer to a request.
    Answer {
        /// What was asked for.
        purpose: P,
        /// The version to decode it in.
        version: i16,
        /// The frame.
        bytes: Rope,
    },
    /// Nonsense: the connection was closed; these requests will not be answered.
    Broken(Vec<P>),
}

impl<P> Peer<P> {
    /// A node that is not connected to yet.
    pub fn new(host: impl Into<String>, port: u16) -> Peer<P> {
        Peer {
            client: BROKER_CLIENT,
            host: host.into(),
            port,
            conn: None,
            connected_at: SimTime::ZERO,
            versions: None,
            next_correlation_id: 0,
            in_flight: VecDeque::new(),
            failures: 0,
            retry_at: SimTime::ZERO,
        }
    }

    /// The same, asking under another name.
    pub fn named(self, client: &'static str) -> Peer<P> {
        Peer { client, ..self }
    }

    /// Asks another node from now on, at once. There must be no connection.
    pub fn redirect(&mut self, host: &str, port: u16) {
        self.look_elsewhere(host, port, SimTime::ZERO);
        (self.failures, self.retry_at) = (0, SimTime::ZERO);
    }

    /// Asks another node when the time has come to try again, and not before `at`. There must be no
    /// connection.
    pub fn look_elsewhere(&mut self, host: &str, port: u16, at: SimTime) {
        assert!(self.conn.is_none(), "still connected to {}", self.host);
        (self.host, self.port) = (host.to_owned(), port);
        self.retry_at = self.retry_at.max(at);
    }

    /// Whether this is its address.
    pub fn is_at(&self, host: &str, port: u16) -> bool {
        self.host == host && self.port == port
    }

    /// Whether this is the connection to it.
    pub fn owns(&self, conn: ConnId) -> bool {
        self.conn == Some(conn)
    }

    /// Whether there is a connection, or one is being opened.
    pub fn is_connected(&self) -> bool {
        self.conn.is_some()
    }

    /// Whether it is connected and greeted.
    pub fn is_ready(&self) -> bool {
        self.versions.is_some()
    }

    /// Whether an answer is awaited.
    pub fn is_busy(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// When a connection may be tried (again).
    pub fn retry_at(&self) -> SimTime {
        self.retry_at
    }

    /// Connects unless connected or backing off.
    pub fn connect<T>(&mut self, ctx: &mut Ctx<T>) {
        if self.conn.is_some() || ctx.now() < self.retry_at {
            return;
        }
        let conn = ctx.connect(&self.host, self.port);
        self.conn = Some(conn);
        self.connected_at = ctx.now();
        let hello = ApiVersionsRequest {
            client_software_name: self.client.into(),
            client_software_version: env!("CARGO_PKG_VERSION").into(),
        };
        let version = *ApiVersionsRequest::VERSIONS.end();
        self.put(ctx, conn, version, None, &hello);
    }

    /// Sends a request. Gives the purpose back when the peer cannot be asked now or does not
    /// know the API.
    pub fn ask<T, M: Message>(&mut self, ctx: &mut Ctx<T>, purpose: P, request: &M) -> Result<(), P> {
        let theirs = self.versions.as_ref().and_then(|versions| versions.get(&M::KEY)).cloned();
        let version = theirs.and_then(|theirs| negotiate(M::VERSIONS, theirs));
        match (self.conn, version) {
            (Some(conn), Some(version)) => {
                self.put(ctx, conn, version, Some(purpose), request);
                Ok(())
            }
            _ => Err(purpose),
        }
    }

    /// Sends a request of somebody else's, in their version and name. Gives the purpose back when the peer cannot
    /// be asked now or does not know the version.
    pub fn ask_raw<T>(
        &mut self,
        ctx: &mut Ctx<T>,
        purpose: P,
        api: ApiKey,
        version: i16,
        body: &[u8],
        client: &str,
    ) -> Result<(), P> {
        let knows = |versions: &Map<i16, RangeInclusive<i16>>| {
            versions.get(&api.code()).is_some_and(|theirs| theirs.contains(&version))
        };
        let Some(conn) = self.conn.filter(|_| self.versions.as_ref().is_some_and(knows)) else {
            return Err(purpose);
        };
        let correlation_id = self.next_correlation_id();
        let Ok(bytes) = encode_raw_request(api, version, correlation_id, client, body) else {
            return Err(purpose);
        };
        self.send(ctx, conn, (api.code(), version, correlation_id), Some(purpose), bytes);
        Ok(())
    }

    fn put<T, M: Message>(
        &mut self,
        ctx: &mut Ctx<T>,
        conn: ConnId,
        api_version: i16,
        purpose: Option<P>,
        request: &M,
    ) {
        let correlation_id = self.next_correlation_id();
        // Our own requests fit the versions that we negotiated.
        let Ok(bytes) = encode_request(api_version, correlation_id, self.client, request) else { return };
        self.send(ctx, conn, (M::KEY, api_version, correlation_id), purpose, bytes);
    }

    fn next_correlation_id(&mut self) -> i32 {
        self.next_correlation_id = self.next_correlation_id.wrapping_add(1) & i32::MAX;
        self.next_correlation_id
    }

    fn send<T>(
        &mut self,
        ctx: &mut Ctx<T>,
        conn: ConnId,
        (api_key, version, correlation_id): (i16, i16, i32),
        purpose: Option<P>,
        bytes: Bytes,
    ) {
        if let Some(purpose) = purpose {
            let since = ctx.now();
            self.in_flight.push_back(Asked { correlation_id, api_key, version, since, purpose });
        }
        let kind = FrameKind::Request;
        ctx.send(conn, FrameInfo { kind, api_key, api_version: version, correlation_id }, bytes);
    }

    /// Takes a frame that arrived on this peer's connection.
    pub fn receive<T>(&mut self, ctx: &mut Ctx<T>, bytes: Rope) -> FromPeer<P> {
        if self.versions.is_none() {
            let version = *ApiVersionsRequest::VERSIONS.end();
            return match decode_response_rope::<ApiVersionsResponse>(&bytes, version) {
                Ok((_, hello)) => {
                    let range = |api: &crate::protocol::messages::api_versions::ApiVersion| {
                        (api.api_key, api.min_version..=api.max_version)
                    };
                    self.versions = Some(hello.api_keys.iter().map(range).collect());
                    self.failures = 0;
                    FromPeer::Ready
                }
                Err(_) => FromPeer::Broken(self.give_up(ctx)),
            };
        }
        let mut header = Reader::of_rope(&bytes, 0, false);
        let correlation_id = i32::get(&mut header);
        let correlation_id = header.finish(correlation_id).ok();
        let answered = self.in_flight.iter().position(|asked| Some(asked.correlation_id) == correlation_id);
        match answered.and_then(|index| self.in_flight.remove(index)) {
            Some(asked) => FromPeer::Answer { purpose: asked.purpose, version: asked.version, bytes },
            None => FromPeer::Broken(self.give_up(ctx)),
        }
    }

    /// The connection ended; the requests that will not be answered.
    pub fn closed(&mut self, now: SimTime, _reason: CloseReason) -> Vec<P> {
        self.conn = None;
        self.versions = None;
        let backoff = (BACKOFF_MS << self.failures.min(10)).min(BACKOFF_MAX_MS);
        self.failures += 1;
        self.retry_at = now + ms(backoff);
        self.in_flight.drain(..).map(|asked| asked.purpose).collect()
    }

    /// Closes the connection when a request, or the handshake, takes longer than `timeout_ms`: a
    /// machine without power says nothing at all. Gives what will not be answered.
    pub fn time_out<T>(&mut self, ctx: &mut Ctx<T>, timeout_ms: u32) -> Option<Vec<P>> {
        (ctx.now() >= self.times_out_at(timeout_ms)?).then(|| self.give_up(ctx))
    }

    /// When [`Peer::time_out`] is to be looked at again; `None` while no answer is awaited.
    pub fn times_out_at(&self, timeout_ms: u32) -> Option<SimTime> {
        let greeting = self.conn.is_some() && self.versions.is_none();
        let since = if greeting { self.connected_at } else { self.in_flight.front()?.since };
        Some(since + ms(u64::from(timeout_ms)))
    }

    /// Closes the connection from this side.
    pub fn give_up<T>(&mut self, ctx: &mut Ctx<T>) -> Vec<P> {
        if let Some(conn) = self.conn {
            ctx.close(conn);
        }
        self.closed(ctx.now(), CloseReason::ByPeer)
    }
}

/// The name of an API for errors.
pub fn api_name(key: i16) -> &'static str {
    ApiKey::try_from(key).map_or("unknown API", ApiKey::name)
}
