//! The rebalance theatre: who owned which partition when, what that cost, and what each member
//! believes, for one group of one world.
//!
//! [`Fold`] reads a trace once, as it grows; everything else asks it, or the world as it stands.
//! Must not know that there are other worlds beside this one.

mod chart;
mod cues;
mod fold;
mod moves;
mod panel;
mod score;
mod sequence;
#[cfg(test)]
mod theatre_test;

pub(in crate::view) use chart::escaped;
pub use chart::{Chart, Fill, Frame, Label, SvgColours, export_svg};
pub use cues::cue;
pub use fold::{Fold, Holder, Lane, Mark, Round, StepBy};
pub use moves::{Cell, Matrix, MoveRow, matrix};
pub use panel::{MemberView, Panel, Wire, panel};
pub use score::{Score, report};
pub(in crate::view) use sequence::plain;
pub use sequence::{Sequence, sequence};

/// How many colours members have; with more, colours come again and letters tell them apart.
pub const COLOURS: u8 = 6;

/// A member's letter: A, B, …, Z, A2, …
pub fn letter(member: u8) -> String {
    let letter = char::from(b'A' + member % 26);
    match member / 26 {
        0 => letter.to_string(),
        round => format!("{letter}{}", round + 1),
    }
}
