//! A log's life, as stories. What holds in general is tested against a model in
//! `tests/storage/model.rs`.

use std::sync::Arc;

use bytes::Bytes;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::storage::{
    BatchBuilder, BatchError, BatchOptions, Compression, ProducerStateEntry, RecordBatch, TimestampType,
};

const NOW_MS: i64 = 1_700_000_000_000;

fn log(config: LogConfig) -> UnifiedLog {
    UnifiedLog::new(TopicPartition::new("t", 0), Arc::new(config))
}

fn batch(count: i64) -> Bytes {
    at_times(&vec![NOW_MS; count as usize])
}

fn at_times(timestamps: &[i64]) -> Bytes {
    let mut builder = BatchBuilder::default();
    for &timestamp in timestamps {
        builder.try_push(timestamp, Some(b"key"), Some(b"value"), &[]).unwrap();
    }
    builder.build()
}

fn from_producer(producer_id: i64, producer_epoch: i16, base_sequence: i32, count: i32) -> Bytes {
    let options = BatchOptions { producer_id, producer_epoch, base_sequence, ..BatchOptions::default() };
    let mut builder = BatchBuilder::new(options);
    for _ in 0..count {
        builder.try_push(NOW_MS, None, Some(b"value"), &[]).unwrap();
    }
    builder.build()
}

fn append(log: &mut UnifiedLog, bytes: &Bytes) -> Result<(i64, i64), LogError> {
    log.append_as_leader(bytes, 0, NOW_MS).map(|info| (info.first_offset, info.last_offset))
}

/// A batch with a field of its header changed, and its CRC made right again.
fn forged(bytes: &Bytes, at: usize, field: &[u8]) -> Bytes {
    let mut bytes = bytes.to_vec();
    bytes[at..at + field.len()].copy_from_slice(field);
    let crc = crate::base::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    bytes.into()
}

#[test]
fn offsets_count_on_and_the_leader_signs() {
    let mut log = log(LogConfig::default());
    assert_eq!(append(&mut log, &batch(3)), Ok((0, 2)));
    let info = log.append_as_leader(&batch(2), 5, NOW_MS).unwrap();
    assert_eq!((info.first_offset, info.last_offset, info.count), (3, 4, 2));
    assert_eq!((info.max_timestamp, info.log_append_time), (NOW_MS, -1));
    assert_eq!(log.batch_at(4).map(|batch| batch.partition_leader_epoch()), Some(5));
    assert_eq!(log.end_offset_for_epoch(0), Some((0, 3)));
    assert_eq!(log.latest_epoch(), Some(5));
    assert_eq!(append(&mut log, &Bytes::new()), Ok((5, 4)), "nothing to append");
}

#[test]
fn a_leader_refuses_what_a_broker_refuses() {
    let config = LogConfig { max_message_bytes: 200, cleanup_policy_compact: true, ..LogConfig::default() };
    let check = |bytes: Bytes, expected: &str| {
        let mut log = log(config.clone());
        assert_eq!(append(&mut log, &bytes).unwrap_err().to_string(), expected);
        assert_eq!(log.log_end_offset(), 0);
    };
    let good = batch(2);
    let two: Bytes = [&good[..], &good[..]].concat().into();
    check(two, "a produce request has exactly one record batch for a partition");
    check(good.slice(..80), "the batch takes 91 bytes, but only 80 are there");
    check(batch(20), "the batch takes 361 bytes, max.message.bytes is 200");
    check(forged(&good, 0, &[0, 0, 0, 0, 0, 0, 0, 9]), "the base offset is 9, but should be 0");
    check(forged(&good, 57, &[0, 0, 0, 3]), "last offset delta 1 does not go with 3 records");
    check(forged(&good, 57, &[0xff; 4]), "the batch says that it has -1 records");
    check(forged(&good, 22, &[0x20]), "clients may not write control records");
    check(forged(&good, 22, &[0x08]), "a producer must not set the timestamp type LogAppendTime");
    let lz4 = "failed to decompress the records (lz4): the magic number is not LZ4's";
    check(forged(&good, 22, &[0x03]), lz4);
    check(forged(&good, 64, &[2]), "record 0 has offset delta 1");
    check(from_producer(-1, -1, -1, 1), "a compacted topic cannot accept a record without a key");
    check(from_producer(5, 0, -1, 1), "invalid sequence number -1");
    let hour = 3_600_000;
    let late = at_times(&[NOW_MS + hour + 1]);
    let range = "is out of range, it should be within [-9223370336854775807, 1700003600000]";
    check(late, &format!("timestamp 1700003600001 of record 0 {range}"));
    let mut flipped = good.to_vec();
    flipped[80] ^= 4;
    let mut log = log(config.clone());
    let error = append(&mut log, &flipped.into()).unwrap_err();
    assert!(matches!(error, LogError::CorruptMessage(BatchError::CrcMismatch { .. })));
    assert_eq!(append(&mut log, &at_times(&[NOW_MS + hour, -1])), Ok((0, 1)), "no timestamp is no mistake");
}

