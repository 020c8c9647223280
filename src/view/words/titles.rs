//! Headlines and labels: what fits beside a moving dot or over a sentence.

use crate::base::FrameKind;
use crate::protocol::TopicPartition;
use crate::sim::Flight;
use crate::trace::{Entry, Event, Frame, Offsets, Role};

use super::consumer_groups;
use super::frames::{answer, ask};
use super::phrases::{duration_ms, error, ids, member, partition_label, quoted};
use super::shares;
use super::zookeeper;
use super::{Names, names::capitalised};

/// A frame beside its dot: `Produce · 2`, `Fetch from 9`, `3 records`.
pub fn flight_label(flight: &Flight, names: &Names) -> String {
    frame_label(&flight.frame, names)
}

/// The same for any frame.
pub fn frame_label(frame: &Frame, names: &Names) -> String {
    match frame.info.kind {
        FrameKind::Request => ask(frame, "", names).label,
        FrameKind::Response => answer(frame, names).label,
    }
}

/// Under the headline: `rider-updates 0 · broker 1 · 00:04.212 · event 318`.
pub fn subtitle(entry: &Entry, names: &Names) -> String {
    let mut parts = Vec::new();
    parts.extend(place(&entry.event).map(partition_label));
    if entry.node.0 != 0 {
        parts.push(names.node(entry.node));
    }
    parts.push(entry.time.to_string());
    parts.push(format!("event {}", entry.seq));
    parts.join(" · ")
}

/// The partition that an event is about.
pub(in crate::view) fn place(event: &Event) -> Option<&TopicPartition> {
    match event {
        Event::RecordsAppended { at, .. }
        | Event::SegmentRolled { at, .. }
        | Event::SegmentsDeleted { at, .. }
        | Event::LogCleaned { at, .. }
        | Event::LogTruncated { at, .. }
        | Event::LogRecovered { at, .. }
        | Event::LogFlushed { at, .. }
        | Event::HighWatermarkAdvanced { at, .. }
        | Event::BecameLeader { at, .. }
        | Event::BecameFollower { at, .. }
        | Event::EpochEndLearned { at, .. }
        | Event::ReplicationThrottled { at, .. }
        | Event::IsrProposed { at, .. }
        | Event::PartitionChanged { at, .. }
        | Event::EligibleLeadersChanged { at, .. }
        | Event::LeaderElected { at, .. }
        | Event::ProduceWaits { at, .. }
        | Event::ProduceAnswered { at, .. }
        | Event::OffsetCommitted { at, .. }
        | Event::RecordQueued { at, .. }
        | Event::BatchSent { at, .. }
        | Event::BatchAcknowledged { at, .. }
        | Event::BatchRetried { at, .. }
        | Event::BatchFailed { at, .. }
        | Event::PositionSet { at, .. }
        | Event::ReadReplicaChosen { at, .. }
        | Event::RecordsFetched { at, .. }
        | Event::RecordsConsumed { at, .. }
        | Event::RecordsRepeated { at, .. }
        | Event::RecordsAcquired { at, .. }
        | Event::RecordRefused { at, .. }
        | Event::RecordsAcknowledged { at, .. }
        | Event::ShareRecordsChanged { at, .. }
        | Event::ShareStartOffsetMoved { at, .. } => Some(at),
        _ => None,
    }
}

/// A headline: `High watermark 7 → 9`.
pub fn title(entry: &Entry, names: &Names) -> String {
    let who = |node| names.node_short(node);
    match &entry.event {
        Event::Commanded { what } => capitalised(&quoted(what)),
        Event::NodeStarted => format!("{} started", capitalised(&who(entry.node))),
        Event::NodeKilled => format!("{} killed", capitalised(&who(entry.node))),
        Event::NodeStopped => format!("{} ended", capitalised(&who(entry.node))),
        Event::PowerLost { .. } => format!("{} lost power", capitalised(&who(entry.node))),
        Event::NodePaused => format!("{} paused", capitalised(&who(entry.node))),
        Event::NodeResumed => format!("{} resumed", capitalised(&who(entry.node))),
        Event::LinkCut { a, b } => format!("Link {} cut", link(names, *a, *b)),
        Event::LinkHealed { a, b } => format!("Link {} mended", link(names, *a, *b)),
        Event::LinkSlowed { a, b, latency_us } => {
            let latency = duration_ms((latency_us / 1_000) as i64);
            format!("Link {} slowed to {latency}", link(names, *a, *b))
        }
        Event::InvariantViolated { invariant, .. } => format!("Broken promise: {invariant}"),
        Event::ConnectionOpened { to, .. } => format!("Connection to {} opened", who(*to)),
        Event::ConnectionClosed { peer, .. } => format!("Connection to {} ended", who(*peer)),
        Event::Sent { frame, .. } => match frame.info.kind {
            FrameKind::Request => format!("{} sent", frame_label(frame, names)),
            FrameKind::Response => format!("Answered: {}", frame_label(frame, names)),
        },
        Event::Received { frame, .. } => match frame.info.kind {
            FrameKind::Request => format!("{} arrived", frame_label(frame, names)),
            FrameKind::Response => format!("Answer arrived: {}", frame_label(frame, names)),
        },
        Event::Lost { frame, .. } => format!("{} lost", frame_label(frame, names)),
        Event::TimerFired { timer } => format!("Timer: {}", timer.replace('_', " ")),
        Event::RequestRejected { .. } => "Request rejected".to_owned(),
        event => log_title(event),
    }
}

