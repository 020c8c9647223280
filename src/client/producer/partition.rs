//! Stand-in until the partitioners are there: keys by CRC, others in turn.

use serde::{Deserialize, Serialize};

use super::config::ProducerConfig;
use crate::base::Rng;

/// `partitioner`: how a record gets its partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PartitionerName {
    /// As the Java client does without `partitioner.class`.
    #[default]
    Default,
}

/// The partitions to choose from.
pub(super) struct Partitions<'a> {
    pub(super) count: u32,
    pub(super) available: &'a [i32],
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Partitioner {
    turn: u32,
}

impl ProducerConfig {
    pub(super) fn partitioner(&self) -> Partitioner {
        Partitioner::default()
    }
}

impl Partitioner {
    pub(super) fn choose(
        &mut self,
        _rng: &mut Rng,
        _topic: &str,
        key: Option<&[u8]>,
        partitions: Partitions<'_>,
    ) -> i32 {
        match key {
            Some(key) => (crc32c::crc32c(key) % partitions.count.max(1)) as i32,
            None => {
                self.turn = self.turn.wrapping_add(1);
                let count = partitions.available.len().max(1);
                partitions.available.get(self.turn as usize % count).copied().unwrap_or(0)
            }
        }
    }

    pub(super) fn on_batch_bytes(&mut self, _topic: &str, _partition: i32, _bytes: u32, _new_batch: bool) {}
}
