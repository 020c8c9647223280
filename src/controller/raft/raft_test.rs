use std::sync::Arc;

use super::{ElectionStore, LogEnd, Moment, Raft};
use crate::base::{Rng, SimTime, ms};
use crate::metadata::Voters;
use crate::protocol::ErrorCode;
use crate::trace::Event;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Three voters that talk when the story says so. They are called 1, 2 and 3.
pub(super) struct Story {
    now: SimTime,
    rng: Rng,
    pub(super) rafts: Vec<Raft>,
    pub(super) logs: Vec<LogEnd>,
}

impl Story {
    pub(super) fn new() -> Story {
        let voters = Voters::of(3);
        let new = |id| Raft::new(id, voters.clone(), Arc::default(), ElectionStore::default());
        let mut story = Story {
            now: SimTime::ZERO,
            rng: Rng::stream(1, "raft"),
            rafts: voters.iter().map(|voter| new(voter.id)).collect(),
            logs: vec![LogEnd { epoch: 0, offset: 0 }; 3],
        };
        for n in 1..=3 {
            story.does(n, |raft, at, log| raft.start(at, log));
        }
        story
    }

    /// Somebody does something; what is said of it.
    pub(super) fn does<R>(&mut self, n: usize, act: impl FnOnce(&mut Raft, &mut Moment, LogEnd) -> R) -> R {
        let mut at = Moment { now: self.now, rng: &mut self.rng };
        act(&mut self.rafts[n - 1], &mut at, self.logs[n - 1])
    }

    /// Time passes until this voter's timer runs out.
    pub(super) fn times_out(&mut self, n: usize) {
        self.now = self.rafts[n - 1].deadline();
        self.does(n, |raft, at, log| raft.tick(at, log.offset));
    }

    pub(super) fn passes(&mut self, n_ms: u64) {
        self.now = self.now + ms(n_ms);
    }

    /// `from` asks `to` for what its state calls for, and hears the answer.
    pub(super) fn asks(&mut self, from: usize, to: usize) -> String {
        let asker = &self.rafts[from - 1];
        let (id, wanted) = (asker.me(), (asker.epoch(), asker.state_name() == "prospective"));
        let theirs = self.logs[from - 1];
        let vote = self.does(to, |raft, at, mine| raft.asked_for_vote(at, id, wanted, theirs, mine));
        let (voter, epoch, leader) =
            (self.rafts[to - 1].me(), self.rafts[to - 1].epoch(), self.rafts[to - 1].leader());
        self.does(from, |raft, at, log| {
            if !raft.learn(at, epoch, leader)
                && let Ok(vote) = vote
            {
                raft.vote_answered(at, voter, wanted.1, vote.granted, log.offset);
            }
        });
        match vote {
            Ok(vote) if vote.granted => format!("granted: {}", vote.why),
            Ok(vote) => format!("refused: {}", vote.why),
            Err(error) => error.name().to_owned(),
        }
    }

    /// This one is elected, with the help of the next; all others hear of it.
    fn elects(&mut self, n: usize) {
        let helper = n % 3 + 1;
        self.times_out(n);
        while ["prospective", "candidate"].contains(&self.rafts[n - 1].state_name()) {
            self.asks(n, helper);
        }
        assert_eq!(self.rafts[n - 1].state_name(), "leader");
        self.hear_of(n);
    }

    pub(super) fn hear_of(&mut self, leader: usize) {
        let (id, epoch) = (self.rafts[leader - 1].me(), self.rafts[leader - 1].epoch());
        for n in (1..=3).filter(|n| *n != leader) {
            self.does(n, |raft, at, _| raft.learn(at, epoch, Some(id)));
        }
    }

    /// The process dies and starts again; with the power, what was not flushed goes.
    pub(super) fn restarts(&mut self, n: usize, power_lost: bool) {
        let old = &self.rafts[n - 1];
        let mut store = old.store().after_crash();
        if power_lost {
            store.lose_power();
        }
        self.rafts[n - 1] = Raft::new(old.me(), old.voters().clone(), Arc::default(), store);
        self.does(n, |raft, at, log| raft.start(at, log));
    }

