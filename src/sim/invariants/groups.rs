//! What consumer groups promise: a partition has one owner at a time. Who owns what is checked as
//! the coordinator hands it out and as the members themselves believe; what a group processes twice
//! is counted, for Kafka does not promise that it does not.

use std::sync::Arc;

use super::{Nodes, TWO_OWNERS};
use crate::base::{Map, NodeId, Set};
use crate::client::Consumer;
use crate::client::consumer::GroupProtocol;
use crate::coordinator::GroupCoordinator;
use crate::protocol::TopicPartition;
use crate::sim::Machine;
use crate::trace::{Entry, Event, Offsets};

/// A generation, and a member in it.
type Owner = (i32, Arc<str>);

/// What is known of groups.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Groups {
    /// By each coordinator, for one that is not any more may still decide what will never be committed:
    /// in which generation, to which member.
    assigned: Map<(NodeId, Arc<str>, TopicPartition), Owner>,
    /// By each coordinator of a consumer group: what each member may have, or has still to give up.
    held: Map<(NodeId, Arc<str>, Arc<str>), Set<TopicPartition>>,
    /// As its consumers see it.
    views: Map<NodeId, View>,
    /// What a group has processed of a partition: ranges in ascending order that do not touch.
    processed: Map<(Arc<str>, TopicPartition), Vec<Offsets>>,
    /// Disks have lost what coordinators had written: generations may come again.
    has_lost: bool,
}

/// What a consumer believes.
#[derive(Clone, Debug, Default, PartialEq)]
struct View {
    group: Arc<str>,
    member: Arc<str>,
    generation: i32,
    /// It knows what the generation gave it.
    is_settled: bool,
    owned: Set<TopicPartition>,
}

impl Groups {
    /// No disk has kept what some coordinator had decided.
    pub(super) fn coordinators_lost(&mut self) {
        self.has_lost = true;
    }

