//! The sticky assignors: as even as can be, and then with as few moves as can be.
//!
//! Rules: KIP-54, the Javadoc of `StickyAssignor` and `CooperativeStickyAssignor`, and Kafka's
//! `AbstractStickyAssignor`: one way when all members subscribe to the same topics
//! ([`constrained`], exact and fast), another when they do not ([`general`], which improves step
//! by step). A member's rack counts as in KIP-881, as long as balance allows.
//!
//! Who comes first when not all can keep one more is the order of Java's hash table, here too.
//! Java's oversights are not repeated: a member is never given a topic that it does not subscribe
//! to (Java may, if it had it in an older generation, or subscribes to nothing); what it claims
//! beyond a topic's partitions is as good as not said; and nothing is remembered from one
//! rebalance to the next (Java's assignor remembers the newest generation).

mod claims;
mod constrained;
mod general;
mod movements;

use claims::Claims;

use super::group::Group;
use super::rack::Racks;

/// An assignment, and which partitions have to be given up by somebody before their new owner
/// may have them (of which only the cooperative protocol takes care).
pub(super) struct Sticky {
    pub(super) owned: Vec<Vec<usize>>,
    /// Whether somebody else may still hold a partition that goes to the member.
    moving: Moving,
}

enum Moving {
    /// These, by partition.
    Known(Vec<bool>),
    /// Those that the new owner did not claim, and somebody claims who does not have them now.
    Compared,
}

/// Who gets what in the end.
#[inline(never)]
pub(super) fn assign(group: &Group<'_>) -> Sticky {
    let claims = Claims::new(group);
    let racks = Racks::new(group);
    if group.is_homogeneous() {
        let (owned, moving) = constrained::assign(group, &racks, claims);
        Sticky { owned, moving: Moving::Known(moving) }
    } else {
        Sticky { owned: general::assign(group, &racks, claims), moving: Moving::Compared }
    }
}

/// Who gets what in this rebalance, by the cooperative protocol (KIP-429): what has to be revoked
/// first goes to nobody, and to its new owner in the rebalance that follows.
#[inline(never)]
pub(super) fn assign_cooperatively(group: &Group<'_>) -> Vec<Vec<usize>> {
    let Sticky { mut owned, moving } = assign(group);
    let moving = match moving {
        Moving::Known(moving) => moving,
        Moving::Compared => moving_by_claims(group, &owned),
    };
    for partitions in &mut owned {
        partitions.retain(|partition| !moving[*partition]);
    }
    owned
}

fn moving_by_claims(group: &Group<'_>, owned: &[Vec<usize>]) -> Vec<bool> {
    let mut owner = vec![None; group.partition_count()];
    for (member, partitions) in owned.iter().enumerate() {
        for partition in partitions {
            owner[*partition] = Some(member);
        }
    }
    let mut kept = vec![false; group.partition_count()];
    let mut revoked = kept.clone();
    for member in 0..group.members.len() {
        for partition in group.claims(member) {
            let keeps = owner[partition] == Some(member);
            let one = if keeps { &mut kept } else { &mut revoked };
            one[partition] = true;
        }
    }
    revoked.iter().zip(kept).map(|(revoked, kept)| *revoked && !kept).collect()
}
