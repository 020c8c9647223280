//! ConsumerGroupHeartbeat: a member joins, stays, changes its mind and is told what it may have.

use std::fmt;
use std::sync::Arc;

use super::draft::Draft;
use super::records::{by_topic, flat};
use super::{ConsumerMember, GroupChange, Partitions, Subscription};
use crate::base::Rng;
use crate::coordinator::group::Group;
use crate::coordinator::outcome::{Caller, GroupResponse};
use crate::coordinator::rebalance::Work;
use crate::protocol::messages::consumer_group_heartbeat::{
    Assignment, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, RequestTopicPartitions,
    ResponseTopicPartitions,
};
use crate::protocol::{ErrorCode, Uuid};
use crate::trace::Event;

/// `member_epoch` of whoever leaves.
pub(super) const LEAVE: i32 = -1;
/// `member_epoch` of a static member that will be back.
pub(super) const LEAVE_FOR_NOW: i32 = -2;
/// From this version on members make their ids themselves (KIP-1082).
const CLIENTS_MAKE_IDS_SINCE: i16 = 1;

/// Why something is not done.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::coordinator) struct Refusal {
    pub(in crate::coordinator) error: ErrorCode,
    pub(in crate::coordinator) message: String,
}

impl Refusal {
    pub(in crate::coordinator) fn new(error: ErrorCode, message: impl fmt::Display) -> Self {
        Refusal { error, message: message.to_string() }
    }
}

/// The answer that says no.
pub(in crate::coordinator) fn refused(refusal: Refusal) -> GroupResponse {
    GroupResponse::ConsumerGroupHeartbeat(ConsumerGroupHeartbeatResponse {
        error_code: refusal.error,
        error_message: Some(refusal.message),
        ..ConsumerGroupHeartbeatResponse::default()
    })
}

/// Whether the request makes sense, whatever the group is like.
#[inline(never)]
pub(in crate::coordinator) fn check_request(
    api_version: i16,
    request: &ConsumerGroupHeartbeatRequest,
) -> Result<(), Refusal> {
    let invalid = |message: &str| Err(Refusal::new(ErrorCode::InvalidRequest, message));
    let is_blank = |text: &Option<String>| text.as_ref().is_some_and(|text| text.trim().is_empty());
    let epoch = request.member_epoch;
    let needs_id = api_version >= CLIENTS_MAKE_IDS_SINCE || epoch > 0 || epoch == LEAVE;
    if needs_id && request.member_id.trim().is_empty() {
        return invalid("MemberId can't be empty.");
    }
    if request.group_id.trim().is_empty() {
        return invalid("GroupId can't be empty.");
    }
    if is_blank(&request.instance_id) {
        return invalid("InstanceId can't be empty.");
    }
    if is_blank(&request.rack_id) {
        return invalid("RackId can't be empty.");
    }
    match epoch {
        0 if request.rebalance_timeout_ms == -1 => {
            invalid("RebalanceTimeoutMs must be provided in first request.")
        }
        0 if request.topic_partitions.as_ref().is_none_or(|owned| !owned.is_empty()) => {
            invalid("TopicPartitions must be empty when (re-)joining.")
        }
        0 if request.subscribed_topic_names.is_none() && request.subscribed_topic_regex.is_none() => {
            invalid("Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.")
        }
        LEAVE_FOR_NOW if request.instance_id.is_none() => invalid("InstanceId can't be null."),
        ..LEAVE_FOR_NOW => {
            invalid(&format!("MemberEpoch is {epoch}, but must be greater than or equal to -2."))
        }
        _ => Ok(()),
    }
}

/// How a member comes to the group.
pub(super) struct Arrival<'a> {
    pub(super) member_id: &'a Arc<str>,
    pub(super) instance_id: Option<&'a str>,
    /// It may be new.
    pub(super) is_joining: bool,
    /// By JoinGroup.
    pub(super) is_classic: bool,
    pub(super) epoch: i32,
    pub(super) owned: Option<&'a Partitions>,
}

