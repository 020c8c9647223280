//! Members of groups that their coordinator manages (KIP-848).

use expect_test::expect;
use terrarium::client::consumer::MemberState;

use crate::stage::Stage;
use crate::{APP, check, closing};

const MANAGED: &str = r#"{"group.id": "g", "client.id": "c", "auto.offset.reset": "earliest",
    "group.protocol": "consumer", "max.poll.interval.ms": 20000}"#;

fn two(partitions: usize, app: &str) -> Stage {
    let mut stage = Stage::new(partitions);
    stage.start("a", MANAGED, app);
    stage.wait(10_000);
    stage.start("b", MANAGED, app);
    stage.wait(20_000);
    stage
}

#[test]
fn a_lone_member_gets_everything() {
    let mut stage = Stage::new(2);
    stage.views = true;
    stage.produce(0, 2);
    stage.start("a", MANAGED, APP);
    stage.wait(12_000);
    check(
        &mut stage,
        expect![[r#"
        00:00.000 a is joining (0)
        00:00.008 a is reconciling (1)
        00:00.008 a is assigned [t-0 t-1]
        00:00.008 a is acknowledging (1)
        00:00.008 a is stable (1)
        00:00.014 a begins t-0 at 0 (auto.offset.reset)
        00:00.014 a begins t-1 at 0 (auto.offset.reset)
        00:00.016 a fetched t-0 0..2
        00:00.026 a consumed t-0 0..1
        00:00.036 a consumed t-0 1..2
    "#]],
    );
    assert_eq!(stage.committed(), "t-0=2 t-1=0");
}

#[test]
fn a_second_member_waits_for_what_the_first_lets_go() {
    let mut stage = Stage::new(2);
    stage.start("a", MANAGED, APP);
    stage.wait(10_000);
    stage.views = true;
    stage.start("b", MANAGED, APP);
    stage.wait(20_000);
    check(
        &mut stage,
        expect![[r#"
            00:00.008 a is assigned [t-0 t-1]
            00:00.014 a begins t-0 at 0 (auto.offset.reset)
            00:00.014 a begins t-1 at 0 (auto.offset.reset)
            00:10.000 b is joining (0)
            00:10.008 b is reconciling (2)
            00:10.008 b is assigned []
            00:10.008 b is acknowledging (2)
            00:10.008 b is stable (2)
            00:10.010 a is reconciling (1)
            00:10.012 a gives up [t-1]
            00:10.012 a is acknowledging (1)
            00:10.012 a is stable (1)
            00:10.014 a is stable (2)
            00:15.010 b is reconciling (2)
            00:15.010 b is assigned [t-1]
            00:15.010 b is acknowledging (2)
            00:15.010 b is stable (2)
            00:15.012 b begins t-1 at 0 (commit)
        "#]],
    );
}

#[test]
fn who_closes_leaves_at_once() {
    let mut stage = two(2, APP);
    stage.story.clear();
    stage.views = true;
    stage.command("a", r#"{"close": {}}"#);
    stage.wait(10_000);
    check(
        &mut stage,
        expect![[r#"
        00:30.002 a is preparing to leave (2)
        00:30.002 a gives up [t-0]
        00:30.002 a is leaving (-1)
        00:30.002 a is unjoined (-1)
        00:30.012 b is reconciling (3)
        00:30.014 b is assigned [t-0]
        00:30.014 b is acknowledging (3)
        00:30.014 b is stable (3)
        00:30.016 b begins t-0 at 0 (commit)
    "#]],
    );
}

#[test]
fn who_crashes_is_missed_after_the_session_timeout() {
    let mut stage = two(2, APP);
    stage.story.clear();
    stage.kill_consumer("a");
    stage.wait(60_000);
    check(
        &mut stage,
        expect![[r#"
        01:15.014 b is assigned [t-0]
        01:15.016 b begins t-0 at 0 (commit)
    "#]],
    );
}

#[test]
fn who_does_not_poll_leaves_and_comes_back() {
    let mut stage = two(2, APP);
    stage.story.clear();
    stage.views = true;
    stage.produce(0, 1);
    stage.produce(1, 1);
    stage.wait(5);
    stage.command("a", r#"{"set_stuck": {"stuck": true}}"#);
    stage.wait(40_000);
    assert_eq!(stage.consumer("a").member_state(), MemberState::Stale);
    stage.command("a", r#"{"set_stuck": {"stuck": false}}"#);
    stage.wait(20_000);
    check(
        &mut stage,
        expect![[r#"
            00:30.001 a fetched t-0 0..1
            00:30.001 b fetched t-1 0..1
            00:30.011 b consumed t-1 0..1
            00:50.001 a error UNKNOWN_MEMBER_ID: no poll for max.poll.interval.ms: left the group
            00:50.001 a is leaving (-1)
            00:50.001 a is stale (-1)
            00:50.001 a loses [t-0]
            00:50.012 b is reconciling (3)
            00:50.013 b error STALE_MEMBER_EPOCH: commit failed
            00:50.014 b is assigned [t-0]
            00:50.014 b is acknowledging (3)
            00:50.014 b is stable (3)
            00:50.016 b begins t-0 at 0 (commit)
            00:50.020 b fetched t-0 0..1
            00:50.030 b consumed t-0 0..1
            01:10.005 a consumed t-0 0..1
            01:10.005 a is joining (0)
            01:10.007 a is reconciling (4)
            01:10.007 a is assigned []
            01:10.007 a is acknowledging (4)
            01:10.007 a is stable (4)
            01:10.016 b is reconciling (3)
            01:10.018 b gives up [t-1]
            01:10.018 b is acknowledging (3)
            01:10.018 b is stable (3)
            01:10.020 b is stable (4)
            01:15.009 a is reconciling (4)
            01:15.009 a is assigned [t-1]
            01:15.009 a is acknowledging (4)
            01:15.009 a is stable (4)
            01:15.011 a begins t-1 at 1 (commit)
        "#]],
    );
}

#[test]
fn listeners_are_called_in_poll() {
    let app = r#"{"topics": ["t"], "process_ms": 10, "revoked_ms": 300, "assigned_ms": 100}"#;
    let mut stage = two(2, app);
    check(
        &mut stage,
        expect![[r#"
            00:00.008 a is assigned [t-0 t-1]
            00:00.008 a onPartitionsAssigned [t-0 t-1]
            00:00.108 a onPartitionsAssigned returned
            00:00.114 a begins t-0 at 0 (auto.offset.reset)
            00:00.114 a begins t-1 at 0 (auto.offset.reset)
            00:10.008 b is assigned []
            00:10.008 b onPartitionsAssigned []
            00:10.012 a onPartitionsRevoked [t-1]
            00:10.108 b onPartitionsAssigned returned
            00:10.312 a onPartitionsRevoked returned
            00:10.312 a gives up [t-1]
            00:10.312 a onPartitionsAssigned []
            00:10.412 a onPartitionsAssigned returned
            00:15.010 b is assigned [t-1]
            00:15.010 b onPartitionsAssigned [t-1]
            00:15.110 b onPartitionsAssigned returned
            00:15.112 b begins t-1 at 0 (commit)
        "#]],
    );
}

#[test]
fn the_coordinator_moves_and_nobody_notices() {
    let mut stage = two(2, APP);
    stage.story.clear();
    stage.elect(2);
    stage.wait(20_000);
    check(&mut stage, expect![[r#""#]]);
    assert_eq!(stage.consumer("a").coordinator(), Some(2));
}

#[test]
fn a_static_member_comes_back_to_its_partitions() {
    let config = MANAGED.replace('}', r#", "group.instance.id": "one"}"#);
    let mut stage = Stage::new(2);
    stage.start("a", &config, APP);
    stage.start("b", MANAGED, APP);
    stage.wait(20_000);
    stage.story.clear();
    stage.views = true;
    stage.command("a", r#"{"close": {}}"#);
    stage.wait(5_000);
    stage.start("a", &config, APP);
    stage.wait(10_000);
    check(
        &mut stage,
        expect![[r#"
        00:20.002 a is preparing to leave (2)
        00:20.002 a gives up [t-0]
        00:20.002 a is leaving (-2)
        00:20.002 a is unjoined (-1)
        00:25.000 a is joining (0)
        00:25.008 a is reconciling (2)
        00:25.008 a is assigned [t-0]
        00:25.008 a is acknowledging (2)
        00:25.008 a is stable (2)
        00:25.010 a begins t-0 at 0 (commit)
    "#]],
    );
}

/// KIP-848: a member that talks the other protocol takes the whole group along.
#[test]
fn a_classic_group_becomes_managed_member_by_member() {
    let classic = r#"{"group.id": "g", "client.id": "c", "auto.offset.reset": "earliest"}"#;
    let mut stage = Stage::new(4);
    stage.start("a", classic, APP);
    stage.start("b", classic, APP);
    stage.wait(10_000);
    for name in ["a", "b"] {
        stage.command(name, r#"{"close": {}}"#);
        stage.wait(1_000);
        stage.start(name, MANAGED, APP);
        stage.wait(20_000);
    }
    check(
        &mut stage,
        expect![[r#"
            00:00.012 b is assigned [t-0 t-1]
            00:00.012 a is assigned [t-2 t-3]
            00:00.018 b begins t-0 at 0 (auto.offset.reset)
            00:00.018 b begins t-1 at 0 (auto.offset.reset)
            00:00.018 a begins t-2 at 0 (auto.offset.reset)
            00:00.018 a begins t-3 at 0 (auto.offset.reset)
            00:10.002 a gives up [t-2 t-3]
            00:11.008 a is assigned [t-2 t-3]
            00:11.010 a begins t-2 at 0 (commit)
            00:11.010 a begins t-3 at 0 (commit)
            00:12.014 b gives up [t-0 t-1]
            00:12.018 b is assigned [t-0 t-1]
            00:12.020 b begins t-0 at 0 (commit)
            00:12.020 b begins t-1 at 0 (commit)
            00:31.002 b gives up [t-0 t-1]
            00:31.012 a is assigned [t-0 t-1]
            00:31.014 a begins t-0 at 0 (commit)
            00:31.014 a begins t-1 at 0 (commit)
            00:32.008 b is assigned []
            00:36.016 a gives up [t-2 t-3]
            00:37.010 b is assigned [t-2 t-3]
            00:37.012 b begins t-2 at 0 (commit)
            00:37.012 b begins t-3 at 0 (commit)
        "#]],
    );
}

/// KIP-1092: a static member can leave for good, and a dynamic one can leave without a word.
#[test]
fn who_closes_may_stay_or_leave_for_good() {
    let mut stage = closing(MANAGED);
    check(
        &mut stage,
        expect![[r#"
            00:00.008 a is assigned [t-0]
            00:00.014 a begins t-0 at 0 (auto.offset.reset)
            01:00.002 a gives up [t-0]
            REMAIN_IN_GROUP: 1 members [1]
            01:01.008 a is assigned [t-0]
            01:01.010 a begins t-0 at 0 (commit)
            02:01.002 a gives up [t-0]
            LEAVE_GROUP: 0 members []
            02:02.008 a is assigned [t-0]
            02:02.010 a begins t-0 at 0 (commit)
            03:02.002 a gives up [t-0]
            DEFAULT: 1 members [-2]
        "#]],
    );
}
