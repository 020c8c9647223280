//! What a broker tells clients of the cluster, and the topics that it has created because a client asked
//! about them.
//!
//! Source: protocol guide *Metadata*; KIP-4 (all or none), KIP-430 (operations), KIP-516 (ids).

use std::sync::Arc;

use crate::base::Set;
use crate::broker::{Broker, CLUSTER_ID, Ctx, OFFSETS_TOPIC, SHARE_STATE_TOPIC, TRANSACTION_STATE_TOPIC};
use crate::metadata::{NO_LEADER, PartitionRegistration, TopicImage, check_topic_name};
use crate::protocol::messages::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use crate::protocol::messages::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseBroker,
    MetadataResponsePartition, MetadataResponseTopic,
};
use crate::protocol::{ErrorCode, Uuid};

/// All that can be done with a topic, a bit for each operation (`AclOperation`): read, write, create,
/// delete, alter, describe, describe configs, alter configs.
pub(super) const TOPIC_OPERATIONS: i32 = 0b1101_1111_1000;
/// All that can be done with a cluster: create, alter, describe, cluster action, describe configs, alter
/// configs, idempotent write.
pub(super) const CLUSTER_OPERATIONS: i32 = 0b1_1111_1010_0000;
/// The first version in which topics can be asked for by id.
const IDS_SINCE: i16 = 12;
/// Who speaks a version older than this knows a topic that is being created by LEADER_NOT_AVAILABLE, as the
/// brokers of that time answered, and may give up on anything else (kafkajs does). All later ones are told
/// what Kafka 4.1 says to everybody: UNKNOWN_TOPIC_OR_PARTITION.
const UNKNOWN_WHILE_CREATED_SINCE: i16 = 8;

impl Broker {
    pub(super) fn metadata(&mut self, ctx: &mut Ctx, token: u64, request: &MetadataRequest) {
        let version = self.server.asked(token).map_or(0, |asked| asked.version);
        let mut topics = Vec::new();
        let mut missing = Vec::new();
        let creates = request.allow_auto_topic_creation && self.config.auto_create_topics;
        let asked = request.topics.as_deref().unwrap_or_default();
        // An empty list meant "all" in version 0 and means "none" since.
        if request.topics.is_none() || version == 0 && asked.is_empty() {
            topics.extend(self.image.topics.values().map(|topic| self.describe_topic(topic)));
        } else if version < IDS_SINCE && asked.iter().any(|topic| topic.name.is_none() || has_id(topic)) {
            topics.extend(asked.iter().map(|topic| MetadataResponseTopic {
                error_code: ErrorCode::InvalidRequest,
                name: Some(topic.name.clone().unwrap_or_default()),
                ..Default::default()
            }));
        } else if asked.iter().any(has_id) {
            let ids: Set<Uuid> =
                asked.iter().filter(|topic| has_id(topic)).map(|topic| topic.topic_id).collect();
            topics.extend(ids.into_iter().map(|id| self.describe_topic_with_id(id)));
        } else {
            let names: Set<&str> = asked.iter().filter_map(|topic| topic.name.as_deref()).collect();
            for name in names {
                let mut described = match self.image.topics.get(name) {
                    Some(topic) => self.describe_topic(topic),
                    None => describe_missing(name),
                };
                if described.error_code == ErrorCode::UnknownTopicOrPartition {
                    missing.push(name.to_owned());
                    if creates && version < UNKNOWN_WHILE_CREATED_SINCE {
                        described.error_code = ErrorCode::LeaderNotAvailable;
                    }
                }
                topics.push(described);
            }
        }
        if version >= 8 && request.include_topic_authorized_operations {
            for topic in &mut topics {
                topic.topic_authorized_operations = TOPIC_OPERATIONS;
            }
        }
        let response = self.metadata_response(token, version, request, topics);
        self.reply(ctx, token, &response);
        if !missing.is_empty() && creates {
            let creation = self.creation_of(missing);
            let client = self.server.client_of(token);
            self.auto_create(ctx, &client, creation);
        }
    }

    fn metadata_response(
        &self,
        token: u64,
        version: i16,
        request: &MetadataRequest,
        topics: Vec<MetadataResponseTopic>,
    ) -> MetadataResponse {
        let brokers = self.image.unfenced().map(|broker| {
            let endpoint = self.endpoint_for(token, broker);
            MetadataResponseBroker {
                node_id: broker.id,
                host: endpoint.host.clone(),
                port: i32::from(endpoint.port),
                rack: broker.rack.as_deref().map(str::to_owned),
            }
        });
        let tells_operations = (8..=10).contains(&version) && request.include_cluster_authorized_operations;
        MetadataResponse {
            brokers: brokers.collect(),
            cluster_id: Some(CLUSTER_ID.into()),
            controller_id: self.controller_id(),
            topics,
            cluster_authorized_operations: if tells_operations { CLUSTER_OPERATIONS } else { i32::MIN },
            ..Default::default()
        }
    }

