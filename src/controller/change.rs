//! One change of a partition, from what is wanted to the record that makes it so.
//!
//! Whatever is wanted, the same rules follow: a reassignment whose new replicas are all in sync is
//! completed, a leader that may not lead any more is replaced, a leader from outside the in-sync replicas
//! makes a new set of itself alone, and a replica that goes raises the leader epoch so that nobody listens
//! to it any longer.
//!
//! Source: KIP-455 (reassignment), KIP-460 (elections), Kafka documentation *Replication*.

use crate::controller::Controller;
use crate::metadata::{NO_LEADER, PartitionRegistration};
use crate::plant::Plant;
use crate::protocol::messages::metadata_records::{MetadataRecord, PartitionChangeRecord};
use crate::protocol::{TopicPartition, Uuid};
use crate::trace::Event;

/// `PartitionChangeRecord.leader` when the leader stays.
const NO_LEADER_CHANGE: i32 = -2;

/// Who may become leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Election {
    /// The leader stays if it can; else the first replica in sync.
    Online,
    /// The first replica, if it is in sync; else as [`Election::Online`].
    Preferred,
    /// As [`Election::Online`], but when no replica in sync can lead, another may.
    Unclean,
}

/// What a partition shall be.
#[derive(Clone, Debug)]
pub(super) struct PartitionChange<'a> {
    at: TopicPartition,
    topic_id: Uuid,
    before: &'a PartitionRegistration,
    pub(super) isr: Vec<i32>,
    pub(super) replicas: Vec<i32>,
    pub(super) adding: Vec<i32>,
    pub(super) removing: Vec<i32>,
    pub(super) election: Election,
}

impl<'a> PartitionChange<'a> {
    /// No change yet.
    pub(super) fn new(at: TopicPartition, topic_id: Uuid, before: &'a PartitionRegistration) -> Self {
        PartitionChange {
            at,
            topic_id,
            before,
            isr: before.isr.clone(),
            replicas: before.replicas.clone(),
            adding: before.adding_replicas.clone(),
            removing: before.removing_replicas.clone(),
            election: Election::Online,
        }
    }

    /// The record, and what it means; nothing if nothing changes. `usable` tells who is counted on.
    pub(super) fn build(
        mut self,
        usable: impl Fn(i32) -> bool,
        events: &mut Vec<Event>,
    ) -> Option<MetadataRecord> {
        self.complete_reassignment();
        let before = self.before;
        let (leader, unclean) = self.elect(usable);
        if unclean {
            self.isr = vec![leader];
        }
        if self.isr.is_empty() {
            // The last in-sync replica stays, so that it is known who has everything.
            self.isr.clone_from(&before.isr);
        }
        let removed = before.replicas.iter().any(|id| !self.replicas.contains(id));
        let new_epoch = leader != before.leader || removed;
        let changed = |new: Vec<i32>, old: &Vec<i32>| (new != *old).then_some(new);
        let isr = self.isr.clone();
        let record = PartitionChangeRecord {
            partition_id: self.at.partition,
            topic_id: self.topic_id,
            isr: changed(self.isr, &before.isr),
            leader: if new_epoch { leader } else { NO_LEADER_CHANGE },
            replicas: changed(self.replicas, &before.replicas),
            adding_replicas: changed(self.adding, &before.adding_replicas),
            removing_replicas: changed(self.removing, &before.removing_replicas),
            ..Default::default()
        };
        let parts = [&record.isr, &record.replicas, &record.adding_replicas, &record.removing_replicas];
        if !new_epoch && parts.iter().all(|part| part.is_none()) {
            return None;
        }
        let leader_epoch = before.leader_epoch.saturating_add(i32::from(new_epoch));
        if new_epoch {
            events.push(Event::LeaderElected { at: self.at.clone(), leader, leader_epoch });
        }
        let partition_epoch = before.partition_epoch.saturating_add(1);
        events.push(Event::PartitionChanged { at: self.at, leader, leader_epoch, partition_epoch, isr });
        Some(record.into())
    }

    /// When all replicas that stay are in sync, those to be removed go.
    fn complete_reassignment(&mut self) {
        if self.adding.is_empty() && self.removing.is_empty() {
            return;
        }
        let stays = |id: &i32| !self.removing.contains(id);
        let replicas: Vec<i32> = self.replicas.iter().copied().filter(stays).collect();
        let isr: Vec<i32> = self.isr.iter().copied().filter(stays).collect();
        if !isr.is_empty() && !replicas.is_empty() && replicas.iter().all(|id| isr.contains(id)) {
            (self.replicas, self.isr) = (replicas, isr);
            self.adding.clear();
            self.removing.clear();
        }
    }

