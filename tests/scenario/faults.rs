//! The scenarios in which something breaks, or is worked on, show what they say.

use terrarium::scenario::gallery;
use terrarium::sim::Summary;
use terrarium::trace::{Event, Role};

use crate::gallery::{Shown, play};

fn records_of(summary: &Summary) -> (u64, u64) {
    (summary.records.lost, summary.records.duplicated)
}

/// When the first event came that this is true of.
fn first(shown: &Shown, is_it: impl Fn(&Event) -> bool) -> Option<u64> {
    shown.events.iter().find(|(_, event)| is_it(event)).map(|(t_ms, _)| *t_ms)
}

fn topic_is(at: &terrarium::protocol::TopicPartition, topic: &str) -> bool {
    &*at.topic == topic
}

#[test]
fn below_min_isr_nothing_is_acknowledged_until_another_replica_is_back() {
    let shown = play("two-of-three-die", None, |event| {
        matches!(event, Event::BatchAcknowledged { .. } | Event::PartitionChanged { .. })
    });
    let acknowledged = |from, to| {
        let in_time = |(t_ms, event): &&(u64, Event)| {
            (from..to).contains(t_ms) && matches!(event, Event::BatchAcknowledged { .. })
        };
        shown.events.iter().filter(in_time).count()
    };
    assert!(acknowledged(11_500, 15_000) > 10, "two in sync are enough");
    assert_eq!(acknowledged(19_000, 35_000), 0, "one is not");
    assert!(acknowledged(37_000, 60_000) > 80);
    let isrs: Vec<usize> = shown
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::PartitionChanged { at, isr, .. } if topic_is(at, "orders") => Some(isr.len()),
            _ => None,
        })
        .collect();
    assert_eq!(isrs, [2, 1, 2, 3]);
    assert_eq!(records_of(&shown.summary), (0, 0));
}

#[test]
fn who_left_last_has_all_that_was_acknowledged() {
    let leaders = |id: &str| {
        let shown = play(id, None, |event| matches!(event, Event::LeaderElected { .. }));
        let of_orders = shown.events.iter().filter_map(|(t_ms, event)| match event {
            Event::LeaderElected { at, leader, .. } if topic_is(at, "orders") => {
                Some((t_ms / 10_000, *leader))
            }
            _ => None,
        });
        (of_orders.collect::<Vec<_>>(), records_of(&shown.summary))
    };
    assert_eq!(leaders("last-replica"), (vec![(0, 1), (2, -1), (3, 3)], (0, 0)));
    let (elected, (lost, _)) = leaders("last-replica-before-kip-966");
    assert_eq!(elected, [(0, 1), (2, -1), (2, 1)]);
    assert!(lost > 20, "{lost}");
}

#[test]
fn what_only_a_dead_leader_had_is_cut_off_when_it_returns() {
    let shown = play("longer-log", None, |event| matches!(event, Event::LogTruncated { .. }));
    let [(t_ms, Event::LogTruncated { at, offsets, .. })] = &shown.events[..] else {
        panic!("{:?}", shown.events)
    };
    assert!(*t_ms >= 25_000 && topic_is(at, "orders") && offsets.to > offsets.from + 1, "{t_ms} {offsets:?}");
    assert_eq!(records_of(&shown.summary), (0, 0));
}

#[test]
fn of_two_who_think_they_lead_only_one_can_commit() {
    let shown = play("split-network", None, |event| {
        matches!(
            event,
            Event::LeaderElected { .. } | Event::LogTruncated { .. } | Event::RecordsAppended { .. }
        )
    });
    let elected = first(
        &shown,
        |event| matches!(event, Event::LeaderElected { at, leader, .. } if topic_is(at, "orders") && *leader == 2),
    );
    assert!((10_000..13_000).contains(&elected.expect("broker-2 leads")), "{elected:?}");
    let appended_behind = first(
        &shown,
        |event| matches!(event, Event::RecordsAppended { at, role: Role::Leader, leader_epoch: 0, .. } if topic_is(at, "orders")),
    );
    assert!(appended_behind.is_some());
    let truncated = first(&shown, |event| matches!(event, Event::LogTruncated { .. }));
    assert!((24_000..30_000).contains(&truncated.expect("broker-1 gives way")), "{truncated:?}");
    assert_eq!(records_of(&shown.summary), (0, 0));
}

#[test]
fn all_that_a_zombie_leader_acknowledged_is_lost() {
    let mut cut_ms = 0;
    let shown = play("zombie-leader", None, |event| {
        matches!(event, Event::LogTruncated { .. } | Event::BatchAcknowledged { .. })
    });
    let mut gone = 0;
    for (t_ms, event) in &shown.events {
        if let Event::LogTruncated { offsets, .. } = event {
            (cut_ms, gone) = (*t_ms, offsets.to - offsets.from);
        }
    }
    assert!(cut_ms >= 24_000 && gone > 50, "{cut_ms} {gone}");
    assert_eq!(shown.summary.records.lost, gone as u64, "each of them was acknowledged");
    assert!(shown.summary.violations.iter().all(|found| found.invariant == "lost write" && found.expected));
}

