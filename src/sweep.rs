//! Sweeps: random clusters, loads and faults, as many as one has patience for, with every promise
//! checked after every event; and of a run that broke one, the smallest that still does.
//!
//! Everything here is a pure function of a seed and a [`Profile`]: the same seed gives the same
//! [`Scenario`](crate::scenario::Scenario), the same run and the same digest, on every machine and
//! with any number of threads. Who runs the seeds, and where files go, is the command line's
//! business. Must not know files, threads or the clock.

mod draw;
mod faults;
mod generate;
mod play;
mod profile;
mod settled;
mod shrink;

pub use generate::scenario;
pub use play::{Found, Outcome, play};
pub use profile::Profile;
pub use shrink::{Shrunk, shrink};

#[cfg(test)]
mod sweep_test;
