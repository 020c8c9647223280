//! The codec on a message that has some of everything.
#![allow(unreachable_pub)] // What the macro declares is public.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use bytes::Bytes;

use super::{Message, Uuid, WireError, WireFault, decode_prefixed, encode_prefixed, wire};

wire! {
    /// A message with some of everything.
    Example(7, 0..=3, 2) {
        name: String,
        numbers: Vec<i32>,
        note: Option<String> [null 1..] = None,
        epoch: i32 [1.., ignorable] = -1,
        limit: i64 [1..] = 10,
        inner: Option<Inner> [1..] = None,
        id: Uuid [2.., tag 0],
        retired: bool [..=2],
        extra: Extra [2.., tag 1],
        flag: bool [2.., tag 2] = true,
    }

    Inner {
        payload: Bytes,
    }

    Extra {
        one: i32 = -1,
        two: i32 [3.., tag 0] = -1,
    }
}

fn example() -> Example {
    Example { name: "ab".to_owned(), numbers: vec![1], note: Some("x".to_owned()), ..Default::default() }
}

/// What a message looks like in a version, and that it reads back.
fn check(message: &Example, version: i16, bytes: &[u8]) {
    let encoded = message.encode(version).expect("the version can carry it");
    assert_eq!(encoded, bytes);
    assert_eq!(Example::decode(&encoded, version).as_ref(), Ok(message));
}

/// Which fault in which field these bytes are, to decoding and dissecting alike.
fn check_fault(bytes: &'static [u8], version: i16, field: &str, fault: WireFault) {
    let bytes = Bytes::from_static(bytes);
    let error = Example::decode(&bytes, version).expect_err("not a message");
    assert_eq!((error.field, error.fault), (field, fault));
    assert_eq!(Example::dissect(&bytes, version).error, Some(error));
}

#[test]
fn an_old_version_has_wide_lengths_and_few_fields() {
    check(&example(), 0, b"\0\x02ab\0\0\0\x01\0\0\0\x01\0\x01x\0");
}

#[test]
fn a_flexible_version_has_compact_lengths_and_tags() {
    let message = Example {
        inner: Some(Inner { payload: Bytes::from_static(b"pay") }),
        id: Uuid([7; 16]),
        limit: 3,
        ..example()
    };
    let mut bytes =
        b"\x03ab\x02\0\0\0\x01\x02x\xff\xff\xff\xff\0\0\0\0\0\0\0\x03\x01\x04pay\0\x01\0\x10".to_vec();
    bytes.extend([7; 16]);
    check(&message, 3, &bytes);
}

#[test]
fn null_is_written_where_it_may_be() {
    let message = Example { note: None, ..example() };
    check(&message, 1, b"\0\x02ab\0\0\0\x01\0\0\0\x01\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\x0a\xff\0");
    let error = message.encode(0).expect_err("not null in version 0");
    assert_eq!((error.field, error.fault), ("note", WireFault::NotInVersion(0)));
}

#[test]
fn what_a_version_cannot_carry_is_an_error_unless_ignorable() {
    assert!(Example { epoch: 5, ..example() }.encode(0).is_ok());
    let error = Example { limit: 5, ..example() }.encode(0).expect_err("no limit in version 0");
    assert_eq!((error.field, error.fault), ("limit", WireFault::NotInVersion(0)));
    let error = Example { id: Uuid([1; 16]), ..example() }.encode(1).expect_err("no tags in version 1");
    assert_eq!((error.field, error.fault), ("id", WireFault::NotInVersion(1)));
    let error = Example { retired: true, ..example() }.encode(3).expect_err("retired in version 3");
    assert_eq!(error.to_string(), "version 3 cannot carry this value (field retired, byte 23)");
    let error = Example { name: "x".repeat(40_000), ..example() }.encode(3).expect_err("too long");
    assert_eq!((error.field, error.fault), ("name", WireFault::TooLong));
}

#[test]
fn lengths_cannot_exceed_what_is_there() {
    check_fault(b"", 0, "name", WireFault::UnexpectedEnd);
    check_fault(b"\0\x05ab", 0, "name", WireFault::UnexpectedEnd);
    check_fault(b"\0\0\x7f\xff\xff\xff", 0, "numbers", WireFault::UnexpectedEnd);
    check_fault(b"\x01\xff\xff\xff\xff\x0f", 3, "numbers", WireFault::UnexpectedEnd);
    check_fault(b"\xff\xfe", 0, "name", WireFault::BadLength);
    check_fault(b"\0", 3, "name", WireFault::BadLength);
    check_fault(b"\xff\xff\xff\xff\xff\x01", 3, "name", WireFault::BadVarint);
    check_fault(b"\0\x01\xff", 0, "name", WireFault::NotUtf8);
    check_fault(b"", 4, "Example", WireFault::UnsupportedVersion(4));
}

