use std::fmt::Write;

use expect_test::expect;

use super::fixture::run_until;
use super::timeline::*;
use super::words::*;
use crate::base::{SimTime, seconds};
use crate::sim::{Command, Run};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn strip(run: &Run, index: &mut TimelineIndex, from: u64, to: u64, width: u32) -> Timeline {
    index.update(run.branch());
    index.timeline(run.branch(), &Names::of(run.world()), SimTime(from), SimTime(to), width)
}

#[test]
fn the_strip() {
    let run = run_until(SimTime(seconds(4)));
    let mut text = String::new();
    let strip = strip(&run, &mut TimelineIndex::default(), 0, seconds(4), 40);
    for row in &strip.rows {
        let mut line = ["·"; 40];
        for mark in &row.marks {
            line[mark.x as usize] = if mark.count > 9 { "#" } else { "+" };
        }
        let _ = writeln!(text, "{:10} {}", row.category.label(), line.join(""));
    }
    for fault in &strip.faults {
        let _ = writeln!(text, "{} {} {}", fault.x, fault.time, fault.label);
    }
    expect![[r#"
        requests   ##····+···###########+·+·+·+··+···++····
        log        ··········##########····················
        groups     ········································
        faults     ····················+···················
        clients    ·+········++++++++++++++++++++++++++++++
        controller ++······································
        20 00:02.000 Broker 1 killed
    "#]]
    .assert_eq(&text);
}

#[test]
fn the_strip_counts_every_entry_of_its_range_once() {
    let run = run_until(SimTime(seconds(4)));
    let mut index = TimelineIndex::default();
    let count = |strip: &Timeline| -> u64 {
        strip.rows.iter().flat_map(|row| &row.marks).map(|mark| u64::from(mark.count)).sum()
    };
    let whole = count(&strip(&run, &mut index, 0, seconds(10), 100));
    assert!(whole > 100);
    for width in [1, 2, 7, 333, 100_000] {
        assert_eq!(count(&strip(&run, &mut index, 0, seconds(10), width)), whole, "{width} buckets");
        let halves = count(&strip(&run, &mut index, 0, 1_234_567, width))
            + count(&strip(&run, &mut index, 1_234_567, seconds(10), width));
        assert_eq!(halves, whole, "{width} buckets, in two halves");
        for row in strip(&run, &mut index, 1_000_000, 2_000_000, width).rows {
            assert!(row.marks.windows(2).all(|pair| pair[0].x < pair[1].x));
            assert!(row.marks.iter().all(|mark| mark.x < width));
        }
    }
    assert_eq!(strip(&run, &mut index, 5, 5, 10), Timeline::default());
    assert_eq!(strip(&run, &mut index, 0, 5, 0), Timeline::default());
}

#[test]
fn the_strip_follows_forks() {
    let mut run = run_until(SimTime(seconds(3)));
    let mut index = TimelineIndex::default();
    index.update(run.branch());
    let fresh = |run: &Run| {
        let mut index = TimelineIndex::default();
        index.update(run.branch());
        index
    };
    run.play_until(SimTime(seconds(4)), 1_000_000);
    index.update(run.branch());
    assert_eq!(index, fresh(&run), "after playing on");
    run.go_to(run.world().steps() / 2);
    index.update(run.branch());
    assert_eq!(index, fresh(&run), "the future is still there");
    assert_eq!(run.command(&Command::Pause { node: "broker-3".into() }), Ok(true));
    index.update(run.branch());
    assert_eq!(index, fresh(&run), "on the new branch");
    run.play_until(SimTime(seconds(5)), 1_000_000);
    run.switch(0);
    index.update(run.branch());
    assert_eq!(index, fresh(&run), "back on the first");
}
