//! Each fault of links, messages, disks and clocks, and what it does.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use terrarium::base::FrameKind;
use terrarium::protocol::{ApiKey, TopicPartition};
use terrarium::sim::{Command, CommandError, Health, Kind, Run};
use terrarium::trace::{Entry, Event};

use crate::worlds::{Plan, kill, play, restart, seconds};

fn plan(script: Vec<(u64, Command)>) -> Plan {
    Plan { script, count: 1_000, ..Plan::default() }
}

fn entries(run: &Run) -> impl Iterator<Item = &Entry> {
    run.branch().trace().iter()
}

/// Which frames of an API were sent, or arrived, between these times.
fn frames(run: &Run, api: ApiKey, kind: FrameKind, sent: bool, from: u64, to: u64) -> Vec<&Entry> {
    let is_it = |entry: &&Entry| {
        let frame = match &entry.event {
            Event::Sent { frame, .. } if sent => frame,
            Event::Received { frame, .. } if !sent => frame,
            _ => return false,
        };
        frame.info.api_key == api.code()
            && frame.info.kind == kind
            && (from..to).contains(&entry.time.as_ms())
    };
    entries(run).filter(is_it).collect()
}

/// Nothing is lost, and all records arrive.
fn assert_whole(run: &Run) {
    let summary = run.world().summary();
    assert_eq!(summary.violations, [], "{summary}");
    assert_eq!((summary.records.acknowledged, summary.records.lost), (1_000, 0), "{summary}");
}

fn next(api: &str) -> (String, String, Kind, Option<String>) {
    ("shop".into(), "broker-1".into(), Kind::Request, Some(api.into()))
}

#[test]
fn a_link_cut_one_way_holds_up_that_way_alone() {
    let cut = Command::CutOneWay { from: "broker-1".into(), to: "shop".into() };
    let heal = Command::Heal { a: "broker-1".into(), b: "shop".into() };
    let run = play(&plan(vec![(3_000, cut), (4_000, heal)]), seconds(30));
    let asked = frames(&run, ApiKey::Produce, FrameKind::Request, false, 3_050, 4_000);
    let at_leader = asked.iter().filter(|entry| entry.node.0 == 1).count();
    assert!(at_leader > 0, "requests still arrive");
    let answers = |from, to| {
        let all = frames(&run, ApiKey::Produce, FrameKind::Response, false, from, to);
        all.iter().filter(|entry| matches!(entry.event, Event::Received { from, .. } if from.0 == 1)).count()
    };
    assert_eq!(answers(3_001, 4_000), 0);
    assert!(answers(4_000, 5_000) > 0, "they come when the link is mended");
    assert_whole(&run);
}

#[test]
fn a_link_can_be_slow_one_way() {
    let slow = Command::SlowOneWay { from: "shop".into(), to: "broker-1".into(), latency_ms: 200 };
    let run = play(&plan(vec![(3_000, slow)]), seconds(60));
    let flights = |from: u32, to: u32| -> Vec<u64> {
        let arrivals = entries(&run).filter(|entry| match &entry.event {
            Event::Received { from: sender, frame, .. } => {
                frame.info.api_key == ApiKey::Produce.code() && sender.0 == from && entry.node.0 == to
            }
            _ => false,
        });
        let took = |entry: &Entry| Some(entry.time.since(run.branch().entry(entry.cause)?.time) / 1_000);
        arrivals.filter(|entry| entry.time > seconds(4)).filter_map(took).collect()
    };
    let shop = run.world().find("shop").unwrap().0;
    assert!(flights(shop, 1).iter().all(|took| *took >= 200));
    assert!(flights(1, shop).iter().all(|took| *took < 50));
    assert_whole(&run);
}

#[test]
fn a_request_that_comes_twice_is_written_once() {
    let (from, to, frame, api) = next("Produce");
    let twice = Command::DuplicateNext { from, to, frame, api, count: 3 };
    let run = play(&plan(vec![(3_000, twice)]), seconds(40));
    let sent = frames(&run, ApiKey::Produce, FrameKind::Request, true, 0, 40_000).len();
    let arrived = frames(&run, ApiKey::Produce, FrameKind::Request, false, 0, 40_000).len();
    assert!(arrived > sent, "{arrived} of {sent}");
    assert_whole(&run);
    let without = Plan { producer: r#"{"enable.idempotence":false}"#, ..plan(Vec::new()) };
    let (from, to, frame, api) = next("Produce");
    let twice = Command::DuplicateNext { from, to, frame, api, count: 3 };
    let run = play(&Plan { script: vec![(3_000, twice)], ..without }, seconds(40));
    assert!(run.world().summary().records.duplicated > 0, "without idempotence each time");
}

#[test]
fn a_late_request_holds_up_those_behind_it() {
    let (from, to, frame, api) = next("Produce");
    let late = Command::DelayNext { from, to, frame, api, count: 1, by_ms: 500 };
    let run = play(&plan(vec![(3_000, late)]), seconds(40));
    let arrived = frames(&run, ApiKey::Produce, FrameKind::Request, false, 3_030, 3_500);
    assert!(arrived.iter().all(|entry| entry.node.0 != 1), "nothing overtakes on a connection");
    assert_whole(&run);
}

#[test]
fn a_frame_in_flight_can_be_late_and_come_twice() {
    let mut run = play(&plan(Vec::new()), seconds(3));
    let flight = loop {
        let is_it = |it: &terrarium::sim::Flight| it.frame.info.api_key == ApiKey::Produce.code();
        match run.world().flights().into_iter().find(is_it) {
            Some(flight) => break flight,
            None => assert!(run.step()),
        }
    };
    let sent = flight.entry;
    run.command(&Command::Duplicate { sent }).unwrap();
    run.command(&Command::Delay { sent, by_ms: 300 }).unwrap();
    let all: Vec<_> = run.world().flights().into_iter().filter(|it| it.entry == sent).collect();
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|it| it.arrives.unwrap() >= flight.arrives.unwrap() + 300_000));
    let refused = run.command(&Command::Delay { sent: 1, by_ms: 300 });
    assert_eq!(refused, Err(CommandError::NotInFlight(1)));
    run.play_until(seconds(40), u64::MAX);
    assert_whole(&run);
}

