#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

fn problems(config: &str, app: &str) -> Vec<String> {
    let config: ConsumerConfig = serde_json::from_str(config).expect("a config");
    config.problems(&serde_json::from_str(app).expect("an application"))
}

#[test]
fn the_defaults_are_fine_and_kafkas() {
    let subscribed = r#"{"topics": ["t"], "commit": "after_each_record"}"#;
    assert_eq!(problems(r#"{"group.id": "g"}"#, subscribed), Vec::<String>::new());
    assert_eq!(problems("{}", r#"{"partitions": [{"topic": "t", "partition": 0}]}"#), Vec::<String>::new());
}

#[test]
fn settings_that_cannot_work_are_named() {
    let config = r#"{"session.timeout.ms": 3000, "partition.assignment.strategy": []}"#;
    let problems = problems(config, r#"{"topics": ["t"]}"#);
    assert_eq!(
        problems,
        [
            "to subscribe to topics, group.id must be set",
            "partition.assignment.strategy must name an assignor",
            "heartbeat.interval.ms must be less than session.timeout.ms",
        ]
    );
}

#[test]
fn an_unknown_assignor_is_refused_by_name() {
    let read =
        serde_json::from_str::<ConsumerConfig>(r#"{"partition.assignment.strategy": ["cooperative"]}"#);
    let error = read.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("cooperative-sticky") && error.contains("roundrobin"), "{error}");
}
