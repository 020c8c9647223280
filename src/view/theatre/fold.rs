//! The trace of one group, folded up: lanes, marks, rounds and the score, each entry read once.

use std::sync::Arc;

use crate::base::{FrameKind, Map, NodeId, Set, SimTime};
use crate::broker::OFFSETS_TOPIC;
use crate::client::Consumer;
use crate::client::consumer::GroupProtocol;
use crate::protocol::{ApiKey, TopicPartition};
use crate::sim::{Branch, Machine, World};
use crate::trace::{Entry, Event};
use crate::view::members;

use super::elections::Elections;
use super::score::Score;
use super::sharers::Sharers;

const HEARTBEAT: i16 = ApiKey::Heartbeat.code();
/// ConsumerGroupHeartbeat (KIP-848).
const MANAGED_HEARTBEAT: i16 = 68;
/// ShareGroupHeartbeat (KIP-932).
const SHARE_HEARTBEAT: i16 = 76;

/// By what one can step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepBy {
    /// A member's request to the coordinator.
    Request,
    /// The group's state, as the coordinator has it.
    State,
    /// What a member believes: it got or gave up partitions, began or ended.
    Member,
    /// The group came to rest.
    Round,
}

impl StepBy {
    /// All of them, the finest first.
    pub const ALL: [StepBy; 4] = [StepBy::Request, StepBy::State, StepBy::Member, StepBy::Round];

    /// Its name on the page.
    pub fn label(self) -> &'static str {
        match self {
            StepBy::Request => "request",
            StepBy::State => "state",
            StepBy::Member => "member",
            StepBy::Round => "round",
        }
    }
}

/// A place in the trace where stepping stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The entry's number.
    pub seq: u64,
    /// Its time.
    pub time: SimTime,
    /// What it is.
    pub by: StepBy,
}

/// Who reads a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// The member that got it last and has not given it up; in a share group the first of those who
    /// share it.
    pub owner: Option<u8>,
    /// That member stands still; in a share group all do.
    pub stalled: bool,
    /// Another one believes that it still owns the partition.
    pub other: Option<u8>,
    /// Those who share it, in a share group.
    pub sharers: Sharers,
    /// Those of them who stand still.
    pub still: Sharers,
}

impl Holder {
    /// Nobody reads it.
    pub fn is_unread(&self) -> bool {
        self.owner.is_none() || self.stalled
    }
}

/// A partition over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lane {
    /// From when on who has it; nobody before.
    pub changes: Vec<(SimTime, Holder)>,
    /// Who believes to own it, the latest last.
    believers: Vec<u8>,
    last_owner: Option<u8>,
}

impl Lane {
    /// Who has it now.
    pub fn holder(&self) -> Holder {
        self.changes.last().map(|(_, holder)| *holder).unwrap_or_default()
    }

    /// Who had it at a time.
    pub fn holder_at(&self, time: SimTime) -> Holder {
        let after = self.changes.partition_point(|(at, _)| *at <= time);
        after.checked_sub(1).map(|index| self.changes[index].1).unwrap_or_default()
    }
}

/// The group at rest: every partition is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    /// The entry that brought it there.
    pub seq: u64,
    /// When.
    pub time: SimTime,
    /// Who has what.
    pub owners: Map<TopicPartition, u8>,
    /// Who shares what, in a share group.
    pub sharers: Map<TopicPartition, Sharers>,
}

/// A consumer of the group, as the trace tells of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Track {
    pub(super) node: NodeId,
    pub(super) name: Arc<str>,
    colour: u8,
    runs: bool,
    stands_still: bool,
    is_in: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Sample {
    seq: u64,
    time: SimTime,
    score: Score,
}

/// A group's trace, folded up.
#[derive(Clone, Debug, PartialEq)]
pub struct Fold {
    group: Arc<str>,
    /// Its members share partitions (KIP-932).
    is_share: bool,
    members: Vec<Track>,
    topics: Set<Arc<str>>,
    lanes: Map<TopicPartition, Lane>,
    marks: Vec<Mark>,
    rounds: Vec<Round>,
    samples: Vec<Sample>,
    state: &'static str,
    score: Score,
    elections: Elections,
    as_of: SimTime,
    /// Every partition was read at least once.
    begun: Option<SimTime>,
    read_until: u64,
    /// Rises whenever what is drawn changes.
    version: u64,
}

