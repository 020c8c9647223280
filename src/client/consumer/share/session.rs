//! Share sessions: ShareFetch and ShareAcknowledge, one request in flight per broker.
//!
//! A broker remembers which partitions a member fetches from it, so that requests name only what is
//! new. Epoch 0 opens the session, and cannot acknowledge anything; −1 ends it, and lets go of all
//! that is acquired in it. What was acquired from a leader can only be acknowledged there.

use std::sync::Arc;

use super::{Acquired, Hand};
use crate::base::{Map, Set};
use crate::client::consumer::config::AcknowledgeType;
use crate::client::consumer::fetcher::read;
use crate::client::consumer::{Consumer, ConsumerTimer, Request, TopicPartition};
use crate::client::metadata_cache::{BrokerEndpoint, is_invalid_metadata};
use crate::client::network::{Response, SendOptions};
use crate::protocol::messages::share_acknowledge::{
    AcknowledgePartition, AcknowledgeTopic, ShareAcknowledgeRequest, ShareAcknowledgeResponse,
};
use crate::protocol::messages::share_fetch::{
    AcknowledgementBatch, FetchPartition, FetchTopic, ForgottenTopic, NodeEndpoint, PartitionData,
    ShareFetchRequest, ShareFetchResponse,
};
use crate::protocol::{ErrorCode, Uuid};
use crate::trace::{Ctx, Event, Offsets};

/// Ends a session.
const FINAL_EPOCH: i32 = -1;
/// An offset at which there is no record.
const GAP: i8 = 0;

/// A partition as the session names it.
pub(super) type Id = (Uuid, i32);

/// A share session, as the consumer has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Session {
    /// That of the next request.
    epoch: i32,
    /// What the broker remembers.
    partitions: Set<Id>,
}

/// What is to be acknowledged of a partition: first and last offset, and what became of them, in
/// ascending order.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::client::consumer) struct Acks {
    at: TopicPartition,
    ranges: Vec<(i64, i64, i8)>,
}

/// What a request in flight has said.
pub(in crate::client::consumer) type Sent = Map<(Uuid, i32), Acks>;

impl Acks {
    fn batches(&self) -> Vec<AcknowledgementBatch> {
        let batch = |&(first_offset, last_offset, kind): &(i64, i64, i8)| AcknowledgementBatch {
            first_offset,
            last_offset,
            acknowledge_types: vec![kind],
        };
        self.ranges.iter().map(batch).collect()
    }
}

impl Consumer {
    /// This is what became of the records from `first` to `last`.
    pub(super) fn acknowledge(&mut self, hand: &Hand, first: i64, last: i64, kind: i8) {
        if first > last {
            return;
        }
        let of_node = self.share.acks.entry(hand.node).or_default();
        let acks = of_node.entry(hand.id).or_insert_with(|| Acks { at: hand.at.clone(), ranges: Vec::new() });
        let place = acks.ranges.partition_point(|range| range.0 <= first);
        match place.checked_sub(1).and_then(|before| acks.ranges.get_mut(before)) {
            Some(range) if range.1.checked_add(1) == Some(first) && range.2 == kind => range.1 = last,
            _ => acks.ranges.insert(place, (first, last, kind)),
        }
    }

    fn is_busy(&self, node: i32) -> bool {
        let is_it =
            |request: &Request| matches!(request, Request::Share { node: other, .. } if *other == node);
        self.is_asking(is_it) || self.share.waits.contains_key(&node)
    }

    /// Whether a ShareAcknowledge is unanswered.
    pub(super) fn is_acknowledging(&self) -> bool {
        self.is_asking(|request| matches!(request, Request::Share { fetches: false, .. }))
    }

