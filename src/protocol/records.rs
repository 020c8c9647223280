//! What lies in the records of internal topics: `__cluster_metadata`, `__consumer_offsets` and
//! `__share_group_state`, dissected by the schema that each record names by its type.
//!
//! Keys have their record type in front and values their version; a metadata record has no key, and a
//! frame with both around its value (KIP-631).

use bytes::Bytes;

use super::messages::consumer_group_records::*;
use super::messages::control_records::{LeaderChangeMessage, SnapshotFooterRecord, SnapshotHeaderRecord};
use super::messages::group_records::{
    GroupMetadataKey, GroupMetadataValue, OffsetCommitKey, OffsetCommitValue,
};
use super::messages::metadata_records::METADATA_FORMS;
use super::messages::share_group_records::*;
use super::wire::{Dissection, Field, Form, Kind, Message, Reader, WireFault};

/// A topic whose records have schemas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InternalTopic {
    /// The controllers' log.
    ClusterMetadata,
    /// The groups' log.
    ConsumerOffsets,
    /// The share coordinators' log.
    ShareGroupState,
}

/// The key or the value of a record, dissected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordPart {
    /// The schema's name, such as `OffsetCommitKey`; empty when the record's type is not known here.
    pub schema: &'static str,
    /// The version of that schema.
    pub version: i16,
    /// Which bytes are which field, the type and the version in front among them.
    pub dissection: Dissection,
}

/// A record's type, and the schemas of its key and value.
type Row = (i16, &'static Form, &'static Form);

macro_rules! row {
    ($type:literal, $key:ident, $value:ident) => {
        ($type, $key::FORM, $value::FORM)
    };
}

const GROUP_ROWS: &[Row] = &[
    row!(0, OffsetCommitKey, OffsetCommitValue),
    row!(1, OffsetCommitKey, OffsetCommitValue),
    row!(2, GroupMetadataKey, GroupMetadataValue),
    row!(3, ConsumerGroupMetadataKey, ConsumerGroupMetadataValue),
    row!(4, ConsumerGroupPartitionMetadataKey, ConsumerGroupPartitionMetadataValue),
    row!(5, ConsumerGroupMemberMetadataKey, ConsumerGroupMemberMetadataValue),
    row!(6, ConsumerGroupTargetAssignmentMetadataKey, ConsumerGroupTargetAssignmentMetadataValue),
    row!(7, ConsumerGroupTargetAssignmentMemberKey, ConsumerGroupTargetAssignmentMemberValue),
    row!(8, ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupCurrentMemberAssignmentValue),
    row!(10, ShareGroupMemberMetadataKey, ShareGroupMemberMetadataValue),
    row!(11, ShareGroupMetadataKey, ShareGroupMetadataValue),
    row!(12, ShareGroupTargetAssignmentMetadataKey, ShareGroupTargetAssignmentMetadataValue),
    row!(13, ShareGroupTargetAssignmentMemberKey, ShareGroupTargetAssignmentMemberValue),
    row!(14, ShareGroupCurrentMemberAssignmentKey, ShareGroupCurrentMemberAssignmentValue),
    row!(15, ShareGroupStatePartitionMetadataKey, ShareGroupStatePartitionMetadataValue),
    row!(16, ConsumerGroupRegularExpressionKey, ConsumerGroupRegularExpressionValue),
];

const SHARE_ROWS: &[Row] =
    &[row!(0, ShareSnapshotKey, ShareSnapshotValue), row!(1, ShareUpdateKey, ShareUpdateValue)];

/// The control records of the metadata log and its snapshots, by their types.
const CONTROL_FORMS: &[(i16, &Form)] =
    &[(2, LeaderChangeMessage::FORM), (3, SnapshotHeaderRecord::FORM), (4, SnapshotFooterRecord::FORM)];

const TYPE: &Field = &Field::new("type", Kind::I16);
const VERSION: &Field = &Field::new("version", Kind::I16);

