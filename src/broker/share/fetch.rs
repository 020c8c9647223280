//! ShareFetch: records for a member, which acquires them; or a wait until there are some.

use std::sync::Arc;

use super::acknowledge::Verdict;
use super::partition::Wish;
use super::session::{INITIAL_EPOCH, Key, Who};
use super::{ShareKey, lock_until};
use crate::base::{ConnId, Rope, ms};
use crate::broker::{Broker, BrokerTimer, Ctx, no_records};
use crate::protocol::messages::share_fetch::{
    AcquiredRecords, PartitionData, ShareFetchRequest, ShareFetchResponse, ShareFetchableTopicResponse,
};
use crate::protocol::{ErrorCode, TopicPartition};
use crate::storage::{FetchIsolation, batches_in};
use crate::trace::{Event, Offsets};

/// A fetch: all that its session wants.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ShareFetch {
    token: u64,
    pub(super) conn: ConnId,
    who: Who,
    /// The session's first: every partition is answered for.
    is_first: bool,
    max_wait_ms: i32,
    min_bytes: u64,
    max_bytes: u32,
    max_records: i64,
    batch_size: i64,
    wanted: Vec<Key>,
    verdicts: Vec<(Key, Verdict)>,
    /// Partitions whose state could not be read.
    unread: Vec<(Key, ErrorCode)>,
}

impl ShareFetch {
    pub(super) fn new(
        token: u64,
        conn: ConnId,
        who: &Who,
        request: &ShareFetchRequest,
        wanted: Vec<Key>,
    ) -> ShareFetch {
        // Who does not say how many records it wants takes what there is.
        let some = |number: i32| if number > 0 { i64::from(number) } else { i64::from(i32::MAX) };
        let max_bytes = u32::try_from(request.max_bytes).unwrap_or(0);
        ShareFetch {
            token,
            conn,
            who: who.clone(),
            is_first: request.share_session_epoch == INITIAL_EPOCH,
            max_wait_ms: request.max_wait_ms,
            min_bytes: u64::try_from(request.min_bytes).unwrap_or(0).min(max_bytes.into()),
            max_bytes,
            max_records: some(request.max_records),
            batch_size: some(request.batch_size),
            wanted,
            verdicts: Vec::new(),
            unread: Vec::new(),
        }
    }
}

/// What may be read of a partition: where, and how many bytes there are.
type Readable = Result<Option<(ShareKey, i64, u64)>, ErrorCode>;

impl Broker {
    /// The acknowledgements that came with the fetch are settled: it is its turn.
    pub(super) fn begin_share_fetch(
        &mut self,
        ctx: &mut Ctx,
        mut fetch: ShareFetch,
        verdicts: Vec<(Key, Verdict)>,
        is_final: bool,
    ) {
        fetch.verdicts = verdicts;
        for key in &fetch.wanted {
            if let Ok(at) = self.shared_partition(key) {
                self.open_share(&(fetch.who.0.clone(), at));
            }
        }
        let may_wait = !is_final && fetch.max_wait_ms > 0 && !fetch.wanted.is_empty();
        if !may_wait || self.has_share_enough(&fetch) {
            return self.answer_share_fetch(ctx, &fetch);
        }
        let (id, conn, max_wait_ms) = (self.next_wait(), fetch.conn, fetch.max_wait_ms);
        self.shares.waiting.insert(id, Arc::new(fetch));
        ctx.set_timer(BrokerTimer::ShareFetch(id), ctx.now() + ms(max_wait_ms.unsigned_abs().into()));
        ctx.trace(Event::FetchWaits { conn, max_wait_ms });
    }

    /// A fetch has waited long enough.
    #[inline(never)]
    pub(in crate::broker) fn share_fetch_waited(&mut self, ctx: &mut Ctx, id: u64) {
        if let Some(fetch) = self.shares.waiting.remove(&id) {
            self.answer_share_fetch(ctx, &fetch);
        }
    }

