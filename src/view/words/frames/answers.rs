//! Responses in words.

use crate::base::Rope;
use crate::protocol::messages::{
    allocate_producer_ids::AllocateProducerIdsResponse, alter_partition::AlterPartitionResponse,
    api_versions::ApiVersionsResponse, broker_heartbeat::BrokerHeartbeatResponse,
    broker_registration::BrokerRegistrationResponse,
    consumer_group_heartbeat::ConsumerGroupHeartbeatResponse, consumer_protocol,
    create_topics::CreateTopicsResponse, fetch::FetchResponse, find_coordinator::FindCoordinatorResponse,
    heartbeat::HeartbeatResponse, incremental_alter_configs::IncrementalAlterConfigsResponse,
    init_producer_id::InitProducerIdResponse, join_group::JoinGroupResponse, leave_group::LeaveGroupResponse,
    list_offsets::ListOffsetsResponse, metadata::MetadataResponse, offset_commit::OffsetCommitResponse,
    offset_fetch::OffsetFetchResponse, offset_for_leader_epoch::OffsetForLeaderEpochResponse,
    produce::ProduceResponse, sync_group::SyncGroupResponse,
};
use crate::protocol::{ApiKey, ErrorCode, Message, TopicPartition, decode_response};
use crate::trace::Frame;
use crate::zookeeper::{Fault, dissect_reply, op_name, speaks_zookeeper};

use super::super::Names;
use super::super::phrases::{count, error, error_with_meaning, len, list, partition};
use super::{and_more, api_name, records_in};

/// What a response says.
pub(in crate::view::words) struct Answer {
    /// What stands behind the colon: `2 records of …`.
    pub(in crate::view::words) gist: String,
    /// The same in two or three words.
    pub(in crate::view::words) label: String,
}

/// Reads a response.
#[inline(never)]
pub(in crate::view::words) fn answer(frame: &Frame, names: &Names) -> Answer {
    let name = api_name(frame.info.api_key);
    let reading = Reading { frame, names };
    let told = ApiKey::try_from(frame.info.api_key).ok().and_then(|api| reading.answer(api));
    let told = told.or_else(|| of_zookeeper(frame));
    told.unwrap_or_else(|| Answer {
        gist: count(frame.size_bytes, "byte"),
        label: format!("{name} response"),
    })
}

/// What a ZooKeeper server says.
#[inline(never)]
fn of_zookeeper(frame: &Frame) -> Option<Answer> {
    let key = frame.info.api_key;
    let spans = speaks_zookeeper(key).then(|| dissect_reply(&frame.bytes.whole(), key).spans)?;
    let value = |name: &str| spans.iter().find(|span| span.name == name).map(|span| span.value.as_str());
    let name = op_name(key);
    let gist = match (value("err").and_then(|code| code.parse().ok()), name) {
        (Some(code), _) if code != 0 => Fault(code).name().to_owned(),
        (_, "watch event") => format!("something changed at {}", value("path").unwrap_or_default()),
        (_, "connect") if value("sessionId") == Some("0") => "its session has expired".to_owned(),
        _ => match value("data") {
            Some(data) if !data.is_empty() => data.to_owned(),
            _ => "done".to_owned(),
        },
    };
    Some(Answer { gist, label: format!("{name} answer").replace("event answer", "event") })
}

struct Reading<'a> {
    frame: &'a Frame,
    names: &'a Names,
}

