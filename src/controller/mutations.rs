//! Quotas of what the controller is asked to change: a client has so many permits a second, and creating or deleting
//! a partition takes one.
//!
//! Unlike bytes, permits are kept in a bucket that fills at the quota's rate and holds what comes in some seconds
//! (`controller.quota.window.num` times `controller.quota.window.size.seconds`). A change may take more than there
//! are: the bucket then owes them, and who asks while it owes has to wait. In older versions of a request the change is
//! made nevertheless, and the client is told how long not to ask (`throttle_time_ms`); since CreateTopics 6,
//! CreatePartitions 3 and DeleteTopics 5 it is refused with `THROTTLING_QUOTA_EXCEEDED`.
//!
//! Source: KIP-599.

use std::sync::Arc;

use crate::base::{Map, SimTime, ms};
use crate::controller::{Asker, Controller, Refusal};
use crate::metadata::CONTROLLER_MUTATION_RATE;
use crate::protocol::{ApiKey, ErrorCode};

/// Permits are counted in so many parts.
const PARTS: i32 = 1_000_000;
/// Who has not asked for so long is forgotten, as Kafka forgets sensors: in milliseconds.
const FORGOTTEN_MS: u64 = 3_600_000;

/// What the clients that have asked of late may still ask, by whom they share it with.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Mutations(Map<Arc<str>, Bucket>);

/// Permits, in parts; less than none are owed.
#[derive(Clone, Debug, PartialEq)]
struct Bucket {
    parts: i64,
    filled: SimTime,
}

/// What one request may change.
pub(super) struct MutationQuota {
    /// Who shares the quota, how many parts come in a second, and how many the bucket holds; nothing without a quota.
    bound: Option<(Arc<str>, i64, i64)>,
    strict: bool,
    now: SimTime,
    throttle_time_ms: i32,
}

impl Bucket {
    /// What has come since. As in Kafka, time goes by in whole milliseconds.
    fn fill(&mut self, now: SimTime, rate: i64, most: i64) {
        let elapsed_ms = (now.0 / 1_000).saturating_sub(self.filled.0 / 1_000);
        let more = i128::from(rate) * i128::from(elapsed_ms) / 1_000;
        self.parts = whole(i128::from(self.parts) + more).min(most);
        self.filled = now;
    }

    /// In how many milliseconds it owes nothing any more, rounded to the nearest.
    fn owes_ms(&self, rate: i64) -> i32 {
        let owed = -i128::from(self.parts.min(0));
        let rate = i128::from(rate.max(1));
        i32::try_from((owed * 1_000 + rate / 2) / rate).unwrap_or(i32::MAX)
    }
}

fn whole(parts: i128) -> i64 {
    i64::try_from(parts).unwrap_or(if parts < 0 { i64::MIN } else { i64::MAX })
}

impl MutationQuota {
    /// How long the client has to wait, in milliseconds.
    pub(super) fn throttle_time_ms(&self) -> i32 {
        self.throttle_time_ms
    }
}

impl Mutations {
    /// Takes permits for so many partitions.
    #[inline(never)]
    fn take(&mut self, quota: &mut MutationQuota, partitions: u32) -> Result<(), Refusal> {
        let Some((sharers, rate, most)) = &quota.bound else { return Ok(()) };
        let (now, rate, most) = (quota.now, *rate, *most);
        if !self.0.contains_key(sharers) {
            self.0.retain(|_, bucket| now.since(bucket.filled) < ms(FORGOTTEN_MS));
        }
        let new = || Bucket { parts: most, filled: now };
        let bucket = self.0.entry(Arc::clone(sharers)).or_insert_with(new);
        bucket.fill(now, rate, most);
        if quota.strict && bucket.parts < 0 {
            quota.throttle_time_ms = bucket.owes_ms(rate);
            let error = ErrorCode::ThrottlingQuotaExceeded;
            return Err((error, error.message().to_owned()));
        }
        let takes = i128::from(partitions) * i128::from(PARTS);
        bucket.parts = whole(i128::from(bucket.parts) - takes);
        if !quota.strict {
            quota.throttle_time_ms = bucket.owes_ms(rate);
        }
        Ok(())
    }
}

impl Controller {
    /// The quota of a request to create or to delete.
    #[inline(never)]
    pub(super) fn mutation_quota(
        &self,
        now: SimTime,
        asker: Asker,
        api: ApiKey,
        client: &Arc<str>,
    ) -> MutationQuota {
        let strict_since = match api {
            ApiKey::CreateTopics => 6,
            ApiKey::DeleteTopics => 5,
            _ => 3,
        };
        let seconds = u64::from(self.config.controller_quota_window_num)
            .saturating_mul(self.config.controller_quota_window_size_seconds.into());
        let bound = self.image.shared_quota_of(CONTROLLER_MUTATION_RATE, client).map(|(value, sharers)| {
            let rate = ((value.get() * f64::from(PARTS)) as i64).max(1);
            (sharers, rate, whole(i128::from(rate) * i128::from(seconds)))
        });
        MutationQuota { bound, strict: asker.version >= strict_since, now, throttle_time_ms: 0 }
    }

    /// Takes permits for so many partitions, unless the client has to wait for them.
    pub(super) fn take_permits(&mut self, quota: &mut MutationQuota, partitions: i32) -> Result<(), Refusal> {
        self.mutations.take(quota, partitions.max(0).unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    /// Five a second, at most 500 at once: for each step the time in milliseconds, the partitions, and how long the
    /// client has to wait; `!` if it was refused.
    fn check(strict: bool, steps: &[(u64, u32)], expected: &str) {
        let mut mutations = Mutations::default();
        let mut told = Vec::new();
        for (ms, partitions) in steps {
            let bound = Some(("shop".into(), 5_000_000, 500_000_000));
            let mut quota = MutationQuota { bound, strict, now: SimTime(ms * 1_000), throttle_time_ms: 0 };
            let refused = mutations.take(&mut quota, *partitions).is_err();
            told.push(format!("{}{}", quota.throttle_time_ms(), if refused { "!" } else { "" }));
        }
        assert_eq!(told.join(" "), expected);
    }

    #[test]
    fn who_owes_has_to_wait() {
        // The example of the KIP: a burst of 560 owes 60, which come in 12 seconds.
        check(false, &[(0, 560), (0, 0), (2_000, 0), (12_000, 0)], "12000 12000 10000 0");
        check(false, &[(0, 500), (0, 1), (100, 1)], "0 200 300");
        check(true, &[(0, 560), (0, 1), (11_999, 1), (12_000, 1)], "0 12000! 1! 0");
    }

    #[test]
    fn a_bucket_holds_no_more_than_the_burst() {
        check(true, &[(0, 400), (1_000_000, 501), (1_000_000, 1)], "0 0 200!");
    }

    #[test]
    fn without_a_quota_nobody_waits() {
        let mut mutations = Mutations::default();
        let mut quota = MutationQuota { bound: None, strict: true, now: SimTime(0), throttle_time_ms: 0 };
        assert!((0..5).all(|_| mutations.take(&mut quota, u32::MAX).is_ok()));
        assert_eq!((quota.throttle_time_ms(), mutations), (0, Mutations::default()));
    }
}
