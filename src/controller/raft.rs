//! The quorum's algorithm without the wire: who may get a vote, who leads in which epoch, how far the
//! log is committed.
//!
//! Must not know frames, connections or what the records mean. Time and randomness are told.
//! Source: KIP-595, KIP-996 (pre-vote), KIP-853 (message versions).
//!
//! | from | to | when |
//! | --- | --- | --- |
//! | unattached, voted | prospective | the election timeout is over |
//! | | unattached | it hears of a higher epoch |
//! | | voted | it gives somebody its vote |
//! | | follower | it hears who leads |
//! | prospective | candidate | a majority would vote for it |
//! | | follower, unattached | a majority would not, or the timeout is over |
//! | candidate | leader | a majority has voted for it |
//! | | prospective | the election timeout is over |
//! | follower | prospective | the fetch timeout is over |
//! | leader | resigned | for 1.5 fetch timeouts no majority has fetched |
//! | resigned | unattached, an epoch higher | the election timeout is over |
//! | any | unattached, follower | it hears of a higher epoch, without or with its leader |

mod ballot;
mod leader;
#[cfg(all(test, not(target_arch = "wasm32")))]
mod properties_test;
#[cfg(test)]
mod raft_test;
mod store;

use std::sync::Arc;

use crate::base::{Rng, Set, SimTime, ms};
use crate::controller::ControllerConfig;
use crate::metadata::Voters;
use crate::plant::Plant;
use crate::protocol::ErrorCode;
use crate::trace::Event;

pub(super) use ballot::Ballot;
pub(super) use leader::Leadership;
pub(super) use store::{Election, ElectionStore};

/// The end of a log, as votes compare it: the later epoch wins, then the longer log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LogEnd {
    /// Epoch of the last record, 0 of an empty log.
    pub(super) epoch: i32,
    /// Offset after it.
    pub(super) offset: i64,
}

/// What a voter is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// Knows no leader; has perhaps given its vote.
    Unattached { until: SimTime },
    /// Asks whether it would be elected.
    Prospective { leader: Option<i32>, ballot: Ballot, until: SimTime },
    /// Asks to be elected.
    Candidate { ballot: Ballot, until: SimTime },
    /// Copies a leader's log. `fetched`: the leader has answered.
    Follower { leader: i32, until: SimTime, fetched: bool },
    /// Leads.
    Leader(Leadership),
    /// Led in this epoch, and no longer does; tells those who do not know.
    Resigned { untold: Set<i32>, successors: Vec<i32>, until: SimTime },
}

/// What somebody who asked for a vote is told, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Vote {
    pub(super) granted: bool,
    pub(super) why: &'static str,
}

/// One voter.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Raft {
    me: i32,
    voters: Voters,
    config: Arc<ControllerConfig>,
    epoch: i32,
    voted: Option<i32>,
    state: State,
    store: ElectionStore,
    /// What happened, for the trace.
    said: Vec<Event>,
}

/// When, and whence randomness comes.
pub(super) struct Moment<'a> {
    pub(super) now: SimTime,
    pub(super) rng: &'a mut Rng,
}

impl Raft {
    /// A voter whose process has not started, with what its disk holds.
    pub(super) fn new(me: i32, voters: Voters, config: Arc<ControllerConfig>, store: ElectionStore) -> Raft {
        let state = State::Unattached { until: SimTime::ZERO };
        Raft { me, voters, config, epoch: 0, voted: None, state, store, said: Vec::new() }
    }

    pub(super) fn me(&self) -> i32 {
        self.me
    }

    pub(super) fn voters(&self) -> &Voters {
        &self.voters
    }

    pub(super) fn epoch(&self) -> i32 {
        self.epoch
    }

    pub(super) fn voted(&self) -> Option<i32> {
        self.voted
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    pub(super) fn store(&self) -> &ElectionStore {
        &self.store
    }

    pub(super) fn store_mut(&mut self) -> &mut ElectionStore {
        &mut self.store
    }

    /// What happened since it was asked last.
    pub(super) fn take_said(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.said)
    }

