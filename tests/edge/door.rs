//! Stories of programs outside, told by what comes out of the door.

use std::sync::Arc;

use bytes::Bytes;
use terrarium::base::SimTime;
use terrarium::edge::{Door, Output};
use terrarium::protocol::decode_response;
use terrarium::protocol::messages::metadata::MetadataResponse;
use terrarium::sim::{Run, Setup, World};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::rig::{command, door, framed, heard, metadata, pass, setup, versions};

#[test]
fn requests_are_answered_in_order_however_their_bytes_are_cut() {
    let mut door = door();
    let conn = door.connect("app", 1).unwrap();
    let stream = [versions(1), metadata(2, "orders"), versions(3)].concat();
    for byte in &stream {
        door.bytes(conn, vec![*byte].into());
        pass(&mut door, 1);
    }
    assert_eq!(heard(&mut door, conn), "1 2 3");
    door.bytes(conn, stream.into());
    pass(&mut door, 5);
    assert_eq!(heard(&mut door, conn), "1 2 3");
    door.hang_up(conn, None);
    door.bytes(conn, versions(4));
    pass(&mut door, 5);
    assert_eq!(heard(&mut door, conn), "");
    assert!(door.world().conn(conn).is_none(), "both ends have forgotten it");
}

#[test]
fn programs_outside_hear_the_addresses_that_are_for_them() {
    let mut door = door();
    let conn = door.connect("app", 2).unwrap();
    door.bytes(conn, metadata(1, "orders"));
    pass(&mut door, 5);
    let Some(Output::Frame { bytes, .. }) =
        std::iter::from_fn(|| door.next_output()).find(|output| matches!(output, Output::Frame { .. }))
    else {
        panic!("no answer");
    };
    let (_, answer) = decode_response::<MetadataResponse>(&bytes.whole(), 9).unwrap();
    let ports: Vec<_> = answer.brokers.iter().map(|broker| (broker.host.as_str(), broker.port)).collect();
    assert_eq!(ports, [("127.0.0.1", 9092), ("127.0.0.1", 9093), ("127.0.0.1", 9094)]);
    // The producer inside goes by the names inside, and gets on.
    pass(&mut door, 2_000);
    assert!(door.world().summary().records.acknowledged > 100);
}

