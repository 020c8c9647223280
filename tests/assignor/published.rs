//! What Apache Kafka's tests of its assignors expect (`RangeAssignorTest`, `RoundRobinAssignorTest`,
//! `AbstractStickyAssignorTest`, `CooperativeStickyAssignorTest`, and those of the coordinator's uniform
//! assignor, but for what hangs there on the order of random topic ids): the inputs, and the results.

use std::collections::BTreeSet;
use std::sync::Arc;

use terrarium::assignor::{Assignor, AssignorKind, Member, ServerAssignor, Topic, Topics};
use terrarium::protocol::TopicPartition;

const STICKY: AssignorKind = AssignorKind::Sticky;
const COOPERATIVE: AssignorKind = AssignorKind::CooperativeSticky;
const RANGE: AssignorKind = AssignorKind::Range;
const ROUND_ROBIN: AssignorKind = AssignorKind::RoundRobin;

/// A group, rebalance after rebalance.
struct Story {
    assignor: Assignor,
    topics: Topics,
    members: Vec<Member>,
}

impl Story {
    /// `topics` is "t1:3 t2:2".
    fn new(kind: AssignorKind, topics: &str) -> Story {
        let assignor = Assignor::Classic(kind);
        let mut story = Story { assignor, topics: Topics::new(), members: Vec::new() };
        story.topics(topics);
        story
    }

    fn topics(&mut self, topics: &str) {
        let topic = |text: &str| {
            let (name, count) = text.split_once(':').unwrap();
            (name.into(), Topic::new(count.parse().unwrap()))
        };
        self.topics = topics.split_whitespace().map(topic).collect();
    }

    /// Every partition gets so many replicas on brokers that are taken in turn; their racks are
    /// the letters.
    fn brokers(mut self, replicas: usize, racks: &str) -> Story {
        let mut next = 0;
        let racks: Vec<char> = racks.chars().collect();
        for topic in self.topics.values_mut() {
            let partition = |number: i32| {
                let rack = |replica| racks[(next + number as usize + replica) % racks.len()];
                (0..replicas).map(|replica| Arc::from(rack(replica).to_string())).collect()
            };
            topic.racks = (0..topic.partitions).map(partition).collect();
            next += topic.partitions as usize;
        }
        self
    }

    /// A member that owns nothing; who is there already keeps what it owns.
    fn member(&mut self, id: &str, topics: &str) -> &mut Member {
        self.members.retain(|member| &*member.member_id != id);
        self.members.push(Member::new(id, topics.split_whitespace().map(Arc::from)));
        self.members.last_mut().unwrap()
    }

    fn owner(&mut self, id: &str, topics: &str, owned: &str, generation: i32) {
        let member = self.member(id, topics);
        member.owned = partitions(owned);
        member.generation = generation;
    }

    fn leave(&mut self, id: &str) {
        self.members.retain(|member| &*member.member_id != id);
    }

    /// A rebalance; afterwards everybody owns what it got. `expected` is "A: t-0 t-1 / B: t-2".
    fn rebalance(&mut self, generation: i32, expected: &str) {
        let assignment = self.assignor.assign(&self.topics, &self.members);
        let expected: Vec<(String, BTreeSet<TopicPartition>)> = expected
            .split('/')
            .map(|line| line.trim().split_once(':').unwrap())
            .map(|(id, owned)| (id.to_owned(), partitions(owned).into_iter().collect()))
            .collect();
        let got: Vec<(String, BTreeSet<TopicPartition>)> =
            assignment.iter().map(|(id, owned)| (id.to_string(), owned.iter().cloned().collect())).collect();
        assert_eq!(got, expected, "{}", self.assignor.name());
        for member in &mut self.members {
            member.owned = assignment[&member.member_id].clone();
            member.generation = generation;
        }
    }
}

fn partitions(text: &str) -> Vec<TopicPartition> {
    let partition = |text: &str| {
        let (topic, number) = text.rsplit_once('-').unwrap();
        TopicPartition::new(topic, number.parse().unwrap())
    };
    text.split_whitespace().map(partition).collect()
}

