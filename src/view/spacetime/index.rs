//! What a trace holds for the diagram, in order of time. Bringing it up to date costs no more than
//! the entries that are new.

use crate::base::{FrameKind, Map, NodeId, SimTime, sort_by, sort_by_key};
use crate::protocol::{ApiKey, TopicPartition};
use crate::sim::{Branch, Machine, World};
use crate::trace::{Entry, Event};
use crate::view::words::{Category, Names, category, place};
use crate::zookeeper::{op_name, speaks_zookeeper};

use super::about;

/// What a node is, in the order of the diagram's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Keeps the cluster's metadata.
    Controller,
    /// Creates topics and changes configs.
    Admin,
    /// Sends records.
    Producer,
    /// Stands for a program outside the world.
    Guest,
    /// Stores records.
    Broker,
    /// Reads records.
    Consumer,
}

/// A node of the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpaceNode {
    /// Its id.
    pub node: NodeId,
    /// Its name in the world.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// How it was from which moment on; not started before the first.
    pub lives: Vec<(SimTime, Life)>,
}

impl SpaceNode {
    /// How it was then.
    pub fn life_at(&self, time: SimTime) -> Life {
        let after = self.lives.partition_point(|(since, _)| *since <= time);
        after.checked_sub(1).and_then(|last| self.lives.get(last)).map_or(Life::Waiting, |(_, life)| *life)
    }
}

/// How a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Life {
    /// Not started yet.
    Waiting,
    /// Running.
    Up,
    /// Standing still.
    Paused,
    /// Its process, or its machine, is dead.
    Down,
}

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flow {
    /// Records to a broker.
    Produce,
    /// Records from broker to broker.
    Replicate,
    /// Records to a consumer.
    Consume,
    /// Membership and committed offsets.
    Groups,
    /// Metadata, elections, everything else.
    Cluster,
}

impl Flow {
    /// All of them.
    pub const ALL: [Flow; 5] = [Flow::Produce, Flow::Replicate, Flow::Consume, Flow::Groups, Flow::Cluster];

    /// Its name on the page.
    pub fn label(self) -> &'static str {
        match self {
            Flow::Produce => "produce",
            Flow::Replicate => "replicate",
            Flow::Consume => "consume",
            Flow::Groups => "groups",
            Flow::Cluster => "cluster",
        }
    }
}

/// How a frame's way ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It has not, as far as the trace goes.
    Flying,
    /// It arrived.
    Arrived,
    /// It was lost on its way.
    Dropped,
    /// It arrived where nobody takes it.
    Refused,
}

/// A frame on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrow {
    /// The entry that says it left.
    pub seq: u64,
    /// The entry that says how its way ended; 0 for none.
    pub end_seq: u64,
    /// From where.
    pub from: NodeId,
    /// Where to.
    pub to: NodeId,
    /// When it left.
    pub sent: SimTime,
    /// When its way ended; [`SimTime::MAX`] when it has not.
    pub ended: SimTime,
    /// How.
    pub end: End,
    /// Number of the API.
    pub api_key: i16,
    /// It is a response.
    pub reply: bool,
    /// What it is for.
    pub flow: Flow,
    /// It had to wait for a cut link to be mended, or for a node that stood still.
    pub held: Option<Held>,
}

/// What a frame waits, or waited, for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// The link was cut.
    Link,
    /// Its receiver stood still.
    Receiver,
}

/// What an event on a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// A timer ran out.
    Timer,
    /// A request waits or is answered; a connection.
    Request,
    /// A client by itself.
    Client,
    /// A log and its high watermark.
    Log,
    /// Members, generations, committed offsets.
    Group,
    /// Elections, registrations, in-sync replicas.
    Controller,
    /// Somebody or something broke.
    Fault,
}

impl Sort {
    /// All of them.
    pub const ALL: [Sort; 7] =
        [Sort::Timer, Sort::Request, Sort::Client, Sort::Log, Sort::Group, Sort::Controller, Sort::Fault];

    /// Its name on the page.
    pub fn label(self) -> &'static str {
        match self {
            Sort::Timer => "timer",
            Sort::Request => "waiting",
            Sort::Client => "client",
            Sort::Log => "log",
            Sort::Group => "group",
            Sort::Controller => "leader, ISR",
            Sort::Fault => "fault",
        }
    }
}

/// Something that happened at one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Its entry.
    pub seq: u64,
    /// When.
    pub time: SimTime,
    /// Where.
    pub node: NodeId,
    /// What it is about.
    pub sort: Sort,
}

