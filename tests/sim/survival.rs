//! What a cluster survives, told as stories: controllers, coordinators and whole clusters that die
//! and come back.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use terrarium::base::Rng;
use terrarium::protocol::TopicPartition;
use terrarium::sim::{Command, Health, Machine, Run};
use terrarium::trace::Event;

use crate::worlds::{Plan, kill, play, restart, seconds};

fn power_loss(node: &str) -> Command {
    Command::PowerLoss { node: node.into() }
}

fn cut(a: &str, b: &str) -> Command {
    Command::Cut { a: a.into(), b: b.into() }
}

fn heal(a: &str, b: &str) -> Command {
    Command::Heal { a: a.into(), b: b.into() }
}

/// Every replica of `orders` is in sync and the same, and the group has read it all.
fn assert_whole(run: &Run, context: &str) {
    let summary = run.world().summary();
    let orders = summary.topics.iter().find(|topic| topic.name == "orders").unwrap();
    for (index, partition) in (0..).zip(&orders.partitions) {
        let mut isr = partition.isr.clone();
        isr.sort_unstable();
        assert_eq!(isr, [1, 2, 3], "{context}: orders-{index}\n{summary}");
        let at = TopicPartition::new("orders", index);
        let read = |broker| {
            let log = run.world().replica_log(broker, &at).unwrap();
            let batches: Vec<_> = log
                .batches_from(log.log_start_offset())
                .map(|batch| (batch.base_offset(), batch.partition_leader_epoch(), batch.count()))
                .collect();
            (batches, log.high_watermark())
        };
        assert_eq!(read(1), read(2), "{context}: orders-{index}");
        assert_eq!(read(1), read(3), "{context}: orders-{index}");
    }
    for group in &summary.groups {
        assert_eq!(group.state, "Stable", "{context}\n{summary}");
        assert!(group.offsets.iter().all(|offset| offset.lag == 0), "{context}\n{summary}");
    }
}

#[test]
fn a_controller_comes_back_and_elects_as_before() {
    for end in [kill("controller"), power_loss("controller")] {
        let script = vec![
            (3_000, end),
            (12_000, restart("controller")),
            (20_000, kill("broker-1")),
            (40_000, restart("broker-1")),
        ];
        let run = play(&Plan { script, count: 1_500, ..Plan::default() }, seconds(70));
        let summary = run.world().summary();
        assert_eq!(summary.violations, []);
        assert_eq!((summary.records.acknowledged, summary.records.lost), (1_500, 0), "{summary}");
        let orders = summary.topics.iter().find(|topic| topic.name == "orders").unwrap();
        assert_eq!((orders.partitions[0].leader, orders.partitions[0].leader_epoch), (2, 1));
        assert_whole(&run, "the controller came back");
    }
}

#[test]
fn all_brokers_die_and_come_back() {
    let mut script = Vec::new();
    for (n, broker) in (0..).zip(["broker-1", "broker-2", "broker-3"]) {
        script.extend([(4_000 + n * 300, kill(broker)), (20_000 + n * 2_000, restart(broker))]);
    }
    let run = play(&Plan { script, count: 2_000, ..Plan::default() }, seconds(120));
    let summary = run.world().summary();
    assert_eq!(summary.violations, []);
    assert_eq!((summary.records.acknowledged, summary.records.lost), (2_000, 0), "{summary}");
    assert_whole(&run, "all came back");
}

/// The living broker that coordinates `billing`.
fn coordinator(run: &Run) -> String {
    let hosts = run.world().nodes().filter(|(_, slot)| match &slot.machine {
        Machine::Broker(broker) => {
            slot.health == Health::Up && broker.coordinator().group("billing").is_some()
        }
        _ => false,
    });
    hosts.map(|(_, slot)| slot.name.clone()).collect::<Vec<_>>().concat()
}

#[test]
fn a_group_survives_its_coordinator() {
    let run = play(&Plan { count: 3_000, ..Plan::default() }, seconds(6));
    let at = coordinator(&run);
    let script = vec![(6_000, kill(&at))];
    let run = play(&Plan { script, count: 3_000, ..Plan::default() }, seconds(90));
    let summary = run.world().summary();
    assert_eq!(summary.violations, []);
    assert_eq!(summary.records.acknowledged, 3_000, "{summary}");
    let group = &summary.groups[0];
    assert_ne!(coordinator(&run), at);
    assert_eq!((group.state.as_str(), group.members.len()), ("Stable", 2), "{summary}");
    assert!(group.offsets.iter().all(|offset| offset.lag == 0), "{summary}");
    assert_eq!(summary.records.consumed, 3_000, "{summary}");
}

