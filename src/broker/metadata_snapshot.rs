//! Snapshots of the metadata on a broker: it makes its own, so that its copy of the log need not be kept whole;
//! and when its log ends before the controller's begins, it fetches the controller's and goes on behind it.
//! Source: KIP-630.

use std::sync::Arc;

use crate::base::Set;
use crate::broker::controller_session::Configured;
use crate::broker::{Broker, Ctx, METADATA_TOPIC};
use crate::metadata::{Download, Snapshot, SnapshotId, SnapshotLimits, TOPIC_RESOURCE};
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
    /// The snapshots of the metadata that its disk holds, oldest first.
    pub fn metadata_snapshots(&self) -> &[Arc<Snapshot>] {
        self.snapshots.kept()
    }

    fn snapshot_limits(&self) -> SnapshotLimits {
        SnapshotLimits {
            bytes_between: self.config.max_record_bytes_between_snapshots,
            interval_ms: self.config.max_snapshot_interval_ms,
            retention_bytes: self.config.max_metadata_retention_bytes,
            retention_ms: self.config.max_metadata_retention_ms,
        }
    }

    /// Records up to the image's end were applied: time for a snapshot? Who has a voter in its process has
    /// the voter's.
    pub(super) fn note_applied(&mut self, ctx: &mut Ctx, from: i64) {
        if self.controller.is_in_process() {
            return;
        }
        let (limits, to) = (self.snapshot_limits(), self.image.end_offset);
        if self.snapshots.note(&self.metadata_log, from, to, ctx.now(), &limits) {
            self.write_snapshot(ctx, &limits);
        }
    }

    #[inline(never)]
    fn write_snapshot(&mut self, ctx: &mut Ctx, limits: &SnapshotLimits) {
        let Some(snapshot) = self.snapshots.make(&self.image, &self.metadata_log, ctx.now()) else { return };
        let (SnapshotId { end_offset, epoch }, size_bytes) = (snapshot.id(), snapshot.bytes().len() as u64);
        let unix_ms = ctx.unix_ms();
        self.snapshots.add(Arc::new(snapshot), Arc::make_mut(&mut self.metadata_log), unix_ms);
        ctx.trace(Event::SnapshotCreated { end_offset, epoch, size_bytes });
        for log_start_offset in self.snapshots.clean(&mut self.metadata_log, unix_ms, limits) {
            ctx.trace(Event::MetadataLogCleaned { log_start_offset });
        }
    }

    pub(super) fn recover_metadata_log(&mut self) {
        if self.controller.is_in_process() {
            return;
        }
        let log = Arc::make_mut(&mut self.metadata_log);
        log.recover();
        if let (None, Some(snapshot)) = (log.latest_epoch(), self.snapshots.latest()) {
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
        self.snapshots.load(Arc::new(snapshot), log);
        log.mark_flushed(log.position());
        let entry = ctx.trace(Event::SnapshotLoaded { end_offset, epoch, size_bytes });
        let before = ctx.because(entry);
        self.apply_committed_metadata(ctx);
        ctx.because(before);
    }

    /// The image is the snapshot's; whatever differs from before is touched.
    #[inline(never)]
    pub(super) fn apply_snapshot(&mut self, touched: &mut Set<TopicPartition>, configured: &mut Configured) {
        let Some(snapshot) = self.snapshots.kept().first() else { return };
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
