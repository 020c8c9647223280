//! The share coordinator: keeps the states of share partitions, in the name of whoever leads them, as
//! a machine without input or output of its own, hosted by a broker.
//!
//! Must not know the network or how `__share_group_state` is replicated. A request for a share
//! partition becomes records, which take effect at once, and an answer, which has to wait until they
//! are committed. A *snapshot* is the whole state, an *update* what changed; after so many updates
//! there is a snapshot again.
//!
//! Rules: KIP-932, *Persisting share-group state*. The topic is not compacted: now and again what
//! snapshots have made needless at the beginning of a partition is deleted (KAFKA-17711). So that a
//! share partition of which nothing is heard does not keep everything after it, there is a snapshot of
//! it as well when its last one is old, as long as others are in use (KAFKA-19227).

use std::sync::Arc;

use bytes::Bytes;

use super::config::GroupConfig;
use super::log::Record;
use crate::base::Map;
use crate::protocol::messages::share_group_records::{
    ShareSnapshotKey, ShareSnapshotValue, ShareUpdateKey, ShareUpdateValue,
};
use crate::protocol::messages::share_group_state::{StateBatch, WritePartition};
use crate::protocol::wire::{WireError, decode_prefixed, encode_prefixed};
use crate::protocol::{ErrorCode, Uuid};

/// A share partition: the group, the topic's id and the partition.
pub type ShareStateKey = (Arc<str>, Uuid, i32);

/// `start_offset` of a share partition that has begun nowhere yet, or stays where it is.
pub const NO_START_OFFSET: i64 = -1;
/// An epoch that is not told.
const NO_EPOCH: i32 = -1;

/// The state of a share partition.
#[derive(Clone, Debug, PartialEq)]
pub struct ShareState {
    /// How many snapshots there have been before.
    pub snapshot_epoch: i32,
    /// How often an administrator has set its start offset.
    pub state_epoch: i32,
    /// The newest leader that has asked.
    pub leader_epoch: i32,
    /// Where it starts; −1 if that is not decided.
    pub start_offset: i64,
    /// What is in flight, as far as somebody has said what became of it.
    pub batches: Vec<StateBatch>,
    created_ms: i64,
    written_ms: i64,
    updates: i32,
}

/// The share partitions whose states live in one partition of `__share_group_state`.
#[derive(Clone, Debug, Default, PartialEq)]
struct Shard {
    leader_epoch: i32,
    states: Map<ShareStateKey, Arc<ShareState>>,
    /// Where in the log the last snapshots are.
    snapshots: Map<ShareStateKey, i64>,
    /// What is before this offset nobody needs.
    redundant_before: i64,
}

/// What a request came to: records to append, and the state after them.
pub(crate) type Decided = (Vec<(Bytes, Option<Bytes>)>, Option<Arc<ShareState>>);

/// The share partitions whose states one broker keeps. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct ShareCoordinator {
    updates_per_snapshot: i32,
    partition_count: i32,
    shards: Map<i32, Shard>,
}

impl ShareCoordinator {
    /// A coordinator that keeps nothing yet.
    pub fn new(config: &GroupConfig) -> Self {
        ShareCoordinator {
            updates_per_snapshot: config.share_snapshot_update_records,
            partition_count: config.share_state_topic_num_partitions.max(1),
            shards: Map::new(),
        }
    }

    /// The partition of `__share_group_state` where a share partition's state is: Java's hash of
    /// `group:topic-id:partition`, modulo the number of partitions.
    pub fn partition_for(&self, (group, topic, partition): &ShareStateKey) -> i32 {
        self.partition_for_name(&format!("{group}:{topic}:{partition}"))
    }

    /// The same, by the name that FindCoordinator has.
    pub fn partition_for_name(&self, name: &str) -> i32 {
        let hash =
            name.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
        hash.checked_abs().unwrap_or(0) % self.partition_count
    }

