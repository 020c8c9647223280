//! The scenarios on ZooKeeper show what they say.

use std::sync::Arc;

use terrarium::base::{SimTime, ms};
use terrarium::scenario::{Files, gallery};
use terrarium::sim::World;
use terrarium::trace::Event;

use crate::gallery::{Shown, play};

fn told(id: &str) -> Shown {
    play(id, None, |event| {
        matches!(
            event,
            Event::SessionExpired { .. }
                | Event::ControllerClaimed { .. }
                | Event::ControllerLoaded { .. }
                | Event::LeaderElected { .. }
                | Event::BatchAcknowledged { .. }
        )
    })
}

/// When the first such event came after the death.
fn after_death(shown: &Shown, is_it: impl Fn(&Event) -> bool) -> u64 {
    let found = shown.events.iter().find(|(t_ms, event)| *t_ms > 8_000 && is_it(event));
    found.expect("it happens").0
}

fn is_election(event: &Event) -> bool {
    matches!(event, Event::LeaderElected { at, .. } if &*at.topic == "orders")
}

fn assert_nothing_lost(shown: &Shown) {
    let records = shown.summary.records;
    assert_eq!((records.lost, records.duplicated), (0, 0), "{records:?}");
    assert_eq!(shown.summary.violations, []);
    assert!(records.acknowledged > 300, "{records:?}");
    let topic = shown.summary.topics.iter().find(|topic| topic.name == "orders").expect("the topic");
    assert!(topic.partitions.iter().all(|partition| partition.isr.len() == 3), "all are back");
}

#[test]
fn a_dead_brokers_partitions_wait_for_its_session_to_expire() {
    let shown = told("zookeeper-broker-dies");
    let expired = after_death(&shown, |event| matches!(event, Event::SessionExpired { .. }));
    let elected = after_death(&shown, is_election);
    assert!((13_000..=16_000).contains(&expired) && (expired..expired + 300).contains(&elected));
    let claims = shown.events.iter().filter(|(_, event)| matches!(event, Event::ControllerClaimed { .. }));
    assert_eq!(claims.count(), 1, "the controller is another broker, and stays it");
    assert_nothing_lost(&shown);
}

#[test]
fn the_next_controller_reads_the_whole_cluster_first() {
    let shown = told("zookeeper-controller-dies");
    let expired = after_death(&shown, |event| matches!(event, Event::SessionExpired { .. }));
    let claimed = after_death(&shown, |event| matches!(event, Event::ControllerClaimed { epoch: 2 }));
    let loaded = after_death(&shown, |event| matches!(event, Event::ControllerLoaded { epoch: 2, .. }));
    let elected = after_death(&shown, is_election);
    assert!(
        expired < claimed && claimed < loaded && loaded < elected,
        "{expired} {claimed} {loaded} {elected}"
    );
    let partitions = shown.events.iter().find_map(|(_, event)| match event {
        Event::ControllerLoaded { epoch: 2, partitions, .. } => Some(*partitions),
        _ => None,
    });
    assert_eq!(partitions, Some(41), "those of the topic, and of the groups' offsets");
    assert_nothing_lost(&shown);
}

/// When the first partition has another leader, in the scenario's own cluster or in the other kind.
fn first_election(id: &str, world: usize) -> u64 {
    let scenario = gallery(id).expect("it is in the gallery").expect("it reads");
    let scenario = scenario.under(&scenario.compared()[world]);
    let mut world = World::new(Arc::new(scenario.build(None, &Files::new()).expect("it builds")));
    let mut entries = Vec::new();
    while world.now() < SimTime(ms(60_000)) && world.step(&mut entries) {
        for entry in entries.drain(..) {
            if entry.time > SimTime(ms(8_000)) && is_election(&entry.event) {
                return entry.time.as_ms();
            }
        }
    }
    panic!("nobody was elected");
}

#[test]
fn the_same_death_is_noticed_later_on_zookeeper() {
    let (zookeeper, kraft) =
        (first_election("zookeeper-or-kraft", 0), first_election("zookeeper-or-kraft", 1));
    assert!(
        (20_000..=28_000).contains(&zookeeper) && (14_000..=18_500).contains(&kraft),
        "{zookeeper} {kraft}"
    );
}

#[test]
fn what_zookeeper_cannot_do_here_is_refused() {
    let text = r#"{"title":"t","cluster":{"zookeeper":{},"controllers":3},"topics":[{"name":"a"}],
        "script":[{"at_ms":9,"do":"delete_topic","topic":"a"}]}"#;
    let problems = match terrarium::scenario::Scenario::parse(text) {
        Ok(_) => panic!("it is not refused"),
        Err(error) => error.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    };
    assert!(problems.contains("cluster.controllers: on ZooKeeper"), "{problems}");
    assert!(problems.contains("script[0].do: this cannot be done in a cluster on ZooKeeper"), "{problems}");
}
