#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

fn check(assignor: &str, question: &str, expected: &str) {
    let assignor = Assignor::from_name(assignor).expect("an assignor");
    let answer = Question::parse(question).map(|question| to_json(&question.answer(assignor)));
    assert_eq!(answer.as_deref(), Ok(expected));
}

fn check_wrong(question: &str, expected: &str) {
    let error = Question::parse(question).expect_err("a wrong question").to_string();
    assert_eq!(error, expected);
}

#[test]
fn what_is_asked_is_answered() {
    let question =
        r#"{"topics":{"t0":3},"members":{"C0":{"topics":["t0"],"owned":{"t0":[0]}},"C1":{"topics":["t0"]}}}"#;
    check("range", question, r#"{"C0":{"t0":[0,1]},"C1":{"t0":[2]}}"#);
    check("sticky", question, r#"{"C0":{"t0":[0,2]},"C1":{"t0":[1]}}"#);
    check("uniform", r#"{"topics":{},"members":{"C0":{"topics":["t0"]}}}"#, r#"{"C0":{}}"#);
}

#[test]
fn a_member_tells_all_that_counts() {
    let question = r#"{
        "topics": {"t": {"partitions": 2, "racks": [["b"], ["a", "c"]]}},
        "members": {
            "x": {"topics": ["t"], "rack": "a", "instance": null, "owned": {"t": [0]}, "generation": 3},
            "y": {"topics": ["t"], "rack": "b", "instance": "i", "owned": {"t": [0]}, "generation": 4}
        },
        "left": {"z": {"t": [1]}}
    }"#;
    check("range", question, r#"{"x":{"t":[1]},"y":{"t":[0]}}"#);
    let question = Question::parse(question).expect("a question");
    let sticky = Assignor::from_name("sticky").expect("an assignor");
    let why = question.explain(sticky, &question.answer(sticky));
    let why: Vec<String> = why.iter().map(ToString::to_string).collect();
    assert_eq!(
        why,
        [
            "t-0 stays with y: it had it, and nobody who may have it has fewer.",
            "t-1 goes from z to x: z has left; a replica is in the rack of x, a.",
        ]
    );
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    check_wrong("{", "line 1 column 1: EOF while parsing an object");
    check_wrong("{\"topics\":{},\n\"topics\":{}}", "line 2 column 12: \"topics\" is there twice");
    check_wrong("[]", "the question: expected an object, found []");
    check_wrong(r#"{"topics":{}}"#, r#"the question: "members" is missing"#);
    check_wrong(
        r#"{"topics":{},"members":{},"assignor":"range"}"#,
        r#"the question: "assignor" is not known; there are topics, members, left"#,
    );
    check_wrong(
        r#"{"topics":{"t":"3"},"members":{}}"#,
        r#"topics.t: expected a number of partitions, or {"partitions": 3, "racks": [["a"], …]}, found "3""#,
    );
    check_wrong(
        r#"{"topics":{"t":999999,"u":2},"members":{}}"#,
        "topics.u: more than 1000000 partitions in all are too many",
    );
    check_wrong(
        r#"{"topics":{"t":{"partitions":2,"racks":[["a"]]}},"members":{}}"#,
        "topics.t.racks: has 1 entries for 2 partitions",
    );
    check_wrong(
        r#"{"topics":{},"members":{"C0":{"topics":["t"],"owned":{"t":[0,-1]}}}}"#,
        "members.C0.owned.t[1]: expected the number of a partition, found -1",
    );
    check_wrong(
        r#"{"topics":{},"members":{"C0":{"topics":["t"],"generation":"new"}}}"#,
        r#"members.C0.generation: expected a generation from -1, found "new""#,
    );
    check_wrong(r#"{"topics":{},"members":{},"left":{"C":[]}}"#, "left.C: expected an object, found []");
}

#[test]
fn questions_stand_one_after_another() {
    let text = "{\"topics\":{},\"members\":{}}\n{\"topics\":{},\"members\":{\"A\":{\"topics\":[]}}} 7";
    let answers: Vec<_> = Question::parse_all(text).map(|it| it.map(|it| it.members.len())).collect();
    assert_eq!(answers[..2], [Ok(0), Ok(1)]);
    assert!(answers[2].is_err());
}
