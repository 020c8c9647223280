//! Fetch: one request in flight per broker, for all partitions that it leads and that have
//! nothing buffered; for others, if their leaders would rather have it serve this consumer (KIP-392).

use std::sync::Arc;

use super::subscription::{Buffered, ConsumerRecord, ReadReplica};
use super::{Consumer, ConsumerTimer, Request};
use crate::base::{Map, ms};
use crate::client::metadata_cache::{BrokerEndpoint, is_invalid_metadata};
use crate::client::network::{Response, SendOptions};
use crate::protocol::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic};
use crate::protocol::messages::fetch::{NodeEndpoint, PartitionData};
use crate::protocol::{ErrorCode, TopicPartition, Uuid};
use crate::storage::{BatchError, RecordBatch, batches};
use crate::trace::{Ctx, Event, Offsets};

/// The newest version that names topics instead of giving their ids (KIP-516).
const LAST_WITH_NAMES: i16 = 12;
/// From this version on brokers answer before they throttle (KIP-219).
const ANSWERED_FIRST_SINCE: i16 = 8;

impl Consumer {
    /// Sends what fetches can be sent now.
    pub(super) fn send_fetches(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) {
        let now = ctx.now();
        let mut by_leader: Map<i32, Vec<TopicPartition>> = Map::new();
        let mut unsure: Map<i32, Vec<TopicPartition>> = Map::new();
        let mut needs_metadata = false;
        for (at, partition) in &self.owned {
            let is_fetchable = partition.position.is_some()
                && partition.seeking.is_none()
                && !partition.paused
                && !partition.revoking
                && !partition.fetching
                && partition.buffered_records() == 0
                && partition.not_before <= now;
            match self.network.metadata().leader(at) {
                _ if !is_fetchable => {}
                Some((leader, epoch)) if self.is_unsure(at, epoch) => {
                    unsure.entry(leader).or_default().push(at.clone());
                }
                Some((leader, epoch)) => {
                    let replica = partition.read_replica.filter(|it| it.serves(epoch, now));
                    let node = replica.map_or(leader, |it| it.node);
                    // A follower that is not there, or not yet, as far as the metadata tell.
                    let is_known = self.network.metadata().brokers().contains_key(&node);
                    needs_metadata |= !is_known;
                    by_leader.entry(if is_known { node } else { leader }).or_default().push(at.clone());
                }
                None => needs_metadata = true,
            }
        }
        if needs_metadata {
            self.network.refresh_metadata(ctx);
        }
        for (node, partitions) in unsure {
            self.validate(ctx, node, partitions);
        }
        for (node, partitions) in by_leader {
            if !self.is_fetching_from(node) && self.network.ready(ctx, node) {
                self.send_fetch(ctx, node, partitions);
            }
        }
    }

    fn is_fetching_from(&self, node: i32) -> bool {
        self.is_asking(|request| matches!(request, Request::Fetch { node: other, .. } if *other == node))
    }

