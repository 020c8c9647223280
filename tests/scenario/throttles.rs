//! A replica that catches up under a throttle takes its time.

use terrarium::trace::{Event, Role};

use crate::gallery::play;

#[test]
fn a_throttled_replica_catches_up_later_and_does_not_take_more_than_its_share() {
    let shown = play("throttled-catch-up", None, |event| {
        matches!(
            event,
            Event::PartitionChanged { .. }
                | Event::ReplicationThrottled { .. }
                | Event::RecordsAppended { role: Role::Follower, .. }
        )
    });
    assert_eq!(shown.summary.violations, []);
    let back = |topic: &str| {
        let changes = shown.events.iter().filter_map(|(t_ms, event)| match event {
            Event::PartitionChanged { at, isr, .. } if &*at.topic == topic && isr.contains(&3) => Some(*t_ms),
            _ => None,
        });
        changes.max().expect("it is in sync again")
    };
    let (free, throttled) = (back("orders-free"), back("orders-throttled"));
    assert!(free < 36_500 && throttled > 42_000, "free at {free} ms, throttled at {throttled} ms");
    let held = shown.events.iter().filter_map(|(t_ms, event)| match event {
        Event::ReplicationThrottled { at, role: Role::Follower } if &*at.topic == "orders-throttled" => {
            Some(*t_ms)
        }
        _ => None,
    });
    let held: Vec<u64> = held.collect();
    assert!(held.len() > 3 && held.iter().all(|t_ms| (35_000..=throttled).contains(t_ms)), "{held:?}");
}

#[test]
fn a_client_over_its_quota_waits_and_loses_nothing() {
    let shown = play("quota-delays", None, |event| matches!(event, Event::ClientThrottled { .. }));
    assert_eq!(shown.summary.violations, []);
    let waits = shown.events.iter().map(|(t_ms, event)| match event {
        Event::ClientThrottled { client, throttle_time_ms, .. } if &**client == "greedy" => {
            (*t_ms, u64::try_from(*throttle_time_ms).expect("a time"))
        }
        event => panic!("{event:?}"),
    });
    let waits: Vec<(u64, u64)> = waits.collect();
    assert!(waits.len() > 3, "{waits:?}");
    let records = shown.summary.records;
    assert_eq!((records.acknowledged, records.duplicated), (1_300, 0), "{records:?}");
    // The last of 1,200 records is sent after 18 seconds: some were delayed by many more.
    let last = waits.last().expect("a wait");
    assert!(last.0 + last.1 > 22_000, "{waits:?}");
}
