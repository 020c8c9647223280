//! Processes that are broker and controller at once.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use terrarium::sim::{Command, Run};
use terrarium::trace::Event;

use crate::worlds::{Plan, kill, play, restart, seconds};

fn plan(controllers: u32) -> Plan {
    Plan { controllers, combined: true, start_s: 4, ..Plan::default() }
}

/// The name of the process whose controller decides.
fn active(run: &Run) -> String {
    let world = run.world();
    let (_, slot, _) = world.controllers().find(|(_, _, it)| it.is_active()).expect("one decides");
    slot.name.clone()
}

/// Every process knows the same, and nothing was broken.
fn assert_well(run: &Run, context: &str) {
    let summary = run.world().summary();
    assert_eq!(summary.violations, [], "{context}");
    let decided = &run.world().controller().expect("there is one").1.image().topics;
    for (_, slot, broker) in run.world().brokers() {
        assert!(!broker.is_fenced(), "{context}: {} is fenced\n{summary}", slot.name);
        assert_eq!(&broker.image().topics, decided, "{context}: {}", slot.name);
    }
    for topic in &summary.topics {
        for partition in &topic.partitions {
            assert_eq!(partition.isr.len(), partition.replicas.len(), "{context}\n{summary}");
        }
    }
}

#[test]
fn brokers_vote_and_serve() {
    for controllers in [1, 3] {
        let run = play(&plan(controllers), seconds(20));
        assert_well(&run, &format!("{controllers} of three"));
        let world = run.world();
        assert!(world.find("controller").is_none() && world.find("controller-1").is_none());
        let summary = world.summary();
        let roles: Vec<_> = summary.brokers.iter().map(|broker| broker.roles.is_some()).collect();
        let expected: Vec<bool> = (0..3).map(|n| n < controllers).collect();
        assert_eq!(roles, expected, "{summary}");
        assert!(summary.to_string().contains("1 (broker,controller) up"), "{summary}");
        assert_eq!((summary.records.acknowledged, summary.records.consumed), (200, 200), "{summary}");
        // Who votes needs no copy of the metadata log.
        let decides = world.controller().expect("one").1.quorum().id;
        let fetches = run.branch().trace().iter().any(|entry| {
            let Event::Sent { to, frame, .. } = &entry.event else { return false };
            let me = entry.node.0 as i32;
            frame.info.api_key == 1 && *to == entry.node && me == decides
        });
        assert!(!fetches, "nobody fetches from itself");
    }
}

#[test]
fn one_death_takes_a_leader_and_a_vote() {
    let first = active(&play(&plan(3), seconds(6)));
    let script = vec![(8_000, kill(&first)), (40_000, restart(&first))];
    let run = play(&Plan { count: 1_500, script, ..plan(3) }, seconds(70));
    assert_well(&run, "it came back");
    assert_ne!(active(&run), first, "another decides now");
    let summary = run.world().summary();
    assert_eq!((summary.records.acknowledged, summary.records.lost), (1_500, 0), "{summary}");
    let after = |is_it: &dyn Fn(&Event) -> bool| {
        let mut all = run.branch().trace().iter();
        all.find(|entry| entry.time > seconds(8) && is_it(&entry.event)).map(|entry| entry.time.as_ms())
    };
    let elected = after(&|event| matches!(event, Event::ControllerActivated { .. })).expect("an election");
    let led = after(&|event| matches!(event, Event::LeaderElected { .. })).expect("a leader");
    assert!(elected < led, "first a controller, then a leader: {elected} {led}");
}

#[test]
fn a_majority_of_processes_is_a_majority_of_votes() {
    let first = active(&play(&plan(3), seconds(6)));
    let names = ["broker-1", "broker-2", "broker-3"];
    let second = names.into_iter().find(|name| *name != first).expect("another");
    let script = vec![(8_000, kill(&first)), (9_000, kill(second)), (40_000, restart(second))];
    let run = play(&Plan { count: 300, script, ..plan(3) }, seconds(38));
    assert!(run.world().controllers().all(|(_, slot, it)| slot.name == first || !it.is_active()));
    assert_eq!(run.world().summary().violations, []);
}

#[test]
fn power_fails_for_both_roles() {
    let lose = |node: &str| Command::PowerLoss { node: node.into() };
    for controllers in [1, 3] {
        let script = vec![
            (7_000, lose("broker-1")),
            (7_000, lose("broker-2")),
            (7_000, lose("broker-3")),
            (12_000, restart("broker-1")),
            (12_500, restart("broker-2")),
            (13_000, restart("broker-3")),
        ];
        let run = play(&Plan { count: 800, script, ..plan(controllers) }, seconds(70));
        let summary = run.world().summary();
        let broken: Vec<_> = summary.violations.iter().filter(|it| it.excuse.is_none()).collect();
        assert!(broken.is_empty(), "{broken:?}");
        assert!(summary.brokers.iter().all(|broker| broker.up));
        assert!(summary.records.acknowledged > 700, "{summary}");
    }
}

#[test]
fn a_process_that_is_shut_down_hands_over_first() {
    let stop = Command::Stop { node: "broker-2".into(), membership: Default::default() };
    let script = vec![(8_000, stop), (20_000, restart("broker-2"))];
    let run = play(&Plan { count: 800, script, ..plan(3) }, seconds(60));
    assert_well(&run, "rolled");
    assert_eq!(run.world().summary().records.acknowledged, 800);
}
