//! A running 64-bit digest of everything that happened: two runs with the same digest did
//! the same. Not cryptographic; the same on every platform and in every version.
//!
//! Anything `serde` can serialise can be folded in: its values in order, every one as a
//! 64-bit number or as bytes with their length, so `usize` has the same width everywhere.

use std::fmt;

use serde::ser::{self, Serialize};

/// A digest in the making.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Digest(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    /// Folds a number in.
    pub fn number(&mut self, n: u64) {
        let mixed = self.0 ^ n ^ 0x9e37_79b9_7f4a_7c15;
        let folded = if cfg!(target_arch = "wasm32") { multiply_in_halves(mixed) } else { multiply(mixed) };
        self.0 = folded.wrapping_add(self.0.rotate_left(23));
    }

    /// Folds bytes in, and how many they were.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            self.number(u64::from_le_bytes(word));
        }
        let rest = chunks.remainder();
        if !rest.is_empty() {
            self.number(short_word(rest));
        }
    }

    /// Folds in whatever `value` serialises to.
    pub fn value_of<T: Serialize + ?Sized>(&mut self, value: &T) {
        // Nothing below returns an error; a type's own `Serialize` that gives up is told apart.
        if value.serialize(&mut *self).is_err() {
            self.number(u64::MAX);
        }
    }

    /// The digest so far.
    pub fn value(self) -> u64 {
        self.0
    }
}

/// Sixteen hexadecimal digits.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for Digest {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

const FACTOR: u64 = 0xa076_1d64_78bd_642f;

/// Both halves of the product with [`FACTOR`], one over the other.
fn multiply(n: u64) -> u64 {
    let product = u128::from(n) * u128::from(FACTOR);
    (product >> 64) as u64 ^ product as u64
}

/// The same where 128 bits are a call into the runtime library: a tenth of a world's time in wasm.
fn multiply_in_halves(n: u64) -> u64 {
    const HALF: u64 = 0xffff_ffff;
    let (high, low) = (n >> 32, n & HALF);
    let (cross, straight) = (high * (FACTOR & HALF), low * (FACTOR >> 32));
    let middle = ((low * (FACTOR & HALF)) >> 32) + (cross & HALF) + (straight & HALF);
    let upper = high * (FACTOR >> 32) + (cross >> 32) + (straight >> 32) + (middle >> 32);
    upper ^ n.wrapping_mul(FACTOR)
}

/// At most seven bytes as a little-endian number. Most of what is folded in is short names:
/// reads that overlap cost less than a copy of unknown length.
fn short_word(bytes: &[u8]) -> u64 {
    match *bytes {
        [] => 0,
        [a, b, c, d, ..] => {
            let low = u32::from_le_bytes([a, b, c, d]);
            let high = bytes.last_chunk().copied().map_or(0, u32::from_le_bytes);
            u64::from(low) | u64::from(high) << (8 * (bytes.len() - 4))
        }
        [first, ..] => {
            let byte = |at: usize| u64::from(bytes[at]) << (8 * at);
            u64::from(first) | byte(bytes.len() / 2) | byte(bytes.len() - 1)
        }
    }
}

type Folded = Result<(), fmt::Error>;

macro_rules! fold_numbers {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, v: $type) -> Folded {
            self.number(v as u64);
            Ok(())
        })*
    };
}

impl ser::Serializer for &mut Digest {
    type Ok = ();
    type Error = fmt::Error;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    fold_numbers!(serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_char: char);

    fn serialize_f32(self, v: f32) -> Folded {
        self.serialize_u32(v.to_bits())
    }
    fn serialize_f64(self, v: f64) -> Folded {
        self.serialize_u64(v.to_bits())
    }
    fn serialize_str(self, v: &str) -> Folded {
        self.serialize_bytes(v.as_bytes())
    }
    fn serialize_bytes(self, v: &[u8]) -> Folded {
        self.bytes(v);
        Ok(())
    }
    fn serialize_none(self) -> Folded {
        self.serialize_bool(false)
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Folded {
        self.number(1);
        value.serialize(self)
    }
    fn serialize_unit(self) -> Folded {
        Ok(())
    }
    fn serialize_unit_struct(self, _: &'static str) -> Folded {
        Ok(())
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Folded {
        self.serialize_str(variant)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Folded {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Folded {
        self.bytes(variant.as_bytes());
        value.serialize(self)
    }
    fn serialize_seq(self, len: Option<usize>) -> Result<Self, fmt::Error> {
        self.number(len.unwrap_or_default() as u64);
        Ok(self)
    }
    fn serialize_tuple(self, _: usize) -> Result<Self, fmt::Error> {
        Ok(self)
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, fmt::Error> {
        Ok(self)
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self, fmt::Error> {
        self.bytes(variant.as_bytes());
        Ok(self)
    }
    fn serialize_map(self, len: Option<usize>) -> Result<Self, fmt::Error> {
        self.serialize_seq(len)
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, fmt::Error> {
        Ok(self)
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self, fmt::Error> {
        self.bytes(variant.as_bytes());
        Ok(self)
    }
}

macro_rules! fold_parts {
    ($($part:ident :: $method:ident),*) => {
        $(impl ser::$part for &mut Digest {
            type Ok = ();
            type Error = fmt::Error;
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Folded {
                value.serialize(&mut **self)
            }
            fn end(self) -> Folded {
                Ok(())
            }
        })*
    };
}
fold_parts!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

macro_rules! fold_fields {
    ($($part:ident),*) => {
        $(impl ser::$part for &mut Digest {
            type Ok = ();
            type Error = fmt::Error;
            fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Folded {
                value.serialize(&mut **self)
            }
            fn end(self) -> Folded {
                Ok(())
            }
        })*
    };
}
fold_fields!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for &mut Digest {
    type Ok = ();
    type Error = fmt::Error;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Folded {
        key.serialize(&mut **self)
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Folded {
        value.serialize(&mut **self)
    }
    fn end(self) -> Folded {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn of<T: Serialize + ?Sized>(value: &T) -> Digest {
        let mut digest = Digest::default();
        digest.value_of(value);
        digest
    }

    #[test]
    fn tells_apart_what_differs() {
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&vec![""]), of(&Vec::<&str>::new()));
        assert_ne!(of("\0"), of("\0\0"));
        assert_ne!(of(&Some(0)), of(&None::<i32>));
        assert_ne!(of(&-1_i32), of(&1_i32));
    }

    #[test]
    fn halves_multiply_like_wholes() {
        let mut rng = crate::base::Rng::stream(1, "digest");
        let edges = [0, 1, u64::MAX, u64::MAX << 32, u64::from(u32::MAX)];
        for n in edges.into_iter().chain((0..1_000).map(|_| rng.next_u64())) {
            assert_eq!(multiply_in_halves(n), multiply(n), "{n}");
        }
    }

    #[test]
    fn short_words_are_little_endian() {
        for length in 0..8 {
            let bytes: Vec<u8> = (1..=length).map(|n| n * 31).collect();
            let slowly = bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
            assert_eq!(short_word(&bytes), slowly, "{length} bytes");
        }
    }

    #[test]
    fn is_the_same_everywhere() {
        assert_eq!(of(&("terrarium", 7_i64, [1_u8, 2], Some('x'))).to_string(), "c202fcca5105964c");
    }
}
