//! What holds for every group, over several rebalances.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use terrarium::assignor::{
    Assignment, Assignor, AssignorKind, Change, Member, ServerAssignor, Topic, Topics, explain,
};
use terrarium::protocol::TopicPartition;

/// One change of a group.
#[derive(Clone, Debug)]
enum Event {
    Join {
        subscribed: Vec<u8>,
        rack: Option<u8>,
    },
    Leave(u8),
    Subscribe {
        member: u8,
        subscribed: Vec<u8>,
    },
    Grow {
        topic: u8,
        by: u8,
    },
    Delete(u8),
    /// Nothing but a rebalance.
    Rebalance,
}

fn any_topics() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0..5u8, 0..5)
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (any_topics(), prop::option::of(0..3u8)).prop_map(|(subscribed, rack)| Event::Join { subscribed, rack }),
        2 => any::<u8>().prop_map(Event::Leave),
        1 => (any::<u8>(), any_topics()).prop_map(|(member, subscribed)| Event::Subscribe { member, subscribed }),
        1 => (0..5u8, 1..4u8).prop_map(|(topic, by)| Event::Grow { topic, by }),
        1 => (0..5u8).prop_map(Event::Delete),
        1 => Just(Event::Rebalance),
    ]
}

/// A group that lives through events.
#[derive(Clone, Debug, Default)]
struct Life {
    topics: Topics,
    members: Vec<Member>,
    joined: u32,
    generation: i32,
}

impl Life {
    /// `same` has all members subscribe to everything, and `racks` lets them and replicas have some.
    fn apply(&mut self, event: &Event, same: bool, racks: bool) {
        let topic = |n: &u8| Arc::<str>::from(format!("t{n}"));
        let all: Vec<u8> = (0..5).collect();
        let subscribed = |topics: &[u8]| if same { all.clone() } else { topics.to_vec() };
        match event {
            Event::Join { subscribed: topics, rack } => {
                self.joined += 1;
                let name = format!("m{:02}", self.joined * 37 % 100);
                let mut member = Member::new(name, subscribed(topics).iter().map(topic));
                member.rack = rack.filter(|_| racks).map(|rack| format!("r{rack}").into());
                self.members.push(member);
            }
            Event::Leave(n) if !self.members.is_empty() => {
                self.members.remove(usize::from(*n) % self.members.len());
            }
            Event::Subscribe { member, subscribed: topics } if !self.members.is_empty() => {
                let at = usize::from(*member) % self.members.len();
                self.members[at].topics = subscribed(topics).iter().map(topic).collect();
            }
            Event::Grow { topic: n, by } => {
                let grown = self.topics.entry(topic(n)).or_default();
                grown.partitions += i32::from(*by);
                let rack = |partition: i32| vec![format!("r{}", (partition + i32::from(*n)) % 3).into()];
                grown.racks = (0..grown.partitions).filter(|_| racks).map(rack).collect();
            }
            Event::Delete(n) => {
                self.topics.remove(&topic(n));
            }
            _ => {}
        }
    }

    fn wanted(&self) -> BTreeSet<TopicPartition> {
        let subscribed = |topic: &Arc<str>| self.members.iter().any(|member| member.topics.contains(topic));
        let partitions = |(topic, it): (&Arc<str>, &Topic)| {
            let topic = topic.clone();
            (0..it.partitions).map(move |partition| TopicPartition::new(topic.clone(), partition))
        };
        self.topics.iter().filter(|(topic, _)| subscribed(topic)).flat_map(partitions).collect()
    }

    fn own(&mut self, assignment: &Assignment) {
        self.generation += 1;
        for member in &mut self.members {
            member.owned = assignment[&member.member_id].clone();
            member.generation = self.generation;
        }
    }

    fn before(&self) -> Assignment {
        self.members.iter().map(|member| (member.member_id.clone(), member.owned.clone())).collect()
    }
}

fn owners(assignment: &Assignment) -> BTreeMap<TopicPartition, Arc<str>> {
    let mut owners = BTreeMap::new();
    for (member, partitions) in assignment {
        for partition in partitions {
            let other = owners.insert(partition.clone(), member.clone());
            assert_eq!(other, None, "{partition} is also {member}'s");
        }
    }
    owners
}

/// Everything is handed out once, to a subscriber.
fn check_complete(life: &Life, assignor: Assignor, assignment: &Assignment) {
    let owners = owners(assignment);
    let wanted = life.wanted();
    assert_eq!(owners.keys().cloned().collect::<BTreeSet<_>>(), wanted, "{}", assignor.name());
    for member in &life.members {
        assert!(assignment[&member.member_id].iter().all(|at| member.topics.contains(&at.topic)));
    }
    assert_eq!(assignment.len(), life.members.len());
}

/// Nobody could give a partition to somebody who would have less afterwards.
fn check_even(life: &Life, assignor: Assignor, assignment: &Assignment) {
    for member in &life.members {
        let less = assignment[&member.member_id].len() + 1;
        for (other, partitions) in assignment {
            let could = partitions.iter().any(|at| member.topics.contains(&at.topic));
            assert!(
                !could || partitions.len() <= less,
                "{}: {other} could give to {}",
                assignor.name(),
                member.member_id
            );
        }
    }
}

