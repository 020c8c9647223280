//! Members subscribe to different topics: everybody keeps what it may have, what is free goes to
//! who has least, and then partitions move from who has more to who has less until none can.

use super::claims::Claims;
use super::movements::Movements;
use crate::assignor::group::Group;
use crate::assignor::rack::Racks;
use crate::base::sort_by_key;

/// Who gets what.
pub(super) fn assign(group: &Group<'_>, racks: &Racks, claims: Claims) -> Vec<Vec<usize>> {
    let mut owned = claims.owned;
    let mut revokes = false;
    let mut owner = vec![None; group.partition_count()];
    for (member, partitions) in owned.iter_mut().enumerate() {
        let before = partitions.len();
        partitions.retain(|at| group.may_have(member, *at) && !racks.mismatch(member, *at));
        revokes |= partitions.len() < before;
        for partition in partitions {
            owner[*partition] = Some(member);
        }
    }
    let all = in_order(group);
    let free: Vec<usize> = all.iter().filter(|partition| owner[**partition].is_none()).copied().collect();
    let is_first = owned.iter().all(Vec::is_empty);
    let mut balance = Balance {
        group,
        previous: previous_owners(group, &claims.order),
        movements: Movements::new(group.partition_count()),
        owned,
        owner,
        takes_part: Vec::new(),
        uneven: None,
    };
    balance.give_out(racks, &free);
    balance.takes_part = (0..group.members.len()).map(|member| balance.may_change(member)).collect();
    let before = (balance.owned.clone(), balance.owner.clone());
    let is_movable = |partition: &usize| group.subscribers(*partition).len() >= 2;
    // What is new moves before what somebody already works on.
    if !revokes {
        let free: Vec<usize> = free.into_iter().filter(is_movable).collect();
        balance.improve(&free);
    }
    let all: Vec<usize> = all.into_iter().filter(is_movable).collect();
    let moved = balance.improve(&all);
    if !is_first && moved && balance.score(&balance.owned) >= balance.score(&before.0) {
        (balance.owned, balance.owner) = before;
    }
    balance.owned
}

/// Partitions in the order in which they are handed out: topics with few possible owners first.
fn in_order(group: &Group<'_>) -> Vec<usize> {
    let mut topics: Vec<usize> = (0..group.topics.len()).collect();
    sort_by_key(&mut topics, |topic| group.topics[*topic].subscribers.len());
    topics.into_iter().flat_map(|topic| group.topics[topic].partitions.clone()).collect()
}

/// Who owned what in an older generation than the newest: it may have it back.
fn previous_owners(group: &Group<'_>, order: &[usize]) -> Vec<Option<usize>> {
    let newest = group.members.iter().map(|member| member.generation).max().unwrap_or(-1);
    let mut previous: Vec<Option<usize>> = vec![None; group.partition_count()];
    for member in order.iter().copied() {
        let it = group.members[member];
        if it.generation >= newest {
            continue;
        }
        for partition in group.claims(member).filter(|partition| group.may_have(member, *partition)) {
            let other = previous[partition].map(|other| group.members[other].generation);
            if other.is_none_or(|generation| it.generation > generation) {
                previous[partition] = Some(member);
            }
        }
    }
    previous
}

struct Balance<'a> {
    group: &'a Group<'a>,
    previous: Vec<Option<usize>>,
    movements: Movements,
    owned: Vec<Vec<usize>>,
    owner: Vec<Option<usize>>,
    /// Members whose assignment can change at all.
    takes_part: Vec<bool>,
    /// A topic that was found to be uneven, where to look first the next time.
    uneven: Option<usize>,
}

