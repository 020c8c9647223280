//! One sentence for every event.

use crate::base::{CloseReason, FrameKind, NodeId};
use crate::protocol::ErrorCode;
use crate::trace::{Entry, Event, Frame, Role};

use super::frames::{answer, api_name, ask};
use super::phrases::{
    count, duration_ms, error, error_with_meaning, ids, list, member, offsets, partition, quoted,
    without_uuids,
};
use super::{Names, consumer_groups, quorum, shares, zookeeper};

/// What happened, in one plain sentence, with the rule behind it where it matters.
pub fn sentence(entry: &Entry, names: &Names) -> String {
    let who = names.node_first(entry.node);
    world(entry, &who, names)
        .or_else(|| network(entry, &who, names))
        .or_else(|| log(&entry.event, &who))
        .or_else(|| controller(&entry.event, &who))
        .or_else(|| quorum::sentence(&entry.event, &who, names))
        .or_else(|| zookeeper::sentence(&entry.event, &who, names))
        .or_else(|| group(&entry.event, &who))
        .or_else(|| consumer_groups::sentence(&entry.event))
        .or_else(|| shares::sentence(&entry.event, &who))
        .or_else(|| client(&entry.event, &who))
        .unwrap_or_else(|| format!("{who} did something."))
}

fn world(entry: &Entry, who: &str, names: &Names) -> Option<String> {
    let between = |a: NodeId, b: NodeId| format!("{} and {}", names.node(a), names.node(b));
    Some(match &entry.event {
        Event::Commanded { what } if entry.node.0 == 0 => format!("Somebody said: {}.", quoted(what)),
        Event::Commanded { what } => format!("{who} was told: {}.", quoted(what)),
        Event::NodeStarted => format!("{who} started."),
        Event::NodeKilled if who.starts_with("Producer") || who.starts_with("Consumer") => {
            format!("{who} was killed: its connections end, and what it had in memory is gone.")
        }
        Event::NodeKilled => format!(
            "{who} was killed: its connections end and its memory is gone, but the page cache keeps what it wrote."
        ),
        Event::NodeStopped => format!("{who} wrote all it had to disk and ended."),
        Event::PowerLost { lost_bytes: 0 } => {
            format!("{who} lost power: all it had written was on disk, and nobody is told.")
        }
        Event::PowerLost { lost_bytes } => {
            let lost = count(i64::try_from(*lost_bytes).unwrap_or(i64::MAX), "byte");
            format!("{who} lost power: {lost} that were not flushed to disk are gone, and nobody is told.")
        }
        Event::NodePaused => {
            format!("{who} was paused: its connections stay open, but it does nothing.")
        }
        Event::NodeResumed => format!("{who} went on with what had piled up meanwhile."),
        Event::LinkCut { a, b } => {
            format!("The link between {} was cut: what they send is held up.", between(*a, *b))
        }
        Event::LinkHealed { a, b } => {
            format!("The link between {} was mended: what was held up is delivered.", between(*a, *b))
        }
        Event::LinkSlowed { a, b, latency_us } => {
            let latency = duration_ms((latency_us / 1_000) as i64);
            format!("The link between {} was slowed to {latency} one way.", between(*a, *b))
        }
        Event::InvariantViolated { invariant, detail } => {
            format!("A promise was broken, {}: {}.", quoted(invariant), quoted(detail))
        }
        _ => return None,
    })
}

