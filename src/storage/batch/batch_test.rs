//! Batches, as stories.

use bytes::Bytes;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

fn three() -> RecordBatch {
    let mut builder = BatchBuilder::default();
    let headers = [RecordHeader::new("a", Some(Bytes::from_static(b"1"))), RecordHeader::new("a", None)];
    builder.try_push(1_000, Some(b"k"), Some(b"one"), &headers).unwrap();
    builder.try_push(990, None, Some(b""), &[]).unwrap();
    builder.try_push(1_500, Some(b""), None, &[]).unwrap();
    RecordBatch::parse(&builder.build()).unwrap().0
}

/// The batch with one byte changed, and its CRC made right again.
fn forged(batch: &RecordBatch, at: usize, byte: u8) -> RecordBatch {
    let mut bytes = batch.bytes().to_vec();
    bytes[at] = byte;
    let crc = crate::base::crc32c(&bytes[at::ATTRIBUTES..]);
    put(&mut bytes, at::CRC, crc.to_be_bytes());
    RecordBatch::parse(&bytes.into()).unwrap().0
}

#[test]
fn what_goes_in_comes_out() {
    let batch = three();
    assert!(batch.is_crc_valid());
    assert_eq!((batch.count(), batch.base_timestamp(), batch.max_timestamp()), (3, 1_000, 1_500));
    let records: Vec<Record> = batch.records().map(Result::unwrap).collect();
    assert_eq!(records.iter().map(|record| record.timestamp).collect::<Vec<_>>(), [1_000, 990, 1_500]);
    assert_eq!(records[0].headers.len(), 2, "both headers of the same name");
    assert_eq!(records[0].headers[1].value, None);
    assert_eq!((records[1].key.clone(), records[1].value.clone()), (None, Some(Bytes::new())));
    assert_eq!((records[2].key.clone(), records[2].value.clone()), (Some(Bytes::new()), None));
}

#[test]
fn the_broker_touches_only_what_the_crc_leaves_out() {
    let (batch, assigned) = (three(), three().assign(70, 4));
    assert_eq!(
        (assigned.base_offset(), assigned.last_offset(), assigned.partition_leader_epoch()),
        (70, 72, 4)
    );
    assert_eq!(assigned.crc(), batch.crc());
    assert!(assigned.is_crc_valid());
    assert_eq!(assigned.bytes()[16..], batch.bytes()[16..]);
    assert_eq!(assigned.records().last().unwrap().unwrap().offset, 72);
}

#[test]
fn log_append_time_is_the_time_of_every_record() {
    let batch = three().with_log_append_time(5_000);
    assert!(batch.is_crc_valid());
    assert_eq!(batch.timestamp_type(), TimestampType::LogAppendTime);
    assert!(batch.records().all(|record| record.unwrap().timestamp == 5_000));
}

#[test]
fn a_flipped_bit_shows() {
    let mut bytes = three().bytes().to_vec();
    bytes[70] ^= 1;
    let (batch, _) = RecordBatch::parse(&bytes.into()).unwrap();
    assert!(matches!(batch.check_crc(), Err(BatchError::CrcMismatch { .. })));
}

#[test]
fn broken_frames_are_named() {
    let whole = three().bytes().clone();
    let size = whole.len() as u32;
    let check = |bytes: Bytes, expected: BatchError| assert_eq!(RecordBatch::parse(&bytes), Err(expected));
    check(whole.slice(..11), BatchError::Incomplete { needed: 61, available: 11 });
    check(whole.slice(..60), BatchError::Incomplete { needed: size, available: 60 });
    let mut old = whole.to_vec();
    old[at::MAGIC] = 1;
    check(old.into(), BatchError::UnsupportedMagic(1));
    let mut short = whole.to_vec();
    put(&mut short, at::LENGTH, 48_i32.to_be_bytes());
    check(short.into(), BatchError::LengthTooSmall(48));
}

#[test]
fn broken_records_are_named_and_end_the_batch() {
    let check = |at: usize, byte: u8, good: usize, expected: BatchError| {
        let records: Vec<_> = forged(&three(), at, byte).records().collect();
        assert_eq!(records.len(), good + 1);
        assert_eq!(records[good], Err(expected));
    };
    check(at::RECORDS, 0xff, 0, BatchError::InvalidRecord { index: 0, field: "length" });
    check(at::RECORDS + 4, 0x7f, 0, BatchError::InvalidRecord { index: 0, field: "key" });
    check(at::COUNT + 3, 2, 2, BatchError::TrailingBytes(8));
    check(at::COUNT + 3, 4, 3, BatchError::InvalidRecord { index: 3, field: "length" });
    let why = "not in gzip format";
    let gzip = BatchError::DecompressionFailed { codec: Compression::Gzip, why };
    check(at::ATTRIBUTES + 1, 1, 0, gzip);
    check(at::ATTRIBUTES + 1, 5, 0, BatchError::UnsupportedCompression(Compression::Unknown(5)));
}

