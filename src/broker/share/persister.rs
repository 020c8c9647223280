//! The persister: asks the share coordinator, on whichever broker that is, to keep the states of the
//! share partitions that this broker leads, and to tell them when it begins to lead.
//!
//! Source: KIP-932, *Persisting share-group state*; back-off, number of attempts and batches as in
//! Kafka's `PersisterStateManager`: what a step has brought goes together, one request for each group,
//! and while a request of a kind is under way at a broker the next ones of that kind wait and go
//! together after it. Where the coordinator is the broker reads from its own metadata.

use std::sync::Arc;

use super::asks::Asking;
use super::batch::{results_in, send_batch};
use super::partition::{Change, SharePartition};
use super::state::{Origin, StatePart, StateResult};
use super::{ShareKey, Slot};
use crate::base::{CloseReason, ConnId, Map, Rope, SimTime, ms};
use crate::broker::{Broker, BrokerTimer, Ctx, SHARE_STATE_TOPIC};
use crate::coordinator::{NO_START_OFFSET, ShareStateKey};
use crate::peer::{BROKER_CLIENT, FromPeer, Peer};
use crate::protocol::messages::share_group_state::WritePartition;
use crate::protocol::{ApiKey, ErrorCode, TopicPartition};
use crate::trace::Event;

const BACKOFF_MS: u64 = 1_000;
const ATTEMPTS_MAX: u32 = 5;

/// What share coordinators are asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Persister {
    peers: Map<i32, Peer<u64>>,
    questions: Map<u64, Question>,
    /// Requests under way.
    batches: Map<u64, Batch>,
    /// There may be something to send.
    has_news: bool,
    /// What the group coordinator waits for.
    pub(super) asking: Map<u64, Asking>,
}

/// Questions that went in one request, in its order.
#[derive(Clone, Debug, PartialEq)]
struct Batch {
    leader: i32,
    api: ApiKey,
    questions: Vec<u64>,
}

/// Questions that may go in one request: to whom, what, and of which group.
type Together = (i32, ApiKey, Arc<str>, Vec<u64>);

/// One question, until it is answered or given up.
#[derive(Clone, Debug, PartialEq)]
struct Question {
    key: ShareStateKey,
    leader_epoch: i32,
    what: What,
    attempts: u32,
    is_sent: bool,
    not_before: SimTime,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    Read(ShareKey),
    /// The number under which acknowledgements wait for it, if any do.
    Write(ShareKey, Option<u64>, WritePartition),
    /// Part of what the group coordinator asks.
    Ask(u64, u32, StatePart),
}

impl Broker {
    /// Begins to lead a share partition.
    pub(super) fn open_share(&mut self, share: &ShareKey) {
        if self.shares.partitions.contains_key(share) {
            return;
        }
        let Some(partition) = self.partition(&share.1) else { return };
        let (topic_id, leader_epoch) = (partition.topic_id, partition.registration.leader_epoch);
        let slot = Slot { topic_id, leader_epoch, state_epoch: 0, state: None };
        self.shares.partitions.insert(share.clone(), Arc::new(slot));
        self.ask_share_coordinator(share, What::Read(share.clone()));
    }

    /// Writes what became of records. With a number, whoever waits for it is told how that went.
    pub(super) fn write_share_state(&mut self, share: &ShareKey, changes: &[Change], write: Option<u64>) {
        let Some(slot) = self.shares.partitions.get(share) else { return };
        let asked = WritePartition {
            partition: share.1.partition,
            state_epoch: slot.state_epoch,
            leader_epoch: slot.leader_epoch,
            start_offset: slot.state.as_ref().map_or(NO_START_OFFSET, SharePartition::start_offset),
            state_batches: changes.iter().map(Change::to_write).collect(),
        };
        self.ask_share_coordinator(share, What::Write(share.clone(), write, asked));
    }

    fn ask_share_coordinator(&mut self, share: &ShareKey, what: What) {
        let Some(slot) = self.shares.partitions.get(share) else { return };
        let (key, leader_epoch) = ((share.0.clone(), slot.topic_id, share.1.partition), slot.leader_epoch);
        self.ask_about(key, leader_epoch, what);
    }