#[inline(never)]
fn network(entry: &Entry, who: &str, names: &Names) -> Option<String> {
    Some(match &entry.event {
        Event::ConnectionOpened { to, .. } => format!("{who} opened a connection to {}.", names.node(*to)),
        Event::ConnectionClosed { peer, reason, .. } => {
            let peer = names.node(*peer);
            match reason {
                CloseReason::UnknownHost => format!("{who} found no host of that name."),
                CloseReason::Refused => {
                    format!("{who} could not connect to {peer}: nobody listens there.")
                }
                CloseReason::ByPeer => {
                    format!("The connection between {peer} and {} was closed.", lower(who))
                }
                CloseReason::Reset => {
                    format!("The connection between {peer} and {} broke.", lower(who))
                }
            }
        }
        Event::Sent { to, frame, .. } => sent(who, &names.node(*to), frame, names),
        Event::Received { from, frame, .. } => received(who, *from, frame, names),
        Event::Lost { to, frame, .. } => lost(entry.node, who, *to, frame, names),
        Event::TimerFired { timer: "flushed" } => {
            format!("{} disk wrote what it was asked to.", possessive(who))
        }
        Event::TimerFired { timer } => {
            format!("{} timer ran out: {}.", possessive(who), timer_meaning(timer))
        }
        Event::RequestRejected { reason, .. } => {
            format!("{who} refused a request and closed the connection: {}.", quoted(reason))
        }
        Event::ProduceWaits { at, until_offset } => format!(
            "{who} made the producer of {} wait until every in-sync replica has all before offset {until_offset}.",
            partition(at)
        ),
        Event::ProduceAnswered { at, error: ErrorCode::None, base_offset: ..0 } => {
            format!("{who} answered the produce request for {}.", partition(at))
        }
        Event::ProduceAnswered { at, error: ErrorCode::None, base_offset } => format!(
            "{who} answered the produce request: the records of {} are stored from offset {base_offset}.",
            partition(at)
        ),
        Event::ProduceAnswered { at, error, .. } => {
            let error = error_with_meaning(*error);
            format!("{who} refused the records for {} with {error}.", partition(at))
        }
        Event::ClientThrottled { client, throttle_time_ms, .. } => format!(
            "{who} has client {client} wait for {}: it has used its quota up.",
            duration_ms(i64::from(*throttle_time_ms))
        ),
        Event::FetchWaits { max_wait_ms, .. } => format!(
            "{who} had nothing new for this fetch yet and made it wait, at most {}.",
            duration_ms(i64::from(*max_wait_ms))
        ),
        _ => return None,
    })
}

fn sent(who: &str, to: &str, frame: &Frame, names: &Names) -> String {
    match frame.info.kind {
        FrameKind::Request => {
            let ask = ask(frame, to, names);
            with_rule(format!("{who} {}", ask.act), ask.rule)
        }
        FrameKind::Response => {
            let (api, gist) = (api_name(frame.info.api_key), answer(frame, names).gist);
            if api == "watch event" {
                return format!("{who} told {to}: {gist}.");
            }
            format!("{who} answered {} {api} request: {gist}.", possessive(to))
        }
    }
}

fn received(who: &str, from: NodeId, frame: &Frame, names: &Names) -> String {
    let api = api_name(frame.info.api_key);
    let from = names.node(from);
    match frame.info.kind {
        FrameKind::Request => {
            let ask = ask(frame, "", names);
            let act = format!("{who} received {} {api} request: it {}", possessive(&from), ask.act);
            with_rule(act, ask.rule)
        }
        FrameKind::Response => {
            let gist = answer(frame, names).gist;
            if api == "watch event" {
                return format!("{who} heard from {from}: {gist}.");
            }
            format!("{who} received the answer to its {api} request from {from}: {gist}.")
        }
    }
}

fn lost(node: NodeId, who: &str, to: NodeId, frame: &Frame, names: &Names) -> String {
    let api = api_name(frame.info.api_key);
    let what = match frame.info.kind {
        FrameKind::Request => "request",
        FrameKind::Response => "response",
    };
    if node == to {
        let what = with_article(&format!("{api} {what}"));
        return format!("{what} reached {}, but its connection was gone: it is lost.", lower(who));
    }
    let to = names.node(to);
    let cannot_tell = match frame.info.kind {
        FrameKind::Request => "",
        FrameKind::Response => ": whoever asked cannot know whether it was done",
    };
    let what = with_article(&format!("{api} {what}"));
    format!("{what} from {} to {to} was lost, and the connection with it{cannot_tell}.", lower(who))
}

