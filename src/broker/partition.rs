//! One replica of a partition: its log, its role, and as the leader what it knows of its
//! followers. Decides the high watermark and who is in sync.
//!
//! Source: Kafka documentation *Replication*; KIP-101, KIP-279 (epochs), KIP-497
//! (AlterPartition), KIP-966 (no progress below the minimum ISR).

use crate::base::{Map, SimTime, ms};
use crate::metadata::{NO_LEADER, PartitionRegistration};
use crate::plant::Plant;
use crate::protocol::{TopicPartition, Uuid};
use crate::storage::UnifiedLog;

/// What the leader knows of a follower.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowerState {
    /// Where its log ends, going by its last fetch.
    pub log_end_offset: i64,
    /// Where its log begins, going by its last fetch; −1 before that.
    pub log_start_offset: i64,
    /// When it last had everything that the leader had at some fetch before; `None`: never
    /// under this leader.
    pub last_caught_up: Option<SimTime>,
    /// Which start of the broker fetched.
    pub broker_epoch: i64,
    last_fetch: SimTime,
    leader_end_at_last_fetch: i64,
}

/// Leader, follower, or neither.
#[derive(Clone, Debug, PartialEq)]
pub enum ReplicaRole {
    /// Takes writes and serves fetches.
    Leader {
        /// Where its epoch began: a follower must come so far to be in sync.
        epoch_start_offset: i64,
        /// The other replicas.
        followers: Map<i32, FollowerState>,
        /// An ISR that the controller was asked for.
        proposed_isr: Option<Vec<i32>>,
    },
    /// Copies its leader.
    Follower,
}

/// A replica of a partition on this broker.
#[derive(Clone, Debug, PartialEq)]
pub struct Partition {
    /// Which partition.
    pub at: TopicPartition,
    /// Its topic's id.
    pub topic_id: Uuid,
    /// Its log.
    pub log: UnifiedLog,
    /// Leader or follower.
    pub role: ReplicaRole,
    /// As the controller decided it, as far as this broker has heard.
    pub registration: PartitionRegistration,
    /// A flush of the log is under way.
    pub(super) flushing: bool,
}

impl Partition {
    pub(super) fn new(at: TopicPartition, topic_id: Uuid, log: UnifiedLog) -> Partition {
        let registration = PartitionRegistration {
            replicas: Vec::new(),
            isr: Vec::new(),
            elr: Vec::new(),
            last_known_elr: Vec::new(),
            adding_replicas: Vec::new(),
            removing_replicas: Vec::new(),
            leader: NO_LEADER,
            leader_epoch: -1,
            partition_epoch: -1,
        };
        Partition { at, topic_id, log, role: ReplicaRole::Follower, registration, flushing: false }
    }

    /// Whether this replica leads.
    pub fn is_leader(&self) -> bool {
        matches!(self.role, ReplicaRole::Leader { .. })
    }

    /// What the leader knows of its followers; nothing on a follower.
    pub fn followers(&self) -> impl Iterator<Item = (i32, &FollowerState)> {
        let followers = match &self.role {
            ReplicaRole::Leader { followers, .. } => Some(followers),
            ReplicaRole::Follower => None,
        };
        followers.into_iter().flatten().map(|(id, state)| (*id, state))
    }

    /// In-sync replicas that `acks=all` needs: `min.insync.replicas`, but never more than
    /// there are replicas.
    pub fn min_insync_replicas(&self) -> usize {
        let wanted = usize::try_from(self.log.config().min_insync_replicas).unwrap_or(1);
        wanted.min(self.registration.replicas.len().max(1))
    }

    /// Whether the ISR is too small for `acks=all`.
    pub fn is_under_min_isr(&self) -> bool {
        self.registration.isr.len() < self.min_insync_replicas()
    }

