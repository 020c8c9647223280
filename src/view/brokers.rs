//! The cluster by broker: who leads and follows what, what lies on the disks, how far everybody has
//! come in the metadata log, and the controllers' quorum that writes it.

use crate::base::{NodeId, sort_by_key};
use crate::broker::Partition;
use crate::metadata::CLUSTER_METADATA_TOPIC;
use crate::protocol::TopicPartition;
use crate::sim::{CONTROLLER, Health, Slot, World};
use crate::storage::{FetchIsolation, UnifiedLog};
use crate::view::actions::broken;
use crate::view::inspector::{is_idle, log_records};
use crate::view::words::Names;
use crate::view::zookeeper::{Registry, registry};

/// The metadata log is shown so many offsets back.
const TAPE: i64 = 40;
/// So many of its records are listed.
const RECORDS: usize = 12;

/// All of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ByBroker {
    /// Brokers by rack; those without one first.
    pub racks: Vec<RackView>,
    /// The controllers and their log.
    pub quorum: QuorumView,
    /// ZooKeeper in their place.
    pub registry: Option<Registry>,
}

/// The brokers of a rack.
#[derive(Clone, Debug, PartialEq)]
pub struct RackView {
    /// Its name, if brokers say one.
    pub name: Option<String>,
    /// Its brokers by id.
    pub brokers: Vec<BrokerView>,
}

/// A broker.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokerView {
    /// Its node.
    pub node: NodeId,
    /// `Broker 1`.
    pub title: String,
    /// How it is, in words.
    pub state: String,
    /// Its process is dead.
    pub gone: bool,
    /// How many partitions it leads, follows in sync, and follows out of sync.
    pub roles: [u32; 3],
    /// Bytes of all its logs.
    pub disk_bytes: u64,
    /// Of those, what only its page cache has.
    pub dirty_bytes: u64,
    /// What is broken about its machine.
    pub broken: Vec<(String, String)>,
    /// Up to which offset of the metadata log its image goes, and how far that is behind what the
    /// controllers have committed. A dead process has none, nor has one on ZooKeeper.
    pub metadata: Option<(i64, i64)>,
    /// Its replicas; those that it leads first.
    pub replicas: Vec<ReplicaView>,
}

/// A replica.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaView {
    /// Of which partition.
    pub at: TopicPartition,
    /// `leader`, `in sync`, `out of sync`, or `down` like its broker.
    pub role: &'static str,
    /// Whether it leads.
    pub leads: bool,
    /// Leader epoch, as the broker knows it.
    pub epoch: i32,
    /// How far it knows its records to be committed.
    pub high_watermark: i64,
    /// Where its log ends.
    pub log_end: i64,
    /// By how many records it ends before its leader's log.
    pub behind: i64,
    /// Bytes of its log.
    pub size_bytes: u64,
    /// Of those, what only the page cache has.
    pub dirty_bytes: u64,
}

/// The controllers and their log.
#[derive(Clone, Debug, PartialEq)]
pub struct QuorumView {
    /// Who leads: `controller 2`; nobody while there is none.
    pub leader: Option<String>,
    /// The highest epoch that any voter is in.
    pub epoch: i32,
    /// Where the longest log ends.
    pub log_end: i64,
    /// What is committed, as the voter says that knows most.
    pub high_watermark: i64,
    /// The first offset of the tapes.
    pub from: i64,
    /// The voters, and the brokers as observers.
    pub tapes: Vec<TapeView>,
    /// The log's last records that say something, the newest first.
    pub records: Vec<MetadataRecordView>,
    /// Whose log that is.
    pub reader: Option<NodeId>,
}

/// How far somebody has come in the metadata log.
#[derive(Clone, Debug, PartialEq)]
pub struct TapeView {
    /// Who.
    pub node: NodeId,
    /// `controller 2`, `broker 1`.
    pub name: String,
    /// `leader`, `follower`, `observer` and so on, or what is wrong with it.
    pub state: String,
    /// Its process is dead.
    pub gone: bool,
    /// It leads.
    pub leads: bool,
    /// The epoch of its log's end.
    pub epoch: i32,
    /// Where its log ends.
    pub log_end: i64,
    /// How far it knows it to be committed.
    pub high_watermark: i64,
    /// How far its image goes: what it acts by.
    pub image: i64,
    /// By how much its log ends before the leader's.
    pub behind: i64,
}

