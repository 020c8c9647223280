//! Eligible leader replicas in whole worlds: the last replica standing loses what it had not flushed.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use terrarium::base::Rng;
use terrarium::protocol::TopicPartition;
use terrarium::sim::{Command, Run};
use terrarium::trace::Event;

use crate::worlds::{Plan, kill, play, restart, seconds};

fn pause(node: &str) -> Command {
    Command::Pause { node: node.into() }
}

fn resume(node: &str) -> Command {
    Command::Resume { node: node.into() }
}

fn power_loss(node: &str) -> Command {
    Command::PowerLoss { node: node.into() }
}

/// Two of three brokers stand still, the third loses power with nothing flushed, and comes back before them.
fn last_standing() -> Vec<(u64, Command)> {
    vec![
        (8_000, pause("broker-2")),
        (8_000, pause("broker-3")),
        (30_000, power_loss("broker-1")),
        (31_000, restart("broker-1")),
        (60_000, resume("broker-2")),
        (60_000, resume("broker-3")),
    ]
}

fn plan(eligible: bool, script: Vec<(u64, Command)>) -> Plan {
    Plan { eligible, script, start_s: 2, count: 400, consumers: 0, ..Plan::default() }
}

fn elected(run: &Run, at: &TopicPartition) -> Vec<i32> {
    let trace = run.branch().trace().iter();
    let leaders = trace.filter_map(|entry| match &entry.event {
        Event::LeaderElected { at: elected, leader, .. } if elected == at => Some(*leader),
        _ => None,
    });
    leaders.collect()
}

#[test]
fn the_last_replica_standing_loses_its_log_and_nothing_that_was_acknowledged() {
    let at = TopicPartition::new("orders", 0);
    let before = play(&plan(false, last_standing()), seconds(120));
    let summary = before.world().summary();
    assert!(summary.records.lost > 0, "without eligible replicas the empty log leads\n{summary}");

    let run = play(&plan(true, last_standing()), seconds(120));
    let summary = run.world().summary();
    assert_eq!((summary.records.acknowledged, summary.records.lost), (400, 0), "{summary}");
    assert_eq!(summary.violations, [], "{summary}");
    let (_, controller) = run.world().controller().unwrap();
    let partition = controller.image().partition(&at).unwrap();
    assert_eq!(
        (partition.isr.len(), &partition.elr[..], &partition.last_known_elr[..]),
        (3, &[][..], &[][..])
    );
    let leaders = elected(&run, &at);
    assert!(leaders.contains(&-1), "broker 1 is up, but has not shut down cleanly: {leaders:?}");
    assert!(
        !leaders[leaders.iter().position(|id| *id == -1).unwrap()..].starts_with(&[-1, 1]),
        "{leaders:?}"
    );
}

#[test]
fn below_the_minimum_those_who_left_stay_eligible() {
    let script = vec![(8_000, pause("broker-2")), (8_000, pause("broker-3"))];
    let run = play(&plan(true, script), seconds(30));
    let (_, controller) = run.world().controller().unwrap();
    let partition = controller.image().partition(&TopicPartition::new("orders", 0)).unwrap();
    assert_eq!((partition.leader, &partition.isr[..]), (1, &[1][..]));
    assert!(!partition.elr.is_empty(), "{partition:?}");
    let told = run.branch().trace().iter().any(|entry| {
        matches!(&entry.event, Event::EligibleLeadersChanged { at, elr } if &*at.topic == "orders" && !elr.is_empty())
    });
    assert!(told);
}

#[test]
fn when_nobody_is_eligible_who_led_last_leads_again() {
    // Each process dies and comes back: none of them has shut down cleanly.
    let script = vec![
        (8_000, kill("broker-1")),
        (8_000, kill("broker-2")),
        (8_000, kill("broker-3")),
        (30_000, restart("broker-1")),
        (30_000, restart("broker-2")),
        (30_000, restart("broker-3")),
    ];
    let run = play(&plan(true, script), seconds(100));
    let summary = run.world().summary();
    assert_eq!((summary.records.acknowledged, summary.records.lost), (400, 0), "{summary}");
    assert!(summary.topics.iter().flat_map(|it| &it.partitions).all(|it| it.isr.len() == 3), "{summary}");
}

#[test]
fn whatever_happens_to_two_of_three_nothing_is_lost() {
    const SEEDS: u64 = if cfg!(target_arch = "wasm32") { 3 } else { 20 };
    for seed in 1..=SEEDS {
        let mut rng = Rng::stream(seed, "eligible");
        let mut script = Vec::new();
        let mut now = 5_000;
        for _ in 0..6 {
            now += rng.between(1_000, 9_000);
            let node = ["broker-1", "broker-2", "broker-3"][rng.below(3) as usize];
            let back = now + rng.between(1_000, 15_000);
            let (fail, mend) = match rng.below(3) {
                0 => (pause(node), resume(node)),
                1 => (kill(node), restart(node)),
                // One at a time loses power: what only one has was never acknowledged.
                _ => (power_loss(node), restart(node)),
            };
            script.extend([(now, fail), (back, mend)]);
            now = back.max(now + 12_000);
        }
        let run = play(&Plan { seed, count: 2_000, ..plan(true, script) }, seconds(160));
        let summary = run.world().summary();
        assert_eq!(summary.records.lost, 0, "seed {seed}\n{summary}");
        assert_eq!(summary.violations, [], "seed {seed}");
    }
}
