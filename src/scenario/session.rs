//! Recordings: a scenario in one line, then a line for each input from outside with its time,
//! then one for the end. Whoever records appends; when that stops half-way through a line, the
//! lines before are whole, and the recording ends there.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::base::{Digest, SimTime};
use crate::scenario::json::{self, Json};
use crate::scenario::{Path, Problem};
use crate::sim::Command;

/// What came from outside into a recorded world.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Session {
    /// Inputs in order, each with its time.
    pub inputs: Vec<(SimTime, Command)>,
    /// Where the recording ends: nothing at or after this time has happened in it.
    pub end: Option<SimTime>,
    /// The digest of what was recorded, in hexadecimal, when it was ended properly.
    pub digest: Option<String>,
}

/// A line of a recording behind its first.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum SessionLine {
    /// Something came in.
    Input {
        /// The world's time, in microseconds.
        t_us: SimTime,
        /// What.
        #[serde(flatten)]
        command: Command,
    },
    /// The recording ends.
    End {
        /// The world's time, in microseconds.
        t_us: SimTime,
        /// The digest of all that happened before it.
        digest: Digest,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    digest: String,
}

enum Line {
    Input(SimTime, Command),
    End(SimTime, String),
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Line, D::Error> {
        let mut fields = Json::deserialize(deserializer)?;
        let Some(Json::Unsigned(time)) = fields.take("t_us") else {
            return Err(D::Error::custom("t_us: expected a time in microseconds"));
        };
        if fields.has("do") {
            let command = Command::deserialize(&fields).map_err(D::Error::custom)?;
            return Ok(Line::Input(SimTime(time), command));
        }
        let end = End::deserialize(&fields).map_err(D::Error::custom)?;
        Ok(Line::End(SimTime(time), end.digest))
    }
}

/// Whether a file is a recording rather than a scenario alone, or data.
pub fn is_recording(file: &[u8]) -> bool {
    let second = file.iter().position(|byte| *byte == b'\n').unwrap_or(file.len());
    let enough = file.len().min(second + 100);
    !split(&String::from_utf8_lossy(&file[..enough])).1.is_empty()
}

/// The scenario's text and the lines behind it: there are some only when the first line is a
/// whole object, and the second begins with a time.
pub(super) fn split(text: &str) -> (&str, &str) {
    match text.split_once('\n') {
        Some((first, rest))
            if rest.trim_start().starts_with("{\"t_us\"") && first.trim_end().ends_with('}') =>
        {
            (first, rest)
        }
        _ => (text, ""),
    }
}

impl Session {
    /// Whether this is no recording.
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty() && self.end.is_none()
    }

    /// The time up to which a recording is played: all that it holds, and no more.
    pub fn until(&self) -> Option<SimTime> {
        self.end.map(|end| end - 1).or(self.inputs.last().map(|(at, _)| *at))
    }

    pub(super) fn parse(text: &str) -> Result<Session, Problem> {
        let mut session = Session::default();
        let mut last = SimTime::ZERO;
        for (index, line) in text.split_inclusive('\n').enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            // The first line, the scenario, is number 1.
            let problem = |what: &dyn std::fmt::Display| {
                Problem::new(Path::default(), format!("line {} of the recording: {what}", index + 2))
            };
            if session.end.is_some() {
                return Err(problem(&"there is nothing after its end"));
            }
            let time = match json::read(line) {
                Ok(Line::Input(time, command)) => {
                    session.inputs.push((time, command));
                    time
                }
                Ok(Line::End(time, digest)) => {
                    session.end = Some(time);
                    session.digest = Some(digest);
                    time
                }
                // The line that was being written when the power went.
                Err(_) if !line.ends_with('\n') => break,
                Err(error) => return Err(problem(&error)),
            };
            if time < last {
                return Err(problem(&"it is earlier than the one before"));
            }
            last = time;
        }
        Ok(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const FIRST: &str = r#"{"title":"t"}"#;

    #[test]
    fn recordings_are_told_from_data() {
        let file = |lines: &[&str]| is_recording(lines.join("\n").as_bytes());
        assert!(file(&[FIRST, r#"{"t_us":5,"do":"hang_up"}"#, ""]));
        assert!(!file(&[FIRST, ""]));
        assert!(!file(&[r#"{"key":"a"}"#, r#"{"key":"b"}"#, ""]));
        assert!(!file(&["key,value", "a,b"]));
        assert!(!is_recording(b""));
    }

    const INPUT: &str = r#"{"t_us":5,"do":"bytes","client":"a","conn":1,"data":"AAEC"}"#;

    fn session(lines: &[&str]) -> Result<Session, String> {
        let parsed = Scenario::parse(&lines.concat());
        parsed.map(|scenario| scenario.session).map_err(|error| error.to_string())
    }

    #[test]
    fn reads_what_it_writes() {
        let input: SimTime = SimTime(5);
        let command: Command = serde_json::from_str(&INPUT.replace("\"t_us\":5,", "")).unwrap();
        let line =
            serde_json::to_string(&SessionLine::Input { t_us: input, command: command.clone() }).unwrap();
        assert_eq!(line, INPUT);
        let end =
            serde_json::to_string(&SessionLine::End { t_us: SimTime(9), digest: Digest::default() }).unwrap();
        let read = session(&[FIRST, "\n", &line, "\n", &end, "\n"]).unwrap();
        assert_eq!(read.inputs, [(input, command)]);
        assert_eq!((read.until(), read.digest.as_deref()), (Some(SimTime(8)), Some("cbf29ce484222325")));
    }

    #[test]
    fn half_a_line_at_the_end_is_left_out() {
        let read = session(&[FIRST, "\n", INPUT, "\n", &INPUT[..20]]).unwrap();
        assert_eq!((read.inputs.len(), read.until()), (1, Some(SimTime(5))));
        assert_eq!(session(&[FIRST, "\n"]).unwrap(), Session::default());
    }

    #[test]
    fn says_what_is_wrong() {
        let say = |lines: &[&str]| session(lines).unwrap_err();
        assert!(say(&[FIRST, "\n", INPUT, "\n{\"t_us\":1}\n"]).contains("line 3 of the recording"));
        let earlier = INPUT.replace(":5", ":4");
        assert!(say(&[FIRST, "\n", INPUT, "\n", &earlier, "\n"]).contains("earlier"));
        let wrong = INPUT.replace("AAEC", "?");
        assert!(say(&[FIRST, "\n", &wrong, "\n"]).contains("line 2 of the recording"));
    }
}
