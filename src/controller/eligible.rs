//! Eligible leader replicas: whether the cluster has them, and what then holds for `min.insync.replicas`.
//!
//! Who is eligible has all that is committed only because nothing was committed with fewer in sync than the minimum.
//! So the minimum has to be one and the same for the controller and every broker: where the feature is on, it is kept
//! for the whole cluster from the first record on, no broker may have its own, and whoever changes it makes nobody
//! eligible any more.
//!
//! Source: KIP-966; Kafka documentation, *Eligible Leader Replicas*.

use crate::base::Map;
use crate::controller::{Controller, Refusal};
use crate::metadata::{BROKER_RESOURCE, ELIGIBLE_LEADER_REPLICAS, TOPIC_RESOURCE};
use crate::protocol::ErrorCode;
use crate::protocol::messages::metadata_records::{
    ClearElrRecord, ConfigRecord, FeatureLevelRecord, MetadataRecord,
};
use crate::trace::Event;

const MIN_ISR: &str = "min.insync.replicas";
/// `metadata.version` of Apache Kafka 4.1.
const METADATA_VERSION: i16 = 27;

/// The features that a cluster has as Kafka 4.1 formats it, beside those that every world has.
pub(super) fn features_of_new_clusters() -> Map<String, i16> {
    [(ELIGIBLE_LEADER_REPLICAS.to_owned(), 1)].into_iter().collect()
}

impl Controller {
    /// Whether replicas out of sync can be eligible leaders.
    pub(super) fn has_eligible_leaders(&self) -> bool {
        self.image.features.get(ELIGIBLE_LEADER_REPLICAS).is_some_and(|level| *level > 0)
    }

    /// What the metadata of a new cluster begin with. A feature at level 0 is not told.
    #[inline(never)]
    pub(super) fn first_records(&self) -> Vec<MetadataRecord> {
        let level = |name: &str, feature_level| FeatureLevelRecord { name: name.to_owned(), feature_level };
        let mut records: Vec<MetadataRecord> = vec![level("metadata.version", METADATA_VERSION).into()];
        let features = self.config.features.iter().filter(|(_, level)| **level > 0);
        records.extend(features.map(|(name, it)| level(name, *it).into()));
        if self.config.features.get(ELIGIBLE_LEADER_REPLICAS).is_some_and(|level| *level > 0) {
            let min_isr = ConfigRecord {
                resource_type: BROKER_RESOURCE,
                resource_name: String::new(),
                name: MIN_ISR.to_owned(),
                value: Some(self.config.log.min_insync_replicas.to_string()),
            };
            records.push(min_isr.into());
        }
        records
    }

    /// Whether a config may become this value, or none: no broker may have a minimum of its own, and the cluster's
    /// may not go.
    pub(super) fn check_min_isr(
        &self,
        (resource_type, resource): (i8, &str),
        config: &str,
        value: Option<&str>,
    ) -> Result<(), Refusal> {
        if config != MIN_ISR || resource_type != BROKER_RESOURCE || !self.has_eligible_leaders() {
            return Ok(());
        }
        let refuse = |problem: &str| Err((ErrorCode::InvalidConfig, problem.to_owned()));
        match value {
            _ if !resource.is_empty() => refuse(
                "a broker has no min.insync.replicas of its own where there are eligible leader replicas",
            ),
            None => refuse(
                "the cluster's min.insync.replicas cannot be removed where there are eligible leader replicas",
            ),
            Some(_) => Ok(()),
        }
    }

    /// With a new minimum nobody is known to have all that is committed but who is in sync.
    pub(super) fn clear_eligible(&self, records: &mut Vec<MetadataRecord>, events: &mut Vec<Event>) {
        if !self.has_eligible_leaders() {
            return;
        }
        let of = |record: &MetadataRecord| match record {
            MetadataRecord::Config(r) if r.name != MIN_ISR => None,
            MetadataRecord::Config(r) if r.resource_type == TOPIC_RESOURCE => Some(r.resource_name.clone()),
            MetadataRecord::Config(_) => Some(String::new()),
            _ => None,
        };
        let changed: Vec<String> = records.iter().filter_map(of).collect();
        for topic_name in changed {
            let partitions = self.image.with_eligible(&topic_name);
            events.extend(partitions.map(|at| Event::EligibleLeadersChanged { at, elr: Vec::new() }));
            records.push(ClearElrRecord { topic_name }.into());
        }
    }
}
