//! A door to a small cluster, and requests to send through it.

use std::sync::Arc;

use bytes::Bytes;
use terrarium::base::{ConnId, SimTime};
use terrarium::edge::{Door, DoorOptions, Output};
use terrarium::protocol::messages::api_versions::ApiVersionsRequest;
use terrarium::protocol::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use terrarium::protocol::{Message, encode_request};
use terrarium::scenario::{Files, Scenario};
use terrarium::sim::{Command, Setup};

pub(crate) const SCENARIO: &str = r#"{
    "title": "door", "seed": 5,
    "cluster": {"brokers": 3, "advertised": ["127.0.0.1:9092", "127.0.0.1:9093", "127.0.0.1:9094"]},
    "topics": [{"name": "orders", "partitions": 3, "replication_factor": 3}],
    "producers": [{"name": "shop", "workload": {"sources": [{"topic": "orders", "every_ms": 7, "value": "order {n}"}]}}]
}"#;

pub(crate) fn setup() -> Setup {
    Scenario::parse(SCENARIO).unwrap().build(None, &Files::new()).unwrap()
}

pub(crate) fn door() -> Door {
    let options = DoorOptions { recorded: true, ..DoorOptions::default() };
    let mut door = Door::new(Arc::new(setup()), options);
    assert!(door.warm_up(SimTime(60_000_000)), "the cluster comes up");
    door
}

pub(crate) fn framed(bytes: &[u8]) -> Bytes {
    [&(bytes.len() as u32).to_be_bytes(), bytes].concat().into()
}

pub(crate) fn request<M: Message>(version: i16, correlation_id: i32, body: &M) -> Bytes {
    framed(&encode_request(version, correlation_id, "test", body).unwrap())
}

pub(crate) fn versions(correlation_id: i32) -> Bytes {
    let body =
        ApiVersionsRequest { client_software_name: "test".into(), client_software_version: "1".into() };
    request(3, correlation_id, &body)
}

pub(crate) fn metadata(correlation_id: i32, topic: &str) -> Bytes {
    let topics = vec![MetadataRequestTopic { name: Some(topic.into()), ..Default::default() }];
    request(9, correlation_id, &MetadataRequest { topics: Some(topics), ..Default::default() })
}

/// Lets so many milliseconds pass.
pub(crate) fn pass(door: &mut Door, ms: u64) {
    assert!(door.advance(door.now() + ms * 1_000, u64::MAX));
}

/// What came out for this connection: correlation ids, and why it was closed.
pub(crate) fn heard(door: &mut Door, wanted: ConnId) -> String {
    let mut said = Vec::new();
    while let Some(output) = door.next_output() {
        match output {
            Output::Frame { conn, bytes } if conn == wanted => {
                said.push(i32::from_be_bytes(bytes.whole()[..4].try_into().unwrap()).to_string());
            }
            Output::Closed { conn, reason } if conn == wanted => said.push(format!("closed: {reason}")),
            _ => {}
        }
    }
    said.join(" ")
}

pub(crate) fn command(json: &str) -> Command {
    serde_json::from_str(json).unwrap()
}
