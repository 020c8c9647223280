//! The codec against another one, and against nonsense.
#![cfg(not(target_arch = "wasm32"))]

#[path = "protocol/every.rs"]
mod every;
#[path = "protocol/hostile.rs"]
mod hostile;
#[path = "protocol/oracle.rs"]
mod oracle;