#[test]
fn unknown_tags_are_skipped_and_known_ones_must_fit() {
    let plain = example().encode(3).expect("encodes");
    let with = |tags: &[u8]| Bytes::from([&plain[..plain.len() - 1], tags].concat());
    assert_eq!(Example::decode(&with(b"\x01\x09\x02hi"), 3), Ok(example()));
    let cut = Example::decode(&with(b"\x01\0\x02hi"), 3).expect_err("a UUID is longer");
    assert_eq!(cut.fault, WireFault::UnexpectedEnd);
    let long = Example::decode(&with(&[&[1, 0, 17][..], &[1; 17]].concat()), 3).expect_err("and no longer");
    assert_eq!(long.fault, WireFault::BadTag);
}

#[test]
fn a_tagged_field_that_holds_its_default_is_left_out() {
    let bytes = example().encode(3).expect("encodes");
    assert_eq!(bytes.last(), Some(&0));
    let with = |extra| Example { extra, ..example() }.encode(3).expect("encodes").slice(bytes.len() - 1..);
    assert_eq!(with(Extra { one: 0, two: -1 }), b"\x01\x01\x05\0\0\0\0\0".as_slice());
    assert_eq!(with(Extra { one: -1, two: 1 })[..4], [1, 1, 11, 0xff]);
    let flag = Example { flag: false, ..example() }.encode(3).expect("encodes");
    assert_eq!(flag[bytes.len() - 1..], [1, 2, 1, 0]);
}

#[test]
fn of_a_tag_that_comes_twice_the_second_one_holds() {
    let plain = example().encode(3).expect("encodes");
    let first = b"\x01\x0b\0\0\0\x01\x01\0\x04\0\0\0\x02";
    let second = b"\x01\x05\0\0\0\x03\0";
    let bytes = Bytes::from([&plain[..plain.len() - 1], b"\x02", first, second].concat());
    let extra = Extra { one: 3, two: -1 };
    assert_eq!(Example::decode(&bytes, 3), Ok(Example { extra, ..example() }));
}

#[test]
fn a_dissection_names_every_byte() {
    let message = Example { inner: Some(Inner { payload: Bytes::from_static(b"pay") }), ..example() };
    let mut bytes = message.encode(2).expect("encodes").to_vec();
    bytes.extend(b"more");
    let dissection = Example::dissect(&Bytes::from(bytes), 2);
    let lines: Vec<String> = dissection
        .spans
        .iter()
        .map(|s| format!("{}{} {}..{} {}", "  ".repeat(s.depth.into()), s.name, s.start, s.end, s.value))
        .collect();
    let expected = r#"name 0..3 "ab"
numbers 3..8 1 elements
  [0] 4..8 1
note 8..10 "x"
epoch 10..14 -1
limit 14..22 10
inner 22..28 
  payload 23..27 3 bytes
  _tagged_fields 27..28 0
retired 28..29 false
_tagged_fields 29..30 0
(rest) 30..34 4 bytes"#;
    assert_eq!(lines.join("\n"), expected);
    assert_eq!(dissection.error, None);
}

#[test]
fn a_dissection_of_damaged_bytes_goes_as_far_as_it_can() {
    let bytes = example().encode(0).expect("encodes");
    let dissection = Example::dissect(&bytes.slice(..6), 0);
    let names: Vec<&str> = dissection.spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["name", "numbers"]);
    let error = WireError { at: 4, field: "numbers", fault: WireFault::UnexpectedEnd };
    assert_eq!(dissection.error, Some(error));
}

#[test]
fn a_prefix_tells_the_version() {
    let bytes = encode_prefixed(1, &example()).expect("encodes");
    assert_eq!(bytes[..2], [0, 1]);
    assert_eq!(decode_prefixed(&bytes), Ok((1, example())));
    assert!(decode_prefixed::<Example>(&Bytes::from_static(b"\0")).is_err());
}

#[test]
fn uuids_look_as_kafka_prints_them() {
    assert_eq!(Uuid::from_halves(0, 1).to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
    assert_eq!(Uuid([0xff; 16]).to_string(), "_____________________w");
    assert!(Uuid::ZERO.is_zero() && !Uuid::from_halves(1, 0).is_zero());
}
