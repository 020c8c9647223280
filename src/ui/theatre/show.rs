//! What is played in the theatre: the worlds, what was folded up of them, and their script.

use crate::base::SimTime;
use crate::scenario::{Files, Linked, Protocol, Scenario, ScriptStep, TheatreLink, WORLDS_MAX};
use crate::sim::{Command, Ensemble, Moment};
use crate::trace::Entry;
use crate::view::theatre::{Fold, Mark, StepBy, cue, letter};
use crate::view::words::{Names, sentence};

use super::super::session::SPEEDS;

/// One frame never covers more real time than this, in milliseconds.
const FRAME_MAX_MS: f64 = 100.0;
/// The engine may take so long for a frame, in milliseconds.
const FRAME_BUDGET_MS: f64 = 9.0;
/// The worlds are in step at least so often, in microseconds.
const BEAT_US: u64 = 20_000;
/// Looking for the next event of a kind ends after so much time.
const SEARCH_US: u64 = 60_000_000;
/// What is played when nobody asks for anything else.
pub(super) const FIRST: &str = "scale-out";

/// An event of the script.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::ui) struct Cue {
    pub(super) at: SimTime,
    pub(super) label: String,
    /// Its place in the scenario's script.
    pub(super) index: usize,
}

/// A question that was answered before it was played.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::ui) struct Guess {
    pub(super) cue: Cue,
    pub(super) lane: String,
    pub(super) name: String,
}

/// A scenario in several worlds.
pub(super) struct Show {
    pub(super) scenario: Scenario,
    linked: Linked,
    pub(super) protocols: Vec<Protocol>,
    pub(super) worlds: Ensemble,
    pub(super) folds: Vec<Fold>,
    /// What was done here, beside the scenario's own script.
    acted: Vec<ScriptStep>,
    /// What is played until there before anything else.
    goal: Option<Goal>,
    /// Time in microseconds that no frame has played yet.
    rest: f64,
    /// The entry that was stepped to: its world and number.
    pub(super) found: Option<(usize, u64)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Goal {
    time: SimTime,
    then: Option<Moment>,
}

impl Show {
    /// What a link leads to.
    pub(super) fn open(link: &TheatreLink) -> Result<Show, String> {
        let scenario = link.scenario.scenario().map_err(|error| error.to_string())?;
        let protocols =
            if link.protocols.is_empty() { default_protocols(&scenario) } else { link.protocols.clone() };
        let opens_at = SimTime(scenario.look.at_ms.saturating_mul(1_000));
        let then = (link.step > 0).then(|| Moment {
            time: SimTime(link.time_us.unwrap_or(0)),
            world: link.world,
            step: link.step,
        });
        let goal = Goal { time: link.time_us.map_or(opens_at, SimTime), then };
        Show::make(scenario, link.scenario.clone(), protocols, goal)
    }

    fn make(
        scenario: Scenario,
        linked: Linked,
        protocols: Vec<Protocol>,
        goal: Goal,
    ) -> Result<Show, String> {
        let Some(group) = scenario.theatre_group().map(str::to_owned) else {
            return Err(format!(
                "“{}” has no consumer group, so nothing is rebalanced in it.",
                scenario.title
            ));
        };
        let mut setups = Vec::new();
        for protocol in &protocols {
            let world = scenario.under(protocol).build(None, &Files::new());
            setups.push(world.map_err(|error| format!("{}: {error}", protocol.title()))?);
        }
        let worlds = Ensemble::new(setups);
        let folds = worlds.runs().iter().map(|run| Fold::new(run.world(), &group)).collect();
        let goal = Some(goal);
        Ok(Show {
            scenario,
            linked,
            protocols,
            worlds,
            folds,
            acted: Vec::new(),
            goal,
            rest: 0.0,
            found: None,
        })
    }

    /// The same with other protocols, or another script, at the same time.
    fn again(&self, scenario: Scenario, linked: Linked, protocols: Vec<Protocol>) -> Result<Show, String> {
        let goal = Goal { time: self.now(), then: None };
        Show::make(scenario, linked, protocols, goal)
    }

    pub(super) fn now(&self) -> SimTime {
        self.worlds.now()
    }

    /// Where it is opened: by then the group is at rest for the first time.
    pub(super) fn opens(&self) -> SimTime {
        SimTime(self.scenario.look.at_ms.saturating_mul(1_000))
    }

    /// Where playing is to end: what the scenario wants to show has happened by then.
    pub(super) fn end(&self) -> SimTime {
        let until = self.scenario.look.until_ms.unwrap_or(30_000).saturating_mul(1_000);
        SimTime(until).max(self.worlds.known())
    }

    /// Whether it is still on its way to where it is to be opened.
    pub(super) fn is_catching_up(&self) -> bool {
        self.goal.is_some()
    }