#[test]
fn faults_reach_programs_outside() {
    let mut door = door();
    let conn = door.connect("app", 1).unwrap();
    door.command(command(r#"{"do":"cut","a":"app","b":"broker-1"}"#)).unwrap();
    door.bytes(conn, versions(1));
    pass(&mut door, 1_000);
    assert_eq!(heard(&mut door, conn), "");
    assert!(!door.wants(conn, 0) && door.wants(conn, 100), "the request is under way");
    door.command(command(r#"{"do":"heal","a":"app","b":"broker-1"}"#)).unwrap();
    pass(&mut door, 1);
    assert_eq!(heard(&mut door, conn), "1");
    assert!(door.wants(conn, 0));
    door.command(command(r#"{"do":"slow","a":"app","b":"broker-1","latency_ms":40}"#)).unwrap();
    door.bytes(conn, versions(2));
    pass(&mut door, 79);
    assert_eq!(heard(&mut door, conn), "");
    pass(&mut door, 2);
    assert_eq!(heard(&mut door, conn), "2");
    door.command(command(r#"{"do":"drop_next","from":"broker-1","to":"app","frame":"response"}"#)).unwrap();
    door.bytes(conn, versions(3));
    pass(&mut door, 200);
    assert_eq!(heard(&mut door, conn), "closed: the connection broke");
}

#[test]
fn a_dead_broker_refuses_and_a_dead_client_is_hung_up_on() {
    let mut door = door();
    let [first, other] = [1, 2].map(|broker| door.connect("app", broker).unwrap());
    door.command(command(r#"{"do":"kill","node":"broker-1"}"#)).unwrap();
    assert_eq!(
        std::iter::from_fn(|| door.next_output()).last(),
        Some(Output::Listens { broker: 1, on: false })
    );
    pass(&mut door, 1);
    assert_eq!(heard(&mut door, first), "closed: the broker closed it");
    let refused = door.connect("app", 1).unwrap();
    pass(&mut door, 1);
    assert_eq!(heard(&mut door, refused), "closed: the broker does not listen");
    door.command(command(r#"{"do":"kill","node":"app"}"#)).unwrap();
    assert_eq!(heard(&mut door, other), "closed: the client was killed");
    assert!(door.connect("app", 2).is_err(), "the dead do not connect");
    assert!(door.connect("broker-2", 2).is_err(), "a name of somebody inside");
    door.command(command(r#"{"do":"restart","node":"app"}"#)).unwrap();
    pass(&mut door, 1);
    let again = door.connect("app", 2).unwrap();
    door.bytes(again, versions(7));
    pass(&mut door, 1);
    assert_eq!(heard(&mut door, again), "7");
}

#[test]
fn garbage_ends_a_connection_and_nothing_else() {
    let mut door = door();
    let good = door.connect("good", 1).unwrap();
    let say = |door: &mut Door, bytes: &[u8]| {
        let conn = door.connect("bad", 1).unwrap();
        door.bytes(conn, Bytes::copy_from_slice(bytes));
        pass(door, 5);
        let said = heard(door, conn);
        assert!(door.world().conn(conn).is_none());
        said
    };
    let too_much = "more than socket.request.max.bytes=104857600";
    assert_eq!(
        say(&mut door, b"GET / HTTP/1.1\r\n\r\n"),
        format!("closed: a request of 1195725856 bytes, {too_much}")
    );
    assert_eq!(say(&mut door, &[0xff; 9]), "closed: a request of -1 bytes");
    let unknown_api = [3, 231, 0, 0, 0, 0, 0, 1, 255, 255];
    assert!(say(&mut door, &framed(&unknown_api)).starts_with("closed: "));
    // Kafka answers a version from the future, and closes on a body that makes no sense.
    assert!(say(&mut door, &framed(&[0, 3, 0, 9, 0, 0, 0, 1, 0, 0, 9])).starts_with("closed: "));
    door.bytes(good, versions(1));
    pass(&mut door, 5);
    assert_eq!(heard(&mut door, good), "1");
}

#[test]
fn a_paused_client_hears_and_says_nothing() {
    let mut door = door();
    let conn = door.connect("app", 1).unwrap();
    door.command(command(r#"{"do":"pause","node":"app"}"#)).unwrap();
    door.bytes(conn, versions(1));
    pass(&mut door, 100);
    assert_eq!(heard(&mut door, conn), "");
    door.command(command(r#"{"do":"resume","node":"app"}"#)).unwrap();
    pass(&mut door, 100);
    assert_eq!(heard(&mut door, conn), "1");
}

#[test]
fn silent_connections_are_closed_in_the_end() {
    let mut door = door();
    let conns = [1, 2].map(|broker| door.connect("app", broker).unwrap());
    pass(&mut door, 599_000);
    door.bytes(conns[1], versions(1));
    pass(&mut door, 2_000);
    door.hang_up_idle();
    assert_eq!(heard(&mut door, conns[0]), "closed: nothing was said for connections.max.idle.ms");
    assert_eq!(door.connections(), 1);
    door.bytes(conns[1], versions(2));
    pass(&mut door, 5);
    assert_eq!(heard(&mut door, conns[1]), "2");
}

/// Several programs at the same moments, faults among them; times that coincide with events.
fn session(door: &mut Door) {
    let conns = [("a", 1), ("b", 2), ("a", 3)].map(|(name, broker)| door.connect(name, broker).unwrap());
    for round in 0..60 {
        for conn in conns {
            door.bytes(conn, versions(round));
            door.bytes(conn, metadata(round, "orders").slice(..9));
        }
        // Exactly when something happens by itself: the input goes first.
        let next = door.next_at().expect("heartbeats never end");
        door.advance(next, u64::MAX);
        for conn in conns {
            door.bytes(conn, metadata(round, "orders").slice(9..));
        }
        match round {
            20 => door.command(command(r#"{"do":"kill","node":"broker-2"}"#)).unwrap(),
            30 => door.command(command(r#"{"do":"cut","a":"a","b":"broker-3"}"#)).unwrap(),
            40 => door.command(command(r#"{"do":"restart","node":"broker-2"}"#)).unwrap(),
            _ => {}
        }
        door.advance(door.now() + 1_711 * (round as u64 % 9), u64::MAX);
    }
    door.hang_up(conns[0], Some("a reason".into()));
    pass(door, 3_000);
}

#[test]
fn a_recorded_session_is_the_same_run() {
    let mut door = door();
    session(&mut door);
    let inputs = door.take_inputs();
    assert!(inputs.len() > 300, "{}", inputs.len());
    let again = Arc::new(Setup { inputs, ..setup() });
    let until = SimTime(door.now().0 - 1);
    let mut world = World::new(Arc::clone(&again));
    let mut entries = Vec::new();
    while world.next_at().is_some_and(|next| next <= until) && world.step(&mut entries) {}
    assert_eq!(world.digest(), door.world().digest());
    assert_eq!((world.entries(), world.steps()), (door.world().entries(), door.world().steps()));
    // With history, too, and back and forth in it.
    let mut run = Run::new(again);
    run.play_until(until, u64::MAX);
    assert_eq!(run.world().digest(), world.digest());
    let middle = run.world().steps() / 2;
    run.go_to(middle);
    run.play_until(until, u64::MAX);
    assert_eq!(run.world().digest(), world.digest());
}

#[test]
fn the_same_session_twice_is_the_same() {
    let digests = [(); 2].map(|()| {
        let mut door = door();
        session(&mut door);
        door.world().digest()
    });
    assert_eq!(digests[0], digests[1]);
}
