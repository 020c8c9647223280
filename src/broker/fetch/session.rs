//! Incremental fetch sessions: the leader remembers what a consumer or follower wants, so that a
//! fetch names only what changed and its answer only what is new.
//!
//! Must not know logs: the answers' data are given. Rule: KIP-227; eviction as Kafka's
//! `FetchSessionCache`.

use std::sync::Arc;

use imbl::OrdMap;

use crate::base::{Map, Rng, Set, SimTime, ms};
use crate::protocol::messages::fetch::{
    FetchPartition, FetchRequest, FetchResponse, FetchableTopicResponse, PartitionData,
};
use crate::protocol::{ErrorCode, Uuid};

/// A fetch with this epoch is a full one and asks for a session.
const INITIAL_EPOCH: i32 = 0;
/// A fetch with this epoch is a full one and wants none (any more).
const FINAL_EPOCH: i32 = -1;
/// How long a session must be unused, or have lived, before it may be evicted.
const EVICTION_MS: u64 = 120_000;

/// A partition as a request names it: by its topic's name, or from version 13 on by its id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) topic: Arc<str>,
    pub(super) topic_id: Uuid,
    pub(super) partition: i32,
}

/// What is wanted of a partition.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wanted {
    pub(super) key: Key,
    pub(super) fetch: FetchPartition,
}

/// What a fetch has to do with sessions.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Context {
    /// Nothing.
    Sessionless,
    /// It asks for one.
    Full { uses_topic_ids: bool },
    /// It belongs to this one, whose next epoch is this.
    Incremental { id: i32, epoch: i32 },
}

impl Context {
    /// The session's id; 0 if there is none yet.
    pub(super) fn session_id(&self) -> i32 {
        match self {
            Context::Incremental { id, .. } => *id,
            Context::Sessionless | Context::Full { .. } => 0,
        }
    }
}

/// The sessions of a broker, at most `max.incremental.fetch.session.cache.slots`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FetchSessions {
    slots: u32,
    sessions: Map<i32, Session>,
}

#[derive(Clone, Debug, PartialEq)]
struct Session {
    /// A follower's.
    privileged: bool,
    uses_topic_ids: bool,
    created: SimTime,
    last_used: SimTime,
    epoch: i32,
    /// The partitions in the order in which they are read: those that gave records go last.
    partitions: OrdMap<u64, Cached>,
    places: OrdMap<Key, u64>,
    next_place: u64,
}

/// A partition, and what its reader was last told.
#[derive(Clone, Debug, PartialEq)]
struct Cached {
    wanted: Wanted,
    high_watermark: i64,
    log_start_offset: i64,
}

impl FetchSessions {
    pub(super) fn new(slots: u32) -> FetchSessions {
        FetchSessions { slots, sessions: Map::new() }
    }

