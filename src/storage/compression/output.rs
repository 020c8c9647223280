//! Where opened bytes go: never more than a limit.

use super::CodecError;

/// Bytes that grow up to a limit.
pub(super) struct Output {
    bytes: Vec<u8>,
    limit: usize,
    /// Repetitions reach back no further than this.
    floor: usize,
}

impl Output {
    pub(super) fn new(limit: usize) -> Output {
        Output { bytes: Vec::new(), limit, floor: 0 }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// What came behind the first `before` bytes.
    pub(super) fn since(&self, before: usize) -> &[u8] {
        self.bytes.get(before..).unwrap_or_default()
    }

    /// How many bytes may still come.
    pub(super) fn room(&self) -> usize {
        self.limit - self.bytes.len()
    }

    /// From here on, repetitions do not reach back behind this point.
    pub(super) fn set_floor(&mut self) {
        self.floor = self.bytes.len();
    }

    pub(super) fn extend(&mut self, bytes: &[u8]) -> Result<(), CodecError> {
        self.check(bytes.len())?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    pub(super) fn fill(&mut self, byte: u8, count: usize) -> Result<(), CodecError> {
        self.check(count)?;
        self.bytes.resize(self.bytes.len() + count, byte);
        Ok(())
    }

    /// Repeats `length` bytes from `offset` bytes back; the two may overlap.
    pub(super) fn repeat(&mut self, offset: usize, length: usize) -> Result<(), CodecError> {
        if offset == 0 || offset > self.bytes.len() - self.floor {
            return Err(CodecError::Malformed("an offset reaches back too far"));
        }
        self.check(length)?;
        let from = self.bytes.len() - offset;
        let mut left = length;
        while left > 0 {
            // What has just been repeated may be repeated in turn.
            let count = left.min(self.bytes.len() - from);
            self.bytes.extend_from_within(from..from + count);
            left -= count;
        }
        Ok(())
    }

    fn check(&self, more: usize) -> Result<(), CodecError> {
        if more > self.room() { Err(CodecError::TooLarge) } else { Ok(()) }
    }
}