impl Work<'_> {
    /// Every heartbeat but those of members who leave.
    #[inline(never)]
    pub(in crate::coordinator) fn consumer_heartbeat(
        &mut self,
        slot: &mut Arc<Group>,
        rng: &mut Rng,
        caller: Caller,
        request: ConsumerGroupHeartbeatRequest,
    ) -> Result<(), Refusal> {
        let mut draft = self.consumer_draft(slot, request.member_epoch == 0)?;
        let response = draft.heartbeat(rng, caller, request)?;
        let reply = GroupResponse::ConsumerGroupHeartbeat(response);
        self.adopt(slot, draft, Some((caller.token, reply)));
        Ok(())
    }

    /// Says that a member was turned away.
    pub(in crate::coordinator) fn tell_fenced(&mut self, group: &Group, member_id: &str, error: ErrorCode) {
        let is_news = matches!(
            error,
            ErrorCode::FencedMemberEpoch | ErrorCode::UnknownMemberId | ErrorCode::UnreleasedInstanceId
        );
        if is_news || error == ErrorCode::FencedInstanceId {
            let (group, member) = (group.id.clone(), Arc::from(member_id));
            self.out.events.push(Event::MemberFenced { group, member, error });
        }
    }
}

impl Draft<'_> {
    #[inline(never)]
    fn heartbeat(
        &mut self,
        rng: &mut Rng,
        caller: Caller,
        request: ConsumerGroupHeartbeatRequest,
    ) -> Result<ConsumerGroupHeartbeatResponse, Refusal> {
        self.check_assignor(request.server_assignor.as_deref())?;
        self.check_room(&request.member_id)?;
        let is_joining = request.member_epoch == 0;
        let made = || Uuid::from_halves(rng.next_u64(), rng.next_u64()).to_string();
        let given = Some(request.member_id.clone()).filter(|id| !id.is_empty());
        let member_id: Arc<str> = given.unwrap_or_else(made).into();
        let owned = request.topic_partitions.as_ref().map(|owned| partitions_of(owned));
        let before = self.arrive(&Arrival {
            member_id: &member_id,
            instance_id: request.instance_id.as_deref(),
            is_joining,
            is_classic: false,
            epoch: request.member_epoch,
            owned: owned.as_ref(),
        })?;
        let is_full = request.rebalance_timeout_ms != -1
            && (request.subscribed_topic_names.is_some() || request.subscribed_topic_regex.is_some())
            && owned.is_some();
        let reason = self.subscribe(&before, subscription(&before.subscription, caller, request))?;
        let is_new_group = self.group.group_epoch == 0;
        self.raise_epoch(reason.or_else(|| is_new_group.then(|| format!("member {member_id} joined"))))?;
        self.retarget()?;
        self.reconcile(&member_id, owned.as_ref())?;
        self.keep_alive(&member_id);
        let after = self.group.member(&member_id).map(|member| member.current.clone()).unwrap_or_default();
        let is_told = is_joining || is_full || after.assigned != before.current.assigned;
        Ok(ConsumerGroupHeartbeatResponse {
            member_id: Some(member_id.to_string()),
            member_epoch: after.member_epoch,
            heartbeat_interval_ms: self.heartbeat_interval_ms(),
            assignment: is_told.then(|| assignment_of(&after.assigned)),
            ..ConsumerGroupHeartbeatResponse::default()
        })
    }

    fn check_assignor(&self, name: Option<&str>) -> Result<(), Refusal> {
        let Some(name) = name else { return Ok(()) };
        let known = &self.config.consumer_assignors;
        if known.names().any(|known| known == name) {
            return Ok(());
        }
        let all = known.names().collect::<Vec<_>>().join(", ");
        let message = format!("ServerAssignor {name} is not supported. Supported assignors: {all}.");
        Err(Refusal::new(ErrorCode::UnsupportedAssignor, message))
    }

    pub(super) fn check_room(&self, member_id: &str) -> Result<(), Refusal> {
        let max_size = usize::try_from(self.config.consumer_max_size).unwrap_or(0);
        if self.group.members.len() < max_size || self.group.members.contains_key(member_id) {
            return Ok(());
        }
        let message = format!("The consumer group has reached its maximum capacity of {max_size} members.");
        Err(Refusal::new(ErrorCode::GroupMaxSizeReached, message))
    }

    /// The member as it was until now, which may be nothing. A static member that comes back takes
    /// its own place under its new id.
    #[inline(never)]
    pub(super) fn arrive(&mut self, arrival: &Arrival) -> Result<ConsumerMember, Refusal> {
        let member_id = arrival.member_id;
        let known = match arrival.instance_id {
            None => self.group.member_arc(member_id).cloned(),
            Some(instance) => match self.group.static_member(instance).cloned() {
                Some(earlier) if arrival.is_joining => return self.replace(&earlier, arrival, instance),
                Some(member) if member.member_id != *member_id => {
                    let message = format!(
                        "Static member {member_id} with instance id {instance} was fenced by member {}.",
                        member.member_id
                    );
                    return Err(Refusal::new(ErrorCode::FencedInstanceId, message));
                }
                None if !arrival.is_joining => {
                    let message = format!("Instance id {instance} is unknown.");
                    return Err(Refusal::new(ErrorCode::UnknownMemberId, message));
                }
                Some(member) => Some(member),
                None => self.group.member_arc(member_id).cloned(),
            },
        };
        match known {
            Some(member) => {
                if !arrival.is_classic {
                    check_epoch(&member, arrival)?;
                }
                Ok(ConsumerMember::clone(&member))
            }
            None if arrival.is_joining => Ok(ConsumerMember::new(member_id.clone())),
            None => Err(self.unknown_member(member_id)),
        }
    }

    pub(super) fn unknown_member(&self, member_id: &str) -> Refusal {
        let message = format!("Member {member_id} is not a member of group {}.", self.id);
        Refusal::new(ErrorCode::UnknownMemberId, message)
    }

    fn check_released(
        &self,
        earlier: &ConsumerMember,
        arrival: &Arrival,
        instance: &str,
    ) -> Result<(), Refusal> {
        if arrival.is_classic || earlier.is_classic() || earlier.current.member_epoch == LEAVE_FOR_NOW {
            return Ok(());
        }
        let message = format!(
            "Static member {} with instance id {instance} cannot join the group because the instance id is owned \
             by {} member.",
            arrival.member_id, earlier.member_id
        );
        Err(Refusal::new(ErrorCode::UnreleasedInstanceId, message))
    }

    /// A static member under a new id: it keeps what it has and what it shall have.
    #[inline(never)]
    fn replace(
        &mut self,
        earlier: &ConsumerMember,
        arrival: &Arrival,
        instance: &str,
    ) -> Result<ConsumerMember, Refusal> {
        self.check_released(earlier, arrival, instance)?;
        let member_id = arrival.member_id.clone();
        let target = self.group.target(&earlier.member_id).clone();
        let mut current = earlier.current.clone();
        (current.member_epoch, current.previous_member_epoch) = (0, 0);
        self.remove(&earlier.member_id)?;
        let left = earlier.member_id.clone();
        self.events.push(Event::MemberLeft {
            group: self.id.clone(),
            member: left,
            reason: "its next process came",
        });
        let client = earlier.subscription.client_id.clone();
        self.events.push(Event::MemberJoined { group: self.id.clone(), member: member_id.clone(), client });
        let subscription = Arc::clone(&earlier.subscription);
        self.write(GroupChange::Member(member_id.clone(), Some(Arc::clone(&subscription))))?;
        self.write(GroupChange::Target(member_id.clone(), Some(Arc::new(target))))?;
        self.write(GroupChange::Current(member_id.clone(), Some(current.clone())))?;
        Ok(ConsumerMember { member_id, subscription, current })
    }

    /// Tombstones for a member.
    pub(super) fn remove(&mut self, member_id: &Arc<str>) -> Result<(), Refusal> {
        self.write(GroupChange::Current(member_id.clone(), None))?;
        self.write(GroupChange::Target(member_id.clone(), None))?;
        self.write(GroupChange::Member(member_id.clone(), None))
    }

    /// Notes what a member wants now. Returns why the group's epoch has to rise, if it has to.
    pub(super) fn subscribe(
        &mut self,
        before: &ConsumerMember,
        wants: Subscription,
    ) -> Result<Option<String>, Refusal> {
        let id = before.member_id.clone();
        let is_new = !self.group.members.contains_key(&id);
        let names_changed = wants.topic_names != before.subscription.topic_names;
        let regex = (before.subscription.topic_regex.clone(), wants.topic_regex.clone());
        if is_new {
            let (group, client) = (self.id.clone(), wants.client_id.clone());
            self.events.push(Event::MemberJoined { group, member: id.clone(), client });
        }
        if is_new || wants != *before.subscription {
            self.write(GroupChange::Member(id.clone(), Some(Arc::new(wants))))?;
        }
        let regex_resolved = self.update_regexes(regex)?;
        let reason = match (is_new, names_changed, regex_resolved) {
            (true, true, _) | (true, _, true) => Some(format!("member {id} joined")),
            (false, true, _) | (false, _, true) => Some(format!("member {id} changed its subscription")),
            _ => None,
        };
        Ok(reason)
    }
}