/// Three members A, B and C of these racks ('-' for none), in one rebalance.
fn racks(kind: AssignorKind, brokers: (usize, &str), of: &str, topics: [&str; 3], expected: &str) {
    racks_owned(kind, brokers, of, topics, ["", "", ""], expected);
}

fn racks_owned(
    kind: AssignorKind,
    (replicas, brokers): (usize, &str),
    of: &str,
    topics: [&str; 3],
    owned: [&str; 3],
    expected: &str,
) {
    let mut story = Story::new(kind, "t1:6 t2:7 t3:2").brokers(replicas, brokers);
    for (((id, rack), topics), owned) in ["A", "B", "C"].into_iter().zip(of.chars()).zip(topics).zip(owned) {
        let member = story.member(id, topics);
        member.rack = (rack != '-').then(|| rack.to_string().into());
        member.owned = partitions(owned);
    }
    story.rebalance(1, expected);
}

const ALL: &str = "t1 t2 t3";
const SAME: [&str; 3] = [ALL, ALL, ALL];
const UNEQUAL: [&str; 3] = [ALL, ALL, "t1 t3"];

#[test]
fn sticky_deals_in_turn_at_first() {
    for kind in [STICKY, COOPERATIVE] {
        let mut story = Story::new(kind, "topic1:3 topic2:3");
        story.member("consumer1", "topic1 topic2");
        story.member("consumer2", "topic1 topic2");
        story.rebalance(1, "consumer1: topic1-0 topic1-2 topic2-1 / consumer2: topic1-1 topic2-0 topic2-2");
    }
}

#[test]
fn sticky_with_mixed_subscriptions() {
    let mut story = Story::new(STICKY, "topic1:3 topic2:2");
    story.member("consumer1", "topic1");
    story.member("consumer2", "topic1 topic2");
    story.member("consumer3", "topic1");
    story.rebalance(1, "consumer1: topic1-0 topic1-2 / consumer2: topic2-0 topic2-1 / consumer3: topic1-1");
}

#[test]
fn sticky_fills_who_has_less_than_its_share() {
    let mut story = Story::new(STICKY, "topic1:2 topic2:3");
    story.owner("consumer1", "topic1 topic2", "topic1-0 topic2-1", 1);
    story.owner("consumer2", "topic1 topic2", "topic1-1 topic2-2", 1);
    story.rebalance(2, "consumer1: topic1-0 topic2-1 topic2-0 / consumer2: topic1-1 topic2-2");

    let mut story = Story::new(STICKY, "topic1:2 topic2:2");
    story.owner("consumer1", "topic1 topic2", "topic1-0 topic2-0", 1);
    story.owner("consumer2", "topic1 topic2", "topic1-1 topic2-1", 1);
    story.owner("consumer3", "topic1 topic2", "", 1);
    story.rebalance(2, "consumer1: topic1-0 / consumer2: topic1-1 topic2-1 / consumer3: topic2-0");

    let mut story = Story::new(STICKY, "topic1:2 topic2:3");
    story.owner("consumer1", "topic1 topic2", "topic1-0", 1);
    story.owner("consumer2", "topic1 topic2", "topic1-1", 1);
    story.owner("consumer3", "topic1 topic2", "", 1);
    story.rebalance(2, "consumer1: topic1-0 topic2-1 / consumer2: topic1-1 topic2-2 / consumer3: topic2-0");

    let mut story = Story::new(STICKY, "topic:4");
    story.owner("consumer1", "topic", "topic-0 topic-1", 1);
    story.owner("consumer2", "topic", "topic-2", 1);
    story.owner("consumer3", "topic", "", 1);
    story.rebalance(2, "consumer1: topic-0 topic-1 / consumer2: topic-2 / consumer3: topic-3");
}

