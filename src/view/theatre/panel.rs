//! One world of the theatre as it stands: the group's state, and what each member believes.

use crate::base::{FrameKind, NodeId, SimTime};
use crate::client::Consumer;
use crate::client::consumer::{MemberState, ThreadState};
use crate::coordinator::Group;
use crate::protocol::ApiKey;
use crate::sim::{Flight, Health, Machine, Slot, World};

use super::fold::is_of_groups;
use super::{Fold, letter};

/// A request or response under way, or a request that waits at the coordinator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    /// Kafka's name of it.
    pub word: &'static str,
    /// From the member to the coordinator.
    pub outward: bool,
    /// How far it is, in thousandths.
    pub permille: u16,
    /// It has arrived, and waits to be answered.
    pub waits: bool,
}

/// What a member believes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberView {
    /// Its number.
    pub member: u8,
    /// Its letter.
    pub letter: String,
    /// Its process's name.
    pub name: String,
    /// The number of its colour.
    pub colour: u8,
    /// In a few words.
    pub status: String,
    /// It is well: in the group, and reading.
    pub is_well: bool,
    /// Its process runs.
    pub runs: bool,
    /// The generation or member epoch that it believes to be in; −1 for none.
    pub generation: i32,
    /// It hands out the partitions.
    pub leads: bool,
    /// The partitions that it believes to own.
    pub owns: Vec<String>,
    /// What is under way between it and the coordinator.
    pub wire: Option<Wire>,
}

/// A world of the theatre.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Panel {
    /// Every state that the group can be in, and whether it is.
    pub states: Vec<(&'static str, bool)>,
    /// The broker that coordinates the group, if one does.
    pub coordinator: Option<i32>,
    /// The group's generation or epoch, as the coordinator has it; −1 for none.
    pub generation: i32,
    /// It is an epoch: the coordinator decides.
    pub is_epoch: bool,
    /// The members, in the order of their letters.
    pub members: Vec<MemberView>,
}

impl Panel {
    /// The same without what is under way, which changes all the time.
    pub fn calm(mut self) -> Panel {
        for member in &mut self.members {
            member.wire = None;
        }
        self
    }
}

const CLASSIC: [&str; 4] = ["Empty", "PreparingRebalance", "CompletingRebalance", "Stable"];
const SHARE: [&str; 2] = ["Empty", "Stable"];
const CONSUMER: [&str; 4] = ["Empty", "Assigning", "Reconciling", "Stable"];

/// The world as it stands.
pub fn panel(fold: &Fold, world: &World) -> Panel {
    let found = coordinated(world, fold.group());
    let state = found.map_or("", |(_, group)| group.state().name());
    let states: &[&str] = match found {
        Some((_, group)) if group.share().is_some() => &SHARE,
        Some((_, group)) if group.consumer().is_some() => &CONSUMER,
        _ => &CLASSIC,
    };
    let flights = world.flights();
    let members = (0..fold.member_count()).filter_map(|member| {
        let node = fold.node(member)?;
        let slot = world.node(node)?;
        let Machine::Consumer(consumer) = &slot.machine else { return None };
        let waits = found.is_some_and(|(_, group)| {
            group.member(consumer.member_id()).is_some_and(|member| member.is_waiting())
        });
        let parked = (waits && slot.health == Health::Up).then(|| Wire {
            word: match consumer.member_state() {
                MemberState::Syncing => "SyncGroup",
                _ => "JoinGroup",
            },
            outward: true,
            permille: 1_000,
            waits: true,
        });
        let wire = wire(&flights, node, world.now()).or(parked);
        Some(view(fold, member, slot, consumer, wire))
    });
    Panel {
        states: states.iter().map(|name| (*name, *name == state)).collect(),
        coordinator: found.map(|(broker, _)| broker),
        generation: found.map_or(-1, |(_, group)| group.generation()),
        is_epoch: states != CLASSIC,
        members: members.collect(),
    }
}

/// The group and the broker that coordinates it.
pub(super) fn coordinated<'a>(world: &'a World, id: &str) -> Option<(i32, &'a Group)> {
    let up = world.brokers().filter(|(_, slot, _)| matches!(slot.health, Health::Up | Health::Paused));
    let groups = up.filter_map(|(_, _, broker)| {
        let group = broker.coordinator().groups().find(|group| &**group.id() == id)?;
        Some((broker.id(), group))
    });
    groups.max_by_key(|(_, group)| group.generation())
}

fn view(fold: &Fold, member: u8, slot: &Slot, consumer: &Consumer, wire: Option<Wire>) -> MemberView {
    let runs = matches!(slot.health, Health::Up | Health::Paused)
        && !matches!(consumer.thread_state(), ThreadState::Closed | ThreadState::Failed(_));
    let owns = consumer.assignment().keys().map(|at| fold.lane_name(at));
    let owns: Vec<String> = if runs { owns.collect() } else { Vec::new() };
    MemberView {
        member,
        letter: letter(member),
        name: slot.name.clone(),
        colour: fold.colour(member),
        status: status(slot, consumer, wire.as_ref()),
        is_well: runs
            && !consumer.is_stuck()
            && slot.health == Health::Up
            && consumer.member_state() == MemberState::Stable,
        runs,
        generation: if runs { consumer.generation() } else { -1 },
        leads: runs && consumer.is_group_leader(),
        owns,
        wire: wire.filter(|_| runs),
    }
}

fn status(slot: &Slot, consumer: &Consumer, wire: Option<&Wire>) -> String {
    let word = match (slot.health, consumer.thread_state()) {
        (Health::Waiting, _) => "not started",
        (Health::Killed, _) => "crashed",
        (Health::PoweredOff, _) => "without power",
        (Health::Paused, _) => "stands still",
        (Health::Up, ThreadState::Closed) => "has left",
        (Health::Up, ThreadState::Closing) => "leaving",
        (Health::Up, ThreadState::Failed(error)) => return format!("failed: {}", error.name()),
        (Health::Up, _) if consumer.is_stuck() => "hangs in its handler",
        (Health::Up, _) => match consumer.member_state() {
            MemberState::Unjoined if consumer.coordinator().is_none() => "looks for the coordinator",
            MemberState::Unjoined => "not a member",
            MemberState::Joining if wire.is_some_and(|wire| wire.waits) => "joining, waits for the others",
            MemberState::Stale => "thrown out: did not poll",
            MemberState::Fenced => "fenced: not a member any more",
            state => state.name(),
        },
    };
    word.to_owned()
}

/// The latest frame between a member and the coordinator.
fn wire(flights: &[Flight], node: NodeId, now: SimTime) -> Option<Wire> {
    let of_it = |flight: &&Flight| {
        is_of_groups(flight.frame.info.api_key) && (flight.from == node || flight.to == node)
    };
    let flight = flights.iter().filter(of_it).max_by_key(|flight| flight.entry)?;
    let permille = match flight.arrives {
        Some(arrives) => now.since(flight.sent) * 1_000 / arrives.since(flight.sent).max(1),
        None => 500,
    };
    Some(Wire {
        word: ApiKey::try_from(flight.frame.info.api_key).map_or("request", |api| api.name()),
        outward: flight.frame.info.kind == FrameKind::Request,
        permille: permille.min(1_000) as u16,
        waits: false,
    })
}
