//! Stories of a producer and its brokers.

use expect_test::{Expect, expect};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::ProducerCommand;
use crate::base::Input;
use crate::client::fake::{Fault, Stage};
use crate::protocol::ErrorCode;

const NO_WORKLOAD: &str = "{}";
/// Without idempotence, and calm otherwise.
const PLAIN: &str = r#"{"enable.idempotence": false}"#;

/// What happened, then what is in the log.
fn check(stage: &Stage, expected: Expect) {
    expected.assert_eq(&format!("{}log: {}\n", stage.story, stage.log(0)));
}

fn stage(config: &str) -> Stage {
    let mut stage = Stage::new(config, NO_WORKLOAD);
    stage.start();
    // The handshake and the first metadata are another story.
    stage.send(&["0"]);
    stage.run_until(100);
    stage.story.clear();
    stage
}

#[test]
fn starting_takes_a_handshake_metadata_and_a_producer_id() {
    let mut stage = Stage::new("{}", NO_WORKLOAD);
    stage.tell_frames = true;
    stage.start();
    stage.send(&["a", "k:b"]);
    stage.run_until(100);
    check(
        &stage,
        expect![[r#"
        00:00.000 - connects to broker-1
        00:00.000 - ApiVersions v4 to 1
        00:00.002 - Metadata v13 to 1
        00:00.002 - InitProducerId v5 to 1
        00:00.004 metadata: 2 brokers
        00:00.009 - connects to broker-1
        00:00.009 - ApiVersions v4 to 1
        00:00.011 sent t-0: 2, attempt 1
        00:00.011 - Produce v13 to 1
        00:00.013 acknowledged t-0: 2 at 0
        log: a b
    "#]],
    );
}

#[test]
fn records_linger_to_share_a_batch() {
    let mut stage = stage(PLAIN);
    stage.send(&["a", "b"]);
    stage.run_until(103);
    stage.send(&["c"]);
    stage.run_until(104);
    let waiting: Vec<u32> = stage.producer.pending().map(|batch| batch.count()).collect();
    assert_eq!(waiting, [3]);
    stage.run_until(200);
    check(
        &stage,
        expect![[r#"
        00:00.105 sent t-0: 3, attempt 1
        00:00.107 acknowledged t-0: 3 at 1
        log: 0 a b c
    "#]],
    );
}

#[test]
fn a_full_batch_does_not_linger() {
    let mut stage = stage(r#"{"batch.size": 100, "linger.ms": 1000, "enable.idempotence": false}"#);
    stage.send(&["aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc", "dddddddddd"]);
    stage.run_until(3_000);
    check(
        &stage,
        expect![[r#"
        00:00.102 sent t-0: 2, attempt 1
        00:00.102 sent t-0: 2, attempt 1
        00:00.104 acknowledged t-0: 2 at 0
        00:00.104 acknowledged t-0: 2 at 2
        00:01.100 sent t-0: 1, attempt 1
        00:01.102 acknowledged t-0: 1 at 4
        log: 0 aaaaaaaaaa bbbbbbbbbb cccccccccc dddddddddd
    "#]],
    );
}

#[test]
fn flushing_ends_the_lingering() {
    let mut stage = stage(r#"{"linger.ms": 1000, "enable.idempotence": false}"#);
    stage.run_until(2_000);
    stage.story.clear();
    stage.send(&["a"]);
    stage.step(Input::Command(ProducerCommand::Flush));
    stage.send(&["b"]);
    stage.run_until(4_000);
    check(
        &stage,
        expect![[r#"
        00:02.000 sent t-0: 1, attempt 1
        00:02.000 sent t-0: 1, attempt 1
        00:02.002 acknowledged t-0: 1 at 1
        00:02.002 acknowledged t-0: 1 at 2
        log: 0 a b
    "#]],
    );
}

#[test]
fn a_retriable_error_is_retried_with_growing_backoff() {
    let mut stage = stage(PLAIN);
    stage.cluster.faults.extend([Fault::Error(ErrorCode::NotEnoughReplicas); 3]);
    stage.send(&["a"]);
    stage.run_until(2_000);
    check(
        &stage,
        expect![[r#"
            00:00.105 sent t-0: 1, attempt 1
            00:00.107 retries t-0: 1 after 106 ms, NOT_ENOUGH_REPLICAS
            00:00.213 sent t-0: 1, attempt 2
            00:00.215 retries t-0: 1 after 225 ms, NOT_ENOUGH_REPLICAS
            00:00.441 sent t-0: 1, attempt 3
            00:00.443 retries t-0: 1 after 396 ms, NOT_ENOUGH_REPLICAS
            00:00.839 sent t-0: 1, attempt 4
            00:00.841 acknowledged t-0: 1 at 1
            log: 0 a
        "#]],
    );
}

#[test]
fn an_error_that_time_does_not_mend_fails_the_batch() {
    let mut stage = stage(PLAIN);
    stage.cluster.faults.push_back(Fault::Error(ErrorCode::TopicAuthorizationFailed));
    stage.send(&["a"]);
    stage.run_until(2_000);
    assert_eq!(stage.producer.totals().failed, 1);
    check(
        &stage,
        expect![[r#"
        00:00.105 sent t-0: 1, attempt 1
        00:00.107 failed t-0: 1, TOPIC_AUTHORIZATION_FAILED
        log: 0
    "#]],
    );
}

/// Two batches are in flight, the first fails: without idempotence the second overtakes it.
fn two_batches_the_first_fails(config: &str) -> Stage {
    let mut stage = stage(config);
    stage.cluster.faults.push_back(Fault::Error(ErrorCode::NotEnoughReplicas));
    stage.send(&["a"]);
    stage.run_until(101);
    stage.send(&["b"]);
    stage.run_until(2_000);
    stage
}

#[test]
fn without_idempotence_a_retry_reorders() {
    let stage = two_batches_the_first_fails(r#"{"linger.ms": 0, "enable.idempotence": false}"#);
    check(
        &stage,
        expect![[r#"
            00:00.100 sent t-0: 1, attempt 1
            00:00.101 sent t-0: 1, attempt 1
            00:00.102 retries t-0: 1 after 106 ms, NOT_ENOUGH_REPLICAS
            00:00.103 acknowledged t-0: 1 at 1
            00:00.208 sent t-0: 1, attempt 2
            00:00.210 acknowledged t-0: 1 at 2
            log: 0 b a
        "#]],
    );
}

#[test]
fn with_idempotence_order_is_kept() {
    let stage = two_batches_the_first_fails(r#"{"linger.ms": 0}"#);
    check(
        &stage,
        expect![[r#"
            00:00.100 sent t-0: 1, attempt 1
            00:00.101 sent t-0: 1, attempt 1
            00:00.102 retries t-0: 1 after 99 ms, NOT_ENOUGH_REPLICAS
            00:00.103 retries t-0: 1 after 94 ms, OUT_OF_ORDER_SEQUENCE_NUMBER
            00:00.201 sent t-0: 1, attempt 2
            00:00.203 acknowledged t-0: 1 at 1
            00:00.203 sent t-0: 1, attempt 2
            00:00.205 acknowledged t-0: 1 at 2
            log: 0 a b
        "#]],
    );
}

#[test]
fn one_request_in_flight_keeps_order_too() {
    let stage = two_batches_the_first_fails(
        r#"{"linger.ms": 0, "enable.idempotence": false, "max.in.flight.requests.per.connection": 1}"#,
    );
    check(
        &stage,
        expect![[r#"
            00:00.100 sent t-0: 1, attempt 1
            00:00.102 retries t-0: 1 after 106 ms, NOT_ENOUGH_REPLICAS
            00:00.208 sent t-0: 1, attempt 2
            00:00.210 acknowledged t-0: 1 at 1
            00:00.210 sent t-0: 1, attempt 1
            00:00.212 acknowledged t-0: 1 at 2
            log: 0 a b
        "#]],
    );
}

/// The leader writes a batch, but its answer is lost.
fn lost_answer(config: &str) -> Stage {
    let mut stage = stage(config);
    stage.cluster.faults.push_back(Fault::WriteAndClose);
    stage.send(&["a", "b"]);
    stage.run_until(2_000);
    stage
}

#[test]
fn a_lost_answer_duplicates_without_idempotence() {
    check(
        &lost_answer(PLAIN),
        expect![[r#"
            00:00.105 sent t-0: 2, attempt 1
            00:00.107 retries t-0: 2 after 112 ms, NETWORK_EXCEPTION
            00:00.122 metadata: 2 brokers
            00:00.221 sent t-0: 2, attempt 2
            00:00.223 acknowledged t-0: 2 at 3
            log: 0 a b a b
        "#]],
    );
}

#[test]
fn a_lost_answer_is_recognised_with_idempotence() {
    check(
        &lost_answer("{}"),
        expect![[r#"
            00:00.105 sent t-0: 2, attempt 1
            00:00.107 retries t-0: 2 after 94 ms, NETWORK_EXCEPTION
            00:00.113 metadata: 2 brokers
            00:00.203 sent t-0: 2, attempt 2
            00:00.205 acknowledged t-0: 2 at -1
            log: 0 a b
        "#]],
    );
}

#[test]
fn the_new_leader_is_found() {
    let mut stage = stage("{}");
    stage.cluster.leaders = vec![(2, 1)];
    stage.send(&["a"]);
    stage.run_until(2_000);
    check(
        &stage,
        expect![[r#"
            00:00.105 sent t-0: 1, attempt 1
            00:00.107 retries t-0: 1 after 99 ms, NOT_LEADER_OR_FOLLOWER
            00:00.107 metadata stale: NOT_LEADER_OR_FOLLOWER
            00:00.111 metadata: 2 brokers
            00:00.113 sent t-0: 1, attempt 2
            00:00.115 acknowledged t-0: 1 at 1
            log: 0 a
        "#]],
    );
}

#[test]
fn a_response_that_names_the_new_leader_saves_the_wait() {
    let mut stage = stage("{}");
    stage.cluster.names_leaders = true;
    stage.cluster.leaders = vec![(2, 1)];
    stage.send(&["a"]);
    stage.run_until(2_000);
    check(
        &stage,
        expect![[r#"
            00:00.105 sent t-0: 1, attempt 1
            00:00.107 retries t-0: 1 after 99 ms, NOT_LEADER_OR_FOLLOWER
            00:00.107 metadata stale: NOT_LEADER_OR_FOLLOWER
            00:00.109 sent t-0: 1, attempt 2
            00:00.111 acknowledged t-0: 1 at 1
            00:00.111 metadata: 2 brokers
            log: 0 a
        "#]],
    );
}

#[test]
fn a_gap_in_the_sequences_is_left_behind_with_a_new_epoch() {
    let mut stage = stage(r#"{"linger.ms": 0}"#);
    stage.cluster.faults.extend([Fault::Error(ErrorCode::OutOfOrderSequenceNumber); 2]);
    stage.send(&["a"]);
    stage.run_until(101);
    stage.send(&["b"]);
    stage.run_until(1_000);
    assert_eq!(stage.producer.producer_id().map(|id| id.epoch), Some(1));
    check(
        &stage,
        expect![[r#"
            00:00.100 sent t-0: 1, attempt 1
            00:00.101 sent t-0: 1, attempt 1
            00:00.102 retries t-0: 1 after 99 ms, OUT_OF_ORDER_SEQUENCE_NUMBER
            00:00.103 retries t-0: 1 after 94 ms, OUT_OF_ORDER_SEQUENCE_NUMBER
            00:00.201 sent t-0: 1, attempt 2
            00:00.203 acknowledged t-0: 1 at 1
            00:00.203 sent t-0: 1, attempt 2
            00:00.205 acknowledged t-0: 1 at 2
            log: 0 a b
        "#]],
    );
}

#[test]
fn a_refused_batch_gives_its_sequences_to_the_next() {
    let mut stage = stage(r#"{"linger.ms": 0}"#);
    stage.cluster.faults.push_back(Fault::Error(ErrorCode::InvalidTimestamp));
    stage.send(&["a"]);
    stage.run_until(101);
    stage.send(&["b"]);
    stage.run_until(1_000);
    assert_eq!(stage.producer.producer_id().map(|id| id.epoch), Some(0));
    check(
        &stage,
        expect![[r#"
            00:00.100 sent t-0: 1, attempt 1
            00:00.101 sent t-0: 1, attempt 1
            00:00.102 failed t-0: 1, INVALID_TIMESTAMP
            00:00.103 retries t-0: 1 after 99 ms, OUT_OF_ORDER_SEQUENCE_NUMBER
            00:00.202 sent t-0: 1, attempt 2
            00:00.204 acknowledged t-0: 1 at 1
            log: 0 b
        "#]],
    );
}

#[test]
fn a_fenced_producer_sends_nothing_more() {
    let mut stage = stage(r#"{"linger.ms": 0}"#);
    stage.cluster.faults.push_back(Fault::Error(ErrorCode::ClusterAuthorizationFailed));
    stage.send(&["a"]);
    stage.run_until(101);
    stage.send(&["b"]);
    stage.run_until(110);
    stage.send(&["c"]);
    stage.run_until(1_000);
    check(
        &stage,
        expect![[r#"
        00:00.100 sent t-0: 1, attempt 1
        00:00.101 sent t-0: 1, attempt 1
        00:00.102 failed t-0: 1, CLUSTER_AUTHORIZATION_FAILED
        00:00.102 error CLUSTER_AUTHORIZATION_FAILED: the producer cannot recover from this error
        00:00.102 failed t-0: 1, CLUSTER_AUTHORIZATION_FAILED
        00:00.110 error CLUSTER_AUTHORIZATION_FAILED: the producer is in an error that it cannot recover from
        log: 0
    "#]],
    );
}

#[test]
fn one_request_carries_one_batch_of_each_partition_within_its_size() {
    let value = "x".repeat(400);
    let config = r#"{"linger.ms": 0, "max.request.size": 1100, "enable.idempotence": false}"#;
    let source = |partition: i32| {
        format!(
            r#"{{"topic": "t", "start_ms": 100, "count": 1, "partition": {partition}, "value": "{value}"}}"#
        )
    };
    let workload = format!(r#"{{"sources": [{}]}}"#, [0, 1, 2].map(source).join(","));
    let mut stage = Stage::new(config, &workload);
    stage.cluster.leaders = vec![(1, 0); 3];
    stage.tell_frames = true;
    stage.start();
    stage.send(&["0"]);
    stage.run_until(99);
    stage.story.clear();
    stage.run_until(1_000);
    assert_eq!(stage.producer.totals().acknowledged, 4);
    expect![[r#"
        00:00.100 sent t-2: 1, attempt 1
        00:00.100 sent t-0: 1, attempt 1
        00:00.100 sent t-1: 1, attempt 1
        00:00.100 - Produce v13 to 1
        00:00.100 - Produce v13 to 1
        00:00.102 acknowledged t-2: 1 at 0
        00:00.102 acknowledged t-0: 1 at 0
        00:00.102 acknowledged t-1: 1 at 1
    "#]]
    .assert_eq(&stage.story);
}

#[test]
fn a_paused_workload_sends_nothing_until_it_goes_on() {
    let workload = r#"{"sources": [{"topic": "t", "every_ms": 100}]}"#;
    let mut stage = Stage::new(PLAIN, workload);
    stage.start();
    stage.run_until(250);
    stage.step(Input::Command(ProducerCommand::SetPaused { paused: true }));
    stage.run_until(1_000);
    assert_eq!(stage.log(0), "0 1 2");
    stage.step(Input::Command(ProducerCommand::SetPaused { paused: false }));
    stage.step(Input::Command(ProducerCommand::SetRate { percent: 200 }));
    stage.run_until(1_100);
    assert_eq!(stage.log(0), "0 1 2 3 4");
}

#[test]
fn commands_are_written_as_files_have_them() {
    let json =
        r#"{"send_record":{"topic":"t","partition":null,"key":"k","value":"v","headers":[["h","x"]]}}"#;
    let command: ProducerCommand = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_string(&command).unwrap(), json);
}

#[test]
fn a_dead_broker_is_left_for_the_new_leader() {
    let mut stage = stage("{}");
    stage.cluster.down.insert(1);
    stage.cut(1);
    stage.send(&["a"]);
    stage.run_until(500);
    stage.cluster.leaders = vec![(2, 1)];
    stage.run_until(2_000);
    check(
        &stage,
        expect![[r#"
            00:00.113 metadata: 2 brokers
            00:00.198 metadata: 2 brokers
            00:00.301 metadata: 2 brokers
            00:00.453 metadata: 2 brokers
            00:00.833 metadata: 2 brokers
            00:00.833 sent t-0: 1, attempt 1
            00:00.835 acknowledged t-0: 1 at 1
            log: 0 a
        "#]],
    );
}

#[test]
fn a_batch_expires_and_the_next_one_gets_a_new_epoch() {
    let mut stage = stage(r#"{"request.timeout.ms": 1000, "delivery.timeout.ms": 1500}"#);
    stage.cluster.faults.extend([Fault::Silence, Fault::Silence]);
    stage.send(&["a"]);
    stage.run_until(3_000);
    stage.send(&["b"]);
    stage.run_until(4_000);
    assert_eq!(stage.producer.producer_id().map(|id| id.epoch), Some(1));
    check(
        &stage,
        expect![[r#"
            00:00.105 sent t-0: 1, attempt 1
            00:01.105 retries t-0: 1 after 100 ms, REQUEST_TIMED_OUT
            00:01.109 metadata: 2 brokers
            00:01.207 sent t-0: 1, attempt 2
            00:01.600 failed t-0: 1, REQUEST_TIMED_OUT
            00:02.209 metadata: 2 brokers
            00:03.007 sent t-0: 1, attempt 1
            00:03.009 acknowledged t-0: 1 at 1
            log: 0 b
        "#]],
    );
}

#[test]
fn nobody_acknowledges_with_acks_0() {
    let mut stage = stage(r#"{"acks": 0, "enable.idempotence": false}"#);
    stage.send(&["a"]);
    stage.run_until(105);
    assert_eq!(stage.producer.in_flight(), 0);
    stage.run_until(200);
    check(
        &stage,
        expect![[r#"
        00:00.105 sent t-0: 1, attempt 1
        00:00.105 acknowledged t-0: 1 at -1
        log: 0 a
    "#]],
    );
}

#[test]
fn a_batch_too_large_for_the_broker_is_split() {
    let mut stage = stage("{}");
    stage.cluster.max_message_bytes = 100;
    stage.send(&["aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc", "dddddddddd", "eeeeeeeeee"]);
    stage.run_until(2_000);
    check(
        &stage,
        expect![[r#"
        00:00.105 sent t-0: 5, attempt 1
        00:00.107 retries t-0: 5 after 0 ms, MESSAGE_TOO_LARGE
        00:00.107 sent t-0: 2, attempt 1
        00:00.109 acknowledged t-0: 2 at 1
        00:00.109 sent t-0: 2, attempt 1
        00:00.111 acknowledged t-0: 2 at 3
        00:00.111 sent t-0: 1, attempt 1
        00:00.113 acknowledged t-0: 1 at 5
        log: 0 aaaaaaaaaa bbbbbbbbbb cccccccccc dddddddddd eeeeeeeeee
    "#]],
    );
}

#[test]
fn a_send_blocks_for_unknown_topics_and_gives_up() {
    let workload = r#"{"sources": [{"topic": "u", "every_ms": 100}]}"#;
    let mut stage = Stage::new(r#"{"max.block.ms": 1000}"#, workload);
    stage.start();
    stage.run_until(500);
    assert_eq!(stage.producer.blocked_sends(), 1);
    stage.run_until(1_050);
    check(
        &stage,
        expect![[r#"
        00:00.004 metadata: 2 brokers
        00:00.107 metadata: 2 brokers
        00:00.306 metadata: 2 brokers
        00:00.687 metadata: 2 brokers
        00:01.000 error REQUEST_TIMED_OUT: topic u not in metadata after 1000 ms
        log: 
    "#]],
    );
}

#[test]
fn a_send_blocks_while_memory_is_short() {
    let config = r#"{"buffer.memory": 200, "batch.size": 100, "linger.ms": 0, "enable.idempotence": false}"#;
    let workload = r#"{"sources": [{"topic": "t", "count": 4, "burst": 4, "start_ms": 100,
        "value": "{n} and so on and so on and so on"}]}"#;
    let mut stage = Stage::new(config, workload);
    stage.start();
    stage.send(&["0"]);
    stage.run_until(99);
    stage.story.clear();
    stage.run_until(1_000);
    assert_eq!(stage.producer.buffered_bytes(), 0);
    check(
        &stage,
        expect![[r#"
        00:00.100 sent t-0: 1, attempt 1
        00:00.102 acknowledged t-0: 1 at 1
        00:00.102 sent t-0: 1, attempt 1
        00:00.104 acknowledged t-0: 1 at 2
        00:00.104 sent t-0: 1, attempt 1
        00:00.106 acknowledged t-0: 1 at 3
        00:00.106 sent t-0: 1, attempt 1
        00:00.108 acknowledged t-0: 1 at 4
        log: 0 0 and so on and so on and so on 1 and so on and so on and so on 2 and so on and so on and so on 3 and so on and so on and so on
    "#]],
    );
}

#[test]
fn awaiting_each_record_sends_them_one_by_one() {
    let workload = r#"{"sources": [{"topic": "t", "count": 3, "start_ms": 100, "await_each": true}]}"#;
    let mut stage = Stage::new(PLAIN, workload);
    stage.start();
    stage.send(&["first"]);
    stage.run_until(99);
    stage.story.clear();
    stage.run_until(1_000);
    check(
        &stage,
        expect![[r#"
        00:00.105 sent t-0: 1, attempt 1
        00:00.107 acknowledged t-0: 1 at 1
        00:00.112 sent t-0: 1, attempt 1
        00:00.114 acknowledged t-0: 1 at 2
        00:00.119 sent t-0: 1, attempt 1
        00:00.121 acknowledged t-0: 1 at 3
        log: first 0 1 2
    "#]],
    );
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let play = || {
        let workload =
            r#"{"sources": [{"topic": "t", "every_ms": 3, "jitter_percent": 50, "keys": ["a", "b", null]}]}"#;
        let mut stage = Stage::new("{}", workload);
        stage.tell_frames = true;
        stage.cluster.leaders = vec![(1, 0), (2, 0), (1, 0)];
        stage.cluster.faults.extend([
            Fault::Fine,
            Fault::WriteAndClose,
            Fault::Error(ErrorCode::NotEnoughReplicas),
            Fault::Garbage,
        ]);
        stage.start();
        stage.run_until(1_000);
        (stage.story.clone(), stage.cluster.logs.clone(), stage.producer.clone())
    };
    let (first, second) = (play(), play());
    assert_eq!(first.0, second.0);
    assert_eq!(first.1, second.1);
    assert!(first.2 == second.2);
    assert!(first.2.totals().acknowledged > 250, "{:?}", first.2.totals());
    // Idempotence: every record once, in the order of its partition.
    let mut all: Vec<u32> = Vec::new();
    for log in first.1.values() {
        let numbers: Vec<u32> = log.iter().filter_map(|value| value.parse().ok()).collect();
        assert!(numbers.is_sorted(), "{numbers:?}");
        all.extend(numbers);
    }
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len() as u64, first.1.values().map(|log| log.len() as u64).sum::<u64>());
}

#[test]
fn whatever_goes_wrong_an_idempotent_producer_writes_each_record_once_and_in_order() {
    let config = r#"{"linger.ms": 1, "request.timeout.ms": 300}"#;
    let workload = r#"{"sources": [{"topic": "t", "every_ms": 7, "jitter_percent": 90, "count": 300}]}"#;
    let expected: Vec<String> = (0..300).map(|number| number.to_string()).collect();
    for seed in 0..100 {
        let mut stage = Stage::new(config, workload);
        stage.reseed(seed);
        stage.random_faults(60);
        stage.start();
        stage.run_until(100_000);
        assert_eq!(stage.log(0), expected.join(" "), "seed {seed}:\n{}", stage.story);
        assert_eq!(stage.producer.totals().acknowledged, 300, "seed {seed}:\n{}", stage.story);
        assert_eq!((stage.producer.in_flight(), stage.producer.buffered_bytes()), (0, 0));
    }
}

#[test]
fn keys_stay_with_their_partition_and_the_rest_moves_on_with_a_full_batch() {
    let config = r#"{"batch.size": 100, "linger.ms": 0}"#;
    let workload = r#"{"sources": [
        {"topic": "t", "every_ms": 10, "count": 20, "keys": ["N", "S", "W"], "value": "{key}"},
        {"topic": "t", "every_ms": 10, "start_ms": 300, "count": 20, "value": "-"}]}"#;
    let mut stage = Stage::new(config, workload);
    stage.cluster.leaders = vec![(1, 0), (2, 0), (1, 0), (2, 0)];
    stage.start();
    stage.run_until(1_000);
    let logs: Vec<String> = (0..4).map(|partition| stage.log(partition)).collect();
    expect![[r#"
        N W N W N W N W N W N W N - - - - - - - - - - - -
        S S S S S S S - - - - -

        - - -"#]]
    .assert_eq(&logs.join("\n"));
}

/// Where records without a key go while one of two brokers is away: how many of them wait for each.
fn with_a_broker_away(config: &str) -> (usize, usize) {
    let mut stage = Stage::new(config, NO_WORKLOAD);
    stage.cluster.leaders = vec![(1, 0), (2, 0)];
    stage.start();
    for round in 0..400 {
        if round == 50 {
            stage.cluster.down.insert(2);
            stage.cut(2);
        }
        stage.send(&["0123456789012345678901234567890123456789"]);
        stage.run_until(100 + 10 * round);
    }
    let written = |partition| stage.log(partition).split_whitespace().count();
    (written(0), 400 - written(0) - written(1))
}

#[test]
fn partitions_with_long_queues_are_chosen_less_often() {
    let adaptive = r#"{"batch.size": 150, "enable.idempotence": false}"#;
    let uniform = adaptive.replace('}', r#", "partitioner.adaptive.partitioning.enable": false}"#);
    let strict = adaptive.replace('}', r#", "partitioner.availability.timeout.ms": 100}"#);
    let found = [adaptive, &uniform, &strict].map(with_a_broker_away);
    // Written to the partition that is there; waiting for the other.
    expect!["adaptive (343, 39), uniform (178, 204), by availability (379, 3)"].assert_eq(&format!(
        "adaptive {:?}, uniform {:?}, by availability {:?}",
        found[0], found[1], found[2]
    ));
}
