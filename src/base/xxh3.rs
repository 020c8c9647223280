//! XXH3 in 64 bits, without a seed: the hash under which Kafka remembers what a group's topics are
//! like (KIP-1101). Not for anything that must withstand an attacker.
//!
//! Source: *xxHash fast digest algorithm*, XXH3 specification; its secret and its primes.

const P32: [u64; 3] = [0x9E37_79B1, 0x85EB_CA77, 0xC2B2_AE3D];
const P64: [u64; 5] = [
    0x9E37_79B1_85EB_CA87,
    0xC2B2_AE3D_27D4_EB4F,
    0x1656_67B1_9E37_79F9,
    0x85EB_CA77_C2B2_AE63,
    0x27D4_EB2F_1656_67C5,
];
const MIX: u64 = 0x1656_6791_9E37_79F9;
const RRMXMX: u64 = 0x9FB2_1C65_1E98_DF25;

const STRIPE: usize = 64;
/// Stripes until the accumulators are scrambled: each takes eight more bytes of the secret.
const STRIPES_PER_BLOCK: usize = (SECRET.len() - STRIPE) / 8;

#[rustfmt::skip]
const SECRET: [u8; 192] = [
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
    0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
    0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
    0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
    0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
    0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
    0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
    0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
    0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
    0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e,
    0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce,
    0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
];

/// The hash of these bytes.
#[inline(never)]
pub fn xxh3_64(bytes: &[u8]) -> u64 {
    let len = bytes.len();
    let size = len as u64;
    match len {
        0 => finish_64(secret(56) ^ secret(64)),
        1..=3 => {
            let at = |index: usize| u64::from(bytes.get(index).copied().unwrap_or(0));
            let all = at(0) << 16 | at(len >> 1) << 24 | at(len - 1) | size << 8;
            finish_64(all ^ u64::from(half(&SECRET, 0) ^ half(&SECRET, 4)))
        }
        4..=8 => {
            let input = u64::from(half(bytes, len - 4)) | u64::from(half(bytes, 0)) << 32;
            let mut h = input ^ secret(8) ^ secret(16);
            h ^= h.rotate_left(49) ^ h.rotate_left(24);
            h = h.wrapping_mul(RRMXMX);
            h ^= (h >> 35).wrapping_add(size);
            h = h.wrapping_mul(RRMXMX);
            h ^ h >> 28
        }
        9..=16 => {
            let low = word(bytes, 0) ^ secret(24) ^ secret(32);
            let high = word(bytes, len - 8) ^ secret(40) ^ secret(48);
            let sum = size.wrapping_add(low.swap_bytes()).wrapping_add(high);
            finish(sum.wrapping_add(folded(low, high)))
        }
        17..=128 => {
            let mut sum = size.wrapping_mul(P64[0]);
            for pair in (0..len.div_ceil(32)).rev() {
                sum = sum.wrapping_add(mixed(bytes, 16 * pair, 32 * pair));
                sum = sum.wrapping_add(mixed(bytes, len - 16 * (pair + 1), 32 * pair + 16));
            }
            finish(sum)
        }
        129..=240 => {
            let each = |from: usize, to: usize, secret_at: usize| {
                let words = (from..to).map(move |at| mixed(bytes, 16 * at, 16 * (at - from) + secret_at));
                words.fold(0u64, u64::wrapping_add)
            };
            let begun = finish(size.wrapping_mul(P64[0]).wrapping_add(each(0, 8, 0)));
            let rest = each(8, len / 16, 3).wrapping_add(mixed(bytes, len - 16, 119));
            finish(begun.wrapping_add(rest))
        }
        _ => long(bytes),
    }
}

fn long(bytes: &[u8]) -> u64 {
    let len = bytes.len();
    let mut sums = [P32[2], P64[0], P64[1], P64[2], P64[3], P32[1], P64[4], P32[0]];
    // The last stripe is taken from the end, however much of it was taken before.
    for stripe in 0..(len - 1) / STRIPE {
        let number = stripe % STRIPES_PER_BLOCK;
        take(&mut sums, bytes, stripe * STRIPE, 8 * number);
        if number + 1 == STRIPES_PER_BLOCK {
            for (index, sum) in sums.iter_mut().enumerate() {
                let key = secret(SECRET.len() - STRIPE + 8 * index);
                *sum = (*sum ^ *sum >> 47 ^ key).wrapping_mul(P32[0]);
            }
        }
    }
    take(&mut sums, bytes, len - STRIPE, SECRET.len() - STRIPE - 7);
    let pairs = sums.chunks_exact(2).zip((11..).step_by(16));
    let merged = pairs.map(|(pair, at)| folded(pair[0] ^ secret(at), pair[1] ^ secret(at + 8)));
    finish(merged.fold((len as u64).wrapping_mul(P64[0]), u64::wrapping_add))
}

/// Takes a stripe in.
fn take(sums: &mut [u64; 8], bytes: &[u8], at: usize, secret_at: usize) {
    for index in 0..8 {
        let data = word(bytes, at + 8 * index);
        let key = data ^ secret(secret_at + 8 * index);
        sums[index ^ 1] = sums[index ^ 1].wrapping_add(data);
        sums[index] = sums[index].wrapping_add((key & 0xFFFF_FFFF).wrapping_mul(key >> 32));
    }
}

fn mixed(bytes: &[u8], at: usize, secret_at: usize) -> u64 {
    folded(word(bytes, at) ^ secret(secret_at), word(bytes, at + 8) ^ secret(secret_at + 8))
}

/// Both halves of a product, one upon the other.
fn folded(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

fn finish(mut h: u64) -> u64 {
    h = (h ^ h >> 37).wrapping_mul(MIX);
    h ^ h >> 32
}

/// As XXH64 does.
fn finish_64(mut h: u64) -> u64 {
    h = (h ^ h >> 33).wrapping_mul(P64[1]);
    h = (h ^ h >> 29).wrapping_mul(P64[2]);
    h ^ h >> 32
}

fn secret(at: usize) -> u64 {
    word(&SECRET, at)
}

fn word(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u64::from_le_bytes(*word))
}

fn half(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |half| u32::from_le_bytes(*half))
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    /// The values of xxHash's own sanity check, over its generated bytes.
    #[test]
    fn published_values() {
        let mut state = P32[0];
        let bytes: Vec<u8> = (0..2_367)
            .map(|_| {
                let byte = (state >> 56) as u8;
                state = state.wrapping_mul(0x9E37_79B1_85EB_CA8D);
                byte
            })
            .collect();
        for (len, expected) in [
            (0, 0x2D06_8005_38D3_94C2),
            (1, 0xC44B_DFF4_074E_ECDB),
            (6, 0x27B5_6A84_CD2D_7325),
            (12, 0xA713_DAF0_DFBB_77E7),
            (24, 0xA3FE_70BF_9D35_10EB),
            (48, 0x397D_A259_ECBA_1F11),
            (80, 0xBCDE_FBBB_2C47_C90A),
            (195, 0xCD94_217E_E362_EC3A),
            (403, 0xCDEB_804D_65C6_DEA4),
            (512, 0x617E_4959_9013_CB6B),
            (2_048, 0xDD59_E2C3_A5F0_38E0),
            (2_240, 0x6E73_A905_39CF_2948),
            (2_367, 0xCB37_AEB9_E5D3_61ED),
        ] {
            assert_eq!(xxh3_64(&bytes[..len]), expected, "{len} bytes: {:x}", xxh3_64(&bytes[..len]));
        }
    }
}
