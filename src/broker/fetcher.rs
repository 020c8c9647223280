//! Fetchers: for every broker that leads something replicated here, one connection that keeps
//! asking for what is new. A follower's log is cut where the leader's says that they part, and
//! its high watermark is what the leader's last answer told: one fetch late.
//!
//! Source: Kafka documentation *Replication*; KIP-595 (truncation on fetch).

use std::sync::Arc;

use bytes::Bytes;

use crate::base::{CloseReason, ConnId, Map, Rope, Set, SimTime, ms};
use crate::broker::history::follows_high_watermark;
use crate::broker::{Broker, BrokerTimer, Ctx, Partition};
use crate::peer::{FromPeer, Peer};
use crate::plant::Plant;
use crate::protocol::messages::fetch::{
    FetchPartition, FetchRequest, FetchResponse, FetchTopic, PartitionData, ReplicaState,
};
use crate::protocol::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopic,
};
use crate::protocol::wire::SHARED_MIN_BYTES;
use crate::protocol::{ErrorCode, TopicPartition, decode_response_rope};
use crate::trace::{Event, Offsets, Role};

/// `ListOffsets.timestamp` of where a log ends.
const LATEST: i64 = -1;

/// What was asked for: the offset and leader epoch of each partition then.
pub(super) type Position = (i64, i32);

/// What a request to a leader was for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Asked {
    /// The records from these positions on.
    Fetch(Map<TopicPartition, Position>),
    /// Where the leader's log ends, which lies before this follower's.
    LogEnd(TopicPartition, Position),
}

/// One leader and what is copied from it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fetcher {
    pub(super) peer: Peer<Asked>,
    partitions: Set<TopicPartition>,
    delayed: Map<TopicPartition, SimTime>,
    /// Of the throttled ones, those that do not have all that is committed.
    pub(super) behind: Set<TopicPartition>,
}

impl Fetcher {
    pub(super) fn owns(&self, conn: ConnId) -> bool {
        self.peer.owns(conn)
    }

    pub(super) fn is_delayed(&self, at: &TopicPartition) -> bool {
        self.delayed.contains_key(at)
    }

    /// Asks for no records of this partition before `until`.
    pub(super) fn delay(&mut self, at: &TopicPartition, until: SimTime) {
        self.delayed.entry(at.clone()).or_insert(until);
    }

    pub(super) fn copies(&self, at: &TopicPartition) -> bool {
        self.partitions.contains(at)
    }
}

impl Broker {
    /// Copies `at` from `leader` from now on, and from nobody else.
    pub(super) fn follow_leader(&mut self, ctx: &mut Ctx, at: &TopicPartition, leader: i32) {
        self.stop_following(ctx, at, Some(leader));
        let Some(broker) = self.image.brokers.get(&leader) else { return };
        let endpoint = broker.internal();
        let (host, port) = (endpoint.host.clone(), endpoint.port);
        let fetcher = self.fetchers.entry(leader).or_insert_with(|| Fetcher {
            peer: Peer::new(host.clone(), port),
            partitions: Set::new(),
            delayed: Map::new(),
            behind: Set::new(),
        });
        if !fetcher.peer.is_at(&host, port) {
            fetcher.peer.give_up(ctx);
            fetcher.peer = Peer::new(host, port);
        }
        fetcher.partitions.insert(at.clone());
        fetcher.delayed.remove(at);
        self.run_fetcher(ctx, leader);
    }

    /// Stops copying `at`, except from `but`.
    pub(super) fn stop_following(&mut self, ctx: &mut Ctx, at: &TopicPartition, but: Option<i32>) {
        let mut idle = Vec::new();
        for (leader, fetcher) in &mut self.fetchers {
            if Some(*leader) == but || !fetcher.partitions.remove(at) {
                continue;
            }
            fetcher.delayed.remove(at);
            fetcher.behind.remove(at);
            if fetcher.partitions.is_empty() {
                idle.push(*leader);
            }
        }
        for leader in idle {
            if let Some(mut fetcher) = self.fetchers.remove(&leader) {
                fetcher.peer.give_up(ctx);
                ctx.cancel_timer(BrokerTimer::FetcherRetry(leader));
            }
        }
    }

