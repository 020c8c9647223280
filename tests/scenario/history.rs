//! The old rules of the gallery lose and reorder, and beside them today's do not.

use terrarium::protocol::TopicPartition;
use terrarium::trace::Event;

use crate::gallery::{Shown, play};

/// Every broken promise is called by one of these names, and about this topic.
fn check_broken(shown: &Shown, topic: &str, names: &[&str]) {
    let violations = &shown.summary.violations;
    for name in names {
        assert!(violations.iter().any(|it| it.invariant == *name), "no {name}: {}", shown.summary);
    }
    let as_said = |it: &&terrarium::sim::Violation| {
        it.expected && it.excuse.is_some() && names.contains(&it.invariant) && it.detail.starts_with(topic)
    };
    let others: Vec<_> = violations.iter().filter(|it| !as_said(it)).collect();
    assert!(others.is_empty(), "{others:?}");
}

/// The values of a partition's records, as its leader has them.
fn values(shown: &Shown, leader: i32, topic: &str) -> Vec<String> {
    let log = shown.world.replica_log(leader, &TopicPartition::new(topic, 0)).expect("a replica");
    let records = log.batches_from(0).flat_map(|batch| batch.records().collect::<Vec<_>>());
    let value = |record: terrarium::storage::Record| record.value.expect("a value");
    records.map(|record| String::from_utf8(value(record.expect("it reads")).to_vec()).unwrap()).collect()
}

#[test]
fn truncation_by_the_high_watermark_loses_a_committed_record_and_leader_epochs_do_not() {
    let shown = play("truncation-before-kip-101", None, |event| matches!(event, Event::LogTruncated { .. }));
    check_broken(&shown, "orders-then-0", &["lost write", "committed record changed"]);
    assert_eq!(shown.summary.records.lost, 1, "{}", shown.summary);
    let cut_then = shown.events.iter().find_map(|(t_ms, event)| match event {
        Event::LogTruncated { at, offsets, .. } if &*at.topic == "orders-then" => Some((*t_ms, *offsets)),
        _ => None,
    });
    let (t_ms, offsets) = cut_then.expect("the follower cuts its log");
    assert!((8_100..18_000).contains(&t_ms), "before the second leader dies: {t_ms}");
    assert_eq!(offsets.to - offsets.from, 1);
    let kept = values(&shown, 3, "orders-now");
    assert_eq!(kept.len(), values(&shown, 3, "orders-then").len() + 1);
}

#[test]
fn an_unclean_leader_loses_what_was_acknowledged_and_without_one_the_partition_waits() {
    let shown = play("unclean-election", None, |event| {
        matches!(event, Event::LeaderElected { .. } | Event::PositionSet { .. })
    });
    check_broken(&shown, "orders-goes-on-0", &["lost write", "committed record changed"]);
    let elected = |topic: &str| -> Vec<(u64, i32)> {
        let of_topic = shown.events.iter().filter_map(|(t_ms, event)| match event {
            Event::LeaderElected { at, leader, leader_epoch } if &*at.topic == topic && *leader_epoch > 0 => {
                Some((*t_ms, *leader))
            }
            _ => None,
        });
        of_topic.collect()
    };
    let [(_, 2)] = elected("orders-goes-on")[..] else { panic!("{:?}", elected("orders-goes-on")) };
    let [(from, -1), (to, 1)] = elected("orders-waits")[..] else { panic!("{:?}", elected("orders-waits")) };
    assert!(from < 35_000 && to > 40_000, "no leader from {from} to {to}");
    let back = shown.events.iter().any(|(_, event)| {
        matches!(event, Event::PositionSet { at, by: "log truncation", .. } if &*at.topic == "orders-goes-on")
    });
    assert!(back, "the consumer goes back to where the logs part");
}

#[test]
fn retries_without_idempotence_reorder_and_repeat_and_sequence_numbers_do_not() {
    let shown = play("retries-reorder", None, |_| false);
    check_broken(&shown, "steps-careless-0", &["reordered"]);
    let number = |value: &String| value.strip_prefix("step ").and_then(|n| n.parse::<u32>().ok()).unwrap();
    let careless: Vec<u32> = values(&shown, 1, "steps-careless").iter().map(number).collect();
    let careful: Vec<u32> = values(&shown, 1, "steps-careful").iter().map(number).collect();
    assert!(!careless.is_sorted(), "{careless:?}");
    let mut once = careless.clone();
    once.sort_unstable();
    once.dedup();
    assert!(once.len() < careless.len(), "some steps came twice: {careless:?}");
    assert!(careful.is_sorted_by(|a, b| a + 1 == *b) && careful.len() > 90, "{careful:?}");
}
