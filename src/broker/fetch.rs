//! Fetch requests, from followers and from consumers: read, or wait until there is enough.
//!
//! Source: Kafka protocol guide *Fetch*; KIP-74 (sizes), KIP-227 (sessions), KIP-320 (epochs),
//! KIP-392 (consumers read from followers), KIP-516 (topic ids), KIP-595 (divergence told in the response), KIP-951 (the new leader told
//! with the error). The wait is what Kafka calls the fetch purgatory.

mod session;

use std::sync::Arc;

use crate::base::{ConnId, Map, Set, SimTime, ms};
use crate::broker::selector::ReplicaSelector;
use crate::broker::{Broker, BrokerTimer, Ctx, Partition, no_records};
use crate::metadata::Endpoint;
use crate::plant::Plant;
use crate::protocol::messages::fetch::{
    EpochEndOffset, FetchPartition, FetchRequest, FetchResponse, LeaderIdAndEpoch, NodeEndpoint,
    PartitionData,
};
use crate::protocol::{ErrorCode, TopicPartition};
use crate::storage::{Compression, FetchIsolation};
use crate::trace::{Event, Role};

use session::{Context, FetchSessions, Key, Wanted};

/// Before this version consumers could not read Zstandard (KIP-110).
const ZSTD_SINCE: i16 = 10;
/// From this version on consumers tell their rack, and may read from followers.
const RACKS_SINCE: i16 = 11;
/// From this version on topics go by their ids.
const TOPIC_IDS_SINCE: i16 = 13;
/// From this version on an error can tell who leads now.
const NEW_LEADER_SINCE: i16 = 16;
/// `isolation_level` of consumers that want committed transactions only.
const READ_COMMITTED: i8 = 1;

/// Fetches that wait, who waits for what, and the sessions.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fetches {
    waiting: Map<u64, Arc<Fetch>>,
    watchers: Map<TopicPartition, Set<u64>>,
    sessions: FetchSessions,
}

/// A fetch: all that it wants, whatever its request named.
#[derive(Clone, Debug, PartialEq)]
struct Fetch {
    token: u64,
    conn: ConnId,
    version: i16,
    /// Which replica asks, and its broker epoch; `None` for a consumer.
    follower: Option<(i32, i64)>,
    /// The consumer's rack; empty if it has none.
    rack: Arc<str>,
    isolation: FetchIsolation,
    min_bytes: u32,
    max_bytes: u32,
    context: Context,
    wanted: Vec<Wanted>,
    /// Under which partitions it is found while it waits.
    watched: Vec<TopicPartition>,
}

struct ReadAll {
    data: Vec<PartitionData>,
    bytes: u64,
    must_answer: bool,
}

impl Fetches {
    pub(super) fn new(session_slots: u32) -> Fetches {
        Fetches { waiting: Map::new(), watchers: Map::new(), sessions: FetchSessions::new(session_slots) }
    }

    /// The fetches that wait on a connection.
    pub(super) fn of_connection(&self, conn: ConnId) -> Vec<u64> {
        self.waiting.iter().filter(|(_, fetch)| fetch.conn == conn).map(|(id, _)| *id).collect()
    }

    fn insert(&mut self, id: u64, fetch: Fetch) {
        for at in &fetch.watched {
            self.watchers.entry(at.clone()).or_default().insert(id);
        }
        self.waiting.insert(id, Arc::new(fetch));
    }

