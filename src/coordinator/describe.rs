//! ListGroups, DescribeGroups and DeleteGroups.

use bytes::Bytes;

use super::group::{Group, GroupState, Member};
use super::log;
use super::outcome::Then;
use super::rebalance::Work;
use crate::protocol::ErrorCode;
use crate::protocol::messages::describe_groups::{DescribedGroup, DescribedGroupMember};
use crate::protocol::messages::list_groups::{ListGroupsRequest, ListedGroup};

/// DescribeGroups says from this version on that a group does not exist (KIP-1043).
const NOT_FOUND_SINCE: i16 = 6;

/// The types of groups.
const CLASSIC: &str = "classic";
const CONSUMER: &str = "consumer";
const SHARE: &str = "share";

/// The state that is told: a group that is being deleted is there until its tombstones are committed.
pub(super) fn shown(group: &Group) -> GroupState {
    match group.state {
        GroupState::Dead => GroupState::Empty,
        state => state,
    }
}

pub(super) fn listed(group: &Group, request: &ListGroupsRequest) -> Option<ListedGroup> {
    let state = shown(group).name();
    let group_type = match group.share() {
        Some(_) => SHARE,
        None if group.consumer.is_some() => CONSUMER,
        None => CLASSIC,
    };
    let passes = |filter: &[String], value: &str| {
        filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(value))
    };
    if !passes(&request.states_filter, state) || !passes(&request.types_filter, group_type) {
        return None;
    }
    Some(ListedGroup {
        group_id: group.id.to_string(),
        protocol_type: group.protocol_type.as_deref().unwrap_or_default().to_owned(),
        group_state: state.to_owned(),
        group_type: group_type.to_owned(),
    })
}

pub(super) fn described(group: &Group) -> DescribedGroup {
    let is_stable = group.state == GroupState::Stable;
    let protocol = group.protocol_name.as_deref().filter(|_| is_stable);
    let member = |member: &Member| DescribedGroupMember {
        member_id: member.member_id.to_string(),
        group_instance_id: member.group_instance_id.as_deref().map(str::to_owned),
        client_id: member.client_id.to_string(),
        client_host: member.client_host.to_string(),
        member_metadata: protocol.map(|protocol| member.metadata(protocol)).unwrap_or_default(),
        member_assignment: if is_stable { member.assignment.clone() } else { Bytes::new() },
    };
    DescribedGroup {
        group_id: group.id.to_string(),
        group_state: shown(group).name().to_owned(),
        protocol_type: group.protocol_type.as_deref().unwrap_or_default().to_owned(),
        protocol_data: protocol.unwrap_or_default().to_owned(),
        members: group.members.values().map(member).collect(),
        ..DescribedGroup::default()
    }
}

/// A group of another protocol: to those who ask by this API it is not there.
pub(super) fn described_other(group_id: String, api_version: i16) -> DescribedGroup {
    let mut described = described_unknown(group_id, api_version);
    let says = format!("Group {} is not a classic group.", described.group_id);
    described.error_message = described.error_message.map(|_| says);
    described
}

/// A group that is not there: Dead, as ever.
pub(super) fn described_unknown(group_id: String, api_version: i16) -> DescribedGroup {
    let mut described = DescribedGroup { group_state: "Dead".to_owned(), ..DescribedGroup::default() };
    if api_version >= NOT_FOUND_SINCE {
        described.error_code = ErrorCode::GroupIdNotFound;
        described.error_message = Some(format!("Group {group_id} not found."));
    }
    described.group_id = group_id;
    described
}

/// READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS and ALTER_CONFIGS as bits (KIP-430): without an authorizer
/// everybody may do all that can be done to a group.
pub(super) const GROUP_OPERATIONS: i32 = 1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11;

pub(super) fn with_operations(mut group: DescribedGroup, is_asked: bool) -> DescribedGroup {
    if is_asked && !group.error_code.is_error() {
        group.authorized_operations = GROUP_OPERATIONS;
    }
    group
}

impl Work<'_> {
    /// Nothing of a group without members remains, but its offsets.
    pub(super) fn tombstones(&self, group: &Group) -> Result<Vec<log::Record>, ErrorCode> {
        if group.consumer.is_some() {
            return self.consumer_tombstones(group);
        }
        Ok(vec![log::group_tombstone(&group.id).map_err(|_| ErrorCode::UnknownServerError)?])
    }

    /// Begins to delete a group; it is gone when the tombstones are committed.
    pub(super) fn delete(&mut self, group: &mut Group, token: u64) -> Result<(), ErrorCode> {
        match group.state {
            GroupState::Empty => {}
            GroupState::Dead => return Err(ErrorCode::GroupIdNotFound),
            _ => return Err(ErrorCode::NonEmptyGroup),
        }
        let offsets = group.offsets.keys().map(|at| log::offset_tombstone(&group.id, at));
        let offsets: Result<Vec<_>, _> = offsets.collect();
        let mut records = offsets.map_err(|_| ErrorCode::UnknownServerError)?;
        records.extend(self.tombstones(group)?);
        self.transition(group, GroupState::Dead);
        self.append(records, Then::Delete { token, group: group.id.clone() });
        Ok(())
    }
}
