//! The consumer: a loop of `poll()`, record by record through the application, and behind it
//! the group membership, the heartbeat thread and the fetches.
//!
//! Rules: Apache Kafka 4.1's `ClassicKafkaConsumer`, `ConsumerCoordinator`,
//! `AbstractCoordinator`, `Fetcher` and `SubscriptionState`; KIP-62 (heartbeat thread and
//! `max.poll.interval.ms`), KIP-345 (static members), KIP-394, KIP-516 (topic ids), KIP-951.
//! Must not know how brokers keep records or run groups.
//!
//! There are two threads, as in Java. The application's own does what only `poll()` does:
//! rebalance, find positions, send fetches, return records, commit. The heartbeat thread
//! keeps the membership alive meanwhile and gives it up when the application does not come
//! back in time. Groups are classic, eager or cooperative (KIP-429), or managed by their
//! coordinator (KIP-848). Fetches are without sessions. Not here yet: filtering of aborted
//! transactions.

mod classic;
mod command;
mod commits;
mod config;
mod coordinator;
mod fetcher;
mod heartbeat;
mod kip848;
mod leader;
mod listener;
mod membership;
mod pattern;
mod positions;
mod share;
mod subscription;
mod thread;
mod validation;

use std::sync::Arc;

use self::commits::SyncCommit;
use self::listener::Call;
use self::membership::Membership;
use self::pattern::Subscription;
use self::share::Share;
use self::subscription::Owned;
use self::thread::{Polled, Thread};
use super::metadata_cache::TopicScope;
use super::network::{NetworkClient, NetworkEvent, NetworkTimer, Response, SendError};
use crate::base::{Input, Map, Set, SimTime};
use crate::protocol::{ErrorCode, Message, TopicPartition, Uuid};
use crate::trace::{Ctx, Event};

pub use command::{ConsumerChanges, ConsumerCommand, GroupMembershipOperation, SeekTo};
pub use config::{
    AcknowledgeType, AssignedPartition, CommitMode, ConsumerApp, ConsumerConfig, GroupProtocol, Handling,
    IsolationLevel, OffsetReset, ShareAcknowledgementMode,
};
pub use membership::MemberState;
pub use subscription::{ConsumerRecord, OwnedPartition, Position, Seeking};
pub use thread::ThreadState;

/// The consumer's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConsumerTimer {
    /// One of the network client's.
    Network(NetworkTimer),
    /// The heartbeat thread has something to do.
    Heartbeat,
    /// The application has not polled for `max.poll.interval.ms`.
    PollInterval,
    /// The application is done with a record.
    Process,
    /// Something can be tried again, or an automatic commit is due.
    Poll,
}

impl ConsumerTimer {
    /// Its name in the trace.
    pub fn name(self) -> &'static str {
        match self {
            ConsumerTimer::Network(timer) => timer.name(),
            ConsumerTimer::Heartbeat => "heartbeat",
            ConsumerTimer::PollInterval => "max_poll_interval",
            ConsumerTimer::Process => "process",
            ConsumerTimer::Poll => "poll",
        }
    }
}

impl From<NetworkTimer> for ConsumerTimer {
    fn from(timer: NetworkTimer) -> Self {
        ConsumerTimer::Network(timer)
    }
}

/// What has come of it so far, since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConsumerTotals {
    /// Records that fetches brought.
    pub fetched: u64,
    /// Records that the application has processed.
    pub consumed: u64,
    /// Commits that succeeded.
    pub commits: u64,
    /// Generations that it has been a member of.
    pub rebalances: u64,
}

/// What a request in flight is for.
#[derive(Clone, Debug, PartialEq)]
enum Request {
    FindCoordinator,
    Join,
    Sync { generation: i32 },
    Heartbeat { generation: i32 },
    ManagedHeartbeat,
    Leave { closing: bool },
    Commit { offsets: commits::Offsets, is_sync: bool, generation: i32 },
    OffsetFetch { partitions: Set<TopicPartition> },
    ListOffsets { partitions: Map<TopicPartition, Seeking> },
    Validate { node: i32, asked: validation::Asked },
    Share { node: i32, sent: share::Sent, names: Map<Uuid, Arc<str>>, fetches: bool },
    Fetch { node: i32, partitions: Map<TopicPartition, i64>, topics: Map<Uuid, Arc<str>> },
}

