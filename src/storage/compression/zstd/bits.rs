//! Bits read from a stream's end to its beginning, as Zstandard's entropy codes lie.

use super::CodecError;

/// What is left of such a stream.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// How many bits are left; below 0 when more were asked for than there are.
    left: i64,
}

impl<'a> Bits<'a> {
    /// The highest bit that is set marks the end.
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, CodecError> {
        match bytes.last() {
            Some(last) if *last != 0 => {
                Ok(Bits { bytes, left: bytes.len() as i64 * 8 - 1 - i64::from(last.leading_zeros()) })
            }
            _ => Err(CodecError::Malformed("a stream of bits has no end")),
        }
    }

    /// How many bits are left; below 0 when more were asked for than there are.
    pub(super) fn left(&self) -> i64 {
        self.left
    }

    /// The next bits, at most 32; where there are none, zeros.
    pub(super) fn read(&mut self, count: u32) -> u32 {
        let value = self.peek(count);
        self.skip(count);
        value
    }

    /// Passes over bits.
    pub(super) fn skip(&mut self, count: u32) {
        self.left -= i64::from(count);
    }

    /// The next bits, left where they are.
    pub(super) fn peek(&self, count: u32) -> u32 {
        let at = self.left - i64::from(count);
        let missing = (-at).clamp(0, i64::from(count)) as u32;
        let at = at.max(0) as usize;
        let byte = (at >> 3).min(self.bytes.len());
        let part = &self.bytes[byte..self.bytes.len().min(byte + 8)];
        let mut word = [0; 8];
        word[..part.len()].copy_from_slice(part);
        let wanted = (1u64 << (count - missing)) - 1;
        (((u64::from_le_bytes(word) >> (at & 7)) & wanted) << missing) as u32
    }
}
