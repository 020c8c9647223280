//! New topics: what somebody wants is written to `/brokers/topics`, whose watch tells the controller, which then
//! gives the partitions their leaders.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::{Map, Set};
use crate::metadata::{Configs, check_topic_configs, check_topic_name};
use crate::protocol::messages::create_topics::{
    CreatableTopic, CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse,
};
use crate::protocol::{ErrorCode, TopicPartition, Uuid};
use crate::trace::Event;
use crate::zookeeper::controller::load::names_in;
use crate::zookeeper::controller::{Answer, Do, KafkaController, Stage, Task, Work, Written, written};
use crate::zookeeper::wire::{Fault, Op, Reply};
use crate::zookeeper::znodes;

/// More partitions than this in one request are refused, as by the controllers of Kafka 4.
const PARTITIONS_MAX: usize = 10_000;

type Answers = Vec<Result<Reply, Fault>>;
type Refusal = (ErrorCode, String);
/// A topic as it is to be: the replicas of each partition, and its configs.
type Decided = (Vec<Vec<i32>>, Map<String, String>);

/// Topics on their way into being, and what whoever wants them will be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Creation {
    token: u64,
    response: CreateTopicsResponse,
    left: Set<Arc<str>>,
}

impl Creation {
    pub(super) fn refused(self) -> (u64, Answer) {
        let topics = self.response.topics.into_iter().map(|topic| refused_topic(topic.name));
        let response = CreateTopicsResponse { topics: topics.collect(), ..Default::default() };
        (self.token, Answer::CreateTopics(response))
    }
}

/// The answer when this is not the controller.
pub(super) fn refused(token: u64, request: &CreateTopicsRequest) -> (u64, Answer) {
    let topics = request.topics.iter().map(|topic| refused_topic(topic.name.clone())).collect();
    (token, Answer::CreateTopics(CreateTopicsResponse { topics, ..Default::default() }))
}

fn refused_topic(name: String) -> CreatableTopicResult {
    let error_code = ErrorCode::NotController;
    let error_message = Some(error_code.message().to_owned());
    CreatableTopicResult { name, error_code, error_message, configs: Some(Vec::new()), ..Default::default() }
}

impl KafkaController {
    pub(super) fn write_topics(&mut self, token: u64, request: &CreateTopicsRequest, ids: &[Uuid]) {
        let mut creation = Creation { token, response: CreateTopicsResponse::default(), left: Set::new() };
        let mut ops = Vec::new();
        for (topic, id) in request.topics.iter().zip(ids) {
            let mut result = CreatableTopicResult {
                name: topic.name.clone(),
                error_message: None,
                configs: Some(Vec::new()),
                ..Default::default()
            };
            let decided = match creation.left.contains(topic.name.as_str()) {
                true => Err((ErrorCode::InvalidRequest, "the topic is named twice".into())),
                false => self.decide_topic(topic),
            };
            match decided {
                Ok((replicas, configs)) => {
                    result.topic_id = *id;
                    result.num_partitions = replicas.len() as i32;
                    result.replication_factor = replicas.first().map_or(0, Vec::len) as i16;
                    if !request.validate_only {
                        creation.left.insert(topic.name.as_str().into());
                        ops.push(create(
                            znodes::topic_config_path(&topic.name),
                            znodes::topic_config_node(&configs),
                        ));
                        ops.push(create(znodes::topic_path(&topic.name), znodes::topic_node(*id, &replicas)));
                    }
                }
                Err((error_code, message)) => {
                    (result.error_code, result.error_message) = (error_code, Some(message));
                }
            }
            creation.response.topics.push(result);
        }
        if ops.is_empty() {
            let Creation { token, response, .. } = creation;
            return self.out.push(Do::Answer(token, Answer::CreateTopics(response)));
        }
        self.work(Work::WriteTopics(creation));
        for op in ops {
            let op = self.fenced_write(op);
            self.ask(op);
        }
    }

