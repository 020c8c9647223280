//! Connections from whoever asks: requests of one connection are answered in order, one at a
//! time, as Kafka's socket server does by muting the channel.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::{ConnId, FrameInfo, FrameKind, Map, NodeId, Rope};
use crate::broker::{BROKER_PORT, Broker, Ctx, EXTERNAL_PORT, admin_api};
use crate::metadata::{BrokerRegistration, EXTERNAL_LISTENER, Endpoint, INTERNAL_LISTENER};
use crate::peer::api_name;
use crate::protocol::{ApiKey, Message, WireError, decode_request_header, encode_response_rope};
use crate::trace::Event;

/// More requests than this waiting on one connection, and it is closed.
const WAITING_MAX: usize = 4_096;

/// Everybody who is connected.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Server {
    max_request_bytes: u32,
    lines: Map<ConnId, Line>,
    ready: VecDeque<ConnId>,
    asked: Map<u64, Asked>,
    next_token: u64,
}

#[derive(Clone, Debug, PartialEq)]
struct Line {
    from: NodeId,
    port: u16,
    waiting: VecDeque<Bytes>,
    busy: bool,
    /// Throttled: its next request has to wait.
    muted: bool,
}

/// A request that is being dealt with.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asked {
    pub(super) conn: ConnId,
    pub(super) from: NodeId,
    port: u16,
    pub(super) api_key: i16,
    pub(super) version: i16,
    correlation_id: i32,
    pub(super) client_id: Arc<str>,
    pub(super) size_bytes: u32,
}

impl Server {
    pub(super) fn new(max_request_bytes: u32) -> Server {
        Server {
            max_request_bytes,
            lines: Map::new(),
            ready: VecDeque::new(),
            asked: Map::new(),
            next_token: 0,
        }
    }

    pub(super) fn closed(&mut self, conn: ConnId) {
        self.lines.remove(&conn);
        self.asked.retain(|_, asked| asked.conn != conn);
    }

    /// Requests that wait for their turn on a connection, and their bytes.
    pub(super) fn waiting(&self, conn: ConnId) -> (u32, u64) {
        self.lines.get(&conn).map_or((0, 0), |line| {
            (line.waiting.len() as u32, line.waiting.iter().map(|bytes| bytes.len() as u64).sum())
        })
    }

    /// The next request of a connection waits, when the one at hand is done.
    pub(super) fn mute(&mut self, conn: ConnId) {
        if let Some(line) = self.lines.get_mut(&conn) {
            line.muted = true;
        }
    }

    /// It need not wait any longer.
    pub(super) fn unmute(&mut self, conn: ConnId) {
        if let Some(line) = self.lines.get_mut(&conn) {
            line.muted = false;
            self.next_of(conn);
        }
    }

    /// A request is done: the next one of its connection has its turn.
    fn next_of(&mut self, conn: ConnId) {
        if let Some(line) = self.lines.get_mut(&conn)
            && !line.muted
        {
            line.busy = false;
            if !line.waiting.is_empty() {
                self.ready.push_back(conn);
            }
        }
    }

    /// The request with this token, if its connection is still there.
    pub(super) fn asked(&self, token: u64) -> Option<&Asked> {
        self.asked.get(&token)
    }

    /// Who asked with this token: the client's own name, empty when it has none or is gone.
    pub(super) fn client_of(&self, token: u64) -> Arc<str> {
        self.asked.get(&token).map(|asked| Arc::clone(&asked.client_id)).unwrap_or_default()
    }

    /// The request with this token is answered as if it had been of this version.
    pub(super) fn answer_in_version(&mut self, token: u64, version: i16) {
        if let Some(asked) = self.asked.get_mut(&token) {
            asked.version = version;
        }
    }
}

impl Asked {
    pub(super) fn correlation_id(&self) -> i32 {
        self.correlation_id
    }
}

impl Broker {
    /// Requests that wait for their turn on a connection, and their bytes.
    pub fn waiting_on(&self, conn: ConnId) -> (u32, u64) {
        self.server.waiting(conn)
    }

