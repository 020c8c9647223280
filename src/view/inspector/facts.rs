//! An event's fields as names and values.

use crate::protocol::TopicPartition;
use crate::trace::{Entry, Event, Frame, Offsets, Role};
use crate::view::words::{Names, frame_name};

use super::conn_name;

/// The facts of an entry, the most telling first.
pub(super) fn of(entry: &Entry, names: &Names) -> Vec<(String, String)> {
    let mut facts = Facts { all: Vec::new() };
    if let Some(at) = crate::view::words::place(&entry.event) {
        facts.add("partition", at);
    }
    facts.event(&entry.event, names);
    facts.all
}

struct Facts {
    all: Vec<(String, String)>,
}

impl Facts {
    fn add(&mut self, name: &str, value: impl ToString) {
        self.all.push((name.to_owned(), value.to_string()));
    }

    fn offsets(&mut self, range: Offsets) {
        let last = range.to.saturating_sub(1);
        let shown =
            if range.from >= last { range.from.to_string() } else { format!("{}–{last}", range.from) };
        self.add("offsets", shown);
    }

    fn role(&mut self, role: Role) {
        self.add(
            "role",
            match role {
                Role::Leader => "leader",
                Role::Follower => "follower",
            },
        );
    }

    fn frame(&mut self, frame: &Frame) {
        self.add("frame", frame_name(frame));
        self.add("correlation id", frame.info.correlation_id);
        self.add("size", format!("{} bytes", frame.size_bytes));
    }

    fn partitions(&mut self, partitions: &[TopicPartition]) {
        let names: Vec<String> = partitions.iter().map(ToString::to_string).collect();
        self.add("partitions", if names.is_empty() { "none".to_owned() } else { names.join(", ") });
    }

    fn event(&mut self, event: &Event, names: &Names) {
        match event {
            Event::PowerLost { lost_bytes } => self.add("bytes lost", lost_bytes),
            Event::LinkCut { a, b } | Event::LinkHealed { a, b } | Event::LinkSlowed { a, b, .. } => {
                self.add("between", format!("{} and {}", names.node(*a), names.node(*b)));
                if let Event::LinkSlowed { latency_us, .. } = event {
                    self.add("latency", format!("{} ms one way", latency_us / 1_000));
                }
            }
            Event::ConnectionOpened { conn, to } => {
                self.add("to", names.node(*to));
                self.add("connection", conn_name(*conn, names));
            }
            Event::ConnectionClosed { conn, peer, .. } => {
                self.add("peer", names.node(*peer));
                self.add("connection", conn_name(*conn, names));
            }
            Event::Sent { conn, to, frame } | Event::Lost { conn, to, frame } => {
                self.frame(frame);
                self.add("to", names.node(*to));
                self.add("connection", conn_name(*conn, names));
            }
            Event::Received { conn, from, frame } => {
                self.frame(frame);
                self.add("from", names.node(*from));
                self.add("connection", conn_name(*conn, names));
            }
            Event::InvariantViolated { invariant, .. } => self.add("promise", invariant),
            Event::TimerFired { timer } => self.add("timer", timer),
            Event::RequestRejected { conn, .. } => self.add("connection", conn_name(*conn, names)),
            event => self.log(event),
        }
    }