    /// Asks every leader for records, and tells it what became of those before.
    #[inline(never)]
    pub(super) fn send_share_fetches(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) {
        let now = ctx.now();
        self.share.waits.retain(|_, until| *until > now);
        let mut wanted: Map<i32, Map<Id, Arc<str>>> = Map::new();
        let mut without_leader = false;
        let metadata = self.network.metadata();
        for (at, partition) in &self.owned {
            if partition.revoking || partition.paused || partition.not_before > now {
                continue;
            }
            match (metadata.leader(at), metadata.topic(&at.topic)) {
                (Some((leader, _)), Some(topic)) => {
                    wanted.entry(leader).or_default().insert((topic.id, at.partition), at.topic.clone());
                }
                _ => without_leader = true,
            }
        }
        if without_leader {
            self.network.refresh_metadata(ctx);
        }
        let others = self.share.acks.keys().filter(|node| !wanted.contains_key(*node)).copied();
        for node in others.collect::<Vec<_>>() {
            self.send_share_acknowledge(ctx, node, false);
        }
        for (node, partitions) in wanted {
            if !self.is_busy(node) && self.network.ready(ctx, node) {
                self.send_share_fetch(ctx, node, partitions);
            }
        }
    }

    fn send_share_fetch(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        node: i32,
        partitions: Map<Id, Arc<str>>,
    ) {
        let sent = self.take_acks(ctx, node);
        let session = self.share.sessions.entry(node).or_default();
        let wanted: Set<Id> = partitions.keys().copied().collect();
        let mut topics: Map<Uuid, Vec<FetchPartition>> = Map::new();
        let added = wanted.difference(&session.partitions).copied();
        let named: Set<Id> = added.chain(sent.keys().copied()).collect();
        for id in named.iter() {
            topics.entry(id.0).or_default().push(FetchPartition {
                partition_index: id.1,
                acknowledgement_batches: sent.get(id).map(Acks::batches).unwrap_or_default(),
            });
        }
        let mut forgotten: Map<Uuid, Vec<i32>> = Map::new();
        for id in session.partitions.difference(&wanted) {
            forgotten.entry(id.0).or_default().push(id.1);
        }
        session.partitions = wanted;
        let share_session_epoch = session.epoch;
        let max_records = i32::try_from(self.config.max_poll_records).unwrap_or(i32::MAX);
        let request = ShareFetchRequest {
            group_id: Some(self.group_id().to_owned()),
            member_id: Some(self.membership.member_id.clone()),
            share_session_epoch,
            max_wait_ms: self.config.fetch_max_wait_ms,
            min_bytes: self.config.fetch_min_bytes,
            max_bytes: self.config.fetch_max_bytes,
            max_records,
            batch_size: max_records,
            topics: (topics.into_iter())
                .map(|(topic_id, partitions)| FetchTopic { topic_id, partitions })
                .collect(),
            forgotten_topics_data: (forgotten.into_iter())
                .map(|(topic_id, partitions)| ForgottenTopic { topic_id, partitions })
                .collect(),
        };
        let names = partitions.into_iter().map(|((topic, _), name)| (topic, name)).collect();
        let what = Request::Share { node, sent: sent.clone(), names, fetches: true };
        if !self.send(ctx, node, &request, what, SendOptions::default()) {
            self.share_session_lost(ctx, node, sent, ErrorCode::NetworkException);
        }
    }

    /// Tells leaders what became of records, and asks for none.
    pub(in crate::client::consumer) fn send_acknowledgements(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) {
        let now = ctx.now();
        self.share.waits.retain(|_, until| *until > now);
        let nodes: Vec<i32> = self.share.acks.keys().copied().collect();
        nodes.into_iter().for_each(|node| self.send_share_acknowledge(ctx, node, false));
    }

    #[inline(never)]
    fn send_share_acknowledge(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, node: i32, ends: bool) {
        if self.is_busy(node) {
            return;
        }
        // Without a session nothing is acquired: it was all let go.
        let epoch = self.share.sessions.get(&node).map_or(0, |session| session.epoch);
        let is_gone = self.network.metadata().brokers().get(&node).is_none();
        if epoch == 0 || is_gone {
            let lost = self.share.acks.remove(&node).unwrap_or_default();
            return self.share_session_lost(ctx, node, lost, ErrorCode::ShareSessionNotFound);
        }
        if !self.network.ready(ctx, node) {
            return;
        }
        let sent = self.take_acks(ctx, node);
        if sent.is_empty() && !ends {
            return;
        }
        let mut topics: Map<Uuid, Vec<AcknowledgePartition>> = Map::new();
        for (id, acks) in &sent {
            topics.entry(id.0).or_default().push(AcknowledgePartition {
                partition_index: id.1,
                acknowledgement_batches: acks.batches(),
            });
        }
        let request = ShareAcknowledgeRequest {
            group_id: Some(self.group_id().to_owned()),
            member_id: Some(self.membership.member_id.clone()),
            share_session_epoch: if ends { FINAL_EPOCH } else { epoch },
            topics: (topics.into_iter())
                .map(|(topic_id, partitions)| AcknowledgeTopic { topic_id, partitions })
                .collect(),
        };
        let what = Request::Share { node, sent: sent.clone(), names: Map::new(), fetches: false };
        if !self.send(ctx, node, &request, what, SendOptions::default()) {
            self.share_session_lost(ctx, node, sent, ErrorCode::NetworkException);
        } else if ends {
            self.share.sessions.remove(&node);
        }
    }

