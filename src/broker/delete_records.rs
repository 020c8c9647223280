//! DeleteRecords: the leader moves the start of its log, and the answer waits until every replica
//! that is alive has moved its own. The segments below go with the next look for old ones.
//!
//! Source: KIP-107; the wait is what Kafka calls the delete-records purgatory.

use std::sync::Arc;

use crate::base::ms;
use crate::broker::{Broker, BrokerTimer, Ctx, OFFSETS_TOPIC, SHARE_STATE_TOPIC};
use crate::protocol::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsResponse,
    DeleteRecordsTopicResult,
};
use crate::protocol::{ErrorCode, TopicPartition};

/// Delete all that is committed.
const HIGH_WATERMARK: i64 = -1;
/// The low watermark of a partition where nothing could be deleted.
const NO_LOW_WATERMARK: i64 = -1;

/// A deletion that waits for followers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WaitingDeletion {
    token: u64,
    parts: Vec<Part>,
}

/// One partition of a deletion.
#[derive(Clone, Debug, PartialEq)]
struct Part {
    at: TopicPartition,
    /// Done when no replica has records below this; `None` once that is so, or in error.
    until: Option<i64>,
    low_watermark: i64,
    error: ErrorCode,
}

impl Broker {
    #[inline(never)]
    pub(super) fn delete_records(&mut self, ctx: &mut Ctx, token: u64, request: &DeleteRecordsRequest) {
        let mut parts = Vec::new();
        for topic in &request.topics {
            for asked in &topic.partitions {
                let at = TopicPartition::new(topic.name.as_str(), asked.partition_index);
                parts.push(match self.delete_before(&at, asked) {
                    Ok(until) => Part {
                        at,
                        until: Some(until),
                        low_watermark: NO_LOW_WATERMARK,
                        error: ErrorCode::None,
                    },
                    Err(error) => Part { at, until: None, low_watermark: NO_LOW_WATERMARK, error },
                });
            }
        }
        let id = self.next_wait();
        self.waiting_deletions.insert(id, WaitingDeletion { token, parts });
        if !self.try_finish_deletion(ctx, id) {
            let timeout = u64::try_from(request.timeout_ms).unwrap_or(0);
            ctx.set_timer(BrokerTimer::DeleteRecords(id), ctx.now() + ms(timeout));
        }
    }

    /// Moves the start of a log that this broker leads; gives the offset that it was asked for.
    fn delete_before(
        &mut self,
        at: &TopicPartition,
        asked: &DeleteRecordsPartition,
    ) -> Result<i64, ErrorCode> {
        if matches!(&*at.topic, OFFSETS_TOPIC | SHARE_STATE_TOPIC) {
            return Err(ErrorCode::InvalidTopicException);
        }
        let known = self.image.partition(at).is_some();
        let Some(partition) = self.partitions.get_mut(at).filter(|partition| partition.is_leader()) else {
            return Err(if known {
                ErrorCode::NotLeaderOrFollower
            } else {
                ErrorCode::UnknownTopicOrPartition
            });
        };
        if !partition.log.config().cleanup_policy_delete {
            return Err(ErrorCode::PolicyViolation);
        }
        let high_watermark = partition.log.high_watermark();
        let offset = if asked.offset == HIGH_WATERMARK { high_watermark } else { asked.offset };
        if offset < 0 {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        let log = &mut Arc::make_mut(partition).log;
        log.increment_log_start_offset(offset).map_err(|error| error.code())?;
        Ok(offset)
    }

    /// Looks again at the deletions that wait for this partition.
    pub(super) fn recheck_deletions(&mut self, ctx: &mut Ctx, at: &TopicPartition) {
        let waits = |deletion: &WaitingDeletion| {
            deletion.parts.iter().any(|part| part.until.is_some() && part.at == *at)
        };
        let waiting: Vec<u64> =
            self.waiting_deletions.iter().filter(|(_, each)| waits(each)).map(|(id, _)| *id).collect();
        for id in waiting {
            self.try_finish_deletion(ctx, id);
        }
    }

    fn try_finish_deletion(&mut self, ctx: &mut Ctx, id: u64) -> bool {
        let Some(mut deletion) = self.waiting_deletions.remove(&id) else { return true };
        for part in &mut deletion.parts {
            let Some(until) = part.until else { continue };
            match self.partitions.get(&part.at).filter(|partition| partition.is_leader()) {
                Some(partition) => {
                    let low_watermark = partition.low_watermark(|id| self.image.is_unfenced(id));
                    if low_watermark < until {
                        continue;
                    }
                    part.low_watermark = low_watermark;
                }
                None => part.error = ErrorCode::NotLeaderOrFollower,
            }
            part.until = None;
        }
        if deletion.parts.iter().any(|part| part.until.is_some()) {
            self.waiting_deletions.insert(id, deletion);
            return false;
        }
        ctx.cancel_timer(BrokerTimer::DeleteRecords(id));
        self.answer_deletion(ctx, deletion);
        true
    }

    pub(super) fn deletion_timed_out(&mut self, ctx: &mut Ctx, id: u64) {
        let Some(mut deletion) = self.waiting_deletions.remove(&id) else { return };
        for part in deletion.parts.iter_mut().filter(|part| part.until.is_some()) {
            part.error = ErrorCode::RequestTimedOut;
        }
        self.answer_deletion(ctx, deletion);
    }

    fn answer_deletion(&mut self, ctx: &mut Ctx, deletion: WaitingDeletion) {
        let mut response = DeleteRecordsResponse::default();
        for part in deletion.parts {
            let answer = DeleteRecordsPartitionResult {
                partition_index: part.at.partition,
                low_watermark: part.low_watermark,
                error_code: part.error,
            };
            match response.topics.last_mut() {
                Some(topic) if *topic.name == *part.at.topic => topic.partitions.push(answer),
                _ => response.topics.push(DeleteRecordsTopicResult {
                    name: part.at.topic.to_string(),
                    partitions: vec![answer],
                }),
            }
        }
        self.reply(ctx, deletion.token, &response);
    }
}
