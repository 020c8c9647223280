//! What readers may count on: a consumer goes forward, and neither it nor its group passes over a
//! record that is committed.

use std::sync::Arc;

use super::groups::consumer;
use super::{Invariants, NON_MONOTONIC, Nodes, UNSEEN, log_of};
use crate::base::{Map, NodeId};
use crate::client::consumer::{CommitMode, Consumer};
use crate::protocol::TopicPartition;
use crate::storage::UnifiedLog;
use crate::trace::Offsets;

/// How far readers have come.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Readers {
    /// What each consumer reads next.
    positions: Map<(NodeId, TopicPartition), i64>,
    /// Where a consumer was set to while it may still have been busy with what it was given before.
    set: Map<(NodeId, TopicPartition), i64>,
    /// Up to where a group has processed a partition, or was told to begin.
    reached: Map<(Arc<str>, TopicPartition), i64>,
}

impl Readers {
    pub(super) fn restarted(&mut self, node: NodeId) {
        self.positions.retain(|(of, _), _| *of != node);
        self.set.retain(|(of, _), _| *of != node);
    }

    pub(super) fn forget(&mut self, node: NodeId, partitions: &[TopicPartition]) {
        for at in partitions {
            self.positions.remove(&(node, at.clone()));
            self.set.remove(&(node, at.clone()));
        }
    }

    fn reach(&mut self, nodes: &Nodes, node: NodeId, at: &TopicPartition, offset: i64) {
        let Some(group) = consumer(nodes, node).and_then(|it| it.config().group_id.clone()) else { return };
        let reached = self.reached.entry((group, at.clone())).or_insert(offset);
        *reached = (*reached).max(offset);
    }
}

impl Invariants {
    /// Up to where a group has processed a partition, or was told to begin.
    pub fn reached(&self, group: &str, at: &TopicPartition) -> Option<i64> {
        self.readers.reached.get(&(group.into(), at.clone())).copied()
    }

    /// A consumer's application has processed records.
    pub(super) fn check_reader(
        &mut self,
        nodes: &Nodes,
        node: NodeId,
        at: &TopicPartition,
        offsets: Offsets,
        broken: &mut impl FnMut(&'static str, String),
    ) {
        self.readers.reach(nodes, node, at, offsets.to);
        // Members of share groups have no position: records come as they are free, and come again.
        if consumer(nodes, node).is_some_and(Consumer::is_share) {
            return;
        }
        let before = self.readers.positions.insert((node, at.clone()), offsets.to);
        let Some(next) = before.filter(|next| *next != offsets.from) else { return };
        let name = || nodes.get(&node).map_or("", |slot| slot.name.as_str());
        if self.readers.set.remove(&(node, at.clone())).is_some_and(|set| set <= offsets.from) {
            // It has done with what it was given before it was set.
            return;
        }
        if offsets.from < next {
            let what = format!("{at}: {} was given offset {} after {}", name(), offsets.from, next - 1);
            broken(NON_MONOTONIC, what);
        } else if let Some((from, to)) = self.passed_over(nodes, at, next, offsets.from) {
            broken(
                UNSEEN,
                format!("{at} offsets {from}–{to} are committed, and {} has passed over them", name()),
            );
        }
    }

    /// A consumer begins to read somewhere.
    pub(super) fn check_position(
        &mut self,
        nodes: &Nodes,
        node: NodeId,
        at: &TopicPartition,
        offset: i64,
        by: &str,
        broken: &mut impl FnMut(&'static str, String),
    ) {
        if matches!(by, "commit" | "auto.offset.reset") {
            self.readers.positions.insert((node, at.clone()), offset);
        } else {
            self.readers.positions.remove(&(node, at.clone()));
            self.readers.set.insert((node, at.clone()), offset);
        }
        if by != "commit" {
            return self.readers.reach(nodes, node, at, offset);
        }
        let Some(consumer) = consumer(nodes, node) else { return };
        let Some(group) = consumer.config().group_id.clone() else { return };
        let reached = self.readers.reached.get(&(Arc::clone(&group), at.clone())).copied().unwrap_or(0);
        if offset <= reached || consumer.app().commit == CommitMode::BeforeProcessing {
            return;
        }
        if let Some((from, to)) = self.passed_over(nodes, at, reached, offset) {
            broken(
                UNSEEN,
                format!(
                    "{at} offsets {from}–{to} are committed, and {group} goes on behind them from {offset}"
                ),
            );
        }
    }

    /// The first and last offset of a committed batch in this range that is still there.
    fn passed_over(&self, nodes: &Nodes, at: &TopicPartition, from: i64, to: i64) -> Option<(i64, i64)> {
        let starts =
            nodes.keys().filter_map(|node| log_of(nodes, *node, at)).map(UnifiedLog::log_start_offset);
        let from = starts.fold(from, i64::max).max(self.compacted.get(at).copied().unwrap_or(0));
        let batches = self.committed.get(at)?.range(..to);
        let whole = |(offset, batch): (&i64, &super::Committed)| (*offset, *batch);
        let mut batches = batches.rev().map(whole).take_while(|(_, batch)| batch.last_offset >= from);
        let (offset, batch) = batches.find(|(_, batch)| !batch.lost)?;
        let (first, last) = (offset.max(from), batch.last_offset.min(to - 1));
        (first <= last).then_some((first, last))
    }
}
