//! One change of a partition, from what is wanted to the record that makes it so.
//!
//! Whatever is wanted, the same rules follow: a reassignment whose new replicas are all in sync is
//! completed, a leader that may not lead any more is replaced, a leader from outside the in-sync replicas
//! makes a new set of itself alone, and a replica that goes raises the leader epoch so that nobody listens
//! to it any longer.
//!
//! Where the feature `eligible.leader.replicas.version` is on, who leaves the in-sync replicas when they are
//! fewer than `min.insync.replicas` stays eligible: while that is so, nothing is committed that it does not have.
//!
//! Source: KIP-455 (reassignment), KIP-460 (elections), KIP-966 (eligible leader replicas), Kafka documentation
//! *Replication*.

use crate::base::Set;
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
    /// With eligible leader replicas: so many in sync, and none are needed.
    pub(super) min_isr: Option<usize>,
    /// Its process ended without having flushed its logs: it may lack anything.
    pub(super) unclean_shutdown: Option<i32>,
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
            min_isr: None,
            unclean_shutdown: None,
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
        let mut elr = self.eligible();
        let (leader, unclean) = self.elect(&elr, usable);
        if unclean {
            elr.clear();
            self.isr = vec![leader];
        } else if leader != before.leader && elr.contains(&leader) {
            elr.retain(|id| *id != leader);
            self.isr = vec![leader];
        }
        if self.isr.is_empty() && self.min_isr.is_none() {
            // The last in-sync replica stays, so that it is known who has everything.
            self.isr.clone_from(&before.isr);
        }
        let last_known_elr = changed(self.last_known(leader), &before.last_known_elr);
        if elr != before.elr {
            let (at, elr) = (self.at.clone(), elr.clone());
            events.push(Event::EligibleLeadersChanged { at, elr });
        }
        let removed = before.replicas.iter().any(|id| !self.replicas.contains(id));
        let new_epoch = leader != before.leader || removed;
        let isr = self.isr.clone();
        let record = PartitionChangeRecord {
            partition_id: self.at.partition,
            topic_id: self.topic_id,
            isr: changed(self.isr, &before.isr),
            leader: if new_epoch { leader } else { NO_LEADER_CHANGE },
            replicas: changed(self.replicas, &before.replicas),
            adding_replicas: changed(self.adding, &before.adding_replicas),
            removing_replicas: changed(self.removing, &before.removing_replicas),
            eligible_leader_replicas: changed(elr, &before.elr),
            last_known_elr,
            ..Default::default()
        };
        let assignment = [&record.replicas, &record.adding_replicas, &record.removing_replicas];
        let known = [&record.isr, &record.eligible_leader_replicas, &record.last_known_elr];
        let is_same = assignment.into_iter().chain(known).all(Option::is_none);
        if !new_epoch && is_same {
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

    /// Who is out of sync and yet has all that is committed.
    fn eligible(&self) -> Vec<i32> {
        let Some(min_isr) = self.min_isr else { return Vec::new() };
        if self.isr.len() >= min_isr.min(self.replicas.len()) {
            return Vec::new();
        }
        let known = self.before.elr.iter().chain(&self.before.isr).copied();
        let stays = |id: &i32| {
            !self.isr.contains(id) && self.replicas.contains(id) && self.unclean_shutdown != Some(*id)
        };
        known.filter(stays).collect::<Set<i32>>().iter().copied().collect()
    }

    /// While there is nobody to lead, who led last.
    fn last_known(&self, leader: i32) -> Vec<i32> {
        let before = self.before;
        if self.min_isr.is_some()
            && self.isr.is_empty()
            && !before.isr.is_empty()
            && before.leader != NO_LEADER
        {
            return vec![before.leader];
        }
        if leader == NO_LEADER { before.last_known_elr.clone() } else { Vec::new() }
    }

    /// The leader, and whether it may lack something.
    fn elect(&self, elr: &[i32], usable: impl Fn(i32) -> bool) -> (i32, bool) {
        let has_all = |id: &i32| self.isr.contains(id) || (self.isr.is_empty() && elr.contains(id));
        let clean = |id: &i32| has_all(id) && usable(*id);
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
        if let [last] = self.before.last_known_elr[..]
            && self.min_isr.is_some()
            && self.isr.is_empty()
            && elr.is_empty()
            && usable(last)
        {
            return (last, true);
        }
        let unclean = self.replicas.iter().copied().find(|id| usable(*id));
        match unclean.filter(|_| self.election == Election::Unclean) {
            Some(leader) => (leader, true),
            None => (NO_LEADER, false),
        }
    }
}

