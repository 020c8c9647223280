//! A consumer group while something is being decided about it.

use std::sync::Arc;

use super::hash::metadata_hash;
use super::heartbeat::Refusal;
use super::share::SHARE;
use super::{ConsumerGroup, GroupChange, Partitions};
use crate::base::{SimTime, ms};
use crate::coordinator::config::GroupConfig;
use crate::coordinator::group::{Group, Parked};
use crate::coordinator::log::Record;
use crate::coordinator::outcome::{CoordinatorTimer, GroupResponse, ShareAsk, Then};
use crate::coordinator::rebalance::Work;
use crate::metadata::{GROUP_RESOURCE, MetadataImage};
use crate::protocol::{ErrorCode, TopicPartition};
use crate::trace::Event;

/// A copy of the group, and what is to happen when it becomes the group. Records take effect on the
/// copy as they are written. Dropped, nothing has happened.
pub(in crate::coordinator) struct Draft<'a> {
    pub(super) config: &'a GroupConfig,
    pub(super) image: &'a MetadataImage,
    pub(super) now: SimTime,
    pub(super) id: Arc<str>,
    pub(super) group: ConsumerGroup,
    pub(super) records: Vec<Record>,
    pub(super) events: Vec<Event>,
    pub(super) timers: Vec<(CoordinatorTimer, Option<SimTime>)>,
    /// What the share coordinator is to be asked when the records are committed.
    pub(super) asks: Vec<ShareAsk>,
}

impl Draft<'_> {
    /// Writes a record, which takes effect at once on the copy.
    pub(super) fn write(&mut self, change: GroupChange) -> Result<(), Refusal> {
        let is_share = self.group.is_share;
        let record = if is_share { change.encode_shared(&self.id) } else { change.encode(&self.id) };
        let record = record.map_err(|error| Refusal::new(ErrorCode::UnknownServerError, error))?;
        self.group.replay(&change, is_share);
        self.records.push(record);
        Ok(())
    }

    /// Raises the group's epoch when `reason` says so or when the topics that it is about have
    /// changed since.
    #[inline(never)]
    pub(super) fn raise_epoch(&mut self, reason: Option<String>) -> Result<(), Refusal> {
        if reason.is_none() && self.group.looked_at == self.image.end_offset {
            return Ok(());
        }
        self.group.looked_at = self.image.end_offset;
        let hash = metadata_hash(self.image, &self.group.subscribed_topics());
        let changed = || "topics changed".to_owned();
        let reason = reason.or_else(|| (hash != self.group.metadata_hash).then(changed));
        let Some(reason) = reason else { return Ok(()) };
        let group_epoch = self.group.group_epoch.saturating_add(1);
        self.events.push(Event::GroupEpochBumped {
            group: self.id.clone(),
            group_epoch,
            reason: reason.into(),
        });
        self.write(GroupChange::Epoch(Some((group_epoch, hash))))
    }

    /// Partitions by name, as far as their topics still exist.
    pub(super) fn named(&self, partitions: &Partitions) -> Vec<TopicPartition> {
        named(self.image, partitions)
    }

    pub(super) fn set_timer_in(&mut self, timer: CoordinatorTimer, delay_ms: i32) {
        let delay = ms(u64::try_from(delay_ms).unwrap_or(0));
        self.timers.push((timer, Some(self.now + delay)));
    }

    /// A sign of life of a member, whose session begins anew.
    pub(super) fn keep_alive(&mut self, member_id: &Arc<str>) {
        let member = self.group.member(member_id);
        let classic = member.and_then(|member| member.subscription.classic.as_ref());
        let (name, default) = match self.group.is_share {
            true => ("share.session.timeout.ms", self.config.share_session_timeout_ms),
            false => ("consumer.session.timeout.ms", self.config.consumer_session_timeout_ms),
        };
        let own = group_config(self.image, &self.id, name);
        let timeout_ms = classic.map_or(own.unwrap_or(default), |classic| classic.session_timeout_ms);
        let timer = CoordinatorTimer::Session { group: self.id.clone(), member: member_id.clone() };
        self.set_timer_in(timer, timeout_ms);
    }

    pub(super) fn heartbeat_interval_ms(&self) -> i32 {
        let (name, default) = match self.group.is_share {
            true => ("share.heartbeat.interval.ms", self.config.share_heartbeat_interval_ms),
            false => ("consumer.heartbeat.interval.ms", self.config.consumer_heartbeat_interval_ms),
        };
        group_config(self.image, &self.id, name).unwrap_or(default)
    }
}

/// A group's own dynamic config.
fn group_config(image: &MetadataImage, group_id: &Arc<str>, name: &str) -> Option<i32> {
    image.configs.get(&(GROUP_RESOURCE, group_id.clone()))?.get(name)?.trim().parse().ok()
}

pub(in crate::coordinator) fn named(image: &MetadataImage, partitions: &Partitions) -> Vec<TopicPartition> {
    let name = |(topic, partition): &(_, i32)| {
        Some(TopicPartition::new(image.topic_names.get(topic)?.clone(), *partition))
    };
    let mut named: Vec<TopicPartition> = partitions.iter().filter_map(name).collect();
    named.sort_unstable();
    named
}

