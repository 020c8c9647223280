//! A world with an outside: inputs with their time go in, bytes for sockets come out.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use crate::base::{CloseReason, ConnId, NodeId, Rope, SimTime, ms};
use crate::metadata::NO_LEADER;
use crate::sim::{Command, CommandError, Data, Health, Setup, Slot, World};
use crate::trace::{Entry, Event, Frame};

/// How much a door remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoorOptions {
    /// So many trace entries, the latest, without the bytes of their frames.
    pub trace_entries: u32,
    /// Checks promises, computes the digest, and keeps every input until somebody takes it. What
    /// the checkers know grows with what is written.
    pub recorded: bool,
}

impl Default for DoorOptions {
    fn default() -> Self {
        DoorOptions { trace_entries: 10_000, recorded: false }
    }
}

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Write the length of `bytes` as four bytes, most significant first, and then `bytes`.
    Frame {
        /// On which connection.
        conn: ConnId,
        /// A whole response.
        bytes: Rope,
    },
    /// Close the connection once everything before is written. It is forgotten here.
    Closed {
        /// Which.
        conn: ConnId,
        /// Why: in words, for logs.
        reason: Arc<str>,
    },
    /// A broker's process began or ceased to listen.
    Listens {
        /// Which broker.
        broker: u32,
        /// Whether it listens now.
        on: bool,
    },
}

/// A world with an outside, and no history.
///
/// Inputs come at the world's time. What was to happen before it has happened, what is to
/// happen at it comes after the input: a recorded session, in which inputs go first at their
/// time, is therefore the same run.
#[derive(Debug)]
pub struct Door {
    world: World,
    options: DoorOptions,
    lines: BTreeMap<ConnId, Line>,
    numbers: BTreeMap<Arc<str>, u32>,
    fresh: Vec<Entry>,
    ring: VecDeque<Entry>,
    outputs: VecDeque<Output>,
    inputs: Vec<(SimTime, Command)>,
}

#[derive(Clone, Debug)]
struct Line {
    client: Arc<str>,
    number: u32,
    active: SimTime,
    why: Option<Arc<str>>,
}

impl Door {
    /// A door to a world at its beginning.
    pub fn new(setup: Arc<Setup>, options: DoorOptions) -> Door {
        let world = if options.recorded { World::new(setup) } else { World::unwatched(setup) };
        Door {
            world,
            options,
            lines: BTreeMap::new(),
            numbers: BTreeMap::new(),
            fresh: Vec::new(),
            ring: VecDeque::new(),
            outputs: VecDeque::new(),
            inputs: Vec::new(),
        }
    }

    /// The world inside.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Whether promises are checked, and the digest computed.
    pub fn is_recorded(&self) -> bool {
        self.options.recorded
    }

    /// The world's time: the time of the next input.
    pub fn now(&self) -> SimTime {
        self.world.now()
    }

    /// When something will happen by itself; `None` for never.
    pub fn next_at(&self) -> Option<SimTime> {
        self.world.next_at()
    }

    /// Lets the world run up to, but without, the time `to`, at most `most` steps. Returns
    /// whether it got there.
    pub fn advance(&mut self, to: SimTime, most: u64) -> bool {
        for _ in 0..most {
            if self.world.next_at().is_none_or(|at| at >= to) {
                self.world.idle_until(to);
                return true;
            }
            self.world.step(&mut self.fresh);
            self.sort_out();
        }
        false
    }

    /// Lets the world run until there is something to be done outside, but not past the time `to`:
    /// at most `most` steps. Returns whether it got there, or something is to be done.
    pub fn advance_to_output(&mut self, to: SimTime, most: u64) -> bool {
        for _ in 0..most {
            if !self.outputs.is_empty() || self.advance(to, 1) {
                return true;
            }
        }
        false
    }

    /// Lets the world run until all brokers serve and the scenario's topics are there, but not
    /// past `until`. Returns whether they are.
    pub fn warm_up(&mut self, until: SimTime) -> bool {
        while !self.is_ready() {
            if self.now() >= until {
                return false;
            }
            self.advance(self.now() + 1_000, u64::MAX);
        }
        true
    }