    /// Plays towards where it is to be opened, for as long as a frame may take.
    pub(super) fn catch_up(&mut self, clock: impl Fn() -> f64) {
        let Some(goal) = self.goal else { return };
        if self.play_to(goal.time, clock) {
            if let Some(moment) = goal.then {
                self.worlds.go_to(moment);
            }
            self.goal = None;
        }
    }

    /// `elapsed` milliseconds of the reader's time go by. False when the end is reached.
    pub(super) fn play(&mut self, elapsed: f64, speed: usize, clock: impl Fn() -> f64) -> bool {
        self.found = None;
        self.rest += elapsed.min(FRAME_MAX_MS) * 1_000.0 * SPEEDS[speed.min(SPEEDS.len() - 1)].0;
        let whole = self.rest.floor();
        self.rest -= whole;
        let end = SimTime(self.scenario.look.until_ms.unwrap_or(30_000).saturating_mul(1_000));
        let wanted = self.now() + whole as u64;
        let stops = self.now() < end && wanted >= end;
        self.play_to(if stops { end } else { wanted }, clock);
        !(stops && self.now() >= end)
    }

    /// Plays until a time or until the frame's budget is used up; true in the former case.
    fn play_to(&mut self, time: SimTime, clock: impl Fn() -> f64) -> bool {
        let begun = clock();
        while self.now() < time {
            let next = time.min(self.now() + BEAT_US);
            self.worlds.play_until(next);
            if clock() - begun > FRAME_BUDGET_MS {
                break;
            }
        }
        self.fold();
        self.now() >= time
    }

    fn fold(&mut self) {
        for (fold, run) in self.folds.iter_mut().zip(self.worlds.runs()) {
            fold.update(run.branch());
        }
    }

    /// To the next event of a kind, in whichever world.
    pub(super) fn step(&mut self, by: StepBy) -> Result<(), String> {
        // What was played before is known, and need not be looked for.
        let stand = self.position();
        let ahead = self.all_marks(by).filter(|(moment, _)| *moment > stand).min();
        if let Some((moment, seq)) = ahead {
            self.stand_at(moment, seq);
            return Ok(());
        }
        let until = self.now() + SEARCH_US;
        let begun = self.now();
        // In beats, as the folds know best what is of a kind.
        while self.now() < until {
            let next = self.now() + BEAT_US;
            self.worlds.play_until(next);
            self.fold();
            let found = self.all_marks(by).filter(|(moment, _)| *moment > stand).min();
            if let Some((moment, seq)) = found {
                self.stand_at(moment, seq);
                return Ok(());
            }
        }
        self.worlds.go_back(begun);
        Err(format!("In the next minute no {} comes in any world.", noun(by)))
    }

    /// To the last one before.
    pub(super) fn step_back(&mut self, by: StepBy) {
        let stand = self.position();
        match self.all_marks(by).filter(|(moment, _)| *moment < stand).max() {
            Some((moment, seq)) => self.stand_at(moment, seq),
            None => self.go_to(self.opens().min(self.now())),
        }
    }

    fn stand_at(&mut self, moment: Moment, seq: u64) {
        self.rest = 0.0;
        self.worlds.go_to(moment);
        self.found = Some((moment.world as usize, seq));
    }

    /// Where it stands, in the order of all that happens in all worlds.
    fn position(&self) -> Moment {
        match self.worlds.last() {
            Some(last) if last.time == self.now() && self.found.is_some() => last,
            _ => Moment { time: self.now(), world: WORLDS_MAX as u32, step: u64::MAX },
        }
    }

    /// The marks of a kind around the present, few of each world: where they are, and the entry.
    fn all_marks(&self, by: StepBy) -> impl Iterator<Item = (Moment, u64)> + '_ {
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

    /// Goes to a time, as far as it is known; plays there if it is not.
    pub(super) fn go_to(&mut self, time: SimTime) {
        self.rest = 0.0;
        self.found = None;
        if time <= self.worlds.known() {
            self.worlds.go_back(time);
        } else {
            self.goal = Some(Goal { time, then: None });
        }
    }

    /// Does something now, in every world.
    pub(super) fn act(&mut self, command: Command) -> Result<(), String> {
        let known = self.worlds.known();
        let at = self.worlds.command(&command).map_err(|error| error.to_string())?;
        let at_ms = at.as_ms();
        self.acted.retain(|step| step.at_ms <= at_ms);
        self.acted.push(ScriptStep { at_ms, command });
        self.found = None;
        for (fold, run) in self.folds.iter_mut().zip(self.worlds.runs()) {
            if at <= known {
                fold.forget(run.world());
            }
            fold.update(run.branch());
        }
        Ok(())
    }

    /// Takes an event out of the script: everything is played again without it.
    pub(super) fn remove(&mut self, index: usize) -> Result<(), String> {
        let mut scenario = self.played();
        if index < scenario.script.len() {
            scenario.script.remove(index);
        }
        let linked = Linked::Text(scenario.to_text());
        *self = self.again(scenario, linked, self.protocols.clone())?;
        Ok(())
    }

