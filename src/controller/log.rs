//! The metadata log: appended, flushed, copied by a majority, and only then told.
//!
//! Source: KIP-595.

use std::sync::Arc;

use crate::base::{FlushKind, ms};
use crate::controller::raft::LogEnd;
use crate::controller::snapshots::SNAPSHOT_FILE;
use crate::controller::voting::{QUORUM_FILE, moment};
use crate::controller::{Asker, Controller, ControllerTimer, Ctx, Waiting, encode};
use crate::metadata::MetadataImage;
use crate::protocol::Message;
use crate::protocol::messages::control_records::{LeaderChangeMessage, Voter};
use crate::protocol::messages::metadata_records::MetadataRecord;
use crate::storage::{AppendOrigin, BatchBuilder, BatchOptions};
use crate::trace::{Event, Offsets, Role};

/// The log's only file.
const FILE: u64 = 1;
/// A batch takes no more records when it is as large as this.
const BATCH_BYTES: u32 = 256 * 1_024;
/// Key of a LeaderChange control record: version 0, type 2.
const LEADER_CHANGE_KEY: [u8; 4] = [0, 0, 0, 2];

impl Controller {
    pub(super) fn start(&mut self, ctx: &mut Ctx) {
        let log = Arc::make_mut(&mut self.log);
        log.recover();
        self.recover_snapshots(ctx);
        let log = Arc::make_mut(&mut self.log);
        let end = log.log_end_offset();
        // How far it is committed, only a leader of several can say.
        let alone = self.raft.voters().alone().is_some();
        log.update_high_watermark(if alone { end } else { 0 });
        self.raft.start(&mut moment(ctx), self.log_end());
        if alone {
            self.replay_to(end);
            self.active = true;
            self.begin_epoch(ctx);
            self.take_over(ctx);
        } else if self.log.unflushed_messages() > 0 {
            // What only the page cache has does not count yet.
            self.flush(ctx);
        }
    }

    pub(super) fn log_end(&self) -> LogEnd {
        LogEnd { epoch: self.log.latest_epoch().unwrap_or(0), offset: self.log.log_end_offset() }
    }

    /// Replays what the image does not have yet, up to an offset.
    fn replay_to(&mut self, end: i64) {
        if self.image.end_offset == 0 {
            self.image = self.base_image(end);
        }
        self.image.catch_up(&self.log, end);
    }

    /// The metadata up to an offset, whatever has been decided since.
    pub(super) fn image_at(&self, end: i64) -> MetadataImage {
        let mut image = self.base_image(end);
        image.catch_up(&self.log, end);
        image
    }

    /// Elected: an epoch begins with a record that says so. What is before it is committed as soon as
    /// that is.
    pub(super) fn begin_epoch(&mut self, ctx: &mut Ctx) {
        let epoch = self.raft.epoch();
        self.leading = Some(epoch);
        Arc::make_mut(&mut self.log).assign_epoch_start(epoch);
        let mut builder = BatchBuilder::new(BatchOptions { control: true, ..Default::default() });
        let version = *LeaderChangeMessage::VERSIONS.end();
        let mut change = LeaderChangeMessage { version, leader_id: self.raft.me(), ..Default::default() };
        if self.raft.voters().alone().is_none() {
            let voter = |id: i32| Voter { voter_id: id, ..Default::default() };
            change.voters = self.raft.voters().iter().map(|it| voter(it.id)).collect();
        }
        let pushed = change.encode(version).is_ok_and(|value| {
            builder.try_push(ctx.unix_ms(), Some(&LEADER_CHANGE_KEY), Some(&value), &[]).is_ok()
        });
        if pushed {
            self.append(ctx, builder);
        }
    }

    /// Everything before is committed and replayed: it decides from now on.
    fn take_over(&mut self, ctx: &mut Ctx) {
        self.active = true;
        if self.raft.voters().alone().is_none() {
            let (epoch, offset) = (self.raft.epoch(), self.image.end_offset);
            ctx.trace(Event::ControllerActivated { epoch, offset });
            self.plan_idle(ctx);
        }
        if self.image.features.is_empty() {
            self.write(ctx, self.first_records(), Vec::new());
        }
        // Every broker gets a whole session to say that it is there.
        let brokers: Vec<i32> = self.image.brokers.keys().copied().collect();
        for broker in brokers {
            self.touch_session(ctx, broker);
        }
        self.plan_elections(ctx);
    }

    /// It leads no more. What was not committed may never be, so it is as if it had not been decided;
    /// who waits for an answer is hung up on and asks again, since it may have been.
    pub(super) fn step_down(&mut self, ctx: &mut Ctx) {
        self.leading = None;
        if std::mem::take(&mut self.active) {
            for broker in std::mem::take(&mut self.sessions).into_keys() {
                ctx.cancel_timer(ControllerTimer::Session(broker));
            }
            ctx.cancel_timer(ControllerTimer::Idle);
            ctx.cancel_timer(ControllerTimer::Rebalance);
            ctx.cancel_timer(ControllerTimer::UncleanElection);
            self.go_back();
        }
        self.observers.clear();
        self.heard.clear();
        self.shutdowns.clear();
        let mut closed = Vec::new();
        for waiting in std::mem::take(&mut self.waiting) {
            if !closed.contains(&waiting.conn) {
                closed.push(waiting.conn);
                ctx.close(waiting.conn);
            }
        }
        self.fetches.retain(|_, (asker, _)| !closed.contains(&asker.conn));
        for id in self.fetches.keys().copied().collect::<Vec<_>>() {
            self.answer_fetch(ctx, id);
        }
    }

