//! Narration: every trace entry as one plain sentence, with a headline and what kind it is of.
//!
//! Must not know who shows it. What happened is told in the past tense, the rule behind it in
//! the present.

mod consumer_groups;
mod events;
mod frames;
mod kinds;
mod names;
mod phrases;
mod quorum;
mod shares;
mod titles;
mod zookeeper;

pub use events::sentence;
pub use frames::{api_name as api_label, frame_name};
pub use kinds::{Category, StepKind, category};
pub use names::Names;
pub(super) use titles::place;
pub use titles::{flight_label, frame_label, subtitle, title};
