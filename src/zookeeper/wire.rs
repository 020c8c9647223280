//! ZooKeeper's wire format ("jute"): requests, replies and watch events. Every reader can also note which
//! bytes are which field.
//!
//! In the world's frames, [`FrameInfo::api_key`] is [`API_BASE`] plus ZooKeeper's number of the operation and
//! the correlation id is the xid.

mod read;

use bytes::{BufMut, Bytes, BytesMut};

use crate::base::{FrameInfo, FrameKind};
use crate::zookeeper::Stat;

pub(super) use read::{Told, decode_connect, decode_connected, decode_reply, decode_request, decode_told};
pub use read::{dissect_reply, dissect_request};

/// ZooKeeper's operations are counted from here on, far from Kafka's APIs.
pub const API_BASE: i16 = 10_000;

/// The xid of watch events.
pub(super) const WATCH_XID: i32 = -1;
/// The xid of pings.
pub(super) const PING_XID: i32 = -2;
/// The xid of `setWatches`.
pub(super) const SET_WATCHES_XID: i32 = -8;

/// What is wrong with a request, by ZooKeeper's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault(pub i32);

impl Fault {
    /// Another operation of the same `multi` failed.
    pub const RUNTIME_INCONSISTENCY: Fault = Fault(-2);
    /// The server does not do this.
    pub const UNIMPLEMENTED: Fault = Fault(-6);
    /// A path that is none.
    pub const BAD_ARGUMENTS: Fault = Fault(-8);
    /// There is no such znode.
    pub const NO_NODE: Fault = Fault(-101);
    /// The znode has another version.
    pub const BAD_VERSION: Fault = Fault(-103);
    /// An ephemeral znode has no children.
    pub const NO_CHILDREN_FOR_EPHEMERALS: Fault = Fault(-108);
    /// There is a znode of this path.
    pub const NODE_EXISTS: Fault = Fault(-110);
    /// The znode has children.
    pub const NOT_EMPTY: Fault = Fault(-111);
    /// The session is over.
    pub const SESSION_EXPIRED: Fault = Fault(-112);

    /// ZooKeeper's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Fault(0) => "OK",
            Fault::RUNTIME_INCONSISTENCY => "RUNTIMEINCONSISTENCY",
            Fault::UNIMPLEMENTED => "UNIMPLEMENTED",
            Fault::BAD_ARGUMENTS => "BADARGUMENTS",
            Fault::NO_NODE => "NONODE",
            Fault::BAD_VERSION => "BADVERSION",
            Fault::NO_CHILDREN_FOR_EPHEMERALS => "NOCHILDRENFOREPHEMERALS",
            Fault::NODE_EXISTS => "NODEEXISTS",
            Fault::NOT_EMPTY => "NOTEMPTY",
            Fault::SESSION_EXPIRED => "SESSIONEXPIRED",
            _ => "an error",
        }
    }
}

/// What a watch looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Watch {
    /// A znode's data, or whether it is there.
    Data,
    /// Which children it has.
    Children,
}

/// What a watch tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The znode was created.
    Created,
    /// It was deleted.
    Deleted,
    /// Its data changed.
    Data,
    /// It has other children.
    Children,
}

impl Change {
    fn code(self) -> i32 {
        match self {
            Change::Created => 1,
            Change::Deleted => 2,
            Change::Data => 3,
            Change::Children => 4,
        }
    }

    fn of_code(code: i32) -> Option<Change> {
        [Change::Created, Change::Deleted, Change::Data, Change::Children]
            .into_iter()
            .find(|change| change.code() == code)
    }

    /// ZooKeeper's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Change::Created => "NodeCreated",
            Change::Deleted => "NodeDeleted",
            Change::Data => "NodeDataChanged",
            Change::Children => "NodeChildrenChanged",
        }
    }
}

/// What a session is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Connect {
    pub(super) last_zxid: i64,
    pub(super) timeout_ms: i32,
    pub(super) session: i64,
    pub(super) password: Bytes,
}

