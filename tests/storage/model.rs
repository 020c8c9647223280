//! A log against a naive model of it: a list of batches.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use terrarium::protocol::TopicPartition;
use terrarium::storage::{
    BatchBuilder, BatchOptions, FetchIsolation, LogConfig, LogError, LogSegment, ProducerStateManager,
    RecordBatch, UnifiedLog, batches_in,
};

const NOW_MS: i64 = 1_000_000;

#[derive(Clone, Debug)]
enum Op {
    Append { records: u8, size: u16, timestamp: i64, producer: Option<i64> },
    AppendTwice { producer: i64 },
    Follow { batches: u8, torn: bool },
    NextEpoch,
    RaiseHighWatermark(f64),
    Truncate(f64),
    TruncateFully(u8),
    RaiseLogStart(f64),
    DeleteOld { retention_bytes: u16 },
    Roll,
    Flush(f64),
    Restart,
    PowerLoss { keep_torn: u16 },
    Corrupt(f64),
}

struct Model {
    log: UnifiedLog,
    epoch: i32,
    /// What the log holds, each batch with the log's position after it.
    held: Vec<(RecordBatch, u64)>,
    /// What producer state comes from: also batches that retention has deleted since.
    history: Vec<RecordBatch>,
    flushed: u64,
    log_start: i64,
    end: i64,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let part = 0.0..1.0f64;
    let op = prop_oneof![
        8 => (1..6u8, 0..300u16, 0..5_000i64, proptest::option::of(0..3i64))
            .prop_map(|(records, size, timestamp, producer)| Op::Append { records, size, timestamp, producer }),
        1 => (0..3i64).prop_map(|producer| Op::AppendTwice { producer }),
        3 => (1..4u8, any::<bool>()).prop_map(|(batches, torn)| Op::Follow { batches, torn }),
        1 => Just(Op::NextEpoch),
        3 => part.clone().prop_map(Op::RaiseHighWatermark),
        1 => part.clone().prop_map(Op::Truncate),
        1 => any::<u8>().prop_map(Op::TruncateFully),
        1 => part.clone().prop_map(Op::RaiseLogStart),
        1 => (0..4_000u16).prop_map(|retention_bytes| Op::DeleteOld { retention_bytes }),
        1 => Just(Op::Roll),
        2 => part.clone().prop_map(Op::Flush),
        1 => Just(Op::Restart),
        1 => (0..600u16).prop_map(|keep_torn| Op::PowerLoss { keep_torn }),
        1 => part.prop_map(Op::Corrupt),
    ];
    proptest::collection::vec(op, 1..60)
}

fn scaled(part: f64, from: i64, to: i64) -> i64 {
    from + ((to - from + 1) as f64 * part) as i64
}

impl Model {
    fn new() -> Model {
        let config = LogConfig {
            segment_bytes: 2_000,
            index_interval_bytes: 150,
            segment_index_bytes: 80,
            segment_ms: 4_000,
            retention_ms: -1,
            ..LogConfig::default()
        };
        let log = UnifiedLog::new(TopicPartition::new("t", 0), Arc::new(config));
        Model { log, epoch: 0, held: vec![], history: vec![], flushed: 0, log_start: 0, end: 0 }
    }

    fn batch(&self, records: u8, size: u16, timestamp: i64, producer: Option<i64>) -> Bytes {
        let known = producer.and_then(|id| self.log.producers().producer(id));
        let mut builder = BatchBuilder::new(BatchOptions {
            producer_id: producer.unwrap_or(-1),
            producer_epoch: if producer.is_some() { 0 } else { -1 },
            base_sequence: producer.map_or(-1, |_| known.map_or(0, |entry| entry.last_sequence() + 1)),
            ..BatchOptions::default()
        });
        for i in 0..i64::from(records) {
            builder.try_push(timestamp + i * 7 % 5, None, Some(&vec![b'x'; size as usize]), &[]).unwrap();
        }
        builder.build()
    }

    fn hold(&mut self, batch: RecordBatch, position: u64) {
        assert_eq!(batch.base_offset(), self.end, "dense");
        self.end = batch.next_offset();
        self.history.push(batch.clone());
        self.held.push((batch, position));
    }

