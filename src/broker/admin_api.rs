//! What admin clients ask of a broker: it answers from its own picture of the cluster, or passes the
//! request on to the controller.
//!
//! Source: protocol guide *DescribeCluster*, *DescribeLogDirs*, *DescribeTopicPartitions*; KIP-700, KIP-113,
//! KIP-966. Nobody is authorized here, and nobody refused: the ACL APIs answer SECURITY_DISABLED, as
//! Kafka does without an authorizer.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::Map;
use crate::broker::metadata_api::{CLUSTER_OPERATIONS, TOPIC_OPERATIONS, is_internal};
use crate::broker::{Broker, CLUSTER_ID, Ctx};
use crate::metadata::{PartitionRegistration, TopicImage, check_topic_name};
use crate::protocol::messages::alter_replica_log_dirs::{
    AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult, AlterReplicaLogDirsRequest,
    AlterReplicaLogDirsResponse,
};
use crate::protocol::messages::create_acls::{AclCreationResult, CreateAclsRequest, CreateAclsResponse};
use crate::protocol::messages::delete_acls::{DeleteAclsFilterResult, DeleteAclsRequest, DeleteAclsResponse};
use crate::protocol::messages::describe_acls::{DescribeAclsRequest, DescribeAclsResponse};
use crate::protocol::messages::describe_cluster::{
    DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse,
};
use crate::protocol::messages::describe_log_dirs::{
    DescribeLogDirsPartition, DescribeLogDirsRequest, DescribeLogDirsResponse, DescribeLogDirsResult,
    DescribeLogDirsTopic,
};
use crate::protocol::messages::describe_topic_partitions::{
    DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse,
    DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic, ResponseCursor,
};
use crate::protocol::messages::*;
use crate::protocol::{ApiKey, ErrorCode, Message, TopicPartition, WireError};

/// The only log directory (`log.dir`).
const LOG_DIR: &str = "/tmp/kafka-logs";
/// `DescribeClusterRequest.endpoint_type`.
const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;
/// `max.request.partition.size.limit`.
const PARTITIONS_MAX: i32 = 2_000;
const NO_AUTHORIZER: &str = "there is no authorizer: everybody may do everything";

/// Whether a broker answers this admin API.
pub(super) fn is_served(api: ApiKey) -> bool {
    is_forwarded(api)
        || matches!(
            api,
            ApiKey::AlterConfigs
                | ApiKey::IncrementalAlterConfigs
                | ApiKey::DescribeConfigs
                | ApiKey::DescribeCluster
                | ApiKey::ListConfigResources
                | ApiKey::DescribeLogDirs
                | ApiKey::AlterReplicaLogDirs
                | ApiKey::DescribeTopicPartitions
                | ApiKey::DescribeAcls
                | ApiKey::CreateAcls
                | ApiKey::DeleteAcls
                | ApiKey::DescribeClientQuotas
        )
}

/// Whether the controller answers it, through a broker.
fn is_forwarded(api: ApiKey) -> bool {
    matches!(
        api,
        ApiKey::CreateTopics
            | ApiKey::DeleteTopics
            | ApiKey::CreatePartitions
            | ApiKey::ElectLeaders
            | ApiKey::AlterPartitionReassignments
            | ApiKey::ListPartitionReassignments
            | ApiKey::DescribeQuorum
            | ApiKey::AlterClientQuotas
    )
}

impl Broker {
    #[inline(never)]
    pub(super) fn handle_admin(
        &mut self,
        ctx: &mut Ctx,
        token: u64,
        api: ApiKey,
        version: i16,
        body: &Bytes,
    ) -> Result<(), WireError> {
        macro_rules! forward {
            ($request:ty) => {
                self.forward::<$request>(ctx, token, api, version, body)?
            };
        }
        match api {
            ApiKey::CreateTopics => forward!(create_topics::CreateTopicsRequest),
            ApiKey::DeleteTopics => forward!(delete_topics::DeleteTopicsRequest),
            ApiKey::CreatePartitions => forward!(create_partitions::CreatePartitionsRequest),
            ApiKey::ElectLeaders => forward!(elect_leaders::ElectLeadersRequest),
            ApiKey::AlterPartitionReassignments => {
                forward!(alter_partition_reassignments::AlterPartitionReassignmentsRequest)
            }
            ApiKey::ListPartitionReassignments => {
                forward!(list_partition_reassignments::ListPartitionReassignmentsRequest)
            }
            ApiKey::DescribeQuorum => forward!(describe_quorum::DescribeQuorumRequest),
            ApiKey::AlterClientQuotas => forward!(alter_client_quotas::AlterClientQuotasRequest),
            ApiKey::DescribeClientQuotas => {
                self.describe_client_quotas(ctx, token, &Message::decode(body, version)?)
            }
            ApiKey::AlterConfigs => self.alter_configs(ctx, token, version, body)?,
            ApiKey::IncrementalAlterConfigs => self.incremental_alter_configs(ctx, token, version, body)?,
            ApiKey::DescribeConfigs => self.describe_configs(ctx, token, &Message::decode(body, version)?),
            ApiKey::DescribeCluster => self.describe_cluster(ctx, token, &Message::decode(body, version)?),
            ApiKey::DescribeLogDirs => self.describe_log_dirs(ctx, token, &Message::decode(body, version)?),
            ApiKey::ListConfigResources => {
                self.list_config_resources(ctx, token, version, &Message::decode(body, version)?)
            }
            ApiKey::AlterReplicaLogDirs => {
                self.alter_replica_log_dirs(ctx, token, &Message::decode(body, version)?)
            }
            ApiKey::DescribeTopicPartitions => {
                self.describe_topic_partitions(ctx, token, &Message::decode(body, version)?)
            }
            _ => self.handle_acls(ctx, token, api, version, body)?,
        }
        Ok(())
    }

