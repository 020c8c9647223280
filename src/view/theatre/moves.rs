//! What stays, what moves and what is given up from one round to the next, and why.

use std::sync::Arc;

use crate::assignor::{Assignment, Assignor, AssignorKind, Member, ServerAssignor, Topic, Topics, explain};
use crate::base::{Map, SimTime};
use crate::client::Consumer;
use crate::coordinator::Group;
use crate::protocol::TopicPartition;
use crate::sim::{Health, Machine, World};

use super::panel::coordinated;
use super::{Fold, Lane, Round, Sharers, letter};

/// A member and a partition, from one round to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Nothing between them.
    Nothing,
    /// It had it and has it.
    Stays,
    /// It has it now.
    Gets,
    /// It had it.
    Gave,
}

/// A partition in the matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveRow {
    /// The partition's short name.
    pub lane: String,
    /// One for each member.
    pub cells: Vec<Cell>,
    /// Why it moved, if it did.
    pub why: Option<String>,
}

/// Two rounds beside each other, or a round and what has become of it so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// The members that have or had something, or run.
    pub members: Vec<u8>,
    /// The numbers of their colours.
    pub colours: Vec<u8>,
    /// The partitions.
    pub rows: Vec<MoveRow>,
    /// The second round is over.
    pub settled: bool,
}

impl Matrix {
    /// How many stay, and how many do not.
    pub fn counts(&self) -> (u64, u64) {
        let stays = |row: &&MoveRow| {
            // A partition that is shared stays only if everybody stays.
            row.cells.contains(&Cell::Stays)
                && !row.cells.iter().any(|cell| matches!(cell, Cell::Gets | Cell::Gave))
        };
        let stays = self.rows.iter().filter(stays).count() as u64;
        (stays, self.rows.len() as u64 - stays)
    }
}

type Owners = Map<TopicPartition, u8>;
/// Who shares what, in a share group.
type Shared = Map<TopicPartition, Sharers>;

/// What a matrix depends on: with an equal key, it is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatrixKey {
    version: u64,
    rounds: usize,
    settled: bool,
    /// Who has each partition, unless the round is over.
    held: Vec<(Option<u8>, Sharers)>,
    gone: Vec<bool>,
}

/// The key of the matrix of the world as it stands: much cheaper than the matrix.
pub fn matrix_key(fold: &Fold, world: &World) -> MatrixKey {
    let (rounds, settled) = round_at(fold, world);
    let held = |lane: &Lane| {
        let holder = lane.holder_at(world.now());
        (holder.owner, holder.sharers)
    };
    MatrixKey {
        version: fold.version(),
        rounds,
        settled,
        held: if settled { Vec::new() } else { fold.lanes().values().map(held).collect() },
        gone: (0..fold.member_count()).map(|who| is_gone(fold, world, who)).collect(),
    }
}

/// How many rounds are over, and whether none is under way.
fn round_at(fold: &Fold, world: &World) -> (usize, bool) {
    let (seq, now) = (world.entries(), world.now());
    let last = fold.rounds().partition_point(|round| round.seq <= seq);
    (last, last > 0 && fold.score(seq, now).unstable_since.is_none())
}

