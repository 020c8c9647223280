//! Links that open the theatre at exactly one moment.

use serde::{Deserialize, Serialize};

use crate::scenario::link::{pack, unpack};
use crate::scenario::{LinkError, Linked, Protocol};

/// What every fragment of the theatre begins with.
const THEATRE: &str = "theatre";

/// A moment in the theatre that somebody shares. Everything that was done is in the scenario's
/// script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TheatreLink {
    /// What is played.
    pub scenario: Linked,
    /// Under which protocols; the scenario's own without them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protocols: Vec<Protocol>,
    /// The time at which one stood, in microseconds; where the scenario wants to be opened
    /// without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_us: Option<u64>,
    /// The world in which the last step was taken.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub world: u32,
    /// That step; 0 when one stood behind all that happened at the time.
    #[serde(default, skip_serializing_if = "is_none")]
    pub step: u64,
}

impl TheatreLink {
    /// Of a scenario of the gallery, from its beginning.
    pub fn of(id: &str) -> TheatreLink {
        let scenario = Linked::Gallery(id.to_owned());
        TheatreLink { scenario, protocols: Vec::new(), time_us: None, world: 0, step: 0 }
    }

    /// The text that goes behind the `#`.
    ///
    /// # Errors
    /// When it would be too large, or could not be read again.
    pub fn encode(&self) -> Result<String, LinkError> {
        self.scenario.scenario()?;
        let plain = self.protocols.is_empty() && self.time_us.is_none();
        match &self.scenario {
            Linked::Gallery(id) if plain => Ok(format!("{THEATRE}/{id}")),
            _ => Ok(format!("{THEATRE}/{}", pack(self)?)),
        }
    }

    /// Reads what is behind `theatre` in a fragment; nothing there is no link.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn decode(text: &str) -> Result<Option<TheatreLink>, LinkError> {
        let text = text.trim().trim_start_matches('/');
        if text.is_empty() {
            return Ok(None);
        }
        let by_id = TheatreLink::of(text);
        if crate::scenario::gallery(text).is_some() {
            return Ok(Some(by_id));
        }
        let link: TheatreLink = unpack(text).map_err(|error| match error {
            LinkError::NotALink => LinkError::NoSuchScenario(text.chars().take(60).collect()),
            error => error,
        })?;
        link.scenario.scenario()?;
        if link.time_us.is_some_and(|us| us > MOMENT_MAX_US) {
            return Err(LinkError::Content("it leads further than an hour".into()));
        }
        if link.protocols.len() > super::WORLDS_MAX {
            return Err(LinkError::Content("it compares too many protocols".into()));
        }
        Ok(Some(link))
    }
}

/// An hour: a link is followed by playing until there.
const MOMENT_MAX_US: u64 = 3_600_000_000;

/// What is behind `theatre` in a fragment that leads there.
pub fn theatre_fragment(fragment: &str) -> Option<&str> {
    let rest = fragment.trim_start_matches('#').strip_prefix(THEATRE)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn is_none(step: &u64) -> bool {
    *step == 0
}