    fn log(&mut self, event: &Event) {
        match event {
            Event::RecordsAppended { role, offsets, leader_epoch, size_bytes, .. } => {
                self.role(*role);
                self.offsets(*offsets);
                self.add("leader epoch", leader_epoch);
                self.add("size", format!("{size_bytes} bytes"));
            }
            Event::SegmentRolled { base_offset, .. } => self.add("base offset", base_offset),
            Event::SegmentsDeleted { offsets, .. } => self.offsets(*offsets),
            Event::LogCleaned { offsets, replaced, tombstones, bytes_before, bytes_after, .. } => {
                self.offsets(*offsets);
                self.add("replaced records removed", replaced);
                self.add("tombstones removed", tombstones);
                self.add("size", format!("{bytes_before} → {bytes_after} bytes"));
            }
            Event::LogTruncated { offsets, leader_epoch, .. } => {
                self.offsets(*offsets);
                self.add("leader epoch", leader_epoch);
            }
            Event::LogRecovered { truncated_bytes, log_end_offset, .. } => {
                self.add("bytes cut", truncated_bytes);
                self.add("log end offset", log_end_offset);
            }
            Event::LogFlushed { offset, .. } => self.add("durable before offset", offset),
            Event::HighWatermarkAdvanced { role, offsets, .. } => {
                self.role(*role);
                self.add("high watermark", format!("{} → {}", offsets.from, offsets.to));
            }
            Event::BecameLeader { leader_epoch, .. } => self.add("leader epoch", leader_epoch),
            Event::BecameFollower { leader, leader_epoch, .. }
            | Event::LeaderElected { leader, leader_epoch, .. } => {
                self.add("leader", leader);
                self.add("leader epoch", leader_epoch);
            }
            Event::EpochEndLearned { leader_epoch, end_offset, .. } => {
                self.add("leader epoch", leader_epoch);
                self.add("end offset", end_offset);
            }
            Event::ReplicationThrottled { role, .. } => self.role(*role),
            Event::IsrProposed { from, to, .. } => {
                self.add("ISR", format!("{} → {}", numbers(from), numbers(to)));
            }
            Event::PartitionChanged { leader, leader_epoch, partition_epoch, isr, .. } => {
                self.add("leader", leader);
                self.add("ISR", numbers(isr));
                self.add("leader epoch", leader_epoch);
                self.add("partition epoch", partition_epoch);
            }
            Event::TopicCreated { topic, partitions, replication_factor } => {
                self.add("topic", topic);
                self.add("partitions", partitions);
                self.add("replication factor", replication_factor);
            }
            Event::TopicDeleted { topic } => self.add("topic", topic),
            Event::BrokerRegistered { broker, broker_epoch } => {
                self.add("broker", broker);
                self.add("broker epoch", broker_epoch);
            }
            Event::BrokerUnfenced { broker }
            | Event::BrokerShutsDown { broker }
            | Event::BrokerFenced { broker } => self.add("broker", broker),
            Event::ConfigChanged { resource, name, value } => {
                self.add("of", resource);
                self.add("name", name);
                self.add("value", value.as_deref().unwrap_or("default"));
            }
            Event::MetadataApplied { offset } => self.add("metadata offset", offset),
            Event::ProduceWaits { until_offset, .. } => self.add("until high watermark", until_offset),
            Event::ProduceAnswered { error, base_offset, .. } => {
                self.add("error", error.name());
                self.add("base offset", base_offset);
            }
            Event::ClientThrottled { client, throttle_time_ms, .. } => {
                self.add("client", client);
                self.add("throttle time", format!("{throttle_time_ms} ms"));
            }
            Event::FetchWaits { max_wait_ms, .. } => self.add("at most", format!("{max_wait_ms} ms")),
            event => self.quorum(event),
        }
    }

