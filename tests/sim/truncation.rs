//! How followers truncate, and what became of logs when they did it by their high watermarks: KIP-101's
//! second scenario, *replica divergence on restart after multiple hard failures*.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use std::sync::Arc;

use terrarium::client::consumer::OffsetReset;
use terrarium::protocol::TopicPartition;
use terrarium::sim::{ClientKind, Command, Run};
use terrarium::trace::Event;

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

/// An unclean leader takes over from one that was alone in sync for long. The second consumer of the
/// group goes on, under another policy, where the first has stopped.
fn unclean(reset: OffsetReset) -> Run {
    let script = vec![
        (4_000, Command::Cut { a: "broker-1".into(), b: "broker-2".into() }),
        (15_000, Command::Stop { node: "billing-1".into(), membership: Default::default() }),
        (20_000, kill("broker-1")),
    ];
    let mut setup = setup(&Plan { script, count: 5_000, ..Plan::default() });
    let world = Arc::make_mut(&mut setup);
    Arc::make_mut(&mut world.cluster.config).set_any("replica.lag.time.max.ms", "3000").unwrap();
    let topic = &mut world.cluster.topics[0];
    (topic.partitions, topic.replication_factor, topic.assignments) = (1, 2, vec![vec![1, 2]]);
    for (name, value) in [("min.insync.replicas", "1"), ("unclean.leader.election.enable", "true")] {
        topic.configs.insert(name.into(), value.into());
    }
    let ClientKind::Consumer(config, _) = &mut world.clients[2].kind else { panic!("no consumer") };
    Arc::make_mut(config).auto_offset_reset = reset;
    world.clients[2].start = seconds(16);
    let mut run = Run::new(setup);
    run.play_until(seconds(40), u64::MAX);
    let violations = &run.world().summary().violations;
    assert!(violations.iter().any(|it| it.invariant == "lost write"));
    assert!(violations.iter().all(|it| it.excuse.is_some()), "{violations:?}");
    run
}

/// Where the new leader's epoch begins.
fn parting(run: &Run) -> i64 {
    let log = run.world().replica_log(2, &TopicPartition::new("orders", 0)).expect("a replica");
    log.leader_epochs().entries().last().expect("an epoch").start_offset
}

#[test]
fn a_consumer_goes_back_to_where_the_logs_part() {
    let run = unclean(OffsetReset::Latest);
    let back = run.branch().trace().iter().find_map(|entry| match &entry.event {
        Event::PositionSet { offset, by: "log truncation", .. } => Some(*offset),
        _ => None,
    });
    assert_eq!(back, Some(parting(&run)));
    let read_on = run.branch().trace().iter().filter(|entry| entry.time > seconds(30));
    assert!(read_on.into_iter().any(|entry| matches!(entry.event, Event::RecordsConsumed { .. })));
}

#[test]
fn a_consumer_without_a_reset_policy_tells_its_application_that_the_log_was_truncated() {
    let run = unclean(OffsetReset::None);
    let told = run.branch().trace().iter().find_map(|entry| match &entry.event {
        Event::ClientError { detail, .. } if detail.contains("truncated") => Some(detail.to_string()),
        _ => None,
    });
    let told = told.expect("an error");
    assert!(told.starts_with("the log of orders-0 was truncated before offset "), "{told}");
    assert!(told.ends_with(&format!("it parts from what was read at offset {}", parting(&run))), "{told}");
}
