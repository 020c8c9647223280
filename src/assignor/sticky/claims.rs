//! What members say that they own, and whom to believe.

use crate::assignor::group::Group;

/// Believed claims. A partition that two members claim belongs to the one with the higher
/// generation; if theirs is the same, to neither.
pub(super) struct Claims {
    /// What each member owned, in the order in which it says so.
    pub(super) owned: Vec<Vec<usize>>,
    /// The order in which members were heard, and have their turn.
    pub(super) order: Vec<usize>,
    /// Whether members of one generation claim a partition.
    pub(super) is_disputed: Vec<bool>,
}

impl Claims {
    pub(super) fn new(group: &Group<'_>) -> Claims {
        let mut owned: Vec<Vec<usize>> = vec![Vec::new(); group.members.len()];
        let mut is_disputed = vec![false; group.partition_count()];
        let mut claimed_by: Vec<Option<usize>> = vec![None; group.partition_count()];
        let order = group.in_hash_order();
        for member in order.iter().copied() {
            let it = group.members[member];
            for partition in group.claims(member) {
                let Some(other) = claimed_by[partition] else {
                    claimed_by[partition] = Some(member);
                    owned[member].push(partition);
                    continue;
                };
                let others_generation = group.members[other].generation;
                if it.generation < others_generation {
                    continue;
                }
                owned[other].retain(|at| *at != partition);
                claimed_by[partition] = Some(member);
                if it.generation == others_generation {
                    is_disputed[partition] = true;
                } else {
                    owned[member].push(partition);
                }
            }
        }
        Claims { owned, order, is_disputed }
    }
}