    /// Asks when the step is over.
    pub(super) fn ask_about(&mut self, key: ShareStateKey, leader_epoch: i32, what: What) {
        let not_before = SimTime::ZERO;
        let question = Question { key, leader_epoch, what, attempts: 0, is_sent: false, not_before };
        let id = self.next_wait();
        self.shares.persister.questions.insert(id, question);
        self.shares.persister.has_news = true;
    }

    /// The step is over: what it brought is asked, as far as it can be.
    pub(in crate::broker) fn send_share_questions(&mut self, ctx: &mut Ctx) {
        while std::mem::take(&mut self.shares.persister.has_news) {
            self.send_questions(ctx);
        }
    }

    #[inline(never)]
    fn send_questions(&mut self, ctx: &mut Ctx) {
        let now = ctx.now();
        let questions = self.shares.persister.questions.iter();
        let unsent = questions.filter(|(_, question)| !question.is_sent && question.not_before <= now);
        let unsent: Vec<u64> = unsent.map(|(id, _)| *id).collect();
        let mut together: Vec<Together> = Vec::new();
        for id in unsent {
            let Some(question) = self.shares.persister.questions.get(&id) else { continue };
            let (key, part) = (question.key.clone(), question.part());
            let Some(leader) = self.share_coordinator_of(ctx, &key) else {
                self.ask_again(ctx, id, ErrorCode::CoordinatorNotAvailable);
                continue;
            };
            let (api, (group, topic, partition)) = (part.api(), key);
            if leader == self.id {
                self.mark_sent(id);
                self.keep_share_state(ctx, Origin::Own(id), api, &group, vec![(topic, partition, part)]);
                continue;
            }
            match together.iter_mut().find(|(to, what, of, _)| (*to, *what) == (leader, api) && *of == group)
            {
                Some((.., ids)) => ids.push(id),
                None => together.push((leader, api, group, vec![id])),
            }
        }
        // What is under way now; several groups may ask the same at once.
        let under_way = self.shares.persister.batches.values();
        let under_way: Vec<(i32, ApiKey)> = under_way.map(|batch| (batch.leader, batch.api)).collect();
        for batch in together {
            if !under_way.contains(&(batch.0, batch.1)) {
                self.send_together(ctx, batch);
            }
        }
        self.schedule_questions(ctx);
    }

    fn send_together(&mut self, ctx: &mut Ctx, (leader, api, group, ids): Together) {
        let Some(endpoint) = self.image.brokers.get(&leader).map(|broker| broker.internal().clone()) else {
            return self.all_again(ctx, &ids);
        };
        let batch = self.next_wait();
        let Persister { peers, questions, .. } = &mut self.shares.persister;
        let peer = peers.entry(leader).or_insert_with(|| Peer::new(endpoint.host.clone(), endpoint.port));
        if !peer.is_ready() {
            // They wait for the connection, or for the time to try it again.
            peer.connect(ctx);
            let retry_at = peer.retry_at();
            for id in &ids {
                if let Some(question) = questions.get_mut(id) {
                    question.not_before = retry_at;
                }
            }
            return;
        }
        let asked = ids.iter().filter_map(|id| questions.get(id));
        let parts = asked.map(|question| (question.key.1, question.key.2, question.part())).collect();
        match send_batch(peer, ctx, batch, api, &group, parts) {
            Ok(()) => {
                ids.iter().for_each(|id| self.mark_sent(*id));
                let sent = Batch { leader, api, questions: ids };
                self.shares.persister.batches.insert(batch, sent);
            }
            Err(_) => self.all_again(ctx, &ids),
        }
    }

    fn all_again(&mut self, ctx: &mut Ctx, ids: &[u64]) {
        for id in ids {
            self.ask_again(ctx, *id, ErrorCode::CoordinatorNotAvailable);
        }
    }

    fn mark_sent(&mut self, id: u64) {
        if let Some(question) = self.shares.persister.questions.get_mut(&id) {
            question.is_sent = true;
        }
    }

