//! Whatever is asked, in whatever order, the coordinator keeps its promises.

// Native only: proptest does not build for wasm here.

use proptest::prelude::*;

use super::story::Story;
use super::*;
use crate::base::Set;

/// What has to survive: the last stored generation and the offsets, by group.
fn durable(coordinator: &GroupCoordinator) -> Vec<String> {
    let kept = coordinator.groups().filter(|group| group.stored().is_some() || !group.offsets().is_empty());
    kept.map(|group| format!("{} {:?} {:?}", group.id(), group.stored(), group.offsets())).collect()
}

fn any_command() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "c", "d"]);
    let plain =
        prop::sample::select(vec!["join", "join", "join", "sync", "sync", "sync", "beat", "leave", "commit"]);
    let option = prop::sample::select(vec![
        "",
        "",
        "",
        "",
        "a=0 b=1 c=2 d=3",
        "a=0,1,2,3",
        "gen=0",
        "gen=-1",
        "version=3",
        "instance=i",
        "as=none",
        "protocols=range,roundrobin",
        "protocols=roundrobin",
        "session=6000",
        "rebalance=3000",
        "0=5",
        "1=7 2=8",
        "topics=u",
    ]);
    let world = prop::sample::select(vec![
        "wait 500",
        "wait 3000",
        "wait 30000",
        "hold",
        "release",
        "fail NOT_ENOUGH_REPLICAS",
        "fail MESSAGE_TOO_LARGE",
        "crash",
        "delete",
        "list",
        "describe",
        "fetch",
    ]);
    prop_oneof![
        5 => (plain, name, option).prop_map(|(command, name, option)| format!("{command} {name} {option}")),
        2 => world.prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_asked_the_promises_hold(commands in prop::collection::vec(any_command(), 1..80)) {
        let mut story = Story::new(GroupConfig { max_size: 3, ..GroupConfig::default() });
        let mut generation = -1;
        for command in &commands {
            story.run(command);
            if command == "crash" || command == "delete" || command == "release" {
                generation = -1;
            }
            let Some(group) = story.coordinator.group("g") else { continue };
            prop_assert!(group.generation() >= generation, "generations only rise");
            generation = group.generation();
            prop_assert!(group.leader().is_none_or(|leader| group.member(leader).is_some()));
            if group.state() == GroupState::Stable {
                let mut owned = Set::new();
                for at in group.members().flat_map(Member::assigned_partitions) {
                    prop_assert!(owned.insert(at.clone()), "{at} has two owners");
                }
            }
            if group.state() == GroupState::Empty {
                prop_assert_eq!(group.members().count(), 0);
            }
        }
        // Nothing waits for ever, whoever has died.
        story.run("release");
        story.wait(3_600_000);
        story.run("release");
        prop_assert_eq!(story.unanswered(), 0);
        let before = durable(&story.coordinator);
        story.crash();
        prop_assert_eq!(durable(&story.coordinator), before);
    }
}
