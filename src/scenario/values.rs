//! Values that a scenario file may write in more than one way.

use std::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::base::Map;

/// A config's value: a text, a number, or true or false.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Setting {
    /// `"compact"`
    Text(String),
    /// `42`
    Number(i64),
    /// `true`
    Flag(bool),
}

/// Configs by Kafka's names. No name may come twice.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Settings(pub Map<String, Setting>);

/// A group's consumers: how many, or their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Members {
    /// So many, named after the group: `dashboards-1`, `dashboards-2`.
    Count(u32),
    /// These.
    Names(Vec<String>),
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Setting::Text(text) => f.write_str(text),
            Setting::Number(number) => number.fmt(f),
            Setting::Flag(flag) => flag.fmt(f),
        }
    }
}

impl Settings {
    /// Names and values as text.
    pub fn texts(&self) -> Map<String, String> {
        self.0.iter().map(|(name, value)| (name.clone(), value.to_string())).collect()
    }
}

impl Members {
    /// The names of the members of `group`.
    pub fn names(&self, group: &str) -> Vec<String> {
        match self {
            Members::Count(count) => (1..=*count).map(|number| format!("{group}-{number}")).collect(),
            Members::Names(names) => names.clone(),
        }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        match self {
            Members::Count(count) => u64::from(*count),
            Members::Names(names) => names.len() as u64,
        }
    }
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Setting, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Setting;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a config's value: a text, a whole number, true or false")
            }
            fn visit_bool<E: Error>(self, flag: bool) -> Result<Setting, E> {
                Ok(Setting::Flag(flag))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Setting, E> {
                Ok(Setting::Number(number))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Setting, E> {
                i64::try_from(number)
                    .map(Setting::Number)
                    .map_err(|_| E::custom(format!("{number} is too large for a config")))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Setting, E> {
                Ok(Setting::Text(text.to_owned()))
            }
        }
        from.deserialize_any(Any)
    }
}

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Settings, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Settings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("configs: an object of names and values")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Settings, A::Error> {
                unique(&mut map).map(Settings)
            }
        }
        from.deserialize_map(Map)
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Members, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("how many consumers, or a list of their names")
            }
            fn visit_u64<E: Error>(self, count: u64) -> Result<Members, E> {
                u32::try_from(count)
                    .map(Members::Count)
                    .map_err(|_| E::custom(format!("{count} are too many consumers")))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Members, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = list.next_element()? {
                    names.push(name);
                }
                Ok(Members::Names(names))
            }
        }
        from.deserialize_any(Any)
    }
}

/// A map in which no name comes twice: JSON would let the last one win, unsaid.
pub(super) fn unique<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    map: &mut A,
) -> Result<Map<String, T>, A::Error> {
    let mut all = Map::new();
    while let Some(name) = map.next_key::<String>()? {
        if all.contains_key(&name) {
            return Err(A::Error::custom(format!("`{name}` is given twice")));
        }
        all.insert(name, map.next_value()?);
    }
    Ok(all)
}
