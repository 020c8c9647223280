//! The test of the testers: every known bug is found within a few seeds, and where none is built in,
//! nothing is.
// Native only: in wasm there are no plants.
#![cfg(not(target_arch = "wasm32"))]

use std::collections::BTreeSet;

use terrarium::plant::Plant;
use terrarium::scenario::Scenario;
use terrarium::sweep::{Profile, play, scenario, shrink};

/// Under which profile each bug is looked for, from which seed on, and as what it is found. What is
/// rare begins near a seed that shows it: the whole of 200 seeds takes too long here.
const PLANTS: &[(Plant, Profile, u64, &str)] = &[
    (Plant::HighWatermarkAhead, Profile::Calm, 0, "high watermark ahead of the in-sync replicas"),
    (Plant::IsrShrinkForgotten, Profile::CrashHappy, 0, "high watermark ahead of the in-sync replicas"),
    (Plant::EpochNotBumped, Profile::CrashHappy, 0, "split brain"),
    (Plant::TruncationOffByOne, Profile::DisksThatLie, 43, "out of sync for good"),
    (Plant::TruncationForgotten, Profile::FlakyNetwork, 46, "committed record changed"),
    (Plant::DuplicateAccepted, Profile::FlakyNetwork, 0, "duplicate"),
    (Plant::SequenceGapAccepted, Profile::FlakyNetwork, 20, "reordered"),
    (Plant::DuplicateGeneration, Profile::Calm, 0, "two owners of a partition in one generation"),
    (Plant::FencedCommitAccepted, Profile::CrashHappy, 0, "commit of a fenced member"),
    (Plant::AckBeforeReplication, Profile::Calm, 0, "acknowledged before it was committed"),
    (Plant::OffsetIndexOffByOne, Profile::Calm, 0, "committed record changed"),
    (Plant::TornBatchAccepted, Profile::DisksThatLie, 0, "torn write"),
    (Plant::StaleFetchAccepted, Profile::FlakyNetwork, 46, "committed record changed"),
    (Plant::UncleanElection, Profile::CrashHappy, 60, "committed record changed"),
    (Plant::UncommittedRead, Profile::DisksThatLie, 0, "read past the high watermark"),
    (Plant::MinIsrIgnored, Profile::DisksThatLie, 0, "committed below min.insync.replicas"),
    (Plant::CommittedOffsetAhead, Profile::Calm, 4, "unseen"),
    (Plant::RestartKeepsIsr, Profile::DisksThatLie, 0, "lost write"),
    (Plant::CompactionKeepsOlder, Profile::Calm, 0, "lost by compaction"),
    (Plant::VoteGrantedTwice, Profile::FlakyNetwork, 80, "two votes of a controller in one epoch"),
];

/// So many seeds are tried.
const SEEDS: u64 = 8;

#[test]
fn every_plant_is_found() {
    let known: BTreeSet<&str> = PLANTS.iter().map(|(plant, ..)| plant.name()).collect();
    let all: BTreeSet<&str> = Plant::ALL.iter().map(|plant| plant.name()).collect();
    assert_eq!(known, all);
    let mut wrong = Vec::new();
    for &(plant, profile, from, invariant) in PLANTS {
        let found = (from..from + SEEDS).find_map(|seed| {
            let outcome = play(&scenario(seed, profile), Some(plant)).expect("it makes sense");
            outcome.found.map(|found| found.violation.invariant)
        });
        if found != Some(invariant) {
            wrong.push((plant.name(), found));
        }
    }
    assert_eq!(wrong, []);
}

#[test]
fn what_breaks_a_promise_becomes_small() {
    let (seed, plant) = (3, Some(Plant::DuplicateAccepted));
    let drawn = scenario(seed, Profile::FlakyNetwork);
    let found = play(&drawn, plant).and_then(|outcome| outcome.found).expect("it is found");
    let small = shrink(&drawn, plant, &found, 200);
    assert!(small.scenario.script.len() <= 2 && drawn.script.len() > 2, "{:?}", small.scenario.script);
    assert_eq!((small.scenario.producers.len(), small.scenario.groups.len()), (1, 0));
    // What is written to the file breaks the same promise at the moment at which it opens.
    let text = serde_json::to_string(&small.scenario).expect("it can be written");
    let read = Scenario::parse(&text).expect("it can be read");
    let again = play(&read, plant).and_then(|outcome| outcome.found).expect("it is found again");
    assert_eq!(again, small.found);
    assert_eq!(read.look.at_ms, again.at.as_ms() + 1);
    assert_eq!(play(&read, None).and_then(|outcome| outcome.found), None, "the bug is gone");
}

/// A classic group learns late of partitions that were added, or not at all.
#[test]
fn what_kafka_does_not_promise_is_not_called_broken() {
    for (seed, profile) in [(260, Profile::FlakyNetwork), (155, Profile::CrashHappy)] {
        let found = play(&scenario(seed, profile), None).expect("it makes sense").found;
        assert!(found.is_none(), "{} {seed}: {found:?}", profile.name());
    }
}

/// Each of these has shown a fault once, of the engine or of a checker.
#[test]
fn what_was_broken_once_stays_whole() {
    let (crash, disks) = (Profile::CrashHappy, Profile::DisksThatLie);
    let (flaky, everything) = (Profile::FlakyNetwork, Profile::Everything);
    let seeds = [
        // A replaced coordinator told members what would never be committed.
        (everything, 7_007_650),
        (everything, 7_005_333),
        // Its members are no members of the group any more.
        (everything, 7_006_599),
        (crash, 7_000_044),
        // A static member was away for a generation, and is about to give up what another has got.
        (everything, 8_001_595),
        // A compacted log has gaps, also for who copies it.
        (everything, 7_000_999),
        (crash, 7_005_583),
        // Retention had left a follower less than its leader had lost.
        (everything, 7_004_427),
        (everything, 7_004_548),
        (flaky, 7_009_318),
        // A consumer was set back while it was busy with what it had been given.
        (everything, 7_007_680),
        (disks, 7_005_304),
        // Who commits after each record is slow.
        (everything, 7_008_682),
        // Whose commits name a topic that is gone, too.
        (flaky, 8_000_801),
        // A topic was deleted and the leader of offsets replaced at one stroke.
        (flaky, 7_005_604),
        // A busy application takes what its member no longer owns, and gives it back.
        (crash, 313_097),
        // Who stood still hears that committed what all others have lost and written anew.
        (everything, 422_390),
    ];
    for (profile, seed) in seeds {
        let found = play(&scenario(seed, profile), None).expect("it makes sense").found;
        assert!(found.is_none(), "{} {seed}: {found:?}", profile.name());
    }
}

#[test]
fn what_has_no_bug_breaks_no_promise() {
    let seeds: BTreeSet<(Profile, u64)> = PLANTS
        .iter()
        .flat_map(|(_, profile, from, _)| (*from..from + SEEDS).map(|seed| (*profile, seed)))
        .chain((0..SEEDS).map(|seed| (Profile::Everything, seed)))
        .collect();
    for (profile, seed) in seeds {
        let outcome = play(&scenario(seed, profile), None).expect("it makes sense");
        assert_eq!(outcome.found, None, "{} {seed}", profile.name());
    }
}