    /// The broker leads the partition, and this is its log.
    pub fn elected(
        &mut self,
        partition: i32,
        leader_epoch: i32,
        records: impl IntoIterator<Item = (i64, Record)>,
    ) {
        let mut shard = Shard { leader_epoch, ..Shard::default() };
        for (offset, (key, value)) in records {
            // What is no record of ours is passed over.
            let _ = shard.replay(&key, value.as_ref());
            shard.written(offset, &key, value.is_none());
        }
        self.shards.insert(partition, shard);
    }

    /// The broker no longer leads the partition.
    pub fn resigned(&mut self, partition: i32) {
        self.shards.remove(&partition);
    }

    /// Whether this broker keeps the states of any share partitions, or would.
    pub fn keeps_any(&self) -> bool {
        !self.shards.is_empty()
    }

    /// The epoch under which this broker keeps the state of a share partition.
    ///
    /// # Errors
    /// NOT_COORDINATOR.
    pub fn leader_epoch(&self, key: &ShareStateKey) -> Result<i32, ErrorCode> {
        let shard = self.shards.get(&self.partition_for(key));
        shard.map(|shard| shard.leader_epoch).ok_or(ErrorCode::NotCoordinator)
    }

    /// A record is in the log of this partition, at this offset.
    pub fn written(&mut self, partition: i32, offset: i64, (key, value): &Record) {
        if let Some(shard) = self.shards.get_mut(&partition) {
            shard.written(offset, key, value.is_none());
        }
    }

    /// For each partition the offset before which nothing is needed any more.
    pub fn redundant_before(&self) -> impl Iterator<Item = (i32, i64)> {
        let shards = self.shards.iter().filter(|(_, shard)| shard.redundant_before > 0);
        shards.map(|(partition, shard)| (*partition, shard.redundant_before))
    }

    /// Takes snapshots of share partitions whose last one is older than this, unless nothing else
    /// happens in their partition of the log.
    #[inline(never)]
    pub fn snapshot_cold(&mut self, now_ms: i64, age_ms: i64) -> Vec<(ShareStateKey, Vec<Record>)> {
        let mut all = Vec::new();
        for shard in self.shards.values_mut() {
            if shard.states.values().all(|state| state.created_ms != state.written_ms) {
                continue;
            }
            for (key, state) in &mut shard.states {
                if now_ms.saturating_sub(state.written_ms) < age_ms {
                    continue;
                }
                let mut next = ShareState::clone(state);
                next.snapshot_epoch = next.snapshot_epoch.saturating_add(1);
                (next.written_ms, next.updates) = (now_ms, 0);
                if let Ok(record) = snapshot(key, &next) {
                    *state = Arc::new(next);
                    all.push((key.clone(), vec![record]));
                }
            }
        }
        all
    }

    /// What is known of a share partition.
    ///
    /// # Errors
    /// NOT_COORDINATOR.
    pub fn state(&self, key: &ShareStateKey) -> Result<Option<&Arc<ShareState>>, ErrorCode> {
        let shard = self.shards.get(&self.partition_for(key)).ok_or(ErrorCode::NotCoordinator)?;
        Ok(shard.states.get(key))
    }

    /// All states, for whoever looks on.
    pub fn states(&self) -> impl Iterator<Item = (&ShareStateKey, &ShareState)> {
        self.shards.values().flat_map(|shard| shard.states.iter().map(|(key, state)| (key, &**state)))
    }

    /// InitializeShareGroupState.
    ///
    /// # Errors
    /// NOT_COORDINATOR, FENCED_STATE_EPOCH.
    pub fn initialize(
        &mut self,
        key: &ShareStateKey,
        state_epoch: i32,
        start_offset: i64,
        now_ms: i64,
    ) -> Result<Decided, ErrorCode> {
        let known = self.state(key)?.cloned();
        if known.as_ref().is_some_and(|known| state_epoch < known.state_epoch) {
            return Err(ErrorCode::FencedStateEpoch);
        }
        let state = ShareState {
            snapshot_epoch: known.as_ref().map_or(0, |known| known.snapshot_epoch.saturating_add(1)),
            state_epoch,
            leader_epoch: known.as_ref().map_or(0, |known| known.leader_epoch),
            start_offset,
            batches: Vec::new(),
            created_ms: now_ms,
            written_ms: now_ms,
            updates: 0,
        };
        self.put(key, vec![snapshot(key, &state)])
    }

