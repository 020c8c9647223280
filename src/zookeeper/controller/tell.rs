//! What the controller tells the brokers: each its own replicas, all of them the cluster
//! (`ControllerBrokerRequestBatch`).

use crate::metadata::BrokerRegistration;
use crate::protocol::TopicPartition;
use crate::protocol::messages::leader_and_isr::{
    LeaderAndIsrLiveLeader, LeaderAndIsrPartitionState, LeaderAndIsrRequest, LeaderAndIsrTopicState,
};
use crate::protocol::messages::stop_replica::{
    StopReplicaPartitionState, StopReplicaRequest, StopReplicaTopicState,
};
use crate::protocol::messages::update_metadata::{
    UpdateMetadataBroker, UpdateMetadataEndpoint, UpdateMetadataPartitionState, UpdateMetadataRequest,
    UpdateMetadataTopicState,
};
use crate::zookeeper::controller::{Do, KafkaController, Outgoing};

impl KafkaController {
    /// `replicas` are told what they lead and follow of these partitions, `all` how the cluster is.
    pub(super) fn tell_brokers(
        &mut self,
        replicas: &[i32],
        all: &[i32],
        about: &[TopicPartition],
        new: bool,
    ) {
        let mut sent = Vec::new();
        for id in replicas {
            let Some(broker_epoch) = self.broker(*id).map(|broker| broker.epoch) else { continue };
            let topic_states = self.states_for(*id, about, new);
            if topic_states.is_empty() {
                continue;
            }
            let leader = |broker: &BrokerRegistration| LeaderAndIsrLiveLeader {
                broker_id: broker.id,
                host_name: broker.internal().host.clone(),
                port: i32::from(broker.internal().port),
            };
            let request = LeaderAndIsrRequest {
                controller_id: self.id,
                controller_epoch: self.epoch,
                broker_epoch,
                topic_states,
                live_leaders: self.context.brokers.values().map(leader).collect(),
                ..Default::default()
            };
            sent.push(Do::Send(*id, Outgoing::LeaderAndIsr(request)));
        }
        let told = self.metadata_of(about);
        for id in all {
            let Some(broker_epoch) = self.broker(*id).map(|broker| broker.epoch) else { continue };
            let request = UpdateMetadataRequest { broker_epoch, ..told.clone() };
            sent.push(Do::Send(*id, Outgoing::UpdateMetadata(request)));
        }
        self.out.extend(sent);
    }

    fn states_for(&self, broker: i32, about: &[TopicPartition], is_new: bool) -> Vec<LeaderAndIsrTopicState> {
        let mut states: Vec<LeaderAndIsrTopicState> = Vec::new();
        for at in about {
            let Some(topic) = self.context.topics.get(&at.topic) else { continue };
            let Some(partition) = topic.partitions.get(&at.partition) else { continue };
            if !partition.replicas.contains(&broker) {
                continue;
            }
            let state = LeaderAndIsrPartitionState {
                partition_index: at.partition,
                controller_epoch: self.epoch,
                leader: partition.leader,
                leader_epoch: partition.leader_epoch,
                isr: partition.isr.clone(),
                partition_epoch: partition.partition_epoch,
                replicas: partition.replicas.clone(),
                is_new,
                ..Default::default()
            };
            match states.last_mut().filter(|last| *last.topic_name == *at.topic) {
                Some(last) => last.partition_states.push(state),
                None => states.push(LeaderAndIsrTopicState {
                    topic_name: at.topic.to_string(),
                    topic_id: topic.id,
                    partition_states: vec![state],
                }),
            }
        }
        states
    }

    fn metadata_of(&self, about: &[TopicPartition]) -> UpdateMetadataRequest {
        let live = |id: &i32| self.context.brokers.contains_key(id);
        let mut topic_states: Vec<UpdateMetadataTopicState> = Vec::new();
        for at in about {
            let Some(topic) = self.context.topics.get(&at.topic) else { continue };
            let Some(partition) = topic.partitions.get(&at.partition) else { continue };
            let state = UpdateMetadataPartitionState {
                partition_index: at.partition,
                controller_epoch: self.epoch,
                leader: partition.leader,
                leader_epoch: partition.leader_epoch,
                isr: partition.isr.clone(),
                zk_version: partition.partition_epoch,
                replicas: partition.replicas.clone(),
                offline_replicas: partition.replicas.iter().copied().filter(|id| !live(id)).collect(),
            };
            match topic_states.last_mut().filter(|last| *last.topic_name == *at.topic) {
                Some(last) => last.partition_states.push(state),
                None => topic_states.push(UpdateMetadataTopicState {
                    topic_name: at.topic.to_string(),
                    topic_id: topic.id,
                    partition_states: vec![state],
                }),
            }
        }
        UpdateMetadataRequest {
            controller_id: self.id,
            controller_epoch: self.epoch,
            topic_states,
            live_brokers: self.context.brokers.values().map(live_broker).collect(),
            ..Default::default()
        }
    }

    /// A broker that ends is no longer to follow what others lead now.
    pub(super) fn stop_replicas(&mut self, broker: i32, about: &[TopicPartition]) {
        let Some(broker_epoch) = self.broker(broker).map(|broker| broker.epoch) else { return };
        let mut topic_states: Vec<StopReplicaTopicState> = Vec::new();
        for at in about {
            let Some(partition) = self.context.partition(at) else { continue };
            let state = StopReplicaPartitionState {
                partition_index: at.partition,
                leader_epoch: partition.leader_epoch,
                delete_partition: false,
            };
            match topic_states.last_mut().filter(|last| *last.topic_name == *at.topic) {
                Some(last) => last.partition_states.push(state),
                None => topic_states.push(StopReplicaTopicState {
                    topic_name: at.topic.to_string(),
                    partition_states: vec![state],
                }),
            }
        }
        if topic_states.is_empty() {
            return;
        }
        let request = StopReplicaRequest {
            controller_id: self.id,
            controller_epoch: self.epoch,
            broker_epoch,
            topic_states,
            ..Default::default()
        };
        self.out.push(Do::Send(broker, Outgoing::StopReplica(request)));
    }
}

fn live_broker(broker: &BrokerRegistration) -> UpdateMetadataBroker {
    let endpoint = |end: &crate::metadata::Endpoint| UpdateMetadataEndpoint {
        port: i32::from(end.port),
        host: end.host.clone(),
        listener: end.listener.clone(),
        security_protocol: 0,
    };
    UpdateMetadataBroker {
        id: broker.id,
        endpoints: broker.endpoints.iter().map(endpoint).collect(),
        rack: broker.rack.as_ref().map(|rack| rack.to_string()),
    }
}