impl InternalTopic {
    /// The internal topic of this name.
    pub fn named(topic: &str) -> Option<InternalTopic> {
        Some(match topic {
            "__cluster_metadata" => InternalTopic::ClusterMetadata,
            "__consumer_offsets" => InternalTopic::ConsumerOffsets,
            "__share_group_state" => InternalTopic::ShareGroupState,
            _ => return None,
        })
    }

    /// Opens a record's key up. Control records are those of control batches.
    #[inline(never)]
    pub fn dissect_key(self, is_control: bool, key: &Bytes) -> RecordPart {
        let mut r = Reader::recording(key, 0, false);
        let mut number: i16 = 0;
        if is_control {
            r.field(VERSION, &mut number);
            r.field(TYPE, &mut number);
            return part("ControlRecordKey", 0, r);
        }
        r.field(TYPE, &mut number);
        match self.row(number) {
            // A key's version is its type; only offsets have two of them.
            Some((_, form, _)) => read(form, number, r),
            None => unknown(number, r),
        }
    }

    /// Opens a record's value up; what it is, its key tells.
    #[inline(never)]
    pub fn dissect_value(self, is_control: bool, key: Option<&Bytes>, value: &Bytes) -> RecordPart {
        let mut r = Reader::recording(value, 0, false);
        let number = |place: usize| {
            let two = key.and_then(|key| key.get(place..place + 2)).unwrap_or(&[0xff, 0xff]);
            i16::from_be_bytes([two[0], two[1]])
        };
        if is_control {
            // Its first field is its version.
            let version = value.get(..2).map_or(-1, |two| i16::from_be_bytes([two[0], two[1]]));
            return match CONTROL_FORMS.iter().find(|(known, _)| *known == number(2)) {
                Some((_, form)) => read(form, version, r),
                None => unknown(number(2), r),
            };
        }
        let form = match self {
            InternalTopic::ClusterMetadata => return framed(r),
            _ => self.row(number(0)).map(|(_, _, form)| *form),
        };
        let Some(form) = form else { return unknown(number(0), r) };
        let mut version: i16 = 0;
        r.field(VERSION, &mut version);
        read(form, version, r)
    }

    fn row(self, number: i16) -> Option<&'static Row> {
        let rows = match self {
            InternalTopic::ClusterMetadata => &[],
            InternalTopic::ConsumerOffsets => GROUP_ROWS,
            InternalTopic::ShareGroupState => SHARE_ROWS,
        };
        rows.iter().find(|(known, ..)| *known == number)
    }
}

/// A metadata record's value.
fn framed(mut r: Reader) -> RecordPart {
    r.named_varint("frame_version");
    let number = r.named_varint("api_key");
    let version = i16::try_from(r.named_varint("version")).unwrap_or(i16::MAX);
    let number = i16::try_from(number).unwrap_or(-1);
    match METADATA_FORMS.iter().find(|form| form.key == number) {
        Some(form) => read(form, version, r),
        None => unknown(number, r),
    }
}

/// What is behind the type and the version.
fn read(form: &'static Form, version: i16, mut r: Reader) -> RecordPart {
    let known = form.check_version(version);
    if known.is_ok() {
        r.switch(version, form.is_flexible(version));
        r.value(form.kind, None);
    }
    let mut part = part(form.name, version, r);
    part.dissection.error = known.err().or(part.dissection.error);
    part
}

fn unknown(number: i16, mut r: Reader) -> RecordPart {
    r.fail(WireFault::UnknownRecord(number));
    part("", 0, r)
}

