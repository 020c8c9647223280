//! A script language for tests: one command a line, and what came of it. See `Story::run`.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;
use expect_test::Expect;

use super::consumer::story::consumer_event;
use super::*;
use crate::base::{Map, ms};
use crate::metadata::MetadataImage;
use crate::protocol::TopicPartition;
use crate::protocol::messages::consumer_protocol::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, TopicPartition as Assigned,
};
use crate::protocol::messages::delete_groups::DeleteGroupsRequest;
use crate::protocol::messages::describe_groups::DescribeGroupsRequest;
use crate::protocol::messages::heartbeat::HeartbeatRequest;
use crate::protocol::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol};
use crate::protocol::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use crate::protocol::messages::list_groups::ListGroupsRequest;
use crate::protocol::messages::offset_commit as commit;
use crate::protocol::messages::offset_delete as delete;
use crate::protocol::messages::offset_fetch as fetch;
use crate::protocol::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use crate::protocol::wire::encode_prefixed;

/// Plays a script against a fresh coordinator and compares what is told. What happened
/// `before` goes without saying.
pub(super) fn check(config: GroupConfig, before: &str, script: &str, expected: Expect) {
    let mut story = Story::new(config);
    before.lines().map(str::trim).filter(|line| !line.is_empty()).for_each(|line| story.run(line));
    story.told.clear();
    script.lines().map(str::trim).filter(|line| !line.is_empty()).for_each(|line| story.run(line));
    expected.assert_eq(&story.told);
}

/// What a client knows of itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) member_id: String,
    pub(super) generation: i32,
    /// What it has, of a consumer group.
    pub(super) owned: Vec<TopicPartition>,
    pub(super) instance: Option<String>,
    protocol: Option<String>,
    /// A heartbeat of its is unanswered.
    pub(super) waits: bool,
}

/// A coordinator, its log, its timers and the clients who talk to it.
pub(super) struct Story {
    pub(super) coordinator: GroupCoordinator,
    config: Arc<GroupConfig>,
    pub(super) image: MetadataImage,
    pub(super) now: SimTime,
    rng: Rng,
    timers: Map<CoordinatorTimer, SimTime>,
    pub(super) log: Vec<(Bytes, Option<Bytes>)>,
    pub(super) held: VecDeque<Append>,
    holds: bool,
    /// The log takes nothing, and says why.
    refuses: Option<ErrorCode>,
    /// The share coordinator: what it says instead of what it should, and where share partitions start.
    pub(super) denies: Option<ErrorCode>,
    pub(super) starts: Map<ShareStateKey, i64>,
    pub(super) clients: Map<String, Known>,
    asked: Map<u64, String>,
    next_token: u64,
    /// Full member ids and the short names they go by.
    names: Vec<(String, String)>,
    pub(super) told: String,
}

const EPOCH: i32 = 1;

impl Story {
    pub(super) fn new(config: GroupConfig) -> Self {
        let config = Arc::new(config);
        let mut story = Story {
            coordinator: GroupCoordinator::new(config.clone(), 1),
            config,
            image: MetadataImage::default(),
            now: SimTime::ZERO,
            rng: Rng::stream(1, "coordinator"),
            timers: Map::new(),
            log: Vec::new(),
            held: VecDeque::new(),
            holds: false,
            refuses: None,
            denies: None,
            starts: Map::new(),
            clients: Map::new(),
            asked: Map::new(),
            next_token: 1,
            names: Vec::new(),
            told: String::new(),
        };
        let mut out = Outcome::default();
        let at = Moment { now: SimTime::ZERO, image: &story.image };
        story.coordinator.elected(0, EPOCH, [], at, &mut out);
        story.take(out);
        story.told.clear();
        story
    }

