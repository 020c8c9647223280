//! What the controllers' quorum promises: one vote of each and one leader in an epoch, and committed metadata
//! that stay as they are.

use std::sync::Arc;

use imbl::OrdMap;

use super::{METADATA_CHANGED, Nodes, TWO_CONTROLLERS, TWO_VOTES};
use crate::base::{Map, NodeId};
use crate::metadata::{CLUSTER_METADATA_TOPIC, MetadataImage, Snapshot};
use crate::protocol::ApiKey;
use crate::storage::UnifiedLog;
use crate::trace::{Entry, Event, Offsets, Role};

/// What is known of the quorum. Of a quorum of one there is nothing to know.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Quorum {
    /// Who was elected in each epoch.
    elected: Map<i32, NodeId>,
    /// The last vote of each.
    votes: Map<NodeId, Vote>,
    /// Committed batches by base offset: last offset, and a checksum.
    committed: OrdMap<i64, (i64, u32)>,
    /// Up to where each node has said that it knows the log to be committed, since it started.
    known: Map<NodeId, i64>,
    /// What a snapshot said that was found right.
    right: MetadataImage,
}

/// What a controller voted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Vote {
    epoch: i32,
    candidate: i32,
    /// Others may know of it. Until then it may be forgotten, when the power fails before a flush.
    told: bool,
}

