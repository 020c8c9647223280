//! The session of a broker whose controller is another broker, or itself: it only asks.

use bytes::Bytes;

use super::{ControllerSession, Purpose};
use crate::broker::{BROKER_PORT, Broker, Ctx};

impl ControllerSession {
    #[inline(never)]
    pub(in crate::broker) fn is_a_broker(&mut self) {
        (self.is_a_broker, self.leader) = (true, None);
    }

    #[inline(never)]
    pub(in crate::broker) fn registered_as(&mut self, epoch: i64) {
        self.broker_epoch = epoch;
    }
}

impl Broker {
    /// Which broker is the controller from now on, of a cluster on ZooKeeper; none when it is this one.
    #[inline(never)]
    pub(in crate::broker) fn redirect_to_controller(&mut self, ctx: &mut Ctx, controller: Option<i32>) {
        if self.controller.leader == controller && controller.is_some() {
            return self.controller.connect(ctx);
        }
        let lost = self.controller.peer.give_up(ctx);
        self.give_up_asking(ctx, lost);
        self.controller.creating.clear();
        self.controller.allocating_ids = false;
        self.controller.leader = controller;
        if let Some(id) = controller {
            self.controller.peer.redirect(&format!("broker-{id}"), BROKER_PORT);
            self.controller.peer.connect(ctx);
        }
    }

    /// An answer of the controller that this broker hosts.
    #[inline(never)]
    pub(in crate::broker) fn hear_own_controller(
        &mut self,
        ctx: &mut Ctx,
        purpose: Purpose,
        version: i16,
        frame: &Bytes,
    ) {
        if self.says_not_controller(&purpose, version, frame) {
            return self.give_up_asking(ctx, vec![purpose]);
        }
        // It is what this process has encoded a moment ago.
        let _ = self.controller_answered(ctx, purpose, version, frame);
    }
}