    fn remove(&mut self, id: u64) -> Option<Arc<Fetch>> {
        let fetch = self.waiting.remove(&id)?;
        for at in &fetch.watched {
            if let Some(ids) = self.watchers.get_mut(at) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.watchers.remove(at);
                }
            }
        }
        Some(fetch)
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
    pub(super) fn fetch(&mut self, ctx: &mut Ctx, token: u64, request: &FetchRequest) {
        let Some(asked) = self.server.asked(token) else { return };
        let (conn, version) = (asked.conn, asked.version);
        let begun = self.fetches.sessions.begin(ctx.now(), request, version >= TOPIC_IDS_SINCE);
        let (context, wanted) = match begun {
            Ok(begun) => begun,
            Err(error_code) => {
                return self.reply(ctx, token, &FetchResponse { error_code, ..Default::default() });
            }
        };
        let follower = follower_of(request);
        let most = if follower.is_some() { self.config.fetch_max_bytes } else { self.fetch_bytes_max(token) };
        let max_bytes = u32::try_from(request.max_bytes).unwrap_or(0).min(most);
        let fetch = Fetch {
            token,
            conn,
            version,
            follower,
            rack: request.rack_id.as_str().into(),
            isolation: match (follower, request.isolation_level) {
                (Some(_), _) => FetchIsolation::LogEnd,
                _ if self.config.log.plants.has(Plant::UncommittedRead) => FetchIsolation::LogEnd,
                (None, READ_COMMITTED) => FetchIsolation::TxnCommitted,
                (None, _) => FetchIsolation::HighWatermark,
            },
            min_bytes: u32::try_from(request.min_bytes).unwrap_or(0).min(max_bytes),
            max_bytes,
            context,
            wanted,
            watched: Vec::new(),
        };
        if let Some((follower, epoch)) = follower {
            self.note_follower_positions(ctx, follower, epoch, &fetch.wanted);
        }
        let read = self.read_all(&fetch, ctx.now());
        let may_wait = request.max_wait_ms > 0 && !fetch.wanted.is_empty() && !read.must_answer;
        if !may_wait || read.bytes >= u64::from(fetch.min_bytes) {
            return self.answer_with(ctx, &fetch, read);
        }
        self.park(ctx, fetch, request.max_wait_ms);
    }

    fn park(&mut self, ctx: &mut Ctx, mut fetch: Fetch, max_wait_ms: i32) {
        let id = self.next_wait();
        fetch.watched = fetch.wanted.iter().filter_map(|wanted| self.named(&wanted.key)).collect();
        let conn = fetch.conn;
        self.fetches.insert(id, fetch);
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
        wanted: &[Wanted],
    ) {
        for Wanted { key, fetch } in wanted {
            let Some(at) = self.named(key) else { continue };
            let Some(partition) = self.partitions.get_mut(&at) else { continue };
            let end = partition.log.log_end_offset();
            let diverged = divergence(partition, fetch).is_ok_and(|parted| parted.is_some());
            if check_fetch(partition, key, fetch, Some(follower), true).is_err()
                || diverged
                || fetch.fetch_offset > end
            {
                continue;
            }
            let partition = Arc::make_mut(partition);
            let start_moved = partition.follower_starts_at(follower, fetch.log_start_offset);
            let news = partition.follower_fetched(follower, broker_epoch, fetch.fetch_offset, ctx.now());
            self.maybe_expand_isr(ctx, &at, follower);
            if news {
                self.raise_high_watermark(ctx, &at);
            }
            if start_moved {
                self.recheck_deletions(ctx, &at);
            }
        }
    }

    fn read_all(&self, fetch: &Fetch, now: SimTime) -> ReadAll {
        let mut left = fetch.max_bytes;
        let mut all = ReadAll { data: Vec::with_capacity(fetch.wanted.len()), bytes: 0, must_answer: false };
        for wanted in &fetch.wanted {
            let data = self.read_one(fetch, wanted, left, all.bytes == 0, now);
            let size = data.records.as_ref().map_or(0, |records| records.len() as u32);
            left = left.saturating_sub(size);
            all.bytes += u64::from(size);
            all.must_answer |= data.error_code.is_error()
                || data.diverging_epoch.end_offset >= 0
                || data.preferred_read_replica >= 0;
            all.data.push(data);
        }
        all
    }

    fn read_one(
        &self,
        fetch: &Fetch,
        wanted: &Wanted,
        left: u32,
        first: bool,
        now: SimTime,
    ) -> PartitionData {
        let asked = &wanted.fetch;
        let mut data = PartitionData {
            partition_index: asked.partition,
            high_watermark: -1,
            records: no_records(),
            ..Default::default()
        };
        let partition = match self.fetched_partition(wanted, fetch) {
            Ok(partition) => partition,
            Err(error) => {
                data.error_code = error;
                return data;
            }
        };
        let log = &partition.log;
        if fetch.version < ZSTD_SINCE && log.config().compression_type == Some(Compression::Zstd) {
            data.error_code = ErrorCode::UnsupportedCompressionType;
            return data;
        }
        data.high_watermark = log.high_watermark();
        data.last_stable_offset = log.last_stable_offset();
        data.log_start_offset = log.log_start_offset();
        if let Some(replica) = self.better_replica(partition, fetch, asked.fetch_offset) {
            data.preferred_read_replica = replica;
            return data;
        }
        match divergence(partition, asked) {
            Ok(None) => {}
            Ok(Some(diverging)) => {
                data.diverging_epoch = diverging;
                return data;
            }
            Err(error) => {
                data.error_code = error;
                return data;
            }
        }
        if self.is_held_back(partition, fetch, now) {
            return data;
        }
        if fetch.isolation == FetchIsolation::TxnCommitted {
            data.aborted_transactions = Some(Vec::new());
        }
        let max = left.min(u32::try_from(asked.partition_max_bytes).unwrap_or(0));
        match log.read(asked.fetch_offset, max, first, fetch.isolation) {
            Ok(info) => data.records = Some(info.records),
            Err(error) => data.error_code = error.code(),
        }
        data
    }

    /// Another replica that the consumer should read from (KIP-392).
    fn better_replica(&self, partition: &Partition, fetch: &Fetch, offset: i64) -> Option<i32> {
        let chooses = self.config.replica_selector == ReplicaSelector::RackAware
            && fetch.follower.is_none()
            && fetch.version >= RACKS_SINCE
            && partition.is_leader();
        if chooses { self.preferred_read_replica(partition, &fetch.rack, offset) } else { None }
    }

    fn fetched_partition(&self, wanted: &Wanted, fetch: &Fetch) -> Result<&Partition, ErrorCode> {
        let at = self.named(&wanted.key).ok_or(ErrorCode::UnknownTopicId)?;
        let Some(partition) = self.partition(&at) else {
            let known = self.image.partition(&at).is_some();
            return Err(if known {
                ErrorCode::NotLeaderOrFollower
            } else {
                ErrorCode::UnknownTopicOrPartition
            });
        };
        let leader_only = fetch.follower.is_some() || fetch.version < RACKS_SINCE;
        let follower = fetch.follower.map(|(id, _)| id);
        check_fetch(partition, &wanted.key, &wanted.fetch, follower, leader_only)?;
        Ok(partition)
    }

    /// The partition under its topic's name; `None` when nobody knows the topic's id.
    fn named(&self, key: &Key) -> Option<TopicPartition> {
        Some(TopicPartition::new(self.topic_name(&key.topic, &key.topic_id)?, key.partition))
    }

    /// Records were appended: followers may go on.
    pub(super) fn records_arrived(&mut self, ctx: &mut Ctx, at: &TopicPartition) {
        self.recheck_fetches(ctx, at, true);
    }

    /// Records were committed: consumers may go on.
    pub(super) fn high_watermark_rose(&mut self, ctx: &mut Ctx, at: &TopicPartition) {
        self.recheck_fetches(ctx, at, false);
        self.recheck_share_fetches(ctx, at);
    }

    /// The partition has a new leader, or is gone: who waits for it may have to hear so.
    pub(super) fn release_fetches(&mut self, ctx: &mut Ctx, at: &TopicPartition) {
        self.recheck_fetches(ctx, at, true);
        self.recheck_fetches(ctx, at, false);
    }

    fn recheck_fetches(&mut self, ctx: &mut Ctx, at: &TopicPartition, followers: bool) {
        let Some(ids) = self.fetches.watchers.get(at) else { return };
        let waits = |id: &&u64| {
            self.fetches.waiting.get(*id).is_some_and(|fetch| fetch.follower.is_some() == followers)
        };
        let candidates: Vec<u64> = ids.iter().filter(waits).copied().collect();
        for id in candidates {
            if self.fetches.waiting.get(&id).is_some_and(|fetch| self.has_enough(fetch, ctx.now())) {
                ctx.cancel_timer(BrokerTimer::Fetch(id));
                self.answer_fetch(ctx, id);
            }
        }
    }

    /// Whether a fetch need not wait any longer, found out without reading.
    fn has_enough(&self, fetch: &Fetch, now: SimTime) -> bool {
        let mut bytes: u64 = 0;
        for wanted in &fetch.wanted {
            let partition = match self.fetched_partition(wanted, fetch) {
                Ok(partition) => partition,
                Err(_) => return true,
            };
            let offset = wanted.fetch.fetch_offset;
            let is_in_log =
                (partition.log.log_start_offset()..=partition.log.log_end_offset()).contains(&offset);
            if !is_in_log || !matches!(divergence(partition, &wanted.fetch), Ok(None)) {
                return true;
            }
            if self.is_held_back(partition, fetch, now) {
                continue;
            }
            let max = u64::try_from(wanted.fetch.partition_max_bytes).unwrap_or(0).max(1);
            bytes += partition.log.readable_bytes(offset, fetch.isolation).min(max);
        }
        bytes >= u64::from(fetch.min_bytes)
    }

    /// Answers a fetch that waited, with whatever there is.
    pub(super) fn answer_fetch(&mut self, ctx: &mut Ctx, id: u64) {
        let Some(fetch) = self.fetches.remove(id) else { return };
        let read = self.read_all(&fetch, ctx.now());
        self.answer_with(ctx, &fetch, read);
    }

    /// Forgets a fetch whose connection is gone.
    pub(super) fn forget_fetch(&mut self, ctx: &mut Ctx, id: u64) {
        self.fetches.remove(id);
        ctx.cancel_timer(BrokerTimer::Fetch(id));
    }

    fn answer_with(&mut self, ctx: &mut Ctx, fetch: &Fetch, mut read: ReadAll) {
        if fetch.follower.is_some() && self.config.leader_throttled_rate != i64::MAX {
            self.account_for(ctx, fetch, &read.data);
        }
        if fetch.follower.is_none() && self.bounds_consumers() {
            let session_id = fetch.context.session_id();
            if let Some(answer) = self.charge_consumer(ctx, fetch.token, read.bytes, session_id) {
                return self.reply(ctx, fetch.token, &answer);
            }
        }
        let mut node_endpoints: Vec<NodeEndpoint> = Vec::new();
        if fetch.version >= NEW_LEADER_SINCE {
            for (wanted, data) in fetch.wanted.iter().zip(&mut read.data) {
                let (leader, endpoint) = self.new_leader(fetch.token, &wanted.key, data.error_code);
                data.current_leader = leader;
                let is_new = |endpoint: &NodeEndpoint| node_endpoints.iter().all(|known| known != endpoint);
                node_endpoints.extend(endpoint.filter(is_new));
            }
        }
        let (now, privileged) = (ctx.now(), fetch.follower.is_some());
        let sessions = &mut self.fetches.sessions;
        let answer = sessions.answer(now, ctx.rng(), &fetch.context, privileged, &fetch.wanted, read.data);
        self.reply(ctx, fetch.token, &FetchResponse { node_endpoints, ..answer });
    }

    /// Whether a replication throttle keeps a partition's records from a follower.
    fn is_held_back(&self, partition: &Partition, fetch: &Fetch, now: SimTime) -> bool {
        fetch.follower.is_some_and(|(id, _)| self.holds_back_follower(partition, id, now))
    }

    /// What goes to throttled replicas counts, whether they are in sync or not.
    #[inline(never)]
    fn account_for(&mut self, ctx: &mut Ctx, fetch: &Fetch, data: &[PartitionData]) {
        let (now, mut bytes) = (ctx.now(), 0);
        for (wanted, data) in fetch.wanted.iter().zip(data) {
            let Some(partition) = self.named(&wanted.key).and_then(|at| self.partitions.get(&at)) else {
                continue;
            };
            if !partition.log.config().leader_throttled_replicas.contains(partition.at.partition, self.id) {
                continue;
            }
            let size = data.records.as_ref().map_or(0, |records| records.len() as u64);
            if size == 0
                && wanted.fetch.fetch_offset < partition.log.log_end_offset()
                && self.is_held_back(partition, fetch, now)
            {
                ctx.trace(Event::ReplicationThrottled { at: partition.at.clone(), role: Role::Leader });
            }
            bytes += size;
        }
        if bytes > 0 {
            self.leader_quota.record(now, bytes);
        }
    }

    /// Who leads now, for an asker that is wrong about it (KIP-951).
    fn new_leader(
        &self,
        token: u64,
        key: &Key,
        error: ErrorCode,
    ) -> (LeaderIdAndEpoch, Option<NodeEndpoint>) {
        if !matches!(error, ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch) {
            return Default::default();
        }
        let Some((leader, broker)) = self.named(key).and_then(|at| self.leader_of(&at)) else {
            return Default::default();
        };
        let endpoint = broker.map(|broker| {
            let Endpoint { host, port, .. } = self.endpoint_for(token, broker).clone();
            NodeEndpoint { node_id: broker.id, host, port: port.into(), rack: None }
        });
        (LeaderIdAndEpoch { leader_id: leader.0, leader_epoch: leader.1 }, endpoint)
    }
}

