//! Questions about offsets: ListOffsets and OffsetForLeaderEpoch.
//!
//! Source: Kafka protocol guide; KIP-79 (by timestamp), KIP-207 (an answer that would go back is
//! not given), KIP-320 (epochs), KIP-734 (max timestamp), KIP-405 and KIP-1005 (tiers).

use std::sync::Arc;

use crate::base::Set;
use crate::broker::fetch::check_epoch;
use crate::broker::{Broker, Ctx, Partition};
use crate::protocol::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListOffsetsTopicResponse,
};
use crate::protocol::messages::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderTopicResult,
};
use crate::protocol::{ErrorCode, TopicPartition};
use crate::storage::FetchIsolation;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
/// Earliest offset on this broker's own disk; without tiered storage the same as earliest.
const EARLIEST_LOCAL: i64 = -4;
/// Latest offset in tiered storage; without that, none.
const LATEST_TIERED: i64 = -5;
/// The special timestamps, and in which version each came.
const SPECIAL: [(i64, i16); 5] =
    [(LATEST, 1), (EARLIEST, 1), (MAX_TIMESTAMP, 7), (EARLIEST_LOCAL, 8), (LATEST_TIERED, 9)];

/// `replica_id` of a consumer.
const CONSUMER: i32 = -1;
/// `replica_id` of a tool that looks at any replica.
const DEBUGGER: i32 = -2;
/// `isolation_level` of consumers that want committed transactions only.
const READ_COMMITTED: i8 = 1;
/// Before this version OFFSET_NOT_AVAILABLE was not known.
const NOT_AVAILABLE_SINCE: i16 = 5;
/// From this version on the answer tells the leader epoch.
const LEADER_EPOCH_SINCE: i16 = 4;
const UNKNOWN: i64 = -1;

/// What was found: offset, timestamp and leader epoch, each −1 if there is none.
type Found = (i64, i64, i32);

impl Broker {
    #[inline(never)]
    pub(super) fn list_offsets(&mut self, ctx: &mut Ctx, token: u64, request: &ListOffsetsRequest) {
        let version = self.server.asked(token).map_or(0, |asked| asked.version);
        let doubled = doubled(request);
        let mut topics = Vec::new();
        for topic in &request.topics {
            let mut partitions = Vec::new();
            for asked in &topic.partitions {
                let at = TopicPartition::new(topic.name.as_str(), asked.partition_index);
                let found = if doubled.contains(&at) {
                    Err(ErrorCode::InvalidRequest)
                } else {
                    self.list_offset(&at, asked, request, version)
                };
                partitions.push(answer(asked.partition_index, found, version));
            }
            topics.push(ListOffsetsTopicResponse { name: topic.name.clone(), partitions });
        }
        self.reply(ctx, token, &ListOffsetsResponse { topics, ..Default::default() });
    }

    fn list_offset(
        &self,
        at: &TopicPartition,
        asked: &ListOffsetsPartition,
        request: &ListOffsetsRequest,
        version: i16,
    ) -> Result<Found, ErrorCode> {
        let is_special = SPECIAL.iter().any(|&(each, since)| each == asked.timestamp && version >= since);
        if asked.timestamp < 0 && !is_special {
            return Err(ErrorCode::UnsupportedVersion);
        }
        let any_replica = request.replica_id == DEBUGGER;
        let partition = self.asked_about(at, asked.current_leader_epoch, any_replica)?;
        let isolation = match request.replica_id {
            CONSUMER if request.isolation_level == READ_COMMITTED => FetchIsolation::TxnCommitted,
            CONSUMER => FetchIsolation::HighWatermark,
            _ => FetchIsolation::LogEnd,
        };
        find(partition, asked.timestamp, isolation)
    }