    /// Asks for the next records, unless an answer is still to come.
    pub(super) fn run_fetcher(&mut self, ctx: &mut Ctx, leader: i32) {
        let Some(fetcher) = self.fetchers.get_mut(&leader) else { return };
        let now = ctx.now();
        if !fetcher.peer.is_ready() {
            fetcher.peer.connect(ctx);
            if fetcher.peer.retry_at() > now {
                ctx.set_timer(BrokerTimer::FetcherRetry(leader), fetcher.peer.retry_at());
            }
            return;
        }
        if fetcher.peer.is_busy() {
            return;
        }
        fetcher.delayed.retain(|_, until| *until > now);
        if !fetcher.behind.is_empty() {
            self.hold_itself_back(ctx, leader);
        }
        let Some(fetcher) = self.fetchers.get_mut(&leader) else { return };
        let wanted: Vec<TopicPartition> =
            fetcher.partitions.iter().filter(|at| !fetcher.delayed.contains_key(*at)).cloned().collect();
        if let Some(earliest) = fetcher.delayed.values().min() {
            ctx.set_timer(BrokerTimer::FetcherRetry(leader), *earliest);
        }
        if wanted.is_empty() {
            return;
        }
        let (request, positions) = self.fetch_request(&wanted);
        if let Some(fetcher) = self.fetchers.get_mut(&leader)
            && fetcher.peer.ask(ctx, Asked::Fetch(positions), &request).is_err()
        {
            fetcher.peer.give_up(ctx);
        }
    }

    fn fetch_request(&self, wanted: &[TopicPartition]) -> (FetchRequest, Map<TopicPartition, Position>) {
        let mut positions = Map::new();
        let mut topics: Vec<FetchTopic> = Vec::new();
        for at in wanted {
            let Some(partition) = self.partition(at) else { continue };
            let (offset, epoch) = (partition.log.log_end_offset(), partition.registration.leader_epoch);
            positions.insert(at.clone(), (offset, epoch));
            let asked = FetchPartition {
                partition: at.partition,
                current_leader_epoch: epoch,
                fetch_offset: offset,
                last_fetched_epoch: match forgets_epochs(partition) {
                    true => -1,
                    false => partition.log.latest_epoch().unwrap_or(-1),
                },
                log_start_offset: partition.log.log_start_offset(),
                partition_max_bytes: i32::try_from(self.config.replica_fetch_max_bytes).unwrap_or(i32::MAX),
                ..Default::default()
            };
            match topics.last_mut() {
                Some(topic) if topic.topic == *at.topic => topic.partitions.push(asked),
                _ => topics.push(FetchTopic {
                    topic: at.topic.to_string(),
                    topic_id: partition.topic_id,
                    partitions: vec![asked],
                }),
            }
        }
        let request = FetchRequest {
            replica_state: ReplicaState {
                replica_id: self.id,
                replica_epoch: self.controller.broker_epoch(),
            },
            max_wait_ms: i32::try_from(self.config.replica_fetch_wait_max_ms).unwrap_or(i32::MAX),
            min_bytes: self.config.replica_fetch_min_bytes,
            max_bytes: i32::try_from(self.config.replica_fetch_response_max_bytes).unwrap_or(i32::MAX),
            session_epoch: -1,
            topics,
            ..Default::default()
        };
        (request, positions)
    }

    pub(super) fn hear_leader(&mut self, ctx: &mut Ctx, leader: i32, bytes: Rope) {
        let Some(fetcher) = self.fetchers.get_mut(&leader) else { return };
        match fetcher.peer.receive(ctx, bytes) {
            FromPeer::Ready => {}
            FromPeer::Answer { purpose: Asked::LogEnd(at, position), version, bytes } => {
                match decode_response_rope::<ListOffsetsResponse>(&bytes, version) {
                    Ok((_, response)) => self.take_log_end(ctx, &at, position, &response),
                    Err(_) => {
                        fetcher.peer.give_up(ctx);
                    }
                }
            }
            FromPeer::Answer { purpose: Asked::Fetch(purpose), version, bytes } => {
                match decode_response_rope::<FetchResponse>(&bytes, version) {
                    Ok((_, response)) => self.take_fetched(ctx, leader, &purpose, response),
                    Err(_) => {
                        fetcher.peer.give_up(ctx);
                    }
                }
            }
            FromPeer::Broken(_) => {}
        }
        self.run_fetcher(ctx, leader);
    }

    pub(super) fn leader_closed(&mut self, ctx: &mut Ctx, leader: i32, reason: CloseReason) {
        if let Some(fetcher) = self.fetchers.get_mut(&leader) {
            fetcher.peer.closed(ctx.now(), reason);
        }
        self.run_fetcher(ctx, leader);
    }

