//! Whatever is said to voters, true or not, in whatever order: none votes twice in an epoch or goes back to
//! an earlier one, and none is elected beside another.

// Native only: proptest does not build for wasm here.

use proptest::prelude::*;

use super::raft_test::Story;
use super::*;
use crate::base::Map;

#[derive(Clone, Debug)]
enum Act {
    TimesOut(usize),
    Asks(usize, usize),
    HearOf(usize),
    /// Somebody asks for a vote, in an epoch so far from the voter's own.
    Vote {
        to: usize,
        candidate: i32,
        ahead: i32,
        pre_vote: bool,
        log: (i32, i64),
        flush: bool,
    },
    /// Somebody says who leads.
    Leads {
        to: usize,
        leader: i32,
        ahead: i32,
    },
    Resigns {
        to: usize,
        leader: i32,
        successors: Vec<i32>,
    },
    Fetched(usize),
    Flushes(usize),
    Restarts(usize, bool),
    Appends(usize),
    Passes(u64),
}

fn any_act() -> impl Strategy<Value = Act> {
    let voter = || 1..=3_usize;
    let id = || prop::sample::select(vec![3_001, 3_002, 3_003, 3_001, 3_002, 3_003, -1, 0, 7, i32::MAX]);
    let ahead = || prop::sample::select(vec![0, 0, 0, 1, 1, 2, -1, 5, i32::MAX, i32::MIN]);
    let log = (0..6_i32, 0..40_i64);
    prop_oneof![
        4 => voter().prop_map(Act::TimesOut),
        8 => (voter(), voter()).prop_map(|(from, to)| Act::Asks(from, to)),
        2 => voter().prop_map(Act::HearOf),
        4 => (voter(), id(), ahead(), any::<bool>(), log, any::<bool>()).prop_map(
            |(to, candidate, ahead, pre_vote, log, flush)| Act::Vote { to, candidate, ahead, pre_vote, log, flush }
        ),
        2 => (voter(), id(), ahead()).prop_map(|(to, leader, ahead)| Act::Leads { to, leader, ahead }),
        1 => (voter(), id(), prop::collection::vec(id(), 0..5))
            .prop_map(|(to, leader, successors)| Act::Resigns { to, leader, successors }),
        1 => voter().prop_map(Act::Fetched),
        2 => voter().prop_map(Act::Flushes),
        2 => (voter(), any::<bool>()).prop_map(|(n, power)| Act::Restarts(n, power)),
        1 => voter().prop_map(Act::Appends),
        2 => (1..3_000_u64).prop_map(Act::Passes),
    ]
}

/// What was seen of the voters.
#[derive(Default)]
struct Seen {
    /// The last vote of each: epoch, candidate, and whether others may know of it.
    votes: Map<usize, (i32, i32, bool)>,
    elected: Map<i32, usize>,
}

impl Seen {
    fn look(&mut self, story: &mut Story) {
        for n in 1..=3 {
            let me = story.rafts[n - 1].me();
            for event in story.rafts[n - 1].take_said() {
                match event {
                    Event::VoteCast { candidate, epoch, pre_vote: false, granted: true, .. } => {
                        self.voted(n, epoch, candidate);
                    }
                    Event::VotesRequested { epoch, pre_vote: false } => self.voted(n, epoch, me),
                    Event::ControllerElected { epoch, .. } => {
                        let first = *self.elected.entry(epoch).or_insert(n);
                        assert_eq!(first, n, "elected in epoch {epoch}");
                    }
                    _ => {}
                }
            }
        }
    }

    fn voted(&mut self, n: usize, epoch: i32, candidate: i32) {
        match self.votes.get(&n) {
            Some((before, first, _)) if *before == epoch => {
                assert_eq!(*first, candidate, "{n} in epoch {epoch}");
            }
            Some((before, ..)) => assert!(*before < epoch, "{n} votes in {epoch} after {before}"),
            None => {}
        }
        let told = self.votes.get(&n).is_some_and(|(before, _, told)| *before == epoch && *told);
        self.votes.insert(n, (epoch, candidate, told));
    }

    fn told(&mut self, n: usize) {
        if let Some(vote) = self.votes.get_mut(&n) {
            vote.2 = true;
        }
    }
}

fn act(story: &mut Story, seen: &mut Seen, act: &Act) {
    match act {
        Act::TimesOut(n) => story.times_out(*n),
        Act::Asks(from, to) if from != to => {
            let state = story.rafts[from - 1].state_name();
            if state == "prospective" || state == "candidate" {
                // Nothing is said that rests on what the disk does not have.
                story.flushes(*from);
                seen.told(*from);
                story.asks(*from, *to);
                story.flushes(*to);
                seen.look(story);
                seen.told(*to);
            }
        }
        Act::HearOf(n) if story.rafts[n - 1].leadership().is_some() => story.hear_of(*n),
        Act::Vote { to, candidate, ahead, pre_vote, log, flush } => {
            let epoch = story.rafts[to - 1].epoch().saturating_add(*ahead);
            let theirs = LogEnd { epoch: log.0, offset: log.1 };
            let wanted = (epoch, *pre_vote);
            let _ =
                story.does(*to, |raft, at, mine| raft.asked_for_vote(at, *candidate, wanted, theirs, mine));
            seen.look(story);
            if *flush {
                story.flushes(*to);
                seen.told(*to);
            }
        }
        Act::Leads { to, leader, ahead } => {
            let epoch = story.rafts[to - 1].epoch().saturating_add(*ahead);
            let leader = (*leader >= 0).then_some(*leader);
            story.does(*to, |raft, at, _| raft.learn(at, epoch, leader));
        }
        Act::Resigns { to, leader, successors } => {
            story.does(*to, |raft, at, _| raft.leader_resigned(at, *leader, successors));
        }
        Act::Fetched(n) => story.does(*n, |raft, at, _| raft.fetched(at.now)),
        Act::Flushes(n) => {
            story.flushes(*n);
            seen.told(*n);
        }
        Act::Restarts(n, power_lost) => {
            if *power_lost {
                seen.votes.retain(|voter, (_, _, told)| voter != n || *told);
            }
            story.restarts(*n, *power_lost);
        }
        Act::Appends(n) => {
            let epoch = story.rafts[n - 1].epoch();
            story.logs[n - 1] = LogEnd { epoch, offset: story.logs[n - 1].offset + 1 };
        }
        Act::Passes(ms) => story.passes(*ms),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_votes_twice_and_one_leads(acts in prop::collection::vec(any_act(), 1..80)) {
        let (mut story, mut seen) = (Story::new(), Seen::default());
        for wanted in &acts {
            let before: Vec<i32> = story.rafts.iter().map(Raft::epoch).collect();
            act(&mut story, &mut seen, wanted);
            seen.look(&mut story);
            for (raft, before) in story.rafts.iter().zip(before) {
                let lost = matches!(wanted, Act::Restarts(_, true));
                prop_assert!(lost || raft.epoch() >= before, "{} fell from {before} to {}", raft.me(), raft.epoch());
            }
        }
    }
}
