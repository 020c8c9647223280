//! Stories of connections, told by a producer without anything to do.

use expect_test::{Expect, expect};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::client::fake::{Fault, Stage};

const IDLE: &str = r#"{"enable.idempotence": false}"#;

fn check(stage: &Stage, expected: Expect) {
    expected.assert_eq(&stage.story);
}

fn stage(config: &str) -> Stage {
    let mut stage = Stage::new(config, "{}");
    stage.tell_frames = true;
    stage
}

#[test]
fn an_older_broker_is_asked_again_in_its_own_version() {
    let mut stage = stage(IDLE);
    stage.cluster.newest_api_versions = 2;
    stage.start();
    stage.run_until(1_000);
    check(
        &stage,
        expect![[r#"
        00:00.000 - connects to broker-1
        00:00.000 - ApiVersions v4 to 1
        00:00.002 - ApiVersions v2 to 1
        00:00.004 - Metadata v13 to 1
        00:00.006 metadata: 2 brokers
    "#]],
    );
}

#[test]
fn waits_between_attempts_to_connect_double() {
    let mut stage = stage(IDLE);
    stage.cluster.down.insert(1);
    stage.start();
    stage.run_until(4_000);
    stage.cluster.down.clear();
    stage.run_until(6_000);
    check(
        &stage,
        expect![[r#"
        00:00.000 - connects to broker-1
        00:00.052 - connects to broker-1
        00:00.153 - connects to broker-1
        00:00.366 - connects to broker-1
        00:00.725 - connects to broker-1
        00:01.492 - connects to broker-1
        00:02.369 - connects to broker-1
        00:03.536 - connects to broker-1
        00:04.631 - connects to broker-1
        00:04.631 - ApiVersions v4 to 1
        00:04.633 - Metadata v13 to 1
        00:04.635 metadata: 2 brokers
    "#]],
    );
}

#[test]
fn metadata_are_refreshed_when_they_are_old() {
    let mut stage = stage(r#"{"enable.idempotence": false, "metadata.max.age.ms": 60000}"#);
    stage.start();
    stage.run_until(130_000);
    check(
        &stage,
        expect![[r#"
        00:00.000 - connects to broker-1
        00:00.000 - ApiVersions v4 to 1
        00:00.002 - Metadata v13 to 1
        00:00.004 metadata: 2 brokers
        01:00.004 - connects to broker-2
        01:00.004 - ApiVersions v4 to 2
        01:00.006 - Metadata v13 to 2
        01:00.008 metadata: 2 brokers
        02:00.008 - Metadata v13 to 2
        02:00.010 metadata: 2 brokers
    "#]],
    );
}

#[test]
fn idle_connections_are_closed() {
    let mut stage = stage(r#"{"enable.idempotence": false, "connections.max.idle.ms": 10000}"#);
    stage.start();
    stage.run_until(30_000);
    check(
        &stage,
        expect![[r#"
        00:00.000 - connects to broker-1
        00:00.000 - ApiVersions v4 to 1
        00:00.002 - Metadata v13 to 1
        00:00.004 metadata: 2 brokers
        00:10.004 - closes a connection
    "#]],
    );
}

#[test]
fn silence_ends_with_the_request_timeout() {
    let mut stage = stage(r#"{"enable.idempotence": false, "request.timeout.ms": 1000}"#);
    stage.start();
    stage.run_until(100);
    stage.cluster.faults.push_back(Fault::Silence);
    stage.send(&["a"]);
    stage.run_until(2_000);
    check(
        &stage,
        expect![[r#"
            00:00.000 - connects to broker-1
            00:00.000 - ApiVersions v4 to 1
            00:00.002 - Metadata v13 to 1
            00:00.004 metadata: 2 brokers
            00:00.100 - connects to broker-2
            00:00.100 - ApiVersions v4 to 2
            00:00.102 - Metadata v13 to 2
            00:00.104 metadata: 2 brokers
            00:00.109 - connects to broker-1
            00:00.109 - ApiVersions v4 to 1
            00:00.111 sent t-0: 1, attempt 1
            00:00.111 - Produce v13 to 1
            00:01.111 retries t-0: 1 after 112 ms, REQUEST_TIMED_OUT
            00:01.111 - closes a connection
            00:01.111 - Metadata v13 to 2
            00:01.113 metadata: 2 brokers
            00:01.223 - connects to broker-1
            00:01.223 - ApiVersions v4 to 1
            00:01.225 sent t-0: 1, attempt 2
            00:01.225 - Produce v13 to 1
            00:01.227 acknowledged t-0: 1 at 0
        "#]],
    );
}

#[test]
fn garbage_ends_the_connection() {
    let mut stage = stage(IDLE);
    stage.start();
    stage.run_until(100);
    stage.cluster.faults.push_back(Fault::Garbage);
    stage.send(&["a"]);
    stage.run_until(2_000);
    check(
        &stage,
        expect![[r#"
            00:00.000 - connects to broker-1
            00:00.000 - ApiVersions v4 to 1
            00:00.002 - Metadata v13 to 1
            00:00.004 metadata: 2 brokers
            00:00.100 - connects to broker-2
            00:00.100 - ApiVersions v4 to 2
            00:00.102 - Metadata v13 to 2
            00:00.104 metadata: 2 brokers
            00:00.109 - connects to broker-1
            00:00.109 - ApiVersions v4 to 1
            00:00.111 sent t-0: 1, attempt 1
            00:00.111 - Produce v13 to 1
            00:00.113 error CORRUPT_MESSAGE: connection to node 1 dropped: the bytes end too early (field topic_id, byte 6)
            00:00.113 retries t-0: 1 after 99 ms, NETWORK_EXCEPTION
            00:00.113 metadata stale: NETWORK_EXCEPTION
            00:00.113 - closes a connection
            00:00.203 - Metadata v13 to 2
            00:00.205 metadata: 2 brokers
            00:00.212 - connects to broker-1
            00:00.212 - ApiVersions v4 to 1
            00:00.214 sent t-0: 1, attempt 2
            00:00.214 - Produce v13 to 1
            00:00.216 acknowledged t-0: 1 at 1
        "#]],
    );
}

#[test]
fn no_damage_on_the_way_stops_a_client_for_good() {
    let workload = r#"{"sources": [{"topic": "t", "every_ms": 50, "keys": ["a", null]}]}"#;
    let config = r#"{"request.timeout.ms": 500, "delivery.timeout.ms": 2000, "max.block.ms": 1000}"#;
    let mut stage = Stage::new(config, workload);
    stage.noise = true;
    stage.cluster.leaders = vec![(1, 0), (2, 0)];
    stage.start();
    stage.run_until(60_000);
    stage.noise = false;
    // What the noise made it believe has to be unlearnt: metadata of a far leader epoch stay.
    stage.start();
    let before = stage.producer.totals().acknowledged;
    stage.run_until(90_000);
    let after = stage.producer.totals().acknowledged;
    assert!(before > 10 && after > before + 500, "{before} then {after}");
}