#[test]
fn sticky_when_two_come_and_two_leave() {
    let both = "topic1 topic2";
    let mut story = Story::new(STICKY, "topic1:3 topic2:4");
    story.member("consumer1", both);
    story.member("consumer2", both);
    story.rebalance(
        1,
        "consumer1: topic1-0 topic1-2 topic2-1 topic2-3 / consumer2: topic1-1 topic2-0 topic2-2",
    );
    story.member("consumer3", both);
    story.member("consumer4", both);
    story.rebalance(
        2,
        "consumer1: topic1-0 topic2-1 / consumer2: topic2-0 topic1-1
        / consumer3: topic1-2 topic2-3 / consumer4: topic2-2",
    );
    story.leave("consumer1");
    story.leave("consumer2");
    story.rebalance(
        3,
        "consumer3: topic1-2 topic2-3 topic1-0 topic2-1 / consumer4: topic2-2 topic1-1 topic2-0",
    );
}

#[test]
fn cooperative_sticky_takes_two_rebalances() {
    let mut story = Story::new(COOPERATIVE, "topic:3");
    story.member("consumer1", "topic");
    story.rebalance(1, "consumer1: topic-0 topic-1 topic-2");
    story.member("consumer2", "topic");
    story.rebalance(2, "consumer1: topic-0 topic-1 / consumer2:");
    story.rebalance(3, "consumer1: topic-0 topic-1 / consumer2: topic-2");
    story.leave("consumer1");
    story.rebalance(4, "consumer2: topic-0 topic-1 topic-2");
}

#[test]
fn cooperative_sticky_when_two_come() {
    let both = "topic1 topic2";
    let mut story = Story::new(COOPERATIVE, "topic1:3 topic2:4");
    story.owner("consumer1", both, "topic1-0 topic1-2 topic2-1 topic2-3", 1);
    story.owner("consumer2", both, "topic1-1 topic2-0 topic2-2", 1);
    story.member("consumer3", both);
    story.member("consumer4", both);
    story.rebalance(
        2,
        "consumer1: topic1-0 topic2-1 / consumer2: topic1-1 topic2-0 / consumer3: / consumer4:",
    );
    story.rebalance(
        3,
        "consumer1: topic1-0 topic2-1 / consumer2: topic1-1 topic2-0
        / consumer3: topic1-2 topic2-3 / consumer4: topic2-2",
    );
}

#[test]
fn the_newest_generation_is_believed() {
    let both = "topic topic2";
    for older in [9, -1] {
        let mut story = Story::new(STICKY, "topic:3 topic2:3");
        story.owner("consumer1", both, "topic-0 topic-2 topic2-1", 10);
        story.owner("consumer2", both, "topic-0 topic-2 topic2-1", older);
        story.rebalance(11, "consumer1: topic-0 topic-2 topic2-1 / consumer2: topic-1 topic2-0 topic2-2");
    }
    let mut story = Story::new(STICKY, "topic:3 topic2:3");
    story.owner("consumer1", both, "topic-0 topic2-1 topic-1", 10);
    story.owner("consumer2", both, "topic-0 topic2-1 topic2-2", 8);
    story.rebalance(11, "consumer1: topic-0 topic2-1 topic-1 / consumer2: topic-2 topic2-2 topic2-0");

    let three = "topic topic2 topic3";
    let mut story = Story::new(STICKY, "topic:3 topic2:3 topic3:3");
    story.owner("consumer1", three, "topic-0 topic2-0 topic3-0", 10);
    story.owner("consumer2", three, "topic-1 topic2-1 topic3-1", 9);
    story.owner("consumer3", three, "topic2-1 topic3-0 topic3-2", 8);
    story.rebalance(
        11,
        "consumer1: topic-0 topic2-0 topic3-0 / consumer2: topic-1 topic2-1 topic3-1
        / consumer3: topic-2 topic2-2 topic3-2",
    );
}

