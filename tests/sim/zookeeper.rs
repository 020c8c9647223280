//! Clusters on ZooKeeper, told as stories: who is the controller, and what happens when it or a broker or
//! ZooKeeper dies.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use terrarium::base::Rng;
use terrarium::protocol::TopicPartition;
use terrarium::sim::{Command, Run};
use terrarium::trace::Event;

use crate::worlds::{Plan, kill, play, restart, seconds};

fn plan(script: Vec<(u64, Command)>) -> Plan {
    Plan { zookeeper: true, start_s: 3, count: 400, script, ..Plan::default() }
}

fn pause(node: &str) -> Command {
    Command::Pause { node: node.into() }
}

fn resume(node: &str) -> Command {
    Command::Resume { node: node.into() }
}

fn stop(node: &str) -> Command {
    Command::Stop { node: node.into(), membership: Default::default() }
}

/// Everybody is back, everything acknowledged is on every replica, and the group has read it all.
fn assert_whole(run: &Run, context: &str) {
    let world = run.world();
    let summary = world.summary();
    assert_eq!(world.violations(), [], "{context}");
    let counts = world.invariants().counts();
    assert_eq!((counts.produced, counts.acknowledged, counts.lost), (400, 400, 0), "{context}\n{summary}");
    let orders = summary.topics.iter().find(|topic| topic.name == "orders").unwrap();
    for (index, partition) in (0..).zip(&orders.partitions) {
        let mut isr = partition.isr.clone();
        isr.sort_unstable();
        assert_eq!(isr, [1, 2, 3], "{context}: orders-{index}\n{summary}");
        let at = TopicPartition::new("orders", index);
        let end = |broker| world.replica_log(broker, &at).unwrap().high_watermark();
        assert_eq!((end(1), end(2)), (end(2), end(3)), "{context}: orders-{index}");
    }
    for group in &summary.groups {
        assert_eq!(group.state, "Stable", "{context}\n{summary}");
        assert!(group.offsets.iter().all(|offset| offset.lag == 0), "{context}\n{summary}");
    }
}

/// Who is the controller, and in which epoch.
fn controller(run: &Run) -> (u32, i32) {
    let (node, hosted) = run.world().controller_on_zookeeper().unwrap();
    (node.0, hosted.epoch())
}

/// When the first event of a kind happened, in milliseconds, after a moment.
fn first(run: &Run, after_ms: u64, is_it: impl Fn(&Event) -> bool) -> u64 {
    let found =
        run.branch().trace().iter().find(|entry| entry.time.as_ms() >= after_ms && is_it(&entry.event));
    found.expect("it happens").time.as_ms()
}

fn znode(run: &Run, path: &str) -> Option<String> {
    let (_, server) = run.world().zookeeper()?;
    server.tree().get(path).map(|node| String::from_utf8_lossy(&node.data).into_owned())
}

#[test]
fn one_broker_wins_the_race_and_leads_the_cluster() {
    let run = play(&plan(Vec::new()), seconds(20));
    assert_whole(&run, "quiet");
    let (winner, epoch) = controller(&run);
    assert_eq!(epoch, 1);
    let claims =
        run.branch().trace().iter().filter(|it| matches!(it.event, Event::ControllerClaimed { .. })).count();
    assert_eq!(claims, 1);
    assert!(znode(&run, "/controller").unwrap().contains(&format!("\"brokerid\":{winner},")));
    for id in 1..=3 {
        assert!(znode(&run, &format!("/brokers/ids/{id}")).unwrap().contains(&format!("broker-{id}:9092")));
    }
    assert_eq!(
        znode(&run, "/brokers/topics/orders/partitions/0/state").unwrap(),
        r#"{"controller_epoch":1,"leader":1,"version":1,"leader_epoch":0,"isr":[1,2,3]}"#
    );
}

#[test]
fn a_dead_broker_is_missed_when_its_session_expires() {
    let quiet = play(&plan(Vec::new()), seconds(5));
    let (winner, _) = controller(&quiet);
    let victim = if winner == 1 { 2 } else { 1 };
    let name = format!("broker-{victim}");
    let run = play(&plan(vec![(6_000, kill(&name)), (45_000, restart(&name))]), seconds(90));
    assert_whole(&run, "a broker dies");
    assert_eq!(controller(&run), (winner, 1));
    let expired = first(&run, 6_000, |event| matches!(event, Event::SessionExpired { .. }));
    // 18 s after it was last heard of, which it is every 6 s, and up to a tick more.
    assert!((18_000..=26_000).contains(&expired), "{expired}");
    let elected = first(&run, 6_000, |event| matches!(event, Event::LeaderElected { .. }));
    assert!((expired..expired + 100).contains(&elected), "{expired} {elected}");
}

