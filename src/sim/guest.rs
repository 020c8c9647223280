//! A guest: what stands in the world for a program outside. Its connections go over the
//! world's links like everybody's; what it says comes in as raw bytes, and what it hears is in
//! the trace, for whoever keeps the door.
//!
//! Frames are cut out of the stream of bytes here, inside the world, so that the bytes and
//! their times are all that a recording needs. Source: Kafka documentation, *Protocol Guide ›
//! Common Request and Response Structure*.

use bytes::{Buf, Bytes, BytesMut};

use crate::base::{ConnId, FrameInfo, FrameKind, Map};
use crate::trace::Frame;

const PREFIX_BYTES: usize = 4;
/// The shortest header of a request: key, version, correlation id.
const HEADER_BYTES: usize = 8;
/// Pieces of a frame shorter than this are put together at once: somebody may send single bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// A program outside, with its connections.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Guest {
    lines: Map<ConnId, Inbox>,
    last_conn: u32,
}

impl Guest {
    /// How many connections it has.
    pub fn connections(&self) -> u32 {
        self.lines.len() as u32
    }

    /// Takes note of a connection to a broker with this `socket.request.max.bytes`.
    pub(super) fn connected(&mut self, conn: ConnId, number: u32, max_request_bytes: u32) {
        self.last_conn = number;
        self.lines.insert(conn, Inbox { max_request_bytes, pieces: Vec::new(), unread: 0 });
    }

    /// Whether a connection may have this number: they only rise.
    pub(super) fn is_free(&self, number: u32) -> bool {
        number > self.last_conn
    }

    pub(super) fn forget(&mut self, conn: ConnId) {
        self.lines.remove(&conn);
    }

    pub(super) fn forget_all(&mut self) {
        self.lines.clear();
    }

    /// Takes bytes in; the frames that are whole now go to `frames`. `Err` tells why the broker
    /// does not want to read on. Bytes of a connection that has ended are nobody's.
    pub(super) fn hear(&mut self, conn: ConnId, data: &Bytes, frames: &mut Vec<Frame>) -> Result<(), String> {
        match self.lines.get_mut(&conn) {
            Some(inbox) => inbox.hear(data.clone(), frames),
            None => Ok(()),
        }
    }
}

/// The bytes of a connection of which no frame could be made yet.
#[derive(Clone, Debug, PartialEq)]
struct Inbox {
    max_request_bytes: u32,
    pieces: Vec<Bytes>,
    unread: usize,
}

impl Inbox {
    fn hear(&mut self, mut data: Bytes, frames: &mut Vec<Frame>) -> Result<(), String> {
        // Whatever begins in an earlier piece is put together first.
        while self.unread > 0 && !data.is_empty() {
            let wanted = match self.announced()? {
                Some(size) => PREFIX_BYTES + size - self.unread,
                None => PREFIX_BYTES - self.unread,
            };
            let piece = data.split_to(wanted.min(data.len()));
            self.keep(piece);
            if self.announced()?.is_some_and(|size| self.unread == PREFIX_BYTES + size) {
                let mut whole = self.take();
                whole.advance(PREFIX_BYTES);
                frames.push(framed(whole)?);
            }
        }
        while data.len() >= PREFIX_BYTES {
            let size = self.size_of(&data)?;
            if data.len() < PREFIX_BYTES + size {
                break;
            }
            data.advance(PREFIX_BYTES);
            frames.push(framed(data.split_to(size))?);
        }
        if !data.is_empty() {
            self.keep(data);
        }
        Ok(())
    }

    /// The size that the length prefix announces, once it is there.
    fn announced(&self) -> Result<Option<usize>, String> {
        let mut prefix = [0; PREFIX_BYTES];
        let mut have = 0;
        for piece in &self.pieces {
            let part = piece.len().min(PREFIX_BYTES - have);
            prefix[have..have + part].copy_from_slice(&piece[..part]);
            have += part;
            if have == PREFIX_BYTES {
                return self.size_of(&prefix).map(Some);
            }
        }
        Ok(None)
    }

    /// What the broker's socket server says of a length prefix.
    fn size_of(&self, data: &[u8]) -> Result<usize, String> {
        let prefix = data.first_chunk::<PREFIX_BYTES>().copied().unwrap_or_default();
        let size = i32::from_be_bytes(prefix);
        match u32::try_from(size) {
            Ok(known) if known <= self.max_request_bytes => Ok(known as usize),
            Ok(_) => Err(format!(
                "a request of {size} bytes, more than socket.request.max.bytes={}",
                self.max_request_bytes
            )),
            Err(_) => Err(format!("a request of {size} bytes")),
        }
    }