impl Reading<'_> {
    fn answer(&self, api: ApiKey) -> Option<Answer> {
        match api {
            ApiKey::Produce => return self.produce(),
            ApiKey::Fetch => return self.fetch(),
            _ => {}
        }
        let (code, gist) = match api {
            ApiKey::JoinGroup | ApiKey::SyncGroup | ApiKey::Heartbeat | ApiKey::LeaveGroup => {
                self.group(api)?
            }
            ApiKey::ConsumerGroupHeartbeat => self.consumer_group()?,
            ApiKey::OffsetCommit
            | ApiKey::OffsetFetch
            | ApiKey::ListOffsets
            | ApiKey::OffsetForLeaderEpoch => self.offsets(api)?,
            ApiKey::AlterPartition
            | ApiKey::BrokerHeartbeat
            | ApiKey::BrokerRegistration
            | ApiKey::AllocateProducerIds
            | ApiKey::InitProducerId => self.cluster(api)?,
            _ => self.rest(api)?,
        };
        Some(match code {
            ErrorCode::None => Answer { gist, label: format!("{} response", api.name()) },
            code => {
                Answer { gist: error_with_meaning(code), label: format!("{}: {}", api.name(), error(code)) }
            }
        })
    }

    fn read<M: Message>(&self) -> Option<M> {
        decode_response(&self.frame.bytes.whole(), self.frame.info.api_version).ok().map(|(_, body)| body)
    }

    fn produce(&self) -> Option<Answer> {
        let response = self.read::<ProduceResponse>()?;
        let parts = response.responses.iter().flat_map(|topic| {
            topic.partition_responses.iter().map(move |part| {
                let at = self.names.partition(&topic.name, topic.topic_id, part.index);
                (at, part.error_code, part.base_offset)
            })
        });
        let parts: Vec<(TopicPartition, ErrorCode, i64)> = parts.collect();
        let failed = parts.iter().filter(|(_, code, _)| *code != ErrorCode::None).count();
        let first = parts.iter().find(|(_, code, _)| failed == 0 || *code != ErrorCode::None)?;
        let (at, code, offset) = first;
        if failed > 0 {
            let more = and_more(failed - 1);
            let gist = format!("{at}{more} refused with {}", error_with_meaning(*code));
            return Some(Answer { gist, label: format!("Produce: {}", error(*code)) });
        }
        let stored: Vec<String> =
            parts.iter().map(|(at, _, offset)| format!("{at} from offset {offset}")).collect();
        let gist = format!("the records are stored in {}", list(&stored, "partition"));
        Some(Answer { gist, label: format!("stored at {offset}") })
    }

    fn fetch(&self) -> Option<Answer> {
        let response = self.read::<FetchResponse>()?;
        if response.error_code != ErrorCode::None {
            let code = response.error_code;
            return Some(Answer { gist: error_with_meaning(code), label: format!("Fetch: {}", error(code)) });
        }
        let (mut total, mut said, mut failed) = (0, Vec::new(), None);
        for topic in &response.responses {
            for part in &topic.partitions {
                let at = partition(&self.names.partition(&topic.topic, topic.topic_id, part.partition_index));
                let (records, first) = records_in(part.records.as_ref().map(Rope::whole).as_ref());
                let diverging = part.diverging_epoch.end_offset;
                total += records;
                if part.error_code != ErrorCode::None {
                    failed.get_or_insert(part.error_code);
                    said.push(format!("{at} refused with {}", error(part.error_code)));
                } else if diverging >= 0 {
                    let epoch = part.diverging_epoch.epoch;
                    said.push(format!("the logs of {at} differ, epoch {epoch} ends at offset {diverging}"));
                } else if part.preferred_read_replica >= 0 {
                    said.push(format!("{at} is to be read from broker-{}", part.preferred_read_replica));
                } else if let Some(first) = first {
                    said.push(format!("{} of {at} from offset {first}", count(records, "record")));
                } else if part.high_watermark >= 0 {
                    said.push(format!("no records of {at}, its high watermark is {}", part.high_watermark));
                }
            }
        }
        let label = match failed {
            Some(code) => format!("Fetch: {}", error(code)),
            None => count(total, "record"),
        };
        let gist = if said.is_empty() { "nothing new".to_owned() } else { list(&said, "partition") };
        Some(Answer { gist, label })
    }

    fn group(&self, api: ApiKey) -> Option<(ErrorCode, String)> {
        Some(match api {
            ApiKey::JoinGroup => {
                let response = self.read::<JoinGroupResponse>()?;
                let leads = if response.leader == response.member_id {
                    format!(
                        ", and it leads: it hands out the partitions to {}",
                        count(len(response.members.len()), "member")
                    )
                } else {
                    String::new()
                };
                (response.error_code, format!("it is in generation {}{leads}", response.generation_id))
            }
            ApiKey::SyncGroup => {
                let response = self.read::<SyncGroupResponse>()?;
                let owned = consumer_protocol::decode::<consumer_protocol::ConsumerProtocolAssignment>(
                    &response.assignment,
                );
                let parts: Vec<String> = owned
                    .map(|assignment| assignment.assigned_partitions)
                    .unwrap_or_default()
                    .iter()
                    .flat_map(|t| t.partitions.iter().map(|p| format!("{}-{p}", t.topic)).collect::<Vec<_>>())
                    .collect();
                (response.error_code, format!("it gets {}", list(&parts, "partition")))
            }
            ApiKey::Heartbeat => {
                let response = self.read::<HeartbeatResponse>()?;
                (response.error_code, "all is well".to_owned())
            }
            _ => (self.read::<LeaveGroupResponse>()?.error_code, "it is out".to_owned()),
        })
    }

    #[inline(never)]
    fn consumer_group(&self) -> Option<(ErrorCode, String)> {
        let response = self.read::<ConsumerGroupHeartbeatResponse>()?;
        let epoch = response.member_epoch;
        let Some(assignment) = response.assignment else {
            let gist = if epoch < 0 { "it is out".to_owned() } else { format!("it is at epoch {epoch}") };
            return Some((response.error_code, gist));
        };
        let parts: Vec<String> = (assignment.topic_partitions.iter())
            .flat_map(|t| t.partitions.iter().map(|p| self.names.partition("", t.topic_id, *p).to_string()))
            .collect();
        Some((
            response.error_code,
            format!("it is at epoch {epoch} and may have {}", list(&parts, "partition")),
        ))
    }

    #[inline(never)]
    fn offsets(&self, api: ApiKey) -> Option<(ErrorCode, String)> {
        let mut code = ErrorCode::None;
        let mut parts: Vec<String> = Vec::new();
        let mut note = |at: &str, index: i32, error: ErrorCode, what: String| {
            if error != ErrorCode::None {
                code = error;
            }
            parts.push(format!("{at}-{index} {what}"));
        };
        match api {
            ApiKey::OffsetCommit => {
                for topic in self.read::<OffsetCommitResponse>()?.topics {
                    for p in topic.partitions {
                        note(&topic.name, p.partition_index, p.error_code, "is committed".into());
                    }
                }
            }
            ApiKey::OffsetFetch => {
                let response = self.read::<OffsetFetchResponse>()?;
                let says = |offset: i64| match offset {
                    ..0 => "has no committed offset".to_owned(),
                    offset => format!("stands at offset {offset}"),
                };
                for group in &response.groups {
                    for topic in &group.topics {
                        for p in &topic.partitions {
                            note(&topic.name, p.partition_index, p.error_code, says(p.committed_offset));
                        }
                    }
                }
                for topic in &response.topics {
                    for p in &topic.partitions {
                        note(&topic.name, p.partition_index, p.error_code, says(p.committed_offset));
                    }
                }
                let groups = response.groups.iter().map(|group| group.error_code);
                let whole = groups.chain([response.error_code]).find(|code| *code != ErrorCode::None);
                code = whole.unwrap_or(code);
            }
            ApiKey::ListOffsets => {
                for topic in self.read::<ListOffsetsResponse>()?.topics {
                    for p in topic.partitions {
                        note(
                            &topic.name,
                            p.partition_index,
                            p.error_code,
                            format!("has offset {}", p.offset),
                        );
                    }
                }
            }
            _ => {
                for topic in self.read::<OffsetForLeaderEpochResponse>()?.topics {
                    for p in topic.partitions {
                        let ends = format!("epoch {} ends at offset {}", p.leader_epoch, p.end_offset);
                        note(&topic.topic, p.partition, p.error_code, ends);
                    }
                }
            }
        }
        Some((code, list(&parts, "partition")))
    }

    fn cluster(&self, api: ApiKey) -> Option<(ErrorCode, String)> {
        Some(match api {
            ApiKey::AlterPartition => {
                let response = self.read::<AlterPartitionResponse>()?;
                let parts = response.topics.iter().flat_map(|topic| &topic.partitions);
                let refused = parts.map(|part| part.error_code).find(|code| *code != ErrorCode::None);
                let code = if response.error_code == ErrorCode::None {
                    refused.unwrap_or(ErrorCode::None)
                } else {
                    response.error_code
                };
                (code, "the in-sync replicas are changed".to_owned())
            }
            ApiKey::BrokerHeartbeat => {
                let response = self.read::<BrokerHeartbeatResponse>()?;
                let state = match (response.should_shut_down, response.is_fenced) {
                    (true, _) => "it may end now",
                    (false, true) => "it is fenced",
                    (false, false) => "it is in service",
                };
                (response.error_code, state.to_owned())
            }
            ApiKey::BrokerRegistration => {
                let response = self.read::<BrokerRegistrationResponse>()?;
                (response.error_code, format!("it is registered with broker epoch {}", response.broker_epoch))
            }
            ApiKey::AllocateProducerIds => {
                let response = self.read::<AllocateProducerIdsResponse>()?;
                let (from, n) = (response.producer_id_start, response.producer_id_len);
                (response.error_code, format!("{} from {from} on", count(n, "producer id")))
            }
            _ => {
                let response = self.read::<InitProducerIdResponse>()?;
                let (id, epoch) = (response.producer_id, response.producer_epoch);
                (response.error_code, format!("it is producer {id}, epoch {epoch}"))
            }
        })
    }

    fn rest(&self, api: ApiKey) -> Option<(ErrorCode, String)> {
        Some(match api {
            ApiKey::ApiVersions => {
                let response = self.read::<ApiVersionsResponse>()?;
                let apis = count(len(response.api_keys.len()), "kind");
                (response.error_code, format!("it speaks {apis} of request"))
            }
            ApiKey::Metadata => {
                let response = self.read::<MetadataResponse>()?;
                let code = response.topics.iter().map(|t| t.error_code).find(|code| *code != ErrorCode::None);
                let brokers = count(len(response.brokers.len()), "broker");
                let topics = count(len(response.topics.len()), "topic");
                (code.unwrap_or(response.error_code), format!("{brokers} and {topics}"))
            }
            ApiKey::FindCoordinator => {
                let response = self.read::<FindCoordinatorResponse>()?;
                match response.coordinators.first() {
                    Some(found) => {
                        (found.error_code, format!("broker {} coordinates {}", found.node_id, found.key))
                    }
                    None => (response.error_code, format!("broker {} does", response.node_id)),
                }
            }
            ApiKey::CreateTopics => {
                let response = self.read::<CreateTopicsResponse>()?;
                let code = response.topics.iter().map(|t| t.error_code).find(|code| *code != ErrorCode::None);
                (code.unwrap_or(ErrorCode::None), "it is done".to_owned())
            }
            ApiKey::IncrementalAlterConfigs => {
                let response = self.read::<IncrementalAlterConfigsResponse>()?;
                let mut codes = response.responses.iter().map(|r| r.error_code);
                (codes.find(|code| *code != ErrorCode::None).unwrap_or(ErrorCode::None), "it is done".into())
            }
            _ => return None,
        })
    }
}
