//! The worlds of the theatre as they are played: on one clock, each with its fold, stepped to the
//! next event of a kind in whichever world it comes first.

use std::cmp::Ordering;

use crate::base::SimTime;
use crate::sim::{Command, CommandError, Ensemble, Moment, Setup, World};
use crate::trace::Entry;
use crate::view::words::{Names, sentence};

use super::{Fold, Mark, StepBy};

/// Looking for the next event of a kind ends after so much time, in microseconds.
const SEARCH_US: u64 = 60_000_000;

/// Worlds in lock-step, and what was folded up of each.
#[derive(Clone, Debug, PartialEq)]
pub struct Play {
    worlds: Ensemble,
    folds: Vec<Fold>,
    /// The entry that was stepped to: its world and number.
    found: Option<(usize, u64)>,
    search: Option<Search>,
}

/// A search that is under way.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Search {
    by: StepBy,
    /// Where it began.
    stand: Moment,
    found: Option<(usize, u64)>,
    until: SimTime,
}

/// What has come of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sought {
    /// It stands there.
    Found,
    /// There is none for a minute, and it stands where it stood.
    Nothing,
    /// It has not been found yet.
    Underway,
}

impl Play {
    /// Worlds at their beginning, and the group that is looked at.
    pub fn new(setups: impl IntoIterator<Item = Setup>, group: &str) -> Play {
        let worlds = Ensemble::new(setups);
        let folds = worlds.runs().iter().map(|run| Fold::new(run.world(), group)).collect();
        Play { worlds, folds, found: None, search: None }
    }

    /// The worlds.
    pub fn worlds(&self) -> &Ensemble {
        &self.worlds
    }

    /// The fold of each world.
    pub fn folds(&self) -> &[Fold] {
        &self.folds
    }

    /// Each world as it stands, with its fold.
    pub fn stand(&self) -> impl Iterator<Item = (&Fold, &World)> {
        self.folds.iter().zip(self.worlds.runs().iter().map(|run| run.world()))
    }

    /// The time in all of them.
    pub fn now(&self) -> SimTime {
        self.worlds.now()
    }

    /// Lets everything up to `time` happen, in every world.
    pub fn play_until(&mut self, time: SimTime) {
        (self.found, self.search) = (None, None);
        self.worlds.play_until(time);
        self.fold();
    }

    fn fold(&mut self) {
        for (fold, run) in self.folds.iter_mut().zip(self.worlds.runs()) {
            fold.update(run.branch());
        }
    }

    /// To the next event of a kind, in whichever world. False, and nothing has changed, when none
    /// comes for a minute.
    pub fn step(&mut self, by: StepBy) -> bool {
        self.seek(by, || false) == Sought::Found
    }

    /// The same, for as long as one is not tired; then [`Play::seek_on`] goes on with it.
    pub fn seek(&mut self, by: StepBy, tired: impl FnMut() -> bool) -> Sought {
        let stand = self.position();
        // What was played before is known, and need not be looked for.
        if let Some((moment, seq)) = self.marks_around(by).filter(|(moment, _)| *moment > stand).min() {
            self.stand_at(moment, seq);
            return Sought::Found;
        }
        let until = self.now() + SEARCH_US;
        if self.worlds.known() >= until {
            return Sought::Nothing;
        }
        self.search = Some(Search { by, stand, found: self.found, until });
        self.seek_on(tired)
    }

    /// Goes on with a search.
    pub fn seek_on(&mut self, mut tired: impl FnMut() -> bool) -> Sought {
        let Some(Search { by, stand, until, .. }) = self.search else { return Sought::Nothing };
        if self.now() < self.worlds.known() && !self.stand_at_end(&mut tired) {
            return Sought::Underway;
        }
        let mut taken = 0_u32;
        while let Some(moment) = self.worlds.step(until) {
            let world = moment.world as usize;
            let (Some(fold), Some(run)) = (self.folds.get_mut(world), self.worlds.runs().get(world)) else {
                break;
            };
            let before = fold.marks().len();
            fold.update(run.branch());
            let of_it = fold.marks().iter().skip(before).find(|mark| mark.by == by);
            if let Some(seq) = of_it.map(|mark| mark.seq).filter(|_| moment > stand) {
                self.worlds.rest();
                self.found = Some((world, seq));
                self.search = None;
                return Sought::Found;
            }
            taken += 1;
            if taken.is_multiple_of(4) && tired() {
                self.worlds.rest();
                self.found = None;
                return Sought::Underway;
            }
        }
        // The way back may take a while, too.
        while self.worlds.warm(stand) {
            if tired() {
                return Sought::Underway;
            }
        }
        self.give_up();
        Sought::Nothing
    }

    /// To the end of what was played: what is known has been looked through. False while it is on
    /// its way.
    fn stand_at_end(&mut self, tired: &mut impl FnMut() -> bool) -> bool {
        let end = Moment { time: self.worlds.known(), world: u32::MAX, step: u64::MAX };
        while self.worlds.warm(end) {
            if tired() {
                return false;
            }
        }
        self.found = None;
        self.worlds.go_to(end);
        true
    }

