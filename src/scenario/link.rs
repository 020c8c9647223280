//! Links that hold a whole run: which scenario, its seed, what was done, and where one stood.
//!
//! The text goes behind the `#` of an address. It is `1-` (the format's version) and, in
//! base64url: a CRC-32C, then deflated JSON. Whatever somebody made of a link on its way,
//! reading it ends in a [`Link`] or in words, with bounded memory.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::scenario::{Scenario, ScenarioError, gallery, json};
use crate::sim::Journaled;

/// What a link holds may be so long, inflated.
pub const LINK_MAX_BYTES: usize = 4 * 1024 * 1024;
/// A run is followed at most so far.
pub const STEP_MAX: u64 = 5_000_000;

const VERSION: &str = "1";

/// A run that somebody shares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// What is played.
    pub scenario: Linked,
    /// The seed; the scenario's own without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// What was done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub journal: Vec<Journaled>,
    /// After which step one stood.
    #[serde(default)]
    pub step: u64,
}

/// The scenario of a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Linked {
    /// One of the gallery, by its id.
    Gallery(String),
    /// The text of a scenario file.
    Text(String),
}

/// Why a link cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// It does not look like one.
    NotALink,
    /// It was made by a later version of the program.
    Version(String),
    /// Characters are missing or changed.
    Damaged,
    /// It holds, or would hold, more than [`LINK_MAX_BYTES`].
    TooLarge,
    /// It is whole, but says something that this version does not know.
    Content(String),
    /// The gallery has no such scenario.
    NoSuchScenario(String),
    /// Its scenario is wrong.
    Scenario(ScenarioError),
    /// It leads further than runs are followed.
    TooFar(u64),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkError::NotALink => f.write_str("this is no link to a run"),
            LinkError::Version(version) => write!(
                f,
                "the link is of version {version}, and only version {VERSION} can be read here: it was made \
                 by a newer Terrarium"
            ),
            LinkError::Damaged => {
                f.write_str("the link is damaged: characters are missing or changed; copy it again, whole")
            }
            LinkError::TooLarge => write!(f, "the link holds more than {LINK_MAX_BYTES} bytes"),
            LinkError::Content(what) => write!(f, "the link says something unknown here: {what}"),
            LinkError::NoSuchScenario(id) => write!(f, "no scenario of the gallery is called '{id}'"),
            LinkError::Scenario(error) => write!(f, "the link's scenario cannot be used: {error}"),
            LinkError::TooFar(step) => write!(f, "the link leads to step {step}; {STEP_MAX} is the furthest"),
        }
    }
}

impl std::error::Error for LinkError {}

impl Linked {
    /// The scenario itself.
    ///
    /// # Errors
    /// When the gallery has none of that id, or the text is wrong.
    pub fn scenario(&self) -> Result<Scenario, LinkError> {
        let read = match self {
            Linked::Text(text) => Scenario::parse(text),
            Linked::Gallery(id) => gallery(id).ok_or_else(|| LinkError::NoSuchScenario(id.clone()))?,
        };
        read.map_err(LinkError::Scenario)
    }
}

impl Link {
    /// The text that goes behind the `#`.
    ///
    /// # Errors
    /// When it would be too large, or could not be read again.
    pub fn encode(&self) -> Result<String, LinkError> {
        self.check()?;
        pack(self)
    }

    /// Reads what is behind the `#`, with or without it.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn decode(text: &str) -> Result<Link, LinkError> {
        let text = text.trim();
        let link: Link = unpack(text.strip_prefix('#').unwrap_or(text))?;
        link.check()?;
        Ok(link)
    }

    fn check(&self) -> Result<(), LinkError> {
        self.scenario.scenario()?;
        if self.step > STEP_MAX {
            return Err(LinkError::TooFar(self.step));
        }
        let mut last = 0;
        for journaled in &self.journal {
            if journaled.step <= last {
                return Err(LinkError::Content("its commands are not in order".into()));
            }
            last = journaled.step;
        }
        if last > STEP_MAX { Err(LinkError::TooFar(last)) } else { Ok(()) }
    }
}

