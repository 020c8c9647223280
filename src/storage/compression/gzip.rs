//! gzip (RFC 1952): `flate2` reads members one after another and checks their sums.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::{CodecError, Output};

/// What Kafka's −1 stands for.
const LEVEL: u32 = 6;

pub(super) fn decompress(bytes: &[u8], output: &mut Output) -> Result<(), CodecError> {
    let mut opened = Vec::new();
    // One byte more than there is room for shows that there are more.
    let most = output.room() as u64 + 1;
    match MultiGzDecoder::new(bytes).take(most).read_to_end(&mut opened) {
        Ok(_) => output.extend(&opened),
        Err(error) => Err(CodecError::Malformed(match error.kind() {
            std::io::ErrorKind::UnexpectedEof => "the bytes end early",
            _ => "not in gzip format, or corrupt",
        })),
    }
}

/// `level` as `compression.gzip.level` has it: 1 to 9; anything else is the default.
pub(super) fn compress(bytes: &[u8], level: i32) -> Vec<u8> {
    let level = u32::try_from(level).ok().filter(|level| (1..=9).contains(level));
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level.unwrap_or(LEVEL)));
    let written = encoder.write_all(bytes);
    match written.and_then(|()| encoder.finish()) {
        Ok(packed) => packed,
        Err(error) => unreachable!("memory takes all that is written: {error}"),
    }
}