/// As many partitions stay with their owners as can, if all are to have the same number of them:
/// each keeps its share, and those that may have one more keep that.
fn check_fewest_moves(life: &Life, before: &Assignment, after: &Assignment) {
    let (members, wanted) = (life.members.len(), life.wanted());
    let (least, mut more) = (wanted.len() / members, wanted.len() % members);
    let mut can_stay = 0;
    for owned in before.values() {
        let had = owned.iter().filter(|at| wanted.contains(at)).count();
        can_stay += had.min(least);
        if had > least && more > 0 {
            more -= 1;
            can_stay += 1;
        }
    }
    let stay = after.iter().flat_map(|(id, owned)| owned.iter().filter(|at| before[id].contains(at)));
    assert_eq!(stay.count(), can_stay);
}

const STICKY: Assignor = Assignor::Classic(AssignorKind::Sticky);
const COOPERATIVE: Assignor = Assignor::Classic(AssignorKind::CooperativeSticky);
const UNIFORM: Assignor = Assignor::Consumer(ServerAssignor::Uniform);

/// A rebalance, and those that must follow before everything is handed out; what everybody has in
/// the end.
fn rebalance(life: &mut Life, assignor: Assignor, racks: bool) -> Assignment {
    let mut assignment = assignor.assign(&life.topics, &life.members);
    if assignor != COOPERATIVE {
        return assignment;
    }
    // What was not near enough may move once more.
    let most = if racks { 5 } else { 1 };
    for _ in 0..most {
        // Nobody gets what another still has.
        let had = owners(&life.before());
        for (partition, owner) in owners(&assignment) {
            assert!(had.get(&partition).is_none_or(|before| *before == owner), "{partition} was not revoked");
        }
        if owners(&assignment).len() == life.wanted().len() {
            break;
        }
        let said = explain(assignor, &life.topics, &life.members, &life.before(), &assignment);
        life.own(&assignment);
        assignment = assignor.assign(&life.topics, &life.members);
        let has = owners(&assignment);
        for it in said.iter().filter(|it| it.next.is_some() && !racks) {
            assert_eq!(it.next.as_ref(), has.get(&it.partition), "{it}");
        }
    }
    assignment
}

/// Sentences say what happens to every partition that there was or is.
fn check_explained(life: &Life, assignor: Assignor, before: &Assignment, after: &Assignment) {
    let said = explain(assignor, &life.topics, &life.members, before, after);
    let (had, has) = (owners(before), owners(after));
    let mut all: BTreeSet<&TopicPartition> = had.keys().chain(has.keys()).collect();
    for it in &said {
        assert!(all.remove(&it.partition), "{it}");
        assert_eq!(
            (it.from.as_ref(), it.to.as_ref()),
            (had.get(&it.partition), has.get(&it.partition)),
            "{it}"
        );
        assert_eq!(it.change() == Change::Stays, it.lost.is_none() && it.from.is_some(), "{it}");
        assert!(it.to_string().ends_with('.'));
    }
    assert!(all.is_empty(), "nothing is said of {all:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn groups_that_change(
        events in prop::collection::vec(any_event(), 1..25),
        same in any::<bool>(),
        racks in any::<bool>(),
    ) {
        for assignor in Assignor::ALL {
            let mut life = Life::default();
            for event in &events {
                life.apply(event, same, racks);
                let before = life.before();
                let assignment = rebalance(&mut life, assignor, racks);
                check_complete(&life, assignor, &assignment);
                if matches!(assignor, STICKY | COOPERATIVE) || (assignor == UNIFORM && same) {
                    check_even(&life, assignor, &assignment);
                }
                if matches!(assignor, STICKY | COOPERATIVE) && same && !racks && !life.members.is_empty() {
                    check_fewest_moves(&life, &before, &assignment);
                }
                check_explained(&life, assignor, &before, &assignment);
                life.own(&assignment);
                // What is right stays; with racks, there may be more to gain.
                let settled = !racks || !matches!(assignor, STICKY | COOPERATIVE);
                let again = owners(&assignor.assign(&life.topics, &life.members));
                prop_assert!(!settled || again == owners(&assignment), "{}", assignor.name());
            }
        }
    }

    #[test]
    fn the_order_of_members_does_not_matter(
        events in prop::collection::vec(any_event(), 1..20),
        turn in any::<prop::sample::Index>(),
    ) {
        for assignor in Assignor::ALL {
            let mut life = Life::default();
            for event in &events {
                life.apply(event, false, true);
                let assignment = assignor.assign(&life.topics, &life.members);
                let mut turned = life.members.clone();
                if !turned.is_empty() {
                    turned.rotate_left(turn.index(life.members.len()));
                }
                prop_assert_eq!(&assignor.assign(&life.topics, &turned), &assignment);
                turned.reverse();
                prop_assert_eq!(&assignor.assign(&life.topics, &turned), &assignment);
                life.own(&assignment);
            }
        }
    }

    #[test]
    fn any_claim_is_survived(
        events in prop::collection::vec(any_event(), 1..15),
        claims in prop::collection::vec((any::<u8>(), 0..6u8, 0..9i32, -1..4i32), 0..40),
        same in any::<bool>(),
    ) {
        let mut life = Life::default();
        for event in &events {
            life.apply(event, same, true);
        }
        for (member, topic, partition, generation) in claims {
            let count = life.members.len();
            if let Some(member) = life.members.get_mut(usize::from(member) % count.max(1)) {
                member.owned.push(TopicPartition::new(format!("t{topic}"), partition));
                member.generation = generation;
            }
        }
        for assignor in Assignor::ALL {
            let assignment = assignor.assign(&life.topics, &life.members);
            if assignor == COOPERATIVE {
                let wanted = life.wanted();
                prop_assert!(owners(&assignment).keys().all(|at| wanted.contains(at)));
            } else {
                check_complete(&life, assignor, &assignment);
            }
            explain(assignor, &life.topics, &life.members, &life.before(), &assignment);
        }
    }
}