/// A value as a link's text.
pub(super) fn pack(value: &impl Serialize) -> Result<String, LinkError> {
    let json = serde_json::to_vec(value).map_err(|error| LinkError::Content(error.to_string()))?;
    if json.len() > LINK_MAX_BYTES {
        return Err(LinkError::TooLarge);
    }
    let mut bytes = crate::base::crc32c(&json).to_be_bytes().to_vec();
    bytes.extend(miniz_oxide::deflate::compress_to_vec(&json, 9));
    Ok(format!("{VERSION}-{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// The value of a link's text.
pub(super) fn unpack<T: DeserializeOwned>(text: &str) -> Result<T, LinkError> {
    if text.len() > LINK_MAX_BYTES {
        return Err(LinkError::TooLarge);
    }
    let (version, body) = text.split_once('-').ok_or(LinkError::NotALink)?;
    let is_version = (1..=9).contains(&version.len()) && version.bytes().all(|b| b.is_ascii_digit());
    if !is_version {
        return Err(LinkError::NotALink);
    }
    if version != VERSION {
        return Err(LinkError::Version(version.to_owned()));
    }
    let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| LinkError::Damaged)?;
    let (crc, deflated) = bytes.split_first_chunk::<4>().ok_or(LinkError::Damaged)?;
    let json =
        miniz_oxide::inflate::decompress_to_vec_with_limit(deflated, LINK_MAX_BYTES).map_err(|error| {
            match error.status {
                miniz_oxide::inflate::TINFLStatus::HasMoreOutput => LinkError::TooLarge,
                _ => LinkError::Damaged,
            }
        })?;
    if crate::base::crc32c(&json) != u32::from_be_bytes(*crc) {
        return Err(LinkError::Damaged);
    }
    let json = std::str::from_utf8(&json).map_err(|error| LinkError::Content(error.to_string()))?;
    json::read(json).map_err(|error| LinkError::Content(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Rng, SimTime};
    use crate::sim::Command;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn links() -> Vec<Link> {
        let journaled = |step, command| Journaled { step, at: SimTime(step * 10), command };
        let kill = Command::Kill { node: "broker-1".into() };
        let send = Command::Send {
            producer: "p".into(),
            topic: "test-topic".into(),
            partition: Some(1),
            key: Some("ключ".into()),
            value: None,
            headers: vec![("h".into(), "1".into())],
        };
        let gallery = Link {
            scenario: Linked::Gallery("hello".into()),
            seed: Some(u64::MAX),
            journal: vec![journaled(3, kill), journaled(90, send)],
            step: 4_000,
        };
        let text = Link {
            scenario: Linked::Text(r#"{"title": "mine"}"#.into()),
            seed: None,
            journal: Vec::new(),
            step: 0,
        };
        vec![gallery, text]
    }

    #[test]
    fn what_was_written_is_read() {
        for link in links() {
            let text = link.encode().unwrap_or_else(|error| panic!("{error}"));
            assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)), "{text}");
            assert_eq!(Link::decode(&format!("#{text}")), Ok(link));
        }
    }

    #[test]
    fn a_short_run_is_a_short_link() {
        let [link, _] = links().try_into().unwrap_or_else(|_| panic!("two links"));
        let length = link.encode().map(|text| text.len());
        assert!(length.as_ref().is_ok_and(|length| *length < 400), "{length:?}");
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let check = |text: &str, expected: &str| {
            let said = Link::decode(text).map_err(|error| error.to_string());
            assert!(matches!(&said, Err(error) if error.contains(expected)), "{text}: {said:?}");
        };
        let whole = links()[0].encode().unwrap_or_default();
        check("", "no link to a run");
        check("settings", "no link to a run");
        check("2-abcd", "version 2");
        check("1-", "damaged");
        check("1-ab!d", "damaged");
        check(&whole[..whole.len() - 3], "damaged");
        check(&format!("1-{}", "A".repeat(LINK_MAX_BYTES)), "more than");
        let made = |json: &str| {
            let mut bytes = crate::base::crc32c(json.as_bytes()).to_be_bytes().to_vec();
            bytes.extend(miniz_oxide::deflate::compress_to_vec(json.as_bytes(), 9));
            format!("1-{}", URL_SAFE_NO_PAD.encode(bytes))
        };
        check(&made(&" ".repeat(LINK_MAX_BYTES + 1)), "more than");
        check(&made("{}"), "missing field `scenario`");
        check(&made(r#"{"scenario": {"gallery": "helo"}}"#), "no scenario of the gallery is called 'helo'");
        check(&made(r#"{"scenario": {"text": "{}"}}"#), "missing field `title`");
        check(&made(r#"{"scenario": {"gallery": "hello"}, "step": 99999999999}"#), "leads to step");
        let twice = r#"{"step": 1, "at": 0, "command": {"do": "kill", "node": "x"}}"#;
        let json = format!(r#"{{"scenario": {{"gallery": "hello"}}, "journal": [{twice}, {twice}]}}"#);
        check(&made(&json), "not in order");
    }

    #[test]
    fn broken_links_end_in_words() {
        let whole: Vec<String> = links().iter().filter_map(|link| link.encode().ok()).collect();
        let mut rng = Rng::stream(7, "links");
        for _ in 0..3_000 {
            let mut bytes = whole[rng.below(2) as usize].clone().into_bytes();
            for _ in 0..=rng.below(3) {
                let at = rng.below(bytes.len() as u64) as usize;
                match rng.below(3) {
                    0 => bytes[at] = b'!' + rng.below(90) as u8,
                    1 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, b'A' + rng.below(26) as u8),
                }
            }
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Ok(link) = Link::decode(&text) {
                assert!(links().contains(&link), "{text} reads as something else");
            }
        }
    }

    #[test]
    fn noise_is_no_link() {
        let mut rng = Rng::stream(8, "noise");
        for _ in 0..3_000 {
            let noise: Vec<u8> = (0..rng.below(200)).map(|_| rng.below(256) as u8).collect();
            assert!(Link::decode(&String::from_utf8_lossy(&noise)).is_err());
            // Deflated noise with a right checksum would be luck; with a wrong one it is damage.
            assert!(Link::decode(&format!("1-{}", URL_SAFE_NO_PAD.encode(&noise))).is_err());
        }
    }
}