fn link(names: &Names, a: crate::base::NodeId, b: crate::base::NodeId) -> String {
    let short = |node| {
        let name = names.node_short(node);
        name.strip_prefix("broker ").map_or(name.clone(), str::to_owned)
    };
    format!("{}–{}", short(a), short(b))
}

fn log_title(event: &Event) -> String {
    match event {
        Event::RecordsAppended { role, offsets, .. } => match role {
            Role::Leader => format!("{} appended", range(*offsets)),
            Role::Follower => format!("{} replicated", range(*offsets)),
        },
        Event::SegmentRolled { base_offset, .. } => format!("New segment from offset {base_offset}"),
        Event::SegmentsDeleted { offsets, .. } => format!("{} deleted", range(*offsets)),
        Event::LogCleaned { offsets, .. } => format!("Compacted up to offset {}", offsets.to),
        Event::LogTruncated { offsets, .. } => format!("{} cut off", range(*offsets)),
        Event::LogRecovered { log_end_offset, .. } => format!("Log checked up to offset {log_end_offset}"),
        Event::LogFlushed { offset, .. } => format!("On disk up to offset {offset}"),
        Event::HighWatermarkAdvanced { offsets: Offsets { from, to }, role, .. } => match role {
            Role::Leader => format!("High watermark {from} → {to}"),
            Role::Follower => format!("Follower's high watermark {from} → {to}"),
        },
        Event::BecameLeader { leader_epoch, .. } => format!("Leads in epoch {leader_epoch}"),
        Event::BecameFollower { leader, leader_epoch, .. } => {
            format!("Follows broker {leader} in epoch {leader_epoch}")
        }
        Event::EpochEndLearned { leader_epoch, end_offset, .. } => {
            format!("Epoch {leader_epoch} ends at {end_offset}")
        }
        Event::ReplicationThrottled { .. } => "Replication throttled".to_owned(),
        Event::IsrProposed { from, to, .. } => format!("In-sync replicas {} → {} wanted", ids(from), ids(to)),
        Event::PartitionChanged { isr, leader, .. } => match leader {
            -1 => "No leader".to_owned(),
            leader => format!("Leader {leader}, in sync {}", ids(isr)),
        },
        Event::LeaderElected { leader: -1, .. } => "No leader could be elected".to_owned(),
        Event::LeaderElected { leader, leader_epoch, .. } => {
            format!("Broker {leader} elected, epoch {leader_epoch}")
        }
        Event::TopicCreated { topic, .. } => format!("Topic {topic} created"),
        Event::TopicDeleted { topic } => format!("Topic {topic} deleted"),
        Event::BrokerRegistered { broker, .. } => format!("Broker {broker} registered"),
        Event::BrokerUnfenced { broker } => format!("Broker {broker} in service"),
        Event::BrokerShutsDown { broker } => format!("Broker {broker} to shut down"),
        Event::BrokerFenced { broker } => format!("Broker {broker} fenced"),
        Event::ConfigChanged { name, .. } => format!("Config {name} changed"),
        Event::MetadataApplied { offset } => format!("Metadata known up to offset {offset}"),
        Event::QuorumStateChanged { to, epoch, .. } => format!("Now {to}, epoch {epoch}"),
        Event::VotesRequested { epoch, pre_vote: true } => format!("Pre-vote, epoch {epoch}"),
        Event::VotesRequested { epoch, .. } => format!("Candidate, epoch {epoch}"),
        Event::VoteCast { epoch, granted: true, .. } => format!("Vote granted, epoch {epoch}"),
        Event::VoteCast { epoch, .. } => format!("Vote refused, epoch {epoch}"),
        Event::ControllerElected { epoch, .. } => format!("Controller elected, epoch {epoch}"),
        Event::ControllerActivated { epoch, .. } => format!("Active controller, epoch {epoch}"),
        Event::ControllerResigned { epoch, .. } => format!("Controller resigned, epoch {epoch}"),
        Event::MetadataCommitted { offsets, .. } => format!("Metadata committed up to offset {}", offsets.to),
        Event::EligibleLeadersChanged { elr, .. } => match &elr[..] {
            [] => "No eligible leader replicas".to_owned(),
            elr => format!("Eligible leaders: {}", ids(elr)),
        },
        Event::SnapshotCreated { end_offset, .. } => format!("Snapshot before offset {end_offset}"),
        Event::SnapshotFetched { end_offset, .. } => format!("Snapshot before offset {end_offset} asked for"),
        Event::SnapshotLoaded { end_offset, .. } => format!("Snapshot before offset {end_offset} loaded"),
        Event::MetadataLogCleaned { log_start_offset } => {
            format!("Metadata log from offset {log_start_offset}")
        }
        Event::ProduceWaits { until_offset, .. } => format!("Produce waits for offset {until_offset}"),
        Event::ProduceAnswered { error: code, base_offset, .. } => match code {
            crate::protocol::ErrorCode::None => format!("Produce answered: offset {base_offset}"),
            code => format!("Produce refused: {}", error(*code)),
        },
        Event::ClientThrottled { client, throttle_time_ms, .. } => {
            format!("{client} waits {}", duration_ms(i64::from(*throttle_time_ms)))
        }
        Event::FetchWaits { max_wait_ms, .. } => {
            format!("Fetch waits up to {}", duration_ms(i64::from(*max_wait_ms)))
        }
        event => group_title(event),
    }
}

