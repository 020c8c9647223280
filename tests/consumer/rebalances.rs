//! Rebalances of classic groups: eager, cooperative, mixed; listeners, static members.

use expect_test::{Expect, expect};

use crate::stage::Stage;
use crate::{APP, check, closing};

const COOPERATIVE: &str = r#"{"group.id": "g", "client.id": "c", "auto.offset.reset": "earliest",
    "session.timeout.ms": 10000, "max.poll.interval.ms": 20000,
    "partition.assignment.strategy": ["cooperative-sticky"]}"#;
const STICKY: &str = r#"{"group.id": "g", "client.id": "c", "auto.offset.reset": "earliest",
    "partition.assignment.strategy": ["sticky"]}"#;
/// What a rolling upgrade begins with: both, so that eager still.
const BOTH: &str = r#"{"group.id": "g", "client.id": "c", "auto.offset.reset": "earliest",
    "partition.assignment.strategy": ["cooperative-sticky", "range"]}"#;
const RANGE: &str = r#"{"group.id": "g", "client.id": "c", "auto.offset.reset": "earliest",
    "partition.assignment.strategy": ["range"]}"#;

/// Members a, b, … with these configs, ten seconds apart; what came of the last one's coming.
fn scale_out(configs: &[&str], app: &str, partitions: usize, expected: Expect) -> Stage {
    let mut stage = Stage::new(partitions);
    for (name, config) in ["a", "b", "c", "d"].iter().zip(configs) {
        stage.story.clear();
        stage.start(name, config, app);
        stage.wait(10_000);
    }
    check(&mut stage, expected);
    stage
}