    fn append(&mut self, bytes: &Bytes) {
        let (batch, _) = RecordBatch::parse(bytes).unwrap();
        let info = self.log.append_as_leader(bytes, self.epoch, NOW_MS).unwrap();
        assert!(!info.duplicate);
        assert_eq!((info.first_offset, info.count), (self.end, batch.count() as u32));
        let position = self.log.position();
        self.hold(batch.assign(self.end, self.epoch), position);
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Append { records, size, timestamp, producer } => {
                self.append(&self.batch(records, size, timestamp, producer));
            }
            Op::AppendTwice { producer } => self.append_twice(producer),
            Op::Follow { batches, torn } => self.follow(batches, torn),
            Op::NextEpoch => self.epoch += 1,
            Op::RaiseHighWatermark(part) => {
                let (old, to) = (self.log.high_watermark(), scaled(part, self.log_start, self.end));
                let to = self.boundary(to);
                assert_eq!(self.log.maybe_increment_high_watermark(to), (to > old).then_some(old));
            }
            Op::Truncate(part) => {
                let to = scaled(part, self.log_start, self.end);
                self.log.truncate_to(to);
                self.cut(to);
                self.log_start = self.log_start.min(self.end);
            }
            Op::TruncateFully(ahead) => {
                let to = self.end + i64::from(ahead);
                self.log.truncate_fully_and_start_at(to);
                self.restart_at(to);
            }
            Op::RaiseLogStart(part) => {
                let to = scaled(part, 0, self.end);
                match self.log.increment_log_start_offset(to) {
                    Ok(_) => self.log_start = self.log_start.max(to),
                    Err(_) => assert!(to > self.log.high_watermark()),
                }
            }
            Op::DeleteOld { retention_bytes } => self.delete_old(retention_bytes),
            Op::Roll => assert_eq!(self.log.roll(NOW_MS), self.end),
            Op::Flush(part) => {
                let to = self.boundary(scaled(part, self.log_start, self.end));
                let before = self.held.iter().rfind(|(batch, _)| batch.base_offset() < to);
                let position = self.log.position_of(to);
                assert!(before.is_none_or(|(_, held)| *held == position));
                self.log.mark_flushed(position);
                self.flushed = self.flushed.max(position);
            }
            Op::Restart => {
                let before = self.log.clone();
                let info = self.log.recover();
                assert_eq!((info.truncated_bytes, info.corrupt), (0, None));
                assert_eq!(self.log.producers(), before.producers());
                assert_eq!(self.log.high_watermark(), before.high_watermark());
            }
            Op::PowerLoss { keep_torn } => self.power_loss(keep_torn),
            Op::Corrupt(part) => self.corrupt(part),
        }
    }

    fn append_twice(&mut self, producer: i64) {
        let bytes = self.batch(2, 10, 100, Some(producer));
        self.append(&bytes);
        let first_offset = self.held.last().unwrap().0.base_offset();
        let again = self.log.append_as_leader(&bytes, self.epoch, NOW_MS).unwrap();
        assert!(again.duplicate);
        assert_eq!(again.first_offset, first_offset);
    }

    fn follow(&mut self, batches: u8, torn: bool) {
        let mut fetched = Vec::new();
        let mut end = self.end;
        let mut position = self.log.position();
        for i in 0..batches {
            let bytes = self.batch(i + 1, 50, 200, None);
            let batch = RecordBatch::parse(&bytes).unwrap().0.assign(end, self.epoch);
            end = batch.next_offset();
            position += u64::from(batch.size_bytes());
            fetched.extend_from_slice(batch.bytes());
            self.hold(batch, position);
        }
        if torn {
            fetched.extend_from_slice(&self.batch(1, 50, 200, None)[..70]);
        }
        let info = self.log.append_as_follower(&Bytes::from(fetched).into()).unwrap();
        assert_eq!(info.last_offset + 1, end);
    }

    fn delete_old(&mut self, retention_bytes: u16) {
        let mut config = (**self.log.config()).clone();
        config.retention_bytes = retention_bytes.into();
        self.log.set_config(Arc::new(config));
        let segments: Vec<LogSegment> = self.log.segments().cloned().collect();
        let start = self.log_start;
        // Segment after segment, as long as enough is left without it.
        let mut size = self.log.size_bytes();
        let mut expected = Vec::new();
        for segment in segments.iter().filter(|segment| !segment.is_empty()) {
            let enough = size - u64::from(segment.size_bytes()) >= u64::from(retention_bytes);
            let below_start = segment.next_offset() <= start && segment != segments.last().unwrap();
            if segment.next_offset() > self.log.high_watermark() || !(enough || below_start) {
                break;
            }
            size -= u64::from(segment.size_bytes());
            expected.push(segment.base_offset());
            self.log_start = self.log_start.max(segment.next_offset());
        }
        assert_eq!(self.log.delete_old_segments(NOW_MS), expected);
        let first = self.log.segments().next().unwrap().base_offset();
        self.held.retain(|(batch, _)| batch.base_offset() >= first);
    }

    fn power_loss(&mut self, keep_torn: u16) {
        let mut kept = self.flushed;
        let unflushed = self.held.iter().find(|(_, position)| *position > self.flushed);
        if let Some((batch, position)) = unflushed
            && u32::from(keep_torn) >= batch.size_bytes()
        {
            kept = *position;
        }
        let lost = self.held.iter().find(|(_, position)| *position > kept);
        let to = lost.map_or(self.end, |(batch, _)| batch.base_offset());
        let torn = to < self.end && kept == self.flushed && keep_torn > 0;
        assert_eq!(self.log.power_loss(keep_torn.into()), to..self.end);
        assert_eq!(self.log.append_as_leader(&Bytes::new(), 0, 0), Err(LogError::RecoveryNeeded));
        let info = self.log.recover();
        assert_eq!((info.corrupt.is_some(), info.truncated_bytes > 0), (torn, torn));
        self.flushed = self.log.position();
        self.cut(to);
        if to < self.log_start {
            self.restart_at(self.log_start);
        }
    }

    fn corrupt(&mut self, part: f64) {
        let Some(last) = self.log.size_bytes().checked_sub(1) else { return };
        let mut damaged = self.log.clone();
        let position = (last as f64 * part) as u64;
        let offset = damaged.corrupt_byte(position).unwrap();
        assert_ne!(damaged, self.log);
        // The leader epoch lies outside the CRC and has no second witness.
        let before = self.held.iter().filter(|(batch, _)| batch.base_offset() < offset);
        let before: u64 = before.map(|(batch, _)| u64::from(batch.size_bytes())).sum();
        let unseen = (12..16).contains(&(position - before));
        if offset >= self.log_start {
            let read = damaged.read(offset, 10_000, true, FetchIsolation::LogEnd);
            assert_eq!(read.is_ok(), unseen);
            assert!(unseen || matches!(read, Err(LogError::CorruptMessage(_))));
        }
        if damaged.flushed_offset() <= offset && !unseen {
            let info = damaged.recover();
            assert_eq!(info.corrupt.unwrap().base_offset, offset);
            assert_eq!(damaged.log_end_offset(), offset.max(self.log_start));
        }
    }

    fn cut(&mut self, to: i64) {
        if let Some((first, _)) = self.held.iter().find(|(batch, _)| batch.next_offset() > to) {
            self.end = first.base_offset();
        }
        self.held.retain(|(batch, _)| batch.next_offset() <= to);
        self.history.retain(|batch| batch.next_offset() <= to);
    }

    fn restart_at(&mut self, to: i64) {
        self.held.clear();
        self.history.clear();
        (self.log_start, self.end) = (to, to);
    }

    /// The beginning of the batch with this offset.
    fn boundary(&self, offset: i64) -> i64 {
        let holds = |(batch, _): &&(RecordBatch, u64)| batch.next_offset() > offset;
        self.held.iter().find(holds).map_or(self.end, |(batch, _)| batch.base_offset().max(self.log_start))
    }

    fn check(&self) {
        let log = &self.log;
        assert_eq!(log.log_end_offset(), self.end);
        self.log_start_is_right();
        assert!(self.log_start <= log.high_watermark() && log.high_watermark() <= self.end);
        let held: Vec<RecordBatch> = self.held.iter().map(|(batch, _)| batch.clone()).collect();
        let first = log.segments().next().unwrap().base_offset();
        assert_eq!(log.batches_from(first).collect::<Vec<_>>(), held);
        let size: u64 = held.iter().map(|batch| u64::from(batch.size_bytes())).sum();
        assert_eq!(log.size_bytes(), size);
        let unflushed = self.held.iter().find(|(_, position)| *position > self.flushed);
        let flushed_offset = unflushed.map_or(self.end, |(batch, _)| batch.base_offset());
        assert_eq!(log.flushed_offset(), flushed_offset);
        let mut producers = ProducerStateManager::default();
        self.history.iter().for_each(|batch| producers.update(batch));
        assert_eq!(log.producers(), &producers);
        self.check_reads(&held);
        self.check_times(&held);
        self.check_epochs(&held);
        log.segments().for_each(check_indexes);
    }

    fn log_start_is_right(&self) {
        assert_eq!(self.log.log_start_offset(), self.log_start);
    }

    fn check_reads(&self, held: &[RecordBatch]) {
        let log = &self.log;
        for isolation in [FetchIsolation::LogEnd, FetchIsolation::HighWatermark] {
            let bound = if isolation == FetchIsolation::LogEnd { self.end } else { log.high_watermark() };
            for offset in self.log_start..=self.end {
                for (max_bytes, min_one) in [(0, true), (400, false), (400, true), (5_000, true)] {
                    let read = log.read(offset, max_bytes, min_one, isolation).unwrap();
                    let visible = held.iter().find(|batch| batch.next_offset() > offset && offset < bound);
                    let visible = visible.filter(|batch| batch.next_offset() <= bound);
                    let visible = visible.filter(|batch| min_one || batch.size_bytes() <= max_bytes);
                    assert_eq!(read.first_offset, visible.map(RecordBatch::base_offset));
                    let whole: Vec<RecordBatch> = batches_in(&read.records).map(Result::unwrap).collect();
                    assert!(whole.len() <= 1 || read.records.len() <= max_bytes as usize);
                    assert!(whole.iter().all(|batch| held.contains(batch) && batch.next_offset() <= bound));
                }
            }
        }
        assert!(log.read(self.end + 1, 100, true, FetchIsolation::LogEnd).is_err());
        assert!(log.read(self.log_start - 1, 100, true, FetchIsolation::LogEnd).is_err());
    }

    fn check_times(&self, held: &[RecordBatch]) {
        let records = held.iter().flat_map(RecordBatch::records).map(Result::unwrap);
        let records: Vec<_> = records.filter(|record| record.offset >= self.log_start).collect();
        for timestamp in [0, 100, 201, 1_500, 3_000, 4_999, 6_000] {
            let first = records.iter().find(|record| record.timestamp >= timestamp);
            let expected = first.map(|record| (record.offset, record.timestamp));
            assert_eq!(self.log.offset_for_timestamp(timestamp), expected, "{timestamp}");
        }
    }

    fn check_epochs(&self, held: &[RecordBatch]) {
        if self.log_start == self.end {
            return;
        }
        for epoch in 0..=self.epoch {
            let of_epoch = held.iter().rfind(|batch| batch.partition_leader_epoch() <= epoch);
            let of_epoch = of_epoch.filter(|batch| batch.next_offset() > self.log_start);
            let later = held.iter().any(|batch| batch.partition_leader_epoch() > epoch);
            let expected = match of_epoch {
                Some(last) if later || last.partition_leader_epoch() == epoch => {
                    Some((last.partition_leader_epoch(), last.next_offset()))
                }
                Some(_) => None,
                None => Some((epoch, self.log_start)),
            };
            assert_eq!(self.log.end_offset_for_epoch(epoch), expected, "epoch {epoch}");
        }
    }
}

/// What the indexes lead to is what reading from the beginning would find.
fn check_indexes(segment: &LogSegment) {
    let entries: Vec<_> = segment.entries().iter().collect();
    for offset in segment.base_offset()..=segment.next_offset() {
        let linear = entries.iter().position(|entry| entry.batch().next_offset() > offset);
        assert_eq!(segment.find(offset), linear.unwrap_or(entries.len()));
    }
    for entry in segment.offset_index().entries() {
        let at = entries.iter().find(|batch| batch.position == entry.position).unwrap();
        assert_eq!(at.batch().last_offset() - segment.base_offset(), i64::from(entry.relative_offset));
    }
    for entry in segment.time_index().entries() {
        let to = segment.base_offset() + i64::from(entry.relative_offset);
        let before = entries.iter().filter(|batch| batch.batch().last_offset() <= to);
        assert_eq!(before.map(|batch| batch.batch().max_timestamp()).max(), Some(entry.timestamp));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_log_is_a_list_of_batches(ops in ops()) {
        let mut model = Model::new();
        for op in &ops {
            model.apply(op);
            model.check();
        }
    }
}
