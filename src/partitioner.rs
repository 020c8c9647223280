//! Which partition a record without an explicit one goes to: Java's built-in partitioner and
//! round robin, and those of librdkafka and kafkajs, so that mixed clients put keys where they
//! really would.
//!
//! Must not know who produces: all state is in the caller's [`Partitioner`]. A record that names
//! its partition never comes here.

mod hash;
mod sticky;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::base::{Map, Rng};
pub use hash::{crc32, fnv1a, murmur2, murmur2_kafkajs_legacy};
pub use sticky::{BuiltInPartitioner, QueueSize, is_available};

/// What [`Partitioner::choose`] says when a topic has no partition; Kafka's `UNKNOWN_PARTITION`.
pub const UNKNOWN_PARTITION: i32 = -1;

/// A way to choose partitions, named as the client that has it names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PartitionerKind {
    /// Java since 3.3 (KIP-480, KIP-794): murmur2 of the key, else sticky.
    #[default]
    Default,
    /// librdkafka: murmur2; no key counts as an empty one.
    Murmur2,
    /// librdkafka: murmur2, and at random without a key.
    Murmur2Random,
    /// librdkafka: CRC-32; no key counts as an empty one.
    Consistent,
    /// librdkafka's own default: CRC-32, and at random when the key is missing or empty.
    ConsistentRandom,
    /// librdkafka: FNV-1a as Sarama has it; no key counts as an empty one.
    Fnv1a,
    /// librdkafka: FNV-1a, and at random without a key.
    Fnv1aRandom,
    /// Java's `RoundRobinPartitioner`: in turn, whatever the key.
    RoundRobin,
    /// kafkajs 2: murmur2, and in turn from a random start without a key.
    #[serde(rename = "kafkajs-default")]
    KafkajsDefault,
    /// kafkajs 1: the same with a murmur2 that loses bits.
    #[serde(rename = "kafkajs-legacy")]
    KafkajsLegacy,
    /// librdkafka: at random, whatever the key.
    Random,
}

impl PartitionerKind {
    /// All of them.
    pub const ALL: [PartitionerKind; 11] = [
        PartitionerKind::Default,
        PartitionerKind::Murmur2,
        PartitionerKind::Murmur2Random,
        PartitionerKind::Consistent,
        PartitionerKind::ConsistentRandom,
        PartitionerKind::Fnv1a,
        PartitionerKind::Fnv1aRandom,
        PartitionerKind::RoundRobin,
        PartitionerKind::KafkajsDefault,
        PartitionerKind::KafkajsLegacy,
        PartitionerKind::Random,
    ];

    /// Its name in scenario files.
    pub fn name(self) -> &'static str {
        match self {
            PartitionerKind::Default => "default",
            PartitionerKind::Murmur2 => "murmur2",
            PartitionerKind::Murmur2Random => "murmur2_random",
            PartitionerKind::Consistent => "consistent",
            PartitionerKind::ConsistentRandom => "consistent_random",
            PartitionerKind::Fnv1a => "fnv1a",
            PartitionerKind::Fnv1aRandom => "fnv1a_random",
            PartitionerKind::RoundRobin => "round_robin",
            PartitionerKind::KafkajsDefault => "kafkajs-default",
            PartitionerKind::KafkajsLegacy => "kafkajs-legacy",
            PartitionerKind::Random => "random",
        }
    }
}

impl fmt::Display for PartitionerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that no partitioner has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPartitioner(pub String);

impl fmt::Display for UnknownPartitioner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no partitioner {:?}; there are ", self.0)?;
        for (n, kind) in PartitionerKind::ALL.iter().enumerate() {
            write!(f, "{}{kind}", if n == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownPartitioner {}

impl FromStr for PartitionerKind {
    type Err = UnknownPartitioner;
    fn from_str(name: &str) -> Result<Self, UnknownPartitioner> {
        let found = PartitionerKind::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| UnknownPartitioner(name.to_owned()))
    }
}

/// The partition that a key belongs to, from 0 up to but not including `partition_count`. `None`
/// when this kind does not go by this key, or there are no partitions.
pub fn partition_for_key(kind: PartitionerKind, key: &[u8], partition_count: u32) -> Option<i32> {
    let hash = match kind {
        PartitionerKind::Default
        | PartitionerKind::Murmur2
        | PartitionerKind::Murmur2Random
        | PartitionerKind::KafkajsDefault => to_positive(murmur2(key)),
        PartitionerKind::KafkajsLegacy => to_positive(murmur2_kafkajs_legacy(key)),
        PartitionerKind::ConsistentRandom if key.is_empty() => return None,
        PartitionerKind::Consistent | PartitionerKind::ConsistentRandom => crc32(key),
        PartitionerKind::Fnv1a | PartitionerKind::Fnv1aRandom => fnv1a(key),
        PartitionerKind::RoundRobin | PartitionerKind::Random => return None,
    };
    // Partitions are numbered by non-negative i32.
    let partition = hash.checked_rem(partition_count.min(i32::MAX as u32))?;
    i32::try_from(partition).ok()
}

/// What a client knows of a topic's partitions when it chooses one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicPartitions<'a> {
    /// How many there are.
    pub count: u32,
    /// Those that have a leader, ascending.
    pub available: &'a [i32],
}

