//! Maps and sets against the standard library's, through random lives.

use std::collections::{BTreeMap, BTreeSet};

use super::{Entry, Map, Set};
use crate::base::Rng;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const LIVES: u64 = 60;
const DEEDS: u32 = 200;

fn key(rng: &mut Rng) -> u8 {
    rng.below(24) as u8
}

/// Does the same random thing to both, and compares what came of it.
fn live(map: &mut Map<u8, u32>, model: &mut BTreeMap<u8, u32>, rng: &mut Rng, value: u32) {
    let (a, b) = (key(rng), key(rng));
    match rng.below(12) {
        0..4 => assert_eq!(map.insert(a, value), model.insert(a, value)),
        4 => assert_eq!(map.remove(&a), model.remove(&a)),
        5 => assert_eq!(map.pop_first(), model.pop_first()),
        6 => assert_eq!(map.pop_last(), model.pop_last()),
        7 => assert_eq!(map.entry(a).or_insert(value), model.entry(a).or_insert(value)),
        8 => {
            if let Entry::Occupied(place) = map.entry(a) {
                assert_eq!(Some(place.remove()), model.remove(&a));
            }
        }
        9 => {
            map.retain(|other, _| *other != a && *other != b);
            model.retain(|other, _| *other != a && *other != b);
        }
        10 => {
            let more = [(b, value), (a, value + 1), (b, value + 2), (a.wrapping_add(b), value)];
            map.extend(more);
            model.extend(more);
        }
        _ => {
            let tail = map.split_off(&a);
            assert!(tail.iter().eq(model.split_off(&a).iter()));
        }
    }
    assert_eq!(map.get(&a), model.get(&a));
    assert!(map.iter().eq(model.iter()));
    let (low, high) = (a.min(b), a.max(b));
    assert!(map.range(low..high).eq(model.range(low..high)));
    assert!(map.range(low..=high).rev().eq(model.range(low..=high).rev()));
    assert!(map.range(..high).eq(model.range(..high)));
}

#[test]
fn a_map_lives_as_a_b_tree_does() {
    for seed in 0..LIVES {
        let mut rng = Rng::stream(seed, "map");
        let (mut map, mut model) = (Map::new(), BTreeMap::new());
        for value in 0..DEEDS {
            live(&mut map, &mut model, &mut rng, value);
        }
    }
}

#[test]
fn a_range_that_ends_before_it_starts_is_empty() {
    let (from, to) = (3, 1);
    assert_eq!(Map::from([(1, 'a'), (2, 'b'), (3, 'c')]).range(from..to).count(), 0);
    assert_eq!(Set::from([1, 2, 3]).range(from..to).count(), 0);
}

#[test]
fn of_equal_keys_the_last_one_wins() {
    let map: Map<_, _> = [(2, 'a'), (1, 'b'), (2, 'c'), (1, 'd')].into_iter().collect();
    assert!(map.iter().eq([(&1, &'d'), (&2, &'c')]));
}

#[test]
fn a_set_is_made_as_a_b_tree_is() {
    for seed in 0..LIVES {
        let mut rng = Rng::stream(seed, "map");
        let mut items = || -> Vec<u8> { (0..20).map(|_| key(&mut rng)).collect() };
        let (ours, others) = (items(), items());
        let (a, b): (Set<u8>, Set<u8>) = (ours.iter().copied().collect(), others.iter().copied().collect());
        let (x, y): (BTreeSet<u8>, BTreeSet<u8>) = (ours.into_iter().collect(), others.into_iter().collect());
        assert!(a.iter().eq(x.iter()));
        assert!(a.difference(&b).eq(x.difference(&y)));
        assert!(a.intersection(&b).eq(x.intersection(&y)));
        assert_eq!(a.is_subset(&b), x.is_subset(&y));
        assert_eq!(a.is_disjoint(&b), x.is_disjoint(&y));
        assert!(a.range(5..=9).eq(x.range(5..=9)));
    }
}
