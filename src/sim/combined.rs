//! A process that is broker and controller at once (`process.roles=broker,controller`): two machines that
//! start, stand still and die together, on one disk.
//!
//! The broker has no copy of the metadata log of its own: it reads the voter's, as far as that is
//! committed. It talks to the active controller over a connection like everybody, even when that is in
//! the same process. Source: KIP-500, KIP-631; Kafka documentation, *KRaft › Process Roles*.

use std::sync::Arc;

use crate::base::{ConnId, Effect, Input, NodeId, Rng, Set, SimTime};
use crate::broker::{Broker, VoterNews};
use crate::controller::Controller;
use crate::metadata::CONTROLLER_PORT;
use crate::sim::node::{Asked, Stimulus, Timer, own, wrap};
use crate::trace;

/// In a file's number: the controller's, and not the broker's.
const CONTROLLER_FILE: u64 = 1 << 63;

/// A broker and a controller in one process.
#[derive(Clone, Debug, PartialEq)]
pub struct Combined {
    broker: Broker,
    controller: Controller,
    /// Connections that the controller has opened.
    asks: Set<ConnId>,
    /// What the broker was told last: epoch, leader, the log's start, end and high watermark.
    told: Option<(i32, Option<i32>, [i64; 3])>,
}

/// One step of a process, as far as both machines have to know.
pub(super) struct Step<'a> {
    pub(super) now: SimTime,
    pub(super) epoch_ms: i64,
    pub(super) me: NodeId,
    pub(super) root: u64,
    pub(super) rng: &'a mut Rng,
    pub(super) next_conn: &'a mut u32,
}

/// Which of the two something is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Addressee {
    Broker,
    Controller,
    Both,
}

impl Combined {
    /// A process that has not started yet.
    pub(super) fn new(broker: Broker, controller: Controller) -> Combined {
        Combined { broker, controller, asks: Set::new(), told: None }
    }

    /// The broker.
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// The controller.
    pub fn controller(&self) -> &Controller {
        &self.controller
    }

    pub(super) fn broker_mut(&mut self) -> &mut Broker {
        &mut self.broker
    }

    /// This process after it died: what its disk holds, and nothing else.
    pub(super) fn after_crash(&self) -> Combined {
        Combined::new(self.broker.after_crash(), self.controller.after_crash())
    }

    /// What was not flushed is gone, of both. Returns the bytes lost.
    pub(super) fn lose_power(&mut self, rng: &mut Rng) -> u64 {
        self.broker.lose_power(rng) + self.controller.lose_power(rng)
    }

    /// One step: of one of them or both, and then the broker hears what the voter has.
    #[inline(never)]
    pub(super) fn step(&mut self, step: &mut Step<'_>, stimulus: Stimulus) -> Asked {
        let mut asked = Asked { effects: Vec::new(), trace: Vec::new() };
        let addressee = self.addressee(step.me, &stimulus);
        if let Stimulus::Common(Input::Closed { conn, .. }) = &stimulus {
            self.asks.remove(conn);
        }
        if addressee != Addressee::Broker {
            self.step_controller(step, stimulus.clone(), &mut asked);
        }
        if addressee != Addressee::Controller {
            let mut ctx = step.ctx(&asked);
            let input = match stimulus {
                Stimulus::Common(common) => own(common),
                Stimulus::Timer(Timer::Broker(key)) => Input::Timer(key),
                Stimulus::Broker(command) => Input::Command(command),
                _ => return asked,
            };
            self.broker.step(&mut ctx, input);
            asked.add(wrap(ctx.finish(), Timer::Broker));
        }
        self.tell_broker(step, &mut asked);
        asked
    }

    #[inline(never)]
    fn addressee(&self, me: NodeId, stimulus: &Stimulus) -> Addressee {
        let is_own = |conn: &ConnId| conn.0 >> 32 == u64::from(me.0);
        let asker = |conn: &ConnId| match self.asks.contains(conn) {
            true => Addressee::Controller,
            false => Addressee::Broker,
        };
        match stimulus {
            Stimulus::Common(Input::Frame { conn, .. } | Input::Closed { conn, .. }) if is_own(conn) => {
                asker(conn)
            }
            Stimulus::Common(Input::Frame { port: CONTROLLER_PORT, .. }) => Addressee::Controller,
            Stimulus::Common(Input::Frame { .. }) => Addressee::Broker,
            // Which listener it was does not matter any more: who does not know it has nothing to forget.
            Stimulus::Common(Input::Start | Input::Closed { .. }) => Addressee::Both,
            Stimulus::Common(Input::Flushed { file, .. }) if file & CONTROLLER_FILE != 0 => {
                Addressee::Controller
            }
            Stimulus::Timer(Timer::Controller(_)) => Addressee::Controller,
            _ => Addressee::Broker,
        }
    }

    fn step_controller(&mut self, step: &mut Step<'_>, stimulus: Stimulus, asked: &mut Asked) {
        let input = match stimulus {
            Stimulus::Common(Input::Flushed { file, position }) => {
                Input::Flushed { file: file & !CONTROLLER_FILE, position }
            }
            Stimulus::Common(common) => own(common),
            Stimulus::Timer(Timer::Controller(key)) => Input::Timer(key),
            _ => return,
        };
        let mut ctx = step.ctx(asked);
        self.controller.step(&mut ctx, input);
        let mut outputs = wrap(ctx.finish(), Timer::Controller);
        for (_, effect) in &mut outputs.effects {
            match effect {
                Effect::Connect { conn, .. } => drop(self.asks.insert(*conn)),
                Effect::Close { conn } => drop(self.asks.remove(conn)),
                Effect::Flush { file, .. } => *file |= CONTROLLER_FILE,
                _ => {}
            }
        }
        asked.add(outputs);
    }

    /// The broker's metadata are the voter's: it hears when there are more, or another leads.
    #[inline(never)]
    fn tell_broker(&mut self, step: &mut Step<'_>, asked: &mut Asked) {
        let log = self.controller.log();
        let facts = self.controller.quorum();
        let offsets = [log.log_start_offset(), log.log_end_offset(), log.high_watermark()];
        let news = Some((facts.epoch, facts.leader, offsets));
        if self.told == news {
            return;
        }
        self.told = news;
        let news = VoterNews {
            epoch: facts.epoch,
            leader: facts.leader,
            log: Arc::clone(self.controller.shared_log()),
            snapshot: self.controller.snapshots().last().cloned(),
        };
        let mut ctx = step.ctx(asked);
        self.broker.hear_voter(&mut ctx, news);
        asked.add(wrap(ctx.finish(), Timer::Broker));
    }
}

impl Step<'_> {
    /// For whichever machine comes next: because of what the one before said last.
    fn ctx<T>(&mut self, asked: &Asked) -> trace::Ctx<'_, T> {
        let next = self.root + 1 + asked.trace.len() as u64;
        let cause = asked.trace.last().map_or(self.root, |(entry, ..)| *entry);
        trace::Ctx::new(self.now, self.rng, self.me, self.next_conn, cause, next).with_epoch(self.epoch_ms)
    }
}

impl Asked {
    fn add(&mut self, more: Asked) {
        self.effects.extend(more.effects);
        self.trace.extend(more.trace);
    }
}
