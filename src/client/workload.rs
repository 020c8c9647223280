//! What the application behind a producer does: which records it sends, and when.
//!
//! A workload is a list of sources, each like a thread that calls `send()` in a loop, and a
//! list of timed records (a replay of data). Must not know batches, brokers or the network.

mod runner;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::storage::RecordHeader;

pub(super) use runner::{Draw, MAX_DRAWS, Origin, WorkloadRunner};

/// What the application does.
///
/// ```json
/// {"sources": [{"topic": "orders", "every_ms": 500, "keys": ["N", "S"], "value": "order {n}"}]}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Workload {
    /// Loops that send records.
    pub sources: Vec<Source>,
    /// Records sent at their times, in ascending order: data that are replayed.
    pub records: Arc<Vec<TimedRecord>>,
    /// How much faster than told the records are replayed: 2 halves every time.
    pub speed: f64,
}

/// A loop that sends records to one topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Source {
    /// The topic.
    pub topic: Arc<str>,
    /// Milliseconds from one round to the next. Without it and `rate_per_s` the loop does not
    /// wait between rounds; then `count` must be given.
    pub every_ms: Option<u64>,
    /// Rounds per second, in place of `every_ms`.
    pub rate_per_s: Option<f64>,
    /// Stop after so many records; for ever without it.
    pub count: Option<u64>,
    /// The first round, in milliseconds after the producer starts.
    pub start_ms: u64,
    /// Records per round, all at once.
    pub burst: u32,
    /// Each wait varies by up to so many percent either way (seeded, so repeatable).
    pub jitter_percent: u32,
    /// Send to this partition instead of letting the partitioner choose.
    pub partition: Option<i32>,
    /// The keys; no key without it.
    pub keys: Option<Keys>,
    /// The value: `{n}` stands for the record's number in this source, from 0, and `{key}`
    /// for its key. `null` sends tombstones.
    pub value: Option<String>,
    /// Headers: names and values; `{n}` and `{key}` stand for the same.
    pub headers: Vec<(String, String)>,
    /// Wait for each record's acknowledgement before sending the next: `send().get()`.
    pub await_each: bool,
}

/// Which keys a source uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Keys {
    /// These, in turn; as soon as one has a weight, drawn by weight.
    List(Vec<KeyChoice>),
    /// Numbered keys, in turn.
    Numbered(NumberedKeys),
}

/// Numbered keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NumberedKeys {
    /// The key; `{n}` stands for its number.
    pub pattern: String,
    /// How many different keys: numbers run from 0 up to but not including this. Without it
    /// every record has a key of its own.
    pub distinct: Option<u64>,
}

/// One key of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum KeyChoice {
    /// A record without key.
    Null,
    /// This key; weight 1.
    Key(String),
    /// This key with a weight.
    Weighted(WeightedKey),
}

/// A key and how often it is drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WeightedKey {
    /// The key; `null`: none.
    pub key: Option<String>,
    /// How often, in relation to the others' weights.
    pub weight: u32,
}

/// A record that is sent at its time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct TimedRecord {
    /// When, in microseconds after the producer starts.
    pub at_us: u64,
    /// The topic.
    pub topic: Arc<str>,
    /// The partition, if not the partitioner chooses.
    pub partition: Option<i32>,
    /// The key, if there is one.
    pub key: Option<Text>,
    /// The value; none is a tombstone.
    pub value: Option<Text>,
    /// Headers: names and values.
    pub headers: Vec<(String, Text)>,
    /// Its timestamp, in milliseconds since 1970; without it, that of the sending.
    pub timestamp: Option<i64>,
}

/// Bytes that files write as a string.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String"))]
#[serde(from = "String", into = "String")]
pub struct Text(pub Bytes);

impl From<String> for Text {
    fn from(text: String) -> Text {
        Text(Bytes::from(text))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<Text> for String {
    fn from(text: Text) -> String {
        String::from_utf8_lossy(&text.0).into_owned()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

/// A record as the application hands it to the producer.
#[derive(Clone, Debug, PartialEq)]
pub struct ProducerRecord {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition, if not the partitioner chooses.
    pub partition: Option<i32>,
    /// The key, if there is one.
    pub key: Option<Bytes>,
    /// The value; none is a tombstone.
    pub value: Option<Bytes>,
    /// Headers.
    pub headers: Vec<RecordHeader>,
    /// Milliseconds since 1970; without it, the time of `send()`.
    pub timestamp: Option<i64>,
}

impl Default for Workload {
    fn default() -> Self {
        Workload { sources: Vec::new(), records: Arc::default(), speed: 1.0 }
    }
}

impl Default for Source {
    fn default() -> Self {
        Source {
            topic: Arc::from(""),
            every_ms: None,
            rate_per_s: None,
            count: None,
            start_ms: 0,
            burst: 1,
            jitter_percent: 0,
            partition: None,
            keys: None,
            value: Some("{n}".to_owned()),
            headers: Vec::new(),
            await_each: false,
        }
    }
}

impl Workload {
    /// What is wrong with it, in one sentence each; empty when all is well.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (index, source) in self.sources.iter().enumerate() {
            problems
                .extend(source.problems().into_iter().map(|problem| format!("sources[{index}]: {problem}")));
        }
        if !(self.speed > 0.0 && self.speed.is_finite()) {
            problems.push("speed must be above 0".to_owned());
        }
        if !self.records.is_sorted_by_key(|record| record.at_us) {
            problems.push("records must be in the order of at_us".to_owned());
        }
        problems
    }
}

impl Source {
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |fine: bool, problem: &str| {
            if !fine {
                problems.push(problem.to_owned());
            }
        };
        check(!self.topic.is_empty(), "topic must be given");
        check(self.every_ms.is_none() || self.rate_per_s.is_none(), "give every_ms or rate_per_s, not both");
        let rate = self.rate_per_s.unwrap_or(1.0);
        check(rate > 0.0 && rate.is_finite(), "rate_per_s must be above 0");
        check(self.interval_us() > 0 || self.count.is_some(), "give every_ms, rate_per_s or count");
        check(self.burst > 0, "burst must be at least 1");
        check(self.jitter_percent <= 100, "jitter_percent must be at most 100");
        check(self.partition.is_none_or(|partition| partition >= 0), "partition must not be negative");
        match &self.keys {
            Some(Keys::List(list)) => {
                let total: u64 = list.iter().map(|choice| u64::from(choice.weight())).sum();
                check(total > 0, "keys must not be empty, nor all of weight 0");
            }
            Some(Keys::Numbered(numbered)) => {
                check(numbered.distinct != Some(0), "keys: distinct must be at least 1");
            }
            None => {}
        }
        problems
    }

    /// Microseconds from one round to the next; 0: none.
    fn interval_us(&self) -> u64 {
        match (self.every_ms, self.rate_per_s) {
            (Some(every_ms), _) => every_ms.saturating_mul(1_000),
            (None, Some(rate)) => (1_000_000.0 / rate) as u64,
            (None, None) => 0,
        }
    }
}

impl KeyChoice {
    fn key(&self) -> Option<&str> {
        match self {
            KeyChoice::Null => None,
            KeyChoice::Key(key) => Some(key),
            KeyChoice::Weighted(weighted) => weighted.key.as_deref(),
        }
    }

    fn weight(&self) -> u32 {
        match self {
            KeyChoice::Weighted(weighted) => weighted.weight,
            KeyChoice::Null | KeyChoice::Key(_) => 1,
        }
    }
}
