//! Questions that need no world: who gets which partitions, and which partition gets a key.

#![expect(unreachable_pub, reason = "only what is public can be exported")]

use js_sys::{Array, Uint8Array};
use serde_json::{Value, json};
use terrarium::assignor::{Assignor, Change, Explanation, Question, to_json};
use terrarium::base::Rng;
use terrarium::partitioner::{Partitioner, PartitionerKind, TopicPartitions};
use wasm_bindgen::prelude::*;

/// As Java's `batch.size` is without a config.
const BATCH_SIZE_BYTES: u32 = 16_384;

/// The assignment of a group, both in JSON.
#[wasm_bindgen]
pub fn assign(assignor: &str, group: &str) -> Result<String, JsError> {
    let (assignor, question) = (assignor.parse::<Assignor>()?, Question::parse(group)?);
    Ok(to_json(&question.answer(assignor)))
}

/// Why a group's assignment is as it is, one object a partition.
#[wasm_bindgen]
pub fn explain(assignor: &str, group: &str) -> Result<String, JsError> {
    let (assignor, question) = (assignor.parse::<Assignor>()?, Question::parse(group)?);
    let explained = question.explain(assignor, &question.answer(assignor));
    Ok(explained.iter().map(told).collect::<Value>().to_string())
}

fn told(explained: &Explanation) -> Value {
    let change = match explained.change() {
        Change::Stays => "stays",
        Change::Moves => "moves",
        Change::New => "new",
        Change::Revoked => "revoked",
        Change::Waits => "waits",
    };
    json!({
        "topic": explained.partition.topic,
        "partition": explained.partition.partition,
        "change": change,
        "from": explained.from,
        "to": explained.to,
        "next": explained.next,
        "why": explained.to_string(),
    })
}

/// The partitions of keys, which are arrays of bytes or `null`.
#[wasm_bindgen]
pub fn partition(partitioner: &str, keys: &Array, count: u32, seed: f64) -> Result<Vec<i32>, JsError> {
    let kind: PartitionerKind = partitioner.parse()?;
    let available: Vec<i32> = (0..i32::try_from(count)?).collect();
    let partitions = TopicPartitions { count, available: &available };
    let mut partitioner = Partitioner::new(kind, false, BATCH_SIZE_BYTES);
    let mut rng = Rng::stream(seed as u64, "partition");
    let choose = |key: JsValue| {
        let key = key.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec);
        partitioner.choose(&mut rng, "", key.as_deref(), &partitions)
    };
    Ok(keys.iter().map(choose).collect())
}
