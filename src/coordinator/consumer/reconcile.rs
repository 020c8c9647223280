//! How a member gets from what it has to what it shall have: it gives up first, then it receives,
//! and nobody else is waited for who does not hold what it wants.
//!
//! Rule: KIP-848, *Reconciliation of the Group*.

use std::sync::Arc;

use super::draft::Draft;
use super::heartbeat::Refusal;
use super::{ConsumerMember, CurrentAssignment, GroupChange, MemberState, Partitions};
use crate::coordinator::outcome::CoordinatorTimer;
use crate::protocol::{ErrorCode, Uuid};
use crate::trace::Event;

/// Where a member shall get to.
struct Goal<'a> {
    epoch: i32,
    target: &'a Partitions,
    /// What the member says that it has; `None` when it does not say.
    owned: Option<&'a Partitions>,
}

impl Goal<'_> {
    /// The member's next step from here.
    #[inline(never)]
    fn step(
        &self,
        from: &CurrentAssignment,
        is_held: impl Fn(&(Uuid, i32)) -> bool,
    ) -> Result<CurrentAssignment, Refusal> {
        Ok(match from.state {
            MemberState::Stable if from.member_epoch == self.epoch => from.clone(),
            MemberState::UnrevokedPartitions if self.still_has(&from.revoking) => from.clone(),
            // It has given up what it had to, which is what its epoch was held back for.
            MemberState::UnrevokedPartitions => {
                self.go_on(from, from.member_epoch.saturating_add(1), is_held)
            }
            MemberState::Stable | MemberState::UnreleasedPartitions => {
                self.go_on(from, from.member_epoch, is_held)
            }
            MemberState::Unknown if self.owned.is_some_and(Partitions::is_empty) => {
                self.go_on(from, self.epoch, is_held)
            }
            MemberState::Unknown => {
                let message = "The consumer group member is in a unknown state. The member must abandon all its \
                               partitions and rejoin.";
                return Err(Refusal::new(ErrorCode::FencedMemberEpoch, message));
            }
        })
    }

    /// Whether the member has not said that it gave these up.
    fn still_has(&self, revoking: &Partitions) -> bool {
        self.owned.is_none_or(|owned| !owned.is_disjoint(revoking))
    }

    #[inline(never)]
    fn go_on(
        &self,
        from: &CurrentAssignment,
        member_epoch: i32,
        is_held: impl Fn(&(Uuid, i32)) -> bool,
    ) -> CurrentAssignment {
        let mut assigned: Partitions = from.assigned.intersection(self.target).copied().collect();
        let revoking: Partitions = from.assigned.difference(self.target).copied().collect();
        let mut next = CurrentAssignment {
            member_epoch,
            previous_member_epoch: from.member_epoch,
            state: MemberState::UnrevokedPartitions,
            assigned: Partitions::new(),
            revoking: Partitions::new(),
        };
        if !revoking.is_empty() && self.still_has(&revoking) {
            (next.assigned, next.revoking) = (assigned, revoking);
            return next;
        }
        let missing: Vec<(Uuid, i32)> = self.target.difference(&assigned).copied().collect();
        let (held, free): (Vec<_>, Vec<_>) = missing.into_iter().partition(|at| is_held(at));
        assigned.extend(free);
        next.member_epoch = self.epoch;
        next.assigned = assigned;
        next.state = if held.is_empty() { MemberState::Stable } else { MemberState::UnreleasedPartitions };
        next
    }
}