/// The matrix of the world as it stands.
pub fn matrix(fold: &Fold, world: &World) -> Matrix {
    if fold.is_share() {
        return shared_matrix(fold, world);
    }
    let (last, settled) = round_at(fold, world);
    let rounds = fold.rounds();
    let (before, after) = if settled {
        (owners(rounds.get(last.wrapping_sub(2))), owners(rounds.get(last - 1)))
    } else {
        (owners(rounds.get(last.wrapping_sub(1))), held(fold, world.now()))
    };
    let gone = |who: u8| is_gone(fold, world, who);
    let has = |owners: &Owners, who: u8| owners.values().filter(|owner| **owner == who).count();
    let members: Vec<u8> = (0..fold.member_count())
        .filter(|who| !gone(*who) || has(&before, *who) > 0 || has(&after, *who) > 0)
        .collect();
    // So many of each member's moves are needed.
    let mut due: Map<u8, usize> =
        members.iter().map(|who| (*who, has(&before, *who).saturating_sub(has(&after, *who)))).collect();
    let reasons = if settled { explained(fold, world, &before, &after) } else { Map::new() };
    let rows = fold.lanes().keys().map(|at| {
        let (had, has_it) = (before.get(at).copied(), after.get(at).copied());
        let cell = |who: &u8| match (had == Some(*who), has_it == Some(*who)) {
            (true, true) => Cell::Stays,
            (true, false) => Cell::Gave,
            (false, true) => Cell::Gets,
            (false, false) => Cell::Nothing,
        };
        let lane = fold.lane_name(at);
        let moved = had.filter(|_| had != has_it);
        let why = moved.map(|from| {
            let shares = (has(&before, from), has(&after, from));
            let left = due.entry(from).or_insert(0);
            let needed = *left > 0;
            *left = left.saturating_sub(1);
            match reasons.get(at).filter(|_| has_it.is_some()) {
                Some(words) if needed || gone(from) => words.clone(),
                Some(words) => format!("{words} Needless: no share asked for it."),
                None => reason(&lane, from, has_it, gone(from), shares, needed),
            }
        });
        MoveRow { lane, cells: members.iter().map(cell).collect(), why }
    });
    let rows = rows.collect();
    Matrix { rows, colours: members.iter().map(|who| fold.colour(*who)).collect(), members, settled }
}

/// The same of a share group: several members may have a partition.
#[inline(never)]
fn shared_matrix(fold: &Fold, world: &World) -> Matrix {
    let (last, settled) = round_at(fold, world);
    let shared =
        |round: usize| fold.rounds().get(round).map(|round| round.sharers.clone()).unwrap_or_default();
    let (before, after): (Shared, Shared) = if settled {
        (shared(last.wrapping_sub(2)), shared(last - 1))
    } else {
        let now = |(at, lane): (&TopicPartition, &Lane)| (at.clone(), lane.holder_at(world.now()).sharers);
        (shared(last.wrapping_sub(1)), fold.lanes().iter().map(now).collect())
    };
    let has = |shared: &Shared, who: u8| shared.values().any(|sharers| sharers.contains(who));
    let members: Vec<u8> = (0..fold.member_count())
        .filter(|who| !is_gone(fold, world, *who) || has(&before, *who) || has(&after, *who))
        .collect();
    let rows = fold.lanes().keys().map(|at| {
        let of = |shared: &Shared| shared.get(at).copied().unwrap_or_default();
        let (had, has_it) = (of(&before), of(&after));
        let cell = |who: &u8| match (had.contains(*who), has_it.contains(*who)) {
            (true, true) => Cell::Stays,
            (true, false) => Cell::Gave,
            (false, true) => Cell::Gets,
            (false, false) => Cell::Nothing,
        };
        let lane = fold.lane_name(at);
        let why = (had != has_it && before.contains_key(at)).then(|| shared_reason(&lane, had, has_it));
        MoveRow { lane, cells: members.iter().map(cell).collect(), why }
    });
    let rows = rows.collect();
    Matrix { rows, colours: members.iter().map(|who| fold.colour(*who)).collect(), members, settled }
}

fn shared_reason(lane: &str, had: Sharers, has: Sharers) -> String {
    let came: Sharers = has.iter().filter(|who| !had.contains(*who)).collect();
    let went: Sharers = had.iter().filter(|who| !has.contains(*who)).collect();
    let changed = match (came.count(), went.count()) {
        (0, _) => format!("without {}", went.words()),
        (_, 0) => format!("with {} as well", came.words()),
        _ => format!("with {} in place of {}", came.words(), went.words()),
    };
    match has.count() {
        0 => format!("{lane}: nobody has it any more."),
        1 => format!("{lane}: {} has it alone now, {changed}.", has.words()),
        _ => format!("{lane}: {} share it now, {changed}.", has.words()),
    }
}

