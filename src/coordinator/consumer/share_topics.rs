//! Which share partitions of a share group have a state at the share coordinator, which are to get one
//! and which are to lose theirs: the record `ShareGroupStatePartitionMetadata`, and how it changes.
//!
//! Rule: KIP-932, *Managing the share-partition state*. Only partitions that have a state are assigned.

use std::sync::Arc;

use super::Partitions;
use super::records::shared;
use crate::base::{Map, Set};
use crate::metadata::MetadataImage;
use crate::protocol::Uuid;
use crate::protocol::messages::share_group_records::{
    ShareGroupStatePartitionMetadataValue, TopicInfo, TopicPartitionsInfo,
};

/// The name that Kafka writes for a topic that is gone.
const UNKNOWN: &str = "<UNKNOWN>";

/// Partitions of a topic.
#[derive(Clone, Debug, PartialEq)]
pub struct ShareTopic {
    /// The topic's name when that was written.
    pub name: Arc<str>,
    /// Which.
    pub partitions: Set<i32>,
    /// Since when, in milliseconds.
    pub since_ms: i64,
}

/// What is known of the states of a share group's partitions, by topic id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShareTopics {
    /// The share coordinator has been asked to begin them.
    pub initializing: Map<Uuid, ShareTopic>,
    /// They have a state, and members may get them.
    pub initialized: Map<Uuid, ShareTopic>,
    /// The share coordinator has been asked to forget them; by name.
    pub deleting: Map<Uuid, Arc<str>>,
}

impl ShareTopics {
    /// The partitions that have a state.
    pub(super) fn ready(&self) -> Partitions {
        let topics = self.initialized.iter();
        topics.flat_map(|(id, topic)| topic.partitions.iter().map(|partition| (*id, *partition))).collect()
    }

    /// Partitions of these topics that have no state, and for which none was asked for a while.
    #[inline(never)]
    pub(super) fn missing(
        &self,
        image: &MetadataImage,
        topics: &Set<Arc<str>>,
        now_ms: i64,
        retry_ms: i64,
    ) -> Map<Uuid, ShareTopic> {
        let mut missing = Map::new();
        for topic in topics.iter().filter_map(|name| image.topics.get(name)) {
            let asked = self.initializing.get(&topic.id);
            let asked = asked.filter(|asked| now_ms.saturating_sub(asked.since_ms) < retry_ms);
            let known = self.initialized.get(&topic.id).into_iter().chain(asked);
            let known: Vec<&ShareTopic> = known.collect();
            let lacks = |partition: &&i32| known.iter().all(|topic| !topic.partitions.contains(*partition));
            let partitions: Set<i32> = topic.partitions.keys().filter(lacks).copied().collect();
            if !partitions.is_empty() {
                missing
                    .insert(topic.id, ShareTopic { name: topic.name.clone(), partitions, since_ms: now_ms });
            }
        }
        missing
    }

    /// The share coordinator is asked to begin these.
    pub(super) fn begin(&mut self, topics: &Map<Uuid, ShareTopic>) {
        for (id, topic) in topics {
            merge(&mut self.initializing, *id, topic);
            self.deleting.remove(id);
        }
    }

    /// They have been begun; or they have not, and may be tried again.
    #[inline(never)]
    pub(super) fn settle(&mut self, image: &MetadataImage, parts: &Partitions, begun: bool, now_ms: i64) {
        for (id, partition) in parts {
            if let Some(topic) = self.initializing.get_mut(id) {
                topic.partitions.remove(partition);
                if topic.partitions.is_empty() {
                    self.initializing.remove(id);
                }
            }
            // Of a topic that is gone meanwhile nothing remains.
            if let Some(name) = image.topic_names.get(id).filter(|_| begun) {
                let partitions = [*partition].into_iter().collect();
                merge(
                    &mut self.initialized,
                    *id,
                    &ShareTopic { name: name.clone(), partitions, since_ms: now_ms },
                );
            }
        }
    }

