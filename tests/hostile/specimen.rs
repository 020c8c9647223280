//! Machines taken out of a living world, with the frames that they heard before that moment and those
//! that they would have heard next.

use std::sync::Arc;

use bytes::Bytes;
use terrarium::base::{ConnId, Effect, Input, NodeId, Rng, SimTime};
use terrarium::sim::{Command, Machine, Run, Setup};
use terrarium::trace::{Ctx, Event};

use crate::worlds::{Plan, kill, play, restart, seconds, setup};

/// The most that one step may ask of the world, and the largest frame it may send.
const EFFECTS_MAX: usize = 20_000;
const FRAME_MAX: usize = 16 << 20;

/// A frame that a machine heard, or would have.
#[derive(Clone)]
pub(crate) struct Heard {
    pub(crate) conn: ConnId,
    pub(crate) from: NodeId,
    pub(crate) bytes: Bytes,
}

/// One machine at one moment.
#[derive(Clone)]
pub(crate) struct Specimen {
    pub(crate) name: String,
    pub(crate) machine: Machine,
    pub(crate) now: SimTime,
    pub(crate) past: Vec<Heard>,
    pub(crate) next: Vec<Heard>,
    /// Timers that the machine has set while it was here.
    pub(crate) timers: Vec<AnyTimer>,
    /// Connections that it has opened while it was here.
    pub(crate) opened: Vec<ConnId>,
    pub(crate) closed: Vec<ConnId>,
    pub(crate) sent: Vec<(ConnId, Bytes)>,
    pub(crate) rejected: Vec<(ConnId, String)>,
    rng: Rng,
    next_conn: u32,
    next_entry: u64,
}

/// A timer's key.
#[derive(Clone)]
pub(crate) enum AnyTimer {
    Broker(terrarium::broker::BrokerTimer),
    Controller(terrarium::controller::ControllerTimer),
    Producer(terrarium::client::ProducerTimer),
    Consumer(terrarium::client::ConsumerTimer),
    Admin(terrarium::client::AdminTimer),
    ZooKeeper(terrarium::zookeeper::ZooKeeperTimer),
}

/// What may happen to any machine.
pub(crate) enum Stimulus {
    Common(Input<std::convert::Infallible, std::convert::Infallible>),
    Timer(AnyTimer),
}

/// Every node of a world at some moments of its life.
pub(crate) fn specimens(moments_ms: &[u64]) -> Vec<Specimen> {
    let script = vec![
        (3_000, Command::Cut { a: "broker-1".into(), b: "broker-2".into() }),
        (4_500, kill("broker-3")),
        (5_000, Command::Heal { a: "broker-1".into(), b: "broker-2".into() }),
        (9_000, restart("broker-3")),
    ];
    let plan = Plan { seed: 11, script, count: 2_000, ..Plan::default() };
    let whole = play(&plan, seconds(30));
    specimens_in(&setup(&plan), &whole, moments_ms)
}

/// Every node of a world on ZooKeeper at some moments of its life.
pub(crate) fn specimens_on_zookeeper(moments_ms: &[u64]) -> Vec<Specimen> {
    let script = vec![(4_500, kill("broker-1")), (9_000, restart("broker-1"))];
    let plan = Plan { seed: 12, zookeeper: true, script, count: 2_000, ..Plan::default() };
    let whole = play(&plan, seconds(30));
    specimens_in(&setup(&plan), &whole, moments_ms)
}

/// Every node of a world at some moments, with what it hears in the course of the whole run.
pub(crate) fn specimens_in(setup: &Arc<Setup>, whole: &Run, moments_ms: &[u64]) -> Vec<Specimen> {
    let mut run = Run::new(Arc::clone(setup));
    let mut all = Vec::new();
    for ms in moments_ms {
        run.play_until(SimTime(ms * 1_000), u64::MAX);
        let now = run.world().now();
        for (id, slot) in run.world().nodes() {
            let heard = |entry: &terrarium::trace::Entry| match &entry.event {
                Event::Received { conn, from, frame } if entry.node == id => {
                    Some(Heard { conn: *conn, from: *from, bytes: frame.bytes.whole() })
                }
                _ => None,
            };
            let trace = || whole.branch().trace().iter();
            let past: Vec<Heard> = trace().take_while(|e| e.time <= now).filter_map(heard).collect();
            let next = trace().skip_while(|e| e.time <= now).filter_map(heard).take(150).collect();
            let skip = past.len().saturating_sub(600);
            all.push(Specimen {
                name: format!("{} at {ms} ms", slot.name),
                machine: slot.machine.clone(),
                now,
                past: past.into_iter().skip(skip).collect(),
                next,
                timers: Vec::new(),
                opened: Vec::new(),
                closed: Vec::new(),
                sent: Vec::new(),
                rejected: Vec::new(),
                rng: Rng::stream(u64::from(id.0), "specimen"),
                next_conn: 1_000_000,
                next_entry: 1_000_000_000,
            });
        }
    }
    all
}