    /// ReadShareGroupState: the asker is the leader from now on.
    ///
    /// # Errors
    /// NOT_COORDINATOR, FENCED_LEADER_EPOCH; INVALID_REQUEST when nobody has begun it.
    pub fn read(&mut self, key: &ShareStateKey, leader_epoch: i32) -> Result<Decided, ErrorCode> {
        let known = self.state(key)?.cloned().ok_or(ErrorCode::InvalidRequest)?;
        if leader_epoch < known.leader_epoch {
            return Err(ErrorCode::FencedLeaderEpoch);
        }
        if leader_epoch == known.leader_epoch {
            return Ok((Vec::new(), Some(known)));
        }
        let record = update(key, known.snapshot_epoch, leader_epoch, NO_START_OFFSET, Vec::new());
        self.put(key, vec![record])
    }

    /// WriteShareGroupState.
    ///
    /// # Errors
    /// NOT_COORDINATOR, FENCED_LEADER_EPOCH, FENCED_STATE_EPOCH; INVALID_REQUEST when nobody has begun it.
    pub fn write(
        &mut self,
        key: &ShareStateKey,
        asked: WritePartition,
        now_ms: i64,
    ) -> Result<Decided, ErrorCode> {
        let known = self.state(key)?.cloned().ok_or(ErrorCode::InvalidRequest)?;
        if asked.leader_epoch != NO_EPOCH && asked.leader_epoch < known.leader_epoch {
            return Err(ErrorCode::FencedLeaderEpoch);
        }
        if asked.state_epoch != NO_EPOCH && asked.state_epoch < known.state_epoch {
            return Err(ErrorCode::FencedStateEpoch);
        }
        let leader_epoch = asked.leader_epoch.max(known.leader_epoch);
        if known.updates < self.updates_per_snapshot {
            let batches = merge(&[], asked.state_batches, asked.start_offset);
            let record = update(key, known.snapshot_epoch, leader_epoch, asked.start_offset, batches);
            return self.put(key, vec![record]);
        }
        let start_offset = known.start_offset.max(asked.start_offset);
        let state = ShareState {
            snapshot_epoch: known.snapshot_epoch.saturating_add(1),
            state_epoch: known.state_epoch.max(asked.state_epoch),
            leader_epoch,
            start_offset,
            batches: merge(&known.batches, asked.state_batches, start_offset),
            created_ms: now_ms,
            written_ms: now_ms,
            updates: 0,
        };
        self.put(key, vec![snapshot(key, &state)])
    }

    /// DeleteShareGroupState.
    ///
    /// # Errors
    /// NOT_COORDINATOR.
    pub fn delete(&mut self, key: &ShareStateKey) -> Result<Decided, ErrorCode> {
        if self.state(key)?.is_none() {
            return Ok((Vec::new(), None));
        }
        self.put(key, vec![snapshot_key(key).map(|bytes| (bytes, None))])
    }

    /// Records take effect.
    fn put(
        &mut self,
        key: &ShareStateKey,
        records: Vec<Result<Record, WireError>>,
    ) -> Result<Decided, ErrorCode> {
        let partition = self.partition_for(key);
        let shard = self.shards.get_mut(&partition).ok_or(ErrorCode::NotCoordinator)?;
        let records: Result<Vec<Record>, WireError> = records.into_iter().collect();
        let records = records.map_err(|_| ErrorCode::InvalidRequest)?;
        for (key, value) in &records {
            let _ = shard.replay(key, value.as_ref());
        }
        Ok((records, shard.states.get(key).cloned()))
    }
}

