//! Brokers that are told to end: controlled shutdown (KIP-631).

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use std::sync::Arc;

use terrarium::sim::{Command, Health, Run, World};
use terrarium::trace::Event;

use crate::worlds::{Plan, kill, play, restart, seconds, setup};

fn stop(node: &str) -> Command {
    Command::Stop { node: node.into(), membership: Default::default() }
}

fn plan(script: Vec<(u64, Command)>) -> Plan {
    Plan { script, every_ms: 100, count: 200, ..Plan::default() }
}

fn health(world: &World, name: &str) -> Health {
    let (_, slot) = world.nodes().find(|(_, slot)| slot.name == name).unwrap();
    slot.health
}

/// When a broker ended by itself.
fn ended(run: &Run, broker: u32) -> Option<u64> {
    let is_it = |event: &Event| matches!(event, Event::NodeStopped);
    let found = run.branch().trace().iter().find(|entry| entry.node.0 == broker && is_it(&entry.event));
    found.map(|entry| entry.time.as_ms())
}

#[test]
fn a_broker_is_replaced_before_it_ends() {
    let run = play(&plan(vec![(9_000, stop("broker-1")), (10_000, stop("broker-1"))]), seconds(40));
    let ended = ended(&run, 1).expect("it ends");
    assert!((9_000..14_000).contains(&ended), "{ended}");
    assert_eq!(health(run.world(), "broker-1"), Health::Killed);
    let leaderless = run
        .branch()
        .trace()
        .iter()
        .filter(|entry| matches!(&entry.event, Event::LeaderElected { leader: -1, .. }))
        .count();
    assert_eq!(leaderless, 0);
    let summary = run.world().summary();
    assert_eq!(summary.violations, [], "{summary}");
    assert_eq!((summary.records.acknowledged, summary.records.lost), (200, 0), "{summary}");
    // No longer counted on at once: nobody waits for its session to be over.
    let fenced = run.branch().trace().iter().find(|entry| entry.event == Event::BrokerFenced { broker: 1 });
    assert!(fenced.is_some_and(|entry| entry.time.as_ms() <= ended), "{fenced:?}");
}

#[test]
fn what_it_wrote_is_on_disk_when_it_has_ended() {
    let power_loss = Command::PowerLoss { node: "broker-1".into() };
    let run = play(
        &plan(vec![(9_000, stop("broker-1")), (20_000, power_loss), (22_000, restart("broker-1"))]),
        seconds(40),
    );
    let lost: Vec<u64> = run
        .branch()
        .trace()
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::PowerLost { lost_bytes } => Some(*lost_bytes),
            _ => None,
        })
        .collect();
    assert_eq!(lost, [0]);
    let summary = run.world().summary();
    assert_eq!(summary.violations, [], "{summary}");
    assert!(summary.topics[0].partitions.iter().all(|at| at.isr.len() == 3), "{summary}");
}

#[test]
fn the_last_one_in_sync_leaves_its_partitions_without_a_leader() {
    let script = vec![
        (9_000, kill("broker-2")),
        (9_000, kill("broker-3")),
        (30_000, stop("broker-1")),
        (40_000, restart("broker-2")),
    ];
    let run = play(&plan(script), seconds(60));
    assert!(ended(&run, 1).is_some_and(|t_ms| t_ms < 31_000), "{:?}", ended(&run, 1));
    let summary = run.world().summary();
    // It alone surely has everything: nobody else may lead before it is back. The process of broker 2, that left
    // before it, was killed.
    assert!(summary.topics[0].partitions.iter().all(|at| at.leader == -1 && at.isr.is_empty()), "{summary}");
    let (_, controller) = run.world().controller().unwrap();
    let orders = &controller.image().topics["orders"];
    assert!(orders.partitions.values().all(|at| at.elr.contains(&1) && !at.elr.contains(&2)), "{orders:?}");
}

#[test]
fn it_does_not_wait_for_ever_for_a_controller_that_is_silent() {
    let run = play(&plan(vec![(9_000, kill("controller")), (20_000, stop("broker-1"))]), seconds(400));
    assert_eq!(ended(&run, 1), Some(320_000), "five minutes");
}

#[test]
fn without_controlled_shutdown_it_ends_at_once() {
    let mut setup = Arc::unwrap_or_clone(setup(&plan(vec![(9_000, stop("broker-1"))])));
    let config = Arc::make_mut(&mut setup.cluster.config);
    config.set_any("controlled.shutdown.enable", "false").unwrap();
    let mut run = Run::new(Arc::new(setup));
    run.play_until(seconds(40), u64::MAX);
    assert_eq!(ended(&run, 1), Some(9_000));
    assert_eq!(run.world().summary().records.acknowledged, 200);
}

#[test]
fn a_restarted_broker_is_counted_on_again() {
    let run = play(
        &plan(vec![(9_000, stop("broker-2")), (16_000, restart("broker-2")), (25_000, stop("broker-1"))]),
        seconds(60),
    );
    let summary = run.world().summary();
    assert_eq!(summary.violations, [], "{summary}");
    assert!(summary.topics[0].partitions.iter().all(|at| at.leader != 1 && at.isr.len() == 2), "{summary}");
}

#[test]
fn a_controller_cannot_be_told_to_end() {
    let mut run = play(&plan(Vec::new()), seconds(9));
    assert!(run.command(&stop("controller")).is_err());
}
