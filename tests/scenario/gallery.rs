//! Every scenario of the gallery shows what it says.

use std::sync::Arc;

use terrarium::base::{SimTime, ms};
use terrarium::scenario::{CHAPTERS, Files, GALLERY, Scenario};
use terrarium::sim::{Summary, World};
use terrarium::trace::Event;

/// What happened in a gallery scenario until its end.
pub(crate) struct Shown {
    pub(crate) summary: Summary,
    pub(crate) world: World,
    pub(crate) events: Vec<(u64, Event)>,
}

/// Plays a gallery scenario, keeping the events that `keep` accepts with their milliseconds.
pub(crate) fn play(id: &str, seed: Option<u64>, keep: impl Fn(&Event) -> bool) -> Shown {
    let text = GALLERY.iter().find(|(known, _)| *known == id).unwrap().1;
    let scenario = Scenario::parse(text).unwrap_or_else(|error| panic!("{id}: {error}"));
    show(id, &scenario, seed, keep)
}

fn show(id: &str, scenario: &Scenario, seed: Option<u64>, keep: impl Fn(&Event) -> bool) -> Shown {
    let setup = scenario.build(seed, &Files::new()).unwrap_or_else(|error| panic!("{id}: {error}"));
    let until = SimTime(ms(scenario.look.until_ms.unwrap_or(30_000)));
    let mut world = World::new(Arc::new(setup));
    let (mut entries, mut events) = (Vec::new(), Vec::new());
    while world.next_at().is_some_and(|next| next <= until) && world.step(&mut entries) {
        for entry in entries.drain(..) {
            if let Event::Commanded { what } = &entry.event {
                assert!(!what.contains("refused"), "{id}: {what}");
            }
            if keep(&entry.event) {
                events.push((entry.time.as_ms(), entry.event));
            }
        }
    }
    world.idle_until(until);
    Shown { summary: world.summary(), world, events }
}

#[test]
fn every_file_of_the_gallery_is_whole() {
    for (id, text) in GALLERY {
        let scenario = Scenario::parse(text).unwrap_or_else(|error| panic!("{id}: {error}"));
        assert_eq!(scenario.schema.as_deref(), Some("schema.json"), "{id}");
        assert!(!scenario.description.is_empty(), "{id}");
        let until_ms = scenario.look.until_ms.unwrap_or(0);
        assert!(scenario.look.at_ms < until_ms, "{id}: it opens after its end");
        assert!(scenario.script.iter().all(|step| step.at_ms < until_ms), "{id}: the end comes too early");
        let again = serde_json::to_string(&scenario).unwrap();
        assert_eq!(Scenario::parse(&again), Ok(scenario), "{id}");
    }
}

#[test]
fn the_gallery_lists_every_file() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("static/scenarios");
    let names = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    let mut listed: Vec<String> = GALLERY.iter().map(|(id, _)| format!("{id}.json")).collect();
    listed.push("schema.json".into());
    listed.sort();
    assert_eq!(names, listed);
}

#[test]
fn each_scenario_is_in_one_chapter() {
    let mut listed: Vec<&str> = CHAPTERS.iter().flat_map(|chapter| chapter.scenarios).copied().collect();
    let mut known: Vec<&str> = GALLERY.iter().map(|(id, _)| *id).collect();
    listed.sort_unstable();
    known.sort_unstable();
    assert_eq!(listed, known);
    let first = CHAPTERS[0].files().map(|(id, _)| id).collect::<Vec<_>>();
    assert_eq!(first, CHAPTERS[0].scenarios);
}

#[test]
fn no_promise_is_broken_but_the_expected() {
    for (id, _) in GALLERY {
        let summary = play(id, None, |_| false).summary;
        let unexpected: Vec<_> = summary.violations.iter().filter(|violation| !violation.expected).collect();
        assert!(unexpected.is_empty(), "{id}: {unexpected:?}");
        assert!(summary.brokers.iter().all(|broker| broker.up), "{id}: a broker is still down");
        for topic in &summary.topics {
            let back = topic.partitions.iter().all(|at| at.isr.len() == at.replicas.len() && at.leader > 0);
            assert!(back, "{id}: not all replicas of {} are in sync at the end", topic.name);
        }
    }
}

#[test]
fn hello_is_stored_once_on_every_replica() {
    let summary = play("hello", None, |_| false).summary;
    assert_eq!((summary.records.produced, summary.records.acknowledged), (1, 1));
    let topic = summary.topics.iter().find(|topic| topic.name == "test-topic").unwrap();
    let ends: i64 = topic.partitions.iter().map(|at| at.high_watermark).sum();
    assert_eq!((topic.partitions.len(), ends), (3, 1));
}

#[test]
fn rider_updates_go_where_the_location_says() {
    let summary = play("rider-updates", None, |_| false).summary;
    let topic = summary.topics.iter().find(|topic| topic.name == "rider-updates").unwrap();
    let [north, other] = &topic.partitions[..] else { panic!("{topic:?}") };
    assert_eq!((north.replicas.len(), other.replicas.len()), (3, 3));
    assert!(north.high_watermark > 30 && other.high_watermark > 30, "{topic:?}");
}

