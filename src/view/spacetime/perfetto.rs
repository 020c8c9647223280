//! A trace in the form that Perfetto and `chrome://tracing` open: the Chrome trace-event format
//! (its JSON object form; times in microseconds).
//!
//! Each node is a process. Its threads: whether it runs; what happened, as instant events; the
//! requests it made, from the moment they left to the moment their answer arrived; the requests it
//! served. Flow arrows lead from request to service and back to the answer. What overlaps goes to
//! threads of its own, because slices of one thread must lie inside one another.

use std::fmt::Write;

use crate::base::{ConnId, FrameKind, Map, NodeId, SimTime};
use crate::trace::{Entry, Event, Frame};
use crate::view::words::{Names, category, frame_label, sentence, title};

/// The threads of a process.
const STATE: u32 = 1;
const EVENTS: u32 = 2;
const ASKED: u32 = 100;
const SERVED: u32 = 1_000;

/// A request by its connection and number.
type Key = (ConnId, i32);

#[derive(Clone, Debug)]
struct Request {
    seq: u64,
    client: NodeId,
    server: NodeId,
    name: String,
    label: String,
    version: i16,
    bytes: u32,
    sent: SimTime,
    /// When it arrived, and by which entry.
    taken: Option<(SimTime, u64)>,
    /// When the answer left.
    answered: Option<SimTime>,
}

/// Reads a trace, entry by entry, and writes it anew.
#[derive(Clone, Debug)]
pub struct Perfetto {
    text: String,
    open: Map<Key, Request>,
    /// For each node and kind of thread, until when each is taken.
    lanes: Map<(NodeId, u32), Vec<SimTime>>,
    nodes: Map<NodeId, Option<(SimTime, &'static str)>>,
    end: SimTime,
}

impl Default for Perfetto {
    fn default() -> Perfetto {
        Perfetto {
            text: "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n".to_owned(),
            open: Map::new(),
            lanes: Map::new(),
            nodes: Map::new(),
            end: SimTime::ZERO,
        }
    }
}

impl Perfetto {
    /// Takes the next entry of a trace.
    pub fn read(&mut self, entry: &Entry, names: &Names) {
        self.end = self.end.max(entry.time);
        self.nodes.entry(entry.node).or_default();
        match &entry.event {
            Event::Sent { conn, to, frame } => self.sent(entry, *conn, *to, frame, names),
            Event::Received { conn, frame, .. } => self.received(entry, *conn, frame, names),
            Event::Lost { conn, frame, .. } => {
                self.instant(entry, names);
                let key = (*conn, frame.info.correlation_id);
                if let Some(request) = self.open.remove(&key) {
                    let how = match frame.info.kind {
                        FrameKind::Request => "lost",
                        FrameKind::Response => "its answer was lost",
                    };
                    self.close(&request, entry.time, how, None);
                }
            }
            _ => {
                self.instant(entry, names);
                self.life(entry);
            }
        }
    }

    /// What of the file is written already, and was not taken before.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// The rest of the file. Requests without an answer and running nodes end with the trace.
    pub fn finish(mut self, names: &Names) -> String {
        let end = self.end + 1;
        for request in std::mem::take(&mut self.open).into_values() {
            self.close(&request, end, "no answer by the end of the trace", None);
        }
        let states: Vec<_> = self.nodes.iter().filter_map(|(node, state)| Some((*node, (*state)?))).collect();
        for (node, (since, state)) in states {
            self.slice(node, STATE, since, end, state, "node", "");
        }
        let mut text = self.take();
        for (node, _) in self.nodes.iter() {
            let name = quoted(&names.node(*node));
            let _ = writeln!(
                text,
                "{{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":{node},\"args\":{{\"name\":{name}}}}},"
            );
            for (thread, name) in [(STATE, "state"), (EVENTS, "events")] {
                thread_name(&mut text, *node, thread, name);
            }
        }
        for ((node, base), lanes) in self.lanes.iter() {
            let name = if *base == ASKED { "requests made" } else { "requests served" };
            for (lane, _) in lanes.iter().enumerate() {
                thread_name(&mut text, *node, base + lane as u32, name);
            }
        }
        // Without a comma behind it, for it is the last.
        text +=
            "{\"ph\":\"M\",\"name\":\"process_labels\",\"pid\":0,\"args\":{\"labels\":\"Terrarium\"}}\n]}\n";
        text
    }

    fn sent(&mut self, entry: &Entry, conn: ConnId, to: NodeId, frame: &Frame, names: &Names) {
        let key = (conn, frame.info.correlation_id);
        if frame.info.kind == FrameKind::Response {
            if let Some(request) = self.open.get_mut(&key) {
                request.answered = Some(entry.time);
            }
            return;
        }
        let request = Request {
            seq: entry.seq,
            client: entry.node,
            server: to,
            name: crate::view::words::api_label(frame.info.api_key),
            label: frame_label(frame, names),
            version: frame.info.api_version,
            bytes: frame.size_bytes,
            sent: entry.time,
            taken: None,
            answered: None,
        };
        if let Some(before) = self.open.insert(key, request) {
            self.close(&before, entry.time, "no answer", None);
        }
    }

