//! A broker in one process with a controller: the voter's metadata log is its own, it fetches none.
//!
//! Source: KIP-631; in Kafka both roles of a process share one `KafkaRaftClient`.

use std::sync::Arc;

use crate::broker::shutdown::Shutdown;
use crate::broker::{Broker, Ctx};
use crate::metadata::{MetadataImage, Snapshot, Snapshots};
use crate::storage::UnifiedLog;

/// What the voter in the same process knows.
#[derive(Clone, Debug)]
pub struct VoterNews {
    /// The epoch that it is in.
    pub epoch: i32,
    /// Who leads in it, as far as it knows.
    pub leader: Option<i32>,
    /// Its log; what is below the high watermark is committed.
    pub log: Arc<UnifiedLog>,
    /// Its last snapshot.
    pub snapshot: Option<Arc<Snapshot>>,
}

impl Broker {
    /// The voter in the same process has more of the log, or has heard of another leader.
    #[inline(never)]
    pub fn hear_voter(&mut self, ctx: &mut Ctx, news: VoterNews) {
        if self.shutdown == Shutdown::Done {
            return;
        }
        self.metadata_log = news.log;
        self.snapshots = Snapshots::found(news.snapshot.into_iter().collect(), ctx.now());
        if self.metadata_log.log_end_offset() < self.image.end_offset {
            // What was applied was committed: the leader has lost its disk.
            self.image = MetadataImage::default();
        }
        if !self.controller.is_alone() {
            self.hear_of_leader(ctx, news.epoch, news.leader.unwrap_or(-1));
        }
        self.apply_committed_metadata(ctx);
        self.note_voter_caught_up(ctx);
        self.serve(ctx);
    }

    /// Its metadata are up to date when they tell of its own registration, and of all that the voter knows
    /// to be committed.
    pub(super) fn note_voter_caught_up(&mut self, ctx: &mut Ctx) {
        if self.controller.is_in_process() && self.has_metadata() {
            self.note_caught_up(ctx, self.metadata_log.high_watermark());
        }
    }
}
