//! What nobody needs any more at the beginning of partitions of `__share_group_state` is deleted.
//!
//! Source: Kafka's `ShareCoordinatorService`: records before the earliest snapshot that counts are
//! deleted, as by DeleteRecords, and share partitions of which nothing is heard get a new snapshot.

use std::sync::Arc;

use crate::base::ms;
use crate::broker::{Broker, BrokerTimer, Ctx, SHARE_STATE_TOPIC};
use crate::protocol::TopicPartition;

impl Broker {
    /// Begins to look through the logs, unless that is done already.
    pub(super) fn begin_pruning(&mut self, ctx: &mut Ctx) {
        if !self.shares.state.is_pruning {
            self.shares.state.is_pruning = true;
            self.schedule_pruning(ctx);
        }
    }

    fn schedule_pruning(&self, ctx: &mut Ctx) {
        let interval = u64::try_from(self.config.group.share_prune_interval_ms).unwrap_or(0).max(1);
        ctx.set_timer(BrokerTimer::SharePrune, ctx.now() + ms(interval));
    }

    /// It is time to look.
    #[inline(never)]
    pub(in crate::broker) fn prune_share_states(&mut self, ctx: &mut Ctx) {
        let offsets: Vec<(i32, i64)> = self.shares.state.coordinator.redundant_before().collect();
        for (partition, offset) in offsets {
            let at = TopicPartition::new(SHARE_STATE_TOPIC, partition);
            if let Some(partition) = self.partitions.get_mut(&at)
                && offset > partition.log.log_start_offset()
            {
                // What is not committed yet is deleted another time.
                let _ = Arc::make_mut(partition).log.increment_log_start_offset(offset);
            }
        }
        let age_ms = i64::from(self.config.group.share_cold_snapshot_interval_ms);
        let cold = self.shares.state.coordinator.snapshot_cold(ctx.unix_ms(), age_ms);
        for (key, records) in cold {
            // Nobody waits for them.
            self.append_share_state(ctx, (u64::MAX, 0), &key, &records);
        }
        self.shares.state.is_pruning = self.shares.state.coordinator.keeps_any();
        if self.shares.state.is_pruning {
            self.schedule_pruning(ctx);
        }
    }
}
