//! What stories say of consumer groups. See `Story::ask_consumer_group`.

use crate::base::Map;
use crate::coordinator::outcome::{GroupRequest, GroupResponse};
use crate::coordinator::story::{Story, shown};
use crate::metadata::GROUP_RESOURCE;
use crate::protocol::messages::consumer_group_describe::{self, ConsumerGroupDescribeRequest};
use crate::protocol::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, RequestTopicPartitions,
};
use crate::protocol::messages::metadata_records::{
    ConfigRecord, MetadataRecord, PartitionRecord, RemoveTopicRecord, TopicRecord,
};
use crate::protocol::{ErrorCode, TopicPartition, Uuid};
use crate::trace::Event;

pub(in crate::coordinator) fn id_of(topic: &str) -> Uuid {
    Uuid::from_halves(
        7,
        topic.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte.into())),
    )
}

impl Story {
    /// A topic of so many partitions; of none, it is gone.
    pub(in crate::coordinator) fn topic(&mut self, name: &str, partitions: i32) {
        let topic_id = id_of(name);
        if partitions == 0 {
            self.image.replay(&MetadataRecord::RemoveTopic(RemoveTopicRecord { topic_id }));
        } else if !self.image.topics.contains_key(name) {
            self.image.replay(&MetadataRecord::Topic(TopicRecord { name: name.to_owned(), topic_id }));
        }
        for partition_id in 0..partitions {
            let record = PartitionRecord { partition_id, topic_id, replicas: vec![1], ..Default::default() };
            self.image.replay(&MetadataRecord::Partition(record));
        }
        self.image.end_offset += 1;
    }

    /// A config of the group.
    pub(in crate::coordinator) fn group_config(&mut self, name: &str, value: &str) {
        self.image.replay(&MetadataRecord::Config(ConfigRecord {
            resource_type: GROUP_RESOURCE,
            resource_name: "g".to_owned(),
            name: name.to_owned(),
            value: Some(value.to_owned()),
        }));
    }

    /// `enter a topics=t,u|regex=… [instance=i] [assignor=range] [rebalance=9000] [as=id]` joins;
    /// `hb a [epoch=3] [owns=t-0,t-1|nothing] [topics=…] …` is a heartbeat, `ack a` one that says
    /// what a has, `go a` leaves, `away a` leaves for now, `show` describes.
    pub(in crate::coordinator) fn ask_consumer_group(&mut self, command: &str, rest: &[&str]) -> bool {
        let name = rest.first().copied().unwrap_or("admin").to_owned();
        let options: Map<&str, &str> = rest.iter().filter_map(|word| word.split_once('=')).collect();
        let text = |key: &str| options.get(key).map(|&value| value.to_owned());
        let number = |key: &str, default: i32| options.get(key).map_or(default, |n| n.parse().unwrap());
        let known = self.clients.entry(name.clone()).or_default();
        let version = number("version", 1) as i16;
        if command == "show" {
            let group_ids = vec!["g".to_owned()];
            let request = ConsumerGroupDescribeRequest { group_ids, ..Default::default() };
            self.send(&name, version, GroupRequest::ConsumerGroupDescribe(request));
            return true;
        }
        let epoch = match command {
            "enter" => 0,
            "hb" | "ack" => known.generation,
            "go" => -1,
            "away" => -2,
            _ => return false,
        };
        let is_joining = command == "enter";
        if is_joining {
            known.owned.clear();
            known.member_id = text("as").unwrap_or_else(|| name.clone());
            known.instance = text("instance");
        }
        if known.member_id.is_empty() {
            known.member_id.clone_from(&name);
        }
        known.waits = true;
        // Whoever leaves has given up what it had.
        if epoch < 0 {
            known.owned.clear();
        }
        let says = is_joining || command == "ack";
        let owned = text("owns").map(|owned| owned.split(',').filter_map(partition).collect());
        let owned = owned.or_else(|| says.then(|| known.owned.clone()));
        let topics = text("topics")
            .map(|names| names.split(',').filter(|name| *name != "none").map(str::to_owned).collect());
        let request = ConsumerGroupHeartbeatRequest {
            group_id: "g".to_owned(),
            member_id: known.member_id.clone(),
            member_epoch: number("epoch", epoch),
            instance_id: known.instance.clone(),
            rack_id: text("rack"),
            rebalance_timeout_ms: number("rebalance", if is_joining { 20_000 } else { -1 }),
            subscribed_topic_names: topics,
            subscribed_topic_regex: text("regex"),
            server_assignor: text("assignor"),
            topic_partitions: owned.map(|owned| by_topic(&owned)),
        };
        self.send(&name, version, GroupRequest::ConsumerGroupHeartbeat(request));
        true
    }

