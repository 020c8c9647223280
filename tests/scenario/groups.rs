//! What the gallery's consumer groups do.

use terrarium::sim::{Summary, Violation};

use crate::gallery::play;

fn group<'a>(summary: &'a Summary, id: &str) -> impl Fn(&str) -> usize + 'a {
    let group = summary.groups.iter().find(|group| group.id == id).unwrap_or_else(|| panic!("{summary}"));
    assert_eq!(group.state, "Stable", "{summary}");
    move |client| {
        let member = group.members.iter().find(|member| member.client == client);
        member.map_or(0, |member| member.assignment.values().map(Vec::len).sum())
    }
}

#[test]
fn the_greeting_is_printed_once() {
    let summary = play("hello", None, |_| false).summary;
    assert_eq!(summary.records.consumed, 1, "{summary}");
    assert_eq!(group(&summary, "printers")("printers-1"), 3);
}

#[test]
fn both_groups_read_all_rider_updates() {
    let summary = play("rider-updates", None, |_| false).summary;
    let dashboards = group(&summary, "dashboards");
    assert_eq!((dashboards("dashboards-1"), dashboards("dashboards-2")), (1, 1));
    assert_eq!(group(&summary, "billing")("billing-1"), 2);
    let records = summary.records;
    // The last ones may still be on their way.
    assert!(records.consumed + 10 >= 2 * records.committed && records.consumed <= 2 * records.committed);
}

#[test]
fn every_batch_is_read() {
    for id in ["write-intensive", "write-intensive-unbatched"] {
        let summary = play(id, None, |_| false).summary;
        assert_eq!(summary.records.consumed, 1_000, "{id}: {summary}");
    }
}

#[test]
fn of_the_workers_one_is_left_with_all_partitions() {
    let summary = play("group-of-three", None, |_| false).summary;
    let workers = summary.groups.iter().find(|group| group.id == "workers").unwrap();
    // By its partitions: a consumer added on the way may carry the first one's client.id.
    let owned: Vec<usize> =
        workers.members.iter().map(|member| member.assignment.values().map(Vec::len).sum()).collect();
    assert_eq!((workers.state.as_str(), owned), ("Stable", vec![6]), "{summary}");
    assert!(summary.records.consumed >= summary.records.committed * 9 / 10, "{summary}");
    let violations: &[Violation] = &summary.violations;
    assert_eq!(violations, []);
}
