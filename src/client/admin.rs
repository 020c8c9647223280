//! An admin client: creates topics and changes their configs, one request at a time, and tries
//! again while the cluster is not ready.

use std::collections::VecDeque;

use crate::base::{Input, Map, ms};
use crate::client::network::{NetworkClient, NetworkConfig, NetworkEvent, NetworkTimer, Response, SendError};
use crate::protocol::messages::alter_partition_reassignments::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, ReassignablePartition,
    ReassignableTopic,
};
use crate::protocol::messages::create_partitions::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic,
};
use crate::protocol::messages::create_topics::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig, CreateTopicsRequest,
    CreateTopicsResponse,
};
use crate::protocol::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse};
use crate::protocol::messages::elect_leaders::{ElectLeadersRequest, ElectLeadersResponse, TopicPartitions};
use crate::protocol::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};
use crate::protocol::{ErrorCode, WireError};
use crate::trace::{self, Event};

type Ctx<'a> = trace::Ctx<'a, AdminTimer>;

/// Between two tries.
const RETRY_MS: u64 = 100;
/// Resource type of a topic.
const TOPIC_RESOURCE: i8 = 2;
const SET: i8 = 0;
const DELETE: i8 = 1;

/// What the admin client wants to be woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AdminTimer {
    /// The network client's.
    Network(NetworkTimer),
    /// Try again.
    Retry,
}

impl AdminTimer {
    /// Its name in the trace.
    pub fn name(self) -> &'static str {
        match self {
            AdminTimer::Network(timer) => timer.name(),
            AdminTimer::Retry => "retry_backoff",
        }
    }
}

impl From<NetworkTimer> for AdminTimer {
    fn from(timer: NetworkTimer) -> Self {
        AdminTimer::Network(timer)
    }
}

/// What somebody wants of the cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum AdminCommand {
    /// Create a topic.
    CreateTopic {
        /// Its name.
        topic: String,
        /// How many partitions.
        partitions: i32,
        /// How many replicas of each.
        replication_factor: i16,
        /// Topic configs.
        configs: Map<String, String>,
        /// Replicas of each partition; empty to leave that to the controller.
        assignments: Vec<Vec<i32>>,
        /// Wait until the cluster has so many brokers.
        brokers_needed: u32,
    },
    /// Delete a topic.
    DeleteTopic {
        /// The topic.
        topic: String,
    },
    /// Give a topic more partitions.
    AddPartitions {
        /// The topic.
        topic: String,
        /// How many it has then.
        partitions: i32,
    },
    /// Move a partition to other replicas.
    Reassign {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Who shall have it; `None` cancels.
        replicas: Option<Vec<i32>>,
    },
    /// Have leaders elected.
    ElectLeaders {
        /// Of which partition; `None` for all.
        of: Option<(String, i32)>,
        /// Whether from outside the in-sync replicas.
        unclean: bool,
    },
    /// Set a topic's config, or delete it.
    SetConfig {
        /// The topic.
        topic: String,
        /// The config.
        name: String,
        /// Its value; `None` for the default.
        value: Option<String>,
    },
}

/// The error code and its words; nothing when the answer is about something else.
type Told = Option<(ErrorCode, Option<String>)>;

/// The admin client.
#[derive(Clone, Debug, PartialEq)]
pub struct Admin {
    network: NetworkClient,
    todo: VecDeque<AdminCommand>,
    in_flight: bool,
    token: u64,
}

impl Admin {
    /// An admin client that knows only its bootstrap servers.
    pub fn new(bootstrap: Vec<(String, u16)>) -> Admin {
        let config = NetworkConfig { client_id: "admin".into(), ..NetworkConfig::default() };
        Admin {
            network: NetworkClient::new(config, bootstrap),
            todo: VecDeque::new(),
            in_flight: false,
            token: 0,
        }
    }

    /// Something to do once it runs.
    pub fn enqueue(&mut self, command: AdminCommand) {
        self.todo.push_back(command);
    }

    /// What is still to be done.
    pub fn todo(&self) -> impl Iterator<Item = &AdminCommand> {
        self.todo.iter()
    }

    /// One step.
    pub fn step(&mut self, ctx: &mut Ctx, input: Input<AdminTimer, AdminCommand>) {
        match input {
            Input::Start => self.network.start(ctx),
            Input::Frame { conn, bytes, .. } => self.network.on_frame(ctx, conn, bytes.whole()),
            Input::Closed { conn, reason } => self.network.on_closed(ctx, conn, reason),
            Input::Timer(AdminTimer::Network(timer)) => self.network.on_timer(ctx, timer),
            Input::Timer(AdminTimer::Retry) | Input::Flushed { .. } => {}
            Input::Command(command) => self.enqueue(command),
        }
        while let Some(event) = self.network.next_event() {
            if let NetworkEvent::Response(response) = event {
                self.answered(ctx, &response);
            }
        }
        self.go_on(ctx);
    }

