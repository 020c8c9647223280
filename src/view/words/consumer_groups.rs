//! Sentences about groups of the consumer protocol (KIP-848).

use super::phrases::{
    count, len, list, member, offsets as offsets_of, partition, partition_label, quoted, without_uuids,
};
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
        Event::ShareRecordsChanged { group, member: id, at, offsets, state, delivery_count, reason } => {
            let (who, what, at) = (member(id), offsets_of(*offsets), partition(at));
            match (*state, *reason) {
                ("Acquired", _) => format!(
                    "In share group {group}, {who} acquired {what} of {at}: for a while nobody else gets them. \
                     Delivery {delivery_count}."
                ),
                ("Acknowledged", _) => {
                    format!("In share group {group}, {who} accepted {what} of {at}: done.")
                }
                ("Archived", "delivery count limit") => format!(
                    "Share group {group} gives up {what} of {at}: delivered {delivery_count} times, accepted never."
                ),
                ("Archived", "gap") => {
                    format!("In share group {group}, {who} found no records in {what} of {at}.")
                }
                ("Archived", _) => {
                    format!("In share group {group}, {who} rejected {what} of {at}: nobody gets them.")
                }
                (_, "released") => {
                    format!(
                        "In share group {group}, {who} released {what} of {at}: anybody may get them now."
                    )
                }
                (_, why) => format!(
                    "In share group {group}, {what} of {at} are {who}'s no longer ({why}): anybody may get them now."
                ),
            }
        }
        Event::ShareStartOffsetMoved { group, at, offset } => {
            format!(
                "Share group {group} is done with everything in {} before offset {offset}.",
                partition(at)
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
        Event::ShareRecordsChanged { at, offsets, reason, .. } => {
            format!("{} {}: {reason}", partition_label(at), offsets_of(*offsets))
        }
        Event::ShareStartOffsetMoved { group, at, offset } => {
            format!("{group} starts at {} {offset}", partition_label(at))
        }
        Event::GroupMigrated { group, to, .. } => format!("Group {group} is {to} now"),
        _ => return None,
    })
}
