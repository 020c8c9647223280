//! Snappy, bare and in the framing of snappy-java (which Kafka's Java client writes): a header of
//! 16 bytes, then blocks of at most 32 KiB with their length before them. The blocks are `snap`'s.

use snap::raw::{Decoder, Encoder, decompress_len};

use super::{CodecError, Output, take};

const MAGIC: [u8; 8] = *b"\x82SNAPPY\0";
const HEADER_BYTES: usize = 16;
/// Version and oldest compatible version of the framing.
const VERSIONS: [u8; 8] = [0, 0, 0, 1, 0, 0, 0, 1];
const BLOCK_BYTES: usize = 32 << 10;
/// Three bytes stand for at most 64: a block that says it opens to more than so many times its
/// length is wrong, and gets no memory.
const GROWTH_MAX: usize = 22;

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

fn decompress_block(block: &[u8], output: &mut Output) -> Result<(), CodecError> {
    // What is empty is not even a length.
    let wrong = |error| match error {
        snap::Error::Offset { .. } => CodecError::Malformed("an offset reaches back too far"),
        _ => CodecError::Malformed("a block is not snappy's"),
    };
    let length = if block.is_empty() { None } else { Some(decompress_len(block).map_err(wrong)?) };
    let length = length.ok_or(CodecError::Malformed("the bytes end early"))?;
    if length > output.room() {
        return Err(CodecError::TooLarge);
    }
    if length > block.len().saturating_mul(GROWTH_MAX) {
        return Err(CodecError::Malformed("a block's length is wrong"));
    }
    let mut opened = vec![0; length];
    let written = Decoder::new().decompress(block, &mut opened).map_err(wrong)?;
    output.extend(opened.get(..written).unwrap_or_default())
}

pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut out = [MAGIC, VERSIONS].concat();
    let mut encoder = Encoder::new();
    for block in bytes.chunks(BLOCK_BYTES) {
        match encoder.compress_vec(block) {
            Ok(packed) => {
                out.extend((packed.len() as u32).to_be_bytes());
                out.extend(packed);
            }
            Err(error) => unreachable!("only blocks above 4 GiB are refused: {error}"),
        }
    }
    out
}