/// An operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Makes a znode; an ephemeral one goes when its session ends.
    Create {
        /// Where.
        path: String,
        /// What it holds.
        data: Bytes,
        /// Whether it belongs to the session.
        ephemeral: bool,
    },
    /// Removes a znode that has this version (−1: any) and no children.
    Delete {
        /// Where.
        path: String,
        /// Which version.
        version: i32,
    },
    /// Whether a znode is there; a watch tells when that changes.
    Exists {
        /// Where.
        path: String,
        /// Whether to leave a watch.
        watch: bool,
    },
    /// What a znode holds.
    GetData {
        /// Where.
        path: String,
        /// Whether to leave a watch.
        watch: bool,
    },
    /// Has a znode of this version (−1: any) hold something else.
    SetData {
        /// Where.
        path: String,
        /// What it holds then.
        data: Bytes,
        /// Which version.
        version: i32,
    },
    /// The names of a znode's children.
    GetChildren {
        /// Where.
        path: String,
        /// Whether to leave a watch.
        watch: bool,
    },
    /// In a `multi`: a znode has this version.
    Check {
        /// Where.
        path: String,
        /// Which version.
        version: i32,
    },
    /// All of these or none.
    Multi(Vec<Op>),
    /// After a reconnect: watches that the client still has.
    SetWatches {
        /// The last transaction that the client has seen.
        since: i64,
        /// Watches of data.
        data: Vec<String>,
        /// Watches of children.
        children: Vec<String>,
    },
    /// Nothing, to show that the client lives.
    Ping,
    /// Ends the session.
    Close,
}

impl Op {
    /// ZooKeeper's number of the operation.
    pub fn code(&self) -> i16 {
        match self {
            Op::Create { .. } => 1,
            Op::Delete { .. } => 2,
            Op::Exists { .. } => 3,
            Op::GetData { .. } => 4,
            Op::SetData { .. } => 5,
            Op::GetChildren { .. } => 8,
            Op::Ping => 11,
            Op::Check { .. } => 13,
            Op::Multi(_) => 14,
            Op::SetWatches { .. } => 101,
            Op::Close => CLOSE,
        }
    }

    /// Whether it goes to the transaction log.
    pub fn is_write(&self) -> bool {
        matches!(self, Op::Create { .. } | Op::Delete { .. } | Op::SetData { .. } | Op::Multi(_) | Op::Close)
    }

    /// The znode that it is about, of several the last.
    pub fn path(&self) -> &str {
        match self {
            Op::Create { path, .. }
            | Op::Delete { path, .. }
            | Op::Exists { path, .. }
            | Op::GetData { path, .. }
            | Op::SetData { path, .. }
            | Op::GetChildren { path, .. }
            | Op::Check { path, .. } => path,
            Op::Multi(ops) => ops.last().map_or("", Op::path),
            Op::SetWatches { .. } | Op::Ping | Op::Close => "",
        }
    }
}

const CONNECT: i16 = -10;
const CLOSE: i16 = -11;

/// What came of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Nothing to tell.
    Done,
    /// The path of what was created.
    Created(String),
    /// How the znode is.
    Stat(Stat),
    /// What it holds, and how it is.
    Data(Bytes, Stat),
    /// Its children's names.
    Children(Vec<String>),
    /// Of each operation of a `multi`.
    Multi(Vec<Result<Reply, Fault>>),
}

/// Whether a frame with this key is ZooKeeper's and not Kafka's.
pub fn speaks_zookeeper(api_key: i16) -> bool {
    (API_BASE - 20..API_BASE + 200).contains(&api_key)
}

/// ZooKeeper's name of the operation with this key.
pub fn op_name(api_key: i16) -> &'static str {
    match api_key.saturating_sub(API_BASE) {
        CONNECT => "connect",
        CLOSE => "closeSession",
        0 => "watch event",
        1 => "create",
        2 => "delete",
        3 => "exists",
        4 => "getData",
        5 => "setData",
        8 => "getChildren",
        11 => "ping",
        13 => "check",
        14 => "multi",
        101 => "setWatches",
        _ => "operation",
    }
}

/// What the world is told of a frame.
pub(super) fn info(kind: FrameKind, code: i16, xid: i32) -> FrameInfo {
    FrameInfo { kind, api_key: API_BASE + code, api_version: 0, correlation_id: xid }
}

pub(super) fn info_of_connect(kind: FrameKind) -> FrameInfo {
    info(kind, CONNECT, 0)
}

// ---- writing ----

