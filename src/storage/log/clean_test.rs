//! Compaction, as stories.

use std::collections::BTreeMap;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::base::Rng;
use crate::storage::{BatchBuilder, BatchOptions, Compression, FetchIsolation, RecordBatch};

const NOW_MS: i64 = 1_000_000;
const HORIZON_MS: i64 = 5_000;

/// Segments of one batch each, so that everything but the last batch can be compacted.
fn config() -> LogConfig {
    LogConfig {
        cleanup_policy_compact: true,
        cleanup_policy_delete: false,
        segment_bytes: 90,
        delete_retention_ms: HORIZON_MS,
        ..LogConfig::default()
    }
}

fn log(config: LogConfig) -> UnifiedLog {
    UnifiedLog::new(TopicPartition::new("t", 0), Arc::new(config))
}

/// A batch told as `a=1 b=`: one record for each word, without a value for a tombstone.
fn write_as(log: &mut UnifiedLog, options: BatchOptions, words: &str, now_ms: i64) {
    let mut builder = BatchBuilder::new(options);
    for word in words.split(' ') {
        let (key, value) = word.split_once('=').unwrap();
        let value = Some(value.as_bytes()).filter(|value| !value.is_empty());
        builder.try_push(now_ms, Some(key.as_bytes()), value, &[]).unwrap();
    }
    log.append_as_leader(&builder.build(), 0, now_ms).unwrap();
    log.maybe_increment_high_watermark(i64::MAX);
}

fn write(log: &mut UnifiedLog, words: &str) {
    write_as(log, BatchOptions::default(), words, NOW_MS);
}

/// What a reader finds: `offset:key=value`.
fn told(log: &UnifiedLog) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut offset = log.log_start_offset();
    while offset < log.log_end_offset() {
        let read = log.read(offset, 1, true, FetchIsolation::HighWatermark).unwrap();
        for batch in crate::storage::batches_in(&read.records).map(Result::unwrap) {
            assert!(batch.is_crc_valid());
            for record in batch.records().map(Result::unwrap) {
                let text = |bytes: &Option<Bytes>| {
                    String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned()
                };
                words.push(format!("{}:{}={}", record.offset, text(&record.key), text(&record.value)));
            }
        }
        assert!(read.next_offset > offset, "a reader comes to the end");
        offset = read.next_offset;
    }
    words.join(" ")
}

#[test]
fn of_every_key_the_last_value_stays_where_it_was() {
    let mut log = log(config());
    for words in ["a=1 b=1", "a=2 c=1", "b=2 a=3", "c=2"] {
        write(&mut log, words);
    }
    let cleanable = log.cleanable(NOW_MS);
    assert_eq!((cleanable.offsets.clone(), cleanable.is_enough(log.config())), (0..6, true));
    let info = log.clean(NOW_MS).unwrap();
    assert_eq!((info.offsets, info.replaced, info.tombstones), (0..6, 3, 0));
    assert!(info.bytes_after < info.bytes_before);
    assert_eq!(told(&log), "3:c=1 4:b=2 5:a=3 6:c=2", "the active segment stays as it is");
    assert_eq!((log.cleaned_to(), log.log_start_offset(), log.log_end_offset()), (6, 0, 7));
    assert_eq!(log.clean(NOW_MS), None, "nothing is dirty");
    write(&mut log, "a=4");
    log.clean(NOW_MS).unwrap();
    assert_eq!(told(&log), "4:b=2 5:a=3 6:c=2 7:a=4");
}

#[test]
fn a_tombstone_stays_until_readers_had_time_to_see_it() {
    let mut log = log(config());
    for words in ["a=1", "a=", "b=1"] {
        write(&mut log, words);
    }
    log.clean(NOW_MS).unwrap();
    assert_eq!(told(&log), "1:a= 2:b=1");
    let batch = log.batch_at(1).unwrap();
    assert_eq!(batch.delete_horizon_ms(), Some(NOW_MS + HORIZON_MS));
    assert_eq!(batch.records().next().unwrap().unwrap().timestamp, NOW_MS, "its own time stays");
    write(&mut log, "c=1");
    assert_eq!(log.clean(NOW_MS + HORIZON_MS - 1).unwrap().tombstones, 0);
    write(&mut log, "d=1");
    assert_eq!(log.clean(NOW_MS + HORIZON_MS).unwrap().tombstones, 1);
    assert_eq!(told(&log), "2:b=1 3:c=1 4:d=1");
}

#[test]
fn what_is_not_committed_or_young_or_little_is_left() {
    let mut young = log(LogConfig { min_compaction_lag_ms: 1_000, ..config() });
    for words in ["a=1", "a=2", "a=3"] {
        write(&mut young, words);
    }
    assert_eq!(young.cleanable(NOW_MS + 999).offsets, 0..0);
    assert_eq!(young.cleanable(NOW_MS + 1_000).offsets, 0..2);
    let mut uncommitted = log(config());
    for words in ["a=1", "a=2", "a=3"] {
        write(&mut uncommitted, words);
    }
    uncommitted.update_high_watermark(1);
    assert_eq!(uncommitted.cleanable(NOW_MS).offsets, 0..1);
    let mut little = log(LogConfig { max_compaction_lag_ms: 500, ..config() });
    for words in ["a=1", "b=1", "c=1", "d=1"] {
        write(&mut little, words);
    }
    little.clean(NOW_MS).unwrap();
    write(&mut little, "a=2");
    let cleanable = little.cleanable(NOW_MS + 500);
    assert!(!cleanable.is_enough(little.config()), "a quarter is dirty, half is asked for");
    assert!(little.cleanable(NOW_MS + 501).is_enough(little.config()), "max.compaction.lag.ms is over");
}

