//! From JSON to a question, with the place of whatever is wrong.

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map as Object, Value};

use super::{QUESTION_MAX_PARTITIONS, Question, QuestionError};
use crate::assignor::{Assignment, Member, Topic, Topics};
use crate::base::Set;
use crate::protocol::TopicPartition;

type Outcome<T> = Result<T, QuestionError>;

/// JSON in which no object has a member twice.
pub(super) struct Unique(Value);

/// What serde_json says, with the place in front.
pub(super) fn syntax(error: &serde_json::Error) -> QuestionError {
    let (place, text) = (format!("line {} column {}", error.line(), error.column()), error.to_string());
    let problem = text.strip_suffix(&format!(" at {place}")).unwrap_or(&text).to_owned();
    QuestionError { place, problem }
}

pub(super) fn question(Unique(value): Unique) -> Outcome<Question> {
    let known = ["topics", "members", "left"];
    let object = fields(&value, "the question", &known)?;
    let topics = topics(required(object, "the question", "topics")?)?;
    let members = self::object(required(object, "the question", "members")?, "members")?;
    let members = members.iter().map(|(id, value)| member(id, value, &format!("members.{id}")));
    Ok(Question {
        topics,
        members: members.collect::<Outcome<_>>()?,
        left: match object.get("left") {
            Some(value) => left(value)?,
            None => Assignment::new(),
        },
    })
}

fn topics(value: &Value) -> Outcome<Topics> {
    let mut topics = Topics::new();
    let mut left = QUESTION_MAX_PARTITIONS;
    for (name, value) in object(value, "topics")? {
        let path = format!("topics.{name}");
        let topic = topic(value, &path)?;
        left = left.checked_sub(topic.partitions).filter(|left| *left >= 0).ok_or_else(|| {
            wrong(&path, format!("more than {QUESTION_MAX_PARTITIONS} partitions in all are too many"))
        })?;
        topics.insert(name.as_str().into(), topic);
    }
    Ok(topics)
}

fn topic(value: &Value, path: &str) -> Outcome<Topic> {
    if !value.is_object() {
        let expected = "a number of partitions, or {\"partitions\": 3, \"racks\": [[\"a\"], …]}";
        return Ok(Topic::new(whole(value, path, 0, expected)?));
    }
    let object = fields(value, path, &["partitions", "racks"])?;
    let partitions = required(object, path, "partitions")?;
    let partitions = whole(partitions, &format!("{path}.partitions"), 0, "a number of partitions")?;
    let path = format!("{path}.racks");
    let racks = match object.get("racks") {
        None => Vec::new(),
        Some(value) => list(value, &path, "a list of lists of racks")?
            .enumerate()
            .map(|(n, racks)| strings(racks, &format!("{path}[{n}]")))
            .collect::<Outcome<Vec<Vec<_>>>>()?,
    };
    if !racks.is_empty() && racks.len() != usize::try_from(partitions).unwrap_or(0) {
        return Err(wrong(&path, format!("has {} entries for {partitions} partitions", racks.len())));
    }
    Ok(Topic { partitions, racks })
}

fn member(id: &str, value: &Value, path: &str) -> Outcome<Member> {
    let object = fields(value, path, &["topics", "owned", "generation", "instance", "rack"])?;
    let topics: Set<Arc<str>> = strings(required(object, path, "topics")?, &format!("{path}.topics"))?;
    let string = |name: &str| match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => string(value, &format!("{path}.{name}")).map(Some),
    };
    Ok(Member {
        group_instance_id: string("instance")?,
        rack: string("rack")?,
        owned: match object.get("owned") {
            Some(value) => owned(value, &format!("{path}.owned"))?,
            None => Vec::new(),
        },
        generation: match object.get("generation") {
            Some(value) => whole(value, &format!("{path}.generation"), -1, "a generation from -1")?,
            None => -1,
        },
        ..Member::new(id, topics)
    })
}

fn left(value: &Value) -> Outcome<Assignment> {
    let members = object(value, "left")?.iter();
    members.map(|(id, value)| Ok((id.as_str().into(), owned(value, &format!("left.{id}"))?))).collect()
}

fn owned(value: &Value, path: &str) -> Outcome<Vec<TopicPartition>> {
    let mut owned = Vec::new();
    for (topic, numbers) in object(value, path)? {
        let (path, topic) = (format!("{path}.{topic}"), Arc::<str>::from(topic.as_str()));
        for (n, number) in list(numbers, &path, "a list of partitions")?.enumerate() {
            let number = whole(number, &format!("{path}[{n}]"), 0, "the number of a partition")?;
            owned.push(TopicPartition { topic: topic.clone(), partition: number });
        }
    }
    Ok(owned)
}

fn object<'a>(value: &'a Value, path: &str) -> Outcome<&'a Object<String, Value>> {
    value.as_object().ok_or_else(|| expected(path, "an object", value))
}

fn fields<'a>(value: &'a Value, path: &str, known: &[&str]) -> Outcome<&'a Object<String, Value>> {
    let object = object(value, path)?;
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(wrong(path, format!("{key:?} is not known; there are {}", known.join(", ")))),
        None => Ok(object),
    }
}

fn required<'a>(object: &'a Object<String, Value>, path: &str, name: &str) -> Outcome<&'a Value> {
    object.get(name).ok_or_else(|| wrong(path, format!("{name:?} is missing")))
}

fn list<'a>(value: &'a Value, path: &str, what: &str) -> Outcome<std::slice::Iter<'a, Value>> {
    value.as_array().map(|list| list.iter()).ok_or_else(|| expected(path, what, value))
}

fn strings<C: FromIterator<Arc<str>>>(value: &Value, path: &str) -> Outcome<C> {
    let list = list(value, path, "a list of names")?.enumerate();
    list.map(|(n, value)| string(value, &format!("{path}[{n}]"))).collect()
}

fn string(value: &Value, path: &str) -> Outcome<Arc<str>> {
    value.as_str().map(Arc::from).ok_or_else(|| expected(path, "a string", value))
}

fn whole(value: &Value, path: &str, least: i32, what: &str) -> Outcome<i32> {
    let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
    number.filter(|number| *number >= least).ok_or_else(|| expected(path, what, value))
}

fn expected(path: &str, what: &str, value: &Value) -> QuestionError {
    let mut found: String = value.to_string().chars().take(40).collect();
    if found.len() < value.to_string().len() {
        found.push('…');
    }
    wrong(path, format!("expected {what}, found {found}"))
}

fn wrong(path: &str, problem: String) -> QuestionError {
    QuestionError { place: path.to_owned(), problem }
}

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Unique, D::Error> {
        deserializer.deserialize_any(UniqueVisitor)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Unique;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Unique, E> {
        Ok(Unique(Value::Null))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Unique, E> {
        Ok(Unique(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Unique, E> {
        Ok(Unique(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Unique, E> {
        Ok(Unique(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Unique, E> {
        Ok(Unique(value.into()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Unique, E> {
        Ok(Unique(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Unique, A::Error> {
        let mut list = Vec::new();
        while let Some(Unique(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Unique(Value::Array(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Unique, A::Error> {
        let mut object = Object::new();
        while let Some((name, Unique(value))) = members.next_entry::<String, Unique>()? {
            if object.insert(name.clone(), value).is_some() {
                return Err(A::Error::custom(format_args!("{name:?} is there twice")));
            }
        }
        Ok(Unique(Value::Object(object)))
    }
}
