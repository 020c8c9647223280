use expect_test::{Expect, expect};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::assignor::tests::{parse_cluster, parse_members};

/// What members own is what they had; `left` are those that are not there any more, written as
/// members are.
fn check(assignor: &str, cluster: &str, members: &str, left: &str, expected: Expect) {
    let assignor = Assignor::from_name(assignor).expect("an assignor");
    let (topics, members) = (parse_cluster(cluster), parse_members(members));
    let left = if left.is_empty() { Vec::new() } else { parse_members(left) };
    let had = |member: &Member| (member.member_id.clone(), member.owned.clone());
    let before: Assignment = members.iter().chain(&left).map(had).collect();
    let after = assignor.assign(&topics, &members);
    let all = explain(assignor, &topics, &members, &before, &after);
    let lines: Vec<String> = all.iter().map(|it| format!("{it}\n")).collect();
    expected.assert_eq(&lines.concat());
}

#[test]
fn a_first_assignment() {
    check(
        "sticky",
        "t:3",
        "A: t / B: t",
        "",
        expect![[r#"
        t-0 goes to A: nobody had it; A had none and gets 2.
        t-1 goes to B: nobody had it; B had none and gets 1.
        t-2 goes to A: nobody had it; A had none and gets 2.
    "#]],
    );
    check(
        "uniform",
        "t:1",
        "A: t",
        "",
        expect![[r#"
        t-0 goes to A: nobody had it; A had none and gets 1.
    "#]],
    );
}

#[test]
fn a_member_comes() {
    check(
        "sticky",
        "t:4",
        "A: t | t-0 t-1 t-2 t-3 #1 / C: t",
        "",
        expect![[r#"
        t-0 stays with A: it had it, and nobody who may have it has fewer.
        t-1 stays with A: it had it, and nobody who may have it has fewer.
        t-2 goes from A to C: A had 4 and C none; the fewest moves that make it even.
        t-3 goes from A to C: A had 4 and C none; the fewest moves that make it even.
    "#]],
    );
    check(
        "range",
        "t:4",
        "A: t | t-0 t-1 #1 / B: t | t-2 t-3 #1 / C: t",
        "",
        expect![[r#"
        t-0 stays with A: as number 1 of 3, A gets 0 to 1 of the 4 partitions of t.
        t-1 stays with A: as number 1 of 3, A gets 0 to 1 of the 4 partitions of t.
        t-2 stays with B: as number 2 of 3, B gets 2 of the 4 partitions of t.
        t-3 goes from B to C: as number 3 of 3, C gets 3 of the 4 partitions of t.
    "#]],
    );
    check(
        "roundrobin",
        "t:3",
        "A: t | t-0 t-2 #1 / B: t | t-1 #1 / C: t",
        "",
        expect![[r#"
        t-0 stays with A: dealt in turn, it is for A, whoever had it.
        t-1 stays with B: dealt in turn, it is for B, whoever had it.
        t-2 goes from A to C: dealt in turn, it is for C, whoever had it.
    "#]],
    );
}

#[test]
fn a_cooperative_rebalance_has_two_rounds() {
    check(
        "cooperative-sticky",
        "t:3",
        "A: t | t-0 t-1 t-2 #1 / B: t",
        "",
        expect![[r#"
        t-0 stays with A: it had it, and nothing would be more even with it elsewhere.
        t-1 stays with A: it had it, and nothing would be more even with it elsewhere.
        t-2 is revoked from A, to go to B in the next rebalance: A had 3 and B none; the fewest moves that make it even.
    "#]],
    );
    check(
        "cooperative-sticky",
        "t:3",
        "A: t | t-0 t-1 #2 / B: t | #2",
        "",
        expect![[r#"
        t-0 stays with A: it had it, and nothing would be more even with it elsewhere.
        t-1 stays with A: it had it, and nothing would be more even with it elsewhere.
        t-2 goes to B: nobody had it; B had none and gets 1.
    "#]],
    );
}

#[test]
fn a_member_leaves() {
    check(
        "sticky",
        "t:4",
        "A: t | t-0 #1 / B: t | t-1 #1",
        "C: t | t-2 t-3",
        expect![[r#"
        t-0 stays with A: it had it, and nobody who may have it has fewer.
        t-1 stays with B: it had it, and nobody who may have it has fewer.
        t-2 goes from C to A: C has left; A had 1 and gets 2.
        t-3 goes from C to B: C has left; B had 1 and gets 2.
    "#]],
    );
}

#[test]
fn topics_and_subscriptions_change() {
    check(
        "sticky",
        "t:2 u:1",
        "A: u | t-0 u-0 #1 / B: t | t-1 t-2 gone-0 #1",
        "",
        expect![[r#"
        gone-0 is taken from B: there is no such partition any more.
        t-0 goes from A to B: A does not subscribe to t any more; B had 1 and gets 2.
        t-1 stays with B: nobody else may have it.
        t-2 is taken from B: there is no such partition any more.
        u-0 stays with A: nobody else may have it.
    "#]],
    );
}

#[test]
fn claims_that_cannot_all_be_true() {
    check(
        "sticky",
        "t:3",
        "A: t | t-0 t-1 #3 / B: t | t-0 #3 / C: t | t-1 #2",
        "",
        expect![[r#"
            t-0 goes to B: A and B say in the same generation that it is theirs; B had it before.
            t-1 stays with A: it had it, and nobody who may have it has fewer.
            t-2 goes to C: nobody had it; C had none and gets 1.
        "#]],
    );
}

#[test]
fn racks_count_where_balance_allows() {
    check(
        "sticky",
        "t:2=a,b",
        "A%a: t | t-1 #1 / B%b: t | t-0 #1",
        "",
        expect![[r#"
        t-0 goes from B to A: no replica is in the rack of B; a replica is in the rack of A, a.
        t-1 goes from A to B: no replica is in the rack of A; a replica is in the rack of B, b.
    "#]],
    );
    check(
        "range",
        "t:2=b,a",
        "A%a: t / B%b: t",
        "",
        expect![[r#"
        t-0 goes to B: nobody had it; a replica is in the rack of B, b.
        t-1 goes to A: nobody had it; a replica is in the rack of A, a.
    "#]],
    );
}

#[test]
fn the_server_serves_the_first_members_first() {
    check(
        "uniform",
        "t:3",
        "A: t | t-0 / B: t | t-1 t-2",
        "",
        expect![[r#"
            t-0 stays with A: it had it, and nothing would be more even with it elsewhere.
            t-1 stays with B: it had it, and nobody who may have it has fewer.
            t-2 goes from B to A: B had 2 and has 1 now; A is one of the first by id, who get one more than the others.
        "#]],
    );
    check(
        "uniform",
        "t:2 u:2",
        "A: t | / B: t u | t-0 t-1 u-0 u-1",
        "",
        expect![[r#"
        t-0 goes from B to A: B had 4 and A none; the fewest moves that make it even.
        t-1 goes from B to A: B had 4 and A none; the fewest moves that make it even.
        u-0 stays with B: nobody else may have it.
        u-1 stays with B: nobody else may have it.
    "#]],
    );
}