    fn go_on(&mut self, ctx: &mut Ctx) {
        let Some(next) = self.todo.front() else { return };
        if self.in_flight {
            return;
        }
        let needed = match next {
            AdminCommand::CreateTopic { brokers_needed, .. } => *brokers_needed as usize,
            AdminCommand::SetConfig { .. }
            | AdminCommand::AddPartitions { .. }
            | AdminCommand::Reassign { .. }
            | AdminCommand::ElectLeaders { .. }
            | AdminCommand::DeleteTopic { .. } => 1,
        };
        if self.network.metadata().brokers().len() < needed.max(1) {
            self.network.refresh_metadata(ctx);
            return ctx.set_timer(AdminTimer::Retry, ctx.now() + ms(RETRY_MS));
        }
        let Some(node) = self.network.least_loaded_node(ctx) else {
            return ctx.set_timer(AdminTimer::Retry, ctx.now() + ms(RETRY_MS));
        };
        if !self.network.ready(ctx, node) {
            // The handshake's end brings us back; the timer, should it fail.
            return ctx.set_timer(AdminTimer::Retry, ctx.now() + ms(RETRY_MS));
        }
        self.token += 1;
        let sent = match next {
            AdminCommand::CreateTopic {
                topic, partitions, replication_factor, configs, assignments, ..
            } => {
                let request = create_request(topic, *partitions, *replication_factor, configs, assignments);
                self.network.send(ctx, node, self.token, &request)
            }
            other => send_other(&mut self.network, ctx, node, self.token, other),
        };
        self.in_flight = sent.is_ok();
        if !self.in_flight {
            ctx.set_timer(AdminTimer::Retry, ctx.now() + ms(RETRY_MS));
        }
    }

    fn answered(&mut self, ctx: &mut Ctx, response: &Response) {
        if response.token != self.token {
            return;
        }
        self.in_flight = false;
        let told = match self.todo.front() {
            Some(AdminCommand::CreateTopic { .. }) => {
                response.decode::<CreateTopicsResponse>().map(|answer| {
                    answer.topics.into_iter().next().map(|topic| (topic.error_code, topic.error_message))
                })
            }
            Some(other) => told_of(other, response),
            None => return,
        };
        let (error, message) = match told {
            Ok(Some(told)) => told,
            Ok(None) | Err(_) => (ErrorCode::NetworkException, None),
        };
        // Too few brokers yet, or no controller: that passes.
        let passes = error.is_retriable() || error == ErrorCode::InvalidReplicationFactor;
        let creating = matches!(self.todo.front(), Some(AdminCommand::CreateTopic { .. }));
        let deleting = matches!(self.todo.front(), Some(AdminCommand::DeleteTopic { .. }));
        // As wanted already, perhaps by a request whose answer was lost.
        let is_so = creating && error == ErrorCode::TopicAlreadyExists
            || deleting && error == ErrorCode::UnknownTopicOrPartition;
        if error == ErrorCode::None || is_so {
            self.todo.pop_front();
        } else if passes {
            ctx.set_timer(AdminTimer::Retry, ctx.now() + ms(RETRY_MS));
            self.in_flight = false;
        } else {
            let detail = message.unwrap_or_else(|| error.message().to_owned()).into();
            ctx.trace(Event::ClientError { error, detail });
            self.todo.pop_front();
        }
    }
}

