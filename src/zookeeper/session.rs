//! A client's end of a session: connects, pings, asks for several things at a time, comes back within the
//! session after its connection broke, and hears when it has expired.
//!
//! `P` says what a request was for, as in [`crate::peer::Peer`]. Requests whose answers were lost with a
//! connection are asked again, as Kafka's client of ZooKeeper does (`retryRequestsUntilConnected`): whoever
//! asks has to expect that it was done the first time.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::base::{ConnId, FrameKind, Set, SimTime, ms};
use crate::trace::Ctx;
use crate::zookeeper::wire::{self, Change, Connect, Fault, Op, Reply, Told};
use crate::zookeeper::{ZOOKEEPER_HOST, ZOOKEEPER_PORT, ZooKeeperConfig};

/// Before a server is tried again, up to so long.
const BACKOFF_MS: u64 = 1_000;

#[derive(Clone, Debug, PartialEq)]
struct Asked<P> {
    purpose: P,
    op: Op,
}

/// A session with ZooKeeper.
#[derive(Clone, Debug, PartialEq)]
pub struct Session<P> {
    timeout_ms: u32,
    max_in_flight: u32,
    id: i64,
    password: Bytes,
    conn: Option<ConnId>,
    greeted: bool,
    next_xid: i32,
    last_zxid: i64,
    waiting: VecDeque<Asked<P>>,
    in_flight: VecDeque<(i32, Asked<P>)>,
    last_sent: SimTime,
    last_heard: SimTime,
    retry_at: SimTime,
    data_watches: Set<String>,
    child_watches: Set<String>,
}

/// What a frame turned out to be.
#[derive(Debug)]
pub enum FromSession<P> {
    /// A session has begun.
    Opened,
    /// The answer to what was asked.
    Answer(P, Result<Reply, Fault>),
    /// A watch has fired.
    Event(Change, String),
    /// The session is over: its ephemeral nodes are gone, nothing that was asked will be answered.
    Expired,
    /// Nothing for whoever asks.
    Nothing,
}

impl<P: Clone> Session<P> {
    /// A session that has not begun.
    pub fn new(config: &ZooKeeperConfig) -> Session<P> {
        Session {
            timeout_ms: config.session_timeout_ms,
            max_in_flight: config.max_in_flight.max(1),
            id: 0,
            password: Bytes::from_static(&[0; 16]),
            conn: None,
            greeted: false,
            next_xid: 0,
            last_zxid: 0,
            waiting: VecDeque::new(),
            in_flight: VecDeque::new(),
            last_sent: SimTime::ZERO,
            last_heard: SimTime::ZERO,
            retry_at: SimTime::ZERO,
            data_watches: Set::new(),
            child_watches: Set::new(),
        }
    }

    /// Whether this is its connection.
    pub fn owns(&self, conn: ConnId) -> bool {
        self.conn == Some(conn)
    }

    /// Its id; 0 before it has begun.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// Whether it is connected, as far as it knows.
    pub fn is_connected(&self) -> bool {
        self.greeted
    }

    /// Asks for something, now or as soon as it can.
    pub fn ask<T>(&mut self, ctx: &mut Ctx<T>, purpose: P, op: Op) {
        self.waiting.push_back(Asked { purpose, op });
        self.send_waiting(ctx);
    }

    /// When [`Session::wake`] is to be called next.
    pub fn wakes_at(&self) -> SimTime {
        match self.conn {
            None => self.retry_at,
            Some(_) if self.greeted => {
                let ping = self.last_sent + self.third_us();
                ping.min(self.last_heard + 2 * self.third_us())
            }
            Some(_) => self.last_heard + 2 * self.third_us(),
        }
    }

    /// Time has passed: connects, pings, or gives a silent connection up.
    pub fn wake<T>(&mut self, ctx: &mut Ctx<T>) {
        let now = ctx.now();
        match self.conn {
            None if now >= self.retry_at => self.connect(ctx),
            None => {}
            // Two thirds of the timeout without a word: the server, or the way to it, is gone.
            Some(conn) if now >= self.last_heard + 2 * self.third_us() => {
                ctx.close(conn);
                self.closed(ctx);
            }
            Some(conn) if self.greeted && now >= self.last_sent + self.third_us() => {
                self.last_sent = now;
                let info = wire::info(FrameKind::Request, Op::Ping.code(), wire::PING_XID);
                ctx.send(conn, info, wire::encode_request(wire::PING_XID, &Op::Ping));
            }
            Some(_) => {}
        }
    }

    fn third_us(&self) -> u64 {
        ms(u64::from(self.timeout_ms)) / 3
    }

    fn connect<T>(&mut self, ctx: &mut Ctx<T>) {
        let conn = ctx.connect(ZOOKEEPER_HOST, ZOOKEEPER_PORT);
        self.conn = Some(conn);
        (self.last_heard, self.last_sent) = (ctx.now(), ctx.now());
        let asked = Connect {
            last_zxid: self.last_zxid,
            timeout_ms: i32::try_from(self.timeout_ms).unwrap_or(i32::MAX),
            session: self.id,
            password: self.password.clone(),
        };
        ctx.send(conn, wire::info_of_connect(FrameKind::Request), wire::encode_connect(&asked));
    }

