//! The theatre's numbers, in stories that are short enough to be checked by hand.

use expect_test::{Expect, expect};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::base::SimTime;
use crate::scenario::{Files, Scenario, gallery};
use crate::sim::{Ensemble, Run};

/// A scenario of the gallery under each of its protocols, at its end, with what was folded up.
fn play(id: &str) -> (Scenario, Ensemble, Vec<Fold>) {
    let scenario = gallery(id).expect("it is in the gallery").expect("it reads");
    let setups = scenario.compared().into_iter().map(|protocol| {
        scenario.under(&protocol).build(None, &Files::new()).unwrap_or_else(|error| panic!("{id}: {error}"))
    });
    let mut worlds = Ensemble::new(setups);
    let group = scenario.theatre_group().expect("it has a group").to_owned();
    let mut folds: Vec<Fold> = worlds.runs().iter().map(|run| Fold::new(run.world(), &group)).collect();
    worlds.play_until(SimTime(scenario.look.until_ms.unwrap_or(0) * 1_000));
    for (fold, run) in folds.iter_mut().zip(worlds.runs()) {
        fold.update(run.branch());
    }
    (scenario, worlds, folds)
}

/// The lanes of a fold as text: who had each from when on; who had it before `from_ms`, without.
pub(super) fn lanes(fold: &Fold, from_ms: u64) -> String {
    let mut text = String::new();
    let named = |holder: &Holder| match holder.sharers.count() {
        0 => holder.owner.map_or("–".to_owned(), letter),
        _ => holder.sharers.iter().map(letter).collect(),
    };
    for (at, lane) in fold.lanes() {
        text += &fold.lane_name(at);
        let begun = lane.changes.partition_point(|(time, _)| time.as_ms() < from_ms);
        if let Some((_, holder)) = begun.checked_sub(1).and_then(|index| lane.changes.get(index)) {
            text += &format!("  {}", named(holder));
        }
        for (time, holder) in &lane.changes[begun..] {
            let who = named(holder);
            let still = if holder.stalled { "!" } else { "" };
            text += &format!("  {} {who}{still}", time.as_ms());
        }
        text.push('\n');
    }
    text
}

fn text_of(matrix: &Matrix) -> String {
    let mut text = String::new();
    for row in &matrix.rows {
        let cell = |cell: &Cell| match cell {
            Cell::Nothing => '.',
            Cell::Stays => '=',
            Cell::Gets => '+',
            Cell::Gave => '-',
        };
        let cells: String = row.cells.iter().map(cell).collect();
        text += &format!("{} {cells} {}\n", row.lane, row.why.as_deref().unwrap_or(""));
    }
    text
}

pub(super) fn standing(run: &Run, fold: &Fold) -> String {
    let panel = panel(fold, run.world());
    let state = panel.states.iter().find(|(_, lit)| *lit).map_or("none", |(name, _)| name);
    let mut text = format!("{state} {}\n", panel.generation);
    for member in &panel.members {
        let leads = if member.leads { " leads" } else { "" };
        text += &format!(
            "{} {} {}{leads} {}\n",
            member.letter,
            member.status,
            member.generation,
            member.owns.join(" ")
        );
    }
    text
}

fn check(found: &str, expected: Expect) {
    expected.assert_eq(found);
}