#[test]
fn batches_follow_one_another_until_half_a_batch() {
    let mut bytes = three().bytes().to_vec();
    bytes.extend_from_slice(three().assign(3, 0).bytes());
    bytes.extend_from_slice(&three().bytes()[..30]);
    let found: Vec<_> = batches(&bytes.into()).map(|batch| batch.map(|batch| batch.base_offset())).collect();
    assert_eq!(found[..2], [Ok(0), Ok(3)]);
    assert!(matches!(found[2..], [Err(BatchError::Incomplete { available: 30, .. })]));
}

#[test]
fn a_batch_is_as_full_as_in_java() {
    let mut builder = BatchBuilder::default();
    let value = [b'v'; 100];
    // 1 attributes, 1 + 1 deltas, 1 no key, 2 + 100 value, 1 no headers; 2 for the length of that.
    assert_eq!(builder.record_size(0, None, Some(&value), &[]), 109);
    assert_eq!(BatchBuilder::size_upper_bound(None, Some(&value), &[]), 61 + 21 + 1 + 102 + 1);
    assert!(builder.has_room_for(10, 0, None, Some(&value), &[]), "the first record always fits");
    builder.try_push(0, None, Some(&value), &[]).unwrap();
    assert_eq!(builder.size_bytes(), 61 + 109);
    assert!(builder.has_room_for(61 + 218, 0, None, Some(&value), &[]));
    assert!(!builder.has_room_for(61 + 217, 0, None, Some(&value), &[]));
    assert!(!builder.has_room_for(61 + 218, 64, None, Some(&value), &[]), "a larger delta takes a byte more");
    assert!(builder.is_full(170) && !builder.is_full(171));
}

#[test]
fn sequences_wrap_to_zero() {
    assert_eq!(increment_sequence(i32::MAX, 1), 0);
    assert_eq!(increment_sequence(i32::MAX - 2, 5), 2);
    assert_eq!(increment_sequence(7, 3), 10);
}

#[test]
fn every_byte_has_a_name() {
    let batch = three();
    let spans = dissect(batch.bytes());
    // The innermost spans, one after another, are all the bytes.
    let mut position = 0;
    for (i, span) in spans.iter().enumerate() {
        let is_outer = spans.get(i + 1).is_some_and(|next| next.depth > span.depth && next.start < span.end);
        if !is_outer {
            assert_eq!(span.start, position, "{}", span.name);
            position = span.end;
        }
    }
    assert_eq!(position, batch.size_bytes());
    let value = |name: &str| spans.iter().find(|span| span.name == name).map(|span| span.value.as_str());
    assert_eq!(value("value"), Some("one"));
    assert_eq!(value("recordsCount"), Some("3"));
    assert_eq!(value("attributes"), Some("0x0000: none, CreateTime"));
    assert_eq!(value("headerValueLength"), Some("1"));
    assert!(spans.iter().any(|span| span.value == "-1 (null)"));
}

#[test]
fn nonsense_is_called_malformed() {
    let check = |bytes: Bytes| assert!(dissect(&bytes).iter().any(|span| span.name == "malformed"));
    check(Bytes::from_static(b"hello"));
    check(three().bytes().slice(..70));
    check(forged(&three(), at::RECORDS + 4, 0x7f).bytes().clone());
    check(forged(&three(), at::COUNT + 3, 2).bytes().clone());
    assert_eq!(dissect(&Bytes::new()), []);
}

#[test]
fn batches_are_found_however_their_bytes_are_cut() {
    let (first, second) = (three(), three().assign(3, 1));
    let all: Bytes = [first.bytes().as_ref(), second.bytes().as_ref()].concat().into();
    for cut in 0..all.len() {
        let rope: Rope = [all.slice(..cut), all.slice(cut..)].into_iter().collect();
        let found: Vec<RecordBatch> = batches_in(&rope).map(Result::unwrap).collect();
        assert_eq!(found, [first.clone(), second.clone()], "cut at {cut}");
    }
    let torn: Rope = [first.bytes().clone(), second.bytes().slice(..70)].into_iter().collect();
    let found: Vec<bool> = batches_in(&torn).map(|batch| batch.is_ok()).collect();
    assert_eq!(found, [true, false]);
}