    /// Everything is to be forgotten. What is left from before is tried again if its topic is there.
    #[inline(never)]
    pub(super) fn forget_all(&mut self, image: &MetadataImage) -> Partitions {
        let begun = self.initializing.iter().chain(&self.initialized);
        let mut parts: Partitions = begun
            .flat_map(|(id, topic)| topic.partitions.iter().map(|partition| (*id, *partition)))
            .collect();
        let names: Map<Uuid, Arc<str>> = (self.initializing.iter().chain(&self.initialized))
            .map(|(id, topic)| (*id, topic.name.clone()))
            .collect();
        for id in std::mem::take(&mut self.deleting).into_keys() {
            if let Some(topic) = image.topic_names.get(&id).and_then(|name| image.topics.get(name)) {
                parts.extend(topic.partitions.keys().map(|partition| (id, *partition)));
                self.deleting.insert(id, topic.name.clone());
            }
        }
        self.deleting.extend(names);
        (self.initializing, self.initialized) = (Map::new(), Map::new());
        parts
    }

    /// A topic is to be forgotten: the partitions that the share coordinator has to be asked about, or
    /// `None` if there is nothing to forget.
    #[inline(never)]
    pub(super) fn forget(&mut self, image: &MetadataImage, id: Uuid) -> Option<Set<i32>> {
        if let Some(topic) = self.initialized.remove(&id) {
            self.deleting.insert(id, topic.name);
            return Some(topic.partitions);
        }
        self.deleting.get(&id)?;
        let topic = image.topic_names.get(&id).and_then(|name| image.topics.get(name))?;
        Some(topic.partitions.keys().copied().collect())
    }

    /// These topics are gone, and the share coordinator knows. Whether that changes anything.
    #[inline(never)]
    pub(super) fn drop_topics(&mut self, gone: &Set<Uuid>) -> bool {
        let count = |is: &ShareTopics| is.initializing.len() + is.initialized.len() + is.deleting.len();
        let before = count(self);
        self.initializing.retain(|id, _| !gone.contains(id));
        self.initialized.retain(|id, _| !gone.contains(id));
        self.deleting.retain(|id, _| !gone.contains(id));
        count(self) != before
    }

    #[inline(never)]
    pub(super) fn to_value(&self) -> ShareGroupStatePartitionMetadataValue {
        let topics = |topics: &Map<Uuid, ShareTopic>| {
            let info = |(id, topic): (&Uuid, &ShareTopic)| TopicPartitionsInfo {
                topic_id: *id,
                topic_name: topic.name.to_string(),
                partitions: topic.partitions.iter().copied().collect(),
                create_timestamp: topic.since_ms,
            };
            topics.iter().map(info).collect()
        };
        let deleting = self.deleting.iter();
        ShareGroupStatePartitionMetadataValue {
            initializing_topics: topics(&self.initializing),
            initialized_topics: topics(&self.initialized),
            deleting_topics: deleting
                .map(|(id, name)| TopicInfo { topic_id: *id, topic_name: name.to_string() })
                .collect(),
        }
    }

    #[inline(never)]
    pub(super) fn of_value(value: ShareGroupStatePartitionMetadataValue) -> ShareTopics {
        let topics = |topics: Vec<TopicPartitionsInfo>| {
            let topic = |info: TopicPartitionsInfo| {
                let partitions = info.partitions.into_iter().collect();
                let topic = ShareTopic {
                    name: shared(&info.topic_name),
                    partitions,
                    since_ms: info.create_timestamp,
                };
                (info.topic_id, topic)
            };
            topics.into_iter().map(topic).collect()
        };
        let deleting = value.deleting_topics.into_iter();
        ShareTopics {
            initializing: topics(value.initializing_topics),
            initialized: topics(value.initialized_topics),
            deleting: deleting.map(|info| (info.topic_id, shared(&info.topic_name))).collect(),
        }
    }
}

/// A topic's name, or what Kafka writes in its place.
pub(super) fn name_of(image: &MetadataImage, id: &Uuid) -> Arc<str> {
    image.topic_names.get(id).cloned().unwrap_or_else(|| UNKNOWN.into())
}

fn merge(into: &mut Map<Uuid, ShareTopic>, id: Uuid, topic: &ShareTopic) {
    let known = into.entry(id).or_insert_with(|| ShareTopic { partitions: Set::new(), ..topic.clone() });
    known.partitions.extend(topic.partitions.iter().copied());
    (known.name, known.since_ms) = (topic.name.clone(), topic.since_ms);
}
