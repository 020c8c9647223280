//! Java's built-in partitioner for records without a key (KIP-794): stay with one partition
//! until a batch's worth of bytes went there, then move to another, less often to one whose
//! queue is long.

use crate::base::{Rng, SimTime};

use super::{TopicPartitions, to_positive};

/// How many batches wait to be sent to a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSize {
    /// Which partition.
    pub partition: i32,
    /// How many batches.
    pub batches: u32,
}

/// What one producer remembers of one topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BuiltInPartitioner {
    current: Option<i32>,
    produced_bytes: u64,
    load: Option<Load>,
}

/// Chances to be chosen: a partition's share is the distance to the entry before its own.
#[derive(Clone, Debug, PartialEq)]
struct Load {
    partitions: Vec<i32>,
    cumulative: Vec<u64>,
}

impl BuiltInPartitioner {
    /// The partition that records go to for now; draws one when there is none, or when the one
    /// drawn earlier does not exist.
    pub fn current(&mut self, rng: &mut Rng, partitions: &TopicPartitions<'_>) -> i32 {
        match self.current {
            Some(partition) if i64::from(partition) < i64::from(partitions.count) => partition,
            _ => self.switch(rng, partitions),
        }
    }

    /// Counts what was appended, and moves on when that is enough: see
    /// [`super::Partitioner::on_batch_bytes`].
    pub fn on_appended(
        &mut self,
        rng: &mut Rng,
        bytes: u32,
        may_switch: bool,
        batch_size_bytes: u32,
        partitions: &TopicPartitions<'_>,
    ) {
        self.produced_bytes = self.produced_bytes.saturating_add(u64::from(bytes));
        let enough = u64::from(batch_size_bytes);
        if (self.produced_bytes >= enough && may_switch) || self.produced_bytes >= 2 * enough {
            self.switch(rng, partitions);
        }
    }

    /// From now on, partitions with longer queues are chosen less often. `queues` has those
    /// with a leader that is not too slow ([`is_available`]); the others are not chosen at all.
    /// With no queues, or the same for all partitions, the choice is uniform again.
    pub fn update_load(&mut self, queues: &[QueueSize], partition_count: u32) {
        self.load = None;
        let longest = queues.iter().map(|queue| queue.batches).max();
        let shortest = queues.iter().map(|queue| queue.batches).min();
        let none_left_out = queues.len() as u64 >= u64::from(partition_count);
        let Some(longest) = longest else { return };
        if partition_count < 2 || (shortest == Some(longest) && none_left_out) {
            return;
        }
        let mut total = 0_u64;
        let mut load = Load { partitions: Vec::new(), cumulative: Vec::new() };
        for queue in queues {
            total += u64::from(longest) + 1 - u64::from(queue.batches);
            load.partitions.push(queue.partition);
            load.cumulative.push(total);
        }
        self.load = Some(load);
    }

    fn switch(&mut self, rng: &mut Rng, partitions: &TopicPartitions<'_>) -> i32 {
        let next = match &self.load {
            Some(load) => load.draw(rng),
            None => None,
        };
        let next = next.unwrap_or_else(|| partitions.random(rng));
        self.current = Some(next);
        self.produced_bytes = 0;
        next
    }
}

impl Load {
    fn draw(&self, rng: &mut Rng) -> Option<i32> {
        let random = u64::from(to_positive(rng.next_u64() as i32));
        let weighted = random.checked_rem(*self.cumulative.last()?)?;
        let index = self.cumulative.partition_point(|&share| share <= weighted);
        self.partitions.get(index).copied()
    }
}

/// Whether a partition is chosen although its leader was last ready to be sent to at `ready_at`
/// and last sent to at `drained_at`: `partitioner.availability.timeout.ms`, here in microseconds;
/// 0 means always.
pub fn is_available(ready_at: SimTime, drained_at: SimTime, availability_timeout: u64) -> bool {
    availability_timeout == 0 || ready_at.since(drained_at) <= availability_timeout
}