impl<'a> Work<'a> {
    /// A copy of the group to decide on; of an empty one, if it is no consumer group yet.
    pub(in crate::coordinator) fn draft(&self, group: &Group) -> Draft<'a> {
        Draft {
            config: self.config,
            image: self.image,
            now: self.now,
            id: group.id.clone(),
            group: group.consumer.as_deref().cloned().unwrap_or_default(),
            records: Vec::new(),
            events: Vec::new(),
            timers: Vec::new(),
            asks: Vec::new(),
        }
    }

    /// Makes the draft the group. The answer waits for its records, and for those before.
    #[inline(never)]
    pub(in crate::coordinator) fn adopt(
        &mut self,
        slot: &mut Arc<Group>,
        draft: Draft<'_>,
        reply: Option<(u64, GroupResponse)>,
    ) {
        let before = Arc::clone(slot);
        let group = Arc::make_mut(slot);
        if group.consumer.is_none() {
            self.leave_classic(group);
        }
        let Draft { group: decided, records, events, timers, asks, .. } = draft;
        if decided.is_share {
            group.protocol_type = Some(SHARE.into());
        }
        self.out.events.extend(events);
        self.out.timers.extend(timers);
        group.consumer = Some(Arc::new(decided));
        self.tell_state(group);
        let next = group.written + u64::from(!records.is_empty());
        group.asks.extend(asks.into_iter().map(|ask| (next, ask)));
        self.append_and_answer(group, before, records, reply);
        self.release_asks(group);
    }

    /// Appends records that have taken effect already; the answer waits for them, or, when there are
    /// none, for those that are on their way.
    pub(in crate::coordinator) fn append_and_answer(
        &mut self,
        group: &mut Group,
        before: Arc<Group>,
        records: Vec<Record>,
        reply: Option<(u64, GroupResponse)>,
    ) {
        let is_written = !records.is_empty();
        group.written += u64::from(is_written);
        if let Some((token, response)) = reply {
            if group.written == group.settled {
                self.out.replies.push((token, response));
            } else {
                let timeout = u64::try_from(self.config.offsets_commit_timeout_ms).unwrap_or(0);
                let deadline = self.now + ms(timeout);
                group.parked.push(Parked { written: group.written, deadline, token, response });
            }
        }
        if is_written {
            let mut kept = Group::clone(&before);
            (kept.before, kept.parked, kept.asks) = (Vec::new(), Vec::new(), Vec::new());
            group.before.push((group.written, Arc::new(kept)));
            let then = Then::Consumer { group: group.id.clone(), written: group.written, before };
            self.append(records, then);
        }
    }

    fn tell_state(&mut self, group: &mut Group) {
        let Some(consumer) = &group.consumer else { return };
        let (from, to) = (group.state, consumer.state());
        if from != to {
            let (generation, group_id) = (consumer.group_epoch, group.id.clone());
            group.previous_state = from;
            group.state = to;
            group.state_since = self.now;
            self.out.events.push(Event::GroupStateChanged {
                group: group_id,
                from: from.name(),
                to: to.name(),
                generation,
            });
        }
    }

    /// What waited for records that are committed is asked.
    fn release_asks(&mut self, group: &mut Group) {
        if group.asks.is_empty() {
            return;
        }
        let settled = group.settled;
        let (ready, asks): (Vec<_>, Vec<_>) =
            std::mem::take(&mut group.asks).into_iter().partition(|(written, _)| *written <= settled);
        group.asks = asks;
        self.out.asks.extend(ready.into_iter().map(|(_, ask)| ask));
    }

    /// Records up to this one are committed: who waited for them is answered.
    pub(in crate::coordinator) fn settled(&mut self, group: &mut Group, written: u64) {
        group.settle(written);
        let (ready, parked) =
            std::mem::take(&mut group.parked).into_iter().partition(|parked| parked.written <= group.settled);
        group.parked = parked;
        let ready: Vec<Parked> = ready;
        self.out.replies.extend(ready.into_iter().map(|parked| (parked.token, parked.response)));
        self.release_asks(group);
    }

    /// Records were not written: nothing has happened, nor has what was to come after them. What was to
    /// be asked then is not asked, and told.
    #[inline(never)]
    pub(in crate::coordinator) fn unsettled(
        &mut self,
        slot: &mut Arc<Group>,
        written: u64,
        before: Arc<Group>,
        error: ErrorCode,
    ) -> Vec<ShareAsk> {
        let group = Arc::make_mut(slot);
        for parked in group.parked.extract_if(.., |parked| parked.written >= written) {
            self.out.replies.push((parked.token, parked.response.failed(error)));
        }
        let unasked = group.asks.extract_if(.., |(waits_for, _)| *waits_for >= written).collect::<Vec<_>>();
        if group.written >= written {
            let mut earlier = std::mem::take(&mut group.before);
            earlier.retain(|(number, _)| *number < written);
            let (parked, offsets) = (std::mem::take(&mut group.parked), Arc::clone(&group.offsets));
            let (settled, asks) = (group.settled, std::mem::take(&mut group.asks));
            *slot = before;
            let group = Arc::make_mut(slot);
            (group.parked, group.offsets, group.before, group.asks) = (parked, offsets, earlier, asks);
            (group.written, group.settled) = (written - 1, settled);
            // Timers may have been cancelled for what did not happen.
            if group.consumer.is_some() {
                self.reload(slot);
            } else {
                self.again_classic(group);
            }
        }
        unasked.into_iter().map(|(_, ask)| ask).collect()
    }
}
