//! History: setup + seed + journal is the whole truth; checkpoints only make it quick.
//!
//! A run is a tree of branches. Within a branch, every step ever taken can be gone back to: the
//! nearest checkpoint before it is taken out and the few steps from there are taken again, which
//! gives the same world, digest and trace. A command given in the past makes a new branch; the
//! old one stays.

use std::sync::Arc;

use imbl::Vector;
use serde::{Deserialize, Serialize};

use crate::base::{Map, SimTime};
use crate::sim::{Command, CommandError, Setup, World};
use crate::trace::{Entry, Event};

/// Steps between checkpoints near the present; further back they are thinned.
const CHECKPOINT_EVERY: u64 = 128;
/// How many checkpoints are kept.
const CHECKPOINTS_MAX: usize = 256;
/// How many of them, the latest, are never thinned.
const CHECKPOINTS_RECENT: usize = 32;
/// Whoever goes somewhere, goes on from there a little, or back: on the way from a checkpoint,
/// worlds are kept so often, in steps.
const NEAR_EVERY: u64 = 16;
/// How far before where somebody goes.
const NEAR_STEPS: u64 = 64;
/// How many of them, the latest.
const NEAR_MAX: usize = 24;
/// So many steps are taken at once to prepare for going somewhere.
const WARM_STEPS: u64 = 12;

/// A command and the step it was: the journal's entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Journaled {
    /// The command was this step (the first is 1).
    pub step: u64,
    /// The world's time then: between two events time passes without a step.
    pub at: SimTime,
    /// What was done.
    pub command: Command,
}

/// One course of events.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// Its name.
    pub name: String,
    /// The step after which it left its parent; 0 for the first.
    pub forked_after: u64,
    journal: Vec<Journaled>,
    trace: Vector<Entry>,
    /// For every step taken: its time, and how many trace entries there were after it.
    steps: Vector<(SimTime, u64)>,
    checkpoints: Map<u64, Arc<World>>,
    near: Near,
    present: World,
}

/// Worlds shortly before where somebody went, by their steps. They only save time, so that a
/// branch is the same with or without them.
#[derive(Clone, Debug, Default)]
struct Near(Vec<(u64, Arc<World>)>);

impl PartialEq for Near {
    fn eq(&self, _: &Near) -> bool {
        true
    }
}

impl Branch {
    /// Everything that happened on this branch as far as it was ever played, also what lies
    /// ahead of the present.
    pub fn trace(&self) -> &Vector<Entry> {
        &self.trace
    }

    /// The commands given.
    pub fn journal(&self) -> impl Iterator<Item = &Journaled> {
        self.journal.iter()
    }

    /// How many steps were ever taken on this branch.
    pub fn head(&self) -> u64 {
        self.steps.len() as u64
    }

    /// Where the branch stands now.
    pub fn world(&self) -> &World {
        &self.present
    }

    /// The time of a step, and how many trace entries there were after it.
    pub fn step_info(&self, step: u64) -> Option<(SimTime, u64)> {
        match step.checked_sub(1) {
            None => Some((SimTime::ZERO, 0)),
            Some(index) => self.steps.get(index as usize).copied(),
        }
    }

    /// The last step at or before `time`.
    pub fn step_at(&self, time: SimTime) -> u64 {
        let (mut low, mut high) = (0, self.steps.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.steps[middle].0 <= time { low = middle + 1 } else { high = middle }
        }
        low as u64
    }

    /// The step that gave trace entry `seq`.
    pub fn step_of_entry(&self, seq: u64) -> u64 {
        let (mut low, mut high) = (0, self.steps.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.steps[middle].1 < seq { low = middle + 1 } else { high = middle }
        }
        low as u64 + 1
    }

    /// One trace entry.
    pub fn entry(&self, seq: u64) -> Option<&Entry> {
        self.trace.get(seq.checked_sub(1)? as usize)
    }

    /// The entries of one step.
    pub fn entries_of_step(&self, step: u64) -> impl Iterator<Item = &Entry> {
        let from = step.checked_sub(1).and_then(|before| self.step_info(before)).map_or(0, |(_, n)| n);
        let to = self.step_info(step).map_or(from, |(_, n)| n);
        (from..to).filter_map(|index| self.trace.get(index as usize))
    }

    /// The chain of causes that ends in entry `seq`, that entry first.
    pub fn causes(&self, seq: u64) -> Vec<&Entry> {
        let mut chain = Vec::new();
        let mut next = seq;
        while let Some(entry) = self.entry(next) {
            chain.push(entry);
            if entry.cause >= entry.seq {
                break;
            }
            next = entry.cause;
        }
        chain
    }

