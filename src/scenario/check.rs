//! Whether a scenario makes sense: everything that its types alone cannot say.

mod script;

use std::sync::Arc;

use crate::base::{Map, Set};
use crate::broker::BrokerConfig;
use crate::client::{ConsumerApp, ConsumerConfig, Workload};
use crate::controller::ControllerConfig;
use crate::coordinator::GroupConfig;
use crate::metadata::{ELIGIBLE_LEADER_REPLICAS, Properties, TopicConfigs, check_share_configs};
use crate::scenario::names::did_you_mean;
use crate::scenario::opening;
use crate::scenario::{Path, Problem, Scenario, Settings, Topic};
use crate::sim::Invariants;
use crate::storage::LogConfig;

/// The end of the year 9999.
const EPOCH_MAX_MS: i64 = 253_402_300_799_999;
/// More brokers than this are refused: each is a machine with logs of its own.
const BROKERS_MAX: u32 = 100;
/// So many controllers there may be: of an even number, a majority is no smaller.
const CONTROLLERS: [u32; 3] = [1, 3, 5];
/// More clients than this are refused.
const CLIENTS_MAX: u64 = 1_000;
/// More replicas than this, of all partitions of all topics, are refused.
const REPLICAS_MAX: u64 = 20_000;
/// A latency, flush or jitter may take so long.
const DELAY_MAX_MS: f64 = 3_600_000.0;
/// No moment is later: a year.
pub(super) const MOMENT_MAX_MS: u64 = 365 * 24 * 3_600 * 1_000;
/// At 0, these would have a broker do nothing else.
const AT_LEAST_ONE: [&str; 13] = [
    "broker.heartbeat.interval.ms",
    "broker.session.timeout.ms",
    "controller.quorum.election.timeout.ms",
    "controller.quorum.fetch.timeout.ms",
    "controller.quorum.request.timeout.ms",
    "log.retention.check.interval.ms",
    "num.partitions",
    "offsets.topic.num.partitions",
    "replica.fetch.backoff.ms",
    "replica.fetch.wait.max.ms",
    "replica.high.watermark.checkpoint.interval.ms",
    "replica.lag.time.max.ms",
    "replica.socket.timeout.ms",
];
/// Broker configs that give topics their defaults and are not called `log.` and the topic's.
const OTHER_LOG_NAMES: [&str; 8] = [
    "log.cleaner.delete.retention.ms",
    "log.cleaner.max.compaction.lag.ms",
    "log.cleaner.min.cleanable.ratio",
    "log.cleaner.min.compaction.lag.ms",
    "log.flush.interval.messages",
    "log.flush.interval.ms",
    "log.index.size.max.bytes",
    "log.roll.ms",
];

impl Scenario {
    /// What is wrong with it; empty when all is well.
    pub fn problems(&self) -> Vec<Problem> {
        let mut check = Check { scenario: self, problems: Vec::new() };
        check.cluster();
        check.delays();
        check.names();
        check.topics();
        check.clients();
        check.script();
        check.rest();
        check.problems.extend(self.compare_problems());
        check.problems
    }

    /// The configs of brokers and controller, as far as they are right; the rest goes to
    /// `problems`.
    pub(super) fn server_configs(&self, problems: &mut Vec<Problem>) -> (BrokerConfig, ControllerConfig) {
        opening::server_configs(&self.cluster.configs).unwrap_or_else(|| self.named_configs(problems))
    }

