//! When to ask for metadata, and what to do with the answer.

use std::sync::Arc;

use bytes::Bytes;

use super::connection::{InFlight, Purpose};
use super::{NetworkClient, NetworkEvent, NetworkTimer, RequestError};
use crate::base::{Set, SimTime, ms};
use crate::client::metadata_cache::{BrokerEndpoint, MetadataCache, TopicScope};
use crate::protocol::messages::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse};
use crate::protocol::{self, ErrorCode, TopicPartition, Uuid};
use crate::trace::{Ctx, Event};

/// What is to be asked, and when.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MetadataUpdates {
    pub(super) timer_at: Option<SimTime>,
    scope: TopicScope,
    /// The picture is known to be incomplete or wrong.
    needed: bool,
    in_flight: bool,
    /// Answers in a row that failed or mended nothing.
    attempts: u32,
    /// No request before.
    not_before: SimTime,
    expires_at: SimTime,
}

impl Default for MetadataUpdates {
    fn default() -> Self {
        MetadataUpdates {
            timer_at: None,
            scope: TopicScope::Only(Set::new()),
            needed: true,
            in_flight: false,
            attempts: 0,
            not_before: SimTime::ZERO,
            expires_at: SimTime::ZERO,
        }
    }
}

impl MetadataUpdates {
    pub(super) fn restart(&mut self) {
        let scope = std::mem::replace(&mut self.scope, TopicScope::All);
        *self = MetadataUpdates { scope, ..MetadataUpdates::default() };
    }

    fn due(&self) -> SimTime {
        if self.needed { self.not_before } else { self.expires_at.max(self.not_before) }
    }
}

impl NetworkClient {
    /// The client's picture of the cluster.
    pub fn metadata(&self) -> &MetadataCache {
        &self.metadata
    }

    /// Adds a topic to those that the client keeps metadata of, and asks at once when it is
    /// new.
    pub fn want_topic<T: From<NetworkTimer>>(&mut self, ctx: &mut Ctx<'_, T>, topic: &Arc<str>) {
        let TopicScope::Only(topics) = &mut self.updates.scope else { return };
        if topics.insert(topic.clone()) {
            self.update_for_new_topics(ctx);
        }
    }

    /// Sets which topics the client keeps metadata of, and asks at once when there are new
    /// ones among them.
    pub fn want<T: From<NetworkTimer>>(&mut self, ctx: &mut Ctx<'_, T>, scope: TopicScope) {
        let new = match (&self.updates.scope, &scope) {
            (TopicScope::All, _) => false,
            (TopicScope::Only(_), TopicScope::All) => true,
            (TopicScope::Only(old), TopicScope::Only(new)) => !new.is_subset(old),
        };
        self.updates.scope = scope;
        if new {
            self.update_for_new_topics(ctx);
        }
    }

    /// An error showed that the metadata are out of date: asks again, after
    /// `retry.backoff.ms` since the last answer.
    pub fn metadata_is_stale<T: From<NetworkTimer>>(&mut self, ctx: &mut Ctx<'_, T>, error: ErrorCode) {
        if !self.updates.needed && !self.updates.in_flight {
            ctx.trace(Event::MetadataStale { error });
        }
        self.request_update();
        self.maybe_update_metadata(ctx);
    }

    /// Asks for metadata again, for no error's sake: a partition has no known leader.
    pub fn refresh_metadata<T: From<NetworkTimer>>(&mut self, ctx: &mut Ctx<'_, T>) {
        self.request_update();
        self.maybe_update_metadata(ctx);
    }

    /// Asks for metadata again if the back-off since the last answer is over.
    pub fn refresh_if_allowed<T: From<NetworkTimer>>(&mut self, ctx: &mut Ctx<'_, T>) {
        if ctx.now() >= self.updates.not_before {
            self.refresh_metadata(ctx);
        }
    }

    /// Whether an answer is awaited, or a request about to be sent.
    pub fn is_refreshing(&self) -> bool {
        self.updates.needed || self.updates.in_flight
    }

    /// A response named a partition's current leader (KIP-951). Older news is ignored. True
    /// when the picture changed.
    pub fn leader_is(
        &mut self,
        at: &TopicPartition,
        leader: i32,
        leader_epoch: i32,
        endpoint: Option<BrokerEndpoint>,
    ) -> bool {
        if leader < 0 {
            return false;
        }
        if let Some(endpoint) = endpoint {
            self.metadata.update_broker(leader, endpoint);
        }
        self.metadata.update_leader(at, leader, leader_epoch)
    }

