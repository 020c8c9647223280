//! Stories of share groups.

use expect_test::expect;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::base::Map;
use crate::coordinator::GroupConfig;
use crate::coordinator::outcome::{GroupRequest, GroupResponse};
use crate::coordinator::story::{Story, check, shown};
use crate::protocol::messages::share_group_describe::{self as told, ShareGroupDescribeRequest};
use crate::protocol::messages::share_group_heartbeat::ShareGroupHeartbeatRequest;
use crate::protocol::{TopicPartition, Uuid};

impl Story {
    /// `sharer a topics=t,u` joins, `pulse a [epoch=3] [topics=…]` is a heartbeat, `quit a` leaves,
    /// `sharers` describes.
    pub(in crate::coordinator) fn ask_share_group(&mut self, command: &str, rest: &[&str]) -> bool {
        let name = rest.first().copied().unwrap_or("admin").to_owned();
        let options: Map<&str, &str> = rest.iter().filter_map(|word| word.split_once('=')).collect();
        let known = self.clients.entry(name.clone()).or_default();
        let epoch = match command {
            "sharers" => {
                let group_ids = vec!["g".to_owned()];
                let request = ShareGroupDescribeRequest { group_ids, ..Default::default() };
                self.send(&name, 1, GroupRequest::ShareGroupDescribe(request));
                return true;
            }
            "sharer" => 0,
            "pulse" => known.generation,
            "quit" => -1,
            _ => return false,
        };
        let request = ShareGroupHeartbeatRequest {
            group_id: "g".to_owned(),
            member_id: name.clone(),
            member_epoch: options.get("epoch").map_or(epoch, |told| told.parse().unwrap()),
            rack_id: None,
            subscribed_topic_names: options
                .get("topics")
                .map(|all| all.split(',').map(str::to_owned).collect()),
        };
        self.send(&name, 1, GroupRequest::ShareGroupHeartbeat(request));
        true
    }

    pub(in crate::coordinator) fn tell_share_reply(
        &mut self,
        name: &str,
        response: &GroupResponse,
    ) -> Option<String> {
        let topic = |id: &Uuid| self.image.topic_names.get(id).map_or("?", |name| name).to_owned();
        Some(match response {
            GroupResponse::ShareGroupHeartbeat(r) if r.error_code.is_error() => {
                let message = r.error_message.as_deref().unwrap_or_default();
                format!("{} {}", r.error_code.name(), message.chars().take(60).collect::<String>())
            }
            GroupResponse::ShareGroupHeartbeat(r) => {
                let each = r.assignment.iter().flat_map(|assignment| &assignment.topic_partitions);
                let has: Vec<TopicPartition> = each
                    .flat_map(|t| t.partitions.iter().map(|p| TopicPartition::new(topic(&t.topic_id), *p)))
                    .collect();
                self.clients.entry(name.to_owned()).or_default().generation = r.member_epoch;
                match r.assignment {
                    Some(_) => format!("epoch {}, {}", r.member_epoch, shown(&has)),
                    None => format!("epoch {}", r.member_epoch),
                }
            }
            GroupResponse::ShareGroupDescribe(r) => describe(&r.groups[0]),
            _ => return None,
        })
    }
}

fn describe(group: &told::DescribedGroup) -> String {
    if group.error_code.is_error() {
        return format!("{} {}", group.error_code.name(), group.error_message.clone().unwrap_or_default());
    }
    let members = group.members.iter().map(|member| {
        let each = member.assignment.topic_partitions.iter();
        let has: Vec<TopicPartition> = each
            .flat_map(|t| t.partitions.iter().map(|p| TopicPartition::new(t.topic_name.as_str(), *p)))
            .collect();
        format!(", {} at {} {}", member.member_id, member.member_epoch, shown(&has))
    });
    let members: Vec<String> = members.collect();
    let (state, name) = (&group.group_state, &group.assignor_name);
    format!("{state} {}/{} {name}{}", group.group_epoch, group.assignment_epoch, members.concat())
}

