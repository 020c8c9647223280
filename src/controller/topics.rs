//! Topics: created, deleted, given more partitions.
//!
//! Source: Kafka documentation *Basic operations*, protocol guide *CreateTopics*, *DeleteTopics*,
//! *CreatePartitions*; KIP-195, KIP-464 (defaults), KIP-516 (ids), KIP-525 (configs in the response).

use std::sync::Arc;

use crate::base::{Map, Set, repeated};
use crate::controller::configs::{CHANGES_MAX, TOO_MANY_CHANGES};
use crate::controller::mutations::MutationQuota;
use crate::controller::{Asker, Controller, Ctx, Refusal};
use crate::metadata::{
    CLUSTER_METADATA_TOPIC, Configs, TOPIC_RESOURCE, TopicImage, check_topic_configs, check_topic_name,
    topic_entries, topic_names_collide,
};
use crate::protocol::messages::create_partitions::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic, CreatePartitionsTopicResult,
};
use crate::protocol::messages::create_topics::{
    CreatableTopic, CreatableTopicConfigs, CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse,
};
use crate::protocol::messages::delete_topics::{
    DeletableTopicResult, DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse,
};
use crate::protocol::messages::metadata_records::{
    ConfigRecord, MetadataRecord, RemoveTopicRecord, TopicRecord,
};
use crate::protocol::{ErrorCode, TopicPartition, Uuid};
use crate::trace::Event;

/// More partitions than this in one request are refused (`MAX_PARTITIONS_PER_BATCH`).
const PARTITIONS_MAX: i64 = 10_000;
const TOO_MANY: &str = "excessively large number of partitions per request";
const TWICE: &str = "the topic is named twice";

/// A topic that can be created: its result, its records, what they mean.
type NewTopic = (CreatableTopicResult, Vec<MetadataRecord>, Vec<Event>);

impl Controller {
    pub(super) fn create_topics(
        &mut self,
        ctx: &mut Ctx,
        asker: Asker,
        quota: &mut MutationQuota,
        request: &CreateTopicsRequest,
    ) {
        let (mut records, mut events) = (Vec::new(), Vec::new());
        let twice = repeated(request.topics.iter().map(|topic| topic.name.as_str()));
        let total: i64 = request.topics.iter().map(|topic| self.partitions_asked(topic)).sum();
        let mut response = CreateTopicsResponse::default();
        for topic in &request.topics {
            if twice.contains(topic.name.as_str()) {
                continue;
            }
            let decided = if total > PARTITIONS_MAX {
                Err((ErrorCode::PolicyViolation, TOO_MANY.into()))
            } else {
                self.decide_topic(ctx, topic)
            };
            let decided = decided.and_then(|new| {
                self.take_permits(quota, new.0.num_partitions)?;
                Ok(new)
            });
            match decided {
                Ok((result, new, meaning)) => {
                    response.topics.push(result);
                    if !request.validate_only {
                        records.extend(new);
                        events.extend(meaning);
                    }
                }
                Err(refusal) => response.topics.push(refused_topic(&topic.name, refusal)),
            }
        }
        response.throttle_time_ms = quota.throttle_time_ms();
        let refusal = || (ErrorCode::InvalidRequest, TWICE.to_owned());
        response.topics.extend(twice.iter().map(|name| refused_topic(name, refusal())));
        self.write_and_answer(ctx, asker, records, &response, events);
    }

    /// How many partitions the request has for a topic.
    fn partitions_asked(&self, topic: &CreatableTopic) -> i64 {
        match topic.num_partitions {
            _ if !topic.assignments.is_empty() => topic.assignments.len() as i64,
            -1 => i64::from(self.config.num_partitions.max(0)),
            partitions => i64::from(partitions.max(0)),
        }
    }