    /// The leader, and whether it comes from outside the in-sync replicas.
    fn elect(&self, usable: impl Fn(i32) -> bool) -> (i32, bool) {
        let clean = |id: &i32| self.isr.contains(id) && usable(*id);
        let preferred = self.replicas.first().copied().filter(clean);
        if let (Election::Preferred, Some(preferred)) = (self.election, preferred) {
            return (preferred, false);
        }
        let stays = self.replicas.contains(&self.before.leader) && clean(&self.before.leader);
        if stays {
            return (self.before.leader, false);
        }
        if let Some(leader) = self.replicas.iter().copied().find(clean) {
            return (leader, false);
        }
        let unclean = self.replicas.iter().copied().find(|id| usable(*id));
        match unclean.filter(|_| self.election == Election::Unclean) {
            Some(leader) => (leader, true),
            None => (NO_LEADER, false),
        }
    }
}

impl Controller {
    /// A change of a partition of this topic, with the election that the topic allows.
    pub(super) fn change<'a>(
        &self,
        at: TopicPartition,
        topic_id: Uuid,
        before: &'a PartitionRegistration,
    ) -> PartitionChange<'a> {
        let config = self.topic_config(&at.topic);
        let unclean = config.unclean_leader_election_enable || config.plants.has(Plant::UncleanElection);
        let mut change = PartitionChange::new(at, topic_id, before);
        if unclean {
            change.election = Election::Unclean;
        }
        change
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// Replicas 1, 2, 3, led by 1 in epoch 5; whoever is in `up` is counted on.
    fn check(isr: &[i32], up: &[i32], change: impl Fn(&mut PartitionChange), expected: &str) {
        let before = PartitionRegistration {
            replicas: vec![1, 2, 3],
            isr: isr.to_vec(),
            adding_replicas: Vec::new(),
            removing_replicas: Vec::new(),
            leader: 1,
            leader_epoch: 5,
            partition_epoch: 9,
        };
        let mut wanted = PartitionChange::new(TopicPartition::new("t", 0), Uuid::default(), &before);
        change(&mut wanted);
        let mut events = Vec::new();
        let found = match wanted.build(|id| up.contains(&id), &mut events) {
            Some(MetadataRecord::PartitionChange(r)) => {
                let list = |name: &str, ids: &Option<Vec<i32>>| match ids {
                    Some(ids) => format!(" {name} {ids:?}"),
                    None => String::new(),
                };
                format!(
                    "leader {}{}{}{}{}",
                    r.leader,
                    list("isr", &r.isr),
                    list("replicas", &r.replicas),
                    list("adding", &r.adding_replicas),
                    list("removing", &r.removing_replicas)
                )
            }
            Some(other) => other.name().to_owned(),
            None => "nothing".to_owned(),
        };
        assert_eq!(found, expected);
        assert_eq!(events.is_empty(), expected == "nothing");
    }

    #[test]
    fn a_leader_stays_while_it_can() {
        check(&[1, 2], &[1, 2, 3], |_| {}, "nothing");
        check(&[1, 2], &[1, 2, 3], |change| change.isr = vec![1], "leader -2 isr [1]");
        check(&[1, 2], &[2, 3], |change| change.isr = vec![2], "leader 2 isr [2]");
    }

    #[test]
    fn the_last_in_sync_replica_stays_known() {
        check(&[1], &[2, 3], |change| change.isr.clear(), "leader -1");
    }

    #[test]
    fn an_unclean_leader_is_alone_in_sync() {
        let unclean = |change: &mut PartitionChange| {
            change.isr.clear();
            change.election = Election::Unclean;
        };
        check(&[1], &[2, 3], unclean, "leader 2 isr [2]");
        check(&[1], &[], unclean, "leader -1");
    }

    #[test]
    fn new_replicas_join_before_old_ones_go() {
        let target = |change: &mut PartitionChange| {
            change.replicas = vec![4, 2, 1, 3];
            change.adding = vec![4];
            change.removing = vec![1, 3];
        };
        let expected = "leader -2 replicas [4, 2, 1, 3] adding [4] removing [1, 3]";
        check(&[1, 2, 3], &[1, 2, 3, 4], target, expected);
        let caught_up = |change: &mut PartitionChange| {
            target(change);
            change.isr = vec![1, 2, 3, 4];
        };
        check(&[1, 2, 3], &[1, 2, 3, 4], caught_up, "leader 4 isr [2, 4] replicas [4, 2]");
    }

    #[test]
    fn a_replica_that_goes_raises_the_epoch_of_the_same_leader() {
        let fewer = |change: &mut PartitionChange| {
            change.replicas = vec![1, 2, 3];
            change.removing = vec![3];
        };
        check(&[1, 2, 3], &[1, 2, 3], fewer, "leader 1 isr [1, 2] replicas [1, 2]");
    }
}
