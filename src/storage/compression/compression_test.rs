//! The codecs on their own. What other encoders write is read in `tests/storage/golden.rs`; how
//! others read what is written here, and hostile bytes, in `tests/storage/compression.rs`.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

const LIMIT: usize = 1 << 20;

fn contents() -> Vec<Vec<u8>> {
    let story = "Alle Möwen sehen aus, als ob sie Emma hießen. ".repeat(5_000).into_bytes();
    let mut random = 1u32;
    let noise = std::iter::repeat_with(move || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 24) as u8
    });
    let lengths = [0, 1, 3, 4, 5, 12, 13, 59, 60, 61, 62, 127, 128, 300, 32_768, 32_769, 65_537, 131_073];
    let mut contents = vec![story.clone(), vec![7; 300_000], noise.take(140_000).collect()];
    contents.extend(lengths.iter().map(|length| story[..*length].to_vec()));
    contents.extend(lengths.iter().map(|length| noise.take(*length).collect()));
    // Matches of every length, near and far.
    let gaps = (0..400).flat_map(|n| [vec![b'x'; n], noise.skip(n).take(n % 70).collect()]);
    contents.push(gaps.collect::<Vec<_>>().concat());
    contents
}

#[test]
fn what_is_compressed_opens_again() {
    for codec in [Compression::None].into_iter().chain(Compression::CODECS) {
        for content in contents() {
            let packed = compress(codec, &content, -1);
            assert_eq!(
                decompress(codec, &packed, LIMIT).as_ref(),
                Ok(&content),
                "{codec}, {}",
                content.len()
            );
        }
    }
}

#[test]
fn what_repeats_gets_small() {
    let story = &contents()[0];
    for codec in Compression::CODECS {
        let size = compress(codec, story, -1).len();
        assert!(size < story.len() / 15, "{codec}: {size} of {}", story.len());
    }
}

#[test]
fn gzip_tries_as_hard_as_it_is_told() {
    let story = &contents()[0];
    let size = |level| compress(Compression::Gzip, story, level).len();
    assert!(size(1) > size(9), "{} and {}", size(1), size(9));
    assert_eq!([size(-1), size(0), size(99)], [size(6); 3]);
}

#[test]
fn bombs_are_left_alone() {
    for codec in Compression::CODECS {
        let packed = compress(codec, &vec![0; LIMIT], -1);
        assert!(decompress(codec, &packed, LIMIT).is_ok(), "{codec}");
        assert_eq!(decompress(codec, &packed, LIMIT - 1), Err(CodecError::TooLarge), "{codec}");
        assert_eq!(decompress(codec, &packed, 0), Err(CodecError::TooLarge), "{codec}");
    }
}

#[test]
fn every_shorter_piece_is_refused() {
    let content = &contents()[0][..700];
    for codec in Compression::CODECS {
        let packed = compress(codec, content, -1);
        for end in 0..packed.len() {
            let opened = decompress(codec, &packed[..end], LIMIT);
            // Empty, or only a header, is an empty stream for some.
            let is_empty = opened.as_ref().is_ok_and(Vec::is_empty) && end <= 16;
            assert!(opened.is_err() || is_empty, "{codec} up to {end}");
        }
    }
}

#[test]
fn members_frames_and_streams_may_follow_one_another() {
    for codec in [Compression::Gzip, Compression::Snappy, Compression::Zstd] {
        let two = [compress(codec, b"one, ", -1), compress(codec, b"two", -1)].concat();
        assert_eq!(decompress(codec, &two, LIMIT), Ok(b"one, two".to_vec()), "{codec}");
    }
}

#[test]
fn the_first_bytes_are_those_of_kafkas_clients() {
    let check = |codec, expected: &[u8]| assert_eq!(&compress(codec, b"abc", -1)[..expected.len()], expected);
    check(Compression::Gzip, &[0x1f, 0x8b, 8, 0]);
    check(Compression::Snappy, b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01\0\0\0\x05\x03\x08abc");
    check(Compression::Lz4, &[0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, 3, 0, 0, 0x80, b'a', b'b', b'c']);
    check(Compression::Zstd, &[0x28, 0xb5, 0x2f, 0xfd]);
}

#[test]
fn bare_snappy_is_read_too() {
    let literal = [3, 2 << 2, b'a', b'b', b'c'];
    assert_eq!(decompress(Compression::Snappy, &literal, LIMIT), Ok(b"abc".to_vec()));
    let far = CodecError::Malformed("an offset reaches back too far");
    assert_eq!(decompress(Compression::Snappy, &[8, 0, b'a', 2, 2, 0], LIMIT), Err(far));
}

#[test]
fn an_lz4_frame_must_be_as_kafka_wants_it() {
    let good = compress(Compression::Lz4, b"abc", -1);
    let check = |at: usize, byte: u8, why: &'static str| {
        let mut packed = good.clone();
        packed[at] = byte;
        assert_eq!(decompress(Compression::Lz4, &packed, LIMIT), Err(CodecError::Malformed(why)));
    };
    check(0, 0, "the magic number is not LZ4's");
    check(4, 0x40, "its blocks depend on one another");
    check(4, 0xa0, "unknown flags");
    check(5, 0x30, "unknown block size");
    check(6, 0x83, "the header's checksum is wrong");
}

#[test]
fn bits_without_a_codec_are_unknown() {
    assert_eq!(decompress(Compression::Unknown(5), b"abc", LIMIT), Err(CodecError::Unknown));
}
