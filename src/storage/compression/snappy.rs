//! Snappy, bare and in the framing of snappy-java (which Kafka's Java client writes): a header of
//! 16 bytes, then blocks of at most 32 KiB with their length before them.

use super::matches::for_each_match;
use super::{CodecError, Output, take, take_le};

const MAGIC: [u8; 8] = *b"\x82SNAPPY\0";
const HEADER_BYTES: usize = 16;
/// Version and oldest compatible version of the framing.
const VERSIONS: [u8; 8] = [0, 0, 0, 1, 0, 0, 0, 1];
const BLOCK_BYTES: usize = 32 << 10;
const COPY_MAX: usize = 64;

pub(super) fn decompress(mut bytes: &[u8], output: &mut Output) -> Result<(), CodecError> {
    if !bytes.starts_with(&MAGIC) {
        return decompress_block(bytes, output);
    }
    while !bytes.is_empty() {
        if bytes.starts_with(&MAGIC) {
            // Streams may follow one another.
            take(&mut bytes, HEADER_BYTES)?;
            continue;
        }
        let length = take(&mut bytes, 4)?.iter().fold(0, |n, byte| (n << 8) | usize::from(*byte));
        decompress_block(take(&mut bytes, length)?, output)?;
    }
    Ok(())
}

fn decompress_block(mut bytes: &[u8], output: &mut Output) -> Result<(), CodecError> {
    let length = take_length(&mut bytes)?;
    if length > output.room() {
        return Err(CodecError::TooLarge);
    }
    output.set_floor();
    let end = output.len() + length;
    while !bytes.is_empty() {
        let tag = usize::from(take(&mut bytes, 1)?[0]);
        let count = (tag >> 2) + 1;
        match tag & 3 {
            0 => {
                let count = match count {
                    1..=60 => count,
                    long => take_le(&mut bytes, long - 60)? as usize + 1,
                };
                output.extend(take(&mut bytes, count)?)?;
            }
            1 => {
                let offset = ((tag >> 5) << 8) | take_le(&mut bytes, 1)? as usize;
                output.repeat(offset, ((tag >> 2) & 7) + 4)?;
            }
            2 => output.repeat(take_le(&mut bytes, 2)? as usize, count)?,
            _ => output.repeat(take_le(&mut bytes, 4)? as usize, count)?,
        }
        if output.len() > end {
            break;
        }
    }
    if output.len() == end { Ok(()) } else { Err(CodecError::Malformed("a block's length is wrong")) }
}

/// A number in groups of seven bits, lowest first.
fn take_length(bytes: &mut &[u8]) -> Result<usize, CodecError> {
    let mut length = 0u64;
    for shift in [0, 7, 14, 21, 28] {
        let byte = u64::from(take(bytes, 1)?[0]);
        length |= (byte & 0x7f) << shift;
        if byte & 0x80 == 0 && length <= u64::from(u32::MAX) {
            return Ok(length as usize);
        }
    }
    Err(CodecError::Malformed("a length takes too many bytes"))
}

pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut out = [MAGIC, VERSIONS].concat();
    for block in bytes.chunks(BLOCK_BYTES) {
        let at = out.len();
        out.extend([0; 4]);
        compress_block(block, &mut out);
        let length = (out.len() - at - 4) as u32;
        out[at..at + 4].copy_from_slice(&length.to_be_bytes());
    }
    out
}

fn compress_block(block: &[u8], out: &mut Vec<u8>) {
    let mut length = block.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    let rest = for_each_match(block, [0, 0], &mut |literals, offset, mut length| {
        put_literals(literals, out);
        while length > 0 {
            // What is left must be long enough for a copy of its own.
            let count = if length > COPY_MAX && length < COPY_MAX + 4 { COPY_MAX - 4 } else { length };
            let count = count.min(COPY_MAX);
            out.push((((count - 1) << 2) | 2) as u8);
            out.extend((offset as u16).to_le_bytes());
            length -= count;
        }
    });
    put_literals(rest, out);
}

fn put_literals(literals: &[u8], out: &mut Vec<u8>) {
    match literals.len() {
        0 => return,
        count @ 1..=60 => out.push(((count - 1) << 2) as u8),
        // Blocks are short enough for two bytes of length.
        count => {
            out.push(61 << 2);
            out.extend(((count - 1) as u16).to_le_bytes());
        }
    }
    out.extend_from_slice(literals);
}
