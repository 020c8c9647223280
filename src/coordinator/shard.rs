//! The groups of one partition of `__consumer_offsets`, and how records change them.

use std::sync::Arc;

use bytes::Bytes;

use super::consumer::GroupChange;
use super::group::{Group, GroupState};
use super::log::{self, Change};
use crate::base::{Map, SimTime};
use crate::trace::Event;

/// The groups of one partition.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shard {
    pub(super) leader_epoch: i32,
    pub(super) is_loading: bool,
    pub(super) groups: Map<Arc<str>, Arc<Group>>,
}

impl Shard {
    pub(super) fn new(leader_epoch: i32, is_loading: bool) -> Self {
        Shard { leader_epoch, is_loading, groups: Map::new() }
    }

    /// Takes in a record that is committed just now. What it says of a classic group that has become
    /// a consumer group since, it says too late.
    pub(super) fn replay_late(&mut self, key: &Bytes, value: Option<&Bytes>, now: SimTime) -> Option<Event> {
        if let Ok(Change::Group { group, value: Some(_) }) = log::read(key, value)
            && self.groups.get(&group).is_some_and(|group| group.consumer.is_some())
        {
            return None;
        }
        self.replay(key, value, now)
    }

    /// Takes in a committed record. Records that are not ours are passed over, as in Kafka.
    pub(super) fn replay(&mut self, key: &Bytes, value: Option<&Bytes>, now: SimTime) -> Option<Event> {
        match log::read(key, value).ok()? {
            Change::Group { group, value: Some(value) } => {
                let group = self.group_mut(group, now);
                group.consumer = None;
                group.stored = Some(Arc::new(value));
                None
            }
            Change::Group { group, value: None } => {
                self.forget_classic(&group, now);
                None
            }
            Change::Consumer { group, change, is_share } => {
                self.replay_consumer(group, &change, is_share, now);
                None
            }
            Change::Offset { group, at, value: Some(value) } => {
                let offset = value.offset;
                let slot = self.group_mut(group.clone(), now);
                Arc::make_mut(&mut slot.offsets).insert(at.clone(), value);
                Some(Event::OffsetCommitted { group, at, offset })
            }
            Change::Offset { group, at, value: None } => {
                if let Some(group) = self.groups.get_mut(&group) {
                    Arc::make_mut(&mut Arc::make_mut(group).offsets).remove(&at);
                }
                self.forget_if_blank(&group);
                None
            }
        }
    }

    /// There is no classic group of this id any more. Offsets stay if they were not deleted, and so
    /// does the group of the consumer protocol that it may have become.
    fn forget_classic(&mut self, id: &str, now: SimTime) {
        let Some(slot) = self.groups.get_mut(id) else { return };
        if slot.consumer.is_none() {
            Arc::make_mut(slot).forget_classic(now);
        }
        self.forget_if_blank(id);
    }

    #[inline(never)]
    fn replay_consumer(&mut self, id: Arc<str>, change: &GroupChange, is_share: bool, now: SimTime) {
        if *change == GroupChange::Epoch(None) {
            if let Some(slot) = self.groups.get_mut(&id) {
                let group = Arc::make_mut(slot);
                group.consumer = None;
                group.forget_classic(now);
            }
            return self.forget_if_blank(&id);
        }
        // What a tombstone says of a group that is not there, nobody has to remember.
        if change.is_tombstone() && self.groups.get(&id).is_none_or(|group| group.consumer.is_none()) {
            return;
        }
        let group = self.group_mut(id, now);
        if group.consumer.is_none() {
            let protocol_type = if is_share { "share" } else { "consumer" };
            (group.stored, group.protocol_type) = (None, Some(protocol_type.into()));
        }
        Arc::make_mut(group.consumer.get_or_insert_default()).replay(change, is_share);
    }

    /// The group, which need not have been there before.
    pub(super) fn group_mut(&mut self, id: Arc<str>, now: SimTime) -> &mut Group {
        Arc::make_mut(self.slot(id, now))
    }

    /// The same, as it is shared.
    pub(super) fn slot(&mut self, id: Arc<str>, now: SimTime) -> &mut Arc<Group> {
        self.groups.entry(id).or_insert_with_key(|id| Arc::new(Group::new(id.clone(), now)))
    }

    /// The group, if it still waits for the assignments of this generation.
    pub(super) fn syncing(&mut self, id: &str, generation: i32) -> Option<&mut Group> {
        let slot = self.groups.get_mut(id)?;
        let waits = slot.state == GroupState::CompletingRebalance && slot.generation == generation;
        waits.then(|| Arc::make_mut(slot))
    }

    /// Requests that came to nothing leave nothing behind.
    pub(super) fn forget_if_blank(&mut self, id: &str) {
        if self.groups.get(id).is_some_and(|group| group.is_blank()) {
            self.groups.remove(id);
        }
    }
}
