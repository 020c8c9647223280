//! Promises over many seeds: what Kafka says it keeps is kept, and where it says nothing the
//! checkers notice.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use terrarium::base::Rng;
use terrarium::sim::Command;

use crate::worlds::{Plan, kill, play, restart, seconds};

/// Native runs them all; in wasm a few are enough to show that they are the same.
const SEEDS: u64 = if cfg!(target_arch = "wasm32") { 10 } else { 200 };

#[test]
fn with_acks_all_and_two_in_sync_no_acknowledged_record_is_lost_when_the_leader_dies() {
    for seed in 1..=SEEDS {
        let mut rng = Rng::stream(seed, "when the leader dies");
        let at = rng.between(2_000, 4_000);
        let back = at + rng.between(500, 20_000);
        let script = vec![(at, kill("broker-1")), (back, restart("broker-1"))];
        let plan = Plan { seed, script, every_ms: 10, count: 400, consumers: 1, ..Plan::default() };
        let summary = play(&plan, seconds(45)).world().summary();
        assert_eq!(summary.violations, [], "seed {seed}");
        assert_eq!((summary.records.acknowledged, summary.records.lost), (400, 0), "seed {seed}: {summary}");
        assert_eq!(summary.records.duplicated, 0, "seed {seed}");
    }
}

#[test]
fn with_acks_1_some_seed_loses_a_record_and_the_checker_names_it() {
    let lost = (1..=20).find_map(|seed| {
        let script = vec![
            (1_500, Command::Slow { a: "broker-1".into(), b: "broker-2".into(), latency_ms: 80 }),
            (1_500, Command::Slow { a: "broker-1".into(), b: "broker-3".into(), latency_ms: 90 }),
            (3_000, kill("broker-1")),
        ];
        let plan = Plan {
            seed,
            script,
            producer: r#"{"acks":1,"enable.idempotence":false}"#,
            every_ms: 5,
            count: 800,
            ..Plan::default()
        };
        let summary = play(&plan, seconds(20)).world().summary();
        (summary.records.lost > 0).then_some(summary)
    });
    let summary = lost.expect("some seed loses a record");
    let named = summary.violations.iter().find(|violation| violation.invariant == "lost write").unwrap();
    assert!(named.detail.starts_with("orders-0 offsets "), "{}", named.detail);
    assert!(
        named.detail.contains("acknowledged with acks=1, not on leader 2 of epoch 1"),
        "{}",
        named.detail
    );
}

#[test]
fn random_faults_break_no_promise_of_acks_all() {
    for seed in 1..=SEEDS / 4 {
        let mut rng = Rng::stream(seed, "random faults");
        let mut script = Vec::new();
        let mut now = 2_000;
        for _ in 0..6 {
            now += rng.between(200, 4_000);
            let broker = format!("broker-{}", rng.between(1, 3));
            let other = format!("broker-{}", rng.between(1, 3));
            let back = now + rng.between(100, 12_000);
            match rng.below(4) {
                0 => script.extend([(now, kill(&broker)), (back, restart(&broker))]),
                1 if broker != other => script.extend([
                    (now, Command::Cut { a: broker.clone(), b: other.clone() }),
                    (back, Command::Heal { a: broker, b: other }),
                ]),
                2 => script.extend([
                    (now, Command::Pause { node: broker.clone() }),
                    (back, Command::Resume { node: broker }),
                ]),
                _ => script.extend([
                    (now, Command::Cut { a: broker.clone(), b: "controller".into() }),
                    (back, Command::Heal { a: broker, b: "controller".into() }),
                ]),
            }
        }
        let plan = Plan { seed, script, every_ms: 20, count: 800, ..Plan::default() };
        let summary = play(&plan, seconds(60)).world().summary();
        assert_eq!(summary.violations, [], "seed {seed}");
        assert_eq!(summary.records.lost, 0, "seed {seed}: {summary}");
    }
}
