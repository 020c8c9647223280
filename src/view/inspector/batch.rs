//! A record batch out of a replica's log.

use bytes::Bytes;

use crate::protocol::TopicPartition;
use crate::sim::World;
use crate::storage::{Record, RecordBatch};
use crate::view::words::Names;

use super::FieldView;
use super::records::{Opener, PartView, batch_fields};

/// More records of a batch are not listed.
const RECORDS_MAX: usize = 1_000;
/// Longer texts are cut.
const SHOWN_MAX: usize = 256;

/// A batch opened up.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchView {
    /// `rider-updates-0, offsets 7 to 9`.
    pub title: String,
    /// The header's fields.
    pub facts: Vec<(String, String)>,
    /// Its records.
    pub records: Vec<RecordView>,
    /// Which of [`BatchView::records`] has the offset asked for.
    pub selected: Option<u32>,
    /// The key and the value of that record, where they have schemas: in internal topics.
    pub opened: Vec<PartView>,
    /// Why some or all records are not listed.
    pub error: Option<String>,
    /// Every field of the batch, for [`super::hex_rows`].
    pub fields: Vec<FieldView>,
    /// The batch's bytes.
    pub bytes: Bytes,
}

/// A record in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordView {
    /// Its offset.
    pub offset: i64,
    /// Its timestamp as date and time (UTC).
    pub timestamp: String,
    /// Its key as text, or in hexadecimal digits, or what it says in an internal topic; `None` is null.
    pub key: Option<String>,
    /// Its value, likewise.
    pub value: Option<String>,
    /// Its headers in order.
    pub headers: Vec<(String, Option<String>)>,
}

/// The batch with this offset on a broker's replica, also when the broker is down.
pub fn inspect_batch(world: &World, broker: i32, at: &TopicPartition, offset: i64) -> Option<BatchView> {
    let log = world.replica_log(broker, at)?;
    if offset < log.log_start_offset() || offset >= log.log_end_offset() {
        return None;
    }
    let batch = log.batches_from(offset).next()?;
    let names = Names::of(world);
    Some(view(at, &batch, offset, Opener::of(&at.topic, &names)))
}

fn view(at: &TopicPartition, batch: &RecordBatch, offset: i64, opener: Option<Opener<'_>>) -> BatchView {
    let (mut records, mut error, mut opened) = (Vec::new(), None, Vec::new());
    for record in batch.records() {
        match record {
            Ok(_) if records.len() == RECORDS_MAX => {
                error = Some(format!("only the first {RECORDS_MAX} records are listed"));
                break;
            }
            Ok(record) => {
                let parts = opener.map(|opener| open(opener, batch.is_control(), &record));
                let [key, value] = parts.unwrap_or_default();
                if record.offset == offset {
                    opened.extend([&key, &value].into_iter().flatten().cloned());
                }
                let mut shown = record_view(record);
                shown.key = key.map(|part| part.title).or(shown.key);
                shown.value = value.map(|part| part.title).or(shown.value);
                records.push(shown);
            }
            Err(found) => error = Some(found.to_string()),
        }
    }
    let selected = records.iter().position(|record: &RecordView| record.offset == offset);
    let (first, last) = (batch.base_offset(), batch.last_offset());
    BatchView {
        title: if first == last {
            format!("{at}, offset {first}")
        } else {
            format!("{at}, offsets {first} to {last}")
        },
        facts: facts(batch),
        records,
        selected: selected.and_then(|index| u32::try_from(index).ok()),
        opened,
        error,
        fields: batch_fields(batch.bytes(), 0, 0, opener),
        bytes: batch.bytes().clone(),
    }
}

fn open(opener: Opener<'_>, is_control: bool, record: &Record) -> [Option<PartView>; 2] {
    let key = record.key.as_ref();
    let value = record.value.as_ref();
    [key.map(|key| opener.key(is_control, key)), value.map(|value| opener.value(is_control, key, value))]
}

fn facts(batch: &RecordBatch) -> Vec<(String, String)> {
    let crc = match batch.check_crc() {
        Ok(()) => format!("{:#010x}, valid", batch.crc()),
        Err(_) => format!("{:#010x}, but the bytes give {:#010x}", batch.crc(), batch.computed_crc()),
    };
    let producer = match batch.has_producer_id() {
        true => format!("{}, epoch {}", batch.producer_id(), batch.producer_epoch()),
        false => "none: not idempotent".to_owned(),
    };
    let mut facts = vec![
        ("offsets", format!("{}–{}", batch.base_offset(), batch.last_offset())),
        ("records", batch.count().to_string()),
        ("size", format!("{} bytes", batch.size_bytes())),
        ("leader epoch", batch.partition_leader_epoch().to_string()),
        ("timestamps", batch.timestamp_type().to_string()),
        ("latest timestamp", date(batch.max_timestamp())),
        ("compression", batch.compression().to_string()),
        ("producer id", producer),
    ];
    if batch.has_producer_id() {
        facts.push(("sequence numbers", format!("{}–{}", batch.base_sequence(), batch.last_sequence())));
    }
    facts.push(("CRC-32C", crc));
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn record_view(record: Record) -> RecordView {
    let headers = record.headers.iter();
    RecordView {
        offset: record.offset,
        timestamp: date(record.timestamp),
        key: record.key.as_deref().map(text),
        value: record.value.as_deref().map(text),
        headers: headers.map(|header| (text(&header.key), header.value.as_deref().map(text))).collect(),
    }
}

/// Text when it is text, else hexadecimal digits; cut when it is long.
pub(in crate::view) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') => {
            match text.char_indices().nth(SHOWN_MAX) {
                Some((end, _)) => format!("{}…", &text[..end]),
                None => text.to_owned(),
            }
        }
        _ => {
            let cut = &bytes[..bytes.len().min(SHOWN_MAX)];
            let digits: Vec<String> = cut.iter().map(|byte| format!("{byte:02x}")).collect();
            let more = if cut.len() < bytes.len() { " …" } else { "" };
            format!("{}{more}", digits.join(" "))
        }
    }
}

/// Milliseconds since 1970 as a date in UTC; no timestamp is `none`.
fn date(unix_ms: i64) -> String {
    const DAY_MS: i64 = 86_400_000;
    if unix_ms < 0 {
        return "none".to_owned();
    }
    let (day, ms) = (unix_ms / DAY_MS, unix_ms % DAY_MS);
    // Days are counted from 1 March of year 0, so that a leap day is a year's last.
    let shifted = day + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day_of_month = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    format!("{year}-{month:02}-{day_of_month:02} {hour:02}:{minute:02}:{second:02}.{:03}", ms % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn dates_know_leap_years() {
        let check = |unix_ms, expected: &str| assert_eq!(date(unix_ms), expected);
        check(0, "1970-01-01 00:00:00.000");
        check(951_782_400_000, "2000-02-29 00:00:00.000");
        check(4_107_542_399_999, "2100-02-28 23:59:59.999");
        check(4_107_542_400_000, "2100-03-01 00:00:00.000");
        check(1_767_225_604_212, "2026-01-01 00:00:04.212");
        check(-1, "none");
        assert!(!date(i64::MAX).is_empty());
    }

    #[test]
    fn bytes_are_text_or_digits() {
        assert_eq!(text("Ø".as_bytes()), "Ø");
        assert_eq!(text(&[0, 255]), "00 ff");
        assert_eq!(text("x".repeat(300).as_bytes()).chars().count(), SHOWN_MAX + 1);
    }
}
