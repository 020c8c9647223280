//! The storage engine from outside: other clients' bytes, a naive model, and hostile input.
#![cfg(not(target_arch = "wasm32"))]

#[path = "storage/compression.rs"]
mod compression;
#[path = "storage/fuzz.rs"]
mod fuzz;
#[path = "storage/golden.rs"]
mod golden;
#[path = "storage/model.rs"]
mod model;