    /// The image is again what is committed.
    pub(super) fn go_back(&mut self) {
        self.image = Default::default();
        self.replay_to(self.log.high_watermark());
    }

    fn append(&mut self, ctx: &mut Ctx, builder: BatchBuilder) {
        let now = ctx.unix_ms();
        let epoch = self.raft.epoch();
        let log = Arc::make_mut(&mut self.log);
        // Our own batches are well made; a log that refuses them stays as it is.
        if log.append_with_origin(&builder.build(), epoch, now, AppendOrigin::RaftLeader).is_ok() {
            if self.active {
                self.image.end_offset = log.log_end_offset();
            }
            self.flush(ctx);
        }
        self.plan_idle(ctx);
    }

    fn plan_idle(&self, ctx: &mut Ctx) {
        if self.active && self.config.max_idle_interval_ms > 0 {
            let idle = ms(u64::from(self.config.max_idle_interval_ms));
            ctx.set_timer(ControllerTimer::Idle, ctx.now() + idle);
        }
    }

    pub(super) fn flush(&mut self, ctx: &mut Ctx) {
        if !self.flushing {
            self.flushing = true;
            ctx.flush(FILE, self.log.position(), FlushKind::Now);
        }
    }

    /// Appends and replays records; `events` are told when they are committed.
    pub(super) fn write(&mut self, ctx: &mut Ctx, records: Vec<MetadataRecord>, events: Vec<Event>) {
        let mut builder = BatchBuilder::new(BatchOptions::default());
        let now = ctx.unix_ms();
        for record in &records {
            let Ok(value) = record.encode() else { continue };
            if builder.size_bytes() > BATCH_BYTES {
                let full = std::mem::replace(&mut builder, BatchBuilder::new(BatchOptions::default()));
                self.append(ctx, full);
            }
            if builder.try_push(now, None, Some(&value), &[]).is_ok() {
                self.image.replay(record);
            }
        }
        if builder.count() > 0 {
            self.append(ctx, builder);
        }
        for event in events {
            ctx.trace(event);
        }
    }

    /// Writes records and answers as soon as they are committed.
    pub(super) fn write_and_answer<M: Message>(
        &mut self,
        ctx: &mut Ctx,
        asker: Asker,
        records: Vec<MetadataRecord>,
        response: &M,
        events: Vec<Event>,
    ) {
        if records.is_empty() {
            return self.answer(ctx, asker, response);
        }
        self.write(ctx, records, events);
        match encode(asker, response) {
            Some((info, bytes)) => {
                let until = self.log.log_end_offset();
                self.waiting.push_back(Waiting { until, conn: asker.conn, info, bytes });
            }
            None => ctx.close(asker.conn),
        }
    }

    /// A disk has what it was asked for.
    pub(super) fn flushed(&mut self, ctx: &mut Ctx, file: u64, position: u64) {
        match file {
            QUORUM_FILE => return self.raft.store_mut().flushed(position),
            SNAPSHOT_FILE => return self.snapshot_flushed(ctx, position),
            _ => {}
        }
        self.flushing = false;
        let log = Arc::make_mut(&mut self.log);
        log.mark_flushed(position);
        if log.position() > position {
            self.flush(ctx);
        }
        self.advance_high_watermark(ctx);
    }

    /// As the leader sees it: what a majority of disks has.
    pub(super) fn advance_high_watermark(&mut self, ctx: &mut Ctx) {
        let own = self.log.flushed_offset();
        if let Some(committed) = self.raft.leadership().and_then(|leadership| leadership.committed(own)) {
            self.commit(ctx, committed, Role::Leader);
        }
    }

    /// Records before this offset are committed: answers leave, observers get the records.
    pub(super) fn commit(&mut self, ctx: &mut Ctx, to: i64, role: Role) {
        let Some(from) = Arc::make_mut(&mut self.log).maybe_increment_high_watermark(to) else { return };
        let to = self.log.high_watermark();
        let before = ctx.cause();
        if self.raft.voters().alone().is_none() {
            let (epoch, offsets) = (self.raft.epoch(), Offsets { from, to });
            let entry = ctx.trace(Event::MetadataCommitted { role, epoch, offsets });
            ctx.because(entry);
        }
        if !self.active {
            self.replay_to(to);
            if self.leading.is_some() {
                self.take_over(ctx);
            }
        }
        while self.waiting.front().is_some_and(|waiting| waiting.until <= to) {
            if let Some(waiting) = self.waiting.pop_front() {
                ctx.send(waiting.conn, waiting.info, waiting.bytes);
            }
        }
        self.note_committed(ctx, from, to);
        self.answer_fetches(ctx);
        ctx.because(before);
    }
}
