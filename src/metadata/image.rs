//! What the metadata log adds up to.

use std::sync::Arc;

use crate::base::Map;
use crate::metadata::{QuotaEntity, Quotas};
use crate::protocol::messages::alter_partition::RequestPartitionData;
use crate::protocol::messages::metadata_records::{BrokerEndpoint, MetadataRecord};
use crate::protocol::{ErrorCode, TopicPartition, Uuid};

/// The leader of a partition that has none.
pub const NO_LEADER: i32 = -1;
/// `PartitionChangeRecord.leader` when the leader stays.
const NO_LEADER_CHANGE: i32 = -2;

/// A broker as the controller knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerRegistration {
    /// Node id.
    pub id: i32,
    /// Given at registration; a restarted broker gets a higher one.
    pub epoch: i64,
    /// Which start of the process this is.
    pub incarnation_id: Uuid,
    /// Where it is reached: an endpoint for each listener, the internal one first.
    pub endpoints: Vec<Endpoint>,
    /// Where it stands (`broker.rack`).
    pub rack: Option<Arc<str>>,
    /// Not counted on: it may not lead, nor be in a set of in-sync replicas.
    pub fenced: bool,
    /// About to end (controlled shutdown): it serves still, but is made leader of nothing more.
    pub in_controlled_shutdown: bool,
}

/// The listener that brokers and simulated clients use.
pub const INTERNAL_LISTENER: &str = "PLAINTEXT";
/// The listener that programs outside the world use.
pub const EXTERNAL_LISTENER: &str = "EXTERNAL";

/// An advertised address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// The listener's name.
    pub listener: String,
    /// Host name.
    pub host: String,
    /// Port.
    pub port: u16,
}

static NOWHERE: Endpoint = Endpoint { listener: String::new(), host: String::new(), port: 0 };

impl BrokerRegistration {
    /// Its address by this listener, or by its first one when it has none of that name.
    pub fn endpoint(&self, listener: &str) -> &Endpoint {
        let named = self.endpoints.iter().find(|endpoint| endpoint.listener == listener);
        named.or(self.endpoints.first()).unwrap_or(&NOWHERE)
    }

    /// Its address for other brokers.
    pub fn internal(&self) -> &Endpoint {
        self.endpoint(INTERNAL_LISTENER)
    }
}

/// A partition as the controller decided it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionRegistration {
    /// Brokers that hold it, the preferred leader first.
    pub replicas: Vec<i32>,
    /// In-sync replicas.
    pub isr: Vec<i32>,
    /// Eligible leader replicas: out of sync, but known to have all that is committed, so that they may lead when
    /// nobody is in sync (KIP-966).
    pub elr: Vec<i32>,
    /// Who led last, when neither an in-sync nor an eligible replica is left.
    pub last_known_elr: Vec<i32>,
    /// Replicas that a reassignment adds; they are among the replicas.
    pub adding_replicas: Vec<i32>,
    /// Replicas that go as soon as those added are in sync.
    pub removing_replicas: Vec<i32>,
    /// Leader, or [`NO_LEADER`].
    pub leader: i32,
    /// Rises with every election.
    pub leader_epoch: i32,
    /// Rises with every change.
    pub partition_epoch: i32,
}

impl PartitionRegistration {
    /// Whether its replicas are being changed (KIP-455).
    pub fn is_reassigning(&self) -> bool {
        !self.adding_replicas.is_empty() || !self.removing_replicas.is_empty()
    }

