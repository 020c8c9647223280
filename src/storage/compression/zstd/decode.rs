//! Opening Zstandard's frames.

use super::bits::Bits;
use super::fse::Table;
use super::huffman::Huffman;
use super::{ALL_CODES, BLOCK_MAX, CodecError, MAGIC, Output, take, take_le};

/// The sixteen magic numbers of frames that are to be passed over.
const SKIPPABLE: u64 = 0x0184_D2A5;
const RESERVED: CodecError = CodecError::Malformed("reserved bits are set");

/// What one block leaves to the next.
struct Frame {
    huffman: Option<Huffman>,
    /// Of literals' lengths, offsets and matches' lengths.
    tables: [Option<Table>; 3],
    /// The last three offsets, the latest first.
    offsets: [usize; 3],
}

pub(in super::super) fn decompress(mut bytes: &[u8], output: &mut Output) -> Result<(), CodecError> {
    while !bytes.is_empty() {
        let magic = take_le(&mut bytes, 4)?;
        if magic >> 4 == SKIPPABLE {
            let length = take_le(&mut bytes, 4)? as usize;
            take(&mut bytes, length)?;
        } else if magic == u64::from(MAGIC) {
            decompress_frame(&mut bytes, output)?;
        } else {
            return Err(CodecError::Malformed("the magic number is not Zstandard's"));
        }
    }
    Ok(())
}

fn decompress_frame(bytes: &mut &[u8], output: &mut Output) -> Result<(), CodecError> {
    let flags = take(bytes, 1)?[0];
    let is_single_segment = flags & 0x20 != 0;
    if flags & 0x08 != 0 {
        return Err(RESERVED);
    }
    if !is_single_segment {
        // The window: here all that was written so far can be reached.
        take(bytes, 1)?;
    }
    if take_le(bytes, [0, 1, 2, 4][usize::from(flags & 3)])? != 0 {
        return Err(CodecError::Malformed("a dictionary is needed"));
    }
    let content_size = match flags >> 6 {
        0 if is_single_segment => Some(take_le(bytes, 1)?),
        0 => None,
        1 => Some(take_le(bytes, 2)? + 256),
        2 => Some(take_le(bytes, 4)?),
        _ => Some(take_le(bytes, 8)?),
    };
    if content_size.is_some_and(|size| size > output.room() as u64) {
        return Err(CodecError::TooLarge);
    }
    output.set_floor();
    let before = output.len();
    let mut frame = Frame { huffman: None, tables: [None, None, None], offsets: [1, 4, 8] };
    loop {
        let header = take_le(bytes, 3)? as usize;
        let (kind, size) = (header >> 1 & 3, header >> 3);
        let start = output.len();
        match kind {
            _ if size > BLOCK_MAX => return Err(CodecError::Malformed("a block is too large")),
            0 => output.extend(take(bytes, size)?)?,
            1 => output.fill(take(bytes, 1)?[0], size)?,
            2 => frame.decompress_block(take(bytes, size)?, output)?,
            _ => return Err(RESERVED),
        }
        if output.len() - start > BLOCK_MAX {
            return Err(CodecError::Malformed("a block is too large"));
        }
        if header & 1 == 1 {
            break;
        }
    }
    if flags & 0x04 != 0 {
        take(bytes, 4)?;
    }
    let is_right = content_size.is_none_or(|size| size == (output.len() - before) as u64);
    if is_right { Ok(()) } else { Err(CodecError::Malformed("the content has another size")) }
}

impl Frame {
    fn decompress_block(&mut self, mut block: &[u8], output: &mut Output) -> Result<(), CodecError> {
        let literals = self.take_literals(&mut block)?;
        let mut literals = &literals[..];
        let count = match take(&mut block, 1)?[0] {
            255 => take_le(&mut block, 2)? + 0x7f00,
            high @ 128.. => (u64::from(high - 128) << 8) | take_le(&mut block, 1)?,
            low => u64::from(low),
        };
        if count == 0 {
            if !block.is_empty() {
                return Err(CodecError::Malformed("bytes are left in a block"));
            }
            return output.extend(literals);
        }
        let modes = take(&mut block, 1)?[0];
        if modes & 3 != 0 {
            return Err(RESERVED);
        }
        for (index, codes) in ALL_CODES.iter().enumerate() {
            let table = match modes >> (6 - 2 * index) & 3 {
                0 => Table::new(codes.shares, codes.log),
                1 => Table::of_one(take(&mut block, 1)?[0]),
                2 => Table::take(&mut block, codes.count(), codes.log_max)?,
                _ => continue,
            };
            self.tables[index] = Some(table);
        }
        self.sequences(count, block, &mut literals, output)?;
        output.extend(literals)
    }

