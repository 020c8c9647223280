//! What nobody should have to watch for in review: the layering that `src/lib.rs` promises, lengths,
//! leftovers, and what a public repository or a deterministic world must not contain.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Machines meet as frames only …
const MACHINES: [&str; 4] = ["broker", "controller", "coordinator", "client"];
/// … with this one edge.
const EDGES: [(&str, &str); 1] = [("broker", "coordinator")];

const MAX_LINES: usize = 700;
const LONG_FILES: [&str; 0] = [];

const MAX_COLUMNS: usize = 140;
/// Expected texts, and markup in `html!`, which the formatter leaves alone.
const LONG_LINES: [&str; 13] = [
    "src/client/producer/producer_test.rs",
    "src/ui/app.rs",
    "src/ui/brokers.rs",
    "src/ui/dialogs.rs",
    "src/ui/lane.rs",
    "src/ui/theatre/aside.rs",
    "src/ui/theatre/chrome.rs",
    "src/ui/theatre/foot.rs",
    "src/ui/theatre/panel.rs",
    "src/ui/theatre/script.rs",
    "src/ui/transport.rs",
    "src/view/inspector/records_test.rs",
    "tests/e2e/page.test.mjs",
];

/// Where time and hash order may come in: the page, the command line and sockets, outside the world.
const OUTSIDE_THE_WORLD: [&str; 5] = ["src/ui.rs", "src/ui/", "src/main.rs", "src/bin/", "src/edge/tcp/"];

/// A file of tests that is not for wasm says why in a comment that begins so.
const NATIVE_ONLY: &str = "// Native only:";

#[test]
fn modules_use_only_rows_below_their_own() {
    let rows = rows(&read("src/lib.rs"));
    let mut problems = Vec::new();
    for (path, text) in files(&["src"], &["rs"]) {
        if let Some(module) = module_of(&path) {
            problems.extend(wrong_uses(&path, &module, &text, &rows));
        }
    }
    expect_none(problems);
}

#[test]
fn the_table_lists_exactly_the_modules() {
    let text = read("src/lib.rs");
    let declared: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect();
    let listed: BTreeSet<String> = rows(&text).into_keys().collect();
    assert!(declared.len() > 10, "the modules were not found");
    assert_eq!(listed, declared);
}

#[test]
fn files_can_be_read_in_one_sitting() {
    let all = files(&["src", "tests", "benches"], &["rs", "mjs", "sh"]);
    expect_none(outliers(&all, &LONG_FILES, |text| (text.lines().count() > MAX_LINES).then_some("too long")));
}

#[test]
fn lines_can_be_read_without_scrolling() {
    let all = files(&["src", "tests", "benches"], &["rs", "mjs", "sh"]);
    let wide = |text: &str| {
        text.lines().any(|line| line.chars().count() > MAX_COLUMNS).then_some("has a line too long")
    };
    expect_none(outliers(&all, &LONG_LINES, wide));
}

#[test]
fn nothing_is_left_half_done() {
    let macros = ["todo", "unimplemented", "dbg"].map(|name| format!("{name}!("));
    let mut problems = Vec::new();
    for (path, text) in files(&["src", "tests", "benches"], &["rs"]) {
        let code = code_of(&text);
        problems
            .extend(macros.iter().filter(|name| code.contains(*name)).map(|name| format!("{path}: {name}")));
    }
    expect_none(problems);
}

#[test]
fn every_file_begins_with_what_it_is_for() {
    let all = files(&["src", "tests", "benches"], &["rs"]);
    // The name of a `foo_test.rs` says it.
    let silent = all.iter().filter(|(path, text)| !path.ends_with("_test.rs") && !text.starts_with("//! "));
    expect_none(silent.map(|(path, _)| format!("{path}: begin with `//! ` and what it owns")).collect());
}

#[test]
fn the_world_knows_neither_the_clock_nor_hash_order() {
    let banned = ["HashMap", "HashSet", "Instant", "SystemTime"];
    let mut problems = Vec::new();
    for (path, text) in files(&["src"], &["rs"]) {
        if OUTSIDE_THE_WORLD.iter().any(|outside| path.starts_with(outside)) {
            continue;
        }
        let code = code_of(&text);
        problems
            .extend(words(&code).filter(|word| banned.contains(word)).map(|word| format!("{path}: {word}")));
    }
    expect_none(problems);
}

