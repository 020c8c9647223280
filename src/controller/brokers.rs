//! Brokers: registration, heartbeats, fencing; and what fencing means for partitions.
//!
//! Source: KIP-631, KIP-497, KIP-903.

use crate::base::ms;
use crate::controller::{Asker, Controller, ControllerTimer, Ctx};
use crate::metadata::{NO_LEADER, PartitionRegistration};
use crate::plant::Plant;
use crate::protocol::messages::alter_partition::{
    AlterPartitionRequest, AlterPartitionResponse, RequestPartitionData, ResponsePartitionData,
    ResponseTopicData,
};
use crate::protocol::messages::broker_heartbeat::{BrokerHeartbeatRequest, BrokerHeartbeatResponse};
use crate::protocol::messages::broker_registration::{BrokerRegistrationRequest, BrokerRegistrationResponse};
use crate::protocol::messages::metadata_records::{
    BrokerEndpoint, BrokerRegistrationChangeRecord, MetadataRecord, RegisterBrokerRecord,
};
use crate::protocol::{ErrorCode, TopicPartition, Uuid};
use crate::trace::Event;

const FENCED: i8 = 1;
const UNFENCED: i8 = -1;
/// `PartitionChangeRecord.leader` when the leader stays.
const NO_LEADER_CHANGE: i32 = -2;

impl Controller {
    pub(super) fn is_current(&self, broker: i32, epoch: i64) -> bool {
        self.image.brokers.get(&broker).is_some_and(|known| known.epoch == epoch)
    }

    pub(super) fn register(&mut self, ctx: &mut Ctx, asker: Asker, request: &BrokerRegistrationRequest) {
        let id = request.broker_id;
        if let Some(known) = self.image.brokers.get(&id)
            && known.incarnation_id == request.incarnation_id
        {
            // The same process asks again, because an answer was lost.
            let broker_epoch = known.epoch;
            self.touch_session(ctx, id);
            let response = BrokerRegistrationResponse { broker_epoch, ..Default::default() };
            return self.answer(ctx, asker, &response);
        }
        if self.image.is_unfenced(id) && self.sessions.contains_key(&id) {
            // As Kafka: the old process may still be there. A restarted broker tries again
            // until the session of its former self is over.
            let error_code = ErrorCode::DuplicateBrokerRegistration;
            let response = BrokerRegistrationResponse { error_code, ..Default::default() };
            return self.answer(ctx, asker, &response);
        }
        let mut events = Vec::new();
        // A new process has forgotten what the old one led.
        let mut records = self.fence_records(id, self.is_unclean_shutdown(request), &mut events);
        let broker_epoch = self.log.log_end_offset();
        let end_points = request.listeners.iter().map(|listener| BrokerEndpoint {
            name: listener.name.clone(),
            host: listener.host.clone(),
            port: listener.port,
            security_protocol: listener.security_protocol,
        });
        let registration = RegisterBrokerRecord {
            broker_id: id,
            incarnation_id: request.incarnation_id,
            broker_epoch,
            end_points: end_points.collect(),
            rack: request.rack.clone(),
            fenced: true,
            ..Default::default()
        };
        records.push(registration.into());
        events.push(Event::BrokerRegistered { broker: id, broker_epoch });
        self.shutdowns.remove(&id);
        self.heard.remove(&id);
        self.touch_session(ctx, id);
        let response = BrokerRegistrationResponse { broker_epoch, ..Default::default() };
        self.write_and_answer(ctx, asker, records, &response, events);
    }

    pub(super) fn heartbeat(&mut self, ctx: &mut Ctx, asker: Asker, request: &BrokerHeartbeatRequest) {
        let id = request.broker_id;
        if !self.is_current(id, request.broker_epoch) {
            let error_code = ErrorCode::StaleBrokerEpoch;
            return self.answer(ctx, asker, &BrokerHeartbeatResponse { error_code, ..Default::default() });
        }
        self.touch_session(ctx, id);
        self.heard.insert(id, request.current_metadata_offset);
        if request.want_shut_down {
            return self.shut_down_broker(ctx, asker, request);
        }
        let fenced = !self.image.is_unfenced(id);
        // Caught up: it has replayed its own registration.
        let is_caught_up = request.current_metadata_offset >= request.broker_epoch;
        let mut response = BrokerHeartbeatResponse { is_caught_up, is_fenced: fenced, ..Default::default() };
        if fenced && is_caught_up && !request.want_fence {
            let change = BrokerRegistrationChangeRecord {
                broker_id: id,
                broker_epoch: request.broker_epoch,
                fenced: UNFENCED,
                ..Default::default()
            };
            let mut events = vec![Event::BrokerUnfenced { broker: id }];
            let mut records = vec![change.into()];
            records.extend(self.elections_for(id, &mut events));
            response.is_fenced = false;
            return self.write_and_answer(ctx, asker, records, &response, events);
        }
        self.answer(ctx, asker, &response);
    }

    pub(super) fn touch_session(&mut self, ctx: &mut Ctx, broker: i32) {
        self.sessions.insert(broker, ctx.now());
        let timeout = ms(u64::from(self.config.session_timeout_ms));
        ctx.set_timer(ControllerTimer::Session(broker), ctx.now() + timeout);
    }

    /// Silent for too long: fenced, and replaced wherever it led.
    pub(super) fn session_over(&mut self, ctx: &mut Ctx, broker: i32) {
        self.sessions.remove(&broker);
        let mut events = Vec::new();
        let records = self.fence_records(broker, false, &mut events);
        if !records.is_empty() {
            self.write(ctx, records, events);
        }
    }

