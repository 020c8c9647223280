//! LZ4 frames as KIP-57 has them: independent blocks of 64 KiB, a true checksum of the header, no
//! checksum of the content. `lz4_flex` writes them, and opens their blocks.
//!
//! The frame around the blocks is read here, as Kafka reads it: the library's reader takes blocks
//! that depend on one another, insists on a checksum of the content, and takes a frame that is cut
//! off between two blocks for a whole one.

use std::io::Write;

use lz4_flex::block::DecompressError;
use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
use twox_hash::XxHash32;

use super::{CodecError, Output, take, take_le};

const MAGIC: u64 = 0x184D_2204;
const VERSION_MASK: u8 = 0xc0;
const VERSION: u8 = 0x40;
const INDEPENDENT: u8 = 0x20;
const BLOCK_CHECKSUMS: u8 = 0x10;
const CONTENT_SIZE: u8 = 0x08;
const CONTENT_CHECKSUM: u8 = 0x04;
const RESERVED: u8 = 0x03;
/// Set in a block's length when its bytes are as they were.
const STORED: u32 = 1 << 31;
/// One byte stands for at most 255.
const GROWTH_MAX: usize = 256;

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
        if flags & BLOCK_CHECKSUMS != 0 && take_le(bytes, 4)? != u64::from(XxHash32::oneshot(0, block)) {
            return Err(CodecError::Malformed("a block's checksum is wrong"));
        }
        match length & STORED {
            0 => decompress_block(block, block_max, output)?,
            _ if block.len() > block_max => return Err(CodecError::Malformed("a block is too large")),
            _ => output.extend(block)?,
        }
    }
    if flags & CONTENT_CHECKSUM != 0 {
        // Not looked at by Kafka either: the batch has a checksum of its own.
        take(bytes, 4)?;
    }
    Ok(())
}

/// A block, independent of those before it.
fn decompress_block(block: &[u8], block_max: usize, output: &mut Output) -> Result<(), CodecError> {
    // Memory for what the bytes can stand for, and no more.
    let most = block.len().saturating_mul(GROWTH_MAX).min(block_max);
    let mut opened = vec![0; most.min(output.room())];
    match lz4_flex::block::decompress_into(block, &mut opened) {
        Ok(written) => output.extend(opened.get(..written).unwrap_or_default()),
        Err(DecompressError::OutputTooSmall { .. }) if opened.len() < most => Err(CodecError::TooLarge),
        Err(DecompressError::OutputTooSmall { .. }) => Err(CodecError::Malformed("a block is too large")),
        Err(DecompressError::OffsetOutOfBounds) => {
            Err(CodecError::Malformed("an offset reaches back too far"))
        }
        Err(_) => Err(CodecError::Malformed("a block is not LZ4's")),
    }
}

pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    let info = FrameInfo::new().block_mode(BlockMode::Independent).block_size(BlockSize::Max64KB);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    let written = encoder.write_all(bytes).map_err(Into::into);
    match written.and_then(|()| encoder.finish()) {
        Ok(packed) => packed,
        Err(error) => unreachable!("memory takes all that is written: {error}"),
    }
}

fn header_checksum(header: &[u8]) -> u8 {
    (XxHash32::oneshot(0, header) >> 8) as u8
}