#[test]
fn batches_spare_requests() {
    let requests = |id| {
        let shown = play(id, None, |event| {
            // The API key of Produce is 0.
            let Event::Sent { frame, .. } = event else { return false };
            frame.info.api_key == 0 && frame.info.kind == terrarium::base::FrameKind::Request
        });
        assert_eq!(shown.summary.records.committed, 1_000, "{id}");
        shown.events.len()
    };
    let (batched, unbatched) = (requests("write-intensive"), requests("write-intensive-unbatched"));
    assert!(batched * 20 < unbatched, "{batched} requests and {unbatched}");
}

#[test]
fn a_dead_leader_is_replaced_and_nothing_is_lost() {
    let shown = play("leader-dies", None, |event| matches!(event, Event::LeaderElected { .. }));
    let election = shown.events.iter().find_map(|(t_ms, event)| match event {
        Event::LeaderElected { at, leader, leader_epoch } if &*at.topic == "orders" && *leader_epoch > 0 => {
            Some((*t_ms, at.partition, *leader))
        }
        _ => None,
    });
    let (t_ms, partition, leader) = election.expect("an election");
    assert!((8_000..20_000).contains(&t_ms) && partition == 0 && leader != 1, "{t_ms}");
    let records = shown.summary.records;
    assert_eq!((records.lost, records.duplicated), (0, 0));
    assert!(records.acknowledged > 370, "{records:?}");
}

/// The same deaths, with controllers in the brokers' processes and apart from them.
#[test]
fn what_a_death_costs_when_a_process_is_broker_and_controller() {
    let text = GALLERY.iter().find(|(id, _)| *id == "combined-mode").unwrap().1;
    let mut scenario = Scenario::parse(text).unwrap();
    let led = |scenario: &Scenario| {
        let shown = show(
            "combined-mode",
            scenario,
            None,
            |event| matches!(event, Event::LeaderElected { at, leader_epoch: 1, .. } if &*at.topic == "orders"),
        );
        let records = shown.summary.records;
        assert_eq!((records.acknowledged, records.lost, records.duplicated), (860, 0, 0), "{records:?}");
        assert!(shown.summary.violations.is_empty());
        shown.events.iter().map(|(t_ms, _)| *t_ms).collect::<Vec<u64>>()
    };
    let combined = led(&scenario);
    scenario.cluster.combined = false;
    let apart = led(&scenario);
    assert_eq!((combined.len(), apart.len()), (2, 2), "{combined:?} {apart:?}");
    // First the broker that leads and whose controller decides: an election comes before its session ends.
    assert!((18_000..20_000).contains(&apart[0]), "after a session timeout: {apart:?}");
    assert!((21_000..24_000).contains(&combined[0]), "of the controller after it: {combined:?}");
    // Then the second of three: with controllers apart, the third broker takes over.
    assert!((43_000..46_000).contains(&apart[1]), "{apart:?}");
    assert!(combined[1] > 55_000, "without a majority of votes nobody decides it: {combined:?}");
}

#[test]
fn a_dead_controller_is_replaced_by_another() {
    let shown = play("controller-dies", None, |event| {
        matches!(
            event,
            Event::VotesRequested { .. } | Event::ControllerActivated { .. } | Event::LeaderElected { .. }
        )
    });
    let after = |wanted: &dyn Fn(&Event) -> bool| {
        shown.events.iter().find(|(t_ms, event)| *t_ms > 8_000 && wanted(event)).map(|(t_ms, _)| *t_ms)
    };
    let pre_vote = after(&|event| matches!(event, Event::VotesRequested { pre_vote: true, .. }));
    let stands = after(&|event| matches!(event, Event::VotesRequested { pre_vote: false, .. }));
    let active = after(&|event| matches!(event, Event::ControllerActivated { .. }));
    let leader = after(&|event| matches!(event, Event::LeaderElected { at, .. } if &*at.topic == "orders"));
    assert!(pre_vote < stands && stands < active && active < leader, "{pre_vote:?} {stands:?} {active:?}");
    assert!((9_500..13_000).contains(&active.expect("a new controller")), "{active:?}");
    let records = shown.summary.records;
    assert_eq!((records.lost, records.duplicated), (0, 0));
    assert!(records.acknowledged > 400, "{records:?}");
}

#[test]
fn with_acks_1_the_same_death_loses_records() {
    let summary = play("leader-dies-acks-1", None, |_| false).summary;
    assert!(summary.records.lost > 0);
    assert!(summary.violations.iter().all(|violation| violation.invariant == "lost write"));
}

#[test]
fn a_slow_follower_leaves_the_isr_and_comes_back() {
    let shown = play("slow-follower", None, |event| matches!(event, Event::PartitionChanged { .. }));
    let isrs: Vec<Vec<i32>> = shown
        .events
        .into_iter()
        .filter_map(|(_, event)| match event {
            Event::PartitionChanged { at, isr, .. } if &*at.topic == "readings" => Some(isr),
            _ => None,
        })
        .collect();
    assert_eq!(isrs, [vec![1, 2], vec![1, 2, 3]]);
}

#[test]
fn one_broker_without_power_loses_nothing_and_all_together_do() {
    let shown = play("power-loss", None, |_| false);
    let summary = shown.summary;
    assert!(summary.records.lost > 0);
    assert!(summary.violations.iter().all(|violation| violation.t_ms >= 25_000), "{summary}");
}
