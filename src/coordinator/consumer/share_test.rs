//! Stories of share groups.

use expect_test::expect;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::base::Map;
use crate::coordinator::outcome::{
    GroupRequest, GroupResponse, Moment, Outcome, ShareAsk, ShareTold, ShareWhat,
};
use crate::coordinator::story::{Story, check, shown};
use crate::coordinator::{GroupConfig, ShareStateKey, ShareTopic};
use crate::protocol::messages::share_group_describe::{self as told, ShareGroupDescribeRequest};
use crate::protocol::messages::share_group_heartbeat::ShareGroupHeartbeatRequest;
use crate::protocol::messages::share_group_offsets::{
    AlterPartition, AlterShareGroupOffsetsRequest, AlterTopic, DeleteShareGroupOffsetsRequest, DeleteTopic,
    DescribeGroup, DescribeShareGroupOffsetsRequest, DescribeTopic,
};
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
            "starts" | "start" | "unstart" => {
                let request = offsets_request(command, rest);
                self.send(&name, 0, request);
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

    /// What the share coordinator does, and says.
    pub(in crate::coordinator) fn answer_ask(&mut self, ask: ShareAsk) {
        let mut told = Vec::new();
        let named: Vec<String> = ask.parts.iter().map(|part| self.shown_part(&part.key)).collect();
        let what = match ask.what {
            ShareWhat::Initialize(epoch) => format!("begin at {epoch}"),
            ShareWhat::Delete => "forget".to_owned(),
            ShareWhat::Summary => "tell".to_owned(),
        };
        let denied = self.denies.map(|error| format!(": {}", error.name())).unwrap_or_default();
        self.tell(&format!("share coordinator: {what} [{}]{denied}", named.join(" ")));
        for part in &ask.parts {
            match ask.what {
                _ if self.denies.is_some() => {}
                ShareWhat::Initialize(_) => {
                    self.starts.insert(part.key.clone(), part.start_offset);
                }
                ShareWhat::Delete => {
                    self.starts.remove(&part.key);
                }
                ShareWhat::Summary => {}
            }
            let start_offset = self.starts.get(&part.key).copied().unwrap_or(-1);
            told.push(ShareTold { error: self.denies.unwrap_or_default(), start_offset, leader_epoch: 4 });
        }
        let mut out = Outcome::default();
        let at = Moment { now: self.now, image: &self.image };
        self.coordinator.share_told(at, ask, &told, &mut out);
        self.take(out);
    }

    fn shown_part(&self, key: &ShareStateKey) -> String {
        format!("{}-{}", self.image.topic_names.get(&key.1).map_or("?", |name| name), key.2)
    }

    /// What the group's record says of share partitions.
    fn shown_topics(&self) -> String {
        let Some(topics) = self.coordinator.group("g").and_then(|group| group.share()?.share_topics()) else {
            return "none".to_owned();
        };
        let each = |topics: &Map<Uuid, ShareTopic>| {
            let each = topics.iter().map(|(_, topic)| {
                let partitions: Vec<String> = topic.partitions.iter().map(ToString::to_string).collect();
                format!("{} {}", topic.name, partitions.join(","))
            });
            each.collect::<Vec<_>>().join(" ")
        };
        let deleting: Vec<&str> = topics.deleting.values().map(|name| &**name).collect();
        let (asked, ready) = (each(&topics.initializing), each(&topics.initialized));
        format!("being begun [{asked}], begun [{ready}], being forgotten [{}]", deleting.join(" "))
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
            GroupResponse::DescribeShareGroupOffsets(r) => {
                let group = &r.groups[0];
                let parts = group.topics.iter().flat_map(|topic| {
                    let name = &topic.topic_name;
                    topic.partitions.iter().map(move |p| {
                        format!(" {name}-{}={}@{}", p.partition_index, p.start_offset, p.leader_epoch)
                    })
                });
                let parts: String = parts.collect();
                format!("{}{parts}; {}", group.error_code.name(), self.shown_topics())
            }
            GroupResponse::AlterShareGroupOffsets(r) => {
                let parts = r.responses.iter().flat_map(|topic| {
                    let name = &topic.topic_name;
                    topic
                        .partitions
                        .iter()
                        .map(move |p| format!(" {name}-{} {}", p.partition_index, p.error_code.name()))
                });
                format!("{}{}", r.error_code.name(), parts.collect::<String>())
            }
            GroupResponse::DeleteShareGroupOffsets(r) => {
                let topics = r.responses.iter();
                let topics = topics.map(|topic| format!(" {} {}", topic.topic_name, topic.error_code.name()));
                format!("{}{}", r.error_code.name(), topics.collect::<String>())
            }
            _ => return None,
        })
    }
}

