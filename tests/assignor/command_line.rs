//! `terrarium assign` and `terrarium partition`.

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn terrarium(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_terrarium"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who refuses its arguments does not read.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn check(args: &[&str], input: &str, expected: &str) {
    let output = terrarium(args, input);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}

fn check_refused(args: &[&str], input: &str, said: &str) {
    let output = terrarium(args, input);
    assert_eq!(output.status.code(), Some(2), "{args:?}");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains(said), "{args:?}: {stderr}");
}

const GROUP: &str = r#"{
    "topics": {"t0": 3},
    "members": {"C0": {"topics": ["t0"], "owned": {"t0": [0, 2]}}, "C1": {"topics": ["t0"]}},
    "left": {"C2": {"t0": [1]}}
}"#;

#[test]
fn says_who_gets_what() {
    check(&["assign", "--assignor", "range"], GROUP, "{\"C0\":{\"t0\":[0,1]},\"C1\":{\"t0\":[2]}}\n");
    check(&["assign", "--assignor", "sticky"], GROUP, "{\"C0\":{\"t0\":[0,2]},\"C1\":{\"t0\":[1]}}\n");
    check(&["assign", "--assignor", "server-range"], GROUP, "{\"C0\":{\"t0\":[0,1]},\"C1\":{\"t0\":[2]}}\n");
    let two = "{\"topics\":{\"t\":1},\"members\":{}}\n{\"topics\":{\"t\":1},\"members\":{\"A\":{\"topics\":[\"t\"]}}}\n";
    check(&["assign", "--assignor", "uniform"], two, "{}\n{\"A\":{\"t\":[0]}}\n");
}

#[test]
fn says_why() {
    check(
        &["assign", "--assignor", "cooperative-sticky", "--explain"],
        GROUP,
        "{\"C0\":{\"t0\":[0,2]},\"C1\":{\"t0\":[1]}}
t0-0 stays with C0: it had it, and nothing would be more even with it elsewhere.
t0-1 goes from C2 to C1: C2 has left; C1 had none and gets 1.
t0-2 stays with C0: it had it, and nothing would be more even with it elsewhere.
",
    );
}

#[test]
fn says_what_is_wrong() {
    let named = "there is no assignor \"stick\"; there are range, roundrobin, sticky, cooperative-sticky, uniform, server-range";
    check_refused(&["assign", "--assignor", "stick"], GROUP, named);
    check_refused(&["assign"], GROUP, "--assignor <NAME>");
    let range = ["assign", "--assignor", "range"];
    check_refused(&range, "", "error: standard input: expected JSON, as {\"topics\":");
    check_refused(
        &range,
        "{\"topics\": {\"t0\": 3},\n \"members\"}",
        "standard input: line 2 column 11: expected `:`",
    );
    check_refused(
        &range,
        "{\"topics\": {\"t0\": -3}, \"members\": {}}",
        "standard input: topics.t0: expected a number",
    );
    check_refused(
        &range,
        &format!("{GROUP}\n{{}}"),
        "standard input: question 2: the question: \"topics\" is missing",
    );
    check_refused(&["partition", "--partitions", "0"], "", "0 is not in 1..=1000000");
    check_refused(
        &["partition", "--partitions", "3", "--partitioner", "java"],
        "",
        "there is no partitioner \"java\"",
    );
}

#[test]
fn says_which_partition_a_key_goes_to() {
    // Java's murmur2, as the clients of the conformance tests have it.
    let keys = "key-1\nkey-2\r\n\nlast";
    let output = terrarium(&["partition", "--partitions", "6"], keys);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<(&str, &str)> = text.lines().map(|line| line.split_once('\t').unwrap()).collect();
    let keys: Vec<&str> = lines.iter().map(|(_, key)| *key).collect();
    assert_eq!(keys, ["key-1", "key-2", "", "last"]);
    for (partition, key) in &lines {
        let expected =
            terrarium::partitioner::partition_for_key(Default::default(), key.as_bytes(), 6).unwrap();
        assert_eq!(partition.parse(), Ok(expected));
    }
    check(
        &["partition", "--partitions", "2", "--partitioner", "round_robin"],
        "a\na\na\n",
        "0\ta\n1\ta\n0\ta\n",
    );
    let random = || {
        terrarium(&["partition", "--partitions", "50", "--partitioner", "random", "--seed", "4"], "a\nb\n")
    };
    assert_eq!(random().stdout, random().stdout);
}
