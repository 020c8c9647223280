//! Fetch requests, from followers and from consumers: read, or wait until there is enough.
//!
//! Source: Kafka protocol guide *Fetch*; KIP-74 (sizes), KIP-320 (epochs), KIP-595 (divergence
//! told in the response). The wait is what Kafka calls the fetch purgatory. Fetch sessions
//! (KIP-227) are declined: every fetch is a full one.

use std::sync::Arc;

use crate::base::{ConnId, ms};
use crate::broker::{Broker, BrokerTimer, Ctx, Partition, no_records};
use crate::protocol::messages::fetch::{
    EpochEndOffset, FetchPartition, FetchRequest, FetchResponse, FetchableTopicResponse, LeaderIdAndEpoch,
    PartitionData,
};
use crate::protocol::{ErrorCode, TopicPartition, Uuid};
use crate::storage::FetchIsolation;
use crate::trace::Event;

/// A fetch that waits for records.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WaitingFetch {
    token: u64,
    conn: ConnId,
    request: Arc<FetchRequest>,
}

impl WaitingFetch {
    pub(super) fn conn(&self) -> ConnId {
        self.conn
    }

    fn wants(&self, at: &TopicPartition, topic_id: Option<Uuid>) -> bool {
        self.request.topics.iter().any(|topic| {
            let same = if topic.topic.is_empty() {
                Some(topic.topic_id) == topic_id
            } else {
                *topic.topic == *at.topic
            };
            same && topic.partitions.iter().any(|partition| partition.partition == at.partition)
        })
    }
}

/// Which replica asks; `None` for a consumer.
fn follower_of(request: &FetchRequest) -> Option<(i32, i64)> {
    let state = &request.replica_state;
    match (request.replica_id, state.replica_id) {
        (id, _) if id >= 0 => Some((id, -1)),
        (_, id) if id >= 0 => Some((id, state.replica_epoch)),
        _ => None,
    }
}

impl Broker {
    pub(super) fn fetch(&mut self, ctx: &mut Ctx, token: u64, request: FetchRequest) {
        let Some(asked) = self.server.asked(token) else { return };
        let conn = asked.conn;
        let request = Arc::new(request);
        let follower = follower_of(&request);
        if let Some((follower, epoch)) = follower {
            self.note_follower_positions(ctx, follower, epoch, &request);
        }
        let read = self.read_all(&request);
        let wait = request.max_wait_ms > 0 && request.min_bytes > 0 && !read.must_answer;
        if !wait || read.bytes >= u64::from(request.min_bytes.unsigned_abs()) {
            return self.reply(ctx, token, &read.response);
        }
        let id = self.next_wait();
        let max_wait_ms = request.max_wait_ms;
        self.waiting_fetches.insert(id, WaitingFetch { token, conn, request });
        ctx.set_timer(BrokerTimer::Fetch(id), ctx.now() + ms(max_wait_ms.unsigned_abs().into()));
        ctx.trace(Event::FetchWaits { conn, max_wait_ms });
    }

    /// A follower's fetch tells the leader how far it is: that may raise the high watermark and
    /// let it (back) into the ISR.
    fn note_follower_positions(
        &mut self,
        ctx: &mut Ctx,
        follower: i32,
        broker_epoch: i64,
        request: &FetchRequest,
    ) {
        for topic in &request.topics {
            let Some(name) = self.topic_name(&topic.topic, &topic.topic_id) else { continue };
            for asked in &topic.partitions {
                let at = TopicPartition::new(Arc::clone(&name), asked.partition);
                let Some(partition) = self.partitions.get_mut(&at) else { continue };
                if check_fetch(partition, asked).is_err() || divergence(partition, asked).is_some() {
                    continue;
                }
                if asked.fetch_offset > partition.log.log_end_offset() {
                    continue;
                }
                let partition = Arc::make_mut(partition);
                let news = partition.follower_fetched(follower, broker_epoch, asked.fetch_offset, ctx.now());
                self.maybe_expand_isr(ctx, &at, follower);
                if news {
                    self.raise_high_watermark(ctx, &at);
                }
            }
        }
    }

    fn read_all(&self, request: &FetchRequest) -> ReadAll {
        let isolation = match (follower_of(request), request.isolation_level) {
            (Some(_), _) => FetchIsolation::LogEnd,
            (None, 1) => FetchIsolation::TxnCommitted,
            (None, _) => FetchIsolation::HighWatermark,
        };
        let mut left = u32::try_from(request.max_bytes).unwrap_or(0).min(self.config.fetch_max_bytes);
        let mut all = ReadAll { response: FetchResponse::default(), bytes: 0, must_answer: false };
        for topic in &request.topics {
            let name = self.topic_name(&topic.topic, &topic.topic_id);
            let mut partitions = Vec::with_capacity(topic.partitions.len().min(1_024));
            for asked in &topic.partitions {
                let at = name.as_ref().map(|name| TopicPartition::new(Arc::clone(name), asked.partition));
                let data = self.read_one(at.as_ref(), asked, left, all.bytes == 0, isolation);
                let size = data.records.as_ref().map_or(0, |records| records.len() as u32);
                left = left.saturating_sub(size);
                all.bytes += u64::from(size);
                all.must_answer |= data.error_code != ErrorCode::None || data.diverging_epoch.end_offset >= 0;
                partitions.push(data);
            }
            let topic =
                FetchableTopicResponse { topic: topic.topic.clone(), topic_id: topic.topic_id, partitions };
            all.response.responses.push(topic);
        }
        all.must_answer |= request.topics.is_empty();
        all
    }

