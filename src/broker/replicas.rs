//! What a broker does when its picture of the metadata changes: lead, follow, leave; and what
//! it asks the controller for: a smaller or larger ISR.
//!
//! Source: KIP-497 (AlterPartition), KIP-903 (broker epochs in it).

use std::sync::Arc;

use crate::base::{Set, ms};
use crate::broker::controller_session::Purpose;
use crate::broker::history::follows_high_watermark;
use crate::broker::{Broker, BrokerTimer, Ctx, OFFSETS_TOPIC, Partition, SHARE_STATE_TOPIC};
use crate::metadata::{BrokerRegistration, NO_LEADER, PartitionRegistration};
use crate::plant::Plant;
use crate::protocol::messages::alter_partition::{
    AlterPartitionRequest, AlterPartitionResponse, BrokerState, RequestPartitionData, RequestTopicData,
};
use crate::protocol::{ErrorCode, TopicPartition, Uuid};
use crate::storage::UnifiedLog;
use crate::trace::{Event, Offsets};

impl Broker {
    /// The image moved on; these partitions may have changed.
    pub(super) fn apply_changes(&mut self, ctx: &mut Ctx, touched: &Set<TopicPartition>) {
        for at in touched {
            match self.image.partition(at).cloned() {
                Some(mut registration) if registration.replicas.contains(&self.id) => {
                    if self.config.log.plants.has(Plant::EpochNotBumped) {
                        registration.leader_epoch = 0;
                    }
                    let topic_id = self.image.topics.get(&at.topic).map(|topic| topic.id).unwrap_or_default();
                    self.apply_registration(ctx, at, topic_id, &registration);
                }
                _ => self.drop_replica(ctx, at),
            }
        }
        // Only now is it known which groups are still coordinated here.
        let gone: Vec<TopicPartition> =
            touched.iter().filter(|at| self.image.partition(at).is_none()).cloned().collect();
        if !gone.is_empty() {
            self.forget_offsets_of(ctx, &gone);
        }
        if touched.iter().any(|at| &*at.topic == SHARE_STATE_TOPIC) {
            self.share_coordinators_moved();
        }
    }

    fn apply_registration(
        &mut self,
        ctx: &mut Ctx,
        at: &TopicPartition,
        topic_id: Uuid,
        registration: &PartitionRegistration,
    ) {
        if self.partition(at).is_some_and(|partition| partition.topic_id != topic_id) {
            // A topic of the same name: the one before it is gone with its records.
            self.drop_replica(ctx, at);
        }
        let config = self.log_config(&at.topic);
        let partition = self.partitions.entry(at.clone()).or_insert_with(|| {
            let log = UnifiedLog::new(at.clone(), Arc::clone(&config));
            Arc::new(Partition::new(at.clone(), topic_id, log))
        });
        let partition = Arc::make_mut(partition);
        partition.log.set_config(config);
        let was_leader = partition.is_leader();
        let epoch_before = partition.registration.leader_epoch;
        if registration.leader == self.id {
            if partition.lead(self.id, registration, ctx.now()) {
                let leader_epoch = registration.leader_epoch;
                let entry = ctx.trace(Event::BecameLeader { at: at.clone(), leader_epoch });
                let before = ctx.because(entry);
                self.stop_following(ctx, at, None);
                self.release_fetches(ctx, at);
                self.lead_coordinator(ctx, at, leader_epoch);
                self.lead_share_coordinator(ctx, at, leader_epoch);
                ctx.because(before);
            }
            self.raise_high_watermark(ctx, at);
            self.recheck_produces(ctx, at);
            return;
        }
        let has_another_leader = was_leader || partition.registration.leader != registration.leader;
        let new_epoch = partition.follow(registration);
        let truncates =
            has_another_leader && registration.leader != NO_LEADER && follows_high_watermark(partition);
        if was_leader || epoch_before != registration.leader_epoch {
            let (leader, leader_epoch) = (registration.leader, registration.leader_epoch);
            let entry = ctx.trace(Event::BecameFollower { at: at.clone(), leader, leader_epoch });
            let before = ctx.because(entry);
            self.recheck_produces(ctx, at);
            self.recheck_deletions(ctx, at);
            self.release_fetches(ctx, at);
            if was_leader {
                self.leave_coordinator(ctx, at);
                self.leave_share_coordinator(ctx, at);
                self.leave_share_partitions(ctx, at);
            }
            if truncates {
                self.truncate_to_high_watermark(ctx, at);
            }
            ctx.because(before);
        }
        if registration.leader == NO_LEADER {
            self.stop_following(ctx, at, None);
        } else if new_epoch || !self.is_followed(at) {
            self.follow_leader(ctx, at, registration.leader);
        }
    }

