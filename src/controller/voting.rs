//! The quorum on the wire: votes, and who leads. Before anything is said that rests on `quorum-state`, that
//! file is flushed.
//!
//! As Kafka's `KafkaRaftClient`, a voter looks at its state after every event and sends what the state calls
//! for to whom it owes it, one request at a time to each: what got lost is so sent again by itself.
//! Source: KIP-595, KIP-996, KIP-853.

use crate::base::{CloseReason, ConnId, FlushKind, Rope, SimTime, ms};
use crate::controller::raft::{LogEnd, Moment, State};
use crate::controller::snapshots::snapshot_request;
use crate::controller::{Asker, Controller, ControllerTimer, Ctx, encode};
use crate::metadata::{CLUSTER_METADATA_TOPIC, SnapshotId};
use crate::peer::{FromPeer, Peer};
use crate::protocol::messages::{begin_quorum_epoch as begin, end_quorum_epoch as end, vote};
use crate::protocol::{ErrorCode, Message, WireError, decode_response_rope};

/// The file `quorum-state`.
pub(super) const QUORUM_FILE: u64 = 2;
/// How long a voter is left alone after an error (`controller.quorum.retry.backoff.ms`).
const RETRY_BACKOFF_MS: u64 = 20;
const CLIENT_NAME: &str = "terrarium-controller";
const LISTENER: &str = "CONTROLLER";

/// What another voter was asked, in which epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Vote { epoch: i32, pre_vote: bool },
    Begin { epoch: i32 },
    End { epoch: i32 },
    Fetch { epoch: i32, offset: i64 },
    Snapshot { epoch: i32, id: SnapshotId, position: u64 },
}

/// The way to another voter.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Link {
    peer: Peer<Ask>,
    rest_until: SimTime,
}

/// Now, and this node's randomness.
pub(super) fn moment<'a>(ctx: &'a mut Ctx) -> Moment<'a> {
    Moment { now: ctx.now(), rng: ctx.rng() }
}

impl Controller {
    pub(super) fn voter_at(&self, conn: ConnId) -> Option<i32> {
        self.links.iter().find(|(_, link)| link.peer.owns(conn)).map(|(id, _)| *id)
    }

    /// After every event: what is due, what became of it, and what others are to be asked.
    #[inline(never)]
    pub(super) fn drive_quorum(&mut self, ctx: &mut Ctx) {
        let end = self.log.log_end_offset();
        self.raft.tick(&mut moment(ctx), end);
        let before = ctx.cause();
        for event in self.raft.take_said() {
            let entry = ctx.trace(event);
            ctx.because(entry);
        }
        let leads = self.raft.leadership().is_some();
        if self.leading.is_some_and(|epoch| !leads || epoch != self.raft.epoch()) {
            self.step_down(ctx);
        }
        if leads && self.leading.is_none() {
            self.begin_epoch(ctx);
        }
        if self.fetches_seen != (self.log.log_end_offset(), self.log.high_watermark()) {
            self.answer_fetches(ctx);
        }
        if let Some(position) = self.raft.store_mut().start_flush() {
            ctx.flush(QUORUM_FILE, position, FlushKind::Now);
        }
        let mut wake = self.raft.deadline();
        if self.raft.store().is_durable() {
            for (conn, info, bytes) in std::mem::take(&mut self.held) {
                ctx.send(conn, info, bytes);
            }
            wake = wake.min(self.ask_voters(ctx));
        }
        ctx.because(before);
        if self.wake_at != Some(wake) {
            self.wake_at = Some(wake);
            ctx.set_timer(ControllerTimer::Quorum, wake);
        }
    }

    // ---- asking ----

    /// What this state calls for.
    fn owed_to(&self, voter: i32) -> Option<Ask> {
        let epoch = self.raft.epoch();
        match self.raft.state() {
            State::Prospective { ballot, .. } if !ballot.has(voter) => {
                Some(Ask::Vote { epoch, pre_vote: true })
            }
            State::Candidate { ballot, .. } if !ballot.has(voter) => {
                Some(Ask::Vote { epoch, pre_vote: false })
            }
            State::Leader(leadership) if leadership.untold().contains(&voter) => Some(Ask::Begin { epoch }),
            State::Resigned { untold, .. } if untold.contains(&voter) => Some(Ask::End { epoch }),
            // A fetch says what is on this disk, so the disk comes first.
            State::Follower { leader, .. } if *leader == voter && !self.flushing => {
                match self.wanted_part().ok()? {
                    Some((id, position)) => Some(Ask::Snapshot { epoch, id, position }),
                    None => Some(Ask::Fetch { epoch, offset: self.log.log_end_offset() }),
                }
            }
            _ => None,
        }
    }

