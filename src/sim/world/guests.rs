//! Programs outside: their connections, their bytes, and inputs of a recorded session.

use std::sync::Arc;

use crate::base::{CloseReason, ConnId, NodeId};
use crate::broker::{BROKER_PORT, EXTERNAL_PORT};
use crate::sim::{Command, CommandError, Guest, Health, Machine, Setup, Slot, World};
use crate::trace::{Entry, Event, Frame};

use super::{ADMIN, Scheduled, WORLD, What};

impl World {
    /// A world that nobody checks and whose digest nobody wants: what it remembers of a day's
    /// traffic is bounded by what its machines keep.
    pub fn unwatched(setup: Arc<Setup>) -> World {
        World { unwatched: true, ..World::new(setup) }
    }

    /// The node that stands for a program outside.
    pub fn guest(&self, client: &str) -> Option<NodeId> {
        self.guests.get(client).copied()
    }

    /// The name in the world of a guest's connection.
    pub fn guest_conn(&self, client: &str, number: u32) -> Option<ConnId> {
        self.guest(client).map(|node| conn_of(node, number))
    }

    /// How many bytes of requests a connection's server has not begun to deal with, those still
    /// on their way included.
    pub fn unserved_bytes(&self, conn: ConnId) -> u64 {
        let Some(line) = self.conns.get(&conn) else { return 0 };
        let server = self.nodes.get(&line.server).and_then(|slot| slot.machine.broker());
        let waiting = server.map_or(0, |broker| broker.waiting_on(conn).1);
        line.under_way + waiting
    }

    /// Whether the next thing to happen is an input of a recorded session: at its time it goes
    /// before all events, as it did when it was recorded.
    pub(super) fn input_is_next(&self) -> bool {
        let Some((at, _)) = self.setup.inputs.get(self.next_input as usize) else { return false };
        self.queue.keys().next().is_none_or(|(event, _)| at <= event)
    }

    pub(super) fn take_input(&mut self, trace: &mut Vec<Entry>) {
        let setup = Arc::clone(&self.setup);
        let Some((at, command)) = setup.inputs.get(self.next_input as usize) else { return };
        self.next_input += 1;
        self.now = self.now.max(*at);
        if let Err(error) = self.command(command, trace) {
            // A recording holds only what was obeyed; somebody has changed it.
            self.steps += 1;
            let first = trace.len();
            let what = format!("an input of the recording was refused: {error}").into();
            self.note(WORLD, 0, Event::Commanded { what }, trace);
            self.conclude(first, trace);
        }
    }

    /// Does what a program outside wants; what is refused changes nothing.
    pub(super) fn obey_guest(
        &mut self,
        command: &Command,
        trace: &mut Vec<Entry>,
    ) -> Result<(), CommandError> {
        let (client, number) = match command {
            Command::Connect { client, conn, broker } => {
                return self.guest_connects(client, *conn, broker, trace);
            }
            Command::Bytes { client, conn, .. } | Command::HangUp { client, conn, .. } => (client, *conn),
            _ => return Ok(()),
        };
        let node = self.guest(client).ok_or_else(|| CommandError::NoSuchNode(client.clone()))?;
        let conn = conn_of(node, number);
        match self.nodes.get(&node).map(|slot| slot.health) {
            Some(Health::Paused) => {
                // Its process does not get round to it before it goes on.
                let scheduled = Scheduled { cause: 0, what: What::Scripted(command.clone()) };
                self.backlog.entry(node).or_default().push(scheduled);
            }
            Some(Health::Up) => match command {
                Command::Bytes { data, .. } => self.guest_sends(node, conn, &data.0, trace),
                Command::HangUp { why, .. } => self.guest_ends(node, conn, why.as_deref(), trace),
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }

    fn guest_connects(
        &mut self,
        client: &str,
        number: u32,
        broker: &str,
        trace: &mut Vec<Entry>,
    ) -> Result<(), CommandError> {
        let server = self.find(broker).and_then(|id| self.nodes.get(&id));
        let max_request_bytes = match server.map(|slot| slot.machine.broker()) {
            Some(Some(server)) => server.config().socket_request_max_bytes,
            Some(None) => return Err(CommandError::NotA(broker.to_owned(), "broker")),
            None => return Err(CommandError::NoSuchNode(broker.to_owned())),
        };
        if number == 0 {
            return Err(CommandError::NoSuchConn(client.to_owned(), number));
        }
        let node = self.place_guest(client, trace)?;
        let slot = self.nodes.get(&node);
        if slot.is_some_and(|slot| slot.health != Health::Up) {
            return Err(CommandError::WrongState(client.to_owned(), "not running"));
        }
        let Some(guest) = self.guest_mut(node).filter(|guest| guest.is_free(number)) else {
            return Err(CommandError::NoSuchConn(client.to_owned(), number));
        };
        let conn = conn_of(node, number);
        guest.connected(conn, number, max_request_bytes);
        let port = if self.setup.cluster.advertised.is_empty() { BROKER_PORT } else { EXTERNAL_PORT };
        self.connect(node, 0, conn, broker, port, trace);
        Ok(())
    }

    /// The node of a program outside; a new one for a name that is new.
    fn place_guest(&mut self, client: &str, trace: &mut Vec<Entry>) -> Result<NodeId, CommandError> {
        if let Some(node) = self.guest(client) {
            return Ok(node);
        }
        if client.is_empty() || self.find(client).is_some() {
            return Err(CommandError::NameTaken(client.to_owned()));
        }
        let last = self.nodes.keys().next_back().map_or(ADMIN.0, |id| id.0);
        let id = NodeId(last.max(ADMIN.0) + 1);
        let machine = Machine::Guest(Box::default());
        let slot = Slot {
            health: Health::Up,
            started: self.now,
            ..Slot::new(client.to_owned(), machine, self.setup.seed)
        };
        self.nodes.insert(id, Arc::new(slot));
        self.guests.insert(client.into(), id);
        self.note(id, 0, Event::NodeStarted, trace);
        Ok(id)
    }

    fn guest_sends(&mut self, node: NodeId, conn: ConnId, data: &bytes::Bytes, trace: &mut Vec<Entry>) {
        let mut frames: Vec<Frame> = Vec::new();
        let Some(guest) = self.guest_mut(node) else { return };
        let heard = guest.hear(conn, data, &mut frames);
        for frame in frames {
            self.send(node, 0, conn, frame, trace);
        }
        if let Err(reason) = heard {
            // The broker's socket server closes without reading on; nothing of this reaches the
            // broker, so the guest's end says so.
            self.guest_ends(node, conn, Some(&reason), trace);
        }
    }

    fn guest_ends(&mut self, node: NodeId, conn: ConnId, why: Option<&str>, trace: &mut Vec<Entry>) {
        if let Some(guest) = self.guest_mut(node) {
            guest.forget(conn);
        }
        let cause = match why {
            Some(why) if self.conns.contains_key(&conn) => {
                self.note(node, 0, Event::RequestRejected { conn, reason: why.into() }, trace)
            }
            _ => 0,
        };
        self.close(node, cause, conn, CloseReason::ByPeer, trace);
    }

    fn guest_mut(&mut self, node: NodeId) -> Option<&mut Guest> {
        match &mut Arc::make_mut(self.nodes.get_mut(&node)?).machine {
            Machine::Guest(guest) => Some(guest),
            _ => None,
        }
    }
}

/// As machines name their own connections.
fn conn_of(node: NodeId, number: u32) -> ConnId {
    ConnId(u64::from(node.0) << 32 | u64::from(number))
}
