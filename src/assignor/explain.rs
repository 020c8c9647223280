//! Why each partition is where it is: data, and one plain sentence.
//!
//! Nothing here decides: the reasons are read off what the group had and what the assignor made
//! of it, so they hold also for an assignment that came from somewhere else.

mod words;

use std::sync::Arc;

use super::group::{Group, GroupTopic};
use super::rack::{self, Racks};
use super::{
    Assignment, Assignor, AssignorKind, Member, ServerAssignor, Topics, in_assignment_order, sticky,
};
use crate::base::{Map, sort_by};
use crate::protocol::TopicPartition;

/// What becomes of a partition in a rebalance, and why. Its `Display` is the sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The partition.
    pub partition: TopicPartition,
    /// Who had it; nobody also if several say so and none of them can be believed.
    pub from: Option<Arc<str>>,
    /// Who has it now.
    pub to: Option<Arc<str>>,
    /// Who gets it in the rebalance that follows, if it is nobody's until then.
    pub next: Option<Arc<str>>,
    /// Why it is no longer where it was.
    pub lost: Option<Lost>,
    /// Why it is where it is now, or goes next.
    pub got: Option<Got>,
}

/// What becomes of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Who had it has it.
    Stays,
    /// From one member to another, at once.
    Moves,
    /// Nobody had it.
    New,
    /// It is given up, and perhaps given to another in the next rebalance.
    Revoked,
    /// Nobody had it, and nobody has it before the next rebalance.
    Waits,
}

/// Why a member lost a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// It is no longer a member.
    Left,
    /// The topic is gone, or has not so many partitions any more.
    Gone,
    /// It does not subscribe to the topic any more.
    Unsubscribed,
    /// These members say in the same generation that they own it.
    Disputed(Vec<Arc<str>>),
    /// Its rack has no replica, and another member's has.
    Far,
    /// The assignor does not ask who had what.
    Anew,
    /// It has fewer now than it had.
    TooMany {
        /// Partitions that it had.
        had: u32,
        /// Partitions that it has in the end.
        has: u32,
    },
    /// It has others instead.
    Swapped,
}

/// Why a member has a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got {
    /// It had it, and nobody else would be better.
    Kept {
        /// Partitions that it has.
        has: u32,
        /// Partitions that the one with fewest has, of those who may have this one too.
        least: Option<u32>,
    },
    /// It is in a rack with a replica.
    Near(Arc<str>),
    /// It had it before who had it last.
    Back,
    /// It had fewer than it has now.
    Fewer {
        /// Partitions that it had.
        had: u32,
        /// Partitions that it has in the end.
        has: u32,
    },
    /// It is one of the first members by id, and they have one more than the others, whoever had
    /// that.
    First {
        /// Partitions that it had.
        had: u32,
        /// Partitions that it has in the end.
        has: u32,
    },
    /// The assignor counts: the member's place among so many gives it this range of the topic.
    Range {
        /// From which number.
        first: u32,
        /// To which number, included.
        last: u32,
        /// Of so many partitions.
        partitions: u32,
        /// Its place among the topic's subscribers, from 1.
        place: u32,
        /// How many subscribers there are.
        of: u32,
    },
    /// The assignor deals, and it was its turn.
    Turn,
}

impl Explanation {
    /// What becomes of the partition.
    pub fn change(&self) -> Change {
        match (&self.from, &self.to) {
            (Some(from), Some(to)) if from == to => Change::Stays,
            (Some(_), Some(_)) => Change::Moves,
            (None, Some(_)) => Change::New,
            (Some(_), None) => Change::Revoked,
            (None, None) => Change::Waits,
        }
    }
}

/// Explains how an assignor comes from what members had, `before`, those that have left included,
/// to what they have `after`: one explanation a partition, in the order of topics and numbers.
/// `members` are those of now, as the assignor got them.
#[inline(never)]
pub fn explain(
    assignor: Assignor,
    topics: &Topics,
    members: &[Member],
    before: &Assignment,
    after: &Assignment,
) -> Vec<Explanation> {
    let group = Group::new(topics, members);
    let mut case = Case::new(assignor, &group, before, after);
    let mut all: Vec<Explanation> = (0..group.partition_count()).map(|it| case.explain(it)).collect();
    for (partition, owner) in std::mem::take(&mut case.outside) {
        let is_gone = topics.get(&partition.topic).is_none_or(|it| it.partitions <= partition.partition);
        let is_member = group.members.iter().any(|member| member.member_id == owner);
        let lost = match (is_gone, is_member) {
            (true, _) => Lost::Gone,
            (false, true) => Lost::Unsubscribed,
            (false, false) => Lost::Left,
        };
        let (from, lost) = (Some(owner), Some(lost));
        all.push(Explanation { partition, from, to: None, next: None, lost, got: None });
    }
    sort_by(&mut all, |a, b| a.partition.cmp(&b.partition));
    all
}

