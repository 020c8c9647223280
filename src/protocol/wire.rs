//! The codec: how Kafka's primitive types, arrays, structs and tagged fields lie on the wire.
//!
//! A message is declared once, with `wire!`, from Kafka's published schema; the
//! declaration gives the struct and its schema as data, from which one loop reads, another one
//! writes and the first one, without the struct, dissects. Reading is bounded whatever the bytes
//! say: a length may not exceed the bytes left, an array grows with the elements that are there,
//! and nesting is as deep as the schema's types and no deeper.
//!
//! Rules: the protocol guide of Apache Kafka 4.1, KIP-482 (flexible versions, tagged fields).
//! Unknown tagged fields are skipped, not kept.

mod field;
mod float;
mod reader;
mod schema;
mod span;
mod types;
mod uuid;
mod view;
#[cfg(test)]
mod wire_test;
mod writer;

use std::fmt::{self, Debug};
use std::ops::RangeInclusive;

use bytes::Bytes;

use crate::base::Rng;

pub use field::{Field, Given, Kind, Preset, Schema};
pub use float::Float64;
pub use reader::Reader;
pub(crate) use schema::wire;
pub use span::{Dissection, Span};
pub use uuid::Uuid;
pub use view::{Elements, Fields, Mut, Nullable, Ref};
pub use writer::{SHARED_MIN_BYTES, Writer};

/// For schemas without flexible versions.
pub const NEVER: i16 = i16::MAX;

/// A value that lies on the wire. What it looks like there depends on the version and on
/// whether that is flexible, which the reader and the writer know.
pub trait Wire: Clone + Debug + Default + PartialEq {
    /// Its type in a schema.
    const KIND: Kind;

    /// The value, to be written.
    fn view(&self) -> Ref<'_>;

    /// The place, to be read into.
    fn view_mut(&mut self) -> Mut<'_>;

    /// Reads a value. Errors stick to the reader; what is returned after one is of no use.
    fn get(r: &mut Reader) -> Self {
        let mut value = Self::default();
        r.value(Self::KIND, Some(value.view_mut()));
        value
    }

    /// Writes the value. Errors stick to the writer.
    fn put(&self, w: &mut Writer) {
        w.value(Self::KIND, self.view());
    }

    /// What a field holds when its schema names no default and the version does not carry it.
    /// As in Kafka, that of a nullable field is not null.
    fn unset() -> Self {
        Self::default()
    }
}

/// A request, a response or a record with a schema of its own.
pub trait Message: Wire {
    /// The API key; for records, the schema's own number; −1 if it has none.
    const KEY: i16;
    /// The schema's name, such as `ProduceRequest`.
    const NAME: &'static str;
    /// The versions that can be read and written.
    const VERSIONS: RangeInclusive<i16>;
    /// The first flexible version, or [`NEVER`].
    const FLEXIBLE: i16;

    /// All of this as data.
    const FORM: &'static Form = &Form {
        key: Self::KEY,
        name: Self::NAME,
        first: *Self::VERSIONS.start(),
        last: *Self::VERSIONS.end(),
        first_flexible: Self::FLEXIBLE,
        kind: Self::KIND,
    };

    /// Reads a message; the records in it share the memory of `bytes`. Like Kafka, does not
    /// mind bytes behind the message.
    fn decode(bytes: &Bytes, version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        Self::FORM.read(bytes, version, message.view_mut())?;
        Ok(message)
    }

    /// Writes the message. Fails if it says something that the version has no field for,
    /// unless the schema lets that be ignored.
    fn encode(&self, version: i16) -> Result<Bytes, WireError> {
        Self::FORM.write(version, self.view())
    }

    /// Some message of this version, for tests.
    fn imagine(version: i16, rng: Rng) -> Self {
        Self::get(&mut Reader::imagining(version, version >= Self::FLEXIBLE, rng))
    }

    /// Tells which bytes are which field, up to the first error if there is one.
    fn dissect(bytes: &Bytes, version: i16) -> Dissection {
        Self::FORM.dissect(bytes, version)
    }
}

/// A message's constants as data.
#[derive(Debug)]
pub struct Form {
    /// See [`Message::KEY`].
    pub key: i16,
    /// See [`Message::NAME`].
    pub name: &'static str,
    /// The first of [`Message::VERSIONS`].
    pub first: i16,
    /// The last of them.
    pub last: i16,
    /// See [`Message::FLEXIBLE`].
    pub first_flexible: i16,
    /// See [`Wire::KIND`].
    pub kind: Kind,
}

impl Form {
    /// Whether this version is flexible.
    pub(crate) fn is_flexible(&self, version: i16) -> bool {
        version >= self.first_flexible
    }