#[test]
fn the_cooperative_protocol_revokes_only_what_moves() {
    scale_out(
        &[COOPERATIVE; 3],
        APP,
        6,
        expect![[r#"
        00:21.028 b gives up [t-5]
        00:21.028 a gives up [t-2]
        00:21.028 c is assigned []
        00:24.032 c is assigned [t-2 t-5]
        00:24.034 c begins t-2 at 0 (commit)
        00:24.034 c begins t-5 at 0 (commit)
    "#]],
    );
}

#[test]
fn the_sticky_assignor_moves_little_but_takes_everything_away() {
    scale_out(
        &[STICKY; 3],
        APP,
        6,
        expect![[r#"
        00:21.020 a gives up [t-0 t-1 t-2]
        00:21.020 b gives up [t-3 t-4 t-5]
        00:21.024 b is assigned [t-3 t-4]
        00:21.024 a is assigned [t-0 t-1]
        00:21.024 c is assigned [t-2 t-5]
        00:21.026 b begins t-3 at 0 (commit)
        00:21.026 b begins t-4 at 0 (commit)
        00:21.026 a begins t-0 at 0 (commit)
        00:21.026 a begins t-1 at 0 (commit)
        00:21.026 c begins t-2 at 0 (commit)
        00:21.026 c begins t-5 at 0 (commit)
    "#]],
    );
}

#[test]
fn each_member_has_its_own_view() {
    let mut stage = Stage::new(2);
    stage.start("a", COOPERATIVE, APP);
    stage.wait(5_000);
    stage.views = true;
    stage.start("b", COOPERATIVE, APP);
    stage.wait(5_000);
    check(
        &mut stage,
        expect![[r#"
        00:00.012 a is assigned [t-0 t-1]
        00:00.018 a begins t-0 at 0 (auto.offset.reset)
        00:00.018 a begins t-1 at 0 (auto.offset.reset)
        00:05.006 b is joining (-1)
        00:05.008 b is unjoined (-1)
        00:05.008 b is joining (-1)
        00:06.012 a is revoking (1)
        00:06.014 a is joining (1)
        00:06.016 b is syncing (2)
        00:06.016 a is syncing (2)
        00:06.018 b is stable (2)
        00:06.018 b is assigned []
        00:06.018 a is stable (2)
        00:06.018 a gives up [t-1]
        00:06.018 a is revoking (2)
        00:06.020 a is joining (2)
        00:09.018 b is revoking (2)
        00:09.018 b is joining (2)
        00:09.020 b is syncing (3)
        00:09.020 a is syncing (3)
        00:09.022 b is stable (3)
        00:09.022 b is assigned [t-1]
        00:09.022 a is stable (3)
        00:09.024 b begins t-1 at 0 (commit)
    "#]],
    );
}

/// Range is all that both know; who offers range, too, is eager.
#[test]
fn a_group_of_old_and_new_members_is_eager() {
    scale_out(
        &[RANGE, BOTH],
        APP,
        4,
        expect![[r#"
        00:12.014 a gives up [t-0 t-1 t-2 t-3]
        00:12.018 b is assigned [t-0 t-1]
        00:12.018 a is assigned [t-2 t-3]
        00:12.020 b begins t-0 at 0 (commit)
        00:12.020 b begins t-1 at 0 (commit)
        00:12.020 a begins t-2 at 0 (commit)
        00:12.020 a begins t-3 at 0 (commit)
    "#]],
    );
}

#[test]
fn who_offers_nothing_that_all_know_is_refused() {
    scale_out(
        &[RANGE, COOPERATIVE],
        APP,
        4,
        expect![[r#"
        00:10.008 b error INCONSISTENT_GROUP_PROTOCOL: cannot join the group
    "#]],
    );
}

#[test]
fn a_rolling_upgrade_ends_cooperative() {
    let mut stage = Stage::new(4);
    for (round, config) in [RANGE, BOTH, COOPERATIVE].iter().enumerate() {
        for name in ["a", "b"] {
            if round > 0 {
                stage.command(name, r#"{"close": {}}"#);
                stage.wait(1_000);
            }
            stage.story.clear();
            stage.start(name, config, APP);
            stage.wait(10_000);
        }
    }
    check(
        &mut stage,
        expect![[r#"
        00:54.048 b is assigned [t-1 t-3]
        00:54.050 b begins t-1 at 0 (commit)
        00:54.050 b begins t-3 at 0 (commit)
    "#]],
    );
}

#[test]
fn a_listener_takes_its_time_and_commits() {
    let app = r#"{"topics": ["t"], "process_ms": 10, "commit": "never", "revoked_ms": 400,
        "assigned_ms": 100, "commit_on_revoke": true}"#;
    let mut stage = scale_out(
        &[COOPERATIVE],
        app,
        2,
        expect![[r#"
        00:00.012 a is assigned [t-0 t-1]
        00:00.012 a onPartitionsAssigned [t-0 t-1]
        00:00.112 a onPartitionsAssigned returned
        00:00.118 a begins t-0 at 0 (auto.offset.reset)
        00:00.118 a begins t-1 at 0 (auto.offset.reset)
    "#]],
    );
    stage.produce(0, 2);
    stage.produce(1, 2);
    stage.wait(100);
    stage.start("b", COOPERATIVE, APP);
    stage.wait(10_000);
    check(
        &mut stage,
        expect![[r#"
        00:10.001 a fetched t-0 0..2
        00:10.001 a fetched t-1 0..2
        00:10.011 a consumed t-0 0..1
        00:10.021 a consumed t-0 1..2
        00:10.031 a consumed t-1 0..1
        00:10.041 a consumed t-1 1..2
        00:12.016 b is assigned []
        00:12.016 a onPartitionsRevoked [t-1]
        00:12.418 a onPartitionsRevoked returned
        00:12.418 a gives up [t-1]
        00:12.418 a onPartitionsAssigned []
        00:12.518 a onPartitionsAssigned returned
        00:15.020 b is assigned [t-1]
        00:15.020 a onPartitionsAssigned []
        00:15.022 b begins t-1 at 2 (commit)
        00:15.120 a onPartitionsAssigned returned
    "#]],
    );
}

#[test]
fn a_listener_that_takes_too_long_costs_the_membership() {
    let app = r#"{"topics": ["t"], "revoked_ms": 25000, "commit_on_revoke": true}"#;
    let mut stage = scale_out(
        &[COOPERATIVE],
        app,
        2,
        expect![[r#"
        00:00.012 a is assigned [t-0 t-1]
        00:00.012 a onPartitionsAssigned [t-0 t-1]
        00:00.012 a onPartitionsAssigned returned
        00:00.018 a begins t-0 at 0 (auto.offset.reset)
        00:00.018 a begins t-1 at 0 (auto.offset.reset)
    "#]],
    );
    stage.produce(0, 1);
    stage.start("b", COOPERATIVE, APP);
    stage.wait(60_000);
    check(
        &mut stage,
        expect![[r#"
        00:10.001 a fetched t-0 0..1
        00:10.001 a consumed t-0 0..1
        00:12.018 b is assigned []
        00:12.018 a onPartitionsRevoked [t-1]
        00:32.018 a error UNKNOWN_MEMBER_ID: no poll for max.poll.interval.ms: left the group
        00:33.022 b is assigned [t-0 t-1]
        00:33.024 b begins t-0 at 1 (commit)
        00:33.024 b begins t-1 at 0 (commit)
        00:37.018 a error UNKNOWN_MEMBER_ID: commit failed: no longer a member of the group
        00:37.018 a onPartitionsRevoked returned
        00:37.018 a gives up [t-1]
        00:37.018 a onPartitionsLost [t-0]
        01:02.018 a error UNKNOWN_MEMBER_ID: commit failed: no longer a member of the group
        01:02.018 a onPartitionsLost returned
        01:02.018 a loses [t-0]
        01:03.028 b gives up [t-1]
        01:03.028 a is assigned []
        01:03.028 a onPartitionsAssigned []
        01:03.028 a onPartitionsAssigned returned
        01:06.032 a is assigned [t-1]
        01:06.032 a onPartitionsAssigned [t-1]
        01:06.032 a onPartitionsAssigned returned
        01:06.034 a begins t-1 at 0 (commit)
    "#]],
    );
}

#[test]
fn a_member_that_was_put_out_loses_its_partitions() {
    let mut stage = Stage::new(2);
    stage.start("a", COOPERATIVE, r#"{"topics": ["t"], "process_ms": 30000, "commit_on_revoke": true}"#);
    stage.start("b", COOPERATIVE, APP);
    stage.wait(10_000);
    stage.story.clear();
    stage.produce(0, 1);
    stage.produce(1, 1);
    stage.wait(60_000);
    check(
        &mut stage,
        expect![[r#"
        00:10.001 b fetched t-0 0..1
        00:10.001 a fetched t-1 0..1
        00:10.011 b consumed t-0 0..1
        00:30.001 a error UNKNOWN_MEMBER_ID: no poll for max.poll.interval.ms: left the group
        00:30.018 b is assigned [t-1]
        00:30.020 b begins t-1 at 0 (commit)
        00:30.024 b fetched t-1 0..1
        00:30.034 b consumed t-1 0..1
        00:40.001 a consumed t-1 0..1
        00:40.001 a onPartitionsLost [t-1]
        00:40.001 a error UNKNOWN_MEMBER_ID: commit failed: no longer a member of the group
        00:40.001 a onPartitionsLost returned
        00:40.001 a loses [t-1]
        00:42.024 b gives up [t-1]
        00:42.024 a is assigned []
        00:42.024 a onPartitionsAssigned []
        00:42.024 a onPartitionsAssigned returned
        00:45.028 a is assigned [t-1]
        00:45.028 a onPartitionsAssigned [t-1]
        00:45.028 a onPartitionsAssigned returned
        00:45.030 a begins t-1 at 1 (commit)
    "#]],
    );
}

/// A cooperative member goes on reading while the group rebalances; what it processes then is not
/// committed before it is revoked, and comes again.
#[test]
fn what_is_processed_during_a_cooperative_rebalance_comes_again() {
    let slow = r#"{"topics": ["t"], "process_ms": 2500}"#;
    let mut stage = Stage::new(6);
    stage.start("a", COOPERATIVE, APP);
    stage.start("b", COOPERATIVE, slow);
    stage.wait(9_000);
    stage.story.clear();
    let (lost, slows) = if stage.owns("a", 2) { (2, 5) } else { (5, 2) };
    stage.wait(1_900);
    stage.start("c", COOPERATIVE, APP);
    // The slow member keeps the others waiting for it to join.
    stage.produce(slows as usize, 1);
    for _ in 0..150 {
        stage.produce(lost as usize, 1);
        stage.wait(25);
    }
    stage.wait(5_000);
    // From the last record that the old owner processed to the first of the new one.
    let told = |line: &&str| line.contains(&format!("t-{lost}")) && !line.contains("fetched");
    let story: Vec<&str> = stage.story.lines().filter(told).collect();
    let moved = story.iter().position(|line| line.contains("a gives up")).expect("a revocation");
    let again = story.iter().position(|line| line.contains("c consumed")).expect("a new owner");
    stage.story = story[moved - 1..=again].join("\n") + "\n";
    check(
        &mut stage,
        expect![[r#"
            00:13.115 a consumed t-5 80..81
            00:13.407 a gives up [t-5]
            00:16.411 c is assigned [t-4 t-5]
            00:16.413 c begins t-5 at 41 (commit)
            00:16.429 c consumed t-5 41..42
        "#]],
    );
}

#[test]
fn a_static_member_comes_back_to_its_partitions() {
    let instance = |name: &str| RANGE.replace('}', &format!(r#", "group.instance.id": "{name}"}}"#));
    let mut stage = Stage::new(2);
    for name in ["a", "b"] {
        stage.start(name, &instance(name), APP);
        stage.wait(10_000);
    }
    stage.story.clear();
    stage.kill_consumer("a");
    stage.wait(2_000);
    stage.start("a", &instance("a"), APP);
    stage.wait(10_000);
    check(
        &mut stage,
        expect![[r#"
        00:22.010 a is assigned [t-0]
        00:22.012 a begins t-0 at 0 (commit)
    "#]],
    );
}

#[test]
fn a_second_process_with_the_same_instance_fences_the_first() {
    let config = RANGE.replace('}', r#", "group.instance.id": "one"}"#);
    let mut stage = Stage::new(2);
    stage.start("a", &config, APP);
    stage.wait(10_000);
    stage.start("b", &config, APP);
    stage.wait(10_000);
    check(
        &mut stage,
        expect![[r#"
        00:00.010 a is assigned [t-0 t-1]
        00:00.016 a begins t-0 at 0 (auto.offset.reset)
        00:00.016 a begins t-1 at 0 (auto.offset.reset)
        00:10.010 b is assigned [t-0 t-1]
        00:10.012 b begins t-0 at 0 (commit)
        00:10.012 b begins t-1 at 0 (commit)
        00:10.012 a error FENCED_INSTANCE_ID: another member has the same group.instance.id
    "#]],
    );
}

#[test]
fn a_consumer_subscribes_to_nothing_and_again() {
    let mut stage = Stage::new(2);
    stage.start("a", COOPERATIVE, APP);
    stage.start("b", COOPERATIVE, APP);
    stage.wait(10_000);
    stage.story.clear();
    stage.command("a", r#"{"subscribe": {"topics": []}}"#);
    stage.wait(10_000);
    stage.command("a", r#"{"subscribe": {"topics": ["t"]}}"#);
    stage.wait(10_000);
    check(
        &mut stage,
        expect![[r#"
        00:10.000 a gives up [t-1]
        00:12.018 b is assigned [t-1]
        00:12.020 b begins t-1 at 0 (commit)
        00:21.024 b gives up [t-1]
        00:21.024 a is assigned []
        00:24.028 a is assigned [t-1]
        00:24.030 a begins t-1 at 0 (commit)
    "#]],
    );
}

#[test]
fn where_to_begin_can_be_a_duration() {
    let config = r#"{"group.id": "g", "auto.offset.reset": "by_duration:PT1H"}"#;
    let mut stage = Stage::new(1);
    stage.produce(0, 3);
    stage.start("a", config, APP);
    stage.wait(1_000);
    stage.command("a", r#"{"seek": {"topic": "t", "partition": 0, "to": {"timestamp": 0}}}"#);
    stage.wait(1_000);
    check(
        &mut stage,
        expect![[r#"
            00:00.012 a is assigned [t-0]
            00:00.018 a begins t-0 at 0 (auto.offset.reset)
            00:00.020 a fetched t-0 0..3
            00:00.030 a consumed t-0 0..1
            00:00.040 a consumed t-0 1..2
            00:00.050 a consumed t-0 2..3
            00:01.054 a begins t-0 at 0 (offsetsForTimes)
            00:01.056 a fetched t-0 0..3
            00:01.066 a consumed t-0 0..1
            00:01.076 a consumed t-0 1..2
            00:01.086 a consumed t-0 2..3
        "#]],
    );
}

/// `subscribe(Pattern)`: in a classic group the consumers look for their topics by themselves.
#[test]
fn a_pattern_finds_topics_as_they_come_and_go() {
    let config = RANGE.replace('}', r#", "metadata.max.age.ms": 5000}"#);
    let mut stage = Stage::new(1);
    stage.topics.insert("__t".to_owned());
    stage.start("a", &config, r#"{"topic_regex": "t.*"}"#);
    stage.wait(6_000);
    stage.topics.insert("tt".to_owned());
    stage.topics.insert("uu".to_owned());
    stage.wait(6_000);
    stage.topics.remove("tt");
    stage.wait(6_000);
    stage.command("a", r#"{"subscribe": {"topic_regex": "t("}}"#);
    stage.command("a", r#"{"subscribe": {"topic_regex": "u+"}}"#);
    stage.wait(6_000);
    check(
        &mut stage,
        expect![[r#"
        00:00.012 a is assigned [t-0]
        00:00.018 a begins t-0 at 0 (auto.offset.reset)
        00:10.060 a gives up [t-0]
        00:10.064 a is assigned [t-0 tt-0]
        00:10.066 a begins t-0 at 0 (commit)
        00:10.560 a begins tt-0 at 0 (auto.offset.reset)
        00:15.080 a gives up [t-0 tt-0]
        00:15.084 a is assigned [t-0]
        00:15.086 a begins t-0 at 0 (commit)
        00:18.000 a error INVALID_REGULAR_EXPRESSION: cannot subscribe
        00:18.092 a gives up [t-0]
        00:18.096 a is assigned [uu-0]
        00:18.100 a begins uu-0 at 0 (auto.offset.reset)
    "#]],
    );
}

/// One asks for metadata before it joins, and sees what made another one join.
#[test]
fn a_new_topic_makes_one_rebalance() {
    let old = RANGE.replace('}', r#", "metadata.max.age.ms": 5000}"#);
    let mut stage = Stage::new(1);
    stage.start("a", &old, r#"{"topic_regex": "t.*"}"#);
    stage.start("b", RANGE, r#"{"topic_regex": "t.*"}"#);
    stage.wait(9_000);
    stage.story.clear();
    stage.topics.insert("tt".to_owned());
    stage.wait(10_000);
    check(
        &mut stage,
        expect![[r#"
        00:12.016 b gives up [t-0]
        00:12.020 b is assigned [t-0 tt-0]
        00:12.020 a is assigned []
        00:12.022 b begins t-0 at 0 (commit)
        00:12.066 b begins tt-0 at 0 (auto.offset.reset)
    "#]],
    );
}

/// KIP-1092: what becomes of the membership is the application's choice.
#[test]
fn who_closes_may_stay_or_leave_for_good() {
    let mut stage = closing(RANGE);
    check(
        &mut stage,
        expect![[r#"
            00:00.012 a is assigned [t-0]
            00:00.018 a begins t-0 at 0 (auto.offset.reset)
            01:00.002 a gives up [t-0]
            REMAIN_IN_GROUP: 1 members [1]
            01:45.004 a is assigned [t-0]
            01:45.006 a begins t-0 at 0 (commit)
            02:01.002 a gives up [t-0]
            LEAVE_GROUP: 0 members []
            02:02.010 a is assigned [t-0]
            02:02.012 a begins t-0 at 0 (commit)
            03:02.002 a gives up [t-0]
            DEFAULT: 1 members [4]
        "#]],
    );
}