    pub(super) fn time_out_fetcher(&mut self, ctx: &mut Ctx, leader: i32, timeout_ms: u32) {
        if let Some(fetcher) = self.fetchers.get_mut(&leader)
            && fetcher.peer.time_out(ctx, timeout_ms).is_some()
        {
            self.run_fetcher(ctx, leader);
        }
    }

    fn take_fetched(
        &mut self,
        ctx: &mut Ctx,
        leader: i32,
        asked: &Map<TopicPartition, Position>,
        response: FetchResponse,
    ) {
        let fetched = response.responses.iter().flat_map(|topic| &topic.partitions);
        let copied =
            fetched.filter_map(|data| Some(data.records.as_ref()?.len())).filter(|size| !is_shared(*size));
        let copied_bytes: usize = copied.sum();
        for topic in response.responses {
            let Some(name) = self.topic_name(&topic.topic, &topic.topic_id) else { continue };
            for mut data in topic.partitions {
                // Many records are still those of the leader's log. A few came as part of the frame,
                // and a small part must not keep a large frame when all others are long deleted.
                data.records = data.records.map(|records| {
                    let is_small = !is_shared(records.len()) && records.len() * 4 < copied_bytes;
                    if is_small { Bytes::copy_from_slice(&records.whole()).into() } else { records }
                });
                let at = TopicPartition::new(Arc::clone(&name), data.partition_index);
                let Some(position) = asked.get(&at) else { continue };
                if !self.take_partition(ctx, &at, *position, data) {
                    let backoff = u64::from(self.config.replica_fetch_backoff_ms);
                    if let Some(fetcher) = self.fetchers.get_mut(&leader) {
                        fetcher.delayed.insert(at, ctx.now() + ms(backoff));
                    }
                }
            }
        }
    }

    /// Takes what the leader answered for one partition. False when it is to be asked later.
    fn take_partition(
        &mut self,
        ctx: &mut Ctx,
        at: &TopicPartition,
        asked: Position,
        data: PartitionData,
    ) -> bool {
        let Some(partition) = self.partitions.get_mut(at) else { return false };
        let current = (partition.log.log_end_offset(), partition.registration.leader_epoch);
        if partition.is_leader() || current != asked {
            return true; // An answer to a question of another time.
        }
        match data.error_code {
            ErrorCode::None => {}
            ErrorCode::OffsetOutOfRange if asked.0 > data.log_start_offset => {
                self.ask_log_end(ctx, at, asked);
                return false;
            }
            ErrorCode::OffsetOutOfRange => {
                // The leader has deleted what would come next.
                let start = data.log_start_offset.max(0);
                if start > partition.log.log_end_offset() {
                    Arc::make_mut(partition).log.truncate_fully_and_start_at(start);
                    ctx.trace(Event::LogTruncated {
                        at: at.clone(),
                        offsets: Offsets { from: start, to: start },
                        leader_epoch: asked.1,
                    });
                }
                return false;
            }
            error => {
                ctx.trace(Event::MetadataStale { error });
                return false;
            }
        }
        if data.diverging_epoch.end_offset >= 0 {
            self.truncate_to_divergence(ctx, at, data.diverging_epoch.epoch, data.diverging_epoch.end_offset);
            return true;
        }
        self.append_as_follower(ctx, at, &data)
    }

    /// KIP-595: cut to where the leader's epoch ends, or to where ours does if that is earlier.
    fn truncate_to_divergence(&mut self, ctx: &mut Ctx, at: &TopicPartition, epoch: i32, end_offset: i64) {
        let Some(partition) = self.partitions.get_mut(at) else { return };
        ctx.trace(Event::EpochEndLearned { at: at.clone(), leader_epoch: epoch, end_offset });
        let log = &mut Arc::make_mut(partition).log;
        let ours = log.end_offset_for_epoch(epoch).map_or(end_offset, |(_, end)| end);
        let late = i64::from(log.config().plants.has(Plant::TruncationOffByOne));
        let to = ours.min(end_offset) + late;
        self.truncate_replica(ctx, at, to, epoch);
    }

