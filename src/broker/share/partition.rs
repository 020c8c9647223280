//! A share partition: which records of a partition are in flight in a share group, and in which
//! state. A pure state machine: no log, no network, `now` is told.
//!
//! | from | when | to |
//! | --- | --- | --- |
//! | Available | a member fetches it | Acquired, delivered once more |
//! | Acquired | the member accepts it | Acknowledged |
//! | Acquired | the member rejects it, or says that there is no record | Archived |
//! | Acquired | it is released, or its lock runs out, and it may be delivered again | Available |
//! | Acquired | the same, but it was delivered as often as it may be | Archived |
//!
//! Records before the *start offset* are done with, those from the *end offset* on have not been
//! fetched. The start offset moves over whatever is acknowledged or archived at the front.
//!
//! Source: KIP-932, *In-flight records*.

use std::sync::Arc;

use crate::base::{Map, SimTime};
use crate::protocol::ErrorCode;
use crate::protocol::messages::share_fetch::{AcknowledgementBatch, AcquiredRecords};
use crate::protocol::messages::share_group_state::StateBatch;

/// The state of a record in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordState {
    /// Anybody may have it.
    Available,
    /// A member has it, for a while.
    Acquired,
    /// A member has accepted it.
    Acknowledged,
    /// Nobody will get it (again).
    Archived,
}

impl RecordState {
    /// Kafka's name.
    pub fn name(self) -> &'static str {
        match self {
            RecordState::Available => "Available",
            RecordState::Acquired => "Acquired",
            RecordState::Acknowledged => "Acknowledged",
            RecordState::Archived => "Archived",
        }
    }

    /// As the share coordinator keeps it.
    fn code(self) -> i8 {
        match self {
            RecordState::Available => 0,
            RecordState::Acquired => 1,
            RecordState::Acknowledged => 2,
            RecordState::Archived => 4,
        }
    }

    fn from_code(code: i8) -> Self {
        match code {
            2 => RecordState::Acknowledged,
            4 => RecordState::Archived,
            _ => RecordState::Available,
        }
    }

    fn is_final(self) -> bool {
        matches!(self, RecordState::Acknowledged | RecordState::Archived)
    }
}

/// Records one after another in the same state.
#[derive(Clone, Debug, PartialEq)]
struct Run {
    last: i64,
    state: RecordState,
    delivery_count: i16,
    /// Who has, or had, them.
    member: Option<Arc<str>>,
    /// When the lock runs out, of acquired ones.
    until: SimTime,
    /// The state is being written under this number and may yet turn out not to be.
    write: Option<u64>,
}

/// What became of some records.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Change {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) state: RecordState,
    pub(super) delivery_count: i16,
    pub(super) member: Arc<str>,
    pub(super) reason: &'static str,
}

impl Change {
    pub(super) fn to_write(&self) -> StateBatch {
        StateBatch {
            first_offset: self.first,
            last_offset: self.last,
            delivery_state: self.state.code(),
            delivery_count: self.delivery_count,
        }
    }
}

/// What a fetch may acquire.
pub(super) struct Wish<'a> {
    pub(super) member: &'a Arc<str>,
    /// First and last offsets of the batches that were read.
    pub(super) batches: &'a [(i64, i64)],
    pub(super) max_records: i64,
    pub(super) batch_size: i64,
    /// `group.share.partition.max.record.locks`.
    pub(super) max_in_flight: i64,
    pub(super) until: SimTime,
}

/// The records in flight of a partition in a share group, on its leader.
#[derive(Clone, Debug, PartialEq)]
pub struct SharePartition {
    start_offset: i64,
    end_offset: i64,
    runs: Map<i64, Run>,
}

