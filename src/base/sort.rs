//! Sorting with little code.
//!
//! The standard library's sort is copied for every type and comparison, at three to five
//! kilobytes each in what a browser downloads. Here only the comparison and the moves are;
//! the work is done once, on indexes.

use std::cmp::Ordering;

use super::Set;

/// Sorts like `slice::sort_by`: equal items keep their order.
pub fn sort_by<T>(items: &mut Vec<T>, mut compare: impl FnMut(&T, &T) -> Ordering) {
    if items.windows(2).all(|pair| compare(&pair[0], &pair[1]) != Ordering::Greater) {
        return;
    }
    let order = order(items.len(), &mut |a, b| compare(&items[a as usize], &items[b as usize]));
    let mut places: Vec<Option<T>> = items.drain(..).map(Some).collect();
    items.extend(order.into_iter().filter_map(|index| places[index as usize].take()));
}

/// Sorts like `slice::sort_by_key`: equal items keep their order.
pub fn sort_by_key<T, K: Ord>(items: &mut Vec<T>, key: impl Fn(&T) -> K) {
    sort_by(items, |a, b| key(a).cmp(&key(b)));
}

/// Those items that come more than once.
pub fn repeated<T: Ord + Clone>(items: impl IntoIterator<Item = T>) -> Set<T> {
    let mut items: Vec<T> = items.into_iter().collect();
    sort_by(&mut items, Ord::cmp);
    items.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()).collect()
}

/// The indexes up to `len` in the order that `compare` gives the items at them.
fn order(len: usize, compare: &mut dyn FnMut(u32, u32) -> Ordering) -> Vec<u32> {
    let mut order: Vec<u32> = (0..u32::try_from(len).unwrap_or(u32::MAX)).collect();
    order.sort_by(|a, b| compare(*a, *b));
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn equal_items_keep_their_order() {
        let mut items = vec![(2, 'a'), (1, 'b'), (2, 'c'), (0, 'd'), (1, 'e')];
        sort_by_key(&mut items, |(number, _)| *number);
        assert_eq!(items, [(0, 'd'), (1, 'b'), (1, 'e'), (2, 'a'), (2, 'c')]);
    }

    #[test]
    fn what_comes_more_than_once() {
        assert_eq!(repeated([3, 1, 3, 2, 1, 3]), Set::from([1, 3]));
        assert_eq!(repeated([3, 1, 2]), Set::new());
    }

    #[test]
    fn sorts_as_the_standard_library_does() {
        let mut seed = 7u32;
        for len in 0..200 {
            let mut items: Vec<u32> = (0..len)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    seed >> 24
                })
                .collect();
            let mut expected = items.clone();
            expected.sort();
            sort_by(&mut items, Ord::cmp);
            assert_eq!(items, expected);
        }
    }
}