    #[inline(never)]
    fn quorum(&mut self, event: &Event) {
        match event {
            Event::QuorumStateChanged { from, to, epoch, leader, why } => {
                self.add("state", format!("{from} → {to}"));
                self.add("epoch", epoch);
                self.add("leader", leader);
                self.add("because", why);
            }
            Event::VotesRequested { epoch, pre_vote } => {
                self.add("epoch", epoch);
                self.add("pre-vote", pre_vote);
            }
            Event::VoteCast { candidate, epoch, pre_vote, granted, why } => {
                self.add("candidate", candidate);
                self.add("epoch", epoch);
                self.add("pre-vote", pre_vote);
                self.add("granted", granted);
                self.add("because", why);
            }
            Event::ControllerElected { epoch, votes } => {
                self.add("epoch", epoch);
                self.add("votes", numbers(votes));
            }
            Event::ControllerActivated { epoch, offset } => {
                self.add("epoch", epoch);
                self.add("metadata offset", offset);
            }
            Event::ControllerResigned { epoch, why } => {
                self.add("epoch", epoch);
                self.add("because", why);
            }
            Event::MetadataCommitted { epoch, offsets, .. } => {
                self.add("epoch", epoch);
                self.add("offsets", format!("{}–{}", offsets.from, offsets.to.saturating_sub(1)));
            }
            Event::SnapshotCreated { end_offset, epoch, size_bytes }
            | Event::SnapshotLoaded { end_offset, epoch, size_bytes } => {
                self.add("end offset", end_offset);
                self.add("epoch", epoch);
                self.add("bytes", size_bytes);
            }
            Event::SnapshotFetched { end_offset, epoch } => {
                self.add("end offset", end_offset);
                self.add("epoch", epoch);
            }
            Event::EligibleLeadersChanged { elr, .. } => self.add("eligible leader replicas", numbers(elr)),
            Event::MetadataLogCleaned { log_start_offset } => self.add("log start offset", log_start_offset),
            event => self.group(event),
        }
    }

    fn group(&mut self, event: &Event) {
        match event {
            Event::CoordinatorElected { partition, .. } | Event::CoordinatorResigned { partition } => {
                self.add("partition of __consumer_offsets", partition);
            }
            Event::GroupStateChanged { group, from, to, generation } => {
                self.add("group", group);
                self.add("state", format!("{from} → {to}"));
                self.add("generation", generation);
            }
            Event::MemberJoined { group, member, client } => {
                self.add("group", group);
                self.add("member", member);
                self.add("client", client);
            }
            Event::MemberLeft { group, member, reason } => {
                self.add("group", group);
                self.add("member", member);
                self.add("reason", reason);
            }
            Event::MemberAssigned { group, member, generation, partitions } => {
                self.add("group", group);
                self.add("member", member);
                self.add("generation", generation);
                self.partitions(partitions);
            }
            Event::OffsetCommitted { group, offset, .. } => {
                self.add("group", group);
                self.add("offset", offset);
            }
            Event::RebalanceStarted { group, reason } => {
                self.add("group", group);
                self.add("reason", reason);
            }
            Event::PartitionsAssigned { group, partitions }
            | Event::PartitionsRevoked { group, partitions }
            | Event::PartitionsLost { group, partitions } => {
                self.add("group", group);
                self.partitions(partitions);
            }
            Event::MemberStateChanged { group, member, from, to, generation, owned } => {
                self.add("group", group);
                self.add("member", if member.is_empty() { "none" } else { member });
                self.add("from", from);
                self.add("to", to);
                self.add("generation", generation);
                self.partitions(owned);
            }
            Event::ListenerEntered { group, listener, partitions } => {
                self.add("group", group);
                self.add("listener", listener);
                self.partitions(partitions);
            }
            Event::ListenerLeft { group, listener } => {
                self.add("group", group);
                self.add("listener", listener);
            }
            event => self.consumer_group(event),
        }
    }

    #[inline(never)]
    fn consumer_group(&mut self, event: &Event) {
        match event {
            Event::GroupEpochBumped { group, group_epoch, reason } => {
                self.add("group", group);
                self.add("group epoch", group_epoch);
                self.add("reason", reason);
            }
            Event::TargetAssigned { group, assignment_epoch, assignor, targets } => {
                self.add("group", group);
                self.add("assignment epoch", assignment_epoch);
                self.add("assignor", assignor);
                for target in targets {
                    self.add("member", &target.member);
                    self.partitions(&target.partitions);
                }
            }
            Event::MemberReconciled { group, member, member_epoch, state, assigned, .. } => {
                self.add("group", group);
                self.add("member", member);
                self.add("member epoch", member_epoch);
                self.add("state", state);
                self.partitions(assigned);
            }
            Event::MemberFenced { group, member, error } => {
                self.add("group", group);
                self.add("member", member);
                self.add("error", error.name());
            }
            Event::RegexResolved { group, regex, topics } => {
                self.add("group", group);
                self.add("expression", regex);
                self.add("topics", topics.join(", "));
            }
            Event::ShareRecordsChanged { group, member, state, delivery_count, reason, .. } => {
                self.add("group", group);
                self.add("member", member);
                self.add("state", state);
                self.add("delivery count", delivery_count);
                self.add("reason", reason);
            }
            Event::ShareStartOffsetMoved { group, offset, .. } => {
                self.add("group", group);
                self.add("start offset", offset);
            }
            Event::GroupMigrated { group, from, to } => {
                self.add("group", group);
                self.add("protocol", format!("{from} → {to}"));
            }
            event => self.client(event),
        }
    }

