//! The broker that coordinates the group: finding it, staying connected, noticing that it is gone.

use super::{Consumer, ConsumerTimer, Request, TopicPartition};
use crate::client::metadata_cache::BrokerEndpoint;
use crate::client::network::{Response, SendOptions};
use crate::protocol::ErrorCode;
use crate::protocol::messages::find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
use crate::trace::Ctx;

/// The broker that coordinates the group.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Coordinator {
    pub(super) id: i32,
    endpoint: BrokerEndpoint,
}

impl Consumer {
    /// The coordinator's connection, if requests can be sent on it now. As in Kafka it is not
    /// the one for fetches from the same broker, behind which heartbeats would have to wait.
    pub(super) fn coordinator_node(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) -> Option<i32> {
        let Some(Coordinator { id, endpoint }) = self.membership.coordinator.clone() else {
            self.find_coordinator(ctx);
            return None;
        };
        let node = i32::MAX - id.max(0);
        if self.network.metadata().brokers().get(&node) != Some(&endpoint) && !self.network.is_ready(node) {
            self.network.leader_is(&TopicPartition::new("", -1), node, -1, Some(endpoint));
        }
        if self.network.ready(ctx, node) {
            return Some(node);
        }
        if self.network.is_backing_off(node, ctx.now()) {
            self.coordinator_unknown(ctx);
        }
        None
    }

    fn find_coordinator(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) {
        if ctx.now() < self.membership.retry_at || self.is_asking(|it| *it == Request::FindCoordinator) {
            return;
        }
        let Some(node) = self.network.least_loaded_node(ctx) else { return };
        if !self.network.ready(ctx, node) {
            return;
        }
        let is_batched = self.network.version_for::<FindCoordinatorRequest>(node).is_some_and(|v| v >= 4);
        let mut request = FindCoordinatorRequest::default();
        if is_batched {
            request.coordinator_keys = vec![self.group_id().to_owned()];
        } else {
            request.key = self.group_id().to_owned();
        }
        self.send(ctx, node, &request, Request::FindCoordinator, SendOptions::default());
    }

    pub(super) fn on_find_coordinator(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, response: &Response) {
        let found = self.decode::<FindCoordinatorResponse>(ctx, response).and_then(|found| {
            let first = found.coordinators.into_iter().next();
            let (error, id, host, port) = match first {
                Some(it) => (it.error_code, it.node_id, it.host, it.port),
                None => (found.error_code, found.node_id, found.host, found.port),
            };
            let port = u16::try_from(port).map_err(|_| ErrorCode::CoordinatorNotAvailable)?;
            if error.is_error() { Err(error) } else { Ok((id, host, port)) }
        });
        match found {
            Ok((id, host, port)) => {
                let endpoint = BrokerEndpoint { host: host.into(), port, rack: None };
                self.membership.coordinator = Some(Coordinator { id, endpoint });
                self.restart_session(ctx.now());
                self.coordinator_node(ctx);
            }
            Err(ErrorCode::InvalidGroupId) => self.fail(ctx, ErrorCode::InvalidGroupId, "group.id"),
            Err(_) => self.back_off_coordinator(ctx),
        }
    }

    /// The coordinator has moved or is gone: look for it.
    pub(super) fn coordinator_unknown(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) {
        self.membership.coordinator = None;
        self.back_off_coordinator(ctx);
    }

    pub(super) fn back_off_coordinator(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) {
        self.membership.failures = self.membership.failures.saturating_add(1);
        let wait = self.config.retry_backoff().after(self.membership.failures, ctx.rng());
        self.membership.retry_at = ctx.now() + wait;
    }

    /// Deals with what any request to the coordinator can be answered with; true if that was
    /// all. Errors without a response count as a coordinator that is gone.
    pub(super) fn is_about_coordinator(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        error: ErrorCode,
    ) -> bool {
        match error {
            ErrorCode::CoordinatorLoadInProgress => self.back_off_coordinator(ctx),
            ErrorCode::NotCoordinator
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::NetworkException
            | ErrorCode::RequestTimedOut
            | ErrorCode::CorruptMessage => self.coordinator_unknown(ctx),
            _ => return false,
        }
        true
    }
}
