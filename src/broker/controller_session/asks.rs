//! What a broker asks the controller for on its own account: topics, and producer ids.

use super::Purpose;
use crate::broker::{Broker, Ctx};
use crate::protocol::messages::allocate_producer_ids::AllocateProducerIdsRequest;
use crate::protocol::messages::create_topics::CreateTopicsRequest;
use crate::protocol::{ApiKey, Message};

impl Broker {
    /// Has the controller create topics that somebody asked about, in the name of that client.
    pub(in crate::broker) fn auto_create(
        &mut self,
        ctx: &mut Ctx,
        client: &str,
        mut request: CreateTopicsRequest,
    ) {
        request.topics.retain(|topic| !self.controller.creating.contains(&topic.name));
        let names: Vec<String> = request.topics.iter().map(|topic| topic.name.clone()).collect();
        if names.is_empty() {
            return;
        }
        let version = *CreateTopicsRequest::VERSIONS.end();
        let Ok(body) = request.encode(version) else { return };
        let (purpose, api) = (Purpose::AutoCreate(names.clone()), ApiKey::CreateTopics);
        if self.ask_controller_raw(ctx, purpose, api, version, &body, client).is_ok() {
            self.controller.creating.extend(names);
        }
    }

    /// Asks for a block of producer ids, unless that was done.
    pub(in crate::broker) fn allocate_producer_ids(&mut self, ctx: &mut Ctx) -> bool {
        if !self.controller.allocating_ids {
            let request =
                AllocateProducerIdsRequest { broker_id: self.id, broker_epoch: self.controller.broker_epoch };
            self.controller.allocating_ids = self.ask_controller(ctx, Purpose::ProducerIds, &request).is_ok();
        }
        self.controller.allocating_ids
    }
}
