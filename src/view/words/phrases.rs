//! Small parts of sentences.

use std::fmt::Display;

use crate::broker::METADATA_TOPIC;
use crate::protocol::{ErrorCode, TopicPartition};
use crate::trace::Offsets;

/// At most so many things are listed by name.
const LISTED_MAX: usize = 3;

/// `1 record`, `2 records`.
pub(super) fn count(n: impl Into<i64>, noun: &str) -> String {
    let n = n.into();
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// A length, for [`count`].
pub(super) fn len(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// `offset 7`, `offsets 7 and 8`, `offsets 7 to 12`.
pub(super) fn offsets(range: Offsets) -> String {
    let Offsets { from, to } = range;
    match to.saturating_sub(from) {
        ..=0 => "no offsets".to_owned(),
        1 => format!("offset {from}"),
        2 => format!("offsets {from} and {}", to - 1),
        _ => format!("offsets {from} to {}", to.saturating_sub(1)),
    }
}

/// `a`, `a and b`, `a, b and c`; of more, `5 nouns`. Nothing is `no nouns`.
pub(super) fn list(things: &[impl Display], noun: &str) -> String {
    match things {
        [] => format!("no {noun}s"),
        [one] => one.to_string(),
        [first @ .., last] if things.len() <= LISTED_MAX => {
            let first: Vec<String> = first.iter().map(ToString::to_string).collect();
            format!("{} and {last}", first.join(", "))
        }
        _ => count(len(things.len()), noun),
    }
}

/// Broker ids as a list: `1, 2, 3`.
pub(super) fn ids(brokers: &[i32]) -> String {
    if brokers.is_empty() {
        return "nobody".to_owned();
    }
    brokers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A partition in a sentence.
pub(super) fn partition(at: &TopicPartition) -> String {
    if &*at.topic == METADATA_TOPIC { "the metadata log".to_owned() } else { at.to_string() }
}

/// A partition in a label: `rider-updates 0`.
pub(super) fn partition_label(at: &TopicPartition) -> String {
    format!("{} {}", at.topic, at.partition)
}

/// An error by Kafka's name; what has no name by its number.
pub(super) fn error(code: ErrorCode) -> String {
    match code {
        ErrorCode::Unknown(number) => format!("error {number}"),
        known => known.name().to_owned(),
    }
}

/// The error and what it means, as the end of a sentence that has no full stop yet.
pub(super) fn error_with_meaning(code: ErrorCode) -> String {
    let message = code.message().trim_end_matches('.');
    let mut letters = message.chars();
    let lower: String =
        letters.next().into_iter().map(|letter| letter.to_ascii_lowercase()).chain(letters).collect();
    format!("{} – {lower}", error(code))
}

/// Milliseconds, or seconds when they are many.
pub(super) fn duration_ms(ms: i64) -> String {
    if ms >= 1_000 && ms % 1_000 == 0 { format!("{} s", ms / 1_000) } else { format!("{ms} ms") }
}

/// Free text from elsewhere: on one line, and not endless.
pub(super) fn quoted(text: &str) -> String {
    const MAX_CHARS: usize = 160;
    let flat: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let flat = flat.trim().trim_end_matches('.');
    match flat.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &flat[..end]),
        None => flat.to_owned(),
    }
}

/// A member id without its random end, as people say it.
pub(super) fn member(id: &str) -> &str {
    const UUID_CHARS: usize = 36;
    let split = id.len().checked_sub(UUID_CHARS + 1).filter(|at| id.is_char_boundary(*at));
    match split.map(|at| id.split_at(at)) {
        Some((name, end)) if !name.is_empty() && is_uuid(&end[1..]) && end.starts_with('-') => name,
        _ => id,
    }
}

fn is_uuid(text: &str) -> bool {
    text.bytes().enumerate().all(|(i, byte)| match i {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}

/// The same inside free text such as a reason: member ids lose their random ends.
pub(super) fn without_uuids(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').map(|word| member(word.trim_end_matches(','))).collect();
    words.join(" ")
}
