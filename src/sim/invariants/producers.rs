//! What idempotence promises: of one producer, every batch is committed once and in order.
//!
//! Source: KIP-98, KIP-360.

use super::{DUPLICATE, REORDERED};
use crate::base::Map;
use crate::protocol::TopicPartition;
use crate::storage::RecordBatch;

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
