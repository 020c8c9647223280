//! The doors: programs outside, as the world sees them. Runs natively and on wasm.

#[path = "edge/door.rs"]
mod door;
#[path = "edge/rig.rs"]
mod rig;
