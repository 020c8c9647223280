//! The records inside a batch.

use std::ops::Range;

use bytes::Bytes;

use super::varint::{varint_at, varlong_at};
use super::{BatchError, RecordBatch, TimestampType};

/// A header of a record (KIP-82). Keys may repeat; a value may be null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// Its name: UTF-8, if the producer kept the rules.
    pub key: Bytes,
    /// Its value.
    pub value: Option<Bytes>,
}

/// One record; key, value and headers share the batch's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Offset in the partition.
    pub offset: i64,
    /// Milliseconds; what they mean is the batch's timestamp type.
    pub timestamp: i64,
    /// Key, if it has one.
    pub key: Option<Bytes>,
    /// Value; none is a tombstone in a compacted topic.
    pub value: Option<Bytes>,
    /// Headers in the producer's order.
    pub headers: Vec<RecordHeader>,
}

/// Iterates over a batch's records; ends after the first error.
#[derive(Clone, Debug)]
pub struct Records {
    bytes: Result<Bytes, BatchError>,
    base_offset: i64,
    base_timestamp: i64,
    /// In place of all records' own.
    log_append_time: Option<i64>,
    count: i32,
    position: usize,
    index: i32,
    done: bool,
}

/// Where a record's parts lie among its batch's [`RecordBatch::record_bytes`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordLayout {
    pub(crate) timestamp_delta: i64,
    pub(crate) offset_delta: i32,
    pub(crate) key: Option<Range<usize>>,
    pub(crate) value: Option<Range<usize>>,
    /// How many headers, and where the first begins.
    pub(crate) headers: (i32, usize),
    pub(crate) end: usize,
}

/// Walks over records without sharing or copying anything: what a broker's validation needs.
pub(crate) struct RecordLayouts<'a> {
    bytes: &'a [u8],
    position: usize,
    index: i32,
    count: i32,
}

impl RecordHeader {
    /// The header with this key and value.
    pub fn new(key: impl Into<Bytes>, value: Option<Bytes>) -> Self {
        RecordHeader { key: key.into(), value }
    }
}

impl Records {
    pub(super) fn new(batch: &RecordBatch) -> Self {
        let is_log_append_time = batch.timestamp_type() == TimestampType::LogAppendTime;
        Records {
            bytes: batch.record_bytes(),
            base_offset: batch.base_offset(),
            base_timestamp: batch.base_timestamp(),
            log_append_time: is_log_append_time.then(|| batch.max_timestamp()),
            count: batch.count(),
            position: 0,
            index: 0,
            done: false,
        }
    }

    fn read(&mut self) -> Result<Option<Record>, BatchError> {
        let bytes = self.bytes.as_ref().map_err(BatchError::clone)?;
        let mut layouts =
            RecordLayouts { bytes, position: self.position, index: self.index, count: self.count };
        let Some(layout) = layouts.read()? else { return Ok(None) };
        (self.position, self.index) = (layouts.position, layouts.index);
        let create_time = self.base_timestamp.wrapping_add(layout.timestamp_delta);
        Ok(Some(Record {
            offset: self.base_offset.wrapping_add(i64::from(layout.offset_delta)),
            timestamp: self.log_append_time.unwrap_or(create_time),
            key: layout.key.map(|range| bytes.slice(range)),
            value: layout.value.map(|range| bytes.slice(range)),
            headers: headers(bytes, layout.headers),
        }))
    }
}

impl Iterator for Records {
    type Item = Result<Record, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let read = self.read().transpose();
        self.done = !matches!(read, Some(Ok(_)));
        read
    }
}

impl<'a> RecordLayouts<'a> {
    /// The `count` records that a batch's [`RecordBatch::record_bytes`] should be.
    pub(crate) fn new(bytes: &'a [u8], count: i32) -> Self {
        RecordLayouts { bytes, position: 0, index: 0, count }
    }

    /// The next record; `None` after the last, which must end where the batch ends.
    #[inline]
    pub(crate) fn read(&mut self) -> Result<Option<RecordLayout>, BatchError> {
        if self.index >= self.count {
            let left = self.bytes.len().saturating_sub(self.position);
            return if left == 0 { Ok(None) } else { Err(BatchError::TrailingBytes(left as u32)) };
        }
        let layout = layout_at(self.bytes, self.position)
            .map_err(|field| BatchError::InvalidRecord { index: self.index, field })?;
        self.position = layout.end;
        self.index += 1;
        Ok(Some(layout))
    }
}

/// The record at `start`; the error names the field that breaks the frame.
#[inline]
fn layout_at(bytes: &[u8], start: usize) -> Result<RecordLayout, &'static str> {
    let (length, body) = varint_at(bytes, start).ok_or("length")?;
    let end = end_of(length, body, bytes.len()).ok_or("length")?;
    let bytes = &bytes[..end];
    let attributes = body;
    if attributes >= end {
        return Err("attributes");
    }
    let (timestamp_delta, next) = varlong_at(bytes, attributes + 1).ok_or("timestamp delta")?;
    let (offset_delta, next) = varint_at(bytes, next).ok_or("offset delta")?;
    let (key, next) = nullable_at(bytes, next).ok_or("key")?;
    let (value, next) = nullable_at(bytes, next).ok_or("value")?;
    let (count, first) = varint_at(bytes, next).ok_or("header count")?;
    if count < 0 {
        return Err("header count");
    }
    let mut next = first;
    for _ in 0..count {
        let (key, after) = nullable_at(bytes, next).ok_or("header key")?;
        if key.is_none() {
            return Err("header key");
        }
        (_, next) = nullable_at(bytes, after).ok_or("header value")?;
    }
    if next != end {
        return Err("length");
    }
    Ok(RecordLayout { timestamp_delta, offset_delta, key, value, headers: (count, first), end })
}

/// Bytes behind a length, where −1 is null. `None` when they are not all there.
#[inline(always)]
pub(super) fn nullable_at(bytes: &[u8], at: usize) -> Option<(Option<Range<usize>>, usize)> {
    let (length, start) = varint_at(bytes, at)?;
    if length == -1 {
        return Some((None, start));
    }
    let end = end_of(length, start, bytes.len())?;
    Some((Some(start..end), end))
}

#[inline(always)]
fn end_of(length: i32, start: usize, limit: usize) -> Option<usize> {
    let end = start.checked_add(usize::try_from(length).ok()?)?;
    (end <= limit).then_some(end)
}

/// The headers that [`layout_at`] has already walked over.
fn headers(bytes: &Bytes, (count, first): (i32, usize)) -> Vec<RecordHeader> {
    let mut headers = Vec::new();
    let mut next = first;
    for _ in 0..count {
        let Some((Some(key), after)) = nullable_at(bytes, next) else { break };
        let Some((value, after)) = nullable_at(bytes, after) else { break };
        headers.push(RecordHeader { key: bytes.slice(key), value: value.map(|range| bytes.slice(range)) });
        next = after;
    }
    headers
}
