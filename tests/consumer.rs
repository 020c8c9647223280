//! The consumer against real group coordinators, frame by frame.
#![cfg(not(target_arch = "wasm32"))]

#[path = "consumer/managed.rs"]
mod managed;
#[path = "consumer/parts.rs"]
mod parts;
#[path = "consumer/queues.rs"]
mod queues;
#[path = "consumer/rebalances.rs"]
mod rebalances;
#[path = "consumer/share.rs"]
mod share;
#[path = "consumer/share_worlds.rs"]
mod share_worlds;
#[path = "consumer/shares.rs"]
mod shares;
#[path = "consumer/stage.rs"]
mod stage;
#[path = "consumer/storms.rs"]
mod storms;
#[path = "consumer/told.rs"]
mod told;
#[path = "consumer/worlds.rs"]
mod worlds;

use expect_test::{Expect, expect};
use stage::Stage;
use terrarium::base::Rng;
use terrarium::client::consumer::{MemberState, ThreadState};

const GROUP: &str = r#"{"group.id": "g", "client.id": "c", "auto.offset.reset": "earliest",
    "session.timeout.ms": 10000, "max.poll.interval.ms": 20000}"#;
const APP: &str = r#"{"topics": ["t"], "process_ms": 10}"#;

/// `a` has read so many records of the only partition; the story begins now.
fn reading(records: usize) -> Stage {
    let mut stage = Stage::new(1);
    stage.produce(0, records);
    stage.start("a", GROUP, APP);
    stage.wait(1_000);
    assert_eq!(stage.consumer("a").totals().consumed, records as u64);
    stage.story.clear();
    stage
}

