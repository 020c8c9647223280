//! Which replica a consumer had better read from: the leader, or one that stands in the consumer's rack.
//!
//! Source: KIP-392 (`replica.selector.class`, `RackAwareReplicaSelector`).

use crate::base::SimTime;
use crate::broker::{Broker, Partition};
use crate::metadata::Property;

const LEADER: &str = "org.apache.kafka.common.replica.LeaderSelector";
const RACK_AWARE: &str = "org.apache.kafka.common.replica.RackAwareReplicaSelector";

/// `replica.selector.class`: who chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplicaSelector {
    /// Nobody: consumers read from leaders.
    #[default]
    Leader,
    /// A replica in the consumer's `client.rack`, the one that has most; the leader if there is none, or
    /// if it stands there itself.
    RackAware,
}

impl Property for ReplicaSelector {
    const EXPECTED: &'static str = "RackAwareReplicaSelector, LeaderSelector or nothing";

    fn parse(text: &str) -> Option<Self> {
        let is = |class: &str| class == text || class.rsplit('.').next() == Some(text);
        match text.trim() {
            "" => Some(ReplicaSelector::Leader),
            _ if is(LEADER) => Some(ReplicaSelector::Leader),
            _ if is(RACK_AWARE) => Some(ReplicaSelector::RackAware),
            _ => None,
        }
    }

    fn text(&self) -> String {
        match self {
            ReplicaSelector::Leader => String::new(),
            ReplicaSelector::RackAware => RACK_AWARE.to_owned(),
        }
    }
}

impl Broker {
    /// The replica that a consumer in `rack` should read from, if it is another than this leader: in sync,
    /// so that it does not fall behind, and with what the consumer wants next.
    #[inline(never)]
    pub(super) fn preferred_read_replica(
        &self,
        partition: &Partition,
        rack: &str,
        fetch_offset: i64,
    ) -> Option<i32> {
        let stands_there = |id: i32| {
            let broker = self.image.brokers.get(&id).filter(|broker| !broker.fenced);
            broker.and_then(|broker| broker.rack.as_deref()) == Some(rack)
        };
        if rack.is_empty() || stands_there(self.id) {
            return None;
        }
        let has_it = partition.followers().filter(|(id, state)| {
            partition.registration.isr.contains(id)
                && stands_there(*id)
                && state.log_end_offset >= fetch_offset
                && state.log_start_offset <= fetch_offset
        });
        let caught_up = |at: Option<SimTime>| at.unwrap_or(SimTime::ZERO);
        let best =
            has_it.max_by_key(|(id, state)| (state.log_end_offset, caught_up(state.last_caught_up), *id));
        best.map(|(id, _)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn selectors_go_by_their_classes() {
        let check = |text: &str, expected: Option<ReplicaSelector>| {
            assert_eq!(ReplicaSelector::parse(text), expected, "{text}");
        };
        check("", Some(ReplicaSelector::Leader));
        check("LeaderSelector", Some(ReplicaSelector::Leader));
        check("RackAwareReplicaSelector", Some(ReplicaSelector::RackAware));
        check(&ReplicaSelector::RackAware.text(), Some(ReplicaSelector::RackAware));
        check("RackAware", None);
        check("org.example.RackAwareReplicaSelector", None);
    }
}