    pub(super) fn truncate_replica(
        &mut self,
        ctx: &mut Ctx,
        at: &TopicPartition,
        to: i64,
        leader_epoch: i32,
    ) {
        let Some(partition) = self.partitions.get_mut(at) else { return };
        if let Some(gone) = Arc::make_mut(partition).log.truncate_to(to) {
            let offsets = Offsets { from: gone.start, to: gone.end };
            ctx.trace(Event::LogTruncated { at: at.clone(), offsets, leader_epoch });
        }
    }

    /// The leader has nothing at the follower's end, and it is not that it was deleted: asks where the
    /// leader's log ends. It may have lost more than the epochs that the follower knows of can tell, as
    /// when retention has left it none.
    #[inline(never)]
    fn ask_log_end(&mut self, ctx: &mut Ctx, at: &TopicPartition, position: Position) {
        let Some(leader) = self.partition(at).map(|partition| partition.registration.leader) else { return };
        let asked = ListOffsetsPartition {
            partition_index: at.partition,
            current_leader_epoch: position.1,
            timestamp: LATEST,
        };
        let topics = vec![ListOffsetsTopic { name: at.topic.to_string(), partitions: vec![asked] }];
        let request = ListOffsetsRequest { replica_id: self.id, topics, ..Default::default() };
        if let Some(fetcher) = self.fetchers.get_mut(&leader) {
            // When it cannot be asked, the next fetch fails as this one did.
            let _ = fetcher.peer.ask(ctx, Asked::LogEnd(at.clone(), position), &request);
        }
    }

    #[inline(never)]
    fn take_log_end(
        &mut self,
        ctx: &mut Ctx,
        at: &TopicPartition,
        asked: Position,
        response: &ListOffsetsResponse,
    ) {
        let Some(partition) = self.partition(at) else { return };
        let current = (partition.log.log_end_offset(), partition.registration.leader_epoch);
        let found = response.topics.first().and_then(|topic| topic.partitions.first());
        match found {
            Some(found)
                if found.error_code == ErrorCode::None && !partition.is_leader() && current == asked =>
            {
                self.truncate_replica(ctx, at, found.offset.max(0), asked.1);
            }
            _ => {}
        }
    }

    fn append_as_follower(&mut self, ctx: &mut Ctx, at: &TopicPartition, data: &PartitionData) -> bool {
        let Some(partition) = self.partitions.get_mut(at) else { return false };
        let partition = Arc::make_mut(partition);
        let leader_epoch = partition.registration.leader_epoch;
        let records = data.records.clone().unwrap_or_default();
        let mut rolled = false;
        if !records.is_empty() {
            match partition.log.append_as_follower(&records) {
                Ok(info) if info.count > 0 => {
                    rolled = info.rolled.is_some();
                    if let Some(base_offset) = info.rolled {
                        ctx.trace(Event::SegmentRolled { at: at.clone(), base_offset });
                    }
                    ctx.trace(Event::RecordsAppended {
                        at: at.clone(),
                        role: Role::Follower,
                        offsets: Offsets { from: info.first_offset, to: info.last_offset + 1 },
                        leader_epoch,
                        size_bytes: info.size_bytes,
                    });
                }
                Ok(_) => {}
                Err(_) => return false,
            }
        }
        let lags = data.high_watermark > partition.log.log_end_offset();
        let from = partition.log.high_watermark();
        let to = partition.log.update_high_watermark(data.high_watermark.min(partition.log.log_end_offset()));
        if data.log_start_offset > partition.log.log_start_offset() {
            // Fails only above the high watermark, which the leader's start never is.
            let _ = partition.log.increment_log_start_offset(data.log_start_offset);
        }
        if to > from {
            let offsets = Offsets { from, to };
            ctx.trace(Event::HighWatermarkAdvanced { at: at.clone(), role: Role::Follower, offsets });
            // Consumers may read from followers.
            self.high_watermark_rose(ctx, at);
        }
        if self.config.follower_throttled_rate != i64::MAX {
            self.note_copied(ctx, at, records.len() as u64, lags);
        }
        if !records.is_empty() {
            self.flush_after_append(ctx, at, rolled);
        }
        true
    }
}

/// Whether a follower does not say in which epoch it got its last record.
fn forgets_epochs(partition: &Partition) -> bool {
    partition.log.config().plants.has(Plant::TruncationForgotten) || follows_high_watermark(partition)
}

/// Whether so many bytes of records are not part of the frame that they came in.
fn is_shared(size: usize) -> bool {
    size >= SHARED_MIN_BYTES
}
