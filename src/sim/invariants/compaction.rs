//! What compaction promises: of every key the last value stays, at its offset; a tombstone until
//! `delete.retention.ms` after it was first cleaned; and what is not yet compacted stays whole.
//!
//! Source: Kafka documentation, *Design › Log Compaction › What guarantees does log compaction provide?*

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use imbl::OrdMap;

use super::{COMPACTION, Invariants, Nodes, log_of};
use crate::base::{Map, Set, SimTime, crc32c};
use crate::protocol::TopicPartition;
use crate::storage::{RecordBatch, UnifiedLog};
use crate::trace::Entry;

/// What was committed of compacted topics, by partition and key.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Compactions {
    known: Map<TopicPartition, Known>,
    /// Partitions that have lost what was committed: what is left there, nobody has promised.
    given_up: Set<TopicPartition>,
    /// Some clock was wrong when a log was compacted: nobody knows when a tombstone may go.
    skewed: bool,
}

/// What was committed of a partition since its topic is compacted.
#[derive(Clone, Debug, Default, PartialEq)]
struct Known {
    /// The first offset that is known of.
    from: i64,
    /// The one after the last.
    to: i64,
    /// Of each key its records by offset; the oldest go when all replicas have compacted what follows.
    keys: OrdMap<Bytes, Arc<BTreeMap<i64, Kept>>>,
}

/// A committed record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kept {
    /// A checksum of its value; `None` for a tombstone.
    value: Option<u32>,
    /// When it was committed.
    at: SimTime,
    /// `delete.retention.ms` then.
    retention_ms: i64,
}

impl Compactions {
    /// A batch was committed that was not committed before, to this leader's log.
    #[inline(never)]
    pub(super) fn committed(&mut self, log: &UnifiedLog, batch: &RecordBatch, now: SimTime) {
        let at = log.topic_partition();
        if self.given_up.contains(at) {
            return;
        }
        let base = batch.base_offset();
        let known = self.known.entry(at.clone()).or_default();
        if known.to != base || known.keys.is_empty() {
            *known = Known { from: base, ..Known::default() };
        }
        known.to = batch.next_offset();
        for record in batch.records().flatten().filter(|_| !batch.is_control()) {
            let Some(key) = record.key else { continue };
            let value = record.value.as_deref().map(crc32c);
            let kept = Kept { value, at: now, retention_ms: log.config().delete_retention_ms };
            Arc::make_mut(known.keys.entry(key).or_default()).insert(record.offset, kept);
        }
    }

    /// What was committed of this partition is not all there any more.
    pub(super) fn give_up(&mut self, at: &TopicPartition) {
        if self.known.remove(at).is_some() {
            self.given_up.insert(at.clone());
        }
    }

    /// The topic is gone, or another.
    pub(super) fn forget(&mut self, is_it: impl Fn(&TopicPartition) -> bool) {
        self.known.retain(|at, _| !is_it(at));
    }
}

impl Known {
    /// Of each key that something of remains below `end`: where that is.
    fn latest(&self, end: i64) -> impl Iterator<Item = (&Bytes, i64, Kept)> {
        self.keys.iter().filter_map(move |(key, all)| {
            let (offset, kept) = all.range(..end).next_back()?;
            Some((key, *offset, *kept))
        })
    }

    /// Nobody will compact below `end` again with something older in hand.
    fn forget_below(&mut self, end: i64) {
        let has_older = |all: &BTreeMap<i64, Kept>| all.range(..end).nth(1).is_some();
        let old = self.keys.iter().filter(|(_, all)| has_older(all)).map(|(key, _)| key.clone());
        for key in old.collect::<Vec<_>>() {
            let Some(all) = self.keys.get_mut(&key).map(Arc::make_mut) else { continue };
            let last = all.range(..end).next_back().map_or(0, |(offset, _)| *offset);
            *all = all.split_off(&last);
        }
    }
}

