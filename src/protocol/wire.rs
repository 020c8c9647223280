//! The codec: how Kafka's primitive types, arrays, structs and tagged fields lie on the wire.
//!
//! A message is declared once, with `wire!`, from Kafka's published schema; the
//! declaration gives the struct, both directions of the codec and the dissection. Reading is
//! bounded whatever the bytes say: a length may not exceed the bytes left, an array
//! preallocates at most 64 KB, and nesting is as deep as the schema's types and no deeper.
//!
//! Rules: the protocol guide of Apache Kafka 4.1, KIP-482 (flexible versions, tagged fields).
//! Unknown tagged fields are skipped, not kept.

mod field;
mod reader;
mod schema;
mod span;
mod types;
mod uuid;
#[cfg(test)]
mod wire_test;
mod writer;

use std::fmt::{self, Debug};
use std::ops::RangeInclusive;

use bytes::Bytes;

use crate::base::Rng;

pub use field::Field;
pub use reader::Reader;
pub(crate) use schema::wire;
pub use span::{Dissection, Span};
pub use uuid::Uuid;
pub use writer::{TaggedFields, Writer};

/// For schemas without flexible versions.
pub const NEVER: i16 = i16::MAX;

/// A value that lies on the wire. What it looks like there depends on the version and on
/// whether that is flexible, which the reader and the writer know.
pub trait Wire: Clone + Debug + Default + PartialEq {
    /// Reads a value. Errors stick to the reader; what is returned after one is of no use.
    fn get(r: &mut Reader) -> Self;

    /// Writes the value. Errors stick to the writer.
    fn put(&self, w: &mut Writer);

    /// Reads a value that may be null. Structs have a byte in front: −1 for null.
    fn get_nullable(r: &mut Reader) -> Option<Self> {
        if i8::get(r) < 0 { None } else { Some(Self::get(r)) }
    }

    /// Writes a value that may be null.
    fn put_nullable(value: Option<&Self>, w: &mut Writer) {
        match value {
            None => (-1i8).put(w),
            Some(value) => {
                1i8.put(w);
                value.put(w);
            }
        }
    }

    /// What a field holds when its schema names no default and the version does not carry it.
    /// As in Kafka, that of a nullable field is not null.
    fn unset() -> Self {
        Self::default()
    }

    /// The value in a few words, for people. Empty for structs: their fields say it.
    fn show(&self) -> String {
        String::new()
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

    /// Reads a message; the records in it share the memory of `bytes`. Like Kafka, does not
    /// mind bytes behind the message.
    fn decode(bytes: &Bytes, version: i16) -> Result<Self, WireError> {
        check_version::<Self>(version)?;
        let mut r = Reader::new(bytes, version, version >= Self::FLEXIBLE);
        let message = Self::get(&mut r);
        r.finish(message)
    }

    /// Writes the message. Fails if it says something that the version has no field for,
    /// unless the schema lets that be ignored.
    fn encode(&self, version: i16) -> Result<Bytes, WireError> {
        check_version::<Self>(version)?;
        let mut w = Writer::new(version, version >= Self::FLEXIBLE);
        self.put(&mut w);
        w.finish()
    }

    /// Some message of this version, for tests.
    fn imagine(version: i16, rng: Rng) -> Self {
        Self::get(&mut Reader::imagining(version, version >= Self::FLEXIBLE, rng))
    }

    /// Tells which bytes are which field, up to the first error if there is one.
    fn dissect(bytes: &Bytes, version: i16) -> Dissection {
        if let Err(error) = check_version::<Self>(version) {
            return Dissection { spans: Vec::new(), error: Some(error) };
        }
        let mut r = Reader::recording(bytes, version, version >= Self::FLEXIBLE);
        drop(Self::get(&mut r));
        r.dissection()
    }
}

/// Whether a message's codec knows the version.
pub(crate) fn check_version<M: Message>(version: i16) -> Result<(), WireError> {
    if M::VERSIONS.contains(&version) {
        return Ok(());
    }
    Err(WireError { at: 0, field: M::NAME, fault: WireFault::UnsupportedVersion(version) })
}

/// Writes a message with its version in front, as it lies in records and group protocols.
pub fn encode_prefixed<M: Message>(version: i16, message: &M) -> Result<Bytes, WireError> {
    check_version::<M>(version)?;
    let mut w = Writer::new(version, version >= M::FLEXIBLE);
    version.put(&mut w);
    message.put(&mut w);
    w.finish()
}

/// Reads a message that has its version in front; returns both.
pub fn decode_prefixed<M: Message>(bytes: &Bytes) -> Result<(i16, M), WireError> {
    let mut r = Reader::new(bytes, 0, false);
    let version = i16::get(&mut r);
    let (version, body) = r.finish_with_rest(version)?;
    Ok((version, M::decode(&body, version)?))
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