fn group_title(event: &Event) -> String {
    match event {
        Event::CoordinatorElected { .. } => "Coordinator elected".to_owned(),
        Event::CoordinatorResigned { .. } => "Coordinator resigned".to_owned(),
        Event::GroupStateChanged { group, to, .. } => format!("Group {group}: {to}"),
        Event::MemberJoined { group, member: id, .. } => format!("{} joined {group}", member(id)),
        Event::MemberLeft { group, member: id, .. } => format!("{} left {group}", member(id)),
        Event::MemberAssigned { member: id, generation, .. } => {
            format!("Partitions for {}, generation {generation}", member(id))
        }
        Event::OffsetCommitted { group, offset, .. } => format!("{group} committed offset {offset}"),
        Event::RebalanceStarted { group, .. } => format!("Group {group} rebalances"),
        Event::RecordQueued { record, .. } => format!("Record {record} queued"),
        Event::BatchSent { records, .. } => format!("Batch of {records} sent"),
        Event::BatchAcknowledged { base_offset: ..0, .. } => "Batch acknowledged".to_owned(),
        Event::BatchAcknowledged { base_offset, .. } => format!("Batch acknowledged at offset {base_offset}"),
        Event::BatchRetried { error: code, .. } => format!("Batch failed: {}", error(*code)),
        Event::BatchFailed { error: code, .. } => format!("Batch given up: {}", error(*code)),
        Event::PartitionsAssigned { partitions, .. } => match partitions.len() {
            1 => "1 partition assigned".to_owned(),
            n => format!("{n} partitions assigned"),
        },
        Event::PartitionsRevoked { partitions, .. } => match partitions.len() {
            1 => "1 partition revoked".to_owned(),
            n => format!("{n} partitions revoked"),
        },
        Event::PartitionsLost { partitions, .. } => match partitions.len() {
            1 => "1 partition lost".to_owned(),
            n => format!("{n} partitions lost"),
        },
        Event::MemberStateChanged { to, .. } => format!("Member is {to}"),
        Event::ListenerEntered { listener, .. } => format!("{listener} called"),
        Event::ListenerLeft { listener, .. } => format!("{listener} returned"),
        Event::PositionSet { offset, .. } => format!("Position set to {offset}"),
        Event::ReadReplicaChosen { replica, .. } => format!("Reads from broker-{replica}"),
        Event::RecordsFetched { offsets, .. } => format!("{} fetched", range(*offsets)),
        Event::RecordsConsumed { offsets, .. } => format!("{} consumed", range(*offsets)),
        Event::RecordsRepeated { offsets, .. } => format!("{} processed again", range(*offsets)),
        Event::MetadataStale { .. } => "Metadata out of date".to_owned(),
        Event::MetadataRefreshed { .. } => "Metadata refreshed".to_owned(),
        Event::ClientError { error: code, .. } => format!("Client error: {}", error(*code)),
        event => (consumer_groups::title(event).or_else(|| shares::title(event)))
            .or_else(|| zookeeper::title(event))
            .unwrap_or_else(|| "Something happened".to_owned()),
    }
}

/// `Offset 7`, `Offsets 7–8`.
pub(super) fn range(offsets: Offsets) -> String {
    match offsets.to.saturating_sub(offsets.from) {
        ..=0 => "Nothing".to_owned(),
        1 => format!("Offset {}", offsets.from),
        _ => format!("Offsets {}–{}", offsets.from, offsets.to.saturating_sub(1)),
    }
}