fn subscribers_in_order(group: &Group<'_>) -> Vec<Vec<usize>> {
    let order = in_assignment_order(group);
    let of_topic = |topic: &GroupTopic<'_>| {
        let subscribes = |member: &usize| topic.subscribers.binary_search(member).is_ok();
        order.iter().copied().filter(subscribes).collect()
    };
    group.topics.iter().map(of_topic).collect()
}

/// Who has what after the next rebalance of the cooperative protocol, if nothing else happens.
fn next_owners(group: &Group<'_>, after: &Assignment) -> Vec<Option<usize>> {
    let settled = |member: &&Member| Member {
        owned: after.get(&member.member_id).cloned().unwrap_or_default(),
        generation: 0,
        ..(*member).clone()
    };
    let members: Vec<Member> = group.members.iter().map(settled).collect();
    let members = members.iter().collect();
    let mut owners = vec![None; group.partition_count()];
    for (member, partitions) in sticky::assign_cooperatively(&group.with(members)).iter().enumerate() {
        for partition in partitions {
            owners[*partition] = Some(member);
        }
    }
    owners
}

/// Everything that reasons are read off.
struct Case<'a> {
    assignor: Assignor,
    group: &'a Group<'a>,
    racks: Racks,
    /// By partition, who said that it owned it.
    claimed_by: Vec<Vec<Arc<str>>>,
    /// What was owned and is not to be handed out any more.
    outside: Vec<(TopicPartition, Arc<str>)>,
    /// By partition, who has it now.
    owner: Vec<Option<usize>>,
    /// By partition, who has it now or, if nobody does, after the next rebalance.
    target: Vec<Option<usize>>,
    /// By member, how many it had and has in the end.
    had: Vec<u32>,
    has: Vec<u32>,
    /// By topic, its subscribers in the order of range.
    subscribers: Vec<Vec<usize>>,
}