/// A record of the metadata log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataRecordView {
    /// Its offset.
    pub offset: i64,
    /// Its type.
    pub name: String,
    /// What it says.
    pub words: String,
    /// It is below the high watermark.
    pub committed: bool,
}

/// The partition of the metadata log.
pub fn metadata_log() -> TopicPartition {
    TopicPartition::new(CLUSTER_METADATA_TOPIC, 0)
}

/// A world by broker; with internal topics only when they are asked for.
#[inline(never)]
pub fn by_broker(world: &World, internal: bool) -> ByBroker {
    let quorum = quorum(world);
    let image = world.metadata();
    let mut racks: Vec<RackView> = Vec::new();
    for (node, slot, broker) in world.brokers() {
        let registered = image.and_then(|image| image.brokers.get(&broker.id()));
        let name = registered.and_then(|broker| broker.rack.as_ref()).map(ToString::to_string);
        let hosts = broker.hosted_controller().is_some_and(|it| it.is_controller());
        let mut view = BrokerView {
            node,
            title: match slot.machine.controller().is_some() || (hosts && !is_gone(slot)) {
                true => format!("Broker {} · controller", broker.id()),
                false => format!("Broker {}", broker.id()),
            },
            state: state(slot, if broker.is_fenced() { "up · fenced" } else { "up" }).to_owned(),
            gone: is_gone(slot),
            roles: [0; 3],
            disk_bytes: broker.metadata_log().size_bytes(),
            dirty_bytes: dirty(broker.metadata_log()),
            broken: broken(world, slot),
            metadata: (!is_gone(slot) && broker.hosted_controller().is_none()).then(|| {
                let offset = broker.image().end_offset;
                (offset, (quorum.high_watermark - offset).max(0))
            }),
            replicas: Vec::new(),
        };
        for partition in broker.partitions() {
            let mut replica = replica(world, broker.id(), partition);
            match replica.role {
                // Its disk has what it had, but nobody leads or follows there.
                _ if view.gone => (replica.role, replica.leads) = ("down", false),
                "leader" => view.roles[0] += 1,
                "in sync" => view.roles[1] += 1,
                _ => view.roles[2] += 1,
            }
            view.disk_bytes += replica.size_bytes;
            view.dirty_bytes += replica.dirty_bytes;
            if internal || !partition.at.topic.starts_with("__") {
                view.replicas.push(replica);
            }
        }
        sort_by_key(&mut view.replicas, |replica| !replica.leads);
        match racks.iter_mut().find(|rack| rack.name == name) {
            Some(rack) => rack.brokers.push(view),
            None => racks.push(RackView { name, brokers: vec![view] }),
        }
    }
    sort_by_key(&mut racks, |rack| rack.name.clone());
    ByBroker { racks, quorum, registry: registry(world, internal) }
}

fn replica(world: &World, broker: i32, partition: &Partition) -> ReplicaView {
    let leads = partition.is_leader();
    let in_sync = partition.registration.isr.contains(&broker);
    let log = &partition.log;
    let leader = world.replica_log(partition.registration.leader, &partition.at);
    ReplicaView {
        at: partition.at.clone(),
        role: match (leads, in_sync) {
            (true, _) => "leader",
            (_, true) => "in sync",
            _ => "out of sync",
        },
        leads,
        epoch: partition.registration.leader_epoch,
        high_watermark: log.high_watermark(),
        log_end: log.log_end_offset(),
        behind: leader.map_or(0, |leader| (leader.log_end_offset() - log.log_end_offset()).max(0)),
        size_bytes: log.size_bytes(),
        dirty_bytes: dirty(log),
    }
}

/// Bytes that were written and are not durable. A log is flushed before a segment is rolled, so that they
/// are those of the last one.
fn dirty(log: &UnifiedLog) -> u64 {
    log.readable_bytes(log.flushed_offset(), FetchIsolation::LogEnd).min(log.size_bytes())
}

