//! Who copies the metadata log: the other voters, whose fetches count for the high watermark, and brokers as
//! observers.
//!
//! Source: KIP-595; KIP-1166 (a fetch waits no longer when the high watermark has risen).

use crate::base::{Rope, ms};
use crate::controller::{Asker, Controller, ControllerTimer, Ctx, Observer};
use crate::protocol::ErrorCode;
use crate::protocol::messages::fetch::{
    EpochEndOffset, FetchPartition, FetchRequest, FetchResponse, FetchableTopicResponse, LeaderIdAndEpoch,
    NodeEndpoint, PartitionData,
};
use crate::storage::FetchIsolation;

impl Controller {
    pub(super) fn fetch(&mut self, ctx: &mut Ctx, asker: Asker, request: FetchRequest) {
        self.note_fetch(ctx, &request);
        let (response, has_news) = self.read(&request);
        if has_news || request.max_wait_ms <= 0 {
            return self.answer(ctx, asker, &response);
        }
        self.next_fetch += 1;
        let wait = ms(u64::from(request.max_wait_ms.unsigned_abs()));
        ctx.set_timer(ControllerTimer::Fetch(self.next_fetch), ctx.now() + wait);
        self.fetches.insert(self.next_fetch, (asker, request));
    }

    /// Who fetches from here has everything before.
    fn note_fetch(&mut self, ctx: &mut Ctx, request: &FetchRequest) {
        let id = request.replica_state.replica_id.max(request.replica_id);
        let asked = request.topics.first().and_then(|topic| topic.partitions.first());
        let Some(asked) = asked else { return };
        let (offset, end, now) = (asked.fetch_offset, self.log.log_end_offset(), ctx.now());
        if self.raft.is_voter(id) {
            let agrees = self.leads_in(asked.current_leader_epoch) == ErrorCode::None
                && self.diverging(asked).is_none()
                && self.snapshot_for(asked).is_none()
                && offset <= end;
            if agrees && let Some(leadership) = self.raft.leadership_mut() {
                leadership.fetched(id, offset, end, now, &self.config);
                self.advance_high_watermark(ctx);
            }
        } else if self.image.brokers.contains_key(&id) {
            let before = self.observers.get(&id).and_then(|observer| observer.caught_up);
            let caught_up = if offset >= end { Some(now) } else { before };
            let observer = Observer { log_end_offset: offset, fetched: now, caught_up };
            self.observers.insert(id, observer);
        }
    }

    /// Answers those that wait and for whom there is something by now.
    pub(super) fn answer_fetches(&mut self, ctx: &mut Ctx) {
        self.fetches_seen = (self.log.log_end_offset(), self.log.high_watermark());
        for id in self.fetches.keys().copied().collect::<Vec<_>>() {
            if self.fetches.get(&id).is_some_and(|(_, request)| self.read(request).1) {
                self.answer_fetch(ctx, id);
            }
        }
    }

    pub(super) fn answer_fetch(&mut self, ctx: &mut Ctx, id: u64) {
        if let Some((asker, request)) = self.fetches.remove(&id) {
            ctx.cancel_timer(ControllerTimer::Fetch(id));
            let (response, _) = self.read(&request);
            self.answer(ctx, asker, &response);
        }
    }

    /// Whether this node leads in the epoch that a fetch was meant for. A quorum of one always does.
    pub(super) fn leads_in(&self, epoch: i32) -> ErrorCode {
        let ours = self.raft.epoch();
        match self.raft.voters().alone() {
            Some(_) => ErrorCode::None,
            None if epoch < ours => ErrorCode::FencedLeaderEpoch,
            None if epoch > ours => ErrorCode::UnknownLeaderEpoch,
            None if self.leading.is_none() => ErrorCode::NotLeaderOrFollower,
            None => ErrorCode::None,
        }
    }

    /// Where the epoch that a follower was in last ends here, when it has more of that, or an epoch that
    /// never was.
    fn diverging(&self, asked: &FetchPartition) -> Option<EpochEndOffset> {
        if asked.last_fetched_epoch < 0 {
            return None;
        }
        let (epoch, end_offset) = self.log.end_offset_for_epoch(asked.last_fetched_epoch)?;
        let parted = end_offset < asked.fetch_offset || epoch < asked.last_fetched_epoch;
        parted.then_some(EpochEndOffset { epoch, end_offset })
    }

    fn read(&self, request: &FetchRequest) -> (FetchResponse, bool) {
        let mut response = FetchResponse::default();
        let mut has_news = false;
        for topic in &request.topics {
            let partitions = topic.partitions.iter().map(|asked| {
                let (data, is_news) = self.read_partition(asked);
                has_news |= is_news;
                data
            });
            let partitions = partitions.collect();
            let (name, topic_id) = (topic.topic.clone(), topic.topic_id);
            response.responses.push(FetchableTopicResponse { topic: name, topic_id, partitions });
        }
        if self.leading.is_none()
            && let Some(leader) = self.raft.leader().and_then(|id| self.raft.voters().get(id))
        {
            let (host, port) = (leader.host.clone(), leader.port.into());
            response.node_endpoints = vec![NodeEndpoint { node_id: leader.id, host, port, rack: None }];
        }
        (response, has_news)
    }

    fn read_partition(&self, asked: &FetchPartition) -> (PartitionData, bool) {
        let alone = self.raft.voters().alone().is_some();
        let mut data = PartitionData {
            partition_index: asked.partition,
            high_watermark: self.log.high_watermark(),
            log_start_offset: self.log.log_start_offset(),
            records: Some(Rope::default()),
            ..Default::default()
        };
        if !alone {
            let leader_id = self.raft.leader().unwrap_or(-1);
            data.current_leader = LeaderIdAndEpoch { leader_id, leader_epoch: self.raft.epoch() };
        }
        data.error_code = self.leads_in(asked.current_leader_epoch);
        if data.error_code != ErrorCode::None {
            return (data, true);
        }
        if let Some(snapshot_id) = self.snapshot_for(asked) {
            data.snapshot_id = snapshot_id;
            return (data, true);
        }
        if let Some(diverging) = self.diverging(asked) {
            data.diverging_epoch = diverging;
            return (data, true);
        }
        let max = u32::try_from(asked.partition_max_bytes).unwrap_or(0);
        // Replicas copy what is not committed, too: that is how it becomes so.
        let isolation = if alone { FetchIsolation::HighWatermark } else { FetchIsolation::LogEnd };
        match self.log.read(asked.fetch_offset, max, true, isolation) {
            Ok(info) => {
                let is_news =
                    !info.records.is_empty() || (!alone && asked.high_watermark < self.log.high_watermark());
                data.records = Some(info.records);
                (data, is_news)
            }
            Err(_) => {
                data.error_code = ErrorCode::OffsetOutOfRange;
                (data, true)
            }
        }
    }
}