    fn read_one(
        &self,
        at: Option<&TopicPartition>,
        asked: &FetchPartition,
        left: u32,
        first: bool,
        isolation: FetchIsolation,
    ) -> PartitionData {
        let mut data = PartitionData {
            partition_index: asked.partition,
            high_watermark: -1,
            records: no_records(),
            ..Default::default()
        };
        let Some(at) = at else {
            data.error_code = ErrorCode::UnknownTopicId;
            return data;
        };
        let Some(partition) = self.partition(at) else {
            let known = self.image.partition(at).is_some();
            data.error_code =
                if known { ErrorCode::NotLeaderOrFollower } else { ErrorCode::UnknownTopicOrPartition };
            return data;
        };
        if let Err(error) = check_fetch(partition, asked) {
            data.error_code = error;
            if matches!(error, ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch) {
                let registration = &partition.registration;
                data.current_leader = LeaderIdAndEpoch {
                    leader_id: registration.leader,
                    leader_epoch: registration.leader_epoch,
                };
            }
            return data;
        }
        data.high_watermark = partition.log.high_watermark();
        data.last_stable_offset = partition.log.last_stable_offset();
        data.log_start_offset = partition.log.log_start_offset();
        if let Some(diverging) = divergence(partition, asked) {
            if diverging.epoch < 0 {
                // An epoch that never was: nothing to part from.
                data.error_code = ErrorCode::OffsetOutOfRange;
            } else {
                data.diverging_epoch = diverging;
            }
            return data;
        }
        let max = left.min(u32::try_from(asked.partition_max_bytes).unwrap_or(0));
        match partition.log.read(asked.fetch_offset, max, first, isolation) {
            Ok(info) => data.records = Some(info.records),
            Err(error) => data.error_code = error.code(),
        }
        data
    }

    /// Records were appended: followers may go on.
    pub(super) fn records_arrived(&mut self, ctx: &mut Ctx, at: &TopicPartition) {
        self.recheck_fetches(ctx, at, true);
    }

    /// Records were committed: consumers may go on.
    pub(super) fn high_watermark_rose(&mut self, ctx: &mut Ctx, at: &TopicPartition) {
        self.recheck_fetches(ctx, at, false);
    }

    /// Answers the fetches that wait for this partition, whatever there is.
    pub(super) fn release_fetches(&mut self, ctx: &mut Ctx, at: &TopicPartition) {
        self.recheck_fetches(ctx, at, true);
        self.recheck_fetches(ctx, at, false);
    }

    fn recheck_fetches(&mut self, ctx: &mut Ctx, at: &TopicPartition, followers: bool) {
        if self.waiting_fetches.is_empty() {
            return;
        }
        let topic_id = self.image.topics.get(&at.topic).map(|topic| topic.id);
        let candidates: Vec<u64> = self
            .waiting_fetches
            .iter()
            .filter(|(_, fetch)| {
                follower_of(&fetch.request).is_some() == followers && fetch.wants(at, topic_id)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in candidates {
            let Some(fetch) = self.waiting_fetches.get(&id) else { continue };
            let (token, request) = (fetch.token, Arc::clone(&fetch.request));
            let read = self.read_all(&request);
            if read.must_answer || read.bytes >= u64::from(request.min_bytes.unsigned_abs()) {
                self.waiting_fetches.remove(&id);
                ctx.cancel_timer(BrokerTimer::Fetch(id));
                self.reply(ctx, token, &read.response);
            }
        }
    }

    /// The wait is over: whatever there is.
    pub(super) fn answer_fetch(&mut self, ctx: &mut Ctx, id: u64) {
        let Some(fetch) = self.waiting_fetches.remove(&id) else { return };
        let read = self.read_all(&fetch.request);
        self.reply(ctx, fetch.token, &read.response);
    }
}

struct ReadAll {
    response: FetchResponse,
    bytes: u64,
    must_answer: bool,
}

/// Whether this broker may serve the fetch, going by leadership and epochs (KIP-320).
fn check_fetch(partition: &Partition, asked: &FetchPartition) -> Result<(), ErrorCode> {
    check_epoch(partition, asked.current_leader_epoch)?;
    if partition.is_leader() { Ok(()) } else { Err(ErrorCode::NotLeaderOrFollower) }
}

/// Compares the epoch that a client thinks is current with the replica's.
pub(super) fn check_epoch(partition: &Partition, epoch: i32) -> Result<(), ErrorCode> {
    match epoch {
        -1 => Ok(()),
        epoch if epoch < partition.registration.leader_epoch => Err(ErrorCode::FencedLeaderEpoch),
        epoch if epoch > partition.registration.leader_epoch => Err(ErrorCode::UnknownLeaderEpoch),
        _ => Ok(()),
    }
}

/// Where the asker's log parts from this one, if it does: the end of the last epoch both know.
fn divergence(partition: &Partition, asked: &FetchPartition) -> Option<EpochEndOffset> {
    if asked.last_fetched_epoch < 0 {
        return None;
    }
    let (epoch, end_offset) =
        partition.log.end_offset_for_epoch(asked.last_fetched_epoch).unwrap_or((-1, -1));
    let parted = end_offset < asked.fetch_offset || epoch < asked.last_fetched_epoch;
    parted.then_some(EpochEndOffset { epoch, end_offset })
}