fn changed(new: Vec<i32>, old: &[i32]) -> Option<Vec<i32>> {
    (new != *old).then_some(new)
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
        if self.has_eligible_leaders() {
            change.min_isr = Some(usize::try_from(config.min_insync_replicas).unwrap_or(1));
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
            elr: Vec::new(),
            last_known_elr: Vec::new(),
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

    /// The same with `min.insync.replicas` 2 and eligible leader replicas; who is eligible before, and after.
    fn check_eligible(
        (isr, elr, last): (&[i32], &[i32], &[i32]),
        up: &[i32],
        change: impl Fn(&mut PartitionChange),
        expected: &str,
    ) {
        let leader = if isr.contains(&1) { 1 } else { NO_LEADER };
        let before = PartitionRegistration {
            replicas: vec![1, 2, 3],
            isr: isr.to_vec(),
            elr: elr.to_vec(),
            last_known_elr: last.to_vec(),
            adding_replicas: Vec::new(),
            removing_replicas: Vec::new(),
            leader,
            leader_epoch: 5,
            partition_epoch: 9,
        };
        let mut wanted = PartitionChange::new(TopicPartition::new("t", 0), Uuid::default(), &before);
        wanted.min_isr = Some(2);
        change(&mut wanted);
        let Some(MetadataRecord::PartitionChange(r)) = wanted.build(|id| up.contains(&id), &mut Vec::new())
        else {
            return assert_eq!(expected, "nothing");
        };
        let isr = r.isr.unwrap_or(before.isr);
        let elr = r.eligible_leader_replicas.unwrap_or(before.elr);
        let last = r.last_known_elr.unwrap_or(before.last_known_elr);
        let leader = if r.leader == NO_LEADER_CHANGE { leader } else { r.leader };
        assert_eq!(format!("leader {leader} isr {isr:?} elr {elr:?} last {last:?}"), expected);
    }

    #[test]
    fn who_leaves_a_set_that_is_too_small_stays_eligible() {
        let isr = |isr: &'static [i32]| move |change: &mut PartitionChange| change.isr = isr.to_vec();
        let all = &[1, 2, 3];
        check_eligible((all, &[], &[]), all, isr(&[1, 2]), "leader 1 isr [1, 2] elr [] last []");
        check_eligible((&[1, 2], &[], &[]), all, isr(&[1]), "leader 1 isr [1] elr [2] last []");
        check_eligible((&[1], &[2], &[]), &[2, 3], isr(&[]), "leader 2 isr [2] elr [1] last []");
        check_eligible((&[1], &[2], &[]), &[3], isr(&[]), "leader -1 isr [] elr [1, 2] last [1]");
        check_eligible((&[1], &[2], &[]), all, isr(&[1, 3]), "leader 1 isr [1, 3] elr [] last []");
        check_eligible((&[], &[1, 2], &[1]), &[2, 3], |_| {}, "leader 2 isr [2] elr [1] last []");
        check_eligible((&[], &[1, 2], &[1]), &[3], |_| {}, "nothing");
    }

    #[test]
    fn who_has_not_shut_down_cleanly_is_eligible_no_more() {
        let unclean = |id: i32| {
            move |change: &mut PartitionChange| {
                change.isr.retain(|other| *other != id);
                change.unclean_shutdown = Some(id);
            }
        };
        check_eligible((&[], &[1, 2], &[1]), &[3], unclean(1), "leader -1 isr [] elr [2] last [1]");
        check_eligible((&[1], &[2], &[]), &[3], unclean(1), "leader -1 isr [] elr [2] last [1]");
        check_eligible((&[1], &[2], &[]), &[1], unclean(2), "leader 1 isr [1] elr [] last []");
        // When nobody is left who surely has everything, who led last is the best guess.
        check_eligible((&[], &[1], &[1]), &[2, 3], unclean(1), "leader -1 isr [] elr [] last [1]");
        check_eligible((&[], &[], &[1]), &[2, 3], |_| {}, "nothing");
        check_eligible((&[], &[], &[1]), &[1, 2, 3], |_| {}, "leader 1 isr [1] elr [] last []");
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