    /// Where `broker` is reached by whoever sent this request: every answer that names brokers
    /// names their endpoints of the listener that the request came in by.
    pub(super) fn endpoint_for<'a>(&self, token: u64, broker: &'a BrokerRegistration) -> &'a Endpoint {
        let port = self.server.asked(token).map_or(BROKER_PORT, |asked| asked.port);
        broker.endpoint(if port == EXTERNAL_PORT { EXTERNAL_LISTENER } else { INTERNAL_LISTENER })
    }

    pub(super) fn receive(&mut self, ctx: &mut Ctx, conn: ConnId, from: NodeId, port: u16, bytes: Bytes) {
        let server = &mut self.server;
        let line = server.lines.entry(conn).or_insert_with(|| Line {
            from,
            port,
            waiting: VecDeque::new(),
            busy: false,
            muted: false,
        });
        let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if size > server.max_request_bytes || line.waiting.len() >= WAITING_MAX {
            let reason = format!("a request of {size} bytes, {} waiting", line.waiting.len());
            return self.hang_up(ctx, conn, reason);
        }
        line.waiting.push_back(bytes);
        if !line.busy {
            server.ready.push_back(conn);
        }
    }

    /// Deals with every request whose turn it is.
    pub(super) fn serve(&mut self, ctx: &mut Ctx) {
        // A broker on ZooKeeper has to hear the controller first, and answers everybody meanwhile.
        if !self.has_metadata() && self.zookeeper.is_none() {
            return;
        }
        while let Some(conn) = self.server.ready.pop_front() {
            let Some(line) = self.server.lines.get_mut(&conn) else { continue };
            if line.busy {
                continue;
            }
            let Some(frame) = line.waiting.pop_front() else { continue };
            let (from, port) = (line.from, line.port);
            line.busy = true;
            match decode_request_header(&frame) {
                Ok((header, body)) => {
                    self.server.next_token += 1;
                    let token = self.server.next_token;
                    let asked = Asked {
                        conn,
                        from,
                        port,
                        api_key: header.api_key,
                        version: header.api_version,
                        correlation_id: header.correlation_id,
                        client_id: header.client_id.unwrap_or_default().into(),
                        size_bytes: u32::try_from(frame.len()).unwrap_or(u32::MAX),
                    };
                    self.server.asked.insert(token, asked);
                    self.dispatch(ctx, token, header.api_key, header.api_version, &body);
                }
                Err(error) => self.hang_up(ctx, conn, error.to_string()),
            }
        }
    }

    fn dispatch(&mut self, ctx: &mut Ctx, token: u64, key: i16, version: i16, body: &Bytes) {
        let api = ApiKey::try_from(key).ok();
        let on_zookeeper = self.zookeeper.is_some();
        let served = |api| is_served(api) || on_zookeeper && is_served_on_zookeeper(api);
        let known = api.is_some_and(|api| served(api) && api.has_version(version));
        let done = match api {
            Some(ApiKey::ApiVersions) => self.api_versions(ctx, token, version, body),
            Some(api) if known => self.handle(ctx, token, api, version, body),
            _ => {
                return self.refuse(ctx, token, format!("{} version {version} is not served", api_name(key)));
            }
        };
        if let Err(error) = done {
            self.refuse(ctx, token, error.to_string());
        }
    }

    fn handle(
        &mut self,
        ctx: &mut Ctx,
        token: u64,
        api: ApiKey,
        version: i16,
        body: &Bytes,
    ) -> Result<(), WireError> {
        if self.zookeeper.is_some() && self.handle_on_zookeeper(ctx, token, api, version, body)? {
            return Ok(());
        }
        match api {
            ApiKey::Metadata => self.metadata(ctx, token, &Message::decode(body, version)?),
            ApiKey::Produce => self.produce(ctx, token, &Message::decode(body, version)?),
            ApiKey::Fetch => self.fetch(ctx, token, &Message::decode(body, version)?),
            ApiKey::DeleteRecords => self.delete_records(ctx, token, &Message::decode(body, version)?),
            ApiKey::ListOffsets => self.list_offsets(ctx, token, &Message::decode(body, version)?),
            ApiKey::OffsetForLeaderEpoch => {
                self.offset_for_leader_epoch(ctx, token, &Message::decode(body, version)?)
            }
            ApiKey::FindCoordinator => self.find_coordinator(ctx, token, &Message::decode(body, version)?),
            ApiKey::InitProducerId => self.init_producer_id(ctx, token, &Message::decode(body, version)?),
            ApiKey::ShareFetch => self.share_fetch(ctx, token, Message::decode(body, version)?),
            ApiKey::ShareAcknowledge => self.share_acknowledge(ctx, token, Message::decode(body, version)?),
            ApiKey::InitializeShareGroupState
            | ApiKey::ReadShareGroupState
            | ApiKey::WriteShareGroupState
            | ApiKey::DeleteShareGroupState
            | ApiKey::ReadShareGroupStateSummary => {
                return self.share_state_request(ctx, token, api, version, body);
            }
            _ if admin_api::is_served(api) => return self.handle_admin(ctx, token, api, version, body),
            _ => return self.handle_group(ctx, token, api, version, body),
        }
        Ok(())
    }

    /// Answers a request and lets the connection's next one have its turn. Nobody is answered
    /// who has gone.
    pub(super) fn reply<M: Message>(&mut self, ctx: &mut Ctx, token: u64, response: &M) {
        let Some(asked) = self.server.asked.get(&token) else { return };
        match encode_response_rope(asked.version, asked.correlation_id, response) {
            Ok(bytes) => self.reply_bytes(ctx, token, bytes),
            Err(error) => self.refuse(ctx, token, error.to_string()),
        }
    }

    /// Answers a request with a response that is encoded already, header and all.
    pub(super) fn reply_bytes(&mut self, ctx: &mut Ctx, token: u64, bytes: impl Into<Rope>) {
        let Some(asked) = self.server.asked.remove(&token) else { return };
        let Asked { conn, api_key, version, correlation_id, .. } = asked;
        let kind = FrameKind::Response;
        ctx.send(conn, FrameInfo { kind, api_key, api_version: version, correlation_id }, bytes);
        self.server.next_of(conn);
    }

    /// For requests that get no answer (`acks=0`).
    pub(super) fn reply_nothing(&mut self, token: u64) {
        if let Some(asked) = self.server.asked.remove(&token) {
            self.server.next_of(asked.conn);
        }
    }

    /// Closes the connection of a request that makes no sense.
    pub(super) fn refuse(&mut self, ctx: &mut Ctx, token: u64, reason: String) {
        if let Some(asked) = self.server.asked.get(&token) {
            let conn = asked.conn;
            self.hang_up(ctx, conn, reason);
        }
    }

    fn hang_up(&mut self, ctx: &mut Ctx, conn: ConnId, reason: String) {
        ctx.trace(Event::RequestRejected { conn, reason: reason.into() });
        ctx.close(conn);
        self.client_closed(ctx, conn);
    }
}

