//! What a seed stands for: a cluster, its topics and clients, and what is done to them.

use crate::assignor::AssignorKind;
use crate::base::Rng;
use crate::client::consumer::{CommitMode, GroupProtocol, OffsetReset};
use crate::client::producer::{Acks, CompressionType};
use crate::client::workload::{KeyChoice, Keys, NumberedKeys, Source};
use crate::client::{ConsumerApp, ConsumerConfig, ProducerConfig, Workload};
use crate::metadata::ELIGIBLE_LEADER_REPLICAS;
use crate::scenario::{
    Cluster, Disk, Group, Look, Members, Network, Producer, Scenario, ScriptStep, Session, Setting, Settings,
    Topic,
};
use crate::sim::Command;

use super::Profile;
use super::draw::{one_of, scale};
use super::faults;

/// Producers begin here, in milliseconds.
pub(super) const BEGIN_MS: u64 = 2_000;
/// The last fault is mended here; producers have ended long before.
pub(super) const MENDED_MS: u64 = 26_000;
/// The run ends here: time enough for everything to settle.
pub(super) const END_MS: u64 = 60_000;

/// The scenario of a seed. The cluster and its load depend on the seed alone; the profile decides
/// what happens to them.
pub fn scenario(seed: u64, profile: Profile) -> Scenario {
    let mut rng = Rng::stream(seed, "sweep: cluster");
    let mut cluster = cluster(&mut rng);
    quorum(&mut Rng::stream(seed, "sweep: quorum"), &mut cluster);
    snapshots(&mut Rng::stream(seed, "sweep: snapshots"), &mut cluster);
    if cluster.controllers <= cluster.brokers {
        cluster.combined = Rng::stream(seed, "sweep: roles").chance(1, 5);
    }
    if Rng::stream(seed, "sweep: features").chance(1, 4) {
        cluster.features.insert(ELIGIBLE_LEADER_REPLICAS.to_owned(), 0);
    }
    let brokers = cluster.brokers;
    let mut rng = Rng::stream(seed, "sweep: topics");
    let topics: Vec<Topic> = (0..rng.between(1, 3)).map(|n| topic(&mut rng, n, brokers)).collect();
    let mut rng = Rng::stream(seed, "sweep: clients");
    let producers = (1..=rng.between(1, 3)).map(|n| producer(&mut rng, n, &topics)).collect();
    let mut groups: Vec<Group> = (1..=rng.below(4)).map(|n| group(&mut rng, n, &topics)).collect();
    share(&mut Rng::stream(seed, "sweep: shares"), &mut cluster, &mut groups);
    let mut rng = Rng::stream(seed, "sweep: delays");
    let (network, disk) = delays(&mut rng);
    let mut scenario = Scenario {
        schema: None,
        title: format!("Sweep: {}, seed {seed}", profile.name()),
        description: String::new(),
        seed,
        epoch_ms: None,
        cluster,
        network,
        disk,
        topics,
        producers,
        groups,
        consumers: Vec::new(),
        script: Vec::new(),
        expect: Vec::new(),
        compare: Vec::new(),
        look: Look { until_ms: Some(END_MS), ..Look::default() },
        session: Session::default(),
    };
    let mut script = chores(&mut Rng::stream(seed, "sweep: chores"), &scenario);
    script.extend(faults::script(seed, profile, &scenario));
    script.sort_by_key(|step| step.at_ms);
    scenario.script = script;
    scenario
}

fn number(value: u64) -> Setting {
    Setting::Number(value as i64)
}

fn text(value: &str) -> Setting {
    Setting::Text(value.to_owned())
}

