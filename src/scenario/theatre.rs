//! What the rebalance theatre compares: one scenario under several protocols.

mod link;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::assignor::AssignorKind;
use crate::client::ConsumerConfig;
use crate::client::consumer::GroupProtocol;
use crate::scenario::{Path, Problem, Scenario};

pub use link::{TheatreLink, theatre_fragment};

/// So many worlds can be compared.
pub const WORLDS_MAX: usize = 4;

/// How a group shares its partitions. What is not said is as the group has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Protocol {
    /// What it is called; made of the rest without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who hands out the partitions: one of the members, or the coordinator (KIP-848).
    #[serde(rename = "group.protocol", skip_serializing_if = "Option::is_none")]
    pub group_protocol: Option<GroupProtocol>,
    /// With `group.protocol=consumer`, which of the coordinator's assignors.
    #[serde(rename = "group.remote.assignor", skip_serializing_if = "Option::is_none")]
    pub group_remote_assignor: Option<Arc<str>>,
    /// Assignors of the group's consumers, the preferred first.
    #[serde(rename = "partition.assignment.strategy", skip_serializing_if = "Vec::is_empty")]
    pub partition_assignment_strategy: Vec<AssignorKind>,
    /// Whether the cluster is on ZooKeeper, as until Kafka 3.9, or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zookeeper: Option<bool>,
}

impl Protocol {
    /// Every protocol that there is, those first that differ most.
    pub fn all() -> Vec<Protocol> {
        let classic = |kind| Protocol { partition_assignment_strategy: vec![kind], ..Protocol::default() };
        let consumer = |assignor: Option<&str>| Protocol {
            group_protocol: Some(GroupProtocol::Consumer),
            group_remote_assignor: assignor.map(Arc::from),
            ..Protocol::default()
        };
        vec![
            classic(AssignorKind::Range),
            classic(AssignorKind::Sticky),
            classic(AssignorKind::CooperativeSticky),
            consumer(None),
            classic(AssignorKind::RoundRobin),
            consumer(Some("range")),
        ]
    }

    /// The protocol of a consumer with this config.
    pub fn of(config: &ConsumerConfig) -> Protocol {
        match config.group_protocol {
            GroupProtocol::Consumer => Protocol {
                group_protocol: Some(GroupProtocol::Consumer),
                group_remote_assignor: config.group_remote_assignor.clone(),
                ..Protocol::default()
            },
            GroupProtocol::Share => {
                Protocol { group_protocol: Some(GroupProtocol::Share), ..Protocol::default() }
            }
            GroupProtocol::Classic => Protocol {
                partition_assignment_strategy: config.partition_assignment_strategy.clone(),
                ..Protocol::default()
            },
        }
    }

    /// Its name: `Eager · range`.
    pub fn title(&self) -> String {
        let first = self.partition_assignment_strategy.first();
        match (&self.name, self.group_protocol, &self.group_remote_assignor, first) {
            (Some(name), ..) => name.clone(),
            _ if self.zookeeper == Some(true) => "ZooKeeper".to_owned(),
            _ if self.zookeeper == Some(false) => "KRaft".to_owned(),
            (_, Some(GroupProtocol::Share), ..) => "Share group".to_owned(),
            (_, Some(GroupProtocol::Consumer), None, _) => "Consumer protocol".to_owned(),
            (_, Some(GroupProtocol::Consumer), Some(assignor), _) => format!("Consumer · {assignor}"),
            (_, _, _, Some(AssignorKind::CooperativeSticky)) => "Cooperative-sticky".to_owned(),
            (_, _, _, Some(kind)) => format!("Eager · {}", kind.protocol_name()),
            _ => "As the group has it".to_owned(),
        }
    }

