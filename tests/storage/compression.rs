//! The codecs against those of others, and against bytes that are out to do harm.

use std::io::{Read, Write};

use bytes::Bytes;
use proptest::prelude::*;
use terrarium::base::Rng;
use terrarium::storage::compression::{CodecError, DECOMPRESSED_MAX_BYTES, compress, decompress};
use terrarium::storage::{BatchBuilder, BatchOptions, Compression, LogConfig, RecordBatch, UnifiedLog};

const LIMIT: usize = 1 << 20;

/// Bytes of which some repeat, as records do.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::collection::vec("[a-e]{1,9}", 1..20);
    let text = (words, prop::collection::vec(any::<prop::sample::Index>(), 0..4_000)).prop_map(
        |(words, picked): (Vec<String>, Vec<prop::sample::Index>)| {
            picked.iter().flat_map(|index| index.get(&words).bytes()).collect()
        },
    );
    let bytes = prop::collection::vec(any::<u8>(), 0..2_000);
    let long = (prop::collection::vec(any::<u8>(), 1..300), 1..900usize).prop_map(|(part, n)| part.repeat(n));
    prop_oneof![text, bytes, long]
}

/// What another's decoder makes of it.
fn opened_elsewhere(codec: Compression, packed: &[u8]) -> Vec<u8> {
    let mut opened = Vec::new();
    match codec {
        Compression::Snappy => {
            // Their framing is another; the blocks are the same.
            let mut blocks = &packed[16..];
            while !blocks.is_empty() {
                let (length, rest) = blocks.split_at(4);
                let (block, rest) = rest.split_at(u32::from_be_bytes(length.try_into().unwrap()) as usize);
                opened.extend(snap::raw::Decoder::new().decompress_vec(block).unwrap());
                blocks = rest;
            }
        }
        Compression::Lz4 => {
            lz4_flex::frame::FrameDecoder::new(packed).read_to_end(&mut opened).unwrap();
        }
        Compression::Zstd => {
            let mut decoder = ruzstd::decoding::StreamingDecoder::new(packed).unwrap();
            std::io::Read::read_to_end(&mut decoder, &mut opened).unwrap();
        }
        _ => unreachable!("gzip's inner part is a library's own"),
    }
    opened
}

