//! What must have come about when nothing was broken any more for long enough: replicas are in sync
//! again, and every group has read on.

use crate::base::Set;
use crate::client::consumer::{CommitMode, GroupProtocol};
use crate::protocol::TopicPartition;
use crate::scenario::{Group, Scenario};
use crate::sim::{Command, Invariants, Summary};

/// Nobody has read these records, though nothing is in the way.
const UNSEEN: &str = "unseen";
/// A replica does not catch up, though nothing is in the way.
const OUT_OF_SYNC: &str = "out of sync for good";

/// What stands still and should not, going by where everything stood some time ago and now: which promise,
/// and where.
pub(super) fn standstill(
    scenario: &Scenario,
    before: &Summary,
    now: &Summary,
    known: &Invariants,
) -> Option<(&'static str, String)> {
    if now.brokers.iter().any(|broker| !broker.up) || !is_mended(scenario) {
        return None;
    }
    let corrupted: Set<&str> = scenario
        .script
        .iter()
        .filter_map(|step| match &step.command {
            Command::CorruptByte { topic, .. } => Some(topic.as_str()),
            _ => None,
        })
        .collect();
    for topic in now.topics.iter().filter(|topic| !corrupted.contains(topic.name.as_str())) {
        for partition in &topic.partitions {
            let (isr, replicas) = (partition.isr.len(), partition.replicas.len());
            if isr < replicas && stood(before, &topic.name, partition.id) == Some(partition.high_watermark) {
                let (name, id, isr) = (&topic.name, partition.id, &partition.isr);
                let what = format!("{name}-{id}: in-sync replicas {isr:?} of {:?}", partition.replicas);
                return Some((OUT_OF_SYNC, what));
            }
        }
    }
    // A share group commits no offsets: its leaders know what became of each record.
    let is_share = |group: &Group| group.configs.group_protocol == GroupProtocol::Share;
    let groups = scenario.groups.iter().filter(|group| !is_share(group) && !is_held_up(scenario, group));
    groups.filter(|group| !group.app.topics.iter().any(|topic| corrupted.contains(&**topic))).find_map(
        |group| {
            let unnoticed = |topic: &str, id| unnoticed(scenario, group, topic, id, before.t_ms);
            let unread = unread(group, before, now, known, &unnoticed)?;
            Some((UNSEEN, unread))
        },
    )
}

/// Whether whatever stops somebody for good has come to an end: of a smaller run the end may be missing.
fn is_mended(scenario: &Scenario) -> bool {
    let mends = |fault: &Command, mend: &Command| match (fault, mend) {
        (Command::Cut { a: from, b: to } | Command::CutOneWay { from, to }, Command::Heal { a, b }) => {
            (a, b) == (from, to) || (b, a) == (from, to)
        }
        (Command::Pause { node }, Command::Resume { node: resumed }) => node == resumed,
        (Command::SetStuck { consumer, .. }, Command::SetStuck { consumer: freed, on: false }) => {
            consumer == freed
        }
        (Command::SetDiskFull { broker, .. }, Command::SetDiskFull { broker: cleared, on: false }) => {
            broker == cleared
        }
        _ => false,
    };
    let stops = |command: &Command| {
        matches!(
            command,
            Command::Cut { .. }
                | Command::CutOneWay { .. }
                | Command::Pause { .. }
                | Command::SetStuck { on: true, .. }
                | Command::SetDiskFull { on: true, .. }
        )
    };
    let faults = scenario.script.iter().enumerate().filter(|(_, step)| stops(&step.command));
    let mut faults = faults.map(|(at, step)| (&step.command, &scenario.script[at + 1..]));
    faults.all(|(fault, later)| later.iter().any(|step| mends(fault, &step.command)))
}

/// Whether each record waits for a commit that names a topic which is gone: until the group hears of that,
/// each of these takes all of `default.api.timeout.ms`.
fn is_held_up(scenario: &Scenario, group: &Group) -> bool {
    let is_deleted = |topic: &str| {
        scenario
            .script
            .iter()
            .any(|step| matches!(&step.command, Command::DeleteTopic { topic: gone, .. } if *gone == topic))
    };
    group.app.commit == CommitMode::AfterEachRecord && group.app.topics.iter().any(|topic| is_deleted(topic))
}

/// Whether a partition was added of which a classic group need not know yet: its leader looks for new ones
/// once in `metadata.max.age.ms`. A static leader that returns takes what it finds for what it has assigned
/// before, and does not miss those that were added while it was away (KIP-814).
fn unnoticed(scenario: &Scenario, group: &Group, topic: &str, partition: i32, by_ms: u64) -> bool {
    if group.configs.group_protocol != GroupProtocol::Classic {
        return false;
    }
    let added = scenario.script.iter().filter_map(|step| match &step.command {
        Command::AddPartitions { topic: name, .. } if name == topic => Some(step.at_ms),
        _ => None,
    });
    let first = scenario.topics.iter().find(|known| known.name == topic).and_then(|known| known.partitions);
    let is_new = first.is_some_and(|first| partition >= first);
    let age_ms = group.configs.metadata_max_age_ms;
    is_new && (group.static_members || added.max().is_some_and(|at_ms| at_ms.saturating_add(age_ms) >= by_ms))
}

/// The high watermark of a partition.
fn stood(summary: &Summary, topic: &str, partition: i32) -> Option<i64> {
    let topic = summary.topics.iter().find(|known| known.name == topic)?;
    let partition = topic.partitions.iter().find(|known| known.id == partition)?;
    Some(partition.high_watermark)
}

fn committed(summary: &Summary, group: &str, topic: &str, partition: i32) -> Option<i64> {
    let group = summary.groups.iter().find(|known| known.id == group)?;
    let offset = group.offsets.iter().find(|known| known.topic == topic && known.partition == partition)?;
    Some(offset.committed)
}

/// A partition that a group has not read to its end, when none of its committed offsets moves any more.
fn unread(
    group: &Group,
    before: &Summary,
    now: &Summary,
    known: &Invariants,
    unnoticed: &dyn Fn(&str, i32) -> bool,
) -> Option<String> {
    let has_members = |summary: &Summary| {
        summary.groups.iter().any(|known| known.id == group.id && !known.members.is_empty())
    };
    if !has_members(before) || !has_members(now) {
        return None;
    }
    let topics = now.topics.iter().filter(|topic| group.app.topics.iter().any(|name| **name == *topic.name));
    // Who commits after each record, or is put out again and again for being slow, gets to one partition
    // after the other.
    let offsets = |summary: &Summary| {
        let known = summary.groups.iter().filter(|known| known.id == group.id);
        known.flat_map(|known| known.offsets.iter().map(|offset| offset.committed)).collect::<Vec<_>>()
    };
    if offsets(before) != offsets(now) {
        return None;
    }
    topics.flat_map(|topic| topic.partitions.iter().map(move |partition| (topic, partition))).find_map(
        |(topic, partition)| {
            let (name, id, end) = (&topic.name, partition.id, partition.high_watermark);
            let at = committed(now, &group.id, name, id);
            // What could not be committed is processed all the same.
            let reached = known.reached(&group.id, &TopicPartition::new(name.as_str(), id));
            let is_read = end == partition.log_start_offset || at.max(reached).is_some_and(|at| at >= end);
            let grows = stood(before, name, id) != Some(end);
            (!is_read && !grows && !unnoticed(name, id)).then(|| {
                let from = at.max(reached).map_or("the beginning".to_owned(), |at| format!("offset {at}"));
                format!("{name}-{id}: {end} committed, and {} does not read on from {from}", group.id)
            })
        },
    )
}