#[inline(never)]
fn log(event: &Event, who: &str) -> Option<String> {
    Some(match event {
        Event::RecordsAppended { at, role: Role::Leader, offsets: range, leader_epoch, .. } => format!(
            "{who} wrote {} of {} to its log as leader of epoch {leader_epoch}.",
            offsets(*range),
            partition(at)
        ),
        Event::RecordsAppended { at, role: Role::Follower, offsets: range, .. } => format!(
            "{who} copied {} of {} to its log; the leader learns that with its next fetch.",
            offsets(*range),
            partition(at)
        ),
        Event::SegmentRolled { at, base_offset } => {
            format!("{who} began a new segment of {} at offset {base_offset}.", partition(at))
        }
        Event::SegmentsDeleted { at, offsets: range } => {
            format!("{who} deleted old segments of {}: {} are gone.", partition(at), offsets(*range))
        }
        Event::LogCleaned { at, offsets: range, replaced: 0, tombstones: 0, .. } => format!(
            "{who} compacted {} up to offset {}: every record there is the last of its key, all stay.",
            partition(at),
            range.to
        ),
        Event::LogCleaned { at, offsets: range, replaced, tombstones, bytes_before, bytes_after } => {
            let tombstones = match tombstones {
                0 => String::new(),
                some => format!(" and {} past delete.retention.ms", count(*some, "tombstone")),
            };
            let gone = format!("{} that have a newer value{tombstones}", count(*replaced, "record"));
            format!(
                "{who} compacted {} up to offset {}: it removed {gone}; {bytes_before} bytes became {bytes_after}.",
                partition(at),
                range.to
            )
        }
        Event::LogTruncated { at, offsets: range, leader_epoch: -1 } => format!(
            "{who} cut {} off the end of {}: it did not know them to be committed, the rule before KIP-101.",
            offsets(*range),
            partition(at)
        ),
        Event::LogTruncated { at, offsets: range, leader_epoch } => format!(
            "{who} cut {} off the end of {}: the leader of epoch {leader_epoch} has other records there.",
            offsets(*range),
            partition(at)
        ),
        Event::LogRecovered { at, truncated_bytes: 0, log_end_offset } => format!(
            "{who} checked {} after its unclean end: all is whole up to offset {log_end_offset}.",
            partition(at)
        ),
        Event::LogRecovered { at, truncated_bytes, log_end_offset } => format!(
            "{who} checked {} after its unclean end: {} of a torn batch were cut, the log ends at offset {log_end_offset}.",
            partition(at),
            count(i64::try_from(*truncated_bytes).unwrap_or(i64::MAX), "byte")
        ),
        Event::LogFlushed { at, offset } => {
            format!("{who} got everything of {} before offset {offset} onto its disk.", partition(at))
        }
        Event::HighWatermarkAdvanced { at, role: Role::Leader, offsets: range } => {
            let (have, are) = match range.to.saturating_sub(range.from) {
                1 => ("it is", "it"),
                _ => ("they are", "them"),
            };
            format!(
                "All in-sync replicas of {} have {}: {have} committed, and consumers may read {are}.",
                partition(at),
                offsets(*range)
            )
        }
        Event::HighWatermarkAdvanced { at, role: Role::Follower, offsets: range } => format!(
            "{who} heard that {} is committed up to offset {}; a follower always hears one fetch late.",
            partition(at),
            range.to.saturating_sub(1)
        ),
        Event::EpochEndLearned { at, leader_epoch, end_offset } => format!(
            "{who} learnt that epoch {leader_epoch} of {} ends at offset {end_offset}\
            \x20on the leader: what it has beyond is not the leader's.",
            partition(at)
        ),
        _ => return None,
    })
}

