//! gzip (RFC 1952) around `miniz_oxide`'s deflate. `flate2` has such a wrapping, too; it brings
//! sixteen kilobytes of a checksum's tables that do not compress, which the page would load.

use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress as inflate};

use super::{CodecError, Output, take, take_le};
use crate::base::crc32;

const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
/// No flags, no time, no hint, unknown system.
const REST: [u8; 7] = [0, 0, 0, 0, 0, 0, 0xff];
/// What Kafka's −1 stands for.
const LEVEL: u8 = 6;
const HEADER_CHECKSUM: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;
/// How much room the first step has; it doubles with each.
const STEP_BYTES: usize = 32 << 10;

pub(super) fn decompress(mut bytes: &[u8], output: &mut Output) -> Result<(), CodecError> {
    loop {
        decompress_member(&mut bytes, output)?;
        // Members may follow one another.
        if bytes.is_empty() {
            return Ok(());
        }
    }
}

fn decompress_member(bytes: &mut &[u8], output: &mut Output) -> Result<(), CodecError> {
    if take(bytes, 3)? != MAGIC {
        return Err(CodecError::Malformed("not in gzip format"));
    }
    let flags = take(bytes, 7)?[0];
    if flags & EXTRA != 0 {
        let length = take_le(bytes, 2)? as usize;
        take(bytes, length)?;
    }
    for flag in [NAME, COMMENT] {
        while flags & flag != 0 && take(bytes, 1)?[0] != 0 {}
    }
    if flags & HEADER_CHECKSUM != 0 {
        take(bytes, 2)?;
    }
    let before = output.len();
    inflate_all(bytes, output)?;
    let content = output.since(before);
    let (checksum, size) = (take_le(bytes, 4)?, take_le(bytes, 4)?);
    if checksum != u64::from(crc32(content)) || size != u64::from(content.len() as u32) {
        return Err(CodecError::Malformed("corrupt gzip trailer"));
    }
    Ok(())
}

fn inflate_all(bytes: &mut &[u8], output: &mut Output) -> Result<(), CodecError> {
    let mut inflater = Box::<DecompressorOxide>::default();
    let mut inflated = Vec::new();
    let mut written = 0;
    loop {
        let room = inflated.len().max(STEP_BYTES).min(output.room() - inflated.len());
        inflated.resize(inflated.len() + room, 0);
        let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let (status, read, wrote) = inflate(&mut inflater, bytes, &mut inflated, written, flags);
        take(bytes, read)?;
        written += wrote;
        match status {
            TINFLStatus::Done => return output.extend(inflated.get(..written).unwrap_or_default()),
            TINFLStatus::HasMoreOutput if inflated.len() < output.room() => {}
            TINFLStatus::HasMoreOutput => return Err(CodecError::TooLarge),
            TINFLStatus::FailedCannotMakeProgress => {
                return Err(CodecError::Malformed("the bytes end early"));
            }
            _ => return Err(CodecError::Malformed("the deflated bytes are corrupt")),
        }
    }
}

/// `level` as `compression.gzip.level` has it: 1 to 9; anything else is the default.
pub(super) fn compress(bytes: &[u8], level: i32) -> Vec<u8> {
    let level = u8::try_from(level).ok().filter(|level| (1..=9).contains(level));
    let mut out = MAGIC.to_vec();
    out.extend(REST);
    out.extend(compress_to_vec(bytes, level.unwrap_or(LEVEL)));
    out.extend(crc32(bytes).to_le_bytes());
    out.extend((bytes.len() as u32).to_le_bytes());
    out
}