/// `starts admin [t-0 …]` describes start offsets, `start admin t-0=5 …` sets them, `unstart admin t …`
/// forgets topics.
fn offsets_request(command: &str, rest: &[&str]) -> GroupRequest {
    let group_id = "g".to_owned();
    let at = |word: &str| {
        let (topic, partition) = word.rsplit_once('-').expect("a partition");
        (topic.to_owned(), partition.parse::<i32>().expect("a number"))
    };
    let words = rest.get(1..).unwrap_or_default();
    match command {
        "starts" => {
            let topic = |word: &&str| {
                let (topic_name, partition) = at(word);
                DescribeTopic { topic_name, partitions: vec![partition] }
            };
            let topics = (!words.is_empty()).then(|| words.iter().map(topic).collect());
            let groups = vec![DescribeGroup { group_id, topics }];
            GroupRequest::DescribeShareGroupOffsets(DescribeShareGroupOffsetsRequest { groups })
        }
        "start" => {
            let topic = |word: &&str| {
                let (part, start) = word.split_once('=').expect("an offset");
                let (topic_name, partition_index) = at(part);
                let start_offset = start.parse().expect("a number");
                AlterTopic { topic_name, partitions: vec![AlterPartition { partition_index, start_offset }] }
            };
            let topics = words.iter().map(topic).collect();
            GroupRequest::AlterShareGroupOffsets(AlterShareGroupOffsetsRequest { group_id, topics })
        }
        _ => {
            let topics = words.iter().map(|name| DeleteTopic { topic_name: (*name).to_owned() }).collect();
            GroupRequest::DeleteShareGroupOffsets(DeleteShareGroupOffsetsRequest { group_id, topics })
        }
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
          00:00.000 target 1 by simple: a []
          00:00.000 a at 1 STABLE []
          00:00.000 Empty -> Stable, generation 1
          00:00.000 a <- epoch 1, []
          00:00.000 share coordinator: begin at 1 [t-0 t-1]
        sharer b topics=t
          00:00.000 b is in
          00:00.000 group epoch 2: member b joined
          00:00.000 target 2 by simple: a [t-0] b [t-1]
          00:00.000 b at 2 STABLE [t-1]
          00:00.000 b <- epoch 2, [t-1]
        pulse a
          00:00.000 a at 2 STABLE [t-0]
          00:00.000 a <- epoch 2, [t-0]
        sharers
          00:00.000 admin <- Stable 2/2 simple, a at 2 [t-0], b at 2 [t-1]
        quit b
          00:00.000 b is out: left
          00:00.000 group epoch 3: b left
          00:00.000 b <- epoch -1
        pulse a
          00:00.000 group epoch 4: share partitions are not assigned
          00:00.000 target 4 by simple: a [t-0 t-1]
          00:00.000 a at 4 STABLE [t-0 t-1]
          00:00.000 a <- epoch 4, [t-0 t-1]
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
          00:00.000 target 1 by simple: a []
          00:00.000 a at 1 STABLE []
          00:00.000 Empty -> Stable, generation 1
          00:00.000 a <- epoch 1, []
          00:00.000 share coordinator: begin at 1 [t-0]
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
          00:00.000 a <- epoch 2, [t-0]
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
          00:00.000 admin <- Stable 2/2 simple, a at 2 [t-0], b at 2 [t-1]
        sharer c topics=t
          00:00.000 c <- GROUP_MAX_SIZE_REACHED The share group has reached its maximum capacity of 2 member
        wait 40000
        pulse b
          00:40.000 b <- epoch 2
        wait 10000
          00:45.000 a is out: session timeout
          00:45.000 group epoch 3: a is out, session timeout
        pulse b topics=t
          00:50.000 group epoch 4: share partitions are not assigned
          00:50.000 target 4 by simple: b [t-0 t-1]
          00:50.000 b at 4 STABLE [t-0 t-1]
          00:50.000 b <- epoch 4, [t-0 t-1]
        quit b
          00:50.000 b is out: left
          00:50.000 group epoch 5: b left
          00:50.000 Stable -> Empty, generation 5
          00:50.000 b <- epoch -1
        sharers
          00:50.000 admin <- Empty 5/4 simple
        delete
          00:50.000 share coordinator: forget [t-0 t-1]
          00:50.000 Empty -> Dead, generation 5
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

#[test]
fn partitions_are_given_when_they_have_a_state() {
    let script = "sharer a topics=t\n starts\n deny NOT_COORDINATOR\n topic u 1\n pulse a topics=t,u\n deny\n pulse a\n \
        pulse a\n topic t 2\n pulse a\n crash\n starts\n pulse a\n starts";
    check(
        GroupConfig::default(),
        "topic t 1",
        script,
        expect![[r#"
        sharer a topics=t
          00:00.000 a is in
          00:00.000 group epoch 1: member a joined
          00:00.000 target 1 by simple: a []
          00:00.000 a at 1 STABLE []
          00:00.000 Empty -> Stable, generation 1
          00:00.000 a <- epoch 1, []
          00:00.000 share coordinator: begin at 1 [t-0]
        starts
          00:00.000 share coordinator: tell [t-0]
          00:00.000 admin <- NONE t-0=-1@4; being begun [], begun [t 0], being forgotten []
        deny NOT_COORDINATOR
        topic u 1
        pulse a topics=t,u
          00:00.000 group epoch 2: member a changed its subscription
          00:00.000 target 2 by simple: a [t-0]
          00:00.000 a at 2 STABLE [t-0]
          00:00.000 a <- epoch 2, [t-0]
          00:00.000 share coordinator: begin at 2 [u-0]: NOT_COORDINATOR
        deny
        pulse a
          00:00.000 a <- epoch 2
          00:00.000 share coordinator: begin at 2 [u-0]
        pulse a
          00:00.000 group epoch 3: share partitions are not assigned
          00:00.000 target 3 by simple: a [t-0 u-0]
          00:00.000 a at 3 STABLE [t-0 u-0]
          00:00.000 a <- epoch 3, [t-0 u-0]
        topic t 2
        pulse a
          00:00.000 group epoch 4: topics changed
          00:00.000 target 4 by simple: a [t-0 u-0]
          00:00.000 a at 4 STABLE [t-0 u-0]
          00:00.000 a <- epoch 4
          00:00.000 share coordinator: begin at 4 [t-1]
        crash
          00:00.000 coordinator elected, groups: 1
        starts
          00:00.000 share coordinator: tell [t-0 t-1 u-0]
          00:00.000 admin <- NONE t-0=-1@4 t-1=-1@4 u-0=-1@4; being begun [], begun [t 0,1 u 0], being forgotten []
        pulse a
          00:00.000 group epoch 5: share partitions are not assigned
          00:00.000 target 5 by simple: a [t-0 t-1 u-0]
          00:00.000 a at 5 STABLE [t-0 t-1 u-0]
          00:00.000 a <- epoch 5, [t-0 t-1 u-0]
        starts
          00:00.000 share coordinator: tell [t-0 t-1 u-0]
          00:00.000 admin <- NONE t-0=-1@4 t-1=-1@4 u-0=-1@4; being begun [], begun [t 0,1 u 0], being forgotten []
    "#]],
    );
}

#[test]
fn what_is_being_begun_when_the_coordinator_goes_is_begun_later() {
    let script = "hold\n sharer a topics=t\n fail NOT_ENOUGH_REPLICAS\n sharer a topics=t\n pulse a";
    check(
        GroupConfig::default(),
        "topic t 1",
        script,
        expect![[r#"
        hold
        sharer a topics=t
          00:00.000 a is in
          00:00.000 group epoch 1: member a joined
          00:00.000 target 1 by simple: a []
          00:00.000 a at 1 STABLE []
          00:00.000 Empty -> Stable, generation 1
        fail NOT_ENOUGH_REPLICAS
          00:00.000 a <- COORDINATOR_NOT_AVAILABLE There is no coordinator for now.
        sharer a topics=t
          00:00.000 a is in
          00:00.000 group epoch 1: member a joined
          00:00.000 target 1 by simple: a []
          00:00.000 a at 1 STABLE []
          00:00.000 Empty -> Stable, generation 1
          00:00.000 a <- epoch 1, []
          00:00.000 share coordinator: begin at 1 [t-0]
        pulse a
          00:00.000 group epoch 2: share partitions are not assigned
          00:00.000 target 2 by simple: a [t-0]
          00:00.000 a at 2 STABLE [t-0]
          00:00.000 a <- epoch 2, [t-0]
    "#]],
    );
}

#[test]
fn administrators_see_set_and_forget_where_an_empty_group_starts() {
    let script = "start admin t-0=5\n unstart admin t\n quit a\n start admin t-0=5 t-7=1 u-0=3\n starts\n starts admin u-0 t-0 t-1\n \
        deny FENCED_STATE_EPOCH\n start admin t-1=9\n unstart admin t\n deny\n starts\n unstart admin t u\n starts\n unstart admin t\n \
        delete\n starts\n start admin t-0=1\n unstart admin t";
    check(
        GroupConfig::default(),
        "topic t 2\n sharer a topics=t\n pulse a",
        script,
        expect![[r#"
        start admin t-0=5
          00:00.000 admin <- NON_EMPTY_GROUP
        unstart admin t
          00:00.000 admin <- NON_EMPTY_GROUP
        quit a
          00:00.000 a is out: left
          00:00.000 group epoch 3: a left
          00:00.000 Stable -> Empty, generation 3
          00:00.000 a <- epoch -1
        start admin t-0=5 t-7=1 u-0=3
          00:00.000 share coordinator: begin at 3 [t-0]
          00:00.000 admin <- NONE u-0 UNKNOWN_TOPIC_OR_PARTITION t-0 NONE t-7 UNKNOWN_TOPIC_OR_PARTITION
        starts
          00:00.000 share coordinator: tell [t-0 t-1]
          00:00.000 admin <- NONE t-0=5@4 t-1=-1@4; being begun [], begun [t 0,1], being forgotten []
        starts admin u-0 t-0 t-1
          00:00.000 share coordinator: tell [t-0 t-1]
          00:00.000 admin <- NONE u-0=-1@0 t-0=5@4 t-1=-1@4; being begun [], begun [t 0,1], being forgotten []
        deny FENCED_STATE_EPOCH
        start admin t-1=9
          00:00.000 share coordinator: begin at 3 [t-1]: FENCED_STATE_EPOCH
          00:00.000 admin <- NONE t-1 FENCED_STATE_EPOCH
        unstart admin t
          00:00.000 share coordinator: forget [t-0 t-1]: FENCED_STATE_EPOCH
          00:00.000 admin <- NONE t FENCED_STATE_EPOCH
        deny
        starts
          00:00.000 admin <- NONE; being begun [t 1], begun [], being forgotten [t]
        unstart admin t u
          00:00.000 share coordinator: forget [t-0 t-1]
          00:00.000 admin <- NONE t NONE u UNKNOWN_TOPIC_OR_PARTITION
        starts
          00:00.000 admin <- NONE; being begun [t 1], begun [], being forgotten []
        unstart admin t
          00:00.000 admin <- NONE t UNKNOWN_TOPIC_OR_PARTITION
        delete
          00:00.000 share coordinator: forget [t-1]
          00:00.000 Empty -> Dead, generation 3
          00:00.000 admin <- DeleteGroups: NONE
        starts
          00:00.000 admin <- NONE; none
        start admin t-0=1
          00:00.000 admin <- GROUP_ID_NOT_FOUND
        unstart admin t
          00:00.000 admin <- GROUP_ID_NOT_FOUND
    "#]],
    );
}

#[test]
fn a_group_that_is_deleted_leaves_no_states_behind() {
    let script =
        "delete\n quit a\n deny COORDINATOR_NOT_AVAILABLE\n delete\n starts\n deny\n delete\n sharers";
    check(
        GroupConfig::default(),
        "topic t 2\n sharer a topics=t\n pulse a",
        script,
        expect![[r#"
        delete
          00:00.000 admin <- DeleteGroups: NON_EMPTY_GROUP
        quit a
          00:00.000 a is out: left
          00:00.000 group epoch 3: a left
          00:00.000 Stable -> Empty, generation 3
          00:00.000 a <- epoch -1
        deny COORDINATOR_NOT_AVAILABLE
        delete
          00:00.000 share coordinator: forget [t-0 t-1]: COORDINATOR_NOT_AVAILABLE
          00:00.000 admin <- DeleteGroups: COORDINATOR_NOT_AVAILABLE
        starts
          00:00.000 admin <- NONE; being begun [], begun [], being forgotten [t]
        deny
        delete
          00:00.000 share coordinator: forget [t-0 t-1]
          00:00.000 Empty -> Dead, generation 3
          00:00.000 admin <- DeleteGroups: NONE
        sharers
          00:00.000 admin <- GROUP_ID_NOT_FOUND Group g not found.
    "#]],
    );
}
