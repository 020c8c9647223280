//! How a server begins and ends, and what it leaves.

use std::net::TcpListener;
use std::process::Command;

use crate::rig::{Server, file, replayed};

fn terrarium(args: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_terrarium")).args(args).output().unwrap()
}

/// Ends with 2 and one line.
fn check_refused(args: &[&str], said: &str) {
    let output = terrarium(args);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{args:?}: {error}");
    assert!(error.contains(said), "{args:?}: {error}");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_port_in_use_is_one_clear_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = taken.local_addr().unwrap().to_string();
    let said = format!("error: {place} is in use already");
    check_refused(&["serve", "--listen", &place], &said);
    check_refused(&["serve", "--listen", "127.0.0.1:0", "--control", &place], &said);
    check_refused(&["serve", "--listen", "127.0.0.1:65535"], "there are no 3 ports from 65535 on");
}

#[test]
fn what_cannot_be_served_is_refused() {
    check_refused(&["serve", "--listen", "127.0.0.1:0", "--scenario", "nowhere.json"], "nowhere.json: ");
    let nowhere = ["serve", "--listen", "127.0.0.1:0", "--record", "no/such/folder/rec"];
    check_refused(&nowhere, "no/such/folder/rec: ");
    assert_eq!(terrarium(&["serve", "--speed", "0"]).status.code(), Some(2));
    assert_eq!(terrarium(&["serve", "--listen", "9092"]).status.code(), Some(2));
    assert_eq!(terrarium(&["serve", "--brokers", "0"]).status.code(), Some(2));
}

#[test]
fn brokers_advertise_where_they_listen() {
    let server = Server::start(&["--brokers", "4"]);
    assert_eq!(server.brokers.len(), 4);
    for broker in 1..=4 {
        let answer = server.client(broker).metadata("t");
        let said: Vec<_> = answer.brokers.iter().map(|it| format!("{}:{}", it.host, it.port)).collect();
        assert_eq!(said, server.brokers);
    }
}

#[test]
fn brokers_advertise_what_they_are_told_to() {
    let server = Server::start(&["--advertise", "localhost", "--brokers", "1"]);
    assert!(server.brokers[0].starts_with("localhost:"));
    let answer = server.client(1).metadata("t");
    assert_eq!(answer.brokers[0].host, "localhost");
    for wrong in ["", "a b", "kafka:9092", "[::1]:9092"] {
        let args = ["serve", "--listen", "127.0.0.1:0", "--advertise", wrong];
        assert_eq!(terrarium(&args).status.code(), Some(2), "{wrong}");
    }
}

#[test]
fn a_recording_finds_data_that_were_taken_along_with_it() {
    let home = file("taken-along");
    let _ = std::fs::remove_dir_all(&home);
    let (data, recorded) = (home.join("here/data"), home.join("here/recorded"));
    std::fs::create_dir_all(&data).unwrap();
    std::fs::create_dir_all(&recorded).unwrap();
    std::fs::write(data.join("riders.csv"), "rider,at\nAda,north\nBen,south\n").unwrap();
    let scenario = r#"{"title": "Replay", "topics": [{"name": "t", "replication_factor": 3}], "producers":
        [{"name": "p", "data": {"file": "riders.csv", "topic": "t", "columns": {"key": "rider"}}}]}"#;
    std::fs::write(data.join("replay.json"), scenario).unwrap();
    let path = recorded.join("session.jsonl");
    let (played, path) = (data.join("replay.json"), path.to_str().unwrap());
    let server = Server::start(&["--scenario", played.to_str().unwrap(), "--record", path]);
    server.command(r#"{"do":"advance","ms":5000}"#);
    assert_eq!(server.summary()["records"]["acknowledged"], 2);
    let (status, said) = server.end("-INT");
    assert!(status.success(), "{said}");
    std::fs::rename(home.join("here"), home.join("there")).unwrap();
    let digest = said.trim().rsplit_once("digest ").unwrap().1.to_owned();
    assert_eq!(replayed(&home.join("there/recorded/session.jsonl")), digest);
}

#[test]
fn brokers_may_be_numbered_from_0() {
    let server = Server::start(&["--first-broker-id", "0", "--brokers", "2"]);
    let mut client = server.client(1);
    let leader = loop {
        let answer = client.metadata("t");
        assert_eq!(answer.brokers.iter().map(|it| it.node_id).collect::<Vec<_>>(), [0, 1]);
        match answer.topics[0].partitions.first() {
            Some(partition) if partition.leader_id >= 0 => break partition.leader_id as usize,
            _ => {}
        }
    };
    assert_eq!(server.client(leader + 1).produce("t", -1, &["a", "b"]), 0);
    server.command(r#"{"do":"kill","node":"broker-0"}"#);
    assert_eq!(server.summary()["brokers"][0], serde_json::json!({ "id": 0, "up": false }));
    server.command(r#"{"do":"restart","node":"broker-0"}"#);
    server.wait_for("broker 0 has its records again", |it| {
        it["brokers"][0]["up"] == true && it["topics"][0]["partitions"][0]["high_watermark"] == 2
    });
}

#[test]
fn a_scenario_is_served_with_all_that_it_has() {
    let server = Server::start(&["--scenario", "hello", "--speed", "10"]);
    server.wait_for("the scenario's producer sends", |it| {
        let topics = it["topics"].as_array().unwrap();
        let partitions = topics.iter().flat_map(|topic| topic["partitions"].as_array().unwrap());
        partitions.filter(|it| it["high_watermark"].as_u64() > Some(0)).count() > 1
    });
    assert_eq!(server.client(1).metadata("test-topic").topics[0].partitions.len(), 3);
}

#[test]
fn every_interrupted_recording_is_the_same_run_again() {
    for (signal, brokers) in [("-INT", "3"), ("-TERM", "1")] {
        let path = file(&format!("recorded{signal}"));
        let server = Server::start(&["--brokers", brokers, "--record", path.to_str().unwrap()]);
        let mut client = server.leader("orders");
        for round in 0..20 {
            assert_eq!(client.produce("orders", -1, &["a", "b"]), 2 * round);
        }
        assert_eq!(client.fetch("orders", 0).1, 40);
        assert_eq!(server.summary()["records"]["lost"], 0);
        server.command(r#"[{"do":"kill","node":"broker-1"},{"do":"advance","ms":20000}]"#);
        server.command(r#"{"do":"restart","node":"broker-1"}"#);
        server.command(r#"{"do":"advance","ms":20000}"#);
        assert_eq!(server.leader("orders").produce("orders", -1, &["c"]), 40);
        let (status, said) = server.end(signal);
        assert!(status.success(), "{said}");
        let digest = said.trim().rsplit_once("digest ").unwrap().1.to_owned();
        assert_eq!(replayed(&path), digest);
    }
}

#[test]
fn a_killed_server_leaves_what_was_answered() {
    let path = file("recorded-kill");
    let server = Server::start(&["--record", path.to_str().unwrap()]);
    assert_eq!(server.leader("orders").produce("orders", -1, &["a", "b", "c"]), 0);
    server.end("-KILL");
    let output = terrarium(&["run", path.to_str().unwrap(), "--summary", "json"]);
    assert!(output.status.success());
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["topics"][0]["partitions"][0]["log_end_offset"].as_i64(), Some(3), "{summary}");
}