    /// The records that fence a broker: its registration's change, and a change of every
    /// partition whose leader or in-sync replica it is. The last in-sync replica stays, except with eligible
    /// leader replicas; who has shut down uncleanly is none of these any more.
    pub(super) fn fence_records(
        &self,
        broker: i32,
        unclean: bool,
        events: &mut Vec<Event>,
    ) -> Vec<MetadataRecord> {
        let Some(known) = self.image.brokers.get(&broker).filter(|known| !known.fenced || unclean) else {
            return Vec::new();
        };
        let change = BrokerRegistrationChangeRecord {
            broker_id: broker,
            broker_epoch: known.epoch,
            fenced: FENCED,
            ..Default::default()
        };
        let mut records: Vec<MetadataRecord> = Vec::new();
        if !known.fenced {
            records.push(change.into());
            events.push(Event::BrokerFenced { broker });
        }
        self.replace_broker(broker, unclean, &mut records, events);
        records
    }

    /// A change of every partition whose leader or in-sync replica a broker is: it shall be neither, nor eligible
    /// when it has shut down uncleanly.
    pub(super) fn replace_broker(
        &self,
        broker: i32,
        unclean: bool,
        records: &mut Vec<MetadataRecord>,
        events: &mut Vec<Event>,
    ) {
        for (at, topic_id, partition) in self.image.partitions() {
            let is_eligible = unclean && partition.elr.contains(&broker);
            if !partition.isr.contains(&broker) && partition.leader != broker && !is_eligible {
                continue;
            }
            let mut change = self.change(at, topic_id, partition);
            change.isr.retain(|id| *id != broker || self.config.log.plants.has(Plant::RestartKeepsIsr));
            change.unclean_shutdown = unclean.then_some(broker);
            records.extend(change.build(|id| id != broker && self.image.is_active(id), events));
        }
    }

    /// With eligible leader replicas, a process that does not know the epoch of the one before it has not seen that
    /// one shut down cleanly, with its logs flushed: its replicas may lack anything.
    fn is_unclean_shutdown(&self, request: &BrokerRegistrationRequest) -> bool {
        let known = self.image.brokers.get(&request.broker_id);
        self.has_eligible_leaders() && known.is_some_and(|known| known.epoch != request.previous_broker_epoch)
    }

    /// An unfenced broker may lead what has no leader.
    fn elections_for(&self, broker: i32, events: &mut Vec<Event>) -> Vec<MetadataRecord> {
        let leaderless = self.image.partitions().filter(|(_, _, partition)| {
            partition.leader == NO_LEADER && partition.replicas.contains(&broker)
        });
        let elect = |(at, topic_id, partition)| {
            let usable = |id: i32| id == broker || self.image.is_active(id);
            self.change(at, topic_id, partition).build(usable, events)
        };
        leaderless.filter_map(elect).collect()
    }

    #[inline(never)]
    pub(super) fn alter_partition(&mut self, ctx: &mut Ctx, asker: Asker, request: &AlterPartitionRequest) {
        if !self.is_current(request.broker_id, request.broker_epoch) {
            let error_code = ErrorCode::StaleBrokerEpoch;
            return self.answer(ctx, asker, &AlterPartitionResponse { error_code, ..Default::default() });
        }
        let (mut records, mut events) = (Vec::new(), Vec::new());
        let mut response = AlterPartitionResponse::default();
        for topic in &request.topics {
            let partitions = topic.partitions.iter().map(|asked| {
                let decided = self.decide_isr(request.broker_id, topic.topic_id, asked, asker.version);
                let mut answer =
                    ResponsePartitionData { partition_index: asked.partition_index, ..Default::default() };
                match decided {
                    Ok((at, partition, isr)) => {
                        let mut change = self.change(at, topic.topic_id, &partition);
                        change.isr.clone_from(&isr);
                        let record = change.build(|id| self.image.is_active(id), &mut events);
                        if matches!(&record, Some(MetadataRecord::PartitionChange(r)) if r.leader != NO_LEADER_CHANGE) {
                            // It completed a reassignment: the metadata tell what has become of it.
                            answer.error_code = ErrorCode::NewLeaderElected;
                        } else {
                            answer.leader_id = partition.leader;
                            answer.leader_epoch = partition.leader_epoch;
                            answer.partition_epoch = partition.partition_epoch + i32::from(record.is_some());
                            answer.isr = isr;
                        }
                        records.extend(record);
                    }
                    Err(error_code) => answer.error_code = error_code,
                }
                answer
            });
            let partitions = partitions.collect();
            response.topics.push(ResponseTopicData { topic_id: topic.topic_id, partitions });
        }
        self.write_and_answer(ctx, asker, records, &response, events);
    }

    fn decide_isr(
        &self,
        broker: i32,
        topic_id: Uuid,
        asked: &RequestPartitionData,
        version: i16,
    ) -> Result<(TopicPartition, PartitionRegistration, Vec<i32>), ErrorCode> {
        let topic = self.image.topic_by_id(&topic_id).ok_or(ErrorCode::UnknownTopicId)?;
        let partition =
            topic.partitions.get(&asked.partition_index).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let is_there = |id, epoch: Option<i64>| {
            self.image.is_active(id) && epoch.is_none_or(|epoch| self.is_current(id, epoch))
        };
        let isr = partition.isr_asked(broker, asked, version, &is_there)?;
        Ok((
            TopicPartition::new(std::sync::Arc::clone(&topic.name), asked.partition_index),
            partition.clone(),
            isr,
        ))
    }
}
