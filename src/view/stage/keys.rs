//! Keys as colours and letters: never a colour alone.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::Map;
use crate::client::workload::{KeyChoice, Keys as WorkloadKeys};
use crate::sim::{ClientKind, Setup};

/// So many colours can be told apart.
const COLOURS: u8 = 7;
/// The colour of no key.
const NO_KEY: u8 = 7;
/// So many keys are remembered; the colours of others come from their bytes.
const MAX_KEYS: usize = 10_000;
/// A cell has room for so many letters.
const LETTERS: usize = 2;

/// How a key is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Number of its colour; 7 for records without key.
    pub colour: u8,
    /// One or two letters.
    pub letters: Arc<str>,
}

/// The keys seen so far; colours go round in the order in which keys appear.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Keys {
    known: Map<Bytes, Key>,
}

impl Keys {
    /// The keys that a scenario's workloads name, in their order.
    pub fn of(setup: &Setup) -> Keys {
        let mut keys = Keys::default();
        for client in &setup.clients {
            let ClientKind::Producer(_, workload) = &client.kind else { continue };
            for source in &workload.sources {
                let Some(WorkloadKeys::List(list)) = &source.keys else { continue };
                for choice in list {
                    let key = match choice {
                        KeyChoice::Key(key) => Some(key),
                        KeyChoice::Weighted(weighted) => weighted.key.as_ref(),
                        KeyChoice::Null => None,
                    };
                    if let Some(key) = key {
                        keys.key(Some(&Bytes::copy_from_slice(key.as_bytes())));
                    }
                }
            }
        }
        keys
    }

    /// How a key is shown.
    pub fn key(&mut self, key: Option<&Bytes>) -> Key {
        let Some(key) = key else { return Key { colour: NO_KEY, letters: Arc::from("·") } };
        if let Some(known) = self.known.get(key) {
            return known.clone();
        }
        let next = if self.known.len() < MAX_KEYS {
            (self.known.len() % usize::from(COLOURS)) as u8
        } else {
            key.iter().fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(*byte)) % COLOURS
        };
        let shown = Key { colour: next, letters: letters(key).into() };
        if self.known.len() < MAX_KEYS {
            // A copy: the key itself would keep its whole batch in memory.
            self.known.insert(Bytes::copy_from_slice(key), shown.clone());
        }
        shown
    }
}

/// `N` → N, `rider-17` → 17, `alice` → A.
fn letters(key: &[u8]) -> String {
    let text = String::from_utf8_lossy(key);
    let count = text.chars().count();
    if count == 0 {
        return "∅".to_owned();
    }
    if count <= LETTERS {
        return text.into_owned();
    }
    let digits = text.chars().rev().take_while(char::is_ascii_digit).count();
    if digits > 0 {
        return text.chars().skip(count - digits.min(LETTERS)).collect();
    }
    text.chars().take(1).map(|letter| letter.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn check(key: &str, wanted: &str) {
        assert_eq!(letters(key.as_bytes()), wanted, "{key}");
    }

    #[test]
    fn keys_are_shown_by_what_tells_them_apart() {
        check("N", "N");
        check("SW", "SW");
        check("rider-7", "7");
        check("rider-117", "17");
        check("alice", "A");
        check("äther", "ä");
        check("", "∅");
    }

    #[test]
    fn the_first_keys_have_colours_of_their_own() {
        let mut keys = Keys::default();
        let mut shown: Vec<u8> =
            (0..COLOURS).map(|n| keys.key(Some(&vec![b'a' + n].into())).colour).collect();
        assert_eq!(keys.key(Some(&Bytes::from_static(b"a"))).colour, shown[0], "a key keeps its colour");
        shown.sort_unstable();
        shown.dedup();
        assert_eq!(shown.len(), usize::from(COLOURS));
        assert!(!shown.contains(&keys.key(None).colour));
    }
}
