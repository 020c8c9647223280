//! The snapshots on a disk: when the next one is due, and which of them and how much of the log before them
//! may go (KIP-630). A voter keeps its metadata log with these, and a broker its copy of it.

use std::sync::Arc;

use crate::base::{SimTime, ms};
use crate::metadata::{MetadataImage, Snapshot, SnapshotId};
use crate::storage::{LogConfig, UnifiedLog};

/// What a node's configuration says of the metadata log.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotLimits {
    /// `metadata.log.max.record.bytes.between.snapshots`.
    pub bytes_between: i64,
    /// `metadata.log.max.snapshot.interval.ms`; 0 for no snapshots by time.
    pub interval_ms: u32,
    /// `metadata.max.retention.bytes`; -1 for any size.
    pub retention_bytes: i64,
    /// `metadata.max.retention.ms`; -1 for ever.
    pub retention_ms: i64,
}

/// The snapshots of the metadata on one disk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshots {
    /// Oldest first: with it the log begins, when that is not the beginning.
    kept: Vec<Arc<Snapshot>>,
    /// Bytes of records since the last one.
    bytes: u64,
    /// When the last one was made.
    since: SimTime,
}

impl Snapshots {
    /// What a disk holds, for a process that starts now.
    pub fn found(kept: Vec<Arc<Snapshot>>, now: SimTime) -> Snapshots {
        Snapshots { kept, bytes: 0, since: now }
    }

    /// All that are whole and durable, oldest first.
    pub fn kept(&self) -> &[Arc<Snapshot>] {
        &self.kept
    }

    /// The last one.
    pub fn latest(&self) -> Option<&Arc<Snapshot>> {
        self.kept.last()
    }

    /// The image to begin with, for what the log says before `end`.
    pub fn base_image(&self, end: i64) -> MetadataImage {
        let base = self.kept.iter().rev().find(|snapshot| snapshot.id().end_offset <= end);
        base.map_or_else(MetadataImage::default, |snapshot| snapshot.image())
    }

    /// Records of the log were committed (on a broker: applied). `true`: a snapshot is due.
    pub fn note(
        &mut self,
        log: &UnifiedLog,
        from: i64,
        to: i64,
        now: SimTime,
        limits: &SnapshotLimits,
    ) -> bool {
        let noted = log.batches_from(from).take_while(|batch| batch.base_offset() < to);
        self.bytes += noted.map(|batch| u64::from(batch.size_bytes())).sum::<u64>();
        let enough = self.bytes >= u64::try_from(limits.bytes_between).unwrap_or(0).max(1);
        let interval = u64::from(limits.interval_ms);
        enough || (interval > 0 && now.since(self.since) >= ms(interval))
    }

    /// The snapshot of an image of what the log says: what is due is due anew from here. `None` when the log
    /// lacks the image's last record.
    #[inline(never)]
    pub fn make(&mut self, image: &MetadataImage, log: &UnifiedLog, now: SimTime) -> Option<Snapshot> {
        (self.bytes, self.since) = (0, now);
        let last = log.batch_at(image.end_offset - 1)?;
        Some(Snapshot::of(image, last.partition_leader_epoch(), last.max_timestamp()))
    }

    /// A snapshot is durable. What comes next lies in files of its own, so that those before can go.
    pub fn add(&mut self, snapshot: Arc<Snapshot>, log: &mut UnifiedLog, unix_ms: i64) {
        self.kept.push(snapshot);
        log.roll(unix_ms);
    }

    /// A snapshot takes the place of the log and of all before: the log goes on behind it.
    #[inline(never)]
    pub fn load(&mut self, snapshot: Arc<Snapshot>, log: &mut UnifiedLog) {
        let SnapshotId { end_offset, epoch } = snapshot.id();
        log.truncate_fully_and_start_at(end_offset);
        log.assign_epoch_start(epoch);
        log.update_high_watermark(end_offset);
        self.kept = vec![snapshot];
        self.bytes = 0;
    }

    /// What is too old or too much goes: the oldest snapshots, and what the log has before the next one.
    /// Returns where the log began, each time that it began later.
    #[inline(never)]
    pub fn clean(&mut self, log: &mut Arc<UnifiedLog>, unix_ms: i64, limits: &SnapshotLimits) -> Vec<i64> {
        let most = u64::try_from(limits.retention_bytes).unwrap_or(u64::MAX);
        let mut starts = Vec::new();
        while let [oldest, next, ..] = &self.kept[..] {
            let age = unix_ms.saturating_sub(oldest.log_timestamp_ms());
            let is_old = limits.retention_ms >= 0 && age > limits.retention_ms;
            let of_snapshots: u64 = self.kept.iter().map(|snapshot| snapshot.bytes().len() as u64).sum();
            if !is_old && log.size_bytes() + of_snapshots <= most {
                break;
            }
            let start = next.id().end_offset;
            self.kept.remove(0);
            let log = Arc::make_mut(log);
            // Files go whole, and a log begins where a snapshot ends.
            if log.config().retention_ms >= 0 {
                log.set_config(Arc::new(LogConfig { retention_ms: -1, ..LogConfig::default() }));
            }
            if log.increment_log_start_offset(start).is_ok_and(|moved| moved) {
                log.delete_old_segments(unix_ms);
                starts.push(log.log_start_offset());
            }
        }
        starts
    }
}