    /// Puts a piece away. Small neighbours become one, the way one counts in binary: however
    /// the bytes come in, there are few pieces and each byte is copied a few times at most.
    fn keep(&mut self, piece: Bytes) {
        self.unread += piece.len();
        let mut piece = piece;
        while let Some(last) = self.pieces.last()
            && last.len() < PIECE_BYTES
            && last.len() <= piece.len().max(PREFIX_BYTES) * 2
        {
            let mut joined = BytesMut::with_capacity(last.len() + piece.len());
            joined.extend_from_slice(last);
            joined.extend_from_slice(&piece);
            piece = joined.freeze();
            self.pieces.pop();
        }
        self.pieces.push(piece);
    }

    fn take(&mut self) -> Bytes {
        let mut pieces = std::mem::take(&mut self.pieces);
        let unread = std::mem::take(&mut self.unread);
        if pieces.len() == 1 {
            return pieces.remove(0);
        }
        let mut whole = BytesMut::with_capacity(unread);
        pieces.iter().for_each(|piece| whole.extend_from_slice(piece));
        whole.freeze()
    }
}

fn framed(bytes: Bytes) -> Result<Frame, String> {
    let mut header = bytes
        .get(..HEADER_BYTES)
        .ok_or_else(|| format!("a request of {} bytes has no room for its header", bytes.len()))?;
    let info = FrameInfo {
        kind: FrameKind::Request,
        api_key: header.get_i16(),
        api_version: header.get_i16(),
        correlation_id: header.get_i32(),
    };
    Ok(Frame { info, size_bytes: bytes.len() as u32, bytes: bytes.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const CONN: ConnId = ConnId(1);

    fn guest() -> Guest {
        let mut guest = Guest::default();
        guest.connected(CONN, 1, 200_000);
        guest
    }

    fn request(size: usize, fill: u8) -> Vec<u8> {
        let mut bytes = (size as u32).to_be_bytes().to_vec();
        bytes.extend(vec![fill; size]);
        bytes
    }

    /// The same three requests, however they are cut.
    fn check(cut: usize) {
        let stream = [request(8, 1), request(150_000, 2), request(9, 3)].concat();
        let (mut guest, mut frames) = (guest(), Vec::new());
        for data in stream.chunks(cut) {
            guest.hear(CONN, &Bytes::copy_from_slice(data), &mut frames).expect("good frames");
            assert!(guest.lines[&CONN].pieces.len() < 24, "{} pieces", guest.lines[&CONN].pieces.len());
        }
        let found: Vec<_> = frames.iter().map(|frame| (frame.bytes.len(), frame.bytes.whole()[0])).collect();
        assert_eq!(found, [(8, 1), (150_000, 2), (9, 3)], "cut into {cut}");
        assert!(
            frames
                .iter()
                .map(|frame| frame.bytes.whole())
                .all(|bytes| bytes.iter().all(|byte| *byte == bytes[0]))
        );
        assert_eq!((frames[0].info.api_key, frames[0].info.correlation_id), (0x0101, 0x0101_0101));
        assert_eq!(guest.lines[&CONN].unread, 0);
    }

    #[test]
    fn frames_do_not_depend_on_how_the_bytes_came() {
        for cut in [1, 2, 3, 5, 11, 12, 13, 100, 4_096, 65_536, 70_000, 1_000_000] {
            check(cut);
        }
    }

    #[test]
    fn what_no_broker_reads_is_refused() {
        let say = |bytes: &[u8]| {
            let mut guest = guest();
            let mut frames = Vec::new();
            // The second byte by byte: the answer is the same.
            let whole = guest.hear(CONN, &Bytes::copy_from_slice(bytes), &mut frames);
            let mut slow = self::guest();
            let pieces = bytes.iter().try_for_each(|byte| slow.hear(CONN, &vec![*byte].into(), &mut frames));
            assert_eq!(whole, pieces);
            whole.expect_err("refused")
        };
        assert_eq!(
            say(b"GET / HTTP/1.1\r\n"),
            "a request of 1195725856 bytes, more than socket.request.max.bytes=200000"
        );
        assert_eq!(say(&[0xff; 4]), "a request of -1 bytes");
        assert_eq!(say(&request(7, 0)), "a request of 7 bytes has no room for its header");
        assert_eq!(say(&[0; 4]), "a request of 0 bytes has no room for its header");
    }
}
