//! Offsets of partitions that do not exist: what OffsetCommit and OffsetDelete say of them is told
//! by the broker, as the coordinator knows no topics.

use crate::broker::{Broker, Ctx};
use crate::coordinator::GroupResponse;
use crate::protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use crate::protocol::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use crate::protocol::{ErrorCode, TopicPartition};

impl Broker {
    /// The request without the partitions that nobody knows; `None` when nothing is left of it and
    /// it has been answered.
    pub(super) fn keep_known_commits(
        &mut self,
        ctx: &mut Ctx,
        token: u64,
        mut request: OffsetCommitRequest,
    ) -> Option<OffsetCommitRequest> {
        let mut unknown = Vec::new();
        for topic in &mut request.topics {
            let name = &topic.name;
            topic.partitions.retain(|asked| self.is_known(name, asked.partition_index, &mut unknown));
        }
        request.topics.retain(|topic| !topic.partitions.is_empty());
        self.groups.unknown.insert(token, unknown);
        if !request.topics.is_empty() {
            return Some(request);
        }
        let nothing = GroupResponse::OffsetCommit(OffsetCommitResponse::default());
        if let GroupResponse::OffsetCommit(response) = self.with_unknown(token, nothing) {
            self.reply(ctx, token, &response);
        }
        None
    }

    /// The request without the partitions that nobody knows. With nothing left of it, it is still for
    /// the coordinator, who may say that there is no such group.
    pub(super) fn keep_known_deletions(
        &mut self,
        token: u64,
        mut request: OffsetDeleteRequest,
    ) -> OffsetDeleteRequest {
        let mut unknown = Vec::new();
        for topic in &mut request.topics {
            let name = &topic.name;
            topic.partitions.retain(|asked| self.is_known(name, asked.partition_index, &mut unknown));
        }
        request.topics.retain(|topic| !topic.partitions.is_empty());
        self.groups.unknown.insert(token, unknown);
        request
    }

    fn is_known(&self, topic: &str, partition: i32, unknown: &mut Vec<TopicPartition>) -> bool {
        let known =
            self.image.topics.get(topic).is_some_and(|topic| topic.partitions.contains_key(&partition));
        if !known {
            unknown.push(TopicPartition::new(topic, partition));
        }
        known
    }

    /// The coordinator's answer, with those partitions of the request that nobody knows.
    pub(super) fn with_unknown(&mut self, token: u64, response: GroupResponse) -> GroupResponse {
        let error_code = ErrorCode::UnknownTopicOrPartition;
        let unknown = self.groups.unknown.remove(&token).unwrap_or_default();
        match response {
            GroupResponse::OffsetCommit(mut response) => {
                let new = |name| OffsetCommitResponseTopic { name, partitions: Vec::new() };
                place(
                    unknown,
                    &mut response.topics,
                    new,
                    |topic| &topic.name,
                    |topic, partition_index| {
                        topic.partitions.push(OffsetCommitResponsePartition { partition_index, error_code });
                    },
                );
                GroupResponse::OffsetCommit(response)
            }
            // An error of the whole request leaves no room for those of partitions.
            GroupResponse::OffsetDelete(mut response) if !response.error_code.is_error() => {
                let new = |name| OffsetDeleteResponseTopic { name, partitions: Vec::new() };
                place(
                    unknown,
                    &mut response.topics,
                    new,
                    |topic| &topic.name,
                    |topic, partition_index| {
                        topic.partitions.push(OffsetDeleteResponsePartition { partition_index, error_code });
                    },
                );
                GroupResponse::OffsetDelete(response)
            }
            response => response,
        }
    }
}

/// Adds partitions to the last topic of their name, or to a new one.
fn place<T>(
    partitions: Vec<TopicPartition>,
    topics: &mut Vec<T>,
    new: impl Fn(String) -> T,
    name: impl Fn(&T) -> &String,
    add: impl Fn(&mut T, i32),
) {
    for at in partitions {
        if !topics.iter().any(|topic| **name(topic) == *at.topic) {
            topics.push(new(at.topic.to_string()));
        }
        if let Some(topic) = topics.iter_mut().rfind(|topic| **name(topic) == *at.topic) {
            add(topic, at.partition);
        }
    }
}
