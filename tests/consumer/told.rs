//! A consumer's trace in short lines.

use terrarium::protocol::TopicPartition;
use terrarium::trace::Event;

/// A member's own view.
pub(crate) fn viewed(event: &Event) -> Option<String> {
    match event {
        Event::MemberStateChanged { to, generation, .. } => Some(format!("is {to} ({generation})")),
        _ => None,
    }
}

/// What consumers do, in a line.
pub(crate) fn told(event: &Event) -> Option<String> {
    let names = |partitions: &[TopicPartition]| {
        partitions.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    Some(match event {
        Event::PartitionsAssigned { partitions, .. } => format!("is assigned [{}]", names(partitions)),
        Event::PartitionsRevoked { partitions, .. } => format!("gives up [{}]", names(partitions)),
        Event::PartitionsLost { partitions, .. } => format!("loses [{}]", names(partitions)),
        Event::ListenerEntered { listener, partitions, .. } => {
            format!("{listener} [{}]", names(partitions))
        }
        Event::ListenerLeft { listener, .. } => format!("{listener} returned"),
        Event::PositionSet { at, offset, by } => format!("begins {at} at {offset} ({by})"),
        Event::RecordsFetched { at, offsets } => format!("fetched {at} {}..{}", offsets.from, offsets.to),
        Event::RecordsConsumed { at, offsets } => format!("consumed {at} {}..{}", offsets.from, offsets.to),
        Event::RecordsAcquired { at, offsets, delivery, .. } => {
            format!("acquired {at} {}..{} ({delivery})", offsets.from, offsets.to)
        }
        Event::RecordRefused { at, offset, then, .. } => format!("will {then} {at} {offset}"),
        Event::RecordsAcknowledged { at, offsets, then, error, .. } => {
            format!("{then} {at} {}..{}: {}", offsets.from, offsets.to, error.name())
        }
        Event::MetadataStale { error } => format!("has stale metadata: {}", error.name()),
        Event::ClientError { error, detail } => format!("error {}: {detail}", error.name()),
        _ => return None,
    })
}