fn quorum(world: &World) -> QuorumView {
    let names = Names::of(world);
    let facts: Vec<_> = world.controllers().map(|(node, slot, it)| (node, slot, it, it.quorum())).collect();
    let epoch = facts.iter().map(|(.., facts)| facts.epoch).max().unwrap_or(0);
    let leader = facts.iter().find(|(_, slot, _, facts)| {
        facts.epoch == epoch && !is_gone(slot) && (facts.active || facts.state == "leader")
    });
    let log_end = leader.map(|(.., facts)| facts.log_end_offset);
    let log_end = log_end.or_else(|| facts.iter().map(|(.., facts)| facts.log_end_offset).max()).unwrap_or(0);
    let high_watermark = facts.iter().map(|(.., facts)| facts.high_watermark).max().unwrap_or(0);
    let behind = |end: i64| (log_end - end).max(0);
    let voter = |(node, slot, controller, facts): &(NodeId, &Slot, &crate::controller::Controller, _)| {
        let facts: &crate::controller::QuorumFacts = facts;
        let leads = leader.is_some_and(|(led, ..)| led == node);
        let usual = match (leads, *node == CONTROLLER) {
            (true, true) => "the only controller",
            (true, false) if facts.active => "active controller",
            _ => facts.state,
        };
        TapeView {
            node: *node,
            name: names.node_short(*node),
            state: state(slot, usual).to_owned(),
            gone: is_gone(slot),
            leads,
            epoch: controller.log().latest_epoch().unwrap_or(0),
            log_end: facts.log_end_offset,
            high_watermark: facts.high_watermark,
            image: controller.image().end_offset,
            behind: behind(facts.log_end_offset),
        }
    };
    let mut tapes: Vec<TapeView> = facts.iter().map(voter).collect();
    let observers = world.brokers().filter(|(_, slot, _)| slot.machine.controller().is_none());
    for (node, slot, broker) in observers {
        let log = broker.metadata_log();
        tapes.push(TapeView {
            node,
            name: names.node_short(node),
            state: state(slot, "observer").to_owned(),
            gone: is_gone(slot),
            leads: false,
            epoch: log.latest_epoch().unwrap_or(0),
            log_end: log.log_end_offset(),
            high_watermark: log.high_watermark(),
            image: broker.image().end_offset,
            behind: behind(log.log_end_offset()),
        });
    }
    let longest = facts.iter().max_by_key(|(.., facts)| facts.log_end_offset);
    let reader = leader.or(longest).map(|(node, _, controller, _)| (*node, controller.log()));
    QuorumView {
        leader: leader.map(|(node, ..)| names.node_short(*node)),
        epoch,
        log_end,
        high_watermark,
        from: (tapes.iter().map(|tape| tape.log_end).max().unwrap_or(0) - TAPE).max(0),
        tapes,
        records: reader.map_or_else(Vec::new, |(_, log)| records(log, &names, high_watermark)),
        reader: reader.map(|(node, _)| node),
    }
}

fn records(log: &UnifiedLog, names: &Names, high_watermark: i64) -> Vec<MetadataRecordView> {
    let end = log.log_end_offset();
    let from = (end - 5 * TAPE).max(log.log_start_offset());
    let mut records: Vec<MetadataRecordView> = log_records(log, from, names)
        .filter(|(_, title)| !is_idle(title))
        .map(|(offset, title)| {
            let (name, words) = title.split_once(" · ").unwrap_or((&title, ""));
            let name = name.split(' ').next().unwrap_or_default().to_owned();
            MetadataRecordView { offset, name, words: words.to_owned(), committed: offset < high_watermark }
        })
        .collect();
    records.reverse();
    records.truncate(RECORDS);
    records
}

fn is_gone(slot: &Slot) -> bool {
    matches!(slot.health, Health::Killed | Health::PoweredOff)
}

fn state(slot: &Slot, up: &'static str) -> &'static str {
    match slot.health {
        Health::Up => up,
        Health::Waiting => "not started",
        Health::Paused => "paused",
        Health::Killed => "down",
        Health::PoweredOff => "no power",
    }
}

/// `312 B`, `4.1 KB`: a thousand bytes are a kilobyte.
pub fn bytes_words(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{}.{} KB", bytes / 1_000, bytes % 1_000 / 100),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}
