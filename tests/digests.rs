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
    check(&Plan::default(), &[(1, "ae9657912368f3ba"), (3, "e4f6bb9a999e47ae"), (12, "cc0c5c2155336d69")]);
}

#[test]
fn a_world_whose_leader_dies() {
    let script = vec![(2_500, kill("broker-1")), (20_000, restart("broker-1"))];
    let plan = Plan { seed: 7, script, every_ms: 30, count: 500, ..Plan::default() };
    check(&plan, &[(3, "c98526f16f3cae77"), (15, "6ab45ebe7a67eafc"), (35, "311f3f7eff9f66c0")]);
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
    check(&plan, &[(5, "8716b8034a0fc561"), (10, "6b135f178a810b3b"), (40, "6345a2621ac112ea")]);
}
