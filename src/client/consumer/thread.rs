//! The application's thread: poll, process record by record, commit, poll again.

use std::sync::Arc;

use super::commits::Offsets;
use super::config::CommitMode;
use super::subscription::{ConsumerRecord, Position};
use super::{Consumer, ConsumerTimer, MemberState, Request};
use crate::base::{SimTime, ms};
use crate::protocol::{ErrorCode, TopicPartition};
use crate::trace::{Ctx, Event, Offsets as Range};

/// What the application's thread is doing, for whoever looks on.
///
/// | from | when | to |
/// | --- | --- | --- |
/// | Polling | records are there | Processing, or Committing first |
/// | Processing | a record is done | Processing, Committing or Polling |
/// | Committing | the commit has succeeded or failed | Processing or Polling |
/// | Polling, Closing | a rebalance calls the application's listener | Listening |
/// | Listening | the listener has returned | Polling, Closing |
/// | Polling | it is to close | Closing |
/// | Closing | the last commit and LeaveGroup are answered | Closed |
/// | any | an error that nobody catches | Failed |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadState {
    /// In `poll()`.
    Polling,
    /// Works on a record.
    Processing,
    /// In `commitSync()`.
    Committing,
    /// In its rebalance listener.
    Listening,
    /// In `close()`.
    Closing,
    /// Done.
    Closed,
    /// Ended by an error.
    Failed(ErrorCode),
}

/// The same with what the thread needs to go on.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Thread {
    Polling,
    Processing { until: SimTime },
    Committing { next: Next },
    Listening { closing: bool },
    Closing { leaving: bool },
    Closed,
    Failed(ErrorCode),
}

/// What comes after a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Process,
    Poll,
}

impl Thread {
    pub(super) fn state(&self) -> ThreadState {
        match self {
            Thread::Polling => ThreadState::Polling,
            Thread::Processing { .. } => ThreadState::Processing,
            Thread::Committing { .. } => ThreadState::Committing,
            Thread::Listening { .. } => ThreadState::Listening,
            Thread::Closing { .. } => ThreadState::Closing,
            Thread::Closed => ThreadState::Closed,
            Thread::Failed(error) => ThreadState::Failed(*error),
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self, Thread::Closed | Thread::Failed(_))
    }
}

/// What the last poll returned, and how far the application is with it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Polled {
    records: Arc<Vec<(TopicPartition, ConsumerRecord)>>,
    next: u32,
}

impl Polled {
    pub(super) fn new(records: Vec<(TopicPartition, ConsumerRecord)>) -> Self {
        Polled { records: Arc::new(records), next: 0 }
    }

    pub(super) fn advance(&mut self, count: u32) {
        self.next += count;
    }

    pub(super) fn remaining(&self) -> &[(TopicPartition, ConsumerRecord)] {
        self.records.get(self.next as usize..).unwrap_or_default()
    }
}

impl Consumer {
    /// Lets the thread run until it waits for something.
    pub(super) fn run_app_thread(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) {
        while !self.is_stuck {
            let goes_on = match self.thread {
                Thread::Polling if self.closing.is_some() => self.begin_close(ctx),
                Thread::Polling if self.resubscribing.is_some() => self.resubscribe(ctx),
                Thread::Polling => self.poll(ctx),
                Thread::Processing { until } => ctx.now() >= until && self.processed(ctx),
                Thread::Committing { next } if self.is_share() => {
                    self.drive_acknowledgements(ctx) && self.go_on(ctx, next)
                }
                Thread::Committing { next } => self.drive_commit(ctx).is_some() && self.go_on(ctx, next),
                Thread::Listening { closing } => self.listen(ctx, closing),
                Thread::Closing { leaving } => !leaving && self.close(ctx),
                Thread::Closed | Thread::Failed(_) => false,
            };
            if !goes_on {
                break;
            }
        }
    }

