//! Our batches against those of existing clients: `tests/golden/batches`.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;
use terrarium::storage::{BatchBuilder, BatchOptions, Record, RecordBatch, RecordHeader};

const CASES: &str = include_str!("../golden/batches/cases.json");

/// The headers that a client fills in its own way.
struct Habits {
    partition_leader_epoch: i32,
    producer_epoch: i16,
    base_sequence: i32,
    base_timestamp_is_smallest: bool,
}

fn content(value: &Value) -> Option<Bytes> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(Bytes::from(text.clone())),
        other => Some(match other["hex"].as_str() {
            Some(digits) => unhex(digits),
            None => other["of"].as_str().unwrap().repeat(other["times"].as_u64().unwrap() as usize).into(),
        }),
    }
}

fn unhex(digits: &str) -> Bytes {
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect::<Vec<u8>>().into()
}

fn records(case: &Value) -> Vec<Record> {
    let mut records = Vec::new();
    for record in case["records"].as_array().unwrap() {
        let headers = record["headers"].as_array().into_iter().flatten();
        let headers = headers.map(|pair| RecordHeader::new(content(&pair[0]).unwrap(), content(&pair[1])));
        let headers: Vec<RecordHeader> = headers.collect();
        let first = record["timestamp"].as_i64().unwrap();
        let times = record["repeat"].as_i64().unwrap_or(1);
        for i in 0..times {
            let numbered = |name: &str| match &record["repeat"] {
                Value::Null => content(&record[name]),
                _ => Some(format!("{}{i}", record[name].as_str().unwrap()).into()),
            };
            records.push(Record {
                offset: records.len() as i64,
                timestamp: first + i * record["step"].as_i64().unwrap_or(0),
                key: numbered("key"),
                value: numbered("value"),
                headers: headers.clone(),
            });
        }
    }
    records
}

fn options(case: &Value, habits: &Habits, records: &[Record]) -> BatchOptions {
    let number = |name: &str, default: i64| case[name].as_i64().unwrap_or(default);
    let smallest = records.iter().map(|record| record.timestamp).min();
    BatchOptions {
        partition_leader_epoch: habits.partition_leader_epoch,
        base_timestamp: smallest.filter(|_| habits.base_timestamp_is_smallest),
        producer_id: number("producer_id", -1),
        producer_epoch: number("producer_epoch", habits.producer_epoch.into()) as i16,
        base_sequence: number("base_sequence", habits.base_sequence.into()) as i32,
        transactional: case["transactional"].as_bool().unwrap_or(false),
        ..BatchOptions::default()
    }
}

fn check(vectors: &str, covered: usize, habits: &Habits) {
    let cases: Vec<Value> = serde_json::from_str(CASES).unwrap();
    let mut vectors: BTreeMap<String, String> = serde_json::from_str(vectors).unwrap();
    assert_eq!(vectors.len(), covered);
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let Some(digits) = vectors.remove(name) else { continue };
        let theirs = unhex(&digits);
        let (batch, size) = RecordBatch::parse(&theirs).unwrap();
        assert_eq!(size, theirs.len(), "{name}");
        assert!(batch.is_crc_valid(), "{name}");
        let expected = records(case);
        let read: Vec<Record> = batch.records().map(Result::unwrap).collect();
        assert_eq!(read, expected, "{name}");

        let mut builder = BatchBuilder::new(options(case, habits, &expected));
        for record in &expected {
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            builder.try_push(record.timestamp, key, value, &record.headers).unwrap();
        }
        assert_eq!(builder.size_bytes() as usize, theirs.len(), "{name}");
        assert_eq!(builder.build(), theirs, "{name}");
    }
    check_compressed(&cases, vectors);
}

/// Every encoder makes other bytes of the same records; they must be read the same.
fn check_compressed(cases: &[Value], vectors: BTreeMap<String, String>) {
    for (name, digits) in vectors {
        let (name, codec) = name.split_once(", ").unwrap();
        let case = cases.iter().find(|case| case["name"] == name).unwrap();
        let (batch, _) = RecordBatch::parse(&unhex(&digits)).unwrap();
        assert!(batch.is_crc_valid(), "{name}, {codec}");
        assert_eq!(batch.compression().to_string(), codec, "{name}");
        let read: Vec<Record> = batch.records().map(Result::unwrap).collect();
        assert_eq!(read, records(case), "{name}, {codec}");
    }
}

#[test]
fn as_kafkajs_writes() {
    let habits = Habits {
        partition_leader_epoch: 0,
        producer_epoch: 0,
        base_sequence: 0,
        base_timestamp_is_smallest: true,
    };
    check(include_str!("../golden/batches/kafkajs.json"), 25, &habits);
}

#[test]
fn as_kafka_python_writes() {
    let habits = Habits {
        partition_leader_epoch: 0,
        producer_epoch: -1,
        base_sequence: -1,
        base_timestamp_is_smallest: false,
    };
    check(include_str!("../golden/batches/kafka-python.json"), 22, &habits);
}

#[test]
fn as_librdkafka_writes() {
    let habits = Habits {
        partition_leader_epoch: 0,
        producer_epoch: -1,
        base_sequence: -1,
        base_timestamp_is_smallest: false,
    };
    check(include_str!("../golden/batches/librdkafka.json"), 20, &habits);
}
