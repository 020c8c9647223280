//! A node of the world: a machine, and what the world keeps for it.

use serde::Serialize;

use crate::base::{Effect, Input, Map, NodeId, Outputs, Rng, SimTime};
use crate::broker::{Broker, BrokerTimer};
use crate::client::{Admin, AdminTimer, Consumer, ConsumerTimer, Producer, ProducerTimer};
use crate::controller::{Controller, ControllerTimer};
use crate::sim::combined::Step;
use crate::sim::{Combined, Guest};
use crate::storage::UnifiedLog;
use crate::trace::{self, Event};
use crate::zookeeper::{ZooKeeper, ZooKeeperTimer};

/// Every kind of machine. An enum, so that nodes can be cloned, compared, listed and printed.
#[derive(Clone, Debug, PartialEq)]
pub enum Machine {
    /// Stores records.
    Broker(Box<Broker>),
    /// Keeps the cluster's metadata.
    Controller(Box<Controller>),
    /// Both in one process.
    Combined(Box<Combined>),
    /// Keeps the metadata of a cluster of the past.
    ZooKeeper(Box<ZooKeeper>),
    /// Sends records.
    Producer(Box<Producer>),
    /// Reads records.
    Consumer(Box<Consumer>),
    /// Creates topics and changes configs.
    Admin(Box<Admin>),
    /// Stands for a program outside the world that is connected to it.
    Guest(Box<Guest>),
}

impl Machine {
    /// The broker that it is, or has in it.
    pub fn broker(&self) -> Option<&Broker> {
        match self {
            Machine::Broker(broker) => Some(broker),
            Machine::Combined(combined) => Some(combined.broker()),
            _ => None,
        }
    }

    /// The controller that it is, or has in it.
    pub fn controller(&self) -> Option<&Controller> {
        match self {
            Machine::Controller(controller) => Some(controller),
            Machine::Combined(combined) => Some(combined.controller()),
            _ => None,
        }
    }

    /// Its metadata log, or its copy of it.
    pub fn metadata_log(&self) -> Option<&UnifiedLog> {
        match self {
            Machine::Broker(broker) => Some(broker.metadata_log()),
            _ => self.controller().map(Controller::log),
        }
    }

    pub(super) fn broker_mut(&mut self) -> Option<&mut Broker> {
        match self {
            Machine::Broker(broker) => Some(broker),
            Machine::Combined(combined) => Some(combined.broker_mut()),
            _ => None,
        }
    }
}

/// The timer key of some machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// A broker's.
    Broker(BrokerTimer),
    /// A controller's.
    Controller(ControllerTimer),
    /// A producer's.
    Producer(ProducerTimer),
    /// A consumer's.
    Consumer(ConsumerTimer),
    /// An admin client's.
    Admin(AdminTimer),
    /// A ZooKeeper server's.
    ZooKeeper(ZooKeeperTimer),
}

impl Timer {
    /// Its name in the trace.
    pub fn name(&self) -> &'static str {
        match self {
            Timer::Broker(timer) => timer.name(),
            Timer::Controller(timer) => timer.name(),
            Timer::Producer(timer) => timer.name(),
            Timer::Consumer(timer) => timer.name(),
            Timer::Admin(timer) => timer.name(),
            Timer::ZooKeeper(timer) => timer.name(),
        }
    }
}

/// How a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Not started yet.
    Waiting,
    /// Running.
    Up,
    /// Standing still: its connections are open, but it does nothing.
    Paused,
    /// The process is dead; its machine answers for it that the port is closed.
    Killed,
    /// The machine is dead: silence.
    PoweredOff,
}

/// A node and what the world keeps for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// Unique name: `broker-1`, `controller`, or a client's.
    pub name: String,
    /// How it is.
    pub health: Health,
    /// The machine itself; of a dead process, what its disk holds.
    pub machine: Machine,
    /// When the process last started.
    pub started: SimTime,
    /// How far its clock is ahead of the others', in milliseconds.
    pub skew_ms: i64,
    /// How long an `fsync` takes on its disk, in microseconds, when not as on the others.
    pub flush_us: Option<u64>,
    /// Nothing more can be written to its disk.
    pub disk_full: bool,
    pub(super) rng: Rng,
    pub(super) next_conn: u32,
    pub(super) timers: Map<Timer, (SimTime, u64)>,
}

/// What a machine's step asks of the world.
pub(super) type Asked = Outputs<Timer, Event>;

/// An input of which the frame, close and flush parts suit every machine.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stimulus {
    /// Any input but timers and commands, which are the machine's own.
    Common(Input<std::convert::Infallible, std::convert::Infallible>),
    /// A timer.
    Timer(Timer),
    /// A producer's command.
    Producer(crate::client::ProducerCommand),
    /// A consumer's command.
    Consumer(crate::client::ConsumerCommand),
    /// A broker's command.
    Broker(crate::broker::BrokerCommand),
    /// An admin client's command.
    Admin(crate::client::AdminCommand),
}