    /// Whether all brokers that run serve, and know the scenario's topics and their leaders.
    pub fn is_ready(&self) -> bool {
        let topics = &self.world.setup().cluster.topics;
        let living = |slot: &Slot| matches!(slot.health, Health::Waiting | Health::Up);
        self.world.brokers().filter(|(_, slot, _)| living(slot)).all(|(_, _, broker)| {
            let image = broker.image();
            !broker.is_fenced()
                && topics.iter().all(|topic| {
                    image.topics.get(topic.name.as_str()).is_some_and(|found| {
                        found.partitions.len() as u64 == topic_partitions(topic)
                            && found.partitions.values().all(|partition| partition.leader != NO_LEADER)
                    })
                })
        })
    }

    /// A program outside connects to a broker. The connection may be refused: an output tells.
    ///
    /// # Errors
    /// When the name is another node's, or that node stands still; nothing happened then.
    pub fn connect(&mut self, client: &str, broker: u32) -> Result<ConnId, CommandError> {
        let name: Arc<str> = client.into();
        let number = self.numbers.get(&name).copied().unwrap_or(0).saturating_add(1);
        let broker = format!("broker-{broker}");
        self.input(Command::Connect { client: client.to_owned(), conn: number, broker })?;
        self.numbers.insert(Arc::clone(&name), number);
        let conn = self.world.guest_conn(client, number);
        let conn = conn.ok_or_else(|| CommandError::NoSuchNode(client.to_owned()))?;
        self.lines.insert(conn, Line { client: name, number, active: self.now(), why: None });
        Ok(conn)
    }

    /// Bytes came in on a connection, however they were cut. Ignored when it has ended.
    pub fn bytes(&mut self, conn: ConnId, data: Bytes) {
        let now = self.now();
        if let Some(Line { client, number, active, .. }) = self.lines.get_mut(&conn) {
            *active = now;
            let command = Command::Bytes { client: client.to_string(), conn: *number, data: Data(data) };
            self.told(command);
        }
    }

    /// A program outside closed a connection, or died: then there is no `why`. Or the door
    /// closes it, and says why. Ignored when it has ended.
    pub fn hang_up(&mut self, conn: ConnId, why: Option<String>) {
        if let Some(Line { client, number, .. }) = self.lines.remove(&conn) {
            self.told(Command::HangUp { client: client.to_string(), conn: number, why });
        }
    }

    /// Closes connections on which nothing was said for `connections.max.idle.ms`.
    pub fn hang_up_idle(&mut self) {
        let max_idle = ms(u64::from(self.world.setup().cluster.config.connections_max_idle_ms));
        let now = self.now();
        let idle = |line: &Line| now.since(line.active) > max_idle;
        let ended: Vec<ConnId> =
            self.lines.iter().filter(|(_, line)| idle(line)).map(|(conn, _)| *conn).collect();
        for conn in ended {
            let reason = "nothing was said for connections.max.idle.ms";
            self.hang_up(conn, Some(reason.to_owned()));
            self.outputs.push_back(Output::Closed { conn, reason: reason.into() });
        }
    }

    /// How many programs' connections there are.
    pub fn connections(&self) -> u32 {
        self.lines.len() as u32
    }

    /// Somebody does something to the world.
    ///
    /// # Errors
    /// When the world refuses it; nothing happened then.
    pub fn command(&mut self, command: Command) -> Result<(), CommandError> {
        self.input(command)
    }

    /// Whether more bytes may be read from a connection: not while requests for more than
    /// `most` bytes wait for the broker.
    pub fn wants(&self, conn: ConnId, most: u64) -> bool {
        self.world.unserved_bytes(conn) <= most
    }

    /// What is to be done outside, oldest first.
    pub fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The inputs since they were last taken, with their times: what a recording holds.
    pub fn take_inputs(&mut self) -> Vec<(SimTime, Command)> {
        std::mem::take(&mut self.inputs)
    }

