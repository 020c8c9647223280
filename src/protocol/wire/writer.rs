//! Writing: a growing frame, with the first error sticking to it.

use bytes::Bytes;

use super::{Field, Wire, WireError, WireFault};

/// Writes values one behind the other. The first error sticks and [`Writer::finish`] tells.
#[derive(Debug)]
pub struct Writer {
    bytes: Vec<u8>,
    version: i16,
    flexible: bool,
    nullable: bool,
    field: &'static str,
    error: Option<WireError>,
}

impl Writer {
    /// A writer of a message of this version.
    pub fn new(version: i16, flexible: bool) -> Self {
        Writer { bytes: Vec::new(), version, flexible, nullable: false, field: "", error: None }
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

    /// Whether the optional value written next can be null in this version.
    pub fn is_nullable(&self) -> bool {
        self.nullable
    }

    /// Something cannot be written. Only the first such report counts.
    pub fn fail(&mut self, fault: WireFault) {
        let at = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        self.error.get_or_insert(WireError { at, field: self.field, fault });
    }

    /// The frame, unless something was wrong.
    pub fn finish(self) -> Result<Bytes, WireError> {
        self.error.map_or(Ok(Bytes::from(self.bytes)), Err)
    }

    /// These bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// An unsigned varint.
    pub fn unsigned_varint(&mut self, value: u32) {
        let (bytes, length) = varint(value);
        self.raw(&bytes[..length]);
    }

    /// How many bytes or elements follow; `None` is null. Where lengths are not compact,
    /// `classic` writes them, and says whether it could.
    pub fn length(&mut self, length: Option<usize>, classic: impl Fn(&mut Self, i32) -> bool) {
        let Ok(length) = length.map_or(Ok(-1), i32::try_from) else { return self.fail(WireFault::TooLong) };
        if self.flexible {
            self.unsigned_varint(length.wrapping_add(1) as u32);
        } else if !classic(self, length) {
            self.fail(WireFault::TooLong);
        }
    }

    /// Writes a field, unless it is a tagged one; if this version has no such field, then it
    /// must be ignorable or hold its default.
    pub fn field<T: Wire>(&mut self, field: &'static Field, value: &T, default: impl FnOnce() -> T) {
        if field.tag.is_some() {
            return;
        }
        self.begin(field);
        if field.is_in(self.version) {
            value.put(self);
        } else if !field.is_ignorable() && *value != default() {
            self.fail(WireFault::NotInVersion(self.version));
        }
    }

    /// Writes the tagged fields at the end of a struct. `all` offers each to
    /// [`TaggedFields::field`], in the order of their tags.
    pub fn tagged_fields(&mut self, all: impl FnOnce(&mut TaggedFields<'_>)) {
        let start = self.bytes.len();
        if self.flexible {
            self.bytes.push(0);
        }
        let mut fields = TaggedFields { w: self, count: 0 };
        all(&mut fields);
        let count = fields.count;
        if count > 0 {
            // No schema has a hundred tagged fields: the count is one byte.
            self.bytes[start] = count;
        }
    }

    fn begin(&mut self, field: &'static Field) {
        self.field = field.name;
        self.nullable = field.is_nullable_in(self.version);
    }
}

/// The tagged fields of one struct, being written.
#[derive(Debug)]
pub struct TaggedFields<'a> {
    w: &'a mut Writer,
    count: u8,
}

impl TaggedFields<'_> {
    /// Writes a field if it is a tagged one and does not hold its default.
    pub fn field<T: Wire>(&mut self, field: &'static Field, value: &T, default: impl FnOnce() -> T) {
        let Some(tag) = field.tag else { return };
        if *value == default() {
            return;
        }
        self.w.begin(field);
        if !self.w.flexible || !field.is_in(self.w.version) {
            if !field.is_ignorable() {
                self.w.fail(WireFault::NotInVersion(self.w.version));
            }
            return;
        }
        self.count += 1;
        self.w.unsigned_varint(tag);
        let start = self.w.bytes.len();
        value.put(self.w);
        let end = self.w.bytes.len();
        let Ok(size) = u32::try_from(end - start) else { return self.w.fail(WireFault::TooLong) };
        self.w.unsigned_varint(size);
        let prefix = self.w.bytes.len() - end;
        self.w.bytes[start..].rotate_right(prefix);
    }
}

fn varint(mut value: u32) -> ([u8; 5], usize) {
    let mut bytes = [0; 5];
    let mut length = 0;
    while value >= 0x80 {
        bytes[length] = value as u8 | 0x80;
        value >>= 7;
        length += 1;
    }
    bytes[length] = value as u8;
    (bytes, length + 1)
}