    /// The ISR that `broker` asks for with AlterPartition, if it leads by what the controller knows. A replica
    /// that restarted since it fetched is not the one that was in sync: `is_there` tells whether a broker is
    /// registered, with this epoch where the request names one, and stays (KIP-497, KIP-841, KIP-903).
    #[inline(never)]
    pub fn isr_asked(
        &self,
        broker: i32,
        asked: &RequestPartitionData,
        version: i16,
        is_there: &dyn Fn(i32, Option<i64>) -> bool,
    ) -> Result<Vec<i32>, ErrorCode> {
        if asked.leader_epoch < self.leader_epoch {
            return Err(ErrorCode::FencedLeaderEpoch);
        }
        if asked.leader_epoch > self.leader_epoch || asked.partition_epoch > self.partition_epoch {
            return Err(ErrorCode::NotController);
        }
        if self.leader != broker {
            return Err(ErrorCode::InvalidRequest);
        }
        if asked.partition_epoch < self.partition_epoch {
            return Err(ErrorCode::InvalidUpdateVersion);
        }
        let wanted: Vec<(i32, i64)> = match version {
            ..=2 => asked.new_isr.iter().map(|id| (*id, -1)).collect(),
            _ => asked.new_isr_with_epochs.iter().map(|it| (it.broker_id, it.broker_epoch)).collect(),
        };
        let isr: Vec<i32> = wanted.iter().map(|(id, _)| *id).collect();
        if !isr.contains(&broker) || isr.iter().any(|id| !self.replicas.contains(id)) {
            return Err(ErrorCode::InvalidRequest);
        }
        let is_eligible =
            |&(id, epoch): &(i32, i64)| is_there(id, (epoch != -1 && id != broker).then_some(epoch));
        if !wanted.iter().all(is_eligible) {
            return Err(ErrorCode::IneligibleReplica);
        }
        Ok(isr)
    }

    /// Whether somebody out of sync may lead, or led last (KIP-966).
    pub fn has_eligible(&self) -> bool {
        !self.elr.is_empty() || !self.last_known_elr.is_empty()
    }

    /// The replica that should lead, if it is in sync.
    pub fn preferred_leader(&self) -> i32 {
        self.replicas.first().copied().unwrap_or(NO_LEADER)
    }
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicImage {
    /// Name.
    pub name: Arc<str>,
    /// Unique id, also after the name was used again.
    pub id: Uuid,
    /// Partitions by number.
    pub partitions: Map<i32, PartitionRegistration>,
}

/// Configs of one resource, by name.
pub type Configs = Map<Arc<str>, Arc<str>>;

/// The cluster's metadata up to some offset of its log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataImage {
    /// Offset after the last record replayed.
    pub end_offset: i64,
    /// Brokers by id.
    pub brokers: Map<i32, BrokerRegistration>,
    /// Topics by name.
    pub topics: Map<Arc<str>, Arc<TopicImage>>,
    /// Topic names by id.
    pub topic_names: Map<Uuid, Arc<str>>,
    /// Configs by resource type and name; see [`TOPIC_RESOURCE`] and the others.
    pub configs: Map<(i8, Arc<str>), Configs>,
    /// Quotas of clients, by whom they are for.
    pub quotas: Map<QuotaEntity, Quotas>,
    /// First producer id not yet handed out in a block.
    pub next_producer_id: i64,
    /// Finalized levels of features, such as `metadata.version` (KIP-584).
    pub features: Map<Arc<str>, i16>,
}

/// Resource type of a topic in `ConfigRecord`.
pub const TOPIC_RESOURCE: i8 = 2;
/// Resource type of a broker; of all brokers, when the name is empty.
pub const BROKER_RESOURCE: i8 = 4;
/// Resource type of a broker's loggers.
pub const BROKER_LOGGER_RESOURCE: i8 = 8;
/// Resource type of a client metrics subscription (KIP-714).
pub const CLIENT_METRICS_RESOURCE: i8 = 16;
/// Resource type of a group (KIP-848).
pub const GROUP_RESOURCE: i8 = 32;

impl MetadataImage {
    /// A partition by name.
    pub fn partition(&self, at: &TopicPartition) -> Option<&PartitionRegistration> {
        self.topics.get(&at.topic)?.partitions.get(&at.partition)
    }

    /// A topic by id.
    pub fn topic_by_id(&self, id: &Uuid) -> Option<&Arc<TopicImage>> {
        self.topics.get(self.topic_names.get(id)?)
    }