    pub(super) fn flushes(&mut self, n: usize) {
        let store = self.rafts[n - 1].store_mut();
        if let Some(position) = store.start_flush() {
            store.flushed(position);
        }
        assert!(store.is_durable());
    }

    fn check(&self, expected: &str) {
        let one = |raft: &Raft| format!("{} {}", raft.state_name(), raft.epoch());
        let found: Vec<String> = self.rafts.iter().map(one).collect();
        assert_eq!(found.join(", "), expected);
    }
}

#[test]
fn a_voter_sounds_the_others_out_before_it_begins_an_epoch() {
    let mut story = Story::new();
    story.times_out(1);
    story.check("prospective 0, unattached 0, unattached 0");
    assert_eq!(story.asks(1, 2), "granted: the log is long enough");
    story.check("candidate 1, unattached 0, unattached 0");
    assert_eq!(story.asks(1, 2), "granted: the log is long enough");
    story.check("leader 1, voted 1, unattached 0");
    story.hear_of(1);
    story.check("leader 1, follower 1, follower 1");
    let said = story.rafts[0].take_said();
    assert!(said.contains(&Event::ControllerElected { epoch: 1, votes: vec![3_001, 3_002] }), "{said:?}");
}

#[test]
fn a_vote_is_given_once_in_an_epoch() {
    let mut story = Story::new();
    story.times_out(1);
    story.asks(1, 3);
    assert_eq!(story.asks(1, 3), "granted: the log is long enough");
    story.restarts(1, false);
    story.restarts(2, false);
    story.does(2, |raft, at, log| {
        raft.learn(at, 0, None);
        raft.tick(at, log.offset);
    });
    story.times_out(2);
    let ask = |story: &mut Story, epoch| {
        let log = LogEnd { epoch: 0, offset: 0 };
        story.does(3, |raft, at, mine| raft.asked_for_vote(at, 3_002, (epoch, false), log, mine))
    };
    assert_eq!(
        ask(&mut story, 1).map(|vote| (vote.granted, vote.why)),
        Ok((false, "it has voted for another"))
    );
    assert_eq!(ask(&mut story, 0).map(|vote| vote.granted), Err(ErrorCode::FencedLeaderEpoch));
    assert_eq!(ask(&mut story, 2).map(|vote| vote.granted), Ok(true), "in the next epoch it may");
}

#[test]
fn a_vote_outlives_the_process_and_when_flushed_the_power() {
    let ask = |story: &mut Story, candidate| {
        let log = LogEnd { epoch: 0, offset: 0 };
        story
            .does(3, |raft, at, mine| raft.asked_for_vote(at, candidate, (1, false), log, mine))
            .map(|vote| vote.granted)
    };
    for (flushed, power_lost, may_vote_again) in
        [(false, false, false), (true, true, false), (true, false, false), (false, true, true)]
    {
        let mut story = Story::new();
        assert_eq!(ask(&mut story, 3_001), Ok(true));
        if flushed {
            story.flushes(3);
        }
        story.restarts(3, power_lost);
        // What was never flushed was never answered either.
        assert_eq!(ask(&mut story, 3_002), Ok(may_vote_again), "{flushed} {power_lost}");
        assert_eq!(ask(&mut story, 3_001), Ok(!may_vote_again), "{flushed} {power_lost}");
    }
}

#[test]
fn who_has_the_shorter_log_is_not_elected() {
    let mut story = Story::new();
    story.logs = vec![
        LogEnd { epoch: 3, offset: 90 },
        LogEnd { epoch: 4, offset: 70 },
        LogEnd { epoch: 4, offset: 71 },
    ];
    story.times_out(1);
    assert_eq!(story.asks(1, 2), "refused: its own log is longer", "a later epoch counts more");
    assert_eq!(story.asks(1, 3), "refused: its own log is longer");
    story.check("unattached 0, unattached 0, unattached 0");
    story.times_out(3);
    story.asks(3, 1);
    assert_eq!(story.asks(3, 2), "granted: the log is long enough");
    story.check("unattached 0, voted 1, leader 1");
}

