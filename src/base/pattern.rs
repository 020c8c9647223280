//! Regular expressions for whole names, bounded in what they may cost.

use std::fmt;

use regex_lite::{Regex, RegexBuilder};

/// The largest program that an expression may become, in bytes.
const PROGRAM_MAX: usize = 256 * 1024;

/// A regular expression that a name has to match from its first character to its last. The syntax
/// is that of RE2, without look-around and back-references.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError(String);

impl Pattern {
    /// The longest text that is one, in bytes.
    pub const LENGTH_MAX: usize = 32 * 1024;

    /// The pattern that this text is.
    pub fn new(text: &str) -> Result<Pattern, PatternError> {
        if text.len() > Self::LENGTH_MAX {
            return Err(PatternError("it is too long".to_owned()));
        }
        // On its own first: a stray parenthesis must not pair with ours.
        let build = |text: &str| RegexBuilder::new(text).size_limit(PROGRAM_MAX).nest_limit(50).build();
        let whole = build(text).and_then(|_| build(&format!("^(?:{text})$")));
        whole.map(Pattern).map_err(|error| PatternError(error.to_string()))
    }

    /// Whether the whole name matches.
    pub fn is_match(&self, name: &str) -> bool {
        self.0.is_match(name)
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PatternError {}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn check(text: &str, matched: &[&str], others: &[&str]) {
        let pattern = Pattern::new(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(matched.iter().all(|name| pattern.is_match(name)), "{text}");
        assert!(!others.iter().any(|name| pattern.is_match(name)), "{text}");
    }

    #[test]
    fn a_name_matches_as_a_whole() {
        check("rides|fares", &["rides", "fares"], &["rides-1", "the-fares", ""]);
        check("ri.*", &["rides", "ri"], &["arrivals"]);
    }

    #[test]
    fn what_is_no_pattern_or_costs_too_much_is_refused() {
        for text in ["t(", "a)|(b", "(a{1000}){1000}", &"(".repeat(60), &"a".repeat(40_000)] {
            assert!(Pattern::new(text).is_err(), "{}", &text[..text.len().min(20)]);
        }
    }
}
