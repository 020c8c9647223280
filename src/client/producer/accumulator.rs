//! Records waiting to be sent, in batches by partition: Kafka's `RecordAccumulator`.
//!
//! A batch is ready when it is full, when `linger.ms` has passed, when memory is short, or
//! when somebody flushes; a batch that failed is ready after its back-off. Must not know
//! requests or connections.

use std::collections::VecDeque;
use std::sync::Arc;

use super::batch::{BatchState, ProducerBatch, QueuedRecord};
use super::sender::Readiness;
use crate::base::{Map, SimTime, ms};
use crate::client::workload::Origin;
use crate::protocol::TopicPartition;
use crate::storage::{BatchBuilder, BatchOptions, RecordHeader};

/// A record with its partition chosen.
pub(super) struct Append<'a> {
    pub(super) at: &'a TopicPartition,
    pub(super) timestamp: i64,
    pub(super) key: Option<&'a bytes::Bytes>,
    pub(super) value: Option<&'a bytes::Bytes>,
    pub(super) headers: &'a [RecordHeader],
    pub(super) awaited_by: Option<Origin>,
}

/// What an append did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Appended {
    /// The producer's number for the record.
    pub(super) record: u64,
    /// Bytes by which the partition's batches grew.
    pub(super) bytes: u32,
    /// The partition's last batch takes no more.
    pub(super) is_full: bool,
}

/// All the batches of a producer.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordAccumulator {
    options: BatchOptions,
    batches: Map<u64, Arc<ProducerBatch>>,
    queues: Map<TopicPartition, Queue>,
    next_batch: u64,
    next_record: u64,
    /// Memory that batches hold, of `buffer.memory`.
    used_bytes: u64,
}

/// A partition's batches that wait to be sent, oldest first. Those in flight are not in it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Queue {
    ids: VecDeque<u64>,
    /// A batch is in flight and no other may overtake it.
    muted: bool,
}

impl RecordAccumulator {
    /// Its batches have these options.
    pub(super) fn new(options: BatchOptions) -> Self {
        RecordAccumulator {
            options,
            batches: Map::new(),
            queues: Map::new(),
            next_batch: 1,
            next_record: 1,
            used_bytes: 0,
        }
    }

    /// Every batch that is not done, oldest first.
    pub fn batches(&self) -> impl Iterator<Item = &ProducerBatch> {
        self.batches.values().map(|batch| &**batch)
    }

    /// Memory in use, of `buffer.memory`.
    pub fn used_bytes(&self) -> u64 {
        self.used_bytes
    }

    /// Adds a record to its partition's last batch or to a new one. `None`: no memory left.
    pub(super) fn append(
        &mut self,
        now: SimTime,
        append: &Append<'_>,
        batch_size: u32,
        buffer_memory: u64,
    ) -> Option<Appended> {
        let Append { at, timestamp, value: content, headers, .. } = *append;
        let value = content.map(|value| &**value);
        let record = QueuedRecord {
            number: self.next_record,
            key: append.key.cloned(),
            value: content.cloned(),
            awaited_by: append.awaited_by,
        };
        let last = self.queues.get(at).and_then(|queue| queue.ids.back());
        if let Some(batch) = last.and_then(|id| self.batches.get_mut(id)) {
            let batch = Arc::make_mut(batch);
            let before = batch.size_bytes();
            if batch.try_append(timestamp, value, headers, record.clone()) {
                self.next_record += 1;
                let bytes = batch.size_bytes() - before;
                return Some(Appended { record: record.number, bytes, is_full: batch.is_full() });
            }
        }
        let alone = BatchBuilder::size_upper_bound(append.key.map(|key| &**key), value, headers);
        let write_limit = batch_size.max(u32::try_from(alone).ok()?);
        if self.used_bytes + u64::from(write_limit) > buffer_memory {
            return None;
        }
        if let Some(full) = last.and_then(|id| self.batches.get_mut(id))
            && full.state == BatchState::Filling
        {
            Arc::make_mut(full).state = BatchState::Closed;
        }
        let mut batch = ProducerBatch::new(at.clone(), self.options.clone(), write_limit, now);
        if !batch.try_append(timestamp, value, headers, record) {
            return None;
        }
        let (bytes, is_full) = (batch.size_bytes(), batch.is_full());
        let id = self.insert(batch);
        self.queues.entry(at.clone()).or_default().ids.push_back(id);
        self.next_record += 1;
        Some(Appended { record: self.next_record - 1, bytes, is_full })
    }

    pub(super) fn get(&self, id: u64) -> Option<&ProducerBatch> {
        self.batches.get(&id).map(|batch| &**batch)
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut ProducerBatch> {
        self.batches.get_mut(&id).map(Arc::make_mut)
    }

    /// The partitions with batches that wait.
    pub(super) fn waiting_partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        self.queues.iter().filter(|(_, queue)| !queue.ids.is_empty()).map(|(at, _)| at)
    }

