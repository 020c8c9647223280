//! The hash functions behind the partitioners, each as its client computes it.

/// Java's `Utils.murmur2`: MurmurHash2 with the seed 0x9747b28c, little-endian.
pub fn murmur2(data: &[u8]) -> i32 {
    const M: u32 = 0x5bd1_e995;
    let (words, tail) = data.as_chunks::<4>();
    let mut h = 0x9747_b28c ^ (data.len() as u32);
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> 24;
        h = h.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !tail.is_empty() {
        h = (h ^ little_endian(tail)).wrapping_mul(M);
    }
    h = (h ^ (h >> 13)).wrapping_mul(M);
    (h ^ (h >> 15)) as i32
}

/// The murmur2 of kafkajs 1, still there as its legacy partitioner. It multiplies in floating
/// point, which rounds products above 2^53, and mixes the last bytes in twice, so that most keys go
/// elsewhere than with Java.
pub fn murmur2_kafkajs_legacy(data: &[u8]) -> i32 {
    let mut h = f64::from((0x9747_b28c ^ (data.len() as u32)) as i32);
    for word in data.chunks(4) {
        let mut k = to_int32(times_m(f64::from(little_endian(word) as i32)));
        k ^= ((k as u32) >> 24) as i32;
        h = f64::from(to_int32(times_m(h)) ^ to_int32(times_m(f64::from(k))));
    }
    let (_, tail) = data.as_chunks::<4>();
    if !tail.is_empty() {
        h = times_m(f64::from(to_int32(h) ^ (little_endian(tail) as i32)));
    }
    let mixed = to_int32(h);
    h = times_m(f64::from(mixed ^ (((mixed as u32) >> 13) as i32)));
    let mixed = to_int32(h);
    mixed ^ (((mixed as u32) >> 15) as i32)
}

/// CRC-32 (ISO-HDLC, as in zlib).
pub fn crc32(data: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in data {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
        }
    }
    !crc
}

/// 32-bit FNV-1a, of which librdkafka, like Sarama, takes the absolute value as an `i32`.
pub fn fnv1a(data: &[u8]) -> u32 {
    let mut h: u32 = 0x811c_9dc5;
    for &byte in data {
        h = (h ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    (h as i32).unsigned_abs()
}

/// Up to four bytes as a number; missing ones are zero.
fn little_endian(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).rev().fold(0, |number, &byte| number << 8 | u32::from(byte))
}

/// JavaScript's `x * M` for an integer of 32 bits.
fn times_m(x: f64) -> f64 {
    x * 1_540_483_477.0
}

/// JavaScript's conversion to 32 bits before a bitwise operation. Products of two 32-bit numbers
/// fit in an `i64`.
fn to_int32(x: f64) -> i32 {
    (x as i64) as i32
}
