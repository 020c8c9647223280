//! What a group's topics are like, as a number: other ids, numbers of partitions or racks give another
//! one.
//!
//! Rule: KIP-1101; `Utils.computeTopicHash` and `computeGroupHash` of Kafka 4.1, byte by byte: XXH3 of
//! little-endian numbers and of UTF-16 strings, each with its length behind it.

use std::sync::Arc;

use twox_hash::XxHash3_64;

use crate::base::Set;
use crate::metadata::{MetadataImage, TopicImage};
use crate::protocol::Uuid;

/// The version of the way topics are hashed.
const MAGIC: u8 = 0;

/// The number for these topics, as far as they exist; 0 for none.
#[inline(never)]
pub(super) fn metadata_hash(image: &MetadataImage, topics: &Set<Arc<str>>) -> i64 {
    let known = topics.iter().filter_map(|name| image.topics.get(name));
    group_hash(known.map(|topic| topic_hash(&topic.id, &topic.name, &racks(image, topic))))
}

/// The racks of each partition's replicas, as often as they occur.
fn racks(image: &MetadataImage, topic: &TopicImage) -> Vec<Vec<Arc<str>>> {
    let rack = |id: &i32| image.brokers.get(id)?.rack.clone();
    topic.partitions.values().map(|partition| partition.replicas.iter().filter_map(rack).collect()).collect()
}

fn group_hash(topics: impl Iterator<Item = u64>) -> i64 {
    let bytes: Vec<u8> = topics.flat_map(u64::to_le_bytes).collect();
    if bytes.is_empty() { 0 } else { XxHash3_64::oneshot(&bytes) as i64 }
}

fn topic_hash(id: &Uuid, name: &str, racks: &[Vec<Arc<str>>]) -> u64 {
    let mut bytes = vec![MAGIC];
    let mut halves = id.0;
    // Each half of the id is one number.
    halves[..8].reverse();
    halves[8..].reverse();
    bytes.extend(halves);
    put_text(&mut bytes, name);
    put_size(&mut bytes, racks.len());
    for (partition, racks) in racks.iter().enumerate() {
        put_size(&mut bytes, partition);
        let mut racks: Vec<Vec<u16>> = racks.iter().map(|rack| rack.encode_utf16().collect()).collect();
        racks.sort_unstable();
        for rack in racks {
            put_size(&mut bytes, rack.len());
            put_units(&mut bytes, rack);
        }
    }
    XxHash3_64::oneshot(&bytes)
}

fn put_size(bytes: &mut Vec<u8>, size: usize) {
    bytes.extend(u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes());
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_units(bytes, text.encode_utf16());
}

fn put_units(bytes: &mut Vec<u8>, units: impl IntoIterator<Item = u16>) {
    let before = bytes.len();
    bytes.extend(units.into_iter().flat_map(u16::to_le_bytes));
    put_size(bytes, (bytes.len() - before) / 2);
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn check(id: Uuid, name: &str, racks: &[&[&str]], expected: u64) {
        let racks: Vec<Vec<Arc<str>>> =
            racks.iter().map(|racks| racks.iter().map(|rack| Arc::from(*rack)).collect()).collect();
        assert_eq!(topic_hash(&id, name, &racks), expected, "{name} {racks:?}");
    }

    /// Values that hash4j gives for the same calls as Kafka's.
    #[test]
    fn the_numbers_are_kafkas() {
        let id = Uuid([
            1, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10,
        ]);
        let mut other = Uuid([0x11; 16]);
        other.0[8..].fill(0x22);
        let (foo, bar) = (4_231_092_367_357_902_416, 8_733_119_781_167_439_863);
        check(id, "foo", &[&["rack1", "rack0"], &["rack2", "rack1"]], foo);
        check(other, "bar", &[&[]], bar);
        check(Uuid([0; 16]), "empty", &[], 728_769_691_835_767_132);
        check(id, "foo", &[&["r", "r"]], 2_883_780_561_648_472_600);
        check(id, "foo", &[&["\u{e000}", "\u{1f600}"]], 4_767_223_826_197_171_634);
        check(id, "té", &[&["é"]], 480_043_309_326_700_168);
        assert_eq!(group_hash([].into_iter()), 0);
        assert_eq!(group_hash([foo].into_iter()), -3_651_539_661_068_893_492);
        assert_eq!(group_hash([bar, foo].into_iter()), -556_879_919_459_959_918);
        assert_eq!(group_hash([123, 456].into_iter()), 1_482_712_172_080_382_793);
    }
}