impl Quorum {
    pub(super) fn check(
        &mut self,
        nodes: &Nodes,
        entry: &Entry,
        broken: &mut impl FnMut(&'static str, String),
    ) {
        let node = entry.node;
        match &entry.event {
            Event::NodeStarted => {
                self.known.remove(&node);
            }
            Event::VoteCast { candidate, epoch, pre_vote: false, granted: true, .. } => {
                self.check_vote(node, *epoch, *candidate, broken);
            }
            Event::VotesRequested { epoch, pre_vote: false } => {
                if let Some(me) = id_of(nodes, node) {
                    self.check_vote(node, *epoch, me, broken);
                }
            }
            Event::Sent { frame, .. } if frame.info.api_key == ApiKey::Vote.code() => {
                if let Some(vote) = self.votes.get_mut(&node) {
                    vote.told = true;
                }
            }
            Event::PowerLost { .. } => self.votes.retain(|voter, vote| *voter != node || vote.told),
            Event::ControllerElected { epoch, .. } => {
                let first = *self.elected.entry(*epoch).or_insert(node);
                if first != node {
                    broken(TWO_CONTROLLERS, format!("{first} and {node} were elected in epoch {epoch}"));
                }
                if let Some(log) = log_of(nodes, node) {
                    self.check_has_all(log, node, *epoch, broken);
                }
            }
            Event::MetadataCommitted { role, offsets, .. } => {
                if let Some(log) = log_of(nodes, node) {
                    self.check_same(log, node, *offsets, *role == Role::Leader, broken);
                }
            }
            Event::MetadataApplied { offset } if !self.committed.is_empty() => {
                let from = self.known.get(&node).copied().unwrap_or(0);
                if let Some(log) = log_of(nodes, node) {
                    self.check_same(log, node, Offsets { from, to: *offset }, false, broken);
                }
            }
            Event::SnapshotCreated { end_offset, .. } | Event::SnapshotLoaded { end_offset, .. } => {
                self.check_snapshot(nodes, node, *end_offset, broken);
            }
            Event::LogTruncated { at, offsets, .. } if &*at.topic == CLUSTER_METADATA_TOPIC => {
                let known = self.known.get(&node).copied().unwrap_or(0);
                if offsets.from < known {
                    let detail = format!("{node} cut off offset {}, {known} were committed", offsets.from);
                    broken(METADATA_CHANGED, detail);
                }
            }
            _ => {}
        }
    }

    /// Who has voted in an epoch, for itself or another, must stand by it.
    #[inline(never)]
    fn check_vote(
        &mut self,
        voter: NodeId,
        epoch: i32,
        candidate: i32,
        broken: &mut impl FnMut(&'static str, String),
    ) {
        match self.votes.get(&voter) {
            Some(vote) if vote.epoch == epoch && vote.candidate != candidate => {
                let first = vote.candidate;
                broken(TWO_VOTES, format!("{voter} voted for {first} and for {candidate} in epoch {epoch}"));
            }
            Some(vote) if vote.epoch == epoch => {}
            _ => drop(self.votes.insert(voter, Vote { epoch, candidate, told: false })),
        }
    }

    /// A snapshot says what the log said, and nothing else.
    #[inline(never)]
    fn check_snapshot(
        &mut self,
        nodes: &Nodes,
        node: NodeId,
        end: i64,
        broken: &mut impl FnMut(&'static str, String),
    ) {
        let Some(found) = snapshots_of(nodes, node).iter().find(|it| it.id().end_offset == end) else {
            return broken(METADATA_CHANGED, format!("{node} has no snapshot before offset {end}"));
        };
        let from = if self.right.end_offset <= end { self.right.end_offset } else { 0 };
        let mut logs = nodes.keys().filter_map(|id| log_of(nodes, *id));
        let Some(log) = logs.find(|log| log.log_start_offset() <= from && log.high_watermark() >= end) else {
            return;
        };
        let mut expected = if from == 0 { MetadataImage::default() } else { self.right.clone() };
        expected.catch_up(log, end);
        if found.image() == expected {
            self.right = expected;
        } else {
            broken(
                METADATA_CHANGED,
                format!("the snapshot before offset {end} on {node} is not what the log says"),
            );
        }
    }

    /// A new leader must have what any leader before it has committed.
    fn check_has_all(
        &self,
        log: &UnifiedLog,
        leader: NodeId,
        epoch: i32,
        broken: &mut impl FnMut(&'static str, String),
    ) {
        let has = |base: i64, crc: u32| {
            log.batch_at(base).is_some_and(|batch| batch.base_offset() == base && batch.crc() == crc)
        };
        let start = log.log_start_offset();
        let missing = self.committed.iter().find(|(base, (_, crc))| **base >= start && !has(**base, *crc));
        if let Some((base, (last, _))) = missing {
            let detail =
                format!("offsets {base}–{last}, committed, not on {leader}, leader of epoch {epoch}");
            broken(METADATA_CHANGED, detail);
        }
    }

    fn check_same(
        &mut self,
        log: &UnifiedLog,
        node: NodeId,
        offsets: Offsets,
        is_leader: bool,
        broken: &mut impl FnMut(&'static str, String),
    ) {
        for batch in log.batches_from(offsets.from.max(log.log_start_offset())) {
            let (base, last, crc) = (batch.base_offset(), batch.last_offset(), batch.crc());
            if base >= offsets.to {
                break;
            }
            match self.committed.get(&base) {
                Some(known) if *known == (last, crc) => {}
                None if is_leader => {
                    self.committed.insert(base, (last, crc));
                }
                Some(_) => {
                    broken(METADATA_CHANGED, format!("offset {base} on {node} is not what was committed"));
                }
                None => broken(METADATA_CHANGED, format!("offset {base} on {node} was never committed")),
            }
        }
        let known = self.known.entry(node).or_insert(0);
        *known = (*known).max(offsets.to);
    }
}

fn id_of(nodes: &Nodes, node: NodeId) -> Option<i32> {
    Some(nodes.get(&node)?.machine.controller()?.quorum().id)
}

fn snapshots_of(nodes: &Nodes, node: NodeId) -> &[Arc<Snapshot>] {
    let Some(machine) = nodes.get(&node).map(|slot| &slot.machine) else { return &[] };
    match (machine.controller(), machine.broker()) {
        (Some(controller), _) => controller.snapshots(),
        (_, Some(broker)) => broker.metadata_snapshots(),
        _ => &[],
    }
}

fn log_of(nodes: &Nodes, node: NodeId) -> Option<&UnifiedLog> {
    nodes.get(&node)?.machine.metadata_log()
}
