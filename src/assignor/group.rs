//! A group in numbers: members, topics and partitions by their places, so that assignors
//! compare and count numbers instead of names.

use std::ops::Range;
use std::sync::Arc;

use super::{Assignment, Member, Topics, java_order};
use crate::base::{Map, sort_by, sort_by_key};
use crate::protocol::TopicPartition;

/// Everything that an assignor looks at. Members are in the order of their ids, topics in the
/// order of their names; only topics that have partitions and subscribers are here.
pub(super) struct Group<'a> {
    pub(super) members: Vec<&'a Member>,
    pub(super) topics: Vec<GroupTopic<'a>>,
    /// The topic of each partition.
    topic_of: Vec<usize>,
}

/// A topic of a group.
#[derive(Clone)]
pub(super) struct GroupTopic<'a> {
    pub(super) name: &'a Arc<str>,
    /// Its partitions among all of the group's.
    pub(super) partitions: Range<usize>,
    /// Who subscribes to it, in order.
    pub(super) subscribers: Vec<usize>,
    racks: &'a [Vec<Arc<str>>],
}

impl<'a> Group<'a> {
    /// A member that is listed twice counts once, with its last subscription.
    #[inline(never)]
    pub(super) fn new(topics: &'a Topics, members: &'a [Member]) -> Group<'a> {
        let unique: Map<&Arc<str>, &Member> = members.iter().map(|m| (&m.member_id, m)).collect();
        let mut members: Vec<&Member> = unique.into_values().collect();
        sort_by(&mut members, |a, b| java_order(&a.member_id, &b.member_id));
        let mut group = Group { members, topics: Vec::new(), topic_of: Vec::new() };
        for (name, topic) in topics {
            let subscribes = |index: &usize| group.members[*index].topics.contains(name);
            let subscribers: Vec<usize> = (0..group.members.len()).filter(subscribes).collect();
            let count = usize::try_from(topic.partitions).unwrap_or(0);
            if subscribers.is_empty() || count == 0 {
                continue;
            }
            let first = group.topic_of.len();
            group.topic_of.resize(first + count, group.topics.len());
            let partitions = first..first + count;
            group.topics.push(GroupTopic { name, partitions, subscribers, racks: &topic.racks });
        }
        group
    }

    /// The same group, with members of the same ids and subscriptions in the same order.
    pub(super) fn with<'b>(&'b self, members: Vec<&'b Member>) -> Group<'b> {
        Group { members, topics: self.topics.clone(), topic_of: self.topic_of.clone() }
    }

    /// How many partitions there are to hand out.
    pub(super) fn partition_count(&self) -> usize {
        self.topic_of.len()
    }

    /// The place of a partition, if the group has it.
    pub(super) fn find(&self, at: &TopicPartition) -> Option<usize> {
        let topic = self.topics.binary_search_by(|topic| (**topic.name).cmp(&*at.topic)).ok()?;
        let partitions = &self.topics[topic].partitions;
        let number = usize::try_from(at.partition).ok()?;
        (number < partitions.len()).then(|| partitions.start + number)
    }

    /// The topic of a partition.
    pub(super) fn topic_of(&self, partition: usize) -> usize {
        self.topic_of[partition]
    }

    /// The number of a partition in its topic.
    pub(super) fn number(&self, partition: usize) -> usize {
        partition - self.topics[self.topic_of[partition]].partitions.start
    }

    /// Who may have a partition.
    pub(super) fn subscribers(&self, partition: usize) -> &[usize] {
        &self.topics[self.topic_of[partition]].subscribers
    }

    /// Whether a member may have a partition.
    pub(super) fn may_have(&self, member: usize, partition: usize) -> bool {
        self.subscribers(partition).binary_search(&member).is_ok()
    }

    /// The racks on which a partition has replicas, each perhaps more than once; none if they
    /// are not known.
    pub(super) fn racks(&self, partition: usize) -> &'a [Arc<str>] {
        let racks = self.topics[self.topic_of[partition]].racks;
        racks.get(self.number(partition)).map_or(&[], Vec::as_slice)
    }

    /// Members in the order of a Java hash table whose keys are their ids, put in by id. Where
    /// Java's assignors go through one, this decides who comes first.
    #[inline(never)]
    pub(super) fn in_hash_order(&self) -> Vec<usize> {
        // A table has at least 16 buckets, and doubles as soon as more than three in four are used.
        let mut buckets = 16_u32;
        while self.members.len() as u64 * 4 > u64::from(buckets) * 3 {
            buckets = buckets.saturating_mul(2);
        }
        let bucket = |member: &usize| {
            let units = self.members[*member].member_id.encode_utf16();
            let hash = units.fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit.into()));
            (hash ^ (hash >> 16)) & (buckets - 1)
        };
        let mut order: Vec<usize> = (0..self.members.len()).collect();
        sort_by_key(&mut order, bucket);
        order
    }

    /// Whether all members subscribe to the same topics.
    pub(super) fn is_homogeneous(&self) -> bool {
        self.members.windows(2).all(|pair| pair[0].topics == pair[1].topics)
    }

    /// What a member says that it owns, as far as it exists.
    pub(super) fn claims(&self, member: usize) -> impl Iterator<Item = usize> {
        self.members[member].owned.iter().filter_map(|at| self.find(at))
    }

    /// A partition with its name.
    pub(super) fn at(&self, partition: usize) -> TopicPartition {
        let topic = self.topics[self.topic_of(partition)].name.clone();
        TopicPartition { topic, partition: i32::try_from(self.number(partition)).unwrap_or(i32::MAX) }
    }

    /// An assignment with names.
    #[inline(never)]
    pub(super) fn name(&self, owned: &[Vec<usize>]) -> Assignment {
        let named = |partition: &usize| self.at(*partition);
        let each = self.members.iter().zip(owned);
        each.map(|(member, owned)| (member.member_id.clone(), owned.iter().map(named).collect())).collect()
    }
}
