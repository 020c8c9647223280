//! Where share groups start in the partitions of their topics: to be seen, to be set and to be
//! forgotten, the last two while nobody is in the group.
//!
//! Rule: KIP-932, *Managing share groups*: DescribeShareGroupOffsets, AlterShareGroupOffsets,
//! DeleteShareGroupOffsets. Offsets that nobody knows are −1 and no error.

use std::sync::Arc;

use super::share_topics::ShareTopic;
use super::{GroupChange, share::not_a_share_group};
use crate::base::Map;
use crate::coordinator::GroupCoordinator;
use crate::coordinator::group::{Group, GroupState};
use crate::coordinator::outcome::{
    Caller, GroupResponse, Moment, Outcome, ShareAsk, SharePart, ShareThen, ShareTold, ShareWhat,
};
use crate::coordinator::rebalance::Work;
use crate::coordinator::share_state::NO_START_OFFSET;
use crate::metadata::{MetadataImage, TopicImage};
use crate::protocol::messages::share_group_offsets::*;
use crate::protocol::{ErrorCode, Uuid};

impl GroupCoordinator {
    #[inline(never)]
    pub(in crate::coordinator) fn describe_share_offsets(
        &mut self,
        at: Moment<'_>,
        caller: Caller,
        request: DescribeShareGroupOffsetsRequest,
        out: &mut Outcome,
    ) {
        let mut response = DescribeShareGroupOffsetsResponse::default();
        let mut parts = Vec::new();
        for group in request.groups {
            let mut told = DescribedGroup { group_id: group.group_id, ..DescribedGroup::default() };
            match group.topics {
                Some(topics) => told.topics = asked_topics(at.image, topics),
                None => match self.initialized_topics(at.image, &told.group_id) {
                    Ok(topics) => told.topics = topics,
                    Err(error) => {
                        (told.error_code, told.error_message) = (error, Some(error.message().to_owned()));
                    }
                },
            }
            let id: Arc<str> = told.group_id.as_str().into();
            for topic in told.topics.iter().filter(|topic| topic.topic_id != Uuid::default()) {
                parts.extend(topic.partitions.iter().map(|partition| SharePart {
                    key: (id.clone(), topic.topic_id, partition.partition_index),
                    start_offset: NO_START_OFFSET,
                }));
            }
            response.groups.push(told);
        }
        let token = caller.token;
        if parts.is_empty() {
            return out.replies.push((token, GroupResponse::DescribeShareGroupOffsets(response)));
        }
        let then = ShareThen::Described { token, response };
        out.asks.push(ShareAsk { what: ShareWhat::Summary, parts, group: Arc::from(""), then });
    }

    /// The partitions that have a state, of topics that are there.
    fn initialized_topics(&self, image: &MetadataImage, id: &str) -> Result<Vec<DescribedTopic>, ErrorCode> {
        self.check_named(id)?;
        let group = self.committed_group(id).and_then(|group| group.share());
        let Some(topics) = group.and_then(|share| share.share_topics()) else { return Ok(Vec::new()) };
        let known = topics.initialized.iter().filter_map(|(topic_id, topic)| {
            let topic_name = image.topic_names.get(topic_id)?.to_string();
            let partitions = topic.partitions.iter().map(|partition| unknown(*partition)).collect();
            Some(DescribedTopic { topic_name, topic_id: *topic_id, partitions })
        });
        Ok(known.collect())
    }

    #[inline(never)]
    pub(in crate::coordinator) fn alter_share_offsets(
        &mut self,
        at: Moment<'_>,
        caller: Caller,
        request: AlterShareGroupOffsetsRequest,
        out: &mut Outcome,
    ) {
        let token = caller.token;
        let id = request.group_id.clone();
        let done = self.empty_share_group(&id, at, out).and_then(|(mut work, slot)| {
            work.alter_share_offsets(slot, token, request)
                .map_err(|error| (error, error.message().to_owned()))
        });
        if let Err((error, message)) = done {
            out.replies.push((token, alteration_error(error, Some(message))));
        }
    }

    #[inline(never)]
    pub(in crate::coordinator) fn delete_share_offsets(
        &mut self,
        at: Moment<'_>,
        caller: Caller,
        request: DeleteShareGroupOffsetsRequest,
        out: &mut Outcome,
    ) {
        let token = caller.token;
        let id = request.group_id.clone();
        let done = self.empty_share_group(&id, at, out).and_then(|(mut work, slot)| {
            work.delete_share_offsets(slot, token, request)
                .map_err(|error| (error, error.message().to_owned()))
        });
        if let Err((error_code, message)) = done {
            let response = DeleteShareGroupOffsetsResponse {
                error_code,
                error_message: Some(message),
                ..DeleteShareGroupOffsetsResponse::default()
            };
            out.replies.push((token, GroupResponse::DeleteShareGroupOffsets(response)));
        }
    }

