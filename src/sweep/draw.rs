//! Drawing from lists, on top of the world's own generator.

use crate::base::Rng;

/// One of these.
pub(super) fn one_of<'a, T>(rng: &mut Rng, list: &'a [T]) -> &'a T {
    let index = rng.below(list.len() as u64) as usize;
    &list[index]
}

/// A number that small ones share fairly: as likely to be in `low..2·low` as in `2·low..4·low`.
pub(super) fn scale(rng: &mut Rng, low: u64, high: u64) -> u64 {
    let mut doublings = 0;
    while low << (doublings + 1) <= high {
        doublings += 1;
    }
    let from = low << rng.below(doublings + 1);
    rng.between(from, (from * 2).min(high))
}
