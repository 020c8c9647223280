//! A ZooKeeper server: requests one after the other, writes through the transaction log, sessions that
//! expire, watches that fire once.
//!
//! The order of things is that of ZooKeeper's own pipeline: each request takes the processor for a while;
//! a write then waits until the log is on the disk, several of them together; a read waits only when writes
//! before it do (`SyncRequestProcessor`); then it is done and answered. Sessions expire in whole ticks
//! (`ExpiryQueue`). The tree and the sessions are in the log, and so outlive the process.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::{ConnId, FlushKind, FrameKind, Input, Map, NodeId, Set, SimTime, ms};
use crate::trace::{self, Event};
use crate::zookeeper::tree::{Changes, Moment};
use crate::zookeeper::wire::{self, Change, Connect, Fault, Op, Reply, Watch};
use crate::zookeeper::{Tree, ZooKeeperConfig};

type Ctx<'a> = trace::Ctx<'a, ZooKeeperTimer>;

/// The transaction log, the only file.
const LOG: u64 = 1;
/// The server's own number in the upper byte of a session's id.
const FIRST_SESSION: i64 = 1 << 56;
/// Requests that wait, of all connections, at most (`globalOutstandingLimit`): whoever asks then is hung up on.
const WAITING_MAX: usize = 10_000;

/// What the server wants to be woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ZooKeeperTimer {
    /// The processor is done with a request.
    Serve,
    /// A tick is over: sessions may have expired.
    Tick,
}

impl ZooKeeperTimer {
    /// Its name in the trace.
    pub fn name(self) -> &'static str {
        match self {
            ZooKeeperTimer::Serve => "request processed",
            ZooKeeperTimer::Tick => "session tick",
        }
    }
}

/// A client's session, as the server keeps it.
#[derive(Clone, Debug, PartialEq)]
struct Held {
    timeout_ms: u32,
    expires: SimTime,
    password: Bytes,
    conn: Option<ConnId>,
    /// It has expired, and its end is on its way to the log.
    ending: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Job {
    conn: Option<ConnId>,
    session: i64,
    xid: i32,
    work: Work,
}

#[derive(Clone, Debug, PartialEq)]
enum Work {
    Connect(Connect),
    Do(Op),
    /// It is over by itself.
    Expire,
}

impl Work {
    fn is_write(&self) -> bool {
        match self {
            Work::Connect(asked) => asked.session == 0,
            Work::Do(op) => op.is_write(),
            Work::Expire => true,
        }
    }
}

/// A ZooKeeper server.
#[derive(Clone, Debug, PartialEq)]
pub struct ZooKeeper {
    config: Arc<ZooKeeperConfig>,
    tree: Tree,
    sessions: Map<i64, Held>,
    next_session: i64,
    /// Who is at the other end of a connection, and with which session.
    lines: Map<ConnId, (NodeId, i64)>,
    watches: Map<(Arc<str>, Watch), Set<ConnId>>,
    /// Wait for the processor; the first one has it.
    queue: VecDeque<Job>,
    /// Wait for the disk, with their places in the log.
    logged: VecDeque<(u64, Job)>,
    log_end: u64,
    flushing: bool,
}

impl ZooKeeper {
    /// A server with an empty tree.
    pub fn new(config: Arc<ZooKeeperConfig>) -> ZooKeeper {
        ZooKeeper {
            config,
            tree: Tree::default(),
            sessions: Map::new(),
            next_session: FIRST_SESSION,
            lines: Map::new(),
            watches: Map::new(),
            queue: VecDeque::new(),
            logged: VecDeque::new(),
            log_end: 0,
            flushing: false,
        }
    }

    /// This server after its process died: what its log says. Whatever was not answered is not in it.
    pub fn after_crash(&self) -> ZooKeeper {
        let mut sessions = self.sessions.clone();
        for session in sessions.values_mut() {
            (session.conn, session.ending) = (None, false);
        }
        ZooKeeper {
            tree: self.tree.clone(),
            sessions,
            next_session: self.next_session,
            ..ZooKeeper::new(Arc::clone(&self.config))
        }
    }

    /// The znodes.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Its configuration.
    pub fn config(&self) -> &ZooKeeperConfig {
        &self.config
    }

    /// Every session: its id, when it expires, and who is connected with it.
    pub fn sessions(&self) -> impl Iterator<Item = (i64, SimTime, Option<NodeId>)> {
        let client =
            |held: &Held| held.conn.and_then(|conn| self.lines.get(&conn)).map(|(client, _)| *client);
        self.sessions.iter().map(move |(id, held)| (*id, held.expires, client(held)))
    }