    fn decide_topic(&self, topic: &CreatableTopic) -> Result<Decided, Refusal> {
        check_topic_name(&topic.name).map_err(|problem| (ErrorCode::InvalidTopicException, problem))?;
        if self.context.topics.contains_key(topic.name.as_str()) {
            return Err((ErrorCode::TopicAlreadyExists, format!("topic '{}' exists already", topic.name)));
        }
        let mut own = Configs::new();
        let mut configs = Map::new();
        for config in &topic.configs {
            let Some(value) = &config.value else {
                return Err((ErrorCode::InvalidConfig, format!("{}: null is no value", config.name)));
            };
            own.insert(config.name.as_str().into(), value.as_str().into());
            configs.insert(config.name.clone(), value.clone());
        }
        check_topic_configs(&own).map_err(|error| (ErrorCode::InvalidConfig, error.to_string()))?;
        Ok((self.place(topic)?, configs))
    }

    fn place(&self, topic: &CreatableTopic) -> Result<Vec<Vec<i32>>, Refusal> {
        let live: Vec<i32> = self.context.brokers.keys().copied().collect();
        if !topic.assignments.is_empty() {
            let mut rows: Map<i32, Vec<i32>> = Map::new();
            for row in &topic.assignments {
                let known = row.broker_ids.iter().all(|id| live.contains(id));
                let distinct: Set<i32> = row.broker_ids.iter().copied().collect();
                if !known || row.broker_ids.is_empty() || distinct.len() != row.broker_ids.len() {
                    let problem = format!("partition {}: not these brokers", row.partition_index);
                    return Err((ErrorCode::InvalidReplicaAssignment, problem));
                }
                rows.insert(row.partition_index, row.broker_ids.clone());
            }
            let numbered = (0..).zip(rows.keys()).all(|(index, key)| index == *key);
            if rows.len() != topic.assignments.len() || !numbered {
                let problem = "partitions are numbered from 0, each once".to_owned();
                return Err((ErrorCode::InvalidReplicaAssignment, problem));
            }
            return Ok(rows.into_values().collect());
        }
        let count = if topic.num_partitions == -1 { self.defaults.0 } else { topic.num_partitions };
        let factor = if topic.replication_factor == -1 { self.defaults.1 } else { topic.replication_factor };
        let count = usize::try_from(count).ok().filter(|count| (1..=PARTITIONS_MAX).contains(count));
        let Some(count) = count else {
            return Err((ErrorCode::InvalidPartitions, format!("{} partitions", topic.num_partitions)));
        };
        let factor = usize::try_from(factor).unwrap_or(0);
        if !(1..=live.len()).contains(&factor) {
            let problem =
                format!("the replication factor is {factor}, but {} broker(s) are alive", live.len());
            return Err((ErrorCode::InvalidReplicationFactor, problem));
        }
        let start = self.context.topics.len();
        let replica = |partition: usize, replica: usize| live[(start + partition + replica) % live.len()];
        Ok((0..count).map(|partition| (0..factor).map(|n| replica(partition, n)).collect()).collect())
    }

    pub(super) fn topics_written(&mut self, mut creation: Creation, answers: &[Result<Reply, Fault>]) {
        self.stage = Stage::Active(Work::Idle);
        let names: Vec<Arc<str>> = creation.left.iter().cloned().collect();
        let asked: Vec<String> = creation.response.topics.iter().map(|topic| topic.name.clone()).collect();
        let in_order = asked.iter().filter(|name| names.iter().any(|left| **left == ***name));
        // Two answers for each: its configs, and itself.
        for (name, pair) in in_order.zip(answers.chunks(2)) {
            match written(pair.get(1)) {
                Written::Done(_) => {}
                Written::Conflict => {
                    creation.left.remove(name.as_str());
                    let result = creation.response.topics.iter_mut().find(|topic| topic.name == *name);
                    if let Some(result) = result {
                        result.error_code = ErrorCode::TopicAlreadyExists;
                        result.error_message = Some("it was created meanwhile".into());
                    }
                }
                Written::Fenced => {
                    let (token, answer) = creation.refused();
                    self.out.push(Do::Answer(token, answer));
                    return self.fenced();
                }
            }
        }
        self.creations.push(creation);
        self.answer_creations();
    }