    pub(in crate::coordinator) fn tell_consumer_reply(
        &mut self,
        name: &str,
        response: &GroupResponse,
    ) -> Option<String> {
        match response {
            GroupResponse::ConsumerGroupHeartbeat(response) => Some(self.heard(name, response)),
            GroupResponse::ConsumerGroupDescribe(response) => Some(describe(&response.groups[0])),
            _ => None,
        }
    }

    fn heard(&mut self, name: &str, response: &ConsumerGroupHeartbeatResponse) -> String {
        let names: Map<Uuid, String> =
            self.image.topic_names.iter().map(|(id, name)| (*id, name.to_string())).collect();
        let known = self.clients.entry(name.to_owned()).or_default();
        known.waits = false;
        if response.error_code != ErrorCode::None {
            let message = response.error_message.as_deref().unwrap_or_default();
            let message: String = message.chars().take(60).collect();
            return format!("{} {message}", response.error_code.name());
        }
        known.generation = response.member_epoch;
        known.member_id = response.member_id.clone().unwrap_or_default();
        let Some(assignment) = &response.assignment else {
            return format!("epoch {}", response.member_epoch);
        };
        let named = |id: &Uuid| names.get(id).cloned().unwrap_or_else(|| "?".to_owned());
        known.owned = (assignment.topic_partitions.iter())
            .flat_map(|topic| {
                topic.partitions.iter().map(|p| TopicPartition::new(named(&topic.topic_id), *p))
            })
            .collect();
        format!("epoch {}, {}", response.member_epoch, shown(&known.owned))
    }
}

fn partition(word: &str) -> Option<TopicPartition> {
    let (topic, partition) = word.rsplit_once('-')?;
    Some(TopicPartition::new(topic, partition.parse().ok()?))
}

fn by_topic(owned: &[TopicPartition]) -> Vec<RequestTopicPartitions> {
    let mut topics: Map<Uuid, Vec<i32>> = Map::new();
    for at in owned {
        topics.entry(id_of(&at.topic)).or_default().push(at.partition);
    }
    let topic = |(topic_id, partitions)| RequestTopicPartitions { topic_id, partitions };
    topics.into_iter().map(topic).collect()
}

fn describe(group: &consumer_group_describe::DescribedGroup) -> String {
    if group.error_code.is_error() {
        return format!("{} {}", group.error_code.name(), group.error_message.clone().unwrap_or_default());
    }
    let assigned = |assignment: &consumer_group_describe::Assignment| {
        let topics = assignment.topic_partitions.iter();
        let each = topics
            .flat_map(|t| t.partitions.iter().map(|p| TopicPartition::new(t.topic_name.as_str(), *p)))
            .collect::<Vec<_>>();
        shown(&each)
    };
    let members: Vec<String> = (group.members.iter())
        .map(|member| {
            let kind = if member.member_type == 0 { " classic" } else { "" };
            let (is, shall) = (assigned(&member.assignment), assigned(&member.target_assignment));
            format!("\n            {}{kind} at {} {is} of {shall}", member.member_id, member.member_epoch)
        })
        .collect();
    format!(
        "{} {}/{} {}{}",
        group.group_state,
        group.group_epoch,
        group.assignment_epoch,
        group.assignor_name,
        members.concat()
    )
}

pub(in crate::coordinator) fn consumer_event(event: &Event) -> Option<String> {
    Some(match event {
        Event::GroupEpochBumped { group_epoch, reason, .. } => format!("group epoch {group_epoch}: {reason}"),
        Event::TargetAssigned { assignment_epoch, assignor, targets, .. } => {
            let each = |target: &crate::trace::MemberTarget| {
                format!(" {} {}", target.member, shown(&target.partitions))
            };
            let each: Vec<String> = targets.iter().map(each).collect();
            format!("target {assignment_epoch} by {assignor}:{}", each.concat())
        }
        Event::MemberReconciled { member, member_epoch, state, assigned, revoking, awaiting, .. } => {
            let mut line = format!("{member} at {member_epoch} {state} {}", shown(assigned));
            if !revoking.is_empty() {
                line += &format!(", revokes {}", shown(revoking));
            }
            if !awaiting.is_empty() {
                line += &format!(", awaits {}", shown(awaiting));
            }
            line
        }
        Event::MemberFenced { member, error, .. } => format!("{member} turned away: {}", error.name()),
        Event::RegexResolved { regex, topics, .. } => format!("{regex} is [{}]", topics.join(" ")),
        Event::GroupMigrated { from, to, .. } => format!("from {from} to {to}"),
        _ => return None,
    })
}