    /// Every watch: what it looks at, and how many do.
    pub fn watches(&self) -> impl Iterator<Item = (&str, Watch, u32)> {
        self.watches.iter().map(|((path, watch), conns)| (&**path, *watch, conns.iter().len() as u32))
    }

    /// One step.
    pub fn step(&mut self, ctx: &mut Ctx, input: Input<ZooKeeperTimer, std::convert::Infallible>) {
        match input {
            Input::Start => {
                // Everybody has the full time to come back.
                for held in self.sessions.values_mut() {
                    held.expires = bucket(ctx.now(), held.timeout_ms, self.config.tick_ms);
                }
                self.plan_tick(ctx);
            }
            Input::Frame { conn, from, bytes, .. } => self.receive(ctx, conn, from, &bytes.whole()),
            Input::Closed { conn, .. } => self.closed(conn),
            Input::Timer(ZooKeeperTimer::Serve) => {
                if let Some(job) = self.queue.pop_front() {
                    self.processed(ctx, job);
                }
                self.next_turn(ctx);
            }
            Input::Timer(ZooKeeperTimer::Tick) => self.expire_sessions(ctx),
            Input::Flushed { position, .. } => self.flushed(ctx, position),
            Input::Command(never) => match never {},
        }
    }

    fn receive(&mut self, ctx: &mut Ctx, conn: ConnId, from: NodeId, frame: &Bytes) {
        if self.queue.len() + self.logged.len() >= WAITING_MAX {
            return self.hang_up(ctx, conn, "too many requests wait");
        }
        let job = match self.lines.get(&conn) {
            None => {
                let Some(asked) = wire::decode_connect(frame) else {
                    return self.hang_up(ctx, conn, "this is no ConnectRequest");
                };
                self.lines.insert(conn, (from, 0));
                Job { conn: Some(conn), session: asked.session, xid: 0, work: Work::Connect(asked) }
            }
            Some((_, 0)) => return self.hang_up(ctx, conn, "a request before the session"),
            Some((_, session)) => {
                let session = *session;
                let Some((xid, op)) = wire::decode_request(frame) else {
                    return self.hang_up(ctx, conn, "this is no request");
                };
                let Some(op) = op else { return self.hang_up(ctx, conn, "an operation that is not served") };
                self.touch(ctx.now(), session);
                Job { conn: Some(conn), session, xid, work: Work::Do(op) }
            }
        };
        self.enqueue(ctx, job);
    }

    fn enqueue(&mut self, ctx: &mut Ctx, job: Job) {
        self.queue.push_back(job);
        if self.queue.len() == 1 {
            self.next_turn(ctx);
        }
    }

    /// The processor takes the next request.
    fn next_turn(&self, ctx: &mut Ctx) {
        if let Some(job) = self.queue.front() {
            let cost = if job.work.is_write() { self.config.write_us } else { self.config.read_us };
            ctx.set_timer(ZooKeeperTimer::Serve, ctx.now() + u64::from(cost));
        }
    }

    fn processed(&mut self, ctx: &mut Ctx, job: Job) {
        if !job.work.is_write() && self.logged.is_empty() {
            return self.finish(ctx, job);
        }
        self.log_end += u64::from(job.work.is_write());
        self.logged.push_back((self.log_end, job));
        self.flush(ctx);
    }

    fn flush(&mut self, ctx: &mut Ctx) {
        if !self.flushing && !self.logged.is_empty() {
            self.flushing = true;
            ctx.flush(LOG, self.log_end, FlushKind::Now);
        }
    }

    fn flushed(&mut self, ctx: &mut Ctx, position: u64) {
        self.flushing = false;
        while self.logged.front().is_some_and(|(at, _)| *at <= position) {
            if let Some((_, job)) = self.logged.pop_front() {
                self.finish(ctx, job);
            }
        }
        self.flush(ctx);
    }

