//! OffsetCommit: `commitSync()`, `commitAsync()` and automatic commits.

use std::sync::Arc;

use super::subscription::Position;
use super::{CommitMode, Consumer, ConsumerTimer, Request};
use crate::base::{Map, SimTime, ms};
use crate::client::network::{Response, SendOptions};
use crate::protocol::messages::offset_commit::{OffsetCommitRequest, OffsetCommitRequestPartition};
use crate::protocol::messages::offset_commit::{OffsetCommitRequestTopic, OffsetCommitResponse};
use crate::protocol::{ErrorCode, TopicPartition};
use crate::trace::Ctx;

/// What is to be committed.
pub(super) type Offsets = Map<TopicPartition, Position>;

/// A `commitSync()` that the application's thread is in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SyncCommit {
    offsets: Offsets,
    is_sent: bool,
    /// Not sent (again) before.
    not_before: SimTime,
    failures: u32,
    give_up_at: SimTime,
    result: Option<Result<(), ErrorCode>>,
}

impl SyncCommit {
    pub(super) fn next_work(&self) -> SimTime {
        if self.is_sent { self.give_up_at } else { self.not_before.min(self.give_up_at) }
    }
}

impl Consumer {
    /// `enable.auto.commit`, unless the application commits by itself.
    pub(super) fn commits_automatically(&self) -> bool {
        self.config.enable_auto_commit
            && self.app.commit == CommitMode::Auto
            && !self.is_share()
            && self.config.group_id.is_some()
    }

    /// In `poll()`: every `auto.commit.interval.ms` what earlier polls have returned.
    pub(super) fn maybe_auto_commit(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) {
        if self.commits_automatically() && ctx.now() >= self.next_auto_commit {
            self.next_auto_commit = ctx.now() + ms(self.config.auto_commit_interval_ms);
            self.commit_async(ctx);
        }
    }

    /// Commits what has been processed, and does not wait.
    pub(super) fn commit_async(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) {
        let offsets = self.consumed_positions();
        if offsets.is_empty() || self.config.group_id.is_none() || self.may_commit(ctx).is_err() {
            return;
        }
        let Some(node) = self.coordinator_node(ctx) else {
            self.next_auto_commit = self.next_auto_commit.min(ctx.now() + ms(self.config.retry_backoff_ms));
            return;
        };
        self.send_commit(ctx, node, offsets, false);
    }

    /// Begins a `commitSync()`, tried until some time; [`Consumer::drive_commit`] takes it to its end.
    pub(super) fn begin_commit(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        offsets: Offsets,
        give_up_at: SimTime,
    ) {
        let result = offsets.is_empty().then_some(Ok(()));
        self.sync_commit = Some(SyncCommit {
            offsets,
            is_sent: false,
            not_before: ctx.now(),
            failures: 0,
            give_up_at,
            result,
        });
    }

    /// The application's `commitSync()`, for as long as `default.api.timeout.ms`.
    pub(super) fn commit_sync(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, offsets: Offsets) {
        let give_up_at = ctx.now() + ms(self.config.default_api_timeout_ms);
        self.begin_commit(ctx, offsets, give_up_at);
    }

    /// Goes on with the `commitSync()`; its result when there is one.
    pub(super) fn drive_commit(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) -> Option<Result<(), ErrorCode>> {
        let commit = self.sync_commit.as_ref()?;
        if let Some(result) = commit.result {
            self.sync_commit = None;
            return Some(result);
        }
        if ctx.now() >= commit.give_up_at {
            self.sync_commit = None;
            self.report(ctx, ErrorCode::RequestTimedOut, "the commit took longer than it may");
            return Some(Err(ErrorCode::RequestTimedOut));
        }
        if commit.is_sent || ctx.now() < commit.not_before {
            return None;
        }
        let offsets = commit.offsets.clone();
        if let Err(error) = self.may_commit(ctx) {
            self.sync_commit = None;
            return Some(Err(error));
        }
        let node = self.coordinator_node(ctx)?;
        let is_sent = self.send_commit(ctx, node, offsets, true);
        if let Some(commit) = &mut self.sync_commit {
            commit.is_sent = is_sent;
        }
        None
    }