    /// One look round `poll()`: true when it returns records.
    fn poll(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) -> bool {
        self.last_poll = ctx.now();
        if self.is_share() {
            return self.poll_share(ctx);
        }
        for partition in self.owned.values_mut() {
            partition.consumed = partition.position;
        }
        if self.is_subscribed() {
            self.poll_group(ctx);
        }
        if self.thread == Thread::Polling && self.is_settled() {
            self.maybe_auto_commit(ctx);
            self.find_positions(ctx);
        }
        if self.thread != Thread::Polling {
            return !self.thread.has_ended();
        }
        self.send_fetches(ctx);
        let records = self.drain();
        if records.is_empty() {
            return false;
        }
        // The next fetches travel while these records are processed.
        self.send_fetches(ctx);
        self.polled = Polled::new(records);
        if self.app.commit == CommitMode::BeforeProcessing {
            let positions = self.owned.iter().filter_map(|(at, it)| Some((at.clone(), it.position?)));
            let positions: Offsets = positions.collect();
            self.commit_sync(ctx, positions);
            self.thread = Thread::Committing { next: Next::Process };
            return true;
        }
        self.go_on(ctx, Next::Process)
    }

    /// Whether no rebalance keeps `poll()` from anything but returning records.
    fn is_settled(&self) -> bool {
        !self.is_subscribed() || self.is_managed() || self.membership.state == MemberState::Stable
    }

    /// Takes up to `max.poll.records` out of the buffers, all of one partition before the
    /// next, beginning behind the one that was last.
    fn drain(&mut self) -> Vec<(TopicPartition, ConsumerRecord)> {
        let mut order: Vec<TopicPartition> = self.owned.keys().cloned().collect();
        let first = order.partition_point(|at| Some(at) <= self.drained_to.as_ref());
        order.rotate_left(first);
        let mut records = Vec::new();
        let mut room = self.config.max_poll_records;
        for at in order {
            let Some(partition) = self.owned.get_mut(&at).filter(|_| room > 0) else { break };
            let taken = partition.take(room);
            if taken.is_empty() {
                continue;
            }
            room = room.saturating_sub(u32::try_from(taken.len()).unwrap_or(u32::MAX));
            self.drained_to = Some(at.clone());
            records.extend(taken.into_iter().map(|record| (at.clone(), record)));
        }
        records
    }

    pub(super) fn go_on(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, next: Next) -> bool {
        self.thread = match next {
            Next::Process if !self.polled.remaining().is_empty() => {
                Thread::Processing { until: ctx.now() + self.draw_process_time(ctx) }
            }
            _ => Thread::Polling,
        };
        true
    }

    /// Microseconds for the next record.
    fn draw_process_time(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) -> u64 {
        let time_us = ms(self.handle(ctx).unwrap_or(self.app.process_ms));
        let spread = time_us / 100 * u64::from(self.app.jitter_percent.min(100));
        if spread == 0 {
            return time_us;
        }
        ctx.rng().between(time_us - spread, time_us.saturating_add(spread))
    }

    /// The application is done with a record; if it needs no time, with all that it may do at
    /// once.
    fn processed(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) -> bool {
        if self.is_share() {
            return self.processed_share(ctx);
        }
        let takes_none = self.app.process_ms == 0 && self.app.handling.is_empty();
        let is_instant = takes_none && self.app.commit != CommitMode::AfterEachRecord;
        let remaining = self.polled.remaining();
        let Some((at, first)) = remaining.first().cloned() else { return self.go_on(ctx, Next::Poll) };
        let run = remaining.iter().take_while(|(other, _)| *other == at).take(if is_instant {
            usize::MAX
        } else {
            1
        });
        let (mut count, mut position) = (0, Position { offset: first.offset, leader_epoch: -1 });
        for (_, record) in run {
            count += 1;
            position = Position { offset: record.offset + 1, leader_epoch: record.leader_epoch };
        }
        self.polled.advance(count);
        self.totals.consumed += u64::from(count);
        if let Some(partition) = self.owned.get_mut(&at) {
            partition.consumed = Some(position);
        }
        let offsets = Range { from: first.offset, to: position.offset };
        ctx.trace(Event::RecordsConsumed { at: at.clone(), offsets });
        let is_last = self.polled.remaining().is_empty();
        let commit = match self.app.commit {
            CommitMode::AfterEachRecord => Some(Offsets::from([(at, position)])),
            CommitMode::AfterEachPoll if is_last => Some(self.consumed_positions()),
            _ => None,
        };
        let Some(offsets) = commit else { return self.go_on(ctx, Next::Process) };
        self.commit_sync(ctx, offsets);
        self.thread = Thread::Committing { next: if is_last { Next::Poll } else { Next::Process } };
        true
    }

