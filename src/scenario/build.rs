//! From a scenario to what a world is built from.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::{EPOCH_MS, Map, SimTime, ms};
use crate::client::{ConsumerApp, ConsumerConfig, ProducerConfig, Workload};
use crate::scenario::{Path, Problem, Scenario, ScenarioError};
use crate::sim::{ClientKind, ClientSetup, ClusterSetup, DiskSetup, NetworkSetup, Setup, TopicSetup};

/// Files that a scenario names, by the names that it uses.
pub type Files = Map<String, Bytes>;

impl Scenario {
    /// What a world is built from, with this seed or the scenario's own. `files` has the
    /// contents of those that [`Scenario::files`] names.
    ///
    /// # Errors
    /// Everything that is wrong with the scenario, and with its data.
    pub fn build(&self, seed: Option<u64>, files: &Files) -> Result<Setup, ScenarioError> {
        let problems = self.problems();
        if problems.is_empty() { self.build_checked(seed, files) } else { Err(ScenarioError { problems }) }
    }

    /// The same of a scenario that was read from the gallery, or by [`Scenario::parse`], and not
    /// changed since: both have checked that it makes sense.
    ///
    /// # Errors
    /// Everything that is wrong with its data.
    pub fn build_checked(&self, seed: Option<u64>, files: &Files) -> Result<Setup, ScenarioError> {
        let mut problems = Vec::new();
        let (broker, mut controller) = self.server_configs(&mut problems);
        let features = self.cluster.features.iter();
        controller.features.extend(features.map(|(name, level)| (name.clone(), *level)));
        let topics = self.topics.iter().map(|topic| {
            let (partitions, replication_factor) = Scenario::shape(topic, &broker);
            TopicSetup {
                name: topic.name.clone(),
                partitions,
                replication_factor,
                configs: topic.configs.texts(),
                assignments: topic.assignments.clone(),
            }
        });
        let setup = Setup {
            name: self.title.clone(),
            seed: seed.unwrap_or(self.seed),
            epoch_ms: self.epoch_ms.unwrap_or(EPOCH_MS),
            network: self.network_setup(),
            disk: self.disk_setup(),
            cluster: ClusterSetup {
                brokers: self.cluster.brokers,
                first_broker_id: self.cluster.first_broker_id,
                spare_brokers: self.cluster.spare_brokers,
                advertised: self.cluster.advertised.iter().filter_map(|text| address(text)).collect(),
                racks: self.cluster.racks.iter().map(|rack| rack.as_str().into()).collect(),
                topics: topics.collect(),
                config: Arc::new(broker),
                controllers: self.cluster.controllers,
                combined: self.cluster.combined,
                zookeeper: self.cluster.zookeeper.clone().map(Arc::new),
                controller: Arc::new(controller),
            },
            clients: self.clients(files, &mut problems),
            inputs: self.session.inputs.clone(),
            script: self.script.iter().map(|step| (at(step.at_ms), step.command.clone())).collect(),
            expect: self.expect.clone(),
        };
        if problems.is_empty() { Ok(setup) } else { Err(ScenarioError { problems }) }
    }

    /// The files whose contents it needs.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.producers.iter().filter_map(|producer| producer.data.as_ref()).map(|data| data.file.as_str())
    }

    fn network_setup(&self) -> NetworkSetup {
        let usual = NetworkSetup::default();
        NetworkSetup {
            latency_us: self.network.latency_ms.map_or(usual.latency_us, us),
            jitter_us: self.network.jitter_ms.map_or(usual.jitter_us, us),
            bytes_per_ms: self.network.bytes_per_ms.unwrap_or(usual.bytes_per_ms),
        }
    }

    fn disk_setup(&self) -> DiskSetup {
        let usual = DiskSetup::default();
        DiskSetup {
            flush_us: self.disk.flush_ms.map_or(usual.flush_us, us),
            writeback_us: self.disk.writeback_ms.map_or(usual.writeback_us, ms),
        }
    }

    fn clients(&self, files: &Files, problems: &mut Vec<Problem>) -> Vec<ClientSetup> {
        let mut clients = Vec::new();
        for (index, producer) in self.producers.iter().enumerate() {
            let workload = match (&producer.workload, &producer.data) {
                (Some(workload), _) => workload.clone(),
                (None, None) => Workload::default(),
                (None, Some(data)) => {
                    let found = match files.get(&data.file) {
                        Some(bytes) => data.workload(bytes).map_err(|error| error.to_string()),
                        None => Err("the file is not here".to_owned()),
                    };
                    found.unwrap_or_else(|message| {
                        let path = Path::default().key("producers").index(index).key("data").key("file");
                        problems.push(Problem::new(path, format!("{}: {message}", data.file)));
                        Workload::default()
                    })
                }
            };
            let mut config = producer.configs.clone();
            name_client(&mut config.client_id, &producer.name);
            clients.push(self.producer(&producer.name, producer.start_ms, config, workload));
        }
        for group in &self.groups {
            let config = ConsumerConfig { group_id: Some(group.id.as_str().into()), ..group.configs.clone() };
            let mut start_ms = group.start_ms;
            for name in group.consumers.names(&group.id) {
                let mut config = config.clone();
                if group.static_members {
                    config.group_instance_id = Some(name.as_str().into());
                }
                clients.push(consumer(&name, start_ms, config, &group.app));
                start_ms = start_ms.saturating_add(group.stagger_ms);
            }
        }
        for reader in &self.consumers {
            clients.push(consumer(&reader.name, reader.start_ms, reader.configs.clone(), &reader.app));
        }
        clients
    }

    fn producer(&self, name: &str, start_ms: u64, config: ProducerConfig, workload: Workload) -> ClientSetup {
        let kind = ClientKind::Producer(Arc::new(config), Arc::new(workload));
        ClientSetup { name: name.to_owned(), start: at(start_ms), kind }
    }
}

fn consumer(name: &str, start_ms: u64, mut config: ConsumerConfig, app: &ConsumerApp) -> ClientSetup {
    name_client(&mut config.client_id, name);
    let kind = ClientKind::Consumer(Arc::new(config), Arc::new(app.clone()));
    ClientSetup { name: name.to_owned(), start: at(start_ms), kind }
}

fn name_client(client_id: &mut Arc<str>, name: &str) {
    if client_id.is_empty() {
        *client_id = name.into();
    }
}

/// `localhost:9092`, `[::1]:9092`.
pub(super) fn address(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let whole = !host.is_empty() && !host.contains(['/', ' ']);
    whole.then_some(())?;
    Some((host.to_owned(), port.parse().ok().filter(|port| *port > 0)?))
}

fn at(at_ms: u64) -> SimTime {
    SimTime(ms(at_ms))
}

/// Milliseconds with a fraction to whole microseconds.
fn us(ms: f64) -> u64 {
    (ms * 1_000.0).round() as u64
}
