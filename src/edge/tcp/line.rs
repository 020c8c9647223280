//! One socket: read while the world wants more, written as fast as the other side takes it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::rc::Rc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::base::{ConnId, Rope};
use crate::edge::tcp::server::{Inbound, Mailbox};

/// The least that is read at a time; more when more is there.
const READ_MIN_BYTES: usize = 8 * 1024;
const READ_MAX_BYTES: usize = 2 * 1024 * 1024;
/// So many requests the world is told at once: each may be answered with many bytes.
const REQUESTS_AT_ONCE: u32 = 4;
/// Whoever leaves so many bytes of answers lie is not read from.
const UNREAD_MANY_BYTES: usize = 1024 * 1024;
/// Whoever leaves so many lie is hung up on: a few of the largest answers to a fetch.
const UNREAD_MAX_BYTES: usize = 256 * 1024 * 1024;
/// Whoever takes nothing for so long while answers lie is hung up on.
const STALLED_MAX: Duration = Duration::from_secs(60);
/// Pieces handed to the operating system at once.
const SLICES: usize = 64;

/// A connected socket.
#[derive(Debug)]
pub(super) struct Line {
    stream: TcpStream,
    changed: Notify,
    conn: Cell<Option<ConnId>>,
    may_read: Cell<bool>,
    inbox: RefCell<Inbox>,
    partial: RefCell<BytesMut>,
    closing: Cell<bool>,
    read_bytes: Cell<usize>,
    progress: Cell<Instant>,
    out: RefCell<VecDeque<Bytes>>,
    out_bytes: Cell<usize>,
}

/// What was read and is not yet told. A request is a length in four bytes and so many bytes.
#[derive(Debug, Default)]
struct Inbox {
    data: Bytes,
    prefix: u32,
    prefix_bytes: u32,
    left: usize,
}

impl Inbox {
    fn next(&mut self) -> Option<Bytes> {
        let (mut at, mut whole) = (0, 0);
        while at < self.data.len() && whole < REQUESTS_AT_ONCE {
            if self.left > 0 {
                let part = self.left.min(self.data.len() - at);
                at += part;
                self.left -= part;
                whole += u32::from(self.left == 0);
                continue;
            }
            self.prefix = self.prefix << 8 | u32::from(self.data[at]);
            self.prefix_bytes += 1;
            at += 1;
            if self.prefix_bytes == 4 {
                // What this says of nonsense is for the world to judge, which then hangs up.
                (self.left, self.prefix_bytes) = (self.prefix as usize, 0);
            }
        }
        (at > 0).then(|| self.data.split_to(at))
    }
}

impl Line {
    pub(super) fn new(stream: TcpStream) -> Line {
        // Answers are written whole: there is nothing to wait for.
        let _ = stream.set_nodelay(true);
        Line {
            stream,
            changed: Notify::new(),
            conn: Cell::new(None),
            may_read: Cell::new(false),
            inbox: RefCell::default(),
            partial: RefCell::default(),
            closing: Cell::new(false),
            read_bytes: Cell::new(READ_MIN_BYTES),
            progress: Cell::new(Instant::now()),
            out: RefCell::default(),
            out_bytes: Cell::new(0),
        }
    }

    /// Its name in the world, once it has one.
    pub(super) fn conn(&self) -> Option<ConnId> {
        self.conn.get()
    }

    pub(super) fn is_known_as(&self, conn: ConnId) {
        self.conn.set(Some(conn));
    }

    /// Whether it may be read from, as far as what lies for it goes.
    pub(super) fn keeps_up(&self) -> bool {
        self.out_bytes.get() <= UNREAD_MANY_BYTES
    }

    /// Adds what was read to what the world is to be told.
    pub(super) fn has_brought(&self, data: Bytes) {
        self.inbox.borrow_mut().data = data;
    }

    /// The next few requests of what was read, or a part of one; `None` when it is all told.
    pub(super) fn next_requests(&self) -> Option<Bytes> {
        self.inbox.borrow_mut().next()
    }

    /// How many bytes the request has that is not yet whole; 0 when there is none.
    pub(super) fn announced(&self) -> u64 {
        let inbox = self.inbox.borrow();
        if inbox.left > 0 { u64::from(inbox.prefix) } else { 0 }
    }

    /// Lets one more piece be read.
    pub(super) fn read_on(&self) {
        self.may_read.set(true);
        self.changed.notify_one();
    }

