//! What a world does on command.

use std::sync::Arc;

use crate::base::{ConnId, NodeId};
use crate::broker::BrokerCommand;
use crate::client::consumer::{GroupMembershipOperation, SeekTo};
use crate::client::workload::Text;
use crate::client::{AdminCommand, ConsumerCommand, ProducerCommand};
use crate::protocol::ApiKey;
use crate::sim::network::{Freight, line_of};
use crate::sim::node::Stimulus;
use crate::sim::{ClientKind, ClientSetup, Command, CommandError, Conn, Health, Machine, Slot, World};
use crate::trace::{Entry, Event};

use super::place::{bootstrap, machine_of};
use super::{ADMIN, Scheduled, WORLD, What};

const LIVE: &[Health] = &[Health::Up, Health::Paused];
const DEAD: &[Health] = &[Health::Killed, Health::PoweredOff];

impl World {
    #[inline(never)]
    pub(super) fn obey(&mut self, command: &Command, trace: &mut Vec<Entry>) -> Result<(), CommandError> {
        if self.setup.cluster.zookeeper.is_some() && command.needs_kraft() {
            return Err(CommandError::NeedsKRaft);
        }
        match command {
            Command::Kill { node } => {
                let node = self.in_health(node, LIVE)?;
                let cause = self.note(node, 0, Event::NodeKilled, trace);
                self.end_process(node, Health::Killed, cause);
            }
            Command::PowerLoss { node } => {
                let node = self.in_health(node, &[Health::Up, Health::Paused, Health::Killed])?;
                let lost_bytes = self.end_process(node, Health::PoweredOff, 0);
                self.note(node, 0, Event::PowerLost { lost_bytes }, trace);
            }
            Command::Restart { node: name } => {
                let node = self.named(name)?;
                if self.has_ended(node) {
                    self.end_process(node, Health::Killed, 0);
                }
                let node = self.in_health(name, DEAD)?;
                let cause = self.say(format!("restart {name}"), trace);
                if let Some(slot) = self.slot_mut(node) {
                    slot.health = Health::Waiting;
                }
                self.schedule(self.now, cause, What::Start(node));
            }
            Command::Pause { node } => {
                let node = self.in_health(node, &[Health::Up])?;
                if let Some(slot) = self.slot_mut(node) {
                    slot.health = Health::Paused;
                }
                self.note(node, 0, Event::NodePaused, trace);
            }
            Command::Resume { node } => {
                let node = self.in_health(node, &[Health::Paused])?;
                self.note(node, 0, Event::NodeResumed, trace);
                self.resume(node);
            }
            Command::Cut { a, b } | Command::Heal { a, b } | Command::Slow { a, b, .. } => {
                let (a, b) = (self.named(a)?, self.named(b)?);
                self.disturb_link(a, b, command, trace);
            }
            Command::Drop { sent } => self.drop_flight(*sent, trace)?,
            Command::DropNext { .. }
            | Command::DelayNext { .. }
            | Command::DuplicateNext { .. }
            | Command::Delay { .. }
            | Command::Duplicate { .. }
            | Command::CutOneWay { .. }
            | Command::SlowOneWay { .. }
            | Command::SlowDisk { .. }
            | Command::SetDiskFull { .. }
            | Command::CorruptByte { .. }
            | Command::SkewClock { .. } => self.obey_fault(command, trace)?,
            Command::Connect { .. } | Command::Bytes { .. } | Command::HangUp { .. } => {
                self.obey_guest(command, trace)?;
            }
            Command::Reconfigure { consumer, configs } => {
                let node = self.named(consumer)?;
                let Some(Machine::Consumer(machine)) = self.slot_mut(node).map(|slot| &mut slot.machine)
                else {
                    return Err(CommandError::NotA(consumer.clone(), "consumer"));
                };
                machine.reconfigure(configs.clone());
                let what = "be configured otherwise from its next start on".into();
                self.note(node, 0, Event::Commanded { what }, trace);
            }
            _ => self.obey_for_client(command, trace)?,
        }
        Ok(())
    }

    /// Whether a consumer's process has come to its end by itself.
    fn has_ended(&self, node: NodeId) -> bool {
        let machine = self.nodes.get(&node).map(|slot| &slot.machine);
        matches!(machine, Some(Machine::Consumer(consumer)) if consumer.has_ended())
    }

