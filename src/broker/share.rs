//! Share groups on the leaders of partitions (KIP-932): members fetch records, hold them for a while
//! and say what became of them; the leader keeps the state of every record in flight.
//!
//! Must not know who is a member of a group: that is the group coordinator's matter.
//!
//! Source: KIP-932, *The share-partition leader*, *Share sessions*.

mod acknowledge;
mod asks;
mod batch;
mod fetch;
mod partition;
mod persister;
mod prune;
mod session;
mod state;

use std::sync::Arc;

use crate::base::{ConnId, Map, SimTime, ms};
use crate::broker::{Broker, BrokerTimer, Ctx};
use crate::coordinator::ShareCoordinator;
use crate::metadata::{Endpoint, GROUP_RESOURCE, duration_ms};
use crate::protocol::messages::share_fetch::{LeaderIdAndEpoch, NodeEndpoint};
use crate::protocol::{ErrorCode, TopicPartition, Uuid};
use crate::trace::{Event, Offsets};

pub use partition::{RecordState, SharePartition};

use acknowledge::Asked;
use fetch::ShareFetch;
use partition::Change;
use persister::Persister;
use session::{Key, Sessions, Who};
use state::StateHost;

/// A partition in a group.
pub(super) type ShareKey = (Arc<str>, TopicPartition);

/// What a broker keeps of share groups. None of it survives the process.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shares {
    partitions: Map<ShareKey, Arc<Slot>>,
    sessions: Sessions,
    /// Fetches that wait for records.
    waiting: Map<u64, Arc<ShareFetch>>,
    /// Requests whose acknowledgements are being written.
    writing: Map<u64, Asked>,
    next_write: u64,
    persister: Persister,
    state: StateHost,
}

impl Shares {
    pub(super) fn new(coordinator: ShareCoordinator) -> Shares {
        Shares {
            partitions: Map::new(),
            sessions: Sessions::default(),
            waiting: Map::new(),
            writing: Map::new(),
            next_write: 0,
            persister: Persister::default(),
            state: StateHost::new(coordinator),
        }
    }
}

/// A share partition that this broker leads.
#[derive(Clone, Debug, PartialEq)]
struct Slot {
    topic_id: Uuid,
    leader_epoch: i32,
    state_epoch: i32,
    /// `None` until it is known where the group is.
    state: Option<SharePartition>,
}

impl Broker {
    /// The share partitions that this broker leads, by group and partition, as far as they are in use.
    pub fn share_partitions(&self) -> impl Iterator<Item = (&str, &TopicPartition, &SharePartition)> {
        self.shares
            .partitions
            .iter()
            .filter_map(|((group, at), slot)| Some((&**group, at, slot.state.as_ref()?)))
    }

    /// A group's own config, or the broker's.
    fn share_config(&self, group: &Arc<str>, name: &str) -> Option<&str> {
        Some(self.image.configs.get(&(GROUP_RESOURCE, group.clone()))?.get(name)?.trim())
    }

    fn share_lock_ms(&self, group: &Arc<str>) -> i32 {
        let own = self.share_config(group, "share.record.lock.duration.ms").and_then(|own| own.parse().ok());
        own.unwrap_or(self.config.group.share_record_lock_duration_ms)
    }

    /// The partition behind a topic's id, if this broker leads it.
    fn shared_partition(&self, key: &Key) -> Result<TopicPartition, ErrorCode> {
        let name = self.topic_name("", &key.0).ok_or(ErrorCode::UnknownTopicId)?;
        let at = TopicPartition::new(name, key.1);
        match self.partition(&at) {
            Some(partition) if partition.is_leader() => Ok(at),
            Some(_) => Err(ErrorCode::NotLeaderOrFollower),
            None if self.image.partition(&at).is_some() => Err(ErrorCode::NotLeaderOrFollower),
            None => Err(ErrorCode::UnknownTopicOrPartition),
        }
    }

    /// Who leads now, for a member that is wrong about it.
    fn shared_leader(
        &self,
        token: u64,
        key: &Key,
        error: ErrorCode,
        endpoints: &mut Vec<NodeEndpoint>,
    ) -> LeaderIdAndEpoch {
        if !matches!(error, ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch) {
            return LeaderIdAndEpoch::default();
        }
        let at = self.topic_name("", &key.0).map(|name| TopicPartition::new(name, key.1));
        let Some(((leader_id, leader_epoch), broker)) = at.and_then(|at| self.leader_of(&at)) else {
            return LeaderIdAndEpoch { leader_id: -1, leader_epoch: -1 };
        };
        if let Some(broker) = broker {
            let Endpoint { host, port, .. } = self.endpoint_for(token, broker).clone();
            let endpoint = NodeEndpoint { node_id: broker.id, host, port: port.into(), rack: None };
            if !endpoints.contains(&endpoint) {
                endpoints.push(endpoint);
            }
        }
        LeaderIdAndEpoch { leader_id, leader_epoch }
    }

    fn share_state(&mut self, key: &ShareKey) -> Option<&mut SharePartition> {
        let slot = self.shares.partitions.get_mut(key)?;
        slot.state.as_ref()?;
        Arc::make_mut(slot).state.as_mut()
    }

    /// Says what became of records.
    fn tell_changes(&self, ctx: &mut Ctx, (group, at): &ShareKey, changes: &[Change]) {
        for change in changes {
            let is_spent =
                change.state == RecordState::Archived && !matches!(change.reason, "rejected" | "gap");
            ctx.trace(Event::ShareRecordsChanged {
                group: group.clone(),
                member: change.member.clone(),
                at: at.clone(),
                offsets: Offsets { from: change.first, to: change.last.saturating_add(1) },
                state: change.state.name(),
                delivery_count: change.delivery_count,
                reason: if is_spent { "delivery count limit" } else { change.reason },
            });
        }
    }

