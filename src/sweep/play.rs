//! Playing a scenario until a promise is broken, or to its end.

use std::sync::Arc;

use crate::base::{Digest, SimTime, ms};
use crate::scenario::{Files, Scenario};
use crate::sim::{Violation, World};

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

/// Plays a scenario to its `look.until_ms`, or until a promise is broken that nothing excuses.
/// `None` when the scenario makes no sense.
pub fn play(scenario: &Scenario) -> Option<Outcome> {
    let setup = scenario.build(None, &Files::new()).ok()?;
    let until = SimTime(ms(scenario.look.until_ms.unwrap_or(0)));
    let mut world = World::new(Arc::new(setup));
    let mut trace = Vec::new();
    let mut seen = 0;
    let mut found = None;
    while found.is_none() && world.next_at().is_some_and(|at| at <= until) && world.step(&mut trace) {
        trace.clear();
        let violations = world.violations();
        found = violations[seen..].iter().find(|violation| counts(violation)).cloned();
        seen = violations.len();
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

fn counts(violation: &Violation) -> bool {
    !violation.expected && violation.excuse.is_none()
}