    #[inline(never)]
    fn obey_for_client(&mut self, command: &Command, trace: &mut Vec<Entry>) -> Result<(), CommandError> {
        let (name, what, stimulus) = match command {
            Command::Send { producer, topic, partition, key, value, headers } => {
                let record = ProducerCommand::SendRecord {
                    topic: topic.as_str().into(),
                    partition: *partition,
                    key: key.as_deref().map(text),
                    value: value.as_deref().map(text),
                    headers: headers.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
                };
                (producer, format!("send a record to {topic}"), Stimulus::Producer(record))
            }
            Command::SetProducing { producer, on } => {
                let what = if *on { "produce" } else { "stop producing" };
                (producer, what.to_owned(), Stimulus::Producer(ProducerCommand::SetPaused { paused: !on }))
            }
            Command::SetStuck { consumer, on } => {
                let what = if *on { "hang" } else { "go on" };
                (consumer, what.to_owned(), Stimulus::Consumer(ConsumerCommand::SetStuck { stuck: *on }))
            }
            Command::SetProcessMs { consumer, ms } => {
                let what = format!("take {ms} ms for a record");
                (
                    consumer,
                    what,
                    Stimulus::Consumer(ConsumerCommand::SetProcessMs { process_ms: u64::from(*ms) }),
                )
            }
            Command::Seek { consumer, topic, partition, offset } => {
                let what = format!("seek {topic}-{partition} to {offset}");
                let to = match offset {
                    -2 => SeekTo::Beginning,
                    -1 => SeekTo::End,
                    offset => SeekTo::Offset(*offset),
                };
                let seek = ConsumerCommand::Seek { topic: topic.as_str().into(), partition: *partition, to };
                (consumer, what, Stimulus::Consumer(seek))
            }
            Command::SeekToTime { .. }
            | Command::SetPaused { .. }
            | Command::Subscribe { .. }
            | Command::SetListenerMs { .. } => match consumer_command(command) {
                Some((consumer, what, command)) => (consumer, what, Stimulus::Consumer(command)),
                None => return Ok(()),
            },
            Command::Commit { consumer } => {
                (consumer, "commit".to_owned(), Stimulus::Consumer(ConsumerCommand::Commit))
            }
            Command::Stop { node, membership } => self.stop_of(node, *membership)?,
            Command::CreateTopic { topic, partitions, replication_factor, configs } => {
                let create = AdminCommand::CreateTopic {
                    topic: topic.clone(),
                    partitions: *partitions,
                    replication_factor: *replication_factor,
                    configs: configs.clone(),
                    assignments: Vec::new(),
                    brokers_needed: 1,
                };
                (&self.name_of(ADMIN), format!("create topic {topic}"), Stimulus::Admin(create))
            }
            Command::DeleteTopic { topic } => {
                let delete = AdminCommand::DeleteTopic { topic: topic.clone() };
                (&self.name_of(ADMIN), format!("delete topic {topic}"), Stimulus::Admin(delete))
            }
            Command::AddPartitions { topic, partitions } => {
                let add = AdminCommand::AddPartitions { topic: topic.clone(), partitions: *partitions };
                let what = format!("give {topic} {partitions} partitions");
                (&self.name_of(ADMIN), what, Stimulus::Admin(add))
            }
            Command::Reassign { .. } | Command::ElectLeaders { .. } => match admin_command(command) {
                Some((what, command)) => (&self.name_of(ADMIN), what, Stimulus::Admin(command)),
                None => return Ok(()),
            },
            Command::SetConfig { topic, name, value } => {
                let shown = value.as_deref().unwrap_or("its default");
                let what = format!("set {name} of {topic} to {shown}");
                let set = AdminCommand::SetConfig {
                    topic: topic.clone(),
                    name: name.clone(),
                    value: value.clone(),
                };
                (&self.name_of(ADMIN), what, Stimulus::Admin(set))
            }
            Command::AddConsumer { group, name } => return self.add_consumer(group, name.as_deref(), trace),
            // The rest is the world's own, and done.
            _ => return Ok(()),
        };
        let node = self.in_health(name, LIVE)?;
        match (&stimulus, self.nodes.get(&node).map(|slot| &slot.machine)) {
            (Stimulus::Producer(_), Some(Machine::Producer(_)))
            | (Stimulus::Consumer(_), Some(Machine::Consumer(_)))
            | (Stimulus::Broker(_), Some(Machine::Broker(_) | Machine::Combined(_)))
            | (Stimulus::Admin(_), Some(Machine::Admin(_))) => {}
            (Stimulus::Producer(_), _) => return Err(CommandError::NotA(name.clone(), "producer")),
            _ => return Err(CommandError::NotA(name.clone(), "consumer")),
        }
        let root = self.note(node, 0, Event::Commanded { what: what.into() }, trace);
        if self.nodes.get(&node).is_some_and(|slot| slot.health == Health::Paused) {
            self.backlog
                .entry(node)
                .or_default()
                .push(Scheduled { cause: root, what: What::Told(node, stimulus) });
        } else {
            self.drive(node, root, stimulus, trace);
        }
        Ok(())
    }

