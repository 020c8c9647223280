//! The persister: asks the share coordinator, on whichever broker that is, to keep the states of the
//! share partitions that this broker leads, and to tell them when it begins to lead.
//!
//! Source: KIP-932, *Persisting share-group state*; back-off and number of attempts as in Kafka's
//! `PersisterStateManager`. Where the coordinator is the broker reads from its own metadata.

use std::sync::Arc;

use super::asks::Asking;
use super::partition::{Change, SharePartition};
use super::state::{Origin, StatePart, StateResult};
use super::{ShareKey, Slot};
use crate::base::{CloseReason, ConnId, Map, Rope, SimTime, ms};
use crate::broker::{Broker, BrokerTimer, Ctx, SHARE_STATE_TOPIC};
use crate::coordinator::{NO_START_OFFSET, ShareStateKey};
use crate::peer::{FromPeer, Peer};
use crate::protocol::messages::share_group_state::{StateResult as StateResults, *};
use crate::protocol::{ApiKey, ErrorCode, TopicPartition, Uuid, decode_response_rope};
use crate::trace::Event;

const BACKOFF_MS: u64 = 1_000;
const ATTEMPTS_MAX: u32 = 5;

/// What share coordinators are asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Persister {
    peers: Map<i32, Peer<u64>>,
    questions: Map<u64, Question>,
    /// What the group coordinator waits for.
    pub(super) asking: Map<u64, Asking>,
}

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
    pub(super) fn open_share(&mut self, ctx: &mut Ctx, share: &ShareKey) {
        if self.shares.partitions.contains_key(share) {
            return;
        }
        let Some(partition) = self.partition(&share.1) else { return };
        let (topic_id, leader_epoch) = (partition.topic_id, partition.registration.leader_epoch);
        let slot = Slot { topic_id, leader_epoch, state_epoch: 0, state: None };
        self.shares.partitions.insert(share.clone(), Arc::new(slot));
        self.ask_share_coordinator(ctx, share, What::Read(share.clone()));
    }

    /// Writes what became of records. With a number, whoever waits for it is told how that went.
    pub(super) fn write_share_state(
        &mut self,
        ctx: &mut Ctx,
        share: &ShareKey,
        changes: &[Change],
        write: Option<u64>,
    ) {
        let Some(slot) = self.shares.partitions.get(share) else { return };
        let asked = WritePartition {
            partition: share.1.partition,
            state_epoch: slot.state_epoch,
            leader_epoch: slot.leader_epoch,
            start_offset: slot.state.as_ref().map_or(NO_START_OFFSET, SharePartition::start_offset),
            state_batches: changes.iter().map(Change::to_write).collect(),
        };
        self.ask_share_coordinator(ctx, share, What::Write(share.clone(), write, asked));
    }

    fn ask_share_coordinator(&mut self, ctx: &mut Ctx, share: &ShareKey, what: What) {
        let Some(slot) = self.shares.partitions.get(share) else { return };
        let (key, leader_epoch) = ((share.0.clone(), slot.topic_id, share.1.partition), slot.leader_epoch);
        self.ask_about(ctx, key, leader_epoch, what);
    }

    pub(super) fn ask_about(&mut self, ctx: &mut Ctx, key: ShareStateKey, leader_epoch: i32, what: What) {
        let not_before = SimTime::ZERO;
        let question = Question { key, leader_epoch, what, attempts: 0, is_sent: false, not_before };
        let id = self.next_wait();
        self.shares.persister.questions.insert(id, question);
        self.send_question(ctx, id);
    }

    /// Asks, if the share coordinator can be asked; else later.
    fn send_question(&mut self, ctx: &mut Ctx, id: u64) {
        let Some(question) = self.shares.persister.questions.get(&id) else { return };
        if question.is_sent || question.not_before > ctx.now() {
            return;
        }
        let (key, leader_epoch) = (question.key.clone(), question.leader_epoch);
        let part = match &question.what {
            What::Read(_) => StatePart::Read(leader_epoch),
            What::Write(_, _, asked) => StatePart::Write(asked.clone()),
            What::Ask(_, _, part) => part.clone(),
        };
        let Some(leader) = self.share_coordinator_of(ctx, &key) else {
            return self.ask_again(ctx, id, ErrorCode::CoordinatorNotAvailable);
        };
        let (group, topic, partition) = key;
        if leader == self.id {
            self.mark_sent(id);
            let api = part.api();
            return self.keep_share_state(ctx, Origin::Own(id), api, &group, vec![(topic, partition, part)]);
        }
        let Some(endpoint) = self.image.brokers.get(&leader).map(|broker| broker.internal().clone()) else {
            return self.ask_again(ctx, id, ErrorCode::CoordinatorNotAvailable);
        };
        let peers = &mut self.shares.persister.peers;
        let peer = peers.entry(leader).or_insert_with(|| Peer::new(endpoint.host.clone(), endpoint.port));
        if !peer.is_ready() {
            // It waits for the connection, or for the time to try it again.
            peer.connect(ctx);
            let retry_at = peer.retry_at();
            if let Some(question) = self.shares.persister.questions.get_mut(&id) {
                question.not_before = retry_at;
            }
            return self.schedule_questions(ctx);
        }
        match ask_peer(peer, ctx, id, (&group, topic, partition), part) {
            Ok(()) => self.mark_sent(id),
            Err(_) => self.ask_again(ctx, id, ErrorCode::CoordinatorNotAvailable),
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
            self.auto_create(ctx, creation);
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
    #[inline(never)]
    pub(in crate::broker) fn ask_share_coordinators(&mut self, ctx: &mut Ctx) {
        for id in self.shares.persister.questions.keys().copied().collect::<Vec<_>>() {
            self.send_question(ctx, id);
        }
        self.schedule_questions(ctx);
    }

    /// There is a connection, or the state topic has other leaders: nobody needs to wait any longer.
    #[inline(never)]
    pub(in crate::broker) fn share_coordinators_moved(&mut self, ctx: &mut Ctx) {
        for question in self.shares.persister.questions.values_mut() {
            question.not_before = SimTime::ZERO;
        }
        self.ask_share_coordinators(ctx);
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
            FromPeer::Ready => self.share_coordinators_moved(ctx),
            FromPeer::Answer { purpose, version, bytes } => {
                let asked = self.shares.persister.questions.get(&purpose);
                let result = asked
                    .and_then(|question| result_in(&question.what, &bytes, version))
                    .unwrap_or(StateResult { error: ErrorCode::UnknownServerError, ..Default::default() });
                self.share_coordinator_answered(ctx, purpose, result);
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
        for id in lost {
            self.ask_again(ctx, id, ErrorCode::CoordinatorNotAvailable);
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

/// Sends a question about one share partition.
#[inline(never)]
fn ask_peer(
    peer: &mut Peer<u64>,
    ctx: &mut Ctx,
    id: u64,
    (group, topic_id, partition): (&str, Uuid, i32),
    part: StatePart,
) -> Result<(), u64> {
    let group_id = group.to_owned();
    match part {
        StatePart::Write(asked) => {
            let topics = vec![WriteStateData { topic_id, partitions: vec![asked] }];
            peer.ask(ctx, id, &WriteShareGroupStateRequest { group_id, topics })
        }
        StatePart::Initialize(state_epoch, start_offset) => {
            let partitions = vec![InitializePartition { partition, state_epoch, start_offset }];
            let topics = vec![InitializeStateData { topic_id, partitions }];
            peer.ask(ctx, id, &InitializeShareGroupStateRequest { group_id, topics })
        }
        StatePart::Delete => {
            let partitions = vec![DeletePartition { partition }];
            let topics = vec![DeleteStateData { topic_id, partitions }];
            peer.ask(ctx, id, &DeleteShareGroupStateRequest { group_id, topics })
        }
        StatePart::Read(leader_epoch) => {
            let topics =
                vec![ReadStateData { topic_id, partitions: vec![ReadPartition { partition, leader_epoch }] }];
            peer.ask(ctx, id, &ReadShareGroupStateRequest { group_id, topics })
        }
        StatePart::Summary => {
            let leader_epoch = -1;
            let topics =
                vec![ReadStateData { topic_id, partitions: vec![ReadPartition { partition, leader_epoch }] }];
            peer.ask(ctx, id, &ReadShareGroupStateSummaryRequest { group_id, topics })
        }
    }
}

/// What the answer to a question says.
#[inline(never)]
fn result_in(what: &What, bytes: &Rope, version: i16) -> Option<StateResult> {
    let errors = |results: Vec<StateResults>| {
        let error = results.first()?.partitions.first()?.error_code;
        Some(StateResult { error, ..StateResult::default() })
    };
    match what {
        What::Read(_) | What::Ask(_, _, StatePart::Read(_)) => {
            let (_, response) = decode_response_rope::<ReadShareGroupStateResponse>(bytes, version).ok()?;
            let part = response.results.into_iter().next()?.partitions.into_iter().next()?;
            Some(StateResult {
                error: part.error_code,
                state_epoch: part.state_epoch,
                start_offset: part.start_offset,
                batches: part.state_batches,
                ..StateResult::default()
            })
        }
        What::Ask(_, _, StatePart::Summary) => {
            let (_, response) =
                decode_response_rope::<ReadShareGroupStateSummaryResponse>(bytes, version).ok()?;
            let part = response.results.into_iter().next()?.partitions.into_iter().next()?;
            Some(StateResult {
                error: part.error_code,
                state_epoch: part.state_epoch,
                leader_epoch: part.leader_epoch,
                start_offset: part.start_offset,
                ..StateResult::default()
            })
        }
        What::Write(..) | What::Ask(_, _, StatePart::Write(_)) => {
            let (_, response) = decode_response_rope::<WriteShareGroupStateResponse>(bytes, version).ok()?;
            errors(response.results)
        }
        What::Ask(_, _, StatePart::Initialize(..)) => {
            let (_, response) =
                decode_response_rope::<InitializeShareGroupStateResponse>(bytes, version).ok()?;
            errors(response.results)
        }
        What::Ask(_, _, StatePart::Delete) => {
            let (_, response) = decode_response_rope::<DeleteShareGroupStateResponse>(bytes, version).ok()?;
            errors(response.results)
        }
    }
}

impl StatePart {
    fn api(&self) -> ApiKey {
        match self {
            StatePart::Initialize(..) => ApiKey::InitializeShareGroupState,
            StatePart::Read(_) => ApiKey::ReadShareGroupState,
            StatePart::Write(_) => ApiKey::WriteShareGroupState,
            StatePart::Delete => ApiKey::DeleteShareGroupState,
            StatePart::Summary => ApiKey::ReadShareGroupStateSummary,
        }
    }
}