/// What another's encoder makes of it.
fn compressed_elsewhere(codec: Compression, content: &[u8]) -> Vec<u8> {
    match codec {
        Compression::Snappy => snap::raw::Encoder::new().compress_vec(content).unwrap(),
        Compression::Lz4 => {
            let info = lz4_flex::frame::FrameInfo::new().block_checksums(true).content_checksum(true);
            let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Zstd => {
            ruzstd::encoding::compress_to_vec(content, ruzstd::encoding::CompressionLevel::Fastest)
        }
        _ => unreachable!("gzip's inner part is a library's own"),
    }
}

proptest! {
    #[test]
    fn others_read_what_is_written_here(content in content()) {
        for codec in [Compression::Snappy, Compression::Lz4, Compression::Zstd] {
            prop_assert_eq!(&opened_elsewhere(codec, &compress(codec, &content, -1)), &content);
        }
    }

    #[test]
    fn what_others_write_is_read_here(content in content()) {
        for codec in [Compression::Snappy, Compression::Lz4, Compression::Zstd] {
            let packed = compressed_elsewhere(codec, &content);
            prop_assert_eq!(&decompress(codec, &packed, LIMIT).unwrap(), &content, "{}", codec);
        }
    }

    #[test]
    fn all_opens_again(content in content()) {
        for codec in Compression::CODECS {
            let packed = compress(codec, &content, -1);
            prop_assert_eq!(&decompress(codec, &packed, LIMIT).unwrap(), &content, "{}", codec);
            prop_assert_eq!(&decompress(codec, &packed, content.len()).unwrap(), &content);
        }
    }
}

/// Packed bytes with a few of them changed, moved, cut off or made up.
fn damaged(rng: &mut Rng, packed: &[u8]) -> Vec<u8> {
    let mut bytes = packed.to_vec();
    for _ in 0..rng.between(1, 4) {
        let at = rng.below(bytes.len() as u64 + 1) as usize;
        match rng.below(4) {
            0 if at < bytes.len() => bytes[at] = rng.next_u64() as u8,
            1 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
            2 => bytes.truncate(at),
            _ => bytes.insert(at, rng.next_u64() as u8),
        }
    }
    bytes
}

#[test]
fn damaged_bytes_open_to_something_bounded_or_not_at_all() {
    const BOUND: usize = 200_000;
    let mut rng = Rng::stream(4, "damaged codecs");
    let text: Vec<u8> =
        (0..300).flat_map(|n| format!("key-{n} value-{}; ", n * 7 % 31).into_bytes()).collect();
    let (mut opened, mut refused) = (0, 0);
    for codec in Compression::CODECS {
        let mut originals = vec![compress(codec, &text, -1), compress(codec, &text[..40], -1)];
        if codec != Compression::Gzip {
            originals.push(compressed_elsewhere(codec, &text));
        }
        for round in 0..20_000 {
            let bytes = match round % 8 {
                0 => (0..rng.below(100)).map(|_| rng.next_u64() as u8).collect(),
                _ => damaged(&mut rng, &originals[round % originals.len()]),
            };
            match decompress(codec, &bytes, BOUND) {
                Ok(content) => {
                    assert!(content.len() <= BOUND);
                    opened += 1;
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert!(opened > 1_000 && refused > 1_000, "{opened} opened, {refused} refused");
}

/// A frame of Zstandard with one block of 120 kB that would open to eight gigabytes: 60,000 times
/// the longest match that there is, back to the eight bytes in front.
fn a_block_without_bound() -> Vec<u8> {
    const SEQUENCES: u16 = 60_000;
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x80];
    let mut block = |is_last: u32, kind: u32, content: &[u8]| {
        let header = is_last | kind << 1 | (content.len() as u32) << 3;
        frame.extend(&header.to_le_bytes()[..3]);
        frame.extend(content);
    };
    block(0, 0, b"aaaaaaaa");
    // No literals; codes that are always the same: no literals, an offset from before, and the
    // longest matches with their sixteen bits all set.
    let mut content = vec![0, 255];
    content.extend((SEQUENCES - 0x7f00).to_le_bytes());
    content.extend([0b01_01_01_00, 0, 0, 52]);
    content.extend([255; 2 * SEQUENCES as usize]);
    content.push(1);
    block(1, 2, &content);
    frame
}

#[test]
fn a_block_that_grows_without_bound_is_stopped() {
    let frame = a_block_without_bound();
    assert!(frame.len() < 128 << 10);
    let too_large = CodecError::Malformed("a block is too large");
    assert_eq!(decompress(Compression::Zstd, &frame, DECOMPRESSED_MAX_BYTES), Err(too_large));
    assert_eq!(decompress(Compression::Zstd, &frame, 100_000), Err(CodecError::TooLarge));
}

#[test]
fn a_bomb_is_too_large_for_a_log() {
    let zeros = vec![0; 65 << 20];
    for codec in [Compression::Gzip, Compression::Zstd] {
        let options = BatchOptions { compression: codec, ..BatchOptions::default() };
        let mut builder = BatchBuilder::new(options);
        builder.try_push(1_000, None, Some(&zeros), &[]).unwrap();
        let bytes: Bytes = builder.build();
        assert!(bytes.len() < 1_000_000, "{codec}");
        let mut log = UnifiedLog::new(
            terrarium::protocol::TopicPartition::new("t", 0),
            std::sync::Arc::new(LogConfig::default()),
        );
        let error = log.append_as_leader(&bytes, 0, 1_000).unwrap_err();
        assert_eq!(error.code(), terrarium::protocol::ErrorCode::MessageTooLarge, "{codec}");
        assert_eq!(RecordBatch::parse(&bytes).unwrap().0.records().count(), 1, "one error, no records");
        assert_eq!(decompress(codec, &bytes[61..], LIMIT), Err(CodecError::TooLarge));
    }
}
