//! Which events belong together, and which can be looked for.

use crate::base::FrameKind;
use crate::protocol::TopicPartition;
use crate::trace::{Event, Role};

/// A row of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// Requests, responses and connections.
    Requests,
    /// What happened to logs and their high watermarks.
    Log,
    /// Members, generations, committed offsets.
    Groups,
    /// What somebody did to the world, and promises broken.
    Faults,
    /// Producers and consumers by themselves.
    Clients,
    /// Elections, registrations, in-sync replicas.
    Controller,
}

impl Category {
    /// Every row, from above.
    pub const ALL: [Category; 6] = [
        Category::Requests,
        Category::Log,
        Category::Groups,
        Category::Faults,
        Category::Clients,
        Category::Controller,
    ];

    /// Its name on the page.
    pub fn label(self) -> &'static str {
        match self {
            Category::Requests => "requests",
            Category::Log => "log",
            Category::Groups => "groups",
            Category::Faults => "faults",
            Category::Clients => "clients",
            Category::Controller => "controller",
        }
    }
}

/// Where an event belongs.
pub fn category(event: &Event) -> Category {
    match event {
        Event::Commanded { .. }
        | Event::NodeStarted
        | Event::NodeKilled
        | Event::NodeStopped
        | Event::PowerLost { .. }
        | Event::NodePaused
        | Event::NodeResumed
        | Event::LinkCut { .. }
        | Event::LinkHealed { .. }
        | Event::LinkSlowed { .. }
        | Event::InvariantViolated { .. } => Category::Faults,
        Event::ConnectionOpened { .. }
        | Event::ConnectionClosed { .. }
        | Event::Sent { .. }
        | Event::Received { .. }
        | Event::Lost { .. }
        | Event::TimerFired { .. }
        | Event::RequestRejected { .. }
        | Event::ProduceWaits { .. }
        | Event::ProduceAnswered { .. }
        | Event::ClientThrottled { .. }
        | Event::FetchWaits { .. } => Category::Requests,
        Event::RecordsAppended { .. }
        | Event::SegmentRolled { .. }
        | Event::SegmentsDeleted { .. }
        | Event::LogCleaned { .. }
        | Event::LogTruncated { .. }
        | Event::LogRecovered { .. }
        | Event::LogFlushed { .. }
        | Event::HighWatermarkAdvanced { .. }
        | Event::EpochEndLearned { .. } => Category::Log,
        Event::BecameLeader { .. }
        | Event::BecameFollower { .. }
        | Event::ReplicationThrottled { .. }
        | Event::IsrProposed { .. }
        | Event::PartitionChanged { .. }
        | Event::EligibleLeadersChanged { .. }
        | Event::LeaderElected { .. }
        | Event::TopicCreated { .. }
        | Event::TopicDeleted { .. }
        | Event::BrokerRegistered { .. }
        | Event::BrokerUnfenced { .. }
        | Event::BrokerShutsDown { .. }
        | Event::BrokerFenced { .. }
        | Event::ConfigChanged { .. }
        | Event::MetadataApplied { .. }
        | Event::QuorumStateChanged { .. }
        | Event::VotesRequested { .. }
        | Event::VoteCast { .. }
        | Event::ControllerElected { .. }
        | Event::ControllerActivated { .. }
        | Event::ControllerResigned { .. }
        | Event::MetadataCommitted { .. }
        | Event::SnapshotCreated { .. }
        | Event::SnapshotFetched { .. }
        | Event::SnapshotLoaded { .. }
        | Event::MetadataLogCleaned { .. }
        | Event::SessionOpened { .. }
        | Event::SessionExpired { .. }
        | Event::ZNodeChanged { .. }
        | Event::WatchFired { .. }
        | Event::ControllerClaimed { .. }
        | Event::ControllerLoaded { .. } => Category::Controller,
        Event::CoordinatorElected { .. }
        | Event::CoordinatorResigned { .. }
        | Event::GroupStateChanged { .. }
        | Event::MemberJoined { .. }
        | Event::MemberLeft { .. }
        | Event::MemberAssigned { .. }
        | Event::OffsetCommitted { .. }
        | Event::RebalanceStarted { .. }
        | Event::GroupEpochBumped { .. }
        | Event::TargetAssigned { .. }
        | Event::MemberReconciled { .. }
        | Event::MemberFenced { .. }
        | Event::RegexResolved { .. }
        | Event::GroupMigrated { .. }
        | Event::ShareRecordsChanged { .. }
        | Event::ShareStartOffsetMoved { .. }
        | Event::PartitionsAssigned { .. }
        | Event::PartitionsRevoked { .. }
        | Event::PartitionsLost { .. }
        | Event::MemberStateChanged { .. }
        | Event::ListenerEntered { .. }
        | Event::ListenerLeft { .. } => Category::Groups,
        Event::RecordQueued { .. }
        | Event::BatchSent { .. }
        | Event::BatchAcknowledged { .. }
        | Event::BatchRetried { .. }
        | Event::BatchFailed { .. }
        | Event::PositionSet { .. }
        | Event::ReadReplicaChosen { .. }
        | Event::RecordsFetched { .. }
        | Event::RecordsConsumed { .. }
        | Event::RecordsRepeated { .. }
        | Event::RecordsAcquired { .. }
        | Event::RecordRefused { .. }
        | Event::RecordsAcknowledged { .. }
        | Event::MetadataStale { .. }
        | Event::MetadataRefreshed { .. }
        | Event::ClientError { .. } => Category::Clients,
    }
}

