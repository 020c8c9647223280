//! What somebody outside may want of a consumer.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::config::{AssignedPartition, ConsumerConfig, GroupProtocol};
use super::pattern::Subscription;
use super::thread::Thread;
use super::{Consumer, ConsumerTimer, TopicPartition};
use crate::assignor::AssignorKind;
use crate::base::{Pattern, Set};
use crate::protocol::ErrorCode;
use crate::trace::Ctx;

/// What somebody outside may want of a consumer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ConsumerCommand {
    /// The application hangs, or comes back: it neither processes nor polls.
    SetStuck {
        /// Hang.
        stuck: bool,
    },
    /// `pause()` and `resume()`: polls return nothing from these partitions.
    SetPaused {
        /// Pause.
        paused: bool,
        /// Which; all that it owns now without it.
        #[serde(default)]
        partitions: Option<Vec<AssignedPartition>>,
    },
    /// Processing a record takes so long from the next one on.
    SetProcessMs {
        /// Milliseconds.
        process_ms: u64,
    },
    /// `seek()`.
    Seek {
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
        /// Where to.
        to: SeekTo,
    },
    /// `commitAsync()` of what has been processed.
    Commit,
    /// Its rebalance listener takes so long from the next call on.
    SetListenerMs {
        /// Milliseconds of `onPartitionsRevoked` and `onPartitionsLost`.
        revoked_ms: u64,
        /// Milliseconds of `onPartitionsAssigned`.
        assigned_ms: u64,
    },
    /// `subscribe()` to these topics instead, as soon as the application is back in its loop; to
    /// none: `unsubscribe()`, which leaves the group.
    Subscribe {
        /// The topics.
        #[serde(default)]
        topics: Vec<Arc<str>>,
        /// Or those whose names match.
        #[serde(default)]
        topic_regex: Option<Arc<str>>,
    },
    /// `close()`, as soon as the application is back in its loop.
    Close {
        /// What becomes of its membership.
        #[serde(default)]
        membership: GroupMembershipOperation,
    },
}

/// What becomes of the membership when a consumer closes (KIP-1092), by Kafka's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum GroupMembershipOperation {
    /// A dynamic member leaves, a static one stays until its session times out.
    #[default]
    Default,
    /// It leaves, be it static or not.
    LeaveGroup,
    /// It stays until its session times out.
    RemainInGroup,
}

/// Configs that a consumer has from its next start on; those not given stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ConsumerChanges {
    /// Another instance; an empty one makes it a dynamic member.
    #[serde(rename = "group.instance.id", skip_serializing_if = "Option::is_none")]
    pub group_instance_id: Option<Arc<str>>,
    /// Another protocol.
    #[serde(rename = "group.protocol", skip_serializing_if = "Option::is_none")]
    pub group_protocol: Option<GroupProtocol>,
    /// Other assignors.
    #[serde(rename = "partition.assignment.strategy", skip_serializing_if = "Option::is_none")]
    pub partition_assignment_strategy: Option<Vec<AssignorKind>>,
}

/// Where to seek.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SeekTo {
    /// An offset.
    Offset(i64),
    /// The beginning of the log.
    Beginning,
    /// Its end.
    End,
    /// The first record that is not older, in milliseconds since 1970; the end if there is none.
    Timestamp(i64),
}

impl Consumer {
    #[inline(never)]
    pub(super) fn obey(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, command: ConsumerCommand) {
        match command {
            ConsumerCommand::SetStuck { stuck } => {
                if stuck && !self.is_stuck && self.thread == Thread::Polling {
                    self.last_poll = ctx.now();
                }
                self.is_stuck = stuck;
            }
            ConsumerCommand::SetPaused { paused, partitions } => {
                let named: Option<Set<TopicPartition>> = partitions.map(|list| {
                    list.into_iter().map(|it| TopicPartition::new(it.topic, it.partition)).collect()
                });
                for (at, partition) in &mut self.owned {
                    if named.as_ref().is_none_or(|named| named.contains(at)) {
                        partition.paused = paused;
                    }
                }
            }
            ConsumerCommand::SetProcessMs { process_ms } => {
                Arc::make_mut(&mut self.app).process_ms = process_ms;
            }
            ConsumerCommand::Seek { .. } if self.is_share() => {
                self.report(ctx, ErrorCode::InvalidRequest, "a share group has no position to seek");
            }
            ConsumerCommand::Seek { topic, partition, to } => {
                self.seek(ctx, &TopicPartition::new(topic, partition), to);
            }
            ConsumerCommand::Commit if self.is_share() => self.send_acknowledgements(ctx),
            ConsumerCommand::Commit => self.commit_async(ctx),
            ConsumerCommand::Subscribe { topics, topic_regex: regex } => {
                let is_bad = regex.as_deref().is_some_and(|regex| Pattern::new(regex).is_err());
                if is_bad {
                    return self.report(ctx, ErrorCode::InvalidRegularExpression, "cannot subscribe");
                }
                self.resubscribing = Some(Subscription { topics, regex });
            }
            ConsumerCommand::SetListenerMs { revoked_ms, assigned_ms } => {
                let app = Arc::make_mut(&mut self.app);
                (app.revoked_ms, app.assigned_ms) = (revoked_ms, assigned_ms);
            }
            ConsumerCommand::Close { membership } => self.closing = Some(membership),
        }
    }

    /// Other configs from the next start on.
    #[inline(never)]
    pub fn reconfigure(&mut self, changes: ConsumerChanges) {
        let mut config = self.next_config.as_deref().unwrap_or(&self.config).clone();
        if let Some(id) = changes.group_instance_id {
            config.group_instance_id = Some(id).filter(|id| !id.is_empty());
        }
        config.group_protocol = changes.group_protocol.unwrap_or(config.group_protocol);
        if let Some(assignors) = changes.partition_assignment_strategy.filter(|list| !list.is_empty()) {
            config.partition_assignment_strategy = assignors;
        }
        self.next_config = Some(Arc::new(config));
    }

    /// All of them from the next start on.
    pub fn configure_next_start(&mut self, config: &Arc<ConsumerConfig>) {
        self.next_config = Some(config.clone()).filter(|config| *config != self.config);
    }

    /// The configs that it would be started with now.
    pub fn config_of_next_start(&self) -> &Arc<ConsumerConfig> {
        self.next_config.as_ref().unwrap_or(&self.config)
    }
}
