//! Zigzag variable-length integers, as Protocol Buffers and Kafka's records write them.

/// Appends `value`, zigzag-encoded, seven bits a byte, low bits first.
pub(crate) fn put_varlong(out: &mut Vec<u8>, value: i64) {
    let mut rest = zigzag(value);
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// How many bytes [`put_varlong`] writes.
pub(crate) fn varlong_size(value: i64) -> u32 {
    (64 - (zigzag(value) | 1).leading_zeros()).div_ceil(7)
}

/// Reads a zigzag integer of at most 32 bits at `at`; gives it and where the next byte is.
/// `None` when the bytes end or the number does not.
#[inline(always)]
pub(crate) fn varint_at(bytes: &[u8], at: usize) -> Option<(i32, usize)> {
    let (raw, next) = raw_at(bytes, at, 5)?;
    let raw = raw as u32;
    Some(((raw >> 1) as i32 ^ -((raw & 1) as i32), next))
}

/// Like [`varint_at`], for 64 bits.
#[inline(always)]
pub(crate) fn varlong_at(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    let (raw, next) = raw_at(bytes, at, 10)?;
    Some(((raw >> 1) as i64 ^ -((raw & 1) as i64), next))
}

/// Nearly all numbers in records are one or two bytes long, so that is tried first.
#[inline(always)]
fn raw_at(bytes: &[u8], at: usize, limit: usize) -> Option<(u64, usize)> {
    let first = *bytes.get(at)?;
    if first < 0x80 {
        return Some((u64::from(first), at + 1));
    }
    let second = *bytes.get(at + 1)?;
    if second < 0x80 {
        return Some((u64::from(first & 0x7f) | u64::from(second) << 7, at + 2));
    }
    long_at(bytes, at, limit)
}

fn long_at(bytes: &[u8], at: usize, limit: usize) -> Option<(u64, usize)> {
    let mut raw = 0;
    for (i, &byte) in bytes.get(at..)?.iter().take(limit).enumerate() {
        raw |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            return Some((raw, at + i + 1));
        }
    }
    None
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn comes_back_as_it_went_and_is_as_long_as_said() {
        for value in
            [0, -1, 1, 63, -64, 64, -65, i64::from(i32::MAX), i64::from(i32::MIN), i64::MAX, i64::MIN]
        {
            let mut out = Vec::new();
            put_varlong(&mut out, value);
            assert_eq!(varlong_at(&out, 0), Some((value, out.len())));
            assert_eq!(varlong_size(value) as usize, out.len());
            if let Ok(small) = i32::try_from(value) {
                assert_eq!(varint_at(&out, 0), Some((small, out.len())));
            }
        }
    }

    #[test]
    fn an_endless_number_is_refused() {
        assert_eq!(varint_at(&[0x80; 16], 0), None);
        assert_eq!(varlong_at(&[0xff; 16], 0), None);
        assert_eq!(varint_at(&[0x80], 0), None);
        assert_eq!(varint_at(&[], 7), None);
    }
}