    #[inline(never)]
    fn named_configs(&self, problems: &mut Vec<Problem>) -> (BrokerConfig, ControllerConfig) {
        let (mut broker, mut controller) = (BrokerConfig::default(), ControllerConfig::default());
        let root = Path::default().key("cluster").key("configs");
        for (name, value) in &self.cluster.configs.0 {
            let text = value.to_string();
            if AT_LEAST_ONE.contains(&name.as_str()) && text.trim().parse().is_ok_and(|n: i64| n < 1) {
                problems.push(Problem::new(root.key(name), "must be at least 1"));
                continue;
            }
            let at_broker = broker_has(name).then(|| broker.set_any(name, &text).map(|()| true));
            let at_controller = [
                controller.set(name, &text),
                TopicConfigs::set_default(Arc::make_mut(&mut controller.log), name, &text),
            ];
            let mut known = false;
            let mut refused = None;
            for outcome in at_broker.into_iter().chain(at_controller) {
                match outcome {
                    Ok(found) => known |= found,
                    Err(error) => refused = Some(error.problem),
                }
            }
            match refused {
                Some(problem) => problems.push(Problem::new(root.key(name), problem)),
                None if known => {}
                None => {
                    let names = server_config_names();
                    let hint = did_you_mean(name, names.iter().map(String::as_str));
                    problems.push(Problem::new(root.key(name), format!("is no broker config{hint}")));
                }
            }
        }
        if problems.is_empty() {
            let own = |name: &str| self.cluster.configs.0.get(name).map(ToString::to_string);
            let refused = check_share_configs(&own).into_iter();
            problems.extend(refused.map(|error| Problem::new(root.key(error.name), error.problem)));
        }
        (broker, controller)
    }

    /// Partitions and replication factor of a topic.
    pub(super) fn shape(topic: &Topic, broker: &BrokerConfig) -> (i32, i16) {
        if let Some(first) = topic.assignments.first() {
            let size = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
            let factor = i16::try_from(first.len()).unwrap_or(i16::MAX);
            return (size(topic.assignments.len()), factor);
        }
        let factor = topic.replication_factor.unwrap_or(broker.default_replication_factor);
        (topic.partitions.unwrap_or(broker.num_partitions), factor)
    }
}

fn broker_has(name: &str) -> bool {
    BrokerConfig::default().get(name).is_some()
        || GroupConfig::default().get(name).is_some()
        || log_names().iter().any(|known| known == name)
}

/// Every broker config that gives topics a default.
fn log_names() -> Vec<String> {
    let mut names: Vec<String> = OTHER_LOG_NAMES.iter().map(|&name| name.to_owned()).collect();
    for (name, ..) in TopicConfigs::catalogue() {
        names.extend([name.to_owned(), format!("log.{name}")]);
    }
    names.push("message.max.bytes".to_owned());
    // A value that no config can have: an error means that there is such a config.
    names.retain(|name| !matches!(TopicConfigs::set_default(&mut LogConfig::default(), name, ""), Ok(false)));
    names
}

fn server_config_names() -> Vec<String> {
    let tables = [BrokerConfig::catalogue(), GroupConfig::catalogue(), ControllerConfig::catalogue()];
    let mut names: Vec<String> = tables.into_iter().flatten().map(|(name, ..)| name.to_owned()).collect();
    names.extend(log_names());
    names
}

