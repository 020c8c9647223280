//! Every message that has a schema.

/// Calls a macro with the modules of all APIs and their requests and responses, and with
/// the other messages that the oracle knows.
macro_rules! every_message {
    ($then:ident) => {
        $then! {
            produce::ProduceRequest
            produce::ProduceResponse
            fetch::FetchRequest
            fetch::FetchResponse
            list_offsets::ListOffsetsRequest
            list_offsets::ListOffsetsResponse
            metadata::MetadataRequest
            metadata::MetadataResponse
            offset_commit::OffsetCommitRequest
            offset_commit::OffsetCommitResponse
            offset_fetch::OffsetFetchRequest
            offset_fetch::OffsetFetchResponse
            find_coordinator::FindCoordinatorRequest
            find_coordinator::FindCoordinatorResponse
            join_group::JoinGroupRequest
            join_group::JoinGroupResponse
            heartbeat::HeartbeatRequest
            heartbeat::HeartbeatResponse
            leave_group::LeaveGroupRequest
            leave_group::LeaveGroupResponse
            sync_group::SyncGroupRequest
            sync_group::SyncGroupResponse
            describe_groups::DescribeGroupsRequest
            describe_groups::DescribeGroupsResponse
            list_groups::ListGroupsRequest
            list_groups::ListGroupsResponse
            api_versions::ApiVersionsRequest
            api_versions::ApiVersionsResponse
            create_topics::CreateTopicsRequest
            create_topics::CreateTopicsResponse
            delete_topics::DeleteTopicsRequest
            delete_topics::DeleteTopicsResponse
            delete_records::DeleteRecordsRequest
            delete_records::DeleteRecordsResponse
            init_producer_id::InitProducerIdRequest
            init_producer_id::InitProducerIdResponse
            offset_for_leader_epoch::OffsetForLeaderEpochRequest
            offset_for_leader_epoch::OffsetForLeaderEpochResponse
            describe_configs::DescribeConfigsRequest
            describe_configs::DescribeConfigsResponse
            alter_configs::AlterConfigsRequest
            alter_configs::AlterConfigsResponse
            describe_log_dirs::DescribeLogDirsRequest
            describe_log_dirs::DescribeLogDirsResponse
            create_partitions::CreatePartitionsRequest
            create_partitions::CreatePartitionsResponse
            delete_groups::DeleteGroupsRequest
            delete_groups::DeleteGroupsResponse
            elect_leaders::ElectLeadersRequest
            elect_leaders::ElectLeadersResponse
            incremental_alter_configs::IncrementalAlterConfigsRequest
            incremental_alter_configs::IncrementalAlterConfigsResponse
            alter_partition_reassignments::AlterPartitionReassignmentsRequest
            alter_partition_reassignments::AlterPartitionReassignmentsResponse
            list_partition_reassignments::ListPartitionReassignmentsRequest
            list_partition_reassignments::ListPartitionReassignmentsResponse
            offset_delete::OffsetDeleteRequest
            offset_delete::OffsetDeleteResponse
            vote::VoteRequest
            vote::VoteResponse
            begin_quorum_epoch::BeginQuorumEpochRequest
            begin_quorum_epoch::BeginQuorumEpochResponse
            end_quorum_epoch::EndQuorumEpochRequest
            end_quorum_epoch::EndQuorumEpochResponse
            describe_quorum::DescribeQuorumRequest
            describe_quorum::DescribeQuorumResponse
            alter_partition::AlterPartitionRequest
            alter_partition::AlterPartitionResponse
            fetch_snapshot::FetchSnapshotRequest
            fetch_snapshot::FetchSnapshotResponse
            describe_cluster::DescribeClusterRequest
            describe_cluster::DescribeClusterResponse
            broker_registration::BrokerRegistrationRequest
            broker_registration::BrokerRegistrationResponse
            broker_heartbeat::BrokerHeartbeatRequest
            broker_heartbeat::BrokerHeartbeatResponse
            allocate_producer_ids::AllocateProducerIdsRequest
            allocate_producer_ids::AllocateProducerIdsResponse
            consumer_group_heartbeat::ConsumerGroupHeartbeatRequest
            consumer_group_heartbeat::ConsumerGroupHeartbeatResponse
            consumer_group_describe::ConsumerGroupDescribeRequest
            consumer_group_describe::ConsumerGroupDescribeResponse
            consumer_protocol::ConsumerProtocolSubscription
            consumer_protocol::ConsumerProtocolAssignment
        }
    };
}

pub(crate) use every_message;