macro_rules! step_kinds {
    ($($(#[doc = $doc:literal])* $kind:ident, $name:literal, $label:literal;)*) => {
        /// A kind of event that one can step to. Internal topics do not count.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum StepKind {
            $($(#[doc = $doc])* $kind,)*
        }

        impl StepKind {
            /// Every kind, the most wanted first.
            pub const ALL: &'static [StepKind] = &[$(StepKind::$kind),*];

            /// What comes after "to the next": `record appended`.
            pub const fn label(self) -> &'static str {
                match self {
                    $(StepKind::$kind => $label,)*
                }
            }

            /// A name without spaces, for links and `value` attributes.
            pub const fn name(self) -> &'static str {
                match self {
                    $(StepKind::$kind => $name,)*
                }
            }
        }
    };
}

step_kinds! {
    /// A leader wrote records.
    RecordAppended, "appended", "record appended";
    /// A follower wrote records.
    RecordReplicated, "replicated", "record replicated";
    /// A leader's high watermark rose.
    RecordCommitted, "committed", "record committed";
    /// A producer heard that its batch is stored.
    RecordAcknowledged, "acknowledged", "record acknowledged";
    /// An application processed records.
    RecordConsumed, "consumed", "record consumed";
    /// A request left.
    RequestSent, "request", "request sent";
    /// A producer tries again, or gives up.
    Retry, "retry", "retry or failure";
    /// A group committed an offset.
    OffsetCommitted, "offset", "offset committed";
    /// Somebody is in a group.
    MemberJoined, "joined", "member joined";
    /// Somebody is out of it.
    MemberLeft, "left", "member left";
    /// A group began to rebalance.
    Rebalance, "rebalance", "rebalance";
    /// A consumer got partitions.
    PartitionsAssigned, "assigned", "partitions assigned";
    /// A partition got a leader.
    LeaderElected, "leader", "leader elected";
    /// A leader wants, or the controller decided, another ISR.
    IsrChanged, "isr", "in-sync replicas changed";
    /// A log lost its end.
    LogTruncated, "truncated", "log truncated";
    /// Somebody or something broke.
    Fault, "fault", "fault or command";
    /// A promise was broken.
    Violation, "violation", "broken promise";
}

impl StepKind {
    /// The kind with this [`StepKind::name`].
    pub fn named(name: &str) -> Option<StepKind> {
        StepKind::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Whether the event is of this kind.
    pub fn matches(self, event: &Event) -> bool {
        match (self, event) {
            (StepKind::RecordAppended, Event::RecordsAppended { at, role: Role::Leader, .. }) => seen(at),
            (StepKind::RecordReplicated, Event::RecordsAppended { at, role: Role::Follower, .. }) => seen(at),
            (StepKind::RecordCommitted, Event::HighWatermarkAdvanced { at, role: Role::Leader, .. }) => {
                seen(at)
            }
            (StepKind::LeaderElected, Event::LeaderElected { at, .. }) => seen(at),
            (StepKind::LogTruncated, Event::LogTruncated { at, .. }) => seen(at),
            (StepKind::IsrChanged, Event::PartitionChanged { at, .. } | Event::IsrProposed { at, .. }) => {
                seen(at)
            }
            (StepKind::RequestSent, Event::Sent { frame, .. }) => frame.info.kind == FrameKind::Request,
            (StepKind::RecordAcknowledged, Event::BatchAcknowledged { .. })
            | (StepKind::RecordConsumed, Event::RecordsConsumed { .. })
            | (StepKind::Retry, Event::BatchRetried { .. } | Event::BatchFailed { .. })
            | (StepKind::OffsetCommitted, Event::OffsetCommitted { .. })
            | (StepKind::MemberJoined, Event::MemberJoined { .. })
            | (StepKind::MemberLeft, Event::MemberLeft { .. })
            | (StepKind::Rebalance, Event::RebalanceStarted { .. } | Event::GroupEpochBumped { .. })
            | (StepKind::PartitionsAssigned, Event::PartitionsAssigned { .. })
            | (StepKind::Violation, Event::InvariantViolated { .. }) => true,
            (StepKind::Fault, Event::NodeStarted | Event::InvariantViolated { .. }) => false,
            (StepKind::Fault, event) => category(event) == Category::Faults,
            _ => false,
        }
    }
}

fn seen(at: &TopicPartition) -> bool {
    !at.topic.starts_with("__")
}
