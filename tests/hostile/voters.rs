//! What strangers say to voters: imagined, stale and far-fetched words about votes, leaders and the log.
//! A voter answers or hangs up; its epoch and what it knows to be committed never fall, and it votes once.
// Native only, as proptest is.
#![cfg(not(target_arch = "wasm32"))]

use std::sync::LazyLock;

use bytes::Bytes;
use proptest::prelude::*;
use terrarium::base::{ConnId, NodeId, Rng, SimTime};
use terrarium::controller::QuorumFacts;
use terrarium::metadata::{CLUSTER_METADATA_TOPIC, CLUSTER_METADATA_TOPIC_ID};
use terrarium::protocol::messages::{begin_quorum_epoch as begin, end_quorum_epoch as end, fetch, vote};
use terrarium::protocol::{Message, encode_request};
use terrarium::sim::Machine;

use crate::noise::damage;
use crate::specimen::{Specimen, specimens_in};
use crate::worlds::{Plan, play, seconds, setup};

const STRANGER: NodeId = NodeId(99);

/// Three controllers before one is elected, and later, when one leads.
static VOTERS: LazyLock<Vec<Specimen>> = LazyLock::new(|| {
    let plan = Plan { controllers: 3, start_s: 4, ..Plan::default() };
    let all = specimens_in(&setup(&plan), &play(&plan, seconds(6)), &[900, 6_000]);
    all.into_iter().filter(|it| matches!(it.machine, Machine::Controller(_))).collect()
});

fn facts(voter: &Specimen) -> QuorumFacts {
    match &voter.machine {
        Machine::Controller(controller) => controller.quorum(),
        _ => unreachable!("only controllers are chosen"),
    }
}

#[derive(Clone, Debug)]
enum Word {
    Vote { who: i32, ahead: i32, log: (i32, i64), pre_vote: bool, version: i16 },
    Begin { who: i32, ahead: i32, version: i16 },
    End { who: i32, ahead: i32, successors: Vec<i32>, version: i16 },
    Fetch { who: i32, ahead: i32, offset: i64, last: i32, version: i16 },
    Imagined { api: usize, round: u64, damaged: bool },
    Time(u64),
}

fn any_word() -> impl Strategy<Value = Word> {
    let who = || prop::sample::select(vec![3_001, 3_002, 3_003, 3_004, 1, -1, i32::MAX]);
    let ahead = || prop::sample::select(vec![0, 0, 1, 1, 2, -1, 1_000, i32::MAX, i32::MIN]);
    let offset = || prop::sample::select(vec![0, 1, 5, 20, 1_000, -1, i64::MAX, i64::MIN]);
    let last = || prop::sample::select(vec![0, 1, 2, -1, 9, i32::MAX, i32::MIN]);
    prop_oneof![
        4 => (who(), ahead(), (last(), offset()), any::<bool>(), 0..=2_i16)
            .prop_map(|(who, ahead, log, pre_vote, version)| Word::Vote { who, ahead, log, pre_vote, version }),
        2 => (who(), ahead(), 0..=1_i16).prop_map(|(who, ahead, version)| Word::Begin { who, ahead, version }),
        2 => (who(), ahead(), prop::collection::vec(who(), 0..4), 0..=1_i16).prop_map(
            |(who, ahead, successors, version)| Word::End { who, ahead, successors, version }
        ),
        2 => (who(), ahead(), offset(), last(), 12..=17_i16)
            .prop_map(|(who, ahead, offset, last, version)| Word::Fetch { who, ahead, offset, last, version }),
        2 => (0..4_usize, 0..50_u64, any::<bool>())
            .prop_map(|(api, round, damaged)| Word::Imagined { api, round, damaged }),
        1 => (1..5_000_u64).prop_map(Word::Time),
    ]
}

fn request<M: Message>(version: i16, message: &M) -> Option<Bytes> {
    encode_request(version, 1, "stranger", message).ok()
}

fn vote(voter: i32, epoch: i32, who: i32, log: (i32, i64), pre_vote: bool, version: i16) -> Option<Bytes> {
    let partition = vote::RequestPartitionData {
        replica_epoch: epoch,
        replica_id: who,
        last_offset_epoch: log.0,
        last_offset: log.1,
        pre_vote: pre_vote && version >= 2,
        ..Default::default()
    };
    let topic_name = CLUSTER_METADATA_TOPIC.into();
    let topics = vec![vote::RequestTopicData { topic_name, partitions: vec![partition] }];
    request(version, &vote::VoteRequest { voter_id: voter, topics, ..Default::default() })
}

