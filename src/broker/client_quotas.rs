//! Client quotas: a client that sends or fetches more than its bytes a second is answered, told how long
//! to wait (`throttle_time_ms`), and not listened to for so long.
//!
//! Source: Kafka documentation, *Design › Quotas*; KIP-13, KIP-219 (answered first, then not listened to).
//! The quota is that of the user and client id, of each broker, as AlterClientQuotas has set it; everybody is the
//! user `ANONYMOUS` here. Where none is set, `quota.producer.default` and `quota.consumer.default` are every
//! client id's own, as before Kafka 4.0. What the controller is asked to change it counts itself, and says how
//! long the client shall wait. Quotas of requests and of connections are kept and told, and nothing else.

use std::sync::Arc;

use crate::base::{ConnId, Map, SimTime, ms};
use crate::broker::quota::ReplicationQuota as Rate;
use crate::broker::{Broker, BrokerTimer, Ctx};
use crate::metadata::{CONSUMER_BYTE_RATE, PRODUCER_BYTE_RATE};
use crate::protocol::messages::fetch::FetchResponse;
use crate::trace::Event;

/// What each client has sent and fetched in the last seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ClientQuotas {
    produced: Map<Arc<str>, Rate>,
    fetched: Map<Arc<str>, Rate>,
}

/// Counts bytes, unless they are too many and `give_back` is set. Gives how long the client has to wait.
fn charge(
    rates: &mut Map<Arc<str>, Rate>,
    client: &Arc<str>,
    now: SimTime,
    bytes: u64,
    bound: i64,
    give_back: bool,
) -> u64 {
    if !rates.contains_key(client) {
        // Whoever was silent for long begins anew.
        rates.retain(|_, rate| rate.is_recent(now));
    }
    let rate = rates.entry(Arc::clone(client)).or_default();
    let before = give_back.then(|| rate.clone());
    rate.record(now, bytes);
    let wait_ms = rate.throttle_ms(now, bound);
    if let Some(before) = before.filter(|_| wait_ms > 0) {
        *rate = before;
    }
    wait_ms
}

impl Broker {
    /// A produce request of so many bytes is about to be answered. Gives how long its client has to wait.
    pub(super) fn charge_producer(&mut self, ctx: &mut Ctx, token: u64) -> i32 {
        if self.config.quota_producer_default == i64::MAX && self.image.quotas.is_empty() {
            return 0;
        }
        self.charge_request(ctx, token)
    }

    #[inline(never)]
    fn charge_request(&mut self, ctx: &mut Ctx, token: u64) -> i32 {
        let Some(asked) = self.server.asked(token) else { return 0 };
        let (conn, client, bytes) = (asked.conn, Arc::clone(&asked.client_id), asked.size_bytes.into());
        let (bound, sharers) = self.bound(PRODUCER_BYTE_RATE, &client, self.config.quota_producer_default);
        if bound == i64::MAX {
            return 0;
        }
        let wait_ms = charge(&mut self.client_quotas.produced, &sharers, ctx.now(), bytes, bound, false);
        self.throttle(ctx, conn, client, wait_ms)
    }

    /// A consumer's fetch is about to be answered with so many bytes. If that is too much it gets none
    /// of them, and this answer, which tells it how long to wait.
    #[inline(never)]
    pub(super) fn charge_consumer(
        &mut self,
        ctx: &mut Ctx,
        token: u64,
        bytes: u64,
        session_id: i32,
    ) -> Option<FetchResponse> {
        let asked = self.server.asked(token)?;
        let (conn, client) = (asked.conn, Arc::clone(&asked.client_id));
        let (bound, sharers) = self.bound(CONSUMER_BYTE_RATE, &client, self.config.quota_consumer_default);
        if bound == i64::MAX {
            return None;
        }
        let wait_ms = charge(&mut self.client_quotas.fetched, &sharers, ctx.now(), bytes, bound, true);
        let throttle_time_ms = self.throttle(ctx, conn, client, wait_ms);
        (throttle_time_ms > 0).then(|| FetchResponse { throttle_time_ms, session_id, ..Default::default() })
    }

    /// The most that a consumer may fetch at once, so that it can fetch at all.
    pub(super) fn fetch_bytes_max(&self, token: u64) -> u32 {
        let mut bound = self.config.quota_consumer_default;
        if !self.image.quotas.is_empty()
            && let Some(asked) = self.server.asked(token)
        {
            bound = self.bound(CONSUMER_BYTE_RATE, &asked.client_id, bound).0;
        }
        let by_quota = bound.saturating_mul(Rate::SECONDS_MIN);
        self.config.fetch_max_bytes.min(u32::try_from(by_quota).unwrap_or(u32::MAX))
    }

    /// Whether a consumer may have to wait.
    pub(super) fn bounds_consumers(&self) -> bool {
        self.config.quota_consumer_default != i64::MAX || !self.image.quotas.is_empty()
    }

    /// How many bytes a second a client may have, and with whom it shares them: a user's quota is all of
    /// its client ids' together.
    #[inline(never)]
    fn bound(&self, key: &str, client: &Arc<str>, default: i64) -> (i64, Arc<str>) {
        match self.image.shared_quota_of(key, client) {
            Some((value, sharers)) => (value.get() as i64, sharers),
            None => (default, Arc::clone(client)),
        }
    }

    /// The client is not listened to for so long. Gives that back, in milliseconds.
    pub(super) fn throttle(&mut self, ctx: &mut Ctx, conn: ConnId, client: Arc<str>, wait_ms: u64) -> i32 {
        let throttle_time_ms = i32::try_from(wait_ms).unwrap_or(i32::MAX);
        if throttle_time_ms > 0 {
            self.server.mute(conn);
            ctx.set_timer(BrokerTimer::Unmute(conn), ctx.now() + ms(wait_ms));
            ctx.trace(Event::ClientThrottled { conn, client, throttle_time_ms });
        }
        throttle_time_ms
    }
}