    fn decide_topic(&self, ctx: &mut Ctx, topic: &CreatableTopic) -> Result<NewTopic, Refusal> {
        let own = self.check_new_topic(topic)?;
        let replicas = self.place(topic)?;
        let topic_id = Uuid::from_halves(ctx.rng().next_u64(), ctx.rng().next_u64());
        let mut records: Vec<MetadataRecord> =
            vec![TopicRecord { name: topic.name.clone(), topic_id }.into()];
        for (name, value) in &own {
            let record = ConfigRecord {
                resource_type: TOPIC_RESOURCE,
                resource_name: topic.name.clone(),
                name: name.to_string(),
                value: Some(value.to_string()),
            };
            records.push(record.into());
        }
        let name: Arc<str> = topic.name.as_str().into();
        let factor = replicas.first().map_or(0, Vec::len);
        let result = CreatableTopicResult {
            name: topic.name.clone(),
            topic_id,
            num_partitions: replicas.len() as i32,
            replication_factor: factor as i16,
            configs: Some(self.configs_of_new_topic(&own)),
            error_message: None,
            ..Default::default()
        };
        let created = Event::TopicCreated {
            topic: Arc::clone(&name),
            partitions: replicas.len() as u32,
            replication_factor: factor as u32,
        };
        let mut events = vec![created];
        for (index, replicas) in (0..).zip(replicas) {
            let (record, leader) = self.new_partition(topic_id, index, replicas);
            let at = TopicPartition::new(Arc::clone(&name), index);
            events.push(Event::LeaderElected { at, leader, leader_epoch: 0 });
            records.push(record);
        }
        Ok((result, records, events))
    }

    /// Whether a topic can have this name and these configs.
    fn check_new_topic(&self, topic: &CreatableTopic) -> Result<Configs, Refusal> {
        let name = topic.name.as_str();
        if name == CLUSTER_METADATA_TOPIC {
            return Err((ErrorCode::InvalidRequest, format!("{name} cannot be created")));
        }
        check_topic_name(name).map_err(|problem| (ErrorCode::InvalidTopicException, problem))?;
        if self.image.topics.contains_key(name) {
            return Err((ErrorCode::TopicAlreadyExists, format!("topic '{name}' exists already")));
        }
        if name.contains(['.', '_'])
            && let Some(other) = self.image.topics.keys().find(|other| topic_names_collide(name, other))
        {
            let problem = format!("topic '{name}' collides with '{other}' in the names of metrics");
            return Err((ErrorCode::InvalidTopicException, problem));
        }
        if topic.configs.len() > CHANGES_MAX {
            return Err((ErrorCode::PolicyViolation, TOO_MANY_CHANGES.into()));
        }
        let mut own = Configs::new();
        for config in &topic.configs {
            let Some(value) = &config.value else {
                return Err((ErrorCode::InvalidConfig, format!("{}: null is no value", config.name)));
            };
            own.insert(config.name.as_str().into(), value.as_str().into());
        }
        check_topic_configs(&own).map_err(|error| (ErrorCode::InvalidConfig, error.to_string()))?;
        Ok(own)
    }

    fn configs_of_new_topic(&self, own: &Configs) -> Vec<CreatableTopicConfigs> {
        let told = |entry: crate::metadata::ConfigEntry| CreatableTopicConfigs {
            name: entry.name,
            value: entry.value,
            read_only: entry.read_only,
            config_source: entry.source as i8,
            is_sensitive: entry.is_sensitive,
        };
        self.with_layers(|layers| topic_entries(own, layers)).into_iter().map(told).collect()
    }

    /// The replicas of each partition, as asked for or as the controller spreads them.
    fn place(&self, topic: &CreatableTopic) -> Result<Vec<Vec<i32>>, Refusal> {
        if !topic.assignments.is_empty() {
            return self.check_assignments(topic);
        }
        let factor = topic.replication_factor;
        if factor < -1 || factor == 0 {
            let problem = format!("a replication factor of {factor}");
            return Err((ErrorCode::InvalidReplicationFactor, problem));
        }
        let partitions = topic.num_partitions;
        if partitions < -1 || partitions == 0 {
            return Err((ErrorCode::InvalidPartitions, format!("{partitions} partitions")));
        }
        // Bounded: whoever asks for more than one request may have does not come here.
        let partitions = if partitions == -1 { self.config.num_partitions } else { partitions };
        let factor = if factor == -1 { self.config.default_replication_factor } else { factor };
        self.spread(0, u32::try_from(partitions).unwrap_or(0), factor)
    }

