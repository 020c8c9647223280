//! The one task that has the world: collects what came in, lets the world have its turn, and
//! hands out what is to be written.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_local, yield_now};
use tokio::time::sleep;

use crate::base::{ConnId, SimTime, seconds};
use crate::edge::tcp::clock::Clock;
use crate::edge::tcp::line::Line;
use crate::edge::tcp::pool::Pool;
use crate::edge::tcp::record::Recorder;
use crate::edge::tcp::{ServeOptions, Served, control};
use crate::edge::{Door, DoorOptions, Output};
use crate::sim::{Command, CommandError, Setup};

/// By this time of the world, brokers serve or never will.
const WARM_UP: SimTime = SimTime(seconds(120));
/// Steps of the world between two looks at the sockets.
const STEPS_AT_ONCE: u64 = 20_000;
/// So often the world hears more in one turn before others have theirs.
const HEARINGS: u32 = 64;
/// A world that is slower than its clock has so many microseconds of the wall's time to catch
/// up; then the clock waits for it.
const LAG_MAX_US: u64 = seconds(2);
/// Between two looks for idle connections.
const IDLE_CHECK_US: u64 = seconds(10);
/// The trace that is remembered for the control interface.
const TRACE_ENTRIES: u32 = 20_000;
/// When no more sockets can be had, or a port not yet again.
const RETRY: Duration = Duration::from_millis(100);

/// What sockets have brought.
#[derive(Debug)]
pub(super) enum Inbound {
    /// Somebody connected to a broker.
    Connected { line: Rc<Line>, peer: IpAddr, broker: u32 },
    /// Bytes came.
    Bytes(Rc<Line>, Bytes),
    /// It ended; `Some` when we ended it, and why.
    Gone(Rc<Line>, Option<String>),
}

/// Where sockets leave what they bring.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    inbound: RefCell<Vec<Inbound>>,
    news: Notify,
}

impl Mailbox {
    pub(super) fn put(&self, inbound: Inbound) {
        self.inbound.borrow_mut().push(inbound);
        self.news.notify_one();
    }

    pub(super) fn wake(&self) {
        self.news.notify_one();
    }
}

/// The world and everything at its door.
#[derive(Debug)]
pub(super) struct Server {
    door: Door,
    clock: Clock,
    skip_to: SimTime,
    idle_checked: SimTime,
    recorder: Option<Recorder>,
    mailbox: Rc<Mailbox>,
    lines: BTreeMap<ConnId, Rc<Line>>,
    waiting: BTreeSet<ConnId>,
    pool: Pool,
    addresses: BTreeMap<u32, SocketAddr>,
    listening: BTreeMap<u32, JoinHandle<()>>,
}

/// When the world wants its next turn.
enum Next {
    Now,
    In(Duration),
}

pub(super) async fn run(
    setup: Arc<Setup>,
    options: ServeOptions,
    ready: impl FnOnce(),
) -> io::Result<Served> {
    let recorded = options.record.is_some();
    let broker_ids = setup.cluster.broker_ids();
    let trace_entries = if options.control.is_some() { TRACE_ENTRIES } else { 0 };
    let pool = Pool::new(setup.cluster.config.queued_max_request_bytes);
    let mut door = Door::new(setup, DoorOptions { trace_entries, recorded });
    let up = door.warm_up(WARM_UP);
    if !up {
        return Err(io::Error::other(
            "the brokers did not come up, or the scenario's topics cannot be created",
        ));
    }
    while door.next_output().is_some() {}
    let recorder = match &options.record {
        Some((path, first_line)) => Some(Recorder::begin(path, first_line)?),
        None => None,
    };
    let mailbox: Rc<Mailbox> = Rc::default();
    let mut server = Server {
        clock: Clock::new(door.now(), options.speed),
        skip_to: SimTime::ZERO,
        idle_checked: door.now(),
        door,
        recorder,
        mailbox: Rc::clone(&mailbox),
        lines: BTreeMap::new(),
        waiting: BTreeSet::new(),
        pool,
        addresses: BTreeMap::new(),
        listening: BTreeMap::new(),
    };
    for (broker, listener) in broker_ids.zip(options.brokers) {
        listener.set_nonblocking(true)?;
        server.addresses.insert(broker, listener.local_addr()?);
        server.listen(broker, Some(TcpListener::from_std(listener)?));
    }
    let server = Rc::new(RefCell::new(server));
    if let Some(listener) = options.control {
        listener.set_nonblocking(true)?;
        spawn_local(control::listen(TcpListener::from_std(listener)?, Rc::clone(&server)));
    }
    ready();
    play(&server, &mailbox).await?;
    server.borrow_mut().end()
}

