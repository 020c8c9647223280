//! Writing a Zstandard frame: repetitions within blocks, in the format's predefined codes.

use super::super::matches::for_each_match;
use super::fse::{State, Table};
use super::{ALL_CODES, BLOCK_MAX, Codes, MAGIC};

/// One segment, and a content size of four bytes.
const FLAGS: u8 = 0xa0;
const RAW: usize = 0;
const COMPRESSED: usize = 2;
/// What is added to an offset that is not one of the last three.
const NEW_OFFSET: u32 = 3;

/// Bits written so that they are read from the end.
#[derive(Default)]
struct BitWriter {
    bytes: Vec<u8>,
    word: u64,
    count: u32,
}

/// A number as its code, the bits after that, and how many.
type Coded = (u8, u32, u32);

pub(in super::super) fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut out = MAGIC.to_le_bytes().to_vec();
    out.push(FLAGS);
    out.extend((bytes.len() as u32).to_le_bytes());
    let tables = ALL_CODES.map(|codes| Table::new(codes.shares, codes.log));
    let mut rest = bytes;
    loop {
        let (block, after) = rest.split_at(rest.len().min(BLOCK_MAX));
        let is_last = after.is_empty();
        let (kind, content) = match compress_block(block, &tables) {
            Some(content) if content.len() < block.len() => (COMPRESSED, content),
            _ => (RAW, block.to_vec()),
        };
        let header = usize::from(is_last) | kind << 1 | content.len() << 3;
        out.extend(&header.to_le_bytes()[..3]);
        out.extend(content);
        if is_last {
            return out;
        }
        rest = after;
    }
}

/// `None` when nothing repeats.
fn compress_block(block: &[u8], tables: &[Table; 3]) -> Option<Vec<u8>> {
    let (mut literals, mut sequences) = (Vec::with_capacity(block.len()), Vec::new());
    let rest = for_each_match(block, [0, 0], &mut |between, offset, length| {
        literals.extend_from_slice(between);
        let numbers = [between.len() as u32, offset as u32 + NEW_OFFSET, length as u32];
        sequences.push([0, 1, 2].map(|which| code_of(ALL_CODES[which], numbers[which])));
    });
    literals.extend_from_slice(rest);
    if sequences.is_empty() {
        return None;
    }
    // Literals as they are, with a length of twenty bits.
    let header = literals.len() << 4 | 3 << 2;
    let mut out = header.to_le_bytes()[..3].to_vec();
    out.append(&mut literals);
    match sequences.len() {
        count @ ..128 => out.push(count as u8),
        count @ 128..0x7f00 => out.extend([(count >> 8) as u8 | 128, count as u8]),
        count => {
            out.push(255);
            out.extend(((count - 0x7f00) as u16).to_le_bytes());
        }
    }
    // All three codes are the predefined ones.
    out.push(0);
    out.extend(encode(&sequences, tables));
    Some(out)
}

/// The sequences from the last to the first, as the reader begins at the end.
fn encode(sequences: &[[Coded; 3]], tables: &[Table; 3]) -> Vec<u8> {
    let mut bits = BitWriter::default();
    let mut states: Option<[usize; 3]> = None;
    for sequence in sequences.iter().rev() {
        let mut now = [0; 3];
        for which in [1, 2, 0] {
            let (number, (code, ..)) = (states.map(|next| next[which]), sequence[which]);
            let (state, base, count) = state_before(&tables[which], code, number);
            now[which] = state;
            if let Some(next) = number {
                bits.put((next - base) as u32, count);
            }
        }
        for which in [0, 2, 1] {
            let (_, extra, count) = sequence[which];
            bits.put(extra, count);
        }
        states = Some(now);
    }
    for which in [2, 1, 0] {
        let state = states.map_or(0, |states| states[which]);
        bits.put(state as u32, tables[which].log);
    }
    bits.finish()
}

/// A state of this symbol from which `next` can be reached (any, if there is none): with its base
/// and how many bits tell the way.
fn state_before(table: &Table, symbol: u8, next: Option<usize>) -> (usize, usize, u32) {
    let leads_there = |state: &State| {
        let base = usize::from(state.base);
        state.symbol == symbol && next.is_none_or(|next| (base..base + (1 << state.bits)).contains(&next))
    };
    let found = table.states.iter().position(leads_there).unwrap_or_default();
    let State { symbol: found_symbol, bits, base } = table.states[found];
    assert_eq!(found_symbol, symbol, "a symbol's states lead to all states");
    (found, usize::from(base), u32::from(bits))
}

fn code_of(codes: &Codes, number: u32) -> Coded {
    let mut left = number - codes.first;
    if left < codes.plain {
        return (left as u8, 0, 0);
    }
    left -= codes.plain;
    for (index, &bits) in codes.bits.iter().enumerate() {
        if left < 1 << bits {
            return (codes.plain as u8 + index as u8, left, u32::from(bits));
        }
        left -= 1 << bits;
    }
    unreachable!("a block is not that long")
}

impl BitWriter {
    fn put(&mut self, value: u32, count: u32) {
        self.word |= u64::from(value) << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push(self.word as u8);
            self.word >>= 8;
            self.count -= 8;
        }
    }

    fn finish(mut self) -> Vec<u8> {
        // The mark behind the last bit.
        self.put(1, 1);
        if self.count > 0 {
            self.bytes.push(self.word as u8);
        }
        self.bytes
    }
}