    fn check_assignments(&self, topic: &CreatableTopic) -> Result<Vec<Vec<i32>>, Refusal> {
        if topic.replication_factor != -1 || topic.num_partitions != -1 {
            let problem = "replicas are assigned: partitions and replication factor must be -1";
            return Err((ErrorCode::InvalidRequest, problem.into()));
        }
        let refuse = |problem: String| Err((ErrorCode::InvalidReplicaAssignment, problem));
        let mut rows = Map::new();
        let mut factor = None;
        for row in &topic.assignments {
            if rows.contains_key(&row.partition_index) {
                return refuse(format!("partition {} is assigned twice", row.partition_index));
            }
            self.check_new_replicas(&row.broker_ids, factor)
                .map_err(|(code, problem)| (code, format!("partition {}: {problem}", row.partition_index)))?;
            factor = Some(row.broker_ids.len());
            rows.insert(row.partition_index, row.broker_ids.clone());
        }
        if let Some((missing, _)) = (0..).zip(rows.keys()).find(|(index, key)| index != *key) {
            return refuse(format!("partition {missing} is missing: they are numbered from 0"));
        }
        Ok(rows.into_values().collect())
    }

    #[inline(never)]
    pub(super) fn create_partitions(
        &mut self,
        ctx: &mut Ctx,
        asker: Asker,
        quota: &mut MutationQuota,
        request: &CreatePartitionsRequest,
    ) {
        let (mut records, mut events) = (Vec::new(), Vec::new());
        let twice = repeated(request.topics.iter().map(|topic| topic.name.as_str()));
        let mut response = CreatePartitionsResponse::default();
        let mut left = PARTITIONS_MAX;
        for topic in &request.topics {
            if twice.contains(topic.name.as_str()) {
                continue;
            }
            let decided = self.decide_partitions(topic, quota, &mut left);
            let mut result = CreatePartitionsTopicResult { name: topic.name.clone(), ..Default::default() };
            match decided {
                Ok((new, meaning)) if !request.validate_only => {
                    records.extend(new);
                    events.extend(meaning);
                }
                Ok(_) => {}
                Err((error_code, message)) => {
                    (result.error_code, result.error_message) = (error_code, Some(message));
                }
            }
            response.results.push(result);
        }
        response.throttle_time_ms = quota.throttle_time_ms();
        response.results.extend(twice.iter().map(|name| CreatePartitionsTopicResult {
            name: (*name).to_owned(),
            error_code: ErrorCode::InvalidRequest,
            error_message: Some(TWICE.into()),
        }));
        self.write_and_answer(ctx, asker, records, &response, events);
    }

    fn decide_partitions(
        &mut self,
        asked: &CreatePartitionsTopic,
        quota: &mut MutationQuota,
        left: &mut i64,
    ) -> Result<(Vec<MetadataRecord>, Vec<Event>), Refusal> {
        let Some(topic) = self.image.topics.get(asked.name.as_str()).cloned() else {
            return Err((ErrorCode::UnknownTopicOrPartition, format!("no topic '{}'", asked.name)));
        };
        let have = topic.partitions.len() as i32;
        if asked.count <= have {
            let problem =
                format!("topic '{}' has {have} partition(s); {} are no more", asked.name, asked.count);
            return Err((ErrorCode::InvalidPartitions, problem));
        }
        let more = asked.count.abs_diff(have);
        let factor = topic.partitions.get(&0).map_or(1, |partition| partition.replicas.len());
        let rows = match &asked.assignments {
            Some(rows) if rows.len() as u64 != u64::from(more) => {
                let problem = format!("{more} partition(s) are new, but {} assigned", rows.len());
                return Err((ErrorCode::InvalidReplicaAssignment, problem));
            }
            _ if i64::from(more) > *left => return Err((ErrorCode::PolicyViolation, TOO_MANY.into())),
            _ => asked.assignments.as_ref(),
        };
        self.take_permits(quota, more as i32)?;
        let rows = match rows {
            Some(rows) => {
                for row in rows {
                    self.check_new_replicas(&row.broker_ids, Some(factor))?;
                }
                rows.iter().map(|row| row.broker_ids.clone()).collect()
            }
            None => self.spread(have.unsigned_abs(), more, factor as i16)?,
        };
        *left -= i64::from(more);
        let mut events = Vec::new();
        let mut records = Vec::new();
        for (index, replicas) in (have..).zip(rows) {
            let (record, leader) = self.new_partition(topic.id, index, replicas);
            let at = TopicPartition::new(Arc::clone(&topic.name), index);
            events.push(Event::LeaderElected { at, leader, leader_epoch: 0 });
            records.push(record);
        }
        Ok((records, events))
    }

