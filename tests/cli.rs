//! The command line: exit codes, shapes, and the same bytes for the same seed.
// Native only: it runs the binary.
#![cfg(not(target_arch = "wasm32"))]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

fn terrarium(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_terrarium")).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A file for one test.
fn file(name: &str, contents: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, contents).unwrap();
    path
}

/// Ends with 2 and this on standard error, and nothing on standard output.
fn check_refused(args: &[&str], said: &str) {
    let output = terrarium(args);
    assert_eq!(output.status.code(), Some(2), "{args:?}");
    assert_eq!(text(&output.stdout), "", "{args:?}");
    assert!(text(&output.stderr).contains(said), "{args:?}: {}", text(&output.stderr));
}

#[test]
fn prints_where_everything_stands() {
    let output = terrarium(&["run", "hello"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let out = text(&output.stdout);
    assert!(out.starts_with("hello  (seed 1, 12 s, "), "{out}");
    assert!(out.contains("topic test-topic") && out.contains("every promise was kept"), "{out}");
}

#[test]
fn prints_one_json_object_of_a_fixed_shape() {
    let output = terrarium(&["run", "hello", "--seed", "7", "--until", "2500ms", "--summary", "json"]);
    assert_eq!(output.status.code(), Some(0));
    let out = text(&output.stdout);
    assert_eq!(out.lines().count(), 1);
    let names = [
        "scenario",
        "seed",
        "t_ms",
        "events",
        "digest",
        "violations",
        "records",
        "brokers",
        "topics",
        "groups",
        "score",
    ];
    let mut places: Vec<usize> = names
        .iter()
        .map(|name| out.find(&format!("\"{name}\":")).unwrap_or_else(|| panic!("{name}")))
        .collect();
    let in_order = places.clone();
    places.sort_unstable();
    assert_eq!(places, in_order, "the members are in this order");
    let summary: serde_json::Value = serde_json::from_str(out).unwrap();
    assert_eq!(summary.as_object().unwrap().len(), names.len());
    assert_eq!((summary["seed"].as_u64(), summary["t_ms"].as_u64()), (Some(7), Some(2_500)));
    assert_eq!(summary["brokers"].as_array().unwrap().len(), 3);
}

#[test]
fn the_same_seed_writes_the_same_trace() {
    let trace = |name: &str, seed: &str| {
        let path = file(name, "");
        let path_text = path.to_str().unwrap();
        let args = ["run", "leader-dies", "--seed", seed, "--until", "20s", "--trace", path_text];
        assert_eq!(terrarium(&args).status.code(), Some(0));
        fs::read(path).unwrap()
    };
    let (first, again, other) = (trace("a.ndjson", "1"), trace("b.ndjson", "1"), trace("c.ndjson", "2"));
    assert!(first == again, "same seed, another trace");
    assert!(first != other, "another seed, the same trace");
    for (number, line) in (1..).zip(text(&first).lines()) {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(entry["seq"].as_u64(), Some(number), "every entry has its line");
        assert!(entry["t_us"].is_u64() && entry["kind"].is_string(), "{line}");
    }
}

#[test]
fn a_broken_promise_is_1_unless_it_is_expected() {
    let output = terrarium(&["run", "leader-dies-acks-1"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("as expected at"));
    let json = terrarium::scenario::GALLERY.iter().find(|(id, _)| *id == "leader-dies-acks-1").unwrap().1;
    let strict = file("strict.json", &json.replace("\"expect\": [\"lost write\"],", ""));
    let output = terrarium(&["run", strict.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("VIOLATION at"), "{}", text(&output.stdout));
}

#[test]
fn bad_input_is_2_and_says_why() {
    check_refused(&[], "Usage");
    check_refused(&["fly"], "unrecognized subcommand 'fly'");
    check_refused(&["run", "helo"], "no scenario of the gallery has this id");
    check_refused(&["run", "hello", "--until", "soon"], "expected a number with ms, s or m");
    check_refused(&["run", "hello", "--seed=-1"], "--seed");
    check_refused(&["run", "hello", "--trace", "no/such/folder/t.ndjson"], "t.ndjson");
    let wrong = file("wrong.json", "{\"title\": \"t\",\n \"cluster\": {\"brokers\": 0}}");
    let wrong = wrong.to_str().unwrap();
    check_refused(&["run", wrong], "wrong.json: line 2, column 25: cluster.brokers: a cluster has 1 to 100");
    check_refused(&["check", wrong], "cluster.brokers");
}

#[test]
fn data_files_are_found_beside_the_scenario() {
    let scenario = r#"{"title": "Replay", "topics": [{"name": "t", "replication_factor": 3}],
        "producers": [{"name": "p", "data": {"file": "riders.csv", "topic": "t", "columns": {"key": "rider"}}}]}"#;
    let path = file("replay.json", scenario);
    let path = path.to_str().unwrap();
    file("riders.csv", "rider,at\nAda,north\nBen,south\n");
    let output = terrarium(&["run", path, "--until", "5s", "--summary", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let summary: serde_json::Value = serde_json::from_str(text(&output.stdout)).unwrap();
    assert_eq!(summary["records"]["acknowledged"].as_u64(), Some(2));
    file("riders2.csv", "rider,at\nAda\n");
    let other = file("replay2.json", &scenario.replace("riders.csv", "riders2.csv"));
    check_refused(&["run", other.to_str().unwrap()], "riders2.csv: line 2: expected 2 cells");
    let missing = file("replay3.json", &scenario.replace("riders.csv", "none.csv"));
    check_refused(&["check", missing.to_str().unwrap()], "none.csv");
}

#[test]
fn lists_checks_and_prints_the_schema() {
    let list = terrarium(&["scenarios"]);
    let listed = text(&list.stdout).lines().filter(|line| line.starts_with("  ")).count();
    assert_eq!(listed, terrarium::scenario::GALLERY.len());
    assert!(text(&list.stdout).starts_with("First steps\nA topic, "), "{}", text(&list.stdout));
    let checked = terrarium(&["check", "hello"]);
    assert_eq!((checked.status.code(), text(&checked.stdout)), (Some(0), "hello: Hello, Kafka is fine\n"));
    assert_eq!(text(&terrarium(&["schema"]).stdout), terrarium::scenario::schema());
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_terrarium"))
        .arg("schema")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}

#[test]
fn several_protocols_are_compared() {
    let output = terrarium(&["run", "scale-out"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let out = text(&output.stdout);
    assert!(out.starts_with("# Eager · range\nscale-out  (seed 1"), "{out}");
    assert!(out.contains("\nscore ") && out.contains("\n  unread p·ms "), "{out}");
    let json = terrarium(&["run", "scale-out", "--summary", "json"]);
    let worlds: serde_json::Value = serde_json::from_str(text(&json.stdout)).unwrap();
    let worlds = worlds.as_array().unwrap();
    assert!(worlds.len() >= 2);
    for world in worlds {
        assert!(world["score"]["unread_us"].as_u64().unwrap() > 0, "{world}");
        assert_eq!(world["score"]["unread_now"].as_u64(), Some(0));
        assert_eq!(world["summary"]["groups"][0]["state"].as_str(), Some("Stable"));
    }
    let one = terrarium(&["run", "scale-out", "--protocol", "2"]);
    let out = text(&one.stdout);
    assert!(out.starts_with("# Eager · sticky\n") && !out.contains("Eager · range"), "{out}");
    check_refused(&["run", "scale-out", "--protocol", "9"], "there is no protocol 9");
    check_refused(&["run", "scale-out", "--trace", "unused"], "choose a protocol with --protocol");
}

#[test]
fn clusters_that_elect_in_different_ways_have_a_score_of_elections() {
    let out = terrarium(&["run", "zookeeper-or-kraft", "--until", "30s"]);
    assert!(text(&out.stdout).contains("\nelections ") && text(&out.stdout).contains("\n  no leader p·ms "));
    let json = terrarium(&["run", "zookeeper-or-kraft", "--until", "30s", "--summary", "json"]);
    let worlds: serde_json::Value = serde_json::from_str(text(&json.stdout)).unwrap();
    let of = |world: usize, name: &str| worlds[world]["elections"][name].as_u64().unwrap();
    assert!(of(0, "no_leader_us") > of(1, "no_leader_us") && of(1, "no_leader_us") > 0, "{worlds}");
    assert!(of(0, "to_zookeeper") > 0 && of(1, "to_zookeeper") == 0, "{worlds}");
    let out = terrarium(&["run", "scale-out"]);
    assert!(!text(&out.stdout).contains("\nelections "), "nothing happens to its servers");
}

#[test]
fn a_group_alone_has_its_score_too() {
    let out = terrarium(&["run", "group-of-three", "--until", "15s"]);
    assert!(text(&out.stdout).contains("\nscore "), "{}", text(&out.stdout));
    let json = terrarium(&["run", "group-of-three", "--until", "15s", "--summary", "json"]);
    let summary: serde_json::Value = serde_json::from_str(text(&json.stdout)).unwrap();
    assert!(summary["score"]["requests"].as_u64().unwrap() > 0 && summary["digest"].is_string());
}

#[test]
fn a_trace_for_perfetto_is_json_and_the_same_each_time() {
    let play = |name: &str| {
        let path = file(name, "");
        let output = terrarium(&["run", "hello", "--until", "4s", "--perfetto", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        fs::read_to_string(path).unwrap()
    };
    let written = play("perfetto-1.json");
    assert_eq!(written, play("perfetto-2.json"));
    let read: serde_json::Value = serde_json::from_str(&written).unwrap();
    let events = read["traceEvents"].as_array().unwrap();
    let count =
        |phase: &str, cat: &str| events.iter().filter(|it| it["ph"] == phase && it["cat"] == cat).count();
    assert!(count("X", "request") > 20, "{}", count("X", "request"));
    assert!(count("i", "log") > 0);
    assert_eq!(count("s", "frame"), count("f", "frame"));
    let named = events.iter().filter(|it| it["name"] == "process_name");
    let names: Vec<&str> = named.filter_map(|it| it["args"]["name"].as_str()).collect();
    assert!(names.contains(&"broker 1") && names.contains(&"the controller"), "{names:?}");
    let nowhere = ["run", "hello", "--perfetto", "no/such/folder/trace.json"];
    check_refused(&nowhere, "no/such/folder/trace.json");
    check_refused(&["run", "scale-out", "--perfetto", "trace.json"], "choose a protocol");
}

#[test]
fn sweeps_give_the_same_however_many_run_at_once() {
    let sweep = |more: &[&str]| {
        let args = ["sweep", "--profile", "calm", "--seeds", "0..4"].iter().chain(more);
        let output = terrarium(&args.copied().collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let (_, digest) = text(&output.stdout).split_once("; digest ").unwrap();
        digest.trim().to_owned()
    };
    assert_eq!(sweep(&["--jobs", "1"]), sweep(&["--jobs", "3"]));
    let halves = [sweep(&["--shard", "1/2"]), sweep(&["--shard", "2/2"])];
    assert_ne!(halves[0], halves[1]);
}

#[test]
fn a_sweep_that_finds_something_writes_it_down() {
    let out = env!("CARGO_TARGET_TMPDIR");
    let args =
        ["sweep", "--plant", "ack-before-replication", "--profile", "calm", "--seeds", "0..9", "--out", out];
    let output = terrarium(&args);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(said.starts_with("seed 0: acknowledged before it was committed: "), "{said}");
    let path = PathBuf::from(out).join("sweep-ack-before-replication-0.json");
    let checked = terrarium(&["check", path.to_str().unwrap()]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stderr));
    let played = |more: &[&str]| {
        let args: Vec<&str> = ["run", path.to_str().unwrap()].iter().chain(more).copied().collect();
        terrarium(&args).status.code()
    };
    assert_eq!(played(&[]), Some(0));
    assert_eq!(played(&["--plant", "ack-before-replication"]), Some(1));
}

#[test]
fn sweeps_say_what_they_do_not_understand() {
    check_refused(&["sweep", "--profile", "stormy"], "crash-happy");
    check_refused(&["sweep", "--seeds", "7..3"], "0..1000");
    check_refused(&["sweep", "--shard", "9/8"], "3/8");
    check_refused(&["sweep", "--plant", "no-such-bug"], "--list-plants");
    check_refused(&["sweep", "--jobs", "0"], "at least 1");
    let listed = terrarium(&["sweep", "--list-plants"]);
    assert_eq!(listed.status.code(), Some(0));
    assert!(text(&listed.stdout).lines().count() >= 12, "{}", text(&listed.stdout));
}