    /// Something may be had of a partition: whoever waits for it looks again, in order of arrival.
    #[inline(never)]
    pub(in crate::broker) fn recheck_share_fetches(&mut self, ctx: &mut Ctx, at: &TopicPartition) {
        if self.shares.waiting.is_empty() {
            return;
        }
        let topic = self.image.topics.get(&at.topic).map(|topic| topic.id);
        // Of a topic that is gone nobody knows the id any more: all look again.
        let concerns = |key: &Key| topic.is_none_or(|id| id == key.0) && key.1 == at.partition;
        let waiting = self.shares.waiting.iter();
        let ids: Vec<u64> =
            waiting.filter(|(_, fetch)| fetch.wanted.iter().any(concerns)).map(|(id, _)| *id).collect();
        for id in ids {
            let enough = self.shares.waiting.get(&id).is_some_and(|fetch| self.has_share_enough(fetch));
            if enough && let Some(fetch) = self.shares.waiting.remove(&id) {
                ctx.cancel_timer(BrokerTimer::ShareFetch(id));
                self.answer_share_fetch(ctx, &fetch);
            }
        }
    }

    /// The state of a share partition could not be read: whoever waits for it is told.
    #[inline(never)]
    pub(super) fn share_unread(&mut self, ctx: &mut Ctx, (group, at): &ShareKey, error: ErrorCode) {
        let Some(topic) = self.image.topics.get(&at.topic).map(|topic| topic.id) else { return };
        let key = (topic, at.partition);
        for fetch in self.shares.waiting.values_mut().filter(|fetch| fetch.who.0 == *group) {
            if fetch.wanted.contains(&key) {
                Arc::make_mut(fetch).unread.push((key, told_of(error)));
            }
        }
        self.recheck_share_fetches(ctx, at);
    }

    fn share_isolation(&self, group: &Arc<str>) -> FetchIsolation {
        match self.share_config(group, "share.isolation.level") {
            Some("read_committed") => FetchIsolation::TxnCommitted,
            _ => FetchIsolation::HighWatermark,
        }
    }

    fn share_readable(&self, fetch: &ShareFetch, key: &Key) -> Readable {
        let at = self.shared_partition(key)?;
        if let Some((_, error)) = fetch.unread.iter().find(|(unread, _)| unread == key) {
            return Err(*error);
        }
        let who = &fetch.who;
        let share = (who.0.clone(), at);
        let max = self.config.group.share_partition_max_record_locks;
        let slot = self.shares.partitions.get(&share);
        let Some(state) = slot.and_then(|slot| slot.state.as_ref()) else { return Ok(None) };
        let Some(log) = self.log(&share.1).filter(|_| state.can_acquire(max)) else { return Ok(None) };
        let offset = state.next_fetch_offset().max(log.log_start_offset());
        let bytes = log.readable_bytes(offset, self.share_isolation(&who.0));
        Ok((bytes > 0).then_some((share, offset, bytes)))
    }

    /// Whether a fetch need not wait any longer.
    fn has_share_enough(&self, fetch: &ShareFetch) -> bool {
        let mut bytes = 0u64;
        for key in &fetch.wanted {
            match self.share_readable(fetch, key) {
                Ok(readable) => bytes = bytes.saturating_add(readable.map_or(0, |(_, _, bytes)| bytes)),
                Err(_) => return true,
            }
        }
        bytes > 0 && bytes >= fetch.min_bytes
    }

