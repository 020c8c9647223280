//! Writing: a growing frame, with the first error sticking to it.

use bytes::Bytes;

use super::view::{Fields, Ref};
use super::{Field, Kind, Schema, WireError, WireFault};
use crate::base::Rope;

/// Records of fewer bytes are copied: a piece of its own costs more.
pub const SHARED_MIN_BYTES: usize = 4 * 1024;

/// Writes values one behind the other. The first error sticks and [`Writer::finish`] tells.
#[derive(Debug)]
pub struct Writer {
    /// What is written behind the pieces.
    bytes: Vec<u8>,
    pieces: Vec<Bytes>,
    /// How many bytes those have.
    before: usize,
    shares: bool,
    version: i16,
    flexible: bool,
    nullable: bool,
    field: &'static str,
    error: Option<WireError>,
}

impl Writer {
    /// A writer of a message of this version.
    pub fn new(version: i16, flexible: bool) -> Self {
        Writer {
            bytes: Vec::new(),
            pieces: Vec::new(),
            before: 0,
            shares: false,
            version,
            flexible,
            nullable: false,
            field: "",
            error: None,
        }
    }

    /// A writer that leaves large records where they lie, for [`Writer::finish_rope`].
    pub fn sharing(version: i16, flexible: bool) -> Self {
        Writer { shares: true, ..Writer::new(version, flexible) }
    }

    /// Goes on in another format, such as a body's behind its header.
    pub fn switch(&mut self, version: i16, flexible: bool) {
        self.version = version;
        self.flexible = flexible;
    }

    /// Something cannot be written. Only the first such report counts.
    pub fn fail(&mut self, fault: WireFault) {
        let at = u32::try_from(self.before + self.bytes.len()).unwrap_or(u32::MAX);
        self.error.get_or_insert(WireError { at, field: self.field, fault });
    }

    /// The frame, unless something was wrong.
    pub fn finish(self) -> Result<Bytes, WireError> {
        self.finish_rope().map(|rope| rope.whole())
    }

    /// The frame as it lies, unless something was wrong.
    pub fn finish_rope(mut self) -> Result<Rope, WireError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        self.pieces.push(Bytes::from(self.bytes));
        Ok(self.pieces.into_iter().collect())
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

    /// Writes a value.
    pub(in crate::protocol) fn value(&mut self, kind: Kind, value: Ref<'_>) {
        match (kind, value) {
            (Kind::Struct(schema), Ref::Struct(fields)) => self.fields(schema, fields),
            (Kind::Nullable(inner), Ref::Nullable(value)) => match value.value() {
                value if self.nullable => self.nullable_value(*inner, value),
                Some(value) => self.value(*inner, value),
                None => self.fail(WireFault::NotInVersion(self.version)),
            },
            (_, Ref::Text(_) | Ref::Bytes(_) | Ref::Rope(_) | Ref::Array(_)) => {
                self.content(kind, Some(value))
            }
            (_, Ref::Uuid(uuid)) => self.raw(&uuid.0),
            _ => {
                let number = value.number().unwrap_or_default();
                match kind {
                    Kind::Bool | Kind::I8 => self.raw(&(number as i8).to_be_bytes()),
                    Kind::I32 => self.raw(&(number as i32).to_be_bytes()),
                    Kind::I64 | Kind::F64 => self.raw(&number.to_be_bytes()),
                    _ => self.raw(&(number as i16).to_be_bytes()),
                }
            }
        }
    }

    /// The tagged fields of a struct that has none.
    pub fn no_tagged_fields(&mut self) {
        if self.flexible {
            self.bytes.push(0);
        }
    }

    /// Writes what may be null: a length of −1, or, for structs, a byte in front.
    fn nullable_value(&mut self, inner: Kind, value: Option<Ref<'_>>) {
        if inner.has_length() {
            return self.content(inner, value);
        }
        self.raw(&(if value.is_some() { 1i8 } else { -1 }).to_be_bytes());
        if let Some(value) = value {
            self.value(inner, value);
        }
    }

