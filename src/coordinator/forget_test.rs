use expect_test::expect;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::story::{Story, check};
use super::*;
use crate::protocol::TopicPartition;

/// A reads both partitions of a topic and has committed offsets.
const ONE: &str = "
    join a
    join a
    wait 3000
    sync a a=0,1
    commit a 0=5 1=7
";

/// Offsets are kept for a minute, and looked at every ten seconds.
fn a_minute() -> GroupConfig {
    GroupConfig {
        offsets_retention_minutes: 1,
        offsets_retention_check_interval_ms: 10_000,
        ..GroupConfig::default()
    }
}

#[test]
fn offsets_can_be_deleted_where_nobody_reads() {
    check(
        GroupConfig::default(),
        ONE,
        "
        forget admin 0
        leave a
        forget admin 0 9
        fetch
        ",
        expect![[r#"
            forget admin 0
              00:03.000 admin <- OffsetDelete: NONE 0 GROUP_SUBSCRIBED_TO_TOPIC
            leave a
              00:03.000 a#1 is out: left
              00:03.000 rebalance: a#1 left
              00:03.000 Stable -> PreparingRebalance, generation 1
              00:03.000 PreparingRebalance -> Empty, generation 2
              00:03.000 a <- LeaveGroup: NONE ["NONE"]
            forget admin 0 9
              00:03.000 admin <- OffsetDelete: NONE 0 NONE, 9 NONE
            fetch
              00:03.000 admin <- OffsetFetch: NONE 1=7
        "#]],
    );
}

#[test]
fn a_group_that_is_not_there_has_no_offsets_to_delete() {
    check(
        GroupConfig::default(),
        "",
        "forget admin 0",
        expect![[r#"
        forget admin 0
          00:00.000 admin <- OffsetDelete: GROUP_ID_NOT_FOUND 
    "#]],
    );
}

#[test]
fn offsets_of_an_empty_group_expire_and_the_group_with_them() {
    check(
        a_minute(),
        ONE,
        "
        wait 8000
        leave a
        wait 55000
        fetch
        wait 20000
        fetch
        list
        ",
        expect![[r#"
            wait 8000
            leave a
              00:11.000 a#1 is out: left
              00:11.000 rebalance: a#1 left
              00:11.000 Stable -> PreparingRebalance, generation 1
              00:11.000 PreparingRebalance -> Empty, generation 2
              00:11.000 a <- LeaveGroup: NONE ["NONE"]
            wait 55000
            fetch
              01:06.000 admin <- OffsetFetch: NONE 0=5 1=7
            wait 20000
              01:20.000 Empty -> Dead, generation 2
            fetch
              01:26.000 admin <- OffsetFetch: NONE 
            list
              01:26.000 admin <- ListGroups: NONE 
        "#]],
    );
}

#[test]
fn what_a_stable_group_reads_is_kept() {
    let mut story = Story::new(a_minute());
    ONE.lines().map(str::trim).filter(|line| !line.is_empty()).for_each(|line| story.run(line));
    for _ in 0..40 {
        story.run("beat a");
        story.wait(4_000);
    }
    let group = story.coordinator.group("g").expect("it is there");
    assert_eq!((group.state(), group.offsets().len()), (GroupState::Stable, 2));
}

#[test]
fn a_commit_without_a_group_expires_by_its_own_time() {
    check(
        a_minute(),
        "",
        "
        commit admin 0=5 gen=-1
        commit admin 1=6 gen=-1 keep=300000
        wait 71000
        fetch
        wait 250000
        list
        ",
        expect![[r#"
            commit admin 0=5 gen=-1
              00:00.000 committed t-0 5
              00:00.000 admin <- OffsetCommit: 0 NONE
            commit admin 1=6 gen=-1 keep=300000
              00:00.000 committed t-1 6
              00:00.000 admin <- OffsetCommit: 1 NONE
            wait 71000
            fetch
              01:11.000 admin <- OffsetFetch: NONE 1=6
            wait 250000
            list
              05:21.000 admin <- ListGroups: NONE 
        "#]],
    );
}

#[test]
fn a_deleted_topic_takes_its_offsets_along() {
    let mut story = Story::new(GroupConfig::default());
    ONE.lines().map(str::trim).filter(|line| !line.is_empty()).for_each(|line| story.run(line));
    let mut out = Outcome::default();
    let gone = [TopicPartition::new("t", 1), TopicPartition::new("other", 0)];
    let at = Moment { now: story.now, image: &story.image };
    story.coordinator.partitions_deleted(at, &gone, &mut out);
    for append in out.appends {
        let at = Moment { now: story.now, image: &story.image };
        story.coordinator.committed(at, append, &mut Outcome::default());
    }
    let group = story.coordinator.group("g").expect("it is there");
    assert_eq!(group.offsets().keys().map(|at| at.partition).collect::<Vec<_>>(), [0]);
}