/// Only the brokers, controllers, ...: those for which this holds.
pub(crate) fn only(specimens: Vec<Specimen>, kind: fn(&Machine) -> bool) -> Vec<Specimen> {
    specimens.into_iter().filter(|specimen| kind(&specimen.machine)).collect()
}

impl Specimen {
    pub(crate) fn frame(&mut self, conn: ConnId, from: NodeId, bytes: Bytes) {
        self.step(Stimulus::Common(Input::Frame { conn, from, port: 9092, bytes: bytes.into() }));
    }

    /// Whether the machine closed this connection and said why.
    pub(crate) fn has_rejected(&self, conn: ConnId) -> bool {
        self.closed.contains(&conn) && self.rejected.iter().any(|(rejected, _)| *rejected == conn)
    }

    /// What it answered on this connection.
    pub(crate) fn answers(&self, conn: ConnId) -> Vec<Bytes> {
        self.sent.iter().filter(|(to, _)| *to == conn).map(|(_, bytes)| bytes.clone()).collect()
    }

    pub(crate) fn step(&mut self, stimulus: Stimulus) {
        macro_rules! drive {
            ($machine:ident, $kind:ident) => {{
                let root = self.next_entry;
                let (rng, next_conn) = (&mut self.rng, &mut self.next_conn);
                let mut ctx = Ctx::new(self.now, rng, NodeId(7), next_conn, root, root + 1);
                let input = match stimulus {
                    Stimulus::Common(Input::Start) => Input::Start,
                    Stimulus::Common(Input::Frame { conn, from, port, bytes }) => {
                        Input::Frame { conn, from, port, bytes }
                    }
                    Stimulus::Common(Input::Closed { conn, reason }) => Input::Closed { conn, reason },
                    Stimulus::Common(Input::Flushed { file, position }) => Input::Flushed { file, position },
                    Stimulus::Timer(AnyTimer::$kind(key)) => Input::Timer(key),
                    _ => return,
                };
                $machine.step(&mut ctx, input);
                let out = ctx.finish();
                assert!(out.effects.len() + out.trace.len() <= EFFECTS_MAX, "{} effects", out.effects.len());
                self.next_entry += 1 + out.trace.len() as u64;
                for (_, effect) in out.effects {
                    match effect {
                        Effect::Connect { conn, .. } => self.opened.push(conn),
                        Effect::Close { conn } => self.closed.push(conn),
                        Effect::SetTimer { key, .. } => self.timers.push(AnyTimer::$kind(key)),
                        Effect::Send { conn, bytes, .. } => {
                            assert!(bytes.len() <= FRAME_MAX, "a frame of {} bytes", bytes.len());
                            self.sent.push((conn, bytes.whole()));
                        }
                        Effect::CancelTimer { .. } | Effect::Flush { .. } => {}
                    }
                }
                for (_, _, event) in out.trace {
                    if let Event::RequestRejected { conn, reason } = event {
                        self.rejected.push((conn, reason.to_string()));
                    }
                }
            }};
        }
        match &mut self.machine {
            Machine::Broker(machine) => drive!(machine, Broker),
            Machine::Controller(machine) => drive!(machine, Controller),
            Machine::Producer(machine) => drive!(machine, Producer),
            Machine::Consumer(machine) => drive!(machine, Consumer),
            Machine::Admin(machine) => drive!(machine, Admin),
            Machine::ZooKeeper(machine) => drive!(machine, ZooKeeper),
            // The one hears nothing: what it is sent goes outside. The other's two machines are tried apart.
            Machine::Guest(_) | Machine::Combined(_) => {}
        }
    }
}