/// What is about one partition.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chosen {
    at: TopicPartition,
    /// One for each arrow.
    pub(super) arrows: Vec<bool>,
    /// One for each point.
    pub(super) points: Vec<bool>,
}

/// A flight that takes longer is looked for apart, in microseconds.
pub(super) const LONG_US: u64 = 200_000;

/// What a branch's trace holds for the diagram.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpaceIndex {
    branch: Option<(String, u64)>,
    known: usize,
    last: Option<Entry>,
    /// Every node that was ever seen, in the order of their lines.
    pub(super) nodes: Vec<SpaceNode>,
    lives: Map<NodeId, Vec<(SimTime, Life)>>,
    /// In the order of their leaving.
    pub(super) arrows: Vec<Arrow>,
    /// Which of them took longer than [`LONG_US`], or have not arrived.
    pub(super) long: Vec<u32>,
    /// In order of time.
    pub(super) points: Vec<Point>,
    /// What happened to the world as a whole: a link was cut.
    pub(super) banners: Vec<(SimTime, u64)>,
    /// The cause of every entry.
    pub(super) causes: Vec<u64>,
    /// The partition asked for, and which arrows and points are about it.
    pub(super) chosen: Option<Chosen>,
    cut: Vec<(NodeId, NodeId)>,
    /// When a link was mended last: what left before had waited.
    mended: Map<(NodeId, NodeId), SimTime>,
    /// A usual way between two nodes, in microseconds.
    pub(super) latency_us: u64,
    /// The end of the trace.
    pub(super) end: SimTime,
}

impl SpaceIndex {
    /// Takes in what is new on the branch. Another branch, another run or a shorter trace is
    /// noticed and read from its beginning.
    pub fn update(&mut self, branch: &Branch) {
        let identity = (branch.name.as_str(), branch.forked_after);
        let is_same = self.branch.as_ref().is_some_and(|(name, after)| (name.as_str(), *after) == identity)
            && self.last.as_ref() == branch.entry(self.known as u64);
        if !is_same {
            *self = SpaceIndex {
                branch: Some((branch.name.clone(), branch.forked_after)),
                latency_us: branch.world().setup().network.latency_us,
                ..SpaceIndex::default()
            };
        }
        let trace = branch.trace();
        self.meet(branch.world());
        if self.known < trace.len() {
            for entry in (self.known..trace.len()).filter_map(|place| trace.get(place)) {
                self.read(entry);
            }
            self.known = trace.len();
            self.last = trace.last().cloned();
            for node in &mut self.nodes {
                if let Some(lives) = self.lives.get(&node.node) {
                    node.lives.clone_from(lives);
                }
            }
        }
        let played = branch.step_info(branch.head()).map_or(SimTime::ZERO, |(at, _)| at);
        self.end = played.max(branch.world().now()).max(self.end);
    }

    /// Reads which frames and events are about this partition, if one is asked for: every frame is
    /// opened once.
    pub fn choose(&mut self, branch: &Branch, names: &Names, partition: Option<&TopicPartition>) {
        let Some(at) = partition else {
            self.chosen = None;
            return;
        };
        let mut chosen = match self.chosen.take() {
            Some(chosen) if chosen.at == *at => chosen,
            _ => Chosen { at: at.clone(), arrows: Vec::new(), points: Vec::new() },
        };
        for arrow in self.arrows.iter().skip(chosen.arrows.len()) {
            let is_it = match branch.entry(arrow.seq).map(|entry| &entry.event) {
                Some(Event::Sent { frame, .. }) => about(frame, names).contains(at),
                _ => false,
            };
            chosen.arrows.push(is_it);
        }
        for point in self.points.iter().skip(chosen.points.len()) {
            let event = branch.entry(point.seq).map(|entry| &entry.event);
            let is_it = point.sort == Sort::Fault || event.and_then(place).is_some_and(|place| place == at);
            chosen.points.push(is_it);
        }
        self.chosen = Some(chosen);
    }

    /// The partitions that brokers host, in order.
    pub fn partitions(world: &World) -> Vec<TopicPartition> {
        let mut all = Vec::new();
        for (_, _, broker) in world.brokers() {
            all.extend(broker.partitions().map(|partition| partition.at.clone()));
        }
        sort_by(&mut all, Ord::cmp);
        all.dedup();
        all
    }

    /// How many entries are in it.
    pub fn entries(&self) -> u64 {
        self.known as u64
    }

    /// The end of what was played.
    pub fn end(&self) -> SimTime {
        self.end
    }

