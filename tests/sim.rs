//! The world as a whole: stories, promises over many seeds, history. Runs natively and, with
//! `wasm_bindgen_test`, under Node and in a browser.

#[path = "sim/combined.rs"]
mod combined;
#[path = "sim/compaction.rs"]
mod compaction;
#[path = "sim/eligible.rs"]
mod eligible;
#[path = "sim/faults.rs"]
mod faults;
#[path = "sim/history.rs"]
mod history;
#[path = "sim/promises.rs"]
mod promises;
#[path = "sim/quorum.rs"]
mod quorum;
#[path = "sim/shutdown.rs"]
mod shutdown;
#[path = "sim/snapshots.rs"]
mod snapshots;
#[path = "sim/stories.rs"]
mod stories;
#[path = "sim/survival.rs"]
mod survival;
#[path = "sim/truncation.rs"]
mod truncation;
#[path = "sim/worlds.rs"]
mod worlds;
#[path = "sim/zookeeper.rs"]
mod zookeeper;
