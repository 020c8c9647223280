//! Elections that somebody asks for, and those that the controller holds by itself from time to time:
//! leadership goes back to preferred replicas, and leaderless partitions that may have an unclean leader
//! get one.
//!
//! Source: KIP-460; Kafka documentation, `auto.leader.rebalance.enable`,
//! `unclean.leader.election.interval.ms`.

use std::sync::Arc;

use crate::base::{ms, repeated};
use crate::controller::change::Election;
use crate::controller::{Asker, Controller, ControllerTimer, Ctx, Refusal};
use crate::metadata::NO_LEADER;
use crate::protocol::messages::elect_leaders::{
    ElectLeadersRequest, ElectLeadersResponse, PartitionResult, ReplicaElectionResult,
};
use crate::protocol::messages::metadata_records::MetadataRecord;
use crate::protocol::{ErrorCode, TopicPartition};
use crate::trace::Event;

const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;
/// Leaders moved back at a time (`MAX_ELECTIONS_PER_IMBALANCE`).
const ELECTIONS_MAX: usize = 1_000;

impl Controller {
    #[inline(never)]
    pub(super) fn elect_leaders(&mut self, ctx: &mut Ctx, asker: Asker, request: &ElectLeadersRequest) {
        let election = match request.election_type {
            PREFERRED => Election::Preferred,
            UNCLEAN => Election::Unclean,
            unknown => return self.refuse_election(ctx, asker, request, unknown),
        };
        let (mut records, mut events) = (Vec::new(), Vec::new());
        let mut response = ElectLeadersResponse::default();
        let asked = request.topic_partitions.iter().flatten();
        let pairs =
            asked.flat_map(|topic| topic.partitions.iter().map(|index| (topic.topic.as_str(), *index)));
        let twice = repeated(pairs);
        let mut elect = |at: TopicPartition| {
            let mut result =
                PartitionResult { partition_id: at.partition, error_message: None, ..Default::default() };
            let decided = if twice.contains(&(&*at.topic, at.partition)) {
                Err((ErrorCode::InvalidRequest, "the partition is named twice".into()))
            } else {
                self.elect(&at, election, &mut events)
            };
            match decided {
                Ok(record) => records.push(record),
                Err((error_code, message)) => {
                    (result.error_code, result.error_message) = (error_code, Some(message));
                }
            }
            result
        };
        match &request.topic_partitions {
            Some(asked) => {
                for topic in asked {
                    let name: Arc<str> = topic.topic.as_str().into();
                    let at = |index: &i32| TopicPartition::new(Arc::clone(&name), *index);
                    let partition_result = topic.partitions.iter().map(at).map(&mut elect).collect();
                    let topic = topic.topic.clone();
                    response.replica_election_results.push(ReplicaElectionResult { topic, partition_result });
                }
            }
            // All: those are not told of that have the right leader.
            None => {
                for topic in self.image.topics.values() {
                    let at = |index: &i32| TopicPartition::new(Arc::clone(&topic.name), *index);
                    let mut partition_result: Vec<PartitionResult> =
                        topic.partitions.keys().map(at).map(&mut elect).collect();
                    partition_result.retain(|result| result.error_code != ErrorCode::ElectionNotNeeded);
                    let topic = topic.name.to_string();
                    response.replica_election_results.push(ReplicaElectionResult { topic, partition_result });
                }
            }
        }
        self.write_and_answer(ctx, asker, records, &response, events);
    }

    fn refuse_election(&self, ctx: &mut Ctx, asker: Asker, request: &ElectLeadersRequest, unknown: i8) {
        let error_code = ErrorCode::InvalidRequest;
        let message = format!("no election type {unknown}");
        let refused = |partition_id: &i32| PartitionResult {
            partition_id: *partition_id,
            error_code,
            error_message: Some(message.clone()),
        };
        let results = request.topic_partitions.iter().flatten().map(|topic| ReplicaElectionResult {
            topic: topic.topic.clone(),
            partition_result: topic.partitions.iter().map(refused).collect(),
        });
        let replica_election_results = results.collect();
        let response = ElectLeadersResponse { error_code, replica_election_results, ..Default::default() };
        // Version 0 has no place for the error of the whole: its partitions have it.
        let response = if asker.version == 0 {
            ElectLeadersResponse { error_code: ErrorCode::None, ..response }
        } else {
            response
        };
        self.answer(ctx, asker, &response);
    }

