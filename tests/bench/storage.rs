//! What the storage engine costs, beside what no storage engine can avoid: copying the bytes
//! once and computing their CRC once. `cargo bench --bench storage`.

use std::sync::Arc;

use bytes::Bytes;
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use terrarium::protocol::TopicPartition;
use terrarium::storage::{BatchBuilder, BatchOptions, FetchIsolation, LogConfig, RecordBatch, UnifiedLog};

/// Records of 100 bytes in a batch.
const BATCHES: &[i64] = &[1, 10, 100, 1_000];

fn main() {
    // glibc gives freed memory back to the system until it has seen a large block freed. Without this,
    // whichever measurement comes first would pay for page faults, and the others not.
    drop(black_box(vec![1_u8; 30 << 20]));
    divan::main();
}

fn build(records: i64) -> Bytes {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    for i in 0..records {
        let _ = builder.try_push(1_000 + i, Some(b"key-0001"), Some(&[b'v'; 92]), &[]);
    }
    builder.build()
}

fn log() -> UnifiedLog {
    UnifiedLog::new(TopicPartition::new("bench", 0), Arc::new(LogConfig::default()))
}

/// A log of ten thousand batches.
fn filled() -> UnifiedLog {
    let mut log = log();
    let batch = build(10);
    for _ in 0..10_000 {
        let _ = log.append_as_leader(&batch, 0, 1_000);
    }
    let end = log.log_end_offset();
    log.maybe_increment_high_watermark(end);
    log
}

/// So much is kept, then dropped: memory that is touched for the first time has its price.
const KEPT_BYTES: u64 = 1 << 22;

/// The floor for [`append`]: one copy, which is kept, and one checksum.
#[divan::bench(args = BATCHES, sample_count = 1_000)]
fn append_floor(bencher: Bencher, records: i64) {
    let batch = build(records);
    let mut kept: Vec<Vec<u8>> = Vec::new();
    bencher.counter(BytesCount::new(batch.len())).bench_local(|| {
        if (kept.len() * batch.len()) as u64 > KEPT_BYTES {
            kept.clear();
        }
        kept.push(black_box(&batch[..]).to_vec());
        crc32c::crc32c(&batch[21..])
    });
}

/// Parse, check CRC and every record, assign offsets, index, append.
#[divan::bench(args = BATCHES, sample_count = 1_000)]
fn append(bencher: Bencher, records: i64) {
    let batch = build(records);
    let mut log = log();
    bencher.counter(BytesCount::new(batch.len())).bench_local(|| {
        if log.size_bytes() > KEPT_BYTES {
            let end = log.log_end_offset();
            log.truncate_fully_and_start_at(end);
        }
        log.append_as_leader(black_box(&batch), 0, 1_000)
    });
}

#[divan::bench(args = BATCHES, sample_count = 1_000)]
fn append_as_follower(bencher: Bencher, records: i64) {
    let batch = RecordBatch::parse(&build(records)).map(|(batch, _)| batch);
    let mut log = log();
    let size = batch.as_ref().map_or(0, RecordBatch::size_bytes);
    bencher
        .counter(BytesCount::new(size))
        .with_inputs(|| batch.as_ref().map(|batch| batch.bytes().clone()).unwrap_or_default())
        .bench_local_values(|bytes| {
            log.truncate_fully_and_start_at(0);
            log.append_as_follower(&bytes.into())
        });
}

#[divan::bench(args = BATCHES, sample_count = 1_000)]
fn encode(bencher: Bencher, records: i64) {
    bencher.counter(ItemsCount::new(records as u64)).bench(|| build(black_box(records)));
}

#[divan::bench(args = BATCHES, sample_count = 1_000)]
fn decode(bencher: Bencher, records: i64) {
    let bytes = build(records);
    bencher.counter(ItemsCount::new(records as u64)).bench(|| {
        let batch = RecordBatch::parse(black_box(&bytes)).map(|(batch, _)| batch);
        batch.map(|batch| batch.records().map(black_box).count())
    });
}

/// A mebibyte from somewhere in the log.
#[divan::bench]
fn read_a_mebibyte(bencher: Bencher) {
    let log = filled();
    bencher
        .counter(BytesCount::new(1_u64 << 20))
        .bench(|| log.read(black_box(50_005), 1 << 20, true, FetchIsolation::HighWatermark));
}

#[divan::bench]
fn read_one_batch(bencher: Bencher) {
    let log = filled();
    bencher.bench(|| log.read(black_box(50_005), 0, true, FetchIsolation::HighWatermark));
}

/// What a snapshot of the world pays for each log.
#[divan::bench]
fn clone(bencher: Bencher) {
    let log = filled();
    bencher.bench(|| black_box(&log).clone());
}

/// The first append after a snapshot, which must leave the snapshot alone.
#[divan::bench]
fn append_after_clone(bencher: Bencher) {
    let log = filled();
    let batch = build(10);
    bencher.with_inputs(|| log.clone()).bench_values(|mut log| {
        let appended = log.append_as_leader(&batch, 0, 1_000);
        (log, appended)
    });
}
