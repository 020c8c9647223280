//! The digests of a few worlds, the same on every platform and after every update of a dependency:
//! natively, under Node and in a browser. Whoever changes what happens in a world changes them here,
//! on purpose.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use terrarium::sim::Command;

#[path = "sim/worlds.rs"]
mod worlds;

use worlds::{Plan, kill, play, restart, seconds};

/// Plays the plan to each of the moments, and compares what the digest is there.
fn check(plan: &Plan, expected: &[(u64, &str)]) {
    let mut run = play(plan, seconds(0));
    let digest_at = |&(moment, _): &(u64, &str)| {
        run.play_until(seconds(moment), u64::MAX);
        (moment, run.world().digest().to_string())
    };
    let found: Vec<(u64, String)> = expected.iter().map(digest_at).collect();
    let expected: Vec<(u64, String)> = expected.iter().map(|(at, digest)| (*at, (*digest).into())).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_quiet_world() {
    check(&Plan::default(), &[(1, "6086f856c6aae825"), (3, "e89932d1176a1637"), (12, "0ea3710e3c465d9d")]);
}

#[test]
fn a_world_whose_leader_dies() {
    let script = vec![(2_500, kill("broker-1")), (20_000, restart("broker-1"))];
    let plan = Plan { seed: 7, script, every_ms: 30, count: 500, ..Plan::default() };
    check(&plan, &[(3, "b3911dd445aa5660"), (15, "53556226bfe5a7f7"), (35, "f2c765f3bf58d6df")]);
}

#[test]
fn a_world_of_cut_links_and_lost_power() {
    let script = vec![
        (3_000, Command::Cut { a: "broker-1".into(), b: "broker-3".into() }),
        (6_000, Command::PowerLoss { node: "broker-2".into() }),
        (9_000, Command::Heal { a: "broker-1".into(), b: "broker-3".into() }),
        (18_000, restart("broker-2")),
        (20_000, kill("billing-1")),
    ];
    let plan = Plan {
        seed: 42,
        script,
        producer: r#"{"acks":1,"enable.idempotence":false}"#,
        every_ms: 25,
        count: 600,
        ..Plan::default()
    };
    check(&plan, &[(5, "5734fa73ccd51809"), (10, "fa2880bc241eb581"), (40, "30ccd051960412f4")]);
}
