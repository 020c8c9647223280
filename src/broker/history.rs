//! Old rules, each a switch that is off: how followers truncated before KIP-101 (Kafka 0.11).
//!
//! A follower that got a leader cut its log to its own high watermark, which is one fetch late, and
//! believed in what was left. It asked for what comes next, without saying in which leader epoch it had
//! got the last; only when it was ahead of the leader's end did it cut more.
//!
//! Source: KIP-101, *Motivation*. The switch is `history.truncate.by.high.watermark`, no config of Kafka's.

use crate::broker::fetcher::{Asked, Position};
use crate::broker::{Broker, Ctx, Partition};
use crate::protocol::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopic,
};
use crate::protocol::{ErrorCode, TopicPartition};
use crate::trace::{Event, Offsets};

const LATEST: i64 = -1;

/// Whether this replica follows as before KIP-101.
pub(super) fn follows_high_watermark(partition: &Partition) -> bool {
    partition.log.config().history_truncate_by_high_watermark
}

impl Broker {
    /// A follower has got another leader: what it does not know to be committed goes.
    #[inline(never)]
    pub(super) fn truncate_to_high_watermark(&mut self, ctx: &mut Ctx, at: &TopicPartition) {
        if let Some(partition) = self.partition(at) {
            self.truncate_by_old_rule(ctx, at, partition.log.high_watermark());
        }
    }

    fn truncate_by_old_rule(&mut self, ctx: &mut Ctx, at: &TopicPartition, to: i64) {
        let Some(partition) = self.partitions.get_mut(at) else { return };
        if let Some(gone) = std::sync::Arc::make_mut(partition).log.truncate_to(to) {
            let offsets = Offsets { from: gone.start, to: gone.end };
            ctx.trace(Event::LogTruncated { at: at.clone(), offsets, leader_epoch: -1 });
        }
    }

    /// The leader has nothing at the follower's end: asks where its log ends.
    #[inline(never)]
    pub(super) fn ask_log_end(&mut self, ctx: &mut Ctx, at: &TopicPartition, position: Position) {
        let Some(leader) = self.partition(at).map(|partition| partition.registration.leader) else { return };
        let asked = ListOffsetsPartition {
            partition_index: at.partition,
            current_leader_epoch: position.1,
            timestamp: LATEST,
        };
        let topics = vec![ListOffsetsTopic { name: at.topic.to_string(), partitions: vec![asked] }];
        let request = ListOffsetsRequest { replica_id: self.id, topics, ..Default::default() };
        if let Some(fetcher) = self.fetchers.get_mut(&leader) {
            // When it cannot be asked, the next fetch fails as this one did.
            let _ = fetcher.peer.ask(ctx, Asked::LogEnd(at.clone(), position), &request);
        }
    }

    #[inline(never)]
    pub(super) fn take_log_end(
        &mut self,
        ctx: &mut Ctx,
        at: &TopicPartition,
        asked: Position,
        response: &ListOffsetsResponse,
    ) {
        let Some(partition) = self.partition(at) else { return };
        let current = (partition.log.log_end_offset(), partition.registration.leader_epoch);
        let found = response.topics.first().and_then(|topic| topic.partitions.first());
        match found {
            Some(found)
                if found.error_code == ErrorCode::None && !partition.is_leader() && current == asked =>
            {
                self.truncate_by_old_rule(ctx, at, found.offset.max(0));
            }
            _ => {}
        }
    }
}