/// Whether this broker may serve the fetch, going by the topic's id, leadership and epochs.
fn check_fetch(
    partition: &Partition,
    key: &Key,
    asked: &FetchPartition,
    follower: Option<i32>,
    leader_only: bool,
) -> Result<(), ErrorCode> {
    if key.topic.is_empty() && key.topic_id != partition.topic_id {
        return Err(ErrorCode::InconsistentTopicId);
    }
    check_epoch(partition, asked.current_leader_epoch)?;
    if leader_only && !partition.is_leader() {
        return Err(ErrorCode::NotLeaderOrFollower);
    }
    let is_replica = follower.is_none_or(|id| partition.registration.replicas.contains(&id));
    match asked.current_leader_epoch {
        _ if is_replica => Ok(()),
        // Who follows under this epoch may have heard of a reassignment before this leader.
        -1 => Err(ErrorCode::NotLeaderOrFollower),
        _ => Err(ErrorCode::UnknownLeaderEpoch),
    }
}

/// Compares the epoch that a client thinks is current with the replica's (KIP-320).
pub(super) fn check_epoch(partition: &Partition, epoch: i32) -> Result<(), ErrorCode> {
    match epoch {
        -1 => Ok(()),
        _ if partition.log.config().plants.has(Plant::StaleFetchAccepted) => Ok(()),
        epoch if epoch < partition.registration.leader_epoch => Err(ErrorCode::FencedLeaderEpoch),
        epoch if epoch > partition.registration.leader_epoch => Err(ErrorCode::UnknownLeaderEpoch),
        _ => Ok(()),
    }
}

/// Where the asker's log parts from this one, if it does: the end of the last epoch both know.
/// OFFSET_OUT_OF_RANGE when there is no such epoch, or the log no longer reaches back so far.
fn divergence(partition: &Partition, asked: &FetchPartition) -> Result<Option<EpochEndOffset>, ErrorCode> {
    let log = &partition.log;
    if asked.last_fetched_epoch < 0 || log.config().plants.has(Plant::StaleFetchAccepted) {
        return Ok(None);
    }
    let Some((epoch, end_offset)) = log.end_offset_for_epoch(asked.last_fetched_epoch) else {
        return Err(ErrorCode::OffsetOutOfRange);
    };
    if asked.fetch_offset < log.log_start_offset() {
        return Err(ErrorCode::OffsetOutOfRange);
    }
    if log.config().plants.has(Plant::TruncationOffByOne) && end_offset + 1 == asked.fetch_offset {
        return Ok(None);
    }
    let parted = end_offset < asked.fetch_offset || epoch < asked.last_fetched_epoch;
    Ok(parted.then_some(EpochEndOffset { epoch, end_offset }))
}
