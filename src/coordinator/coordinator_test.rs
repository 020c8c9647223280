use expect_test::expect;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::story::{Story, check};
use super::*;
use crate::metadata::MetadataImage;
use crate::protocol::Message;
use crate::protocol::messages::join_group::JoinGroupRequest;
use crate::protocol::messages::leave_group::LeaveGroupRequest;
use crate::protocol::messages::offset_fetch::OffsetFetchRequest;

/// The beginning of many stories: a and b share a topic of two partitions.
const TWO: &str = "
    join a
    join a
    join b
    join b
    wait 6000
    sync a a=0 b=1
    sync b
";

fn small() -> GroupConfig {
    GroupConfig { max_size: 2, offset_metadata_max_bytes: 3, ..GroupConfig::default() }
}

#[test]
fn two_members_form_a_group() {
    check(
        GroupConfig::default(),
        "",
        TWO,
        expect![[r#"
        join a
          00:00.000 a <- JoinGroup: MEMBER_ID_REQUIRED a#1
        join a
          00:00.000 a#1 is in
          00:00.000 rebalance: member a#1 joined
          00:00.000 Empty -> PreparingRebalance, generation 0
        join b
          00:00.000 b <- JoinGroup: MEMBER_ID_REQUIRED b#1
        join b
          00:00.000 b#1 is in
        wait 6000
          00:06.000 PreparingRebalance -> CompletingRebalance, generation 1
          00:06.000 a <- JoinGroup: a#1, generation 1, range, leader a#1, members [a#1 b#1]
          00:06.000 b <- JoinGroup: b#1, generation 1, range, leader a#1, members []
        sync a a=0 b=1
          00:06.000 CompletingRebalance -> Stable, generation 1
          00:06.000 a#1 gets [t-0]
          00:06.000 b#1 gets [t-1]
          00:06.000 a <- SyncGroup: NONE [t-0]
        sync b
          00:06.000 b <- SyncGroup: NONE [t-1]
    "#]],
    );
}

#[test]
fn a_newcomer_makes_the_others_rejoin() {
    let script = "join c\n join c\n beat a\n join a\n beat b\n join b\n sync a a=0 b=1\n sync b\n sync c";
    check(
        GroupConfig::default(),
        TWO,
        script,
        expect![[r#"
        join c
          00:06.000 c <- JoinGroup: MEMBER_ID_REQUIRED c#1
        join c
          00:06.000 c#1 is in
          00:06.000 rebalance: member c#1 joined
          00:06.000 Stable -> PreparingRebalance, generation 1
        beat a
          00:06.000 a <- Heartbeat: REBALANCE_IN_PROGRESS
        join a
        beat b
          00:06.000 b <- Heartbeat: REBALANCE_IN_PROGRESS
        join b
          00:06.000 PreparingRebalance -> CompletingRebalance, generation 2
          00:06.000 a <- JoinGroup: a#1, generation 2, range, leader a#1, members [a#1 b#1 c#1]
          00:06.000 b <- JoinGroup: b#1, generation 2, range, leader a#1, members []
          00:06.000 c <- JoinGroup: c#1, generation 2, range, leader a#1, members []
        sync a a=0 b=1
          00:06.000 CompletingRebalance -> Stable, generation 2
          00:06.000 a#1 gets [t-0]
          00:06.000 b#1 gets [t-1]
          00:06.000 c#1 gets []
          00:06.000 a <- SyncGroup: NONE [t-0]
        sync b
          00:06.000 b <- SyncGroup: NONE [t-1]
        sync c
          00:06.000 c <- SyncGroup: NONE []
    "#]],
    );
}

#[test]
fn who_is_silent_is_out() {
    let script = "wait 9000\n beat a\n wait 1000\n beat b\n beat a\n join a\n sync a a=0,1";
    check(
        GroupConfig::default(),
        TWO,
        script,
        expect![[r#"
        wait 9000
        beat a
          00:15.000 a <- Heartbeat: NONE
        wait 1000
          00:16.000 b#1 is out: session timeout
          00:16.000 rebalance: session of b#1 timed out
          00:16.000 Stable -> PreparingRebalance, generation 1
        beat b
          00:16.000 b <- Heartbeat: UNKNOWN_MEMBER_ID
        beat a
          00:16.000 a <- Heartbeat: REBALANCE_IN_PROGRESS
        join a
          00:16.000 PreparingRebalance -> CompletingRebalance, generation 2
          00:16.000 a <- JoinGroup: a#1, generation 2, range, leader a#1, members [a#1]
        sync a a=0,1
          00:16.000 CompletingRebalance -> Stable, generation 2
          00:16.000 a#1 gets [t-0 t-1]
          00:16.000 a <- SyncGroup: NONE [t-0 t-1]
    "#]],
    );
}

#[test]
fn who_does_not_rejoin_or_sync_in_time_is_out() {
    let script = "join c rebalance=5000 version=3\n wait 9000\n beat b\n beat a\n wait 20000";
    check(
        GroupConfig::default(),
        TWO,
        script,
        expect![[r#"
        join c rebalance=5000 version=3
          00:06.000 c#1 is in
          00:06.000 rebalance: member c#1 joined
          00:06.000 Stable -> PreparingRebalance, generation 1
        wait 9000
        beat b
          00:15.000 b <- Heartbeat: REBALANCE_IN_PROGRESS
        beat a
          00:15.000 a <- Heartbeat: REBALANCE_IN_PROGRESS
        wait 20000
          00:25.000 a#1 is out: session timeout
          00:25.000 b#1 is out: session timeout
          00:25.000 PreparingRebalance -> CompletingRebalance, generation 2
          00:25.000 c <- JoinGroup: c#1, generation 2, range, leader c#1, members [c#1]
          00:30.000 c#1 is out: did not sync in time
          00:30.000 rebalance: members did not sync in time
          00:30.000 CompletingRebalance -> PreparingRebalance, generation 2
          00:30.000 PreparingRebalance -> Empty, generation 3
    "#]],
    );
}

#[test]
fn leaving_hands_partitions_on_and_the_last_one_empties_the_group() {
    let script =
        "leave b\n beat a\n join a\n sync a a=0,1\n leave a\n commit admin 0=3 gen=-1\n fetch\n list";
    check(
        GroupConfig::default(),
        TWO,
        script,
        expect![[r#"
        leave b
          00:06.000 b#1 is out: left
          00:06.000 rebalance: b#1 left
          00:06.000 Stable -> PreparingRebalance, generation 1
          00:06.000 b <- LeaveGroup: NONE ["NONE"]
        beat a
          00:06.000 a <- Heartbeat: REBALANCE_IN_PROGRESS
        join a
          00:06.000 PreparingRebalance -> CompletingRebalance, generation 2
          00:06.000 a <- JoinGroup: a#1, generation 2, range, leader a#1, members [a#1]
        sync a a=0,1
          00:06.000 CompletingRebalance -> Stable, generation 2
          00:06.000 a#1 gets [t-0 t-1]
          00:06.000 a <- SyncGroup: NONE [t-0 t-1]
        leave a
          00:06.000 a#1 is out: left
          00:06.000 rebalance: a#1 left
          00:06.000 Stable -> PreparingRebalance, generation 2
          00:06.000 PreparingRebalance -> Empty, generation 3
          00:06.000 a <- LeaveGroup: NONE ["NONE"]
        commit admin 0=3 gen=-1
          00:06.000 committed t-0 3
          00:06.000 admin <- OffsetCommit: 0 NONE
        fetch
          00:06.000 admin <- OffsetFetch: NONE 0=3
        list
          00:06.000 admin <- ListGroups: NONE g Empty
    "#]],
    );
}

#[test]
fn offsets_belong_to_the_generation() {
    let script = "commit a 0=5 1=7\n commit a 0=6 gen=0\n commit x 0=9\n commit x 0=9 gen=-1\n
         commit a 0=8 meta=long\n fetch\n join a\n commit b 1=8\n join b\n commit b 1=9\n";
    check(
        small(),
        TWO,
        script,
        expect![[r#"
        commit a 0=5 1=7
          00:06.000 committed t-0 5
          00:06.000 committed t-1 7
          00:06.000 a <- OffsetCommit: 0 NONE, 1 NONE
        commit a 0=6 gen=0
          00:06.000 a <- OffsetCommit: 0 ILLEGAL_GENERATION
        commit x 0=9
          00:06.000 x <- OffsetCommit: 0 UNKNOWN_MEMBER_ID
        commit x 0=9 gen=-1
          00:06.000 x <- OffsetCommit: 0 UNKNOWN_MEMBER_ID
        commit a 0=8 meta=long
          00:06.000 a <- OffsetCommit: 0 OFFSET_METADATA_TOO_LARGE
        fetch
          00:06.000 admin <- OffsetFetch: NONE 0=5 1=7
        join a
          00:06.000 rebalance: member a#1 rejoined
          00:06.000 Stable -> PreparingRebalance, generation 1
        commit b 1=8
          00:06.000 committed t-1 8
          00:06.000 b <- OffsetCommit: 1 NONE
        join b
          00:06.000 PreparingRebalance -> CompletingRebalance, generation 2
          00:06.000 a <- JoinGroup: a#1, generation 2, range, leader a#1, members [a#1 b#1]
          00:06.000 b <- JoinGroup: b#1, generation 2, range, leader a#1, members []
        commit b 1=9
          00:06.000 b <- OffsetCommit: 1 REBALANCE_IN_PROGRESS
    "#]],
    );
}

#[test]
fn the_answer_waits_until_the_records_are_committed() {
    let script = "join a\n join b\n hold\n sync a a=0 b=1\n sync b\n beat b
         release\n hold\n commit a 0=5\n fetch\n release\n fetch";
    check(
        GroupConfig::default(),
        TWO,
        script,
        expect![[r#"
        join a
          00:06.000 rebalance: member a#1 rejoined
          00:06.000 Stable -> PreparingRebalance, generation 1
        join b
          00:06.000 PreparingRebalance -> CompletingRebalance, generation 2
          00:06.000 a <- JoinGroup: a#1, generation 2, range, leader a#1, members [a#1 b#1]
          00:06.000 b <- JoinGroup: b#1, generation 2, range, leader a#1, members []
        hold
        sync a a=0 b=1
        sync b
        beat b
          00:06.000 b <- Heartbeat: NONE
        release
          00:06.000 CompletingRebalance -> Stable, generation 2
          00:06.000 a#1 gets [t-0]
          00:06.000 b#1 gets [t-1]
          00:06.000 a <- SyncGroup: NONE [t-0]
          00:06.000 b <- SyncGroup: NONE [t-1]
        hold
        commit a 0=5
        fetch
          00:06.000 admin <- OffsetFetch: NONE 
        release
          00:06.000 committed t-0 5
          00:06.000 a <- OffsetCommit: 0 NONE
        fetch
          00:06.000 admin <- OffsetFetch: NONE 0=5
    "#]],
    );
}

#[test]
fn a_failed_append_is_told_and_rebalances() {
    let script =
        "join a\n join b\n hold\n sync a a=0 b=1\n sync b\n fail NOT_ENOUGH_REPLICAS\n join a\n join b\n";
    check(
        GroupConfig::default(),
        TWO,
        script,
        expect![[r#"
        join a
          00:06.000 rebalance: member a#1 rejoined
          00:06.000 Stable -> PreparingRebalance, generation 1
        join b
          00:06.000 PreparingRebalance -> CompletingRebalance, generation 2
          00:06.000 a <- JoinGroup: a#1, generation 2, range, leader a#1, members [a#1 b#1]
          00:06.000 b <- JoinGroup: b#1, generation 2, range, leader a#1, members []
        hold
        sync a a=0 b=1
        sync b
        fail NOT_ENOUGH_REPLICAS
          00:06.000 rebalance: the assignment could not be stored
          00:06.000 CompletingRebalance -> PreparingRebalance, generation 2
          00:06.000 a <- SyncGroup: COORDINATOR_NOT_AVAILABLE []
          00:06.000 b <- SyncGroup: COORDINATOR_NOT_AVAILABLE []
        join a
        join b
          00:06.000 PreparingRebalance -> CompletingRebalance, generation 3
          00:06.000 a <- JoinGroup: a#1, generation 3, range, leader a#1, members [a#1 b#1]
          00:06.000 b <- JoinGroup: b#1, generation 3, range, leader a#1, members []
    "#]],
    );
    let script = "hold\n commit a 0=5\n fail NOT_LEADER_OR_FOLLOWER\n fetch";
    check(
        GroupConfig::default(),
        TWO,
        script,
        expect![[r#"
        hold
        commit a 0=5
        fail NOT_LEADER_OR_FOLLOWER
          00:06.000 a <- OffsetCommit: 0 NOT_COORDINATOR
        fetch
          00:06.000 admin <- OffsetFetch: NONE 
    "#]],
    );
}

#[test]
fn a_new_coordinator_knows_the_group_from_the_log() {
    let script = "commit a 0=5\n crash\n beat a\n fetch\n describe\n wait 9000\n beat b\n wait 1000";
    check(
        GroupConfig::default(),
        TWO,
        script,
        expect![[r#"
        commit a 0=5
          00:06.000 committed t-0 5
          00:06.000 a <- OffsetCommit: 0 NONE
        crash
          00:06.000 coordinator elected, groups: 1
        beat a
          00:06.000 a <- Heartbeat: NONE
        fetch
          00:06.000 admin <- OffsetFetch: NONE 0=5
        describe
          00:06.000 admin <- DescribeGroups: NONE Stable range ["a#1", "b#1"]
        wait 9000
        beat b
          00:15.000 b <- Heartbeat: NONE
        wait 1000
          00:16.000 a#1 is out: session timeout
          00:16.000 rebalance: session of a#1 timed out
          00:16.000 Stable -> PreparingRebalance, generation 1
    "#]],
    );
}

#[test]
fn who_resigns_sends_everybody_away() {
    let script = "join a\n resign\n beat b\n fetch\n load\n beat b\n join b";
    check(
        GroupConfig::default(),
        TWO,
        script,
        expect![[r#"
        join a
          00:06.000 rebalance: member a#1 rejoined
          00:06.000 Stable -> PreparingRebalance, generation 1
        resign
          00:06.000 coordinator resigned
          00:06.000 a <- JoinGroup: NOT_COORDINATOR a#1
        beat b
          00:06.000 b <- Heartbeat: NOT_COORDINATOR
        fetch
          00:06.000 admin <- OffsetFetch: NOT_COORDINATOR 
        load
        beat b
          00:06.000 b <- Heartbeat: COORDINATOR_LOAD_IN_PROGRESS
        join b
          00:06.000 b <- JoinGroup: COORDINATOR_LOAD_IN_PROGRESS b#1
    "#]],
    );
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    check(
        small(),
        "",
        "join a session=5
         join a as=nobody
         beat a
         leave a
         sync a
         fetch
         describe
         join a
         join a
         join b
         join b protocols=roundrobin
         join a
         join a
         join c protocols=sticky
         wait 6000
         sync a a=0 gen=7
         beat b gen=7
         sync a
         join c
         join c
         list",
        expect![[r#"
            join a session=5
              00:00.000 a <- JoinGroup: INVALID_SESSION_TIMEOUT 
            join a as=nobody
              00:00.000 a <- JoinGroup: UNKNOWN_MEMBER_ID nobody
            beat a
              00:00.000 a <- Heartbeat: UNKNOWN_MEMBER_ID
            leave a
              00:00.000 a <- LeaveGroup: NONE ["UNKNOWN_MEMBER_ID"]
            sync a
              00:00.000 a <- SyncGroup: UNKNOWN_MEMBER_ID []
            fetch
              00:00.000 admin <- OffsetFetch: NONE 
            describe
              00:00.000 admin <- DescribeGroups: GROUP_ID_NOT_FOUND Dead  []
            join a
              00:00.000 a <- JoinGroup: MEMBER_ID_REQUIRED a#1
            join a
              00:00.000 a#1 is in
              00:00.000 rebalance: member a#1 joined
              00:00.000 Empty -> PreparingRebalance, generation 0
            join b
              00:00.000 b <- JoinGroup: MEMBER_ID_REQUIRED b#1
            join b protocols=roundrobin
              00:00.000 b <- JoinGroup: INCONSISTENT_GROUP_PROTOCOL b#1
            join a
              00:00.000 a <- JoinGroup: REBALANCE_IN_PROGRESS a#1
            join a
              00:00.000 a <- JoinGroup: REBALANCE_IN_PROGRESS a#1
            join c protocols=sticky
              00:00.000 c <- JoinGroup: INCONSISTENT_GROUP_PROTOCOL 
            wait 6000
              00:03.000 PreparingRebalance -> CompletingRebalance, generation 1
              00:03.000 a <- JoinGroup: a#1, generation 1, range, leader a#1, members [a#1]
            sync a a=0 gen=7
              00:06.000 a <- SyncGroup: ILLEGAL_GENERATION []
            beat b gen=7
              00:06.000 b <- Heartbeat: UNKNOWN_MEMBER_ID
            sync a
              00:06.000 CompletingRebalance -> Stable, generation 1
              00:06.000 a#1 gets []
              00:06.000 a <- SyncGroup: NONE []
            join c
              00:06.000 c <- JoinGroup: MEMBER_ID_REQUIRED c#1
            join c
              00:06.000 c#1 is in
              00:06.000 rebalance: member c#1 joined
              00:06.000 Stable -> PreparingRebalance, generation 1
            list
              00:06.000 admin <- ListGroups: NONE g PreparingRebalance
        "#]],
    );
}

#[test]
fn a_full_group_takes_nobody_else_in() {
    let script = "join c\n beat a\n leave b\n join a\n join c\n join c\n join d";
    check(
        small(),
        TWO,
        script,
        expect![[r#"
        join c
          00:06.000 c <- JoinGroup: GROUP_MAX_SIZE_REACHED 
        beat a
          00:06.000 a <- Heartbeat: NONE
        leave b
          00:06.000 b#1 is out: left
          00:06.000 rebalance: b#1 left
          00:06.000 Stable -> PreparingRebalance, generation 1
          00:06.000 b <- LeaveGroup: NONE ["NONE"]
        join a
          00:06.000 PreparingRebalance -> CompletingRebalance, generation 2
          00:06.000 a <- JoinGroup: a#1, generation 2, range, leader a#1, members [a#1]
        join c
          00:06.000 c <- JoinGroup: MEMBER_ID_REQUIRED c#1
        join c
          00:06.000 c#1 is in
          00:06.000 rebalance: member c#1 joined
          00:06.000 CompletingRebalance -> PreparingRebalance, generation 2
        join d
          00:06.000 d <- JoinGroup: MEMBER_ID_REQUIRED d#1
    "#]],
    );
}

#[test]
fn votes_choose_the_protocol() {
    check(
        GroupConfig::default(),
        "",
        "join a version=3 protocols=range,roundrobin
         join b version=3 protocols=roundrobin,range
         join c version=3 protocols=roundrobin,range,sticky
         wait 9000",
        expect![[r#"
            join a version=3 protocols=range,roundrobin
              00:00.000 a#1 is in
              00:00.000 rebalance: member a#1 joined
              00:00.000 Empty -> PreparingRebalance, generation 0
            join b version=3 protocols=roundrobin,range
              00:00.000 b#1 is in
            join c version=3 protocols=roundrobin,range,sticky
              00:00.000 c#1 is in
            wait 9000
              00:06.000 PreparingRebalance -> CompletingRebalance, generation 1
              00:06.000 a <- JoinGroup: a#1, generation 1, roundrobin, leader a#1, members [a#1 b#1 c#1]
              00:06.000 b <- JoinGroup: b#1, generation 1, roundrobin, leader a#1, members []
              00:06.000 c <- JoinGroup: c#1, generation 1, roundrobin, leader a#1, members []
        "#]],
    );
}

#[test]
fn a_static_member_takes_its_place_again_without_a_rebalance() {
    let script = "join a instance=i1
         join b instance=i2
         wait 6000
         sync a a=0 b=1
         sync b
         join a instance=i1 as=none
         beat b
         join b instance=i2 as=none version=8
         describe
         crash
         describe";
    check(
        GroupConfig::default(),
        "",
        script,
        expect![[r#"
        join a instance=i1
          00:00.000 i1#1 is in
          00:00.000 rebalance: member i1#1 joined
          00:00.000 Empty -> PreparingRebalance, generation 0
        join b instance=i2
          00:00.000 i2#1 is in
        wait 6000
          00:06.000 PreparingRebalance -> CompletingRebalance, generation 1
          00:06.000 a <- JoinGroup: i1#1, generation 1, range, leader i1#1, members [i1#1 i2#1]
          00:06.000 b <- JoinGroup: i2#1, generation 1, range, leader i1#1, members []
        sync a a=0 b=1
          00:06.000 CompletingRebalance -> Stable, generation 1
          00:06.000 i1#1 gets [t-0]
          00:06.000 i2#1 gets [t-1]
          00:06.000 a <- SyncGroup: NONE [t-0]
        sync b
          00:06.000 b <- SyncGroup: NONE [t-1]
        join a instance=i1 as=none
          00:06.000 a <- JoinGroup: i1#2, generation 1, range, leader i1#2, members [i1#2 i2#1], skip assignment
        beat b
          00:06.000 b <- Heartbeat: NONE
        join b instance=i2 as=none version=8
          00:06.000 b <- JoinGroup: i2#2, generation 1, range, leader i1#2, members []
        describe
          00:06.000 admin <- DescribeGroups: NONE Stable range ["i1#2", "i2#2"]
        crash
          00:06.000 coordinator elected, groups: 1
        describe
          00:06.000 admin <- DescribeGroups: NONE Stable range ["i1#2", "i2#2"]
    "#]],
    );
}

#[test]
fn the_old_id_of_a_static_member_is_fenced() {
    check(
        GroupConfig::default(),
        "",
        "join old instance=i
         wait 3000
         sync old
         join new instance=i
         beat old
         commit old 0=1
         commit new 0=1
         join old instance=i
         leave old",
        expect![[r#"
            join old instance=i
              00:00.000 i#1 is in
              00:00.000 rebalance: member i#1 joined
              00:00.000 Empty -> PreparingRebalance, generation 0
            wait 3000
              00:03.000 PreparingRebalance -> CompletingRebalance, generation 1
              00:03.000 old <- JoinGroup: i#1, generation 1, range, leader i#1, members [i#1]
            sync old
              00:03.000 CompletingRebalance -> Stable, generation 1
              00:03.000 i#1 gets []
              00:03.000 old <- SyncGroup: NONE []
            join new instance=i
              00:03.000 new <- JoinGroup: i#2, generation 1, range, leader i#2, members [i#2], skip assignment
            beat old
              00:03.000 old <- Heartbeat: FENCED_INSTANCE_ID
            commit old 0=1
              00:03.000 old <- OffsetCommit: 0 FENCED_INSTANCE_ID
            commit new 0=1
              00:03.000 committed t-0 1
              00:03.000 new <- OffsetCommit: 0 NONE
            join old instance=i
              00:03.000 old <- JoinGroup: FENCED_INSTANCE_ID i#1
            leave old
              00:03.000 old <- LeaveGroup: NONE ["FENCED_INSTANCE_ID"]
        "#]],
    );
}

#[test]
fn an_empty_group_can_be_deleted() {
    let script =
        "commit a 0=5\n delete\n leave a\n leave b\n hold\n delete\n join a\n release\n fetch\n list\n crash";
    check(
        GroupConfig::default(),
        TWO,
        script,
        expect![[r#"
        commit a 0=5
          00:06.000 committed t-0 5
          00:06.000 a <- OffsetCommit: 0 NONE
        delete
          00:06.000 admin <- DeleteGroups: NON_EMPTY_GROUP
        leave a
          00:06.000 a#1 is out: left
          00:06.000 rebalance: a#1 left
          00:06.000 Stable -> PreparingRebalance, generation 1
          00:06.000 a <- LeaveGroup: NONE ["NONE"]
        leave b
          00:06.000 b#1 is out: left
          00:06.000 PreparingRebalance -> Empty, generation 2
          00:06.000 b <- LeaveGroup: NONE ["NONE"]
        hold
        delete
          00:06.000 Empty -> Dead, generation 2
        join a
          00:06.000 a <- JoinGroup: COORDINATOR_NOT_AVAILABLE a#1
        release
          00:06.000 admin <- DeleteGroups: NONE
        fetch
          00:06.000 admin <- OffsetFetch: NONE 
        list
          00:06.000 admin <- ListGroups: NONE 
        crash
          00:06.000 coordinator elected, groups: 0
    "#]],
    );
}

#[test]
fn groups_are_spread_as_java_hashes() {
    let coordinator = GroupCoordinator::new(Arc::new(GroupConfig::default()), 50);
    // "polygenelubricants".hashCode() is Integer.MIN_VALUE, whose absolute value Kafka takes as 0.
    assert_eq!(coordinator.partition_for("polygenelubricants"), 0);
    // "hello".hashCode() is 99162322, "" hashes to 0.
    assert_eq!(coordinator.partition_for("hello"), 22);
    assert_eq!(coordinator.partition_for(""), 0);
}

#[test]
fn old_versions_get_what_they_can_read() {
    let mut story = Story::new(GroupConfig::default());
    let mut out = Outcome::default();
    let caller = Caller { token: 9, api_version: 2, client_id: "old", client_host: "/10.0.0.1" };
    let leave = LeaveGroupRequest { group_id: "g".into(), member_id: "x".into(), members: Vec::new() };
    let mut rng = Rng::stream(1, "x");
    let coordinator = &mut story.coordinator;
    let at = Moment { now: SimTime::ZERO, image: &MetadataImage::default() };
    coordinator.handle(at, &mut rng, caller, GroupRequest::LeaveGroup(leave), &mut out);
    let fetch = OffsetFetchRequest { group_id: "g".into(), topics: None, ..OffsetFetchRequest::default() };
    coordinator.handle(at, &mut rng, caller, GroupRequest::OffsetFetch(fetch), &mut out);
    let join = JoinGroupRequest { group_id: "g".into(), ..JoinGroupRequest::default() };
    coordinator.handle(at, &mut rng, caller, GroupRequest::JoinGroup(join), &mut out);
    let encoded: Vec<bool> = out
        .replies
        .iter()
        .map(|(_, response)| match response {
            GroupResponse::LeaveGroup(r) => r.error_code == ErrorCode::UnknownMemberId && r.encode(2).is_ok(),
            GroupResponse::OffsetFetch(r) => r.encode(2).is_ok(),
            GroupResponse::JoinGroup(r) => r.encode(2).is_ok(),
            _ => false,
        })
        .collect();
    assert_eq!(encoded, [true, true, true]);
}
