//! `auto.offset.reset`: where to begin without a valid committed offset (KIP-1106).

use std::borrow::Cow;
use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `auto.offset.reset`, as files write it: `earliest`, `latest`, `none` or `by_duration:PT1H`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OffsetReset {
    /// The first record that there is.
    Earliest,
    /// Only records yet to come.
    #[default]
    Latest,
    /// Nowhere: fail.
    None,
    /// The first record that is not older than so many milliseconds; if there is none, only
    /// records yet to come.
    ByDuration(u64),
}

const BY_DURATION: &str = "by_duration:";

impl OffsetReset {
    /// What it is called in a config; `None` for anything else.
    pub fn parse(text: &str) -> Option<OffsetReset> {
        match text {
            "earliest" => Some(OffsetReset::Earliest),
            "latest" => Some(OffsetReset::Latest),
            "none" => Some(OffsetReset::None),
            _ => duration_ms(text.strip_prefix(BY_DURATION)?).map(OffsetReset::ByDuration),
        }
    }
}

/// Milliseconds of an ISO 8601 duration of days, hours, minutes and seconds: `P1DT2H30M0.5S`.
fn duration_ms(text: &str) -> Option<u64> {
    let (date, time) = match text.strip_prefix('P')?.split_once('T') {
        Some((date, time)) if !time.is_empty() => (date, time),
        Some(_) => return None,
        None => (text.strip_prefix('P')?, ""),
    };
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let days = sum_of(date, &[('D', 86_400_000)])?;
    days.checked_add(sum_of(time, &[('H', 3_600_000), ('M', 60_000), ('S', 1_000)])?)
}

/// The sum of numbers with units, the units in this order and each at most once.
fn sum_of(text: &str, units: &[(char, u64)]) -> Option<u64> {
    let (mut rest, mut sum) = (text, 0_u64);
    for &(unit, ms) in units {
        let Some((number, behind)) = rest.split_once(unit) else { continue };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let thousandths = match fraction {
            "" if !number.contains('.') => 0,
            _ if unit != 'S' => return None,
            digits => thousandths(digits)?,
        };
        let is_number = !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit());
        let whole: u64 = whole.parse().ok().filter(|_| is_number)?;
        sum = sum.checked_add(whole.checked_mul(ms)?)?.checked_add(thousandths)?;
        rest = behind;
    }
    rest.is_empty().then_some(sum)
}

/// Of the digits behind a point, what is at least a thousandth.
fn thousandths(digits: &str) -> Option<u64> {
    if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.bytes().chain(*b"000").take(3).try_fold(0, |sum, digit| Some(sum * 10 + u64::from(digit - b'0')))
}

impl fmt::Display for OffsetReset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OffsetReset::Earliest => f.write_str("earliest"),
            OffsetReset::Latest => f.write_str("latest"),
            OffsetReset::None => f.write_str("none"),
            OffsetReset::ByDuration(ms) if ms % 1_000 == 0 => write!(f, "{BY_DURATION}PT{}S", ms / 1_000),
            OffsetReset::ByDuration(ms) => write!(f, "{BY_DURATION}PT{}.{:03}S", ms / 1_000, ms % 1_000),
        }
    }
}

impl Serialize for OffsetReset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OffsetReset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OffsetReset, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        OffsetReset::parse(&text).ok_or_else(|| {
            let known = "`earliest`, `latest`, `none` or `by_duration:` with a duration such as `PT1H30M`";
            D::Error::custom(format!("unknown offset reset `{text}`, expected {known}"))
        })
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl schemars::JsonSchema for OffsetReset {
    fn schema_name() -> Cow<'static, str> {
        "OffsetReset".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Where to begin: at the first record, at the end, nowhere, or at what is not older than a duration.",
            "anyOf": [
                { "enum": ["earliest", "latest", "none"] },
                { "type": "string", "pattern": "^by_duration:P" },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn check(text: &str, expected: Option<OffsetReset>) {
        assert_eq!(OffsetReset::parse(text), expected, "{text}");
        if let Some(reset) = expected {
            assert_eq!(OffsetReset::parse(&reset.to_string()), expected, "{reset}");
        }
    }

    #[test]
    fn the_names_are_kafkas() {
        check("earliest", Some(OffsetReset::Earliest));
        check("latest", Some(OffsetReset::Latest));
        check("none", Some(OffsetReset::None));
        check("Latest", None);
        check("", None);
    }

    #[test]
    fn durations_are_isos() {
        for (text, ms) in [
            ("PT0S", 0),
            ("PT1.5S", 1_500),
            ("PT0.0019S", 1),
            ("PT1H30M", 5_400_000),
            ("P2D", 172_800_000),
            ("P1DT1H1M1S", 90_061_000),
        ] {
            check(&format!("by_duration:{text}"), Some(OffsetReset::ByDuration(ms)));
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "P",
            "PT",
            "P1DT",
            "1H",
            "PT1",
            "PT1M1H",
            "PT-1S",
            "PT+1S",
            "PT1.5M",
            "PT1.S",
            "PT.5S",
            "P1H",
            "PT99999999999999999999S",
            "P999999999999999D",
        ] {
            check(&format!("by_duration:{text}"), None);
        }
    }
}
