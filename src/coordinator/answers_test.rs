//! What Kafka answers at the edges: filters, groups that go, ids that are odd.

use expect_test::expect;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::story::{Story, check};
use super::*;
use crate::protocol::messages::delete_groups::DeleteGroupsRequest;
use crate::protocol::messages::describe_groups::DescribeGroupsRequest;

const ONE: &str = "
    join a
    join a
    wait 3000
    sync a a=0
";

#[test]
fn lists_are_filtered_by_state_and_type() {
    check(
        GroupConfig::default(),
        ONE,
        "
        list admin state=stable
        list admin state=EMPTY
        list admin type=Classic
        list admin type=consumer
        list admin state=Stable type=classic
        ",
        expect![[r#"
            list admin state=stable
              00:03.000 admin <- ListGroups: NONE g Stable
            list admin state=EMPTY
              00:03.000 admin <- ListGroups: NONE 
            list admin type=Classic
              00:03.000 admin <- ListGroups: NONE g Stable
            list admin type=consumer
              00:03.000 admin <- ListGroups: NONE 
            list admin state=Stable type=classic
              00:03.000 admin <- ListGroups: NONE g Stable
        "#]],
    );
}

#[test]
fn who_leaves_a_group_that_is_being_deleted_looks_for_it_again() {
    check(
        GroupConfig::default(),
        ONE,
        "
        leave a
        hold
        delete
        leave a
        commit a 0=1
        join b
        describe
        release
        describe
        ",
        expect![[r#"
            leave a
              00:03.000 a#1 is out: left
              00:03.000 rebalance: a#1 left
              00:03.000 Stable -> PreparingRebalance, generation 1
              00:03.000 PreparingRebalance -> Empty, generation 2
              00:03.000 a <- LeaveGroup: NONE ["NONE"]
            hold
            delete
              00:03.000 Empty -> Dead, generation 2
            leave a
              00:03.000 a <- LeaveGroup: COORDINATOR_NOT_AVAILABLE []
            commit a 0=1
              00:03.000 a <- OffsetCommit: 0 COORDINATOR_NOT_AVAILABLE
            join b
              00:03.000 b <- JoinGroup: COORDINATOR_NOT_AVAILABLE 
            describe
              00:03.000 admin <- DescribeGroups: NONE Empty  []
            release
              00:03.000 admin <- DeleteGroups: NONE
            describe
              00:03.000 admin <- DescribeGroups: GROUP_ID_NOT_FOUND Dead  []
        "#]],
    );
}

#[test]
fn metadata_are_as_long_as_java_says() {
    check(
        GroupConfig { offset_metadata_max_bytes: 3, ..GroupConfig::default() },
        ONE,
        "
        commit a 0=1 meta=äöü
        commit a 0=2 meta=äöüß
        fetch
        ",
        expect![[r#"
            commit a 0=1 meta=äöü
              00:03.000 committed t-0 1
              00:03.000 a <- OffsetCommit: 0 NONE
            commit a 0=2 meta=äöüß
              00:03.000 a <- OffsetCommit: 0 OFFSET_METADATA_TOO_LARGE
            fetch
              00:03.000 admin <- OffsetFetch: NONE 0=1
        "#]],
    );
}

/// What comes of records that are in the log but not committed nobody is told: another coordinator may
/// have taken over and know nothing of them (KIP-848, as in Kafka's coordinator runtime).
#[test]
fn who_waited_too_long_hears_nothing_of_what_is_not_committed() {
    check(
        GroupConfig::default(),
        "topic t 2",
        "
        enter a topics=t
        hold
        enter b topics=t
        wait 5000
        late
        hb a
        wait 4999
        late
        wait 1
        late
        hb a
        release
        ",
        expect![[r#"
            enter a topics=t
              00:00.000 a is in
              00:00.000 group epoch 1: member a joined
              00:00.000 target 1 by uniform: a [t-0 t-1]
              00:00.000 a at 1 STABLE [t-0 t-1]
              00:00.000 Empty -> Stable, generation 1
              00:00.000 a <- epoch 1, [t-0 t-1]
            hold
            enter b topics=t
              00:00.000 b is in
              00:00.000 group epoch 2: member b joined
              00:00.000 target 2 by uniform: a [t-0] b [t-1]
              00:00.000 b at 2 UNRELEASED_PARTITIONS [], awaits [t-1]
              00:00.000 Stable -> Reconciling, generation 2
            wait 5000
            late
              00:05.000 b <- COORDINATOR_NOT_AVAILABLE There is no coordinator for now.
            hb a
              00:05.000 a at 1 UNREVOKED_PARTITIONS [t-0], revokes [t-1]
            wait 4999
            late
            wait 1
            late
              00:10.000 a <- COORDINATOR_NOT_AVAILABLE There is no coordinator for now.
            hb a
            release
              00:10.000 a <- epoch 1
        "#]],
    );
}

/// A commit that came too late for who asked counts all the same.
#[test]
fn what_is_committed_late_is_committed() {
    check(
        GroupConfig::default(),
        ONE,
        "
        hold
        commit a 0=5
        wait 5000
        late
        fetch
        release
        fetch
        ",
        expect![[r#"
            hold
            commit a 0=5
            wait 5000
            late
              00:08.000 a <- OffsetCommit: 0 COORDINATOR_NOT_AVAILABLE
            fetch
              00:08.000 admin <- OffsetFetch: NONE 
            release
              00:08.000 committed t-0 5
            fetch
              00:08.000 admin <- OffsetFetch: NONE 0=5
        "#]],
    );
}

/// Old consumers without a group committed for the group whose id is empty: it can be described and
/// deleted, though nobody can join it.
#[test]
fn the_group_without_a_name_can_be_described_and_deleted() {
    let mut story = Story::new(GroupConfig::default());
    let groups = vec![String::new()];
    let request = DescribeGroupsRequest { groups, ..DescribeGroupsRequest::default() };
    story.send("admin", 5, GroupRequest::DescribeGroups(request));
    let groups_names = vec![String::new()];
    story.send("admin", 2, GroupRequest::DeleteGroups(DeleteGroupsRequest { groups_names }));
    let told: Vec<&str> = story.told.lines().map(str::trim).collect();
    let expected = [
        "00:00.000 admin <- DescribeGroups: NONE Dead  []",
        "00:00.000 admin <- DeleteGroups: GROUP_ID_NOT_FOUND",
    ];
    assert_eq!(told, expected);
}

/// The pending member that never comes back is forgotten. The group that was only for it is in the log,
/// empty, until somebody looks for what has expired.
#[test]
fn a_member_that_does_not_come_back_with_its_id_is_forgotten() {
    let mut story = Story::new(GroupConfig::default());
    story.run("join a session=6000");
    assert!(story.coordinator.group("g").is_some());
    story.wait(6_001);
    story.run("list");
    story.wait(600_000);
    assert!(story.coordinator.group("g").is_none());
    story.run("join a");
    expect![[r#"
        join a session=6000
          00:00.000 a <- JoinGroup: MEMBER_ID_REQUIRED a#1
        list
          00:06.001 admin <- ListGroups: NONE g Empty
          10:00.000 Empty -> Dead, generation 0
        join a
          10:06.001 a <- JoinGroup: UNKNOWN_MEMBER_ID a#1
    "#]]
    .assert_eq(&story.told);
}

#[test]
fn who_wants_no_time_to_rejoin_gets_its_session_timeout() {
    check(
        GroupConfig::default(),
        "",
        "join a rebalance=0 version=3\n wait 4000\n sync a a=0",
        expect![[r#"
            join a rebalance=0 version=3
              00:00.000 a#1 is in
              00:00.000 rebalance: member a#1 joined
              00:00.000 Empty -> PreparingRebalance, generation 0
            wait 4000
              00:03.000 PreparingRebalance -> CompletingRebalance, generation 1
              00:03.000 a <- JoinGroup: a#1, generation 1, range, leader a#1, members [a#1]
            sync a a=0
              00:04.000 CompletingRebalance -> Stable, generation 1
              00:04.000 a#1 gets [t-0]
              00:04.000 a <- SyncGroup: NONE [t-0]
        "#]],
    );
}
