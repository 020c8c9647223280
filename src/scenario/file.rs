//! What a scenario file holds.

use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::base::Map;
use crate::client::{ConsumerApp, ConsumerConfig, ProducerConfig, Workload};
use crate::scenario::data::Data;
use crate::scenario::json::Json;
use crate::scenario::session::Session;
use crate::scenario::theatre::Protocol;
use crate::scenario::values::{Members, Settings, unique};
use crate::sim::Command;
use crate::zookeeper::ZooKeeperConfig;

/// A scenario: a cluster, its clients, and what happens to them.
///
/// All that is not said is as Kafka 4.1 has it by default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Where editors find the schema of this file.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// What it is called.
    pub title: String,
    /// What there is to see, in a few plain sentences.
    #[serde(default)]
    pub description: String,
    /// The source of all randomness: the same seed gives the same run.
    #[serde(default = "one")]
    pub seed: u64,
    /// What the nodes' clocks show when it begins, in milliseconds since 1970: record timestamps
    /// are this and the time that has passed. 1767225600000, the beginning of 2026, without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch_ms: Option<i64>,
    /// The brokers.
    #[serde(default)]
    pub cluster: Cluster,
    /// How long messages take.
    #[serde(default)]
    pub network: Network,
    /// How long disks take.
    #[serde(default)]
    pub disk: Disk,
    /// Topics that are there as soon as the brokers are.
    #[serde(default)]
    pub topics: Vec<Topic>,
    /// Clients that send records.
    #[serde(default)]
    pub producers: Vec<Producer>,
    /// Consumer groups.
    #[serde(default)]
    pub groups: Vec<Group>,
    /// Consumers without a group.
    #[serde(default)]
    pub consumers: Vec<Consumer>,
    /// What is done to the cluster, and when.
    #[serde(default)]
    pub script: Vec<ScriptStep>,
    /// Promises that this scenario means to break, by name: `lost write`.
    #[serde(default)]
    pub expect: Vec<String>,
    /// Protocols under which the group is compared: in the rebalance theatre each is a world of
    /// its own, in which the same happens. At most four.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compare: Vec<Protocol>,
    /// How one first looks at it.
    #[serde(default)]
    pub look: Look,
    /// What came from outside, when this is a recording: the lines behind the scenario.
    #[serde(skip)]
    pub session: Session,
}

/// The brokers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Cluster {
    /// How many, named `broker-1` and so on.
    pub brokers: u32,
    /// How many controllers lead the cluster: 1, named `controller`, or 3 or 5, named `controller-1` and so on, of
    /// which a majority has to live.
    #[serde(skip_serializing_if = "is_one")]
    pub controllers: u32,
    /// The controllers are no processes of their own but the first brokers', which are both
    /// (`process.roles=broker,controller`): what befalls the one befalls the other.
    #[serde(skip_serializing_if = "is_false")]
    pub combined: bool,
    /// With this, `{}` for all defaults, the cluster is of the time until Kafka 3.9: a node `zookeeper` has the
    /// metadata, and one of the brokers is the controller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zookeeper: Option<ZooKeeperConfig>,
    /// The first one's id, 0 or 1, from which the others count on: programs may expect either.
    #[serde(skip_serializing_if = "is_one")]
    pub first_broker_id: u32,
    /// How many of the brokers, counted from the last, do not run at first: `restart` starts one.
    #[serde(skip_serializing_if = "is_none")]
    pub spare_brokers: u32,
    /// Where they stand (`broker.rack`), in the order of their ids. None stands anywhere without it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub racks: Vec<String>,
    /// Levels of features that the cluster begins with, by Kafka's names: `eligible.leader.replicas.version`, 1 as on a
    /// new cluster since Kafka 4.1, 0 for none, as before.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub features: Map<String, i16>,
    /// Broker and controller configs by Kafka's names, `log.…` defaults of topics too.
    pub configs: Settings,
    /// Where programs outside the world reach the brokers, as `localhost:9092`: one address for
    /// each broker, in the order of their numbers. Without it they use the names that everybody
    /// in the world uses, `broker-1:9092`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub advertised: Vec<String>,
}

/// How long messages take from node to node. Where nothing is said: a quiet data centre.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// One way, in milliseconds; fractions are allowed. 0.5 without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// Each message takes up to so many milliseconds more. 0.2 without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<f64>,
    /// Bandwidth of a link in bytes per millisecond. One gigabit per second without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_ms: Option<u64>,
}

