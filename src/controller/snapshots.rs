//! Snapshots on a controller: made when enough of the log is committed, told to those who lack what the log
//! no longer has, fetched from the leader when this one is that far behind.
//!
//! A file counts when it is flushed: until then it is a part file, which the next start of the process removes.
//! Source: KIP-630.

use std::sync::Arc;

use crate::base::FlushKind;
use crate::controller::raft::State;
use crate::controller::{Asker, Controller, Ctx};
use crate::metadata::{
    CLUSTER_METADATA_TOPIC, Download, MetadataImage, Snapshot, SnapshotId, SnapshotLimits, Snapshots,
};
use crate::protocol::ErrorCode;
use crate::protocol::messages::fetch::{self, FetchPartition};
use crate::protocol::messages::fetch_snapshot::{
    FetchSnapshotRequest, FetchSnapshotResponse, LeaderIdAndEpoch, RequestPartitionSnapshot,
    RequestSnapshotId, RequestTopicSnapshot, ResponsePartitionSnapshot, ResponseSnapshotId,
    ResponseTopicSnapshot,
};
use crate::trace::Event;

/// The snapshot that is being written.
pub(super) const SNAPSHOT_FILE: u64 = 3;
/// No answer carries more of a snapshot (`MAX_FETCH_SNAPSHOT_BYTES` is 8 MiB).
const PART_BYTES: usize = 1 << 20;

/// The snapshots on a controller's disk, and one that is to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct OnDisk {
    /// Those that are whole and durable.
    whole: Snapshots,
    /// A part file. `true`: it comes from the leader and takes the log's place.
    writing: Option<(Arc<Snapshot>, bool)>,
    download: Option<Download>,
}

impl OnDisk {
    /// What the disk holds after the process died.
    pub(super) fn after_crash(&self) -> OnDisk {
        OnDisk { whole: self.whole.clone(), ..OnDisk::default() }
    }
}

impl Controller {
    /// The snapshots that its disk holds, oldest first.
    pub fn snapshots(&self) -> &[Arc<Snapshot>] {
        self.snapshots.whole.kept()
    }

    /// The log must have what follows the last snapshot: the power may have failed after a snapshot was
    /// flushed and before the log was.
    pub(super) fn recover_snapshots(&mut self, ctx: &Ctx) {
        self.snapshots.whole = Snapshots::found(self.snapshots().to_vec(), ctx.now());
        let Some(id) = self.snapshots.whole.latest().map(|latest| latest.id()) else { return };
        let log = Arc::make_mut(&mut self.log);
        if log.log_end_offset() < id.end_offset {
            log.truncate_fully_and_start_at(id.end_offset);
        }
        if log.latest_epoch().is_none() {
            log.assign_epoch_start(id.epoch);
        }
    }

    /// The metadata up to some offset of the log, from the latest snapshot before it and the log.
    pub(super) fn base_image(&self, end: i64) -> MetadataImage {
        self.snapshots.whole.base_image(end)
    }

    // ---- making ----

    fn snapshot_limits(&self) -> SnapshotLimits {
        SnapshotLimits {
            bytes_between: self.config.max_record_bytes_between_snapshots,
            interval_ms: self.config.max_snapshot_interval_ms,
            retention_bytes: self.config.max_retention_bytes,
            retention_ms: self.config.max_retention_ms,
        }
    }

    /// Records have been committed: time for a snapshot?
    pub(super) fn note_committed(&mut self, ctx: &mut Ctx, from: i64, to: i64) {
        let limits = self.snapshot_limits();
        let is_due = self.snapshots.whole.note(&self.log, from, to, ctx.now(), &limits);
        if is_due && self.snapshots.writing.is_none() {
            self.write_snapshot(ctx, to);
        }
        if self.snapshots().len() > 1 {
            for log_start_offset in self.snapshots.whole.clean(&mut self.log, ctx.unix_ms(), &limits) {
                ctx.trace(Event::MetadataLogCleaned { log_start_offset });
            }
        }
    }

