//! What is played in the theatre: the worlds, what was folded up of them, and their script.

use std::rc::Rc;

use crate::base::SimTime;
use crate::scenario::{Files, Linked, Protocol, Scenario, ScriptStep, TheatreLink, WORLDS_MAX};
use crate::sim::{Command, Moment, Run};
use crate::view::theatre::{
    Fold, MemberView, Play, Sought, StepBy, compares_elections, cue, is_server, letter,
};

use super::super::session::SPEEDS;

/// One frame never covers more real time than this, in milliseconds.
const FRAME_MAX_MS: f64 = 100.0;
/// The engine may take so long for a frame, in milliseconds.
const FRAME_BUDGET_MS: f64 = 9.0;
/// The same where somebody waits for the picture of what a key does.
const SEEK_BUDGET_MS: f64 = 6.0;
/// The worlds are in step at least so often, in microseconds.
const BEAT_US: u64 = 20_000;
/// The same for what is only prepared.
const WARM_BUDGET_MS: f64 = 3.0;
/// What is played when nobody asks for anything else.
pub(super) const FIRST: &str = "scale-out";

/// An event of the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ui) struct Cue {
    pub(super) at: SimTime,
    pub(super) label: String,
    /// Who is there only because of it.
    joins: Option<String>,
    /// Its place in the scenario's script.
    pub(super) index: usize,
}