    fn send_fetch(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, node: i32, partitions: Vec<TopicPartition>) {
        let mut offsets = Map::new();
        let mut topics: Map<Arc<str>, Vec<FetchPartition>> = Map::new();
        let metadata = self.network.metadata();
        for at in partitions {
            let Some(position) = self.owned.get(&at).and_then(|partition| partition.position) else {
                continue;
            };
            topics.entry(at.topic.clone()).or_default().push(FetchPartition {
                partition: at.partition,
                current_leader_epoch: metadata.leader(&at).map_or(-1, |(_, epoch)| epoch),
                fetch_offset: position.offset,
                partition_max_bytes: self.config.max_partition_fetch_bytes,
                ..FetchPartition::default()
            });
            offsets.insert(at, position.offset);
        }
        let id = |topic: &Arc<str>| metadata.topic(topic).map_or(Uuid::ZERO, |topic| topic.id);
        let ids: Map<Uuid, Arc<str>> = topics.keys().map(|topic| (id(topic), topic.clone())).collect();
        let has_ids = !ids.contains_key(&Uuid::ZERO);
        let topics = topics.into_iter().map(|(topic, partitions)| FetchTopic {
            topic_id: id(&topic),
            topic: topic.to_string(),
            partitions,
        });
        let request = FetchRequest {
            max_wait_ms: self.config.fetch_max_wait_ms,
            min_bytes: self.config.fetch_min_bytes,
            max_bytes: self.config.fetch_max_bytes,
            isolation_level: self.config.isolation_level.code(),
            session_id: 0,
            session_epoch: -1,
            topics: topics.collect(),
            rack_id: self.config.client_rack.as_deref().unwrap_or_default().to_owned(),
            ..FetchRequest::default()
        };
        let max_version = (!has_ids).then_some(LAST_WITH_NAMES);
        let options = SendOptions { max_version, ..SendOptions::default() };
        let fetched: Vec<TopicPartition> = offsets.keys().cloned().collect();
        let what = Request::Fetch { node, partitions: offsets, topics: ids };
        if self.send(ctx, node, &request, what, options) {
            self.set_fetching(fetched.iter(), true);
        }
    }

    fn set_fetching<'a>(&mut self, partitions: impl Iterator<Item = &'a TopicPartition>, fetching: bool) {
        for at in partitions {
            if let Some(partition) = self.owned.get_mut(at) {
                partition.fetching = fetching;
            }
        }
    }

    pub(super) fn on_fetch(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        response: &Response,
        asked: &Map<TopicPartition, i64>,
        topics: &Map<Uuid, Arc<str>>,
    ) {
        self.set_fetching(asked.keys(), false);
        let answer = match self.decode::<FetchResponse>(ctx, response) {
            Ok(answer) if !answer.error_code.is_error() => answer,
            other => {
                let error = other.map_or_else(|error| error, |answer| answer.error_code);
                self.network.metadata_is_stale(ctx, error);
                for at in asked.keys() {
                    self.leave_read_replica(at);
                    self.back_off(ctx, at);
                }
                return;
            }
        };
        if answer.throttle_time_ms > 0 && response.version >= ANSWERED_FIRST_SINCE {
            self.network.throttle(ctx, response.node, answer.throttle_time_ms);
        }
        for topic in answer.responses {
            let name = if topic.topic_id.is_zero() {
                Some(Arc::from(topic.topic))
            } else {
                topics.get(&topic.topic_id).cloned()
            };
            let Some(name) = name else { continue };
            for data in topic.partitions {
                let at = TopicPartition::new(name.clone(), data.partition_index);
                let Some(&offset) = asked.get(&at) else { continue };
                self.on_fetched(ctx, &at, offset, data, &answer.node_endpoints);
            }
        }
    }

    fn on_fetched(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        at: &TopicPartition,
        offset: i64,
        data: PartitionData,
        endpoints: &[NodeEndpoint],
    ) {
        // A seek or a rebalance since then has made the answer worthless.
        let is_current = |partition: &&mut super::OwnedPartition| {
            partition.position.is_some_and(|position| position.offset == offset)
        };
        let Some(partition) = self.owned.get_mut(at).filter(is_current) else { return };
        if data.error_code.is_error() {
            return self.fetch_failed(ctx, at, data, endpoints);
        }
        partition.failures = 0;
        partition.high_watermark = data.high_watermark;
        if data.preferred_read_replica >= 0 {
            self.go_to_read_replica(ctx, at, data.preferred_read_replica);
            return;
        }
        let (records, end, damage) = read(data.records.unwrap_or_default().whole(), offset);
        let count = records.len() as u64;
        if let (Some(first), Some(last)) = (records.first(), records.last()) {
            let offsets = Offsets { from: first.offset, to: last.offset + 1 };
            ctx.trace(Event::RecordsFetched { at: at.clone(), offsets });
        }
        partition.buffered = Buffered::new(records, end);
        partition.skip_to_end();
        self.totals.fetched += count;
        if let Some(damage) = damage.filter(|_| count == 0) {
            self.report(ctx, ErrorCode::CorruptMessage, &format!("{at} at offset {end}: {damage:?}"));
            self.back_off(ctx, at);
        }
    }

    #[inline(never)]
    fn fetch_failed(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        at: &TopicPartition,
        data: PartitionData,
        endpoints: &[NodeEndpoint],
    ) {
        let error = data.error_code;
        let left_replica = ends_read_replica(error) && self.leave_read_replica(at);
        if error == ErrorCode::OffsetOutOfRange {
            // A follower may not have come so far yet: its leader knows, and is asked at once.
            if !left_replica {
                self.reset(ctx, at);
            }
            return;
        }
        let leader = &data.current_leader;
        let endpoint = endpoints.iter().find(|endpoint| endpoint.node_id == leader.leader_id);
        let endpoint = endpoint.map(|it| BrokerEndpoint::told(&it.host, it.port, it.rack.as_deref()));
        if self.network.leader_is(at, leader.leader_id, leader.leader_epoch, endpoint) {
            return;
        }
        if is_invalid_metadata(error) {
            self.network.metadata_is_stale(ctx, error);
        } else if !error.is_retriable() {
            self.report(ctx, error, &format!("cannot fetch {at}"));
        }
        self.back_off(ctx, at);
    }
}

