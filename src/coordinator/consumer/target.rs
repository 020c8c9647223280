//! Who shall have what: the target assignment, computed by the coordinator.
//!
//! Rule: KIP-848, *Target Assignment*.

use std::sync::Arc;

use super::draft::Draft;
use super::heartbeat::Refusal;
use super::{GroupChange, Partitions};
use crate::assignor::{Member, SIMPLE, ServerAssignor, Topic, Topics, assign_shared};
use crate::metadata::TopicImage;
use crate::protocol::TopicPartition;
use crate::trace::{Event, MemberTarget};

impl Draft<'_> {
    /// Computes the target assignment anew when the group has changed since.
    #[inline(never)]
    pub(super) fn retarget(&mut self) -> Result<(), Refusal> {
        let epoch = self.group.group_epoch;
        if epoch <= self.group.assignment_epoch {
            return Ok(());
        }
        let (topics, assignees) = (self.topics(), self.assignees());
        let (assignor, assignment) = if self.group.is_share {
            let ready = self.group.share_topics.as_ref().map(|topics| topics.ready()).unwrap_or_default();
            let may_be_assigned = |at: &TopicPartition| {
                self.image
                    .topics
                    .get(&at.topic)
                    .is_some_and(|topic| ready.contains(&(topic.id, at.partition)))
            };
            (SIMPLE, assign_shared(&topics, &assignees, &may_be_assigned))
        } else {
            let preferred = self.group.preferred_assignor();
            let named = preferred.and_then(|name| ServerAssignor::from_name(&name));
            let assignor = named.unwrap_or_else(|| self.config.consumer_assignors.first());
            (assignor.name(), assignor.assign(&topics, &assignees))
        };
        let mut targets = Vec::new();
        let members: Vec<Arc<str>> = self.group.members.keys().cloned().collect();
        for member in members {
            let partitions = assignment.get(&member).cloned().unwrap_or_default();
            let target: Partitions = (partitions.iter())
                .filter_map(|at| Some((self.image.topics.get(&at.topic)?.id, at.partition)))
                .collect();
            let known = self.group.targets.get(&member);
            if known.is_none_or(|known| **known != target) {
                self.write(GroupChange::Target(member.clone(), Some(Arc::new(target))))?;
            }
            targets.push(MemberTarget { member, partitions });
        }
        self.events.push(Event::TargetAssigned {
            group: self.id.clone(),
            assignment_epoch: epoch,
            assignor,
            targets,
        });
        self.write(GroupChange::TargetEpoch(Some(epoch)))
    }

    /// The topics that the group is about, as far as they exist.
    fn topics(&self) -> Topics {
        let racks = |topic: &TopicImage| {
            let racks = |replicas: &Vec<i32>| {
                replicas.iter().filter_map(|id| self.image.brokers.get(id)?.rack.clone()).collect()
            };
            topic.partitions.values().map(|partition| racks(&partition.replicas)).collect()
        };
        let topic = |name: &Arc<str>| {
            let topic = self.image.topics.get(name)?;
            let partitions = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
            Some((name.clone(), Topic { partitions, racks: racks(topic) }))
        };
        self.group.subscribed_topics().iter().filter_map(topic).collect()
    }

    fn assignees(&self) -> Vec<Member> {
        let member = |member: &super::ConsumerMember| Member {
            member_id: member.member_id.clone(),
            group_instance_id: member.subscription.instance_id.clone(),
            topics: self.group.topics_of(member),
            owned: self.named(self.group.target(&member.member_id)),
            generation: -1,
            rack: member.subscription.rack_id.clone(),
        };
        self.group.members().map(member).collect()
    }
}
