//! Worlds for the tests of this folder: three brokers, one topic, one producer, one group.

use std::sync::Arc;

use terrarium::base::{EPOCH_MS, SimTime};
use terrarium::broker::BrokerConfig;
use terrarium::client::consumer::{ConsumerApp, ConsumerConfig};
use terrarium::client::{ProducerConfig, Workload};
use terrarium::controller::ControllerConfig;
use terrarium::metadata::{ELIGIBLE_LEADER_REPLICAS, Properties};
use terrarium::sim::{
    ClientKind, ClientSetup, ClusterSetup, Command, DiskSetup, NetworkSetup, Run, Setup, TopicSetup,
};

/// What differs from test to test.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) controllers: u32,
    pub(crate) combined: bool,
    pub(crate) zookeeper: bool,
    /// Their configs.
    pub(crate) controller: &'static [(&'static str, &'static str)],
    /// Whether replicas out of sync can be eligible leaders.
    pub(crate) eligible: bool,
    /// When clients start.
    pub(crate) start_s: u64,
    pub(crate) producer: &'static str,
    pub(crate) every_ms: u64,
    pub(crate) count: u64,
    pub(crate) consumers: u32,
    pub(crate) script: Vec<(u64, Command)>,
    pub(crate) expect: Vec<String>,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            seed: 1,
            controllers: 1,
            combined: false,
            zookeeper: false,
            controller: &[],
            eligible: true,
            start_s: 1,
            producer: "{}",
            every_ms: 20,
            count: 200,
            consumers: 2,
            script: Vec::new(),
            expect: Vec::new(),
        }
    }
}

pub(crate) fn seconds(n: u64) -> SimTime {
    SimTime(n * 1_000_000)
}

pub(crate) fn kill(node: &str) -> Command {
    Command::Kill { node: node.into() }
}

pub(crate) fn restart(node: &str) -> Command {
    Command::Restart { node: node.into() }
}

pub(crate) fn setup(plan: &Plan) -> Arc<Setup> {
    let mut config = BrokerConfig::default();
    for (name, value) in [
        ("offsets.topic.num.partitions", "3"),
        ("min.insync.replicas", "2"),
        ("group.initial.rebalance.delay.ms", "500"),
    ] {
        config.set_any(name, value).unwrap();
    }
    let mut controller = ControllerConfig::default();
    for (name, value) in plan.controller {
        assert!(controller.set(name, value).unwrap(), "{name}");
    }
    Arc::make_mut(&mut controller.log).min_insync_replicas = 2;
    controller.features.insert(ELIGIBLE_LEADER_REPLICAS.to_owned(), i16::from(plan.eligible));
    let workload = format!(
        r#"{{"sources":[{{"topic":"orders","every_ms":{},"count":{},"keys":["N","S","E","W"],"value":"order {{n}}"}}]}}"#,
        plan.every_ms, plan.count
    );
    let workload: Workload = serde_json::from_str(&workload).unwrap();
    let producer: ProducerConfig = serde_json::from_str(plan.producer).unwrap();
    let consumer: ConsumerConfig =
        serde_json::from_str(r#"{"group.id":"billing","auto.offset.reset":"earliest"}"#).unwrap();
    let app: ConsumerApp = serde_json::from_str(r#"{"topics":["orders"]}"#).unwrap();
    let (consumer, app) = (Arc::new(consumer), Arc::new(app));
    let mut clients = vec![ClientSetup {
        name: "shop".into(),
        start: seconds(plan.start_s),
        kind: ClientKind::Producer(Arc::new(producer), Arc::new(workload)),
    }];
    clients.extend((1..=plan.consumers).map(|n| ClientSetup {
        name: format!("billing-{n}"),
        start: seconds(plan.start_s),
        kind: ClientKind::Consumer(Arc::clone(&consumer), Arc::clone(&app)),
    }));
    Arc::new(Setup {
        name: "test".into(),
        seed: plan.seed,
        epoch_ms: EPOCH_MS,
        network: NetworkSetup::default(),
        disk: DiskSetup::default(),
        cluster: ClusterSetup {
            brokers: 3,
            racks: Vec::new(),
            first_broker_id: 1,
            spare_brokers: 0,
            advertised: Vec::new(),
            config: Arc::new(config),
            controllers: plan.controllers,
            combined: plan.combined,
            zookeeper: plan.zookeeper.then(Default::default),
            controller: Arc::new(controller),
            topics: vec![TopicSetup {
                name: "orders".into(),
                partitions: 2,
                replication_factor: 3,
                configs: Default::default(),
                assignments: vec![vec![1, 2, 3], vec![2, 3, 1]],
            }],
        },
        clients,
        inputs: Vec::new(),
        script: plan.script.iter().map(|(ms, command)| (SimTime(ms * 1_000), command.clone())).collect(),
        expect: plan.expect.clone(),
    })
}

/// The run of this plan, played until `until`.
pub(crate) fn play(plan: &Plan, until: SimTime) -> Run {
    let mut run = Run::new(setup(plan));
    run.play_until(until, u64::MAX);
    run
}
