//! What the rebalance theatre asks of its view: 4 worlds, 12 partitions, 6 members.
//! `cargo bench --bench theatre`.

use std::cell::RefCell;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use terrarium::base::SimTime;
use terrarium::scenario::{Files, gallery};
use terrarium::view::theatre::{Chart, Frame, Matrix, Panel, Play, StepBy, matrix, panel};

/// A frame of the page's at normal speed.
const FRAME_US: u64 = 16_667;

fn main() {
    // As in storage.rs: whichever measurement comes first must not pay for the memory.
    drop(black_box(vec![1_u8; 30 << 20]));
    divan::main();
}

/// Twelve partitions; three members, three more, and the first three leave.
fn at(ms: u64) -> Play {
    let scenario = gallery("deploy-doubles").expect("it is in the gallery").expect("it reads");
    let setups = scenario
        .compared()
        .into_iter()
        .map(|protocol| scenario.under(&protocol).build(None, &Files::new()).expect("it can be built"));
    let mut play = Play::new(setups, "workers");
    play.play_until(SimTime(ms * 1_000));
    assert_eq!((play.folds().len(), play.folds()[0].lanes().len()), (4, 12));
    play
}

/// All six are there.
const MIDDLE_MS: u64 = 17_000;

fn panels(play: &Play) -> Vec<Panel> {
    play.stand().map(|(fold, world)| panel(fold, world)).collect()
}

fn matrices(play: &Play) -> Vec<Matrix> {
    play.stand().map(|(fold, world)| matrix(fold, world)).collect()
}

fn charts(play: &Play) -> Vec<Chart> {
    let frame = Frame { from: SimTime(7_500_000), to: SimTime(30_000_000), width: 560.0, pitch: 9.0 };
    play.folds().iter().map(|fold| Chart::of(fold, frame, frame.to)).collect()
}

/// The members of four worlds, which are looked at in every frame.
#[divan::bench]
fn four_panels(bencher: Bencher) {
    let play = at(MIDDLE_MS);
    bencher.bench_local(|| panels(black_box(&play)));
}

/// Four matrices with their reasons; the page draws one.
#[divan::bench]
fn four_matrices(bencher: Bencher) {
    let play = at(MIDDLE_MS);
    bencher.bench_local(|| matrices(black_box(&play)));
}

/// Four strips, drawn anew whenever a partition changes hands.
#[divan::bench]
fn four_charts(bencher: Bencher) {
    let play = at(30_000);
    bencher.bench_local(|| charts(black_box(&play)));
}

/// Four scores as people read them.
#[divan::bench]
fn four_scores(bencher: Bencher) {
    let play = at(MIDDLE_MS);
    bencher.bench_local(|| {
        let scores =
            play.stand().map(|(fold, world)| fold.score(world.entries(), play.now()).rows(play.now()));
        scores.collect::<Vec<_>>()
    });
}

/// A frame of playing: the engine, the folds, and what is looked at.
#[divan::bench(sample_count = 50, sample_size = 1)]
fn frame(bencher: Bencher) {
    let mut play = at(MIDDLE_MS);
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        play.play_until(play.now() + FRAME_US);
        (panels(&play), charts(&play))
    });
}

/// A step on into the unknown.
#[divan::bench(args = StepBy::ALL, sample_count = 50, sample_size = 1)]
fn step(bencher: Bencher, by: StepBy) {
    let mut play = at(9_000);
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| play.step(by));
}

/// A step back in what was played, at once.
#[divan::bench(args = StepBy::ALL, sample_count = 50, sample_size = 1)]
fn step_back(bencher: Bencher, by: StepBy) {
    let mut play = at(30_000);
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| play.step_back(by));
}

/// The same after the frames in between have prepared it.
#[divan::bench(args = StepBy::ALL, sample_count = 50, sample_size = 1)]
fn step_back_warm(bencher: Bencher, by: StepBy) {
    let play = RefCell::new(at(30_000));
    bencher
        .counter(ItemsCount::new(1_u32))
        .with_inputs(|| while play.borrow_mut().warm(by) {})
        .bench_local_values(|()| play.borrow_mut().step_back(by));
}
