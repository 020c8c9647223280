//! Clients that mean no good, or die, or are many.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use terrarium::base::Rng;
use terrarium::protocol::messages::api_versions::ApiVersionsRequest;

use crate::rig::{Server, fetch, file, produce, request_of};

/// Nothing more comes; whether that is said with an end or with a reset is the same to us.
fn is_closed(socket: &mut TcpStream) -> bool {
    loop {
        match socket.read(&mut [0; 1024]) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == ErrorKind::ConnectionReset,
        }
    }
}

#[test]
fn garbage_is_hung_up_on_with_a_reason() {
    let server = Server::start(&[]);
    let mut good = server.client(1);
    let too_large = 104_857_601_u32.to_be_bytes();
    let tiny = [0, 0, 0, 2, 1, 2];
    let unknown = [0, 0, 0, 8, 3, 231, 0, 0, 0, 0, 0, 1];
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 64], &too_large, &tiny, &unknown] {
        let mut socket = server.socket(1);
        socket.write_all(garbage).unwrap();
        assert!(is_closed(&mut socket), "{garbage:?}");
    }
    let said = server.rejections().join("\n");
    for reason in [
        "a request of 1195725856 bytes, more than socket.request.max.bytes=104857600",
        "a request of -1 bytes",
        "a request of 104857601 bytes, more than",
        "a request of 2 bytes has no room for its header",
        "999",
    ] {
        assert!(said.contains(reason), "{reason} is not in:\n{said}");
    }
    good.metadata("t");
}

#[test]
fn clients_that_die_in_the_middle_of_everything_hurt_nobody() {
    let server = Server::start(&[]);
    let mut good = server.leader("orders");
    let mut rng = Rng::stream(3, "deaths");
    let first = request_of(9, 1, &produce("orders", -1, &["dead"; 50]));
    let stream = [
        first.clone(),
        request_of(11, 2, &fetch("orders", 0)),
        request_of(9, 3, &produce("orders", 1, &["dead"; 500])),
        request_of(9, 4, &produce("orders", 0, &["dead"])),
    ]
    .concat();
    for round in 0..200 {
        let mut socket = server.socket(1 + round % 3);
        let cut = rng.below(stream.len() as u64 + 1) as usize;
        socket.write_all(&stream[..cut]).unwrap();
        if round % 3 == 0 && cut >= first.len() {
            // What it was sent is not read: the other side hears of a reset, not of an end.
            let _ = socket.read(&mut [0; 1]);
        }
        drop(socket);
        if round % 20 == 0 {
            good.produce("orders", -1, &["alive"]);
        }
    }
    let offset = good.produce("orders", -1, &["alive"]);
    assert!(offset >= 10);
    assert_eq!(good.fetch("orders", 0).1, offset + 1);
    server.wait_for("the dead are forgotten", |it| it["connections"].as_u64() <= Some(2));
}

#[test]
fn a_thousand_idle_connections_are_no_burden() {
    let server = Server::start(&[]);
    let mut idle: Vec<TcpStream> = (0..1_000).map(|number| server.socket(1 + number % 3)).collect();
    server.wait_for("all are there", |it| it["connections"].as_u64() >= Some(1_000));
    let mut good = server.leader("orders");
    for round in 0..100 {
        assert_eq!(good.produce("orders", 1, &["x"]), round);
    }
    // Each of them can still speak.
    for socket in &mut idle {
        socket.write_all(&request_of(3, 7, &ApiVersionsRequest::default())).unwrap();
        let mut answer = [0; 8];
        socket.read_exact(&mut answer).unwrap();
        assert_eq!(answer[4..], 7_i32.to_be_bytes());
    }
    drop(idle);
    server.wait_for("they are gone", |it| it["connections"].as_u64() <= Some(2));
}

#[test]
fn whoever_does_not_read_is_not_read_from() {
    let server = Server::start(&[]);
    let mut good = server.leader("orders");
    let value = "x".repeat(500_000);
    let count = 20;
    for _ in 0..count {
        good.produce("orders", 1, &[&value]);
    }
    // Ten megabytes of answers for each of these, and nobody takes them.
    let mut greedy = server.leader("orders");
    greedy.socket.set_nonblocking(true).unwrap();
    let request = request_of(11, 1, &fetch("orders", 0));
    let mut asked = 0;
    while asked < 10_000 {
        match greedy.socket.write(&request) {
            Ok(written) if written == request.len() => asked += 1,
            _ => break,
        }
    }
    assert_eq!(good.fetch("orders", 0).1, count);
    let memory = server.memory_bytes();
    assert!(memory < 600_000_000, "{memory} bytes for {asked} requests");
    // It still gets what it asked for.
    greedy.socket.set_nonblocking(false).unwrap();
    for _ in 0..20 {
        assert!(greedy.answer().is_some_and(|answer| answer.len() > 9_000_000));
    }
}

#[test]
fn many_large_requests_at_once_wait_for_one_another() {
    let scenario = file("small-pool.json");
    let text = r#"{"title": "small pool", "cluster": {"configs": {"queued.max.request.bytes": 1000000}}}"#;
    std::fs::write(&scenario, text).unwrap();
    let server = Server::start(&["--scenario", scenario.to_str().unwrap()]);
    let mut good = server.leader("orders");
    let value = "x".repeat(900_000);
    let request = request_of(9, 1, &produce("orders", 1, &[&value]));
    let (first, rest) = request.split_at(200_000);
    // Two of them have room, half sent; whoever comes then is not read from.
    let mut begun = [server.leader("orders"), server.leader("orders")];
    for client in &mut begun {
        client.socket.write_all(first).unwrap();
        good.produce("orders", 1, &["small"]);
    }
    let mut late = server.leader("orders");
    late.socket.write_all(first).unwrap();
    late.socket.set_nonblocking(true).unwrap();
    let mut sent = first.len();
    // What lies in sockets on the way is no more than these take.
    for _ in 0..50 {
        sent += late.socket.write(&request[sent..]).unwrap_or(0);
        good.produce("orders", 1, &["small"]);
    }
    let waits = late.socket.peek(&mut [0; 1]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
    assert!(waits, "nobody answers it");
    late.socket.set_nonblocking(false).unwrap();
    for client in &mut begun {
        client.socket.write_all(rest).unwrap();
        assert!(client.answer().is_some());
    }
    late.socket.write_all(&request[sent..]).unwrap();
    assert!(late.answer().is_some(), "there is room again");
}

#[test]
fn a_hundred_busy_clients_are_all_served() {
    let server = Server::start(&[]);
    let mut clients: Vec<_> = (0..100).map(|_| server.leader("orders")).collect();
    let mut next = 0;
    for _ in 0..10 {
        // All ask, and then all hear.
        for client in &mut clients {
            client.socket.write_all(&request_of(9, 1, &produce("orders", -1, &["a", "b", "c"]))).unwrap();
        }
        for client in &mut clients {
            assert!(client.answer().is_some());
            next += 3;
        }
    }
    assert_eq!(clients[0].fetch("orders", 0).1, next);
}
