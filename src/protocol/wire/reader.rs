//! Reading: a cursor over the frame, with the first error sticking to it.

mod values;

use std::collections::VecDeque;

use bytes::Bytes;

use super::span::camel_case;
use super::{Dissection, Field, Kind, Span, Wire, WireError, WireFault};
use crate::base::{Rng, Rope};

/// Reads values from a frame. The first error sticks: from then on everything reads as zero
/// or empty, and [`Reader::finish`] tells. Slices share the frame's memory.
#[derive(Debug)]
pub struct Reader {
    /// The piece of the frame that was read last, where it begins, and those behind it.
    bytes: Bytes,
    begin: usize,
    rest: VecDeque<Bytes>,
    position: usize,
    limit: usize,
    version: i16,
    flexible: bool,
    nullable: bool,
    field: &'static str,
    error: Option<WireError>,
    record: Option<Record>,
    imagination: Option<Rng>,
}

/// The spans so far, how deep the next one lies, and what the value read last looks like.
#[derive(Debug, Default)]
struct Record {
    spans: Vec<Span>,
    depth: u8,
    value: String,
}

impl Reader {
    /// A reader of a message of this version.
    pub fn new(bytes: &Bytes, version: i16, flexible: bool) -> Self {
        Reader {
            bytes: bytes.clone(),
            begin: 0,
            rest: VecDeque::new(),
            position: 0,
            limit: bytes.len(),
            version,
            flexible,
            nullable: false,
            field: "",
            error: None,
            record: None,
            imagination: None,
        }
    }

    /// A reader of a message whose bytes lie in pieces.
    pub fn of_rope(rope: &Rope, version: i16, flexible: bool) -> Self {
        let mut rest: VecDeque<Bytes> = rope.pieces().iter().cloned().collect();
        let first = rest.pop_front().unwrap_or_default();
        Reader { rest, limit: rope.len(), ..Reader::new(&first, version, flexible) }
    }

    /// The same, noting which bytes are which field.
    pub fn recording(bytes: &Bytes, version: i16, flexible: bool) -> Self {
        Reader { record: Some(Record::default()), ..Reader::new(bytes, version, flexible) }
    }

    /// A reader without bytes that makes up whatever it is asked for, so that reading gives
    /// some message of this version. For tests: any message can come up.
    pub fn imagining(version: i16, flexible: bool, rng: Rng) -> Self {
        Reader { imagination: Some(rng), ..Reader::new(&Bytes::new(), version, flexible) }
    }

    /// Goes on in another format, such as a body's behind its header.
    pub fn switch(&mut self, version: i16, flexible: bool) {
        self.version = version;
        self.flexible = flexible;
    }

    /// The message's version.
    pub fn version(&self) -> i16 {
        self.version
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.limit - self.position
    }

    /// Whether something was wrong.
    pub fn has_failed(&self) -> bool {
        self.error.is_some()
    }

    /// Something is wrong here. Only the first such report counts.
    pub fn fail(&mut self, fault: WireFault) {
        let at = u32::try_from(self.position).unwrap_or(u32::MAX);
        self.error.get_or_insert(WireError { at, field: self.field, fault });
    }

    /// The value, unless something was wrong.
    pub fn finish<T>(self, value: T) -> Result<T, WireError> {
        self.error.map_or(Ok(value), Err)
    }

    /// The value and the bytes behind it, unless something was wrong.
    pub fn finish_with_rest<T>(mut self, value: T) -> Result<(T, Bytes), WireError> {
        let rest = self.slice(self.remaining());
        self.finish((value, rest))
    }

    /// The fields that a recording reader has noted. Bytes that nothing was read from become
    /// a span of their own, `(rest)`.
    pub fn dissection(mut self) -> Dissection {
        if !self.has_failed() && self.remaining() > 0 {
            let rest = self.remaining();
            self.skip("(rest)".to_owned(), rest);
        }
        let spans = self.record.map(|record| record.spans).unwrap_or_default();
        Dissection { spans, error: self.error }
    }

