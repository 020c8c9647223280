//! `terrarium sweep`: as many seeds as one asks for, on as many cores as there are. What a seed
//! gives does not depend on how many run at once, nor in which order they end.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "people wait for it by the wall's clock"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use terrarium::base::Digest;
use terrarium::plant::Plant;
use terrarium::sweep::{Found, Outcome, Profile, play, scenario, shrink};

use crate::cli::{BROKEN, Failure, Outcome as CliOutcome, print};

/// How often it tells how far it is.
const TELL_EVERY: Duration = Duration::from_secs(2);
/// So many runs may be spent on making a run smaller.
const SHRINK_MOST: u32 = 600;

/// Plays random clusters, loads and faults, and checks every promise after every event.
///
/// A run that breaks one is made as small as it can be and written to a scenario file. Ends with 1
/// when a promise was broken, and with 2 when something is wrong with what was given.
#[derive(Args)]
pub(crate) struct Sweep {
    /// Which seeds: from the first up to but not including the second.
    #[arg(long, value_name = "FROM..TO", default_value = "0..1000", value_parser = seeds)]
    seeds: Range<u64>,
    /// Which faults: calm, flaky-network, crash-happy, disks-that-lie or everything.
    #[arg(long, value_name = "NAME", default_value = "everything", value_parser = profile)]
    profile: Profile,
    /// How many seeds to play at once; without it as many as there are cores.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Begin no further seed after so many minutes.
    #[arg(long, value_name = "M")]
    minutes: Option<f64>,
    /// Of all seeds only every eighth, from the third on, for 3/8: one machine's part of eight.
    #[arg(long, value_name = "K/N", value_parser = shard)]
    shard: Option<(u64, u64)>,
    /// Where scenario files go.
    #[arg(long, value_name = "DIRECTORY", default_value = ".")]
    out: PathBuf,
    /// Build a known bug in, to see whether it is found.
    #[arg(long, value_name = "NAME", value_parser = plant)]
    plant: Option<Plant>,
    /// List the known bugs that can be built in, and do nothing else.
    #[arg(long)]
    list_plants: bool,
    /// Go on after a promise was broken.
    #[arg(long)]
    keep_going: bool,
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let expected = || "expected two numbers, the smaller first, as 0..1000".to_owned();
    let (from, to) = text.split_once("..").ok_or_else(expected)?;
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| expected());
    let (from, to) = (number(from)?, number(to)?);
    if from < to { Ok(from..to) } else { Err(expected()) }
}

fn profile(text: &str) -> Result<Profile, String> {
    let names = || Profile::ALL.map(Profile::name).join(", ");
    Profile::from_name(text).ok_or_else(|| format!("expected one of {}", names()))
}

pub(crate) fn plant(text: &str) -> Result<Plant, String> {
    Plant::from_name(text).ok_or_else(|| "no bug is called so; see --list-plants".to_owned())
}

fn shard(text: &str) -> Result<(u64, u64), String> {
    let expected = || "expected a part of a whole, from 1/1 on, as 3/8".to_owned();
    let (part, whole) = text.split_once('/').ok_or_else(expected)?;
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| expected());
    let (part, whole) = (number(part)?, number(whole)?);
    if (1..=whole).contains(&part) { Ok((part, whole)) } else { Err(expected()) }
}

impl Sweep {
    /// The seed that is played as number `index`, from 0.
    fn seed(&self, index: u64) -> Option<u64> {
        let (part, whole) = self.shard.unwrap_or((1, 1));
        let seed = self.seeds.start.checked_add(index.checked_mul(whole)?)?.checked_add(part - 1)?;
        self.seeds.contains(&seed).then_some(seed)
    }

    fn count(&self) -> u64 {
        let (part, whole) = self.shard.unwrap_or((1, 1));
        let all = self.seeds.end - self.seeds.start;
        all.saturating_sub(part - 1).div_ceil(whole)
    }
}

/// What all seeds together came to.
#[derive(Default)]
struct Tally {
    digests: BTreeMap<u64, Digest>,
    found: BTreeMap<u64, Found>,
    steps: u64,
    simulated_us: u64,
    records: [u64; 3],
}

impl Tally {
    fn add(&mut self, seed: u64, outcome: Outcome) {
        self.digests.insert(seed, outcome.digest);
        self.steps += outcome.steps;
        self.simulated_us += outcome.end.0;
        for (sum, more) in self.records.iter_mut().zip(outcome.records) {
            *sum += more;
        }
        if let Some(found) = outcome.found {
            self.found.insert(seed, found);
        }
    }

    /// Of everything that happened in every seed, in their order.
    fn digest(&self) -> Digest {
        let mut digest = Digest::default();
        for (seed, of_seed) in &self.digests {
            digest.number(*seed);
            digest.bytes(of_seed.to_string().as_bytes());
        }
        digest
    }
}

