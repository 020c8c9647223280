//! Stepping through several worlds: on, back, elsewhere, and what was predicted.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::base::SimTime;
use crate::scenario::{Files, gallery};
use crate::sim::{Command, Moment};

fn scale_out(at_ms: u64) -> Play {
    let scenario = gallery("scale-out").expect("it is in the gallery").expect("it reads");
    let setups = scenario.compared().into_iter().map(|protocol| {
        scenario.under(&protocol).build(None, &Files::new()).unwrap_or_else(|error| panic!("{error}"))
    });
    let mut play = Play::new(setups, scenario.theatre_group().expect("it has a group"));
    play.play_until(SimTime(at_ms * 1_000));
    play
}

/// Where it stands, and what every world is like.
fn stand(play: &Play) -> (Moment, Vec<String>) {
    let digests = play.worlds().runs().iter().map(|run| run.world().digest().to_string());
    (play.position(), digests.collect())
}

/// So many steps on, and as many back: the same places, whether they are prepared or not.
fn check_back(by: StepBy, steps: usize, prepared: bool) {
    let mut play = scale_out(8_000);
    let mut places = Vec::new();
    for _ in 0..steps {
        assert!(play.step(by), "there is another {}", by.label());
        let (world, entry) = play.found().expect("it was stepped to");
        assert_eq!(entry.time, play.now());
        assert!(places.last().is_none_or(|(before, _)| *before < play.position()), "it goes on");
        assert_eq!(play.position().world as usize, world);
        places.push(stand(&play));
    }
    for place in places.iter().rev().skip(1) {
        while prepared && play.warm(by) {}
        assert!(play.step_back(by));
        assert_eq!(stand(&play), *place);
    }
    for place in places.iter().skip(1) {
        while prepared && play.warm(by) {}
        assert!(play.step(by));
        assert_eq!(stand(&play), *place);
    }
}

#[test]
fn steps_back_lead_where_steps_on_came_from() {
    for (by, steps) in [(StepBy::Request, 40), (StepBy::State, 12), (StepBy::Member, 24), (StepBy::Round, 4)]
    {
        check_back(by, steps, false);
        check_back(by, steps, true);
    }
}

#[test]
fn a_search_that_is_interrupted_finds_the_same() {
    let (mut at_once, mut slowly) = (scale_out(8_000), scale_out(8_000));
    let mut frames = 0;
    for _ in 0..2 {
        assert!(at_once.step(StepBy::Round));
        let mut sought = slowly.seek(StepBy::Round, || true);
        while sought == Sought::Underway {
            assert!(slowly.is_seeking() && slowly.found().is_none());
            sought = slowly.seek_on(|| true);
            frames += 1;
        }
        assert_eq!((sought, slowly.is_seeking()), (Sought::Found, false));
        assert_eq!(stand(&slowly), stand(&at_once));
    }
    assert!(frames > 10);
}

#[test]
fn a_search_that_is_given_up_ends_where_it_began() {
    let mut play = scale_out(8_000);
    assert!(play.step(StepBy::State));
    let place = stand(&play);
    assert_eq!(play.seek(StepBy::Round, || true), Sought::Underway);
    play.give_up();
    assert_eq!(stand(&play), place);
    assert!(!play.is_seeking() && play.found().is_some());
}

#[test]
fn what_is_known_is_not_looked_through_again() {
    let mut play = scale_out(8_000);
    while play.step(StepBy::Round) {}
    let place = stand(&play);
    assert_eq!(play.seek(StepBy::Round, || true), Sought::Nothing, "a minute is known, and nothing is in it");
    assert_eq!((stand(&play), play.is_seeking()), (place, false));

    // Half a minute is known: the other half is looked through.
    play.go_back(play.worlds().known() - 30_000_000);
    let place = stand(&play);
    let mut frames = 0;
    let mut sought = play.seek(StepBy::Round, || true);
    while sought == Sought::Underway {
        sought = play.seek_on(|| true);
        frames += 1;
    }
    assert_eq!((sought, play.is_seeking()), (Sought::Nothing, false));
    assert_eq!(stand(&play), place);
    assert!(frames > 10);
}

#[test]
fn at_the_beginning_there_is_nothing_behind() {
    let mut play = scale_out(0);
    let place = stand(&play);
    for by in StepBy::ALL {
        assert!(!play.step_back(by));
        assert_eq!(stand(&play), place);
    }
}

#[test]
fn what_is_done_in_the_past_begins_another_course() {
    let mut play = scale_out(20_000);
    let rounds = play.folds()[0].rounds().len();
    play.go_back(SimTime(9_000_000));
    let kill = Command::Kill { node: "B".into() };
    assert_eq!(play.act(&kill), Ok(SimTime(9_001_000)));
    assert!(play.folds().iter().all(|fold| fold.rounds().len() < rounds));
    for run in play.worlds().runs() {
        assert_eq!(run.branches().len(), 2);
    }
    let before = stand(&play);
    assert!(play.act(&Command::Kill { node: "nobody".into() }).is_err());
    assert_eq!(
        play.worlds().runs().iter().map(|run| run.branches().len()).sum::<usize>(),
        2 * before.1.len()
    );
}

#[test]
fn a_question_is_answered_when_the_round_is_over_in_every_world() {
    let mut play = scale_out(10_500);
    let after = SimTime(10_000_000);
    assert_eq!(play.outcome(after, "p3"), None, "C has only just come");
    play.play_until(SimTime(15_900_000));
    let owners = play.outcome(after, "p3").expect("all worlds are at rest");
    let names: Vec<&str> = owners
        .iter()
        .zip(play.folds())
        .map(|(who, fold)| who.map_or("nobody", |who| fold.name(who)))
        .collect();
    assert_eq!(names.len(), 4);
    assert!(names.iter().all(|name| ["A", "B", "C"].contains(name)), "{names:?}");
    assert_eq!(play.outcome(after, "p99"), None, "there is no such partition");
    play.go_back(SimTime(10_500_000));
    assert_eq!(play.outcome(after, "p3"), None, "nobody looks ahead");
}
