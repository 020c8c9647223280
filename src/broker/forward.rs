//! What a broker passes on to the controller: a request goes as it came, its answer back as it came.
//!
//! Kafka wraps such a request in an Envelope, for the sake of the asker's principal and client id; here
//! there are no principals, and the request goes in the client's name. As in Kafka, a request is sent again
//! when the connection breaks before its answer, and given up with `REQUEST_TIMED_OUT` when that takes longer
//! than `request.timeout.ms`.
//!
//! Source: KIP-590.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use crate::base::{SimTime, ms};
use crate::broker::controller_session::Purpose;
use crate::broker::{Broker, Ctx};
use crate::protocol::messages::*;
use crate::protocol::{ApiKey, ErrorCode, Message, WireError, decode_response, encode_refusal};

/// `request.timeout.ms`.
const REQUEST_TIMEOUT_MS: u64 = 30_000;
/// More requests than this waiting for the controller, and the next are given up at once.
const FORWARDS_MAX: usize = 4_096;

/// A request on its way to the controller, or waiting for it to be there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Forward {
    api: ApiKey,
    version: i16,
    body: Bytes,
    deadline: SimTime,
    sent: bool,
    refused: Vec<RefusedConfigs>,
}

/// Configs of a resource that this broker refuses without asking the controller.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RefusedConfigs {
    pub(super) resource_type: i8,
    pub(super) resource_name: String,
    pub(super) error: ErrorCode,
    pub(super) message: String,
}

impl Forward {
    pub(super) fn api(&self) -> ApiKey {
        self.api
    }
}

impl Broker {
    /// Passes a request on as it came, if it is one at all.
    #[inline(never)]
    pub(super) fn forward<M: Message>(
        &mut self,
        ctx: &mut Ctx,
        token: u64,
        api: ApiKey,
        version: i16,
        body: &Bytes,
    ) -> Result<(), WireError> {
        // The controller shall not have to hang up on a broker for what its client says.
        M::decode(body, version)?;
        self.forward_body(ctx, token, api, version, body.clone(), Vec::new());
        Ok(())
    }

    pub(super) fn forward_body(
        &mut self,
        ctx: &mut Ctx,
        token: u64,
        api: ApiKey,
        version: i16,
        body: Bytes,
        refused: Vec<RefusedConfigs>,
    ) {
        let deadline = ctx.now() + ms(REQUEST_TIMEOUT_MS);
        let forward = Forward { api, version, body, deadline, sent: false, refused };
        if self.forwards.len() >= FORWARDS_MAX {
            return self.forward_failed(ctx, token, &forward, ErrorCode::RequestTimedOut);
        }
        self.forwards.insert(token, forward);
        self.send_forward(ctx, token);
    }

    /// The controller can be asked (again): whatever waits for it goes.
    pub(super) fn send_forwards(&mut self, ctx: &mut Ctx) {
        for token in self.forwards.keys().copied().collect::<Vec<_>>() {
            self.send_forward(ctx, token);
        }
    }

    fn send_forward(&mut self, ctx: &mut Ctx, token: u64) {
        let Some(forward) = self.forwards.get(&token).filter(|forward| !forward.sent) else { return };
        let (api, version, body) = (forward.api, forward.version, forward.body.clone());
        let purpose = Purpose::Forward(token);
        let client = self.server.client_of(token);
        let asked = self.ask_controller_raw(ctx, purpose, api, version, &body, &client);
        if let Some(forward) = self.forwards.get_mut(&token) {
            forward.sent = asked.is_ok();
        }
    }

    /// The connection broke before the answer.
    pub(super) fn forward_lost(&mut self, token: u64) {
        if let Some(forward) = self.forwards.get_mut(&token) {
            forward.sent = false;
        }
    }

    /// Gives up on what has waited for too long.
    pub(super) fn expire_forwards(&mut self, ctx: &mut Ctx) {
        let now = ctx.now();
        let late = self.forwards.iter().filter(|(_, forward)| forward.deadline <= now);
        for token in late.map(|(token, _)| *token).collect::<Vec<_>>() {
            if let Some(forward) = self.forwards.remove(&token) {
                self.forward_failed(ctx, token, &forward, ErrorCode::RequestTimedOut);
            }
        }
    }

