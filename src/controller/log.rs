//! The metadata log: appended, flushed, and only then told; brokers fetch it as observers.
//!
//! Source: KIP-595.

use std::sync::Arc;

use crate::base::{FlushKind, Rope, ms};
use crate::controller::quorum::NODE_ID;
use crate::controller::{Asker, Controller, ControllerTimer, Ctx, Observer, Waiting, encode};
use crate::protocol::messages::control_records::LeaderChangeMessage;
use crate::protocol::messages::fetch::{
    EpochEndOffset, FetchRequest, FetchResponse, FetchableTopicResponse, PartitionData,
};
use crate::protocol::messages::metadata_records::{FeatureLevelRecord, MetadataRecord};
use crate::protocol::wire::encode_prefixed;
use crate::protocol::{ErrorCode, Message};
use crate::storage::{AppendOrigin, BatchBuilder, BatchOptions, FetchIsolation};
use crate::trace::Event;

/// The log's only file.
const FILE: u64 = 1;
/// `metadata.version` of Apache Kafka 4.1.
const METADATA_VERSION: i16 = 27;
/// A batch takes no more records when it is as large as this.
const BATCH_BYTES: u32 = 256 * 1_024;
/// Key of a LeaderChange control record: version 0, type 2.
const LEADER_CHANGE_KEY: [u8; 4] = [0, 0, 0, 2];

impl Controller {
    pub(super) fn start(&mut self, ctx: &mut Ctx) {
        let log = Arc::make_mut(&mut self.log);
        log.recover();
        // A quorum of one: what is on its disk is committed.
        let end = log.log_end_offset();
        log.update_high_watermark(end);
        self.epoch = log.latest_epoch().unwrap_or(0) + 1;
        log.assign_epoch_start(self.epoch);
        self.rebuild_image();
        self.write_leader_change(ctx);
        if end == 0 {
            let level =
                FeatureLevelRecord { name: "metadata.version".into(), feature_level: METADATA_VERSION };
            self.write(ctx, vec![level.into()], Vec::new());
        }
        // Every broker gets a whole session to say that it is there.
        let brokers: Vec<i32> = self.image.brokers.keys().copied().collect();
        for broker in brokers {
            self.touch_session(ctx, broker);
        }
        self.plan_elections(ctx);
    }

    fn rebuild_image(&mut self) {
        for batch in self.log.batches_from(0).filter(|batch| !batch.is_control()) {
            for record in batch.records().filter_map(Result::ok) {
                if let Some(Ok(record)) = record.value.map(|value| MetadataRecord::decode(&value)) {
                    self.image.replay(&record);
                }
            }
        }
        self.image.end_offset = self.log.log_end_offset();
    }

    fn write_leader_change(&mut self, ctx: &mut Ctx) {
        let mut builder = BatchBuilder::new(BatchOptions { control: true, ..Default::default() });
        let change = LeaderChangeMessage { leader_id: NODE_ID, ..Default::default() };
        let value = encode_prefixed(*LeaderChangeMessage::VERSIONS.end(), &change);
        let pushed = value.is_ok_and(|value| {
            builder.try_push(ctx.unix_ms(), Some(&LEADER_CHANGE_KEY), Some(&value), &[]).is_ok()
        });
        if pushed {
            self.append(ctx, builder);
        }
    }

