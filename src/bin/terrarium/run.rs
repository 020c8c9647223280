//! `terrarium run`: plays a scenario, under each protocol that it compares, and prints where
//! everything stands and what rebalancing has cost.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use serde::Serialize;
use terrarium::base::{SimTime, ms};
use terrarium::plant::Plant;
use terrarium::scenario::{Protocol, Scenario};
use terrarium::sim::{Setup, Summary, World};
use terrarium::trace::Event;
use terrarium::view::spacetime::Perfetto;
use terrarium::view::theatre::{ElectionScore, Fold, Score, compares_elections, election_report, report};
use terrarium::view::words::Names;

use crate::cli::{BROKEN, Failure, Form, Outcome, build, parse, print};

/// Where a run ends when neither `--until` nor the scenario says so.
const UNTIL_MS: u64 = 30_000;

/// What is asked for.
pub(crate) struct Wanted {
    /// A file, or an id of the gallery.
    pub(crate) scenario: String,
    /// In place of the scenario's seed.
    pub(crate) seed: Option<u64>,
    /// In place of the scenario's end.
    pub(crate) until: Option<SimTime>,
    /// Where the trace goes.
    pub(crate) trace: Option<PathBuf>,
    /// Where the trace goes in Perfetto's form.
    pub(crate) perfetto: Option<PathBuf>,
    /// How to print.
    pub(crate) form: Form,
    /// Only this of the protocols, from 1.
    pub(crate) protocol: Option<usize>,
    /// A known bug to build in.
    pub(crate) plant: Option<Plant>,
}

/// A world at its end.
struct Played {
    /// The protocol's name, if several are compared.
    protocol: Option<String>,
    world: World,
    fold: Option<Fold>,
}

#[derive(Serialize)]
struct Alone {
    #[serde(flatten)]
    summary: Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<Score>,
    #[serde(skip_serializing_if = "Option::is_none")]
    elections: Option<ElectionScore>,
}

#[derive(Serialize)]
struct Compared {
    protocol: String,
    score: Option<Score>,
    #[serde(skip_serializing_if = "Option::is_none")]
    elections: Option<ElectionScore>,
    summary: Summary,
}

pub(crate) fn run(wanted: &Wanted) -> Outcome {
    let name = &wanted.scenario;
    let scenario = parse(name)?;
    let recorded =
        scenario.session.digest.as_ref().filter(|_| wanted.until.is_none() && wanted.seed.is_none());
    let until = wanted
        .until
        .or(scenario.session.until())
        .unwrap_or(SimTime(ms(scenario.look.until_ms.unwrap_or(UNTIL_MS))));
    let protocols = protocols(&scenario, wanted)?;
    if protocols.len() > 1 && (wanted.trace.is_some() || wanted.perfetto.is_some()) {
        let message = "a trace is of one world: choose a protocol with --protocol";
        return Err(Failure::Input(format!("{name}: {message}")));
    }
    let compared: Vec<Protocol> = protocols.iter().flatten().cloned().collect();
    let elects = compares_elections(&scenario, &compared);
    let mut worlds = Vec::new();
    for protocol in &protocols {
        let mut setup = build(
            name,
            &protocol.as_ref().map_or_else(|| scenario.clone(), |it| scenario.under(it)),
            wanted.seed,
        )?;
        if let Some(plant) = wanted.plant {
            setup.plant(plant);
        }
        let (world, fold) = play(setup, until, wanted, scenario.theatre_group())?;
        worlds.push(Played { protocol: protocol.as_ref().map(Protocol::title), world, fold });
    }
    let kept =
        worlds.iter().all(|played| played.world.violations().iter().all(|violation| violation.expected));
    let same = recorded
        .is_none_or(|digest| worlds.iter().all(|played| *digest == played.world.digest().to_string()));
    if !same {
        let message = "this is not the run that was recorded: the digest was another then";
        let _ = writeln!(io::stderr(), "{name}: {message}");
    }
    let code = if kept && same { ExitCode::SUCCESS } else { ExitCode::from(BROKEN) };
    let text = match wanted.form {
        Form::Text => text(&worlds, elects, until),
        Form::Json => json(&worlds, elects, until).map_err(|error| Failure::Output(error.into()))?,
    };
    match print(&text) {
        Err(Failure::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(code),
        outcome => outcome.map(|_| code),
    }
}

/// The protocols to play under; none stands for the scenario as it is.
fn protocols(scenario: &Scenario, wanted: &Wanted) -> Result<Vec<Option<Protocol>>, Failure> {
    let count = scenario.compare.len();
    match wanted.protocol {
        None if count == 0 => Ok(vec![None]),
        None => Ok(scenario.compare.iter().cloned().map(Some).collect()),
        Some(number) => match number.checked_sub(1).and_then(|index| scenario.compare.get(index)) {
            Some(protocol) => Ok(vec![Some(protocol.clone())]),
            None => {
                let message = format!("there is no protocol {number}: the scenario compares {count}");
                Err(Failure::Input(format!("{}: {message}", wanted.scenario)))
            }
        },
    }
}

fn score(played: &Played, now: SimTime) -> Option<Score> {
    played.fold.as_ref().map(|fold| fold.score(u64::MAX, now))
}

fn elections(played: &Played, now: SimTime) -> Option<ElectionScore> {
    played.fold.as_ref().map(|fold| fold.election_score(u64::MAX, now))
}

fn text(worlds: &[Played], elects: bool, now: SimTime) -> String {
    let mut text = String::new();
    for played in worlds {
        if let Some(protocol) = &played.protocol {
            text += &format!("# {protocol}\n");
        }
        text += &played.world.summary().to_string();
    }
    let (titles, folds): (Vec<String>, Vec<&Fold>) = worlds
        .iter()
        .filter_map(|played| Some((played.protocol.clone().unwrap_or_default(), played.fold.as_ref()?)))
        .unzip();
    text += &report(&titles, &folds, now);
    if elects {
        text += &election_report(&titles, &folds, now);
    }
    text
}

fn json(worlds: &[Played], elects: bool, now: SimTime) -> serde_json::Result<String> {
    let elections = |played: &Played| elections(played, now).filter(|_| elects);
    let text = match worlds {
        [alone @ Played { protocol: None, world, .. }] => serde_json::to_string(&Alone {
            summary: world.summary(),
            score: score(alone, now),
            elections: elections(alone),
        })?,
        _ => {
            let compared = worlds.iter().map(|played| Compared {
                protocol: played.protocol.clone().unwrap_or_default(),
                score: score(played, now),
                elections: elections(played),
                summary: played.world.summary(),
            });
            serde_json::to_string(&compared.collect::<Vec<_>>())?
        }
    };
    Ok(format!("{text}\n"))
}

/// A file being written.
struct Sink<'a> {
    path: &'a Path,
    file: BufWriter<File>,
}

