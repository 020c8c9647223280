//! Lines to records.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::value::RawValue;

use super::time::Clock;
use super::{Data, DataError, RECORDS_MAX};
use crate::base::Map;
use crate::client::workload::{Text, TimedRecord};

/// What a column holds in one line.
#[derive(Clone, Debug, PartialEq)]
enum Cell<'a> {
    /// No such member.
    Missing,
    /// `null`, or an empty cell.
    Null,
    /// A text.
    Text(String),
    /// Any other JSON, as it is written.
    Json(&'a str),
}

impl Cell<'_> {
    fn text(self) -> Option<Text> {
        match self {
            Cell::Missing | Cell::Null => None,
            Cell::Text(text) => Some(Text(Bytes::from(text))),
            Cell::Json(json) => Some(Text(Bytes::copy_from_slice(json.as_bytes()))),
        }
    }
}

struct Reader<'a> {
    data: &'a Data,
    topic: Arc<str>,
    clock: Clock,
    records: Vec<TimedRecord>,
}

pub(super) fn ndjson(data: &Data, text: &str) -> Result<Vec<TimedRecord>, DataError> {
    let mut reader = Reader::new(data);
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        let members: Map<String, &RawValue> = serde_json::from_str(text).map_err(|error| {
            let message =
                format!("expected a JSON object: {error}").replace(" at line 1 column", " at column");
            DataError { line, column: None, message }
        })?;
        let cell = |name: &str| match members.get(name).map(|raw| raw.get()) {
            None => Ok(Cell::Missing),
            Some("null") => Ok(Cell::Null),
            Some(raw) if raw.starts_with('"') => serde_json::from_str(raw).map(Cell::Text),
            Some(raw) => Ok(Cell::Json(raw)),
        };
        let cell = |name: &str| {
            cell(name).map_err(|error| DataError {
                line,
                column: Some(name.to_owned()),
                message: error.to_string(),
            })
        };
        reader.add(line, &cell, || text.to_owned())?;
    }
    Ok(reader.records)
}

pub(super) fn csv(data: &Data, text: &str) -> Result<Vec<TimedRecord>, DataError> {
    let mut reader = Reader::new(data);
    let mut file = csv::ReaderBuilder::new().has_headers(true).from_reader(text.as_bytes());
    let header = file.headers().map_err(|error| csv_error(&error))?.clone();
    let mut places = Map::new();
    for (place, name) in header.iter().enumerate() {
        if places.insert(name.trim().to_owned(), place).is_some() {
            let message = "two columns have this name".into();
            return Err(DataError { line: 1, column: Some(name.to_owned()), message });
        }
    }
    let columns = &data.columns;
    let single = [&columns.key, &columns.value, &columns.partition, &columns.time];
    for name in single.into_iter().flatten().chain(&columns.headers) {
        if !places.contains_key(name) {
            let names = header.iter().collect::<Vec<_>>().join(", ");
            let message = format!("there is no such column; there are: {names}");
            return Err(DataError { line: 1, column: Some(name.clone()), message });
        }
    }
    for row in file.records() {
        let row = row.map_err(|error| csv_error(&error))?;
        let line = row.position().map_or(0, csv::Position::line);
        let cell = |name: &str| {
            let text = places.get(name).and_then(|place| row.get(*place));
            Ok(match text {
                None => Cell::Missing,
                Some("") => Cell::Null,
                Some(text) => Cell::Text(text.to_owned()),
            })
        };
        reader.add(line, &cell, || {
            let members =
                header.iter().zip(&row).map(|(name, text)| format!("{}:{}", json(name), json(text)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        })?;
    }
    Ok(reader.records)
}

fn json(text: &str) -> String {
    // A text always is.
    serde_json::to_string(text).unwrap_or_default()
}

fn csv_error(error: &csv::Error) -> DataError {
    let line = error.position().map_or(0, csv::Position::line);
    let message = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("expected {expected_len} cells as in the first line, found {len}")
        }
        _ => error.to_string(),
    };
    DataError { line, column: None, message }
}

impl<'a> Reader<'a> {
    fn new(data: &'a Data) -> Reader<'a> {
        let clock = Clock::new(data.time_unit, data.every_ms);
        Reader { data, topic: data.topic.as_str().into(), clock, records: Vec::new() }
    }

    fn add<'c>(
        &mut self,
        line: u64,
        cell: &impl Fn(&str) -> Result<Cell<'c>, DataError>,
        whole: impl FnOnce() -> String,
    ) -> Result<(), DataError> {
        if self.records.len() >= RECORDS_MAX {
            let message = format!("a file may have {RECORDS_MAX} records, and here is one more");
            return Err(DataError { line, column: None, message });
        }
        let columns = &self.data.columns;
        let wrong = |name: &str, message: String| DataError { line, column: Some(name.to_owned()), message };
        let mut record = TimedRecord { topic: Arc::clone(&self.topic), ..TimedRecord::default() };
        if let Some(name) = &columns.key {
            record.key = cell(name)?.text();
        }
        record.value = match &columns.value {
            None => Some(Text(Bytes::from(whole()))),
            Some(name) => match cell(name)? {
                Cell::Missing => return Err(wrong(name, "is missing; null makes a tombstone".into())),
                value => value.text(),
            },
        };
        if let Some(name) = &columns.partition {
            record.partition = match cell(name)? {
                Cell::Missing | Cell::Null => None,
                Cell::Text(text) => Some(partition(&text).map_err(|message| wrong(name, message))?),
                Cell::Json(text) => Some(partition(text).map_err(|message| wrong(name, message))?),
            };
        }
        for name in &columns.headers {
            match cell(name)? {
                Cell::Json(object) if object.starts_with('{') => {
                    let members: Map<String, serde_json::Value> = serde_json::from_str(object)
                        .map_err(|error| wrong(name, format!("expected headers: {error}")))?;
                    for (header, value) in members {
                        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                        record.headers.push((header, Text(Bytes::from(text))));
                    }
                }
                other => record.headers.extend(other.text().map(|text| (name.clone(), text))),
            }
        }
        record.at_us = match &columns.time {
            None => self.clock.tick(),
            Some(name) => match cell(name)? {
                Cell::Missing | Cell::Null => return Err(wrong(name, "the time is missing".into())),
                Cell::Text(text) => self.clock.read(&text).map_err(|message| wrong(name, message))?,
                Cell::Json(text) => self.clock.read(text).map_err(|message| wrong(name, message))?,
            },
        };
        self.records.push(record);
        Ok(())
    }
}