    /// The replica is not this broker's any more: topic deleted, or moved elsewhere.
    fn drop_replica(&mut self, ctx: &mut Ctx, at: &TopicPartition) {
        let Some(partition) = self.partitions.remove(at) else { return };
        self.stop_following(ctx, at, None);
        if partition.is_leader() {
            self.leave_coordinator(ctx, at);
            self.leave_share_coordinator(ctx, at);
            self.leave_share_partitions(ctx, at);
        }
        self.recheck_produces(ctx, at);
        self.recheck_deletions(ctx, at);
        self.release_fetches(ctx, at);
        self.high_watermark_checkpoint.remove(at);
        self.files.retain(|_, file| file != at);
    }

    /// A topic's configs changed.
    pub(super) fn reconfigure(&mut self, ctx: &mut Ctx, topic: &str) {
        let config = self.log_config(topic);
        for (_, partition) in self.partitions.iter_mut().filter(|(at, _)| &*at.topic == topic) {
            Arc::make_mut(partition).log.set_config(Arc::clone(&config));
        }
        self.wake_cleaner(ctx);
    }

    /// Asks for a follower to be in sync (again), if it has caught up.
    pub(super) fn maybe_expand_isr(&mut self, ctx: &mut Ctx, at: &TopicPartition, follower: i32) {
        if !self.image.is_active(follower) {
            return;
        }
        if let Some(isr) = self.partitions.get(at).and_then(|partition| partition.expanded_isr(follower)) {
            self.propose_isr(ctx, at, isr);
        }
    }

    /// Asks for followers that lag to leave the ISR.
    pub(super) fn shrink_isrs(&mut self, ctx: &mut Ctx) {
        let lag_max_ms = self.config.replica_lag_time_max_ms;
        let now = ctx.now();
        let shrunk: Vec<(TopicPartition, Vec<i32>)> = self
            .partitions
            .iter()
            .filter_map(|(at, partition)| Some((at.clone(), partition.shrunk_isr(self.id, now, lag_max_ms)?)))
            .collect();
        for (at, isr) in shrunk {
            self.propose_isr(ctx, &at, isr);
        }
    }

    /// The connection broke before the controller answered: asks again what was asked.
    pub(super) fn propose_isrs_again(&mut self, ctx: &mut Ctx) {
        let proposed: Vec<(TopicPartition, Vec<i32>)> = self
            .partitions
            .iter()
            .filter_map(|(at, partition)| Some((at.clone(), partition.proposed_isr()?.to_vec())))
            .collect();
        for (at, isr) in proposed {
            self.propose_isr(ctx, &at, isr);
        }
    }

    fn propose_isr(&mut self, ctx: &mut Ctx, at: &TopicPartition, isr: Vec<i32>) {
        let Some(partition) = self.partitions.get(at) else { return };
        let state = |broker_id: &i32| BrokerState {
            broker_id: *broker_id,
            broker_epoch: if *broker_id == self.id {
                self.controller.broker_epoch()
            } else {
                partition.broker_epoch_of(*broker_id)
            },
        };
        let asked = RequestPartitionData {
            partition_index: at.partition,
            leader_epoch: partition.registration.leader_epoch,
            new_isr_with_epochs: isr.iter().map(state).collect(),
            partition_epoch: partition.registration.partition_epoch,
            ..Default::default()
        };
        let request = AlterPartitionRequest {
            broker_id: self.id,
            broker_epoch: self.controller.broker_epoch(),
            topics: vec![RequestTopicData { topic_id: partition.topic_id, partitions: vec![asked] }],
        };
        let from = partition.registration.isr.clone();
        if self.ask_controller(ctx, Purpose::AlterPartition(at.clone()), &request).is_ok() {
            ctx.trace(Event::IsrProposed { at: at.clone(), from, to: isr.clone() });
            if let Some(partition) = self.partitions.get_mut(at) {
                Arc::make_mut(partition).set_proposed(Some(isr));
            }
        }
    }