impl<'a> Sink<'a> {
    fn create(path: &'a Path) -> Result<Sink<'a>, Failure> {
        match File::create(path) {
            Ok(file) => Ok(Sink { path, file: BufWriter::new(file) }),
            Err(error) => Err(failed(path, &error)),
        }
    }

    fn write(&mut self, what: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<(), Failure> {
        what(&mut self.file).map_err(|error| failed(self.path, &error))
    }
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::Input(format!("{}: {error}", path.display()))
}

/// Plays without history: entries go to the files and into the score as they come, and nowhere
/// else.
fn play(
    setup: Setup,
    until: SimTime,
    wanted: &Wanted,
    group: Option<&str>,
) -> Result<(World, Option<Fold>), Failure> {
    let mut lines = wanted.trace.as_deref().map(Sink::create).transpose()?;
    let mut slices = match &wanted.perfetto {
        Some(path) => Some((Sink::create(path)?, Perfetto::default())),
        None => None,
    };
    let mut world = World::new(Arc::new(setup));
    let mut names = Names::of(&world);
    let mut fold = group.map(|group| Fold::new(&world, group));
    let mut entries = Vec::new();
    while world.next_at().is_some_and(|next| next <= until) && world.step(&mut entries) {
        for entry in &entries {
            if let Some(fold) = &mut fold {
                fold.read(&world, entry);
            }
            if let Some(lines) = &mut lines {
                lines.write(|file| {
                    serde_json::to_writer(&mut *file, entry)?;
                    file.write_all(b"\n")
                })?;
            }
            if let Some((_, perfetto)) = &mut slices {
                if matches!(entry.event, Event::NodeStarted | Event::TopicCreated { .. }) {
                    names = Names::of(&world);
                }
                perfetto.read(entry, &names);
            }
        }
        if let Some((sink, perfetto)) = &mut slices {
            let text = perfetto.take();
            sink.write(|file| file.write_all(text.as_bytes()))?;
        }
        entries.clear();
    }
    world.idle_until(until);
    if let Some(lines) = &mut lines {
        lines.write(|file| file.flush())?;
    }
    if let Some((mut sink, perfetto)) = slices {
        let text = perfetto.finish(&Names::of(&world));
        sink.write(|file| file.write_all(text.as_bytes()).and_then(|()| file.flush()))?;
    }
    Ok((world, fold))
}