    fn advance(&mut self) -> bool {
        let step = self.present.steps() + 1;
        if step <= self.head()
            && let Ok(index) = self.journal.binary_search_by_key(&step, |journaled| journaled.step)
            && let Some(journaled) = self.journal.get(index).cloned()
        {
            let mut fresh = Vec::new();
            self.present.idle_until(journaled.at);
            let done = self.present.command(&journaled.command, &mut fresh).is_ok();
            self.record(fresh);
            return done;
        }
        let mut fresh = Vec::new();
        if !self.present.step(&mut fresh) {
            return false;
        }
        self.record(fresh);
        true
    }

    /// Keeps what a step gave, unless it was taken before.
    fn record(&mut self, fresh: Vec<Entry>) {
        let step = self.present.steps();
        if step > self.head() {
            self.steps.push_back((self.present.now(), self.present.entries()));
            self.trace.extend(fresh);
        }
        if step.is_multiple_of(CHECKPOINT_EVERY)
            && !self.checkpoints.contains_key(&step)
            && step == self.head()
        {
            self.checkpoints.insert(step, Arc::new(self.present.clone()));
            self.thin();
        }
    }

    /// Gives up the checkpoint whose neighbours are closest, sparing the first and the recent
    /// ones: the distance between old checkpoints grows evenly with the length of the run.
    fn thin(&mut self) {
        if self.checkpoints.len() <= CHECKPOINTS_MAX {
            return;
        }
        let steps: Vec<u64> =
            self.checkpoints.keys().copied().take(CHECKPOINTS_MAX - CHECKPOINTS_RECENT).collect();
        let closest = steps.windows(3).min_by_key(|around| around[2] - around[0]).map(|around| around[1]);
        if let Some(step) = closest {
            self.checkpoints.remove(&step);
        }
    }

    fn go_to(&mut self, step: u64) {
        let step = step.min(self.head());
        let now = self.present.steps();
        if let Some((at, world)) = self.kept_at(step)
            && (step < now || at > now)
        {
            self.present = World::clone(&world);
        }
        while self.present.steps() < step && self.advance() {
            self.keep_near(step);
        }
    }

    /// The last world at or before a step that is kept.
    fn kept_at(&self, step: u64) -> Option<(u64, Arc<World>)> {
        let sparse = self.checkpoints.range(..=step).next_back().map(|(at, world)| (*at, world));
        let near = self.near.0.iter().map(|(at, world)| (*at, world)).filter(|(at, _)| *at <= step);
        near.chain(sparse).max_by_key(|(at, _)| *at).map(|(at, world)| (at, Arc::clone(world)))
    }

    /// Keeps the present, which is on the way to `step`, if it is time to.
    fn keep_near(&mut self, step: u64) {
        let at = self.present.steps();
        if at.is_multiple_of(NEAR_EVERY) && step - at <= NEAR_STEPS {
            self.keep();
        }
    }

    fn keep(&mut self) {
        let at = self.present.steps();
        if self.checkpoints.contains_key(&at) || self.near.0.iter().any(|(known, _)| *known == at) {
            return;
        }
        if self.near.0.len() >= NEAR_MAX {
            self.near.0.remove(0);
        }
        self.near.0.push((at, Arc::new(self.present.clone())));
    }

    /// Sees to it that a world shortly before `step` is kept, a part of the way at each call; false
    /// when one is, or when it is not far from the present.
    fn warm(&mut self, step: u64) -> bool {
        let step = step.min(self.head());
        let now = self.present.steps();
        let Some((at, world)) = self.kept_at(step) else { return false };
        let nearest = if now <= step { at.max(now) } else { at };
        if step - nearest <= NEAR_EVERY {
            return false;
        }
        let from = if nearest == at { World::clone(&world) } else { self.present.clone() };
        let present = std::mem::replace(&mut self.present, from);
        let end = (nearest + WARM_STEPS).min(step / NEAR_EVERY * NEAR_EVERY);
        while self.present.steps() < end && self.advance() {
            self.keep_near(step);
        }
        self.keep();
        self.present = present;
        true
    }

    /// Forgets everything after the present.
    fn truncate(&mut self) {
        let (step, entries) = (self.present.steps(), self.present.entries());
        self.steps.truncate(step as usize);
        self.trace.truncate(entries as usize);
        self.checkpoints.retain(|at, _| *at <= step);
        self.near.0.retain(|(at, _)| *at <= step);
        self.journal.retain(|journaled| journaled.step <= step);
    }
}

/// A world with its past, its futures and whoever plays it.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    branches: Vec<Branch>,
    current: usize,
}

impl Run {
    /// A run at the beginning of its world.
    pub fn new(setup: Arc<Setup>) -> Run {
        let world = World::new(setup);
        let branch = Branch {
            name: "main".into(),
            forked_after: 0,
            journal: Vec::new(),
            trace: Vector::new(),
            steps: Vector::new(),
            checkpoints: Map::from([(0, Arc::new(world.clone()))]),
            near: Near::default(),
            present: world,
        };
        Run { branches: vec![branch], current: 0 }
    }