impl Fold {
    /// Of this group, in a world in which nothing has happened yet.
    pub fn new(world: &World, group: &str) -> Fold {
        let mut fold = Fold {
            group: group.into(),
            is_share: false,
            members: Vec::new(),
            topics: Set::new(),
            lanes: Map::new(),
            marks: Vec::new(),
            rounds: Vec::new(),
            samples: Vec::new(),
            state: "Empty",
            score: Score::default(),
            elections: Elections::of(world),
            as_of: SimTime::ZERO,
            begun: None,
            read_until: 0,
            version: 0,
        };
        for (node, _) in world.nodes() {
            fold.meet(world, node);
        }
        for topic in &world.setup().cluster.topics {
            let name: Arc<str> = topic.name.as_str().into();
            if fold.topics.contains(&name) {
                for partition in 0..topic.partitions.clamp(0, 1_000) {
                    fold.lanes.entry(TopicPartition::new(name.clone(), partition)).or_default();
                }
            }
        }
        fold
    }

    /// Reads what is new of a branch that stands at its head, or the whole branch if it is another.
    pub fn update(&mut self, branch: &Branch) {
        if (branch.trace().len() as u64) < self.read_until {
            *self = Fold::new(branch.world(), &self.group.clone());
        }
        let from = self.read_until;
        for seq in from + 1..=branch.trace().len() as u64 {
            if let Some(entry) = branch.entry(seq) {
                self.read(branch.world(), entry);
            }
        }
    }

    /// Forgets what it has read: the trace was cut off before.
    pub fn forget(&mut self, world: &World) {
        let version = self.version;
        *self = Fold::new(world, &self.group.clone());
        self.version = version + 1;
    }

    /// The group.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// Whether its members share partitions.
    pub fn is_share(&self) -> bool {
        self.is_share
    }

    /// How many members were ever seen.
    pub fn member_count(&self) -> u8 {
        self.members.len() as u8
    }

    /// A member's name, as its process is called.
    pub fn name(&self, member: u8) -> &str {
        self.members.get(usize::from(member)).map_or("", |track| &track.name)
    }

    /// A member's node.
    pub fn node(&self, member: u8) -> Option<NodeId> {
        self.members.get(usize::from(member)).map(|track| track.node)
    }

    /// The number of a member's colour: see [`members`].
    pub fn colour(&self, member: u8) -> u8 {
        self.members.get(usize::from(member)).map_or(0, |track| track.colour)
    }

    /// The member that is this node.
    pub fn member_of(&self, node: NodeId) -> Option<u8> {
        self.members.iter().position(|track| track.node == node).map(|index| index as u8)
    }

    /// The member of this name.
    pub fn named(&self, name: &str) -> Option<u8> {
        self.members.iter().position(|track| &*track.name == name).map(|index| index as u8)
    }

    /// The partitions, in their order.
    pub fn lanes(&self) -> &Map<TopicPartition, Lane> {
        &self.lanes
    }

    /// A partition's short name: `p3`, or with its topic where there are several.
    pub fn lane_name(&self, at: &TopicPartition) -> String {
        if self.topics.len() > 1 {
            format!("{} {}", at.topic, at.partition)
        } else {
            format!("p{}", at.partition)
        }
    }

    /// Where stepping stops, in order.
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// When the group was at rest, in order.
    pub fn rounds(&self) -> &[Round] {
        &self.rounds
    }

    /// When the score begins.
    pub fn begun(&self) -> Option<SimTime> {
        self.begun
    }

    /// Rises whenever what is drawn changes.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The score after entry `seq`, at `now`.
    pub fn score(&self, seq: u64, now: SimTime) -> Score {
        let after = self.samples.partition_point(|sample| sample.seq <= seq);
        match after.checked_sub(1).map(|index| &self.samples[index]) {
            Some(sample) => sample.score.later(sample.time, now),
            None => Score::default(),
        }
    }

    pub(super) fn elections(&self) -> &Elections {
        &self.elections
    }