fn compressed(codec: Compression, values: &[Option<&[u8]>]) -> Bytes {
    let mut builder = BatchBuilder::new(BatchOptions { compression: codec, ..BatchOptions::default() });
    for value in values {
        builder.try_push(NOW_MS, value.map(|_| &b"key"[..]), *value, &[]).unwrap();
    }
    builder.build()
}

#[test]
fn compressed_batches_are_checked_record_by_record() {
    for codec in Compression::CODECS {
        let bytes = compressed(codec, &[Some(b"a"), Some(&[7; 400])]);
        let mut log = log(LogConfig { max_message_bytes: 200, ..LogConfig::default() });
        assert_eq!(append(&mut log, &bytes), Ok((0, 1)), "400 bytes are few when compressed with {codec}");
        let stored = log.batch_at(0).unwrap();
        assert_eq!((stored.compression(), stored.bytes()[61..] == bytes[61..]), (codec, true));

        log.set_config(Arc::new(LogConfig { cleanup_policy_compact: true, ..LogConfig::default() }));
        let error = append(&mut log, &compressed(codec, &[Some(b"a"), None, None])).unwrap_err();
        let LogError::RejectedRecords { errors, .. } = error else { panic!("{error:?}") };
        assert_eq!(errors.iter().map(|error| error.batch_index).collect::<Vec<_>>(), [1, 2]);

        let miscounted = forged(&forged(&bytes, 57, &[0, 0, 0, 3]), 23, &[0, 0, 0, 2]);
        let error = append(&mut log, &miscounted).unwrap_err();
        assert!(matches!(error, LogError::InvalidRecord(_)), "{error:?}");
        assert_eq!(log.log_end_offset(), 2);
    }
}

#[test]
fn a_topic_may_have_a_codec_of_its_own() {
    let sources = [Compression::None].into_iter().chain(Compression::CODECS);
    for (source, target) in sources.flat_map(|source| Compression::CODECS.map(|target| (source, target))) {
        let config = LogConfig { compression_type: Some(target), ..LogConfig::default() };
        let mut log = log(config.clone());
        let values = [Some(&b"aaaa"[..]), None, Some(&[7; 500])];
        assert_eq!(append(&mut log, &compressed(source, &values)), Ok((0, 2)));
        let stored = log.batch_at(0).unwrap();
        assert_eq!((stored.compression(), stored.is_crc_valid()), (target, true));
        let records: Vec<_> = stored.records().map(Result::unwrap).collect();
        assert_eq!(records.iter().map(|record| record.value.as_deref()).collect::<Vec<_>>(), values);
        assert!(records.iter().all(|record| record.timestamp == NOW_MS));

        log.set_config(Arc::new(LogConfig { compression_type: Some(Compression::None), ..config }));
        assert_eq!(append(&mut log, &compressed(source, &values)), Ok((3, 5)));
        assert_eq!(log.batch_at(3).unwrap().compression(), Compression::None);
    }
    let config = LogConfig {
        compression_type: Some(Compression::None),
        max_message_bytes: 200,
        ..LogConfig::default()
    };
    let too_large = LogError::MessageTooLarge { size: 473, max_message_bytes: 200 };
    let small = compressed(Compression::Zstd, &[Some(&[7; 400])]);
    assert_eq!(append(&mut log(config), &small), Err(too_large), "its size when stored counts");
}

