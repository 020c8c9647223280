//! The producer id, its epoch, and the sequence numbers per partition: the idempotent half of
//! Kafka's `TransactionManager` (KIP-98, KIP-360).
//!
//! A batch gets its sequence when it is first sent and keeps it through retries, so that the
//! broker can tell a repetition from a new batch, and a gap from the next one. When a gap can
//! no longer be filled, the producer bumps its own epoch and the partition's sequences start
//! again from 0. Must not know requests or connections.

use std::collections::VecDeque;

use super::accumulator::RecordAccumulator;
use super::batch::{ProducerBatch, ProducerIdAndEpoch, add_sequence};
use crate::base::{Map, Set};
use crate::protocol::{ErrorCode, TopicPartition};

/// Producer id, epoch and sequences.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Idempotence {
    current: Option<ProducerIdAndEpoch>,
    partitions: Map<TopicPartition, Sequences>,
    /// An epoch bump is due; these partitions start again from 0.
    restart: Set<TopicPartition>,
    /// Batches expired whose fate is unknown: the sequence after them, by partition.
    unresolved: Map<TopicPartition, i32>,
    /// Nothing can be sent any more.
    fatal: Option<ErrorCode>,
}

#[derive(Clone, Debug, PartialEq)]
struct Sequences {
    producer: ProducerIdAndEpoch,
    next: i32,
    /// −1: none.
    last_acked: i32,
    /// −1: none.
    last_acked_offset: i64,
    /// Batches with a sequence that are not done, lowest first, being retried or not.
    in_flight: VecDeque<u64>,
}

impl Idempotence {
    pub(super) fn current(&self) -> Option<ProducerIdAndEpoch> {
        self.current
    }

    pub(super) fn fatal(&self) -> Option<ErrorCode> {
        self.fatal
    }

    pub(super) fn fail(&mut self, error: ErrorCode) {
        self.fatal = Some(error);
    }

    pub(super) fn set_id(&mut self, producer: ProducerIdAndEpoch) {
        self.current = Some(producer);
    }

    /// Whether a batch may not be sent now.
    pub(super) fn holds_back(&self, id: u64, batch: &ProducerBatch) -> bool {
        let Some(current) = self.current else { return true };
        let Some(sequences) = self.partitions.get(&batch.at) else { return false };
        if batch.base_sequence < 0 {
            // A new batch waits for those with the old epoch, and for gaps to be resolved.
            let stale = sequences.producer != current && !sequences.in_flight.is_empty();
            return stale || self.unresolved.contains_key(&batch.at);
        }
        // A batch that is sent again must be the first of those that are not done: one after
        // the other, until all is in order again.
        sequences.in_flight.front().is_some_and(|&first| first != id)
    }

    /// Gives a batch that is sent for the first time its sequence.
    pub(super) fn assign(&mut self, id: u64, batch: &mut ProducerBatch) {
        let Some(current) = self.current else { return };
        if batch.base_sequence >= 0 {
            return;
        }
        let sequences = self.partitions.entry(batch.at.clone()).or_insert_with(|| Sequences::new(current));
        if sequences.producer != current && sequences.in_flight.is_empty() {
            *sequences = Sequences::new(current);
        }
        batch.set_sequence(sequences.producer, sequences.next);
        sequences.next = add_sequence(sequences.next, i64::from(batch.count()));
        sequences.in_flight.push_back(id);
    }

    /// A batch was written.
    pub(super) fn acknowledged(&mut self, id: u64, batch: &ProducerBatch, base_offset: i64) {
        let Some(sequences) = self.partitions.get_mut(&batch.at) else { return };
        if batch.producer == Some(sequences.producer) {
            sequences.last_acked = sequences.last_acked.max(batch.last_sequence());
            if base_offset >= 0 {
                let last = base_offset.saturating_add(i64::from(batch.count()) - 1);
                sequences.last_acked_offset = sequences.last_acked_offset.max(last);
            }
        }
        sequences.in_flight.retain(|&other| other != id);
    }