/// How long disks take. Where nothing is said: a solid-state disk under Linux.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Disk {
    /// An `fsync`, in milliseconds; fractions are allowed. 2 without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flush_ms: Option<f64>,
    /// The operating system writes dirty pages back by itself after so many milliseconds.
    /// 30,000 without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writeback_ms: Option<u64>,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// How many partitions; the brokers' `num.partitions` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<i32>,
    /// How many replicas of each; the brokers' `default.replication.factor` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication_factor: Option<i16>,
    /// Topic configs by Kafka's names.
    #[serde(default)]
    pub configs: Settings,
    /// The brokers of each partition's replicas, the preferred leader first, in place of
    /// `partitions` and `replication_factor`.
    #[serde(default)]
    pub assignments: Vec<Vec<i32>>,
}

/// A client that sends records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Producer {
    /// Its name; its `client.id` too, if that is not given.
    pub name: String,
    /// When it starts.
    #[serde(default = "at_one_second")]
    pub start_ms: u64,
    /// Producer configs by Kafka's names.
    #[serde(default)]
    pub configs: ProducerConfig,
    /// What it sends by itself; nothing without it and `data`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<Workload>,
    /// A file whose records it sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Data>,
}

/// A consumer group. All members run the same application with the same configs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The `group.id`.
    pub id: String,
    /// How many consumers (named after the group), or their names.
    #[serde(default = "one_member")]
    pub consumers: Members,
    /// When the first one starts.
    #[serde(default = "at_one_second")]
    pub start_ms: u64,
    /// Each further one starts so much later.
    #[serde(default)]
    pub stagger_ms: u64,
    /// Static members: each has its name as `group.instance.id` (KIP-345).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub static_members: bool,
    /// Consumer configs by Kafka's names.
    #[serde(default)]
    pub configs: ConsumerConfig,
    /// What it reads and how.
    pub app: ConsumerApp,
}

/// A consumer without a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Consumer {
    /// Its name; its `client.id` too, if that is not given.
    pub name: String,
    /// When it starts.
    #[serde(default = "at_one_second")]
    pub start_ms: u64,
    /// Consumer configs by Kafka's names.
    #[serde(default)]
    pub configs: ConsumerConfig,
    /// What it reads and how.
    pub app: ConsumerApp,
}

/// A command and its time: `{"at_ms": 5000, "do": "kill", "node": "broker-1"}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct ScriptStep {
    /// When.
    pub at_ms: u64,
    /// What.
    #[serde(flatten)]
    pub command: Command,
}

/// How one first looks at a scenario. Changes nothing of what happens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Look {
    /// The page opens at this time.
    pub at_ms: u64,
    /// Playback speed to begin with: 1 is real time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<f64>,
    /// The topic to look at first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Its partition to look at first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<i32>,
    /// By then all that the scenario wants to show has happened; `terrarium run` ends there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
}

impl Default for Cluster {
    /// Three brokers with Kafka's defaults.
    fn default() -> Self {
        Cluster {
            brokers: 3,
            controllers: 1,
            combined: false,
            zookeeper: None,
            features: Map::new(),
            first_broker_id: 1,
            spare_brokers: 0,
            racks: Vec::new(),
            configs: Settings::default(),
            advertised: Vec::new(),
        }
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_none(number: &u32) -> bool {
    *number == 0
}

fn is_one(number: &u32) -> bool {
    *number == 1
}

impl<'de> Deserialize<'de> for ScriptStep {
    /// By hand, since serde's `flatten` cannot refuse unknown fields.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<ScriptStep, D::Error> {
        struct Step;
        impl<'de> Visitor<'de> for Step {
            type Value = ScriptStep;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a step: an object with at_ms, do, and what the command needs")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ScriptStep, A::Error> {
                let fields: Map<String, Json> = unique(&mut map)?;
                let mut fields = Json::Object(fields.into_iter().collect());
                let at_ms = match fields.take("at_ms").ok_or_else(|| A::Error::missing_field("at_ms"))? {
                    Json::Unsigned(at_ms) => at_ms,
                    other => {
                        let problem = A::Error::invalid_type(other.unexpected(), &"a whole number from 0");
                        return Err(A::Error::custom(format!("at_ms: {problem}")));
                    }
                };
                if !fields.has("do") {
                    return Err(A::Error::missing_field("do"));
                }
                let command = Command::deserialize(&fields).map_err(A::Error::custom)?;
                Ok(ScriptStep { at_ms, command })
            }
        }
        from.deserialize_map(Step)
    }
}

fn one() -> u64 {
    1
}

fn at_one_second() -> u64 {
    1_000
}

fn one_member() -> Members {
    Members::Count(1)
}
