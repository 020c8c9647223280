//! Which names topics can have. Source: Kafka documentation, *Basic operations › Adding and removing topics*.

use crate::protocol::Uuid;

/// The controller's log: no topic that clients can create.
pub const CLUSTER_METADATA_TOPIC: &str = "__cluster_metadata";
/// Its well-known id (KIP-595).
pub const CLUSTER_METADATA_TOPIC_ID: Uuid = Uuid::from_halves(0, 1);
/// The feature by which replicas out of sync can be eligible leaders (KIP-966).
pub const ELIGIBLE_LEADER_REPLICAS: &str = "eligible.leader.replicas.version";
/// Longest name, so that a directory can carry it with a partition's number.
const LENGTH_MAX: usize = 249;

/// Whether a topic can have this name.
///
/// # Errors
/// Why not.
pub fn check_topic_name(name: &str) -> Result<(), String> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    match name {
        "" => Err("the topic has no name".to_owned()),
        "." | ".." => Err(format!("'{name}' is no legal topic name")),
        _ if name.len() > LENGTH_MAX => {
            Err(format!("a topic name of {} characters: at most {LENGTH_MAX} are allowed", name.len()))
        }
        _ if !name.bytes().all(legal) => {
            Err(format!("'{name}' is no legal topic name: letters, digits, '.', '_' and '-' are"))
        }
        _ => Ok(()),
    }
}

/// Whether two names would be the same in a metric's name, where a dot becomes an underscore.
pub fn topic_names_collide(one: &str, other: &str) -> bool {
    let plain = |b: u8| if b == b'.' { b'_' } else { b };
    one.len() == other.len() && one.bytes().map(plain).eq(other.bytes().map(plain))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_name_is_letters_digits_and_three_signs() {
        for name in ["a", "A-1_b.c", "...", &"x".repeat(249)] {
            assert_eq!(check_topic_name(name), Ok(()), "{name}");
        }
        for name in ["", ".", "..", "a b", "ä", "a/b", &"x".repeat(250)] {
            assert!(check_topic_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn dots_and_underscores_are_the_same_to_metrics() {
        assert!(topic_names_collide("a.b_c", "a_b.c"));
        assert!(!topic_names_collide("a.b", "a.bc"));
    }
}
