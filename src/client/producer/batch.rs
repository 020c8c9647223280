//! A batch of records on its way from `send()` to its acknowledgement: Kafka's `ProducerBatch`.

use bytes::Bytes;

use crate::base::SimTime;
use crate::client::workload::Origin;
use crate::protocol::TopicPartition;
use crate::storage::{BatchBuilder, BatchOptions, RecordBatch, RecordHeader};

/// A producer's identity towards the brokers (KIP-98).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerIdAndEpoch {
    /// `producer_id`.
    pub id: i64,
    /// `producer_epoch`.
    pub epoch: i16,
}

/// Where a batch stands.
///
/// | from | event | to |
/// | --- | --- | --- |
/// | `Filling` | full, or a later batch was begun | `Closed` |
/// | `Filling`, `Closed` | put into a request | `InFlight` |
/// | `InFlight` | a retriable error, or the connection is gone | `Retrying` |
/// | `Retrying` | put into a request | `InFlight` |
/// | any | acknowledged, failed or expired | gone |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchState {
    /// Takes records.
    Filling,
    /// Takes no more records, but was not sent yet.
    Closed,
    /// Waits for a response.
    InFlight,
    /// Waits to be sent again.
    Retrying,
}

/// A record in a batch: what views and waiting applications need of it.
#[derive(Clone, Debug, PartialEq)]
pub struct QueuedRecord {
    /// The producer's own number for it, counted from 1.
    pub number: u64,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Option<Bytes>,
    /// Whose loop stands still until the record is done.
    pub(in crate::client) awaited_by: Option<Origin>,
}

/// A batch of records for one partition.
#[derive(Clone, Debug, PartialEq)]
pub struct ProducerBatch {
    pub(super) at: TopicPartition,
    pub(super) builder: BatchBuilder,
    /// It takes records up to this size.
    pub(super) write_limit: u32,
    pub(super) records: Vec<QueuedRecord>,
    pub(super) created_at: SimTime,
    pub(super) state: BatchState,
    /// How often it was put into a request.
    pub(super) attempts: u32,
    /// When a failed batch may be sent again.
    pub(super) retry_at: SimTime,
    /// The leader epoch that the last attempt was sent under.
    pub(super) leader_epoch: i32,
    pub(super) producer: Option<ProducerIdAndEpoch>,
    /// −1: none yet.
    pub(super) base_sequence: i32,
    /// The sequence is not the one that it was first sent with.
    pub(super) sequence_was_reset: bool,
    /// CRC as last sent.
    pub(super) crc: u32,
}

impl ProducerBatch {
    pub(super) fn new(at: TopicPartition, options: BatchOptions, write_limit: u32, now: SimTime) -> Self {
        ProducerBatch {
            at,
            builder: BatchBuilder::new(options),
            write_limit,
            records: Vec::new(),
            created_at: now,
            state: BatchState::Filling,
            attempts: 0,
            retry_at: SimTime::ZERO,
            leader_epoch: -1,
            producer: None,
            base_sequence: -1,
            sequence_was_reset: false,
            crc: 0,
        }
    }

    /// Its partition.
    pub fn at(&self) -> &TopicPartition {
        &self.at
    }

    /// Its records, oldest first.
    pub fn records(&self) -> &[QueuedRecord] {
        &self.records
    }

    /// Where it stands.
    pub fn state(&self) -> BatchState {
        self.state
    }

    /// Size in bytes so far, not compressed.
    pub fn size_bytes(&self) -> u32 {
        self.builder.size_bytes()
    }

    /// `batch.size`, or the size of its only record if that is larger.
    pub fn limit_bytes(&self) -> u32 {
        self.write_limit
    }

    /// How often it was sent.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Number of records.
    pub fn count(&self) -> u32 {
        self.records.len() as u32
    }

    /// Sequence number of the first record, once an idempotent producer has given it one.
    pub fn base_sequence(&self) -> Option<i32> {
        (self.base_sequence >= 0).then_some(self.base_sequence)
    }

