//! Sentences about what members of share groups do with records (KIP-932).

use super::phrases::{error_with_meaning, offsets, partition};
use super::titles::range;
use crate::protocol::ErrorCode;
use crate::trace::Event;

#[inline(never)]
pub(super) fn sentence(event: &Event, who: &str) -> Option<String> {
    Some(match event {
        Event::RecordsAcquired { group, at, offsets: acquired, delivery } => {
            let (what, at) = (offsets(*acquired), partition(at));
            match delivery {
                1 => format!(
                    "{who} acquired {what} of {at}: for a while nobody else in group {group} gets them."
                ),
                n => format!("{who} acquired {what} of {at} again: delivery {n} in group {group}."),
            }
        }
        Event::RecordRefused { at, offset, then, .. } => {
            let means = match *then {
                "release" => "somebody may try it again",
                _ => "nobody shall try it again",
            };
            format!("{who} did not process offset {offset} of {}; it will {then} it: {means}.", partition(at))
        }
        Event::RecordsAcknowledged { at, offsets: told, then, error: ErrorCode::None, .. } => {
            let means = match *then {
                "accept" => "they are done with",
                "release" => "they can be delivered again",
                "gap" => "there is nothing to deliver",
                _ => "they are never delivered again",
            };
            format!("{who} has acknowledged {} of {} ({then}): {means}.", offsets(*told), partition(at))
        }
        Event::RecordsAcknowledged { group, at, offsets: told, then, error } => format!(
            "{who} acknowledged {} of {} ({then}) in vain: {}. Somebody in group {group} will get them again.",
            offsets(*told),
            partition(at),
            error_with_meaning(*error)
        ),
        _ => return None,
    })
}

/// In a few words.
#[inline(never)]
pub(super) fn title(event: &Event) -> Option<String> {
    Some(match event {
        Event::RecordsAcquired { offsets, delivery: 1, .. } => format!("{} acquired", range(*offsets)),
        Event::RecordsAcquired { offsets, delivery, .. } => {
            format!("{} acquired, delivery {delivery}", range(*offsets))
        }
        Event::RecordRefused { offset, then, .. } => format!("Record {offset}: {then}"),
        Event::RecordsAcknowledged { offsets, then, error: ErrorCode::None, .. } => {
            format!("{} acknowledged: {then}", range(*offsets))
        }
        Event::RecordsAcknowledged { offsets, .. } => format!("{} acknowledged in vain", range(*offsets)),
        _ => return None,
    })
}
