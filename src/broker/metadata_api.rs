//! What a broker tells clients of the cluster, and what it passes on to the controller:
//! Metadata, CreateTopics, IncrementalAlterConfigs.
//!
//! Kafka wraps what it passes on in an Envelope, for the sake of the asker's principal; there
//! are no principals here, so the request goes as it came.

use std::sync::Arc;

use crate::broker::controller_session::Purpose;
use crate::broker::{Broker, Ctx, OFFSETS_TOPIC};
use crate::metadata::{NO_LEADER, TopicImage};
use crate::protocol::ErrorCode;
use crate::protocol::messages::create_topics::{CreatableTopic, CreateTopicsRequest, CreateTopicsResponse};
use crate::protocol::messages::incremental_alter_configs::{
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};
use crate::protocol::messages::metadata::{
    MetadataRequest, MetadataResponse, MetadataResponseBroker, MetadataResponsePartition,
    MetadataResponseTopic,
};

impl Broker {
    pub(super) fn metadata(&mut self, ctx: &mut Ctx, token: u64, request: &MetadataRequest) {
        let version = self.server.asked(token).map_or(0, |asked| asked.version);
        // An empty list meant "all" in version 0 and means "none" since.
        let all = request.topics.as_ref().is_none_or(|topics| version == 0 && topics.is_empty());
        let mut topics = Vec::new();
        let mut missing = Vec::new();
        if all {
            topics.extend(self.image.topics.values().map(|topic| self.describe_topic(topic)));
        }
        for asked in request.topics.iter().flatten() {
            let found = match &asked.name {
                Some(name) => self.image.topics.get(name.as_str()),
                None => self.image.topic_by_id(&asked.topic_id),
            };
            match (found, &asked.name) {
                (Some(topic), _) => topics.push(self.describe_topic(topic)),
                (None, None) => topics.push(MetadataResponseTopic {
                    error_code: ErrorCode::UnknownTopicId,
                    topic_id: asked.topic_id,
                    ..Default::default()
                }),
                (None, Some(name)) => {
                    let legal = is_legal_topic_name(name);
                    let error_code = if legal {
                        ErrorCode::UnknownTopicOrPartition
                    } else {
                        ErrorCode::InvalidTopicException
                    };
                    if legal && request.allow_auto_topic_creation && self.config.auto_create_topics {
                        missing.push(name.clone());
                    }
                    let name = Some(name.clone());
                    topics.push(MetadataResponseTopic { error_code, name, ..Default::default() });
                }
            }
        }
        let brokers = self.image.unfenced().map(|broker| {
            let endpoint = self.endpoint_for(token, broker);
            MetadataResponseBroker {
                node_id: broker.id,
                host: endpoint.host.clone(),
                port: i32::from(endpoint.port),
                rack: None,
            }
        });
        let response = MetadataResponse {
            brokers: brokers.collect(),
            cluster_id: Some("terrarium".into()),
            // KRaft's controller is no broker; any broker passes requests on to it.
            controller_id: self.image.unfenced().next().map_or(-1, |broker| broker.id),
            topics,
            ..Default::default()
        };
        self.reply(ctx, token, &response);
        if !missing.is_empty() {
            self.auto_create(ctx, &self.creation_of(missing));
        }
    }

    fn describe_topic(&self, topic: &Arc<TopicImage>) -> MetadataResponseTopic {
        let partitions = topic.partitions.iter().map(|(index, partition)| {
            let offline = partition.replicas.iter().copied().filter(|id| !self.image.is_unfenced(*id));
            MetadataResponsePartition {
                error_code: if partition.leader == NO_LEADER {
                    ErrorCode::LeaderNotAvailable
                } else {
                    ErrorCode::None
                },
                partition_index: *index,
                leader_id: partition.leader,
                leader_epoch: partition.leader_epoch,
                replica_nodes: partition.replicas.clone(),
                isr_nodes: partition.isr.clone(),
                offline_replicas: offline.collect(),
            }
        });
        MetadataResponseTopic {
            error_code: ErrorCode::None,
            name: Some(topic.name.to_string()),
            topic_id: topic.id,
            is_internal: &*topic.name == OFFSETS_TOPIC,
            partitions: partitions.collect(),
            ..Default::default()
        }
    }

    /// The request that creates topics nobody configured: with the brokers' defaults.
    pub(super) fn creation_of(&self, names: Vec<String>) -> CreateTopicsRequest {
        let topic = |name: String| {
            let (num_partitions, replication_factor) = if name == OFFSETS_TOPIC {
                (
                    self.config.group.offsets_topic_num_partitions,
                    self.config.group.offsets_topic_replication_factor,
                )
            } else {
                (self.config.num_partitions, self.config.default_replication_factor)
            };
            CreatableTopic { name, num_partitions, replication_factor, ..Default::default() }
        };
        CreateTopicsRequest { topics: names.into_iter().map(topic).collect(), ..Default::default() }
    }

    pub(super) fn forward_create_topics(&mut self, ctx: &mut Ctx, token: u64, request: CreateTopicsRequest) {
        if self.controller.ask(ctx, Purpose::CreateTopics(token), &request).is_err() {
            self.refuse(ctx, token, "the controller cannot be reached".into());
        }
    }

    pub(super) fn created_topics(&mut self, ctx: &mut Ctx, token: u64, response: &CreateTopicsResponse) {
        self.reply(ctx, token, response);
    }

    pub(super) fn forward_alter_configs(
        &mut self,
        ctx: &mut Ctx,
        token: u64,
        request: IncrementalAlterConfigsRequest,
    ) {
        if self.controller.ask(ctx, Purpose::AlterConfigs(token), &request).is_err() {
            self.refuse(ctx, token, "the controller cannot be reached".into());
        }
    }

    pub(super) fn altered_configs(
        &mut self,
        ctx: &mut Ctx,
        token: u64,
        response: &IncrementalAlterConfigsResponse,
    ) {
        self.reply(ctx, token, response);
    }
}

/// Kafka documentation, *Basic operations*: letters, digits, `.`, `_` and `-`, at most 249.
fn is_legal_topic_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..")
        && name.len() <= 249
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}