    /// The connection ended. The session may live on.
    pub fn closed<T>(&mut self, ctx: &mut Ctx<T>) {
        (self.conn, self.greeted) = (None, false);
        for (_, asked) in self.in_flight.drain(..).rev() {
            self.waiting.push_front(asked);
        }
        self.retry_at = ctx.now() + ms(100 + ctx.rng().below(BACKOFF_MS));
    }

    /// Ends the session properly, if it is there.
    pub fn close<T>(&mut self, ctx: &mut Ctx<T>) {
        if let Some(conn) = self.conn.filter(|_| self.greeted) {
            self.next_xid += 1;
            let info = wire::info(FrameKind::Request, Op::Close.code(), self.next_xid);
            ctx.send(conn, info, wire::encode_request(self.next_xid, &Op::Close));
        }
    }

    /// Takes a frame of its connection.
    pub fn receive<T>(&mut self, ctx: &mut Ctx<T>, frame: &Bytes) -> FromSession<P> {
        self.last_heard = ctx.now();
        if !self.greeted {
            return self.greet(ctx, frame);
        }
        match wire::decode_told(frame) {
            Some(Told::Event(change, path)) => {
                // Whatever it says, it says it once.
                match change {
                    Change::Children => self.child_watches.remove(&path),
                    Change::Created | Change::Data => self.data_watches.remove(&path),
                    Change::Deleted => self.child_watches.remove(&path) | self.data_watches.remove(&path),
                };
                FromSession::Event(change, path)
            }
            Some(Told::Reply { xid, zxid, fault }) => {
                self.last_zxid = self.last_zxid.max(zxid);
                if xid < 0 {
                    return FromSession::Nothing;
                }
                match self.in_flight.pop_front().filter(|(asked, _)| *asked == xid) {
                    Some((_, asked)) => self.answer(ctx, frame, asked, fault),
                    None => self.give_up(ctx),
                }
            }
            None => self.give_up(ctx),
        }
    }

    fn give_up<T>(&mut self, ctx: &mut Ctx<T>) -> FromSession<P> {
        if let Some(conn) = self.conn {
            ctx.close(conn);
        }
        self.closed(ctx);
        FromSession::Nothing
    }

    fn greet<T>(&mut self, ctx: &mut Ctx<T>, frame: &Bytes) -> FromSession<P> {
        let Some((timeout_ms, id, password)) = wire::decode_connected(frame) else {
            return self.give_up(ctx);
        };
        if id == 0 {
            return self.expired(ctx);
        }
        let is_new = self.id == 0;
        self.greeted = true;
        self.timeout_ms = u32::try_from(timeout_ms).unwrap_or(self.timeout_ms).max(3);
        (self.id, self.password) = (id, password);
        let watches = !self.data_watches.is_empty() || !self.child_watches.is_empty();
        if !is_new && watches {
            self.watch_again(ctx);
        }
        self.send_waiting(ctx);
        if is_new { FromSession::Opened } else { FromSession::Nothing }
    }

    fn expired<T>(&mut self, ctx: &mut Ctx<T>) -> FromSession<P> {
        if let Some(conn) = self.conn {
            ctx.close(conn);
        }
        self.closed(ctx);
        self.waiting.clear();
        self.data_watches.clear();
        self.child_watches.clear();
        self.id = 0;
        self.password = Bytes::from_static(&[0; 16]);
        self.retry_at = ctx.now();
        FromSession::Expired
    }

    fn watch_again<T>(&mut self, ctx: &mut Ctx<T>) {
        let Some(conn) = self.conn else { return };
        let op = Op::SetWatches {
            since: self.last_zxid,
            data: self.data_watches.iter().cloned().collect(),
            children: self.child_watches.iter().cloned().collect(),
        };
        let info = wire::info(FrameKind::Request, op.code(), wire::SET_WATCHES_XID);
        ctx.send(conn, info, wire::encode_request(wire::SET_WATCHES_XID, &op));
    }

    fn answer<T>(
        &mut self,
        ctx: &mut Ctx<T>,
        frame: &Bytes,
        asked: Asked<P>,
        fault: Fault,
    ) -> FromSession<P> {
        let Asked { purpose, op } = asked;
        let result = match fault {
            Fault(0) => match wire::decode_reply(frame, &op) {
                Some(reply) => Ok(reply),
                None => return self.give_up(ctx),
            },
            fault => Err(fault),
        };
        match &op {
            Op::Exists { path, watch: true } => {
                self.data_watches.insert(path.clone());
            }
            Op::GetData { path, watch: true } if result.is_ok() => {
                self.data_watches.insert(path.clone());
            }
            Op::GetChildren { path, watch: true } if result.is_ok() => {
                self.child_watches.insert(path.clone());
            }
            _ => {}
        }
        self.send_waiting(ctx);
        FromSession::Answer(purpose, result)
    }

    fn send_waiting<T>(&mut self, ctx: &mut Ctx<T>) {
        let Some(conn) = self.conn.filter(|_| self.greeted) else { return };
        while self.in_flight.len() < self.max_in_flight as usize {
            let Some(asked) = self.waiting.pop_front() else { return };
            self.next_xid = self.next_xid.wrapping_add(1) & i32::MAX;
            let xid = self.next_xid;
            let info = wire::info(FrameKind::Request, asked.op.code(), xid);
            ctx.send(conn, info, wire::encode_request(xid, &asked.op));
            self.last_sent = ctx.now();
            self.in_flight.push_back((xid, asked));
        }
    }
}