struct Check<'a> {
    scenario: &'a Scenario,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn expect(&mut self, fine: bool, path: impl FnOnce() -> Path, message: impl FnOnce() -> String) {
        if !fine {
            self.problems.push(Problem::new(path(), message()));
        }
    }

    /// What a cluster on ZooKeeper may not have.
    #[inline(never)]
    fn zookeeper(&mut self) {
        let cluster = &self.scenario.cluster;
        let Some(zookeeper) = &cluster.zookeeper else { return };
        let root = Path::default().key("cluster");
        let (controllers, features) = (cluster.controllers, cluster.features.is_empty());
        let (timeout, combined) = (zookeeper.session_timeout_ms, cluster.combined);
        let fine = zookeeper.tick_ms > 0 && timeout > 0 && zookeeper.max_in_flight > 0;
        let few = zookeeper.read_us.max(zookeeper.write_us) <= 1_000_000;
        self.expect(
            controllers == 1 && !combined,
            || root.key("controllers"),
            || "on ZooKeeper one of the brokers is the controller".into(),
        );
        self.expect(
            features,
            || root.key("features"),
            || "on ZooKeeper there are no levels of features".into(),
        );
        self.expect(
            fine && few,
            || root.key("zookeeper"),
            || "times and requests in flight are at least 1, an operation takes at most a second".into(),
        );
    }

    fn cluster(&mut self) {
        let root = Path::default().key("cluster");
        let brokers = self.scenario.cluster.brokers;
        self.expect(
            (1..=BROKERS_MAX).contains(&brokers),
            || root.key("brokers"),
            || format!("a cluster has 1 to {BROKERS_MAX} brokers, not {brokers}"),
        );
        let first = self.scenario.cluster.first_broker_id;
        self.expect(
            first <= 1,
            || root.key("first_broker_id"),
            || format!("brokers are numbered from 0 or 1, not {first}"),
        );
        let spare = self.scenario.cluster.spare_brokers;
        self.expect(
            spare == 0 || spare < brokers,
            || root.key("spare_brokers"),
            || format!("of {brokers} brokers at least one runs from the beginning"),
        );
        let controllers = self.scenario.cluster.controllers;
        self.expect(
            CONTROLLERS.contains(&controllers),
            || root.key("controllers"),
            || format!("a quorum has 1, 3 or 5 controllers, not {controllers}"),
        );
        let steady = brokers.saturating_sub(spare);
        self.expect(
            !self.scenario.cluster.combined || controllers <= steady,
            || root.key("combined"),
            || format!("{controllers} controllers are in {controllers} brokers' processes; {steady} run"),
        );
        self.zookeeper();
        for (name, level) in &self.scenario.cluster.features {
            self.expect(
                name == ELIGIBLE_LEADER_REPLICAS && (0..=1).contains(level),
                || root.key("features").key(name),
                || format!("expected {ELIGIBLE_LEADER_REPLICAS}, 0 or 1"),
            );
        }
        let epoch_ms = self.scenario.epoch_ms;
        self.expect(
            epoch_ms.is_none_or(|epoch_ms| (0..=EPOCH_MAX_MS).contains(&epoch_ms)),
            || Path::default().key("epoch_ms"),
            || format!("expected milliseconds since 1970, at most {EPOCH_MAX_MS}"),
        );
        let advertised = &self.scenario.cluster.advertised;
        for (index, text) in advertised.iter().enumerate() {
            let message = || format!("'{text}' is no address: expected host:port");
            let path = || root.key("advertised").index(index);
            self.expect(super::build::address(text).is_some(), path, message);
        }
        self.expect(
            advertised.is_empty() || advertised.len() as u64 == u64::from(brokers),
            || root.key("advertised"),
            || format!("{} addresses for {brokers} brokers", advertised.len()),
        );
        let racks = self.scenario.cluster.racks.len();
        self.expect(
            racks == 0 || racks as u64 == u64::from(brokers),
            || root.key("racks"),
            || format!("{racks} racks for {brokers} brokers"),
        );
        let (broker, _) = self.scenario.server_configs(&mut self.problems);
        let configs = root.key("configs");
        // Of a wrong number of brokers, enough was said.
        let brokers = brokers.clamp(1, BROKERS_MAX) as i32;
        let factor = i32::from(broker.default_replication_factor);
        self.expect(
            (1..=brokers).contains(&factor),
            || configs.key("default.replication.factor"),
            || too_many_replicas(factor, brokers),
        );
        let factor = i32::from(broker.group.offsets_topic_replication_factor);
        self.expect(
            self.scenario.groups.is_empty() || (1..=brokers).contains(&factor),
            || configs.key("offsets.topic.replication.factor"),
            || format!("{}; groups need __consumer_offsets", too_many_replicas(factor, brokers)),
        );
        let partitions = broker.group.offsets_topic_num_partitions;
        self.expect(
            partitions <= 1_000,
            || configs.key("offsets.topic.num.partitions"),
            || format!("at most 1000 here, not {partitions}"),
        );
    }

    fn delays(&mut self) {
        let (network, disk) = (self.scenario.network, self.scenario.disk);
        let at = |section: &str, name: &str| Path::default().key(section).key(name);
        for (value, section, name, least) in [
            (network.latency_ms, "network", "latency_ms", 0.001),
            (network.jitter_ms, "network", "jitter_ms", 0.0),
            (disk.flush_ms, "disk", "flush_ms", 0.001),
            (disk.writeback_ms.map(|ms| ms as f64), "disk", "writeback_ms", 1.0),
        ] {
            let fine = value.is_none_or(|ms| (least..=DELAY_MAX_MS).contains(&ms));
            self.expect(
                fine,
                || at(section, name),
                || format!("expected {least} to {DELAY_MAX_MS} milliseconds, found {}", value.unwrap_or(0.0)),
            );
        }
        self.expect(
            network.bytes_per_ms != Some(0),
            || at("network", "bytes_per_ms"),
            || "must be at least 1".into(),
        );
    }

    /// Every node has a name of its own.
    fn names(&mut self) {
        let mut taken = self.scenario.server_names();
        let mut groups = Set::new();
        for (index, group) in self.scenario.groups.iter().enumerate() {
            let path = Path::default().key("groups").index(index).key("id");
            let fine = groups.insert(group.id.clone());
            self.expect(fine, || path.clone(), || format!("two groups are called '{}'", group.id));
            self.expect(!group.id.is_empty(), || path.clone(), || "a group must have a name".into());
        }
        let total = self.scenario.groups.iter().map(|group| group.consumers.count()).sum::<u64>()
            + (self.scenario.producers.len() + self.scenario.consumers.len()) as u64;
        if total > CLIENTS_MAX {
            let message = format!("there may be {CLIENTS_MAX} clients, here are {total}");
            self.problems.push(Problem::new(Path::default(), message));
            return;
        }
        for (path, name) in self.scenario.client_names() {
            let known = taken.contains(&name);
            self.expect(!name.is_empty(), || path.clone(), || "a client must have a name".into());
            self.expect(name.len() <= 200, || path.clone(), || "a name has at most 200 bytes".into());
            self.expect(!known, || path, || format!("two nodes are called '{name}'"));
            taken.insert(name);
        }
    }

    fn topics(&mut self) {
        let (broker, _) = self.scenario.server_configs(&mut Vec::new());
        let mut names = Set::new();
        let mut replicas = 0_u64;
        for (index, topic) in self.scenario.topics.iter().enumerate() {
            let path = Path::default().key("topics").index(index);
            let name = &topic.name;
            self.expect(
                is_topic_name(name),
                || path.key("name"),
                || format!("'{name}' is no legal topic name: letters, digits, '.', '_' and '-'"),
            );
            let fresh = names.insert(name);
            self.expect(fresh, || path.key("name"), || format!("two topics are called '{name}'"));
            let (partitions, factor) = Scenario::shape(topic, &broker);
            let brokers = self.scenario.cluster.brokers as i32;
            self.expect(
                (1..=10_000).contains(&partitions),
                || path.key("partitions"),
                || format!("a topic has 1 to 10000 partitions, not {partitions}"),
            );
            self.expect(
                (1..=brokers).contains(&i32::from(factor)),
                || path.key("replication_factor"),
                || too_many_replicas(i32::from(factor), brokers),
            );
            self.assignments(topic, &path);
            self.topic_configs(&topic.configs, &path.key("configs"));
            replicas += partitions.max(0) as u64 * factor.max(0) as u64;
        }
        self.expect(
            replicas <= REPLICAS_MAX,
            || Path::default().key("topics"),
            || format!("there may be {REPLICAS_MAX} replicas in all, here are {replicas}"),
        );
    }

    fn assignments(&mut self, topic: &Topic, path: &Path) {
        let count = topic.assignments.len() as i64;
        if count == 0 {
            return;
        }
        let partitions = topic.partitions.map_or(count, i64::from);
        self.expect(
            partitions == count,
            || path.key("partitions"),
            || format!("{partitions} partitions, but assignments are given for {count}"),
        );
        let first = topic.assignments.first().map_or(0, Vec::len) as i64;
        let factor = topic.replication_factor.map_or(first, i64::from);
        for (index, replicas) in topic.assignments.iter().enumerate() {
            let path = path.key("assignments").index(index);
            self.replicas(replicas, &path);
            self.expect(
                replicas.len() as i64 == factor,
                || path.clone(),
                || format!("expected {factor} replicas, found {}", replicas.len()),
            );
        }
    }

    /// The brokers that have a partition.
    fn replicas(&mut self, replicas: &[i32], path: &Path) {
        let first = self.scenario.cluster.first_broker_id.min(1) as i32;
        let last = self.scenario.cluster.brokers as i32 + first - 1;
        let different: Set<i32> = replicas.iter().copied().collect();
        self.expect(!replicas.is_empty(), || path.clone(), || "expected at least one broker".into());
        self.expect(different.len() == replicas.len(), || path.clone(), || "a broker is named twice".into());
        for broker in different.into_iter().filter(|id| !(first..=last).contains(id)) {
            let message = format!("there is no broker {broker}: they are numbered from {first} to {last}");
            self.problems.push(Problem::new(path.clone(), message));
        }
    }

    fn topic_configs(&mut self, configs: &Settings, path: &Path) {
        for (name, value) in &configs.0 {
            self.topic_config(name, Some(&value.to_string()), &path.key(name));
        }
    }

    fn topic_config(&mut self, name: &str, value: Option<&str>, path: &Path) {
        let default = TopicConfigs::get(&LogConfig::default(), name);
        let outcome =
            TopicConfigs::set(&mut LogConfig::default(), name, value.or(default.as_deref()).unwrap_or(""));
        match outcome {
            Ok(true) => {}
            Ok(false) => {
                let hint = did_you_mean(name, TopicConfigs::catalogue().iter().map(|(name, ..)| *name));
                let message = format!("'{name}' is no topic config{hint}");
                self.problems.push(Problem::new(path.clone(), message));
            }
            Err(error) => self.problems.push(Problem::new(path.clone(), error.problem)),
        }
    }

    fn clients(&mut self) {
        for (index, producer) in self.scenario.producers.iter().enumerate() {
            let path = Path::default().key("producers").index(index);
            self.moment(producer.start_ms, || path.key("start_ms"));
            self.all(producer.configs.problems(), &path.key("configs"));
            if let Some(workload) = &producer.workload {
                self.all(workload.problems(), &path.key("workload"));
                self.workload_topics(workload, &path.key("workload"));
            }
            if let Some(data) = &producer.data {
                self.all(data.problems(), &path.key("data"));
                self.topic_used(&data.topic, None, || path.key("data").key("topic"));
            }
            self.expect(
                producer.workload.is_none() || producer.data.is_none(),
                || path.clone(),
                || "give a workload or data, not both".into(),
            );
        }
        for (index, group) in self.scenario.groups.iter().enumerate() {
            let path = Path::default().key("groups").index(index);
            let last = group.stagger_ms.saturating_mul(group.consumers.count());
            self.moment(group.start_ms.saturating_add(last), || path.key("start_ms"));
            self.expect(
                group.configs.group_id.as_deref().is_none_or(|id| id == group.id),
                || path.key("configs").key("group.id"),
                || format!("the group's id is '{}'", group.id),
            );
            self.expect(
                group.configs.group_instance_id.is_none() || group.consumers.count() <= 1,
                || path.key("configs").key("group.instance.id"),
                || "only one consumer can have it; with static_members each has its name".into(),
            );
            let config = ConsumerConfig { group_id: Some(group.id.as_str().into()), ..group.configs.clone() };
            self.consumer(&config, &group.app, &path);
        }
        for (index, consumer) in self.scenario.consumers.iter().enumerate() {
            let path = Path::default().key("consumers").index(index);
            self.moment(consumer.start_ms, || path.key("start_ms"));
            self.consumer(&consumer.configs, &consumer.app, &path);
        }
    }

    fn consumer(&mut self, config: &ConsumerConfig, app: &ConsumerApp, path: &Path) {
        self.all(config.problems(app), &path.key("configs"));
        let app_path = path.key("app");
        self.expect(
            !(app.topics.is_empty() && app.partitions.is_empty() && app.topic_regex.is_none()),
            || app_path.clone(),
            || "give topics or partitions to read".into(),
        );
        for (index, topic) in app.topics.iter().enumerate() {
            self.topic_used(topic, None, || app_path.key("topics").index(index));
        }
        for (index, at) in app.partitions.iter().enumerate() {
            let path = app_path.key("partitions").index(index);
            self.topic_used(&at.topic, Some(at.partition), || path);
        }
    }

    fn workload_topics(&mut self, workload: &Workload, path: &Path) {
        for (index, source) in workload.sources.iter().enumerate() {
            let path = path.key("sources").index(index);
            self.topic_used(&source.topic, source.partition, || path);
        }
        // Data replayed may be long: each topic once.
        let mut seen = Map::new();
        for (index, record) in workload.records.iter().enumerate() {
            seen.entry((&record.topic, record.partition)).or_insert(index);
        }
        for ((topic, partition), index) in seen {
            self.topic_used(topic, partition, || path.key("records").index(index));
        }
    }

    /// A topic that somebody reads or writes is there, or comes when asked for.
    fn topic_used(&mut self, name: &str, partition: Option<i32>, path: impl FnOnce() -> Path) {
        let (broker, _) = self.scenario.server_configs(&mut Vec::new());
        let created = self.scenario.script.iter().filter_map(|step| match &step.command {
            crate::sim::Command::CreateTopic { topic, partitions, .. } => Some((topic.as_str(), *partitions)),
            _ => None,
        });
        let topics = self.scenario.topics.iter();
        let mut known =
            topics.map(|topic| (topic.name.as_str(), Scenario::shape(topic, &broker).0)).chain(created);
        let found = known.find(|(known, _)| *known == name);
        let message = match (found, partition) {
            _ if !is_topic_name(name) => {
                format!("'{name}' is no legal topic name: letters, digits, '.', '_' and '-'")
            }
            (None, _) if broker.auto_create_topics => return,
            (None, _) => {
                let hint = did_you_mean(name, self.scenario.topics.iter().map(|topic| topic.name.as_str()));
                format!("there is no topic '{name}', and auto.create.topics.enable is false{hint}")
            }
            (Some((_, count)), Some(partition)) if !(0..count).contains(&partition) => {
                format!(
                    "topic '{name}' has no partition {partition}: they are numbered from 0 to {}",
                    count - 1
                )
            }
            (Some(_), _) => return,
        };
        self.problems.push(Problem::new(path(), message));
    }

    fn rest(&mut self) {
        for (index, name) in self.scenario.expect.iter().enumerate() {
            self.expect(
                Invariants::NAMES.contains(&name.as_str()),
                || Path::default().key("expect").index(index),
                || {
                    let hint = did_you_mean(name, Invariants::NAMES.into_iter());
                    let names = Invariants::NAMES.join(", ");
                    format!("no promise is called '{name}'{hint} (there are: {names})")
                },
            );
        }
        let look = &self.scenario.look;
        let path = Path::default().key("look");
        self.moment(look.at_ms, || path.key("at_ms"));
        self.moment(look.until_ms.unwrap_or(0), || path.key("until_ms"));
        let speed = look.speed.unwrap_or(1.0);
        self.expect(
            (0.000_01..=1_000.0).contains(&speed),
            || path.key("speed"),
            || format!("expected 0.00001 to 1000, found {speed}"),
        );
        if let Some(topic) = &look.topic {
            self.topic_used(topic, look.partition, || path.key("topic"));
        }
        self.expect(
            look.partition.is_none() || look.topic.is_some(),
            || path.key("partition"),
            || "give the topic, too".into(),
        );
    }

    fn moment(&mut self, ms: u64, path: impl FnOnce() -> Path) {
        self.expect(ms <= MOMENT_MAX_MS, path, || format!("{ms} ms are more than a year"));
    }

    fn all(&mut self, messages: Vec<String>, path: &Path) {
        self.problems.extend(messages.into_iter().map(|message| Problem::new(path.clone(), message)));
    }
}

fn too_many_replicas(factor: i32, brokers: i32) -> String {
    match factor {
        ..1 => format!("a partition has at least 1 replica, not {factor}"),
        _ => format!("{factor} replicas need {factor} brokers, and there are {brokers}"),
    }
}

fn is_topic_name(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    !matches!(name, "" | "." | "..") && name.len() <= 249 && name.bytes().all(legal)
}
