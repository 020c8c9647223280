//! Random and mutated bytes: nothing panics, nothing grows beyond its input.

use std::sync::Arc;

use bytes::Bytes;
use terrarium::base::Rng;
use terrarium::protocol::TopicPartition;
use terrarium::storage::{
    BatchBuilder, BatchOptions, Compression, FetchIsolation, LogConfig, RecordBatch, RecordHeader,
    UnifiedLog, batches, batches_in, dissect,
};

fn a_batch(rng: &mut Rng) -> Vec<u8> {
    let mut builder = BatchBuilder::new(BatchOptions {
        producer_id: rng.between(0, 4) as i64 - 1,
        producer_epoch: rng.below(3) as i16,
        base_sequence: rng.below(4) as i32,
        compression: match rng.below(8) {
            codec @ 0..4 => Compression::CODECS[codec as usize],
            _ => Compression::None,
        },
        ..BatchOptions::default()
    });
    for i in 0..rng.between(1, 6) {
        let content = vec![b'x'; rng.below(40) as usize];
        let key = rng.chance(1, 2).then_some(&content[..content.len() / 2]);
        let headers = [RecordHeader::new("h", rng.chance(1, 2).then(|| Bytes::from_static(b"v")))];
        let headers = &headers[..rng.below(2) as usize];
        builder.try_push(1_000 + i as i64, key, Some(&content), headers).unwrap();
    }
    builder.build().to_vec()
}

/// Bytes that are nearly a batch, often with a CRC that is right all the same.
fn nearly_a_batch(rng: &mut Rng) -> Bytes {
    let mut bytes = a_batch(rng);
    for _ in 0..rng.below(4) {
        let at = rng.below(bytes.len() as u64) as usize;
        bytes[at] = if rng.chance(1, 2) { rng.next_u64() as u8 } else { bytes[at] ^ (1 << rng.below(8)) };
    }
    match rng.below(6) {
        0 => bytes.truncate(rng.below(bytes.len() as u64 + 1) as usize),
        1 => bytes.extend_from_slice(&a_batch(rng)),
        2 => bytes.extend((0..rng.below(30)).map(|i| i as u8)),
        _ => {}
    }
    if rng.chance(2, 3) && bytes.len() > 61 {
        let crc = terrarium::base::crc32c(&bytes[21..]);
        bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    }
    bytes.into()
}

fn exercise(log: &mut UnifiedLog, bytes: &Bytes) {
    for batch in batches(bytes).flatten() {
        assert!(batch.size_bytes() as usize <= bytes.len());
        let opened = batch.record_bytes().map_or(0, |opened| opened.len());
        assert!(batch.records().count() <= opened + 1);
        let _ = (batch.last_offset(), batch.last_sequence(), batch.compression(), batch.assign(5, 1));
    }
    let spans = dissect(bytes);
    assert!(spans.len() <= 2 * bytes.len() + 1);
    assert!(spans.iter().all(|span| span.start <= span.end && span.end as usize <= bytes.len()));
    let end = log.log_end_offset();
    match log.append_as_leader(bytes, 0, 1_000) {
        Ok(info) if !info.duplicate => assert_eq!(info.last_offset + 1, log.log_end_offset()),
        _ => assert_eq!(log.log_end_offset(), end),
    }
    let end = log.log_end_offset();
    if log.append_as_follower(&bytes.clone().into()).is_err() {
        assert_eq!(log.log_end_offset(), end);
    }
}

fn small_log() -> UnifiedLog {
    let config = LogConfig { segment_bytes: 2_000, index_interval_bytes: 200, ..LogConfig::default() };
    UnifiedLog::new(TopicPartition::new("t", 0), Arc::new(config))
}

#[test]
fn mutated_batches() {
    let mut rng = Rng::stream(1, "mutated batches");
    let mut log = small_log();
    for _ in 0..30_000 {
        exercise(&mut log, &nearly_a_batch(&mut rng));
    }
    assert!(log.log_end_offset() > 1_000, "many are whole after all");
    let mut offset = 0;
    while offset < log.log_end_offset() {
        let read = log.read(offset, 500, true, FetchIsolation::LogEnd).unwrap();
        let whole: Vec<RecordBatch> = batches_in(&read.records).map(Result::unwrap).collect();
        assert!(whole[0].next_offset() > offset, "the first batch that is not before the offset");
        offset = read.next_offset;
    }
}

#[test]
fn random_bytes() {
    let mut rng = Rng::stream(2, "random bytes");
    let mut log = small_log();
    for _ in 0..20_000 {
        let mut bytes: Vec<u8> = (0..rng.below(200)).map(|_| rng.next_u64() as u8).collect();
        if let [_, _, _, _, _, _, _, _, length @ ..] = &mut bytes[..]
            && length.len() > 9
        {
            // A plausible length and magic lead further in.
            let size = length.len() as u32 - 4;
            length[..4].copy_from_slice(&size.to_be_bytes());
            length[8] = 2;
        }
        exercise(&mut log, &bytes.into());
    }
}
#[test]
fn a_damaged_log_is_read_and_recovered_without_panic() {
    let mut rng = Rng::stream(3, "damaged log");
    for _ in 0..300 {
        let mut log = small_log();
        for _ in 0..40 {
            let batch: Bytes = a_batch(&mut rng).into();
            let _ = log.append_as_leader(&batch, 0, 1_000);
        }
        log.mark_flushed(rng.below(log.position() + 1));
        for _ in 0..rng.between(1, 3) {
            assert!(log.corrupt_byte(rng.below(log.size_bytes())).is_some());
        }
        let end = log.log_end_offset();
        for offset in 0..=end {
            let _ = log.read(offset, 300, true, FetchIsolation::LogEnd);
            let _ = log.batch_at(offset).map(|batch| batch.records().count());
        }
        let _ = (log.offset_for_timestamp(1_001), log.max_timestamp_offset(), log.clone().roll(0));
        log.clone().truncate_to(rng.below(end as u64 + 1) as i64);
        let info = log.recover();
        assert_eq!(info.corrupt.is_some(), info.truncated_bytes > 0);
        assert_eq!(info.log_end_offset, log.log_end_offset());
    }
}