#[test]
fn members_of_older_generations_keep_what_nobody_else_claims() {
    let four = "topic topic1 topic2 topic3";
    let mut story = Story::new(STICKY, "topic:3 topic1:3 topic2:3 topic3:3");
    story.owner("consumer1", four, "", -1);
    story.owner("consumer2", four, "topic-0 topic2-0 topic1-0", 9);
    story.owner("consumer3", four, "topic3-2 topic2-2 topic1-1", 8);
    story.owner("consumer4", four, "topic3-1 topic-1 topic-2", 7);
    story.rebalance(
        10,
        "consumer1: topic1-2 topic2-1 topic3-0 / consumer2: topic-0 topic2-0 topic1-0
        / consumer3: topic3-2 topic2-2 topic1-1 / consumer4: topic3-1 topic-1 topic-2",
    );
}

#[test]
fn what_two_claim_in_one_generation_goes_to_a_third() {
    let story = |kind| {
        let mut story = Story::new(kind, "topic:3");
        story.owner("consumer1", "topic", "topic-0 topic-1", 1);
        story.owner("consumer2", "topic", "topic-0 topic-2", 1);
        story.owner("consumer3", "topic", "", 1);
        story
    };
    story(STICKY).rebalance(2, "consumer1: topic-1 / consumer2: topic-2 / consumer3: topic-0");
    story(COOPERATIVE).rebalance(2, "consumer1: topic-1 / consumer2: topic-2 / consumer3:");
}

#[test]
fn three_generations_claim_one_partition() {
    for generations in [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]] {
        let mut story = Story::new(STICKY, "topic:6 topic1:1");
        let owned = ["topic-0 topic-2", "topic-1 topic-2 topic-3", "topic-2 topic-4 topic-5"];
        for ((id, owned), generation) in
            ["consumer1", "consumer2", "consumer3"].iter().zip(owned).zip(generations)
        {
            story.owner(id, "topic", owned, generation);
        }
        story.owner("consumer4", "topic1", "topic1-0", 2);
        let assignment = STICKY.assign(&story.topics, &story.members);
        let all: BTreeSet<&TopicPartition> = assignment.values().flatten().collect();
        assert_eq!(all.len(), 7);
        let sizes: Vec<usize> = assignment.values().map(Vec::len).collect();
        assert_eq!(sizes, [2, 2, 2, 1], "{generations:?}");
    }
}

#[test]
fn sticky_forgets_topics_that_are_gone() {
    let mut story = Story::new(STICKY, "topic:2");
    story.owner("consumer", "topic", "topic-0 topic-1 other-0 other-1", 1);
    story.rebalance(2, "consumer: topic-0 topic-1");
    story.topics("");
    story.rebalance(3, "consumer:");
}

#[test]
fn sticky_looks_at_racks_when_all_subscribe_to_the_same() {
    let even = "A: t1-0 t1-3 t2-0 t2-3 t2-6 / B: t1-1 t1-4 t2-1 t2-4 t3-0 / C: t1-2 t1-5 t2-2 t2-5 t3-1";
    for (brokers, of) in [
        ((3, "abc"), "---"),
        ((3, "abc"), "abc"),
        ((3, "abc"), "def"),
        ((3, "abc"), "-ef"),
        ((1, "abc"), "abc"),
        ((2, "abc"), "abc"),
    ] {
        racks(STICKY, brokers, of, SAME, even);
        racks(COOPERATIVE, brokers, of, SAME, even);
    }
    let owned = ["t1-0 t1-1 t1-2 t1-3 t1-4", "t1-5 t2-0 t2-1 t2-2 t2-3", "t2-4 t2-5 t2-6 t3-0 t3-1"];
    racks_owned(COOPERATIVE, (1, "abc"), "abc", SAME, owned, "A: t1-0 t1-3 / B: t2-1 / C: t2-5 t3-1");
}

