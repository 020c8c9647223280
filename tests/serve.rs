//! The native door, by the real binary over real sockets.
// Native only: it runs the binary.
#![cfg(not(target_arch = "wasm32"))]

#[path = "serve/control.rs"]
mod control;
#[path = "serve/rig.rs"]
mod rig;
#[path = "serve/rough.rs"]
mod rough;
#[path = "serve/start.rs"]
mod start;
