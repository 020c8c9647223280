//! Topics and their configs.
//!
//! Source: Kafka documentation *Basic operations*, protocol guide *CreateTopics*,
//! *IncrementalAlterConfigs* (KIP-339). Replicas are spread as Kafka's striped placer does it,
//! without racks: leaders round-robin over the brokers, the followers behind them.

use std::sync::Arc;

use crate::base::Set;
use crate::controller::{Asker, Controller, Ctx};
use crate::metadata::{TOPIC_RESOURCE, TopicConfigs};
use crate::protocol::messages::create_topics::{
    CreatableTopic, CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse,
};
use crate::protocol::messages::incremental_alter_configs::{
    AlterConfigsResourceResponse, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};
use crate::protocol::messages::metadata_records::{
    ConfigRecord, MetadataRecord, PartitionRecord, TopicRecord,
};
use crate::protocol::{ErrorCode, TopicPartition};
use crate::storage::LogConfig;
use crate::trace::Event;

const SET: i8 = 0;
const DELETE: i8 = 1;
/// More partitions than this in one request are refused (`MAX_PARTITIONS_PER_BATCH`).
const PARTITIONS_MAX: i32 = 10_000;
const TOO_MANY: &str = "excessively large number of partitions per request";

/// Why a topic cannot be created: error code and words.
type Refusal = (ErrorCode, String);

impl Controller {
    pub(super) fn topic_config(&self, topic: &str) -> LogConfig {
        TopicConfigs::effective(&self.config.log, &self.image.topic_configs(topic))
    }

    pub(super) fn create_topics(&mut self, ctx: &mut Ctx, asker: Asker, request: &CreateTopicsRequest) {
        let (mut records, mut events) = (Vec::new(), Vec::new());
        let mut names = Set::new();
        let mut partitions_left = PARTITIONS_MAX;
        let mut response = CreateTopicsResponse::default();
        for topic in &request.topics {
            let decided = if names.insert(topic.name.clone()) {
                self.decide_topic(ctx, topic, &mut partitions_left, &mut events)
            } else {
                Err((ErrorCode::InvalidRequest, "the topic is named twice".into()))
            };
            let mut result = CreatableTopicResult { name: topic.name.clone(), ..Default::default() };
            match decided {
                Ok((topic_id, partitions, replication_factor, new)) => {
                    result.topic_id = topic_id;
                    result.num_partitions = partitions;
                    result.replication_factor = replication_factor;
                    result.configs = Some(Vec::new());
                    if !request.validate_only {
                        records.extend(new);
                    }
                }
                Err((error_code, message)) => {
                    result.error_code = error_code;
                    result.error_message = Some(message);
                }
            }
            response.topics.push(result);
        }
        if request.validate_only {
            events.clear();
        }
        self.write_and_answer(ctx, asker, records, &response, events);
    }

    fn decide_topic(
        &self,
        ctx: &mut Ctx,
        topic: &CreatableTopic,
        partitions_left: &mut i32,
        events: &mut Vec<Event>,
    ) -> Result<(crate::protocol::Uuid, i32, i16, Vec<MetadataRecord>), Refusal> {
        if self.image.topics.contains_key(topic.name.as_str()) {
            return Err((ErrorCode::TopicAlreadyExists, format!("topic '{}' exists already", topic.name)));
        }
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if matches!(topic.name.as_str(), "" | "." | "..")
            || topic.name.len() > 249
            || !topic.name.bytes().all(legal)
        {
            return Err((
                ErrorCode::InvalidTopicException,
                format!("'{}' is no legal topic name", topic.name),
            ));
        }
        let replicas = self.place(topic)?;
        *partitions_left = partitions_left.saturating_sub(i32::try_from(replicas.len()).unwrap_or(i32::MAX));
        if *partitions_left < 0 {
            return Err((ErrorCode::PolicyViolation, TOO_MANY.into()));
        }
        let mut checked = (*self.config.log).clone();
        for config in &topic.configs {
            let value = config.value.as_deref().unwrap_or_default();
            let set = TopicConfigs::set(&mut checked, &config.name, value)
                .map_err(|error| (ErrorCode::InvalidConfig, error.to_string()))?;
            if !set {
                return Err((ErrorCode::InvalidConfig, format!("unknown topic config '{}'", config.name)));
            }
        }
        let topic_id = self.new_topic_id(ctx);
        let mut records: Vec<MetadataRecord> =
            vec![TopicRecord { name: topic.name.clone(), topic_id }.into()];
        for config in &topic.configs {
            let record = ConfigRecord {
                resource_type: TOPIC_RESOURCE,
                resource_name: topic.name.clone(),
                name: config.name.clone(),
                value: config.value.clone(),
            };
            records.push(record.into());
        }
        let name: Arc<str> = topic.name.as_str().into();
        let factor = replicas.first().map_or(0, Vec::len);
        events.push(Event::TopicCreated {
            topic: Arc::clone(&name),
            partitions: replicas.len() as u32,
            replication_factor: factor as u32,
        });
        let partitions = replicas.len() as i32;
        for (index, replicas) in (0..).zip(replicas) {
            let isr: Vec<i32> = replicas.iter().copied().filter(|id| self.image.is_unfenced(*id)).collect();
            let leader = isr.first().copied().unwrap_or(-1);
            let at = TopicPartition::new(Arc::clone(&name), index);
            events.push(Event::LeaderElected { at, leader, leader_epoch: 0 });
            let record = PartitionRecord {
                partition_id: index,
                topic_id,
                replicas,
                isr,
                leader,
                leader_epoch: 0,
                partition_epoch: 0,
                ..Default::default()
            };
            records.push(record.into());
        }
        Ok((topic_id, partitions, factor as i16, records))
    }

