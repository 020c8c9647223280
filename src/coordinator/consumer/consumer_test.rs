use expect_test::expect;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::coordinator::GroupConfig;
use crate::coordinator::story::check;

/// The beginning of many stories: a and b share a topic of four partitions.
const TWO: &str = "
    topic t 4
    enter a topics=t
    enter b topics=t
    hb a
    ack a
    hb b
";

#[test]
fn a_member_alone_has_everything_at_once() {
    let script = "enter a topics=t\n hb a\n show";
    check(
        GroupConfig::default(),
        "topic t 2",
        script,
        expect![[r#"
            enter a topics=t
              00:00.000 a is in
              00:00.000 group epoch 1: member a joined
              00:00.000 target 1 by uniform: a [t-0 t-1]
              00:00.000 a at 1 STABLE [t-0 t-1]
              00:00.000 Empty -> Stable, generation 1
              00:00.000 a <- epoch 1, [t-0 t-1]
            hb a
              00:00.000 a <- epoch 1
            show
              00:00.000 admin <- Stable 1/1 uniform
                        a at 1 [t-0 t-1] of [t-0 t-1]
        "#]],
    );
}

#[test]
fn a_newcomer_gets_what_the_other_gives_up() {
    let script = "enter b topics=t\n show\n hb a\n hb b\n ack a\n hb b\n show";
    check(
        GroupConfig::default(),
        "topic t 4\n enter a topics=t",
        script,
        expect![[r#"
            enter b topics=t
              00:00.000 b is in
              00:00.000 group epoch 2: member b joined
              00:00.000 target 2 by uniform: a [t-0 t-1] b [t-2 t-3]
              00:00.000 b at 2 UNRELEASED_PARTITIONS [], awaits [t-2 t-3]
              00:00.000 Stable -> Reconciling, generation 2
              00:00.000 b <- epoch 2, []
            show
              00:00.000 admin <- Reconciling 2/2 uniform
                        a at 1 [t-0 t-1 t-2 t-3] of [t-0 t-1]
                        b at 2 [] of [t-2 t-3]
            hb a
              00:00.000 a at 1 UNREVOKED_PARTITIONS [t-0 t-1], revokes [t-2 t-3]
              00:00.000 a <- epoch 1, [t-0 t-1]
            hb b
              00:00.000 b <- epoch 2
            ack a
              00:00.000 a at 2 STABLE [t-0 t-1]
              00:00.000 a <- epoch 2
            hb b
              00:00.000 b at 2 STABLE [t-2 t-3]
              00:00.000 Reconciling -> Stable, generation 2
              00:00.000 b <- epoch 2, [t-2 t-3]
            show
              00:00.000 admin <- Stable 2/2 uniform
                        a at 2 [t-0 t-1] of [t-0 t-1]
                        b at 2 [t-2 t-3] of [t-2 t-3]
        "#]],
    );
}

#[test]
fn who_leaves_or_is_silent_is_replaced() {
    let script = "go b\n hb a\n show\n enter b topics=t\n wait 44000\n hb b\n wait 2000\n hb a\n hb b";
    check(
        GroupConfig::default(),
        TWO,
        script,
        expect![[r#"
            go b
              00:00.000 b is out: left
              00:00.000 group epoch 3: b left
              00:00.000 Stable -> Assigning, generation 3
              00:00.000 b <- epoch -1
            hb a
              00:00.000 target 3 by uniform: a [t-0 t-1 t-2 t-3]
              00:00.000 a at 3 STABLE [t-0 t-1 t-2 t-3]
              00:00.000 Assigning -> Stable, generation 3
              00:00.000 a <- epoch 3, [t-0 t-1 t-2 t-3]
            show
              00:00.000 admin <- Stable 3/3 uniform
                        a at 3 [t-0 t-1 t-2 t-3] of [t-0 t-1 t-2 t-3]
            enter b topics=t
              00:00.000 b is in
              00:00.000 group epoch 4: member b joined
              00:00.000 target 4 by uniform: a [t-0 t-1] b [t-2 t-3]
              00:00.000 b at 4 UNRELEASED_PARTITIONS [], awaits [t-2 t-3]
              00:00.000 Stable -> Reconciling, generation 4
              00:00.000 b <- epoch 4, []
            wait 44000
            hb b
              00:44.000 b <- epoch 4
            wait 2000
              00:45.000 a is out: session timeout
              00:45.000 group epoch 5: a is out, session timeout
              00:45.000 Reconciling -> Assigning, generation 5
            hb a
              00:46.000 a turned away: UNKNOWN_MEMBER_ID
              00:46.000 a <- UNKNOWN_MEMBER_ID Member a is not a member of group g.
            hb b
              00:46.000 target 5 by uniform: b [t-0 t-1 t-2 t-3]
              00:46.000 b at 5 STABLE [t-0 t-1 t-2 t-3]
              00:46.000 Assigning -> Stable, generation 5
              00:46.000 b <- epoch 5, [t-0 t-1 t-2 t-3]
        "#]],
    );
}

#[test]
fn who_does_not_give_up_in_time_is_out() {
    let script = "hb a\n wait 15000\n hb a\n wait 5000\n hb b\n hb a\n enter a topics=t";
    check(
        GroupConfig::default(),
        "topic t 2\n enter a topics=t\n enter b topics=t",
        script,
        expect![[r#"
            hb a
              00:00.000 a at 1 UNREVOKED_PARTITIONS [t-0], revokes [t-1]
              00:00.000 a <- epoch 1, [t-0]
            wait 15000
            hb a
              00:15.000 a <- epoch 1
            wait 5000
              00:20.000 a is out: did not give up its partitions in time
              00:20.000 group epoch 3: a is out, did not give up its partitions in time
              00:20.000 Reconciling -> Assigning, generation 3
            hb b
              00:20.000 target 3 by uniform: b [t-0 t-1]
              00:20.000 b at 3 STABLE [t-0 t-1]
              00:20.000 Assigning -> Stable, generation 3
              00:20.000 b <- epoch 3, [t-0 t-1]
            hb a
              00:20.000 a turned away: UNKNOWN_MEMBER_ID
              00:20.000 a <- UNKNOWN_MEMBER_ID Member a is not a member of group g.
            enter a topics=t
              00:20.000 a is in
              00:20.000 group epoch 4: member a joined
              00:20.000 target 4 by uniform: a [t-1] b [t-0]
              00:20.000 a at 4 UNRELEASED_PARTITIONS [], awaits [t-1]
              00:20.000 Stable -> Reconciling, generation 4
              00:20.000 a <- epoch 4, []
        "#]],
    );
}

#[test]
fn epochs_fence() {
    let script = "
        hb a epoch=1
        hb a epoch=9
        hb a epoch=1 owns=t-0
        hb stranger epoch=3
        enter a topics=t
    ";
    check(
        GroupConfig::default(),
        TWO,
        script,
        expect![[r#"
            hb a epoch=1
              00:00.000 a turned away: FENCED_MEMBER_EPOCH
              00:00.000 a <- FENCED_MEMBER_EPOCH The consumer group member has a smaller member epoch (1) tha
            hb a epoch=9
              00:00.000 a turned away: FENCED_MEMBER_EPOCH
              00:00.000 a <- FENCED_MEMBER_EPOCH The consumer group member has a greater member epoch (9) tha
            hb a epoch=1 owns=t-0
              00:00.000 a <- epoch 2
            hb stranger epoch=3
              00:00.000 stranger turned away: UNKNOWN_MEMBER_ID
              00:00.000 stranger <- UNKNOWN_MEMBER_ID Member stranger is not a member of group g.
            enter a topics=t
              00:00.000 a <- epoch 2, [t-0 t-1]
        "#]],
    );
}

#[test]
fn an_answer_that_was_lost_is_given_again() {
    let before = "topic t 2\n enter a topics=t\n enter b topics=t\n hb a\n ack a";
    let script = "hb a epoch=1 owns=t-0\n hb a epoch=1 owns=t-0,t-1\n hb a epoch=1";
    check(
        GroupConfig::default(),
        before,
        script,
        expect![[r#"
            hb a epoch=1 owns=t-0
              00:00.000 a <- epoch 2
            hb a epoch=1 owns=t-0,t-1
              00:00.000 a turned away: FENCED_MEMBER_EPOCH
              00:00.000 a <- FENCED_MEMBER_EPOCH The consumer group member has a smaller member epoch (1) tha
            hb a epoch=1
              00:00.000 a turned away: FENCED_MEMBER_EPOCH
              00:00.000 a <- FENCED_MEMBER_EPOCH The consumer group member has a smaller member epoch (1) tha
        "#]],
    );
}

#[test]
fn a_static_member_keeps_its_place() {
    let script = "
        enter a as=a2 topics=t instance=i
        enter a as=a1 topics=t instance=i
        away a
        show
        hb b
        enter a as=a2 topics=t instance=i
        hb b
        go a
        hb b
    ";
    let before =
        "topic t 2\n enter a as=a1 topics=t instance=i\n enter b topics=t\n ack a\n ack a owns=t-0\n hb b";
    check(
        GroupConfig::default(),
        before,
        script,
        expect![[r#"
            enter a as=a2 topics=t instance=i
              00:00.000 a2 turned away: UNRELEASED_INSTANCE_ID
              00:00.000 a <- UNRELEASED_INSTANCE_ID Static member a2 with instance id i cannot join the group be
            enter a as=a1 topics=t instance=i
              00:00.000 a1 turned away: UNRELEASED_INSTANCE_ID
              00:00.000 a <- UNRELEASED_INSTANCE_ID Static member a1 with instance id i cannot join the group be
            away a
              00:00.000 a1 is out: left, to be back soon
              00:00.000 Stable -> Reconciling, generation 2
              00:00.000 a <- epoch -2
            show
              00:00.000 admin <- Reconciling 2/2 uniform
                        a1 at -2 [t-0] of [t-0]
                        b at 2 [t-1] of [t-1]
            hb b
              00:00.000 b <- epoch 2
            enter a as=a2 topics=t instance=i
              00:00.000 a1 is out: its next process came
              00:00.000 a2 is in
              00:00.000 a2 at 2 STABLE [t-0]
              00:00.000 Reconciling -> Stable, generation 2
              00:00.000 a <- epoch 2, [t-0]
            hb b
              00:00.000 b <- epoch 2
            go a
              00:00.000 a2 is out: left
              00:00.000 group epoch 3: a2 left
              00:00.000 Stable -> Assigning, generation 3
              00:00.000 a <- epoch -1
            hb b
              00:00.000 target 3 by uniform: b [t-0 t-1]
              00:00.000 b at 3 STABLE [t-0 t-1]
              00:00.000 Assigning -> Stable, generation 3
              00:00.000 b <- epoch 3, [t-0 t-1]
        "#]],
    );
}

#[test]
fn a_static_member_that_stays_away_is_out() {
    let before = "topic t 2\n enter a topics=t instance=i\n enter b topics=t\n ack a\n ack a owns=t-0\n hb b";
    let script = "away a\n wait 40000\n hb b\n wait 6000\n hb b\n show";
    check(
        GroupConfig::default(),
        before,
        script,
        expect![[r#"
            away a
              00:00.000 a is out: left, to be back soon
              00:00.000 Stable -> Reconciling, generation 2
              00:00.000 a <- epoch -2
            wait 40000
            hb b
              00:40.000 b <- epoch 2
            wait 6000
              00:45.000 a is out: session timeout
              00:45.000 group epoch 3: a is out, session timeout
              00:45.000 Reconciling -> Assigning, generation 3
            hb b
              00:46.000 target 3 by uniform: b [t-0 t-1]
              00:46.000 b at 3 STABLE [t-0 t-1]
              00:46.000 Assigning -> Stable, generation 3
              00:46.000 b <- epoch 3, [t-0 t-1]
            show
              00:46.000 admin <- Stable 3/3 uniform
                        b at 3 [t-0 t-1] of [t-0 t-1]
        "#]],
    );
}

#[test]
fn topics_that_come_grow_and_go_raise_the_epoch() {
    let script = "topic u 1\n hb a\n topic t 3\n hb a\n topic t 0\n hb a";
    check(
        GroupConfig::default(),
        "topic t 2\n enter a topics=t,u",
        script,
        expect![[r#"
        topic u 1
        hb a
          00:00.000 group epoch 2: topics changed
          00:00.000 target 2 by uniform: a [t-0 t-1 u-0]
          00:00.000 a at 2 STABLE [t-0 t-1 u-0]
          00:00.000 a <- epoch 2, [t-0 t-1 u-0]
        topic t 3
        hb a
          00:00.000 group epoch 3: topics changed
          00:00.000 target 3 by uniform: a [t-0 t-1 t-2 u-0]
          00:00.000 a at 3 STABLE [t-0 t-1 t-2 u-0]
          00:00.000 a <- epoch 3, [t-0 t-1 t-2 u-0]
        topic t 0
        hb a
          00:00.000 group epoch 4: topics changed
          00:00.000 target 4 by uniform: a [u-0]
          00:00.000 a at 3 UNREVOKED_PARTITIONS [u-0]
          00:00.000 Stable -> Reconciling, generation 4
          00:00.000 a <- epoch 3, [u-0]
    "#]],
    );
}

#[test]
fn regular_expressions_are_looked_up_a_moment_later() {
    let script = "
        enter a regex=t.*
        show
        wait 5000
        hb a
        topic t3 1
        wait 5000
        hb a
        wait 5000
        hb a
        wait 1000
        hb a
        enter b regex=t(
        enter b regex=t.*
        ack a regex=u
        wait 1
        hb a
    ";
    check(
        GroupConfig::default(),
        "topic t1 1\n topic t2 1\n topic xt 1",
        script,
        expect![[r#"
            enter a regex=t.*
              00:00.000 a is in
              00:00.000 group epoch 1: member a joined
              00:00.000 target 1 by uniform: a []
              00:00.000 a at 1 STABLE []
              00:00.000 Empty -> Stable, generation 1
              00:00.000 a <- epoch 1, []
            show
              00:00.000 admin <- Stable 1/1 uniform
                        a at 1 [] of []
            wait 5000
              00:00.000 t.* is [t1 t2]
              00:00.000 group epoch 2: a regular expression matches other topics
              00:00.000 Stable -> Assigning, generation 2
            hb a
              00:05.000 target 2 by uniform: a [t1-0 t2-0]
              00:05.000 a at 2 STABLE [t1-0 t2-0]
              00:05.000 Assigning -> Stable, generation 2
              00:05.000 a <- epoch 2, [t1-0 t2-0]
            topic t3 1
            wait 5000
            hb a
              00:10.000 a <- epoch 2
            wait 5000
            hb a
              00:15.000 a <- epoch 2
            wait 1000
              00:15.000 t.* is [t1 t2 t3]
              00:15.000 group epoch 3: a regular expression matches other topics
              00:15.000 Stable -> Assigning, generation 3
            hb a
              00:16.000 target 3 by uniform: a [t1-0 t2-0 t3-0]
              00:16.000 a at 3 STABLE [t1-0 t2-0 t3-0]
              00:16.000 Assigning -> Stable, generation 3
              00:16.000 a <- epoch 3, [t1-0 t2-0 t3-0]
            enter b regex=t(
              00:16.000 b <- INVALID_REGULAR_EXPRESSION SubscribedTopicRegex `t(` is not a valid regular expression:
            enter b regex=t.*
              00:16.000 b is in
              00:16.000 group epoch 4: member b joined
              00:16.000 target 4 by uniform: a [t1-0 t2-0] b [t3-0]
              00:16.000 b at 4 UNRELEASED_PARTITIONS [], awaits [t3-0]
              00:16.000 Stable -> Reconciling, generation 4
              00:16.000 b <- epoch 4, []
            ack a regex=u
              00:16.000 a at 3 UNREVOKED_PARTITIONS [t1-0 t2-0], revokes [t3-0]
              00:16.000 a <- epoch 3, [t1-0 t2-0]
            wait 1
            hb a
              00:16.001 a <- epoch 3
        "#]],
    );
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let script = "
        enter a topics=t rebalance=-1
        enter a
        enter a topics=t owns=t-0
        hb a epoch=-3
        hb a epoch=-2
        hb a epoch=5
        go a
        enter a topics=t assignor=magic
        enter a topics=t assignor=range
        enter b topics=t
    ";
    let config = GroupConfig { consumer_max_size: 1, ..GroupConfig::default() };
    check(
        config,
        "topic t 1",
        script,
        expect![[r#"
            enter a topics=t rebalance=-1
              00:00.000 a <- INVALID_REQUEST RebalanceTimeoutMs must be provided in first request.
            enter a
              00:00.000 a <- INVALID_REQUEST Either SubscribedTopicNames or SubscribedTopicRegex must be 
            enter a topics=t owns=t-0
              00:00.000 a <- INVALID_REQUEST TopicPartitions must be empty when (re-)joining.
            hb a epoch=-3
              00:00.000 a <- INVALID_REQUEST MemberEpoch is -3, but must be greater than or equal to -2.
            hb a epoch=-2
              00:00.000 a <- INVALID_REQUEST InstanceId can't be null.
            hb a epoch=5
              00:00.000 a <- GROUP_ID_NOT_FOUND Group g not found.
            go a
              00:00.000 a <- GROUP_ID_NOT_FOUND Group g not found.
            enter a topics=t assignor=magic
              00:00.000 a <- UNSUPPORTED_ASSIGNOR ServerAssignor magic is not supported. Supported assignors: 
            enter a topics=t assignor=range
              00:00.000 a is in
              00:00.000 group epoch 1: member a joined
              00:00.000 target 1 by range: a [t-0]
              00:00.000 a at 1 STABLE [t-0]
              00:00.000 Empty -> Stable, generation 1
              00:00.000 a <- epoch 1, [t-0]
            enter b topics=t
              00:00.000 b <- GROUP_MAX_SIZE_REACHED The consumer group has reached its maximum capacity of 1 mem
        "#]],
    );
}

#[test]
fn a_new_coordinator_goes_on_where_the_old_one_was() {
    let before = "topic t 4\n enter a topics=t\n enter b topics=t\n hb a";
    let script = "crash\n show\n hb b\n ack a\n hb b\n wait 45000\n show";
    check(
        GroupConfig::default(),
        before,
        script,
        expect![[r#"
            crash
              00:00.000 coordinator elected, groups: 1
            show
              00:00.000 admin <- Reconciling 2/2 uniform
                        a at 1 [t-0 t-1] of [t-0 t-1]
                        b at 2 [] of [t-2 t-3]
            hb b
              00:00.000 b <- epoch 2
            ack a
              00:00.000 a at 2 STABLE [t-0 t-1]
              00:00.000 a <- epoch 2
            hb b
              00:00.000 b at 2 STABLE [t-2 t-3]
              00:00.000 Reconciling -> Stable, generation 2
              00:00.000 b <- epoch 2, [t-2 t-3]
            wait 45000
              00:45.000 a is out: session timeout
              00:45.000 group epoch 3: a is out, session timeout
              00:45.000 Stable -> Assigning, generation 3
              00:45.000 b is out: session timeout
              00:45.000 group epoch 4: b is out, session timeout
              00:45.000 Assigning -> Empty, generation 4
            show
              00:45.000 admin <- Empty 4/2 uniform
        "#]],
    );
}

#[test]
fn what_is_not_committed_is_not_told() {
    let script = "
        hold
        enter b topics=t
        hb a
        hb a
        release
        crash
        show
        refuse NOT_ENOUGH_REPLICAS
        enter c topics=t
        refuse
        show
        hold
        go b
        resign
    ";
    check(
        GroupConfig::default(),
        "topic t 2\n enter a topics=t",
        script,
        expect![[r#"
            hold
            enter b topics=t
              00:00.000 b is in
              00:00.000 group epoch 2: member b joined
              00:00.000 target 2 by uniform: a [t-0] b [t-1]
              00:00.000 b at 2 UNRELEASED_PARTITIONS [], awaits [t-1]
              00:00.000 Stable -> Reconciling, generation 2
            hb a
              00:00.000 a at 1 UNREVOKED_PARTITIONS [t-0], revokes [t-1]
            hb a
            release
              00:00.000 b <- epoch 2, []
              00:00.000 a <- epoch 1, [t-0]
              00:00.000 a <- epoch 1
            crash
              00:00.000 coordinator elected, groups: 1
            show
              00:00.000 admin <- Reconciling 2/2 uniform
                        a at 1 [t-0] of [t-0]
                        b at 2 [] of [t-1]
            refuse NOT_ENOUGH_REPLICAS
            enter c topics=t
              00:00.000 c is in
              00:00.000 group epoch 3: member c joined
              00:00.000 target 3 by uniform: a [t-0] b [t-1] c []
              00:00.000 c at 3 STABLE []
              00:00.000 c <- COORDINATOR_NOT_AVAILABLE There is no coordinator for now.
            refuse
            show
              00:00.000 admin <- Reconciling 2/2 uniform
                        a at 1 [t-0] of [t-0]
                        b at 2 [] of [t-1]
            hold
            go b
              00:00.000 b is out: left
              00:00.000 group epoch 3: b left
              00:00.000 Reconciling -> Assigning, generation 3
            resign
              00:00.000 coordinator resigned
              00:00.000 b <- NOT_COORDINATOR Another broker coordinates this group or transaction.
        "#]],
    );
}

#[test]
fn commits_carry_the_member_epoch() {
    let script = "
        commit a 0=5
        commit a 0=5 gen=1
        commit a 0=5 version=8
        commit admin 0=5 gen=-1
        fetch a
        fetch a epoch=2
        fetch a epoch=1
        fetch stranger epoch=2
        delete
        go a
        go b
        commit admin 0=7 gen=-1
        fetch a
        list admin type=consumer
        list admin type=classic
        describe
        delete
        show
    ";
    check(
        GroupConfig::default(),
        TWO,
        script,
        expect![[r#"
        commit a 0=5
          00:00.000 committed t-0 5
          00:00.000 a <- OffsetCommit: 0 NONE
        commit a 0=5 gen=1
          00:00.000 a <- OffsetCommit: 0 STALE_MEMBER_EPOCH
        commit a 0=5 version=8
          00:00.000 a <- OffsetCommit: 0 UNSUPPORTED_VERSION
        commit admin 0=5 gen=-1
          00:00.000 admin <- OffsetCommit: 0 UNKNOWN_MEMBER_ID
        fetch a
          00:00.000 a <- OffsetFetch: NONE 0=5
        fetch a epoch=2
          00:00.000 a <- OffsetFetch: NONE 0=5
        fetch a epoch=1
          00:00.000 a <- OffsetFetch: STALE_MEMBER_EPOCH 
        fetch stranger epoch=2
          00:00.000 stranger <- OffsetFetch: UNKNOWN_MEMBER_ID 
        delete
          00:00.000 admin <- DeleteGroups: NON_EMPTY_GROUP
        go a
          00:00.000 a is out: left
          00:00.000 group epoch 3: a left
          00:00.000 Stable -> Assigning, generation 3
          00:00.000 a <- epoch -1
        go b
          00:00.000 b is out: left
          00:00.000 group epoch 4: b left
          00:00.000 Assigning -> Empty, generation 4
          00:00.000 b <- epoch -1
        commit admin 0=7 gen=-1
          00:00.000 committed t-0 7
          00:00.000 admin <- OffsetCommit: 0 NONE
        fetch a
          00:00.000 a <- OffsetFetch: NONE 0=7
        list admin type=consumer
          00:00.000 admin <- ListGroups: NONE g Empty
        list admin type=classic
          00:00.000 admin <- ListGroups: NONE 
        describe
          00:00.000 admin <- DescribeGroups: GROUP_ID_NOT_FOUND Dead  []
        delete
          00:00.000 Empty -> Dead, generation 4
          00:00.000 admin <- DeleteGroups: NONE
        show
          00:00.000 admin <- GROUP_ID_NOT_FOUND Group g not found.
    "#]],
    );
}

#[test]
fn a_groups_own_timeouts_hold() {
    let script = "
        config consumer.session.timeout.ms 50000
        config consumer.heartbeat.interval.ms 9000
        enter a topics=t
        wait 49000
        show
        wait 1000
        show
    ";
    check(
        GroupConfig::default(),
        "topic t 1",
        script,
        expect![[r#"
            config consumer.session.timeout.ms 50000
            config consumer.heartbeat.interval.ms 9000
            enter a topics=t
              00:00.000 a is in
              00:00.000 group epoch 1: member a joined
              00:00.000 target 1 by uniform: a [t-0]
              00:00.000 a at 1 STABLE [t-0]
              00:00.000 Empty -> Stable, generation 1
              00:00.000 a <- epoch 1, [t-0]
            wait 49000
            show
              00:49.000 admin <- Stable 1/1 uniform
                        a at 1 [t-0] of [t-0]
            wait 1000
              00:50.000 a is out: session timeout
              00:50.000 group epoch 2: a is out, session timeout
              00:50.000 Stable -> Empty, generation 2
            show
              00:50.000 admin <- Empty 2/1 uniform
        "#]],
    );
}
