//! A server in a process of its own, and what talks to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use terrarium::base::Rope;
use terrarium::protocol::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic};
use terrarium::protocol::messages::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse};
use terrarium::protocol::messages::produce::{
    PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData,
};
use terrarium::protocol::{ErrorCode, Message, decode_response, encode_request};
use terrarium::storage::{BatchBuilder, BatchOptions};

/// Whoever waits longer than this waits for ever: a test that hangs fails.
const GIVE_UP: Duration = Duration::from_secs(60);

/// A running `terrarium serve`; killed when it goes out of scope.
pub(crate) struct Server {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    pub(crate) brokers: Vec<String>,
    control: String,
}

impl Server {
    /// On free ports, with a control interface, and with these arguments.
    pub(crate) fn start(args: &[&str]) -> Server {
        let mut child = Command::new(env!("CARGO_BIN_EXE_terrarium"))
            .args(["serve", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"])
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut said = [const { String::new() }; 3];
        said.iter_mut().for_each(|line| {
            out.read_line(line).unwrap();
        });
        let brokers = said[0].trim().strip_prefix("bootstrap.servers=").expect("where to connect");
        let control = said[1].trim().strip_prefix("control: http://").expect("where to control");
        Server {
            brokers: brokers.split(',').map(str::to_owned).collect(),
            control: control.trim_end_matches('/').to_owned(),
            child,
            out,
        }
    }

    /// Ends it as Ctrl-C does, or as who asks for an end; returns what else it said.
    pub(crate) fn end(mut self, signal: &str) -> (ExitStatus, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let mut said = String::new();
        self.out.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap(), said)
    }

    /// A socket to a broker, with nothing said yet.
    pub(crate) fn socket(&self, broker: usize) -> TcpStream {
        let socket = TcpStream::connect(&self.brokers[broker - 1]).unwrap();
        socket.set_read_timeout(Some(GIVE_UP)).unwrap();
        socket.set_write_timeout(Some(GIVE_UP)).unwrap();
        socket
    }

    /// A client of a broker.
    pub(crate) fn client(&self, broker: usize) -> Client {
        Client { socket: self.socket(broker), correlation_id: 0 }
    }

    /// A client of the only partition's leader of a topic that is created if need be.
    pub(crate) fn leader(&self, topic: &str) -> Client {
        let mut client = self.client(1);
        loop {
            let answer = client.metadata(topic);
            let partition = answer.topics.first().and_then(|topic| topic.partitions.first());
            match partition.map(|partition| partition.leader_id) {
                Some(leader) if leader > 0 => return self.client(leader as usize),
                _ => {}
            }
        }
    }

    /// The status and the body of the control interface's answer.
    pub(crate) fn http(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let mut socket = TcpStream::connect(&self.control).unwrap();
        socket.set_read_timeout(Some(GIVE_UP)).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        socket.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
        (status, serde_json::from_str(body).unwrap_or(Value::String(body.to_owned())))
    }

    /// Does this to the world; it must not be refused.
    pub(crate) fn command(&self, json: &str) {
        let (status, answer) = self.http("POST", "/commands", json);
        assert_eq!(status, 200, "{json}: {answer}");
    }

    pub(crate) fn summary(&self) -> Value {
        let (status, summary) = self.http("GET", "/summary", "");
        assert_eq!(status, 200);
        summary
    }

    /// Asks for the summary until it is as wanted.
    pub(crate) fn wait_for(&self, what: &str, fine: impl Fn(&Value) -> bool) {
        for _ in 0..6_000 {
            if fine(&self.summary()) {
                return;
            }
            // Meanwhile ten milliseconds pass in the world, and so outside.
            self.command(r#"{"do":"advance","ms":10}"#);
        }
        panic!("{what}: {}", self.summary());
    }

    /// How much memory it has.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1_024
    }

    /// Why connections were ended, as the trace has it.
    pub(crate) fn rejections(&self) -> Vec<String> {
        let (_, trace) = self.http("GET", "/trace?limit=20000", "");
        let entries = trace["entries"].as_array().unwrap();
        let reasons = entries.iter().filter(|entry| entry["kind"] == "request_rejected");
        reasons.map(|entry| entry["reason"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A small client.
pub(crate) struct Client {
    pub(crate) socket: TcpStream,
    correlation_id: i32,
}

impl Client {
    /// Asks and waits for the answer.
    pub(crate) fn ask<Q: Message, A: Message>(&mut self, version: i16, request: &Q) -> A {
        self.correlation_id += 1;
        self.socket.write_all(&request_of(version, self.correlation_id, request)).unwrap();
        let (correlation_id, answer) = decode_response(&self.answer().unwrap(), version).unwrap();
        assert_eq!(correlation_id, self.correlation_id);
        answer
    }

    /// The next answer; `None` when the other side has closed.
    pub(crate) fn answer(&mut self) -> Option<Bytes> {
        let mut size = [0; 4];
        self.socket.read_exact(&mut size).ok()?;
        let mut answer = vec![0; u32::from_be_bytes(size) as usize];
        self.socket.read_exact(&mut answer).unwrap();
        Some(answer.into())
    }

    pub(crate) fn metadata(&mut self, topic: &str) -> MetadataResponse {
        let topics = vec![MetadataRequestTopic { name: Some(topic.into()), ..Default::default() }];
        self.ask(9, &MetadataRequest { topics: Some(topics), ..Default::default() })
    }

    /// Sends records with these values to partition 0 and waits; returns the first one's offset.
    pub(crate) fn produce(&mut self, topic: &str, acks: i16, values: &[&str]) -> i64 {
        let answer: ProduceResponse = self.ask(9, &produce(topic, acks, values));
        let partition = &answer.responses[0].partition_responses[0];
        assert_eq!(partition.error_code, ErrorCode::None);
        partition.base_offset
    }

    /// How many bytes of records there are from an offset on, and the high watermark.
    pub(crate) fn fetch(&mut self, topic: &str, offset: i64) -> (usize, i64) {
        let answer: FetchResponse = self.ask(11, &fetch(topic, offset));
        let partition = &answer.responses[0].partitions[0];
        assert_eq!(partition.error_code, ErrorCode::None);
        (partition.records.as_ref().map_or(0, Rope::len), partition.high_watermark)
    }
}

/// A request as it goes over a socket.
pub(crate) fn request_of<Q: Message>(version: i16, correlation_id: i32, request: &Q) -> Vec<u8> {
    let bytes = encode_request(version, correlation_id, "test", request).unwrap();
    [&(bytes.len() as u32).to_be_bytes(), &bytes[..]].concat()
}

pub(crate) fn produce(topic: &str, acks: i16, values: &[&str]) -> ProduceRequest {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    for value in values {
        builder.try_push(now_ms(), None, Some(value.as_bytes()), &[]).unwrap();
    }
    let partition = PartitionProduceData { index: 0, records: Some(builder.build()) };
    let data = TopicProduceData { name: topic.into(), partition_data: vec![partition], ..Default::default() };
    ProduceRequest { acks, timeout_ms: 30_000, topic_data: vec![data], ..Default::default() }
}

/// Older records would soon be deleted.
#[allow(clippy::disallowed_types, reason = "records are stamped by whoever sends them")]
fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    now.as_millis() as i64
}

pub(crate) fn fetch(topic: &str, offset: i64) -> FetchRequest {
    let partition =
        FetchPartition { fetch_offset: offset, partition_max_bytes: 100_000_000, ..Default::default() };
    let topic = FetchTopic { topic: topic.into(), partitions: vec![partition], ..Default::default() };
    FetchRequest { max_bytes: 100_000_000, topics: vec![topic], ..Default::default() }
}

/// A file for one test, not there yet.
pub(crate) fn file(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_file(&path);
    path
}

/// What `terrarium run` says of a recording: the digest.
pub(crate) fn replayed(path: &std::path::Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_terrarium"))
        .args(["run", path.to_str().unwrap(), "--summary", "json"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    summary["digest"].as_str().unwrap().to_owned()
}
