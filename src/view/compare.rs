//! Two branches of a run beside each other: where their traces part, and what came of it.

use crate::base::{SimTime, sort_by};
use crate::protocol::TopicPartition;
use crate::sim::{Branch, PartitionSummary, Run, Summary, World};
use crate::storage::{RecordBatch, UnifiedLog};
use crate::view::inspector::shown_text;
use crate::view::words::{Names, sentence, title};

/// So many records are shown of those that only one branch has.
pub const SHOWN_MAX: usize = 6;
/// Of each branch, so many commands are named.
const COMMANDS_MAX: usize = 8;

/// Two branches, compared in the same moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The moment: as far as both were played, or the one asked for.
    pub at: SimTime,
    /// So many entries are the same.
    pub common: u64,
    /// When the traces part: the time of the first entry that only one of them has, or that
    /// differs. `None` when they are the same as far as both were played.
    pub parted: Option<SimTime>,
    /// One and the other.
    pub sides: [Side; 2],
    /// How far what went: what, in the one, in the other. Only what differs.
    pub facts: Vec<(String, String, String)>,
    /// Partitions whose records differ.
    pub partitions: Vec<PartitionDiff>,
}

/// A branch.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// Its number in the run.
    pub branch: usize,
    /// Its name.
    pub name: String,
    /// The first entry that is not as in the other.
    pub first: Option<Told>,
    /// What was done after the traces parted.
    pub commands: Vec<Told>,
}

/// An entry in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The entry.
    pub seq: u64,
    /// When.
    pub time: SimTime,
    /// A headline.
    pub title: String,
    /// A sentence.
    pub sentence: String,
}

/// A partition whose records differ: only the one branch has them, or only the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionDiff {
    /// Which.
    pub at: TopicPartition,
    /// From this offset on they differ.
    pub from: i64,
    /// What only the one has, and what only the other.
    pub only: [Only; 2],
}

/// Records that only one branch has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Only {
    /// How many.
    pub count: u64,
    /// The first of them: offset, key, value.
    pub shown: Vec<(i64, String, String)>,
}

/// Compares two branches of a run in the moment `at`, or as far as both were played. `None` when
/// there are no such branches.
pub fn compare(run: &Run, one: usize, other: usize, at: Option<SimTime>) -> Option<Comparison> {
    let branches = [run.branches().get(one)?, run.branches().get(other)?];
    let played = |branch: &Branch| {
        let head = branch.step_info(branch.head()).map_or(SimTime::ZERO, |(at, _)| at);
        head.max(branch.world().now())
    };
    let most = played(branches[0]).min(played(branches[1]));
    let at = at.map_or(most, |at| at.min(most));
    let worlds = [world_at(run, one, at), world_at(run, other, at)];
    let common = common(branches[0], branches[1]);
    let first = [branches[0].entry(common + 1), branches[1].entry(common + 1)];
    let parted = first.iter().flatten().map(|entry| entry.time).min();
    let side = |number: usize| Side {
        branch: [one, other][number],
        name: branches[number].name.clone(),
        first: told(branches[number], &worlds[number], common + 1),
        commands: commands(branches[number], &worlds[number], common),
    };
    let summaries = [worlds[0].summary(), worlds[1].summary()];
    Some(Comparison {
        at,
        common,
        parted: parted.filter(|parted| *parted <= most),
        sides: [side(0), side(1)],
        facts: facts(&summaries),
        partitions: partitions(&worlds),
    })
}

/// A branch's world in a moment.
fn world_at(run: &Run, branch: usize, at: SimTime) -> World {
    let mut run = run.clone();
    run.switch(branch);
    let step = run.branch().step_at(at);
    run.go_to(step);
    run.idle_until(at);
    run.world().clone()
}

/// How many entries both have, from the beginning.
fn common(one: &Branch, other: &Branch) -> u64 {
    let pairs = one.trace().iter().zip(other.trace());
    pairs.take_while(|(one, other)| one == other).count() as u64
}

fn told(branch: &Branch, world: &World, seq: u64) -> Option<Told> {
    let entry = branch.entry(seq)?;
    let names = Names::of(world);
    Some(Told { seq, time: entry.time, title: title(entry, &names), sentence: sentence(entry, &names) })
}

fn commands(branch: &Branch, world: &World, common: u64) -> Vec<Told> {
    let first = branch.journal().filter_map(|journaled| {
        let entry = branch.entries_of_step(journaled.step).next()?;
        (entry.seq > common).then_some(entry.seq)
    });
    first.filter_map(|seq| told(branch, world, seq)).take(COMMANDS_MAX).collect()
}