    #[inline(never)]
    pub(super) fn offset_for_leader_epoch(
        &mut self,
        ctx: &mut Ctx,
        token: u64,
        request: &OffsetForLeaderEpochRequest,
    ) {
        let topics = request.topics.iter().map(|topic| OffsetForLeaderTopicResult {
            topic: topic.topic.clone(),
            partitions: topic
                .partitions
                .iter()
                .map(|asked| {
                    let at = TopicPartition::new(topic.topic.as_str(), asked.partition);
                    let mut answer = EpochEndOffset { partition: asked.partition, ..Default::default() };
                    match self.asked_about(&at, asked.current_leader_epoch, false) {
                        Ok(partition) => {
                            let end =
                                partition.log.end_offset_for_epoch(asked.leader_epoch).unwrap_or((-1, -1));
                            (answer.leader_epoch, answer.end_offset) = end;
                        }
                        Err(error) => answer.error_code = error,
                    }
                    answer
                })
                .collect(),
        });
        let response = OffsetForLeaderEpochResponse { topics: topics.collect(), ..Default::default() };
        self.reply(ctx, token, &response);
    }

    /// The replica that answers: the leader, or any for who says so.
    fn asked_about(
        &self,
        at: &TopicPartition,
        epoch: i32,
        any_replica: bool,
    ) -> Result<&Arc<Partition>, ErrorCode> {
        match self.partitions.get(at) {
            Some(partition) => {
                check_epoch(partition, epoch)?;
                let answers = any_replica || partition.is_leader();
                if answers { Ok(partition) } else { Err(ErrorCode::NotLeaderOrFollower) }
            }
            None if self.image.partition(at).is_some() => Err(ErrorCode::NotLeaderOrFollower),
            None => Err(ErrorCode::UnknownTopicOrPartition),
        }
    }
}

/// Partitions that a request names more than once.
fn doubled(request: &ListOffsetsRequest) -> Set<TopicPartition> {
    let (mut once, mut twice) = (Set::new(), Set::new());
    for topic in &request.topics {
        let name: Arc<str> = topic.name.as_str().into();
        for asked in &topic.partitions {
            let at = TopicPartition::new(Arc::clone(&name), asked.partition_index);
            if !once.insert(at.clone()) {
                twice.insert(at);
            }
        }
    }
    twice
}

/// Looks an offset up. OFFSET_NOT_AVAILABLE when a new leader has not yet committed what was
/// before it: an earlier answer may have been later than what it could say now.
fn find(partition: &Partition, timestamp: i64, isolation: FetchIsolation) -> Result<Found, ErrorCode> {
    let log = &partition.log;
    let end = match isolation {
        FetchIsolation::LogEnd => log.log_end_offset(),
        FetchIsolation::HighWatermark => log.high_watermark(),
        FetchIsolation::TxnCommitted => log.last_stable_offset(),
    };
    let lags = partition.epoch_start_offset().is_some_and(|epoch_start| end < epoch_start);
    let found = match timestamp {
        EARLIEST | EARLIEST_LOCAL => {
            let start = log.log_start_offset();
            let epoch = log.leader_epochs().epoch_for_offset(start).unwrap_or(-1);
            return Ok((start, UNKNOWN, epoch));
        }
        LATEST_TIERED => return Ok((UNKNOWN, UNKNOWN, -1)),
        LATEST if lags => return Err(ErrorCode::OffsetNotAvailable),
        LATEST => return Ok((end, UNKNOWN, partition.registration.leader_epoch)),
        MAX_TIMESTAMP => log.max_timestamp_offset(),
        timestamp => log.offset_for_timestamp(timestamp),
    };
    match found {
        Some((offset, timestamp)) if offset < end => {
            let epoch = log.batch_at(offset).map_or(-1, |batch| batch.partition_leader_epoch());
            Ok((offset, timestamp, epoch))
        }
        Some(_) if lags => Err(ErrorCode::OffsetNotAvailable),
        _ => Ok((UNKNOWN, UNKNOWN, -1)),
    }
}

fn answer(
    partition_index: i32,
    found: Result<Found, ErrorCode>,
    version: i16,
) -> ListOffsetsPartitionResponse {
    let mut answer = ListOffsetsPartitionResponse { partition_index, ..Default::default() };
    match found {
        Ok((offset, timestamp, leader_epoch)) => {
            (answer.offset, answer.timestamp) = (offset, timestamp);
            if version >= LEADER_EPOCH_SINCE {
                answer.leader_epoch = leader_epoch;
            }
        }
        Err(ErrorCode::OffsetNotAvailable) if version < NOT_AVAILABLE_SINCE => {
            answer.error_code = ErrorCode::LeaderNotAvailable;
        }
        Err(error) => answer.error_code = error,
    }
    answer
}
