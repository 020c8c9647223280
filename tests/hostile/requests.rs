//! Requests that are well formed and mean no good, and frames that are not even that.

use bytes::Bytes;
use terrarium::base::{ConnId, NodeId, Rng};
use terrarium::protocol::messages::*;
use terrarium::protocol::{Message, encode_request};
use terrarium::sim::Machine;

use crate::noise::damage;
use crate::specimen::{Specimen, only, specimens};

const STRANGER: NodeId = NodeId(99);

fn broker() -> Specimen {
    let brokers = only(specimens(&[2_600]), |machine| matches!(machine, Machine::Broker(_)));
    brokers.into_iter().next().expect("a broker")
}

fn controller() -> Specimen {
    let all = only(specimens(&[2_600]), |machine| matches!(machine, Machine::Controller(_)));
    all.into_iter().next().expect("a controller")
}

/// Imagined and damaged requests of one API, in every version.
fn imagine<M: Message>(victim: &mut Specimen, conn: &mut u64) {
    for version in M::VERSIONS {
        for round in 0..6 {
            let mut rng = Rng::stream(round, &format!("{} v{version}", M::NAME));
            let message = M::imagine(version, rng.clone());
            let good = encode_request(version, 1, "stranger", &message).expect("made up for this version");
            *conn += 1;
            victim.frame(ConnId(*conn), STRANGER, good.clone());
            *conn += 1;
            victim.frame(ConnId(*conn), STRANGER, damage(&good, &mut rng));
        }
    }
}

#[test]
fn imagined_requests_of_every_api_are_answered_or_refused() {
    for mut victim in [broker(), controller()] {
        let conn = &mut 5_000;
        imagine::<produce::ProduceRequest>(&mut victim, conn);
        imagine::<fetch::FetchRequest>(&mut victim, conn);
        imagine::<list_offsets::ListOffsetsRequest>(&mut victim, conn);
        imagine::<metadata::MetadataRequest>(&mut victim, conn);
        imagine::<offset_commit::OffsetCommitRequest>(&mut victim, conn);
        imagine::<offset_fetch::OffsetFetchRequest>(&mut victim, conn);
        imagine::<find_coordinator::FindCoordinatorRequest>(&mut victim, conn);
        imagine::<join_group::JoinGroupRequest>(&mut victim, conn);
        imagine::<sync_group::SyncGroupRequest>(&mut victim, conn);
        imagine::<heartbeat::HeartbeatRequest>(&mut victim, conn);
        imagine::<leave_group::LeaveGroupRequest>(&mut victim, conn);
        imagine::<describe_groups::DescribeGroupsRequest>(&mut victim, conn);
        imagine::<list_groups::ListGroupsRequest>(&mut victim, conn);
        imagine::<delete_groups::DeleteGroupsRequest>(&mut victim, conn);
        imagine::<consumer_group_heartbeat::ConsumerGroupHeartbeatRequest>(&mut victim, conn);
        imagine::<consumer_group_describe::ConsumerGroupDescribeRequest>(&mut victim, conn);
        imagine::<offset_for_leader_epoch::OffsetForLeaderEpochRequest>(&mut victim, conn);
        imagine::<init_producer_id::InitProducerIdRequest>(&mut victim, conn);
        imagine::<create_topics::CreateTopicsRequest>(&mut victim, conn);
        imagine::<incremental_alter_configs::IncrementalAlterConfigsRequest>(&mut victim, conn);
        imagine::<broker_registration::BrokerRegistrationRequest>(&mut victim, conn);
        imagine::<broker_heartbeat::BrokerHeartbeatRequest>(&mut victim, conn);
        imagine::<alter_partition::AlterPartitionRequest>(&mut victim, conn);
        imagine::<allocate_producer_ids::AllocateProducerIdsRequest>(&mut victim, conn);
        assert!(!victim.sent.is_empty() && !victim.rejected.is_empty());
    }
}

