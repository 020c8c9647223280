//! Committed offsets that go: OffsetDelete (KIP-496), expiry (KIP-211), and those of topics that
//! were deleted.

use std::sync::Arc;

use super::GroupCoordinator;
use super::group::{CommittedOffset, Group, GroupState};
use super::log;
use super::outcome::{Caller, CoordinatorTimer, GroupResponse, Moment, Outcome, Then};
use super::rebalance::Work;
use crate::base::{Set, ms};
use crate::protocol::messages::consumer_protocol::{self, ConsumerProtocolSubscription};
use crate::protocol::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteResponse, OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use crate::protocol::{ErrorCode, TopicPartition};

/// The protocol type of consumers.
const CONSUMER: &str = "consumer";
const MINUTE_MS: i64 = 60_000;

impl Group {
    /// The topics that its consumers subscribe to; `None` when that cannot be told.
    fn subscribed_topics(&self) -> Option<Set<String>> {
        if let Some(consumer) = &self.consumer {
            return Some(consumer.subscribed_topics().iter().map(|topic| topic.to_string()).collect());
        }
        if self.protocol_type.as_deref() != Some(CONSUMER) {
            return None;
        }
        let mut topics = Set::new();
        for member in self.members.values() {
            let metadata = member.metadata(self.protocol_name.as_deref()?);
            let subscription = consumer_protocol::decode::<ConsumerProtocolSubscription>(&metadata).ok()?;
            topics.extend(subscription.topics);
        }
        Some(topics)
    }

    fn is_subscribed(&self, subscribed: Option<&Set<String>>, topic: &str) -> bool {
        let is_consumers = self.protocol_type.as_deref() == Some(CONSUMER);
        subscribed.map_or(is_consumers, |topics| topics.contains(topic))
    }

    /// When the retention of an offset began to run, in ms; `None` while it does not run.
    fn retained_since(&self, offset: &CommittedOffset, knows_topics: bool) -> Option<i64> {
        if self.consumer.is_some() {
            return Some(offset.commit_timestamp_ms);
        }
        let became_empty = self.stored.as_ref().map(|stored| stored.current_state_timestamp);
        match (&self.protocol_type, self.state) {
            // Nobody ever joined: a consumer that assigns itself, or an administrator.
            (None, _) => Some(offset.commit_timestamp_ms),
            (Some(_), GroupState::Empty) => {
                Some(became_empty.filter(|since| *since >= 0).unwrap_or(offset.commit_timestamp_ms))
            }
            (Some(_), GroupState::Stable) if knows_topics => Some(offset.commit_timestamp_ms),
            _ => None,
        }
    }

    fn is_expired(&self, offset: &CommittedOffset, now_ms: i64, retention_ms: i64, knows: bool) -> bool {
        let Some(since) = self.retained_since(offset, knows) else { return false };
        match offset.expire_timestamp_ms {
            Some(at) => now_ms >= at,
            None => now_ms.saturating_sub(since) >= retention_ms,
        }
    }
}