    /// Becomes leader. Returns whether this is a new epoch.
    pub(super) fn lead(&mut self, me: i32, registration: &PartitionRegistration, now: SimTime) -> bool {
        let new_epoch = !self.is_leader() || registration.leader_epoch > self.registration.leader_epoch;
        if new_epoch {
            self.log.assign_epoch_start(registration.leader_epoch);
            let followers = registration.replicas.iter().filter(|id| **id != me).map(|id| {
                // In-sync replicas get a full lag time to prove themselves to a new leader.
                let last_caught_up = registration.isr.contains(id).then_some(now);
                (*id, new_follower(last_caught_up, &self.log, now))
            });
            self.role = ReplicaRole::Leader {
                epoch_start_offset: self.log.log_end_offset(),
                followers: followers.collect(),
                proposed_isr: None,
            };
        } else if let ReplicaRole::Leader { proposed_isr, followers, .. } = &mut self.role
            && registration.partition_epoch > self.registration.partition_epoch
        {
            *proposed_isr = None;
            // A reassignment adds replicas without a new epoch.
            followers.retain(|id, _| registration.replicas.contains(id));
            for id in registration.replicas.iter().filter(|id| **id != me) {
                followers.entry(*id).or_insert_with(|| new_follower(None, &self.log, now));
            }
        }
        self.registration = registration.clone();
        new_epoch
    }

    /// Becomes follower. Returns whether this is a new epoch.
    pub(super) fn follow(&mut self, registration: &PartitionRegistration) -> bool {
        let new_epoch = self.is_leader() || registration.leader_epoch > self.registration.leader_epoch;
        self.role = ReplicaRole::Follower;
        self.registration = registration.clone();
        new_epoch
    }

    /// A follower fetched from `offset`: it holds everything before. Returns whether its state
    /// says anything new.
    pub(super) fn follower_fetched(
        &mut self,
        follower: i32,
        broker_epoch: i64,
        offset: i64,
        now: SimTime,
    ) -> bool {
        let end = self.log.log_end_offset();
        let ReplicaRole::Leader { followers, .. } = &mut self.role else { return false };
        let Some(state) = followers.get_mut(&follower) else { return false };
        if offset >= end {
            state.last_caught_up = Some(now);
        } else if offset >= state.leader_end_at_last_fetch {
            state.last_caught_up = state.last_caught_up.max(Some(state.last_fetch));
        }
        let news = state.log_end_offset != offset || state.broker_epoch != broker_epoch;
        state.log_end_offset = offset;
        state.broker_epoch = broker_epoch;
        state.leader_end_at_last_fetch = end;
        state.last_fetch = now;
        news
    }

    /// A follower's log begins here, as its fetch says. Returns whether that is new.
    pub(super) fn follower_starts_at(&mut self, follower: i32, offset: i64) -> bool {
        let ReplicaRole::Leader { followers, .. } = &mut self.role else { return false };
        let Some(state) = followers.get_mut(&follower) else { return false };
        std::mem::replace(&mut state.log_start_offset, offset) != offset
    }

    /// The offset below which no replica has records any more that is alive: how far a deletion
    /// of records has come.
    pub(super) fn low_watermark(&self, is_alive: impl Fn(i32) -> bool) -> i64 {
        let alive = self.followers().filter(|(id, _)| is_alive(*id));
        alive.map(|(_, state)| state.log_start_offset).fold(self.log.log_start_offset(), i64::min)
    }

    /// Where the leader's epoch began.
    pub(super) fn epoch_start_offset(&self) -> Option<i64> {
        match &self.role {
            ReplicaRole::Leader { epoch_start_offset, .. } => Some(*epoch_start_offset),
            ReplicaRole::Follower => None,
        }
    }

