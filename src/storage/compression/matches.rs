//! The search for repetitions that snappy, LZ4 and Zstandard share: one table of where each four
//! bytes were last seen, the first match taken.

/// Shorter repetitions are not found.
const MATCH_MIN: usize = 4;
const TABLE_BITS_MAX: u32 = 14;

/// Goes through `input`: for each repetition calls `emit` with the bytes since the last one, how
/// far back the repeated ones lie, and how many they are. Gives the bytes after the last. No
/// repetition begins in the last `no_start` bytes nor reaches into the last `no_end`.
pub(super) fn for_each_match<'a>(
    input: &'a [u8],
    [no_start, no_end]: [usize; 2],
    emit: &mut dyn FnMut(&'a [u8], usize, usize),
) -> &'a [u8] {
    let bits = (usize::BITS - input.len().leading_zeros()).clamp(6, TABLE_BITS_MAX);
    // Positions from 1 on; 0 is none.
    let mut table = vec![0u32; 1 << bits];
    let start_end = input.len().saturating_sub(no_start.max(MATCH_MIN));
    let match_end = input.len().saturating_sub(no_end);
    let (mut at, mut from, mut misses) = (0, 0, 0);
    while at < start_end {
        let word = four(input, at);
        let slot = &mut table[(word.wrapping_mul(0x9E37_79B1) >> (32 - bits)) as usize];
        let seen = std::mem::replace(slot, at as u32 + 1) as usize;
        if seen == 0 || four(input, seen - 1) != word {
            // What does not repeat is passed over faster and faster.
            misses += 1;
            at += 1 + (misses >> 5);
            continue;
        }
        let (begin, earlier) = (at, seen - 1);
        at += MATCH_MIN;
        while at < match_end && input[at] == input[earlier + (at - begin)] {
            at += 1;
        }
        emit(&input[from..begin], begin - earlier, at - begin);
        (from, misses) = (at, 0);
    }
    &input[from..]
}

fn four(input: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([input[at], input[at + 1], input[at + 2], input[at + 3]])
}
