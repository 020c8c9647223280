//! Members of share groups (KIP-932).

use expect_test::expect;
use terrarium::protocol::ErrorCode;

use crate::check;
use crate::stage::Stage;

const SHARE: &str = r#"{"group.id": "g", "client.id": "c", "group.protocol": "share",
    "share.acknowledgement.mode": "explicit", "max.poll.records": 4, "max.poll.interval.ms": 20000}"#;
const APP: &str = r#"{"topics": ["t"], "process_ms": 10}"#;

fn stage(partitions: usize, lock_ms: u64) -> Stage {
    let mut stage = Stage::new(partitions);
    stage.shares.lock_ms = lock_ms;
    stage
}

#[test]
fn members_share_the_records_of_a_partition() {
    let mut stage = stage(1, 30_000);
    stage.produce(0, 6);
    stage.start("a", SHARE, APP);
    stage.start("b", SHARE, APP);
    stage.wait(12_000);
    check(
        &mut stage,
        expect![[r#"
            00:00.008 a is assigned []
            00:00.008 b is assigned [t-0]
            00:00.010 a is assigned [t-0]
            00:00.012 b acquired t-0 0..4 (1)
            00:00.014 a acquired t-0 4..6 (1)
            00:00.022 b consumed t-0 0..1
            00:00.024 a consumed t-0 4..5
            00:00.032 b consumed t-0 1..2
            00:00.034 a consumed t-0 5..6
            00:00.042 b consumed t-0 2..3
            00:00.052 b consumed t-0 3..4
            00:00.536 a accept t-0 4..6: NONE
            00:00.554 b accept t-0 0..4: NONE
        "#]],
    );
    assert_eq!(stage.shares.done(0), [0, 1, 2, 3, 4, 5]);
}

/// A record that cannot be processed is tried five times; one that nobody wants, once.
#[test]
fn a_released_record_comes_again_and_a_rejected_one_does_not() {
    let app = r#"{"topics": ["t"], "process_ms": 10,
        "handling": [{"offset": 0, "then": "reject"}, {"offset": 2, "then": "release"}]}"#;
    let mut stage = stage(1, 30_000);
    stage.produce(0, 4);
    stage.start("a", SHARE, app);
    stage.wait(12_000);
    check(
        &mut stage,
        expect![[r#"
            00:00.008 a is assigned []
            00:00.010 a is assigned [t-0]
            00:00.014 a acquired t-0 0..4 (1)
            00:00.024 a will reject t-0 0
            00:00.034 a consumed t-0 1..2
            00:00.044 a will release t-0 2
            00:00.054 a consumed t-0 3..4
            00:00.056 a reject t-0 0..1: NONE
            00:00.056 a accept t-0 1..2: NONE
            00:00.056 a release t-0 2..3: NONE
            00:00.056 a accept t-0 3..4: NONE
            00:00.056 a acquired t-0 2..3 (2)
            00:00.066 a will release t-0 2
            00:00.068 a release t-0 2..3: NONE
            00:00.068 a acquired t-0 2..3 (3)
            00:00.078 a will release t-0 2
            00:00.080 a release t-0 2..3: NONE
            00:00.080 a acquired t-0 2..3 (4)
            00:00.090 a will release t-0 2
            00:00.092 a release t-0 2..3: NONE
            00:00.092 a acquired t-0 2..3 (5)
            00:00.102 a will release t-0 2
            00:00.604 a release t-0 2..3: NONE
        "#]],
    );
    assert_eq!(stage.shares.done(0), [0, 1, 2, 3]);
}

#[test]
fn who_is_too_slow_acknowledges_in_vain() {
    let app = r#"{"topics": ["t"], "process_ms": 10, "handling": [{"offset": 1, "process_ms": 3000}]}"#;
    let mut stage = stage(1, 2_000);
    stage.produce(0, 3);
    stage.start("a", SHARE, app);
    stage.wait(6_000);
    stage.start("b", SHARE, APP);
    stage.wait(6_000);
    check(
        &mut stage,
        expect![[r#"
            00:00.008 a is assigned []
            00:00.010 a is assigned [t-0]
            00:00.014 a acquired t-0 0..3 (1)
            00:00.024 a consumed t-0 0..1
            00:03.024 a consumed t-0 1..2
            00:03.034 a consumed t-0 2..3
            00:03.036 a accept t-0 0..3: INVALID_RECORD_STATE
            00:03.036 a acquired t-0 0..3 (2)
            00:03.046 a consumed t-0 0..1
            00:06.008 b is assigned [t-0]
            00:06.012 b acquired t-0 0..3 (3)
            00:06.022 b consumed t-0 0..1
            00:06.032 b consumed t-0 1..2
            00:06.042 b consumed t-0 2..3
            00:06.046 a consumed t-0 1..2
            00:06.056 a consumed t-0 2..3
            00:06.544 b accept t-0 0..3: NONE
            00:06.558 a accept t-0 0..3: INVALID_RECORD_STATE
        "#]],
    );
}

#[test]
fn whoever_waits_for_its_acknowledgements_sends_them_at_once() {
    let implicit = SHARE.replace("explicit", "implicit");
    for (config, commit) in [(SHARE, "after_each_record"), (&implicit, "after_each_poll")] {
        let mut stage = stage(1, 30_000);
        stage.produce(0, 3);
        stage.start("a", config, &APP.replace('}', &format!(r#", "commit": "{commit}"}}"#)));
        stage.wait(6_000);
        let expected = match commit {
            "after_each_record" => expect![[r#"
                00:00.008 a is assigned []
                00:00.010 a is assigned [t-0]
                00:00.014 a acquired t-0 0..3 (1)
                00:00.024 a consumed t-0 0..1
                00:00.026 a accept t-0 0..1: NONE
                00:00.036 a consumed t-0 1..2
                00:00.038 a accept t-0 1..2: NONE
                00:00.048 a consumed t-0 2..3
                00:00.050 a accept t-0 2..3: NONE
            "#]],
            _ => expect![[r#"
                00:00.008 a is assigned []
                00:00.010 a is assigned [t-0]
                00:00.014 a acquired t-0 0..3 (1)
                00:00.024 a consumed t-0 0..1
                00:00.034 a consumed t-0 1..2
                00:00.044 a consumed t-0 2..3
                00:00.046 a accept t-0 0..3: NONE
            "#]],
        };
        check(&mut stage, expected);
    }
}

#[test]
fn locks_go_with_the_leader_and_sessions_begin_anew() {
    let mut stage = stage(1, 3_000);
    stage.start("a", SHARE, APP);
    stage.wait(10_000);
    stage.produce(0, 4);
    stage.wait(20);
    stage.move_leaders(2);
    stage.shares.forget_locks();
    stage.wait(5_000);
    stage.shares.refuses = Some(ErrorCode::InvalidShareSessionEpoch);
    stage.produce(0, 1);
    stage.wait(5_000);
    check(
        &mut stage,
        expect![[r#"
            00:00.008 a is assigned []
            00:00.010 a is assigned [t-0]
            00:10.001 a acquired t-0 0..4 (1)
            00:10.011 a consumed t-0 0..1
            00:10.021 a consumed t-0 1..2
            00:10.031 a consumed t-0 2..3
            00:10.041 a consumed t-0 3..4
            00:10.043 a accept t-0 0..4: SHARE_SESSION_NOT_FOUND
            00:10.127 a has stale metadata: NOT_LEADER_OR_FOLLOWER
            00:10.241 a acquired t-0 0..4 (2)
            00:10.251 a consumed t-0 0..1
            00:10.261 a consumed t-0 1..2
            00:10.271 a consumed t-0 2..3
            00:10.281 a consumed t-0 3..4
            00:10.783 a accept t-0 0..4: NONE
            00:15.021 a acquired t-0 4..5 (1)
            00:15.031 a consumed t-0 4..5
            00:15.033 a accept t-0 4..5: INVALID_SHARE_SESSION_EPOCH
            00:18.152 a acquired t-0 4..5 (2)
            00:18.162 a consumed t-0 4..5
            00:18.664 a accept t-0 4..5: NONE
        "#]],
    );
    assert_eq!(stage.shares.done(0), [0, 1, 2, 3, 4]);
}

#[test]
fn who_closes_lets_go_of_what_it_has_not_processed() {
    let mut stage = stage(2, 30_000);
    stage.produce(0, 4);
    stage.produce(1, 4);
    stage.start("a", SHARE, APP);
    stage.start("b", SHARE, APP);
    stage.wait(20);
    stage.command("a", r#"{"close": {}}"#);
    stage.wait(10_000);
    check(
        &mut stage,
        expect![[r#"
            00:00.008 a is assigned []
            00:00.008 b is assigned [t-1]
            00:00.010 a is assigned [t-0]
            00:00.012 b acquired t-1 0..4 (1)
            00:00.014 a acquired t-0 0..4 (1)
            00:00.022 b consumed t-1 0..1
            00:00.024 a consumed t-0 0..1
            00:00.032 b consumed t-1 1..2
            00:00.034 a consumed t-0 1..2
            00:00.042 b consumed t-1 2..3
            00:00.044 a consumed t-0 2..3
            00:00.052 b consumed t-1 3..4
            00:00.054 a consumed t-0 3..4
            00:00.056 a accept t-0 0..4: NONE
            00:00.056 a gives up [t-0]
            00:00.554 b accept t-1 0..4: NONE
            00:05.010 b is assigned [t-0]
        "#]],
    );
    assert_eq!([stage.shares.done(0), stage.shares.done(1)], [[0, 1, 2, 3], [0, 1, 2, 3]]);
}