    #[inline(never)]
    fn handle_acls(
        &mut self,
        ctx: &mut Ctx,
        token: u64,
        api: ApiKey,
        version: i16,
        body: &Bytes,
    ) -> Result<(), WireError> {
        let error_code = ErrorCode::SecurityDisabled;
        let error_message = Some(NO_AUTHORIZER.to_owned());
        match api {
            ApiKey::DescribeAcls => {
                DescribeAclsRequest::decode(body, version)?;
                let response = DescribeAclsResponse { error_code, error_message, ..Default::default() };
                self.reply(ctx, token, &response);
            }
            ApiKey::CreateAcls => {
                let request = CreateAclsRequest::decode(body, version)?;
                let refused = |_| AclCreationResult { error_code, error_message: error_message.clone() };
                let results = request.creations.iter().map(refused).collect();
                self.reply(ctx, token, &CreateAclsResponse { results, ..Default::default() });
            }
            _ => {
                let request = DeleteAclsRequest::decode(body, version)?;
                let refused = |_| DeleteAclsFilterResult {
                    error_code,
                    error_message: error_message.clone(),
                    ..Default::default()
                };
                let filter_results = request.filters.iter().map(refused).collect();
                self.reply(ctx, token, &DeleteAclsResponse { filter_results, ..Default::default() });
            }
        }
        Ok(())
    }

    #[inline(never)]
    fn describe_cluster(&mut self, ctx: &mut Ctx, token: u64, request: &DescribeClusterRequest) {
        let refusal = match request.endpoint_type {
            BROKERS => None,
            CONTROLLERS => Some((ErrorCode::MismatchedEndpointType, "this is a broker, no controller")),
            _ => Some((ErrorCode::UnsupportedEndpointType, "no such type of endpoint")),
        };
        if let Some((error_code, message)) = refusal {
            let error_message = Some(message.to_owned());
            let endpoint_type = request.endpoint_type;
            let response =
                DescribeClusterResponse { error_code, error_message, endpoint_type, ..Default::default() };
            return self.reply(ctx, token, &response);
        }
        let told =
            self.image.brokers.values().filter(|broker| request.include_fenced_brokers || !broker.fenced);
        let brokers = told.map(|broker| {
            let endpoint = self.endpoint_for(token, broker);
            DescribeClusterBroker {
                broker_id: broker.id,
                host: endpoint.host.clone(),
                port: i32::from(endpoint.port),
                rack: broker.rack.as_deref().map(str::to_owned),
                is_fenced: broker.fenced,
            }
        });
        let response = DescribeClusterResponse {
            endpoint_type: request.endpoint_type,
            cluster_id: CLUSTER_ID.into(),
            controller_id: self.controller_id(),
            brokers: brokers.collect(),
            cluster_authorized_operations: if request.include_cluster_authorized_operations {
                CLUSTER_OPERATIONS
            } else {
                i32::MIN
            },
            ..Default::default()
        };
        self.reply(ctx, token, &response);
    }

    #[inline(never)]
    fn describe_log_dirs(&mut self, ctx: &mut Ctx, token: u64, request: &DescribeLogDirsRequest) {
        let mut topics: Map<Arc<str>, Map<i32, DescribeLogDirsPartition>> = Map::new();
        let mut tell = |at: &TopicPartition| {
            let Some(partition) = self.partition(at) else { return };
            let log = &partition.log;
            let told = DescribeLogDirsPartition {
                partition_index: at.partition,
                partition_size: i64::try_from(log.size_bytes()).unwrap_or(i64::MAX),
                offset_lag: log.high_watermark().saturating_sub(log.log_end_offset()).max(0),
                is_future_key: false,
            };
            topics.entry(Arc::clone(&at.topic)).or_default().insert(at.partition, told);
        };
        match &request.topics {
            None => self.partitions.keys().for_each(tell),
            Some(asked) => {
                for topic in asked {
                    let name: Arc<str> = topic.topic.as_str().into();
                    for index in &topic.partitions {
                        tell(&TopicPartition::new(Arc::clone(&name), *index));
                    }
                }
            }
        }
        let topics = topics.into_iter().map(|(name, partitions)| DescribeLogDirsTopic {
            name: name.to_string(),
            partitions: partitions.into_values().collect(),
        });
        let dir =
            DescribeLogDirsResult { log_dir: LOG_DIR.into(), topics: topics.collect(), ..Default::default() };
        self.reply(ctx, token, &DescribeLogDirsResponse { results: vec![dir], ..Default::default() });
    }