    /// The share group, if nobody is in it.
    ///
    /// # Errors
    /// INVALID_GROUP_ID, NOT_COORDINATOR, GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP.
    fn empty_share_group<'a>(
        &'a mut self,
        id: &str,
        at: Moment<'a>,
        out: &'a mut Outcome,
    ) -> Result<(Work<'a>, &'a mut Arc<Group>), (ErrorCode, String)> {
        let said = |error: ErrorCode| (error, error.message().to_owned());
        self.check_named(id).map_err(said)?;
        let (work, shard) = self.work(id, at, out).map_err(said)?;
        let slot = shard.groups.get_mut(id).filter(|slot| slot.state != GroupState::Dead);
        let Some(slot) = slot else {
            return Err((ErrorCode::GroupIdNotFound, format!("Group {id} not found.")));
        };
        match slot.share() {
            None => Err((ErrorCode::GroupIdNotFound, not_a_share_group(id))),
            Some(share) if !share.is_empty() => Err(said(ErrorCode::NonEmptyGroup)),
            Some(_) => Ok((work, slot)),
        }
    }
}

impl Work<'_> {
    fn alter_share_offsets(
        &mut self,
        slot: &mut Arc<Group>,
        token: u64,
        request: AlterShareGroupOffsetsRequest,
    ) -> Result<(), ErrorCode> {
        let mut draft = self.draft(slot);
        let mut response = AlterShareGroupOffsetsResponse::default();
        let (mut begun, mut parts) = (Map::new(), Vec::new());
        // Topics that nobody knows come first, as in Kafka.
        let (known, unknown): (Vec<AlterTopic>, Vec<AlterTopic>) = request
            .topics
            .into_iter()
            .partition(|topic| self.image.topics.contains_key(topic.topic_name.as_str()));
        for topic in unknown.into_iter().chain(known) {
            let image = self.image.topics.get(topic.topic_name.as_str());
            let is_there = |partition: i32| image.is_some_and(|t| t.partitions.contains_key(&partition));
            let asked = topic.partitions.iter().filter(|asked| is_there(asked.partition_index));
            if let Some(image) = image {
                let wanted = asked.clone();
                parts.extend(
                    wanted.map(|asked| draft.part(image.id, asked.partition_index, asked.start_offset)),
                );
                let partitions = asked.map(|asked| asked.partition_index).collect();
                let since_ms = self.now.unix_ms();
                begun.insert(image.id, ShareTopic { name: image.name.clone(), partitions, since_ms });
            }
            let partitions = topic.partitions.iter().map(|asked| altered(asked.partition_index, is_there));
            response.responses.push(AlteredTopic {
                partitions: partitions.collect(),
                topic_id: image.map(|image| image.id).unwrap_or_default(),
                topic_name: topic.topic_name,
            });
        }
        if parts.is_empty() {
            self.out.replies.push((token, GroupResponse::AlterShareGroupOffsets(response)));
            return Ok(());
        }
        let mut topics = draft.group.share_topics_now();
        topics.begin(&begun);
        let change = GroupChange::ShareTopics(Some(Arc::new(topics)));
        draft.write(change).map_err(|refusal| refusal.error)?;
        let what = ShareWhat::Initialize(draft.group.group_epoch);
        let then = ShareThen::Altered { token, response };
        draft.asks.push(ShareAsk { what, parts, group: slot.id.clone(), then });
        self.adopt(slot, draft, None);
        Ok(())
    }

    fn delete_share_offsets(
        &mut self,
        slot: &mut Arc<Group>,
        token: u64,
        request: DeleteShareGroupOffsetsRequest,
    ) -> Result<(), ErrorCode> {
        let mut draft = self.draft(slot);
        let (mut failed, mut parts) = (Vec::new(), Vec::new());
        let is_known = draft.group.share_topics.is_some();
        let mut topics = draft.group.share_topics_now();
        for topic in request.topics.into_iter().filter(|_| is_known) {
            let topic_name = topic.topic_name;
            let error_code = ErrorCode::UnknownTopicOrPartition;
            let image: Option<&Arc<TopicImage>> = self.image.topics.get(topic_name.as_str());
            let Some(id) = image.map(|image| image.id) else {
                let error_message = Some(error_code.message().to_owned());
                failed.push(DeletedTopic { topic_name, error_code, error_message, ..Default::default() });
                continue;
            };
            match topics.forget(self.image, id) {
                Some(mine) => {
                    let mine = mine.iter().map(|partition| draft.part(id, *partition, NO_START_OFFSET));
                    parts.extend(mine);
                }
                None => {
                    let error_message = Some("There is no offset information to delete.".to_owned());
                    failed.push(DeletedTopic { topic_name, error_code, error_message, ..Default::default() });
                }
            }
        }
        if parts.is_empty() {
            let response = DeleteShareGroupOffsetsResponse { responses: failed, ..Default::default() };
            self.out.replies.push((token, GroupResponse::DeleteShareGroupOffsets(response)));
            return Ok(());
        }
        let change = GroupChange::ShareTopics(Some(Arc::new(topics)));
        draft.write(change).map_err(|refusal| refusal.error)?;
        let (group, then) = (slot.id.clone(), ShareThen::Forgotten { token, failed });
        draft.asks.push(ShareAsk { what: ShareWhat::Delete, parts, group, then });
        self.adopt(slot, draft, None);
        Ok(())
    }
}