#[test]
fn who_hears_from_its_leader_elects_nobody_else() {
    let mut story = Story::new();
    story.elects(1);
    story.does(2, |raft, at, _| raft.fetched(at.now));
    story.times_out(3);
    story.check("leader 1, follower 1, prospective 1");
    assert_eq!(story.asks(3, 2), "refused: it has a leader");
    assert_eq!(story.asks(3, 1), "refused: it leads itself");
    // It goes back to the leader that it knows, and the epoch is as it was.
    story.check("leader 1, follower 1, follower 1");
}

#[test]
fn who_has_not_reached_its_leader_would_elect_another() {
    let mut story = Story::new();
    story.elects(1);
    story.times_out(3);
    assert_eq!(story.asks(3, 2), "granted: the log is long enough");
    story.check("leader 1, follower 1, candidate 2");
    assert_eq!(story.asks(3, 1), "granted: the log is long enough", "the leader hears of a higher epoch");
    story.check("voted 2, follower 1, leader 2");
}

#[test]
fn a_leader_commits_only_what_reaches_into_its_epoch() {
    let mut story = Story::new();
    story.logs[0] = LogEnd { epoch: 1, offset: 10 };
    story.elects(1);
    let config = Arc::default();
    let mut fetches = |voter: i32, offset: i64, own: i64| {
        let now = story.now;
        let leadership = story.rafts[0].leadership_mut().expect("it leads");
        leadership.fetched(voter, offset, 11, now, &config);
        leadership.committed(own)
    };
    assert_eq!(fetches(3_002, 8, 11), None);
    assert_eq!(fetches(3_002, 10, 11), None, "a majority has it, but it may still be overwritten");
    assert_eq!(fetches(3_002, 11, 10), None, "its own disk counts like any other");
    assert_eq!(fetches(3_003, 11, 10), Some(11), "two others are a majority, too");
    assert_eq!(fetches(3_003, 12, 13), Some(12));
}

#[test]
fn a_leader_without_a_majority_resigns() {
    let mut story = Story::new();
    story.elects(1);
    story.passes(1_400);
    let config = Arc::default();
    let now = story.now;
    story.rafts[0].leadership_mut().expect("it leads").fetched(3_003, 5, 5, now, &config);
    for _ in 0..3 {
        story.times_out(1);
    }
    assert_eq!(story.rafts[0].state_name(), "leader", "for 3 s after a fetch, it waits");
    story.passes(3_000);
    story.does(1, |raft, at, log| raft.tick(at, log.offset));
    story.check("resigned 1, follower 1, follower 1");
    // The one with the longest log is to stand first.
    let successors = [3_003, 3_002];
    for n in [2, 3] {
        story.does(n, |raft, at, _| raft.leader_resigned(at, 3_001, &successors));
    }
    assert!(story.rafts[2].deadline() < story.rafts[1].deadline() || story.rafts[2].deadline() <= story.now);
    story.times_out(1);
    story.check("unattached 2, follower 1, follower 1");
}

#[test]
fn a_leader_that_restarts_leads_no_more_in_its_epoch() {
    let mut story = Story::new();
    story.elects(1);
    story.restarts(1, false);
    story.check("resigned 1, follower 1, follower 1");
    let log = LogEnd { epoch: 1, offset: 9 };
    let vote = story.does(1, |raft, at, mine| raft.asked_for_vote(at, 3_002, (1, false), log, mine));
    assert_eq!(vote.map(|vote| vote.why), Ok("it led in this epoch itself"));
    story.restarts(2, false);
    story.check("resigned 1, follower 1, follower 1");
}

#[test]
fn who_is_alone_is_elected_at_once() {
    let mut raft = Raft::new(3_000, Voters::of(1), Arc::default(), ElectionStore::default());
    let mut rng = Rng::stream(1, "alone");
    let mut at = Moment { now: SimTime::ZERO, rng: &mut rng };
    raft.start(&mut at, LogEnd { epoch: 4, offset: 20 });
    assert_eq!((raft.state_name(), raft.epoch()), ("leader", 5));
    assert!(raft.store().is_durable());
    let leadership = raft.leadership().expect("it leads");
    assert_eq!((leadership.committed(20), leadership.committed(21)), (None, Some(21)));
}
