//! Racks of members and of replicas (KIP-881): when they count, and who is near to what.

use std::sync::Arc;

use super::group::Group;
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
        let rack = |member| of_member(group, member);
        let of_members: Set<&Arc<str>> = (0..group.members.len()).filter_map(rack).collect();
        let partitions = (0..group.partition_count()).map(|partition| group.racks(partition));
        if of_members.is_empty() || !matter(&of_members, partitions.clone()) {
            return Racks { matter: false, members: Vec::new(), partitions: Vec::new() };
        }
        let names: Vec<&Arc<str>> = of_members.iter().copied().collect();
        let number = |rack: &Arc<str>| names.binary_search(&rack).ok();
        Racks {
            matter: true,
            members: (0..group.members.len()).map(|member| rack(member).and_then(number)).collect(),
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

/// Whether an assignor looks at racks: members tell theirs, some replicas are there, and not
/// every partition has a replica on every rack.
pub(super) fn matter<'a>(
    of_members: &Set<&'a Arc<str>>,
    of_partitions: impl Iterator<Item = &'a [Arc<str>]> + Clone,
) -> bool {
    let all: Set<&Arc<str>> = of_partitions.clone().flatten().collect();
    of_members.iter().any(|rack| all.contains(rack))
        && of_partitions.into_iter().any(|racks| racks.iter().collect::<Set<&Arc<str>>>() != all)
}

/// A member's rack, if it tells one.
pub(super) fn of_member<'a>(group: &Group<'a>, member: usize) -> Option<&'a Arc<str>> {
    group.members[member].rack.as_ref().filter(|rack| !rack.is_empty())
}