#[test]
fn tests_run_on_wasm_or_say_why_not() {
    let mut problems = Vec::new();
    for (path, text) in files(&["src"], &["rs"]) {
        let plain = text.lines().filter(|line| line.trim() == "#[test]").count();
        let alias = text.contains("use wasm_bindgen_test::wasm_bindgen_test as test;");
        if plain > 0 && !alias && !text.contains(NATIVE_ONLY) {
            problems.push(format!(
                "{path}: {plain} tests are silently skipped on wasm: add the alias or `{NATIVE_ONLY}`"
            ));
        }
    }
    expect_none(problems);
}

#[test]
fn the_repository_names_no_registry_and_no_machine() {
    // In halves, so that this file does not contain what it looks for.
    let hosts =
        [("crates", ".io"), ("npmjs", ".org"), ("npmjs", ".com"), ("pypi", ".org"), ("pythonhosted", ".org")]
            .into_iter()
            .chain([("debian", ".org"), ("ubuntu", ".com"), ("golang", ".org")]);
    let paths = [("/wo", "rk/"), ("/ro", "ot/"), ("/ho", "me/")];
    let needles: Vec<String> = hosts.chain(paths).map(|(left, right)| format!("{left}{right}")).collect();
    let mut problems = Vec::new();
    let mut all = files(&[""], &[]);
    // Cargo's own, and unavoidable there.
    all.retain(|path, _| !path.ends_with("Cargo.lock"));
    assert!(all.contains_key("Makefile"), "the files were not found");
    for (path, text) in all {
        for needle in &needles {
            let found = text.match_indices(needle.as_str()).any(|(at, _)| {
                !needle.starts_with('/')
                    || !text[..at]
                        .ends_with(|before: char| before.is_alphanumeric() || "._-".contains(before))
            });
            if found {
                problems.push(format!("{path}: {needle}"));
            }
        }
    }
    expect_none(problems);
}

#[test]
fn wrong_uses_are_noticed() {
    let rows = rows(
        "//! | [`ui`] | a | b |\n//! | [`broker`] | a | b |\n//! | [`coordinator`] | a | b |\n//! | [`x`], [`y`] | a | b |",
    );
    let check = |module: &str, path: &str, text: &str| wrong_uses(path, module, text, &rows).len();
    assert_eq!(check("ui", "src/ui.rs", "use crate::{broker::Broker, x::{self, y}};"), 0);
    assert_eq!(check("broker", "src/broker.rs", "use crate::coordinator::Group;"), 0);
    assert_eq!(
        check("coordinator", "src/coordinator.rs", "use crate::x; fn f() { crate::coordinator::f(); }"),
        0
    );
    assert_eq!(
        check("x", "src/x.rs", "// crate::ui\nlet a = \"crate::ui\"; let b = '\"'; use crate::x::ui;"),
        0
    );
    assert_eq!(check("coordinator", "src/coordinator.rs", "use crate::broker::Broker;"), 1, "upwards");
    assert_eq!(check("x", "src/x.rs", "fn f() { crate::y::f(); }"), 1, "sideways");
    assert_eq!(check("x", "src/x.rs", "use crate::{\n  x::a,\n  y::{b, c},\n  ui,\n};"), 2, "in a group");
    assert_eq!(check("x", "src/x/deep.rs", "use super::super::ui::App;"), 1, "through super");
    assert_eq!(check("x", "src/x/deep.rs", "use super::ui::App;"), 0, "its own submodule");
}