#[test]
fn a_broker_whose_disk_is_full_ends_and_loses_nothing() {
    let full = |on| Command::SetDiskFull { broker: "broker-1".into(), on };
    let script = vec![(3_000, full(true)), (12_000, full(false)), (12_001, restart("broker-1"))];
    let run = play(&plan(script), seconds(60));
    let killed = entries(&run).find(|entry| entry.event == Event::NodeKilled).unwrap();
    assert_eq!((killed.node.0, killed.time.as_ms() / 1_000), (1, 3));
    assert_whole(&run);
    let at = TopicPartition::new("orders", 0);
    assert_eq!(
        run.world().replica_log(1, &at).unwrap().log_end_offset(),
        run.world().replica_log(2, &at).unwrap().log_end_offset()
    );
}

#[test]
fn only_brokers_have_full_disks() {
    let mut run = play(&plan(Vec::new()), seconds(1));
    let full = Command::SetDiskFull { broker: "shop".into(), on: true };
    assert_eq!(run.command(&full), Err(CommandError::NotA("shop".into(), "broker")));
}

#[test]
fn a_slow_disk_delays_what_waits_for_it() {
    let slow = |flush_ms| Command::SlowDisk { node: "controller".into(), flush_ms };
    let create = Command::AddPartitions { topic: "orders".into(), partitions: 3 };
    let run = play(&plan(vec![(3_000, slow(Some(1_500))), (3_100, create)]), seconds(60));
    let led = entries(&run).find_map(|entry| match &entry.event {
        Event::BecameLeader { at, .. } if *at == TopicPartition::new("orders", 2) => Some(entry.time.as_ms()),
        _ => None,
    });
    assert!(led.unwrap() > 4_600, "the metadata are durable before anybody hears of them: {led:?}");
    assert_whole(&run);
}

#[test]
fn a_corrupted_byte_is_cut_off_when_the_log_is_recovered() {
    let corrupt = Command::CorruptByte {
        broker: "broker-2".into(),
        topic: "orders".into(),
        partition: 0,
        position: None,
    };
    let script = vec![(4_000, corrupt), (4_500, kill("broker-2")), (8_000, restart("broker-2"))];
    let run = play(&plan(script), seconds(60));
    let recovered = entries(&run).any(|entry| {
        matches!(&entry.event, Event::LogRecovered { at, truncated_bytes, .. }
            if *at == TopicPartition::new("orders", 0) && *truncated_bytes > 0 && entry.node.0 == 2)
    });
    assert!(recovered, "half of it is gone, and copied anew");
    assert_whole(&run);
    let nowhere = Command::CorruptByte {
        broker: "broker-2".into(),
        topic: "orders".into(),
        partition: 7,
        position: None,
    };
    let mut run = run;
    assert_eq!(run.command(&nowhere), Err(CommandError::NoSuchByte("orders-7 on broker-2".into())));
}

#[test]
fn a_wrong_clock_is_seen_in_timestamps() {
    let skew = Command::SkewClock { node: "shop".into(), by_ms: -60_000 };
    let run = play(&plan(vec![(3_000, skew)]), seconds(40));
    let log = run.world().replica_log(1, &TopicPartition::new("orders", 0)).unwrap();
    let times: Vec<i64> = log.batches_from(0).map(|batch| batch.max_timestamp()).collect();
    assert!(times.windows(2).any(|pair| pair[1] < pair[0] - 50_000), "it goes back: {times:?}");
    assert_whole(&run);
}

#[test]
fn a_topic_is_deleted() {
    let delete = Command::DeleteTopic { topic: "orders".into() };
    let run = play(&plan(vec![(25_000, delete)]), seconds(30));
    let at = TopicPartition::new("orders", 0);
    assert_eq!(run.world().replica_log(1, &at), None);
    assert_eq!(run.world().nodes().filter(|(_, slot)| slot.health != Health::Up).count(), 0);
    assert_eq!(run.world().summary().violations, []);
}