/// A consumer and the application around it.
#[derive(Clone, Debug, PartialEq)]
pub struct Consumer {
    config: Arc<ConsumerConfig>,
    app: Arc<ConsumerApp>,
    bootstrap: Arc<[(String, u16)]>,
    network: NetworkClient,
    membership: Membership,
    owned: Owned,
    requests: Map<u64, Request>,
    next_token: u64,
    thread: Thread,
    polled: Polled,
    sync_commit: Option<SyncCommit>,
    share: Share,
    next_auto_commit: SimTime,
    last_poll: SimTime,
    is_stuck: bool,
    /// The application is going to close it, and this is to become of its membership.
    closing: Option<GroupMembershipOperation>,
    /// The rebalance listener that the application's thread is in.
    listening: Option<Call>,
    /// What the application is going to subscribe to instead.
    resubscribing: Option<Subscription>,
    /// What it will be configured with when it is started again.
    next_config: Option<Arc<ConsumerConfig>>,
    /// Whose records came last, so that no partition starves the others.
    drained_to: Option<TopicPartition>,
    timers: Map<ConsumerTimer, SimTime>,
    totals: ConsumerTotals,
    last_error: Option<(ErrorCode, Arc<str>)>,
}

impl Consumer {
    /// A consumer that has not started. Settings that contradict each other should have been
    /// refused before ([`ConsumerConfig::problems`]).
    pub fn new(config: Arc<ConsumerConfig>, bootstrap: Vec<(String, u16)>, app: ConsumerApp) -> Self {
        Consumer {
            network: NetworkClient::new(config.network(), bootstrap.clone()),
            bootstrap: bootstrap.into(),
            app: Arc::new(app),
            membership: Membership::default(),
            owned: Owned::new(),
            requests: Map::new(),
            next_token: 1,
            thread: Thread::Polling,
            polled: Polled::default(),
            sync_commit: None,
            share: Share::default(),
            next_auto_commit: SimTime::ZERO,
            last_poll: SimTime::ZERO,
            is_stuck: false,
            closing: None,
            listening: None,
            resubscribing: None,
            next_config: None,
            drained_to: None,
            timers: Map::new(),
            totals: ConsumerTotals::default(),
            last_error: None,
            config,
        }
    }

    /// Something happens to the consumer.
    pub fn step(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, input: Input<ConsumerTimer, ConsumerCommand>) {
        match input {
            Input::Start => self.start(ctx),
            Input::Frame { conn, bytes, .. } => self.network.on_frame(ctx, conn, bytes.whole()),
            Input::Closed { conn, reason } => self.network.on_closed(ctx, conn, reason),
            Input::Timer(ConsumerTimer::Network(timer)) => self.network.on_timer(ctx, timer),
            Input::Timer(timer) => {
                self.timers.remove(&timer);
            }
            Input::Command(command) => self.obey(ctx, command),
            // A consumer has no disk.
            Input::Flushed { .. } => {}
        }
        while let Some(event) = self.network.next_event() {
            match event {
                NetworkEvent::Response(response) => self.on_response(ctx, &response),
                NetworkEvent::MetadataUpdated => self.match_topics(),
                NetworkEvent::Disconnected { node } => self.share_disconnected(ctx, node),
                NetworkEvent::Ready { .. } => {}
            }
        }
        self.run_heartbeat_thread(ctx);
        if self.is_managed() {
            self.run_managed(ctx);
        } else {
            self.run_app_thread(ctx);
        }
        self.set_timers(ctx);
    }

    /// Its settings.
    pub fn config(&self) -> &ConsumerConfig {
        &self.config
    }

    /// What the application does.
    pub fn app(&self) -> &ConsumerApp {
        &self.app
    }

    /// What its main thread is doing.
    pub fn thread_state(&self) -> ThreadState {
        self.thread.state()
    }

    /// Where it stands in its group.
    pub fn member_state(&self) -> MemberState {
        self.membership.state
    }

    /// Its member id; empty while it has none.
    pub fn member_id(&self) -> &str {
        &self.membership.member_id
    }

    /// The generation or member epoch that it believes to be in; −1 for none.
    pub fn generation(&self) -> i32 {
        self.membership.generation
    }

    /// Whether it computes the group's assignments.
    pub fn is_group_leader(&self) -> bool {
        self.membership.is_leader
    }

    /// The node id of its group's coordinator, as far as it knows.
    pub fn coordinator(&self) -> Option<i32> {
        self.membership.coordinator_id()
    }

    /// The partitions that it owns, as it believes, and where it stands in each.
    pub fn assignment(&self) -> &Map<TopicPartition, OwnedPartition> {
        &self.owned
    }

    /// The records of the current poll that are still to be processed, the one being
    /// processed first.
    pub fn in_process(&self) -> &[(TopicPartition, ConsumerRecord)] {
        self.polled.remaining()
    }

    /// Whether the application hangs.
    pub fn is_stuck(&self) -> bool {
        self.is_stuck
    }

    /// Whether its application's thread has come to its end.
    pub fn has_ended(&self) -> bool {
        self.thread.has_ended()
    }

    /// Counts since the process started.
    pub fn totals(&self) -> ConsumerTotals {
        self.totals
    }