    /// Asks whom it owes something; when to look again.
    fn ask_voters(&mut self, ctx: &mut Ctx) -> SimTime {
        let mut wake = SimTime(u64::MAX);
        let timeout = self.config.quorum_request_timeout_ms;
        for voter in self.raft.others().collect::<Vec<_>>() {
            let Some(ask) = self.owed_to(voter) else { continue };
            let mut link = match self.links.remove(&voter) {
                Some(link) => link,
                None => match self.raft.voters().get(voter) {
                    Some(at) => {
                        let peer = Peer::new(at.host.clone(), at.port).named(CLIENT_NAME);
                        Link { peer, rest_until: SimTime::ZERO }
                    }
                    None => continue,
                },
            };
            link.peer.time_out(ctx, timeout);
            link.peer.connect(ctx);
            let free = link.peer.is_ready() && !link.peer.is_busy();
            if free && ctx.now() >= link.rest_until {
                self.put(ctx, &mut link.peer, voter, ask);
            } else if free {
                wake = wake.min(link.rest_until);
            }
            let again = link.peer.times_out_at(timeout);
            wake = wake.min(match again {
                Some(at) => at,
                None if link.peer.is_connected() => link.rest_until.max(ctx.now() + ms(RETRY_BACKOFF_MS)),
                None => link.peer.retry_at(),
            });
            self.links.insert(voter, link);
        }
        wake
    }

    fn put(&self, ctx: &mut Ctx, peer: &mut Peer<Ask>, voter: i32, ask: Ask) {
        let asked = match ask {
            Ask::Vote { pre_vote, .. } => peer.ask(ctx, ask, &self.vote_request(voter, pre_vote)),
            Ask::Begin { .. } => peer.ask(ctx, ask, &self.begin_request(voter)),
            Ask::End { .. } => peer.ask(ctx, ask, &self.end_request()),
            Ask::Fetch { offset, .. } => peer.ask(ctx, ask, &self.fetch_request(offset)),
            Ask::Snapshot { epoch, id, position } => {
                peer.ask(ctx, ask, &snapshot_request(self.raft.me(), epoch, id, position))
            }
        };
        if asked.is_err() {
            // A node that does not know these requests is none of ours.
            peer.give_up(ctx);
        }
    }

    fn vote_request(&self, voter: i32, pre_vote: bool) -> vote::VoteRequest {
        let LogEnd { epoch, offset } = self.log_end();
        let partition = vote::RequestPartitionData {
            replica_epoch: self.raft.epoch(),
            replica_id: self.raft.me(),
            last_offset_epoch: epoch,
            last_offset: offset,
            pre_vote,
            ..Default::default()
        };
        let topic_name = CLUSTER_METADATA_TOPIC.into();
        let topics = vec![vote::RequestTopicData { topic_name, partitions: vec![partition] }];
        vote::VoteRequest { voter_id: voter, topics, ..Default::default() }
    }

    fn begin_request(&self, voter: i32) -> begin::BeginQuorumEpochRequest {
        let partition = begin::RequestPartitionData {
            leader_id: self.raft.me(),
            leader_epoch: self.raft.epoch(),
            ..Default::default()
        };
        let topic_name = CLUSTER_METADATA_TOPIC.into();
        let endpoint = self.raft.voters().get(self.raft.me()).map(|it| begin::LeaderEndpoint {
            name: LISTENER.into(),
            host: it.host.clone(),
            port: it.port,
        });
        begin::BeginQuorumEpochRequest {
            voter_id: voter,
            topics: vec![begin::RequestTopicData { topic_name, partitions: vec![partition] }],
            leader_endpoints: endpoint.into_iter().collect(),
            ..Default::default()
        }
    }

    fn end_request(&self) -> end::EndQuorumEpochRequest {
        let State::Resigned { successors, .. } = self.raft.state() else { return Default::default() };
        let candidates = successors
            .iter()
            .map(|id| end::ReplicaInfo { candidate_id: *id, candidate_directory_id: Default::default() });
        let partition = end::RequestPartitionData {
            leader_id: self.raft.me(),
            leader_epoch: self.raft.epoch(),
            preferred_candidates: candidates.collect(),
            ..Default::default()
        };
        let topic_name = CLUSTER_METADATA_TOPIC.into();
        let topics = vec![end::RequestTopicData { topic_name, partitions: vec![partition] }];
        end::EndQuorumEpochRequest { topics, ..Default::default() }
    }