    /// Which broker keeps the state; the topic is created if it is not there.
    fn share_coordinator_of(&mut self, ctx: &mut Ctx, key: &ShareStateKey) -> Option<i32> {
        if !self.image.topics.contains_key(SHARE_STATE_TOPIC) {
            let creation = self.creation_of(vec![SHARE_STATE_TOPIC.to_owned()]);
            self.auto_create(ctx, BROKER_CLIENT, creation);
            return None;
        }
        let partition = self.shares.state.coordinator.partition_for(key);
        let at = TopicPartition::new(SHARE_STATE_TOPIC, partition);
        self.image.partition(&at).map(|partition| partition.leader).filter(|leader| *leader >= 0)
    }

    /// After a while; or not at all, if that was tried often enough.
    fn ask_again(&mut self, ctx: &mut Ctx, id: u64, error: ErrorCode) {
        let Some(question) = self.shares.persister.questions.get_mut(&id) else { return };
        question.attempts += 1;
        question.is_sent = false;
        if question.attempts >= ATTEMPTS_MAX {
            return self.conclude_question(ctx, id, StateResult { error, ..StateResult::default() });
        }
        question.not_before = ctx.now() + ms(BACKOFF_MS);
        self.schedule_questions(ctx);
    }

    /// To be woken when the first question may be asked again.
    fn schedule_questions(&self, ctx: &mut Ctx) {
        let unsent = self.shares.persister.questions.values().filter(|question| !question.is_sent);
        let next = unsent.map(|question| question.not_before).filter(|at| *at > ctx.now()).min();
        if let Some(next) = next {
            ctx.set_timer(BrokerTimer::SharePersister, next);
        }
    }

    /// It is time to ask again.
    pub(in crate::broker) fn ask_share_coordinators(&mut self) {
        self.shares.persister.has_news = true;
    }

    /// There is a connection, or the state topic has other leaders: nobody needs to wait any longer.
    pub(in crate::broker) fn share_coordinators_moved(&mut self) {
        for question in self.shares.persister.questions.values_mut() {
            question.not_before = SimTime::ZERO;
        }
        self.ask_share_coordinators();
    }

    /// The share coordinator's answer.
    pub(super) fn share_coordinator_answered(&mut self, ctx: &mut Ctx, id: u64, result: StateResult) {
        match result.error {
            error @ (ErrorCode::NotCoordinator
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::CoordinatorLoadInProgress) => self.ask_again(ctx, id, error),
            _ => self.conclude_question(ctx, id, result),
        }
    }

    fn conclude_question(&mut self, ctx: &mut Ctx, id: u64, result: StateResult) {
        let Some(question) = self.shares.persister.questions.remove(&id) else { return };
        let Question { leader_epoch, what, .. } = question;
        let is_current = match &what {
            What::Read(share) | What::Write(share, ..) => {
                self.shares.partitions.get(share).is_some_and(|slot| slot.leader_epoch == leader_epoch)
            }
            What::Ask(..) => false,
        };
        let is_fenced = matches!(result.error, ErrorCode::FencedLeaderEpoch | ErrorCode::FencedStateEpoch);
        match what {
            What::Ask(ask, index, _) => self.share_state_told(ctx, ask, index, &result),
            What::Read(_) if !is_current => {}
            What::Read(share) if result.error.is_error() => {
                // The next fetch tries again.
                self.shares.partitions.remove(&share);
                self.share_unread(ctx, &share, result.error);
            }
            What::Read(share) => {
                let state = match result.start_offset {
                    NO_START_OFFSET => {
                        SharePartition::new(self.initial_share_offset(ctx, &share.0, &share.1))
                    }
                    start => SharePartition::restored(start, &result.batches),
                };
                let (group, at) = share.clone();
                ctx.trace(Event::ShareStartOffsetMoved { group, at, offset: state.start_offset() });
                if let Some(slot) = self.shares.partitions.get_mut(&share) {
                    let slot = Arc::make_mut(slot);
                    (slot.state_epoch, slot.state) = (result.state_epoch, Some(state));
                }
                self.recheck_share_fetches(ctx, &share.1);
            }
            What::Write(share, write, _) => {
                let is_written = !result.error.is_error();
                if let Some(write) = write {
                    if is_current {
                        self.with_share(ctx, &share, |state| state.written(write, is_written));
                    }
                    // Whoever writes for a newer leader has told the coordinator so.
                    let error = if is_fenced { ErrorCode::NotLeaderOrFollower } else { result.error };
                    self.settle_write(ctx, write, error, None);
                }
                if is_fenced && is_current {
                    self.shares.partitions.remove(&share);
                    self.set_share_timer(ctx, &share, None);
                }
                self.recheck_share_fetches(ctx, &share.1);
            }
        }
    }