#[test]
fn the_old_leader_cuts_off_what_nobody_else_has() {
    let script = vec![
        (3_000, cut("broker-1", "broker-2")),
        (3_000, cut("broker-1", "broker-3")),
        (3_000, cut("broker-1", "controller")),
        (30_000, heal("broker-1", "broker-2")),
        (30_000, heal("broker-1", "broker-3")),
        (30_000, heal("broker-1", "controller")),
    ];
    let producer = r#"{"acks":1,"enable.idempotence":false}"#;
    let run = play(&Plan { script, producer, count: 1_200, ..Plan::default() }, seconds(70));
    let cut_off = run.branch().trace().iter().any(
        |entry| matches!(&entry.event, Event::LogTruncated { at, .. } if &*at.topic == "orders" && entry.node.0 == 1),
    );
    assert!(cut_off, "broker 1 had records of its own");
    assert!(run.world().summary().records.lost > 0, "which were acknowledged with acks=1");
    assert_whole(&run, "the old leader is back");
}

#[test]
fn a_dead_follower_holds_nobody_up_once_it_is_fenced() {
    let script = vec![(3_000, kill("broker-3"))];
    let run = play(&Plan { script, count: 3_000, consumers: 1, ..Plan::default() }, seconds(25));
    // Fenced after 9 s of silence; `replica.lag.time.max.ms` would be 30 s.
    let risen = run.branch().trace().iter().any(|entry| {
        entry.time > seconds(13)
            && entry.time < seconds(16)
            && matches!(&entry.event, Event::HighWatermarkAdvanced { at, .. } if &*at.topic == "orders" && entry.node.0 == 1)
    });
    assert!(risen, "the high watermark rises again");
}

#[test]
fn a_leader_that_restarts_at_once_waits_for_its_registration() {
    let script = vec![(4_000, power_loss("broker-1")), (4_500, restart("broker-1"))];
    let run = play(&Plan { script, count: 1_000, ..Plan::default() }, seconds(60));
    let summary = run.world().summary();
    assert_eq!(summary.violations, []);
    assert_eq!((summary.records.acknowledged, summary.records.lost), (1_000, 0), "{summary}");
    let epochs: Vec<i32> = run
        .branch()
        .trace()
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::BecameLeader { at, leader_epoch } if *at == TopicPartition::new("orders", 0) => {
                Some(*leader_epoch)
            }
            _ => None,
        })
        .collect();
    assert_eq!(epochs, [0, 1], "nobody leads twice in an epoch");
    assert_whole(&run, "the leader is back");
}

#[test]
fn whatever_fails_the_replicas_agree_in_the_end() {
    const SEEDS: u64 = if cfg!(target_arch = "wasm32") { 4 } else { 40 };
    for seed in 1..=SEEDS {
        let mut rng = Rng::stream(seed, "whatever fails");
        let mut script = Vec::new();
        let mut now = 2_000;
        for _ in 0..6 {
            now += rng.between(500, 6_000);
            let back = now + rng.between(100, 14_000);
            let node = match rng.below(5) {
                0 => "controller".to_owned(),
                n => format!("broker-{}", n.min(3)),
            };
            match rng.below(4) {
                0 => script.extend([(now, kill(&node)), (back, restart(&node))]),
                1 => script.extend([(now, power_loss(&node)), (back, restart(&node))]),
                2 => script
                    .extend([(now, Command::Pause { node: node.clone() }), (back, Command::Resume { node })]),
                _ => script.extend([(now, cut("broker-1", &node)), (back, heal("broker-1", &node))]),
            }
        }
        // What a fault left behind: a restart of what runs is refused, and changes nothing.
        for node in ["controller", "broker-1", "broker-2", "broker-3"] {
            script.extend([(60_000, restart(node)), (60_000, Command::Resume { node: node.into() })]);
        }
        let plan = Plan { seed, script, every_ms: 20, count: 1_000, ..Plan::default() };
        let run = play(&plan, seconds(150));
        assert_whole(&run, &format!("seed {seed}"));
    }
}