fn put_bytes(out: &mut BytesMut, bytes: &[u8]) {
    out.put_i32(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
    out.put_slice(bytes);
}

fn put_texts(out: &mut BytesMut, texts: &[String]) {
    out.put_i32(i32::try_from(texts.len()).unwrap_or(i32::MAX));
    texts.iter().for_each(|text| put_bytes(out, text.as_bytes()));
}

fn put_op(out: &mut BytesMut, op: &Op) {
    match op {
        Op::Create { path, data, ephemeral } => {
            put_bytes(out, path.as_bytes());
            put_bytes(out, data);
            // Everybody may do everything.
            out.put_i32(1);
            out.put_i32(31);
            put_bytes(out, b"world");
            put_bytes(out, b"anyone");
            out.put_i32(i32::from(*ephemeral));
        }
        Op::Delete { path, version } | Op::Check { path, version } => {
            put_bytes(out, path.as_bytes());
            out.put_i32(*version);
        }
        Op::Exists { path, watch } | Op::GetData { path, watch } | Op::GetChildren { path, watch } => {
            put_bytes(out, path.as_bytes());
            out.put_u8(u8::from(*watch));
        }
        Op::SetData { path, data, version } => {
            put_bytes(out, path.as_bytes());
            put_bytes(out, data);
            out.put_i32(*version);
        }
        Op::Multi(ops) => {
            for op in ops {
                put_multi_header(out, op.code(), false, -1);
                put_op(out, op);
            }
            put_multi_header(out, -1, true, -1);
        }
        Op::SetWatches { since, data, children } => {
            out.put_i64(*since);
            put_texts(out, data);
            put_texts(out, &[]);
            put_texts(out, children);
        }
        Op::Ping | Op::Close => {}
    }
}

fn put_multi_header(out: &mut BytesMut, code: i16, done: bool, error: i32) {
    out.put_i32(i32::from(code));
    out.put_u8(u8::from(done));
    out.put_i32(error);
}

fn put_stat(out: &mut BytesMut, stat: &Stat) {
    out.put_i64(stat.czxid);
    out.put_i64(stat.mzxid);
    out.put_i64(stat.ctime);
    out.put_i64(stat.mtime);
    out.put_i32(stat.version);
    out.put_i32(stat.cversion);
    out.put_i32(0);
    out.put_i64(stat.ephemeral_owner);
    out.put_i32(stat.data_length);
    out.put_i32(stat.num_children);
    out.put_i64(stat.pzxid);
}

fn put_reply(out: &mut BytesMut, reply: &Reply, ops: &[Op]) {
    match reply {
        Reply::Done => {}
        Reply::Created(path) => put_bytes(out, path.as_bytes()),
        Reply::Stat(stat) => put_stat(out, stat),
        Reply::Data(data, stat) => {
            put_bytes(out, data);
            put_stat(out, stat);
        }
        Reply::Children(names) => put_texts(out, names),
        Reply::Multi(results) => {
            for (result, op) in results.iter().zip(ops) {
                match result {
                    Ok(reply) => {
                        put_multi_header(out, op.code(), false, 0);
                        put_reply(out, reply, &[]);
                    }
                    Err(fault) => {
                        put_multi_header(out, -1, false, fault.0);
                        out.put_i32(fault.0);
                    }
                }
            }
            put_multi_header(out, -1, true, -1);
        }
    }
}

pub(super) fn encode_connect(asked: &Connect) -> Bytes {
    let mut out = BytesMut::with_capacity(45);
    out.put_i32(0);
    out.put_i64(asked.last_zxid);
    out.put_i32(asked.timeout_ms);
    out.put_i64(asked.session);
    put_bytes(&mut out, &asked.password);
    out.put_u8(0);
    out.freeze()
}

pub(super) fn encode_connected(timeout_ms: i32, session: i64, password: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(37);
    out.put_i32(0);
    out.put_i32(timeout_ms);
    out.put_i64(session);
    put_bytes(&mut out, password);
    out.put_u8(0);
    out.freeze()
}

pub(super) fn encode_request(xid: i32, op: &Op) -> Bytes {
    let mut out = BytesMut::with_capacity(64);
    out.put_i32(xid);
    out.put_i32(i32::from(op.code()));
    put_op(&mut out, op);
    out.freeze()
}

pub(super) fn encode_reply(xid: i32, zxid: i64, op: &Op, result: &Result<Reply, Fault>) -> Bytes {
    let mut out = BytesMut::with_capacity(128);
    out.put_i32(xid);
    out.put_i64(zxid);
    out.put_i32(result.as_ref().err().map_or(0, |fault| fault.0));
    if let Ok(reply) = result {
        let ops = if let Op::Multi(ops) = op { &ops[..] } else { &[] };
        put_reply(&mut out, reply, ops);
    }
    out.freeze()
}

pub(super) fn encode_event(change: Change, path: &str) -> Bytes {
    let mut out = BytesMut::with_capacity(64);
    out.put_i32(WATCH_XID);
    out.put_i64(-1);
    out.put_i32(0);
    out.put_i32(change.code());
    // Connected.
    out.put_i32(3);
    put_bytes(&mut out, path.as_bytes());
    out.freeze()
}

#[cfg(test)]
#[path = "wire/wire_test.rs"]
mod wire_test;
