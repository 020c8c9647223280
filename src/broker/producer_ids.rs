//! InitProducerId: an idempotent producer gets an id of its own, from a block that the controller
//! gave this broker.
//!
//! Source: KIP-98, KIP-360 (an epoch may come along), KIP-631 (blocks). Transactions are not here
//! yet.

use crate::broker::{Broker, Ctx};
use crate::protocol::ErrorCode;
use crate::protocol::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};

/// In place of a producer's epoch when there is none.
const NO_PRODUCER_EPOCH: i16 = -1;

impl Broker {
    pub(super) fn init_producer_id(&mut self, ctx: &mut Ctx, token: u64, request: &InitProducerIdRequest) {
        let error = match request.transactional_id.as_deref() {
            // Either both or none.
            _ if (request.producer_id < 0) != (request.producer_epoch < 0) => ErrorCode::InvalidRequest,
            Some("") => ErrorCode::InvalidRequest,
            // Nobody coordinates transactions.
            Some(_) => ErrorCode::CoordinatorNotAvailable,
            None => {
                // Whatever id it had, a producer without transactions just gets another.
                self.waiting_for_ids.push(token);
                return self.hand_out_producer_ids(ctx);
            }
        };
        self.refuse_producer_id(ctx, token, error);
    }

    fn hand_out_producer_ids(&mut self, ctx: &mut Ctx) {
        while self.producer_ids.0 < self.producer_ids.1 && !self.waiting_for_ids.is_empty() {
            let token = self.waiting_for_ids.remove(0);
            let producer_id = self.producer_ids.0;
            self.producer_ids.0 += 1;
            let response = InitProducerIdResponse { producer_id, producer_epoch: 0, ..Default::default() };
            self.reply(ctx, token, &response);
        }
        if !self.waiting_for_ids.is_empty() && !self.allocate_producer_ids(ctx) {
            self.producer_ids_answered(ctx, Err(ErrorCode::CoordinatorLoadInProgress));
        }
    }

    pub(super) fn producer_ids_answered(&mut self, ctx: &mut Ctx, block: Result<(i64, i64), ErrorCode>) {
        self.controller.allocating_ids = false;
        match block {
            Ok(block) if block.0 < block.1 => {
                self.producer_ids = block;
                self.hand_out_producer_ids(ctx);
            }
            Ok(_) => {}
            Err(error) => {
                for token in std::mem::take(&mut self.waiting_for_ids) {
                    self.refuse_producer_id(ctx, token, error);
                }
            }
        }
    }

    fn refuse_producer_id(&mut self, ctx: &mut Ctx, token: u64, error_code: ErrorCode) {
        let producer_epoch = NO_PRODUCER_EPOCH;
        let response = InitProducerIdResponse { error_code, producer_epoch, ..Default::default() };
        self.reply(ctx, token, &response);
    }
}