    /// A request has its turn at the tree.
    fn finish(&mut self, ctx: &mut Ctx, job: Job) {
        let at = Moment { session: job.session, unix_ms: ctx.unix_ms() };
        match job.work {
            Work::Connect(asked) => self.open(ctx, job.conn, &asked),
            Work::Expire => {
                let entry = ctx.trace(Event::SessionExpired { session: job.session });
                let before = ctx.because(entry);
                self.end_session(ctx, job.session);
                ctx.because(before);
            }
            Work::Do(op) => {
                let Some(conn) = job.conn.filter(|conn| self.lines.contains_key(conn)) else {
                    // Nobody waits for the answer, but what was written is written.
                    if op == Op::Close {
                        return self.end_session(ctx, job.session);
                    }
                    if op.is_write() && self.sessions.contains_key(&job.session) {
                        let mut changes = Vec::new();
                        let _ = self.tree.write(&op, at, &mut changes);
                        self.tell(ctx, changes);
                    }
                    return;
                };
                let mut changes = Vec::new();
                let result = match &op {
                    Op::Ping => Ok(Reply::Done),
                    Op::Close => Ok(Reply::Done),
                    Op::SetWatches { since, data, children } => {
                        self.set_watches(ctx, conn, *since, data, children);
                        Ok(Reply::Done)
                    }
                    _ if !self.sessions.contains_key(&job.session) => Err(Fault::SESSION_EXPIRED),
                    op if op.is_write() => self.tree.write(op, at, &mut changes),
                    op => self.read(conn, op),
                };
                // Watches go before the answers of what they tell (ZooKeeper's ordering guarantee).
                self.tell(ctx, changes);
                let bytes = wire::encode_reply(job.xid, self.tree.zxid(), &op, &result);
                ctx.send(conn, wire::info(FrameKind::Response, op.code(), job.xid), bytes);
                if op == Op::Close {
                    self.end_session(ctx, job.session);
                    ctx.close(conn);
                    self.closed(conn);
                }
            }
        }
    }

    fn read(&mut self, conn: ConnId, op: &Op) -> Result<Reply, Fault> {
        let result = self.tree.read(op);
        let watch = match op {
            // Whether it is there or not, it is watched.
            Op::Exists { watch: true, .. } => Some(Watch::Data),
            Op::GetData { watch: true, .. } if result.is_ok() => Some(Watch::Data),
            Op::GetChildren { watch: true, .. } if result.is_ok() => Some(Watch::Children),
            _ => None,
        };
        if let Some(watch) = watch {
            self.watches.entry((op.path().into(), watch)).or_default().insert(conn);
        }
        result
    }

    // ---- watches ----

    /// Tells whoever watches, once, and the trace.
    fn tell(&mut self, ctx: &mut Ctx, changes: Changes) {
        for (change, path) in changes {
            let zxid = self.tree.zxid();
            let entry = match change {
                Change::Children => ctx.cause(),
                _ => ctx.trace(Event::ZNodeChanged { path: Arc::clone(&path), change: change.name(), zxid }),
            };
            let before = ctx.because(entry);
            self.fire(ctx, change, &path);
            ctx.because(before);
        }
    }

    fn fire(&mut self, ctx: &mut Ctx, change: Change, path: &Arc<str>) {
        let watches: &[Watch] = match change {
            Change::Children => &[Watch::Children],
            Change::Deleted => &[Watch::Data, Watch::Children],
            Change::Created | Change::Data => &[Watch::Data],
        };
        let mut told = Set::new();
        for watch in watches {
            for conn in self.watches.remove(&(Arc::clone(path), *watch)).unwrap_or_default().iter() {
                if told.insert(*conn) {
                    self.send_event(ctx, *conn, change, path);
                }
            }
        }
    }

    fn send_event(&self, ctx: &mut Ctx, conn: ConnId, change: Change, path: &str) {
        let Some((client, _)) = self.lines.get(&conn) else { return };
        let entry =
            ctx.trace(Event::WatchFired { path: path.into(), change: change.name(), client: *client });
        let before = ctx.because(entry);
        let info = wire::info(FrameKind::Response, 0, wire::WATCH_XID);
        ctx.send(conn, info, wire::encode_event(change, path));
        ctx.because(before);
    }

    /// After a reconnect: what has changed meanwhile is told at once, the rest is watched again.
    fn set_watches(&mut self, ctx: &mut Ctx, conn: ConnId, since: i64, data: &[String], children: &[String]) {
        for path in data {
            let found = self.tree.get(path).map(|node| node.stat().mzxid);
            match found {
                None => self.send_event(ctx, conn, Change::Deleted, path),
                Some(mzxid) if mzxid > since => self.send_event(ctx, conn, Change::Data, path),
                Some(_) => {
                    self.watches.entry((path.as_str().into(), Watch::Data)).or_default().insert(conn);
                }
            }
        }
        for path in children {
            let found = self.tree.get(path).map(|node| node.stat().pzxid);
            match found {
                None => self.send_event(ctx, conn, Change::Deleted, path),
                Some(pzxid) if pzxid > since => self.send_event(ctx, conn, Change::Children, path),
                Some(_) => {
                    self.watches.entry((path.as_str().into(), Watch::Children)).or_default().insert(conn);
                }
            }
        }
    }

