//! Zstandard (RFC 8878): `ruzstd` writes frames; they are read here.
//!
//! That library's reader has no bound: one block of 120 kB makes it take gigabytes, as it never
//! looks at how far the block has grown (`tests/storage/compression.rs` has that block), and then
//! panics. This one reads everything but dictionaries. Checksums of the content are passed over:
//! the batch has one of its own.

mod bits;
mod decode;
mod fse;
mod huffman;

use super::{CodecError, Output, take, take_le};

pub(super) use decode::decompress;

/// One frame, at the only level that the library has.
pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

const MAGIC: u32 = 0xFD2F_B528;
/// No block opens to more.
const BLOCK_MAX: usize = 128 << 10;

/// How a sequence's numbers are written: a code for the range, then the rest in bits.
struct Codes {
    /// The first numbers have codes of their own, counted from this one.
    first: u32,
    /// How many do.
    plain: u32,
    /// How many bits follow each of the other codes.
    bits: &'static [u8],
    /// The predefined probabilities of the codes, and their table's logarithm.
    shares: &'static [i16],
    log: u32,
    /// The largest logarithm of a table of their own.
    log_max: u32,
}

#[rustfmt::skip]
const LITERAL_LENGTHS: Codes = Codes {
    first: 0,
    plain: 16,
    bits: &[1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
    shares: &[4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1,
        -1, -1, -1, -1],
    log: 6,
    log_max: 9,
};

#[rustfmt::skip]
const MATCH_LENGTHS: Codes = Codes {
    first: 3,
    plain: 32,
    bits: &[1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
    shares: &[1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1],
    log: 6,
    log_max: 9,
};

/// Code n stands for the numbers from 2ⁿ on, told apart by n bits.
#[rustfmt::skip]
const OFFSETS: Codes = Codes {
    first: 1,
    plain: 0,
    bits: &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
        28, 29, 30, 31],
    shares: &[1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1],
    log: 5,
    log_max: 8,
};

/// Literals' lengths, offsets, matches' lengths: in the order of the format.
const ALL_CODES: [&Codes; 3] = [&LITERAL_LENGTHS, &OFFSETS, &MATCH_LENGTHS];

impl Codes {
    /// A code's smallest number, and how many bits are added to it; `None` if there is no such
    /// code.
    fn range(&self, code: u8) -> Option<(u32, u32)> {
        let code = u32::from(code);
        match code.checked_sub(self.plain) {
            None => Some((self.first + code, 0)),
            Some(index) => {
                let bits = u32::from(*self.bits.get(index as usize)?);
                let before = self.bits[..index as usize].iter();
                Some((before.fold(self.first + self.plain, |n, bits| n + (1 << bits)), bits))
            }
        }
    }

    /// How many codes there are.
    fn count(&self) -> usize {
        self.plain as usize + self.bits.len()
    }
}
