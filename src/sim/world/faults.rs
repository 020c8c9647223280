//! Faults of links, messages, disks and clocks, as commands ask for them.

use std::sync::Arc;

use crate::base::{ConnId, NodeId, SimTime, ms};
use crate::protocol::TopicPartition;
use crate::sim::network::{Fate, Freight, Parcel, Trap, line_of};
use crate::sim::{Command, CommandError, Health, Slot, World};
use crate::trace::{Entry, Event};

use super::obey::api_named;
use super::{Scheduled, What};

impl World {
    #[inline(never)]
    pub(super) fn obey_fault(
        &mut self,
        command: &Command,
        trace: &mut Vec<Entry>,
    ) -> Result<(), CommandError> {
        match command {
            Command::Delay { sent, by_ms } => return self.delay_flight(*sent, *by_ms, trace),
            Command::Duplicate { sent } => return self.double_flight(*sent, trace),
            Command::CutOneWay { from, to } => {
                let (a, b) = (self.named(from)?, self.named(to)?);
                self.link_mut(a, b).cut_to = Some(b);
                self.say(format!("cut the link from {from} to {to}"), trace);
            }
            Command::SlowOneWay { from, to, latency_ms } => {
                let (a, b) = (self.named(from)?, self.named(to)?);
                self.link_mut(a, b).slow_to = Some((b, ms(u64::from(*latency_ms))));
                self.say(format!("from {from} to {to} it takes {latency_ms} ms"), trace);
            }
            Command::SlowDisk { node, flush_ms } => {
                let id = self.named(node)?;
                if let Some(slot) = self.slot_mut(id) {
                    slot.flush_us = flush_ms.map(|flush_ms| ms(u64::from(flush_ms)));
                }
                let time = flush_ms.map_or("the usual time".to_owned(), |flush_ms| format!("{flush_ms} ms"));
                self.say(format!("a flush of {node} takes {time}"), trace);
            }
            Command::SetDiskFull { broker, on } => {
                let id = self.broker_named(broker)?;
                if let Some(slot) = self.slot_mut(id) {
                    slot.disk_full = *on;
                }
                let what = if *on { "is full" } else { "has room again" };
                self.say(format!("the disk of {broker} {what}"), trace);
            }
            Command::CorruptByte { broker, topic, partition, position } => {
                let at = TopicPartition::new(topic.as_str(), *partition);
                let offset = self.corrupt(broker, &at, *position)?;
                self.say(format!("a byte at offset {offset} of {at} on {broker} is corrupted"), trace);
            }
            Command::SkewClock { node, by_ms } => {
                let id = self.named(node)?;
                if let Some(slot) = self.slot_mut(id) {
                    slot.skew_ms = *by_ms;
                }
                self.say(format!("the clock of {node} is {by_ms} ms ahead"), trace);
            }
            _ => return self.set_trap(command, trace),
        }
        Ok(())
    }

    fn set_trap(&mut self, command: &Command, trace: &mut Vec<Entry>) -> Result<(), CommandError> {
        let (from, to, frame, api, count, fate, what) = match command {
            Command::DropNext { from, to, frame, api, count } => {
                (from, to, frame, api, count, Fate::Lost, "lose the next")
            }
            Command::DelayNext { from, to, frame, api, count, by_ms } => {
                (from, to, frame, api, count, Fate::Late(ms(u64::from(*by_ms))), "be late with the next")
            }
            Command::DuplicateNext { from, to, frame, api, count } => {
                (from, to, frame, api, count, Fate::Twice, "deliver twice the next")
            }
            _ => return Ok(()),
        };
        let api_key = match api {
            Some(name) => Some(api_named(name)?),
            None => None,
        };
        let (a, b) = (self.named(from)?, self.named(to)?);
        if *count > 0 {
            self.traps.push(Trap { from: a, to: b, api_key, kind: (*frame).into(), left: *count, fate });
        }
        let api = api.as_deref().unwrap_or("any");
        self.say(format!("{what} {api} {frame:?} from {from} to {to}"), trace);
        Ok(())
    }