    /// A consumer of the group that was not there before becomes a member.
    fn meet(&mut self, world: &World, node: NodeId) -> Option<u8> {
        if let Some(known) = self.member_of(node) {
            return Some(known);
        }
        let slot = world.node(node)?;
        let Machine::Consumer(consumer) = &slot.machine else { return None };
        if consumer.config().group_id.as_deref() != Some(&*self.group) || self.members.len() >= 200 {
            return None;
        }
        self.topics.extend(subscribed(consumer));
        self.is_share |= consumer.config().group_protocol == GroupProtocol::Share;
        let name = slot.name.as_str().into();
        let colour = members::colour(world, node);
        self.members.push(Track { node, name, colour, runs: false, stands_still: false, is_in: false });
        self.version += 1;
        Some((self.members.len() - 1) as u8)
    }

    /// Reads one entry; they come in order.
    pub fn read(&mut self, world: &World, entry: &Entry) {
        self.read_until = entry.seq;
        self.elections.read(entry);
        match &entry.event {
            Event::Sent { frame, .. } if frame.info.kind == FrameKind::Request => {
                self.sent(entry, frame.info.api_key);
            }
            Event::Sent { .. }
            | Event::Received { .. }
            | Event::TimerFired { .. }
            | Event::RecordsConsumed { .. } => {}
            event => self.read_rare(world, entry, event),
        }
    }

    #[inline(never)]
    fn read_rare(&mut self, world: &World, entry: &Entry, event: &Event) {
        match event {
            Event::TopicCreated { topic, partitions, .. } if self.topics.contains(topic) => {
                for partition in 0..(*partitions).min(1_000) {
                    self.partition_is_there(entry, &TopicPartition::new(topic.clone(), partition as i32));
                }
            }
            Event::LeaderElected { at, .. } | Event::PartitionChanged { at, .. } => {
                self.partition_is_there(entry, at);
            }
            Event::GroupStateChanged { group, to, .. } if *group == self.group => {
                self.state = to;
                if *to != "Stable" {
                    self.disturbed(entry);
                }
                self.mark(entry, StepBy::State);
                self.version += 1;
            }
            Event::CoordinatorElected { groups: 1.., .. } | Event::CoordinatorResigned { .. } => {
                self.mark(entry, StepBy::State);
            }
            Event::MemberLeft { group, .. } if *group == self.group => self.disturbed(entry),
            // What the group makes of it comes next.
            Event::MemberJoined { .. } => return,
            Event::RecordsRepeated { group, offsets, .. } if *group == self.group => {
                if self.begun.is_some() {
                    self.advance(entry.time);
                    self.score.twice += (offsets.to - offsets.from).max(0) as u64;
                    self.sample(entry);
                }
                return;
            }
            _ => {
                if let Some(who) = self.meet_if_started(world, entry) {
                    self.of_member(entry, who, event);
                }
            }
        }
        self.settle(entry);
    }

    fn meet_if_started(&mut self, world: &World, entry: &Entry) -> Option<u8> {
        match entry.event {
            Event::NodeStarted => self.meet(world, entry.node),
            _ => self.member_of(entry.node),
        }
    }

    /// Something that a member does, or that is done to it.
    fn of_member(&mut self, entry: &Entry, who: u8, event: &Event) {
        let track = &mut self.members[usize::from(who)];
        match event {
            Event::NodeStarted => {
                (track.runs, track.stands_still, track.is_in) = (true, false, false);
            }
            Event::NodeKilled | Event::PowerLost { .. } => {
                (track.runs, track.stands_still, track.is_in) = (false, false, false);
                self.gives_up(entry, who, None);
            }
            Event::NodePaused => self.stands_still(entry, who, true),
            Event::NodeResumed => self.stands_still(entry, who, false),
            Event::Commanded { what } => match &**what {
                "hang" => self.stands_still(entry, who, true),
                "go on" => self.stands_still(entry, who, false),
                "stop" => track.runs = false,
                _ => return,
            },
            Event::MemberStateChanged { to, .. } => {
                track.is_in = *to == "stable";
                return self.mark(entry, StepBy::Member);
            }
            Event::PartitionsAssigned { partitions, .. } => {
                for at in partitions {
                    self.gets(entry, who, at);
                }
                return self.mark(entry, StepBy::Member);
            }
            Event::PartitionsRevoked { partitions, .. } | Event::PartitionsLost { partitions, .. } => {
                self.gives_up(entry, who, Some(partitions));
                return self.mark(entry, StepBy::Member);
            }
            _ => return,
        }
        self.disturbed(entry);
        self.mark(entry, StepBy::Member);
    }