#[test]
fn a_producers_last_batch_stays_without_its_records() {
    let mut log = log(config());
    for sequence in 0..3 {
        let options = BatchOptions {
            producer_id: 9,
            producer_epoch: 0,
            base_sequence: sequence,
            compression: Compression::Gzip,
            ..BatchOptions::default()
        };
        write_as(&mut log, options, &format!("a={sequence}"), NOW_MS);
    }
    write(&mut log, "a=last");
    write(&mut log, "b=1");
    log.clean(NOW_MS).unwrap();
    assert_eq!(told(&log), "3:a=last 4:b=1");
    let empty = log.batch_at(2).unwrap();
    assert_eq!((empty.base_offset(), empty.count(), empty.base_sequence()), (2, 0, 2));
    assert!(empty.is_crc_valid());
    let before = log.producers().producer(9).unwrap().last_sequence();
    log.recover();
    assert_eq!(log.producers().producer(9).map(|entry| entry.last_sequence()), Some(before));
}

#[test]
fn the_end_of_what_was_compacted_is_kept() {
    let mut log = log(config());
    for words in ["b=1", "a=1", "a=2"] {
        write(&mut log, words);
    }
    // What replaces offset 1 is in the active segment, which nobody looks into.
    log.clean(NOW_MS).unwrap();
    assert_eq!(told(&log), "0:b=1 1:a=1 2:a=2");
    write(&mut log, "c=1");
    write_as(&mut log, BatchOptions::default(), "a=3", NOW_MS);
    log.clean(NOW_MS).unwrap();
    assert_eq!(told(&log), "0:b=1 2:a=2 3:c=1 4:a=3");
}

#[test]
fn a_follower_copies_a_compacted_log_and_survives_its_own_end() {
    let mut leader = log(LogConfig { segment_bytes: 300, ..config() });
    for i in 0..40 {
        write(&mut leader, &format!("{}={i}", ["a", "b", "c"][i % 3]));
    }
    leader.clean(NOW_MS).unwrap();
    let mut follower = log(config());
    while follower.log_end_offset() < leader.log_end_offset() {
        let from = follower.log_end_offset();
        let read = leader.read(from, 200, true, FetchIsolation::LogEnd).unwrap();
        follower.append_as_follower(&read.records).unwrap();
    }
    follower.maybe_increment_high_watermark(i64::MAX);
    assert_eq!(told(&follower), told(&leader));
    follower.recover();
    assert_eq!(told(&follower), told(&leader));
    assert_eq!(follower.log_end_offset(), 40);
    follower.truncate_to(39);
    assert!(follower.log_end_offset() <= 39);
}

/// Whatever is written, cut off or lost, and whenever the cleaner comes: each key's last value is
/// there, at its offset, and a reader from the beginning ends with it.
#[test]
fn a_reader_from_the_beginning_always_ends_with_the_last_values() {
    for seed in 0..150 {
        let mut rng = Rng::stream(seed, "compaction");
        let config =
            LogConfig { segment_bytes: 200 + rng.below(400) as u32, index_interval_bytes: 100, ..config() };
        let (mut log, mut now_ms) = (log(config), NOW_MS);
        let mut last: BTreeMap<String, (i64, String)> = BTreeMap::new();
        for step in 0..rng.below(80) {
            now_ms += rng.below(3_000) as i64;
            match rng.below(8) {
                0 => {
                    let before = log.clone();
                    if log.clean(now_ms).is_some() {
                        assert!(log.size_bytes() <= before.size_bytes() && log != before);
                    }
                }
                1 => drop(log.recover()),
                _ => {
                    let options = BatchOptions {
                        compression: [Compression::None, Compression::Lz4][rng.below(2) as usize],
                        ..BatchOptions::default()
                    };
                    let words: Vec<String> = (0..1 + rng.below(4))
                        .map(|i| match rng.below(4) {
                            0 => format!("k{}=", rng.below(6)),
                            _ => format!("k{}=v{step}.{i}", rng.below(6)),
                        })
                        .collect();
                    for (offset, word) in (log.log_end_offset()..).zip(&words) {
                        let (key, value) = word.split_once('=').unwrap();
                        last.insert(key.to_owned(), (offset, value.to_owned()));
                    }
                    write_as(&mut log, options, &words.join(" "), now_ms);
                }
            }
            check(&log, &last);
        }
    }
}

/// Reading everything gives the last values, in the order of their offsets; only a tombstone may be gone.
fn check(log: &UnifiedLog, last: &BTreeMap<String, (i64, String)>) {
    let mut found: BTreeMap<String, (i64, String)> = BTreeMap::new();
    let mut before = -1;
    for word in told(log).split(' ').filter(|word| !word.is_empty()) {
        let (offset, word) = word.split_once(':').unwrap();
        let (key, value) = word.split_once('=').unwrap();
        let offset: i64 = offset.parse().unwrap();
        assert!(offset > before, "offsets rise");
        before = offset;
        found.insert(key.to_owned(), (offset, value.to_owned()));
    }
    for (key, (offset, value)) in last {
        match found.get(key) {
            Some(known) => assert_eq!(known, &(*offset, value.clone()), "{key}"),
            None => assert_eq!(value, "", "{key} is lost"),
        }
    }
    let end = log.batches_from(0).map(|batch: RecordBatch| batch.next_offset()).max().unwrap_or(0);
    assert_eq!(end, log.log_end_offset());
}
