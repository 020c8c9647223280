//! A quorum of controllers, told as stories: elections, and what a cluster does without its controller.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use terrarium::base::{Map, Rng};
use terrarium::sim::{Command, Run};
use terrarium::trace::Event;

use crate::worlds::{Plan, kill, play, restart, seconds};

const CONTROLLERS: [&str; 3] = ["controller-1", "controller-2", "controller-3"];

fn plan() -> Plan {
    // Several controllers take a second or two to elect the first of them.
    Plan { controllers: 3, start_s: 4, ..Plan::default() }
}

fn power_loss(node: &str) -> Command {
    Command::PowerLoss { node: node.into() }
}

fn pause(node: &str) -> Command {
    Command::Pause { node: node.into() }
}

fn resume(node: &str) -> Command {
    Command::Resume { node: node.into() }
}

fn cut(a: &str, b: &str) -> Command {
    Command::Cut { a: a.into(), b: b.into() }
}

fn heal(a: &str, b: &str) -> Command {
    Command::Heal { a: a.into(), b: b.into() }
}

/// Who became active, when (in seconds) and in which epoch.
fn reigns(run: &Run) -> Vec<(u64, String, i32)> {
    let mut reigns = Vec::new();
    for entry in run.branch().trace().iter() {
        if let Event::ControllerActivated { epoch, .. } = &entry.event {
            let name = run.world().node(entry.node).unwrap().name.clone();
            reigns.push((entry.time.as_ms() / 1_000, name, *epoch));
        }
    }
    reigns
}

/// One controller leads, the others have its log, every broker is in service and knows the same.
fn assert_agreed(run: &Run, context: &str) {
    let world = run.world();
    let active: Vec<_> = world.controllers().filter(|(_, _, it)| it.is_active()).collect();
    assert_eq!(active.len(), 1, "{context}: one controller decides\n{}", world.summary());
    let (_, _, active) = active[0];
    for (_, slot, controller) in world.controllers() {
        let (ours, theirs) = (controller.quorum(), active.quorum());
        assert_eq!((ours.epoch, ours.leader), (theirs.epoch, Some(theirs.id)), "{context}: {}", slot.name);
        let behind = theirs.log_end_offset - ours.log_end_offset;
        assert!((0..=1).contains(&behind), "{context}: {} is {behind} behind", slot.name);
        assert_eq!(controller.image().topics, active.image().topics, "{context}: {}", slot.name);
    }
    for (_, slot, broker) in world.brokers() {
        assert!(!broker.is_fenced(), "{context}: {} is fenced\n{}", slot.name, world.summary());
        assert_eq!(broker.image().topics, active.image().topics, "{context}: {}", slot.name);
    }
    assert_eq!(world.summary().violations.first(), None, "{context}");
}

#[test]
fn three_controllers_elect_one() {
    let run = play(&plan(), seconds(20));
    let reigns = reigns(&run);
    assert_eq!(reigns.len(), 1, "{reigns:?}");
    assert_agreed(&run, "nothing happened");
    let summary = run.world().summary();
    assert_eq!((summary.records.acknowledged, summary.records.consumed), (200, 200), "{summary}");
}

#[test]
fn the_active_controller_dies_and_another_takes_over() {
    let first = reigns(&play(&plan(), seconds(4)))[0].1.clone();
    let script = vec![
        (6_000, kill(&first)),
        (12_000, kill("broker-1")),
        (40_000, restart("broker-1")),
        (45_000, restart(&first)),
    ];
    let run = play(&Plan { count: 1_500, script, ..plan() }, seconds(70));
    let reigns = reigns(&run);
    assert_eq!((reigns.len(), reigns[0].2), (2, 1), "{reigns:?}");
    assert!(reigns[1].2 > 1, "a new epoch, after two when votes were split: {reigns:?}");
    assert!((8..=11).contains(&reigns[1].0), "after the fetch timeout and an election: {reigns:?}");
    assert_agreed(&run, "the controller came back");
    let summary = run.world().summary();
    assert_eq!((summary.records.acknowledged, summary.records.lost), (1_500, 0), "{summary}");
    let orders = summary.topics.iter().find(|topic| topic.name == "orders").unwrap();
    assert_eq!(orders.partitions[0].leader, 2, "the second controller fenced broker 1\n{summary}");
}