    /// Who is no member, or does not know yet what it owns, need not ask.
    fn may_commit(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) -> Result<(), ErrorCode> {
        if !self.is_subscribed() || self.membership.is_in_group() {
            return Ok(());
        }
        let (error, detail) = if self.membership.is_rebalancing() && !self.is_managed() {
            (ErrorCode::RebalanceInProgress, "commit failed: the group is rebalancing")
        } else {
            (ErrorCode::UnknownMemberId, "commit failed: no longer a member of the group")
        };
        self.report(ctx, error, detail);
        Err(error)
    }

    fn send_commit(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        node: i32,
        offsets: Offsets,
        is_sync: bool,
    ) -> bool {
        let mut topics: Map<&Arc<str>, Vec<OffsetCommitRequestPartition>> = Map::new();
        for (at, position) in &offsets {
            topics.entry(&at.topic).or_default().push(OffsetCommitRequestPartition {
                partition_index: at.partition,
                committed_offset: position.offset,
                committed_leader_epoch: position.leader_epoch,
                committed_metadata: Some(String::new()),
            });
        }
        let topic = |(name, partitions): (&Arc<str>, _)| OffsetCommitRequestTopic {
            name: name.to_string(),
            partitions,
        };
        let generation = self.membership.generation;
        let request = OffsetCommitRequest {
            group_id: self.group_id().to_owned(),
            generation_id_or_member_epoch: generation,
            member_id: self.membership.member_id.clone(),
            group_instance_id: self.instance(),
            topics: topics.into_iter().map(topic).collect(),
            ..OffsetCommitRequest::default()
        };
        let what = Request::Commit { offsets, is_sync, generation };
        self.send(ctx, node, &request, what, SendOptions::default())
    }

    pub(super) fn on_commit(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        response: &Response,
        offsets: Offsets,
        is_sync: bool,
        generation: i32,
    ) {
        let result = self.decode::<OffsetCommitResponse>(ctx, response).and_then(|committed| {
            let mut partitions = committed.topics.iter().flat_map(|topic| &topic.partitions);
            partitions.find(|it| it.error_code.is_error()).map_or(Ok(()), |it| Err(it.error_code))
        });
        match result {
            Ok(()) => {
                self.totals.commits += 1;
                self.membership.failures = 0;
                for (at, position) in offsets {
                    if let Some(partition) = self.owned.get_mut(&at) {
                        partition.committed = Some(position.offset);
                    }
                }
                self.end_commit(is_sync, Ok(()));
            }
            Err(error) => self.commit_failed(ctx, error, is_sync, generation),
        }
    }

    #[inline(never)]
    fn commit_failed(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        error: ErrorCode,
        is_sync: bool,
        generation: i32,
    ) {
        let is_current = self.membership.generation == generation && !self.is_managed();
        match error {
            // The epoch has changed on the way; before a rebalance the offsets still count.
            ErrorCode::StaleMemberEpoch if is_sync && self.commits_to_reconcile() => {
                return self.retry_commit(ctx, is_sync);
            }
            ErrorCode::UnknownMemberId if is_current => self.lose(ctx, true),
            ErrorCode::IllegalGeneration if is_current => self.lose(ctx, false),
            ErrorCode::RebalanceInProgress if is_current => {
                self.membership.request_rejoin("offset commit failed since group is already rebalancing");
            }
            ErrorCode::FencedInstanceId if self.is_subscribed() => {
                self.end_commit(is_sync, Err(error));
                return self.fail(ctx, error, "another member has the same group.instance.id");
            }
            error if self.is_about_coordinator(ctx, error) || error.is_retriable() => {
                return self.retry_commit(ctx, is_sync);
            }
            _ => {}
        }
        self.report(ctx, error, "commit failed");
        self.end_commit(is_sync, Err(error));
    }

    fn retry_commit(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, is_sync: bool) {
        let backoff = self.config.retry_backoff();
        match &mut self.sync_commit {
            Some(commit) if is_sync => {
                commit.is_sent = false;
                commit.failures = commit.failures.saturating_add(1);
                commit.not_before = ctx.now() + backoff.after(commit.failures, ctx.rng());
            }
            // The next automatic commit will say the same, and soon.
            _ => {
                self.next_auto_commit = self.next_auto_commit.min(ctx.now() + backoff.after(1, ctx.rng()));
            }
        }
    }

    fn end_commit(&mut self, is_sync: bool, result: Result<(), ErrorCode>) {
        if let Some(commit) = self.sync_commit.as_mut().filter(|_| is_sync) {
            commit.result = Some(result);
        }
    }
}
