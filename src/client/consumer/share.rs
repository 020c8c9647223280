//! Membership in a share group, `group.protocol=share` (KIP-932): a queue instead of a log. Members
//! may read the same partition; each record is acquired by one of them for a while, and what became
//! of it is acknowledged record by record.
//!
//! Rules: `ShareConsumerImpl`, `ShareConsumeRequestManager`, `ShareSessionHandler` and
//! `ShareHeartbeatRequestManager` of Apache Kafka 4.1, whose KafkaShareConsumer is a class of its
//! own; here it is a protocol that a consumer may be told to speak, so that the same application can
//! be tried with both. There are no positions and no commits of offsets, no listeners and no static
//! members.
//!
//! The application's thread: what the last poll returned is acknowledged, with the next ShareFetch
//! or, when records are at hand, by ShareAcknowledge. `commit: after_each_record` and
//! `after_each_poll` are `commitSync()`. A record whose lock ran out before is acknowledged in vain,
//! which the broker tells with INVALID_RECORD_STATE; it has been somebody else's since.

mod member;
mod session;

use std::collections::VecDeque;
use std::sync::Arc;

use self::session::{Acks, Id, Session};

pub(super) use self::session::Sent;
use super::config::{AcknowledgeType, CommitMode, ShareAcknowledgementMode};
use super::subscription::ConsumerRecord;
use super::thread::{Next, Polled, Thread};
use super::{Consumer, ConsumerTimer, GroupProtocol, TopicPartition};
use crate::base::{Map, SimTime};
use crate::trace::{Ctx, Event, Offsets};

/// What only a member of a share group has to know.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Share {
    /// By broker: the share session there.
    sessions: Map<i32, Session>,
    /// Acquired, and not returned by any poll yet, in order of arrival.
    buffered: VecDeque<Acquired>,
    /// Where the records of the last poll are from.
    hand: Option<Hand>,
    /// What is to become of the record in process.
    verdict: AcknowledgeType,
    /// What is to be acknowledged, by broker.
    acks: Map<i32, Map<Id, Acks>>,
    /// No request to a broker before.
    waits: Map<i32, SimTime>,
}

/// Acquired records of a partition.
#[derive(Clone, Debug, PartialEq)]
struct Acquired {
    hand: Hand,
    records: Arc<Vec<ConsumerRecord>>,
    next: u32,
}

/// Where records are from, and so whom their acknowledgements go to.
#[derive(Clone, Debug, PartialEq)]
struct Hand {
    at: TopicPartition,
    id: Id,
    node: i32,
}

impl Consumer {
    /// Whether it is a member of a share group.
    pub fn is_share(&self) -> bool {
        self.config.group_protocol == GroupProtocol::Share
    }

    /// One look round `poll()`: true when it returns records.
    #[inline(never)]
    pub(super) fn poll_share(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) -> bool {
        if self.is_subscribed() {
            self.poll_group(ctx);
        }
        if self.thread != Thread::Polling {
            return !self.thread.has_ended();
        }
        // What is somebody else's partition now is not returned any more; its lock runs out.
        let owned = &self.owned;
        self.share.buffered.retain(|it| owned.contains_key(&it.hand.at));
        if self.share.buffered.is_empty() {
            self.send_share_fetches(ctx);
        } else {
            self.send_acknowledgements(ctx);
        }
        let Some(mut first) = self.share.buffered.pop_front() else { return false };
        let from = first.next as usize;
        let rest = first.records.get(from..).unwrap_or_default();
        let max = usize::try_from(self.config.max_poll_records).unwrap_or(usize::MAX);
        let at = &first.hand.at;
        let records: Vec<_> = rest.iter().take(max).map(|record| (at.clone(), record.clone())).collect();
        self.share.hand = Some(first.hand.clone());
        if records.len() < rest.len() {
            first.next += u32::try_from(records.len()).unwrap_or(u32::MAX);
            self.share.buffered.push_front(first);
        }
        self.polled = Polled::new(records);
        self.go_on(ctx, Next::Process)
    }

    /// How long the next record takes, in milliseconds, if that is its own; and what will become
    /// of it.
    pub(super) fn handle(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) -> Option<u64> {
        if self.app.handling.is_empty() {
            return None;
        }
        self.handle_specially(ctx)
    }

    #[inline(never)]
    fn handle_specially(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) -> Option<u64> {
        let app = Arc::clone(&self.app);
        let (at, record) = self.polled.remaining().first()?;
        let found = app.handling.iter().find(|it| {
            it.is_about(at, record.offset, record.key.as_deref())
                && it.percent.is_none_or(|percent| ctx.rng().below(100) < u64::from(percent))
        });
        self.share.verdict = found.map_or(AcknowledgeType::Accept, |it| it.then);
        found.and_then(|it| it.process_ms)
    }

    /// The application is done with a record.
    #[inline(never)]
    pub(super) fn processed_share(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) -> bool {
        let first = self.polled.remaining().first().cloned();
        let (Some((at, record)), Some(hand)) = (first, self.share.hand.clone()) else {
            return self.go_on(ctx, Next::Poll);
        };
        self.polled.advance(1);
        let is_explicit = self.config.share_acknowledgement_mode == ShareAcknowledgementMode::Explicit;
        let verdict = if is_explicit { self.share.verdict } else { AcknowledgeType::Accept };
        let offset = record.offset;
        if verdict == AcknowledgeType::Accept {
            self.totals.consumed += 1;
            ctx.trace(Event::RecordsConsumed { at, offsets: Offsets { from: offset, to: offset + 1 } });
        } else {
            let (group, then) = (self.group_id().into(), AcknowledgeType::name_of(verdict.code()));
            ctx.trace(Event::RecordRefused { group, at, offset, then });
        }
        self.acknowledge(&hand, offset, offset, verdict.code());
        let is_last = self.polled.remaining().is_empty();
        let commits = match self.app.commit {
            CommitMode::AfterEachRecord => is_explicit || is_last,
            CommitMode::AfterEachPoll => is_last,
            _ => false,
        };
        if !commits {
            return self.go_on(ctx, Next::Process);
        }
        self.thread = Thread::Committing { next: if is_last { Next::Poll } else { Next::Process } };
        true
    }

    /// `commitSync()`: true when all acknowledgements are answered.
    pub(super) fn drive_acknowledgements(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) -> bool {
        self.send_acknowledgements(ctx);
        self.share.acks.is_empty() && !self.is_acknowledging()
    }

    /// When something may be tried again.
    pub(super) fn next_share_work(&self) -> impl Iterator<Item = SimTime> {
        self.share.waits.values().copied()
    }
}
