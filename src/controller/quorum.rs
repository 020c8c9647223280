//! What the quorum tells of itself. Source: KIP-595, KIP-836 (fetch times), KIP-853 (nodes).

use crate::controller::{Asker, Controller, Ctx};
use crate::metadata::CLUSTER_METADATA_TOPIC;
use crate::protocol::ErrorCode;
use crate::protocol::messages::describe_quorum::{
    DescribeQuorumRequest, DescribeQuorumResponse, Listener, Node, ReplicaState, ResponsePartitionData,
    ResponseTopicData,
};

/// The controller's node id.
pub(super) const NODE_ID: i32 = 3_000;

impl Controller {
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
        let listener = Listener { name: "CONTROLLER".into(), host: "controller".into(), port: 9_093 };
        let response = DescribeQuorumResponse {
            topics: topics.collect(),
            nodes: if asker.version >= 2 {
                vec![Node { node_id: NODE_ID, listeners: vec![listener] }]
            } else {
                Vec::new()
            },
            ..Default::default()
        };
        self.answer(ctx, asker, &response);
    }

    fn quorum_state(&self, now: i64, shift: i64) -> ResponsePartitionData {
        let end = self.log.log_end_offset();
        let voter = ReplicaState {
            replica_id: NODE_ID,
            log_end_offset: end,
            last_fetch_timestamp: now,
            last_caught_up_timestamp: now,
            ..Default::default()
        };
        let observers = self.observers.iter().map(|(id, observer)| ReplicaState {
            replica_id: *id,
            log_end_offset: observer.log_end_offset,
            last_fetch_timestamp: observer.fetched.unix_ms() + shift,
            last_caught_up_timestamp: observer.caught_up.map_or(-1, |then| then.unix_ms() + shift),
            ..Default::default()
        });
        ResponsePartitionData {
            leader_id: NODE_ID,
            leader_epoch: self.epoch,
            high_watermark: self.log.high_watermark(),
            current_voters: vec![voter],
            observers: observers.collect(),
            ..Default::default()
        }
    }
}

fn unknown_partition(partition_index: i32) -> ResponsePartitionData {
    let error_code = ErrorCode::UnknownTopicOrPartition;
    ResponsePartitionData { partition_index, error_code, ..Default::default() }
}
