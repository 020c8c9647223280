//! Whether a script's commands name what is there.

use crate::base::{Map, Pattern, Set};
use crate::metadata::Voters;
use crate::protocol::ApiKey;
use crate::scenario::names::did_you_mean;
use crate::scenario::{Path, Problem, Scenario};
use crate::sim::Command;
use crate::zookeeper::ZOOKEEPER_HOST;

use super::{Check, is_topic_name, too_many_replicas};

/// What a node can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Server,
    Producer,
    Consumer,
    Guest,
}

type Nodes = Map<String, Kind>;

impl Scenario {
    /// The nodes that are there without clients.
    pub(super) fn server_names(&self) -> Set<String> {
        let brokers = (1..=self.cluster.brokers.min(super::BROKERS_MAX)).map(|id| format!("broker-{id}"));
        let voters = Voters::of(self.cluster.controllers.min(super::CONTROLLERS[2]));
        let apart = voters.iter().filter(|_| !self.cluster.combined);
        let controllers = apart.map(|voter| match self.cluster.zookeeper {
            Some(_) => ZOOKEEPER_HOST.to_owned(),
            None => voter.host.clone(),
        });
        brokers.chain(controllers).chain(["admin".to_owned()]).collect()
    }

    /// Every client's name, and where it is given.
    pub(super) fn client_names(&self) -> Vec<(Path, String)> {
        let root = Path::default();
        let mut names = Vec::new();
        for (index, producer) in self.producers.iter().enumerate() {
            names.push((root.key("producers").index(index).key("name"), producer.name.clone()));
        }
        for (index, group) in self.groups.iter().enumerate() {
            let path = root.key("groups").index(index).key("consumers");
            names.extend(group.consumers.names(&group.id).into_iter().map(|name| (path.clone(), name)));
        }
        for (index, consumer) in self.consumers.iter().enumerate() {
            names.push((root.key("consumers").index(index).key("name"), consumer.name.clone()));
        }
        names
    }
}

