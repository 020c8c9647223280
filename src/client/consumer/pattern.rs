//! What a consumer subscribes to: topics by name, or by a pattern that they match.
//!
//! In a classic group the consumer matches by itself (`subscribe(Pattern)`): whenever its metadata
//! are refreshed, and before it joins. With `group.protocol=consumer` the coordinator does, with the
//! expression that heartbeats bring (KIP-848).
//!
//! Rules: `ConsumerCoordinator.updatePatternSubscription` and `poll()` of Apache Kafka 4.1. Internal
//! topics match nothing (`exclude.internal.topics`).

use std::sync::Arc;

use super::classic::Round;
use super::{Consumer, ConsumerTimer, MemberState, TopicPartition};
use crate::base::Pattern;
use crate::trace::Ctx;

/// What to subscribe to: to nothing is `unsubscribe()`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Subscription {
    pub(super) topics: Vec<Arc<str>>,
    pub(super) regex: Option<Arc<str>>,
}

impl Consumer {
    /// The topics that it subscribes to, as far as it is the one who knows them.
    pub(super) fn subscription(&self) -> &[Arc<str>] {
        if self.matches_topics() { &self.membership.matched } else { &self.app.topics }
    }

    /// Whether a topic may be among what it is assigned.
    pub(super) fn accepts(&self, topic: &Arc<str>) -> bool {
        // What the leader assigns and the pattern matches is taken, even if it is not seen here yet.
        self.subscription().contains(topic) || (self.matches_topics() && self.pattern_matches(topic))
    }

    /// Whether it looks for its topics by itself.
    fn matches_topics(&self) -> bool {
        self.app.topic_regex.is_some() && !self.is_managed()
    }

    #[inline(never)]
    fn pattern_matches(&self, topic: &str) -> bool {
        let regex = self.app.topic_regex.as_deref().unwrap_or_default();
        Pattern::new(regex).is_ok_and(|pattern| pattern.is_match(topic))
    }

    /// The metadata are new: looks which topics match.
    pub(super) fn match_topics(&mut self) {
        if self.matches_topics() {
            self.match_pattern();
        }
    }

    #[inline(never)]
    fn match_pattern(&mut self) {
        let regex = self.app.topic_regex.as_deref().unwrap_or_default();
        // It was checked when it was given; what matches nothing is no reason to end.
        let Ok(pattern) = Pattern::new(regex) else { return };
        let topics = self.network.metadata().topics().iter();
        let matching = topics
            .filter(|(name, topic)| !topic.error.is_error() && !topic.is_internal && pattern.is_match(name));
        let matched: Vec<Arc<str>> = matching.map(|(name, _)| name.clone()).collect();
        if matched == self.membership.matched {
            return;
        }
        self.membership.matched = matched;
        if self.membership.state != MemberState::Unjoined {
            self.membership.request_rejoin("the subscription has changed");
        }
    }

    /// Before it joins, it looks once more: with all members' metadata fresh a new topic makes one
    /// rebalance and not one for each of them. True when it has looked.
    pub(super) fn has_matched(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) -> bool {
        if !self.matches_topics() || self.membership.round != Round::Idle {
            return true;
        }
        self.network.refresh_if_allowed(ctx);
        !self.network.is_refreshing()
    }

    /// `subscribe()` to something else; to nothing is `unsubscribe()`, which leaves the group.
    #[inline(never)]
    pub(super) fn resubscribe(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) -> bool {
        let leaves = self.resubscribing.as_ref().is_some_and(|to| to.topics.is_empty() && to.regex.is_none());
        if leaves && self.is_subscribed() {
            if !self.let_all_go(ctx) {
                return true;
            }
            self.leave(ctx, "the consumer unsubscribed from all topics", None);
            self.lose(ctx, true);
        }
        let Some(Subscription { topics, regex }) = self.resubscribing.take() else { return true };
        let app = Arc::make_mut(&mut self.app);
        (app.topics, app.topic_regex) = (topics, regex);
        self.want_topics(ctx, []);
        self.match_topics();
        // What it does not want any more is not returned, even before it is revoked. What an
        // expression means the coordinator will say.
        let knows = !self.is_managed() || self.app.topic_regex.is_none();
        let owned = self.owned.keys().filter(|at| knows && !self.accepts(&at.topic));
        let unwanted: Vec<TopicPartition> = owned.cloned().collect();
        if self.is_subscribed() {
            self.set_revoking(Some(&unwanted));
            self.membership.request_rejoin("the subscription has changed");
        }
        true
    }
}
