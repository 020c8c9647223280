//! The simple assignor of share groups: partitions may be shared by members. Every partition gets
//! equally many members and every member about equally many partitions; whatever can stay, stays.
//!
//! Rule: KIP-932, `SimpleAssignor` of Kafka 4.1. When all members subscribe to the same topics, their
//! partitions are handed out together; otherwise topic by topic among the topic's subscribers. Where
//! Java goes through hash sets, members and partitions come here in order.

use std::sync::Arc;

use super::{Assignment, Member, Topics};
use crate::base::{Map, Set};
use crate::protocol::TopicPartition;

/// The name under which the assignor is told.
pub const SIMPLE: &str = "simple";

/// What each member of a share group gets, of the partitions that may be assigned.
#[inline(never)]
pub fn assign_shared(
    topics: &Topics,
    members: &[Member],
    may_be_assigned: &dyn Fn(&TopicPartition) -> bool,
) -> Assignment {
    let mut assignment: Assignment =
        members.iter().map(|member| (member.member_id.clone(), Vec::new())).collect();
    let partitions_of = |name: &Arc<str>| {
        let (name, count) = (name.clone(), topics.get(name).map_or(0, |topic| topic.partitions));
        let partitions = (0..count).map(move |partition| TopicPartition::new(name.clone(), partition));
        partitions.filter(may_be_assigned)
    };
    let subscribed: Set<Arc<str>> = members.iter().flat_map(|member| member.topics.iter().cloned()).collect();
    let is_homogeneous = members.windows(2).all(|pair| pair[0].topics == pair[1].topics);
    let turns: Vec<(Vec<TopicPartition>, Vec<&Member>)> = if is_homogeneous {
        vec![(subscribed.iter().flat_map(partitions_of).collect(), members.iter().collect())]
    } else {
        let turn = |name: &Arc<str>| {
            let subscribers = members.iter().filter(|member| member.topics.contains(name));
            (partitions_of(name).collect(), subscribers.collect())
        };
        subscribed.iter().map(turn).collect()
    };
    for (partitions, mut members) in turns {
        members.sort_by(|a, b| a.member_id.cmp(&b.member_id));
        if partitions.is_empty() || members.is_empty() {
            continue;
        }
        for (member, indexes) in members.iter().zip(share_out(&partitions, &members)) {
            let mine = assignment.entry(member.member_id.clone()).or_default();
            mine.extend(indexes.into_iter().filter_map(|index| partitions.get(index).cloned()));
        }
    }
    for mine in assignment.values_mut() {
        mine.sort_unstable();
    }
    assignment
}

/// For each member the indexes of its partitions.
fn share_out(partitions: &[TopicPartition], members: &[&Member]) -> Vec<Vec<usize>> {
    let sharing = members.len().div_ceil(partitions.len());
    let all = sharing * partitions.len();
    let up_to = |members_before: usize| (all * members_before).div_ceil(members.len());
    let quota: Vec<usize> = (0..members.len()).map(|at| up_to(at + 1) - up_to(at)).collect();
    let places: Map<&TopicPartition, usize> = partitions.iter().zip(0..).collect();
    let mut had: Vec<Vec<usize>> = members
        .iter()
        .map(|member| member.owned.iter().filter_map(|at| places.get(at).copied()).collect())
        .collect();
    let mut sharers = vec![0; partitions.len()];
    had.iter().flatten().for_each(|index| sharers[*index] += 1);
    // Shared by too many: those who have too much give it up first.
    for prefers_rich in [true, false] {
        for (member, mine) in had.iter_mut().enumerate() {
            let rich = mine.len() > quota[member];
            let mut may_lose =
                if prefers_rich { mine.len().saturating_sub(quota[member]) } else { usize::MAX };
            if prefers_rich && !rich {
                continue;
            }
            mine.retain(|index| {
                let loses = sharers[*index] > sharing && may_lose > 0;
                if loses {
                    sharers[*index] -= 1;
                    may_lose -= 1;
                }
                !loses
            });
        }
    }
    for (member, mine) in had.iter_mut().enumerate() {
        for index in mine.drain(..mine.len().saturating_sub(quota[member])) {
            sharers[index] -= 1;
        }
    }
    let mut next = 0;
    for (index, shared_by) in sharers.iter_mut().enumerate() {
        while *shared_by < sharing {
            let turn = (0..members.len()).map(|step| (next + step) % members.len());
            let lacks = |member: &usize| !had[*member].contains(&index);
            let poor = turn.clone().find(|member| lacks(member) && had[*member].len() < quota[*member]);
            let Some(member) = poor.or_else(|| turn.filter(lacks).min_by_key(|member| had[*member].len()))
            else {
                break;
            };
            had[member].push(index);
            *shared_by += 1;
            next = (member + 1) % members.len();
        }
    }
    had
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::assignor::Topic;

    /// Members with their topics and what they have; what they get.
    fn check(topics: &[(&str, i32)], members: &[(&str, &[&str], &str)], expected: &str) {
        let topics: Topics =
            topics.iter().map(|(name, count)| (Arc::from(*name), Topic::new(*count))).collect();
        let members: Vec<Member> = members
            .iter()
            .map(|(id, topics, owned)| {
                let mut member = Member::new(*id, topics.iter().map(|topic| Arc::from(*topic)));
                member.owned = owned.split_whitespace().map(at).collect();
                member
            })
            .collect();
        let told: Vec<String> = assign_shared(&topics, &members, &|_| true)
            .iter()
            .map(|(id, partitions)| {
                let names = partitions.iter().map(|at| format!("{}{}", at.topic, at.partition));
                format!("{id}:{}", names.collect::<Vec<_>>().join(","))
            })
            .collect();
        assert_eq!(told.join(" "), expected);
    }

    fn at(text: &str) -> TopicPartition {
        let (topic, partition) = text.split_at(1);
        TopicPartition::new(topic, partition.parse().expect("a number"))
    }

    #[test]
    fn one_member_has_all_and_two_share() {
        check(&[("t", 3)], &[("a", &["t"], "")], "a:t0,t1,t2");
        check(&[("t", 4)], &[("a", &["t"], ""), ("b", &["t"], "")], "a:t0,t2 b:t1,t3");
    }

    #[test]
    fn more_members_than_partitions_share_them() {
        check(&[("t", 1)], &[("a", &["t"], ""), ("b", &["t"], ""), ("c", &["t"], "")], "a:t0 b:t0 c:t0");
        // Every partition has two members, so one member has two partitions.
        check(&[("t", 2)], &[("a", &["t"], ""), ("b", &["t"], ""), ("c", &["t"], "")], "a:t0,t1 b:t0 c:t1");
    }

    #[test]
    fn what_can_stay_stays() {
        check(&[("t", 4)], &[("a", &["t"], "t0 t1 t2 t3"), ("b", &["t"], "")], "a:t2,t3 b:t0,t1");
        check(&[("t", 4)], &[("a", &["t"], ""), ("b", &["t"], "t0 t1")], "a:t2,t3 b:t0,t1");
        check(&[("t", 2)], &[("a", &["t"], "t0"), ("b", &["t"], "t0")], "a:t1 b:t0");
    }

    #[test]
    fn topics_go_one_by_one_when_members_want_different_ones() {
        check(&[("t", 2), ("u", 2)], &[("a", &["t"], ""), ("b", &["t", "u"], "")], "a:t0 b:t1,u0,u1");
        check(&[("t", 2)], &[("a", &["t"], ""), ("b", &["x"], "")], "a:t0,t1 b:");
        check(&[], &[], "");
    }
}