#[test]
fn members_share_and_nobody_waits() {
    let script = "sharer a topics=t\n sharer b topics=t\n pulse a\n sharers\n quit b\n pulse a\n \
        list admin type=share\n list admin type=consumer";
    check(
        GroupConfig::default(),
        "topic t 2",
        script,
        expect![[r#"
        sharer a topics=t
          00:00.000 a is in
          00:00.000 group epoch 1: member a joined
          00:00.000 target 1 by simple: a [t-0 t-1]
          00:00.000 a at 1 STABLE [t-0 t-1]
          00:00.000 Empty -> Stable, generation 1
          00:00.000 a <- epoch 1, [t-0 t-1]
        sharer b topics=t
          00:00.000 b is in
          00:00.000 group epoch 2: member b joined
          00:00.000 target 2 by simple: a [t-1] b [t-0]
          00:00.000 b at 2 STABLE [t-0]
          00:00.000 b <- epoch 2, [t-0]
        pulse a
          00:00.000 a at 2 STABLE [t-1]
          00:00.000 a <- epoch 2, [t-1]
        sharers
          00:00.000 admin <- Stable 2/2 simple, a at 2 [t-1], b at 2 [t-0]
        quit b
          00:00.000 b is out: left
          00:00.000 group epoch 3: b left
          00:00.000 b <- epoch -1
        pulse a
          00:00.000 target 3 by simple: a [t-0 t-1]
          00:00.000 a at 3 STABLE [t-0 t-1]
          00:00.000 a <- epoch 3, [t-0 t-1]
        list admin type=share
          00:00.000 admin <- ListGroups: NONE g Stable
        list admin type=consumer
          00:00.000 admin <- ListGroups: NONE 
    "#]],
    );
}

#[test]
fn who_says_the_wrong_epoch_is_turned_away() {
    let script = "pulse a epoch=7\n sharer a topics=t\n pulse a epoch=7\n pulse b epoch=1\n sharer b topics=t\n \
        pulse a\n pulse a epoch=1\n pulse a epoch=0";
    check(
        GroupConfig::default(),
        "topic t 1",
        script,
        expect![[r#"
        pulse a epoch=7
          00:00.000 a <- GROUP_ID_NOT_FOUND Group g not found.
        sharer a topics=t
          00:00.000 a is in
          00:00.000 group epoch 1: member a joined
          00:00.000 target 1 by simple: a [t-0]
          00:00.000 a at 1 STABLE [t-0]
          00:00.000 Empty -> Stable, generation 1
          00:00.000 a <- epoch 1, [t-0]
        pulse a epoch=7
          00:00.000 a turned away: FENCED_MEMBER_EPOCH
          00:00.000 a <- FENCED_MEMBER_EPOCH The share group member has a greater member epoch (7) than t
        pulse b epoch=1
          00:00.000 b turned away: UNKNOWN_MEMBER_ID
          00:00.000 b <- UNKNOWN_MEMBER_ID Member b is not a member of group g.
        sharer b topics=t
          00:00.000 b is in
          00:00.000 group epoch 2: member b joined
          00:00.000 target 2 by simple: a [t-0] b [t-0]
          00:00.000 b at 2 STABLE [t-0]
          00:00.000 b <- epoch 2, [t-0]
        pulse a
          00:00.000 a at 2 STABLE [t-0]
          00:00.000 a <- epoch 2
        pulse a epoch=1
          00:00.000 a <- epoch 2
        pulse a epoch=0
          00:00.000 a <- INVALID_REQUEST SubscribedTopicNames must be set in first request.
    "#]],
    );
}

#[test]
fn silence_ends_a_membership_and_a_new_coordinator_knows_the_rest() {
    let config = GroupConfig { share_max_size: 2, ..GroupConfig::default() };
    let script = "crash\n sharers\n sharer c topics=t\n wait 40000\n pulse b\n wait 10000\n pulse b topics=t\n \
        quit b\n sharers\n delete\n sharers";
    check(
        config,
        "topic t 2\n sharer a topics=t\n sharer b topics=t\n pulse a",
        script,
        expect![[r#"
        crash
          00:00.000 coordinator elected, groups: 1
        sharers
          00:00.000 admin <- Stable 2/2 simple, a at 2 [t-1], b at 2 [t-0]
        sharer c topics=t
          00:00.000 c <- GROUP_MAX_SIZE_REACHED The share group has reached its maximum capacity of 2 member
        wait 40000
        pulse b
          00:40.000 b <- epoch 2
        wait 10000
          00:45.000 a is out: session timeout
          00:45.000 group epoch 3: a is out, session timeout
        pulse b topics=t
          00:50.000 target 3 by simple: b [t-0 t-1]
          00:50.000 b at 3 STABLE [t-0 t-1]
          00:50.000 b <- epoch 3, [t-0 t-1]
        quit b
          00:50.000 b is out: left
          00:50.000 group epoch 4: b left
          00:50.000 Stable -> Empty, generation 4
          00:50.000 b <- epoch -1
        sharers
          00:50.000 admin <- Empty 4/3 simple
        delete
          00:50.000 Empty -> Dead, generation 4
          00:50.000 admin <- DeleteGroups: NONE
        sharers
          00:50.000 admin <- GROUP_ID_NOT_FOUND Group g not found.
    "#]],
    );
}

#[test]
fn other_protocols_find_no_group_of_their_own() {
    let script = "join x\n enter y topics=t\n show\n commit z 0=5 gen=-1\n fetch\n forget admin 0\n describe";
    check(
        GroupConfig::default(),
        "topic t 1\n sharer a topics=t",
        script,
        expect![[r#"
        join x
          00:00.000 x <- JoinGroup: INCONSISTENT_GROUP_PROTOCOL 
        enter y topics=t
          00:00.000 y <- GROUP_ID_NOT_FOUND Group g is not a consumer group.
        show
          00:00.000 admin <- GROUP_ID_NOT_FOUND Group g is not a consumer group.
        commit z 0=5 gen=-1
          00:00.000 z <- OffsetCommit: 0 GROUP_ID_NOT_FOUND
        fetch
          00:00.000 admin <- OffsetFetch: GROUP_ID_NOT_FOUND 
        forget admin 0
          00:00.000 admin <- OffsetDelete: GROUP_ID_NOT_FOUND 
        describe
          00:00.000 admin <- DescribeGroups: GROUP_ID_NOT_FOUND Dead  []
    "#]],
    );
    let script = "sharer a topics=t\n sharers";
    check(
        GroupConfig::default(),
        "topic t 1\n enter y topics=t",
        script,
        expect![[r#"
        sharer a topics=t
          00:00.000 a <- GROUP_ID_NOT_FOUND Group g is not a share group.
        sharers
          00:00.000 admin <- GROUP_ID_NOT_FOUND Group g is not a share group.
    "#]],
    );
}

#[test]
fn what_makes_no_sense_is_refused() {
    let script = "sharer a\n pulse a epoch=-2\n quit a";
    check(
        GroupConfig::default(),
        "topic t 1",
        script,
        expect![[r#"
        sharer a
          00:00.000 a <- INVALID_REQUEST SubscribedTopicNames must be set in first request.
        pulse a epoch=-2
          00:00.000 a <- INVALID_REQUEST MemberEpoch is invalid.
        quit a
          00:00.000 a <- GROUP_ID_NOT_FOUND Group g not found.
    "#]],
    );
}