    #[inline(never)]
    fn write_snapshot(&mut self, ctx: &mut Ctx, end: i64) {
        let image = self.image_at(end);
        let Some(snapshot) = self.snapshots.whole.make(&image, &self.log, ctx.now()) else { return };
        self.flush_snapshot(ctx, snapshot, false);
    }

    fn flush_snapshot(&mut self, ctx: &mut Ctx, snapshot: Snapshot, replaces_log: bool) {
        let position = u64::try_from(snapshot.id().end_offset).unwrap_or(0);
        self.snapshots.writing = Some((Arc::new(snapshot), replaces_log));
        ctx.flush(SNAPSHOT_FILE, position, FlushKind::Now);
    }

    /// The part file is durable: from now on it is a snapshot.
    #[inline(never)]
    pub(super) fn snapshot_flushed(&mut self, ctx: &mut Ctx, position: u64) {
        let Some((snapshot, replaces_log)) = self.snapshots.writing.take() else { return };
        let id = snapshot.id();
        if u64::try_from(id.end_offset) != Ok(position) {
            self.snapshots.writing = Some((snapshot, replaces_log));
            return;
        }
        let size_bytes = snapshot.bytes().len() as u64;
        if !replaces_log {
            self.snapshots.whole.add(snapshot, Arc::make_mut(&mut self.log), ctx.unix_ms());
            ctx.trace(Event::SnapshotCreated { end_offset: id.end_offset, epoch: id.epoch, size_bytes });
        } else if id.end_offset > self.log.high_watermark() {
            self.image = snapshot.image();
            self.snapshots.whole.load(snapshot, Arc::make_mut(&mut self.log));
            ctx.trace(Event::SnapshotLoaded { end_offset: id.end_offset, epoch: id.epoch, size_bytes });
        }
    }

    // ---- telling ----

    /// The snapshot with which somebody has to begin whose log ends before this one begins, or has parted
    /// from it there.
    pub(super) fn snapshot_for(&self, asked: &FetchPartition) -> Option<fetch::SnapshotId> {
        let start = self.log.log_start_offset();
        let oldest = self.snapshots().first()?.id();
        if start == 0 {
            return None;
        }
        let last = asked.last_fetched_epoch;
        let is_behind = asked.fetch_offset < start
            || (last >= 0 && last < oldest.epoch)
            || (asked.fetch_offset == start && last >= 0 && last != oldest.epoch);
        let SnapshotId { end_offset, epoch } = self.snapshots.whole.latest()?.id();
        is_behind.then_some(fetch::SnapshotId { end_offset, epoch })
    }

    #[inline(never)]
    pub(super) fn fetch_snapshot(&mut self, ctx: &mut Ctx, asker: Asker, request: &FetchSnapshotRequest) {
        let max = usize::try_from(request.max_bytes).unwrap_or(0).min(PART_BYTES);
        let topics = request.topics.iter().map(|topic| ResponseTopicSnapshot {
            name: topic.name.clone(),
            partitions: (topic.partitions.iter())
                .map(|asked| match &*topic.name {
                    CLUSTER_METADATA_TOPIC if asked.partition == 0 => self.snapshot_part(asked, max),
                    _ => ResponsePartitionSnapshot {
                        index: asked.partition,
                        error_code: ErrorCode::UnknownTopicOrPartition,
                        ..Default::default()
                    },
                })
                .collect(),
        });
        let response = FetchSnapshotResponse { topics: topics.collect(), ..Default::default() };
        self.answer(ctx, asker, &response);
    }