#[inline(never)]
fn controller(event: &Event, who: &str) -> Option<String> {
    Some(match event {
        Event::BecameLeader { at, leader_epoch } => {
            format!("{who} became leader of {} in epoch {leader_epoch}: it takes the writes.", partition(at))
        }
        Event::BecameFollower { at, leader: ..0, leader_epoch } => {
            format!("{who} has nobody to follow for {}: epoch {leader_epoch} has no leader.", partition(at))
        }
        Event::BecameFollower { at, leader, leader_epoch } => format!(
            "{who} became a follower of broker {leader} for {} in epoch {leader_epoch}: it fetches from there.",
            partition(at)
        ),
        Event::ReplicationThrottled { at, role: Role::Leader } => format!(
            "{who} kept records of {} back: replicas that catch up have had their share of bytes for now.",
            partition(at)
        ),
        Event::ReplicationThrottled { at, role: Role::Follower } => format!(
            "{who} waits before it asks for more of {}: it has taken its share of bytes for now.",
            partition(at)
        ),
        Event::IsrProposed { at, from, to } => {
            let change = isr_change(from, to);
            format!("{who} asked for other in-sync replicas of {}: {change}.", partition(at))
        }
        Event::PartitionChanged { at, leader, leader_epoch, isr, .. } => {
            let leads = match leader {
                ..0 => "nobody leads".to_owned(),
                leader => format!("broker {leader} leads in epoch {leader_epoch}"),
            };
            format!("{who} decided for {}: {leads}, in-sync replicas {}.", partition(at), ids(isr))
        }
        Event::LeaderElected { at, leader: ..0, leader_epoch } => format!(
            "{who} found no replica alive that surely has all of {}: epoch {leader_epoch} has no leader, and nobody can \
             write or read.",
            partition(at)
        ),
        Event::LeaderElected { at, leader, leader_epoch } => {
            format!("{who} elected broker {leader} to lead {} in epoch {leader_epoch}.", partition(at))
        }
        Event::TopicCreated { topic, partitions, replication_factor } => format!(
            "{who} created topic {topic} with {} and {} of each.",
            count(*partitions, "partition"),
            count(*replication_factor, "replica")
        ),
        Event::TopicDeleted { topic } => format!("{who} deleted topic {topic}."),
        Event::BrokerRegistered { broker, broker_epoch } => {
            format!(
                "{who} registered broker {broker} with broker epoch {broker_epoch}; it is fenced at first."
            )
        }
        Event::BrokerUnfenced { broker } => {
            format!("{who} took broker {broker} into service: it may lead and be in sync.")
        }
        Event::BrokerShutsDown { broker } => format!(
            "{who} heard that broker {broker} wants to end: others lead in its place, and it goes when all know."
        ),
        Event::BrokerFenced { broker } => {
            format!("{who} fenced broker {broker}: it no longer counts on it, and others lead in its place.")
        }
        Event::ConfigChanged { resource, name, value } => match value {
            Some(value) => {
                format!("{who} set {} of {} to {}.", quoted(name), quoted(resource), quoted(value))
            }
            None => format!("{who} set {} of {} back to its default.", quoted(name), quoted(resource)),
        },
        Event::MetadataApplied { offset } => {
            format!("{who} read the cluster's metadata up to offset {offset} of the metadata log.")
        }
        _ => return None,
    })
}

fn isr_change(from: &[i32], to: &[i32]) -> String {
    let gone: Vec<i32> = from.iter().filter(|id| !to.contains(id)).copied().collect();
    let new: Vec<i32> = to.iter().filter(|id| !from.contains(id)).copied().collect();
    match (gone.is_empty(), new.is_empty()) {
        (false, true) => format!("without {}, which lags or is silent", ids(&gone)),
        (true, false) => format!("with {}, which has caught up", ids(&new)),
        _ => format!("{} instead of {}", ids(to), ids(from)),
    }
}

