//! Links and connections. A link joins two machines; a connection is a TCP connection over it:
//! ordered each way, and either whole or broken. What a cut link holds up is delivered when
//! the link heals, as TCP would by retransmission, unless the connection ended meanwhile.
//!
//! A process that is broker and controller connects to itself, too. Whoever answers there knows the connection
//! by another name than whoever asks ([`Conn::name_at`]), so that both can tell their ends apart.

use crate::base::{CloseReason, ConnId, FrameKind, NodeId, Rng, SimTime};
use crate::sim::setup::NetworkSetup;
use crate::trace::Frame;

/// Two nodes' link. Both directions draw from one stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// One way, in microseconds.
    pub latency_us: u64,
    /// Nothing gets through.
    pub cut: bool,
    /// Nothing gets through to this node.
    pub cut_to: Option<NodeId>,
    /// What is sent to this node takes another time, in microseconds one way.
    pub slow_to: Option<(NodeId, u64)>,
    pub(super) held: Vec<(u64, Parcel)>,
    /// No jitter, any bandwidth: what a guest's real network does to it is enough.
    ideal: bool,
    rng: Rng,
}

impl Link {
    pub(super) fn ideal(seed: u64, a: NodeId, b: NodeId) -> Link {
        let rng = Rng::stream(seed, &format!("link {a}-{b}"));
        Link { latency_us: 0, cut: false, cut_to: None, slow_to: None, held: Vec::new(), ideal: true, rng }
    }

    pub(super) fn new(setup: NetworkSetup, seed: u64, a: NodeId, b: NodeId) -> Link {
        let rng = Rng::stream(seed, &format!("link {a}-{b}"));
        let latency_us = setup.latency_us;
        Link { latency_us, cut: false, cut_to: None, slow_to: None, held: Vec::new(), ideal: false, rng }
    }

    /// Whether what is sent to this node is held up.
    pub(super) fn is_cut_to(&self, node: NodeId) -> bool {
        self.cut || self.cut_to == Some(node)
    }

    /// Whether it is not as it was at the start.
    pub(super) fn is_disturbed(&self, usual_us: u64) -> bool {
        let usual_us = if self.ideal { 0 } else { usual_us };
        self.cut || self.latency_us != usual_us || self.cut_to.is_some() || self.slow_to.is_some()
    }

    /// The same, for something that is sent to this node.
    pub(super) fn delay_to(&mut self, to: NodeId, setup: NetworkSetup, size_bytes: u64) -> u64 {
        let delay = self.delay(setup, size_bytes);
        match self.slow_to {
            Some((slow, latency_us)) if slow == to => delay.saturating_sub(self.latency_us) + latency_us,
            _ => delay,
        }
    }

    /// How long something takes over it.
    pub(super) fn delay(&mut self, setup: NetworkSetup, size_bytes: u64) -> u64 {
        if self.ideal {
            return self.latency_us;
        }
        let jitter = if setup.jitter_us == 0 { 0 } else { self.rng.below(setup.jitter_us + 1) };
        self.latency_us + jitter + size_bytes.saturating_mul(1_000) / setup.bytes_per_ms.max(1)
    }
}

/// A connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Conn {
    /// Who opened it.
    pub client: NodeId,
    /// Who answers on it.
    pub server: NodeId,
    /// The server's port.
    pub port: u16,
    /// Bytes of frames that the client sent and that have not arrived.
    pub(super) under_way: u64,
    pub(super) client_open: bool,
    pub(super) server_open: bool,
    pub(super) ready: SimTime,
    pub(super) last_to_server: SimTime,
    pub(super) last_to_client: SimTime,
}

impl Conn {
    /// Whether a process has connected to itself.
    pub(super) fn is_loop(&self) -> bool {
        self.client == self.server
    }

    /// Which end a node is that knows the connection by this name.
    pub(super) fn end_of(&self, node: NodeId, name: ConnId) -> End {
        let asks = node == self.client && name.0 & ANSWERS == 0;
        if asks { End::Client } else { End::Server }
    }

    /// The node at an end.
    pub(super) fn node_at(&self, end: End) -> NodeId {
        if end == End::Client { self.client } else { self.server }
    }

    /// What the connection is called at an end.
    pub(super) fn name_at(&self, end: End, name: ConnId) -> ConnId {
        let own = line_of(name);
        if self.is_loop() && end == End::Server { ConnId(own.0 | ANSWERS) } else { own }
    }

    pub(super) fn is_open_at(&self, end: End) -> bool {
        if end == End::Client { self.client_open } else { self.server_open }
    }

    pub(super) fn shut_at(&mut self, end: End) {
        match end {
            End::Client => self.client_open = false,
            End::Server => self.server_open = false,
        }
    }

    /// Nothing overtakes on a connection: the moment at which something ready at `at` arrives.
    pub(super) fn in_order(&mut self, to: End, at: SimTime) -> SimTime {
        let last = if to == End::Client { &mut self.last_to_client } else { &mut self.last_to_server };
        *last = at.max(*last + 1);
        *last
    }
}

/// In the name of a connection of a process to itself: at the end of whoever answers.
const ANSWERS: u64 = 1 << 63;

/// The name of a connection in the world and its trace, at whichever end it was said.
pub(super) fn line_of(name: ConnId) -> ConnId {
    ConnId(name.0 & !ANSWERS)
}

/// An end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Who opened it.
    Client,
    /// Who answers.
    Server,
}

impl End {
    /// The other one.
    pub(super) fn other(self) -> End {
        if self == End::Client { End::Server } else { End::Client }
    }
}

/// Something on its way over a link.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parcel {
    /// As it is called where this goes.
    pub(super) conn: ConnId,
    pub(super) from: NodeId,
    pub(super) to: NodeId,
    pub(super) sent: SimTime,
    pub(super) what: Freight,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Freight {
    Frame(Frame),
    Closed(CloseReason),
}

/// A frame in flight, as views see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Flight {
    /// The entry that says it was sent.
    pub entry: u64,
    /// On which connection.
    pub conn: ConnId,
    /// From where.
    pub from: NodeId,
    /// Where to.
    pub to: NodeId,
    /// When it left.
    pub sent: SimTime,
    /// When it arrives; `None` while a cut link holds it up.
    pub arrives: Option<SimTime>,
    /// The frame.
    pub frame: Frame,
}

/// What becomes of a frame that somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is lost for good, and its connection with it.
    Lost,
    /// It takes so many microseconds more.
    Late(u64),
    /// It comes twice.
    Twice,
}

/// A frame that something is to happen to as soon as it is sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Trap {
    pub(super) from: NodeId,
    pub(super) to: NodeId,
    pub(super) api_key: Option<i16>,
    pub(super) kind: FrameKind,
    pub(super) left: u32,
    pub(super) fate: Fate,
}