/// What it answers besides, in a cluster on ZooKeeper.
pub(super) fn is_served_on_zookeeper(api: ApiKey) -> bool {
    api.is_of_zookeeper() || matches!(api, ApiKey::AlterPartition | ApiKey::AllocateProducerIds)
}

/// The APIs that a broker answers.
pub(super) fn is_served(api: ApiKey) -> bool {
    admin_api::is_served(api)
        || matches!(
            api,
            ApiKey::ApiVersions
                | ApiKey::Metadata
                | ApiKey::Produce
                | ApiKey::Fetch
                | ApiKey::ListOffsets
                | ApiKey::DeleteRecords
                | ApiKey::OffsetForLeaderEpoch
                | ApiKey::FindCoordinator
                | ApiKey::InitProducerId
                | ApiKey::JoinGroup
                | ApiKey::SyncGroup
                | ApiKey::Heartbeat
                | ApiKey::LeaveGroup
                | ApiKey::OffsetCommit
                | ApiKey::OffsetFetch
                | ApiKey::OffsetDelete
                | ApiKey::ListGroups
                | ApiKey::DescribeGroups
                | ApiKey::DeleteGroups
                | ApiKey::ConsumerGroupHeartbeat
                | ApiKey::ConsumerGroupDescribe
                | ApiKey::ShareGroupHeartbeat
                | ApiKey::ShareGroupDescribe
                | ApiKey::DescribeShareGroupOffsets
                | ApiKey::AlterShareGroupOffsets
                | ApiKey::DeleteShareGroupOffsets
                | ApiKey::ShareFetch
                | ApiKey::ShareAcknowledge
                | ApiKey::InitializeShareGroupState
                | ApiKey::ReadShareGroupState
                | ApiKey::WriteShareGroupState
                | ApiKey::DeleteShareGroupState
                | ApiKey::ReadShareGroupStateSummary
        )
}