impl Balance<'_> {
    fn load(&self, member: usize) -> usize {
        self.owned[member].len()
    }

    /// Who has least, and first by id, among those that may have a partition.
    fn least_loaded(&self, partition: usize, fits: impl Fn(&usize) -> bool) -> Option<usize> {
        let subscribers = self.group.subscribers(partition).iter().copied();
        subscribers.filter(fits).min_by_key(|member| (self.load(*member), *member))
    }

    /// Gives what is free to who has least, first near its replicas and then wherever.
    fn give_out(&mut self, racks: &Racks, free: &[usize]) {
        let rounds: &[bool] = if racks.matter { &[true, false] } else { &[false] };
        for by_rack in rounds {
            for partition in free {
                if self.owner[*partition].is_some() {
                    continue;
                }
                let fits = |member: &usize| !by_rack || !racks.mismatch(*member, *partition);
                if let Some(member) = self.least_loaded(*partition, fits) {
                    self.owner[*partition] = Some(member);
                    self.owned[member].push(*partition);
                }
            }
        }
    }

    fn may_change(&self, member: usize) -> bool {
        let topics = self.group.topics.iter();
        let subscribed = topics.filter(|topic| topic.subscribers.binary_search(&member).is_ok());
        let most: usize = subscribed.map(|topic| topic.partitions.len()).sum();
        self.load(member) < most
            || self.owned[member].iter().any(|partition| self.group.subscribers(*partition).len() >= 2)
    }

    /// Moves partitions, in this order and as often as it helps; tells whether any has moved.
    fn improve(&mut self, partitions: &[usize]) -> bool {
        let mut any = false;
        let mut is_balanced = self.is_balanced();
        loop {
            let mut moved = false;
            for partition in partitions {
                if is_balanced {
                    break;
                }
                if self.move_if_better(*partition) {
                    moved = true;
                    is_balanced = self.is_balanced();
                }
            }
            any |= moved;
            if !moved {
                return any;
            }
        }
    }

    fn move_if_better(&mut self, partition: usize) -> bool {
        let Some(owner) = self.owner[partition] else { return false };
        let is_better = |member: &usize| self.load(owner) > self.load(*member) + 1;
        let better = self.previous[partition].filter(is_better);
        let better = better.or_else(|| self.least_loaded(partition, |_| true).filter(is_better));
        let Some(to) = better else { return false };
        let topic = self.group.topic_of(partition);
        let partition = self.movements.best(topic, partition, owner, to);
        let from = self.owner[partition].unwrap_or(owner);
        self.movements.add(topic, partition, from, to);
        self.owned[from].retain(|it| *it != partition);
        self.owned[to].push(partition);
        self.owner[partition] = Some(to);
        true
    }

    /// Whether no partition can go to somebody who would then still not have more than who gave
    /// it.
    fn is_balanced(&mut self) -> bool {
        let loads = || (0..self.owned.len()).filter(|it| self.takes_part[*it]).map(|it| self.load(it));
        if loads().min().unwrap_or(0) + 1 >= loads().max().unwrap_or(0) {
            return true;
        }
        if self.uneven.is_some_and(|topic| self.is_uneven(topic)) {
            return false;
        }
        self.uneven = (0..self.group.topics.len()).find(|topic| self.is_uneven(*topic));
        self.uneven.is_none()
    }

    fn is_uneven(&self, topic: usize) -> bool {
        let topic = &self.group.topics[topic];
        let least = topic.subscribers.iter().map(|member| self.load(*member)).min().unwrap_or(0);
        let owners = topic.partitions.clone().filter_map(|partition| self.owner[partition]);
        owners.map(|member| self.load(member)).max().unwrap_or(0) > least + 1
    }

    /// The sum of the differences between the loads of any two members that take part.
    fn score(&self, owned: &[Vec<usize>]) -> u64 {
        let takes_part = |(member, _): &(usize, &Vec<usize>)| self.takes_part[*member];
        let mut loads: Vec<usize> =
            owned.iter().enumerate().filter(takes_part).map(|(_, owned)| owned.len()).collect();
        sort_by_key(&mut loads, |load| *load);
        let mut sum = 0;
        let mut score = 0;
        for (below, load) in (0..).zip(loads) {
            score += load as u64 * below - sum;
            sum += load as u64;
        }
        score
    }
}
