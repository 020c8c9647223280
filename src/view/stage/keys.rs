//! Keys as colours and letters: never a colour alone. Where a topic's workload knows one key only,
//! its values tell the records apart.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::Map;
use crate::client::workload::{KeyChoice, Keys as WorkloadKeys, Source};
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
    values: Vec<Valued>,
}

/// A value that a scenario names for a topic of one key.
#[derive(Clone, Debug, PartialEq)]
struct Valued {
    topic: Arc<str>,
    key: Bytes,
    value: Bytes,
    shown: Key,
}

impl Keys {
    /// The keys that a scenario's workloads name, in their order.
    pub fn of(setup: &Setup) -> Keys {
        let mut sources = Vec::new();
        for client in &setup.clients {
            if let ClientKind::Producer(_, workload) = &client.kind {
                sources.extend(&workload.sources);
            }
        }
        Keys::of_sources(&sources)
    }

    fn of_sources(sources: &[&Source]) -> Keys {
        let mut keys = Keys::default();
        for source in sources {
            if let Some(alone) = only_key(source)
                && sources.iter().all(|other| other.topic != source.topic || only_key(other) == Some(alone))
                && let Some(value) = source.value.as_ref().filter(|value| !value.contains("{n}"))
            {
                keys.value(&source.topic, alone, &value.replace("{key}", alone));
            }
        }
        keys.letter_values();
        for source in sources {
            let Some(WorkloadKeys::List(list)) = &source.keys else { continue };
            for key in list.iter().filter_map(chosen) {
                keys.key(Some(&Bytes::copy_from_slice(key.as_bytes())));
            }
        }
        keys
    }

    /// How a record of `topic` is shown: by its key, or by its value where all have the same key.
    pub fn record(&mut self, topic: &str, key: Option<&Bytes>, value: Option<&Bytes>) -> Key {
        let of = |it: &&Valued| *it.topic == *topic && Some(&it.key) == key && Some(&it.value) == value;
        match self.values.iter().find(of) {
            Some(valued) => valued.shown.clone(),
            None => self.key(key),
        }
    }

    fn value(&mut self, topic: &Arc<str>, key: &str, value: &str) {
        let value = Bytes::copy_from_slice(value.as_bytes());
        if self.values.iter().all(|it| it.topic != *topic || it.value != value) {
            let colour = (self.values.len() % usize::from(COLOURS)) as u8;
            let shown = Key { colour, letters: Arc::default() };
            let key = Bytes::copy_from_slice(key.as_bytes());
            self.values.push(Valued { topic: topic.clone(), key, value, shown });
        }
    }

    /// Letters each value by where it begins to differ from the others of its topic; a value that
    /// has no others leaves its record to its key.
    fn letter_values(&mut self) {
        let all = self.values.clone();
        for valued in &mut self.values {
            let others = all.iter().filter(|it| it.topic == valued.topic && it.value != valued.value);
            let alike = |it: &Valued| it.value.iter().zip(&valued.value).take_while(|(a, b)| a == b).count();
            if let Some(from) = others.map(alike).min() {
                let word = valued.value[from..].split(|byte| !byte.is_ascii_alphanumeric()).next();
                valued.shown.letters = letters(word.unwrap_or_default()).into();
            }
        }
        self.values.retain(|it| !it.shown.letters.is_empty());
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

/// The key that all records of a source have.
fn only_key(source: &Source) -> Option<&str> {
    match &source.keys {
        Some(WorkloadKeys::List(list)) if list.len() == 1 => chosen(&list[0]),
        _ => None,
    }
}

fn chosen(choice: &KeyChoice) -> Option<&str> {
    match choice {
        KeyChoice::Key(key) => Some(key),
        KeyChoice::Weighted(weighted) => weighted.key.as_deref(),
        KeyChoice::Null => None,
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

    fn riders(keys: [&str; 2]) -> Keys {
        let source = |(name, key): (&str, &str)| Source {
            topic: "t".into(),
            keys: Some(WorkloadKeys::List(vec![KeyChoice::Key(key.to_owned())])),
            value: Some(format!("{{\"name\":\"{name}\"}}")),
            ..Source::default()
        };
        let [one, other] = [("Ada", keys[0]), ("Ben", keys[1])].map(source);
        Keys::of_sources(&[&one, &other])
    }

    #[test]
    fn values_tell_records_of_one_key_apart() {
        let shown = |keys: &mut Keys, key: &'static str, value: &'static str| {
            let shown = keys.record("t", Some(&key.into()), Some(&value.into()));
            format!("{}{}", shown.letters, shown.colour)
        };
        let mut one = riders(["update", "update"]);
        assert_eq!(shown(&mut one, "update", r#"{"name":"Ada"}"#), "A0");
        assert_eq!(shown(&mut one, "update", r#"{"name":"Ben"}"#), "B1");
        assert_eq!(shown(&mut one, "update", "something else"), "U0", "its key");
        let mut two = riders(["north", "south"]);
        assert_eq!(shown(&mut two, "north", r#"{"name":"Ada"}"#), "N0");
        assert_eq!(shown(&mut two, "south", r#"{"name":"Ada"}"#), "S1");
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