    /// Whether the codec knows the version.
    pub(crate) fn check_version(&self, version: i16) -> Result<(), WireError> {
        if (self.first..=self.last).contains(&version) {
            return Ok(());
        }
        Err(WireError { at: 0, field: self.name, fault: WireFault::UnsupportedVersion(version) })
    }

    fn read(&self, bytes: &Bytes, version: i16, to: Mut<'_>) -> Result<(), WireError> {
        self.check_version(version)?;
        let mut r = Reader::new(bytes, version, self.is_flexible(version));
        r.value(self.kind, Some(to));
        r.finish(())
    }

    fn write(&self, version: i16, from: Ref<'_>) -> Result<Bytes, WireError> {
        self.check_version(version)?;
        let mut w = Writer::new(version, self.is_flexible(version));
        w.value(self.kind, from);
        w.finish()
    }

    fn write_prefixed(&self, version: i16, from: Ref<'_>) -> Result<Bytes, WireError> {
        self.check_version(version)?;
        let mut w = Writer::new(version, self.is_flexible(version));
        version.put(&mut w);
        w.value(self.kind, from);
        w.finish()
    }

    fn dissect(&self, bytes: &Bytes, version: i16) -> Dissection {
        if let Err(error) = self.check_version(version) {
            return Dissection { spans: Vec::new(), error: Some(error) };
        }
        let mut r = Reader::recording(bytes, version, self.is_flexible(version));
        r.value(self.kind, None);
        r.dissection()
    }
}

/// Writes a message with its version in front, as it lies in records and group protocols.
pub fn encode_prefixed<M: Message>(version: i16, message: &M) -> Result<Bytes, WireError> {
    M::FORM.write_prefixed(version, message.view())
}

/// Reads a message that has its version in front; returns both.
pub fn decode_prefixed<M: Message>(bytes: &Bytes) -> Result<(i16, M), WireError> {
    let (version, body) = split_version(bytes)?;
    Ok((version, M::decode(&body, version)?))
}

/// The version in front, and what is behind it.
pub(crate) fn split_version(bytes: &Bytes) -> Result<(i16, Bytes), WireError> {
    let mut r = Reader::new(bytes, 0, false);
    let version = i16::get(&mut r);
    r.finish_with_rest(version)
}

/// The declarations number their fields themselves.
#[cold]
pub(crate) fn no_such_field(index: usize) -> ! {
    unreachable!("a schema has no field {index} of this struct")
}

/// Why bytes are not a message, or a message cannot become bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireError {
    /// How many bytes had been read or written.
    pub at: u32,
    /// The field, as the schema names it in snake case; for a version, the message.
    pub field: &'static str,
    /// What is wrong.
    pub fault: WireFault,
}

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireFault {
    /// No such version of this message.
    UnsupportedVersion(i16),
    /// No API has this key, or none that is known here.
    UnknownApi(i16),
    /// No record of this topic has this type, or none that is known here.
    UnknownRecord(i16),
    /// The bytes end before the value does, or a length says more than there is.
    UnexpectedEnd,
    /// A length below −1, or null where nothing may be null.
    BadLength,
    /// A string is not UTF-8.
    NotUtf8,
    /// A varint of more than five bytes.
    BadVarint,
    /// A tagged field is shorter or longer than it says.
    BadTag,
    /// A metadata record in a frame of another version.
    BadFrame,
    /// Bytes are left where none may be.
    TrailingBytes,
    /// The version cannot carry this field, or cannot carry null in it.
    NotInVersion(i16),
    /// Longer than the format can say.
    TooLong,
    /// More than [`Dissection::MAX_SPANS`] fields: nobody reads on.
    TooManySpans,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WireError { at, field, fault } = self;
        match fault {
            WireFault::UnsupportedVersion(version) => return write!(f, "no version {version} of {field}"),
            WireFault::UnknownApi(key) => return write!(f, "no API with key {key}"),
            WireFault::UnknownRecord(number) => return write!(f, "no record type {number} is known here"),
            WireFault::UnexpectedEnd => f.write_str("the bytes end too early")?,
            WireFault::BadLength => f.write_str("bad length, or null where nothing may be null")?,
            WireFault::NotUtf8 => f.write_str("not UTF-8")?,
            WireFault::BadVarint => f.write_str("varint of more than five bytes")?,
            WireFault::BadTag => f.write_str("tagged field with a wrong length")?,
            WireFault::BadFrame => f.write_str("frame of another version")?,
            WireFault::TrailingBytes => f.write_str("bytes behind the end")?,
            WireFault::NotInVersion(version) => write!(f, "version {version} cannot carry this value")?,
            WireFault::TooLong => f.write_str("too long for the format")?,
            WireFault::TooManySpans => f.write_str("too many fields to show")?,
        }
        write!(f, " (field {field}, byte {at})")
    }
}

impl std::error::Error for WireError {}