    /// Writes what has a length in front.
    fn content(&mut self, kind: Kind, value: Option<Ref<'_>>) {
        match value {
            None => self.length(kind, None),
            Some(Ref::Array(elements)) => {
                self.length(kind, Some(elements.count()));
                let Kind::Array(kind) = kind else { return };
                for element in (0..).map_while(|index| elements.element(index)) {
                    self.value(*kind, element);
                }
            }
            Some(Ref::Bytes(bytes)) => {
                self.length(kind, Some(bytes.len()));
                self.raw(bytes);
            }
            Some(Ref::Rope(rope)) => {
                self.length(kind, Some(rope.len()));
                self.rope(rope);
            }
            // Compact or not, Kafka's strings are at most 32,767 bytes long.
            Some(Ref::Text(text)) if text.len() > i16::MAX as usize => self.fail(WireFault::TooLong),
            Some(Ref::Text(text)) => {
                self.length(kind, Some(text.len()));
                self.raw(text.as_bytes());
            }
            Some(_) => {}
        }
    }

    fn rope(&mut self, rope: &Rope) {
        if !self.shares || rope.len() < SHARED_MIN_BYTES {
            return rope.pieces().iter().for_each(|piece| self.raw(piece));
        }
        let written = Bytes::from(std::mem::take(&mut self.bytes));
        self.before += written.len() + rope.len();
        self.pieces.push(written);
        self.pieces.extend(rope.pieces().iter().cloned());
    }

    /// How many bytes or elements follow; `None` is null.
    fn length(&mut self, kind: Kind, length: Option<usize>) {
        let Ok(length) = length.map_or(Ok(-1), i32::try_from) else { return self.fail(WireFault::TooLong) };
        match kind {
            _ if self.flexible => self.unsigned_varint(length.wrapping_add(1) as u32),
            Kind::Text => self.raw(&(length as i16).to_be_bytes()),
            _ => self.raw(&length.to_be_bytes()),
        }
    }

    /// Writes a struct. If this version has no such field, then it must be ignorable or hold
    /// its default; a tagged field that holds its default is left out.
    fn fields(&mut self, schema: &'static Schema, from: &dyn Fields) {
        for (index, field) in schema.fields.iter().enumerate() {
            if field.tag.is_none() {
                self.plain_field(field, from.field(index));
            }
        }
        let start = self.bytes.len();
        self.no_tagged_fields();
        for (index, field) in schema.fields.iter().enumerate() {
            if let Some(tag) = field.tag
                && self.tagged_field(tag, field, from.field(index))
            {
                // No schema has a hundred tagged fields: the count is one byte.
                self.bytes[start] += 1;
            }
        }
    }

    fn plain_field(&mut self, field: &'static Field, value: Ref<'_>) {
        self.begin(field);
        if field.is_in(self.version) {
            self.value(field.kind, value);
        } else if !field.is_ignorable() && !value.is(field.kind, field.preset) {
            self.fail(WireFault::NotInVersion(self.version));
        }
    }

    /// Writes a tagged field unless it holds its default, and says whether it did.
    fn tagged_field(&mut self, tag: u32, field: &'static Field, value: Ref<'_>) -> bool {
        if value.is(field.kind, field.preset) {
            return false;
        }
        self.begin(field);
        if !self.flexible || !field.is_in(self.version) {
            if !field.is_ignorable() {
                self.fail(WireFault::NotInVersion(self.version));
            }
            return false;
        }
        self.unsigned_varint(tag);
        let start = self.bytes.len();
        // Its size goes in front of it.
        let shares = std::mem::replace(&mut self.shares, false);
        self.value(field.kind, value);
        self.shares = shares;
        let end = self.bytes.len();
        match u32::try_from(end - start) {
            Ok(size) => {
                self.unsigned_varint(size);
                let prefix = self.bytes.len() - end;
                self.bytes[start..].rotate_right(prefix);
            }
            Err(_) => self.fail(WireFault::TooLong),
        }
        true
    }

    fn begin(&mut self, field: &'static Field) {
        self.field = field.name;
        self.nullable = field.is_nullable_in(self.version);
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