    /// A trap has got its frame.
    pub(super) fn spring(&mut self, index: usize) -> Fate {
        let trap = &mut self.traps[index];
        trap.left -= 1;
        let fate = trap.fate;
        if trap.left == 0 {
            self.traps.remove(index);
        }
        fate
    }

    fn broker_named(&self, name: &str) -> Result<NodeId, CommandError> {
        let node = self.named(name)?;
        match self.nodes.get(&node).and_then(|slot| slot.machine.broker()) {
            Some(_) => Ok(node),
            None => Err(CommandError::NotA(name.to_owned(), "broker")),
        }
    }

    /// How long an `fsync` takes on this node's disk.
    pub(super) fn flush_us(&self, node: NodeId) -> u64 {
        let own = self.nodes.get(&node).and_then(|slot| slot.flush_us);
        own.unwrap_or(self.setup.disk.flush_us)
    }

    /// A broker could not write: that step has not happened, and its process ends.
    #[inline(never)]
    pub(super) fn halt(&mut self, node: NodeId, before: Arc<Slot>, cause: u64, trace: &mut Vec<Entry>) {
        self.nodes.insert(node, before);
        let what = "end, for nothing more can be written to its disk".into();
        let told = self.note(node, cause, Event::Commanded { what }, trace);
        let killed = self.note(node, told, Event::NodeKilled, trace);
        self.end_process(node, Health::Killed, killed);
    }

    fn corrupt(
        &mut self,
        broker: &str,
        at: &TopicPartition,
        position: Option<u64>,
    ) -> Result<i64, CommandError> {
        let node = self.broker_named(broker)?;
        let nothing = || CommandError::NoSuchByte(format!("{at} on {broker}"));
        let Some(machine) = self.slot_mut(node).and_then(|slot| slot.machine.broker_mut()) else {
            return Err(nothing());
        };
        let offset = machine.corrupt_byte(at, position).ok_or_else(nothing)?;
        Arc::make_mut(&mut self.invariants).corrupted(at);
        Ok(offset)
    }

    /// The frame that this entry says was sent, and when it would arrive.
    fn flight(&self, sent: u64) -> Option<(SimTime, Parcel)> {
        self.queue.iter().find_map(|((at, _), scheduled)| match &scheduled.what {
            What::Arrival(parcel) if scheduled.cause == sent && matches!(parcel.what, Freight::Frame(_)) => {
                Some((*at, parcel.clone()))
            }
            _ => None,
        })
    }

    fn double_flight(&mut self, sent: u64, trace: &mut Vec<Entry>) -> Result<(), CommandError> {
        let (at, parcel) = self.flight(sent).ok_or(CommandError::NotInFlight(sent))?;
        self.say(format!("deliver twice what entry {sent} sent"), trace);
        // A later event of the same time: right behind it.
        self.schedule(at, sent, What::Arrival(parcel));
        Ok(())
    }

    fn delay_flight(&mut self, sent: u64, by_ms: u32, trace: &mut Vec<Entry>) -> Result<(), CommandError> {
        let (from, parcel) = self.flight(sent).ok_or(CommandError::NotInFlight(sent))?;
        self.say(format!("be {by_ms} ms late with what entry {sent} sent"), trace);
        let (conn, to) = (parcel.conn, parcel.to);
        let is_behind = |at: SimTime, what: &What| match what {
            What::Arrival(parcel) => at >= from && (parcel.conn, parcel.to) == (conn, to),
            _ => false,
        };
        let behind: Vec<(SimTime, u64)> = self
            .queue
            .iter()
            .filter(|((at, _), scheduled)| is_behind(*at, &scheduled.what))
            .map(|(place, _)| *place)
            .collect();
        let mut earliest = from + ms(u64::from(by_ms));
        for place in behind {
            let Some(Scheduled { cause, what }) = self.queue.remove(&place) else { continue };
            let at = place.0.max(earliest);
            self.schedule(at, cause, what);
            earliest = at + 1;
        }
        self.hold_back(conn, to, earliest);
        Ok(())
    }

    /// Nothing sent from now on overtakes what was delayed.
    fn hold_back(&mut self, conn: ConnId, to: NodeId, until: SimTime) {
        if let Some(line) = self.conns.get_mut(&line_of(conn)) {
            line.in_order(line.end_of(to, conn), until);
        }
    }
}