    // ---- hearing the answer ----

    pub(super) fn hear_voter(&mut self, ctx: &mut Ctx, voter: i32, bytes: Rope) {
        let Some(link) = self.links.get_mut(&voter) else { return };
        if let FromPeer::Answer { purpose, version, bytes } = link.peer.receive(ctx, bytes)
            && self.voter_answered(ctx, voter, purpose, version, &bytes).is_err()
            && let Some(link) = self.links.get_mut(&voter)
        {
            link.peer.give_up(ctx);
        }
    }

    pub(super) fn voter_closed(&mut self, ctx: &Ctx, voter: i32, reason: CloseReason) {
        if let Some(link) = self.links.get_mut(&voter) {
            link.peer.closed(ctx.now(), reason);
        }
    }

    fn voter_answered(
        &mut self,
        ctx: &mut Ctx,
        voter: i32,
        ask: Ask,
        version: i16,
        bytes: &Rope,
    ) -> Result<(), WireError> {
        let (asked_in, heard) = match ask {
            Ask::Vote { epoch, .. } => {
                let (_, answer): (_, vote::VoteResponse) = decode_response_rope(bytes, version)?;
                let data = answer.topics.first().and_then(|topic| topic.partitions.first());
                (epoch, data.map(|it| (it.error_code, it.leader_epoch, it.leader_id, it.vote_granted)))
            }
            Ask::Begin { epoch } => {
                let (_, answer): (_, begin::BeginQuorumEpochResponse) = decode_response_rope(bytes, version)?;
                let data = answer.topics.first().and_then(|topic| topic.partitions.first());
                (epoch, data.map(|it| (it.error_code, it.leader_epoch, it.leader_id, false)))
            }
            Ask::End { epoch } => {
                let (_, answer): (_, end::EndQuorumEpochResponse) = decode_response_rope(bytes, version)?;
                let data = answer.topics.first().and_then(|topic| topic.partitions.first());
                (epoch, data.map(|it| (it.error_code, it.leader_epoch, it.leader_id, false)))
            }
            Ask::Snapshot { epoch, .. } => {
                let (_, answer) = decode_response_rope(bytes, version)?;
                if !self.take_part(ctx, epoch, answer) {
                    self.rest(ctx, voter);
                }
                return Ok(());
            }
            Ask::Fetch { epoch, offset } => {
                let (_, answer) = decode_response_rope(bytes, version)?;
                if !self.take_fetched(ctx, epoch, offset, answer) {
                    self.rest(ctx, voter);
                }
                return Ok(());
            }
        };
        let (error, epoch, leader, granted) = heard.unwrap_or((ErrorCode::InvalidRequest, -1, -1, false));
        if self.learn(ctx, epoch, leader) || asked_in != self.raft.epoch() {
            return Ok(());
        }
        match ask {
            _ if error != ErrorCode::None => self.rest(ctx, voter),
            Ask::Vote { pre_vote, .. } => {
                let end = self.log.log_end_offset();
                self.raft.vote_answered(&mut moment(ctx), voter, pre_vote, granted, end);
            }
            Ask::Begin { .. } => {
                if let Some(leadership) = self.raft.leadership_mut() {
                    leadership.told(voter);
                }
            }
            _ => self.raft.resignation_heard(voter),
        }
        Ok(())
    }

    /// Leaves a voter alone for a while.
    fn rest(&mut self, ctx: &Ctx, voter: i32) {
        if let Some(link) = self.links.get_mut(&voter) {
            link.rest_until = ctx.now() + ms(RETRY_BACKOFF_MS);
        }
    }

    /// Somebody says which epoch it is and who leads in it (−1: unknown).
    pub(super) fn learn(&mut self, ctx: &mut Ctx, epoch: i32, leader: i32) -> bool {
        self.raft.learn(&mut moment(ctx), epoch, (leader >= 0).then_some(leader))
    }

    // ---- being asked ----

    pub(super) fn leader_and_epoch(&self) -> (i32, i32) {
        (self.raft.leader().unwrap_or(-1), self.raft.epoch())
    }

