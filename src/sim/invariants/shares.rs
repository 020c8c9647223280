//! What became of records in share groups, as their members heard it.

use std::sync::Arc;

use serde::Serialize;

use crate::base::Map;
use crate::protocol::ErrorCode;
use crate::trace::{Event, Offsets};

/// How many records of a share group went how far; each delivery counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ShareCounts {
    /// Given to members.
    pub acquired: u64,
    /// Of these, not for the first time.
    pub redelivered: u64,
    /// Accepted: done with.
    pub accepted: u64,
    /// Released: to be tried again.
    pub released: u64,
    /// Rejected: never to be tried again.
    pub rejected: u64,
    /// Acknowledged when the lock had run out already, so in vain.
    pub lock_timeouts: u64,
    /// Acknowledged in vain for another reason: the leader has changed, the session was gone.
    pub failed: u64,
    /// The most deliveries that a record needed.
    pub most_deliveries: u64,
}

/// By group.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Shares(Map<Arc<str>, ShareCounts>);

impl Shares {
    #[inline(never)]
    pub(super) fn check(&mut self, event: &Event) {
        match event {
            Event::RecordsAcquired { group, offsets, delivery, .. } => {
                let counts = self.0.entry(Arc::clone(group)).or_default();
                let delivery = u64::try_from(*delivery).unwrap_or(0);
                counts.acquired += len(*offsets);
                counts.redelivered += if delivery > 1 { len(*offsets) } else { 0 };
                counts.most_deliveries = counts.most_deliveries.max(delivery);
            }
            Event::RecordsAcknowledged { group, offsets, then, error, .. } => {
                let counts = self.0.entry(Arc::clone(group)).or_default();
                let count = match (error, *then) {
                    (_, "gap") => return,
                    (ErrorCode::None, "accept") => &mut counts.accepted,
                    (ErrorCode::None, "release") => &mut counts.released,
                    (ErrorCode::None, _) => &mut counts.rejected,
                    (ErrorCode::InvalidRecordState, _) => &mut counts.lock_timeouts,
                    _ => &mut counts.failed,
                };
                *count += len(*offsets);
            }
            _ => {}
        }
    }

    pub(super) fn counts(&self) -> &Map<Arc<str>, ShareCounts> {
        &self.0
    }
}

fn len(offsets: Offsets) -> u64 {
    u64::try_from(offsets.to.saturating_sub(offsets.from)).unwrap_or(0)
}
