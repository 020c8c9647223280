//! Replication throttles: replicas that catch up may not take more than so many bytes a second, on the
//! leader's side and on their own, so that clients are not starved. Replicas in sync are never held up.
//!
//! Source: KIP-73; Kafka documentation, *Limiting Bandwidth Usage during Data Migration*. The rate is taken
//! over eleven samples of a second, as by default (`replication.quota.window.num`).

use crate::base::{Map, SimTime, ms};
use crate::broker::{Broker, Ctx, Partition};
use crate::protocol::TopicPartition;
use crate::trace::{Event, Role};

const SAMPLE_US: u64 = 1_000_000;
const SAMPLES: u64 = 11;

/// Bytes of throttled replicas in the last samples, by the second in which each began.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ReplicationQuota(Map<u64, u64>);

impl ReplicationQuota {
    /// So many bytes went over the network.
    pub(super) fn record(&mut self, now: SimTime, bytes: u64) {
        let second = now.0 / SAMPLE_US;
        self.0.retain(|sample, _| sample + SAMPLES > second);
        *self.0.entry(second).or_insert(0) += bytes;
    }

    /// A rate is taken over at least so many seconds.
    pub(super) const SECONDS_MIN: i64 = SAMPLES as i64 - 1;

    /// Whether anything of it still counts.
    pub(super) fn is_recent(&self, now: SimTime) -> bool {
        self.0.keys().any(|sample| sample + SAMPLES > now.0 / SAMPLE_US)
    }

    /// Whether that was more than `rate` bytes a second. As in Kafka a rate is never taken over less than
    /// the samples but one, so what has just begun may be faster.
    pub(super) fn is_exceeded(&self, now: SimTime, rate: i64) -> bool {
        let (bytes, elapsed) = self.measured(now);
        bytes * u128::from(SAMPLE_US) > u128::from(rate.unsigned_abs()) * u128::from(elapsed)
    }

    /// After how many milliseconds it was not more than `rate` bytes a second, if nothing is added.
    pub(super) fn throttle_ms(&self, now: SimTime, rate: i64) -> u64 {
        let (bytes, elapsed) = self.measured(now);
        let needs_ms = bytes * 1_000 / u128::from(rate.unsigned_abs().max(1));
        u64::try_from(needs_ms.saturating_sub(u128::from(elapsed / 1_000))).unwrap_or(u64::MAX)
    }

    /// Bytes, and over how many microseconds.
    fn measured(&self, now: SimTime) -> (u128, u64) {
        let second = now.0 / SAMPLE_US;
        let samples = self.0.iter().filter(|(sample, _)| **sample + SAMPLES > second);
        let (oldest, bytes) = samples.fold((second, 0), |(oldest, sum), (sample, bytes)| {
            (oldest.min(*sample), u128::from(*bytes) + sum)
        });
        let elapsed = now.0.saturating_sub(oldest * SAMPLE_US).max((SAMPLES - 1) * SAMPLE_US);
        (bytes, elapsed)
    }
}

impl Broker {
    /// Whether a follower of this leader has to wait for records of the partition.
    pub(super) fn holds_back_follower(&self, partition: &Partition, follower: i32, now: SimTime) -> bool {
        let replicas = &partition.log.config().leader_throttled_replicas;
        replicas.contains(partition.at.partition, self.id)
            && !partition.registration.isr.contains(&follower)
            && self.leader_quota.is_exceeded(now, self.config.leader_throttled_rate)
    }

    /// A follower got so many bytes of a partition; `lags` if it has not all that is committed.
    #[inline(never)]
    pub(super) fn note_copied(&mut self, ctx: &mut Ctx, at: &TopicPartition, bytes: u64, lags: bool) {
        let Some(partition) = self.partition(at) else { return };
        let leader = partition.registration.leader;
        if !partition.log.config().follower_throttled_replicas.contains(at.partition, self.id) {
            return;
        }
        self.follower_quota.record(ctx.now(), bytes);
        let Some(fetcher) = self.fetchers.get_mut(&leader) else { return };
        if lags {
            fetcher.behind.insert(at.clone());
        } else {
            fetcher.behind.remove(at);
        }
    }

    /// Has replicas that are behind wait, if enough was taken: they ask again after
    /// `replica.fetch.backoff.ms`.
    #[inline(never)]
    pub(super) fn hold_itself_back(&mut self, ctx: &mut Ctx, leader: i32) {
        let now = ctx.now();
        if !self.follower_quota.is_exceeded(now, self.config.follower_throttled_rate) {
            return;
        }
        let until = now + ms(u64::from(self.config.replica_fetch_backoff_ms));
        let Some(fetcher) = self.fetchers.get_mut(&leader) else { return };
        for at in fetcher.behind.iter().filter(|at| !fetcher.is_delayed(at)) {
            ctx.trace(Event::ReplicationThrottled { at: at.clone(), role: Role::Follower });
        }
        let behind = fetcher.behind.clone();
        behind.iter().for_each(|at| fetcher.delay(at, until));
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn the_rate_is_taken_over_ten_seconds_and_forgets() {
        let at = |ms: u64| SimTime(ms * 1_000);
        let mut quota = ReplicationQuota::default();
        assert!(!quota.is_exceeded(at(0), 0));
        quota.record(at(500), 10_000);
        assert!(!quota.is_exceeded(at(600), 1_000));
        assert!(quota.is_exceeded(at(600), 999));
        assert!(!quota.is_exceeded(at(600), i64::MAX));
        quota.record(at(5_000), 10_000);
        assert!(quota.is_exceeded(at(5_000), 1_900));
        assert!(quota.is_exceeded(at(10_900), 1_800), "20,000 bytes in 10.9 seconds");
        assert!(!quota.is_exceeded(at(11_000), 1_000), "the first sample is too old");
        assert!(!quota.is_exceeded(at(20_000), 0));
    }

    #[test]
    fn whoever_took_too_much_waits_until_it_was_not() {
        let at = |ms: u64| SimTime(ms * 1_000);
        let mut quota = ReplicationQuota::default();
        quota.record(at(500), 10_000);
        assert_eq!(quota.throttle_ms(at(500), 1_000), 0);
        quota.record(at(600), 5_000);
        assert_eq!(quota.throttle_ms(at(600), 1_000), 5_000);
        assert_eq!(quota.throttle_ms(at(10_500), 1_000), 4_500);
        assert!(quota.is_recent(at(10_900)) && !quota.is_recent(at(11_000)));
    }
}
