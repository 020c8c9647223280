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
