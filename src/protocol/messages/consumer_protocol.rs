//! What consumers and their leader tell one another through the classic group protocol:
//! metadata of JoinGroup, assignments of SyncGroup. A version stands in front.

use bytes::Bytes;

use crate::protocol::wire::{Message, NEVER, WireError, split_version, wire};

wire! {
    /// What a member subscribes to, and what it owns.
    ConsumerProtocolSubscription(-1, 0..=3, NEVER) {
        topics: Vec<String>,
        user_data: Option<Bytes> = None,
        owned_partitions: Vec<TopicPartition> [1.., ignorable],
        generation_id: i32 [2.., ignorable] = -1,
        rack_id: Option<String> [3.., ignorable] = None,
    }

    TopicPartition {
        topic: String,
        partitions: Vec<i32>,
    }

    /// What a member shall own.
    ConsumerProtocolAssignment(-1, 0..=3, NEVER) {
        assigned_partitions: Vec<TopicPartition>,
        user_data: Option<Bytes> = None,
    }

    /// User data of the sticky assignor: what the member was assigned last (KIP-54).
    StickyUserData(-1, 0..=1, NEVER) {
        previous_assignment: Vec<TopicPartition>,
        generation: i32 [1.., ignorable] = -1,
    }

    /// User data of the cooperative sticky assignor (KIP-429).
    CooperativeStickyUserData(-1, 0..=0, NEVER) {
        generation: i32,
    }
}

/// Reads a subscription or an assignment. A version from the future is read as the newest
/// one known, as Kafka does: it only adds fields at the end.
pub fn decode<M: Message>(bytes: &Bytes) -> Result<M, WireError> {
    let (version, body) = split_version(bytes)?;
    M::decode(&body, version.min(*M::VERSIONS.end()))
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::protocol::wire::encode_prefixed;

    #[test]
    fn a_version_from_the_future_is_read_as_the_newest() {
        let subscription =
            ConsumerProtocolSubscription { topics: vec!["t".to_owned()], ..Default::default() };
        let mut bytes = encode_prefixed(3, &subscription).expect("encodes").to_vec();
        bytes[1] = 9;
        bytes.extend(b"new");
        assert_eq!(decode(&Bytes::from(bytes)), Ok(subscription));
    }
}
