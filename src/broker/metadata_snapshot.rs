//! Snapshots of the metadata on a broker: it makes its own, so that its copy of the log need not be kept whole;
//! and when its log ends before the controller's begins, it fetches the controller's and goes on behind it.
//! Source: KIP-630.

use std::sync::Arc;

use crate::base::{Set, SimTime, ms};
use crate::broker::controller_session::Configured;
use crate::broker::{Broker, Ctx, METADATA_TOPIC};
use crate::metadata::{Download, Snapshot, SnapshotId, TOPIC_RESOURCE};
use crate::protocol::messages::fetch;
use crate::protocol::messages::fetch_snapshot::{
    FetchSnapshotRequest, FetchSnapshotResponse, RequestPartitionSnapshot, RequestSnapshotId,
    RequestTopicSnapshot,
};
use crate::protocol::{ErrorCode, TopicPartition, Uuid};
use crate::storage::LogConfig;
use crate::trace::Event;

/// No answer is to carry more of a snapshot.
const PART_BYTES: i32 = 1 << 20;

/// The snapshots on a broker's disk.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Snapshots {
    /// Oldest first: with it the log begins, when that is not the beginning.
    kept: Vec<Arc<Snapshot>>,
    /// Bytes applied since the last one.
    bytes: u64,
    /// When the last one was made.
    since: SimTime,
}

impl Snapshots {
    /// What a disk holds.
    pub(super) fn found(kept: Vec<Arc<Snapshot>>) -> Snapshots {
        Snapshots { kept, ..Snapshots::default() }
    }

    pub(super) fn kept(&self) -> &[Arc<Snapshot>] {
        &self.kept
    }

    /// The process starts.
    pub(super) fn begin(&mut self, now: SimTime) {
        self.since = now;
    }
}

impl Broker {
    /// The snapshots of the metadata that its disk holds, oldest first.
    pub fn metadata_snapshots(&self) -> &[Arc<Snapshot>] {
        self.snapshots.kept()
    }

    /// Records up to the image's end were applied: time for a snapshot? Who has a voter in its process has
    /// the voter's.
    pub(super) fn note_applied(&mut self, ctx: &mut Ctx, from: i64) {
        if self.controller.is_in_process() {
            return;
        }
        let to = self.image.end_offset;
        let applied = self.metadata_log.batches_from(from).take_while(|batch| batch.base_offset() < to);
        self.snapshots.bytes += applied.map(|batch| u64::from(batch.size_bytes())).sum::<u64>();
        let most = u64::try_from(self.config.max_record_bytes_between_snapshots).unwrap_or(0);
        let enough = self.snapshots.bytes >= most.max(1);
        let interval = u64::from(self.config.max_snapshot_interval_ms);
        let late = interval > 0 && ctx.now().since(self.snapshots.since) >= ms(interval);
        if enough || late {
            self.write_snapshot(ctx);
        }
    }

    #[inline(never)]
    fn write_snapshot(&mut self, ctx: &mut Ctx) {
        (self.snapshots.bytes, self.snapshots.since) = (0, ctx.now());
        let Some(last) = self.metadata_log.batch_at(self.image.end_offset - 1) else { return };
        let snapshot = Snapshot::of(&self.image, last.partition_leader_epoch(), last.max_timestamp());
        let (SnapshotId { end_offset, epoch }, size_bytes) = (snapshot.id(), snapshot.bytes().len() as u64);
        self.snapshots.kept.push(Arc::new(snapshot));
        // What comes next lies in files of its own, so that those before can go.
        Arc::make_mut(&mut self.metadata_log).roll(ctx.unix_ms());
        ctx.trace(Event::SnapshotCreated { end_offset, epoch, size_bytes });
        self.clean_metadata_log(ctx);
    }

    /// What is too old or too much goes: the oldest snapshot, and what the log has before the next one.
    fn clean_metadata_log(&mut self, ctx: &mut Ctx) {
        let now = ctx.unix_ms();
        let (bytes_max, age_max) =
            (self.config.max_metadata_retention_bytes, self.config.max_metadata_retention_ms);
        while let [oldest, next, ..] = self.snapshots.kept() {
            let of_snapshots: u64 = self.snapshots.kept.iter().map(|it| it.bytes().len() as u64).sum();
            let size = self.metadata_log.size_bytes() + of_snapshots;
            let is_old = age_max >= 0 && now.saturating_sub(oldest.log_timestamp_ms()) > age_max;
            if !is_old && size <= u64::try_from(bytes_max).unwrap_or(u64::MAX) {
                break;
            }
            let start = next.id().end_offset;
            self.snapshots.kept.remove(0);
            let log = Arc::make_mut(&mut self.metadata_log);
            if log.config().retention_ms >= 0 {
                log.set_config(Arc::new(LogConfig { retention_ms: -1, ..LogConfig::default() }));
            }
            if log.increment_log_start_offset(start).is_ok_and(|moved| moved) {
                log.delete_old_segments(now);
                let log_start_offset = log.log_start_offset();
                ctx.trace(Event::MetadataLogCleaned { log_start_offset });
            }
        }
    }

    pub(super) fn recover_metadata_log(&mut self) {
        if self.controller.is_in_process() {
            return;
        }
        let log = Arc::make_mut(&mut self.metadata_log);
        log.recover();
        if let (None, Some(snapshot)) = (log.latest_epoch(), self.snapshots.kept.last()) {
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
        self.snapshots.kept = vec![Arc::new(snapshot)];
        self.snapshots.bytes = 0;
        let entry = ctx.trace(Event::SnapshotLoaded { end_offset, epoch, size_bytes });
        let before = ctx.because(entry);
        self.apply_committed_metadata(ctx);
        ctx.because(before);
    }

    /// The image is the snapshot's; whatever differs from before is touched.
    #[inline(never)]
    pub(super) fn apply_snapshot(&mut self, touched: &mut Set<TopicPartition>, configured: &mut Configured) {
        let Some(snapshot) = self.snapshots.kept.first() else { return };
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