    /// `join a [version=4] [session=6000] [rebalance=9000] [instance=i] [protocols=range,..]
    /// [as=id]`, `sync a [a=0,1 b=2]`, `beat a`, `leave a`, `commit a 0=5 [gen=3] [meta=xyz]`,
    /// `fetch`, `forget admin 0 1`, `list admin [state=stable] [type=classic]`, `describe`, `delete`, `wait 3000`, `hold`, `release`,
    /// `late`, `fail ERROR_CODE`, `refuse [ERROR_CODE]`, `deny [ERROR_CODE]`, `crash`, `resign`, `load`; for consumer groups see
    /// `Story::ask_consumer_group`.
    pub(super) fn run(&mut self, line: &str) {
        let _ = writeln!(self.told, "{line}");
        let mut words = line.split_whitespace();
        let command = words.next().unwrap_or_default();
        let rest: Vec<&str> = words.collect();
        match command {
            "wait" => self.wait(rest[0].parse().unwrap()),
            "hold" => self.holds = true,
            "release" => self.release(None),
            "late" => self.late(),
            "fail" => {
                let code = ErrorCode::ALL.iter().find(|code| code.name() == rest[0]);
                self.release(Some(*code.unwrap()));
            }
            "crash" => self.crash(),
            "refuse" => {
                self.refuses = ErrorCode::ALL.iter().find(|code| Some(&code.name()) == rest.first()).copied();
            }
            "deny" => {
                self.denies = ErrorCode::ALL.iter().find(|code| Some(&code.name()) == rest.first()).copied();
            }
            "topic" => self.topic(rest[0], rest[1].parse().unwrap()),
            "config" => self.group_config(rest[0], rest[1]),
            "resign" => {
                let mut out = Outcome::default();
                self.coordinator.resigned(0, &mut out);
                self.take(out);
            }
            "load" => self.coordinator.loading(0, EPOCH + 1),
            _ => self.ask(command, &rest),
        }
    }

    fn ask(&mut self, command: &str, rest: &[&str]) {
        if self.ask_consumer_group(command, rest) || self.ask_share_group(command, rest) {
            return;
        }
        let name = rest.first().copied().unwrap_or("admin").to_owned();
        let options: Map<&str, &str> = rest.iter().filter_map(|word| word.split_once('=')).collect();
        let number = |key: &str, default: i32| options.get(key).map_or(default, |n| n.parse().unwrap());
        let known = self.clients.entry(name.clone()).or_default();
        let (group_id, member_id) = ("g".to_owned(), known.member_id.clone());
        let generation_id = number("gen", known.generation);
        let group_instance_id = known.instance.clone();
        let mut api_version = number("version", 9) as i16;
        let request = match command {
            "join" => {
                known.instance = options.get("instance").map(|&text| text.to_owned());
                let protocols = options.get("protocols").unwrap_or(&"range").split(',');
                GroupRequest::JoinGroup(JoinGroupRequest {
                    group_id,
                    session_timeout_ms: number("session", 10_000),
                    rebalance_timeout_ms: number("rebalance", 20_000),
                    member_id: options.get("as").map_or(member_id, |&id| id.replace("none", "")),
                    group_instance_id: known.instance.clone(),
                    protocol_type: "consumer".to_owned(),
                    protocols: protocols.map(|p| protocol(p, &options)).collect(),
                    ..JoinGroupRequest::default()
                })
            }
            "sync" => GroupRequest::SyncGroup(SyncGroupRequest {
                group_id,
                generation_id,
                member_id,
                group_instance_id,
                protocol_type: Some("consumer".to_owned()),
                protocol_name: known.protocol.clone().or_else(|| Some("range".to_owned())),
                assignments: self.assignments(&options),
            }),
            "beat" => GroupRequest::Heartbeat(HeartbeatRequest {
                group_id,
                generation_id,
                member_id,
                group_instance_id,
            }),
            "leave" => GroupRequest::LeaveGroup(LeaveGroupRequest {
                group_id,
                members: vec![MemberIdentity { member_id, group_instance_id, reason: None }],
                ..LeaveGroupRequest::default()
            }),
            "commit" => GroupRequest::OffsetCommit(commit::OffsetCommitRequest {
                group_id,
                generation_id_or_member_epoch: generation_id,
                member_id,
                group_instance_id,
                retention_time_ms: i64::from(number("keep", -1)),
                topics: vec![commit::OffsetCommitRequestTopic {
                    name: "t".to_owned(),
                    partitions: rest[1..].iter().filter_map(|word| offset(word, &options)).collect(),
                }],
            }),
            "fetch" => GroupRequest::OffsetFetch(fetch::OffsetFetchRequest {
                groups: vec![fetch::OffsetFetchRequestGroup {
                    group_id,
                    topics: None,
                    member_id: options.get("epoch").map(|_| member_id),
                    member_epoch: number("epoch", -1),
                }],
                ..fetch::OffsetFetchRequest::default()
            }),
            "forget" => GroupRequest::OffsetDelete(delete::OffsetDeleteRequest {
                group_id,
                topics: vec![delete::OffsetDeleteRequestTopic {
                    name: "t".to_owned(),
                    partitions: rest[1..]
                        .iter()
                        .map(|p| delete::OffsetDeleteRequestPartition { partition_index: p.parse().unwrap() })
                        .collect(),
                }],
            }),
            "list" => {
                let filter = |key: &str| options.get(key).map(|&wanted| wanted.to_owned());
                GroupRequest::ListGroups(ListGroupsRequest {
                    states_filter: filter("state").into_iter().collect(),
                    types_filter: filter("type").into_iter().collect(),
                })
            }
            "describe" => {
                api_version = 6;
                let groups = vec![group_id];
                GroupRequest::DescribeGroups(DescribeGroupsRequest {
                    groups,
                    ..DescribeGroupsRequest::default()
                })
            }
            "delete" => GroupRequest::DeleteGroups(DeleteGroupsRequest { groups_names: vec![group_id] }),
            unknown => panic!("no command {unknown}"),
        };
        self.send(&name, api_version, request);
    }

