//! Sentences about the controllers' quorum (KIP-595, KIP-996).

use super::Names;
use super::phrases::quoted;
use crate::base::NodeId;
use crate::trace::{Event, Role};

#[inline(never)]
pub(super) fn sentence(event: &Event, who: &str, names: &Names) -> Option<String> {
    let name = |id: i32| names.node(NodeId(id.unsigned_abs()));
    Some(match event {
        Event::QuorumStateChanged { to, epoch, leader, why, .. } => {
            let does = match *to {
                "unattached" => "knows no leader".to_owned(),
                "voted" => "has given its vote and waits for the outcome".to_owned(),
                "prospective" => "asks whether it would be elected, before it disturbs anybody".to_owned(),
                "candidate" => "stands for election".to_owned(),
                "leader" => "leads the quorum".to_owned(),
                "follower" => format!("copies the metadata log of {}", name(*leader)),
                "resigned" => "has given up the lead".to_owned(),
                to => format!("is {to}"),
            };
            format!("{who} {does} in epoch {epoch}: {}.", quoted(why))
        }
        Event::VotesRequested { epoch, pre_vote: true } => {
            format!("{who} asked the others whether they would vote for it after epoch {epoch} (pre-vote).")
        }
        Event::VotesRequested { epoch, .. } => {
            format!("{who} voted for itself in epoch {epoch} and asked the others for their votes.")
        }
        Event::VoteCast { candidate, epoch, pre_vote, granted, why } => {
            let does = match (pre_vote, granted) {
                (true, true) => "would vote",
                (true, false) => "would not vote",
                (false, true) => "voted",
                (false, false) => "refused to vote",
            };
            format!("{who} {does} for {} in epoch {epoch}: {}.", name(*candidate), quoted(why))
        }
        Event::ControllerElected { epoch, votes } => {
            let votes: Vec<String> = votes.iter().map(|id| name(*id)).collect();
            format!("{who} was elected in epoch {epoch} by a majority: {}.", votes.join(", "))
        }
        Event::ControllerActivated { epoch, offset } => format!(
            "{who} is the active controller of epoch {epoch}: all before offset {offset} of the metadata log is \
             committed, and it decides from now on."
        ),
        Event::ControllerResigned { epoch, why } => {
            format!("{who} gave up the lead of epoch {epoch}: {}.", quoted(why))
        }
        Event::MetadataCommitted { role: Role::Leader, offsets, .. } => format!(
            "A majority of controllers has the metadata log up to offset {} on disk: it is committed.",
            offsets.to.saturating_sub(1)
        ),
        Event::MetadataCommitted { offsets, .. } => format!(
            "{who} heard that the metadata log is committed up to offset {}.",
            offsets.to.saturating_sub(1)
        ),
        Event::EligibleLeadersChanged { at, elr } if elr.is_empty() => {
            format!("{who} counts on nobody but the in-sync replicas of {at} to have all that is committed.")
        }
        Event::EligibleLeadersChanged { at, elr } => {
            let elr: Vec<String> = elr.iter().map(|id| name(*id)).collect();
            format!(
                "{who} keeps in mind that {} may lead {at}: with so few in sync nothing is committed that these do not \
                 have.",
                elr.join(", ")
            )
        }
        Event::SnapshotCreated { end_offset, size_bytes, .. } => format!(
            "{who} wrote a snapshot: all that the metadata log says before offset {end_offset}, in {size_bytes} bytes."
        ),
        Event::SnapshotFetched { end_offset, .. } => format!(
            "{who} is so far behind that the leader no longer has the records it lacks: it fetches the snapshot of \
             what is before offset {end_offset}."
        ),
        Event::SnapshotLoaded { end_offset, .. } => format!(
            "{who} has the whole snapshot: its metadata log begins at offset {end_offset} now, and goes on from there."
        ),
        Event::MetadataLogCleaned { log_start_offset } => format!(
            "{who} deleted what a snapshot tells as well: its metadata log begins at offset {log_start_offset}."
        ),
        _ => return None,
    })
}
