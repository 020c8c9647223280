//! Which bytes of a frame are which field.

use super::WireError;

/// The bytes of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The field as Kafka's schema spells it (`throttleTimeMs`), or an array index (`[3]`).
    pub name: String,
    /// How deep it lies: a field of the message itself is at 0.
    pub depth: u8,
    /// Its first byte.
    pub start: u32,
    /// Behind its last byte. The bytes of a struct or an array include those inside it.
    pub end: u32,
    /// The value, short; empty for structs.
    pub value: String,
}

/// All the fields of a frame, outer before inner, in the order of their bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dissection {
    /// The fields read, including those that an error cut short.
    pub spans: Vec<Span>,
    /// What was wrong with the bytes behind the last field, if anything.
    pub error: Option<WireError>,
}

impl Dissection {
    /// A dissection holds at most so many spans.
    pub const MAX_SPANS: usize = 50_000;
}

/// `throttle_time_ms` as Kafka's schemas spell it: `throttleTimeMs`.
pub(super) fn camel_case(snake: &str) -> String {
    let mut camel = String::with_capacity(snake.len());
    for (i, word) in snake.split('_').enumerate() {
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if i > 0 => camel.push(first.to_ascii_uppercase()),
            Some(first) => camel.push(first),
            None => {}
        }
        camel.push_str(letters.as_str());
    }
    camel
}