    fn append(&mut self, ctx: &mut Ctx, builder: BatchBuilder) {
        let now = ctx.unix_ms();
        let log = Arc::make_mut(&mut self.log);
        // Our own batches are well made; a log that refuses them stays as it is.
        if log.append_with_origin(&builder.build(), self.epoch, now, AppendOrigin::RaftLeader).is_ok() {
            self.image.end_offset = log.log_end_offset();
            if !self.flushing {
                self.flushing = true;
                ctx.flush(FILE, log.position(), FlushKind::Now);
            }
        }
        if self.config.max_idle_interval_ms > 0 {
            let idle = ms(u64::from(self.config.max_idle_interval_ms));
            ctx.set_timer(ControllerTimer::Idle, ctx.now() + idle);
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
                let until = self.log.position();
                self.waiting.push_back(Waiting { until, conn: asker.conn, info, bytes, events: Vec::new() });
            }
            None => ctx.close(asker.conn),
        }
    }

    /// The disk has it: committed. Answers leave, observers get the records.
    pub(super) fn flushed(&mut self, ctx: &mut Ctx, position: u64) {
        self.flushing = false;
        let log = Arc::make_mut(&mut self.log);
        log.mark_flushed(position);
        log.update_high_watermark(log.flushed_offset());
        if log.position() > position {
            self.flushing = true;
            ctx.flush(FILE, log.position(), FlushKind::Now);
        }
        while self.waiting.front().is_some_and(|waiting| waiting.until <= position) {
            if let Some(waiting) = self.waiting.pop_front() {
                ctx.send(waiting.conn, waiting.info, waiting.bytes);
            }
        }
        for id in self.fetches.keys().copied().collect::<Vec<_>>() {
            self.answer_fetch(ctx, id);
        }
    }

    pub(super) fn fetch(&mut self, ctx: &mut Ctx, asker: Asker, request: FetchRequest) {
        self.note_observer(ctx, &request);
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
    fn note_observer(&mut self, ctx: &mut Ctx, request: &FetchRequest) {
        let id = request.replica_state.replica_id.max(request.replica_id);
        let asked = request.topics.first().and_then(|topic| topic.partitions.first());
        let Some(asked) = asked.filter(|_| self.image.brokers.contains_key(&id)) else { return };
        let before = self.observers.get(&id).and_then(|observer| observer.caught_up);
        let now = ctx.now();
        let caught_up = if asked.fetch_offset >= self.log.log_end_offset() { Some(now) } else { before };
        let observer = Observer { log_end_offset: asked.fetch_offset, fetched: now, caught_up };
        self.observers.insert(id, observer);
    }

    pub(super) fn answer_fetch(&mut self, ctx: &mut Ctx, id: u64) {
        if let Some((asker, request)) = self.fetches.remove(&id) {
            ctx.cancel_timer(ControllerTimer::Fetch(id));
            let (response, _) = self.read(&request);
            self.answer(ctx, asker, &response);
        }
    }

    fn read(&self, request: &FetchRequest) -> (FetchResponse, bool) {
        let mut response = FetchResponse::default();
        let mut has_news = false;
        for topic in &request.topics {
            let partitions = topic.partitions.iter().map(|asked| {
                let mut data = PartitionData {
                    partition_index: asked.partition,
                    high_watermark: self.log.high_watermark(),
                    log_start_offset: self.log.log_start_offset(),
                    records: Some(Rope::default()),
                    ..Default::default()
                };
                let end = self.log.end_offset_for_epoch(asked.last_fetched_epoch);
                match end {
                    Some((epoch, end_offset))
                        if asked.last_fetched_epoch >= 0
                            && (end_offset < asked.fetch_offset || epoch < asked.last_fetched_epoch) =>
                    {
                        data.diverging_epoch = EpochEndOffset { epoch, end_offset };
                        has_news = true;
                        return data;
                    }
                    _ => {}
                }
                let max = u32::try_from(asked.partition_max_bytes).unwrap_or(0);
                match self.log.read(asked.fetch_offset, max, true, FetchIsolation::HighWatermark) {
                    Ok(info) => {
                        has_news |= !info.records.is_empty();
                        data.records = Some(info.records);
                    }
                    Err(_) => {
                        data.error_code = ErrorCode::OffsetOutOfRange;
                        has_news = true;
                    }
                }
                data
            });
            let partitions = partitions.collect();
            let (name, topic_id) = (topic.topic.clone(), topic.topic_id);
            response.responses.push(FetchableTopicResponse { topic: name, topic_id, partitions });
        }
        (response, has_news)
    }
}