#[test]
fn a_compressed_batch_with_wrong_offsets_is_put_right() {
    let good = compressed(Compression::Lz4, &[Some(b"a"), Some(b"b")]);
    // LZ4 stored the few bytes as they are: the second record's offset delta is among them.
    let at = good.windows(4).rposition(|bytes| bytes == [2, 6, b'k', b'e']).unwrap();
    let mut log = log(LogConfig::default());
    assert_eq!(append(&mut log, &forged(&good, at, &[18])), Ok((0, 1)));
    let stored = log.batch_at(0).unwrap();
    assert!(stored.is_crc_valid());
    assert_eq!(stored.records().map(|record| record.unwrap().offset).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(stored.compression(), Compression::Lz4);
}

#[test]
fn log_append_time_replaces_the_producers() {
    let config = LogConfig { message_timestamp_type: TimestampType::LogAppendTime, ..LogConfig::default() };
    let mut log = log(config);
    let info = log.append_as_leader(&at_times(&[1, 2]), 0, NOW_MS).unwrap();
    assert_eq!((info.max_timestamp, info.log_append_time), (NOW_MS, NOW_MS));
    let stored = log.batch_at(0).unwrap();
    assert!(stored.is_crc_valid());
    assert!(stored.records().all(|record| record.unwrap().timestamp == NOW_MS));
}

#[test]
fn a_producer_may_repeat_but_not_skip() {
    let mut log = log(LogConfig::default());
    let gap = |expected, found| Err(LogError::OutOfOrderSequenceNumber { producer_id: 9, expected, found });
    for i in 0..6 {
        assert_eq!(
            append(&mut log, &from_producer(9, 0, i * 2, 2)),
            Ok((i64::from(i) * 2, i64::from(i) * 2 + 1))
        );
    }
    let again = log.append_as_leader(&from_producer(9, 0, 4, 2), 0, NOW_MS).unwrap();
    assert_eq!((again.first_offset, again.last_offset, again.duplicate), (4, 5, true));
    assert_eq!(append(&mut log, &from_producer(9, 0, 0, 2)), gap(12, 0), "older than five batches");
    assert_eq!(append(&mut log, &from_producer(9, 0, 13, 2)), gap(12, 13));
    assert_eq!(append(&mut log, &from_producer(9, 1, 12, 2)), gap(0, 12), "a new epoch begins at 0");
    assert_eq!(append(&mut log, &from_producer(9, 1, 0, 2)), Ok((12, 13)));
    let fenced = LogError::InvalidProducerEpoch { producer_id: 9, current: 1, found: 0 };
    assert_eq!(append(&mut log, &from_producer(9, 0, 12, 2)), Err(fenced));
    assert_eq!(log.log_end_offset(), 14);
}

#[test]
fn sequences_wrap_and_unknown_producers_begin_anywhere() {
    let mut log = log(LogConfig::default());
    assert_eq!(append(&mut log, &from_producer(9, 0, i32::MAX - 1, 3)), Ok((0, 2)));
    assert_eq!(append(&mut log, &from_producer(9, 0, 1, 2)), Ok((3, 4)));
    let entry = log.producers().producer(9).unwrap();
    assert_eq!((entry.last_sequence(), entry.last_offset()), (2, Some(4)));
    assert_eq!(log.remove_expired_producers(NOW_MS + 10, 10), [9]);
    assert_eq!(append(&mut log, &from_producer(9, 0, 77, 1)), Ok((5, 5)));
}

#[test]
fn a_repetition_is_known_across_the_wrap_of_sequences() {
    let mut log = log(LogConfig::default());
    for (sequence, offset) in [(i32::MAX - 3, 0), (i32::MAX - 1, 2), (0, 4), (2, 6)] {
        let sent = from_producer(9, 0, sequence, 2);
        assert_eq!(append(&mut log, &sent), Ok((offset, offset + 1)), "{sequence}");
        let again = log.append_as_leader(&sent, 0, NOW_MS).unwrap();
        assert_eq!((again.first_offset, again.duplicate), (offset, true), "{sequence}");
    }
    let gap = LogError::OutOfOrderSequenceNumber { producer_id: 9, expected: 4, found: i32::MAX };
    assert_eq!(append(&mut log, &from_producer(9, 0, i32::MAX, 1)), Err(gap));
}

#[test]
fn a_new_leader_knows_the_producers_from_its_log_alone() {
    // A segment for each two batches.
    let mut leader = log(LogConfig { segment_bytes: 200, ..LogConfig::default() });
    let mut heir = leader.clone();
    let sent: Vec<Bytes> = (0..7).map(|n| from_producer(9, 3, n * 2, 2)).collect();
    for bytes in &sent[..6] {
        leader.append_as_leader(bytes, 0, NOW_MS).unwrap();
        let end = heir.log_end_offset();
        let fetched = leader.read(end, 10_000, true, FetchIsolation::LogEnd).unwrap().records;
        heir.append_as_follower(&fetched).unwrap();
    }
    leader.append_as_leader(&sent[6], 0, NOW_MS).unwrap();
    // The last batch was never fetched; its producer sends it again to the new leader.
    heir.assign_epoch_start(1);
    let again = heir.append_as_leader(&sent[5], 1, NOW_MS).unwrap();
    assert_eq!((again.first_offset, again.last_offset, again.duplicate), (10, 11, true));
    let first_time = heir.append_as_leader(&sent[6], 1, NOW_MS).unwrap();
    assert_eq!((first_time.first_offset, first_time.duplicate), (12, false));
    let gap = LogError::OutOfOrderSequenceNumber { producer_id: 9, expected: 14, found: 0 };
    assert_eq!(append(&mut heir, &sent[0]), Err(gap), "older than five batches");

    // The old leader cuts off what it alone has, and forgets that the producer wrote it.
    assert_eq!(leader.truncate_to(12), Some(12..14));
    assert_eq!(leader.producers().producer(9).map(ProducerStateEntry::last_sequence), Some(11));
    let fetched = heir.read(12, 10_000, true, FetchIsolation::LogEnd).unwrap().records;
    leader.append_as_follower(&fetched).unwrap();
    assert_eq!(leader.producers(), heir.producers());
}

#[test]
fn a_restart_brings_back_each_producers_last_five_batches() {
    let mut log = log(LogConfig { segment_bytes: 300, ..LogConfig::default() });
    for n in 0..8 {
        append(&mut log, &from_producer(9, 0, n, 1)).unwrap();
        append(&mut log, &from_producer(4, 1, n * 2, 2)).unwrap();
    }
    log.mark_flushed(log.position());
    let before = log.producers().clone();
    for n in 8..11 {
        append(&mut log, &from_producer(9, 1, n - 8, 1)).unwrap();
    }
    log.power_loss(0);
    log.recover();
    assert_eq!(log.producers(), &before);
    let again = log.append_as_leader(&from_producer(9, 0, 3, 1), 0, NOW_MS).unwrap();
    assert_eq!((again.first_offset, again.duplicate), (9, true));
    assert_eq!(append(&mut log, &from_producer(9, 0, 8, 1)), Ok((24, 24)), "the later epoch was lost");
    assert_eq!(
        log.append_as_leader(&from_producer(4, 0, 16, 2), 0, NOW_MS).unwrap_err().code().name(),
        "INVALID_PRODUCER_EPOCH"
    );
}

#[test]
fn a_producer_expires_by_the_clock_of_its_records() {
    let mut log = log(LogConfig::default());
    append(&mut log, &from_producer(9, 2, 0, 1)).unwrap();
    assert!(log.remove_expired_producers(NOW_MS + 9, 10).is_empty());
    assert_eq!(
        append(&mut log, &from_producer(9, 1, 0, 1)).unwrap_err().code().name(),
        "INVALID_PRODUCER_EPOCH"
    );
    assert_eq!(log.remove_expired_producers(NOW_MS + 10, 10), [9]);
    assert_eq!(append(&mut log, &from_producer(9, 1, 5, 1)), Ok((1, 1)), "nobody knows its epochs any more");
}

#[test]
fn without_a_producer_id_epoch_and_sequence_say_nothing() {
    let mut log = log(LogConfig::default());
    for offset in 0..3 {
        assert_eq!(append(&mut log, &from_producer(-1, 0, 0, 1)), Ok((offset, offset)));
    }
    assert_eq!(log.producers().producers().count(), 0);
}

#[test]
fn a_follower_takes_what_the_leader_wrote_and_leaves_half_a_batch() {
    let (mut leader, mut follower) = (log(LogConfig::default()), log(LogConfig::default()));
    for epoch in 0..3 {
        leader.append_as_leader(&from_producer(4, 0, epoch * 2, 2), epoch, NOW_MS).unwrap();
    }
    let fetched = leader.read(0, 10_000, true, FetchIsolation::LogEnd).unwrap().records;
    let torn = fetched.whole().slice(..fetched.len() - 5).into();
    assert_eq!(follower.append_as_follower(&torn).map(|info| info.count), Ok(4));
    let error = follower.append_as_follower(&torn).unwrap_err();
    assert_eq!(error, LogError::UnexpectedAppendOffset { expected: 4, found: 0 });
    let rest = leader.read(4, 10_000, true, FetchIsolation::LogEnd).unwrap().records;
    follower.append_as_follower(&rest).unwrap();
    assert!(follower.batches_from(0).eq(leader.batches_from(0)));
    assert_eq!(follower.leader_epochs(), leader.leader_epochs());
    assert_eq!(follower.producers(), leader.producers());
}

#[test]
fn an_empty_follower_takes_the_batch_amidst_which_the_leader_begins() {
    let (mut leader, mut follower) = (log(LogConfig::default()), log(LogConfig::default()));
    (0..2).for_each(|_| assert!(append(&mut leader, &batch(3)).is_ok()));
    leader.maybe_increment_high_watermark(6);
    assert_eq!(leader.increment_log_start_offset(2), Ok(true));
    follower.truncate_fully_and_start_at(2);
    let fetched = leader.read(2, 10_000, true, FetchIsolation::LogEnd).unwrap().records;
    assert_eq!(follower.append_as_follower(&fetched).map(|info| (info.first_offset, info.count)), Ok((0, 6)));
    assert!(follower.batches_from(0).eq(leader.batches_from(0)));
    let offsets = (follower.log_start_offset(), follower.high_watermark(), follower.log_end_offset());
    assert_eq!(offsets, (2, 2, 6));
    follower.recover();
    assert_eq!((follower.log_start_offset(), follower.log_end_offset()), (2, 6));
    // Only the first batch may begin before the start, and only in an empty log.
    let error = follower.append_as_follower(&fetched).unwrap_err();
    assert_eq!(error, LogError::UnexpectedAppendOffset { expected: 6, found: 0 });
}

#[test]
fn consumers_see_what_is_committed_and_one_batch_at_least() {
    let mut log = log(LogConfig::default());
    (0..4).for_each(|_| assert!(append(&mut log, &batch(2)).is_ok()));
    assert_eq!(log.maybe_increment_high_watermark(6), Some(0));
    assert_eq!(log.maybe_increment_high_watermark(4), None);
    let check = |offset, max_bytes, min_one, isolation, expected: (Option<i64>, i64)| {
        let read = log.read(offset, max_bytes, min_one, isolation).unwrap();
        assert_eq!((read.first_offset, read.next_offset), expected);
    };
    check(3, 1_000, true, FetchIsolation::HighWatermark, (Some(2), 6));
    check(3, 1_000, true, FetchIsolation::LogEnd, (Some(2), 8));
    check(3, 1, true, FetchIsolation::LogEnd, (Some(2), 4));
    check(3, 1, false, FetchIsolation::LogEnd, (None, 3));
    check(7, 1_000, true, FetchIsolation::TxnCommitted, (None, 7));
    let error = log.read(9, 1, true, FetchIsolation::LogEnd).unwrap_err();
    assert_eq!(error, LogError::OffsetOutOfRange { offset: 9, log_start_offset: 0, log_end_offset: 8 });
    let read = log.read(0, 10_000, true, FetchIsolation::LogEnd).unwrap().records;
    let second = log.batch_at(2).unwrap();
    assert_eq!(read.pieces()[1].as_ptr(), second.bytes().as_ptr(), "shared, not copied");
}

#[test]
fn segments_roll_by_size_and_by_the_records_time() {
    let mut by_size = log(LogConfig { segment_bytes: 200, ..LogConfig::default() });
    let rolled: Vec<_> =
        (0..4).map(|_| by_size.append_as_leader(&batch(2), 0, NOW_MS).unwrap().rolled).collect();
    assert_eq!(rolled, [None, None, Some(4), None]);
    let mut by_time = log(LogConfig { segment_ms: 100, ..LogConfig::default() });
    for (later, expected) in [(0, None), (100, None), (101, Some(2)), (150, None)] {
        let info = by_time.append_as_leader(&at_times(&[NOW_MS + later]), 0, NOW_MS).unwrap();
        assert_eq!(info.rolled, expected, "{later} ms after the first");
    }
    let mut untimed = log(LogConfig { segment_ms: 100, ..LogConfig::default() });
    for (later, expected) in [(0, None), (100, None), (101, Some(2))] {
        let info = untimed.append_as_leader(&at_times(&[-1]), 0, NOW_MS + later).unwrap();
        assert_eq!(info.rolled, expected, "without timestamps, {later} ms after the segment began");
    }
}

#[test]
fn retention_takes_whole_committed_segments() {
    let config = LogConfig { segment_bytes: 100, retention_ms: 1_000, ..LogConfig::default() };
    let mut log = log(config);
    (0..4).for_each(|i| assert!(append(&mut log, &at_times(&[NOW_MS + i * 600; 2])).is_ok()));
    assert!(log.delete_old_segments(NOW_MS + 9_000).is_empty(), "nothing is committed");
    log.maybe_increment_high_watermark(8);
    assert_eq!(log.delete_old_segments(NOW_MS + 1_601), [0, 2]);
    assert_eq!((log.log_start_offset(), log.leader_epochs().entries()[0].start_offset), (4, 4));
    assert!(log.read(3, 100, true, FetchIsolation::LogEnd).is_err());
    assert_eq!(log.delete_old_segments(NOW_MS + 90_000), [4, 6]);
    assert_eq!((log.log_start_offset(), log.log_end_offset(), log.size_bytes()), (8, 8, 0));
    assert_eq!(append(&mut log, &batch(1)), Ok((8, 8)), "the log goes on");
}

#[test]
fn times_lead_to_offsets() {
    let mut log = log(LogConfig { index_interval_bytes: 100, ..LogConfig::default() });
    for times in [[10, 20], [50, 15], [30, 50], [40, 45]] {
        append(&mut log, &at_times(&times)).unwrap();
    }
    assert_eq!(log.offset_for_timestamp(0), Some((0, 10)));
    assert_eq!(log.offset_for_timestamp(21), Some((2, 50)));
    assert_eq!(log.offset_for_timestamp(51), None);
    assert_eq!(log.max_timestamp_offset(), Some((2, 50)));
    log.maybe_increment_high_watermark(8);
    log.increment_log_start_offset(3).unwrap();
    assert_eq!(log.offset_for_timestamp(21), Some((4, 30)));
}

#[test]
fn a_power_loss_takes_what_was_not_flushed_and_tears_a_batch() {
    let mut log = log(LogConfig::default());
    append(&mut log, &from_producer(1, 0, 0, 2)).unwrap();
    log.mark_flushed(log.position());
    let durable = log.clone();
    log.append_as_leader(&from_producer(1, 0, 2, 2), 1, NOW_MS).unwrap();
    log.append_as_leader(&from_producer(1, 0, 4, 2), 2, NOW_MS).unwrap();
    log.maybe_increment_high_watermark(6);
    assert_eq!((log.recovery_point(), log.unflushed_messages()), (2, 4));
    let late_flush = log.position();
    assert_eq!(log.power_loss(70), 2..6);
    assert_eq!(append(&mut log, &batch(1)), Err(LogError::RecoveryNeeded));
    let info = log.recover();
    assert_eq!((info.truncated_bytes, info.log_end_offset), (70, 2));
    let corrupt = info.corrupt.unwrap();
    assert_eq!(corrupt.error.to_string(), "the batch takes 85 bytes, but only 70 are there");
    assert_eq!((log.high_watermark(), log.latest_epoch()), (2, Some(0)));
    assert_eq!(log.producers(), durable.producers());
    // A flush that was under way when the power failed says nothing of what comes after.
    append(&mut log, &from_producer(1, 0, 2, 1)).unwrap();
    log.mark_flushed(late_flush);
    assert_eq!(log.flushed_offset(), 2);
}

#[test]
fn damage_shows_when_it_is_read_or_recovered() {
    let mut log = log(LogConfig::default());
    (0..3).for_each(|_| assert!(append(&mut log, &batch(2)).is_ok()));
    let snapshot = log.clone();
    assert_eq!(log.corrupt_byte(91 + 80), Some(2), "in the second batch");
    assert_eq!(log.read(0, 1_000, true, FetchIsolation::LogEnd).unwrap().next_offset, 2, "up to the damage");
    let error = log.read(2, 1_000, true, FetchIsolation::LogEnd).unwrap_err();
    assert!(matches!(error, LogError::CorruptMessage(BatchError::CrcMismatch { .. })));
    let info = log.recover();
    assert_eq!((info.corrupt.map(|corrupt| corrupt.position), info.truncated_bytes), (Some(91), 182));
    assert_eq!(log.log_end_offset(), 2);
    assert!(
        snapshot.batch_at(2).as_ref().is_some_and(RecordBatch::is_crc_valid),
        "a snapshot is another world"
    );
}

#[test]
fn a_snapshot_shares_what_it_does_not_change() {
    let mut log = log(LogConfig { segment_bytes: 200, ..LogConfig::default() });
    (0..20).for_each(|_| assert!(append(&mut log, &batch(2)).is_ok()));
    let snapshot = log.clone();
    append(&mut log, &batch(2)).unwrap();
    let shared = log.segments.iter().zip(&snapshot.segments).filter(|(a, b)| Arc::ptr_eq(a, b)).count();
    assert!(shared >= snapshot.segments.len() - 1);
    assert_eq!((snapshot.log_end_offset(), log.log_end_offset()), (40, 42));
}

#[test]
fn recovery_keeps_deleted_epochs_away() {
    let mut log = log(LogConfig { segment_bytes: 100, ..LogConfig::default() });
    for epoch in 0..3 {
        log.append_as_leader(&batch(2), epoch, NOW_MS).unwrap();
    }
    log.maybe_increment_high_watermark(6);
    log.increment_log_start_offset(3).unwrap();
    log.mark_flushed(0);
    log.power_loss(0);
    log.recover();
    assert_eq!((log.log_start_offset(), log.log_end_offset()), (3, 3), "nothing was durable");
    let mut log = self::log(LogConfig::default());
    for epoch in 0..3 {
        log.append_as_leader(&batch(2), epoch, NOW_MS).unwrap();
    }
    log.maybe_increment_high_watermark(6);
    log.increment_log_start_offset(3).unwrap();
    log.recover();
    let epochs: Vec<_> =
        log.leader_epochs().entries().iter().map(|entry| (entry.epoch, entry.start_offset)).collect();
    assert_eq!(epochs, [(1, 3), (2, 4)], "reading the segment again does not bring epoch 0 back");
}

#[test]
fn truncation_takes_the_producers_last_batches_back() {
    let mut log = log(LogConfig { segment_bytes: 200, ..LogConfig::default() });
    for sequence in 0..6 {
        log.append_as_leader(&from_producer(9, 0, sequence, 1), 0, NOW_MS).unwrap();
    }
    log.truncate_to(2);
    assert_eq!(log.producers().producer(9).map(|entry| entry.last_sequence()), Some(1));
    assert_eq!(append(&mut log, &from_producer(9, 0, 2, 1)), Ok((2, 2)), "not a duplicate any more");
}

/// Retention has left a follower nothing, and its leader has lost more than that.
#[test]
fn truncation_below_what_is_left_begins_anew_there() {
    let mut log = log(LogConfig { segment_bytes: 200, ..LogConfig::default() });
    for sequence in 0..6 {
        log.append_as_leader(&from_producer(9, 0, sequence, 1), 0, NOW_MS).unwrap();
    }
    log.update_high_watermark(6);
    log.increment_log_start_offset(6).unwrap();
    assert!(!log.delete_old_segments(NOW_MS).is_empty());
    assert_eq!((log.log_start_offset(), log.log_end_offset()), (6, 6));
    assert_eq!(log.truncate_to(4), Some(4..6));
    assert_eq!((log.log_start_offset(), log.log_end_offset()), (4, 4));
}