    fn received(&mut self, entry: &Entry, conn: ConnId, frame: &Frame, names: &Names) {
        let key = (conn, frame.info.correlation_id);
        if frame.info.kind == FrameKind::Request {
            if let Some(request) = self.open.get_mut(&key) {
                request.taken = Some((entry.time, entry.seq));
            }
            return;
        }
        if let Some(request) = self.open.remove(&key) {
            self.close(&request, entry.time, "answered", Some((entry.seq, frame_label(frame, names))));
        }
    }

    /// A request is over: its slices, and the arrows between them.
    fn close(&mut self, request: &Request, end: SimTime, how: &str, answer: Option<(u64, String)>) {
        let end = end.max(request.sent + 2);
        let asked = ASKED + self.lane(request.client, ASKED, request.sent, end);
        let mut args = format!(
            "\"event\":{},\"asks\":{},\"api_version\":{},\"size_bytes\":{},\"outcome\":{}",
            request.seq,
            quoted(&request.label),
            request.version,
            request.bytes,
            quoted(how)
        );
        if let Some((_, label)) = &answer {
            let _ = write!(args, ",\"answer\":{}", quoted(label));
        }
        self.slice(request.client, asked, request.sent, end, &request.name, "request", &args);
        let Some((taken, seq)) = request.taken else { return };
        let until = request.answered.unwrap_or(end).max(taken + 1);
        let served = SERVED + self.lane(request.server, SERVED, taken, until);
        let args = format!("\"event\":{seq},\"from\":{}", request.client);
        self.slice(request.server, served, taken, until, &request.name, "service", &args);
        self.flow(request.seq, (request.client, asked, request.sent), (request.server, served, taken));
        if let (Some((arrival, label)), Some(answered)) = (answer, request.answered) {
            // The arrow back needs a slice to end in: the last microsecond of the request.
            let last = end - 1;
            let args = format!("\"event\":{arrival}");
            self.slice(request.client, asked, last, end, &label, "response", &args);
            let left = answered.max(taken + 1) - 1;
            self.flow(arrival, (request.server, served, left), (request.client, asked, last));
        }
    }

    /// The first thread of a kind that is free for so long.
    fn lane(&mut self, node: NodeId, base: u32, from: SimTime, to: SimTime) -> u32 {
        let lanes = self.lanes.entry((node, base)).or_default();
        let lane = lanes.iter().position(|taken| *taken <= from).unwrap_or(lanes.len());
        if lane == lanes.len() {
            lanes.push(to);
        } else {
            lanes[lane] = to;
        }
        lane as u32
    }

    fn slice(
        &mut self,
        node: NodeId,
        thread: u32,
        from: SimTime,
        to: SimTime,
        name: &str,
        cat: &str,
        args: &str,
    ) {
        let _ = writeln!(
            self.text,
            "{{\"ph\":\"X\",\"name\":{},\"cat\":\"{cat}\",\"pid\":{node},\"tid\":{thread},\"ts\":{},\"dur\":{},\"args\":{{{args}}}}},",
            quoted(name),
            from.0,
            to.since(from).max(1)
        );
    }

    fn flow(&mut self, id: u64, from: (NodeId, u32, SimTime), to: (NodeId, u32, SimTime)) {
        for (phase, (node, thread, at)) in [("\"s\"", from), ("\"f\",\"bp\":\"e\"", to)] {
            let _ = writeln!(
                self.text,
                "{{\"ph\":{phase},\"name\":\"frame\",\"cat\":\"frame\",\"id\":{id},\"pid\":{node},\"tid\":{thread},\"ts\":{}}},",
                at.0
            );
        }
    }

    fn instant(&mut self, entry: &Entry, names: &Names) {
        let _ = writeln!(
            self.text,
            "{{\"ph\":\"i\",\"s\":\"t\",\"name\":{},\"cat\":\"{}\",\"pid\":{},\"tid\":{EVENTS},\"ts\":{},\"args\":{{\"event\":{},\
             \"cause\":{},\"says\":{}}}}},",
            quoted(&title(entry, names)),
            category(&entry.event).label(),
            entry.node,
            entry.time.0,
            entry.seq,
            entry.cause,
            quoted(&sentence(entry, names))
        );
    }

    fn life(&mut self, entry: &Entry) {
        let state = match entry.event {
            Event::NodeStarted | Event::NodeResumed => Some("running"),
            Event::NodePaused => Some("paused"),
            Event::NodeKilled | Event::NodeStopped | Event::PowerLost { .. } => Some("down"),
            _ => return,
        };
        let before = self.nodes.insert(entry.node, state.map(|state| (entry.time, state))).flatten();
        if let Some((since, state)) = before {
            self.slice(entry.node, STATE, since, entry.time, state, "node", "");
        }
    }
}

fn thread_name(text: &mut String, node: NodeId, thread: u32, name: &str) {
    let _ = writeln!(
        text,
        "{{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":{node},\"tid\":{thread},\"args\":{{\"name\":\"{name}\"}}}},"
    );
}

/// Text inside JSON.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if u32::from(c) < 0x20 => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
