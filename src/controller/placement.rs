//! Which brokers hold the replicas of new partitions.
//!
//! Replicas are spread as Kafka's striped placer does it, without racks and without chance: leaders
//! round-robin over the brokers, the followers behind them; fenced brokers only when there are not enough
//! others.

use crate::base::Set;
use crate::controller::{Controller, Refusal};
use crate::metadata::{NO_LEADER, PartitionRegistration};
use crate::protocol::messages::metadata_records::{MetadataRecord, PartitionRecord};
use crate::protocol::{ErrorCode, Uuid};

impl Controller {
    /// The replicas of `count` partitions, the first of them the `first` one of its topic.
    pub(super) fn spread(&self, first: u32, count: u32, factor: i16) -> Result<Vec<Vec<i32>>, Refusal> {
        let refuse = |problem: String| Err((ErrorCode::InvalidReplicationFactor, problem));
        let unfenced: Vec<i32> = self.image.unfenced().map(|broker| broker.id).collect();
        let fenced: Vec<i32> =
            self.image.brokers.values().filter(|broker| broker.fenced).map(|broker| broker.id).collect();
        let factor = usize::try_from(factor).unwrap_or(0);
        if factor == 0 {
            return refuse("the replication factor must be at least 1".into());
        }
        if factor > self.image.brokers.len() {
            let problem = format!(
                "the replication factor is {factor}, but only {} broker(s) are registered",
                self.image.brokers.len()
            );
            return refuse(problem);
        }
        if unfenced.is_empty() {
            return refuse("all brokers are fenced".into());
        }
        // Every topic begins one broker further on, so that first partitions do not crowd.
        let start = self.image.topics.len() + first as usize;
        let row = |partition: usize| {
            let from = start + partition;
            let near =
                (0..factor.min(unfenced.len())).map(|replica| unfenced[(from + replica) % unfenced.len()]);
            let far = (unfenced.len()..factor).map(|replica| fenced[(from + replica) % fenced.len()]);
            near.chain(far).collect()
        };
        Ok((0..count as usize).map(row).collect())
    }

    /// Whether these replicas can hold a partition: they exist, none twice, and as many as the other
    /// partitions' if that is given.
    pub(super) fn check_replicas(&self, replicas: &[i32], factor: Option<usize>) -> Result<(), Refusal> {
        let refuse = |problem: String| Err((ErrorCode::InvalidReplicaAssignment, problem));
        if replicas.is_empty() {
            return refuse("an assignment without replicas".into());
        }
        let mut seen = Set::new();
        for id in replicas {
            if !self.image.brokers.contains_key(id) {
                return refuse(format!("no broker {id} is registered"));
            }
            if !seen.insert(*id) {
                return refuse(format!("broker {id} appears more than once"));
            }
        }
        match factor {
            Some(factor) if factor != replicas.len() => {
                refuse(format!("{} replica(s), but other partitions have {factor}", replicas.len()))
            }
            _ => Ok(()),
        }
    }

    /// Like [`Controller::check_replicas`], and one of them must be counted on.
    pub(super) fn check_new_replicas(&self, replicas: &[i32], factor: Option<usize>) -> Result<(), Refusal> {
        self.check_replicas(replicas, factor)?;
        if replicas.iter().any(|id| self.image.is_unfenced(*id)) {
            return Ok(());
        }
        Err((ErrorCode::InvalidReplicaAssignment, "all of its brokers are fenced".into()))
    }

    /// The record of a new partition and its leader.
    pub(super) fn new_partition(
        &self,
        topic_id: Uuid,
        index: i32,
        replicas: Vec<i32>,
    ) -> (MetadataRecord, i32) {
        let isr: Vec<i32> = replicas.iter().copied().filter(|id| self.image.is_unfenced(*id)).collect();
        let leader = isr.first().copied().unwrap_or(NO_LEADER);
        let record = PartitionRecord {
            partition_id: index,
            topic_id,
            replicas,
            isr,
            leader,
            leader_epoch: 0,
            partition_epoch: 0,
            ..Default::default()
        };
        (record.into(), leader)
    }

    /// How many replicas the topic's first partition has, those being added or removed apart.
    pub(super) fn replication_factor(partition: &PartitionRegistration) -> usize {
        let mut replicas: Set<i32> = partition.replicas.iter().copied().collect();
        for id in &partition.removing_replicas {
            replicas.remove(id);
        }
        replicas.len()
    }
}
