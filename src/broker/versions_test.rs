//! Every version of every request that is answered here gets an answer in that version.

use std::fmt::Debug;

use bytes::Bytes;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::desk::*;
use super::*;
use crate::protocol::messages::delete_groups::{DeleteGroupsRequest, DeleteGroupsResponse};
use crate::protocol::messages::describe_groups::{DescribeGroupsRequest, DescribeGroupsResponse};
use crate::protocol::messages::fetch::FetchResponse;
use crate::protocol::messages::find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
use crate::protocol::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use crate::protocol::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use crate::protocol::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use crate::protocol::messages::leave_group::{LeaveGroupRequest, LeaveGroupResponse, MemberIdentity};
use crate::protocol::messages::list_groups::{ListGroupsRequest, ListGroupsResponse};
use crate::protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic, OffsetCommitResponse,
};
use crate::protocol::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic, OffsetDeleteResponse,
};
use crate::protocol::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchResponse,
};
use crate::protocol::messages::produce::ProduceResponse;
use crate::protocol::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};
use crate::protocol::{ErrorCode, Message};

/// A broker that leads a topic and the only partition of `__consumer_offsets`.
fn desk() -> Desk {
    let mut desk = Desk::with(&[("offsets.topic.num.partitions", "1")]);
    desk.topic("t", &[1], &[]);
    desk.topic("elsewhere", &[2, 1], &[]);
    desk.topic(OFFSETS_TOPIC, &[1], &[]);
    desk
}

/// Asks in every version; gives the answers, which may take their time.
fn all<Q: Message, R: Message + Debug>(request: impl Fn(i16) -> Q) -> Vec<(i16, R)> {
    let ask = |version| {
        let mut desk = desk();
        let asked = desk.put(version, &request(version));
        desk.wait(10_000);
        let answer = desk.read(asked);
        (version, answer.unwrap_or_else(|| panic!("no answer in version {version}")))
    };
    Q::VERSIONS.map(ask).collect()
}

#[test]
fn produce_and_fetch() {
    for topic in ["t", "elsewhere", "nowhere"] {
        let now = Desk::new().now;
        let stored: Vec<(_, ProduceResponse)> = all(|_| produce_request(topic, 1, records(now, 1)));
        assert_eq!(stored.len(), 11);
        let read: Vec<(_, FetchResponse)> = all(|_| fetch_request(topic, 0));
        assert_eq!(read.len(), 15);
    }
}

#[test]
fn coordinators_are_found() {
    let check = |key_type: i8, expected: ErrorCode| {
        let request = |version| FindCoordinatorRequest {
            key: if version < 4 { "g".to_owned() } else { String::new() },
            key_type: if version < 1 { 0 } else { key_type },
            coordinator_keys: if version < 4 { vec![] } else { vec!["g".to_owned(), "h".to_owned()] },
        };
        for (version, answer) in all::<_, FindCoordinatorResponse>(request) {
            let found = answer.coordinators.first();
            let error = found.map_or(answer.error_code, |found| found.error_code);
            assert_eq!(answer.coordinators.len(), if version < 4 { 0 } else { 2 });
            let expected = if version < 1 { ErrorCode::None } else { expected };
            assert_eq!(error, expected, "key type {key_type} in version {version}");
        }
    };
    check(0, ErrorCode::None);
    check(1, ErrorCode::CoordinatorNotAvailable);
    check(7, ErrorCode::InvalidRequest);
}

#[test]
fn groups_are_joined_and_left() {
    let protocol = JoinGroupRequestProtocol { name: "range".to_owned(), metadata: Bytes::new() };
    let join = |_| JoinGroupRequest {
        group_id: "g".to_owned(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 10_000,
        protocol_type: "consumer".to_owned(),
        protocols: vec![protocol.clone()],
        ..Default::default()
    };
    for (version, answer) in all::<_, JoinGroupResponse>(join) {
        let expected = if version < 4 { ErrorCode::None } else { ErrorCode::MemberIdRequired };
        assert_eq!(answer.error_code, expected, "in version {version}");
    }
    let none = |_| JoinGroupRequest { session_timeout_ms: 1, ..join(0) };
    for (_, answer) in all::<_, JoinGroupResponse>(none) {
        assert_eq!(answer.error_code, ErrorCode::InvalidSessionTimeout);
    }
    let sync = |_| SyncGroupRequest {
        group_id: "g".to_owned(),
        protocol_type: Some("consumer".to_owned()),
        protocol_name: Some("range".to_owned()),
        ..Default::default()
    };
    for (_, answer) in all::<_, SyncGroupResponse>(sync) {
        assert_eq!(answer.error_code, ErrorCode::UnknownMemberId);
    }
    let beat = |_| HeartbeatRequest { group_id: "g".to_owned(), ..Default::default() };
    for (_, answer) in all::<_, HeartbeatResponse>(beat) {
        assert_eq!(answer.error_code, ErrorCode::UnknownMemberId);
    }
    let leave = |version| LeaveGroupRequest {
        group_id: "g".to_owned(),
        members: if version < 3 { vec![] } else { vec![MemberIdentity::default()] },
        ..Default::default()
    };
    for (_, answer) in all::<_, LeaveGroupResponse>(leave) {
        let error = answer.members.first().map_or(answer.error_code, |member| member.error_code);
        assert_eq!(error, ErrorCode::UnknownMemberId);
    }
}

fn commit(topics: &[&str]) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition { committed_offset: 5, ..Default::default() };
    let topic = |name: &&str| OffsetCommitRequestTopic {
        name: (*name).to_owned(),
        partitions: vec![partition.clone()],
    };
    OffsetCommitRequest {
        group_id: "g".to_owned(),
        topics: topics.iter().map(topic).collect(),
        ..Default::default()
    }
}