/// Turn after turn until somebody ends it.
async fn play(server: &RefCell<Server>, mailbox: &Mailbox) -> io::Result<()> {
    let interrupted = interrupted();
    tokio::pin!(interrupted);
    loop {
        // Whatever else can be read now is read before the world has its turn.
        yield_now().await;
        let next = server.borrow_mut().turn()?;
        let pause = async {
            match next {
                Next::Now => {}
                Next::In(time) => tokio::select! {
                    () = mailbox.news.notified() => {}
                    () = sleep(time) => {}
                },
            }
        };
        tokio::select! {
            biased;
            ended = &mut interrupted => return ended,
            () = pause => {}
        }
    }
}

/// Ctrl-C, or the signal that asks a program to end.
async fn interrupted() -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed,
            _ = terminated.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

impl Server {
    pub(super) fn door(&self) -> &Door {
        &self.door
    }

    fn turn(&mut self) -> io::Result<Next> {
        let due = self.clock.now().max(self.door.now());
        let mut done = self.door.advance(due, STEPS_AT_ONCE);
        let inbound = std::mem::take(&mut *self.mailbox.inbound.borrow_mut());
        for inbound in inbound {
            self.take(inbound);
        }
        self.look_for_idle();
        let mut heard = true;
        for _ in 0..HEARINGS {
            heard = self.hear();
            done &= self.run_ahead();
            self.put_out();
            if !heard {
                break;
            }
        }
        self.note_inputs()?;
        Ok(self.next(done && !heard))
    }

    /// What is due within the next moment happens now: it could not be slept for.
    fn run_ahead(&mut self) -> bool {
        let horizon = self.clock.now() + self.clock.lookahead_us();
        for _ in 0..STEPS_AT_ONCE {
            match self.door.next_at().filter(|next| *next < horizon) {
                Some(next) => self.door.advance(next + 1, STEPS_AT_ONCE),
                None => return true,
            };
        }
        false
    }

    fn next(&mut self, done: bool) -> Next {
        let (clock, world) = (self.clock.now(), self.door.now());
        if done {
            let next = self.door.next_at().unwrap_or(SimTime::MAX).min(self.idle_checked + IDLE_CHECK_US);
            return Next::In(self.clock.until(next - self.clock.lookahead_us()));
        }
        if world >= self.skip_to
            && self.clock.until(clock + clock.since(world)).as_micros() > LAG_MAX_US.into()
        {
            self.clock.set(world);
        }
        Next::Now
    }

    fn take(&mut self, inbound: Inbound) {
        match inbound {
            Inbound::Connected { line, peer, broker } => match self.door.connect(&peer.to_string(), broker) {
                Ok(conn) => {
                    line.is_known_as(conn);
                    self.waiting.insert(conn);
                    self.lines.insert(conn, line);
                }
                Err(_) => line.close(true),
            },
            Inbound::Bytes(line, data) => {
                if let Some(conn) = line.conn() {
                    line.has_brought(data);
                    self.waiting.insert(conn);
                }
            }
            Inbound::Gone(line, why) => {
                if let Some(conn) = line.conn() {
                    self.forget(conn);
                    self.door.hang_up(conn, why);
                }
            }
        }
    }

    fn forget(&mut self, conn: ConnId) -> Option<Rc<Line>> {
        self.waiting.remove(&conn);
        if self.pool.forget(conn) {
            // Somebody may wait for its room.
            self.mailbox.wake();
        }
        self.lines.remove(&conn)
    }

    fn look_for_idle(&mut self) {
        if self.door.now().since(self.idle_checked) >= IDLE_CHECK_US {
            self.idle_checked = self.door.now();
            self.door.hang_up_idle();
        }
    }

    /// Hands out what the world said: as much as sockets take is written at once.
    fn put_out(&mut self) {
        let mut fresh = BTreeSet::new();
        while let Some(output) = self.door.next_output() {
            match output {
                Output::Frame { conn, bytes } => {
                    if let Some(line) = self.lines.get(&conn) {
                        line.put(&bytes);
                        fresh.insert(conn);
                    }
                }
                Output::Closed { conn, .. } => {
                    if let Some(line) = self.forget(conn) {
                        // What cannot be written now its own task writes.
                        let _ = line.write();
                        line.close(false);
                    }
                }
                Output::Listens { broker, on } => self.listen_or_not(broker, on),
            }
        }
        for conn in fresh {
            let Some(line) = self.lines.get(&conn) else { continue };
            if let Err(why) = line.write() {
                line.close(true);
                self.forget(conn);
                self.door.hang_up(conn, why);
            }
        }
    }