    fn sent(&mut self, entry: &Entry, api_key: i16) {
        if !is_of_groups(api_key) || self.member_of(entry.node).is_none() {
            return;
        }
        self.mark(entry, StepBy::Request);
        if self.begun.is_some() {
            self.advance(entry.time);
            self.score.requests += 1;
            self.score.heartbeats +=
                u64::from(matches!(api_key, HEARTBEAT | MANAGED_HEARTBEAT | SHARE_HEARTBEAT));
            self.sample(entry);
        }
    }

    fn partition_is_there(&mut self, entry: &Entry, at: &TopicPartition) {
        let is_new = self.topics.contains(&at.topic) && !self.lanes.contains_key(at);
        if !is_new || &*at.topic == OFFSETS_TOPIC || self.lanes.len() >= 1_000 {
            return;
        }
        self.advance(entry.time);
        // It is there from now on, and nobody reads it.
        let lane = Lane { changes: vec![(entry.time, Holder::default())], ..Lane::default() };
        self.lanes.insert(at.clone(), lane);
        self.version += 1;
        self.disturbed(entry);
    }

    fn gets(&mut self, entry: &Entry, who: u8, at: &TopicPartition) {
        self.topics.insert(at.topic.clone());
        let lane = self.lanes.entry(at.clone()).or_default();
        lane.believers.retain(|believer| *believer != who);
        lane.believers.push(who);
        // What is shared does not move.
        let moved = !self.is_share && lane.last_owner.is_some_and(|last| last != who);
        lane.last_owner = Some(who);
        self.advance(entry.time);
        self.score.moved += u64::from(moved && self.begun.is_some());
        self.hold(entry, at);
    }

    /// All that it has, or these.
    fn gives_up(&mut self, entry: &Entry, who: u8, which: Option<&[TopicPartition]>) {
        self.advance(entry.time);
        let all: Vec<TopicPartition> = match which {
            Some(which) => which.to_vec(),
            None => self.lanes.keys().cloned().collect(),
        };
        for at in all {
            if let Some(lane) = self.lanes.get_mut(&at)
                && lane.believers.contains(&who)
            {
                lane.believers.retain(|believer| *believer != who);
                self.hold(entry, &at);
            }
        }
    }

    fn stands_still(&mut self, entry: &Entry, who: u8, still: bool) {
        self.advance(entry.time);
        self.members[usize::from(who)].stands_still = still;
        let of_it = |lane: &Lane| lane.believers.contains(&who);
        let all: Vec<_> =
            self.lanes.iter().filter(|(_, lane)| of_it(lane)).map(|(at, _)| at.clone()).collect();
        for at in all {
            self.hold(entry, &at);
        }
    }

    /// Writes down who has a partition from now on.
    fn hold(&mut self, entry: &Entry, at: &TopicPartition) {
        let Some(lane) = self.lanes.get_mut(at) else { return };
        let stands_still = |who: &u8| self.members[usize::from(*who)].stands_still;
        let holder = if self.is_share {
            let sharers: Sharers = lane.believers.iter().copied().collect();
            let still: Sharers = lane.believers.iter().copied().filter(stands_still).collect();
            let owner = lane.believers.iter().min().copied();
            Holder { owner, stalled: owner.is_some() && still == sharers, other: None, sharers, still }
        } else {
            let owner = lane.believers.last().copied();
            let stalled = owner.as_ref().is_some_and(stands_still);
            let other = lane.believers.iter().rev().nth(1).copied();
            Holder { owner, stalled, other, ..Holder::default() }
        };
        if lane.holder() == holder {
            return;
        }
        if lane.changes.last().is_some_and(|(time, _)| *time == entry.time) {
            lane.changes.pop();
        }
        if lane.holder() != holder || lane.changes.is_empty() {
            lane.changes.push((entry.time, holder));
        }
        self.version += 1;
        self.count_unread();
        self.sample(entry);
    }