    /// Every node, in the order of their lines.
    pub fn nodes(&self) -> &[SpaceNode] {
        &self.nodes
    }

    /// Every arrow, in the order of their leaving.
    pub fn arrows(&self) -> &[Arrow] {
        &self.arrows
    }

    /// What happened at nodes, in order of time.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The arrow that left by entry `seq`, or whose way ended by it.
    pub fn arrow(&self, seq: u64) -> Option<&Arrow> {
        let find = |seq: u64| self.arrows.binary_search_by_key(&seq, |arrow| arrow.seq).ok();
        let index = find(seq).or_else(|| find(*self.causes.get(seq.checked_sub(1)? as usize)?))?;
        self.arrows.get(index).filter(|arrow| arrow.seq == seq || arrow.end_seq == seq)
    }

    /// The APIs of the requests so far, with how many of each, by name.
    pub fn apis(&self) -> Vec<(i16, &'static str, u32)> {
        let mut counts: Map<i16, u32> = Map::new();
        for arrow in self.arrows.iter().filter(|arrow| !arrow.reply) {
            *counts.entry(arrow.api_key).or_default() += 1;
        }
        let named = |(key, count): (i16, u32)| {
            let name = if speaks_zookeeper(key) { op_name(key) } else { ApiKey::try_from(key).ok()?.name() };
            Some((key, name, count))
        };
        let mut apis: Vec<_> = counts.into_iter().filter_map(named).collect();
        sort_by_key(&mut apis, |(_, name, _)| *name);
        apis
    }

    fn meet(&mut self, world: &World) {
        let known = self.nodes.len();
        for (node, slot) in world.nodes() {
            if self.nodes.iter().any(|known| known.node == node) {
                continue;
            }
            let role = match &slot.machine {
                Machine::Broker(_) | Machine::Combined(_) => Role::Broker,
                Machine::Controller(_) | Machine::ZooKeeper(_) => Role::Controller,
                Machine::Producer(_) => Role::Producer,
                Machine::Consumer(_) => Role::Consumer,
                Machine::Admin(_) => Role::Admin,
                Machine::Guest(_) => Role::Guest,
            };
            let lives = self.lives.get(&node).cloned().unwrap_or_default();
            self.nodes.push(SpaceNode { node, name: slot.name.clone(), role, lives });
        }
        if self.nodes.len() > known {
            sort_by_key(&mut self.nodes, |node| (node.role, node.node));
        }
    }

    fn role(&self, node: NodeId) -> Option<Role> {
        self.nodes.iter().find(|known| known.node == node).map(|known| known.role)
    }

    fn read(&mut self, entry: &Entry) {
        self.causes.push(entry.cause);
        self.end = self.end.max(entry.time);
        match &entry.event {
            Event::Sent { to, frame, .. } => {
                let reply = frame.info.kind == FrameKind::Response;
                let (client, server) = if reply { (*to, entry.node) } else { (entry.node, *to) };
                self.long.push(self.arrows.len() as u32);
                self.arrows.push(Arrow {
                    seq: entry.seq,
                    end_seq: 0,
                    from: entry.node,
                    to: *to,
                    sent: entry.time,
                    ended: SimTime::MAX,
                    end: End::Flying,
                    api_key: frame.info.api_key,
                    reply,
                    flow: flow(frame.info.api_key, self.role(client), self.role(server)),
                    held: self.is_cut(entry.node, *to).then_some(Held::Link),
                });
                return;
            }
            Event::Received { .. } => return self.ended(entry, End::Arrived),
            Event::Lost { to, .. } => {
                let end = if *to == entry.node { End::Refused } else { End::Dropped };
                return self.ended(entry, end);
            }
            Event::LinkCut { a, b } => {
                let pair = pair(*a, *b);
                self.cut.retain(|cut| *cut != pair);
                self.cut.push(pair);
                self.hold(|arrow| self::pair(arrow.from, arrow.to) == pair, Held::Link);
            }
            Event::LinkHealed { a, b } => {
                let pair = pair(*a, *b);
                self.cut.retain(|cut| *cut != pair);
                self.mended.insert(pair, entry.time);
            }
            event => self.live(entry, event),
        }
        let sort = sort(entry);
        if sort == Sort::Fault && self.role(entry.node).is_none() {
            self.banners.push((entry.time, entry.seq));
        }
        self.points.push(Point { seq: entry.seq, time: entry.time, node: entry.node, sort });
    }

