//! Several runs on one clock: the same moment in worlds that differ in one thing.
//!
//! What happens at the same time is in the order of the worlds, so that there is one course of
//! events through all of them. Going back is each run's own history.

use std::sync::Arc;

use crate::base::SimTime;
use crate::sim::{Command, CommandError, Run, Setup};

/// A moment of an ensemble: everything up to a step of one world has happened. In worlds before
/// that one also what happened at the same time; in those behind it, nothing of that time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// The step's time.
    pub time: SimTime,
    /// Which world.
    pub world: u32,
    /// Its step.
    pub step: u64,
}

impl Moment {
    /// The step at which this world stands then.
    fn step_of(self, number: u32, run: &Run) -> u64 {
        match number.cmp(&self.world) {
            std::cmp::Ordering::Less => run.branch().step_at(self.time),
            std::cmp::Ordering::Equal => self.step,
            std::cmp::Ordering::Greater if self.time == SimTime::ZERO => 0,
            std::cmp::Ordering::Greater => run.branch().step_at(self.time - 1),
        }
    }
}

/// Worlds in lock-step.
#[derive(Clone, Debug, PartialEq)]
pub struct Ensemble {
    runs: Vec<Run>,
    now: SimTime,
}

impl Ensemble {
    /// Worlds at their beginning.
    pub fn new(setups: impl IntoIterator<Item = Setup>) -> Ensemble {
        let runs = setups.into_iter().map(|setup| Run::new(Arc::new(setup))).collect();
        Ensemble { runs, now: SimTime::ZERO }
    }

    /// The worlds, in their order.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The time in all of them.
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// The time up to which any of them was ever played.
    pub fn known(&self) -> SimTime {
        let head = |run: &Run| {
            let branch = run.branch();
            branch.step_info(branch.head()).map_or(SimTime::ZERO, |(at, _)| at)
        };
        self.runs.iter().map(head).max().unwrap_or(SimTime::ZERO).max(self.now)
    }

    /// Lets everything up to `time` happen, in every world.
    pub fn play_until(&mut self, time: SimTime) {
        if time < self.now {
            return;
        }
        for run in &mut self.runs {
            run.play_until(time, u64::MAX);
        }
        self.now = time;
    }

    /// Takes the next step in the order of all that happens in all worlds, if it is not past
    /// `until`; whose it was. Worlds in which nothing happens then stay behind until
    /// [`Ensemble::rest`].
    pub fn step(&mut self, until: SimTime) -> Option<Moment> {
        let next = |(number, run): (u32, &Run)| Some((run.next_at().filter(|at| *at <= until)?, number));
        let (time, world) = (0..).zip(&self.runs).filter_map(next).min()?;
        let run = self.runs.get_mut(world as usize)?;
        if !run.step() {
            return None;
        }
        self.now = time;
        Some(Moment { time, world, step: run.world().steps() })
    }

    /// Time passes in those worlds that are behind, as far as nothing happens in it: after some
    /// [`Ensemble::step`].
    pub fn rest(&mut self) {
        for run in &mut self.runs {
            run.idle_until(self.now);
        }
    }

    /// Stands at `moment` of what was played.
    pub fn go_to(&mut self, moment: Moment) {
        for (number, run) in (0_u32..).zip(&mut self.runs) {
            run.go_to(moment.step_of(number, run));
        }
        self.now = moment.time;
        self.rest();
    }

    /// Makes going to `moment` quick, one world at each call; false when it is.
    pub fn warm(&mut self, moment: Moment) -> bool {
        (0_u32..).zip(&mut self.runs).any(|(number, run)| run.warm(moment.step_of(number, run)))
    }

    /// Stands at the end of `time`, as far as it was played.
    pub fn go_back(&mut self, time: SimTime) {
        for run in &mut self.runs {
            let step = run.branch().step_at(time);
            run.go_to(step);
        }
        self.now = time;
        self.rest();
    }

    /// Where it stands: the last step that was taken in any world.
    pub fn last(&self) -> Option<Moment> {
        let last = |(number, run): (usize, &Run)| {
            let step = run.world().steps();
            let (time, _) = run.branch().step_info(step)?;
            (step > 0).then_some(Moment { time, world: number as u32, step })
        };
        self.runs.iter().enumerate().filter_map(last).max()
    }

    /// Does a command in every world: at the beginning of the next whole millisecond, as a
    /// scenario's script would. In the past, that begins a new branch in each. Returns the time.
    ///
    /// # Errors
    /// When a world refuses it; nothing was done to the others then, but the time has passed.
    pub fn command(&mut self, command: &Command) -> Result<SimTime, CommandError> {
        let at = SimTime((self.now.as_ms() + 1).saturating_mul(1_000));
        self.play_until(at - 1);
        self.now = at;
        self.rest();
        let before = self.runs.clone();
        for run in &mut self.runs {
            if let Err(error) = run.command(command) {
                self.runs = before;
                return Err(error);
            }
        }
        Ok(at)
    }
}