/// A question that was answered before it was played.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    pub(super) play: Play,
    /// What was done here, beside the scenario's own script.
    acted: Vec<ScriptStep>,
    /// The script, in order.
    pub(super) cues: Rc<Vec<Cue>>,
    /// Whether the score of elections is of interest.
    pub(super) elects: bool,
    /// What is played until there before anything else.
    goal: Option<Goal>,
    /// Time in microseconds that no frame has played yet.
    rest: f64,
    /// By what was stepped last.
    by: StepBy,
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
        let play = Play::new(setups, &group);
        let (acted, cues, goal) = (Vec::new(), Rc::default(), Some(goal));
        let mut show = Show {
            scenario,
            linked,
            protocols,
            play,
            acted,
            cues,
            elects: false,
            goal,
            rest: 0.0,
            by: StepBy::State,
        };
        show.read_script();
        Ok(show)
    }

    /// The same with other protocols, or another script, at the same time.
    fn again(&self, scenario: Scenario, linked: Linked, protocols: Vec<Protocol>) -> Result<Show, String> {
        let goal = Goal { time: self.now(), then: None };
        Show::make(scenario, linked, protocols, goal)
    }

    pub(super) fn now(&self) -> SimTime {
        self.play.now()
    }

    /// The worlds.
    pub(super) fn runs(&self) -> &[Run] {
        self.play.worlds().runs()
    }

    /// What was folded up of each.
    pub(super) fn folds(&self) -> &[Fold] {
        self.play.folds()
    }

    /// The time up to which any world was ever played.
    pub(super) fn known(&self) -> SimTime {
        self.play.worlds().known()
    }

    /// Where it is opened: by then the group is at rest for the first time.
    pub(super) fn opens(&self) -> SimTime {
        SimTime(self.scenario.look.at_ms.saturating_mul(1_000))
    }

    /// Where playing is to end: what the scenario wants to show has happened by then.
    pub(super) fn end(&self) -> SimTime {
        let until = self.scenario.look.until_ms.unwrap_or(30_000).saturating_mul(1_000);
        SimTime(until).max(self.known())
    }

    /// Whether it is still on its way to where it is wanted.
    pub(super) fn is_under_way(&self) -> bool {
        self.goal.is_some() || self.play.is_seeking()
    }

    /// Goes on its way, for as long as a frame may take.
    pub(super) fn go_on(&mut self, clock: fn() -> f64) -> Result<(), String> {
        let Some(goal) = self.goal else {
            let found = self.play.seek_on(tired(clock, SEEK_BUDGET_MS));
            return told(found, self.by);
        };
        if self.play_to(goal.time, clock) {
            if let Some(moment) = goal.then {
                self.play.go_to(moment);
            }
            self.goal = None;
        }
        Ok(())
    }

    /// Makes the next steps quick, for as long as a frame may take; false when they are.
    pub(super) fn warm(&mut self, by: StepBy, clock: fn() -> f64) -> bool {
        let tired = tired(clock, WARM_BUDGET_MS);
        while self.play.warm(by) {
            if tired() {
                return true;
            }
        }
        false
    }

    /// `elapsed` milliseconds of the reader's time go by. False when the end is reached.
    pub(super) fn play(&mut self, elapsed: f64, speed: usize, clock: fn() -> f64) -> bool {
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
    fn play_to(&mut self, time: SimTime, clock: fn() -> f64) -> bool {
        let begun = clock();
        while self.now() < time {
            let next = time.min(self.now() + BEAT_US);
            self.play.play_until(next);
            if clock() - begun > FRAME_BUDGET_MS {
                break;
            }
        }
        self.now() >= time
    }

    /// To the next event of a kind, in whichever world. If that takes longer than a frame may,
    /// [`Show::go_on`] goes on with it.
    pub(super) fn step(&mut self, by: StepBy, clock: fn() -> f64) -> Result<(), String> {
        if self.is_under_way() {
            return Ok(());
        }
        (self.rest, self.by) = (0.0, by);
        told(self.play.seek(by, tired(clock, SEEK_BUDGET_MS)), by)
    }

    /// To the last one before; from a search, to where it began.
    pub(super) fn step_back(&mut self, by: StepBy) {
        self.rest = 0.0;
        if self.play.is_seeking() {
            return self.play.give_up();
        }
        if !self.play.step_back(by) {
            self.go_to(self.opens().min(self.now()));
        }
    }

    /// Goes to a time, as far as it is known; plays there if it is not.
    pub(super) fn go_to(&mut self, time: SimTime) {
        self.rest = 0.0;
        if time <= self.known() {
            self.play.go_back(time);
        } else {
            self.goal = Some(Goal { time, then: None });
        }
    }

    /// Does something now, in every world.
    pub(super) fn act(&mut self, command: Command) -> Result<(), String> {
        let at_ms = self.play.act(&command).map_err(|error| error.to_string())?.as_ms();
        self.acted.retain(|step| step.at_ms <= at_ms);
        self.acted.push(ScriptStep { at_ms, command });
        self.read_script();
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
        let stand = self.play.position();
        let between = stand.step != u64::MAX;
        TheatreLink {
            scenario: linked,
            protocols: if own { Vec::new() } else { self.protocols.clone() },
            time_us: Some(self.now().0),
            world: if between { stand.world } else { 0 },
            step: if between { stand.step } else { 0 },
        }
    }

    fn read_script(&mut self) {
        let played = self.played();
        self.elects = compares_elections(&played, &self.protocols);
        self.cues = cues(played.script);
    }

    /// The question before the next event: which partition, and who may have it then. `members`
    /// are those of the first world.
    pub(super) fn question(&self, members: &[MemberView]) -> Option<(Cue, String, Vec<String>)> {
        let next = self.cues.iter().find(|cue| cue.at > self.now())?;
        let fold = self.folds().first()?;
        let lanes = fold.lanes();
        let (at, _) = lanes.iter().nth(lanes.len() / 2)?;
        let mut names: Vec<String> =
            members.iter().filter(|member| member.runs).map(|member| member.name.clone()).collect();
        // A server that comes back is no member.
        let added = next.joins.clone().filter(|name| !is_server(name) && !names.contains(name));
        names.extend(added);
        Some((next.clone(), fold.lane_name(at), names))
    }

    /// Who has a partition in each world after an event, once that is decided.
    pub(super) fn outcome(&self, guess: &Guess) -> Option<Vec<(String, String)>> {
        let owners = self.play.outcome(guess.cue.at, &guess.lane)?;
        let worlds = owners.into_iter().zip(self.folds()).zip(&self.protocols);
        let told = worlds.map(|((owner, fold), protocol)| {
            (protocol.title(), owner.map_or("nobody", |who| fold.name(who)).to_owned())
        });
        Some(told.collect())
    }

    /// `A · workers-1`, or only the letter when that is the name.
    pub(super) fn full_name(&self, member: u8) -> String {
        let name = self.folds().first().map_or("", |fold| fold.name(member));
        let letter = letter(member);
        if name == letter { letter } else { format!("{letter} · {name}") }
    }
}

/// A script's events.
fn cues(script: Vec<ScriptStep>) -> Rc<Vec<Cue>> {
    let cue = |(index, step): (usize, &ScriptStep)| Cue {
        at: SimTime(step.at_ms.saturating_mul(1_000)),
        label: cue(&step.command),
        joins: match &step.command {
            Command::AddConsumer { name, .. } => name.clone(),
            Command::Restart { node } => Some(node.clone()),
            _ => None,
        },
        index,
    };
    Rc::new(script.iter().enumerate().map(cue).collect())
}

/// What is compared when nobody says what.
fn default_protocols(scenario: &Scenario) -> Vec<Protocol> {
    if scenario.compare.is_empty() {
        Protocol::all().into_iter().take(WORLDS_MAX).collect()
    } else {
        scenario.compare.clone()
    }
}

/// Whether a frame's time is used up.
fn tired(clock: fn() -> f64, budget_ms: f64) -> impl Fn() -> bool {
    let begun = clock();
    move || clock() - begun > budget_ms
}

fn told(found: Sought, by: StepBy) -> Result<(), String> {
    match found {
        Sought::Found | Sought::Underway => Ok(()),
        Sought::Nothing => Err(format!("In the next minute no {} comes in any world.", noun(by))),
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