impl<'a> Case<'a> {
    fn new(assignor: Assignor, group: &'a Group<'a>, before: &Assignment, after: &Assignment) -> Case<'a> {
        let places: Map<&Arc<str>, usize> =
            (0..).zip(&group.members).map(|(n, m)| (&m.member_id, n)).collect();
        let count = group.partition_count();
        let mut case = Case {
            assignor,
            group,
            racks: Racks::new(group),
            claimed_by: vec![Vec::new(); count],
            outside: Vec::new(),
            owner: vec![None; count],
            target: Vec::new(),
            had: vec![0; group.members.len()],
            has: vec![0; group.members.len()],
            subscribers: subscribers_in_order(group),
        };
        for (id, partitions) in before {
            for at in partitions {
                match group.find(at) {
                    Some(partition) => case.claimed_by[partition].push(id.clone()),
                    None => case.outside.push((at.clone(), id.clone())),
                }
            }
        }
        for partition in 0..count {
            if let Some(member) = case.believed(partition).0.and_then(|id| places.get(&id)) {
                case.had[*member] += 1;
            }
        }
        for (id, partitions) in after {
            for partition in partitions.iter().filter_map(|at| group.find(at)) {
                case.owner[partition] = places.get(id).copied();
            }
        }
        case.target = case.owner.clone();
        let waits = case.owner.iter().any(Option::is_none);
        if waits && assignor == Assignor::Classic(AssignorKind::CooperativeSticky) {
            for (partition, owner) in case.target.iter_mut().zip(next_owners(group, after)) {
                *partition = partition.or(owner);
            }
        }
        for member in case.target.iter().flatten() {
            case.has[*member] += 1;
        }
        case
    }

    fn explain(&self, partition: usize) -> Explanation {
        let (from, disputed) = self.believed(partition);
        let id = |member: usize| self.group.members[member].member_id.clone();
        let (owner, target) = (self.owner[partition], self.target[partition]);
        let to = owner.map(id);
        let stays = from.is_some() && from == to;
        let lost = match (disputed, &from) {
            (Some(claimants), _) => Some(Lost::Disputed(claimants)),
            (None, Some(from)) if !stays => Some(self.lost(partition, from)),
            _ => None,
        };
        Explanation {
            partition: self.group.at(partition),
            to,
            next: target.filter(|_| owner.is_none()).map(id),
            lost,
            got: target.map(|member| self.got(partition, member, stays)),
            from,
        }
    }

    /// Who had a partition, or who all says so in the same generation.
    fn believed(&self, partition: usize) -> (Option<Arc<str>>, Option<Vec<Arc<str>>>) {
        let generation = |id: &Arc<str>| {
            let member = self.group.members.iter().find(|member| member.member_id == *id);
            member.map_or(i64::MIN, |member| i64::from(member.generation))
        };
        let claimants = &self.claimed_by[partition];
        if let [] | [_] = claimants[..] {
            return (claimants.first().cloned(), None);
        }
        let newest = claimants.iter().map(generation).max();
        let newest: Vec<Arc<str>> =
            claimants.iter().filter(|id| Some(generation(id)) == newest).cloned().collect();
        match newest.len() {
            1 => (newest.into_iter().next(), None),
            _ => (None, Some(newest)),
        }
    }

    fn asks_who_had_what(&self) -> bool {
        let counts = matches!(
            self.assignor,
            Assignor::Classic(AssignorKind::Range | AssignorKind::RoundRobin)
                | Assignor::Consumer(ServerAssignor::Range)
        );
        !counts
    }

    fn looks_at_racks(&self) -> bool {
        matches!(self.assignor, Assignor::Classic(kind) if kind != AssignorKind::RoundRobin)
    }

    fn lost(&self, partition: usize, from: &Arc<str>) -> Lost {
        let Some(member) = self.group.members.iter().position(|member| member.member_id == *from) else {
            return Lost::Left;
        };
        let (had, has) = (self.had[member], self.has[member]);
        if !self.group.may_have(member, partition) {
            Lost::Unsubscribed
        } else if !self.asks_who_had_what() {
            Lost::Anew
        } else if self.looks_at_racks() && self.racks.mismatch(member, partition) {
            Lost::Far
        } else if had > has {
            Lost::TooMany { had, has }
        } else {
            Lost::Swapped
        }
    }

    fn got(&self, partition: usize, member: usize, stays: bool) -> Got {
        let rack = rack::of_member(self.group, member).filter(|_| self.looks_at_racks());
        let near = rack.filter(|_| self.racks.is_near(member, partition));
        let (had, has) = (self.had[member], self.has[member]);
        match self.assignor {
            Assignor::Classic(AssignorKind::RoundRobin) => return Got::Turn,
            Assignor::Classic(AssignorKind::Range) | Assignor::Consumer(ServerAssignor::Range) => {
                let range = self.range(partition, member);
                return range.or(near.cloned().map(Got::Near)).unwrap_or(Got::Fewer { had, has });
            }
            _ => {}
        }
        if stays {
            let others = self.group.subscribers(partition).iter().filter(|other| **other != member);
            return Got::Kept { has, least: others.map(|other| self.has[*other]).min() };
        }
        let claims = &self.claimed_by[partition];
        let (left_over, is_first) = (self.group.partition_count() % self.had.len(), |left| member < left);
        let is_uniform = self.assignor == Assignor::Consumer(ServerAssignor::Uniform);
        match near {
            _ if is_uniform && self.group.is_homogeneous() && is_first(left_over) && had + 1 == has => {
                Got::First { had, has }
            }
            _ if claims.contains(&self.group.members[member].member_id) => Got::Back,
            Some(rack) => Got::Near(rack.clone()),
            None => Got::Fewer { had, has },
        }
    }

    /// The member's range of the topic, if what it has of it is where its place says.
    fn range(&self, partition: usize, member: usize) -> Option<Got> {
        let topic = self.group.topic_of(partition);
        let subscribers = &self.subscribers[topic];
        let topic = &self.group.topics[topic];
        let place = subscribers.iter().position(|it| *it == member)?;
        let (count, of) = (topic.partitions.len(), subscribers.len());
        let start = |place: usize| topic.partitions.start + place * (count / of) + place.min(count % of);
        let range = start(place)..start(place + 1);
        if range.clone().any(|partition| self.target[partition] != Some(member))
            || !range.contains(&partition)
        {
            return None;
        }
        let number = |partition: usize| u32::try_from(partition - topic.partitions.start).unwrap_or(u32::MAX);
        Some(Got::Range {
            first: number(range.start),
            last: number(range.end - 1),
            partitions: number(topic.partitions.end),
            place: u32::try_from(place + 1).unwrap_or(u32::MAX),
            of: u32::try_from(of).unwrap_or(u32::MAX),
        })
    }
}

#[cfg(test)]
#[path = "explain/explain_test.rs"]
mod tests;