    #[inline(never)]
    fn elect(
        &self,
        at: &TopicPartition,
        election: Election,
        events: &mut Vec<Event>,
    ) -> Result<MetadataRecord, Refusal> {
        let unknown = || (ErrorCode::UnknownTopicOrPartition, format!("no partition {at}"));
        let topic = self.image.topics.get(&at.topic).ok_or_else(unknown)?;
        let partition = topic.partitions.get(&at.partition).ok_or_else(unknown)?;
        let not_needed = match election {
            Election::Preferred => partition.leader == partition.preferred_leader(),
            _ => partition.leader != NO_LEADER,
        };
        let refuse = |error: ErrorCode| Err((error, error.message().to_owned()));
        if not_needed {
            return refuse(ErrorCode::ElectionNotNeeded);
        }
        let mut change = self.change(at.clone(), topic.id, partition);
        change.election = election;
        match change.build(|id| self.image.is_active(id), events) {
            Some(record) => Ok(record),
            None if election == Election::Preferred => refuse(ErrorCode::PreferredLeaderNotAvailable),
            None => refuse(ErrorCode::EligibleLeadersNotAvailable),
        }
    }

    /// Sets the timers of the elections that nobody asks for.
    pub(super) fn plan_elections(&self, ctx: &mut Ctx) {
        self.plan_rebalance(ctx);
        self.plan_unclean_elections(ctx);
    }

    fn plan_rebalance(&self, ctx: &mut Ctx) {
        if self.config.auto_leader_rebalance {
            let interval = u64::from(self.config.leader_imbalance_check_interval_seconds) * 1_000;
            ctx.set_timer(ControllerTimer::Rebalance, ctx.now() + ms(interval));
        }
    }

    fn plan_unclean_elections(&self, ctx: &mut Ctx) {
        let interval = u64::from(self.config.unclean_election_interval_ms);
        ctx.set_timer(ControllerTimer::UncleanElection, ctx.now() + ms(interval));
    }

    /// Leadership goes back to the preferred replicas that can have it.
    #[inline(never)]
    pub(super) fn rebalance_leaders(&mut self, ctx: &mut Ctx) {
        let partitions = self.image.partitions().filter(|(_, _, p)| p.leader != p.preferred_leader());
        let mut events = Vec::new();
        let mut records = Vec::new();
        for (at, topic_id, partition) in partitions {
            let preferred = partition.preferred_leader();
            if records.len() >= ELECTIONS_MAX {
                break;
            }
            if !partition.isr.contains(&preferred) || !self.image.is_active(preferred) {
                continue;
            }
            let mut change = self.change(at, topic_id, partition);
            change.election = Election::Preferred;
            records.extend(change.build(|id| self.image.is_active(id), &mut events));
        }
        if !records.is_empty() {
            self.write(ctx, records, events);
        }
        self.plan_rebalance(ctx);
    }

    /// Partitions without a leader get an unclean one, where that is allowed.
    #[inline(never)]
    pub(super) fn elect_unclean_leaders(&mut self, ctx: &mut Ctx) {
        let mut events = Vec::new();
        let mut records = Vec::new();
        for (at, topic_id, partition) in self.image.partitions() {
            if partition.leader == NO_LEADER && records.len() < ELECTIONS_MAX {
                let change = self.change(at, topic_id, partition);
                records.extend(change.build(|id| self.image.is_active(id), &mut events));
            }
        }
        if !records.is_empty() {
            self.write(ctx, records, events);
        }
        self.plan_unclean_elections(ctx);
    }
}
