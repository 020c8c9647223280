//! Finite state entropy: a table of states, each with a symbol and how to come to the next state.

use super::CodecError;
use super::bits::Bits;

/// A state: the symbol it stands for, and the next one, `base` and `bits` more bits.
#[derive(Clone, Copy, Default)]
pub(super) struct State {
    pub(super) symbol: u8,
    pub(super) bits: u8,
    pub(super) base: u16,
}

/// The states; their number is a power of two.
#[derive(Clone, Default)]
pub(super) struct Table {
    pub(super) log: u32,
    pub(super) states: Vec<State>,
}

impl Table {
    /// A table in which symbols have these shares of the states; −1 is a share below one.
    pub(super) fn new(shares: &[i16], log: u32) -> Table {
        let size = 1usize << log;
        let mut states = vec![State::default(); size];
        let mut high = size;
        for (symbol, _) in shares.iter().enumerate().filter(|(_, share)| **share == -1) {
            high -= 1;
            states[high].symbol = symbol as u8;
        }
        let (step, mut at) = ((size >> 1) + (size >> 3) + 3, 0);
        for (symbol, &share) in shares.iter().enumerate() {
            for _ in 0..share.max(0) {
                states[at].symbol = symbol as u8;
                loop {
                    at = (at + step) & (size - 1);
                    if at < high {
                        break;
                    }
                }
            }
        }
        let mut next: Vec<u16> = shares.iter().map(|share| share.unsigned_abs()).collect();
        for state in &mut states {
            let number = &mut next[usize::from(state.symbol)];
            let bits = log - number.ilog2();
            state.bits = bits as u8;
            state.base = ((u32::from(*number) << bits) - size as u32) as u16;
            *number += 1;
        }
        Table { log, states }
    }

    /// A table with one symbol only.
    pub(super) fn of_one(symbol: u8) -> Table {
        Table { log: 0, states: vec![State { symbol, bits: 0, base: 0 }] }
    }

    /// Reads a table's description off the front of `bytes`.
    pub(super) fn take(bytes: &mut &[u8], symbols: usize, log_max: u32) -> Result<Table, CodecError> {
        const WRONG: CodecError = CodecError::Malformed("a table of probabilities is wrong");
        let mut at = 0;
        let mut read = |count: u32, back: u32| {
            let mut word = [0; 4];
            let part = bytes.get(at / 8..bytes.len().min(at / 8 + 4)).unwrap_or_default();
            word[..part.len()].copy_from_slice(part);
            let value = (u32::from_le_bytes(word) >> (at % 8)) & ((1 << count) - 1);
            // All but one value of some widths can do with a bit less.
            let shorter = value & ((1 << (count - 1)) - 1);
            let (value, used) = if shorter < back { (shorter, count - 1) } else { (value, count) };
            at += used as usize;
            value
        };
        let log = read(4, 0) + 5;
        if log > log_max {
            return Err(WRONG);
        }
        let mut shares: Vec<i16> = Vec::new();
        let mut left = 1u32 << log;
        while left > 0 {
            let count = (left + 1).ilog2() + 1;
            let shorter = (1 << count) - 2 - left;
            let mut value = read(count, shorter);
            if value >= 1 << (count - 1) {
                value -= shorter;
            }
            let share = value as i16 - 1;
            left = left.checked_sub(u32::from(share.unsigned_abs())).ok_or(WRONG)?;
            shares.push(share);
            // After a zero comes how many more there are; 3 says that it goes on.
            let mut repeats = if share == 0 { 3 } else { 0 };
            while repeats == 3 && shares.len() <= symbols {
                repeats = read(2, 0);
                shares.extend((0..repeats).map(|_| 0));
            }
            if shares.len() > symbols {
                return Err(WRONG);
            }
        }
        *bytes = bytes.get(at.div_ceil(8)..).ok_or(WRONG)?;
        Ok(Table::new(&shares, log))
    }

    /// The state that a stream begins with.
    pub(super) fn start(&self, bits: &mut Bits<'_>) -> usize {
        bits.read(self.log) as usize
    }

    /// The state after this one.
    pub(super) fn next(&self, state: usize, bits: &mut Bits<'_>) -> usize {
        let State { bits: count, base, .. } = self.states[state];
        usize::from(base) + bits.read(u32::from(count)) as usize
    }

    /// The symbol of a state.
    pub(super) fn symbol(&self, state: usize) -> u8 {
        self.states[state].symbol
    }
}
