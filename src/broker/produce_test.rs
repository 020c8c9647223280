use bytes::Bytes;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::desk::*;
use super::*;
use crate::protocol::ErrorCode;
use crate::protocol::messages::produce::{ProduceRequest, ProduceResponse};
use crate::storage::{BatchBuilder, BatchOptions, RecordBatch};

const HOUR_MS: i64 = 3_600_000;

fn keyless(timestamps: &[i64]) -> Bytes {
    let mut builder = BatchBuilder::default();
    for &timestamp in timestamps {
        builder.try_push(timestamp, None, Some(b"value"), &[]).expect("it fits");
    }
    builder.build()
}

fn with_byte(bytes: &Bytes, at: usize, byte: u8) -> Bytes {
    let mut bytes = bytes.to_vec();
    bytes[at] = byte;
    let crc = crate::base::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    bytes.into()
}

#[test]
fn every_refusal_has_its_code() {
    let mut desk = Desk::new();
    desk.topic("a", &[1], &[]);
    desk.topic("small", &[1], &[("max.message.bytes", "200")]);
    desk.topic("tiny-segments", &[1], &[("segment.bytes", "200")]);
    desk.topic("elsewhere", &[2], &[]);
    desk.topic("two-needed", &[1, 2], &[("min.insync.replicas", "2")]);
    desk.in_sync("two-needed", &[1, 2], &[1], 1, 1);
    let now = desk.now;
    let good = records(now, 3);
    let mut check = |topic: &str, acks, records: &Bytes, expected| {
        let answer = desk.produce(topic, acks, records.clone());
        assert_eq!(answer.error_code, expected, "{topic}");
        let is_refused = expected != ErrorCode::None;
        assert_eq!(answer.base_offset < 0, is_refused);
    };
    check("a", 2, &good, ErrorCode::InvalidRequiredAcks);
    check("nowhere", 1, &good, ErrorCode::UnknownTopicOrPartition);
    check("elsewhere", 1, &good, ErrorCode::NotLeaderOrFollower);
    check(OFFSETS_TOPIC, 1, &good, ErrorCode::InvalidTopicException);
    check("small", 1, &good, ErrorCode::MessageTooLarge);
    check("tiny-segments", 1, &good, ErrorCode::RecordListTooLarge);
    check("two-needed", -1, &good, ErrorCode::NotEnoughReplicas);
    check("two-needed", 1, &good, ErrorCode::None);
    check("a", 1, &Bytes::new(), ErrorCode::InvalidRecord);
    check("a", 1, &with_byte(&good, 16, 1), ErrorCode::InvalidRecord);
    check("a", 1, &[&good[..], &good[..]].concat().into(), ErrorCode::InvalidRecord);
    check("a", 1, &with_byte(&good, 22, 0x10), ErrorCode::InvalidTxnState);
    check("a", 1, &good.slice(..good.len() - 1), ErrorCode::CorruptMessage);
    check("a", 1, &keyless(&[now.unix_ms() + HOUR_MS + 1]), ErrorCode::InvalidTimestamp);
    check("a", -1, &good, ErrorCode::None);
}

#[test]
fn the_records_at_fault_are_named() {
    let mut desk = Desk::new();
    desk.topic("compacted", &[1], &[("cleanup.policy", "compact")]);
    let now = desk.now.unix_ms();
    let answer = desk.produce("compacted", 1, keyless(&[now, now]));
    assert_eq!(answer.error_code, ErrorCode::InvalidRecord);
    assert_eq!(answer.record_errors.iter().map(|error| error.batch_index).collect::<Vec<_>>(), [0, 1]);
    let why = "a compacted topic cannot accept a record without a key";
    assert_eq!(answer.record_errors[1].batch_index_error_message.as_deref(), Some(why));
    assert_eq!(answer.error_message, Some(format!("{why}; 1 more records were rejected")));
}

