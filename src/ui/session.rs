//! A run on the screen: where it plays, how fast, what is selected.

use std::sync::Arc;

use crate::base::SimTime;
use crate::scenario::{Files, Link, Linked, Scenario};
use crate::sim::{Command, Run};
use crate::trace::Entry;
use crate::view::stage::{Look, Scene, Stager};
use crate::view::timeline::TimelineIndex;
use crate::view::words::{Names, StepKind, category, sentence};
use crate::view::{find, words::Category};

use super::target::Target;

/// Speeds to choose from: 1 is real time.
pub(super) const SPEEDS: [(f64, &str); 17] = [
    (0.001, "1/1000×"),
    (0.002, "1/500×"),
    (0.005, "1/200×"),
    (0.01, "1/100×"),
    (0.02, "1/50×"),
    (0.05, "1/20×"),
    (0.1, "1/10×"),
    (0.2, "1/5×"),
    (0.25, "¼×"),
    (0.5, "½×"),
    (1.0, "1×"),
    (2.0, "2×"),
    (5.0, "5×"),
    (10.0, "10×"),
    (20.0, "20×"),
    (50.0, "50×"),
    (100.0, "100×"),
];
/// Looking for the next event of a kind ends after so many steps.
const SEARCH_STEPS: u64 = 200_000;
/// A frame may take so long for the engine, in milliseconds.
const FRAME_BUDGET_MS: f64 = 9.0;
/// One frame never covers more real time than this, in milliseconds.
const FRAME_MAX_MS: f64 = 100.0;

/// A scenario being played.
pub(super) struct Session {
    pub(super) scenario: Scenario,
    pub(super) linked: Linked,
    pub(super) files: Files,
    seed: Option<u64>,
    pub(super) run: Run,
    pub(super) stager: Stager,
    pub(super) index: TimelineIndex,
    pub(super) playing: bool,
    pub(super) speed: usize,
    pub(super) selected: Option<Target>,
    /// The last step was shown one by one: point out what it did.
    pub(super) stepped: bool,
    /// The step of a command that was undone and is not to be repeated.
    undone: Option<u64>,
    /// Time within a step, in microseconds, that no frame has played yet.
    rest: f64,
}

impl Session {
    /// A scenario at the time at which it wants to be looked at first.
    pub(super) fn open(linked: Linked, files: Files, link: Option<&Link>) -> Result<Session, String> {
        let scenario = linked.scenario().map_err(|error| error.to_string())?;
        let seed = link.and_then(|link| link.seed);
        let setup = Arc::new(scenario.build_checked(seed, &files).map_err(|error| error.to_string())?);
        let mut run = match link {
            Some(link) => Run::replay(setup, &link.journal, link.step).map_err(|error| error.to_string())?,
            None => Run::new(setup),
        };
        if link.is_none() {
            run.play_until(SimTime(scenario.look.at_ms * 1_000), 500_000);
        }
        let wanted = scenario.look.speed.unwrap_or(0.25);
        let speed = SPEEDS.iter().position(|(speed, _)| *speed >= wanted).unwrap_or(SPEEDS.len() - 1);
        Ok(Session {
            stager: Stager::new(run.world()),
            scenario,
            linked,
            files,
            seed,
            run,
            index: TimelineIndex::default(),
            playing: false,
            speed,
            selected: None,
            stepped: false,
            undone: None,
            rest: 0.0,
        })
    }

    /// The same from its beginning.
    pub(super) fn reset(&mut self) -> Result<(), String> {
        let (speed, playing) = (self.speed, self.playing);
        *self = Session::open(self.linked.clone(), self.files.clone(), None)?;
        (self.speed, self.playing) = (speed, playing);
        Ok(())
    }

    /// The topic, and its partition, that the scenario wants to be looked at first.
    pub(super) fn wanted(&self) -> Option<(String, Option<i32>)> {
        let look = &self.scenario.look;
        look.topic.clone().map(|topic| (topic, look.partition))
    }

    /// The link to where it stands.
    pub(super) fn link(&self) -> Link {
        let step = self.run.world().steps();
        let journal = self.run.branch().journal().filter(|journaled| journaled.step <= step).cloned();
        Link { scenario: self.linked.clone(), seed: self.seed, journal: journal.collect(), step }
    }

    pub(super) fn now(&self) -> SimTime {
        self.run.world().now()
    }

    /// Before going forward: what was undone does not come again.
    fn leave_undone(&mut self) {
        if let Some(step) = self.undone.take()
            && self.run.world().steps() + 1 == step
        {
            self.run.fork(Some(format!("without step {step}")));
        }
    }

    /// `elapsed` milliseconds of the reader's time go by.
    pub(super) fn play(&mut self, elapsed: f64, clock: impl Fn() -> f64) {
        self.leave_undone();
        self.stepped = false;
        self.rest += elapsed.min(FRAME_MAX_MS) * 1_000.0 * SPEEDS[self.speed].0;
        let whole = self.rest.floor();
        self.rest -= whole;
        // A recording stops where it ends; whoever plays on sees what would have come of it.
        let end = self.scenario.session.until().filter(|end| self.now() < *end);
        let target = end.unwrap_or(SimTime(u64::MAX)).min(self.now() + whole as u64);
        let begun = clock();
        while self.run.play_until(target, 64) == 64 && clock() - begun < FRAME_BUDGET_MS {}
        if end.is_some_and(|end| self.now() >= end) {
            self.playing = false;
        }
        if self.run.world().next_at().is_none() && self.run.world().steps() >= self.run.branch().head() {
            self.playing = false;
        }
    }