    /// The replicas of each partition, as asked for or as the controller spreads them.
    fn place(&self, topic: &CreatableTopic) -> Result<Vec<Vec<i32>>, Refusal> {
        if !topic.assignments.is_empty() {
            return self.check_assignments(topic);
        }
        let partitions = if topic.num_partitions == -1 { 1 } else { topic.num_partitions };
        if !(1..=PARTITIONS_MAX).contains(&partitions) {
            return Err((ErrorCode::InvalidPartitions, format!("{partitions} partitions")));
        }
        let brokers: Vec<i32> = self.image.unfenced().map(|broker| broker.id).collect();
        let factor = if topic.replication_factor == -1 { 1 } else { topic.replication_factor };
        let factor = usize::try_from(factor).unwrap_or(0);
        if factor == 0 || factor > brokers.len() {
            let problem =
                format!("replication factor {}, but {} brokers", topic.replication_factor, brokers.len());
            return Err((ErrorCode::InvalidReplicationFactor, problem));
        }
        // Every topic begins one broker further on, so that first partitions do not crowd.
        let start = self.image.topics.len();
        let row = |partition: usize| {
            (0..factor).map(|replica| brokers[(start + partition + replica) % brokers.len()]).collect()
        };
        Ok((0..partitions as usize).map(row).collect())
    }

    fn check_assignments(&self, topic: &CreatableTopic) -> Result<Vec<Vec<i32>>, Refusal> {
        let refuse = |problem: String| Err((ErrorCode::InvalidReplicaAssignment, problem));
        let mut rows = Vec::new();
        let mut sorted: Vec<_> = topic.assignments.iter().collect();
        sorted.sort_by_key(|row| row.partition_index);
        for (index, row) in (0..).zip(sorted) {
            let distinct: Set<i32> = row.broker_ids.iter().copied().collect();
            if row.partition_index != index {
                return refuse(format!("partition {index} is missing"));
            }
            if row.broker_ids.is_empty() || distinct.len() != row.broker_ids.len() {
                return refuse(format!("partition {index}: no replicas, or one of them twice"));
            }
            if let Some(unknown) = distinct.iter().find(|id| !self.image.brokers.contains_key(*id)) {
                return refuse(format!("partition {index}: no broker {unknown}"));
            }
            if !distinct.iter().any(|id| self.image.is_unfenced(*id)) {
                return refuse(format!("partition {index}: all of its brokers are fenced"));
            }
            rows.push(row.broker_ids.clone());
        }
        Ok(rows)
    }

    pub(super) fn alter_configs(
        &mut self,
        ctx: &mut Ctx,
        asker: Asker,
        request: &IncrementalAlterConfigsRequest,
    ) {
        let (mut records, mut events) = (Vec::new(), Vec::new());
        let mut response = IncrementalAlterConfigsResponse::default();
        for resource in &request.resources {
            let mut result = AlterConfigsResourceResponse {
                resource_type: resource.resource_type,
                resource_name: resource.resource_name.clone(),
                ..Default::default()
            };
            let known = resource.resource_type == TOPIC_RESOURCE
                && self.image.topics.contains_key(resource.resource_name.as_str());
            let mut refusal = (!known).then(|| {
                (
                    ErrorCode::UnknownTopicOrPartition,
                    format!("no topic '{}' to configure", resource.resource_name),
                )
            });
            let mut new: Vec<MetadataRecord> = Vec::new();
            for config in resource.configs.iter().take_while(|_| known) {
                let value = match config.config_operation {
                    SET => config.value.clone(),
                    DELETE => None,
                    other => {
                        refusal = Some((
                            ErrorCode::InvalidRequest,
                            format!("operation {other} on {}", config.name),
                        ));
                        break;
                    }
                };
                let mut checked = self.topic_config(&resource.resource_name);
                let text = value.clone().or_else(|| TopicConfigs::get(&self.config.log, &config.name));
                match TopicConfigs::set(&mut checked, &config.name, text.as_deref().unwrap_or_default()) {
                    Ok(true) => {}
                    Ok(false) => {
                        refusal = Some((
                            ErrorCode::InvalidConfig,
                            format!("unknown topic config '{}'", config.name),
                        ))
                    }
                    Err(error) => refusal = Some((ErrorCode::InvalidConfig, error.to_string())),
                }
                events.push(Event::ConfigChanged {
                    resource: resource.resource_name.as_str().into(),
                    name: config.name.as_str().into(),
                    value: value.as_deref().map(Arc::from),
                });
                let record = ConfigRecord {
                    resource_type: TOPIC_RESOURCE,
                    resource_name: resource.resource_name.clone(),
                    name: config.name.clone(),
                    value,
                };
                new.push(record.into());
            }
            match refusal {
                Some((error_code, message)) => {
                    result.error_code = error_code;
                    result.error_message = Some(message);
                    events.retain(|event| !matches!(event, Event::ConfigChanged { resource: r, .. } if **r == resource.resource_name));
                }
                None if !request.validate_only => records.extend(new),
                None => {}
            }
            response.responses.push(result);
        }
        self.write_and_answer(ctx, asker, records, &response, events);
    }
}
