//! What can happen to a group, each thing in a story of its own, under three protocols: who owns
//! what from when on, what that has cost, and where everybody stands in the end.

use expect_test::{Expect, expect};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::theatre_test::{lanes, standing};
use super::*;
use crate::base::SimTime;
use crate::scenario::{Files, Scenario};

/// Everybody has a partition by then.
const BEGIN_MS: u64 = 8_000;

/// A and B share four partitions; what happens to them, as a scenario's script. `configs` are
/// those that the group's consumers have beside the usual.
fn story(configs: &str, script: &str, until_ms: u64) -> Play {
    story_of(configs, false, script, until_ms)
}

fn story_of(configs: &str, static_members: bool, script: &str, until_ms: u64) -> Play {
    let text = format!(
        r#"{{"title": "A story",
            "cluster": {{"brokers": 3, "configs": {{"offsets.topic.num.partitions": 1}}}},
            "network": {{"latency_ms": 8, "jitter_ms": 4}},
            "topics": [{{"name": "jobs", "partitions": 4, "replication_factor": 3}}],
            "producers": [{{"name": "office", "start_ms": 3000, "workload": {{"sources": [
                {{"topic": "jobs", "every_ms": 100, "keys": {{"pattern": "job-{{n}}"}}, "value": "do it"}}]}}}}],
            "groups": [{{"id": "workers", "consumers": ["A", "B"],
                "configs": {{"auto.offset.reset": "earliest"{configs}}},
                "static_members": {static_members},
                "app": {{"topics": ["jobs"], "process_ms": 20}}}}],
            "script": [{script}],
            "compare": [
                {{"partition.assignment.strategy": ["range"]}},
                {{"partition.assignment.strategy": ["cooperative-sticky"]}},
                {{"group.protocol": "consumer"}}]}}"#
    );
    let scenario = Scenario::parse(&text).unwrap_or_else(|error| panic!("{error}"));
    let setups = scenario.compared().into_iter().map(|protocol| {
        scenario.under(&protocol).build(None, &Files::new()).unwrap_or_else(|error| panic!("{error}"))
    });
    let mut play = Play::new(setups, "workers");
    play.play_until(SimTime(until_ms * 1_000));
    play
}

/// Each world: its lanes since the beginning of the story, its score, and everybody's view.
fn told(play: &Play) -> String {
    let mut text = String::new();
    for (run, fold) in play.worlds().runs().iter().zip(play.folds()) {
        let score = fold.score(run.world().entries(), play.now());
        text += &lanes(fold, BEGIN_MS);
        text += &format!(
            "{} ms unread, {} moved, {} needless, {} twice\n{}\n",
            score.unread_us / 1_000,
            score.moved,
            score.needless,
            score.twice,
            standing(run, fold)
        );
    }
    text
}

fn check(play: &Play, expected: Expect) {
    expected.assert_eq(&told(play));
}

