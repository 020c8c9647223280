//! Questions about offsets: ListOffsets and OffsetForLeaderEpoch.
//!
//! Source: Kafka protocol guide; KIP-79 (by timestamp), KIP-734 (max timestamp), KIP-320.

use std::sync::Arc;

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

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
/// Earliest offset on this broker's own disk; without tiered storage the same as earliest.
const EARLIEST_LOCAL: i64 = -4;

impl Broker {
    pub(super) fn list_offsets(&mut self, ctx: &mut Ctx, token: u64, request: &ListOffsetsRequest) {
        let topics = request.topics.iter().map(|topic| ListOffsetsTopicResponse {
            name: topic.name.clone(),
            partitions: topic
                .partitions
                .iter()
                .map(|asked| self.list_offset(&topic.name, asked, request.isolation_level))
                .collect(),
        });
        let response = ListOffsetsResponse { topics: topics.collect(), ..Default::default() };
        self.reply(ctx, token, &response);
    }

    fn list_offset(
        &self,
        topic: &str,
        asked: &ListOffsetsPartition,
        isolation: i8,
    ) -> ListOffsetsPartitionResponse {
        let mut answer =
            ListOffsetsPartitionResponse { partition_index: asked.partition_index, ..Default::default() };
        let at = TopicPartition::new(topic, asked.partition_index);
        let partition = match self.leading(&at, asked.current_leader_epoch) {
            Ok(partition) => partition,
            Err(error) => {
                answer.error_code = error;
                return answer;
            }
        };
        let log = &partition.log;
        let end = if isolation == 1 { log.last_stable_offset() } else { log.high_watermark() };
        let found = match asked.timestamp {
            LATEST => Some((end, -1)),
            EARLIEST | EARLIEST_LOCAL => Some((log.log_start_offset(), -1)),
            MAX_TIMESTAMP => log.max_timestamp_offset().filter(|(offset, _)| *offset < end),
            timestamp if timestamp >= 0 => {
                log.offset_for_timestamp(timestamp).filter(|(offset, _)| *offset < end)
            }
            _ => None,
        };
        if let Some((offset, timestamp)) = found {
            let batch = log.batch_at(offset);
            answer.leader_epoch =
                batch.map_or(partition.registration.leader_epoch, |batch| batch.partition_leader_epoch());
            (answer.offset, answer.timestamp) = (offset, timestamp);
        }
        answer
    }

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
                    match self.leading(&at, asked.current_leader_epoch) {
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

    fn leading(&self, at: &TopicPartition, epoch: i32) -> Result<&Arc<Partition>, ErrorCode> {
        match self.partitions.get(at) {
            Some(partition) => {
                check_epoch(partition, epoch)?;
                if partition.is_leader() { Ok(partition) } else { Err(ErrorCode::NotLeaderOrFollower) }
            }
            None if self.image.partition(at).is_some() => Err(ErrorCode::NotLeaderOrFollower),
            None => Err(ErrorCode::UnknownTopicOrPartition),
        }
    }
}