    /// The controller's answer.
    pub(super) fn forward_answered(
        &mut self,
        ctx: &mut Ctx,
        token: u64,
        frame: &Bytes,
    ) -> Result<(), WireError> {
        let Some(forward) = self.forwards.remove(&token) else { return Ok(()) };
        self.throttle_forwarded(ctx, token, &forward, frame)?;
        if forward.refused.is_empty() {
            self.reply_raw(ctx, token, frame);
            return Ok(());
        }
        match forward.api {
            ApiKey::AlterConfigs => {
                let (_, mut answer): (_, alter_configs::AlterConfigsResponse) =
                    decode_response(frame, forward.version)?;
                answer.responses.extend(forward.refused.into_iter().map(Into::into));
                self.reply(ctx, token, &answer);
            }
            _ => {
                let (_, mut answer): (_, incremental_alter_configs::IncrementalAlterConfigsResponse) =
                    decode_response(frame, forward.version)?;
                answer.responses.extend(forward.refused.into_iter().map(Into::into));
                self.reply(ctx, token, &answer);
            }
        }
        Ok(())
    }

    /// The controller may say how long the client shall wait: so long this broker does not listen to it.
    fn throttle_forwarded(
        &mut self,
        ctx: &mut Ctx,
        token: u64,
        forward: &Forward,
        frame: &Bytes,
    ) -> Result<(), WireError> {
        let version = forward.version;
        let wait_ms = match forward.api {
            ApiKey::CreateTopics => {
                let (_, answer) = decode_response::<create_topics::CreateTopicsResponse>(frame, version)?;
                answer.throttle_time_ms
            }
            ApiKey::CreatePartitions => {
                let (_, answer) =
                    decode_response::<create_partitions::CreatePartitionsResponse>(frame, version)?;
                answer.throttle_time_ms
            }
            ApiKey::DeleteTopics => {
                let (_, answer) = decode_response::<delete_topics::DeleteTopicsResponse>(frame, version)?;
                answer.throttle_time_ms
            }
            _ => 0,
        };
        if let (1.., Some(asked)) = (wait_ms, self.server.asked(token)) {
            let (conn, client) = (asked.conn, Arc::clone(&asked.client_id));
            self.throttle(ctx, conn, client, wait_ms.unsigned_abs().into());
        }
        Ok(())
    }

    pub(super) fn reply_raw(&mut self, ctx: &mut Ctx, token: u64, frame: &Bytes) {
        let Some(asked) = self.server.asked(token) else { return };
        let mut bytes = BytesMut::with_capacity(frame.len());
        bytes.put_i32(asked.correlation_id());
        bytes.extend_from_slice(frame.get(4..).unwrap_or_default());
        self.reply_bytes(ctx, token, bytes.freeze());
    }

    /// Answers for a controller that does not: every part of the request has this error.
    #[inline(never)]
    fn forward_failed(&mut self, ctx: &mut Ctx, token: u64, forward: &Forward, error: ErrorCode) {
        match encode_refusal(forward.api, forward.version, &forward.body, error) {
            Some(frame) => self.reply_raw(ctx, token, &frame),
            None => self.refuse(ctx, token, "the controller cannot be reached".into()),
        }
    }
}

impl From<RefusedConfigs> for alter_configs::AlterConfigsResourceResponse {
    fn from(refused: RefusedConfigs) -> Self {
        let RefusedConfigs { resource_type, resource_name, error, message } = refused;
        Self { error_code: error, error_message: Some(message), resource_type, resource_name }
    }
}

impl From<RefusedConfigs> for incremental_alter_configs::AlterConfigsResourceResponse {
    fn from(refused: RefusedConfigs) -> Self {
        let RefusedConfigs { resource_type, resource_name, error, message } = refused;
        Self { error_code: error, error_message: Some(message), resource_type, resource_name }
    }
}
