//! The five codecs of record batches: what compresses a batch's records and opens them again.
//!
//! Rule: Kafka's `compression.type`; KIP-57 (LZ4 frames), KIP-110 (Zstandard); RFC 1952 (gzip),
//! RFC 8878 (Zstandard), and the format descriptions of Snappy, snappy-java and LZ4. Knows bytes
//! only: what is in them is the work of libraries, what is around them in Kafka is here.
//!
//! Opening is bounded: output past the limit is an error, memory grows only with what has been
//! written, and no bytes make it panic.

mod gzip;
mod lz4;
mod output;
mod snappy;
mod zstd;

use super::Compression;
use output::Output;

/// Records take no more than this when they are opened. (Kafka itself has no limit.)
pub const DECOMPRESSED_MAX_BYTES: usize = 64 << 20;

/// Why bytes could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodecError {
    /// They are not what the codec writes; names what is wrong.
    Malformed(&'static str),
    /// They open to more than the limit.
    TooLarge,
    /// Nobody has this codec.
    Unknown,
}

/// What `compress` made of it, at most `limit` bytes.
///
/// Snappy may lie in the framing of snappy-java, as the Java client writes it, or bare, as
/// librdkafka does: Kafka reads both.
#[inline(never)]
pub fn decompress(codec: Compression, bytes: &[u8], limit: usize) -> Result<Vec<u8>, CodecError> {
    let mut output = Output::new(limit);
    match codec {
        Compression::None => output.extend(bytes)?,
        Compression::Gzip => gzip::decompress(bytes, &mut output)?,
        Compression::Snappy => snappy::decompress(bytes, &mut output)?,
        Compression::Lz4 => lz4::decompress(bytes, &mut output)?,
        Compression::Zstd => zstd::decompress(bytes, &mut output)?,
        Compression::Unknown(_) => return Err(CodecError::Unknown),
    }
    Ok(output.into_bytes())
}

/// The bytes compressed as Kafka's clients do it: snappy in the framing of snappy-java, LZ4 and
/// Zstandard as one frame. Bits that no codec has compress nothing.
///
/// `level` as `compression.gzip.level` has it; the libraries for the others have no levels.
#[inline(never)]
pub fn compress(codec: Compression, bytes: &[u8], level: i32) -> Vec<u8> {
    match codec {
        Compression::None | Compression::Unknown(_) => bytes.to_vec(),
        Compression::Gzip => gzip::compress(bytes, level),
        Compression::Snappy => snappy::compress(bytes),
        Compression::Lz4 => lz4::compress(bytes),
        Compression::Zstd => zstd::compress(bytes),
    }
}

/// Takes bytes off the front.
fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], CodecError> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or(CodecError::Malformed("the bytes end early"))?;
    *bytes = rest;
    Ok(taken)
}

/// Takes a number of up to eight bytes off the front, lowest byte first.
fn take_le(bytes: &mut &[u8], count: usize) -> Result<u64, CodecError> {
    Ok(take(bytes, count)?.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
}

#[cfg(test)]
#[path = "compression/compression_test.rs"]
mod compression_test;
