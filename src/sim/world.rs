//! The scheduler: the next event in (time, number) order, one event per step.

mod faults;
mod guests;
mod obey;
mod place;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{CloseReason, ConnId, Digest, Effect, FlushKind, Input, Map, NodeId, SimTime};
use crate::broker::{BROKER_PORT, Broker, EXTERNAL_PORT};
use crate::client::{Admin, AdminCommand};
use crate::controller::Controller;
use crate::metadata::{CONTROLLER_ID, CONTROLLER_PORT, MetadataImage};
use crate::sim::network::{End, Fate, Freight, Parcel, Trap, line_of};
use crate::sim::node::{Asked, Stimulus, Timer};
use crate::sim::{
    ClientSetup, Combined, Command, CommandError, Conn, Flight, Health, Invariants, Link, Machine, Setup,
    Slot, Violation,
};
use crate::trace::{Entry, Event, Frame};
use crate::zookeeper::ZOOKEEPER_PORT;

use place::{bootstrap, external_of};

/// The node id of a controller that is alone; several count on from it.
pub const CONTROLLER: NodeId = NodeId(CONTROLLER_ID as u32);
/// The admin client's node id; the other clients follow.
pub const ADMIN: NodeId = NodeId(9999);
/// Stands for the world itself, which is no node.
const WORLD: NodeId = NodeId(9998);

/// A world at one moment. Cloning one is cheap: whatever is large is shared until it changes.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    setup: Arc<Setup>,
    now: SimTime,
    steps: u64,
    entries: u64,
    digest: Digest,
    next_event: u64,
    queue: BTreeMap<(SimTime, u64), Scheduled>,
    nodes: Map<NodeId, Arc<Slot>>,
    added_clients: Vec<Arc<ClientSetup>>,
    links: Map<(NodeId, NodeId), Link>,
    conns: Map<ConnId, Conn>,
    backlog: Map<NodeId, Vec<Scheduled>>,
    traps: Vec<Trap>,
    invariants: Arc<Invariants>,
    next_input: u64,
    guests: Map<Arc<str>, NodeId>,
    unwatched: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Scheduled {
    cause: u64,
    what: What,
}

#[derive(Clone, Debug, PartialEq)]
enum What {
    Start(NodeId),
    Arrival(Parcel),
    Timer(NodeId, Timer),
    Flushed { node: NodeId, file: u64, position: u64 },
    Scripted(Command),
    Told(NodeId, Stimulus),
}

impl World {
    /// The world before its first event.
    pub fn new(setup: Arc<Setup>) -> World {
        let mut world = World {
            now: SimTime::ZERO,
            steps: 0,
            entries: 0,
            digest: Digest::default(),
            next_event: 0,
            queue: BTreeMap::new(),
            nodes: Map::new(),
            added_clients: Vec::new(),
            links: Map::new(),
            conns: Map::new(),
            backlog: Map::new(),
            traps: Vec::new(),
            invariants: Arc::new(Invariants::new(setup.expect.clone())),
            next_input: 0,
            guests: Map::new(),
            unwatched: false,
            setup: Arc::clone(&setup),
        };
        world.digest.number(setup.seed);
        let voters = setup.cluster.voters();
        if let Some(config) = &setup.cluster.zookeeper {
            world.place_zookeeper(config);
        }
        let controller = |id: i32| {
            let config = Arc::clone(&setup.cluster.controller);
            Controller::of_quorum(id, voters.clone(), config)
        };
        let alone = !setup.cluster.combined && setup.cluster.zookeeper.is_none();
        for voter in voters.iter().filter(|_| alone) {
            let (id, name) = (NodeId(voter.id.unsigned_abs()), voter.host.clone());
            world.place(id, name, Machine::Controller(Box::new(controller(voter.id))), SimTime::ZERO);
        }
        for id in setup.cluster.broker_ids() {
            let broker = Broker::new(id as i32, Arc::clone(&setup.cluster.config), Default::default())
                .reached_at(external_of(&setup, id))
                .in_rack(setup.cluster.rack_of(id))
                .led_by(voters.clone())
                .on_zookeeper(setup.cluster.zookeeper.clone());
            let machine = match voters.get(id as i32).filter(|_| setup.cluster.zookeeper.is_none()) {
                Some(voter) => Machine::Combined(Box::new(Combined::new(broker, controller(voter.id)))),
                None => Machine::Broker(Box::new(broker)),
            };
            world.place(NodeId(id), format!("broker-{id}"), machine, SimTime::ZERO);
            if setup.cluster.is_spare(id) {
                world.end_process(NodeId(id), Health::Killed, 0);
            }
        }
        let admin = Admin::new(bootstrap(&setup));
        world.place(ADMIN, "admin".into(), Machine::Admin(Box::new(admin)), SimTime::ZERO);
        for client in &setup.clients {
            world.place_client(client);
        }
        for topic in &setup.cluster.topics {
            let command = AdminCommand::CreateTopic {
                topic: topic.name.clone(),
                partitions: topic.partitions,
                replication_factor: topic.replication_factor,
                configs: topic.configs.clone(),
                assignments: topic.assignments.clone(),
                brokers_needed: setup.cluster.brokers
                    - setup.cluster.spare_brokers.min(setup.cluster.brokers),
            };
            world.queue_for_admin(command);
        }
        for (at, command) in &setup.script {
            world.schedule(*at, 0, What::Scripted(command.clone()));
        }
        world
    }

