//! Back, forth, elsewhere: history is exact.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use terrarium::base::SimTime;
use terrarium::sim::{Journaled, Run};

use crate::worlds::{Plan, kill, play, seconds, setup};

#[test]
fn stepping_back_restores_exactly_the_earlier_world() {
    let mut run = Run::new(setup(&Plan::default()));
    let mut digests = vec![run.world().digest()];
    while run.world().now() < seconds(3) && run.step() {
        digests.push(run.world().digest());
    }
    let last = run.world().clone();
    let steps = run.world().steps();
    for back in 1..=300 {
        assert!(run.step_back());
        assert_eq!(run.world().digest(), digests[(steps - back) as usize]);
    }
    for step in [0, 1, 127, 128, 129, steps / 2, steps - 1] {
        run.go_to(step);
        assert_eq!((run.world().steps(), run.world().digest()), (step, digests[step as usize]));
    }
    run.go_to(steps);
    assert_eq!(*run.world(), last, "the whole world, not only its digest");
    run.go_to(0);
    assert!(!run.step_back());
}

#[test]
fn what_is_prepared_changes_nothing() {
    let mut run = play(&Plan::default(), seconds(5));
    let head = run.branch().head();
    let plain = run.clone();
    for target in [head / 2, head / 2 - 40, 70, 1, 0, head - 1] {
        let mut direct = plain.clone();
        direct.go_to(target);
        let before = run.world().clone();
        while run.warm(target) {}
        assert_eq!(*run.world(), before, "it stands where it stood");
        run.go_to(target);
        assert!(run.world() == direct.world(), "step {target}");
        assert_eq!(run.branch().trace().len(), plain.branch().trace().len());
    }
    run.go_to(head);
    assert!(run == plain, "the whole run");
}

#[test]
fn the_same_seed_gives_the_same_trace_and_another_does_not() {
    let lines = |seed| -> String {
        let run = play(&Plan { seed, ..Plan::default() }, seconds(4));
        run.branch().trace().iter().map(|entry| serde_json::to_string(entry).unwrap() + "\n").collect()
    };
    assert_eq!(lines(1), lines(1));
    assert_ne!(lines(1), lines(2));
}

#[test]
fn a_command_in_the_past_forks_and_the_old_branch_stays() {
    let mut run = play(&Plan::default(), seconds(5));
    let (head, digest) = (run.world().steps(), run.world().digest());
    run.go_to(head / 2);
    assert_eq!(run.command(&kill("broker-1")), Ok(true));
    run.play_until(seconds(5), u64::MAX);
    assert_ne!(run.world().digest(), digest);
    assert_eq!((run.branches().len(), run.branch().forked_after), (2, head / 2));
    run.switch(0);
    run.go_to(head);
    assert_eq!(run.world().digest(), digest);
}

#[test]
fn the_journal_is_the_whole_truth() {
    let mut run = play(&Plan::default(), seconds(3));
    run.idle_until(run.world().now() + 70);
    assert_eq!(run.command(&kill("broker-2")), Ok(false));
    run.play_until(seconds(14), u64::MAX);
    let journal: Vec<Journaled> = run.branch().journal().cloned().collect();
    let text = serde_json::to_string(&journal).unwrap();
    let journal: Vec<Journaled> = serde_json::from_str(&text).unwrap();
    let again = Run::replay(setup(&Plan::default()), &journal, run.world().steps()).unwrap();
    assert_eq!(again.world().digest(), run.world().digest());
    run.go_to(journal[0].step + 20);
    run.go_to(again.world().steps());
    assert_eq!(again.world().digest(), run.world().digest());
}

#[test]
fn causes_lead_back_to_the_beginning() {
    let run = play(&Plan::default(), seconds(3));
    let branch = run.branch();
    for entry in branch.trace() {
        assert!(entry.cause < entry.seq, "{entry:?}");
    }
    let committed = branch
        .trace()
        .iter()
        .rfind(|entry| matches!(entry.event, terrarium::trace::Event::HighWatermarkAdvanced { .. }))
        .unwrap();
    let chain = branch.causes(committed.seq);
    assert!(chain.len() > 5);
    assert_eq!(chain.last().unwrap().cause, 0);
}

#[test]
fn steps_and_times_find_each_other() {
    let run = play(&Plan::default(), seconds(3));
    let branch = run.branch();
    for step in [1, 7, 500] {
        let (time, entries) = branch.step_info(step).unwrap();
        let last = branch.step_at(time);
        assert!(last >= step && branch.step_info(last).unwrap().0 == time);
        assert_eq!(branch.step_of_entry(entries), step);
    }
    assert_eq!(branch.step_at(SimTime::MAX), branch.head());
}
