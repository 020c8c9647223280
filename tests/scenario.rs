//! Scenario files: what is wrong with one, what the gallery shows, what noise does.
// Native only: the schema is, and the gallery's worlds are played by the simulator's tests in wasm.
#![cfg(not(target_arch = "wasm32"))]

#[path = "scenario/faults.rs"]
mod faults;
#[path = "scenario/fuzz.rs"]
mod fuzz;
#[path = "scenario/gallery.rs"]
mod gallery;
#[path = "scenario/groups.rs"]
mod groups;
#[path = "scenario/history.rs"]
mod history;
#[path = "scenario/problems.rs"]
mod problems;
#[path = "scenario/racks.rs"]
mod racks;
#[path = "scenario/schema.rs"]
mod schema;
#[path = "scenario/throttles.rs"]
mod throttles;
#[path = "scenario/zookeeper.rs"]
mod zookeeper;