    /// When it was begun.
    pub fn created_at(&self) -> SimTime {
        self.created_at
    }

    /// Sequence number of the last record; after `i32::MAX` comes 0.
    pub(super) fn last_sequence(&self) -> i32 {
        add_sequence(self.base_sequence, i64::from(self.count()) - 1)
    }

    pub(super) fn is_full(&self) -> bool {
        self.state != BatchState::Filling || self.builder.is_full(self.write_limit)
    }

    /// Adds a record if the batch still takes one; false if not.
    pub(super) fn try_append(
        &mut self,
        timestamp: i64,
        value: Option<&[u8]>,
        headers: &[RecordHeader],
        record: QueuedRecord,
    ) -> bool {
        let key = record.key.as_deref();
        let fits = self.state == BatchState::Filling
            && self.builder.has_room_for(self.write_limit, timestamp, key, value, headers)
            && self.builder.try_push(timestamp, key, value, headers).is_ok();
        if fits {
            self.records.push(record);
        }
        fits
    }

    pub(super) fn set_sequence(&mut self, producer: ProducerIdAndEpoch, base_sequence: i32) {
        self.sequence_was_reset = self.base_sequence >= 0;
        self.producer = Some(producer);
        self.base_sequence = base_sequence;
    }

    /// The bytes to send; notes the attempt.
    pub(super) fn send(&mut self, leader_epoch: i32) -> Bytes {
        let producer = self.producer.unwrap_or(ProducerIdAndEpoch { id: -1, epoch: -1 });
        self.builder.set_producer_state(producer.id, producer.epoch, self.base_sequence);
        self.state = BatchState::InFlight;
        self.attempts += 1;
        self.leader_epoch = leader_epoch;
        let bytes = self.builder.build();
        self.crc = RecordBatch::parse(&bytes).map_or(0, |(batch, _)| batch.crc());
        bytes
    }

    /// Smaller batches with the same records and sequences. Kafka splits by `batch.size`; a
    /// batch within that would never get smaller, so here each is at most half the size.
    pub(super) fn split(&self, batch_size: u32) -> Vec<ProducerBatch> {
        let limit = batch_size.min(self.size_bytes() / 2);
        let mut parts: Vec<ProducerBatch> = Vec::new();
        let mut sequence = self.base_sequence;
        let Ok((whole, _)) = RecordBatch::parse(&self.builder.build()) else { return parts };
        let BatchOptions { compression, gzip_level, .. } = *self.builder.options();
        let options = BatchOptions { compression, gzip_level, ..BatchOptions::default() };
        for (queued, record) in self.records.iter().zip(whole.records().filter_map(Result::ok)) {
            let value = record.value.as_deref();
            let fits = |part: &mut ProducerBatch| {
                part.try_append(record.timestamp, value, &record.headers, queued.clone())
            };
            if parts.last_mut().is_some_and(fits) {
                continue;
            }
            if let Some(full) = parts.last_mut() {
                full.state = BatchState::Retrying;
                sequence = add_sequence(sequence, i64::from(full.count()));
            }
            let alone = BatchBuilder::size_upper_bound(queued.key.as_deref(), value, &record.headers);
            let write_limit = limit.max(u32::try_from(alone).unwrap_or(u32::MAX));
            let mut part = ProducerBatch::new(self.at.clone(), options.clone(), write_limit, self.created_at);
            part.producer = self.producer;
            part.base_sequence = sequence;
            part.try_append(record.timestamp, value, &record.headers, queued.clone());
            parts.push(part);
        }
        if let Some(last) = parts.last_mut() {
            last.state = BatchState::Retrying;
        }
        parts
    }
}

/// Sequence numbers run from 0 to `i32::MAX`, then from 0 again.
pub(super) fn add_sequence(sequence: i32, n: i64) -> i32 {
    if sequence < 0 {
        return sequence;
    }
    (i64::from(sequence) + n).rem_euclid(1 << 31) as i32
}
