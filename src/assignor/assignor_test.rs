use std::fmt::Write;

use expect_test::{Expect, expect};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

/// `cluster` is "t0:3 t1:2", with the racks of replicas "t0:3=ab,b,c"; `members` is
/// "c0: t0 t1 / c1@instance%rack: t0 | t0-0 t0-1 #5", where what is owned follows the bar and the
/// generation the hash.
pub(super) fn check(kind: AssignorKind, cluster: &str, members: &str, expected: Expect) {
    expected.assert_eq(&told(&kind.assign(&parse_cluster(cluster), &parse_members(members))));
}

pub(super) fn told(assignment: &Assignment) -> String {
    let mut story = String::new();
    for (member, partitions) in assignment {
        let names: Vec<String> = partitions.iter().map(ToString::to_string).collect();
        let _ = writeln!(story, "{member}: {}", names.join(" "));
    }
    story
}

pub(super) fn parse_cluster(text: &str) -> Topics {
    let topic = |(name, rest): (&str, &str)| {
        let (count, racks) = rest.split_once('=').unwrap_or((rest, ""));
        let letters = |racks: &str| racks.chars().map(|rack| rack.to_string().into()).collect();
        let racks = racks.split(',').filter(|racks| !racks.is_empty()).map(letters).collect();
        (name.into(), Topic { partitions: count.parse().unwrap(), racks })
    };
    text.split_whitespace().filter_map(|topic| topic.split_once(':')).map(topic).collect()
}

pub(super) fn parse_members(text: &str) -> Vec<Member> {
    let at = |text: &str| {
        let (topic, partition) = text.rsplit_once('-').unwrap();
        TopicPartition::new(topic, partition.parse().unwrap())
    };
    let member = |line: &str| {
        let (name, rest) = line.trim().split_once(':').unwrap();
        let (name, rack) =
            name.split_once('%').map_or((name, None), |(name, rack)| (name, Some(rack.into())));
        let (id, instance) = name.split_once('@').map_or((name, None), |(id, at)| (id, Some(at.into())));
        let (rest, generation) = rest.split_once('#').unwrap_or((rest, "-1"));
        let (topics, owned) = rest.split_once('|').unwrap_or((rest, ""));
        Member {
            group_instance_id: instance,
            rack,
            owned: owned.split_whitespace().map(at).collect(),
            generation: generation.trim().parse().unwrap(),
            ..Member::new(id, topics.split_whitespace().map(Arc::from))
        }
    };
    text.split('/').map(member).collect()
}

#[test]
fn names_are_kafkas() {
    for kind in AssignorKind::ALL {
        assert_eq!(AssignorKind::from_protocol_name(kind.protocol_name()), Some(kind));
    }
    assert_eq!(AssignorKind::from_protocol_name("uniform"), None);
}