#[test]
fn the_brokers_time_replaces_the_producers() {
    let mut desk = Desk::new();
    desk.topic("a", &[1], &[("message.timestamp.type", "LogAppendTime")]);
    desk.wait(5_000);
    let answer = desk.produce("a", 1, keyless(&[1, 2]));
    let now = desk.now.unix_ms();
    assert_eq!((answer.error_code, answer.log_append_time_ms), (ErrorCode::None, now));
    let stored = desk.broker.log(&TopicPartition::new("a", 0)).and_then(|log| log.batch_at(0));
    let stored = stored.expect("stored");
    assert!(stored.is_crc_valid());
    assert!(stored.records().all(|record| record.expect("whole").timestamp == now));
}

#[test]
fn acks_all_waits_for_the_in_sync_replicas() {
    let mut desk = Desk::new();
    desk.topic("a", &[1, 2], &[]);
    let now = desk.now;
    let put = |desk: &mut Desk| desk.put(PRODUCE, &produce_request("a", -1, records(now, 1)));
    let error = |desk: &mut Desk, asked| {
        let answer = desk.read::<ProduceResponse>(asked)?;
        Some(answer.responses[0].partition_responses[0].error_code)
    };
    let stored = put(&mut desk);
    assert_eq!(error(&mut desk, stored), None);
    desk.follow(2, "a", 1, 0);
    assert_eq!(error(&mut desk, stored), Some(ErrorCode::None));
    let late = put(&mut desk);
    desk.wait(1_000);
    assert_eq!(error(&mut desk, late), Some(ErrorCode::RequestTimedOut));
    let moved = put(&mut desk);
    desk.elect("a", &[1, 2], 2, 1);
    assert_eq!(error(&mut desk, moved), Some(ErrorCode::NotLeaderOrFollower));
}

#[test]
fn a_producer_that_is_wrong_hears_who_leads() {
    let mut desk = Desk::new();
    desk.topic("elsewhere", &[2, 1], &[]);
    let now = desk.now;
    for version in 3..=13 {
        let request = produce_request("elsewhere", 1, records(now, 1));
        let answer: ProduceResponse = desk.ask(version, &request);
        let part = &answer.responses[0].partition_responses[0];
        assert_eq!(part.error_code, ErrorCode::NotLeaderOrFollower);
        let (leader, hosts) = if version >= 10 { (2, vec!["broker-2"]) } else { (-1, vec![]) };
        assert_eq!(part.current_leader.leader_id, leader);
        assert_eq!(answer.node_endpoints.iter().map(|node| node.host.as_str()).collect::<Vec<_>>(), hosts);
    }
}

#[test]
fn without_acks_an_error_ends_the_connection() {
    let mut desk = Desk::new();
    desk.topic("a", &[1], &[]);
    let now = desk.now;
    let good = desk.put(PRODUCE, &produce_request("a", 0, records(now, 1)));
    assert_eq!((desk.read::<ProduceResponse>(good), desk.closed), (None, 0));
    desk.put(PRODUCE, &produce_request("nowhere", 0, records(now, 1)));
    assert_eq!(desk.closed, 1);
}

#[test]
fn an_unknown_topic_id_is_said() {
    let mut desk = Desk::new();
    let now = desk.now;
    let answer: ProduceResponse = desk.ask(13, &produce_request("nowhere", 1, records(now, 1)));
    assert_eq!(answer.responses[0].topic_id, id_of("nowhere"));
    assert_eq!(answer.responses[0].partition_responses[0].error_code, ErrorCode::UnknownTopicId);
}

#[test]
fn zstandard_needs_a_version_that_knows_it() {
    let mut desk = Desk::new();
    desk.topic("a", &[1], &[]);
    let now = desk.now;
    let zstd = with_byte(&records(now, 1), 22, 4);
    let request: ProduceRequest = produce_request("a", 1, zstd);
    let answer: ProduceResponse = desk.ask(6, &request);
    let error = answer.responses[0].partition_responses[0].error_code;
    assert_eq!(error, ErrorCode::UnsupportedCompressionType);
}