    pub(super) fn vote(&mut self, ctx: &mut Ctx, asker: Asker, request: &vote::VoteRequest) {
        let asked = request.topics.first().and_then(|topic| topic.partitions.first());
        let Some(asked) = asked else {
            let error_code = ErrorCode::InvalidRequest;
            return self.answer(ctx, asker, &vote::VoteResponse { error_code, ..Default::default() });
        };
        let vote = if self.is_for_another(request.voter_id) {
            Err(ErrorCode::InvalidVoterKey)
        } else {
            let theirs = LogEnd { epoch: asked.last_offset_epoch, offset: asked.last_offset };
            let (wanted, mine) = ((asked.replica_epoch, asked.pre_vote), self.log_end());
            self.raft.asked_for_vote(&mut moment(ctx), asked.replica_id, wanted, theirs, mine)
        };
        let (leader_id, leader_epoch) = self.leader_and_epoch();
        let data = vote::ResponsePartitionData {
            error_code: vote.err().unwrap_or(ErrorCode::None),
            vote_granted: vote.is_ok_and(|vote| vote.granted),
            leader_id,
            leader_epoch,
            ..Default::default()
        };
        let topic_name = CLUSTER_METADATA_TOPIC.into();
        let topics = vec![vote::ResponseTopicData { topic_name, partitions: vec![data] }];
        let nodes = self.endpoint_of(leader_id, asker).map(|(node_id, host, port)| vote::NodeEndpoint {
            node_id,
            host,
            port,
        });
        let node_endpoints = nodes.into_iter().collect();
        self.hold(ctx, asker, &vote::VoteResponse { topics, node_endpoints, ..Default::default() });
    }

    pub(super) fn begin_quorum_epoch(
        &mut self,
        ctx: &mut Ctx,
        asker: Asker,
        request: &begin::BeginQuorumEpochRequest,
    ) {
        let asked = request.topics.first().and_then(|topic| topic.partitions.first());
        let error_code = match asked {
            None => ErrorCode::InvalidRequest,
            Some(_) if self.is_for_another(request.voter_id) => ErrorCode::InvalidVoterKey,
            Some(asked) => self.leader_says(ctx, asked.leader_epoch, asked.leader_id),
        };
        let (leader_id, leader_epoch) = self.leader_and_epoch();
        let data = begin::ResponsePartitionData { error_code, leader_id, leader_epoch, ..Default::default() };
        let topic_name = CLUSTER_METADATA_TOPIC.into();
        let topics = vec![begin::ResponseTopicData { topic_name, partitions: vec![data] }];
        self.hold(ctx, asker, &begin::BeginQuorumEpochResponse { topics, ..Default::default() });
    }

    pub(super) fn end_quorum_epoch(
        &mut self,
        ctx: &mut Ctx,
        asker: Asker,
        request: &end::EndQuorumEpochRequest,
    ) {
        let asked = request.topics.first().and_then(|topic| topic.partitions.first());
        let error_code = match asked {
            None => ErrorCode::InvalidRequest,
            Some(asked) => {
                let error = self.leader_says(ctx, asked.leader_epoch, asked.leader_id);
                if error == ErrorCode::None {
                    let named = asked.preferred_candidates.iter().map(|it| it.candidate_id);
                    let successors: Vec<i32> =
                        named.chain(asked.preferred_successors.iter().copied()).collect();
                    self.raft.leader_resigned(&mut moment(ctx), asked.leader_id, &successors);
                }
                error
            }
        };
        let (leader_id, leader_epoch) = self.leader_and_epoch();
        let data = end::ResponsePartitionData { error_code, leader_id, leader_epoch, ..Default::default() };
        let topic_name = CLUSTER_METADATA_TOPIC.into();
        let topics = vec![end::ResponseTopicData { topic_name, partitions: vec![data] }];
        self.hold(ctx, asker, &end::EndQuorumEpochResponse { topics, ..Default::default() });
    }

    fn leader_says(&mut self, ctx: &mut Ctx, epoch: i32, leader: i32) -> ErrorCode {
        if epoch < self.raft.epoch() {
            return ErrorCode::FencedLeaderEpoch;
        }
        if leader == self.raft.me() || !self.raft.is_voter(leader) {
            return ErrorCode::InvalidRequest;
        }
        self.learn(ctx, epoch, leader);
        ErrorCode::None
    }

    fn is_for_another(&self, voter: i32) -> bool {
        voter >= 0 && voter != self.raft.me()
    }

    fn endpoint_of(&self, voter: i32, asker: Asker) -> Option<(i32, String, u16)> {
        let at = self.raft.voters().get(voter).filter(|_| asker.version >= 1)?;
        Some((at.id, at.host.clone(), at.port))
    }

    /// Answers as soon as what the answer rests on is on the disk.
    fn hold<M: Message>(&mut self, ctx: &mut Ctx, asker: Asker, response: &M) {
        match encode(asker, response) {
            Some((info, bytes)) => self.held.push((asker.conn, info, bytes)),
            None => ctx.close(asker.conn),
        }
    }
}
