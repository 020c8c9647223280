//! Snapshots on a controller: made when enough of the log is committed, told to those who lack what the log
//! no longer has, fetched from the leader when this one is that far behind.
//!
//! A file counts when it is flushed: until then it is a part file, which the next start of the process removes.
//! Source: KIP-630.

use std::sync::Arc;

use crate::base::{FlushKind, SimTime, ms};
use crate::controller::raft::State;
use crate::controller::{Asker, Controller, Ctx};
use crate::metadata::{CLUSTER_METADATA_TOPIC, Download, MetadataImage, Snapshot, SnapshotId};
use crate::protocol::ErrorCode;
use crate::protocol::messages::fetch::{self, FetchPartition};
use crate::protocol::messages::fetch_snapshot::{
    FetchSnapshotRequest, FetchSnapshotResponse, LeaderIdAndEpoch, RequestPartitionSnapshot,
    RequestSnapshotId, RequestTopicSnapshot, ResponsePartitionSnapshot, ResponseSnapshotId,
    ResponseTopicSnapshot,
};
use crate::storage::LogConfig;
use crate::trace::Event;

/// The snapshot that is being written.
pub(super) const SNAPSHOT_FILE: u64 = 3;
/// No answer carries more of a snapshot (`MAX_FETCH_SNAPSHOT_BYTES` is 8 MiB).
const PART_BYTES: usize = 1 << 20;

/// The snapshots on a controller's disk.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Snapshots {
    /// Those that are whole and durable, oldest first.
    kept: Vec<Arc<Snapshot>>,
    /// A part file. `true`: it comes from the leader and takes the log's place.
    writing: Option<(Arc<Snapshot>, bool)>,
    download: Option<Download>,
    /// Bytes committed since the last one.
    bytes: u64,
    /// When the last one was made.
    since: SimTime,
}

impl Snapshots {
    /// What the disk holds after the process died.
    pub(super) fn after_crash(&self) -> Snapshots {
        Snapshots { kept: self.kept.clone(), ..Snapshots::default() }
    }

    fn latest(&self) -> Option<&Arc<Snapshot>> {
        self.kept.last()
    }
}

impl Controller {
    /// The snapshots that its disk holds, oldest first.
    pub fn snapshots(&self) -> &[Arc<Snapshot>] {
        &self.snapshots.kept
    }

    /// The log must have what follows the last snapshot: the power may have failed after a snapshot was
    /// flushed and before the log was.
    pub(super) fn recover_snapshots(&mut self, ctx: &Ctx) {
        self.snapshots.since = ctx.now();
        let Some(id) = self.snapshots.latest().map(|latest| latest.id()) else { return };
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
        let base = self.snapshots.kept.iter().rev().find(|snapshot| snapshot.id().end_offset <= end);
        base.map_or_else(MetadataImage::default, |snapshot| snapshot.image())
    }

    // ---- making ----

    /// Records have been committed: time for a snapshot?
    pub(super) fn note_committed(&mut self, ctx: &mut Ctx, from: i64, to: i64) {
        let committed = self.log.batches_from(from).take_while(|batch| batch.base_offset() < to);
        self.snapshots.bytes += committed.map(|batch| u64::from(batch.size_bytes())).sum::<u64>();
        let most = u64::try_from(self.config.max_record_bytes_between_snapshots).unwrap_or(0);
        let enough = self.snapshots.bytes >= most.max(1);
        let interval = u64::from(self.config.max_snapshot_interval_ms);
        let late = interval > 0 && ctx.now().since(self.snapshots.since) >= ms(interval);
        if (enough || late) && self.snapshots.writing.is_none() {
            self.write_snapshot(ctx, to);
        }
        if self.snapshots.kept.len() > 1 {
            self.clean_log(ctx);
        }
    }

    #[inline(never)]
    fn write_snapshot(&mut self, ctx: &mut Ctx, end: i64) {
        (self.snapshots.bytes, self.snapshots.since) = (0, ctx.now());
        let Some(last) = self.log.batch_at(end - 1) else { return };
        let image = self.image_at(end);
        let snapshot = Snapshot::of(&image, last.partition_leader_epoch(), last.max_timestamp());
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
            self.snapshots.kept.push(snapshot);
            // What comes next lies in files of its own, so that those before can go.
            Arc::make_mut(&mut self.log).roll(ctx.unix_ms());
            ctx.trace(Event::SnapshotCreated { end_offset: id.end_offset, epoch: id.epoch, size_bytes });
        } else if id.end_offset > self.log.high_watermark() {
            self.load_snapshot(&snapshot);
            ctx.trace(Event::SnapshotLoaded { end_offset: id.end_offset, epoch: id.epoch, size_bytes });
        }
    }

    /// The log begins anew behind the snapshot.
    fn load_snapshot(&mut self, snapshot: &Arc<Snapshot>) {
        let id = snapshot.id();
        let log = Arc::make_mut(&mut self.log);
        log.truncate_fully_and_start_at(id.end_offset);
        log.assign_epoch_start(id.epoch);
        log.update_high_watermark(id.end_offset);
        self.image = snapshot.image();
        self.snapshots.kept = vec![Arc::clone(snapshot)];
        self.snapshots.bytes = 0;
    }

    /// What is too old or too much goes: the oldest snapshot, and what the log has before the next one.
    #[inline(never)]
    fn clean_log(&mut self, ctx: &mut Ctx) {
        let now = ctx.unix_ms();
        let size = |it: &Controller| {
            let of_snapshots = it.snapshots.kept.iter().map(|snapshot| snapshot.bytes().len() as u64);
            it.log.size_bytes() + of_snapshots.sum::<u64>()
        };
        while let [oldest, next, ..] = &self.snapshots.kept[..] {
            let age = now.saturating_sub(oldest.log_timestamp_ms());
            let is_old = (self.config.max_retention_ms >= 0) && age > self.config.max_retention_ms;
            let limit = u64::try_from(self.config.max_retention_bytes).unwrap_or(u64::MAX);
            if !is_old && size(self) <= limit {
                break;
            }
            let start = next.id().end_offset;
            self.snapshots.kept.remove(0);
            let log = Arc::make_mut(&mut self.log);
            if log.config().retention_ms >= 0 {
                log.set_config(Arc::new(LogConfig { retention_ms: -1, ..LogConfig::default() }));
            }
            if log.increment_log_start_offset(start).is_ok_and(|moved| moved) {
                log.delete_old_segments(now);
                // Files go whole, and a log begins where a snapshot ends.
                let log_start_offset = log.log_start_offset();
                ctx.trace(Event::MetadataLogCleaned { log_start_offset });
            }
        }
    }

    // ---- telling ----

    /// The snapshot with which somebody has to begin whose log ends before this one begins, or has parted
    /// from it there.
    pub(super) fn snapshot_for(&self, asked: &FetchPartition) -> Option<fetch::SnapshotId> {
        let start = self.log.log_start_offset();
        let oldest = self.snapshots.kept.first()?.id();
        if start == 0 {
            return None;
        }
        let last = asked.last_fetched_epoch;
        let is_behind = asked.fetch_offset < start
            || (last >= 0 && last < oldest.epoch)
            || (asked.fetch_offset == start && last >= 0 && last != oldest.epoch);
        let SnapshotId { end_offset, epoch } = self.snapshots.latest()?.id();
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
        let Some(snapshot) = self.snapshots.kept.iter().find(|snapshot| snapshot.id() == wanted) else {
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