#[test]
fn offsets_are_committed_where_there_is_a_partition() {
    let check = |topics: &[&str], expected: &[(&str, ErrorCode)]| {
        for (version, answer) in all::<_, OffsetCommitResponse>(|_| commit(topics)) {
            let codes: Vec<(&str, ErrorCode)> = answer
                .topics
                .iter()
                .map(|topic| (topic.name.as_str(), topic.partitions[0].error_code))
                .collect();
            assert_eq!(codes, expected, "in version {version}");
        }
    };
    check(&["t"], &[("t", ErrorCode::None)]);
    check(&["nowhere"], &[("nowhere", ErrorCode::UnknownTopicOrPartition)]);
    let both = [("t", ErrorCode::None), ("nowhere", ErrorCode::UnknownTopicOrPartition)];
    check(&["nowhere", "t"], &both);
}

#[test]
fn offsets_are_read_and_deleted() {
    let fetch = |version| {
        let topic = OffsetFetchRequestTopic { name: "t".to_owned(), partition_indexes: vec![0] };
        let group = OffsetFetchRequestGroup { group_id: "g".to_owned(), topics: None, ..Default::default() };
        let is_batched = version >= 8;
        OffsetFetchRequest {
            group_id: if is_batched { String::new() } else { "g".to_owned() },
            topics: Some(if is_batched { vec![] } else { vec![topic] }),
            groups: if is_batched { vec![group] } else { vec![] },
            ..Default::default()
        }
    };
    for (version, answer) in all::<_, OffsetFetchResponse>(fetch) {
        let (topics, groups) = if version < 8 { (1, 0) } else { (0, 1) };
        assert_eq!((answer.topics.len(), answer.groups.len()), (topics, groups));
    }
    let mut desk = desk();
    let asked = desk.put(9, &commit(&["t"]));
    assert!(desk.read::<OffsetCommitResponse>(asked).is_some());
    let topic = |name: &str| OffsetDeleteRequestTopic {
        name: name.to_owned(),
        partitions: vec![OffsetDeleteRequestPartition { partition_index: 0 }],
    };
    let group_id = "g".to_owned();
    let request = OffsetDeleteRequest { group_id, topics: vec![topic("nowhere"), topic("t")] };
    let answer: OffsetDeleteResponse = desk.ask(0, &request);
    let codes = answer.topics.iter().map(|topic| topic.partitions[0].error_code);
    let expected = [ErrorCode::None, ErrorCode::UnknownTopicOrPartition];
    assert_eq!((answer.error_code, codes.collect::<Vec<_>>()), (ErrorCode::None, expected.to_vec()));
    let group_id = "nobody".to_owned();
    let answer: OffsetDeleteResponse =
        desk.ask(0, &OffsetDeleteRequest { group_id, topics: vec![topic("t")] });
    assert_eq!((answer.error_code, answer.topics), (ErrorCode::GroupIdNotFound, vec![]));
    let group_id = "nobody".to_owned();
    let answer: OffsetDeleteResponse =
        desk.ask(0, &OffsetDeleteRequest { group_id, topics: vec![topic("nowhere")] });
    assert_eq!((answer.error_code, answer.topics), (ErrorCode::GroupIdNotFound, vec![]));
}

#[test]
fn groups_are_listed_described_and_deleted() {
    let listed = all::<_, ListGroupsResponse>(|_| ListGroupsRequest::default());
    assert!(listed.iter().all(|(_, answer)| answer.error_code == ErrorCode::None));
    let describe = |version| DescribeGroupsRequest {
        groups: vec!["g".to_owned()],
        include_authorized_operations: version >= 3,
    };
    for (version, answer) in all::<_, DescribeGroupsResponse>(describe) {
        let group = &answer.groups[0];
        let expected = if version < 6 { ErrorCode::None } else { ErrorCode::GroupIdNotFound };
        assert_eq!((group.error_code, group.group_state.as_str()), (expected, "Dead"));
        let operations = if (3..6).contains(&version) { 3_400 } else { i32::MIN };
        assert_eq!(group.authorized_operations, operations);
    }
    let delete = |_| DeleteGroupsRequest { groups_names: vec!["g".to_owned()] };
    for (_, answer) in all::<_, DeleteGroupsResponse>(delete) {
        assert_eq!(answer.results[0].error_code, ErrorCode::GroupIdNotFound);
    }
}

#[test]
fn transactions_are_declined() {
    let request = |_| InitProducerIdRequest {
        transactional_id: Some("tx".to_owned()),
        transaction_timeout_ms: 1_000,
        ..Default::default()
    };
    for (_, answer) in all::<_, InitProducerIdResponse>(request) {
        assert_eq!(answer.error_code, ErrorCode::CoordinatorNotAvailable);
        assert_eq!((answer.producer_id, answer.producer_epoch), (-1, -1));
    }
}
