//! Ordered sets.

use std::borrow::Borrow;
use std::ops::RangeBounds;
use std::{slice, vec};

use serde::{Serialize, Serializer};

use super::Map;
use crate::base::sort_by;

/// An ordered set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Set<T> {
    items: Vec<T>,
}

impl<T> Default for Set<T> {
    fn default() -> Set<T> {
        Set::new()
    }
}

impl<T> Set<T> {
    /// A set without items.
    pub const fn new() -> Set<T> {
        Set { items: Vec::new() }
    }

    /// How many items there are.
    pub const fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Takes every item out.
    pub fn clear(&mut self) {
        self.items.clear();
    }

    /// The items in order.
    pub fn iter(&self) -> slice::Iter<'_, T> {
        self.items.iter()
    }

    /// The first item.
    pub fn first(&self) -> Option<&T> {
        self.items.first()
    }

    /// The last item.
    pub fn last(&self) -> Option<&T> {
        self.items.last()
    }

    /// Takes the first item out.
    pub fn pop_first(&mut self) -> Option<T> {
        if self.items.is_empty() { None } else { Some(self.items.remove(0)) }
    }

    /// Takes the last item out.
    pub fn pop_last(&mut self) -> Option<T> {
        self.items.pop()
    }

    /// Keeps the items for which `keep` holds.
    pub fn retain(&mut self, keep: impl FnMut(&T) -> bool) {
        self.items.retain(keep);
    }
}

impl<T: Ord> Set<T> {
    fn find<Q: Ord + ?Sized>(&self, item: &Q) -> Result<usize, usize>
    where
        T: Borrow<Q>,
    {
        self.items.binary_search_by(|other| other.borrow().cmp(item))
    }

    /// Whether the item is there.
    pub fn contains<Q: Ord + ?Sized>(&self, item: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.find(item).is_ok()
    }

    /// Puts an item in; false if it was there.
    pub fn insert(&mut self, item: T) -> bool {
        let found = self.find(&item);
        if let Err(at) = found {
            self.items.insert(at, item);
        }
        found.is_err()
    }

    /// Takes an item out; false if it was not there.
    pub fn remove<Q: Ord + ?Sized>(&mut self, item: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.take(item).is_some()
    }

    /// Takes an item out and returns it.
    pub fn take<Q: Ord + ?Sized>(&mut self, item: &Q) -> Option<T>
    where
        T: Borrow<Q>,
    {
        self.find(item).ok().map(|at| self.items.remove(at))
    }

    /// The items in the range; none if it ends before it starts.
    pub fn range<Q: Ord + ?Sized>(&self, range: impl RangeBounds<Q>) -> slice::Iter<'_, T>
    where
        T: Borrow<Q>,
    {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let start = match range.start_bound() {
            Unbounded => 0,
            Included(item) => self.find(item).unwrap_or_else(|at| at),
            Excluded(item) => self.find(item).map_or_else(|at| at, |at| at + 1),
        };
        let end = match range.end_bound() {
            Unbounded => self.items.len(),
            Included(item) => self.find(item).map_or_else(|at| at, |at| at + 1),
            Excluded(item) => self.find(item).unwrap_or_else(|at| at),
        };
        self.items[start.min(end)..end].iter()
    }

    /// Items that are not in `other`, in order.
    pub fn difference<'a>(&'a self, other: &'a Set<T>) -> impl Iterator<Item = &'a T> {
        self.iter().filter(|item| !other.contains(*item))
    }

    /// Items that are in `other`, too, in order.
    pub fn intersection<'a>(&'a self, other: &'a Set<T>) -> impl Iterator<Item = &'a T> {
        self.iter().filter(|item| other.contains(*item))
    }

    /// Whether every item is in `other`.
    pub fn is_subset(&self, other: &Set<T>) -> bool {
        self.iter().all(|item| other.contains(item))
    }

    /// Whether no item is in `other`.
    pub fn is_disjoint(&self, other: &Set<T>) -> bool {
        self.iter().all(|item| !other.contains(item))
    }
}

impl<T> IntoIterator for Set<T> {
    type Item = T;
    type IntoIter = vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Set<T> {
    type Item = &'a T;
    type IntoIter = slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: Ord> Extend<T> for Set<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        let mut items: Vec<T> = items.into_iter().collect();
        sort_by(&mut items, Ord::cmp);
        for item in items {
            match self.items.last() {
                Some(last) if *last >= item => drop(self.insert(item)),
                _ => self.items.push(item),
            }
        }
    }
}

impl<T: Ord> FromIterator<T> for Set<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut set = Set::new();
        set.extend(items);
        set
    }
}

impl<T: Ord, const N: usize> From<[T; N]> for Set<T> {
    fn from(items: [T; N]) -> Self {
        items.into_iter().collect()
    }
}

/// The keys of a map are a set already.
impl<T: Ord, V> From<Map<T, V>> for Set<T> {
    fn from(map: Map<T, V>) -> Self {
        Set { items: map.into_keys().collect() }
    }
}

impl<T: Serialize> Serialize for Set<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}