    /// What is to be told to a broker. Who does not lead a partition any more cannot be told: its
    /// locks went with it, and the new leader gives the records out again.
    fn take_acks(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, node: i32) -> Sent {
        let mut taken = self.share.acks.remove(&node).unwrap_or_default();
        let is_new = self.share.sessions.get(&node).is_none_or(|session| session.epoch == 0);
        let metadata = self.network.metadata();
        let moved: Vec<Id> = (taken.iter())
            .filter(|(_, acks)| is_new || metadata.leader(&acks.at).is_some_and(|(it, _)| it != node))
            .map(|(id, _)| *id)
            .collect();
        let error = if is_new { ErrorCode::ShareSessionNotFound } else { ErrorCode::NotLeaderOrFollower };
        for id in moved {
            if let Some(acks) = taken.remove(&id) {
                self.tell_acknowledged(ctx, &acks, error);
            }
        }
        taken
    }

    fn tell_acknowledged(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, acks: &Acks, error: ErrorCode) {
        for &(first, last, kind) in &acks.ranges {
            ctx.trace(Event::RecordsAcknowledged {
                group: self.group_id().into(),
                at: acks.at.clone(),
                offsets: Offsets { from: first, to: last.saturating_add(1) },
                then: AcknowledgeType::name_of(kind),
                error,
            });
        }
    }

    /// The session is over, and what was acquired in it.
    fn share_session_lost(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        node: i32,
        sent: Sent,
        error: ErrorCode,
    ) {
        self.share.sessions.remove(&node);
        for acks in sent.values() {
            self.tell_acknowledged(ctx, acks, error);
        }
    }

    /// The connection is gone, and the session with it.
    pub(in crate::client::consumer) fn share_disconnected(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        node: i32,
    ) {
        if self.share.sessions.contains_key(&node) {
            let lost = self.share.acks.remove(&node).unwrap_or_default();
            self.share_session_lost(ctx, node, lost, ErrorCode::NetworkException);
        }
    }

    fn wait_for(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, node: i32) {
        let until = ctx.now() + self.config.retry_backoff().after(1, ctx.rng());
        self.share.waits.insert(node, until);
    }

    #[inline(never)]
    pub(in crate::client::consumer) fn on_share(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        response: &Response,
        node: i32,
        sent: Sent,
        names: &Map<Uuid, Arc<str>>,
        fetches: bool,
    ) {
        let failed = if fetches {
            match self.decode::<ShareFetchResponse>(ctx, response) {
                Ok(answer) if !answer.error_code.is_error() => {
                    return self.share_fetched(ctx, node, &sent, names, answer);
                }
                other => other.map_or_else(|error| error, |answer| answer.error_code),
            }
        } else {
            match self.decode::<ShareAcknowledgeResponse>(ctx, response) {
                Ok(answer) if !answer.error_code.is_error() => {
                    return self.share_acknowledged(ctx, node, &sent, answer);
                }
                other => other.map_or_else(|error| error, |answer| answer.error_code),
            }
        };
        self.share_session_lost(ctx, node, sent, failed);
        if is_invalid_metadata(failed) {
            self.network.metadata_is_stale(ctx, failed);
        } else if !failed.is_retriable() {
            self.report(ctx, failed, "the share session failed");
        }
        self.wait_for(ctx, node);
    }

    fn next_share_epoch(&mut self, node: i32) {
        if let Some(session) = self.share.sessions.get_mut(&node) {
            session.epoch = session.epoch.checked_add(1).unwrap_or(1);
        }
    }