fn imagine<M: Message>(round: u64, damaged: bool) -> Option<Bytes> {
    let mut rng = Rng::stream(round, M::NAME);
    let version = *M::VERSIONS.start() + (round % (M::VERSIONS.count() as u64)) as i16;
    let good = request(version, &M::imagine(version, rng.clone()))?;
    Some(if damaged { damage(&good, &mut rng) } else { good })
}

fn frame(voter: &Specimen, word: &Word) -> Option<Bytes> {
    let now = facts(voter);
    let epoch = |ahead: i32| now.epoch.saturating_add(ahead);
    let topic_name = || CLUSTER_METADATA_TOPIC.to_owned();
    match word {
        Word::Vote { who, ahead, log, pre_vote, version } => {
            vote(now.id, epoch(*ahead), *who, *log, *pre_vote, *version)
        }
        Word::Begin { who, ahead, version } => {
            let partition = begin::RequestPartitionData {
                leader_id: *who,
                leader_epoch: epoch(*ahead),
                ..Default::default()
            };
            let topics =
                vec![begin::RequestTopicData { topic_name: topic_name(), partitions: vec![partition] }];
            request(*version, &begin::BeginQuorumEpochRequest { topics, ..Default::default() })
        }
        Word::End { who, ahead, successors, version } => {
            let mut partition = end::RequestPartitionData {
                leader_id: *who,
                leader_epoch: epoch(*ahead),
                ..Default::default()
            };
            if *version == 0 {
                partition.preferred_successors = successors.clone();
            } else {
                let candidate = |id: &i32| end::ReplicaInfo {
                    candidate_id: *id,
                    candidate_directory_id: Default::default(),
                };
                partition.preferred_candidates = successors.iter().map(candidate).collect();
            }
            let topics =
                vec![end::RequestTopicData { topic_name: topic_name(), partitions: vec![partition] }];
            request(*version, &end::EndQuorumEpochRequest { topics, ..Default::default() })
        }
        Word::Fetch { who, ahead, offset, last, version } => {
            let partition = fetch::FetchPartition {
                current_leader_epoch: epoch(*ahead),
                fetch_offset: *offset,
                last_fetched_epoch: *last,
                partition_max_bytes: i32::MAX,
                ..Default::default()
            };
            let mut topic = fetch::FetchTopic { partitions: vec![partition], ..Default::default() };
            match *version {
                ..=12 => topic.topic = topic_name(),
                _ => topic.topic_id = CLUSTER_METADATA_TOPIC_ID,
            }
            let mut asked =
                fetch::FetchRequest { session_epoch: -1, topics: vec![topic], ..Default::default() };
            match *version {
                ..=14 => asked.replica_id = *who,
                _ => asked.replica_state = fetch::ReplicaState { replica_id: *who, replica_epoch: -1 },
            }
            request(*version, &asked)
        }
        Word::Imagined { api: 0, round, damaged } => imagine::<vote::VoteRequest>(*round, *damaged),
        Word::Imagined { api: 1, round, damaged } => {
            imagine::<begin::BeginQuorumEpochRequest>(*round, *damaged)
        }
        Word::Imagined { api: 2, round, damaged } => imagine::<end::EndQuorumEpochRequest>(*round, *damaged),
        Word::Imagined { round, damaged, .. } => imagine::<fetch::FetchRequest>(*round, *damaged),
        Word::Time(_) => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn strangers_talk_a_voter_into_nothing(
        which in 0..6_usize, words in prop::collection::vec(any_word(), 1..40),
    ) {
        let mut voter = VOTERS[which % VOTERS.len()].clone();
        let mut conn = 5_000;
        for word in &words {
            let before = facts(&voter);
            if let Word::Time(ms) = word {
                voter.now = SimTime(voter.now.0 + ms * 1_000);
            }
            conn += 1;
            if let Some(bytes) = frame(&voter, word) {
                voter.frame(ConnId(conn), STRANGER, bytes);
            }
            let now = facts(&voter);
            prop_assert!(now.epoch >= before.epoch, "{word:?}: {before:?}, then {now:?}");
            prop_assert!(now.high_watermark >= before.high_watermark, "{word:?}: {before:?}, then {now:?}");
            prop_assert!(now.log_end_offset >= before.high_watermark, "{word:?}: {before:?}, then {now:?}");
            if now.epoch == before.epoch && before.voted.is_some() {
                prop_assert_eq!(now.voted, before.voted, "{:?}", word);
            }
            // Votes come on connections that it has opened itself.
            prop_assert!(now.state != "leader" || before.state == "leader", "{word:?}: {before:?}, then {now:?}");
        }
    }
}