    #[inline(never)]
    pub(super) fn delete_topics(
        &mut self,
        ctx: &mut Ctx,
        asker: Asker,
        quota: &mut MutationQuota,
        request: &DeleteTopicsRequest,
    ) {
        let by_name =
            |name: &String| DeleteTopicState { name: Some(name.clone()), topic_id: Uuid::default() };
        let asked: Vec<DeleteTopicState> =
            request.topic_names.iter().map(by_name).chain(request.topics.iter().cloned()).collect();
        let twice = repeated(asked.iter().map(|state| (state.name.as_deref(), state.topic_id)));
        let (mut records, mut events) = (Vec::new(), Vec::new());
        let mut response = DeleteTopicsResponse::default();
        let mut gone = Set::new();
        for state in &asked {
            let decided = match self.find_doomed(asker.version, state).cloned() {
                _ if twice.contains(&(state.name.as_deref(), state.topic_id)) => continue,
                Ok(topic) if !gone.insert(topic.id) => Err((ErrorCode::InvalidRequest, TWICE.into())),
                Ok(topic) => self.take_permits(quota, topic.partitions.len() as i32).map(|()| topic),
                Err(refusal) => Err(refusal),
            };
            let mut result = DeletableTopicResult {
                name: state.name.clone(),
                topic_id: state.topic_id,
                ..Default::default()
            };
            match decided {
                Ok(topic) => {
                    result.name = Some(topic.name.to_string());
                    result.topic_id = topic.id;
                    records.push(RemoveTopicRecord { topic_id: topic.id }.into());
                    events.push(Event::TopicDeleted { topic: Arc::clone(&topic.name) });
                }
                Err((error_code, message)) => {
                    (result.error_code, result.error_message) = (error_code, Some(message));
                }
            }
            response.responses.push(result);
        }
        response.throttle_time_ms = quota.throttle_time_ms();
        response.responses.extend(twice.iter().map(|(name, topic_id)| DeletableTopicResult {
            name: name.map(str::to_owned),
            topic_id: *topic_id,
            error_code: ErrorCode::InvalidRequest,
            error_message: Some(TWICE.into()),
        }));
        self.write_and_answer(ctx, asker, records, &response, events);
    }

    fn find_doomed(&self, version: i16, state: &DeleteTopicState) -> Result<&Arc<TopicImage>, Refusal> {
        if !self.config.delete_topic_enable {
            let error_code =
                if version < 3 { ErrorCode::InvalidRequest } else { ErrorCode::TopicDeletionDisabled };
            return Err((error_code, "delete.topic.enable is false".into()));
        }
        let has_id = state.topic_id != Uuid::default();
        match &state.name {
            None if !has_id => Err((ErrorCode::InvalidRequest, "neither a name nor an id".into())),
            Some(_) if has_id => Err((ErrorCode::InvalidRequest, "both a name and an id".into())),
            None => self
                .image
                .topic_by_id(&state.topic_id)
                .ok_or_else(|| (ErrorCode::UnknownTopicId, ErrorCode::UnknownTopicId.message().to_owned())),
            Some(name) => self
                .image
                .topics
                .get(name.as_str())
                .ok_or_else(|| (ErrorCode::UnknownTopicOrPartition, format!("no topic '{name}'"))),
        }
    }
}

fn refused_topic(name: &str, (error_code, message): Refusal) -> CreatableTopicResult {
    CreatableTopicResult {
        name: name.to_owned(),
        error_code,
        error_message: Some(message),
        configs: Some(Vec::new()),
        ..Default::default()
    }
}