    pub(super) fn others(&self) -> impl Iterator<Item = i32> + '_ {
        self.voters.iter().map(|voter| voter.id).filter(|id| *id != self.me)
    }

    pub(super) fn is_voter(&self, id: i32) -> bool {
        self.voters.get(id).is_some()
    }

    pub(super) fn leader(&self) -> Option<i32> {
        match &self.state {
            State::Follower { leader, .. } => Some(*leader),
            State::Prospective { leader, .. } => *leader,
            State::Leader(_) => Some(self.me),
            _ => None,
        }
    }

    pub(super) fn leadership(&self) -> Option<&Leadership> {
        if let State::Leader(leadership) = &self.state { Some(leadership) } else { None }
    }

    pub(super) fn leadership_mut(&mut self) -> Option<&mut Leadership> {
        if let State::Leader(leadership) = &mut self.state { Some(leadership) } else { None }
    }

    /// Its state by Kafka's name (`current-state` among the metrics).
    pub(super) fn state_name(&self) -> &'static str {
        match &self.state {
            State::Unattached { .. } if self.voted.is_some() => "voted",
            State::Unattached { .. } => "unattached",
            State::Prospective { .. } => "prospective",
            State::Candidate { .. } => "candidate",
            State::Follower { .. } => "follower",
            State::Leader(_) => "leader",
            State::Resigned { .. } => "resigned",
        }
    }

    /// The process starts: as it was, except that whoever led or asked for votes does so no more.
    /// Who is alone is elected at once.
    pub(super) fn start(&mut self, at: &mut Moment, log: LogEnd) {
        let kept = self.store.kept();
        if self.voters.alone().is_some() {
            (self.epoch, self.voted) = (kept.epoch.max(log.epoch).saturating_add(1), Some(self.me));
            let leadership = Leadership::new(log.offset, self.others(), at.now, &self.config);
            self.state = State::Leader(leadership);
            return self.store.set_durable(self.election());
        }
        (self.epoch, self.voted) = (kept.epoch, kept.voted);
        let until = at.now + self.election_timeout(at);
        self.state = State::Unattached { until };
        if log.epoch > kept.epoch {
            (self.epoch, self.voted) = (log.epoch, None);
            self.save();
        } else if kept.leader == Some(self.me) {
            let untold = self.others().collect();
            self.state = State::Resigned { untold, successors: Vec::new(), until };
        } else if let Some(leader) = kept.leader {
            self.state = State::Follower { leader, until: at.now + self.fetch_timeout(), fetched: false };
        }
        self.said.push(self.changed("none", "the process has started"));
    }

    // ---- what others say ----

    /// A request or an answer tells of an epoch and, perhaps, of its leader. Says whether that was news.
    pub(super) fn learn(&mut self, at: &mut Moment, epoch: i32, leader: Option<i32>) -> bool {
        let leader = leader.filter(|id| *id != self.me && self.is_voter(*id));
        match leader {
            _ if epoch < self.epoch => false,
            Some(leader) if epoch > self.epoch || self.has_no_leader() => {
                self.follow(at, epoch, leader);
                true
            }
            None if epoch > self.epoch => {
                self.detach(at, epoch, "a higher epoch has begun");
                true
            }
            _ => false,
        }
    }

    /// Somebody asks for a vote. `theirs` and `mine` are the ends of the two logs.
    ///
    /// # Errors
    /// `FENCED_LEADER_EPOCH` when its epoch is over, `INVALID_REQUEST` when it is no voter.
    pub(super) fn asked_for_vote(
        &mut self,
        at: &mut Moment,
        candidate: i32,
        (epoch, pre_vote): (i32, bool),
        theirs: LogEnd,
        mine: LogEnd,
    ) -> Result<Vote, ErrorCode> {
        if candidate == self.me || !self.is_voter(candidate) {
            return Err(ErrorCode::InvalidRequest);
        }
        if epoch < self.epoch {
            let why = "the epoch is over";
            self.say_vote(candidate, epoch, pre_vote, Vote { granted: false, why });
            return Err(ErrorCode::FencedLeaderEpoch);
        }
        if epoch > self.epoch {
            self.detach(at, epoch, "a higher epoch has begun");
        }
        let vote = self.decide(candidate, pre_vote, theirs >= mine);
        self.say_vote(candidate, epoch, pre_vote, vote);
        if vote.granted && !pre_vote && self.voted != Some(candidate) {
            let from = self.state_name();
            self.voted = Some(candidate);
            let again = at.now + self.election_timeout(at);
            if let State::Unattached { until } | State::Prospective { until, .. } = &mut self.state {
                *until = again;
            }
            self.save();
            self.said.push(self.changed(from, "it has voted"));
        }
        Ok(vote)
    }

    fn decide(&self, candidate: i32, pre_vote: bool, up_to_date: bool) -> Vote {
        let refused = |why| Vote { granted: false, why };
        let granted = |why| Vote { granted: true, why };
        let has_leader = "it has a leader";
        match &self.state {
            State::Leader(_) => return refused("it leads itself"),
            State::Follower { fetched: true, .. } => return refused(has_leader),
            _ => {}
        }
        if pre_vote {
            let long = "the log is long enough";
            return if up_to_date { granted(long) } else { refused("its own log is longer") };
        }
        match (&self.state, self.voted) {
            (State::Follower { .. } | State::Prospective { leader: Some(_), .. }, _) => refused(has_leader),
            (State::Resigned { .. }, _) => refused("it led in this epoch itself"),
            (_, Some(voted)) if voted == candidate => granted("it has voted for it before"),
            (_, Some(_)) if up_to_date && self.config.log.plants.has(Plant::VoteGrantedTwice) => {
                granted("the log is long enough")
            }
            (_, Some(voted)) if voted == self.me => refused("it has voted for itself"),
            (_, Some(_)) => refused("it has voted for another"),
            _ if up_to_date => granted("the log is long enough"),
            _ => refused("its own log is longer"),
        }
    }

    /// A voter answered in this epoch. `log_end` is where this log ends, in case it is elected.
    pub(super) fn vote_answered(
        &mut self,
        at: &mut Moment,
        from: i32,
        pre_vote: bool,
        granted: bool,
        log_end: i64,
    ) {
        let is_for = matches!(self.state, State::Prospective { .. });
        if let State::Prospective { ballot, .. } | State::Candidate { ballot, .. } = &mut self.state
            && is_for == pre_vote
        {
            ballot.record(from, granted);
        }
        self.count_votes(at, log_end);
    }

    fn count_votes(&mut self, at: &mut Moment, log_end: i64) {
        match &self.state {
            State::Prospective { ballot, .. } if ballot.is_won(&self.voters) => self.stand(at),
            State::Prospective { ballot, .. } if ballot.is_lost(&self.voters) => {
                self.give_up_standing(at, "too many would not vote for it");
            }
            State::Candidate { ballot, .. } if ballot.is_won(&self.voters) => {
                let granted: Vec<i32> = ballot.granted().collect();
                self.said.push(Event::ControllerElected { epoch: self.epoch, votes: granted });
                let leadership = Leadership::new(log_end, self.others(), at.now, &self.config);
                self.go(State::Leader(leadership), "a majority has voted for it");
            }
            _ => {}
        }
    }

    /// The leader has answered a fetch.
    pub(super) fn fetched(&mut self, now: SimTime) {
        let timeout = self.fetch_timeout();
        if let State::Follower { until, fetched, .. } = &mut self.state {
            (*until, *fetched) = (now + timeout, true);
        }
    }

    /// The leader has resigned: its successors stand for election one after another, those with the
    /// longest logs first.
    pub(super) fn leader_resigned(&mut self, at: &mut Moment, leader: i32, successors: &[i32]) {
        let State::Follower { leader: followed, until, .. } = &mut self.state else { return };
        if *followed != leader {
            return;
        }
        let max = ms(u64::from(self.config.quorum_election_backoff_max_ms));
        let backoff = match successors.iter().position(|id| *id == self.me) {
            Some(0) => 0,
            Some(place) => {
                let base = max >> (successors.len() - 1).min(63);
                base.saturating_mul(1 << (place - 1).min(20)).min(max)
            }
            None => at.rng.below(max.max(1)),
        };
        *until = (*until).min(at.now + backoff);
    }

    // ---- time ----

    /// When something has to be done that no message brings.
    pub(super) fn deadline(&self) -> SimTime {
        match &self.state {
            State::Unattached { until }
            | State::Prospective { until, .. }
            | State::Candidate { until, .. }
            | State::Follower { until, .. }
            | State::Resigned { until, .. } => *until,
            State::Leader(leadership) => leadership.deadline(),
        }
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, at: &mut Moment, log_end: i64) {
        if at.now < self.deadline() {
            return;
        }
        match &mut self.state {
            State::Unattached { .. } => self.sound_out(at, log_end, None, "it knows no leader"),
            State::Follower { leader, .. } => {
                let leader = Some(*leader);
                self.sound_out(at, log_end, leader, "the leader is silent");
            }
            State::Candidate { .. } => self.sound_out(at, log_end, None, "not elected in time"),
            State::Prospective { .. } => self.give_up_standing(at, "no majority in time"),
            State::Leader(leadership) => {
                if leadership.has_lost_majority(at.now) {
                    self.resign(at, "no majority fetches from it");
                } else {
                    leadership.remind(at.now, &self.config);
                }
            }
            State::Resigned { .. } => self.detach(at, self.epoch.saturating_add(1), "it has resigned"),
        }
    }

    // ---- transitions ----

    fn has_no_leader(&self) -> bool {
        matches!(
            self.state,
            State::Unattached { .. } | State::Prospective { leader: None, .. } | State::Candidate { .. }
        )
    }

    fn follow(&mut self, at: &Moment, epoch: i32, leader: i32) {
        if epoch > self.epoch {
            (self.epoch, self.voted) = (epoch, None);
        }
        let until = at.now + self.fetch_timeout();
        self.go(State::Follower { leader, until, fetched: false }, "it knows who leads");
    }

    fn detach(&mut self, at: &mut Moment, epoch: i32, why: &'static str) {
        let rest = match &self.state {
            State::Leader(_) => None,
            _ => Some(self.deadline()).filter(|until| *until > at.now),
        };
        let until = rest.unwrap_or_else(|| at.now + self.election_timeout(at));
        if epoch > self.epoch {
            (self.epoch, self.voted) = (epoch, None);
        }
        self.go(State::Unattached { until }, why);
    }

    /// Asks whether it would be elected.
    fn sound_out(&mut self, at: &mut Moment, log_end: i64, leader: Option<i32>, why: &'static str) {
        let until = at.now + self.election_timeout(at);
        let ballot = Ballot::with(self.me);
        self.go(State::Prospective { leader, ballot, until }, why);
        self.said.push(Event::VotesRequested { epoch: self.epoch, pre_vote: true });
        self.count_votes(at, log_end);
    }

    /// Asks to be elected, in a new epoch.
    fn stand(&mut self, at: &mut Moment) {
        let Some(epoch) = self.epoch.checked_add(1) else {
            // Somebody has made up an epoch. There is none after it in which it has not voted.
            return self.give_up_standing(at, "there is no higher epoch");
        };
        (self.epoch, self.voted) = (epoch, Some(self.me));
        let until = at.now + self.election_timeout(at);
        let ballot = Ballot::with(self.me);
        self.go(State::Candidate { ballot, until }, "a majority would vote for it");
        self.said.push(Event::VotesRequested { epoch: self.epoch, pre_vote: false });
    }

    fn give_up_standing(&mut self, at: &mut Moment, why: &'static str) {
        match self.leader() {
            Some(leader) => {
                let until = at.now + self.fetch_timeout();
                self.go(State::Follower { leader, until, fetched: false }, why);
            }
            None => self.detach(at, self.epoch, why),
        }
    }

    /// The leader leads no more.
    pub(super) fn resign(&mut self, at: &mut Moment, why: &'static str) {
        let State::Leader(leadership) = &self.state else { return };
        let successors = leadership.by_offset();
        let until = at.now + self.election_timeout(at);
        self.said.push(Event::ControllerResigned { epoch: self.epoch, why });
        self.go(State::Resigned { untold: self.others().collect(), successors, until }, why);
    }

    /// A voter knows that it has resigned.
    pub(super) fn resignation_heard(&mut self, by: i32) {
        if let State::Resigned { untold, .. } = &mut self.state {
            untold.remove(&by);
        }
    }

    fn go(&mut self, state: State, why: &'static str) {
        let from = self.state_name();
        self.state = state;
        self.save();
        self.said.push(self.changed(from, why));
    }

    fn changed(&self, from: &'static str, why: &'static str) -> Event {
        let (to, epoch, leader) = (self.state_name(), self.epoch, self.leader().unwrap_or(-1));
        Event::QuorumStateChanged { from, to, epoch, leader, why }
    }

    fn say_vote(&mut self, candidate: i32, epoch: i32, pre_vote: bool, vote: Vote) {
        let Vote { granted, why } = vote;
        self.said.push(Event::VoteCast { candidate, epoch, pre_vote, granted, why });
    }

    fn election(&self) -> Election {
        Election { epoch: self.epoch, voted: self.voted, leader: self.leader() }
    }

    fn save(&mut self) {
        let mut election = self.election();
        // Who has resigned must not take part in this epoch again.
        if matches!(self.state, State::Resigned { .. }) {
            election.leader = Some(self.me);
        }
        self.store.set(election);
    }

    fn election_timeout(&self, at: &mut Moment) -> u64 {
        let least = ms(u64::from(self.config.quorum_election_timeout_ms.max(1)));
        least + at.rng.below(least)
    }

    fn fetch_timeout(&self) -> u64 {
        ms(u64::from(self.config.quorum_fetch_timeout_ms.max(1)))
    }
}
