#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

#[test]
fn requests_are_read_as_they_were_written() {
    let path = || "/controller".to_owned();
    let data = Bytes::from_static(b"{}");
    let create = Op::Create { path: path(), data: data.clone(), ephemeral: true };
    let check = Op::Check { path: path(), version: 3 };
    for op in [
        create.clone(),
        Op::Delete { path: path(), version: -1 },
        Op::Exists { path: path(), watch: true },
        Op::GetData { path: path(), watch: false },
        Op::SetData { path: path(), data, version: 7 },
        Op::GetChildren { path: path(), watch: true },
        Op::Multi(vec![check, create]),
        Op::SetWatches { since: 9, data: vec![path()], children: vec![path()] },
        Op::Ping,
        Op::Close,
    ] {
        let frame = encode_request(5, &op);
        assert_eq!(decode_request(&frame), Some((5, Some(op.clone()))));
        let end = dissect_request(&frame, API_BASE + op.code()).spans.last().map(|span| span.end);
        assert_eq!(end, Some(frame.len() as u32), "{op:?}");
    }
}

#[test]
fn replies_are_read_as_they_were_written() {
    let stat = Stat { czxid: 1, version: 4, ..Default::default() };
    let get = Op::GetData { path: "/a".into(), watch: false };
    let multi = Op::Multi(vec![Op::Check { path: "/a".into(), version: 1 }, get.clone()]);
    let results = vec![Ok(Reply::Done), Err(Fault::NO_NODE)];
    for (op, reply) in [(get, Reply::Data(Bytes::from_static(b"x"), stat)), (multi, Reply::Multi(results))] {
        let frame = encode_reply(3, 8, &op, &Ok(reply.clone()));
        assert_eq!(decode_told(&frame), Some(Told::Reply { xid: 3, zxid: 8, fault: Fault(0) }));
        assert_eq!(decode_reply(&frame, &op), Some(reply));
        let end = dissect_reply(&frame, API_BASE + op.code()).spans.last().map(|span| span.end);
        assert_eq!(end, Some(frame.len() as u32));
    }
    let event = encode_event(Change::Children, "/brokers/ids");
    assert_eq!(decode_told(&event), Some(Told::Event(Change::Children, "/brokers/ids".into())));
}

#[test]
fn bytes_that_end_too_soon_are_no_request() {
    let frame = encode_request(1, &Op::GetData { path: "/brokers".into(), watch: true });
    for end in 0..frame.len() {
        let cut = frame.slice(..end);
        assert!(decode_request(&cut).is_none_or(|(_, op)| op.is_none()));
        dissect_request(&cut, API_BASE + 4);
    }
}
