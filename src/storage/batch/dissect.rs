//! Naming every byte of a batch, for somebody who looks at it.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

use super::record::nullable_at;
use super::varint::{varint_at, varlong_at};
use super::{Compression, RecordBatch, at};

/// More spans than this say no more; the rest is one last span.
const MAX_SPANS: usize = 20_000;
/// Longer contents are cut in a span's value.
const MAX_SHOWN: usize = 64;

/// A named stretch of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchSpan {
    /// What it is, in the words of Kafka's format description.
    pub name: Cow<'static, str>,
    /// First byte.
    pub start: u32,
    /// First byte after it.
    pub end: u32,
    /// What it says.
    pub value: String,
    /// 0 for a batch, 1 for its fields and records, 2 for a record's fields, 3 for a header's.
    pub depth: u8,
}

/// Every field of the batches in `bytes`, in the order of the bytes; a span comes before
/// those inside it. Bytes that make no sense become a span called `malformed`.
pub fn dissect(bytes: &Bytes) -> Vec<BatchSpan> {
    let mut spans = Spans { all: Vec::new() };
    let mut start = 0;
    while start < bytes.len() {
        let rest = bytes.slice(start..);
        match RecordBatch::parse(&rest) {
            Ok((batch, size)) => {
                dissect_batch(&mut spans, &batch, start);
                start += size;
            }
            Err(error) => {
                spans.add(0, "malformed", start, bytes.len(), error.to_string());
                break;
            }
        }
        if spans.are_full() {
            spans.finish(start, bytes.len());
            break;
        }
    }
    spans.all
}

struct Spans {
    all: Vec<BatchSpan>,
}

impl Spans {
    fn add(
        &mut self,
        depth: u8,
        name: impl Into<Cow<'static, str>>,
        start: usize,
        end: usize,
        value: impl ToString,
    ) {
        let (start, end) = (start as u32, end as u32);
        self.all.push(BatchSpan { name: name.into(), start, end, value: value.to_string(), depth });
    }

    fn are_full(&self) -> bool {
        self.all.len() >= MAX_SPANS
    }

    fn finish(&mut self, start: usize, end: usize) {
        if start < end {
            self.add(0, "more", start, end, format!("{} bytes", end - start));
        }
    }
}

