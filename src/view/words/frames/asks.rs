//! Requests in words.

use bytes::Bytes;

use crate::protocol::messages::{
    alter_partition::AlterPartitionRequest, broker_heartbeat::BrokerHeartbeatRequest,
    consumer_group_heartbeat::ConsumerGroupHeartbeatRequest, create_partitions::CreatePartitionsRequest,
    create_topics::CreateTopicsRequest, fetch::FetchRequest, find_coordinator::FindCoordinatorRequest,
    heartbeat::HeartbeatRequest, incremental_alter_configs::IncrementalAlterConfigsRequest,
    join_group::JoinGroupRequest, leader_and_isr::LeaderAndIsrRequest, leave_group::LeaveGroupRequest,
    list_offsets::ListOffsetsRequest, metadata::MetadataRequest, offset_commit::OffsetCommitRequest,
    offset_fetch::OffsetFetchRequest, offset_for_leader_epoch::OffsetForLeaderEpochRequest,
    produce::ProduceRequest, sync_group::SyncGroupRequest, update_metadata::UpdateMetadataRequest,
};
use crate::protocol::{ApiKey, Message, decode_request_header};
use crate::trace::Frame;
use crate::zookeeper::{self, op_name, speaks_zookeeper};

use super::super::Names;
use super::super::phrases::{count, ids, len, list, partition};
use super::{api_name, records_in};

/// What a request asks.
pub(in crate::view::words) struct Ask {
    /// What the sender did: `asked broker 1 for …`.
    pub(in crate::view::words) act: String,
    /// Why, or what follows from it.
    pub(in crate::view::words) rule: Option<String>,
    /// The same in two or three words.
    pub(in crate::view::words) label: String,
}

/// Reads a request. `to` is whom it goes to; empty when the sentence has said that already.
#[inline(never)]
pub(in crate::view::words) fn ask(frame: &Frame, to: &str, names: &Names) -> Ask {
    let name = api_name(frame.info.api_key);
    let version = frame.info.api_version;
    let body = decode_request_header(&frame.bytes.whole()).map(|(_, body)| body).unwrap_or_default();
    let asking = Asking { to, names, version, body };
    let told = if speaks_zookeeper(frame.info.api_key) {
        asking.of_zookeeper(frame)
    } else {
        ApiKey::try_from(frame.info.api_key).ok().and_then(|api| asking.ask(api))
    };
    told.unwrap_or_else(|| Ask {
        act: format!("{} {name} request", asking.verb("sent", "sent", "a")),
        rule: None,
        label: name,
    })
}

struct Asking<'a> {
    to: &'a str,
    names: &'a Names,
    version: i16,
    body: Bytes,
}

