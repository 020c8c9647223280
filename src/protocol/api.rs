//! The APIs: their numbers, who answers them, and which versions the codec knows.

use std::ops::RangeInclusive;

use bytes::Bytes;

use super::header::{get_request_header, get_response_header, has_flexible_response_header};
use super::messages::*;
use super::wire::{Dissection, Kind, Message, NEVER, Reader, Wire, WireFault};

/// Which kind of listener answers an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listeners {
    Broker,
    Controller,
    Both,
    /// Brokers of a cluster on ZooKeeper, as until Kafka 3.9.
    ZooKeeper,
}

macro_rules! apis {
    ($(
        $api:ident = $key:literal, $listeners:ident
        $(, $module:ident::{$request:ident, $response:ident})?;
    )*) => {
        /// The APIs of Apache Kafka 4.1, and those of 3.9 that need ZooKeeper.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum ApiKey {
            $(#[doc = concat!("`", $key, "`", $(": see [`", stringify!($module), "`].")?)] $api = $key,)*
        }

        impl ApiKey {
            /// Every API, in the order of their numbers.
            pub const ALL: &'static [ApiKey] = &[$(ApiKey::$api),*];

            /// Kafka's name, such as `ListOffsets`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(ApiKey::$api => stringify!($api),)*
                }
            }

            /// The versions that the codec knows; `None` if it has no schema of the API.
            pub const fn versions(self) -> Option<RangeInclusive<i16>> {
                match self {
                    $($(ApiKey::$api => Some($module::$request::VERSIONS),)?)*
                    _ => None,
                }
            }

            const fn first_flexible(self) -> i16 {
                match self {
                    $($(ApiKey::$api => $module::$request::FLEXIBLE,)?)*
                    _ => NEVER,
                }
            }

            const fn listeners(self) -> Listeners {
                match self {
                    $(ApiKey::$api => Listeners::$listeners,)*
                }
            }

            /// The type of its requests' bodies, if the codec has a schema of it.
            fn request_kind(self) -> Option<Kind> {
                match self {
                    $($(ApiKey::$api => Some($module::$request::KIND),)?)*
                    _ => None,
                }
            }

            /// The type of its responses' bodies, if the codec has a schema of it.
            fn response_kind(self) -> Option<Kind> {
                match self {
                    $($(ApiKey::$api => Some($module::$response::KIND),)?)*
                    _ => None,
                }
            }
        }

        impl TryFrom<i16> for ApiKey {
            type Error = WireFault;

            fn try_from(key: i16) -> Result<Self, WireFault> {
                match key {
                    $($key => Ok(ApiKey::$api),)*
                    _ => Err(WireFault::UnknownApi(key)),
                }
            }
        }
    };
}

