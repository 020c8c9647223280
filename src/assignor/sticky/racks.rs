//! Who is next to which replicas, if that matters in this group.

use std::sync::Arc;

use crate::assignor::group::Group;
use crate::assignor::rack;
use crate::base::Set;

/// The racks of a group, by number; of no use if `matter` is not set.
pub(super) struct Racks {
    pub(super) matter: bool,
    members: Vec<Option<usize>>,
    /// Sorted, by partition.
    partitions: Vec<Vec<usize>>,
}

impl Racks {
    pub(super) fn new(group: &Group<'_>) -> Racks {
        let of_member = |member| rack::of_member(group, member);
        let of_members: Set<&Arc<str>> = (0..group.members.len()).filter_map(of_member).collect();
        let partitions = (0..group.partition_count()).map(|partition| group.racks(partition));
        if of_members.is_empty() || !rack::matter(&of_members, partitions.clone()) {
            return Racks { matter: false, members: Vec::new(), partitions: Vec::new() };
        }
        let names: Vec<&Arc<str>> = of_members.iter().copied().collect();
        let number = |rack: &Arc<str>| names.binary_search(&rack).ok();
        Racks {
            matter: true,
            members: (0..group.members.len()).map(|member| of_member(member).and_then(number)).collect(),
            partitions: partitions
                .map(|racks| racks.iter().filter_map(number).collect::<Set<usize>>().into_iter().collect())
                .collect(),
        }
    }

    /// The member tells its rack, and the partition has no replica there.
    pub(super) fn mismatch(&self, member: usize, partition: usize) -> bool {
        self.matter && self.members[member].is_some_and(|rack| !self.partitions[partition].contains(&rack))
    }

    /// The member tells its rack, and the partition has a replica there.
    pub(super) fn is_near(&self, member: usize, partition: usize) -> bool {
        self.matter && self.members[member].is_some_and(|rack| self.partitions[partition].contains(&rack))
    }

    /// How many members are next to each partition.
    pub(super) fn near_counts(&self) -> Vec<usize> {
        let count = |rack: &usize| self.members.iter().filter(|it| **it == Some(*rack)).count();
        self.partitions.iter().map(|racks| racks.iter().map(count).sum()).collect()
    }
}
