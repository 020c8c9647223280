//! LZ4 frames as KIP-57 has them: independent blocks of 64 KiB, a true checksum of the header, no
//! checksum of the content.

use super::matches::for_each_match;
use super::{CodecError, Output, take, take_le};

const MAGIC: u64 = 0x184D_2204;
const BLOCK_BYTES: usize = 64 << 10;
/// Version 01, independent blocks; largest block 64 KiB.
const DESCRIPTOR: [u8; 2] = [0x60, 0x40];
const VERSION_MASK: u8 = 0xc0;
const VERSION: u8 = 0x40;
const INDEPENDENT: u8 = 0x20;
const BLOCK_CHECKSUMS: u8 = 0x10;
const CONTENT_SIZE: u8 = 0x08;
const CONTENT_CHECKSUM: u8 = 0x04;
const RESERVED: u8 = 0x03;
/// Set in a block's length when its bytes are as they were.
const STORED: u32 = 1 << 31;
/// In the last bytes of a block nothing repeats, and before that no repetition begins.
const LIMITS: [usize; 2] = [12, 5];
const MATCH_MIN: usize = 4;

pub(super) fn decompress(mut bytes: &[u8], output: &mut Output) -> Result<(), CodecError> {
    let bytes = &mut bytes;
    if take_le(bytes, 4)? != MAGIC {
        return Err(CodecError::Malformed("the magic number is not LZ4's"));
    }
    let header = *bytes;
    let flags = take(bytes, 1)?[0];
    if flags & VERSION_MASK != VERSION || flags & RESERVED != 0 {
        return Err(CodecError::Malformed("unknown flags"));
    }
    if flags & INDEPENDENT == 0 {
        return Err(CodecError::Malformed("its blocks depend on one another"));
    }
    let sizes = take(bytes, 1)?[0];
    if sizes & 0x8f != 0 || sizes < 0x40 {
        return Err(CodecError::Malformed("unknown block size"));
    }
    let block_max = 1usize << (8 + 2 * (sizes >> 4));
    if flags & CONTENT_SIZE != 0 {
        take(bytes, 8)?;
    }
    let size = header.len() - bytes.len();
    if take(bytes, 1)?[0] != header_checksum(&header[..size]) {
        return Err(CodecError::Malformed("the header's checksum is wrong"));
    }
    loop {
        let length = take_le(bytes, 4)? as u32;
        if length == 0 {
            break;
        }
        let block = take(bytes, (length & !STORED) as usize)?;
        if flags & BLOCK_CHECKSUMS != 0 && take_le(bytes, 4)? != u64::from(xxh32(block)) {
            return Err(CodecError::Malformed("a block's checksum is wrong"));
        }
        let before = output.len();
        output.set_floor();
        if length & STORED != 0 {
            output.extend(block)?;
        } else {
            decompress_block(block, output)?;
        }
        if output.len() - before > block_max {
            return Err(CodecError::Malformed("a block is too large"));
        }
    }
    if flags & CONTENT_CHECKSUM != 0 {
        // Not looked at by Kafka either: the batch has a checksum of its own.
        take(bytes, 4)?;
    }
    Ok(())
}

fn decompress_block(mut block: &[u8], output: &mut Output) -> Result<(), CodecError> {
    let block = &mut block;
    loop {
        let token = usize::from(take(block, 1)?[0]);
        let count = take_count(token >> 4, block)?;
        output.extend(take(block, count)?)?;
        if block.is_empty() {
            return Ok(());
        }
        let offset = take_le(block, 2)? as usize;
        let length = take_count(token & 15, block)? + MATCH_MIN;
        output.repeat(offset, length)?;
    }
}

/// A count that goes on in further bytes if four bits were not enough.
fn take_count(start: usize, block: &mut &[u8]) -> Result<usize, CodecError> {
    let mut count = start;
    if start == 15 {
        loop {
            let more = take(block, 1)?[0];
            count += usize::from(more);
            if more != 255 {
                break;
            }
        }
    }
    Ok(count)
}

pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut out = (MAGIC as u32).to_le_bytes().to_vec();
    out.extend(DESCRIPTOR);
    out.push(header_checksum(&DESCRIPTOR));
    for block in bytes.chunks(BLOCK_BYTES) {
        let at = out.len();
        out.extend([0; 4]);
        compress_block(block, &mut out);
        let mut length = (out.len() - at - 4) as u32;
        if length as usize >= block.len() {
            out.truncate(at + 4);
            out.extend_from_slice(block);
            length = block.len() as u32 | STORED;
        }
        out[at..at + 4].copy_from_slice(&length.to_le_bytes());
    }
    out.extend([0; 4]);
    out
}

fn compress_block(block: &[u8], out: &mut Vec<u8>) {
    let rest = for_each_match(block, LIMITS, &mut |literals, offset, length| {
        let length = length - MATCH_MIN;
        put_literals(literals, length.min(15), out);
        out.extend((offset as u16).to_le_bytes());
        put_count(length, out);
    });
    put_literals(rest, 0, out);
}

fn put_literals(literals: &[u8], low: usize, out: &mut Vec<u8>) {
    out.push(((literals.len().min(15) << 4) | low) as u8);
    put_count(literals.len(), out);
    out.extend_from_slice(literals);
}

/// What four bits did not hold of a count.
fn put_count(count: usize, out: &mut Vec<u8>) {
    let Some(mut left) = count.checked_sub(15) else { return };
    while left >= 255 {
        out.push(255);
        left -= 255;
    }
    out.push(left as u8);
}

fn header_checksum(header: &[u8]) -> u8 {
    (xxh32(header) >> 8) as u8
}

/// XXH32 with seed 0, LZ4's checksum.
fn xxh32(bytes: &[u8]) -> u32 {
    const P: [u32; 5] = [0x9E37_79B1, 0x85EB_CA77, 0xC2B2_AE3D, 0x27D4_EB2F, 0x1656_67B1];
    let word = |four: &[u8]| four.iter().rev().fold(0u32, |n, byte| (n << 8) | u32::from(*byte));
    let mut lanes = [P[0].wrapping_add(P[1]), P[1], 0, P[0].wrapping_neg()];
    let mut stripes = bytes.chunks_exact(16);
    for stripe in &mut stripes {
        for (lane, four) in lanes.iter_mut().zip(stripe.chunks_exact(4)) {
            let mixed = lane.wrapping_add(word(four).wrapping_mul(P[1]));
            *lane = mixed.rotate_left(13).wrapping_mul(P[0]);
        }
    }
    let mut hash = if bytes.len() < 16 {
        P[4]
    } else {
        let turned = lanes.iter().zip([1, 7, 12, 18]).map(|(lane, bits)| lane.rotate_left(bits));
        turned.fold(0, u32::wrapping_add)
    };
    hash = hash.wrapping_add(bytes.len() as u32);
    let mut fours = stripes.remainder().chunks_exact(4);
    for four in &mut fours {
        hash = hash.wrapping_add(word(four).wrapping_mul(P[2])).rotate_left(17).wrapping_mul(P[3]);
    }
    for byte in fours.remainder() {
        hash = hash.wrapping_add(u32::from(*byte).wrapping_mul(P[4])).rotate_left(11).wrapping_mul(P[0]);
    }
    hash = (hash ^ (hash >> 15)).wrapping_mul(P[1]);
    hash = (hash ^ (hash >> 13)).wrapping_mul(P[2]);
    hash ^ (hash >> 16)
}
