//! Reading: requests at the server, replies and events at its clients, and both for whoever looks at the bytes.

use bytes::Bytes;

use super::{API_BASE, CLOSE, CONNECT, Change, Connect, Fault, Op, Reply, WATCH_XID};
use crate::protocol::{Dissection, Span};
use crate::zookeeper::Stat;

/// Longest path or text that is read.
const TEXT_MAX: usize = 1 << 16;
/// Operations of a `multi` that are read.
const MULTI_MAX: usize = 1_024;
/// Spans that a dissection holds.
const SPANS_MAX: usize = 20_000;

/// Reads a frame; every reader gives `None` when the bytes end too soon or make no sense.
struct In<'a> {
    frame: &'a Bytes,
    at: usize,
    depth: u8,
    spans: Option<Vec<Span>>,
}

impl<'a> In<'a> {
    fn of(frame: &'a Bytes) -> In<'a> {
        In { frame, at: 0, depth: 0, spans: None }
    }

    fn recording(frame: &'a Bytes) -> In<'a> {
        In { spans: Some(Vec::new()), ..In::of(frame) }
    }

    fn dissection(self) -> Dissection {
        Dissection { spans: self.spans.unwrap_or_default(), error: None }
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let bytes = self.frame.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(bytes)
    }

    fn note(&mut self, name: &str, from: usize, value: impl FnOnce() -> String) {
        let (depth, to) = (self.depth, self.at);
        if let Some(spans) = self.spans.as_mut().filter(|spans| spans.len() < SPANS_MAX) {
            let (start, end) = (from as u32, to as u32);
            spans.push(Span { name: name.to_owned(), depth, start, end, value: value() });
        }
    }

    fn int(&mut self, name: &str) -> Option<i32> {
        let from = self.at;
        let value = i32::from_be_bytes(self.take(4)?.try_into().ok()?);
        self.note(name, from, || value.to_string());
        Some(value)
    }

    fn long(&mut self, name: &str) -> Option<i64> {
        let from = self.at;
        let value = i64::from_be_bytes(self.take(8)?.try_into().ok()?);
        self.note(name, from, || value.to_string());
        Some(value)
    }

    fn flag(&mut self, name: &str) -> Option<bool> {
        let from = self.at;
        let value = self.take(1)?[0] != 0;
        self.note(name, from, || value.to_string());
        Some(value)
    }

    fn buffer(&mut self, name: &str) -> Option<Bytes> {
        let from = self.at;
        let count = i32::from_be_bytes(self.take(4)?.try_into().ok()?);
        let count = usize::try_from(count.max(0)).ok()?;
        self.take(count)?;
        let value = self.frame.slice(self.at - count..self.at);
        self.note(name, from, || match std::str::from_utf8(&value) {
            Ok(text) if !text.contains(char::is_control) => text.to_owned(),
            _ => format!("{count} bytes"),
        });
        Some(value)
    }

    fn text(&mut self, name: &str) -> Option<String> {
        let from = self.at;
        let count = i32::from_be_bytes(self.take(4)?.try_into().ok()?);
        let count = usize::try_from(count.max(0)).ok().filter(|count| *count <= TEXT_MAX)?;
        let text = std::str::from_utf8(self.take(count)?).ok()?.to_owned();
        self.note(name, from, || format!("\"{text}\""));
        Some(text)
    }

    fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        let count = self.int(name)?;
        self.depth += 1;
        let texts = (0..count).map(|index| self.text(&format!("[{index}]"))).collect();
        self.depth -= 1;
        texts
    }

    fn connect(&mut self) -> Option<Connect> {
        self.int("protocolVersion")?;
        let last_zxid = self.long("lastZxidSeen")?;
        let timeout_ms = self.int("timeOut")?;
        let session = self.long("sessionId")?;
        let password = self.buffer("passwd")?;
        self.flag("readOnly")?;
        Some(Connect { last_zxid, timeout_ms, session, password })
    }

    fn connected(&mut self) -> Option<(i32, i64, Bytes)> {
        self.int("protocolVersion")?;
        let answer = (self.int("timeOut")?, self.long("sessionId")?, self.buffer("passwd")?);
        self.flag("readOnly")?;
        Some(answer)
    }

    fn op(&mut self, code: i32, in_multi: bool) -> Option<Op> {
        let code = i16::try_from(code).ok()?;
        Some(match code {
            1 => {
                let (path, data) = (self.text("path")?, self.buffer("data")?);
                for _ in 0..self.int("acl")?.clamp(0, 100) {
                    self.depth += 1;
                    self.int("perms")?;
                    self.text("scheme")?;
                    self.text("id")?;
                    self.depth -= 1;
                }
                Op::Create { path, data, ephemeral: self.int("flags")? & 1 != 0 }
            }
            2 => Op::Delete { path: self.text("path")?, version: self.int("version")? },
            3 => Op::Exists { path: self.text("path")?, watch: self.flag("watch")? },
            4 => Op::GetData { path: self.text("path")?, watch: self.flag("watch")? },
            5 => Op::SetData {
                path: self.text("path")?,
                data: self.buffer("data")?,
                version: self.int("version")?,
            },
            8 => Op::GetChildren { path: self.text("path")?, watch: self.flag("watch")? },
            13 => Op::Check { path: self.text("path")?, version: self.int("version")? },
            _ if in_multi => return None,
            11 => Op::Ping,
            14 => Op::Multi(self.multi()?),
            101 => {
                let (since, data) = (self.long("relativeZxid")?, self.texts("dataWatches")?);
                self.texts("existWatches")?;
                Op::SetWatches { since, data, children: self.texts("childWatches")? }
            }
            CLOSE => Op::Close,
            _ => return None,
        })
    }

    fn multi(&mut self) -> Option<Vec<Op>> {
        let mut ops = Vec::new();
        loop {
            let (code, done, _) = (self.int("type")?, self.flag("done")?, self.int("err")?);
            if done || ops.len() >= MULTI_MAX {
                return Some(ops);
            }
            self.depth += 1;
            ops.push(self.op(code, true)?);
            self.depth -= 1;
        }
    }

    fn stat(&mut self) -> Option<Stat> {
        self.depth += 1;
        let (czxid, mzxid) = (self.long("czxid")?, self.long("mzxid")?);
        let (ctime, mtime) = (self.long("ctime")?, self.long("mtime")?);
        let (version, cversion) = (self.int("version")?, self.int("cversion")?);
        self.int("aversion")?;
        let ephemeral_owner = self.long("ephemeralOwner")?;
        let (data_length, num_children) = (self.int("dataLength")?, self.int("numChildren")?);
        let pzxid = self.long("pzxid")?;
        self.depth -= 1;
        Some(Stat {
            czxid,
            mzxid,
            ctime,
            mtime,
            version,
            cversion,
            ephemeral_owner,
            data_length,
            num_children,
            pzxid,
        })
    }

    fn reply(&mut self, code: i16) -> Option<Reply> {
        Some(match code {
            1 => Reply::Created(self.text("path")?),
            3 | 5 => Reply::Stat(self.stat()?),
            4 => Reply::Data(self.buffer("data")?, self.stat()?),
            8 => Reply::Children(self.texts("children")?),
            14 => {
                let mut results = Vec::new();
                loop {
                    let (code, done, error) = (self.int("type")?, self.flag("done")?, self.int("err")?);
                    if done || results.len() >= MULTI_MAX {
                        break Reply::Multi(results);
                    }
                    self.depth += 1;
                    results.push(match code {
                        -1 => Err(Fault(self.int("err").unwrap_or(error))),
                        code => Ok(self.reply(i16::try_from(code).ok()?)?),
                    });
                    self.depth -= 1;
                }
            }
            _ => Reply::Done,
        })
    }
}

pub(in crate::zookeeper) fn decode_connect(frame: &Bytes) -> Option<Connect> {
    In::of(frame).connect()
}

/// The timeout, the session and its password.
pub(in crate::zookeeper) fn decode_connected(frame: &Bytes) -> Option<(i32, i64, Bytes)> {
    In::of(frame).connected()
}

/// Its xid and what it wants; of what is not known, only the xid.
pub(in crate::zookeeper) fn decode_request(frame: &Bytes) -> Option<(i32, Option<Op>)> {
    let mut input = In::of(frame);
    let (xid, code) = (input.int("xid")?, input.int("type")?);
    Some((xid, input.op(code, false)))
}

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::zookeeper) enum Told {
    /// To a request with this xid: the transaction that it saw, and what came of it. The reply's bytes are read
    /// by whoever knows what was asked.
    Reply { xid: i32, zxid: i64, fault: Fault },
    /// A watch.
    Event(Change, String),
}

