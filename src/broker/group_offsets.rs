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
                for at in unknown {
                    let partition =
                        OffsetCommitResponsePartition { partition_index: at.partition, error_code };
                    match response.topics.iter_mut().rfind(|topic| *topic.name == *at.topic) {
                        Some(topic) => topic.partitions.push(partition),
                        None => response.topics.push(OffsetCommitResponseTopic {
                            name: at.topic.to_string(),
                            partitions: vec![partition],
                        }),
                    }
                }
                GroupResponse::OffsetCommit(response)
            }
            // An error of the whole request leaves no room for those of partitions.
            GroupResponse::OffsetDelete(mut response) if !response.error_code.is_error() => {
                for at in unknown {
                    let partition =
                        OffsetDeleteResponsePartition { partition_index: at.partition, error_code };
                    match response.topics.iter_mut().rfind(|topic| *topic.name == *at.topic) {
                        Some(topic) => topic.partitions.push(partition),
                        None => response.topics.push(OffsetDeleteResponseTopic {
                            name: at.topic.to_string(),
                            partitions: vec![partition],
                        }),
                    }
                }
                GroupResponse::OffsetDelete(response)
            }
            response => response,
        }
    }
}
