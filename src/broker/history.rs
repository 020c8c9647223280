//! Old rules, each a switch that is off: how followers truncated before KIP-101 (Kafka 0.11).
//!
//! A follower that got a leader cut its log to its own high watermark, which is one fetch late, and
//! believed in what was left. It asked for what comes next, without saying in which leader epoch it had
//! got the last; only when it was ahead of the leader's end did it cut more, as it does today.
//!
//! Source: KIP-101, *Motivation*. The switch is `history.truncate.by.high.watermark`, no config of Kafka's.

use crate::broker::{Broker, Ctx, Partition};
use crate::protocol::TopicPartition;

/// It cuts by no leader's epoch.
const NO_EPOCH: i32 = -1;

/// Whether this replica follows as before KIP-101.
pub(super) fn follows_high_watermark(partition: &Partition) -> bool {
    partition.log.config().history_truncate_by_high_watermark
}

impl Broker {
    /// A follower has got another leader: what it does not know to be committed goes.
    #[inline(never)]
    pub(super) fn truncate_to_high_watermark(&mut self, ctx: &mut Ctx, at: &TopicPartition) {
        if let Some(partition) = self.partition(at) {
            self.truncate_replica(ctx, at, partition.log.high_watermark(), NO_EPOCH);
        }
    }
}