pub(crate) fn sweep(wanted: &Sweep) -> CliOutcome {
    if wanted.list_plants {
        let width = Plant::ALL.iter().map(|plant| plant.name().len()).max().unwrap_or(0);
        let lines = Plant::ALL.iter().map(|plant| format!("{:width$}  {}\n", plant.name(), plant.about()));
        return print(&lines.collect::<String>());
    }
    if wanted.jobs == Some(0) {
        return Err(Failure::Input("--jobs: at least 1".to_owned()));
    }
    let started = Instant::now();
    let tally = all_seeds(wanted, started);
    let elapsed = started.elapsed();
    for (count, (seed, found)) in tally.found.iter().enumerate() {
        print(&format!("seed {seed}: {}: {}\n", found.violation.invariant, found.violation.detail))?;
        if count == 0 || wanted.keep_going {
            smaller(wanted, *seed, found)?;
        }
    }
    let [_, acknowledged, consumed] = tally.records;
    let speed = tally.simulated_us as f64 / elapsed.as_micros().max(1) as f64;
    print(&format!(
        "{}: {} seeds, {} broke a promise; {} events, {acknowledged} records acknowledged, \
         {consumed} processed, {:.0} s simulated at {speed:.0} times real time; digest {}\n",
        wanted.profile.name(),
        tally.digests.len(),
        tally.found.len(),
        tally.steps,
        tally.simulated_us as f64 / 1e6,
        tally.digest(),
    ))?;
    Ok(if tally.found.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(BROKEN) })
}

/// Plays the seeds. Unless told to go on, none is begun after one that broke a promise; those before
/// it are played to their end, so that it is always the same one that is found first.
fn all_seeds(wanted: &Sweep, started: Instant) -> Tally {
    let jobs = wanted.jobs.or_else(|| thread::available_parallelism().ok().map(usize::from)).unwrap_or(1);
    let tally = Mutex::new(Tally::default());
    let (next, first_broken) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
    let limit = wanted.minutes.map(|minutes| Duration::from_secs_f64((minutes * 60.0).clamp(0.0, 1e9)));
    let done = AtomicBool::new(false);
    let work = || {
        loop {
            let late = limit.is_some_and(|limit| started.elapsed() >= limit);
            let index = next.fetch_add(1, Ordering::SeqCst);
            let Some(seed) = wanted.seed(index).filter(|_| !late) else { return };
            if !wanted.keep_going && seed > first_broken.load(Ordering::SeqCst) {
                return;
            }
            let Some(outcome) = play(&scenario(seed, wanted.profile), wanted.plant) else { continue };
            if outcome.found.is_some() {
                first_broken.fetch_min(seed, Ordering::SeqCst);
            }
            if let Ok(mut tally) = tally.lock() {
                tally.add(seed, outcome);
            }
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        scope.spawn(|| tell(wanted, &tally, &done, started));
        for worker in workers {
            let _ = worker.join();
        }
        done.store(true, Ordering::SeqCst);
    });
    let mut tally = tally.into_inner().unwrap_or_default();
    if !wanted.keep_going
        && let Some(first) = tally.found.keys().next().copied()
    {
        // What happened to end before it was known is as if it had not been begun.
        tally.digests.retain(|seed, _| *seed <= first);
        tally.found.retain(|seed, _| *seed <= first);
    }
    tally
}

/// Says how far it is, for as long as it takes.
fn tell(wanted: &Sweep, tally: &Mutex<Tally>, done: &AtomicBool, started: Instant) {
    let in_place = io::stderr().is_terminal();
    let mut told = Instant::now();
    loop {
        thread::sleep(Duration::from_millis(20));
        let is_done = done.load(Ordering::SeqCst);
        if told.elapsed() >= TELL_EVERY || is_done && in_place {
            told = Instant::now();
            let Ok(tally) = tally.lock() else { return };
            let speed = tally.simulated_us as f64 / started.elapsed().as_micros().max(1) as f64;
            let end = if in_place && !is_done { "\r" } else { "\n" };
            let _ = write!(
                io::stderr(),
                "{}: {} of {} seeds, {} broke a promise, {speed:.0} times real time{end}",
                wanted.profile.name(),
                tally.digests.len(),
                wanted.count(),
                tally.found.len(),
            );
        }
        if is_done {
            return;
        }
    }
}

/// Makes a run smaller and writes it to a file.
fn smaller(wanted: &Sweep, seed: u64, found: &Found) -> Result<(), Failure> {
    let small = shrink(&scenario(seed, wanted.profile), wanted.plant, found, SHRINK_MOST);
    let what = wanted.plant.map_or(wanted.profile.name(), Plant::name);
    let path = wanted.out.join(format!("sweep-{what}-{seed}.json"));
    let text = serde_json::to_string_pretty(&small.scenario)
        .map_err(|error| Failure::Input(format!("{}: {error}", path.display())))?;
    write(&path, &(text + "\n"))?;
    let commands = small.scenario.script.len();
    print(&format!(
        "  with {commands} commands, after {} runs: {}: {}\n  {}\n",
        small.plays,
        small.found.violation.invariant,
        small.found.violation.detail,
        path.display()
    ))?;
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::Input(format!("{}: {error}", path.display()));
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    fs::write(path, text).map_err(failed)
}