    /// Brokers that are counted on.
    pub fn unfenced(&self) -> impl Iterator<Item = &BrokerRegistration> {
        self.brokers.values().filter(|broker| !broker.fenced)
    }

    /// Whether a broker is counted on.
    pub fn is_unfenced(&self, broker: i32) -> bool {
        self.brokers.get(&broker).is_some_and(|broker| !broker.fenced)
    }

    /// Whether a broker may become leader and join in-sync replicas: it is counted on, and does not want to end.
    pub fn is_active(&self, broker: i32) -> bool {
        self.brokers.get(&broker).is_some_and(|broker| !broker.fenced && !broker.in_controlled_shutdown)
    }

    /// Every partition with its topic's id.
    pub fn partitions(&self) -> impl Iterator<Item = (TopicPartition, Uuid, &PartitionRegistration)> {
        self.topics.values().flat_map(|topic| {
            topic.partitions.iter().map(|(id, partition)| {
                (TopicPartition::new(Arc::clone(&topic.name), *id), topic.id, partition)
            })
        })
    }

    /// A topic's own configs.
    pub fn topic_configs(&self, topic: &str) -> Configs {
        self.configs_of(TOPIC_RESOURCE, topic)
    }

    /// The configs of a resource.
    pub fn configs_of(&self, resource_type: i8, name: &str) -> Configs {
        self.configs.get(&(resource_type, name.into())).cloned().unwrap_or_default()
    }

    /// Takes one record in. Records about things that do not exist change nothing: the log
    /// was written by a controller whose image is this one.
    pub fn replay(&mut self, record: &MetadataRecord) {
        match record {
            MetadataRecord::RegisterBroker(r) => {
                let endpoint = |end: &BrokerEndpoint| Endpoint {
                    listener: end.name.clone(),
                    host: end.host.clone(),
                    port: end.port,
                };
                let registration = BrokerRegistration {
                    id: r.broker_id,
                    epoch: r.broker_epoch,
                    incarnation_id: r.incarnation_id,
                    endpoints: r.end_points.iter().map(endpoint).collect(),
                    rack: r.rack.as_deref().map(Arc::from),
                    fenced: r.fenced,
                    in_controlled_shutdown: r.in_controlled_shutdown,
                };
                self.brokers.insert(r.broker_id, registration);
            }
            MetadataRecord::FenceBroker(r) => self.set_fenced(r.id, r.epoch, true),
            MetadataRecord::UnfenceBroker(r) => self.set_fenced(r.id, r.epoch, false),
            MetadataRecord::BrokerRegistrationChange(r) => {
                if r.fenced != 0 {
                    self.set_fenced(r.broker_id, r.broker_epoch, r.fenced > 0);
                }
                if r.in_controlled_shutdown > 0
                    && let Some(broker) = self.brokers.get_mut(&r.broker_id)
                    && broker.epoch == r.broker_epoch
                {
                    broker.in_controlled_shutdown = true;
                }
            }
            MetadataRecord::UnregisterBroker(r) => {
                self.brokers.remove(&r.broker_id);
            }
            MetadataRecord::Topic(r) => {
                let name: Arc<str> = r.name.as_str().into();
                let topic = TopicImage { name: Arc::clone(&name), id: r.topic_id, partitions: Map::new() };
                self.topic_names.insert(r.topic_id, Arc::clone(&name));
                self.topics.insert(name, Arc::new(topic));
            }
            MetadataRecord::RemoveTopic(r) => {
                if let Some(name) = self.topic_names.remove(&r.topic_id) {
                    self.topics.remove(&name);
                    self.configs.remove(&(TOPIC_RESOURCE, name));
                }
            }
            MetadataRecord::Partition(r) => {
                let partition = PartitionRegistration {
                    replicas: r.replicas.clone(),
                    isr: r.isr.clone(),
                    elr: r.eligible_leader_replicas.clone().unwrap_or_default(),
                    last_known_elr: r.last_known_elr.clone().unwrap_or_default(),
                    adding_replicas: r.adding_replicas.clone(),
                    removing_replicas: r.removing_replicas.clone(),
                    leader: r.leader,
                    leader_epoch: r.leader_epoch,
                    partition_epoch: r.partition_epoch,
                };
                if let Some(topic) = self.topic_mut(&r.topic_id) {
                    topic.partitions.insert(r.partition_id, partition);
                }
            }
            MetadataRecord::PartitionChange(r) => {
                let Some(topic) = self.topic_mut(&r.topic_id) else { return };
                let Some(partition) = topic.partitions.get_mut(&r.partition_id) else { return };
                if let Some(isr) = &r.isr {
                    partition.isr.clone_from(isr);
                }
                if let Some(elr) = &r.eligible_leader_replicas {
                    partition.elr.clone_from(elr);
                }
                if let Some(last_known) = &r.last_known_elr {
                    partition.last_known_elr.clone_from(last_known);
                }
                if let Some(replicas) = &r.replicas {
                    partition.replicas.clone_from(replicas);
                }
                if let Some(adding) = &r.adding_replicas {
                    partition.adding_replicas.clone_from(adding);
                }
                if let Some(removing) = &r.removing_replicas {
                    partition.removing_replicas.clone_from(removing);
                }
                if r.leader != NO_LEADER_CHANGE {
                    partition.leader = r.leader;
                    partition.leader_epoch = partition.leader_epoch.saturating_add(1);
                }
                partition.partition_epoch = partition.partition_epoch.saturating_add(1);
            }
            MetadataRecord::Config(r) => {
                let key = (r.resource_type, Arc::from(r.resource_name.as_str()));
                let mut configs = self.configs.remove(&key).unwrap_or_default();
                match &r.value {
                    Some(value) => configs.insert(r.name.as_str().into(), value.as_str().into()),
                    None => configs.remove(r.name.as_str()),
                };
                if !configs.is_empty() {
                    self.configs.insert(key, configs);
                }
            }
            MetadataRecord::FeatureLevel(r) => {
                self.features.insert(r.name.as_str().into(), r.feature_level);
            }
            MetadataRecord::ClientQuota(r) => self.replay_quota(r),
            MetadataRecord::ClearElr(r) => self.clear_eligible(&r.topic_name),
            MetadataRecord::ProducerIds(r) => self.next_producer_id = r.next_producer_id,
            _ => {}
        }
    }

