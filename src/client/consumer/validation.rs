//! Whether the log before a position is still what was read: asked of every new leader before the
//! first fetch from it (OffsetForLeaderEpoch).
//!
//! Source: KIP-320. A log that was cut takes the position back to where it was cut; with
//! `auto.offset.reset=none` the application is told.

use super::config::OffsetReset;
use super::subscription::Position;
use super::{Consumer, ConsumerTimer, Request};
use crate::base::Map;
use crate::client::metadata_cache::is_invalid_metadata;
use crate::client::network::{Response, SendOptions};
use crate::protocol::messages::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderPartition,
    OffsetForLeaderTopic,
};
use crate::protocol::{ErrorCode, TopicPartition};
use crate::trace::{Ctx, Event};

/// `replica_id` of a consumer.
const CONSUMER: i32 = -1;

/// What was asked about: the position, and the epoch of the leader that was asked.
pub(super) type Asked = Map<TopicPartition, (Position, i32)>;

impl Consumer {
    /// Whether a leader of this epoch has to be asked before it is fetched from.
    pub(super) fn is_unsure(&self, at: &TopicPartition, leader_epoch: i32) -> bool {
        let Some(partition) = self.owned.get(at) else { return false };
        let knows_epoch = partition.position.is_some_and(|position| position.leader_epoch >= 0);
        knows_epoch && leader_epoch >= 0 && partition.validated_epoch != leader_epoch
    }

    /// Asks a leader where the epochs of these partitions' positions end.
    pub(super) fn validate(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        node: i32,
        partitions: Vec<TopicPartition>,
    ) {
        let is_asked = self
            .is_asking(|request| matches!(request, Request::Validate { node: other, .. } if *other == node));
        if is_asked || !self.network.ready(ctx, node) {
            return;
        }
        let knows = self.network.version_for::<OffsetForLeaderEpochRequest>(node).is_some();
        let mut asked = Asked::new();
        let mut topics: Map<String, Vec<OffsetForLeaderPartition>> = Map::new();
        for at in partitions {
            let Some((_, epoch)) = self.network.metadata().leader(&at) else { continue };
            let Some(partition) = self.owned.get_mut(&at) else { continue };
            let Some(position) = partition.position else { continue };
            if !knows {
                // A broker that cannot tell is taken at its word.
                partition.validated_epoch = epoch;
                continue;
            }
            topics.entry(at.topic.to_string()).or_default().push(OffsetForLeaderPartition {
                partition: at.partition,
                current_leader_epoch: epoch,
                leader_epoch: position.leader_epoch,
            });
            asked.insert(at, (position, epoch));
        }
        if asked.is_empty() {
            return;
        }
        let topics = topics.into_iter().map(|(topic, partitions)| OffsetForLeaderTopic { topic, partitions });
        let request = OffsetForLeaderEpochRequest { replica_id: CONSUMER, topics: topics.collect() };
        self.send(ctx, node, &request, Request::Validate { node, asked }, SendOptions::default());
    }

    pub(super) fn on_epoch_ends(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        response: &Response,
        asked: &Asked,
    ) {
        let answer = match self.decode::<OffsetForLeaderEpochResponse>(ctx, response) {
            Ok(answer) => answer,
            Err(error) => {
                self.network.metadata_is_stale(ctx, error);
                asked.keys().for_each(|at| self.back_off(ctx, at));
                return;
            }
        };
        for topic in answer.topics {
            for end in topic.partitions {
                let at = TopicPartition::new(topic.topic.as_str(), end.partition);
                if let Some(&(position, epoch)) = asked.get(&at) {
                    self.take_epoch_end(ctx, &at, position, epoch, &end);
                }
            }
        }
    }

    #[inline(never)]
    fn take_epoch_end(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        at: &TopicPartition,
        position: Position,
        epoch: i32,
        end: &EpochEndOffset,
    ) {
        // A seek or a rebalance since then has made the answer worthless.
        let is_current = |partition: &&mut super::OwnedPartition| partition.position == Some(position);
        let Some(partition) = self.owned.get_mut(at).filter(is_current) else { return };
        if end.error_code.is_error() {
            if is_invalid_metadata(end.error_code) {
                self.network.metadata_is_stale(ctx, end.error_code);
            } else if !end.error_code.is_retriable() {
                self.report(ctx, end.error_code, &format!("cannot validate the position in {at}"));
            }
            return self.back_off(ctx, at);
        }
        partition.failures = 0;
        let is_cut = end.end_offset < 0 || end.leader_epoch < 0 || end.end_offset < position.offset;
        if !is_cut {
            partition.validated_epoch = epoch;
        } else if self.config.auto_offset_reset == OffsetReset::None {
            let parts = match end.end_offset {
                ..0 => String::new(),
                diverging => format!(": it parts from what was read at offset {diverging}"),
            };
            // Kafka throws a `LogTruncationException`.
            let detail = format!("the log of {at} was truncated before offset {}{parts}", position.offset);
            self.fail(ctx, ErrorCode::OffsetOutOfRange, &detail);
        } else if end.end_offset < 0 || end.leader_epoch < 0 {
            self.reset(ctx, at);
        } else {
            let offset = end.end_offset;
            partition.seek(Position { offset, leader_epoch: end.leader_epoch });
            partition.validated_epoch = epoch;
            ctx.trace(Event::PositionSet { at: at.clone(), offset, by: "log truncation" });
        }
    }
}
