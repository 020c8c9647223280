//! The assignors of a group coordinator: in the consumer protocol (KIP-848), who gets what is
//! decided by the server.
//!
//! Must not know a group's epochs, nor what members still have to revoke: these functions make
//! the *target* assignment. Rules: KIP-848, and Kafka's `UniformAssignor` and `RangeAssignor` of
//! the group coordinator. Java's order of members and topics is that of a hash table and of
//! random topic ids; here it is that of member ids and topic names.

mod heterogeneous;
mod homogeneous;

use super::group::Group;
use super::{Assignment, Member, Topics, range};

/// An assignor by the name that `group.consumer.assignors` and a member's heartbeat spell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServerAssignor {
    /// Everybody the same number of partitions, and as few moves as that allows. The one that a
    /// group has if no member asks for another.
    #[default]
    Uniform,
    /// Topic by topic, a contiguous range for each member, whatever they had before.
    Range,
}

impl ServerAssignor {
    /// All of them, in the order of `group.consumer.assignors`.
    pub const ALL: [ServerAssignor; 2] = [ServerAssignor::Uniform, ServerAssignor::Range];

    /// The name in heartbeats and in `group.consumer.assignors`.
    pub fn name(self) -> &'static str {
        match self {
            ServerAssignor::Uniform => "uniform",
            ServerAssignor::Range => "range",
        }
    }

    /// The assignor of that name.
    pub fn from_name(name: &str) -> Option<ServerAssignor> {
        ServerAssignor::ALL.into_iter().find(|assignor| assignor.name() == name)
    }

    /// The target assignment: every partition of every subscribed topic that there is goes to one
    /// member. `owned` is a member's present target assignment; generations and racks do not
    /// count. A member listed twice counts once, with what was said of it last; every member is
    /// in the answer, and its partitions are in the order of topics and numbers.
    #[inline(never)]
    pub fn assign(self, topics: &Topics, members: &[Member]) -> Assignment {
        let group = Group::new(topics, members);
        let mut owned = match self {
            ServerAssignor::Range => range::assign(&group, false),
            ServerAssignor::Uniform if group.is_homogeneous() => homogeneous::assign(&group),
            ServerAssignor::Uniform => heterogeneous::assign(&group),
        };
        for partitions in &mut owned {
            partitions.sort_unstable();
        }
        group.name(&owned)
    }
}

/// What members have now, as far as they may have it; by partition, who.
fn present_owners(group: &Group<'_>) -> Vec<Option<usize>> {
    let mut owners = vec![None; group.partition_count()];
    for member in 0..group.members.len() {
        for partition in group.claims(member).filter(|partition| group.may_have(member, *partition)) {
            owners[partition].get_or_insert(member);
        }
    }
    owners
}

#[cfg(test)]
#[path = "server/server_test.rs"]
mod tests;