    /// Where the application stands in every partition.
    pub(super) fn consumed_positions(&self) -> Offsets {
        self.owned.iter().filter_map(|(at, partition)| Some((at.clone(), partition.consumed?))).collect()
    }

    fn begin_close(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) -> bool {
        self.thread = Thread::Closing { leaving: false };
        if self.commits_automatically() && !self.owned.is_empty() {
            let offsets = self.consumed_positions();
            self.commit_sync(ctx, offsets);
        }
        true
    }

    /// `close()`: commit, give everything up, say good-bye. A dynamic member leaves; a static
    /// one may come back. Either can be told otherwise (KIP-1092).
    fn close(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) -> bool {
        if self.sync_commit.is_some() && self.drive_commit(ctx).is_none() {
            return false;
        }
        if self.is_share() && !self.end_share_sessions(ctx) {
            return false;
        }
        if !self.let_all_go(ctx) {
            return true;
        }
        let closing = self.closing.unwrap_or_default();
        let leaves = self.leave(ctx, "the consumer is being closed", Some(closing));
        self.lose(ctx, true);
        self.thread = if leaves { Thread::Closing { leaving: true } } else { Thread::Closed };
        false
    }

    /// What a member does before it leaves; true when it has.
    pub(super) fn let_all_go(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) -> bool {
        let is_member = !matches!(self.membership.state, MemberState::Unjoined | MemberState::PrepareLeaving);
        if self.is_managed() && is_member && self.is_subscribed() {
            self.enter(ctx, MemberState::PrepareLeaving);
        }
        self.release(ctx)
    }

    /// Sets what the two threads wake up by, as far as it has changed.
    pub(super) fn set_timers(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) {
        let ended = self.thread.has_ended();
        let polls = self.thread == Thread::Polling && !self.is_stuck;
        let interval = ms(u64::try_from(self.config.max_poll_interval_ms).unwrap_or(0));
        let poll_interval = (!polls && self.membership.has_heartbeat).then_some(self.last_poll + interval);
        let process = match self.thread {
            Thread::Processing { until } if !self.is_stuck => Some(until),
            Thread::Listening { .. } if !self.is_stuck => self.listening.as_ref().map(|call| call.until),
            _ => None,
        };
        let process = process.filter(|&at| at > ctx.now());
        let heartbeat = if ended { None } else { self.next_heartbeat_work(ctx.now()) };
        let poll = if ended || self.is_stuck { None } else { self.next_poll_work(ctx.now()) };
        for (timer, at) in [
            (ConsumerTimer::Heartbeat, heartbeat),
            (ConsumerTimer::PollInterval, poll_interval.filter(|_| !ended)),
            (ConsumerTimer::Process, process),
            (ConsumerTimer::Poll, poll),
        ] {
            match at {
                Some(at) if self.timers.get(&timer) != Some(&at) => {
                    self.timers.insert(timer, at);
                    ctx.set_timer(timer, at);
                }
                None if self.timers.remove(&timer).is_some() => ctx.cancel_timer(timer),
                _ => {}
            }
        }
    }

    /// When something may be tried again that `poll()` or `commitSync()` could not do now.
    fn next_poll_work(&self, now: SimTime) -> Option<SimTime> {
        let in_poll = self.thread == Thread::Polling;
        let auto_commit = (in_poll && self.commits_automatically() && !self.owned.is_empty())
            .then_some(self.next_auto_commit);
        let commit = self.sync_commit.as_ref().map(|commit| commit.next_work());
        let partitions = self.owned.values().map(|partition| partition.not_before);
        let partitions = partitions.filter(|_| in_poll);
        let due = partitions.chain([self.membership.retry_at]).chain(auto_commit).chain(commit);
        let due = due.chain(self.next_share_work());
        due.filter(|&at| at > now).min()
    }

    /// Whether a request of this kind is in flight.
    pub(super) fn is_asking(&self, kind: impl Fn(&Request) -> bool) -> bool {
        self.requests.values().any(kind)
    }
}