    /// Whether a batch that failed with this error is to be sent again. May ask for an epoch
    /// bump.
    pub(super) fn may_retry(
        &mut self,
        batch: &ProducerBatch,
        error: ErrorCode,
        log_start_offset: i64,
    ) -> bool {
        let at = &batch.at;
        let sequences = self.partitions.get(at);
        let is_next = |sequence: i32| sequences.is_some_and(|it| sequence >= 0 && sequence == it.expected());
        match error {
            ErrorCode::UnknownProducerId => {
                let trimmed = sequences.is_some_and(|it| it.last_acked_offset < log_start_offset);
                if trimmed || batch.producer == self.current {
                    self.restart.insert(at.clone());
                }
                true
            }
            ErrorCode::OutOfOrderSequenceNumber => {
                let unresolved = self.unresolved.get(at);
                if unresolved.is_none() && (batch.sequence_was_reset || !is_next(batch.base_sequence)) {
                    // Batches before it are not done yet.
                    return true;
                }
                if unresolved.is_none_or(|&sequence| sequence == batch.base_sequence) {
                    self.restart.insert(at.clone());
                }
                true
            }
            _ => error.is_retriable(),
        }
    }

    /// A batch is given up. `not_written` tells that the broker refused it, so that its
    /// sequences are free for the batches behind it.
    pub(super) fn given_up(
        &mut self,
        id: u64,
        batch: &ProducerBatch,
        error: ErrorCode,
        not_written: bool,
        accumulator: &mut RecordAccumulator,
    ) {
        let Some(sequences) = self.partitions.get_mut(&batch.at) else { return };
        sequences.in_flight.retain(|&other| other != id);
        if batch.base_sequence < 0 {
            return;
        }
        if matches!(error, ErrorCode::OutOfOrderSequenceNumber | ErrorCode::UnknownProducerId) {
            self.restart.insert(batch.at.clone());
        } else if not_written && batch.producer == Some(sequences.producer) {
            let back = -i64::from(batch.count());
            sequences.next = add_sequence(sequences.next, back);
            for &behind in &sequences.in_flight {
                if let Some(behind) = accumulator.get_mut(behind) {
                    behind.set_sequence(sequences.producer, add_sequence(behind.base_sequence, back));
                }
            }
        } else if !not_written {
            // Nobody knows whether the broker has it.
            let after = add_sequence(batch.last_sequence(), 1);
            self.unresolved.insert(batch.at.clone(), after);
        }
    }

    /// A batch was split: its parts have its sequences.
    pub(super) fn split(&mut self, at: &TopicPartition, id: u64, parts: &[u64]) {
        let Some(sequences) = self.partitions.get_mut(at) else { return };
        let Some(position) = sequences.in_flight.iter().position(|&other| other == id) else { return };
        sequences.in_flight.remove(position);
        for (offset, &part) in parts.iter().enumerate() {
            sequences.in_flight.insert(position + offset, part);
        }
    }

    /// Looks at what is unresolved, and bumps the epoch if that is due. True when a new
    /// producer id is needed.
    pub(super) fn settle(&mut self, accumulator: &mut RecordAccumulator) -> bool {
        let partitions = &self.partitions;
        let restart = &mut self.restart;
        self.unresolved.retain(|at, _| {
            let Some(sequences) = partitions.get(at) else { return false };
            if !sequences.in_flight.is_empty() {
                return true;
            }
            // All came back. Unless later batches were written, the sequences have a gap.
            if sequences.next != sequences.expected() {
                restart.insert(at.clone());
            }
            false
        });
        if !self.restart.is_empty() {
            self.bump_epoch(accumulator);
        }
        self.current.is_none() && self.fatal.is_none()
    }

    fn bump_epoch(&mut self, accumulator: &mut RecordAccumulator) {
        let Some(current) = self.current else { return };
        // After the last epoch comes a new id. Until it is here nothing can be restarted.
        let Some(epoch) = current.epoch.checked_add(1) else {
            self.current = None;
            return;
        };
        let producer = ProducerIdAndEpoch { id: current.id, epoch };
        self.current = Some(producer);
        for at in std::mem::take(&mut self.restart) {
            let Some(sequences) = self.partitions.get_mut(&at) else { continue };
            let in_flight = std::mem::take(&mut sequences.in_flight);
            *sequences = Sequences::new(producer);
            for &id in &in_flight {
                if let Some(batch) = accumulator.get_mut(id) {
                    batch.set_sequence(producer, sequences.next);
                    sequences.next = add_sequence(sequences.next, i64::from(batch.count()));
                }
            }
            sequences.in_flight = in_flight;
            self.unresolved.remove(&at);
        }
    }
}

impl Sequences {
    fn new(producer: ProducerIdAndEpoch) -> Self {
        Sequences { producer, next: 0, last_acked: -1, last_acked_offset: -1, in_flight: VecDeque::new() }
    }

    /// The sequence that the broker expects, as far as acknowledgements tell.
    fn expected(&self) -> i32 {
        if self.last_acked < 0 { 0 } else { add_sequence(self.last_acked, 1) }
    }
}
