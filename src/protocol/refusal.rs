//! Answers that say no to a whole request that is meant for the active controller: every part of it has the same
//! error. Kafka has the like for each of its requests (`getErrorResponse`).

use bytes::Bytes;

use super::messages::*;
use super::{ApiKey, ErrorCode, Message, decode_response, encode_response};

/// The frame that answers this request with `error`, with correlation id 0. `None` for requests that no
/// controller is asked, and for what is no request.
#[inline(never)]
pub fn encode_refusal(api: ApiKey, version: i16, body: &Bytes, error: ErrorCode) -> Option<Bytes> {
    match api {
        ApiKey::BrokerRegistration => put(
            version,
            &broker_registration::BrokerRegistrationResponse { error_code: error, ..Default::default() },
        ),
        ApiKey::BrokerHeartbeat => put(
            version,
            &broker_heartbeat::BrokerHeartbeatResponse { error_code: error, ..Default::default() },
        ),
        ApiKey::AlterPartition => {
            put(version, &alter_partition::AlterPartitionResponse { error_code: error, ..Default::default() })
        }
        ApiKey::ControlledShutdown => put(
            version,
            &controlled_shutdown::ControlledShutdownResponse { error_code: error, ..Default::default() },
        ),
        ApiKey::AllocateProducerIds => put(
            version,
            &allocate_producer_ids::AllocateProducerIdsResponse { error_code: error, ..Default::default() },
        ),
        ApiKey::CreateTopics => put(version, &create_topics(Message::decode(body, version).ok()?, error)),
        ApiKey::DeleteTopics => put(version, &delete_topics(Message::decode(body, version).ok()?, error)),
        ApiKey::CreatePartitions => {
            put(version, &create_partitions(Message::decode(body, version).ok()?, error))
        }
        ApiKey::AlterConfigs => put(version, &alter_configs(Message::decode(body, version).ok()?, error)),
        ApiKey::IncrementalAlterConfigs => {
            put(version, &incremental_alter_configs(Message::decode(body, version).ok()?, error))
        }
        ApiKey::ElectLeaders => {
            put(version, &elect_leaders(Message::decode(body, version).ok()?, version, error))
        }
        ApiKey::AlterPartitionReassignments => put(
            version,
            &alter_partition_reassignments::AlterPartitionReassignmentsResponse {
                error_code: error,
                error_message: words(error),
                ..Default::default()
            },
        ),
        ApiKey::ListPartitionReassignments => put(
            version,
            &list_partition_reassignments::ListPartitionReassignmentsResponse {
                error_code: error,
                error_message: words(error),
                ..Default::default()
            },
        ),
        ApiKey::DescribeQuorum => {
            put(version, &describe_quorum::DescribeQuorumResponse { error_code: error, ..Default::default() })
        }
        ApiKey::AlterClientQuotas => {
            put(version, &alter_client_quotas(Message::decode(body, version).ok()?, error))
        }
        _ => None,
    }
}

/// Whether such an answer says that another controller is the active one. It is enough to look at its first part:
/// who is not active says so of every part.
#[inline(never)]
pub fn is_not_controller(api: ApiKey, version: i16, frame: &Bytes) -> bool {
    let first = match api {
        ApiKey::BrokerRegistration => {
            get(frame, version, |answer: broker_registration::BrokerRegistrationResponse| {
                Some(answer.error_code)
            })
        }
        ApiKey::BrokerHeartbeat => {
            get(frame, version, |answer: broker_heartbeat::BrokerHeartbeatResponse| Some(answer.error_code))
        }
        ApiKey::AlterPartition => {
            get(frame, version, |answer: alter_partition::AlterPartitionResponse| Some(answer.error_code))
        }
        ApiKey::ControlledShutdown => {
            get(frame, version, |answer: controlled_shutdown::ControlledShutdownResponse| {
                Some(answer.error_code)
            })
        }
        ApiKey::AllocateProducerIds => {
            get(frame, version, |answer: allocate_producer_ids::AllocateProducerIdsResponse| {
                Some(answer.error_code)
            })
        }
        ApiKey::CreateTopics => get(frame, version, |answer: create_topics::CreateTopicsResponse| {
            answer.topics.first().map(|topic| topic.error_code)
        }),
        ApiKey::DeleteTopics => get(frame, version, |answer: delete_topics::DeleteTopicsResponse| {
            answer.responses.first().map(|topic| topic.error_code)
        }),
        ApiKey::CreatePartitions => {
            get(frame, version, |answer: create_partitions::CreatePartitionsResponse| {
                answer.results.first().map(|topic| topic.error_code)
            })
        }
        ApiKey::AlterConfigs => get(frame, version, |answer: alter_configs::AlterConfigsResponse| {
            answer.responses.first().map(|resource| resource.error_code)
        }),
        ApiKey::IncrementalAlterConfigs => {
            get(frame, version, |answer: incremental_alter_configs::IncrementalAlterConfigsResponse| {
                answer.responses.first().map(|resource| resource.error_code)
            })
        }
        ApiKey::ElectLeaders => get(frame, version, |answer: elect_leaders::ElectLeadersResponse| {
            let results = answer.replica_election_results.first();
            let first = results.and_then(|topic| topic.partition_result.first());
            first.map(|result| result.error_code).or(Some(answer.error_code))
        }),
        ApiKey::AlterPartitionReassignments => get(
            frame,
            version,
            |answer: alter_partition_reassignments::AlterPartitionReassignmentsResponse| {
                Some(answer.error_code)
            },
        ),
        ApiKey::ListPartitionReassignments => {
            get(frame, version, |answer: list_partition_reassignments::ListPartitionReassignmentsResponse| {
                Some(answer.error_code)
            })
        }
        ApiKey::AlterClientQuotas => {
            get(frame, version, |answer: alter_client_quotas::AlterClientQuotasResponse| {
                answer.entries.first().map(|entry| entry.error_code)
            })
        }
        ApiKey::DescribeQuorum => {
            get(frame, version, |answer: describe_quorum::DescribeQuorumResponse| Some(answer.error_code))
        }
        _ => None,
    };
    first == Some(ErrorCode::NotController)
}