    /// Raises the high watermark to what every in-sync replica has, and every replica that is
    /// about to become one: `may_join` tells of a replica outside the ISR whether the controller
    /// would take it in. Returns the old one if it rose.
    pub(super) fn maybe_raise_high_watermark(
        &mut self,
        now: SimTime,
        lag_max_ms: u32,
        may_join: impl Fn(i32) -> bool,
    ) -> Option<i64> {
        let ReplicaRole::Leader { followers, proposed_isr, .. } = &self.role else { return None };
        let plants = self.log.config().plants;
        if self.is_under_min_isr() && !plants.has(Plant::MinIsrIgnored) {
            return None;
        }
        let end = self.log.log_end_offset();
        let mut new = end;
        for (id, state) in followers {
            if plants.has(Plant::IsrShrinkForgotten) && !is_caught_up(state, end, now, lag_max_ms) {
                continue;
            }
            let in_sync = self.registration.isr.contains(id)
                || proposed_isr.as_ref().is_some_and(|isr| isr.contains(id))
                || may_join(*id) && is_caught_up(state, end, now, lag_max_ms);
            if in_sync {
                new = new.min(state.log_end_offset.max(0));
            }
        }
        if plants.has(Plant::HighWatermarkAhead) {
            new = end.min(new + 1);
        }
        self.log.maybe_increment_high_watermark(new)
    }

    /// The ISR with `follower` added, if it has come far enough.
    pub(super) fn expanded_isr(&self, follower: i32) -> Option<Vec<i32>> {
        let ReplicaRole::Leader { followers, proposed_isr: None, epoch_start_offset } = &self.role else {
            return None;
        };
        let state = followers.get(&follower)?;
        let far_enough =
            state.log_end_offset >= self.log.high_watermark() && state.log_end_offset >= *epoch_start_offset;
        if self.registration.isr.contains(&follower) || !far_enough {
            return None;
        }
        let mut isr = self.registration.isr.clone();
        isr.push(follower);
        Some(isr)
    }

    /// The ISR without the followers that lag for too long.
    pub(super) fn shrunk_isr(&self, me: i32, now: SimTime, lag_max_ms: u32) -> Option<Vec<i32>> {
        let ReplicaRole::Leader { followers, proposed_isr: None, .. } = &self.role else { return None };
        if self.log.config().plants.has(Plant::IsrShrinkForgotten) {
            return None;
        }
        let end = self.log.log_end_offset();
        let keeps = |id: &i32| {
            *id == me || followers.get(id).is_some_and(|state| is_caught_up(state, end, now, lag_max_ms))
        };
        let isr: Vec<i32> = self.registration.isr.iter().copied().filter(keeps).collect();
        (isr.len() < self.registration.isr.len()).then_some(isr)
    }

    /// The ISR that the controller was asked for and has not answered about.
    pub(super) fn proposed_isr(&self) -> Option<&[i32]> {
        match &self.role {
            ReplicaRole::Leader { proposed_isr, .. } => proposed_isr.as_deref(),
            ReplicaRole::Follower => None,
        }
    }

    pub(super) fn set_proposed(&mut self, isr: Option<Vec<i32>>) {
        if let ReplicaRole::Leader { proposed_isr, .. } = &mut self.role {
            *proposed_isr = isr;
        }
    }

    /// The broker epoch with which a replica last fetched, for AlterPartition v3.
    pub(super) fn broker_epoch_of(&self, replica: i32) -> i64 {
        self.followers().find(|(id, _)| *id == replica).map_or(-1, |(_, state)| state.broker_epoch)
    }
}

/// A follower of which nothing is known yet.
fn new_follower(last_caught_up: Option<SimTime>, log: &UnifiedLog, now: SimTime) -> FollowerState {
    FollowerState {
        log_end_offset: -1,
        log_start_offset: -1,
        last_caught_up,
        broker_epoch: -1,
        last_fetch: now,
        leader_end_at_last_fetch: log.log_end_offset(),
    }
}

fn is_caught_up(state: &FollowerState, leader_end: i64, now: SimTime, lag_max_ms: u32) -> bool {
    state.log_end_offset == leader_end
        || state.last_caught_up.is_some_and(|then| now.since(then) <= ms(u64::from(lag_max_ms)))
}