    /// The last error that it told its application.
    pub fn last_error(&self) -> Option<(ErrorCode, &str)> {
        self.last_error.as_ref().map(|(error, detail)| (*error, &**detail))
    }

    /// Its network client.
    pub fn network(&self) -> &NetworkClient {
        &self.network
    }

    fn start(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) {
        let app = ConsumerApp::clone(&self.app);
        *self = Consumer::new(self.config_of_next_start().clone(), self.bootstrap.to_vec(), app);
        self.last_poll = ctx.now();
        self.next_auto_commit = ctx.now() + crate::base::ms(self.config.auto_commit_interval_ms);
        self.network.start(ctx);
        self.want_topics(ctx, []);
        let given = self.app.partitions.iter();
        let given: Vec<TopicPartition> =
            given.map(|it| TopicPartition::new(it.topic.clone(), it.partition)).collect();
        if !given.is_empty() {
            self.own(ctx, given);
        }
    }

    /// Keeps metadata of the application's topics and of `more`.
    fn want_topics(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, more: impl IntoIterator<Item = Arc<str>>) {
        let given = self.app.partitions.iter().map(|it| it.topic.clone());
        let topics = self.app.topics.iter().cloned().chain(given).chain(more);
        // Which topics a pattern matches may change with every topic that there is.
        let scope = match &self.app.topic_regex {
            Some(_) => TopicScope::All,
            None => TopicScope::Only(topics.collect()),
        };
        self.network.want(ctx, scope);
    }

    fn on_response(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, response: &Response) {
        let Some(request) = self.requests.remove(&response.token) else { return };
        match request {
            Request::FindCoordinator => self.on_find_coordinator(ctx, response),
            Request::Join => self.on_join(ctx, response),
            Request::Sync { generation } => self.on_sync(ctx, response, generation),
            Request::Heartbeat { generation } => self.on_heartbeat(ctx, response, generation),
            Request::ManagedHeartbeat => self.on_managed_heartbeat(ctx, response),
            Request::Leave { closing } => {
                if closing {
                    self.thread = Thread::Closed;
                }
            }
            Request::Commit { offsets, is_sync, generation } => {
                self.on_commit(ctx, response, offsets, is_sync, generation);
            }
            Request::OffsetFetch { partitions } => self.on_offset_fetch(ctx, response, partitions),
            Request::ListOffsets { partitions } => self.on_list_offsets(ctx, response, &partitions),
            Request::Validate { asked, .. } => self.on_epoch_ends(ctx, response, &asked),
            Request::Share { node, sent, names, fetches } => {
                self.on_share(ctx, response, node, sent, &names, fetches);
            }
            Request::Fetch { partitions, topics, .. } => self.on_fetch(ctx, response, &partitions, &topics),
        }
    }

    /// Sends a request whose response comes back as `what`.
    fn send<M: Message>(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        node: i32,
        message: &M,
        what: Request,
        options: super::network::SendOptions,
    ) -> bool {
        let token = self.next_token;
        match self.network.send_with(ctx, node, token, message, options) {
            Ok(()) => {
                self.next_token += 1;
                self.requests.insert(token, what);
                true
            }
            Err(SendError::NotReady) => false,
            Err(SendError::UnsupportedVersion) => {
                self.fail(ctx, ErrorCode::UnsupportedVersion, &format!("node {node} cannot do {}", M::NAME));
                false
            }
            Err(SendError::Encode(error)) => {
                self.fail(ctx, ErrorCode::InvalidRequest, &format!("cannot send {}: {error}", M::NAME));
                false
            }
        }
    }

    /// A response's body, or the error code that stands for its lack. A broker that sends
    /// nonsense loses its connection.
    fn decode<M: Message>(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        response: &Response,
    ) -> Result<M, ErrorCode> {
        response.decode::<M>().map_err(|error| match (error, &response.result) {
            (Some(error), _) => {
                self.network.drop_connection(ctx, response.node, &error.to_string());
                ErrorCode::CorruptMessage
            }
            (None, Err(error)) => error.code(),
            (None, Ok(_)) => ErrorCode::NetworkException,
        })
    }

    /// Tells the application of an error that it lives with.
    fn report(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, error: ErrorCode, detail: &str) {
        let detail: Arc<str> = detail.into();
        self.last_error = Some((error, detail.clone()));
        ctx.trace(Event::ClientError { error, detail });
    }

    /// Tells the application of an error that ends it: `poll()` throws and nobody catches.
    fn fail(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, error: ErrorCode, detail: &str) {
        self.report(ctx, error, detail);
        self.thread = Thread::Failed(error);
        self.lose(ctx, true);
    }
}

#[cfg(test)]
#[path = "consumer/consumer_test.rs"]
mod tests;