impl TopicPartitions<'_> {
    /// The `n`-th available one, counted round and round; with none available, the `n`-th of all.
    fn nth(&self, n: u32) -> i32 {
        let available = u32::try_from(self.available.len()).unwrap_or(u32::MAX);
        match (n.checked_rem(available), n.checked_rem(self.count)) {
            (Some(index), _) => self.available.get(index as usize).copied().unwrap_or(UNKNOWN_PARTITION),
            (None, Some(partition)) => i32::try_from(partition).unwrap_or(UNKNOWN_PARTITION),
            (None, None) => UNKNOWN_PARTITION,
        }
    }

    fn random(&self, rng: &mut Rng) -> i32 {
        // Java's way: a random i32 made positive, then the remainder.
        self.nth(to_positive(rng.next_u64() as i32))
    }
}

/// One producer's partitioner with what it remembers of each topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Partitioner {
    kind: PartitionerKind,
    ignore_keys: bool,
    batch_size_bytes: u32,
    counters: Map<String, u32>,
    sticky: Map<String, BuiltInPartitioner>,
}

impl Partitioner {
    /// A partitioner that remembers nothing yet. `ignore_keys` is Java's
    /// `partitioner.ignore.keys` and `batch_size_bytes` its `batch.size`; only
    /// [`PartitionerKind::Default`] asks for them.
    pub fn new(kind: PartitionerKind, ignore_keys: bool, batch_size_bytes: u32) -> Partitioner {
        Partitioner { kind, ignore_keys, batch_size_bytes, counters: Map::new(), sticky: Map::new() }
    }

    /// Which one it is.
    pub fn kind(&self) -> PartitionerKind {
        self.kind
    }

    /// Whether records with this key go by what [`Partitioner::on_batch_bytes`] counts.
    pub fn is_sticky(&self, key: Option<&[u8]>) -> bool {
        self.kind == PartitionerKind::Default && (key.is_none() || self.ignore_keys)
    }

    /// The partition for the next record of `topic`; [`UNKNOWN_PARTITION`] when it has none.
    ///
    /// librdkafka stays with a random choice for `sticky.partitioning.linger.ms`; here, as with
    /// that set to 0, it draws for each record.
    pub fn choose(
        &mut self,
        rng: &mut Rng,
        topic: &str,
        key: Option<&[u8]>,
        partitions: &TopicPartitions<'_>,
    ) -> i32 {
        if partitions.count == 0 {
            return UNKNOWN_PARTITION;
        }
        let key = match self.kind {
            PartitionerKind::Default if self.ignore_keys => None,
            PartitionerKind::Murmur2 | PartitionerKind::Consistent | PartitionerKind::Fnv1a => {
                Some(key.unwrap_or_default())
            }
            _ => key,
        };
        if let Some(partition) = key.and_then(|key| partition_for_key(self.kind, key, partitions.count)) {
            return partition;
        }
        match self.kind {
            PartitionerKind::Default => self.sticky_mut(topic).current(rng, partitions),
            PartitionerKind::RoundRobin => partitions.nth(self.next_in_turn(topic, 0)),
            PartitionerKind::KafkajsDefault | PartitionerKind::KafkajsLegacy => {
                // It draws a number for each topic and counts up before use.
                let start = if self.counters.contains_key(topic) { 0 } else { rng.next_u64() as u32 };
                partitions.nth(self.next_in_turn(topic, start.wrapping_add(1)))
            }
            _ => partitions.random(rng),
        }
    }

    /// Tells that `bytes` of a sticky record were appended to the partition chosen for it.
    /// `may_switch` is whether the last batch waiting for that partition is full or gone: Java
    /// would leave no batch half filled (KAFKA-14156), and waits for that until twice
    /// `batch.size`.
    pub fn on_batch_bytes(
        &mut self,
        rng: &mut Rng,
        topic: &str,
        bytes: u32,
        may_switch: bool,
        partitions: &TopicPartitions<'_>,
    ) {
        if self.kind == PartitionerKind::Default {
            let batch_size_bytes = self.batch_size_bytes;
            self.sticky_mut(topic).on_appended(rng, bytes, may_switch, batch_size_bytes, partitions);
        }
    }

    /// Tells how many batches wait for each partition, for adaptive partitioning
    /// (`partitioner.adaptive.partitioning.enable`): see [`BuiltInPartitioner::update_load`].
    pub fn update_load(&mut self, topic: &str, queues: &[QueueSize], partition_count: u32) {
        if self.kind == PartitionerKind::Default {
            self.sticky_mut(topic).update_load(queues, partition_count);
        }
    }

    fn sticky_mut(&mut self, topic: &str) -> &mut BuiltInPartitioner {
        self.sticky.entry(topic.to_owned()).or_default()
    }

    /// The topic's counter, which begins with `start`, made positive.
    fn next_in_turn(&mut self, topic: &str, start: u32) -> u32 {
        let next = match self.counters.get_mut(topic) {
            Some(counter) => {
                *counter = counter.wrapping_add(1);
                *counter
            }
            None => {
                self.counters.insert(topic.to_owned(), start);
                start
            }
        };
        to_positive(next as i32)
    }
}

/// Java's `Utils.toPositive`: clears the sign bit, which is not the absolute value.
fn to_positive(number: i32) -> u32 {
    (number & 0x7fff_ffff) as u32
}

#[cfg(test)]
mod partitioner_test;