    fn answer_share_fetch(&mut self, ctx: &mut Ctx, fetch: &ShareFetch) {
        let readable: Vec<(Key, Readable)> =
            fetch.wanted.iter().map(|key| (*key, self.share_readable(fetch, key))).collect();
        let sources = readable.iter().filter(|(_, readable)| matches!(readable, Ok(Some(_)))).count();
        // Partitions get equal parts of what may be answered.
        let part = fetch.max_bytes / u32::try_from(sources.max(1)).unwrap_or(u32::MAX);
        let mut left = fetch.max_records;
        let mut response = ShareFetchResponse {
            acquisition_lock_timeout_ms: self.share_lock_ms(&fetch.who.0),
            ..Default::default()
        };
        let mut told: Vec<(Key, PartitionData)> = Vec::new();
        for (key, readable) in readable {
            let mut data =
                PartitionData { partition_index: key.1, records: no_records(), ..Default::default() };
            match readable {
                Ok(Some((share, offset, _))) if left > 0 => {
                    let (records, acquired) = self.read_shared(ctx, fetch, &share, offset, part, left);
                    left -= acquired.iter().map(|each| each.last_offset - each.first_offset + 1).sum::<i64>();
                    (data.records, data.acquired_records) = (Some(records), acquired);
                }
                Ok(_) => {}
                Err(error) => {
                    data.error_code = error;
                    data.error_message = Some(error.message().to_owned());
                    data.current_leader =
                        self.shared_leader(fetch.token, &key, error, &mut response.node_endpoints);
                }
            }
            if fetch.is_first || data.error_code.is_error() || !data.acquired_records.is_empty() {
                told.push((key, data));
            }
        }
        for (key, (error, message)) in &fetch.verdicts {
            let place = told.iter().position(|(known, _)| known == key).unwrap_or_else(|| {
                let data =
                    PartitionData { partition_index: key.1, records: no_records(), ..Default::default() };
                told.push((*key, data));
                told.len() - 1
            });
            if let Some((_, data)) = told.get_mut(place) {
                (data.acknowledge_error_code, data.acknowledge_error_message) = (*error, message.clone());
                if error.is_error() && !data.error_code.is_error() {
                    data.current_leader =
                        self.shared_leader(fetch.token, key, *error, &mut response.node_endpoints);
                }
            }
        }
        for (key, data) in told {
            match response.responses.iter_mut().find(|topic| topic.topic_id == key.0) {
                Some(topic) => topic.partitions.push(data),
                None => response
                    .responses
                    .push(ShareFetchableTopicResponse { topic_id: key.0, partitions: vec![data] }),
            }
        }
        self.reply(ctx, fetch.token, &response);
    }

    /// Reads, and acquires what was read for the member.
    fn read_shared(
        &mut self,
        ctx: &mut Ctx,
        fetch: &ShareFetch,
        share: &ShareKey,
        offset: i64,
        max_bytes: u32,
        max_records: i64,
    ) -> (Rope, Vec<AcquiredRecords>) {
        let isolation = self.share_isolation(&share.0);
        let until = lock_until(ctx.now(), self.share_lock_ms(&share.0));
        let max_in_flight = self.config.group.share_partition_max_record_locks;
        let Some(log) = self.log(&share.1) else { return Default::default() };
        let log_start = log.log_start_offset();
        let Ok(info) = log.read(offset, max_bytes, true, isolation) else { return Default::default() };
        let read: Vec<_> = batches_in(&info.records).filter_map(Result::ok).collect();
        let spans: Vec<(i64, i64)> =
            read.iter().map(|batch| (batch.base_offset(), batch.last_offset())).collect();
        let wish = Wish {
            member: &fetch.who.1,
            batches: &spans,
            max_records,
            batch_size: fetch.batch_size,
            max_in_flight,
            until,
        };
        let acquired = self.with_share(ctx, share, |state| {
            state.log_starts_at(log_start);
            state.acquire(&wish)
        });
        let acquired = acquired.unwrap_or_default();
        let Some((first, last)) = acquired.first().zip(acquired.last()) else { return Default::default() };
        let (first, last) = (first.first_offset, last.last_offset);
        let held = read.iter().filter(|batch| batch.last_offset() >= first && batch.base_offset() <= last);
        let records: Rope = held.map(|batch| batch.bytes().clone()).collect();
        for each in &acquired {
            ctx.trace(Event::ShareRecordsChanged {
                group: share.0.clone(),
                member: fetch.who.1.clone(),
                at: share.1.clone(),
                offsets: Offsets { from: each.first_offset, to: each.last_offset + 1 },
                state: super::RecordState::Acquired.name(),
                delivery_count: each.delivery_count,
                reason: "acquired",
            });
        }
        (records, acquired)
    }
}

/// What members are told of an error of the share coordinator's, as by `SharePartition` of Kafka.
fn told_of(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::NotCoordinator
        | ErrorCode::CoordinatorNotAvailable
        | ErrorCode::CoordinatorLoadInProgress => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::FencedLeaderEpoch | ErrorCode::FencedStateEpoch => ErrorCode::NotLeaderOrFollower,
        ErrorCode::GroupIdNotFound | ErrorCode::UnknownTopicOrPartition => error,
        _ => ErrorCode::UnknownServerError,
    }
}