impl Slot {
    pub(super) fn new(name: String, machine: Machine, seed: u64) -> Slot {
        let rng = Rng::stream(seed, &format!("node {name}"));
        let timers = Map::new();
        Slot {
            name,
            health: Health::Waiting,
            machine,
            started: SimTime::ZERO,
            skew_ms: 0,
            flush_us: None,
            disk_full: false,
            rng,
            next_conn: 0,
            timers,
        }
    }

    /// One step of the machine. A timer or command of another kind of machine is ignored.
    pub(super) fn step(
        &mut self,
        now: SimTime,
        epoch_ms: i64,
        me: NodeId,
        root: u64,
        stimulus: Stimulus,
    ) -> Asked {
        let epoch_ms = epoch_ms.saturating_add(self.skew_ms);
        let (rng, next_conn) = (&mut self.rng, &mut self.next_conn);
        macro_rules! drive {
            ($machine:ident, $timer:ident, $command:pat => $inner:expr) => {{
                let mut ctx = trace::Ctx::new(now, rng, me, next_conn, root, root + 1).with_epoch(epoch_ms);
                let input = match stimulus {
                    Stimulus::Common(common) => own(common),
                    Stimulus::Timer(Timer::$timer(key)) => Input::Timer(key),
                    $command => Input::Command($inner),
                    _ => return Asked { effects: Vec::new(), trace: Vec::new() },
                };
                $machine.step(&mut ctx, input);
                wrap(ctx.finish(), Timer::$timer)
            }};
            ($machine:ident, $timer:ident) => {{
                let mut ctx = trace::Ctx::new(now, rng, me, next_conn, root, root + 1).with_epoch(epoch_ms);
                let input = match stimulus {
                    Stimulus::Common(common) => own(common),
                    Stimulus::Timer(Timer::$timer(key)) => Input::Timer(key),
                    _ => return Asked { effects: Vec::new(), trace: Vec::new() },
                };
                $machine.step(&mut ctx, input);
                wrap(ctx.finish(), Timer::$timer)
            }};
        }
        match &mut self.machine {
            Machine::Broker(broker) => drive!(broker, Broker, Stimulus::Broker(c) => c),
            Machine::Controller(controller) => drive!(controller, Controller),
            Machine::Combined(combined) => {
                combined.step(&mut Step { now, epoch_ms, me, root, rng, next_conn }, stimulus)
            }
            Machine::ZooKeeper(zookeeper) => {
                step_zookeeper(zookeeper, Step { now, epoch_ms, me, root, rng, next_conn }, stimulus)
            }
            Machine::Producer(producer) => drive!(producer, Producer, Stimulus::Producer(c) => c),
            Machine::Consumer(consumer) => drive!(consumer, Consumer, Stimulus::Consumer(c) => c),
            Machine::Admin(admin) => drive!(admin, Admin, Stimulus::Admin(c) => c),
            Machine::Guest(guest) => {
                // What it hears is in the trace, and from there it goes outside.
                if let Stimulus::Common(Input::Closed { conn, .. }) = stimulus {
                    guest.forget(conn);
                }
                Asked { effects: Vec::new(), trace: Vec::new() }
            }
        }
    }
}

/// A first look loads nothing of ZooKeeper.
#[inline(never)]
fn step_zookeeper(zookeeper: &mut ZooKeeper, step: Step<'_>, stimulus: Stimulus) -> Asked {
    let Step { now, epoch_ms, me, root, rng, next_conn } = step;
    let mut ctx = trace::Ctx::new(now, rng, me, next_conn, root, root + 1).with_epoch(epoch_ms);
    let input = match stimulus {
        Stimulus::Common(common) => own(common),
        Stimulus::Timer(Timer::ZooKeeper(key)) => Input::Timer(key),
        _ => return Asked { effects: Vec::new(), trace: Vec::new() },
    };
    zookeeper.step(&mut ctx, input);
    wrap(ctx.finish(), Timer::ZooKeeper)
}

pub(super) fn own<T, C>(common: Input<std::convert::Infallible, std::convert::Infallible>) -> Input<T, C> {
    match common {
        Input::Start => Input::Start,
        Input::Frame { conn, from, port, bytes } => Input::Frame { conn, from, port, bytes },
        Input::Closed { conn, reason } => Input::Closed { conn, reason },
        Input::Flushed { file, position } => Input::Flushed { file, position },
        Input::Timer(never) | Input::Command(never) => match never {},
    }
}

pub(super) fn wrap<T>(outputs: Outputs<T, Event>, key_of: fn(T) -> Timer) -> Asked {
    let effects = outputs
        .effects
        .into_iter()
        .map(|(cause, effect)| {
            let effect = match effect {
                Effect::SetTimer { key, at } => Effect::SetTimer { key: key_of(key), at },
                Effect::CancelTimer { key } => Effect::CancelTimer { key: key_of(key) },
                Effect::Connect { conn, host, port } => Effect::Connect { conn, host, port },
                Effect::Send { conn, info, bytes } => Effect::Send { conn, info, bytes },
                Effect::Close { conn } => Effect::Close { conn },
                Effect::Flush { file, position, kind } => Effect::Flush { file, position, kind },
            };
            (cause, effect)
        })
        .collect();
    Asked { effects, trace: outputs.trace }
}
