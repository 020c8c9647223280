//! The control interface: looking, breaking, and putting the time on.

use std::io::Read;
use std::net::TcpStream;

use crate::rig::Server;

#[test]
fn a_killed_broker_hangs_up_and_refuses_until_it_is_restarted() {
    let server = Server::start(&[]);
    let mut client = server.client(2);
    client.metadata("t");
    server.command(r#"{"do":"kill","node":"broker-2"}"#);
    assert!(client.answer().is_none(), "its connections are closed");
    let mut refused = 0;
    // Whoever is just about to be accepted may still get through, and is hung up on.
    for _ in 0..50 {
        match TcpStream::connect(&server.brokers[1]) {
            Err(_) => refused += 1,
            Ok(mut socket) => assert!(matches!(socket.read(&mut [0; 1]), Ok(0) | Err(_))),
        }
    }
    assert!(refused > 40, "{refused}");
    server.client(1).metadata("t");
    server.command(r#"{"do":"restart","node":"broker-2"}"#);
    server.wait_for("broker 2 is up", |it| it["brokers"][1]["up"] == true);
    for _ in 0..1_000 {
        if TcpStream::connect(&server.brokers[1]).is_ok() {
            break;
        }
        server.command(r#"{"do":"advance","ms":1}"#);
    }
    server.client(2).metadata("t");
}

#[test]
fn the_time_can_be_put_on() {
    let server = Server::start(&[]);
    let before = server.summary()["t_ms"].as_u64().unwrap();
    assert!(server.summary()["records"].is_null(), "nobody counts them");
    let (status, answer) = server.http("POST", "/advance", r#"{"ms": 45000}"#);
    assert_eq!(status, 200);
    assert!(answer["t_ms"].as_u64() >= Some(before + 45_000), "{answer}");
    let (_, answer) = server.http("POST", "/commands", r#"[{"do":"advance","ms":3600000}]"#);
    assert!(answer["t_ms"].as_u64() >= Some(before + 3_645_000), "{answer}");
    server.client(1).metadata("t");
}

#[test]
fn the_trace_is_read_page_by_page() {
    let server = Server::start(&[]);
    server.client(1).metadata("t");
    let (mut after, mut pages) = (0, 0);
    loop {
        let (status, page) = server.http("GET", &format!("/trace?after={after}&limit=50"), "");
        assert_eq!(status, 200);
        let entries = page["entries"].as_array().unwrap();
        if entries.is_empty() {
            break;
        }
        let numbers: Vec<_> = entries.iter().map(|entry| entry["seq"].as_u64().unwrap()).collect();
        assert!(numbers.iter().zip(after + 1..).all(|(found, wanted)| *found == wanted));
        assert_eq!(page["missed"], false);
        after = page["next"].as_u64().unwrap();
        pages += 1;
    }
    assert!(pages > 3, "{pages}");
}

#[test]
fn mistakes_are_told_and_nothing_is_done() {
    let server = Server::start(&[]);
    let check = |method: &str, path: &str, body: &str, status: u16, said: &str| {
        let (found, answer) = server.http(method, path, body);
        let error = answer["error"].as_str().unwrap_or_else(|| panic!("{method} {path} {body}: {answer}"));
        assert_eq!(found, status, "{method} {path} {body}: {error}");
        assert!(error.contains(said), "{method} {path} {body}: {error}");
    };
    check("GET", "/nothing", "", 404, "/nothing");
    check("PUT", "/summary", "", 405, "PUT");
    check("GET", "/commands", "", 405, "GET");
    check("GET", "/trace?after=x", "", 400, "after: expected a whole number, found 'x'");
    check("GET", "/trace?before=1", "", 400, "no 'before' is known here");
    check("POST", "/commands", "{", 400, "EOF");
    check("POST", "/commands", r#"{"do":"explode"}"#, 400, "explode");
    check("POST", "/commands", r#"{"do":"kill"}"#, 400, "node");
    check("POST", "/commands", r#"{"do":"kill","node":"broker-9"}"#, 409, "broker-9");
    check("POST", "/commands", r#"{"do":"advance","ms":-1}"#, 400, "ms");
    check("POST", "/advance", r#"{"ms":604800001}"#, 400, "at most");
    let hang_up = r#"{"do":"hang_up","client":"a","conn":1}"#;
    check("POST", "/commands", hang_up, 400, "programs outside");
    check("POST", "/commands", &"[".repeat(2_000_000), 413, "length");
    let half = r#"[{"do":"kill","node":"broker-1"},{"do":"kill"}]"#;
    check("POST", "/commands", half, 400, "node");
    assert_eq!(server.summary()["brokers"][0]["up"], true);
}