#[test]
fn a_paused_controller_does_not_decide_behind_the_others_back() {
    let first = reigns(&play(&plan(), seconds(4)))[0].1.clone();
    let topic = Command::CreateTopic {
        topic: "late".into(),
        partitions: 3,
        replication_factor: 3,
        configs: Map::new(),
    };
    let script = vec![(6_000, pause(&first)), (6_100, topic), (20_000, resume(&first))];
    let run = play(&Plan { script, ..plan() }, seconds(40));
    assert_agreed(&run, "the first one woke up");
    assert_eq!(reigns(&run).len(), 2);
    assert!(run.world().controller().unwrap().1.image().topics.contains_key("late"));
}

#[test]
fn without_a_majority_nothing_is_decided() {
    let first = reigns(&play(&plan(), seconds(4)))[0].1.clone();
    let others: Vec<&str> = CONTROLLERS.into_iter().filter(|name| *name != first).collect();
    let topic = Command::CreateTopic {
        topic: "late".into(),
        partitions: 1,
        replication_factor: 3,
        configs: Map::new(),
    };
    let mut script: Vec<_> = others.iter().map(|name| (6_000, kill(name))).collect();
    script.push((7_000, topic));
    let alone = play(&Plan { script: script.clone(), ..plan() }, seconds(20));
    let resigned =
        alone.branch().trace().iter().any(|entry| {
            matches!(&entry.event, Event::ControllerResigned { .. }) && entry.time <= seconds(10)
        });
    assert!(resigned, "a leader that no majority fetches from gives up");
    assert!(alone.world().controllers().all(|(_, _, it)| !it.is_active()));
    assert!(alone.world().brokers().all(|(_, _, it)| !it.image().topics.contains_key("late")));

    script.push((20_000, restart(others[0])));
    let run = play(&Plan { script, ..plan() }, seconds(40));
    assert!(run.world().brokers().all(|(_, _, it)| it.image().topics.contains_key("late")));
    assert_eq!(run.world().summary().violations, []);
}

#[test]
fn a_voter_that_comes_back_to_the_others_disturbs_nobody() {
    let first = reigns(&play(&plan(), seconds(4)))[0].1.clone();
    let others: Vec<&str> = CONTROLLERS.into_iter().filter(|name| *name != first).collect();
    let links = [(others[0], first.as_str()), (others[0], others[1])];
    let mut script: Vec<_> = links.iter().map(|(a, b)| (6_000, cut(a, b))).collect();
    script.extend(links.iter().map(|(a, b)| (30_000, heal(a, b))));
    let run = play(&Plan { script, ..plan() }, seconds(45));
    assert_agreed(&run, "the link is mended");
    let asked = run.branch().trace().iter().any(|entry| {
        matches!(&entry.event, Event::VotesRequested { pre_vote: true, .. }) && entry.time > seconds(6)
    });
    assert!(asked, "it asked for pre-votes");
    assert_eq!(reigns(&run).len(), 1, "and its epoch did not rise");
}