/// Why each partition is where it is, in the assignor's own terms.
fn explained(fold: &Fold, world: &World, before: &Owners, after: &Owners) -> Map<TopicPartition, String> {
    let group = coordinated(world, fold.group()).map(|(_, group)| group);
    let Some(assignor) = group.and_then(|group| assignor_of(fold, world, group)) else { return Map::new() };
    let ids: Vec<Arc<str>> = (0..fold.member_count()).map(|who| id_of(fold, world, who)).collect();
    let by_id = |owners: &Owners| {
        let mut by_id = Assignment::new();
        for (at, who) in owners {
            if let Some(id) = ids.get(usize::from(*who)) {
                by_id.entry(id.clone()).or_default().push(at.clone());
            }
        }
        by_id
    };
    let (had, has) = (by_id(before), by_id(after));
    let members: Vec<Member> = (0..fold.member_count())
        .zip(&ids)
        .filter(|(who, _)| !is_gone(fold, world, *who))
        .filter_map(|(who, id)| {
            let consumer = consumer_of(fold, world, who)?;
            Some(Member {
                member_id: id.clone(),
                group_instance_id: consumer.config().group_instance_id.clone(),
                rack: None,
                topics: consumer.app().topics.iter().cloned().collect(),
                owned: had.get(id).cloned().unwrap_or_default(),
                generation: 0,
            })
        })
        .collect();
    let mut topics = Topics::new();
    for at in fold.lanes().keys() {
        let topic: &mut Topic = topics.entry(at.topic.clone()).or_default();
        topic.partitions = topic.partitions.max(at.partition.saturating_add(1));
    }
    let called = |id: &str| {
        let who = ids.iter().position(|known| **known == *id).unwrap_or_default();
        letter(who as u8)
    };
    let said = explain(assignor, &topics, &members, &had, &has);
    said.into_iter().map(|reason| (reason.partition.clone(), reason.words(&called))).collect()
}

fn assignor_of(fold: &Fold, world: &World, group: &Group) -> Option<Assignor> {
    match group.consumer() {
        Some(_) => {
            let asks_for_range = |who| {
                let config = consumer_of(fold, world, who).map(Consumer::config);
                config.and_then(|config| config.group_remote_assignor.as_deref()) == Some("range")
            };
            let range = (0..fold.member_count()).any(asks_for_range);
            Some(Assignor::Consumer(if range { ServerAssignor::Range } else { ServerAssignor::Uniform }))
        }
        None => AssignorKind::from_protocol_name(group.protocol_name()?).map(Assignor::Classic),
    }
}

/// What the coordinator calls a member; its name, if it has no such id now.
fn id_of(fold: &Fold, world: &World, who: u8) -> Arc<str> {
    match consumer_of(fold, world, who).map(Consumer::member_id) {
        Some(id) if !id.is_empty() && !is_gone(fold, world, who) => id.into(),
        _ => fold.name(who).into(),
    }
}

fn consumer_of<'a>(fold: &Fold, world: &'a World, who: u8) -> Option<&'a Consumer> {
    match &world.node(fold.node(who)?)?.machine {
        Machine::Consumer(consumer) => Some(consumer),
        _ => None,
    }
}

fn reason(
    lane: &str,
    from: u8,
    to: Option<u8>,
    gone: bool,
    (had, has): (usize, usize),
    needed: bool,
) -> String {
    let a = letter(from);
    match to.map(letter) {
        None if gone => format!("{lane}: {a} is gone, and nobody has taken its place yet."),
        None => format!("{lane}: {a} has given it up; it is handed out when the round ends."),
        Some(b) if gone => format!("{lane}: {a} is gone, so it had to go to somebody: {b}."),
        Some(b) if needed => format!("{lane}: {a} had {had} and now has {has}, so it goes to {b}."),
        Some(b) => format!("{lane}: {a} lost no share by it, yet it goes to {b}. Needless."),
    }
}

fn owners(round: Option<&Round>) -> Owners {
    round.map(|round| round.owners.clone()).unwrap_or_default()
}

fn held(fold: &Fold, now: SimTime) -> Owners {
    let holder = fold.lanes().iter().filter_map(|(at, lane)| Some((at.clone(), lane.holder_at(now).owner?)));
    holder.collect()
}

/// Whether a member's process has ended.
pub(super) fn is_gone(fold: &Fold, world: &World, who: u8) -> bool {
    let Some(slot) = fold.node(who).and_then(|node| world.node(node)) else { return true };
    let ended = match &slot.machine {
        Machine::Consumer(consumer) => {
            use crate::client::consumer::ThreadState::{Closed, Failed};
            matches!(consumer.thread_state(), Closed | Failed(_))
        }
        _ => true,
    };
    ended || !matches!(slot.health, Health::Up | Health::Paused)
}