    /// The controller's answer: what the partition is now, or why not.
    pub(super) fn isr_answered(
        &mut self,
        ctx: &mut Ctx,
        at: &TopicPartition,
        response: Option<&AlterPartitionResponse>,
    ) {
        let Some(partition) = self.partitions.get_mut(at) else { return };
        let partition = Arc::make_mut(partition);
        partition.set_proposed(None);
        let answer = response
            .filter(|response| response.error_code == ErrorCode::None)
            .and_then(|response| response.topics.first()?.partitions.first());
        let Some(answer) = answer.filter(|answer| answer.error_code == ErrorCode::None) else { return };
        let current = &partition.registration;
        if answer.partition_epoch <= current.partition_epoch || answer.leader_epoch != current.leader_epoch {
            return;
        }
        let registration = PartitionRegistration {
            replicas: current.replicas.clone(),
            isr: answer.isr.clone(),
            elr: current.elr.clone(),
            last_known_elr: current.last_known_elr.clone(),
            adding_replicas: current.adding_replicas.clone(),
            removing_replicas: current.removing_replicas.clone(),
            leader: answer.leader_id,
            leader_epoch: answer.leader_epoch,
            partition_epoch: answer.partition_epoch,
        };
        if registration.leader == self.id {
            partition.lead(self.id, &registration, ctx.now());
            self.raise_high_watermark(ctx, at);
            self.recheck_produces(ctx, at);
        }
    }

    /// Who leads a partition, with its epoch, as far as this broker knows; and where to find it.
    pub(super) fn leader_of(&self, at: &TopicPartition) -> Option<((i32, i32), Option<&BrokerRegistration>)> {
        let own = self.partition(at).map(|partition| &partition.registration);
        let registration = own.or_else(|| self.image.partition(at))?;
        let broker = self.image.brokers.get(&registration.leader).filter(|broker| !broker.fenced);
        Some(((registration.leader, registration.leader_epoch), broker))
    }

    /// Forgets producers that have been silent for too long.
    pub(super) fn expire_producers(&mut self, ctx: &mut Ctx) {
        let now = ctx.unix_ms();
        let expiration = i64::from(self.config.producer_id_expiration_ms);
        for partition in self.partitions.values_mut() {
            if partition.log.producers().has_expired(now, expiration) {
                Arc::make_mut(partition).log.remove_expired_producers(now, expiration);
            }
        }
        let interval = u64::from(self.config.producer_id_expiration_check_interval_ms).max(1);
        ctx.set_timer(BrokerTimer::ProducerExpiry, ctx.now() + ms(interval));
    }

    /// Deletes segments that are too old or too many.
    pub(super) fn delete_old_segments(&mut self, ctx: &mut Ctx) {
        let now = ctx.unix_ms();
        for (at, partition) in &mut self.partitions {
            if !partition.is_leader() && partition.log.log_end_offset() == 0 {
                continue;
            }
            let from = partition.log.log_start_offset();
            let log = &mut Arc::make_mut(partition).log;
            if !log.delete_old_segments(now).is_empty() {
                let offsets = Offsets { from, to: log.log_start_offset() };
                ctx.trace(Event::SegmentsDeleted { at: at.clone(), offsets });
            }
        }
        let interval = u64::from(self.config.retention_check_interval_ms);
        ctx.set_timer(BrokerTimer::Retention, ctx.now() + ms(interval));
    }

    pub(super) fn is_followed(&self, at: &TopicPartition) -> bool {
        self.fetchers.values().any(|fetcher| fetcher.copies(at))
    }

    /// Whether this is a partition of `__consumer_offsets`, and which.
    pub(super) fn offsets_partition(at: &TopicPartition) -> Option<i32> {
        (&*at.topic == OFFSETS_TOPIC).then_some(at.partition)
    }
}
