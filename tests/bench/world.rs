//! How many events of a world pass in a second, bare and with its history, and what going back
//! costs. `cargo bench --bench world`.

#[path = "worlds.rs"]
mod worlds;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use terrarium::base::Rng;
use terrarium::sim::{Run, World};
use worlds::{idle, loaded, play, play_to, seconds, until};

fn main() {
    // As in storage.rs: whichever measurement comes first must not pay for the memory.
    drop(black_box(vec![1_u8; 30 << 20]));
    divan::main();
}

/// Steps of the scheduler, every one with its trace, the checkers and the digest.
#[divan::bench(sample_count = 20)]
fn world_loaded(bencher: Bencher) {
    let start = World::new(loaded());
    let steps = play(&mut start.clone(), until());
    bencher
        .counter(ItemsCount::new(steps))
        .with_inputs(|| start.clone())
        .bench_local_values(|mut world| (play(&mut world, until()), world));
}

/// The same steps with what going back needs: every trace entry kept, and checkpoints.
#[divan::bench(sample_count = 20)]
fn run_loaded(bencher: Bencher) {
    let start = Run::new(loaded());
    let steps = start.clone().play_until(until(), u64::MAX);
    bencher
        .counter(ItemsCount::new(steps))
        .with_inputs(|| start.clone())
        .bench_local_values(|mut run| (run.play_until(until(), u64::MAX), run));
}

/// Nothing but heartbeats and fetches that find nothing: a minute of them.
#[divan::bench(sample_count = 20)]
fn world_idle(bencher: Bencher) {
    let mut start = World::new(idle());
    let _ = play(&mut start, seconds(5));
    let steps = play(&mut start.clone(), seconds(65));
    bencher
        .counter(ItemsCount::new(steps))
        .with_inputs(|| start.clone())
        .bench_local_values(|mut world| (play(&mut world, seconds(65)), world));
}

/// A jump to any step of a run with this many trace entries.
#[divan::bench(args = [10_000_u64, 100_000], sample_count = 200, sample_size = 1)]
fn scrub(bencher: Bencher, entries: u64) {
    let mut run = long_run(entries);
    let head = run.branch().head();
    let mut rng = Rng::stream(1, "scrub");
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        run.go_to(rng.below(head + 1));
        run.world().digest()
    });
}

/// One step back from the end of such a run.
#[divan::bench(args = [10_000_u64, 100_000], sample_count = 200, sample_size = 1)]
fn step_back(bencher: Bencher, entries: u64) {
    let mut run = long_run(entries);
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| run.step_back());
}

/// What a checkpoint costs at once; what it costs later is in [`run_loaded`].
#[divan::bench]
fn clone(bencher: Bencher) {
    let mut world = World::new(loaded());
    let _ = play(&mut world, until());
    bencher.bench_local(|| black_box(&world).clone());
}

fn long_run(entries: u64) -> Run {
    let mut run = Run::new(loaded());
    play_to(&mut run, entries);
    run
}