    /// There is one directory, so a replica lies where it should, or there is no such directory.
    #[inline(never)]
    fn alter_replica_log_dirs(&mut self, ctx: &mut Ctx, token: u64, request: &AlterReplicaLogDirsRequest) {
        let mut response = AlterReplicaLogDirsResponse::default();
        for (path, topic) in
            request.dirs.iter().flat_map(|dir| dir.topics.iter().map(|topic| (dir.path.as_str(), topic)))
        {
            let name: Arc<str> = topic.name.as_str().into();
            let decide = |partition_index: &i32| {
                let at = TopicPartition::new(Arc::clone(&name), *partition_index);
                let error_code = match path {
                    LOG_DIR if self.partition(&at).is_some() => ErrorCode::None,
                    LOG_DIR => ErrorCode::ReplicaNotAvailable,
                    _ => ErrorCode::LogDirNotFound,
                };
                AlterReplicaLogDirPartitionResult { partition_index: *partition_index, error_code }
            };
            let partitions = topic.partitions.iter().map(decide).collect();
            response
                .results
                .push(AlterReplicaLogDirTopicResult { topic_name: topic.name.clone(), partitions });
        }
        self.reply(ctx, token, &response);
    }

    #[inline(never)]
    fn describe_topic_partitions(
        &mut self,
        ctx: &mut Ctx,
        token: u64,
        request: &DescribeTopicPartitionsRequest,
    ) {
        let from = request.cursor.as_ref().map_or("", |cursor| cursor.topic_name.as_str());
        let first = request.cursor.as_ref().map_or(0, |cursor| cursor.partition_index);
        let all = request.topics.is_empty();
        let mut names: Vec<&str> = if all {
            self.image.topics.keys().map(|name| &**name).collect()
        } else {
            request.topics.iter().map(|topic| topic.name.as_str()).collect()
        };
        names.retain(|name| *name >= from);
        names.sort_unstable();
        names.dedup();
        let lost_cursor = !all && !from.is_empty() && names.first() != Some(&from);
        let mut response = DescribeTopicPartitionsResponse::default();
        if lost_cursor || first < 0 {
            let refused = |topic: &describe_topic_partitions::TopicRequest| {
                unknown_topic(&topic.name, ErrorCode::InvalidRequest)
            };
            response.topics = request.topics.iter().map(refused).collect();
            return self.reply(ctx, token, &response);
        }
        let mut left = request.response_partition_limit.clamp(1, PARTITIONS_MAX);
        for name in names {
            let first = if name == from { first } else { 0 };
            if left == 0 {
                response.next_cursor =
                    Some(ResponseCursor { topic_name: name.into(), partition_index: first });
                break;
            }
            let Some(topic) = self.image.topics.get(name) else {
                let legal = check_topic_name(name).is_ok();
                let error =
                    if legal { ErrorCode::UnknownTopicOrPartition } else { ErrorCode::InvalidTopicException };
                if !all {
                    response.topics.push(unknown_topic(name, error));
                }
                continue;
            };
            let next = self.page_of(topic, first, &mut left, &mut response);
            if let Some(partition_index) = next {
                response.next_cursor = Some(ResponseCursor { topic_name: name.into(), partition_index });
                break;
            }
        }
        self.reply(ctx, token, &response);
    }

    /// As many partitions as there is room for; the first that had none.
    fn page_of(
        &self,
        topic: &TopicImage,
        first: i32,
        left: &mut i32,
        response: &mut DescribeTopicPartitionsResponse,
    ) -> Option<i32> {
        let mut partitions = Vec::new();
        let mut next = None;
        for (index, partition) in topic.partitions.range(first..) {
            if *left == 0 {
                next = Some(*index);
                break;
            }
            *left -= 1;
            partitions.push(self.describe_partition(*index, partition));
        }
        response.topics.push(DescribeTopicPartitionsResponseTopic {
            name: Some(topic.name.to_string()),
            topic_id: topic.id,
            is_internal: is_internal(&topic.name),
            partitions,
            topic_authorized_operations: TOPIC_OPERATIONS,
            ..Default::default()
        });
        next
    }

    fn describe_partition(
        &self,
        partition_index: i32,
        partition: &PartitionRegistration,
    ) -> DescribeTopicPartitionsResponsePartition {
        let told = self.metadata_partition(partition_index, partition);
        DescribeTopicPartitionsResponsePartition {
            error_code: told.error_code,
            partition_index,
            leader_id: told.leader_id,
            leader_epoch: told.leader_epoch,
            replica_nodes: told.replica_nodes,
            isr_nodes: told.isr_nodes,
            eligible_leader_replicas: Some(partition.elr.clone()),
            last_known_elr: Some(partition.last_known_elr.clone()),
            offline_replicas: told.offline_replicas,
        }
    }
}

fn unknown_topic(name: &str, error_code: ErrorCode) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic { error_code, name: Some(name.to_owned()), ..Default::default() }
}