pub(in crate::zookeeper) fn decode_told(frame: &Bytes) -> Option<Told> {
    let mut input = In::of(frame);
    let (xid, zxid, error) = (input.int("xid")?, input.long("zxid")?, input.int("err")?);
    if xid != WATCH_XID {
        return Some(Told::Reply { xid, zxid, fault: Fault(error) });
    }
    let change = Change::of_code(input.int("type")?)?;
    input.int("state")?;
    Some(Told::Event(change, input.text("path")?))
}

/// The body of a reply to `op`.
pub(in crate::zookeeper) fn decode_reply(frame: &Bytes, op: &Op) -> Option<Reply> {
    let mut input = In::of(frame);
    input.take(16)?;
    input.reply(op.code())
}

/// Which bytes of a request are which field.
pub fn dissect_request(frame: &Bytes, api_key: i16) -> Dissection {
    let mut input = In::recording(frame);
    if api_key.saturating_sub(API_BASE) == CONNECT {
        let _ = input.connect();
    } else if let (Some(_), Some(code)) = (input.int("xid"), input.int("type")) {
        let _ = input.op(code, false);
    }
    input.dissection()
}

/// Which bytes of a reply, or of a watch event, are which field.
pub fn dissect_reply(frame: &Bytes, api_key: i16) -> Dissection {
    let mut input = In::recording(frame);
    match api_key.saturating_sub(API_BASE) {
        CONNECT => {
            let _ = input.connected();
        }
        code => {
            let header = (input.int("xid"), input.long("zxid"), input.int("err"));
            match header {
                (Some(WATCH_XID), ..) => {
                    let _ = (input.int("type"), input.int("state"), input.text("path"));
                }
                (_, _, Some(0)) => {
                    let _ = input.reply(code);
                }
                _ => {}
            }
        }
    }
    input.dissection()
}
