//! For tests: a small run, and one of every event.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::{CloseReason, ConnId, EPOCH_MS, FrameInfo, FrameKind, NodeId, SimTime, seconds};
use crate::broker::BrokerConfig;
use crate::client::{ProducerConfig, Workload};
use crate::protocol::{ErrorCode, TopicPartition};
use crate::sim::{
    ClientKind, ClientSetup, ClusterSetup, Command, DiskSetup, NetworkSetup, Run, Setup, TopicSetup,
};
use crate::trace::{Entry, Event, Frame, MemberTarget, Offsets, Role};

/// Three brokers, one topic of one partition, one producer; broker 1, which leads, dies at 2 s.
pub(crate) fn run_until(time: SimTime) -> Run {
    let workload: Workload = serde_json::from_str(
        r#"{"sources":[{"topic":"rides","every_ms":50,"keys":["N","S"],"value":"v{n}"}]}"#,
    )
    .expect("a workload");
    let mut config = BrokerConfig::default();
    config.set_any("offsets.topic.num.partitions", "3").expect("a config");
    let setup = Setup {
        name: "test".into(),
        seed: 1,
        epoch_ms: EPOCH_MS,
        network: NetworkSetup::default(),
        disk: DiskSetup::default(),
        cluster: ClusterSetup {
            racks: Vec::new(),
            advertised: Vec::new(),
            brokers: 3,
            first_broker_id: 1,
            spare_brokers: 0,
            config: Arc::new(config),
            controllers: 1,
            combined: false,
            zookeeper: None,
            controller: Default::default(),
            topics: vec![TopicSetup {
                name: "rides".into(),
                partitions: 1,
                replication_factor: 3,
                configs: Default::default(),
                assignments: vec![vec![1, 2, 3]],
            }],
        },
        clients: vec![ClientSetup {
            name: "riders".into(),
            start: SimTime(seconds(1)),
            kind: ClientKind::Producer(Arc::new(ProducerConfig::default()), Arc::new(workload)),
        }],
        inputs: Vec::new(),
        script: vec![(SimTime(seconds(2)), Command::Kill { node: "broker-1".into() })],
        expect: vec![],
    };
    let mut run = Run::new(Arc::new(setup));
    run.play_until(time, 1_000_000);
    run
}

/// An entry of broker 1 that says this.
pub(crate) fn entry(event: Event) -> Entry {
    Entry { time: SimTime(4_212_000), seq: 318, cause: 317, node: NodeId(1), event }
}

/// A frame of these bytes, whatever they are.
pub(crate) fn frame(kind: FrameKind, api_key: i16, api_version: i16, bytes: Bytes) -> Frame {
    let info = FrameInfo { kind, api_key, api_version, correlation_id: 7 };
    Frame { info, size_bytes: bytes.len() as u32, bytes: bytes.into() }
}