/// Whether a member's heartbeat carries the epoch that it should.
fn check_epoch(member: &ConsumerMember, arrival: &Arrival) -> Result<(), Refusal> {
    let (told, known) = (arrival.epoch, member.current.member_epoch);
    // Whoever was fenced joins again at epoch 0.
    if told == 0 || told == known {
        return Ok(());
    }
    let smaller = told < known;
    // The answer with the new epoch may have been lost.
    let is_retry = smaller
        && told == member.current.previous_member_epoch
        && arrival.owned.is_some_and(|owned| owned.is_subset(&member.current.assigned));
    if is_retry {
        return Ok(());
    }
    let how = if smaller { "smaller" } else { "greater" };
    let message = format!(
        "The consumer group member has a {how} member epoch ({told}) than the one known by the group coordinator \
         ({known}). The member must abandon all its partitions and rejoin."
    );
    Err(Refusal::new(ErrorCode::FencedMemberEpoch, message))
}

/// What the member wants by now: what the request does not say stays as it was.
fn subscription(
    before: &Subscription,
    caller: Caller,
    request: ConsumerGroupHeartbeatRequest,
) -> Subscription {
    let or_before = |now: Option<String>, before: &Option<Arc<str>>| now.map(Arc::from).or(before.clone());
    let names = request.subscribed_topic_names.map(|names| names.into_iter().map(Arc::from).collect());
    let timeout = Some(request.rebalance_timeout_ms).filter(|&timeout| timeout != -1);
    let regex = or_before(request.subscribed_topic_regex, &before.topic_regex);
    Subscription {
        instance_id: or_before(request.instance_id, &before.instance_id),
        rack_id: or_before(request.rack_id, &before.rack_id),
        client_id: caller.client_id.into(),
        client_host: caller.client_host.into(),
        topic_names: names.unwrap_or_else(|| before.topic_names.clone()),
        topic_regex: regex.filter(|regex| !regex.is_empty()),
        rebalance_timeout_ms: timeout.unwrap_or(before.rebalance_timeout_ms),
        server_assignor: or_before(request.server_assignor, &before.server_assignor),
        classic: None,
    }
}

fn partitions_of(owned: &[RequestTopicPartitions]) -> Partitions {
    flat(owned.iter().map(|topic| (topic.topic_id, topic.partitions.clone())))
}

fn assignment_of(assigned: &Partitions) -> Assignment {
    let topic = |(topic_id, partitions)| ResponseTopicPartitions { topic_id, partitions };
    Assignment { topic_partitions: by_topic(assigned).into_iter().map(topic).collect() }
}
