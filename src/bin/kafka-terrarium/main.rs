//! What the npm package runs: a door for JavaScript. `index.js` beside this keeps the sockets and
//! the time, and calls it.
//!
//! These functions are a program of their own, not part of the library: they would be in the page
//! as well.

#[cfg(target_arch = "wasm32")]
mod ask;
#[cfg(target_arch = "wasm32")]
mod door;

fn main() {}
