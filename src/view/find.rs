//! Looking for an entry of a kind in what was played already.
//!
//! Playing on until one happens is [`crate::sim::Run::step_to`]'s work.

use crate::sim::Branch;
use crate::view::words::StepKind;

/// The first entry of the kind after entry `seq`, as far as the branch was ever played.
pub fn next(branch: &Branch, seq: u64, kind: StepKind) -> Option<u64> {
    let last = branch.trace().len() as u64;
    (seq.saturating_add(1)..=last).find(|seq| is(branch, *seq, kind))
}

/// The last entry of the kind before entry `seq`.
pub fn previous(branch: &Branch, seq: u64, kind: StepKind) -> Option<u64> {
    let last = (branch.trace().len() as u64).saturating_add(1);
    (1..seq.min(last)).rev().find(|seq| is(branch, *seq, kind))
}

/// What to say when playing on for a while gave no such entry.
pub fn absence(kind: StepKind) -> String {
    let hint = match kind {
        StepKind::RecordReplicated => "Only partitions with more than one replica have followers.",
        StepKind::RecordAcknowledged => "With acks=0 no broker answers.",
        StepKind::RecordConsumed
        | StepKind::OffsetCommitted
        | StepKind::MemberJoined
        | StepKind::PartitionsAssigned => "Is there a consumer, and is anything committed for it to read?",
        StepKind::LeaderElected | StepKind::IsrChanged | StepKind::LogTruncated => {
            "Try killing a broker, or cutting a link."
        }
        StepKind::Fault | StepKind::Violation | StepKind::Retry => "Nothing is broken; you may break it.",
        _ => "Perhaps nobody produces just now.",
    };
    format!("For a long while there was no \u{201c}{}\u{201d}. {hint}", kind.label())
}

fn is(branch: &Branch, seq: u64, kind: StepKind) -> bool {
    branch.entry(seq).is_some_and(|entry| kind.matches(&entry.event))
}