    pub(super) fn request_update(&mut self) {
        // A request on its way will bring the news.
        self.updates.needed |= !self.updates.in_flight;
    }

    fn update_for_new_topics<T: From<NetworkTimer>>(&mut self, ctx: &mut Ctx<'_, T>) {
        self.updates.needed = true;
        self.updates.not_before = ctx.now();
        self.maybe_update_metadata(ctx);
    }

    /// Asks for metadata if that is due and somebody can be asked, else sees to it that this
    /// is looked at again.
    pub(super) fn maybe_update_metadata<T: From<NetworkTimer>>(&mut self, ctx: &mut Ctx<'_, T>) {
        if self.updates.in_flight {
            return;
        }
        let due = self.updates.due();
        if ctx.now() < due {
            return self.look_again_at(ctx, due);
        }
        // When all nodes back off, the end of a back-off is the next occasion.
        let Some(node) = self.least_loaded_node(ctx) else { return };
        if !self.ready(ctx, node) {
            return;
        }
        let Some(version) = self.version_for::<MetadataRequest>(node) else {
            return self.drop_connection_without_metadata(ctx, node);
        };
        let request = self.metadata_request(version);
        let timeout_ms = self.config.request_timeout_ms;
        self.updates.needed = false;
        match self.transmit(ctx, node, version, &request, Some(Purpose::Metadata), timeout_ms) {
            Ok(()) => self.updates.in_flight = true,
            Err(error) => {
                self.metadata_failed(ctx);
                let detail = format!("cannot ask for metadata: {error}").into();
                ctx.trace(Event::ClientError { error: ErrorCode::InvalidRequest, detail });
            }
        }
    }

    fn drop_connection_without_metadata<T: From<NetworkTimer>>(&mut self, ctx: &mut Ctx<'_, T>, node: i32) {
        let detail = format!("node {node} speaks no version of Metadata that this client speaks").into();
        ctx.trace(Event::ClientError { error: ErrorCode::UnsupportedVersion, detail });
        self.close(ctx, node, RequestError::Disconnected);
    }

    fn look_again_at<T: From<NetworkTimer>>(&mut self, ctx: &mut Ctx<'_, T>, due: SimTime) {
        if self.updates.timer_at != Some(due) {
            self.updates.timer_at = Some(due);
            ctx.set_timer(NetworkTimer::Metadata.into(), due);
        }
    }

    fn metadata_request(&self, version: i16) -> MetadataRequest {
        let topic =
            |name: &Arc<str>| MetadataRequestTopic { topic_id: Uuid::ZERO, name: Some(name.to_string()) };
        MetadataRequest {
            topics: match &self.updates.scope {
                TopicScope::All => None,
                TopicScope::Only(topics) => Some(topics.iter().map(topic).collect()),
            },
            allow_auto_topic_creation: version < 4 || self.config.allow_auto_topic_creation,
            ..MetadataRequest::default()
        }
    }

    pub(super) fn on_metadata<T: From<NetworkTimer>>(
        &mut self,
        ctx: &mut Ctx<'_, T>,
        node: i32,
        request: &InFlight,
        bytes: &Bytes,
    ) {
        self.updates.in_flight = false;
        let response = match protocol::decode_response::<MetadataResponse>(bytes, request.version) {
            Ok((_, response)) => response,
            Err(error) => {
                self.metadata_failed(ctx);
                return self.drop_connection(ctx, node, &error.to_string());
            }
        };
        // Kafka's client does the same with an answer that names no broker.
        if response.brokers.is_empty() {
            return self.metadata_failed(ctx);
        }
        let stale = self.metadata.update(ctx.now(), &response);
        self.updates.needed |= stale;
        self.updates.attempts = if stale { self.updates.attempts.saturating_add(1) } else { 0 };
        self.back_off_metadata(ctx);
        self.updates.expires_at = ctx.now() + ms(self.config.metadata_max_age_ms);
        ctx.trace(Event::MetadataRefreshed { brokers: self.metadata.brokers().len() as u32 });
        self.events.push_back(NetworkEvent::MetadataUpdated);
    }

    pub(super) fn metadata_failed<T>(&mut self, ctx: &mut Ctx<'_, T>) {
        self.updates.in_flight = false;
        self.updates.needed = true;
        self.updates.attempts = self.updates.attempts.saturating_add(1);
        self.back_off_metadata(ctx);
    }

    fn back_off_metadata<T>(&mut self, ctx: &mut Ctx<'_, T>) {
        let wait = self.config.retry_backoff.after(self.updates.attempts.max(1), ctx.rng());
        self.updates.not_before = ctx.now() + wait;
    }
}
