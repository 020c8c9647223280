//! What led to an event, and what it led to.

use super::SpaceIndex;

/// Which part of an event's story is lit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lit {
    /// What led to it.
    Past,
    /// What it led to.
    Future,
    /// Both.
    Both,
}

/// The entries that are lit: whatever else there is stands back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Causes {
    chosen: u64,
    /// One bit for each entry from `first` on.
    bits: Vec<u64>,
    /// The chain of causes, the earliest first, ending with the chosen one.
    past: Vec<u64>,
    future: u64,
}

impl Causes {
    /// The story of entry `seq`: the chain of its causes, and everything that has it in its own
    /// chain. Takes time with the entries after it.
    pub fn of(index: &SpaceIndex, seq: u64, lit: Lit) -> Causes {
        let mut causes = Causes { chosen: seq, bits: Vec::new(), past: Vec::new(), future: 0 };
        let all = &index.causes;
        let mut at = seq;
        if lit != Lit::Future {
            while let Some(cause) = at.checked_sub(1).and_then(|before| all.get(before as usize)).copied() {
                causes.past.push(at);
                if cause == 0 || cause >= at {
                    break;
                }
                at = cause;
            }
            causes.past.reverse();
        }
        if lit != Lit::Past {
            let base = seq.saturating_sub(1) as usize;
            causes.set(0);
            for (place, cause) in all.iter().enumerate().skip(base + 1) {
                if causes.has(*cause) {
                    causes.set(place - base);
                    causes.future += 1;
                }
            }
        }
        causes
    }

    /// Whose story it is.
    pub fn chosen(&self) -> u64 {
        self.chosen
    }

    /// How many entries led to it, and how many it led to.
    pub fn counts(&self) -> (u64, u64) {
        (self.past.len().saturating_sub(1) as u64, self.future)
    }

    /// Whether the entry is a part of it.
    pub fn is_lit(&self, seq: u64) -> bool {
        if seq <= self.chosen {
            return seq == self.chosen || self.past.binary_search(&seq).is_ok();
        }
        self.has(seq)
    }

    fn has(&self, seq: u64) -> bool {
        let Some(place) = seq.checked_sub(self.chosen) else { return false };
        self.bits.get((place / 64) as usize).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    fn set(&mut self, place: usize) {
        if self.bits.len() <= place / 64 {
            self.bits.resize(place / 64 + 1, 0);
        }
        self.bits[place / 64] |= 1 << (place % 64);
    }
}
