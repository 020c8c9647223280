//! Groups in whole worlds, in each protocol: the same events, and what each makes of them.

use std::sync::Arc;

use terrarium::base::SimTime;
use terrarium::scenario::{Files, Scenario};
use terrarium::sim::World;
use terrarium::trace::{Entry, Event};

const PROTOCOLS: [(&str, &str); 4] = [
    ("eager range", r#""partition.assignment.strategy": ["range"]"#),
    ("eager sticky", r#""partition.assignment.strategy": ["sticky"]"#),
    ("cooperative", r#""partition.assignment.strategy": ["cooperative-sticky"]"#),
    ("consumer", r#""group.protocol": "consumer""#),
];

/// Three consumers, six partitions, a record every 20 ms from second 2 to 42.
fn world(protocol: &str, group: &str, app: &str, script: &str) -> (World, Vec<Entry>) {
    let text = format!(
        r#"{{"title": "t", "topics": [{{"name": "t", "partitions": 6, "replication_factor": 3}}],
        "producers": [{{"name": "shop", "start_ms": 2000,
            "workload": {{"sources": [{{"topic": "t", "every_ms": 20, "count": 2000, "keys": {{"pattern": "{{n}}"}}}}]}}}}],
        "groups": [{{"id": "g", "consumers": ["a", "b", "c"]{group}, "app": {{"topics": ["t"]{app}}},
            "configs": {{{protocol}, "auto.offset.reset": "earliest", "max.poll.interval.ms": 10000}}}}],
        "script": [{script}]}}"#
    );
    let scenario = Scenario::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let setup = scenario.build(None, &Files::new()).expect("it builds");
    let mut world = World::new(Arc::new(setup));
    let (mut trace, mut kept) = (Vec::new(), Vec::new());
    while world.next_at().is_some_and(|at| at <= SimTime(110_000_000)) && world.step(&mut trace) {
        kept.extend(trace.drain(..).filter(|entry| {
            matches!(
                entry.event,
                Event::RecordsRepeated { .. }
                    | Event::PartitionsRevoked { .. }
                    | Event::PartitionsLost { .. }
                    | Event::ClientError { .. }
            )
        }));
    }
    (world, kept)
}

/// Plays it in every protocol: records that came again, and partitions that were given up.
fn check(group: &str, app: &str, script: &str, expected: [(u64, usize); 4]) {
    let mut found = Vec::new();
    for (name, protocol) in PROTOCOLS {
        let (world, trace) = world(protocol, group, app, script);
        let summary = world.summary();
        assert_eq!(summary.violations, [], "{name}: {summary}");
        let repeated = trace.iter().map(|entry| match &entry.event {
            Event::RecordsRepeated { offsets, .. } => (offsets.to - offsets.from) as u64,
            _ => 0,
        });
        let repeated: u64 = repeated.sum();
        let moved = trace.iter().map(|entry| match &entry.event {
            Event::PartitionsRevoked { partitions, .. } | Event::PartitionsLost { partitions, .. } => {
                partitions.len()
            }
            _ => 0,
        });
        let records = summary.records;
        assert_eq!(records.acknowledged, 2_000, "{name}: {summary}");
        assert_eq!(records.consumed, 2_000 + repeated, "{name}: nothing is skipped: {summary}");
        found.push((repeated, moved.sum::<usize>()));
    }
    assert_eq!(found, expected);
}

const COMMIT: &str = r#", "process_ms": 2, "commit": "after_each_record""#;

#[test]
fn scale_out() {
    let script = r#"{"at_ms": 15000, "do": "add_consumer", "group": "g", "name": "d"}"#;
    check("", COMMIT, script, [(0, 6), (0, 6), (0, 1), (0, 6)]);
}

#[test]
fn scale_in() {
    check("", COMMIT, r#"{"at_ms": 15000, "do": "stop", "node": "b"}"#, [(0, 6), (0, 6), (0, 2), (0, 6)]);
}

#[test]
fn crash() {
    check("", "", r#"{"at_ms": 15000, "do": "kill", "node": "b"}"#, [(50, 4), (45, 4), (45, 0), (74, 4)]);
}

#[test]
fn rolling_restart() {
    let steps = ["a", "b", "c"].iter().zip([10_000, 20_000, 30_000]).map(|(name, at)| {
        format!(
            r#"{{"at_ms": {at}, "do": "stop", "node": "{name}"}}, {{"at_ms": {}, "do": "restart", "node": "{name}"}}"#,
            at + 2_000
        )
    });
    let script = steps.collect::<Vec<_>>().join(", ");
    check("", COMMIT, &script, [(0, 30), (0, 30), (0, 10), (0, 14)]);
    check(r#", "static_members": true"#, COMMIT, &script, [(0, 6), (0, 6), (0, 6), (0, 10)]);
}

#[test]
fn slow_handler() {
    let script = r#"{"at_ms": 15000, "do": "set_stuck", "consumer": "b", "on": true},
        {"at_ms": 40000, "do": "set_stuck", "consumer": "b", "on": false}"#;
    check("", "", script, [(50, 12), (45, 12), (45, 4), (74, 8)]);
}

/// From eager to cooperative to the consumer protocol, a member at a time, without a pause.
#[test]
fn rolling_upgrade() {
    let mut steps = Vec::new();
    for (round, configs) in [
        r#""partition.assignment.strategy": ["cooperative-sticky", "range"]"#,
        r#""partition.assignment.strategy": ["cooperative-sticky"]"#,
        r#""group.protocol": "consumer""#,
    ]
    .iter()
    .enumerate()
    {
        for (index, name) in ["a", "b", "c"].iter().enumerate() {
            let at = 8_000 + 9_000 * round + 3_000 * index;
            steps.push(format!(
                r#"{{"at_ms": {at}, "do": "reconfigure", "consumer": "{name}", "configs": {{{configs}}}}},
                {{"at_ms": {at}, "do": "stop", "node": "{name}"}},
                {{"at_ms": {}, "do": "restart", "node": "{name}"}}"#,
                at + 1_000
            ));
        }
    }
    let (world, trace) = world(PROTOCOLS[0].1, "", COMMIT, &steps.join(", "));
    let summary = world.summary();
    assert_eq!(summary.violations, [], "{summary}");
    assert_eq!((summary.records.consumed, summary.records.acknowledged), (2_000, 2_000), "{summary}");
    let errors: Vec<&Entry> =
        trace.iter().filter(|it| matches!(it.event, Event::ClientError { .. })).collect();
    assert_eq!(errors, Vec::<&Entry>::new());
    assert_eq!(summary.groups[0].members.len(), 3, "{summary}");
}

/// A static leader that was away for a moment still sees that a topic has grown (KIP-814).
#[test]
fn a_static_leader_that_is_back_notices_new_partitions() {
    let text = r#"{"title": "t", "topics": [{"name": "t", "partitions": 1, "replication_factor": 3}],
        "producers": [{"name": "shop", "start_ms": 2000, "configs": {"metadata.max.age.ms": 3000},
            "workload": {"sources": [{"topic": "t", "every_ms": 20, "count": 1000, "keys": {"pattern": "{n}"}}]}}],
        "groups": [{"id": "g", "consumers": ["a"], "static_members": true, "app": {"topics": ["t"]},
            "configs": {"auto.offset.reset": "earliest", "metadata.max.age.ms": 10000}}],
        "script": [{"at_ms": 10000, "do": "stop", "node": "a"}, {"at_ms": 12000, "do": "restart", "node": "a"},
            {"at_ms": 12300, "do": "add_partitions", "topic": "t", "partitions": 5}]}"#;
    let scenario = Scenario::parse(text).unwrap_or_else(|error| panic!("{error}"));
    let mut world = World::new(Arc::new(scenario.build(None, &Files::new()).expect("it builds")));
    let mut trace = Vec::new();
    while world.next_at().is_some_and(|at| at <= SimTime(60_000_000)) && world.step(&mut trace) {
        trace.clear();
    }
    let summary = world.summary();
    assert_eq!((summary.records.consumed, summary.records.acknowledged), (1_000, 1_000), "{summary}");
    assert_eq!(summary.groups[0].offsets.len(), 5, "{summary}");
}
