//! Controlled shutdown: a broker that wants to end is replaced wherever it leads, and ends when all who
//! are counted on know it.
//!
//! Source: KIP-631 (*Controlled shutdown*), Kafka documentation *Graceful shutdown*.

use crate::controller::{Asker, Controller, Ctx};
use crate::protocol::messages::broker_heartbeat::{BrokerHeartbeatRequest, BrokerHeartbeatResponse};
use crate::protocol::messages::metadata_records::{BrokerRegistrationChangeRecord, MetadataRecord};
use crate::trace::Event;

const IN_CONTROLLED_SHUTDOWN: i8 = 1;

impl Controller {
    /// A heartbeat of a broker of this epoch, which wants to end. It may when it leads nothing any more, and
    /// all others who are counted on have heard so.
    #[inline(never)]
    pub(super) fn shut_down_broker(&mut self, ctx: &mut Ctx, asker: Asker, request: &BrokerHeartbeatRequest) {
        let broker = request.broker_id;
        let (mut records, mut events) = (Vec::new(), Vec::new());
        let mut response = BrokerHeartbeatResponse {
            is_caught_up: request.current_metadata_offset >= request.broker_epoch,
            is_fenced: !self.image.is_unfenced(broker),
            ..Default::default()
        };
        if response.is_fenced {
            // It leads nothing.
            response.should_shut_down = true;
        } else if self.image.is_active(broker) {
            records.push(MetadataRecord::from(BrokerRegistrationChangeRecord {
                broker_id: broker,
                broker_epoch: request.broker_epoch,
                in_controlled_shutdown: IN_CONTROLLED_SHUTDOWN,
                ..Default::default()
            }));
            events.push(Event::BrokerShutsDown { broker });
            self.replace_broker(broker, false, &mut records, &mut events);
        } else if self.leads_nothing(broker) && self.others_know(broker) {
            records = self.fence_records(broker, false, &mut events);
            (response.should_shut_down, response.is_fenced) = (true, true);
        }
        self.write_and_answer(ctx, asker, records, &response, events);
        if !response.should_shut_down {
            let end = self.log.log_end_offset();
            self.shutdowns.entry(broker).or_insert(end);
        }
    }

    fn leads_nothing(&self, broker: i32) -> bool {
        self.image.partitions().all(|(_, _, partition)| partition.leader != broker)
    }

    /// Whether the metadata that replace it have reached everybody, as their heartbeats tell.
    fn others_know(&self, broker: i32) -> bool {
        let end = self.shutdowns.get(&broker).copied().unwrap_or(i64::MAX);
        let mut others = self.image.brokers.keys().filter(|id| self.image.is_active(**id));
        others.all(|id| self.heard.get(id).is_some_and(|offset| *offset >= end - 1))
    }
}
