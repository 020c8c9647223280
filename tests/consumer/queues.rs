//! Share groups in whole worlds: records are worked off one by one, whoever dies or is too slow.

use std::collections::BTreeMap;
use std::sync::Arc;

use terrarium::base::{Rng, SimTime};
use terrarium::protocol::TopicPartition;
use terrarium::scenario::{Files, Scenario};
use terrarium::sim::{ShareCounts, Summary, World};
use terrarium::trace::Event;

/// Deliveries of each record, how often it was processed and how often accepted.
type Fates = BTreeMap<(TopicPartition, i64), (i16, u32, u32)>;

const RECORDS: u64 = 400;
const SECONDS: u64 = 110;

/// Three members, two partitions, a record every 20 ms from second 15 to 23; deliveries end after 10.
fn play(seed: u64, mode: &str, app: &str, script: &str) -> (Summary, Fates) {
    let text = format!(
        r#"{{"title": "t", "seed": {seed},
        "cluster": {{"configs": {{"offsets.topic.num.partitions": 1, "group.share.min.record.lock.duration.ms": 1000,
            "group.share.record.lock.duration.ms": 2000, "group.share.min.heartbeat.interval.ms": 500,
            "share.coordinator.state.topic.num.partitions": 1,
            "group.share.delivery.count.limit": 10, "group.share.heartbeat.interval.ms": 500,
            "group.share.min.session.timeout.ms": 4000, "group.share.session.timeout.ms": 4000}}}},
        "topics": [{{"name": "t", "partitions": 2, "replication_factor": 3}}],
        "producers": [{{"name": "shop", "start_ms": 15000,
            "workload": {{"sources": [{{"topic": "t", "every_ms": 20, "count": {RECORDS}, "keys": {{"pattern": "{{n}}"}}}}]}}}}],
        "groups": [{{"id": "g", "consumers": ["a", "b", "c"], "app": {{"topics": ["t"], "process_ms": 25{app}}},
            "configs": {{"group.protocol": "share", "share.acknowledgement.mode": "{mode}", "max.poll.records": 10}}}}],
        "script": [{script}]}}"#
    );
    let scenario = Scenario::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let setup = scenario.build(None, &Files::new()).expect("it builds");
    let mut world = World::new(Arc::new(setup));
    let (mut trace, mut fates) = (Vec::new(), Fates::new());
    while world.next_at().is_some_and(|at| at <= SimTime(SECONDS * 1_000_000)) && world.step(&mut trace) {
        for entry in trace.drain(..) {
            let (at, offsets) = match &entry.event {
                Event::RecordsAcquired { at, offsets, .. }
                | Event::RecordsConsumed { at, offsets }
                | Event::ShareRecordsChanged { at, offsets, .. } => (at, offsets),
                _ => continue,
            };
            for offset in offsets.from..offsets.to {
                let fate = fates.entry((at.clone(), offset)).or_default();
                match &entry.event {
                    Event::RecordsAcquired { delivery, .. } => {
                        assert!(
                            *delivery > fate.0 || *delivery == 1,
                            "{at} {offset}: {delivery} after {}",
                            fate.0
                        );
                        fate.0 = *delivery;
                    }
                    Event::RecordsConsumed { .. } => fate.1 += 1,
                    // By its leader: who comes late, when the record is done, is told no error either.
                    Event::ShareRecordsChanged { reason: "accepted", .. } => fate.2 += 1,
                    _ => {}
                }
            }
        }
    }
    (world.summary(), fates)
}

/// What must be so, whatever happens: every record is accepted, and once; nobody gets one too often.
fn check_promises(name: &str, summary: &Summary, fates: &Fates) -> ShareCounts {
    assert_eq!(summary.violations, [], "{name}: {summary}");
    assert_eq!(summary.records.acknowledged, RECORDS, "{name}: {summary}");
    assert_eq!(fates.len() as u64, RECORDS, "{name}: nothing is skipped: {summary}");
    for ((at, offset), (deliveries, processed, accepted)) in fates {
        assert!(*deliveries <= 10, "{name}: {at} {offset} was delivered {deliveries} times");
        assert!(*processed >= 1, "{name}: {at} {offset} was never processed: {summary}");
        assert!(*accepted <= 1, "{name}: {at} {offset} was accepted {accepted} times");
    }
    summary.shares["g"]
}

#[test]
fn without_trouble_everything_is_delivered_once() {
    for mode in ["implicit", "explicit"] {
        let (summary, fates) = play(1, mode, "", "");
        let counts = check_promises(mode, &summary, &fates);
        let expected = ShareCounts { acquired: RECORDS, accepted: RECORDS, most_deliveries: 1, ..counts };
        assert_eq!((counts, counts.redelivered), (expected, 0), "{mode}: {summary}");
    }
}

#[test]
fn who_dies_with_records_in_hand_leaves_them_to_others() {
    let script = r#"{"at_ms": 19000, "do": "kill", "node": "a"}"#;
    // So slow that everybody always has records in hand.
    let app = r#", "handling": [{"percent": 100, "process_ms": 60}]"#;
    let (summary, fates) = play(1, "explicit", app, script);
    let counts = check_promises("a death", &summary, &fates);
    assert!(counts.redelivered > 0 && counts.most_deliveries >= 2, "{summary}");
    // An answer on its way to the dead is not counted.
    assert!(counts.accepted + 10 >= RECORDS, "{summary}");
}

#[test]
fn a_record_that_nobody_can_process_is_given_up_in_the_end() {
    let app = r#", "handling": [{"key": "7", "then": "release"}, {"key": "9", "then": "reject"}]"#;
    let (summary, fates) = play(1, "explicit", app, "");
    let counts = summary.shares["g"];
    assert_eq!((counts.accepted, counts.released, counts.rejected), (RECORDS - 2, 10, 1), "{summary}");
    assert_eq!((counts.most_deliveries, fates.len() as u64), (10, RECORDS), "{summary}");
}

/// Members die, come back and hang at random, and some records take longer than their lock.
#[test]
fn in_any_trouble_every_record_is_accepted() {
    let (mut late, mut again) = (0, 0);
    for seed in 1..=25 {
        let mut rng = Rng::stream(seed, "trouble");
        let mut script = Vec::new();
        for name in ["a", "b", "c"] {
            let at = 15_500 + rng.below(6_000);
            let (does, undoes) = match rng.below(3) {
                0 => (
                    format!(r#""do": "kill", "node": "{name}""#),
                    format!(r#""do": "restart", "node": "{name}""#),
                ),
                1 => (
                    format!(r#""do": "stop", "node": "{name}""#),
                    format!(r#""do": "restart", "node": "{name}""#),
                ),
                _ => (
                    format!(r#""do": "set_stuck", "consumer": "{name}", "on": true"#),
                    format!(r#""do": "set_stuck", "consumer": "{name}", "on": false"#),
                ),
            };
            script.push(format!(r#"{{"at_ms": {at}, {does}}}"#));
            script.push(format!(r#"{{"at_ms": {}, {undoes}}}"#, at + 1_000 + rng.below(4_000)));
        }
        let app = r#", "handling": [{"percent": 2, "process_ms": 2500}, {"percent": 5, "then": "release"}]"#;
        let (summary, fates) = play(seed, "explicit", app, &script.join(", "));
        let counts = check_promises(&format!("seed {seed}"), &summary, &fates);
        late += counts.lock_timeouts;
        again += counts.redelivered;
    }
    assert!(late > 0 && again > 0, "{late} acknowledgements came too late, {again} records came again");
}