    fn count_unread(&mut self) {
        let unread = self.lanes.values().filter(|lane| lane.holder().is_unread()).count();
        self.score.unread_now = if self.begun.is_some() { unread as u32 } else { 0 };
    }

    fn advance(&mut self, time: SimTime) {
        self.score = self.score.later(self.as_of, time);
        self.as_of = time;
    }

    /// What causes a change begins its time, unless another is under way.
    fn disturbed(&mut self, entry: &Entry) {
        if self.begun.is_some() && self.score.unstable_since.is_none() {
            self.advance(entry.time);
            self.score.unstable_since = Some(entry.time);
            self.count_unread();
            self.sample(entry);
        }
    }

    /// Whether everything is at rest: the group is stable, every partition is read, and every
    /// consumer that runs is in.
    fn is_settled(&self) -> bool {
        let at_rest = |track: &Track| !track.runs || track.stands_still || track.is_in;
        self.state == "Stable"
            && !self.lanes.is_empty()
            && self.lanes.values().all(|lane| !lane.holder().is_unread())
            && self.members.iter().all(at_rest)
    }

    fn settle(&mut self, entry: &Entry) {
        let waits = self.begun.is_none() || self.score.unstable_since.is_some();
        if !waits || !self.is_settled() {
            return;
        }
        self.advance(entry.time);
        let owner = |(at, lane): (&TopicPartition, &Lane)| Some((at.clone(), lane.holder().owner?));
        let owners: Map<TopicPartition, u8> = self.lanes.iter().filter_map(owner).collect();
        if let Some(since) = self.score.unstable_since.take() {
            let before = self.rounds.last().map(|round| &round.owners).filter(|_| !self.is_share);
            self.score.needless += before.map_or(0, |before| needless(before, &owners));
            self.score.rounds += 1;
            self.score.stable_us = entry.time.since(since);
            self.score.unstable_us += self.score.stable_us;
        }
        self.begun.get_or_insert(entry.time);
        let shared = self.lanes.iter().filter(|_| self.is_share);
        let sharers = shared.map(|(at, lane)| (at.clone(), lane.holder().sharers)).collect();
        self.rounds.push(Round { seq: entry.seq, time: entry.time, owners, sharers });
        self.mark(entry, StepBy::Round);
        self.count_unread();
        self.sample(entry);
        self.version += 1;
    }

    fn mark(&mut self, entry: &Entry, by: StepBy) {
        self.marks.push(Mark { seq: entry.seq, time: entry.time, by });
    }

    fn sample(&mut self, entry: &Entry) {
        if self.begun.is_none() {
            return;
        }
        let sample = Sample { seq: entry.seq, time: self.as_of, score: self.score };
        match self.samples.last_mut() {
            Some(last) if last.seq == sample.seq => *last = sample,
            _ => self.samples.push(sample),
        }
    }
}

/// Moves that no shrinking share explains: as many partitions as changed hands, less what each
/// member lost in number.
pub(super) fn needless(before: &Map<TopicPartition, u8>, after: &Map<TopicPartition, u8>) -> u64 {
    let moved = before.iter().filter(|(at, who)| after.get(*at).is_some_and(|now| now != *who)).count();
    let mut shares: Map<u8, (u64, u64)> = Map::new();
    for (at, who) in before {
        // A partition that is gone moves nowhere.
        if after.contains_key(at) {
            shares.entry(*who).or_default().0 += 1;
        }
    }
    for who in after.values() {
        shares.entry(*who).or_default().1 += 1;
    }
    let needed: u64 = shares.values().map(|(had, has)| had.saturating_sub(*has)).sum();
    (moved as u64).saturating_sub(needed)
}

/// Whether a request is one to a group's coordinator.
pub(super) fn is_of_groups(api_key: i16) -> bool {
    matches!(api_key, 8..=14 | MANAGED_HEARTBEAT | SHARE_HEARTBEAT)
}

fn subscribed(consumer: &Consumer) -> impl Iterator<Item = Arc<str>> + '_ {
    consumer.app().topics.iter().cloned()
}