/// Sends what is asked for seldom; topics are created before anything else happens.
#[inline(never)]
fn send_other(
    network: &mut NetworkClient,
    ctx: &mut Ctx,
    node: i32,
    token: u64,
    command: &AdminCommand,
) -> Result<(), SendError> {
    match command {
        AdminCommand::CreateTopic { .. } => Ok(()),
        AdminCommand::DeleteTopic { topic } => {
            let topic = DeleteTopicState { name: Some(topic.clone()), ..Default::default() };
            let request = DeleteTopicsRequest { topics: vec![topic], ..Default::default() };
            network.send(ctx, node, token, &request)
        }
        AdminCommand::AddPartitions { topic, partitions } => {
            let topic = CreatePartitionsTopic { name: topic.clone(), count: *partitions, assignments: None };
            let request = CreatePartitionsRequest { topics: vec![topic], ..Default::default() };
            network.send(ctx, node, token, &request)
        }
        AdminCommand::Reassign { topic, partition, replicas } => {
            let request = reassign_request(topic, *partition, replicas.clone());
            network.send(ctx, node, token, &request)
        }
        AdminCommand::ElectLeaders { of, unclean } => {
            let asked = of.as_ref().map(|(topic, partition)| {
                vec![TopicPartitions { topic: topic.clone(), partitions: vec![*partition] }]
            });
            let request = ElectLeadersRequest {
                election_type: i8::from(*unclean),
                topic_partitions: asked,
                ..Default::default()
            };
            network.send(ctx, node, token, &request)
        }
        AdminCommand::SetConfig { topic, name, value } => {
            let config = AlterableConfig {
                name: name.clone(),
                config_operation: if value.is_some() { SET } else { DELETE },
                value: value.clone(),
            };
            let resource = AlterConfigsResource {
                resource_type: TOPIC_RESOURCE,
                resource_name: topic.clone(),
                configs: vec![config],
            };
            let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
            network.send(ctx, node, token, &request)
        }
    }
}

/// What became of it.
#[inline(never)]
fn told_of(command: &AdminCommand, response: &Response) -> Result<Told, Option<WireError>> {
    match command {
        AdminCommand::CreateTopic { .. } => Ok(None),
        AdminCommand::SetConfig { .. } => {
            response.decode::<IncrementalAlterConfigsResponse>().map(|answer| {
                answer
                    .responses
                    .into_iter()
                    .next()
                    .map(|resource| (resource.error_code, resource.error_message))
            })
        }
        AdminCommand::DeleteTopic { .. } => response.decode::<DeleteTopicsResponse>().map(|answer| {
            answer.responses.into_iter().next().map(|topic| (topic.error_code, topic.error_message))
        }),
        AdminCommand::AddPartitions { .. } => response.decode::<CreatePartitionsResponse>().map(|answer| {
            answer.results.into_iter().next().map(|topic| (topic.error_code, topic.error_message))
        }),
        AdminCommand::Reassign { .. } => {
            response.decode::<AlterPartitionReassignmentsResponse>().map(|answer| {
                let one = answer.responses.into_iter().flat_map(|topic| topic.partitions).next();
                let one = one.map(|partition| (partition.error_code, partition.error_message));
                match answer.error_code {
                    ErrorCode::None => one,
                    error => Some((error, answer.error_message)),
                }
            })
        }
        AdminCommand::ElectLeaders { .. } => response.decode::<ElectLeadersResponse>().map(elected),
    }
}

#[inline(never)]
fn reassign_request(
    topic: &str,
    partition_index: i32,
    replicas: Option<Vec<i32>>,
) -> AlterPartitionReassignmentsRequest {
    let partition = ReassignablePartition { partition_index, replicas };
    let topic = ReassignableTopic { name: topic.to_owned(), partitions: vec![partition] };
    AlterPartitionReassignmentsRequest { topics: vec![topic], ..Default::default() }
}

/// The first partition for which there was no election, although one was needed.
#[inline(never)]
fn elected(answer: ElectLeadersResponse) -> Told {
    if answer.error_code != ErrorCode::None {
        return Some((answer.error_code, None));
    }
    let results = answer.replica_election_results.into_iter().flat_map(|topic| topic.partition_result);
    let is_fine = |error| matches!(error, ErrorCode::None | ErrorCode::ElectionNotNeeded);
    let failed = results.filter(|result| !is_fine(result.error_code));
    let failed = failed.map(|result| (result.error_code, result.error_message)).next();
    Some(failed.unwrap_or((ErrorCode::None, None)))
}

fn create_request(
    topic: &str,
    num_partitions: i32,
    replication_factor: i16,
    configs: &Map<String, String>,
    assignments: &[Vec<i32>],
) -> CreateTopicsRequest {
    let config = |(name, value): (&String, &String)| CreatableTopicConfig {
        name: name.clone(),
        value: Some(value.clone()),
    };
    let row = |(partition_index, broker_ids): (i32, &Vec<i32>)| CreatableReplicaAssignment {
        partition_index,
        broker_ids: broker_ids.clone(),
    };
    // With explicit replicas Kafka wants −1 for both numbers.
    let explicit = !assignments.is_empty();
    let topic = CreatableTopic {
        name: topic.to_owned(),
        num_partitions: if explicit { -1 } else { num_partitions },
        replication_factor: if explicit { -1 } else { replication_factor },
        assignments: (0..).zip(assignments).map(row).collect(),
        configs: configs.iter().map(config).collect(),
    };
    CreateTopicsRequest { topics: vec![topic], ..Default::default() }
}