impl Check<'_> {
    /// Commands in the order of their times, so that a consumer can be stopped after it was
    /// added and not before.
    pub(super) fn script(&mut self) {
        let mut nodes = self.nodes();
        let mut steps: Vec<_> = self.scenario.script.iter().enumerate().collect();
        steps.sort_by_key(|(_, step)| step.at_ms);
        for (index, step) in steps {
            let path = Path::default().key("script").index(index);
            self.moment(step.at_ms, || path.key("at_ms"));
            if self.scenario.cluster.zookeeper.is_some() && step.command.needs_kraft() {
                let problem = || "this cannot be done in a cluster on ZooKeeper".to_owned();
                self.expect(false, || path.key("do"), problem);
            }
            self.command(&step.command, &mut nodes, &path);
        }
    }

    fn nodes(&self) -> Nodes {
        let mut nodes: Nodes =
            self.scenario.server_names().into_iter().map(|name| (name, Kind::Server)).collect();
        nodes.extend(self.scenario.producers.iter().map(|it| (it.name.clone(), Kind::Producer)));
        nodes.extend(self.scenario.consumers.iter().map(|it| (it.name.clone(), Kind::Consumer)));
        let few = self.scenario.groups.iter().filter(|group| group.consumers.count() <= super::CLIENTS_MAX);
        for group in few {
            nodes.extend(group.consumers.names(&group.id).into_iter().map(|name| (name, Kind::Consumer)));
        }
        nodes
    }

    #[inline(never)]
    fn command(&mut self, command: &Command, nodes: &mut Nodes, path: &Path) {
        match command {
            Command::Kill { node }
            | Command::PowerLoss { node }
            | Command::Restart { node }
            | Command::Pause { node }
            | Command::Resume { node } => self.node(node, nodes, || path.key("node")),
            Command::Cut { a, b } | Command::Heal { a, b } | Command::Slow { a, b, .. } => {
                self.node(a, nodes, || path.key("a"));
                self.node(b, nodes, || path.key("b"));
                self.expect(a != b, || path.key("b"), || "a link joins two different nodes".into());
            }
            Command::Drop { .. } | Command::Delay { .. } | Command::Duplicate { .. } => {}
            Command::CutOneWay { from, to } | Command::SlowOneWay { from, to, .. } => {
                self.node(from, nodes, || path.key("from"));
                self.node(to, nodes, || path.key("to"));
                self.expect(from != to, || path.key("to"), || "a link joins two different nodes".into());
            }
            Command::SlowDisk { node, .. } | Command::SkewClock { node, .. } => {
                self.node(node, nodes, || path.key("node"));
            }
            Command::SetDiskFull { broker, .. } => {
                self.of_kind(broker, Kind::Server, "broker", nodes, path);
            }
            Command::CorruptByte { broker, topic, partition, .. } => {
                self.of_kind(broker, Kind::Server, "broker", nodes, path);
                self.topic_used(topic, Some(*partition), || path.key("topic"));
            }
            Command::DropNext { from, to, api, count, .. }
            | Command::DelayNext { from, to, api, count, .. }
            | Command::DuplicateNext { from, to, api, count, .. } => {
                self.node(from, nodes, || path.key("from"));
                self.node(to, nodes, || path.key("to"));
                self.expect(*count > 0, || path.key("count"), || "must be at least 1".into());
                let known = |api: &String| ApiKey::ALL.iter().any(|key| key.name() == api);
                if let Some(api) = api.as_ref().filter(|api| !known(api)) {
                    let hint = did_you_mean(api, ApiKey::ALL.iter().map(|key| key.name()));
                    let message = format!("no API is called '{api}'{hint}");
                    self.problems.push(Problem::new(path.key("api"), message));
                }
            }
            Command::Send { producer, topic, partition, .. } => {
                self.of_kind(producer, Kind::Producer, "producer", nodes, path);
                self.topic_used(topic, *partition, || path.key("topic"));
            }
            Command::SetProducing { producer, .. } => {
                self.of_kind(producer, Kind::Producer, "producer", nodes, path);
            }
            Command::SetStuck { consumer, .. }
            | Command::SetProcessMs { consumer, .. }
            | Command::SetListenerMs { consumer, .. }
            | Command::SeekToTime { consumer, .. }
            | Command::SetPaused { consumer, .. }
            | Command::Subscribe { consumer, .. }
            | Command::Reconfigure { consumer, .. }
            | Command::Commit { consumer } => {
                self.of_kind(consumer, Kind::Consumer, "consumer", nodes, path);
                self.consumer_command(command, path);
            }
            Command::Seek { consumer, topic, partition, offset } => {
                self.of_kind(consumer, Kind::Consumer, "consumer", nodes, path);
                self.topic_used(topic, Some(*partition), || path.key("topic"));
                self.expect(
                    *offset >= -2,
                    || path.key("offset"),
                    || format!("expected an offset, -1 (the end) or -2 (the beginning), found {offset}"),
                );
            }
            Command::Stop { node, .. } => {
                self.node(node, nodes, || path.key("node"));
                let fine = nodes.get(node) != Some(&Kind::Server) || node.starts_with("broker-");
                self.expect(
                    fine,
                    || path.key("node"),
                    || format!("'{node}' is no client and no broker; use kill"),
                );
            }
            Command::AddConsumer { group, name } => self.add_consumer(group, name.as_deref(), nodes, path),
            Command::Connect { client, broker, .. } => {
                self.of_kind(broker, Kind::Server, "broker", nodes, path);
                nodes.entry(client.clone()).or_insert(Kind::Guest);
            }
            Command::Bytes { client, .. } | Command::HangUp { client, .. } => {
                self.node(client, nodes, || path.key("client"));
            }
            Command::CreateTopic { .. }
            | Command::DeleteTopic { .. }
            | Command::SetConfig { .. }
            | Command::Reassign { .. }
            | Command::ElectLeaders { .. }
            | Command::AddPartitions { .. } => {
                self.admin_command(command, path);
            }
        }
    }

    #[inline(never)]
    fn consumer_command(&mut self, command: &Command, path: &Path) {
        match command {
            Command::SeekToTime { topic, partition, timestamp_ms, .. } => {
                self.topic_used(topic, Some(*partition), || path.key("topic"));
                self.expect(
                    *timestamp_ms >= 0,
                    || path.key("timestamp_ms"),
                    || format!("expected milliseconds since 1970, found {timestamp_ms}"),
                );
            }
            Command::SetPaused { partitions, .. } => {
                for (index, at) in partitions.iter().flatten().enumerate() {
                    let path = path.key("partitions").index(index);
                    self.topic_used(&at.topic, Some(at.partition), || path);
                }
            }
            Command::Subscribe { topics, topic_regex, .. } => {
                let regex = topic_regex.as_deref().map_or(Ok(()), |regex| Pattern::new(regex).map(drop));
                self.expect(
                    regex.is_ok(),
                    || path.key("topic_regex"),
                    || "is not a valid regular expression".into(),
                );
                self.expect(
                    topics.is_empty() || topic_regex.is_none(),
                    || path.key("topics"),
                    || "give topics or topic_regex, not both".into(),
                );
                for (index, topic) in topics.iter().enumerate() {
                    self.topic_used(topic, None, || path.key("topics").index(index));
                }
            }
            Command::Reconfigure { configs, .. } => self.expect(
                configs.partition_assignment_strategy.as_ref().is_none_or(|list| !list.is_empty()),
                || path.key("configs").key("partition.assignment.strategy"),
                || "must name an assignor".into(),
            ),
            _ => {}
        }
    }

    #[inline(never)]
    fn admin_command(&mut self, command: &Command, path: &Path) {
        match command {
            Command::CreateTopic { topic, partitions, replication_factor, configs } => {
                let brokers = self.scenario.cluster.brokers as i32;
                let factor = i32::from(*replication_factor);
                self.expect(
                    is_topic_name(topic),
                    || path.key("topic"),
                    || format!("'{topic}' is no legal topic name: letters, digits, '.', '_' and '-'"),
                );
                self.expect(
                    (1..=10_000).contains(partitions),
                    || path.key("partitions"),
                    || format!("a topic has 1 to 10000 partitions, not {partitions}"),
                );
                self.expect(
                    (1..=brokers).contains(&factor),
                    || path.key("replication_factor"),
                    || too_many_replicas(factor, brokers),
                );
                for (name, value) in configs {
                    self.topic_config(name, Some(value), &path.key("configs").key(name));
                }
            }
            Command::DeleteTopic { topic } => self.topic_used(topic, None, || path.key("topic")),
            Command::AddPartitions { topic, partitions } => {
                self.topic_used(topic, None, || path.key("topic"));
                self.expect(
                    (1..=10_000).contains(partitions),
                    || path.key("partitions"),
                    || format!("a topic has 1 to 10000 partitions, not {partitions}"),
                );
            }
            Command::Reassign { topic, partition, replicas } => {
                self.topic_used(topic, Some(*partition), || path.key("topic"));
                if let Some(replicas) = replicas {
                    self.replicas(replicas, &path.key("replicas"));
                }
            }
            Command::ElectLeaders { topic, partition, .. } => match (topic, partition) {
                (Some(topic), Some(partition)) => {
                    self.topic_used(topic, Some(*partition), || path.key("topic"));
                }
                _ => self.expect(
                    topic.is_none() && partition.is_none(),
                    || path.clone(),
                    || "expected both a topic and a partition, or neither for all".to_owned(),
                ),
            },
            Command::SetConfig { topic, name, value } => {
                self.topic_used(topic, None, || path.key("topic"));
                self.topic_config(name, value.as_deref(), &path.key("name"));
            }
            _ => {}
        }
    }

    fn node(&mut self, name: &str, nodes: &Nodes, path: impl FnOnce() -> Path) {
        self.expect(nodes.contains_key(name), path, || {
            format!("no node is called '{name}'{}", did_you_mean(name, nodes.keys().map(String::as_str)))
        });
    }

    fn of_kind(&mut self, name: &str, kind: Kind, kind_name: &str, nodes: &Nodes, path: &Path) {
        let path = path.key(kind_name);
        match nodes.get(name) {
            Some(found) if *found == kind => {}
            Some(_) => self.problems.push(Problem::new(path, format!("'{name}' is no {kind_name}"))),
            None => {
                let alike = nodes.iter().filter(|(_, found)| **found == kind).map(|(name, _)| name.as_str());
                let message = format!("no {kind_name} is called '{name}'{}", did_you_mean(name, alike));
                self.problems.push(Problem::new(path, message));
            }
        }
    }

    fn add_consumer(&mut self, group: &str, name: Option<&str>, nodes: &mut Nodes, path: &Path) {
        let Some(known) = self.scenario.groups.iter().find(|known| known.id == group) else {
            let hint = did_you_mean(group, self.scenario.groups.iter().map(|group| group.id.as_str()));
            let message = format!("no group is called '{group}'{hint}");
            self.problems.push(Problem::new(path.key("group"), message));
            return;
        };
        self.expect(
            known.consumers.count() > 0,
            || path.key("group"),
            || format!("group '{group}' has no consumer to copy"),
        );
        let name = match name {
            Some(name) => name.to_owned(),
            // As the world does it: the next number after the first member's name.
            None => {
                let first = known.consumers.names(group).into_iter().next().unwrap_or_default();
                let stem = first.trim_end_matches(|c: char| c.is_ascii_digit());
                let stem =
                    if stem.is_empty() || stem == first { format!("{first}-") } else { stem.to_owned() };
                let free = (1..=u64::from(u32::MAX)).map(|number| format!("{stem}{number}"));
                free.into_iter().find(|name| !nodes.contains_key(name)).unwrap_or_default()
            }
        };
        self.expect(
            !nodes.contains_key(&name),
            || path.key("name"),
            || format!("a node is called '{name}' already"),
        );
        nodes.insert(name, Kind::Consumer);
    }
}
