//! The application's `ConsumerRebalanceListener`, and what a consumer owns before and after it is
//! called.
//!
//! The application's thread calls it, inside `poll()` or `close()`. What is revoked or lost is the
//! consumer's until the listener has returned; what is assigned is its own before. Who does not
//! override `onPartitionsLost` has `onPartitionsRevoked` called by it, and so it is here: both take
//! the same time, and the commit of the one that comes too late fails.

use super::subscription::{OwnedPartition, Seeking};
use super::thread::Thread;
use super::{Consumer, ConsumerTimer, TopicPartition};
use crate::base::{Set, SimTime, ms};
use crate::trace::{Ctx, Event};

/// Which of its methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listener {
    Assigned,
    Revoked,
    Lost,
}

/// A call under way.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    listener: Listener,
    partitions: Vec<TopicPartition>,
    /// The application works on it until then.
    pub(super) until: SimTime,
    /// Then it commits: not yet, being done, or done with that.
    commit: Commit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Commit {
    Wanted,
    Begun,
    None,
}

impl Listener {
    fn name(self) -> &'static str {
        match self {
            Listener::Assigned => "onPartitionsAssigned",
            Listener::Revoked => "onPartitionsRevoked",
            Listener::Lost => "onPartitionsLost",
        }
    }
}

impl Consumer {
    /// Whether the application has a listener.
    pub(super) fn has_listener(&self) -> bool {
        !self.is_share() && (self.app.revoked_ms > 0 || self.app.assigned_ms > 0 || self.app.commit_on_revoke)
    }

    /// Calls the listener; true if it has returned. If not, `poll()` goes on when it has.
    pub(super) fn call(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        listener: Listener,
        partitions: Vec<TopicPartition>,
    ) -> bool {
        if !self.has_listener() {
            self.returned(ctx, listener, &partitions);
            return true;
        }
        let group = self.group_id().into();
        let (takes_ms, commit) = match listener {
            Listener::Assigned => (self.app.assigned_ms, Commit::None),
            _ if self.app.commit_on_revoke => (self.app.revoked_ms, Commit::Wanted),
            _ => (self.app.revoked_ms, Commit::None),
        };
        let told = partitions.clone();
        ctx.trace(Event::ListenerEntered { group, listener: listener.name(), partitions: told });
        let call = Call { listener, partitions, until: ctx.now() + ms(takes_ms), commit };
        if takes_ms == 0 && commit == Commit::None {
            self.end_call(ctx, &call);
            return true;
        }
        let closing = matches!(self.thread, Thread::Closing { .. });
        self.listening = Some(call);
        self.thread = Thread::Listening { closing };
        false
    }

    /// Goes on with the call; true when it has returned.
    #[inline(never)]
    pub(super) fn listen(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, closing: bool) -> bool {
        if let Some(call) = &mut self.listening {
            if ctx.now() < call.until {
                return false;
            }
            if call.commit == Commit::Wanted {
                call.commit = Commit::Begun;
                let partitions: Set<TopicPartition> = call.partitions.iter().cloned().collect();
                let mut offsets = self.consumed_positions();
                offsets.retain(|at, _| partitions.contains(at));
                let until = ctx.now() + ms(self.config.default_api_timeout_ms);
                self.begin_commit(ctx, offsets, until);
            }
            if self.sync_commit.is_some() && self.drive_commit(ctx).is_none() {
                return false;
            }
        }
        self.thread = if closing { Thread::Closing { leaving: false } } else { Thread::Polling };
        if let Some(call) = self.listening.take() {
            self.end_call(ctx, &call);
        }
        true
    }

    fn end_call(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, call: &Call) {
        let (group, listener) = (self.group_id().into(), call.listener.name());
        ctx.trace(Event::ListenerLeft { group, listener });
        self.returned(ctx, call.listener, &call.partitions);
    }

    fn returned(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        listener: Listener,
        partitions: &[TopicPartition],
    ) {
        let partitions = match listener {
            Listener::Assigned => return,
            _ => partitions.to_vec(),
        };
        partitions.iter().for_each(|at| drop(self.owned.remove(at)));
        let group = self.group_id().into();
        ctx.trace(match listener {
            Listener::Lost => Event::PartitionsLost { group, partitions },
            _ => Event::PartitionsRevoked { group, partitions },
        });
    }

    /// Exactly these partitions are the consumer's from now on, and the listener is told which of
    /// them are new. True if that has returned.
    pub(super) fn own(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, partitions: Vec<TopicPartition>) -> bool {
        let given: Set<TopicPartition> = partitions.iter().cloned().collect();
        self.owned.retain(|at, _| given.contains(at));
        self.owned.values_mut().for_each(|partition| partition.revoking = false);
        let seeking = if self.config.group_id.is_some() {
            Seeking::Committed
        } else {
            self.config.auto_offset_reset.seeking(ctx.unix_ms()).unwrap_or(Seeking::Committed)
        };
        let added: Vec<TopicPartition> =
            partitions.into_iter().filter(|at| !self.owned.contains_key(at)).collect();
        for at in &added {
            self.owned.insert(at.clone(), OwnedPartition::new(seeking));
        }
        if !added.is_empty() || self.owned.is_empty() {
            let (group, partitions) = (self.group_id().into(), added.clone());
            ctx.trace(Event::PartitionsAssigned { group, partitions });
        }
        !self.is_subscribed() || self.call(ctx, Listener::Assigned, added)
    }

    /// `markPendingRevocation`: nothing more is returned or fetched of these partitions, or of all.
    pub(super) fn set_revoking(&mut self, which: Option<&[TopicPartition]>) {
        for (at, partition) in &mut self.owned {
            partition.revoking |= which.is_none_or(|which| which.contains(at));
        }
    }

    /// `onLeavePrepare`: before it leaves it gives up all that it has. True when it has.
    pub(super) fn release(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) -> bool {
        if !self.is_subscribed() || self.owned.is_empty() {
            return true;
        }
        let listener = if self.membership.is_in_group() { Listener::Revoked } else { Listener::Lost };
        let all = self.owned.keys().cloned().collect();
        self.call(ctx, listener, all)
    }
}