fn expect_none(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// The files that are odd but not excused, and the excused that are not odd any more.
fn outliers(
    all: &BTreeMap<String, String>,
    excused: &[&str],
    odd: impl Fn(&str) -> Option<&'static str>,
) -> Vec<String> {
    let found: BTreeMap<&str, &str> =
        all.iter().filter_map(|(path, text)| Some((path.as_str(), odd(text)?))).collect();
    let new = found
        .iter()
        .filter(|(path, _)| !excused.contains(path))
        .map(|(path, what)| format!("{path}: {what}"));
    let stale = excused
        .iter()
        .filter(|path| !found.contains_key(*path))
        .map(|path| format!("{path}: excuse it no more"));
    new.chain(stale).collect()
}

/// Each module's row in the table, counted from the top. Modules in one row do not use each other either.
fn rows(lib: &str) -> BTreeMap<String, usize> {
    let mut rows = BTreeMap::new();
    for (row, line) in lib.lines().filter(|line| line.starts_with("//! | [`")).enumerate() {
        let names = line.split('|').nth(1).unwrap_or_default();
        for name in names.split(',') {
            rows.insert(name.trim().trim_matches(['[', ']', '`']).to_owned(), row);
        }
    }
    rows
}

/// `src/broker/fetch.rs` and `src/broker.rs` belong to `broker`; the crate's roots to nothing.
fn module_of(path: &str) -> Option<String> {
    let inner = path.strip_prefix("src/")?;
    let first = inner.split('/').next()?;
    let name = first.strip_suffix(".rs").unwrap_or(first);
    (!["lib", "main", "bin"].contains(&name)).then(|| name.to_owned())
}

fn wrong_uses(path: &str, module: &str, text: &str, rows: &BTreeMap<String, usize>) -> Vec<String> {
    let code = code_of(text);
    let mut problems = Vec::new();
    let Some(own_row) = rows.get(module) else {
        return vec![format!("{path}: {module} is not in the table of src/lib.rs")];
    };
    for used in uses(&code) {
        let Some(row) = rows.get(&used) else { continue };
        let edge = (module, used.as_str());
        let between_machines =
            MACHINES.contains(&edge.0) && MACHINES.contains(&edge.1) && !EDGES.contains(&edge);
        if used != module && (row <= own_row || between_machines) {
            problems.push(format!("{path}: {module} must not use {used}"));
        }
    }
    // As many steps up as the file is deep lead to the root, where `crate::` is the word.
    let depth = path.matches('/').count();
    let chain = "super::".repeat(depth);
    for (at, _) in code.match_indices(&chain) {
        let next = leading_word(code[at..].trim_start_matches("super::"));
        if depth > 1 && rows.contains_key(next) {
            problems.push(format!("{path}: say crate::{next}"));
        }
    }
    problems
}

/// The modules named right behind `crate::`, groups in braces included.
fn uses(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, root) in code.match_indices("crate::") {
        if code[..at].ends_with(|before: char| before.is_alphanumeric() || "_$".contains(before)) {
            continue;
        }
        let rest = &code[at + root.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.push(leading_word(rest).to_owned());
            continue;
        };
        let mut depth = 1;
        let mut item = String::new();
        for c in group.chars() {
            depth += i32::from(c == '{') - i32::from(c == '}');
            if depth == 0 || (depth == 1 && c == ',') {
                found.push(leading_word(item.trim()).to_owned());
                item.clear();
            } else {
                item.push(c);
            }
            if depth == 0 {
                break;
            }
        }
    }
    found.retain(|word| !word.is_empty());
    found
}

fn leading_word(text: &str) -> &str {
    words(text).next().filter(|word| text.starts_with(word)).unwrap_or_default()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// Rust source without its comments and what stands between quotation marks.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let raw = rest
            .strip_prefix('r')
            .map(|after| after.trim_start_matches('#'))
            .filter(|after| after.starts_with('"'));
        let inside_a_word = code.ends_with(|before: char| before.is_alphanumeric() || before == '_');
        if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if rest.starts_with("/*") {
            rest = rest.split_once("*/").map_or("", |(_, after)| after);
        } else if let Some(after) = raw.filter(|_| !inside_a_word) {
            let end = format!("\"{}", "#".repeat(rest.len() - after.len() - 1));
            rest = after[1..].split_once(&end).map_or("", |(_, after)| after);
        } else if c == '"' {
            rest = after_string(&rest[1..]);
        } else if let Some(length) = char_literal(rest) {
            rest = &rest[length..];
        } else {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    code
}

/// What follows the string whose opening mark has just been passed.
fn after_string(text: &str) -> &str {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => return &text[at + 1..],
            _ => escaped = c == '\\' && !escaped,
        }
    }
    ""
}

/// How long the character literal at the start is; a lifetime is none.
fn char_literal(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    let first = inside.chars().next()?;
    if first == '\\' {
        return Some(2 + inside[2..].find('\'')? + 2);
    }
    inside[first.len_utf8()..].starts_with('\'').then_some(first.len_utf8() + 2)
}

fn read(path: &str) -> String {
    let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
    String::from_utf8_lossy(&bytes.unwrap_or_else(|error| panic!("{path}: {error}"))).into_owned()
}

/// The text of every file below `folders` with one of the extensions (none given: any), by its path from
/// the repository's root.
fn files(folders: &[&str], extensions: &[&str]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open: Vec<String> = folders.iter().map(|folder| (*folder).to_owned()).collect();
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(&folder)) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                if ![".git", "target", "dist", "node_modules", "__pycache__"].contains(&name.as_str()) {
                    open.push(path);
                }
            } else if kind.is_file()
                && (extensions.is_empty() || extensions.iter().any(|e| name.ends_with(&format!(".{e}"))))
            {
                let text = read(&path);
                found.insert(path, text);
            }
        }
    }
    found
}
