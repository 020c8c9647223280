//! OffsetCommit and OffsetFetch.

use std::sync::Arc;

use super::consumer::ConsumerGroup;
use super::group::{CommittedOffset, Group, GroupState};
use super::join::check_member;
use super::log;
use super::outcome::{Caller, GroupResponse, Then};
use super::rebalance::Work;
use crate::base::Map;
use crate::plant::Plant;
use crate::protocol::messages::offset_commit as commit;
use crate::protocol::messages::offset_fetch as fetch;
use crate::protocol::{ErrorCode, TopicPartition};

/// From this version on an OffsetFetch response has an error of its own.
const FETCH_ERROR_SINCE: i16 = 2;
/// From this version on OffsetFetch asks for several groups at once (KIP-709).
const FETCH_BATCHED_SINCE: i16 = 8;

/// From this version on OffsetCommit may carry a member epoch (KIP-848).
const MEMBER_EPOCH_SINCE: i16 = 9;

impl Work<'_> {
    pub(super) fn commit(&mut self, group: &Group, caller: Caller, request: commit::OffsetCommitRequest) {
        if let Err(error) = check_commit(group, caller.api_version, &request)
            && !(is_fencing(error) && self.config.plants.has(Plant::FencedCommitAccepted))
        {
            let response = commit_error(request, error);
            self.out.replies.push((caller.token, GroupResponse::OffsetCommit(response)));
            return;
        }
        let is_counted = matches!(group.state, GroupState::Stable | GroupState::PreparingRebalance);
        if is_counted && group.consumer.is_none() {
            self.keep_alive(group, &request.member_id);
        }
        let mut records = Vec::new();
        let mut response = commit::OffsetCommitResponse::default();
        let kept_ms = Some(request.retention_time_ms).filter(|kept| *kept >= 0);
        let expires = kept_ms.map(|kept| self.now.unix_ms().saturating_add(kept));
        for topic in request.topics {
            let mut partitions = Vec::new();
            for partition in topic.partitions {
                let partition_index = partition.partition_index;
                let error_code = match self.offset_record(group, &topic.name, partition, expires) {
                    Ok(record) => {
                        records.push(record);
                        ErrorCode::None
                    }
                    Err(error) => error,
                };
                partitions.push(commit::OffsetCommitResponsePartition { partition_index, error_code });
            }
            response.topics.push(commit::OffsetCommitResponseTopic { name: topic.name, partitions });
        }
        if records.is_empty() {
            self.out.replies.push((caller.token, GroupResponse::OffsetCommit(response)));
        } else {
            self.append(records, Then::Commit { token: caller.token, response });
        }
    }

    fn offset_record(
        &self,
        group: &Group,
        topic: &str,
        partition: commit::OffsetCommitRequestPartition,
        expire_timestamp_ms: Option<i64>,
    ) -> Result<log::Record, ErrorCode> {
        let metadata = partition.committed_metadata.unwrap_or_default();
        // Java counts UTF-16 units, whatever the config is called.
        let length = metadata.encode_utf16().count();
        if length > usize::try_from(self.config.offset_metadata_max_bytes).unwrap_or(0) {
            return Err(ErrorCode::OffsetMetadataTooLarge);
        }
        let offset = CommittedOffset {
            offset: partition.committed_offset
                + i64::from(self.config.plants.has(Plant::CommittedOffsetAhead)),
            leader_epoch: partition.committed_leader_epoch,
            metadata: metadata.into(),
            commit_timestamp_ms: self.now.unix_ms(),
            expire_timestamp_ms,
        };
        let at = TopicPartition::new(topic, partition.partition_index);
        log::offset_record(&group.id, &at, &offset).map_err(|_| ErrorCode::UnknownServerError)
    }
}

fn is_fencing(error: ErrorCode) -> bool {
    matches!(error, ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration | ErrorCode::StaleMemberEpoch)
}

/// Whether a member of a consumer group is at this epoch (KIP-848).
fn check_member_epoch(consumer: &ConsumerGroup, member_id: &str, epoch: i32) -> Result<(), ErrorCode> {
    let member = consumer.member(member_id).ok_or(ErrorCode::UnknownMemberId)?;
    match epoch == member.current.member_epoch {
        true => Ok(()),
        false if member.is_classic() => Err(ErrorCode::IllegalGeneration),
        false => Err(ErrorCode::StaleMemberEpoch),
    }
}

