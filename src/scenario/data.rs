//! Data that a producer replays: a file of records, NDJSON or CSV, with the choice of which
//! column is what.
//!
//! Errors name line and column; sizes are bounded.

mod read;
mod time;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::client::Workload;
use crate::client::workload::TimedRecord;

/// The largest file that is read.
pub const FILE_MAX_BYTES: usize = 64 * 1024 * 1024;
/// The most records that a file may have.
pub const RECORDS_MAX: usize = 200_000;

/// A file whose records a producer sends, each at its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// The file's name, relative to the scenario's.
    pub file: String,
    /// How it is written; without it, as its name ends: `.csv`, or `.ndjson` and `.jsonl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// The topic that the records go to.
    pub topic: String,
    /// What is what.
    #[serde(default)]
    pub columns: Columns,
    /// What numbers in the time column count.
    #[serde(default)]
    pub time_unit: TimeUnit,
    /// Without a time column, the records follow each other so far apart.
    #[serde(default = "a_tenth")]
    pub every_ms: u64,
    /// How much faster than told the records are sent: 2 halves every time.
    #[serde(default = "as_told")]
    pub speed: f64,
}

/// How a file of records is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One JSON object on each line.
    Ndjson,
    /// Comma-separated values; the first line names the columns.
    Csv,
}

/// Which column (CSV) or member of the object (NDJSON) is what. None is needed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Columns {
    /// The key. An empty cell, `null` or nothing: no key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The value. An empty cell or `null`: a tombstone. Without a value column, the value is
    /// the whole line as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Headers: each of these columns becomes one of its name, unless it is empty; the members
    /// of an object become one each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
    /// The partition's number. Empty: the partitioner chooses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// When: a number, or a text as `2026-01-31T12:00:00Z`. The first record is sent at once,
    /// the others as much later as they say. Never earlier than the record before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

/// What numbers in a time column count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum TimeUnit {
    /// Seconds.
    S,
    /// Milliseconds.
    #[default]
    Ms,
    /// Microseconds.
    Us,
}

/// What is wrong with a file of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataError {
    /// The line, from 1; 0 for the file as a whole.
    pub line: u64,
    /// The column's name, when it is about one.
    pub column: Option<String>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, &self.column) {
            (0, None) => {}
            (0, Some(column)) => write!(f, "column '{column}': ")?,
            (line, None) => write!(f, "line {line}: ")?,
            (line, Some(column)) => write!(f, "line {line}, column '{column}': ")?,
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for DataError {}

impl Data {
    /// What is wrong with the choice itself; empty when all is well.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.file.is_empty() {
            problems.push("file must be given".to_owned());
        }
        if self.actual_format().is_none() {
            problems.push(format!(
                "'{}' ends neither in .csv nor in .ndjson or .jsonl: give the format",
                self.file
            ));
        }
        if !(self.speed > 0.0 && self.speed.is_finite()) {
            problems.push("speed must be above 0".to_owned());
        }
        problems
    }

    /// The records of a file's contents.
    ///
    /// # Errors
    /// The first thing that is wrong with the file, with its line and column.
    pub fn records(&self, contents: &[u8]) -> Result<Vec<TimedRecord>, DataError> {
        let whole = |message: String| DataError { line: 0, column: None, message };
        if contents.len() > FILE_MAX_BYTES {
            return Err(whole(format!(
                "a file may have {FILE_MAX_BYTES} bytes, this has {}",
                contents.len()
            )));
        }
        let text = std::str::from_utf8(contents).map_err(|error| {
            let before = &contents[..error.valid_up_to()];
            let line = 1 + before.iter().filter(|b| **b == b'\n').count() as u64;
            DataError { line, column: None, message: "is not UTF-8 text".into() }
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match self.actual_format() {
            Some(Format::Ndjson) => read::ndjson(self, text),
            Some(Format::Csv) => read::csv(self, text),
            None => Err(whole(self.problems().join("; "))),
        }
    }

    /// A workload that replays a file's contents.
    ///
    /// # Errors
    /// The first thing that is wrong with the file, with its line and column.
    pub fn workload(&self, contents: &[u8]) -> Result<Workload, DataError> {
        let records = self.records(contents)?.into();
        Ok(Workload { records, speed: self.speed, ..Workload::default() })
    }

    fn actual_format(&self) -> Option<Format> {
        let name = self.file.to_ascii_lowercase();
        let ending = name.rsplit('.').next().unwrap_or_default();
        self.format.or(match ending {
            "csv" => Some(Format::Csv),
            "ndjson" | "jsonl" | "json" => Some(Format::Ndjson),
            _ => None,
        })
    }
}

fn a_tenth() -> u64 {
    100
}

fn as_told() -> f64 {
    1.0
}
