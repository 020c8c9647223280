//! The groups of one partition of `__consumer_offsets`, and how records change them.

use std::sync::Arc;

use bytes::Bytes;

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

    /// Takes in a committed record. Records that are not ours are passed over, as in Kafka.
    pub(super) fn replay(&mut self, key: &Bytes, value: Option<&Bytes>, now: SimTime) -> Option<Event> {
        match log::read(key, value).ok()? {
            Change::Group { group, value: Some(value) } => {
                self.group_mut(group, now).stored = Some(Arc::new(value));
                None
            }
            Change::Group { group, value: None } => {
                self.groups.remove(&group);
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

    /// The group, which need not have been there before.
    pub(super) fn group_mut(&mut self, id: Arc<str>, now: SimTime) -> &mut Group {
        let slot = self.groups.entry(id).or_insert_with_key(|id| Arc::new(Group::new(id.clone(), now)));
        Arc::make_mut(slot)
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