/// Whether who asks for offsets is who it says.
pub(super) fn check_fetch(group: &Group, asked: &fetch::OffsetFetchRequestGroup) -> Result<(), ErrorCode> {
    if group.share().is_some() {
        return Err(ErrorCode::GroupIdNotFound);
    }
    match (&group.consumer, &asked.member_id) {
        (Some(_), None) if asked.member_epoch < 0 => Ok(()),
        (Some(consumer), member) => {
            check_member_epoch(consumer, member.as_deref().unwrap_or_default(), asked.member_epoch)
        }
        (None, _) => Ok(()),
    }
}

fn check_commit(
    group: &Group,
    api_version: i16,
    request: &commit::OffsetCommitRequest,
) -> Result<(), ErrorCode> {
    let generation = request.generation_id_or_member_epoch;
    let instance = request.group_instance_id.as_deref();
    if group.state == GroupState::Dead {
        return Err(ErrorCode::CoordinatorNotAvailable);
    }
    if group.share().is_some() {
        return Err(ErrorCode::GroupIdNotFound);
    }
    if let Some(consumer) = &group.consumer {
        if generation < 0 && consumer.is_empty() {
            return Ok(());
        }
        let member = consumer.member(&request.member_id).ok_or(ErrorCode::UnknownMemberId)?;
        if !member.is_classic() && api_version < MEMBER_EPOCH_SINCE {
            return Err(ErrorCode::UnsupportedVersion);
        }
        return check_member_epoch(consumer, &request.member_id, generation);
    }
    // Without a generation it is an administrator, or a consumer that assigns itself: fine
    // as long as the group has no members.
    if generation < 0 && group.state == GroupState::Empty {
        return Ok(());
    }
    if generation < 0 && request.member_id.is_empty() && instance.is_none() {
        return Err(ErrorCode::UnknownMemberId);
    }
    check_member(group, &request.member_id, instance)?;
    if generation != group.generation {
        return Err(ErrorCode::IllegalGeneration);
    }
    // The member has heard of the new generation but does not know its assignment yet.
    if group.state == GroupState::CompletingRebalance {
        return Err(ErrorCode::RebalanceInProgress);
    }
    Ok(())
}

/// The same error for every partition.
pub(super) fn commit_error(
    request: commit::OffsetCommitRequest,
    error_code: ErrorCode,
) -> commit::OffsetCommitResponse {
    let partition = |partition: commit::OffsetCommitRequestPartition| commit::OffsetCommitResponsePartition {
        partition_index: partition.partition_index,
        error_code,
    };
    let topic = |topic: commit::OffsetCommitRequestTopic| commit::OffsetCommitResponseTopic {
        name: topic.name,
        partitions: topic.partitions.into_iter().map(partition).collect(),
    };
    commit::OffsetCommitResponse {
        topics: request.topics.into_iter().map(topic).collect(),
        ..commit::OffsetCommitResponse::default()
    }
}

/// Answers OffsetFetch in the shape of its version; `find` gives the group, nothing when
/// there is none, or why it cannot be read.
pub(super) fn fetch_offsets<'a>(
    api_version: i16,
    request: fetch::OffsetFetchRequest,
    find: impl Fn(&fetch::OffsetFetchRequestGroup) -> Result<Option<&'a Group>, ErrorCode>,
) -> fetch::OffsetFetchResponse {
    let mut response = fetch::OffsetFetchResponse::default();
    if api_version >= FETCH_BATCHED_SINCE {
        let groups = request.groups.into_iter();
        response.groups = groups.map(|asked| fetch_group(asked, &find)).collect();
        return response;
    }
    let asked = fetch::OffsetFetchRequestGroup {
        group_id: request.group_id,
        topics: request.topics.map(|topics| topics.into_iter().map(batched).collect()),
        ..fetch::OffsetFetchRequestGroup::default()
    };
    let error = find(&asked).err().filter(|_| api_version < FETCH_ERROR_SINCE);
    if let Some(error) = error {
        let topics = asked.topics.into_iter().flatten();
        response.topics = topics.map(|topic| single(failed(topic, error))).collect();
        return response;
    }
    let group = fetch_group(asked, &find);
    response.error_code = group.error_code;
    response.topics = group.topics.into_iter().map(single).collect();
    response
}

