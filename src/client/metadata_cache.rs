//! What a client believes about the cluster: brokers, topics, leaders and their epochs.
//!
//! A leader epoch never goes backwards
//! ([KIP-320](https://cwiki.apache.org/confluence/x/NyiHBg)): a broker that is behind cannot
//! talk the client out of what it knows. A topic with another id is another topic and starts
//! afresh (KIP-516).

use std::sync::Arc;

use crate::base::{Map, Set, SimTime};
use crate::protocol::messages::metadata::{
    MetadataResponse, MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use crate::protocol::{ErrorCode, TopicPartition, Uuid};

/// Where a broker listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerEndpoint {
    /// Host name.
    pub host: Arc<str>,
    /// Port.
    pub port: u16,
    /// `broker.rack`, if it has one.
    pub rack: Option<Arc<str>>,
}

impl BrokerEndpoint {
    /// As responses tell it.
    pub(super) fn told(host: &str, port: i32, rack: Option<&str>) -> BrokerEndpoint {
        BrokerEndpoint {
            host: host.into(),
            port: u16::try_from(port).unwrap_or(0),
            rack: rack.map(Arc::from),
        }
    }
}

/// What is known of a topic.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicMetadata {
    /// The topic's id; zero when the broker is too old to tell.
    pub id: Uuid,
    /// Why nothing more is known, if so.
    pub error: ErrorCode,
    /// True for `__consumer_offsets` and the like.
    pub is_internal: bool,
    /// The partitions by number.
    pub partitions: Map<i32, PartitionMetadata>,
}

/// What is known of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionMetadata {
    /// Why there is no leader, if so.
    pub error: ErrorCode,
    /// The leader's node id; −1: none.
    pub leader: i32,
    /// The leader's epoch; −1: not told.
    pub leader_epoch: i32,
    /// Node ids of all replicas, the preferred leader first.
    pub replicas: Vec<i32>,
    /// Node ids of the in-sync replicas.
    pub isr: Vec<i32>,
}

/// Which topics a client wants to know about.
#[derive(Clone, Debug, PartialEq)]
pub enum TopicScope {
    /// These.
    Only(Set<Arc<str>>),
    /// All of them: a consumer subscribed by pattern.
    All,
}

/// A client's picture of the cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetadataCache {
    brokers: Map<i32, BrokerEndpoint>,
    topics: Map<Arc<str>, Arc<TopicMetadata>>,
    controller: i32,
    cluster_id: Option<Arc<str>>,
    updated_at: Option<SimTime>,
}

impl MetadataCache {
    /// The brokers by node id.
    pub fn brokers(&self) -> &Map<i32, BrokerEndpoint> {
        &self.brokers
    }

    /// The topics by name; one that does not exist may be here with its error.
    pub fn topics(&self) -> &Map<Arc<str>, Arc<TopicMetadata>> {
        &self.topics
    }

    /// What is known of a topic.
    pub fn topic(&self, name: &str) -> Option<&TopicMetadata> {
        self.topics.get(name).map(|topic| &**topic)
    }

    /// The topic with this id.
    pub fn topic_by_id(&self, id: Uuid) -> Option<(&Arc<str>, &TopicMetadata)> {
        self.topics.iter().find(|(_, topic)| topic.id == id).map(|(name, topic)| (name, &**topic))
    }

    /// What is known of a partition.
    pub fn partition(&self, at: &TopicPartition) -> Option<&PartitionMetadata> {
        self.topic(&at.topic)?.partitions.get(&at.partition)
    }

    /// The leader of a partition and its epoch; `None` while there is none, or none that
    /// can be reached.
    pub fn leader(&self, at: &TopicPartition) -> Option<(i32, i32)> {
        let partition = self.partition(at)?;
        self.brokers.contains_key(&partition.leader).then_some((partition.leader, partition.leader_epoch))
    }

    /// Number of partitions of a topic; 0 while it is unknown.
    pub fn partition_count(&self, topic: &str) -> u32 {
        self.topic(topic).map_or(0, |topic| topic.partitions.len() as u32)
    }

    /// The partitions of a topic that have a leader, in ascending order.
    pub fn available_partitions(&self, topic: &str) -> Vec<i32> {
        let Some(topic) = self.topic(topic) else { return Vec::new() };
        let led = topic.partitions.iter().filter(|(_, it)| self.brokers.contains_key(&it.leader));
        led.map(|(&number, _)| number).collect()
    }

    /// Node id of the controller as brokers tell it; −1: unknown.
    pub fn controller(&self) -> i32 {
        if self.updated_at.is_some() { self.controller } else { -1 }
    }

    /// The cluster's id.
    pub fn cluster_id(&self) -> Option<&str> {
        self.cluster_id.as_deref()
    }

    /// When the last answer came; `None` before the first.
    pub fn updated_at(&self) -> Option<SimTime> {
        self.updated_at
    }

    /// Takes an answer in. True when something in it is broken or missing in a way that
    /// another answer may soon mend, so that the client should ask again.
    pub(super) fn update(&mut self, now: SimTime, response: &MetadataResponse) -> bool {
        self.updated_at = Some(now);
        self.controller = response.controller_id;
        self.cluster_id = response.cluster_id.as_deref().map(Arc::from);
        self.brokers = response.brokers.iter().map(endpoint).collect();
        let mut topics = Map::new();
        let mut stale = false;
        for answered in &response.topics {
            let Some(name) = answered.name.as_deref() else { continue };
            stale |= is_invalid_metadata(answered.error_code);
            let topic = merge(self.topic(name), answered);
            stale |= topic.partitions.values().any(|it| is_invalid_metadata(it.error) || it.leader < 0);
            topics.insert(Arc::from(name), Arc::new(topic));
        }
        self.topics = topics;
        stale
    }

