//! A [`Door`] in terms that JavaScript has: numbers, strings of JSON, and arrays of bytes.

use std::sync::Arc;

use bytes::Bytes;
use js_sys::{Array, Uint8Array};
use serde::Serialize;
use serde_json::Value;
use terrarium::base::{ConnId, SimTime, ms, seconds};
use terrarium::edge::{Door, DoorOptions, Output};
use terrarium::scenario::{Files, Scenario};
use terrarium::sim::Command;
use wasm_bindgen::prelude::*;

/// By this time of the world, brokers serve or never will.
const WARM_UP: SimTime = SimTime(seconds(120));
/// What is to be written: the number of the connection, and the bytes.
const FRAME: u8 = 0;
/// What is closed: the number of the connection, and why.
const CLOSED: u8 = 1;
/// Who listens: the number of the broker, and whether it does.
const LISTENS: u8 = 2;

/// Who asks for a coordinator before anybody else; the name of clients that were given none.
const CLIENT: &str = "client";
/// FindCoordinator, version 1, of the group `g`: with the length in front.
const FIND_COORDINATOR: [u8; 18] = [0, 0, 0, 14, 0, 10, 0, 1, 0, 0, 0, 0, 255, 255, 0, 1, b'g', 0];
/// Where the answer has its error: after the correlation id and the throttle time.
const ERROR_AT: std::ops::Range<usize> = 8..10;
/// By then there is `__consumer_offsets`, or it cannot be created.
const COORDINATOR_WITHIN_US: u64 = seconds(3);
/// New partitions are followed after this: what a follower waits for on its leader does not include
/// them until `replica.fetch.wait.max.ms` is over.
const FOLLOWED_WITHIN_US: u64 = ms(600);

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console)]
    fn error(text: &str);
}

/// A world with an outside. Its times are microseconds, which numbers hold for 285 years.
#[wasm_bindgen]
pub struct Terrarium {
    door: Door,
}

#[wasm_bindgen]
impl Terrarium {
    /// The world of a scenario, as soon as its brokers serve and its topics are there. A watched
    /// one checks promises and computes the digest, and what it knows grows.
    #[wasm_bindgen(constructor)]
    pub fn new(scenario: &str, watched: bool, trace_entries: u32) -> Result<Terrarium, JsError> {
        std::panic::set_hook(Box::new(|info| error(&format!("kafka-terrarium: {info}"))));
        let scenario: Scenario = Scenario::parse(scenario)?;
        let setup = scenario.build(None, &Files::default())?;
        let mut door = Door::new(Arc::new(setup), DoorOptions { trace_entries, recorded: watched });
        if !door.warm_up(WARM_UP) {
            return Err(JsError::new("the brokers did not come up, or the topics cannot be created"));
        }
        found_coordinator(&mut door)?;
        while door.next_output().is_some() {}
        door.take_inputs();
        Ok(Terrarium { door })
    }

    /// The world's time.
    pub fn now(&self) -> f64 {
        self.door.now().0 as f64
    }

    /// When something will happen by itself.
    pub fn next_at(&self) -> f64 {
        self.door.next_at().map_or(f64::INFINITY, |at| at.0 as f64)
    }

    /// Lets it run up to, but without, the time `to`, but not more than `most` steps: whether it
    /// got there.
    pub fn advance(&mut self, to: f64, most: u32) -> bool {
        self.door.advance(SimTime(to as u64), most.into())
    }

    /// Lets it run until there is something to be done outside, but not past the time `to`, and
    /// not more than `most` steps.
    pub fn advance_to_output(&mut self, to: f64, most: u32) -> bool {
        self.door.advance_to_output(SimTime(to as u64), most.into())
    }

    /// A connection of the program `client` to a broker, from 1: its number.
    pub fn connect(&mut self, client: &str, broker: u32) -> Result<f64, JsError> {
        Ok(self.door.connect(client, broker)?.0 as f64)
    }

    /// Bytes from a connection.
    pub fn bytes(&mut self, conn: f64, data: &[u8]) {
        self.door.bytes(ConnId(conn as u64), Bytes::copy_from_slice(data));
        // Nobody records: what came in is forgotten.
        self.door.take_inputs();
    }