#[test]
fn range_gives_the_first_members_of_each_topic_one_more() {
    check(
        AssignorKind::Range,
        "t0:3 t1:3",
        "C0: t0 t1 / C1: t0 t1",
        expect![[r#"
            C0: t0-0 t0-1 t1-0 t1-1
            C1: t0-2 t1-2
        "#]],
    );
}

#[test]
fn range_with_more_members_than_partitions_leaves_some_idle() {
    check(
        AssignorKind::Range,
        "topic:1",
        "consumer1: topic / consumer2: topic",
        expect![[r#"
            consumer1: topic-0
            consumer2: 
        "#]],
    );
}

#[test]
fn range_with_unequal_subscriptions_looks_at_each_topic_alone() {
    check(
        AssignorKind::Range,
        "topic1:3 topic2:2",
        "consumer1: topic1 / consumer2: topic1 topic2 / consumer3: topic1",
        expect![[r#"
            consumer1: topic1-0
            consumer2: topic1-1 topic2-0 topic2-1
            consumer3: topic1-2
        "#]],
    );
}

#[test]
fn range_orders_static_members_first_and_by_instance() {
    check(
        AssignorKind::Range,
        "topic1:4",
        "a: topic1 / c@i1: topic1 / b@i2: topic1",
        expect![[r#"
            a: topic1-3
            b: topic1-2
            c: topic1-0 topic1-1
        "#]],
    );
}

#[test]
fn roundrobin_deals_across_topics() {
    check(
        AssignorKind::RoundRobin,
        "t0:3 t1:3",
        "C0: t0 t1 / C1: t0 t1",
        expect![[r#"
            C0: t0-0 t0-2 t1-1
            C1: t0-1 t1-0 t1-2
        "#]],
    );
}

#[test]
fn roundrobin_skips_who_does_not_subscribe() {
    check(
        AssignorKind::RoundRobin,
        "t0:1 t1:2 t2:3",
        "C0: t0 / C1: t0 t1 / C2: t0 t1 t2",
        expect![[r#"
            C0: t0-0
            C1: t1-0
            C2: t1-1 t2-0 t2-1 t2-2
        "#]],
    );
}

#[test]
fn roundrobin_keeps_a_static_members_partitions_over_a_restart() {
    check(
        AssignorKind::RoundRobin,
        "t:4",
        "z@i1: t / y@i2: t",
        expect![[r#"
            y: t-1 t-3
            z: t-0 t-2
        "#]],
    );
    check(
        AssignorKind::RoundRobin,
        "t:4",
        "a@i2: t / z@i1: t",
        expect![[r#"
            a: t-1 t-3
            z: t-0 t-2
        "#]],
    );
}

#[test]
fn a_topic_the_cluster_does_not_have_is_nobodys() {
    for kind in AssignorKind::ALL {
        check(
            kind,
            "other:2",
            "a: topic",
            expect![[r#"
            a: 
        "#]],
        );
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod properties {
    use proptest::prelude::*;

    use super::*;

    fn any_members() -> impl Strategy<Value = Vec<Member>> {
        let topics = prop::collection::btree_set((0..4).prop_map(|n| Arc::from(format!("t{n}"))), 0..4);
        let member = (0..9u8, prop::option::of(0..9u8), topics).prop_map(|(id, instance, topics)| Member {
            group_instance_id: instance.map(|n| format!("i{n}").into()),
            ..Member::new(format!("m{id}"), topics)
        });
        prop::collection::vec(member, 0..8)
    }

    fn any_cluster() -> impl Strategy<Value = Topics> {
        prop::collection::btree_map((0..5).prop_map(|n| Arc::from(format!("t{n}"))), -1..12, 0..5)
            .prop_map(|topics| topics.into_iter().map(|(name, count)| (name, Topic::new(count))).collect())
    }

    proptest! {
        #[test]
        fn each_subscribed_partition_has_one_owner(members in any_members(), cluster in any_cluster()) {
            let subscriptions: Map<_, _> = members.iter().map(|m| (&m.member_id, &m.topics)).collect();
            for kind in AssignorKind::ALL {
                let assignment = kind.assign(&cluster, &members);
                let mut owned = Set::new();
                for (member, partitions) in &assignment {
                    for at in partitions {
                        prop_assert!(subscriptions[member].contains(&at.topic));
                        prop_assert!(owned.insert(at.clone()), "{at} has two owners");
                    }
                }
                let wanted: Set<TopicPartition> = cluster
                    .iter()
                    .filter(|(topic, _)| subscriptions.values().any(|topics| topics.contains(*topic)))
                    .flat_map(|(topic, it)| (0..it.partitions).map(|p| TopicPartition::new(topic.clone(), p)))
                    .collect();
                prop_assert_eq!(&owned, &wanted);
                prop_assert_eq!(assignment.len(), subscriptions.len());
            }
        }

        #[test]
        fn nobody_has_two_more_than_another(count in 1..9usize, partitions in 0..40i32) {
            let member = |n| Member::new(format!("m{n}"), [Arc::from("t")]);
            let members: Vec<Member> = (0..count).map(member).collect();
            for kind in AssignorKind::ALL {
                let assignment = kind.assign(&Map::from([("t".into(), Topic::new(partitions))]), &members);
                let sizes: Vec<usize> = assignment.values().map(Vec::len).collect();
                let (least, most) = (sizes.iter().min(), sizes.iter().max());
                prop_assert!(most.unwrap_or(&0) - least.unwrap_or(&0) <= 1);
            }
        }
    }
}