    /// The next `N` bytes, or zeros.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        if let Some(rng) = &mut self.imagination {
            imagine_number(rng, &mut array);
        } else if self.take(N) {
            let from = self.position - N;
            match self.bytes.get(from - self.begin..self.position - self.begin) {
                Some(bytes) => array.copy_from_slice(bytes),
                None => array.copy_from_slice(&self.cut(from, N).whole()),
            }
        }
        array
    }

    /// The next `length` bytes, or none. Those of several pieces are put together.
    pub fn slice(&mut self, length: usize) -> Bytes {
        self.rope(length).whole()
    }

    /// The next `length` bytes, or none, in as many pieces as they lie in.
    pub fn rope(&mut self, length: usize) -> Rope {
        if let Some(rng) = &mut self.imagination {
            return (0..length).map(|_| b'a' + rng.below(26) as u8).collect::<Bytes>().into();
        }
        if self.take(length) { self.cut(self.position - length, length) } else { Rope::default() }
    }

    /// Bytes that were taken, from the current piece on.
    fn cut(&mut self, from: usize, length: usize) -> Rope {
        let (mut start, mut left) = (from - self.begin, length);
        if start + left <= self.bytes.len() {
            return self.bytes.slice(start..start + left).into();
        }
        let mut pieces = Vec::new();
        while left > 0 {
            let part = left.min(self.bytes.len() - start);
            pieces.push(self.bytes.slice(start..start + part));
            (start, left) = (start + part, left - part);
            if left > 0 {
                let Some(next) = self.rest.pop_front() else { break };
                self.begin += self.bytes.len();
                (self.bytes, start) = (next, 0);
            }
        }
        pieces.into_iter().collect()
    }

    /// An unsigned varint of at most five bytes.
    pub fn unsigned_varint(&mut self) -> u32 {
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array();
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return value;
            }
        }
        self.fail(WireFault::BadVarint);
        0
    }

    /// Reads an unsigned varint that no schema has, such as those of a metadata record's frame.
    pub(in crate::protocol) fn named_varint(&mut self, name: &'static str) -> u32 {
        self.field = name;
        let mark = self.open(|| camel_case(name));
        let value = self.unsigned_varint();
        self.say(|| value.to_string());
        self.close(mark);
        value
    }

    /// Reads a field, if this version has it and it is not a tagged one.
    pub fn field<T: Wire>(&mut self, field: &'static Field, value: &mut T) {
        if self.comes_next(field) {
            self.named(field, Some(value.view_mut()));
        }
    }

    /// Reads the tagged fields of a struct of which none are known here.
    pub fn skip_tagged_fields(&mut self) {
        self.tagged_fields(&[], None);
    }

    /// Whether the version has the field among those without tags.
    fn comes_next(&self, field: &Field) -> bool {
        field.tag.is_none() && field.is_in(self.version) && !self.has_failed()
    }

    /// How many bytes or elements follow; `None` is null. At most as many as there are bytes.
    fn length(&mut self, kind: Kind) -> Option<usize> {
        if let Some(rng) = &mut self.imagination {
            return if self.nullable && rng.chance(1, 4) { None } else { Some(rng.below(4) as usize) };
        }
        let length = match kind {
            _ if self.flexible => i64::from(self.unsigned_varint()) - 1,
            Kind::Text => i16::from_be_bytes(self.array()).into(),
            _ => i32::from_be_bytes(self.array()).into(),
        };
        if self.has_failed() || length == -1 {
            return None;
        }
        let Ok(length) = usize::try_from(length) else {
            self.fail(WireFault::BadLength);
            return None;
        };
        if length > self.remaining() {
            self.fail(WireFault::UnexpectedEnd);
            return None;
        }
        Some(length)
    }

    /// Skips bytes of no known field, and notes them as a span.
    fn skip(&mut self, name: String, length: usize) {
        let mark = self.open(|| name);
        drop(self.slice(length));
        self.say(|| format!("{length} bytes"));
        self.close(mark);
    }

    fn take(&mut self, length: usize) -> bool {
        if self.has_failed() {
            return false;
        }
        if length > self.remaining() {
            self.fail(WireFault::UnexpectedEnd);
            return false;
        }
        self.position += length;
        true
    }

    fn open(&mut self, name: impl FnOnce() -> String) -> Option<usize> {
        let record = self.record.as_mut()?;
        let index = record.spans.len();
        if index == Dissection::MAX_SPANS {
            self.fail(WireFault::TooManySpans);
            return None;
        }
        let start = self.position as u32;
        record.spans.push(Span {
            name: name(),
            depth: record.depth,
            start,
            end: start,
            value: String::new(),
        });
        record.depth += 1;
        Some(index)
    }

    /// What a recording reader shall show for the value just read.
    fn say(&mut self, value: impl FnOnce() -> String) {
        if let Some(record) = &mut self.record {
            record.value = value();
        }
    }

    fn close(&mut self, mark: Option<usize>) {
        let failed = self.has_failed();
        let (Some(record), Some(index)) = (self.record.as_mut(), mark) else { return };
        let value = std::mem::take(&mut record.value);
        record.depth -= 1;
        record.spans[index].end = self.position as u32;
        if !failed {
            record.spans[index].value = value;
        }
    }
}

/// Zero, small, −1 or anything.
fn imagine_number(rng: &mut Rng, bytes: &mut [u8]) {
    match (rng.below(4), bytes) {
        (0, _) => {}
        (1, [.., last]) => *last = rng.below(100) as u8,
        (2, bytes) => bytes.fill(0xff),
        (_, bytes) => bytes.fill_with(|| rng.below(256) as u8),
    }
}
