//! `static/scenarios/schema.json` is written from the types: `UPDATE=1 cargo test` writes it anew.

use std::fs;
use std::path::Path;

#[test]
fn the_schema_file_is_that_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("static/scenarios/schema.json");
    let schema = terrarium::scenario::schema();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &schema).unwrap();
    }
    let file = fs::read_to_string(&path).unwrap();
    assert!(
        file == schema,
        "static/scenarios/schema.json is out of date: UPDATE=1 cargo test --test scenario"
    );
}

#[test]
fn the_schema_names_what_a_file_may_say() {
    let schema: serde_json::Value = serde_json::from_str(&terrarium::scenario::schema()).unwrap();
    let known = |path: &str| schema.pointer(path).is_some();
    for name in ["$schema", "title", "cluster", "topics", "producers", "groups", "script", "expect", "look"] {
        assert!(known(&format!("/properties/{name}")), "{name}");
    }
    assert_eq!(schema["additionalProperties"], false);
    assert!(known("/$defs/ProducerConfig/properties/linger.ms"));
    assert!(known("/$defs/ConsumerConfig/properties/auto.offset.reset"));
}