#[inline(never)]
fn group(event: &Event, who: &str) -> Option<String> {
    Some(match event {
        Event::CoordinatorElected { partition, groups } => format!(
            "{who} became coordinator of {}: it leads partition {partition} of __consumer_offsets.",
            count(*groups, "group")
        ),
        Event::CoordinatorResigned { partition } => {
            format!("{who} stopped coordinating the groups of partition {partition} of __consumer_offsets.")
        }
        Event::GroupStateChanged { group, from, to, generation } => {
            let why = match *to {
                "PreparingRebalance" => "every member has to join again",
                "CompletingRebalance" => "all have joined and wait for their partitions",
                "Stable" => "every member knows its partitions",
                "Empty" => "nobody is left, only its offsets",
                "Assigning" => "its target assignment is to be computed",
                "Reconciling" => "members are on their way to what they shall have",
                _ => "it is gone",
            };
            format!("Group {group} went from {from} to {to} in generation {generation}: {why}.")
        }
        Event::MemberJoined { group, member: id, client } if member(id) == &**client => {
            format!("{} joined group {group}.", member(id))
        }
        Event::MemberJoined { group, member: id, client } => {
            format!("{}, client {client}, joined group {group}.", member(id))
        }
        Event::MemberLeft { group, member: id, reason } => {
            let why = match *reason {
                "left" => "it said so",
                "did not rejoin in time" => "it did not rejoin in time",
                "did not sync in time" => "it did not sync in time",
                "session timeout" => "no heartbeat came within its session.timeout.ms",
                reason => reason,
            };
            format!("{} left group {group}: {why}.", member(id))
        }
        Event::MemberAssigned { group, member: id, generation, partitions } => format!(
            "In generation {generation} of group {group}, {} was given {}.",
            member(id),
            list(partitions, "partition")
        ),
        Event::OffsetCommitted { group, at, offset } => format!(
            "Group {group} committed offset {offset} of {}: after a restart it reads on from there.",
            partition(at)
        ),
        Event::RebalanceStarted { group, reason } => {
            format!("Group {group} has to rebalance: {}.", without_uuids(&quoted(reason)))
        }
        Event::PartitionsAssigned { group, partitions } => {
            format!("{who} was given {} in group {group}.", list(partitions, "partition"))
        }
        Event::PartitionsRevoked { group, partitions } => {
            format!("{who} gave up {} in group {group}.", list(partitions, "partition"))
        }
        Event::PartitionsLost { group, partitions } => format!(
            "{who} lost {}: it is no longer a member of group {group}, and somebody else may own them.",
            list(partitions, "partition")
        ),
        Event::MemberStateChanged { group, to, generation, owned, .. } => {
            let when = match generation {
                ..0 => String::new(),
                generation => format!(" in generation {generation}"),
            };
            let owned = list(owned, "partition");
            format!("As {who} sees it, it is {to}{when} of group {group} and owns {owned}.")
        }
        Event::ListenerEntered { group, listener, partitions } => format!(
            "{who} calls its application's {listener} with {} of group {group}.",
            list(partitions, "partition")
        ),
        Event::ListenerLeft { listener, .. } => format!("{listener} of {who}'s application has returned."),
        _ => return None,
    })
}

