//! Scenarios: the schema of their files, what is wrong with one, data that clients replay, the
//! gallery, and links that hold a whole run.
//!
//! A scenario file is JSON. [`Scenario::parse`] reads one and names everything that is wrong
//! with it; [`Scenario::build`] makes of it what a world is built from. Must not know pixels,
//! nor machines' insides.

pub mod data;
pub mod link;
pub mod theatre;

mod build;
mod check;
mod error;
mod file;
mod gallery;
mod json;
mod names;
mod opening;
mod place;
mod session;
mod values;

pub use build::Files;
pub use data::{Columns, Data, Format, TimeUnit};
pub use error::{Path, Place, Problem, ScenarioError, Segment};
pub use file::{Cluster, Consumer, Disk, Group, Look, Network, Producer, Scenario, ScriptStep, Topic};
pub use gallery::{CHAPTERS, Chapter, GALLERY, gallery};
pub use link::{Link, LinkError, Linked};
pub use opening::OPENING;
pub use session::{Session, SessionLine, is_recording};
pub use theatre::{Protocol, TheatreLink, WORLDS_MAX, theatre_fragment};
pub use values::{Members, Setting, Settings};

/// The longest recording that is read.
pub const RECORDING_MAX_BYTES: usize = 1024 * 1024 * 1024;
/// The longest scenario file that is read.
pub const TEXT_MAX_BYTES: usize = 4 * 1024 * 1024;

/// The JSON Schema of scenario files, as `static/scenarios/schema.json` has it.
#[cfg(not(target_arch = "wasm32"))]
pub fn schema() -> String {
    let mut text = serde_json::to_string_pretty(&schemars::schema_for!(Scenario)).unwrap_or_default();
    text.push('\n');
    text
}

impl Scenario {
    /// Reads a scenario file, or a recording that begins with one, and checks that it makes sense.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place in the text.
    ///
    /// ```
    /// let error = terrarium::scenario::Scenario::parse(r#"{"title": "x", "seed": "y"}"#).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "line 1, column 24: seed: invalid type: string \"y\", expected a whole number from 0"
    /// );
    /// ```
    pub fn parse(text: &str) -> Result<Scenario, ScenarioError> {
        let scenario = Scenario::read(text)?;
        let mut problems = scenario.problems();
        for problem in &mut problems {
            problem.place = place::locate(session::split(text).0, &problem.path);
        }
        if problems.is_empty() { Ok(scenario) } else { Err(ScenarioError { problems }) }
    }

    /// Reads a scenario without asking whether it makes sense.
    fn read(text: &str) -> Result<Scenario, ScenarioError> {
        let (text, recorded) = session::split(text);
        if text.len() > TEXT_MAX_BYTES {
            let message = format!("a scenario may have {TEXT_MAX_BYTES} bytes, this has {}", text.len());
            return Err(Problem::new(Path::default(), message).into());
        }
        let mut scenario: Scenario = json::read(text).map_err(|error| Problem::of_json(text, &error))?;
        scenario.session = Session::parse(recorded)?;
        Ok(scenario)
    }
}
