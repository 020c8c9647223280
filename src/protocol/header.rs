//! Request and response headers, and whole frames (without their length prefix).
//!
//! A flexible version of an API has a flexible header (request v2, response v1), any other
//! request v1 and response v0. The response to ApiVersions always has header v0, because the
//! client cannot know yet what the broker speaks (KIP-511).

use bytes::Bytes;

use super::ApiKey;
use super::wire::{Field, Form, Message, Mut, Reader, Ref, Wire, WireError, Writer};
use crate::base::Rope;

/// What stands in front of every request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestHeader {
    /// Number of the API.
    pub api_key: i16,
    /// Version of the API.
    pub api_version: i16,
    /// The client's number for the request; the response carries it, too.
    pub correlation_id: i32,
    /// Who the client says it is.
    pub client_id: Option<String>,
}

/// Splits a request into its header and its body. Fails on an API that Kafka 4.1 does not
/// have. Versions are not checked: an ApiVersions request of a version from the future has to
/// be answered, and its header has not changed. Of an API without a schema here, the body
/// begins with the header's tagged fields.
pub fn decode_request_header(frame: &Bytes) -> Result<(RequestHeader, Bytes), WireError> {
    let mut r = Reader::new(frame, 0, false);
    let header = get_request_header(&mut r);
    r.finish_with_rest(header)
}

/// A whole request.
pub fn encode_request<M: Message>(
    version: i16,
    correlation_id: i32,
    client_id: &str,
    body: &M,
) -> Result<Bytes, WireError> {
    write_request(M::FORM, version, correlation_id, client_id, body.view())
}

/// A whole request whose body is encoded already.
pub fn encode_raw_request(
    api: ApiKey,
    version: i16,
    correlation_id: i32,
    client_id: &str,
    body: &[u8],
) -> Result<Bytes, WireError> {
    let mut w = Writer::new(version, false);
    api.code().put(&mut w);
    version.put(&mut w);
    correlation_id.put(&mut w);
    client_id.to_owned().put(&mut w);
    w.switch(version, api.is_flexible(version));
    w.no_tagged_fields();
    let head = w.finish()?;
    Ok([&head, body].concat().into())
}

/// A whole response.
pub fn encode_response<M: Message>(version: i16, correlation_id: i32, body: &M) -> Result<Bytes, WireError> {
    write_response(M::FORM, version, correlation_id, body.view(), Writer::new)?.finish()
}

/// A whole response, in which large records stay where they lie.
pub fn encode_response_rope<M: Message>(
    version: i16,
    correlation_id: i32,
    body: &M,
) -> Result<Rope, WireError> {
    write_response(M::FORM, version, correlation_id, body.view(), Writer::sharing)?.finish_rope()
}

/// Reads a whole response: its correlation id and what it says.
pub fn decode_response<M: Message>(frame: &Bytes, version: i16) -> Result<(i32, M), WireError> {
    let mut body = M::default();
    let correlation_id = read_response(M::FORM, &frame.clone().into(), version, body.view_mut())?;
    Ok((correlation_id, body))
}

/// Reads a whole response whose bytes lie in pieces.
pub fn decode_response_rope<M: Message>(frame: &Rope, version: i16) -> Result<(i32, M), WireError> {
    let mut body = M::default();
    let correlation_id = read_response(M::FORM, frame, version, body.view_mut())?;
    Ok((correlation_id, body))
}

fn write_request(
    form: &'static Form,
    version: i16,
    correlation_id: i32,
    client_id: &str,
    body: Ref<'_>,
) -> Result<Bytes, WireError> {
    form.check_version(version)?;
    let mut w = Writer::new(version, false);
    form.key.put(&mut w);
    version.put(&mut w);
    correlation_id.put(&mut w);
    client_id.to_owned().put(&mut w);
    w.switch(version, form.is_flexible(version));
    w.no_tagged_fields();
    w.value(form.kind, body);
    w.finish()
}

fn write_response(
    form: &'static Form,
    version: i16,
    correlation_id: i32,
    body: Ref<'_>,
    writer: fn(i16, bool) -> Writer,
) -> Result<Writer, WireError> {
    form.check_version(version)?;
    let flexible = form.is_flexible(version);
    let mut w = writer(version, flexible && has_flexible_response_header(form.key));
    correlation_id.put(&mut w);
    w.no_tagged_fields();
    w.switch(version, flexible);
    w.value(form.kind, body);
    Ok(w)
}

fn read_response(form: &'static Form, frame: &Rope, version: i16, body: Mut<'_>) -> Result<i32, WireError> {
    form.check_version(version)?;
    let flexible = form.is_flexible(version);
    let mut r = Reader::of_rope(frame, version, flexible && has_flexible_response_header(form.key));
    let correlation_id = get_response_header(&mut r);
    r.switch(version, flexible);
    r.value(form.kind, Some(body));
    r.finish(correlation_id)
}

/// Reads a request's header.
pub(super) fn get_request_header(r: &mut Reader) -> RequestHeader {
    let mut header = RequestHeader::default();
    r.field(const { &Field::new("request_api_key", i16::KIND) }, &mut header.api_key);
    let api = ApiKey::try_from(header.api_key);
    if let Err(fault) = api {
        r.fail(fault);
    }
    r.field(const { &Field::new("request_api_version", i16::KIND) }, &mut header.api_version);
    r.field(const { &Field::new("correlation_id", i32::KIND) }, &mut header.correlation_id);
    // Never compact, not even in a flexible header: the version has to be found first.
    r.field(const { &Field::new("client_id", Option::<String>::KIND) }, &mut header.client_id);
    if api.is_ok_and(|api| api.is_flexible(header.api_version)) {
        r.switch(header.api_version, true);
        r.skip_tagged_fields();
    }
    header
}

