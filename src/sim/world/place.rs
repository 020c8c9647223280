//! How nodes come into a world.

use std::sync::Arc;

use crate::base::{NodeId, SimTime};
use crate::broker::BROKER_PORT;
use crate::client::{AdminCommand, Consumer, ConsumerApp, Producer, Workload};
use crate::metadata::{EXTERNAL_LISTENER, Endpoint};
use crate::sim::{ClientKind, ClientSetup, Machine, Setup, Slot, World};

use super::{ADMIN, What};

impl World {
    pub(super) fn queue_for_admin(&mut self, command: AdminCommand) {
        if let Some(slot) = self.nodes.get_mut(&ADMIN)
            && let Machine::Admin(admin) = &mut Arc::make_mut(slot).machine
        {
            admin.enqueue(command);
        }
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