    /// Why a partition may have two owners.
    pub(super) fn excuse(&self) -> Option<&'static str> {
        self.has_lost.then_some("the disks of all in-sync replicas have lost the group")
    }

    /// Takes in what happened; `broken` hears of promises that were not kept, `repeated` of records
    /// that a group has processed before.
    pub(super) fn check(
        &mut self,
        nodes: &Nodes,
        entry: &Entry,
        broken: &mut impl FnMut(&'static str, String),
        repeated: &mut Vec<(u64, NodeId, Event)>,
    ) {
        match &entry.event {
            Event::MemberAssigned { group, member, generation, partitions } => {
                for at in partitions {
                    let key = (entry.node, Arc::clone(group), at.clone());
                    match self.assigned.get(&key) {
                        Some((same, owner)) if same == generation && owner != member => broken(
                            TWO_OWNERS,
                            format!("{at}: {owner} and {member} in generation {generation}"),
                        ),
                        _ => drop(self.assigned.insert(key, (*generation, Arc::clone(member)))),
                    }
                }
            }
            // In a share group many have the same partition.
            Event::MemberReconciled { group, .. } if is_share(nodes, entry.node, group) => {}
            Event::MemberReconciled { group, member, assigned, revoking, .. } => {
                let key = (entry.node, Arc::clone(group), Arc::clone(member));
                let holds: Set<TopicPartition> = assigned.iter().chain(revoking).cloned().collect();
                for ((node, other, owner), theirs) in &self.held {
                    let is_it = *node == entry.node && other == group && owner != member;
                    let both = theirs.intersection(&holds).filter(|_| is_it);
                    for at in both {
                        broken(TWO_OWNERS, format!("{at}: {owner} has not let go, and {member} has it"));
                    }
                }
                self.held.insert(key, holds);
            }
            // What the one before had decided may not have come through.
            Event::CoordinatorElected { .. } => {
                self.held.retain(|(node, _, _), _| *node != entry.node);
                self.assigned.retain(|(node, _, _), _| *node != entry.node);
            }
            Event::GroupMigrated { group, .. } => self.held.retain(|(_, of, _), _| of != group),
            Event::MemberLeft { group, member, .. } => {
                self.held.remove(&(entry.node, Arc::clone(group), Arc::clone(member)));
            }
            Event::NodeKilled | Event::NodeStopped | Event::PowerLost { .. } | Event::NodeStarted => {
                self.views.remove(&entry.node);
            }
            Event::MemberStateChanged { group, member, generation, to, .. } => {
                let view = self.views.entry(entry.node).or_default();
                view.group = Arc::clone(group);
                view.member = Arc::clone(member);
                view.generation = *generation;
                view.is_settled = !matches!(*to, "joining" | "syncing" | "unjoined");
                if *to == "stable" {
                    let owned: Vec<TopicPartition> = view.owned.iter().cloned().collect();
                    self.check_owners(nodes, entry.node, &owned, broken);
                }
            }
            Event::PartitionsAssigned { partitions, .. } => {
                let view = self.views.entry(entry.node).or_default();
                view.owned.extend(partitions.iter().cloned());
                self.check_owners(nodes, entry.node, partitions, broken);
            }
            Event::PartitionsRevoked { partitions, .. } | Event::PartitionsLost { partitions, .. } => {
                if let Some(view) = self.views.get_mut(&entry.node) {
                    view.owned.retain(|at| !partitions.contains(at));
                }
            }
            Event::RecordsConsumed { at, offsets } => {
                let group = consumer(nodes, entry.node).and_then(|it| it.config().group_id.clone());
                let Some(group) = group else { return };
                let ranges = self.processed.entry((Arc::clone(&group), at.clone())).or_default();
                for offsets in add(ranges, *offsets) {
                    let event = Event::RecordsRepeated { group: Arc::clone(&group), at: at.clone(), offsets };
                    repeated.push((entry.seq, entry.node, event));
                }
            }
            _ => {}
        }
    }

    /// Whether a member has this from before and is about to give it up: a static one may have been away
    /// when another was given it, and keeps its place all the same (KIP-345, KIP-429).
    fn is_left_over(&self, nodes: &Nodes, node: NodeId, view: &View, at: &TopicPartition) -> bool {
        let is_static = consumer(nodes, node).is_some_and(|it| it.config().group_instance_id.is_some());
        let given = self.assigned.iter().filter(|((_, of, given), _)| *of == view.group && given == at);
        let mut now = given.filter(|(_, (generation, _))| *generation == view.generation);
        is_static && now.any(|(_, (_, owner))| *owner != view.member)
    }

    /// Nobody else may believe to own these. In the classic protocol who is of an older generation
    /// may: it will hear. In the consumer protocol nobody is given what another member has not let
    /// go, unless the coordinator has put that one out, or that one has said that it does not own it
    /// while its application was busy, and is on its way to letting go.
    fn check_owners(
        &self,
        nodes: &Nodes,
        node: NodeId,
        partitions: &[TopicPartition],
        broken: &mut impl FnMut(&'static str, String),
    ) {
        let Some(me) = consumer(nodes, node) else { return };
        let Some(mine) = self.views.get(&node).filter(|view| !view.group.is_empty()) else { return };
        // In a share group many have the same partition.
        let is_managed = match me.config().group_protocol {
            GroupProtocol::Share => return,
            protocol => protocol == GroupProtocol::Consumer,
        };
        // Put out, it has yet to hear of it: what it believes nobody counts on any more.
        if is_managed && !is_member(nodes, &mine.group, &mine.member) {
            return;
        }
        for (other, theirs) in self.views.iter().filter(|(other, _)| **other != node) {
            let Some(it) = consumer(nodes, *other) else { continue };
            // The one was fenced by the other: only one at a time can be that instance.
            let instance = &me.config().group_instance_id;
            let is_same_instance = instance.is_some() && *instance == it.config().group_instance_id;
            let counts = if is_managed {
                theirs.generation > 0 && is_member(nodes, &theirs.group, &theirs.member)
            } else {
                theirs.is_settled && theirs.generation == mine.generation && mine.generation > 0
            };
            if theirs.group != mine.group || is_same_instance || !counts {
                continue;
            }
            let is_held = |at: &&TopicPartition| {
                theirs.owned.contains(*at)
                    && !self.is_left_over(nodes, node, mine, at)
                    && !self.is_left_over(nodes, *other, theirs, at)
                    && !(is_managed && (lets_go(me, at) || lets_go(it, at)))
            };
            for at in partitions.iter().filter(is_held) {
                let (a, b) = (&theirs.member, &mine.member);
                broken(
                    TWO_OWNERS,
                    format!("{at}: {a} and {b} both believe so in generation {}", mine.generation),
                );
            }
        }
    }
}

/// Whether a managed member has just given this up again, or is about to.
fn lets_go(consumer: &Consumer, at: &TopicPartition) -> bool {
    !consumer.assignment().contains_key(at) || consumer.is_to_give_up(at)
}

/// Whether the group's coordinator has this member in a consumer group. One that was replaced and does
/// not know it does not count.
fn is_member(nodes: &Nodes, group: &str, member: &str) -> bool {
    let coordinators = nodes.values().filter_map(|slot| match &slot.machine {
        Machine::Broker(broker) => Some(broker.coordinator()),
        _ => None,
    });
    let leads = |it: &&GroupCoordinator| {
        let home = it.partition_for(group);
        it.partitions().find(|(partition, _)| *partition == home).map(|(_, epoch)| epoch)
    };
    let latest = coordinators.filter(|it| leads(it).is_some()).max_by_key(leads);
    let consumer = latest.and_then(|it| it.group(group)?.consumer());
    consumer.is_some_and(|it| it.member(member).is_some())
}

fn is_share(nodes: &Nodes, node: NodeId, group: &str) -> bool {
    let broker = nodes.get(&node).and_then(|slot| slot.machine.broker());
    broker.and_then(|broker| broker.coordinator().group(group)).is_some_and(|it| it.share().is_some())
}

pub(super) fn consumer(nodes: &Nodes, node: NodeId) -> Option<&Consumer> {
    match &nodes.get(&node)?.machine {
        Machine::Consumer(consumer) => Some(consumer),
        _ => None,
    }
}

/// Adds a range to ranges; returns what of it they had before.
fn add(ranges: &mut Vec<Offsets>, new: Offsets) -> Vec<Offsets> {
    let touches = |range: &Offsets| range.from <= new.to && new.from <= range.to;
    let first = ranges.partition_point(|range| range.to < new.from);
    let count = ranges[first..].iter().take_while(|range| touches(range)).count();
    let (mut whole, mut before) = (new, Vec::new());
    for range in ranges.drain(first..first + count) {
        let common = Offsets { from: range.from.max(new.from), to: range.to.min(new.to) };
        if common.from < common.to {
            before.push(common);
        }
        whole = Offsets { from: whole.from.min(range.from), to: whole.to.max(range.to) };
    }
    ranges.insert(first, whole);
    before
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    /// Adds the ranges in order: what the last one repeats, and what there is then.
    fn check(added: &[(i64, i64)], repeated: &[(i64, i64)], ranges: &[(i64, i64)]) {
        let pairs = |ranges: &[Offsets]| ranges.iter().map(|it| (it.from, it.to)).collect::<Vec<_>>();
        let (mut found, mut last) = (Vec::new(), Vec::new());
        for &(from, to) in added {
            last = add(&mut found, Offsets { from, to });
        }
        assert_eq!((pairs(&last), pairs(&found)), (repeated.to_vec(), ranges.to_vec()), "{added:?}");
    }

    #[test]
    fn what_is_new_repeats_nothing() {
        check(&[(0, 5), (5, 9)], &[], &[(0, 9)]);
        check(&[(0, 5), (7, 9)], &[], &[(0, 5), (7, 9)]);
        check(&[(7, 9), (0, 5)], &[], &[(0, 5), (7, 9)]);
        check(&[(0, 2), (4, 6), (2, 4)], &[], &[(0, 6)]);
    }

    #[test]
    fn what_was_there_is_told() {
        check(&[(0, 5), (3, 9)], &[(3, 5)], &[(0, 9)]);
        check(&[(0, 5), (0, 5)], &[(0, 5)], &[(0, 5)]);
        check(&[(0, 5), (2, 3)], &[(2, 3)], &[(0, 5)]);
        check(&[(0, 2), (4, 6), (8, 9), (1, 8)], &[(1, 2), (4, 6)], &[(0, 9)]);
    }
}