/// Why an acknowledgement is not taken.
pub(super) type Refusal = (ErrorCode, &'static str);

impl SharePartition {
    /// Nothing is in flight yet.
    pub(super) fn new(start_offset: i64) -> Self {
        SharePartition { start_offset, end_offset: start_offset, runs: Map::new() }
    }

    /// As it was written. What lies between was in flight and not acknowledged: it is available.
    pub(super) fn restored(start_offset: i64, batches: &[StateBatch]) -> Self {
        let mut partition = SharePartition::new(start_offset);
        for batch in batches {
            let first = batch.first_offset.max(partition.end_offset);
            if batch.last_offset < first {
                continue;
            }
            if first > partition.end_offset {
                partition.put(partition.end_offset, first - 1, RecordState::Available, 0);
            }
            let state = RecordState::from_code(batch.delivery_state);
            partition.put(first, batch.last_offset, state, batch.delivery_count);
            partition.end_offset = batch.last_offset.saturating_add(1);
        }
        partition.advance();
        partition
    }

    /// The share-partition start offset: everything before is done with.
    pub fn start_offset(&self) -> i64 {
        self.start_offset
    }

    /// Nothing from here on has been fetched.
    pub fn end_offset(&self) -> i64 {
        self.end_offset
    }

    /// First and last offset, state, delivery count and member of all that is in flight.
    pub fn in_flight(&self) -> impl Iterator<Item = (i64, i64, RecordState, i16, Option<&Arc<str>>)> {
        self.runs
            .iter()
            .map(|(first, run)| (*first, run.last, run.state, run.delivery_count, run.member.as_ref()))
    }

    fn put(&mut self, first: i64, last: i64, state: RecordState, delivery_count: i16) {
        let run = Run { last, state, delivery_count, member: None, until: SimTime::ZERO, write: None };
        self.runs.insert(first, run);
    }

    fn is_free(run: &Run) -> bool {
        run.state == RecordState::Available && run.write.is_none()
    }

    /// Where the next fetch begins: at the first record that is available (again).
    pub(super) fn next_fetch_offset(&self) -> i64 {
        let free = self.runs.iter().find(|(_, run)| Self::is_free(run));
        free.map_or(self.end_offset, |(first, _)| *first)
    }

    /// Whether anything may be acquired: something is available again, or there is room for more.
    pub(super) fn can_acquire(&self, max_in_flight: i64) -> bool {
        self.next_fetch_offset() < self.end_offset || self.end_offset - self.start_offset < max_in_flight
    }

    /// When the next lock runs out.
    pub(super) fn next_deadline(&self) -> Option<SimTime> {
        let locked = self.runs.values().filter(|run| run.state == RecordState::Acquired);
        locked.map(|run| run.until).min()
    }

    /// Gives a member what it can have of the batches that were read.
    #[inline(never)]
    pub(super) fn acquire(&mut self, wish: &Wish) -> Vec<AcquiredRecords> {
        let Some((read_first, read_last)) = wish.batches.first().zip(wish.batches.last()) else {
            return Vec::new();
        };
        let (read_first, read_last) = (read_first.0, read_last.1);
        let mut acquired = Vec::new();
        let mut count = 0;
        let free: Vec<(i64, i64)> = (self.runs.iter())
            .filter(|(first, run)| Self::is_free(run) && **first <= read_last && run.last >= read_first)
            .map(|(first, run)| ((*first).max(read_first), run.last.min(read_last)))
            .collect();
        for (first, last) in free {
            if count >= wish.max_records {
                break;
            }
            self.split(first, last);
            let Some(run) = self.runs.get_mut(&first) else { continue };
            run.delivery_count = run.delivery_count.saturating_add(1);
            let delivery_count = run.delivery_count;
            lock(run, wish);
            count += last - first + 1;
            acquired.push(AcquiredRecords { first_offset: first, last_offset: last, delivery_count });
        }
        let room = (wish.max_records - count).min(wish.max_in_flight - (self.end_offset - self.start_offset));
        if read_last >= self.end_offset && room > 0 {
            acquired.extend(self.acquire_new(wish, room));
        }
        acquired
    }

    /// Records that nobody has had yet. Limits are kept to within a batch.
    fn acquire_new(&mut self, wish: &Wish, room: i64) -> Vec<AcquiredRecords> {
        let fresh = wish.batches.iter().filter(|(_, last)| *last >= self.end_offset);
        let fresh: Vec<(i64, i64)> =
            fresh.map(|(base, last)| ((*base).max(self.end_offset), *last)).collect();
        let Some(&(first, _)) = fresh.first() else { return Vec::new() };
        let mut acquired: Vec<AcquiredRecords> = Vec::new();
        for (base, last) in fresh {
            if base - first >= room {
                break;
            }
            match acquired.last_mut() {
                Some(open) if base - open.first_offset < wish.batch_size => open.last_offset = last,
                before => {
                    let after = before.map(|before| {
                        before.last_offset = base - 1;
                        base
                    });
                    let first_offset = after.unwrap_or(base);
                    acquired.push(AcquiredRecords { first_offset, last_offset: last, delivery_count: 1 });
                }
            }
        }
        for each in &acquired {
            self.put(each.first_offset, each.last_offset, RecordState::Available, 1);
            if let Some(run) = self.runs.get_mut(&each.first_offset) {
                lock(run, wish);
            }
            self.end_offset = each.last_offset.saturating_add(1);
        }
        self.advance();
        acquired
    }

    /// Takes acknowledgements of a member: all of them or none. They hold for good when `write` is
    /// [known](Self::written) to have succeeded.
    #[inline(never)]
    pub(super) fn acknowledge(
        &mut self,
        member: &str,
        batches: &[AcknowledgementBatch],
        limit: i16,
        write: u64,
    ) -> Result<Vec<Change>, Refusal> {
        let mut next = self.clone();
        let mut changes = Vec::new();
        for batch in batches {
            if batch.last_offset >= self.end_offset {
                let message = "Batch record not found. The last offset in request is past acquired records.";
                return Err((ErrorCode::InvalidRequest, message));
            }
            for (first, last, kind) in segments(batch) {
                let first = first.max(self.start_offset);
                if first <= last {
                    next.acknowledge_run((first, last, kind), member, limit, write, &mut changes)?;
                }
            }
        }
        *self = next;
        Ok(changes)
    }

    fn acknowledge_run(
        &mut self,
        (first, last, kind): (i64, i64, i8),
        member: &str,
        limit: i16,
        write: u64,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let (state, reason) = match kind {
            1 => (RecordState::Acknowledged, "accepted"),
            2 => (RecordState::Available, "released"),
            3 => (RecordState::Archived, "rejected"),
            _ => (RecordState::Archived, "gap"),
        };
        self.split(first, last);
        let mut found = false;
        for (at, run) in self.runs.range_mut(&first..=&last) {
            found = true;
            if run.state != RecordState::Acquired || run.write.is_some() {
                return Err((
                    ErrorCode::InvalidRecordState,
                    "The batch cannot be acknowledged. The batch is not in the acquired state.",
                ));
            }
            if run.member.as_deref() != Some(member) {
                return Err((ErrorCode::InvalidRecordState, "Member is not the owner of batch record"));
            }
            run.write = Some(write);
            changes.push(leave(*at, run, state, reason, limit));
        }
        if !found {
            let message = "Batch record not found. The request batch offsets are not found in the cache.";
            return Err((ErrorCode::InvalidRecordState, message));
        }
        Ok(())
    }

    /// What was acknowledged under this number is written; or it is not, and the member still has it.
    pub(super) fn written(&mut self, write: u64, is_written: bool) {
        for run in self.runs.values_mut().filter(|run| run.write == Some(write)) {
            run.write = None;
            if !is_written {
                run.state = RecordState::Acquired;
            }
        }
        self.advance();
    }

    /// A member's session is over: what it has goes back.
    pub(super) fn release(&mut self, member: &str, limit: i16) -> Vec<Change> {
        self.give_back(limit, "session closed", |run| run.member.as_deref() == Some(member))
    }

    /// Locks that have run out by now.
    pub(super) fn expire(&mut self, now: SimTime, limit: i16) -> Vec<Change> {
        self.give_back(limit, "lock timed out", |run| run.until <= now)
    }

    fn give_back(&mut self, limit: i16, reason: &'static str, which: impl Fn(&Run) -> bool) -> Vec<Change> {
        let mut changes = Vec::new();
        for (first, run) in self.runs.iter_mut() {
            if run.state == RecordState::Acquired && which(run) {
                changes.push(leave(*first, run, RecordState::Available, reason, limit));
            }
        }
        self.advance();
        changes
    }

    /// The log begins here: what lies before is gone.
    pub(super) fn log_starts_at(&mut self, offset: i64) {
        if offset <= self.start_offset {
            return;
        }
        if offset < self.end_offset {
            self.split(self.start_offset, offset - 1);
        }
        self.runs.retain(|first, _| *first >= offset);
        self.end_offset = self.end_offset.max(offset);
        self.start_offset = offset;
        self.advance();
    }

    /// Moves the start offset over what is done with.
    fn advance(&mut self) {
        while let Some((_, run)) = self.runs.first_key_value() {
            if !run.state.is_final() || run.write.is_some() {
                break;
            }
            self.runs.pop_first();
        }
        let first = self.runs.first_key_value().map(|(first, _)| *first);
        self.start_offset = first.unwrap_or(self.end_offset).max(self.start_offset);
    }

    /// Makes runs end before `first` and after `last`.
    fn split(&mut self, first: i64, last: i64) {
        for at in [first, last.saturating_add(1)] {
            let before = self.runs.range(..&at).next_back().map(|(key, run)| (*key, run.last));
            if let Some((key, run_last)) = before
                && run_last >= at
                && let Some(run) = self.runs.get_mut(&key)
            {
                let rest = run.clone();
                run.last = at - 1;
                self.runs.insert(at, rest);
            }
        }
    }
}

fn lock(run: &mut Run, wish: &Wish) {
    run.state = RecordState::Acquired;
    run.member = Some(Arc::clone(wish.member));
    run.until = wish.until;
}

/// Records are no longer a member's.
fn leave(first: i64, run: &mut Run, state: RecordState, reason: &'static str, limit: i16) -> Change {
    let is_spent = state == RecordState::Available && run.delivery_count >= limit;
    run.state = if is_spent { RecordState::Archived } else { state };
    Change {
        first,
        last: run.last,
        state: run.state,
        delivery_count: run.delivery_count,
        member: run.member.clone().unwrap_or_else(|| Arc::from("")),
        reason,
    }
}

/// Offsets in a row with the same type of acknowledgement.
fn segments(batch: &AcknowledgementBatch) -> Vec<(i64, i64, i8)> {
    if let [kind] = batch.acknowledge_types[..] {
        return vec![(batch.first_offset, batch.last_offset, kind)];
    }
    let mut segments: Vec<(i64, i64, i8)> = Vec::new();
    for (offset, kind) in (batch.first_offset..=batch.last_offset).zip(&batch.acknowledge_types) {
        match segments.last_mut() {
            Some((_, last, before)) if before == kind => *last = offset,
            _ => segments.push((offset, offset, *kind)),
        }
    }
    segments
}

/// Whether acknowledgements make sense, whatever is in flight.
pub(super) fn check_batches(batches: &[AcknowledgementBatch]) -> Result<(), Refusal> {
    let mut previous = -1;
    for batch in batches {
        let size = batch.last_offset.saturating_sub(batch.first_offset).saturating_add(1);
        let types = batch.acknowledge_types.len();
        let fits = types == 1 || i64::try_from(types) == Ok(size);
        if batch.first_offset > batch.last_offset || batch.first_offset <= previous || !fits {
            return Err((
                ErrorCode::InvalidRequest,
                "The acknowledgement batches are not in order or not whole.",
            ));
        }
        if !batch.acknowledge_types.iter().all(|kind| (0..=3).contains(kind)) {
            return Err((ErrorCode::InvalidRequest, "There is no such type of acknowledgement."));
        }
        previous = batch.last_offset;
    }
    Ok(())
}

#[cfg(test)]
#[path = "partition_test.rs"]
mod tests;