apis! {
    Produce = 0, Broker, produce::{ProduceRequest, ProduceResponse};
    Fetch = 1, Both, fetch::{FetchRequest, FetchResponse};
    ListOffsets = 2, Broker, list_offsets::{ListOffsetsRequest, ListOffsetsResponse};
    Metadata = 3, Broker, metadata::{MetadataRequest, MetadataResponse};
    LeaderAndIsr = 4, ZooKeeper, leader_and_isr::{LeaderAndIsrRequest, LeaderAndIsrResponse};
    StopReplica = 5, ZooKeeper, stop_replica::{StopReplicaRequest, StopReplicaResponse};
    UpdateMetadata = 6, ZooKeeper, update_metadata::{UpdateMetadataRequest, UpdateMetadataResponse};
    ControlledShutdown = 7, ZooKeeper,
        controlled_shutdown::{ControlledShutdownRequest, ControlledShutdownResponse};
    OffsetCommit = 8, Broker, offset_commit::{OffsetCommitRequest, OffsetCommitResponse};
    OffsetFetch = 9, Broker, offset_fetch::{OffsetFetchRequest, OffsetFetchResponse};
    FindCoordinator = 10, Broker, find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
    JoinGroup = 11, Broker, join_group::{JoinGroupRequest, JoinGroupResponse};
    Heartbeat = 12, Broker, heartbeat::{HeartbeatRequest, HeartbeatResponse};
    LeaveGroup = 13, Broker, leave_group::{LeaveGroupRequest, LeaveGroupResponse};
    SyncGroup = 14, Broker, sync_group::{SyncGroupRequest, SyncGroupResponse};
    DescribeGroups = 15, Broker, describe_groups::{DescribeGroupsRequest, DescribeGroupsResponse};
    ListGroups = 16, Broker, list_groups::{ListGroupsRequest, ListGroupsResponse};
    SaslHandshake = 17, Both;
    ApiVersions = 18, Both, api_versions::{ApiVersionsRequest, ApiVersionsResponse};
    CreateTopics = 19, Both, create_topics::{CreateTopicsRequest, CreateTopicsResponse};
    DeleteTopics = 20, Both, delete_topics::{DeleteTopicsRequest, DeleteTopicsResponse};
    DeleteRecords = 21, Broker, delete_records::{DeleteRecordsRequest, DeleteRecordsResponse};
    InitProducerId = 22, Broker, init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
    OffsetForLeaderEpoch = 23, Broker,
        offset_for_leader_epoch::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};
    AddPartitionsToTxn = 24, Broker;
    AddOffsetsToTxn = 25, Broker;
    EndTxn = 26, Broker;
    WriteTxnMarkers = 27, Broker;
    TxnOffsetCommit = 28, Broker;
    DescribeAcls = 29, Both, describe_acls::{DescribeAclsRequest, DescribeAclsResponse};
    CreateAcls = 30, Both, create_acls::{CreateAclsRequest, CreateAclsResponse};
    DeleteAcls = 31, Both, delete_acls::{DeleteAclsRequest, DeleteAclsResponse};
    DescribeConfigs = 32, Both, describe_configs::{DescribeConfigsRequest, DescribeConfigsResponse};
    AlterConfigs = 33, Both, alter_configs::{AlterConfigsRequest, AlterConfigsResponse};
    AlterReplicaLogDirs = 34, Broker,
        alter_replica_log_dirs::{AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse};
    DescribeLogDirs = 35, Broker, describe_log_dirs::{DescribeLogDirsRequest, DescribeLogDirsResponse};
    SaslAuthenticate = 36, Both;
    CreatePartitions = 37, Both, create_partitions::{CreatePartitionsRequest, CreatePartitionsResponse};
    CreateDelegationToken = 38, Both;
    RenewDelegationToken = 39, Both;
    ExpireDelegationToken = 40, Both;
    DescribeDelegationToken = 41, Both;
    DeleteGroups = 42, Broker, delete_groups::{DeleteGroupsRequest, DeleteGroupsResponse};
    ElectLeaders = 43, Both, elect_leaders::{ElectLeadersRequest, ElectLeadersResponse};
    IncrementalAlterConfigs = 44, Both,
        incremental_alter_configs::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse};
    AlterPartitionReassignments = 45, Both,
        alter_partition_reassignments::{
            AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse
        };
    ListPartitionReassignments = 46, Both,
        list_partition_reassignments::{ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse};
    OffsetDelete = 47, Broker, offset_delete::{OffsetDeleteRequest, OffsetDeleteResponse};
    DescribeClientQuotas = 48, Broker,
        describe_client_quotas::{DescribeClientQuotasRequest, DescribeClientQuotasResponse};
    AlterClientQuotas = 49, Both, alter_client_quotas::{AlterClientQuotasRequest, AlterClientQuotasResponse};
    DescribeUserScramCredentials = 50, Both;
    AlterUserScramCredentials = 51, Both;
    Vote = 52, Controller, vote::{VoteRequest, VoteResponse};
    BeginQuorumEpoch = 53, Controller,
        begin_quorum_epoch::{BeginQuorumEpochRequest, BeginQuorumEpochResponse};
    EndQuorumEpoch = 54, Controller, end_quorum_epoch::{EndQuorumEpochRequest, EndQuorumEpochResponse};
    DescribeQuorum = 55, Both, describe_quorum::{DescribeQuorumRequest, DescribeQuorumResponse};
    AlterPartition = 56, Controller, alter_partition::{AlterPartitionRequest, AlterPartitionResponse};
    UpdateFeatures = 57, Both;
    Envelope = 58, Controller;
    FetchSnapshot = 59, Controller, fetch_snapshot::{FetchSnapshotRequest, FetchSnapshotResponse};
    DescribeCluster = 60, Both, describe_cluster::{DescribeClusterRequest, DescribeClusterResponse};
    DescribeProducers = 61, Broker;
    BrokerRegistration = 62, Controller,
        broker_registration::{BrokerRegistrationRequest, BrokerRegistrationResponse};
    BrokerHeartbeat = 63, Controller, broker_heartbeat::{BrokerHeartbeatRequest, BrokerHeartbeatResponse};
    UnregisterBroker = 64, Both;
    DescribeTransactions = 65, Broker;
    ListTransactions = 66, Broker;
    AllocateProducerIds = 67, Controller,
        allocate_producer_ids::{AllocateProducerIdsRequest, AllocateProducerIdsResponse};
    ConsumerGroupHeartbeat = 68, Broker,
        consumer_group_heartbeat::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};
    ConsumerGroupDescribe = 69, Broker,
        consumer_group_describe::{ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse};
    ControllerRegistration = 70, Controller;
    GetTelemetrySubscriptions = 71, Broker;
    PushTelemetry = 72, Broker;
    AssignReplicasToDirs = 73, Controller;
    ListConfigResources = 74, Broker,
        list_config_resources::{ListConfigResourcesRequest, ListConfigResourcesResponse};
    DescribeTopicPartitions = 75, Broker,
        describe_topic_partitions::{DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse};
    ShareGroupHeartbeat = 76, Broker,
        share_group_heartbeat::{ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse};
    ShareGroupDescribe = 77, Broker,
        share_group_describe::{ShareGroupDescribeRequest, ShareGroupDescribeResponse};
    ShareFetch = 78, Broker,
        share_fetch::{ShareFetchRequest, ShareFetchResponse};
    ShareAcknowledge = 79, Broker,
        share_acknowledge::{ShareAcknowledgeRequest, ShareAcknowledgeResponse};
    AddRaftVoter = 80, Both;
    RemoveRaftVoter = 81, Both;
    UpdateRaftVoter = 82, Controller;
    InitializeShareGroupState = 83, Broker,
        share_group_state::{InitializeShareGroupStateRequest, InitializeShareGroupStateResponse};
    ReadShareGroupState = 84, Broker,
        share_group_state::{ReadShareGroupStateRequest, ReadShareGroupStateResponse};
    WriteShareGroupState = 85, Broker,
        share_group_state::{WriteShareGroupStateRequest, WriteShareGroupStateResponse};
    DeleteShareGroupState = 86, Broker,
        share_group_state::{DeleteShareGroupStateRequest, DeleteShareGroupStateResponse};
    ReadShareGroupStateSummary = 87, Broker,
        share_group_state::{ReadShareGroupStateSummaryRequest, ReadShareGroupStateSummaryResponse};
    StreamsGroupHeartbeat = 88, Broker;
    StreamsGroupDescribe = 89, Broker;
    DescribeShareGroupOffsets = 90, Broker,
        share_group_offsets::{DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse};
    AlterShareGroupOffsets = 91, Broker,
        share_group_offsets::{AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse};
    DeleteShareGroupOffsets = 92, Broker,
        share_group_offsets::{DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse};
}

