//! The log cleaner: every replica compacts its own log, the filthiest first, one at a time.
//!
//! It sleeps until a compacted log has a segment that can be cleaned, and looks again every
//! `log.cleaner.backoff.ms` while one has.
//!
//! Source: Kafka documentation, *Design › Log Compaction*, *Broker Configs › log.cleaner.…*.

use std::sync::Arc;

use crate::base::ms;
use crate::broker::{Broker, BrokerTimer, Ctx};
use crate::protocol::TopicPartition;
use crate::trace::{Event, Offsets};

/// Between two logs.
const NEXT_LOG_MS: u64 = 1;

impl Broker {
    /// A log may have something to compact.
    #[inline(never)]
    pub(super) fn wake_cleaner(&mut self, ctx: &mut Ctx) {
        if self.config.log_cleaner_enable && !self.cleaner_awake && self.has_dirty_logs() {
            self.cleaner_awake = true;
            ctx.set_timer(BrokerTimer::Cleaner, ctx.now() + ms(self.cleaner_backoff_ms()));
        }
    }

    /// Compacts one log if that is worth it.
    #[inline(never)]
    pub(super) fn clean_logs(&mut self, ctx: &mut Ctx) {
        let cleaned = self.filthiest_log(ctx.unix_ms()).is_some_and(|at| self.clean_log(ctx, &at));
        self.cleaner_awake = self.config.log_cleaner_enable && self.has_dirty_logs();
        if self.cleaner_awake {
            let pause = if cleaned { NEXT_LOG_MS } else { self.cleaner_backoff_ms() };
            ctx.set_timer(BrokerTimer::Cleaner, ctx.now() + ms(pause));
        }
    }

    fn clean_log(&mut self, ctx: &mut Ctx, at: &TopicPartition) -> bool {
        let Some(partition) = self.partitions.get_mut(at) else { return false };
        let Some(cleaned) = Arc::make_mut(partition).log.clean(ctx.unix_ms()) else { return false };
        ctx.trace(Event::LogCleaned {
            at: at.clone(),
            offsets: Offsets { from: cleaned.offsets.start, to: cleaned.offsets.end },
            replaced: cleaned.replaced,
            tombstones: cleaned.tombstones,
            bytes_before: cleaned.bytes_before,
            bytes_after: cleaned.bytes_after,
        });
        true
    }

    /// The log of whose bytes the largest part is dirty, among those that are worth it.
    fn filthiest_log(&self, now_ms: i64) -> Option<TopicPartition> {
        let mut filthiest: Option<(&TopicPartition, u64, u64)> = None;
        for (at, partition) in &self.partitions {
            let log = &partition.log;
            if !log.has_dirty_segments() {
                continue;
            }
            let found = log.cleanable(now_ms);
            let (dirty, total) = (found.dirty_bytes, found.total_bytes);
            let is_filthier = |(_, known, of): (&TopicPartition, u64, u64)| {
                u128::from(dirty) * u128::from(of) > u128::from(known) * u128::from(total)
            };
            if found.is_enough(log.config()) && filthiest.is_none_or(is_filthier) {
                filthiest = Some((at, dirty, total));
            }
        }
        filthiest.map(|(at, _, _)| at.clone())
    }

    fn has_dirty_logs(&self) -> bool {
        self.partitions.values().any(|partition| partition.log.has_dirty_segments())
    }

    fn cleaner_backoff_ms(&self) -> u64 {
        u64::from(self.config.log_cleaner_backoff_ms).max(1)
    }
}