#[test]
fn sticky_looks_at_racks_when_subscriptions_differ() {
    let plain = "A: t1-5 t2-0 t2-2 t2-4 t2-6 / B: t1-3 t2-1 t2-3 t2-5 t3-0 / C: t1-0 t1-1 t1-2 t1-4 t3-1";
    let near = "A: t1-3 t2-0 t2-2 t2-3 t2-6 / B: t1-4 t2-1 t2-4 t2-5 t3-0 / C: t1-0 t1-1 t1-2 t1-5 t3-1";
    let two = "A: t1-3 t2-0 t2-2 t2-5 t2-6 / B: t1-0 t2-1 t2-3 t2-4 t3-0 / C: t1-1 t1-2 t1-4 t1-5 t3-1";
    for kind in [STICKY, COOPERATIVE] {
        for of in ["---", "abc", "def", "-ef"] {
            racks(kind, (3, "abc"), of, UNEQUAL, plain);
        }
        racks(kind, (1, "abc"), "abc", UNEQUAL, near);
        racks(kind, (2, "abc"), "abc", UNEQUAL, two);
    }
    let owned = ["t1-0 t1-1 t1-2 t1-3 t1-4", "t1-5 t2-0 t2-1 t2-2 t2-3", "t2-4 t2-5 t2-6 t3-0 t3-1"];
    racks_owned(COOPERATIVE, (1, "abc"), "abc", UNEQUAL, owned, "A: t1-3 / B: t2-1 / C: t3-1");
    racks_owned(COOPERATIVE, (1, "abc"), "abc", UNEQUAL, ["t1-3", "t2-1", "t3-1"], near);
    let first = "A: t1-2 t1-3 t1-4 / B: t2-0 t2-1 t2-2 t2-3 / C: t3-0 t3-1";
    racks_owned(COOPERATIVE, (3, "abc"), "abc", UNEQUAL, owned, first);
    let owned = ["t1-2 t1-3 t1-4", "t2-0 t2-1 t2-2 t2-3", "t3-0 t3-1"];
    let second = "A: t1-2 t1-3 t1-4 t2-4 t2-5 / B: t2-0 t2-1 t2-2 t2-3 t2-6 / C: t1-0 t1-1 t1-5 t3-0 t3-1";
    racks_owned(COOPERATIVE, (3, "abc"), "abc", UNEQUAL, owned, second);
}

#[test]
fn range_looks_at_racks() {
    let plain = "A: t1-0 t1-1 t2-0 t2-1 t2-2 t3-0 / B: t1-2 t1-3 t2-3 t2-4 t3-1 / C: t1-4 t1-5 t2-5 t2-6";
    for of in ["---", "abc", "def", "-ef"] {
        racks(RANGE, (3, "abc"), of, SAME, plain);
    }
    let one = "A: t1-0 t1-3 t2-0 t2-3 t2-6 / B: t1-1 t1-4 t2-1 t2-4 t3-0 / C: t1-2 t1-5 t2-2 t2-5 t3-1";
    racks(RANGE, (1, "abc"), "abc", SAME, one);
    let two = "A: t1-0 t1-2 t2-0 t2-2 t2-3 t3-1 / B: t1-1 t1-3 t2-1 t2-4 t3-0 / C: t1-4 t1-5 t2-5 t2-6";
    racks(RANGE, (2, "abc"), "abc", SAME, two);
    let one = "A: t1-0 t1-3 t2-0 t2-2 t2-3 t2-6 / B: t1-1 t1-4 t2-1 t2-4 t2-5 t3-0 / C: t1-2 t1-5 t3-1";
    racks(RANGE, (1, "abc"), "abc", UNEQUAL, one);
    let two = "A: t1-0 t1-2 t2-0 t2-2 t2-3 t2-5 t3-1 / B: t1-1 t1-3 t2-1 t2-4 t2-6 t3-0 / C: t1-4 t1-5";
    racks(RANGE, (2, "abc"), "abc", UNEQUAL, two);
}

/// Members A, B, … of these racks.
fn co_partitioned(topics: &str, brokers: (usize, &str), of: &str, subscribed: &[&str], expected: &str) {
    let mut story = Story::new(RANGE, topics).brokers(brokers.0, brokers.1);
    for ((id, rack), topics) in ["A", "B", "C", "D"].into_iter().zip(of.chars()).zip(subscribed) {
        story.member(id, topics).rack = Some(rack.to_string().into());
    }
    story.rebalance(1, expected);
}