#[test]
fn extreme_offsets_and_partitions_are_errors() {
    let mut victim = broker();
    let mut conn = 9_000;
    for number in [0, 1, -1, -2, i64::MAX, i64::MIN, i64::from(i32::MAX)] {
        for partition in [0, 1, 2, -1, i32::MAX, i32::MIN] {
            let asked = fetch::FetchPartition {
                partition,
                fetch_offset: number,
                last_fetched_epoch: number as i32,
                partition_max_bytes: number as i32,
                current_leader_epoch: -1,
                ..Default::default()
            };
            let topics = vec![fetch::FetchTopic {
                topic: "orders".into(),
                partitions: vec![asked],
                ..Default::default()
            }];
            for replica_id in [-1, 2, i32::MAX] {
                let request = fetch::FetchRequest {
                    replica_id,
                    max_wait_ms: number as i32,
                    min_bytes: number as i32,
                    max_bytes: i32::MAX,
                    topics: topics.clone(),
                    ..Default::default()
                };
                conn += 1;
                let bytes = encode_request(12, 1, "stranger", &request).expect("fits version 12");
                victim.frame(ConnId(conn), STRANGER, bytes);
            }
            let asked = list_offsets::ListOffsetsPartition {
                partition_index: partition,
                current_leader_epoch: -1,
                timestamp: number,
            };
            let topics =
                vec![list_offsets::ListOffsetsTopic { name: "orders".into(), partitions: vec![asked] }];
            let request = list_offsets::ListOffsetsRequest { topics, ..Default::default() };
            conn += 1;
            let bytes = encode_request(6, 1, "stranger", &request).expect("fits version 6");
            victim.frame(ConnId(conn), STRANGER, bytes);
            assert_eq!(victim.answers(ConnId(conn)).len(), 1);
        }
    }
    assert!(victim.rejected.is_empty());
}

#[test]
fn what_is_no_request_closes_the_connection() {
    for mut victim in [broker(), controller()] {
        let frames: [&[u8]; 6] =
            [b"", b"\0", b"\0\x12\0", b"GET / HTTP/1.1", b"\0\x03\0\x7f\0\0\0\x01\0\0", b"\x7f\xff\0\0"];
        for (conn, frame) in (7_000..).zip(frames) {
            victim.frame(ConnId(conn), STRANGER, Bytes::from_static(frame));
            assert!(victim.has_rejected(ConnId(conn)), "{}: {frame:?}", victim.name);
        }
    }
}

#[test]
fn who_asks_without_end_is_hung_up_on() {
    let mut victim = broker();
    let request = fetch::FetchRequest {
        max_wait_ms: i32::MAX,
        min_bytes: i32::MAX,
        max_bytes: i32::MAX,
        topics: vec![fetch::FetchTopic {
            topic: "orders".into(),
            partitions: vec![fetch::FetchPartition { current_leader_epoch: -1, ..Default::default() }],
            ..Default::default()
        }],
        ..Default::default()
    };
    let bytes = encode_request(11, 1, "stranger", &request).expect("fits version 11");
    let hung_up = (0..10_000).any(|_| {
        victim.frame(ConnId(8_000), STRANGER, bytes.clone());
        victim.has_rejected(ConnId(8_000))
    });
    assert!(hung_up, "a queue has an end");
}

#[test]
fn a_group_with_a_very_long_name_is_only_a_group() {
    let mut victim = broker();
    let group_id = "g".repeat(30_000);
    let request = join_group::JoinGroupRequest {
        group_id,
        session_timeout_ms: i32::MAX,
        rebalance_timeout_ms: i32::MIN,
        protocol_type: "consumer".into(),
        ..Default::default()
    };
    let bytes = encode_request(5, 1, "stranger", &request).expect("fits version 5");
    victim.frame(ConnId(8_001), STRANGER, bytes);
    assert_eq!(victim.answers(ConnId(8_001)).len(), 1);
}
