//! JSON as it is written, and reading types from it, with the path to what is wrong.
//!
//! `serde_json` reads the text. That types are read from a tree rather than from the text has two
//! reasons: an error knows its path without a wrapper around every type's reader, and there is
//! one such reader for each type, which is half of what the page would have to load otherwise.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, Unexpected, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

use crate::scenario::{Path, Segment};

/// A value. Objects keep their members' order, and members of one name.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// What is wrong with a value, and where it is.
#[derive(Debug)]
pub(super) struct Misfit {
    message: String,
    /// From the value to the root.
    path: Vec<Segment>,
}

/// Reads a type from JSON text.
///
/// # Errors
/// What `serde_json` says of text that is no JSON, else what the type says.
pub(super) fn read<T: de::DeserializeOwned>(text: &str) -> Result<T, ReadError> {
    let json: Json = serde_json::from_str(text).map_err(ReadError::Syntax)?;
    T::deserialize(&json).map_err(ReadError::Misfit)
}

/// Why text could not be read.
#[derive(Debug)]
pub(super) enum ReadError {
    Syntax(serde_json::Error),
    Misfit(Misfit),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Syntax(error) => error.fmt(f),
            ReadError::Misfit(misfit) if misfit.path.is_empty() => misfit.fmt(f),
            ReadError::Misfit(misfit) => write!(f, "{}: {misfit}", misfit.path()),
        }
    }
}

impl Json {
    /// The member of this name, taken out of an object.
    pub(super) fn take(&mut self, name: &str) -> Option<Json> {
        let Json::Object(members) = self else { return None };
        let place = members.iter().position(|(key, _)| key == name)?;
        Some(members.remove(place).1)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        matches!(self, Json::Object(members) if members.iter().any(|(key, _)| key == name))
    }

    /// What it is, in serde's words.
    pub(super) fn unexpected(&self) -> Unexpected<'_> {
        match self {
            Json::Null => Unexpected::Unit,
            Json::Bool(value) => Unexpected::Bool(*value),
            Json::Unsigned(value) => Unexpected::Unsigned(*value),
            Json::Signed(value) => Unexpected::Signed(*value),
            Json::Float(value) => Unexpected::Float(*value),
            Json::Text(value) => Unexpected::Str(value),
            Json::List(_) => Unexpected::Seq,
            Json::Object(_) => Unexpected::Map,
        }
    }
}

impl Misfit {
    /// The way from the root to the value.
    pub(super) fn path(&self) -> Path {
        Path(self.path.iter().rev().cloned().collect())
    }

    /// A member that is there twice is told of when its name has been read, by its type's reader.
    fn of_duplicate(self) -> Misfit {
        let name = self.message.strip_prefix("duplicate field `").and_then(|rest| rest.strip_suffix('`'));
        match name.map(str::to_owned) {
            Some(name) if self.path.is_empty() => self.below(Segment::Key(name)),
            _ => self,
        }
    }

    fn below(mut self, segment: Segment) -> Misfit {
        self.path.push(segment);
        self
    }
}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(message: T) -> Misfit {
        Misfit { message: message.to_string(), path: Vec::new() }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Misfit {}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Json, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Json;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Null)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
                Ok(Json::Bool(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
                Ok(Json::Unsigned(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
                Ok(Json::Signed(value))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
                Ok(Json::Float(value))
            }
            fn visit_str<E>(self, value: &str) -> Result<Json, E> {
                Ok(Json::Text(value.to_owned()))
            }
            fn visit_string<E>(self, value: String) -> Result<Json, E> {
                Ok(Json::Text(value))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    values.push(value);
                }
                Ok(Json::List(values))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Json::Object(members))
            }
        }
        from.deserialize_any(Any)
    }
}

impl<'de> Deserializer<'de> for &'de Json {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self {
            Json::Null => visitor.visit_unit(),
            Json::Bool(value) => visitor.visit_bool(*value),
            Json::Unsigned(value) => visitor.visit_u64(*value),
            Json::Signed(value) => visitor.visit_i64(*value),
            Json::Float(value) => visitor.visit_f64(*value),
            Json::Text(value) => visitor.visit_borrowed_str(value),
            Json::List(values) => visitor.visit_seq(Values { rest: values.iter(), number: 0 }),
            Json::Object(members) => {
                let read = visitor.visit_map(Members { rest: members.iter(), last: None });
                read.map_err(Misfit::of_duplicate)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self {
            Json::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self {
            Json::Text(name) => visitor.visit_enum(Variant { name, value: Contents(None) }),
            Json::Object(members) => match members.as_slice() {
                [(name, value)] => visitor.visit_enum(Variant { name, value: Contents(Some(value)) }),
                _ => Err(de::Error::invalid_value(Unexpected::Map, &"an object with one member")),
            },
            _ => Err(de::Error::invalid_type(self.unexpected(), &"a text or an object with one member")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq
        tuple tuple_struct map struct identifier ignored_any
    }
}

struct Values<'de> {
    rest: std::slice::Iter<'de, Json>,
    number: u64,
}

impl<'de> de::SeqAccess<'de> for Values<'de> {
    type Error = Misfit;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Misfit> {
        let Some(value) = self.rest.next() else { return Ok(None) };
        self.number += 1;
        seed.deserialize(value).map(Some).map_err(|misfit| misfit.below(Segment::Index(self.number - 1)))
    }
}