    /// Compares these protocols instead.
    pub(super) fn compare(&mut self, protocols: Vec<Protocol>) -> Result<(), String> {
        let scenario = self.played();
        let linked =
            if self.acted.is_empty() { self.linked.clone() } else { Linked::Text(scenario.to_text()) };
        *self = self.again(scenario, linked, protocols)?;
        Ok(())
    }

    /// The scenario with all that was done.
    pub(super) fn played(&self) -> Scenario {
        let mut scenario = self.scenario.clone();
        scenario.script.extend(self.acted.iter().cloned());
        scenario.script.sort_by_key(|step| step.at_ms);
        scenario
    }

    /// The same as a file, with the protocols that are compared.
    pub(super) fn file(&self) -> String {
        let mut scenario = self.played();
        scenario.compare = self.protocols.clone();
        scenario.to_text()
    }

    /// The link to this moment.
    pub(super) fn link(&self) -> TheatreLink {
        let linked =
            if self.acted.is_empty() { self.linked.clone() } else { Linked::Text(self.played().to_text()) };
        let own = self.protocols == default_protocols(&self.scenario);
        let stand = self.position();
        let between = stand.step != u64::MAX;
        TheatreLink {
            scenario: linked,
            protocols: if own { Vec::new() } else { self.protocols.clone() },
            time_us: Some(self.now().0),
            world: if between { stand.world } else { 0 },
            step: if between { stand.step } else { 0 },
        }
    }

    /// The script, in order.
    pub(super) fn cues(&self) -> Vec<Cue> {
        let script = self.played().script;
        let cue = |(index, step): (usize, &ScriptStep)| Cue {
            at: SimTime(step.at_ms.saturating_mul(1_000)),
            label: cue(&step.command),
            index,
        };
        script.iter().enumerate().map(cue).collect()
    }

    /// The question before the next event: which partition, and who may have it then.
    pub(super) fn question(&self, cues: &[Cue]) -> Option<(Cue, String, Vec<String>)> {
        let next = cues.iter().find(|cue| cue.at > self.now())?;
        let fold = self.folds.first()?;
        let lanes = fold.lanes();
        let (at, _) = lanes.iter().nth(lanes.len() / 2)?;
        let view = crate::view::theatre::panel(fold, self.worlds.runs().first()?.world());
        let mut names: Vec<String> =
            view.members.iter().filter(|member| member.runs).map(|member| member.name.clone()).collect();
        let script = self.played().script;
        let added = script.get(next.index).and_then(|step| match &step.command {
            Command::AddConsumer { name, .. } => name.clone(),
            Command::Restart { node } => fold.named(node).map(|_| node.clone()),
            _ => None,
        });
        names.extend(added.filter(|name| !names.contains(name)));
        Some((next.clone(), fold.lane_name(at), names))
    }

    /// Who has a partition in each world after an event, once that is decided.
    pub(super) fn outcome(&self, guess: &Guess) -> Option<Vec<(String, String)>> {
        let mut told = Vec::new();
        for ((fold, run), protocol) in self.folds.iter().zip(self.worlds.runs()).zip(&self.protocols) {
            let entries = run.world().entries();
            let round = fold.rounds().iter().find(|round| round.time > guess.cue.at)?;
            if round.seq > entries {
                return None;
            }
            let (at, _) = fold.lanes().iter().find(|(at, _)| fold.lane_name(at) == guess.lane)?;
            let owner = round.owners.get(at).map(|who| fold.name(*who).to_owned());
            told.push((protocol.title(), owner.unwrap_or_else(|| "nobody".into())));
        }
        Some(told)
    }

    /// The entry that was stepped to, in a sentence.
    pub(super) fn narration(&self) -> Option<(usize, String)> {
        let (world, seq) = self.found?;
        let run = self.worlds.runs().get(world)?;
        let names = Names::of(run.world());
        let entry: &Entry = run.branch().entry(seq)?;
        Some((world, sentence(entry, &names)))
    }

    /// `A · workers-1`, or only the letter when that is the name.
    pub(super) fn full_name(&self, member: u8) -> String {
        let name = self.folds.first().map_or("", |fold| fold.name(member));
        let letter = letter(member);
        if name == letter { letter } else { format!("{letter} · {name}") }
    }
}

/// What is compared when nobody says what.
fn default_protocols(scenario: &Scenario) -> Vec<Protocol> {
    if scenario.compare.is_empty() {
        Protocol::all().into_iter().take(WORLDS_MAX).collect()
    } else {
        scenario.compare.clone()
    }
}

fn noun(by: StepBy) -> &'static str {
    match by {
        StepBy::Request => "request to the coordinator",
        StepBy::State => "change of the group's state",
        StepBy::Member => "change of a member's view",
        StepBy::Round => "end of a round",
    }
}