    /// Tells the world more of what was read, where the broker is through with what it was told
    /// and the other side takes its answers; when all is told, lets more be read. Returns
    /// whether the world was told anything.
    fn hear(&mut self) -> bool {
        let mut heard = false;
        let (door, lines, pool) = (&mut self.door, &self.lines, &mut self.pool);
        self.waiting.retain(|conn| {
            let Some(line) = lines.get(conn) else { return false };
            if !line.keeps_up() || !door.wants(*conn, 0) {
                return true;
            }
            match line.next_requests() {
                Some(requests) => {
                    door.bytes(*conn, requests);
                    heard = true;
                    true
                }
                None => {
                    let announced = line.announced();
                    // Whoever comes before it in this round may have waited for its room.
                    heard |= announced == 0 && pool.forget(*conn);
                    if !pool.lets_in(*conn, announced) {
                        return true;
                    }
                    line.read_on();
                    false
                }
            }
        });
        heard
    }

    fn note_inputs(&mut self) -> io::Result<()> {
        match &mut self.recorder {
            Some(recorder) => recorder.inputs(self.door.take_inputs()),
            None => Ok(()),
        }
    }

    /// A dead broker's port is closed; it opens again with the broker.
    fn listen_or_not(&mut self, broker: u32, on: bool) {
        match (on, self.listening.contains_key(&broker)) {
            (true, false) => {
                // Where the old socket is not yet gone, the task tries again.
                let address = self.address_of(broker).ok_or(ErrorKind::NotFound.into());
                let bound = address.and_then(std::net::TcpListener::bind).and_then(|listener| {
                    listener.set_nonblocking(true)?;
                    TcpListener::from_std(listener)
                });
                self.listen(broker, bound.ok());
            }
            (false, true) => {
                if let Some(task) = self.listening.remove(&broker) {
                    task.abort();
                }
            }
            _ => {}
        }
    }

    fn address_of(&self, broker: u32) -> Option<SocketAddr> {
        self.addresses.get(&broker).copied()
    }

    fn listen(&mut self, broker: u32, listener: Option<TcpListener>) {
        let Some(address) = self.address_of(broker) else { return };
        let mailbox = Rc::clone(&self.mailbox);
        let task = spawn_local(async move {
            let listener = match listener {
                Some(listener) => listener,
                None => loop {
                    match TcpListener::bind(address).await {
                        Ok(listener) => break listener,
                        Err(_) => sleep(RETRY).await,
                    }
                },
            };
            loop {
                match listener.accept().await {
                    Ok((stream, peer)) => {
                        let line = Rc::new(Line::new(stream));
                        let (peer, known) = (peer.ip(), Rc::clone(&line));
                        mailbox.put(Inbound::Connected { line: known, peer, broker });
                        spawn_local(line.run(Rc::clone(&mailbox)));
                    }
                    // Too many open files, for example: others may be closed meanwhile.
                    Err(_) => sleep(RETRY).await,
                }
            }
        });
        self.listening.insert(broker, task);
    }

    // ---- for the control interface ----

    /// Does a command now.
    pub(super) fn command(&mut self, command: Command) -> Result<(), CommandError> {
        let due = self.clock.now().max(self.door.now());
        self.door.advance(due, STEPS_AT_ONCE);
        self.door.command(command)?;
        self.put_out();
        self.mailbox.wake();
        Ok(())
    }

    /// Puts the world's time on; it is there when [`Server::has_skipped`].
    pub(super) fn skip(&mut self, us: u64) -> SimTime {
        self.clock.skip(us);
        self.skip_to = self.skip_to.max(self.clock.now());
        self.mailbox.wake();
        self.skip_to
    }

    pub(super) fn has_skipped(&self, to: SimTime) -> bool {
        self.door.now() >= to
    }

    /// The last turn, and what there is to say at the end.
    fn end(&mut self) -> io::Result<Served> {
        // Nothing of this moment is left open: what was recorded ends behind it.
        while !self.door.advance(self.door.now() + 1, STEPS_AT_ONCE) {}
        self.put_out();
        self.note_inputs()?;
        let world = self.door.world();
        let mut served = Served { digest: None, violations: world.violations().to_vec() };
        if let Some(recorder) = &mut self.recorder {
            recorder.end(self.door.now(), world.digest())?;
            served.digest = Some(world.digest());
        }
        Ok(served)
    }
}