fn part(schema: &'static str, version: i16, r: Reader) -> RecordPart {
    RecordPart { schema, version, dissection: r.dissection() }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::base::Rng;
    use crate::protocol::messages::group_records::GroupRecordKey;
    use crate::protocol::messages::metadata_records::{FeatureLevelRecord, MetadataRecord};
    use crate::protocol::wire::encode_prefixed;

    /// The fields of a part, and what is wrong with it.
    fn check(part: &RecordPart, expected: &str) {
        let spans = part.dissection.spans.iter().map(|span| format!("{}={}", span.name, span.value));
        let mut text = format!("{} v{}: {}", part.schema, part.version, spans.collect::<Vec<_>>().join(" "));
        if let Some(error) = &part.dissection.error {
            text += &format!(" ({error})");
        }
        assert_eq!(text, expected);
    }

    #[test]
    fn a_committed_offset_is_told_by_its_key() {
        let topic = InternalTopic::ConsumerOffsets;
        let key = OffsetCommitKey { group: "g".to_owned(), topic: "t".to_owned(), partition: 3 };
        let key = GroupRecordKey::OffsetCommit(key).encode().expect("encodes");
        let value = OffsetCommitValue { offset: 7, leader_epoch: 2, ..Default::default() };
        let value = encode_prefixed(3, &value).expect("encodes");
        check(
            &topic.dissect_key(false, &key),
            "OffsetCommitKey v1: type=1 group=\"g\" topic=\"t\" partition=3",
        );
        check(
            &topic.dissect_value(false, Some(&key), &value),
            "OffsetCommitValue v3: version=3 offset=7 leaderEpoch=2 metadata=\"\" commitTimestamp=0",
        );
    }

    #[test]
    fn a_metadata_record_has_its_type_in_its_frame() {
        let topic = InternalTopic::ClusterMetadata;
        let record = FeatureLevelRecord { name: "mv".to_owned(), feature_level: 27 };
        let value = MetadataRecord::from(record).encode().expect("encodes");
        check(
            &topic.dissect_value(false, None, &value),
            "FeatureLevelRecord v0: frameVersion=1 apiKey=12 version=0 name=\"mv\" featureLevel=27 _tagged_fields=0",
        );
    }

    #[test]
    fn unknown_types_and_versions_are_said() {
        let groups = InternalTopic::ConsumerOffsets;
        let key = Bytes::from_static(b"\0\x11\0\x01g");
        check(&groups.dissect_key(false, &key), " v0: type=17 (no record type 17 is known here)");
        check(
            &groups.dissect_value(false, Some(&key), &Bytes::from_static(b"\0\0")),
            " v0:  (no record type 17 is known here)",
        );
        let offset = Bytes::from_static(b"\0\x01");
        check(
            &groups.dissect_value(false, Some(&offset), &Bytes::from_static(b"\0\x09")),
            "OffsetCommitValue v9: version=9 (no version 9 of OffsetCommitValue)",
        );
        let unknown = Bytes::from_static(&[1, 99, 0, 7]);
        check(
            &InternalTopic::ClusterMetadata.dissect_value(false, None, &unknown),
            " v0: frameVersion=1 apiKey=99 version=0 (no record type 99 is known here)",
        );
    }

    #[test]
    fn every_type_is_known_with_its_own_schema() {
        for (rows, topic) in
            [(GROUP_ROWS, InternalTopic::ConsumerOffsets), (SHARE_ROWS, InternalTopic::ShareGroupState)]
        {
            for (number, key, value) in rows {
                assert!(key.check_version(*number).is_ok(), "{}", key.name);
                assert_eq!(key.name.strip_suffix("Key"), value.name.strip_suffix("Value"));
                assert_eq!(topic.row(*number).map(|row| row.1.name), Some(key.name));
            }
        }
    }

    #[test]
    fn whatever_the_bytes_are_they_are_shown() {
        let mut rng = Rng::stream(1, "records");
        let mut bytes = move || -> Bytes {
            let length = rng.below(40);
            (0..length).map(|_| if rng.below(3) == 0 { 0 } else { rng.below(20) as u8 }).collect()
        };
        for topic in
            [InternalTopic::ClusterMetadata, InternalTopic::ConsumerOffsets, InternalTopic::ShareGroupState]
        {
            for round in 0..500 {
                let (key, value) = (bytes(), bytes());
                let parts = [
                    topic.dissect_key(round % 5 == 0, &key),
                    topic.dissect_value(round % 5 == 0, (round % 7 > 0).then_some(&key), &value),
                ];
                for (part, bytes) in parts.iter().zip([&key, &value]) {
                    let spans = &part.dissection.spans;
                    assert!(
                        spans.iter().all(|span| span.start <= span.end && span.end as usize <= bytes.len())
                    );
                }
            }
        }
    }
}
