//! What the coordinator is asked and what it wants done, as data.

use std::sync::Arc;

use bytes::Bytes;

use super::group::{Group, Waiting};
pub(super) use super::share_ask::ShareThen;
pub use super::share_ask::{ShareAsk, SharePart, ShareTold, ShareWhat};
use crate::base::SimTime;
use crate::metadata::MetadataImage;
use crate::protocol::ErrorCode;
use crate::protocol::messages::consumer_group_describe::{
    ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse,
};
use crate::protocol::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
};
use crate::protocol::messages::delete_groups::{DeleteGroupsRequest, DeleteGroupsResponse};
use crate::protocol::messages::describe_groups::{DescribeGroupsRequest, DescribeGroupsResponse};
use crate::protocol::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use crate::protocol::messages::join_group::{JoinGroupRequest, JoinGroupResponse};
use crate::protocol::messages::leave_group::{LeaveGroupRequest, LeaveGroupResponse};
use crate::protocol::messages::list_groups::{ListGroupsRequest, ListGroupsResponse};
use crate::protocol::messages::offset_commit::{OffsetCommitRequest, OffsetCommitResponse};
use crate::protocol::messages::offset_delete::{OffsetDeleteRequest, OffsetDeleteResponse};
use crate::protocol::messages::offset_fetch::{OffsetFetchRequest, OffsetFetchResponse};
use crate::protocol::messages::share_group_describe::{
    ShareGroupDescribeRequest, ShareGroupDescribeResponse,
};
use crate::protocol::messages::share_group_heartbeat::{
    ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse,
};
use crate::protocol::messages::share_group_offsets::{
    AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse, DeleteShareGroupOffsetsRequest,
    DeleteShareGroupOffsetsResponse, DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse,
};
use crate::protocol::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};
use crate::trace::Event;

/// When something happens, and in which cluster.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// The time.
    pub now: SimTime,
    /// The cluster's metadata as the host knows it: topics, racks, configs of groups.
    pub image: &'a MetadataImage,
}

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
    ConsumerGroupHeartbeat(ConsumerGroupHeartbeatRequest),
    ConsumerGroupDescribe(ConsumerGroupDescribeRequest),
    ShareGroupHeartbeat(ShareGroupHeartbeatRequest),
    ShareGroupDescribe(ShareGroupDescribeRequest),
    DescribeShareGroupOffsets(DescribeShareGroupOffsetsRequest),
    AlterShareGroupOffsets(AlterShareGroupOffsetsRequest),
    DeleteShareGroupOffsets(DeleteShareGroupOffsetsRequest),
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
    ConsumerGroupHeartbeat(ConsumerGroupHeartbeatResponse),
    ConsumerGroupDescribe(ConsumerGroupDescribeResponse),
    ShareGroupHeartbeat(ShareGroupHeartbeatResponse),
    ShareGroupDescribe(ShareGroupDescribeResponse),
    DescribeShareGroupOffsets(DescribeShareGroupOffsetsResponse),
    AlterShareGroupOffsets(AlterShareGroupOffsetsResponse),
    DeleteShareGroupOffsets(DeleteShareGroupOffsetsResponse),
}

impl GroupResponse {
    /// The same answer, if what it tells could not be stored.
    #[inline(never)]
    pub(super) fn failed(self, error_code: ErrorCode) -> GroupResponse {
        match self {
            GroupResponse::JoinGroup(is) => GroupResponse::JoinGroup(JoinGroupResponse {
                error_code,
                member_id: is.member_id,
                generation_id: -1,
                ..JoinGroupResponse::default()
            }),
            GroupResponse::SyncGroup(_) => {
                GroupResponse::SyncGroup(SyncGroupResponse { error_code, ..SyncGroupResponse::default() })
            }
            GroupResponse::Heartbeat(_) => {
                GroupResponse::Heartbeat(HeartbeatResponse { error_code, ..HeartbeatResponse::default() })
            }
            GroupResponse::LeaveGroup(_) => {
                GroupResponse::LeaveGroup(LeaveGroupResponse { error_code, ..LeaveGroupResponse::default() })
            }
            GroupResponse::ConsumerGroupHeartbeat(_) => {
                GroupResponse::ConsumerGroupHeartbeat(ConsumerGroupHeartbeatResponse {
                    error_code,
                    error_message: Some(error_code.message().to_owned()),
                    ..ConsumerGroupHeartbeatResponse::default()
                })
            }
            GroupResponse::ShareGroupHeartbeat(_) => {
                GroupResponse::ShareGroupHeartbeat(ShareGroupHeartbeatResponse {
                    error_code,
                    error_message: Some(error_code.message().to_owned()),
                    ..ShareGroupHeartbeatResponse::default()
                })
            }
            GroupResponse::DeleteShareGroupOffsets(_) => {
                GroupResponse::DeleteShareGroupOffsets(DeleteShareGroupOffsetsResponse {
                    error_code,
                    error_message: Some(error_code.message().to_owned()),
                    ..DeleteShareGroupOffsetsResponse::default()
                })
            }
            // Of these nothing is parked.
            other => other,
        }
    }
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
    /// A member of a consumer group has had time enough to give partitions up.
    Revocation {
        /// Group id.
        group: Arc<str>,
        /// Member id.
        member: Arc<str>,
    },
    /// A member of the classic protocol in a consumer group has had time enough to join again.
    ClassicJoin {
        /// Group id.
        group: Arc<str>,
        /// Member id.
        member: Arc<str>,
    },
    /// Such a member has had time enough to ask for its assignment.
    ClassicSync {
        /// Group id.
        group: Arc<str>,
        /// Member id.
        member: Arc<str>,
    },
    /// Look up the topics that a consumer group's regular expressions stand for.
    Regex {
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
            CoordinatorTimer::Join { .. }
            | CoordinatorTimer::Revocation { .. }
            | CoordinatorTimer::ClassicJoin { .. } => "rebalance_timeout",
            CoordinatorTimer::Sync { .. } | CoordinatorTimer::ClassicSync { .. } => "sync_timeout",
            CoordinatorTimer::Regex { .. } => "regex_refresh",
            CoordinatorTimer::Expiry { .. } => "offsets_retention",
        }
    }
}

/// What the host has to do, in this order: set timers, append, send replies, ask.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Answers to send now: the request's token and the response.
    pub replies: Vec<(u64, GroupResponse)>,
    /// Records to append to partitions of `__consumer_offsets`.
    pub appends: Vec<Append>,
    /// Timers to set, or to cancel (`None`).
    pub timers: Vec<(CoordinatorTimer, Option<SimTime>)>,
    /// What the share coordinator is to be asked.
    pub asks: Vec<ShareAsk>,
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
    /// Records of a consumer group, which have taken effect already, and the group before them.
    Consumer { group: Arc<str>, written: u64, before: Arc<Group> },
    /// The answer to a deletion of offsets.
    DeleteOffsets { token: u64, response: OffsetDeleteResponse },
    /// A group whose last offset has expired.
    Expire { group: Arc<str> },
    /// One group of a deletion.
    Delete { token: u64, group: Arc<str> },
}