/// At least one of every event there is.
pub(crate) fn events() -> Vec<Event> {
    let at = || TopicPartition::new("rides", 0);
    let range = |from, to| Offsets { from, to };
    let (conn, to) = (ConnId(1 << 32 | 7), NodeId(2));
    let empty = || frame(FrameKind::Request, 1, 17, Bytes::new());
    let (a, b) = (NodeId(1), NodeId(3));
    let offsets = range(7, 9);
    let mut events = vec![
        Event::Commanded { what: "restart broker-1".into() },
        Event::NodeStarted,
        Event::NodeKilled,
        Event::NodeStopped,
        Event::PowerLost { lost_bytes: 0 },
        Event::PowerLost { lost_bytes: 312 },
        Event::NodePaused,
        Event::NodeResumed,
        Event::LinkCut { a, b },
        Event::LinkHealed { a, b },
        Event::LinkSlowed { a, b, latency_us: 80_000 },
        Event::InvariantViolated { invariant: "lost write", detail: "rides-0 lost offset 7".into() },
        Event::ConnectionOpened { conn, to },
        Event::Sent { conn, to, frame: empty() },
        Event::Received { conn, from: to, frame: empty() },
        Event::Lost { conn, to, frame: empty() },
        Event::Lost { conn, to: a, frame: empty() },
        Event::TimerFired { timer: "request_timeout" },
        Event::TimerFired { timer: "flushed" },
        Event::RequestRejected { conn, reason: "the bytes end too early (field acks, byte 9)".into() },
        Event::RecordsAppended { at: at(), role: Role::Leader, offsets, leader_epoch: 4, size_bytes: 90 },
        Event::RecordsAppended {
            at: at(),
            role: Role::Follower,
            offsets: range(7, 8),
            leader_epoch: 4,
            size_bytes: 90,
        },
        Event::SegmentRolled { at: at(), base_offset: 9 },
        Event::SegmentsDeleted { at: at(), offsets: range(0, 5) },
        Event::LogCleaned {
            at: at(),
            offsets: range(0, 9),
            replaced: 5,
            tombstones: 1,
            bytes_before: 900,
            bytes_after: 420,
        },
        Event::LogCleaned {
            at: at(),
            offsets: range(0, 9),
            replaced: 0,
            tombstones: 0,
            bytes_before: 900,
            bytes_after: 900,
        },
        Event::LogTruncated { at: at(), offsets, leader_epoch: 5 },
        Event::LogTruncated { at: at(), offsets, leader_epoch: -1 },
        Event::LogRecovered { at: at(), truncated_bytes: 0, log_end_offset: 9 },
        Event::LogRecovered { at: at(), truncated_bytes: 12, log_end_offset: 8 },
        Event::LogFlushed { at: at(), offset: 9 },
        Event::HighWatermarkAdvanced { at: at(), role: Role::Leader, offsets },
        Event::HighWatermarkAdvanced { at: at(), role: Role::Leader, offsets: range(7, 8) },
        Event::HighWatermarkAdvanced { at: at(), role: Role::Follower, offsets },
        Event::BecameLeader { at: at(), leader_epoch: 4 },
        Event::BecameFollower { at: at(), leader: 2, leader_epoch: 4 },
        Event::BecameFollower { at: at(), leader: -1, leader_epoch: 4 },
        Event::EpochEndLearned { at: at(), leader_epoch: 4, end_offset: 7 },
        Event::ReplicationThrottled { at: at(), role: Role::Leader },
        Event::ReplicationThrottled { at: at(), role: Role::Follower },
        Event::IsrProposed { at: at(), from: vec![1, 2, 3], to: vec![1, 2] },
        Event::IsrProposed { at: at(), from: vec![1, 2], to: vec![1, 2, 3] },
        Event::PartitionChanged { at: at(), leader: 1, leader_epoch: 4, partition_epoch: 6, isr: vec![1, 2] },
        Event::PartitionChanged { at: at(), leader: -1, leader_epoch: 5, partition_epoch: 7, isr: vec![1] },
        Event::EligibleLeadersChanged { at: at(), elr: vec![2, 3] },
        Event::EligibleLeadersChanged { at: at(), elr: vec![] },
        Event::LeaderElected { at: at(), leader: 2, leader_epoch: 5 },
        Event::LeaderElected { at: at(), leader: -1, leader_epoch: 5 },
        Event::TopicCreated { topic: "rides".into(), partitions: 2, replication_factor: 3 },
        Event::TopicDeleted { topic: "rides".into() },
        Event::BrokerRegistered { broker: 2, broker_epoch: 11 },
        Event::BrokerUnfenced { broker: 2 },
        Event::BrokerShutsDown { broker: 2 },
        Event::BrokerFenced { broker: 2 },
        Event::ConfigChanged {
            resource: "rides".into(),
            name: "min.insync.replicas".into(),
            value: Some("2".into()),
        },
        Event::ConfigChanged { resource: "rides".into(), name: "retention.ms".into(), value: None },
        Event::MetadataApplied { offset: 17 },
        Event::QuorumStateChanged {
            from: "voted",
            to: "follower",
            epoch: 4,
            leader: 3_001,
            why: "it knows who leads",
        },
        Event::QuorumStateChanged {
            from: "leader",
            to: "resigned",
            epoch: 4,
            leader: -1,
            why: "no majority fetches from it",
        },
        Event::VotesRequested { epoch: 4, pre_vote: true },
        Event::VotesRequested { epoch: 5, pre_vote: false },
        Event::VoteCast {
            candidate: 3_002,
            epoch: 4,
            pre_vote: true,
            granted: false,
            why: "it has a leader",
        },
        Event::VoteCast {
            candidate: 3_002,
            epoch: 5,
            pre_vote: false,
            granted: true,
            why: "the log is long enough",
        },
        Event::ControllerElected { epoch: 5, votes: vec![3_001, 3_002] },
        Event::ControllerActivated { epoch: 5, offset: 30 },
        Event::ControllerResigned { epoch: 5, why: "no majority fetches from it" },
        Event::MetadataCommitted { role: Role::Leader, epoch: 5, offsets },
        Event::MetadataCommitted { role: Role::Follower, epoch: 5, offsets },
        Event::SnapshotCreated { end_offset: 40, epoch: 5, size_bytes: 1_200 },
        Event::SnapshotFetched { end_offset: 40, epoch: 5 },
        Event::SnapshotLoaded { end_offset: 40, epoch: 5, size_bytes: 1_200 },
        Event::MetadataLogCleaned { log_start_offset: 40 },
        Event::ProduceWaits { at: at(), until_offset: 9 },
        Event::ProduceAnswered { at: at(), error: ErrorCode::None, base_offset: 7 },
        Event::ProduceAnswered { at: at(), error: ErrorCode::NotEnoughReplicas, base_offset: -1 },
        Event::ClientThrottled { conn, client: "shop".into(), throttle_time_ms: 1_200 },
        Event::FetchWaits { conn, max_wait_ms: 500 },
    ];
    for reason in [CloseReason::UnknownHost, CloseReason::Refused, CloseReason::ByPeer, CloseReason::Reset] {
        events.push(Event::ConnectionClosed { conn, peer: to, reason });
    }
    events.extend(group_events());
    events.extend(client_events());
    events.extend(zookeeper_events());
    events
}

