//! How a group's leader hands partitions to members: pure functions, exactly those of Java's
//! consumer, because in the classic protocol the client decides.
//!
//! Must not know who asks or what the group did before. Rules: the Javadoc of
//! `RangeAssignor` and `RoundRobinAssignor`; static members, KIP-345.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::{Map, Set};
use crate::protocol::TopicPartition;

/// An assignor by the name that travels in JoinGroup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub enum AssignorKind {
    /// Topic by topic, a contiguous range for each member; topics with equally many
    /// partitions and the same members end up co-partitioned.
    #[default]
    Range,
    /// All partitions of all topics dealt out like cards.
    RoundRobin,
}

/// A member as its subscription describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The id that the coordinator gave it.
    pub member_id: Arc<str>,
    /// Its `group.instance.id`, when it is a static member.
    pub group_instance_id: Option<Arc<str>>,
    /// What it subscribes to.
    pub topics: Set<Arc<str>>,
}

/// What each member gets; every member is in it, perhaps with nothing.
pub type Assignment = Map<Arc<str>, Vec<TopicPartition>>;

impl AssignorKind {
    /// All of them.
    pub const ALL: [AssignorKind; 2] = [AssignorKind::Range, AssignorKind::RoundRobin];

    /// The name in JoinGroup and in `partition.assignment.strategy`.
    pub fn protocol_name(self) -> &'static str {
        match self {
            AssignorKind::Range => "range",
            AssignorKind::RoundRobin => "roundrobin",
        }
    }

    /// The assignor of that name.
    pub fn from_protocol_name(name: &str) -> Option<AssignorKind> {
        AssignorKind::ALL.into_iter().find(|kind| kind.protocol_name() == name)
    }

    /// Hands out every partition of every subscribed topic that the cluster has (topic →
    /// number of partitions). A member listed twice counts once, with its last subscription.
    pub fn assign(self, partition_counts: &Map<Arc<str>, i32>, members: &[Member]) -> Assignment {
        let unique: Map<&Arc<str>, &Member> = members.iter().map(|m| (&m.member_id, m)).collect();
        let mut ordered: Vec<&Member> = unique.into_values().collect();
        ordered.sort_by(|a, b| a.order(b));
        let mut assignment: Assignment =
            ordered.iter().map(|member| (member.member_id.clone(), Vec::new())).collect();
        match self {
            AssignorKind::Range => range(partition_counts, &ordered, &mut assignment),
            AssignorKind::RoundRobin => round_robin(partition_counts, &ordered, &mut assignment),
        }
        assignment
    }
}

impl Member {
    /// Static members come first, by instance id, so that a restart under a new member id
    /// gives a member the same partitions; the others by member id.
    fn order(&self, other: &Member) -> Ordering {
        match (&self.group_instance_id, &other.group_instance_id) {
            (Some(a), Some(b)) => java_order(a, b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => java_order(&self.member_id, &other.member_id),
        }
    }
}

/// Java compares UTF-16 units, which is not the order of code points.
fn java_order(a: &str, b: &str) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}

fn range(partition_counts: &Map<Arc<str>, i32>, members: &[&Member], assignment: &mut Assignment) {
    for (topic, &partitions) in partition_counts {
        let subscribed: Vec<&&Member> = members.iter().filter(|m| m.topics.contains(topic)).collect();
        let (count, partitions) = (subscribed.len() as i64, i64::from(partitions.max(0)));
        if count == 0 {
            continue;
        }
        let (each, extra) = (partitions / count, partitions % count);
        let mut next = 0;
        for (index, member) in (0..).zip(subscribed) {
            let end = next + each + i64::from(index < extra);
            give(assignment, member, topic, next as i32..end as i32);
            next = end;
        }
    }
}

fn round_robin(partition_counts: &Map<Arc<str>, i32>, members: &[&Member], assignment: &mut Assignment) {
    let mut dealer = members.iter().cycle().peekable();
    for (topic, &partitions) in partition_counts {
        if !members.iter().any(|member| member.topics.contains(topic)) {
            continue;
        }
        for partition in 0..partitions {
            while dealer.next_if(|member| !member.topics.contains(topic)).is_some() {}
            if let Some(member) = dealer.next() {
                give(assignment, member, topic, partition..partition + 1);
            }
        }
    }
}

fn give(assignment: &mut Assignment, member: &Member, topic: &Arc<str>, partitions: std::ops::Range<i32>) {
    let owned = assignment.entry(member.member_id.clone()).or_default();
    owned.extend(partitions.map(|partition| TopicPartition::new(topic.clone(), partition)));
}

#[cfg(test)]
#[path = "assignor/assignor_test.rs"]
mod tests;
