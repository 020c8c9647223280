//! Whoever joins, leaves, lags, dies, in whatever order, and whatever becomes of coordinators: a
//! partition is nobody's twice, epochs only rise, and in the end all have what they shall have.

// Native only: proptest does not build for wasm here.

use proptest::prelude::*;

use crate::base::{Map, Set};
use crate::coordinator::GroupConfig;
use crate::coordinator::consumer::story::id_of;
use crate::coordinator::consumer::{ConsumerGroup, Partitions};
use crate::coordinator::group::GroupState;
use crate::coordinator::story::Story;

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// What a client does next; it plays by the rules.
#[derive(Clone, Debug)]
enum Deed {
    /// It beats, says what it has, and does as it is told.
    Beat(&'static str),
    /// It beats; the answer is lost.
    Lost(&'static str),
    Command(String),
}

fn any_deed() -> impl Strategy<Value = Deed> {
    let name = || prop::sample::select(NAMES.to_vec());
    let joins = vec!["topics=t", "topics=t,u", "regex=t.*", "topics=u assignor=range"];
    let world = vec![
        "wait 100",
        "wait 6000",
        "wait 21000",
        "wait 46000",
        "hold",
        "release",
        "crash",
        "topic t 3",
        "topic t 5",
        "topic u 2",
        "topic u 0",
        "topic tt 2",
        "refuse NOT_ENOUGH_REPLICAS",
        "refuse",
        "commit a 0=5",
        "show",
    ];
    let classic = vec!["join", "join", "sync", "beat", "leave"];
    prop_oneof![
        8 => name().prop_map(Deed::Beat),
        1 => name().prop_map(Deed::Lost),
        3 => (prop::sample::select(vec!["a", "b", "c"]), prop::sample::select(joins))
            .prop_map(|(name, how)| Deed::Command(format!("enter {name} {how}"))),
        1 => prop::sample::select(vec!["d", "e"])
            .prop_map(|name| Deed::Command(format!("enter {name} topics=t instance=i"))),
        1 => name().prop_map(|name| Deed::Command(format!("go {name}"))),
        1 => name().prop_map(|name| Deed::Command(format!("away {name}"))),
        3 => prop::sample::select(world).prop_map(|command| Deed::Command(command.to_owned())),
        3 => (prop::sample::select(vec!["x", "y"]), prop::sample::select(classic))
            .prop_map(|(name, command)| Deed::Command(format!("{command} {name}"))),
    ]
}

fn group(story: &Story) -> Option<ConsumerGroup> {
    story.coordinator.group("g")?.consumer().cloned()
}

/// A member that has not been told yet that it is out may think what it likes.
fn check_owners(story: &Story, group: &ConsumerGroup) -> Result<(), TestCaseError> {
    let mut held: Map<_, _> = Map::new();
    for member in group.members() {
        let all: Partitions =
            member.current.assigned.iter().chain(member.current.revoking.iter()).copied().collect();
        for at in all.iter() {
            prop_assert!(held.insert(*at, member.member_id.clone()).is_none(), "{at:?} is held twice");
        }
        let Some(client) = story.clients.values().find(|client| *client.member_id == *member.member_id)
        else {
            continue;
        };
        let is_up_to_date = client.generation == member.current.member_epoch;
        if is_up_to_date && !member.is_classic() {
            let owned: Partitions = client.owned.iter().map(|at| (id_of(&at.topic), at.partition)).collect();
            let known =
                owned.iter().all(|at| all.contains(at) || !story.image.topic_names.contains_key(&at.0));
            prop_assert!(known, "{} has {owned:?}, which is not in {all:?}", member.member_id);
        }
    }
    Ok(())
}

fn beat(story: &mut Story, name: &str) {
    let is_busy = story.clients.get(name).is_none_or(|client| client.waits || client.generation <= 0);
    if !is_busy {
        story.run(&format!("ack {name}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_partition_is_nobodys_twice(deeds in prop::collection::vec(any_deed(), 1..100)) {
        let mut story = Story::new(GroupConfig::default());
        story.run("topic t 4");
        let (mut epoch, mut member_epochs) = (0, Map::new());
        for deed in &deeds {
            match deed {
                Deed::Beat(name) => beat(&mut story, name),
                Deed::Lost(name) => {
                    let before = story.clients.get(*name).cloned();
                    beat(&mut story, name);
                    if let Some(before) = before.filter(|before| before.generation > 0) {
                        let client = story.clients.entry((*name).to_owned()).or_default();
                        if !client.waits && client.generation >= before.generation {
                            (client.generation, client.owned) = (before.generation, before.owned);
                        }
                    }
                }
                Deed::Command(command) => story.run(command),
            }
            let is_break = |command: &String| command == "crash" || command.contains("refuse");
            let starts_anew = matches!(deed, Deed::Command(command) if is_break(command));
            let Some(group) = group(&story) else {
                (epoch, member_epochs) = (0, Map::new());
                continue;
            };
            if starts_anew || story.refuses() {
                (epoch, member_epochs) = (0, Map::new());
            }
            prop_assert!(group.group_epoch() >= epoch, "the group's epoch only rises");
            prop_assert!(group.assignment_epoch() <= group.group_epoch());
            epoch = group.group_epoch();
            for member in group.members() {
                let now = member.current.member_epoch;
                prop_assert!(now <= group.group_epoch());
                let before = member_epochs.insert(member.member_id.clone(), now).unwrap_or(0);
                prop_assert!(now >= before || now == -2, "{} went from {before} to {now}", member.member_id);
            }
            check_owners(&story, &group)?;
        }
        settle(&mut story)?;
    }
}

/// When all goes well again, everybody who is left gets what it shall have.
fn settle(story: &mut Story) -> Result<(), TestCaseError> {
    story.run("refuse");
    story.run("release");
    let Some(_) = group(story) else { return Ok(()) };
    for round in 0..40 {
        for name in NAMES {
            beat(story, name);
            let is_out = story.told.lines().next_back().is_some_and(|line| {
                line.contains("UNKNOWN_MEMBER_ID")
                    || line.contains("FENCED")
                    || line.contains("GROUP_ID_NOT_FOUND")
            });
            if is_out {
                story.clients.entry(name.to_owned()).or_default().generation = -1;
            }
        }
        story.run(if round < 20 { "wait 5000" } else { "wait 3000" });
        if let Some(group) = group(story) {
            check_owners(story, &group)?;
        }
    }
    let Some(group) = group(story) else { return Ok(()) };
    let state = story.coordinator.group("g").map(|group| group.state());
    prop_assert!(
        matches!(state, Some(GroupState::Stable | GroupState::Empty)),
        "it converges, not {state:?}\n{}",
        story.told
    );
    let subscribed = group.subscribed_topics();
    let wanted: Partitions = (story.image.topics.values().filter(|topic| subscribed.contains(&topic.name)))
        .flat_map(|topic| topic.partitions.keys().map(|partition| (topic.id, *partition)))
        .collect();
    let owned: Partitions =
        group.members().flat_map(|member| member.current.assigned.iter().copied()).collect();
    if group.members().next().is_some() {
        prop_assert_eq!(owned, wanted, "everything is somebody's");
    }
    let told: Set<String> =
        story.clients.values().filter(|client| client.waits).map(|client| client.member_id.clone()).collect();
    prop_assert!(told.is_empty(), "{told:?} are never answered");
    let before = group.durable();
    story.crash();
    let after = story.coordinator.group("g").and_then(|group| group.consumer().map(ConsumerGroup::durable));
    prop_assert_eq!(after, Some(before), "a new coordinator knows all of it");
    Ok(())
}