#[test]
fn in_a_rolling_upgrade_no_partition_is_ever_without_a_leader() {
    let shown = play("rolling-upgrade", None, |event| {
        matches!(
            event,
            Event::LeaderElected { .. } | Event::NodeStopped | Event::NodeKilled | Event::NodeStarted
        )
    });
    let stops = shown.events.iter().filter(|(_, event)| matches!(event, Event::NodeStopped)).count();
    assert_eq!(stops, 3);
    assert_eq!(first(&shown, |event| matches!(event, Event::NodeKilled)), None);
    let leaderless = |event: &Event| matches!(event, Event::LeaderElected { leader: -1, .. });
    assert_eq!(first(&shown, leaderless), None);
    assert_eq!(records_of(&shown.summary), (0, 0));
    let orders = shown.summary.topics.iter().find(|topic| topic.name == "orders").unwrap();
    let leaders: Vec<i32> = orders.partitions.iter().map(|at| at.leader).collect();
    assert_eq!(leaders, [1, 2, 3], "the preferred ones lead again");
    assert!(shown.summary.records.acknowledged > 850, "{:?}", shown.summary.records);
}

#[test]
fn a_broker_that_cannot_write_ends_and_another_leads() {
    let shown =
        play("disk-fills", None, |event| matches!(event, Event::NodeKilled | Event::LeaderElected { .. }));
    let killed = first(&shown, |event| *event == Event::NodeKilled).expect("it ends");
    assert!((8_000..9_000).contains(&killed), "{killed}");
    let elected = first(
        &shown,
        |event| matches!(event, Event::LeaderElected { at, leader: 2, .. } if topic_is(at, "readings")),
    );
    assert!(elected.is_some_and(|t_ms| (killed + 2_000..killed + 5_000).contains(&t_ms)), "{elected:?}");
    assert_eq!(records_of(&shown.summary), (0, 0));
}

#[test]
fn a_wrong_clock_shows_in_timestamps_and_not_in_the_order() {
    use std::sync::Arc;
    use terrarium::base::{SimTime, ms};
    use terrarium::protocol::TopicPartition;
    use terrarium::scenario::Files;
    use terrarium::sim::World;

    let setup = gallery("wrong-clock").unwrap().unwrap().build(None, &Files::new()).unwrap();
    let mut world = World::new(Arc::new(setup));
    let mut trace = Vec::new();
    while world.next_at().is_some_and(|next| next <= SimTime(ms(25_000))) && world.step(&mut trace) {}
    let falls = |topic: &str| {
        let at = TopicPartition::new(topic, 0);
        let (_, _, broker) = world.brokers().next().unwrap();
        let log = broker.log(&at).unwrap();
        let batches = log.batches_from(0);
        let times: Vec<i64> = batches
            .flat_map(|batch| batch.records().flatten().map(|record| record.timestamp).collect::<Vec<_>>())
            .collect();
        assert!(times.len() > 60, "{topic}: {}", times.len());
        times.windows(2).filter(|pair| pair[1] < pair[0] - 3_000_000).count()
    };
    assert!(falls("orders") > 20, "they jump back an hour again and again");
    assert_eq!(falls("payments"), 0, "the broker's clock is right");
    let sought = trace.iter().find_map(|entry| match &entry.event {
        Event::PositionSet { at, offset, .. } if entry.time.as_ms() > 15_000 && topic_is(at, "orders") => {
            Some(*offset)
        }
        _ => None,
    });
    assert!(sought.is_some_and(|offset| (10..40).contains(&offset)), "{sought:?}");
}

#[test]
fn a_lost_rack_stops_only_what_was_not_spread() {
    let shown = play("rack-lost", None, |event| matches!(event, Event::BatchAcknowledged { .. }));
    let acknowledged = |topic: &str| {
        let in_time = |(t_ms, event): &&(u64, Event)| {
            (12_000..30_000).contains(t_ms)
                && matches!(event, Event::BatchAcknowledged { at, .. } if topic_is(at, topic))
        };
        shown.events.iter().filter(in_time).count()
    };
    assert!(acknowledged("spread") > 60, "{}", acknowledged("spread"));
    assert_eq!(acknowledged("huddled"), 0);
    assert_eq!(records_of(&shown.summary), (0, 0));
    assert!(shown.summary.records.acknowledged > 415, "all in the end: {:?}", shown.summary.records);
}

#[test]
fn what_was_flushed_outlives_a_power_loss_of_everything() {
    let shown = play("power-loss-flushed", None, |event| matches!(event, Event::PowerLost { .. }));
    assert_eq!(shown.events.len(), 4);
    assert_eq!(shown.summary.records.lost, 0);
    assert_eq!(shown.summary.violations, []);
    assert_eq!(shown.summary.records.acknowledged, 120);
}

#[test]
fn a_new_broker_has_partitions_only_when_they_are_moved_to_it() {
    let shown = play("broker-added", None, |event| {
        matches!(
            event,
            Event::BrokerRegistered { .. } | Event::RecordsAppended { .. } | Event::PartitionChanged { .. }
        )
    });
    let registered = first(&shown, |event| matches!(event, Event::BrokerRegistered { broker: 4, .. }));
    assert!((8_000..9_000).contains(&registered.expect("broker 4")), "{registered:?}");
    let partitions = &shown.summary.topics.iter().find(|topic| topic.name == "orders").unwrap().partitions;
    assert_eq!((partitions[0].leader, &partitions[0].replicas[..]), (4, &[4, 2, 3][..]));
    assert_eq!(&partitions[1].replicas[..], [2, 4, 1]);
    // It was in sync before the one that it replaces was taken out.
    let isrs = shown.events.iter().filter_map(|(_, event)| match event {
        Event::PartitionChanged { at, isr, .. } if topic_is(at, "orders") && at.partition == 0 => Some(isr),
        _ => None,
    });
    assert!(isrs.clone().all(|isr| isr.len() >= 3), "{:?}", isrs.collect::<Vec<_>>());
    assert_eq!(records_of(&shown.summary), (0, 0));
}
