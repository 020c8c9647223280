//! A group as JSON, to ask an assignor about:
//!
//! ```json
//! {"topics": {"t0": 3}, "members": {"C0": {"topics": ["t0"], "owned": {"t0": [0]}}}}
//! ```
//!
//! A topic is its number of partitions, or `{"partitions": 3, "racks": [["a", "b"], …]}` with the
//! racks of each partition's replicas. A member may have a `generation`, an `instance` (its
//! `group.instance.id`) and a `rack`. `left` has members that are gone and what they owned, for
//! explanations.

mod json;

use std::fmt;

use serde_json::{Map as Object, Value};

use super::{Assignment, Assignor, Explanation, Member, Topics, explain};
use crate::base::Map;

/// More partitions than this, all topics together, are not handed out for a question.
pub const QUESTION_MAX_PARTITIONS: i32 = 1_000_000;

/// A group of which somebody wants to know who gets what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The topics that there are.
    pub topics: Topics,
    /// Who asks for partitions.
    pub members: Vec<Member>,
    /// What members owned that have left.
    pub left: Assignment,
}

/// What is wrong with a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuestionError {
    /// A line and column, or the path to a field as `members.C0.generation`.
    pub place: String,
    /// What is wrong there.
    pub problem: String,
}

impl Question {
    /// Reads one question.
    ///
    /// # Errors
    ///
    /// Says at which line and column the text is no JSON, or which field is wrong and why.
    pub fn parse(text: &str) -> Result<Question, QuestionError> {
        let value = serde_json::from_str(text).map_err(|error| json::syntax(&error))?;
        json::question(value)
    }

    /// Reads questions that stand one after another. What is no JSON ends them.
    pub fn parse_all(text: &str) -> impl Iterator<Item = Result<Question, QuestionError>> {
        let values = serde_json::Deserializer::from_str(text).into_iter::<json::Unique>();
        values.map(|value| json::question(value.map_err(|error| json::syntax(&error))?))
    }

    /// Who gets what.
    pub fn answer(&self, assignor: Assignor) -> Assignment {
        assignor.assign(&self.topics, &self.members)
    }

    /// Why the answer is as it is, compared with what members own and owned.
    pub fn explain(&self, assignor: Assignor, answer: &Assignment) -> Vec<Explanation> {
        let mut before = self.left.clone();
        for member in &self.members {
            before.insert(member.member_id.clone(), member.owned.clone());
        }
        explain(assignor, &self.topics, &self.members, &before, answer)
    }
}

/// An assignment as JSON: `{"C0":{"t0":[0,1]},"C1":{}}`.
pub fn to_json(assignment: &Assignment) -> String {
    let mut members = Object::new();
    for (member, partitions) in assignment {
        let mut topics: Map<&str, Vec<i32>> = Map::new();
        for at in partitions {
            topics.entry(&*at.topic).or_default().push(at.partition);
        }
        let sorted = topics.into_iter().map(|(topic, mut numbers)| {
            numbers.sort_unstable();
            (topic.to_owned(), Value::from(numbers))
        });
        members.insert(member.to_string(), Value::Object(sorted.collect()));
    }
    Value::Object(members).to_string()
}

impl fmt::Display for QuestionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

impl std::error::Error for QuestionError {}

#[cfg(test)]
#[path = "question/question_test.rs"]
mod tests;
