//! A broker whose metadata log ends before the controller's begins: it fetches the controller's snapshot and
//! goes on behind it. Source: KIP-630.

use std::sync::Arc;

use crate::base::Set;
use crate::broker::controller_session::Configured;
use crate::broker::{Broker, Ctx, METADATA_TOPIC};
use crate::metadata::{Download, Snapshot, SnapshotId, TOPIC_RESOURCE};
use crate::protocol::messages::fetch;
use crate::protocol::messages::fetch_snapshot::{
    FetchSnapshotRequest, FetchSnapshotResponse, RequestPartitionSnapshot, RequestSnapshotId,
    RequestTopicSnapshot,
};
use crate::protocol::{ErrorCode, TopicPartition, Uuid};
use crate::trace::Event;

/// No answer is to carry more of a snapshot.
const PART_BYTES: i32 = 1 << 20;

impl Broker {
    /// The snapshot with which its copy of the metadata log begins.
    pub fn metadata_snapshot(&self) -> Option<&Arc<Snapshot>> {
        self.metadata_snapshot.as_ref()
    }

    pub(super) fn recover_metadata_log(&mut self) {
        if self.controller.is_in_process() {
            return;
        }
        let log = Arc::make_mut(&mut self.metadata_log);
        log.recover();
        if let (None, Some(snapshot)) = (log.latest_epoch(), &self.metadata_snapshot) {
            log.assign_epoch_start(snapshot.id().epoch);
        }
    }

    #[inline(never)]
    pub(super) fn begin_snapshot(&mut self, ctx: &mut Ctx, id: &fetch::SnapshotId) {
        let id = SnapshotId { end_offset: id.end_offset, epoch: id.epoch };
        self.controller.download = Some(Download::new(id, self.controller.epoch()));
        ctx.trace(Event::SnapshotFetched { end_offset: id.end_offset, epoch: id.epoch });
    }

    /// Asks for the next part of the snapshot that is being fetched, if any is.
    pub(super) fn snapshot_request(&mut self) -> Option<FetchSnapshotRequest> {
        let download = self.controller.download.as_ref()?;
        if !self.controller.is_alone() && download.epoch != self.controller.epoch() {
            self.controller.download = None;
            return None;
        }
        let current_leader_epoch = if self.controller.is_alone() { -1 } else { download.epoch };
        let SnapshotId { end_offset, epoch } = download.id;
        let partition = RequestPartitionSnapshot {
            partition: 0,
            current_leader_epoch,
            snapshot_id: RequestSnapshotId { end_offset, epoch },
            position: i64::try_from(download.position()).unwrap_or(i64::MAX),
            ..Default::default()
        };
        let topic = RequestTopicSnapshot { name: METADATA_TOPIC.into(), partitions: vec![partition] };
        let (replica_id, topics) = (self.id, vec![topic]);
        Some(FetchSnapshotRequest { replica_id, max_bytes: PART_BYTES, topics, ..Default::default() })
    }

    #[inline(never)]
    pub(super) fn take_snapshot_part(&mut self, ctx: &mut Ctx, response: FetchSnapshotResponse) {
        let data = response.topics.into_iter().next().and_then(|topic| topic.partitions.into_iter().next());
        let (Some(mut download), Some(data)) = (self.controller.download.take(), data) else { return };
        if !self.controller.is_alone() {
            self.hear_of_leader(ctx, data.current_leader.leader_epoch, data.current_leader.leader_id);
            if data.error_code != ErrorCode::None {
                return self.controller.refused(ctx, data.error_code);
            }
        }
        let found = SnapshotId { end_offset: data.snapshot_id.end_offset, epoch: data.snapshot_id.epoch };
        if data.error_code != ErrorCode::None || found != download.id {
            return;
        }
        match download.take(data.position, data.size, data.unaligned_records) {
            Ok(None) => self.controller.download = Some(download),
            Ok(Some(snapshot)) => self.load_snapshot(ctx, snapshot),
            Err(_) => {}
        }
    }

    /// The copy of the log begins anew behind the snapshot.
    fn load_snapshot(&mut self, ctx: &mut Ctx, snapshot: Snapshot) {
        let SnapshotId { end_offset, epoch } = snapshot.id();
        let size_bytes = snapshot.bytes().len() as u64;
        let log = Arc::make_mut(&mut self.metadata_log);
        log.truncate_fully_and_start_at(end_offset);
        log.assign_epoch_start(epoch);
        log.update_high_watermark(end_offset);
        log.mark_flushed(log.position());
        self.metadata_snapshot = Some(Arc::new(snapshot));
        let entry = ctx.trace(Event::SnapshotLoaded { end_offset, epoch, size_bytes });
        let before = ctx.because(entry);
        self.apply_committed_metadata(ctx);
        ctx.because(before);
    }

    /// The image is the snapshot's; whatever differs from before is touched.
    #[inline(never)]
    pub(super) fn apply_snapshot(&mut self, touched: &mut Set<TopicPartition>, configured: &mut Configured) {
        let Some(snapshot) = &self.metadata_snapshot else { return };
        let before = std::mem::replace(&mut self.image, snapshot.image());
        for (one, other) in [(&before, &self.image), (&self.image, &before)] {
            for (at, id, partition) in one.partitions() {
                let same = other.partition(&at) == Some(partition) && other.topic_names.contains_key(&id);
                if !same {
                    touched.insert(at);
                }
            }
            for (resource_type, name) in one.configs.keys() {
                let key = (*resource_type, Arc::clone(name));
                if one.configs.get(&key) != other.configs.get(&key) && *resource_type == TOPIC_RESOURCE {
                    configured.topics.insert(name.to_string());
                }
            }
        }
        let is_gone = |id: &&Uuid| !self.image.topic_names.contains_key(id);
        configured.removed.extend(before.topic_names.keys().filter(is_gone).copied());
        configured.brokers = true;
    }
}
