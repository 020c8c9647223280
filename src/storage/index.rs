//! The sparse indexes of a segment. An entry every `index.interval.bytes` or so: enough to
//! begin a short scan near the place.
//!
//! Entries are as on disk: offsets relative to the segment's base, 8 bytes an offset entry,
//! 12 bytes a time entry (KIP-33).

/// What the offset index says: this offset is at or after this position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OffsetPosition {
    /// Offset less the segment's base offset.
    pub relative_offset: u32,
    /// Byte position in the segment.
    pub position: u32,
}

/// What the time index says: up to and with this offset, no timestamp is larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampOffset {
    /// In ms.
    pub timestamp: i64,
    /// Offset less the segment's base offset.
    pub relative_offset: u32,
}

/// Offset → position. Rising in both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OffsetIndex {
    entries: Vec<OffsetPosition>,
}

/// Timestamp → offset. Rising in both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeIndex {
    entries: Vec<TimestampOffset>,
}

impl OffsetIndex {
    /// Bytes of an entry.
    pub const ENTRY_SIZE: u32 = 8;

    /// All entries, in order.
    pub fn entries(&self) -> &[OffsetPosition] {
        &self.entries
    }

    /// Where to begin to look for an offset: the position of the last entry not after it.
    pub fn lookup(&self, relative_offset: u32) -> u32 {
        let after = self.entries.partition_point(|entry| entry.relative_offset <= relative_offset);
        last_before(&self.entries, after).map_or(0, |entry| entry.position)
    }

    /// Whether another entry would not fit `segment.index.bytes`.
    pub fn is_full(&self, max_bytes: u32) -> bool {
        self.entries.len() as u64 >= u64::from(max_bytes / Self::ENTRY_SIZE)
    }

    pub(super) fn append(&mut self, relative_offset: u32, position: u32) {
        assert!(self.entries.last().is_none_or(|last| last.relative_offset < relative_offset));
        self.entries.push(OffsetPosition { relative_offset, position });
    }
}

impl TimeIndex {
    /// Bytes of an entry.
    pub const ENTRY_SIZE: u32 = 12;

    /// All entries, in order.
    pub fn entries(&self) -> &[TimestampOffset] {
        &self.entries
    }

    /// Before this relative offset no record has a timestamp of `timestamp` or more: that
    /// of the last entry whose timestamp is not larger.
    pub fn lookup(&self, timestamp: i64) -> u32 {
        let after = self.entries.partition_point(|entry| entry.timestamp <= timestamp);
        last_before(&self.entries, after).map_or(0, |entry| entry.relative_offset)
    }

    /// Whether only the entry that a sealed segment ends with still fits.
    pub fn is_full(&self, max_bytes: u32) -> bool {
        self.entries.len() as u64 + 1 >= u64::from(max_bytes / Self::ENTRY_SIZE)
    }

    /// Adds an entry, unless its timestamp is no larger than the last one's.
    pub(super) fn maybe_append(&mut self, timestamp: i64, relative_offset: u32) {
        if self.entries.last().is_none_or(|last| timestamp > last.timestamp) {
            self.entries.push(TimestampOffset { timestamp, relative_offset });
        }
    }
}

fn last_before<T>(list: &[T], after: usize) -> Option<&T> {
    list.get(after.checked_sub(1)?)
}
