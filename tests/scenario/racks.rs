//! A consumer reads from the replica in its rack while there is one.

use std::sync::Arc;

use terrarium::base::{FrameKind, Map, NodeId, SimTime};
use terrarium::protocol::ApiKey;
use terrarium::scenario::{Files, gallery};
use terrarium::sim::Run;
use terrarium::trace::{Entry, Event, Role};

fn played(metadata_max_age_ms: u64) -> Run {
    let mut scenario = gallery("nearest-replica").expect("it is in the gallery").expect("it reads");
    scenario.consumers[0].configs.metadata_max_age_ms = metadata_max_age_ms;
    let mut run = Run::new(Arc::new(scenario.build(None, &Files::new()).expect("it builds")));
    run.play_until(SimTime(50_000_000), u64::MAX);
    run
}

fn node(run: &Run, name: &str) -> NodeId {
    run.world().nodes().find(|(_, slot)| slot.name == name).expect("a node").0
}

/// To which brokers a client sent fetches between these seconds.
fn fetched_from(run: &Run, client: &str, seconds: std::ops::Range<u64>) -> Vec<u32> {
    let client = node(run, client);
    let sent = run.branch().trace().iter().filter_map(|entry: &Entry| match &entry.event {
        Event::Sent { to, frame, .. }
            if entry.node == client
                && frame.info.kind == FrameKind::Request
                && frame.info.api_key == ApiKey::Fetch.code()
                && seconds.contains(&(entry.time.as_ms() / 1_000)) =>
        {
            Some(to.0)
        }
        _ => None,
    });
    let mut brokers: Vec<u32> = sent.collect();
    brokers.sort_unstable();
    brokers.dedup();
    brokers
}

/// How long after the leader wrote them records came to a client, on average, until the 15th second.
fn mean_delay_ms(run: &Run, client: &str) -> u64 {
    let client = node(run, client);
    let (mut written, mut delays) = (Map::new(), Vec::new());
    for entry in run.branch().trace().iter().filter(|entry| entry.time.as_ms() < 15_000) {
        match &entry.event {
            Event::RecordsAppended { at, role: Role::Leader, offsets, .. } if &*at.topic == "orders" => {
                (offsets.from..offsets.to).for_each(|offset| {
                    written.insert(offset, entry.time);
                });
            }
            Event::RecordsFetched { offsets, .. } if entry.node == client && entry.time.as_ms() > 6_000 => {
                let delay = |offset: i64| entry.time.since(written[&offset]) / 1_000;
                delays.extend((offsets.from..offsets.to).map(delay));
            }
            _ => {}
        }
    }
    assert!(delays.len() > 80, "{}", delays.len());
    delays.iter().sum::<u64>() / delays.len() as u64
}

#[test]
fn a_consumer_reads_from_its_own_rack_and_from_the_leader_while_nobody_is_there() {
    let run = played(300_000);
    assert_eq!(run.world().summary().violations, []);
    assert_eq!(fetched_from(&run, "near", 3..5), [1, 3], "the leader sends it away");
    assert_eq!(fetched_from(&run, "near", 5..15), [3]);
    assert_eq!(fetched_from(&run, "near", 28..32), [1], "nobody in its rack");
    assert_eq!(fetched_from(&run, "near", 45..50), [3], "and back");
    assert_eq!(fetched_from(&run, "far", 3..50), [1]);
}

#[test]
fn it_gets_records_sooner_though_the_follower_hears_late_of_the_high_watermark() {
    let run = played(300_000);
    let (near, far) = (mean_delay_ms(&run, "near"), mean_delay_ms(&run, "far"));
    assert!(near < 150 && far > 250, "near {near} ms, far {far} ms");
}

#[test]
fn it_asks_the_leader_anew_whenever_metadata_are_old() {
    let told = |metadata_max_age_ms: u64| {
        let run = played(metadata_max_age_ms);
        let chosen = run.branch().trace().iter().filter(|entry| {
            matches!(entry.event, Event::ReadReplicaChosen { replica: 3, .. }) && entry.time.as_ms() < 15_000
        });
        chosen.count()
    };
    assert_eq!((told(300_000), told(3_000)), (1, 4));
}