fn group_events() -> Vec<Event> {
    let at = || TopicPartition::new("rides", 0);
    let member = || Arc::<str>::from("dashboards-1-0f0e0d0c-0b0a-4908-8706-050403020100");
    let group = || Arc::<str>::from("dashboards");
    let shared = |state, reason| Event::ShareRecordsChanged {
        group: group(),
        member: member(),
        at: at(),
        offsets: Offsets { from: 3, to: 7 },
        state,
        delivery_count: 2,
        reason,
    };
    let states = [
        "Empty",
        "PreparingRebalance",
        "CompletingRebalance",
        "Stable",
        "PreparingRebalance",
        "Empty",
        "Dead",
    ];
    let mut events: Vec<Event> = states
        .windows(2)
        .map(|pair| Event::GroupStateChanged { group: group(), from: pair[0], to: pair[1], generation: 3 })
        .collect();
    events.extend([
        Event::CoordinatorElected { partition: 2, groups: 1 },
        Event::CoordinatorResigned { partition: 2 },
        Event::MemberJoined { group: group(), member: member(), client: "dashboards-1".into() },
        Event::MemberJoined { group: group(), member: "odd".into(), client: "dashboards-1".into() },
        Event::MemberLeft { group: group(), member: member(), reason: "session timeout" },
        Event::MemberLeft { group: group(), member: member(), reason: "did not rejoin in time" },
        Event::MemberAssigned {
            group: group(),
            member: member(),
            generation: 3,
            partitions: vec![at(), TopicPartition::new("rides", 1)],
        },
        Event::OffsetCommitted { group: group(), at: at(), offset: 9 },
        Event::RebalanceStarted { group: group(), reason: format!("member {} joined", member()).into() },
        Event::GroupEpochBumped { group: group(), group_epoch: 4, reason: "member odd joined".into() },
        Event::TargetAssigned {
            group: group(),
            assignment_epoch: 4,
            assignor: "uniform",
            targets: vec![MemberTarget { member: member(), partitions: vec![at()] }],
        },
        Event::MemberReconciled {
            group: group(),
            member: member(),
            member_epoch: 3,
            state: "UNREVOKED_PARTITIONS",
            assigned: vec![at()],
            revoking: vec![TopicPartition::new("rides", 1)],
            awaiting: vec![],
        },
        Event::MemberReconciled {
            group: group(),
            member: member(),
            member_epoch: 4,
            state: "UNRELEASED_PARTITIONS",
            assigned: vec![at()],
            revoking: vec![],
            awaiting: vec![TopicPartition::new("rides", 1)],
        },
        Event::MemberReconciled {
            group: group(),
            member: member(),
            member_epoch: 4,
            state: "STABLE",
            assigned: vec![at()],
            revoking: vec![],
            awaiting: vec![],
        },
        Event::MemberFenced { group: group(), member: member(), error: ErrorCode::FencedMemberEpoch },
        Event::RegexResolved { group: group(), regex: "ri.*".into(), topics: vec!["rides".into()] },
        Event::GroupMigrated { group: group(), from: "classic", to: "consumer" },
        shared("Acquired", "acquired"),
        shared("Acknowledged", "accepted"),
        shared("Available", "released"),
        shared("Available", "lock timed out"),
        shared("Archived", "rejected"),
        shared("Archived", "gap"),
        shared("Archived", "delivery count limit"),
        Event::ShareStartOffsetMoved { group: group(), at: at(), offset: 7 },
        Event::PartitionsAssigned { group: group(), partitions: vec![] },
        Event::PartitionsRevoked { group: group(), partitions: vec![at()] },
        Event::PartitionsLost { group: group(), partitions: vec![at()] },
        Event::MemberStateChanged {
            group: group(),
            member: member(),
            from: "joining",
            to: "syncing",
            generation: 3,
            owned: vec![at()],
        },
        Event::MemberStateChanged {
            group: group(),
            member: "".into(),
            from: "stable",
            to: "unjoined",
            generation: -1,
            owned: vec![],
        },
        Event::ListenerEntered { group: group(), listener: "onPartitionsRevoked", partitions: vec![at()] },
        Event::ListenerLeft { group: group(), listener: "onPartitionsRevoked" },
    ]);
    events
}

