//! A compacted topic in a world of three brokers.

use std::collections::BTreeMap;
use std::sync::Arc;

use terrarium::client::Workload;
use terrarium::protocol::TopicPartition;
use terrarium::sim::{ClientKind, Run, Setup};
use terrarium::storage::UnifiedLog;
use terrarium::trace::Event;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::worlds::{Plan, kill, restart, seconds, setup};

/// Positions of four lorries, of which the one from the north is sold after eight seconds. Somebody
/// who comes late wants to know where the others are.
fn fleet(plan: &Plan) -> Arc<Setup> {
    let mut setup = (*setup(plan)).clone();
    let topic = &mut setup.cluster.topics[0];
    topic.assignments = vec![vec![1, 2, 3]];
    for (name, value) in [
        ("cleanup.policy", "compact"),
        ("segment.bytes", "4000"),
        ("min.cleanable.dirty.ratio", "0.2"),
        ("delete.retention.ms", "4000"),
    ] {
        topic.configs.insert(name.to_owned(), value.to_owned());
    }
    Arc::make_mut(&mut setup.cluster.config).set_any("log.cleaner.backoff.ms", "1000").unwrap();
    let workload: Workload = serde_json::from_str(
        r#"{"sources": [
            {"topic": "orders", "every_ms": 100, "keys": ["N"], "value": "{n} km", "count": 60},
            {"topic": "orders", "every_ms": 100, "keys": ["N"], "value": null, "count": 1, "start_ms": 7000},
            {"topic": "orders", "every_ms": 50, "keys": ["S", "E", "W"], "value": "{n} km", "count": 600}
        ]}"#,
    )
    .unwrap();
    for client in &mut setup.clients {
        match &mut client.kind {
            ClientKind::Producer(_, app) => *app = Arc::new(workload.clone()),
            ClientKind::Consumer(..) => client.start = seconds(40),
        }
    }
    Arc::new(setup)
}

/// What a reader from the beginning ends with.
fn last_values(log: &UnifiedLog) -> BTreeMap<String, Option<String>> {
    let text = |bytes: bytes::Bytes| String::from_utf8_lossy(&bytes).into_owned();
    let records = log.batches_from(0).flat_map(|batch| batch.records()).map(Result::unwrap);
    records.map(|record| (record.key.map(text).unwrap_or_default(), record.value.map(text))).collect()
}

fn logs(run: &Run) -> Vec<&UnifiedLog> {
    let at = TopicPartition::new("orders", 0);
    (1..=3).map(|broker| run.world().replica_log(broker, &at).unwrap()).collect()
}

#[test]
fn a_compacted_topic_keeps_the_last_value_of_every_key() {
    let script = vec![(12_000, kill("broker-1")), (20_000, restart("broker-1"))];
    let plan = Plan { consumers: 1, script, ..Plan::default() };
    let mut run = Run::new(fleet(&plan));
    run.play_until(seconds(11), u64::MAX);
    for log in logs(&run) {
        assert_eq!(last_values(log).get("N"), Some(&None), "the tombstone is still there to be seen");
    }
    run.play_until(seconds(60), u64::MAX);
    let summary = run.world().summary();
    assert_eq!(summary.violations, []);
    assert_eq!(summary.records.acknowledged, 661, "{summary}");
    let value = |text: &str| Some(text.to_owned());
    let expected: BTreeMap<_, _> = [("E", "598 km"), ("S", "597 km"), ("W", "599 km")]
        .map(|(key, text)| (key.into(), value(text)))
        .into();
    let fetched = run.branch().trace().iter().filter_map(|entry| match &entry.event {
        Event::RecordsFetched { offsets, .. } => Some(offsets.to),
        _ => None,
    });
    assert_eq!(fetched.max(), Some(661), "the late reader comes to the end");
    for (log, broker) in logs(&run).into_iter().zip(1..) {
        assert_eq!(last_values(log), expected, "broker {broker}: the tombstone is gone, the rest is there");
        assert_eq!((log.log_start_offset(), log.log_end_offset()), (0, 661));
        let kept: usize = log.batches_from(0).map(|batch| batch.records().count()).sum();
        assert!(kept < 300, "broker {broker} keeps {kept} of 661 records");
        let cleanings = run.branch().trace().iter().filter(|entry| {
            entry.node.0 == broker && matches!(entry.event, Event::LogCleaned { replaced: 1.., .. })
        });
        assert!(cleanings.count() > 1, "broker {broker} compacts its own log");
    }
    let buried = run.branch().trace().iter().any(|entry| {
        matches!(&entry.event, Event::LogCleaned { tombstones: 1, .. }) && entry.time >= seconds(12)
    });
    assert!(buried, "delete.retention.ms after it was first cleaned");
}