#[test]
fn range_prefers_co_partitioning_to_racks() {
    let (five, plain) = (
        "t1:5 t2:5 t3:5",
        "A: t1-0 t1-1 t2-0 t2-1 t3-0 t3-1 / B: t1-2 t1-3 t2-2 t2-3 t3-2 t3-3 / C: t1-4 t2-4 t3-4",
    );
    for replicas in [1, 2, 3] {
        co_partitioned(five, (replicas, "abc"), "abc", &[ALL; 3], plain);
    }
    let one = "A: t1-0 t1-1 t2-0 t2-1 t2-4 t3-0 t3-1 / B: t1-2 t1-3 t2-2 t2-3 t3-2 t3-3 / C: t1-4 t3-4";
    co_partitioned(five, (1, "abc"), "abc", &UNEQUAL, one);
    let two = "A: t1-2 t2-0 t2-1 t2-3 t3-2 / B: t1-0 t1-3 t2-2 t2-4 t3-0 t3-3 / C: t1-1 t1-4 t3-1 t3-4";
    co_partitioned(five, (2, "abc"), "abc", &UNEQUAL, two);

    let four = "t1:6 t2:6 t3:2 t4:2";
    let pairs = ["t1 t2", "t1 t2", "t3 t4", "t3 t4"];
    let one =
        "A: t1-0 t1-2 t1-4 t2-0 t2-2 t2-4 / B: t1-1 t1-3 t1-5 t2-1 t2-3 t2-5 / C: t3-1 t4-1 / D: t3-0 t4-0";
    co_partitioned(four, (1, "ab"), "abba", &pairs, one);
    let all = ["t1 t2 t3 t4"; 4];
    let one =
        "A: t1-0 t1-2 t2-0 t2-2 t3-0 t4-0 / B: t1-1 t1-3 t2-1 t2-3 t3-1 t4-1 / C: t1-5 t2-5 / D: t1-4 t2-4";
    co_partitioned(four, (1, "ab"), "abba", &all, one);
    let one =
        "A: t1-0 t1-3 t2-0 t2-3 t3-0 t4-0 / B: t1-1 t1-4 t2-1 t2-4 t3-1 t4-1 / C: t1-2 t2-2 / D: t1-5 t2-5";
    co_partitioned(four, (1, "abc"), "abba", &all, one);
    co_partitioned(
        "t1:6 t2:6 t3:2 t4:2 t5:4 t6:4",
        (2, "abc"),
        "abc",
        &["t1 t2 t3 t4 t5 t6 t7 t8 t9"; 3],
        "A: t1-0 t1-2 t2-0 t2-2 t3-0 t4-0 t5-1 t6-1 / B: t1-1 t1-3 t2-1 t2-3 t3-1 t4-1 t5-2 t6-2
        / C: t1-4 t1-5 t2-4 t2-5 t5-0 t5-3 t6-0 t6-3",
    );
}

#[test]
fn static_members_keep_their_places() {
    for (kind, expected) in
        [(RANGE, "a: t-0 t-1 / b: t-2 / c: t-3"), (ROUND_ROBIN, "a: t-0 t-3 / b: t-1 / c: t-2")]
    {
        let mut story = Story::new(kind, "t:4");
        for (id, instance) in [("a", "i1"), ("b", "i2"), ("c", "i3")] {
            story.member(id, "t").group_instance_id = Some(instance.into());
        }
        story.rebalance(1, expected);
        story.leave("a");
        story.member("z", "t").group_instance_id = Some("i1".into());
        story.rebalance(
            2,
            &format!(
                "{} / {}",
                &expected[expected.find('b').unwrap()..],
                expected.replace('a', "z").split(" / ").next().unwrap()
            ),
        );
    }
}

#[test]
fn round_robin_with_mixed_subscriptions() {
    let mut story = Story::new(ROUND_ROBIN, "topic1:3 topic2:2");
    story.member("consumer1", "topic1");
    story.member("consumer2", "topic1 topic2");
    story.member("consumer3", "topic1");
    story.rebalance(1, "consumer1: topic1-0 / consumer2: topic1-1 topic2-0 topic2-1 / consumer3: topic1-2");
}