impl ApiKey {
    /// Its number.
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// Whether brokers answer it to clients and other brokers.
    pub const fn is_for_brokers(self) -> bool {
        matches!(self.listeners(), Listeners::Broker | Listeners::Both)
    }

    /// Whether controllers answer it.
    pub const fn is_for_controllers(self) -> bool {
        matches!(self.listeners(), Listeners::Controller | Listeners::Both)
    }

    /// Whether brokers answer it only in a cluster on ZooKeeper; Kafka 4 has it no more.
    pub const fn is_of_zookeeper(self) -> bool {
        matches!(self.listeners(), Listeners::ZooKeeper)
    }

    /// Whether this version of the API is flexible (KIP-482).
    pub const fn is_flexible(self, version: i16) -> bool {
        version >= self.first_flexible()
    }

    /// Whether the codec knows this version.
    pub fn has_version(self, version: i16) -> bool {
        self.versions().is_some_and(|versions| versions.contains(&version))
    }
}

/// The newest version that both sides speak, if there is one.
pub fn negotiate(ours: RangeInclusive<i16>, theirs: RangeInclusive<i16>) -> Option<i16> {
    let first = *ours.start().max(theirs.start());
    let last = *ours.end().min(theirs.end());
    (first <= last).then_some(last)
}

/// Which bytes of a request (header and body, without the length prefix) are which field.
pub fn dissect_request(frame: &Bytes) -> Dissection {
    let mut r = Reader::recording(frame, 0, false);
    let header = get_request_header(&mut r);
    if let Some(api) = known(&mut r, header.api_key, header.api_version) {
        r.switch(header.api_version, api.is_flexible(header.api_version));
        if let Some(kind) = api.request_kind() {
            r.value(kind, None);
        }
    }
    r.dissection()
}

