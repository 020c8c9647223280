//! What the page's metrics cost: a minute of the fullest scenario, read once, and drawn.
//! `cargo bench --bench metrics`.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use terrarium::base::SimTime;
use terrarium::scenario::{Files, gallery};
use terrarium::sim::Run;
use terrarium::view::metrics::{MetricsIndex, plots};
use terrarium::view::words::Names;

const MINUTE: SimTime = SimTime(60_000_000);
/// As wide as the page draws them.
const BUCKETS: u32 = 120;

fn main() {
    divan::main();
}

fn run() -> Run {
    let scenario = gallery("write-intensive").expect("it is in the gallery").expect("it reads");
    let mut run = Run::new(scenario.build(None, &Files::new()).expect("it can be built").into());
    run.play_until(MINUTE, u64::MAX);
    run
}

/// The whole trace, as when somebody opens the metrics late.
#[divan::bench]
fn read_a_minute(bencher: Bencher) {
    let run = run();
    let entries = ItemsCount::new(run.world().entries());
    bencher.counter(entries).bench_local(|| {
        let mut index = MetricsIndex::default();
        index.update(black_box(run.branch()));
        index
    });
}

/// Nothing is new: what every frame costs while the world stands.
#[divan::bench]
fn read_nothing(bencher: Bencher) {
    let run = run();
    let mut index = MetricsIndex::default();
    index.update(run.branch());
    bencher.bench_local(|| index.update(black_box(run.branch())));
}

/// All plots, over the whole minute.
#[divan::bench]
fn draw_a_minute(bencher: Bencher) {
    let run = run();
    let mut index = MetricsIndex::default();
    index.update(run.branch());
    let names = Names::of(run.world());
    bencher.bench_local(|| plots(black_box(&index), run.branch(), &names, MINUTE, BUCKETS, MINUTE));
}