    /// Does something to a share partition, and what follows from it: the start offset may have moved,
    /// the next lock may run out at another time, and whoever waits may get something.
    fn with_share<T>(
        &mut self,
        ctx: &mut Ctx,
        key: &ShareKey,
        act: impl FnOnce(&mut SharePartition) -> T,
    ) -> Option<T> {
        let state = self.share_state(key)?;
        let before = (state.start_offset(), state.next_deadline());
        let done = act(state);
        let after = (state.start_offset(), state.next_deadline());
        if before.0 != after.0 {
            let (group, at) = key.clone();
            ctx.trace(Event::ShareStartOffsetMoved { group, at, offset: after.0 });
        }
        if before.1 != after.1 {
            self.set_share_timer(ctx, key, after.1);
        }
        Some(done)
    }

    fn set_share_timer(&self, ctx: &mut Ctx, key: &ShareKey, at: Option<SimTime>) {
        let timer = BrokerTimer::ShareLock(key.0.clone(), key.1.clone());
        match at {
            Some(at) => ctx.set_timer(timer, at),
            None => ctx.cancel_timer(timer),
        }
    }

    /// Locks have run out.
    #[inline(never)]
    pub(super) fn share_locks_expired(&mut self, ctx: &mut Ctx, key: &ShareKey) {
        let (now, limit) = (ctx.now(), self.config.group.share_delivery_count_limit);
        let changes = self.with_share(ctx, key, |state| state.expire(now, limit)).unwrap_or_default();
        self.after_release(ctx, key, &changes);
        // A lock may have run out while what its holder said was being written.
        let next = self.share_state(key).and_then(|state| state.next_deadline());
        self.set_share_timer(ctx, key, next.map(|at| at.max(now + 1)));
    }

    /// Records are no longer anybody's, whether that can be written or not.
    fn after_release(&mut self, ctx: &mut Ctx, key: &ShareKey, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        self.tell_changes(ctx, key, changes);
        self.write_share_state(key, changes, None);
        self.recheck_share_fetches(ctx, &key.1);
    }

    /// A member's session is over: what it has goes back.
    fn release_session(&mut self, ctx: &mut Ctx, who: &Who) {
        if !self.shares.sessions.end(who) {
            return;
        }
        let limit = self.config.group.share_delivery_count_limit;
        let of_group = self.shares.partitions.keys().filter(|(group, _)| *group == who.0);
        for key in of_group.cloned().collect::<Vec<_>>() {
            let changes = self.with_share(ctx, &key, |state| state.release(&who.1, limit));
            self.after_release(ctx, &key, &changes.unwrap_or_default());
        }
        if !self.shares.sessions.has_group(&who.0) {
            self.leave_share_group(ctx, &who.0);
        }
    }

    /// Nobody in the group fetches from here any more: whoever comes next reads its share partitions
    /// anew, which an administrator may have set or forgotten meanwhile.
    #[inline(never)]
    fn leave_share_group(&mut self, ctx: &mut Ctx, group: &Arc<str>) {
        let of_group = self.shares.partitions.keys().filter(|(known, _)| known == group);
        for key in of_group.cloned().collect::<Vec<_>>() {
            self.shares.partitions.remove(&key);
            self.set_share_timer(ctx, &key, None);
        }
    }

    /// A connection ended, and with it the sessions that it carried and the fetches that waited on it.
    #[inline(never)]
    pub(super) fn share_connection_closed(&mut self, ctx: &mut Ctx, conn: ConnId) {
        let gone = self.shares.waiting.iter().filter(|(_, fetch)| fetch.conn == conn);
        for id in gone.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.shares.waiting.remove(&id);
            ctx.cancel_timer(BrokerTimer::ShareFetch(id));
        }
        for who in self.shares.sessions.of_connection(conn) {
            self.release_session(ctx, &who);
        }
    }

    /// This broker does not lead the partition any more: its share partitions are gone from here.
    #[inline(never)]
    pub(super) fn leave_share_partitions(&mut self, ctx: &mut Ctx, at: &TopicPartition) {
        let of_partition = self.shares.partitions.keys().filter(|(_, known)| known == at);
        for key in of_partition.cloned().collect::<Vec<_>>() {
            self.shares.partitions.remove(&key);
            self.set_share_timer(ctx, &key, None);
        }
        self.recheck_share_fetches(ctx, at);
    }

    /// Where a group begins that has no state yet (`share.auto.offset.reset`).
    fn initial_share_offset(&self, ctx: &Ctx, group: &Arc<str>, at: &TopicPartition) -> i64 {
        let Some(log) = self.log(at) else { return 0 };
        match self.share_config(group, "share.auto.offset.reset") {
            Some("earliest") => log.log_start_offset(),
            Some(by) => {
                let back = by.strip_prefix("by_duration:").and_then(duration_ms);
                let since = back.map(|back| ctx.unix_ms().saturating_sub(back));
                let found = since.and_then(|since| log.offset_for_timestamp(since)).map(|(offset, _)| offset);
                found.unwrap_or(i64::MAX).min(log.high_watermark())
            }
            None => log.high_watermark(),
        }
    }
}

/// When what is acquired now goes back.
fn lock_until(now: SimTime, lock_ms: i32) -> SimTime {
    now + ms(u64::try_from(lock_ms).unwrap_or(0))
}

#[cfg(test)]
#[path = "share/share_test.rs"]
mod tests;