fn settings<const N: usize>(list: [(&str, Setting); N]) -> Settings {
    Settings(list.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn cluster(rng: &mut Rng) -> Cluster {
    let brokers = *one_of(rng, &[1, 2, 3, 3, 3, 3, 4, 5]);
    let session_ms = rng.between(3_000, 9_000);
    let configs = settings([
        ("auto.create.topics.enable", Setting::Flag(false)),
        ("broker.heartbeat.interval.ms", number(session_ms / rng.between(3, 5))),
        ("broker.session.timeout.ms", number(session_ms)),
        ("group.consumer.heartbeat.interval.ms", number(rng.between(500, 3_000))),
        ("group.consumer.session.timeout.ms", number(rng.between(5_000, 10_000))),
        ("group.initial.rebalance.delay.ms", number(rng.below(1_500))),
        ("log.cleaner.backoff.ms", number(rng.between(500, 5_000))),
        ("log.initial.task.delay.ms", number(rng.between(1_000, 10_000))),
        ("log.retention.check.interval.ms", number(rng.between(1_000, 10_000))),
        ("offsets.topic.num.partitions", number(rng.between(1, 3))),
        ("offsets.topic.replication.factor", number(brokers.min(3))),
        ("replica.fetch.backoff.ms", number(rng.between(100, 1_000))),
        ("replica.high.watermark.checkpoint.interval.ms", number(scale(rng, 500, 5_000))),
        ("replica.lag.time.max.ms", number(rng.between(2_000, 10_000))),
        ("replica.socket.timeout.ms", number(rng.between(2_000, 10_000))),
    ]);
    Cluster { brokers: brokers as u32, configs, ..Cluster::default() }
}

/// One cluster in three is led by several controllers.
fn quorum(rng: &mut Rng, cluster: &mut Cluster) {
    if !rng.chance(1, 3) {
        return;
    }
    cluster.controllers = *one_of(rng, &[3, 3, 3, 5]);
    // A fetch may wait half a second at the leader.
    let fetch_ms = rng.between(1_000, 2_500);
    let configs = settings([
        ("controller.quorum.election.backoff.max.ms", number(scale(rng, 50, 1_000))),
        ("controller.quorum.election.timeout.ms", number(scale(rng, 100, 1_000))),
        ("controller.quorum.fetch.timeout.ms", number(fetch_ms)),
        ("controller.quorum.request.timeout.ms", number(fetch_ms)),
    ]);
    cluster.configs.0.extend(configs.0);
}

/// One cluster in four makes snapshots of its metadata, and keeps little else.
fn snapshots(rng: &mut Rng, cluster: &mut Cluster) {
    if rng.chance(1, 4) {
        let configs = settings([
            ("metadata.log.max.record.bytes.between.snapshots", number(scale(rng, 400, 12_800))),
            ("metadata.log.max.snapshot.interval.ms", number(scale(rng, 1_000, 16_000))),
            ("metadata.max.retention.bytes", number(scale(rng, 500, 16_000))),
        ]);
        cluster.configs.0.extend(configs.0);
    }
}

/// Now and then a group is a queue.
fn share(rng: &mut Rng, cluster: &mut Cluster, groups: &mut [Group]) {
    let mut any = false;
    for group in groups {
        if rng.chance(1, 8) {
            any = true;
            group.configs.group_protocol = GroupProtocol::Share;
            group.static_members = false;
            group.app.commit = CommitMode::Auto;
            group.app.commit_on_revoke = false;
        }
    }
    if any {
        let configs = settings([
            ("share.coordinator.state.topic.num.partitions", number(rng.between(1, 3))),
            ("share.coordinator.state.topic.replication.factor", number(cluster.brokers.min(3).into())),
        ]);
        cluster.configs.0.extend(configs.0);
    }
}

fn delays(rng: &mut Rng) -> (Network, Disk) {
    // Whole halves of a millisecond: what a file says is what was drawn.
    let halves = |n: u64| Some(n as f64 / 2.0);
    let latency = scale(rng, 1, 20);
    let network = Network {
        latency_ms: halves(latency),
        jitter_ms: halves(rng.below(latency + 1)),
        bytes_per_ms: None,
    };
    let disk = Disk { flush_ms: halves(scale(rng, 1, 20)), writeback_ms: Some(scale(rng, 200, 30_000)) };
    (network, disk)
}

fn topic(rng: &mut Rng, n: u64, brokers: u32) -> Topic {
    let name = ["orders", "clicks", "riders"][n as usize % 3];
    let most = u64::from(brokers.min(3));
    let factor = if rng.chance(3, 4) { most } else { rng.between(1, most) };
    let mut configs = settings([
        ("index.interval.bytes", number(scale(rng, 64, 4_096))),
        ("segment.bytes", number(scale(rng, 2_048, 1 << 20))),
    ]);
    let mut set = |name: &str, value: Setting| drop(configs.0.insert(name.to_owned(), value));
    if rng.chance(2, 3) {
        set("min.insync.replicas", number(rng.between(1, factor)));
    }
    match rng.below(6) {
        0 => {
            set("cleanup.policy", text("compact"));
            set("min.cleanable.dirty.ratio", text(["0.1", "0.5"][rng.below(2) as usize]));
            set("delete.retention.ms", number(rng.between(100, 5_000)));
            set("segment.ms", number(rng.between(1_000, 8_000)));
        }
        1 => {
            set("retention.ms", number(rng.between(5_000, 30_000)));
            set("segment.ms", number(rng.between(500, 8_000)));
        }
        2 => set("retention.bytes", number(scale(rng, 4_096, 1 << 17))),
        _ => {}
    }
    if rng.chance(1, 8) {
        set("flush.messages", number(rng.between(1, 20)));
    }
    if rng.chance(1, 6) {
        set("compression.type", text(["gzip", "snappy", "lz4", "uncompressed"][rng.below(4) as usize]));
    }
    if rng.chance(1, 8) {
        set("message.timestamp.type", text("LogAppendTime"));
    }
    Topic {
        name: name.to_owned(),
        partitions: Some(rng.between(1, 4) as i32),
        replication_factor: Some(factor as i16),
        configs,
        assignments: Vec::new(),
    }
}

fn producer(rng: &mut Rng, n: u64, topics: &[Topic]) -> Producer {
    let (acks, enable_idempotence) = match rng.below(8) {
        0 => (Acks::None, false),
        1 => (Acks::Leader, false),
        2 | 3 => (Acks::All, false),
        _ => (Acks::All, true),
    };
    let request_timeout_ms = rng.between(1_500, 8_000);
    let linger_ms = rng.below(60);
    let configs = ProducerConfig {
        acks,
        enable_idempotence,
        linger_ms,
        request_timeout_ms,
        batch_size: scale(rng, 100, 16_384) as u32,
        max_in_flight: rng.between(1, 5) as u32,
        delivery_timeout_ms: request_timeout_ms + linger_ms + scale(rng, 1_000, 60_000),
        metadata_max_age_ms: scale(rng, 2_000, 300_000),
        compression_type: *one_of(
            rng,
            &[CompressionType::None, CompressionType::None, CompressionType::Lz4, CompressionType::Snappy],
        ),
        ..ProducerConfig::default()
    };
    let sources = (0..rng.between(1, 2)).map(|_| source(rng, topics)).collect();
    Producer {
        name: format!("producer-{n}"),
        start_ms: BEGIN_MS + rng.below(2_000),
        configs,
        workload: Some(Workload { sources, ..Workload::default() }),
        data: None,
    }
}

fn is_compacted(topic: &Topic) -> bool {
    topic.configs.0.contains_key("cleanup.policy")
}

fn source(rng: &mut Rng, topics: &[Topic]) -> Source {
    let topic = one_of(rng, topics);
    let every_ms = scale(rng, 10, 300);
    let last_ms = rng.between(6_000, 18_000);
    let distinct = match rng.below(3) {
        0 if !is_compacted(topic) => None,
        _ => Some(rng.between(1, 40)),
    };
    let keys = match rng.below(4) {
        0 if !is_compacted(topic) => None,
        1 => Some(Keys::List(["north", "south", "west"].map(|key| KeyChoice::Key(key.to_owned())).into())),
        _ => Some(Keys::Numbered(NumberedKeys { pattern: "key {n}".to_owned(), distinct })),
    };
    Source {
        topic: topic.name.as_str().into(),
        every_ms: Some(every_ms),
        count: Some(last_ms / every_ms),
        burst: scale(rng, 1, 8) as u32,
        jitter_percent: rng.below(60) as u32,
        keys,
        value: Some(format!("{{n}} {}", "x".repeat(scale(rng, 1, 200) as usize))),
        await_each: rng.chance(1, 8),
        ..Source::default()
    }
}

fn group(rng: &mut Rng, n: u64, topics: &[Topic]) -> Group {
    let group_protocol = *one_of(rng, &[GroupProtocol::Classic, GroupProtocol::Consumer]);
    let strategy = match rng.below(5) {
        0 => vec![AssignorKind::Range],
        1 => vec![AssignorKind::RoundRobin],
        2 => vec![AssignorKind::Sticky],
        3 => vec![AssignorKind::CooperativeSticky],
        _ => vec![AssignorKind::Range, AssignorKind::CooperativeSticky],
    };
    let heartbeat_interval_ms = rng.between(500, 2_000);
    let configs = ConsumerConfig {
        group_protocol,
        partition_assignment_strategy: strategy,
        heartbeat_interval_ms,
        session_timeout_ms: rng.between(6_000, 9_000) as i32,
        max_poll_interval_ms: rng.between(5_000, 15_000) as i32,
        max_poll_records: scale(rng, 1, 500) as u32,
        auto_offset_reset: OffsetReset::Earliest,
        auto_commit_interval_ms: scale(rng, 100, 5_000),
        request_timeout_ms: rng.between(2_000, 8_000),
        default_api_timeout_ms: rng.between(3_000, 20_000),
        metadata_max_age_ms: scale(rng, 1_000, 60_000),
        max_partition_fetch_bytes: scale(rng, 1_024, 1 << 20) as i32,
        ..ConsumerConfig::default()
    };
    let first = rng.below(topics.len() as u64) as usize;
    let count = rng.between(1, (topics.len() - first) as u64) as usize;
    let app = ConsumerApp {
        topics: topics[first..first + count].iter().map(|topic| topic.name.as_str().into()).collect(),
        process_ms: *one_of(rng, &[0, 0, 1, 5]),
        commit: *one_of(
            rng,
            &[CommitMode::Auto, CommitMode::Auto, CommitMode::AfterEachPoll, CommitMode::AfterEachRecord],
        ),
        commit_on_revoke: rng.chance(1, 3),
        ..ConsumerApp::default()
    };
    Group {
        id: format!("group-{n}"),
        consumers: Members::Count(rng.between(1, 4) as u32),
        start_ms: BEGIN_MS + rng.below(4_000),
        stagger_ms: rng.below(1_500),
        static_members: rng.chance(1, 4),
        configs,
        app,
    }
}

/// What operators and deployments do on a quiet day.
fn chores(rng: &mut Rng, scenario: &Scenario) -> Vec<ScriptStep> {
    let mut steps = Vec::new();
    let mut partitions: Vec<i32> =
        scenario.topics.iter().map(|topic| topic.partitions.unwrap_or(1)).collect();
    for _ in 0..rng.below(5) {
        let at_ms = rng.between(5_000, 20_000);
        let which = rng.below(scenario.topics.len() as u64) as usize;
        let topic = scenario.topics[which].name.clone();
        let group = scenario.groups.get(rng.below(3) as usize);
        let mut then = |at_ms, command| steps.push(ScriptStep { at_ms, command });
        match (rng.below(6), group) {
            (0, _) => {
                partitions[which] += rng.between(1, 2) as i32;
                then(at_ms, Command::AddPartitions { topic, partitions: partitions[which] });
            }
            (1, _) => {
                let value = Some(scale(rng, 2_048, 1 << 18).to_string());
                then(at_ms, Command::SetConfig { topic, name: "segment.bytes".to_owned(), value });
            }
            (5, _) if rng.chance(1, 2) => then(at_ms, Command::DeleteTopic { topic }),
            (2, Some(group)) => {
                let name = Some(format!("{}-late-{at_ms}", group.id));
                then(at_ms, Command::AddConsumer { group: group.id.clone(), name });
            }
            (_, Some(group)) => {
                let names = group.consumers.names(&group.id);
                let node = one_of(rng, &names).clone();
                then(at_ms, Command::Stop { node: node.clone(), membership: Default::default() });
                if rng.chance(3, 4) {
                    then(at_ms + rng.between(500, 6_000), Command::Restart { node });
                }
            }
            _ => {}
        }
    }
    steps
}