#[test]
fn scaling_out_under_two_assignors() {
    let (scenario, worlds, folds) = play("scale-out");
    let titles: Vec<String> = scenario.compared().iter().map(|protocol| protocol.title()).collect();
    check(
        &report(&titles, &folds.iter().collect::<Vec<_>>(), worlds.now()),
        expect![[r#"
            score                  Eager · range      Eager · sticky  Cooperative-sticky   Consumer protocol
              unread p·ms                  1 297               1 489               9 102              12 640
              moved                            4                   3                   3                   4
              needless                         1                   0                   0                   0
              requests                        54                  54                  58                  37
              twice                            0                   0                   7                   0
              stable in ms                   832                 850               3 083               5 188
        "#]],
    );
    check(
        &lanes(&folds[0], 0),
        expect![[r#"
        p0  7325 A  10631 –  10690 A  16708 –  16832 A
        p1  7325 A  10631 –  10690 A  16708 –  16832 A
        p2  7325 A  10631 –  10691 B  16729 –  16832 B
        p3  7324 B  10510 –  10691 B  16729 –  16832 B
        p4  7324 B  10510 –  10689 C  16767 –  16830 C
        p5  7324 B  10510 –  10689 C  16767 –  16831 D
    "#]],
    );
    check(
        &text_of(&matrix(&folds[0], worlds.runs()[0].world())),
        expect![[r#"
        p0 =... 
        p1 =... 
        p2 .=.. 
        p3 .=.. 
        p4 ..=. 
        p5 ..-+ jobs-5 goes from C to D: as number 4 of 4, D gets 5 of the 6 partitions of jobs.
    "#]],
    );
    check(
        &standing(&worlds.runs()[0], &folds[0]),
        expect![[r#"
        Stable 3
        A stable 3 p0 p1
        B stable 3 leads p2 p3
        C stable 3 p4
        D stable 3 p5
    "#]],
    );
    let run = &worlds.runs()[0];
    let drawn = sequence(&folds[0], run.branch(), run.world(), SimTime(8_000_000), SimTime(12_000_000));
    check(
        &drawn.mermaid(),
        expect![[r#"
        sequenceDiagram
          participant A as A
          participant B as B
          participant C as C
          participant coordinator
          Note over C: 00:10.000 starts
          C->>coordinator: JoinGroup
          coordinator-->>C: JoinGroup: MEMBER_ID_REQUIRED
          C->>coordinator: JoinGroup
          Note over coordinator: 00:10.133 PreparingRebalance, generation 1
          coordinator-->>A: Heartbeat: REBALANCE_IN_PROGRESS
          coordinator-->>B: Heartbeat: REBALANCE_IN_PROGRESS
          Note over B: 00:10.510 gives up p3 p4 p5
          B->>coordinator: JoinGroup
          Note over A: 00:10.631 gives up p0 p1 p2
          A->>coordinator: JoinGroup
          Note over coordinator: 00:10.640 CompletingRebalance, generation 2
          coordinator-->>A: JoinGroup response
          coordinator-->>B: JoinGroup response
          coordinator-->>C: JoinGroup response
          B->>coordinator: SyncGroup
          C->>coordinator: SyncGroup
          A->>coordinator: SyncGroup
          Note over coordinator: 00:10.680 Stable, generation 2
          coordinator-->>A: SyncGroup response
          coordinator-->>B: SyncGroup response
          coordinator-->>C: SyncGroup response
          Note over C: 00:10.689 owns p4 p5
          Note over A: 00:10.690 owns p0 p1
          Note over B: 00:10.691 owns p2 p3
    "#]],
    );
}

#[test]
fn a_share_group_shows_all_who_share() {
    let (_, worlds, folds) = play("queue-or-log");
    let index = folds.iter().position(Fold::is_share).expect("one of the worlds has a share group");
    let (fold, run) = (&folds[index], &worlds.runs()[index]);
    check(
        &lanes(fold, 0),
        expect![[r#"
            p0  1125 A  2117 AB  18000 B  28008 AB
            p1  1125 A  2115 AC  18000 C  28119 BC
        "#]],
    );
    check(
        &text_of(&matrix(fold, run.world())),
        expect![[r#"
        p0 +=. p0: A and B share it now, with A as well.
        p1 ..= 
    "#]],
    );
    let score = fold.score(run.world().entries(), worlds.now());
    assert_eq!((score.moved, score.needless), (0, 0), "what is shared does not move");
    for (pitch, expected) in [
        (
            40.0,
            expect![[r#"
        owned m0: 5 pieces
        owned m1: 4 pieces
        owned m2: 3 pieces
        A, B, B, A, B, A, C, C, B, C
    "#]],
        ),
        (
            14.0,
            expect![[r#"
        owned m0: 5 pieces
        owned m1: 4 pieces
        owned m2: 3 pieces
        A B, B, A B, A C, C, B C
    "#]],
        ),
    ] {
        let frame = Frame { from: SimTime::ZERO, to: worlds.now(), width: 900.0, pitch };
        let chart = Chart::of(fold, frame, worlds.now());
        let mut text = String::new();
        for (fill, path) in &chart.fills {
            text += &format!("{}: {} pieces\n", fill.class(), path.matches('M').count());
        }
        let labels: Vec<&str> = chart.labels.iter().map(|label| &*label.text).collect();
        text += &format!("{}\n", labels.join(", "));
        check(&text, expected);
    }
}