    /// A program closed a connection.
    pub fn hang_up(&mut self, conn: f64) {
        self.door.hang_up(ConnId(conn as u64), None);
    }

    /// Closes connections on which nothing was said for `connections.max.idle.ms`.
    pub fn hang_up_idle(&mut self) {
        self.door.hang_up_idle();
    }

    /// Whether a connection's broker is through with nearly all that it was sent.
    pub fn wants(&self, conn: f64, most: u32) -> bool {
        self.door.wants(ConnId(conn as u64), most.into())
    }

    /// What is to be done outside, oldest first: kind, number, and what belongs to it.
    pub fn next_output(&mut self) -> Option<Array> {
        let entry = |kind: u8, number: f64, what: JsValue| Array::of3(&kind.into(), &number.into(), &what);
        Some(match self.door.next_output()? {
            Output::Frame { conn, bytes } => {
                let length = bytes.len() as u32;
                let framed = Uint8Array::new_with_length(length + 4);
                framed.subarray(0, 4).copy_from(&length.to_be_bytes());
                framed.subarray(4, length + 4).copy_from(&bytes.whole());
                entry(FRAME, conn.0 as f64, framed.into())
            }
            Output::Closed { conn, reason } => entry(CLOSED, conn.0 as f64, (*reason).into()),
            Output::Listens { broker, on } => entry(LISTENS, broker.into(), on.into()),
        })
    }

    /// Does a command, as the script of a scenario has it.
    pub fn command(&mut self, command: &str) -> Result<(), JsError> {
        match serde_json::from_str(command)? {
            Command::Connect { .. } | Command::Bytes { .. } | Command::HangUp { .. } => {
                Err(JsError::new("what programs outside do comes by their sockets"))
            }
            command => Ok(self.door.command(command)?),
        }
    }

    /// Where everything stands.
    pub fn summary(&self) -> Result<String, JsError> {
        let mut summary = serde_json::to_value(self.door.world().summary())?;
        summary["connections"] = self.door.connections().into();
        if !self.door.is_recorded() {
            for unknown in ["digest", "records", "violations"] {
                summary[unknown] = Value::Null;
            }
        }
        Ok(summary.to_string())
    }

    /// What happened after trace entry number `after`, oldest first, at most `limit` entries.
    pub fn trace(&self, after: f64, limit: u32) -> Result<String, JsError> {
        #[derive(Serialize)]
        struct Trace<'a> {
            entries: Vec<&'a terrarium::trace::Entry>,
            next: u64,
            missed: bool,
        }
        let after = after as u64;
        let entries: Vec<_> = self.door.trace(after).take(limit as usize).collect();
        let next = entries.last().map_or(after, |entry| entry.seq);
        let missed = entries.first().is_some_and(|entry| entry.seq > after.saturating_add(1));
        Ok(serde_json::to_string(&Trace { entries, next, missed })?)
    }
}

/// Has `__consumer_offsets` created, as the first client with a group would: clients wait long
/// before they ask again. Where it cannot be created, whoever needs it is told.
fn found_coordinator(door: &mut Door) -> Result<(), JsError> {
    let conn = door.connect(CLIENT, 1)?;
    let until = door.now() + COORDINATOR_WITHIN_US;
    let mut asked = false;
    while door.now() < until {
        if !asked {
            door.bytes(conn, Bytes::from_static(&FIND_COORDINATOR));
            asked = true;
        }
        door.advance(door.now() + ms(10), u64::MAX);
        while let Some(output) = door.next_output() {
            match output {
                Output::Frame { bytes, .. } if bytes.whole().get(ERROR_AT) == Some(&[0, 0]) => {
                    door.advance(door.now() + FOLLOWED_WITHIN_US, u64::MAX);
                    door.hang_up(conn, None);
                    return Ok(());
                }
                Output::Frame { .. } => asked = false,
                _ => {}
            }
        }
    }
    door.hang_up(conn, None);
    Ok(())
}
