//! The vocabulary of what happened. Machines and the world speak it; checkers, views,
//! narration and the `--trace` file read it.
//!
//! Must not know who says a thing or who reads it. An event is a fact in Kafka's words, never
//! an instruction.

use std::sync::Arc;

use serde::Serialize;

use crate::base::{self, CloseReason, ConnId, FrameInfo, NodeId, Rope, SimTime};
use crate::protocol::{ErrorCode, TopicPartition};

/// The machine contract with this vocabulary.
pub type Ctx<'a, T> = base::Ctx<'a, T, Event>;

/// One line of the trace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// When.
    #[serde(rename = "t_us")]
    pub time: SimTime,
    /// Which: entries are numbered from 1 without gaps.
    pub seq: u64,
    /// The entry that led to this one; 0 when it came from outside.
    pub cause: u64,
    /// Where; 0 is the world itself.
    pub node: NodeId,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// A frame on its way. Its bytes are kept for the inspector and left out of trace files.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Frame {
    /// What the sender says it is.
    #[serde(flatten)]
    pub info: FrameInfo,
    /// Size without the length prefix.
    pub size_bytes: u32,
    /// Header and body.
    #[serde(skip)]
    pub bytes: Rope,
}

/// Leader or follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Takes writes.
    Leader,
    /// Copies them.
    Follower,
}

/// A half-open range of offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Offsets {
    /// The first.
    pub from: i64,
    /// One past the last.
    pub to: i64,
}

/// What a member shall have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemberTarget {
    /// Member id.
    pub member: Arc<str>,
    /// Its partitions.
    pub partitions: Vec<TopicPartition>,
}