    /// How many batches wait for each partition that ever had one.
    pub(super) fn queue_sizes(&self) -> impl Iterator<Item = (&TopicPartition, u32)> {
        self.queues.iter().map(|(at, queue)| (at, u32::try_from(queue.ids.len()).unwrap_or(u32::MAX)))
    }

    /// The batch that is next in line for a partition, and when it is ready: at once if full
    /// or if memory is short, else after `linger.ms`, or after its back-off. A newer leader
    /// ends the back-off (KIP-951). `None` if there is none or the partition is muted.
    pub(super) fn next_in_line(
        &self,
        at: &TopicPartition,
        readiness: Readiness,
        leader_epoch: i32,
    ) -> Option<(u64, SimTime)> {
        let queue = self.queues.get(at).filter(|queue| !queue.muted)?;
        let &id = queue.ids.front()?;
        let batch = self.get(id)?;
        let ready_at = if batch.attempts > 0 || batch.state == BatchState::Retrying {
            if leader_epoch > batch.leader_epoch { SimTime::ZERO } else { batch.retry_at }
        } else if readiness.hurry
            || queue.ids.len() > 1
            || batch.is_full()
            || readiness.flushed_until.is_some_and(|until| batch.created_at <= until)
        {
            SimTime::ZERO
        } else {
            batch.created_at + ms(readiness.linger_ms)
        };
        Some((id, ready_at))
    }

    /// Takes a batch out of its queue, because it is put into a request.
    pub(super) fn take(&mut self, id: u64, mute: bool) -> Option<&mut ProducerBatch> {
        let batch = self.batches.get_mut(&id).map(Arc::make_mut)?;
        if let Some(queue) = self.queues.get_mut(&batch.at) {
            queue.ids.retain(|&queued| queued != id);
            queue.muted |= mute;
        }
        Some(batch)
    }

    /// Puts a batch that failed back in line: in front, but behind batches with lower
    /// sequences.
    pub(super) fn reenqueue(&mut self, id: u64) {
        let Some(batch) = self.batches.get(&id) else { return };
        let (at, sequence) = (batch.at.clone(), batch.base_sequence);
        let batches = &self.batches;
        let queue = self.queues.entry(at).or_default();
        let before = |&&queued: &&u64| {
            batches.get(&queued).is_some_and(|other| {
                // Half the circle: sequences wrap.
                other.base_sequence >= 0
                    && sequence >= 0
                    && other.base_sequence != sequence
                    && sequence.wrapping_sub(other.base_sequence) & i32::MAX < 1 << 30
            })
        };
        let position = queue.ids.iter().take_while(before).count();
        queue.ids.insert(position, id);
    }

    /// Puts the parts of a batch in its place, at the front of the line.
    pub(super) fn replace(&mut self, id: u64, parts: Vec<ProducerBatch>) -> Vec<u64> {
        self.remove(id);
        let ids: Vec<u64> = parts.into_iter().map(|part| self.insert(part)).collect();
        for &id in ids.iter().rev() {
            self.reenqueue(id);
        }
        ids
    }

    /// A partition's batches may be sent again.
    pub(super) fn unmute(&mut self, at: &TopicPartition) {
        if let Some(queue) = self.queues.get_mut(at) {
            queue.muted = false;
        }
    }

    /// A batch is done, one way or the other.
    pub(super) fn remove(&mut self, id: u64) -> Option<Arc<ProducerBatch>> {
        let batch = self.batches.remove(&id)?;
        self.used_bytes = self.used_bytes.saturating_sub(u64::from(batch.write_limit));
        if let Some(queue) = self.queues.get_mut(&batch.at) {
            queue.ids.retain(|&queued| queued != id);
        }
        Some(batch)
    }

    /// The batches begun at or before `time`, oldest first.
    pub(super) fn begun_until(&self, time: SimTime) -> Vec<u64> {
        let old = self.batches.iter().filter(|(_, batch)| batch.created_at <= time);
        old.map(|(&id, _)| id).collect()
    }

    /// When the oldest batch was begun.
    pub(super) fn oldest(&self) -> Option<SimTime> {
        self.batches.values().map(|batch| batch.created_at).min()
    }

    /// Every batch's number.
    pub(super) fn ids(&self) -> Vec<u64> {
        self.batches.keys().copied().collect()
    }

    fn insert(&mut self, batch: ProducerBatch) -> u64 {
        let id = self.next_batch;
        self.next_batch += 1;
        self.used_bytes += u64::from(batch.write_limit);
        self.batches.insert(id, Arc::new(batch));
        id
    }
}
