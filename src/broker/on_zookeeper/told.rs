//! What the controller tells a broker, and what becomes of it.

use std::sync::Arc;

use super::For;
use crate::base::{Map, Set};
use crate::broker::{Broker, Ctx};
use crate::metadata::{
    BrokerRegistration, Configs, EXTERNAL_LISTENER, Endpoint, INTERNAL_LISTENER, TOPIC_RESOURCE,
};
use crate::protocol::messages::leader_and_isr::{
    LeaderAndIsrPartitionError, LeaderAndIsrPartitionState, LeaderAndIsrRequest, LeaderAndIsrResponse,
    LeaderAndIsrTopicError,
};
use crate::protocol::messages::metadata_records::{MetadataRecord, PartitionRecord, TopicRecord};
use crate::protocol::messages::stop_replica::{StopReplicaRequest, StopReplicaResponse};
use crate::protocol::messages::update_metadata::{
    UpdateMetadataBroker, UpdateMetadataPartitionState, UpdateMetadataRequest, UpdateMetadataResponse,
};
use crate::protocol::{ErrorCode, TopicPartition, Uuid};
use crate::zookeeper::{Op, Outgoing, topic_config_path};

impl Broker {
    #[inline(never)]
    pub(super) fn told_by_itself(&mut self, ctx: &mut Ctx, what: Outgoing) {
        match what {
            Outgoing::LeaderAndIsr(request) => self.leader_and_isr(ctx, None, request),
            Outgoing::UpdateMetadata(request) => self.update_metadata(ctx, None, &request),
            Outgoing::StopReplica(request) => self.stop_replica(ctx, None, &request),
        }
    }

    /// A controller of the past, or one that means the process before this one, has nothing to say.
    fn may_tell(&mut self, controller_epoch: i32, broker_epoch: i64) -> ErrorCode {
        let own = self.controller.broker_epoch();
        let Some(zookeeper) = &mut self.zookeeper else { return ErrorCode::StaleControllerEpoch };
        if controller_epoch < zookeeper.controller_epoch {
            return ErrorCode::StaleControllerEpoch;
        }
        if broker_epoch < own {
            return ErrorCode::StaleBrokerEpoch;
        }
        zookeeper.controller_epoch = controller_epoch;
        ErrorCode::None
    }

    /// What this broker leads and follows. It waits until the configs of all its topics are known: a log
    /// begins with its configs.
    #[inline(never)]
    pub(super) fn leader_and_isr(&mut self, ctx: &mut Ctx, token: Option<u64>, request: LeaderAndIsrRequest) {
        let Some(zookeeper) = &mut self.zookeeper else { return };
        for topic in &request.topic_states {
            let name: Arc<str> = topic.topic_name.as_str().into();
            if !zookeeper.configured.contains(&name) && zookeeper.reading.insert(Arc::clone(&name)) {
                let op = Op::GetData { path: topic_config_path(&name), watch: false };
                zookeeper.session.ask(ctx, For::Configs(name), op);
            }
        }
        zookeeper.held.push_back((token, request));
        self.take_held(ctx);
    }

    #[inline(never)]
    pub(super) fn configs_read(&mut self, ctx: &mut Ctx, topic: &Arc<str>, configs: Configs) {
        let key = (TOPIC_RESOURCE, Arc::clone(topic));
        if configs.is_empty() {
            self.image.configs.remove(&key);
        } else {
            self.image.configs.insert(key, configs);
        }
        self.take_held(ctx);
    }

    fn take_held(&mut self, ctx: &mut Ctx) {
        while let Some(zookeeper) = &mut self.zookeeper {
            let known = |request: &LeaderAndIsrRequest| {
                request.topic_states.iter().all(|topic| zookeeper.configured.contains(&*topic.topic_name))
            };
            if !zookeeper.held.front().is_some_and(|(_, request)| known(request)) {
                return;
            }
            if let Some((token, request)) = zookeeper.held.pop_front() {
                let response = self.take_leaders(ctx, &request);
                token.into_iter().for_each(|token| self.reply(ctx, token, &response));
            }
        }
    }

