//! A connection to another node, from the side that asks: one request at a time is enough for
//! a fetcher; several may be under way to the controller, which answers those first that need no
//! disk (Kafka has a channel of its own for each kind of question). Speaks `ApiVersions` first, then the
//! highest version both know.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use bytes::Bytes;

use crate::base::{CloseReason, ConnId, FrameInfo, FrameKind, Map, Rope, SimTime, ms};
use crate::broker::Ctx;
use crate::protocol::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use crate::protocol::wire::{Reader, Wire};
use crate::protocol::{ApiKey, Message, decode_response_rope, encode_raw_request, encode_request, negotiate};

const CLIENT_NAME: &str = "terrarium-broker";
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

/// A node that this broker asks things of; `P` says what a request was for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Peer<P> {
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
pub(super) enum FromPeer<P> {
    /// The handshake is done: requests can be sent.
    Ready,
    /// The answer to a request, to be decoded in this version.
    Answer { purpose: P, version: i16, bytes: Rope },
    /// Nonsense: the connection was closed; these requests will not be answered.
    Broken(Vec<P>),
}

impl<P> Peer<P> {
    pub(super) fn new(host: impl Into<String>, port: u16) -> Peer<P> {
        Peer {
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

    pub(super) fn is_at(&self, host: &str, port: u16) -> bool {
        self.host == host && self.port == port
    }

    pub(super) fn owns(&self, conn: ConnId) -> bool {
        self.conn == Some(conn)
    }

    pub(super) fn is_ready(&self) -> bool {
        self.versions.is_some()
    }

    pub(super) fn is_busy(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// When a connection may be tried (again).
    pub(super) fn retry_at(&self) -> SimTime {
        self.retry_at
    }

    /// Connects unless connected or backing off.
    pub(super) fn connect(&mut self, ctx: &mut Ctx) {
        if self.conn.is_some() || ctx.now() < self.retry_at {
            return;
        }
        let conn = ctx.connect(&self.host, self.port);
        self.conn = Some(conn);
        self.connected_at = ctx.now();
        let hello = ApiVersionsRequest {
            client_software_name: CLIENT_NAME.into(),
            client_software_version: env!("CARGO_PKG_VERSION").into(),
        };
        let version = *ApiVersionsRequest::VERSIONS.end();
        self.put(ctx, conn, version, None, &hello);
    }

    /// Sends a request. Gives the purpose back when the peer cannot be asked now or does not
    /// know the API.
    pub(super) fn ask<M: Message>(&mut self, ctx: &mut Ctx, purpose: P, request: &M) -> Result<(), P> {
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

    /// Sends a request of somebody else's, in their version. Gives the purpose back when the peer cannot
    /// be asked now or does not know the version.
    pub(super) fn ask_raw(
        &mut self,
        ctx: &mut Ctx,
        purpose: P,
        api: ApiKey,
        version: i16,
        body: &[u8],
    ) -> Result<(), P> {
        let knows = |versions: &Map<i16, RangeInclusive<i16>>| {
            versions.get(&api.code()).is_some_and(|theirs| theirs.contains(&version))
        };
        let Some(conn) = self.conn.filter(|_| self.versions.as_ref().is_some_and(knows)) else {
            return Err(purpose);
        };
        let correlation_id = self.next_correlation_id();
        let Ok(bytes) = encode_raw_request(api, version, correlation_id, CLIENT_NAME, body) else {
            return Err(purpose);
        };
        self.send(ctx, conn, (api.code(), version, correlation_id), Some(purpose), bytes);
        Ok(())
    }

    fn put<M: Message>(
        &mut self,
        ctx: &mut Ctx,
        conn: ConnId,
        api_version: i16,
        purpose: Option<P>,
        request: &M,
    ) {
        let correlation_id = self.next_correlation_id();
        // Our own requests fit the versions that we negotiated.
        let Ok(bytes) = encode_request(api_version, correlation_id, CLIENT_NAME, request) else { return };
        self.send(ctx, conn, (M::KEY, api_version, correlation_id), purpose, bytes);
    }

    fn next_correlation_id(&mut self) -> i32 {
        self.next_correlation_id = self.next_correlation_id.wrapping_add(1) & i32::MAX;
        self.next_correlation_id
    }

    fn send(
        &mut self,
        ctx: &mut Ctx,
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
    pub(super) fn receive(&mut self, ctx: &mut Ctx, bytes: Rope) -> FromPeer<P> {
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
    pub(super) fn closed(&mut self, now: SimTime, _reason: CloseReason) -> Vec<P> {
        self.conn = None;
        self.versions = None;
        let backoff = (BACKOFF_MS << self.failures.min(10)).min(BACKOFF_MAX_MS);
        self.failures += 1;
        self.retry_at = now + ms(backoff);
        self.in_flight.drain(..).map(|asked| asked.purpose).collect()
    }

    /// Closes the connection when a request, or the handshake, takes longer than `timeout_ms`: a
    /// machine without power says nothing at all. Gives what will not be answered.
    pub(super) fn time_out(&mut self, ctx: &mut Ctx, timeout_ms: u32) -> Option<Vec<P>> {
        let greeting = self.conn.is_some() && self.versions.is_none();
        let since = if greeting { self.connected_at } else { self.in_flight.front()?.since };
        (ctx.now().since(since) >= ms(u64::from(timeout_ms))).then(|| self.give_up(ctx))
    }

    /// Closes the connection from this side.
    pub(super) fn give_up(&mut self, ctx: &mut Ctx) -> Vec<P> {
        if let Some(conn) = self.conn {
            ctx.close(conn);
        }
        self.closed(ctx.now(), CloseReason::ByPeer)
    }
}

/// The name of an API for errors.
pub(super) fn api_name(key: i16) -> &'static str {
    ApiKey::try_from(key).map_or("unknown API", ApiKey::name)
}
