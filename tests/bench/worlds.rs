//! Worlds to measure, the same natively and in wasm: three brokers, a topic of four partitions on
//! all of them, one producer with `acks=all`, a group of two.

use std::sync::Arc;

use terrarium::base::SimTime;
use terrarium::broker::BrokerConfig;
use terrarium::client::consumer::{ConsumerApp, ConsumerConfig};
use terrarium::client::{ProducerConfig, Workload};
use terrarium::controller::ControllerConfig;
use terrarium::sim::{
    ClientKind, ClientSetup, ClusterSetup, Command, DiskSetup, NetworkSetup, Run, Setup, TopicSetup, World,
};

/// A record every other millisecond; a broker that leads is killed and comes back.
pub(crate) fn loaded() -> Arc<Setup> {
    let script = vec![
        (seconds(6), Command::Kill { node: "broker-1".into() }),
        (seconds(9), Command::Restart { node: "broker-1".into() }),
    ];
    Arc::new(Setup { script, clients: clients(), ..cluster() })
}

/// Brokers and controller alone with one another.
pub(crate) fn idle() -> Arc<Setup> {
    Arc::new(cluster())
}

/// How long the loaded world is played: through the fault and back to calm.
pub(crate) fn until() -> SimTime {
    seconds(12)
}

/// The world played on until `until`; how many steps that took. Nobody keeps the trace.
pub(crate) fn play(world: &mut World, until: SimTime) -> u64 {
    let mut trace = Vec::new();
    let before = world.steps();
    while world.next_at().is_some_and(|at| at <= until) && world.step(&mut trace) {
        trace.clear();
    }
    world.steps() - before
}

/// The run played on until there are so many trace entries.
pub(crate) fn play_to(run: &mut Run, entries: u64) {
    while run.world().entries() < entries && run.play_until(SimTime(u64::MAX), 100) > 0 {}
}

pub(crate) fn seconds(n: u64) -> SimTime {
    SimTime(n * 1_000_000)
}

fn cluster() -> Setup {
    let mut config = BrokerConfig::default();
    for (name, value) in [
        ("offsets.topic.num.partitions", "3"),
        ("min.insync.replicas", "2"),
        ("group.initial.rebalance.delay.ms", "500"),
    ] {
        config.set_any(name, value).expect("a config of Kafka's");
    }
    let mut controller = ControllerConfig::default();
    Arc::make_mut(&mut controller.log).min_insync_replicas = 2;
    Setup {
        name: "bench".into(),
        seed: 1,
        epoch_ms: terrarium::base::EPOCH_MS,
        network: NetworkSetup::default(),
        disk: DiskSetup::default(),
        cluster: ClusterSetup {
            racks: Vec::new(),
            brokers: 3,
            first_broker_id: 1,
            spare_brokers: 0,
            config: Arc::new(config),
            controllers: 1,
            combined: false,
            zookeeper: None,
            controller: Arc::new(controller),
            advertised: Vec::new(),
            topics: vec![TopicSetup {
                name: "orders".into(),
                partitions: 4,
                replication_factor: 3,
                configs: Default::default(),
                assignments: vec![vec![1, 2, 3], vec![2, 3, 1], vec![3, 1, 2], vec![1, 3, 2]],
            }],
        },
        clients: Vec::new(),
        script: Vec::new(),
        inputs: Vec::new(),
        expect: Vec::new(),
    }
}

fn clients() -> Vec<ClientSetup> {
    let workload: Workload = parsed(
        r#"{"sources":[{"topic":"orders","every_ms":2,"count":1000000,"keys":["N","S","E","W"],"value":"order {n}"}]}"#,
    );
    let producer: ProducerConfig = parsed(r#"{"acks":"all"}"#);
    let consumer: ConsumerConfig = parsed(r#"{"group.id":"billing","auto.offset.reset":"earliest"}"#);
    let app: ConsumerApp = parsed(r#"{"topics":["orders"]}"#);
    let (consumer, app) = (Arc::new(consumer), Arc::new(app));
    let shop = ClientKind::Producer(Arc::new(producer), Arc::new(workload));
    let billing = ClientKind::Consumer(consumer, app);
    [("shop", shop), ("billing-1", billing.clone()), ("billing-2", billing)]
        .map(|(name, kind)| ClientSetup { name: name.into(), start: seconds(1), kind })
        .into()
}

fn parsed<T: serde::de::DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).expect("written here")
}