    fn stop_of<'a>(
        &self,
        name: &'a String,
        membership: GroupMembershipOperation,
    ) -> Result<(&'a String, String, Stimulus), CommandError> {
        let node = self.named(name)?;
        let stimulus = match self.nodes.get(&node).map(|slot| &slot.machine) {
            Some(Machine::Consumer(_)) => Stimulus::Consumer(ConsumerCommand::Close { membership }),
            Some(Machine::Producer(_)) => Stimulus::Producer(ProducerCommand::SetPaused { paused: true }),
            Some(Machine::Broker(_) | Machine::Combined(_)) => Stimulus::Broker(BrokerCommand::ShutDown),
            _ => return Err(CommandError::NotA(name.clone(), "client or broker")),
        };
        let what = match membership {
            GroupMembershipOperation::Default => "stop",
            GroupMembershipOperation::LeaveGroup => "stop, and leave its group for good",
            GroupMembershipOperation::RemainInGroup => "stop, but stay in its group",
        };
        Ok((name, what.to_owned(), stimulus))
    }

    fn add_consumer(
        &mut self,
        group: &str,
        name: Option<&str>,
        trace: &mut Vec<Entry>,
    ) -> Result<(), CommandError> {
        let all = self.setup.clients.iter().chain(self.added_clients.iter().map(|client| &**client));
        let model = all.into_iter().find_map(|client| match &client.kind {
            ClientKind::Consumer(config, app) if config.group_id.as_deref() == Some(group) => {
                Some((client.name.clone(), ClientKind::Consumer(Arc::clone(config), Arc::clone(app))))
            }
            _ => None,
        });
        let (like, kind) = model.ok_or_else(|| CommandError::NoSuchGroup(group.to_owned()))?;
        let name = match name {
            Some(name) if self.find(name).is_some() => return Err(CommandError::NameTaken(name.to_owned())),
            Some(name) => name.to_owned(),
            None => self.next_name(&like),
        };
        let kind = match kind {
            // Ids that are the model's name are nobody's choice: the new one has its own.
            ClientKind::Consumer(mut config, app) => {
                let is_own = |id: &str| *id == *like;
                if is_own(&config.client_id) {
                    Arc::make_mut(&mut config).client_id = name.as_str().into();
                }
                if config.group_instance_id.as_deref().is_some_and(is_own) {
                    Arc::make_mut(&mut config).group_instance_id = Some(name.as_str().into());
                }
                ClientKind::Consumer(config, app)
            }
            kind => kind,
        };
        let client = ClientSetup { name: name.clone(), start: self.now, kind };
        self.say(format!("add consumer {name} to group {group}"), trace);
        self.place_client(&client);
        self.added_clients.push(Arc::new(client));
        Ok(())
    }

    /// `dashboards-1` → the first free `dashboards-N`.
    fn next_name(&self, like: &str) -> String {
        let stem = like.trim_end_matches(|c: char| c.is_ascii_digit());
        let stem = if stem.is_empty() || stem == like { format!("{like}-") } else { stem.to_owned() };
        let mut number = 1_u32;
        loop {
            let name = format!("{stem}{number}");
            if self.find(&name).is_none() {
                return name;
            }
            number += 1;
        }
    }

    pub(super) fn say(&mut self, what: String, trace: &mut Vec<Entry>) -> u64 {
        self.note(WORLD, 0, Event::Commanded { what: what.into() }, trace)
    }

    pub(super) fn named(&self, name: &str) -> Result<NodeId, CommandError> {
        self.find(name).ok_or_else(|| CommandError::NoSuchNode(name.to_owned()))
    }

    fn name_of(&self, node: NodeId) -> String {
        self.nodes.get(&node).map(|slot| slot.name.clone()).unwrap_or_default()
    }

    pub(super) fn slot_mut(&mut self, node: NodeId) -> Option<&mut Slot> {
        self.nodes.get_mut(&node).map(Arc::make_mut)
    }

    fn in_health(&self, name: &str, wanted: &[Health]) -> Result<NodeId, CommandError> {
        let node = self.named(name)?;
        let health = self.nodes.get(&node).map_or(Health::PoweredOff, |slot| slot.health);
        if wanted.contains(&health) {
            return Ok(node);
        }
        let state = match health {
            Health::Waiting => "not started yet",
            Health::Up => "running",
            Health::Paused => "paused",
            Health::Killed => "dead",
            Health::PoweredOff => "without power",
        };
        Err(CommandError::WrongState(name.to_owned(), state))
    }

    fn resume(&mut self, node: NodeId) {
        if let Some(slot) = self.slot_mut(node) {
            slot.health = Health::Up;
        }
        for Scheduled { cause, what } in self.backlog.remove(&node).unwrap_or_default() {
            let place = self.schedule(self.now, cause, what.clone());
            if let What::Timer(_, key) = what
                && let Some(slot) = self.slot_mut(node)
            {
                slot.timers.insert(key, place);
            }
        }
    }

    /// Ends a process: its timers and memory are gone, its disk stays. A killed process's
    /// connections are closed by its operating system; a machine without power tells nobody and
    /// loses what was not flushed. Returns how many bytes that was.
    pub(super) fn end_process(&mut self, node: NodeId, health: Health, cause: u64) -> u64 {
        self.queue.retain(|_, scheduled| match &scheduled.what {
            What::Timer(id, _) | What::Start(id) | What::Told(id, _) => *id != node,
            What::Flushed { node: id, .. } => *id != node,
            What::Arrival(_) | What::Scripted(_) => true,
        });
        self.backlog.remove(&node);
        self.conns.retain(|_, line| !line.is_loop() || line.client != node);
        let is_end = |line: &Conn| line.client == node || line.server == node;
        let is_open = |conn: ConnId, line: &Conn| is_end(line) && line.is_open_at(line.end_of(node, conn));
        let ends: Vec<_> =
            self.conns.iter().filter(|(id, line)| is_open(**id, line)).map(|(id, _)| *id).collect();
        for conn in ends {
            let Some(line) = self.conns.get_mut(&conn) else { continue };
            let end = line.end_of(node, conn);
            line.shut_at(end);
            let peer = line.node_at(end.other());
            if health == Health::Killed {
                self.announce_close(node, cause, conn, peer, crate::base::CloseReason::ByPeer);
            }
        }
        self.reset_machine(node, health)
    }

    fn reset_machine(&mut self, node: NodeId, health: Health) -> u64 {
        let setup = Arc::clone(&self.setup);
        let added = self.added_clients.clone();
        let Some(slot) = self.slot_mut(node) else { return 0 };
        slot.health = health;
        slot.timers.clear();
        let power_lost = health == Health::PoweredOff;
        let mut lost_bytes = 0;
        match &mut slot.machine {
            Machine::Broker(broker) => {
                **broker = broker.after_crash();
                if power_lost {
                    lost_bytes = broker.lose_power(&mut slot.rng);
                }
            }
            Machine::Combined(combined) => {
                **combined = combined.after_crash();
                if power_lost {
                    lost_bytes = combined.lose_power(&mut slot.rng);
                }
            }
            Machine::Controller(controller) => {
                **controller = controller.after_crash();
                if power_lost {
                    lost_bytes = controller.lose_power(&mut slot.rng);
                }
            }
            Machine::ZooKeeper(server) => **server = server.after_crash(),
            Machine::Producer(_) | Machine::Consumer(_) => {
                let all = setup.clients.iter().chain(added.iter().map(|client| &**client));
                if let Some(client) = all.into_iter().find(|client| client.name == slot.name) {
                    let before = std::mem::replace(&mut slot.machine, machine_of(client, &setup));
                    if let (Machine::Consumer(before), Machine::Consumer(after)) = (before, &mut slot.machine)
                    {
                        after.configure_next_start(before.config_of_next_start());
                    }
                }
            }
            Machine::Admin(admin) => **admin = crate::client::Admin::new(bootstrap(&setup)),
            Machine::Guest(guest) => guest.forget_all(),
        }
        lost_bytes
    }

    fn disturb_link(&mut self, a: NodeId, b: NodeId, command: &Command, trace: &mut Vec<Entry>) {
        let link = self.link_mut(a, b);
        match command {
            Command::Cut { .. } => {
                link.cut = true;
                self.note(WORLD, 0, Event::LinkCut { a, b }, trace);
            }
            Command::Slow { latency_ms, .. } => {
                let latency_us = u64::from(*latency_ms) * 1_000;
                (link.latency_us, link.slow_to) = (latency_us, None);
                self.note(WORLD, 0, Event::LinkSlowed { a, b, latency_us }, trace);
            }
            _ => {
                (link.cut, link.cut_to) = (false, None);
                let held = std::mem::take(&mut link.held);
                self.note(WORLD, 0, Event::LinkHealed { a, b }, trace);
                let network = self.setup.network;
                for (cause, parcel) in held {
                    let delay = self.link_mut(a, b).delay(network, 0);
                    let at = match self.conns.get_mut(&line_of(parcel.conn)) {
                        Some(line) => line.in_order(line.end_of(parcel.to, parcel.conn), self.now + delay),
                        None => self.now + delay,
                    };
                    self.schedule(at, cause, What::Arrival(parcel));
                }
            }
        }
    }

    fn drop_flight(&mut self, sent: u64, trace: &mut Vec<Entry>) -> Result<(), CommandError> {
        let is_it = |cause: u64, what: &What| match what {
            What::Arrival(parcel) => cause == sent && matches!(parcel.what, Freight::Frame(_)),
            _ => false,
        };
        let place =
            self.queue.iter().find(|(_, event)| is_it(event.cause, &event.what)).map(|(place, _)| *place);
        let parcel = match place.and_then(|place| self.queue.remove(&place)) {
            Some(Scheduled { what: What::Arrival(parcel), .. }) => Some(parcel),
            _ => self.links.values_mut().find_map(|link| {
                let index = link.held.iter().position(|(cause, _)| *cause == sent)?;
                Some(link.held.remove(index).1)
            }),
        };
        match parcel {
            Some(parcel) => {
                let (conn, from, to) = (parcel.conn, parcel.from, parcel.to);
                if let Freight::Frame(frame) = parcel.what {
                    self.lose(conn, from, to, sent, frame, trace);
                }
                Ok(())
            }
            None => Err(CommandError::NotInFlight(sent)),
        }
    }
}

