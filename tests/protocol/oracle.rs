//! The `kafka-protocol` crate is generated from Kafka's schemas and has nothing in common
//! with our codec. Whatever message we make up, it must read what we write, see the same
//! values under the same names, and write the same bytes.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages as theirs;
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion};
use terrarium::base::Rng;
use terrarium::protocol::messages::*;
use terrarium::protocol::{ErrorCode, Message, Uuid, encode_request};

use crate::every::every_message;

/// How many messages are made up for each version.
const ROUNDS: u32 = 100;

fn check<Ours, Theirs>()
where
    Ours: Message,
    Theirs: Decodable + Encodable + std::fmt::Debug + Default,
{
    for version in Ours::VERSIONS {
        for round in 0..ROUNDS {
            let story = format!("{} v{version} #{round}", Ours::NAME);
            let ours = Ours::imagine(version, Rng::stream(1, &story));
            let bytes = ours.encode(version).expect(&story);
            assert_eq!(Ours::decode(&bytes, version).as_ref(), Ok(&ours), "{story}: ours, read back");

            let mut rest = bytes.clone();
            let theirs = Theirs::decode(&mut rest, version).expect(&story);
            assert!(rest.is_empty(), "{story}: {} bytes left", rest.len());
            let mut written = BytesMut::new();
            theirs.encode(&mut written, version).expect(&story);
            assert_eq!(written, bytes, "{story}: theirs, written back");
            check_values(&ours, &theirs, &story);
        }
    }
    check_values(&Ours::default(), &Theirs::default(), Ours::NAME);
}

/// The same values under the same names.
fn check_values<Ours: Message>(ours: &Ours, theirs: &impl std::fmt::Debug, story: &str) {
    let mut seen = values(&format!("{theirs:#?}"));
    seen.retain(|line| !is_of_unstable_version(Ours::NAME, line));
    assert_eq!(values(&format!("{ours:#?}")), seen, "{story}: values");
}

/// Their structs also have the fields of versions that Kafka 4.1 does not call stable.
fn is_of_unstable_version(message: &str, line: &str) -> bool {
    match line.split_once(':') {
        Some(("enable_2_pc" | "keep_prepared_txn", _)) => message == "InitProducerIdRequest",
        Some(("ongoing_txn_producer_id" | "ongoing_txn_producer_epoch", _)) => {
            message == "InitProducerIdResponse"
        }
        Some(("partition_max_bytes", _)) => message == "ShareFetchRequest",
        Some(("topic_id", _)) => message.starts_with("OffsetCommit") || message.starts_with("OffsetFetch"),
        _ => false,
    }
}

/// The leaves of a message printed with `{:#?}`, as sorted lines, in a form that both
/// implementations' types agree on.
fn values(printed: &str) -> Vec<String> {
    let mut parts = printed.split("Unknown(");
    let mut printed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_once(')').expect("closed");
        printed += code.trim().trim_end_matches(',');
        printed += rest;
    }
    let mut lines: Vec<String> = printed.lines().filter_map(value).collect();
    lines.sort();
    lines
}

/// One line, or nothing if it only opens or closes something.
fn value(line: &str) -> Option<String> {
    let line = line.trim().trim_end_matches(',');
    let (name, value) = line.split_once(": ").unwrap_or(("", line));
    if name == "unknown_tagged_fields" || value.ends_with(['(', '[', '{', ')', ']', '}']) {
        return None;
    }
    if name.ends_with("error_code") {
        let known = ErrorCode::ALL.iter().find(|code| format!("{code:?}") == value);
        return Some(format!("{name}: {}", known.map_or(value.to_owned(), |code| code.code().to_string())));
    }
    let value = hex_uuid(value).map_or_else(|| value.to_owned(), |uuid| uuid.to_string());
    Some(format!("{name}: {value}"))
}

/// A UUID written with hyphens.
fn hex_uuid(text: &str) -> Option<Uuid> {
    let digits = text.replace('-', "");
    let has_form = text.len() == 36 && digits.len() == 32;
    has_form.then(|| u128::from_str_radix(&digits, 16).ok()).flatten().map(|n| Uuid(n.to_be_bytes()))
}

macro_rules! check_all {
    ($($module:ident::$message:ident)*) => {$(
        #[allow(non_snake_case)]
        mod $message {
            #[test]
            fn is_the_same_in_every_version() {
                super::check::<super::$module::$message, super::theirs::$message>();
            }
        }
    )*};
}

every_message!(check_all);

#[test]
fn request_headers_are_the_same() {
    for version in produce::ProduceRequest::VERSIONS {
        let body = produce::ProduceRequest::imagine(version, Rng::stream(1, "header"));
        let mut ours = encode_request(version, 42, "me", &body).expect("encodes");
        let header_version = theirs::ProduceRequest::header_version(version);
        let header = theirs::RequestHeader::decode(&mut ours, header_version).expect("a header");
        assert_eq!((header.request_api_key, header.request_api_version), (0, version));
        assert_eq!((header.correlation_id, header.client_id.as_deref()), (42, Some("me")));
        assert_eq!(Ok(ours), body.encode(version) as Result<Bytes, _>);
    }
}
