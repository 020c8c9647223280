//! Sentences about groups of the consumer protocol (KIP-848).

use super::phrases::{count, len, list, member, quoted, without_uuids};
use crate::trace::Event;

#[inline(never)]
pub(super) fn sentence(event: &Event) -> Option<String> {
    Some(match event {
        Event::GroupEpochBumped { group, group_epoch, reason } => format!(
            "Group {group} is at epoch {group_epoch}: {}. Who shall have what has to be decided again.",
            without_uuids(reason)
        ),
        Event::TargetAssigned { group, assignment_epoch, assignor, targets } => format!(
            "The coordinator of group {group} decided with the {assignor} assignor what {} shall have at epoch \
             {assignment_epoch}.",
            count(len(targets.len()), "member")
        ),
        Event::MemberReconciled { group, member: id, member_epoch, assigned, revoking, awaiting, .. } => {
            let (who, has) = (member(id), list(assigned, "partition"));
            if !revoking.is_empty() {
                let revoking = list(revoking, "partition");
                format!("In group {group}, {who} has to give up {revoking} first and keeps {has}.")
            } else if !awaiting.is_empty() {
                let awaiting = list(awaiting, "partition");
                format!(
                    "In group {group}, {who} is at epoch {member_epoch} with {has}, and waits until others have \
                     given up {awaiting}."
                )
            } else {
                format!("In group {group}, {who} has what it shall have at epoch {member_epoch}: {has}.")
            }
        }
        Event::MemberFenced { group, member: id, error } => format!(
            "Group {group} turned {} away with {}: it has to give up its partitions and join again.",
            member(id),
            error.name()
        ),
        Event::RegexResolved { group, regex, topics } => {
            format!(
                "In group {group}, the expression {} now stands for {}.",
                quoted(regex),
                list(topics, "topic")
            )
        }
        Event::GroupMigrated { group, from, to } => {
            format!("Group {group} went from the {from} to the {to} protocol while its members worked on.")
        }
        _ => return None,
    })
}

/// In a few words.
#[inline(never)]
pub(super) fn title(event: &Event) -> Option<String> {
    Some(match event {
        Event::GroupEpochBumped { group, group_epoch, .. } => format!("Group {group} at epoch {group_epoch}"),
        Event::TargetAssigned { group, assignment_epoch, .. } => {
            format!("Target of {group} for epoch {assignment_epoch}")
        }
        Event::MemberReconciled { member: id, revoking, .. } if !revoking.is_empty() => {
            format!("{} has to revoke", member(id))
        }
        Event::MemberReconciled { member: id, member_epoch, .. } => {
            format!("{} at epoch {member_epoch}", member(id))
        }
        Event::MemberFenced { member: id, .. } => format!("{} fenced", member(id)),
        Event::RegexResolved { regex, .. } => format!("Topics for {}", quoted(regex)),
        Event::GroupMigrated { group, to, .. } => format!("Group {group} is {to} now"),
        _ => return None,
    })
}