fn fetch_group<'a>(
    asked: fetch::OffsetFetchRequestGroup,
    find: impl Fn(&fetch::OffsetFetchRequestGroup) -> Result<Option<&'a Group>, ErrorCode>,
) -> fetch::OffsetFetchResponseGroup {
    let found = find(&asked);
    let mut response = fetch::OffsetFetchResponseGroup {
        group_id: asked.group_id,
        topics: Vec::new(),
        error_code: ErrorCode::None,
    };
    let group = match found {
        Ok(group) => group.filter(|group| group.state != GroupState::Dead),
        Err(error) => {
            response.error_code = error;
            return response;
        }
    };
    response.topics = match asked.topics {
        Some(topics) => topics.into_iter().map(|topic| fetch_topic(group, topic)).collect(),
        None => fetch_all(group),
    };
    response
}

/// The same error for every partition.
fn failed(asked: fetch::OffsetFetchRequestTopics, error_code: ErrorCode) -> fetch::OffsetFetchResponseTopics {
    let partition =
        |partition| fetch::OffsetFetchResponsePartitions { error_code, ..fetched(partition, None) };
    let partitions = asked.partition_indexes.into_iter().map(partition).collect();
    fetch::OffsetFetchResponseTopics { name: asked.name, partitions }
}

fn fetch_topic(
    group: Option<&Group>,
    asked: fetch::OffsetFetchRequestTopics,
) -> fetch::OffsetFetchResponseTopics {
    let topic: Arc<str> = asked.name.as_str().into();
    let partition = |partition: i32| {
        let at = TopicPartition::new(topic.clone(), partition);
        fetched(partition, group.and_then(|group| group.offsets.get(&at)))
    };
    let partitions = asked.partition_indexes.into_iter().map(partition).collect();
    fetch::OffsetFetchResponseTopics { name: asked.name, partitions }
}

fn fetch_all(group: Option<&Group>) -> Vec<fetch::OffsetFetchResponseTopics> {
    let mut topics: Map<&str, Vec<fetch::OffsetFetchResponsePartitions>> = Map::new();
    for (at, offset) in group.into_iter().flat_map(|group| group.offsets.iter()) {
        topics.entry(&at.topic).or_default().push(fetched(at.partition, Some(offset)));
    }
    let topic = |(name, partitions): (&str, _)| fetch::OffsetFetchResponseTopics {
        name: name.to_owned(),
        partitions,
    };
    topics.into_iter().map(topic).collect()
}

fn fetched(partition_index: i32, offset: Option<&CommittedOffset>) -> fetch::OffsetFetchResponsePartitions {
    fetch::OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: offset.map_or(-1, |offset| offset.offset),
        committed_leader_epoch: offset.map_or(-1, |offset| offset.leader_epoch),
        metadata: Some(offset.map_or_else(String::new, |offset| offset.metadata.to_string())),
        error_code: ErrorCode::None,
    }
}

fn batched(topic: fetch::OffsetFetchRequestTopic) -> fetch::OffsetFetchRequestTopics {
    fetch::OffsetFetchRequestTopics { name: topic.name, partition_indexes: topic.partition_indexes }
}

fn single(topic: fetch::OffsetFetchResponseTopics) -> fetch::OffsetFetchResponseTopic {
    let partition = |partition: fetch::OffsetFetchResponsePartitions| fetch::OffsetFetchResponsePartition {
        partition_index: partition.partition_index,
        committed_offset: partition.committed_offset,
        committed_leader_epoch: partition.committed_leader_epoch,
        metadata: partition.metadata,
        error_code: partition.error_code,
    };
    let partitions = topic.partitions.into_iter().map(partition).collect();
    fetch::OffsetFetchResponseTopic { name: topic.name, partitions }
}