impl Invariants {
    /// A replica has compacted its log: looks at what is left.
    #[inline(never)]
    pub(super) fn check_compaction(
        &mut self,
        nodes: &Nodes,
        entry: &Entry,
        at: &TopicPartition,
        broken: &mut impl FnMut(&'static str, String),
    ) {
        self.compactions.skewed |= nodes.values().any(|slot| slot.skew_ms != 0);
        let Some(log) = log_of(nodes, entry.node, at) else { return };
        if self.disks_lost.contains_key(&(entry.node, at.clone())) {
            return;
        }
        let skewed = self.compactions.skewed;
        let Some(known) = self.compactions.known.get_mut(at) else { return };
        let clean = self.compacted.get(at).copied().unwrap_or(0);
        let left = Left::of(log);
        let wrong = left.moved(known, log).or_else(|| left.missing(known, log, clean, (entry.time, skewed)));
        if let Some(what) = wrong {
            broken(COMPACTION, format!("{at} on {}: {what}", entry.node));
        }
        let logs = nodes.keys().filter_map(|node| log_of(nodes, *node, at));
        if let Some(end) = logs.map(|log| log.cleaned_to()).min() {
            known.forget_below(end);
        }
        let committed = self.committed.get(at);
        let holds = |offset: i64| log.batch_at(offset).is_some_and(|batch| batch.base_offset() == offset);
        let whole = clean.max(log.log_start_offset())..log.high_watermark();
        let gone = committed.and_then(|all| {
            all.range(whole)
                .find(|(offset, batch)| !batch.lost && !holds(**offset))
                .map(|(offset, _)| *offset)
        });
        if let Some(offset) = gone {
            broken(COMPACTION, format!("{at} on {}: offset {offset} is gone, {clean} is clean", entry.node));
        }
    }
}

/// What a log has below the offset to which it is compacted.
struct Left(BTreeMap<i64, (Bytes, Option<u32>)>);

impl Left {
    fn of(log: &UnifiedLog) -> Left {
        let batches = log.batches_from(log.log_start_offset());
        let below = batches.take_while(|batch| batch.base_offset() < log.cleaned_to());
        let records = below.filter(|batch| !batch.is_control()).flat_map(|batch| {
            let kept = batch
                .records()
                .flatten()
                .map(|it| (it.offset, (it.key.unwrap_or_default(), it.value.as_deref().map(crc32c))));
            kept.collect::<Vec<_>>()
        });
        Left(records.collect())
    }

    /// A record that is not what was committed at its offset.
    fn moved(&self, known: &Known, log: &UnifiedLog) -> Option<String> {
        let is_known = |offset: i64| offset >= known.from && offset < known.to.min(log.cleaned_to());
        let wrong = self.0.iter().filter(|(offset, _)| is_known(**offset)).find(|(offset, (key, value))| {
            let Some(all) = known.keys.get(key) else { return true };
            let is_forgotten = all.keys().next().is_none_or(|first| first > *offset);
            !is_forgotten && all.get(offset).is_none_or(|kept| kept.value != *value)
        });
        wrong.map(|(offset, (key, _))| format!("offset {offset}, of key {}, was not written so", shown(key)))
    }

    /// The last record of a key that should be there and is not.
    fn missing(
        &self,
        known: &Known,
        log: &UnifiedLog,
        clean: i64,
        (now, skewed): (SimTime, bool),
    ) -> Option<String> {
        let end = log.cleaned_to();
        let may_go = |kept: Kept| {
            let retention_ms = kept.retention_ms.min(log.config().delete_retention_ms).max(0) as u64;
            kept.value.is_none() && (skewed || now.since(kept.at) / 1_000 >= retention_ms)
        };
        let lost = known.latest(clean).find(|(_, offset, kept)| {
            *offset < end
                && *offset >= log.log_start_offset()
                && !self.0.contains_key(offset)
                && !may_go(*kept)
        });
        lost.map(|(key, offset, _)| {
            let older = self.0.range(..offset).rev().find(|(_, (other, _))| other == key);
            let instead = older.map_or("nothing".to_owned(), |(offset, _)| format!("offset {offset}"));
            format!("the last value of key {}, at offset {offset}, is gone, {instead} stays", shown(key))
        })
    }
}

/// A key in words.
pub(in crate::sim) fn shown(key: &[u8]) -> String {
    format!("\"{}\"", key.escape_ascii())
}