#[test]
fn a_repeated_batch_is_acknowledged_at_its_first_offset() {
    let mut desk = Desk::new();
    desk.topic("a", &[1], &[]);
    let now = desk.now;
    let send = |desk: &mut Desk, epoch, sequence| desk.append("a", numbered(now, 9, epoch, sequence));
    for sequence in 0..6 {
        assert_eq!(send(&mut desk, 0, sequence), Ok(i64::from(sequence)));
    }
    assert_eq!(send(&mut desk, 0, 1), Ok(1), "within the last five");
    assert_eq!(send(&mut desk, 0, 0), Err(ErrorCode::OutOfOrderSequenceNumber), "forgotten");
    assert_eq!(send(&mut desk, 0, 7), Err(ErrorCode::OutOfOrderSequenceNumber), "a gap");
    assert_eq!(send(&mut desk, 1, 3), Err(ErrorCode::OutOfOrderSequenceNumber), "an epoch begins at 0");
    assert_eq!(send(&mut desk, 1, 0), Ok(6));
    assert_eq!(send(&mut desk, 0, 6), Err(ErrorCode::InvalidProducerEpoch));
}

#[test]
fn producers_are_known_again_after_a_restart_and_to_a_new_leader() {
    let mut desk = Desk::new();
    desk.topic("a", &[1], &[]);
    let now = desk.now;
    for sequence in 0..3 {
        desk.append("a", numbered(now, 9, 2, sequence)).expect("stored");
    }
    let at = TopicPartition::new("a", 0);
    let stored: Vec<RecordBatch> = desk.broker.log(&at).expect("a log").batches_from(0).collect();
    desk.crash();
    desk.elect("a", &[1], 1, 1);
    assert_eq!(desk.append("a", numbered(now, 9, 2, 2)), Ok(2), "a duplicate");
    assert_eq!(desk.append("a", numbered(now, 9, 2, 4)), Err(ErrorCode::OutOfOrderSequenceNumber));

    let mut heir = Desk::new();
    heir.topic("a", &[2, 1], &[]);
    heir.act(|broker, _| {
        let partition = broker.partitions.get_mut(&at).map(Arc::make_mut).expect("a replica");
        for batch in &stored {
            partition.log.append_as_follower(&batch.bytes().clone().into()).expect("it continues");
        }
    });
    heir.elect("a", &[2, 1], 1, 1);
    assert_eq!(heir.append("a", numbered(now, 9, 2, 1)), Ok(1), "a duplicate");
    assert_eq!(heir.append("a", numbered(now, 9, 1, 3)), Err(ErrorCode::InvalidProducerEpoch));
    assert_eq!(heir.append("a", numbered(now, 9, 2, 3)), Ok(3));
}

#[test]
fn a_producer_that_was_silent_for_long_is_forgotten() {
    let configs =
        [("producer.id.expiration.ms", "5000"), ("producer.id.expiration.check.interval.ms", "1000")];
    let mut desk = Desk::with(&configs);
    desk.topic("a", &[1], &[]);
    let now = desk.now;
    desk.append("a", numbered(now, 9, 0, 0)).expect("stored");
    desk.wait(4_000);
    assert_eq!(desk.append("a", numbered(now, 9, 0, 7)), Err(ErrorCode::OutOfOrderSequenceNumber));
    desk.wait(2_000);
    assert_eq!(desk.append("a", numbered(now, 9, 0, 7)), Ok(1), "it may begin anywhere");
}

#[test]
fn kafkajs_writes_sequences_that_mean_nothing() {
    let mut desk = Desk::new();
    desk.topic("a", &[1], &[]);
    let options =
        BatchOptions { producer_id: -1, producer_epoch: 0, base_sequence: 0, ..BatchOptions::default() };
    for offset in 0..3 {
        let mut builder = BatchBuilder::new(options.clone());
        builder.try_push(desk.now.unix_ms(), None, Some(b"value"), &[]).expect("it fits");
        assert_eq!(desk.append("a", builder.build()), Ok(offset));
    }
}