fn put<M: Message>(version: i16, answer: &M) -> Option<Bytes> {
    encode_response(version, 0, answer).ok()
}

fn get<M: Message>(
    frame: &Bytes,
    version: i16,
    first: impl FnOnce(M) -> Option<ErrorCode>,
) -> Option<ErrorCode> {
    decode_response(frame, version).ok().and_then(|(_, answer)| first(answer))
}

fn words(error: ErrorCode) -> Option<String> {
    Some(error.message().to_owned())
}

fn create_topics(
    request: create_topics::CreateTopicsRequest,
    error_code: ErrorCode,
) -> create_topics::CreateTopicsResponse {
    let failed = |topic: create_topics::CreatableTopic| create_topics::CreatableTopicResult {
        name: topic.name,
        error_code,
        error_message: words(error_code),
        configs: Some(Vec::new()),
        ..Default::default()
    };
    let topics = request.topics.into_iter().map(failed).collect();
    create_topics::CreateTopicsResponse { topics, ..Default::default() }
}

fn delete_topics(
    request: delete_topics::DeleteTopicsRequest,
    error_code: ErrorCode,
) -> delete_topics::DeleteTopicsResponse {
    let failed = |(name, topic_id)| delete_topics::DeletableTopicResult {
        name,
        topic_id,
        error_code,
        error_message: words(error_code),
    };
    let named = request.topic_names.into_iter().map(|name| (Some(name), Default::default()));
    let states = request.topics.into_iter().map(|topic| (topic.name, topic.topic_id));
    let responses = named.chain(states).map(failed).collect();
    delete_topics::DeleteTopicsResponse { responses, ..Default::default() }
}

fn create_partitions(
    request: create_partitions::CreatePartitionsRequest,
    error_code: ErrorCode,
) -> create_partitions::CreatePartitionsResponse {
    let error_message = words(error_code);
    let failed = |topic: create_partitions::CreatePartitionsTopic| {
        let (name, error_message) = (topic.name, error_message.clone());
        create_partitions::CreatePartitionsTopicResult { name, error_code, error_message }
    };
    let results = request.topics.into_iter().map(failed).collect();
    create_partitions::CreatePartitionsResponse { results, ..Default::default() }
}

fn alter_configs(
    request: alter_configs::AlterConfigsRequest,
    error_code: ErrorCode,
) -> alter_configs::AlterConfigsResponse {
    let failed = |resource: alter_configs::AlterConfigsResource| {
        let (resource_type, resource_name) = (resource.resource_type, resource.resource_name);
        let error_message = words(error_code);
        alter_configs::AlterConfigsResourceResponse {
            error_code,
            error_message,
            resource_type,
            resource_name,
        }
    };
    let responses = request.resources.into_iter().map(failed).collect();
    alter_configs::AlterConfigsResponse { responses, ..Default::default() }
}

fn incremental_alter_configs(
    request: incremental_alter_configs::IncrementalAlterConfigsRequest,
    error_code: ErrorCode,
) -> incremental_alter_configs::IncrementalAlterConfigsResponse {
    let failed = |resource: incremental_alter_configs::AlterConfigsResource| {
        incremental_alter_configs::AlterConfigsResourceResponse {
            error_code,
            error_message: words(error_code),
            resource_type: resource.resource_type,
            resource_name: resource.resource_name,
        }
    };
    let responses = request.resources.into_iter().map(failed).collect();
    incremental_alter_configs::IncrementalAlterConfigsResponse { responses, ..Default::default() }
}

fn alter_client_quotas(
    request: alter_client_quotas::AlterClientQuotasRequest,
    error_code: ErrorCode,
) -> alter_client_quotas::AlterClientQuotasResponse {
    let part = |it: alter_client_quotas::RequestEntityData| {
        let (entity_type, entity_name) = (it.entity_type, it.entity_name);
        alter_client_quotas::ResponseEntityData { entity_type, entity_name }
    };
    let failed = |entry: alter_client_quotas::RequestEntryData| alter_client_quotas::ResponseEntryData {
        error_code,
        error_message: words(error_code),
        entity: entry.entity.into_iter().map(part).collect(),
    };
    let entries = request.entries.into_iter().map(failed).collect();
    alter_client_quotas::AlterClientQuotasResponse { entries, ..Default::default() }
}

fn elect_leaders(
    request: elect_leaders::ElectLeadersRequest,
    version: i16,
    error: ErrorCode,
) -> elect_leaders::ElectLeadersResponse {
    let failed = |partition_id: &i32| elect_leaders::PartitionResult {
        partition_id: *partition_id,
        error_code: error,
        error_message: words(error),
    };
    let topics = request.topic_partitions.into_iter().flatten();
    let results = topics.map(|topic| elect_leaders::ReplicaElectionResult {
        partition_result: topic.partitions.iter().map(failed).collect(),
        topic: topic.topic,
    });
    elect_leaders::ElectLeadersResponse {
        error_code: if version >= 1 { error } else { ErrorCode::None },
        replica_election_results: results.collect(),
        ..Default::default()
    }
}
