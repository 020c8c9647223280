//! All members subscribe to the same topics: everybody keeps what it has up to its share, and
//! what is then free is dealt out to who has less than its share.

use std::collections::VecDeque;

use super::claims::Claims;
use crate::assignor::group::Group;
use crate::assignor::rack::Racks;
use crate::base::sort_by_key;

/// Who gets what; and, by partition, whether somebody else may still hold it.
pub(super) fn assign(group: &Group<'_>, racks: &Racks, mut claims: Claims) -> (Vec<Vec<usize>>, Vec<bool>) {
    let members = group.members.len();
    if members == 0 {
        return (Vec::new(), Vec::new());
    }
    let count = group.partition_count();
    let mut deal = Deal {
        racks,
        least: count / members,
        most: count.div_ceil(members),
        full_wanted: count % members,
        full: 0,
        owned: vec![Vec::new(); members],
        below: Vec::new(),
        at_least: VecDeque::new(),
        had: vec![None; count],
        is_disputed: claims.is_disputed,
        moving: vec![false; count],
    };
    let mut is_kept = vec![false; count];
    for member in claims.order {
        deal.keep(group, member, std::mem::take(&mut claims.owned[member]));
        for partition in &deal.owned[member] {
            is_kept[*partition] = true;
        }
    }
    deal.below.sort_unstable();
    deal.at_least.make_contiguous().sort_unstable();
    let mut free: Vec<usize> = (0..count).filter(|partition| !is_kept[*partition]).collect();
    if racks.matter {
        let near = racks.near_counts();
        sort_by_key(&mut free, |partition| near[*partition]);
        let mut next = 0;
        free.retain(|partition| !deal.give_nearby(*partition, &mut next));
    }
    deal.give_out(&free);
    (deal.owned, deal.moving)
}

/// The state of a deal.
struct Deal<'a> {
    racks: &'a Racks,
    /// A member's share, rounded down.
    least: usize,
    /// A member's share, rounded up.
    most: usize,
    /// How many members shall have more than `least`.
    full_wanted: usize,
    full: usize,
    owned: Vec<Vec<usize>>,
    /// Members with less than `least`.
    below: Vec<usize>,
    /// Members with `least` that may get one more.
    at_least: VecDeque<usize>,
    /// Who may have to give up a partition.
    had: Vec<Option<usize>>,
    is_disputed: Vec<bool>,
    moving: Vec<bool>,
}

impl Deal<'_> {
    /// A member keeps what it owned, up to its share.
    fn keep(&mut self, group: &Group<'_>, member: usize, mut claimed: Vec<usize>) {
        for partition in &claimed {
            if self.racks.mismatch(member, *partition) {
                self.had[*partition] = Some(member);
            }
        }
        claimed.retain(|at| !self.racks.mismatch(member, *at) && !self.is_disputed[*at]);
        sort_by_key(&mut claimed, |at| (group.number(*at), *at));
        let keeps = if claimed.len() < self.least {
            self.below.push(member);
            claimed.len()
        } else if claimed.len() >= self.most && self.full < self.full_wanted {
            self.full += 1;
            if self.full == self.full_wanted {
                self.at_least.clear();
            }
            self.most
        } else {
            if self.full < self.full_wanted {
                self.at_least.push_back(member);
            }
            self.least
        };
        for partition in claimed.split_off(keeps) {
            self.had[partition] = Some(member);
        }
        self.owned[member] = claimed;
    }

    /// Gives a partition to a member next to one of its replicas, in turns; tells whether there
    /// was one with room.
    fn give_nearby(&mut self, partition: usize, next: &mut usize) -> bool {
        let near = |member: &usize| self.racks.is_near(*member, partition);
        let below = self.below.len();
        let turns = (0..below).map(|turn| (*next + turn) % below);
        if let Some(place) = turns.into_iter().find(|place| near(&self.below[*place])) {
            let member = self.below[place];
            let has = self.owned[member].len() + 1;
            *next = place + 1;
            if has >= self.least {
                self.below.remove(place);
                *next = place;
                if has < self.most && self.full < self.full_wanted {
                    self.at_least.push_back(member);
                }
            }
            *next = next.checked_rem(self.below.len()).unwrap_or(0);
            self.give(partition, member);
            return true;
        }
        let Some(place) = self.at_least.iter().position(near) else { return false };
        let member = self.at_least[place];
        if self.owned[member].len() + 1 == self.most {
            self.at_least.remove(place);
            self.filled();
            if self.full == self.full_wanted {
                self.at_least.clear();
            }
        }
        self.give(partition, member);
        true
    }

    /// Deals out the rest: to those below their share in turns, then to those that may have one
    /// more.
    fn give_out(&mut self, free: &[usize]) {
        let mut next = 0;
        for partition in free {
            if next >= self.below.len() {
                next = 0;
            }
            let waiting = self.below.get(next).copied();
            // The shares are such that somebody is always left.
            let Some(member) = waiting.or_else(|| self.at_least.pop_front()) else { return };
            self.give(*partition, member);
            let has = self.owned[member].len();
            if has == self.least {
                self.below.remove(next);
                self.at_least.push_back(member);
            } else {
                next += 1;
            }
            if has != self.least && has == self.most {
                self.filled();
            }
        }
    }

    fn filled(&mut self) {
        self.full += 1;
    }

    fn give(&mut self, partition: usize, member: usize) {
        self.owned[member].push(partition);
        let gives_up = self.had[partition].is_some_and(|had| had != member);
        self.moving[partition] = gives_up || self.is_disputed[partition];
    }
}