    fn live(&mut self, entry: &Entry, event: &Event) {
        let life = match event {
            Event::NodeStarted | Event::NodeResumed => Life::Up,
            Event::NodeKilled | Event::NodeStopped | Event::PowerLost { .. } => Life::Down,
            Event::NodePaused => Life::Paused,
            _ => return,
        };
        if life == Life::Paused {
            self.hold(|arrow| arrow.to == entry.node, Held::Receiver);
        }
        self.lives.entry(entry.node).or_default().push((entry.time, life));
    }

    fn is_cut(&self, a: NodeId, b: NodeId) -> bool {
        self.cut.contains(&pair(a, b))
    }

    /// What is on its way now may have to wait; whether it had to is seen when it arrives.
    fn hold(&mut self, is_it: impl Fn(&Arrow) -> bool, held: Held) {
        for index in &self.long {
            if let Some(arrow) = self.arrows.get_mut(*index as usize)
                && arrow.end == End::Flying
                && is_it(arrow)
            {
                arrow.held = Some(held);
            }
        }
    }

    fn ended(&mut self, entry: &Entry, end: End) {
        let Ok(index) = self.arrows.binary_search_by_key(&entry.cause, |arrow| arrow.seq) else { return };
        let Some(arrow) = self.arrows.get_mut(index) else { return };
        arrow.end_seq = entry.seq;
        arrow.ended = entry.time;
        arrow.end = end;
        let waited = match arrow.held {
            Some(Held::Link) => self
                .mended
                .get(&pair(arrow.from, arrow.to))
                .is_some_and(|mended| *mended >= arrow.sent && end != End::Dropped),
            // Whatever waited at its door is delivered in the moment at which it moves again.
            Some(Held::Receiver) => {
                let lives = self.lives.get(&arrow.to);
                lives.and_then(|lives| lives.last()).is_some_and(|(at, _)| *at == entry.time)
            }
            // It was sent to one that stood still by then.
            None => {
                let lives = self.lives.get(&arrow.to).map_or(&[][..], |lives| lives);
                let stood = matches!(lives, [.., (since, Life::Paused), (until, Life::Up)]
                    if *until == entry.time && *since <= arrow.sent && arrow.sent < *until);
                if stood {
                    arrow.held = Some(Held::Receiver);
                }
                stood
            }
        };
        if !waited {
            arrow.held = None;
        }
        if arrow.ended.since(arrow.sent) <= LONG_US
            && let Some(place) = self.long.iter().rposition(|long| *long as usize == index)
        {
            self.long.remove(place);
        }
    }
}

fn pair(a: NodeId, b: NodeId) -> (NodeId, NodeId) {
    if a <= b { (a, b) } else { (b, a) }
}

/// What a frame is for, by its API, by who asked, and whom.
fn flow(api_key: i16, client: Option<Role>, server: Option<Role>) -> Flow {
    let Ok(api) = ApiKey::try_from(api_key) else { return Flow::Cluster };
    match (api, client) {
        // What brokers fetch of the controller is the metadata log.
        _ if server == Some(Role::Controller) => Flow::Cluster,
        (ApiKey::Produce, _) => Flow::Produce,
        (ApiKey::Fetch | ApiKey::OffsetForLeaderEpoch, Some(Role::Broker)) => Flow::Replicate,
        (ApiKey::Fetch | ApiKey::ListOffsets, Some(Role::Consumer | Role::Guest)) => Flow::Consume,
        (ApiKey::ShareFetch | ApiKey::ShareAcknowledge, _) => Flow::Consume,
        (
            ApiKey::JoinGroup
            | ApiKey::SyncGroup
            | ApiKey::Heartbeat
            | ApiKey::LeaveGroup
            | ApiKey::OffsetCommit
            | ApiKey::OffsetFetch
            | ApiKey::FindCoordinator
            | ApiKey::ConsumerGroupHeartbeat
            | ApiKey::ShareGroupHeartbeat,
            _,
        ) => Flow::Groups,
        _ => Flow::Cluster,
    }
}

/// What an event on a line is about.
fn sort(entry: &Entry) -> Sort {
    match (&entry.event, category(&entry.event)) {
        (Event::TimerFired { .. }, _) => Sort::Timer,
        // That everything starts is no fault.
        (Event::NodeStarted, _) if entry.cause == 0 => Sort::Client,
        (_, Category::Requests) => Sort::Request,
        (_, Category::Clients) => Sort::Client,
        (_, Category::Log) => Sort::Log,
        (_, Category::Groups) => Sort::Group,
        (_, Category::Controller) => Sort::Controller,
        (_, Category::Faults) => Sort::Fault,
    }
}
