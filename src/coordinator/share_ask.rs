//! What the group coordinator wants of the share coordinator, as data: the host asks and brings the
//! answers back.

use std::sync::Arc;

use super::share_state::ShareStateKey;
use crate::protocol::ErrorCode;
use crate::protocol::messages::share_group_offsets::{
    AlterShareGroupOffsetsResponse, DeletedTopic, DescribeShareGroupOffsetsResponse,
};

/// What is asked of every share partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareWhat {
    /// InitializeShareGroupState, at this state epoch.
    Initialize(i32),
    /// DeleteShareGroupState.
    Delete,
    /// ReadShareGroupStateSummary.
    Summary,
}

/// A share partition of which something is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct SharePart {
    /// Which.
    pub key: ShareStateKey,
    /// Where it shall start, if it is begun.
    pub start_offset: i64,
}

/// What the share coordinator is to be asked. The host keeps it and hands it back with as many answers
/// as there are parts to [`share_told`](super::GroupCoordinator::share_told).
#[derive(Clone, Debug, PartialEq)]
pub struct ShareAsk {
    /// What.
    pub what: ShareWhat,
    /// Of whom; never empty.
    pub parts: Vec<SharePart>,
    /// The group it is about.
    pub(super) group: Arc<str>,
    pub(super) then: ShareThen,
}

/// What the share coordinator says of a share partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareTold {
    /// Whether that could be done.
    pub error: ErrorCode,
    /// Where it starts; −1 if that is not decided.
    pub start_offset: i64,
    /// The newest leader that has asked.
    pub leader_epoch: i32,
}

/// What waits for the answers.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ShareThen {
    /// Partitions that members may get then.
    Begun,
    /// The answer to AlterShareGroupOffsets.
    Altered { token: u64, response: AlterShareGroupOffsetsResponse },
    /// DeleteShareGroupOffsets, and the topics that cannot be forgotten.
    Forgotten { token: u64, failed: Vec<DeletedTopic> },
    /// The group is deleted then.
    Delete { token: u64 },
    /// The answer to DescribeShareGroupOffsets: of its partitions those whose topics have an id are
    /// asked about, in order.
    Described { token: u64, response: DescribeShareGroupOffsetsResponse },
}
