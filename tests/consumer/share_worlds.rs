//! Share groups in whole worlds: every record is accepted by somebody, whoever dies meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use terrarium::base::{FrameKind, SimTime};
use terrarium::protocol::{ApiKey, TopicPartition};
use terrarium::scenario::{Files, Scenario};
use terrarium::sim::World;
use terrarium::trace::Event;

/// What the leaders said of records, from the script's world.
#[derive(Debug, Default)]
struct Told {
    acquired: u64,
    accepted: BTreeSet<(i32, i64)>,
    accepted_again: u64,
    reasons: BTreeMap<&'static str, u64>,
    most_deliveries: i16,
}

/// Two members share two partitions, into which a thousand records are written from second 15 on.
fn play(configs: &str, app: &str, script: &str) -> (World, Told) {
    let text = format!(
        r#"{{"title": "t", "topics": [{{"name": "t", "partitions": 2, "replication_factor": 3}}],
        "cluster": {{"brokers": 3, "configs": {{"offsets.topic.num.partitions": 1,
            "share.coordinator.state.topic.num.partitions": 2{configs}}}}},
        "producers": [{{"name": "shop", "start_ms": 15000, "configs": {{"acks": "all"}},
            "workload": {{"sources": [{{"topic": "t", "every_ms": 20, "count": 1000, "keys": {{"pattern": "{{n}}"}}}}]}}}}],
        "groups": [{{"id": "g", "consumers": ["a", "b"], "app": {{"topics": ["t"]{app}}},
            "configs": {{"group.protocol": "share"}}}}],
        "script": [{script}]}}"#
    );
    let scenario = Scenario::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let setup = scenario.build(None, &Files::new()).expect("it builds");
    let mut world = World::new(Arc::new(setup));
    let (mut trace, mut told) = (Vec::new(), Told::default());
    while world.next_at().is_some_and(|at| at <= SimTime(120_000_000)) && world.step(&mut trace) {
        for entry in trace.drain(..) {
            let Event::ShareRecordsChanged { at, offsets, delivery_count, reason, .. } = entry.event else {
                continue;
            };
            let count = (offsets.to - offsets.from) as u64;
            *told.reasons.entry(reason).or_default() += count;
            told.most_deliveries = told.most_deliveries.max(delivery_count);
            match reason {
                "acquired" => told.acquired += count,
                "accepted" => {
                    for offset in offsets.from..offsets.to {
                        told.accepted_again += u64::from(!told.accepted.insert((at.partition, offset)));
                    }
                }
                _ => {}
            }
        }
    }
    let summary = world.summary();
    assert_eq!(summary.violations, [], "{summary}");
    assert_eq!(summary.records.acknowledged, 1_000, "{summary}");
    (world, told)
}

#[test]
fn in_peace_every_record_is_delivered_and_accepted_once() {
    let (world, told) = play("", "", "");
    assert_eq!((told.accepted.len(), told.accepted_again, told.acquired), (1_000, 0, 1_000), "{told:?}");
    // Whatever leads knows that it is done.
    for (_, _, broker) in world.brokers() {
        for (group, at, share) in broker.share_partitions() {
            let end = broker.log(at).map_or(-1, |log| log.high_watermark());
            assert_eq!((group, share.start_offset()), ("g", end), "{at}");
        }
    }
}

#[test]
fn a_member_that_dies_leaves_its_records_to_the_other() {
    let script = r#"{"at_ms": 20000, "do": "kill", "node": "a"}"#;
    let (_, told) = play("", r#", "process_ms": 2"#, script);
    assert_eq!((told.accepted.len(), told.accepted_again), (1_000, 0), "{told:?}");
}

#[test]
fn a_leader_that_dies_is_followed_by_one_that_knows_what_was_accepted() {
    for node in ["broker-1", "broker-2", "broker-3"] {
        let script = format!(
            r#"{{"at_ms": 20000, "do": "kill", "node": "{node}"}}, {{"at_ms": 40000, "do": "restart", "node": "{node}"}}"#
        );
        let (_, told) = play("", "", &script);
        assert_eq!(told.accepted.len(), 1_000, "{node}: {told:?}");
        // What was acknowledged but not answered may come again.
        assert!(told.accepted_again <= 100, "{node}: {told:?}");
    }
}

#[test]
fn a_slow_application_loses_its_locks_and_records_are_given_up_in_the_end() {
    let configs = r#", "group.share.min.record.lock.duration.ms": 1000,
        "group.share.record.lock.duration.ms": 1000, "group.share.delivery.count.limit": 2"#;
    let (_, told) = play(configs, r#", "process_ms": 300"#, "");
    assert_eq!(told.most_deliveries, 2, "{told:?}");
    assert!(told.reasons.get("lock timed out").is_some_and(|count| *count > 0), "{told:?}");
    assert!(told.reasons.get("delivery count limit").is_some_and(|count| *count > 0), "{told:?}");
}

#[test]
fn states_that_snapshots_have_made_needless_are_deleted_and_nobody_misses_them() {
    let configs = r#", "share.coordinator.snapshot.update.records.per.snapshot": 4,
        "share.coordinator.state.topic.prune.interval.ms": 3000"#;
    let script = r#"{"at_ms": 30000, "do": "kill", "node": "broker-2"}, {"at_ms": 50000, "do": "restart", "node": "broker-2"}"#;
    let (world, told) = play(configs, "", script);
    assert_eq!(told.accepted.len(), 1_000, "{told:?}");
    let starts: Vec<i64> = world
        .brokers()
        .flat_map(|(_, _, broker)| {
            (0..2).filter_map(|p| broker.log(&TopicPartition::new("__share_group_state", p)))
        })
        .map(|log| log.log_start_offset())
        .collect();
    assert!(starts.iter().any(|start| *start > 20), "{starts:?}");
}

#[test]
fn share_coordinators_are_asked_about_many_partitions_at_once() {
    let text = r#"{"title": "t", "topics": [{"name": "t", "partitions": 30, "replication_factor": 3}],
        "cluster": {"brokers": 3, "configs": {"offsets.topic.num.partitions": 1}},
        "groups": [{"id": "g", "consumers": ["a"], "app": {"topics": ["t"]}, "configs": {"group.protocol": "share"}}]}"#;
    let setup = Scenario::parse(text).expect("it reads").build(None, &Files::new()).expect("it builds");
    let mut world = World::new(Arc::new(setup));
    let mut trace = Vec::new();
    let mut asked = BTreeMap::new();
    while world.next_at().is_some_and(|at| at <= SimTime(20_000_000)) && world.step(&mut trace) {
        for entry in trace.drain(..) {
            if let Event::Sent { frame, .. } = &entry.event
                && frame.info.kind == FrameKind::Request
            {
                *asked.entry(frame.info.api_key).or_insert(0) += 1;
            }
        }
    }
    let asked = |api: ApiKey| asked.get(&api.code()).copied().unwrap_or(0);
    // Thirty share partitions, whose states are with three brokers.
    let (begun, read) = (asked(ApiKey::InitializeShareGroupState), asked(ApiKey::ReadShareGroupState));
    assert!((1..=8).contains(&begun) && (1..=18).contains(&read), "{begun} and {read} requests");
    let states = world.brokers().map(|(_, _, broker)| broker.share_coordinator().states().count());
    assert_eq!(states.sum::<usize>(), 30);
}
