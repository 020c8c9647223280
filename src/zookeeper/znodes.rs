//! Which znodes Kafka has, and what they hold: JSON, as in `ZkData`.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::base::Map;
use crate::metadata::{Configs, EXTERNAL_LISTENER, Endpoint, INTERNAL_LISTENER, PartitionRegistration};
use crate::protocol::{TopicPartition, Uuid};

/// The broker that is the controller: ephemeral.
pub const CONTROLLER: &str = "/controller";
/// How often a controller was elected.
pub(super) const CONTROLLER_EPOCH: &str = "/controller_epoch";
/// The live brokers, each an ephemeral child.
pub const BROKER_IDS: &str = "/brokers/ids";
/// The topics.
pub const BROKER_TOPICS: &str = "/brokers/topics";
/// The block of producer ids that was given out last.
pub(super) const PRODUCER_IDS: &str = "/latest_producer_id_block";

/// What brokers make when they start, so that it is there.
pub fn persistent_paths() -> [&'static str; 8] {
    [
        "/brokers",
        BROKER_IDS,
        BROKER_TOPICS,
        "/config",
        "/config/topics",
        "/admin",
        "/admin/delete_topics",
        "/isr_change_notification",
    ]
}

/// Where a broker registers.
pub fn broker_path(id: i32) -> String {
    format!("{BROKER_IDS}/{id}")
}

/// Where a topic's replicas are.
pub fn topic_path(topic: &str) -> String {
    format!("{BROKER_TOPICS}/{topic}")
}

/// Where a topic's configs are.
pub fn topic_config_path(topic: &str) -> String {
    format!("/config/topics/{topic}")
}

pub(super) fn partitions_path(topic: &str) -> String {
    format!("{BROKER_TOPICS}/{topic}/partitions")
}

pub(super) fn partition_path(at: &TopicPartition) -> String {
    format!("{BROKER_TOPICS}/{}/partitions/{}", at.topic, at.partition)
}

/// Where a partition's leader and in-sync replicas are.
pub fn state_path(at: &TopicPartition) -> String {
    format!("{BROKER_TOPICS}/{}/partitions/{}/state", at.topic, at.partition)
}

/// `/brokers/ids/N`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerNode {
    version: i32,
    /// Its listeners: `PLAINTEXT://broker-1:9092`.
    pub endpoints: Vec<String>,
    host: String,
    port: u16,
    timestamp: String,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rack: Option<String>,
}

impl BrokerNode {
    /// A broker that registers now.
    pub fn new(endpoints: &[Endpoint], rack: Option<&str>, unix_ms: i64) -> BrokerNode {
        let text = |end: &Endpoint| format!("{}://{}:{}", end.listener, end.host, end.port);
        let internal = endpoints.iter().find(|end| end.listener == INTERNAL_LISTENER).or(endpoints.first());
        BrokerNode {
            version: 5,
            endpoints: endpoints.iter().map(text).collect(),
            host: internal.map_or(String::new(), |end| end.host.clone()),
            port: internal.map_or(0, |end| end.port),
            timestamp: unix_ms.to_string(),
            rack: rack.map(str::to_owned),
        }
    }

    /// The text of the znode.
    pub fn bytes(&self) -> Bytes {
        json(self)
    }

    pub(super) fn parse(data: &[u8]) -> Option<BrokerNode> {
        serde_json::from_slice(data).ok()
    }

    /// Its listeners, the internal one first.
    pub(super) fn endpoints(&self) -> Vec<Endpoint> {
        let read = |text: &String| {
            let (listener, rest) = text.split_once("://")?;
            let (host, port) = rest.rsplit_once(':')?;
            let listener = if listener == EXTERNAL_LISTENER { EXTERNAL_LISTENER } else { INTERNAL_LISTENER };
            Some(Endpoint { listener: listener.to_owned(), host: host.to_owned(), port: port.parse().ok()? })
        };
        self.endpoints.iter().filter_map(read).collect()
    }
}

#[derive(Serialize, Deserialize)]
struct ControllerNode {
    version: i32,
    brokerid: i32,
    timestamp: String,
}

pub(super) fn controller_node(broker: i32, unix_ms: i64) -> Bytes {
    json(&ControllerNode { version: 1, brokerid: broker, timestamp: unix_ms.to_string() })
}

pub(super) fn parse_controller(data: &[u8]) -> Option<i32> {
    serde_json::from_slice(data).ok().map(|node: ControllerNode| node.brokerid)
}

pub(super) fn parse_epoch(data: &[u8]) -> Option<i32> {
    std::str::from_utf8(data).ok()?.parse().ok()
}

/// `/brokers/topics/T/partitions/P/state`.
#[derive(Serialize, Deserialize)]
struct StateNode {
    controller_epoch: i32,
    leader: i32,
    version: i32,
    leader_epoch: i32,
    isr: Vec<i32>,
}