    pub(super) fn step(&mut self) {
        self.playing = false;
        self.leave_undone();
        self.run.step();
        self.show_step();
    }

    pub(super) fn step_back(&mut self) {
        self.playing = false;
        self.run.step_back();
        self.stager.turn();
        self.show_step();
    }

    /// Points out the step that was just taken: its most telling entry is selected.
    fn show_step(&mut self) {
        self.stepped = true;
        let branch = self.run.branch();
        let entries: Vec<&Entry> = branch.entries_of_step(self.run.world().steps()).collect();
        let telling = |entry: &&&Entry| match category(&entry.event) {
            Category::Faults => 4,
            Category::Log | Category::Groups => 3,
            Category::Controller => 2,
            Category::Clients => 1,
            Category::Requests => 0,
        };
        let best = entries.iter().rev().max_by_key(telling).map(|entry| entry.seq);
        self.selected = best.map(Target::Entry);
    }

    /// Goes to a time, as far as it is known; plays on if it is not.
    pub(super) fn go_to_time(&mut self, time: SimTime) {
        let branch = self.run.branch();
        let known = branch.step_info(branch.head()).map_or(SimTime::ZERO, |(at, _)| at);
        let step = branch.step_at(time);
        self.rest = 0.0;
        self.run.go_to(step);
        self.stager.turn();
        self.stepped = false;
        if time > known {
            self.leave_undone();
            self.run.play_until(time, SEARCH_STEPS);
        } else {
            self.run.idle_until(time);
        }
    }

    /// Goes to the end of what was played.
    pub(super) fn go_to_end(&mut self) {
        self.playing = false;
        let head = self.run.branch().head();
        self.run.go_to(head);
        self.stager.turn();
        self.show_step();
    }

    /// Goes to where an entry happened and shows it.
    pub(super) fn jump(&mut self, seq: u64) {
        self.playing = false;
        let step = self.run.branch().step_of_entry(seq);
        self.run.go_to(step);
        self.stager.turn();
        self.stepped = true;
        self.selected = Some(Target::Entry(seq));
    }

    /// Plays on to the next event of a kind. Says why not when there is none.
    pub(super) fn next_of(&mut self, kind: StepKind) -> Result<(), String> {
        self.playing = false;
        self.leave_undone();
        let found = self.run.step_to(SEARCH_STEPS, |event| kind.matches(event));
        self.stepped = true;
        match found {
            Some(seq) => {
                self.selected = Some(Target::Entry(seq));
                Ok(())
            }
            None => Err(find::absence(kind)),
        }
    }

    pub(super) fn command(&mut self, command: &Command) -> Result<(), String> {
        let forked = self.run.command(command).map_err(|error| error.to_string())?;
        self.undone = None;
        if forked {
            self.stager.turn();
        }
        if !self.playing {
            self.show_step();
        }
        Ok(())
    }

    /// Steps back over the last command; going on from there leaves it out.
    pub(super) fn undo(&mut self) -> Result<(), String> {
        let now = self.run.world().steps();
        let last = self.run.branch().journal().filter(|journaled| journaled.step <= now).last();
        let Some(step) = last.map(|journaled| journaled.step) else {
            return Err("Nothing was done yet that could be undone.".into());
        };
        self.playing = false;
        self.run.go_to(step - 1);
        self.stager.turn();
        self.undone = Some(step);
        self.stepped = false;
        self.selected = None;
        Ok(())
    }

    pub(super) fn can_undo(&self) -> bool {
        let now = self.run.world().steps();
        self.run.branch().journal().any(|journaled| journaled.step <= now)
    }

    pub(super) fn fork(&mut self) {
        self.undone = None;
        self.run.fork(None);
    }

    pub(super) fn switch(&mut self, branch: usize) {
        self.playing = false;
        self.undone = None;
        self.run.switch(branch);
        self.stager.turn();
        self.stepped = false;
    }

    /// What the stage shows.
    pub(super) fn scene(&mut self, look: &Look) -> Scene {
        let lit: Vec<Entry> = if self.stepped && !self.playing {
            self.run.branch().entries_of_step(self.run.world().steps()).cloned().collect()
        } else {
            Vec::new()
        };
        let lit: Vec<&Entry> = lit.iter().collect();
        self.stager.scene(self.run.world(), look, &lit)
    }

    /// The latest thing worth saying.
    pub(super) fn narration(&self) -> String {
        if self.playing {
            return String::new();
        }
        let Some(Target::Entry(seq)) = &self.selected else { return String::new() };
        let names = Names::of(self.run.world());
        self.run.branch().entry(*seq).map(|entry| sentence(entry, &names)).unwrap_or_default()
    }
}
