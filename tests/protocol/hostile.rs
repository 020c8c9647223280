//! Nonsense on the wire: no panic, no unbounded memory, and spans that stay inside the frame.

use bytes::Bytes;
use terrarium::base::Rng;
use terrarium::protocol::messages::*;
use terrarium::protocol::wire::decode_prefixed;
use terrarium::protocol::{
    ApiKey, Dissection, Message, decode_request_header, decode_response, dissect_request, dissect_response,
    encode_request, encode_response,
};

use crate::every::every_message;

/// Memory that no frame of a few hundred bytes may make anybody ask for.
const FAR_TOO_MUCH_KB: u64 = 512 * 1024;

fn check<M: Message>() {
    for version in M::VERSIONS {
        for round in 0..20 {
            let mut rng = Rng::stream(2, &format!("{} v{version} #{round}", M::NAME));
            let message = M::imagine(version, rng.clone());
            let good = message.encode(version).expect("made up for this version");
            for _ in 0..10 {
                let bytes = damage(&good, &mut rng);
                check_spans(&M::dissect(&bytes, version), &bytes, M::decode(&bytes, version).is_ok());
            }
        }
    }
}

/// Decoding and dissecting agree, and every span lies inside the one around it.
fn check_spans(dissection: &Dissection, bytes: &Bytes, is_readable: bool) {
    assert_eq!(dissection.error.is_none(), is_readable);
    let mut around = vec![(0, bytes.len() as u32)];
    for span in &dissection.spans {
        around.truncate(usize::from(span.depth) + 1);
        let (start, end) = around[usize::from(span.depth)];
        assert!(start <= span.start && span.start <= span.end && span.end <= end, "{span:?}");
        around.push((span.start, span.end));
    }
}

/// The bytes with some of them changed, cut off, repeated or replaced by hostile lengths.
fn damage(good: &Bytes, rng: &mut Rng) -> Bytes {
    let mut bytes = good.to_vec();
    for _ in 0..=rng.below(3) {
        let at = rng.below(bytes.len() as u64) as usize;
        match rng.below(5) {
            0 => bytes.truncate(at),
            1 => bytes.extend_from_within(at..),
            2 => bytes.splice(at..at, [0x7f, 0xff, 0xff, 0xff]).for_each(drop),
            3 => bytes.splice(at..at, [0xff, 0xff, 0xff, 0xff, 0x0f]).for_each(drop),
            _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = rng.below(256) as u8),
        }
    }
    Bytes::from(bytes)
}

macro_rules! check_all {
    ($($module:ident::$message:ident)*) => {
        #[test]
        fn damaged_messages_are_errors_or_messages() {
            $(check::<$module::$message>();)*
            check::<group_records::OffsetCommitValue>();
            check::<group_records::GroupMetadataValue>();
            check::<consumer_group_records::ConsumerGroupMetadataValue>();
            check::<consumer_group_records::ConsumerGroupMemberMetadataValue>();
            check::<consumer_group_records::ConsumerGroupTargetAssignmentMemberValue>();
            check::<consumer_group_records::ConsumerGroupCurrentMemberAssignmentValue>();
            check::<consumer_group_records::ConsumerGroupRegularExpressionValue>();
            check::<control_records::LeaderChangeMessage>();
            check::<control_records::SnapshotHeaderRecord>();
            check::<control_records::SnapshotFooterRecord>();
            assert!(most_memory_kb() < FAR_TOO_MUCH_KB, "{} KB", most_memory_kb());
        }
    };
}

every_message!(check_all);

/// The most address space this process has ever had; 0 where the system does not tell.
fn most_memory_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

#[test]
fn noise_is_no_frame() {
    let mut rng = Rng::stream(3, "noise");
    for length in (0..200).chain([70_000]) {
        for _ in 0..20 {
            let mut noise: Vec<u8> = (0..length).map(|_| rng.below(256) as u8).collect();
            // Half of the time, let it at least be a request of some API.
            if length > 4 && rng.chance(1, 2) {
                let header = [0, rng.below(93) as u8, 0, rng.below(14) as u8];
                noise[..4].copy_from_slice(&header);
            }
            let noise = Bytes::from(noise);
            let dissection = dissect_request(&noise);
            check_spans(&dissection, &noise, dissection.error.is_none());
            assert!(decode_request_header(&noise).is_ok() || dissection.error.is_some());
            for api in ApiKey::ALL {
                let dissection = dissect_response(&noise, api.code(), rng.below(14) as i16);
                check_spans(&dissection, &noise, dissection.error.is_none());
            }
        }
    }
}

#[test]
fn whole_frames_can_be_dissected_to_the_last_byte() {
    macro_rules! frames {
        ($($module:ident::$message:ident)*) => {$(
            for version in $module::$message::VERSIONS {
                let body = $module::$message::imagine(version, Rng::stream(4, stringify!($message)));
                if stringify!($message).ends_with("Request") {
                    let frame = encode_request(version, 7, "somebody", &body).expect("encodes");
                    let (header, rest) = decode_request_header(&frame).expect("has a header");
                    assert_eq!((header.api_key, header.api_version), ($module::$message::KEY, version));
                    assert_eq!($module::$message::decode(&rest, version).as_ref(), Ok(&body));
                    check_whole(&dissect_request(&frame), &frame);
                } else if stringify!($message).ends_with("Response") {
                    let frame = encode_response(version, 7, &body).expect("encodes");
                    assert_eq!(decode_response(&frame, version).as_ref(), Ok(&(7, body)));
                    check_whole(&dissect_response(&frame, $module::$message::KEY, version), &frame);
                }
            }
        )*};
    }
    every_message!(frames);
}

/// No error, and the outermost spans cover the frame without gap.
fn check_whole(dissection: &Dissection, frame: &Bytes) {
    assert_eq!(dissection.error, None);
    let mut end = 0;
    for span in dissection.spans.iter().filter(|span| span.depth == 0) {
        assert_eq!(span.start, end, "{span:?}");
        end = span.end;
    }
    assert_eq!(end as usize, frame.len());
    assert!(dissection.spans.iter().all(|span| span.name != "(rest)"));
}

#[test]
fn metadata_records_can_be_damaged_too() {
    let mut rng = Rng::stream(5, "metadata");
    for seed in 0..2_000 {
        let record = metadata_records::PartitionChangeRecord::imagine(2, Rng::stream(seed, "change"));
        let record = metadata_records::MetadataRecord::from(record);
        let good = record.encode().expect("encodes");
        assert_eq!(metadata_records::MetadataRecord::decode(&good), Ok(record));
        let bad = damage(&good, &mut rng);
        let _ = metadata_records::MetadataRecord::decode(&bad);
        let _ = group_records::GroupRecordKey::decode(&bad);
        let _ = consumer_protocol::decode::<consumer_protocol::ConsumerProtocolSubscription>(&bad);
        let _ = decode_prefixed::<group_records::GroupMetadataValue>(&bad);
    }
}