fn dissect_batch(spans: &mut Spans, batch: &RecordBatch, start: usize) {
    let size = batch.bytes().len();
    let offsets = format!("offsets {} to {}", batch.base_offset(), batch.last_offset());
    spans.add(0, "RecordBatch", start, start + size, offsets);
    let crc = match batch.check_crc() {
        Ok(()) => format!("{:#010x}, valid", batch.crc()),
        Err(_) => format!("{:#010x}, but the bytes give {:#010x}", batch.crc(), batch.computed_crc()),
    };
    let length = size as u32 - super::LOG_OVERHEAD;
    let fields: [(&'static str, usize, String); 13] = [
        ("baseOffset", at::BASE_OFFSET, batch.base_offset().to_string()),
        ("batchLength", at::LENGTH, length.to_string()),
        ("partitionLeaderEpoch", at::LEADER_EPOCH, batch.partition_leader_epoch().to_string()),
        ("magic", at::MAGIC, batch.magic().to_string()),
        ("crc", at::CRC, crc),
        ("attributes", at::ATTRIBUTES, attributes(batch)),
        ("lastOffsetDelta", at::LAST_OFFSET_DELTA, batch.last_offset_delta().to_string()),
        ("baseTimestamp", at::BASE_TIMESTAMP, batch.base_timestamp().to_string()),
        ("maxTimestamp", at::MAX_TIMESTAMP, batch.max_timestamp().to_string()),
        ("producerId", at::PRODUCER_ID, batch.producer_id().to_string()),
        ("producerEpoch", at::PRODUCER_EPOCH, batch.producer_epoch().to_string()),
        ("baseSequence", at::BASE_SEQUENCE, batch.base_sequence().to_string()),
        ("recordsCount", at::COUNT, batch.count().to_string()),
    ];
    let ends: Vec<usize> = fields.iter().skip(1).map(|field| field.1).chain([at::RECORDS]).collect();
    for ((name, from, value), to) in fields.into_iter().zip(ends) {
        spans.add(1, name, start + from, start + to, value);
    }
    if batch.compression() != Compression::None {
        let value = format!("{} bytes of {}", size - at::RECORDS, batch.compression());
        let block = start + at::RECORDS..start + size;
        spans.add(1, "records", block.start, block.end, value);
        return dissect_packed(spans, batch, block);
    }
    dissect_records(spans, batch, start);
}

/// Compressed records have no bytes of their own here: each is said to lie in the whole block.
fn dissect_packed(spans: &mut Spans, batch: &RecordBatch, block: Range<usize>) {
    for record in batch.records() {
        if spans.are_full() {
            return;
        }
        let (name, value) = match record {
            Ok(record) => {
                let text = |bytes: &Option<Bytes>| bytes.as_deref().map_or("null".to_owned(), shown);
                let value = format!("key {}, value {}", text(&record.key), text(&record.value));
                (format!("record {}", record.offset.wrapping_sub(batch.base_offset())), value)
            }
            Err(error) => ("malformed".to_owned(), error.to_string()),
        };
        spans.add(2, name, block.start, block.end, value);
    }
}

fn dissect_records(spans: &mut Spans, batch: &RecordBatch, start: usize) {
    let bytes = batch.bytes();
    let mut position = at::RECORDS;
    let mut index = 0;
    while index < batch.count() && position < bytes.len() && !spans.are_full() {
        match dissect_record(spans, bytes, position, start, index) {
            Some(end) => position = end,
            None => {
                spans.add(2, "malformed", start + position, start + bytes.len(), "not a record");
                return;
            }
        }
        index += 1;
    }
    if position < bytes.len() {
        let left = format!("{} bytes after record {}", bytes.len() - position, index - 1);
        let name = if index < batch.count() { "more" } else { "malformed" };
        spans.add(1, name, start + position, start + bytes.len(), left);
    }
}

/// Adds the record's spans; gives where it ends, or `None` as soon as a field makes no sense.
fn dissect_record(spans: &mut Spans, bytes: &[u8], at: usize, base: usize, index: i32) -> Option<usize> {
    let (length, body) = varint_at(bytes, at)?;
    let end = body.checked_add(usize::try_from(length).ok()?)?;
    let bytes = bytes.get(..end)?;
    spans.add(1, format!("record {index}"), base + at, base + end, "");
    spans.add(2, "length", base + at, base + body, length);
    let flags = bytes.get(body)?;
    spans.add(2, "attributes", base + body, base + body + 1, flags);
    let (timestamp_delta, next) = varlong_at(bytes, body + 1)?;
    spans.add(2, "timestampDelta", base + body + 1, base + next, timestamp_delta);
    let (offset_delta, after) = varint_at(bytes, next)?;
    spans.add(2, "offsetDelta", base + next, base + after, offset_delta);
    let next = dissect_nullable(spans, bytes, after, base, 2, ["keyLength", "key"])?;
    let next = dissect_nullable(spans, bytes, next, base, 2, ["valueLength", "value"])?;
    let (count, mut after) = varint_at(bytes, next)?;
    spans.add(2, "headersCount", base + next, base + after, count);
    for _ in 0..count {
        after = dissect_nullable(spans, bytes, after, base, 3, ["headerKeyLength", "headerKey"])?;
        after = dissect_nullable(spans, bytes, after, base, 3, ["headerValueLength", "headerValue"])?;
        if spans.are_full() {
            break;
        }
    }
    Some(end)
}

fn dissect_nullable(
    spans: &mut Spans,
    bytes: &[u8],
    at: usize,
    base: usize,
    depth: u8,
    [length_name, name]: [&'static str; 2],
) -> Option<usize> {
    let (content, end) = nullable_at(bytes, at)?;
    match content {
        None => spans.add(depth, length_name, base + at, base + end, "-1 (null)"),
        Some(content) => {
            spans.add(depth, length_name, base + at, base + content.start, content.len());
            if !content.is_empty() {
                spans.add(depth, name, base + content.start, base + end, shown(&bytes[content]));
            }
        }
    }
    Some(end)
}

fn attributes(batch: &RecordBatch) -> String {
    let mut text =
        format!("{:#06x}: {}, {}", batch.attributes(), batch.compression(), batch.timestamp_type());
    for (on, word) in [
        (batch.is_transactional(), ", transactional"),
        (batch.is_control(), ", control"),
        (batch.delete_horizon_ms().is_some(), ", delete horizon"),
    ] {
        if on {
            text.push_str(word);
        }
    }
    text
}

/// Text when it is text, else hexadecimal digits; cut when it is long.
fn shown(content: &[u8]) -> String {
    let cut = &content[..content.len().min(MAX_SHOWN)];
    let more = if cut.len() < content.len() { "…" } else { "" };
    let valid = match std::str::from_utf8(cut) {
        Ok(text) => Some(text),
        // A cut may fall inside a character.
        Err(error) if cut.len() < content.len() && error.error_len().is_none() => {
            std::str::from_utf8(&cut[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    };
    match valid {
        Some(text) if !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') => {
            format!("{text}{more}")
        }
        _ => {
            let hex: Vec<String> = cut.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{}{more}", hex.join(" "))
        }
    }
}
