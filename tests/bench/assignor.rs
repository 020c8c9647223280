//! Assigning for a large group: 1,000 members, 200 topics of 50 partitions; the first time, and
//! after one member has left. `cargo bench --bench assignor`.

use std::sync::Arc;

use divan::{Bencher, black_box};
use terrarium::assignor::{Assignor, Member, Topic, Topics, explain};

const MEMBERS: usize = 1_000;
const TOPICS: usize = 200;
const PARTITIONS: i32 = 50;
const ASSIGNORS: [&str; 6] =
    ["range", "roundrobin", "sticky", "cooperative-sticky", "uniform", "server-range"];

fn main() {
    divan::main();
}

/// `equal` has everybody subscribe to everything; otherwise it is 20 to 49 of the topics.
fn group(equal: bool) -> (Topics, Vec<Member>) {
    let topics: Vec<Arc<str>> = (0..TOPICS).map(|topic| format!("topic-{topic:03}").into()).collect();
    let member = |n: usize| {
        let some = (0..20 + n % 30).map(|i| topics[(n * 7 + i * 13) % TOPICS].clone());
        let subscribed: Vec<Arc<str>> = if equal { topics.clone() } else { some.collect() };
        Member::new(format!("consumer-{n:04}"), subscribed)
    };
    let members = (0..MEMBERS).map(member).collect();
    (topics.iter().map(|topic| (topic.clone(), Topic::new(PARTITIONS))).collect(), members)
}

/// The group after a first assignment, without one of its members.
fn left(assignor: Assignor, equal: bool) -> (Topics, Vec<Member>) {
    let (topics, mut members) = group(equal);
    let assignment = assignor.assign(&topics, &members);
    for member in &mut members {
        member.owned = assignment[&member.member_id].clone();
        member.generation = 1;
    }
    members.remove(MEMBERS / 2);
    (topics, members)
}

fn named(name: &str) -> Assignor {
    Assignor::from_name(name).unwrap_or_else(|| panic!("no assignor {name}"))
}

#[divan::bench(args = ASSIGNORS, sample_count = 10)]
fn first(bencher: Bencher, name: &str) {
    let (topics, members) = group(true);
    bencher.bench_local(|| named(name).assign(black_box(&topics), &members));
}

#[divan::bench(args = ASSIGNORS, sample_count = 10)]
fn one_left(bencher: Bencher, name: &str) {
    let (topics, members) = left(named(name), true);
    bencher.bench_local(|| named(name).assign(black_box(&topics), &members));
}

#[divan::bench(args = ASSIGNORS, sample_count = 10)]
fn unequal_first(bencher: Bencher, name: &str) {
    let (topics, members) = group(false);
    bencher.bench_local(|| named(name).assign(black_box(&topics), &members));
}

#[divan::bench(args = ASSIGNORS, sample_count = 10)]
fn unequal_one_left(bencher: Bencher, name: &str) {
    let (topics, members) = left(named(name), false);
    bencher.bench_local(|| named(name).assign(black_box(&topics), &members));
}

#[divan::bench(args = ASSIGNORS, sample_count = 10)]
fn explained(bencher: Bencher, name: &str) {
    let assignor = named(name);
    let (topics, members) = left(assignor, true);
    let before = members.iter().map(|member| (member.member_id.clone(), member.owned.clone())).collect();
    let after = assignor.assign(&topics, &members);
    bencher.bench_local(|| explain(assignor, black_box(&topics), &members, &before, &after));
}
