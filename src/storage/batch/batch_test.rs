//! Batches, as stories.

use bytes::Bytes;

use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn three() -> RecordBatch {
    let mut builder = BatchBuilder::default();
    let headers = [RecordHeader::new("a", Some(Bytes::from_static(b"1"))), RecordHeader::new("a", None)];
    builder.try_push(1_000, Some(b"k"), Some(b"one"), &headers).unwrap();
    builder.try_push(990, None, Some(b""), &[]).unwrap();
    builder.try_push(1_500, Some(b""), None, &[]).unwrap();
    RecordBatch::parse(&builder.build()).unwrap().0
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
