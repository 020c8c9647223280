//! Racks of members and of replicas (KIP-881): when they count, and who is near to what.

use std::sync::Arc;

use super::group::Group;
use crate::base::Set;

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
