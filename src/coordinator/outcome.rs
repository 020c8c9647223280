//! What the coordinator is asked and what it wants done, as data.

use std::sync::Arc;

use bytes::Bytes;

use super::group::Waiting;
use crate::base::SimTime;
use crate::protocol::messages::delete_groups::{DeleteGroupsRequest, DeleteGroupsResponse};
use crate::protocol::messages::describe_groups::{DescribeGroupsRequest, DescribeGroupsResponse};
use crate::protocol::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use crate::protocol::messages::join_group::{JoinGroupRequest, JoinGroupResponse};
use crate::protocol::messages::leave_group::{LeaveGroupRequest, LeaveGroupResponse};
use crate::protocol::messages::list_groups::{ListGroupsRequest, ListGroupsResponse};
use crate::protocol::messages::offset_commit::{OffsetCommitRequest, OffsetCommitResponse};
use crate::protocol::messages::offset_delete::{OffsetDeleteRequest, OffsetDeleteResponse};
use crate::protocol::messages::offset_fetch::{OffsetFetchRequest, OffsetFetchResponse};
use crate::protocol::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};
use crate::trace::Event;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// The host's name for the request; the reply carries it. Must not be reused while the
    /// request is unanswered.
    pub token: u64,
    /// The request's version.
    pub api_version: i16,
    /// `client.id` from the request's header.
    pub client_id: &'a str,
    /// Where the request came from, such as `/10.0.0.1`.
    pub client_host: &'a str,
}

/// A request to the coordinator.
#[expect(missing_docs, reason = "named after the APIs")]
#[derive(Clone, Debug, PartialEq)]
pub enum GroupRequest {
    JoinGroup(JoinGroupRequest),
    SyncGroup(SyncGroupRequest),
    Heartbeat(HeartbeatRequest),
    LeaveGroup(LeaveGroupRequest),
    OffsetCommit(OffsetCommitRequest),
    OffsetFetch(OffsetFetchRequest),
    OffsetDelete(OffsetDeleteRequest),
    ListGroups(ListGroupsRequest),
    DescribeGroups(DescribeGroupsRequest),
    DeleteGroups(DeleteGroupsRequest),
}

/// Its answer.
#[expect(missing_docs, reason = "named after the APIs")]
#[derive(Clone, Debug, PartialEq)]
pub enum GroupResponse {
    JoinGroup(JoinGroupResponse),
    SyncGroup(SyncGroupResponse),
    Heartbeat(HeartbeatResponse),
    LeaveGroup(LeaveGroupResponse),
    OffsetCommit(OffsetCommitResponse),
    OffsetFetch(OffsetFetchResponse),
    OffsetDelete(OffsetDeleteResponse),
    ListGroups(ListGroupsResponse),
    DescribeGroups(DescribeGroupsResponse),
    DeleteGroups(DeleteGroupsResponse),
}

/// A timer of the coordinator.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CoordinatorTimer {
    /// A member, or somebody who was told to come back as one, was silent for too long.
    Session {
        /// Group id.
        group: Arc<str>,
        /// Member id.
        member: Arc<str>,
    },
    /// The join phase has lasted long enough.
    Join {
        /// Group id.
        group: Arc<str>,
    },
    /// Members have had time enough to ask for their assignment.
    Sync {
        /// Group id.
        group: Arc<str>,
    },
    /// Look for offsets that have been kept long enough.
    Expiry {
        /// In which partition of `__consumer_offsets`.
        partition: i32,
    },
}

impl CoordinatorTimer {
    /// Its name in the trace.
    pub fn name(&self) -> &'static str {
        match self {
            CoordinatorTimer::Session { .. } => "session_timeout",
            CoordinatorTimer::Join { .. } => "rebalance_timeout",
            CoordinatorTimer::Sync { .. } => "sync_timeout",
            CoordinatorTimer::Expiry { .. } => "offsets_retention",
        }
    }
}

/// What the host has to do, in this order: append, set timers, send replies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Answers to send now: the request's token and the response.
    pub replies: Vec<(u64, GroupResponse)>,
    /// Records to append to partitions of `__consumer_offsets`.
    pub appends: Vec<Append>,
    /// Timers to set, or to cancel (`None`).
    pub timers: Vec<(CoordinatorTimer, Option<SimTime>)>,
    /// What happened, for the trace.
    pub events: Vec<Event>,
}

/// Records to append as one batch, `acks=all`, and what waits for them. The host keeps it
/// and hands it back to [`committed`](super::GroupCoordinator::committed) or
/// [`failed`](super::GroupCoordinator::failed), in the order of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Append {
    /// The partition of `__consumer_offsets`.
    pub partition: i32,
    /// The leader epoch under which it was decided.
    pub leader_epoch: i32,
    /// Keys and values; no value is a tombstone. Never empty.
    pub records: Vec<(Bytes, Option<Bytes>)>,
    pub(super) then: Then,
}

/// What waits for an append.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Then {
    /// Nothing.
    Nothing,
    /// The answer to a commit.
    Commit { token: u64, response: OffsetCommitResponse },
    /// The members of this generation wait for the assignments of their leader.
    Sync { group: Arc<str>, generation: i32, assignments: Vec<(Arc<str>, Bytes)> },
    /// A static member is back under a new member id.
    Rejoin { group: Arc<str>, waiting: Waiting, was: Arc<str>, is: Arc<str>, leader_before: String },
    /// The answer to a deletion of offsets.
    DeleteOffsets { token: u64, response: OffsetDeleteResponse },
    /// A group whose last offset has expired.
    Expire { group: Arc<str> },
    /// One group of a deletion.
    Delete { token: u64, group: Arc<str> },
}
