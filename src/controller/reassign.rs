//! Partitions move to other replicas: the new ones are added, catch up and join the in-sync replicas, then
//! the old ones go (see [`super::change`], which completes what can be completed).
//!
//! Source: KIP-455.

use std::sync::Arc;

use crate::base::repeated;
use crate::controller::{Asker, Controller, Ctx, Refusal};
use crate::metadata::{PartitionRegistration, TopicImage};
use crate::protocol::messages::alter_partition_reassignments::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, ReassignablePartition,
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use crate::protocol::messages::list_partition_reassignments::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse, OngoingPartitionReassignment,
    OngoingTopicReassignment,
};
use crate::protocol::messages::metadata_records::MetadataRecord;
use crate::protocol::{ErrorCode, TopicPartition};
use crate::trace::Event;

impl Controller {
    #[inline(never)]
    pub(super) fn alter_partition_reassignments(
        &mut self,
        ctx: &mut Ctx,
        asker: Asker,
        request: &AlterPartitionReassignmentsRequest,
    ) {
        let (mut records, mut events) = (Vec::new(), Vec::new());
        let allow_change = request.allow_replication_factor_change;
        let mut response = AlterPartitionReassignmentsResponse {
            allow_replication_factor_change: allow_change,
            error_message: None,
            ..Default::default()
        };
        let pairs = request.topics.iter().flat_map(|topic| {
            topic.partitions.iter().map(|asked| (topic.name.as_str(), asked.partition_index))
        });
        let twice = repeated(pairs);
        for topic in &request.topics {
            let partitions = topic.partitions.iter().map(|asked| {
                let mut answer = ReassignablePartitionResponse {
                    partition_index: asked.partition_index,
                    error_message: None,
                    ..Default::default()
                };
                let decided = if twice.contains(&(topic.name.as_str(), asked.partition_index)) {
                    Err((ErrorCode::InvalidRequest, "the partition is named twice".into()))
                } else {
                    self.reassign(&topic.name, asked, allow_change, &mut events)
                };
                match decided {
                    Ok(record) => records.extend(record),
                    Err((error_code, message)) => {
                        (answer.error_code, answer.error_message) = (error_code, Some(message));
                    }
                }
                answer
            });
            let partitions = partitions.collect();
            response.responses.push(ReassignableTopicResponse { name: topic.name.clone(), partitions });
        }
        self.write_and_answer(ctx, asker, records, &response, events);
    }

    #[inline(never)]
    fn reassign(
        &self,
        name: &str,
        asked: &ReassignablePartition,
        allow_change: bool,
        events: &mut Vec<Event>,
    ) -> Result<Option<MetadataRecord>, Refusal> {
        let unknown =
            || (ErrorCode::UnknownTopicOrPartition, format!("no partition {name}-{}", asked.partition_index));
        let topic = self.image.topics.get(name).ok_or_else(unknown)?;
        let partition = topic.partitions.get(&asked.partition_index).ok_or_else(unknown)?;
        let at = TopicPartition::new(Arc::clone(&topic.name), asked.partition_index);
        let mut change = self.change(at.clone(), topic.id, partition);
        match &asked.replicas {
            Some(target) => {
                self.check_replicas(target, None)?;
                let factor = Controller::replication_factor(partition);
                if !allow_change && factor != target.len() {
                    let problem =
                        format!("the replication factor would change from {factor} to {}", target.len());
                    return Err((ErrorCode::InvalidReplicationFactor, problem));
                }
                let mut removing = missing_from(&partition.replicas, target);
                let mut adding = missing_from(target, &partition.replicas);
                removing.sort_unstable();
                adding.sort_unstable();
                change.replicas = [target.clone(), removing.clone()].concat();
                if !removing.is_empty() {
                    change.removing = removing;
                }
                if !adding.is_empty() {
                    change.adding = adding;
                }
            }
            None => {
                if !partition.is_reassigning() {
                    let error = ErrorCode::NoReassignmentInProgress;
                    return Err((error, error.message().to_owned()));
                }
                change.replicas = missing_from(&partition.replicas, &partition.adding_replicas);
                change.isr = missing_from(&partition.isr, &partition.adding_replicas);
                (change.adding, change.removing) = (Vec::new(), Vec::new());
                if change.isr.is_empty() {
                    let unclean = self.topic_config(name).unclean_leader_election_enable;
                    let first = change.replicas.first().copied().filter(|_| unclean);
                    change.isr = first.into_iter().collect();
                    if change.isr.is_empty() {
                        let problem = format!("{at} cannot go back without an unclean leader election");
                        return Err((ErrorCode::InvalidReplicaAssignment, problem));
                    }
                }
            }
        }
        Ok(change.build(|id| self.image.is_active(id), events))
    }

    #[inline(never)]
    pub(super) fn list_partition_reassignments(
        &self,
        ctx: &mut Ctx,
        asker: Asker,
        request: &ListPartitionReassignmentsRequest,
    ) {
        let mut response = ListPartitionReassignmentsResponse { error_message: None, ..Default::default() };
        let mut list = |topic: &TopicImage, partitions: Vec<(i32, &PartitionRegistration)>| {
            let ongoing = partitions.into_iter().filter(|(_, partition)| partition.is_reassigning());
            let told =
                |(partition_index, partition): (i32, &PartitionRegistration)| OngoingPartitionReassignment {
                    partition_index,
                    replicas: partition.replicas.clone(),
                    adding_replicas: partition.adding_replicas.clone(),
                    removing_replicas: partition.removing_replicas.clone(),
                };
            let partitions: Vec<_> = ongoing.map(told).collect();
            if !partitions.is_empty() {
                response.topics.push(OngoingTopicReassignment { name: topic.name.to_string(), partitions });
            }
        };
        match &request.topics {
            None => {
                for topic in self.image.topics.values() {
                    list(
                        topic,
                        topic.partitions.iter().map(|(index, partition)| (*index, partition)).collect(),
                    );
                }
            }
            Some(asked) => {
                for asked in asked {
                    let Some(topic) = self.image.topics.get(asked.name.as_str()) else { continue };
                    let known = |index: &i32| Some((*index, topic.partitions.get(index)?));
                    list(topic, asked.partition_indexes.iter().filter_map(known).collect());
                }
            }
        }
        self.answer(ctx, asker, &response);
    }
}

/// Those of `all` that are not among `others`, in their order.
fn missing_from(all: &[i32], others: &[i32]) -> Vec<i32> {
    all.iter().copied().filter(|id| !others.contains(id)).collect()
}