/// Which bytes of a response are which field. Api key and version are those of its request.
pub fn dissect_response(frame: &Bytes, api_key: i16, version: i16) -> Dissection {
    let mut r = Reader::recording(frame, version, false);
    if let Some(api) = known(&mut r, api_key, version) {
        let flexible = api.is_flexible(version);
        r.switch(version, flexible && has_flexible_response_header(api_key));
        get_response_header(&mut r);
        r.switch(version, flexible);
        if let Some(kind) = api.response_kind() {
            r.value(kind, None);
        }
    }
    r.dissection()
}

/// The API, if the codec knows this version of it; else that is the reader's error.
fn known(r: &mut Reader, api_key: i16, version: i16) -> Option<ApiKey> {
    let api = ApiKey::try_from(api_key).and_then(|api| {
        if api.has_version(version) { Ok(api) } else { Err(WireFault::UnsupportedVersion(version)) }
    });
    api.map_err(|fault| r.fail(fault)).ok()
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::protocol::encode_request;
    use crate::protocol::messages::heartbeat::HeartbeatRequest;

    #[test]
    fn both_sides_settle_on_the_newest_common_version() {
        assert_eq!(negotiate(0..=5, 3..=9), Some(5));
        assert_eq!(negotiate(4..=18, 0..=4), Some(4));
        assert_eq!(negotiate(4..=18, 0..=3), None);
    }

    #[test]
    fn requests_and_responses_have_the_same_versions() {
        for api in ApiKey::ALL {
            assert_eq!(ApiKey::try_from(api.code()), Ok(*api));
            assert!(api.is_for_brokers() || api.is_for_controllers() || api.is_of_zookeeper());
        }
        let known = ApiKey::ALL.iter().filter(|api| api.versions().is_some());
        assert_eq!((known.count(), ApiKey::ALL.len()), (65, 93));
        assert_eq!(ApiKey::Produce.versions(), Some(3..=13));
        assert_eq!(ApiKey::EndTxn.versions(), None);
    }

    #[test]
    fn a_request_is_dissected_with_its_header() {
        let body = HeartbeatRequest { group_id: "g".to_owned(), ..Default::default() };
        let frame = encode_request(0, 9, "me", &body).expect("encodes");
        let fields: Vec<String> = dissect_request(&frame)
            .spans
            .iter()
            .map(|span| format!("{}={}", span.name, span.value))
            .collect();
        let expected = [
            "requestApiKey=12",
            "requestApiVersion=0",
            "correlationId=9",
            "clientId=\"me\"",
            "groupId=\"g\"",
            "generationId=0",
            "memberId=\"\"",
        ];
        assert_eq!(fields, expected);
    }

    #[test]
    fn what_the_codec_does_not_know_is_said() {
        let frame = Bytes::from_static(b"\0\x1a\0\0\0\0\0\x09\xff\xffbody");
        let dissection = dissect_request(&frame);
        assert_eq!(dissection.spans.len(), 4);
        assert_eq!(dissection.error.map(|error| error.fault), Some(WireFault::UnsupportedVersion(0)));
        assert_eq!(
            dissect_response(&frame, 93, 0).error.map(|error| error.fault),
            Some(WireFault::UnknownApi(93))
        );
    }
}