#[test]
fn a_member_joins() {
    let script = r#"{"at_ms": 10000, "do": "add_consumer", "group": "workers", "name": "C"}"#;
    check(
        &story("", script, 20_000),
        expect![[r#"
            p0  A  10339 –  10421 A
            p1  A  10339 –  10421 A
            p2  B  10361 –  10423 B
            p3  B  10361 –  10421 C
            283 ms unread, 1 moved, 0 needless, 0 twice
            Stable 2
            A stable 2 p0 p1
            B stable 2 leads p2
            C stable 2 p3

            p0  A
            p1  B
            p2  A  10421 –  13503 C
            p3  B
            3082 ms unread, 1 moved, 0 needless, 1 twice
            Stable 3
            A stable 3 p0
            B stable 3 leads p1 p3
            C stable 3 p2

            p0  B
            p1  B  11568 –  15183 C
            p2  A
            p3  A
            3614 ms unread, 1 moved, 0 needless, 0 twice
            Stable 3
            A stable 3 p2 p3
            B stable 3 p0
            C stable 3 p1

        "#]],
    );
}

#[test]
fn a_member_leaves() {
    check(
        &story("", r#"{"at_ms": 10000, "do": "stop", "node": "B"}"#, 20_000),
        expect![[r#"
            p0  A  10339 –  10399 A
            p1  A  10339 –  10399 A
            p2  B  10040 –  10399 A
            p3  B  10040 –  10399 A
            837 ms unread, 2 moved, 0 needless, 0 twice
            Stable 2
            A stable 2 leads p0 p1 p2 p3
            B has left -1 

            p0  A
            p1  B  10038 –  10400 A
            p2  A
            p3  B  10038 –  10400 A
            724 ms unread, 2 moved, 0 needless, 0 twice
            Stable 2
            A stable 2 leads p0 p1 p2 p3
            B has left -1 

            p0  B  10041 –  11526 A
            p1  B  10041 –  11526 A
            p2  A
            p3  A
            2970 ms unread, 2 moved, 0 needless, 0 twice
            Stable 3
            A stable 3 p0 p1 p2 p3
            B has left -1 

        "#]],
    );
}

#[test]
fn a_member_crashes() {
    let configs = r#", "session.timeout.ms": 6000, "heartbeat.interval.ms": 2000"#;
    let play = story(configs, r#"{"at_ms": 10000, "do": "kill", "node": "B"}"#, 60_000);
    check(
        &play,
        expect![[r#"
            p0  A  17343 –  17405 A
            p1  A  17343 –  17405 A
            p2  B  10000 –  17405 A
            p3  B  10000 –  17405 A
            14937 ms unread, 2 moved, 0 needless, 41 twice
            Stable 2
            A stable 2 leads p0 p1 p2 p3
            B crashed -1 

            p0  A
            p1  B  10000 –  17404 A
            p2  A
            p3  B  10000 –  17404 A
            14809 ms unread, 2 moved, 0 needless, 39 twice
            Stable 2
            A stable 2 leads p0 p1 p2 p3
            B crashed -1 

            p0  B  10000 –  56528 A
            p1  B  10000 –  56528 A
            p2  A
            p3  A
            93057 ms unread, 2 moved, 0 needless, 12 twice
            Stable 3
            A stable 3 p0 p1 p2 p3
            B crashed -1 

        "#]],
    );
}

#[test]
fn a_member_hangs_in_its_handler() {
    let script = r#"{"at_ms": 10000, "do": "set_stuck", "consumer": "B", "on": true},
        {"at_ms": 18000, "do": "set_stuck", "consumer": "B", "on": false}"#;
    check(
        &story(r#", "max.poll.interval.ms": 5000"#, script, 30_000),
        expect![[r#"
            p0  A  15339 –  15402 A  18420 –  18478 A
            p1  A  15339 –  15402 A  18420 –  18478 A
            p2  B  10000 B!  15402 A  18000 A  18420 –  18481 B
            p3  B  10000 B!  15402 A  18000 A  18420 –  18481 B
            11169 ms unread, 4 moved, 0 needless, 41 twice
            Stable 3
            A stable 3 leads p0 p1
            B stable 3 p2 p3

            p0  A
            p1  B  10000 B!  15403 A  18000 A
            p2  A  18485 –  21522 B
            p3  B  10000 B!  15403 A  18000 A  18485 –  21522 B
            16882 ms unread, 4 moved, 0 needless, 39 twice
            Stable 4
            A stable 4 leads p0 p1
            B stable 4 p2 p3

            p0  B  10000 B!  15000 –  16527 A
            p1  B  10000 B!  15000 –  16527 A
            p2  A  21651 –  23080 B
            p3  A  21651 –  23080 B
            15914 ms unread, 4 moved, 0 needless, 15 twice
            Stable 4
            A stable 4 p0 p1
            B stable 4 p2 p3

        "#]],
    );
}

/// Back within its session.
const RESTART: &str =
    r#"{"at_ms": 10000, "do": "stop", "node": "B"}, {"at_ms": 13000, "do": "restart", "node": "B"}"#;

#[test]
fn a_member_restarts() {
    check(
        &story("", RESTART, 24_000),
        expect![[r#"
            p0  A  10339 –  10399 A  13420 –  13484 A
            p1  A  10339 –  10399 A  13420 –  13484 A
            p2  B  10040 –  10399 A  13420 –  13481 B
            p3  B  10040 –  10399 A  13420 –  13481 B
            1087 ms unread, 4 moved, 0 needless, 0 twice
            Stable 3
            A stable 3 leads p0 p1
            B stable 3 p2 p3

            p0  A
            p1  B  10038 –  10400 A
            p2  A  13487 –  16521 B
            p3  B  10038 –  10400 A  13487 –  16521 B
            6794 ms unread, 4 moved, 0 needless, 0 twice
            Stable 4
            A stable 4 leads p0 p1
            B stable 4 p2 p3

            p0  B  10041 –  11526 A
            p1  B  10041 –  11526 A
            p2  A  16611 –  18176 B
            p3  A  16611 –  18176 B
            6100 ms unread, 4 moved, 0 needless, 0 twice
            Stable 4
            A stable 4 p0 p1
            B stable 4 p2 p3

        "#]],
    );
}

#[test]
fn a_member_with_a_static_id_restarts() {
    check(
        &story_of("", true, RESTART, 24_000),
        expect![[r#"
            p0  A
            p1  A
            p2  B  10038 –  13159 B
            p3  B  10038 –  13159 B
            6243 ms unread, 0 moved, 0 needless, 0 twice
            Stable 1
            A stable 1 p0 p1
            B stable 1 leads p2 p3

            p0  A
            p1  B  10037 –  13156 B
            p2  A
            p3  B  10037 –  13156 B
            6236 ms unread, 0 moved, 0 needless, 0 twice
            Stable 1
            A stable 1 p0 p2
            B stable 1 leads p1 p3

            p0  B  10041 –  13141 B
            p1  B  10041 –  13141 B
            p2  A
            p3  A
            6199 ms unread, 0 moved, 0 needless, 0 twice
            Stable 2
            A stable 2 p2 p3
            B stable 2 p0 p1

        "#]],
    );
}

#[test]
fn partitions_are_added() {
    let script = r#"{"at_ms": 10000, "do": "add_partitions", "topic": "jobs", "partitions": 6}"#;
    check(
        &story(r#", "metadata.max.age.ms": 3000"#, script, 24_000),
        expect![[r#"
            p0  A  10338 –  10403 A
            p1  A  10338 –  10403 A
            p2  B  10164 –  10403 A
            p3  B  10164 –  10404 B
            p4  10019 –  10404 B
            p5  10019 –  10404 B
            1234 ms unread, 1 moved, 1 needless, 0 twice
            Stable 2
            A stable 2 p0 p1 p2
            B stable 2 leads p3 p4 p5

            p0  A
            p1  B
            p2  A
            p3  B
            p4  10019 –  10401 A
            p5  10019 –  10399 B
            381 ms unread, 0 moved, 0 needless, 0 twice
            Stable 2
            A stable 2 p0 p2 p4
            B stable 2 leads p1 p3 p5

            p0  B
            p1  B
            p2  A
            p3  A
            p4  10019 –  11546 A
            p5  10019 –  11574 B
            1555 ms unread, 0 moved, 0 needless, 0 twice
            Stable 3
            A stable 3 p2 p3 p4
            B stable 3 p0 p1 p5

        "#]],
    );
}

#[test]
fn the_coordinator_dies() {
    let play = story("", "", BEGIN_MS);
    let coordinator = panel(&play.folds()[0], play.worlds().runs()[0].world()).coordinator;
    let broker = coordinator.expect("somebody coordinates");
    let script = format!(r#"{{"at_ms": 10000, "do": "kill", "node": "broker-{broker}"}}"#);
    check(
        &story("", &script, 40_000),
        expect![[r#"
        p0  A
        p1  A
        p2  B
        p3  B
        0 ms unread, 0 moved, 0 needless, 0 twice
        Stable 1
        A stable 1 p0 p1
        B stable 1 leads p2 p3

        p0  A
        p1  B
        p2  A
        p3  B
        0 ms unread, 0 moved, 0 needless, 0 twice
        Stable 1
        A stable 1 p0 p2
        B stable 1 leads p1 p3

        p0  B
        p1  B
        p2  A
        p3  A
        0 ms unread, 0 moved, 0 needless, 0 twice
        Stable 2
        A stable 2 p2 p3
        B stable 2 p0 p1

    "#]],
    );
}