fn partition(text: &str) -> Result<i32, String> {
    let number: Option<i32> = text.trim().parse().ok();
    number
        .filter(|number| *number >= 0)
        .ok_or_else(|| format!("expected a partition's number, found '{text}'"))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// One line for each record, or the error.
    fn check(choice: &str, contents: &str, expected: &[&str]) {
        let data: Data = serde_json::from_str(choice).unwrap_or_else(|error| panic!("{error}"));
        let found = match data.records(contents.as_bytes()) {
            Ok(records) => records.iter().map(line).collect(),
            Err(error) => vec![error.to_string()],
        };
        assert_eq!(found, expected);
    }

    fn line(record: &TimedRecord) -> String {
        let text = |text: &Option<Text>| text.as_ref().map_or("-".to_owned(), Text::to_string);
        let mut line = format!("{} {} {}", record.at_us, text(&record.key), text(&record.value));
        if let Some(partition) = record.partition {
            line += &format!(" p{partition}");
        }
        for (name, value) in &record.headers {
            line += &format!(" {name}={value}");
        }
        line
    }

    const EVERYTHING: &str = r#"{"topic": "t", "file": "FILE", "columns":
        {"key": "k", "value": "v", "headers": ["h"], "partition": "p", "time": "t"}}"#;

    #[test]
    fn ndjson_keeps_every_byte_of_a_value() {
        let choice = EVERYTHING.replace("FILE", "a.ndjson");
        let contents = concat!(
            "{\"k\": \"a\", \"v\": {\"z\":1,  \"b\":2}, \"h\": \"x\", \"p\": 1, \"t\": 1000}\n\n",
            "{\"k\": 7, \"v\": \"text\", \"h\": {\"a\": \"b\", \"n\": 1}, \"t\": 1250.5}\r\n",
            "{\"v\": null, \"t\": \"1300\"}",
        );
        check(&choice, contents, &["0 a {\"z\":1,  \"b\":2} p1 h=x", "250500 7 text a=b n=1", "300000 - -"]);
    }

    #[test]
    fn csv_cells_are_texts() {
        let choice = EVERYTHING.replace("FILE", "a.csv");
        let contents = "\u{feff}t,k,v,h,p\n2026-01-01T00:00:00Z,a,\"x, y\",,1\n2026-01-01T00:00:01.5Z,,,h,\n";
        check(&choice, contents, &["0 a x, y p1", "1500000 - - h=h"]);
        check(r#"{"topic": "t", "file": "a.csv"}"#, "b,a\n1,\"q\"\"\"\n", &[r#"0 - {"b":"1","a":"q\""}"#]);
    }

    #[test]
    fn without_times_records_come_evenly() {
        check(r#"{"topic": "t", "file": "a.jsonl", "every_ms": 2}"#, "{}\n{}\n", &["0 - {}", "2000 - {}"]);
    }

    #[test]
    fn what_is_wrong_is_named_by_line_and_column() {
        let (json, csv) = (EVERYTHING.replace("FILE", "a.ndjson"), EVERYTHING.replace("FILE", "a.csv"));
        let head = "t,k,v,h,p\n";
        check(
            &json,
            "{\"v\":1,\"t\":1}\n{\"t\":1}",
            &["line 2, column 'v': is missing; null makes a tombstone"],
        );
        check(&json, "{\"v\":1}", &["line 1, column 't': the time is missing"]);
        check(
            &json,
            "{\"v\":1,\"t\":true}",
            &["line 1, column 't': expected a number or a date and time, found 'true'"],
        );
        check(
            &json,
            "[1]",
            &["line 1: expected a JSON object: invalid type: sequence, expected a map at column 0"],
        );
        check(
            &json,
            "{\"v\":1,\"t\":5}\n{\"v\":1,\"t\":4}",
            &["line 2, column 't': 4 is earlier than the record before"],
        );
        check(
            &csv,
            &format!("{head}1,a,b,c,-1"),
            &["line 2, column 'p': expected a partition's number, found '-1'"],
        );
        check(&csv, &format!("{head}1,a"), &["line 2: expected 5 cells as in the first line, found 2"]);
        check(&csv, "a,b\n1,2", &["line 1, column 'k': there is no such column; there are: a, b"]);
        check(&csv, "a,a\n", &["line 1, column 'a': two columns have this name"]);
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        let data: Option<Data> = serde_json::from_str(r#"{"topic": "t", "file": "a.csv"}"#).ok();
        let error = data.map(|data| data.records(b"a\nb\n\xff").map_err(|error| error.to_string()));
        assert_eq!(error, Some(Err("line 3: is not UTF-8 text".into())));
    }
}