    /// Whose connection this is, if it goes to a share coordinator.
    pub(in crate::broker) fn share_peer_of(&self, conn: ConnId) -> Option<i32> {
        let mut peers = self.shares.persister.peers.iter();
        peers.find(|(_, peer)| peer.owns(conn)).map(|(broker, _)| *broker)
    }

    #[inline(never)]
    pub(in crate::broker) fn hear_share_coordinator(&mut self, ctx: &mut Ctx, broker: i32, bytes: Rope) {
        let Some(peer) = self.shares.persister.peers.get_mut(&broker) else { return };
        match peer.receive(ctx, bytes) {
            FromPeer::Ready => self.share_coordinators_moved(),
            FromPeer::Answer { purpose, version, bytes } => {
                let Some(batch) = self.shares.persister.batches.remove(&purpose) else { return };
                self.shares.persister.has_news = true;
                let mut results = results_in(batch.api, &bytes, version).unwrap_or_default();
                for id in batch.questions {
                    let question = self.shares.persister.questions.get(&id);
                    let at = question.map(|question| (question.key.1, question.key.2));
                    let place = results.iter().position(|(topic, index, _)| Some((*topic, *index)) == at);
                    let error = ErrorCode::UnknownServerError;
                    let result = match place {
                        Some(place) => results.remove(place).2,
                        None => StateResult { error, ..StateResult::default() },
                    };
                    self.share_coordinator_answered(ctx, id, result);
                }
            }
            FromPeer::Broken(lost) => self.questions_lost(ctx, lost),
        }
    }

    #[inline(never)]
    pub(in crate::broker) fn share_coordinator_closed(
        &mut self,
        ctx: &mut Ctx,
        broker: i32,
        reason: CloseReason,
    ) {
        let Some(mut peer) = self.shares.persister.peers.remove(&broker) else { return };
        let lost = peer.closed(ctx.now(), reason);
        self.questions_lost(ctx, lost);
    }

    /// These will not be answered; and those who only waited for the connection wait for another one.
    fn questions_lost(&mut self, ctx: &mut Ctx, lost: Vec<u64>) {
        self.shares.persister.has_news = true;
        for batch in lost {
            let batch = self.shares.persister.batches.remove(&batch);
            self.all_again(ctx, &batch.map(|batch| batch.questions).unwrap_or_default());
        }
        let again = ctx.now() + ms(BACKOFF_MS);
        let unsent = self.shares.persister.questions.values_mut().filter(|question| !question.is_sent);
        unsent.for_each(|question| question.not_before = question.not_before.max(again));
        self.schedule_questions(ctx);
    }

    /// Gives up connections on which an answer has not come for too long.
    pub(in crate::broker) fn time_out_share_coordinators(&mut self, ctx: &mut Ctx) {
        let timeout_ms = self.config.replica_socket_timeout_ms;
        for broker in self.shares.persister.peers.keys().copied().collect::<Vec<_>>() {
            let Some(peer) = self.shares.persister.peers.get_mut(&broker) else { continue };
            if let Some(lost) = peer.time_out(ctx, timeout_ms) {
                self.shares.persister.peers.remove(&broker);
                self.questions_lost(ctx, lost);
            }
        }
    }
}

impl Question {
    fn part(&self) -> StatePart {
        match &self.what {
            What::Read(_) => StatePart::Read(self.leader_epoch),
            What::Write(_, _, asked) => StatePart::Write(asked.clone()),
            What::Ask(_, _, part) => part.clone(),
        }
    }
}