/// Something that happened.
#[expect(missing_docs, reason = "the fields are Kafka's words and say themselves what they are")]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    // --- the world ---
    /// Somebody outside changed something; `what` says it in a few words.
    Commanded { what: Arc<str> },
    /// A process started.
    NodeStarted,
    /// A process died; its machine lives on, and so does the page cache.
    NodeKilled,
    /// A process came to its end by itself, with all that it wrote on disk.
    NodeStopped,
    /// A machine lost power: what was not flushed is gone.
    PowerLost { lost_bytes: u64 },
    /// A process stands still, as in a long garbage collection.
    NodePaused,
    /// It moves again.
    NodeResumed,
    /// Nothing gets through between two nodes.
    LinkCut { a: NodeId, b: NodeId },
    /// It gets through again.
    LinkHealed { a: NodeId, b: NodeId },
    /// A link got another latency.
    LinkSlowed { a: NodeId, b: NodeId, latency_us: u64 },
    /// A checker found that a promise was broken.
    InvariantViolated { invariant: &'static str, detail: Arc<str> },

    // --- the network ---
    /// A connection was asked for.
    ConnectionOpened { conn: ConnId, to: NodeId },
    /// A connection ended, as seen here.
    ConnectionClosed { conn: ConnId, peer: NodeId, reason: CloseReason },
    /// A frame left.
    Sent { conn: ConnId, to: NodeId, frame: Frame },
    /// A frame arrived.
    Received { conn: ConnId, from: NodeId, frame: Frame },
    /// A frame will never arrive.
    Lost { conn: ConnId, to: NodeId, frame: Frame },
    /// A timer ran out.
    TimerFired { timer: &'static str },
    /// A request was refused as a whole.
    RequestRejected { conn: ConnId, reason: Arc<str> },

    // --- the log ---
    /// Records were written at the end of a replica's log.
    RecordsAppended {
        #[serde(flatten)]
        at: TopicPartition,
        role: Role,
        offsets: Offsets,
        leader_epoch: i32,
        size_bytes: u32,
    },
    /// A new segment was begun.
    SegmentRolled {
        #[serde(flatten)]
        at: TopicPartition,
        base_offset: i64,
    },
    /// Old segments were deleted; `offsets` are gone.
    SegmentsDeleted {
        #[serde(flatten)]
        at: TopicPartition,
        offsets: Offsets,
    },
    /// A log was compacted from `offsets.from` to `offsets.to`: of so many records a later one has the
    /// key, and so many tombstones have stayed for long enough.
    LogCleaned {
        #[serde(flatten)]
        at: TopicPartition,
        offsets: Offsets,
        replaced: u32,
        tombstones: u32,
        bytes_before: u64,
        bytes_after: u64,
    },
    /// The end of a log was cut off, by what a leader of this epoch has; −1: by the rule from before KIP-101.
    LogTruncated {
        #[serde(flatten)]
        at: TopicPartition,
        offsets: Offsets,
        leader_epoch: i32,
    },
    /// A log was checked after an unclean end.
    LogRecovered {
        #[serde(flatten)]
        at: TopicPartition,
        truncated_bytes: u64,
        log_end_offset: i64,
    },
    /// A log is durable up to here.
    LogFlushed {
        #[serde(flatten)]
        at: TopicPartition,
        offset: i64,
    },
    /// A replica's high watermark rose; on the leader, `offsets` are now committed.
    HighWatermarkAdvanced {
        #[serde(flatten)]
        at: TopicPartition,
        role: Role,
        offsets: Offsets,
    },

    // --- replication and the controller ---
    /// This replica leads now.
    BecameLeader {
        #[serde(flatten)]
        at: TopicPartition,
        leader_epoch: i32,
    },
    /// This replica follows now.
    BecameFollower {
        #[serde(flatten)]
        at: TopicPartition,
        leader: i32,
        leader_epoch: i32,
    },
    /// A follower learnt where its leader's epoch ends, to truncate by it.
    EpochEndLearned {
        #[serde(flatten)]
        at: TopicPartition,
        leader_epoch: i32,
        end_offset: i64,
    },
    /// A replication throttle is used up: a leader keeps records back, or a follower asks for none.
    ReplicationThrottled {
        #[serde(flatten)]
        at: TopicPartition,
        role: Role,
    },
    /// The leader asks the controller for another ISR.
    IsrProposed {
        #[serde(flatten)]
        at: TopicPartition,
        from: Vec<i32>,
        to: Vec<i32>,
    },
    /// The controller decided: another ISR, perhaps another leader (−1: none).
    PartitionChanged {
        #[serde(flatten)]
        at: TopicPartition,
        leader: i32,
        leader_epoch: i32,
        partition_epoch: i32,
        isr: Vec<i32>,
    },
    /// A leader was chosen (−1: none could be).
    LeaderElected {
        #[serde(flatten)]
        at: TopicPartition,
        leader: i32,
        leader_epoch: i32,
    },
    /// A topic was created.
    TopicCreated { topic: Arc<str>, partitions: u32, replication_factor: u32 },
    /// These replicas are out of sync and may lead all the same, since they have all that is committed.
    EligibleLeadersChanged {
        #[serde(flatten)]
        at: TopicPartition,
        elr: Vec<i32>,
    },
    /// A topic was deleted, with its partitions.
    TopicDeleted { topic: Arc<str> },
    /// A broker registered with the controller.
    BrokerRegistered { broker: i32, broker_epoch: i64 },
    /// The controller lets a broker lead and join in-sync replicas.
    BrokerUnfenced { broker: i32 },
    /// A broker wants to end: the controller makes others lead in its place (controlled shutdown).
    BrokerShutsDown { broker: i32 },
    /// The controller no longer counts on a broker.
    BrokerFenced { broker: i32 },
    /// A config was changed.
    ConfigChanged { resource: Arc<str>, name: Arc<str>, value: Option<Arc<str>> },
    /// A broker's picture of the metadata reaches this offset of the metadata log.
    MetadataApplied { offset: i64 },

    // --- the controllers' quorum ---
    /// A voter of the quorum goes from one state to another; −1: it knows no leader.
    QuorumStateChanged { from: &'static str, to: &'static str, epoch: i32, leader: i32, why: &'static str },
    /// A voter asks the others for their votes; with a pre-vote, whether they would give them.
    VotesRequested { epoch: i32, pre_vote: bool },
    /// A voter gave or refused its vote.
    VoteCast { candidate: i32, epoch: i32, pre_vote: bool, granted: bool, why: &'static str },
    /// A controller was elected, with these votes.
    ControllerElected { epoch: i32, votes: Vec<i32> },
    /// The elected controller has all of the log, knows that it is committed, and decides from now on.
    ControllerActivated { epoch: i32, offset: i64 },
    /// A controller leads no more.
    ControllerResigned { epoch: i32, why: &'static str },
    /// Records of the metadata log are known to be committed here.
    MetadataCommitted { role: Role, epoch: i32, offsets: Offsets },
    /// A snapshot of the metadata before this offset is on the disk.
    SnapshotCreated { end_offset: i64, epoch: i32, size_bytes: u64 },
    /// The leader's metadata log begins after this one ends: its snapshot is fetched.
    SnapshotFetched { end_offset: i64, epoch: i32 },
    /// A snapshot that the leader sent takes the place of the metadata log.
    SnapshotLoaded { end_offset: i64, epoch: i32, size_bytes: u64 },
    /// What snapshots tell is deleted from the metadata log: it begins here now.
    MetadataLogCleaned { log_start_offset: i64 },

    // --- ZooKeeper ---
    /// A client has a session with ZooKeeper.
    SessionOpened { session: i64, client: NodeId, timeout_ms: u32 },
    /// ZooKeeper has not heard of a session for its timeout: it is over.
    SessionExpired { session: i64 },
    /// A znode was created, deleted, or holds something else.
    ZNodeChanged { path: Arc<str>, change: &'static str, zxid: i64 },
    /// Whoever watches a znode is told, once.
    WatchFired { path: Arc<str>, change: &'static str, client: NodeId },
    /// This broker was the first to create `/controller`: it is the controller, and reads everything.
    ControllerClaimed { epoch: i32 },
    /// It has read everything, and decides from now on.
    ControllerLoaded { epoch: i32, brokers: u32, topics: u32, partitions: u32 },

    // --- requests that wait ---
    /// A produce request waits for its in-sync replicas.
    ProduceWaits {
        #[serde(flatten)]
        at: TopicPartition,
        until_offset: i64,
    },
    /// A produce request is answered for this partition.
    ProduceAnswered {
        #[serde(flatten)]
        at: TopicPartition,
        error: ErrorCode,
        base_offset: i64,
    },
    /// A client has used its quota up: it is told to wait, and not listened to for so long.
    ClientThrottled { conn: ConnId, client: Arc<str>, throttle_time_ms: i32 },
    /// A fetch waits for records.
    FetchWaits { conn: ConnId, max_wait_ms: i32 },

    // --- groups ---
    /// A broker coordinates the groups of this partition of `__consumer_offsets`.
    CoordinatorElected { partition: i32, groups: u32 },
    /// A broker gave that up.
    CoordinatorResigned { partition: i32 },
    /// A group changed its state.
    GroupStateChanged { group: Arc<str>, from: &'static str, to: &'static str, generation: i32 },
    /// A member is in.
    MemberJoined { group: Arc<str>, member: Arc<str>, client: Arc<str> },
    /// A member is out; `reason` says why in a few words.
    MemberLeft { group: Arc<str>, member: Arc<str>, reason: &'static str },
    /// The group's leader handed out partitions.
    MemberAssigned { group: Arc<str>, member: Arc<str>, generation: i32, partitions: Vec<TopicPartition> },
    /// A group's committed offset.
    OffsetCommitted {
        group: Arc<str>,
        #[serde(flatten)]
        at: TopicPartition,
        offset: i64,
    },
    /// A group was told that it must rebalance; `reason` says why in a few words.
    RebalanceStarted { group: Arc<str>, reason: Arc<str> },

    /// A consumer group's epoch rose (KIP-848); `reason` says why in a few words.
    GroupEpochBumped { group: Arc<str>, group_epoch: i32, reason: Arc<str> },
    /// A consumer group's coordinator decided who shall have what.
    TargetAssigned {
        group: Arc<str>,
        assignment_epoch: i32,
        assignor: &'static str,
        targets: Vec<MemberTarget>,
    },
    /// A member of a consumer group came a step nearer to its target: it may have `assigned`, has to
    /// give up `revoking`, and waits for others to give up `awaiting`.
    MemberReconciled {
        group: Arc<str>,
        member: Arc<str>,
        member_epoch: i32,
        state: &'static str,
        assigned: Vec<TopicPartition>,
        revoking: Vec<TopicPartition>,
        awaiting: Vec<TopicPartition>,
    },
    /// A member of a consumer group was turned away: it has to give up what it has.
    MemberFenced { group: Arc<str>, member: Arc<str>, error: ErrorCode },
    /// A group's regular expression matches these topics by now.
    RegexResolved { group: Arc<str>, regex: Arc<str>, topics: Vec<Arc<str>> },
    /// Records of a share group changed their state (KIP-932): a `member` has them, or had them;
    /// `reason` says why in a few words.
    ShareRecordsChanged {
        group: Arc<str>,
        member: Arc<str>,
        #[serde(flatten)]
        at: TopicPartition,
        offsets: Offsets,
        state: &'static str,
        delivery_count: i16,
        reason: &'static str,
    },
    /// A share group is done with everything before this offset.
    ShareStartOffsetMoved {
        group: Arc<str>,
        #[serde(flatten)]
        at: TopicPartition,
        offset: i64,
    },
    /// A group went from one protocol to the other.
    GroupMigrated { group: Arc<str>, from: &'static str, to: &'static str },

    // --- producers ---
    /// A record waits in the accumulator for its batch to be sent.
    RecordQueued {
        #[serde(flatten)]
        at: TopicPartition,
        record: u64,
        key: Option<Arc<str>>,
    },
    /// A batch was put into a produce request. Its CRC does not change when the broker gives
    /// it offsets, so it names the batch from here to every replica's log.
    BatchSent {
        #[serde(flatten)]
        at: TopicPartition,
        records: u32,
        attempt: u32,
        crc: u32,
    },
    /// A batch was acknowledged; `base_offset` is −1 when the broker did not tell.
    BatchAcknowledged {
        #[serde(flatten)]
        at: TopicPartition,
        records: u32,
        base_offset: i64,
        crc: u32,
        acks: i16,
    },
    /// A batch failed and will be tried again.
    BatchRetried {
        #[serde(flatten)]
        at: TopicPartition,
        records: u32,
        error: ErrorCode,
        backoff_ms: u32,
    },
    /// A batch was given up: its records are reported to the application as failed.
    BatchFailed {
        #[serde(flatten)]
        at: TopicPartition,
        records: u32,
        error: ErrorCode,
    },

    // --- consumers ---
    /// A consumer owns these partitions from now on.
    PartitionsAssigned { group: Arc<str>, partitions: Vec<TopicPartition> },
    /// A consumer gave these partitions up.
    PartitionsRevoked { group: Arc<str>, partitions: Vec<TopicPartition> },
    /// A consumer's partitions are no longer its own, and may have an owner already.
    PartitionsLost { group: Arc<str>, partitions: Vec<TopicPartition> },
    /// What a consumer thinks of its membership: what it does about it, in which generation or
    /// member epoch (−1: none), and what it owns.
    MemberStateChanged {
        group: Arc<str>,
        member: Arc<str>,
        from: &'static str,
        to: &'static str,
        generation: i32,
        owned: Vec<TopicPartition>,
    },
    /// The consumer calls its application's rebalance listener, `onPartitionsRevoked` or the like.
    ListenerEntered { group: Arc<str>, listener: &'static str, partitions: Vec<TopicPartition> },
    /// The listener has returned.
    ListenerLeft { group: Arc<str>, listener: &'static str },
    /// A consumer's position was set: by a commit, by a seek (or `seekToBeginning`, `seekToEnd`,
    /// `offsetsForTimes`), by log truncation or by `auto.offset.reset`.
    PositionSet {
        #[serde(flatten)]
        at: TopicPartition,
        offset: i64,
        by: &'static str,
    },
    /// The partition's leader has told the consumer to read from this follower, which is nearer (KIP-392).
    ReadReplicaChosen {
        #[serde(flatten)]
        at: TopicPartition,
        replica: i32,
    },
    /// Records arrived in the consumer's buffer.
    RecordsFetched {
        #[serde(flatten)]
        at: TopicPartition,
        offsets: Offsets,
    },
    /// The application has processed these records.
    RecordsConsumed {
        #[serde(flatten)]
        at: TopicPartition,
        offsets: Offsets,
    },
    /// Of these records, members of the group have processed each before.
    RecordsRepeated {
        group: Arc<str>,
        #[serde(flatten)]
        at: TopicPartition,
        offsets: Offsets,
    },
    /// A member of a share group has acquired records, for the `delivery`th time in all.
    RecordsAcquired {
        group: Arc<str>,
        #[serde(flatten)]
        at: TopicPartition,
        offsets: Offsets,
        delivery: i16,
    },
    /// The application did not process an acquired record: it releases or rejects it.
    RecordRefused {
        group: Arc<str>,
        #[serde(flatten)]
        at: TopicPartition,
        offset: i64,
        then: &'static str,
    },
    /// What a member of a share group acknowledged is answered: it counts, or it does not.
    RecordsAcknowledged {
        group: Arc<str>,
        #[serde(flatten)]
        at: TopicPartition,
        offsets: Offsets,
        then: &'static str,
        error: ErrorCode,
    },
    /// A client or broker heard that its metadata is out of date.
    MetadataStale { error: ErrorCode },
    /// A client's picture of the cluster is new.
    MetadataRefreshed { brokers: u32 },
    /// Something went wrong in a client, which it reports to its application.
    ClientError { error: ErrorCode, detail: Arc<str> },
}
