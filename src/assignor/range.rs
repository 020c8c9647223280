//! The range assignor: topic by topic, a contiguous range for each member.
//!
//! Rules: the Javadoc of `RangeAssignor`; racks, KIP-881: first what has a replica next to a
//! member goes to it, as far as its share of the topic allows, then the rest as always. Topics
//! with the same subscribers and equally many partitions stay co-partitioned: equal numbers go
//! together, so only a member that is near to all of them may have them for that.

use std::sync::Arc;

use super::group::Group;
use super::{in_assignment_order, rack};
use crate::base::{Map, Set};

/// Who gets what, with or without a look at racks.
#[inline(never)]
pub(super) fn assign(group: &Group<'_>, with_racks: bool) -> Vec<Vec<usize>> {
    let order = in_assignment_order(group);
    let mut states: Vec<TopicState<'_>> =
        (0..group.topics.len()).map(|topic| TopicState::new(group, topic, &order)).collect();
    let by_rack = with_racks && states.iter().any(|state| state.racks_matter);
    if by_rack {
        assign_by_rack(group, &mut states);
    }
    for state in &mut states {
        state.assign_ranges(|_, _| true);
    }
    let mut owned = vec![Vec::new(); group.members.len()];
    for state in &states {
        for (partition, owner) in state.partitions.clone().zip(&state.owners) {
            if let Some(owner) = owner {
                owned[state.consumers[*owner]].push(partition);
            }
        }
    }
    owned
}

/// What is left of a topic while it is handed out.
struct TopicState<'a> {
    partitions: std::ops::Range<usize>,
    /// Its subscribers, in the order of the assignment; below, members are places in it.
    consumers: Vec<usize>,
    racks: Vec<Option<&'a Arc<str>>>,
    has_racks: bool,
    racks_matter: bool,
    owners: Vec<Option<usize>>,
    assigned: Vec<usize>,
    each: usize,
    /// So many members may have one more.
    extra: usize,
}

impl<'a> TopicState<'a> {
    fn new(group: &Group<'a>, topic: usize, order: &[usize]) -> TopicState<'a> {
        let topic = &group.topics[topic];
        let subscribes = |member: &&usize| topic.subscribers.binary_search(member).is_ok();
        let consumers: Vec<usize> = order.iter().filter(subscribes).copied().collect();
        let racks: Vec<_> = consumers.iter().map(|member| rack::of_member(group, *member)).collect();
        let of_members: Set<&Arc<str>> = racks.iter().flatten().copied().collect();
        let racks_matter = !of_members.is_empty()
            && rack::matter(&of_members, topic.partitions.clone().map(|partition| group.racks(partition)));
        let count = topic.partitions.len();
        TopicState {
            partitions: topic.partitions.clone(),
            has_racks: !of_members.is_empty(),
            racks_matter,
            owners: vec![None; count],
            assigned: vec![0; consumers.len()],
            each: count / consumers.len(),
            extra: count % consumers.len(),
            consumers,
            racks,
        }
    }

    /// How many more partitions a member may have.
    fn room(&self, consumer: usize) -> usize {
        (self.each + usize::from(self.extra > 0)).saturating_sub(self.assigned[consumer])
    }

    fn give(&mut self, consumer: usize, number: usize) {
        self.owners[number] = Some(consumer);
        self.assigned[consumer] += 1;
    }

    /// To be told when a member has got all that it gets at a time.
    fn settle(&mut self, consumer: usize, before: usize) {
        if self.assigned[consumer] > self.each.max(before) {
            self.extra = self.extra.saturating_sub(1);
        }
    }

    fn assign_ranges(&mut self, may: impl Fn(&Self, (usize, usize)) -> bool) {
        for consumer in 0..self.consumers.len() {
            let (room, before) = (self.room(consumer), self.assigned[consumer]);
            let free = |number: &usize| self.owners[*number].is_none() && may(self, (consumer, *number));
            let given: Vec<usize> = (0..self.owners.len()).filter(free).take(room).collect();
            for number in given {
                self.give(consumer, number);
            }
            self.settle(consumer, before);
        }
    }
}

fn assign_by_rack<'a>(group: &Group<'a>, states: &mut [TopicState<'a>]) {
    let near = |state: &TopicState<'_>, consumer: usize, number: usize| match state.racks[consumer] {
        Some(rack) => group.racks(state.partitions.start + number).contains(rack),
        None => true,
    };
    let mut alike: Map<(Vec<usize>, usize), Vec<usize>> = Map::new();
    for (index, state) in states.iter().enumerate() {
        if state.has_racks {
            alike.entry((state.consumers.clone(), state.owners.len())).or_default().push(index);
        }
    }
    for ((consumers, count), topics) in alike {
        if let [topic] = topics[..] {
            if states[topic].racks_matter {
                states[topic].assign_ranges(|state, (consumer, number)| near(state, consumer, number));
            }
            continue;
        }
        for number in 0..count {
            let fits = |consumer: &usize| {
                let state = |topic: &usize| &states[*topic];
                topics.iter().map(state).all(|it| it.room(*consumer) > 0 && near(it, *consumer, number))
            };
            let Some(consumer) = (0..consumers.len()).find(fits) else { continue };
            for topic in &topics {
                let before = states[*topic].assigned[consumer];
                states[*topic].give(consumer, number);
                states[*topic].settle(consumer, before);
            }
        }
    }
}