    fn snapshot_part(&self, asked: &RequestPartitionSnapshot, max: usize) -> ResponsePartitionSnapshot {
        let RequestSnapshotId { end_offset, epoch } = asked.snapshot_id;
        let (leader_id, leader_epoch) = self.leader_and_epoch();
        let mut part = ResponsePartitionSnapshot {
            index: asked.partition,
            error_code: self.leads_in(asked.current_leader_epoch),
            snapshot_id: ResponseSnapshotId { end_offset, epoch },
            current_leader: LeaderIdAndEpoch { leader_id, leader_epoch },
            ..Default::default()
        };
        if part.error_code != ErrorCode::None {
            return part;
        }
        let wanted = SnapshotId { end_offset, epoch };
        let Some(snapshot) = self.snapshots().iter().find(|snapshot| snapshot.id() == wanted) else {
            part.error_code = ErrorCode::SnapshotNotFound;
            return part;
        };
        let bytes = snapshot.bytes();
        match usize::try_from(asked.position).ok().filter(|position| *position < bytes.len()) {
            Some(position) => {
                part.size = bytes.len() as i64;
                part.position = asked.position;
                part.unaligned_records = bytes.slice(position..position.saturating_add(max).min(bytes.len()));
            }
            None => part.error_code = ErrorCode::PositionOutOfRange,
        }
        part
    }

    // ---- fetching ----

    /// The leader's log begins after this one ends: fetches the snapshot that the leader names.
    #[inline(never)]
    pub(super) fn begin_download(&mut self, ctx: &mut Ctx, id: &fetch::SnapshotId) {
        let id = SnapshotId { end_offset: id.end_offset, epoch: id.epoch };
        if id.end_offset <= self.log.high_watermark() || id.epoch < 0 {
            return;
        }
        self.snapshots.download = Some(Download::new(id, self.raft.epoch()));
        ctx.trace(Event::SnapshotFetched { end_offset: id.end_offset, epoch: id.epoch });
    }

    /// The part of a snapshot to ask the leader for; `Err` while one is being written.
    pub(super) fn wanted_part(&self) -> Result<Option<(SnapshotId, u64)>, ()> {
        if self.snapshots.writing.as_ref().is_some_and(|(_, replaces_log)| *replaces_log) {
            return Err(());
        }
        let download = self.snapshots.download.as_ref();
        let download = download.filter(|download| download.epoch == self.raft.epoch());
        Ok(download.map(|download| (download.id, download.position())))
    }

    /// The leader's answer. False when it is no use to ask again at once.
    #[inline(never)]
    pub(super) fn take_part(&mut self, ctx: &mut Ctx, epoch: i32, answer: FetchSnapshotResponse) -> bool {
        let data = answer.topics.into_iter().next().and_then(|topic| topic.partitions.into_iter().next());
        let Some(data) = data else { return false };
        let leader = data.current_leader;
        if self.learn(ctx, leader.leader_epoch, leader.leader_id) || epoch != self.raft.epoch() {
            return true;
        }
        let Some(mut download) = self.snapshots.download.take() else { return true };
        let is_it = data.snapshot_id.end_offset == download.id.end_offset
            && data.snapshot_id.epoch == download.id.epoch
            && download.epoch == epoch;
        if data.error_code != ErrorCode::None
            || !is_it
            || !matches!(self.raft.state(), State::Follower { .. })
        {
            return false;
        }
        self.raft.fetched(ctx.now());
        match download.take(data.position, data.size, data.unaligned_records) {
            Ok(None) => self.snapshots.download = Some(download),
            Ok(Some(snapshot)) => self.flush_snapshot(ctx, snapshot, true),
            Err(_) => return false,
        }
        true
    }
}

/// The request for a part of a snapshot.
#[inline(never)]
pub(super) fn snapshot_request(
    replica_id: i32,
    current_leader_epoch: i32,
    id: SnapshotId,
    position: u64,
) -> FetchSnapshotRequest {
    let SnapshotId { end_offset, epoch } = id;
    let partition = RequestPartitionSnapshot {
        partition: 0,
        current_leader_epoch,
        snapshot_id: RequestSnapshotId { end_offset, epoch },
        position: i64::try_from(position).unwrap_or(i64::MAX),
        ..Default::default()
    };
    let topic = RequestTopicSnapshot { name: CLUSTER_METADATA_TOPIC.into(), partitions: vec![partition] };
    FetchSnapshotRequest {
        replica_id,
        max_bytes: PART_BYTES as i32,
        topics: vec![topic],
        ..Default::default()
    }
}