    // ---- sessions ----

    fn open(&mut self, ctx: &mut Ctx, conn: Option<ConnId>, asked: &Connect) {
        let Some(conn) = conn else { return };
        let Some((client, _)) = self.lines.get(&conn).copied() else { return };
        let tick = self.config.tick_ms.max(1);
        let wanted = u32::try_from(asked.timeout_ms).unwrap_or(0);
        let timeout_ms = wanted.clamp(tick.saturating_mul(2), tick.saturating_mul(20));
        let known = self
            .sessions
            .get(&asked.session)
            .filter(|held| !held.ending && held.password == asked.password)
            .map(|held| (asked.session, held.password.clone(), held.conn));
        let (session, password) = match known {
            Some((session, password, before)) => {
                if let Some(before) = before.filter(|before| *before != conn) {
                    ctx.close(before);
                    self.closed(before);
                }
                (session, password)
            }
            None if asked.session != 0 => {
                // It has expired: it is told so, and has to begin anew.
                let info = wire::info_of_connect(FrameKind::Response);
                ctx.send(conn, info, wire::encode_connected(0, 0, &[0; 16]));
                ctx.close(conn);
                return self.closed(conn);
            }
            None => {
                let session = self.next_session;
                self.next_session += 1;
                self.tree.begin_session();
                let password = [ctx.rng().next_u64().to_be_bytes(), ctx.rng().next_u64().to_be_bytes()];
                ctx.trace(Event::SessionOpened { session, client, timeout_ms });
                (session, Bytes::from(password.concat()))
            }
        };
        let expires = bucket(ctx.now(), timeout_ms, tick);
        let held = Held { timeout_ms, expires, password: password.clone(), conn: Some(conn), ending: false };
        self.sessions.insert(session, held);
        self.lines.insert(conn, (client, session));
        let timeout_ms = i32::try_from(timeout_ms).unwrap_or(i32::MAX);
        let bytes = wire::encode_connected(timeout_ms, session, &password);
        ctx.send(conn, wire::info_of_connect(FrameKind::Response), bytes);
        self.plan_tick(ctx);
    }

    fn touch(&mut self, now: SimTime, session: i64) {
        let tick = self.config.tick_ms;
        if let Some(held) = self.sessions.get_mut(&session) {
            held.expires = held.expires.max(bucket(now, held.timeout_ms, tick));
        }
    }

    fn plan_tick(&self, ctx: &mut Ctx) {
        let alive = self.sessions.values().filter(|held| !held.ending);
        if let Some(first) = alive.map(|held| held.expires).min() {
            ctx.set_timer(ZooKeeperTimer::Tick, first);
        }
    }

    fn expire_sessions(&mut self, ctx: &mut Ctx) {
        let now = ctx.now();
        let over = self.sessions.iter_mut().filter(|(_, held)| held.expires <= now && !held.ending);
        let over: Vec<i64> = over.map(|(id, held)| (held.ending = true, *id).1).collect();
        for session in over {
            self.enqueue(ctx, Job { conn: None, session, xid: 0, work: Work::Expire });
        }
        self.plan_tick(ctx);
    }

    fn end_session(&mut self, ctx: &mut Ctx, session: i64) {
        let Some(held) = self.sessions.remove(&session) else { return };
        let mut changes = Vec::new();
        self.tree.end_session(session, &mut changes);
        self.tell(ctx, changes);
        if let Some(conn) = held.conn.filter(|_| held.ending) {
            ctx.close(conn);
            self.closed(conn);
        }
    }

    fn closed(&mut self, conn: ConnId) {
        if let Some((_, session)) = self.lines.remove(&conn)
            && let Some(held) = self.sessions.get_mut(&session)
            && held.conn == Some(conn)
        {
            held.conn = None;
        }
        for conns in self.watches.values_mut() {
            conns.remove(&conn);
        }
        self.watches.retain(|_, conns| !conns.is_empty());
    }

    fn hang_up(&mut self, ctx: &mut Ctx, conn: ConnId, reason: &str) {
        ctx.trace(Event::RequestRejected { conn, reason: reason.into() });
        ctx.close(conn);
        self.closed(conn);
    }
}

/// The end of the tick in which a timeout that begins now is over.
fn bucket(now: SimTime, timeout_ms: u32, tick_ms: u32) -> SimTime {
    let tick = ms(u64::from(tick_ms.max(1)));
    SimTime(((now + ms(u64::from(timeout_ms))).0 / tick + 1).saturating_mul(tick))
}
