//! The uniform assignor for members that subscribe to different topics.
//!
//! Everybody keeps what it may have; what is free goes, topic by topic, to the subscribers with
//! least; then, topic by topic again, partitions move from the subscribers with most to those
//! with least, until nothing moves or it has been tried often enough.

use super::present_owners;
use crate::assignor::group::Group;
use crate::base::{sort_by, sort_by_key};

/// How often all topics are gone through at most. Balance through several topics may need more
/// than one round.
const MAX_ROUNDS: usize = 16;

/// Who gets what.
pub(super) fn assign(group: &Group<'_>) -> Vec<Vec<usize>> {
    let mut target = Target { group, owners: present_owners(group), loads: vec![0; group.members.len()] };
    for owner in target.owners.iter().flatten() {
        target.loads[*owner] += 1;
    }
    let topics = in_order(group);
    for topic in &topics {
        target.give_out(*topic);
    }
    target.balance(&topics);
    let mut owned = vec![Vec::new(); group.members.len()];
    for (partition, owner) in target.owners.into_iter().enumerate() {
        if let Some(owner) = owner {
            owned[owner].push(partition);
        }
    }
    owned
}

/// Topics with most partitions a subscriber first, then those with fewest subscribers.
fn in_order(group: &Group<'_>) -> Vec<usize> {
    let mut topics: Vec<usize> = (0..group.topics.len()).collect();
    let size = |topic: &usize| {
        let topic = &group.topics[*topic];
        (topic.partitions.len() as u128, topic.subscribers.len() as u128)
    };
    sort_by(&mut topics, |a, b| {
        let ((partitions_a, subscribers_a), (partitions_b, subscribers_b)) = (size(a), size(b));
        let density = (partitions_b * subscribers_a).cmp(&(partitions_a * subscribers_b));
        density.then(subscribers_a.cmp(&subscribers_b))
    });
    topics
}

struct Target<'a> {
    group: &'a Group<'a>,
    owners: Vec<Option<usize>>,
    loads: Vec<usize>,
}

impl Target<'_> {
    fn give(&mut self, partition: usize, member: usize) {
        if let Some(before) = self.owners[partition].replace(member) {
            self.loads[before] -= 1;
        }
        self.loads[member] += 1;
    }

    fn give_out(&mut self, topic: usize) {
        let topic = &self.group.topics[topic];
        let mut ranks = Ranks::new(&topic.subscribers, &self.loads);
        for partition in topic.partitions.clone() {
            if self.owners[partition].is_none() {
                let member = ranks.next_least(&self.loads);
                self.give(partition, member);
            }
        }
    }

    fn balance(&mut self, topics: &[usize]) {
        let shared = |topic: &&usize| self.group.topics[**topic].subscribers.len() >= 2;
        let topics: Vec<usize> = topics.iter().filter(shared).copied().collect();
        // The topic after which nothing has moved any more.
        let mut last = None;
        for _ in 0..MAX_ROUNDS {
            for topic in &topics {
                if last == Some(*topic) {
                    return;
                }
                if self.balance_topic(*topic) || last.is_none() {
                    last = Some(*topic);
                }
            }
        }
    }

    /// Moves partitions of one topic; tells whether any has moved.
    fn balance_topic(&mut self, topic: usize) -> bool {
        let topic = &self.group.topics[topic];
        let mut ranks = Ranks::new(&topic.subscribers, &self.loads);
        if ranks.spread(&self.loads) <= 1 {
            return false;
        }
        // What each member could give, the highest number last.
        let mut by_owner: Vec<Vec<usize>> = vec![Vec::new(); self.loads.len()];
        for partition in topic.partitions.clone() {
            if let Some(owner) = self.owners[partition] {
                by_owner[owner].push(partition);
            }
        }
        let mut moved = false;
        while let Some(partition) = ranks.next_giver(&self.loads, |member| by_owner[member].pop()) {
            let member = ranks.next_least(&self.loads);
            if ranks.is_balanced() {
                break;
            }
            self.give(partition, member);
            moved = true;
        }
        moved
    }
}

/// Subscribers of a topic by load, between a range of those with least, which grows to the right
/// as it fills, and a range of those with most, which grows to the left as it empties:
///
/// ```text
///                 with most
///   with least  ▁▁▄▄▄[█████]█   who has nothing to give
/// [▁▁▁▁▁▁▁▁▁▁]▂▂
/// ```
///
/// Members of a range have equally many partitions, but for those that had their turn.
struct Ranks {
    members: Vec<usize>,
    least_end: usize,
    /// The load of the range before the turn; one less than the least before the first.
    least_load: Option<usize>,
    least_next: usize,
    most_start: usize,
    most_end: usize,
    most_load: usize,
    /// One more than the place of the next.
    most_next: usize,
}

impl Ranks {
    fn new(subscribers: &[usize], loads: &[usize]) -> Ranks {
        let mut members = subscribers.to_vec();
        sort_by_key(&mut members, |member| (loads[*member], *member));
        let (len, load) = (members.len(), |place: Option<&usize>| place.map_or(0, |it| loads[*it]));
        Ranks {
            least_end: 0,
            least_load: load(members.first()).checked_sub(1),
            least_next: 0,
            most_start: len,
            most_end: len,
            most_load: load(members.last()) + 1,
            most_next: len,
            members,
        }
    }

    /// By how much the loads differ at most.
    fn spread(&self, loads: &[usize]) -> usize {
        match (self.members.first(), self.members.last()) {
            (Some(first), Some(last)) => loads[*last].saturating_sub(loads[*first]),
            _ => 0,
        }
    }

    /// Who gets the next partition.
    fn next_least(&mut self, loads: &[usize]) -> usize {
        if self.least_next >= self.least_end {
            let load = self.least_load.map_or(0, |load| load + 1);
            self.least_load = Some(load);
            while self.members.get(self.least_end).is_some_and(|it| loads[*it] == load) {
                self.least_end += 1;
            }
            self.least_next = 0;
        }
        self.least_next += 1;
        self.members[self.least_next - 1]
    }

    /// What the next of those with most gives away; who has nothing is left out from then on.
    fn next_giver<T>(&mut self, loads: &[usize], mut give: impl FnMut(usize) -> Option<T>) -> Option<T> {
        loop {
            if self.most_next <= self.most_start {
                self.widen_most(loads);
            }
            let place = self.most_next.checked_sub(1)?;
            self.most_next = place;
            let given = give(self.members[place]);
            if given.is_some() {
                return given;
            }
            self.most_end -= 1;
            self.members.swap(place, self.most_end);
        }
    }

    fn widen_most(&mut self, loads: &[usize]) {
        let left = self.most_start.checked_sub(1).map(|place| loads[self.members[place]]);
        self.most_load = match left {
            Some(load) if self.most_end <= self.most_start => load,
            _ => self.most_load.saturating_sub(1),
        };
        while self.most_start > 0 && loads[self.members[self.most_start - 1]] == self.most_load {
            self.most_start -= 1;
        }
        self.most_next = self.most_end;
    }

    fn is_balanced(&self) -> bool {
        self.most_load <= self.least_load.unwrap_or(0) + 1
    }
}
