//! Snapshots of the metadata in whole worlds: the log is cut, and who comes late begins with a snapshot.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use terrarium::base::{Map, SimTime};
use terrarium::sim::{Command, Run, World};
use terrarium::trace::Event;

use crate::worlds::{Plan, kill, play, restart, seconds};

/// A snapshot every few seconds, and no more of the log than need be.
const OFTEN: &[(&str, &str)] =
    &[("metadata.log.max.record.bytes.between.snapshots", "1000"), ("metadata.max.retention.bytes", "1500")];

fn plan(controllers: u32) -> Plan {
    Plan { controllers, controller: OFTEN, start_s: 4, ..Plan::default() }
}

fn topic(name: &str) -> Command {
    Command::CreateTopic { topic: name.into(), partitions: 3, replication_factor: 3, configs: Map::new() }
}

fn power_loss(node: &str) -> Command {
    Command::PowerLoss { node: node.into() }
}

/// Who did what with snapshots, by the node's name.
fn told(run: &Run, wanted: fn(&Event) -> bool) -> Vec<(SimTime, String)> {
    let trace = run.branch().trace().iter();
    let name = |entry: &terrarium::trace::Entry| run.world().node(entry.node).unwrap().name.clone();
    trace.filter(|entry| wanted(&entry.event)).map(|entry| (entry.time, name(entry))).collect()
}

fn loaded(run: &Run) -> Vec<String> {
    told(run, |event| matches!(event, Event::SnapshotLoaded { .. }))
        .into_iter()
        .map(|(_, name)| name)
        .collect()
}

/// Everybody's picture is the active controller's, and no promise is broken.
fn assert_agreed(world: &World, context: &str) {
    assert_eq!(world.summary().violations, [], "{context}");
    let (_, active) = world.controller().unwrap();
    assert!(active.is_active(), "{context}");
    for (_, slot, controller) in world.controllers() {
        assert_eq!(controller.image().topics, active.image().topics, "{context}: {}", slot.name);
    }
    for (_, slot, broker) in world.brokers() {
        assert_eq!(broker.image().topics, active.image().topics, "{context}: {}", slot.name);
        assert!(!broker.is_fenced(), "{context}: {}", slot.name);
    }
}

#[test]
fn the_log_is_cut_behind_snapshots_and_says_the_same() {
    for controllers in [1, 3] {
        let script = (0..6).map(|n| (5_000 + n * 3_000, topic(&format!("topic-{n}")))).collect();
        let run = play(&Plan { script, ..plan(controllers) }, seconds(40));
        assert_agreed(run.world(), &format!("{controllers} controllers"));
        for (_, slot, controller) in run.world().controllers() {
            let (log, snapshots) = (controller.log(), controller.snapshots());
            let first = snapshots.first().expect("there is one").id();
            assert!(log.log_start_offset() >= first.end_offset, "{}", slot.name);
            assert!(
                log.log_start_offset() > 0 && log.size_bytes() < 6_000,
                "{}: {}",
                slot.name,
                log.size_bytes()
            );
            let last = snapshots.last().expect("there is one");
            let mut image = last.image();
            image.catch_up(log, log.high_watermark());
            assert_eq!(image.topics, controller.image().topics, "{}", slot.name);
        }
        assert_eq!(loaded(&run), [] as [&str; 0], "nobody was late");
    }
}

#[test]
fn a_voter_and_a_broker_that_come_late_begin_with_a_snapshot() {
    let mut script = vec![(6_000, kill("controller-3")), (6_000, kill("broker-3"))];
    script.extend((0..8).map(|n| (7_000 + n * 2_000, topic(&format!("topic-{n}")))));
    script.extend([(40_000, restart("controller-3")), (40_000, restart("broker-3"))]);
    let run = play(&Plan { script, ..plan(3) }, seconds(70));
    let mut late = loaded(&run);
    late.sort();
    assert_eq!(late, ["broker-3", "controller-3"]);
    assert_agreed(run.world(), "both are back");
    let summary = run.world().summary();
    assert_eq!((summary.records.acknowledged, summary.records.lost), (200, 0), "{summary}");
}

#[test]
fn a_broker_of_a_lone_controller_begins_with_a_snapshot() {
    let mut script = vec![(6_000, kill("broker-2"))];
    script.extend((0..8).map(|n| (7_000 + n * 2_000, topic(&format!("topic-{n}")))));
    script.extend([
        (40_000, restart("broker-2")),
        (50_000, kill("controller")),
        (52_000, restart("controller")),
    ]);
    let run = play(&Plan { script, ..plan(1) }, seconds(75));
    assert_eq!(loaded(&run), ["broker-2"]);
    assert_agreed(run.world(), "it is back");
}

#[test]
fn half_a_snapshot_is_none() {
    let mut script = vec![(6_000, kill("controller-3"))];
    script.extend((0..8).map(|n| (7_000 + n * 2_000, topic(&format!("topic-{n}")))));
    script.push((40_000, restart("controller-3")));
    let whole = play(&Plan { script: script.clone(), ..plan(3) }, seconds(60));
    let of = |wanted: fn(&Event) -> bool| {
        let found =
            told(&whole, wanted).into_iter().find(|(at, name)| *at > seconds(40) && name == "controller-3");
        found.expect("it happened").0.0
    };
    let asked = of(|event| matches!(event, Event::SnapshotFetched { .. }));
    let loaded_at = of(|event| matches!(event, Event::SnapshotLoaded { .. }));
    // The power fails at every stage of it: when it is asked for, has come, is written.
    for share in 0..=8 {
        let at_ms = (asked + (loaded_at - asked) * share / 8) / 1_000;
        let mut script = script.clone();
        script.extend([(at_ms, power_loss("controller-3")), (at_ms + 3_000, restart("controller-3"))]);
        let run = play(&Plan { script, ..plan(3) }, seconds(70));
        assert_agreed(run.world(), &format!("power lost at {at_ms} ms"));
        assert!(loaded(&run).contains(&"controller-3".to_owned()), "{at_ms}");
    }
}

#[test]
fn whoever_loses_power_the_snapshots_hold() {
    const SEEDS: u64 = if cfg!(target_arch = "wasm32") { 2 } else { 12 };
    for seed in 1..=SEEDS {
        let nodes = ["controller-1", "controller-2", "controller-3", "broker-1"];
        let mut script: Vec<_> = (0..8).map(|n| (5_000 + n * 4_000, topic(&format!("topic-{n}")))).collect();
        for n in 0..10_u64 {
            let node = nodes[((seed + n * (seed % 3 + 1)) % 4) as usize];
            let at = 6_000 + n * 3_300 + seed * 17;
            // A broker that loses power may lose what the others rely on; that is another story.
            let fail = if node.starts_with("broker") { kill(node) } else { power_loss(node) };
            script.extend([(at, fail), (at + 1_500 + seed * 90, restart(node))]);
        }
        let run = play(&Plan { seed, script, consumers: 0, ..plan(3) }, seconds(70));
        assert_agreed(run.world(), &format!("seed {seed}"));
    }
}