/// Reads a response's header, which is its correlation id.
pub(super) fn get_response_header(r: &mut Reader) -> i32 {
    let mut correlation_id = 0;
    r.field(const { &Field::new("correlation_id", i32::KIND) }, &mut correlation_id);
    r.skip_tagged_fields();
    correlation_id
}

/// Whether responses of flexible versions of the API have flexible headers.
pub(super) fn has_flexible_response_header(api_key: i16) -> bool {
    api_key != ApiKey::ApiVersions.code()
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::protocol::WireFault;
    use crate::protocol::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
    use crate::protocol::messages::fetch::{FetchResponse, FetchableTopicResponse, PartitionData};
    use crate::protocol::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};

    fn check_fault(frame: &'static [u8], fault: WireFault) {
        let error = decode_request_header(&Bytes::from_static(frame)).map_err(|error| error.fault);
        assert_eq!(error, Err(fault));
    }

    #[test]
    fn a_request_comes_apart_again() {
        for version in HeartbeatRequest::VERSIONS {
            let body = HeartbeatRequest { group_id: "g".to_owned(), ..Default::default() };
            let frame = encode_request(version, 9, "me", &body).expect("encodes");
            let (header, rest) = decode_request_header(&frame).expect("has a header");
            let expected = RequestHeader {
                api_key: 12,
                api_version: version,
                correlation_id: 9,
                client_id: Some("me".into()),
            };
            assert_eq!(header, expected);
            assert_eq!(HeartbeatRequest::decode(&rest, version), Ok(body));
        }
    }

    #[test]
    fn a_flexible_response_has_a_flexible_header_but_for_api_versions() {
        let flexible = encode_response(4, 9, &HeartbeatResponse::default()).expect("encodes");
        assert_eq!(flexible[..5], [0, 0, 0, 9, 0]);
        assert_eq!(decode_response(&flexible, 4), Ok((9, HeartbeatResponse::default())));
        let body = ApiVersionsResponse { throttle_time_ms: 1 << 24, ..Default::default() };
        let frame = encode_response(3, 9, &body).expect("encodes");
        assert_eq!(frame[..], [0, 0, 0, 9, 0, 0, 1, 1, 0, 0, 0, 0]);
        assert_eq!(decode_response(&frame, 3), Ok((9, body)));
    }

    #[test]
    fn api_versions_of_the_future_has_the_same_header() {
        let frame = encode_request(4, 9, "me", &ApiVersionsRequest::default()).expect("encodes");
        let mut future = frame.to_vec();
        future[3] = 99;
        let (header, _) = decode_request_header(&Bytes::from(future)).expect("has a header");
        assert_eq!((header.api_version, header.client_id.as_deref()), (99, Some("me")));
    }

    #[test]
    fn short_frames_are_errors() {
        check_fault(b"", WireFault::UnexpectedEnd);
        check_fault(b"\0", WireFault::UnexpectedEnd);
        check_fault(b"\0\x12\0", WireFault::UnexpectedEnd);
        check_fault(b"\x01\0\0\0\0\0\0\0", WireFault::UnknownApi(256));
    }

    /// Two partitions' records, one of them many, in two pieces.
    fn fetched() -> FetchResponse {
        let many: Rope = [Bytes::from(vec![1; 9_000]), Bytes::from(vec![2; 300])].into_iter().collect();
        let few = Rope::from(Bytes::from_static(b"few"));
        let data = |partition_index, records| PartitionData {
            partition_index,
            records: Some(records),
            ..Default::default()
        };
        let partitions = vec![data(0, few), data(1, many), data(2, Rope::default())];
        let topic = FetchableTopicResponse { partitions, ..Default::default() };
        FetchResponse { responses: vec![topic], ..Default::default() }
    }

    #[test]
    fn records_that_stay_where_they_lie_are_the_same_frame() {
        let response = fetched();
        for version in FetchResponse::VERSIONS {
            let copied = encode_response(version, 7, &response).unwrap();
            let shared = encode_response_rope(version, 7, &response).unwrap();
            assert_eq!(shared.pieces().len(), 4, "the head, two pieces of records, the tail");
            assert_eq!(shared.whole(), copied);
            let (_, read) = decode_response_rope::<FetchResponse>(&shared, version).unwrap();
            let records = read.responses[0].partitions[1].records.clone().unwrap();
            assert_eq!(records.pieces()[1].as_ptr(), shared.pieces()[2].as_ptr(), "not copied");
            assert_eq!(decode_response::<FetchResponse>(&copied, version).unwrap().1, read);
        }
    }

    #[test]
    fn a_response_reads_the_same_however_it_is_cut() {
        let frame = encode_response(17, 7, &fetched()).unwrap();
        let expected = decode_response::<FetchResponse>(&frame, 17);
        let cuts = (0..200).chain(frame.len() - 200..frame.len());
        for cut in cuts {
            let next = (cut + 1).min(frame.len());
            let pieces = [frame.slice(..cut), frame.slice(cut..next), frame.slice(next..)];
            let rope: Rope = pieces.into_iter().collect();
            assert_eq!(decode_response_rope::<FetchResponse>(&rope, 17), expected, "cut at {cut}");
        }
        let short: Rope = [frame.slice(..5_000), frame.slice(5_000..9_000)].into_iter().collect();
        let error = decode_response_rope::<FetchResponse>(&short, 17).map_err(|error| error.fault);
        assert_eq!(error, Err(WireFault::UnexpectedEnd));
    }
}
