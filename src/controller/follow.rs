//! Copying the leader's log. Source: KIP-595; a follower flushes before it fetches again, so that its fetch
//! offset is what its disk has.

use std::sync::Arc;

use crate::controller::raft::State;
use crate::controller::{Controller, Ctx};
use crate::metadata::{CLUSTER_METADATA_TOPIC, CLUSTER_METADATA_TOPIC_ID};
use crate::protocol::ErrorCode;
use crate::protocol::messages::fetch::{
    FetchPartition, FetchRequest, FetchResponse, FetchTopic, PartitionData, ReplicaState,
};
use crate::trace::{Event, Offsets, Role};

/// How long a fetch waits at the leader (`MAX_FETCH_WAIT_MS`).
const FETCH_WAIT_MS: i32 = 500;

impl Controller {
    pub(super) fn fetch_request(&self, fetch_offset: i64) -> FetchRequest {
        let partition = FetchPartition {
            current_leader_epoch: self.raft.epoch(),
            fetch_offset,
            last_fetched_epoch: self.log.latest_epoch().unwrap_or(0),
            partition_max_bytes: i32::MAX,
            high_watermark: self.log.high_watermark(),
            ..Default::default()
        };
        let topic = FetchTopic {
            topic: CLUSTER_METADATA_TOPIC.into(),
            topic_id: CLUSTER_METADATA_TOPIC_ID,
            partitions: vec![partition],
        };
        FetchRequest {
            replica_state: ReplicaState { replica_id: self.raft.me(), replica_epoch: -1 },
            max_wait_ms: FETCH_WAIT_MS,
            session_epoch: -1,
            topics: vec![topic],
            ..Default::default()
        }
    }

    /// The leader's answer to a fetch from `offset` on, sent in `epoch`. False when it is no use to ask again at
    /// once.
    pub(super) fn take_fetched(
        &mut self,
        ctx: &mut Ctx,
        epoch: i32,
        offset: i64,
        answer: FetchResponse,
    ) -> bool {
        let data = answer.responses.into_iter().next().and_then(|topic| topic.partitions.into_iter().next());
        let Some(data) = data else { return false };
        let (leader, leader_epoch) = (data.current_leader.leader_id, data.current_leader.leader_epoch);
        if self.learn(ctx, leader_epoch, leader) || epoch != self.raft.epoch() {
            return true;
        }
        if data.error_code != ErrorCode::None || !matches!(self.raft.state(), State::Follower { .. }) {
            return false;
        }
        self.raft.fetched(ctx.now());
        if data.snapshot_id.end_offset >= 0 {
            self.begin_download(ctx, &data.snapshot_id);
            return true;
        }
        if data.diverging_epoch.end_offset >= 0 {
            self.cut_off(ctx, data.diverging_epoch.epoch, data.diverging_epoch.end_offset);
            return true;
        }
        self.take_records(ctx, offset, data)
    }

    /// What the leader does not have was never committed.
    fn cut_off(&mut self, ctx: &mut Ctx, epoch: i32, end_offset: i64) {
        let to = self.log.common_end(epoch, end_offset);
        if let Some(lost) = Arc::make_mut(&mut self.log).truncate_to(to) {
            let offsets = Offsets { from: lost.start, to: lost.end };
            let (at, leader_epoch) = (self.log.topic_partition().clone(), self.raft.epoch());
            ctx.trace(Event::LogTruncated { at, offsets, leader_epoch });
        }
        if self.image.end_offset > self.log.log_end_offset() {
            // What was applied was committed: the leader has lost its disk.
            self.go_back();
        }
    }

    fn take_records(&mut self, ctx: &mut Ctx, offset: i64, data: PartitionData) -> bool {
        let log = Arc::make_mut(&mut self.log);
        let records = data.records.unwrap_or_default();
        if offset != log.log_end_offset() {
            return true;
        }
        if !records.is_empty() {
            if log.append_as_follower(&records).is_err() {
                return false;
            }
            self.flush(ctx);
        }
        let committed = data.high_watermark.min(self.log.log_end_offset());
        self.commit(ctx, committed, Role::Follower);
        true
    }
}