impl Shard {
    /// A snapshot makes needless what was before it, as far as nobody else's is earlier; of a share
    /// partition that is forgotten nothing is needed.
    fn written(&mut self, offset: i64, key: &Bytes, is_tombstone: bool) {
        let Ok((_, key)) = decode_prefixed::<ShareSnapshotKey>(key) else { return };
        let key: ShareStateKey = (key.group_id.into(), key.topic_id, key.partition);
        self.snapshots.insert(key.clone(), offset);
        self.redundant_before = self.snapshots.values().copied().min().unwrap_or(0);
        if is_tombstone {
            self.snapshots.remove(&key);
        }
    }

    fn replay(&mut self, key: &Bytes, value: Option<&Bytes>) -> Result<(), WireError> {
        if let Ok((_, key)) = decode_prefixed::<ShareUpdateKey>(key) {
            let Some(value) = value else { return Ok(()) };
            let (_, value) = decode_prefixed::<ShareUpdateValue>(value)?;
            let key = (key.group_id.into(), key.topic_id, key.partition);
            let Some(state) = self.states.get_mut(&key) else { return Ok(()) };
            let state = Arc::make_mut(state);
            state.leader_epoch = state.leader_epoch.max(value.leader_epoch);
            state.start_offset = state.start_offset.max(value.start_offset);
            state.batches = merge(&state.batches, value.state_batches, state.start_offset);
            state.updates = state.updates.saturating_add(1);
            return Ok(());
        }
        let (_, key) = decode_prefixed::<ShareSnapshotKey>(key)?;
        let key: ShareStateKey = (key.group_id.into(), key.topic_id, key.partition);
        let Some(value) = value else {
            self.states.remove(&key);
            return Ok(());
        };
        let (_, value) = decode_prefixed::<ShareSnapshotValue>(value)?;
        let state = ShareState {
            snapshot_epoch: value.snapshot_epoch,
            state_epoch: value.state_epoch,
            leader_epoch: value.leader_epoch,
            start_offset: value.start_offset,
            batches: value.state_batches,
            created_ms: value.create_timestamp,
            written_ms: value.write_timestamp,
            updates: 0,
        };
        self.states.insert(key, Arc::new(state));
        Ok(())
    }
}

/// What is in flight after a change: what the change says counts, nothing before the start offset does,
/// and neighbours in the same state are one.
fn merge(before: &[StateBatch], changed: Vec<StateBatch>, start_offset: i64) -> Vec<StateBatch> {
    let mut all: Vec<StateBatch> = before.to_vec();
    for batch in changed.into_iter().filter(|batch| batch.first_offset <= batch.last_offset) {
        let (first, last) = (batch.first_offset, batch.last_offset);
        let rest = all.into_iter().flat_map(|known| {
            let left =
                StateBatch { last_offset: known.last_offset.min(first.saturating_sub(1)), ..known.clone() };
            let right = StateBatch { first_offset: known.first_offset.max(last.saturating_add(1)), ..known };
            [left, right]
        });
        all = rest.filter(|piece| piece.first_offset <= piece.last_offset).collect();
        all.push(batch);
    }
    all.sort_by_key(|batch| batch.first_offset);
    let mut merged: Vec<StateBatch> = Vec::new();
    for mut batch in all.into_iter().filter(|batch| batch.last_offset >= start_offset) {
        batch.first_offset = batch.first_offset.max(start_offset);
        match merged.last_mut() {
            Some(open)
                if open.last_offset.saturating_add(1) == batch.first_offset
                    && open.delivery_state == batch.delivery_state
                    && open.delivery_count == batch.delivery_count =>
            {
                open.last_offset = batch.last_offset;
            }
            _ => merged.push(batch),
        }
    }
    merged
}

