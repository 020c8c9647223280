//! How nodes come into a world.

use std::sync::Arc;

use crate::base::{NodeId, SimTime};
use crate::broker::BROKER_PORT;
use crate::client::{AdminCommand, Consumer, ConsumerApp, Producer, Workload};
use crate::metadata::{EXTERNAL_LISTENER, Endpoint, MetadataImage};
use crate::sim::{ClientKind, ClientSetup, Health, Machine, Setup, Slot, World};
use crate::zookeeper::{KafkaController, ZOOKEEPER_HOST, ZOOKEEPER_ID, ZooKeeper, ZooKeeperConfig};

use super::{ADMIN, What};

impl World {
    pub(super) fn queue_for_admin(&mut self, command: AdminCommand) {
        if let Some(slot) = self.nodes.get_mut(&ADMIN)
            && let Machine::Admin(admin) = &mut Arc::make_mut(slot).machine
        {
            admin.enqueue(command);
        }
    }

    #[inline(never)]
    pub(super) fn place_zookeeper(&mut self, config: &Arc<ZooKeeperConfig>) {
        let server = ZooKeeper::new(Arc::clone(config));
        let machine = Machine::ZooKeeper(Box::new(server));
        self.place(NodeId(ZOOKEEPER_ID), ZOOKEEPER_HOST.into(), machine, SimTime::ZERO);
    }

    /// The ZooKeeper server, where there is one.
    pub fn zookeeper(&self) -> Option<(&Slot, &ZooKeeper)> {
        let slot = self.node(NodeId(ZOOKEEPER_ID))?;
        match &slot.machine {
            Machine::ZooKeeper(server) => Some((slot, &**server)),
            _ => None,
        }
    }

    /// The broker that is the controller and alive, of several who think so the one of the latest epoch.
    pub fn controller_on_zookeeper(&self) -> Option<(NodeId, &KafkaController)> {
        let alive = |slot: &Slot| matches!(slot.health, Health::Up | Health::Paused);
        let hosted = self.brokers().filter(|(_, slot, _)| alive(slot)).filter_map(|(node, _, broker)| {
            Some((node, broker.hosted_controller().filter(|hosted| hosted.is_controller())?))
        });
        hosted.max_by_key(|(_, hosted)| hosted.epoch())
    }

    #[inline(never)]
    pub(super) fn metadata_on_zookeeper(&self) -> Option<&MetadataImage> {
        let decides = self.controller_on_zookeeper().filter(|(_, hosted)| hosted.is_active());
        let heard =
            || self.brokers().map(|(_, _, broker)| broker.image()).max_by_key(|image| image.end_offset);
        decides.map(|(_, hosted)| hosted.context()).or_else(heard)
    }

    pub(super) fn place(&mut self, id: NodeId, name: String, machine: Machine, start: SimTime) {
        self.nodes.insert(id, Arc::new(Slot::new(name, machine, self.setup.seed)));
        self.schedule(start, 0, What::Start(id));
    }

    pub(super) fn place_client(&mut self, client: &ClientSetup) -> NodeId {
        let last = self.nodes.keys().next_back().map_or(ADMIN.0, |id| id.0);
        let id = NodeId(last.max(ADMIN.0) + 1);
        self.place(id, client.name.clone(), machine_of(client, &self.setup), client.start.max(self.now));
        id
    }
}

/// What a broker advertises to programs outside, when it is something else than to everybody.
pub(super) fn external_of(setup: &Setup, broker: u32) -> Option<Endpoint> {
    let index = broker.checked_sub(setup.cluster.first_broker_id)? as usize;
    let (host, port) = setup.cluster.advertised.get(index)?.clone();
    Some(Endpoint { listener: EXTERNAL_LISTENER.into(), host, port })
}

pub(super) fn bootstrap(setup: &Setup) -> Vec<(String, u16)> {
    setup.cluster.broker_ids().map(|id| (format!("broker-{id}"), BROKER_PORT)).collect()
}

pub(super) fn machine_of(client: &ClientSetup, setup: &Setup) -> Machine {
    match &client.kind {
        ClientKind::Producer(config, workload) => Machine::Producer(Box::new(Producer::new(
            Arc::clone(config),
            bootstrap(setup),
            Workload::clone(workload),
        ))),
        ClientKind::Consumer(config, app) => Machine::Consumer(Box::new(Consumer::new(
            Arc::clone(config),
            bootstrap(setup),
            ConsumerApp::clone(app),
        ))),
    }
}
