//! Where in a text a value stands.

use serde::de::IgnoredAny;

use crate::scenario::error::{Path, Place, Segment};

/// The place of the value at `path` in a JSON text, or as far as the path leads.
pub(super) fn locate(text: &str, path: &Path) -> Option<Place> {
    let mut at = blank(text, 0);
    for segment in &path.0 {
        match step(text, at, segment) {
            Some(next) => at = next,
            None => break,
        }
    }
    let before = text.get(..at)?;
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Some(Place { line: u32::try_from(line).ok()?, column: u32::try_from(column).ok()? })
}

fn step(text: &str, at: usize, segment: &Segment) -> Option<usize> {
    let opening = if matches!(segment, Segment::Key(_)) { '{' } else { '[' };
    let mut at = blank(text, at.checked_add(text.get(at..)?.strip_prefix(opening).map(|_| 1)?)?);
    let mut number = 0;
    loop {
        let here = match segment {
            Segment::Key(wanted) => {
                let end = value_end(text, at)?;
                let key: String = serde_json::from_str(text.get(at..end)?).ok()?;
                let colon = blank(text, end);
                text.get(colon..)?.strip_prefix(':')?;
                at = blank(text, colon + 1);
                key == *wanted
            }
            Segment::Index(wanted) => number == *wanted,
        };
        if here {
            return Some(at);
        }
        number += 1;
        at = blank(text, value_end(text, at)?);
        text.get(at..)?.strip_prefix(',')?;
        at = blank(text, at + 1);
    }
}

/// The first place from `at` on that is not blank.
fn blank(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + (rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len())
}

fn value_end(text: &str, at: usize) -> Option<usize> {
    let mut values = serde_json::Deserializer::from_str(text.get(at..)?).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    Some(at + values.byte_offset())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn check(text: &str, path: &Path, line: u32, column: u32) {
        assert_eq!(locate(text, path), Some(Place { line, column }), "{path}");
    }

    #[test]
    fn values_are_found_by_their_path() {
        let text = "{\n  \"a\": [1, {\"b.c\": \"é\", \"d\": true}],\n  \"e\": -1.5\n}";
        let root = Path::default();
        check(text, &root, 1, 1);
        check(text, &root.key("a"), 2, 8);
        check(text, &root.key("a").index(1).key("b.c"), 2, 20);
        check(text, &root.key("a").index(1).key("d"), 2, 30);
        check(text, &root.key("e"), 3, 8);
        check(text, &root.key("a").index(7), 2, 8);
        check(text, &root.key("missing"), 1, 1);
    }
}