    /// A response named the partition's new leader
    /// ([KIP-951](https://cwiki.apache.org/confluence/x/l4uzDg)). True when that was news.
    pub(super) fn update_leader(&mut self, at: &TopicPartition, leader: i32, leader_epoch: i32) -> bool {
        if !self.brokers.contains_key(&leader) {
            return false;
        }
        let Some(topic) = self.topics.get_mut(&*at.topic) else { return false };
        match topic.partitions.get(&at.partition) {
            Some(known) if known.leader_epoch < leader_epoch => {}
            _ => return false,
        }
        if let Some(partition) = Arc::make_mut(topic).partitions.get_mut(&at.partition) {
            partition.leader = leader;
            partition.leader_epoch = leader_epoch;
            partition.error = ErrorCode::None;
        }
        true
    }

    /// Adds or moves a broker that a response named.
    pub(super) fn update_broker(&mut self, node: i32, endpoint: BrokerEndpoint) {
        self.brokers.insert(node, endpoint);
    }
}

/// Whether an error says that the client's metadata are out of date: Kafka's
/// `InvalidMetadataException` and its kind.
pub fn is_invalid_metadata(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::UnknownTopicOrPartition
            | ErrorCode::LeaderNotAvailable
            | ErrorCode::NotLeaderOrFollower
            | ErrorCode::NetworkException
            | ErrorCode::ReplicaNotAvailable
            | ErrorCode::KafkaStorageError
            | ErrorCode::ListenerNotFound
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::UnknownTopicId
            | ErrorCode::InconsistentTopicId
    )
}

fn endpoint(broker: &MetadataResponseBroker) -> (i32, BrokerEndpoint) {
    (broker.node_id, BrokerEndpoint::told(&broker.host, broker.port, broker.rack.as_deref()))
}

fn merge(known: Option<&TopicMetadata>, answered: &MetadataResponseTopic) -> TopicMetadata {
    let known = known.filter(|known| known.id == answered.topic_id);
    let partitions = answered.partitions.iter().map(|partition| {
        let older = known.and_then(|known| known.partitions.get(&partition.partition_index));
        (partition.partition_index, newer(older, partition))
    });
    TopicMetadata {
        id: answered.topic_id,
        error: answered.error_code,
        is_internal: answered.is_internal,
        partitions: partitions.collect(),
    }
}

fn newer(known: Option<&PartitionMetadata>, answered: &MetadataResponsePartition) -> PartitionMetadata {
    match known {
        Some(known) if answered.leader_epoch >= 0 && answered.leader_epoch < known.leader_epoch => {
            known.clone()
        }
        _ => PartitionMetadata {
            error: answered.error_code,
            leader: answered.leader_id,
            leader_epoch: answered.leader_epoch,
            replicas: answered.replica_nodes.clone(),
            isr: answered.isr_nodes.clone(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// What brokers 1 and 2 say of partition 0 of topic `t`.
    fn response(topic_id: u64, leader_id: i32, leader_epoch: i32) -> MetadataResponse {
        let broker = |node_id| MetadataResponseBroker { node_id, ..Default::default() };
        let partition = MetadataResponsePartition { leader_id, leader_epoch, ..Default::default() };
        let topic = MetadataResponseTopic {
            name: Some("t".to_owned()),
            topic_id: Uuid::from_halves(0, topic_id),
            partitions: vec![partition],
            ..Default::default()
        };
        MetadataResponse { brokers: vec![broker(1), broker(2)], topics: vec![topic], ..Default::default() }
    }

    /// Tells the cache one response after the other; gives leader and epoch after each.
    fn check(responses: &[(u64, i32, i32)], expected: &[Option<(i32, i32)>]) {
        let mut cache = MetadataCache::default();
        let at = TopicPartition::new("t", 0);
        let leaders = responses.iter().map(|&(topic_id, leader, epoch)| {
            cache.update(SimTime::ZERO, &response(topic_id, leader, epoch));
            cache.leader(&at)
        });
        assert_eq!(leaders.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_leader_epoch_never_goes_backwards() {
        check(&[(1, 1, 5), (1, 2, 4), (1, 2, 6)], &[Some((1, 5)), Some((1, 5)), Some((2, 6))]);
    }

    #[test]
    fn a_topic_that_was_made_anew_starts_afresh() {
        check(&[(1, 1, 5), (2, 2, 0)], &[Some((1, 5)), Some((2, 0))]);
    }

    #[test]
    fn no_leader_and_an_unknown_one_are_no_leader() {
        check(&[(1, -1, 5), (1, 3, 6)], &[None, None]);
    }

    #[test]
    fn a_response_can_name_a_newer_leader_only() {
        let mut cache = MetadataCache::default();
        let at = TopicPartition::new("t", 0);
        cache.update(SimTime::ZERO, &response(1, 1, 5));
        assert!(!cache.update_leader(&at, 2, 5));
        assert!(!cache.update_leader(&at, 9, 6));
        assert!(cache.update_leader(&at, 2, 6));
        assert_eq!(cache.leader(&at), Some((2, 6)));
    }
}