    /// Adds an answer to what is to be written.
    pub(super) fn put(&self, answer: &Rope) {
        let mut out = self.out.borrow_mut();
        if out.is_empty() {
            self.progress.set(Instant::now());
        }
        let size = answer.len();
        self.out_bytes.set(self.out_bytes.get() + size + 4);
        out.push_back(Bytes::copy_from_slice(&(size as u32).to_be_bytes()));
        out.extend(answer.pieces().iter().cloned());
    }

    /// Writes what the other side takes. `Err`: it is gone, or the reason to hang up on it.
    pub(super) fn write(&self) -> Result<(), Option<String>> {
        self.try_write().map_err(|_| None)?;
        if self.out_bytes.get() > UNREAD_MAX_BYTES {
            return Err(Some(format!("{} bytes of answers were not read", self.out_bytes.get())));
        }
        if self.out_bytes.get() > 0 {
            self.changed.notify_one();
        }
        Ok(())
    }

    fn try_write(&self) -> io::Result<()> {
        let mut out = self.out.borrow_mut();
        while !out.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let mut count = 0;
            for (slice, bytes) in slices.iter_mut().zip(out.iter()) {
                *slice = IoSlice::new(bytes);
                count += 1;
            }
            let mut written = match self.stream.try_write_vectored(&slices[..count]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            self.progress.set(Instant::now());
            self.out_bytes.set(self.out_bytes.get().saturating_sub(written));
            while let Some(first) = out.front_mut().filter(|first| first.len() <= written) {
                written -= first.len();
                out.pop_front();
            }
            if let Some(first) = out.front_mut() {
                first.advance(written);
            }
        }
        Ok(())
    }

    /// Ends it when all is written; at once when nobody is there to read.
    pub(super) fn close(&self, at_once: bool) {
        if at_once {
            self.out.borrow_mut().clear();
            self.out_bytes.set(0);
        }
        self.closing.set(true);
        self.changed.notify_one();
    }

    /// What the socket does until it ends.
    pub(super) async fn run(self: Rc<Line>, mailbox: Rc<Mailbox>) {
        loop {
            let writing = self.out_bytes.get() > 0;
            let reading = self.may_read.get() && !self.closing.get();
            if self.closing.get() && !writing {
                return;
            }
            let stalled = self.progress.get() + STALLED_MAX;
            tokio::select! {
                () = self.changed.notified() => {}
                _ = self.stream.readable(), if reading => match self.read() {
                    Ok(data) if data.is_empty() => {}
                    Ok(data) => {
                        self.may_read.set(false);
                        mailbox.put(Inbound::Bytes(Rc::clone(&self), data));
                    }
                    Err(_) => {
                        mailbox.put(Inbound::Gone(Rc::clone(&self), None));
                        self.close(true);
                    }
                },
                _ = self.stream.writable(), if writing => if self.try_write().is_err() {
                    mailbox.put(Inbound::Gone(Rc::clone(&self), None));
                    self.close(true);
                } else if self.keeps_up() {
                    mailbox.wake();
                },
                () = sleep_until(stalled), if writing => {
                    let why = format!("{} bytes of answers were not read for a minute", self.out_bytes.get());
                    mailbox.put(Inbound::Gone(Rc::clone(&self), Some(why)));
                    self.close(true);
                }
            }
        }
    }

    /// What is there; empty when there was nothing after all, or not yet enough of a request.
    fn read(&self) -> io::Result<Bytes> {
        let left = self.inbox.borrow().left.min(READ_MAX_BYTES);
        let mut data = self.partial.take();
        if data.capacity() == 0 {
            data = BytesMut::with_capacity(self.read_bytes.get().max(left));
        }
        let most = data.capacity();
        let mut ended = false;
        while data.len() < most {
            match self.stream.try_read_buf(&mut data) {
                Ok(0) if data.is_empty() => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(0) => {
                    ended = true;
                    break;
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        if data.len() < left && !ended {
            // The world has no use for less.
            self.partial.replace(data);
            return Ok(Bytes::new());
        }
        if data.len() >= most {
            self.read_bytes.set((most * 4).min(READ_MAX_BYTES));
        } else if data.len() < most / 4 {
            self.read_bytes.set((most / 2).max(READ_MIN_BYTES));
        }
        Ok(data.freeze())
    }
}
