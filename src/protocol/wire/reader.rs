//! Reading: a cursor over the frame, with the first error sticking to it.

use bytes::Bytes;

use super::span::camel_case;
use super::{Dissection, Field, Span, Wire, WireError, WireFault};
use crate::base::Rng;

/// Reads values from a frame. The first error sticks: from then on everything reads as zero
/// or empty, and [`Reader::finish`] tells. Slices share the frame's memory.
#[derive(Debug)]
pub struct Reader {
    bytes: Bytes,
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

/// The spans so far, and how deep the next one lies.
#[derive(Debug, Default)]
struct Record {
    spans: Vec<Span>,
    depth: u8,
}

impl Reader {
    /// A reader of a message of this version.
    pub fn new(bytes: &Bytes, version: i16, flexible: bool) -> Self {
        Reader {
            bytes: bytes.clone(),
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

    /// Whether lengths are compact and structs have tagged fields.
    pub fn is_flexible(&self) -> bool {
        self.flexible
    }

    /// Whether the optional value read next can be null in this version.
    pub fn is_nullable(&self) -> bool {
        self.nullable
    }

    /// Whether what is read is made up.
    pub fn is_imagining(&self) -> bool {
        self.imagination.is_some()
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
            self.note(|| "(rest)".to_owned(), |r| drop(r.slice(rest)), || format!("{rest} bytes"));
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
            array.copy_from_slice(&self.bytes[self.position - N..self.position]);
        }
        array
    }

    /// The next `length` bytes, or none.
    pub fn slice(&mut self, length: usize) -> Bytes {
        if let Some(rng) = &mut self.imagination {
            return (0..length).map(|_| b'a' + rng.below(26) as u8).collect();
        }
        if self.take(length) { self.bytes.slice(self.position - length..self.position) } else { Bytes::new() }
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

    /// How many bytes or elements follow; `None` is null. At most as many as there are bytes.
    /// Where lengths are not compact, `classic` reads them.
    pub fn length(&mut self, classic: impl Fn(&mut Self) -> i32) -> Option<usize> {
        if let Some(rng) = &mut self.imagination {
            return if self.nullable && rng.chance(1, 4) { None } else { Some(rng.below(4) as usize) };
        }
        let length =
            if self.flexible { i64::from(self.unsigned_varint()) - 1 } else { i64::from(classic(self)) };
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

    /// Reads a field, if this version has it and it is not a tagged one.
    pub fn field<T: Wire>(&mut self, field: &'static Field, value: &mut T) {
        if field.tag.is_none() && field.is_in(self.version) && !self.has_failed() {
            *value = self.named(field);
        }
    }

    /// Reads the tagged fields at the end of a struct. `known` reads one, given its tag, or
    /// says that it does not know it; such fields are skipped.
    pub fn tagged_fields(&mut self, mut known: impl FnMut(&mut Self, u32) -> bool) {
        if !self.flexible || self.has_failed() {
            return;
        }
        if self.is_imagining() {
            // No schema has more tags than that.
            return (0..16).for_each(|tag| {
                known(self, tag);
            });
        }
        self.field = "_tagged_fields";
        let outer = self.open(|| "_tagged_fields".to_owned());
        let count = self.unsigned_varint();
        for _ in 0..count {
            let tag = self.unsigned_varint();
            let size = self.unsigned_varint() as usize;
            if size > self.remaining() {
                self.fail(WireFault::UnexpectedEnd);
            }
            if self.has_failed() {
                break;
            }
            let limit = std::mem::replace(&mut self.limit, self.position + size);
            if !known(self, tag) {
                self.note(|| format!("(tag {tag})"), |r| drop(r.slice(size)), || format!("{size} bytes"));
            }
            if self.remaining() > 0 {
                self.fail(WireFault::BadTag);
            }
            self.limit = limit;
            self.field = "_tagged_fields";
        }
        self.close(outer, || count.to_string());
    }

    /// Reads a tagged field if `tag` is its tag and this version has it, and says so.
    pub fn tagged<T: Wire>(&mut self, tag: u32, field: &'static Field, value: &mut T) -> bool {
        let mine = field.tag == Some(tag) && field.is_in(self.version);
        if mine {
            *value = self.named(field);
        }
        mine
    }

    /// Reads an array's element.
    pub fn element<T: Wire>(&mut self, index: usize) -> T {
        self.nullable = false;
        let mark = self.open(|| format!("[{index}]"));
        let value = T::get(self);
        self.close(mark, || value.show());
        value
    }

    fn named<T: Wire>(&mut self, field: &'static Field) -> T {
        self.field = field.name;
        self.nullable = field.is_nullable_in(self.version);
        let mark = self.open(|| camel_case(field.name));
        let value = T::get(self);
        self.close(mark, || value.show());
        value
    }

    /// Notes what `read` reads as one span.
    fn note(
        &mut self,
        name: impl FnOnce() -> String,
        read: impl FnOnce(&mut Self),
        value: impl FnOnce() -> String,
    ) {
        let mark = self.open(name);
        read(self);
        self.close(mark, value);
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

    fn close(&mut self, mark: Option<usize>, value: impl FnOnce() -> String) {
        let failed = self.has_failed();
        let (Some(record), Some(index)) = (self.record.as_mut(), mark) else { return };
        record.depth -= 1;
        record.spans[index].end = self.position as u32;
        if !failed {
            record.spans[index].value = value();
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