impl Draft<'_> {
    /// Brings a member as near to its target as it can get now.
    #[inline(never)]
    pub(super) fn reconcile(
        &mut self,
        member_id: &Arc<str>,
        owned: Option<&Partitions>,
    ) -> Result<(), Refusal> {
        let epoch = self.group.assignment_epoch;
        let Some(member) = self.group.member_arc(member_id).cloned() else { return Ok(()) };
        if member.is_at(epoch) {
            return Ok(());
        }
        let goal = Goal { epoch, target: self.group.target(member_id), owned };
        let next = goal.step(&member.current, |at| self.group.is_held(at))?;
        if next == member.current {
            return Ok(());
        }
        let seen =
            |at: &CurrentAssignment| (at.member_epoch, at.state, at.assigned.clone(), at.revoking.clone());
        if seen(&next) != seen(&member.current) {
            self.tell_step(&member, &next);
        }
        // Members of the classic protocol are held to their join and sync instead.
        if !member.is_classic() {
            let timer = CoordinatorTimer::Revocation { group: self.id.clone(), member: member_id.clone() };
            if next.state == MemberState::UnrevokedPartitions {
                self.set_timer_in(timer, member.subscription.rebalance_timeout_ms);
            } else {
                self.timers.push((timer, None));
            }
        }
        self.write(GroupChange::Current(member_id.clone(), Some(next)))
    }

    fn tell_step(&mut self, member: &ConsumerMember, next: &CurrentAssignment) {
        let target = self.group.target(&member.member_id);
        let awaiting: Partitions = target.difference(&next.assigned).copied().collect();
        self.events.push(Event::MemberReconciled {
            group: self.id.clone(),
            member: member.member_id.clone(),
            member_epoch: next.member_epoch,
            state: next.state.name(),
            assigned: self.named(&next.assigned),
            revoking: self.named(&next.revoking),
            awaiting: self.named(&awaiting),
        });
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const TOPIC: Uuid = Uuid::from_halves(1, 1);

    fn some(partitions: &[i32]) -> Partitions {
        partitions.iter().map(|partition| (TOPIC, *partition)).collect()
    }

    fn check(
        (state, epoch, assigned, revoking): (MemberState, i32, &[i32], &[i32]),
        target: &[i32],
        owned: Option<&[i32]>,
        held: &[i32],
        expected: (MemberState, i32, &[i32], &[i32]),
    ) {
        let from = CurrentAssignment {
            member_epoch: epoch,
            previous_member_epoch: epoch - 1,
            state,
            assigned: some(assigned),
            revoking: some(revoking),
        };
        let (target, owned, held) = (some(target), owned.map(some), some(held));
        let goal = Goal { epoch: 9, target: &target, owned: owned.as_ref() };
        let next = goal.step(&from, |at| held.contains(at)).expect("a step");
        let (state, epoch, assigned, revoking) = expected;
        assert_eq!((next.state, next.member_epoch), (state, epoch));
        assert_eq!((next.assigned, next.revoking), (some(assigned), some(revoking)));
    }

    use MemberState::{Stable, UnreleasedPartitions as Unreleased, UnrevokedPartitions as Unrevoked};

    #[test]
    fn what_is_free_is_had_at_once() {
        check((Stable, 8, &[1], &[]), &[1, 2], None, &[1], (Stable, 9, &[1, 2], &[]));
        check((Stable, 9, &[1], &[]), &[1, 2], None, &[1], (Stable, 9, &[1], &[]));
    }

    #[test]
    fn giving_up_comes_before_receiving() {
        check((Stable, 7, &[1, 2], &[]), &[2, 3], None, &[1, 2], (Unrevoked, 7, &[2], &[1]));
        check((Unrevoked, 7, &[2], &[1]), &[2, 3], Some(&[1, 2]), &[1, 2], (Unrevoked, 7, &[2], &[1]));
        check((Unrevoked, 7, &[2], &[1]), &[2, 3], None, &[1, 2], (Unrevoked, 7, &[2], &[1]));
        check((Unrevoked, 7, &[2], &[1]), &[2, 3], Some(&[2]), &[1, 2], (Stable, 9, &[2, 3], &[]));
    }

    #[test]
    fn who_has_given_up_may_have_to_give_up_more() {
        check((Unrevoked, 7, &[2], &[1]), &[3], Some(&[2]), &[1, 2], (Unrevoked, 8, &[], &[2]));
        check((Stable, 7, &[1], &[]), &[3], Some(&[]), &[1], (Stable, 9, &[3], &[]));
    }

    #[test]
    fn what_others_hold_is_waited_for_at_the_new_epoch() {
        check((Stable, 8, &[1], &[]), &[1, 2, 3], None, &[1, 2], (Unreleased, 9, &[1, 3], &[]));
        check((Unreleased, 9, &[1], &[]), &[1, 2], None, &[1, 2], (Unreleased, 9, &[1], &[]));
        check((Unreleased, 9, &[1], &[]), &[1, 2], None, &[1], (Stable, 9, &[1, 2], &[]));
    }
}