    /// Whether a search is under way.
    pub fn is_seeking(&self) -> bool {
        self.search.is_some()
    }

    /// Ends a search where it began.
    pub fn give_up(&mut self) {
        let Some(Search { stand, found, .. }) = self.search.take() else { return };
        self.found = found;
        match stand.step {
            u64::MAX => self.worlds.go_back(stand.time),
            _ => self.worlds.go_to(stand),
        }
    }

    /// To the last event of a kind before; false when there is none.
    pub fn step_back(&mut self, by: StepBy) -> bool {
        let stand = self.position();
        let last = self.marks_around(by).filter(|(moment, _)| *moment < stand).max();
        if let Some((moment, seq)) = last {
            self.stand_at(moment, seq);
        }
        last.is_some()
    }

    fn stand_at(&mut self, moment: Moment, seq: u64) {
        self.worlds.go_to(moment);
        self.search = None;
        self.found = Some((moment.world as usize, seq));
    }

    /// Stands at `moment` of what was played.
    pub fn go_to(&mut self, moment: Moment) {
        (self.found, self.search) = (None, None);
        self.worlds.go_to(moment);
    }

    /// Stands at the end of `time`, as far as it was played.
    pub fn go_back(&mut self, time: SimTime) {
        (self.found, self.search) = (None, None);
        self.worlds.go_back(time);
    }

    /// Makes the next step back and on quick, a part of that at each call; false when they are.
    pub fn warm(&mut self, by: StepBy) -> bool {
        let stand = self.position();
        let (mut back, mut on) = (None, None);
        for (moment, _) in self.marks_around(by) {
            match moment.cmp(&stand) {
                Ordering::Less => back = back.max(Some(moment)),
                Ordering::Greater => on = Some(on.map_or(moment, |on: Moment| on.min(moment))),
                Ordering::Equal => {}
            }
        }
        back.into_iter().chain(on).any(|moment| self.worlds.warm(moment))
    }

    /// Where it stands, in the order of all that happens in all worlds.
    pub fn position(&self) -> Moment {
        match self.worlds.last() {
            Some(last) if last.time == self.now() && self.found.is_some() => last,
            _ => Moment { time: self.now(), world: u32::MAX, step: u64::MAX },
        }
    }

    /// The marks of a kind around the present, few of each world: where they are, and the entry.
    fn marks_around(&self, by: StepBy) -> impl Iterator<Item = (Moment, u64)> + '_ {
        let now = self.now();
        let worlds = (0_u32..).zip(self.folds.iter().zip(self.worlds.runs()));
        worlds.flat_map(move |(world, (fold, run))| {
            let marks = fold.marks();
            let behind = marks.partition_point(|mark| mark.time < now);
            let place = move |mark: &Mark| {
                let step = run.branch().step_of_entry(mark.seq);
                (Moment { time: mark.time, world, step }, mark.seq)
            };
            let is_of = move |mark: &&Mark| mark.by == by;
            let before = marks[..behind].iter().rev().filter(is_of).take(1);
            // All of the same time, and the first after it.
            let rest = marks[behind..].iter().filter(is_of);
            let mut later = 0;
            let after = rest.take_while(move |mark| {
                later += u32::from(mark.time > now);
                later <= 1
            });
            before.chain(after).map(place)
        })
    }

    /// Does a command in every world now; in the past, a new course of events begins in each.
    /// Returns the time.
    ///
    /// # Errors
    /// When a world refuses it; nothing was done to the others then.
    pub fn act(&mut self, command: &Command) -> Result<SimTime, CommandError> {
        let known = self.worlds.known();
        let at = self.worlds.command(command)?;
        (self.found, self.search) = (None, None);
        for (fold, run) in self.folds.iter_mut().zip(self.worlds.runs()) {
            if at <= known {
                fold.forget(run.world());
            }
            fold.update(run.branch());
        }
        Ok(at)
    }

    /// Who has a partition in each world when the round is over that follows something; `None`
    /// before it is over everywhere. Nobody, where the partition is not read then.
    pub fn outcome(&self, after: SimTime, lane: &str) -> Option<Vec<Option<u8>>> {
        let owner = |(fold, world): (&Fold, &World)| {
            let round = fold.rounds().iter().find(|round| round.time > after)?;
            let (at, _) = fold.lanes().iter().find(|(at, _)| fold.lane_name(at) == lane)?;
            (round.seq <= world.entries()).then(|| round.owners.get(at).copied())
        };
        self.stand().map(owner).collect()
    }

    /// The entry that was stepped to, and its world.
    pub fn found(&self) -> Option<(usize, &Entry)> {
        let (world, seq) = self.found?;
        Some((world, self.worlds.runs().get(world)?.branch().entry(seq)?))
    }

    /// The same in a sentence.
    pub fn narration(&self) -> Option<(usize, String)> {
        let (world, entry) = self.found()?;
        let names = Names::of(self.worlds.runs().get(world)?.world());
        Some((world, sentence(entry, &names)))
    }
}