fn zookeeper_events() -> Vec<Event> {
    let (path, client) = (|| "/brokers/ids/2".into(), NodeId(2));
    vec![
        Event::SessionOpened { session: 7, client, timeout_ms: 18_000 },
        Event::SessionExpired { session: 7 },
        Event::ZNodeChanged { path: path(), change: "NodeCreated", zxid: 41 },
        Event::ZNodeChanged { path: path(), change: "NodeDeleted", zxid: 42 },
        Event::WatchFired { path: path(), change: "NodeDeleted", client },
        Event::ControllerClaimed { epoch: 3 },
        Event::ControllerLoaded { epoch: 3, brokers: 3, topics: 1, partitions: 12 },
    ]
}

fn client_events() -> Vec<Event> {
    let at = || TopicPartition::new("rides", 0);
    let offsets = Offsets { from: 7, to: 12 };
    let error = ErrorCode::NotLeaderOrFollower;
    vec![
        Event::RecordQueued { at: at(), record: 41, key: Some("N".into()) },
        Event::RecordQueued { at: at(), record: 42, key: None },
        Event::BatchSent { at: at(), records: 2, attempt: 1, crc: 0xfeed },
        Event::BatchSent { at: at(), records: 1, attempt: 2, crc: 0xfeed },
        Event::BatchAcknowledged { at: at(), records: 2, base_offset: 7, crc: 0xfeed, acks: -1 },
        Event::BatchAcknowledged { at: at(), records: 2, base_offset: -1, crc: 0xfeed, acks: 0 },
        Event::BatchRetried { at: at(), records: 2, error, backoff_ms: 100 },
        Event::BatchFailed { at: at(), records: 2, error: ErrorCode::Unknown(999) },
        Event::PositionSet { at: at(), offset: 9, by: "auto.offset.reset" },
        Event::ReadReplicaChosen { at: at(), replica: 3 },
        Event::RecordsFetched { at: at(), offsets },
        Event::RecordsConsumed { at: at(), offsets },
        Event::RecordsRepeated { group: "dashboards".into(), at: at(), offsets },
        Event::RecordsAcquired { group: "jobs".into(), at: at(), offsets, delivery: 1 },
        Event::RecordsAcquired { group: "jobs".into(), at: at(), offsets, delivery: 3 },
        Event::RecordRefused { group: "jobs".into(), at: at(), offset: 9, then: "release" },
        Event::RecordsAcknowledged {
            group: "jobs".into(),
            at: at(),
            offsets,
            then: "accept",
            error: ErrorCode::None,
        },
        Event::RecordsAcknowledged {
            group: "jobs".into(),
            at: at(),
            offsets,
            then: "reject",
            error: ErrorCode::InvalidRecordState,
        },
        Event::MetadataStale { error },
        Event::MetadataRefreshed { brokers: 3 },
        Event::ClientError { error, detail: "".into() },
        Event::ClientError { error, detail: "no offset is negative".into() },
    ]
}