    /// Remembered trace entries after number `after`, oldest first.
    pub fn trace(&self, after: u64) -> impl Iterator<Item = &Entry> {
        let first = self.ring.front().map_or(0, |entry| entry.seq);
        let skip = (after + 1).saturating_sub(first).min(self.ring.len() as u64) as usize;
        self.ring.range(skip..)
    }

    fn told(&mut self, command: Command) {
        // Whoever is no longer there is not missed.
        let _ = self.input(command);
    }

    fn input(&mut self, command: Command) -> Result<(), CommandError> {
        self.world.command(&command, &mut self.fresh)?;
        if self.options.recorded {
            self.inputs.push((self.world.now(), command));
        }
        self.sort_out();
        Ok(())
    }

    /// What fresh entries mean outside; then they are remembered for a while.
    fn sort_out(&mut self) {
        let mut fresh = std::mem::take(&mut self.fresh);
        for mut entry in fresh.drain(..) {
            self.heed(&entry);
            if self.options.trace_entries > 0 {
                if self.ring.len() >= self.options.trace_entries as usize {
                    self.ring.pop_front();
                }
                if let Event::Sent { frame, .. } | Event::Received { frame, .. } | Event::Lost { frame, .. } =
                    &mut entry.event
                {
                    frame.bytes = Rope::default();
                }
                self.ring.push_back(entry);
            }
        }
        self.fresh = fresh;
    }

    fn heed(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Received { conn, frame: Frame { bytes, .. }, .. }
                if conn_owner(*conn) == entry.node && self.lines.contains_key(conn) =>
            {
                if let Some(line) = self.lines.get_mut(conn) {
                    line.active = entry.time;
                }
                self.outputs.push_back(Output::Frame { conn: *conn, bytes: bytes.clone() });
            }
            Event::RequestRejected { conn, reason } => {
                if let Some(line) = self.lines.get_mut(conn) {
                    line.why = Some(Arc::clone(reason));
                }
            }
            Event::ConnectionClosed { conn, reason, .. } if conn_owner(*conn) == entry.node => {
                if let Some(line) = self.lines.remove(conn) {
                    let reason = line.why.unwrap_or_else(|| in_words(*reason).into());
                    self.outputs.push_back(Output::Closed { conn: *conn, reason });
                }
            }
            Event::NodeStarted => self.listens(entry.node, true),
            Event::NodeKilled | Event::NodeStopped => {
                self.listens(entry.node, false);
                self.ended(entry.node);
            }
            // A machine without power refuses nothing: it is silent.
            Event::PowerLost { .. } => self.ended(entry.node),
            _ => {}
        }
    }

    fn ended(&mut self, node: NodeId) {
        let first = ConnId(u64::from(node.0) << 32);
        let after = ConnId((u64::from(node.0) + 1) << 32);
        let ended: Vec<ConnId> = self.lines.range(first..after).map(|(conn, _)| *conn).collect();
        for conn in ended {
            self.lines.remove(&conn);
            self.outputs.push_back(Output::Closed { conn, reason: "the client was killed".into() });
        }
    }

    fn listens(&mut self, node: NodeId, on: bool) {
        if self.world.node(node).is_some_and(|slot| slot.machine.broker().is_some()) {
            self.outputs.push_back(Output::Listens { broker: node.0, on });
        }
    }
}

/// Who opened a connection.
fn conn_owner(conn: ConnId) -> NodeId {
    NodeId((conn.0 >> 32) as u32)
}

fn topic_partitions(topic: &crate::sim::TopicSetup) -> u64 {
    match topic.assignments.len() {
        0 => topic.partitions.max(0) as u64,
        assigned => assigned as u64,
    }
}

fn in_words(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::UnknownHost => "no such broker",
        CloseReason::Refused => "the broker does not listen",
        CloseReason::ByPeer => "the broker closed it",
        CloseReason::Reset => "the connection broke",
    }
}
