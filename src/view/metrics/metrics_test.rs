//! Metrics of a run in which a leader dies, as an operator would see them.

use std::fmt::Write;
use std::sync::Arc;

use expect_test::{Expect, expect};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::base::{SimTime, seconds};
use crate::scenario::{Files, gallery};
use crate::sim::{Command, Run};

fn world(id: &str) -> Run {
    let scenario = gallery(id).and_then(Result::ok).unwrap_or_else(|| panic!("no scenario {id}"));
    let setup = scenario.build(None, &Files::new()).unwrap_or_else(|error| panic!("{error}"));
    Run::new(Arc::new(setup))
}

/// Each plot as twelve columns over twenty-four seconds.
fn told(run: &Run, index: &MetricsIndex) -> String {
    let names = Names::of(run.world());
    let mut text = String::new();
    for plot in plots(index, run.branch(), &names, SimTime(seconds(24)), 12, run.world().now()) {
        for line in &plot.lines {
            let values: Vec<String> = line
                .values
                .iter()
                .map(|value| value.map_or("·".to_owned(), |value| value.to_string()))
                .collect();
            let bad = if plot.bad { " !" } else { "" };
            let _ = writeln!(text, "{} {} {}{bad} | {}", plot.name, line.name, line.now, values.join(" "));
            assert!(line.values.iter().flatten().all(|value| *value <= plot.top), "{plot:?}");
        }
        if let Some(moved) = &plot.moved {
            let _ = writeln!(text, "    {} ms: {} after {}", moved.time.as_ms(), moved.how, moved.title);
        }
    }
    text
}

fn check(run: &Run, index: &MetricsIndex, expected: Expect) {
    expected.assert_eq(&told(run, index));
}

#[test]
fn a_leader_dies() {
    let mut run = world("leader-dies");
    let mut index = MetricsIndex::default();
    run.play_until(SimTime(seconds(20)), 1_000_000);
    index.update(run.branch());
    check(
        &run,
        &index,
        expect![[r#"
            UnderReplicatedPartitions  3 ! | 0 0 0 0 0 0 0 3 3 3 3 ·
                15016 ms: rose to 3 after Broker 2 elected, epoch 1
            UnderMinIsrPartitionCount  0 | 0 0 0 0 0 0 0 0 0 0 0 ·
            OfflinePartitionsCount  0 | 0 0 0 0 0 0 0 0 0 0 0 ·
            ActiveControllerCount  1 | 1 1 1 1 1 1 1 1 1 1 1 ·
            IsrShrinksPerSec  0/s | 0 0 0 0 0 0 0 0 0 0 0 ·
            IsrExpandsPerSec  0/s | 0 0 0 0 0 0 0 0 0 0 0 ·
            LeaderElectionRateAndTimeMs  0/s | 1 0 0 0 0 0 0 0 0 0 0 ·
                4000 ms: fell to 0/s after Group kitchen rebalances
            LeaderElectionRateAndTimeMs, time p50 – | 2616 · · · · · · 2525 · · · ·
            LeaderElectionRateAndTimeMs, time p99 – | 2664 · · · · · · 2525 · · · ·
                16000 ms: rose to 2.5 ms after Broker 2 elected, epoch 1
            MessagesInPerSec  10/s | 0 10 10 10 1 0 0 41 10 10 10 ·
                18000 ms: fell to 10/s after Broker 2 elected, epoch 1
            BytesInPerSec  875/s | 51 860 1020 865 127 0 0 1656 875 875 875 ·
                18000 ms: fell to 875/s after Broker 2 elected, epoch 1
            records-lag-max kitchen-1  1 | · · 0 0 0 0 0 40 1 1 1 ·
                19906 ms: rose to 1 after Broker 2 elected, epoch 1
            Produce TotalTimeMs p50 1.1 ms | · 1220 1265 1235 · · · 1302 1172 1189 1189 ·
            Produce TotalTimeMs p99 1.3 ms | · 1353 1341 1320 · · · 7013663 1337 1352 1352 ·
                18000 ms: fell to 1.3 ms after Broker 2 elected, epoch 1
            FetchConsumer TotalTimeMs p50 97 ms | · · 98912 99041 500000 500000 500000 98786 97809 97711 97711 ·
            FetchConsumer TotalTimeMs p99 198 ms | · · 298955 298825 500000 500000 500000 500000 298775 198960 198960 ·
                18000 ms: fell to 298 ms after Broker 2 elected, epoch 1
            FetchFollower TotalTimeMs p50 98 ms | 500000 98979 98944 99003 500000 500000 500000 98645 98829 98776 98776 ·
            FetchFollower TotalTimeMs p99 98 ms | 500000 500000 299027 299041 500000 500000 500000 500000 99018 98984 98984 ·
                18000 ms: fell to 99 ms after Broker 2 elected, epoch 1
        "#]],
    );
}

#[test]
fn it_makes_no_difference_how_often_it_is_brought_up_to_date() {
    let mut run = world("rider-updates");
    let mut little = MetricsIndex::default();
    for second in 0..10 {
        run.play_until(SimTime(seconds(second)), 1_000_000);
        little.update(run.branch());
    }
    let mut whole = MetricsIndex::default();
    whole.update(run.branch());
    assert_eq!(little, whole);
    // Another course of things is another history.
    run.go_to(run.world().steps() / 2);
    run.command(&Command::Kill { node: "broker-1".into() }).expect("obeyed");
    run.play_until(SimTime(seconds(20)), 1_000_000);
    little.update(run.branch());
    let mut whole = MetricsIndex::default();
    whole.update(run.branch());
    assert_eq!(told(&run, &little), told(&run, &whole));
}

#[test]
fn a_plot_ends_at_a_round_number() {
    assert_eq!([1, 2, 3, 9, 10, 11, 49, 51, 1_234].map(round_up), [1, 2, 5, 10, 10, 20, 50, 100, 2_000]);
}

#[test]
fn a_plan_of_everything_costs_little() {
    let mut run = world("write-intensive");
    run.play_until(SimTime(seconds(20)), 1_000_000);
    let mut index = MetricsIndex::default();
    index.update(run.branch());
    let names = Names::of(run.world());
    let all = plots(&index, run.branch(), &names, SimTime(seconds(24)), 120, run.world().now());
    assert!(all.iter().all(|plot| plot.lines.iter().all(|line| line.values.len() == 120)));
    assert_eq!(index.entries(), run.world().entries());
}
