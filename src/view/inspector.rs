//! One trace entry, opened up: words, facts, bytes, causes and consequences.

mod batch;
mod facts;
mod frame;
mod hex;
mod records;
#[cfg(test)]
mod records_test;

use crate::base::ConnId;
use crate::sim::Run;
use crate::trace::{Entry, Event};
use crate::view::why::{self, Why};
use crate::view::words::{Names, sentence, subtitle, title};

pub(super) use batch::text as shown_text;
pub use batch::{BatchView, RecordView, inspect_batch};
pub use frame::{FieldView, FrameView, frame_view};
pub use hex::{BYTES_PER_ROW, COLOURS, HexRow, HexRun, hex_rows};
pub use records::PartView;
pub(super) use records::{is_idle, log_records};

/// All there is to say of an entry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inspection {
    /// Its number.
    pub seq: u64,
    /// Headline.
    pub title: String,
    /// Where and when.
    pub subtitle: String,
    /// In words.
    pub sentence: String,
    /// Names and values.
    pub facts: Vec<(String, String)>,
    /// The frame, if the entry is about one.
    pub frame: Option<FrameView>,
    /// What led here.
    pub why: Why,
    /// What it led to: entry number and headline.
    pub leads_to: Vec<(u64, String)>,
}

/// Opens up entry `seq` of the branch being played; `None` if there is no such entry.
pub fn inspect(run: &Run, seq: u64) -> Option<Inspection> {
    let branch = run.branch();
    let entry = branch.entry(seq)?;
    let names = Names::of(run.world());
    Some(Inspection {
        seq,
        title: title(entry, &names),
        subtitle: subtitle(entry, &names),
        sentence: sentence(entry, &names),
        facts: facts::of(entry, &names),
        frame: frame_of(entry, &names),
        why: why::why(branch, &names, seq),
        leads_to: why::leads_to(branch, &names, seq),
    })
}

fn frame_of(entry: &Entry, names: &Names) -> Option<FrameView> {
    let (frame, from, to) = match &entry.event {
        Event::Sent { to, frame, .. } => (frame, names.node(entry.node), names.node(*to)),
        Event::Received { from, frame, .. } => (frame, names.node(*from), names.node(entry.node)),
        Event::Lost { to, frame, .. } if *to == entry.node => (frame, "somebody".to_owned(), names.node(*to)),
        Event::Lost { to, frame, .. } => (frame, names.node(entry.node), names.node(*to)),
        _ => return None,
    };
    Some(frame_view(frame, names, from, to))
}

/// A connection, as people can tell it from another: who opened it, and its number there.
fn conn_name(conn: ConnId, names: &Names) -> String {
    let opener = crate::base::NodeId((conn.0 >> 32) as u32);
    format!("number {} of {}", conn.0 as u32, names.node(opener))
}
