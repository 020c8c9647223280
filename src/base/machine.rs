//! The machine contract: every node is a sans-IO state machine. No clock, no socket, no
//! thread, no async: inputs go in, effects come out, and `now` is told.
//!
//! `T` is the machine's own timer key, `C` its own command, `E` the vocabulary of the trace.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{EPOCH_MS, Rng, Rope, SimTime};

/// A node of the world. Brokers carry their Kafka node id; the world gives the others theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u32);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A connection. Whoever opened it is in the upper 32 bits, so both ends agree on the name
/// and no counter is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnId(pub u64);

/// Why a connection ended, as the node at this end sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// Nothing answers to that host name.
    UnknownHost,
    /// The host is there, but nobody listens on the port.
    Refused,
    /// The other side closed it, or its process died.
    ByPeer,
    /// It broke: a message was lost for good.
    Reset,
}

/// What happens to a machine.
#[derive(Clone, Debug, PartialEq)]
pub enum Input<T, C> {
    /// The process starts: once, before anything else.
    Start,
    /// A whole frame arrived (without its length prefix).
    Frame {
        /// On which connection.
        conn: ConnId,
        /// The node at its other end.
        from: NodeId,
        /// The port at the end of whoever answers: which of its listeners the connection reached.
        port: u16,
        /// Exactly the bytes that were sent.
        bytes: Rope,
    },
    /// A connection ended; nothing more arrives on it and nothing sent on it gets through.
    Closed {
        /// Which connection.
        conn: ConnId,
        /// Why.
        reason: CloseReason,
    },
    /// A timer that this machine set has run out.
    Timer(T),
    /// What [`Ctx::flush`] asked for is on the disk's platters.
    Flushed {
        /// The machine's own number for the file.
        file: u64,
        /// Everything before this position is durable.
        position: u64,
    },
    /// Somebody outside wants something of the machine.
    Command(C),
}

/// Request or response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FrameKind {
    /// From whoever opened the connection.
    Request,
    /// The answer to it.
    Response,
}

/// What the sender knows of a frame, so that nobody on its way needs to decode it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameInfo {
    /// Request or response.
    pub kind: FrameKind,
    /// Number of the API.
    pub api_key: i16,
    /// Version of the API; for a response, that of its request.
    pub api_version: i16,
    /// Pairs a response with its request.
    pub correlation_id: i32,
}

/// How urgent a flush is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlushKind {
    /// `fsync`: as soon as the disk can.
    Now,
    /// Whenever the operating system writes dirty pages back.
    Background,
}

/// What a machine wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect<T> {
    /// Open a connection; frames may be sent on it at once, they wait for the handshake.
    Connect {
        /// Its name from now on.
        conn: ConnId,
        /// Host name.
        host: String,
        /// Port.
        port: u16,
    },
    /// Send a frame.
    Send {
        /// On which connection.
        conn: ConnId,
        /// What it is.
        info: FrameInfo,
        /// Header and body, without the length prefix.
        bytes: Rope,
    },
    /// Close a connection. This end hears no more of it.
    Close {
        /// Which.
        conn: ConnId,
    },
    /// Wake me at `at` with `key`; replaces an earlier timer with the same key.
    SetTimer {
        /// Whose.
        key: T,
        /// When.
        at: SimTime,
    },
    /// Forget the timer with this key, if there is one.
    CancelTimer {
        /// Whose.
        key: T,
    },
    /// Make a file durable up to `position`; [`Input::Flushed`] tells when that is done.
    Flush {
        /// The machine's own number for the file.
        file: u64,
        /// Everything before this position.
        position: u64,
        /// How soon.
        kind: FlushKind,
    },
}

/// What one step gave, each with the trace entry that caused it.
#[derive(Clone, Debug, PartialEq)]
pub struct Outputs<T, E> {
    /// What the machine wants done, in order.
    pub effects: Vec<(u64, Effect<T>)>,
    /// What it says happened, in order: entry number, cause, event.
    pub trace: Vec<(u64, u64, E)>,
}

/// All that a machine may see of the world during one step.
pub struct Ctx<'a, T, E> {
    now: SimTime,
    epoch_ms: i64,
    rng: &'a mut Rng,
    me: NodeId,
    next_conn: &'a mut u32,
    next_entry: u64,
    cause: u64,
    out: Outputs<T, E>,
}

impl<'a, T, E> Ctx<'a, T, E> {
    /// A step of node `me` at `now`. `root` is the trace entry for the input itself; the
    /// entries that this step adds are numbered from `next_entry`.
    pub fn new(
        now: SimTime,
        rng: &'a mut Rng,
        me: NodeId,
        next_conn: &'a mut u32,
        root: u64,
        next_entry: u64,
    ) -> Self {
        let out = Outputs { effects: Vec::new(), trace: Vec::new() };
        Ctx { now, epoch_ms: EPOCH_MS, rng, me, next_conn, next_entry, cause: root, out }
    }

    /// A step of a node whose clock showed `epoch_ms` when the world began, in milliseconds
    /// since 1970, and not [`EPOCH_MS`].
    pub fn with_epoch(self, epoch_ms: i64) -> Self {
        Ctx { epoch_ms, ..self }
    }

    /// The world's time.
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// What the node's clock shows: milliseconds since 1970, as record timestamps have it.
    pub fn unix_ms(&self) -> i64 {
        self.epoch_ms.saturating_add(self.now.as_ms() as i64)
    }

    /// This node's own stream of random numbers.
    pub fn rng(&mut self) -> &mut Rng {
        self.rng
    }

    /// Says that something happened; returns the entry's number, for [`Ctx::because`].
    pub fn trace(&mut self, event: E) -> u64 {
        let entry = self.next_entry;
        self.next_entry += 1;
        self.out.trace.push((entry, self.cause, event));
        entry
    }

    /// What follows was caused by this entry; returns the cause until now, to go back to.
    pub fn because(&mut self, entry: u64) -> u64 {
        std::mem::replace(&mut self.cause, entry)
    }

    /// What follows is caused by this entry.
    pub fn cause(&self) -> u64 {
        self.cause
    }

    /// Opens a connection. If that fails, [`Input::Closed`] tells.
    pub fn connect(&mut self, host: &str, port: u16) -> ConnId {
        *self.next_conn += 1;
        let conn = ConnId(u64::from(self.me.0) << 32 | u64::from(*self.next_conn));
        self.effect(Effect::Connect { conn, host: host.to_owned(), port });
        conn
    }

    /// Sends a frame.
    pub fn send(&mut self, conn: ConnId, info: FrameInfo, bytes: impl Into<Rope>) {
        self.effect(Effect::Send { conn, info, bytes: bytes.into() });
    }

    /// Closes a connection.
    pub fn close(&mut self, conn: ConnId) {
        self.effect(Effect::Close { conn });
    }

    /// Sets the timer `key` to go off at `at`, in place of any earlier one.
    pub fn set_timer(&mut self, key: T, at: SimTime) {
        self.effect(Effect::SetTimer { key, at });
    }

    /// Forgets the timer `key`.
    pub fn cancel_timer(&mut self, key: T) {
        self.effect(Effect::CancelTimer { key });
    }

    /// Asks for `file` to be durable up to `position`.
    pub fn flush(&mut self, file: u64, position: u64, kind: FlushKind) {
        self.effect(Effect::Flush { file, position, kind });
    }

    /// What the step gave.
    pub fn finish(self) -> Outputs<T, E> {
        self.out
    }

    fn effect(&mut self, effect: Effect<T>) {
        self.out.effects.push((self.cause, effect));
    }
}