fn facts(summaries: &[Summary; 2]) -> Vec<(String, String, String)> {
    let rows = |summary: &Summary| {
        let records = &summary.records;
        let mut rows: Vec<(String, String)> = [
            ("records produced", records.produced),
            ("acknowledged", records.acknowledged),
            ("committed", records.committed),
            ("consumed", records.consumed),
            ("acknowledged and lost", records.lost),
            ("duplicated", records.duplicated),
            ("broken promises", summary.violations.len() as u64),
        ]
        .map(|(name, count)| (name.to_owned(), count.to_string()))
        .into();
        for broker in &summary.brokers {
            rows.push((format!("broker {}", broker.id), if broker.up { "up" } else { "down" }.to_owned()));
        }
        for topic in summary.topics.iter().filter(|topic| !topic.name.starts_with("__")) {
            for partition in &topic.partitions {
                rows.push((format!("{} {}", topic.name, partition.id), partition_words(partition)));
            }
        }
        for group in &summary.groups {
            let lag: i64 = group.offsets.iter().map(|offset| offset.lag).sum();
            let words = format!("{}, generation {}, lag {lag}", group.state, group.generation);
            rows.push((format!("group {}", group.id), words));
        }
        rows
    };
    let (one, other) = (rows(&summaries[0]), rows(&summaries[1]));
    let value = |rows: &[(String, String)], name: &str| {
        let row = rows.iter().find(|(known, _)| known == name);
        row.map_or_else(|| "–".to_owned(), |(_, value)| value.clone())
    };
    let more = other.iter().filter(|(name, _)| !one.iter().any(|(known, _)| known == name));
    let all = one.iter().chain(more).map(|(name, _)| name);
    let facts = all.map(|name| (name.clone(), value(&one, name), value(&other, name)));
    facts.filter(|(_, one, other)| one != other).collect()
}

fn partition_words(partition: &PartitionSummary) -> String {
    let isr: Vec<String> = partition.isr.iter().map(i32::to_string).collect();
    let leader = match partition.leader {
        -1 => "no leader".to_owned(),
        leader => format!("leader {leader}"),
    };
    format!(
        "{leader} (epoch {}), in sync {}, HW {} of {}",
        partition.leader_epoch,
        isr.join(" "),
        partition.high_watermark,
        partition.log_end_offset
    )
}

fn partitions(worlds: &[World; 2]) -> Vec<PartitionDiff> {
    let others = worlds[1].leading_logs();
    let of_users = |at: &TopicPartition| !at.topic.starts_with("__");
    let logs = worlds[0].leading_logs();
    let pairs = logs.iter().filter(|(at, _)| of_users(at)).filter_map(|(at, log)| {
        let (_, other) = others.iter().find(|(known, _)| known == at)?;
        diff(at, log, other)
    });
    pairs.collect()
}

/// A record: where, its key, its value.
type Item = (i64, Option<bytes::Bytes>, Option<bytes::Bytes>);

fn diff(at: &TopicPartition, one: &UnifiedLog, other: &UnifiedLog) -> Option<PartitionDiff> {
    let start = one.log_start_offset().max(other.log_start_offset());
    let same = |a: &RecordBatch, b: &RecordBatch| {
        a.crc() == b.crc() && a.base_offset() == b.base_offset() && a.count() == b.count()
    };
    let mut from = start;
    for (a, b) in one.batches_from(start).zip(other.batches_from(start)) {
        if !same(&a, &b) {
            break;
        }
        from = a.next_offset();
    }
    let (mut ours, mut theirs) = (items(one, from), items(other, from));
    let only = only(&mut ours, &mut theirs);
    let told = |items: Vec<Item>| {
        let count = items.len() as u64;
        let mut items = items;
        sort_by(&mut items, |a, b| a.0.cmp(&b.0));
        let text = |bytes: Option<bytes::Bytes>| bytes.map_or("null".to_owned(), |bytes| shown_text(&bytes));
        let shown =
            items.into_iter().take(SHOWN_MAX).map(|(offset, key, value)| (offset, text(key), text(value)));
        Only { count, shown: shown.collect() }
    };
    let [a, b] = only;
    let is_same = a.is_empty() && b.is_empty();
    (!is_same).then(|| PartitionDiff { at: at.clone(), from, only: [told(a), told(b)] })
}

fn items(log: &UnifiedLog, from: i64) -> Vec<Item> {
    let batches = log.batches_from(from).filter(|batch| !batch.is_control());
    let records = batches.flat_map(|batch| batch.records().map_while(Result::ok).collect::<Vec<_>>());
    let records = records.filter(|record| record.offset >= from);
    records.map(|record| (record.offset, record.key, record.value)).collect()
}