fn snapshot_key((group, topic_id, partition): &ShareStateKey) -> Result<Bytes, WireError> {
    let key = ShareSnapshotKey { group_id: group.to_string(), topic_id: *topic_id, partition: *partition };
    encode_prefixed(0, &key)
}

fn snapshot(key: &ShareStateKey, state: &ShareState) -> Result<Record, WireError> {
    let value = ShareSnapshotValue {
        snapshot_epoch: state.snapshot_epoch,
        state_epoch: state.state_epoch,
        leader_epoch: state.leader_epoch,
        start_offset: state.start_offset,
        create_timestamp: state.created_ms,
        write_timestamp: state.written_ms,
        state_batches: state.batches.clone(),
    };
    Ok((snapshot_key(key)?, Some(encode_prefixed(0, &value)?)))
}

fn update(
    (group, topic_id, partition): &ShareStateKey,
    snapshot_epoch: i32,
    leader_epoch: i32,
    start_offset: i64,
    state_batches: Vec<StateBatch>,
) -> Result<Record, WireError> {
    let key = ShareUpdateKey { group_id: group.to_string(), topic_id: *topic_id, partition: *partition };
    let value = ShareUpdateValue { snapshot_epoch, leader_epoch, start_offset, state_batches };
    Ok((encode_prefixed(1, &key)?, Some(encode_prefixed(0, &value)?)))
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn batch(first_offset: i64, last_offset: i64, delivery_state: i8, delivery_count: i16) -> StateBatch {
        StateBatch { first_offset, last_offset, delivery_state, delivery_count }
    }

    fn key() -> ShareStateKey {
        ("g".into(), Uuid::from_halves(1, 2), 0)
    }

    /// A coordinator of one partition, and the log that it writes.
    struct Desk {
        coordinator: ShareCoordinator,
        log: Vec<Record>,
    }

    impl Desk {
        fn offsets(&self) -> Vec<(i64, Record)> {
            (0..).zip(self.log.clone()).collect()
        }

        fn new(updates_per_snapshot: i32) -> Desk {
            let config = GroupConfig {
                share_snapshot_update_records: updates_per_snapshot,
                share_state_topic_num_partitions: 1,
                ..GroupConfig::default()
            };
            let mut coordinator = ShareCoordinator::new(&config);
            coordinator.elected(0, 1, Vec::new());
            Desk { coordinator, log: Vec::new() }
        }

        fn write(&mut self, leader_epoch: i32, start_offset: i64, state_batches: Vec<StateBatch>) -> String {
            let asked =
                WritePartition { partition: 0, state_epoch: 0, leader_epoch, start_offset, state_batches };
            let decided = self.coordinator.write(&key(), asked, 7);
            self.told(decided)
        }

        fn begin(&mut self, start_offset: i64) -> String {
            let decided = self.coordinator.initialize(&key(), 0, start_offset, 7);
            self.told(decided)
        }

        fn told(&mut self, decided: Result<Decided, ErrorCode>) -> String {
            match decided {
                Ok((records, state)) => {
                    let kinds: Vec<i16> = records.iter().map(|(key, _)| i16::from(key[1])).collect();
                    for record in records {
                        self.coordinator.written(0, self.log.len() as i64, &record);
                        self.log.push(record);
                    }
                    let Some(state) = state else { return format!("{kinds:?} nothing") };
                    let batches = state.batches.iter().map(|b| {
                        format!(
                            " {}-{}:{}*{}",
                            b.first_offset, b.last_offset, b.delivery_state, b.delivery_count
                        )
                    });
                    let batches: String = batches.collect();
                    format!("{kinds:?} leader {} from {}{batches}", state.leader_epoch, state.start_offset)
                }
                Err(error) => error.name().to_owned(),
            }
        }
    }

    #[test]
    fn a_snapshot_comes_first_and_then_updates() {
        let mut desk = Desk::new(2);
        assert_eq!(desk.begin(0), "[0] leader 0 from 0");
        assert_eq!(desk.write(3, 0, vec![batch(1, 2, 2, 1)]), "[1] leader 3 from 0 1-2:2*1");
        assert_eq!(desk.write(3, 0, vec![batch(3, 4, 2, 1)]), "[1] leader 3 from 0 1-4:2*1");
        assert_eq!(desk.write(3, 5, vec![batch(5, 9, 0, 1)]), "[0] leader 3 from 5 5-9:0*1");
        assert_eq!(desk.write(3, -1, vec![batch(6, 7, 4, 2)]), "[1] leader 3 from 5 5-5:0*1 6-7:4*2 8-9:0*1");
        let known = desk.coordinator.clone();
        let records = desk.offsets();
        desk.coordinator.elected(0, 1, records);
        assert_eq!(desk.coordinator, known);
    }

    #[test]
    fn leaders_of_the_past_are_turned_away() {
        let mut desk = Desk::new(9);
        let read = desk.coordinator.read(&key(), 3);
        assert_eq!(desk.told(read), "INVALID_REQUEST");
        assert_eq!(desk.write(3, 0, vec![]), "INVALID_REQUEST");
        desk.begin(0);
        desk.write(3, 0, vec![]);
        let read = desk.coordinator.read(&key(), 5);
        assert_eq!(desk.told(read), "[1] leader 5 from 0");
        assert_eq!(desk.write(4, 0, vec![]), "FENCED_LEADER_EPOCH");
        let read = desk.coordinator.read(&key(), 4);
        assert_eq!(desk.told(read), "FENCED_LEADER_EPOCH");
        let begun = desk.coordinator.initialize(&key(), 2, 9, 7);
        assert_eq!(desk.told(begun), "[0] leader 5 from 9");
        assert_eq!(desk.write(5, 10, vec![]), "FENCED_STATE_EPOCH");
        let deleted = desk.coordinator.delete(&key());
        assert_eq!(desk.told(deleted), "[0] nothing");
    }

    #[test]
    fn what_snapshots_have_made_needless_is_told() {
        let mut desk = Desk::new(1);
        let needless = |desk: &Desk| desk.coordinator.redundant_before().next().map(|(_, offset)| offset);
        let other: ShareStateKey = ("h".into(), Uuid::from_halves(1, 2), 0);
        desk.begin(0);
        let begun = desk.coordinator.initialize(&other, 1, -1, 7);
        desk.told(begun);
        assert_eq!(needless(&desk), None);
        desk.write(3, 1, vec![]);
        assert_eq!(needless(&desk), None, "an update");
        desk.write(3, 2, vec![]);
        assert_eq!(needless(&desk), Some(1), "the other's snapshot is the earliest");
        // Both are old at 20, the other alone at 15 if there was a snapshot of this one at 10.
        assert_eq!(desk.coordinator.clone().snapshot_cold(20, 13).len(), 2);
        assert_eq!(desk.coordinator.clone().snapshot_cold(19, 13).len(), 0);
        for (_, records) in desk.coordinator.snapshot_cold(20, 13) {
            desk.told(Ok((records, None)));
        }
        assert_eq!(needless(&desk), Some(4));
        assert_eq!(desk.coordinator.snapshot_cold(99, 13), [], "nothing has happened since");
        let known = desk.coordinator.clone();
        let records = desk.offsets().split_off(4);
        desk.coordinator.elected(0, 1, records);
        assert_eq!(desk.coordinator, known);
        let deleted = desk.coordinator.delete(&key());
        desk.told(deleted);
        let deleted = desk.coordinator.delete(&other);
        desk.told(deleted);
        assert_eq!(needless(&desk), Some(desk.log.len() as i64 - 1));
    }

    #[test]
    fn who_does_not_lead_is_not_the_coordinator() {
        let mut desk = Desk::new(9);
        desk.coordinator.resigned(0);
        assert_eq!(desk.write(3, 0, vec![]), "NOT_COORDINATOR");
    }
}