/// Of a command that only a consumer knows: for which one, what it says, and in its own words.
#[inline(never)]
fn consumer_command(command: &Command) -> Option<(&String, String, ConsumerCommand)> {
    Some(match command {
        Command::SeekToTime { consumer, topic, partition, timestamp_ms } => {
            let what = format!("seek {topic}-{partition} to time {timestamp_ms}");
            let to = SeekTo::Timestamp(*timestamp_ms);
            (
                consumer,
                what,
                ConsumerCommand::Seek { topic: topic.as_str().into(), partition: *partition, to },
            )
        }
        Command::SetPaused { consumer, on, partitions } => {
            let what = if *on { "pause" } else { "resume" };
            let pause = ConsumerCommand::SetPaused { paused: *on, partitions: partitions.clone() };
            (consumer, what.to_owned(), pause)
        }
        Command::Subscribe { consumer, topics, topic_regex } => {
            let what = match (topic_regex, topics.as_slice()) {
                (Some(regex), _) => format!("subscribe to what matches {regex}"),
                (None, []) => "unsubscribe".to_owned(),
                (None, topics) => format!("subscribe to {}", topics.join(", ")),
            };
            let topics = topics.iter().map(|topic| topic.as_str().into()).collect();
            let topic_regex = topic_regex.as_deref().map(Into::into);
            (consumer, what, ConsumerCommand::Subscribe { topics, topic_regex })
        }
        Command::SetListenerMs { consumer, revoked_ms, assigned_ms } => {
            let what = format!("take {revoked_ms} ms to let go, {assigned_ms} ms to take over");
            let (revoked_ms, assigned_ms) = (u64::from(*revoked_ms), u64::from(*assigned_ms));
            (consumer, what, ConsumerCommand::SetListenerMs { revoked_ms, assigned_ms })
        }
        _ => return None,
    })
}

