//! What Kafka does not promise: that records survive which every in-sync replica's disk has lost, or
//! which were acknowledged before anybody but the leader had them; nor anything that a topic's configs
//! have given up.

use std::sync::Arc;

use super::{COMMITTED_CHANGED, COMPACTION, Invariants, LOST_WRITE, Nodes, log_of};
use crate::base::NodeId;
use crate::broker::OFFSETS_TOPIC;
use crate::protocol::TopicPartition;
use crate::storage::UnifiedLog;
use crate::trace::{Event, Offsets};

/// The excuse for records that only the leader had to have.
pub(super) const NOT_REPLICATED: &str = "acknowledged by the leader alone";
/// The excuse for everything about a partition of which a disk holds what nobody wrote.
pub(super) const CORRUPTED: &str = "a byte of the partition was corrupted";
/// The excuse for the order of what was sent without idempotence.
pub(super) const NOT_IDEMPOTENT: &str = "retried without idempotence";
const OLD_TRUNCATION: &str = "followers truncate by the high watermark, as before KIP-101";
const UNCLEAN: &str = "an unclean leader may be elected";
const DISKS_LOST: &str = "the disks of all in-sync replicas have lost it";

/// What may be missing on a new leader.
pub(super) struct Excuses {
    /// From here on, all in-sync replicas' disks have lost what was there.
    from: i64,
}

impl Excuses {
    pub(super) fn of(&self, offset: i64) -> Option<&'static str> {
        (offset >= self.from).then_some(DISKS_LOST)
    }
}

impl Invariants {
    pub(super) fn excuses(&self, at: &TopicPartition, leader: NodeId, isr: &[i32]) -> Excuses {
        let lost = |node| self.disks_lost.get(&(node, at.clone())).map_or(i64::MAX, |lost| lost.from);
        let from = isr.iter().map(|id| lost(NodeId(*id as u32))).fold(lost(leader), i64::max);
        Excuses { from }
    }

    /// A replica ends earlier than before: its disk has not kept what it was given.
    #[inline(never)]
    pub(super) fn disk_lost(&mut self, node: NodeId, at: &TopicPartition, end: i64) {
        let key = (node, at.clone());
        let Some(before) = self.ends.get(&key).copied().filter(|before| *before > end) else { return };
        let lost = self.disks_lost.entry(key).or_insert(Offsets { from: end, to: before });
        *lost = Offsets { from: lost.from.min(end), to: lost.to.max(before) };
    }

    #[inline(never)]
    pub(super) fn power_lost(&mut self, nodes: &Nodes, node: NodeId) {
        let known: Vec<TopicPartition> =
            self.ends.keys().filter(|(at, _)| *at == node).map(|(_, at)| at.clone()).collect();
        for at in known {
            self.disk_lost(node, &at, log_of(nodes, node, &at).map_or(0, UnifiedLog::log_end_offset));
        }
        self.ends.retain(|(at, _), _| *at != node);
    }

    /// What a replica copied again is not lost any more.
    pub(super) fn copied_again(&mut self, node: NodeId, at: &TopicPartition, offsets: Offsets) {
        if self.disks_lost.is_empty() {
            return;
        }
        let key = (node, at.clone());
        if let Some(lost) = self.disks_lost.get_mut(&key).filter(|lost| offsets.from <= lost.from) {
            lost.from = offsets.to;
            if lost.from >= lost.to {
                self.disks_lost.remove(&key);
            }
        }
    }

    /// A disk holds something else than was written to it: no promise covers that.
    pub(in crate::sim) fn corrupted(&mut self, at: &TopicPartition) {
        self.corrupted.insert(at.clone());
        if &*at.topic == OFFSETS_TOPIC {
            self.groups.coordinators_lost();
        }
    }

    /// Its records were never promised to stay.
    #[inline(never)]
    pub(super) fn forget(&mut self, topic: &Arc<str>) {
        self.deleted.insert(Arc::clone(topic));
        let is_it = |at: &TopicPartition| at.topic == *topic;
        self.acked.retain(|at, _| !is_it(at));
        self.committed.retain(|at, _| !is_it(at));
        self.committed_end.retain(|at, _| !is_it(at));
        self.ends.retain(|(_, at), _| !is_it(at));
        self.compactions.forget(is_it);
    }
}

/// What the partition's configs have given up.
#[inline(never)]
pub(super) fn given_up(nodes: &Nodes, at: &TopicPartition, invariant: &str) -> Option<&'static str> {
    let config = nodes.keys().find_map(|node| log_of(nodes, *node, at))?.config();
    match invariant {
        _ if config.history_truncate_by_high_watermark => Some(OLD_TRUNCATION),
        LOST_WRITE | COMMITTED_CHANGED | COMPACTION if config.unclean_leader_election_enable => Some(UNCLEAN),
        _ => None,
    }
}

/// Which partition of a topic it is about, if the checkers would look at it.
pub(super) fn partition_of(event: &Event) -> Option<&TopicPartition> {
    match event {
        Event::RecordsConsumed { at, .. }
        | Event::BatchSent { at, .. }
        | Event::BatchAcknowledged { at, .. }
        | Event::RecordsAppended { at, .. }
        | Event::LogTruncated { at, .. }
        | Event::LogCleaned { at, .. }
        | Event::LogRecovered { at, .. }
        | Event::BecameLeader { at, .. }
        | Event::PositionSet { at, .. }
        | Event::HighWatermarkAdvanced { at, .. } => Some(at),
        _ => None,
    }
}