/// The topics that a request names: first those that are not there.
fn asked_topics(image: &MetadataImage, topics: Vec<DescribeTopic>) -> Vec<DescribedTopic> {
    let asked = topics.into_iter().map(|topic| DescribedTopic {
        topic_id: image.topics.get(topic.topic_name.as_str()).map(|topic| topic.id).unwrap_or_default(),
        partitions: topic.partitions.into_iter().map(unknown).collect(),
        topic_name: topic.topic_name,
    });
    let (known, mut all): (Vec<_>, Vec<_>) = asked.partition(|topic| topic.topic_id != Uuid::default());
    all.extend(known);
    all
}

/// Of a partition nothing is known.
fn unknown(partition_index: i32) -> DescribedPartition {
    DescribedPartition { partition_index, start_offset: NO_START_OFFSET, ..DescribedPartition::default() }
}

fn altered(partition_index: i32, is_there: impl Fn(i32) -> bool) -> AlteredPartition {
    if is_there(partition_index) {
        return AlteredPartition { partition_index, ..AlteredPartition::default() };
    }
    let error_code = ErrorCode::UnknownTopicOrPartition;
    AlteredPartition { partition_index, error_code, error_message: Some(error_code.message().to_owned()) }
}

/// The same for the whole request.
pub(super) fn alteration_error(error_code: ErrorCode, message: Option<String>) -> GroupResponse {
    GroupResponse::AlterShareGroupOffsets(AlterShareGroupOffsetsResponse {
        error_code,
        error_message: Some(message.unwrap_or_else(|| error_code.message().to_owned())),
        ..AlterShareGroupOffsetsResponse::default()
    })
}

/// Puts what the share coordinator said into the answer to DescribeShareGroupOffsets.
#[inline(never)]
pub(super) fn describe(
    token: u64,
    mut response: DescribeShareGroupOffsetsResponse,
    told: &[ShareTold],
    out: &mut Outcome,
) {
    let topics = response.groups.iter_mut().flat_map(|group| &mut group.topics);
    let asked = topics.filter(|topic| topic.topic_id != Uuid::default());
    let partitions = asked.flat_map(|topic| &mut topic.partitions);
    for (partition, told) in partitions.zip(told).filter(|(_, told)| !told.error.is_error()) {
        (partition.start_offset, partition.leader_epoch) = (told.start_offset, told.leader_epoch);
    }
    out.replies.push((token, GroupResponse::DescribeShareGroupOffsets(response)));
}

/// Puts what the share coordinator could not do into the answer to AlterShareGroupOffsets.
pub(super) fn tell_errors(
    response: &mut AlterShareGroupOffsetsResponse,
    parts: &[SharePart],
    told: &[ShareTold],
) {
    for (part, told) in parts.iter().zip(told).filter(|(_, told)| told.error.is_error()) {
        let topics = response.responses.iter_mut().filter(|topic| topic.topic_id == part.key.1);
        let partitions = topics.flat_map(|topic| &mut topic.partitions);
        for partition in partitions.filter(|partition| partition.partition_index == part.key.2) {
            partition.error_code = told.error;
            partition.error_message = Some(told.error.message().to_owned());
        }
    }
}