    pub(super) fn send(&mut self, name: &str, api_version: i16, request: GroupRequest) {
        let token = self.next_token;
        self.next_token += 1;
        self.asked.insert(token, name.to_owned());
        let caller = Caller { token, api_version, client_id: name, client_host: "/10.0.0.1" };
        let mut out = Outcome::default();
        let at = Moment { now: self.now, image: &self.image };
        self.coordinator.handle(at, &mut self.rng, caller, request, &mut out);
        self.take(out);
    }

    fn assignments(&self, options: &Map<&str, &str>) -> Vec<SyncGroupRequestAssignment> {
        let assignment = |(name, partitions): (&&str, &&str)| {
            let known = self.clients.get(*name)?;
            let partitions = partitions.split(',').map(|p| p.parse().unwrap()).collect();
            let assigned_partitions = vec![Assigned { topic: "t".to_owned(), partitions }];
            let value = ConsumerProtocolAssignment { assigned_partitions, user_data: None };
            Some(SyncGroupRequestAssignment {
                member_id: known.member_id.clone(),
                assignment: encode_prefixed(0, &value).unwrap(),
            })
        };
        options.iter().filter_map(assignment).collect()
    }

    pub(super) fn wait(&mut self, duration_ms: u64) {
        let until = self.now + ms(duration_ms);
        while let Some((timer, at)) = self.timers.iter().min_by_key(|(timer, at)| (**at, *timer)) {
            let (timer, at) = (timer.clone(), *at);
            if at > until {
                break;
            }
            self.timers.remove(&timer);
            self.now = self.now.max(at);
            let mut out = Outcome::default();
            let at = Moment { now: self.now, image: &self.image };
            self.coordinator.timer(at, timer, &mut out);
            self.take(out);
        }
        self.now = until;
    }

