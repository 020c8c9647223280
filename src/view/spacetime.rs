//! The space–time diagram: a line for each node, an arrow for each frame from the moment it leaves
//! to the moment it arrives, a mark for what happened in between.
//!
//! [`SpaceIndex`] reads a trace once, as it grows; a [`Picture`] is a window of it, laid out for a
//! canvas: no larger than what can be seen, however much happened. Lamport, "Time, Clocks, and the
//! Ordering of Events in a Distributed System" (1978), drew them first.

mod arrows;
mod causes;
mod draw;
mod export;
mod filter;
mod index;
mod labels;
mod perfetto;
mod picture;
#[cfg(test)]
mod spacetime_test;
mod window;

pub use causes::{Causes, Lit};
pub use draw::span_words;
pub use export::{mermaid, svg};
pub use filter::{Filter, about};
pub use index::{Arrow, End, Flow, Held, Life, Point, Role, Sort, SpaceIndex, SpaceNode};
pub use perfetto::Perfetto;
pub use picture::{Banner, Canvas, Label, Paint, Picture, Row, Spot, Tick, picture};
pub use window::Window;