impl Work<'_> {
    /// Deletes offsets of partitions that the group does not read any more.
    #[inline(never)]
    pub(super) fn delete_offsets(&mut self, group: &Group, caller: Caller, request: OffsetDeleteRequest) {
        if let Err(error) = check_deletion(group) {
            let reply = GroupResponse::OffsetDelete(deletion_error(error));
            return self.out.replies.push((caller.token, reply));
        }
        let subscribed = group.subscribed_topics();
        let mut records = Vec::new();
        let mut response = OffsetDeleteResponse::default();
        for topic in request.topics {
            let is_read = group.is_subscribed(subscribed.as_ref(), &topic.name);
            let name: Arc<str> = topic.name.as_str().into();
            let mut partitions = Vec::new();
            for partition in topic.partitions {
                let partition_index = partition.partition_index;
                let at = TopicPartition::new(name.clone(), partition_index);
                if !is_read && group.offsets.contains_key(&at) {
                    records.extend(log::offset_tombstone(&group.id, &at));
                }
                let error_code = if is_read { ErrorCode::GroupSubscribedToTopic } else { ErrorCode::None };
                partitions.push(OffsetDeleteResponsePartition { partition_index, error_code });
            }
            response.topics.push(OffsetDeleteResponseTopic { name: topic.name, partitions });
        }
        if records.is_empty() {
            self.out.replies.push((caller.token, GroupResponse::OffsetDelete(response)));
        } else {
            self.append(records, Then::DeleteOffsets { token: caller.token, response });
        }
    }

    /// Deletes what has expired of a group: offsets, and with the last one the group, if it has no
    /// members.
    #[inline(never)]
    fn expire_offsets(&mut self, slot: &mut Arc<Group>) {
        let group = &**slot;
        if group.state == GroupState::Dead {
            return;
        }
        let now_ms = self.now.unix_ms();
        let retention_ms = i64::from(self.config.offsets_retention_minutes).saturating_mul(MINUTE_MS);
        let subscribed = group.subscribed_topics();
        let expires = |at: &TopicPartition, offset: &CommittedOffset| {
            !group.is_subscribed(subscribed.as_ref(), &at.topic)
                && group.is_expired(offset, now_ms, retention_ms, subscribed.is_some())
        };
        let expired = group.offsets.iter().filter(|(at, offset)| expires(at, offset));
        let mut records: Vec<log::Record> =
            expired.filter_map(|(at, _)| log::offset_tombstone(&group.id, at).ok()).collect();
        let ends = records.len() == group.offsets.len()
            && group.state == GroupState::Empty
            && group.pending_members.is_empty()
            && (group.stored.is_some() || group.consumer().is_some());
        if ends {
            records.extend(self.tombstones(group).unwrap_or_default());
            let id = group.id.clone();
            self.transition(Arc::make_mut(slot), GroupState::Dead);
            self.append(records, Then::Expire { group: id });
        } else if !records.is_empty() {
            self.append(records, Then::Nothing);
        }
    }
}

impl GroupCoordinator {
    /// Looks for expired offsets in a partition of `__consumer_offsets`, now and again.
    pub(super) fn expire(&mut self, at: Moment<'_>, partition: i32, out: &mut Outcome) {
        let Moment { now, image } = at;
        let Some(shard) = self.shards.get_mut(&partition).filter(|shard| !shard.is_loading) else { return };
        let leader_epoch = shard.leader_epoch;
        let mut work = Work { config: &self.config, image, now, partition, leader_epoch, out };
        work.set_expiry(partition);
        for group in shard.groups.values_mut() {
            work.expire_offsets(group);
        }
    }

    /// Topics were deleted: nobody needs their offsets any more.
    pub fn partitions_deleted(&mut self, at: Moment<'_>, gone: &[TopicPartition], out: &mut Outcome) {
        let Moment { now, image } = at;
        for (&partition, shard) in self.shards.iter().filter(|(_, shard)| !shard.is_loading) {
            let leader_epoch = shard.leader_epoch;
            let mut work = Work { config: &self.config, image, now, partition, leader_epoch, out: &mut *out };
            for group in shard.groups.values() {
                let kept = gone.iter().filter(|at| group.offsets.contains_key(*at));
                let records: Vec<log::Record> =
                    kept.filter_map(|at| log::offset_tombstone(&group.id, at).ok()).collect();
                if !records.is_empty() {
                    work.append(records, Then::Nothing);
                }
            }
        }
    }
}

impl Work<'_> {
    pub(super) fn set_expiry(&mut self, partition: i32) {
        let interval = u64::try_from(self.config.offsets_retention_check_interval_ms).unwrap_or(0).max(1);
        self.out.timers.push((CoordinatorTimer::Expiry { partition }, Some(self.now + ms(interval))));
    }
}

fn check_deletion(group: &Group) -> Result<(), ErrorCode> {
    match group.state {
        GroupState::Dead => Err(ErrorCode::GroupIdNotFound),
        _ if group.share().is_some() => Err(ErrorCode::GroupIdNotFound),
        GroupState::Empty => Ok(()),
        _ if group.consumer().is_some() => Ok(()),
        // What members of another kind read cannot be told.
        _ if group.protocol_type.as_deref() != Some(CONSUMER) => Err(ErrorCode::NonEmptyGroup),
        _ => Ok(()),
    }
}

/// The same for the whole request.
pub(super) fn deletion_error(error_code: ErrorCode) -> OffsetDeleteResponse {
    OffsetDeleteResponse { error_code, ..OffsetDeleteResponse::default() }
}