    /// What a request wants all in all, and what it has to do with sessions.
    ///
    /// # Errors
    /// FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH or FETCH_SESSION_TOPIC_ID_ERROR: the
    /// asker begins again with a full fetch.
    pub(super) fn begin(
        &mut self,
        now: SimTime,
        request: &FetchRequest,
        uses_topic_ids: bool,
    ) -> Result<(Context, Vec<Wanted>), ErrorCode> {
        if matches!(request.session_epoch, INITIAL_EPOCH | FINAL_EPOCH) {
            self.sessions.remove(&request.session_id);
            let ends = request.session_epoch == FINAL_EPOCH;
            let context = if ends { Context::Sessionless } else { Context::Full { uses_topic_ids } };
            return Ok((context, wanted_of(request)));
        }
        let id = request.session_id;
        let session = self.sessions.get_mut(&id).ok_or(ErrorCode::FetchSessionIdNotFound)?;
        if session.epoch != request.session_epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        if session.uses_topic_ids != uses_topic_ids {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        session.update(request);
        if session.partitions.is_empty() {
            self.sessions.remove(&id);
            return Ok((Context::Sessionless, wanted_of(request)));
        }
        session.last_used = now;
        session.epoch = next_epoch(session.epoch);
        let all = session.partitions.values().map(|cached| cached.wanted.clone()).collect();
        Ok((Context::Incremental { id, epoch: session.epoch }, all))
    }

    /// The answer to a fetch: `data` is what was read of each partition that it wants. A full
    /// fetch gets a session if there is room, an incremental one is told only what is new.
    pub(super) fn answer(
        &mut self,
        now: SimTime,
        rng: &mut Rng,
        context: &Context,
        privileged: bool,
        wanted: &[Wanted],
        data: Vec<PartitionData>,
    ) -> FetchResponse {
        match *context {
            Context::Sessionless => respond(0, wanted.iter().map(|each| &each.key).zip(data)),
            Context::Full { uses_topic_ids } => {
                let id = self.create(now, rng, privileged, uses_topic_ids, wanted, &data);
                respond(id, wanted.iter().map(|each| &each.key).zip(data))
            }
            Context::Incremental { id, epoch } => {
                let session = self.sessions.get_mut(&id).filter(|session| session.epoch == epoch);
                let Some(session) = session else {
                    // Another request of the session has come meanwhile.
                    let error_code = ErrorCode::InvalidFetchSessionEpoch;
                    return FetchResponse { error_code, session_id: id, ..Default::default() };
                };
                let keys = wanted.iter().map(|each| &each.key);
                respond(id, keys.zip(data).filter(|(key, data)| session.tell(key, data)))
            }
        }
    }

    fn create(
        &mut self,
        now: SimTime,
        rng: &mut Rng,
        privileged: bool,
        uses_topic_ids: bool,
        wanted: &[Wanted],
        data: &[PartitionData],
    ) -> i32 {
        let size = wanted.iter().map(|each| &each.key).collect::<Set<_>>().len();
        let has_room = self.sessions.len() < self.slots as usize;
        if !has_room && !self.evict(now, privileged, size) {
            return 0;
        }
        let mut session = Session {
            privileged,
            uses_topic_ids,
            created: now,
            last_used: now,
            epoch: next_epoch(INITIAL_EPOCH),
            partitions: OrdMap::new(),
            places: OrdMap::new(),
            next_place: 0,
        };
        for (each, data) in wanted.iter().zip(data) {
            session.put(each.clone(), data.high_watermark, data.log_start_offset);
        }
        let id = loop {
            let id = i32::try_from(rng.between(1, i32::MAX as u64)).unwrap_or(1);
            if !self.sessions.contains_key(&id) {
                break id;
            }
        };
        self.sessions.insert(id, session);
        id
    }

    /// Makes room for a session of `size` partitions: at the cost of one that nobody has used for
    /// long, or else of a smaller one that is no longer new; a follower's may also push out a
    /// consumer's.
    fn evict(&mut self, now: SimTime, privileged: bool, size: usize) -> bool {
        let oldest = self.sessions.iter().min_by_key(|(id, session)| (session.last_used, **id));
        let stale = oldest.filter(|(_, session)| now.since(session.last_used) > ms(EVICTION_MS));
        let stale = stale.map(|(id, _)| *id);
        let value = |id: i32, session: &Session| (session.privileged, session.partitions.len(), id);
        let cheapest = || {
            let evictable = self.sessions.iter().filter(|(_, session)| {
                // Kafka notices at its next use that a session is no longer new.
                let is_grown = session.last_used.since(session.created) > ms(EVICTION_MS);
                is_grown || privileged && !session.privileged
            });
            let (id, session) = evictable.min_by_key(|(id, session)| value(**id, session))?;
            ((privileged, size, 0) >= value(*id, session)).then_some(*id)
        };
        let Some(id) = stale.or_else(cheapest) else { return false };
        self.sessions.remove(&id).is_some()
    }
}

impl Session {
    /// Takes in what a request adds, changes and forgets.
    fn update(&mut self, request: &FetchRequest) {
        for wanted in wanted_of(request) {
            match self.places.get(&wanted.key).and_then(|place| self.partitions.get_mut(place)) {
                Some(cached) => cached.wanted = wanted,
                None => self.put(wanted, -1, -1),
            }
        }
        for topic in &request.forgotten_topics_data {
            let name: Arc<str> = topic.topic.as_str().into();
            for &partition in &topic.partitions {
                let key = Key { topic: Arc::clone(&name), topic_id: topic.topic_id, partition };
                if let Some(place) = self.places.remove(&key) {
                    self.partitions.remove(&place);
                }
            }
        }
    }

    fn put(&mut self, wanted: Wanted, high_watermark: i64, log_start_offset: i64) {
        let place = self.next_place;
        self.next_place += 1;
        if let Some(before) = self.places.insert(wanted.key.clone(), place) {
            self.partitions.remove(&before);
        }
        self.partitions.insert(place, Cached { wanted, high_watermark, log_start_offset });
    }

    /// Whether the partition's reader has to be told this, and remembers that it was. Whoever gave
    /// records is read last next time, so that all have their turn.
    fn tell(&mut self, key: &Key, data: &PartitionData) -> bool {
        let Some(place) = self.places.get(key).copied() else { return false };
        let Some(cached) = self.partitions.get_mut(&place) else { return false };
        let has_records = data.records.as_ref().is_some_and(|records| !records.is_empty());
        let has_failed = data.error_code.is_error() || data.diverging_epoch.end_offset >= 0;
        let news = has_records
            || has_failed
            || cached.high_watermark != data.high_watermark
            || cached.log_start_offset != data.log_start_offset
            || data.preferred_read_replica >= 0;
        // After an error the partition is told again, whatever its high watermark.
        cached.high_watermark = if has_failed { -1 } else { data.high_watermark };
        cached.log_start_offset = data.log_start_offset;
        if has_records && let Some(cached) = self.partitions.remove(&place) {
            self.put(cached.wanted, cached.high_watermark, cached.log_start_offset);
        }
        news
    }
}

fn next_epoch(epoch: i32) -> i32 {
    if epoch == i32::MAX { 1 } else { epoch + 1 }
}

fn wanted_of(request: &FetchRequest) -> Vec<Wanted> {
    let mut all = Vec::new();
    for topic in &request.topics {
        let name: Arc<str> = topic.topic.as_str().into();
        for fetch in &topic.partitions {
            let key = Key { topic: Arc::clone(&name), topic_id: topic.topic_id, partition: fetch.partition };
            all.push(Wanted { key, fetch: fetch.clone() });
        }
    }
    all
}

fn respond<'a>(session_id: i32, told: impl Iterator<Item = (&'a Key, PartitionData)>) -> FetchResponse {
    let mut responses: Vec<FetchableTopicResponse> = Vec::new();
    for (key, data) in told {
        match responses.last_mut() {
            Some(topic) if *topic.topic == *key.topic && topic.topic_id == key.topic_id => {
                topic.partitions.push(data);
            }
            _ => responses.push(FetchableTopicResponse {
                topic: key.topic.to_string(),
                topic_id: key.topic_id,
                partitions: vec![data],
            }),
        }
    }
    FetchResponse { session_id, responses, ..Default::default() }
}
