//! What wasm.mjs measures, for Node: whole loops inside wasm, so that crossing from JavaScript
//! is no part of the price. Nothing on other platforms.
#![cfg(target_arch = "wasm32")]

#[path = "worlds.rs"]
mod worlds;

use std::hint::black_box;

use bytes::Bytes;
use terrarium::base::Rng;
use terrarium::sim::{Run, World};
use terrarium::storage::{BatchBuilder, BatchOptions, RecordBatch};
use wasm_bindgen::prelude::wasm_bindgen;

/// A batch of records with a key of 8 bytes and a value of 92, to make and to read.
#[wasm_bindgen]
pub struct Batch {
    records: i64,
    bytes: Bytes,
}

#[wasm_bindgen]
impl Batch {
    /// Of so many records.
    #[wasm_bindgen(constructor)]
    pub fn new(records: i32) -> Batch {
        let records = records.into();
        Batch { records, bytes: build(records) }
    }

    /// The batch itself.
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.to_vec()
    }

    /// Makes it so many times; how many bytes that were.
    pub fn encode(&self, times: u32) -> f64 {
        (0..times).map(|_| build(black_box(self.records)).len() as f64).sum()
    }

    /// Parses it, checks its CRC and reads every record, so many times; how many bytes keys and
    /// values were.
    pub fn decode(&self, times: u32) -> f64 {
        (0..times).map(|_| read(black_box(&self.bytes))).sum()
    }
}

/// A batch that came from JavaScript, read once.
#[wasm_bindgen]
pub fn decode(bytes: Vec<u8>) -> f64 {
    read(&bytes.into())
}

/// Plays the loaded world; how many steps that took.
#[wasm_bindgen]
pub fn world_loaded() -> f64 {
    worlds::play(&mut World::new(worlds::loaded()), worlds::until()) as f64
}

/// Plays 65 seconds of the idle world, its start included; how many steps that took.
#[wasm_bindgen]
pub fn world_idle() -> f64 {
    worlds::play(&mut World::new(worlds::idle()), worlds::seconds(65)) as f64
}

/// A run to go back and forth in.
#[wasm_bindgen]
pub struct Scrub {
    run: Run,
    rng: Rng,
}

#[wasm_bindgen]
impl Scrub {
    /// At the beginning of the loaded world.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Scrub {
        Scrub { run: Run::new(worlds::loaded()), rng: Rng::stream(1, "scrub") }
    }

    /// Plays it like [`world_loaded`], with its history.
    pub fn play(&mut self) -> f64 {
        self.run.play_until(worlds::until(), u64::MAX) as f64
    }

    /// Plays on until there are so many trace entries; how many there are.
    pub fn play_to(&mut self, entries: u32) -> f64 {
        worlds::play_to(&mut self.run, entries.into());
        self.run.world().entries() as f64
    }

    /// Goes to so many steps, taken at random.
    pub fn jump(&mut self, times: u32) -> f64 {
        let head = self.run.branch().head();
        for _ in 0..times {
            self.run.go_to(self.rng.below(head + 1));
        }
        times.into()
    }
}

impl Default for Scrub {
    fn default() -> Scrub {
        Scrub::new()
    }
}

fn build(records: i64) -> Bytes {
    let options = BatchOptions { producer_epoch: 0, base_sequence: 0, ..BatchOptions::default() };
    let mut builder = BatchBuilder::new(options);
    for i in 0..records {
        let _ = builder.try_push(1_000 + i, Some(b"key-0001"), Some(&[b'v'; 92]), &[]);
    }
    builder.build()
}

fn read(bytes: &Bytes) -> f64 {
    let Ok((batch, _)) = RecordBatch::parse(bytes) else { return f64::NAN };
    if batch.check_crc().is_err() {
        return f64::NAN;
    }
    let length = |part: &Option<Bytes>| part.as_ref().map_or(0, Bytes::len) as f64;
    batch.records().map(|record| record.map_or(f64::NAN, |r| length(&r.key) + length(&r.value))).sum()
}