/// What only the one has, and what only the other: a record is known by its key and value, and as
/// many of the same as both have are the same.
fn only(one: &mut Vec<Item>, other: &mut Vec<Item>) -> [Vec<Item>; 2] {
    let by_content = |a: &Item, b: &Item| (&a.1, &a.2, a.0).cmp(&(&b.1, &b.2, b.0));
    sort_by(one, by_content);
    sort_by(other, by_content);
    let (mut a, mut b) = (one.iter().peekable(), other.iter().peekable());
    let mut only = [Vec::new(), Vec::new()];
    loop {
        let order = match (a.peek(), b.peek()) {
            (Some(one), Some(other)) => (&one.1, &one.2).cmp(&(&other.1, &other.2)),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => return only,
        };
        if order.is_le() {
            let item = a.next().cloned();
            if order.is_lt() {
                only[0].extend(item);
            }
        }
        if order.is_ge() {
            let item = b.next().cloned();
            if order.is_gt() {
                only[1].extend(item);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use expect_test::{Expect, expect};

    use super::*;
    use crate::base::{ms, seconds};
    use crate::sim::Command;
    use crate::view::fixture::run_until;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn check(comparison: &Comparison, expected: Expect) {
        let mut text = format!("at {}, {} entries in common", comparison.at, comparison.common);
        let _ = writeln!(text, ", parted {:?}", comparison.parted.map(|at| at.to_string()));
        for side in &comparison.sides {
            let first = side.first.as_ref().map_or("nothing", |told| &told.title);
            let commands: Vec<&str> = side.commands.iter().map(|told| told.title.as_str()).collect();
            let _ = writeln!(text, "{} {}: {first}; {}", side.branch, side.name, commands.join(", "));
        }
        for (name, one, other) in &comparison.facts {
            let _ = writeln!(text, "{name}: {one} | {other}");
        }
        for diff in &comparison.partitions {
            let _ = writeln!(text, "{} differs from offset {}", diff.at, diff.from);
            for Only { count, shown } in &diff.only {
                let _ = writeln!(text, "  {count} {shown:?}");
            }
        }
        expected.assert_eq(&text);
    }

    #[test]
    fn a_record_more_and_a_broker_less() {
        let mut run = run_until(SimTime(ms(1_800)));
        let step = run.branch().step_at(SimTime(ms(1_400)));
        run.go_to(step);
        let send = Command::Send {
            producer: "riders".into(),
            topic: "rides".into(),
            partition: None,
            key: Some("X".into()),
            value: Some("mine".into()),
            headers: Vec::new(),
        };
        run.command(&send).expect("a command");
        run.command(&Command::Kill { node: "broker-3".into() }).expect("a command");
        run.play_until(SimTime(ms(1_700)), 100_000);
        let comparison = compare(&run, 0, 1, None).expect("two branches");
        check(
            &comparison,
            expect![[r#"
                at 00:01.700, 511 entries in common, parted Some("00:01.400")
                0 main: Timer: sender; 
                1 branch 2: Send a record to rides; Send a record to rides, Broker 3 killed
                records produced: 15 | 16
                acknowledged: 14 | 8
                committed: 14 | 8
                broker 3: up | down
                rides 0: leader 1 (epoch 0), in sync 1 2 3, HW 14 of 14 | leader 1 (epoch 0), in sync 1 2 3, HW 8 of 10
                rides-0 differs from offset 8
                  5 [(9, "S", "v9"), (10, "N", "v10"), (11, "S", "v11"), (12, "N", "v12"), (13, "S", "v13")]
                  1 [(9, "X", "mine")]
            "#]],
        );
        let earlier = compare(&run, 0, 1, Some(SimTime(ms(1_000)))).expect("two branches");
        assert!(earlier.facts.is_empty() && earlier.partitions.is_empty(), "before they parted");
    }

    #[test]
    fn a_branch_is_like_itself() {
        let mut run = run_until(SimTime(seconds(2)));
        run.fork(None);
        let comparison = compare(&run, 0, 1, None).expect("two branches");
        assert_eq!((comparison.parted, comparison.facts.len(), comparison.partitions.len()), (None, 0, 0));
        assert_eq!(comparison.common, run.branch().trace().len() as u64);
        assert_eq!(compare(&run, 0, 2, None), None);
    }

    #[test]
    fn as_many_of_the_same_as_both_have_are_the_same() {
        let item =
            |offset, value: &'static str| (offset, None, Some(bytes::Bytes::from_static(value.as_bytes())));
        let mut one = vec![item(0, "a"), item(1, "b"), item(2, "b"), item(3, "c")];
        let mut other = vec![item(0, "b"), item(1, "d"), item(2, "a"), item(3, "a")];
        let [a, b] = only(&mut one, &mut other);
        assert_eq!(a, [item(2, "b"), item(3, "c")]);
        assert_eq!(b, [item(3, "a"), item(1, "d")]);
    }
}