    /// How it goes about it, in a few words.
    pub fn idea(&self) -> &'static str {
        match self.zookeeper {
            Some(true) => {
                return "one of the brokers is the controller, and reads everything when it becomes it";
            }
            Some(false) => return "controllers of their own have the metadata in memory",
            None => {}
        }
        if self.group_protocol == Some(GroupProtocol::Consumer) {
            return "the broker decides; members reconcile one by one";
        }
        if self.group_protocol == Some(GroupProtocol::Share) {
            return "nobody owns a partition; records are handed out one by one";
        }
        match self.partition_assignment_strategy.first() {
            Some(AssignorKind::Range) => "all give everything up, then wait; each gets a range",
            Some(AssignorKind::RoundRobin) => "all give everything up, then wait; dealt like cards",
            Some(AssignorKind::Sticky) => "all give everything up, then wait; most get theirs back",
            Some(AssignorKind::CooperativeSticky) => "only what moves is given up, in a second round",
            None => "",
        }
    }

    fn apply(&self, config: &mut ConsumerConfig) {
        if !self.partition_assignment_strategy.is_empty() {
            config.partition_assignment_strategy = self.partition_assignment_strategy.clone();
        }
        if let Some(protocol) = self.group_protocol {
            config.group_protocol = protocol;
        }
        if self.group_protocol.is_some() || self.group_remote_assignor.is_some() {
            config.group_remote_assignor = self.group_remote_assignor.clone();
        }
    }
}

impl Scenario {
    /// The group that the theatre shows: the first.
    pub fn theatre_group(&self) -> Option<&str> {
        let of_consumers = self.consumers.iter().filter(|consumer| !consumer.app.topics.is_empty());
        let of_consumers = of_consumers.filter_map(|consumer| consumer.configs.group_id.as_deref());
        self.groups.iter().map(|group| group.id.as_str()).chain(of_consumers).next()
    }

    /// The protocols that it compares, or, when it names none, the one that its group has.
    pub fn compared(&self) -> Vec<Protocol> {
        if !self.compare.is_empty() {
            return self.compare.clone();
        }
        let id = self.theatre_group();
        let of_group = self.groups.iter().find(|group| Some(group.id.as_str()) == id);
        let of_consumer = self.consumers.iter().find(|consumer| consumer.configs.group_id.as_deref() == id);
        let config = of_group.map(|it| &it.configs).or(of_consumer.map(|it| &it.configs));
        config.map(Protocol::of).into_iter().collect()
    }

    /// The same scenario under a protocol.
    pub fn under(&self, protocol: &Protocol) -> Scenario {
        let mut scenario = self.clone();
        match protocol.zookeeper {
            Some(true) => {
                scenario.cluster.zookeeper.get_or_insert_default();
            }
            Some(false) => scenario.cluster.zookeeper = None,
            None => {}
        }
        for group in &mut scenario.groups {
            protocol.apply(&mut group.configs);
        }
        for consumer in &mut scenario.consumers {
            if consumer.configs.group_id.is_some() {
                protocol.apply(&mut consumer.configs);
            }
        }
        scenario
    }

    /// The scenario as a file.
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// What is wrong with the protocols that it compares.
    pub(super) fn compare_problems(&self) -> Vec<Problem> {
        let root = Path::default().key("compare");
        let mut problems = Vec::new();
        if self.compare.is_empty() {
            return problems;
        }
        if self.compare.len() > WORLDS_MAX {
            let message =
                format!("at most {WORLDS_MAX} protocols can be compared, here are {}", self.compare.len());
            problems.push(Problem::new(root.clone(), message));
        }
        if self.theatre_group().is_none() {
            problems.push(Problem::new(root.clone(), "there is no group to compare protocols with"));
        }
        for (index, protocol) in self.compare.iter().enumerate() {
            if self.compare.iter().take(index).any(|earlier| earlier == protocol) {
                let message = format!("'{}' is compared with itself", protocol.title());
                problems.push(Problem::new(root.index(index), message));
            }
            let managed = protocol.group_protocol == Some(GroupProtocol::Consumer);
            if protocol.group_remote_assignor.is_some() && !managed {
                let path = root.index(index).key("group.remote.assignor");
                problems.push(Problem::new(path, "needs group.protocol: consumer"));
            }
            if protocol.name.as_ref().is_some_and(|name| name.trim().is_empty() || name.len() > 60) {
                problems.push(Problem::new(root.index(index).key("name"), "a name has 1 to 60 bytes"));
            }
        }
        problems
    }
}