    fn client(&mut self, event: &Event) {
        match event {
            Event::RecordQueued { record, key, .. } => {
                self.add("record", record);
                self.add("key", key.as_deref().unwrap_or("none"));
            }
            Event::BatchSent { records, attempt, crc, .. } => {
                self.add("records", records);
                self.add("attempt", attempt);
                self.add("CRC", format!("{crc:#010x}"));
            }
            Event::BatchAcknowledged { records, base_offset, crc, acks, .. } => {
                self.add("records", records);
                self.add("base offset", base_offset);
                self.add("acks", acks);
                self.add("CRC", format!("{crc:#010x}"));
            }
            Event::BatchRetried { records, error, backoff_ms, .. } => {
                self.add("records", records);
                self.add("error", error.name());
                self.add("backoff", format!("{backoff_ms} ms"));
            }
            Event::BatchFailed { records, error, .. } => {
                self.add("records", records);
                self.add("error", error.name());
            }
            Event::PositionSet { offset, by, .. } => {
                self.add("offset", offset);
                self.add("by", by);
            }
            Event::ReadReplicaChosen { replica, .. } => self.add("replica", replica),
            Event::RecordsFetched { offsets, .. } | Event::RecordsConsumed { offsets, .. } => {
                self.offsets(*offsets);
            }
            Event::RecordsRepeated { group, offsets, .. } => {
                self.add("group", group);
                self.offsets(*offsets);
            }
            Event::RecordsAcquired { group, offsets, delivery, .. } => {
                self.add("group", group);
                self.offsets(*offsets);
                self.add("delivery", delivery);
            }
            Event::RecordRefused { group, offset, then, .. } => {
                self.add("group", group);
                self.add("offset", offset);
                self.add("then", then);
            }
            Event::RecordsAcknowledged { group, offsets, then, error, .. } => {
                self.add("group", group);
                self.offsets(*offsets);
                self.add("then", then);
                self.add("error", error.name());
            }
            Event::MetadataStale { error } => self.add("error", error.name()),
            Event::MetadataRefreshed { brokers } => self.add("brokers", brokers),
            Event::ClientError { error, .. } => {
                self.add("error", error.name());
                self.add("means", error.message());
            }
            event => self.zookeeper(event),
        }
    }

    #[inline(never)]
    fn zookeeper(&mut self, event: &Event) {
        match event {
            Event::SessionOpened { session, client, timeout_ms } => {
                self.add("session", format!("{session:#x}"));
                self.add("client", client.0);
                self.add("timeout", format!("{timeout_ms} ms"));
            }
            Event::SessionExpired { session } => self.add("session", format!("{session:#x}")),
            Event::ZNodeChanged { path, change, zxid } => {
                self.add("znode", path);
                self.add("change", change);
                self.add("zxid", zxid);
            }
            Event::WatchFired { path, change, client } => {
                self.add("znode", path);
                self.add("change", change);
                self.add("client", client.0);
            }
            Event::ControllerClaimed { epoch } => self.add("epoch", epoch),
            Event::ControllerLoaded { epoch, brokers, topics, partitions } => {
                self.add("epoch", epoch);
                self.add("brokers", brokers);
                self.add("topics", topics);
                self.add("partitions", partitions);
            }
            _ => {}
        }
    }
}

fn numbers(brokers: &[i32]) -> String {
    brokers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