    fn share_fetched(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        node: i32,
        sent: &Sent,
        names: &Map<Uuid, Arc<str>>,
        answer: ShareFetchResponse,
    ) {
        self.next_share_epoch(node);
        for topic in answer.responses {
            for data in topic.partitions {
                let id = (topic.topic_id, data.partition_index);
                if let Some(acks) = sent.get(&id) {
                    self.tell_acknowledged(ctx, acks, data.acknowledge_error_code);
                }
                let Some(name) = names.get(&id.0) else { continue };
                let at = TopicPartition::new(name.clone(), id.1);
                if data.error_code.is_error() {
                    let leader = (data.current_leader.leader_id, data.current_leader.leader_epoch);
                    self.share_failed(ctx, &at, data.error_code, leader, &answer.node_endpoints);
                } else {
                    self.acquired(ctx, Hand { at, id, node }, data);
                }
            }
        }
    }

    fn share_acknowledged(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        node: i32,
        sent: &Sent,
        answer: ShareAcknowledgeResponse,
    ) {
        self.next_share_epoch(node);
        for topic in answer.responses {
            for data in topic.partitions {
                let Some(acks) = sent.get(&(topic.topic_id, data.partition_index)) else { continue };
                self.tell_acknowledged(ctx, acks, data.error_code);
                if is_invalid_metadata(data.error_code) {
                    let leader = (data.current_leader.leader_id, data.current_leader.leader_epoch);
                    let at = acks.at.clone();
                    self.share_failed(ctx, &at, data.error_code, leader, &answer.node_endpoints);
                }
            }
        }
    }

    fn share_failed(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        at: &TopicPartition,
        error: ErrorCode,
        (leader, epoch): (i32, i32),
        endpoints: &[NodeEndpoint],
    ) {
        let endpoint = endpoints.iter().find(|endpoint| endpoint.node_id == leader);
        let endpoint = endpoint.map(|it| BrokerEndpoint::told(&it.host, it.port, it.rack.as_deref()));
        if self.network.leader_is(at, leader, epoch, endpoint) {
            return;
        }
        if is_invalid_metadata(error) {
            self.network.metadata_is_stale(ctx, error);
        } else if !error.is_retriable() {
            self.report(ctx, error, &format!("cannot fetch {at}"));
        }
        self.back_off(ctx, at);
    }

    /// Records are the member's for a while. Offsets without a record are acknowledged as such.
    fn acquired(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, hand: Hand, data: PartitionData) {
        let Some(first) = data.acquired_records.iter().map(|it| it.first_offset).min() else { return };
        let (read, _, damage) = read(data.records.unwrap_or_default().whole(), first);
        if let Some(damage) = damage {
            self.report(ctx, ErrorCode::CorruptMessage, &format!("{}: {damage:?}", hand.at));
        }
        if let Some(partition) = self.owned.get_mut(&hand.at) {
            partition.failures = 0;
        }
        let mut records = Vec::new();
        for acquired in &data.acquired_records {
            let (from, to) = (acquired.first_offset, acquired.last_offset.saturating_add(1));
            let inside = read.iter().filter(|record| (from..to).contains(&record.offset));
            let mut next = from;
            for record in inside {
                self.acknowledge(&hand, next, record.offset - 1, GAP);
                next = record.offset + 1;
                records.push(record.clone());
            }
            self.acknowledge(&hand, next, acquired.last_offset, GAP);
            ctx.trace(Event::RecordsAcquired {
                group: self.group_id().into(),
                at: hand.at.clone(),
                offsets: Offsets { from, to },
                delivery: acquired.delivery_count,
            });
        }
        self.totals.fetched += records.len() as u64;
        if !records.is_empty() {
            self.share.buffered.push_back(Acquired { hand, records: Arc::new(records), next: 0 });
        }
    }

    /// In `close()`: acknowledges what is left and ends all sessions. True when that is answered.
    #[inline(never)]
    pub(in crate::client::consumer) fn end_share_sessions(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
    ) -> bool {
        self.share.buffered.clear();
        self.share.waits.clear();
        let nodes: Vec<i32> = self.share.sessions.keys().chain(self.share.acks.keys()).copied().collect();
        nodes.into_iter().for_each(|node| self.send_share_acknowledge(ctx, node, true));
        self.share.sessions.is_empty() && !self.is_asking(|request| matches!(request, Request::Share { .. }))
    }
}