#[inline(never)]
fn client(event: &Event, who: &str) -> Option<String> {
    Some(match event {
        Event::RecordQueued { at, record, key } => {
            let key = key.as_ref().map(|key| format!(" with key {}", quoted(key))).unwrap_or_default();
            format!("{who} put record {record}{key} into its batch for {}.", partition(at))
        }
        Event::BatchSent { at, records, attempt, .. } => {
            let again = if *attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
            format!("{who} sent a batch of {} for {}{again}.", count(*records, "record"), partition(at))
        }
        Event::BatchAcknowledged { at, records, base_offset, acks, .. } => {
            let (at, records) = (partition(at), count(*records, "record"));
            match (*acks, *base_offset) {
                (0, _) => format!("{who} counts {records} for {at} as sent: with acks=0 nobody answers."),
                (_, ..0) => format!("{who} heard that {at} has stored {records}."),
                (_, offset) => format!("{who} heard that {at} has stored {records} from offset {offset} on."),
            }
        }
        Event::BatchRetried { at, records, error, backoff_ms } => format!(
            "{who} will send {} for {} again in {}: {}.",
            count(*records, "record"),
            partition(at),
            duration_ms(i64::from(*backoff_ms)),
            error_with_meaning(*error)
        ),
        Event::BatchFailed { at, records, error } => format!(
            "{who} gave up {} for {}: {}.",
            count(*records, "record"),
            partition(at),
            error_with_meaning(*error)
        ),
        Event::PositionSet { at, offset, by } => {
            let why = match *by {
                "commit" => "its group had committed that",
                "seek" => "it was told to",
                "log truncation" => "the log that it had read was cut there",
                "seekToBeginning" => "it was told to begin where the log does",
                "seekToEnd" => "it was told to go on where the log ends now",
                "offsetsForTimes" => "that is what it was told to look up by its time",
                "auto.offset.reset" => "there was no committed offset, so auto.offset.reset decided",
                by => by,
            };
            format!("{who} will read {} from offset {offset} on: {why}.", partition(at))
        }
        Event::ReadReplicaChosen { at, replica } => format!(
            "{who} will read {} from broker-{replica}, a follower in its own rack: the leader told it to.",
            partition(at)
        ),
        Event::RecordsFetched { at, offsets: range } => {
            format!("{who} took {} of {} into its buffer.", offsets(*range), partition(at))
        }
        Event::RecordsConsumed { at, offsets: range } => {
            format!("{who} processed {} of {}.", offsets(*range), partition(at))
        }
        Event::RecordsRepeated { group, at, offsets: range } => format!(
            "{who} processed {} of {} again: group {group} had been that far before.",
            offsets(*range),
            partition(at)
        ),
        Event::MetadataStale { error: code } => {
            format!("{who} heard {}: its picture of the cluster is out of date.", error(*code))
        }
        Event::MetadataRefreshed { brokers } => {
            format!("{who} got a new picture of the cluster with {}.", count(*brokers, "broker"))
        }
        Event::ClientError { error, detail } if detail.is_empty() => {
            format!("{who} reported to its application: {}.", error_with_meaning(*error))
        }
        Event::ClientError { error: code, detail } => {
            format!("{who} reported {} to its application: {}.", error(*code), quoted(detail))
        }
        _ => return None,
    })
}

fn with_rule(act: String, rule: Option<String>) -> String {
    match rule {
        Some(rule) if rule.starts_with("so ") => format!("{act}, {rule}."),
        Some(rule) if act.contains(": ") => format!("{act}; {rule}."),
        Some(rule) => format!("{act}: {rule}."),
        None => format!("{act}."),
    }
}

fn possessive(name: &str) -> String {
    if name.ends_with('s') { format!("{name}'") } else { format!("{name}'s") }
}

fn with_article(what: &str) -> String {
    let article = if what.starts_with(['A', 'E', 'I', 'O']) { "An" } else { "A" };
    format!("{article} {what}")
}

/// What a timer is for, where its name does not say it.
fn timer_meaning(timer: &str) -> String {
    let meaning = match timer {
        "request_timeout" => "a request may have taken too long",
        "reconnect_backoff" => "it may try to connect again",
        "connection_idle" => "a connection was idle for long",
        "metadata" => "it may ask for metadata again",
        "workload" => "its application is due to send",
        "sender" => "a batch may have lingered long enough",
        "retry_backoff" => "it may try again",
        "session_timeout" => "a member was silent for its whole session timeout",
        "rebalance_timeout" => "members had time enough to join",
        "sync_timeout" => "members had time enough to sync",
        name => return name.replace('_', " "),
    };
    meaning.to_owned()
}

/// A name that began a sentence, inside one.
fn lower(who: &str) -> String {
    let mut letters = who.chars();
    letters.next().into_iter().map(|letter| letter.to_ascii_lowercase()).chain(letters).collect()
}
