use expect_test::expect;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::coordinator::story::check;
use crate::coordinator::{GroupConfig, MigrationPolicy};

fn with(policy: MigrationPolicy) -> GroupConfig {
    GroupConfig { consumer_migration_policy: policy, ..GroupConfig::default() }
}

/// a and b in a classic group.
const CLASSIC: &str = "
    topic t 4
    join a
    join a
    join b
    join b
    wait 6000
    sync a a=0,1 b=2,3
    sync b
";

#[test]
fn a_classic_group_migrates_and_goes_back() {
    let script = "
        enter c topics=t
        show
        beat a
        join a
        sync a
        beat a
        join b
        sync b
        hb c
        beat a
        join a
        sync a
        hb c
        show
        describe
        go c
        beat a
        join a
        join b
        sync a a=0,1 b=2,3
        crash
        describe
    ";
    check(
        GroupConfig::default(),
        CLASSIC,
        script,
        expect![[r#"
            enter c topics=t
              00:06.000 from classic to consumer
              00:06.000 c is in
              00:06.000 group epoch 2: member c joined
              00:06.000 target 2 by uniform: a#1 [t-0 t-1] b#1 [t-2] c [t-3]
              00:06.000 c at 2 UNRELEASED_PARTITIONS [], awaits [t-3]
              00:06.000 Stable -> Reconciling, generation 2
              00:06.000 c <- epoch 2, []
            show
              00:06.000 admin <- Reconciling 2/2 uniform
                        a#1 classic at 1 [t-0 t-1] of [t-0 t-1]
                        b#1 classic at 1 [t-2 t-3] of [t-2]
                        c at 2 [] of [t-3]
            beat a
              00:06.000 a <- Heartbeat: REBALANCE_IN_PROGRESS
            join a
              00:06.000 a#1 at 2 STABLE [t-0 t-1]
              00:06.000 a <- JoinGroup: a#1, generation 2, range, leader , members []
            sync a
              00:06.000 a <- SyncGroup: NONE [t-0 t-1]
            beat a
              00:06.000 a <- Heartbeat: NONE
            join b
              00:06.000 b#1 at 2 STABLE [t-2]
              00:06.000 b <- JoinGroup: b#1, generation 2, range, leader , members []
            sync b
              00:06.000 b <- SyncGroup: NONE [t-2]
            hb c
              00:06.000 c at 2 STABLE [t-3]
              00:06.000 Reconciling -> Stable, generation 2
              00:06.000 c <- epoch 2, [t-3]
            beat a
              00:06.000 a <- Heartbeat: NONE
            join a
              00:06.000 a <- JoinGroup: a#1, generation 2, range, leader , members []
            sync a
              00:06.000 a <- SyncGroup: NONE [t-0 t-1]
            hb c
              00:06.000 c <- epoch 2
            show
              00:06.000 admin <- Stable 2/2 uniform
                        a#1 classic at 2 [t-0 t-1] of [t-0 t-1]
                        b#1 classic at 2 [t-2] of [t-2]
                        c at 2 [t-3] of [t-3]
            describe
              00:06.000 admin <- DescribeGroups: GROUP_ID_NOT_FOUND Dead  []
            go c
              00:06.000 c is out: left
              00:06.000 from consumer to classic
              00:06.000 rebalance: group g went back to the classic protocol
              00:06.000 Stable -> PreparingRebalance, generation 2
              00:06.000 c <- epoch -1
            beat a
              00:06.000 a <- Heartbeat: REBALANCE_IN_PROGRESS
            join a
            join b
              00:06.000 PreparingRebalance -> CompletingRebalance, generation 3
              00:06.000 a <- JoinGroup: a#1, generation 3, range, leader a#1, members [a#1 b#1]
              00:06.000 b <- JoinGroup: b#1, generation 3, range, leader a#1, members []
            sync a a=0,1 b=2,3
              00:06.000 CompletingRebalance -> Stable, generation 3
              00:06.000 a#1 gets [t-0 t-1]
              00:06.000 b#1 gets [t-2 t-3]
              00:06.000 a <- SyncGroup: NONE [t-0 t-1]
            crash
              00:06.000 coordinator elected, groups: 1
            describe
              00:06.000 admin <- DescribeGroups: NONE Stable range ["a#1", "b#1"]
        "#]],
    );
}

#[test]
fn migration_can_be_forbidden() {
    check(
        with(MigrationPolicy::Disabled),
        CLASSIC,
        "enter c topics=t\n leave a\n leave b\n enter c topics=t",
        expect![[r#"
            enter c topics=t
              00:06.000 c <- GROUP_ID_NOT_FOUND Cannot upgrade classic group g to consumer group because onl
            leave a
              00:06.000 a#1 is out: left
              00:06.000 rebalance: a#1 left
              00:06.000 Stable -> PreparingRebalance, generation 1
              00:06.000 a <- LeaveGroup: NONE ["NONE"]
            leave b
              00:06.000 b#1 is out: left
              00:06.000 PreparingRebalance -> Empty, generation 2
              00:06.000 b <- LeaveGroup: NONE ["NONE"]
            enter c topics=t
              00:06.000 c is in
              00:06.000 group epoch 1: member c joined
              00:06.000 target 1 by uniform: c [t-0 t-1 t-2 t-3]
              00:06.000 c at 1 STABLE [t-0 t-1 t-2 t-3]
              00:06.000 Empty -> Stable, generation 1
              00:06.000 c <- epoch 1, [t-0 t-1 t-2 t-3]
        "#]],
    );
    let before = format!("{CLASSIC}\n enter c topics=t");
    check(
        with(MigrationPolicy::Upgrade),
        &before,
        "go c\n show",
        expect![[r#"
            go c
              00:06.000 c is out: left
              00:06.000 group epoch 3: c left
              00:06.000 Reconciling -> Assigning, generation 3
              00:06.000 c <- epoch -1
            show
              00:06.000 admin <- Assigning 3/2 uniform
                        a#1 classic at 1 [t-0 t-1] of [t-0 t-1]
                        b#1 classic at 1 [t-2 t-3] of [t-2]
        "#]],
    );
}

#[test]
fn classic_members_are_held_to_their_rejoin_and_sync() {
    let script =
        "beat a\n wait 9000\n beat a\n beat b\n wait 9000\n beat a\n wait 3000\n beat b\n join b\n show";
    let before = format!("{CLASSIC}\n enter c topics=t");
    check(
        GroupConfig::default(),
        &before,
        script,
        expect![[r#"
            beat a
              00:06.000 a <- Heartbeat: REBALANCE_IN_PROGRESS
            wait 9000
            beat a
              00:15.000 a <- Heartbeat: REBALANCE_IN_PROGRESS
            beat b
              00:15.000 b <- Heartbeat: REBALANCE_IN_PROGRESS
            wait 9000
            beat a
              00:24.000 a <- Heartbeat: REBALANCE_IN_PROGRESS
            wait 3000
              00:25.000 b#1 is out: session timeout
              00:25.000 group epoch 3: b#1 is out, session timeout
              00:25.000 Reconciling -> Assigning, generation 3
              00:26.000 a#1 is out: did not rejoin in time
              00:26.000 group epoch 4: a#1 is out, did not rejoin in time
            beat b
              00:27.000 b <- Heartbeat: UNKNOWN_MEMBER_ID
            join b
              00:27.000 b#1 is in
              00:27.000 group epoch 5: member b#1 joined
              00:27.000 target 5 by uniform: b#1 [t-0 t-1] c [t-2 t-3]
              00:27.000 b#1 at 5 STABLE [t-0 t-1]
              00:27.000 Assigning -> Reconciling, generation 5
              00:27.000 b <- JoinGroup: b#1, generation 5, range, leader , members []
            show
              00:27.000 admin <- Reconciling 5/5 uniform
                        b#1 classic at 5 [t-0 t-1] of [t-0 t-1]
                        c at 2 [] of [t-2 t-3]
        "#]],
    );
}

#[test]
fn a_classic_member_comes_to_a_group_that_nobody_is_in() {
    check(
        GroupConfig::default(),
        "topic t 1\n enter a topics=t\n go a",
        "join b\n join b\n wait 3000\n list admin",
        expect![[r#"
        join b
          00:00.000 b <- JoinGroup: MEMBER_ID_REQUIRED b#1
        join b
          00:00.000 b#1 is in
          00:00.000 rebalance: member b#1 joined
          00:00.000 Empty -> PreparingRebalance, generation 0
        wait 3000
          00:03.000 PreparingRebalance -> CompletingRebalance, generation 1
          00:03.000 b <- JoinGroup: b#1, generation 1, range, leader b#1, members [b#1]
        list admin
          00:03.000 admin <- ListGroups: NONE g CompletingRebalance
    "#]],
    );
}

#[test]
fn the_last_member_of_the_new_protocol_comes_back_as_one_of_the_old() {
    let before = "topic t 2\n enter a topics=t instance=i\n join b\n join b";
    check(
        GroupConfig::default(),
        before,
        "join a as=none instance=i\n show\n describe",
        expect![[r#"
        join a as=none instance=i
          00:00.000 a is out: its next process came
          00:00.000 M_MewEYyKXQ82Mwme96Xeg is in
          00:00.000 M_MewEYyKXQ82Mwme96Xeg at 2 STABLE [t-0]
          00:00.000 from consumer to classic
          00:00.000 Reconciling -> Stable, generation 2
          00:00.000 a <- JoinGroup: M_MewEYyKXQ82Mwme96Xeg, generation 2, range, leader , members []
        show
          00:00.000 admin <- GROUP_ID_NOT_FOUND Group g is not a consumer group.
        describe
          00:00.000 admin <- DescribeGroups: NONE Stable range ["M_MewEYyKXQ82Mwme96Xeg", "YkXLOkvAMW8A8dXnudVeEA"]
    "#]],
    );
}

#[test]
fn nothing_comes_behind_the_tombstones_of_a_group() {
    let before = "topic t 1\n enter a topics=t\n go a\n commit admin 0=5 gen=-1";
    let script = "hold\n delete\n enter a topics=t\n join b version=3\n describe\n release\n enter a topics=t\n crash\n show";
    check(
        GroupConfig::default(),
        before,
        script,
        expect![[r#"
            hold
            delete
              00:00.000 Empty -> Dead, generation 2
            enter a topics=t
              00:00.000 a <- COORDINATOR_NOT_AVAILABLE The group is being deleted.
            join b version=3
              00:00.000 b <- JoinGroup: COORDINATOR_NOT_AVAILABLE 
            describe
              00:00.000 admin <- DescribeGroups: GROUP_ID_NOT_FOUND Dead  []
            release
              00:00.000 admin <- DeleteGroups: NONE
            enter a topics=t
              00:00.000 a is in
              00:00.000 group epoch 1: member a joined
              00:00.000 target 1 by uniform: a [t-0]
              00:00.000 a at 1 STABLE [t-0]
              00:00.000 Empty -> Stable, generation 1
              00:00.000 a <- epoch 1, [t-0]
            crash
              00:00.000 coordinator elected, groups: 1
            show
              00:00.000 admin <- Stable 1/1 uniform
                        a at 1 [t-0] of [t-0]
        "#]],
    );
}

/// As Kafka's coordinator answers from what is committed: what may still fail is nobody's business.
#[test]
fn who_asks_is_told_what_is_committed() {
    let asks = "show\n list\n describe\n fetch b epoch=2\n fetch a epoch=1\n";
    let script = format!("hold\n enter b topics=t\n {asks} hb a\n release\n show\n fetch b epoch=2\n");
    check(
        GroupConfig::default(),
        "topic t 2\n enter a topics=t",
        &script,
        expect![[r#"
        hold
        enter b topics=t
          00:00.000 b is in
          00:00.000 group epoch 2: member b joined
          00:00.000 target 2 by uniform: a [t-0] b [t-1]
          00:00.000 b at 2 UNRELEASED_PARTITIONS [], awaits [t-1]
          00:00.000 Stable -> Reconciling, generation 2
        show
          00:00.000 admin <- Stable 1/1 uniform
                    a at 1 [t-0 t-1] of [t-0 t-1]
        list
          00:00.000 admin <- ListGroups: NONE g Stable
        describe
          00:00.000 admin <- DescribeGroups: GROUP_ID_NOT_FOUND Dead  []
        fetch b epoch=2
          00:00.000 b <- OffsetFetch: UNKNOWN_MEMBER_ID 
        fetch a epoch=1
          00:00.000 a <- OffsetFetch: NONE 
        hb a
          00:00.000 a at 1 UNREVOKED_PARTITIONS [t-0], revokes [t-1]
        release
          00:00.000 b <- epoch 2, []
          00:00.000 a <- epoch 1, [t-0]
        show
          00:00.000 admin <- Reconciling 2/2 uniform
                    a at 1 [t-0] of [t-0]
                    b at 2 [] of [t-1]
        fetch b epoch=2
          00:00.000 b <- OffsetFetch: NONE 
    "#]],
    );
    let script = format!("hold\n enter a topics=t\n {asks} release\n list");
    check(
        GroupConfig::default(),
        "topic t 2",
        &script,
        expect![[r#"
        hold
        enter a topics=t
          00:00.000 a is in
          00:00.000 group epoch 1: member a joined
          00:00.000 target 1 by uniform: a [t-0 t-1]
          00:00.000 a at 1 STABLE [t-0 t-1]
          00:00.000 Empty -> Stable, generation 1
        show
          00:00.000 admin <- GROUP_ID_NOT_FOUND Group g not found.
        list
          00:00.000 admin <- ListGroups: NONE 
        describe
          00:00.000 admin <- DescribeGroups: GROUP_ID_NOT_FOUND Dead  []
        fetch b epoch=2
          00:00.000 b <- OffsetFetch: NONE 
        fetch a epoch=1
          00:00.000 a <- OffsetFetch: NONE 
        release
          00:00.000 a <- epoch 1, [t-0 t-1]
        list
          00:00.000 admin <- ListGroups: NONE g Stable
    "#]],
    );
    let script = format!("hold\n enter b topics=t\n {asks} fail NOT_ENOUGH_REPLICAS\n list");
    check(
        GroupConfig::default(),
        "topic t 2\n join a\n join a\n sync a a=0",
        &script,
        expect![[r#"
        hold
        enter b topics=t
          00:00.000 from classic to consumer
          00:00.000 b is in
          00:00.000 group epoch 1: member b joined
          00:00.000 target 1 by uniform: a#1 [t-0] b [t-1]
          00:00.000 b at 1 STABLE [t-1]
          00:00.000 PreparingRebalance -> Reconciling, generation 1
          00:00.000 a <- JoinGroup: REBALANCE_IN_PROGRESS a#1
        show
          00:00.000 admin <- GROUP_ID_NOT_FOUND Group g is not a consumer group.
        list
          00:00.000 admin <- ListGroups: NONE g PreparingRebalance
        describe
          00:00.000 admin <- DescribeGroups: NONE PreparingRebalance  ["a#1"]
        fetch b epoch=2
          00:00.000 b <- OffsetFetch: NONE 
        fetch a epoch=1
          00:00.000 a <- OffsetFetch: NONE 
        fail NOT_ENOUGH_REPLICAS
          00:00.000 b <- COORDINATOR_NOT_AVAILABLE There is no coordinator for now.
        list
          00:00.000 admin <- ListGroups: NONE g PreparingRebalance
    "#]],
    );
}
