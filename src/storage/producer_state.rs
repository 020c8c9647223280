//! What a log remembers of each idempotent producer: its epoch and its last five batches,
//! enough to tell a duplicate from a gap (KIP-98, KIP-360).

use std::collections::VecDeque;
use std::sync::Arc;

use crate::base::Map;

use super::batch::increment_sequence;
use super::{LogError, RecordBatch};

/// How many batches are remembered: as many as a producer may have in flight
/// (`max.in.flight.requests.per.connection` with idempotence).
const BATCHES_KEPT: usize = 5;
const NO_PRODUCER_EPOCH: i16 = -1;
const NO_SEQUENCE: i32 = -1;

/// One batch that a producer wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchMetadata {
    /// Sequence number of the first record.
    pub first_sequence: i32,
    /// Sequence number of the last record.
    pub last_sequence: i32,
    /// Offset of the first record.
    pub first_offset: i64,
    /// Offset of the last record.
    pub last_offset: i64,
    /// Largest timestamp, in ms.
    pub timestamp: i64,
}

/// One producer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerStateEntry {
    /// Its epoch.
    pub producer_epoch: i16,
    /// Its last batches in that epoch, oldest first, at most five.
    pub batches: VecDeque<BatchMetadata>,
    /// Largest timestamp of its last batch, in ms: what its expiry counts from.
    pub last_timestamp: i64,
}

/// All producers of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProducerStateManager {
    producers: Arc<Map<i64, ProducerStateEntry>>,
}

impl ProducerStateEntry {
    /// Sequence number of the last record, or −1.
    pub fn last_sequence(&self) -> i32 {
        self.batches.back().map_or(NO_SEQUENCE, |batch| batch.last_sequence)
    }

    /// Offset of the last record, if a batch is remembered.
    pub fn last_offset(&self) -> Option<i64> {
        self.batches.back().map(|batch| batch.last_offset)
    }

    fn is_expired(&self, now_ms: i64, expiration_ms: i64) -> bool {
        now_ms.saturating_sub(self.last_timestamp) >= expiration_ms
    }
}

impl ProducerStateManager {
    /// The producers, by id.
    pub fn producers(&self) -> impl Iterator<Item = (i64, &ProducerStateEntry)> {
        self.producers.iter().map(|(&id, entry)| (id, entry))
    }

    /// One producer.
    pub fn producer(&self, producer_id: i64) -> Option<&ProducerStateEntry> {
        self.producers.get(&producer_id)
    }

    /// The batch that this one repeats, if it is among those remembered.
    pub fn find_duplicate(&self, batch: &RecordBatch) -> Option<BatchMetadata> {
        let entry = self.producers.get(&batch.producer_id())?;
        let range = (batch.base_sequence(), batch.last_sequence());
        let same = |known: &&BatchMetadata| (known.first_sequence, known.last_sequence) == range;
        (entry.producer_epoch == batch.producer_epoch())
            .then(|| entry.batches.iter().find(same).copied())
            .flatten()
    }

    /// Whether a client may append this batch: its epoch is not an old one and its sequence
    /// follows. Batches without a producer id always may, whatever their epoch and sequence
    /// say. A producer that is not known may begin anywhere (KIP-360).
    pub fn check(&self, batch: &RecordBatch) -> Result<(), LogError> {
        self.check_epoch(batch)?;
        let Some(entry) = self.known(batch) else { return Ok(()) };
        let (producer_id, found) = (batch.producer_id(), batch.base_sequence());
        let expected = if entry.producer_epoch == batch.producer_epoch() {
            match entry.last_sequence() {
                NO_SEQUENCE => 0,
                last => increment_sequence(last, 1),
            }
        } else if entry.producer_epoch == NO_PRODUCER_EPOCH {
            found
        } else {
            0
        };
        if found == expected {
            Ok(())
        } else {
            Err(LogError::OutOfOrderSequenceNumber { producer_id, expected, found })
        }
    }

    /// Whether the batch's producer has not been replaced by a later epoch.
    pub fn check_epoch(&self, batch: &RecordBatch) -> Result<(), LogError> {
        let Some(entry) = self.known(batch) else { return Ok(()) };
        let (current, found) = (entry.producer_epoch, batch.producer_epoch());
        if current > found {
            return Err(LogError::InvalidProducerEpoch { producer_id: batch.producer_id(), current, found });
        }
        Ok(())
    }

    /// Notes a batch that has been appended.
    pub fn update(&mut self, batch: &RecordBatch) {
        if !batch.has_producer_id() {
            return;
        }
        let timestamp = batch.max_timestamp();
        let entry = Arc::make_mut(&mut self.producers).entry(batch.producer_id()).or_insert_with(|| {
            ProducerStateEntry {
                producer_epoch: batch.producer_epoch(),
                batches: VecDeque::new(),
                last_timestamp: timestamp,
            }
        });
        if entry.producer_epoch != batch.producer_epoch() {
            entry.producer_epoch = batch.producer_epoch();
            entry.batches.clear();
        }
        entry.last_timestamp = timestamp;
        if batch.is_control() {
            return;
        }
        if entry.batches.len() == BATCHES_KEPT {
            entry.batches.pop_front();
        }
        entry.batches.push_back(BatchMetadata {
            first_sequence: batch.base_sequence(),
            last_sequence: batch.last_sequence(),
            first_offset: batch.base_offset(),
            last_offset: batch.last_offset(),
            timestamp,
        });
    }

    /// Whether [`remove_expired`](Self::remove_expired) would forget anybody.
    pub fn has_expired(&self, now_ms: i64, expiration_ms: i64) -> bool {
        self.producers.values().any(|entry| entry.is_expired(now_ms, expiration_ms))
    }

    /// Forgets producers that wrote nothing for `expiration_ms`
    /// (`producer.id.expiration.ms`). Gives their ids.
    pub fn remove_expired(&mut self, now_ms: i64, expiration_ms: i64) -> Vec<i64> {
        let expired: Vec<i64> = self
            .producers
            .iter()
            .filter(|(_, entry)| entry.is_expired(now_ms, expiration_ms))
            .map(|(&id, _)| id)
            .collect();
        if !expired.is_empty() {
            Arc::make_mut(&mut self.producers).retain(|id, _| !expired.contains(id));
        }
        expired
    }

    fn known(&self, batch: &RecordBatch) -> Option<&ProducerStateEntry> {
        if batch.has_producer_id() { self.producers.get(&batch.producer_id()) } else { None }
    }
}
