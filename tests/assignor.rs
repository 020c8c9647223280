//! Assignors: what Java's own tests expect of them, what always holds, and the command line.
// Native only: proptest, and the binary.
#![cfg(not(target_arch = "wasm32"))]

#[path = "assignor/command_line.rs"]
mod command_line;
#[path = "assignor/properties.rs"]
mod properties;
#[path = "assignor/published.rs"]
mod published;