    /// Requests that still wait for their answer.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn unanswered(&self) -> usize {
        self.asked.len()
    }

    /// Whether the log takes nothing.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn refuses(&self) -> bool {
        self.refuses.is_some()
    }

    fn release(&mut self, error: Option<ErrorCode>) {
        self.holds = false;
        while let Some(append) = self.held.pop_front() {
            self.finish(append, error);
        }
    }

    /// What the log has taken is not committed in time.
    fn late(&mut self) {
        let mut out = Outcome::default();
        let at = Moment { now: self.now, image: &self.image };
        for append in &mut self.held {
            self.coordinator.late(at, append, &mut out);
        }
        self.coordinator.expire_answers(at, &mut out);
        self.take(out);
    }

    fn finish(&mut self, append: Append, error: Option<ErrorCode>) {
        let mut out = Outcome::default();
        let at = Moment { now: self.now, image: &self.image };
        match error {
            None => {
                self.log.extend(append.records.iter().cloned());
                self.coordinator.committed(at, append, &mut out);
            }
            Some(error) => self.coordinator.failed(at, append, error, &mut out),
        }
        self.take(out);
    }

    /// The broker dies and comes back: all that is left is the log.
    pub(super) fn crash(&mut self) {
        self.coordinator = GroupCoordinator::new(self.config.clone(), 1);
        self.timers.clear();
        self.asked.clear();
        self.clients.values_mut().for_each(|known| known.waits = false);
        self.held.clear();
        let mut out = Outcome::default();
        let at = Moment { now: self.now, image: &self.image };
        self.coordinator.elected(0, EPOCH + 1, self.log.clone(), at, &mut out);
        self.take(out);
    }

    pub(super) fn take(&mut self, out: Outcome) {
        for (timer, at) in out.timers {
            match at {
                Some(at) => self.timers.insert(timer, at),
                None => self.timers.remove(&timer),
            };
        }
        for event in &out.events {
            self.tell_event(event);
        }
        for (token, response) in out.replies {
            let name = self.asked.remove(&token).expect("every request is answered once");
            self.tell_reply(&name, response);
        }
        for append in out.appends {
            assert!(!append.records.is_empty());
            if self.holds { self.held.push_back(append) } else { self.finish(append, self.refuses) }
        }
        for ask in out.asks {
            self.answer_ask(ask);
        }
    }

    pub(super) fn tell(&mut self, line: &str) {
        let mut line = line.to_owned();
        for (id, name) in &self.names {
            line = line.replace(id, name);
        }
        let _ = writeln!(self.told, "  {} {line}", self.now);
    }

    /// Member ids are long and random; in stories they are `a#1`, `a#2`.
    fn name(&mut self, member_id: &str) {
        if member_id.len() > 36 && self.names.iter().all(|(id, _)| id != member_id) {
            let client = &member_id[..member_id.len() - 37];
            let count = self.names.iter().filter(|(id, _)| id[..id.len() - 37] == *client).count();
            self.names.push((member_id.to_owned(), format!("{client}#{}", count + 1)));
        }
    }

    fn tell_event(&mut self, event: &Event) {
        let line = match event {
            Event::GroupStateChanged { from, to, generation, .. } => {
                format!("{from} -> {to}, generation {generation}")
            }
            Event::MemberJoined { member, .. } => {
                self.name(member);
                format!("{member} is in")
            }
            Event::MemberLeft { member, reason, .. } => format!("{member} is out: {reason}"),
            Event::MemberAssigned { member, partitions, .. } => {
                format!("{member} gets {}", shown(partitions))
            }
            Event::RebalanceStarted { reason, .. } => format!("rebalance: {reason}"),
            Event::OffsetCommitted { at, offset, .. } => format!("committed {at} {offset}"),
            Event::CoordinatorElected { groups, .. } => format!("coordinator elected, groups: {groups}"),
            Event::CoordinatorResigned { .. } => "coordinator resigned".to_owned(),
            other => match consumer_event(other) {
                Some(line) => line,
                None => panic!("not a coordinator's event: {other:?}"),
            },
        };
        self.tell(&line);
    }

    fn tell_reply(&mut self, name: &str, response: GroupResponse) {
        let told = self.tell_consumer_reply(name, &response);
        if let Some(line) = told.or_else(|| self.tell_share_reply(name, &response)) {
            return self.tell(&format!("{name} <- {line}"));
        }
        let known = self.clients.entry(name.to_owned()).or_default();
        let line = match response {
            GroupResponse::JoinGroup(r) => {
                if r.error_code == ErrorCode::UnknownMemberId {
                    known.member_id.clear();
                } else if !r.member_id.is_empty() {
                    known.member_id.clone_from(&r.member_id);
                }
                if !r.error_code.is_error() {
                    known.generation = r.generation_id;
                    known.protocol.clone_from(&r.protocol_name);
                }
                self.name(&r.member_id);
                let members: Vec<&str> = r.members.iter().map(|member| member.member_id.as_str()).collect();
                match r.error_code {
                    ErrorCode::None => format!(
                        "JoinGroup: {}, generation {}, {}, leader {}, members [{}]{}",
                        r.member_id,
                        r.generation_id,
                        r.protocol_name.unwrap_or_default(),
                        r.leader,
                        members.join(" "),
                        if r.skip_assignment { ", skip assignment" } else { "" },
                    ),
                    error => format!("JoinGroup: {} {}", error.name(), r.member_id),
                }
            }
            GroupResponse::SyncGroup(r) => {
                let assignment = shown(&super::log::assigned_partitions(&r.assignment));
                format!("SyncGroup: {} {assignment}", r.error_code.name())
            }
            GroupResponse::Heartbeat(r) => format!("Heartbeat: {}", r.error_code.name()),
            GroupResponse::LeaveGroup(r) => {
                let codes = r.members.iter().map(|member| member.error_code.name());
                format!("LeaveGroup: {} {:?}", r.error_code.name(), codes.collect::<Vec<_>>())
            }
            GroupResponse::OffsetCommit(r) => {
                let partitions = r.topics.iter().flat_map(|topic| &topic.partitions);
                let codes: Vec<String> =
                    partitions.map(|p| format!("{} {}", p.partition_index, p.error_code.name())).collect();
                format!("OffsetCommit: {}", codes.join(", "))
            }
            GroupResponse::OffsetFetch(r) => {
                let partitions = r.groups[0].topics.iter().flat_map(|topic| &topic.partitions);
                let offsets: Vec<String> =
                    partitions.map(|p| format!("{}={}", p.partition_index, p.committed_offset)).collect();
                format!("OffsetFetch: {} {}", r.groups[0].error_code.name(), offsets.join(" "))
            }
            GroupResponse::OffsetDelete(r) => {
                let partitions = r.topics.iter().flat_map(|topic| &topic.partitions);
                let codes: Vec<String> =
                    partitions.map(|p| format!("{} {}", p.partition_index, p.error_code.name())).collect();
                format!("OffsetDelete: {} {}", r.error_code.name(), codes.join(", "))
            }
            GroupResponse::ListGroups(r) => {
                let groups: Vec<String> =
                    r.groups.iter().map(|g| format!("{} {}", g.group_id, g.group_state)).collect();
                format!("ListGroups: {} {}", r.error_code.name(), groups.join(", "))
            }
            GroupResponse::DescribeGroups(r) => {
                let g = &r.groups[0];
                let members: Vec<&str> = g.members.iter().map(|m| m.member_id.as_str()).collect();
                let error = g.error_code.name();
                format!("DescribeGroups: {error} {} {} {members:?}", g.group_state, g.protocol_data)
            }
            GroupResponse::DeleteGroups(r) => format!("DeleteGroups: {}", r.results[0].error_code.name()),
            GroupResponse::ConsumerGroupHeartbeat(_)
            | GroupResponse::ConsumerGroupDescribe(_)
            | GroupResponse::ShareGroupHeartbeat(_)
            | GroupResponse::ShareGroupDescribe(_)
            | GroupResponse::DescribeShareGroupOffsets(_)
            | GroupResponse::AlterShareGroupOffsets(_)
            | GroupResponse::DeleteShareGroupOffsets(_) => String::new(),
        };
        self.tell(&format!("{name} <- {line}"));
    }
}

pub(super) fn shown(partitions: &[TopicPartition]) -> String {
    let names: Vec<String> = partitions.iter().map(ToString::to_string).collect();
    format!("[{}]", names.join(" "))
}

fn protocol(name: &str, options: &Map<&str, &str>) -> JoinGroupRequestProtocol {
    let topics = vec![options.get("topics").unwrap_or(&"t").to_string()];
    let value = ConsumerProtocolSubscription { topics, ..ConsumerProtocolSubscription::default() };
    JoinGroupRequestProtocol { name: name.to_owned(), metadata: encode_prefixed(0, &value).unwrap() }
}

fn offset(word: &str, options: &Map<&str, &str>) -> Option<commit::OffsetCommitRequestPartition> {
    let (partition, offset) = word.split_once('=')?;
    Some(commit::OffsetCommitRequestPartition {
        partition_index: partition.parse().ok()?,
        committed_offset: offset.parse().ok()?,
        committed_leader_epoch: -1,
        committed_metadata: Some(options.get("meta").unwrap_or(&"").to_string()),
    })
}