impl Asking<'_> {
    fn ask(&self, api: ApiKey) -> Option<Ask> {
        match api {
            ApiKey::Produce => self.produce(),
            ApiKey::Fetch => self.fetch(),
            ApiKey::LeaderAndIsr
            | ApiKey::UpdateMetadata
            | ApiKey::StopReplica
            | ApiKey::ControlledShutdown => self.of_controller(api),
            ApiKey::JoinGroup | ApiKey::SyncGroup | ApiKey::Heartbeat | ApiKey::LeaveGroup => self.group(api),
            ApiKey::ConsumerGroupHeartbeat => self.consumer_group(api),
            ApiKey::OffsetCommit
            | ApiKey::OffsetFetch
            | ApiKey::ListOffsets
            | ApiKey::OffsetForLeaderEpoch => self.offsets(api),
            ApiKey::AlterPartition
            | ApiKey::BrokerHeartbeat
            | ApiKey::BrokerRegistration
            | ApiKey::AllocateProducerIds => self.cluster(api),
            _ => self.rest(api),
        }
    }

    fn read<M: Message>(&self) -> Option<M> {
        M::decode(&self.body, self.version).ok()
    }

    /// `asked broker 1 for`, or without whom.
    fn asked(&self, what: &str) -> String {
        self.verb("asked", "asked", what)
    }

    fn told(&self, what: &str) -> String {
        self.verb("told", "said", what)
    }

    /// What a client of ZooKeeper does, and to which znode.
    #[inline(never)]
    fn of_zookeeper(&self, frame: &Frame) -> Option<Ask> {
        let key = frame.info.api_key;
        let spans = zookeeper::dissect_request(&frame.bytes.whole(), key).spans;
        // Of a `multi`, the last one: those before it are checks.
        let path =
            spans.iter().rev().find(|span| span.name == "path").map(|span| span.value.trim_matches('"'));
        let (to, path) = (self.to, path.unwrap_or_default());
        let name = op_name(key);
        let (does, what) = match name {
            "connect" => ("asked", "for its session, or a new one".to_owned()),
            "ping" => ("showed", "that it is alive".to_owned()),
            "closeSession" => ("told", "that its session is over".to_owned()),
            "setWatches" => ("told", "what it still watches".to_owned()),
            "create" => ("asked", format!("to create {path}")),
            "exists" => ("asked", format!("whether there is {path}")),
            "getData" => ("asked", format!("what {path} holds")),
            "getChildren" => ("asked", format!("what is below {path}")),
            "multi" => ("asked", format!("to write {path}, if nothing has changed that it counts on")),
            _ => ("asked", format!("to {name} {path}")),
        };
        let act = if to.is_empty() { format!("{does} {what}") } else { format!("{does} {to} {what}") };
        let last = path.rsplit('/').next().unwrap_or_default();
        let label = if last.is_empty() { name.to_owned() } else { format!("{name} {last}") };
        Some(Ask { act, rule: None, label })
    }

    /// What a controller on ZooKeeper tells a broker.
    #[inline(never)]
    fn of_controller(&self, api: ApiKey) -> Option<Ask> {
        let (what, label) = match api {
            ApiKey::LeaderAndIsr => {
                let request = self.read::<LeaderAndIsrRequest>()?;
                let all: usize = request.topic_states.iter().map(|topic| topic.partition_states.len()).sum();
                let what = format!("who leads and follows of {}", count(len(all), "partition"));
                (what, format!("LeaderAndIsr · {all}"))
            }
            ApiKey::UpdateMetadata => {
                let request = self.read::<UpdateMetadataRequest>()?;
                let all: usize = request.topic_states.iter().map(|topic| topic.partition_states.len()).sum();
                let (brokers, partitions) = (request.live_brokers.len(), count(len(all), "partition"));
                let brokers = count(len(brokers), "broker");
                (format!("of {brokers} that live and of {partitions}"), format!("UpdateMetadata · {all}"))
            }
            ApiKey::StopReplica => ("which replicas to stop".to_owned(), "StopReplica".to_owned()),
            _ => ("that it wants to end".to_owned(), "ControlledShutdown".to_owned()),
        };
        Some(Ask { act: self.verb("told", "tells", &what), rule: None, label })
    }

    fn verb(&self, with: &str, without: &str, what: &str) -> String {
        if self.to.is_empty() { format!("{without} {what}") } else { format!("{with} {} {what}", self.to) }
    }

    fn produce(&self) -> Option<Ask> {
        let request = self.read::<ProduceRequest>()?;
        let (mut total, mut places) = (0, Vec::new());
        for topic in &request.topic_data {
            for part in &topic.partition_data {
                total += records_in(part.records.as_ref()).0;
                places.push(partition(&self.names.partition(&topic.name, topic.topic_id, part.index)));
            }
        }
        let them = if total == 1 { "it" } else { "them" };
        let rule = match request.acks {
            0 => "with acks=0 it expects no answer".to_owned(),
            1 => format!("with acks=1 the leader answers as soon as it has written {them} itself"),
            _ => format!("with acks=all the leader answers when every in-sync replica has {them}"),
        };
        Some(Ask {
            act: self.asked(&format!(
                "to store {} in {}",
                count(total, "record"),
                list(&places, "partition")
            )),
            rule: Some(rule),
            label: format!("Produce · {total}"),
        })
    }

    fn fetch(&self) -> Option<Ask> {
        let request = self.read::<FetchRequest>()?;
        let is_replica = request.replica_id >= 0 || request.replica_state.replica_id >= 0;
        let (mut places, mut first) = (Vec::new(), None);
        for topic in &request.topics {
            for part in &topic.partitions {
                let at = self.names.partition(&topic.topic, topic.topic_id, part.partition);
                first.get_or_insert(part.fetch_offset);
                places.push(format!("{} from offset {}", partition(&at), part.fetch_offset));
            }
        }
        let what = match places.len() {
            0 => "for what is new in the partitions of its fetch session".to_owned(),
            _ => format!("for records of {}", list(&places, "partition")),
        };
        let rule = (is_replica && !places.is_empty()).then(|| match places.len() {
            1 => "so it holds everything before that offset".to_owned(),
            _ => "so it holds everything before these offsets".to_owned(),
        });
        let label = match (places.len(), first) {
            (1, Some(offset)) => format!("Fetch from {offset}"),
            (0, _) => "Fetch".to_owned(),
            (n, _) => format!("Fetch · {}", count(len(n), "partition")),
        };
        Some(Ask { act: self.asked(&what), rule, label })
    }

    #[inline(never)]
    fn consumer_group(&self, api: ApiKey) -> Option<Ask> {
        let request = self.read::<ConsumerGroupHeartbeatRequest>()?;
        let (group, epoch) = (&request.group_id, request.member_epoch);
        let owned = request.topic_partitions.unwrap_or_default().into_iter();
        let owned: usize = owned.map(|topic| topic.partitions.len()).sum();
        let what = match epoch {
            0 => format!("that it wants to join group {group}"),
            -1 => format!("that it leaves group {group}"),
            ..-1 => format!("that it leaves group {group} and will be back"),
            _ if owned > 0 => {
                let owned = count(len(owned), "partition");
                format!("that it is alive in group {group} at epoch {epoch} and has {owned}")
            }
            _ => format!("that it is alive in group {group} at epoch {epoch}"),
        };
        Some(Ask { act: self.told(&what), rule: None, label: api.name().to_owned() })
    }

    fn group(&self, api: ApiKey) -> Option<Ask> {
        let mut rule = None;
        let act = match api {
            ApiKey::JoinGroup => {
                let request = self.read::<JoinGroupRequest>()?;
                let as_what = if request.member_id.is_empty() { " as a new member" } else { "" };
                self.told(&format!("that it wants to join group {}{as_what}", request.group_id))
            }
            ApiKey::SyncGroup => {
                let request = self.read::<SyncGroupRequest>()?;
                if request.assignments.is_empty() {
                    self.asked(&format!("for its partitions in group {}", request.group_id))
                } else {
                    rule =
                        Some("it leads the group, and the group's leader decides who gets what".to_owned());
                    let members = count(len(request.assignments.len()), "member");
                    self.told(&format!("which partitions {members} of group {} get", request.group_id))
                }
            }
            ApiKey::Heartbeat => {
                let request = self.read::<HeartbeatRequest>()?;
                self.told(&format!(
                    "that it is alive in group {}, generation {}",
                    request.group_id, request.generation_id
                ))
            }
            _ => {
                let request = self.read::<LeaveGroupRequest>()?;
                self.told(&format!("that it leaves group {}", request.group_id))
            }
        };
        Some(Ask { act, rule, label: api.name().to_owned() })
    }

    #[inline(never)]
    fn offsets(&self, api: ApiKey) -> Option<Ask> {
        let act = match api {
            ApiKey::OffsetCommit => {
                let request = self.read::<OffsetCommitRequest>()?;
                let parts = request.topics.iter().flat_map(|topic| {
                    let name = &topic.name;
                    topic.partitions.iter().map(move |p| {
                        format!("offset {} of {name}-{}", p.committed_offset, p.partition_index)
                    })
                });
                let parts: Vec<String> = parts.collect();
                self.asked(&format!("to commit {} for group {}", list(&parts, "offset"), request.group_id))
            }
            ApiKey::OffsetFetch => {
                let request = self.read::<OffsetFetchRequest>()?;
                let group = request.groups.first().map_or(request.group_id.clone(), |g| g.group_id.clone());
                self.asked(&format!("what group {group} has committed"))
            }
            ApiKey::ListOffsets => {
                let request = self.read::<ListOffsetsRequest>()?;
                let parts = request.topics.iter().flat_map(|topic| {
                    let name = &topic.name;
                    topic.partitions.iter().map(move |p| {
                        let which = match p.timestamp {
                            -1 => "the end".to_owned(),
                            -2 => "the beginning".to_owned(),
                            timestamp => format!("timestamp {timestamp}"),
                        };
                        format!("{which} of {name}-{}", p.partition_index)
                    })
                });
                let parts: Vec<String> = parts.collect();
                self.asked(&format!("which offset {} has", list(&parts, "partition")))
            }
            _ => {
                let request = self.read::<OffsetForLeaderEpochRequest>()?;
                let parts = request.topics.iter().flat_map(|topic| {
                    let name = &topic.topic;
                    topic
                        .partitions
                        .iter()
                        .map(move |p| format!("epoch {} of {name}-{}", p.leader_epoch, p.partition))
                });
                let parts: Vec<String> = parts.collect();
                self.asked(&format!("where {} ends", list(&parts, "epoch")))
            }
        };
        Some(Ask { act, rule: None, label: api.name().to_owned() })
    }

    fn cluster(&self, api: ApiKey) -> Option<Ask> {
        let mut rule = None;
        let act = match api {
            ApiKey::AlterPartition => {
                let request = self.read::<AlterPartitionRequest>()?;
                rule = Some("only the controller changes the set of in-sync replicas".to_owned());
                let parts = request.topics.iter().flat_map(|topic| {
                    topic.partitions.iter().map(move |part| {
                        let brokers: Vec<i32> =
                            part.new_isr_with_epochs.iter().map(|state| state.broker_id).collect();
                        let isr = if brokers.is_empty() { ids(&part.new_isr) } else { ids(&brokers) };
                        format!(
                            "{} of {}",
                            isr,
                            partition(&self.names.partition("", topic.topic_id, part.partition_index))
                        )
                    })
                });
                let parts: Vec<String> = parts.collect();
                self.asked(&format!("to make these the in-sync replicas: {}", list(&parts, "partition")))
            }
            ApiKey::BrokerHeartbeat => {
                let request = self.read::<BrokerHeartbeatRequest>()?;
                let also = match (request.want_fence, request.want_shut_down) {
                    (_, true) => ", and wants to shut down",
                    (true, _) => ", and wants to stay fenced for now",
                    _ => "",
                };
                let offset = request.current_metadata_offset;
                self.told(&format!("that it is alive and knows the metadata up to offset {offset}{also}"))
            }
            ApiKey::BrokerRegistration => {
                rule = Some("until it has caught up with the metadata it stays fenced".to_owned());
                self.asked("to register it")
            }
            _ => self.asked("for a block of producer ids"),
        };
        Some(Ask { act, rule, label: api.name().to_owned() })
    }

    #[inline(never)]
    fn rest(&self, api: ApiKey) -> Option<Ask> {
        let mut rule = None;
        let act = match api {
            ApiKey::ApiVersions => self.asked("which requests and versions it speaks"),
            ApiKey::Metadata => {
                let request = self.read::<MetadataRequest>()?;
                let topics: Option<Vec<String>> = request.topics.map(|topics| {
                    let name = |topic: crate::protocol::messages::metadata::MetadataRequestTopic| {
                        let named = topic.name.unwrap_or_default();
                        self.names.topic(&named, topic.topic_id).to_string()
                    };
                    topics.into_iter().map(name).collect()
                });
                match topics {
                    Some(topics) if topics.is_empty() => self.asked("which brokers there are"),
                    Some(topics) => self.asked(&format!("who leads {}", list(&topics, "topic"))),
                    None => self.asked("who leads every topic"),
                }
            }
            ApiKey::FindCoordinator => {
                let request = self.read::<FindCoordinatorRequest>()?;
                let keys = if request.key.is_empty() { request.coordinator_keys } else { vec![request.key] };
                self.asked(&format!("which broker coordinates group {}", list(&keys, "key")))
            }
            ApiKey::InitProducerId => {
                rule = Some("with id and sequence numbers brokers recognise repeated batches".to_owned());
                self.asked("for a producer id")
            }
            ApiKey::CreateTopics => {
                let request = self.read::<CreateTopicsRequest>()?;
                let topics: Vec<String> = request.topics.into_iter().map(|topic| topic.name).collect();
                self.asked(&format!("to create topic {}", list(&topics, "topic")))
            }
            ApiKey::CreatePartitions => {
                let request = self.read::<CreatePartitionsRequest>()?;
                let topics: Vec<String> = request.topics.into_iter().map(|topic| topic.name).collect();
                self.asked(&format!("for more partitions of {}", list(&topics, "topic")))
            }
            ApiKey::IncrementalAlterConfigs => {
                let request = self.read::<IncrementalAlterConfigsRequest>()?;
                let changes = request.resources.iter().flat_map(|resource| {
                    resource.configs.iter().map(|c| format!("{} of {}", c.name, resource.resource_name))
                });
                let changes: Vec<String> = changes.collect();
                self.asked(&format!("to change {}", list(&changes, "config")))
            }
            _ => return None,
        };
        Some(Ask { act, rule, label: api.name().to_owned() })
    }
}