struct Members<'de> {
    rest: std::slice::Iter<'de, (String, Json)>,
    last: Option<&'de (String, Json)>,
}

impl<'de> de::MapAccess<'de> for Members<'de> {
    type Error = Misfit;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Misfit> {
        self.last = self.rest.next();
        let Some((name, _)) = self.last else { return Ok(None) };
        let found = seed.deserialize(name.as_str().into_deserializer());
        found.map(Some).map_err(|misfit: Misfit| misfit.below(Segment::Key(name.clone())))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Misfit> {
        match self.last.take() {
            Some((name, value)) => {
                seed.deserialize(value).map_err(|misfit| misfit.below(Segment::Key(name.clone())))
            }
            None => Err(de::Error::custom("a value was asked for without its name")),
        }
    }
}

struct Variant<'de> {
    name: &'de str,
    value: Contents<'de>,
}

/// What a variant holds.
struct Contents<'de>(Option<&'de Json>);

impl<'de> de::EnumAccess<'de> for Variant<'de> {
    type Error = Misfit;
    type Variant = Contents<'de>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Contents<'de>), Misfit> {
        Ok((seed.deserialize(self.name.into_deserializer())?, self.value))
    }
}

impl<'de> de::VariantAccess<'de> for Contents<'de> {
    type Error = Misfit;

    fn unit_variant(self) -> Result<(), Misfit> {
        self.0.map_or(Ok(()), Deserialize::deserialize)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Misfit> {
        seed.deserialize(self.0.unwrap_or(&Json::Null))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Misfit> {
        self.0.unwrap_or(&Json::Null).deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.0.unwrap_or(&Json::Null).deserialize_any(visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Map;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        small: u8,
        #[serde(default)]
        list: Vec<Choice>,
        #[serde(default)]
        named: Map<String, Option<f64>>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Choice {
        Plain,
        One(i64),
        Two(String, bool),
        Full { text: String },
    }

    fn check_misfit(text: &str, said: &str) {
        let error = read::<Sample>(text).expect_err(text);
        assert_eq!(error.to_string(), said);
    }

    #[test]
    fn types_are_read() {
        let text = r#"{"small": 255, "list": ["plain", {"one": -7}, {"two": ["x", true]}, {"full": {"text": "y"}}],
            "named": {"half": 0.5, "none": null, "whole": 3}}"#;
        let list = vec![
            Choice::Plain,
            Choice::One(-7),
            Choice::Two("x".to_owned(), true),
            Choice::Full { text: "y".to_owned() },
        ];
        let named = [("half", Some(0.5)), ("none", None), ("whole", Some(3.0))];
        let named = named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        assert_eq!(read::<Sample>(text).ok(), Some(Sample { small: 255, list, named }));
    }

    #[test]
    fn what_does_not_fit_is_named_with_its_path() {
        check_misfit(r#"{"small": 256}"#, "small: invalid value: integer `256`, expected u8");
        check_misfit(r#"{"small": "1"}"#, "small: invalid type: string \"1\", expected u8");
        check_misfit(r#"{}"#, "missing field `small`");
        check_misfit(r#"{"small": 1, "small": 2}"#, "small: duplicate field `small`");
        check_misfit(
            r#"{"smal": 1}"#,
            "smal: unknown field `smal`, expected one of `small`, `list`, `named`",
        );
        check_misfit(
            r#"{"small": 1, "list": ["plain", {"full": {"text": 1}}]}"#,
            "list[1].text: invalid type: integer `1`, expected a string",
        );
        check_misfit(
            r#"{"small": 1, "named": {"x": true}}"#,
            "named.x: invalid type: boolean `true`, expected f64",
        );
        check_misfit(r#"{"small": 1"#, "EOF while parsing an object at line 1 column 11");
    }
}
