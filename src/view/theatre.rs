//! The rebalance theatre: who owned which partition when, what that cost, and what each member
//! believes, for one group of one world.
//!
//! [`Fold`] reads a trace once, as it grows; everything else asks it, or the world as it stands.
//! [`Play`] alone knows
//! that there are other worlds beside one.

mod chart;
mod cues;
mod elections;
#[cfg(test)]
mod elections_test;
mod fold;
mod moves;
mod panel;
mod play;
#[cfg(test)]
mod play_test;
mod score;
mod sequence;
mod sharers;
#[cfg(test)]
mod stories_test;
#[cfg(test)]
mod theatre_test;

pub(in crate::view) use chart::escaped;
pub use chart::{Chart, Fill, Frame, Label, SvgColours, export_svg};
pub use cues::{cue, is_server};
pub use elections::{ElectionScore, compares_elections};
pub use fold::{Fold, Holder, Lane, Mark, Round, StepBy};
pub use moves::{Cell, Matrix, MatrixKey, MoveRow, matrix, matrix_key};
pub use panel::{MemberView, Panel, Wire, panel};
pub use play::{Play, Sought};
pub use score::{Row, Score, election_report, report};
pub(in crate::view) use sequence::plain;
pub use sequence::{Sequence, sequence};
pub use sharers::Sharers;

/// A member's letter: A, B, …, Z, A2, …
pub fn letter(member: u8) -> String {
    let letter = char::from(b'A' + member % 26);
    match member / 26 {
        0 => letter.to_string(),
        round => format!("{letter}{}", round + 1),
    }
}
