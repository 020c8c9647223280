//! What is wrong with a scenario, and where.

use std::fmt;

use crate::scenario::json::ReadError;
use crate::scenario::{names, place};

/// Everything that is wrong with a scenario: at least one problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    /// Each problem with its place.
    pub problems: Vec<Problem>,
}

/// Something that is wrong with a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which value.
    pub path: Path,
    /// Where in the text, when there is a text.
    pub place: Option<Place>,
    /// What is wrong with it and what was expected.
    pub message: String,
}

/// A place in a text, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

/// The way from a file's root to a value: `topics[0].configs["segment.bytes"]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(pub Vec<Segment>);

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// To the value with this name.
    Key(String),
    /// To the value with this number, from 0.
    Index(u64),
}

impl Path {
    /// To the value `name` of this one.
    pub fn key(&self, name: impl Into<String>) -> Path {
        self.and(Segment::Key(name.into()))
    }

    /// To value number `index` of this one.
    pub fn index(&self, index: usize) -> Path {
        self.and(Segment::Index(index as u64))
    }

    fn and(&self, segment: Segment) -> Path {
        let mut path = self.clone();
        path.0.push(segment);
        path
    }
}

impl Problem {
    /// What is wrong with the value at `path`.
    pub fn new(path: Path, message: impl Into<String>) -> Problem {
        Problem { path, place: None, message: message.into() }
    }

    /// Why a text could not be read, in plainer words.
    pub(super) fn of_json(text: &str, error: &ReadError) -> Problem {
        let misfit = match error {
            ReadError::Misfit(misfit) => misfit,
            ReadError::Syntax(error) => {
                let (line, column) = (error.line(), error.column());
                let said = error.to_string();
                let said = said.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&said);
                let place = (line > 0).then(|| Place { line: small(line), column: small(column) });
                return Problem { path: Path::default(), place, message: plainly(said) };
            }
        };
        let (said, mut path) = (misfit.to_string(), misfit.path());
        let place = place::locate(text, &path);
        // These name the field themselves.
        if let Some(Segment::Key(key)) = path.0.last()
            && ["unknown", "duplicate"].iter().any(|kind| said.starts_with(&format!("{kind} field `{key}`")))
        {
            path.0.pop();
        }
        Problem { path, place, message: plainly(&said) }
    }
}

fn small(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Serde's words for what it cannot say better.
fn plainly(said: &str) -> String {
    for (name, expected) in [
        (
            "untagged enum Keys",
            "expected a list of keys (texts, null, or {\"key\", \"weight\"}) or {\"pattern\", \"distinct\"}",
        ),
        ("untagged enum KeyChoice", "expected a key: a text, null, or {\"key\", \"weight\"}"),
        ("untagged enum AcksSetting", "acks must be \"all\", -1, 0 or 1"),
    ] {
        if said.ends_with(name) {
            return expected.to_owned();
        }
    }
    let mut quoted = said.split('`').skip(1).step_by(2);
    if let Some(kind) = ["unknown field", "unknown variant"].iter().find(|kind| said.starts_with(**kind))
        && let Some(found) = quoted.next()
        && let Some(meant) = names::nearest(found, quoted)
    {
        return format!("{kind} `{found}`; did you mean `{meant}`?");
    }
    let in_rust = [
        ("expected u64", "expected a whole number from 0"),
        ("expected u32", "expected a whole number from 0"),
        ("expected i64", "expected a whole number"),
        ("expected i32", "expected a whole number"),
        ("expected i16", "expected a whole number"),
        ("expected f64", "expected a number"),
    ];
    match in_rust.iter().find_map(|(rust, plain)| Some((said.strip_suffix(rust)?, plain))) {
        Some((before, plain)) => format!("{before}{plain}"),
        None => said.to_owned(),
    }
}

impl From<Problem> for ScenarioError {
    fn from(problem: Problem) -> ScenarioError {
        ScenarioError { problems: vec![problem] }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key)
                    if !key.is_empty()
                        && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-$".contains(c)) =>
                {
                    write!(f, "{}{key}", if number > 0 { "." } else { "" })?;
                }
                Segment::Key(key) => write!(f, "[{key:?}]")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Place { line, column }) = self.place {
            write!(f, "line {line}, column {column}: ")?;
        }
        if !self.path.0.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// One line for each problem.
impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.problems.iter().enumerate() {
            write!(f, "{}{problem}", if number > 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for ScenarioError {}