pub(super) fn state_node(partition: &PartitionRegistration, controller_epoch: i32) -> Bytes {
    json(&StateNode {
        controller_epoch,
        leader: partition.leader,
        version: 1,
        leader_epoch: partition.leader_epoch,
        isr: partition.isr.clone(),
    })
}

/// Takes what the znode says into `partition`; `version` is the znode's.
pub(super) fn read_state(partition: &mut PartitionRegistration, data: &[u8], version: i32) -> Option<()> {
    let node: StateNode = serde_json::from_slice(data).ok()?;
    partition.leader = node.leader;
    partition.leader_epoch = node.leader_epoch;
    partition.isr = node.isr;
    partition.partition_epoch = version;
    Some(())
}

/// `/brokers/topics/T`.
#[derive(Serialize, Deserialize)]
struct TopicNode {
    partitions: Map<i32, Vec<i32>>,
    topic_id: String,
    #[serde(default)]
    adding_replicas: Map<i32, Vec<i32>>,
    #[serde(default)]
    removing_replicas: Map<i32, Vec<i32>>,
    version: i32,
}

pub(super) fn topic_node(id: Uuid, replicas: &[Vec<i32>]) -> Bytes {
    json(&TopicNode {
        partitions: (0..).zip(replicas.iter().cloned()).collect(),
        topic_id: id.to_string(),
        adding_replicas: Map::new(),
        removing_replicas: Map::new(),
        version: 3,
    })
}

/// The topic's id, and the replicas of its partitions.
pub(super) fn parse_topic(data: &[u8]) -> Option<(Uuid, Map<i32, Vec<i32>>)> {
    let node: TopicNode = serde_json::from_slice(data).ok()?;
    let id = URL_SAFE_NO_PAD.decode(node.topic_id.as_bytes()).ok()?;
    Some((Uuid(id.try_into().ok()?), node.partitions))
}

#[derive(Serialize, Deserialize)]
struct ConfigNode {
    version: i32,
    config: Map<String, String>,
}

pub(super) fn topic_config_node(configs: &Map<String, String>) -> Bytes {
    json(&ConfigNode { version: 1, config: configs.clone() })
}

/// What a topic's configs are.
pub fn parse_topic_config(data: &[u8]) -> Configs {
    let node: Option<ConfigNode> = serde_json::from_slice(data).ok();
    let text = |text: String| -> Arc<str> { text.into() };
    node.into_iter().flat_map(|node| node.config).map(|(name, value)| (text(name), text(value))).collect()
}

#[derive(Serialize, Deserialize)]
struct ProducerIdsNode {
    version: i32,
    broker: i32,
    block_start: String,
    block_end: String,
}

pub(super) fn producer_ids_node(broker: i32, start: i64, count: i32) -> Bytes {
    let end = start.saturating_add(i64::from(count) - 1);
    json(&ProducerIdsNode { version: 1, broker, block_start: start.to_string(), block_end: end.to_string() })
}

/// The first id after the last block.
pub(super) fn parse_producer_ids(data: &[u8]) -> Option<i64> {
    let node: ProducerIdsNode = serde_json::from_slice(data).ok()?;
    node.block_end.parse::<i64>().ok()?.checked_add(1)
}

fn json<T: Serialize>(node: &T) -> Bytes {
    // Structs of numbers and texts: there is nothing in them that JSON cannot say.
    serde_json::to_vec(node).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn znodes_hold_what_kafka_wrote() {
        let text = |bytes: Bytes| String::from_utf8_lossy(&bytes).into_owned();
        let endpoint =
            |listener: &str, port| Endpoint { listener: listener.into(), host: "broker-1".into(), port };
        let broker = BrokerNode::new(&[endpoint("PLAINTEXT", 9092)], Some("a"), 5);
        assert_eq!(
            text(broker.bytes()),
            concat!(
                r#"{"version":5,"endpoints":["PLAINTEXT://broker-1:9092"],"host":"broker-1","port":9092,"#,
                r#""timestamp":"5","rack":"a"}"#
            )
        );
        let read = BrokerNode::parse(&broker.bytes()).map(|node| node.endpoints());
        assert_eq!(read, Some(vec![endpoint("PLAINTEXT", 9092)]));
        assert_eq!(text(controller_node(2, 7)), r#"{"version":1,"brokerid":2,"timestamp":"7"}"#);
        assert_eq!(parse_controller(&controller_node(2, 7)), Some(2));
        let topic = topic_node(Uuid::from_halves(0, 1), &[vec![1, 2], vec![2, 3]]);
        assert_eq!(
            text(topic.clone()),
            concat!(
                r#"{"partitions":{"0":[1,2],"1":[2,3]},"topic_id":"AAAAAAAAAAAAAAAAAAAAAQ","#,
                r#""adding_replicas":{},"removing_replicas":{},"version":3}"#
            )
        );
        assert_eq!(parse_topic(&topic).map(|(_, partitions)| partitions.iter().len()), Some(2));
        assert_eq!(parse_producer_ids(&producer_ids_node(1, 1_000, 1_000)), Some(2_000));
        assert_eq!(parse_controller(b"not json"), None);
    }
}