    /// A run in which this journal was played, standing at `step`.
    ///
    /// # Errors
    /// When a command of the journal is refused: the journal belongs to another world.
    pub fn replay(setup: Arc<Setup>, journal: &[Journaled], step: u64) -> Result<Run, CommandError> {
        let mut run = Run::new(setup);
        for journaled in journal {
            while run.world().steps() + 1 < journaled.step && run.step() {}
            run.idle_until(journaled.at);
            run.command(&journaled.command)?;
        }
        while run.world().steps() < step && run.step() {}
        run.go_to(step);
        Ok(run)
    }

    /// The branch that is being played.
    pub fn branch(&self) -> &Branch {
        &self.branches[self.current]
    }

    fn branch_mut(&mut self) -> &mut Branch {
        &mut self.branches[self.current]
    }

    /// Every branch; the one being played is number [`Run::current`].
    pub fn branches(&self) -> &[Branch] {
        &self.branches
    }

    /// The number of the branch being played.
    pub fn current(&self) -> usize {
        self.current
    }

    /// Goes over to another branch, where it stood.
    pub fn switch(&mut self, branch: usize) {
        if branch < self.branches.len() {
            self.current = branch;
        }
    }

    /// The world as it stands.
    pub fn world(&self) -> &World {
        &self.branch().present
    }

    /// One step on; along the known course when there is one, into the unknown otherwise. False
    /// when nothing will ever happen again.
    pub fn step(&mut self) -> bool {
        self.branch_mut().advance()
    }

    /// One step back. False at the beginning.
    pub fn step_back(&mut self) -> bool {
        let Some(before) = self.world().steps().checked_sub(1) else { return false };
        self.go_to(before);
        true
    }

    /// Stands after this step of the branch, or at its head if it is not that long.
    pub fn go_to(&mut self, step: u64) {
        self.branch_mut().go_to(step);
    }

    /// When the next step is due, along the known course when there is one; `None` when nothing
    /// will ever happen again.
    pub fn next_at(&self) -> Option<SimTime> {
        let ahead = self.branch().step_info(self.world().steps() + 1).map(|(at, _)| at);
        ahead.or_else(|| self.world().next_at())
    }

    /// Makes going to a step of the branch quick, as long as that takes; false when it is.
    pub fn warm(&mut self, step: u64) -> bool {
        self.branch_mut().warm(step)
    }

    /// Plays until `time`, not past it; at most `most` steps. Returns how many were taken.
    pub fn play_until(&mut self, time: SimTime, most: u64) -> u64 {
        let mut taken = 0;
        while taken < most {
            if self.next_at().is_none_or(|at| at > time) || !self.step() {
                self.idle_until(time);
                break;
            }
            taken += 1;
        }
        taken
    }

    /// Lets time pass without an event.
    pub fn idle_until(&mut self, time: SimTime) {
        let ahead = self.branch().step_info(self.world().steps() + 1).map(|(at, _)| at);
        let time = ahead.map_or(time, |at| at.min(time));
        self.branch_mut().present.idle_until(time);
    }

    /// Plays on until an entry that `wanted` accepts, at most `most` steps; the entry found.
    pub fn step_to(&mut self, most: u64, wanted: impl Fn(&Event) -> bool) -> Option<u64> {
        for _ in 0..most {
            if !self.step() {
                return None;
            }
            let branch = self.branch();
            let step = branch.present.steps();
            if let Some(entry) = branch.entries_of_step(step).find(|entry| wanted(&entry.event)) {
                return Some(entry.seq);
            }
        }
        None
    }

    /// Does a command now. In the past, that begins a new branch. Returns whether it did.
    ///
    /// # Errors
    /// When the world refuses the command; nothing changed then.
    pub fn command(&mut self, command: &Command) -> Result<bool, CommandError> {
        let mut probe = self.world().clone();
        let mut fresh = Vec::new();
        let at = probe.now();
        probe.command(command, &mut fresh)?;
        let in_the_past = self.world().steps() < self.branch().head();
        if in_the_past {
            self.fork(None);
        }
        let branch = self.branch_mut();
        branch.journal.push(Journaled { step: probe.steps(), at, command: command.clone() });
        branch.present = probe;
        branch.record(fresh);
        Ok(in_the_past)
    }

    /// Begins a new branch at the present and goes over to it.
    pub fn fork(&mut self, name: Option<String>) -> usize {
        let mut branch = self.branch().clone();
        branch.forked_after = branch.present.steps();
        branch.name = name.unwrap_or_else(|| format!("branch {}", self.branches.len() + 1));
        branch.truncate();
        self.branches.push(branch);
        self.current = self.branches.len() - 1;
        self.current
    }
}