    // ---- what there is to see ----

    /// What the world was made of.
    pub fn setup(&self) -> &Arc<Setup> {
        &self.setup
    }

    /// The time.
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// How many steps were taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// How many trace entries there are.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// The digest of all that happened.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Every node.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Slot)> {
        self.nodes.iter().map(|(id, slot)| (*id, &**slot))
    }

    /// One node.
    pub fn node(&self, id: NodeId) -> Option<&Slot> {
        self.nodes.get(&id).map(|slot| &**slot)
    }

    /// The node with this name.
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.nodes.iter().find(|(_, slot)| slot.name == name).map(|(id, _)| *id)
    }

    /// Every broker with its slot.
    pub fn brokers(&self) -> impl Iterator<Item = (NodeId, &Slot, &Broker)> {
        self.nodes().filter_map(|(id, slot)| Some((id, slot, slot.machine.broker()?)))
    }

    /// Every controller with its slot.
    pub fn controllers(&self) -> impl Iterator<Item = (NodeId, &Slot, &Controller)> {
        self.nodes().filter_map(|(id, slot)| Some((id, slot, slot.machine.controller()?)))
    }

    /// The controller that decides, of several in the latest epoch; while there is none, the one that knows
    /// most.
    pub fn controller(&self) -> Option<(&Slot, &Controller)> {
        let knows = |(_, slot, controller): &(NodeId, &Slot, &Controller)| {
            let facts = controller.quorum();
            let lives = matches!(slot.health, Health::Up | Health::Paused);
            (lives && facts.active, facts.epoch, lives, controller.image().end_offset)
        };
        self.controllers().max_by_key(knows).map(|(_, slot, controller)| (slot, controller))
    }

    /// The cluster as whoever decides has it: the controller; on ZooKeeper the broker that is it, and while none
    /// has read everything, as the brokers have heard.
    pub fn metadata(&self) -> Option<&MetadataImage> {
        match self.setup.cluster.zookeeper {
            None => self.controller().map(|(_, controller)| controller.image()),
            Some(_) => self.metadata_on_zookeeper(),
        }
    }

    /// Broken promises so far, expected ones included.
    pub fn violations(&self) -> &[Violation] {
        self.invariants.violations()
    }

    /// What the checkers know.
    pub fn invariants(&self) -> &Invariants {
        &self.invariants
    }

    /// The connection with this name.
    pub fn conn(&self, conn: ConnId) -> Option<&Conn> {
        self.conns.get(&conn)
    }

    /// A link's state, if anything was ever sent over it or done to it.
    pub fn link(&self, a: NodeId, b: NodeId) -> Option<&Link> {
        self.links.get(&pair(a, b))
    }

    /// Links that are cut or slower than at the start.
    pub fn disturbed_links(&self) -> impl Iterator<Item = (NodeId, NodeId, &Link)> {
        let usual = self.setup.network.latency_us;
        self.links
            .iter()
            .filter(move |(_, link)| link.is_disturbed(usual))
            .map(|((a, b), link)| (*a, *b, link))
    }

    /// Every frame in flight, held-up ones included.
    pub fn flights(&self) -> Vec<Flight> {
        let flight = |entry: u64, parcel: &Parcel, arrives| match &parcel.what {
            Freight::Frame(frame) => Some(Flight {
                entry,
                conn: parcel.conn,
                from: parcel.from,
                to: parcel.to,
                sent: parcel.sent,
                arrives,
                frame: frame.clone(),
            }),
            Freight::Closed(_) => None,
        };
        let moving = self.queue.iter().filter_map(|((at, _), scheduled)| match &scheduled.what {
            What::Arrival(parcel) => flight(scheduled.cause, parcel, Some(*at)),
            _ => None,
        });
        let held = self
            .links
            .values()
            .flat_map(|link| &link.held)
            .filter_map(|(cause, parcel)| flight(*cause, parcel, None));
        moving.chain(held).collect()
    }

    /// When the next event is due; `None` when nothing will ever happen again.
    pub fn next_at(&self) -> Option<SimTime> {
        let event = self.queue.keys().next().map(|(at, _)| *at);
        let input = self.setup.inputs.get(self.next_input as usize).map(|(at, _)| *at);
        match (event, input) {
            (Some(event), Some(input)) => Some(event.min(input)),
            (event, input) => event.or(input),
        }
    }

    // ---- what happens ----

    /// Takes the next event and does what follows from it, adding to `trace` what happened.
    /// False when there was none.
    pub fn step(&mut self, trace: &mut Vec<Entry>) -> bool {
        if self.input_is_next() {
            self.take_input(trace);
            return true;
        }
        let Some(((at, _), scheduled)) = self.queue.pop_first() else { return false };
        self.now = self.now.max(at);
        self.steps += 1;
        let first = trace.len();
        self.dispatch(scheduled, trace);
        self.conclude(first, trace);
        true
    }

    /// Does a command now, as a step of its own.
    ///
    /// # Errors
    /// When the command makes no sense in this world; nothing happened then.
    pub fn command(&mut self, command: &Command, trace: &mut Vec<Entry>) -> Result<(), CommandError> {
        let first = trace.len();
        if command.is_of_guest() {
            self.obey_guest(command, trace)?;
            self.steps += 1;
            self.conclude(first, trace);
            return Ok(());
        }
        let before = self.clone();
        self.steps += 1;
        if let Err(error) = self.obey(command, trace) {
            trace.truncate(first);
            *self = before;
            return Err(error);
        }
        self.conclude(first, trace);
        Ok(())
    }

    /// Lets time pass up to `until` without an event; later events stay where they are.
    pub fn idle_until(&mut self, until: SimTime) {
        let until = self.next_at().map_or(until, |next| next.min(until));
        self.now = self.now.max(until);
    }

    /// Checks the promises, then folds the step into the digest.
    fn conclude(&mut self, first: usize, trace: &mut Vec<Entry>) {
        if self.unwatched {
            return;
        }
        let (mut found, mut remarks) = (Vec::new(), Vec::new());
        Arc::make_mut(&mut self.invariants).check(&self.nodes, &trace[first..], &mut found, &mut remarks);
        for (cause, node, event) in remarks {
            self.note(node, cause, event, trace);
        }
        for (cause, violation) in found {
            let detail = violation.detail.clone();
            let event = Event::InvariantViolated { invariant: violation.invariant, detail };
            self.note(WORLD, cause, event, trace);
        }
        for entry in &trace[first..] {
            self.digest.value_of(entry);
            if let Event::Sent { frame, .. } = &entry.event {
                self.digest.bytes(&frame.bytes.whole());
            }
        }
    }

    fn schedule(&mut self, at: SimTime, cause: u64, what: What) -> (SimTime, u64) {
        self.next_event += 1;
        let key = (at.max(self.now), self.next_event);
        self.queue.insert(key, Scheduled { cause, what });
        key
    }

    fn note(&mut self, node: NodeId, cause: u64, event: Event, trace: &mut Vec<Entry>) -> u64 {
        self.entries += 1;
        trace.push(Entry { time: self.now, seq: self.entries, cause, node, event });
        self.entries
    }

    fn dispatch(&mut self, scheduled: Scheduled, trace: &mut Vec<Entry>) {
        let cause = scheduled.cause;
        if let What::Arrival(parcel) = scheduled.what {
            return self.arrive(cause, parcel, trace);
        }
        let node = match &scheduled.what {
            What::Start(node) | What::Timer(node, _) | What::Told(node, _) | What::Flushed { node, .. } => {
                *node
            }
            What::Arrival(_) => return,
            What::Scripted(command) => {
                if let Err(error) = self.obey(command, trace) {
                    let what = format!("a command of the script was refused: {error}").into();
                    self.note(WORLD, 0, Event::Commanded { what }, trace);
                }
                return;
            }
        };
        let Some(slot) = self.nodes.get_mut(&node) else { return };
        match slot.health {
            Health::Paused => return self.backlog.entry(node).or_default().push(scheduled),
            Health::Killed | Health::PoweredOff => return,
            Health::Waiting | Health::Up => {}
        }
        let (event, stimulus) = match scheduled.what {
            What::Told(_, stimulus) => {
                (Event::Commanded { what: "a command given while it stood still".into() }, stimulus)
            }
            What::Start(_) => {
                let slot = Arc::make_mut(slot);
                slot.health = Health::Up;
                slot.started = self.now;
                (Event::NodeStarted, Stimulus::Common(Input::Start))
            }
            What::Timer(_, timer) => {
                Arc::make_mut(slot).timers.remove(&timer);
                (Event::TimerFired { timer: timer.name() }, Stimulus::Timer(timer))
            }
            What::Flushed { file, position, .. } => {
                let event = Event::TimerFired { timer: "flushed" };
                (event, Stimulus::Common(Input::Flushed { file, position }))
            }
            What::Arrival(_) | What::Scripted(_) => return,
        };
        let root = self.note(node, cause, event, trace);
        self.drive(node, root, stimulus, trace);
    }

    fn drive(&mut self, node: NodeId, root: u64, stimulus: Stimulus, trace: &mut Vec<Entry>) {
        let Some(slot) = self.nodes.get_mut(&node) else { return };
        let before = slot.disk_full.then(|| Arc::clone(slot));
        let Asked { effects, trace: said } =
            Arc::make_mut(slot).step(self.now, self.setup.epoch_ms, node, root, stimulus);
        if let Some(before) = before
            && said.iter().any(|(_, _, event)| matches!(event, Event::RecordsAppended { .. }))
        {
            return self.halt(node, before, root, trace);
        }
        let mut ended = None;
        for (_, cause, event) in said {
            let is_end = matches!(event, Event::NodeStopped);
            let told = self.note(node, cause, event, trace);
            ended = ended.or(is_end.then_some(told));
        }
        for (cause, effect) in effects {
            self.apply(node, cause, effect, trace);
        }
        if let Some(cause) = ended {
            self.end_process(node, Health::Killed, cause);
        }
    }

    fn apply(&mut self, node: NodeId, cause: u64, effect: Effect<Timer>, trace: &mut Vec<Entry>) {
        match effect {
            Effect::Connect { conn, host, port } => self.connect(node, cause, conn, &host, port, trace),
            Effect::Send { conn, info, bytes } => {
                let size_bytes = bytes.len() as u32;
                self.send(node, cause, conn, Frame { info, size_bytes, bytes }, trace);
            }
            Effect::Close { conn } => self.close(node, cause, conn, CloseReason::ByPeer, trace),
            Effect::SetTimer { key, at } => {
                self.unset_timer(node, &key);
                let place = self.schedule(at, cause, What::Timer(node, key.clone()));
                if let Some(slot) = self.nodes.get_mut(&node) {
                    Arc::make_mut(slot).timers.insert(key, place);
                }
            }
            Effect::CancelTimer { key } => self.unset_timer(node, &key),
            Effect::Flush { file, position, kind } => {
                let delay = match kind {
                    FlushKind::Now => self.flush_us(node),
                    FlushKind::Background => self.setup.disk.writeback_us,
                };
                self.schedule(self.now + delay, cause, What::Flushed { node, file, position });
            }
        }
    }

    fn unset_timer(&mut self, node: NodeId, key: &Timer) {
        if let Some(slot) = self.nodes.get_mut(&node)
            && let Some(place) = Arc::make_mut(slot).timers.remove(key)
        {
            self.queue.remove(&place);
        }
    }

    // ---- the network ----

    fn link_mut(&mut self, a: NodeId, b: NodeId) -> &mut Link {
        let (a, b) = pair(a, b);
        let setup = &self.setup;
        let nodes = &self.nodes;
        let is_guest = |id| matches!(nodes.get(id).map(|slot| &slot.machine), Some(Machine::Guest(_)));
        self.links.entry((a, b)).or_insert_with(|| match a == b || is_guest(&a) || is_guest(&b) {
            true => Link::ideal(setup.seed, a, b),
            false => Link::new(setup.network, setup.seed, a, b),
        })
    }

    fn connect(
        &mut self,
        node: NodeId,
        cause: u64,
        conn: ConnId,
        host: &str,
        port: u16,
        trace: &mut Vec<Entry>,
    ) {
        let server = self.find(host).filter(|id| self.nodes.get(id).is_some_and(|slot| listens(slot, port)));
        let refused = |to| Parcel {
            conn,
            from: to,
            to: node,
            sent: SimTime::ZERO,
            what: Freight::Closed(if to == WORLD { CloseReason::UnknownHost } else { CloseReason::Refused }),
        };
        let Some(server) = server else {
            // Name resolution failed: told at once, by nobody.
            self.schedule(self.now + 1_000, cause, What::Arrival(refused(WORLD)));
            return;
        };
        let opened = self.note(node, cause, Event::ConnectionOpened { conn, to: server }, trace);
        let setup = self.setup.network;
        let link = self.link_mut(node, server);
        let ready = link.delay(setup, 0) + link.delay(setup, 0);
        let health = self.nodes.get(&server).map_or(Health::PoweredOff, |slot| slot.health);
        let mut made = Conn {
            client: node,
            server,
            port,
            under_way: 0,
            client_open: true,
            server_open: true,
            ready: self.now + ready,
            last_to_server: self.now,
            last_to_client: self.now,
        };
        if matches!(health, Health::Killed | Health::Waiting) {
            made.server_open = false;
            let at = made.ready;
            self.conns.insert(conn, made);
            self.schedule(at, opened, What::Arrival(refused(server)));
        } else {
            self.conns.insert(conn, made);
        }
    }

    fn send(&mut self, node: NodeId, cause: u64, conn: ConnId, frame: Frame, trace: &mut Vec<Entry>) {
        let Some(line) = self.conns.get(&line_of(conn)) else { return };
        let end = line.end_of(node, conn);
        if !line.is_open_at(end) {
            return;
        }
        let (there, ready) = (end.other(), line.ready);
        let (to, name, conn) = (line.node_at(there), line.name_at(there, conn), line_of(conn));
        let sent = self.note(node, cause, Event::Sent { conn, to, frame: frame.clone() }, trace);
        let trapped = self.traps.iter().position(|trap| {
            trap.from == node
                && trap.to == to
                && trap.kind == frame.info.kind
                && trap.api_key.is_none_or(|key| key == frame.info.api_key)
        });
        let fate = trapped.map(|index| self.spring(index));
        if fate == Some(Fate::Lost) {
            return self.lose(name, node, to, sent, frame, trace);
        }
        let setup = self.setup.network;
        let size = u64::from(frame.size_bytes);
        let late = if let Some(Fate::Late(late)) = fate { late } else { 0 };
        let delay = self.link_mut(node, to).delay_to(to, setup, size) + late;
        let start = self.now.max(ready);
        let parcel = Parcel { conn: name, from: node, to, sent: self.now, what: Freight::Frame(frame) };
        let Some(line) = self.conns.get_mut(&conn) else { return };
        if there == End::Server {
            line.under_way += size;
        }
        let at = line.in_order(there, start + delay);
        if fate == Some(Fate::Twice) {
            self.schedule(at, sent, What::Arrival(parcel.clone()));
        }
        self.schedule(at, sent, What::Arrival(parcel));
    }

    /// A frame is lost for good: TCP cannot go on, the connection breaks at both ends. It is named as where
    /// the frame should have gone.
    fn lose(
        &mut self,
        conn: ConnId,
        from: NodeId,
        to: NodeId,
        sent: u64,
        frame: Frame,
        trace: &mut Vec<Entry>,
    ) {
        let lost = self.note(from, sent, Event::Lost { conn: line_of(conn), to, frame }, trace);
        for (node, other) in [(from, to), (to, from)] {
            let setup = self.setup.network;
            let delay = self.link_mut(from, to).delay(setup, 0);
            if let Some(line) = self.conns.get_mut(&line_of(conn)) {
                let there = line.end_of(to, conn);
                let end = if (node, other) == (from, to) { there.other() } else { there };
                let (conn, at) = (line.name_at(end, conn), line.in_order(end, self.now + delay));
                let what = Freight::Closed(CloseReason::Reset);
                let parcel = Parcel { conn, from: other, to: node, sent: self.now, what };
                self.schedule(at, lost, What::Arrival(parcel));
            }
        }
    }

    /// `node` closes its end; the other end hears of it after everything that was sent before.
    fn close(&mut self, node: NodeId, cause: u64, conn: ConnId, reason: CloseReason, trace: &mut Vec<Entry>) {
        let Some(line) = self.conns.get_mut(&line_of(conn)) else { return };
        let end = line.end_of(node, conn);
        if !line.is_open_at(end) {
            return;
        }
        line.shut_at(end);
        let (to, name, conn) = (line.node_at(end.other()), line.name_at(end.other(), conn), line_of(conn));
        let cause = self.note(node, cause, Event::ConnectionClosed { conn, peer: to, reason }, trace);
        self.announce_close(node, cause, name, to, CloseReason::ByPeer);
    }

    /// Tells the other end, by the name that the connection has there.
    fn announce_close(&mut self, from: NodeId, cause: u64, conn: ConnId, to: NodeId, reason: CloseReason) {
        let setup = self.setup.network;
        let delay = self.link_mut(from, to).delay(setup, 0);
        let Some(line) = self.conns.get_mut(&line_of(conn)) else { return };
        let end = line.end_of(to, conn);
        if !line.is_open_at(end) {
            self.conns.remove(&line_of(conn));
            return;
        }
        let at = line.in_order(end, self.now + delay);
        let parcel = Parcel { conn, from, to, sent: self.now, what: Freight::Closed(reason) };
        self.schedule(at, cause, What::Arrival(parcel));
    }

    fn arrive(&mut self, cause: u64, parcel: Parcel, trace: &mut Vec<Entry>) {
        let (name, from, to) = (parcel.conn, parcel.from, parcel.to);
        if self.links.get(&pair(from, to)).is_some_and(|link| link.is_cut_to(to)) {
            return self.link_mut(from, to).held.push((cause, parcel));
        }
        let health = self.nodes.get(&to).map_or(Health::PoweredOff, |slot| slot.health);
        if health == Health::Paused {
            let scheduled = Scheduled { cause, what: What::Arrival(parcel) };
            return self.backlog.entry(to).or_default().push(scheduled);
        }
        let conn = line_of(name);
        let line = self.conns.get(&conn);
        let open = health == Health::Up && line.is_none_or(|line| line.is_open_at(line.end_of(to, name)));
        match parcel.what {
            Freight::Frame(frame) if open && self.conns.contains_key(&conn) => {
                let bytes = frame.bytes.clone();
                let port = self.landed(name, to, &frame);
                let root = self.note(to, cause, Event::Received { conn, from, frame }, trace);
                let input = Input::Frame { conn: name, from, port, bytes };
                self.drive(to, root, Stimulus::Common(input), trace);
            }
            Freight::Frame(frame) => {
                let back = line.map(|line| line.name_at(line.end_of(to, name).other(), conn));
                let lost = self.note(to, cause, Event::Lost { conn, to, frame }, trace);
                if let Some(back) = back.filter(|_| health != Health::PoweredOff) {
                    self.announce_close(to, lost, back, from, CloseReason::Reset);
                }
            }
            Freight::Closed(reason) if open => {
                if let Some(line) = self.conns.get_mut(&conn) {
                    line.shut_at(line.end_of(to, name));
                    if !line.client_open && !line.server_open {
                        self.conns.remove(&conn);
                    }
                }
                let event = Event::ConnectionClosed { conn, peer: from, reason };
                let root = self.note(to, cause, event, trace);
                self.drive(to, root, Stimulus::Common(Input::Closed { conn: name, reason }), trace);
            }
            Freight::Closed(_) => {
                self.conns.remove(&conn);
            }
        }
    }
}

impl World {
    /// A frame is no longer under way; the port of its connection.
    fn landed(&mut self, conn: ConnId, to: NodeId, frame: &Frame) -> u16 {
        let Some(line) = self.conns.get_mut(&line_of(conn)) else { return BROKER_PORT };
        if line.end_of(to, conn) == End::Server {
            line.under_way = line.under_way.saturating_sub(u64::from(frame.size_bytes));
        }
        line.port
    }
}

fn pair(a: NodeId, b: NodeId) -> (NodeId, NodeId) {
    if a <= b { (a, b) } else { (b, a) }
}

fn listens(slot: &Slot, port: u16) -> bool {
    match slot.machine {
        Machine::Broker(_) => matches!(port, BROKER_PORT | EXTERNAL_PORT),
        Machine::Combined(_) => matches!(port, BROKER_PORT | EXTERNAL_PORT | CONTROLLER_PORT),
        Machine::Controller(_) => port == CONTROLLER_PORT,
        Machine::ZooKeeper(_) => port == ZOOKEEPER_PORT,
        _ => false,
    }
}
