//! What the quorum tells of itself. Source: KIP-595, KIP-836 (fetch times), KIP-853 (nodes).

use crate::base::SimTime;
use crate::controller::raft::{Leadership, State};
use crate::controller::{Asker, Controller, Ctx};
use crate::metadata::{CLUSTER_METADATA_TOPIC, Voter};
use crate::protocol::ErrorCode;
use crate::protocol::messages::describe_quorum::{
    DescribeQuorumRequest, DescribeQuorumResponse, Listener, Node, ReplicaState, ResponsePartitionData,
    ResponseTopicData,
};

/// A controller's part in the quorum, as it sees it itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumFacts {
    /// Its node id.
    pub id: i32,
    /// What it is, by Kafka's names: `unattached`, `voted`, `prospective`, `candidate`, `follower`, `leader` or
    /// `resigned`.
    pub state: &'static str,
    /// The epoch that it is in.
    pub epoch: i32,
    /// Who leads, as far as it knows.
    pub leader: Option<i32>,
    /// Who got its vote in this epoch.
    pub voted: Option<i32>,
    /// Who has voted for it, or would; itself too. Empty unless it asks.
    pub votes: Vec<i32>,
    /// Where its log ends.
    pub log_end_offset: i64,
    /// How far it knows the log to be committed.
    pub high_watermark: i64,
    /// Whether it decides.
    pub active: bool,
}

impl Controller {
    /// Its part in the quorum.
    pub fn quorum(&self) -> QuorumFacts {
        let votes = match self.raft.state() {
            State::Prospective { ballot, .. } | State::Candidate { ballot, .. } => ballot.granted().collect(),
            _ => Vec::new(),
        };
        QuorumFacts {
            id: self.raft.me(),
            state: self.raft.state_name(),
            epoch: self.raft.epoch(),
            leader: self.raft.leader(),
            voted: self.raft.voted(),
            votes,
            log_end_offset: self.log.log_end_offset(),
            high_watermark: self.log.high_watermark(),
            active: self.active,
        }
    }

    #[inline(never)]
    pub(super) fn describe_quorum(&self, ctx: &mut Ctx, asker: Asker, request: &DescribeQuorumRequest) {
        let now = ctx.unix_ms();
        // By how much clocks here differ from those of a world that says nothing of them.
        let shift = now - ctx.now().unix_ms();
        let topics = request.topics.iter().map(|topic| ResponseTopicData {
            topic_name: topic.topic_name.clone(),
            partitions: topic
                .partitions
                .iter()
                .map(|asked| {
                    let known = topic.topic_name == CLUSTER_METADATA_TOPIC && asked.partition_index == 0;
                    if known {
                        self.quorum_state(now, shift)
                    } else {
                        unknown_partition(asked.partition_index)
                    }
                })
                .collect(),
        });
        let node = |voter: &Voter| {
            let (name, host) = ("CONTROLLER".into(), voter.host.clone());
            Node { node_id: voter.id, listeners: vec![Listener { name, host, port: voter.port }] }
        };
        let response = DescribeQuorumResponse {
            topics: topics.collect(),
            nodes: if asker.version >= 2 {
                self.raft.voters().iter().map(node).collect()
            } else {
                Vec::new()
            },
            ..Default::default()
        };
        self.answer(ctx, asker, &response);
    }

    fn quorum_state(&self, now: i64, shift: i64) -> ResponsePartitionData {
        let clock = |then: Option<SimTime>| then.map_or(-1, |then| then.unix_ms() + shift);
        let others = self.raft.leadership().map(Leadership::voters);
        let voters =
            self.raft.voters().iter().map(|voter| match others.and_then(|others| others.get(&voter.id)) {
                Some(progress) => ReplicaState {
                    replica_id: voter.id,
                    log_end_offset: progress.end_offset,
                    last_fetch_timestamp: clock(progress.fetched),
                    last_caught_up_timestamp: clock(progress.caught_up),
                    ..Default::default()
                },
                None => ReplicaState {
                    replica_id: voter.id,
                    log_end_offset: self.log.log_end_offset(),
                    last_fetch_timestamp: now,
                    last_caught_up_timestamp: now,
                    ..Default::default()
                },
            });
        let observers = self.observers.iter().map(|(id, observer)| ReplicaState {
            replica_id: *id,
            log_end_offset: observer.log_end_offset,
            last_fetch_timestamp: clock(Some(observer.fetched)),
            last_caught_up_timestamp: clock(observer.caught_up),
            ..Default::default()
        });
        ResponsePartitionData {
            leader_id: self.raft.leader().unwrap_or(-1),
            leader_epoch: self.raft.epoch(),
            high_watermark: self.log.high_watermark(),
            current_voters: voters.collect(),
            observers: observers.collect(),
            ..Default::default()
        }
    }
}

fn unknown_partition(partition_index: i32) -> ResponsePartitionData {
    let error_code = ErrorCode::UnknownTopicOrPartition;
    ResponsePartitionData { partition_index, error_code, ..Default::default() }
}
