//! The uniform assignor for members that all subscribe to the same topics.

use super::present_owners;
use crate::assignor::group::Group;

/// Who gets what. The first members by id are those that may have one more than the others; each
/// keeps what it has up to its share, and who has less gets what is free: first what nobody had,
/// then what others gave up.
pub(super) fn assign(group: &Group<'_>) -> Vec<Vec<usize>> {
    let mut owned: Vec<Vec<usize>> = vec![Vec::new(); group.members.len()];
    let mut free = Vec::new();
    for (partition, owner) in present_owners(group).into_iter().enumerate() {
        match owner {
            Some(owner) => owned[owner].push(partition),
            None => free.push(partition),
        }
    }
    let Some(least) = group.partition_count().checked_div(owned.len()) else { return owned };
    let more = group.partition_count() % owned.len();
    let share = |member: usize| least + usize::from(member < more);
    for (member, partitions) in owned.iter_mut().enumerate() {
        free.extend(partitions.drain(share(member).min(partitions.len())..));
    }
    let mut free = free.into_iter();
    for (member, partitions) in owned.iter_mut().enumerate() {
        let room = share(member).saturating_sub(partitions.len());
        partitions.extend(free.by_ref().take(room));
    }
    owned
}