    /// Bytes to be put between repetitions.
    fn take_literals(&mut self, block: &mut &[u8]) -> Result<Vec<u8>, CodecError> {
        let first = *block.first().ok_or(CodecError::Malformed("a block is empty"))?;
        let format = usize::from(first >> 2 & 3);
        let mut literals = Output::new(BLOCK_MAX);
        if first & 2 == 0 {
            let (bytes, shift) = [(1, 3), (2, 4), (1, 3), (3, 4)][format];
            let size = (take_le(block, bytes)? >> shift) as usize;
            if first & 1 == 0 {
                literals.extend(take(block, size)?)?;
            } else {
                literals.fill(take(block, 1)?[0], size)?;
            }
            return Ok(literals.into_bytes());
        }
        let (bytes, width) = [(3, 10), (3, 10), (4, 14), (5, 18)][format];
        let header = take_le(block, bytes)? >> 4;
        let size = (header & ((1 << width) - 1)) as usize;
        let mut packed = take(block, (header >> width) as usize)?;
        if first & 1 == 0 {
            self.huffman = Some(Huffman::take(&mut packed)?);
        }
        let missing = CodecError::Malformed("there is no earlier Huffman code");
        let huffman = self.huffman.as_ref().ok_or(missing)?;
        if format == 0 {
            huffman.decode(packed, size, &mut literals)?;
            return Ok(literals.into_bytes());
        }
        let mut lengths = take(&mut packed, 6)?;
        let part = size.div_ceil(4);
        for _ in 0..3 {
            let length = take_le(&mut lengths, 2)? as usize;
            huffman.decode(take(&mut packed, length)?, part, &mut literals)?;
        }
        let last = size.checked_sub(3 * part).ok_or(CodecError::Malformed("literals are too few"))?;
        huffman.decode(packed, last, &mut literals)?;
        Ok(literals.into_bytes())
    }

    fn sequences(
        &mut self,
        count: u64,
        stream: &[u8],
        literals: &mut &[u8],
        output: &mut Output,
    ) -> Result<(), CodecError> {
        let [Some(lengths), Some(offsets), Some(matches)] = &self.tables else {
            return Err(CodecError::Malformed("there is no earlier table"));
        };
        let tables = [lengths, offsets, matches];
        let end = output.len() + BLOCK_MAX;
        let mut bits = Bits::new(stream)?;
        let mut states = tables.map(|table| table.start(&mut bits));
        for index in 0..count {
            let mut numbers = [0; 3];
            // The extra bits of the offset come first, then those of the match, then the literals'.
            for which in [1, 2, 0] {
                let code = tables[which].symbol(states[which]);
                let (base, extra) =
                    ALL_CODES[which].range(code).ok_or(CodecError::Malformed("a code is unknown"))?;
                numbers[which] = base.wrapping_add(bits.read(extra)) as usize;
            }
            let [literal_length, offset, match_length] = numbers;
            let offset = resolve(&mut self.offsets, offset, literal_length == 0);
            output.extend(take(literals, literal_length)?)?;
            output.repeat(offset, match_length)?;
            if output.len() > end {
                return Err(CodecError::Malformed("a block is too large"));
            }
            if index + 1 < count {
                for which in [0, 2, 1] {
                    states[which] = tables[which].next(states[which], &mut bits);
                }
            }
        }
        if bits.left() == 0 { Ok(()) } else { Err(CodecError::Malformed("sequences have another length")) }
    }
}

/// The offset that a number stands for: one of the last three, or a new one.
fn resolve(last: &mut [usize; 3], number: usize, without_literals: bool) -> usize {
    let index = match number {
        // Without literals the last offset would only make a longer match.
        1..=3 => number - 1 + usize::from(without_literals),
        _ => 3,
    };
    let offset = match index {
        0..=2 => last[index],
        _ if number > 3 => number - 3,
        // Zero is no offset, which is found out when something is to be repeated.
        _ => last[0].wrapping_sub(1),
    };
    match index {
        0 => {}
        1 => *last = [offset, last[0], last[2]],
        _ => *last = [offset, last[0], last[1]],
    }
    offset
}