/// `a` comes and closes in each way that there is (KIP-1092); who is a member then is told.
fn closing(config: &str) -> Stage {
    let fixed = config.replace('}', r#", "group.instance.id": "one"}"#);
    let mut stage = Stage::new(1);
    for (config, membership) in [(config, "REMAIN_IN_GROUP"), (&fixed, "LEAVE_GROUP"), (&fixed, "DEFAULT")] {
        stage.start("a", config, APP);
        stage.wait(60_000);
        stage.command("a", &format!(r#"{{"close": {{"membership": "{membership}"}}}}"#));
        stage.wait(1_000);
        stage.story += &format!("{membership}: {}\n", stage.members());
    }
    stage
}

fn check(stage: &mut Stage, expected: Expect) {
    expected.assert_eq(&std::mem::take(&mut stage.story));
}

#[test]
fn a_lone_consumer_reads_everything_from_the_beginning() {
    let mut stage = Stage::new(2);
    stage.produce(0, 3);
    stage.start("a", GROUP, APP);
    stage.wait(1_000);
    stage.produce(1, 1);
    stage.wait(6_000);
    check(
        &mut stage,
        expect![[r#"
        00:00.012 a is assigned [t-0 t-1]
        00:00.018 a begins t-0 at 0 (auto.offset.reset)
        00:00.018 a begins t-1 at 0 (auto.offset.reset)
        00:00.020 a fetched t-0 0..3
        00:00.030 a consumed t-0 0..1
        00:00.040 a consumed t-0 1..2
        00:00.050 a consumed t-0 2..3
        00:01.001 a fetched t-1 0..1
        00:01.011 a consumed t-1 0..1
    "#]],
    );
    assert_eq!(stage.committed(), "t-0=3 t-1=1");
    assert_eq!(stage.consumer("a").member_state(), MemberState::Stable);
}

#[test]
fn a_second_consumer_takes_half_and_a_third_waits() {
    let mut stage = Stage::new(2);
    stage.start("a", GROUP, APP);
    stage.wait(5_000);
    stage.produce(0, 5);
    stage.produce(1, 5);
    stage.wait(30);
    stage.start("b", GROUP, APP);
    stage.wait(5_000);
    stage.start("c", GROUP, APP);
    stage.wait(5_000);
    check(
        &mut stage,
        expect![[r#"
        00:00.012 a is assigned [t-0 t-1]
        00:00.018 a begins t-0 at 0 (auto.offset.reset)
        00:00.018 a begins t-1 at 0 (auto.offset.reset)
        00:05.001 a fetched t-0 0..5
        00:05.001 a fetched t-1 0..5
        00:05.011 a consumed t-0 0..1
        00:05.021 a consumed t-0 1..2
        00:05.031 a consumed t-0 2..3
        00:05.041 a consumed t-0 3..4
        00:05.051 a consumed t-0 4..5
        00:05.061 a consumed t-1 0..1
        00:05.071 a consumed t-1 1..2
        00:05.081 a consumed t-1 2..3
        00:05.091 a consumed t-1 3..4
        00:05.101 a consumed t-1 4..5
        00:06.014 a gives up [t-0 t-1]
        00:06.018 b is assigned [t-0]
        00:06.018 a is assigned [t-1]
        00:06.020 b begins t-0 at 5 (commit)
        00:06.020 a begins t-1 at 5 (commit)
        00:12.020 a gives up [t-1]
        00:12.020 b gives up [t-0]
        00:12.024 b is assigned [t-0]
        00:12.024 a is assigned [t-1]
        00:12.024 c is assigned []
        00:12.026 b begins t-0 at 5 (commit)
        00:12.026 a begins t-1 at 5 (commit)
    "#]],
    );
    assert_eq!(stage.consumer("c").assignment().len(), 0);
}

#[test]
fn closing_commits_and_hands_partitions_on_at_once() {
    let mut stage = Stage::new(1);
    stage.start("a", GROUP, APP);
    stage.wait(100);
    stage.start("b", GROUP, APP);
    stage.wait(5_000);
    stage.produce(0, 4);
    stage.wait(25);
    let owner = if stage.consumer("a").assignment().is_empty() { "b" } else { "a" };
    stage.command(owner, r#"{"close": {}}"#);
    stage.wait(4_000);
    check(
        &mut stage,
        expect![[r#"
        00:00.012 a is assigned [t-0]
        00:00.018 a begins t-0 at 0 (auto.offset.reset)
        00:03.014 a gives up [t-0]
        00:03.018 b is assigned [t-0]
        00:03.018 a is assigned []
        00:03.020 b begins t-0 at 0 (commit)
        00:05.101 b fetched t-0 0..4
        00:05.111 b consumed t-0 0..1
        00:05.121 b consumed t-0 1..2
        00:05.131 b consumed t-0 2..3
        00:05.141 b consumed t-0 3..4
        00:05.143 b gives up [t-0]
        00:06.022 a is assigned [t-0]
        00:06.024 a begins t-0 at 4 (commit)
    "#]],
    );
    assert_eq!(stage.consumer(owner).thread_state(), ThreadState::Closed);
    assert_eq!(stage.committed(), "t-0=4");
}

#[test]
fn after_a_crash_uncommitted_records_come_again() {
    let mut stage = Stage::new(1);
    stage.start("a", GROUP, r#"{"topics": ["t"], "process_ms": 10, "commit": "after_each_poll"}"#);
    stage.produce(0, 2);
    stage.wait(100);
    stage.produce(0, 3);
    stage.wait(25);
    stage.kill_consumer("a");
    stage.start("b", GROUP, APP);
    stage.wait(20_000);
    check(
        &mut stage,
        expect![[r#"
            00:00.012 a is assigned [t-0]
            00:00.018 a begins t-0 at 0 (auto.offset.reset)
            00:00.020 a fetched t-0 0..2
            00:00.030 a consumed t-0 0..1
            00:00.040 a consumed t-0 1..2
            00:00.101 a fetched t-0 2..5
            00:00.111 a consumed t-0 2..3
            00:00.121 a consumed t-0 3..4
            00:10.044 b is assigned [t-0]
            00:10.046 b begins t-0 at 2 (commit)
            00:10.052 b fetched t-0 2..5
            00:10.062 b consumed t-0 2..3
            00:10.072 b consumed t-0 3..4
            00:10.082 b consumed t-0 4..5
        "#]],
    );
}

#[test]
fn who_commits_first_loses_what_it_was_working_on() {
    let mut stage = Stage::new(1);
    stage.start("a", GROUP, r#"{"topics": ["t"], "process_ms": 10, "commit": "before_processing"}"#);
    stage.wait(100);
    stage.produce(0, 1);
    stage.wait(100);
    stage.produce(0, 3);
    stage.wait(18);
    stage.kill_consumer("a");
    stage.start("b", GROUP, APP);
    stage.wait(20_000);
    check(
        &mut stage,
        expect![[r#"
        00:00.012 a is assigned [t-0]
        00:00.018 a begins t-0 at 0 (auto.offset.reset)
        00:00.101 a fetched t-0 0..1
        00:00.113 a consumed t-0 0..1
        00:00.201 a fetched t-0 1..4
        00:00.213 a consumed t-0 1..2
        00:10.205 b is assigned [t-0]
        00:10.207 b begins t-0 at 4 (commit)
    "#]],
    );
}

#[test]
fn a_stuck_application_is_put_out_and_comes_back() {
    let mut stage = Stage::new(1);
    stage.start("a", GROUP, r#"{"topics": ["t"], "process_ms": 10, "commit": "after_each_record"}"#);
    stage.wait(100);
    stage.produce(0, 2);
    stage.wait(5);
    stage.command("a", r#"{"set_stuck": {"stuck": true}}"#);
    stage.wait(30_000);
    assert_eq!(stage.consumer("a").member_state(), MemberState::Unjoined);
    stage.command("a", r#"{"set_stuck": {"stuck": false}}"#);
    stage.wait(1_000);
    check(
        &mut stage,
        expect![[r#"
            00:00.012 a is assigned [t-0]
            00:00.018 a begins t-0 at 0 (auto.offset.reset)
            00:00.101 a fetched t-0 0..2
            00:20.101 a error UNKNOWN_MEMBER_ID: no poll for max.poll.interval.ms: left the group
            00:30.105 a consumed t-0 0..1
            00:30.105 a error UNKNOWN_MEMBER_ID: commit failed: no longer a member of the group
            00:30.115 a consumed t-0 1..2
            00:30.115 a error UNKNOWN_MEMBER_ID: commit failed: no longer a member of the group
            00:30.115 a loses [t-0]
            00:30.121 a is assigned [t-0]
            00:30.125 a begins t-0 at 0 (auto.offset.reset)
            00:30.127 a fetched t-0 0..2
            00:30.137 a consumed t-0 0..1
            00:30.149 a consumed t-0 1..2
        "#]],
    );
}

#[test]
fn the_death_of_a_broker_moves_fetches_and_coordinator() {
    let mut stage = Stage::new(2);
    stage.start("a", GROUP, APP);
    stage.produce(0, 1);
    stage.wait(6_000);
    stage.kill_broker(1);
    stage.wait(5_000);
    stage.produce(0, 1);
    stage.produce(1, 1);
    stage.wait(6_000);
    check(
        &mut stage,
        expect![[r#"
            00:00.012 a is assigned [t-0 t-1]
            00:00.018 a begins t-0 at 0 (auto.offset.reset)
            00:00.018 a begins t-1 at 0 (auto.offset.reset)
            00:00.020 a fetched t-0 0..1
            00:00.030 a consumed t-0 0..1
            00:11.001 a fetched t-0 1..2
            00:11.003 a fetched t-1 0..1
            00:11.011 a consumed t-0 1..2
            00:11.021 a consumed t-1 0..1
        "#]],
    );
    assert_eq!(stage.committed(), "t-0=2 t-1=1");
    assert_eq!(stage.consumer("a").coordinator(), Some(2));
}

#[test]
fn a_moved_coordinator_and_moved_leaders_are_found() {
    let mut stage = Stage::new(2);
    stage.start("a", GROUP, APP);
    stage.wait(1_000);
    stage.elect(2);
    stage.move_leaders(2);
    stage.produce(0, 1);
    stage.wait(10_000);
    check(
        &mut stage,
        expect![[r#"
        00:00.012 a is assigned [t-0 t-1]
        00:00.018 a begins t-0 at 0 (auto.offset.reset)
        00:00.018 a begins t-1 at 0 (auto.offset.reset)
        00:01.001 a has stale metadata: NOT_LEADER_OR_FOLLOWER
        00:01.526 a fetched t-0 0..1
        00:01.536 a consumed t-0 0..1
    "#]],
    );
    assert_eq!(stage.committed(), "t-0=1 t-1=0");
}

#[test]
fn an_offset_that_is_gone_resets() {
    let mut stage = reading(5);
    stage.command("a", r#"{"seek": {"topic": "t", "partition": 0, "to": {"offset": 1}}}"#);
    stage.log_start = 3;
    stage.wait(100);
    stage.command("a", r#"{"seek": {"topic": "t", "partition": 0, "to": "end"}}"#);
    stage.wait(1_000);
    check(
        &mut stage,
        expect![[r#"
            00:01.000 a begins t-0 at 1 (seek)
            00:01.078 a begins t-0 at 3 (auto.offset.reset)
            00:01.080 a fetched t-0 3..5
            00:01.090 a consumed t-0 3..4
            00:01.100 a consumed t-0 4..5
            00:01.602 a begins t-0 at 5 (seekToEnd)
        "#]],
    );
}

#[test]
fn a_log_that_was_cut_takes_the_position_back() {
    let mut stage = reading(5);
    stage.truncate(0, 3, 2);
    stage.produce(0, 1);
    stage.wait(1_000);
    check(
        &mut stage,
        expect![[r#"
            00:01.001 a has stale metadata: NOT_LEADER_OR_FOLLOWER
            00:01.119 a begins t-0 at 3 (log truncation)
            00:01.121 a fetched t-0 3..4
            00:01.131 a consumed t-0 3..4
        "#]],
    );
    assert_eq!(stage.log_ends(), "t-0=4");
}

#[test]
fn a_log_that_only_changed_its_leader_is_read_on() {
    let mut stage = reading(2);
    stage.move_leaders(2);
    stage.produce(0, 1);
    stage.wait(1_000);
    check(
        &mut stage,
        expect![[r#"
            00:01.001 a has stale metadata: NOT_LEADER_OR_FOLLOWER
            00:01.121 a fetched t-0 2..3
            00:01.131 a consumed t-0 2..3
        "#]],
    );
}

#[test]
fn a_log_of_which_nothing_is_left_resets() {
    let mut stage = reading(2);
    stage.truncate(0, 0, 2);
    stage.produce(0, 1);
    stage.wait(1_000);
    check(
        &mut stage,
        expect![[r#"
            00:01.001 a has stale metadata: NOT_LEADER_OR_FOLLOWER
            00:01.121 a begins t-0 at 0 (auto.offset.reset)
            00:01.123 a fetched t-0 0..1
            00:01.133 a consumed t-0 0..1
        "#]],
    );
}

#[test]
fn without_a_reset_policy_a_cut_log_is_the_applications_affair() {
    let mut stage = reading(3);
    stage.command("a", r#"{"close": {}}"#);
    stage.wait(1_000);
    stage.start("b", r#"{"group.id": "g", "auto.offset.reset": "none"}"#, APP);
    stage.wait(1_000);
    stage.truncate(0, 1, 2);
    stage.wait(1_000);
    check(
        &mut stage,
        expect![[r#"
            00:01.002 a gives up [t-0]
            00:02.012 b is assigned [t-0]
            00:02.014 b begins t-0 at 3 (commit)
            00:03.022 b has stale metadata: NOT_LEADER_OR_FOLLOWER
            00:03.108 b error OFFSET_OUT_OF_RANGE: the log of t-0 was truncated before offset 3: it parts from what was read at offset 1
        "#]],
    );
}

/// What was committed remembers the epoch of the record before it, so the next owner notices.
#[test]
fn a_commit_outlives_the_records_it_was_made_for() {
    let mut stage = reading(4);
    stage.command("a", r#"{"close": {}}"#);
    stage.wait(1_000);
    assert_eq!(stage.committed(), "t-0=4");
    stage.truncate(0, 2, 2);
    stage.produce(0, 3);
    stage.start("b", GROUP, APP);
    stage.wait(1_000);
    check(
        &mut stage,
        expect![[r#"
            00:01.002 a gives up [t-0]
            00:02.012 b is assigned [t-0]
            00:02.014 b begins t-0 at 4 (commit)
            00:02.018 b begins t-0 at 2 (log truncation)
            00:02.020 b fetched t-0 2..5
            00:02.030 b consumed t-0 2..3
            00:02.040 b consumed t-0 3..4
            00:02.050 b consumed t-0 4..5
        "#]],
    );
}

#[test]
fn with_no_place_to_begin_it_fails() {
    let mut stage = Stage::new(1);
    stage.start("a", r#"{"group.id": "g", "auto.offset.reset": "none"}"#, APP);
    stage.wait(1_000);
    check(
        &mut stage,
        expect![[r#"
        00:00.012 a is assigned [t-0]
        00:00.014 a error OFFSET_OUT_OF_RANGE: no valid offset for t-0 and auto.offset.reset=none
    "#]],
    );
}

#[test]
fn paused_partitions_give_nothing_until_resumed() {
    let mut stage = Stage::new(2);
    stage.start("a", GROUP, APP);
    stage.wait(1_000);
    stage.command("a", r#"{"set_paused": {"paused": true, "partitions": [{"topic": "t", "partition": 0}]}}"#);
    stage.produce(0, 2);
    stage.produce(1, 1);
    stage.wait(2_000);
    stage.command("a", r#"{"set_paused": {"paused": false}}"#);
    stage.wait(1_000);
    check(
        &mut stage,
        expect![[r#"
        00:00.012 a is assigned [t-0 t-1]
        00:00.018 a begins t-0 at 0 (auto.offset.reset)
        00:00.018 a begins t-1 at 0 (auto.offset.reset)
        00:01.001 a fetched t-0 0..2
        00:01.001 a fetched t-1 0..1
        00:01.011 a consumed t-1 0..1
        00:03.010 a consumed t-0 0..1
        00:03.020 a consumed t-0 1..2
    "#]],
    );
}

#[test]
fn new_partitions_are_noticed_by_the_groups_leader() {
    let mut stage = Stage::new(1);
    let config = GROUP.replace('}', r#", "metadata.max.age.ms": 2000}"#);
    stage.start("a", &config, APP);
    stage.wait(1_000);
    stage.add_partition(2);
    stage.wait(3_000);
    check(
        &mut stage,
        expect![[r#"
        00:00.012 a is assigned [t-0]
        00:00.018 a begins t-0 at 0 (auto.offset.reset)
        00:02.008 a gives up [t-0]
        00:02.012 a is assigned [t-0 t-1]
        00:02.014 a begins t-0 at 0 (commit)
        00:02.018 a begins t-1 at 0 (auto.offset.reset)
    "#]],
    );
}

#[test]
fn partitions_can_be_assigned_by_hand() {
    let mut stage = Stage::new(2);
    stage.produce(1, 2);
    let app = r#"{"partitions": [{"topic": "t", "partition": 1}], "process_ms": 0}"#;
    stage.start("a", r#"{"auto.offset.reset": "earliest"}"#, app);
    stage.start("b", GROUP, app);
    stage.wait(6_000);
    check(
        &mut stage,
        expect![[r#"
        00:00.000 a is assigned [t-1]
        00:00.000 b is assigned [t-1]
        00:00.008 a begins t-1 at 0 (auto.offset.reset)
        00:00.010 a fetched t-1 0..2
        00:00.010 a consumed t-1 0..2
        00:00.012 b begins t-1 at 0 (auto.offset.reset)
        00:00.014 b fetched t-1 0..2
        00:00.014 b consumed t-1 0..2
    "#]],
    );
    assert_eq!(stage.committed(), "t-1=2");
}

/// Whatever goes wrong, once it has stopped going wrong everything is consumed and committed.
#[test]
fn after_any_trouble_the_group_catches_up() {
    for seed in 0..60 {
        let mut rng = Rng::stream(seed, "trouble");
        let mut stage = Stage::new(3);
        let commits = ["auto", "after_each_record", "after_each_poll", "before_processing"];
        for name in ["a", "b"] {
            let commit = commits[rng.below(4) as usize];
            let app =
                format!(r#"{{"topics": ["t"], "process_ms": {}, "commit": "{commit}"}}"#, rng.below(20));
            stage.start(name, GROUP, &app);
        }
        for _ in 0..40 {
            let broker = 1 + rng.below(2) as i32;
            let name = if rng.chance(1, 2) { "a" } else { "b" };
            match rng.below(9) {
                0 => stage.elect(3 - stage.coordinator),
                1 => stage.move_leaders(broker),
                2 if stage.down.is_empty() => stage.kill_broker(broker),
                2 | 3 => [1, 2].into_iter().for_each(|broker| stage.restart_broker(broker)),
                4 => stage.command(name, r#"{"set_stuck": {"stuck": true}}"#),
                5 => stage.command(name, r#"{"set_stuck": {"stuck": false}}"#),
                _ => stage.produce(rng.below(3) as usize, 2),
            }
            stage.wait(rng.between(0, 4_000));
        }
        [1, 2].into_iter().for_each(|broker| stage.restart_broker(broker));
        for name in ["a", "b"] {
            stage.command(name, r#"{"set_stuck": {"stuck": false}}"#);
        }
        (0..3).for_each(|partition| stage.produce(partition, 1));
        stage.wait(60_000);
        assert_eq!(stage.committed(), stage.log_ends(), "seed {seed}:\n{}", stage.story);
    }
}
