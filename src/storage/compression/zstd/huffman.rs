//! Huffman codes of literals.

use super::bits::Bits;
use super::fse::Table;
use super::{CodecError, Output, take};

const WRONG: CodecError = CodecError::Malformed("a Huffman code is wrong");
const BITS_MAX: u32 = 11;
const WEIGHTS_LOG_MAX: u32 = 6;
/// All bytes but the last have a weight of their own.
const WEIGHTS_MAX: usize = 255;

/// What each combination of the next bits stands for: a byte, and how many bits it takes.
pub(super) struct Huffman {
    bits: u32,
    codes: Vec<(u8, u8)>,
}

impl Huffman {
    /// Reads a code's description off the front of `bytes`.
    pub(super) fn take(bytes: &mut &[u8]) -> Result<Huffman, CodecError> {
        let header = usize::from(take(bytes, 1)?[0]);
        let mut weights = if header < 128 {
            take_weights(take(bytes, header)?)?
        } else {
            let count = header - 127;
            let packed = take(bytes, count.div_ceil(2))?.iter().flat_map(|two| [two >> 4, two & 15]);
            packed.take(count).collect()
        };
        let sum: u32 = weights.iter().filter(|weight| **weight > 0).map(|weight| 1 << (weight - 1)).sum();
        let bits = sum.checked_ilog2().ok_or(WRONG)? + 1;
        // The last weight is what is missing to a power of two.
        let missing = (1u32 << bits) - sum;
        if bits > BITS_MAX || !missing.is_power_of_two() {
            return Err(WRONG);
        }
        weights.push(missing.ilog2() as u8 + 1);
        let mut codes = Vec::with_capacity(1 << bits);
        for rank in 1..=bits as u8 {
            let of_rank = weights.iter().enumerate().filter(|(_, weight)| **weight == rank);
            for (byte, _) in of_rank {
                codes.resize(codes.len() + (1 << (rank - 1)), (byte as u8, bits as u8 + 1 - rank));
            }
        }
        if codes.len() == 1 << bits { Ok(Huffman { bits, codes }) } else { Err(WRONG) }
    }

    /// Decodes a stream of `count` bytes.
    pub(super) fn decode(&self, stream: &[u8], count: usize, output: &mut Output) -> Result<(), CodecError> {
        let mut bits = Bits::new(stream)?;
        for _ in 0..count {
            let (byte, used) = self.codes[bits.peek(self.bits) as usize];
            bits.skip(u32::from(used));
            output.fill(byte, 1)?;
        }
        if bits.left() == 0 { Ok(()) } else { Err(CodecError::Malformed("literals have another length")) }
    }
}

/// Weights that are compressed in turn, by two states that take turns.
fn take_weights(mut bytes: &[u8]) -> Result<Vec<u8>, CodecError> {
    let table = Table::take(&mut bytes, BITS_MAX as usize + 1, WEIGHTS_LOG_MAX)?;
    let mut bits = Bits::new(bytes)?;
    let mut states = [table.start(&mut bits), table.start(&mut bits)];
    let mut weights = Vec::new();
    while weights.len() <= WEIGHTS_MAX {
        let [first, second] = states;
        weights.push(table.symbol(first));
        let next = table.next(first, &mut bits);
        if bits.left() < 0 {
            weights.push(table.symbol(second));
            break;
        }
        states = [second, next];
    }
    if weights.len() <= WEIGHTS_MAX { Ok(weights) } else { Err(WRONG) }
}
