//! What idempotence promises: of one producer, every batch is committed once and in order. And in which
//! order that happens without it.
//!
//! Source: KIP-98, KIP-360.

use imbl::OrdMap;

use super::{DUPLICATE, Nodes, REORDERED, log_of};
use crate::base::{Map, NodeId};
use crate::protocol::TopicPartition;
use crate::sim::Machine;
use crate::storage::RecordBatch;
use crate::trace::Offsets;

/// The last batch of every producer that was committed, by partition and producer id.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Producers(Map<(TopicPartition, i64), Last>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Last {
    epoch: i16,
    sequence: i32,
    offset: i64,
}

impl Producers {
    /// A batch was committed that was not committed before.
    pub(super) fn committed(
        &mut self,
        at: &TopicPartition,
        batch: &RecordBatch,
        broken: &mut impl FnMut(&'static str, String),
    ) {
        if !batch.has_producer_id() || batch.is_control() || batch.count() == 0 {
            return;
        }
        let new = Last {
            epoch: batch.producer_epoch(),
            sequence: batch.last_sequence(),
            offset: batch.last_offset(),
        };
        let Some(last) = self.0.insert((at.clone(), batch.producer_id()), new) else { return };
        let expected = match new.epoch {
            epoch if epoch == last.epoch => last.sequence.checked_add(1).unwrap_or(0),
            _ => 0,
        };
        let found = batch.base_sequence();
        if found == expected && new.epoch >= last.epoch {
            return;
        }
        let is_repeated = new.epoch == last.epoch && found < expected;
        broken(
            if is_repeated { DUPLICATE } else { REORDERED },
            format!(
                "{at} offsets {}–{} of producer {} (epoch {}, leader epoch {}) have sequence {found}, after \
                 {} at offset {} in epoch {}",
                batch.base_offset(),
                batch.last_offset(),
                batch.producer_id(),
                new.epoch,
                batch.partition_leader_epoch(),
                last.sequence,
                last.offset,
                last.epoch,
            ),
        );
    }

    /// What was committed of this partition is not all there any more.
    pub(super) fn forget(&mut self, at: &TopicPartition) {
        self.0.retain(|(of, _), _| of != at);
    }
}

/// In which order producers without idempotence have sent their batches. That they are committed in this
/// order is what an application hopes for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Orders {
    /// What was sent and is not committed yet, by partition and CRC: by whom, as the how-manieth batch.
    sent: OrdMap<(TopicPartition, u32), (NodeId, u64)>,
    batches: u64,
    /// The latest batch of a producer that was committed, and its last offset.
    last: Map<(TopicPartition, NodeId), (u64, i64)>,
}

impl Orders {
    /// A batch is sent for the first time.
    pub(super) fn sent(&mut self, nodes: &Nodes, node: NodeId, at: &TopicPartition, crc: u32) {
        if let Some(Machine::Producer(producer)) = nodes.get(&node).map(|slot| &slot.machine)
            && !producer.config().enable_idempotence
        {
            self.batches += 1;
            self.sent.insert((at.clone(), crc), (node, self.batches));
        }
    }

    /// These offsets were committed: says what was sent before others that are committed already. What
    /// is committed once more is a duplicate, and no matter of order.
    pub(super) fn committed(
        &mut self,
        nodes: &Nodes,
        leader: NodeId,
        at: &TopicPartition,
        offsets: Offsets,
    ) -> Vec<String> {
        if self.sent.is_empty() {
            return Vec::new();
        }
        self.out_of_order(nodes, leader, at, offsets)
    }

    #[inline(never)]
    fn out_of_order(
        &mut self,
        nodes: &Nodes,
        leader: NodeId,
        at: &TopicPartition,
        offsets: Offsets,
    ) -> Vec<String> {
        let mut late = Vec::new();
        let Some(log) = log_of(nodes, leader, at) else { return late };
        for batch in log.batches_from(offsets.from).take_while(|batch| batch.base_offset() < offsets.to) {
            let Some((node, number)) = self.sent.remove(&(at.clone(), batch.crc())) else { continue };
            let last = self.last.entry((at.clone(), node)).or_insert((number, batch.last_offset()));
            if number >= last.0 {
                *last = (number, batch.last_offset());
                continue;
            }
            let (first, end, name) = (batch.base_offset(), batch.last_offset(), &nodes[&node].name);
            late.push(format!(
                "{at} offsets {first}–{end}, which {name} sent before what has offset {}",
                last.1
            ));
        }
        late
    }

    /// What was committed of this partition is not all there any more.
    pub(super) fn forget(&mut self, at: &TopicPartition) {
        self.last.retain(|(of, _), _| of != at);
    }
}
