//! What elections cost: counted from a trace written by hand, and where the gallery compares clusters.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use expect_test::{Expect, expect};

use super::elections::Elections;
use super::*;
use crate::base::{NodeId, SimTime};
use crate::protocol::TopicPartition;
use crate::scenario::{Files, Protocol, gallery};
use crate::trace::{Entry, Event};

/// The score after these events, each with its millisecond and node, at a millisecond.
fn check(events: &[(u64, u32, Event)], at_ms: u64, expect: Expect) {
    let mut elections = Elections::default();
    let entry = |seq: usize, ms: u64, node, event: &Event| Entry {
        time: SimTime(ms * 1_000),
        seq: seq as u64 + 1,
        cause: 0,
        node: NodeId(node),
        event: event.clone(),
    };
    for (seq, (ms, node, event)) in events.iter().enumerate() {
        elections.read(&entry(seq, *ms, *node, event));
    }
    let score = elections.score(u64::MAX, SimTime(at_ms * 1_000));
    let rows: Vec<String> = score.rows().iter().map(|(name, value, _)| format!("{value} {name}")).collect();
    expect.assert_eq(&rows.join(", ").replace('\u{202f}', " "));
}

fn leads(partition: i32, leader_epoch: i32) -> Event {
    Event::BecameLeader { at: TopicPartition::new("t", partition), leader_epoch }
}

fn elected(partition: i32, leader: i32, leader_epoch: i32) -> Event {
    Event::LeaderElected { at: TopicPartition::new("t", partition), leader, leader_epoch }
}

#[test]
fn a_partition_has_no_leader_from_its_death_until_the_next_one_knows() {
    let begin = [
        (0, 9, Event::ControllerActivated { epoch: 1, offset: 5 }),
        (0, 9, elected(0, 1, 0)),
        (0, 1, leads(0, 0)),
        (0, 2, leads(1, 0)),
    ];
    let killed = [begin.as_slice(), &[(1_000, 1, Event::NodeKilled)]].concat();
    check(
        &killed,
        1_500,
        expect!["0 no controller ms, 500 no leader p·ms, 0 elections, 0 brokers told, 0 to ZooKeeper"],
    );
    let told = [
        (10_000, 9, elected(0, 2, 1)),
        (10_007, 2, Event::MetadataApplied { offset: 7 }),
        (10_007, 2, leads(0, 1)),
        // Whoever returns and still thinks so leads nothing.
        (11_000, 1, Event::NodeStarted),
        (11_000, 1, leads(0, 0)),
    ];
    check(
        &[killed.as_slice(), &told].concat(),
        20_000,
        expect!["0 no controller ms, 9 007 no leader p·ms, 1 elections, 1 brokers told, 0 to ZooKeeper"],
    );
    let still =
        [(1_000, 2, Event::NodePaused), (1_250, 2, Event::NodeResumed), (2_000, 2, Event::NodeStopped)];
    let gone = (2_500, 9, elected(1, -1, 1));
    check(
        &[begin.as_slice(), &still, &[gone]].concat(),
        3_000,
        expect!["0 no controller ms, 1 250 no leader p·ms, 0 elections, 0 brokers told, 0 to ZooKeeper"],
    );
}

#[test]
fn nobody_decides_until_whoever_is_next_has_read_everything() {
    let loaded = |epoch| Event::ControllerLoaded { epoch, brokers: 3, topics: 1, partitions: 12 };
    let begin = (0, 1, loaded(1));
    let died = (1_000, 1, Event::NodeKilled);
    let claimed = (19_000, 2, Event::ControllerClaimed { epoch: 2 });
    check(
        &[begin.clone(), died.clone(), claimed.clone(), (19_300, 2, loaded(2))],
        30_000,
        expect!["18 300 no controller ms, 0 no leader p·ms, 0 elections, 0 brokers told, 0 to ZooKeeper"],
    );
    // One that was paused for too long is replaced, and says so when it moves again.
    let resigned = (25_000, 1, Event::ControllerResigned { epoch: 1, why: "another one is the controller" });
    check(
        &[begin, (1_000, 1, Event::NodePaused), claimed, (19_300, 2, loaded(2)), resigned],
        30_000,
        expect!["18 300 no controller ms, 0 no leader p·ms, 0 elections, 0 brokers told, 0 to ZooKeeper"],
    );
}

fn zookeeper_or_kraft(at_ms: u64) -> (Vec<String>, Play) {
    let scenario = gallery("zookeeper-or-kraft").expect("it is in the gallery").expect("it reads");
    assert!(compares_elections(&scenario, &scenario.compared()));
    let protocols = scenario.compared();
    let world =
        |protocol: &Protocol| scenario.under(protocol).build(None, &Files::new()).expect("it is built");
    let mut play = Play::new(protocols.iter().map(world), "kitchen");
    play.play_until(SimTime(at_ms * 1_000));
    (protocols.iter().map(Protocol::title).collect(), play)
}

#[test]
fn zookeeper_and_kraft_side_by_side() {
    let (titles, play) = zookeeper_or_kraft(60_000);
    let folds: Vec<&Fold> = play.folds().iter().collect();
    expect![[r#"
        elections            ZooKeeper       KRaft
          no controller ms           0           0
          no leader p·ms        64 222      28 377
          elections                  4           4
          brokers told              40          15
          to ZooKeeper              60           0
    "#]]
    .assert_eq(&election_report(&titles, &folds, play.now()));
}

#[test]
fn going_back_takes_the_score_back() {
    let (_, mut play) = zookeeper_or_kraft(20_000);
    let scores = |play: &Play| -> Vec<ElectionScore> {
        play.stand().map(|(fold, world)| fold.election_score(world.entries(), play.now())).collect()
    };
    let later = scores(&play);
    play.go_back(SimTime(7_900_000));
    let earlier = scores(&play);
    for (earlier, later) in earlier.iter().zip(&later) {
        assert_eq!((earlier.no_leader_us, earlier.elected), (0, 0), "broker-1 dies at 8 seconds");
        assert!(later.no_leader_us > 1_000_000, "{later:?}");
    }
    play.play_until(SimTime(20_000_000));
    assert_eq!(scores(&play), later);
}

#[test]
fn where_nothing_happens_to_servers_elections_are_of_no_interest() {
    for (id, wanted) in [("scale-out", false), ("coordinator-dies", true), ("zookeeper-or-kraft", true)] {
        let scenario = gallery(id).expect("it is in the gallery").expect("it reads");
        assert_eq!(compares_elections(&scenario, &scenario.compared()), wanted, "{id}");
    }
}
