//! Playing a scenario until a promise is broken, or to its end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::base::{Digest, SimTime, ms};
use crate::plant::Plant;
use crate::scenario::{Files, Scenario};
use crate::sim::{Violation, World};
use crate::trace::Entry;

use super::generate::END_MS;
use super::settled::standstill;

/// What a run is said to break that ends in a panic.
const PANIC: &str = "panic";

/// What has not moved for so long at the end does not move.
const STANDSTILL_MS: u64 = 15_000;

/// A promise that was broken, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Which promise, and which records.
    pub violation: Violation,
    /// The world's time then.
    pub at: SimTime,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Of all that happened.
    pub digest: Digest,
    /// How many events there were.
    pub steps: u64,
    /// Where the run ended.
    pub end: SimTime,
    /// Records that producers were given, that were acknowledged, and that consumers processed.
    pub records: [u64; 3],
    /// The first promise that was broken.
    pub found: Option<Found>,
}

/// Plays a scenario to its `look.until_ms`, or until a promise is broken that nothing excuses, with a
/// known bug built in if there is one.
/// `None` when the scenario makes no sense.
pub fn play(scenario: &Scenario, plant: Option<Plant>) -> Option<Outcome> {
    let mut setup = scenario.build(None, &Files::new()).ok()?;
    if let Some(plant) = plant {
        setup.plant(plant);
    }
    let until = SimTime(ms(scenario.look.until_ms.unwrap_or(0)));
    let is_whole = until.as_ms() >= END_MS;
    let mut world = World::new(Arc::new(setup));
    let mut trace = Vec::new();
    let mut seen = 0;
    let mut found = None;
    let mut before = None;
    while found.is_none() && world.next_at().is_some_and(|at| at <= until) {
        if before.is_none()
            && is_whole
            && world.next_at().is_some_and(|at| at.as_ms() >= END_MS - STANDSTILL_MS)
        {
            before = Some(world.summary());
        }
        match step(&mut world, &mut trace) {
            Ok(true) => trace.clear(),
            Ok(false) => break,
            Err(violation) => {
                found = Some(violation);
                break;
            }
        }
        let violations = world.violations();
        found = violations[seen..].iter().find(|violation| counts(violation)).cloned();
        seen = violations.len();
    }
    if let (None, Some(before)) = (&found, before) {
        world.idle_until(until);
        found =
            standstill(scenario, &before, &world.summary(), world.invariants()).map(|(invariant, detail)| {
                Violation {
                    invariant,
                    detail: detail.into(),
                    t_ms: until.as_ms(),
                    expected: false,
                    excuse: None,
                }
            });
    }
    let counts = world.invariants().counts();
    Some(Outcome {
        digest: world.digest(),
        steps: world.steps(),
        end: world.now(),
        records: [counts.produced, counts.acknowledged, counts.consumed],
        found: found.map(|violation| Found { violation, at: world.now() }),
    })
}

/// One step; a panic is a bug of ours like a broken promise, and there is no going on from it.
fn step(world: &mut World, trace: &mut Vec<Entry>) -> Result<bool, Violation> {
    let now = world.next_at().unwrap_or(world.now());
    let stepped = catch_unwind(AssertUnwindSafe(|| world.step(trace)));
    stepped.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("without a word");
        Violation { invariant: PANIC, detail: text.into(), t_ms: now.as_ms(), expected: false, excuse: None }
    })
}

fn counts(violation: &Violation) -> bool {
    !violation.expected && violation.excuse.is_none()
}