/// What moves replicas and leaders: what it says, and in the admin client's words.
#[inline(never)]
fn admin_command(command: &Command) -> Option<(String, AdminCommand)> {
    Some(match command {
        Command::Reassign { topic, partition, replicas } => {
            let what = match replicas {
                Some(replicas) => format!("move {topic}-{partition} to brokers {replicas:?}"),
                None => format!("stop moving {topic}-{partition}"),
            };
            let (topic, partition, replicas) = (topic.clone(), *partition, replicas.clone());
            (what, AdminCommand::Reassign { topic, partition, replicas })
        }
        Command::ElectLeaders { topic, partition, unclean } => {
            let of = topic.clone().zip(*partition);
            let kind = if *unclean { "unclean" } else { "preferred" };
            let what = match &of {
                Some((topic, partition)) => format!("elect the {kind} leader of {topic}-{partition}"),
                None => format!("elect {kind} leaders"),
            };
            (what, AdminCommand::ElectLeaders { of, unclean: *unclean })
        }
        _ => return None,
    })
}

fn text(text: &str) -> Text {
    Text(text.to_owned().into())
}

pub(super) fn api_named(name: &str) -> Result<i16, CommandError> {
    let api = ApiKey::ALL.iter().find(|api| api.name() == name);
    api.map(|api| api.code()).ok_or_else(|| CommandError::NoSuchApi(name.to_owned()))
}