    fn take_leaders(&mut self, ctx: &mut Ctx, request: &LeaderAndIsrRequest) -> LeaderAndIsrResponse {
        let error_code = self.may_tell(request.controller_epoch, request.broker_epoch);
        if error_code != ErrorCode::None {
            return LeaderAndIsrResponse { error_code, ..Default::default() };
        }
        for leader in &request.live_leaders {
            if !self.image.brokers.contains_key(&leader.broker_id) {
                let listener = INTERNAL_LISTENER.to_owned();
                let port = u16::try_from(leader.port).unwrap_or(0);
                let endpoint = Endpoint { listener, host: leader.host_name.clone(), port };
                let broker = live(leader.broker_id, vec![endpoint], None);
                self.image.brokers.insert(leader.broker_id, broker);
            }
        }
        let mut touched = Set::new();
        let mut topics = Vec::new();
        for topic in &request.topic_states {
            let name: Arc<str> = topic.topic_name.as_str().into();
            self.meet_topic(&name, topic.topic_id);
            let mut errors = Vec::new();
            for state in &topic.partition_states {
                let at = TopicPartition::new(Arc::clone(&name), state.partition_index);
                let of_topic = |it: &&crate::broker::Partition| it.topic_id == topic.topic_id;
                let epoch =
                    self.partition(&at).filter(of_topic).map_or(-1, |it| it.registration.leader_epoch);
                // An epoch that it knows already says nothing new.
                if state.leader_epoch > epoch {
                    self.image.replay(&led(topic.topic_id, state));
                    touched.insert(at);
                }
                let partition_index = state.partition_index;
                errors.push(LeaderAndIsrPartitionError { partition_index, error_code: ErrorCode::None });
            }
            let (topic_id, partition_errors) = (topic.topic_id, errors);
            topics.push(LeaderAndIsrTopicError { topic_id, partition_errors });
        }
        self.image.end_offset += 1;
        self.apply_changes(ctx, &touched);
        LeaderAndIsrResponse { error_code, topics }
    }

    fn meet_topic(&mut self, name: &Arc<str>, topic_id: Uuid) {
        if self.image.topics.get(name).is_none_or(|topic| topic.id != topic_id) {
            self.image.replay(&MetadataRecord::Topic(TopicRecord { name: name.to_string(), topic_id }));
        }
    }

    /// How the cluster is, for clients. What this broker leads and follows does not change by that.
    #[inline(never)]
    pub(super) fn update_metadata(
        &mut self,
        ctx: &mut Ctx,
        token: Option<u64>,
        request: &UpdateMetadataRequest,
    ) {
        let error_code = self.may_tell(request.controller_epoch, request.broker_epoch);
        if error_code == ErrorCode::None {
            self.image.brokers =
                request.live_brokers.iter().map(|it| (it.id, live_of(it))).collect::<Map<_, _>>();
            for topic in &request.topic_states {
                self.meet_topic(&topic.topic_name.as_str().into(), topic.topic_id);
                for state in &topic.partition_states {
                    self.image.replay(&known(topic.topic_id, state));
                }
            }
            self.image.end_offset += 1;
        }
        token.into_iter().for_each(|token| self.reply(ctx, token, &UpdateMetadataResponse { error_code }));
    }

    #[inline(never)]
    pub(super) fn stop_replica(&mut self, ctx: &mut Ctx, token: Option<u64>, request: &StopReplicaRequest) {
        let error_code = self.may_tell(request.controller_epoch, request.broker_epoch);
        if error_code == ErrorCode::None {
            for topic in &request.topic_states {
                let name: Arc<str> = topic.topic_name.as_str().into();
                for state in &topic.partition_states {
                    let at = TopicPartition::new(Arc::clone(&name), state.partition_index);
                    self.stop_following(ctx, &at, None);
                }
            }
        }
        let response = StopReplicaResponse { error_code, ..Default::default() };
        token.into_iter().for_each(|token| self.reply(ctx, token, &response));
    }
}

fn led(topic_id: Uuid, state: &LeaderAndIsrPartitionState) -> MetadataRecord {
    MetadataRecord::Partition(PartitionRecord {
        partition_id: state.partition_index,
        topic_id,
        replicas: state.replicas.clone(),
        isr: state.isr.clone(),
        leader: state.leader,
        leader_epoch: state.leader_epoch,
        partition_epoch: state.partition_epoch,
        ..Default::default()
    })
}

fn known(topic_id: Uuid, state: &UpdateMetadataPartitionState) -> MetadataRecord {
    MetadataRecord::Partition(PartitionRecord {
        partition_id: state.partition_index,
        topic_id,
        replicas: state.replicas.clone(),
        isr: state.isr.clone(),
        leader: state.leader,
        leader_epoch: state.leader_epoch,
        partition_epoch: state.zk_version,
        ..Default::default()
    })
}

fn live_of(told: &UpdateMetadataBroker) -> BrokerRegistration {
    let endpoint = |end: &crate::protocol::messages::update_metadata::UpdateMetadataEndpoint| {
        let listener = if end.listener == EXTERNAL_LISTENER { EXTERNAL_LISTENER } else { INTERNAL_LISTENER };
        let port = u16::try_from(end.port).unwrap_or(0);
        Endpoint { listener: listener.to_owned(), host: end.host.clone(), port }
    };
    live(told.id, told.endpoints.iter().map(endpoint).collect(), told.rack.as_deref().map(Arc::from))
}

/// Whoever is told of is alive.
fn live(id: i32, endpoints: Vec<Endpoint>, rack: Option<Arc<str>>) -> BrokerRegistration {
    BrokerRegistration {
        id,
        epoch: -1,
        incarnation_id: Uuid::ZERO,
        endpoints,
        rack,
        fenced: false,
        in_controlled_shutdown: false,
    }
}