/// A script of faults from 5 to 45 s, all of which are over at 50 s.
fn faults(seed: u64, nodes: &[&str]) -> Vec<(u64, Command)> {
    let mut rng = Rng::stream(seed, "controllers fail");
    let mut script = Vec::new();
    let mut now = 5_000;
    for number in 0..10 {
        now += rng.between(300, 4_000);
        let back = now + rng.between(200, 8_000);
        let node = match rng.below(4) {
            0 => ["broker-1", "broker-2", "broker-3"][rng.below(3) as usize],
            _ => nodes[rng.below(nodes.len() as u64) as usize],
        };
        let other = nodes[rng.below(nodes.len() as u64) as usize];
        match rng.below(4) {
            0 => script.extend([(now, kill(node)), (back, restart(node))]),
            // All brokers that lose what they have not flushed lose what they have promised.
            1 if node.starts_with("broker") => script.extend([(now, kill(node)), (back, restart(node))]),
            1 => script.extend([(now, power_loss(node)), (back, restart(node))]),
            2 => script.extend([(now, pause(node)), (back, resume(node))]),
            _ if node != other => script.extend([(now, cut(node, other)), (back, heal(node, other))]),
            _ => {}
        }
        let create = Command::CreateTopic {
            topic: format!("topic-{number}"),
            partitions: 2,
            replication_factor: 3,
            configs: Map::new(),
        };
        script.push((now + rng.below(1_000), create));
    }
    // What a fault left behind: a restart of what runs is refused, and changes nothing.
    for node in nodes.iter().chain(&["broker-1", "broker-2", "broker-3"]) {
        script.extend([(55_000, restart(node)), (55_000, resume(node))]);
    }
    script
}

#[test]
fn whatever_happens_to_the_controllers_they_agree_in_the_end() {
    const SEEDS: u64 = if cfg!(target_arch = "wasm32") { 4 } else { 40 };
    let seeds = std::env::var("QUORUM_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SEEDS);
    for seed in 1..=seeds {
        let script = faults(seed, &CONTROLLERS);
        let run = play(&Plan { seed, script, count: 300, consumers: 0, ..plan() }, seconds(90));
        assert_agreed(&run, &format!("seed {seed}"));
        let (_, controller) = run.world().controller().unwrap();
        for number in 0..10 {
            let name = format!("topic-{number}");
            assert!(controller.image().topics.contains_key(name.as_str()), "seed {seed}: {name}");
        }
    }
}

#[test]
fn five_controllers_survive_the_loss_of_two() {
    let five = Plan { controllers: 5, ..plan() };
    let first = reigns(&play(&five, seconds(4)))[0].1.clone();
    let names: Vec<String> = (1..=5).map(|n| format!("controller-{n}")).collect();
    let mut others = names.iter().filter(|name| **name != first);
    let (second, third) = (others.next().unwrap(), others.next().unwrap());
    let topic = |name: &str| Command::CreateTopic {
        topic: name.into(),
        partitions: 2,
        replication_factor: 3,
        configs: Map::new(),
    };
    // With two gone three are a majority; with three gone two are none.
    let mut script = vec![(6_000, kill(&first)), (6_000, power_loss(second)), (6_500, topic("with-three"))];
    let run = play(&Plan { script: script.clone(), ..five.clone() }, seconds(20));
    assert_eq!(reigns(&run).len(), 2, "{:?}", reigns(&run));
    assert!(run.world().brokers().all(|(_, _, it)| it.image().topics.contains_key("with-three")));
    script.extend([(20_000, kill(third)), (26_000, topic("with-two"))]);
    let run = play(&Plan { script: script.clone(), ..five.clone() }, seconds(40));
    assert!(run.world().controllers().all(|(_, _, it)| !it.is_active()), "two of five decide nothing");
    assert!(run.world().brokers().all(|(_, _, it)| !it.image().topics.contains_key("with-two")));
    script.extend([(40_000, restart(second)), (50_000, restart(third)), (50_000, restart(&first))]);
    let run = play(&Plan { script, ..five }, seconds(75));
    assert_agreed(&run, "all are back");
    assert!(run.world().brokers().all(|(_, _, it)| it.image().topics.contains_key("with-two")));
    let summary = run.world().summary();
    assert_eq!((summary.records.acknowledged, summary.records.lost), (200, 0), "{summary}");
}
