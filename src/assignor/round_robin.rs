//! The round-robin assignor: all partitions of all topics dealt out like cards.
//!
//! Rules: the Javadoc of `RoundRobinAssignor`. Who does not subscribe to a topic is skipped.

use super::group::Group;
use super::in_assignment_order;

/// Who gets what.
#[inline(never)]
pub(super) fn assign(group: &Group<'_>) -> Vec<Vec<usize>> {
    let order = in_assignment_order(group);
    let mut owned = vec![Vec::new(); group.members.len()];
    let mut next = 0;
    for partition in 0..group.partition_count() {
        // Every topic of a group has a subscriber, so this ends.
        while !group.may_have(order[next], partition) {
            next = (next + 1) % order.len();
        }
        owned[order[next]].push(partition);
        next = (next + 1) % order.len();
    }
    owned
}
