use expect_test::{Expect, expect};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::assignor::tests::{parse_cluster, parse_members, told};

fn check(assignor: ServerAssignor, cluster: &str, members: &str, expected: Expect) {
    expected.assert_eq(&told(&assignor.assign(&parse_cluster(cluster), &parse_members(members))));
}

#[test]
fn names_are_kafkas() {
    for assignor in ServerAssignor::ALL {
        assert_eq!(ServerAssignor::from_name(assignor.name()), Some(assignor));
    }
    assert_eq!(ServerAssignor::from_name("sticky"), None);
}

#[test]
fn uniform_gives_everybody_the_same_at_first() {
    check(
        ServerAssignor::Uniform,
        "t1:3 t3:2",
        "A: t1 t3 / B: t1 t3",
        expect![[r#"
        A: t1-0 t1-1 t1-2
        B: t3-0 t3-1
    "#]],
    );
}

#[test]
fn uniform_keeps_what_it_can_when_a_member_comes() {
    check(
        ServerAssignor::Uniform,
        "t1:3 t2:3",
        "A: t1 t2 | t1-0 t1-2 t2-0 / B: t1 t2 | t1-1 t2-1 t2-2 / C: t1 t2",
        expect![[r#"
            A: t1-0 t1-2
            B: t1-1 t2-1
            C: t2-0 t2-2
        "#]],
    );
}

#[test]
fn uniform_gives_what_a_leaver_had_to_who_has_less() {
    check(
        ServerAssignor::Uniform,
        "t1:3 t2:3",
        "A: t1 t2 | t1-0 t2-0 / B: t1 t2 | t1-1 t2-1",
        expect![[r#"
            A: t1-0 t1-2 t2-0
            B: t1-1 t2-1 t2-2
        "#]],
    );
}

#[test]
fn uniform_with_unequal_subscriptions_is_as_even_as_they_allow() {
    check(
        ServerAssignor::Uniform,
        "t1:3 t2:3 t3:2",
        "A: t1 / B: t2 t3 / C: t2 t3",
        expect![[r#"
        A: t1-0 t1-1 t1-2
        B: t2-0 t2-2
        C: t2-1 t3-0 t3-1
    "#]],
    );
}

#[test]
fn uniform_balances_through_a_member_that_both_topics_share() {
    check(
        ServerAssignor::Uniform,
        "t1:3 t2:6",
        "A: t1 | t1-0 t1-1 / B: t1 t2 | t1-2 t2-0 / C: t2 | t2-1 t2-2 t2-3 t2-4 t2-5",
        expect![[r#"
            A: t1-0 t1-1
            B: t1-2 t2-0 t2-5
            C: t2-1 t2-2 t2-3 t2-4
        "#]],
    );
}

#[test]
fn range_is_the_clients_without_racks() {
    check(
        ServerAssignor::Range,
        "t0:3=a,b,c t1:3=a,b,c",
        "A%c: t0 t1 / B%a: t0 t1",
        expect![[r#"
        A: t0-0 t0-1 t1-0 t1-1
        B: t0-2 t1-2
    "#]],
    );
}

#[test]
fn what_a_member_may_not_have_any_more_goes_to_others() {
    check(
        ServerAssignor::Uniform,
        "t1:2 t2:2",
        "A: t1 | t2-0 t1-7 gone-0 / B: t2 | t1-0 t1-1",
        expect![[r#"
            A: t1-0 t1-1
            B: t2-0 t2-1
        "#]],
    );
}