    /// Answers whoever wants topics that are all there.
    fn answer_creations(&mut self) {
        for creation in std::mem::take(&mut self.creations) {
            if creation.left.is_empty() {
                let Creation { token, response, .. } = creation;
                self.out.push(Do::Answer(token, Answer::CreateTopics(response)));
            } else {
                self.creations.push(creation);
            }
        }
    }

    // ---- what the watch tells ----

    pub(super) fn topic_names_read(&mut self, answers: Answers) {
        let mut names = names_in(answers.into_iter().next());
        names.retain(|name| !self.context.topics.contains_key(name));
        self.stage = Stage::Active(Work::Idle);
        if names.is_empty() {
            return;
        }
        self.work(Work::Topics(names.clone()));
        for name in names {
            self.ask(Op::GetData { path: znodes::topic_path(&name), watch: false });
        }
    }

    pub(super) fn topics_read(&mut self, names: &[Arc<str>], answers: Answers) {
        self.stage = Stage::Active(Work::Idle);
        let mut new = Vec::new();
        for (name, answer) in names.iter().zip(answers) {
            self.take_topic(name, answer);
            let Some(topic) = self.context.topics.get(name) else { continue };
            new.extend(topic.partitions.keys().map(|index| TopicPartition::new(Arc::clone(name), *index)));
        }
        if !new.is_empty() {
            self.tasks.push_front(Task::Make(new));
        }
    }

    /// New partitions: the first replica that is alive leads, all that are alive are in sync.
    pub(super) fn make_states(&mut self, partitions: Vec<TopicPartition>) {
        let live: Set<i32> = self.context.brokers.keys().copied().collect();
        let mut ops = Vec::new();
        let mut made = Vec::new();
        let mut topic: Option<Arc<str>> = None;
        for at in partitions {
            let epoch = self.epoch;
            let Some(partition) = self.partition_mut(&at) else { continue };
            partition.isr = partition.replicas.iter().copied().filter(|id| live.contains(id)).collect();
            let Some(leader) = partition.isr.first() else { continue };
            (partition.leader, partition.leader_epoch, partition.partition_epoch) = (*leader, 0, 0);
            let state = znodes::state_node(partition, epoch);
            if topic.as_ref() != Some(&at.topic) {
                ops.push(create(znodes::partitions_path(&at.topic), Bytes::new()));
                topic = Some(Arc::clone(&at.topic));
            }
            ops.push(create(znodes::partition_path(&at), Bytes::new()));
            ops.push(self.fenced_write(create(znodes::state_path(&at), state)));
            made.push(at);
        }
        if made.is_empty() {
            return;
        }
        self.work(Work::MakeStates(made));
        for op in ops {
            self.ask(op);
        }
    }

    pub(super) fn states_made(&mut self, partitions: &[TopicPartition], answers: Answers) {
        self.stage = Stage::Active(Work::Idle);
        // Only states are written in a `multi`; what is above them may have been there.
        let states = answers.iter().filter(|answer| matches!(answer, Ok(Reply::Multi(_))));
        if states.into_iter().any(|answer| matches!(written(Some(answer)), Written::Fenced)) {
            return self.fenced();
        }
        let names: Set<Arc<str>> = partitions.iter().map(|at| Arc::clone(&at.topic)).collect();
        for name in &names {
            let Some(topic) = self.context.topics.get(name) else { continue };
            let event = Event::TopicCreated {
                topic: Arc::clone(name),
                partitions: topic.partitions.len() as u32,
                replication_factor: topic.partitions.get(&0).map_or(0, |it| it.replicas.len() as u32),
            };
            self.tell(event);
        }
        for at in partitions {
            let Some(leader) = self.context.partition(at).map(|partition| partition.leader) else { continue };
            self.tell(Event::LeaderElected { at: at.clone(), leader, leader_epoch: 0 });
        }
        let live: Vec<i32> = self.context.brokers.keys().copied().collect();
        self.tell_brokers(&live, &live, partitions, true);
        for creation in &mut self.creations {
            creation.left.retain(|name| !names.contains(name));
        }
        self.answer_creations();
    }
}

fn create(path: String, data: Bytes) -> Op {
    Op::Create { path, data, ephemeral: false }
}
