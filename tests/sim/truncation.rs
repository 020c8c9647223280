//! How followers truncate, and what became of logs when they did it by their high watermarks: KIP-101's
//! second scenario, *replica divergence on restart after multiple hard failures*.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use std::sync::Arc;

use terrarium::protocol::TopicPartition;
use terrarium::sim::{Command, Run};

use crate::worlds::{Plan, kill, restart, seconds, setup};

/// Two replicas lose their power. The one whose disk has lost everything is back first, leads, and takes
/// new records; the other still has the old ones at the same offsets.
fn world(by_high_watermark: bool) -> Run {
    let power_loss = |node: &str| Command::PowerLoss { node: node.into() };
    let script = vec![
        (900, Command::SlowDisk { node: "broker-1".into(), flush_ms: Some(60_000) }),
        (12_000, power_loss("broker-2")),
        (14_000, power_loss("broker-1")),
        (26_000, restart("broker-1")),
        (36_000, restart("broker-2")),
        (45_000, kill("broker-1")),
    ];
    let producer = r#"{"request.timeout.ms": 3000, "batch.size": 1}"#;
    let mut setup = setup(&Plan { script, producer, count: 5_000, consumers: 0, ..Plan::default() });
    let topic = &mut Arc::make_mut(&mut setup).cluster.topics[0];
    (topic.partitions, topic.replication_factor, topic.assignments) = (1, 2, vec![vec![1, 2]]);
    for (name, value) in [
        ("min.insync.replicas", "1"),
        ("flush.messages", "1"),
        ("history.truncate.by.high.watermark", if by_high_watermark { "true" } else { "false" }),
    ] {
        topic.configs.insert(name.into(), value.into());
    }
    let mut run = Run::new(setup);
    run.play_until(seconds(44), u64::MAX);
    run
}

/// How many of the offsets that both replicas have hold different records.
fn differing(run: &Run) -> usize {
    let at = TopicPartition::new("orders", 0);
    let log = |broker| run.world().replica_log(broker, &at).expect("a replica");
    let end = log(1).log_end_offset().min(log(2).log_end_offset());
    let crc = |broker, offset| log(broker).batch_at(offset).map(|batch| (batch.base_offset(), batch.crc()));
    assert!(end > 100, "both have records: {end}");
    (0..end).filter(|offset| crc(1, *offset) != crc(2, *offset)).count()
}

fn changed_late(run: &Run) -> usize {
    let violations = &run.world().summary().violations;
    assert!(violations.iter().all(|it| it.excuse.is_some()), "{violations:?}");
    let late = violations.iter().filter(|it| it.t_ms > 45_000);
    late.filter(|it| it.invariant == "committed record changed").count()
}

#[test]
fn by_high_watermark_logs_diverge_and_nobody_notices_until_the_next_leader() {
    let mut run = world(true);
    assert!(differing(&run) > 0);
    run.play_until(seconds(60), u64::MAX);
    assert!(changed_late(&run) > 0);
}

#[test]
fn by_leader_epoch_the_same_logs_are_healed() {
    let mut run = world(false);
    assert_eq!(differing(&run), 0);
    run.play_until(seconds(60), u64::MAX);
    assert_eq!(changed_late(&run), 0);
}