#[test]
fn the_next_controller_reads_everything_before_it_decides() {
    let quiet = play(&plan(Vec::new()), seconds(5));
    let (winner, _) = controller(&quiet);
    let name = format!("broker-{winner}");
    let run = play(&plan(vec![(6_000, kill(&name)), (45_000, restart(&name))]), seconds(90));
    assert_whole(&run, "the controller dies");
    let (next, epoch) = controller(&run);
    assert!(next != winner && epoch == 2);
    let claimed = first(&run, 6_000, |event| matches!(event, Event::ControllerClaimed { .. }));
    let loaded = first(&run, 6_000, |event| matches!(event, Event::ControllerLoaded { .. }));
    let elected = first(&run, 6_000, |event| matches!(event, Event::LeaderElected { .. }));
    assert!(claimed < loaded && loaded <= elected, "{claimed} {loaded} {elected}");
}

#[test]
fn a_controller_that_slept_is_fenced() {
    let quiet = play(&plan(Vec::new()), seconds(5));
    let (winner, _) = controller(&quiet);
    let name = format!("broker-{winner}");
    let run = play(&plan(vec![(6_000, pause(&name)), (45_000, resume(&name))]), seconds(120));
    assert_whole(&run, "the controller sleeps");
    let (next, epoch) = controller(&run);
    assert!(next != winner && epoch == 2);
    let resigned = first(&run, 45_000, |event| matches!(event, Event::ControllerResigned { .. }));
    assert!(resigned < 50_000, "{resigned}");
}

#[test]
fn records_flow_while_zookeeper_is_away() {
    let away = plan(vec![(5_000, kill("zookeeper")), (15_000, restart("zookeeper"))]);
    let run = play(&away, seconds(60));
    assert_whole(&run, "ZooKeeper dies");
    let expired =
        run.branch().trace().iter().filter(|it| matches!(it.event, Event::SessionExpired { .. })).count();
    assert_eq!((expired, controller(&run).1), (0, 1), "sessions are in its log, and go on");
    let meanwhile = first(&run, 6_000, |event| matches!(event, Event::BatchAcknowledged { .. }));
    assert!(meanwhile < 7_000);
}

#[test]
fn a_broker_that_is_told_to_end_is_replaced_first() {
    let run = play(&plan(vec![(6_000, stop("broker-2")), (30_000, restart("broker-2"))]), seconds(90));
    assert_whole(&run, "a broker ends");
    let ended = first(&run, 6_000, |event| matches!(event, Event::NodeStopped));
    assert!(ended < 7_000, "{ended}");
    let expired = run.branch().trace().iter().any(|it| matches!(it.event, Event::SessionExpired { .. }));
    assert!(!expired, "it closed its session itself");
}

#[test]
fn nothing_acknowledged_is_lost_whatever_dies() {
    for seed in 0..12 {
        let mut rng = Rng::stream(seed, "faults on ZooKeeper");
        let nodes = ["broker-1", "broker-2", "broker-3", "zookeeper"];
        let mut script = Vec::new();
        let mut at_ms = 5_000;
        for _ in 0..4 {
            let node = nodes[rng.below(4) as usize];
            let lasts = 2_000 + rng.below(40_000);
            let (end, begin) = match rng.below(3) {
                0 => (kill(node), restart(node)),
                1 => (Command::PowerLoss { node: node.into() }, restart(node)),
                _ => (pause(node), resume(node)),
            };
            script.push((at_ms, end));
            script.push((at_ms + lasts, begin));
            at_ms += lasts + 30_000;
        }
        let plan = Plan { seed, every_ms: 400, ..plan(script) };
        let run = play(&plan, seconds(500));
        assert_whole(&run, &format!("seed {seed}"));
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    let digest = || play(&plan(vec![(6_000, kill("broker-1"))]), seconds(40)).world().digest();
    assert_eq!(digest(), digest());
}