/// One assignment of the coordinator's uniform assignor: members as "A: t1 t2 | t1-0".
fn uniform(topics: &str, members: &str, expected: &str) {
    let mut story = Story::new(RANGE, topics);
    story.assignor = Assignor::Consumer(ServerAssignor::Uniform);
    for line in members.split('/') {
        let (id, rest) = line.split_once(':').unwrap();
        let (topics, owned) = rest.split_once('|').unwrap_or((rest, ""));
        story.owner(id.trim(), topics, owned, 1);
    }
    story.rebalance(2, expected);
}

#[test]
fn uniform_when_all_subscribe_to_the_same() {
    uniform("t3:2", "A: t3 / B: t3 / C: t3", "A: t3-0 / B: t3-1 / C:");
    uniform(
        "t1:3 t2:3",
        "A: t1 t2 | t1-0 t1-1 t2-0 t2-1 / B: t1 t2 | t1-2 t2-2",
        "A: t1-0 t1-1 t2-0 / B: t1-2 t2-1 t2-2",
    );
    uniform(
        "t1:3 t2:3",
        "A: t1 t2 | t1-0 t1-2 t2-0 / B: t1 t2 | t1-1 t2-1 t2-2 / C: t1 t2",
        "A: t1-0 t1-2 / B: t1-1 t2-1 / C: t2-0 t2-2",
    );
}

#[test]
fn uniform_when_subscriptions_differ() {
    uniform("t1:3 t3:6", "A: t1 t3 / B: t3", "A: t1-0 t1-1 t1-2 t3-4 / B: t3-0 t3-1 t3-2 t3-3 t3-5");
    uniform("t1:2 t3:2", "A: t3 / B: t3 / C: t1", "A: t3-0 / B: t3-1 / C: t1-0 t1-1");
    uniform(
        "t1:6 t2:4 t3:4",
        "A: t1 | t1-0 t1-1 t1-2 / B: t1 t2 | t1-3 t2-0
        / C: t1 t2 t3 | t1-4 t1-5 t2-1 t2-2 t2-3 t3-0 t3-1 t3-2 t3-3",
        "A: t1-0 t1-1 t1-2 t1-5 / B: t1-3 t2-0 t2-1 t2-2 t2-3 / C: t1-4 t3-0 t3-1 t3-2 t3-3",
    );
    uniform(
        "t1:6 t2:5 t3:3 t4:3",
        "A: t1 t3 | t1-0 t1-1 t1-2 t1-3 t3-0 t3-1 / B: t1 t2 t3 t4 | t2-0 t2-1 t2-2 t4-0 t4-1 t4-2",
        "A: t1-0 t1-1 t1-2 t1-3 t1-4 t1-5 t3-0 t3-1 t3-2 / B: t2-0 t2-1 t2-2 t2-3 t2-4 t4-0 t4-1 t4-2",
    );
    uniform(
        "t1:6 t2:7",
        "A: t1 | t1-0 t1-2 t2-0 / B: t1 t2 | t1-1 t2-1 t2-2 / C: t1 t2",
        "A: t1-0 t1-2 t1-3 t1-4 t1-5 / B: t1-1 t2-1 t2-2 t2-6 / C: t2-0 t2-3 t2-4 t2-5",
    );
    uniform(
        "t1:3 t2:8 t3:3",
        "A: t1 t3 | t1-0 t1-1 t1-2 t3-0 t3-1 / B: t2 | t2-3 t2-4 t2-5 t2-6",
        "A: t1-0 t1-1 t1-2 t3-0 t3-1 t3-2 / B: t2-0 t2-1 t2-2 t2-3 t2-4 t2-5 t2-6 t2-7",
    );
    uniform(
        "t1:3 t2:5",
        "A: t1 | t1-0 t1-2 t2-1 t2-3 / B: t1 t2 | t1-1 t2-0 t2-2 t2-4",
        "A: t1-0 t1-1 t1-2 / B: t2-0 t2-1 t2-2 t2-3 t2-4",
    );
}
