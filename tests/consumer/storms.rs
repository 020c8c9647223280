//! Members that come and go at random while brokers do, too, in every protocol.

use terrarium::base::Rng;

use crate::stage::Stage;

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
const PARTITIONS: usize = 5;
const PROTOCOLS: [&str; 4] = [
    r#""partition.assignment.strategy": ["range"]"#,
    r#""partition.assignment.strategy": ["sticky"]"#,
    r#""partition.assignment.strategy": ["cooperative-sticky"]"#,
    r#""group.protocol": "consumer""#,
];

fn config(protocol: &str, name: &str, is_static: bool) -> String {
    let instance = if is_static { format!(r#", "group.instance.id": "{name}""#) } else { String::new() };
    format!(
        r#"{{"group.id": "g", "client.id": "{name}", "auto.offset.reset": "earliest", {protocol}{instance},
            "session.timeout.ms": 10000, "max.poll.interval.ms": 15000}}"#
    )
}

fn app(rng: &mut Rng) -> String {
    let commit = ["auto", "after_each_record", "after_each_poll"][rng.below(3) as usize];
    let listener = match rng.below(3) {
        0 => format!(
            r#", "revoked_ms": {}, "assigned_ms": {}, "commit_on_revoke": true"#,
            rng.below(3_000),
            rng.below(500)
        ),
        _ => String::new(),
    };
    format!(r#"{{"topics": ["t"], "process_ms": {}, "commit": "{commit}"{listener}}}"#, rng.below(20))
}

/// A storm, and then a calm in which two members are left.
fn storm(seed: u64) -> Stage {
    let mut rng = Rng::stream(seed, "storm");
    let protocol = PROTOCOLS[(seed % 4) as usize];
    let is_static = rng.chance(1, 4);
    let mut stage = Stage::new(PARTITIONS);
    for _ in 0..40 {
        let name = NAMES[rng.below(5) as usize];
        let runs = stage.has(name);
        match rng.below(12) {
            0..=3 if !runs => {
                let app = app(&mut rng);
                stage.start(name, &config(protocol, name, is_static), &app);
            }
            0 => stage.kill_consumer(name),
            1 if runs => stage.command(name, r#"{"close": {}}"#),
            2 if runs && rng.chance(1, 2) => stage.command(name, r#"{"set_stuck": {"stuck": true}}"#),
            2 | 3 if runs => stage.command(name, r#"{"set_stuck": {"stuck": false}}"#),
            4 => stage.elect(3 - stage.coordinator),
            5 => stage.move_leaders(1 + rng.below(2) as i32),
            6 if stage.down.is_empty() => stage.kill_broker(1 + rng.below(2) as i32),
            6 | 7 => [1, 2].into_iter().for_each(|broker| stage.restart_broker(broker)),
            _ => stage.produce(rng.below(PARTITIONS as u64) as usize, 2),
        }
        stage.wait(rng.between(0, 4_000));
    }
    [1, 2].into_iter().for_each(|broker| stage.restart_broker(broker));
    NAMES.into_iter().filter(|name| stage.has(name)).collect::<Vec<_>>().into_iter().for_each(|name| {
        stage.kill_consumer(name);
    });
    // The coordinator of a consumer group refuses the next process of a static member that has
    // not been missed yet (UNRELEASED_INSTANCE_ID).
    stage.wait(60_000);
    for name in ["a", "b"] {
        stage.start(name, &config(protocol, name, is_static), r#"{"topics": ["t"]}"#);
    }
    (0..PARTITIONS).for_each(|partition| stage.produce(partition, 1));
    stage.wait(90_000);
    stage
}

/// 500 seeds. At any time a partition has at most one owner per generation, or none that has not
/// been put out; in the end everything is processed at least once, and committed.
#[test]
fn in_any_storm_there_is_one_owner_and_nothing_is_skipped() {
    for seed in 0..500 {
        let stage = storm(seed);
        assert_eq!(stage.broken, Vec::<String>::new(), "seed {seed}:\n{}", stage.story);
        assert_eq!(stage.committed(), stage.log_ends(), "seed {seed}:\n{}", stage.story);
        let processed = stage.processed.iter().enumerate();
        let processed = processed.map(|(partition, offsets)| {
            assert!(
                offsets.iter().copied().eq(0..offsets.len() as i64),
                "seed {seed}: a gap in t-{partition}"
            );
            format!("t-{partition}={}", offsets.len())
        });
        assert_eq!(processed.collect::<Vec<_>>().join(" "), stage.log_ends(), "seed {seed}");
    }
}

/// Members that only come and leave properly, commit each record before the next, and what they
/// have to give up: nothing is skipped, and nothing comes twice, whatever the protocol, as long as
/// no commit is too late.
#[test]
fn without_faults_nothing_comes_twice() {
    let app =
        r#"{"topics": ["t"], "process_ms": 5, "commit": "after_each_record", "commit_on_revoke": true}"#;
    let mut excused = 0;
    for seed in 0..100 {
        let mut rng = Rng::stream(seed, "calm");
        let protocol = PROTOCOLS[(seed % 4) as usize];
        let mut stage = Stage::new(PARTITIONS);
        for _ in 0..30 {
            let name = NAMES[rng.below(5) as usize];
            if !stage.has(name) {
                stage.start(name, &config(protocol, name, false), app);
            } else if rng.chance(1, 3) {
                stage.command(name, r#"{"close": {}}"#);
                stage.wait(500);
                stage.kill_consumer(name);
            }
            stage.produce(rng.below(PARTITIONS as u64) as usize, 3);
            stage.wait(rng.between(200, 3_000));
        }
        if !stage.has("a") {
            stage.start("a", &config(protocol, "a", false), app);
        }
        stage.wait(60_000);
        assert_eq!(stage.broken, Vec::<String>::new(), "seed {seed}:\n{}", stage.story);
        let processed = stage.processed.iter().enumerate();
        let processed = processed.map(|(partition, offsets)| format!("t-{partition}={}", offsets.len()));
        assert_eq!(
            processed.collect::<Vec<_>>().join(" "),
            stage.log_ends(),
            "seed {seed}:\n{}",
            stage.story
        );
        // Who closes while the group rebalances has lost its partitions, and can commit no more; and
        // a commit that crosses the news of another member epoch on its way is refused (KIP-848).
        let is_late = ["onPartitionsLost", "STALE_MEMBER_EPOCH"].iter().any(|it| stage.story.contains(it));
        assert!(stage.repeated == 0 || is_late, "seed {seed}:\n{}", stage.story);
        excused += u32::from(stage.repeated > 0);
    }
    assert!(excused <= 10, "{excused} of 100 processed something twice");
}
