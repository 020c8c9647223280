//! What stays, what moves and what is given up from one round to the next, and why.

use crate::base::{Map, SimTime};
use crate::protocol::TopicPartition;
use crate::sim::{Health, Machine, World};

use super::{Fold, Round, letter};

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
    /// The partitions.
    pub rows: Vec<MoveRow>,
    /// The second round is over.
    pub settled: bool,
}

impl Matrix {
    /// How many stay, and how many do not.
    pub fn counts(&self) -> (u64, u64) {
        let stays = self.rows.iter().filter(|row| row.cells.contains(&Cell::Stays)).count() as u64;
        (stays, self.rows.len() as u64 - stays)
    }
}

type Owners = Map<TopicPartition, u8>;

/// The matrix of the world as it stands.
pub fn matrix(fold: &Fold, world: &World) -> Matrix {
    let (seq, now) = (world.entries(), world.now());
    let rounds = fold.rounds();
    let last = rounds.partition_point(|round| round.seq <= seq);
    let settled = last > 0 && fold.score(seq, now).unstable_since.is_none();
    let (before, after) = if settled {
        (owners(rounds.get(last.wrapping_sub(2))), owners(rounds.get(last - 1)))
    } else {
        (owners(rounds.get(last.wrapping_sub(1))), held(fold, now))
    };
    let gone = |who: u8| is_gone(fold, world, who);
    let has = |owners: &Owners, who: u8| owners.values().filter(|owner| **owner == who).count();
    let members: Vec<u8> = (0..fold.member_count())
        .filter(|who| !gone(*who) || has(&before, *who) > 0 || has(&after, *who) > 0)
        .collect();
    // So many of each member's moves are needed.
    let mut due: Map<u8, usize> =
        members.iter().map(|who| (*who, has(&before, *who).saturating_sub(has(&after, *who)))).collect();
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
            reason(&lane, from, has_it, gone(from), shares, needed)
        });
        MoveRow { lane, cells: members.iter().map(cell).collect(), why }
    });
    Matrix { rows: rows.collect(), members: members.clone(), settled }
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