    fn set_fenced(&mut self, id: i32, epoch: i64, fenced: bool) {
        if let Some(broker) = self.brokers.get_mut(&id)
            && broker.epoch == epoch
        {
            broker.fenced = fenced;
        }
    }

    /// Partitions of which somebody is an eligible leader, or was the last one: of a topic, or of all without a name.
    pub fn with_eligible<'a>(&'a self, name: &'a str) -> impl Iterator<Item = TopicPartition> + 'a {
        let named = self.topics.values().filter(move |topic| name.is_empty() || *topic.name == *name);
        named.flat_map(|topic| {
            let known = topic.partitions.iter().filter(|(_, it)| it.has_eligible());
            known.map(|(id, _)| TopicPartition::new(Arc::clone(&topic.name), *id))
        })
    }

    #[inline(never)]
    fn clear_eligible(&mut self, name: &str) {
        for at in self.with_eligible(name).collect::<Vec<_>>() {
            let topic = self.topics.get_mut(&at.topic).map(Arc::make_mut);
            let Some(partition) = topic.and_then(|topic| topic.partitions.get_mut(&at.partition)) else {
                continue;
            };
            partition.elr.clear();
            partition.last_known_elr.clear();
            partition.partition_epoch = partition.partition_epoch.saturating_add(1);
        }
    }

    fn topic_mut(&mut self, id: &Uuid) -> Option<&mut TopicImage> {
        let name = self.topic_names.get(id)?;
        self.topics.get_mut(name).map(Arc::make_mut)
    }
}
