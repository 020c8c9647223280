//! What the world does, told as stories.

use terrarium::base::SimTime;
use terrarium::protocol::TopicPartition;
use terrarium::sim::Command;
use terrarium::trace::Event;
use terrarium::view::inspector::inspect_batch;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::worlds::{Plan, kill, play, restart, seconds};

#[test]
fn records_are_appended_replicated_committed_and_consumed() {
    let run = play(&Plan::default(), seconds(12));
    let summary = run.world().summary();
    assert_eq!(summary.violations, []);
    let r = summary.records;
    assert_eq!((r.produced, r.acknowledged, r.committed, r.consumed), (200, 200, 200, 200), "{summary}");
    assert_eq!((r.lost, r.duplicated), (0, 0));
    let group = &summary.groups[0];
    assert_eq!((group.id.as_str(), group.state.as_str(), group.members.len()), ("billing", "Stable", 2));
    assert!(group.offsets.iter().all(|offset| offset.lag == 0), "{summary}");
}

#[test]
fn records_pass_through_every_codec() {
    for (codec, producer) in [
        ("gzip", r#"{"compression.type": "gzip", "linger.ms": 200}"#),
        ("snappy", r#"{"compression.type": "snappy", "linger.ms": 200}"#),
        ("lz4", r#"{"compression.type": "lz4", "linger.ms": 200}"#),
        ("zstd", r#"{"compression.type": "zstd", "linger.ms": 200}"#),
    ] {
        let run = play(&Plan { producer, ..Plan::default() }, seconds(12));
        let summary = run.world().summary();
        assert_eq!(summary.violations, [], "{codec}");
        let r = summary.records;
        assert_eq!((r.produced, r.committed, r.consumed), (200, 200, 200), "{codec}: {summary}");
        let at = TopicPartition::new("orders", 0);
        let batch = run.world().replica_log(3, &at).unwrap().batch_at(0).unwrap();
        assert_eq!(batch.compression().to_string(), codec);
        assert!(batch.count() > 1 && batch.is_crc_valid());
        let fields = inspect_batch(run.world(), 3, &at, 0).unwrap();
        assert_eq!(fields.records.len(), batch.count() as usize, "the inspector opens it");
        assert!(fields.fields.iter().any(|field| field.name == "record 1"));
    }
}

#[test]
fn the_leader_dies_and_nothing_acknowledged_is_lost() {
    let script = vec![(2_500, kill("broker-1")), (25_000, restart("broker-1"))];
    let run = play(&Plan { script, count: 1_000, ..Plan::default() }, seconds(60));
    let summary = run.world().summary();
    assert_eq!(summary.violations, []);
    assert_eq!((summary.records.acknowledged, summary.records.lost), (1_000, 0), "{summary}");
    let orders = summary.topics.iter().find(|topic| topic.name == "orders").unwrap();
    let first = &orders.partitions[0];
    assert_eq!(first.leader, 2, "the next replica in line leads");
    assert_eq!(first.leader_epoch, 1);
    let mut isr = first.isr.clone();
    isr.sort_unstable();
    assert_eq!(isr, [1, 2, 3], "the old leader is back in sync");
}

#[test]
fn below_the_minimum_isr_nothing_is_acknowledged() {
    let script = vec![(3_000, kill("broker-2")), (3_100, kill("broker-3"))];
    // What was under way waits until `request.timeout.ms`; what comes after is refused.
    let run = play(&Plan { script, count: 3_000, ..Plan::default() }, seconds(45));
    let summary = run.world().summary();
    assert_eq!(summary.violations, []);
    let refused = run.branch().trace().iter().any(|entry| {
        matches!(&entry.event, Event::BatchRetried { error, .. } if error.name() == "NOT_ENOUGH_REPLICAS")
    });
    assert!(refused, "the producer hears NOT_ENOUGH_REPLICAS");
    assert!(summary.records.acknowledged < summary.records.produced);
}

#[test]
fn a_slow_follower_leaves_the_isr_and_comes_back() {
    let script = vec![
        (3_000, Command::Cut { a: "broker-1".into(), b: "broker-3".into() }),
        (60_000, Command::Heal { a: "broker-1".into(), b: "broker-3".into() }),
    ];
    let run = play(&Plan { script, count: 5_000, ..Plan::default() }, seconds(110));
    assert_eq!(run.world().summary().violations, []);
    let isrs: Vec<Vec<i32>> = run
        .branch()
        .trace()
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::PartitionChanged { at, isr, .. } if &*at.topic == "orders" && at.partition == 0 => {
                let mut isr = isr.clone();
                isr.sort_unstable();
                Some(isr)
            }
            _ => None,
        })
        .collect();
    assert_eq!(isrs, [vec![1, 2], vec![1, 2, 3]]);
}

#[test]
fn a_dead_consumer_is_replaced_after_its_session() {
    let script = vec![(6_000, kill("billing-1"))];
    let run = play(&Plan { script, count: 3_000, ..Plan::default() }, seconds(75));
    let summary = run.world().summary();
    assert_eq!(summary.violations, []);
    let group = &summary.groups[0];
    assert_eq!((group.state.as_str(), group.members.len()), ("Stable", 1), "{summary}");
    assert_eq!(group.members[0].assignment["orders"], [0, 1]);
    assert!(group.offsets.iter().all(|offset| offset.lag == 0), "{summary}");
}

#[test]
fn a_third_consumer_joins_by_command() {
    let script = vec![(6_000, Command::AddConsumer { group: "billing".into(), name: None })];
    let run = play(&Plan { script, count: 1_000, ..Plan::default() }, seconds(30));
    let summary = run.world().summary();
    assert_eq!(summary.violations, []);
    assert_eq!(summary.groups[0].members.len(), 3, "{summary}");
}

#[test]
fn power_loss_takes_what_was_not_flushed_and_replicas_give_it_back() {
    let script = vec![(4_000, Command::PowerLoss { node: "broker-3".into() }), (20_000, restart("broker-3"))];
    let run = play(&Plan { script, count: 500, ..Plan::default() }, seconds(60));
    let summary = run.world().summary();
    assert_eq!(summary.violations, []);
    let lost = run
        .branch()
        .trace()
        .iter()
        .any(|entry| matches!(entry.event, Event::PowerLost { lost_bytes } if lost_bytes > 0));
    assert!(lost, "something was not flushed");
    let (one, three) = (log_end(&run, 1), log_end(&run, 3));
    assert_eq!(one, three, "the follower fetched again what it lost");
}

#[test]
fn a_dropped_response_is_retried_and_idempotence_removes_the_duplicate() {
    let drop = Command::DropNext {
        from: "broker-1".into(),
        to: "shop".into(),
        frame: terrarium::sim::Kind::Response,
        api: Some("Produce".into()),
        count: 1,
    };
    for (producer, duplicated) in [("{}", 0), (r#"{"enable.idempotence":false}"#, 1)] {
        let script = vec![(2_000, drop.clone())];
        let run = play(&Plan { script, producer, ..Plan::default() }, seconds(15));
        let summary = run.world().summary();
        assert_eq!(summary.violations, []);
        assert_eq!(summary.records.duplicated, duplicated, "{summary}");
        assert_eq!(summary.records.acknowledged, 200);
        // Which one it is, is said in words.
        assert_eq!(summary.duplicates.len() as u64, duplicated);
        for found in &summary.duplicates {
            assert_eq!((&*found.topic, &*found.producer, found.records), ("orders", "shop", 1));
            assert_eq!(found.offsets.len(), 2);
            let line = format!(
                "duplicate orders-{} offsets {}: once more what is at {}, sent by shop, key",
                found.partition, found.offsets[1], found.offsets[0]
            );
            assert!(summary.to_string().contains(&line), "{summary}");
        }
    }
}

#[test]
fn refused_commands_change_nothing() {
    let mut run = play(&Plan::default(), seconds(3));
    let before = (run.world().digest(), run.world().steps());
    for (command, why) in [
        (kill("broker-9"), "no node is called 'broker-9'"),
        (restart("broker-1"), "'broker-1' is running"),
        (
            Command::Seek { consumer: "shop".into(), topic: "orders".into(), partition: 0, offset: 0 },
            "'shop' is not a consumer",
        ),
        (
            Command::AddConsumer { group: "nobody".into(), name: None },
            "group 'nobody' has no consumer to copy",
        ),
        (Command::Drop { sent: 1 }, "no frame sent by entry 1 is in flight"),
    ] {
        assert_eq!(run.command(&command).map_err(|e| e.to_string()), Err(why.into()));
    }
    assert_eq!((run.world().digest(), run.world().steps()), before);
}

fn log_end(run: &terrarium::sim::Run, broker: i32) -> Vec<i64> {
    let at = |partition| terrarium::protocol::TopicPartition::new("orders", partition);
    (0..2).map(|p| run.world().replica_log(broker, &at(p)).map_or(-1, |log| log.log_end_offset())).collect()
}

#[test]
fn time_stands_where_it_was_played_to() {
    let run = play(&Plan::default(), SimTime(1_234_567));
    assert_eq!(run.world().now(), SimTime(1_234_567));
}