impl Consumer {
    /// The leader has a better replica for this consumer.
    #[inline(never)]
    fn go_to_read_replica(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, at: &TopicPartition, node: i32) {
        let until = ctx.now() + ms(self.config.metadata_max_age_ms);
        let Some((_, leader_epoch)) = self.network.metadata().leader(at) else { return };
        let Some(partition) = self.owned.get_mut(at) else { return };
        partition.read_replica = Some(ReadReplica { node, leader_epoch, until });
        ctx.trace(Event::ReadReplicaChosen { at: at.clone(), replica: node });
    }

    /// Something went wrong there: the leader is asked again. True if there was such a replica.
    fn leave_read_replica(&mut self, at: &TopicPartition) -> bool {
        let partition = self.owned.get_mut(at);
        partition.and_then(|partition| partition.read_replica.take()).is_some()
    }
}

/// Whether a replica that gives this error had better not be read from.
fn ends_read_replica(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::OffsetOutOfRange
            | ErrorCode::NotLeaderOrFollower
            | ErrorCode::ReplicaNotAvailable
            | ErrorCode::KafkaStorageError
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::OffsetNotAvailable
    )
}

/// The records from `from` on, the offset behind all that could be read, and what stopped
/// the reading, if anything but the end did.
pub(super) fn read(bytes: bytes::Bytes, from: i64) -> (Vec<ConsumerRecord>, i64, Option<BatchError>) {
    let (mut records, mut end) = (Vec::new(), from);
    for batch in batches(&bytes) {
        let batch = match batch {
            Ok(batch) => batch,
            // The size limit cut the last batch in two: it will come whole.
            Err(BatchError::Incomplete { .. }) => break,
            Err(damage) => return (records, end, Some(damage)),
        };
        match read_batch(&batch, from, &mut records) {
            Ok(()) => end = end.max(batch.next_offset()),
            Err(damage) => {
                // Nothing of a damaged batch is given away.
                records.retain(|record| record.offset < end);
                return (records, end, Some(damage));
            }
        }
    }
    (records, end, None)
}

fn read_batch(batch: &RecordBatch, from: i64, records: &mut Vec<ConsumerRecord>) -> Result<(), BatchError> {
    batch.check_crc()?;
    // Control batches are for the consumer, not for its application.
    if batch.is_control() {
        return Ok(());
    }
    for record in batch.records() {
        let record = record?;
        if record.offset >= from {
            records.push(ConsumerRecord {
                offset: record.offset,
                leader_epoch: batch.partition_leader_epoch(),
                timestamp_ms: record.timestamp,
                key: record.key,
                value: record.value,
            });
        }
    }
    Ok(())
}