    /// KRaft's controller is no broker; any broker passes requests on to it.
    pub(super) fn controller_id(&self) -> i32 {
        let any = || self.image.unfenced().next().map_or(-1, |broker| broker.id);
        self.controller_broker().unwrap_or_else(any)
    }

    fn describe_topic_with_id(&self, topic_id: Uuid) -> MetadataResponseTopic {
        match self.image.topic_by_id(&topic_id) {
            Some(topic) => self.describe_topic(topic),
            None => {
                let error_code = ErrorCode::UnknownTopicId;
                MetadataResponseTopic { error_code, name: None, topic_id, ..Default::default() }
            }
        }
    }

    fn describe_topic(&self, topic: &Arc<TopicImage>) -> MetadataResponseTopic {
        let partitions =
            topic.partitions.iter().map(|(index, partition)| self.metadata_partition(*index, partition));
        MetadataResponseTopic {
            error_code: ErrorCode::None,
            name: Some(topic.name.to_string()),
            topic_id: topic.id,
            is_internal: is_internal(&topic.name),
            partitions: partitions.collect(),
            ..Default::default()
        }
    }

    pub(super) fn metadata_partition(
        &self,
        partition_index: i32,
        partition: &PartitionRegistration,
    ) -> MetadataResponsePartition {
        let offline = partition.replicas.iter().copied().filter(|id| !self.image.is_unfenced(*id));
        let led = partition.leader != NO_LEADER;
        MetadataResponsePartition {
            error_code: if led { ErrorCode::None } else { ErrorCode::LeaderNotAvailable },
            partition_index,
            leader_id: partition.leader,
            leader_epoch: partition.leader_epoch,
            replica_nodes: partition.replicas.clone(),
            isr_nodes: partition.isr.clone(),
            offline_replicas: offline.collect(),
        }
    }

    /// The request that creates topics nobody configured: with the brokers' defaults.
    pub(super) fn creation_of(&self, names: Vec<String>) -> CreateTopicsRequest {
        let group = &self.config.group;
        let topic = |name: String| {
            let (num_partitions, replication_factor, configs) = match name.as_str() {
                OFFSETS_TOPIC => {
                    let segment = group.offsets_topic_segment_bytes.to_string();
                    let configs = vec![
                        config("cleanup.policy", "compact"),
                        config("compression.type", "producer"),
                        config("segment.bytes", &segment),
                    ];
                    (group.offsets_topic_num_partitions, group.offsets_topic_replication_factor, configs)
                }
                SHARE_STATE_TOPIC => {
                    // Of a small cluster no more is asked than it can give.
                    let brokers = i16::try_from(self.image.brokers.len()).unwrap_or(i16::MAX).max(1);
                    let replicas = group.share_state_topic_replication_factor.min(brokers);
                    let segment = group.share_state_topic_segment_bytes.to_string();
                    let min_isr = group.share_state_topic_min_isr.min(replicas).to_string();
                    let configs = vec![
                        config("cleanup.policy", "delete"),
                        config("compression.type", "producer"),
                        config("min.insync.replicas", &min_isr),
                        config("retention.ms", "-1"),
                        config("segment.bytes", &segment),
                    ];
                    (group.share_state_topic_num_partitions, replicas, configs)
                }
                _ => (self.config.num_partitions, self.config.default_replication_factor, Vec::new()),
            };
            CreatableTopic { name, num_partitions, replication_factor, configs, ..Default::default() }
        };
        CreateTopicsRequest { topics: names.into_iter().map(topic).collect(), ..Default::default() }
    }
}

fn has_id(topic: &MetadataRequestTopic) -> bool {
    topic.topic_id != Uuid::default()
}

fn describe_missing(name: &str) -> MetadataResponseTopic {
    let error_code = match check_topic_name(name) {
        Ok(()) => ErrorCode::UnknownTopicOrPartition,
        Err(_) => ErrorCode::InvalidTopicException,
    };
    let is_internal = is_internal(name);
    MetadataResponseTopic { error_code, name: Some(name.to_owned()), is_internal, ..Default::default() }
}

/// Whether only the cluster itself writes to the topic.
pub(super) fn is_internal(name: &str) -> bool {
    matches!(name, OFFSETS_TOPIC | TRANSACTION_STATE_TOPIC | SHARE_STATE_TOPIC)
}

fn config(name: &str, value: &str) -> CreatableTopicConfig {
    CreatableTopicConfig { name: name.into(), value: Some(value.into()) }
}
