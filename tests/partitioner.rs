//! Other clients' own choices for thousands of keys (`tests/golden/partitions/make.sh` asks
//! them) are ours too, natively and in wasm.

use std::collections::BTreeMap;

use serde::Deserialize;
use terrarium::partitioner::{PartitionerKind, partition_for_key};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[derive(Deserialize)]
struct Vectors {
    keys: Vec<String>,
    groups: Vec<Group>,
}

/// Partitioners that agree on every key that is not empty. What they choose is by the number of
/// partitions.
#[derive(Deserialize)]
struct Group {
    empty: BTreeMap<PartitionerKind, BTreeMap<u32, Option<i32>>>,
    partitions: BTreeMap<u32, Vec<i32>>,
}

#[test]
fn keys_go_where_other_clients_put_them() {
    let vectors: Vectors = serde_json::from_str(include_str!("golden/partitions/vectors.json")).unwrap();
    let keys: Vec<Vec<u8>> = vectors.keys.iter().map(|key| from_hex(key)).collect();
    let mut compared = 0;
    for group in &vectors.groups {
        for (&kind, of_empty) in &group.empty {
            for (&count, &expected) in of_empty {
                assert_eq!(partition_for_key(kind, b"", count), expected, "{kind} of {count}: the empty key");
            }
            for (&count, expected) in &group.partitions {
                assert_eq!(expected.len(), keys.len());
                for (key, &expected) in keys.iter().zip(expected) {
                    let ours = partition_for_key(kind, key, count);
                    assert_eq!(ours, Some(expected), "{kind} of {count}: {key:02x?}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 40_000, "only {compared} were compared");
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().map(|digit| digit.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
